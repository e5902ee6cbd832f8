"""Asking servers: API requests with patience, and single tries whose body is read piece by piece.

The loop that tries again is here and in `qscore.transfer`, not in urllib3's
`Retry`: that one ends when the headers have come, and what fails in an
archive is the body that stalls or breaks off after them.
"""

from __future__ import annotations

import json
import os
import random as _random
import socket
import ssl
import time
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, IncompleteRead, InvalidHeader

from qscore import __version__
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer
from qscore.manners import (
    Declined,
    Manners,
    Patience,
    TryAgain,
    check_url,
    growing_pause,
    is_loopback,
    is_page,
    local_path,
    redirected,
    verdict,
)

__all__ = ["Answer", "Manners", "Reply", "Web", "check_url"]

MOST_REDIRECTS = 5
MOST_JSON = 64 << 20  # bytes
BAD_ANSWERS = 3  # tries of an answer that came but is not what was asked for
LEAST_RATE = 1000.0  # bytes a second, over the read time-out: a body that drips more slowly has stalled
PIECE = 1 << 18  # larger ones cost a page fault for every 4 kB: 180,000 a GB, and a third of the speed
_NO_PROXY = {"http": None, "https": None, "all": None}


@dataclass(frozen=True)
class Answer:
    """Status, headers (any case) and final URL of an answer whose body was not read."""

    status: int
    headers: dict
    url: str


class Reply:
    """An answer whose body is still to be read: `status`, `headers` (any case), `url`."""

    def __init__(self, response: requests.Response, seconds: float, clock):
        self._raw, self._seconds, self._clock = response.raw, seconds, clock
        self.status, self.headers, self.url = response.status_code, response.headers, response.url

    def pieces(self):
        """The body as it comes, in pieces of up to 256 kB; no Content-Encoding is undone, as none was asked for.

        Raises
        ------
        TryAgain
            It stalls, drips or breaks off.
        """
        since, came = self._clock(), 0
        while piece := self._next():
            yield piece
            came += len(piece)
            elapsed = self._clock() - since
            if elapsed >= self._seconds:
                if came < LEAST_RATE * elapsed:
                    raise TryAgain(f"stalled: {came:,} bytes in {elapsed:.3g} s", status=self.status)
                since, came = self._clock(), 0

    def _next(self) -> bytes:
        """What one read of the socket gives: `read` would wait for a whole piece, and lose a part of one."""
        try:
            return self._raw.read1(PIECE, decode_content=False)
        except HTTPError as err:
            short = _first(_chain(err), IncompleteRead) is not None
            raise TryAgain(_why(err), status=self.status, short=short) from err


