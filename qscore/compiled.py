"""Where the compiled kernel is kept: per user, so that an installation may be read-only."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def cache_folder() -> Path:
    """The folder of the compiled kernel; `NUMBA_CACHE_DIR` when that is set."""
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


def is_cached() -> bool:
    """Whether a kernel compiled from the present source is kept."""
    source = Path(__file__).with_name("kernel.py").stat().st_mtime
    kept = cache_folder().glob("*/kernel.score_atoms-*.nbi")
    return any(index.stat().st_mtime >= source for index in kept)
