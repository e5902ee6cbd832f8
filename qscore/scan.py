"""Runs of a chain that lie lower than the rest: a scan over windows of every length (its null: `qscore.scannull`).

The scan looks at every window of 3–60 residues. Residue Q is correlated along the chain and skewed, in one chain more
than in the next: what a chain is like is measured beside its worst run, which would otherwise explain itself away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qscore import compiled

SHORTEST, LONGEST = 3, 60
FLANK = 1
_APART = 5  # residues: differences over so many tell the spread whatever the level; neighbours are too alike
# Of `scan`: they level the maxima of windows of all lengths in simulated chains.
_LENGTH_SHARE, _LENGTH_FREE = 3.0, 10.0
_CLEARLY = 0.8  # a run of more than half a chain is taken for bad when it leaves so much less of the squares
_JOIN = 3  # windows with fewer residues than this between them are one region
_BESIDE = 2  # residues on either side of the worst run that tell nothing about the rest
# What a chain is taken for as far as its own residues do not say: typical of 11 real pairs, weighing as PRIOR residues.
PRIOR, PRIOR_NEAR, PRIOR_FAR = 30.0, 0.3, 0.15
_LONG = 20  # residues: shorter chains have none to spare beside their worst run
_CLIP = 3.5  # in units of the chain's spread: further off counts no more, so that no single residue makes a run


@dataclass(frozen=True)
class Scanned:
    """What the scan of a chain finds.

    Attributes
    ----------
    maximum : float
        The statistic of the worst window; NaN for a chain with fewer than 3 values.
    first, last : int
        Its ends, both included, as indices of the values given.
    length : int
        Residues with a value.
    near, far, skew : float
        Of the chain outside its worst window: autocorrelation at lag 1, mean of that at lags 3–5, skewness.
    spread : float
        Root mean square of the values there, about their mean.
    level : float
        What counts as not low: 0, or in a chain the better part of which lies higher, a spread below that part.
    """

    maximum: float
    first: int
    last: int
    length: int
    near: float
    far: float
    skew: float
    spread: float
    level: float


NOTHING = Scanned(np.nan, -1, -1, 0, np.nan, np.nan, np.nan, np.nan, np.nan)


def standardise(residual: np.ndarray) -> np.ndarray:
    """Residuals less their median, in units of their local spread; NaN stays NaN → float (n,).

    The spread is that of residues 5 apart: a badly resolved domain, however large, adds a few differences at its
    ends, while it would widen any scale measured from one centre. The unit is the standard deviation of a normal law
    of which two values have that median difference. All NaN without three differences, or when half of them are 0.
    """
    known = residual[np.isfinite(residual)]
    if len(known) < _APART + 3:
        return np.full(len(residual), np.nan)
    scale = _median(np.abs(known[_APART:] - known[:-_APART])) / (np.sqrt(2.0) * 0.6744897501960817)
    return (residual - _median(known)) / (scale or np.nan)


def _median(values: np.ndarray) -> float:
    """`np.median` of numbers without NaN; that looks for these, and takes longer over it than over the rest."""
    half = len(values) // 2
    parted = np.partition(values, half)
    return parted[half] if len(values) % 2 else (parted[:half].max() + parted[half]) / 2


def scan(z: np.ndarray) -> Scanned:
    """The worst window of a chain.

    The statistic of a window of L of the n values is −(W − b F) / (s v √(1 + 3 L/n)) − √(2 log(e n / L)) −
    log(max(L/10, 1)). W is the sum over the window, F that over the residue on either side (0 beyond the chain's
    ends), b the share of F that foretells W in a chain of this autocorrelation, v² the variance of what is left and s
    the chain's spread: a domain that ends is told from the slow waves that residue Q has anyway. Values are told from
    the chain's level (see `Scanned`). The second term is about what the largest of the n/L separate windows of that
    length reaches by chance, so that no length dominates (Dümbgen and Spokoiny 2001, Ann. Stat. 29:124). The root and
    the last term make up for how badly a chain tells the variance of its own long sums; without them the long windows
    of correlated chains make the maxima, and a run of ten residues is lost among these.

    Parameters
    ----------
    z : float array, shape (n,)
        Standardised residuals in the order of the chain; NaN where there is none, which a window passes over.
    """
    return scans([z])[0]


def scans(chains: Sequence[np.ndarray]) -> list[Scanned]:
    """`scan` of many chains: they are gone through in compiled loops, all at a time."""
    known = [_finite(z) for z in chains]
    long = [k for k, (at, _) in enumerate(known) if len(at) >= SHORTEST]
    found = [NOTHING] * len(chains)
    if not long:
        return found
    x, first = _flat([known[k][1] for k in long])
    n = np.diff(first)
    shape = near, far, _, spread, level = _shapes(x, first)
    worst = _worst(_drawn(x, np.repeat(level, n), np.repeat(spread, n)), first, *_weights(n, near, far, spread))
    for k, size, (maximum, start, length), like in zip(
        long, n.tolist(), worst, zip(*(one.tolist() for one in shape), strict=True), strict=True
    ):
        at = known[k][0]
        found[k] = Scanned(maximum, int(at[start]), int(at[start + length - 1]), size, *like)
    return found


def further(z: np.ndarray, found: Scanned, least: float) -> list[tuple[float, int, int]]:
    """The runs of all windows of a chain whose statistic reaches `least`, worst first, none overlapping.

    Parameters
    ----------
    z : float array, shape (n,)
        As given to `scan`.
    found : Scanned
        What that returned.
    least : float

    Returns
    -------
    list of (float, int, int)
        The statistic, the first and the last index.
    """
    at, x = _finite(z)
    x = _drawn(x, found.level, found.spread)
    weights, _ = _weights(*(np.array([one]) for one in (len(x), found.near, found.far, found.spread)))
    taken, windows = np.zeros(len(x), bool), []
    while not taken.all():
        maximum, start, length = _worst_between(x, weights, taken)
        if not maximum >= least:
            break
        start, end = _edges(x, taken, start, start + length)
        taken[start:end] = True
        windows.append((maximum, int(at[start]), int(at[end - 1])))
    return windows


def _worst_between(x: np.ndarray, weights: np.ndarray, taken: np.ndarray) -> tuple[float, int, int]:
    """The worst window without a residue of `taken`, which count 0 as flanks: as beyond the ends of a chain."""
    edges = np.flatnonzero(np.diff(taken, prepend=True, append=True)).reshape(-1, 2).tolist()
    parts, first = _flat([x[start:end] for start, end in edges])
    found = _worst(parts, first, weights, np.tile([0, len(weights)], (len(edges), 1)))
    return max(
        ((value, begin + start, length) for (begin, _), (value, start, length) in zip(edges, found, strict=True)),
        key=lambda one: one[0],
    )


def joined(windows: list[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
    """Windows fewer than 3 residues apart as one, with the highest of their statistics; in order of the chain."""
    found: list[tuple[float, int, int]] = []
    for maximum, first, last in sorted(windows, key=lambda window: window[1]):
        if found and first - found[-1][2] <= _JOIN:
            before = found.pop()
            maximum, first = max(maximum, before[0]), before[1]
        found.append((maximum, first, last))
    return found


def _drawn(x: np.ndarray, level, spread) -> np.ndarray:
    return np.clip(x - level, -_CLIP * spread, _CLIP * spread)


def _edges(x: np.ndarray, taken: np.ndarray, start: int, end: int) -> tuple[int, int]:
    """Where the run that a window found starts and ends, which may be longer than a window.

    Each end lies where a step from the window's mean to 0 fits best by least squares, seen from its middle: where the
    sum of (half the mean − x) up to there is largest.
    """
    middle = (start + end) // 2
    gain = x[start:end].mean() / 2 - x
    others = np.flatnonzero(taken)
    low = max(others[others < middle], default=-1) + 1
    high = min(others[others > middle], default=len(x))
    before, after = np.cumsum(gain[low : middle + 1][::-1]), np.cumsum(gain[middle:high])
    return middle - int(before.argmax()), middle + int(after.argmax()) + 1


def _finite(z) -> tuple[np.ndarray, np.ndarray]:
    z = np.asarray(z, float)
    at = np.flatnonzero(np.isfinite(z))
    return at, z[at]


def _flat(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Arrays end to end, and where each begins, with the end of the last."""
    return np.concatenate(parts), _begin([len(part) for part in parts])


