"""The loops over windows of a chain, as they are compiled. What they compute, and why, stands in `qscore.scan`.

Called through `qscore.compiled`; as in `kernel`, nothing is allocated here.
"""

import math

from qscore.building import loop, quick


@quick
def _add_up(x, total):
    """Sums of the first 0, 1, … values into `total` (n + 3,), of which the first and last are twice."""
    n = len(x)
    total[0], total[1] = 0.0, 0.0
    for i in range(n):
        total[i + 2] = total[i + 1] + x[i]
    total[n + 2] = total[n + 1]


@quick
def _value(inside, around, weights):
    """The statistic of a window: of the sum over it, and of that over it and what lies on either side."""
    return -((1.0 + weights[1]) * inside - weights[1] * around) * weights[2] - weights[3]


@quick
def _worst(weights, total, best):
    """Statistic, start and length of the worst window, the first and shortest of equals; −inf when there is none."""
    n = len(total) - 3
    for i in range(n):
        best[i] = -math.inf
    for row in range(len(weights)):
        length = int(weights[row, 0])
        begun, after, behind = total[1:], total[length + 1 :], total[length + 2 :]
        for i in range(n + 1 - length):  # elementwise, as vector code
            best[i] = max(best[i], _value(after[i] - begun[i], behind[i] - total[i], weights[row]))
    worst, at = -math.inf, 0
    for i in range(n):
        if best[i] > worst:
            worst, at = best[i], i
    for row in range(len(weights)):
        end = at + int(weights[row, 0])
        if end <= n and _value(total[end + 1] - total[at + 1], total[end + 2] - total[at], weights[row]) == worst:
            return worst, at, end - at
    return worst, at, 0


@loop("void(f8[::1], i8[::1], f8[:,::1], i8[:,::1], f8[:,::1], f8[:,::1])")
def worst_windows(x, first, weights, row, scratch, found):
    """Statistic, start and length of the worst window of each chain into `found` (chains, 3); −inf when there is none.

    Chain k has the values `x` from `first[k]` to `first[k + 1]`, and the `weights` (lengths, 4) from `row[k, 0]` to
    `row[k, 1]`: a length, its flanks' share, the factor and what is taken off. `scratch` is (2, 3 + most values).
    """
    for k in range(len(found)):
        size = first[k + 1] - first[k] + 3
        total = scratch[0, :size]
        _add_up(x[first[k] : first[k + 1]], total)
        found[k, 0], found[k, 1], found[k, 2] = _worst(weights[row[k, 0] : row[k, 1]], total, scratch[1])


@quick
def _products(y, first, end, lag):
    """Sum of the products of values a lag apart, and how many have neither in the cut from `first` to `end`."""
    summed, pairs = 0.0, 0
    for i in range(len(y) - lag):
        summed += y[i] * y[i + lag]
        pairs += (i < first or i >= end) and (i + lag < first or i + lag >= end)
    return summed, pairs


@quick
def _moments(x, first, end, prior, most, y, products):
    """Mean, spread, variance and cube of a chain without the run from `first` to `end`; see `moments`."""
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
    return mean, spread, variance, cubes


@loop("void(f8[::1], i8[::1], i8[:,::1], f8, f8, f8[::1], f8[:,::1], f8[:,::1])")
def moments(x, first, run, prior, most, y, products, found):
    """Mean, spread, variance and cube of each chain without its run (chains, 2: start, end) into `found` (chains, 4).

    Chain k has the values `x` from `first[k]` to `first[k + 1]`. The last two are sums of powers of y: values less
    their mean in units of their spread, cut off at `most`, 0 in the run. The sums of their products at lags 1 … go into
    `products` (chains, lags), scaled up for the pairs that the run takes. `prior` values of spread 1 are added to the
    spread; `y` (most values,) is scratch.
    """
    for k in range(len(found)):
        begin, end = first[k], first[k + 1]
        told = _moments(x[begin:end], run[k, 0], run[k, 1], prior, most, y[: end - begin], products[k])
        found[k, 0], found[k, 1], found[k, 2], found[k, 3] = told
