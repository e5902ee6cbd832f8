"""Atoms of an entry → its map: density with noise, in the frame and the numbers of an MRC file."""

import numpy as np
from scipy.fft import next_fast_len
from scipy.spatial import cKDTree

from qscore.simulate import add_noise, simulate_density

MODES = {0: np.dtype("i1"), 1: np.dtype("<i2"), 2: np.dtype("<f4"), 12: np.dtype("<f2")}
PADDING = 10.0


def render(entry, atoms, rng):
    """Density of an entry with its noise, in the frame of EMDB.

    Returns
    -------
    density : ndarray of float32, shape (nz, ny, nx)
    start, intervals : ndarray of int, shape (3,)
        Grid index of the first voxel and intervals along the cell, xyz.
    atoms : structured ndarray
        The atoms moved to where the map has them.
    step : float
        Voxel size (Å).
    """
    step = round(entry.resolution / entry.sampling, 3)
    xyz = atoms["xyz"]
    points = [next_fast_len(int(n / 2) + 1) * 2 for n in (np.ptp(xyz, axis=0) + 2 * PADDING) / step]
    points, start = np.array(points), np.array(entry.start)
    middle = (xyz.min(axis=0) + xyz.max(axis=0)) / 2
    atoms = atoms.copy()
    atoms["xyz"] = np.round(xyz - middle + (start + points // 2) * step, 3)
    density = _noisy_density(entry, atoms, rng, shape=tuple(points[::-1]), step=step, origin=start * step)
    if entry.crop:
        low, high = _around(atoms["xyz"] / step - start, margin=6.0 / step, points=points)
        density, start = density[tuple(map(slice, low[::-1], high[::-1]))], start + low
    return density, start, points, atoms, step


def _noisy_density(entry, atoms, rng, *, shape, step, origin):
    xyz, limit = atoms["xyz"], {"step": step, "d_min": entry.resolution}
    occupancy = atoms["occupancy"]
    density = simulate_density(
        xyz, atoms["element"], atoms["b"], shape=shape, origin=origin, occupancy=occupancy, **limit
    )
    density = add_noise(density, rng, symmetry=symmetrise if entry.kind == "cage" else None, **limit)
    return density * _mask(xyz, shape, step, origin, entry.mask) if entry.mask else density


def symmetrise(field):
    """Sum of a periodic cubic field over the rotations of O about its middle voxel, over √24.

    White noise of unit variance stays so off the symmetry axes. The group is taken as the product of
    its subgroups 222, 3 and 2, so nine fields are added instead of 24.
    """
    field = field + _mirrored(field, 0, 1)
    field = field + _mirrored(field, 1, 2)
    field = field + field.transpose(1, 2, 0) + field.transpose(2, 0, 1)
    field = field + _mirrored(field.transpose(0, 2, 1), 0, 1, 2)
    return field / np.float32(np.sqrt(24))


def _mirrored(field, *axes):
    return np.roll(np.flip(field, axes), [1] * len(axes), axes)


def _mask(xyz, shape, step, origin, radius):
    """1 within `radius` of the atoms, 0 three Å further out, a cosine between."""
    axes = [origin[2 - k] + step * np.arange(shape[k]) for k in range(3)]
    zyx = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    distance = cKDTree(xyz).query(zyx[..., ::-1], distance_upper_bound=radius + 3.0)[0]
    edge = np.clip((distance - radius) / 3.0, 0.0, 1.0)
    return (0.5 + 0.5 * np.cos(np.pi * edge)).astype(np.float32)


def _around(indices, *, margin, points):
    low = np.maximum(np.floor(indices.min(axis=0) - margin), 0).astype(int)
    return low, np.minimum(np.ceil(indices.max(axis=0) + margin) + 1, points).astype(int)


def stored(density, mode):
    """The map in the numbers of an MRC mode, scaled to use their range."""
    rms = float(density.std())
    if mode == 0:
        return np.round(density * (127 / np.abs(density).max())).astype(MODES[0])
    if mode == 1:
        return np.round(density * min(100 / rms, 32000 / np.abs(density).max())).astype(MODES[1])
    return (density * ((1.0 if mode == 12 else 0.01) / rms)).astype(MODES[mode])


def contour(values, atoms, step):
    """Level that encloses 18 Å³ an atom, as a recommended contour does."""
    share = min(atoms * 18.0 / (values.size * step**3), 0.5)
    flat = values.astype(np.float32).ravel()
    k = int((1 - share) * (len(flat) - 1))
    return round(float(np.partition(flat, k)[k]), 5)


def map_file(entry, values, *, start, intervals, step):
    """The bytes of the map file, and the numbers its entry document repeats."""
    order = [axis - 1 for axis in entry.axes]
    values = np.ascontiguousarray(values.transpose([2 - axis for axis in reversed(order)]))
    plain = values.astype(np.float64)
    statistics = [float(f(plain)) for f in (np.min, np.max, np.mean, np.std)]
    low, high, mean, deviation = statistics
    header = np.zeros(256, dtype="<i4")
    real = header.view("<f4")
    header[0:3], header[3], header[4:7] = values.shape[::-1], entry.mode, start[order]
    header[7:10], real[10:13], real[13:16] = intervals, intervals * step, 90.0
    header[16:19], real[19:22], header[22] = entry.axes, (low, high, mean), 1
    header[27], header[55], real[54] = 20140, 1, deviation
    header.view("S4")[52:54] = b"MAP ", b"DD"
    header[56:76] = np.frombuffer(b"synthetic demonstration archive of qscore".ljust(80), dtype="<i4")
    return header.tobytes() + values.tobytes(), {
        "shape": values.shape,
        "start": start[order],
        "intervals": intervals,
        "step": step,
        "statistics": dict(zip(("minimum", "maximum", "average", "std"), statistics, strict=True)),
    }