def _begin(sizes) -> np.ndarray:
    return np.append(0, np.cumsum(sizes, dtype=np.int64))


def _weights(n, near, far, spread) -> tuple[np.ndarray, np.ndarray]:
    """Of chains' lengths of window: the length, how much the flanks count, the factor of a contrast, what is taken off.

    Parameters
    ----------
    n, near, far, spread : array, shape (chains,)

    Returns
    -------
    float array of shape (m, 4), int array of shape (chains, 2)
        The rows of all chains, and where those of each begin and end.
    """
    count = np.minimum(n, LONGEST) + 1 - SHORTEST
    begin, chain = _begin(count), np.repeat(np.arange(len(n)), count)
    lengths = np.arange(len(chain)) - begin[chain] + SHORTEST
    of_sum = variance(near[:, None], far[:, None], np.arange(LONGEST + 2 * FLANK + 1))
    alone, one, wide = (of_sum[chain, lengths + more] for more in (0, FLANK, 2 * FLANK))
    flank, n, spread = of_sum[chain, FLANK], n[chain], spread[chain]
    shared, flanks = one - alone - flank, 2 * flank + wide - 2 * one + alone
    share = shared / flanks
    factor = 1.0 / (spread * np.sqrt((alone - share * shared) * (1.0 + _LENGTH_SHARE * lengths / n)))
    off = np.sqrt(2.0 * np.log(np.e * n / lengths)) + np.log(np.maximum(lengths / _LENGTH_FREE, 1.0))
    return np.column_stack([lengths, share, factor, off]), np.column_stack([begin[:-1], begin[1:]])


