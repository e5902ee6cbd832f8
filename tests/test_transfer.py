"""One file from several mirrors, each with every fault: it arrives whole, or the right thing is said of it."""

import gzip
import json
import logging
import os
import subprocess
import sys
import time

import mapbytes
import numpy as np
import pytest
from archive_server import ArchiveServer, StillTime
from hypothesis import given
from hypothesis import strategies as st

from qscore import delivery, parts
from qscore.checks import check_map
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer, UnusableEntry
from qscore.manners import LONGEST_RETRY_AFTER, TryAgain
from qscore.transfer import bring, conclude
from qscore.web import Manners, Web

NAME = "emd_1234.map.gz"
WHERE = "/emdb/EMD-1234/map/"


def map_of(seed):
    """A map whose noise hardly compresses: 47 kB."""
    values = np.random.default_rng(seed).normal(size=(20, 24, 26)).astype(np.float32)
    return gzip.compress(mapbytes.map_bytes(values), 1, mtime=0)


GOOD, OTHER = map_of(1), map_of(2)


class Bench:
    """A server with the file, a second one, a session without real time, and the place of the file."""

    def __init__(self, folder, servers, still):
        self.servers, self.still = servers, still
        self.first, self.second = servers
        self.folder, self.path = folder / "served", folder / "batch" / NAME
        (self.folder / "EMD-1234" / "map").mkdir(parents=True)
        self.file = self.folder / "EMD-1234" / "map" / NAME
        self.file.write_bytes(GOOD)
        for server in servers:
            server.serve_tree("/emdb", self.folder)
        self.part = parts.beside(self.path)
        self.notes = self.part.with_name(self.part.name + ".json")
        self.seen = []

    @property
    def urls(self):
        return [server.base + WHERE + NAME for server in self.servers]

    def bring(self, *places, check=check_map, **manners):
        manners = {"read_seconds": 20.0} | manners
        still = self.still
        with Web(Manners(**manners), sleep=still.sleep, clock=still.clock, random=lambda: 1.0) as web:
            return bring(web, places or self.urls[:1], self.path, check=check, progress=self.progress)

    def progress(self, done, total):
        self.seen.append((done, total))

    def fails(self, *places, **options):
        with pytest.raises((Absent, UnusableEntry, ArchiveUnavailable)) as caught:
            self.bring(*places, **options)
        assert not self.path.exists()
        assert "\n" not in str(caught.value)
        return caught.value

    def arrived(self, body=GOOD):
        """The file is there, whole, and nothing is left beside it."""
        assert self.path.read_bytes() == body
        assert [path.name for path in self.path.parent.iterdir()] == [NAME]
        return True

    def begun(self, raw, **notes):
        """A part as an earlier process left it."""
        self.part.parent.mkdir(parents=True, exist_ok=True)
        self.part.write_bytes(raw)
        headers = self.headers()
        known = {"url": self.urls[0], "etag": headers["ETag"], "last_modified": headers["Last-Modified"]}
        self.notes.write_text(json.dumps(known | {"total": len(GOOD)} | notes), encoding="utf-8")

    def headers(self):
        with Web() as web:
            headers = web.probe(self.urls[0]).headers
        self.first.log.clear()
        return headers

    @property
    def ranges(self):
        return [seen.range for seen in self.first.log]

    @property
    def statuses(self):
        return [seen.status for seen in self.first.log]


@pytest.fixture
def bench(tmp_path):
    with ArchiveServer() as first, ArchiveServer() as second:
        yield Bench(tmp_path, [first, second], StillTime())


HALF = len(GOOD) // 2


# ---- it arrives ----


def test_a_file(bench):
    came = bench.bring()
    assert bench.arrived()
    assert (came.path, came.bytes, came.source) == (bench.path, len(GOOD), bench.urls[0])
    assert bench.statuses == [200]
    assert bench.seen[-1] == (len(GOOD), len(GOOD))
    assert bench.first.log[0].headers["Accept-Encoding"] == "identity"


def test_what_was_there_is_replaced(bench):
    bench.path.parent.mkdir()
    bench.path.write_bytes(b"old")
    bench.bring()
    assert bench.arrived()


def test_progress_is_not_told_of_every_byte(bench):
    bench.first.fault(NAME, "drip", size=1000, every=0)
    bench.bring()
    assert len(bench.seen) == 2  # the clock stands still: the first, and the last
    assert bench.seen[-1] == (len(GOOD), len(GOOD))


