"""The loops over redrawn groups of rows, as they are compiled. What they are for stands in `qscore.groupdraws`.

Called through `qscore.compiled`; as in `kernel`, nothing is allocated here.
"""

from qscore.building import loop


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


@loop("void(i8[::1], i8[::1], i8[::1], u2[:,::1], f8[::1], f8[::1], f8[:,::1])")
def rank_redrawn(xs, ys, group, times, weight, rank, found):
    """The moments 1, x, y, xx, xy, yy of the ranks of redrawn rows into `found` (draws, 6).

    `xs` and `ys` (n,) number the different values in their order; the rows are sorted by `ys`. A rank is the mean one
    of rows of a value, about the middle and over all. `weight` (n,) and `rank` (different x,) are scratch.
    """
    n = len(xs)
    for d in range(len(times)):
        rank[:] = 0.0
        total = 0.0
        for i in range(n):
            weight[i] = times[d, group[i]]
            rank[xs[i]] += weight[i]
            total += weight[i]
        before, middle = 0.0, total / 2
        for p in range(len(rank)):
            count = rank[p]
            rank[p], before = (before + count / 2 - middle) / total, before + count
        sums, first, before = found[d], 0, 0.0
        sums[:] = 0.0
        while first < n:
            end, count = first, 0.0
            while end < n and ys[end] == ys[first]:
                count += weight[end]
                end += 1
            b = (before + count / 2 - middle) / total
            for i in range(first, end):
                w, a = weight[i], rank[xs[i]]
                sums[0] += w
                sums[1] += w * a
                sums[2] += w * b
                sums[3] += w * a * a
                sums[4] += w * a * b
                sums[5] += w * b * b
            first, before = end, before + count