@lru_cache(maxsize=1 << 12)
def _plain(n: int) -> tuple[np.ndarray, np.ndarray]:
    """As `_weights`, without flanks: windows of up to half the chain, of a typical correlation; and longer ones.

    The contrasts of these are roots of the sum of squares that two means take, of the run and of the rest. A chain too
    short for two windows has none.
    """
    if n < 2 * SHORTEST:
        return np.empty((0, 4)), np.empty((0, 4))
    lengths = np.unique(np.geomspace(SHORTEST, n // 2, 24).astype(int))
    factor = 1.0 / np.sqrt(variance(PRIOR_NEAR, PRIOR_FAR, lengths))
    half = np.column_stack([lengths, np.zeros(len(lengths)), factor, np.sqrt(2.0 * np.log(np.e * n / lengths))])
    lengths = np.unique(np.linspace(n // 2 + 1, int(0.85 * n), 24).astype(int))
    factor, nothing = np.sqrt(n / (lengths * (n - lengths))), np.zeros(len(lengths))
    return half, np.column_stack([lengths, nothing, factor, nothing])


def variance(near, far, size) -> np.ndarray:
    """Variance of the sum of so many residues of unit variance → float, of the shape that all have together.

    L + 2 Σ (L − k) r_k over lags 1 … L − 1, where the autocorrelation r_k falls from `near` at lag 1 geometrically
    through `far` at lag 4; the decay a residue is kept within 0–0.95, `near` within 0–0.95.
    """
    near, far = np.clip(near, 0.0, 0.95), np.maximum(far, 0.0)
    decay = np.where(near > 0, np.minimum((far / np.where(near > 0, near, 1.0)) ** (1 / 3), 0.95), 0.0)
    rest = 1.0 - decay
    return size + 2.0 * near * (size / rest - (1.0 - decay ** np.minimum(size, 500)) / rest**2)


def _worst(x, first, weights, row) -> list[tuple[float, int, int]]:
    """Statistic, start and length of the worst window of each chain; −inf when there is none."""
    found = np.empty((len(first) - 1, 3))
    compiled.loops().worst_windows(x, first, weights, row, _scratch(first), found)
    return [(maximum, int(start), int(length)) for maximum, start, length in found.tolist()]


def _scratch(first: np.ndarray) -> np.ndarray:
    """What the loops over windows work in."""
    return np.empty((2, int(np.diff(first).max()) + 3))


def _shapes(x: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, ...]:
    """Autocorrelation at lag 1 and about lag 4, skewness and spread outside the worst run, and the level.

    A badly resolved domain would otherwise pass for autocorrelation and skew, and explain itself away.
    """
    run, n = _runs(x, first), np.diff(first)
    products, found = np.empty((len(n), 5)), np.empty((len(n), 4))
    compiled.loops().moments(x, first, run, PRIOR, _CLIP, _scratch(first)[0], products, found)
    mean, spread, variance, cubes = found.T
    near = (products[:, 0] + PRIOR * PRIOR_NEAR) / (variance + PRIOR)
    far = (products[:, 2:].sum(axis=1) / 3 + PRIOR * PRIOR_FAR) / (variance + PRIOR)
    return near, far, cubes / (n - (run[:, 1] - run[:, 0]) + PRIOR), spread, np.maximum(mean - spread, 0.0)


def _runs(x: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Start and end of each chain's worst run and what lies close beside it → int (chains, 2).

    The run has up to half the residues, or more (up to 85 %) where two levels then fit clearly better: the worst run
    of a sound chain would otherwise often leave too little to tell what the chain is like.
    """
    n = np.diff(first)
    away = x - np.repeat(np.add.reduceat(x, first[:-1]) / n, n)
    squares = np.add.reduceat(away**2, first[:-1])
    sizes, which = np.unique(n, return_inverse=True)
    weights, begin = _flat([part for size in sizes.tolist() for part in _plain(size)])
    (_, *run), (taken, *longer) = (
        np.array(_worst(values, first, weights, begin[2 * which[:, None] + [kind, kind + 1]])).T
        for kind, values in enumerate((x, away))
    )
    start, length = (one.astype(int) for one in run)
    edges = first[:-1, None] + np.column_stack([start, start + length])
    low = np.minimum(np.add.reduceat(np.append(away, 0.0), edges.ravel())[::2], 0.0)
    short = squares - np.where(length > 0, low**2 * n / np.maximum(length * (n - length), 1), 0.0)
    better = squares - np.maximum(taken, 0.0) ** 2 + PRIOR < _CLEARLY * (short + PRIOR)
    start, length = (np.where(better, *both).astype(int) for both in zip(longer, run, strict=True))
    beside = np.where((n >= _LONG) & (n - length - 2 * _BESIDE >= SHORTEST), _BESIDE, 0)
    return np.column_stack([np.maximum(start - beside, 0), np.minimum(start + length + beside, n)])
