"""The loops of the score, as they are compiled: called through `qscore.compiled`, never imported to score.

Good input is assumed: `score.py` checks at the door. Nothing is allocated here, nothing refused: machine code that
needs no runtime is loaded in a moment. Scratch comes with the call (see `qscore.sampling`).
"""

import math

import numpy as np

from qscore.building import loop, quick
from qscore.lanes import LANES, fetch, free, interpolate, ones, put

INSIDE, CONSTANT, OUTSIDE = 0, 1, 2
ROUNDING = 32 * 2.0**-24  # more than single precision is wrong by in what `lanes.free` adds up, beside its terms

_DX, _DY, _DZ, _D2 = range(4)  # rows of the neighbours


@quick
def _trilinear(line, row, section, a, fx, fy, fz):
    """Nested linear interpolation in the cell whose lowest corner is place `a` of the box's line.

    Places and strides are unsigned: they need no test for negative indices.
    """
    b, c, d = a + row, a + section, a + row + section
    one = np.uint64(1)
    v000, v010, v001, v011 = np.float64(line[a]), np.float64(line[b]), np.float64(line[c]), np.float64(line[d])
    v00 = v000 + fx * (np.float64(line[a + one]) - v000)
    v10 = v010 + fx * (np.float64(line[b + one]) - v010)
    v01 = v001 + fx * (np.float64(line[c + one]) - v001)
    v11 = v011 + fx * (np.float64(line[d + one]) - v011)
    v0 = v00 + fy * (v10 - v00)
    v1 = v01 + fy * (v11 - v01)
    return v0 + fz * (v1 - v0)


@quick
def _all_marked(marked, i, j, k):
    return (
        marked[k, j, i] and marked[k, j, i + 1] and marked[k, j + 1, i] and marked[k, j + 1, i + 1]
        and marked[k + 1, j, i] and marked[k + 1, j, i + 1] and marked[k + 1, j + 1, i] and marked[k + 1, j + 1, i + 1]
    )  # fmt: skip


@quick
def _cells_around(low, shape, size, centre):
    """The cells that hold all neighbours of a place: from, to along x; along y; along z."""
    a = min(int((centre[0] - low[0]) / size), shape[0] - 1)
    b = min(int((centre[1] - low[1]) / size), shape[1] - 1)
    c = min(int((centre[2] - low[2]) / size), shape[2] - 1)
    return (
        max(a - 1, 0), min(a + 1, shape[0] - 1), max(b - 1, 0), min(b + 1, shape[1] - 1), max(c - 1, 0),
        min(c + 1, shape[2] - 1),
    )  # fmt: skip


@quick
def _gather(packed, order, starts, low, shape, size, centre, atom, reach, near):
    """Vectors to the atoms within `reach` of an atom at `centre` and their squared lengths, into `near`; the count.

    Every atom of the cells around is written, and overwritten by the next when it
    is not within reach: that is faster than a branch nobody can foretell.
    """
    x, y, z = centre[0], centre[1], centre[2]
    x0, x1, y0, y1, z0, z1 = _cells_around(low, shape, size, centre)
    count = np.uint64(0)
    for i in range(x0, x1 + 1):
        for j in range(y0, y1 + 1):
            cell = (i * shape[1] + j) * shape[2]
            for place in range(np.uint64(starts[cell + z0]), np.uint64(starts[cell + z1 + 1])):
                dx, dy, dz = packed[0, place] - x, packed[1, place] - y, packed[2, place] - z
                d2 = dx * dx + dy * dy + dz * dz
                near[_DX, count], near[_DY, count], near[_DZ, count], near[_D2, count] = dx, dy, dz, d2
                count += np.uint64((d2 < reach * reach) & (order[place] != atom))
    return np.int64(count)


@quick
def _sort(near, count, ranks, singles):
    """The neighbours in single precision, the nearest first, into `singles`; after them one far out of reach.

    Each is written where it belongs, for it is compared with all: without a branch.
    """
    for m in range(np.uint64(count)):
        ranks[m] = 0
    for m in range(np.uint64(count)):
        d2 = near[_D2, m]
        for other in range(np.uint64(count)):
            ranks[other] += (near[_D2, other] > d2) | ((near[_D2, other] == d2) & (other > m))
    for m in range(np.uint64(count)):
        rank = np.uint64(ranks[m])
        for column in range(4):
            singles[rank, np.uint64(column)] = near[np.uint64(column), m]
    for column in range(4):
        singles[np.uint64(count), np.uint64(column)] = 1e30 * (column == _D2)


