"""One file from one server: tried again when it breaks off, resumed where that can be trusted, checked."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from qscore import checks, parts
from qscore.errors import BadAnswer, UnusableEntry
from qscore.manners import LONGEST_RETRY_AFTER, Declined, TryAgain, growing_pause, host_of, is_page

BAD_TRIES = 3  # of a server whose answers are never the file
SICK_SECONDS = 600.0  # so long a host that failed all its tries is tried once only for other files
GAIN = 1 << 20  # bytes further than ever: the transfer is going well
PROGRESS_SECONDS = 0.1


@dataclass(frozen=True)
class Arrived:
    """A file under its name: how many bytes, and the URL or local path it came from."""

    path: Path
    bytes: int
    source: str


@dataclass
class Job:
    """One file to be brought, and how far that has got."""

    path: Path
    places: list[str]
    check: object
    progress: object
    furthest: int = 0
    moved: bool = False  # the part has gained since the last wait
    tries: int = 0  # that failed since the last wait
    shown: float = float("-inf")
    outcomes: dict[str, Exception] = field(default_factory=dict)
    not_before: dict[str, float] = field(default_factory=dict)

    @property
    def part(self) -> Path:
        return parts.beside(self.path)

    def gained(self) -> bool:
        """Whether the part has got a good deal further than ever before."""
        size = self.part.stat().st_size if self.part.exists() else 0
        gained = size - self.furthest >= GAIN
        self.furthest, self.moved = max(size, self.furthest), self.moved or gained
        return gained

    def show(self, done: int, total: int | None, now: float, *, always: bool = False) -> None:
        """Tell the progress, unless it was told a moment ago."""
        if self.progress and (always or now - self.shown >= PROGRESS_SECONDS):
            self.shown = now
            self.progress(done, total)

    def examine(self, url: str) -> None:
        """Check the part; trouble names the file and where it came from."""
        try:
            if self.check:
                self.check(self.part)
        except UnusableEntry as err:
            raise UnusableEntry(err.reason, f"{str(err).replace(self.part.name, self.path.name)} ({url})") from err

    def named(self, url: str) -> Arrived:
        """Give the part its name."""
        size = self.part.stat().st_size
        os.replace(self.part, self.path)
        parts.drop(self.part)
        return Arrived(self.path, size, url)


@dataclass
class _Tally:
    """What went wrong with one file at one mirror; says when to leave it."""

    tries: int
    bad_tries: int
    failures: int = 0
    bad: int = 0
    short: int = 0
    furthest: int = -1
    digest: tuple | None = None

    def failed(self, err: TryAgain, *, gained: bool, size: int, longest: float) -> int:
        """No body, or half of one → failures in a row; raises when they are enough."""
        self.failures = 0 if gained else self.failures + 1
        self.short = (self.short + 1 if size == self.furthest else 1) if err.short else 0
        self.furthest = size
        if self.short >= self.bad_tries:
            raise BadAnswer(f"{err}, {self.short} times") from err
        if self.failures >= self.tries or (err.retry_after or 0.0) > longest:
            raise err
        return max(self.failures, 1)

    def disappointed(self, err: Exception, digest: tuple | None = None) -> int:
        """A body that is not the file → how many; raises when they are enough, or twice the same."""
        if digest is not None and digest == self.digest:
            raise err
        self.bad, self.digest = self.bad + 1, digest
        if self.bad >= self.bad_tries:
            raise BadAnswer(f"{err}, {self.bad} times" if digest is None else f"another body each time: {err}") from err
        return self.bad


def from_server(web, url: str, job: Job, tries: int) -> Arrived:
    """The file from one server.

    Parameters
    ----------
    web : qscore.web.Web
    url : str
    job : Job
    tries : int
        That may fail in a row, without the part getting further.

    Raises
    ------
    Absent
        The server does not have it.
    UnusableEntry
        What came twice the same does not pass the check.
    BadAnswer
        What came was never the file.
    TryAgain
        It did not come: another server, or later.
    """
    host = host_of(url)
    sick = web.clock() - web.troubled.get(host, float("-inf")) < SICK_SECONDS
    tally = _Tally(1 if sick else tries, 1 if url in job.outcomes else BAD_TRIES)
    while True:
        asked = 0.0
        try:
            _fetch(web, url, job)
            job.examine(url)
        except TryAgain as err:
            failures, asked = _failed(web, url, job, tally, err)
        except BadAnswer as err:
            failures = tally.disappointed(err)
        except UnusableEntry as err:
            digest = (checks.crc32(job.part), job.part.stat().st_size)
            parts.drop(job.part)
            failures = tally.disappointed(err, digest)
        else:
            web.troubled.pop(host, None)
            return job.named(url)
        web.sleep(max(asked, growing_pause(failures, web.manners, web.random())))


def _failed(web, url: str, job: Job, tally: _Tally, err: TryAgain) -> tuple[int, float]:
    """Failures in a row, and the seconds the server asks for; raises when it is to be left."""
    job.tries += 1
    asked = min(err.retry_after or 0.0, LONGEST_RETRY_AFTER)
    job.not_before[url] = web.clock() + asked
    gained = job.gained()
    size = job.part.stat().st_size if job.part.exists() else 0
    try:
        return tally.failed(err, gained=gained, size=size, longest=web.manners.longest_pause), asked
    except TryAgain:
        if err.status is None or err.status >= 300:
            web.troubled[host_of(url)] = web.clock()
        raise


def _fetch(web, url: str, job: Job) -> None:
    """One try to bring the part to its end."""
    part = parts.read(job.part)
    if part is not None and part.url == url and part.complete:
        return
    headers = parts.range_headers(part, url)
    try:
        with web.open(url, headers=headers) as reply:
            if reply.status == 200:
                return _from_the_beginning(web, url, job, reply)
            if reply.status != 206 or not headers:
                raise BadAnswer(f"{url}: status {reply.status} instead of the file")
            if parts.continues(part, reply.headers):
                return _pour(web, job, part, reply.pieces())
    except Declined as err:
        if err.status != 416 or not headers:
            raise
        if parts.ends(part, err.headers):
            return parts.end(job.part, part, part.size)
    parts.drop(job.part)
    _fetch(web, url, job)


def _from_the_beginning(web, url: str, job: Job, reply) -> None:
    """A whole body; a web page instead of it leaves an earlier part alone."""
    pieces = reply.pieces()
    first = next(pieces, b"")
    if is_page(first):
        raise BadAnswer(f"{url}: a web page came instead of the file")
    part = parts.begin(job.part, url, reply.headers)
    _pour(web, job, part, _with(first, pieces))


def _with(first: bytes, pieces):
    yield first
    yield from pieces


def _pour(web, job: Job, part: parts.Part, pieces) -> None:
    """Append a body to the part; `TryAgain` when it does not end where it should."""
    done = part.size
    with open(job.part, "ab") as stream:
        for piece in pieces:
            stream.write(piece)
            done += len(piece)
            job.show(done, part.total, web.clock())
    if part.total is not None and done != part.total:
        raise TryAgain(f"the body broke off after {done:,} of {part.total:,} bytes", status=200, short=True)
    parts.end(job.part, part, done)
    job.show(done, part.total, web.clock(), always=True)
