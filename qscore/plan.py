"""Pairs → batches: a function of the catalogue alone, so that old batches stay as they are.

A batch is the pairs of one map-release week (of one quarter before 2020; the
undated together), split by the leading bits of a hash of the pair while it is
too large. A pair that comes or goes touches only its own batch.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import zlib
from collections import defaultdict
from pathlib import Path

from qscore import tables

WEEKLY_SINCE = 2020
COMPLETE = ".complete"
BATCH_NAME = re.compile(r"(undated|\d{4}q[1-4]|\d{4}-\d\d-\d\d)(\.[01]+)?")


def period(map_release: str | None) -> str:
    """Name of the release week (its Wednesday) or quarter of a date; ``undated`` without one."""
    try:
        day = datetime.date.fromisoformat(map_release or "")
    except ValueError:
        return "undated"
    if day.year < WEEKLY_SINCE:
        return f"{day.year}q{(day.month + 2) // 3}"
    return (day - datetime.timedelta(days=(day.weekday() - 2) % 7)).isoformat()


def bits(emdb_id: str, pdb_id: str) -> str:
    """The 256 bits of a pair's hash, as text."""
    return f"{int(hashlib.sha256(f'{emdb_id} {pdb_id}'.encode()).hexdigest(), 16):0256b}"


def batches(pairs: list[dict], *, entries_per_batch: int) -> dict[str, list[dict]]:
    """Name of each batch → its pairs, both in a fixed order.

    Raises
    ------
    ValueError
        `entries_per_batch` is below 1.
    """
    if entries_per_batch < 1:
        raise ValueError(f"entries per batch {entries_per_batch}; expected at least 1")
    by_period = defaultdict(list)
    for pair in sorted(pairs, key=lambda pair: (pair["emdb_id"], pair["pdb_id"])):
        by_period[period(pair.get("map_release"))].append(pair)
    found = {}
    for name in sorted(by_period):
        found |= _split(name, "", by_period[name], entries_per_batch)
    return found


def _split(name: str, prefix: str, pairs: list[dict], most: int) -> dict[str, list[dict]]:
    if len(pairs) <= most:
        return {f"{name}.{prefix}" if prefix else name: pairs} if pairs else {}
    halves = {"0": [], "1": []}
    for pair in pairs:
        halves[bits(pair["emdb_id"], pair["pdb_id"])[len(prefix)]].append(pair)
    return {key: value for bit in "01" for key, value in _split(name, prefix + bit, halves[bit], most).items()}


def write(folder, pairs: list[dict], *, entries_per_batch: int, layout=tables.BATCH) -> list[str]:
    """One small file a batch, ``<batch>.tsv``, holding only what its results depend on; their names.

    Batches of an earlier plan in the folder go.
    """
    found = batches(pairs, entries_per_batch=entries_per_batch)
    for name, members in found.items():
        tables.write_tsv(Path(folder) / f"{name}.tsv", layout, tables.as_columns(layout, members))
    for gone in set(names(folder)) - set(found):
        (Path(folder) / f"{gone}.tsv").unlink()
    tables.write_json(Path(folder) / COMPLETE, _sums(folder))
    return list(found)


def is_complete(folder) -> bool:
    """Whether a plan holds the batches that were written, and each as it was."""
    try:
        return json.loads((Path(folder) / COMPLETE).read_bytes()) == _sums(folder)
    except (OSError, ValueError):
        return False


def _sums(folder) -> dict[str, int]:
    """Batch → checksum of its file."""
    return {name: zlib.crc32((Path(folder) / f"{name}.tsv").read_bytes()) for name in names(folder)}


def names(folder) -> list[str]:
    """The batches of a plan folder."""
    stems = (path.name.removesuffix(".tsv") for path in Path(folder).glob("*.tsv"))
    return sorted(stem for stem in stems if BATCH_NAME.fullmatch(stem))
