"""Everything fitted to one relation of Q with resolution: one set of rows, one x, one sigma."""

from __future__ import annotations

import numpy as np
from scipy import stats

from qscore.independence import Independence
from qscore.regression import fit_cubic, fit_line
from qscore.resampling import FEWEST, bootstrap_both
from qscore.robust import robust_lines
from qscore.shape import lack_of_fit, too_few_for_shape

LEAST = 8  # rows


def fit_part(x, q, independence: Independence, *, draws: int = 2000, seed: int = 2026) -> dict:
    """The line with all its uncertainties, the robust lines, the test of shape and the cubic.

    Parameters
    ----------
    x : float array, shape (n,)
        Resolution, Å.
    q : float array, shape (n,)
    independence : Independence
        Of the same rows.
    draws, seed : int
        Of the bootstrap; the seed also of Theil–Sen's pairs.

    Returns
    -------
    dict
        For JSON, floats in full: ``n``, ``x_low``, ``x_high``; ``ols`` (`Line.as_dict`), ``correlation`` (``pearson``,
        ``spearman``), ``residual_skew``, ``bootstrap`` (`bootstrap_both`), ``robust`` (`robust_lines`),
        ``lack_of_fit``, ``cubic`` (`Polynomial.as_dict`), ``notes`` (why a part is None).
        The same for any order of the rows.

    Raises
    ------
    ValueError
        Fewer than `LEAST` rows, lengths that differ, a value that is not a finite number, all at one resolution or one
        Q.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(q, dtype=float)
    _check(x, y, independence)
    order = np.lexsort((independence.protein, independence.publication, y, x))
    x, y, independence = x[order], y[order], independence.take(order)
    line, notes = fit_line(x, y), []
    return {
        "n": len(x),
        "x_low": line.x_low,
        "x_high": line.x_high,
        "ols": line.as_dict(),
        "correlation": _correlation(x, y),
        "residual_skew": _skew(y - line.at(x)),
        "bootstrap": _bootstrap(x, y, independence, notes, how={"draws": draws, "seed": seed}),
        "robust": robust_lines(x, y, seed=seed),
        **_shape(x, y, notes),
        "notes": notes,
    }


def _check(x, y, independence: Independence) -> None:
    lengths = {len(x), len(y), len(independence.publication)}
    if len(lengths) > 1:
        raise ValueError(f"x, Q and groups of different lengths: {sorted(lengths)}")
    if len(x) < LEAST:
        raise ValueError(f"{len(x)} rows; a relation is fitted to at least {LEAST}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError(f"{int((~np.isfinite(x) | ~np.isfinite(y)).sum())} rows without a finite x or Q")
    if np.ptp(y) == 0:
        raise ValueError(f"{len(y)} rows, all of Q {y[0]:g}: no relation")


def _correlation(x, y) -> dict:
    return {"pearson": float(stats.pearsonr(x, y).statistic), "spearman": float(stats.spearmanr(x, y).statistic)}


def _skew(residuals) -> float | None:
    spread = residuals.std()
    return float(np.mean(((residuals - residuals.mean()) / spread) ** 3)) if spread > 1e-12 else None


def _bootstrap(x, y, independence: Independence, notes: list[str], how: dict) -> dict | None:
    fewest = min(len(np.unique(groups)) for groups in (independence.publication, independence.protein))
    if fewest < FEWEST:
        notes.append(f"{fewest} independent groups: too few to redraw (at least {FEWEST}); the line has no bootstrap")
        return None
    return bootstrap_both(x, y, independence, **how)


def _shape(x, y, notes: list[str]) -> dict:
    if sentence := too_few_for_shape(x):
        notes.append(f"{sentence}; no cubic either")
        return {"lack_of_fit": None, "cubic": None}
    return {"lack_of_fit": lack_of_fit(x, y), "cubic": fit_cubic(x, y).as_dict()}
