"""Where the compiled loops are kept: per user, so that an installation may be read-only."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

SOURCES = ("kernel.py", "gridloops.py")


def cache_folder() -> Path:
    """The folder of the compiled loops, one for each state of their sources; in `NUMBA_CACHE_DIR` when that is set."""
    return _root() / _stamp()


def is_cached() -> bool:
    """Whether a kernel compiled from the present source is kept."""
    return any(cache_folder().glob("*/kernel.score_atoms-*.nbi"))


def _root() -> Path:
    if "NUMBA_CACHE_DIR" in os.environ:
        return Path(os.environ["NUMBA_CACHE_DIR"])
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qscore" / "kernel"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir()) / f"qscore-kernel-{os.getuid()}"
    if os.access(root, os.W_OK):
        return root
    return Path(tempfile.gettempdir()) / f"qscore-kernel-{os.getuid()}"


def _stamp() -> str:
    """What tells one state of the sources from another: paths, sizes and times.

    Their times are not compared with those of the compiled files: sources may come with a time that lies ahead.
    """
    paths = [Path(__file__).with_name(name) for name in SOURCES]
    told = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]
