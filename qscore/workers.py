"""Calls that run here, or in processes side by side, whose results come in the order in which they were asked for."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process

AHEAD = 2  # calls a process: no more than these, and what they gave, is held at a time


def results(act: Callable, arguments: Iterable[tuple], *, jobs: int = 1) -> Iterator:
    """`act` of each of the arguments, in their order, so many at a time.

    Parameters
    ----------
    act : callable
        A function of a module; it and what it takes and gives must be picklable when there are several jobs.
    arguments : iterable of tuple
        Made as they are needed.
    jobs : int
        Processes; with one, all runs here.

    Raises
    ------
    Exception
        The first that a call raised; then, and after Ctrl-C, no further call is begun.
    """
    if jobs <= 1:
        yield from (act(*one) for one in arguments)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_leave_with_parent)
    waiting: deque = deque()
    try:
        for one in arguments:
            waiting.append(pool.submit(act, *one))
            if len(waiting) > AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_with_parent() -> None:
    """End this process when the one that started it ends, however it does: a worker would wait for work for ever."""
    threading.Thread(target=lambda: (parent_process().join(), os._exit(1)), daemon=True).start()
