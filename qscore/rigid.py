"""A model as a rigid body: its mean Q wherever it is put.

What does not change when a model moves as a whole (its neighbours, the sample
of atoms) is prepared once; a shift then costs the scoring of the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qscore.density import Density
from qscore.probes import METHOD, CellList, cell_list
from qscore.sampling import sample

SIGMA = 0.4
PARTS = 8  # of a model, for the error of its place
_UNMARKED = np.zeros((0, 0, 0), dtype=np.uint8)


@dataclass(frozen=True)
class Body:
    """A sample of a model's atoms and the atoms near them.

    Attributes
    ----------
    atoms : ndarray, float, shape (n, 3)
        Å, x y z: the sample first, in its order, then all other atoms that can be a neighbour of one.
    size : int
        Atoms sampled.
    cells : CellList
        Of `atoms`.
    """

    atoms: np.ndarray
    size: int
    cells: CellList

    @property
    def sample(self) -> np.ndarray:
        """Positions of the sampled atoms (size, 3), Å."""
        return self.atoms[: self.size]

    def turned(self, turn: np.ndarray, centre: np.ndarray) -> Body:
        """The body rotated, or mirrored, by a 3 x 3 matrix about a centre (3,), Å."""
        return _body((self.atoms - centre) @ turn.T + centre, self.size)

    def q(self, density: Density, shift=(0.0, 0.0, 0.0), *, sigma: float = SIGMA, most: int | None = None):
        """Q of the sampled atoms after a shift.

        As `qscore.score.score_atoms`, but for the reasons and the distance to a mask.

        Parameters
        ----------
        density : Density
            Nothing beyond its box is read: what lies there is outside.
        shift : (3,) array_like
            Å, x y z.
        sigma : float
            Width of the reference Gaussian, Å.
        most : int, optional
            Only the first so many of the sample.

        Returns
        -------
        ndarray, float, shape (size,) or (most,)
            NaN where not scored.
        """
        count = min(self.size, most or self.size)
        origin = density.origin + density.offset * density.step - shift
        grid = np.array(density.values.shape[::-1], dtype=np.int64)
        box = Density(density.values, np.zeros(3, dtype=np.int64), grid, density.step, origin)
        inside = np.flatnonzero(box.contains(self.atoms[:count]))
        far = np.full(len(inside), np.inf)
        everywhere = np.full(count, np.nan)
        everywhere[inside] = sample(box, _UNMARKED, self.atoms, self.cells, inside, far, sigmas=(sigma,)).q[:, 0]
        return everywhere

    def mean_q(self, density: Density, shift=(0.0, 0.0, 0.0), *, most: int | None = None) -> float:
        """Mean of `q`, an atom without score counting 0: leaving the map wins nothing."""
        return float(np.nan_to_num(self.q(density, shift, most=most)).mean())


def shift_error(model: Body, density: Density, shift) -> np.ndarray:
    """Standard error of a best shift along x, y and z, by leaving out one part of the model at a time.

    Q about the best place is a parabola, whose top moves a little without each part: the jackknife over parts that
    lie apart in space (Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 11). Parts that are images
    of each other by a symmetry imposed on the map tell the same along its axis: there the error is larger.

    Parameters
    ----------
    model : Body
    density : Density
    shift : (3,) array_like
        Å, x y z: where mean Q is highest.

    Returns
    -------
    ndarray, shape (3,)
        Å; NaN along an axis where a place half a voxel off is no worse, and for fewer than 64 atoms.
    """
    if model.size < 8 * PARTS:
        return np.full(3, np.nan)
    part = _parts(model.sample)

    def without(at) -> np.ndarray:
        """Sum of Q over all but each part."""
        q = np.nan_to_num(model.q(density, at))
        return q.sum() - np.bincount(part, q, minlength=PARTS)

    here = without(shift)
    steps = np.diag(density.step / 2)
    return np.array([_spread(without(shift - one), here, without(shift + one)) for one in steps]) * density.step / 2


def _spread(before, here, after) -> float:
    """Jackknife error of the top of parabolas through values at -1, 0 and 1."""
    bend = before - 2 * here + after
    if (bend >= 0).any():
        return np.nan
    top = 0.5 * (before - after) / bend
    return float(np.sqrt((PARTS - 1) * np.mean((top - top.mean()) ** 2)))


def _parts(positions: np.ndarray) -> np.ndarray:
    """Halves of halves of halves along the three main axes of the atoms → number of each atom's part."""
    away = positions - positions.mean(axis=0)
    along = away @ np.linalg.svd(away, full_matrices=False)[2].T
    part, n = np.zeros(len(positions), dtype=np.int64), len(positions)
    for pieces, axis in zip((2, 4, PARTS), along.T, strict=True):
        part[np.lexsort((axis, part))] = np.arange(n) * pieces // n
    return part


def body(positions: np.ndarray, which: np.ndarray, *, most: int, seed: int) -> Body:
    """A random sample of some atoms of a model, with the neighbours they have.

    Parameters
    ----------
    positions : ndarray, shape (n, 3)
        All non-hydrogen atoms, Å, x y z; those without coordinates are left out.
    which : ndarray of int
        The atoms to sample from.
    most : int
        Atoms sampled at most, in random order: the first of them are a smaller sample.
    seed : int
        Of the sample.

    Raises
    ------
    ValueError
        None of the atoms has coordinates.
    """
    finite = np.isfinite(positions).all(axis=1)
    which = np.asarray(which, dtype=np.int64)
    sample = np.random.default_rng(seed).permutation(which[finite[which]])[:most]
    if not len(sample):
        raise ValueError("no atom to sample: none has coordinates")
    others = np.setdiff1d(np.flatnonzero(finite), sample)
    if len(others):
        others = others[_near(positions[others], positions[sample])]
    return _body(positions[np.concatenate([sample, others])], len(sample))


def _body(atoms: np.ndarray, size: int) -> Body:
    atoms = np.ascontiguousarray(atoms, dtype=np.float64)
    return Body(atoms, size, cell_list(atoms, reach=METHOD.reach))


def _near(atoms: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Which atoms lie in a cell next to that of a sampled one → bool (n,)."""
    cells = cell_list(atoms, reach=METHOD.reach)
    marked = np.zeros(cells.shape + 2, dtype=bool)
    at = np.floor((sample - cells.low) / cells.size).astype(np.int64) + 1
    at = at[((at >= 0) & (at <= cells.shape + 1)).all(axis=1)]
    for step in np.ndindex(3, 3, 3):
        i, j, k = np.clip(at + np.array(step) - 1, 0, cells.shape + 1).T
        marked[i, j, k] = True
    place = np.minimum(np.floor((atoms - cells.low) / cells.size).astype(np.int64), cells.shape - 1) + 1
    return marked[tuple(place.T)]
