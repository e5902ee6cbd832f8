"""One survey at a time in a folder, and what a killed one left behind.

Two locks of the operating system, which die with their holders: the door's,
held by `qscore run` and the Snakemake it starts, and the jobs', shared by every
running stage, so that a new run waits for stages that outlived a killed one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from pathlib import Path

JOBS_LOCK = "QSCORE_JOBS_LOCK"


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
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as err:
        os.close(handle)
        raise Busy(f"another survey is running in {results}") from err
    os.set_inheritable(handle, True)
    return handle


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


def sweep(results: Path) -> None:
    """Remove what a killed run left: broken fetched batches, half-built ones, half-scored ones."""
    from qscore import archive

    for folder in sorted((results / "fetched").glob("*")):
        if not archive.is_whole(folder):
            shutil.rmtree(folder)
    for folder in [results / "parts", *(results / "scores").glob("*/.scoring-*")]:
        shutil.rmtree(folder, ignore_errors=True)


def is_locked_by_snakemake(results: Path) -> bool:
    """Whether Snakemake's own lock is set in the folder."""
    locks = results / ".snakemake" / "locks"
    return locks.is_dir() and any(locks.iterdir())
