"""A map file, read once, becomes the box of density around a model, with its frame.

The file is streamed section by section; only the box is kept, so a map larger
than memory costs no more than its box. Coordinates are Å in x, y, z; arrays
are indexed z, y, x.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from isal import igzip, igzip_threaded, isal_zlib
from mrcfile.dtypes import HEADER_DTYPE
from mrcfile.utils import dtype_from_mode

from qscore.errors import UnusableEntry

HEADER_BYTES = 1024
MODES = (0, 1, 2, 6, 12)
ORIGIN_RULES = ("auto", "nstart", "origin")
MOST_COMPRESSED = 1100  # deflate cannot pack tighter than about 1 : 1,032
MOST_OF_A_SECTION = 1 << 30  # bytes: it is read whole; those of the largest maps have some 20 MB
MOST_BEHIND = 256 << 20  # bytes behind the data: more are no padding
_CHUNK_BYTES = 4 << 20
_LEAST_VOXEL = 0.02  # Å: a tenth of the smallest there are; what is near a point becomes endless
_AHEAD_BYTES = 3 << 20  # three such blocks are decompressed ahead, out of eight times as much of the file


@dataclass(frozen=True)
class MapHeader:
    """What a CCP4/MRC header says, in file order (column, row, section) unless noted.

    Attributes
    ----------
    shape, start : tuple of int
        Points and N*START along column, row and section.
    axes : tuple of int
        Which of x, y, z (0, 1, 2) runs along column, row and section.
    sampling : tuple of int
        MX, MY, MZ: intervals along the cell edges x, y, z.
    cell : tuple of float
        Cell edges x, y, z in Å.
    origin : tuple of float
        Header words 50-52, Å, x, y, z (NaN read as 0).
    dtype : numpy.dtype
        Of the data, with its byte order.
    extended : int
        Bytes of the extended header (NSYMBT).
    """

    shape: tuple[int, int, int]
    start: tuple[int, int, int]
    axes: tuple[int, int, int]
    sampling: tuple[int, int, int]
    cell: tuple[float, float, float]
    origin: tuple[float, float, float]
    dtype: np.dtype
    extended: int

    @property
    def step(self) -> np.ndarray:
        """Voxel size, Å, x y z: cell / M, never cell / N."""
        return np.array(self.cell) / np.array(self.sampling)

    def in_xyz(self, by_file_axis) -> np.ndarray:
        """Three numbers in file order → x, y, z order."""
        return np.array([by_file_axis[self.axes.index(axis)] for axis in range(3)])

    @property
    def data_bytes(self) -> int:
        return int(np.prod(self.shape, dtype=object)) * self.dtype.itemsize


@dataclass(frozen=True)
class Density:
    """The density around a model and the frame it lies in.

    Attributes
    ----------
    values : ndarray, float32, shape (nz, ny, nx)
        The box kept of the grid.
    offset : ndarray, int, shape (3,)
        Index of the box's first point in the whole grid, x y z.
    grid : ndarray, int, shape (3,)
        Points of the whole grid, x y z. Beyond it the map is outside.
    step : ndarray, float, shape (3,)
        Voxel size, Å, x y z.
    origin : ndarray, float, shape (3,)
        Position of the whole grid's point 0, 0, 0, Å, x y z.
    origin_rule : str
        ``nstart`` or ``origin``: which header words gave `origin`.
    other_origin : ndarray, float, shape (3,)
        Where the other rule would put the map, Å.
    notes : tuple of str
        What is odd about the file, for people.
    header : MapHeader, optional
        Of the file.
    """

    values: np.ndarray
    offset: np.ndarray
    grid: np.ndarray
    step: np.ndarray
    origin: np.ndarray
    origin_rule: str = "nstart"
    other_origin: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    header: MapHeader | None = None

    @property
    def whole(self) -> bool:
        """Whether the box is the whole grid."""
        return self.values.shape == tuple(self.grid[::-1])

    def contains(self, positions: np.ndarray) -> np.ndarray:
        """Which positions (n, 3), Å, lie inside the whole grid → bool (n,)."""
        index = (positions - self.origin) / self.step
        return ((index >= 0) & (index <= self.grid - 1)).all(axis=1)

    def around(self, positions: np.ndarray, *, margin: float = 3.0) -> Density:
        """The part that `read_density` keeps around positions (n, 3), Å, as far as the box held reaches; a copy."""
        low, high = _box(positions, self.origin, self.step, self.grid, margin)
        first = np.clip(low - self.offset, 0, self.values.shape[::-1])
        last = np.clip(high - self.offset, first, self.values.shape[::-1])
        z, y, x = (slice(int(a), int(b)) for a, b in zip(first[::-1], last[::-1], strict=True))
        return replace(self, values=np.ascontiguousarray(self.values[z, y, x]), offset=self.offset + first)


def whole_grid(values: np.ndarray, *, step, origin=(0.0, 0.0, 0.0)) -> Density:
    """A density from an array in memory.

    Parameters
    ----------
    values : array_like, shape (nz, ny, nx)
    step : float or (3,) array_like
        Voxel size, Å.
    origin : (3,) array_like
        Position of ``values[0, 0, 0]``, Å, x y z.
    """
    values = np.ascontiguousarray(values, dtype=np.float32)
    return Density(
        values=values,
        offset=np.zeros(3, dtype=np.int64),
        grid=np.array(values.shape[::-1], dtype=np.int64),
        step=np.broadcast_to(np.asarray(step, dtype=float), (3,)).copy(),
        origin=np.asarray(origin, dtype=float),
    )


def read_density(path, around=None, *, margin: float = 3.0, origin_rule: str = "auto", passing=None) -> Density:
    """Read the part of a map that lies around some positions.

    Parameters
    ----------
    path : path-like
        CCP4/MRC file, gzip-compressed or not (told by its bytes).
    around : ndarray, shape (n, 3), optional
        Positions in Å; the box holds them plus `margin` plus a voxel.
        None keeps the whole grid.
    margin : float
        Å kept beyond the outermost positions.
    origin_rule : {"auto", "nstart", "origin"}
        Frame of the map. ``nstart``: position = (N*START + index) * cell / M,
        as MapQ and ChimeraX read EMDB files; ``origin``: header words 50-52.
        ``auto``: ``origin`` for .mrc files in which it is set, else ``nstart``.
    passing : object, optional
        Sees every section of the file as it is read, also of those that are not kept: told
        ``begin(header, origin)`` first, then ``add(sections)``, float32 (count, rows, columns), in order.

    Returns
    -------
    Density
        With an empty box when no position is near the grid.

    Raises
    ------
    UnusableEntry
        The file is missing, is not a map, ends early or is damaged.
    ValueError
        `origin_rule` is none of the three.
    """
    with opened(path) as stream:
        density, rest = read_box(stream, path, around, margin=margin, origin_rule=origin_rule, passing=passing)
        rest()
    return density


def read_box(
    stream, path, around=None, *, margin: float = 3.0, origin_rule: str = "auto", passing=None
) -> tuple[Density, Callable[[], None]]:
    """As `read_density`, from a stream of `opened`: the density, and a function that reads what comes after its box.

    Only when that has been called is the file known to be whole, and has `passing` seen all of it.
    """
    path = Path(path)
    if origin_rule not in ORIGIN_RULES:
        raise ValueError(f"origin rule {origin_rule!r}; expected one of {', '.join(ORIGIN_RULES)}")
    header = parse_header(stream.read(HEADER_BYTES), path.name)
    rule, origin, other, notes = _frame(header, path, origin_rule)
    grid = header.in_xyz(header.shape)
    low, high = _box(around, origin, header.step, grid, margin)
    extended = _extended_bytes(header, path)
    if passing is not None:  # only now: what it makes is as large as the header says
        passing.begin(header, origin)
    _skip(stream, extended, path)
    values, rest = _read_box(stream, header, low, high, path, passing)
    return Density(values, low, grid, header.step, origin, rule, other, notes, header), rest


def parse_header(raw: bytes, name: str = "map") -> MapHeader:
    """The first 1,024 bytes of a file → a checked header.

    Raises
    ------
    UnusableEntry
        ``map_truncated``, ``map_unreadable``, ``map_not_volume`` or ``map_non_orthogonal``.
    """
    if len(raw) < HEADER_BYTES:
        raise UnusableEntry("map_truncated", f"{name}: {len(raw)} bytes, a header has {HEADER_BYTES}")
    order = _byte_order(raw, name)
    words = np.frombuffer(raw, dtype=HEADER_DTYPE.newbyteorder(order))[0]
    shape = tuple(int(words[key]) for key in ("nx", "ny", "nz"))
    sampling = tuple(int(words[key]) for key in ("mx", "my", "mz"))
    cell = tuple(float(words["cella"][key]) for key in "xyz")
    _check_cell(shape, sampling, cell, words["cellb"], name)
    return MapHeader(
        shape=shape,
        start=tuple(int(words[key]) for key in ("nxstart", "nystart", "nzstart")),
        axes=_axes(words, name),
        sampling=sampling,
        cell=cell,
        origin=tuple(float(np.nan_to_num(words["origin"][key], posinf=0, neginf=0)) for key in "xyz"),
        dtype=dtype_from_mode(int(words["mode"])).newbyteorder(order),
        extended=max(int(words["nsymbt"]), 0),
    )


def _byte_order(raw: bytes, name: str) -> str:
    """The order in which mode and axes make sense; where both do (int8, axes 0 0 0) that of the smaller size."""
    fitting, modes = [], []
    for order in "<>":
        words = np.frombuffer(raw, dtype=HEADER_DTYPE.newbyteorder(order))[0]
        axes = [int(words[key]) for key in ("mapc", "mapr", "maps")]
        if min(axes) >= 0 and max(axes) < 256 and 0 <= words["mode"] < 256:
            if words["mode"] in MODES:
                fitting.append((int(words["nx"]) % 2**32, order))
            modes.append(int(words["mode"]))
    if fitting:
        return min(fitting)[1]
    if modes and raw[208:211] == b"MAP":
        raise UnusableEntry("map_unreadable", f"{name}: mode {modes[0]}; expected one of 0, 1, 2, 6, 12")
    raise UnusableEntry("map_unreadable", f"{name}: not a CCP4/MRC map (begins with {raw[:16]!r})")


def _axes(words, name: str) -> tuple[int, int, int]:
    """MAPC, MAPR, MAPS as 0, 1, 2; headers that leave them 0 0 0 mean 1 2 3."""
    axes = tuple(int(words[key]) for key in ("mapc", "mapr", "maps"))
    if axes == (0, 0, 0):
        axes = (1, 2, 3)
    if sorted(axes) != [1, 2, 3]:
        raise UnusableEntry("map_unreadable", f"{name}: axis order {axes}; expected 1, 2, 3 in some order")
    return tuple(axis - 1 for axis in axes)


def _check_cell(shape, sampling, cell, angles, name: str) -> None:
    if min(shape) < 1 or max(shape) > 65535:
        raise UnusableEntry("map_unreadable", f"{name}: {shape} points; expected 1 to 65,535 along each axis")
    if min(shape) < 2:
        raise UnusableEntry("map_not_volume", f"{name}: {shape} points; a volume has at least 2 along each axis")
    if min(sampling) < 1 or not all(np.isfinite(cell)) or min(cell) <= 0:
        raise UnusableEntry("map_unreadable", f"{name}: cell {cell} Å in {sampling} intervals; expected positive")
    if min(voxel := np.divide(cell, sampling)) < _LEAST_VOXEL:
        raise UnusableEntry("map_unreadable", f"{name}: voxel {min(voxel):g} Å; expected at least {_LEAST_VOXEL:g}")
    given = [float(angles[key]) for key in ("alpha", "beta", "gamma")]
    if any(given) and not np.allclose(given, 90, atol=0.01):
        raise UnusableEntry("map_non_orthogonal", f"{name}: cell angles {given}; only 90, 90, 90 is read")


def _frame(header: MapHeader, path: Path, rule: str):
    """Origin rule, the origin by it, by the other rule, and notes."""
    by_start = header.in_xyz(header.start) * header.step
    by_origin = np.array(header.origin)
    differ = not np.allclose(by_start, by_origin, atol=1e-3)
    notes = []
    if rule == "auto":
        name = path.name.lower().removesuffix(".gz")
        rule = "origin" if name.endswith((".mrc", ".mrcs")) and by_origin.any() else "nstart"
        if differ and by_start.any() and by_origin.any():
            notes.append(
                f"both N*START ({_triple(by_start)} Å) and ORIGIN ({_triple(by_origin)} Å) are set and differ; "
                f"{rule} is used, --origin chooses"
            )
    chosen, other = (by_origin, by_start) if rule == "origin" else (by_start, by_origin)
    return rule, chosen.astype(float), other.astype(float), tuple(notes)


def _triple(vector) -> str:
    return ", ".join(f"{number:g}" for number in np.round(vector, 3))


def _box(around, origin, step, grid, margin):
    """First and last-plus-one grid index, x y z, of the box around positions."""
    if around is None:
        return np.zeros(3, dtype=np.int64), grid.astype(np.int64)
    low = np.floor((np.min(around, axis=0) - margin - origin) / step) - 1
    high = np.ceil((np.max(around, axis=0) + margin - origin) / step) + 2
    low = np.clip(low, 0, grid).astype(np.int64)
    return low, np.maximum(np.clip(high, 0, grid).astype(np.int64), low)


@contextmanager
def opened(path, *, ahead: bool = False):
    """The bytes of a map, decompressed when they are gzip; damage becomes `UnusableEntry`.

    With `ahead` another thread decompresses some megabytes before they are asked for, from now on.
    """
    path = Path(path)
    try:
        with open(path, "rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with _decompressing(raw, ahead) if zipped else raw as stream:
                yield stream
    except FileNotFoundError as err:
        raise UnusableEntry("map_missing", f"no such file: {path}") from err
    except EOFError as err:
        raise UnusableEntry("map_truncated", f"{path.name}: the gzip stream ends early") from err
    except (isal_zlib.error, igzip.BadGzipFile) as err:
        raise UnusableEntry("map_damaged", f"{path.name}: {err}") from err
    except OSError as err:
        raise UnusableEntry("map_unreadable", f"{path}: {err.strerror or err}") from err


def _decompressing(raw, ahead: bool):
    return igzip_threaded.open(raw, "rb", block_size=_AHEAD_BYTES) if ahead else igzip.open(raw, "rb")


def _read_box(stream, header: MapHeader, low, high, path: Path, passing):
    """Stream the data to the end of the box, which is kept, float32 in z, y, x order; and what reads the rest."""
    first = [int(low[axis]) for axis in header.axes]
    last = [int(high[axis]) for axis in header.axes]
    box = np.empty([last[k] - first[k] for k in (2, 1, 0)], dtype=np.float32)
    wanted = (0, header.shape[2]) if passing else (first[2], last[2])
    sections = _seen(_sections(stream, header, wanted, path), passing)
    for section, block in sections:
        begin, end = max(section, first[2]), min(section + len(block), last[2])
        if begin < end:
            kept = block[begin - section : end - section, first[1] : last[1], first[0] : last[0]]
            box[begin - first[2] : end - first[2]] = kept
        if end == last[2]:
            break

    def rest():
        """Read on to the end, so that a gzip trailer's checksum is verified."""
        for _ in sections:
            pass
        _drain(stream, path)

    by_file_axis = {axis: 2 - k for k, axis in enumerate(header.axes)}
    return np.ascontiguousarray(box.transpose(by_file_axis[2], by_file_axis[1], by_file_axis[0])), rest


