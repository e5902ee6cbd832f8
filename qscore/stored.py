"""Files by their paths: what is no file, and a file's name as text."""

from __future__ import annotations

import errno
import os
from pathlib import Path

UNFINISHED = ".unfinished"
"""How the names end of hidden files and folders that are being written: their writer renames them, or was killed."""


def why_no_file(path) -> str:
    """What a path is that is no file."""
    if not Path(path).exists():
        return "no such file"
    return "a folder, not a file" if Path(path).is_dir() else "a pipe or a device, not a file"


def is_endless(path) -> bool:
    """Whether a path is a pipe or a device: reading could wait for ever or never end, and not begin again."""
    return Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir())


def check_stored(path) -> None:
    """Refuse a pipe or a device (OSError)."""
    if is_endless(path):
        raise OSError(errno.EINVAL, why_no_file(path))


def file_name(path) -> str:
    """The name of a file as text that can be written, whatever its bytes."""
    return os.fsencode(Path(path).name).decode("utf-8", "replace")
