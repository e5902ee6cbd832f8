"""Usual Q along resolution and how far entries scatter about it, whatever the outliers (owns the bisquare spline)."""

from __future__ import annotations

import numpy as np

NEAREST = 501
_AT_ONCE = 256  # windows: 1 MB
MAD = 1.4826
SPLINE_DF = 6
GRID_STEP = 0.05
LOWER_SHARES = (0.15, 0.2, 0.25, 0.3)
UPPER_SHARES = (0.05, 0.1, 0.15, 0.2)


def usable(resolution, q) -> tuple[np.ndarray, np.ndarray]:
    """Rows without NaN, sorted so that their order cannot matter."""
    r, q = np.asarray(resolution, dtype=float), np.asarray(q, dtype=float)
    keep = np.isfinite(r) & np.isfinite(q)
    order = np.lexsort((q[keep], r[keep]))
    return r[keep][order], q[keep][order]


def standards(resolution, q) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Grid of resolutions, Å, and on it the centre and the scales below and above it, Q.

    The centre is a bisquare spline moved onto the local medians; the scales are local
    quantiles in units of the normal law's, smoothed on a log scale.
    """
    grid = np.union1d(
        np.arange(np.ceil(resolution.min() / GRID_STEP), resolution.max() / GRID_STEP) * GRID_STEP,
        [resolution.min(), resolution.max()],
    )
    if len(np.unique(resolution)) < 10:
        raise ValueError(f"{len(np.unique(resolution))} different resolutions; a null needs 10")
    number = _bin_numbers(resolution)
    along = _Along(resolution, number, grid)
    centre = bisquare_spline(resolution, q, grid)
    centre = centre + along.smooth(along.quantiles(q - np.interp(resolution, grid, centre), [0.5])[:, 0])
    residual = q - np.interp(resolution, grid, centre)
    floor = 1e-3 * np.median(np.abs(residual))
    if not floor > 1e-12 * np.abs(q).max():
        raise ValueError("Q does not vary about its centre: no scale to judge it by")
    below = along.quantiles(-residual, 1 - np.array(LOWER_SHARES)) / _normal(LOWER_SHARES)
    above = along.quantiles(residual, 1 - np.array(UPPER_SHARES)) / _normal(UPPER_SHARES)
    lower, upper = (np.exp(along.smooth(np.log(np.maximum(s.mean(axis=1), floor)))) for s in (below, above))
    return grid, centre, lower, upper


def standardised(resolution, q, standard) -> np.ndarray:
    grid, centre, lower, upper = standard
    r = np.asarray(resolution, dtype=float)
    residual = np.asarray(q, dtype=float) - np.interp(r, grid, centre)
    return residual / np.where(residual < 0, np.interp(r, grid, lower), np.interp(r, grid, upper))


def _normal(shares) -> np.ndarray:
    from scipy.special import ndtri

    return -ndtri(np.array(shares))


def bisquare_spline(resolution, q, grid) -> np.ndarray:
    """Natural cubic spline (df 6) of `q` on `resolution`, Å, by Tukey's bisquare, at the resolutions `grid`."""
    from patsy import build_design_matrices, dmatrix
    from statsmodels.robust.norms import TukeyBiweight
    from statsmodels.robust.robust_linear_model import RLM

    design = dmatrix(f"cr(x, df={SPLINE_DF}) - 1", {"x": resolution})
    found = RLM(q, np.asarray(design), M=TukeyBiweight()).fit()
    return np.asarray(build_design_matrices([design.design_info], {"x": grid})[0]) @ found.params


