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
