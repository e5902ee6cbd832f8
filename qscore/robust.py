"""Lines that outliers move little."""

from __future__ import annotations

import numpy as np
from scipy import stats

from qscore.regression import fit_robust

EXACT = 5_000  # rows up to which Theil–Sen takes every pair
PAIRS = 10_000_000  # pairs drawn beyond


def robust_lines(x, q, *, seed: int = 2026) -> dict:
    """Lines that outliers move little: ``huber``, ``tukey`` (bisquare) and ``theil_sen``.

    Where they disagree with each other and with least squares the relation is curved, or its spread lopsided; their
    errors count rows as independent.

    Parameters
    ----------
    x : float array, shape (n,)
        Å.
    q : float array, shape (n,)
    seed : int
        Of the pairs drawn for Theil–Sen beyond `EXACT` rows.

    Returns
    -------
    dict
        For each ``slope``, ``intercept``. Huber and bisquare (tuning constants 1.345 and 4.685, scale by MAD): also
        ``slope_se``, ``intercept_se``, ``scale``. Theil–Sen: ``slope_low`` and ``slope_high`` (95 %, Sen 1968),
        ``pairs``, ``exact``, ``monte_carlo_se`` (None when exact) and ``seed``. One that finds no line (more than half
        of the rows exactly on it) is None.
    """
    order = np.lexsort((q, x))
    x, y = np.asarray(x, dtype=float)[order], np.asarray(q, dtype=float)[order]
    return {
        "huber": fit_robust(x, y, "huber"),
        "tukey": fit_robust(x, y, "tukey"),
        "theil_sen": _theil_sen(x, y) if len(x) <= EXACT else _theil_sen_drawn(x, y, seed),
    }


def _theil_sen(x, y) -> dict:
    """The median slope of all pairs."""
    found = stats.theilslopes(y, x, method="separate")
    line = {"slope": found.slope, "intercept": found.intercept, "slope_low": found.low_slope}
    line = {key: float(value) for key, value in line.items()} | {"slope_high": float(found.high_slope)}
    return line | {"pairs": len(x) * (len(x) - 1) // 2, "exact": True, "monte_carlo_se": None, "seed": None}


def _theil_sen_drawn(x, y, seed: int) -> dict:
    """The median slope of drawn pairs; its Monte-Carlo error is a median's, from the order statistics about it."""
    slopes = _drawn_slopes(x, y, np.random.default_rng(seed))
    n, m = len(x), len(slopes)
    # Sen's interval holds the middle share of the slopes, z·SD(S)/pairs, S Kendall's statistic (without ties)
    share = stats.norm.ppf(0.975) * np.sqrt(n * (n - 1) * (2 * n + 5) / 18) / (n * (n - 1) / 2) / 2
    error = 0.5 / np.sqrt(m)
    levels = 0.5 + np.array([0, -share, share, -error, error])
    places = np.clip((levels * m).astype(int), 0, m - 1)
    slopes.partition(np.unique(places))
    slope, low, high, under, over = slopes[places].tolist()
    line = {"slope": slope, "intercept": float(np.median(y) - slope * np.median(x)), "slope_low": low}
    line |= {"slope_high": high, "pairs": m, "exact": False, "monte_carlo_se": (over - under) / 2, "seed": seed}
    return line


def _drawn_slopes(x, y, generator) -> np.ndarray:
    """Slopes of `PAIRS` pairs of rows at different x, drawn with replacement."""
    slopes, filled, chunk = np.empty(PAIRS), 0, max(PAIRS // 20, 1)
    while filled < PAIRS:
        one, other = generator.integers(len(x), size=(2, chunk), dtype=np.int32)
        dx = x[one] - x[other]
        apart = dx != 0
        found = ((y[one] - y[other])[apart] / dx[apart])[: PAIRS - filled]
        slopes[filled : filled + len(found)] = found
        filled += len(found)
    return slopes
