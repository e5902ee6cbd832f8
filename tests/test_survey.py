"""Lines, the rule of the fit, subsets, flags: planted truth and every reason to leave an entry out."""

import numpy as np
import pytest

from qscore import fitting, survey, tables
from qscore.expected import MAPQ_2_9_7
from qscore.regression import fit_line
from qscore.selection import FitRule, why_not
from qscore.subsets import parse

RULE = FitRule()


def entry(n, resolution, q, **more):
    row = {
        "emdb_id": f"EMD-{n}", "pdb_id": f"own{n}", "status": "scored", "resolution": resolution, "q_mean": q,
        "voxel_x": 0.8, "voxel_y": 0.8, "voxel_z": 0.8, "tight_mask": False, "sample": "x",
    }  # fmt: skip
    return {name: None for name in tables.ENTRIES.names} | row | more


def written(tmp_path, rows):
    path = tmp_path / "entries.parquet"
    tables.write_parquet(path, tables.ENTRIES, tables.as_columns(tables.ENTRIES, rows))
    return path


def test_a_planted_line_is_recovered_exactly():
    x = np.linspace(1.5, 6, 20)
    line = fit_line(x, 1.1 - 0.17 * x)
    assert (line.slope, line.intercept, line.r_squared) == pytest.approx((-0.17, 1.1, 1.0))
    assert line.rmse < 1e-12


def test_standard_errors_hold():
    """The true slope lies within two standard errors in about 95 of 100 noisy surveys."""
    rng = np.random.default_rng(0)
    x = rng.uniform(1.5, 6, 60)
    lines = [fit_line(x, 1.1 - 0.17 * x + rng.normal(0, 0.05, 60)) for _ in range(400)]
    hits = np.mean([abs(line.slope + 0.17) < 2.0 * line.slope_se for line in lines])
    assert 0.92 <= hits <= 0.98
    assert np.mean([line.rmse for line in lines]) == pytest.approx(0.05, abs=0.003)


@pytest.mark.parametrize(("x", "y"), [([], []), ([3, 3, 3], [1, 2, 3]), ([1, 2], [1, 2])])
def test_no_line_through_nothing(x, y):
    with pytest.raises(ValueError, match="a line needs"):
        fit_line(x, y)


@pytest.mark.real
def test_the_archives_line(real_data):
    """MapQ's survey table, all rows: slope, intercept and R² to the digits known."""
    rows = np.genfromtxt(real_data / "mapq_survey_2025.csv", delimiter=",", names=True, usecols=("resolution", "q"))
    line = fit_line(rows["resolution"], rows["q"])
    assert (round(line.slope, 6), round(line.intercept, 6), round(line.r_squared, 5)) == (-0.092150, 0.752570, 0.59605)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"status": "unusable", "reason": "map_damaged"}, "map_damaged"),
        ({"resolution": 1.1}, "resolution outside 1.15–10 Å"),
        ({"resolution": 35.0}, "resolution outside 1.15–10 Å"),
        ({"resolution": 1.15, "voxel_x": 0.5, "voxel_y": 0.5, "voxel_z": 0.5}, ""),
        ({"resolution": 10.0}, ""),
        ({"method": "helical"}, "method helical"),
        ({"method": "singleParticle"}, ""),
        ({"resolution_method": "FSC 0.5 CUT-OFF"}, "resolution by FSC 0.5 CUT-OFF"),
        ({"resolution_method": "FSC 0.143 CUT-OFF"}, ""),
        ({"voxel_z": 1.7}, "resolution below 2 voxels"),
        ({"voxel_z": 1.6}, ""),
        ({"composite": True}, "composite map"),
        ({"tight_mask": True}, "tight mask"),
        ({"tight_mask": None, "composite": None}, ""),
        ({"resolution": None}, "no resolution"),
        ({"voxel_x": None, "voxel_y": None, "voxel_z": None}, ""),
        ({"voxel_x": None, "nyquist_ratio": 0.99}, "resolution below 2 voxels"),
        ({"voxel_x": None, "nyquist_ratio": 1.0}, ""),
        ({"nyquist_ratio": 0.5}, ""),
    ],
)
def test_who_enters_the_fit(change, why):
    assert why_not(entry(1, 3.2, 0.5) | change, RULE) == why


