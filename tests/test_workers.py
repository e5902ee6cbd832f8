"""Calls in processes side by side."""

import math
import operator

import pytest

from qscore import workers


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order(jobs):
    assert list(workers.results(math.factorial, ((n,) for n in range(20)), jobs=jobs)) == [
        math.factorial(n) for n in range(20)
    ]
    assert list(workers.results(math.factorial, [], jobs=jobs)) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_first_error_ends_it(jobs):
    begun = []

    def arguments():
        for n in (2, 1, 0, *range(1, 1000)):
            begun.append(n)
            yield 1, n

    found = []
    with pytest.raises(ZeroDivisionError):
        for one in workers.results(operator.truediv, arguments(), jobs=jobs):
            found.append(one)
    assert found == [0.5, 1.0] and len(begun) < 20