class Web:
    """One session with the archive's servers; close it, or use it in a ``with`` block.

    Parameters
    ----------
    manners : Manners
    sleep, clock, random : callable
        As `time.sleep`, `time.monotonic` and `random.random`.
    """

    def __init__(self, manners=None, *, sleep=time.sleep, clock=time.monotonic, random=_random.random):
        self.manners = manners or Manners()
        self.sleep, self.clock, self.random = sleep, clock, random
        self.troubled: dict[str, float] = {}  # host → when it last failed every try; transfers then ask it once
        self._free_at = float("-inf")
        self._session = _session(self.manners)

    def __enter__(self) -> Web:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Ends the session's connections."""
        self._session.close()

    def patience(self, *, grown: int = 0, brief: bool = False) -> Patience:
        """A fresh patience with this session's manners and clock."""
        return Patience(self.manners, grown=grown, brief=brief, sleep=self.sleep, clock=self.clock, random=self.random)

    # ---- API requests ----

    def get(self, url: str, *, seconds: float | None = None, most: int | None = None, brief: bool = False) -> bytes:
        """The body of an address, waited for while its server cannot be reached.

        Parameters
        ----------
        url : str
            As `check_url` allows.
        seconds : float, optional
            Read time-out of this request, instead of the manners'.
        most : int, optional
            Bytes the body may have.
        brief : bool
            Whether a server that answers with trouble (5xx) is soon given up: one object of many is asked for, and
            the trouble may be with that one. A silent server is waited for all the same.

        Raises
        ------
        Absent
            404 or 410, or no such file; asked once.
        BadAnswer
            Another status (`Declined`, with `.status`), a refused redirect, more than `most` bytes, or three web pages.
        ArchiveUnavailable
            Patience has ended; `qscore.manners.Troubled` (with `.status`) where the server answered with trouble.
        """
        return self._ask(url, _not_a_page, seconds=seconds, most=most, brief=brief)

    def get_json(self, url: str, *, seconds: float | None = None, most: int = MOST_JSON):
        """The JSON of an address; as a brief `get`, `BadAnswer` also when what came three times is not JSON."""
        return self._ask(url, _parsed, seconds=seconds, most=most, brief=True)

    def post_json(self, url: str, body, *, seconds: float | None = None):
        """What a server answers to JSON, as JSON (a query: asking twice does no harm); errors as `get_json`."""
        sent = json.dumps(body).encode()
        return self._ask(url, _parsed, seconds=seconds, most=MOST_JSON, brief=True, method="POST", sent=sent)

    def _ask(self, url: str, parse, *, most, brief: bool, seconds=None, method="GET", sent=None):
        path = local_path(check_url(url))
        if path is not None:
            return parse(_whole(_from_disk(path), url, most), url)
        for failures in range(1, BAD_ANSWERS + 1):
            try:
                patience = self.patience(brief=brief)
                return parse(self._patiently(patience, method, url, sent, seconds=seconds, most=most), url)
            except Unfit as err:
                if failures == BAD_ANSWERS:
                    raise BadAnswer(f"{err}, {BAD_ANSWERS} times") from err
                self.sleep(growing_pause(failures, self.manners, self.random()))

    def _patiently(self, patience: Patience, method: str, url: str, sent: bytes | None, *, seconds, most) -> bytes:
        headers = {"Content-Type": "application/json"} if sent is not None else None
        while True:
            self._pace()
            try:
                with self.open(url, method=method, headers=headers, sent=sent, seconds=seconds) as reply:
                    packing = reply.headers.get("Content-Encoding", "")
                    body = _unpacked(_whole(reply.pieces(), url, most), packing, url=url, most=most)
            except TryAgain as err:
                patience.wait(_short(url), err)
            else:
                patience.over(_short(url))
                return body

    def _pace(self) -> None:
        """Waits until the next API request is due."""
        now = self.clock()
        if now < self._free_at:
            self.sleep(self._free_at - now)
        self._free_at = max(now, self._free_at) + 1.0 / self.manners.api_per_second

    # ---- single tries ----

    @contextmanager
    def open(self, url: str, *, method: str = "GET", headers=None, sent: bytes | None = None, seconds=None):
        """One try: a `Reply` of a status between 200 and 299.

        Raises
        ------
        TryAgain
            No answer, or one that says to come back.
        Absent, BadAnswer
            As `get`.
        """
        response = self._follow(method, check_url(url), headers, sent, seconds)
        with response:
            _check_status(response, url)
            yield Reply(response, seconds or self.manners.read_seconds, self.clock)

    def probe(self, url: str, *, headers=None, method: str = "HEAD") -> Answer:
        """Status and headers of an address, whatever they are, in a single try.

        Raises
        ------
        ArchiveUnavailable
            No answer came.
        BadAnswer
            A refused redirect.
        """
        try:
            response = self._follow(method, check_url(url), headers, None, None)
        except TryAgain as err:
            raise ArchiveUnavailable(f"{url} cannot be reached: {err}") from err
        with response:
            return Answer(response.status_code, response.headers, response.url)

    def _follow(self, method: str, url: str, headers, sent, seconds) -> requests.Response:
        """The answer after redirects, which are followed by hand: requests would follow them anywhere."""
        first = url
        for _ in range(MOST_REDIRECTS + 1):
            response = self._send(method, url, headers, sent, seconds)
            if verdict(response.status_code) != "moved":
                return response
            with response:
                url = redirected(url, response.headers.get("Location"))
        raise BadAnswer(f"{first}: redirected more than {MOST_REDIRECTS} times")

    def _send(self, method: str, url: str, headers, sent, seconds) -> requests.Response:
        try:
            return self._session.request(
                method,
                url,
                headers=headers,
                data=sent,
                timeout=(self.manners.connect_seconds, seconds or self.manners.read_seconds),
                stream=True,
                allow_redirects=False,
                proxies=_NO_PROXY if is_loopback(urlsplit(url).hostname) else None,
            )
        except requests.RequestException as err:
            raise TryAgain(_why(err)) from err