PASSING = {
    "stall before the headers": ("stall", {"headers": False}, [None, None]),
    "stall before the body": ("stall", {}, [None, None]),
    "stall in the body": ("stall", {"after": HALF}, [None, HALF]),
    "reset": ("reset", {}, [None, HALF]),
    "reset at once": ("reset", {"after": 0}, [None, None]),
    "hang up": ("hang_up", {}, [None, None]),
    "short": ("short", {}, [None, HALF]),
    "length too large": ("wrong_length", {"by": 10}, [None, len(GOOD)]),
    "length too small": ("wrong_length", {"by": -10}, [None, None]),
    "429": ("status", {"code": 429}, [None, None]),
    "500": ("status", {"code": 500}, [None, None]),
    "502": ("status", {"code": 502}, [None, None]),
    "503": ("status", {"code": 503}, [None, None]),
    "504": ("status", {"code": 504}, [None, None]),
    "403": ("status", {"code": 403}, [None, None]),
    "error page": ("html", {}, [None, None]),
    "corrupt": ("corrupt", {}, [None, None]),
    "half the file": ("truncated", {}, [None, None]),
    "redirect loop": ("redirect_loop", {}, None),
    "redirect elsewhere": ("redirect_to", {"to": "http://elsewhere.example/x"}, [None, None]),
    "redirect to a file": ("redirect_to", {"to": "file:///etc/passwd"}, [None, None]),
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes(bench, name):
    kind, options, ranges = PASSING[name]
    bench.first.fault(NAME, kind, times=1, **options)
    bench.bring(read_seconds=0.4 if kind == "stall" else 20.0)
    assert bench.arrived()
    assert bench.still.pauses == ([1.0] if ranges else [])
    if ranges:
        assert bench.ranges == [value and f"bytes={value}-" for value in ranges]


def test_500_three_times(bench):
    bench.first.fault(NAME, "status", times=3, code=500)
    bench.bring()
    assert bench.arrived()
    assert bench.statuses == [500, 500, 500, 200]
    assert bench.still.pauses == [1, 2, 4]


def test_a_body_that_drips_is_resumed(bench):
    bench.first.fault(NAME, "drip", times=1, size=10, every=0.02)
    pauses = []
    with Web(Manners(read_seconds=0.2), sleep=pauses.append, random=lambda: 1.0) as web:
        bring(web, bench.urls[:1], bench.path, check=check_map)
    assert bench.arrived()
    assert pauses == [1.0]
    assert bench.ranges[1].startswith("bytes=")


def test_no_length(bench):
    bench.first.fault(NAME, "no_length")
    bench.bring()
    assert bench.arrived()
    assert bench.seen == [(bench.seen[0][0], None), (len(GOOD), None)]


def test_no_length_and_cut(bench):
    bench.first.fault(NAME, "truncated", times=1)
    bench.first.fault(NAME, "no_length")
    bench.bring()
    assert bench.arrived()


def test_a_mirror_that_redirects(bench):
    bench.first.fault(NAME, "redirect_to", to=bench.urls[1])
    assert bench.bring().source == bench.urls[0]
    assert bench.arrived()
    assert len(bench.second.log) == 1


# ---- resuming ----


def test_an_earlier_part_is_used(bench):
    bench.begun(GOOD[:HALF])
    bench.bring()
    assert bench.arrived()
    assert (bench.ranges, bench.statuses) == ([f"bytes={HALF}-"], [206])
    assert bench.first.log[0].headers["If-Range"] == bench.headers()["ETag"]
    assert bench.seen[0][0] > HALF


def test_a_complete_part_needs_no_server(bench):
    bench.begun(GOOD)
    bench.bring()
    assert bench.arrived()
    assert not bench.first.log


def test_a_complete_part_that_is_not_whole(bench):
    bench.begun(OTHER[:-1] + b"x", total=len(OTHER))
    bench.bring()
    assert bench.arrived()
    assert bench.ranges == [None]


def test_a_part_that_is_damaged_is_found_out(bench):
    bench.begun(b"x" + GOOD[1:HALF])
    bench.bring()
    assert bench.arrived()
    assert bench.ranges == [f"bytes={HALF}-", None]


@pytest.mark.parametrize(
    "notes",
    [
        {"url": "https://elsewhere.example/x"},
        {"etag": None, "last_modified": None},
        {"etag": 'W/"weak"', "last_modified": None},
        {"total": HALF - 1},
        {"total": "many"},
        {"total": True},
        {"total": -1},
        {"etag": 5},
        {"url": None},
        {"unknown": 1},
    ],
)
def test_a_part_of_which_too_little_is_known(bench, notes):
    bench.begun(GOOD[:HALF], **notes)
    bench.bring()
    assert bench.arrived()
    assert bench.ranges == [None]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100000, "\xff\x00"])