def test_an_empty_list_of_methods_or_criteria_takes_any():
    rule = FitRule(methods=(), criteria=())
    assert why_not(entry(1, 3.2, 0.5, method="helical", resolution_method="OTHER"), rule) == ""
    assert "singleParticle" in RULE.text() and "source tells" not in rule.text()


def test_the_rule_never_looks_at_q():
    rows = [entry(1, 3.2, q) for q in (0.5, -0.9, None)]
    assert {why_not(row, RULE) for row in rows} == {""}


def test_fit_overall_and_apoferritin(tmp_path):
    rows = [entry(n, r, 1.0 - 0.15 * r) for n, r in enumerate(np.linspace(2, 5, 12))]
    rows += [entry(100 + n, r, 1.1 - 0.18 * r, apoferritin="by name") for n, r in enumerate(np.linspace(2, 4, 8))]
    rows += [entry(200, 35.0, 0.07), entry(201, 3.0, 0.9, tight_mask=True)]
    found = fitting.fit(written(tmp_path, rows), RULE)
    apoferritin = found["fits"]["apoferritin"]["line"]
    assert (apoferritin["slope"], apoferritin["intercept"]) == pytest.approx((-0.18, 1.1))
    assert (found["fits"]["all"]["n"], found["fits"]["apoferritin"]["n"]) == (20, 8)
    assert found["left_out"] == {"resolution outside 1.15–10 Å": 1, "tight mask": 1}
    assert found["rule"] == RULE.text()


@pytest.mark.parametrize("n", [0, 1, 7])
def test_too_few_get_a_sentence(tmp_path, n):
    found = fitting.fit(written(tmp_path, [entry(k, 2.0 + k, 0.5) for k in range(n)]), RULE)["fits"]["all"]
    assert found["line"] is None
    assert found["sentence"].startswith("1 entry: too few" if n == 1 else f"{n} entries: too few")
    assert "published curve" in found["sentence"]


def test_one_resolution_is_no_line(tmp_path):
    found = fitting.fit(written(tmp_path, [entry(k, 2.3, 0.5) for k in range(9)]), RULE)["fits"]["all"]
    assert found["line"] is None
    assert found["sentence"].startswith("9 entries, all at 2.3 Å: no line")


def test_one_q_is_no_line(tmp_path):
    found = fitting.fit(written(tmp_path, [entry(k, 2.0 + k / 4, 0.5) for k in range(9)]), RULE)["fits"]["all"]
    assert found["line"] is None and found["sentence"] == "9 entries, all of Q 0.5: no line"


@pytest.mark.parametrize("wrong", [{"lowest": 5.0, "highest": 3.0}, {"highest": float("nan")}, {"fewest": 3}])
def test_a_rule_that_takes_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match=r"a fit takes a range|a line needs 8"):
        FitRule(**wrong)


@pytest.mark.real
def test_the_published_band_flags_at_its_rate(real_data):
    """MapQ's band on MapQ's rows: 621 below, 228 above of 10,188 (6.1 % and 2.2 %)."""
    from qscore.outliers import band_flag

    rows = np.genfromtxt(real_data / "mapq_survey_2025.csv", delimiter=",", names=True, usecols=("resolution", "q"))
    flags = [band_flag(q, *MAPQ_2_9_7.band(r)) for r, q in zip(rows["resolution"], rows["q"], strict=True)]
    assert (len(flags), flags.count("low"), flags.count("high")) == (10188, 621, 228)


