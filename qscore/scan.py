"""Runs of a chain that lie lower than the rest: a scan over windows of every length (its null: `qscore.scannull`).

The scan looks at every window of 3–60 residues. Residue Q is correlated along the chain and skewed, in one chain more
than in the next: what a chain is like is measured beside its worst run, which would otherwise explain itself away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHORTEST, LONGEST = 3, 60
FLANK = 2
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
    """

    maximum: float
    first: int
    last: int
    length: int
    near: float
    far: float
    skew: float
    spread: float


NOTHING = Scanned(np.nan, -1, -1, 0, np.nan, np.nan, np.nan, np.nan)


def standardise(residual: np.ndarray) -> np.ndarray:
    """Residuals less their median, in units of the spread of the upper half; NaN stays NaN → float (n,).

    The upper half alone: a badly resolved domain lies in the lower one, and would widen the very scale it is
    measured by. The unit is the standard deviation that a normal law with that upper half has. All NaN without
    three values above the median.
    """
    centre = np.nanmedian(residual) if np.isfinite(residual).any() else np.nan
    above = residual[residual > centre] - centre
    scale = np.median(above) / 0.6744897501960817 if len(above) >= 3 else np.nan
    return (residual - centre) / scale


def scan(z: np.ndarray) -> Scanned:
    """The worst window of a chain.

    The statistic of a window of L of the n values is −(W − b F) / (s v) − √(2 log(e n / L)). W is the sum over the
    window, F that over the two residues on either side (0 beyond the chain's ends), b the share of F that foretells W
    in a chain of this autocorrelation, v² the variance of what is left and s the chain's spread: a domain that ends is
    told from the slow waves that residue Q has anyway. The second term is about what the largest of the n/L separate
    windows of that length reaches by chance, so that no length dominates (Dümbgen and Spokoiny 2001, Ann. Stat.
    29:124).

    Parameters
    ----------
    z : float array, shape (n,)
        Standardised residuals in the order of the chain; NaN where there is none, which a window passes over.
    """
    at, x = _finite(z)
    if len(x) < SHORTEST:
        return NOTHING
    near, far, skew, spread = _shape(x)
    x = np.clip(x, -_CLIP * spread, _CLIP * spread)
    maximum, start, length = _worst(x, _weights(len(x), near, far, spread))
    return Scanned(maximum, int(at[start]), int(at[start + length - 1]), len(x), near, far, skew, spread)


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
    x = np.clip(x, -_CLIP * found.spread, _CLIP * found.spread)
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


def _weights(n: int, near: float, far: float, spread: float) -> tuple[np.ndarray, ...]:
    """Lengths of windows, how much their flanks count, the factor of a contrast, and what is taken off."""
    lengths = np.arange(SHORTEST, min(LONGEST, n) + 1)
    alone, one, wide, flank = (
        variance(near, far, size) for size in (lengths, lengths + FLANK, lengths + 2 * FLANK, FLANK)
    )
    shared, flanks = one - alone - flank, 2 * flank + wide - 2 * one + alone
    share = shared / flanks
    factor = 1.0 / (spread * np.sqrt(alone - share * shared))
    return lengths, share, factor, np.sqrt(2.0 * np.log(np.e * n / lengths))


def _plain(n: int) -> tuple[np.ndarray, ...]:
    """As `_weights`, for windows of up to half the chain of a typical correlation, without flanks."""
    lengths = np.unique(np.geomspace(SHORTEST, n // 2, 24).astype(int))
    factor = 1.0 / np.sqrt(variance(PRIOR_NEAR, PRIOR_FAR, lengths))
    return lengths, np.zeros(len(lengths)), factor, np.sqrt(2.0 * np.log(np.e * n / lengths))


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
    x = x if taken is None else np.where(taken, 0.0, x)
    total = np.concatenate([[0.0], np.cumsum(x)])
    padded = np.concatenate([np.zeros(FLANK), total, np.full(FLANK, total[-1])])
    count = None if taken is None else np.concatenate([[0], np.cumsum(taken)])
    best = (-np.inf, 0, 0)
    for length, share, factor, off in zip(*(part.tolist() for part in weights), strict=True):
        sums = total[length:] - total[:-length]
        if share:
            sums = (1 + share) * sums - share * (padded[length + 2 * FLANK :] - padded[: -length - 2 * FLANK])
        if count is not None:
            sums[count[length:] > count[:-length]] = np.inf
        start = int(sums.argmin())
        if (value := -sums[start] * factor - off) > best[0]:
            best = (float(value), start, length)
    return best


def _shape(x: np.ndarray) -> tuple[float, float, float, float]:
    """Autocorrelation at lag 1 and about lag 4, skewness and spread outside the worst run of up to half the chain.

    A badly resolved domain would otherwise pass for autocorrelation and skew, and explain itself away.
    """
    n = len(x)
    outside = np.ones(n, bool)
    if n >= 2 * SHORTEST:
        _, start, length = _worst(x, _plain(n))
        beside = FLANK if n >= _LONG else 0
        outside[max(start - beside, 0) : start + length + beside] = False
    y = np.where(outside, x - x[outside].mean(), 0.0)
    spread = np.sqrt((np.square(y).sum() + PRIOR) / (outside.sum() + PRIOR))
    y = np.clip(y / spread, -_CLIP, _CLIP)
    variance = np.square(y).sum() + PRIOR
    near = (_products(y, outside, 1) + PRIOR * PRIOR_NEAR) / variance
    far = (sum(_products(y, outside, lag) for lag in (3, 4, 5)) / 3 + PRIOR * PRIOR_FAR) / variance
    skew = (y**3).sum() / (outside.sum() + PRIOR)
    return float(near), float(far), float(skew), float(spread)


def _products(y, outside, lag) -> float:
    """Sum of the products at a lag, scaled up for the pairs that the cut takes."""
    pairs = np.count_nonzero(outside[:-lag] & outside[lag:])
    return float(y[:-lag] @ y[lag:]) * outside.sum() / pairs if pairs else 0.0
