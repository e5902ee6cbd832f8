"""API requests: what is asked, what an answer means, how long is waited, against a local server with faults."""

import email.utils
import gzip
import json
import logging
import socket
import threading
import time

import pytest
from archive_server import PAGE, ArchiveServer, StillTime
from hypothesis import given
from hypothesis import strategies as st

from qscore import __version__
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer
from qscore.manners import (
    BRIEF_TRIES,
    LONGEST_RETRY_AFTER,
    Declined,
    Patience,
    Troubled,
    TryAgain,
    growing_pause,
    is_page,
    local_path,
    next_pause,
    redirected,
    verdict,
)
from qscore.web import Manners, Web, check_url

ENTRY = {"emdb_id": "EMD-1234", "title": "Apoferritin, 2.5 Å"}


@pytest.fixture
def server():
    with ArchiveServer() as server:
        server.answer("/entry", ENTRY)
        yield server


@pytest.fixture
def still():
    return StillTime()


@pytest.fixture
def web(still):
    with made(still) as web:
        yield web


def made(still, **manners):
    manners = {"read_seconds": 20.0, "api_per_second": float("inf")} | manners
    return Web(Manners(**manners), sleep=still.sleep, clock=still.clock, random=lambda: 1.0)


# ---- addresses ----

GOOD = [
    "https://ftp.ebi.ac.uk/pub/databases/emdb/structures/EMD-1/map/emd_1.map.gz",
    "https://www.ebi.ac.uk:443/emdb/api/search/%2A%3A%2A?rows=5&wt=csv",
    "https://[2001:db8::1]/x",
    "http://127.0.0.1:8000/x",
    "http://127.9.8.7/x",
    "http://localhost:80/x",
    "http://[::1]:80/x",
    "file:///data/emdb/x.map.gz",
    "file:/data/emdb/x.map.gz",
    "file://localhost/data/x",
]
BAD = [
    "http://ftp.ebi.ac.uk/x",
    "ftp://ftp.ebi.ac.uk/x",
    "http://localhost.evil.org/x",
    "http://localhost@evil.org/x",
    "https://user:password@ftp.ebi.ac.uk/x",
    "http://127.0.0.1@evil.org/x",
    "http://127.0.0.1.evil.org/x",
    "http://127.0.0.1\\@evil.org/x",
    "http://127.1/x",
    "http://0177.0.0.1/x",
    "http://2130706433/x",
    "http://0.0.0.0/x",
    "http://10.0.0.1/x",
    "http://[::ffff:10.0.0.1]/x",
    "http://[::1/x",
    "https://ftp.ebi.ac.uk:port/x",
    "https:///x",
    "https://ho st/x",
    "https://host/a b",
    "https://host/a\nb",
    "https://-host/x",
    "https://" + "a" * 64 + ".org/x",
    "file://server/share/x",
    "file:relative/x",
    "/data/x",
    "gopher://host/x",
    "",
]


@pytest.mark.parametrize("url", GOOD)
def test_urls_that_may_be_asked(url):
    assert check_url(url) == url


@pytest.mark.parametrize("url", BAD)
def test_urls_that_may_not(url):
    with pytest.raises(ValueError, match="not a URL") as caught:
        check_url(url)
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_url_or_a_value_error(text):
    try:
        assert check_url(text) == text
    except ValueError as err:
        assert str(err).startswith("not a URL")


