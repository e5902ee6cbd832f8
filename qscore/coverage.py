"""Whether the bands of the curve hold what they say, on rows that had no part in it; and the same of a line's."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from scipy import stats

from qscore import independence, workers
from qscore.curve import CELLS, LEVELS, Curve, cell_number, cells_of, fit_curve, usable

BANDS = (0.95, 0.9, 0.5)
CERTAINTY = 0.999
_WORTH_PROCESSES = 1000  # rows
FEWEST_FOR_DISTANCE = 300  # rows; with fewer, a sample of uniform numbers alone lies 0.08 away


@dataclass(frozen=True)
class HeldOut:
    """What curves and lines say of rows that they were fitted without.

    Attributes
    ----------
    resolution, q : array, shape (n,)
        The rows, in the order of the fit: Å; Q.
    quantiles : array, shape (n, levels)
        Of `curve.LEVELS`.
    percentile : array, shape (n,)
        0–1.
    centre, spread : array, shape (n,)
        Q on the line, and its prediction error.
    freedom : array, shape (n,)
        Degrees of freedom of that error.
    """

    resolution: np.ndarray
    q: np.ndarray
    quantiles: np.ndarray
    percentile: np.ndarray
    centre: np.ndarray
    spread: np.ndarray
    freedom: np.ndarray

    def in_band(self, band: float) -> np.ndarray:
        """Whether each row lies within its curve's central band."""
        low, high = (int(np.argmin(np.abs(np.array(LEVELS) - (1 + sign * band) / 2))) for sign in (-1, 1))
        return (self.q >= self.quantiles[:, low]) & (self.q <= self.quantiles[:, high])

    def in_interval(self, band: float) -> np.ndarray:
        """Whether each row lies within its line's prediction interval."""
        return np.abs(self.q - self.centre) <= stats.t.ppf((1 + band) / 2, self.freedom) * self.spread


def coverage(
    resolution, q, groups, *, folds: int = 10, seed: int = 2026, whole: Curve | None = None, jobs: int = 1
) -> list[dict]:
    """Rows of `layouts.COVERAGE`: for each band and each bin of resolution, how many rows the band holds.

    Every fold's rows are compared with a curve (and a line) fitted to the others from the start: knots,
    rearrangement and conformal correction included. Bins of fewer than 100 rows are pooled with a neighbour.

    Parameters
    ----------
    resolution, q : array, shape (n,)
        Å; Q. As for `curve.fit_curve`.
    groups : int array, shape (n,)
        Rows that are not independent share a number; they are held out together.
    folds, seed : int
    whole : Curve, optional
        The curve of all the rows with this seed, where there is one: it is not fitted again.
    jobs : int
        Processes that fit side by side; nothing depends on it.

    Raises
    ------
    ValueError
        As `curve.fit_curve`, and with fewer groups than folds.
    """
    return rows_of(held_out(resolution, q, groups, folds=folds, seed=seed, whole=whole, jobs=jobs))


def held_out(
    resolution, q, groups, *, folds: int = 10, seed: int = 2026, whole: Curve | None = None, jobs: int = 1
) -> HeldOut:
    """Each row judged by a curve and a line fitted without its fold; parameters as of `coverage`.

    A row beyond the resolutions of all rows left is compared with the curve's end.
    """
    x, y, groups = usable(resolution, q, groups)
    fold = independence.folds(groups, folds, seed)
    whole = whole or fit_curve(x, y, groups, seed=seed)
    found = HeldOut(x, y, np.empty((len(x), len(LEVELS))), *(np.empty(len(x)) for _ in range(4)))
    outs, start = [fold == one for one in range(folds)], (whole.grid, whole.values)
    asked = ((x, y, groups, out, seed, start) for out in outs)
    judged = workers.results(_judged, asked, jobs=jobs if len(x) >= _WORTH_PROCESSES else 1)
    for out, columns in zip(outs, judged, strict=True):
        for name, column in zip(("quantiles", "percentile", "centre", "spread", "freedom"), columns, strict=True):
            getattr(found, name)[out] = column
    return found


def _judged(x, y, groups, out, seed: int, start) -> tuple:
    """Quantiles, percentile, centre, spread and freedom at the rows that are `out`, by the others."""
    curve = fit_curve(x[~out], y[~out], groups[~out], seed=seed, start=start, checked=False)
    nearest = np.clip(x[out], *curve.domain)
    return curve.at(nearest), curve.percentile(nearest, y[out]), *_line(x[~out], y[~out], x[out])


