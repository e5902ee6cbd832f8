"""Asking the servers of a survey a little: each is given up as soon as it is known not to answer."""

from __future__ import annotations

import errno
import socket

from qscore import manners, mirrors
from qscore.errors import ArchiveUnavailable, BadAnswer

PAUSE = 1.0  # seconds before a host that refused is asked once more


class Asking:
    """A `qscore.web.Web` that does not go back to a host which was unreachable once."""

    def __init__(self, web):
        self.web, self._gone, self._met = web, set(), set()
        self.date = ""  # the Date header that came last

    def __call__(self, how: str, url: str, *more, times: int = 1, **options):
        """`how` is a method of `Web`, asked up to `times` times; what it raises at last is raised."""
        host = manners.host_of(url)
        if host in self._gone:
            raise ArchiveUnavailable(f"{host} could not be reached before")
        try:
            if how != "probe":
                self._knock(host, url)
            answer = getattr(self.web, how)(url, *more, **options)
        except ArchiveUnavailable:
            if times > 1:
                return self(how, url, *more, times=times - 1, **options)
            self._gone.add(host)
            raise
        self._met.add(host)
        return answer

    def _knock(self, host: str, url: str, *, times: int = 2) -> None:
        """Is anybody there? Requests of the API are patient, which is in vain where no host has the name or listens."""
        if host in self._met or manners.local_path(url) is not None:
            return
        try:
            self.web.probe(url)
        except BadAnswer:
            pass
        except ArchiveUnavailable as err:
            if not refused(err):
                return
            if times == 1:
                raise ArchiveUnavailable(f"{host} cannot be reached: {err.__cause__ or err}") from err
            self.web.sleep(PAUSE)
            self._knock(host, url, times=times - 1)
        self._met.add(host)

    def probe(self, url: str, **options):
        """A single request, once more when it does not go through: a few in a hundred stall."""
        answer = self("probe", url, times=2, **options)
        self.date = mirrors.header(answer, "Date") or self.date
        if manners.verdict(answer.status) == "again":
            raise ArchiveUnavailable(f"{url} says {answer.status}: to be asked another time")
        return answer


def refused(err: BaseException | None) -> bool:
    """Whether a failure came at once: the name is not known, nothing listens, no network."""
    while err is not None:
        if isinstance(err, (socket.gaierror, ConnectionRefusedError)):
            return True
        if isinstance(err, OSError) and err.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
            return True
        err = err.__cause__ or err.__context__
    return False
