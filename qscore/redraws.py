"""Quantities of a table with whole groups of its rows redrawn: intervals, and which of many differ at once."""

from __future__ import annotations

import numpy as np

from qscore import groupdraws
from qscore.resampling import LEVELS

DRAWS, SEED = 1000, 2026


def totals(terms, group, *, draws: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """Sums over redrawn rows.

    Parameters
    ----------
    terms : float array, shape (k, n)
        What is summed over rows.
    group : int array, shape (n,)
        Rows of a number are drawn together.
    draws, seed : int
        The same groups and seed give the same draws whatever the terms.

    Returns
    -------
    float array, shape (k, draws)
    """
    number = np.unique(group, return_inverse=True)[1]
    sums = [np.bincount(number, term, minlength=int(number.max()) + 1) for term in terms]
    return groupdraws.totals(sums, draws=draws, seed=seed)


def moments(x, y) -> np.ndarray:
    """The terms whose totals give a correlation, shape (6, n)."""
    x, y = standard(x), standard(y)
    return np.array([np.ones_like(x), x, y, x * x, x * y, y * y])


def standard(x) -> np.ndarray:
    """About the mean, in standard deviations; zeros where it does not vary."""
    x = np.asarray(x, dtype=float)
    centred = x - x.mean()
    spread = np.sqrt(np.mean(centred**2))
    return centred / spread if spread > 1e-12 * max(1e-300, np.abs(x).max()) else np.zeros_like(x)


def correlation(sums) -> np.ndarray:
    """Pearson's r from totals of `moments`, shape (6, …); NaN where either does not vary."""
    n, x, y, xx, xy, yy = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        sxx, sxy, syy = xx - x * x / n, xy - x * y / n, yy - y * y / n
        varies = (sxx > 1e-9 * np.maximum(xx, 1e-300)) & (syy > 1e-9 * np.maximum(yy, 1e-300))
        return np.where(varies, np.clip(sxy / np.sqrt(sxx * syy), -1.0, 1.0), np.nan)


def pearson(x, y) -> float:
    """Pearson's r; NaN where either does not vary."""
    return float(correlation(moments(x, y).sum(axis=1)))


def spearman(x, y) -> float:
    """Spearman's ρ; NaN where either does not vary."""
    from scipy.stats import rankdata

    return pearson(rankdata(x), rankdata(y))


def spearman_redrawn(x, y, group, *, draws: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """Spearman's ρ of redrawn rows, ranked anew in each draw, shape (draws,)."""
    return correlation(groupdraws.rank_moments(x, y, group, draws=draws, seed=seed))


def interval(values) -> tuple[float, float] | None:
    """95 % percentile interval of redrawn values; None where fewer than nine in ten draws gave one."""
    usable = values[np.isfinite(values)]
    return tuple(np.quantile(usable, LEVELS).tolist()) if len(usable) >= 0.9 * len(values) else None


def wider(intervals) -> tuple[float, float] | None:
    """The widest of several intervals; None where one is missing."""
    intervals = list(intervals)
    return None if None in intervals else max(intervals, key=lambda ends: ends[1] - ends[0])


def told_apart(means, redrawn, level: float = 0.95) -> np.ndarray:
    """Which pairs of quantities differ, all pairs at once.

    Studentised differences are held against the quantile of their largest over all pairs in the same redraws, so the
    best may be picked after the values are seen without a bias in its favour.

    Parameters
    ----------
    means : float array, shape (k,)
    redrawn : float array, shape (k, draws)
        The same quantities in redraws common to all.
    level : float
        Probability that no pair of equal quantities is told apart.

    Returns
    -------
    bool array, shape (k, k)
        Whether the first is told to be above the second.
    """
    first, second = np.triu_indices(len(means), 1)
    difference = means[first] - means[second]
    spread = redrawn[first] - redrawn[second]
    scale = spread.std(axis=1, ddof=1)
    varies = scale > 1e-9 * max(float(np.abs(means).max()), 1e-300)  # else equal but for rounding
    largest = np.zeros(redrawn.shape[1])
    for one in np.flatnonzero(varies):
        np.maximum(largest, np.abs(spread[one] - difference[one]) / scale[one], out=largest)
    above = np.abs(difference) > np.where(varies, np.quantile(largest, level) * scale, np.inf)
    found = np.zeros((len(means), len(means)), dtype=bool)
    found[first, second], found[second, first] = above & (difference > 0), above & (difference < 0)
    return found
