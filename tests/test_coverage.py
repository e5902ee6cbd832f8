"""Coverage on rows held out: nominal where the truth is known, grouped, pooled; the figures of the archive table."""

import csv

import numpy as np
import pytest
from scipy import stats
from test_curve import planted

from qscore import coverage as measured
from qscore import expected
from qscore.coverage import HeldOut, coverage, held_out, line_in_bins, pooled, rows_of, uniformity
from qscore.curve import CELLS, LEVELS, Curve, fit_curve
from qscore.independence import groups_of
from qscore.layouts import COVERAGE


@pytest.fixture(scope="module")
def rows():
    return planted(1600, 11, grouped=2)


@pytest.fixture(scope="module")
def out(rows):
    return held_out(*rows, folds=3)


def test_bands_hold_what_they_say(out):
    found = rows_of(out)
    assert {row["band"] for row in found} == {0.95, 0.9, 0.5}
    assert all(row["within"] for row in found)
    assert sum(row["n"] for row in found if row["band"] == 0.95) == 1600
    assert all(row["n"] >= 100 for row in found)
    for band in (0.95, 0.9, 0.5):
        assert np.mean(out.in_band(band)) == pytest.approx(band, abs=0.02)


def test_the_line_does_not(out):
    """The law bends and spreads: the line's interval holds too few of its ends and too many of its middle."""
    shares = [row["least_squares"] for row in rows_of(out) if row["band"] == 0.95]
    assert max(shares) > 0.96
    assert min(shares) < 0.93


def test_percentiles_of_rows_held_out_are_uniform(out):
    found = uniformity(out.resolution, out.percentile)
    assert abs(found["r"]) < 0.04
    assert len(found["bins"]) >= 1
    assert all(row["distance"] < 1.95 / np.sqrt(row["n"]) for row in found["bins"])  # 99.9 % of uniform samples
    assert stats.kstest(out.percentile, "uniform").statistic < 1.95 / np.sqrt(1600)


