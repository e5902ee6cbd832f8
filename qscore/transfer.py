"""Bringing one file from the first mirror that has it whole.

What comes is written to a part beside the file's place, resumed when it
breaks off, checked, and only then given its name. A mirror that fails is
left for the next; when all fail, they are asked again after growing pauses.
"""

from __future__ import annotations

import os
from pathlib import Path

from qscore import parts
from qscore.delivery import Arrived, Job, from_server
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer, UnusableEntry
from qscore.manners import TryAgain, host_of, local_path

__all__ = ["Arrived", "bring", "conclude"]

QUICK_TRIES = 4  # of a mirror before the next is asked, unless it gets further each time


def bring(web, places, path, *, check=None, progress=None) -> Arrived:
    """Bring one file.

    Parameters
    ----------
    web : qscore.web.Web or None
        None when all places are local.
    places : sequence of str or path-like
        Where the file may be, first choice first: URLs (https, http on this machine, ``file:``) or local paths.
        A local file is linked, not copied.
    path : path-like
        Where it is to be; replaced when it is there. A ``.part`` beside it is used.
    check : callable, optional
        Path → None, or raises `UnusableEntry`; see `qscore.checks`.
    progress : callable, optional
        Called with the bytes done and those in all (None when not known), at most ten times a second.

    Returns
    -------
    Arrived

    Raises
    ------
    Absent
        All places say that they do not have it, or the first server does and others do not answer.
    UnusableEntry
        What `check` says of a body that came twice the same; ``download_damaged`` when what came was never the file.
    ArchiveUnavailable
        Patience has ended, or the disk cannot be written.
    """
    job = Job(Path(path), [str(place) for place in places], check, progress)
    try:
        job.path.parent.mkdir(parents=True, exist_ok=True)
        job.gained()
        return _finished_before(job) or _from_any(web, job)
    except OSError as err:
        raise ArchiveUnavailable(f"cannot bring {path}: {err.strerror or err}") from err


def _finished_before(job: Job) -> Arrived | None:
    """A part that was complete when an earlier process ended needs its check, but no server."""
    part = parts.read(job.part)
    if part is None or not part.complete or part.url not in job.places:
        return None
    try:
        job.examine(part.url)
    except UnusableEntry:
        parts.drop(job.part)
        return None
    return job.named(part.url)


# ---- mirror after mirror ----


def _from_any(web, job: Job) -> Arrived:
    """Ask the places in their order, round after round, until one delivers or their answers settle it."""
    patience, tries = None, QUICK_TRIES
    while True:
        for place in job.places:
            if _to_be_asked(web, job, place):
                try:
                    arrived = _from(web, place, job, tries)
                except (Absent, BadAnswer, TryAgain, UnusableEntry) as err:
                    job.outcomes[place] = err
                else:
                    if patience:
                        patience.over(_where(job.outcomes))
                    return arrived
        final = conclude({place: job.outcomes[place] for place in job.places})
        if isinstance(final, Absent):
            parts.drop(job.part)
        if final is not None:
            raise final
        patience = _wait(web, job, patience)
        tries = 1


def _to_be_asked(web, job: Job, place: str) -> bool:
    """Not when its answer was final, nor before the time it asked for."""
    if _is_final(job.outcomes.get(place)):
        return False
    return place not in job.not_before or web.clock() >= job.not_before[place]


def _is_final(outcome) -> bool:
    return isinstance(outcome, (Absent, UnusableEntry))


