"""The curve of expected Q: planted quantiles, no crossing, conformal ranks, percentiles, the shipped one."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import linprog

from qscore import curve as fitted
from qscore.curve import CELLS, LEVELS, Curve, cell_number, cells_of, fit_curve, lacking


def middle(x):
    return 1.05 - 0.24 * x + 0.0145 * x**2


def spread(x):
    return 0.03 + 0.01 * x


LAW = stats.gumbel_l(loc=stats.gumbel_r.ppf(0.5))  # a long low tail, median 0


def planted(n, seed, grouped=1):
    """Rows of a known heteroscedastic, skewed law."""
    random = np.random.default_rng(seed)
    x = np.clip(np.exp(random.normal(1.25, 0.35, n)), 1.15, 10).round(2)
    return x, middle(x) + spread(x) * LAW.rvs(n, random_state=random), np.arange(n) // grouped


@pytest.fixture(scope="module")
def rows():
    return planted(6000, 1)


@pytest.fixture(scope="module")
def curve(rows):
    return fit_curve(*rows)


def test_the_planted_law_has_median_zero():
    assert LAW.median() == pytest.approx(0, abs=1e-12)


def test_planted_quantiles_are_recovered(curve):
    """Where there are rows: the lowest within 0.3 of the local standard deviation, the inner within 0.1."""
    at = np.linspace(2.2, 5.5, 12)
    for level, tolerance in ((0.025, 0.3), (0.05, 0.25), (0.25, 0.12), (0.5, 0.1), (0.75, 0.1), (0.95, 0.12)):
        truth = middle(at) + spread(at) * LAW.ppf(level)
        off = (curve.level(at, level) - truth) / (spread(at) * LAW.std())
        assert np.abs(off).max() < tolerance, level


def test_percentiles_of_new_rows_are_those_of_the_law(curve):
    x, q, _ = planted(4000, 2)
    within = (x >= curve.domain[0]) & (x <= curve.domain[1])
    found, truth = curve.percentile(x, q)[within], LAW.cdf((q - middle(x)) / spread(x))[within]
    assert np.abs(found - truth).mean() < 0.02
    assert stats.kstest(found, "uniform").statistic < 0.03


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda x, random: 1 - 0.1 * x + 0.2 * random.standard_t(2, len(x)), id="heavy tails"),
        pytest.param(lambda x, random: 0.1 + 0.05 * x + 0.02 * random.normal(size=len(x)), id="rises"),
        pytest.param(lambda x, random: (0.9 - 0.1 * x).round(1), id="ties"),
        pytest.param(lambda x, random: 0.5 + 0.3 * np.sin(3 * x) * random.normal(size=len(x)), id="waves"),
    ],
)
def test_quantiles_neither_cross_nor_rise(make):
    random = np.random.default_rng(1)
    x = (1.2 + 6 * random.beta(2, 4, 300)).round(1)
    found = fit_curve(x, make(x, random), np.arange(300) // 2)
    at = found.at(np.linspace(*found.domain, 500))
    assert (np.diff(at, axis=1) >= -1e-12).all()
    assert (np.diff(at, axis=0) <= 1e-12).all()
    assert np.abs(found.values).max() <= 1


def test_the_order_of_rows_does_not_matter():
    x, q, groups = planted(250, 3, grouped=3)
    order = np.random.default_rng(0).permutation(250)
    assert (fit_curve(x, q, groups).values == fit_curve(x[order], q[order], groups[order]).values).all()


def test_another_seed_deals_other_folds():
    x, q, groups = planted(250, 4)
    one, two = (fit_curve(x, q, groups, seed=seed).values for seed in (1, 2))
    assert (one != two).any()


@pytest.mark.parametrize("astray", [0.0, 1.0])
def test_a_start_only_shortens_the_way(curve, astray):
    """However far off it is: the quantiles of one fit are the same."""
    x, q, _ = fitted.usable(*planted(900, 8))
    knots = np.array(curve.making["knots"])
    found = fitted._quantiles(x, q, knots, curve.grid, (curve.grid, curve.values + astray))
    assert np.abs(found - fitted._quantiles(x, q, knots, curve.grid)).max() < 1e-9


def test_rows_outside_the_domain_take_no_part():
    x, q, groups = planted(220, 5)
    more = np.r_[x, 0.9, 12, 3.0, np.nan], np.r_[q, 0, 1, np.nan, 0.5], np.r_[groups, 900, 901, 902, 903]
    found = fit_curve(*more)
    assert (found.values == fit_curve(x, q, groups).values).all()
    assert found.n == 220


@pytest.mark.parametrize("level", [0.025, 0.5, 0.9])
@pytest.mark.parametrize("n", [150, 2500])
def test_the_regression_is_exact(level, n):
    """Its loss is that of the primal programme over all rows at once."""
    x, q, _ = planted(n, 6)
    x, q = np.sort(x), q[np.argsort(x, kind="stable")]
    columns, _ = np.linalg.qr(fitted._basis(x, fitted._knots(x)))
    found = fitted._regression(columns, q, level, np.full(n, q.mean()), 10)
    loss = np.maximum(level * (q - columns @ found), (level - 1) * (q - columns @ found)).sum()
    cost = np.r_[np.zeros(6), np.full(n, level), np.full(n, 1 - level)]
    design = np.hstack([columns, np.eye(n), -np.eye(n)]) if n < 500 else None
    if design is None:
        from scipy.sparse import eye_array, hstack

        design = hstack([columns, eye_array(n), -eye_array(n)], format="csc")
    primal = linprog(cost, A_eq=design, b_eq=q, bounds=[(None, None)] * 6 + [(0, None)] * (2 * n))
    assert loss == pytest.approx(primal.fun, rel=1e-9)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.975])
def test_a_guess_is_moved_to_where_the_rows_above_it_are_as_they_should(level):
    x, q, _ = planted(6000, 7)
    columns, _ = np.linalg.qr(fitted._basis(x, fitted._knots(np.sort(x))))
    total, guess = (1 - level) * columns.sum(axis=0), middle(x) + spread(x) * LAW.ppf(level) + 0.02
    moved = fitted._nearer(columns, q, total, guess, 100)
    before, after = (np.linalg.norm(columns[q > one].sum(axis=0) - total) for one in (guess, moved))
    assert after < before / 5
    for known in (guess, np.full(len(q), 2.0)):  # never further off, even from where no row is near
        off = np.linalg.norm(columns[q > fitted._nearer(columns, q, total, known, 100)].sum(axis=0) - total)
        assert off <= np.linalg.norm(columns[q > columns @ (columns.T @ known)].sum(axis=0) - total)


def test_the_spline_is_natural():
    """Linear beyond its boundary knots, and twice differentiable at all of them."""
    knots = np.array([1.0, 2.0, 3.0, 5.0, 6.0, 9.0])
    design = fitted._basis(np.r_[np.linspace(9, 12, 7), np.linspace(-2, 1, 7)], knots)
    for half in (design[:7], design[7:]):
        assert np.abs(np.diff(half, 2, axis=0)).max() < 1e-9
    step = 1e-4
    for knot in knots:
        around = fitted._basis(knot + step * np.arange(-3, 4), knots)
        second = np.diff(around, 2, axis=0) / step**2
        assert np.abs(second[0] - second[-1]).max() < 0.02


# ---- conformal correction ----


def test_ranks_of_the_conformal_residuals():
    """Of 39 residuals the 2.5 % level takes the 1st, as 40 × 0.025 = 1; of 1 … 199 the levels take 200 times them."""
    assert fitted._conformal(np.tile(np.arange(1.0, 40), (len(LEVELS), 1)).T)[1] == 1
    found = fitted._conformal(np.tile(np.arange(1.0, 200), (len(LEVELS), 1)).T)
    assert found.tolist() == [2, 5, 10, 20, 35, 50, 75, 100, 125, 150, 165, 180, 190, 195, 198]
    few = fitted._conformal(np.tile(np.arange(1.0, 21), (len(LEVELS), 1)).T)
    assert (few[0], few[-1]) == (1, 20)


def test_cells_are_pooled_until_they_hold_enough():
    x = np.repeat([1.5, 2.2, 2.7, 3.2, 3.7, 4.5, 5.5, 7.0, 9.0], [45, 315, 1549, 99, 20, 30, 99, 150, 5])
    assert cells_of(x).tolist() == [1.0, 2.5, 3.0, 4.0, 6.0, 10.0]
    assert cells_of(x, 10**6).tolist() == [1.0, 10.0]
    assert cells_of(x, 1).tolist() == list(CELLS)


def test_edges_belong_to_the_cell_above_and_the_last_to_the_last():
    assert cell_number([1.15, 2.0, 2.49, 10.0], np.array(CELLS)).tolist() == [0, 1, 1, 8]


# ---- too few ----


def test_what_too_few_rows_lack():
    x, q, groups = planted(300, 7)
    assert lacking(x, q, groups) == ""
    assert "150 rows (at least 200)" in lacking(x[:150], q[:150], groups[:150])
    assert "1 resolutions (at least 20)" in lacking(np.full(300, 3.0), q, groups)
    assert "3 groups (at least 20)" in lacking(x, q, groups % 3)
    with pytest.raises(ValueError, match="too few for a quantile curve: 150 rows"):
        fit_curve(x[:150], q[:150], groups[:150])


# ---- evaluation ----


def small():
    values = np.array([[0.6, 0.7, 0.8], [0.4, 0.5, 0.6], [0.2, 0.2, 0.3]])
    return Curve(np.array([2.0, 3.0, 5.0]), np.array([0.025, 0.5, 0.975]), values, 9, name="small")


def test_values_between_the_points_are_linear():
    assert small().at([2.5, 4.0]) == pytest.approx(np.array([[0.5, 0.6, 0.7], [0.3, 0.35, 0.45]]))
    assert small().at(3.0) == pytest.approx([0.4, 0.5, 0.6])
    assert small().expected(2.5) == pytest.approx(0.6)
    assert small().band(2.0) == pytest.approx((0.6, 0.8))
    assert small().domain == (2.0, 5.0)


def test_shapes_are_those_of_the_resolutions(curve):
    assert np.shape(curve.at(3.0)) == (len(LEVELS),)
    assert curve.at([2, 3, 4]).shape == (3, len(LEVELS))
    assert np.shape(curve.expected(3.0)) == np.shape(curve.percentile(3.0, 0.5)) == ()
    assert curve.percentile([2.0, 3.0], [0.5, 0.5]).shape == (2,)
    assert float(curve.band(3.0, 0.5)[0]) < float(curve.band(3.0, 0.5)[1])


def test_nothing_is_said_outside_the_domain():
    for resolution in (1.99, 5.01, np.nan, np.inf):
        assert np.isnan(small().at(resolution)).all()
        assert np.isnan(small().percentile(resolution, 0.5))
    assert np.isnan(small().percentile(3.0, np.nan))
    assert small().percentile([3.0, 9.0], 0.5)[0] == 0.5


def test_a_level_that_is_not_there():
    with pytest.raises(ValueError, match=r"level 0\.05; the curve holds 0\.025, 0\.5, 0\.975"):
        small().band(3.0, 0.9)


def test_the_percentile_at_a_level_is_the_level(curve):
    for resolution in (1.6, 3.0, 7.3):
        assert curve.percentile(np.full(len(LEVELS), resolution), curve.at(resolution)) == pytest.approx(LEVELS)


def test_the_percentile_rises_with_q_within_0_and_1(curve):
    q = np.linspace(-1, 1, 4001)
    for resolution in (curve.domain[0], 2.0, 3.3, curve.domain[1]):
        found = curve.percentile(np.full(len(q), resolution), q)
        assert (np.diff(found) >= 0).all()
        assert found.min() >= 0
        assert found.max() <= 1
        assert np.diff(found).max() < 0.1


def test_tails_go_on_at_the_rate_of_the_outermost_levels():
    """As far below the outermost level as that is below the next, the share falls by the same factor."""
    made = Curve(np.array([2.0, 3.0]), np.array([0.01, 0.02, 0.98, 0.99]), np.tile([0.3, 0.4, 0.6, 0.7], (2, 1)), 9)
    assert made.percentile(2.5, [0.2, 0.1, 0.8, 0.9]) == pytest.approx([0.005, 0.0025, 0.995, 0.9975])


def test_levels_of_one_value_do_not_break_the_percentile():
    assert small().percentile(5.0, 0.2) == pytest.approx(0.5)
    assert 0 < small().percentile(5.0, 0.2 - 1e-9) <= 0.025
    assert small().percentile(5.0, 0.1) == pytest.approx(0, abs=1e-12)


# ---- JSON ----


def test_a_curve_comes_back_bit_for_bit(curve):
    content = json.loads(json.dumps(curve.as_dict() | {"selection": "more beside"}, allow_nan=False))
    back = Curve.from_dict(content)
    for key in ("grid", "levels", "values"):
        assert (getattr(back, key) == getattr(curve, key)).all()
    assert back.as_dict() == curve.as_dict()
    assert curve.as_dict()["making"]["knots"][0] == curve.domain[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": [[1, 2]]}, "3 points and 3 levels"),
        ({"grid": [3.0, 2.0, 5.0]}, "must rise"),
        ({"levels": [0.5, 0.5, 0.9]}, "must rise"),
        ({"values": [[0.1, 0.2, float("nan")]] * 3}, "values"),
    ],
)
def test_a_broken_curve_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Curve.from_dict(small().as_dict() | change)


def test_a_curve_without_its_grid_is_refused():
    content = small().as_dict()
    del content["grid"]
    with pytest.raises(ValueError, match="without grid"):
        Curve.from_dict(content)