def test_a_row_for_every_pair_and_a_pair_for_every_row():
    pairs = [{"emdb_id": "EMD-1", "pdb_id": "a"}, {"emdb_id": "EMD-2", "pdb_id": "b"}]
    scored = [{"emdb_id": "EMD-2", "pdb_id": "b", "q_mean": 2}, {"emdb_id": "EMD-1", "pdb_id": "a", "q_mean": 1}]
    assert [row["q_mean"] for row in survey.join(pairs, scored)] == [1, 2]
    with pytest.raises(ValueError, match="disagree"):
        survey.join(pairs, scored[:1])
    with pytest.raises(ValueError, match="disagree"):
        survey.join(pairs[:1], scored)
    with pytest.raises(ValueError, match="disagree"):
        survey.join(pairs, [*scored, scored[0]])


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({}, "the source does not tell which entries are apoferritin (list them as a subset)"),
        ({"sample": "ribosome"}, "0 entries: too few for a line"),
        ({"title": "a ribosome"}, "0 entries: too few for a line"),
        ({"uniprot": "P12345"}, "0 entries: too few for a line"),
        ({"apoferritin": "by hand"}, "1 entry: too few for a line"),
    ],
)
def test_nothing_told_is_not_no_apoferritin(tmp_path, told, sentence):
    rows = [entry(n, 2 + 0.1 * n, 0.5 - 0.01 * n, sample="") for n in range(9)]
    rows[3] |= told
    found = fitting.fit(written(tmp_path, rows), RULE)["fits"]["apoferritin"]
    assert found["sentence"].startswith(sentence) and found["line"] is None


def test_an_empty_survey_is_not_blamed_on_its_source(tmp_path):
    found = fitting.fit(written(tmp_path, []), RULE)["fits"]["apoferritin"]
    assert found["sentence"].startswith("0 entries: too few")


# ---- subsets ----


def test_each_subset_has_its_line_members_and_what_is_left_out(tmp_path):
    rows = [entry(n, r, 1.0 - 0.15 * r) for n, r in enumerate(np.linspace(2, 5, 12))]
    rows += [entry(50 + n, r, 0.9 - 0.12 * r, method="helical") for n, r in enumerate(np.linspace(2, 5, 9))]
    rows += [entry(70, 3.0, 0.2, method="helical", tight_mask=True), entry(71, 2.2, 0.67, apoferritin="UniProt P02794")]
    config = {"helical": {"method": "helical"}, "listed": {"ids": ["EMD-1", "EMD-999"]}}
    found = fitting.fit(written(tmp_path, rows), RULE, parse(config))["fits"]
    assert list(found) == ["all", "apoferritin", "helical", "listed"]
    helical, listed, apoferritin = (found[name] for name in ("helical", "listed", "apoferritin"))
    assert (helical["line"]["slope"], helical["line"]["intercept"]) == pytest.approx((-0.12, 0.9))
    assert (helical["n"], helical["n_members"], helical["left_out"]) == (9, 10, {"tight mask": 1})
    assert helical["rule"] == "method is helical" and "singleParticle" not in helical["fit_rule"]
    assert found["all"]["left_out"] == {"method helical": 10}
    assert listed["line"] is None and listed["ids_not_found"] == ["EMD-999"]
    (member,) = apoferritin["members"]
    assert (member["emdb_id"], member["reason"], member["left_out"]) == ("EMD-71", "UniProt P02794", "")
    assert [row["left_out"] for row in helical["members"]] == [""] * 9 + ["tight mask"]


def test_a_subset_may_ask_for_a_column_beside_the_layout(tmp_path):
    rows = [entry(n, 2 + 0.2 * n, 0.9 - 0.05 * n, emringer=0.6 + 0.01 * n) for n in range(12)]
    survey.write_entries(tmp_path, rows)
    found = fitting.fit(tmp_path / "entries.parquet", RULE, parse({"well": {"emringer": {"above": 0.655}}}))
    assert found["fits"]["well"]["n"] == 6
    with pytest.raises(ValueError, match="subset well: the table has no column emringer"):
        fitting.fit(written(tmp_path / "plain", rows), RULE, parse({"well": {"emringer": {"above": 0.655}}}))


