"""The loops over Fourier terms of a map, as they are compiled: faded and folded.

Called through `qscore.compiled`; as in `kernel`, nothing is allocated here.
"""

import math

import numpy as np

from qscore.building import loop, quick


@quick
def _signed(k, n):
    """Number of a frequency, negative in the upper half."""
    return k if 2 * k <= n else k - n


@quick
def _factors(frequency, b, factors):
    """exp(−B s² / 4) along x, twice each: for the parts of terms."""
    for i in range(len(factors) // 2):
        factors[2 * i] = factors[2 * i + 1] = math.exp(-0.25 * b * (i * frequency[0]) ** 2)


@quick
def _inside(beside, step, most, half):
    """Of how many terms of a row s² is at most `most`; `beside` is that of the first."""
    if beside > most:
        return 0
    inside = half if most == math.inf else min(half, int(math.sqrt(most - beside) / step))
    while inside < half and beside + (inside * step) ** 2 <= most:
        inside += 1
    while inside > 0 and beside + ((inside - 1) * step) ** 2 > most:
        inside -= 1
    return inside


@loop("void(f4[:,:,::1], i8, i8, f8[::1], f8, f8, f8[::1])")
def fade(terms, first, of, frequency, b, most, factors):
    """Multiply terms by exp(−B s² / 4) where s² is at most `most`, else by 0: sections `first` on, of `of`.

    `terms` are real and imaginary parts in turn; `frequency` is that of the first term along x, y, z, 1/Å; `factors`
    is scratch for a row.
    """
    count, ny, parts = terms.shape
    _factors(frequency, b, factors)
    for k in range(count):
        z2 = (_signed(first + k, of) * frequency[2]) ** 2
        for j in range(ny):
            beside = z2 + (_signed(j, ny) * frequency[1]) ** 2
            row, inside = terms[k, j], 2 * _inside(beside, frequency[0], most, parts // 2)
            here = math.exp(-0.25 * b * beside)
            for i in range(inside):
                row[i] *= np.float32(here * factors[i])
            row[inside:] = 0


@loop("void(f4[:,:,::1], i8, f8[::1], f8, f8, f4[:,:,::1], f8[::1])")
def fold(terms, nx, frequency, b, most, found, factors):
    """Terms of the map at every second point, added to `found`, of terms as `fade` would leave them.

    All sizes are even. A term is added to the one it cannot be told from there; those of negative
    frequency along x, which are not kept, are the conjugates of their opposites.
    """
    nz, ny, parts = terms.shape
    mz, my, mx = nz // 2, ny // 2, nx // 2
    _factors(frequency, b, factors)
    for k0 in range(mz):
        for j0 in range(my):
            for turn in range(4):  # the rows that are added to the same one
                k, j = k0 + (turn >> 1) * mz, j0 + (turn & 1) * my
                beside = (_signed(k, nz) * frequency[2]) ** 2 + (_signed(j, ny) * frequency[1]) ** 2
                inside = _inside(beside, frequency[0], most, parts // 2)
                if not inside:
                    continue
                here = 0.125 * math.exp(-0.25 * b * beside)
                row, into, across = terms[k, j], found[k0, j0], found[(nz - k) % mz, (ny - j) % my]
                for i in range(2 * min(inside, mx // 2 + 1)):
                    into[i] += row[i] * np.float32(here * factors[i])
                for i in range(mx - mx // 2, min(inside, mx)):
                    factor = np.float32(here * factors[2 * i])
                    across[2 * (mx - i)] += row[2 * i] * factor
                    across[2 * (mx - i) + 1] -= row[2 * i + 1] * factor
                if inside > mx:
                    for i in range(2):
                        into[i] += row[2 * mx + i] * np.float32(here * factors[2 * mx])


@loop("void(i4[:,::1], u1[::1])")
def used_rows(bits, used):
    """Which rows hold anything but 0 of either sign; `bits` is what their floats are made of."""
    for j in range(bits.shape[0]):
        row, found = bits[j], np.int32(0)
        for i in range(len(row)):
            found |= row[i]
        used[j] = (found & 0x7FFFFFFF) != 0
