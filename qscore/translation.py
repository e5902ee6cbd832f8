"""Where a model fits best by translation alone: a Fourier search over the whole map.

The map is coarsened and its local contrast evened out, so that heavy or
strong density does not draw every model to itself; the model is simulated
and correlated with it at all shifts at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft

from qscore.density import Density
from qscore.simulate import BLUR_PER_STEP2, simulate_density

MOST_POINTS = 192**3
VOXELS_PER_RESOLUTION = 3.0
FEWEST_VOXELS = 8  # along an axis of the coarse map
WINDOW = 1.5  # standard deviation of the local mean and contrast, in resolutions
FLOOR = 0.3  # of the map's mean contrast: below it contrast is not amplified
FINEST = 3.0  # Å: the search needs no finer detail; Q refines what it finds
MOST_ATOMS = 2500


@dataclass(frozen=True)
class CoarseMap:
    """A map prepared for translation searches.

    Attributes
    ----------
    terms : ndarray, complex64
        Fourier terms of the evened map, times those of the filter for models.
    shape : tuple of int
        Points along z, y, x with padding.
    step, origin : ndarray, shape (3,)
        Voxel size and position of point 0, Å, x y z.
    extent : ndarray, shape (3,)
        Edges of the map without padding, Å, x y z.
    resolution : float
        Å.
    """

    terms: np.ndarray
    shape: tuple[int, int, int]
    step: np.ndarray
    origin: np.ndarray
    extent: np.ndarray
    resolution: float


def coarse_map(density: Density, resolution: float) -> CoarseMap:
    """Bin a map to about a third of its resolution (1 Å at finest) and at most 192³ points; even its contrast.

    Parameters
    ----------
    density : Density
        All of it is searched.
    resolution : float
        Å.
    """
    resolution = max(resolution, FINEST)
    factor = _factor(density, resolution)
    values = _moderate(np.nan_to_num(_binned(density.values, factor), posinf=0, neginf=0))
    step = density.step * factor
    origin = density.origin + density.offset * density.step + (factor - 1) / 2 * density.step
    shape = tuple(fft.next_fast_len(n, real=True) for n in values.shape)
    resolution = max(resolution, 2 * float(step.max()))
    extent = np.array(values.shape[::-1]) * step
    padded = np.pad(values - values.mean(), [(0, n - m) for n, m in zip(shape, values.shape, strict=True)])
    smooth = _window(shape, step, WINDOW * resolution)
    terms = fft.rfftn(_evened(padded, smooth)) * (1 - smooth)
    return CoarseMap(terms, shape, step, origin, extent, resolution)


def _factor(density: Density, resolution: float) -> int:
    """How many voxels become one along each axis."""
    fine = max(1, int(resolution / VOXELS_PER_RESOLUTION / density.step.max() + 1e-6))
    enough = int(np.ceil((density.values.size / MOST_POINTS) ** (1 / 3) - 1e-9))
    return max(1, min(max(fine, enough), min(density.values.shape) // FEWEST_VOXELS))


def _binned(values: np.ndarray, factor: int) -> np.ndarray:
    """Means of cubes of `factor`³ points; what is left over at the far edges is dropped."""
    if factor == 1:
        return values
    nz, ny, nx = (n // factor for n in values.shape)
    binned = np.zeros((nz, ny, nx), dtype=np.float32)
    for i, j, k in np.ndindex(factor, factor, factor):
        binned += values[i : nz * factor : factor, j : ny * factor : factor, k : nx * factor : factor]
    return binned / factor**3


def _moderate(values: np.ndarray) -> np.ndarray:
    """Values over a power of two, which keeps every bit: squares of huge ones are no float32."""
    return np.ldexp(values, -np.frexp(np.abs(values).max())[1])


def _window(shape, step, sd: float) -> np.ndarray:
    """Fourier transform of a Gaussian of unit sum; `sd` in Å."""
    z, y = (fft.fftfreq(n, d) ** 2 for n, d in zip(shape[:2], step[:0:-1], strict=True))
    x = fft.rfftfreq(shape[2], step[0]) ** 2
    return np.exp(-2 * np.pi**2 * sd**2 * (z[:, None, None] + y[:, None] + x)).astype(np.float32)


def _evened(values: np.ndarray, smooth: np.ndarray) -> np.ndarray:
    """The map without its local mean, over its local standard deviation."""
    values = values - fft.irfftn(fft.rfftn(values) * smooth, s=values.shape)
    contrast = np.sqrt(np.maximum(fft.irfftn(fft.rfftn(values**2) * smooth, s=values.shape), 0))
    scale = np.maximum(contrast, FLOOR * np.sqrt(np.mean(values**2)))
    return values / np.where(scale > 0, scale, 1)


def best_shifts(coarse: CoarseMap, positions: np.ndarray, elements: np.ndarray, *, most: int, seed: int = 2026):
    """The shifts at which a model correlates best with a map.

    Parameters
    ----------
    coarse : CoarseMap
    positions : ndarray, shape (n, 3)
        Finite, Å, x y z.
    elements : ndarray of str, shape (n,)
    most : int
        Shifts wanted.
    seed : int
        Of the atoms used.

    Returns
    -------
    ndarray, float, shape (≤ most, 3)
        Å, x y z, best first; no two nearer than a resolution. Each puts the
        model's centre inside the map. Of a larger model 2,500 atoms are used.
    """
    some = np.random.default_rng(seed).permutation(len(positions))[:MOST_ATOMS]
    b = np.full(len(some), _softness(coarse))
    model = simulate_density(
        positions[some], elements[some], b, shape=coarse.shape, step=coarse.step, origin=coarse.origin
    )
    correlation = fft.irfftn(np.conj(fft.rfftn(model)) * coarse.terms, s=coarse.shape)
    found = _peaks(correlation, coarse, most)
    return _centred(found, coarse, positions.mean(axis=0))


def _softness(coarse: CoarseMap) -> float:
    """B of the simulated atoms, Å²: they fade at the resolution, and the grid holds them without aliasing."""
    return max(8 * coarse.resolution**2, 1.001 * BLUR_PER_STEP2 * float(coarse.step.max()) ** 2)


def _peaks(correlation: np.ndarray, coarse: CoarseMap, most: int) -> np.ndarray:
    """Positions of the highest peaks, Å, x y z, by a parabola along each axis."""
    period = np.array(coarse.shape[::-1]) * coarse.step
    index = _highest(correlation, 50 * most)
    place = index[:, ::-1] * coarse.step
    chosen: list[int] = []
    for n in range(len(index)):
        apart = (place[n] - place[chosen] + period / 2) % period - period / 2
        if (np.linalg.norm(apart, axis=1) >= coarse.resolution).all():
            chosen.append(n)
        if len(chosen) == most:
            break
    return np.array([_refined(correlation, index[n]) for n in chosen])[:, ::-1] * coarse.step


def _highest(values: np.ndarray, most: int) -> np.ndarray:
    """Indices (≤ most, 3) of the highest points that no neighbour along an axis exceeds, highest first."""
    top = np.ones(values.shape, dtype=bool)
    for axis in range(3):
        for way in (1, -1):
            top &= values >= np.roll(values, way, axis)
    flat = np.flatnonzero(top)
    best = flat[np.argsort(-values.flat[flat], kind="stable")[:most]]
    return np.stack(np.unravel_index(best, values.shape), axis=1)


def _refined(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """The top of the parabola through a peak and its two neighbours, axis by axis; in voxels."""
    top = index.astype(float)
    for axis, n in enumerate(values.shape):
        before, after = index.copy(), index.copy()
        before[axis], after[axis] = (index[axis] - 1) % n, (index[axis] + 1) % n
        low, middle, high = (float(values[tuple(at)]) for at in (before, index, after))
        bend = low - 2 * middle + high
        top[axis] += np.clip(0.5 * (low - high) / bend, -0.5, 0.5) if bend < 0 else 0.0
    return top


def _centred(shifts: np.ndarray, coarse: CoarseMap, centre: np.ndarray) -> np.ndarray:
    """Of the periodic images of each shift the one that puts the centre nearest the map's middle."""
    period = np.array(coarse.shape[::-1]) * coarse.step
    away = centre + shifts - (coarse.origin + coarse.extent / 2)
    return shifts - np.round(away / period) * period
