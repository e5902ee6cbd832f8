"""Lines, cubics, robust lines and the test of shape, against literal twins and planted truth."""

import itertools

import numpy as np
import pytest
from scipy import stats

from qscore import robust, shape
from qscore.regression import Line, fit_cubic, fit_line, fit_robust, lines_from, lines_of, lines_without, sums_of
from qscore.robust import robust_lines
from qscore.shape import NO_EVIDENCE, SLIGHTLY, SURE, UNTESTED, WRONG, lack_of_fit, too_few_for_shape


def planted(n=400, *, seed=11, curve=0.0, noise=0.05):
    """Resolutions, Å, and Q on a planted line, bent by a planted curve, with a spread that grows with resolution."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.uniform(1.2, 6.0, n), 2)
    return x, 1.1 - 0.17 * x + curve * (x - 3.5) ** 2 + noise * (0.4 + x / 5) * rng.standard_normal(n)


# ---- the line ----


def literal_hc3(x, y):
    """MacKinnon & White 1985: each residual over 1 − its leverage, squared, between two inverses."""
    design = np.column_stack([np.ones_like(x), x])
    inverse = np.linalg.inv(design.T @ design)
    residual = y - design @ (inverse @ design.T @ y)
    middle = np.zeros((2, 2))
    for row, e in zip(design, residual, strict=True):
        middle += np.outer(row, row) * (e / (1 - row @ inverse @ row)) ** 2
    return inverse @ middle @ inverse


@pytest.mark.parametrize("n", [5, 40, 400])
def test_hc3_is_the_literal_formula(n):
    x, y = planted(n)
    line, twin = fit_line(x, y), literal_hc3(x, y)
    np.testing.assert_allclose(line.covariance_hc3, twin, rtol=1e-9)
    np.testing.assert_allclose([line.intercept_se_hc3, line.slope_se_hc3], np.sqrt(np.diag(twin)), rtol=1e-9)


def test_hc3_sees_unequal_spread():
    """Spread concentrated at the ends of x: the equal-spread error is too small; the truth by simulation."""
    x, slopes, told = np.linspace(1, 5, 101), [], []
    for seed in range(300):
        e = np.random.default_rng(seed).standard_normal(101) * np.abs(x - 3) ** 2 * 0.05
        line = fit_line(x, 1 - 0.17 * x + e)
        slopes.append(line.slope)
        told.append((line.slope_se, line.slope_se_hc3))
    equal, unequal = np.mean(told, axis=0) / np.std(slopes)
    assert equal < 0.75 and 0.9 < unequal < 1.15


def test_hc3_is_none_where_one_point_determines_the_line():
    line = fit_line([2.0, 2.0, 3.0], [0.7, 0.6, 0.5])
    assert line.covariance_hc3 is None and line.slope_se_hc3 is None and line.intercept_se_hc3 is None


def test_a_line_of_old_still_stands():
    line = Line(-0.1, 0.9, 0.01, 0.02, 0.5, 0.03, 20, 1.0, 5.0, ((1.0, 0.0), (0.0, 1.0)))
    assert line.slope_se_hc3 is None and line.as_dict()["covariance_hc3"] is None


def test_prediction_interval_is_the_textbook_one():
    """Of a new point at R: t·s·√(1 + 1/n + (R − mean)²/Sxx); t(0.975, 6) = 2.446911851."""
    x, y = planted(8)
    line, at = fit_line(x, y), 3.3
    s = np.sqrt(np.sum((y - line.at(x)) ** 2) / 6)
    half = 2.446911851 * s * np.sqrt(1 + 1 / 8 + (at - x.mean()) ** 2 / np.sum((x - x.mean()) ** 2))
    np.testing.assert_allclose(line.prediction(at), [line.at(at) - half, line.at(at) + half], rtol=1e-8)


def test_prediction_interval_covers_what_it_says():
    x, _ = planted(4000)
    y = 1 - 0.15 * x + 0.05 * np.random.default_rng(5).standard_normal(4000)
    low, high = fit_line(x, y).prediction(x, level=0.9)
    assert 0.88 < np.mean((low <= y) & (y <= high)) < 0.92


@pytest.mark.parametrize(
    ("x", "told"),
    [([], "0 points over 0 Å"), ([2.0, 3.0], "2 points over 1 Å"), ([3.0, 3.0, 3.0, 3.0], "4 points over 0 Å")],
)
def test_a_line_needs_points(x, told):
    with pytest.raises(ValueError, match=f"^{told}; a line needs 3 at different resolutions$"):
        fit_line(x, np.zeros(len(x)))


def test_a_line_in_words():
    line = fit_line([2, 3, 4, 5], [4, 3, 1, 0])
    assert (line.slope, line.intercept, line.n) == pytest.approx((-1.4, 6.9, 4))
    assert (line.x_low, line.x_high) == (2.0, 5.0)
    assert line.text() == "Q = 6.900 − 1.400 R,  R² = 0.98"
    assert fit_line([2, 3, 5], [0, 0.25, 0.75]).text() == "Q = -0.500 + 0.250 R,  R² = 1.00"


def test_single_precision_is_reckoned_in_double():
    x, y = (values.astype(np.float32) for values in planted(50))
    wide_x, wide_y = x.astype(float), y.astype(float)
    for fit in (fit_line, fit_cubic):
        found = fit(x, y)
        assert found == fit(wide_x, wide_y)
        np.testing.assert_array_equal(found.at(x), found.at(wide_x), strict=True)
    np.testing.assert_array_equal(fit_line(x, y).prediction(x), fit_line(x, y).prediction(wide_x), strict=True)
    assert fit_robust(x, y, "huber") == fit_robust(wide_x, wide_y, "huber")
    group = np.arange(50) % 3
    assert np.array_equal(lines_of(x, y, group, 3).slope, lines_of(wide_x, wide_y, group, 3).slope)


# ---- the cubic ----


def test_cubic_recovers_planted_coefficients():
    x = np.linspace(1.15, 10, 50)
    truth = (-0.0016, 0.0434, -0.3956, 1.3366)
    found = fit_cubic(x, np.polyval(truth, x))
    np.testing.assert_allclose(found.coefficients, truth, rtol=0, atol=1e-12)
    assert (found.n, found.domain) == (50, (1.15, 10.0)) and found.r_squared == pytest.approx(1, abs=1e-12)


def test_cubic_and_its_covariance_are_the_normal_equations():
    x, y = planted(60, curve=0.01)
    design = np.vander(x, 4).astype(np.longdouble)
    gram = (design.T @ design).astype(float)
    twin = np.linalg.solve(gram, (design.T @ y).astype(float))
    residual = y - np.vander(x, 4) @ twin
    found = fit_cubic(x, y)
    np.testing.assert_allclose(found.coefficients, twin, rtol=1e-7)
    np.testing.assert_allclose(found.covariance, np.linalg.inv(gram) * (residual @ residual) / 56, rtol=1e-6)
    np.testing.assert_allclose(found.at(x), np.vander(x, 4) @ twin, atol=1e-9)
    assert found.rmse == pytest.approx(np.sqrt(np.mean(residual**2)), rel=1e-9)
    assert np.all(np.linalg.eigvalsh(found.covariance_hc3) > 0)


def test_cubic_far_from_zero_keeps_its_digits():
    """x within 1 at 1,000: the plain powers are collinear to all digits; the values must still be right."""
    x = 1000 + np.linspace(0, 1, 30)
    y = np.sin(x)
    twin = np.polynomial.Polynomial.fit(x, y, 3)(x)
    np.testing.assert_allclose(fit_cubic(x, y).at(x), twin, atol=1e-5)


@pytest.mark.parametrize(("x", "told"), [([1, 2, 3, 4], "4 points at 4"), ([1, 2, 3, 3, 3, 1], "6 points at 3")])
def test_cubic_needs_points(x, told):
    told = f"^{told} resolutions; a curve of degree 3 needs 5 at 4 different ones$"
    with pytest.raises(ValueError, match=told):
        fit_cubic(x, np.zeros(len(x)))


def test_a_cubic_of_the_fewest_points():
    """Three of the five have a coefficient each to themselves: no HC3."""
    found = fit_cubic([1, 2, 3, 4, 4], [1, 8, 27, 62, 66])
    np.testing.assert_allclose(found.coefficients, (1, 0, 0, 0), atol=1e-9)
    assert found.n == 5 and found.covariance_hc3 is None
    assert found.rmse == pytest.approx(np.sqrt(8 / 5))


# ---- robust lines ----


def brute_slopes(x, y):
    return [(y[j] - y[i]) / (x[j] - x[i]) for i, j in itertools.combinations(range(len(x)), 2) if x[i] != x[j]]


def test_theil_sen_is_the_median_of_all_slopes():
    x, y = planted(70)
    found = robust_lines(x, y)["theil_sen"]
    assert found["slope"] == pytest.approx(np.median(brute_slopes(x, y)), rel=1e-12)
    assert found["intercept"] == pytest.approx(np.median(y) - found["slope"] * np.median(x), rel=1e-12)
    assert found["exact"] and found["pairs"] == 70 * 69 // 2 and found["monte_carlo_se"] is None
    assert found["slope_low"] < found["slope"] < found["slope_high"]


def test_theil_sen_of_drawn_pairs_is_near_the_exact_one(monkeypatch):
    monkeypatch.setattr(robust, "PAIRS", 100_000)
    x, y = planted(500)
    exact, off = robust_lines(x, y)["theil_sen"], []
    monkeypatch.setattr(robust, "EXACT", 499)
    for seed in range(30):
        found = robust_lines(x, y, seed=seed)["theil_sen"]
        assert (found["exact"], found["pairs"], found["seed"]) == (False, 100_000, seed)
        off.append((found["slope"] - exact["slope"]) / found["monte_carlo_se"])
    assert 0.7 < np.std(off) < 1.3 and abs(np.mean(off)) < 0.6  # the stated error is the error made
    for end in ("slope_low", "slope_high"):
        assert found[end] == pytest.approx(exact[end], abs=6 * found["monte_carlo_se"])


def test_theil_sen_draws_ten_million_pairs_beyond_5000_rows():
    x, y = planted(5001)
    found = robust_lines(x, y)["theil_sen"]
    assert found["pairs"] == 10_000_000 and found["monte_carlo_se"] < 1e-4
    assert found["slope"] == pytest.approx(fit_line(x, y).slope, abs=0.003)


def test_robust_lines_do_not_depend_on_the_order_of_rows(monkeypatch):
    monkeypatch.setattr(robust, "PAIRS", 10_000)
    x, y = planted(6000)
    order = np.random.default_rng(0).permutation(6000)
    assert robust_lines(x, y) == robust_lines(x[order], y[order])


def literal_m_estimate(x, y, weight):
    """Iteratively reweighted least squares; scale by MAD about 0 over 0.6745, anew at each step."""
    design, w = np.column_stack([np.ones_like(x), x]), np.ones_like(x)
    for _ in range(300):
        a, b = np.linalg.solve(design.T @ (design * w[:, None]), design.T @ (w * y))
        residual = y - a - b * x
        w = weight(residual / (np.median(np.abs(residual)) / 0.6744897501960817))
    return b, a


@pytest.mark.parametrize(
    ("norm", "weight"),
    [
        ("huber", lambda u: np.minimum(1, 1.345 / np.maximum(np.abs(u), 1e-12))),
        ("tukey", lambda u: np.where(np.abs(u) < 4.685, (1 - (u / 4.685) ** 2) ** 2, 0)),
    ],
)
def test_m_estimates_are_reweighted_least_squares(norm, weight):
    x, y = planted(300)
    y[:30] -= 0.4
    found = fit_robust(x, y, norm)
    np.testing.assert_allclose([found["slope"], found["intercept"]], literal_m_estimate(x, y, weight), rtol=1e-5)
    residual = y - found["intercept"] - found["slope"] * x
    scale = np.median(np.abs(residual)) / 0.6744897501960817
    u, step, design = residual / scale, 1e-6, np.column_stack([np.ones(300), x])
    psi = [weight(at) * at for at in (u - step, u, u + step)]
    bend = (psi[2] - psi[0]) / (2 * step)
    small = 1 + 2 / 300 * bend.var() / bend.mean() ** 2  # Huber 1981, 7.6
    covariance = np.linalg.inv(design.T @ design) * (small * scale / bend.mean()) ** 2 * (psi[1] ** 2).sum() / 298
    assert found["scale"] == pytest.approx(scale, rel=1e-4)
    np.testing.assert_allclose([found["intercept_se"], found["slope_se"]], np.sqrt(np.diag(covariance)), rtol=1e-4)


def test_outliers_move_robust_lines_less_than_least_squares():
    x, y = planted(1000)
    bent = np.where((x > 4.5) & (np.arange(1000) % 3 == 0), y - 0.35, y)
    truth = -0.17
    found = robust_lines(x, bent)
    least = abs(fit_line(x, bent).slope - truth)
    assert least > 0.02
    assert abs(found["tukey"]["slope"] - truth) < abs(found["huber"]["slope"] - truth) < least
    assert abs(found["theil_sen"]["slope"] - truth) < least


def test_rows_exactly_on_a_line_have_no_m_estimate():
    x = np.arange(10.0)
    found = robust_lines(x, 1 - 0.125 * x)
    assert found["theil_sen"]["slope"] == -0.125
    for name in ("huber", "tukey"):
        assert found[name] is None or found[name]["slope"] == pytest.approx(-0.125, abs=1e-12)


# ---- shape ----


def test_a_straight_relation_is_not_called_curved():
    rejected = 0
    for seed in range(150):
        found = lack_of_fit(*planted(200, seed=seed))
        assert not found["wrong_shape"]
        rejected += found["p"] < 0.05
    low, high = stats.binom.interval(0.999, 150, 0.05)
    assert low <= rejected <= high


def test_a_curved_relation_is_called_curved():
    found = lack_of_fit(*planted(400, curve=0.04))
    assert found["wrong_shape"] and found["p"] < 1e-20 and found["effect"] > 0.15
    assert found["sentence"].startswith("a line is the wrong shape")
    assert found["r_squared_spline"] > found["r_squared_line"]


def test_a_small_curvature_is_sure_but_not_the_wrong_shape():
    """20,000 rows show a curvature of no consequence: the p-value alone would call the line wrong."""
    found = lack_of_fit(*planted(20_000, curve=0.002))
    assert found["p"] < 1e-6 and found["effect"] < 0.02
    assert found["verdict"] == SLIGHTLY and not found["wrong_shape"]
    assert found["sentence"].startswith("departs slightly from a line (f² = 0.0")


def test_few_rows_are_no_proof_of_a_line():
    """16 rows of pure scatter about a line: the spline takes up some of it, and nothing is said for the line."""
    found = lack_of_fit(*planted(16, seed=3))
    assert found["p"] > SURE and found["verdict"] == NO_EVIDENCE
    assert found["sentence"].startswith(f"no evidence against a line (p = {found['p']:.2g}, f² = {found['effect']:.3f}")
    assert "n = 16)" in found["sentence"] and "right" not in found["sentence"]


def test_a_shape_that_cannot_be_tested_is_not_called_straight():
    """One point that the spline has to itself leaves no HC3 and no p."""
    assert shape._verdict(0.3, None) == UNTESTED and shape._verdict(None, None) == WRONG
    facts = {"verdict": UNTESTED, "p": None, "effect": 0.3, "n": 20}
    said = "the shape cannot be tested (one point alone determines the curve, f² = 0.300, n = 20)"
    assert shape.in_short(facts) == said


def test_a_medium_curvature_is_named():
    found = lack_of_fit(*planted(5000, curve=0.012))
    assert 0.02 < found["effect"] < 0.15 and found["verdict"] == SLIGHTLY and not found["wrong_shape"]


def test_spline_contains_the_line_and_departure_is_planted():
    x = np.linspace(1, 6, 501)
    found = lack_of_fit(x, 1 - 0.1 * x + 0.02 * (x - 3.5) ** 2)
    assert found["rmse_spline"] < 0.05 * found["rmse_line"]
    assert found["departure_ends"]["q"] == pytest.approx(0.02 * (2.5**2 - 2.5**2 / 3), rel=0.05)  # of a parabola
    assert found["departure_ends"]["at"] in (1.0, 6.0) and 1 < found["departure"]["at"] < 6
    line = fit_line(x, 1 - 0.1 * x + 0.02 * (x - 3.5) ** 2)
    assert found["r_squared_line"] == pytest.approx(line.r_squared, rel=1e-12)
    assert found["effect"] == pytest.approx((found["rmse_line"] / found["rmse_spline"]) ** 2 - 1, rel=1e-9)


def test_wald_is_the_same_for_any_columns_that_span_the_spline():
    """Against patsy's own columns: the constraint that the spline is a line, with the literal HC3."""
    from patsy import dmatrix

    x, y = planted(150, curve=0.01)
    basis = np.asarray(dmatrix("cr(x, df=5) - 1", {"x": x}))
    inverse = np.linalg.inv(basis.T @ basis)
    beta = inverse @ basis.T @ y
    leverage = np.einsum("ij,jk,ik->i", basis, inverse, basis)
    scaled = basis * ((y - basis @ beta) / (1 - leverage))[:, None]
    covariance = inverse @ scaled.T @ scaled @ inverse
    straight = np.column_stack([np.ones_like(x), x])
    to_line = np.linalg.lstsq(basis, straight)[0]  # what a line is in these columns
    constraint = np.linalg.svd(to_line.T)[2][2:]  # zero on every line, in the coefficients' own space
    r = constraint @ beta
    f = r @ np.linalg.solve(constraint @ covariance @ constraint.T, r) / 3
    assert lack_of_fit(x, y)["f"] == pytest.approx(f, rel=1e-6)


