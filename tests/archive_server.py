"""A local server that plays EMDB, wwPDB, RCSB and a mirror, with faults.

    with ArchiveServer() as server:
        server.serve_tree("/pub/emdb/structures", folder)
        server.answer("/emdb/api/entry/EMD-1234", {"emdb_id": "EMD-1234"})  # bytes, text, or JSON
        server.answer("/emdb/api/search/*", handler)
        server.fault("emd_1234.map.gz", "status", times=3, code=503, retry_after=2)
        ... server.base + "/pub/emdb/structures/EMD-1234/map/emd_1234.map.gz" ...
        server.quiet()
        assert [seen.status for seen in server.log] == [503, 503, 503, 200]

A handler takes (method, path, query, headers, body) and gives (status, headers, bytes): `path` is as it came
(percent-encoded, without the query), `query` is {name: [value, …]}, `headers` are case-insensitive.
One server is one host; several make several mirrors. `python archive_server.py FOLDER` serves a folder.

Faults are tried in the order in which they were made; each serves its first `times` requests (None: all), then the
next one that matches has its turn. Kinds and their options:

    stall             after=0, headers=True     so many bytes, then nothing until the client goes away
    drip              size=1, every=0.05        so many bytes at a time
    reset             after=half                RST in the middle of the body
    short             after=half                the connection ends in good order, too early
    hang_up                                     the connection ends without an answer
    wrong_length      by=±n                     Content-Length says so many more (or fewer) than are sent
    no_length                                   no Content-Length: the end of the connection is the end of the body
    status            code, retry_after, body, headers
    html              code=200                  an error page instead of what was asked for
    corrupt           same=True                 bytes flipped, the same each time or others each time; right length
    truncated                                   half of the file, right length for that
    changed           other, honest=True        breaks off half-way; from then on the path holds `other` (bytes or path)
                                                under another ETag; not honest: If-Range is ignored
    no_range                                    Range is ignored: 200 with everything
    bad_content_range shift=1, total=None       206 whose Content-Range is not what was asked for
    redirect_to       to, code=302
    redirect_loop
    delay             seconds                   answers late, but well
"""

import contextlib
import hashlib
import itertools
import json
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

PAGE = b"<!DOCTYPE html>\n<html><head><title>Service error</title></head><body>Please try again later.</body></html>\n"
KINDS = {}


class StillTime:
    """A clock that only sleeping moves; `pauses` lists the sleeps, `during[n]` is called in the n-th (from 1)."""

    def __init__(self, during=None):
        self.now, self.pauses, self.during = 1000.0, [], during or {}

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        if len(self.pauses) in self.during:
            self.during[len(self.pauses)]()

    def clock(self) -> float:
        return self.now


@dataclass
class Seen:
    """One request as the server saw it; `end` is None while it is being answered."""

    method: str
    path: str
    query: dict
    headers: object
    body: bytes
    start: float
    status: int | None = None
    sent: int = 0
    end: float | None = None

    @property
    def range(self):
        return self.headers.get("Range")

    @property
    def agent(self):
        return self.headers.get("User-Agent")


@dataclass
class Thing:
    """What a path holds: bytes or a file, and what is said of it."""

    source: bytes | Path
    headers: dict
    ranges: bool = True

    @property
    def size(self) -> int:
        return len(self.source) if isinstance(self.source, bytes) else self.source.stat().st_size

    def read(self) -> bytes:
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


@dataclass
class Reply:
    """A status, headers without Content-Length, and `count` bytes of a source from `first` on."""

    status: int
    headers: dict
    source: bytes | Path
    first: int = 0
    count: int = 0


@dataclass
class Fault:
    matches: Callable
    act: Callable
    left: int | None
    options: dict
    hits: int = 0
    memory: dict = field(default_factory=dict)


class _Host(ThreadingHTTPServer):
    daemon_threads = False  # joined at the end, so that no socket is left open
    block_on_close = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError, ValueError)):
            super().handle_error(request, client_address)