APOFERRITIN_16 = (
    "11668/7a6a 11638/7a4m 11103/6z6u 24665/7rrp 11669/7a6b 22657/7k3v 22658/7k3w 11121/6z9e 11122/6z9f 10101/6s61 "
    "21951/6wx6 4905/6rjh 20521/6pxm 30084/6m54 30083/6m52 10205/6sht"
)


@pytest.mark.real
def test_apoferritin_of_the_archives_table(tmp_path, real_data):
    """16 rows by id among every twentieth other: slope, intercept, their errors and R² to the digits known."""
    chosen = {f"EMD-{one}" for one in APOFERRITIN_16.split()}
    table = tables.read_tsv(real_data / "mapq_survey_2025.csv")
    table = [row for n, row in enumerate(table) if n % 20 == 0 or f"{row['emdb_id']}/{row['pdb_id']}" in chosen]
    rows = [
        entry(0, float(row["resolution"]), float(row["q"]), emdb_id=row["emdb_id"], pdb_id=row["pdb_id"], voxel_x=None)
        for row in table
    ]
    config = {"apoferritin_16": {"ids": sorted(chosen)}}
    found = fitting.fit(written(tmp_path, rows), RULE, parse(config))["fits"]["apoferritin_16"]
    line = found["line"]
    assert (found["n"], found["n_members"], found["ids_not_found"]) == (16, 16, [])
    assert (round(line["slope"], 5), round(line["slope_se"], 5)) == (-0.18802, 0.00811)
    assert (round(line["intercept"], 5), round(line["intercept_se"], 5)) == (1.14694, 0.01468)
    assert round(line["r_squared"], 4) == 0.9746
    without = found["leave_one_out"]
    assert without["publications"] == without["unknown"] == 16
    assert without["slope"][0] < line["slope"] < without["slope"][1]


# ---- without one publication ----


def cited(n, publications):
    random = np.random.default_rng(4)
    x = random.uniform(2, 6, n)
    return [
        entry(k, r, 1.0 - 0.15 * r + random.normal(0, 0.05), cluster_pub=f"doi:10.1/{k % publications}")
        for k, r in enumerate(x.tolist())
    ]


def test_leaving_out_one_publication_is_refitting_without_it(tmp_path):
    rows = cited(30, 7)
    found = fitting.fit(written(tmp_path, rows), RULE)["fits"]["all"]
    refits = {}
    for name in {row["cluster_pub"] for row in rows}:
        rest = [row for row in rows if row["cluster_pub"] != name]
        refits[name] = fit_line([row["resolution"] for row in rest], [row["q_mean"] for row in rest])
    without = found["leave_one_out"]
    for key in ("slope", "rmse", "r_squared"):
        values = [getattr(line, key) for line in refits.values()]
        assert without[key] == pytest.approx([min(values), max(values)], abs=1e-10)
    most = max(refits, key=lambda name: abs(refits[name].slope - found["line"]["slope"]))
    assert (without["most"]["publication"], without["most"]["n"]) == (most, sum(r["cluster_pub"] == most for r in rows))
    assert without["most"]["slope"] == pytest.approx(refits[most].slope)
    assert (without["publications"], without["unknown"]) == (7, 0)
    assert without["sentence"].startswith("leaving out one publication at a time (7): slope −0.")
    assert (
        "moved most without " in without["sentence"]
        and most.partition(":")[2] in without["sentence"]
        and "-0." not in without["sentence"]
    )


def test_an_entry_without_publication_is_its_own(tmp_path):
    rows = [row | {"cluster_pub": None} for row in cited(12, 3)]
    without = fitting.fit(written(tmp_path, rows), RULE)["fits"]["all"]["leave_one_out"]
    assert without["publications"] == without["unknown"] == 12
    assert "one entry (publications are not known) at a time (12)" in without["sentence"]


