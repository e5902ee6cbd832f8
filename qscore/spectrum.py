"""Fourier terms of a box in single precision.

Terms are complex64 (nz, ny, nx // 2 + 1), as of ``scipy.fft.rfftn``. Sizes are those of `good_size`.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from qscore.compiled import loops
from qscore.slabs import each, shares

_ROUNDING = 1e-6  # of s²: a term at the limit is within it


def good_size(n: int) -> int:
    """The least even number from `n` on with no prime factor above 5."""
    return 2 * fft.next_fast_len(-(-n // 2), real=True)


def forward(
    values: np.ndarray, shape, *, weights=None, scale: float = 1.0, offset: float = 0.0, threads: int = 1
) -> np.ndarray:
    """Terms of a map, with zeros beyond it.

    Parameters
    ----------
    values : ndarray, float32, shape (mz, my, mx)
    shape : tuple of int
        (nz, ny, nx), at least that of `values`.
    weights : ndarray, uint8, shape of `values`, optional
        The map, with `offset` added, is multiplied by them and `scale`.
    threads : int
        Here and below: the result does not depend on it.

    Returns
    -------
    ndarray, complex64, shape (nz, ny, nx // 2 + 1)
    """
    padded = np.zeros(shape, dtype=np.float32)
    if weights is None:
        padded[tuple(slice(n) for n in values.shape)] = values
    else:
        factors = np.array([offset, scale], dtype=np.float32)
        each(
            lambda part: loops().weigh(values[part], weights[part], factors, padded[part]),
            shares(len(values), threads),
            threads,
        )
    return transform(padded, threads)


def transform(values: np.ndarray, threads: int = 1) -> np.ndarray:
    """Terms of a map of float32, which is used up."""
    return fft.rfftn(values, overwrite_x=True, workers=threads)


def inverse(terms: np.ndarray, nx: int, *, shape=None, kept=None, threads: int = 1) -> np.ndarray:
    """The map of terms, which are used up: float32, `nx` points along x.

    Parameters
    ----------
    shape : tuple of int, optional
        Sections and rows (mz, my) from the first on that are wanted; all of them otherwise.
    kept : tuple of int, optional
        Of `reached`: lines of terms beyond are 0, and so are their transforms.
    """
    mz, my = shape or terms.shape[:2]
    ky, kx = kept or terms.shape[1:]
    some = terms[:, :, : kx + 1]
    negative = max(terms.shape[1] - ky, ky + 1)
    for part in (some[:, : ky + 1], some[:, negative:]):
        _backward(part, 0, threads)
    _backward(some[:mz], 1, threads)
    return fft.irfft(terms[:mz, :my], nx, axis=2, overwrite_x=True, workers=threads)


def _backward(terms: np.ndarray, axis: int, threads: int) -> None:
    """Transform back along an axis, in place, as `irfftn` is not."""
    if terms.size:
        found = fft.ifft(terms, axis=axis, overwrite_x=True, workers=threads)
        if not np.may_share_memory(found, terms):
            terms[:] = found


def reached(edges, d_min: float) -> tuple[int, int]:
    """Highest number of a term along y and x up to 1 / d_min."""
    x, y = (int(np.sqrt(_limit(d_min)) * edge) for edge in edges[:2])
    return y, x


def fade(terms: np.ndarray, edges, *, b: float = 0.0, d_min: float | None = None, threads: int = 1) -> np.ndarray:
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
    frequency, (of, _, half) = 1 / np.asarray(edges, dtype=float), terms.shape

    def faded(part):
        """Some of the sections."""
        loops().fade(terms[part], part.start, of, frequency, b, _limit(d_min), np.empty(half))

    each(faded, shares(of, threads), threads)
    return terms


def halved(terms: np.ndarray, nx: int, edges, *, b: float, d_min: float) -> np.ndarray:
    """The terms of the map at every second point along each axis, after `fade`; `terms` stay as they are."""
    nz, ny, _ = terms.shape
    found = np.zeros((nz // 2, ny // 2, nx // 4 + 1), dtype=np.complex64)
    loops().fold(terms, nx, 1 / np.asarray(edges, dtype=float), b, _limit(d_min), found, np.empty(terms.shape[2]))
    return found


def _limit(d_min: float | None) -> float:
    return np.inf if d_min is None else (1 + _ROUNDING) / d_min**2