@quick
def _free_exactly(ways, chunk, n, near, count, radius, exclusion):
    """Bit k is set when direction k of a chunk has u·b <= ((1 - f²) R² + |b|²) / 2R for every neighbour b."""
    bits, scale, needed, nearest = 0, 0.5 / radius, (1.0 - exclusion * exclusion) * radius * radius, math.inf
    for m in range(count):
        nearest = min(nearest, near[_D2, m])
    reached = count if nearest < ((1.0 + exclusion) * radius) ** 2 else 0
    for lane in range(n):
        x, y, z, lost = ways[chunk, 0, lane], ways[chunk, 1, lane], ways[chunk, 2, lane], False
        for m in range(reached):
            along = near[_DX, m] * x + near[_DY, m] * y + near[_DZ, m] * z
            lost = lost or along > scale * (needed + near[_D2, m])
        bits |= int(not lost) << lane
    return bits


@quick
def _count_free(lanes, ways, first, size, near, singles, count, within, radius, exclusion, kept):
    """How many of a set's directions are free at a radius; which, a bit each, into `kept`, a chunk a number.

    In single precision; where that cannot tell, exactly. No more than the first `within` of `singles` matter.
    """
    twice, limit = np.float32(2.0 * radius), np.float32((1.0 - exclusion * exclusion) * radius * radius)
    guard, n = np.float32(ROUNDING * 2.0 * (1.0 + exclusion) * radius * radius), 0
    for begin in range(0, size, LANES):
        chunk, left = first + begin // LANES, size - begin
        told = free(lanes, chunk, int(left > LANES // 2), singles, within, twice, limit, guard)
        bits = told & 0xFFFFFFFF
        if (told >> 32) & 0xFFFFFFFF != bits:
            bits = _free_exactly(ways, chunk, min(left, LANES), near, count, radius, exclusion)
        kept[np.uint64(begin // LANES)] = bits
        n += ones(bits)
    return n


@quick
def _put_free(kept, ways, first, size, radius, x, y, z, place):
    """Offsets of the directions of a set whose bits are set in `kept`, from `place` on; the place after the last."""
    for begin in range(0, size, 8):
        chunk, lane = begin // LANES, begin % LANES
        bits = (kept[np.uint64(chunk)] >> lane) & 255
        put(ways, first + chunk, lane, bits, radius, x, y, z, place)
        place += ones(bits)
    return place


@quick
def _choose(
    near, singles, count, lanes, ways, firsts, sizes, radii, scaled, points, exclusion, kept, number, x, y, z
):  # fmt: skip
    """The points to sample, shell after shell: their offsets in voxels, their `number` in each shell, how many in all.

    A neighbour b takes the point R u when |R u - b| < f R, that is when
    u·b > ((1 - f²) R² + |b|²) / 2R; only one within (1 + f) R can.
    After the last point come eight at the centre.
    """
    tries, current, place, within = len(sizes), 0, 0, 0
    # A direction lost at one radius is lost at all larger ones up to |b| / sqrt(1 - f²)
    # at least, so a set that failed is not tried again; not so beside a clashing atom.
    clash = singles[0, _D2] < (1.0 - exclusion * exclusion) * radii[-1] ** 2 * (1.0 + ROUNDING)
    number[0] = points
    for shell in range(1, len(radii)):
        radius, n = radii[shell], 0
        if clash:
            current = 0
        reach = ((1.0 + exclusion) * radius) ** 2 * (1.0 + ROUNDING)
        while within < count and singles[np.uint64(within), np.uint64(_D2)] < reach:
            within += 1
        while current < tries:
            first, size = firsts[np.uint64(current)], sizes[np.uint64(current)]
            n = _count_free(lanes, ways, first, size, near, singles, count, within, radius, exclusion, kept)
            if n >= points:
                in_voxels = scaled[shell, 0], scaled[shell, 1], scaled[shell, 2]
                place = _put_free(kept, ways, first, size, in_voxels, x, y, z, place)
                break
            current += 1
            n = 0
        number[shell] = n
    for p in range(place, place + 8):
        x[p], y[p], z[p] = 0.0, 0.0, 0.0
    return place


@quick
def _read(line, row, section, marked, offset, grid, cx, cy, cz, dx, dy, dz):
    """Value at a grid index c + d, x y z, and where it lies; outside the grid the map reads 0.

    The place in the voxel is reckoned from the fraction of c, as `_sample_inside` does.
    """
    x, y, z = cx + dx, cy + dy, cz + dz
    nx, ny, nz = grid[0], grid[1], grid[2]
    if not (x >= 0 and x <= nx - 1 and y >= 0 and y <= ny - 1 and z >= 0 and z <= nz - 1):
        return 0.0, OUTSIDE
    i, fx = _voxel(cx, dx, nx)
    j, fy = _voxel(cy, dy, ny)
    k, fz = _voxel(cz, dz, nz)
    i, j, k = i - offset[0], j - offset[1], k - offset[2]
    a = np.uint64(k * section + j * row + i)
    value = _trilinear(line, np.uint64(row), np.uint64(section), a, fx, fy, fz)
    if marked.size > 0 and _all_marked(marked, i, j, k):
        return value, CONSTANT
    return value, INSIDE


@quick
def _voxel(c, d, n):
    """Lower grid point of c + d along an axis of n points, and the fraction beyond it."""
    whole = math.floor(c)
    beyond = (c - whole) + d
    i = min(max(int(whole) + int(math.floor(beyond)), 0), n - 2)
    return i, beyond - (i - whole)


@quick
def _clear_of_edges(grid, step, centre, rmax):
    for axis in range(3):
        reach = rmax / step[axis]
        if not (centre[axis] - reach >= 0 and centre[axis] + reach < grid[axis] - 1):
            return False
    return True


@quick
def _squares(value, middle, begin, end, squares):
    """Add the squares of value - middle of some points to the sum `squares`."""
    for p in range(np.uint64(begin), np.uint64(end)):
        difference = value[p] - middle
        squares += difference * difference
    return squares


@quick
def _sample_inside(line, row, section, offset, centre, middle, x, y, z, value, n, at, faces):
    """Values of n points well inside the grid, eight at a time; the sum of the squares of value - middle.

    First all places in the box's line, then all values there, then what lies between:
    three simple passes keep the processor busier than one. The sum, a long chain,
    is added up while it interpolates.
    """
    ix, iy, iz = int(centre[0]), int(centre[1]), int(centre[2])
    fx, fy, fz = centre[0] - ix, centre[1] - iy, centre[2] - iz
    corner = (iz - offset[2]) * section + (iy - offset[1]) * row + ix - offset[0]
    for p in range(n):
        at[p] = corner + int(np.floor(fz + z[p]) * section + np.floor(fy + y[p]) * row + np.floor(fx + x[p]))
    for p in range(np.uint64(n)):
        fetch(line, at[p], row, faces, 0, np.int64(p))
        fetch(line, at[p] + section, row, faces, 1, np.int64(p))
    squares, last = 0.0, n - n % 8
    for place in range(0, last, 8):
        interpolate(faces, fx, fy, fz, x, y, z, value, place)
        squares = _squares(value, middle, place, place + 8, squares)
    if last < n:
        interpolate(faces, fx, fy, fz, x, y, z, value, last)
    return _squares(value, middle, last, n, squares)


@quick
def _count_constant(marks, row, section, at, n):
    """How many of n points lie on constant map, each between the place `at` of the box and seven others."""
    count, one = 0, np.uint64(1)
    for p in range(np.uint64(n)):
        a = np.uint64(at[p])
        b, c = a + np.uint64(row), a + np.uint64(section)
        d = c + np.uint64(row)
        if marks[a]:
            face = marks[a + one] & marks[b] & marks[b + one]
            count += face & marks[c] & marks[c + one] & marks[d] & marks[d + one]
    return count


@quick
def _sample_anywhere(line, row, section, marked, offset, grid, centre, x, y, z, value, n):
    """Values of n points that may lie outside the grid; how many are on constant map, and how many outside."""
    flat, outside = 0, 0
    for p in range(n):
        value[p], where = _read(
            line, row, section, marked, offset, grid, centre[0], centre[1], centre[2], x[p], y[p], z[p]
        )
        flat += where == CONSTANT
        outside += where == OUTSIDE
    return flat, outside


@quick
def _add_up(value, middle, number, total):
    """Sum of value - middle of each shell into `total`."""
    end, total[0] = np.uint64(0), 0.0
    for shell in range(np.uint64(1), np.uint64(len(number))):
        begin, end, summed = end, end + np.uint64(number[shell]), 0.0
        for place in range(begin, end):
            summed += value[place] - middle
        total[shell] = summed


@quick
def _shells(value, middle, number, total, shells):
    """Points of each shell, their mean, and the sum of the squares about it, into `shells` (radii, 3)."""
    shells[0, 0], shells[0, 1], shells[0, 2] = number[0], middle, 0.0
    end = 0
    for shell in range(1, len(number)):
        begin, end, squares = end, end + number[shell], 0.0
        beyond = total[shell] / number[shell] if number[shell] > 0 else math.nan
        for place in range(begin, end):
            squares += (value[place] - middle - beyond) ** 2
        shells[shell, 0], shells[shell, 1], shells[shell, 2] = number[shell], middle + beyond, squares


@quick
def _correlation(number, total, squares, reference):
    """Pearson correlation of all values with the reference at their radii; NaN without variance."""
    n, sum_v, sum_g = 0, 0.0, 0.0
    for shell in range(len(number)):
        n += number[shell]
        sum_v += total[shell]
        sum_g += number[shell] * reference[shell]
    mean_g = sum_g / n
    with_g, of_g = 0.0, 0.0
    for shell in range(len(number)):
        g = reference[shell] - mean_g
        with_g += g * total[shell]
        of_g += number[shell] * g * g
    of_v = squares - sum_v * sum_v / n
    if not (of_v > 0.0 and of_g > 0.0):
        return math.nan
    return min(1.0, max(-1.0, with_g / math.sqrt(of_v * of_g)))


@loop(
    "void(f4[:,:,::1], f4[::1], u1[:,:,::1], u1[::1], i8[::1], i8[::1], f8[::1], f8[::1],"
    "f8[:,::1], f8[:,::1], i8[::1], i8[::1], f8[::1], i8[::1], f8, i8[::1], f8[::1],"
    "f4[:,:,::1], f8[:,:,::1], i8[::1], i8[::1], f8[::1], f8[:,::1], f8[:,::1], i8, f8,"
    "f8[:,::1], f4[:,::1], i8[::1], i8[::1], i8[::1], f8[::1], f8[::1], i8[::1], f4[:,::1], f8[:,::1],"
    "f8[:,::1], i4[:,::1], f8[:,::1], f8[:,:,::1])"
)
def score_atoms(
    values, line, marked, marks, offset, grid, origin, step,
    positions, packed, order, cell_starts, low, shape, size, scored, to_mask,
    lanes, ways, firsts, sizes, radii, scaled, references, points, exclusion,
    near, singles, ranks, kept, number, total, centre, at, faces, probes,
    q, sampled, beside, shells,
):  # fmt: skip
    """Q of the atoms `scored` into `q` (n, sigmas); points sampled, on constant map, outside into `sampled` (n, 3).

    `line` and `marks` are the values, and what is marked, one after the other; `to_mask`
    (n,) is the atoms' distance to the nearest marked point; `lanes` to `sizes` are the
    directions as `probes` has them, `scaled` the radii in voxels, x y z. Into `beside` (n, 2)
    go the map at the centre, and that minus the mean of the outermost shell's points;
    into `shells` (n, radii, 3), unless it is empty, what `_shells` tells of each shell.
    From `near` to `probes` is scratch.
    """
    x, y, z, value = probes[0], probes[1], probes[2], probes[3]
    row, section = values.shape[2], values.shape[1] * values.shape[2]
    reach = (1.0 + exclusion) * radii[-1]
    beyond = radii[-1] + math.sqrt(step[0] ** 2 + step[1] ** 2 + step[2] ** 2)
    for n in range(len(scored)):
        atom = scored[n]
        count = _gather(packed, order, cell_starts, low, shape, size, positions[atom], atom, reach, near)
        _sort(near, count, ranks, singles)
        m = _choose(
            near, singles, count, lanes, ways, firsts, sizes, radii, scaled, points, exclusion, kept, number, x, y, z
        )
        for axis in range(3):
            centre[axis] = (positions[atom, axis] - origin[axis]) / step[axis]
        middle, where = _read(line, row, section, marked, offset, grid, centre[0], centre[1], centre[2], 0.0, 0.0, 0.0)
        flat, outside = 0, 0
        if not _clear_of_edges(grid, step, centre, radii[-1]):
            flat, outside = _sample_anywhere(line, row, section, marked, offset, grid, centre, x, y, z, value, m)
            squares = _squares(value, middle, 0, m, 0.0)
        else:
            squares = _sample_inside(line, row, section, offset, centre, middle, x, y, z, value, m, at, faces)
            if marks.size > 0 and to_mask[n] <= beyond:
                flat = _count_constant(marks, row, section, at, m)
        flat += points * (where == CONSTANT)
        _add_up(value, middle, number, total)
        sampled[n, 0], sampled[n, 1], sampled[n, 2] = points + m, flat, outside
        beside[n, 0] = middle
        beside[n, 1] = -total[-1] / number[-1] if number[-1] > 0 else math.nan
        if shells.size > 0:
            _shells(value, middle, number, total, shells[n])
        for s in range(len(references)):
            q[n, s] = _correlation(number, total, squares, references[s])
