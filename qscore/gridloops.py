"""The loops over points of a map, as they are compiled: sums of sections, marks near atoms, Fourier shells, residues.

Called through `qscore.compiled`; as in `kernel`, nothing is allocated here.
"""

import math

import numpy as np

from qscore import lanes
from qscore.building import apart, loop, quick

_SUM, _SQUARES, _SOLVENT, _SOLVENT_SQUARES = range(4)  # places of `totals`
_FAR_OUT = 1e7  # Å: beyond it nothing is near a map, and whole numbers hold
_FINITE, _FAR, _ABOVE, _ABOVE_FAR = range(4)  # places of `counts`


@quick
def _reach(limit, step, n, at):
    """First and last-plus-one index within `limit` of a coordinate `at`, all in Å from point 0."""
    return max(0, math.ceil((at - limit) / step)), min(n, math.floor((at + limit) / step) + 1)


@quick
def _eights(begin, end, n):
    """Where to begin, and how many runs of eight there are, so that all from begin to end is in them; 0: no room."""
    eights = (end - begin + 7) // 8
    return (min(begin, n - 8 * eights), eights) if 0 < 8 * eights <= n else (begin, 0)


@quick
def _lower(row, along, add, at):
    """Lower eight points of a row: so many, and without a branch, are quick."""
    for i in range(np.uint64(at), np.uint64(at + 8)):
        new, old = add + along[i], row[i]
        row[i] = new if new < old else old


@loop("void(f4[:,:,::1], i8, f8[::1], f8[::1], f8[:,::1], f8, f4[::1])")
def nearest_squared(nearest, first, origin, step, positions, reach, along):
    """Lower `nearest` to the squared distance of each point to the nearest position, where that is below `reach`.

    Some points further away are lowered too, to squares of no less. It holds sections `first` on of a box; `origin` is
    the position of the box's point 0, Å, x y z; `along` is scratch for a row.
    """
    nz, ny, nx = nearest.shape
    for n in range(len(positions)):
        x, y, z = positions[n, 0] - origin[0], positions[n, 1] - origin[1], positions[n, 2] - origin[2]
        k0, k1 = _reach(reach, step[2], first + nz, z)
        if k1 <= first:
            continue
        i0, i1 = _reach(reach, step[0], nx, x)
        i0, eights = _eights(i0, i1, nx)
        i1 = max(i1, i0 + 8 * eights)
        for i in range(i0, i1):
            along[i] = (i * step[0] - x) ** 2
        for k in range(max(k0, first), k1):
            dz2 = (k * step[2] - z) ** 2
            j0, j1 = _reach(math.sqrt(max(reach * reach - dz2, 0.0)), step[1], ny, y)
            for j in range(j0, j1):
                row, add = nearest[k - first, j], np.float32(dz2 + (j * step[1] - y) ** 2)
                for eight in range(eights):
                    _lower(row, along, add, i0 + 8 * eight)
                for i in range(i0 + 8 * eights, i1):
                    row[i] = min(row[i], add + along[i])


@loop("void(u1[:,:,::1], i8, f8[::1], f8[::1], f8[:,::1], f8[::1])")
def mark_spheres(marked, first, origin, step, positions, reach):
    """Set the points within its own `reach` of each position to 1, in sections `first` on of a box.

    `origin` is the position of the box's point 0, Å, x y z.
    """
    nz, ny, nx = marked.shape
    for n in range(len(positions)):
        x, y, z = positions[n, 0] - origin[0], positions[n, 1] - origin[1], positions[n, 2] - origin[2]
        k0, k1 = _reach(reach[n], step[2], first + nz, z)
        for k in range(max(k0, first), k1):
            left = reach[n] * reach[n] - (k * step[2] - z) ** 2
            j0, j1 = _reach(math.sqrt(max(left, 0.0)), step[1], ny, y)
            for j in range(j0, j1):
                i0, i1 = _reach(math.sqrt(max(left - (j * step[1] - y) ** 2, 0.0)), step[0], nx, x)
                marked[k - first, j, i0 : max(i0, i1)] = 1


