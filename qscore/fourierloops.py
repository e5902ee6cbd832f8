"""The loops over Fourier terms of a map, as they are compiled: faded and folded.

Called through `qscore.compiled`; as in `kernel`, nothing is allocated here.
"""

import math

import numpy as np
from numba import njit

from qscore.building import loop

_quick = njit(nogil=True)


@_quick
def _signed(k, n):
    """Number of a frequency, negative in the upper half."""
    return k if 2 * k <= n else k - n


@_quick
def _factors(half, frequency, b, factors):
    """exp(−B s² / 4) along x."""
    for i in range(half):
        factors[i] = math.exp(-0.25 * b * (i * frequency[0]) ** 2)


@loop("void(c8[:,:,::1], i8, i8, f8[::1], f8, f8, f8[::1])")
def fade(terms, first, of, frequency, b, most, factors):
    """Multiply terms by exp(−B s² / 4) where s² is at most `most`, else by 0: sections `first` on, of `of`.

    `frequency` is that of the first term along x, y, z, 1/Å; `factors` is scratch for a row.
    """
    count, ny, half = terms.shape
    _factors(half, frequency, b, factors)
    for k in range(count):
        z2 = (_signed(first + k, of) * frequency[2]) ** 2
        for j in range(ny):
            beside = z2 + (_signed(j, ny) * frequency[1]) ** 2
            row = terms[k, j]
            if beside > most:
                row[:] = 0
                continue
            here = math.exp(-0.25 * b * beside)
            inside = 0
            while inside < half and beside + (inside * frequency[0]) ** 2 <= most:
                row[inside] *= np.float32(here * factors[inside])
                inside += 1
            row[inside:] = 0


@loop("void(c8[:,:,::1], i8, f8[::1], f8, f8, c8[:,:,::1], f8[::1])")
def fold(terms, nx, frequency, b, most, found, factors):
    """Terms of the map at every second point, added to `found`, of terms as `fade` would leave them.

    All sizes are even. A term is added to the one it cannot be told from there; those of negative
    frequency along x, which are not kept, are the conjugates of their opposites.
    """
    nz, ny, half = terms.shape
    mz, my, mx = nz // 2, ny // 2, nx // 2
    _factors(half, frequency, b, factors)
    for k in range(nz):
        z2 = (_signed(k, nz) * frequency[2]) ** 2
        for j in range(ny):
            beside = z2 + (_signed(j, ny) * frequency[1]) ** 2
            if beside > most:
                continue
            here, inside = 0.125 * math.exp(-0.25 * b * beside), 0
            while inside < half and beside + (inside * frequency[0]) ** 2 <= most:
                inside += 1
            row, into, across = terms[k, j], found[k % mz, j % my], found[(nz - k) % mz, (ny - j) % my]
            for i in range(min(inside, mx // 2 + 1)):
                into[i] += row[i] * np.float32(here * factors[i])
            for i in range(mx - mx // 2, min(inside, mx)):
                across[mx - i] += (row[i] * np.float32(here * factors[i])).conjugate()
            if inside > mx:
                into[0] += row[mx] * np.float32(here * factors[mx])
