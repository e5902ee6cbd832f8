"""Lines and curves through the survey and their uncertainty (owns statsmodels)."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass

import numpy as np
import statsmodels.api as sm
from scipy import stats
from statsmodels.tools.sm_exceptions import ConvergenceWarning


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
    slope_se_hc3, intercept_se_hc3 : float or None
        Standard errors under independent errors of unequal spread (MacKinnon & White 1985, HC3); None where one
        point alone determines the line.
    covariance_hc3 : tuple or None
        Of (intercept, slope), HC3.
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
    slope_se_hc3: float | None = None
    intercept_se_hc3: float | None = None
    covariance_hc3: tuple[tuple[float, float], tuple[float, float]] | None = None

    def at(self, resolution):
        """Q on the line at resolutions, Å."""
        return self.intercept + self.slope * np.asarray(resolution, dtype=float)

    def prediction(self, resolution, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Low and high end of the least-squares prediction interval at resolutions, Å.

        It holds for normal errors of equal spread only.
        """
        x, free = np.asarray(resolution, dtype=float), self.n - 2
        (a, b), (_, c) = self.covariance
        variance = self.rmse**2 * self.n / free + a + 2 * b * x + c * x * x
        half = stats.t.ppf((1 + level) / 2, free) * np.sqrt(variance)
        return self.at(x) - half, self.at(x) + half

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
    found = least_squares(y, sm.add_constant(x))
    unequal = hc3(found)
    errors = (None, None) if unequal is None else np.sqrt(np.diag(unequal)).tolist()
    return Line(
        slope=float(found.params[1]),
        intercept=float(found.params[0]),
        slope_se=float(found.bse[1]),
        intercept_se=float(found.bse[0]),
        r_squared=float(found.rsquared),
        rmse=rmse_of(found),
        n=len(x),
        x_low=float(x.min()),
        x_high=float(x.max()),
        covariance=_pairs(found.cov_params()),
        slope_se_hc3=errors[1],
        intercept_se_hc3=errors[0],
        covariance_hc3=None if unequal is None else _pairs(unequal),
    )


def least_squares(q, design):
    """Least squares of `q` (n,) on the columns of `design` (n, k), as statsmodels returns it."""
    return sm.OLS(q, design).fit()


def rmse_of(found) -> float:
    """Root mean square residual of a least-squares fit, in the units of Q."""
    return float(np.sqrt(np.mean(found.resid**2)))


def hc3(found) -> np.ndarray | None:
    """HC3 covariance of a least-squares fit; None where a point has the fit to itself and leaves no residual."""
    return None if found.get_influence().hat_matrix_diag.max() > 1 - 1e-9 else found.cov_HC3


def _pairs(matrix) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row)) for row in matrix)


# ---- the cubic ----


@dataclass(frozen=True)
class Polynomial:
    """Least-squares polynomial of Q in resolution.

    Attributes
    ----------
    coefficients : tuple of float
        Highest power first; R in Å.
    covariance, covariance_hc3 : tuple
        Of the coefficients in that order, under equal and under unequal errors; the latter None where one point
        alone determines a coefficient.
    r_squared, rmse : float
    n : int
    domain : tuple of float
        Resolutions it rests on, Å.
    """

    coefficients: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    covariance_hc3: tuple[tuple[float, ...], ...] | None
    r_squared: float
    rmse: float
    n: int
    domain: tuple[float, float]

    def at(self, resolution):
        """Q on the curve at resolutions, Å."""
        return np.polyval(self.coefficients, np.asarray(resolution, dtype=float))

    def as_dict(self) -> dict:
        """For JSON."""
        return asdict(self)


