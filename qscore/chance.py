"""The chance level of Q: what a model scores thrown anywhere into its map.

Maps are not noise around a model: at low resolution any place in the density
looks a little like an atom. The chance level says what Q has to exceed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qscore.density import Density
from qscore.probes import METHOD
from qscore.rigid import SIGMA, body

FEWEST_PLACES = 3
REACH = 0.125  # of the box, along each axis: the model stays among density
TRIES = 8  # draws for each place wanted: long models leave the box at most orientations
FEWEST_INSIDE = 0.2  # of the sampled atoms


@dataclass(frozen=True)
class Chance:
    """The chance level of a model in a map.

    Attributes
    ----------
    mean : float
        Mean Q over the places; NaN with fewer than 3.
    sd : float
        Standard deviation over the places of a place's mean Q (n − 1); NaN with fewer than 3.
    n : int
        Places counted.
    """

    mean: float
    sd: float
    n: int


def chance_level(
    density: Density,
    positions: np.ndarray,
    *,
    which: np.ndarray | None = None,
    sigma: float = SIGMA,
    seed: int = 2026,
    places: int = 12,
    most: int = 800,
) -> Chance:
    """Mean Q of a model at random orientations and places of its map.

    At each place the model is turned by a random rotation (uniform) about its
    centre and moved by a uniform shift of up to an eighth of the box along
    each axis. The same sample of atoms is scored everywhere, among its
    neighbours turned with it; of it those count that lie inside the box with
    2 Å and a voxel to spare, or inside the map where the box ends with the
    map. A place with fewer than a fifth of the sample inside is drawn again,
    up to 8 draws for each place wanted.

    The deviation is that of a place's mean. An entry's own mean is such a
    number too, so ``(mean Q over scored atoms − mean) / sd`` says how far an
    entry lies from chance; the standard error of its mean over atoms, far
    smaller, would not do: atoms of one place go up and down together.

    Parameters
    ----------
    density : Density
        The box around the model, or the whole map.
    positions : ndarray, shape (n, 3)
        All non-hydrogen atoms, Å, x y z.
    which : ndarray of int, optional
        The atoms whose mean is meant; all by default.
    sigma : float
        Width of the reference Gaussian, Å.
    seed : int
        Of the sample and the places: the same input gives the same numbers.
    places : int
        Places wanted.
    most : int
        Atoms scored at a place.

    Returns
    -------
    Chance
    """
    which = np.arange(len(positions)) if which is None else np.asarray(which, dtype=np.int64)
    which = which[np.isfinite(positions[which]).all(axis=1)]
    if not len(which) or not density.values.size:
        return _level([])
    model, rng = body(positions, which, most=most, seed=seed), np.random.default_rng(seed)
    low, high = _safe(density)
    centre, means = model.sample.mean(axis=0), []
    for _ in range(TRIES * places):
        turn, shift = rotation(rng), rng.uniform(-REACH, REACH, 3) * (high - low)
        moved = (model.sample - centre) @ turn.T + centre + shift
        inside = ((moved >= low) & (moved <= high)).all(axis=1)
        if inside.mean() >= FEWEST_INSIDE:
            q = model.turned(turn, centre).q(density, shift, sigma=sigma)
            means += _mean(q[inside])
        if len(means) == places:
            break
    return _level(means)


def _mean(q: np.ndarray) -> list[float]:
    """The mean of the scored atoms, or nothing when none is."""
    scored = q[np.isfinite(q)]
    return [float(scored.mean())] if len(scored) else []


def _level(means: list[float]) -> Chance:
    if len(means) < FEWEST_PLACES:
        return Chance(np.nan, np.nan, len(means))
    return Chance(float(np.mean(means)), float(np.std(means, ddof=1)), len(means))


def _safe(density: Density) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest position whose shells lie inside the box, or leave it only where the map ends."""
    count = np.array(density.values.shape[::-1])
    low = density.origin + density.offset * density.step
    high = low + (count - 1) * density.step
    margin = METHOD.radii[-1] + density.step
    at_end = density.offset + count >= density.grid
    return low + np.where(density.offset > 0, margin, 0), high - np.where(at_end, 0, margin)


def rotation(rng: np.random.Generator) -> np.ndarray:
    """A rotation drawn uniformly: the 3 x 3 matrix of the unit quaternion of four normal numbers."""
    w, x, y, z = (q := rng.standard_normal(4)) / np.linalg.norm(q)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip
