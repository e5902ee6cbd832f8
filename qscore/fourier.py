"""Fourier terms of real maps in single precision, a few sections at a time: no second copy of a map is made.

Terms are complex64 (nz, ny, nx // 2 + 1), as of ``numpy.fft.rfftn``; arrays of density are float32 (nz, ny, nx).
"""

from __future__ import annotations

import numpy as np

_POINTS = 1 << 18  # transformed at a time


def good_size(n: int) -> int:
    """The least number from `n` on with no prime factor above 7."""
    while _left(n) > 1:
        n += 1
    return n


def _left(n: int) -> int:
    for prime in (2, 3, 5, 7):
        while n % prime == 0:
            n //= prime
    return n


def _parts(n: int, size: int):
    """Slices of so many of `n` that each holds about `_POINTS` of `size` points."""
    count = max(1, _POINTS // max(size, 1))
    return (slice(a, min(a + count, n)) for a in range(0, n, count))


def forward(values: np.ndarray, shape=None, *, weights=None, scale: float = 1.0, offset: float = 0.0) -> np.ndarray:
    """Terms of a map, with zeros beyond it.

    Parameters
    ----------
    values : ndarray, shape (mz, my, mx)
    shape : tuple of int, optional
        (nz, ny, nx) with zeros; that of `values` by default.
    weights : ndarray, shape of `values`, optional
        The map, with `offset` added, is multiplied by them and `scale`.

    Returns
    -------
    ndarray, complex64, shape (nz, ny, nx // 2 + 1)
    """
    nz, ny, nx = shape or values.shape
    terms = np.zeros((nz, ny, nx // 2 + 1), dtype=np.complex64)
    for part in _parts(len(values), values[0].size):
        slab = values[part].astype(np.float32, copy=False)
        slab = slab if weights is None else (slab + np.float32(offset)) * (weights[part] * np.float32(scale))
        terms[part] = np.fft.fft(np.fft.rfft(slab, n=nx, axis=2), n=ny, axis=1)
    for part in _parts(ny, nz * terms.shape[2]):
        terms[:, part] = np.fft.fft(terms[:, part], axis=0)
    return terms


def backward(terms: np.ndarray, nx: int, kept=None) -> np.ndarray:
    """The map of `terms`, which are used up.

    Parameters
    ----------
    terms : ndarray, complex64, shape (nz, ny, nx // 2 + 1)
    nx : int
        Points along x.
    kept : tuple of int, optional
        Points along z, y, x that are wanted, from 0; all by default.

    Returns
    -------
    ndarray of float32
    """
    kept = kept or (*terms.shape[:2], nx)
    values = np.empty(kept, dtype=np.float32)
    for part, slab in sections(terms, nx, kept):
        values[part] = slab
    return values


def sections(terms: np.ndarray, nx: int, kept=None):
    """As `backward`, a few sections at a time: their slice along z, and their values."""
    kept = kept or (*terms.shape[:2], nx)
    for part in _parts(terms.shape[1], terms.shape[0] * terms.shape[2]):
        terms[:, part] = np.fft.ifft(terms[:, part], axis=0)
    for part in _parts(kept[0], terms[0].size):
        rows = np.fft.ifft(terms[part], axis=1)[:, : kept[1]]
        yield part, np.fft.irfft(rows, n=nx, axis=2)[:, :, : kept[2]]


def squared_frequencies(shape, step):
    """s² of terms, 1/Å², as three arrays that add up: (nz, 1, 1), (ny, 1), (nx // 2 + 1,).

    Parameters
    ----------
    shape : tuple of int
        Points along z, y, x.
    step : sequence of 3 float
        Voxel size along x, y, z, Å.
    """
    z, y = (np.fft.fftfreq(n, d) ** 2 for n, d in zip(shape[:2], step[:0:-1], strict=True))
    x = np.fft.rfftfreq(shape[2], step[0]) ** 2
    return z[:, None, None].astype(np.float32), y[:, None].astype(np.float32), x.astype(np.float32)


def attenuate(terms: np.ndarray, shape, step, *, b: float = 0.0, d_min: float | None = None) -> np.ndarray:
    """Multiply terms by exp(−B s² / 4) and remove those beyond 1 / d_min, in place.

    Parameters
    ----------
    terms : ndarray, complex64
    shape, step
        As of `squared_frequencies`.
    b : float
        Å²; negative sharpens.
    d_min : float, optional
        Å; nothing is removed when None.
    """
    z, y, x = squared_frequencies(shape, step)
    for part in _parts(len(terms), terms[0].size):
        s2 = z[part] + y + x
        factor = np.exp(np.minimum(s2 * np.float32(-b / 4), 80)) if b else np.ones_like(s2)
        if d_min is not None:
            factor *= s2 <= np.float32(1 / d_min**2)
        terms[part] *= factor
    return terms


def resized(terms: np.ndarray, shape, target) -> np.ndarray:
    """The terms of the same map on a grid of other fineness: what only one of the two holds is left out, or 0.

    Parameters
    ----------
    terms : ndarray, complex64
        Of a map of `shape`.
    shape, target : tuple of int
        Points along z, y, x.

    Returns
    -------
    ndarray, complex64
        Scaled, so that values at the same places are the same. Terms at the coarser grid's own limit are left out.
        `terms` themselves where the grids are the same.
    """
    if tuple(shape) == tuple(target):
        return terms
    found = np.zeros((*target[:2], target[2] // 2 + 1), dtype=np.complex64)
    most = [(min(a, b) - 1) // 2 for a, b in zip(shape, target, strict=True)]
    scale = np.float32(np.prod(target, dtype=float) / np.prod(shape, dtype=float))
    for k in (slice(0, most[0] + 1), slice(-most[0], None) if most[0] else slice(0)):
        for j in (slice(0, most[1] + 1), slice(-most[1], None) if most[1] else slice(0)):
            found[k, j, : most[2] + 1] = terms[k, j, : most[2] + 1] * scale
    return found
