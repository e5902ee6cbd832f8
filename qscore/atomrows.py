"""The atom rows of an mmCIF, cut out of its text and read by columns.

Of a capsid's rows a CIF parser makes a gigabyte, and Python an object a cell. Rows
as programs write them (one a line, from ATOM or HETATM on, no cell with a space in
it) are read here as arrays of bytes, and the rest of the file, with a marked row in
their place, is left for the parser. Where rows are written otherwise, or the file
is no mmCIF, nothing is cut: the parser then reads all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

MARK = "cut.out.here"
LONGEST = 255  # characters of a cell
MOST_DIGITS = 15  # of a number whose digits, as a whole number, float64 holds exactly
_TAGS = re.compile(rb"\nloop_[ \t\r]*\n((?:_atom_site\.[^\s#'\";]+[ \t\r]*\n)+)(?=ATOM|HETATM)")
_END = re.compile(rb"\n(?!ATOM|HETATM)")
_PLAIN = bytes(set(range(33, 127)) - set(b"_#$[];")) + b" \t\r\n"
_PIECE_BYTES = 1 << 22


@dataclass(frozen=True)
class AtomRows:
    """The cells of the ``_atom_site`` loop.

    Attributes
    ----------
    text : ndarray, uint8
        The rows, and `LONGEST` zeros.
    starts : ndarray, uint32, shape (columns, n)
        First byte of each cell.
    sizes : ndarray, uint8, shape (columns, n)
        Bytes of each cell.
    tags : tuple of str
        Of the columns, lower case, without ``_atom_site.``.
    """

    text: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    tags: tuple[str, ...]

    def __len__(self) -> int:
        return self.starts.shape[1]

    def has(self, tag: str) -> bool:
        """Whether there is a column of this name."""
        return tag.lower() in self.tags

    def cells(self, tag: str) -> np.ndarray:
        """A column as it stands in the file, quotes included → str (n,)."""
        raw = np.ascontiguousarray(self._bytes(tag), dtype=np.uint32)
        return raw.view(f"U{raw.shape[1]}")[:, 0]

    def numbers(self, tag: str) -> tuple[np.ndarray, np.ndarray]:
        """A column as float (n,), and which of its cells are plain decimals (bool): the others' values are not told."""
        return decimals(np.ascontiguousarray(self._bytes(tag).T), self.sizes[self.tags.index(tag.lower())])

    def lines(self):
        """The cells of each row, a list of bytes."""
        rows, position = self.text.tobytes(), 0
        while position < len(rows) - LONGEST:
            end = rows.index(b"\n", position)
            yield rows[position:end].split()
            position = end + 1

    def _bytes(self, tag: str) -> np.ndarray:
        """A column as characters (n, longest), 0 beyond each cell's end."""
        column = self.tags.index(tag.lower())
        sizes = self.sizes[column]
        width = int(sizes.max())
        found = sliding_window_view(self.text, width)[self.starts[column]]
        if int(sizes.min()) < width:
            found *= np.arange(width, dtype=np.uint8) < sizes[:, None]
        return found


def cut(text: bytes) -> tuple[bytes, AtomRows] | None:
    """Take the atom rows out of an mmCIF.

    Returns
    -------
    (bytes, AtomRows) or None
        The text with one row of the word `MARK` in place of the rows, and the rows. None where they are not all
        written plainly. Whoever reads the text has to find that row in ``_atom_site``: the loop that was cut may
        stand in a comment or in a longer text.
    """
    found = _TAGS.search(text)
    if found is None or MARK.encode() in text:
        return None
    last = _END.search(text, found.end())
    end = last.start() + 1 if last else len(text)
    tags = tuple(tag.removeprefix("_atom_site.").lower() for tag in found[1].decode().split())
    rows = text[found.end() : end]
    rows += b"\n" * (not last)
    cells = _cells(rows, len(tags)) if len(set(tags)) == len(tags) else None
    if cells is None:
        return None
    marked = " ".join([MARK] * len(tags)).encode() + b"\n"
    return text[: found.end()] + marked + text[end:], AtomRows(*cells, tags)


def _cells(rows: bytes, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Text of rows, first byte and size of each cell (columns, n); None where rows are not plain."""
    n = rows.count(b"\n")
    starts, sizes = np.empty((columns, n), dtype=np.uint32), np.empty((columns, n), dtype=np.uint8)
    first, row = 0, 0
    while first < len(rows):
        last = rows.rfind(b"\n", first, first + _PIECE_BYTES) + 1
        found = _cells_of_piece(rows[first:last], columns) if last else None
        if found is None or len(rows) >= 1 << 32:
            return None
        more = slice(row, row + found[0].shape[1])
        np.add(found[0], first, out=starts[:, more], casting="unsafe")
        sizes[:, more] = found[1]
        first, row = last, more.stop
    return np.frombuffer(rows + bytes(LONGEST), dtype=np.uint8), starts, sizes


def _cells_of_piece(piece: bytes, columns: int) -> tuple[np.ndarray, np.ndarray] | None:
    """First byte and size of each cell (columns, n) of some whole rows."""
    if piece.translate(None, _PLAIN):
        return None
    text = np.frombuffer(piece, dtype=np.uint8)
    blank = text <= 32
    edges = np.flatnonzero(blank[1:] != blank[:-1]) + 1  # a row begins with a letter: an end, a start, …, an end
    lines = np.flatnonzero(text == 10)
    if len(edges) + 1 != 2 * columns * len(lines):
        return None
    starts, ends = np.concatenate([[0], edges[1::2]]).reshape(-1, columns), edges[::2].reshape(-1, columns)
    sizes = ends - starts
    if (starts[1:, 0] != lines[:-1] + 1).any() or sizes.max() > LONGEST:
        return None
    opening = text[starts]
    quoted = (opening == ord("'")) | (opening == ord('"'))
    if quoted.any() and ((sizes[quoted] < 2) | (text[ends[quoted] - 1] != opening[quoted])).any():
        return None  # a quoted cell with a space in it
    return starts.T, sizes.T


def decimals(characters: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers from their characters, rounded as a parser of numbers rounds.

    A number of up to 15 digits is a whole number over a power of ten, both exact, and a division rounds correctly.

    Parameters
    ----------
    characters : ndarray, uint8, shape (longest, n)
        One number a column, 0 beyond its end.
    sizes : ndarray of int, shape (n,)
        Characters of each.

    Returns
    -------
    values : ndarray, float, shape (n,)
    plain : ndarray, bool, shape (n,)
        Where the cell is digits, with or without a sign - before and a point between them; elsewhere `values` means
        nothing.
    """
    n = characters.shape[1]
    whole, digits = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.uint8)
    point = np.zeros(n, dtype=np.uint8)  # 1 + its place
    points = np.zeros(n, dtype=np.uint8)
    for place, character in enumerate(characters):
        digit = character - np.uint8(ord("0"))
        is_digit = digit <= 9
        np.copyto(whole, whole * 10 + digit, where=is_digit)
        digits += is_digit
        is_point = character == ord(".")
        points += is_point
        point[is_point] = place + 1
    negative = characters[0] == ord("-")
    after = np.where(points > 0, sizes - point, 0)
    plain = (digits + points + negative == sizes) & (digits <= MOST_DIGITS) & (points <= 1) & (digits > after)
    plain &= (points == 0) | (after > 0)
    values = whole / (10.0 ** np.arange(LONGEST + 1))[: MOST_DIGITS + 1][np.where(plain, after, 0)]
    return np.where(negative, -values, values), plain
