"""Every line of a fit as rows of a table: by each method, with its errors, its R² and whether a line is its shape."""

from __future__ import annotations

import math

from scipy import stats

from qscore.equations import from_record, quoted_bootstrap
from qscore.layouts import LINES

ROBUST = {"huber": "Huber", "tukey": "bisquare", "theil_sen": "Theil–Sen"}
ROWS = "independent rows"


def rows_of(equations: dict[str, dict]) -> list[dict]:
    """Rows of `layouts.LINES`, in the order of the fits.

    Parameters
    ----------
    equations : dict
        Of `fitting.fit`: records by name; each ``…-line`` gives a row for least squares and each robust method, each
        ``…-cubic`` one.
    """
    rows = []
    for name, record in equations.items():
        part, _, form = name.rpartition("-")
        if form == "line":
            rows += [_common(part, record) | row for row in (_least_squares(record), *_robust(record))]
        elif form == "cubic":
            rows.append(_common(part, record) | _cubic(record))
    return [dict.fromkeys(LINES.names) | row for row in rows]


def _common(part: str, record: dict) -> dict:
    low, high = record["domain"]
    facts = {key: record[key] for key in ("x", "sigma", "class", "n")}
    return {"fit": part} | facts | {"x_low": low, "x_high": high}


def _least_squares(record: dict) -> dict:
    slope, intercept = record["coefficients"]
    return {
        "method": "least squares",
        "equation": _text(record),
        "slope": slope,
        "intercept": intercept,
        **_errors(record["covariance"], ""),
        **_errors(record["covariance_hc3"], "_hc3"),
        **(_redrawn(record) or _by_rows(slope, math.sqrt(record["covariance"][0][0]), record["n"] - 2)),
        "r_squared": record["r_squared"],
        "rmse": record["rmse"],
        **_shape(record["lack_of_fit"]),
    }


def _errors(covariance, suffix: str) -> dict:
    """Standard errors of slope and intercept; none where there is no covariance."""
    if not covariance:
        return {}
    return {f"{name}_se{suffix}": math.sqrt(covariance[k][k]) for k, name in enumerate(("slope", "intercept"))}


def _redrawn(record: dict) -> dict:
    """What redrawing groups says; empty without it."""
    found = quoted_bootstrap(record["bootstrap"])
    if not found:
        return {}
    ends = {f"{name}_{end}": found[name][end] for name in ("slope", "r_squared") for end in ("low", "high")}
    errors = {f"{name}_se_redrawn": found[name]["se"] for name in ("slope", "intercept")}
    return errors | ends | {"interval": f"{found['what']} redrawn", "groups": found["groups"]}


def _by_rows(slope: float, se: float, freedom: float) -> dict:
    half = float(stats.t.ppf(0.975, freedom)) * se
    return {"slope_low": slope - half, "slope_high": slope + half, "interval": ROWS}


def _shape(found: dict | None) -> dict:
    if not found:
        return {"verdict": "too few rows to tell a curve from a line"}
    return {"lack_of_fit_p": found["p"], "lack_of_fit_f2": found["effect"], "verdict": found["verdict"]}


def _robust(record: dict) -> list[dict]:
    """The lines that outliers move little; their errors count rows as independent."""
    rows = []
    for name, method in ROBUST.items():
        if line := record["robust"][name]:
            ends = {key: line[key] for key in ("slope_low", "slope_high") if key in line} | {"interval": ROWS}
            facts = {key: line.get(key) for key in ("slope", "intercept", "slope_se", "intercept_se")}
            ends = ends if "slope_low" in ends else _by_rows(line["slope"], line["slope_se"], math.inf)
            text = _text(record | {"coefficients": [line["slope"], line["intercept"]]})
            rows.append({"method": method, "equation": text} | facts | ends)
    return rows


def _cubic(record: dict) -> dict:
    facts = {key: record[key] for key in ("r_squared", "rmse")}
    return {"method": "cubic", "equation": _text(record)} | facts


def _text(record: dict) -> str:
    return from_record("line", record).text()
