"""One survey at a time in a folder, and what a killed one left behind.

Two locks of the operating system, which die with their holders: the door's,
held by `qscore run` and the Snakemake it starts, and the jobs', shared by every
running stage, so that a new run waits for stages that outlived a killed one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from pathlib import Path

from qscore.stored import UNFINISHED

JOBS_LOCK = "QSCORE_JOBS_LOCK"
UNAVAILABLE = ".unavailable"
SKEW_SECONDS = 60.0  # that the clocks of a file server and of its users may differ by
KIND = ".survey.kind"  # what the survey is of
SCORED = "scores/*/entries.parquet"
FOLDERS = (
    "catalogue", "plan", "fetched", "scores", "tables", "fit", "examination", "evidence", "figures", "report", "logs"
)  # fmt: skip
LONG_AGO = 946_684_800.0  # 2000-01-01: before any survey
_DATED = {"archive", "documents", "snapshot", "parts"}  # whose files' times are told elsewhere, or mean nothing


class Busy(ValueError):
    """Another survey runs in the folder."""


def lock_door(results: Path) -> int:
    """Take the folder for one survey; the open file's number, to be inherited by Snakemake.

    Raises
    ------
    Busy
        Another survey holds it.
    ValueError
        The folder cannot be written.
    """
    try:
        results.mkdir(parents=True, exist_ok=True)
        handle = os.open(results / ".survey.lock", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as err:
        raise ValueError(f"cannot write to results folder {results}: {err.strerror}") from err
    if not _locked(handle, tries=5):
        os.close(handle)
        raise Busy(f"another survey is running in {results}")
    os.set_inheritable(handle, True)
    return handle


def _locked(handle: int, *, tries: int) -> bool:
    """Whether the lock could be had; `is_running` may hold it for a moment."""
    for left in reversed(range(tries)):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.1 if left else 0)
    return False


def is_running(results: Path) -> bool:
    """Whether a survey holds the folder's door; the lock is asked for as shared and given back at once."""
    try:
        handle = os.open(Path(results) / ".survey.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def share_jobs_lock() -> None:
    """Called by every stage: hold the survey's jobs lock until the process ends."""
    path = os.environ.get(JOBS_LOCK)
    if path:
        fcntl.flock(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), fcntl.LOCK_SH)


def wait_for_jobs(results: Path, *, seconds: float = 120.0, say=print) -> Path:
    """Wait until no stage of an earlier run is left; the lock file for the stages to come.

    Raises
    ------
    Busy
        One still runs after `seconds`.
    """
    path = results / ".jobs.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    end, said = time.monotonic() + seconds, False
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return path
            except BlockingIOError as err:
                if time.monotonic() > end:
                    raise Busy(f"a job of an earlier survey still runs in {results}") from err
            if not said:
                say("waiting for a job of an earlier run to end …")
                said = True
            time.sleep(0.2)
    finally:
        os.close(handle)


def check_own(results: Path) -> None:
    """Refuse a folder that is no survey's and holds what a survey would take for its own, and clear away.

    Raises
    ------
    ValueError
    """
    records = results / ".snakemake"
    for path in (records, records / "metadata", *(results / name for name in FOLDERS)):
        if os.path.lexists(path) and not path.is_dir():
            raise ValueError(f"{path} is no folder, and a survey needs one of that name: remove it")
    if (results / KIND).is_file() and not records.is_dir() and any(results.glob(SCORED)):
        raise ValueError(
            f"{records} is gone, the record of what was done: everything would be fetched and scored again. Put it "
            f"back, or remove {results / 'scores'} if that is what you want"
        )
    if (results / KIND).is_file() or records.is_dir():
        return
    names = (*(name for row in ROUNDS for name in row[:2]), "parts", "scores", "evidence")
    if there := [name for name in names if (results / name).exists()]:
        raise ValueError(f"{results} is no survey's folder and holds {', '.join(there)}: give another --results")


def check_kind(results: Path, kind: str) -> None:
    """Refuse a folder that holds a survey of another kind; note the kind of a new one.

    Raises
    ------
    ValueError
    """
    note = results / KIND
    there = note.read_text(encoding="utf-8", errors="replace") if note.is_file() else kind
    if there != kind:
        raise ValueError(f"{results} holds a survey of {there}, this is one of {kind}: give another --results")
    note.write_text(kind, encoding="utf-8")


