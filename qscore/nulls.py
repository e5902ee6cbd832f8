"""How far Q strays from what is usual at its resolution when nothing is wrong with an entry.

The null is estimated from the entries themselves, outliers among them. Its centre and its scales,
one below and one above the centre, are smooth in resolution (`localscale`); its tails, in units of
these scales, come from the core of the residuals (`tails`). The low tail is one for all resolutions.
The skew turns round at about 5 Å in the archive, so few entries have a high tail longer than most: high
tails are the larger of that of all entries and that of the entry's band of resolution.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from qscore.localscale import standardised, standards, usable
from qscore.tails import OUTWARD, log_tail

FEWEST = 200
"""Entries a null of one's own needs."""
BAND = 600
"""Rows at least in a band of resolution with a high tail of its own."""


@dataclass(frozen=True)
class Null:
    """What Q does at a resolution when nothing is wrong.

    Attributes
    ----------
    resolution : float array, shape (g,)
        Grid, Å, rising; between its points everything is linear, outside constant.
    centre, lower, upper : float array, shape (g,)
        Usual Q; scale below and above it, Q: the standard deviation were that side normal.
    anchors : float array, shape (b,)
        Resolutions the tails are estimated at, Å; between them linear in its log, outside constant.
    outward : float array, shape (k,)
        Distances from the centre in units of the scale, positive outward.
    log_low, log_high : float array, shape (b, k)
        Natural log of the probability of a Q at least so far below, above; continued along the last slope.
    n : int
        Entries it rests on.
    """

    resolution: np.ndarray
    centre: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    anchors: np.ndarray
    outward: np.ndarray
    log_low: np.ndarray
    log_high: np.ndarray
    n: int

    def expected(self, resolution) -> np.ndarray:
        """Usual Q at resolutions, Å."""
        return np.interp(np.asarray(resolution, dtype=float), self.resolution, self.centre)

    def z(self, resolution, q) -> np.ndarray:
        """Residuals in units of the scale of their side; NaN where either is."""
        return standardised(resolution, q, (self.resolution, self.centre, self.lower, self.upper))

    def p_low(self, resolution, z) -> np.ndarray:
        """Probability of so low a Q, for residuals in units of the scale; NaN where either is."""
        return self._p(resolution, -np.asarray(z, dtype=float), self.log_low)

    def p_high(self, resolution, z) -> np.ndarray:
        """The same of so high a Q."""
        return self._p(resolution, np.asarray(z, dtype=float), self.log_high)

    def _p(self, resolution, y, tails) -> np.ndarray:
        r = np.log(np.asarray(resolution, dtype=float))
        share = np.array([np.interp(r, np.log(self.anchors), one) for one in np.eye(len(self.anchors))])
        return np.exp(sum(w * _line_on(y, self.outward, tail) for w, tail in zip(share, tails, strict=True)))

    def as_dict(self) -> dict:
        """For JSON; `from_dict` gives the same null back, bit for bit."""
        arrays = {name: getattr(self, name).tolist() for name in _ARRAYS}
        return {"n": self.n, **arrays}

    @classmethod
    def from_dict(cls, found: dict) -> Null:
        """The null written by `as_dict`.

        Raises
        ------
        ValueError
            Something is missing.
        """
        if missing := [name for name in ("n", *_ARRAYS) if name not in found]:
            raise ValueError(f"this is no null of Q: {', '.join(missing)} missing")
        return cls(**{name: np.array(found[name], dtype=float) for name in _ARRAYS}, n=int(found["n"]))


_ARRAYS = ("resolution", "centre", "lower", "upper", "anchors", "outward", "log_low", "log_high")


