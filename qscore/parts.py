"""What came so far of a file, and whether an answer continues it.

Beside the bytes (``name.part``) lies what the server said when they began
(``name.part.json``): address, ETag, Last-Modified and total size. The bytes
are only ever appended to; they are continued when the server shows that it
speaks of the same file, and thrown away otherwise.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Part:
    """The bytes there are of a file, and what was said of it.

    Attributes
    ----------
    url : str
        Where they come from.
    etag, last_modified : str or None
        As the server gave them.
    total : int or None
        Bytes of the whole file, where the server said so.
    size : int
        Bytes there are.
    """

    url: str
    etag: str | None
    last_modified: str | None
    total: int | None
    size: int

    @property
    def complete(self) -> bool:
        return self.size == self.total

    @property
    def validator(self) -> str | None:
        """What tells this file from a later one of the same name: a strong ETag, else the date."""
        strong = self.etag is not None and not self.etag.startswith("W/")
        return self.etag if strong else self.last_modified


# ---- decisions ----


def range_headers(part: Part | None, url: str) -> dict[str, str]:
    """What to ask for the rest with; {} when the file has to come from its beginning."""
    if part is None or part.url != url or part.size == 0 or part.validator is None:
        return {}
    if part.total is not None and part.size > part.total:
        return {}
    return {"Range": f"bytes={part.size}-", "If-Range": part.validator}


def parse_content_range(text: str | None) -> tuple[int | None, int | None, int | None] | None:
    """``bytes 5-9/10`` → (5, 9, 10); ``*`` → None in its place; anything else → None."""
    found = re.fullmatch(r"\s*bytes\s+(?:(\d{1,18})-(\d{1,18})|\*)/(\d{1,18}|\*)\s*", text or "", re.I | re.A)
    if not found:
        return None
    first, last, total = (int(given) if given and given != "*" else None for given in found.groups())
    if first is not None and (last < first or (total is not None and last >= total)):
        return None
    return first, last, total


def continues(part: Part, headers) -> bool:
    """Whether an answer of status 206 goes on exactly where the part ends, with the same file."""
    given = parse_content_range(headers.get("Content-Range"))
    if given is None or given[0] != part.size:
        return False
    total = given[2] if given[2] is not None else given[1] + 1
    return (part.total is None or part.total == total) and _same_file(part, headers)


def ends(part: Part, headers) -> bool:
    """Whether an answer of status 416 says that the part is the whole file, whatever was promised before."""
    given = parse_content_range(headers.get("Content-Range"))
    return given is not None and given[0] is None and given[2] == part.size and _same_file(part, headers)


def _same_file(part: Part, headers) -> bool:
    """What the answer says of the file is not at odds with what was said before."""
    said = ((part.etag, headers.get("ETag")), (part.last_modified, headers.get("Last-Modified")))
    return all(before == now for before, now in said if before is not None and now is not None)


# ---- files ----


def beside(path) -> Path:
    """Where the part of a file lies."""
    path = Path(path)
    return path.with_name(path.name + ".part")


def _notes(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def read(path: Path) -> Part | None:
    """The part at a path; None when there is none, or nothing reliable is known of it."""
    try:
        size = path.stat().st_size
        said = json.loads(_notes(path).read_text(encoding="utf-8"))
        part = Part(**said, size=size)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    texts = all(value is None or isinstance(value, str) for value in (part.etag, part.last_modified))
    whole = part.total is None or (type(part.total) is int and part.total >= 0)
    return part if texts and whole and isinstance(part.url, str) else None


def begin(path: Path, url: str, headers) -> Part:
    """Throws away what there is and notes what the server says of the file that comes now."""
    drop(path)
    length = headers.get("Content-Length", "")
    total = int(length) if length.isascii() and length.isdecimal() else None
    part = Part(url, headers.get("ETag"), headers.get("Last-Modified"), total, 0)
    _write(path, part)
    return part


def end(path: Path, part: Part, size: int) -> None:
    """Notes that the part, of so many bytes, is the whole file."""
    _write(path, replace(part, total=size))


def _write(path: Path, part: Part) -> None:
    said = {key: value for key, value in asdict(part).items() if key != "size"}
    temporary = path.with_name(path.name + ".json.new")
    temporary.write_text(json.dumps(said), encoding="utf-8")
    os.replace(temporary, _notes(path))


def drop(path: Path) -> None:
    """Throws the part away: the bytes first, so that no notes are ever beside bytes of another file."""
    path.unlink(missing_ok=True)
    _notes(path).unlink(missing_ok=True)
