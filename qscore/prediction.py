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
    (place, number), ranks = numbered(score), numbered(resolution)[1]
    return _monotone(number, ranks, resolution, place)(new)


def numbered(values) -> tuple[np.ndarray, np.ndarray]:
    """The different values, rising, and which of them each is."""
    return np.unique(values, return_inverse=True)


def _monotone(number, rank, resolution, place):
    """`monotone`, a function of new scores, of rows by the numbers of their different scores and resolutions.

    `place`: the score of each number, of which there may be more than these rows have.
    """
    from scipy.optimize import isotonic_regression

    count = np.bincount(number, minlength=len(place))
    there = count > 0
    mean = np.bincount(number, resolution, minlength=len(place))[there] / count[there]
    rising = covariance(_ranks(number, count), _ranks(rank, np.bincount(rank))) >= 0
    found = isotonic_regression(mean, weights=count[there].astype(float), increasing=bool(rising)).x
    return lambda new: np.interp(new, place[there], found)


def _ranks(number, count) -> np.ndarray:
    """Ranks of rows, the mean one of equal values, from the number of each one's value and how often each is there."""
    return (np.cumsum(count) - (count - 1) / 2)[number]


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
    if predict is monotone:  # the rows of a fold are numbered as all are: they are sorted once
        (place, number), rank = numbered(score), numbered(resolution)[1]
    found = np.empty(len(score))
    for one in np.unique(fold):
        held = fold == one
        if predict is monotone:
            found[held] = _monotone(number[~held], rank[~held], resolution[~held], place)(score[held])
        else:
            found[held] = predict(score[~held], resolution[~held], score[held])
    return found


def rmse(error) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(error))))
