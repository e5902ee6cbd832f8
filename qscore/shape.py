"""Whether a line is the right shape for a relation of Q with resolution (owns patsy)."""

from __future__ import annotations

import numpy as np
from scipy import stats

from qscore.regression import hc3, least_squares, rmse_of

KNOTS = 5  # of the natural spline a line is held against
CURVED = 0.15  # Cohen's f² of curvature: conventional medium effect (Cohen 1988, Statistical Power Analysis, chapter 9)
SURE = 0.01  # p-value above which curvature is not claimed
NO_EVIDENCE, SLIGHTLY, WRONG = "no evidence against a line", "departs slightly from a line", "a line is the wrong shape"
UNTESTED = "the shape cannot be tested"


def lack_of_fit(x, q) -> dict:
    """A line held against a natural cubic spline that contains it.

    The test is Wald's with HC3 covariance on what the spline has beyond the line. With thousands of rows it rejects
    any line, so the verdict weighs the size of the curvature as well: Cohen's f² = (R²(spline) − R²(line))/(1 −
    R²(spline)), the mean square departure of the spline from the line in units of the scatter about the spline.

    Parameters
    ----------
    x : float array, shape (n,)
        Å.
    q : float array, shape (n,)

    Returns
    -------
    dict
        ``n``, ``knots``; ``r_squared_line``, ``r_squared_spline``, ``rmse_line``, ``rmse_spline``; ``f``, ``df``,
        ``p`` (None where one point alone determines a coefficient); ``effect`` (f²); ``departure`` (the largest,
        Q, spline − line, and ``at`` which x) within the middle 99 % of rows and ``departure_ends`` over all;
        ``verdict`` (`NO_EVIDENCE`, `SLIGHTLY`, `WRONG` or `UNTESTED`), ``wrong_shape``, ``sentence``. No evidence
        is not a line shown to be right: with few rows only a strong curve is told from one.

    Raises
    ------
    ValueError
        Fewer than 16 points, or fewer than 8 different `x`.
    """
    order = np.lexsort((q, x))
    x, y = np.asarray(x, dtype=float)[order], np.asarray(q, dtype=float)[order]
    if sentence := too_few_for_shape(x):
        raise ValueError(sentence)
    straight = np.column_stack([np.ones_like(x), (x - x.mean()) / x.std()])
    line, spline = (least_squares(y, one) for one in (straight, np.hstack([straight, _bends(x, straight)])))
    facts = {
        "n": len(x),
        "knots": KNOTS,
        **{f"r_squared_{name}": float(fit.rsquared) for name, fit in (("line", line), ("spline", spline))},
        **{f"rmse_{name}": rmse_of(fit) for name, fit in (("line", line), ("spline", spline))},
        **_wald(spline),
        "effect": float((line.ssr - spline.ssr) / spline.ssr) if spline.ssr > 0 else None,
        **_departures(x, spline.fittedvalues - line.fittedvalues),
    }
    facts["verdict"] = _verdict(facts["effect"], facts["p"])
    return facts | {"wrong_shape": facts["verdict"] == WRONG, "sentence": _shape_sentence(facts)}


def too_few_for_shape(x) -> str:
    """Why the shape is not tested; "" when it can be."""
    different = len(np.unique(x))
    if len(x) >= 16 and different >= 8:
        return ""
    return f"{len(x)} points at {different} resolutions: too few to tell a curve from a line (16 at 8 are needed)"


def _bends(x, straight) -> np.ndarray:
    """What a natural spline has beyond a line: `KNOTS` − 2 orthogonal columns."""
    from patsy import dmatrix

    basis = np.asarray(dmatrix(f"cr(x, df={KNOTS}) - 1", {"x": x}))
    beyond = basis - straight @ np.linalg.lstsq(straight, basis)[0]
    return np.linalg.svd(beyond, full_matrices=False)[0][:, : KNOTS - 2] * np.sqrt(len(x))


def _wald(spline) -> dict:
    covariance = hc3(spline)
    if covariance is None:
        return {"f": None, "df": [KNOTS - 2, int(spline.df_resid)], "p": None}
    bends, spread = spline.params[2:], covariance[2:, 2:]
    f = float(bends @ np.linalg.solve(spread, bends) / len(bends))
    return {"f": f, "df": [len(bends), int(spline.df_resid)], "p": float(stats.f.sf(f, len(bends), spline.df_resid))}


def _departures(x, departure) -> dict:
    low, high = np.quantile(x, [0.005, 0.995])
    middle = np.flatnonzero((x >= low) & (x <= high))
    largest = [places[np.argmax(np.abs(departure[places]))] for places in (middle, np.arange(len(x)))]
    named = zip(("departure", "departure_ends"), largest, strict=True)
    return {name: {"q": float(departure[k]), "at": float(x[k])} for name, k in named}


def _verdict(effect: float | None, p: float | None) -> str:
    if effect is None:
        return WRONG
    if p is None:
        return UNTESTED
    if p > SURE:
        return NO_EVIDENCE
    return WRONG if effect >= CURVED else SLIGHTLY


def in_short(facts: dict) -> str:
    """The verdict of `lack_of_fit` with the numbers it rests on."""
    p, effect = facts["p"], facts["effect"]
    sure = "one point alone determines the curve" if p is None else "p < 1e-300" if p < 1e-300 else f"p = {p:.2g}"
    size = "no scatter about the curve" if effect is None else f"f² = {effect:.3f}"
    numbers = [sure, size] if facts["verdict"] in (NO_EVIDENCE, UNTESTED) else [size, sure]
    return f"{facts['verdict']} ({', '.join(numbers)}, n = {facts['n']:,})".replace("-", "−")


def _shape_sentence(facts: dict) -> str:
    middle, ends = facts["departure"], facts["departure_ends"]
    return f"{in_short(facts)}: " + (
        f"a natural spline with {facts['knots']} knots takes R² from {facts['r_squared_line']:.3f} to "
        f"{facts['r_squared_spline']:.3f} and RMSE from {facts['rmse_line']:.4f} to {facts['rmse_spline']:.4f}; it "
        f"departs from the line by {middle['q']:+.3f} at {middle['at']:.2f} Å (largest within 99 % of rows) and "
        f"{ends['q']:+.3f} at {ends['at']:.2f} Å (largest of all)"
    ).replace("-", "−")
