"""The survey over HTTP, against a local server that plays the archives: every fault."""

import gzip
import json

import pytest
from archive_server import ArchiveServer
from served import TABLES, below, entries, survey, write_config
from small_archive import Archive

N = 44


@pytest.fixture(scope="module")
def faulty(project, tmp_path_factory):
    """A survey of N pairs through every fault; (results, site, server, mirror, who had what)."""
    folder = tmp_path_factory.mktemp("faulty")
    site = Archive(folder / "site", N, weeks=4)
    with ArchiveServer() as server, ArchiveServer() as mirror:
        site.serve(server, dialect="quoted")
        mirror.serve_tree("/pub/emdb/structures", site.maps)
        plan = inject(server, mirror, site)
        more = {"archive": bases(site, server, mirror), "plan": {"entries_per_batch": 12}}
        config = write_config(folder, site, server.base, **more)
        survey(project, config, "--cores", "4", *TABLES)  # most of the time is waiting
        yield folder / "results", site, server, mirror, plan


def bases(site, server, mirror):
    first, second = site.config(server.base), site.config(mirror.base)
    return {"maps": first["maps"] + second["maps"]}


def inject(server, mirror, site):
    """Every fault on files of its own; which entry has which, and the reason it must end with (None: scored)."""
    planted = {}

    def plant(kind, reason=None, *, times=1, where=(server,), label=None, file="map", **options):
        entry = site.entries[len(planted)]
        match = (site.map_file if file == "map" else site.model_file)(entry).name
        for one in where:
            one.fault(match, kind, times=times, **options)
        planted[entry["emdb_id"]] = (label or kind, reason)
        return entry

    both = (server, mirror)
    plant("stall", after=1000)
    plant("stall", headers=False, label="stall before the headers")
    plant("reset")
    plant("short")
    plant("hang_up")
    plant("status", code=503, retry_after=1, label="503 with Retry-After")
    plant("status", code=429, retry_after=1, label="429")
    plant("status", code=500, times=3, label="500 three times")
    plant("status", code=404, times=None, label="404 at the first mirror")
    plant("status", "map_missing", code=404, times=None, where=both, label="404 at both")
    plant("status", "map_missing", code=410, times=None, where=both, label="410 at both")
    plant("status", "model_missing", code=404, times=None, file="model", label="model withheld")
    plant("html", label="error page with status 200")
    plant("html", "download_damaged", times=None, where=both, label="error page for ever")
    plant("wrong_length", by=500, label="Content-Length too large")
    plant("wrong_length", by=-500, label="Content-Length too small")
    plant("corrupt", label="corrupt once")
    plant("corrupt", "map_damaged", times=None, where=both, label="corrupt in the archive")
    plant("corrupt", times=None, same=False, label="corrupt at the first mirror, another way each time")
    plant("truncated", "map_truncated", times=None, where=both, label="truncated in the archive")
    entry = site.entries[len(planted)]
    other = gzip.compress(gzip.decompress(site.map_file(entry).read_bytes()), 9, mtime=0)
    plant("changed", times=None, other=other, label="changed between parts")
    plant("no_range", times=None, label="no Range")
    server.fault(site.map_file(site.entries[len(planted) - 1]).name, "reset", times=1)
    plant("bad_content_range", times=None)
    plant("redirect_loop", times=None, label="redirect loop at the first mirror")
    plant("redirect_to", times=None, to="http://192.0.2.1/map.gz", label="redirect to plain http elsewhere")
    plant("no_length", label="no Content-Length")
    plant("delay", seconds=0.5)
    plant("status", code=403, times=None, label="403 at the first mirror")
    plant("reset", file="model", label="model reset")
    plant("html", "model_unreadable", times=None, file="model", label="model is a page for ever")
    return planted


def test_every_entry_ends_scored_or_with_the_right_reason(faulty):
    results, site, _, _, planted = faulty
    rows = {row["emdb_id"]: row for row in entries(results)}
    assert set(rows) == {entry["emdb_id"] for entry in site.entries}
    for emdb_id, row in rows.items():
        label, reason = planted.get(emdb_id, ("no fault", None))
        allowed = {"download_damaged", "model_unreadable"} if reason == "model_unreadable" else {reason}
        assert row["reason"] in allowed, (label, row["detail"])
        assert (row["status"] == "scored") == (reason is None), label


def test_what_was_scored_is_what_the_archive_holds(faulty):
    """No file of a final name was wrong: the digests are those of the archive's files."""
    results, site, _, _, planted = faulty
    from qscore.entry import sha256

    by_id = {entry["emdb_id"]: entry for entry in site.entries}
    checked = 0
    for row in entries(results):
        entry = by_id[row["emdb_id"]]
        if row["status"] == "scored" and not planted.get(row["emdb_id"], ("",))[0].startswith("changed"):
            assert row["map_sha256"] == sha256(site.map_file(entry))
            assert row["model_sha256"] == sha256(site.model_file(entry))
            checked += 1
    assert checked >= 33


def test_published_q_stands_beside(faulty):
    results, site, _, _, _ = faulty
    by_id = {entry["emdb_id"]: entry["q"] for entry in site.entries}
    assert {row["emdb_id"]: row["q_published"] for row in entries(results)} == by_id


def test_manners(faulty):
    """Total requests, requests at a time, pauses between requests to the API, and who asks."""
    _, site, server, mirror, planted = faulty
    files = below(server, "/pub/"), below(mirror, "/pub/")
    for requests in files:
        ends = [(seen.start, seen.end or float("inf")) for seen in requests]
        assert max(sum(start <= at < end for start, end in ends) for at, _ in ends) <= 4
        assert all(seen.agent.startswith("qscore/") for seen in requests)
    api = below(server, "/emdb/api", "/graphql")
    # One row to learn the columns, the whole, documents in bulk, published Q.
    assert len(api) == 2 + -(-N // 40) + 1, [seen.path for seen in api]
    starts = sorted(seen.start for seen in below(server, "/emdb/api"))
    assert all(later - start >= 0.99 for start, later in zip(starts, starts[3:], strict=False)), "three in a second"
    assert sum(map(len, files)) <= 2 * N + 6 * len(planted), "requests for each fault"
    for entry in site.entries:
        if entry["emdb_id"] not in planted:
            for file in (site.map_file(entry), site.model_file(entry)):
                assert len(server.requests(file.name)) == 1, "a file without fault is asked for once"
                assert not mirror.requests(file.name)


def test_nothing_is_left_of_the_downloads(faulty):
    results = faulty[0]
    assert not list((results / "fetched").glob("*")) and not list((results / "parts").glob("*"))


def test_provenance(faulty):
    facts = json.loads((faulty[0] / "catalogue" / "catalogue.json").read_text())
    taken = json.loads((faulty[0] / "snapshot" / "search.json").read_text())
    assert facts["sha256"] == taken["sha256"] and facts["date"] == taken["date"]
    assert facts["n_pairs"] == N
