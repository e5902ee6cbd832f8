"""How fast a survey goes, by when its batches were finished; pure sums over times that are handed in."""

from __future__ import annotations

from dataclasses import dataclass

HOUR = 3600.0


@dataclass(frozen=True)
class Finish:
    """A batch that was finished: when, seconds since the epoch; after how many seconds of scoring; what it held."""

    at: float
    seconds: float
    pairs: int
    bytes: int


@dataclass(frozen=True)
class Rate:
    """Mean speed over working time; None where nothing can be said."""

    mb_per_second: float | None = None
    pairs_per_hour: float | None = None


def spans(finishes: list[Finish]) -> list[tuple[float, float]]:
    """When each finish was worked for, in the order of time.

    From the finish before it, unless that lies further back than an hour and
    than twice the seconds of its scoring: then the survey was stopped, and
    only the scoring counts.
    """
    found, before = [], None
    for one in sorted(finishes, key=lambda one: one.at):
        begun = one.at - one.seconds
        if before is not None and one.at - before <= max(HOUR, 2 * one.seconds):
            begun = before
        found.append((begun, one.at))
        before = one.at
    return found


def rate(finishes: list[Finish], *, since: float = 0.0, until: float | None = None) -> Rate:
    """Speed in a window of time.

    Parameters
    ----------
    finishes : list of Finish
    since, until : float
        Seconds since the epoch; only working time in between counts. With
        `until`, the time since the last finish counts too, up to an hour: a
        survey is running.
    """
    worked = spans(finishes)
    if until is not None and worked and 0 < until - worked[-1][1] <= HOUR:
        worked.append((worked[-1][1], until))
    seconds = sum(max(0.0, end - max(begun, since)) for begun, end in worked)
    inside = [one for one in finishes if one.at > since]
    if seconds <= 0:
        return Rate()
    size, pairs = sum(one.bytes for one in inside), sum(one.pairs for one in inside)
    return Rate(size / 1e6 / seconds if size else None, pairs / seconds * HOUR)


def seconds_left(bytes_left: float | None, pairs_left: int, *rates: Rate) -> float | None:
    """Time left by bytes, else by pairs, at the first speed that is known and not zero; None without any."""
    if pairs_left == 0:
        return 0.0
    if bytes_left is not None:
        for one in rates:
            if one.mb_per_second:
                return bytes_left / 1e6 / one.mb_per_second
    return next((pairs_left / one.pairs_per_hour * HOUR for one in rates if one.pairs_per_hour), None)
