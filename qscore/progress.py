"""How far a survey is: what is done, failed and left, how fast, and for how long still. From its files alone."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from qscore import ledger, runstate, tables
from qscore.pace import HOUR, Finish, Rate, rate, seconds_left

GZIPPED = 0.5  # share of its size that a map keeps when gzipped, until this survey knows its own
KNOWN_FROM = 20  # maps from which on it does
MODEL_BYTES = 0.5e6  # a gzipped model, until models are known


# ---- how much ----


@dataclass(frozen=True)
class Sizes:
    """What the pairs of a survey weigh on the network.

    Attributes
    ----------
    map_share : float
        Bytes of a map as it lies in the archive over its bytes uncompressed.
    map_bytes : float or None
        Mean bytes of a map of unknown size.
    model_bytes : float
        Mean bytes of a model.
    measured : bool
        Whether the share is this survey's own.
    """

    map_share: float = GZIPPED
    map_bytes: float | None = None
    model_bytes: float = MODEL_BYTES
    measured: bool = False

    def of(self, pairs, map_mb: dict[ledger.Pair, float | None]) -> float | None:
        """Bytes of some pairs; None when nothing is known about the maps of any."""
        known = [map_mb[pair] for pair in pairs if map_mb.get(pair)]
        other = len(pairs) - len(known)
        mean = sum(known) * 1e6 * self.map_share / len(known) if known else self.map_bytes
        if mean is None and pairs:
            return None
        return sum(known) * 1e6 * self.map_share + other * (mean or 0.0) + len(pairs) * self.model_bytes


def sizes(done: dict[ledger.Pair, dict], map_mb: dict[ledger.Pair, float | None]) -> Sizes:
    """Sizes by the files that were brought so far."""
    maps = [(row["map_bytes"], map_mb.get(pair)) for pair, row in done.items() if row["map_bytes"]]
    models = [row["model_bytes"] for row in done.values() if row["model_bytes"]]
    both = [(came, full) for came, full in maps if full]
    measured = len(both) >= KNOWN_FROM
    return Sizes(
        sum(came for came, _ in both) / (1e6 * sum(full for _, full in both)) if measured else GZIPPED,
        sum(came for came, _ in maps) / len(maps) if maps else None,
        sum(models) / len(models) if models else MODEL_BYTES,
        measured,
    )


def folder_bytes(folder) -> int:
    """Bytes of the files below a folder, links not followed; what vanishes meanwhile counts nothing."""
    total, waiting = 0, [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += _size(entry)
        except OSError:
            continue
    return total


def _size(entry) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


# ---- what is begun ----


@dataclass(frozen=True)
class Begun:
    """A batch that is begun and not finished.

    `doing` is fetching, fetched (and waiting) or scoring; `pair` says at which
    of its `pairs` the scoring is, `bytes` what has been brought.
    """

    batch: str
    doing: str
    pairs: int
    pair: int | None = None
    bytes: int | None = None


def begun(results: Path, batches: dict[str, list[ledger.Pair]]) -> list[Begun]:
    """Batches with a folder of fetched or half-fetched files and no table."""
    names = {}
    for folder in _folders(results / "parts"):
        names[folder.name.rpartition("-")[0]] = ("fetching", folder)
    for folder in _folders(results / "fetched"):
        names[folder.name] = ("fetched", folder)
    waiting = {name: one for name, one in names.items() if not (results / "scores" / name / "entries.parquet").exists()}
    return [_begun(results, name, *waiting[name], len(batches.get(name, ()))) for name in sorted(waiting)]


def _begun(results: Path, name: str, doing: str, folder: Path, pairs: int) -> Begun:
    for work in (results / "scores" / name).glob(".scoring-*"):
        return Begun(name, "scoring", pairs, pair=len(_folders(work)))
    return Begun(name, doing, pairs, bytes=folder_bytes(folder))


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []


# ---- all of it ----


@dataclass(frozen=True)
class Progress:
    """A survey at one moment; counts of pairs unless said otherwise, sizes in bytes.

    `bytes_left` is what is still to be fetched, None when no size is known;
    `estimated` that the share of a map that gzip leaves is not yet this
    survey's own. `hour` and `overall` are speeds, `seconds_left` goes by the
    first of them. `unreadable` names batches whose table is damaged.
    """

    results: str
    running: bool
    stopped_by: str | None
    pairs: int
    scored: int
    failed: int
    transient: int
    left: int
    batches: int
    batches_done: int
    bytes_done: int
    bytes_left: float | None
    estimated: bool
    hour: Rate
    overall: Rate
    seconds_left: float | None
    disk: dict[str, int]
    begun: list[Begun]
    unreadable: list[str]


def look(results, *, now: float | None = None) -> Progress:
    """What a survey's files say.

    Parameters
    ----------
    results : path-like
        Results folder.
    now : float, optional
        Seconds since the epoch.

    Raises
    ------
    ValueError
        The folder is no survey's.
    """
    results, now = ledger.check_survey(results), time.time() if now is None else now
    running = runstate.is_running(results)
    batches, map_mb = ledger.planned(results), _map_mb(results)
    tables_done, unreadable = ledger.scored(results, batches, "status", "transient", "map_bytes", "model_bytes")
    found = {pair: row for table in tables_done for pair, row in table.rows.items()}
    every = dict.fromkeys(itertools.chain.from_iterable(batches.values())) or map_mb or found
    done = {pair: row for pair, row in found.items() if pair in every}
    left = [pair for pair in every if pair not in done]
    named = [table for table in tables_done if table.batch]  # the joined table alone is no batch
    disk = _disk(results)
    weights = sizes(done, map_mb)
    to_fetch = weights.of(left, map_mb) if batches else None  # without batches nobody knows whether maps are wanted
    if to_fetch is not None:
        to_fetch = max(0.0, to_fetch - disk["fetched"] - disk["parts"])
    hour, overall = _rates(results, tables_done, now if running else None)
    failed = [row for row in done.values() if row["status"] != "scored"]
    return Progress(
        str(results), running, runstate.unavailable(results), len(every), len(done) - len(failed), len(failed),
        sum(bool(row["transient"]) for row in failed), len(left), len(batches) or len(named),
        sum(len(table.rows) == len(batches.get(table.batch, table.rows)) for table in named),
        sum(map(_bytes, done.values())), to_fetch, not weights.measured, hour, overall,
        seconds_left(to_fetch, len(left), hour, overall), disk, begun(results, batches), unreadable,
    )  # fmt: skip


def _map_mb(results: Path) -> dict[ledger.Pair, float | None]:
    """Pair → MB of its map uncompressed, by the catalogue."""
    layout = ledger.narrow(tables.PAIRS, "emdb_id", "pdb_id", "map_mb")
    found = ledger.columns(results / "catalogue" / "pairs.parquet", layout)
    return dict(zip(zip(found["emdb_id"], found["pdb_id"], strict=True), found["map_mb"], strict=True)) if found else {}


def _bytes(row: dict) -> int:
    return (row["map_bytes"] or 0) + (row["model_bytes"] or 0)


def _rates(results: Path, done: list[ledger.Scored], now: float | None) -> tuple[Rate, Rate]:
    """Speed of the last hour (of a survey that has ended: its last) and of all working time."""
    finishes = [
        Finish(t.finished, _seconds(results, t.batch), len(t.rows), sum(map(_bytes, t.rows.values()))) for t in done
    ]
    last = max((one.at for one in finishes), default=0.0)
    return rate(finishes, since=(now or last) - HOUR, until=now), rate(finishes, until=now)


def _seconds(results: Path, batch: str) -> float:
    """Seconds that scoring a batch took, by Snakemake's benchmark file; 0 when it does not say."""
    try:
        lines = (results / "benchmarks" / "score" / f"{batch}.tsv").read_text(encoding="utf-8").splitlines()
        return max(0.0, float(lines[1].split("\t")[0]))
    except (OSError, ValueError, IndexError):
        return 0.0


def _disk(results: Path) -> dict[str, int]:
    parts = {name: folder_bytes(results / name) for name in ("fetched", "parts")}
    return parts | {"results": folder_bytes(results), "free": shutil.disk_usage(results).free}
