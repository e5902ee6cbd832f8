"""The loops over points of a map, as they are compiled: sums of sections, marks near atoms, Fourier shells, residues.

Called through `qscore.compiled`; as in `kernel`, nothing is allocated here.
"""

import math

import numpy as np
from numba import njit

from qscore.building import loop

_quick = njit(nogil=True)

_SUM, _SQUARES, _SOLVENT, _SOLVENT_SQUARES = range(4)  # places of `totals`
_FAR_OUT = 1e7  # Å: beyond it nothing is near a map, and whole numbers hold
_FINITE, _FAR, _ABOVE, _ABOVE_FAR = range(4)  # places of `counts`


@_quick
def _reach(limit, step, n, at):
    """First and last-plus-one index within `limit` of a coordinate `at`, all in Å from point 0."""
    return max(0, math.ceil((at - limit) / step)), min(n, math.floor((at + limit) / step) + 1)


@_quick
def _lower(row, along, beside):
    """The lesser of each number of a row and `along` + `beside`: without a branch, so that it becomes vector code."""
    for i in range(len(row)):
        new, old = beside + along[i], row[i]
        row[i] = new if new < old else old


@loop("void(f4[:,:,::1], f8[::1], f8[::1], f8[:,::1], f8, f4[::1])")
def nearest_squared(nearest, origin, step, positions, reach, along):
    """Lower `nearest` to the squared distance of each point to the nearest position, where that is below `reach`.

    `origin` is the position of point 0, Å, x y z; `along` is scratch for a row.
    """
    nz, ny, nx = nearest.shape
    for n in range(len(positions)):
        x, y, z = positions[n, 0] - origin[0], positions[n, 1] - origin[1], positions[n, 2] - origin[2]
        i0, i1 = _reach(reach, step[0], nx, x)
        for i in range(i0, i1):
            along[i] = (i * step[0] - x) ** 2
        k0, k1 = _reach(reach, step[2], nz, z)
        for k in range(k0, k1):
            dz2 = (k * step[2] - z) ** 2
            j0, j1 = _reach(math.sqrt(max(reach * reach - dz2, 0.0)), step[1], ny, y)
            for j in range(j0, j1):
                beside = dz2 + (j * step[1] - y) ** 2
                i0, i1 = _reach(math.sqrt(max(reach * reach - beside, 0.0)), step[0], nx, x)
                if i0 < i1:
                    _lower(nearest[k, j, i0:i1], along[i0:i1], np.float32(beside))


@_quick
def _row_sums(row):
    """Sum and sum of squares of a row: four at a time, so that no addition waits for the one before."""
    s0 = s1 = s2 = s3 = q0 = q1 = q2 = q3 = 0.0
    n = len(row) // 4 * 4
    for i in range(0, n, 4):
        a, b, c, d = np.float64(row[i]), np.float64(row[i + 1]), np.float64(row[i + 2]), np.float64(row[i + 3])
        s0, s1, s2, s3 = s0 + a, s1 + b, s2 + c, s3 + d
        q0, q1, q2, q3 = q0 + a * a, q1 + b * b, q2 + c * c, q3 + d * d
    for i in range(n, len(row)):
        a = np.float64(row[i])
        s0, q0 = s0 + a, q0 + a * a
    return (s0 + s1) + (s2 + s3), (q0 + q1) + (q2 + q3)


@_quick
def _add_far(row, out, level, totals, counts):
    """Add a row of which the points of `out` are no solvent, or are not numbers."""
    for i in range(len(row)):
        v = np.float64(row[i])
        if not math.isfinite(v):
            continue
        counts[_FINITE] += 1
        totals[_SUM] += v
        totals[_SQUARES] += v * v
        above = v > level
        counts[_ABOVE] += above
        if out[i] & 1:
            continue
        counts[_ABOVE_FAR] += above
        if out[i] == 0:
            counts[_FAR] += 1
            totals[_SOLVENT] += v
            totals[_SOLVENT_SQUARES] += v * v