def conclude(outcomes: dict[str, Exception]) -> Exception | None:
    """What a round of asking comes to, as the exception to raise; None to wait and ask again.

    Parameters
    ----------
    outcomes : dict
        Place → what it came to, in the places' order: `Absent`, `UnusableEntry` (it holds a bad file), `BadAnswer`
        (what comes is never the file) or `TryAgain` (no answer).

    Notes
    -----
    The final answer of the first server counts although others do not answer.
    That of a later mirror, which may lag behind, or of a local folder, which
    may be a partial copy, does not while a server is silent.
    """
    silent = [place for place, outcome in outcomes.items() if isinstance(outcome, TryAgain)]
    final = [place for place, outcome in outcomes.items() if _is_final(outcome)]
    servers = [place for place in outcomes if local_path(place) is None]
    if silent and not (servers and servers[0] in final):
        return None
    damaged = [outcome for outcome in outcomes.values() if isinstance(outcome, UnusableEntry)]
    if damaged:
        return damaged[0]
    if set(final) & set(servers) or len(final) == len(outcomes):
        others = "".join(f"; {place}: {outcome}" for place, outcome in outcomes.items() if place not in final)
        return Absent(f"not at {', '.join(final)}{others}")
    return _never_the_file(outcomes)


def _never_the_file(outcomes: dict[str, Exception]) -> UnusableEntry:
    return UnusableEntry("download_damaged", "; ".join(str(err) for err in outcomes.values() if not _is_final(err)))


def _wait(web, job: Job, patience):
    """Sleep before the next round; the patience, new when there was none.

    Raises
    ------
    ArchiveUnavailable
        Patience has ended.
    UnusableEntry
        It has, although servers answer: it is this file that does not come.
    """
    silent = {place: outcome for place, outcome in job.outcomes.items() if isinstance(outcome, TryAgain)}
    last = "; ".join(f"{host_of(place)}: {err}" for place, err in silent.items())
    last = last if len(silent) > 1 else str(*silent.values())
    if web is None:
        raise ArchiveUnavailable(f"{_where(silent)} cannot be read: {last}")
    patience = patience or web.patience(grown=QUICK_TRIES - 1)
    if job.moved:
        patience.over(_where(silent))
    soonest = min(max(0.0, job.not_before.get(place, 0.0) - web.clock()) for place in silent)
    try:
        patience.wait(_where(silent), TryAgain(last, retry_after=soonest), tries=job.tries)
    except ArchiveUnavailable as err:
        if all(outcome.status and _is_alive(web, place, outcome.status) for place, outcome in silent.items()):
            raise _never_the_file(job.outcomes) from err
        raise
    job.moved, job.tries = False, 0
    return patience


def _is_alive(web, place: str, status: int) -> bool:
    """Whether a server that has not given a file gives other things: then it is this file, not the server."""
    if status < 300:
        return True
    try:
        above = web.probe(place.rsplit("/", 1)[0] + "/").status
    except (ArchiveUnavailable, BadAnswer):
        return False
    return above < 500 and above != 429


def _where(places) -> str:
    """The one place, or the file's name and the hosts."""
    places = list(places)
    if len(places) == 1:
        return places[0]
    return f"{places[0].rsplit('/', 1)[-1]} at {', '.join(map(host_of, places))}"


def _from(web, place: str, job: Job, tries: int) -> Arrived:
    source = local_path(place)
    if source is None:
        return from_server(web, place, job, tries)
    try:
        size = _size_of_whole(source, job.check)
    except OSError as err:
        job.tries += 1
        raise TryAgain(err.strerror or str(err)) from err
    return _linked(source.resolve(), size, job)


def _size_of_whole(source: Path, check) -> int:
    """Bytes of a local file that passes its check."""
    try:
        size = source.stat().st_size
    except (FileNotFoundError, NotADirectoryError) as err:
        raise Absent(f"no such file: {source}") from err
    if not source.is_file():
        raise Absent(f"not a file: {source}")
    if check:
        check(source)
    return size


def _linked(source: Path, size: int, job: Job) -> Arrived:
    """A link to a local file under the job's name."""
    link = job.path.with_name(job.path.name + ".link")
    link.unlink(missing_ok=True)
    link.symlink_to(source)
    os.replace(link, job.path)
    parts.drop(job.part)
    return Arrived(job.path, size, str(source))
