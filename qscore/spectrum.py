"""Fourier terms of a box in single precision.

Terms are complex64 (nz, ny, nx // 2 + 1), as of ``scipy.fft.rfftn``. Sizes are those of `good_size`.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from qscore.compiled import loops

_ROUNDING = 1e-6  # of s²: a term at the limit is within it


def good_size(n: int) -> int:
    """The least even number from `n` on with no prime factor above 5."""
    return 2 * fft.next_fast_len(-(-n // 2), real=True)


def forward(values: np.ndarray, shape, *, weights=None, scale: float = 1.0, offset: float = 0.0) -> np.ndarray:
    """Terms of a map, with zeros beyond it.

    Parameters
    ----------
    values : ndarray, float32, shape (mz, my, mx)
    shape : tuple of int
        (nz, ny, nx), at least that of `values`.
    weights : ndarray, uint8, shape of `values`, optional
        The map, with `offset` added, is multiplied by them and `scale`.

    Returns
    -------
    ndarray, complex64, shape (nz, ny, nx // 2 + 1)
    """
    padded = np.zeros(shape, dtype=np.float32)
    inside = padded[tuple(slice(n) for n in values.shape)]
    if weights is None:
        inside[:] = values
    else:
        np.add(values, np.float32(offset), out=inside)
        np.multiply(inside, weights, out=inside)
        np.multiply(inside, np.float32(scale), out=inside)
    return transform(padded)


def transform(values: np.ndarray) -> np.ndarray:
    """Terms of a map of float32, which is used up."""
    return fft.rfftn(values, overwrite_x=True)


def inverse(terms: np.ndarray, nx: int) -> np.ndarray:
    """The map of terms, which are used up: float32, `nx` points along x."""
    lines = fft.ifft2(terms, axes=(0, 1), overwrite_x=True)  # in place, as `irfftn` is not
    return fft.irfft(lines, nx, axis=2, overwrite_x=True)


def fade(terms: np.ndarray, nx: int, edges, *, b: float = 0.0, d_min: float | None = None) -> np.ndarray:
    """Multiply terms by exp(−B s² / 4) and remove those beyond 1 / d_min, in place.

    Parameters
    ----------
    edges : ndarray, shape (3,)
        Of the periodic box along x, y, z, Å.
    b : float
        Å²; negative sharpens.
    d_min : float, optional
        Å; nothing is removed when None.
    """
    loops().fade(terms, 1 / np.asarray(edges, dtype=float), b, _limit(d_min), np.empty(terms.shape[2]))
    return terms


def halved(terms: np.ndarray, nx: int, edges, *, b: float, d_min: float) -> np.ndarray:
    """The terms of the map at every second point along each axis, after `fade`; `terms` stay as they are."""
    nz, ny, _ = terms.shape
    found = np.zeros((nz // 2, ny // 2, nx // 4 + 1), dtype=np.complex64)
    loops().fold(terms, nx, 1 / np.asarray(edges, dtype=float), b, _limit(d_min), found, np.empty(terms.shape[2]))
    return found


def _limit(d_min: float | None) -> float:
    return np.inf if d_min is None else (1 + _ROUNDING) / d_min**2