def test_a_part_with_garbled_notes(bench, text):
    bench.begun(GOOD[:HALF])
    bench.notes.write_text(text, encoding="latin-1")
    bench.bring()
    assert bench.arrived()
    assert bench.ranges == [None]


def test_a_part_without_notes_and_notes_without_a_part(bench):
    bench.begun(GOOD[:HALF])
    bench.notes.unlink()
    bench.bring()
    assert bench.arrived()
    bench.begun(b"")
    bench.part.unlink()
    bench.bring()
    assert bench.arrived()
    assert bench.ranges == [None]


def test_a_changed_etag_starts_again(bench):
    bench.begun(GOOD[:HALF], etag='"earlier"')
    bench.bring()
    assert bench.arrived()
    assert (bench.ranges, bench.statuses) == ([f"bytes={HALF}-"], [200])


@pytest.mark.parametrize("etag", ["weak", None])
def test_without_a_strong_etag_the_date_serves(bench, etag):
    bench.first._trees.clear()
    bench.first.serve_tree("/emdb", bench.folder, etag=etag)
    bench.first.fault(NAME, "reset", times=1)
    bench.bring()
    assert bench.arrived()
    assert bench.statuses == [200, 206]
    assert bench.first.log[1].headers["If-Range"].endswith("GMT")


def test_with_neither_it_starts_again(bench):
    bench.first._trees.clear()
    bench.first.serve_tree("/emdb", bench.folder, etag=None, last_modified=False)
    bench.first.fault(NAME, "reset", times=2)
    bench.bring()
    assert bench.arrived()
    assert bench.ranges == [None] * 3


def test_no_range_support(bench):
    bench.first.fault(NAME, "reset", times=1)
    bench.first.fault(NAME, "no_range")
    bench.bring()
    assert bench.arrived()
    assert bench.statuses == [200, 200]


@pytest.mark.parametrize("options", [{"shift": 1}, {"shift": -1}, {"shift": 0, "total": len(GOOD) + 1}])
def test_an_answer_that_does_not_continue(bench, options):
    bench.first.fault(NAME, "reset", times=1)
    bench.first.fault(NAME, "bad_content_range", **options)
    bench.bring()
    assert bench.arrived()
    assert bench.statuses == [200, 206, 200]
    assert bench.ranges[2] is None


