"""Expected Q at a resolution: published equations, fitted ones and the shipped curve, by name; and the inverse.

A fitted equation comes from a file that ``qscore fit`` writes, ``expected_q.json``. Its key ``equations`` holds, by
name, one record each:

``form``
    ``line``, ``cubic`` or ``quantile curve``.
``sigma``, ``class``
    Width of the reference Gaussian, Å; class of atoms, or ``all``.
``x``, ``subset``, ``selection``
    What the equation is over (``resolution``: as reported, Å; ``map_model_fsc05``), the rows it was fitted to, the
    rule they had to meet.
``coefficients``, ``covariance``
    Of a line or cubic, highest power first, R in Å, in full precision; ``low``, ``high`` and ``peak``, where there,
    are added for the ends of its band and its middle.
``levels``, ``grid``, ``values``, ``making``
    Of a quantile curve: shares below, resolutions (Å), Q (a list of levels each resolution), linear between; how it
    was made: knots (Å), folds, seed, cells of resolution and each level's corrections there.
``n``, ``domain``
    Rows; resolutions the equation holds for, Å. It is not extrapolated.
``catalogue_date``, ``table_sha256``, ``version``
    Of the archive's catalogue and of the table that was fitted; of this program.

The shipped file has the same form, and the null of the curve's residuals beside (key ``null``).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from qscore.equations import DOMAIN, Equation, from_record
from qscore.quantiles import QUANTILES, Curve
from qscore.stored import check_stored, is_endless

__all__ = ["DOMAIN", "KNOWN", "MAPQ_2_9_7", "PUBLISHED", "Curve", "Equation", "Inverse", "published"]
SHIPPED = Path(__file__).parent / "shipped" / "expected_q.json"
CURVE = "archive-2025"  # the shipped curve's name
OWN = "all-curve"  # a survey's own curve, in its file
STEP = 0.001  # Å, of the table that an equation is inverted by

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

KNOWN = (
    *PUBLISHED.values(),
    Equation(
        "mapq-1.9.9", 0.4, "all", (-0.0020025943, 0.0504435042, -0.4343663048, 1.3945104702), "MapQ 1.9.9, 400 set"
    ),
)


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


# ---- by name ----


def find(given: str | None = None, *, kind: str = "all", sigma: float | None = None) -> Equation | Curve:
    """An equation by what the user gave.

    Parameters
    ----------
    given : str, optional
        A name (the class may be left away from its end), a file, or ``FILE:NAME``. A file without a name: the
        curve it judges entries by; of a class or of σ 0.6 Å its curve, else its cubic, else its line, of all
        entries first. Without one: the shipped curve for all atoms at σ 0.4 Å, MapQ's equation of the class
        otherwise.
    kind : str
        "all" or a class of atoms.
    sigma : float, optional
        Å; without one 0.4, or the only one the name is known with.

    Raises
    ------
    ValueError
        There is none of that name, class or sigma, or the file cannot be read.
    """
    if given is None:
        return _default(kind, 0.4 if sigma is None else sigma)
    file, name = split(given)
    if file is not None:
        return _of_file(file, name, kind, sigma)
    known = (*KNOWN, shipped()) if SHIPPED.is_file() else KNOWN
    named = [one for one in known if given in (one.name, one.name.removesuffix(f"-{one.kind}"))]
    if not named:
        names = ", ".join(dict.fromkeys(one.name for one in known))
        raise ValueError(f"no equation and no file {given!r}; known: {names}")
    return _fitting(given, named, kind, sigma)


def _default(kind: str, sigma: float) -> Equation | Curve:
    if (kind, sigma) == ("all", 0.4):
        return shipped()
    found = published(kind, sigma)
    if found is None:
        there = ", ".join(k for s, k in PUBLISHED if s == sigma)
        raise ValueError(
            f"no published equation for {kind} at σ {sigma:g} Å{there and f' (there are for: {there})'}; "
            "a survey’s expected_q.json holds fitted ones: --equation FILE"
        )
    return found


def _fitting(given: str, named: list, kind: str, sigma: float | None) -> Equation | Curve:
    """Of the equations of one name the one of the class and sigma; the class counts only where it was given."""
    fitting = [one for one in named if kind in ("all", one.kind) and sigma in (None, one.sigma)]
    there = ", ".join(f"{one.kind} at σ {one.sigma:g}" for one in named)
    if not fitting:
        asked = kind if sigma is None else f"{kind} at σ {sigma:g} Å"
        raise ValueError(f"{given} is for {there} Å, not for {asked}")
    if len({one.kind for one in fitting}) > 1 and kind not in [one.kind for one in fitting]:
        raise ValueError(f"{given} is for {there} Å: say which class")
    return min(fitting, key=lambda one: (one.kind != kind, one.sigma))


def split(given: str) -> tuple[Path | None, str | None]:
    """``FILE``, ``FILE:NAME`` or a name → file and name; None for what was not given."""
    if Path(given).is_file() or is_endless(given) or given.endswith(".json"):
        return Path(given), None
    file, colon, name = given.rpartition(":")
    return (Path(file), name) if colon and (Path(file).is_file() or file.endswith(".json")) else (None, given)


# ---- of a file ----


def load(path) -> dict[str, Equation | Curve]:
    """The equations of an ``expected_q.json`` by name.

    Raises
    ------
    ValueError
        The file cannot be read, is not of this kind, or holds none.
    """
    records = content(path).get("equations")
    if not isinstance(records, dict) or not records:
        raise ValueError(f"{path} holds no fitted equations (key 'equations')")
    return {name: from_record(name, record) for name, record in records.items()}


def content(path, *keys: str) -> dict:
    """What the ``expected_q.json`` of a fit holds.

    Raises
    ------
    ValueError
        The file cannot be read, is not of this kind, or lacks one of the keys.
    """
    try:
        check_stored(path)
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as err:
        raise ValueError(f"cannot read {path}: {err.strerror}") from err
    except (ValueError, RecursionError) as err:
        raise ValueError(f"{path} is not JSON: {err}") from err
    if not isinstance(found, dict):
        raise ValueError(f"{path} is not the expected_q.json of a fit")
    if missing := [key for key in keys if key not in found]:
        raise ValueError(f"{path} lacks {', '.join(missing)}: fit again")
    return found


def _of_file(path: Path, name: str | None, kind: str, sigma: float | None) -> Equation | Curve:
    """The named equation of a file; without a name what it judges by, else its curve, its cubic, its line."""
    if name is None and (kind, sigma) in (("all", None), ("all", 0.4)) and (curve := judging(path)):
        return curve
    found = load(path)
    if name is not None:
        if name not in found:
            raise ValueError(f"{path} holds no equation {name!r}; it holds {', '.join(found)}")
        return _fitting(f"{path}:{name}", [found[name]], kind, sigma)
    sigma, records = 0.4 if sigma is None else sigma, content(path)["equations"]
    fitting = [
        one
        for one in found.values()
        if (one.kind, one.sigma) == (kind, sigma) and records[one.name].get("x", "resolution") == "resolution"
    ]
    if not fitting:
        raise ValueError(f"{path} holds no equation for {kind} at σ {sigma:g} Å; it holds {', '.join(found)}")
    rank = {form: place for place, form in enumerate((QUANTILES, "cubic", "line"))}
    return min(fitting, key=lambda one: (records[one.name].get("subset", "all") != "all", rank.get(one.form, 3)))


def listed(path) -> list[Equation | Curve]:
    """The equations of a file, and the curve it judges by where that is not one of them.

    Raises
    ------
    ValueError
        As `load`.
    """
    curve = judging(path)
    found = {} if curve and not content(path).get("equations") else load(path)
    judged = {curve.name: curve} if curve else {}
    return list((found | judged if judged.keys() & found.keys() else judged | found).values())


def judging(path) -> Curve | None:
    """The curve that a fit judges entries by, its own or the shipped one; None where the file does not say.

    Raises
    ------
    ValueError
        The file cannot be read, or its curve cannot.
    """
    found = content(path)
    record = found.get("judged_by") or {}
    if record.get("form") != QUANTILES:
        return None
    own = (found.get("equations") or {}).get(OWN)
    curve = from_record(OWN, own) if own else Curve.from_dict(record)
    return replace(curve, source=f"what {Path(path).name} judges entries by; {curve.source}")


@cache
def shipped() -> Curve:
    """The curve that comes with the program: fitted to MapQ's archive survey, all atoms, σ 0.4 Å."""
    return load(SHIPPED)[CURVE]


