"""Which scored pairs are looked at once more with their maps, and as which batches."""

from __future__ import annotations

from pathlib import Path

from qscore import plan, tables

MOST = 200
CHANCE = 3.0


def write(pairs_file, outliers_file, out, *, most: int = MOST, entries_per_batch: int = 40) -> list[str]:
    """Batch files of the pairs to examine, as `plan.write` makes them, with the resolution; their names.

    Parameters
    ----------
    pairs_file, outliers_file : path
        Parquet of `tables.PAIRS` and `tables.OUTLIERS`.
    out : path
        Folder.
    most : int
        A survey of up to so many judged pairs is examined whole; 0: nothing is.
    entries_per_batch : int
    """
    judged = tables.read_rows(outliers_file, layout=tables.OUTLIERS)
    wanted = {(row["emdb_id"], row["pdb_id"]) for row in chosen(judged, most)}
    pairs = tables.read_rows(pairs_file, layout=tables.PAIRS)
    members = [pair for pair in pairs if (pair["emdb_id"], pair["pdb_id"]) in wanted]
    Path(out).mkdir(parents=True, exist_ok=True)
    return plan.write(out, members, entries_per_batch=entries_per_batch, layout=tables.EXAMINED)


def chosen(judged: list[dict], most: int) -> list[dict]:
    """All rows of a small survey that have a resolution; of a larger one those flagged or at chance level."""
    judged = [row for row in judged if row["resolution"] is not None] if most else []
    if len(judged) <= most:
        return judged
    return [row for row in judged if row["flag"] or _at_chance(row)]


def _at_chance(row: dict) -> bool:
    return row["z_chance"] is not None and row["z_chance"] <= CHANCE