def test_local_paths(tmp_path):
    assert local_path(tmp_path) == tmp_path
    assert local_path("emdb/x.map").as_posix() == "emdb/x.map"
    assert local_path("file:///a%20b/c").as_posix() == "/a b/c"
    assert local_path("https://host/x") is None
    with pytest.raises(ValueError, match="not a URL"):
        local_path("ftp://host/x")


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("https://a/x/y", "z", "https://a/x/z"),
        ("https://a/x/y", "//b/z", "https://b/z"),
        ("https://a/x/y", "https://b/z", "https://b/z"),
        ("http://127.0.0.1/x", "https://b/z", "https://b/z"),
        ("http://127.0.0.1/x", "http://localhost:1/z", "http://localhost:1/z"),
    ],
)
def test_redirects_that_are_followed(url, location, target):
    assert redirected(url, location) == target


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://a/x", "http://a/x"),
        ("https://a/x", "http://127.0.0.1/x"),
        ("https://a/x", "file:///etc/passwd"),
        ("http://127.0.0.1/x", "file:///etc/passwd"),
        ("http://127.0.0.1/x", "http://evil.org/x"),
        ("https://a/x", "ftp://a/x"),
        ("https://a/x", "https://user@b/x"),
        ("https://a/x", None),
        ("https://a/x", ""),
    ],
)
def test_redirects_that_are_refused(url, location):
    with pytest.raises(BadAnswer, match="refused to follow a redirect"):
        redirected(url, location)


# ---- decisions ----


@pytest.mark.parametrize(
    ("meaning", "statuses"),
    [
        ("body", (200, 204, 206)),
        ("moved", (301, 302, 303, 307, 308)),
        ("absent", (404, 410)),
        ("again", (408, 425, 429, 500, 502, 503, 504, 520)),
        ("declined", (304, 400, 401, 403, 405, 416, 451, 600)),
    ],
)
def test_what_a_status_means(meaning, statuses):
    assert {verdict(status) for status in statuses} == {meaning}


@pytest.mark.parametrize("body", [PAGE, b"\xef\xbb\xbf\n <HTML lang='en'>", b"<!doctype html>"])
def test_pages(body):
    assert is_page(body)


@pytest.mark.parametrize("body", [b"", b"\x1f\x8b\x08", b"<?xml version='1.0'?>", b"data_7SGD", b"\0<html>"])
def test_no_pages(body):
    assert not is_page(body)


def test_pauses_double_up_to_the_longest():
    manners = Manners(first_pause=1, longest_pause=20)
    assert [growing_pause(n, manners, 1.0) for n in range(1, 8)] == pytest.approx([1, 2, 4, 8, 16, 20, 20])
    assert [growing_pause(n, manners, 0.0) for n in range(1, 4)] == pytest.approx([0.1, 0.2, 0.4])


@given(
    failures=st.integers(1, 10**6),
    waited=st.floats(0, 1e5),
    chance=st.floats(0, 1),
    retry_after=st.none() | st.floats(0, 1e6),
    patience=st.floats(0, 1e4),
)
def test_next_pause(failures, waited, chance, retry_after, patience):
    manners = Manners(patience_seconds=patience)
    pause = next_pause(failures, waited, manners, chance=chance, retry_after=retry_after)
    asked = min(retry_after or 0, LONGEST_RETRY_AFTER)
    if pause is None:
        assert patience - waited < max(asked, 0.001)
    else:
        assert pause >= asked
        assert 0 < pause <= max(asked, manners.longest_pause)
        assert waited + pause <= patience * (1 + 1e-9)


@given(st.floats(0, 1), st.floats(0, 5000))
def test_patience_ends(chance, seconds):
    still = StillTime()
    manners = Manners(patience_seconds=seconds)
    patience = Patience(manners, sleep=still.sleep, clock=still.clock, random=lambda: chance)
    with pytest.raises(ArchiveUnavailable, match=r"cannot be reached: [0-9]+ tr"):
        for _ in range(2000):
            patience.wait("host", TryAgain("connection refused"))
    assert sum(still.pauses) == pytest.approx(seconds, abs=0.002)


def test_patience_starts_anew_after_an_answer(still):
    patience = Patience(Manners(patience_seconds=10), sleep=still.sleep, clock=still.clock, random=lambda: 1.0)
    for _ in range(5):
        patience.wait("host", TryAgain("503"))
        still.now += 9
        patience.over("host")
    assert still.pauses == [1.0] * 5