@loop("void(u1[:,:,::1], i8[::1], i8[:,::1], u1[:,:,::1])")
def shrink(marked, beside, shifts, left):
    """What is left of the marked points (1) when those beside one that is not are taken away.

    Beside a point are those at `shifts`, x y z, from it; `left` is smaller by `beside` points at either end.
    """
    for k in range(left.shape[0]):
        for j in range(left.shape[1]):
            row, any_left = left[k, j], np.uint8(0)
            here = marked[k + beside[2], j + beside[1], beside[0] :]
            for i in range(len(row)):
                row[i] = here[i]
                any_left |= here[i]
            for n in range(len(shifts) if any_left else 0):
                x, y, z = beside[0] + shifts[n, 0], beside[1] + shifts[n, 1], beside[2] + shifts[n, 2]
                there = marked[k + z, j + y, x:]
                for i in range(len(row)):
                    row[i] &= there[i]


@loop("void(f4[:,:,::1], f8, u1[:,:,::1])")
def soft_weights(nearest, radius, weights):
    """1 up to a radius, 0 from twice that on, a cosine between, in 255ths, of squared distances."""
    nz, ny, nx = nearest.shape
    for k in range(nz):
        for j in range(ny):
            row, out = nearest[k, j], weights[k, j]
            for i in range(nx):
                squared = np.float64(row[i])
                if squared <= radius * radius:
                    out[i] = 255
                elif squared >= 4 * radius * radius:
                    out[i] = 0
                else:
                    out[i] = int(127.5 + 127.5 * math.cos(math.pi * (math.sqrt(squared) / radius - 1)) + 0.5)


@apart
def _gaussians(exponents, step, first, count, at, table):
    """exp(−a d²) of 5 exponents a at points `first` on, d from `at`: each from the one before, by a falling factor."""
    d = first * step - at
    for g in range(5):
        a = exponents[g]
        value, ratio = math.exp(-a * d * d), math.exp(-a * step * (2 * d + step))
        fall = math.exp(-2 * a * step * step)
        for i in range(count):
            table[g, i] = value
            value *= ratio
            ratio *= fall


@apart
def _add_round(row, first, heights, table, along, count, left):
    """What `_add_row` adds, where the row's ends are passed."""
    for i in range(count):
        if along[i] <= left:
            more = heights[0] * table[0, i] + heights[1] * table[1, i] + heights[2] * table[2, i]
            row[(first + i) % len(row)] += more + heights[3] * table[3, i] + heights[4] * table[4, i]


@quick
def _add_row(row, first, beside, tables, j, along, count, left):
    """Add an atom to a row, end to end: `count` places of the table along x, of which place 0 is `first`.

    Points of which `along` is more than `left` are left out.
    """
    table = tables[0]
    h0, h1 = np.float32(beside[0] * tables[1, 0, j]), np.float32(beside[1] * tables[1, 1, j])
    h2, h3 = np.float32(beside[2] * tables[1, 2, j]), np.float32(beside[3] * tables[1, 3, j])
    h4 = np.float32(beside[4] * tables[1, 4, j])
    if first >= 0 and first + count <= len(row):  # almost always
        for at in range(0, count, 8):
            lanes.add(row, first + at, table, (h0, h1, h2, h3, h4), along, at, left)
        return
    _add_round(row, first, (h0, h1, h2, h3, h4), table, along, count, left)


@quick
def _any_section(k0, nk, nz, first, count):
    """Whether one of `nk` sections from k0 on, end to end, lies among `count` from `first` on."""
    at = (k0 - first) % nz
    return at < count or at + nk > nz