@pytest.mark.parametrize("honest", [True, False])
@pytest.mark.parametrize("other", [OTHER, OTHER + b"\0" * 9, map_of(3)[: HALF // 2]])
def test_a_file_that_changes_between_parts(bench, honest, other):
    bench.first.fault(NAME, "changed", other=other, honest=honest)
    if len(other) < HALF:
        assert bench.fails().reason == "map_truncated"
        return
    bench.bring()
    assert bench.arrived(other)
    assert bench.ranges[-1] is None or honest


def test_a_length_that_was_promised_too_large(bench):
    """The server's 416 tells the true size; that it is whole, its check tells."""
    bench.first.fault(NAME, "wrong_length", by=1000)
    bench.bring()
    assert bench.arrived()
    assert bench.statuses == [200, 416]


def test_a_page_does_not_cost_the_part(bench):
    bench.first.fault(NAME, "reset", times=1)
    bench.first.fault(NAME, "html", times=2)
    bench.bring()
    assert bench.arrived()
    assert bench.ranges == [None] + [f"bytes={HALF}-"] * 3


def test_a_transfer_that_gets_on_is_not_left(bench, monkeypatch):
    monkeypatch.setattr(delivery, "GAIN", 1000)
    for _ in range(8):
        bench.first.fault(NAME, "reset", times=1, after=5000)
    bench.bring(*bench.urls)
    assert bench.arrived()
    assert len(bench.first.log) == 9
    assert bench.still.pauses == [1.0] * 8
    assert not bench.second.log


def test_a_part_of_one_mirror_is_no_part_of_another(bench):
    bench.first.fault(NAME, "reset", times=1)
    bench.first.fault(NAME, "status", code=503)
    assert bench.bring(*bench.urls).source == bench.urls[1]
    assert bench.arrived()
    assert [seen.range for seen in bench.second.log] == [None]


@pytest.mark.parametrize("killed", ["begin", "pour", "end", "name"])
def test_killed_at_any_time(bench, monkeypatch, killed):
    """A process that ends between any two steps leaves what the next one can use or throws away."""

    class Killed(BaseException):
        pass

    def kill(*_, **__):
        raise Killed

    def broken_off(path, *args):
        raise Killed

    if killed == "pour":
        bench.first.fault(NAME, "stall", times=1, after=HALF)
        monkeypatch.setattr(delivery._Tally, "failed", kill)
    elif killed == "name":
        monkeypatch.setattr(delivery.os, "replace", lambda *a: kill() if a[1] == bench.path else os.rename(*a))
    else:
        monkeypatch.setattr(parts, {"begin": "_write", "end": "end"}[killed], kill)
    with pytest.raises(Killed):
        bench.bring(read_seconds=0.4 if killed == "pour" else 20.0)
    assert not bench.path.exists()
    monkeypatch.undo()
    bench.first.log.clear()
    bench.bring()
    assert bench.arrived()
    assert bench.ranges == {"begin": [None], "pour": [f"bytes={HALF}-"], "end": [], "name": []}[killed]


def test_kill_9(bench):
    """A process that is really killed in the middle of a body: the next one asks for the rest."""
    bench.first.fault(NAME, "stall", times=1, after=HALF)
    code = "import sys\nfrom qscore.transfer import bring\nfrom qscore.web import Web\nbring(Web(), *eval(sys.argv[1]))"
    places = repr((bench.urls[:1], str(bench.path)))
    with subprocess.Popen([sys.executable, "-c", code, places]) as process:
        until = time.monotonic() + 60
        while not (bench.part.exists() and bench.part.stat().st_size) and time.monotonic() < until:
            time.sleep(0.01)
        process.kill()
    came = bench.part.stat().st_size
    assert 0 < came <= HALF
    assert not bench.path.exists()
    bench.bring()
    assert bench.arrived()
    assert bench.ranges == [None, f"bytes={came}-"]


# ---- several mirrors ----


@pytest.mark.parametrize("code", [404, 410])
def test_absent_everywhere(bench, code):
    bench.begun(GOOD[:HALF])
    for server in bench.servers:
        server.fault(NAME, "status", code=code)
    trouble = bench.fails(*bench.urls)
    assert isinstance(trouble, Absent)
    assert str(trouble) == f"not at {bench.urls[0]}, {bench.urls[1]}"
    assert [len(server.log) for server in bench.servers] == [1, 1]
    assert not bench.still.pauses
    assert not list(bench.path.parent.iterdir())


def test_absent_at_one(bench):
    bench.first.fault(NAME, "status", code=404)
    assert bench.bring(*bench.urls).source == bench.urls[1]
    assert bench.arrived()
    assert not bench.still.pauses


def test_absent_at_one_and_the_other_silent(bench):
    bench.first.fault(NAME, "status", code=404)
    bench.second.down()
    trouble = bench.fails(*bench.urls)
    assert isinstance(trouble, Absent)
    assert str(trouble) == f"not at {bench.urls[0]}; {bench.urls[1]}: connection refused"
    assert sum(bench.still.pauses) < 30


def test_the_first_silent_and_a_mirror_without_it(bench):
    """A mirror may lag behind: while the first server is down nothing is marked as missing."""
    bench.first.down()
    bench.second.fault(NAME, "status", code=404)
    trouble = bench.fails(*bench.urls, patience_seconds=300)
    assert isinstance(trouble, ArchiveUnavailable)
    assert len(bench.second.log) == 1, "a final answer is not asked for again"


def test_one_broken_object_on_a_server_that_is_well(bench):
    """Errors for one file for ever: its entry is transient, the survey goes on."""
    bench.first.fault(NAME, "status", code=500)
    trouble = bench.fails(patience_seconds=300)
    assert (trouble.reason, trouble.transient) == ("download_damaged", True)


def test_a_server_that_gives_errors_for_everything(bench):
    bench.first.fault("", "status", code=503)
    assert isinstance(bench.fails(patience_seconds=300), ArchiveUnavailable)


def test_a_folder_that_lacks_it_is_no_answer(bench, tmp_path):
    bench.first.down()
    trouble = bench.fails(str(tmp_path / "mirror" / NAME), bench.urls[0])
    assert isinstance(trouble, ArchiveUnavailable)


def test_folders_that_lack_it(bench, tmp_path):
    trouble = bench.fails(str(tmp_path / "a" / NAME), (tmp_path / "b" / NAME).as_uri())
    assert isinstance(trouble, Absent)


def test_the_next_mirror_when_the_first_is_down(bench):
    bench.first.down()
    assert bench.bring(*bench.urls).source == bench.urls[1]
    assert bench.arrived()
    assert bench.still.pauses == [1, 2, 4]


def test_a_host_that_is_down_is_not_tried_four_times_for_every_file(bench):
    bench.first.down()
    still = bench.still
    with Web(sleep=still.sleep, clock=still.clock, random=lambda: 1.0) as web:
        for _ in range(3):
            bring(web, bench.urls, bench.path, check=check_map)
        assert still.pauses == [1, 2, 4]
        bench.first.up()
        still.now += delivery.SICK_SECONDS + 1
        assert bring(web, bench.urls, bench.path).source == bench.urls[0]
        assert not web.troubled


LASTING = {
    "corrupt": ("corrupt", {}, "map_damaged", 2),
    "half the file": ("truncated", {}, "map_truncated", 2),
    "length too small": ("wrong_length", {"by": -10}, "map_truncated", 2),
    "corrupt, differently each time": ("corrupt", {"same": False}, "download_damaged", 3),
    "error page": ("html", {}, "download_damaged", 3),
    "403": ("status", {"code": 403}, "download_damaged", 3),
    "401": ("status", {"code": 401}, "download_damaged", 3),
    "redirect loop": ("redirect_loop", {}, "download_damaged", 18),
    "redirect elsewhere": ("redirect_to", {"to": "http://elsewhere.example/x"}, "download_damaged", 3),
}


@pytest.mark.parametrize("name", LASTING)
def test_what_does_not_pass(bench, name):
    kind, options, reason, requests = LASTING[name]
    for server in bench.servers:
        server.fault(NAME, kind, **options)
    trouble = bench.fails(*bench.urls)
    assert isinstance(trouble, UnusableEntry)
    assert trouble.reason == reason
    assert ".part" not in str(trouble)
    assert bench.urls[0] in str(trouble)
    assert [len(server.log) for server in bench.servers] == [requests] * 2
    assert sum(bench.still.pauses) < 10


@pytest.mark.parametrize("name", LASTING)
def test_the_next_mirror_has_it(bench, name):
    kind, options, _, requests = LASTING[name]
    bench.first.fault(NAME, kind, **options)
    assert bench.bring(*bench.urls).source == bench.urls[1]
    assert bench.arrived()
    assert len(bench.first.log) == requests


@pytest.mark.parametrize("silent", ["stall", "reset", "short"])
def test_a_server_that_answers_but_never_with_the_whole_file(bench, silent):
    """One file that does not come is no reason to stop a survey: the server is there."""
    bench.first._trees.clear()
    bench.first.serve_tree("/emdb", bench.folder, etag=None, last_modified=False)
    bench.first.fault(NAME, silent)
    trouble = bench.fails(read_seconds=0.25 if silent == "stall" else 20.0, patience_seconds=10)
    assert isinstance(trouble, UnusableEntry)
    assert trouble.reason == "download_damaged"
    assert len(bench.first.log) == (3 if silent == "short" else 6)


def test_bad_at_one_and_the_other_silent(bench):
    bench.first.fault(NAME, "corrupt")
    bench.second.down()
    assert bench.fails(*bench.urls).reason == "map_damaged"


# ---- waiting ----


@pytest.mark.parametrize("seconds", [3, 50])
def test_retry_after(bench, seconds):
    bench.first.fault(NAME, "status", times=2, code=503, retry_after=seconds)
    bench.bring()
    assert bench.arrived()
    assert bench.still.pauses == [seconds] * 2


def test_the_next_mirror_rather_than_a_long_retry_after(bench):
    bench.first.fault(NAME, "status", code=503, retry_after=600)
    assert bench.bring(*bench.urls).source == bench.urls[1]
    assert bench.still.pauses == []
    assert len(bench.first.log) == 1


def test_a_long_retry_after_is_honoured_while_others_are_asked(bench):
    bench.first.fault(NAME, "status", code=429, retry_after=600)
    bench.second.fault(NAME, "status", code=503)
    bench.second.down()
    bench.still.during[10] = bench.second.mend
    bench.still.during[11] = bench.second.up
    assert bench.bring(*bench.urls).source == bench.urls[1]
    assert len(bench.first.log) == 1 + int(sum(bench.still.pauses) // 600)


def test_retry_after_is_capped(bench):
    bench.first.fault(NAME, "status", times=1, code=503, retry_after=10**7)
    bench.bring()
    assert bench.still.pauses == [LONGEST_RETRY_AFTER]


def test_a_server_that_comes_back(bench, caplog):
    bench.first.down()
    bench.still.during[9] = bench.first.up
    caplog.set_level(logging.INFO, logger="qscore")
    bench.bring()
    assert bench.arrived()
    assert bench.still.pauses == [1, 2, 4, 8, 16, 32, 64, 120, 120]
    assert caplog.messages == [
        f"waiting for {bench.urls[0]}: connection refused; next try in 16 s",
        f"{bench.urls[0]} answers again after 6 minutes",
    ]


def test_servers_that_do_not(bench):
    for server in bench.servers:
        server.down()
    trouble = bench.fails(*bench.urls)
    assert isinstance(trouble, ArchiveUnavailable)
    hosts = [server.base.removeprefix("http://") for server in bench.servers]
    assert str(trouble).startswith(f"{NAME} at {hosts[0]}, {hosts[1]} cannot be reached: ")
    assert str(trouble).endswith(f"last: {hosts[0]}: connection refused; {hosts[1]}: connection refused")
    assert 3600 <= sum(bench.still.pauses) < 3620
    assert len(bench.still.pauses) < 50


def test_one_server_that_does_not(bench):
    bench.first.down()
    trouble = bench.fails(patience_seconds=1800)
    assert str(trouble).startswith(f"{bench.urls[0]} cannot be reached: ")
    assert str(trouble).endswith(" tries in 30 minutes; last: connection refused")


def test_a_disk_that_cannot_be_written(bench):
    bench.path.parent.write_text("a file where the folder should be")
    with pytest.raises(ArchiveUnavailable, match="cannot bring"):
        bench.bring()


def test_a_full_disk(bench, small_disk):
    """Nobody's fault, and what came so far is used when there is room again."""
    bench.path.parent.mkdir()
    size = len(GOOD) // 2 // 4096 * 4096 + 4096  # a page for the notes
    small_disk(bench.path.parent, size)
    with pytest.raises(ArchiveUnavailable, match="No space left on device"):
        bench.bring()
    assert not bench.path.exists()
    subprocess.run(["mount", "-o", "remount,size=4m", str(bench.path.parent)], check=True)
    bench.bring()
    assert bench.arrived()


def test_a_folder_of_the_same_name(bench):
    bench.path.mkdir(parents=True)
    with pytest.raises(ArchiveUnavailable, match=r"cannot bring .*directory"):
        bench.bring()


# ---- local places ----


def test_local_files_are_linked(bench):
    for place in (str(bench.file), bench.file, bench.file.as_uri()):
        came = bench.bring(place)
        assert bench.arrived()
        assert bench.path.is_symlink()
        assert (came.source, came.bytes) == (str(bench.file.resolve()), len(GOOD))


def test_local_files_need_no_session(bench):
    bench.begun(GOOD[:HALF])
    came = bring(None, [bench.folder / "nothing", bench.file], bench.path)
    assert came.source == str(bench.file.resolve())
    assert bench.arrived()


def test_a_folder_is_no_file(bench):
    with pytest.raises(Absent, match="not at"):
        bring(None, [bench.folder], bench.path)


def test_local_files_are_checked(bench):
    bench.file.write_bytes(GOOD[:-1])
    assert bench.fails(bench.file).reason == "map_truncated"
    bench.first._trees.clear()
    assert bench.fails(bench.file, bench.urls[0]).reason == "map_truncated"
    bench.second.answer(WHERE + NAME, GOOD)
    assert bench.bring(bench.file, bench.urls[1]).source == bench.urls[1]


def test_a_local_file_that_cannot_be_read(bench):
    def check(path):
        raise PermissionError(13, "Permission denied")

    trouble = bench.fails(bench.file, check=check, patience_seconds=20)
    assert isinstance(trouble, ArchiveUnavailable)
    with pytest.raises(ArchiveUnavailable, match="cannot be read: Permission denied"):
        bring(None, [bench.file], bench.path, check=check)


# ---- decisions ----

SILENT, GONE = TryAgain("connection refused"), Absent("404")
DAMAGED, NEVER = UnusableEntry("map_damaged", "CRC"), BadAnswer("a web page")
A, B, C, HERE = "https://a/x", "https://b/x", "https://c/x", "/mirror/x"


@pytest.mark.parametrize(
    ("outcomes", "comes_to"),
    [
        ({A: SILENT}, None),
        ({A: SILENT, B: NEVER}, None),
        ({HERE: GONE, A: SILENT}, None),
        ({HERE: DAMAGED, A: SILENT}, None),
        ({A: GONE}, Absent),
        ({A: GONE, B: SILENT}, Absent),
        ({A: GONE, B: NEVER}, Absent),
        ({HERE: GONE}, Absent),
        ({HERE: GONE, A: GONE}, Absent),
        ({HERE: GONE, A: NEVER}, "download_damaged"),
        ({A: NEVER, B: NEVER}, "download_damaged"),
        ({A: GONE, B: DAMAGED}, "map_damaged"),
        ({A: SILENT, B: GONE}, None),
        ({A: SILENT, B: DAMAGED, C: GONE}, None),
        ({HERE: GONE, A: SILENT, B: GONE}, None),
        ({A: NEVER, B: GONE}, Absent),
        ({A: GONE, B: SILENT, C: DAMAGED}, "map_damaged"),
        ({A: NEVER, B: DAMAGED}, "map_damaged"),
        ({HERE: DAMAGED}, "map_damaged"),
        ({HERE: DAMAGED, A: GONE, B: SILENT}, "map_damaged"),
    ],
)
def test_what_a_round_comes_to(outcomes, comes_to):
    final = conclude(outcomes)
    if comes_to in (None, Absent):
        assert final is None if comes_to is None else isinstance(final, Absent)
    else:
        assert final.reason == comes_to


@given(st.integers(0, 10**17), st.integers(0, 10**17), st.none() | st.integers(1, 10**17))
def test_content_range(first, more, beyond):
    last = first + more
    total = None if beyond is None else last + beyond
    text = f"bytes {first}-{last}/{'*' if total is None else total}"
    assert parts.parse_content_range(text) == (first, last, total)
    assert parts.parse_content_range(text.replace("bytes", "items")) is None
    assert parts.parse_content_range(f"bytes */{last}") == (None, None, last)
    if more:
        assert parts.parse_content_range(f"bytes {last}-{first}/*") is None


@given(st.text(alphabet="bytes 0123456789-/*٣", max_size=30) | st.none())
def test_content_range_of_anything(text):
    found = parts.parse_content_range(text)
    assert found is None or len(found) == 3


@given(
    size=st.integers(1, 50),
    first=st.integers(0, 50),
    length=st.integers(1, 50),
    total=st.none() | st.integers(1, 100),
    given_total=st.none() | st.integers(1, 100),
    etags=st.tuples(*[st.sampled_from([None, '"a"', '"b"'])] * 2),
)
def test_only_what_fits_continues(size, first, length, total, given_total, etags):
    part = parts.Part("https://a/x", etags[0], None, total, size)
    text = f"bytes {first}-{first + length - 1}/{'*' if given_total is None else given_total}"
    headers = {"Content-Range": text} | ({"ETag": etags[1]} if etags[1] else {})
    if parts.continues(part, headers):
        assert first == size
        assert total in (None, given_total, first + length)
        assert None in etags or etags[0] == etags[1]
    elif first == size and total == given_total == size + length:
        assert None not in etags
        assert etags[0] != etags[1]


def test_ask_for_the_rest_only_of_the_same_file():
    part = parts.Part(A, '"e"', None, 10, 4)
    assert parts.range_headers(part, A) == {"Range": "bytes=4-", "If-Range": '"e"'}
    assert parts.range_headers(part, B) == {}
    assert parts.range_headers(None, A) == {}
    assert parts.range_headers(parts.Part(A, '"e"', None, 10, 11), A) == {}
    assert parts.range_headers(parts.Part(A, '"e"', None, 10, 0), A) == {}
    assert parts.range_headers(parts.Part(A, 'W/"e"', None, 10, 4), A) == {}
    assert parts.range_headers(parts.Part(A, 'W/"e"', "Mon", None, 4), A)["If-Range"] == "Mon"
