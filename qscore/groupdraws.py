"""Whole groups of rows redrawn: how often each is drawn, and sums and ranks of the rows that were."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from qscore import compiled


@lru_cache(maxsize=4)  # the scores of a survey are redrawn alike, one after the other
def times_drawn(groups: int, draws: int, seed: int) -> np.ndarray:
    """How often each group is drawn: as many groups as there are, with replacement → uint16 (draws, groups).

    The same numbers give the same draws, whatever is redrawn.
    """
    generator = np.random.default_rng(seed)
    found = np.empty((draws, groups), np.uint16)
    for times in found:
        times[:] = np.bincount(generator.integers(groups, size=groups), minlength=groups)
    found.flags.writeable = False
    return found


def totals(sums, *, draws: int, seed: int) -> np.ndarray:
    """Sums over the groups drawn.

    Parameters
    ----------
    sums : float array, shape (k, groups)
        Of the rows of each group.
    draws, seed : int
        See `times_drawn`.

    Returns
    -------
    float array, shape (k, draws)
        Not by a matrix product: its rounding may depend on the threads.
    """
    sums = np.ascontiguousarray(np.asarray(sums, dtype=float).T)
    found = np.empty((draws, sums.shape[1]))
    compiled.loops().sum_redrawn(sums, times_drawn(len(sums), draws, seed), found)
    return np.ascontiguousarray(found.T)


def rank_moments(x, y, group, *, draws: int, seed: int) -> np.ndarray:
    """Sums of 1, x, y, xx, xy, yy of the ranks of redrawn rows, ranked anew in each draw.

    Parameters
    ----------
    x, y, group : array, shape (n,)
        Rows of a group are drawn together. A rank is the mean one of equal values, about the middle and over the rows.
    draws, seed : int

    Returns
    -------
    float array, shape (6, draws)
    """
    order = np.lexsort((group, x, y))
    xs, ys, number = (np.unique(one, return_inverse=True)[1][order] for one in (x, y, group))
    times = times_drawn(int(number.max()) + 1, draws, seed)
    found, scratch = np.empty((draws, 6)), (np.empty(len(xs)), np.empty(int(xs.max()) + 1))
    compiled.loops().rank_redrawn(xs, ys, number, times, *scratch, found)
    return np.ascontiguousarray(found.T)
