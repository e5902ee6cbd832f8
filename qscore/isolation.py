"""Acts on the entries of a batch, each in a forked child that may die, or do harm, without harm to the others.

The parent imports everything, starts no thread and runs no kernel; it watches each child's memory and deadline, adopts
what a child leaves running and ends it. A child leaves its files in a folder of its own, and says what they are: what
another changes afterwards counts as lost.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import json
import os
import resource
import select
import shutil
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import psutil

from qscore import tables
from qscore.compiled import loops
from qscore.errors import ArchiveUnavailable, UnusableEntry, is_full

POLL_SECONDS = 0.01
POLLS_A_LOOK = 10  # polls between two looks at what a child has started
NO_MEMORY, NO_SPACE = 3, 4  # exit codes of a child
MOST_WRITTEN = 8 << 30  # bytes of a file: an entry's tables are far from it, an endless one ends there
ANSWER = "answer.json"
_DIE_WITH_PARENT, _ADOPT = 1, 36  # PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER of Linux's prctl


@dataclass(frozen=True)
class Limits:
    """What one entry may use.

    Attributes
    ----------
    memory_mb : int
        Resident memory of the child and of what it starts, MB.
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


LIMITS = Limits()


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
    tables.ready()
    with _adopting():
        answers = [_one(pair, folder, act, limits) for pair, folder in zip(entries, folders, strict=True)]
    return [_checked(answer, folder) for answer, folder in zip(answers, folders, strict=True)]


def _one(pair: dict, folder: Path, act, limits: Limits) -> dict | UnusableEntry:
    """What the child of an entry answers, or what went wrong with it."""
    if "unusable" in pair:
        return UnusableEntry(**pair["unusable"])
    folder.mkdir(parents=True)
    size = pair["map"]["bytes"] + pair["model"]["bytes"]
    sys.stdout.flush()
    sys.stderr.flush()
    before, parent = set(_descendants()), os.getpid()
    child, interrupted = _forked()
    if child == 0:
        os._exit(_child(pair, folder, act, parent))
    with contextlib.suppress(OSError):  # it may have done so itself, or be gone
        os.setpgid(child, child)
    fault = _watch(child, before, interrupted, limits.memory_mb * 1_000_000, limits.deadline(size))
    return fault or _left_by_child(folder / ANSWER)


def _forked() -> tuple[int, bool]:
    """The number of a new child, 0 in the child, and whether an interrupt (Ctrl-C) came meanwhile.

    Raised in what Python's own modules do around a fork it would be told and forgotten, and their locks be kept.
    """
    usual, came = signal.getsignal(signal.SIGINT), []
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        return os.fork(), False
    signal.signal(signal.SIGINT, lambda *_: came.append(True))
    try:
        child = os.fork()
    finally:
        signal.signal(signal.SIGINT, usual)
    return child, bool(came)


def _left_by_child(path: Path) -> dict | UnusableEntry:
    try:
        with open(path, encoding="utf-8") as stream:
            answer = json.load(stream)
    except (OSError, ValueError) as err:
        return UnusableEntry("crashed", f"its answer is lost: {err}")
    return UnusableEntry(**answer["unusable"]) if "unusable" in answer else answer


def _checked(answer: dict | UnusableEntry, folder: Path) -> dict | UnusableEntry:
    """The row of an answer, when its files still are what they were."""
    if isinstance(answer, UnusableEntry):
        return answer
    try:
        unchanged = _digests(folder) == answer["files"]
    except OSError:
        unchanged = False
    if unchanged:
        return answer["row"]
    shutil.rmtree(folder, ignore_errors=True)
    return UnusableEntry("crashed", "its results were changed after it had ended")


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a folder but the answer."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != ANSWER:
            with open(path, "rb") as stream:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


# ---- the child ----


def _child(pair: dict, folder: Path, act, parent: int) -> int:
    """Act and write; 0 when there is an answer."""
    try:
        os.setpgid(0, 0)
        _control(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:  # it was too late to ask
            return 1
        _bound(resource.RLIMIT_CORE, 0)
        _bound(resource.RLIMIT_FSIZE, MOST_WRITTEN)
        tables.write_json(folder / ANSWER, _answer(pair, folder, act))
    except MemoryError:
        return NO_MEMORY
    except OSError as err:
        if is_full(err):
            return NO_SPACE
        traceback.print_exc()
        return 1
    except BaseException:  # whatever it is, it must not get past the fork
        traceback.print_exc()
        sys.stderr.flush()
        return 1
    return 0


def _bound(limit: int, most: int) -> None:
    """Lower a limit of this process for good."""
    hard = resource.getrlimit(limit)[1]
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(limit, (most, most))


def _answer(pair: dict, folder: Path, act) -> dict:
    try:
        row = act(pair, folder)
    except UnusableEntry as trouble:
        return {"unusable": {"reason": trouble.reason, "detail": trouble.detail}}
    return {"row": row, "files": _digests(folder)}


# ---- the watch ----


def _control(option: int, value: int) -> None:
    """Ask Linux for a way with processes; elsewhere there is none, and groups of processes must do."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


@contextlib.contextmanager
def _adopting():
    """Become the parent of what our children leave running."""
    _control(_ADOPT, 1)
    try:
        yield
    finally:
        _control(_ADOPT, 0)


def _watch(child: int, before: set, interrupted: bool, most_bytes: int, seconds: float) -> UnusableEntry | None:
    """Wait for a child; end it when it takes too much, and all that it started."""
    end, trouble, polls = time.monotonic() + seconds, None, 0
    try:
        if interrupted:
            raise KeyboardInterrupt
        with _waiting(child) as ended:
            while trouble is None and not ended():
                polls += 1
                if _resident(child, before if polls % POLLS_A_LOOK == 0 else None) > most_bytes:
                    trouble = UnusableEntry("out_of_memory", f"more than {most_bytes / 1e6:,.0f} MB")
                elif time.monotonic() > end:
                    trouble = UnusableEntry("time_limit", f"more than {seconds:,.0f} s")
    finally:  # it has ended, or took too much, or this process is to end
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        _end_all(child, before)
    return trouble or _verdict(status)


@contextlib.contextmanager
def _waiting(child: int):
    """A function that waits a moment, or less, and says whether a child has ended; it is not reaped."""
    try:
        handle = os.pidfd_open(child)
    except (AttributeError, OSError):  # not on every system

        def ended() -> bool:
            """The same, by sleeping."""
            time.sleep(POLL_SECONDS)
            return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

        yield ended
        return
    try:
        yield lambda: bool(select.select([handle], [], [], POLL_SECONDS)[0])
    finally:
        os.close(handle)


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


def _resident(child: int, before: set | None) -> int:
    """Resident bytes of a child; with what was running before it, of all that it has started, too."""
    processes = [psutil.Process(child)] if before is None else _born_since(before)
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):  # it has just ended
            total += process.memory_info().rss
    return total


def _descendants() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _born_since(before: set) -> list[psutil.Process]:
    return [process for process in _descendants() if process not in before]


def _end_all(child: int, before: set) -> None:
    """End what a child has started, in its group or out of it, until nothing of it is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    while left := _born_since(before):
        for stop in (psutil.Process.suspend, psutil.Process.kill):  # all stand still before the first ends
            for process in left:
                with contextlib.suppress(psutil.Error):
                    stop(process)
        for process in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