# ---- answers of a server ----


def test_bytes_json_and_who_asks(server, still):
    with made(still, contact="a@b.org") as web:
        assert web.get_json(server.base + "/entry") == ENTRY
        assert json.loads(web.get(server.base + "/entry")) == ENTRY
    assert {seen.agent for seen in server.log} == {f"qscore/{__version__} (+a@b.org)"}
    assert {seen.headers["Accept-Encoding"] for seen in server.log} == {"identity"}
    assert not still.pauses


def test_without_contact(server, web):
    web.get(server.base + "/entry")
    assert server.log[0].agent == f"qscore/{__version__}"


def test_post(server, web):
    def graphql(method, path, query, headers, body):
        return 200, {"Content-Type": "application/json"}, json.dumps({"data": json.loads(body)}).encode()

    server.answer("/graphql", graphql, method="POST")
    server.fault("/graphql", "status", times=1, code=502)
    assert web.post_json(server.base + "/graphql", {"query": "Å"}) == {"data": {"query": "Å"}}
    assert [(seen.method, seen.headers["Content-Type"]) for seen in server.log] == [("POST", "application/json")] * 2


def test_paths_arrive_as_they_were_quoted(server, web):
    server.answer("/search/*", "a,b\n")
    web.get(server.base + "/search/%2A%3A%2A?fl=a%2Cb&wt=csv")
    assert (server.log[0].path, server.log[0].query) == ("/search/%2A%3A%2A", {"fl": ["a,b"], "wt": ["csv"]})


def test_gzip_that_was_not_asked_for_is_undone(server, web):
    """But a file named .gz arrives as it is, and what is no gzip is no answer."""
    body = gzip.compress(json.dumps(ENTRY).encode())
    for path in ("/packed", "/file.xml.gz"):
        server.answer(path, lambda *_: (200, {"Content-Encoding": "gzip"}, body))
    assert web.get_json(server.base + "/packed") == ENTRY
    assert web.get(server.base + "/file.xml.gz") == body
    server.answer("/broken", lambda *_: (200, {"Content-Encoding": "gzip"}, b"no gzip at all"))
    with pytest.raises(BadAnswer, match="cannot be unpacked"):
        web.get(server.base + "/broken")


def test_a_few_bytes_do_not_become_gigabytes(server, web):
    bomb = gzip.compress(bytes(20_000_000))
    server.answer("/bomb", lambda *_: (200, {"Content-Encoding": "gzip"}, bomb))
    with pytest.raises(BadAnswer, match="more than 1,000,000 bytes"):
        web.get(server.base + "/bomb", most=1_000_000)


@pytest.mark.parametrize("most", [10, None])
def test_json_may_not_be_larger_than_allowed(server, web, monkeypatch, most):
    server.answer("/large", json.dumps("x" * 30))
    if most:
        with pytest.raises(BadAnswer, match="more than 10 bytes"):
            web.get_json(server.base + "/large", most=most)
    else:
        assert web.get_json(server.base + "/large") == "x" * 30


def test_json_nested_beyond_all_measure(server, web):
    server.answer("/deep", "[" * 100_000 + "]" * 100_000)
    with pytest.raises(BadAnswer, match="expected JSON"):
        web.get_json(server.base + "/deep")


@pytest.mark.parametrize("how", ["get", "get_json", "post_json"])
def test_one_object_in_trouble_for_good_is_soon_given_up(server, web, still, how):
    begun = still.now
    server.fault("/entry", "status", code=500)
    ask = {
        "get": lambda url: web.get(url, brief=True),
        "get_json": web.get_json,
        "post_json": lambda url: web.post_json(url, {}),
    }
    with pytest.raises(Troubled, match=r"6 tries in .*500") as caught:
        ask[how](server.base + "/entry")
    assert (caught.value.status, len(server.log)) == (500, BRIEF_TRIES)
    assert still.now - begun <= 60


