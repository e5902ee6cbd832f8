"""How servers are treated: which addresses are asked, what an answer means, how long to wait before asking again.

Decisions only; `qscore.web` and `qscore.transfer` act on them. Nothing here
reaches for a network.
"""

from __future__ import annotations

import ipaddress
import logging
import random as _random
import re
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from qscore.errors import ArchiveUnavailable, BadAnswer

LONGEST_RETRY_AFTER = 900.0  # s; a server that asks for more is asked again after this
LEAST_PAUSE = 0.001  # s; less than this of patience left is none
BRIEF_TRIES = 6  # answered with trouble (5xx), after which one object is given up: about half a minute
LONG_WAIT = 10.0  # s; a wait worth a word to whoever watches
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*\.?", re.IGNORECASE)
_log = logging.getLogger("qscore")


@dataclass(frozen=True)
class Manners:
    """How servers are asked.

    Attributes
    ----------
    contact : str
        Address of whoever runs this, told to servers in the User-Agent.
    api_per_second : float
        API requests a second, at most.
    connect_seconds, read_seconds : float
        Time-outs of the connection and between two pieces of an answer.
    first_pause, longest_pause : float
        Pauses between tries grow from one to the other, s.
    patience_seconds : float
        How long a server that cannot be reached is waited for.
    """

    contact: str = ""
    api_per_second: float = 3.0
    connect_seconds: float = 15.0
    read_seconds: float = 60.0
    first_pause: float = 1.0
    longest_pause: float = 120.0
    patience_seconds: float = 3600.0


class TryAgain(Exception):
    """One try failed in a way in which another need not.

    Attributes
    ----------
    status : int or None
        Status of the answer; None when none came.
    retry_after : float or None
        Seconds the server asks to be left alone.
    short : bool
        The body ended in good order before it was complete.
    """

    def __init__(self, text: str, *, status: int | None = None, retry_after: float | None = None, short: bool = False):
        super().__init__(text)
        self.status, self.retry_after, self.short = status, retry_after, short


class Declined(BadAnswer):
    """A status that is neither success nor absence nor a reason to try again; with its `status` and `headers`."""

    def __init__(self, text: str, status: int, headers=None):
        super().__init__(text)
        self.status, self.headers = status, headers or {}


class Troubled(ArchiveUnavailable):
    """Patience has ended with a server that answers, if only with trouble of its own; with its last `status`."""

    def __init__(self, text: str, status: int):
        super().__init__(text)
        self.status = status


# ---- addresses ----


def check_url(url: str) -> str:
    """The URL, when it may be asked: https, http on this machine, or a file on it.

    Raises
    ------
    ValueError
        It is anything else, or names a user, or is not a URL.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as err:
        raise ValueError(f"not a URL: {url!r} ({err})") from err
    if re.search(r"[\s\x00-\x1f\x7f\\]", url) or "@" in parts.netloc:
        raise ValueError(f"not a URL: {url!r} (blanks, backslashes and user names are not allowed)")
    if parts.scheme == "file" and host in ("", "localhost") and parts.path.startswith("/"):
        return url
    if parts.scheme == "https" and (_HOST.fullmatch(host) or _address(host)):
        return url
    if parts.scheme == "http" and is_loopback(host):
        return url
    raise ValueError(f"not a URL that may be asked: {url!r}; expected https://…, file:///… or http on this machine")


def is_loopback(host: str) -> bool:
    """Whether a host name is this machine: ``localhost``, 127.0.0.0/8 or ::1, and nothing that only looks so."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def _address(host: str):
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def host_of(url: str) -> str:
    """Host (and port) of a URL, for messages."""
    return urlsplit(url).netloc or url


def local_path(place: str) -> Path | None:
    """The file that a ``file:`` URL or a path names; None for an address on a network."""
    text = str(place)
    if text.startswith("file:"):
        return Path(unquote(urlsplit(check_url(text)).path))
    return None if "://" in text and check_url(text) else Path(place)


def redirected(url: str, location: str | None) -> str:
    """Where a redirect leads.

    Raises
    ------
    BadAnswer
        Nowhere, off the network, or from https to http.
    """
    try:
        target = check_url(urljoin(url, location or ""))
    except ValueError as err:
        raise BadAnswer(f"{url}: refused to follow a redirect to {location!r}") from err
    if not location or urlsplit(target).scheme not in ("https", urlsplit(url).scheme):
        raise BadAnswer(f"{url}: refused to follow a redirect to {location!r}")
    return target


