"""Whole groups of rows redrawn: how often each is drawn, and sums and ranks of the rows that were."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from qscore import compiled

LANES = 32  # of `redrawloops`, which is not imported here: the compiler would be, too


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


@lru_cache(maxsize=4)
def _by_lanes(groups: int, draws: int, seed: int) -> np.ndarray:
    """`times_drawn` in blocks of redraws that are ranked side by side → uint16 (blocks, groups, lanes).

    The last block is filled up with the first redraws.
    """
    blocks = -(-draws // LANES)
    times = times_drawn(groups, draws, seed)[np.arange(blocks * LANES) % draws]
    return np.ascontiguousarray(times.reshape(blocks, LANES, groups).swapaxes(1, 2))


def rank_moments(x, y, group, *, draws: int, seed: int) -> np.ndarray:
    """Sums of 1, x, y, xx, xy, yy of the ranks of redrawn rows, ranked anew in each draw.

    Parameters
    ----------
    x, y, group : array, shape (n,)
        Rows of a group are drawn together. A rank is the mean one of equal values, about the middle: so the sums of
        ranks themselves are 0. `x` should be the one with fewer different values.
    draws, seed : int

    Returns
    -------
    float array, shape (6, draws)
    """
    order = np.lexsort((group, x, y))
    xs, ys, number = (np.unique(one, return_inverse=True)[1][order] for one in (x, y, group))
    times = _by_lanes(int(number.max()) + 1, draws, seed)
    scratch = np.empty((int(xs.max()) + 1, LANES)), np.empty(8 * LANES)
    found = np.empty((len(times), 4 * LANES))
    compiled.loops().rank_redrawn(xs, ys, number, times, *scratch, found)
    n, xx, xy, yy = found.reshape(-1, 4, LANES).swapaxes(0, 1).reshape(4, -1)[:, :draws]
    return np.array([n, np.zeros(draws), np.zeros(draws), xx, xy, yy])
