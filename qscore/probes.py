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
        Distance of shells, Å.
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
    vectors : ndarray, shape (3, m)
        x, y and z of all directions.
    starts : ndarray of int, shape (tries + 1,)
        Set t is ``vectors[:, starts[t]:starts[t + 1]]``.
    """
    sizes = method.points + method.more * np.arange(method.tries)
    vectors = np.concatenate([directions(int(size)) for size in sizes])
    return np.ascontiguousarray(vectors.T), np.concatenate([[0], np.cumsum(sizes)])


@cache
def direction_blocks(method: Method = METHOD) -> tuple[np.ndarray, np.ndarray]:
    """The sets of `direction_sets` in blocks of eight, each set's last filled with NaN.

    Returns
    -------
    blocks : ndarray, shape (n, 3, 8)
        x, y and z of eight directions.
    firsts : ndarray of int, shape (tries + 1,)
        Set t is ``blocks[firsts[t]:firsts[t + 1]]``.
    """
    vectors, starts = direction_sets(method)
    firsts = np.concatenate([[0], np.cumsum(-(-np.diff(starts) // 8))])
    blocks = np.full((firsts[-1], 3, 8), np.nan)
    for t, first in enumerate(firsts[:-1]):
        part = vectors[:, starts[t] : starts[t + 1]]
        for place in range(part.shape[1]):
            blocks[first + place // 8, :, place % 8] = part[:, place]
    return blocks, firsts


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
    low, extent = positions.min(axis=0), np.ptp(positions, axis=0)
    size = reach
    while np.prod(extent // size + 1) > MOST_CELLS:
        size *= 2
    shape = (extent // size).astype(np.int64) + 1
    cell = np.minimum(((positions - low) // size).astype(np.int64), shape - 1)
    flat = (cell[:, 0] * shape[1] + cell[:, 1]) * shape[2] + cell[:, 2]
    order = np.argsort(flat, kind="stable")
    starts = np.searchsorted(flat[order], np.arange(int(np.prod(shape)) + 1))
    return CellList(order, starts, np.ascontiguousarray(positions[order].T), low, shape, size)
