"""Work on a box in parts, by threads: compiled loops and transforms free the interpreter's lock.

What comes out does not depend on the number of threads. Where parts are independent they may be as many as there are
threads; where sums are put together there are always `PARTS`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise

PARTS = 8


def cores() -> int:
    """Cores this process may use; all of the machine's where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(function: Callable, parts: Iterable, threads: int = 1) -> list:
    """What a function gives of each part, in their order; the first of its errors."""
    if threads == 1:
        return [function(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, parts))


@contextmanager
def beside(function: Callable, threads: int = 1):
    """Call a function before a block, or beside it when there is more than one thread; its error comes first.

    The block is given a function that waits for what it returns.
    """
    if threads == 1:
        found = function()
        yield lambda: found
        return
    with ThreadPoolExecutor(1) as pool:
        called = pool.submit(function)
        try:
            yield called.result
        finally:
            called.result()


def sections(n: int, parts: int = PARTS) -> list[slice]:
    """Sections of a box in parts of about the same size, none of them empty."""
    ends = [n * k // parts for k in range(parts + 1)]
    return [slice(a, b) for a, b in pairwise(ends) if a < b]


def shares(n: int, threads: int) -> list[slice]:
    """Sections of a box for work in which nothing is summed up: all at once by one thread, else a few for each."""
    return sections(n, 1 if threads == 1 else 4 * threads)


def stripes(n: int, thick: int = 8) -> list[slice]:
    """Sections of a box by so many, for scratch that stays in a processor's cache; the same for any threads."""
    return [slice(a, min(a + thick, n)) for a in range(0, n, thick)]
