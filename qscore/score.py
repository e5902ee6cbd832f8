"""Q of each atom, for several sigma in one pass."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from qscore.compiled import loops
from qscore.density import Density
from qscore.probes import METHOD, Method, cell_list, sorting
from qscore.sampling import Sampled, sample

SIGMAS = (0.4, 0.6)
UNSCORED = ("outside", "constant", "not_finite")
MASK_REACH = 3.0
TIGHT_MASK = 2.5


@dataclass(frozen=True)
class Scores:
    """Q of n atoms.

    Attributes
    ----------
    q : ndarray, float, shape (n, sigmas)
        -1 to 1; NaN where not scored.
    why : ndarray, int8, shape (n,)
        -1 where scored, else the index of the reason in `UNSCORED`.
    sampled : ndarray, int32, shape (n, 3)
        Points sampled (that at the centre counted 8 times), of them on exactly
        constant map, of them outside the grid; 0 for atoms outside.
    mask_distance : ndarray, float, shape (n,)
        Distance to the nearest point of exactly constant map, Å; infinite
        beyond `MASK_REACH`.
    contrast : ndarray, float, shape (n,)
        Map at the centre minus its mean at the points sampled 2 Å away, map
        units; NaN where not scored, or where other atoms leave no such point.
    density : ndarray, float, shape (n,)
        Map at the centre, trilinear, map units; NaN outside.
    """

    q: np.ndarray
    why: np.ndarray
    sampled: np.ndarray
    mask_distance: np.ndarray
    contrast: np.ndarray
    density: np.ndarray


def score_atoms(
    density: Density,
    positions: np.ndarray,
    *,
    which: np.ndarray | None = None,
    sigmas=SIGMAS,
    threads: int = 1,
    method: Method = METHOD,
) -> Scores:
    """Q-score of atoms in a density.

    Around each atom lie shells of points that are nearer to it than to other
    atoms; Q is the correlation about the mean of the trilinear map values with
    exp(-R² / 2 sigma²). Pintilie et al. 2020, Nat. Methods 17:328, with the
    sampling of MapQ 2.9.7.

    Parameters
    ----------
    density : Density
        With at least 2 Å and a voxel around the atoms, or the whole grid.
    positions : ndarray, shape (n, 3)
        All non-hydrogen atoms, Å, x y z: each is a neighbour of the others.
    which : ndarray of int, shape (m,), optional
        The atoms to score; all by default.
    sigmas : sequence of float
        Width of the reference Gaussian, Å.
    threads : int
        The result does not depend on it.

    Returns
    -------
    Scores
        Of the m atoms.

    Raises
    ------
    ValueError
        A sigma is not positive, or positions are not of shape (n, 3).
    """
    positions, which = _checked(positions, which, sigmas)
    constant = constant_points(density.values)
    inside = np.flatnonzero(density.contains(positions[which]))
    distance = np.full(len(which), np.inf)
    if len(inside):
        distance[inside] = _mask_distance(density, constant, positions[which[inside]])
    found = _sample(
        density, constant, positions, which[inside], distance[inside], sigmas=sigmas, threads=threads, method=method
    )
    if len(inside) < len(which):
        part, found = found, Sampled.nothing(len(which), len(sigmas))
        found.put(inside, part)
    why = _why(density, positions[which], found.q, inside)
    at_centre, contrast = found.beside.T
    return Scores(found.q, why, found.sampled, distance, np.where(why < 0, contrast, np.nan), at_centre.copy())


def shells_of(
    density: Density, positions: np.ndarray, which: np.ndarray, *, sigmas=SIGMAS, method: Method = METHOD
) -> tuple[np.ndarray, np.ndarray]:
    """What Q of a few atoms is reckoned from, shell by shell, and Q.

    Parameters
    ----------
    density, positions, which, sigmas
        As for `score_atoms`.

    Returns
    -------
    shells : ndarray, float, shape (m, n_shells + 1, 3)
        Points sampled, mean of the map there, sum of squares about that mean;
        NaN for atoms outside the map.
    q : ndarray, float, shape (m, sigmas)
        As `score_atoms` gives it.

    Raises
    ------
    ValueError
        As `score_atoms`.
    """
    positions, which = _checked(positions, which, sigmas)
    inside = np.flatnonzero(density.contains(positions[which]))
    found = Sampled.nothing(len(which), len(sigmas), shells=len(method.radii))
    if len(inside):
        nowhere, far = np.zeros((0, 0, 0), dtype=np.uint8), np.full(len(inside), np.inf)
        found.put(inside, _sample(
            density, nowhere, positions, which[inside], far, sigmas=sigmas, threads=1, method=method, shells=True
        ))  # fmt: skip
    return found.shells, found.q


def _checked(positions, which, sigmas) -> tuple[np.ndarray, np.ndarray]:
    """Positions (n, 3) as the kernel reads them and the numbers of the atoms to score; see `score_atoms`."""
    positions = np.ascontiguousarray(positions, dtype=np.float64)
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise ValueError(f"positions of shape {positions.shape}; expected (n, 3)")
    if not len(sigmas) or min(sigmas) <= 0:
        raise ValueError(f"sigma {sigmas}; expected positive widths in Å")
    return positions, np.arange(len(positions)) if which is None else np.asarray(which, dtype=np.int64)


def _sample(density, constant, positions, which, to_mask, *, sigmas, threads, method, shells=False) -> Sampled:
    """What the kernel tells of atoms that lie inside the grid."""
    found = Sampled.nothing(len(which), len(sigmas), shells=len(method.radii) * shells)
    if not len(which):
        return found
    near = _near_grid(density, positions, method.reach)
    place = np.empty(len(positions), dtype=np.int64)
    place[near] = np.arange(len(near))
    atoms = np.ascontiguousarray(positions[near])
    cells = cell_list(atoms, reach=method.reach)
    rank = np.empty(len(near), dtype=np.int64)
    rank[cells.order] = np.arange(len(near))
    by_cell = sorting(rank[place[which]], len(near))

    def score_part(part):
        chosen = {"sigmas": sigmas, "method": method, "shells": shells}
        found.put(part, sample(density, constant, atoms, cells, place[which[part]], to_mask[part], **chosen))

    parts = np.array_split(by_cell, max(1, min(threads * 4, len(which) // 500)) if threads > 1 else 1)
    if len(parts) == 1:
        score_part(parts[0])
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(score_part, parts))
    return found


def _near_grid(density: Density, positions: np.ndarray, reach: float) -> np.ndarray:
    """Atoms that can be neighbours of an atom inside the grid."""
    low = density.origin - reach
    high = density.origin + (density.grid - 1) * density.step + reach
    return np.flatnonzero(((positions >= low) & (positions <= high)).all(axis=1))


def constant_points(values: np.ndarray) -> np.ndarray:
    """Points that lie in a block of 3 x 3 x 3 exactly equal values: a mask's outside.

    Returns
    -------
    ndarray, uint8, shape of `values`
        Shape (0, 0, 0) when there is none.
    """
    none = np.zeros((0, 0, 0), dtype=np.uint8)
    if min(values.shape) < 3 or not _mark(values, none):
        return none
    marked = np.zeros(values.shape, dtype=np.uint8)
    _mark(values, marked)
    return marked


def _mark(values: np.ndarray, marked: np.ndarray) -> bool:
    rows, found = values.shape[1:], np.zeros(1, dtype=np.uint8)
    scratch = (np.zeros(shape, dtype=np.uint8) for shape in ((3, *rows), rows, rows))
    loops().mark_constant(values, marked, *scratch, found)
    return bool(found[0])


def _mask_distance(density, constant, positions) -> np.ndarray:
    distance = np.full(len(positions), np.inf)
    if constant.size:
        loops().distance_to_marked(
            constant, density.offset, density.origin, density.step, positions, MASK_REACH, distance
        )
    return distance


def _why(density, positions, q, inside) -> np.ndarray:
    """Reason of each atom without a score."""
    why = np.full(len(positions), UNSCORED.index("outside"), dtype=np.int8)
    unscored = np.isnan(q[inside]).any(axis=1)
    why[inside] = np.where(unscored, UNSCORED.index("constant"), -1)
    lost = inside[unscored]
    finite = _finite_around(density, positions[lost])
    why[lost[~finite]] = UNSCORED.index("not_finite")
    return why


def _finite_around(density, positions) -> np.ndarray:
    """Whether the map is finite within 2 Å and a voxel of each position."""
    finite = np.ones(len(positions), dtype=bool)
    reach = np.ceil(METHOD.radii[-1] / density.step).astype(int) + 1
    for n, position in enumerate(positions):
        at = np.floor((position - density.origin) / density.step).astype(int) - density.offset
        low, high = np.maximum(at - reach, 0), at + reach + 1
        z, y, x = (slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))
        finite[n] = np.isfinite(density.values[z, y, x]).all()
    return finite
