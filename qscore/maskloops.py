"""The loops that find where a map is exactly constant; called through `qscore.compiled`, as those of `kernel`."""

import math

import numpy as np

from qscore.building import loop, quick


@quick
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


@quick
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


@quick
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


@quick
def _window(at, reach, origin, step, offset, n):
    """First and last-plus-one index of the box within `reach` of a coordinate."""
    first = max(0, math.ceil((at - reach - origin) / step) - offset)
    last = min(n, math.floor((at + reach - origin) / step) + 1 - offset)
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
