"""Ligands ranked among their like: class, size, resolution."""

import numpy as np
import pytest

from qscore import ligandranks, tables
from qscore.ligandranks import adjusted, rank

KEYS = ("class", "n_atoms", "dq_site", "resolution", "entry")


def survey(seed, *, entries=150, mean=8, law="normal", planted=0.0, by=8.0):
    """Ligands, glycans, ions and waters of made-up entries; which are planted low."""
    rng = np.random.default_rng(seed)
    resolution = np.round(rng.uniform(1.8, 5.0, entries), 1)
    entry = np.repeat(np.arange(entries), rng.geometric(1 / mean, entries))
    m = len(entry)
    noise = {
        "normal": lambda: rng.normal(size=m),
        "skewed": lambda: -(rng.gamma(2, 1, m) - 2) / np.sqrt(2),
        "t4": lambda: rng.standard_t(4, m) / np.sqrt(2),
    }[law]()
    bad = rng.uniform(size=m) < planted
    kind = rng.choice(ligandranks.CLASSES, m)
    single = np.isin(kind, ["ion", "water"])
    scale = 0.03 + 0.02 * resolution[entry]
    dq = -0.02 * resolution[entry] + scale * (noise - by * bad)
    n_atoms = np.where(single, 1, rng.choice([7, 14, 30], m))
    return dict(zip(KEYS, (kind, n_atoms, dq, resolution[entry], entry), strict=True)), bad


def literal(ligands, k):
    """Percentile and p of one ligand among its like by counting; None when too few (no entry has over 50)."""
    size = np.searchsorted([5, 10, 20, 40], ligands["n_atoms"])
    near = np.abs(ligands["resolution"] / ligands["resolution"][k] - 1) <= 0.15 + 1e-12
    like = near & (ligands["class"] == ligands["class"][k])
    for among in (like & (size == size[k]), like):
        if among.sum() >= 50 and len(set(ligands["entry"][among].tolist())) >= 10:
            dq, own = ligands["dq_site"][among], ligands["dq_site"][k]
            rank_p = (1 + np.sum(dq <= own)) / (len(dq) + 1)
            return np.mean(dq < own), rank_p, np.median(dq), np.quantile(dq, 0.05)
    return None


@pytest.mark.parametrize(("seed", "entries"), [(1, 150), (2, 40), (3, 60), (4, 8)])
def test_the_literal_twin(seed, entries):
    ligands, _ = survey(seed, entries=entries)
    found = rank(ligands)
    for k in range(len(ligands["dq_site"])):
        told = literal(ligands, k)
        if told is None:
            assert np.isnan([found.percentile[k], found.p[k], found.usual[k]]).all()
            assert found.reference[k] == "too few alike in this survey"
            continue
        percentile, p, usual, fifth = told
        assert found.percentile[k] == pytest.approx(percentile, abs=1e-12)
        assert found.usual[k] == pytest.approx(usual, abs=1e-12)
        if ligands["dq_site"][k] >= fifth:
            assert found.p[k] == pytest.approx(max(p, 0.05), abs=1e-12)
        else:
            assert 0 < found.p[k] < 0.05
    assert np.isfinite(found.p).any() == (entries > 8)


def test_what_the_reference_is_called():
    ligands, _ = survey(5, entries=600)
    names = set(rank(ligands).reference.tolist())
    assert {"ligand of 6–10 atoms", "glycan of 11–20 atoms", "ligand of 21–40 atoms", "ion", "water"} <= names


def test_p_falls_with_dq_and_never_to_nothing():
    ligands, _ = survey(6, planted=0.02)
    found = rank(ligands)
    mine = np.flatnonzero((ligands["class"] == "water") & (ligands["resolution"] == 3.0))
    mine = mine[np.argsort(ligands["dq_site"][mine])]
    assert (np.diff(found.p[mine]) >= 0).all() and (np.diff(found.percentile[mine]) >= 0).all()
    out = found.p[np.isfinite(found.p)] < 0.05
    assert 0.02 < out.mean() < 0.08 and np.nanmin(found.p) > 0


