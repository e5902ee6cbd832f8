"""Runs of a chain that lie lower than the rest: a scan over windows of every length (its null: `qscore.scannull`).

The scan looks at every window of 3–60 residues. Residue Q is correlated along the chain and skewed, in one chain more
than in the next: what a chain is like is measured beside its worst run, which would otherwise explain itself away.
"""

from __future__ import annotations

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
    scale = np.median(np.abs(known[_APART:] - known[:-_APART])) / (np.sqrt(2.0) * 0.6744897501960817)
    return (residual - np.median(known)) / (scale or np.nan)


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
    at, x = _finite(z)
    if len(x) < SHORTEST:
        return NOTHING
    near, far, skew, spread, level = _shape(x)
    maximum, start, length = _worst(_drawn(x, level, spread), _weights(len(x), near, far, spread))
    return Scanned(maximum, int(at[start]), int(at[start + length - 1]), len(x), near, far, skew, spread, level)


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
    weights = _weights(len(x), found.near, found.far, found.spread)
    taken, windows = np.zeros(len(x), bool), []
    while not taken.all():
        maximum, start, length = _worst(x, weights, taken)
        if not maximum >= least:
            break
        start, end = _edges(x, taken, start, start + length)
        taken[start:end] = True
        windows.append((maximum, int(at[start]), int(at[end - 1])))
    return windows


def joined(windows: list[tuple[float, int, int]]) -> list[tuple[float, int, int]]:
    """Windows fewer than 3 residues apart as one, with the highest of their statistics; in order of the chain."""
    found: list[tuple[float, int, int]] = []
    for maximum, first, last in sorted(windows, key=lambda window: window[1]):
        if found and first - found[-1][2] <= _JOIN:
            before = found.pop()
            maximum, first = max(maximum, before[0]), before[1]
        found.append((maximum, first, last))
    return found


def _drawn(x: np.ndarray, level: float, spread: float) -> np.ndarray:
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


def _weights(n: int, near: float, far: float, spread: float) -> np.ndarray:
    """Of each length: it, how much the flanks count, the factor of a contrast, what is taken off → float (m, 4)."""
    lengths = np.arange(SHORTEST, min(LONGEST, n) + 1)
    of_sum = variance(near, far, np.arange(lengths[-1] + 2 * FLANK + 1))
    alone, one, wide, flank = of_sum[lengths], of_sum[lengths + FLANK], of_sum[lengths + 2 * FLANK], of_sum[FLANK]
    shared, flanks = one - alone - flank, 2 * flank + wide - 2 * one + alone
    share = shared / flanks
    factor = 1.0 / (spread * np.sqrt((alone - share * shared) * (1.0 + _LENGTH_SHARE * lengths / n)))
    off = np.sqrt(2.0 * np.log(np.e * n / lengths)) + np.log(np.maximum(lengths / _LENGTH_FREE, 1.0))
    return np.column_stack([lengths, share, factor, off])


@lru_cache(maxsize=1 << 12)
def _plain(n: int) -> tuple[np.ndarray, np.ndarray]:
    """As `_weights`, without flanks: windows of up to half the chain, of a typical correlation; and longer ones.

    The contrasts of these are roots of the sum of squares that two means take, of the run and of the rest.
    """
    lengths = np.unique(np.geomspace(SHORTEST, n // 2, 24).astype(int))
    factor = 1.0 / np.sqrt(variance(PRIOR_NEAR, PRIOR_FAR, lengths))
    half = np.column_stack([lengths, np.zeros(len(lengths)), factor, np.sqrt(2.0 * np.log(np.e * n / lengths))])
    lengths = np.unique(np.linspace(n // 2 + 1, int(0.85 * n), 24).astype(int))
    factor, nothing = np.sqrt(n / (lengths * (n - lengths))), np.zeros(len(lengths))
    return half, np.column_stack([lengths, nothing, factor, nothing])


def variance(near: float, far: float, size) -> np.ndarray:
    """Variance of the sum of so many residues of unit variance → float, as `size`.

    L + 2 Σ (L − k) r_k over lags 1 … L − 1, where the autocorrelation r_k falls from `near` at lag 1 geometrically
    through `far` at lag 4; the decay a residue is kept within 0–0.95, `near` within 0–0.95.
    """
    near, far = min(max(near, 0.0), 0.95), max(far, 0.0)
    decay = min((far / near) ** (1 / 3), 0.95) if near > 0 else 0.0
    rest = 1.0 - decay
    return size + 2.0 * near * (size / rest - (1.0 - decay ** np.minimum(size, 500)) / rest**2)


def _worst(x, weights, taken=None) -> tuple[float, int, int]:
    """Statistic, start and length of the worst window without a residue of `taken`; −inf when there is none."""
    found, scratch = np.empty(3), _scratch(len(x))
    if taken is not None:
        x, ends = np.where(taken, 0.0, x), np.append(np.flatnonzero(taken), len(x))
        start = np.arange(len(x))
        scratch[1, : len(x)] = ends[np.searchsorted(ends, start)] - start
    compiled.loops().worst_window(x, weights, scratch, found)
    return float(found[0]), int(found[1]), int(found[2])


def _scratch(n: int) -> np.ndarray:
    """What `scanloops.worst_window` works in; windows may be as long as they like."""
    return np.full((4, n + 3), np.inf)


def _shape(x: np.ndarray) -> tuple[float, float, float, float, float]:
    """Autocorrelation at lag 1 and about lag 4, skewness and spread outside the worst run, and the level.

    A badly resolved domain would otherwise pass for autocorrelation and skew, and explain itself away.
    """
    first, end = _run(x)
    products, found = np.empty(5), np.empty(4)
    compiled.loops().moments(x, first, end, PRIOR, _CLIP, np.empty(len(x)), products, found)
    mean, spread, variance, cubes = found.tolist()
    near = (float(products[0]) + PRIOR * PRIOR_NEAR) / (variance + PRIOR)
    far = (float(products[2:].sum()) / 3 + PRIOR * PRIOR_FAR) / (variance + PRIOR)
    return near, far, cubes / (len(x) - (end - first) + PRIOR), spread, max(mean - spread, 0.0)


def _run(x: np.ndarray) -> tuple[int, int]:
    """Start and end of the worst run and what lies close beside it.

    The run has up to half the residues, or more (up to 85 %) where two levels then fit clearly better: the worst run
    of a sound chain would otherwise often leave too little to tell what the chain is like.
    """
    n = len(x)
    if n < 2 * SHORTEST:
        return 0, 0
    found = np.empty(2)
    compiled.loops().worst_run(x, *_plain(n), _CLEARLY, PRIOR, _scratch(n), found)
    start, length = found.astype(int).tolist()
    beside = _BESIDE if n >= _LONG and n - length - 2 * _BESIDE >= SHORTEST else 0
    return max(start - beside, 0), min(start + length + beside, n)
