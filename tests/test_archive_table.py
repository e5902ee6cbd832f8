"""The table of lines and cubics through MapQ's archive survey, to the printed digits; the same on a synthetic one."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from qscore.expected import MAPQ_2_9_7
from qscore.independence import folds, groups_of
from qscore.outliers import band_flag
from qscore.regression import fit_cubic, fit_line
from qscore.relation import fit_part
from qscore.resampling import bootstrap_both, bootstrap_line
from qscore.robust import robust_lines
from qscore.shape import lack_of_fit

COLUMNS = ("resolution", "q", "fsc05", "cc", "cc_mean")
# Which rows, and what Q is laid over.
SUBSETS = {
    "all": ("resolution", lambda t: t["q"] > 0),
    "cc": ("resolution", lambda t: t["cc"] > 0.7),
    "cc-mean": ("resolution", lambda t: t["cc_mean"] > 0.5),
    "to 5 Å": ("resolution", lambda t: t["resolution"] <= 5),
    "well fitted": ("resolution", lambda t: t["cc_mean"] > 0.7),
    "fsc": ("fsc05", lambda t: t["fsc05"] <= 10),
}


def chosen(table: dict, name: str):
    """x and Q of a subset; an empty cell is in none that asks for it."""
    over, rule = SUBSETS[name]
    taken = rule(table)
    return table[over][taken], table["q"][taken]


# ---- the real table ----


@pytest.fixture(scope="module")
def archive(real_data) -> dict:
    lines = (real_data / "mapq_survey_2025.csv").read_text(encoding="utf-8").splitlines()
    cells = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    table = {name: np.array([float(cell[name] or "nan") for cell in cells]) for name in COLUMNS}
    return table | {"emdb_id": [cell["emdb_id"] for cell in cells]}


@pytest.fixture(scope="module")
def independence(archive):
    return groups_of([{"emdb_id": name, "cluster_pub": name, "cluster_protein": name} for name in archive["emdb_id"]])


def printed(*values, digits):
    return tuple(round(value, digits) for value in values)


@pytest.mark.parametrize(
    ("name", "n", "slope", "intercept", "r_squared", "digits"),
    [
        ("all", 10_188, -0.092150, 0.752570, 0.59605, (6, 5)),
        ("cc", 8_785, -0.093098, 0.763708, 0.66002, (6, 5)),
        ("cc-mean", 9_203, -0.093918, 0.774643, 0.69063, (6, 5)),
        ("to 5 Å", 9_368, -0.158497, 0.977064, 0.60073, (6, 5)),
        ("well fitted", 1_694, -0.094830, 0.850267, 0.88305, (6, 5)),
        ("fsc", 9_909, -0.07015, 0.71565, 0.7473, (5, 4)),
    ],
)
def test_lines(archive, name, n, slope, intercept, r_squared, digits):
    line = fit_line(*chosen(archive, name))
    assert line.n == n
    assert printed(line.slope, line.intercept, digits=digits[0]) == (slope, intercept)
    assert round(line.r_squared, digits[1]) == r_squared


@pytest.mark.parametrize(
    ("name", "coefficients", "r_squared"),
    [
        ("all", (-0.0016021, 0.0432348, -0.3949913, 1.3358010), 0.70369),
        ("cc", (-0.0018731, 0.0487587, -0.4305142, 1.4119322), None),
        ("cc-mean", (-0.0014940, 0.0412711, -0.3838101, 1.3319239), None),
        ("to 5 Å", None, 0.60268),
        ("well fitted", None, 0.95673),
        ("fsc", (-0.0027888, 0.0634308, -0.4985579, 1.5544201), 0.8988),
    ],
)
def test_cubics(archive, name, coefficients, r_squared):
    """Three of them are MapQ's own, of its sheets Filter-CC, Filter-CC-mean and Filter-FSC0.5."""
    cubic = fit_cubic(*chosen(archive, name))
    if coefficients:
        assert printed(*cubic.coefficients, digits=7) == coefficients
    if r_squared:
        assert round(cubic.r_squared, len(str(r_squared)) - 2) == r_squared


def test_what_the_table_holds(archive):
    assert [int(np.isfinite(archive[name]).sum()) for name in COLUMNS] == [10_188, 10_188, 10_185, 10_187, 10_187]
    assert len(set(archive["emdb_id"])) == 10_188
    assert [archive[name].min() for name in ("resolution", "q")] == [1.15, 0.001]
    assert [archive[name].max() for name in ("resolution", "q")] == [10.0, 0.922]


def test_correlations(archive):
    q, r, told = archive["q"], archive["resolution"], np.isfinite(archive["fsc05"])
    assert round(stats.pearsonr(q, r).statistic, 4) == -0.7720
    assert round(stats.spearmanr(q, r).statistic, 4) == -0.8204
    assert round(stats.spearmanr(q[told], archive["fsc05"][told]).statistic, 4) == -0.9465


