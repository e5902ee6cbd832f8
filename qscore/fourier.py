"""Fourier terms of real maps of any size in single precision, by NumPy, a few sections at a time.

For maps that are made; what is measured is transformed by `qscore.spectrum`, which is faster.

Terms are complex64 (nz, ny, nx // 2 + 1), as of ``numpy.fft.rfftn``; arrays of density are float32 (nz, ny, nx).
"""

from __future__ import annotations

import numpy as np

_POINTS = 1 << 18  # transformed at a time


def _parts(n: int, size: int):
    """Slices of so many of `n` that each holds about `_POINTS` of `size` points."""
    count = max(1, _POINTS // max(size, 1))
    return (slice(a, min(a + count, n)) for a in range(0, n, count))


def forward(values: np.ndarray) -> np.ndarray:
    """Terms of a map (nz, ny, nx) → complex64 (nz, ny, nx // 2 + 1)."""
    nz, ny, nx = values.shape
    terms = np.zeros((nz, ny, nx // 2 + 1), dtype=np.complex64)
    for part in _parts(nz, ny * nx):
        slab = values[part].astype(np.float32, copy=False)
        terms[part] = np.fft.fft(np.fft.rfft(slab, n=nx, axis=2), n=ny, axis=1)
    for part in _parts(ny, nz * terms.shape[2]):
        terms[:, part] = np.fft.fft(terms[:, part], axis=0)
    return terms


def backward(terms: np.ndarray, nx: int) -> np.ndarray:
    """The map of `terms`, which are used up: float32, `nx` points along x."""
    nz, ny, _ = terms.shape
    values = np.empty((nz, ny, nx), dtype=np.float32)
    for part in _parts(ny, nz * terms.shape[2]):
        terms[:, part] = np.fft.ifft(terms[:, part], axis=0)
    for part in _parts(nz, terms[0].size):
        values[part] = np.fft.irfft(np.fft.ifft(terms[part], axis=1), n=nx, axis=2)
    return values


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
