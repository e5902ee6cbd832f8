"""The grouped bootstrap against a literal loop, and its standard error against the truth."""

import numpy as np
import pytest

from qscore.independence import Independence
from qscore.regression import fit_line
from qscore.resampling import bootstrap_both, bootstrap_line


def planted(groups=60, *, seed=4, shared=0.06, own=0.04):
    """Rows in groups of 1 to 6 with an error in common; x near one value within a group."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), rng.integers(1, 7, groups))
    x = np.round(rng.uniform(1.5, 6, groups)[group] + rng.uniform(-0.3, 0.3, len(group)), 2)
    y = 1.1 - 0.17 * x + shared * rng.standard_normal(groups)[group] + own * rng.standard_normal(len(group))
    return x, y, group


def literal_bootstrap(x, y, group, *, draws, seed):
    """Rows copied group by group and a line fitted to each draw."""
    generator, members = np.random.default_rng(seed), [np.flatnonzero(group == k) for k in np.unique(group)]
    lines = []
    for _ in range(draws):
        taken = np.concatenate([members[k] for k in generator.integers(len(members), size=len(members))])
        line = fit_line(x[taken], y[taken])
        lines.append([line.slope, line.intercept, line.r_squared, line.rmse])
    return np.array(lines)


def test_bootstrap_is_the_literal_loop():
    x, y, group = planted()
    found, twin = bootstrap_line(x, y, group, draws=200, seed=9), literal_bootstrap(x, y, group, draws=200, seed=9)
    for k, name in enumerate(("slope", "intercept", "r_squared", "rmse")):
        assert found[name]["se"] == pytest.approx(twin[:, k].std(ddof=1), rel=1e-9)
        np.testing.assert_allclose(
            [found[name]["low"], found[name]["high"]], np.quantile(twin[:, k], [0.025, 0.975]), rtol=1e-9
        )
    np.testing.assert_allclose(found["covariance"], np.cov(twin[:, 1], twin[:, 0]), rtol=1e-9)
    line = fit_line(x, y)
    assert found["ratio"] == pytest.approx(found["slope"]["se"] / line.slope_se)
    assert found["ratio_hc3"] == pytest.approx(found["slope"]["se"] / line.slope_se_hc3)
    assert (found["groups"], found["largest"], found["draws"], found["lost"]) == (60, 6, 200, 0)


def test_bootstrap_does_not_depend_on_the_order_of_rows():
    x, y, group = planted()
    order = np.random.default_rng(0).permutation(len(x))
    assert bootstrap_line(x, y, group, draws=50) == bootstrap_line(x[order], y[order], group[order], draws=50)


def test_seed_is_used():
    x, y, group = planted()
    assert bootstrap_line(x, y, group, draws=50, seed=1) != bootstrap_line(x, y, group, draws=50, seed=2)


def test_grouped_error_is_the_true_one_and_the_naive_too_small():
    slopes, told = [], []
    for seed in range(100):
        x, y, group = planted(80, seed=seed)
        slopes.append(fit_line(x, y).slope)
        found = bootstrap_line(x, y, group, draws=100)
        told.append((found["slope"]["se"], found["slope"]["se"] / found["ratio"]))
    grouped, naive = np.mean(told, axis=0) / np.std(slopes)
    assert 0.85 < grouped < 1.2 and naive < 0.8


def test_interval_covers():
    covered = 0
    for seed in range(120):
        found = bootstrap_line(*planted(80, seed=1000 + seed), draws=200)["slope"]
        covered += found["low"] <= -0.17 <= found["high"]
    assert 103 <= covered <= 119  # 114 at 95 %; percentile intervals of 80 groups fall a little short


def test_draws_without_a_line_are_counted_and_left_out():
    x, y = np.array([2.0, 2, 2, 2, 2, 3]), np.array([0.7, 0.6, 0.65, 0.66, 0.64, 0.5])
    found = bootstrap_line(x, y, np.arange(6), draws=300)
    assert 50 < found["lost"] < 200 and np.isfinite(found["slope"]["se"])


def test_few_groups_are_refused():
    with pytest.raises(ValueError, match="4 groups; redrawing needs at least 5"):
        bootstrap_line(np.arange(8.0), np.arange(8.0), np.arange(8) % 4)


def test_the_wider_error_is_quoted():
    x, y, group = planted()
    alone = np.arange(len(x))
    found = bootstrap_both(x, y, Independence(alone, group, group, "told"), draws=100)
    assert found["quoted"] == "protein" and found["text"] == "told"
    assert found["protein"]["slope"]["se"] > found["publication"]["slope"]["se"]
    assert found["publication"] == bootstrap_line(x, y, alone, draws=100)
    assert bootstrap_both(x, y, Independence(group, alone, group, "told"), draws=100)["quoted"] == "publication"
