"""The entries of a batch, each handled in a forked child that may die without harm.

The parent imports everything, starts no thread and runs no kernel; it watches
each child's memory and deadline. A child leaves its tables in a private
folder, and the batch's files appear when every entry has its row.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from qscore import archive, entry, tables
from qscore.compiled import loops
from qscore.errors import ArchiveUnavailable, UnusableEntry

POLL_SECONDS = 0.01
NO_MEMORY, NO_SPACE = 3, 4  # exit codes of a child


@dataclass(frozen=True)
class Limits:
    """What one entry may use.

    Attributes
    ----------
    memory_mb : int
        Resident memory of the child, MB.
    base_seconds : float
        Deadline of an entry of no size.
    seconds_per_mb : float
        Added for each MB of its files.
    """

    memory_mb: int = 4000
    base_seconds: float = 60.0
    seconds_per_mb: float = 2.0

    def deadline(self, size: int) -> float:
        """Seconds for an entry whose files have `size` bytes."""
        return self.base_seconds + self.seconds_per_mb * size / 1e6


def score_batch(fetched, batch_file, out, *, limits: Limits = Limits(), score=None) -> None:
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


def isolated(entries: list[dict], folders: list[Path], act, *, limits: Limits) -> list[dict | UnusableEntry]:
    """Do something with each entry of a fetched batch in a child of its own.

    Parameters
    ----------
    entries : list of dict
        Of `qscore.archive.read_manifest`.
    folders : list of Path
        A folder for each entry, made for it; what the child writes there stays.
    act : callable
        What a child runs: (entry, folder) → dict that JSON can hold. It may raise `UnusableEntry`.
    limits : Limits

    Returns
    -------
    list of dict or UnusableEntry
        What `act` gave of each entry, or what went wrong with it, its child or its files.

    Raises
    ------
    ArchiveUnavailable
        The disk is full.
    """
    loops()  # compiled or loaded before the first fork
    return [_one(pair, folder, act, limits) for pair, folder in zip(entries, folders, strict=True)]


def _one(pair: dict, folder: Path, act, limits: Limits) -> dict | UnusableEntry:
    if "unusable" in pair:
        return UnusableEntry(**pair["unusable"])
    folder.mkdir()
    size = pair["map"]["bytes"] + pair["model"]["bytes"]
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os._exit(_child(pair, folder, act))
    fault = _watch(child, limits.memory_mb * 1_000_000, limits.deadline(size))
    return fault or _left_by_child(folder / "answer.json")


def _left_by_child(path: Path) -> dict | UnusableEntry:
    with open(path, encoding="utf-8") as stream:
        answer = json.load(stream)
    return UnusableEntry(**answer["unusable"]) if "unusable" in answer else answer["row"]


def _child(pair: dict, folder: Path, act) -> int:
    """Act and write; 0 when there is an answer."""
    try:
        tables.write_json(folder / "answer.json", _answer(pair, folder, act))
    except MemoryError:
        return NO_MEMORY
    except OSError as err:
        traceback.print_exc()
        return NO_SPACE if err.errno in (errno.ENOSPC, errno.EDQUOT) else 1
    except BaseException:  # whatever it is, it must not get past the fork
        traceback.print_exc()
        sys.stderr.flush()
        return 1
    return 0


def _answer(pair: dict, folder: Path, act) -> dict:
    try:
        return {"row": act(pair, folder)}
    except UnusableEntry as trouble:
        return {"unusable": {"reason": trouble.reason, "detail": trouble.detail}}


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


def _watch(child: int, most_bytes: int, seconds: float) -> UnusableEntry | None:
    """Wait for a child; kill it when it takes too much."""
    end = time.monotonic() + seconds
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            _kill_group(child)
            return _verdict(status)
        if _resident(child) > most_bytes:
            return _kill(child, UnusableEntry("out_of_memory", f"more than {most_bytes / 1e6:,.0f} MB"))
        if time.monotonic() > end:
            return _kill(child, UnusableEntry("time_limit", f"more than {seconds:,.0f} s"))
        time.sleep(POLL_SECONDS)


def _verdict(status: int) -> UnusableEntry | None:
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return None
    if code == NO_SPACE:
        raise ArchiveUnavailable("the disk is full: a score could not be written")
    if code == NO_MEMORY:
        return UnusableEntry("out_of_memory", "an allocation failed")
    how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}; see the log"
    return UnusableEntry("crashed", how)


def _resident(child: int) -> int:
    """Resident bytes of a child and its own children; 0 when it has just ended."""
    try:
        process = psutil.Process(child)
        return sum(p.memory_info().rss for p in (process, *process.children(recursive=True)))
    except psutil.Error:
        return 0


def _kill(child: int, trouble: UnusableEntry) -> UnusableEntry:
    _kill_group(child)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return trouble


def _kill_group(leader: int) -> None:
    """End what a child may have started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _row(pair: dict, found: dict | UnusableEntry) -> dict:
    """The row of an entry, whatever happened to it."""
    row = entry.unusable_row(found) if isinstance(found, UnusableEntry) else found
    there = [kind for kind in ("map", "model") if kind in pair]
    files = {f"{kind}_{key}": pair[kind][key] for kind in there for key in ("bytes", "sha256")}
    return {"emdb_id": pair["emdb_id"], "pdb_id": pair["pdb_id"], **files, **row}