class ArchiveServer:
    """See the head of this file. `base` is the URL, `log` the list of `Seen`."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0):
        self.host, self.port = host, port
        self.log: list[Seen] = []
        self._trees, self._answers, self._faults = [], [], []
        self._lock, self._open, self._closing = threading.Lock(), set(), False
        self._server = self._thread = None

    # ---- life ----

    def __enter__(self):
        self.down()
        self.up()
        return self

    def __exit__(self, *_):
        self._stop()
        self._server.server_close()

    def up(self) -> None:
        """Answer again."""
        self._closing = False
        self._server.server_activate()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def down(self) -> None:
        """Refuse connections from now on and break those there are; the port stays ours."""
        self._stop()
        if self._server:
            self._server.server_close()
        archive = self

        class Handler(_Handler):
            server_of = archive

        self._server = _Host((self.host, self.port), Handler, bind_and_activate=False)
        self._server.server_bind()
        self.port = self._server.server_address[1]

    def _stop(self) -> None:
        if self._thread:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
            self._server.socket.close()
        with self._lock:
            self._closing = True
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    @property
    def base(self) -> str:
        return f"http://{self.host}:{self.port}"

    # ---- what it holds ----

    def serve_tree(self, prefix: str, folder, *, etag="strong", last_modified=True, ranges=True) -> None:
        """Files below `folder` under a URL prefix; `etag` is "strong", "weak" or None."""
        said = {"etag": etag, "last_modified": last_modified, "ranges": ranges}
        self._trees.append((prefix.rstrip("/") + "/", Path(folder), said))

    def answer(self, path, reply, *, method: str | None = None) -> None:
        """A made-up answer for a path (``…*``: whatever begins so) or a predicate (method, path, query, headers, body).

        `reply` is bytes, text, something for JSON, or a handler (method, path, query, headers, body) →
        (status, headers, bytes), or → None to pass the request on to answers made earlier and to trees.
        The answer made last comes first.
        """
        self._answers.insert(0, (path, reply, method))

    def fault(self, match, kind: str, *, times: int | None = None, **options) -> Fault:
        """Injects a fault where the path ends in `match`, or `match(seen)` holds; see the head of this file."""
        matches = match if callable(match) else lambda seen: unquote(seen.path).endswith(match)
        self._faults.append(Fault(matches, KINDS[kind], times, options))
        return self._faults[-1]

    def mend(self) -> None:
        """Takes all faults back."""
        self._faults.clear()

    # ---- what it saw ----

    def requests(self, match: str = "") -> list[Seen]:
        """Requests whose path ends so."""
        return [seen for seen in self.log if unquote(seen.path).endswith(match)]

    def quiet(self, seconds: float = 5.0) -> None:
        """Waits until no request is being answered: what the log says is then complete."""
        until = time.monotonic() + seconds
        while any(seen.end is None for seen in self.log):
            if time.monotonic() > until:
                raise TimeoutError([seen for seen in self.log if seen.end is None])
            time.sleep(0.002)

    def most_at_once(self, match: str = "") -> int:
        """How many of those requests were being answered at the same time, at most."""
        spans = [(seen.start, seen.end if seen.end is not None else float("inf")) for seen in self.requests(match)]
        return max((sum(first <= start < last for first, last in spans) for start, _ in spans), default=0)

    def spacing(self, match: str = "") -> list[float]:
        """Seconds between the starts of those requests."""
        starts = sorted(seen.start for seen in self.requests(match))
        return [b - a for a, b in itertools.pairwise(starts)]

    # ---- answering ----

    def _find(self, seen: Seen) -> Thing | Reply:
        call = (seen.method, seen.path, seen.query, seen.headers, seen.body)
        for path, reply, method in self._answers:
            if method in (None, seen.method) and _matches(path, call):
                made = _made(reply, call)
                if made is not None:
                    return made
        for prefix, folder, said in self._trees:
            path = folder / unquote(seen.path).removeprefix(prefix)
            if unquote(seen.path).startswith(prefix) and ".." not in path.parts and path.is_file():
                return _thing(path, **said)
        return Reply(404, {"Content-Type": "text/html"}, PAGE, 0, len(PAGE))

    def _fault_of(self, seen: Seen) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.left != 0 and fault.matches(seen):
                    fault.left = None if fault.left is None else fault.left - 1
                    fault.hits += 1
                    return fault
        return None


def _matches(path, call) -> bool:
    if callable(path):
        return path(*call)
    came = call[1]
    return any(p.startswith(path[:-1]) if path.endswith("*") else p == path for p in (came, unquote(came)))


def _made(reply, call) -> Reply | None:
    if callable(reply):
        made = reply(*call)
        if made is None:
            return None
        status, headers, body = made
        return Reply(status, dict(headers), body, 0, len(body))
    kind = "text/plain; charset=utf-8"
    if not isinstance(reply, (bytes, str)):
        reply, kind = json.dumps(reply), "application/json"
    body = reply.encode() if isinstance(reply, str) else reply
    return Reply(200, {"Content-Type": kind}, body, 0, len(body))


def _thing(path: Path, *, etag, last_modified, ranges) -> Thing:
    facts = path.stat()
    headers = {"Content-Type": "application/x-gzip" if path.suffix == ".gz" else "application/octet-stream"}
    if etag:
        headers["ETag"] = ("W/" if etag == "weak" else "") + f'"{facts.st_mtime_ns:x}-{facts.st_size:x}"'
    if last_modified:
        headers["Last-Modified"] = formatdate(facts.st_mtime, usegmt=True)
    return Thing(path, headers, ranges)


def _reply(thing: Thing | Reply, seen: Seen, *, if_range: bool = True) -> Reply:
    """The part that was asked for, or everything."""
    if isinstance(thing, Reply):
        return thing
    headers = thing.headers | ({"Accept-Ranges": "bytes"} if thing.ranges else {})
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", seen.range or "")
    known = seen.headers.get("If-Range")
    same = known is None or not if_range or known in (thing.headers.get("ETag"), thing.headers.get("Last-Modified"))
    if not (asked and thing.ranges and same):
        return Reply(200, headers, thing.source, 0, thing.size)
    first, last = int(asked[1]), min(int(asked[2] or thing.size - 1), thing.size - 1)
    if first >= thing.size:
        return Reply(416, headers | {"Content-Range": f"bytes */{thing.size}"}, b"")
    headers["Content-Range"] = f"bytes {first}-{last}/{thing.size}"
    return Reply(206, headers, thing.source, first, last - first + 1)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_of: ArchiveServer

    def setup(self):
        super().setup()
        with self.server_of._lock:
            self.server_of._open.add(self.connection)
            if self.server_of._closing:  # accepted in the last moment
                self.connection.shutdown(socket.SHUT_RDWR)

    def finish(self):
        with self.server_of._lock:
            self.server_of._open.discard(self.connection)
        super().finish()

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = parse_qs(parts.query, keep_blank_values=True)
        seen = Seen(self.command, parts.path, query, self.headers, body, time.monotonic())
        self.server_of.log.append(seen)
        try:
            thing, fault = self.server_of._find(seen), self.server_of._fault_of(seen)
            if fault:
                fault.act(self, seen, thing, fault, **fault.options)
            else:
                self.send(seen, _reply(thing, seen))
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        finally:
            seen.end = time.monotonic()

    do_GET = do_HEAD = do_POST = answer

    def head(self, seen: Seen, reply: Reply, length: int | None) -> None:
        seen.status = reply.status
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def send(self, seen: Seen, reply: Reply, *, only: int | None = None, length: int | None = -1) -> None:
        """Headers and body; `only` so many bytes of it, `length` the Content-Length (-1: the right one)."""
        self.head(seen, reply, reply.count if length == -1 else length)
        if seen.method != "HEAD":
            count = reply.count if only is None else min(only, reply.count)
            self.body(seen, reply.source, reply.first, count)

    def body(self, seen: Seen, source, first: int, count: int) -> None:
        if isinstance(source, bytes):
            self.connection.sendall(source[first : first + count])
            seen.sent += count
        elif count:
            with open(source, "rb") as stream:
                seen.sent += self.connection.sendfile(stream, first, count)

    def wait_for_client(self) -> None:
        while self.connection.recv(65536):
            pass

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


# ---- faults: (handler, seen, thing, fault, **options) ----


def kind(act):
    KINDS[act.__name__] = act
    return act


@kind
def stall(handler, seen, thing, fault, *, after=0, headers=True):
    handler.close_connection = True
    if headers:
        handler.send(seen, _reply(thing, seen), only=after)
    handler.wait_for_client()


@kind
def drip(handler, seen, thing, fault, *, size=1, every=0.05):
    reply = _reply(thing, seen)
    handler.close_connection = True
    handler.head(seen, reply, reply.count)
    for first in range(reply.first, reply.first + reply.count, size):
        handler.body(seen, reply.source, first, min(size, reply.first + reply.count - first))
        time.sleep(every)


@kind
def reset(handler, seen, thing, fault, *, after=None):
    reply = _reply(thing, seen)
    handler.send(seen, reply, only=reply.count // 2 if after is None else after)
    time.sleep(0.02)  # what was sent is read before the RST throws it away
    handler.reset()


@kind
def short(handler, seen, thing, fault, *, after=None):
    reply = _reply(thing, seen)
    handler.close_connection = True
    handler.send(seen, reply, only=reply.count // 2 if after is None else after)


@kind
def hang_up(handler, seen, thing, fault):
    handler.close_connection = True


@kind
def wrong_length(handler, seen, thing, fault, *, by):
    reply = _reply(thing, seen)
    handler.close_connection = True
    handler.send(seen, reply, length=reply.count + by)


@kind
def no_length(handler, seen, thing, fault):
    handler.close_connection = True
    handler.send(seen, _reply(thing, seen), length=None)


@kind
def status(handler, seen, thing, fault, *, code, retry_after=None, body=PAGE, headers=None):
    said = {"Content-Type": "text/html"} | (headers or {})
    if retry_after is not None:
        said["Retry-After"] = str(retry_after)
    handler.send(seen, Reply(code, said, body, 0, len(body)))


@kind
def html(handler, seen, thing, fault, *, code=200):
    handler.send(seen, Reply(code, {"Content-Type": "text/html"}, PAGE, 0, len(PAGE)))


@kind
def corrupt(handler, seen, thing, fault, *, same=True):
    raw = bytearray(thing.read() if isinstance(thing, Thing) else thing.source)
    for k in range(3):  # in the second half, where gzip's header is not
        word = hashlib.sha256(f"{0 if same else fault.hits} {k}".encode()).digest()
        raw[len(raw) // 2 + int.from_bytes(word[:4], "big") % (len(raw) // 2)] ^= 1 + word[4] % 255
    handler.send(seen, _reply(_instead(thing, bytes(raw)), seen))


@kind
def truncated(handler, seen, thing, fault):
    raw = thing.read() if isinstance(thing, Thing) else thing.source
    handler.send(seen, _reply(_instead(thing, raw[: len(raw) // 2]), seen))


@kind
def changed(handler, seen, thing, fault, *, other, honest=True):
    if fault.hits == 1:
        return reset(handler, seen, thing, fault)
    said = thing.headers | {"ETag": '"another"', "Last-Modified": formatdate(2e9, usegmt=True)}
    source = other if isinstance(other, bytes) else Path(other)
    handler.send(seen, _reply(Thing(source, said), seen, if_range=honest))


@kind
def no_range(handler, seen, thing, fault):
    handler.send(seen, _reply(replace(thing, ranges=False), seen))


@kind
def bad_content_range(handler, seen, thing, fault, *, shift=1, total=None):
    reply = _reply(thing, seen)
    if reply.status == 206:
        said, last = reply.first + shift, reply.first + reply.count - 1
        reply.headers["Content-Range"] = f"bytes {said}-{last}/{total or thing.size}"
    handler.send(seen, reply)


@kind
def redirect_to(handler, seen, thing, fault, *, to, code=302):
    handler.send(seen, Reply(code, {"Location": to}, b""))


@kind
def redirect_loop(handler, seen, thing, fault):
    handler.send(seen, Reply(302, {"Location": handler.path}, b""))


@kind
def delay(handler, seen, thing, fault, *, seconds):
    time.sleep(seconds)
    handler.send(seen, _reply(thing, seen))


def _instead(thing: Thing | Reply, raw: bytes) -> Thing | Reply:
    return replace(thing, source=raw) if isinstance(thing, Thing) else replace(thing, source=raw, count=len(raw))


if __name__ == "__main__":
    with ArchiveServer() as _server:
        _server.serve_tree("/", sys.argv[1] if len(sys.argv) > 1 else ".")
        print(_server.base, flush=True)
        sys.stdin.read()