def _line_on(x: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Linear interpolation, constant before the first knot, along the last slope after the last."""
    slope = (values[-1] - values[-2]) / (knots[-1] - knots[-2])
    return np.interp(x, knots, values) + slope * np.maximum(x - knots[-1], 0)


# ---- the fit ----


def fit_null(resolution, q) -> Null:
    """The null of Q at each resolution.

    Parameters
    ----------
    resolution, q : array, shape (n,)
        Å; mean Q. Rows where either is NaN are left out. Their order does not matter.

    Raises
    ------
    ValueError
        Fewer than `FEWEST` rows, fewer than 10 different resolutions, or Q does not vary.
    """
    r, q = usable(resolution, q)
    if len(r) < FEWEST:
        raise ValueError(f"{len(r)} entries with resolution and Q; a null of one's own needs {FEWEST}")
    grid, centre, lower, upper = standard = standards(r, q)
    residual = q - np.interp(r, grid, centre)
    low, high = -residual / np.interp(r, grid, lower), residual / np.interp(r, grid, upper)
    bands = _bands(r)
    anchors = [float(np.median(r[band])) for band in bands]
    low_tails, high_tails = (np.tile(log_tail(side), (len(bands), 1)) for side in (low, high))
    if len(bands) > 1:
        high_tails = np.maximum(high_tails, [log_tail(high[band]) for band in bands])
    return Null(*standard, np.array(anchors), OUTWARD.copy(), low_tails, high_tails, len(r))


def _bands(resolution) -> list[slice]:
    """Of rising resolutions: half octaves, neighbours joined until each has `BAND` rows, at the least one."""
    half = np.floor(2 * np.log2(resolution / 2.5)).astype(int)
    starts = [0, *(np.flatnonzero(np.diff(half)) + 1).tolist(), len(resolution)]
    while len(starts) > 2 and min(sizes := np.diff(starts)) < BAND:
        k = int(np.argmin(sizes))
        right = k == 0 or (k + 1 < len(sizes) and sizes[k + 1] < sizes[k - 1])
        del starts[k + 1 if right else k]
    return [slice(a, b) for a, b in itertools.pairwise(starts)]


# ---- other nulls, whose counts stand beside ----


def reference_p(resolution, q, reference, folds) -> tuple[np.ndarray, np.ndarray]:
    """p-values of low and high Q by rank among reference entries: (1 + #{z_ref ≤ z}) / (n_ref + 1).

    The reference must be chosen without the Q of the entry that is tested: by metadata or by other
    scores (`agreeing`), and from other folds than the entry's own. Centre and scales come from
    the same reference entries. Were all entries their own reference, the p-values would be uniform by
    construction and nothing could be flagged.

    Parameters
    ----------
    resolution, q : array, shape (n,)
    reference : bool array, shape (n,)
    folds : int array, shape (n,)
        Entries of one publication or protein share a fold.

    Returns
    -------
    low, high : float array, shape (n,)
        NaN where the other folds hold fewer than `FEWEST` reference entries, or resolution or Q is NaN.

    Raises
    ------
    ValueError
        No folds.
    """
    if folds is None:
        raise ValueError("a reference set needs folds: an entry must not be its own reference")
    r, q, folds = np.asarray(resolution, dtype=float), np.asarray(q, dtype=float), np.asarray(folds)
    sound = np.asarray(reference, dtype=bool) & np.isfinite(r) & np.isfinite(q)
    low, high = np.full(r.shape, np.nan), np.full(r.shape, np.nan)
    for fold in np.unique(folds):
        others, own = sound & (folds != fold), folds == fold
        if others.sum() >= FEWEST:
            standard = standards(*usable(r[others], q[others]))
            known = np.sort(standardised(r[others], q[others], standard))
            low[own], high[own] = _ranks(known, standardised(r[own], q[own], standard))
    return low, high


def _ranks(known, z) -> tuple[np.ndarray, np.ndarray]:
    low = (1 + np.searchsorted(known, z, side="right")) / (len(known) + 1)
    high = (1 + len(known) - np.searchsorted(known, z, side="left")) / (len(known) + 1)
    unknown = np.isnan(z)
    return np.where(unknown, np.nan, np.minimum(low, 1.0)), np.where(unknown, np.nan, np.minimum(high, 1.0))


def mirrored_p(z) -> np.ndarray:
    """p-values of low Q by the upper tail mirrored: (1 + #{z_i ≥ −z}) / (n + 1); 1 above the centre, NaN where z is.

    It takes the law for symmetric: with the archive's skew it flags too many.
    """
    z = np.asarray(z, dtype=float)
    known = np.sort(z[np.isfinite(z)])
    beyond = len(known) - np.searchsorted(known, -z, side="left")
    share = np.where(z < 0, (1 + beyond) / (len(known) + 1), 1.0)
    return np.where(np.isnan(z), np.nan, np.minimum(share, 1.0))


def agreeing(resolution, fsc05, *, least: float = 0.5, share: float = 0.15) -> np.ndarray:
    """Entries whose map and model agree to about the reported resolution: a reference set chosen without Q.

    Map–model FSC 0.5 not worse than the reported resolution by more than `least` Å or `share` of it,
    whichever is more. FSC and Q fall together with misfit, so these entries are sounder than
    the archive, not a sample of it: the null is "like entries whose model agrees with the map".
    False where either is NaN.
    """
    r, fsc05 = np.asarray(resolution, dtype=float), np.asarray(fsc05, dtype=float)
    with np.errstate(invalid="ignore"):
        return fsc05 <= r + np.maximum(least, share * r)