def is_any_job_running(path: Path) -> bool:
    """Whether a stage holds the jobs lock at a path."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        return not _locked(handle, tries=1)
    finally:
        os.close(handle)


# Plan of batches, where they are fetched, and the table of a finished one.
ROUNDS = (
    ("plan", "fetched", "scores/{}/entries.parquet"),
    ("examination", "fetched_again", "evidence/{}/frames.parquet"),
)


def sweep(results: Path) -> None:
    """Remove what a killed run left and no run will use; what a fetch had brought is kept."""
    from qscore import plan

    useless = [*results.glob("scores/*/.scoring-*"), *results.glob("evidence/*/.examining-*")]
    # Made anew from the catalogue; batches that come out as they were are not scored again.
    useless += [folder for folder in (results / name for name, *_ in ROUNDS) if not plan.is_complete(folder)]
    if any(any((results / name).glob("*")) for name in ("fetched", "fetched_again", "parts")):
        useless += _useless_fetches(results)
    for folder in useless:
        shutil.rmtree(folder, ignore_errors=True)
    for path in list(results.rglob(f".*{UNFINISHED}")):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    (results / UNAVAILABLE).unlink(missing_ok=True)


def settle_times(results: Path) -> int:
    """Date back what is dated in the future, after a clock was set back: how many files and folders were.

    What changes from now on is to be newer than what was made of it. The order of those files is kept; they become
    older than all others, so that what was made before them is looked at again, and seldom made again.
    """
    now, found = time.time(), {}
    for folder, folders, files in os.walk(results):
        if Path(folder) == results:
            folders[:] = [name for name in folders if name not in _DATED]
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            if (stamp := os.lstat(path).st_mtime) > now + SKEW_SECONDS:
                found[path] = stamp
    shift = max(found.values(), default=0) - LONG_AGO
    for path, stamp in found.items():
        os.utime(path, (stamp - shift, stamp - shift), follow_symlinks=False)
    return len(found)


def _useless_fetches(results: Path) -> list[Path]:
    """Fetched batches that are not whole, scored or planned no more, and parts of batches planned no more."""
    from qscore import archive, plan

    useless, workshops = [], set()
    for planned, fetched, table in ROUNDS:
        batches, folders = sorted((results / planned).glob("*.tsv")), list((results / fetched).glob("*"))
        workshops |= {archive.workshop_name(path) for path in batches}
        names = {path.stem for path in batches} if plan.is_complete(results / planned) else None
        useless += [
            folder
            for folder in folders
            if not archive.is_whole(folder)
            or _is_done(folder, results / table.format(folder.name))
            or (names is not None and folder.name not in names)
        ]
    if plan.is_complete(results / "plan"):
        useless += [folder for folder in (results / "parts").glob("*") if folder.name not in workshops]
    return useless


def _is_done(folder: Path, table: Path) -> bool:
    """Whether a fetched batch has a table that is newer: it was to be removed when its run was killed."""
    try:
        return table.stat().st_mtime_ns > (folder / "manifest.json").stat().st_mtime_ns
    except OSError:
        return False


def note_unavailable(message: str) -> None:
    """Called by a stage that gives up on a server or the disk: the survey it belongs to starts no more."""
    lock = os.environ.get(JOBS_LOCK)
    if lock:
        with contextlib.suppress(OSError):  # on a full disk the stage's own line and exit code must do
            Path(lock).with_name(UNAVAILABLE).write_text(message, encoding="utf-8")


def unavailable(results: Path) -> str | None:
    """What a stage of this run gave up on; None when none did."""
    note = results / UNAVAILABLE
    try:
        return (
            note.read_text(encoding="utf-8") or "a stage gave up, and not even that could be written: the disk is full"
        )
    except OSError:
        return None


def is_locked_by_snakemake(results: Path) -> bool:
    """Whether Snakemake's own lock is set in the folder."""
    locks = results / ".snakemake" / "locks"
    return locks.is_dir() and any(locks.iterdir())