def _seen(sections, passing):
    """Runs of sections, shown to `passing` on their way."""
    for section, block in sections:
        if passing is not None:
            block = np.ascontiguousarray(block, dtype=np.float32)
            passing.add(block)
        yield section, block


def _sections(stream, header: MapHeader, wanted: tuple[int, int], path: Path):
    """Number of the first and data of each run of wanted sections; the others are read and passed over."""
    columns, rows, count = header.shape
    section_bytes = rows * columns * header.dtype.itemsize
    _skip(stream, wanted[0] * section_bytes, path)
    per_read = max(1, _CHUNK_BYTES // section_bytes)
    for section in range(wanted[0], wanted[1], per_read):
        n = min(per_read, wanted[1] - section)
        raw = _exactly(stream, n * section_bytes, path)
        yield section, np.frombuffer(raw, dtype=header.dtype).reshape(n, rows, columns)
    _skip(stream, (count - wanted[1]) * section_bytes, path)


def _extended_bytes(header: MapHeader, path: Path) -> int:
    """NSYMBT, or 0 where it claims what is not there (EMD-1042, 1048, 1089). A file that is too small is refused."""
    without = HEADER_BYTES + header.data_bytes
    with open(path, "rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        size = raw.seek(0, 2)
        if size * (MOST_COMPRESSED if zipped else 1) < without:
            raise UnusableEntry(
                "map_truncated", f"{path.name}: {size:,} bytes cannot hold {header.data_bytes:,} of data"
            )
        if zipped:
            raw.seek(-4, 2)
            size, without = int.from_bytes(raw.read(4), "little"), without % 2**32
    if 4 * header.shape[0] * header.shape[1] > MOST_OF_A_SECTION:
        raise UnusableEntry("map_unreadable", f"{path.name}: {header.shape[0]} x {header.shape[1]} points in a section")
    return 0 if size == without else header.extended


def _exactly(stream, count: int, path: Path) -> bytearray:
    """`count` bytes of the stream, or `map_truncated`."""
    raw = bytearray(count)
    view, filled = memoryview(raw), 0
    while filled < count:
        got = stream.readinto(view[filled:])
        if not got:
            raise UnusableEntry("map_truncated", f"{path.name}: {count - filled:,} bytes of data are missing")
        filled += got
    return raw


def _skip(stream, count: int, path: Path) -> None:
    """Pass over bytes, reading them: a gzip stream is checked on the way."""
    while count > 0:
        count -= len(_exactly(stream, min(count, _CHUNK_BYTES), path))


def _drain(stream, path: Path) -> None:
    behind = 0
    while more := stream.read(_CHUNK_BYTES):
        behind += len(more)
        if behind > MOST_BEHIND:
            raise UnusableEntry("map_damaged", f"{path.name}: more than {MOST_BEHIND:,} bytes behind the data")
