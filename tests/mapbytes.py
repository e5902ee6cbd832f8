"""CCP4/MRC files as bytes, word by word, good ones and broken ones."""

import gzip
import struct

import numpy as np

CODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}


def header_bytes(
    *,
    points,
    mode=2,
    axes=(1, 2, 3),
    order="<",
    start=(0, 0, 0),
    sampling=None,
    cell=(1.0, 1.0, 1.0),
    angles=(90.0, 90.0, 90.0),
    origin=(0.0, 0.0, 0.0),
    nsymbt=0,
    stamp=b"MAP ",
):
    """The 1,024 bytes of a header.

    `points`, `start`, `sampling`, `cell` and `origin` are x y z; points and start
    are put into file order here. `sampling` defaults to `points`.
    """
    in_file_order = [axis - 1 if axis in (1, 2, 3) else k for k, axis in enumerate(axes)]
    header = bytearray(1024)

    def put(word, code, *values):
        struct.pack_into(f"{order}{len(values)}{code}", header, 4 * (word - 1), *values)

    put(1, "i", *(points[k] for k in in_file_order), mode)
    put(5, "i", *(start[k] for k in in_file_order))
    put(8, "i", *(sampling or points))
    put(11, "f", *cell, *angles)
    put(17, "i", *axes)
    put(24, "i", nsymbt)
    put(50, "f", *origin)
    header[208:212] = stamp
    header[212:216] = b"\x44\x44\x00\x00" if order == "<" else b"\x11\x11\x00\x00"
    return bytes(header)


def map_bytes(values, *, mode=2, axes=(1, 2, 3), order="<", extended=b"", **header):
    """A whole map file; `values` are indexed z, y, x whatever `axes` says.

    NSYMBT is the length of `extended` unless `nsymbt` says otherwise; the cell
    defaults to a voxel of 1 Å.
    """
    values = np.asarray(values)
    points = values.shape[::-1]
    header.setdefault("nsymbt", len(extended))
    header.setdefault("cell", tuple(map(float, header.get("sampling") or points)))
    first = header_bytes(points=points, mode=mode, axes=axes, order=order, **header)
    section, row, column = (3 - axis if axis in (1, 2, 3) else k for k, axis in enumerate(axes[::-1]))
    stored = values.transpose(section, row, column).astype(order + CODES[mode])
    return first + extended + stored.tobytes()


def write(path, *args, **options):
    """`map_bytes` into a file, compressed when its name ends in .gz; the path."""
    raw = map_bytes(*args, **options)
    path.write_bytes(gzip.compress(raw, 1, mtime=0) if path.name.lower().endswith(".gz") else raw)
    return path


def ramp(shape=(4, 5, 6)):
    """0, 1, 2 … in z, y, x order: every point is told from every other."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
