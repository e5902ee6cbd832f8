"""Results folders of surveys that never ran: tables, plan and times made by hand."""

import os
from pathlib import Path

from qscore import plan, tables

START = 1_700_000_000.0


def pairs(n, *, day="2024-05-01", map_mb=100.0, first=20000):
    """Pairs of one release week."""
    return [
        {"emdb_id": f"EMD-{first + k}", "pdb_id": f"9x{k:02d}", "map_release": day, "map_mb": map_mb} for k in range(n)
    ]


def make(folder, chosen, *, entries_per_batch=4):
    """Catalogue and plan of a survey; batch → pairs."""
    columns = tables.as_columns(tables.PAIRS, chosen)
    tables.write_parquet(Path(folder) / "catalogue" / "pairs.parquet", tables.PAIRS, columns)
    plan.write(Path(folder) / "plan", chosen, entries_per_batch=entries_per_batch)
    return plan.batches(chosen, entries_per_batch=entries_per_batch)


def row(pair, reason=None, *, transient=False, map_bytes=60_000_000, model_bytes=1_000_000):
    """The scored row of a pair, or of one that failed."""
    ids = {key: pair[key] for key in ("emdb_id", "pdb_id")}
    if reason:
        return ids | {
            "status": "unusable", "stage": "score", "reason": reason, "detail": f"about {pair['emdb_id']}",
            "transient": transient,
        }  # fmt: skip
    return ids | {
        "status": "scored", "transient": False, "q_mean": 0.5, "map_bytes": map_bytes, "model_bytes": model_bytes
    }  # fmt: skip


def score(folder, batch, rows, *, at=START, seconds=None):
    """The table of a finished batch, at a time, with the seconds of its benchmark file."""
    path = Path(folder) / "scores" / batch / "entries.parquet"
    tables.write_parquet(path, tables.SCORED, tables.as_columns(tables.SCORED, rows))
    os.utime(path, (at, at))
    if seconds is not None:
        benchmark = Path(folder) / "benchmarks" / "score" / f"{batch}.tsv"
        benchmark.parent.mkdir(parents=True, exist_ok=True)
        benchmark.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t300.1\n")
    return path
