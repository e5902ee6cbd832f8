"""Lines through the survey and their uncertainty (owns statsmodels)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import statsmodels.api as sm


@dataclass(frozen=True)
class Line:
    """Ordinary least squares of Q on resolution.

    Attributes
    ----------
    slope, intercept : float
        Q per Å; Q.
    slope_se, intercept_se : float
        Standard errors under equal, independent errors.
    r_squared, rmse : float
        Explained share of the variance; root mean square residual, Q.
    n : int
    x_low, x_high : float
        Resolutions the line rests on, Å.
    covariance : tuple
        Of (intercept, slope).
    """

    slope: float
    intercept: float
    slope_se: float
    intercept_se: float
    r_squared: float
    rmse: float
    n: int
    x_low: float
    x_high: float
    covariance: tuple[tuple[float, float], tuple[float, float]]

    def at(self, resolution):
        """Q on the line at resolutions, Å."""
        return self.intercept + self.slope * np.asarray(resolution, dtype=float)

    def text(self) -> str:
        """The equation as it stands on a figure."""
        sign = "−" if self.slope < 0 else "+"
        return f"Q = {self.intercept:.3f} {sign} {abs(self.slope):.3f} R,  R² = {self.r_squared:.2f}"

    def as_dict(self) -> dict:
        """For JSON."""
        return asdict(self)


def fit_line(resolution, q) -> Line:
    """Least-squares line of `q` on `resolution` (Å), both of shape (n,).

    Raises
    ------
    ValueError
        Fewer than 3 points, or all at one resolution.
    """
    x, y = np.asarray(resolution, dtype=float), np.asarray(q, dtype=float)
    if len(x) < 3 or np.ptp(x) == 0:
        raise ValueError(
            f"{len(x)} points over {np.ptp(x) if len(x) else 0:g} Å; a line needs 3 at different resolutions"
        )
    found = sm.OLS(y, sm.add_constant(x)).fit()
    covariance = found.cov_params()
    return Line(
        slope=float(found.params[1]),
        intercept=float(found.params[0]),
        slope_se=float(found.bse[1]),
        intercept_se=float(found.bse[0]),
        r_squared=float(found.rsquared),
        rmse=float(np.sqrt(np.mean(found.resid**2))),
        n=len(x),
        x_low=float(x.min()),
        x_high=float(x.max()),
        covariance=tuple(tuple(map(float, row)) for row in covariance),
    )


@dataclass(frozen=True)
class Lines:
    """Many least-squares lines at once; NaN where a group has fewer than 3 points or one resolution.

    Attributes
    ----------
    n : int array, shape (groups,)
    slope, intercept, r_squared, rmse : float array, shape (groups,)
        Q per Å, Q, share of the variance, Q (root mean square residual).
    """

    n: np.ndarray
    slope: np.ndarray
    intercept: np.ndarray
    r_squared: np.ndarray
    rmse: np.ndarray


def lines_of(resolution, q, group, groups: int) -> Lines:
    """Least-squares lines of `q` on `resolution` (Å) within groups.

    Parameters
    ----------
    resolution, q : array, shape (n,)
    group : int array, shape (n,)
        0 … groups − 1.
    groups : int
    """
    return _lines(*_sums(resolution, q, group, groups))


def lines_without(resolution, q, group, groups: int) -> Lines:
    """The same with each group left out in turn: line k rests on every point but those of group k."""
    sums, centre = _sums(resolution, q, group, groups)
    return _lines(sums.sum(axis=1, keepdims=True) - sums, centre)


def _sums(resolution, q, group, groups: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Count and sums of x, y, xx, xy, yy in each group, shape (6, groups), about a common centre for precision."""
    x, y = np.asarray(resolution, dtype=float), np.asarray(q, dtype=float)
    centre = (float(x.mean()), float(y.mean())) if len(x) else (0.0, 0.0)
    x, y = x - centre[0], y - centre[1]
    terms = (np.ones_like(x), x, y, x * x, x * y, y * y)
    return np.array([np.bincount(group, term, minlength=groups) for term in terms]), centre


def _lines(sums: np.ndarray, centre: tuple[float, float]) -> Lines:
    with np.errstate(divide="ignore", invalid="ignore"):
        n, x, y, xx, xy, yy = sums
        mean_x, mean_y = x / n, y / n
        sxx, sxy, syy = xx - x * mean_x, xy - x * mean_y, yy - y * mean_y
        usable = (np.round(n) >= 3) & (sxx > 1e-9 * np.maximum(xx, 1e-9))
        slope = np.where(usable, sxy / sxx, np.nan)
        residual = np.maximum(syy - slope * sxy, 0.0)
        intercept = mean_y - slope * mean_x + centre[1] - slope * centre[0]
        return Lines(np.round(n).astype(int), slope, intercept, 1 - residual / syy, np.sqrt(residual / n))
