"""What a survey needs of the machine it runs on."""

from __future__ import annotations

import re
import shutil
import sys
from datetime import datetime
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path

from qscore import compiled, files
from qscore.verdicts import Probe, verdict

LEAST_FREE = 20e9  # bytes: eight batches of 40 maps of 60 MB
MOST_SECONDS_OFF = 300


def conditions(results) -> list[Probe]:
    """Disk, versions and kernel, as probes of number 0.

    Parameters
    ----------
    results : path-like
        Results folder of the survey, which need not be there yet.
    """
    return [folder(results), *disk(results), *versions(), kernel()]


def _there(path) -> Path:
    """The nearest folder that exists."""
    place = Path(path).absolute()
    while not place.is_dir() and place != place.parent:
        place = place.parent
    return place


def folder(results) -> Probe:
    """Can the results folder be written?"""
    try:
        files.check_folder(results)
        came = "writable"
    except ValueError as err:
        came = str(err)
    return Probe(0, f"results folder {results}", verdict(came == "writable"), "writable", came, True)


def disk(results) -> list[Probe]:
    """Is there room for the batches that lie on disk at a time? Nothing when the folder's system does not tell."""
    try:
        free = shutil.disk_usage(_there(results)).free
    except OSError:
        return []
    came = f"{free / 1e9:,.0f} GB free"
    return [Probe(0, "disk", verdict(free >= LEAST_FREE), f"{LEAST_FREE / 1e9:.0f} GB free for maps in passing", came)]


def versions() -> list[Probe]:
    """Python and the packages that are required; a missing one is a probe of its own."""
    found, missing = [], []
    for name in required():
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    python = f"Python {sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    came = f"{python}; {', '.join(found)}" + (f"; not installed: {', '.join(missing)}" if missing else "")
    good = sys.version_info >= (3, 11) and not missing
    return [Probe(0, "software", verdict(good), "Python 3.11 and all required packages", came, True)]


def required() -> list[str]:
    """Names of the packages that a survey needs; [] when run from a source tree that is not installed."""
    try:
        lines = metadata.requires("qscore") or []
    except metadata.PackageNotFoundError:
        return []
    return [re.match(r"[A-Za-z0-9._-]+", line)[0] for line in lines if "extra ==" not in line]


def kernel() -> Probe:
    """Is the compiled kernel kept?"""
    cached = compiled.is_cached()
    came = "kept" if cached else f"not kept in {compiled.folders()[0]}: the first score takes 15 s longer"
    return Probe(0, "compiled kernel", verdict(cached), "kept from an earlier run", came)


def clock(said: str, now: float) -> list[Probe]:
    """This machine's clock against a server's Date header; nothing when that says no date.

    Parameters
    ----------
    said : str
        ``Thu, 01 Oct 2026 14:20:57 GMT``.
    now : float
        Seconds since the epoch.
    """
    try:
        off = now - parsedate_to_datetime(said).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return []
    there = datetime.fromtimestamp(now - off).astimezone().isoformat(sep=" ", timespec="seconds")
    expected = f"within {MOST_SECONDS_OFF // 60} minutes of a server's, {there}"
    much = f"{abs(off):.0f} s" if abs(off) <= MOST_SECONDS_OFF else f"{abs(off) / 60:,.0f} minutes"
    came = f"{much} {'ahead' if off > 0 else 'behind'}" if abs(off) >= 1 else "the same as a server's"
    return [Probe(0, "clock", verdict(abs(off) <= MOST_SECONDS_OFF), expected, came)]