@loop("void(f4[:,:,::1], u1[:,:,::1], f8, f8[::1], i8[::1])")
def add_sections(sections, out, level, totals, counts):
    """Sums over sections, added to `totals` and `counts`.

    `out` says of each point: bit 0, near an atom; bit 1, exactly constant map; 0, solvent. Totals: sum and
    squares of all points that are numbers, of solvent. Counts: numbers, solvent, above the level, of these not near.
    """
    for k in range(sections.shape[0]):
        for j in range(sections.shape[1]):
            row, where = sections[k, j], out[k, j]
            bits = np.uint8(0)
            for i in range(len(where)):
                bits |= where[i]
            total, squares = _row_sums(row)
            if bits or not math.isfinite(squares):
                _add_far(row, where, level, totals, counts)
                continue
            above = 0
            for i in range(len(row)):
                above += np.float64(row[i]) > level
            totals[_SUM] += total
            totals[_SOLVENT] += total
            totals[_SQUARES] += squares
            totals[_SOLVENT_SQUARES] += squares
            counts[_FINITE] += len(row)
            counts[_FAR] += len(row)
            counts[_ABOVE] += above
            counts[_ABOVE_FAR] += above


@loop("void(c8[:,:,::1], c8[:,:,::1], i8, f8[::1], f8, f8[:,::1])")
def shell_sums(one, other, nx, frequency, width, sums):
    """Of each shell of Fourier terms: Σ Re(one · other*), Σ |one|², Σ |other|², how many, into `sums` (4, shells).

    The terms are those of a real map of `nx` points along x: half of them are there. `frequency` is that of the
    first term along x, y, z, 1/Å; `width` that of a shell. Shell s is centred on s · width; beyond the last: left out.
    """
    nz, ny, half = one.shape
    for k in range(nz):
        fz = (k if 2 * k <= nz else k - nz) * frequency[2]
        for j in range(ny):
            fy = (j if 2 * j <= ny else j - ny) * frequency[1]
            for i in range(half):
                fx = i * frequency[0]
                shell = int(math.sqrt(fx * fx + fy * fy + fz * fz) / width + 0.5)
                if shell >= sums.shape[1]:
                    break
                times = 1.0 if i == 0 or 2 * i == nx else 2.0
                a, b = one[k, j, i], other[k, j, i]
                ar, ai, br, bi = np.float64(a.real), np.float64(a.imag), np.float64(b.real), np.float64(b.imag)
                sums[0, shell] += times * (ar * br + ai * bi)
                sums[1, shell] += times * (ar * ar + ai * ai)
                sums[2, shell] += times * (br * br + bi * bi)
                sums[3, shell] += times


@_quick
def _correlated(n, a, b, aa, bb, ab):
    """Pearson correlation of sums; NaN for fewer than 4 points or without variance."""
    if n < 4:
        return math.nan
    of_a, of_b = aa - a * a / n, bb - b * b / n
    if not (of_a > 1e-12 * aa and of_b > 1e-12 * bb):
        return math.nan
    return min(1.0, max(-1.0, (ab - a * b / n) / math.sqrt(of_a * of_b)))


@loop("void(f4[:,:,::1], f4[:,:,::1], i4[:,:,::1], f8[::1], f8[::1], f8[:,::1], i8[::1], f8, f8[::1])")
def local_correlations(one, other, seen, origin, step, position, starts, reach, found):
    """Correlation of two maps over the points within `reach` of each group of atoms, into `found`.

    Group g holds atoms starts[g] … starts[g + 1] − 1 of `position`; `origin` is that of point 0. `seen`, full of −1,
    keeps the last group that counted a point, so that each counts it once.
    """
    nz, ny, nx = one.shape
    for g in range(len(starts) - 1):
        count, a, b, aa, bb, ab = 0, 0.0, 0.0, 0.0, 0.0, 0.0
        for n in range(starts[g], starts[g + 1]):
            x, y, z = position[n, 0] - origin[0], position[n, 1] - origin[1], position[n, 2] - origin[2]
            if not (abs(x) < _FAR_OUT and abs(y) < _FAR_OUT and abs(z) < _FAR_OUT):
                continue
            k0, k1 = _reach(reach, step[2], nz, z)
            for k in range(k0, k1):
                left = reach * reach - (k * step[2] - z) ** 2
                j0, j1 = _reach(math.sqrt(max(left, 0.0)), step[1], ny, y)
                for j in range(j0, j1):
                    half = math.sqrt(max(left - (j * step[1] - y) ** 2, 0.0))
                    i0, i1 = _reach(half, step[0], nx, x)
                    for i in range(i0, i1):
                        if seen[k, j, i] != g:
                            seen[k, j, i] = g
                            v, w = np.float64(one[k, j, i]), np.float64(other[k, j, i])
                            count += 1
                            a, b, aa, bb, ab = a + v, b + w, aa + v * v, bb + w * w, ab + v * w
        found[g] = _correlated(count, a, b, aa, bb, ab)
