"""Which of many atoms are near some sections of a box, and how near: so that a box is worked on a few at a time."""

from __future__ import annotations

import numpy as np

from qscore.compiled import loops


class Stripes:
    """Atoms by section of a periodic box.

    Parameters
    ----------
    place : ndarray, shape (n,)
        Of the atoms along z, in sections.
    reach : float
        How many sections an atom reaches in either direction.
    nz : int
        Sections of the box.
    """

    def __init__(self, place: np.ndarray, reach: float, nz: int):
        place = np.mod(place, nz)
        self._order = np.argsort(place, kind="stable")
        self._place, self._reach, self._nz = place[self._order], reach + 1e-6 * nz, nz

    def reaching(self, part: slice) -> np.ndarray:
        """Numbers of the atoms that reach some sections, in order; a few more, maybe."""
        found = [self._within(part.start + turn, part.stop - 1 + turn) for turn in (-self._nz, 0, self._nz)]
        return np.unique(np.concatenate(found))

    def _within(self, first: int, last: int) -> np.ndarray:
        low, high = np.searchsorted(self._place, [first - self._reach, last + self._reach])
        return self._order[low:high]


class Nearest:
    """How near the nearest of some positions are to the points of a box.

    Parameters
    ----------
    shape : tuple of int
        Points of the box, z, y, x.
    origin, step : ndarray, shape (3,)
        Position of its point 0 and voxel size, Å, x y z.
    positions : ndarray, shape (n, 3)
        Å, x y z; finite.
    reach : float
        Å.
    """

    def __init__(self, shape, origin: np.ndarray, step: np.ndarray, positions: np.ndarray, reach: float):
        self._shape, self._origin, self._step, self._reach = shape, origin, step, reach
        self._positions = positions[np.argsort(positions[:, 2])]

    def squared(self, part: slice) -> np.ndarray | None:
        """Squared distances, Å², at the points of some sections, float32: right up to `reach`, no less beyond.

        None when no position is near.
        """
        ends = self._origin[2] + self._step[2] * np.array([part.start - 1, part.stop]) + [-self._reach, self._reach]
        some = slice(*np.searchsorted(self._positions[:, 2], ends))
        if some.start == some.stop:
            return None
        nearest = np.full((part.stop - part.start, *self._shape[1:]), np.inf, dtype=np.float32)
        place = part.start, self._origin, self._step, self._positions[some], self._reach
        loops().nearest_squared(nearest, *place, np.empty(self._shape[2], dtype=np.float32))
        return nearest
