"""The uncertainty of a line by redrawing whole groups of rows that are not independent."""

from __future__ import annotations

import numpy as np

from qscore import groupdraws
from qscore.independence import Independence
from qscore.regression import Lines, fit_line, lines_from, sums_of

FEWEST = 5  # groups; with fewer, redrawing them says nothing
LEVELS = (0.025, 0.975)
_QUANTITIES = ("slope", "intercept", "r_squared", "rmse")


def bootstrap_line(x, q, groups, *, draws: int = 2000, seed: int = 2026) -> dict:
    """Cluster bootstrap of a least-squares line: whole groups drawn with replacement, as many as there are.

    Intervals are percentile intervals. R² and RMSE are not pivotal and R² of few rows is skewed: its interval is
    wide at the low end and can leave the fitted value off-centre, which is its nature and not corrected.

    Parameters
    ----------
    x : float array, shape (n,)
        Å.
    q : float array, shape (n,)
    groups : int array, shape (n,)
        Rows of a group are drawn together.
    draws, seed : int

    Returns
    -------
    dict
        ``slope``, ``intercept``, ``r_squared``, ``rmse``, each with ``se``, ``low``, ``high`` (95 %);
        ``covariance`` of (intercept, slope); ``ratio`` and ``ratio_hc3`` (the slope's standard error over least
        squares' own, and over HC3's: what the grouping alone adds; None where there is none);
        ``groups``, ``largest`` (rows), ``draws``, ``lost`` (draws without a line), ``seed``, ``interval``.

    Raises
    ------
    ValueError
        Fewer than `FEWEST` groups; see also `fit_line`.
    """
    x, y, groups = _sorted(x, q, groups)
    line = fit_line(x, y)
    _, number, size = np.unique(groups, return_inverse=True, return_counts=True)
    if len(size) < FEWEST:
        raise ValueError(f"{len(size)} groups; redrawing needs at least {FEWEST}")
    found = redrawn(*sums_of(x, y, number, len(size)), draws=draws, seed=seed)
    usable = np.isfinite(found.slope)
    spread = {name: _spread(getattr(found, name)[usable]) for name in _QUANTITIES}
    return {
        **spread,
        "covariance": np.cov(found.intercept[usable], found.slope[usable]).tolist(),
        "ratio": _over(spread["slope"]["se"], line.slope_se),
        "ratio_hc3": _over(spread["slope"]["se"], line.slope_se_hc3),
        "groups": len(size),
        "largest": int(size.max()),
        "draws": draws,
        "lost": int((~usable).sum()),
        "seed": seed,
        "interval": "percentile",
    }


def bootstrap_both(x, q, independence: Independence, *, draws: int = 2000, seed: int = 2026) -> dict:
    """The bootstrap by publication and by protein; the one with the wider slope is to be quoted.

    Returns
    -------
    dict
        ``publication`` and ``protein`` as of `bootstrap_line`, ``quoted`` (which of them), ``redrawn`` (what
        each of them redraws, in words), ``text`` (what the groups rest on).

    Raises
    ------
    ValueError
        See `bootstrap_line`.
    """
    found = {
        name: bootstrap_line(x, q, getattr(independence, name), draws=draws, seed=seed)
        for name in ("publication", "protein")
    }
    quoted = max(found, key=lambda name: found[name]["slope"]["se"])
    return found | {"quoted": quoted, "redrawn": independence.redrawn, "text": independence.text}


def redrawn(sums: np.ndarray, centre: tuple[float, float], *, draws: int, seed: int) -> Lines:
    """Lines through redrawn groups.

    Parameters
    ----------
    sums, centre
        Of the groups, as of `regression.sums_of`.
    draws, seed : int
    """
    return lines_from(groupdraws.totals(sums, draws=draws, seed=seed), centre)


def _sorted(x, q, groups):
    """Rows in an order of their own, so that sums do not depend on the order of the table."""
    x, y, groups = np.asarray(x, dtype=float), np.asarray(q, dtype=float), np.asarray(groups)
    order = np.lexsort((y, x, groups))
    return x[order], y[order], groups[order]


def _over(se: float, other: float | None) -> float | None:
    return se / other if other else None


def _spread(values: np.ndarray) -> dict:
    low, high = np.quantile(values, LEVELS)
    return {"se": float(values.std(ddof=1)), "low": float(low), "high": float(high)}
