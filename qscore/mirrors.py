"""What a mirror of maps or models delivers, and what it can do for a transfer that breaks off."""

from __future__ import annotations

import os
import re

from qscore.manners import local_path
from qscore.verdicts import Finding, Probe, short, verdict

LEAST_MAP = 1_000_000  # bytes; the 43 MB of voxels of EMD-25107 do not compress below
PART = "bytes=0-99"
KIND = {3: "map", 4: "model"}
_PAGE = "html"


def header(answer, name: str) -> str:
    """A header of an answer, "" without it; names in any case."""
    return next((str(value) for key, value in answer.headers.items() if key.lower() == name.lower()), "")


def of_map(name: str, head, part, other, *, least: int = LEAST_MAP) -> Probe:
    """A mirror's map: answers to HEAD, to a GET of its first 100 bytes, and to the same if it has a made-up ETag.

    `least` is how many bytes it has at least.
    """
    length = header(head, "Content-Length")
    large = length.isdecimal() and int(length) >= least
    whole = _delivers(head) and (large or not length)
    good = whole or (part.status == 206 and _total(part) >= least)
    findings = tuple(_transport(head, part, other)) if good else ()
    size = f"at least {least / 1e6:.0f} MB" if least >= LEAST_MAP else "not empty"
    expected = f"200, {size} and no web page"
    return Probe(3, name, verdict(good), expected, _said(head), findings=findings)


def of_model(name: str, head) -> Probe:
    """A mirror's model: the answer to HEAD."""
    return Probe(4, name, verdict(_delivers(head)), "200 and no web page", _said(head))


def _delivers(head) -> bool:
    return head.status == 200 and _PAGE not in header(head, "Content-Type").lower()


def _said(head) -> str:
    length = header(head, "Content-Length")
    size = f"{int(length) / 1e6:.3g} MB" if length.isdecimal() else "no length"
    return f"{head.status}, {size}, {short(header(head, 'Content-Type'), 40) or 'no type'}"


def _total(part) -> int:
    """Length of the whole file by the answer to a part of it; 0 when it does not fit."""
    found = re.fullmatch(r"bytes 0-99/(\d+)", header(part, "Content-Range"))
    return int(found[1]) if found else 0


def _transport(head, part, other):
    if part.status == 206 and _total(part):
        yield Finding("Range is supported", "a broken download goes on where it stopped")
    else:
        yield Finding(f"Range is not supported ({part.status})", "downloads restart from zero")
    if not header(head, "Content-Length"):
        yield Finding("no Content-Length", "a file is whole when its gzip trailer says so")
    tag, day = header(head, "ETag"), header(head, "Last-Modified")
    strong = bool(tag) and not tag.startswith("W/")
    if not (strong or day):
        yield Finding("neither a strong ETag nor Last-Modified", "downloads restart from zero")
        return
    yield Finding(f"files are told apart by {'ETag' if strong else 'Last-Modified'}", "sent as If-Range")
    if part.status == 206:
        kept = other.status == 200
        then = "a changed file starts again" if kept else "a changed file fails its CRC, then starts again"
        yield Finding(f"If-Range is {'kept to' if kept else f'ignored ({other.status})'}", then)


def is_folder(base) -> bool:
    """Whether a base is a local folder or a ``file:`` address, no server."""
    return local_path(str(base).partition("{id}")[0]) is not None


def of_folder(number: int, base) -> Probe:
    """A mirror that is a local folder: can it be read, and is anything in it?

    Parameters
    ----------
    number : int
        3 for maps, 4 for models.
    base : path-like
        Folder, or ``file:`` address; the part before ``{id}`` counts.
    """
    path = local_path(str(base).partition("{id}")[0])
    try:
        with os.scandir(path) as entries:
            came = "readable" if next(entries, None) else "an empty folder"
    except OSError as err:
        came = err.strerror or str(err)
    return Probe(number, f"{KIND[number]}s in {base}", verdict(came == "readable"), "a readable folder", came)
