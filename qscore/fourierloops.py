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


@loop("void(c8[:,:,::1], f8[::1], f8, f8, f8[::1])")
def fade(terms, frequency, b, most, factors):
    """Multiply terms by exp(−B s² / 4) where s² is at most `most`, else by 0.

    `frequency` is that of the first term along x, y, z, 1/Å; `factors` is scratch for a row.
    """
    nz, ny, half = terms.shape
    _factors(half, frequency, b, factors)
    for k in range(nz):
        z2 = (_signed(k, nz) * frequency[2]) ** 2
        for j in range(ny):
            beside = z2 + (_signed(j, ny) * frequency[1]) ** 2
            row = terms[k, j]
            if beside > most:
                row[:] = 0
                continue
            here = math.exp(-0.25 * b * beside)
            for i in range(half):
                inside = beside + (i * frequency[0]) ** 2 <= most
                row[i] *= np.float32(here * factors[i] if inside else 0.0)


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
            here = 0.125 * math.exp(-0.25 * b * beside)
            for i in range(half):
                if beside + (i * frequency[0]) ** 2 > most:
                    break
                value = terms[k, j, i] * np.float32(here * factors[i])
                if i % mx <= mx // 2:
                    found[k % mz, j % my, i % mx] += value
                opposite = (nx - i) % mx
                if 0 < i < nx - i and opposite <= mx // 2:
                    found[(nz - k) % mz, (ny - j) % my, opposite] += value.conjugate()