@cache
def shipped_null() -> dict:
    """The null of the residuals about the archive's middle, fitted to the same rows (`outliers.Null.as_dict`).

    Raises
    ------
    ValueError
        The shipped file holds none.
    """
    found = content(SHIPPED).get("null")
    if found is None:
        raise ValueError(f"{SHIPPED.name}: no null shipped")
    return found


# ---- inverse ----


@dataclass(frozen=True)
class Inverse:
    """The resolution at which a Q is expected.

    Attributes
    ----------
    resolution : float
        Å; NaN when the equation does not reach the Q in its domain.
    low, high : float
        The resolutions between which the Q lies within the band, Å; NaN at an open end or without a band.
    reasons : tuple of str
        Why what is NaN is so.
    """

    resolution: float
    low: float
    high: float
    reasons: tuple[str, ...] = ()


def resolution_at(equation: Equation | Curve, q: float) -> Inverse:
    """The resolution at which `q` is expected; the interval is where the ends of the band cross `q`.

    Raises
    ------
    ValueError
        `q` is not a number from −1 to 1.
    """
    if not -1 <= q <= 1:
        raise ValueError(f"Q {q:g}; it lies between −1 and 1")
    at, *columns = _table(equation)
    curves = dict(zip(("expected Q", "the lower end of the band", "the upper end of the band"), columns, strict=True))
    found = {what: _crossing(at, values, q) for what, values in curves.items()}
    reasons = tuple(f"{what} {why}" for what, (_, why) in found.items() if why)
    if np.isnan(columns[1:]).all():
        reasons = (*reasons[: bool(found["expected Q"][1])], f"{equation.name} has no band")
    return Inverse(*(where for where, _ in found.values()), reasons)


