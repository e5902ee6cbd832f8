"""The compiled loops of the score. Good input is assumed: `score.py` checks at the door."""

import math

import numpy as np

import numba
from numba import njit

from qscore import compiled

numba.config.CACHE_DIR = str(compiled.cache_folder())

INSIDE, CONSTANT, OUTSIDE = 0, 1, 2

_quick = njit(nogil=True)
_inlined = njit(nogil=True, inline="always")


@_inlined
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


@_inlined
def _all_marked(marked, i, j, k):
    return (
        marked[k, j, i] and marked[k, j, i + 1] and marked[k, j + 1, i] and marked[k, j + 1, i + 1]
        and marked[k + 1, j, i] and marked[k + 1, j, i + 1] and marked[k + 1, j + 1, i] and marked[k + 1, j + 1, i + 1]
    )  # fmt: skip


@_quick
def _gather(positions, order, starts, low, shape, size, atom, reach, found):
    """Vectors to the atoms within `reach` and their squared lengths, nearest first.

    Returns the buffer (4, n), grown when it was too small, and the count.
    """
    x, y, z = positions[atom, 0], positions[atom, 1], positions[atom, 2]
    a = min(int((x - low[0]) // size), shape[0] - 1)
    b = min(int((y - low[1]) // size), shape[1] - 1)
    c = min(int((z - low[2]) // size), shape[2] - 1)
    first, last = max(c - 1, 0), min(c + 1, shape[2] - 1)
    count = 0
    for i in range(max(a - 1, 0), min(a + 1, shape[0] - 1) + 1):
        for j in range(max(b - 1, 0), min(b + 1, shape[1] - 1) + 1):
            cell = (i * shape[1] + j) * shape[2]
            for place in range(starts[cell + first], starts[cell + last + 1]):
                other = order[place]
                dx, dy, dz = positions[other, 0] - x, positions[other, 1] - y, positions[other, 2] - z
                d2 = dx * dx + dy * dy + dz * dz
                if d2 >= reach * reach or other == atom:
                    continue
                if count == found.shape[1]:
                    found = np.concatenate((found, np.empty_like(found)), axis=1)
                at = count
                while at > 0 and found[3, at - 1] > d2:
                    for row in range(4):
                        found[row, at] = found[row, at - 1]
                    at -= 1
                found[0, at], found[1, at], found[2, at], found[3, at] = dx, dy, dz, d2
                count += 1
    return found, count


@_quick
def _keep(set_x, set_y, set_z, first, last, near, count, radius, exclusion, kept, over):
    """Directions of a set whose point at `radius` no neighbour is too near to, into `kept`; their number.

    |R u - b| < f R is 2 R u·b > (1 - f²) R² + |b|², and only neighbours within
    (1 + f) R can be that near. The loop over directions is the inner one: it
    has no branch and becomes vector instructions.
    """
    needed = (1.0 - exclusion * exclusion) * radius * radius
    reach2, scale, m, n = ((1.0 + exclusion) * radius) ** 2, 2.0 * radius, 0, 0
    if count == 0 or near[3, 0] >= reach2:
        for u in range(first, last):
            kept[n] = u
            n += 1
    else:
        x, y, z, most = set_x[first:last], set_y[first:last], set_z[first:last], over[: last - first]
        for u in range(len(most)):
            most[u] = -1.0
        while m < count and near[3, m] < reach2:
            bx, by, bz, far = scale * near[0, m], scale * near[1, m], scale * near[2, m], needed + near[3, m]
            for u in range(len(most)):
                most[u] = max(most[u], bx * x[u] + by * y[u] + bz * z[u] - far)
            m += 1
        for u in range(len(most)):
            kept[n] = first + u
            n += most[u] <= 0.0
    return n


@_quick
def _read(values, marked, offset, grid, cx, cy, cz, dx, dy, dz):
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
    row, section = values.shape[2], values.shape[1] * values.shape[2]
    a = np.uint64(k * section + j * row + i)
    value = _trilinear(values.reshape(-1), np.uint64(row), np.uint64(section), a, fx, fy, fz)
    if marked.size > 0 and _all_marked(marked, i, j, k):
        return value, CONSTANT
    return value, INSIDE


@_inlined
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
def _sample_inside(line, row, section, corner, fx, fy, fz, middle, rx, ry, rz, set_x, set_y, set_z, kept, n):
    """Sum and sum of squares of value - middle over points that lie well inside the grid.

    The centre is `fx`, `fy`, `fz` voxels beyond the point `corner` of the box's line.
    """
    total, squares = 0.0, 0.0
    for place in range(n):
        u = kept[place]
        x, y, z = fx + rx * set_x[u], fy + ry * set_y[u], fz + rz * set_z[u]
        i, j, k = math.floor(x), math.floor(y), math.floor(z)
        a = np.uint64(corner + k * section + j * row + i)
        value = _trilinear(line, np.uint64(row), np.uint64(section), a, x - i, y - j, z - k) - middle
        total += value
        squares += value * value
    return total, squares


@_quick
def _sample_anywhere(values, marked, offset, grid, cx, cy, cz, middle, rx, ry, rz, set_x, set_y, set_z, kept, n):
    """As `_sample_inside` for points near the grid's edges or a mask; with the points on constant map and outside."""
    total, squares, flat, outside = 0.0, 0.0, 0, 0
    for place in range(n):
        u = kept[place]
        value, where = _read(values, marked, offset, grid, cx, cy, cz, rx * set_x[u], ry * set_y[u], rz * set_z[u])
        flat += where == CONSTANT
        outside += where == OUTSIDE
        value -= middle
        total += value
        squares += value * value
    return total, squares, flat, outside


@_quick
def _profile(
    values, marked, offset, grid, step, centre, clear, near, count, set_x, set_y, set_z, starts, radii,
    points, exclusion, kept, worst, number, total,
):  # fmt: skip
    """Shell by shell the number of points and the sum of value - value at the centre.

    `centre` is a grid index x, y, z. Returns the sum of squares of the same
    differences, the points on constant map and the points outside.
    """
    cx, cy, cz = centre[0], centre[1], centre[2]
    middle, where = _read(values, marked, offset, grid, cx, cy, cz, 0.0, 0.0, 0.0)
    number[:] = 0
    total[:] = 0.0
    number[0] = points
    squares, flat, outside = 0.0, points * (where == CONSTANT), 0
    ix, iy, iz = int(cx), int(cy), int(cz)
    fx, fy, fz = cx - ix, cy - iy, cz - iz
    line, row, section = values.reshape(-1), values.shape[2], values.shape[1] * values.shape[2]
    corner = (iz - offset[2]) * section + (iy - offset[1]) * row + ix - offset[0]
    tries, current = len(starts) - 1, 0
    # A direction lost at one radius is lost at all larger ones up to |b| / sqrt(1 - f²)
    # at least, so a set that failed is not tried again; not so beside a clashing atom.
    clash = count > 0 and near[3, 0] < (1.0 - exclusion * exclusion) * radii[-1] * radii[-1]
    for shell in range(1, len(radii)):
        radius = radii[shell]
        if clash:
            current = 0
        n = 0
        while current < tries:
            n = _keep(
                set_x, set_y, set_z, starts[current], starts[current + 1], near, count, radius, exclusion, kept, worst
            )
            if n >= points:
                break
            current += 1
        if current == tries:
            continue
        number[shell] = n
        rx, ry, rz = radius / step[0], radius / step[1], radius / step[2]
        if clear:
            total[shell], more = _sample_inside(
                line, row, section, corner, fx, fy, fz, middle, rx, ry, rz, set_x, set_y, set_z, kept, n
            )
        else:
            total[shell], more, on_constant, off_grid = _sample_anywhere(
                values, marked, offset, grid, cx, cy, cz, middle, rx, ry, rz, set_x, set_y, set_z, kept, n
            )
            flat += on_constant
            outside += off_grid
        squares += more
    return squares, flat, outside


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


@njit(
    "void(f4[:,:,::1], u1[:,:,::1], i8[::1], i8[::1], f8[::1], f8[::1], f8[:,::1],"
    "i8[::1], i8[::1], f8[::1], i8[::1], f8, i8[::1], f8[::1], f8[:,::1], i8[::1], f8[::1], f8[:,::1], i8, f8,"
    "f8[:,:], i4[:,:])",
    nogil=True,
    cache=True,
)
def score_atoms(
    values, marked, offset, grid, origin, step, positions,
    order, cell_starts, low, shape, size, scored, to_mask, vectors, starts, radii, references, points, exclusion,
    q, sampled,
):  # fmt: skip
    """Q of the atoms `scored` into `q` (n, sigmas); points sampled, on constant map, outside into `sampled` (n, 3).

    `to_mask` (n,) is their distance to the nearest marked point.
    """
    near = np.empty((4, 64))
    most = starts[-1] - starts[-2]
    kept, worst = np.empty(most + 1, dtype=np.int64), np.empty(most)
    number, total, centre = np.empty(len(radii), dtype=np.int64), np.empty(len(radii)), np.empty(3)
    set_x, set_y, set_z = vectors[0], vectors[1], vectors[2]
    reach = (1.0 + exclusion) * radii[-1]
    free = radii[-1] + math.sqrt(step[0] ** 2 + step[1] ** 2 + step[2] ** 2)
    for n in range(len(scored)):
        atom = scored[n]
        for axis in range(3):
            centre[axis] = (positions[atom, axis] - origin[axis]) / step[axis]
        clear = to_mask[n] > free and _clear_of_edges(grid, step, centre, radii[-1])
        near, count = _gather(positions, order, cell_starts, low, shape, size, atom, reach, near)
        squares, flat, outside = _profile(
            values, marked, offset, grid, step, centre, clear, near, count,
            set_x, set_y, set_z, starts, radii, points, exclusion, kept, worst, number, total,
        )  # fmt: skip
        sampled[n, 0], sampled[n, 1], sampled[n, 2] = number.sum(), flat, outside
        for s in range(len(references)):
            q[n, s] = _correlation(number, total, squares, references[s])


@_quick
def _block_equals(values, k, j, i, v):
    for c in range(k - 1, k + 2):
        for b in range(j - 1, j + 2):
            for a in range(i - 1, i + 2):
                if values[c, b, a] != v:
                    return False
    return True


@njit("b1(f4[:,:,::1], u1[:,:,::1])", nogil=True, cache=True)
def mark_constant(values, marked):
    """Mark the points of every block of 3 x 3 x 3 equal values; whether there is one.

    With an empty `marked` the search ends at the first block.
    """
    any_found = False
    nz, ny, nx = values.shape
    for k in range(1, nz - 1):
        for j in range(1, ny - 1):
            for i in range(1, nx - 1):
                v = values[k, j, i]
                if v != values[k, j, i - 1] or v != values[k, j, i + 1] or not _block_equals(values, k, j, i, v):
                    continue
                any_found = True
                if marked.size == 0:
                    return True
                marked[k - 1 : k + 2, j - 1 : j + 2, i - 1 : i + 2] = 1
    return any_found


@_quick
def _window(at, reach, origin, step, offset, n):
    """First and last-plus-one index of the box within `reach` of a coordinate."""
    first = max(0, int(math.ceil((at - reach - origin) / step)) - offset)
    last = min(n, int(math.floor((at + reach - origin) / step)) + 1 - offset)
    return first, last


@njit("void(u1[:,:,::1], i8[::1], f8[::1], f8[::1], f8[:,::1], f8, f8[::1])", nogil=True, cache=True)
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