# ---- answers ----


def verdict(status: int) -> str:
    """What a status means: ``body``, ``moved``, ``absent``, ``again`` or ``declined``."""
    if 200 <= status < 300:
        return "body"
    if status in (301, 302, 303, 307, 308):
        return "moved"
    if status in (404, 410):
        return "absent"
    return "again" if status in (408, 425, 429) or 500 <= status < 600 else "declined"


def is_page(beginning: bytes) -> bool:
    """Whether a body is a web page: what servers in trouble send instead of a file."""
    return beginning.removeprefix(b"\xef\xbb\xbf").lstrip()[:14].lower().startswith((b"<!doctype html", b"<html"))


# ---- pauses ----


def growing_pause(failures: int, manners: Manners, chance: float) -> float:
    """Seconds before the next try after so many failures: doubled each time, of which 10 to 100 % by `chance` (0–1).

    The spread keeps many clients from coming back in the same moment
    ("full jitter", with a floor so that no pause is none).
    """
    ceiling = min(manners.longest_pause, manners.first_pause * 2.0 ** min(failures - 1, 60))
    return ceiling * (0.1 + 0.9 * chance)


def next_pause(failures: int, waited: float, manners: Manners, *, chance: float, retry_after=None) -> float | None:
    """Seconds before the next try, or None when patience ends.

    Parameters
    ----------
    failures : int
        Tries that failed, at least 1.
    waited : float
        Seconds since the first of them.
    chance : float
        A random number, 0–1.
    retry_after : float, optional
        Seconds the server asks for: it is not asked earlier, unless it wants more than `LONGEST_RETRY_AFTER`.
    """
    left = manners.patience_seconds - waited
    asked = min(retry_after or 0.0, LONGEST_RETRY_AFTER)
    if left < LEAST_PAUSE or asked > left:
        return None
    return max(asked, min(growing_pause(failures, manners, chance), left))


class Patience:
    """Waits between tries until it ends, and says so when it takes long.

    Parameters
    ----------
    manners : Manners
    grown : int
        How many times the first pause is doubled already.
    brief : bool
        Whether `BRIEF_TRIES` answers of trouble (5xx) end it: what is asked for may be the trouble, not the server.
    sleep, clock, random : callable
        As `time.sleep`, `time.monotonic` and `random.random`.
    """

    def __init__(self, manners, *, grown=0, brief=False, sleep=time.sleep, clock=time.monotonic, random=_random.random):
        self._brief, self._answered = brief, 0
        self.manners, self._sleep, self._clock, self._random = manners, sleep, clock, random
        self._grown, self._waits, self._tries, self._since, self._said = grown, 0, 0, None, False

    def wait(self, where: str, trouble: TryAgain, *, tries: int = 1) -> None:
        """Sleeps until the next try, after `tries` that failed.

        Raises
        ------
        ArchiveUnavailable
            Patience has ended; `Troubled` when the last try was answered, if only with trouble.
        """
        now = self._clock()
        self._since = now if self._since is None else self._since
        self._tries, self._waits = self._tries + tries, self._waits + 1
        waited, failures = now - self._since, self._grown + self._waits
        pause = next_pause(failures, waited, self.manners, chance=self._random(), retry_after=trouble.retry_after)
        self._answered += (trouble.status or 0) >= 500
        if pause is None or (self._brief and self._answered >= BRIEF_TRIES):
            raise self._ended(where, trouble, waited) from trouble
        if waited + pause >= LONG_WAIT and not self._said:
            self._said = True
            _log.info("waiting for %s: %s; next try in %s", where, trouble, _spell(pause))
        self._sleep(pause)

    def _ended(self, where: str, trouble: TryAgain, waited: float) -> ArchiveUnavailable:
        text = f"{where} cannot be reached: {_count(self._tries)} in {_spell(waited)}; last: {trouble}"
        return Troubled(text, trouble.status) if (trouble.status or 0) >= 400 else ArchiveUnavailable(text)

    def over(self, where: str) -> None:
        """It answers: the next failure is a first one."""
        if self._said:
            _log.info("%s answers again after %s", where, _spell(self._clock() - self._since))
        self._waits, self._tries, self._answered, self._since, self._said = 0, 0, 0, None, False


def _count(tries: int) -> str:
    return f"{tries} {'try' if tries == 1 else 'tries'}"


def _spell(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
