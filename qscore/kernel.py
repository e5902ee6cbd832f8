"""The loops of the score, as they are compiled: called through `qscore.compiled`, never imported to score.

Good input is assumed: `score.py` checks at the door. Nothing is allocated here, nothing refused: machine code that
needs no runtime is loaded in a moment. Scratch comes with the call (see `qscore.sampling`).
"""

import math

import numpy as np
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic, overload

from qscore.building import loop

ir = cgutils.ir

INSIDE, CONSTANT, OUTSIDE = 0, 1, 2

_quick = njit(nogil=True)

_DX, _DY, _DZ, _D2, _LIMIT = range(5)  # columns of a neighbour


@_quick
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


@_quick
def _all_marked(marked, i, j, k):
    return (
        marked[k, j, i] and marked[k, j, i + 1] and marked[k, j + 1, i] and marked[k, j + 1, i + 1]
        and marked[k + 1, j, i] and marked[k + 1, j, i + 1] and marked[k + 1, j + 1, i] and marked[k + 1, j + 1, i + 1]
    )  # fmt: skip


@_quick
def _cells_around(low, shape, size, centre):
    """The cells that hold all neighbours of a place: from, to along x; along y; along z."""
    a = min(int((centre[0] - low[0]) // size), shape[0] - 1)
    b = min(int((centre[1] - low[1]) // size), shape[1] - 1)
    c = min(int((centre[2] - low[2]) // size), shape[2] - 1)
    return (
        max(a - 1, 0), min(a + 1, shape[0] - 1), max(b - 1, 0), min(b + 1, shape[1] - 1), max(c - 1, 0),
        min(c + 1, shape[2] - 1),
    )  # fmt: skip


@loop("void(f8[:,::1], i8[::1], i8[::1], f8[::1], i8[::1], f8, i8[::1])")
def crowd(positions, scored, starts, low, shape, size, most):
    """The most atoms in the cells around one of those scored, itself included, into `most` (1,)."""
    for n in range(len(scored)):
        x0, x1, y0, y1, z0, z1 = _cells_around(low, shape, size, positions[scored[n]])
        count = 0
        for i in range(x0, x1 + 1):
            for j in range(y0, y1 + 1):
                cell = (i * shape[1] + j) * shape[2]
                count += starts[cell + z1 + 1] - starts[cell + z0]
        most[0] = max(most[0], count)


@_quick
def _gather(packed, order, starts, low, shape, size, centre, atom, reach, near):
    """Vectors to the atoms within `reach` of an atom at `centre` and their squared lengths, into `near` (n, 5).

    Every atom of the cells around is written, and overwritten by the next when it
    is not within reach: that is faster than a branch nobody can foretell. Returns
    the count and the least squared length. `near` has a row more than `crowd` says.
    """
    x, y, z = centre[0], centre[1], centre[2]
    x0, x1, y0, y1, z0, z1 = _cells_around(low, shape, size, centre)
    count = 0
    for i in range(x0, x1 + 1):
        for j in range(y0, y1 + 1):
            cell = (i * shape[1] + j) * shape[2]
            for place in range(starts[cell + z0], starts[cell + z1 + 1]):
                dx, dy, dz = packed[0, place] - x, packed[1, place] - y, packed[2, place] - z
                d2 = dx * dx + dy * dy + dz * dz
                near[count, _DX], near[count, _DY], near[count, _DZ], near[count, _D2] = dx, dy, dz, d2
                count += (d2 < reach * reach) & (order[place] != atom)
    nearest = math.inf
    for m in range(count):
        nearest = min(nearest, near[m, _D2])
    return count, nearest


class _Eight:
    """Writes instructions on eight numbers at once, which LLVM cuts to the width of the machine.

    The two inner loops of the score, `_free` and `_interpolate`, are written in
    these: no loop in Python makes the compiler do eight directions, or eight points,
    side by side. Without compilation the text of the two functions runs instead.
    """

    numbers = ir.VectorType(ir.DoubleType(), 8)
    places = ir.VectorType(ir.IntType(64), 8)
    halves = ir.VectorType(ir.IntType(32), 8)

    def __init__(self, context, builder, signature, arguments):
        self.context, self.builder, self.types, self.arguments = context, builder, signature.args, arguments

    def start(self, argument):
        """Address of the first element of an array."""
        array = self.context.make_array(self.types[argument])
        return array(self.context, self.builder, self.arguments[argument]).data

    def after(self, address, count, size=1):
        """The address `count` times `size` elements further on."""
        count = self.builder.mul(count, ir.Constant(count.type, size))
        return self.builder.gep(address, [count])

    def load(self, address):
        """The eight numbers from an address on."""
        return self.builder.load(self.builder.bitcast(address, self.numbers.as_pointer()), align=8)

    def store(self, numbers, address):
        """Write eight numbers from an address on."""
        self.builder.store(numbers, self.builder.bitcast(address, self.numbers.as_pointer()), align=8)

    def same(self, one, kind=numbers):
        """Eight times one number."""
        nothing, lane = ir.Constant(kind, ir.Undefined), ir.Constant(ir.IntType(32), 0)
        first = self.builder.insert_element(nothing, one, lane)
        return self.builder.shuffle_vector(first, nothing, ir.Constant(self.halves, [0] * 8))

    def floor(self, numbers):
        """The whole numbers below, as floats."""
        kind = ir.FunctionType(self.numbers, [self.numbers])
        function = cgutils.get_or_insert_function(self.builder.module, kind, "llvm.floor.v8f64")
        return self.builder.call(function, [numbers])

    def pairs(self, line, places):
        """The float32 at each of eight places of a line, and the one after it, read together."""
        build, both = self.builder, ir.Constant(self.places, ir.Undefined)
        for lane in range(8):
            at = ir.Constant(ir.IntType(32), lane)
            address = build.bitcast(build.gep(line, [build.extract_element(places, at)]), ir.IntType(64).as_pointer())
            both = build.insert_element(both, build.load(address, align=4), at)
        halves = both, build.lshr(both, ir.Constant(self.places, [32] * 8))  # little-endian
        single = ir.VectorType(ir.FloatType(), 8)
        return [build.fpext(build.bitcast(build.trunc(v, self.halves), single), self.numbers) for v in halves]

    def between(self, t, a, b):
        """Linear interpolation, a + t (b - a)."""
        return self.builder.fadd(a, self.builder.fmul(t, self.builder.fsub(b, a)))


def _free(blocks, block, near, count):
    """Bit k is set when direction k of a block has u·b <= limit for each of `count` neighbours b, and is not NaN."""
    bits = 0
    for lane in range(8):
        x, y, z = blocks[block, 0, lane], blocks[block, 1, lane], blocks[block, 2, lane]
        lost = x != x
        for m in range(count):
            lost = lost or near[m, _DX] * x + near[m, _DY] * y + near[m, _DZ] * z > near[m, _LIMIT]
        bits |= (not lost) << lane
    return bits


@intrinsic
def _free_eight(_, blocks, block, near, count):
    def _write(context, builder, signature, arguments):
        eight, fused = _Eight(context, builder, signature, arguments), {"flags": ["contract"]}
        base = eight.after(eight.start(0), arguments[1], 24)
        x, y, z = (eight.load(eight.after(base, ir.Constant(ir.IntType(64), 8 * axis))) for axis in range(3))
        free = cgutils.alloca_once_value(builder, builder.fcmp_ordered("ord", x, x))
        with cgutils.for_range(builder, arguments[3]) as loop:
            row = eight.after(eight.start(2), loop.index, 5)
            column = [eight.after(row, ir.Constant(ir.IntType(64), n)) for n in range(5)]
            column = [eight.same(builder.load(address)) for address in column]
            dot = builder.fmul(column[_DX], x, **fused)
            dot = builder.fadd(dot, builder.fmul(column[_DY], y, **fused), **fused)
            dot = builder.fadd(dot, builder.fmul(column[_DZ], z, **fused), **fused)
            within = builder.fcmp_ordered("<=", dot, column[_LIMIT])
            builder.store(builder.and_(builder.load(free), within), free)
        return builder.zext(builder.bitcast(builder.load(free), ir.IntType(8)), ir.IntType(64))

    return types.int64(blocks, types.int64, near, types.int64), _write


@overload(_free)
def _free_compiled(blocks, block, near, count):
    return lambda blocks, block, near, count: _free_eight(blocks, block, near, count)


def _interpolate(line, row, section, corner, fx, fy, fz, x, y, z, value, place):
    """Trilinear values of eight points from `place` on, at x, y, z beside a centre `fx`, `fy`, `fz` from `corner`."""
    for p in range(place, place + 8):
        px, py, pz = fx + x[p], fy + y[p], fz + z[p]
        i, j, k = math.floor(px), math.floor(py), math.floor(pz)
        a = np.uint64(corner + k * section + j * row + i)
        value[p] = _trilinear(line, np.uint64(row), np.uint64(section), a, px - i, py - j, pz - k)


@intrinsic
def _interpolate_eight(_, line, row, section, corner, fx, fy, fz, x, y, z, value, place):
    def _write(context, builder, signature, arguments):
        eight = _Eight(context, builder, signature, arguments)
        row, section, corner, place = arguments[1], arguments[2], arguments[3], arguments[11]
        whole, t = [], []
        for centre, offsets in ((4, 7), (5, 8), (6, 9)):
            offset = eight.load(eight.after(eight.start(offsets), place))
            point = builder.fadd(eight.same(arguments[centre]), offset)
            lower = eight.floor(point)
            whole.append(builder.fptosi(lower, eight.places))
            t.append(builder.fsub(point, lower))
        places = builder.add(whole[0], builder.mul(whole[1], eight.same(row, eight.places)))
        places = builder.add(places, builder.mul(whole[2], eight.same(section, eight.places)))
        line = eight.after(eight.start(0), corner)
        further = eight.after(line, section)
        lines = (line, eight.after(line, row), further, eight.after(further, row))
        v = [eight.between(t[0], *eight.pairs(address, places)) for address in lines]
        v0, v1 = eight.between(t[1], v[0], v[1]), eight.between(t[1], v[2], v[3])
        eight.store(eight.between(t[2], v0, v1), eight.after(eight.start(10), place))
        return context.get_dummy_value()

    whole, real = types.int64, types.float64
    return types.void(line, whole, whole, whole, real, real, real, x, y, z, value, whole), _write


@overload(_interpolate)
def _interpolate_compiled(line, row, section, corner, fx, fy, fz, x, y, z, value, place):
    return lambda line, row, section, corner, fx, fy, fz, x, y, z, value, place: _interpolate_eight(
        line, row, section, corner, fx, fy, fz, x, y, z, value, place
    )


@_quick
def _keep(blocks, first, last, start, near, count, chosen, place):
    """Write the free directions of a set, numbered from `start`, into `chosen` from `place`; their number."""
    n = place
    for block in range(first, last):
        bits = _free(blocks, block, near, count)
        for lane in range(8):
            chosen[n] = start + lane
            n += (bits >> lane) & 1
        start += 8
    return n - place


@_quick
def _choose(near, count, nearest, blocks, firsts, starts, radii, points, exclusion, chosen, number):
    """The directions of the points to sample, shell after shell, into `chosen`, and their `number` in each shell.

    A neighbour b takes the point R u when |R u - b| < f R, that is when
    u·b > ((1 - f²) R² + |b|²) / 2R; only one within (1 + f) R can.
    """
    tries, current, place = len(starts) - 1, 0, 0
    keeps = 1.0 - exclusion * exclusion
    # A direction lost at one radius is lost at all larger ones up to |b| / sqrt(1 - f²)
    # at least, so a set that failed is not tried again; not so beside a clashing atom.
    clash = nearest < keeps * radii[-1] * radii[-1]
    number[0] = points
    for shell in range(1, len(radii)):
        radius, n = radii[shell], 0
        if clash:
            current = 0
        reached = count if nearest < ((1.0 + exclusion) * radius) ** 2 else 0
        scale, needed = 0.5 / radius, keeps * radius * radius
        for m in range(reached):
            near[m, _LIMIT] = scale * (needed + near[m, _D2])
        while current < tries:
            n = _keep(blocks, firsts[current], firsts[current + 1], starts[current], near, reached, chosen, place)
            if n >= points:
                break
            current += 1
            n = 0
        number[shell] = n
        place += n


@_quick
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


@_quick
def _voxel(c, d, n):
    """Lower grid point of c + d along an axis of n points, and the fraction beyond it."""
    whole = math.floor(c)
    beyond = (c - whole) + d
    i = min(max(int(whole) + int(math.floor(beyond)), 0), n - 2)
    return i, beyond - (i - whole)


@_quick
def _clear_of_edges(grid, step, centre, rmax):
    for axis in range(3):
        reach = rmax / step[axis]
        if not (centre[axis] - reach >= 0 and centre[axis] + reach < grid[axis] - 1):
            return False
    return True


@_quick
def _place(scaled, set_x, set_y, set_z, chosen, number, x, y, z):
    """The chosen points' offsets from the centre, in voxels; after the last, eight at the centre. Their number."""
    end, eight = np.uint64(0), np.uint64(8)
    for shell in range(1, len(number)):
        rx, ry, rz = scaled[shell, 0], scaled[shell, 1], scaled[shell, 2]
        begin, end = end, end + np.uint64(number[shell])
        for place in range(begin, end):
            u = np.uint64(chosen[place])
            x[place], y[place], z[place] = rx * set_x[u], ry * set_y[u], rz * set_z[u]
    for place in range(end, end + eight):
        x[place], y[place], z[place] = 0.0, 0.0, 0.0
    return np.int64(end)


@_quick
def _sample_inside(line, row, section, offset, centre, x, y, z, value, n):
    """Values of n points well inside the grid, eight at a time."""
    ix, iy, iz = int(centre[0]), int(centre[1]), int(centre[2])
    fx, fy, fz = centre[0] - ix, centre[1] - iy, centre[2] - iz
    corner = (iz - offset[2]) * section + (iy - offset[1]) * row + ix - offset[0]
    for place in range(0, n, 8):
        _interpolate(line, row, section, corner, fx, fy, fz, x, y, z, value, place)


@_quick
def _count_constant(marked, offset, centre, x, y, z, n):
    """How many of n points well inside the grid lie on constant map."""
    ix, iy, iz = int(centre[0]), int(centre[1]), int(centre[2])
    fx, fy, fz = centre[0] - ix, centre[1] - iy, centre[2] - iz
    ix, iy, iz, count = ix - offset[0], iy - offset[1], iz - offset[2], 0
    for p in range(n):
        i, j, k = ix + math.floor(fx + x[p]), iy + math.floor(fy + y[p]), iz + math.floor(fz + z[p])
        count += _all_marked(marked, i, j, k)
    return count


@_quick
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


@_quick
def _add_up(value, middle, number, total):
    """Sum of value - middle of each shell into `total`; the sum of all squares."""
    end, squares, total[0] = 0, 0.0, 0.0
    for shell in range(1, len(number)):
        begin, end, summed = end, end + number[shell], 0.0
        for place in range(begin, end):
            difference = value[place] - middle
            summed += difference
            squares += difference * difference
        total[shell] = summed
    return squares


@_quick
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


@_quick
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
    "void(f4[:,:,::1], f4[::1], u1[:,:,::1], i8[::1], i8[::1], f8[::1], f8[::1],"
    "f8[:,::1], f8[:,::1], i8[::1], i8[::1], f8[::1], i8[::1], f8, i8[::1], f8[::1],"
    "f8[:,::1], i8[::1], f8[:,:,::1], i8[::1], f8[::1], f8[:,::1], f8[:,::1], i8, f8,"
    "f8[:,::1], i8[::1], i8[::1], f8[::1], f8[::1], f8[:,::1],"
    "f8[:,::1], i4[:,::1], f8[:,::1], f8[:,:,::1])"
)
def score_atoms(
    values, line, marked, offset, grid, origin, step,
    positions, packed, order, cell_starts, low, shape, size, scored, to_mask,
    vectors, starts, blocks, firsts, radii, scaled, references, points, exclusion,
    near, chosen, number, total, centre, probes,
    q, sampled, beside, shells,
):  # fmt: skip
    """Q of the atoms `scored` into `q` (n, sigmas); points sampled, on constant map, outside into `sampled` (n, 3).

    `line` are the values one after the other; `to_mask` (n,) is the atoms' distance to
    the nearest marked point; `scaled` are the radii in voxels, x y z. Into `beside` (n, 2)
    go the map at the centre, and that minus the mean of the outermost shell's points;
    into `shells` (n, radii, 3), unless it is empty, what `_shells` tells of each shell.
    From `near` to `probes` is scratch.
    """
    x, y, z, value = probes[0], probes[1], probes[2], probes[3]
    row, section = values.shape[2], values.shape[1] * values.shape[2]
    reach = (1.0 + exclusion) * radii[-1]
    free = radii[-1] + math.sqrt(step[0] ** 2 + step[1] ** 2 + step[2] ** 2)
    for n in range(len(scored)):
        atom = scored[n]
        count, nearest = _gather(packed, order, cell_starts, low, shape, size, positions[atom], atom, reach, near)
        _choose(near, count, nearest, blocks, firsts, starts, radii, points, exclusion, chosen, number)
        m = _place(scaled, vectors[0], vectors[1], vectors[2], chosen, number, x, y, z)
        for axis in range(3):
            centre[axis] = (positions[atom, axis] - origin[axis]) / step[axis]
        middle, where = _read(line, row, section, marked, offset, grid, centre[0], centre[1], centre[2], 0.0, 0.0, 0.0)
        flat, outside = 0, 0
        if not _clear_of_edges(grid, step, centre, radii[-1]):
            flat, outside = _sample_anywhere(line, row, section, marked, offset, grid, centre, x, y, z, value, m)
        else:
            _sample_inside(line, row, section, offset, centre, x, y, z, value, m)
            if marked.size > 0 and to_mask[n] <= free:
                flat = _count_constant(marked, offset, centre, x, y, z, m)
        flat += points * (where == CONSTANT)
        squares = _add_up(value, middle, number, total)
        sampled[n, 0], sampled[n, 1], sampled[n, 2] = points + m, flat, outside
        beside[n, 0] = middle
        beside[n, 1] = -total[-1] / number[-1] if number[-1] > 0 else math.nan
        if shells.size > 0:
            _shells(value, middle, number, total, shells[n])
        for s in range(len(references)):
            q[n, s] = _correlation(number, total, squares, references[s])


@_quick
def _flat_squares(section, runs, flat):
    """Mark in `flat` the middles of 3 x 3 equal values of a section. `runs` is scratch.

    These loops, and those below, have no branch and become vector instructions.
    """
    ny, nx = section.shape
    for j in range(ny):
        v, run = section[j], runs[j]
        for i in range(1, nx - 1):
            run[i] = (v[i - 1] == v[i]) & (v[i] == v[i + 1])
    for j in range(1, ny - 1):
        v0, v1, v2 = section[j - 1], section[j], section[j + 1]
        run0, run1, run2, row = runs[j - 1], runs[j], runs[j + 1], flat[j]
        for i in range(1, nx - 1):
            row[i] = run0[i] & run1[i] & run2[i] & (v0[i] == v1[i]) & (v1[i] == v2[i])


@_quick
def _flat_cubes(values, k, below, here, above, cubes):
    """Mark in `cubes` where the squares of sections k - 1, k, k + 1 are of one value; whether anywhere."""
    found = np.uint8(0)
    for j in range(1, values.shape[1] - 1):
        v0, v1, v2 = values[k - 1, j], values[k, j], values[k + 1, j]
        flat0, flat1, flat2, row = below[j], here[j], above[j], cubes[j]
        for i in range(1, values.shape[2] - 1):
            row[i] = flat0[i] & flat1[i] & flat2[i] & (v0[i] == v1[i]) & (v1[i] == v2[i])
            found |= row[i]
    return found > 0


@_quick
def _spread(cubes, spread, marked, k):
    """Mark all 27 points of the cubes around section k; `spread` is scratch for one row."""
    ny, nx = cubes.shape
    for j in range(1, ny - 1):
        row = cubes[j]
        spread[0], spread[nx - 1] = row[1], row[nx - 2]
        for i in range(1, nx - 1):
            spread[i] = row[i - 1] | row[i] | row[i + 1]
        for near_k in range(k - 1, k + 2):
            for near_j in range(j - 1, j + 2):
                row_marked = marked[near_k, near_j]
                for i in range(nx):
                    row_marked[i] |= spread[i]


@loop("void(f4[:,:,::1], u1[:,:,::1], u1[:,:,::1], u1[:,::1], u1[:,::1], u1[::1])")
def mark_constant(values, marked, flat, cubes, runs, any_found):
    """Mark the points of every block of 3 x 3 x 3 equal values; whether there is one into `any_found` (1,).

    With an empty `marked` the search ends at the first section with a block. No side is shorter than 3. Scratch,
    zeros: `flat` (3, rows, columns), `cubes` and `runs` (rows, columns).
    """
    nz = values.shape[0]
    for k in range(nz):
        _flat_squares(values[k], runs, flat[k % 3])
        if k < 2 or not _flat_cubes(values, k - 1, flat[(k - 2) % 3], flat[(k - 1) % 3], flat[k % 3], cubes):
            continue
        any_found[0] = 1
        if marked.size == 0:
            break
        _spread(cubes, runs[0], marked, k - 1)


@_quick
def _window(at, reach, origin, step, offset, n):
    """First and last-plus-one index of the box within `reach` of a coordinate."""
    first = max(0, int(math.ceil((at - reach - origin) / step)) - offset)
    last = min(n, int(math.floor((at + reach - origin) / step)) + 1 - offset)
    return first, last


@loop("void(u1[:,:,::1], i8[::1], f8[::1], f8[::1], f8[:,::1], f8, f8[::1])")
def distance_to_marked(marked, offset, origin, step, positions, reach, distance):
    """Distance of each position to the nearest marked point; infinite beyond `reach`."""
    nz, ny, nx = marked.shape
    for n in range(len(positions)):
        x, y, z = positions[n, 0], positions[n, 1], positions[n, 2]
        nearest = math.inf
        k0, k1 = _window(z, reach, origin[2], step[2], offset[2], nz)
        j0, j1 = _window(y, reach, origin[1], step[1], offset[1], ny)
        i0, i1 = _window(x, reach, origin[0], step[0], offset[0], nx)
        for k in range(k0, k1):
            dz = origin[2] + (k + offset[2]) * step[2] - z
            for j in range(j0, j1):
                dy = origin[1] + (j + offset[1]) * step[1] - y
                for i in range(i0, i1):
                    if marked[k, j, i]:
                        dx = origin[0] + (i + offset[0]) * step[0] - x
                        nearest = min(nearest, dx * dx + dy * dy + dz * dz)
        distance[n] = math.sqrt(nearest) if nearest <= reach * reach else math.inf
