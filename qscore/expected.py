"""Expected Q at a resolution: published equations and fitted ones, as data with provenance."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

DOMAIN = (1.15, 10.0)


@dataclass(frozen=True)
class Equation:
    """Expected Q as a polynomial of the resolution.

    Attributes
    ----------
    name : str
    sigma : float
        Width of the reference Gaussian, Å.
    kind : str
        Class of atoms, or "all".
    coefficients : tuple of float
        Highest power first; R in Å.
    source : str
        Where the numbers come from.
    peak, low, high : float
        Added to the polynomial for the peak and the ends of the band; low and
        high are NaN without a published band.
    domain : tuple of float
        Resolutions the equation is for, Å.
    """

    name: str
    sigma: float
    kind: str
    coefficients: tuple[float, ...]
    source: str
    peak: float = 0.0
    low: float = math.nan
    high: float = math.nan
    domain: tuple[float, float] = DOMAIN

    def at(self, resolution: float) -> float:
        """The polynomial at a resolution, Å, at most 1; NaN outside the domain and below 0."""
        return self._shifted(resolution, self.peak)

    def band(self, resolution: float) -> tuple[float, float]:
        """Lower and upper end of the band; NaN outside the domain or without a band."""
        low, high = self._shifted(resolution, self.low), self._shifted(resolution, self.high)
        return (0.0 if math.isnan(low) and high >= 0 else low), high

    def _shifted(self, resolution: float, shift: float) -> float:
        if not self.domain[0] <= resolution <= self.domain[1]:
            return math.nan
        value = 0.0
        for coefficient in self.coefficients:
            value = value * resolution + coefficient
        value += shift
        return min(1.0, value) if value >= 0 else math.nan

    def text(self) -> str:
        """``Q = a R³ + …`` with the coefficients as they are used."""
        powers = ("", " R", " R²", " R³")
        terms = [
            f"{'−' if coefficient < 0 else '+'} {abs(coefficient):.6g}{powers[power]}"
            for power, coefficient in enumerate(reversed(self.coefficients))
        ]
        return "Q = " + " ".join(reversed(terms)).removeprefix("+ ").replace("− ", "−", not self.coefficients[0] >= 0)

    def as_dict(self) -> dict:
        """For JSON; NaN as None."""
        fields = asdict(self)
        return {key: None if isinstance(v, float) and math.isnan(v) else v for key, v in fields.items()}


MAPQ_2_9_7 = Equation(
    "mapq-2.9.7", 0.4, "all", (-0.0016, 0.0434, -0.3956, 1.3366), "MapQ 2.9.7", peak=0.024, low=-0.126, high=0.109
)
PUBLISHED = {
    (equation.sigma, equation.kind): equation
    for equation in (
        MAPQ_2_9_7,
        Equation("mapq-1.6.5-protein", 0.4, "protein", (-0.1866, 1.1242), "MapQ 1.6.5"),
        Equation("mapq-1.6.5-nucleic", 0.4, "nucleic", (-0.1465, 0.9436), "MapQ 1.6.5"),
        Equation("mapq-1.6.2-ion", 0.4, "ion", (-0.1103, 1.0795), "MapQ 1.6.2"),
        Equation("mapq-1.6.2-water", 0.4, "water", (-0.0895, 1.0001), "MapQ 1.6.2"),
        Equation(
            "mapq-1.9.9",
            0.6,
            "all",
            (-0.0019064058, 0.0499875375, -0.4513945578, 1.5361860733),
            "MapQ 1.9.9",
            low=-0.1,
            high=0.1,
        ),
        Equation("mapq-1.5.4-protein", 0.6, "protein", (-0.1775, 1.1192), "MapQ 1.5.4"),
        Equation("mapq-1.5.4-nucleic", 0.6, "nucleic", (-0.1377, 0.9973), "MapQ 1.5.4"),
        Equation("mapq-1.6.2-ion", 0.6, "ion", (-0.1103, 1.0795), "MapQ 1.6.2"),
        Equation("mapq-1.6.2-water", 0.6, "water", (-0.0895, 1.0001), "MapQ 1.6.2"),
    )
}


def published(kind: str = "all", sigma: float = 0.4) -> Equation | None:
    """The published equation of a class at a sigma; None where there is none.

    Parameters
    ----------
    kind : str
        "all" or a class of atoms.
    sigma : float
        Å.
    """
    return PUBLISHED.get((sigma, kind))
