"""The loops over windows of a chain, as they are compiled. What they compute, and why, stands in `qscore.scan`.

Called through `qscore.compiled`; as in `kernel`, nothing is allocated here.
"""

import math

from qscore.building import loop, quick


@quick
def _add_up(x, middle, total):
    """Sums of the first 0, 1, … values less `middle` into `total` (n + 3,), of which the first and last are twice."""
    n = len(x)
    total[0], total[1] = 0.0, 0.0
    for i in range(n):
        total[i + 2] = total[i + 1] + (x[i] - middle)
    total[n + 2] = total[n + 1]


@quick
def _raise(total, length, weights, room, best, size):
    """Where windows of a length are worse than what is known of those that start there: elementwise, as vector code."""
    share, factor, off = weights[1], weights[2], weights[3]
    inside, beside = 1.0 + share, share
    after, behind = total[length + 1 :], total[length + 2 :]
    for i in range(len(total) - 2 - length):
        low = inside * (after[i] - total[i + 1]) - beside * (behind[i] - total[i])
        value = -low * factor - off
        above = (value > best[i]) & (length <= room[i])
        best[i] = value if above else best[i]
        size[i] = length if above else size[i]


@quick
def _worst(weights, scratch):
    """Statistic, start and length of the worst window; −inf when there is none. See `worst_window` for `scratch`."""
    total, room, best, size = scratch[0], scratch[1], scratch[2], scratch[3]
    n = len(total) - 3
    for i in range(n):
        best[i], size[i] = -math.inf, 0.0
    for row in range(len(weights)):
        _raise(total, int(weights[row, 0]), weights[row], room, best, size)
    worst, at = -math.inf, 0
    for i in range(n):
        if best[i] > worst:
            worst, at = best[i], i
    return worst, at, int(size[at])


@loop("void(f8[::1], f8[:,::1], f8[:,::1], f8[::1])")
def worst_window(x, weights, scratch, found):
    """Statistic, start and length of the worst window of values into `found` (3,); −inf when there is none.

    `weights` (lengths, 4) are a length, its flanks' share, the factor and what is taken off. `scratch` is (4, n + 3);
    its second row holds how long a window may be that starts at each value.
    """
    _add_up(x, 0.0, scratch[0])
    found[0], found[1], found[2] = _worst(weights, scratch)


@loop("void(f8[::1], f8[:,::1], f8[:,::1], f8, f8, f8[:,::1], f8[::1])")
def worst_run(x, half, longer, clearly, prior, scratch, found):
    """Start and length into `found` (2,) of a chain's worst run, or of a longer one that fits it clearly better.

    `half`, `longer` and `scratch` are as `worst_window` takes them: the root of the squares that two means take, of
    the run and of the rest, is a contrast, too.
    """
    n, total = len(x), scratch[0]
    _add_up(x, 0.0, total)
    mean, squares = total[n + 1] / n, 0.0
    for i in range(n):
        squares += (x[i] - mean) ** 2
    _, start, length = _worst(half, scratch)
    _add_up(x, mean, total)
    low = min(total[start + length + 1] - total[start + 1], 0.0)
    short = squares - low * low * n / (length * (n - length))
    taken, first, size = _worst(longer, scratch)
    better = squares - max(taken, 0.0) ** 2 + prior < clearly * (short + prior)
    found[0], found[1] = (first, size) if better else (start, length)


@quick
def _products(y, first, end, lag):
    """Sum of the products of values a lag apart, and how many have neither in the cut from `first` to `end`."""
    summed, pairs = 0.0, 0
    for i in range(len(y) - lag):
        summed += y[i] * y[i + lag]
        pairs += (i < first or i >= end) and (i + lag < first or i + lag >= end)
    return summed, pairs


@loop("void(f8[::1], i8, i8, f8, f8, f8[::1], f8[::1], f8[::1])")
def moments(x, first, end, prior, most, y, products, found):
    """Mean, spread, variance and cube of a chain without the run from `first` to `end` into `found` (4,).

    The last two are sums of powers of y: values less their mean in units of their spread, cut off at `most`, 0 in the
    run. The sums of their products at lags 1 … go into `products` (lags,), scaled up for the pairs that the run takes.
    `prior` values of spread 1 are added to the spread; `y` (n,) is scratch.
    """
    n, mean, squares = len(x), 0.0, 0.0
    left = n - (end - first)
    for i in range(n):
        mean += 0.0 if first <= i < end else x[i]
    mean /= left
    for i in range(n):
        y[i] = 0.0 if first <= i < end else x[i] - mean
        squares += y[i] * y[i]
    spread, variance, cubes = math.sqrt((squares + prior) / (left + prior)), 0.0, 0.0
    for i in range(n):
        y[i] = min(max(y[i] / spread, -most), most)
        variance += y[i] * y[i]
        cubes += y[i] * y[i] * y[i]
    for lag in range(1, len(products) + 1):
        summed, pairs = _products(y, first, end, lag)
        products[lag - 1] = summed * left / pairs if pairs > 0 else 0.0
    found[0], found[1], found[2], found[3] = mean, spread, variance, cubes