def test_what_is_no_single_object_is_waited_for_in_all_patience(server, web, still):
    server.fault("/entry", "status", code=503)
    with pytest.raises(Troubled) as caught:
        web.get(server.base + "/entry")
    assert caught.value.status == 503
    assert still.now >= 4000  # begun at 1000


@pytest.mark.parametrize("fault", ["hang_up", "429"])
def test_silence_and_a_full_house_are_waited_for_in_all_patience(server, web, still, fault):
    server.fault("/entry", *(("status",) if fault == "429" else (fault,)), **({"code": 429} if fault == "429" else {}))
    with pytest.raises(ArchiveUnavailable) as caught:
        web.get_json(server.base + "/entry")
    assert isinstance(caught.value, Troubled) == (fault == "429")
    assert still.now >= 4000  # begun at 1000


TRANSIENT = {
    "stall": ("stall", {}),
    "stall in the body": ("stall", {"after": 10}),
    "stall before the headers": ("stall", {"headers": False}),
    "reset": ("reset", {}),
    "hang up": ("hang_up", {}),
    "short body": ("short", {}),
    "length too large": ("wrong_length", {"by": 5}),
    "429": ("status", {"code": 429}),
    "500": ("status", {"code": 500}),
    "502": ("status", {"code": 502}),
    "503": ("status", {"code": 503}),
    "504": ("status", {"code": 504}),
    "error page": ("html", {}),
    "half the JSON": ("wrong_length", {"by": -9}),
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_what_passes_is_tried_again(server, still, name):
    kind, options = TRANSIENT[name]
    server.fault("/entry", kind, times=2, **options)
    with made(still, read_seconds=0.4 if kind == "stall" else 20.0) as web:
        assert web.get_json(server.base + "/entry") == ENTRY
    assert len(server.log) == 3
    assert still.pauses == [1.0, 2.0]


def test_a_body_that_drips_has_stalled(server):
    server.answer("/long", "x" * 5000)
    server.fault("/long", "drip", times=1, size=5, every=0.02)
    pauses = []
    with Web(Manners(read_seconds=0.2, api_per_second=1e9), sleep=pauses.append, random=lambda: 1.0) as web:
        assert len(web.get(server.base + "/long")) == 5000
    assert pauses == [1.0]


def test_the_time_out_of_one_request(server, still):
    server.fault("/entry", "delay", times=1, seconds=0.5)
    with made(still, read_seconds=0.1) as web:
        assert web.get_json(server.base + "/entry", seconds=20) == ENTRY
    assert len(server.log) == 1


@pytest.mark.parametrize("code", [404, 410])
def test_absent_is_asked_once(server, web, still, code):
    server.fault("/entry", "status", code=code)
    with pytest.raises(Absent, match=f"/entry: {code}"):
        web.get_json(server.base + "/entry")
    assert len(server.log) == 1
    assert not still.pauses


@pytest.mark.parametrize("code", [400, 401, 403])
def test_declined_is_asked_once(server, web, code):
    server.fault("/entry", "status", code=code)
    with pytest.raises(Declined, match=f"/entry: {code}") as caught:
        web.get_json(server.base + "/entry")
    assert caught.value.status == code
    assert len(server.log) == 1


def test_never_json(server, web, still):
    server.fault("/entry", "html")
    with pytest.raises(BadAnswer, match=r"expected JSON, came '<!DOCTYPE html> .*3 times"):
        web.get_json(server.base + "/entry")
    assert len(server.log) == 3
    assert still.pauses == [1.0, 2.0]


def test_never_a_body(server, web):
    server.fault("/entry", "html")
    with pytest.raises(BadAnswer, match="a web page came, 3 times"):
        web.get(server.base + "/entry")


def test_more_than_wanted(server, web):
    assert web.get(server.base + "/entry", most=1000)
    with pytest.raises(BadAnswer, match="more than 10 bytes"):
        web.get(server.base + "/entry", most=10)


def test_redirects(server, web, still):
    server.answer("/old", lambda *_: (301, {"Location": "/older"}, b""))
    server.answer("/older", lambda *_: (302, {"Location": server.base + "/entry"}, b""))
    assert web.get_json(server.base + "/old") == ENTRY
    server.fault("/entry", "redirect_loop")
    before = len(server.log)
    with pytest.raises(BadAnswer, match="redirected more than 5 times"):
        web.get_json(server.base + "/old")
    assert len(server.log) - before == 6
    assert not still.pauses


@pytest.mark.parametrize("to", ["file:///etc/passwd", "http://evil.example/x", "ftp://127.0.0.1/x"])
def test_redirects_off_the_network_are_refused(server, web, to):
    server.fault("/entry", "redirect_to", to=to)
    with pytest.raises(BadAnswer, match="refused to follow"):
        web.get(server.base + "/entry")
    assert len(server.log) == 1


@pytest.mark.parametrize("url", ["http://ftp.ebi.ac.uk/x", "/etc/passwd", "ftp://host/x"])
def test_addresses_are_checked_first(web, url):
    for ask in (web.get, web.get_json, lambda url: web.post_json(url, {}), web.probe):
        with pytest.raises(ValueError, match="not a URL"):
            ask(url)


def test_files(tmp_path, web, still):
    (tmp_path / "a b.json").write_text(json.dumps(ENTRY), encoding="utf-8")
    url = tmp_path.as_uri()
    assert web.get_json(url + "/a%20b.json") == ENTRY
    assert len(web.get(url + "/a%20b.json")) == (tmp_path / "a b.json").stat().st_size
    for missing in ("/c", "", "/a%20b.json/d"):
        with pytest.raises(Absent, match="no such file"):
            web.get(url + missing)
    with pytest.raises(BadAnswer, match="more than 3 bytes"):
        web.get(url + "/a%20b.json", most=3)


# ---- waiting ----


@pytest.mark.parametrize("given", ["7", " 7 ", "date"])
def test_retry_after_is_honoured(server, web, still, given):
    later = email.utils.formatdate(time.time() + 8, usegmt=True)
    server.fault("/entry", "status", times=1, code=503, retry_after=later if given == "date" else given)
    assert web.get_json(server.base + "/entry") == ENTRY
    assert still.pauses == [pytest.approx(7, abs=1.01)]


@pytest.mark.parametrize(
    "given", ["soon", "-5", "", "Wed, 99 Foo 2026 00:00:00 GMT", "1e9", "٧", "Mon, 01 Jan 99999999"]
)
def test_retry_after_that_makes_no_sense(server, web, still, given):
    server.fault("/entry", "status", times=1, code=503, retry_after=given.encode("utf-8").decode("latin-1"))
    assert web.get_json(server.base + "/entry") == ENTRY
    assert still.pauses == [1.0]


def test_retry_after_is_capped(server, web, still):
    server.fault("/entry", "status", times=1, code=429, retry_after=86400)
    assert web.get_json(server.base + "/entry") == ENTRY
    assert still.pauses == [LONGEST_RETRY_AFTER]


def test_a_server_that_comes_back(server, caplog):
    still = StillTime(during={8: server.up})
    server.down()
    caplog.set_level(logging.INFO, logger="qscore")
    with made(still) as web:
        assert web.get_json(server.base + "/entry") == ENTRY
    assert still.pauses == [1, 2, 4, 8, 16, 32, 64, 120]
    assert caplog.messages == [
        f"waiting for {server.base}/entry: connection refused; next try in 8 s",
        f"{server.base}/entry answers again after 4 minutes",
    ]


def test_a_server_that_does_not(server, still, caplog):
    server.down()
    caplog.set_level(logging.INFO, logger="qscore")
    with made(still) as web, pytest.raises(ArchiveUnavailable) as caught:
        web.get_json(server.base + "/entry")
    url = server.base.replace(".", r"\.") + "/entry"
    caught.match(f"^{url} cannot be reached: [0-9]+ tries in 60 minutes; last: connection refused$")
    assert sum(still.pauses) == pytest.approx(3600)
    assert len(caplog.messages) == 1


def test_a_server_that_is_ill_for_good(server, still):
    server.fault("/entry", "status", code=503)
    with made(still, patience_seconds=30) as web, pytest.raises(ArchiveUnavailable, match="last: 503 Service Unav"):
        web.get_json(server.base + "/entry")
    assert still.pauses == [1, 2, 4, 8, 15]
    assert len(server.log) == 6


def test_a_name_that_is_not_known(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with made(StillTime(), patience_seconds=0) as web, pytest.raises(ArchiveUnavailable, match="name is not known"):
        web.get("https://nowhere.example/x")


def test_a_server_that_is_none_of_https(server):
    url = server.base.replace("http:", "https:") + "/entry"
    with made(StillTime(), patience_seconds=0) as web, pytest.raises(ArchiveUnavailable, match="no secure connection"):
        web.get(url)


def test_requests_are_spaced(server, still):
    with made(still, api_per_second=4.0) as web:
        for _ in range(5):
            web.get(server.base + "/entry")
        still.now += 10
        web.get(server.base + "/entry")
    assert still.pauses == pytest.approx([0.25] * 4)


# ---- the machine's surroundings ----


@pytest.fixture
def dead_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_this_machine_is_not_asked_through_a_proxy(server, web, monkeypatch, dead_port, name):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv(name, f"http://127.0.0.1:{dead_port}")
    assert web.get_json(server.base + "/entry") == ENTRY


def test_others_are_when_the_environment_says_so(server, monkeypatch):
    monkeypatch.setenv("https_proxy", server.base)
    monkeypatch.setenv("no_proxy", "")
    with made(StillTime(), patience_seconds=0) as web, pytest.raises(ArchiveUnavailable, match=r"Tunnel.*501"):
        web.get("https://archive.example/x")  # the server does not know CONNECT


def test_no_password_is_sent(server, web, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    web.get(server.base + "/entry")
    assert "Authorization" not in server.log[0].headers


# ---- probes ----


def test_probe(server, web, tmp_path):
    (tmp_path / "m.map.gz").write_bytes(b"x" * 100)
    server.serve_tree("/files", tmp_path)
    answer = web.probe(server.base + "/files/m.map.gz")
    assert (answer.status, answer.headers["content-length"], answer.headers["Accept-Ranges"]) == (200, "100", "bytes")
    part = web.probe(server.base + "/files/m.map.gz", method="GET", headers={"Range": "bytes=0-9"})
    assert (part.status, part.headers["Content-Range"]) == (206, "bytes 0-9/100")
    assert web.probe(server.base + "/nothing").status == 404
    server.fault("m.map.gz", "status", times=1, code=503)
    assert web.probe(server.base + "/files/m.map.gz").status == 503
    server.answer("/moved", lambda *_: (302, {"Location": "/files/m.map.gz"}, b""))
    assert web.probe(server.base + "/moved").url == server.base + "/files/m.map.gz"
    assert [seen.method for seen in server.log] == ["HEAD", "GET", "HEAD", "HEAD", "HEAD", "HEAD"]


def test_probe_of_a_server_that_is_down(server, web, still):
    server.down()
    with pytest.raises(ArchiveUnavailable, match="connection refused"):
        web.probe(server.base + "/x")
    assert not still.pauses


# ---- the server of these tests ----


def test_the_server_counts_what_happens_at_once(server):
    server.fault("/entry", "delay", seconds=0.1)
    webs = [made(StillTime()) for _ in range(3)]
    threads = [threading.Thread(target=web.get, args=(server.base + "/entry",)) for web in webs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for web in webs:
        web.close()
    server.quiet()
    assert server.most_at_once("/entry") > 1
    assert len(server.spacing("/entry")) == 2
