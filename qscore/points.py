"""Tables of a survey → what the figures draw: scored entries, the worst of them, their residues."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qscore.style import drawable

MOST_PANELS = 6
FOR_REGIONS = 2  # panels kept for entries that only have regions


def survey_points(entries: pd.DataFrame, flags: pd.DataFrame) -> pd.DataFrame:
    """Scored entries with what is expected of them, one row each.

    Raises
    ------
    ValueError
        The tables do not hold the same scored pairs.

    Returns
    -------
    DataFrame
        Columns of both tables, `beyond` (distance outside the band, Q;
        negative within, NaN without a band) and `name`.
    """
    keys = ["emdb_id", "pdb_id"]
    verdict = flags[[*keys, "expected_q", "low", "high", "flag", "left_out", "percentile"]]
    scored = entries[entries["status"] == "scored"]
    points = scored.merge(verdict, on=keys, validate="one_to_one")
    if not len(points) == len(scored) == len(flags):
        raise ValueError(f"entries and flags do not hold the same scored pairs: {len(scored)} and {len(flags)}")
    for column in ("apoferritin", "flag", "left_out", "sample"):
        points[column] = points[column].fillna("").astype(str)
    points["synthetic"] = points["synthetic"].eq(True)
    points["beyond"] = np.fmax(points["low"] - points["q_mean"], points["q_mean"] - points["high"])
    names = zip(points["emdb_id"], points["pdb_id"], strict=True)
    points["name"] = [drawable(f"{emdb} / {pdb}") for emdb, pdb in names]
    return points


def worst_flagged(points: pd.DataFrame, most: int = MOST_PANELS, regions: pd.DataFrame | None = None) -> pd.DataFrame:
    """Flagged entries, the furthest outside the band first; then entries with regions, those with the longest first.

    Parameters
    ----------
    points : DataFrame
        Of `survey_points`.
    most : int
        Entries in all. Where there are more flagged ones, `FOR_REGIONS` of them give way to entries with regions.
    regions : DataFrame, optional
        `tables.REGIONS` of polymer chains.
    """
    order = {"ascending": [False, True], "kind": "stable"}
    flagged = points[points["flag"] != ""].sort_values(["beyond", "name"], **order)
    if regions is None or regions.empty:
        return flagged.head(most)
    length = regions.groupby(["emdb_id", "pdb_id"], as_index=False)["length"].sum()
    regional = points[points["flag"] == ""].merge(length, on=["emdb_id", "pdb_id"])
    regional = regional.sort_values(["length", "name"], **order).head(max(most - len(flagged), FOR_REGIONS))
    return pd.concat([flagged.head(most - len(regional)), regional[points.columns]], ignore_index=True)


def residues_of(worst: pd.DataFrame, residues_file) -> pd.DataFrame:
    """The residues of a few entries; the table itself may not fit into memory."""
    columns = ["emdb_id", "pdb_id", "chain", "number", "icode", "class", "q_04"]
    return pd.read_parquet(residues_file, columns=columns, filters=[("emdb_id", "in", [*worst["emdb_id"], ""])])