def _line(x, y, at) -> tuple[np.ndarray, np.ndarray, int]:
    """The least-squares line at places, the standard error of a new row there, and its degrees of freedom."""
    slope, intercept = np.polyfit(x, y, 1)
    freedom = len(x) - 2
    variance = np.sum((y - intercept - slope * x) ** 2) / freedom
    lever = (at - x.mean()) ** 2 / np.sum((x - x.mean()) ** 2)
    return intercept + slope * at, np.sqrt(variance * (1 + 1 / len(x) + lever)), freedom


def rows_of(found: HeldOut, edges=None) -> list[dict]:
    """Rows of `layouts.COVERAGE` of what was held out, in bins with these edges, Å (default: `curve.CELLS`, pooled)."""
    edges = cells_of(found.resolution) if edges is None else np.asarray(edges, dtype=float)
    cell = cell_number(found.resolution, edges)
    rows = []
    for band in BANDS:
        held, line = found.in_band(band), found.in_interval(band)
        for one, (low, high) in enumerate(itertools.pairwise(edges.tolist())):
            within = cell == one
            if within.any():
                place = {"band": band, "low": low, "high": high, "pooled": pooled(found.resolution, low, high)}
                ends = {"least_squares": float(line[within].mean())}
                ends["least_squares_pooled"] = line_in_bins(found.resolution, line, low, high)
                rows.append(place | _row(band, held[within]) | ends)
    return rows


def _row(band: float, held: np.ndarray) -> dict:
    n, covered = len(held), int(held.sum())
    low, high = (int(one) for one in stats.binom.interval(CERTAINTY, n, band))
    facts = {"n": n, "covered": covered, "share": covered / n}
    return facts | {"limit_low": low / n, "limit_high": high / n, "within": low <= covered <= high}


def pooled(resolution, low: float, high: float) -> str:
    """Which of the survey's bins a cell was pooled from, with their rows; "" for a bin as it is."""
    return " and ".join(f"{a:g}–{b:g} Å ({len(rows):,})" for a, b, rows in _inner(resolution, low, high))


def line_in_bins(resolution, within, low: float, high: float) -> str:
    """Share of rows within the line's interval in each of the bins a cell was pooled from; "" for a bin as it is."""
    bins = [(a, b, rows) for a, b, rows in _inner(resolution, low, high) if len(rows)]
    return " and ".join(f"{a:g}–{b:g} Å: {within[rows].mean():.4f} of {len(rows):,}" for a, b, rows in bins)


def _inner(resolution, low: float, high: float) -> list[tuple]:
    """The bins of the survey within a pooled cell: ends, Å, and places of their rows; none for a bin as it is."""
    inner = [(a, b) for a, b in itertools.pairwise(CELLS) if low <= a and b <= high]
    cell = cell_number(resolution, CELLS)
    return [(a, b, np.flatnonzero(cell == CELLS.index(a))) for a, b in inner] if len(inner) > 1 else []


def uniformity(resolution, percentile) -> dict:
    """Whether percentiles are free of the resolution: their correlation with it, and how uniform they are.

    Parameters
    ----------
    resolution, percentile : array, shape (n,)
        Å; 0–1. Rows without a percentile are left out.

    Returns
    -------
    dict
        ``r``; ``bins``: for each bin of `curve.CELLS` with at least 300 rows ``low``, ``high``, ``n`` and
        ``distance``, the Kolmogorov–Smirnov distance from the uniform distribution.
    """
    x, p = np.asarray(resolution, dtype=float), np.asarray(percentile, dtype=float)
    x, p = x[np.isfinite(p)], p[np.isfinite(p)]
    cell, bins = cell_number(x, CELLS), []
    for one, (low, high) in enumerate(itertools.pairwise(CELLS)):
        here = p[cell == one]
        if len(here) >= FEWEST_FOR_DISTANCE:
            distance = float(stats.kstest(here, "uniform").statistic)
            bins.append({"low": low, "high": high, "n": len(here), "distance": distance})
    return {"r": float(np.corrcoef(x, p)[0, 1]), "bins": bins}
