"""One B for all atoms: the one for which a simulated map correlates best with a map in the molecule's mask."""

from __future__ import annotations

import numpy as np

from qscore import spectrum
from qscore.bits import Mask
from qscore.slabs import each

FEWEST_POINTS = 4
ENOUGH = 10_000  # points of the mask: with eight times as many, every second one along each axis decides
MOST = 800.0  # Å²: end of the range searched, or 16 R² where that is more
NODES = 8  # values of √B for which the map is simulated
FINE_NODES = 16.0  # Å: over R, as many where that is more: exp(−B s² / 4) has more to say
SCANNED = 1000  # values of √B told by the nodes
SHELLS = 400


def best_b(
    values: np.ndarray, mask: Mask, terms: np.ndarray, nx: int, *, edges, resolution: float, base: float,
    threads: int = 1,
):  # fmt: skip
    """The B for the highest correlation about the mean in the mask, and whether it lies inside the range searched.

    exp(−B s² / 4) up to s = 1 / R is, for every B of the range, a sum of a few such factors to 1e-3 or better. So
    maps are simulated for these few only, and their sums over the mask tell the correlation for any B.

    Parameters
    ----------
    values : ndarray, float32
        The map's box.
    mask : Mask
        Of the box.
    terms : ndarray, complex64
        Of the simulated map; not changed.
    nx : int
        Its points along x.
    edges : ndarray, shape (3,)
        Of its periodic box, Å.
    resolution : float
        Å.
    base : float
        B of `terms`, Å².
    threads : int
        The result does not depend on it.
    """
    if mask.size < FEWEST_POINTS:
        return base, False
    most = float(np.sqrt(max(MOST, 16 * resolution**2)))
    nodes = np.linspace(0, most, max(NODES, int(np.ceil(FINE_NODES / resolution))))
    every = 2 if mask.size >= 8 * ENOUGH else 1
    chosen = mask[::every][:, ::every, ::every]
    of_map = values[::every, ::every, ::every][chosen].astype(np.float64)
    simulated, rows, points = np.empty((len(nodes), len(of_map))), chosen.any(axis=2), np.nonzero(chosen)

    def simulate(some):
        """The maps of some nodes, one after the other in the same place."""
        room = spectrum.room([n // every for n in (*terms.shape[:2], nx)])
        for n in some:
            told = {"edges": edges, "b": nodes[n] ** 2 - base, "d_min": resolution}
            simulated[n] = _simulated(terms, nx, room, rows, **told)[points]

    each(simulate, [range(first, len(nodes), threads) for first in range(threads)], threads)
    simulated -= simulated.mean(axis=1, keepdims=True)
    cross, squares = simulated @ (of_map - of_map.mean()), simulated @ simulated.T
    roots = np.linspace(0, most, SCANNED)
    root = _highest(roots, _correlations(_weights(nodes, roots, resolution), cross, squares))
    return root**2, 0 < root < most


def _simulated(terms, nx: int, room, rows, *, edges, b: float, d_min: float) -> np.ndarray:
    """The chosen rows of the simulated map, with `b` added to the B of its terms; in `room`, of all terms or fewer."""
    if len(room) < len(terms):
        spectrum.halved(terms, nx, edges, b=b, d_min=d_min, room=room)
        nx //= 2
    else:
        room[:] = terms
        spectrum.fade(room, edges, b=b, d_min=d_min)
    return spectrum.inverse(room, nx, shape=rows.shape, kept=spectrum.reached(edges, d_min), rows=rows)


def _weights(nodes: np.ndarray, roots: np.ndarray, resolution: float) -> np.ndarray:
    """Of the factors of the nodes in that of each √B, by least squares over the terms up to 1 / R → (nodes, roots)."""
    s = np.linspace(0, 1 / resolution, SHELLS)
    factors = [s[:, None] * np.exp(-np.outer(s**2, some**2) / 4) for some in (nodes, roots)]
    return np.linalg.lstsq(*factors, rcond=1e-6)[0]


def _correlations(weights: np.ndarray, cross: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Of each √B, but for a common factor."""
    variance = np.einsum("ij,ik,kj->j", weights, squares, weights)
    above = variance > 0
    return np.divide(weights.T @ cross, np.sqrt(np.where(above, variance, 1)), where=above,
                     out=np.full(len(variance), -np.inf))  # fmt: skip


def _highest(x: np.ndarray, y: np.ndarray) -> float:
    """Where y is highest, between its places by a parabola."""
    k = int(np.argmax(y))
    if k in (0, len(x) - 1) or not np.isfinite(y[k - 1 : k + 2]).all():
        return float(x[k])
    left, here, right = y[k - 1 : k + 2].tolist()
    bend = left - 2 * here + right
    return float(x[k] + 0.5 * (left - right) / bend * (x[1] - x[0])) if bend else float(x[k])
