"""Of the resolutions an entry reports, the one that is taken, and how it was found."""

from __future__ import annotations

import math
from collections.abc import Iterable

BY_0143 = "FSC 0.143 CUT-OFF"
NONE = "no resolution"
NOT_POSITIVE = "resolution is not a positive number"
NOT_TOLD = "resolution not told by the search"
SEVERAL = "several resolutions, none chosen by FSC 0.143"
FINEST, COARSEST = 0.1, 1000.0
"""Å: what is beyond is no resolution of a map that could be simulated."""


def number(text) -> float | None:
    """A finite number from text or None."""
    try:
        value = math.nan if isinstance(text, str) and "_" in text else float(text)
    except (TypeError, ValueError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def to_simulate(resolution: float | None) -> float | None:
    """The resolution a map can be simulated at; None where there is none."""
    return resolution if resolution is not None and FINEST <= resolution <= COARSEST else None


def fault(resolution: float | None) -> str | None:
    """Why a resolution cannot be used; None when it can."""
    if resolution is None:
        return NONE
    return None if resolution > 0 else NOT_POSITIVE


def taken(value: float | None, criterion: str | None, source: str | None, trouble: str | None = None) -> dict:
    """The four facts about x, by the names of their columns."""
    return {"resolution": value, "resolution_method": criterion or None, "x_source": source, "x_fault": trouble}


def choose(reported: Iterable[tuple[float | None, str | None]], *, teller: str, by_author: Iterable = ()) -> dict:
    """The resolution that is taken: the only value, else the one by FSC 0.143, else none.

    Parameters
    ----------
    reported : iterable of (float or None, str or None)
        Values, Å, and their criteria; None or "" where not told.
    teller : str
        Who reports them: ``search`` or ``document``, for `x_source`.
    by_author : iterable of float or None
        What the source names the author's value by FSC 0.143 elsewhere.

    Returns
    -------
    dict
        ``resolution``, ``resolution_method``, ``x_source`` and ``x_fault`` (None when a value is taken).
    """
    given = list(dict.fromkeys((value, criterion or "") for value, criterion in reported if value is not None))
    found = [pair for pair in given if pair[0] > 0]
    if not found:
        return taken(None, None, None, NOT_POSITIVE if given else NONE)
    values = dict.fromkeys(value for value, _ in found)
    author = [value for value in dict.fromkeys(by_author) if value in values]
    by_0143 = dict.fromkeys(value for value, criterion in found if criterion == BY_0143)
    if len(values) == 1:
        criteria = {criterion for _, criterion in found} - {""}
        criterion = BY_0143 if BY_0143 in criteria or (author and len(criteria) != 1) else min(criteria, default="")
        return taken(found[0][0], criterion, f"{teller}: the only value")
    of = f"{teller}: of {len(values)} values"
    if len(by_0143) == 1:
        return taken(next(iter(by_0143)), BY_0143, f"{of} the one by FSC 0.143")
    if len(author) == 1:
        return taken(author[0], BY_0143, f"{of} the author's by FSC 0.143")
    return taken(None, None, None, SEVERAL)