def test_any_number_of_processes():
    few = planted(240, 3)
    one, two = (held_out(*few, folds=2, jobs=jobs) for jobs in (1, 2))
    for name in ("quantiles", "percentile"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()


def test_a_percentile_that_drifts_is_told():
    random = np.random.default_rng(1)
    x = random.uniform(2, 4, 4000)
    found = uniformity(x, np.clip(0.25 * x - 0.3 + 0.1 * random.normal(size=4000), 0, 1))
    assert found["r"] > 0.5
    assert min(row["distance"] for row in found["bins"]) > 0.2


def test_too_narrow_a_band_is_told(out):
    narrow = HeldOut(**{**vars(out), "quantiles": 0.6 * out.quantiles + 0.4 * out.quantiles[:, [7]]})
    assert LEVELS[7] == 0.5
    assert not any(row["within"] for row in rows_of(narrow) if row["n"] > 300)


def flat(x, q, groups, **options):
    """A stand-in for `fit_curve`: the quantiles of the rows it is given, the same at every resolution."""
    return Curve(np.array([1.15, 10.0]), np.array(LEVELS), np.tile(np.quantile(q, LEVELS), (2, 1)), len(q))


def test_rows_of_a_group_are_held_out_together(monkeypatch):
    x, q, groups = planted(400, 12, grouped=4)
    seen = []
    monkeypatch.setattr(measured, "fit_curve", lambda *given, **options: seen.append(given[2]) or flat(*given))
    held_out(x, q, groups, folds=4)
    everyone, *parts = [set(one.tolist()) for one in seen]
    assert (len(everyone), len(seen[0])) == (100, 400)
    left_out = [everyone - part for part in parts]
    assert all(4 * len(part) == len(given) for part, given in zip(parts, seen[1:], strict=True))
    assert sum(map(len, left_out)) == len(set().union(*left_out)) == 100


def test_the_order_of_rows_does_not_matter(monkeypatch):
    monkeypatch.setattr(measured, "fit_curve", flat)
    x, q, groups = planted(400, 13, grouped=2)
    order = np.random.default_rng(3).permutation(400)
    found = coverage(x, q, groups)
    assert found == coverage(x[order], q[order], groups[order])
    assert found != coverage(x, q, groups, seed=1)


def test_too_few_rows_have_no_coverage():
    with pytest.raises(ValueError, match="too few for a quantile curve"):
        coverage(*planted(60, 1))


def test_limits_are_the_exact_binomial_ones():
    """Of 45 rows at 95 %: 99.9 % of draws hold 37 to 45 (binomial table)."""
    row = measured._row(0.95, np.arange(45) < 36)
    assert (row["limit_low"], row["limit_high"]) == (37 / 45, 1.0)
    assert not row["within"]
    assert measured._row(0.95, np.arange(45) < 37)["within"]


def test_pooled_bins_are_named():
    x = np.repeat([1.5, 2.2, 3.2], [45, 315, 200])
    assert pooled(x, 1.0, 2.5) == "1–2 Å (45) and 2–2.5 Å (315)"
    assert pooled(x, 3.0, 3.5) == ""


def test_the_line_is_told_of_each_pooled_bin():
    x = np.repeat([1.5, 2.2, 3.2], [45, 315, 200])
    within = np.arange(560) >= 25  # 20 of 45, then all
    assert line_in_bins(x, within, 1.0, 2.5) == "1–2 Å: 0.4444 of 45 and 2–2.5 Å: 1.0000 of 315"
    assert line_in_bins(x, within, 3.0, 3.5) == ""
    assert line_in_bins(x[45:], within[45:], 1.0, 2.5) == "2–2.5 Å: 1.0000 of 315"


def test_rows_fit_the_layout(out):
    assert list(rows_of(out)[0]) == COVERAGE.names


# ---- the archive table ----


@pytest.fixture(scope="module")
def archive(real_data):
    with open(real_data / "mapq_survey_2025.csv", encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    resolution, q = (np.array([float(row[key]) for row in table]) for key in ("resolution", "q"))
    return resolution, q, groups_of(table).joint


@pytest.mark.real
@pytest.mark.slow
def test_the_archive_is_covered_in_every_bin(archive):
    out = held_out(*archive)
    rows = rows_of(out)
    assert [row["n"] for row in rows if row["band"] == 0.95] == [360, 1549, 3205, 2554, 1670, 268, 418, 164]
    assert [row for row in rows if not row["within"]] == []
    assert rows[0]["pooled"] == "1–2 Å (45) and 2–2.5 Å (315)"
    assert rows[0]["least_squares_pooled"].startswith("1–2 Å: 0.4444 of 45 and ")  # science.md section 3: 44 %
    free = uniformity(out.resolution, out.percentile)
    assert abs(free["r"]) < 0.03
    assert max(row["distance"] for row in free["bins"]) < 0.05


@pytest.mark.real
def test_the_line_covers_half_of_the_ends(archive):
    """science.md section 3 has 44 % of 45 rows in 1–2 Å, 51 % of 164 in 8–10 Å: the latter moves by 2 % with folds."""
    x, q, _ = archive
    blank = np.full((len(x), len(LEVELS)), np.nan)
    line = HeldOut(x, q, blank, blank[:, 0], *measured._line(x, q, x))
    shares = [row["least_squares"] for row in rows_of(line, CELLS) if row["band"] == 0.95]
    assert round(shares[0], 2) == 0.44
    assert shares[-1] == pytest.approx(0.51, abs=0.02)


@pytest.mark.real
def test_the_shipped_curve_is_that_of_the_archive(archive):
    found, shipped = fit_curve(*archive), expected.shipped()
    assert shipped.n == found.n == 10188
    assert np.abs(shipped.values - found.values).max() < 1e-6
    assert np.abs(shipped.grid - found.grid).max() < 1e-6


@pytest.mark.real
def test_detrended_percentiles_of_the_archive(archive):
    x, q, _ = archive
    free = uniformity(x, expected.shipped().percentile(x, q))
    assert abs(free["r"]) < 0.03
    assert [row["n"] for row in free["bins"]] == [315, 1549, 3205, 2554, 1670, 418]
    assert max(row["distance"] for row in free["bins"]) < 0.05
