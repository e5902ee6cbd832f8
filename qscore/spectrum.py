"""Fourier terms of a box in single precision.

Terms are complex64 (nz, ny, nx // 2 + 1), as of ``scipy.fft.rfftn``. Sizes are those of `good_size`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft

from qscore.compiled import loops
from qscore.slabs import each, sections, shares, stripes

_AT_ONCE = 1 << 18  # terms: a call that is long beside the handing over of the interpreter from thread to thread
_THICK = 64  # sections: two parts of so many, as an atom that lies in two of them is reckoned twice
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
    factors = np.array([offset, scale], dtype=np.float32)

    def fill(part, into):
        """Some of the sections."""
        some = values[part]
        if weights is None:
            into[: len(some), : some.shape[1], : some.shape[2]] = some
        else:
            loops().weigh(some, weights[part], factors, into)

    return transform(fill, room(shape), shape[2], threads)


def room(shape) -> np.ndarray:
    """For the terms of a map of a shape (nz, ny, nx)."""
    return np.zeros((*shape[:2], shape[2] // 2 + 1), dtype=np.complex64)


def transform(fill: Callable[[slice, np.ndarray], None], terms: np.ndarray, nx: int, threads: int = 1) -> np.ndarray:
    """Terms of a map, into `terms`, of which no section is held longer than its turn takes.

    Parameters
    ----------
    fill : callable
        Puts sections (a slice) of the map into zeros, float32 (count, ny, nx).
    terms : ndarray
        Of `room`; what it held is lost.
    """
    nz, ny, _ = terms.shape

    def across(part):
        """Along x and y; where all is 0, so are the terms."""
        count = part.stop - part.start
        values, used = np.zeros((count, ny, nx), dtype=np.float32), np.zeros(count * ny, dtype=np.uint8)
        fill(part, values)
        loops().used_rows(values.view(np.int32).reshape(-1, nx), used)
        used = used.view(bool).reshape(count, ny)
        for some in _stripes(count, terms[0].size):
            into, rows = terms[part][some], used[some]
            into[:] = 0
            if rows.any():
                rows = slice(None) if rows.all() else rows
                into[rows] = fft.rfft(values[some][rows], axis=-1)
                _in_place(fft.fft, into, 1)

    each(across, sections(nz, 2 * -(-nz // _THICK)), threads)
    each(lambda part: _in_place(fft.fft, terms[:, part], 0), _stripes(ny, terms[:, 0].size), threads)
    return terms


def inverse(terms: np.ndarray, nx: int, *, shape=None, kept=None, rows=None, threads: int = 1) -> np.ndarray:
    """The map of terms, which it takes the place of: float32, `nx` points along x.

    Parameters
    ----------
    shape : tuple of int, optional
        Sections and rows (mz, my) from the first on that are wanted; all of them otherwise.
    kept : tuple of int, optional
        Of `reached`: lines of terms beyond are 0, and so are their transforms.
    rows : ndarray of bool, shape (mz, my), optional
        Which of them are wanted; the others are of no meaning.

    Returns
    -------
    ndarray, float32, shape (mz, my, nx)
        A part of the rows of `laid_out`.
    """
    mz, my = shape or terms.shape[:2]
    ky, kx = kept or terms.shape[1:]
    negative, values = max(terms.shape[1] - ky, ky + 1), laid_out(terms)
    for lines in (slice(ky + 1), slice(negative, None)):
        some = terms[:, lines, : kx + 1]
        alone = _stripes(some.shape[1], some[:, :1].size)
        each(lambda part, some=some: _in_place(fft.ifft, some[:, part], 0), alone, threads)

    def across(part):
        """Along y and x."""
        wanted = np.s_[:, :my] if rows is None else np.pad(rows[part], ((0, 0), (0, terms.shape[1] - my)))
        some = terms[part]
        if rows is None or wanted.any():
            _in_place(fft.ifft, some[:, :, : kx + 1], 1)
            values[part, :, :nx][wanted] = fft.irfft(some[wanted], nx, axis=-1, overwrite_x=True)

    each(across, _stripes(mz, terms[0].size), threads)
    return values[:mz, :my, :nx]


def laid_out(terms: np.ndarray) -> np.ndarray:
    """The map that takes the place of terms: float32 (nz, ny, 2 or 1 more than along x), C-contiguous."""
    return terms.view(np.float32)


def _stripes(n: int, size: int) -> list[slice]:
    """Parts of `n` lines or sections of a size that are transformed at a time."""
    return stripes(n, max(1, _AT_ONCE // max(size, 1)))


def _in_place(transform: Callable, terms: np.ndarray, axis: int) -> None:
    """Transform along an axis."""
    if terms.size:
        found = transform(terms, axis=axis, overwrite_x=True)
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
        loops().fade(laid_out(terms[part]), part.start, of, frequency, b, _limit(d_min), np.empty(2 * half))

    each(faded, shares(of, threads), threads)
    return terms


def halved(terms: np.ndarray, nx: int, edges, *, b: float, d_min: float, room: np.ndarray) -> np.ndarray:
    """The terms of the map at every second point along each axis, after `fade`, in `room`; `terms` stay as they are."""
    room[:] = 0
    told = nx, 1 / np.asarray(edges, dtype=float), b, _limit(d_min)
    loops().fold(laid_out(terms), *told, laid_out(room), np.empty(2 * terms.shape[2]))
    return room


def _limit(d_min: float | None) -> float:
    return np.inf if d_min is None else (1 + _ROUNDING) / d_min**2