class Unfit(BadAnswer):
    """A body that came whole and cannot be what was asked for."""


def _session(manners: Manners) -> requests.Session:
    """A session that asks for bytes as they are, never tries again by itself and takes no password from ~/.netrc."""
    session = requests.Session()
    agent = f"qscore/{__version__}" + (f" (+{manners.contact})" if manners.contact else "")
    session.headers.update({"User-Agent": agent, "Accept-Encoding": "identity", "Accept": "*/*"})
    session.auth = lambda request: request
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=0))
    return session


def _check_status(response: requests.Response, url: str) -> None:
    status = response.status_code
    means = verdict(status)
    if means == "absent":
        raise Absent(f"{url}: {status}")
    if means == "again":
        raise TryAgain(_named(response), status=status, retry_after=_retry_after(response))
    if means != "body":
        raise Declined(f"{url}: {_named(response)}", status, response.headers)


def _named(response: requests.Response) -> str:
    return f"{response.status_code} {response.reason or ''}".strip()


def _retry_after(response: requests.Response) -> float | None:
    """Seconds of a Retry-After header, given as a number or a date; None when there is none to be read."""
    text = response.headers.get("Retry-After")
    try:
        return None if text is None else float(urllib3.Retry().parse_retry_after(text))
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _from_disk(path):
    """The pieces of a local file."""
    try:
        with open(path, "rb") as stream:
            yield from iter(lambda: stream.read(PIECE), b"")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as err:
        raise Absent(f"no such file: {path}") from err
    except OSError as err:
        raise ArchiveUnavailable(f"cannot read {path}: {err.strerror}") from err


def _whole(pieces, url: str, most: int | None) -> bytes:
    body = bytearray()
    for piece in pieces:
        body += piece
        if most is not None and len(body) > most:
            raise BadAnswer(f"{url}: more than {most:,} bytes")
    return bytes(body)


def _unpacked(body: bytes, packing: str, *, url: str, most: int | None) -> bytes:
    """A body whose server packed it though it was asked not to; never more than `most` bytes, and no file named .gz."""
    if packing.strip().lower() not in ("gzip", "x-gzip", "deflate") or urlsplit(url).path.endswith(".gz"):
        return body
    try:
        found = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32).decompress(body, 0 if most is None else most + 1)
    except zlib.error as err:
        raise Unfit(f"{url}: a packed body that cannot be unpacked") from err
    return _whole([found], url, most)


def _not_a_page(body: bytes, url: str) -> bytes:
    if is_page(body[:100]):
        raise Unfit(f"{url}: a web page came")
    return body


def _parsed(body: bytes, url: str):
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as err:  # also what is not UTF-8, or nested beyond all measure
        beginning = " ".join(body[:60].decode("utf-8", "replace").split())
        raise Unfit(f"{url}: expected JSON, came {beginning!r}") from err


def _short(url: str) -> str:
    """A URL without its query, for messages."""
    return url.split("?")[0] if len(url) > 120 else url


# ---- what went wrong, in a few words ----


def _chain(err):
    """An exception and what it was raised from, outermost first."""
    seen = []
    while err is not None and err not in seen:
        seen.append(err)
        inner = [arg for arg in err.args if isinstance(arg, BaseException)]
        err = err.__cause__ or getattr(err, "reason", None) or (inner[0] if inner else None) or err.__context__
        err = err if isinstance(err, BaseException) else None
    return seen


def _why(err: BaseException) -> str:
    """One short line: the system's own word where there is one."""
    links = _chain(err)
    if cut := _first(links, IncompleteRead):
        return f"the body broke off after {cut.partial:,} of {cut.partial + cut.expected:,} bytes"
    if unsafe := _first(links, ssl.SSLError):
        return f"no secure connection: {unsafe.reason or unsafe}"
    if _first(links, socket.gaierror):
        return "the host's name is not known"
    if system := next((link for link in links if isinstance(link, OSError) and link.errno), None):
        return os.strerror(system.errno).lower()
    if _first(links, (TimeoutError, urllib3.exceptions.TimeoutError)):
        return "no answer in time"
    return " ".join(str(links[-1]).split())[:200] or type(links[-1]).__name__


def _first(links: list, kinds):
    return next((link for link in links if isinstance(link, kinds)), None)
