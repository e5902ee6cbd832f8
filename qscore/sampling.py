"""What the compiled loop of the score reads and fills: the call of `kernel.score_atoms`, with its scratch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qscore.compiled import loops
from qscore.density import Density
from qscore.probes import METHOD, CellList, Method, aligned, direction_lanes, reference_gaussian


@dataclass(frozen=True)
class Sampled:
    """What the loop tells of m atoms.

    Attributes
    ----------
    q : ndarray, float, shape (m, sigmas)
        NaN where not scored.
    sampled : ndarray, int32, shape (m, 3)
        Points sampled, of them on exactly constant map, of them outside the grid.
    beside : ndarray, float, shape (m, 2)
        The map at the centre, and that minus its mean at the points of the outermost shell.
    shells : ndarray, float, shape (m, n_shells + 1, 3)
        Of each shell: points, their mean, the sum of squares about it; of no atom where nobody asked.
    """

    q: np.ndarray
    sampled: np.ndarray
    beside: np.ndarray
    shells: np.ndarray

    @classmethod
    def nothing(cls, m: int, sigmas: int, *, shells: int = 0) -> Sampled:
        """Of m atoms nothing is known yet; with no `shells`, nothing about them will be."""
        unknown = [np.full(shape, np.nan) for shape in ((m, sigmas), (m, 2), (m if shells else 0, shells, 3))]
        return cls(unknown[0], np.zeros((m, 3), dtype=np.int32), *unknown[1:])

    def put(self, at: np.ndarray, part: Sampled) -> None:
        """The part's atoms in their places."""
        self.q[at], self.sampled[at], self.beside[at] = part.q, part.sampled, part.beside
        if self.shells.size:
            self.shells[at] = part.shells


def sample(
    density: Density, constant: np.ndarray, atoms: np.ndarray, cells: CellList, which: np.ndarray,
    to_mask: np.ndarray, *, sigmas, method: Method = METHOD, shells: bool = False,
) -> Sampled:  # fmt: skip
    """Sample the map around atoms that lie inside the grid.

    Parameters
    ----------
    density : Density
    constant : ndarray, uint8
        Points of exactly constant map, shape of the box; (0, 0, 0) for none.
    atoms : ndarray, shape (n, 3)
        Å: those scored and all that can be a neighbour of one.
    cells : CellList
        Of `atoms`, no smaller than the method's reach.
    which : ndarray of int, shape (m,)
        Those to score.
    to_mask : ndarray, shape (m,)
        Their distance to the nearest constant point, Å.
    """
    found = Sampled.nothing(len(which), len(sigmas), shells=len(method.radii) * shells)
    lanes, ways, firsts, sizes = direction_lanes(method)
    references = np.array([reference_gaussian(sigma, method) for sigma in sigmas])
    most = min(27 * int(np.diff(cells.starts).max()), len(atoms))  # atoms in the cells around one
    radii, room = len(method.radii), -(-len(method.radii) * int(sizes.max() + 8) // 8) * 8
    scratch = (
        aligned(4, most + 1), aligned(most + 2, 4, dtype=np.float32), aligned(most + 1, dtype=np.int64),
        aligned(len(lanes), dtype=np.int64), aligned(radii, dtype=np.int64), aligned(radii), aligned(3),
        aligned(room, dtype=np.int64), aligned(2, 4 * room, dtype=np.float32), aligned(4, room),
    )  # fmt: skip
    loops().score_atoms(
        density.values, density.values.reshape(-1), constant, constant.reshape(-1), density.offset, density.grid,
        density.origin, density.step, atoms, cells.packed, cells.order, cells.starts, cells.low, cells.shape,
        cells.size, which, to_mask, lanes, ways, firsts, sizes, method.radii, method.radii[:, None] / density.step,
        references, method.points, method.exclusion, *scratch, found.q, found.sampled, found.beside, found.shells,
    )  # fmt: skip
    return found
