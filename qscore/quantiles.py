"""Expected Q as quantiles over the resolution: their evaluation, numpy alone (`qscore.curve` fits them)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

QUANTILES = "quantile curve"
ONE = 1e-9  # two levels of a band differ from its nominal share by rounding at most


@dataclass(frozen=True, eq=False)
class Curve:
    """The conditional distribution of Q at a resolution, as quantiles on a grid; linear between its points.

    Quantiles never cross and never rise with the resolution's value in Å. `qscore.curve.fit_curve` makes one.

    Attributes
    ----------
    grid : array, shape (points,)
        Resolutions, Å, rising; its ends are the domain.
    levels : array, shape (levels,)
        Shares of entries below, rising, within 0–1.
    values : array, shape (points, levels)
        Q.
    n : int
        Rows the curve rests on.
    sigma, kind : float, str
        Width of the reference Gaussian, Å; class of atoms, or "all".
    name, source : str
        What it is called; where the numbers come from.
    making : dict
        How it was made (`qscore.curve`): JSON values only.
    """

    grid: np.ndarray
    levels: np.ndarray
    values: np.ndarray
    n: int
    sigma: float = 0.4
    kind: str = "all"
    name: str = "curve"
    source: str = ""
    making: dict | None = None

    @property
    def domain(self) -> tuple[float, float]:
        """Resolutions the curve is for, Å."""
        return float(self.grid[0]), float(self.grid[-1])

    @property
    def form(self) -> str:
        """Its shape in words."""
        return QUANTILES

    @property
    def x(self) -> str:
        """What its resolutions are: as reported."""
        return "resolution"

    def clamped(self, resolution: float) -> bool:
        """Never: quantiles of Q are not above 1."""
        return False

    def at(self, resolution) -> np.ndarray:
        """Quantiles of Q at resolutions, Å: shape of `resolution` + (levels,); NaN outside the domain."""
        x = np.asarray(resolution, dtype=float)
        left = np.clip(np.searchsorted(self.grid, x, side="right") - 1, 0, len(self.grid) - 2)
        nearest = np.clip(x, *self.domain)
        share = ((nearest - self.grid[left]) / (self.grid[left + 1] - self.grid[left]))[..., None]
        found = (1 - share) * self.values[left] + share * self.values[left + 1]
        return np.where(((x >= self.grid[0]) & (x <= self.grid[-1]))[..., None], found, np.nan)

    def level(self, resolution, level: float):
        """One quantile of Q at resolutions, Å; its shape is theirs.

        Raises
        ------
        ValueError
            The curve does not hold that level.
        """
        place = np.flatnonzero(np.abs(self.levels - level) < ONE)
        if not len(place):
            raise ValueError(f"level {level:g}; the curve holds {', '.join(f'{one:g}' for one in self.levels)}")
        return self.at(resolution)[..., place[0]][()]

    def expected(self, resolution):
        """Median Q at resolutions, Å; its shape is theirs."""
        return self.level(resolution, 0.5)

    def band(self, resolution, share: float = 0.95) -> tuple:
        """Ends of the central band that holds a share of the entries: 0.95, 0.9 or 0.5; shapes are the resolutions'."""
        return self.level(resolution, (1 - share) / 2), self.level(resolution, (1 + share) / 2)

    def percentile(self, resolution, q):
        """Share of entries of the same resolution that have a lower Q, 0–1: the detrended percentile.

        Linear between the levels; beyond the outermost ones it falls off exponentially, at the rate at which
        the two outermost levels follow each other. NaN outside the domain and without a Q.

        Parameters
        ----------
        resolution, q : float or array, of shapes that broadcast
            Å; Q.
        """
        resolution, q = np.broadcast_arrays(np.asarray(resolution, dtype=float), np.asarray(q, dtype=float))
        values, levels = self.at(resolution), self.levels
        above = (q[..., None] >= values).sum(axis=-1)
        k = np.clip(above, 1, len(levels) - 1)
        low, high = (np.take_along_axis(values, one[..., None], axis=-1)[..., 0] for one in (k - 1, k))
        width = np.where(high > low, high - low, 1.0)
        within = levels[k - 1] + (levels[k] - levels[k - 1]) * np.clip((q - low) / width, 0, 1)
        below = _tail(values[..., 0] - q, values[..., 1] - values[..., 0], levels[:2])
        beyond = _tail(q - values[..., -1], values[..., -1] - values[..., -2], 1 - levels[:-3:-1])
        found = np.select([above == 0, above == len(levels)], [below, 1 - beyond], within)
        return np.where(np.isnan(q) | np.isnan(values[..., 0]), np.nan, found)[()]

    def as_dict(self) -> dict:
        """For JSON, whole: `from_dict` gives the same curve bit for bit."""
        return {
            "form": QUANTILES,
            "name": self.name,
            "sigma": self.sigma,
            "class": self.kind,
            "source": self.source,
            "n": self.n,
            "domain": list(self.domain),
            "levels": self.levels.tolist(),
            "grid": self.grid.tolist(),
            "values": self.values.tolist(),
            "making": self.making or {},
        }

    @classmethod
    def from_dict(cls, content: dict) -> Curve:
        """From `as_dict`; what else a record holds is left aside.

        Raises
        ------
        ValueError
            Something is missing, or the sizes, or the order of grid or levels, do not fit.
        """
        missing = {"grid", "levels", "values", "n"} - set(content)
        if missing:
            raise ValueError(f"a quantile curve without {', '.join(sorted(missing))}")
        grid, levels, values = (np.array(content[key], dtype=float) for key in ("grid", "levels", "values"))
        if values.shape != (len(grid), len(levels)) or min(values.shape) < 2 or not np.isfinite(values).all():
            raise ValueError(f"a quantile curve of {len(grid)} points and {len(levels)} levels, values {values.shape}")
        if (np.diff(grid) <= 0).any() or (np.diff(levels) <= 0).any():
            raise ValueError("grid and levels of a quantile curve must rise")
        more = {key: content[key] for key in ("sigma", "name", "source", "making") if content.get(key) is not None}
        return cls(grid, levels, values, int(content["n"]), kind=content.get("class", "all"), **more)


def _tail(distance, gap, levels) -> np.ndarray:
    """Share beyond a point `distance` outside the outermost level; `levels` outermost first, `gap` apart in Q."""
    rate = math.log(levels[1] / levels[0]) / np.maximum(gap, 1e-6)
    return levels[0] * np.exp(-rate * np.maximum(distance, 0))
