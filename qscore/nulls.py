"""How far Q strays from what is usual at its resolution when nothing is wrong with an entry.

The null is estimated from the entries themselves, outliers among them. Its centre and its scales,
one below and one above the centre, are smooth in resolution (`localscale`); its shape, with the skew that
turns round along resolution, is that of the central residuals, and its tails are what such a law has (`central`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qscore.central import tails_at
from qscore.localscale import standardised, standards, usable

FEWEST = 200
"""Entries a null of one's own needs."""
GAP = 0.5
"""Å without any entry, or a tenth of the resolution where that is more: within, nothing is told."""
WIDEST = 200.0
"""Å a null may reach from its finest to its coarsest entry."""
ANCHORS = 20
"""Resolutions the tails are told at."""
OUTWARD = np.concatenate([np.arange(-3.0, 8.0, 0.2), np.arange(8.0, 12.0, 0.5), np.arange(12.0, 61.0, 4.0)])
"""Distances from the centre the tails are told at, in units of the scale, positive outward."""


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
    gap_low, gap_high : float array, shape (m,)
        Stretches of resolution without entries, Å: between them no p is told.
    outward : float array, shape (k,)
        Distances from the centre in units of the scale, positive outward.
    log_low, log_high : float array, shape (b, k)
        Natural log of the probability of a Q at least so far below, above; continued along the last slope.
    outliers, outliers_se : float
        Share of entries below the centre's 15 % quantile that the null does not account for, and its standard error.
    n : int
        Entries it rests on.
    """

    resolution: np.ndarray
    centre: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    anchors: np.ndarray
    gap_low: np.ndarray
    gap_high: np.ndarray
    outward: np.ndarray
    log_low: np.ndarray
    log_high: np.ndarray
    outliers: float
    outliers_se: float
    n: int

    def expected(self, resolution) -> np.ndarray:
        """Usual Q at resolutions, Å."""
        return np.interp(np.asarray(resolution, dtype=float), self.resolution, self.centre)

    def z(self, resolution, q) -> np.ndarray:
        """Residuals in units of the scale of their side; NaN where either is."""
        return standardised(resolution, q, (self.resolution, self.centre, self.lower, self.upper))

    def p_low(self, resolution, z) -> np.ndarray:
        """Probability of so low a Q, for residuals in units of the scale; NaN where either is, and in a gap."""
        return self._p(resolution, -np.asarray(z, dtype=float), self.log_low)

    def p_high(self, resolution, z) -> np.ndarray:
        """The same of so high a Q."""
        return self._p(resolution, np.asarray(z, dtype=float), self.log_high)

    def _p(self, resolution, y, tails) -> np.ndarray:
        k, share = _between(np.log(np.asarray(resolution, dtype=float)), np.log(self.anchors))
        j, along = _between(y, self.outward, beyond=True)
        log_p = sum(
            (share if after else 1 - share) * ((1 - along) * tails[k + after, j] + along * tails[k + after, j + 1])
            for after in (0, 1)
        )
        return np.where(self._in_gap(resolution), np.nan, np.exp(np.minimum(log_p, 0.0)))

    def _in_gap(self, resolution) -> np.ndarray:
        at = np.asarray(resolution, dtype=float)[..., None]
        return ((at > self.gap_low) & (at < self.gap_high)).any(axis=-1)

    def as_dict(self) -> dict:
        """For JSON; `from_dict` gives the same null back, bit for bit."""
        arrays = {name: getattr(self, name).tolist() for name in _ARRAYS}
        return {"n": self.n, "outliers": self.outliers, "outliers_se": self.outliers_se, **arrays}

    @classmethod
    def from_dict(cls, found: dict) -> Null:
        """The null written by `as_dict`.

        Raises
        ------
        ValueError
            Something is missing, or is no number.
        """
        if not isinstance(found, dict):
            raise ValueError("this is no null of Q")
        if missing := [name for name in ("n", *_NUMBERS, *_ARRAYS) if name not in found]:
            raise ValueError(f"this is no null of Q: {', '.join(missing)} missing")
        try:
            numbers = {name: float(found[name]) for name in _NUMBERS}
            arrays = {name: np.array(found[name], dtype=float) for name in _ARRAYS}
            return cls(**arrays, **numbers, n=int(found["n"]))
        except (TypeError, ValueError) as err:
            raise ValueError(f"this is no null of Q: {err}") from err


_NUMBERS = ("outliers", "outliers_se")
_ARRAYS = (
    "resolution", "centre", "lower", "upper", "anchors", "gap_low", "gap_high", "outward", "log_low", "log_high"
)  # fmt: skip


def _between(x, knots, *, beyond: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Knot before each x, and how far x is on the way to the next: 0 to 1, with `beyond` more past the last."""
    k = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, len(knots) - 2)
    share = (x - knots[k]) / (knots[k + 1] - knots[k])
    return k, np.clip(share, 0.0, None if beyond else 1.0)


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
        Fewer than `FEWEST` rows, fewer than 10 different resolutions, a resolution of 0 or less, resolutions
        more than `WIDEST` Å apart, or Q does not vary.
    """
    r, q = usable(resolution, q)
    if len(r) < FEWEST:
        raise ValueError(f"{len(r)} entries with resolution and Q; a null of one's own needs {FEWEST}")
    if r[0] <= 0 or r[-1] - r[0] > WIDEST:
        raise ValueError(f"resolutions from {r[0]:g} to {r[-1]:g} Å: no null over such a range")
    grid, centre, lower, upper = standard = standards(r, q)
    scale = np.sqrt(lower * upper)
    anchors = np.exp(np.linspace(np.log(r[0]), np.log(r[-1]), ANCHORS))
    sides = [np.interp(anchors, grid, side / scale)[:, None] * OUTWARD for side in (lower, upper)]
    y = (q - np.interp(r, grid, centre)) / np.interp(r, grid, scale)
    found = tails_at(r, y, anchors, np.hstack([-sides[0], sides[1]]))
    low, high = found.low[:, : len(OUTWARD)], found.high[:, len(OUTWARD) :]
    return Null(*standard, anchors, *_gaps(r), OUTWARD.copy(), low, high, found.outliers, found.outliers_se, len(r))


def _gaps(resolution) -> tuple[np.ndarray, np.ndarray]:
    """Stretches between neighbours of rising resolutions that lie far apart."""
    wide = np.flatnonzero(np.diff(resolution) > np.maximum(GAP, 0.1 * resolution[:-1]))
    return resolution[wide], resolution[wide + 1]


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
