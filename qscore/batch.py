"""The entries of a batch, each scored in a child of its own; the batch's files appear when every entry has its row."""

from __future__ import annotations

import math
import tempfile
from functools import partial
from pathlib import Path

from qscore import archive, entry, tables
from qscore.errors import UnusableEntry
from qscore.isolation import LIMITS, Limits, isolated


def score_batch(fetched, batch_file, out, *, limits: Limits = LIMITS, score=None) -> None:
    """Score a fetched batch into ``entries``, ``residues``, ``ligands`` and ``inclusion.parquet``.

    Parameters
    ----------
    fetched : path-like
        Folder of `qscore.archive.fetch_batch`.
    batch_file : path-like
        The batch as planned: `tables.BATCH` as text. Text, because reading Parquet starts
        threads, beside which nothing may fork.
    out : path-like
        Folder of the results.
    limits : Limits
    score : callable, optional
        What a child runs: (map path, model path, resolution=, contour=, map_grid=) → PairScore;
        `qscore.entry.score_pair` by default.

    Raises
    ------
    ArchiveUnavailable
        The fetched folder is broken.
    ValueError
        The batch file cannot be read, is no batch, or not the one that was fetched.
    """
    out, told = Path(out), planned(batch_file)
    entries = archive.read_manifest(fetched)
    _check_planned(entries, told, batch_file)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".scoring-") as work:
        folders = [Path(work) / str(n) for n in range(len(entries))]
        act = partial(_scored, fetched=Path(fetched), told=told, score=score or entry.score_pair)
        found = isolated(entries, folders, act, limits=limits)
        # Parquet is read only now: its reader starts threads, after which nothing may fork.
        rows = [_row(pair, row) for pair, row in zip(entries, found, strict=True)]
        scored = [folder for folder, row in zip(folders, rows, strict=True) if row["status"] == "scored"]
        for layout in tables.BESIDE_ENTRIES:
            name = f"{layout.name}.parquet"
            columns = tables.read_parquet(*(folder / name for folder in scored), layout=layout)
            tables.write_parquet(out / name, layout, columns)
        tables.write_parquet(out / "entries.parquet", tables.SCORED, tables.as_columns(tables.SCORED, rows))


def planned(batch_file) -> dict[tuple[str, str], dict]:
    """(emdb_id, pdb_id) → what a planned batch tells of its pair: resolution (Å), contour level, deposited grid.

    Raises
    ------
    ValueError
        See `score_batch`.
    """
    rows = tables.read_tsv(batch_file)
    if rows and not {"emdb_id", "pdb_id"} <= set(rows[0]):
        raise ValueError(f"{batch_file} is no batch: it has no columns emdb_id and pdb_id")
    return {
        (row["emdb_id"], row["pdb_id"]): {
            "resolution": _number(row, "resolution", batch_file, above=0.0),
            "contour": _number(row, "contour_level", batch_file),
            "map_grid": row.get("map_grid") or None,
        }
        for row in rows
    }


def _number(row: dict, key: str, batch_file, *, above: float = -math.inf) -> float | None:
    """A cell as a number; None where it is empty or cannot be meant."""
    text = row.get(key)
    try:
        value = float(text) if text else math.nan
    except ValueError as err:
        raise ValueError(f"{batch_file}: {key} {text!r}; expected a number") from err
    return value if math.isfinite(value) and value > above else None


def _check_planned(entries: list[dict], told: dict, batch_file) -> None:
    for pair in entries:
        if (pair["emdb_id"], pair["pdb_id"]) not in told:
            raise ValueError(f"{batch_file} is not the batch that was fetched: no {pair['emdb_id']} {pair['pdb_id']}")


def _scored(pair: dict, folder: Path, *, fetched: Path, told: dict, score) -> dict:
    """Score an entry: its row; its other tables are left in the folder."""
    known = told[pair["emdb_id"], pair["pdb_id"]]
    result = score(fetched / pair["map"]["name"], fetched / pair["model"]["name"], **known)
    row = entry.entry_row(result)
    for layout, columns in zip(
        tables.BESIDE_ENTRIES, (result.residues(), result.ligands(), result.inclusion()), strict=True
    ):
        ids = {key: [pair[key]] * len(next(iter(columns.values()))) for key in ("emdb_id", "pdb_id")}
        tables.write_parquet(folder / f"{layout.name}.parquet", layout, ids | columns)
    return row


def _row(pair: dict, found: dict | UnusableEntry) -> dict:
    """The row of an entry, whatever happened to it."""
    row = entry.unusable_row(found) if isinstance(found, UnusableEntry) else found
    there = [kind for kind in ("map", "model") if kind in pair]
    files = {f"{kind}_{key}": pair[kind][key] for kind in there for key in ("bytes", "sha256")}
    return {"emdb_id": pair["emdb_id"], "pdb_id": pair["pdb_id"], **files, **row}
