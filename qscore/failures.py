"""Which entries of a survey could not be scored, why, and doing their batches again."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from qscore import ledger, runstate
from qscore.errors import REASONS

FIELDS = ("emdb_id", "pdb_id", "batch", "stage", "reason", "detail", "transient")


@dataclass(frozen=True)
class Failures:
    """The unusable entries of a survey, in order of batch and id.

    Attributes
    ----------
    entries : list of dict
        Each with the keys of `FIELDS`; ``batch`` is empty when only the joined
        table is left.
    n_scored : int
        Entries that were scored.
    unreadable : list of str
        Batches whose table is damaged.
    """

    entries: list[dict]
    n_scored: int
    unreadable: list[str]


def read(results) -> Failures:
    """What the tables of finished batches say, joined already or not.

    Raises
    ------
    ValueError
        The folder is no survey's.
    """
    results = ledger.check_survey(results)
    found, unreadable = ledger.scored(
        results, ledger.planned(results), "status", "stage", "reason", "detail", "transient"
    )
    rows = [row | {"batch": table.batch} for table in found for row in table.rows.values()]
    failed = [{key: row[key] for key in FIELDS} for row in rows if row["status"] != "scored"]
    order = sorted(failed, key=lambda row: (row["batch"], len(row["emdb_id"]), row["emdb_id"], row["pdb_id"]))
    return Failures(order, len(rows) - len(failed), unreadable)


def check_reason(reason: str) -> str:
    """A reason of the closed list.

    Raises
    ------
    ValueError
        It is none of `qscore.errors.REASONS`.
    """
    if reason not in REASONS:
        raise ValueError(f"unknown reason {reason!r}; expected one of {', '.join(REASONS)}")
    return reason


def counts(entries: list[dict]) -> list[dict]:
    """Number of entries by reason, most first: reason, stage, words, transient, n."""
    transient = {row["reason"]: bool(row["transient"]) for row in entries}
    found = Counter(row["reason"] or "" for row in entries)
    return [
        {
            "reason": reason,
            "stage": REASONS.get(reason, ("", ""))[0],
            "words": REASONS.get(reason, ("", "a reason of another version"))[1],
            "transient": transient.get(reason, False),
            "n": n,
        }
        for reason, n in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    ]


def chosen(entries: list[dict], *, reason: str | None = None, transient: bool = False) -> list[dict]:
    """Entries of a reason, or those that may score on another day, or both."""
    return [
        row for row in entries if (reason is None or row["reason"] == reason) and (row["transient"] or not transient)
    ]


def batches(entries: list[dict]) -> list[str]:
    """Their batches, each once."""
    return sorted({row["batch"] for row in entries if row["batch"]})


def again(results, names: list[str]) -> list[str]:
    """Remove the tables of batches, so that the survey's next run does these again, and them alone.

    Raises
    ------
    qscore.runstate.Busy
        A survey runs in the folder, or a job that outlived one.
    ValueError
        A table cannot be removed.
    """
    results = ledger.check_survey(results)
    door = runstate.lock_door(results)
    try:
        runstate.wait_for_jobs(results, seconds=0.0, say=lambda text: None)
        for name in names:
            _remove(results / "scores" / name)
    finally:
        os.close(door)
    return names


def _remove(folder: Path) -> None:
    """The table that says "done" first: killed half-way, the batch is still one to do."""
    try:
        (folder / "entries.parquet").unlink(missing_ok=True)
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as err:
        raise ValueError(f"cannot remove {folder}: {err.strerror}") from err