def fit_cubic(x, q, degree: int = 3) -> Polynomial:
    """Least-squares cubic of `q` on `x` (Å), both of shape (n,), in MapQ's form.

    Fitted in x brought to −1…1 and expanded, so that digits are not lost to nearly collinear powers.

    Raises
    ------
    ValueError
        No more points than coefficients, or too few different `x`.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(q, dtype=float)
    if len(x) < degree + 2 or len(np.unique(x)) < degree + 1:
        raise ValueError(
            f"{len(x)} points at {len(np.unique(x))} resolutions; a curve of degree {degree} needs {degree + 2} at "
            f"{degree + 1} different ones"
        )
    centre, half = (x.max() + x.min()) / 2, np.ptp(x) / 2
    found = least_squares(y, np.vander((x - centre) / half, degree + 1))
    expand, unequal = _expansion(centre, half, degree), hc3(found)
    return Polynomial(
        coefficients=tuple((expand @ found.params).tolist()),
        covariance=_pairs(expand @ found.cov_params() @ expand.T),
        covariance_hc3=None if unequal is None else _pairs(expand @ unequal @ expand.T),
        r_squared=float(found.rsquared),
        rmse=rmse_of(found),
        n=len(x),
        domain=(float(x.min()), float(x.max())),
    )


def _expansion(centre: float, half: float, degree: int) -> np.ndarray:
    """The matrix from coefficients in (x − centre)/half to coefficients in x, both highest power first."""
    columns = [np.poly1d([1 / half, -centre / half]) ** power for power in range(degree, -1, -1)]
    return np.array([np.pad(one.coeffs, (degree + 1 - len(one.coeffs), 0)) for one in columns]).T


# ---- M-estimates ----

NORMS = {"huber": sm.robust.norms.HuberT, "tukey": sm.robust.norms.TukeyBiweight}


def fit_robust(x, q, norm: str) -> dict | None:
    """M-estimate of a line of `q` on `x` (Å), both of shape (n,): tuning constants 1.345 and 4.685, scale by MAD.

    Parameters
    ----------
    x, q : float array, shape (n,)
    norm : str
        "huber" or "tukey" (bisquare).

    Returns
    -------
    dict or None
        ``slope``, ``intercept``, ``slope_se``, ``intercept_se``, ``scale``; None where more than half of the rows lie
        exactly on a line.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)  # a scale of 0: no weights to be had
            found = sm.RLM(np.asarray(q, dtype=float), sm.add_constant(np.asarray(x, dtype=float)), M=NORMS[norm]())
            found = found.fit(maxiter=500)
    except ConvergenceWarning:
        return None
    (intercept, slope), (intercept_se, slope_se) = found.params.tolist(), found.bse.tolist()
    line = {"slope": slope, "intercept": intercept, "slope_se": slope_se, "intercept_se": intercept_se}
    return line | {"scale": float(found.scale)}


# ---- many lines at once ----


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
    return lines_from(*sums_of(resolution, q, group, groups))


def lines_without(resolution, q, group, groups: int) -> Lines:
    """The same with each group left out in turn: line k rests on every point but those of group k."""
    sums, centre = sums_of(resolution, q, group, groups)
    return lines_from(sums.sum(axis=1, keepdims=True) - sums, centre)


def sums_of(resolution, q, group, groups: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Count and sums of x, y, xx, xy, yy in each group, shape (6, groups), about a common centre for precision."""
    x, y = np.asarray(resolution, dtype=float), np.asarray(q, dtype=float)
    centre = (float(x.mean()), float(y.mean())) if len(x) else (0.0, 0.0)
    x, y = x - centre[0], y - centre[1]
    terms = (np.ones_like(x), x, y, x * x, x * y, y * y)
    return np.array([np.bincount(group, term, minlength=groups) for term in terms]), centre


def lines_from(sums: np.ndarray, centre: tuple[float, float]) -> Lines:
    """Lines from the sums of `sums_of`, shape (6, lines), or from weighted totals of them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        n, x, y, xx, xy, yy = sums
        mean_x, mean_y = x / n, y / n
        sxx, sxy, syy = xx - x * mean_x, xy - x * mean_y, yy - y * mean_y
        usable = (np.round(n) >= 3) & (sxx > 1e-9 * np.maximum(xx, 1e-9))
        slope = np.where(usable, sxy / sxx, np.nan)
        residual = np.maximum(syy - slope * sxy, 0.0)
        intercept = mean_y - slope * mean_x + centre[1] - slope * centre[0]
        return Lines(np.round(n).astype(int), slope, intercept, 1 - residual / syy, np.sqrt(residual / n))