def test_what_is_not_known_is_left_empty():
    ligands, _ = survey(7)
    whole = rank(ligands)
    ligands["dq_site"][0], ligands["resolution"][1] = np.nan, np.nan
    found = rank(ligands)
    assert np.isnan(found.percentile[:2]).all() and np.isnan(found.p[:2]).all()
    assert found.reference[:2].tolist() == ["", "no resolution"]
    assert np.isfinite(found.p[2:]).sum() == np.isfinite(whole.p[2:]).sum()


def test_the_order_of_rows_does_not_matter():
    ligands, _ = survey(8)
    turn = np.random.default_rng(9).permutation(len(ligands["dq_site"]))
    found, again = rank(ligands), rank({key: values[turn] for key, values in ligands.items()})
    for name in ("percentile", "p", "usual"):
        np.testing.assert_allclose(getattr(again, name), getattr(found, name)[turn], rtol=1e-12)
    assert again.reference.tolist() == found.reference[turn].tolist()


def test_the_waters_of_one_map_are_not_the_archives():
    """One entry with 5,000 waters far below the others' moves their percentiles by little."""
    rng = np.random.default_rng(10)
    entry = np.concatenate([np.repeat(np.arange(60), 20), np.full(5000, 60)])
    dq = rng.normal(size=len(entry)) - 5.0 * (entry == 60)
    n = len(entry)
    water = {"class": np.full(n, "water"), "n_atoms": np.ones(n, int), "dq_site": dq}
    found = rank(water | {"resolution": np.full(n, 2.0), "entry": entry})
    usual = np.median(found.percentile[entry < 60])
    assert usual == pytest.approx((50 + 600) / 1250, abs=0.03)


@pytest.mark.parametrize("law", ["normal", "skewed", "t4"])
def test_clean_surveys(law):
    """Two families at 5 %: 12 surveys with flags in more than 4 would be one case in 300 at the nominal rate."""
    hits = []
    for seed in range(12):
        ligands, _ = survey(seed, law=law, entries=200)
        hits.append((adjusted(ligands["class"], rank(ligands).p) <= 0.05).any())
    assert sum(hits) <= 4


@pytest.mark.parametrize(("law", "least"), [("normal", 0.5), ("skewed", 0.2)])
def test_planted_ones(law, least):
    """The bound on the tail costs power where the law is skewed; what is flagged is what was planted."""
    rows = []
    for seed in range(5):
        ligands, bad = survey(seed, planted=0.005, law=law, by=12.0, entries=500)
        hit = adjusted(ligands["class"], rank(ligands).p) <= 0.05
        rows.append(((hit & bad).sum(), (hit & ~bad).sum(), bad.sum()))
    found, false, planted = np.array(rows).sum(axis=0)
    assert found >= least * planted
    assert false <= 0.1 * (found + false)


def test_the_tail_is_that_of_t4():
    """Far out p falls as the fourth power of the distance, however light the tail of the ligands is."""
    ligands, _ = survey(14, entries=400)
    mine = np.flatnonzero(ligands["class"] == "water")[:2]
    p = []
    for by in (100.0, 1000.0):
        ligands["dq_site"][mine[0]] = -by
        p.append(rank(ligands).p[mine[0]])
    assert p[0] / p[1] == pytest.approx(1e4, rel=0.05)


def test_waters_are_adjusted_by_themselves():
    kind = np.array(["water"] * 1000 + ["ligand", "ion"])
    p = np.concatenate([np.full(1000, 0.5), [0.001, np.nan]])
    found = adjusted(kind, p)
    assert found[1000] == pytest.approx(0.001) and np.isnan(found[1001])
    assert (found[:1000] == 0.5).all()
    assert len(adjusted(np.empty(0, "U6"), np.empty(0))) == 0


# ---- the stage ----