def test_one_publication_cannot_be_left_out(tmp_path):
    without = fitting.fit(written(tmp_path, cited(12, 1)), RULE)["fits"]["all"]["leave_one_out"]
    assert without["slope"] is None and without["most"] is None
    assert without["sentence"] == "all 12 entries are of one publication: none can be left out"


def test_what_leaves_no_line_is_left_out_of_the_range(tmp_path):
    rows = [row | {"cluster_pub": "doi:most" if k < 10 else f"doi:{k}"} for k, row in enumerate(cited(12, 1))]
    without = fitting.fit(written(tmp_path, rows), RULE)["fits"]["all"]["leave_one_out"]
    assert without["publications"] == 3 and without["most"]["publication"] in ("doi:10", "doi:11")


# ---- the tables ----


def test_where_q_comes_from():
    maps, archive, table = (
        {"n_scored": n, "version": v} for n, v in ((9, "0.1"), (None, "published"), (None, "my.csv"))
    )
    told = [survey.score_source([entry(1, 3.0, 0.5, **more)]) for more in (maps, archive, table)]
    assert told == ["Q computed here from maps", "Q as published by the archive", "Q from table my.csv"]
    assert survey.score_source([]) == told[0]
    lacking = [entry(1, 3.0, None, status="unusable", reason=why) for why in ("not_published", "map_missing")]
    assert survey.score_source(lacking) == told[1] and survey.score_source(lacking[1:]) == told[0]


def test_aggregate_keeps_columns_beside_and_joins_published_q(tmp_path):
    beside = tables.Layout("beside", (tables.Column("emringer", "number", ""), tables.Column("lab", "text", "")))
    every = tables.Layout("pairs", tables.PAIRS.columns + beside.columns)
    pairs = [
        {"emdb_id": f"EMD-{n}", "pdb_id": "a", "emringer": 0.5 + n, "lab": None, "resolution": 3.0} for n in (1, 2)
    ]
    tables.write_parquet(tmp_path / "pairs.parquet", tables.PAIRS, tables.as_columns(every, pairs), beside=beside)
    scored = [{"emdb_id": pair["emdb_id"], "pdb_id": "a", "status": "scored", "q_mean": 0.4} for pair in pairs]
    tables.write_parquet(tmp_path / "b" / "entries.parquet", tables.SCORED, tables.as_columns(tables.SCORED, scored))
    for layout in tables.BESIDE_ENTRIES:
        tables.write_parquet(tmp_path / "b" / f"{layout.name}.parquet", layout, tables.as_columns(layout, []))
    published = [{"emdb_id": "EMD-2", "pdb_id": "a", "q_published": 0.41}, {"emdb_id": "EMD-3", "pdb_id": "a"}]
    columns = tables.as_columns(tables.PUBLISHED, published)
    tables.write_parquet(tmp_path / "published.parquet", tables.PUBLISHED, columns)
    more = {"published_file": tmp_path / "published.parquet"}
    survey.aggregate(tmp_path / "pairs.parquet", ["b"], tmp_path, tmp_path / "out", **more)
    rows = tables.read_rows(tmp_path / "out" / "entries.parquet")
    assert list(rows[0]) == [*tables.ENTRIES.names, "emringer", "lab"]
    assert [(row["q_mean"], row["q_published"], row["emringer"]) for row in rows] == [
        (0.4, None, 1.5),
        (0.4, 0.41, 2.5),
    ]
    assert tables.read_tsv(tmp_path / "out" / "entries.tsv")[1]["emringer"] == "2.5"


def test_tables_without_maps_are_fitted_and_flagged(tmp_path):
    bare = {"voxel_x": None, "voxel_y": None, "voxel_z": None, "tight_mask": None}
    path = written(tmp_path, [entry(n, r, 1.0 - 0.15 * r, **bare) for n, r in enumerate(np.linspace(2, 5, 12))])
    assert fitting.fit(path, RULE)["fits"]["all"]["n"] == 12
