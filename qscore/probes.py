"""Where to look: directions on a sphere, radii, and which atoms are near which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Method:
    """The constants of the Q-score (Pintilie et al. 2020, Nat. Methods 17:328; MapQ 2.9.7).

    Attributes
    ----------
    n_shells : int
        Shells beyond radius 0.
    spacing : float
        Distance of shells, Å; a whole number of them is 1 Å.
    points : int
        Points a shell must keep, and points of its first try.
    more : int
        Points added from try to try.
    tries : int
        Tries a shell gets.
    exclusion : float
        A point at radius R is dropped when another atom is nearer than this times R.
    """

    n_shells: int = 20
    spacing: float = 0.1
    points: int = 8
    more: int = 2
    tries: int = 50
    exclusion: float = 0.9

    @property
    def radii(self) -> np.ndarray:
        """Radii of the shells from 0, Å, shape (n_shells + 1,)."""
        return np.arange(self.n_shells + 1) / round(1 / self.spacing)

    @property
    def reach(self) -> float:
        """Distance within which another atom can drop a point, Å."""
        return (1 + self.exclusion) * float(self.radii[-1])


METHOD = Method()
CHUNK = 32  # directions tested at once; `lanes.LANES`


LINE = 64  # bytes the processor reads at once


def aligned(*shape: int, dtype=np.float64) -> np.ndarray:
    """An array, nothing in it, that begins where one of the processor's lines does."""
    count, size = int(np.prod(shape)), np.dtype(dtype).itemsize
    whole = np.empty(count + LINE // size, dtype=dtype)
    first = -whole.__array_interface__["data"][0] % LINE // size
    return whole[first : first + count].reshape(shape)


@cache
def directions(n: int) -> np.ndarray:
    """Points of the generalised spiral on the unit sphere.

    Parameters
    ----------
    n : int
        Number of points, at least 2.

    Returns
    -------
    ndarray, shape (n, 3)
        Unit vectors x, y, z.

    Notes
    -----
    Saff & Kuijlaars 1997, Math. Intelligencer 19:5, as MapQ uses it:
    h = -1 + 2(k-1)/(n-1), phi = arccos h, theta_k = theta_{k-1} + 3.6 / sqrt(n (1 - h^2)),
    theta of the first and the last point 0.
    """
    height = -1.0 + 2.0 * np.arange(n) / (n - 1)
    phi = np.arccos(height)
    theta = np.zeros(n)
    for k in range(1, n - 1):
        theta[k] = (theta[k - 1] + 3.6 / np.sqrt(n * (1.0 - height[k] ** 2))) % (2.0 * np.pi)
    return np.stack([np.sin(phi) * np.cos(theta), np.sin(phi) * np.sin(theta), np.cos(phi)], axis=1)


@cache
def direction_sets(method: Method = METHOD) -> tuple[np.ndarray, np.ndarray]:
    """The directions of all tries, one set after the other.

    Returns
    -------
    vectors : ndarray, shape (m, 3)
        x, y and z of all directions.
    starts : ndarray of int, shape (tries + 1,)
        Set t is ``vectors[starts[t]:starts[t + 1]]``.
    """
    sizes = method.points + method.more * np.arange(method.tries)
    vectors = np.concatenate([directions(int(size)) for size in sizes])
    return vectors, np.concatenate([[0], np.cumsum(sizes)])


@cache
def direction_lanes(method: Method = METHOD) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The sets of `direction_sets` as the compiled loop reads them, in chunks of 32 directions.

    Returns
    -------
    lanes : ndarray, float32, shape (chunks, 4, 32)
        x, y and z of a direction; and -inf, or inf where a set has no more of them.
    ways : ndarray, shape (chunks, 3, 32)
        x, y and z in double precision.
    firsts, sizes : ndarray of int, shape (tries,)
        Set t begins with chunk ``firsts[t]`` and has ``sizes[t]`` directions.
    """
    vectors, starts = direction_sets(method)
    sizes = np.diff(starts)
    chunks = np.concatenate([[0], np.cumsum(-(-sizes // CHUNK))])
    place = np.arange(starts[-1]) + np.repeat(CHUNK * chunks[:-1] - starts[:-1], sizes)
    chunk, lane = np.divmod(place, CHUNK)
    lanes, ways = aligned(int(chunks[-1]), 4, CHUNK, dtype=np.float32), aligned(int(chunks[-1]), 3, CHUNK)
    lanes[:, :3], lanes[:, 3], ways[:] = 0.0, np.inf, 0.0
    lanes[chunk, :3, lane], lanes[chunk, 3, lane], ways[chunk, :, lane] = vectors, -np.inf, vectors
    return lanes, ways, chunks[:-1], sizes


def reference_gaussian(sigma: float, method: Method = METHOD) -> np.ndarray:
    """exp(-R² / 2 sigma²) at the shells' radii; `sigma` in Å."""
    return np.exp(-0.5 * (method.radii / sigma) ** 2)


@dataclass(frozen=True)
class CellList:
    """Atoms sorted into cubic cells.

    Attributes
    ----------
    order : ndarray of int, shape (n,)
        Atom numbers, cell by cell.
    starts : ndarray of int, shape (cells + 1,)
        Cell c holds ``order[starts[c]:starts[c + 1]]``; x runs slowest.
    packed : ndarray, shape (3, n)
        Positions in that order, Å, x y z: neighbours are read one after the other.
    low : ndarray, shape (3,)
        Corner of the first cell, Å.
    shape : ndarray of int, shape (3,)
        Cells along x, y, z.
    size : float
        Edge of a cell, Å.
    """

    order: np.ndarray
    starts: np.ndarray
    packed: np.ndarray
    low: np.ndarray
    shape: np.ndarray
    size: float


MOST_CELLS = 1 << 24


def cell_list(positions: np.ndarray, *, reach: float = METHOD.reach) -> CellList:
    """Sort atoms into cells no smaller than `reach`, so that neighbours lie in adjacent ones.

    Parameters
    ----------
    positions : ndarray, shape (n, 3)
        Finite coordinates, Å.
    reach : float
        Å.
    """
    along = np.ascontiguousarray(positions.T)
    low, extent = along.min(axis=1), np.ptp(along, axis=1)
    size = reach
    while np.prod(extent // size + 1) > MOST_CELLS:
        size *= 2
    shape = (extent // size).astype(np.int64) + 1
    x, y, z = np.minimum(((along - low[:, None]) / size).astype(np.int64), shape[:, None] - 1)
    cell, cells = (x * shape[1] + y) * shape[2] + z, int(np.prod(shape))
    order = sorting(cell, cells)
    starts = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=cells))])
    return CellList(order, starts, np.take(along, order, axis=1), low, shape, size)


def sorting(numbers: np.ndarray, most: int) -> np.ndarray:
    """What sorts whole numbers from 0 to `most`, equal ones in their order; the fewer bits they have, the sooner."""
    return np.argsort(numbers.astype(np.min_scalar_type(most)), kind="stable")
