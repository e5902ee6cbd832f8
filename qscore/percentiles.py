"""Where an entry's Q stands among the archive's, by the two percentiles EMDB publishes."""

from __future__ import annotations

import numpy as np

WINDOWS = {"q_relative_1_0": 1.0, "q_relative_0_5": 0.5}
"""Half-widths EMDB has used for the percentile relative to resolution, Å, by column."""

_ROUNDING = 1e-9
_BLOCK = 256


def relative_all(q) -> np.ndarray:
    """Share of entries with a Q at most this one's, itself counted (Pintilie et al. 2025), shape (n,).

    NaN where `q` is; such entries are not counted.
    """
    q = np.asarray(q, dtype=float)
    scored = np.isfinite(q)
    known = np.sort(q[scored])
    return np.where(scored, np.searchsorted(known, q, side="right") / max(len(known), 1), np.nan)


def relative_resolution(resolution, q, window: float) -> np.ndarray:
    """The same among entries whose resolution differs by at most `window`.

    Parameters
    ----------
    resolution, q : array, shape (n,)
        Å; mean Q. Entries where either is NaN get NaN and are not counted.
    window : float
        Å, both ends included: EMDB has used 1.0 and 0.5 (`WINDOWS`).

    Raises
    ------
    ValueError
        A window below 0.
    """
    if not window >= 0:
        raise ValueError(f"window {window:g} Å; at least 0 is needed")
    r, q = np.asarray(resolution, dtype=float), np.asarray(q, dtype=float)
    scored = np.isfinite(r) & np.isfinite(q)
    found = np.full(r.shape, np.nan)
    order = np.flatnonzero(scored)[np.lexsort((q[scored], r[scored]))]
    found[order] = _shares(r[order], q[order], window + _ROUNDING)
    return found


def _shares(r, q, window) -> np.ndarray:
    """For rows of rising resolution."""
    first = np.searchsorted(r, r - window, side="left")
    last = np.searchsorted(r, r + window, side="right")
    at_most = _count_before(q, last, q) - _count_before(q, first, q)
    return at_most / np.maximum(last - first, 1)


def _count_before(values, ends, bounds) -> np.ndarray:
    """How many of ``values[:end]`` are at most `bound`, for each pair of `ends` and `bounds`.

    Whole blocks from cumulative counts by rank, the rest of a block one by one.
    """
    n = len(values)
    rank = np.searchsorted(np.sort(values), bounds, side="right")
    place = np.empty(n, dtype=np.int64)
    place[np.argsort(values, kind="stable")] = np.arange(n)
    block = ends // _BLOCK
    found = np.zeros(len(ends), dtype=np.int64)
    by_block = np.argsort(block, kind="stable")
    starts = np.searchsorted(block[by_block], np.arange(n // _BLOCK + 2))
    below = np.zeros(n + 1, dtype=np.int64)
    for k in range(n // _BLOCK + 1):
        rows = by_block[starts[k] : starts[k + 1]]
        if k:
            below[1:] += np.cumsum(np.bincount(place[(k - 1) * _BLOCK : k * _BLOCK], minlength=n))
        inside = place[k * _BLOCK : (k + 1) * _BLOCK]
        reach = (ends[rows] - k * _BLOCK)[:, None]
        partial = (inside[None, :] < rank[rows][:, None]) & (np.arange(len(inside))[None, :] < reach)
        found[rows] = below[rank[rows]] + partial.sum(axis=1)
    return found
