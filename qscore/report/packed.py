"""Columns of an explorer → one block of text that a browser unpacks by itself: no library, little to parse."""

from __future__ import annotations

import base64
import gzip

import numpy as np

SEPARATOR = "\x1e"  # between the texts of a column; `words.short` leaves no control characters in any
KINDS = {"f4": np.float32, "u4": np.uint32, "u2": np.uint16, "u1": np.uint8}
TEXT = "text"
LEVEL = 6


def packed(columns: dict[str, np.ndarray], texts: dict[str, list[str]]) -> tuple[list[list], str]:
    """Columns one after the other, compressed by gzip and written as base64.

    Parameters
    ----------
    columns : dict
        Name → array of a type in `KINDS`, shape (n,), n > 0.
    texts : dict
        Name → n texts without `SEPARATOR`.

    Returns
    -------
    layout : list of [name, kind, bytes]
        In the order of the block; kind is a key of `KINDS`, numbers little-endian, or "text": UTF-8 with `SEPARATOR`
        between the texts. Wide numbers come first, so that every column begins at a multiple of its width.
    block : str
        The same columns give the same text.
    """
    kinds = {np.dtype(kind): name for name, kind in KINDS.items()}
    order = sorted(columns, key=lambda name: -columns[name].dtype.itemsize)
    parts = [(name, kinds[columns[name].dtype], columns[name].astype(columns[name].dtype.newbyteorder("<")).tobytes())
             for name in order]  # fmt: skip
    parts += [(name, TEXT, SEPARATOR.join(values).encode("utf-8")) for name, values in texts.items()]
    block = gzip.compress(b"".join(raw for _, _, raw in parts), LEVEL, mtime=0)
    return [[name, kind, len(raw)] for name, kind, raw in parts], base64.b64encode(block).decode("ascii")


def unpacked(layout: list, block: str) -> dict[str, list]:
    """The columns of `packed` as lists: what the page's script reads."""
    raw, found, at = gzip.decompress(base64.b64decode(block)), {}, 0
    for name, kind, length in layout:
        piece = raw[at : at + length]
        at += length
        if kind == TEXT:
            found[name] = piece.decode("utf-8").split(SEPARATOR)
        else:
            found[name] = np.frombuffer(piece, np.dtype(KINDS[kind]).newbyteorder("<")).tolist()
    return found
