"""Lines, the rule of the fit, flags: planted truth and every reason to leave an entry out."""

import numpy as np
import pytest

from qscore import survey, tables
from qscore.expected import MAPQ_2_9_7
from qscore.regression import fit_line
from qscore.selection import FitRule, why_not

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
    ],
)
def test_who_enters_the_fit(change, why):
    assert why_not(entry(1, 3.2, 0.5) | change, RULE) == why


def test_the_rule_never_looks_at_q():
    rows = [entry(1, 3.2, q) for q in (0.5, -0.9, None)]
    assert {why_not(row, RULE) for row in rows} == {""}


def test_fit_overall_and_apoferritin(tmp_path):
    rows = [entry(n, r, 1.0 - 0.15 * r) for n, r in enumerate(np.linspace(2, 5, 12))]
    rows += [entry(100 + n, r, 1.1 - 0.18 * r, apoferritin="by name") for n, r in enumerate(np.linspace(2, 4, 8))]
    rows += [entry(200, 35.0, 0.07), entry(201, 3.0, 0.9, tight_mask=True)]
    found = survey.fit(written(tmp_path, rows), RULE)
    apoferritin = found["fits"]["apoferritin"]["line"]
    assert (apoferritin["slope"], apoferritin["intercept"]) == pytest.approx((-0.18, 1.1))
    assert (found["fits"]["all"]["n"], found["fits"]["apoferritin"]["n"]) == (20, 8)
    assert found["left_out"] == {"resolution outside 1.15–10 Å": 1, "tight mask": 1}
    assert found["rule"] == RULE.text()


@pytest.mark.parametrize("n", [0, 1, 7])
def test_too_few_get_a_sentence(tmp_path, n):
    found = survey.fit(written(tmp_path, [entry(k, 2.0 + k, 0.5) for k in range(n)]), RULE)["fits"]["all"]
    assert found["line"] is None
    assert found["sentence"].startswith("1 entry: too few" if n == 1 else f"{n} entries: too few")
    assert "published curve" in found["sentence"]


def test_one_resolution_is_no_line(tmp_path):
    found = survey.fit(written(tmp_path, [entry(k, 2.3, 0.5) for k in range(9)]), RULE)["fits"]["all"]
    assert found["line"] is None
    assert found["sentence"].startswith("9 entries, all at 2.3 Å: no line")


def test_a_planted_outlier_is_flagged_and_the_middle_is_not(tmp_path):
    resolutions = np.linspace(1.5, 9.5, 30)
    rows = [entry(n, r, MAPQ_2_9_7.at(r)) for n, r in enumerate(resolutions)]
    rows += [entry(50, 4.0, 0.1), entry(51, 4.0, 0.6), entry(52, 35.0, 0.07)]
    rows += [{**entry(53, 4.0, None), "status": "unusable", "reason": "crashed"}]
    flags = {row["emdb_id"]: row["flag"] for row in survey.flags(written(tmp_path, rows), RULE)}
    assert {key: flag for key, flag in flags.items() if flag} == {"EMD-50": "low", "EMD-51": "high"}
    assert flags["EMD-52"] == "" and "EMD-53" not in flags


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


def test_small_surveys_say_whose_band_judges_them():
    assert "too small for its own band" in survey.judged_by_sentence(199)
    assert "too small" not in survey.judged_by_sentence(200)