def test_robust_slopes_of_all_rows_disagree(archive):
    found = robust_lines(*chosen(archive, "all"))
    assert round(found["huber"]["slope"], 4) == -0.0995 and round(found["tukey"]["slope"], 4) == -0.1067
    theil_sen = found["theil_sen"]
    assert round(theil_sen["slope"], 4) == -0.1344
    assert theil_sen["pairs"] >= 10**7 and theil_sen["monte_carlo_se"] < 1e-4 and not theil_sen["exact"]
    assert round(theil_sen["slope"] / fit_line(*chosen(archive, "all")).slope, 2) == 1.46


def test_robust_slopes_agree_to_5_angstroms(archive):
    x, q = chosen(archive, "to 5 Å")
    slopes = [one["slope"] for one in robust_lines(x, q).values()] + [fit_line(x, q).slope]
    assert min(slopes) >= -0.1616 and max(slopes) <= -0.15845


def test_lack_of_fit_says_when_a_line_is_wrong(archive):
    wrong = {name: lack_of_fit(*chosen(archive, name)) for name in SUBSETS}
    assert [name for name, found in wrong.items() if not found["wrong_shape"]] == ["to 5 Å"]
    nearly = wrong["to 5 Å"]
    assert nearly["p"] < 1e-10 and nearly["effect"] < 0.01  # the p-value alone would reject this one too
    assert nearly["sentence"].startswith("departs slightly from a line (f² = 0.00")
    assert wrong["all"]["sentence"].startswith("a line is the wrong shape")


def test_residual_skew(archive, independence):
    keep = archive["resolution"] <= 5
    found = fit_part(archive["resolution"][keep], archive["q"][keep], independence.take(keep), draws=20)
    assert round(found["residual_skew"], 1) == -1.3
    assert found["n"] == 9_368 and found["notes"] == []


def covered(line, x, q):
    low, high = line.prediction(x)
    return (low <= q) & (q <= high)


def test_least_squares_interval_does_not_cover(archive):
    """44 % in 1–2 Å, 49 % in 8–10 Å (three rows there lie within 0.0006 of its edge)."""
    x, q = chosen(archive, "all")
    inside = covered(fit_line(x, q), x, q)
    sharp, blurred = inside[(x >= 1) & (x < 2)], inside[(x >= 8) & (x <= 10)]
    assert (sharp.sum(), len(sharp)) == (20, 45) and (blurred.sum(), len(blurred)) == (81, 164)


def test_least_squares_interval_cross_validated(archive):
    """In ten folds 44 % again, and 48–51 % in 8–10 Å by the draw of the folds; 51 % is among the draws."""
    x, q = chosen(archive, "all")
    sharp, blurred = [], []
    for seed in range(20):
        fold, inside = folds(np.arange(len(x)), seed=seed), np.zeros(len(x), dtype=bool)
        for k in range(10):
            inside[fold == k] = covered(fit_line(x[fold != k], q[fold != k]), x[fold == k], q[fold == k])
        sharp.append(round(100 * inside[x < 2].mean()))
        blurred.append(round(100 * inside[x >= 8].mean()))
    assert set(sharp) == {44} and min(blurred) >= 48 and max(blurred) == 51


def test_mapq_band(archive):
    flags = [
        band_flag(q, *MAPQ_2_9_7.band(r))
        for r, q in zip(archive["resolution"].tolist(), archive["q"].tolist(), strict=True)
    ]
    assert (flags.count("low"), flags.count("high")) == (621, 228)


def test_neighbouring_entries_are_not_independent(archive):
    """Residuals of consecutively numbered entries correlate 0.37."""
    x, q = chosen(archive, "all")
    number = np.array([int(name.removeprefix("EMD-")) for name in archive["emdb_id"]])
    order = np.argsort(number)
    residual = (q - fit_line(x, q).at(x))[order]
    next_to = np.diff(number[order]) == 1
    assert round(np.corrcoef(residual[:-1][next_to], residual[1:][next_to])[0, 1], 2) == 0.37


def test_slopes_error_grows_when_neighbours_are_drawn_together(archive, independence):
    """R ≤ 5 Å: by about half over least squares' own error and over HC3's; each entry for itself, HC3's is returned."""
    keep = archive["resolution"] <= 5
    found = bootstrap_both(archive["resolution"][keep], archive["q"][keep], independence.take(keep))
    assert found["quoted"] == "publication"
    assert 1.4 < found["publication"]["ratio"] < 1.65 and 1.35 < found["publication"]["ratio_hc3"] < 1.6
    assert 0.95 < found["protein"]["ratio_hc3"] < 1.05  # each entry for itself: HC3's own error


# ---- apoferritin ----

APOFERRITIN = {
    11668: (1.15, 0.922),
    11638: (1.22, 0.904),
    11103: (1.25, 0.922),
    24665: (1.27, 0.901),
    11669: (1.33, 0.908),
    22657: (1.34, 0.893),
    22658: (1.36, 0.893),
    11121: (1.55, 0.870),
    11122: (1.56, 0.858),
    10101: (1.84, 0.830),
    21951: (2.00, 0.769),
    4905: (2.10, 0.732),
    20521: (2.10, 0.714),
    30084: (2.40, 0.703),
    30083: (2.60, 0.674),
    10205: (2.73, 0.631),
}