@loop(
    "void(f4[:,:,::1], i8, i8, f8[::1], f8[::1], f8[:,::1], i8[::1], f8[:,::1], f8[::1], f8[::1], f8, f4[:,:,::1],"
    " f4[::1], f8[:,::1])"
)
def spread_atoms(
    grid, first, nz, origin, step, positions, kind, coefficients, b, occupancy, fall, tables, along, scratch
):
    """Add atoms, each five Gaussians, to sections `first` on of a periodic grid of `nz`.

    Atom n adds occupancy Σ a (4π / (c + B))^1.5 exp(−4π² r² / (c + B)), with a and c the first and the last
    five `coefficients` of its kind, up to where the widest has fallen to exp(−`fall`). `tables` (3, 5, points), `along`
    (points) and `scratch` (3, 5) are scratch, the points a multiple of 8; an atom reaches no further than they go.
    """
    count, ny, _ = grid.shape
    most = tables.shape[2]
    exponents, heights, beside = scratch[0], scratch[1], scratch[2]
    for n in range(len(positions)):
        narrow = math.inf
        for g in range(5):
            width = coefficients[kind[n], 5 + g] + b[n]
            exponents[g] = 4 * math.pi * math.pi / width
            narrow = min(narrow, exponents[g])
        reach = math.sqrt(fall / narrow)
        x, y, z = positions[n, 0] - origin[0], positions[n, 1] - origin[1], positions[n, 2] - origin[2]
        k0 = math.ceil((z - reach) / step[2])
        nk = min(math.floor((z + reach) / step[2]) - k0 + 1, most)
        if not _any_section(k0, nk, nz, first, count):
            continue
        for g in range(5):
            width = coefficients[kind[n], 5 + g] + b[n]
            heights[g] = occupancy[n] * coefficients[kind[n], g] * (4 * math.pi / width) ** 1.5
        i0, j0 = math.ceil((x - reach) / step[0]), math.ceil((y - reach) / step[1])
        ni = min((math.floor((x + reach) / step[0]) - i0 + 8) // 8 * 8, most)
        nj = min(math.floor((y + reach) / step[1]) - j0 + 1, most)
        _gaussians(exponents, step[0], i0, ni, x, tables[0])
        _gaussians(exponents, step[1], j0, nj, y, tables[1])
        _gaussians(exponents, step[2], k0, nk, z, tables[2])
        for i in range(ni):
            along[i] = ((i0 + i) * step[0] - x) ** 2
        for k in range(nk):
            section = (k0 + k) % nz - first
            if not 0 <= section < count:
                continue
            left = reach * reach - ((k0 + k) * step[2] - z) ** 2
            for g in range(5):
                beside[g] = heights[g] * tables[2, g, k]
            for j in range(nj):
                rest = left - ((j0 + j) * step[1] - y) ** 2
                if rest >= 0:
                    _add_row(grid[section, (j0 + j) % ny], i0, beside, tables, j, along, ni, np.float32(rest))


@loop("void(f4[:,:,::1], u1[:,:,::1], f4[::1], f4[:,:,::1])")
def weigh(values, weights, terms, out):
    """(values + terms[0]) · weights · terms[1] into the first points of a larger grid of zeros."""
    for k in range(values.shape[0]):
        for j in range(values.shape[1]):
            row, beside, into = values[k, j], weights[k, j], out[k, j]
            any_weight = np.uint8(0)
            for i in range(len(beside)):
                any_weight |= beside[i]
            for i in range(len(row) if any_weight else 0):
                into[i] = ((row[i] + terms[0]) * np.float32(beside[i])) * terms[1]


@apart
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


@apart
def _solvent_sums(row, out):
    """`_row_sums` of the points of which `out` says that they are solvent."""
    s0 = s1 = s2 = s3 = q0 = q1 = q2 = q3 = 0.0
    n = len(row) // 4 * 4
    for i in range(0, n, 4):
        a = np.float64(row[i]) if out[i] == 0 else 0.0
        b = np.float64(row[i + 1]) if out[i + 1] == 0 else 0.0
        c = np.float64(row[i + 2]) if out[i + 2] == 0 else 0.0
        d = np.float64(row[i + 3]) if out[i + 3] == 0 else 0.0
        s0, s1, s2, s3 = s0 + a, s1 + b, s2 + c, s3 + d
        q0, q1, q2, q3 = q0 + a * a, q1 + b * b, q2 + c * c, q3 + d * d
    for i in range(n, len(row)):
        a = np.float64(row[i]) if out[i] == 0 else 0.0
        s0, q0 = s0 + a, q0 + a * a
    return (s0 + s1) + (s2 + s3), (q0 + q1) + (q2 + q3)


@apart
def _add_counts(row, out, level, counts):
    """Count the points of a row of numbers: all, solvent, above a level, of these not near."""
    far, above, above_far = 0, 0, 0
    for i in range(len(row)):
        beyond = row[i] > level
        far += out[i] == 0
        above += beyond
        above_far += beyond & (out[i] & 1 == 0)
    counts[_FINITE] += len(row)
    counts[_FAR] += far
    counts[_ABOVE] += above
    counts[_ABOVE_FAR] += above_far


@apart
def _add_any(row, out, level, totals, counts):
    """Add a row of which some points are not numbers."""
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
    The level is a single number.
    """
    for k in range(sections.shape[0]):
        for j in range(sections.shape[1]):
            row, where = sections[k, j], out[k, j]
            total, squares = _row_sums(row)
            if not math.isfinite(squares):
                _add_any(row, where, level, totals, counts)
                continue
            bits = np.uint8(0)
            for i in range(len(where)):
                bits |= where[i]
            solvent, solvent_squares = _solvent_sums(row, where) if bits else (total, squares)
            totals[_SUM] += total
            totals[_SQUARES] += squares
            totals[_SOLVENT] += solvent
            totals[_SOLVENT_SQUARES] += solvent_squares
            _add_counts(row, where, np.float32(level), counts)


@loop("void(f4[:,:,::1], f4[:,:,::1], i8, i8, i8, f8[::1], f8, f8[:,::1], i4[::1])")
def shell_sums(one, other, first, of, nx, frequency, width, sums, shells):
    """Of each shell of Fourier terms: Σ Re(one · other*), Σ |one|², Σ |other|², how many, added to `sums` (4, shells).

    The terms, real and imaginary parts in turn, are sections `first` on, of `of`, of those of a real map of `nx`
    points along x: half of them are there. `frequency` is that of the first term along x, y, z, 1/Å; `width` that of a
    shell. Shell s is centred on s · width; beyond the last: left out. `shells` is scratch for the terms of a row.
    """
    count, ny, _ = one.shape
    for k in range(first, first + count):
        fz = (k if 2 * k <= of else k - of) * frequency[2]
        for j in range(ny):
            fy = (j if 2 * j <= ny else j - ny) * frequency[1]
            left = (sums.shape[1] * width) ** 2 - fy * fy - fz * fz
            among = min(len(shells), int(math.sqrt(max(left, 0.0)) / frequency[0]) + 1)
            for i in range(among):
                fx = i * frequency[0]
                shells[i] = np.int32(math.sqrt(fx * fx + fy * fy + fz * fz) / width + 0.5)
            row, beside = one[k - first, j], other[k - first, j]
            for i in range(among):
                shell = shells[i]
                if shell >= sums.shape[1]:
                    break
                times = 1.0 if i == 0 or 2 * i == nx else 2.0
                ar, ai, br, bi = row[2 * i], row[2 * i + 1], beside[2 * i], beside[2 * i + 1]
                ar, ai, br, bi = np.float64(ar), np.float64(ai), np.float64(br), np.float64(bi)
                sums[0, shell] += times * (ar * br + ai * bi)
                sums[1, shell] += times * (ar * ar + ai * ai)
                sums[2, shell] += times * (br * br + bi * bi)
                sums[3, shell] += times


@quick
def _chosen(packed, i):
    """Whether point i of a row of a packed mask is chosen."""
    return (packed[i >> 3] >> (7 - (i & 7))) & 1


_N, _A, _B, _AA, _BB, _AB = range(6)  # places of the sums of two maps


@loop("void(f4[:,:,::1], f4[:,:,::1], u1[:,:,::1], f8, f8, f8[:,::1], f8[::1])")
def sums_of_two(one, other, packed, centre, top, sums, histogram):
    """Of two maps: their number of points, sums, sums of squares and of products, in a packed mask and in all.

    `centre` is taken off the first. Row 0 of `sums` is of the mask, row 1 of all points of the first map.
    The density of the second in the mask is added to `histogram` by its value, between 0 and `top`.
    """
    bins = len(histogram)
    for k in range(one.shape[0]):
        for j in range(one.shape[1]):
            row, beside, mask = one[k, j], other[k, j], packed[k, j]
            b, bb, ab = _sums_beside(row, beside, centre)
            sums[1, _B] += b
            sums[1, _BB] += bb
            sums[1, _AB] += ab
            for byte in range(len(mask)):
                if not mask[byte]:
                    continue
                for i in range(8 * byte, min(8 * byte + 8, len(row))):
                    if _chosen(mask, i):
                        w, v = np.float64(beside[i]), np.float64(row[i]) - centre
                        sums[0, _N] += 1
                        sums[0, _A] += v
                        sums[0, _B] += w
                        sums[0, _AA] += v * v
                        sums[0, _BB] += w * w
                        sums[0, _AB] += v * w
                        if w >= 0:
                            histogram[min(int(w / top * bins), bins - 1)] += w


@apart
def _sums_beside(row, beside, centre):
    """Sum and sum of squares of a row beside another, and of their products: four at a time, as in `_row_sums`."""
    b0 = b1 = b2 = b3 = q0 = q1 = q2 = q3 = p0 = p1 = p2 = p3 = 0.0
    n = len(row) // 4 * 4
    for i in range(0, n, 4):
        w0, w1, w2, w3 = beside[i], beside[i + 1], beside[i + 2], beside[i + 3]
        w0, w1, w2, w3 = np.float64(w0), np.float64(w1), np.float64(w2), np.float64(w3)
        b0, b1, b2, b3 = b0 + w0, b1 + w1, b2 + w2, b3 + w3
        q0, q1, q2, q3 = q0 + w0 * w0, q1 + w1 * w1, q2 + w2 * w2, q3 + w3 * w3
        p0, p1 = p0 + (np.float64(row[i]) - centre) * w0, p1 + (np.float64(row[i + 1]) - centre) * w1
        p2, p3 = p2 + (np.float64(row[i + 2]) - centre) * w2, p3 + (np.float64(row[i + 3]) - centre) * w3
    for i in range(n, len(row)):
        w = np.float64(beside[i])
        b0, q0, p0 = b0 + w, q0 + w * w, p0 + (np.float64(row[i]) - centre) * w
    return (b0 + b1) + (b2 + b3), (q0 + q1) + (q2 + q3), (p0 + p1) + (p2 + p3)


@loop("void(f4[:,:,::1], f4[:,:,::1], f8, f8, f8[::1])")
def sums_above(one, other, centre, level, sums):
    """The same of the points where the second map is above a level."""
    for k in range(one.shape[0]):
        for j in range(one.shape[1]):
            row, beside, found = one[k, j], other[k, j], False
            for i in range(len(row)):
                found |= np.float64(beside[i]) > level
            for i in range(len(row) if found else 0):
                w = np.float64(beside[i])
                if w > level:
                    v = np.float64(row[i]) - centre
                    sums[_N] += 1
                    sums[_A] += v
                    sums[_B] += w
                    sums[_AA] += v * v
                    sums[_BB] += w * w
                    sums[_AB] += v * w


@loop("void(f4[:,:,::1], f4[::1], i8[::1])")
def count_above(values, levels, counts):
    """How many points lie above each level, added to `counts`."""
    for k in range(values.shape[0]):
        for j in range(values.shape[1]):
            row = values[k, j]
            for n in range(len(levels)):
                level, above = levels[n], np.int32(0)
                for i in range(len(row)):
                    above = np.int32(above + (row[i] > level))
                counts[n] += above


@loop("void(i4[::1], i8, i8, i8[::1])")
def digits(bits, digit, prefix, counts):
    """Count the numbers by 16 of their bits, in the order of the floats they are.

    `digit` 1: by the upper half; 0: by the lower half, of those whose upper half is `prefix`.
    """
    for n in range(len(bits)):
        value = bits[n]
        key = np.int64(value) ^ ((np.int64(value) >> 31) & 0x7FFFFFFF)
        key += 1 << 31
        if digit:
            counts[key >> 16] += 1
        elif key >> 16 == prefix:
            counts[key & 0xFFFF] += 1


@apart
def _correlated(n, a, b, aa, bb, ab):
    """Pearson correlation of sums; NaN for fewer than 4 points or without variance."""
    if n < 4:
        return math.nan
    of_a, of_b = aa - a * a / n, bb - b * b / n
    if not (of_a > 1e-12 * aa and of_b > 1e-12 * bb):
        return math.nan
    return min(1.0, max(-1.0, (ab - a * b / n) / math.sqrt(of_a * of_b)))


@apart
def _ends(position, first, last, axis, origin):
    """Lowest and highest coordinate of some atoms from point 0 on; those far out are left out."""
    low, high = math.inf, -math.inf
    for n in range(first, last):
        at = position[n, axis] - origin[axis]
        if abs(at) < _FAR_OUT:
            low, high = min(low, at), max(high, at)
    return (low, high) if low <= high else (0.0, 0.0)


@loop("void(f4[:,:,::1], f4[:,:,::1], i4[::1], i8, i8, f8[::1], f8[::1], f8[:,::1], i8[::1], f8, f8[::1])")
def local_correlations(one, other, seen, begin, end, origin, step, position, starts, reach, found):
    """Correlation of two maps over the points within `reach` of each group of atoms, into `found`: groups begin … end.

    Group g holds atoms starts[g] … starts[g + 1] − 1 of `position`; `origin` is that of point 0. `seen`, full of −1
    and with room for the points around any group, keeps the last group that counted a point, so that each counts it
    once.
    """
    nz, ny, nx = one.shape
    for g in range(begin, end):
        count, a, b, aa, bb, ab = 0, 0.0, 0.0, 0.0, 0.0, 0.0
        x, high = _ends(position, starts[g], starts[g + 1], 0, origin)
        first_x, after_x = max(0, math.ceil((x - reach) / step[0])), min(nx, math.floor((high + reach) / step[0]) + 1)
        y, high = _ends(position, starts[g], starts[g + 1], 1, origin)
        first_y, after_y = max(0, math.ceil((y - reach) / step[1])), min(ny, math.floor((high + reach) / step[1]) + 1)
        z, high = _ends(position, starts[g], starts[g + 1], 2, origin)
        first_z = max(0, math.ceil((z - reach) / step[2]))
        of_x, of_y = max(after_x - first_x, 0), max(after_y - first_y, 0)
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
                    at = ((k - first_z) * of_y + j - first_y) * of_x - first_x
                    for i in range(i0, i1):
                        if seen[at + i] != g:
                            seen[at + i] = g
                            v, w = np.float64(one[k, j, i]), np.float64(other[k, j, i])
                            count += 1
                            a, b, aa, bb, ab = a + v, b + w, aa + v * v, bb + w * w, ab + v * w
        found[g] = _correlated(count, a, b, aa, bb, ab)
