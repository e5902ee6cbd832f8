"""The loops over redrawn groups of rows, as they are compiled. What they are for stands in `qscore.groupdraws`.

Called through `qscore.compiled`; as in `kernel`, nothing is allocated here.
"""

from qscore.building import loop

LANES = 32  # redraws ranked side by side: the same steps with other numbers, which vector instructions take at once


@loop("void(f8[:,::1], u2[:,::1], f8[:,::1])")
def sum_redrawn(sums, times, found):
    """Sums of groups (groups, k), each as often as it is drawn (draws, groups), into `found` (draws, k)."""
    for d in range(len(times)):
        total = found[d]
        total[:] = 0.0
        for g in range(len(sums)):
            often = times[d, g]
            if often == 0:
                continue
            for k in range(len(total)):
                total[k] += often * sums[g, k]


@loop("void(i8[::1], i8[::1], i8[::1], u2[:,:,::1], f8[:,::1], f8[::1], f8[:,::1])")
def rank_redrawn(xs, ys, group, times, rank, lanes, found):
    """Sums of 1, aa, ab, bb of the ranks a and b of redrawn rows into `found` (blocks, 4 × `LANES`).

    `xs` and `ys` (n,) number the different values in their order; the rows are sorted by `ys`. `times` (blocks,
    groups, `LANES`): how often each group is drawn in `LANES` redraws. A rank is the mean one of rows of a value, as
    a distance from the middle: half of a whole number, so up to 100,000 rows the sums are exact. `rank` (different x,
    `LANES`) and `lanes` (8 × `LANES`,) are scratch; the latter one array, as of several the compiler does not know
    that they lie apart, and takes no vector instructions.
    """
    size = LANES
    for block in range(len(times)):
        often = times[block]
        lanes[:] = 0.0
        rank[:] = 0.0
        for i in range(len(xs)):
            w, r = often[group[i]], rank[xs[i]]
            for k in range(size):
                r[k] += w[k]
        for x in range(len(rank)):
            r = rank[x]
            for k in range(size):
                lanes[4 * size + k] += r[k]
        for k in range(size):
            lanes[k] = lanes[size + k] = -lanes[4 * size + k] / 2
        for x in range(len(rank)):
            r = rank[x]
            for k in range(size):
                count = r[k]
                a = lanes[k] + count / 2
                lanes[k] += count
                lanes[5 * size + k] += count * a * a
                r[k] = a
        first = 0
        while first < len(ys):
            for k in range(2 * size, 4 * size):
                lanes[k] = 0.0
            end = first
            while end < len(ys) and ys[end] == ys[first]:
                w, r = often[group[end]], rank[xs[end]]
                for k in range(size):
                    lanes[2 * size + k] += w[k]
                    lanes[3 * size + k] += w[k] * r[k]
                end += 1
            for k in range(size):
                count = lanes[2 * size + k]
                b = lanes[size + k] + count / 2
                lanes[size + k] += count
                lanes[6 * size + k] += lanes[3 * size + k] * b
                lanes[7 * size + k] += count * b * b
            first = end
        for k in range(4 * size):
            found[block, k] = lanes[4 * size + k]
