"""Which entries are shown by themselves, by rules fixed beforehand, and the rows of their evidence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from qscore import tables
from qscore.traces import running_mean

KEYS = ["emdb_id", "pdb_id"]
FEWEST_RESIDUES = 100  # of the even entry
ATOMIC = 4.0  # Å
LADDER = 4  # entries over the range of resolutions


def evidence_of(folder, name: str, layout, pairs=None) -> pd.DataFrame:
    """Rows of a table of evidence, of a few entries or of all.

    Parameters
    ----------
    folder : path
        ``evidence`` of a survey: one folder a batch.
    name : str
        ``traces`` or ``profiles``.
    layout : Layout
        `tables.TRACES` or `tables.SHOWN_PROFILES`.
    pairs : sequence of (str, str), optional
        Ids of the entries; the other rows are not read.
    """
    ids = None if pairs is None else sorted({emdb for emdb, _ in pairs} | {""})
    where = None if ids is None else [("emdb_id", "in", ids)]
    files = sorted(Path(folder).glob(f"*/{name}.parquet"))
    parts = [pd.read_parquet(file, columns=list(layout.names), filters=where) for file in files]
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame(columns=list(layout.names))
    found = pd.concat(parts, ignore_index=True)
    if pairs is not None:
        found = found[pd.MultiIndex.from_frame(found[KEYS]).isin(list(pairs))].reset_index(drop=True)
    return found


def evenness(folder, pairs) -> pd.DataFrame:
    """How even Q is along the chains of entries: one file of traces is read at a time.

    Parameters
    ----------
    folder : path
        ``evidence`` of a survey.
    pairs : sequence of (str, str)

    Returns
    -------
    DataFrame
        `emdb_id`, `pdb_id`, `n` (residues) and `sd` of the running mean of Q along the chains about the entry's mean.
    """
    ids, wanted = sorted({emdb for emdb, _ in pairs} | {""}), set(pairs)
    rows = []
    for file in sorted(Path(folder).glob("*/traces.parquet")):
        part = pd.read_parquet(file, columns=[*KEYS, "chain", "q_04"], filters=[("emdb_id", "in", ids)])
        for pair, trace in part.groupby(KEYS, sort=False):
            if pair in wanted:
                means = [running_mean(chain) for _, chain in trace.groupby("chain", sort=False)["q_04"]]
                rows.append((*pair, len(trace), _spread(np.concatenate(means))))
    return pd.DataFrame(rows, columns=[*KEYS, "n", "sd"])


def _spread(means: np.ndarray) -> float:
    return float(np.nanstd(means)) if np.isfinite(means).any() else np.nan


def worst_low(points: pd.DataFrame, pairs, regions: pd.DataFrame | None = None) -> pd.DataFrame:
    """Of entries with evidence the one flagged low furthest below its band; those with regions come first.

    Parameters
    ----------
    points : DataFrame
        Of `points.survey_points`.
    pairs : sequence of (str, str)
        Entries with evidence.
    regions : DataFrame, optional
        `tables.REGIONS` of polymer chains.

    Returns
    -------
    DataFrame
        One row of `points`, or none.
    """
    low = _those(points, pairs)
    low = low[low["flag"] == "low"]
    if regions is not None and len(regional := _those(low, list(regions[KEYS].itertuples(index=False, name=None)))):
        low = regional
    return low.sort_values(["beyond", "name"], ascending=[False, True], kind="stable").head(1)


def most_even(points: pd.DataFrame, even: pd.DataFrame) -> pd.DataFrame:
    """Of entries that are usual the one whose Q varies least along its chains.

    Parameters
    ----------
    points : DataFrame
        Of `points.survey_points`.
    even : DataFrame
        Of `evenness`.

    Returns
    -------
    DataFrame
        One row of `points`, or none: with at least `FEWEST_RESIDUES` residues, and see `usual`.
    """
    known = even[(even["n"] >= FEWEST_RESIDUES) & even["sd"].notna()]
    found = usual(points).merge(known[[*KEYS, "sd"]], on=KEYS)
    return found.sort_values(["sd", "name"], kind="stable").head(1)[points.columns]


def usual(points: pd.DataFrame) -> pd.DataFrame:
    """Entries that the fit takes, within their band and not flagged."""
    return points[(points["left_out"] == "") & (points["flag"] == "") & (points["beyond"] <= 0)]


def median_entry(points: pd.DataFrame, pairs) -> pd.DataFrame:
    """Of usual entries with evidence the one whose percentile is nearest to a half: one row of `points`, or none.

    Those up to `ATOMIC` are taken where there are any: in worse maps no atom is told from its neighbours.
    """
    there = _those(usual(points), pairs)
    there = there[there["resolution"] <= ATOMIC] if (there["resolution"] <= ATOMIC).any() else there
    away = (there["percentile"] - 0.5).abs()
    return there.assign(away=away).sort_values(["away", "name"], kind="stable").head(1)[points.columns]


def ladder(points: pd.DataFrame, pairs) -> pd.DataFrame:
    """Up to `LADDER` usual entries with evidence, evenly among them from the best resolution to the worst."""
    there = _those(usual(points), pairs).sort_values(["resolution", "name"], kind="stable")
    places = np.unique(np.linspace(0, len(there) - 1, min(LADDER, len(there))).round().astype(int))
    return there.iloc[places]


def _those(points: pd.DataFrame, pairs) -> pd.DataFrame:
    """The rows of some pairs."""
    return points[pd.MultiIndex.from_frame(points[KEYS]).isin(list(pairs))]


def pair_list(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Ids of rows, each pair once, in order."""
    return list(rows[KEYS].drop_duplicates().itertuples(index=False, name=None))


def with_evidence(folder, name: str) -> list[tuple[str, str]]:
    """The pairs that a table of evidence holds."""
    found = [pd.read_parquet(file, columns=KEYS) for file in sorted(Path(folder).glob(f"*/{name}.parquet"))]
    return pair_list(pd.concat(found, ignore_index=True)) if found else []


def trace_of(folder, entry: pd.DataFrame) -> pd.DataFrame:
    """`tables.TRACES` of one entry (a row of `points.survey_points`)."""
    found = evidence_of(folder, "traces", tables.TRACES, pair_list(entry))
    return found.assign(icode=found["icode"].fillna(""))


def extreme_atoms(folder, entries: pd.DataFrame) -> pd.DataFrame:
    """`tables.SHOWN_PROFILES` of the atoms of highest and of lowest Q of entries, in the order of the entries."""
    order = {pair: k for k, pair in enumerate(pair_list(entries))}
    found = evidence_of(folder, "profiles", tables.SHOWN_PROFILES, list(order))
    atom = ["chain", "number", "icode", "atom", "altloc"]
    found[atom] = found[atom].fillna("")
    first = found.drop_duplicates([*KEYS, "which"])[[*KEYS, "which", *atom]]
    kept = found.merge(first, on=[*KEYS, "which", *atom])
    place = [order[pair] for pair in zip(kept["emdb_id"], kept["pdb_id"], strict=True)]
    return kept.assign(place=place).sort_values(["place", "which"], kind="stable").drop(columns="place")
