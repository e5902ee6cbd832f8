"""The resolution that a score predicts, for entries that were not used, and how far it is off."""

from __future__ import annotations

import numpy as np

FOLDS = 10


def monotone(score, resolution, new) -> np.ndarray:
    """Isotonic regression of `resolution` on `score`, at the scores `new`.

    It follows any rising or falling relation without knots or a shape to choose, is the same for a score and any
    monotone function of it (so no score gains by its units or scale), and an outlier in the tail of a score bends
    nothing but its own end. The direction is the sign of Spearman's ρ of the rows it is fitted to. Between scores it
    is linear, beyond them constant: nothing is extrapolated.

    Parameters
    ----------
    score, resolution : float array, shape (n,)
        Of the rows it is fitted to; Å.
    new : float array, shape (m,)

    Returns
    -------
    float array, shape (m,)
        Å.
    """
    from scipy.optimize import isotonic_regression
    from scipy.stats import rankdata

    place, number = np.unique(score, return_inverse=True)
    weight = np.bincount(number).astype(float)
    mean = np.bincount(number, resolution) / weight
    rising = covariance(rankdata(score), rankdata(resolution)) >= 0
    return np.interp(new, place, isotonic_regression(mean, weights=weight, increasing=bool(rising)).x)


def straight(score, resolution, new) -> np.ndarray:
    """Least-squares line of `resolution` on `score`, at `new` clamped to the scores it is fitted to."""
    centre, spread = score.mean(), score.std()
    if not spread > 0:
        return np.full(len(new), resolution.mean())
    slope = covariance((score - centre) / spread, resolution)
    return resolution.mean() + slope * (np.clip(new, score.min(), score.max()) - centre) / spread


def unknowing(score, resolution, new) -> np.ndarray:
    """The mean resolution of the rows, whatever the score: what a score has to beat."""
    return np.full(len(new), resolution.mean())


def covariance(x, y) -> float:
    """Of two arrays of shape (n,), over n."""
    return float(np.mean((x - x.mean()) * (y - y.mean())))


def out_of_fold(score, resolution, fold, predict=monotone) -> np.ndarray:
    """The resolution predicted for each row by what was fitted to the rows of the other folds.

    Parameters
    ----------
    score, resolution : float array, shape (n,)
    fold : int array, shape (n,)
        Whole groups of rows that are not independent share one.
    predict : callable
        `monotone`, `straight` or `unknowing`.

    Returns
    -------
    float array, shape (n,)
        Å.
    """
    found = np.empty(len(score))
    for one in np.unique(fold):
        held = fold == one
        found[held] = predict(score[~held], resolution[~held], score[held])
    return found


def rmse(error) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(error))))
