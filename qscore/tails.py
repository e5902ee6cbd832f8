"""The tail of a null beyond what outliers leave to be seen.

The hazard of a log-concave law (normal, skew-normal, two-piece normal, gamma, …) only grows outward, so
beyond any cut the tail falls at least as fast as the exponential that continues it. Of cuts from the
outer 20 % to 0.5 % the lowest bound counts, each weakened by its standard errors: a probability is
rather told too large than too small, and power is the price.

A law with heavier tails than these (Student's t with 4 degrees of freedom) is flagged too often.
"""

from __future__ import annotations

import numpy as np

OUTWARD = np.concatenate([np.arange(-3.0, 6.0, 0.1), np.arange(6.0, 12.0, 0.5), np.arange(12.0, 61.0, 4.0)])
"""Distances from the centre the tails are told at, in units of the scale, positive outward."""
CUTS = (0.2, 0.15, 0.12, 0.1, 0.08, 0.065, 0.05, 0.04, 0.03, 0.02, 0.015, 0.01, 0.007, 0.005)
CAUTION = 2.0
"""Standard errors by which a bound is weakened."""

_BINS, _DEGREE = 40, 3


def log_tail(y: np.ndarray) -> np.ndarray:
    """Log probability of a distance of at least `OUTWARD`, from distances outward of all rows, shape (n,).

    Distances are in units of the scale; rows on the other side of the centre are negative.
    """
    y = np.sort(y)
    bounds = [_log_concave(y, share) for share in CUTS if round(len(y) * share) >= 5]
    found = np.min([np.zeros(len(OUTWARD)), *bounds], axis=0)
    return np.minimum.accumulate(np.minimum(found, 0.0))


def _log_concave(y: np.ndarray, share: float) -> np.ndarray:
    """The bound by a cut at the outer `share` of the sorted distances `y`, at `OUTWARD`, log; 0 where there is none.

    Lindsey's method: a cubic log density by Poisson regression on the counts between centre and cut.
    """
    beyond = round(len(y) * share)
    cut = y[len(y) - beyond - 1]
    inside = len(y) - beyond
    if cut < 0.2:
        return np.zeros(len(OUTWARD))
    mass, hazard = _mass_and_hazard(y, cut, beyond)
    if not hazard > 0:
        return np.zeros(len(OUTWARD))
    within = inside - np.searchsorted(y, np.minimum(OUTWARD, cut), side="left")
    return np.log((mass + np.maximum(within, 0)) / (mass + inside)) - hazard * np.maximum(OUTWARD - cut, 0)


def _mass_and_hazard(y, cut, beyond) -> tuple[float, float]:
    """Rows of the null beyond the cut, at most; its hazard there, at least."""
    counts = np.diff(np.searchsorted(y, np.linspace(0, cut, _BINS + 1), side="right")).astype(float)
    basis = np.vander((np.arange(_BINS) + 0.5) / _BINS, _DEGREE + 1, increasing=True)
    if (fit := _poisson(basis, counts)) is None:
        return float(beyond), 0.0
    found, covariance = fit
    steps, ones = np.arange(_DEGREE + 1.0), np.ones(_DEGREE + 1)
    density = np.exp(found.sum()) * _BINS / cut
    slope = (-steps @ found - CAUTION * np.sqrt(steps @ covariance @ steps)) / cut
    counted = beyond + CAUTION * np.sqrt(beyond)
    hazard = density / beyond * (1 - CAUTION * np.sqrt(ones @ covariance @ ones + 1 / beyond))
    if slope > 0 and density / slope < counted and slope > hazard:
        return density / slope, slope
    return counted, hazard


def _poisson(basis, counts) -> tuple[np.ndarray, np.ndarray] | None:
    """Coefficients of a log-linear Poisson regression and their covariance, by Newton steps; None without a maximum."""
    weight = np.sqrt(counts + 0.5)[:, None]
    found = np.linalg.lstsq(basis * weight, np.log(counts + 0.5) * weight[:, 0], rcond=None)[0]
    ridge = 1e-9 * np.eye(len(found))
    for _ in range(25):
        mean = np.exp(np.clip(basis @ found, -30, 30))
        information = basis.T @ (basis * mean[:, None]) + ridge
        step = np.linalg.solve(information, basis.T @ (counts - mean))
        found = found + step
        if np.abs(step).max() < 1e-6:
            return found, np.linalg.inv(information)
    return None