@pytest.mark.parametrize(("n", "different"), [(15, 15), (40, 7)])
def test_shape_needs_points(n, different):
    x = 2 + np.arange(n) % different / 3
    told = f"{n} points at {different} resolutions: too few"
    assert too_few_for_shape(x).startswith(told)
    with pytest.raises(ValueError, match=told):
        lack_of_fit(x, x)
    assert too_few_for_shape(np.arange(16)) == ""


# ---- many lines ----


def test_totals_of_sums_are_the_line_of_the_rows_together():
    x, y = planted(90)
    group = np.arange(90) % 6
    sums, centre = sums_of(x, y, group, 6)
    times = np.array([2, 0, 1, 1, 0, 3])
    found = lines_from((sums * times).sum(axis=1, keepdims=True), centre)
    rows = np.repeat(np.arange(90), times[group])
    line = fit_line(x[rows], y[rows])
    for name in ("n", "slope", "intercept", "r_squared", "rmse"):
        assert getattr(found, name)[0] == pytest.approx(getattr(line, name), rel=1e-10)
    assert np.allclose(lines_of(x, y, group, 6).slope[3], fit_line(x[group == 3], y[group == 3]).slope)


def test_each_group_left_out():
    x, y = planted(30)
    group = np.arange(30) % 4
    found = lines_without(x, y, group, 4)
    for k in range(4):
        line = fit_line(x[group != k], y[group != k])
        for name in ("n", "slope", "intercept", "r_squared", "rmse"):
            assert getattr(found, name)[k] == pytest.approx(getattr(line, name), rel=1e-9)


def test_groups_that_have_no_line():
    """Two rows, one resolution, none at all: not a number, and their count is told; nor does nothing have lines."""
    x, y = np.array([2.0, 3.0, 4.1, 2.0, 3.0, 3.3, 3.3, 3.3]), np.array([0.7, 0.5, 0.5, 0.7, 0.5, 0.1, 0.2, 0.4])
    found = lines_of(x, y, np.array([0, 0, 0, 1, 1, 2, 2, 2]), 4)
    assert found.n.tolist() == [3, 2, 3, 0] and found.n.dtype == int
    for name in ("slope", "intercept", "r_squared", "rmse"):
        assert np.isnan(getattr(found, name)).tolist() == [False, True, True, True]
    close = 3 + 1e-5 * np.arange(5)
    assert lines_of(close, close, np.zeros(5, dtype=int), 1).slope[0] == pytest.approx(1, rel=1e-6)
    none = lines_of([], [], np.zeros(0, dtype=int), 2)
    assert none.n.tolist() == [0, 0] and np.isnan(none.slope).all()