def _table(equation: Equation | Curve) -> tuple[np.ndarray, ...]:
    """Resolutions over the domain, Å, and there the expected Q and the ends of the band."""
    low, high = equation.domain
    at = np.linspace(low, high, max(2, round((high - low) / STEP) + 1))
    if isinstance(equation, Curve):
        return at, equation.expected(at), *equation.band(at)
    return at, np.array([equation.expected(one) for one in at]), *np.array([equation.band(one) for one in at]).T


def _crossing(at: np.ndarray, values: np.ndarray, q: float) -> tuple[float, str]:
    """Where falling values pass `q`, the first time; NaN and the reason where they do not."""
    holds = np.isfinite(values)
    if not holds.any():
        return math.nan, "is not known"
    at, values = at[holds], values[holds]
    if values[0] < q:
        return math.nan, f"is below {q:g} already at {at[0]:.4g} Å ({values[0]:.3f})"
    if values[-1] > q:
        return math.nan, f"is above {q:g} still at {at[-1]:.4g} Å ({values[-1]:.3f})"
    k = int(np.argmax(values <= q))
    if k == 0:
        return float(at[0]), ""
    share = (values[k - 1] - q) / (values[k - 1] - values[k])
    return float(at[k - 1] + share * (at[k] - at[k - 1])), ""