def _bin_numbers(resolution) -> np.ndarray:
    """Bin of each row, along resolution: 25 to 250 rows or more."""
    return _numbers(resolution, np.clip(len(resolution) // 8, 25, 250))


def _numbers(resolution, size) -> np.ndarray:
    """Bin of each row, `size` rows or more in each, rows at one resolution together."""
    _, place, count = np.unique(resolution, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - count / 2
    return np.unique(middle // size, return_inverse=True)[1][place]


def along_ln(resolution, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Stretches of `size` rows or more along rising resolution: number of each row, middle of each in ln Å."""
    number = _numbers(resolution, size)
    return number, np.bincount(number, np.log(resolution)) / np.bincount(number)


class _Along:
    """Local quantiles and smoothing along resolution."""

    def __init__(self, resolution, number, grid):
        self.number, self.weight = number, np.sqrt(np.bincount(number))
        self.middle, self.grid = np.bincount(number, resolution) / np.bincount(number), grid
        self.knots = np.quantile(self.middle, np.linspace(0, 1, int(np.clip(len(self.middle) // 3, 3, 10))))

    def quantiles(self, values, shares) -> np.ndarray:
        """Of the values in each bin, shape (bins, shares)."""
        order = np.lexsort((values, self.number))
        parts = np.split(values[order], np.cumsum(np.bincount(self.number))[:-1])
        return np.array([np.quantile(part, shares) for part in parts])

    def smooth(self, values) -> np.ndarray:
        """Natural spline through one value a bin, at the grid; constant beyond the outermost bins."""
        basis = natural_spline(self.middle, self.knots) * self.weight[:, None]
        found = np.linalg.lstsq(basis, values * self.weight, rcond=None)[0]
        return natural_spline(np.clip(self.grid, self.knots[0], self.knots[-1]), self.knots) @ found


def natural_spline(x, knots) -> np.ndarray:
    """Basis of the natural cubic splines with these knots, shape (n, knots): Hastie, Tibshirani & Friedman, eq. 5.4."""
    cubes = np.clip(np.subtract.outer(x, knots), 0, None) ** 3
    d = (cubes[:, :-1] - cubes[:, -1:]) / (knots[-1] - knots[:-1])
    return np.column_stack([np.ones_like(x), x, d[:, :-1] - d[:, -1:]])


# ---- the descriptive residual ----


def descriptive_z(resolution, q) -> np.ndarray:
    """Residual of the bisquare spline in units of the local scale: for tables and figures, not for p-values.

    The local scale is 1.4826 times the median absolute deviation from the median among the 501 nearest rows: with
    the rows sorted by resolution, those of one resolution in the order given, 250 on either side as far as there
    are so many. Many rows share a resolution, so the order given moves a z a little (a survey's tables are sorted
    by id; on the archive table 265 rows lie below -3, in other orders of its ties 258 to 278). NaN where resolution
    or Q is.
    """
    r, q = np.asarray(resolution, dtype=float), np.asarray(q, dtype=float)
    known = np.flatnonzero(np.isfinite(r) & np.isfinite(q))
    place = known[np.argsort(r[known], kind="stable")]
    residual = _bisquare_residual(r[place], q[place])
    z = np.full(r.shape, np.nan)
    z[place] = residual / (MAD * _local_mad(residual))
    return z


def _bisquare_residual(resolution, q) -> np.ndarray:
    """Residual of the spline; the scale of its weights is the deviation from the median, not from 0."""
    from patsy import dmatrix
    from statsmodels.robust.norms import TukeyBiweight
    from statsmodels.robust.robust_linear_model import RLM
    from statsmodels.robust.scale import mad

    design = np.asarray(dmatrix(f"cr(x, df={SPLINE_DF}) - 1", {"x": resolution}))
    robust = RLM(q, design, M=TukeyBiweight())
    return robust.fit(scale_est=lambda _model, residual: mad(residual)).resid


def _local_mad(values) -> np.ndarray:
    """Median absolute deviation from the median among each value's `NEAREST`, itself in their middle."""
    half, n = NEAREST // 2, len(values)
    found = np.empty(n)
    for k in [*range(min(half, n)), *range(max(half, n - half), n)]:  # at the ends there are fewer
        found[k] = _mad(values[None, max(0, k - half) : k + half + 1])[0]
    for first in range(half, n - half, _AT_ONCE):
        last = min(first + _AT_ONCE, n - half)
        found[first:last] = _mad(np.lib.stride_tricks.sliding_window_view(values[first - half : last + half], NEAREST))
    return found


def _mad(windows) -> np.ndarray:
    """Median absolute deviation of each row from its median."""
    return np.median(np.abs(windows - np.median(windows, axis=1)[:, None]), axis=1)
