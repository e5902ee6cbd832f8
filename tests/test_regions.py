"""Regions of chains: residues, copies, null → rows."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from qscore import chains, copies, offsets, regions, scannull, tables

NONE = offsets.Offsets(())


def chain(rng, name, n=150, *, bad=(), depth=0.3, first=1, kind="protein", names=None):
    """Residues of a chain whose Q is 0.5 ± 0.1, less `depth` at the positions `bad`."""
    q = rng.normal(0.5, 0.1, n)
    q[list(bad)] -= depth
    if names is None:
        names = np.array(["ALA", "GLU", "LEU", "LYS", "SER"])[np.random.default_rng(n).integers(0, 5, n)]
    return {
        "chain": np.full(n, name, object),
        "number": np.array([str(k) for k in range(first, first + n)], object),
        "icode": np.full(n, "", object),
        "residue": np.asarray(names, object),
        "class": np.full(n, kind, object),
        "q_04": q,
    }


def pair(*parts, ids=("EMD-1", "1abc")):
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    n = len(columns["q_04"])
    return {"emdb_id": np.full(n, ids[0], object), "pdb_id": np.full(n, ids[1], object)} | columns


def found_in(residues, *, symmetric=False, expected=0.5):
    ids = {(str(e), str(p)) for e, p in zip(residues["emdb_id"], residues["pdb_id"], strict=True)}
    return regions.find_regions(residues, {one: regions.Entry(3.0, expected, symmetric) for one in ids}, NONE)


# ---- one pair ----


def test_planted_domain_is_found():
    rng = np.random.default_rng(1)
    residues = pair(chain(rng, "A", bad=range(60, 90), first=11), chain(rng, "B", 120))
    (row,) = found_in(residues)
    assert (row["chain"], row["kind"], row["pooled"]) == ("A", "chain region", "")
    assert int(row["from"]) == pytest.approx(71, abs=2) and int(row["to"]) == pytest.approx(100, abs=2)
    assert row["length"] == int(row["to"]) - int(row["from"]) + 1
    assert row["mean_q"] == pytest.approx(0.2, abs=0.05) and row["expected"] == 0.5
    assert row["z_within"] == pytest.approx(-3, abs=0.7)
    assert row["p"] <= row["p_adjusted"] <= 0.05
    assert "simulated" in row["reference"]


def test_a_row_says_what_the_residues_say():
    """Means over the window of what the view tells, and what the p rests on."""
    residues = pair(chain(np.random.default_rng(1), "A", bad=range(60, 90), first=11))
    (row,) = found_in(residues)
    window = slice(int(row["from"]) - 11, int(row["to"]) - 10)
    view = chains.residue_view(residues, {("EMD-1", "1abc"): chains.Entry(3.0, 0.5, False)}, NONE)
    assert (row["emdb_id"], row["pdb_id"], row["n_tested"]) == ("EMD-1", "1abc", 1)
    assert row["mean_q"] == pytest.approx(residues["q_04"][window].mean())
    for name in ("expected", "z_within", "z_archive"):
        assert row[name] == pytest.approx(view[name][window].mean(), nan_ok=True)
    assert row["p_adjusted"] == row["p"]
    assert row["reference"] == f"{scannull.shipped().reference}; p adjusted over 1 chain"


def test_a_null_of_the_class_is_used_where_it_is_given():
    residues, entry = pair(chain(np.random.default_rng(1), "A", bad=range(60, 90))), regions.Entry(3.0, 0.5, False)
    shipped = scannull.shipped()
    for kind, told in (("protein", "mine"), ("rna", shipped.reference)):
        own = replace(shipped, kind=np.full(len(shipped), kind), reference="mine")
        (row,) = regions.find_regions(residues, {("EMD-1", "1abc"): entry}, NONE, own)
        assert row["reference"] == f"{told}; p adjusted over 1 chain"


def test_several_regions_of_a_chain_worst_first():
    """A second window is held to the same bar; rows of equal entries are in order of their ids."""
    one = chain(np.random.default_rng(31), "A", 400, bad=[*range(40, 60), *range(200, 216)], depth=0.4)
    parts = [pair(one, ids=ids) for ids in (("EMD-2", "1abc"), ("EMD-1", "2abc"), ("EMD-1", "1abc"))]
    rows = found_in({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    assert [(row["emdb_id"], row["pdb_id"]) for row in rows[:3]] == [
        ("EMD-1", "1abc"), ("EMD-1", "2abc"), ("EMD-2", "1abc"),
    ]  # fmt: skip
    assert [row["p"] for row in rows] == sorted(row["p"] for row in rows) and len(rows) == 6
    assert [int(row["from"]) for row in rows] == pytest.approx([201] * 3 + [41] * 3, abs=2)
    assert [int(row["to"]) for row in rows] == pytest.approx([216] * 3 + [60] * 3, abs=2)
    assert all(row["p"] <= row["p_adjusted"] <= 0.05 and row["n_tested"] == 3 for row in rows)


def test_homogeneous_pairs_have_none():
    rng = np.random.default_rng(2)
    parts = [pair(chain(rng, "A"), chain(rng, "B", 90), ids=(f"EMD-{k}", "1abc")) for k in range(12)]
    assert found_in({name: np.concatenate([part[name] for part in parts]) for name in parts[0]}) == []


@pytest.mark.parametrize(("seed", "first", "end"), [(20, 63, 178), (21, 0, 116), (22, 40, 156)])
def test_a_domain_of_most_of_its_chain(seed, first, end):
    """65 % of a chain of 178, and 44 % of the entry, or all the entry has."""
    rng = np.random.default_rng(seed)
    one = chain(rng, "A", 178, bad=range(first, end), depth=0.4)
    for parts in ([one, chain(rng, "B", 82)], [one]):
        (row,) = found_in(pair(*parts))
        assert int(row["from"]) == pytest.approx(first + 1, abs=5) and int(row["to"]) == pytest.approx(end, abs=5)


def test_homogeneous_chains_have_none_at_any_level():
    """Low or high as a whole, and noisier or quieter: no run of them is worse than the rest."""
    rng = np.random.default_rng(23)
    for level, noise in ((0.0, 1.0), (-0.3, 1.0), (0.3, 1.0), (0.0, 0.2), (0.0, 3.0)):
        one = chain(rng, "A", 178)
        assert found_in(pair(one | {"q_04": 0.5 + level + noise * (one["q_04"] - 0.5)})) == []


def test_unscored_chains_are_no_trouble():
    """Chains without any scored residue are not tested, and do not warn."""
    rng = np.random.default_rng(24)
    dead = chain(rng, "B", 60)
    dead["q_04"][:] = np.nan
    (row,) = found_in(pair(chain(rng, "A", bad=range(60, 90)), dead, chain(rng, "C", 90)))
    assert row["chain"] == "A"
    assert found_in(pair(dead)) == []


def test_gaps_insertion_codes_and_unscored_residues():
    rng = np.random.default_rng(3)
    residues = pair(chain(rng, "A", bad=range(60, 80)))
    residues["number"][70:] = [str(int(number) + 40) for number in residues["number"][70:]]
    residues["number"][60], residues["icode"][60] = "60", "B"
    residues["q_04"][[65, 66]] = np.nan
    residues["class"][148:] = "water"
    residues["q_04"][148:] = -1
    (row,) = found_in(residues)
    assert (row["from"], row["to"], row["length"]) == ("60B", "120", 20)
    assert np.isfinite(row["mean_q"])


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_short_chains(n):
    rng = np.random.default_rng(n)
    assert found_in(pair(chain(rng, "A", n), chain(rng, "B", 100))) == []


def test_pairs_without_an_entry_are_left_out():
    assert regions.find_regions(pair(chain(np.random.default_rng(4), "A")), {}, NONE) == []


def test_offsets_take_the_type_off():
    """A run of acidic residues is as low as they are elsewhere."""
    rng = np.random.default_rng(5)
    names = np.array(["ALA"] * 150, object)
    names[60:75] = "GLU"
    residues = pair(chain(rng, "A", bad=range(60, 75), names=names))
    low = {"part": "all", "resolution_low": 3.0, "resolution_high": 3.5, "sd": 0.1, "n_residues": 1, "n_entries": 1}
    known = offsets.Offsets(({"residue": "GLU", "offset": -0.3} | low,))
    assert len(found_in(residues)) == 1
    assert regions.find_regions(residues, {("EMD-1", "1abc"): regions.Entry(3.0, 0.5)}, known) == []


def test_view():
    rng = np.random.default_rng(6)
    residues = pair(chain(rng, "A", 200), chain(rng, "W", 3, kind="water"))
    low = {"part": "all", "resolution_low": 3.0, "resolution_high": 3.5, "n_residues": 1, "n_entries": 1}
    known = offsets.Offsets(({"residue": "any", "offset": 0.02, "sd": 0.1} | low,))
    view = chains.residue_view(residues, {("EMD-1", "1abc"): regions.Entry(3.0, 0.6)}, known)
    assert (view["expected"][:200] == 0.62).all() and np.isnan(view["expected"][200:]).all()
    assert view["z_archive"][:200] == pytest.approx((residues["q_04"][:200] - 0.62) / 0.1)
    assert np.median(view["z_within"][:200]) == pytest.approx(0, abs=1e-9)


# ---- copies ----


def copy_of(part, name, q):
    return part | {"chain": np.full(len(q), name, object), "q_04": q}


def test_copies_of_a_c1_map_are_pooled():
    """Four noisy copies of one bad loop: none stands out by itself, together they do."""
    rng = np.random.default_rng(7)
    parts = [chain(rng, name, bad=range(70, 78), depth=0.14) for name in "ABCD"]
    (row,) = found_in(pair(*parts))
    assert row["pooled"] == "A B C D" and row["chain"] == "A"
    assert int(row["from"]) == pytest.approx(71, abs=3) and int(row["to"]) == pytest.approx(78, abs=3)
    alone = [found_in(pair(part)) for part in parts]
    assert [] in alone


def test_symmetric_copies_count_once():
    rng = np.random.default_rng(8)
    one = chain(rng, "A", bad=range(70, 90), depth=0.25)
    parts = [copy_of(one, name, one["q_04"] + rng.normal(0, 0.005, 150)) for name in "ABCD"]
    (four,), (single,) = found_in(pair(*parts), symmetric=True), found_in(pair(one))
    assert four["pooled"] == "A B C D"
    assert [row["pooled"] for row in found_in(pair(*parts[:2]), symmetric=True)] == ["A B"]
    assert (four["from"], four["to"]) == (single["from"], single["to"])
    assert four["p"] == pytest.approx(single["p"], rel=0.2) and four["mean_q"] == pytest.approx(
        single["mean_q"], abs=0.01
    )


@pytest.mark.parametrize("r", [0.0, 0.4, 1.0])
def test_effective_number(r):
    rng = np.random.default_rng(9)
    shared = rng.normal(size=4000)
    z = np.sqrt(r) * shared + np.sqrt(1 - r) * rng.normal(size=(5, 4000))
    assert copies.effective(z, symmetric=False) == pytest.approx(5 / (1 + 4 * r), rel=0.1)
    assert copies.effective(z[:1], symmetric=False) == 1
    assert copies.effective(np.full((3, 20), np.nan), symmetric=False) == 1
    assert copies.effective(z, symmetric=True) == (1 if r == 1 else pytest.approx(5 / (1 + 4 * r), rel=0.1))


def test_who_is_a_copy():
    rng = np.random.default_rng(10)
    one = chain(rng, "A", 100)
    short = {name: column[:92] for name, column in copy_of(one, "B", one["q_04"]).items()}
    shorter = {name: column[:80] for name, column in copy_of(one, "C", one["q_04"]).items()}
    shifted = chain(rng, "D", 100, first=500)
    residues = pair(short, one, shorter, shifted)
    groups = copies.copies(residues, np.arange(len(residues["q_04"])))
    names = [[str(residues["chain"][members[members >= 0][0]]) for members in group] for group in groups]
    assert sorted(names) == [["A", "B"], ["C"], ["D"]]
    both = groups[[sorted(one) for one in names].index(["A", "B"])]
    assert both.shape == (2, 100) and (both[1, 92:] == -1).all() and (both[1, :92] == np.arange(92)).all()
    assert copies.copies(residues, np.empty(0, int)) == []


def copies_literal(residues, rows):
    """By the words of `copies.copies`, with sets."""
    known = {}
    for row in rows:
        chain_ = tuple(residues[name][row] for name in ("emdb_id", "pdb_id", "chain", "class"))
        known.setdefault(chain_, {}).setdefault(tuple(residues[name][row] for name in RESIDUE), row)
    groups = []
    for chain_, own in sorted(known.items(), key=lambda one: (-len(one[1]), min(one[1].values()))):
        for first, leader, group in groups:
            alike = len(own.keys() & leader.keys()) >= 0.9 * len(leader)
            if alike and (first[:2], first[3]) == (chain_[:2], chain_[3]):
                group.append([own.get(residue, -1) for residue in leader])
                break
        else:
            groups.append((chain_, own, [list(own.values())]))
    return sorted((group for _, _, group in groups), key=lambda group: group[0][0])


RESIDUE = ("number", "icode", "residue")


@pytest.mark.parametrize("seed", range(8))
def test_copies_of_many_pairs_by_their_words(seed):
    """Chains in pieces, residues told twice, a chain of two classes, residues missing; pairs alike."""
    rng = np.random.default_rng(seed)
    parts = []
    for k in range(3):
        mother = chain(rng, "A", 40)
        for name in "ABCDEF":
            keep = np.sort(rng.choice(40, int(rng.integers(33, 41)), replace=False))
            one = {key: column[keep] for key, column in copy_of(mother, name, mother["q_04"]).items()}
            if rng.random() < 0.3:
                one["number"][int(rng.integers(len(keep)))] = one["number"][0]
            one["class"][len(keep) - int(rng.integers(0, 9)) :] = "nucleic"
            half = int(rng.integers(5, 30))
            parts += [pair({key: column[part] for key, column in one.items()}, ids=(f"EMD-{k}", "1abc"))
                      for part in (slice(half), slice(half, None))]  # fmt: skip
        rng.shuffle(last := parts[-12:])
        parts[-12:] = last
    residues = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    rows = np.flatnonzero(rng.random(len(residues["q_04"])) < 0.99)
    found = [group.tolist() for group in copies.copies(residues, rows)]
    assert found == copies_literal(residues, rows.tolist())


# ---- significance ----


def test_adjusted_is_benjamini_hochberg():
    from scipy.stats import false_discovery_control

    p = np.random.default_rng(11).uniform(size=40) ** 2
    assert regions.adjusted(p, p) == pytest.approx(false_discovery_control(p))
    between = np.sort(p)[9:11].mean()
    assert regions.adjusted(np.sort(p)[9], p) <= regions.adjusted(between, p) <= regions.adjusted(np.sort(p)[10], p)


def test_adjusted_by_hand():
    """m p / k beside the values of the list, no more than the next one of it has; what is not known is no test."""
    among = np.array([0.5, 0.02, np.nan, 0.01, 0.02])
    found = regions.adjusted([0.001, 0.01, 0.02, 0.3, 0.9], among)
    assert found == pytest.approx([0.004, 0.08 / 3, 0.08 / 3, 0.4, 0.9])
    assert regions.adjusted([0.03], np.array([0.04])) == pytest.approx([0.03])


def scanned(**columns):
    """Columns of `features` of as many chains as are given, the rest of each 0."""
    n = len(next(iter(columns.values())))
    blank = {name: np.zeros(n) for name in scannull.COLUMNS[1:]} | {"kind": np.full(n, "protein")}
    return blank | {name: np.array(values) for name, values in columns.items()}


def test_a_null_of_the_unflagged_chains_that_were_scanned():
    columns = scanned(maximum=[1.0, np.nan, 2.0, 3.0], length=[10.0, 20.0, 30.0, 40.0])
    null = regions.build_null(columns, np.array([True, True, False, True]))
    assert (null.maximum.tolist(), null.length.tolist()) == ([1, 3], [10, 40])
    assert null.reference == "this survey's chains"


def test_a_null_of_ones_own_needs_enough_chains_of_the_class():
    def own(n):
        return scannull.ScanNull(**scanned(maximum=np.ones(n + 50), kind=["protein"] * n + ["rna"] * 50))

    enough, few = own(scannull.FEWEST), own(scannull.FEWEST - 1)
    assert regions.null_for("protein", enough) is enough
    for kind, null in (("protein", few), ("rna", enough), ("protein", None)):
        assert len(regions.null_for(kind, null)) == len(scannull.shipped())


def test_p_of_each_class_by_its_null():
    """Where nothing was scanned, or no null serves, nothing is told."""

    class Null:
        def __init__(self, factor):
            self.factor = factor

        def p(self, chains, kind):
            assert set(chains) == set(scannull.COLUMNS[1:])
            return self.factor * chains["maximum"] + chains["length"]

    columns = scanned(maximum=[1.0, 2.0, np.nan, 4.0], length=[0.5, 0, 0, 0], kind=["rna", "protein", "rna", "dna"])
    found = regions.p_values(columns, {"rna": Null(10), "protein": Null(100)})
    np.testing.assert_array_equal(found, [10.5, 200, np.nan, np.nan])


def test_cutoff():
    p = np.array([0.001, 0.01, 0.04, 0.5, np.nan])
    assert regions.cutoff(p) == pytest.approx(0.05 * 2 / 4)
    assert regions.cutoff(np.array([0.5, np.nan])) == 0 and regions.cutoff(np.empty(0)) == 0
    assert regions.cutoff(np.array([0.05])) == 0.05 and regions.cutoff(np.array([0.5]), level=0.5) == 0.5


# ---- a survey ----


def survey_files(folder, batches):
    """residues.parquet of batches, each a list of pairs, and entries.parquet."""
    ids, parts = [], []
    for k, batch in enumerate(batches):
        columns = {name: np.concatenate([part[name] for part in batch]) for name in batch[0]}
        n = len(columns["q_04"])
        filled = {name: columns.get(name, [None] * n) for name in tables.RESIDUES.names}
        tables.write_parquet(folder / f"part{k}.parquet", tables.RESIDUES, filled)
        parts.append(folder / f"part{k}.parquet")
        ids += [(part["emdb_id"][0], part["pdb_id"][0]) for part in batch]
    tables.concatenate(folder / "residues.parquet", parts, layout=tables.RESIDUES)
    blank = dict.fromkeys(tables.ENTRIES.names) | {"status": "scored", "resolution": 3.0, "point_group": "C1"}
    rows = [blank | {"emdb_id": e, "pdb_id": p} for e, p in sorted(ids)]
    tables.write_parquet(folder / "entries.parquet", tables.ENTRIES, tables.as_columns(tables.ENTRIES, rows))
    judged = [
        dict.fromkeys(tables.OUTLIERS.names) | {"emdb_id": e, "pdb_id": p, "expected_q": 0.55, "flag": ""}
        for e, p in sorted(ids)
    ]
    judged[0]["flag"] = "low"
    tables.write_parquet(folder / "outliers.parquet", tables.OUTLIERS, tables.as_columns(tables.OUTLIERS, judged))


def entry_of(number, *, bad=()):
    rng = np.random.default_rng([12, number])
    n = int(rng.integers(60, 120))
    parts = (chain(rng, "A", 150 if bad else n, bad=bad), chain(rng, "B", n - 7))
    return pair(*parts, ids=(f"EMD-{number}", "1abc"))


def run(folder, batches):
    folder.mkdir()
    survey_files(folder, batches)
    files = (folder / name for name in ("residues.parquet", "entries.parquet", "outliers.parquet"))
    return regions.write(*files, None, folder / "regions").rows


def test_survey_by_the_shipped_null(tmp_path):
    planted = entry_of(3, bad=range(60, 90))
    rows = run(tmp_path / "one", [[entry_of(1), entry_of(2)], [planted, entry_of(4)]])
    assert [(row["emdb_id"], row["chain"]) for row in rows] == [("EMD-3", "A")]
    assert rows[0]["expected"] == pytest.approx(0.55, abs=0.1) and np.isfinite(rows[0]["z_archive"])
    summary = {row["emdb_id"]: row for row in tables.read_rows(tmp_path / "one" / "regions" / "entries.parquet")}
    polymer = planted["q_04"]
    inside = np.zeros(len(polymer), bool)
    inside[int(rows[0]["from"]) - 1 : int(rows[0]["to"])] = True
    assert summary["EMD-3"]["n_regions"] == 1
    assert summary["EMD-3"]["frac_in_regions"] == pytest.approx(inside.mean())
    assert summary["EMD-3"]["q_outside_regions"] == pytest.approx(polymer[~inside].mean())
    assert summary["EMD-1"]["n_regions"] == 0 and summary["EMD-1"]["frac_in_regions"] == 0
    assert len(tables.read_tsv(tmp_path / "one" / "regions" / "regions.tsv")) == 1
    null = scannull.read(tmp_path / "one" / "regions" / "scan_null.parquet")
    assert len(null) == 6  # the two chains of the flagged entry are no reference


def test_survey_by_its_own_null_and_order(tmp_path, monkeypatch):
    """The other way round, and each batch a row group, in the second."""
    every = [entry_of(k, bad=range(40, 60) if k in (5, 60) else ()) for k in range(110)]
    rows = run(tmp_path / "one", [every[:50], every[50:]])
    assert {row["emdb_id"] for row in rows} >= {"EMD-5", "EMD-60"} and len(rows) <= 4
    assert {row["reference"] for row in rows} == {f"{regions.SURVEY}; p adjusted over 220 chains"}
    monkeypatch.setattr(tables, "_GROUP", 1)
    other = run(tmp_path / "two", [every[50:], every[:50]])
    assert rows == other
    for name in ("regions.tsv", "regions.parquet", "entries.parquet", "scan_null.parquet"):
        one, two = (tmp_path / folder / "regions" / name for folder in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_any_number_of_processes(tmp_path, monkeypatch):
    """Each batch is a row group, so that every process has some."""
    monkeypatch.setattr(tables, "_GROUP", 1)
    folder = tmp_path / "survey"
    folder.mkdir()
    survey_files(
        folder, [[entry_of(2 * k, bad=range(40, 60) if k == 3 else ()), entry_of(2 * k + 1)] for k in range(9)]
    )
    files = [folder / name for name in ("residues.parquet", "entries.parquet", "outliers.parquet")]
    for jobs in (1, 2):
        assert len(regions.write(*files, None, tmp_path / str(jobs), jobs=jobs)) >= 1
    for path in (tmp_path / "1").iterdir():
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes()


def test_ligands_join_the_table(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    survey_files(folder, [[entry_of(1)]])
    ligand = dict.fromkeys(tables.REGIONS.names) | {"emdb_id": "EMD-1", "pdb_id": "1abc", "kind": "ligand", "length": 1}
    found = regions.write(folder / "residues.parquet", folder / "entries.parquet", None, None, folder, ligands=[ligand])
    assert (found.rows, found.n_tested, len(found)) == ([ligand], 2, 1)
    words = "2 chains tested, p adjusted over all: 0 regions less resolved than expected; 1 ligands, ions and waters"
    assert str(found) == words
    words = "1 chain tested, p adjusted over all: 1 region less resolved than expected; 0 ligands, ions and waters"
    assert str(regions.Survey([{"kind": regions.KIND}], 1)) == words
    words = (
        "1,234 chains tested, p adjusted over all: 2 regions less resolved than expected; 0 ligands, ions and waters"
    )
    assert str(regions.Survey([{"kind": regions.KIND}] * 2, 1234)) == words
    assert tables.read_tsv(folder / "regions.tsv")[0]["kind"] == "ligand"


def test_a_survey_by_the_offsets_of_a_fit_and_tables_of_old(tmp_path):
    """No offsets in the fit: what is expected is the entry's. No point group in the table: none is imposed.

    The region begins with the first residue of the table.
    """
    planted = entry_of(3, bad=range(30))
    survey_files(tmp_path, [[planted, entry_of(4)]])
    kept = [name for name in tables.ENTRIES.names if name != "point_group"]
    pq.write_table(pq.read_table(tmp_path / "entries.parquet", columns=kept), tmp_path / "old.parquet")
    files = tmp_path / "residues.parquet", tmp_path / "old.parquet", tmp_path / "outliers.parquet"
    tables.write_json(tmp_path / "fit.json", {"offsets": NONE.as_dict()})
    (row,) = regions.write(*files, tmp_path / "fit.json", tmp_path / "own").rows
    assert row["expected"] == pytest.approx(0.55, abs=1e-12) and row["from"] == "1"
    inside = tables.read_rows(tmp_path / "own" / "entries.parquet")[0]["frac_in_regions"]
    assert inside == pytest.approx(row["length"] / len(planted["q_04"]))
    (row,) = regions.write(*files, None, tmp_path / "shipped").rows
    assert row["expected"] != pytest.approx(0.55, abs=1e-3)
    tables.write_json(tmp_path / "fit.json", {})
    with pytest.raises(ValueError, match=r"fit\.json lacks offsets: fit again$"):
        regions.write(*files, tmp_path / "fit.json", tmp_path / "none")


def test_a_survey_without_chains(tmp_path):
    waters = pair(chain(np.random.default_rng(1), "W", 3, kind="water"))
    assert run(tmp_path / "one", [[waters]]) == []
    folder = tmp_path / "one" / "regions"
    assert tables.read_tsv(folder / "regions.tsv") == tables.read_rows(folder / "entries.parquet") == []
    assert len(scannull.read(folder / "scan_null.parquet")) == 0


def test_regions_of_pair():
    residues = chain(np.random.default_rng(13), "A", bad=range(60, 90))

    class Curve:
        @staticmethod
        def expected(resolution):
            return 0.2 * resolution

    (row,) = regions.regions_of_pair(residues, resolution=3.0, curve=Curve)
    assert int(row["from"]) == pytest.approx(61, abs=2) and row["expected"] == pytest.approx(0.6, abs=0.1)
    assert set(row) == {*tables.REGIONS.names, "n_tested"} and row["n_tested"] == 1
    assert row["reference"].endswith("; p adjusted over 1 chain")


def test_a_single_pair_without_a_curve_and_with_a_symmetry():
    """Copies that are set equal count once."""
    rng = np.random.default_rng(8)
    one = chain(rng, "A", bad=range(70, 90), depth=0.4)
    parts = [copy_of(one, name, one["q_04"] + rng.normal(0, 0.02, 150)) for name in "ABCD"]
    residues = {name: np.concatenate([part[name] for part in parts]) for name in one}
    p = {}
    for group in ("C4", "C1", None):
        (row,) = regions.regions_of_pair(residues, resolution=3.0, point_group=group)
        assert np.isnan([row["expected"], row["z_archive"]]).all() and row["pooled"] == "A B C D"
        assert (row["emdb_id"], row["pdb_id"]) == ("", "")
        entry = {("EMD-1", "1abc"): regions.Entry(3.0, np.nan, group == "C4")}
        (same,) = regions.find_regions(pair(*parts), entry, offsets.shipped())
        p[group] = row["p"]
        assert row["p"] == same["p"]
    assert p["C1"] == p[None] != p["C4"]


def test_what_regions_amount_to_in_each_pair():
    """Also where nothing lies beside them, or only one residue, or what does has no score; waters do not count."""
    pairs = {"EMD-1": [0.1, 0.2, 0.9, 0.7], "EMD-2": [0.1, 0.2], "EMD-3": [0.4, 0.6, np.nan], "EMD-4": [0.3, np.nan]}
    parts = []
    for name, q in pairs.items():
        part = chain(np.random.default_rng(1), "A", len(q), names=["ALA"] * len(q)) | {"q_04": np.array(q)}
        parts.append(pair(part, ids=(name, "1abc")))
    parts.append(pair(chain(np.random.default_rng(1), "W", 3, kind="water"), ids=("EMD-5", "1abc")))
    residues = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    inside = np.array([1, 1, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1], dtype=bool)
    rows = [{"emdb_id": name, "pdb_id": "1abc"} for name in ("EMD-1", "EMD-2", "EMD-1")]
    found = regions.summarise(residues, inside, rows)
    assert [list(row) for row in found] == [
        ["emdb_id", "pdb_id", "n_regions", "frac_in_regions", "q_outside_regions"]
    ] * 4
    assert [tuple(row.values())[:3] for row in found] == [
        ("EMD-1", "1abc", 2), ("EMD-2", "1abc", 1), ("EMD-3", "1abc", 0), ("EMD-4", "1abc", 0),
    ]  # fmt: skip
    assert [row["frac_in_regions"] for row in found] == pytest.approx([1 / 2, 1, 1 / 3, 1 / 2])
    outside = [row["q_outside_regions"] for row in found]
    assert outside == pytest.approx([0.8, np.nan, 0.6, np.nan], nan_ok=True)
    assert regions.summarise({name: column[-3:] for name, column in residues.items()}, inside[-3:], rows) == []
