"""Whether a file that came is whole: its compression, and what its header promises against what is there.

Archives publish no checksums. A file is whole when its gzip trailer agrees
and a map's header finds its data. What is odd about a whole file is for
`qscore.density` and `qscore.model` to say; nothing they would score is
refused here. Files are streamed: memory does not grow with them.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

from isal import igzip, isal_zlib

from qscore.density import HEADER_BYTES, MapHeader, parse_header
from qscore.errors import UnusableEntry

_PIECE = 1 << 20
_GZIP = b"\x1f\x8b"
_LONGEST_LINE = 1 << 16


def crc32(path) -> int:
    """CRC-32 of a file's bytes."""
    total, buffer = 0, memoryview(bytearray(_PIECE))
    with open(path, "rb", buffering=0) as stream:
        while count := stream.readinto(buffer):
            total = isal_zlib.crc32(buffer[:count], total)
    return total


def check_map(path) -> None:
    """Checks that a map is whole, as far as its bytes tell.

    Parameters
    ----------
    path : path-like
        CCP4/MRC file, gzip-compressed or not (told by its bytes).

    Raises
    ------
    UnusableEntry
        ``map_missing``; ``map_unreadable``: no map at all, a web page for example; ``map_damaged``: the gzip stream
        is; ``map_truncated``: the stream or the data end early.
    """
    path = Path(path)
    with _bytes_of(path, missing="map_missing", early="map_truncated", damaged="map_damaged") as stream:
        beginning = stream.read(HEADER_BYTES)
        header = _header(beginning, path.name)
        size = len(beginning) + _rest(stream)
    if header is not None:
        _check_size(header, size, path.name)


def _header(beginning: bytes, name: str) -> MapHeader | None:
    """The header; None where it is one, but of a map that the scorer will refuse: that does not make it damaged."""
    if beginning and b"\0" not in beginning[:16]:  # of any three sizes below 65,536 half of the bytes are 0
        raise UnusableEntry("map_unreadable", f"{name}: not a map but text (begins with {beginning[:16]!r})")
    try:
        return parse_header(beginning, name)
    except UnusableEntry as err:
        if err.reason in ("map_not_volume", "map_non_orthogonal"):
            return None
        raise


def _check_size(header: MapHeader, size: int, name: str) -> None:
    """Refuses a map with fewer bytes than its header promises, as `read_density` counts them.

    An NSYMBT that claims what is not there is overlooked when the data alone fill the file (EMD-1042, 1048, 1089).
    """
    without = HEADER_BYTES + header.data_bytes
    if size != without and size < without + header.extended:
        promised = without + header.extended
        raise UnusableEntry("map_truncated", f"{name}: {size:,} bytes; the header promises {promised:,}")


def check_model(path) -> None:
    """Checks that a model is whole mmCIF: its gzip stream, if it is one, and a first word ``data_…``.

    Raises
    ------
    UnusableEntry
        ``model_missing`` or ``model_unreadable``.
    """
    path = Path(path)
    why = "model_unreadable"
    with _bytes_of(path, missing="model_missing", early=why, damaged=why) as stream:
        word = _first_word(stream)
        if not word.lower().startswith(b"data_"):
            raise UnusableEntry(why, f"{path.name}: not mmCIF (begins with {word[:16]!r}); expected data_…")
        _rest(stream)


def _first_word(stream) -> bytes:
    """The first word that is not in a comment; b"" when there is none."""
    beginning = stream.readline(_LONGEST_LINE).removeprefix(b"\xef\xbb\xbf")
    while beginning:
        words = beginning.split(None, 1)
        if words and not words[0].startswith(b"#"):
            return words[0]
        beginning = stream.readline(_LONGEST_LINE)
    return b""


def _rest(stream) -> int:
    """Reads to the end, so that the gzip trailer is verified; how many bytes there were."""
    total, buffer = 0, bytearray(_PIECE)
    while count := stream.readinto(buffer):
        total += count
    return total


@contextmanager
def _bytes_of(path: Path, *, missing: str, early: str, damaged: str):
    """The bytes of a file, decompressed when they are gzip; what is wrong with them gets the reason named."""
    try:
        with open(path, "rb") as raw:
            zipped = raw.read(2) == _GZIP
            raw.seek(0)
            with igzip.open(raw, "rb") if zipped else raw as stream:
                yield stream
    except FileNotFoundError as err:
        raise UnusableEntry(missing, f"no such file: {path}") from err
    except EOFError as err:
        raise UnusableEntry(early, f"{path.name}: the gzip stream ends early") from err
    except (isal_zlib.error, igzip.BadGzipFile) as err:
        raise UnusableEntry(damaged, f"{path.name}: the gzip stream is damaged ({err})") from err