def test_apoferritin():
    x, q = np.array(list(APOFERRITIN.values())).T
    line = fit_line(x, q)
    assert printed(line.slope, line.slope_se, line.intercept, line.intercept_se, digits=5) == (
        -0.18802,
        0.00811,
        1.14694,
        0.01468,
    )
    assert round(line.r_squared, 4) == 0.9746
    assert round(line.rmse * np.sqrt(16 / 14), 3) == 0.016  # of 14 degrees of freedom
    found = bootstrap_line(x, q, np.arange(16), draws=20_000)["r_squared"]
    assert abs(found["low"] - 0.942) < 0.004 and abs(found["high"] - 0.994) < 0.002


def test_apoferritin_stands_in_the_table(archive):
    place = {name: k for k, name in enumerate(archive["emdb_id"])}
    for number, (resolution, q) in APOFERRITIN.items():
        k = place[f"EMD-{number:04}"]
        assert (archive["resolution"][k], archive["q"][k]) == (resolution, q)


# ---- a synthetic table ----


@pytest.fixture(scope="module")
def synthetic() -> dict:
    """300 rows with the archive's columns, digits and curvature, from a seed; in 2 rows a score is missing."""
    rng = np.random.default_rng(77)
    resolution = np.round(np.clip(rng.gamma(10, 0.37, 300), 1.15, 10), 2)
    misfit = rng.gamma(0.8, 0.05, 300)
    q = np.polyval(MAPQ_2_9_7.coefficients, resolution) + 0.04 * rng.standard_normal(300) - misfit
    fsc05 = resolution * (1.1 + 2.5 * misfit) + 0.2 * rng.random(300)
    cc, cc_mean = 0.8 - misfit + 0.05 * rng.standard_normal((2, 300))
    table = {"resolution": resolution, "q": np.round(np.maximum(q, 0.001), 3), "fsc05": np.round(fsc05, 6)}
    table |= {"cc": np.round(cc, 6), "cc_mean": np.round(cc_mean - 0.12, 6)}
    table["fsc05"][7] = table["cc"][8] = table["cc_mean"][8] = np.nan
    return table


def exact(x, q, degree: int):
    """The normal equations in whole fractions: coefficients, highest power first, and R²."""
    x, q = ([Fraction(str(value)) for value in values.tolist()] for values in (x, q))
    size = degree + 1
    moments = [sum(one**power for one in x) for power in range(2 * degree + 1)]
    rows = [
        [moments[i + j] for j in range(size)] + [sum(b * a**i for a, b in zip(x, q, strict=True))] for i in range(size)
    ]
    for k in range(size):
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(size):
            if i != k:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]
    found, mean = [row[-1] for row in rows], sum(q) / len(q)
    fitted = [sum(c * a**power for power, c in enumerate(found)) for a in x]
    unexplained = sum((b - f) ** 2 for b, f in zip(q, fitted, strict=True))
    return [float(c) for c in reversed(found)], float(1 - unexplained / sum((b - mean) ** 2 for b in q))


@pytest.mark.parametrize("name", SUBSETS)
def test_synthetic_lines_and_cubics_are_exact(synthetic, name):
    x, q = chosen(synthetic, name)
    assert 30 < len(x) <= 300
    (slope, intercept), r_squared = exact(x, q, 1)
    line = fit_line(x, q)
    np.testing.assert_allclose([line.slope, line.intercept, line.r_squared], [slope, intercept, r_squared], rtol=1e-11)
    coefficients, r_squared = exact(x, q, 3)
    cubic = fit_cubic(x, q)
    np.testing.assert_allclose(cubic.coefficients, coefficients, rtol=0, atol=5e-12)  # 7 decimals are printed
    assert cubic.r_squared == pytest.approx(r_squared, rel=1e-11)


def test_synthetic_subsets_leave_out_empty_cells(synthetic):
    assert len(chosen(synthetic, "all")[0]) == 300
    assert [len(chosen(synthetic, name)[0]) for name in ("cc", "cc-mean", "fsc")] == [
        int((synthetic["cc"] > 0.7).sum()),
        int((synthetic["cc_mean"] > 0.5).sum()),
        int((synthetic["fsc05"] <= 10).sum()),
    ]


def test_synthetic_table_is_curved_as_the_archive(synthetic):
    """Planted: a cubic. A line is wrong over all of it, and its interval does not cover at the sharp end."""
    x, q = chosen(synthetic, "all")
    found = lack_of_fit(x, q)
    assert found["p"] < 1e-6 and found["effect"] > 0.02
    keep = x <= 5
    assert lack_of_fit(x[keep], q[keep])["effect"] < found["effect"]
