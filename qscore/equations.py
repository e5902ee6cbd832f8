"""Expected Q as a polynomial of the resolution; and any equation as ``expected_q.json`` has it. Evaluation only."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields

from qscore.quantiles import QUANTILES, Curve

DOMAIN = (1.15, 10.0)
X_WORDS = {"map_model_fsc05": "map–model FSC 0.5"}  # what else than the reported resolution an equation is over
FORMS = {1: "constant", 2: "line", 3: "parabola", 4: "cubic"}


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
    x : str
        What the resolution is: "resolution" (as reported) or a key of `X_WORDS`.
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
    x: str = "resolution"

    @property
    def form(self) -> str:
        """Its shape in a word."""
        return FORMS.get(len(self.coefficients), f"polynomial of degree {len(self.coefficients) - 1}")

    def at(self, resolution: float) -> float:
        """The polynomial at a resolution, Å, at most 1; NaN outside the domain and below 0."""
        return self._shifted(resolution, self.peak)

    def band(self, resolution: float) -> tuple[float, float]:
        """Lower and upper end of the band; NaN outside the domain or without a band."""
        low, high = self._shifted(resolution, self.low), self._shifted(resolution, self.high)
        return (0.0 if math.isnan(low) and high >= 0 else low), high

    def expected(self, resolution: float) -> float:
        """The same as `at`: what the equation has in common with a `Curve`."""
        return self.at(resolution)

    def clamped(self, resolution: float) -> bool:
        """Whether the polynomial is above 1 at a resolution of its domain, so that 1 is said instead."""
        return self._holds(resolution) and self._raw(resolution) + self.peak > 1

    def _holds(self, resolution: float) -> bool:
        return self.domain[0] <= resolution <= self.domain[1]

    def _raw(self, resolution: float) -> float:
        value = 0.0
        for coefficient in self.coefficients:
            value = value * resolution + coefficient
        return value

    def _shifted(self, resolution: float, shift: float) -> float:
        if not self._holds(resolution):
            return math.nan
        value = self._raw(resolution) + shift
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
        content = asdict(self)
        del content["x"]  # a record says it beside
        return {key: None if isinstance(v, float) and math.isnan(v) else v for key, v in content.items()}


def said_of(equation: Equation | Curve, resolution: str) -> str:
    """``3.2 Å``, or ``at map–model FSC 0.5 of 3.2 Å`` where the equation is not over the reported resolution."""
    x = equation.x
    return resolution if x == "resolution" else f"at {X_WORDS.get(x, x)} of {resolution}"


# ---- records of expected_q.json ----


def as_record(equation: Equation | Curve) -> dict:
    """What ``expected_q.json`` says of an equation; the caller adds where it comes from.

    Keys of a polynomial: `form`, `sigma`, `class`, `coefficients` (highest power first), `peak`, `low`, `high`,
    `domain`, `source`; of a quantile curve: see `Curve.as_dict`.
    """
    if isinstance(equation, Curve):
        return equation.as_dict()
    content = equation.as_dict()
    return {"form": equation.form, "class": content.pop("kind")} | content


def from_record(name: str, record: dict) -> Equation | Curve:
    """An equation of ``expected_q.json`` by its name there.

    Raises
    ------
    ValueError
        The record is not one of an equation.
    """
    try:
        if not isinstance(record, dict):
            raise TypeError("expected a mapping")
        if record.get("form") == QUANTILES:
            return Curve.from_dict(record | {"name": name, "source": origin(record)})
        known = {field.name for field in fields(Equation)}
        content = {key: value for key, value in record.items() if key in known and value is not None}
        content |= {"name": name, "kind": record["class"], "source": origin(record)}
        content |= {key: tuple(map(float, content[key])) for key in ("coefficients", "domain")}
        return Equation(**content)
    except (KeyError, TypeError, ValueError) as err:
        raise ValueError(f"equation {name!r} cannot be read: {err}") from err


def origin(record: dict) -> str:
    """Where the numbers of a record come from, in words."""
    says = (
        ("source", "{}"),
        ("version", "qscore {}"),
        ("subset", "subset {}"),
        ("x", "x: {}"),
        ("selection", "{}"),
        ("catalogue_date", "catalogue of {}"),
    )
    parts = [f"fitted to {record['n']:,} rows"] if record.get("n") is not None else []
    parts += [text.format(record[key]) for key, text in says if record.get(key)]
    if quoted := quoted_bootstrap(record.get("bootstrap")):
        slope = quoted["slope"]
        ends = f"{slope['low']:.4f} to {slope['high']:.4f}".replace("-", "−")
        parts.append(f"slope ± {slope['se']:.4f} {quoted['how']} (95 %: {ends})")
    digest = record.get("table_sha256")
    return "; ".join([*parts, f"table {digest[:12]}"] if digest else parts)


def quoted_bootstrap(found: dict | None) -> dict | None:
    """Of a bootstrap by publication and one by protein (`resampling.bootstrap_both`) the one to be quoted.

    Returns
    -------
    dict or None
        `slope`, `intercept`, `r_squared`, `rmse`, each with `se`, `low` and `high` (95 %), `what` is redrawn and
        `how` in words. None without a bootstrap.
    """
    if not found or found.get("quoted") not in found:
        return None
    what = found.get("redrawn", {}).get(found["quoted"], f"whole {found['quoted']}s")
    return found[found["quoted"]] | {"how": f"with {what} redrawn", "what": what}


def judging_curve(fit: dict) -> Curve:
    """The curve that the entries of a survey are judged by.

    Parameters
    ----------
    fit : dict
        Content of ``expected_q.json``.

    Raises
    ------
    ValueError
        It names no quantile curve, as one of an older version.
    """
    record = fit.get("judged_by") or {}
    if record.get("form") != QUANTILES:
        raise ValueError("the fit holds no curve to judge by: fit the table again with this version")
    return Curve.from_dict(record)