def written(folder, ligands, parts=3):
    """The tables of a survey, the ligands in several row groups."""
    m = len(ligands["dq_site"])
    names = np.array([f"EMD-{n:04d}" for n in ligands["entry"]], dtype=str)
    table = {
        "emdb_id": names, "pdb_id": np.array([f"p{n}" for n in ligands["entry"]], dtype=str), "class": ligands["class"],
        "component": np.full(m, "XYZ"), "chain": np.full(m, "A"), "number": np.arange(m).astype(str),
        "icode": np.full(m, ""), "altloc": np.full(m, ""), "occupancy": np.ones(m), "n_atoms": ligands["n_atoms"],
        "n_scored": ligands["n_atoms"], "q_04": 0.5 + ligands["dq_site"], "site_q": np.full(m, 0.5),
        "n_site": np.full(m, 20), "dq_site": ligands["dq_site"],
    }  # fmt: skip
    pieces = []
    for number, rows in enumerate(np.array_split(np.arange(m), parts)):
        pieces.append(folder / f"part{number}.parquet")
        tables.write_parquet(pieces[-1], tables.LIGANDS, {name: values[rows] for name, values in table.items()})
    tables.concatenate(folder / "ligands.parquet", pieces, layout=tables.LIGANDS)
    first = np.unique(ligands["entry"], return_index=True)[1]
    rows = [
        {"emdb_id": names[k], "pdb_id": table["pdb_id"][k], "resolution": float(ligands["resolution"][k])}
        for k in first
    ]
    tables.write_parquet(folder / "entries.parquet", tables.ENTRIES, tables.as_columns(tables.ENTRIES, rows))
    return folder / "ligands.parquet", folder / "entries.parquet"


def test_the_stage_from_tables_to_tables(tmp_path):
    ligands, bad = survey(11, entries=400, planted=0.005, by=40.0)
    regions = ligandranks.write(*written(tmp_path, ligands), tmp_path / "out" / "ranked.parquet")
    found = tables.read_parquet(tmp_path / "out" / "ranked.parquet", layout=tables.RANKED)
    ranks = rank(ligands)
    np.testing.assert_array_equal(np.array(found["percentile"], float), ranks.percentile)
    np.testing.assert_array_equal(np.array(found["p"], float), ranks.p)
    assert found["reference"] == ranks.reference.tolist()
    assert found["resolution"] == ligands["resolution"].tolist()
    hit = np.flatnonzero(np.array(found["p_adjusted"], float) <= 0.05)
    assert len(hit) and [row["from"] for row in regions] == [str(k) for k in hit]
    assert set(np.flatnonzero(bad)) & set(hit)
    for k, row in zip(hit, regions, strict=True):
        assert list(tables.as_columns(tables.REGIONS, [row])) == tables.REGIONS.names
        assert set(row) == set(tables.REGIONS.names)
        assert row["kind"] == ligands["class"][k] and row["to"] == row["from"] and row["length"] == 1
        assert row["expected"] == pytest.approx(0.5 + ranks.usual[k])
        assert row["mean_q"] < row["expected"]
    tables.write_tsv(tmp_path / "regions.tsv", tables.REGIONS, tables.as_columns(tables.REGIONS, regions))


def test_a_survey_without_ligands(tmp_path):
    ligands, _ = survey(12, entries=3)
    files = written(tmp_path, {key: values[:0] for key, values in ligands.items()}, parts=1)
    assert ligandranks.write(*files, tmp_path / "ranked.parquet") == []
    assert tables.read_rows(tmp_path / "ranked.parquet", layout=tables.RANKED) == []


def test_a_small_survey_says_so(tmp_path):
    ligands, _ = survey(13, entries=4)
    assert ligandranks.write(*written(tmp_path, ligands), tmp_path / "ranked.parquet") == []
    rows = tables.read_rows(tmp_path / "ranked.parquet", layout=tables.RANKED)
    assert {row["reference"] for row in rows} == {"too few alike in this survey"}
    assert {row["percentile"] for row in rows} == {row["p_adjusted"] for row in rows} == {None}
