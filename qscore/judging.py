"""Which entries of a survey are better or worse than expected, and why: statistics first, then causes."""

from __future__ import annotations

import math

import numpy as np

from qscore import causes, expected, outliers, percentiles, tables
from qscore.equations import judging_curve
from qscore.independence import folds, groups_of
from qscore.localscale import descriptive_z
from qscore.nulls import FEWEST, Null, agreeing
from qscore.selection import FitRule, why_not

FEWEST_DESCRIBED, FEWEST_RESOLUTIONS = 20, 10
"""Judged entries, and different resolutions among them, that the descriptive z needs."""


def judged(entries_file, fit_file, rule: FitRule, *, level: float = 0.05) -> list[dict]:
    """A row of `tables.OUTLIERS` for every scored entry.

    Every entry with a resolution in the domain of the curve is judged, whether
    or not the fit takes it: `left_out` says which. Entries under a tight mask
    can be flagged low only: their Q is an upper bound.

    Parameters
    ----------
    entries_file : path
        Parquet of `tables.ENTRIES`.
    fit_file : path
        ``expected_q.json`` of `fitting.fit`.
    rule : FitRule
        Of the fit.
    level : float
        False discovery rate of the flags.
    """
    rows = [row for row in tables.read_rows(entries_file, layout=tables.ENTRIES) if row["status"] == "scored"]
    fit = expected.content(fit_file, "equations", "null")
    curve, null = judging_curve(fit), Null.from_dict(fit["null"])
    resolution, q = (_numbers(rows, key) for key in ("resolution", "q_mean"))
    within = (resolution >= curve.domain[0]) & (resolution <= curve.domain[1])
    whys = [why_not(row, rule) for row in rows]
    columns = outliers.judge(resolution, q, null, level=level, judged=within, **_reference(rows, whys, resolution))
    columns |= _relative(resolution, q, curve) | _expected(resolution, q, curve)
    columns["z_descriptive"] = _described(resolution, q, within)
    spread = _numbers(rows, "q_null_sd")
    spread[spread == 0] = math.nan
    columns["z_chance"] = (_numbers(rows, "q_scored") - _numbers(rows, "q_null")) / spread
    names, found = tuple(columns), zip(*(values.tolist() for values in columns.values()), strict=True)
    bands = map(expected.MAPQ_2_9_7.band, resolution.tolist())
    return [
        _row(row, dict(zip(names, one, strict=True)), band) | {"equation": curve.name, "left_out": why}
        for row, one, band, why in zip(rows, found, bands, whys, strict=True)
    ]


def _reference(rows: list[dict], whys: list[str], resolution: np.ndarray) -> dict:
    """Entries for the reference-set null, chosen without Q: map and model agree; where no one tells, all of the fit."""
    if len(rows) < FEWEST:
        return {}
    fsc = _numbers(rows, "map_model_fsc05")
    agree = agreeing(resolution, fsc) if np.isfinite(fsc).any() else np.array([not why for why in whys], dtype=bool)
    return {"reference": agree, "folds": folds(groups_of(rows).joint)}


def _numbers(rows: list[dict], key: str) -> np.ndarray:
    return np.array([math.nan if row[key] is None else row[key] for row in rows], dtype=float)


def _relative(resolution: np.ndarray, q: np.ndarray, curve) -> dict[str, np.ndarray]:
    """EMDB's percentiles in both windows, and that of the conditional distribution."""
    return {
        "percentile": curve.percentile(resolution, q),
        "q_relative_all": percentiles.relative_all(q),
        "q_relative_1_0": percentiles.relative_resolution(resolution, q, 1.0),
        "q_relative_0_5": percentiles.relative_resolution(resolution, q, 0.5),
    }


def _expected(resolution: np.ndarray, q: np.ndarray, curve) -> dict[str, np.ndarray]:
    """What the curve expects of all entries at once: 40,000 calls of it take as long as the rest of the judging."""
    low, high = curve.band(resolution)
    beyond = outliers.beyond_band(q, low, high)
    return {"expected_q": curve.expected(resolution), "low": low, "high": high, "beyond_band": beyond}


def _described(resolution: np.ndarray, q: np.ndarray, within: np.ndarray) -> np.ndarray:
    """The descriptive z of judged entries; NaN of others, and of all where a spline and a scale have no hold."""
    z = np.full(q.shape, math.nan)
    known = within & np.isfinite(q)
    if known.sum() >= FEWEST_DESCRIBED and len(np.unique(resolution[known])) >= FEWEST_RESOLUTIONS:
        with np.errstate(divide="ignore", invalid="ignore"):  # entries that do not vary have no scale
            z[known] = descriptive_z(resolution[known], q[known])
    return np.where(np.isfinite(z), z, math.nan)


def _row(row: dict, found: dict, published: tuple[float, float]) -> dict:
    return {
        **{key: row[key] for key in ("emdb_id", "pdb_id", "resolution", "q_mean")},
        **found,
        "flag": "" if found["flag"] == "high" and row["tight_mask"] else found["flag"],
        "band_mapq": outliers.band_flag(row["q_mean"], *published),
    }


def flagged(entries_file, outliers_file, regions_file, fit_file, *, frames_files=()) -> list[dict]:
    """A row of `tables.FLAGS` for every scored entry: what the statistics say, and a cause with its evidence.

    Parameters
    ----------
    entries_file, outliers_file : path
        Parquet of `tables.ENTRIES` and `tables.OUTLIERS`.
    regions_file : path
        ``regions/entries.parquet`` of `regions.write`.
    fit_file : path
        ``expected_q.json``.
    frames_files : sequence of path
        Parquet of `tables.FRAMES`.
    """
    entries = _by_pair(tables.read_rows(entries_file, layout=tables.ENTRIES))
    regions = _by_pair(tables.read_rows(regions_file, layout=tables.REGION_SUMMARY))
    frames = _by_pair([row for path in frames_files for row in tables.read_rows(path, layout=tables.FRAMES)])
    curve = judging_curve(expected.content(fit_file, "equations"))
    found = []
    for row in tables.read_rows(outliers_file, layout=tables.OUTLIERS):
        key = row["emdb_id"], row["pdb_id"]
        if key not in entries:
            raise ValueError(f"{outliers_file} judges {key[0]} {key[1]}, which {entries_file} does not hold")
        joined = _measured(entries[key]) | row | regions.get(key, {}) | _frame(frames.get(key, {}))
        cause, evidence = causes.cause_of(joined, curve.band)
        found.append(joined | {"cause": cause, "evidence": evidence})
    return found


def _by_pair(rows: list[dict]) -> dict[tuple[str, str], dict]:
    return {(row["emdb_id"], row["pdb_id"]): row for row in rows}


def _measured(row: dict) -> dict:
    outside = row["n_outside"] / row["n_atoms"] if row["n_atoms"] else None
    return row | {"frac_outside": outside}


def _frame(row: dict) -> dict:
    """What the second look measured, under the names it has there; its status and reasons stay behind."""
    return {key: value for key, value in row.items() if key not in ("status", "reason", "detail")}
