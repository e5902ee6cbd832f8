"""The survey over HTTP, against a local server that plays the archives: faults, updates, kills, a server down."""

import gzip
import json
import re
import shutil
import subprocess
import sys
import time

import pytest
import yaml
from archive_server import ArchiveServer
from killing import kill_when
from small_archive import Archive

from qscore import tables

QSCORE = [sys.executable, "-m", "qscore"]
TABLES = ("--", "tables/entries.tsv", "published/published.tsv")  # what comes after needs no archive


def write_config(folder, site, base, **more):
    """A configuration for a survey of a site served at an address; its path."""
    content = {
        "results": str(folder / "results"),
        "source": "emdb",
        "plan": {"entries_per_batch": 4},
        "archive": site.config(base) | {"patience_minutes": 0.5, "read_seconds": 2},
        "examine": {"most": 0},  # what is asked for is counted here; the second look would ask for it again
    }
    for key, value in more.items():
        content[key] = content.get(key, {}) | value if isinstance(value, dict) else value
    path = folder / "survey.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def command(config, *more):
    return [*QSCORE, "run", "--config", str(config), *more]


def survey(project, config, *more, code=0, **options):
    run = subprocess.run(command(config, *more), cwd=project, capture_output=True, text=True, check=False, **options)
    assert run.returncode == code, run.stdout + run.stderr
    return run.stdout + run.stderr


def entries(results):
    return tables.read_rows(results / "tables" / "entries.parquet", layout=tables.ENTRIES)


def stamps(results):
    """Batch → time of its scores, the batches of the plan alone."""
    planned = {path.stem for path in (results / "plan").glob("*.tsv")}
    return {
        path.parent.name: path.stat().st_mtime_ns
        for path in results.glob("scores/*/entries.parquet")
        if path.parent.name in planned
    }


# ---- faults ----

N = 60


@pytest.fixture(scope="module")
def faulty(project, tmp_path_factory):
    """A survey of 60 pairs through every fault; (results, site, server, mirror, who had what)."""
    folder = tmp_path_factory.mktemp("faulty")
    site = Archive(folder / "site", N)
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
    assert checked >= 45


def test_published_q_stands_beside(faulty):
    results, site, _, _, _ = faulty
    by_id = {entry["emdb_id"]: entry["q"] for entry in site.entries}
    assert {row["emdb_id"]: row["q_published"] for row in entries(results)} == by_id


def below(server, *prefixes):
    """Requests to paths that begin so."""
    return [seen for seen in server.log if seen.path.startswith(prefixes)]


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


# ---- an archive that changes, a run that is killed ----


@pytest.fixture
def small(tmp_path):
    """An archive of 12 pairs, its server and configuration."""
    site = Archive(tmp_path / "site", 12)
    with ArchiveServer() as server:
        site.serve(server)
        yield site, server, write_config(tmp_path, site, server.base)


def test_updates(project, small, tmp_path):
    """New entries, a re-released map, an obsolete entry, a corrected title: what is fetched again, and what not."""
    site, server, config = small
    results = tmp_path / "results"
    survey(project, config, *TABLES)
    before, digest = stamps(results), (results / "snapshot" / "search.json").read_text()

    assert "Nothing to be done" in survey(project, config, "--dry-run", *TABLES), "the catalogue is not asked for again"

    site.entries[0] |= {"title": "A corrected title", "update": "2025-06-04"}
    server.log.clear()
    survey(project, config, "--update", *TABLES)
    assert (results / "snapshot" / "search.json").read_text() != digest
    assert stamps(results) == before
    assert not below(server, "/pub/")
    assert entries(results)[0]["title"] == "A corrected title"

    site.add(12, released="2025-06-11")
    site.add(13, released="2025-06-11")
    server.log.clear()
    survey(project, config, "--update", *TABLES)
    now = stamps(results)
    assert {name: now[name] for name in before} == before
    assert set(now) - set(before) == {"2025-06-11"}
    assert len(below(server, "/pub/")) == 4

    before = now
    site.write_files(site.entries[1], seed=99)
    site.entries[1]["update"] = "2025-06-18"
    site.entries[2] |= {"status": "OBS", "update": "2025-06-18"}
    survey(project, config, "--update", *TABLES)
    now = stamps(results)
    batch = {row["emdb_id"]: path.stem for path in (results / "plan").glob("*.tsv") for row in tables.read_tsv(path)}
    touched = {name for name in now if now[name] != before.get(name)}
    assert batch[site.entries[1]["emdb_id"]] in touched
    assert len(touched) <= 2 < len(now)
    assert site.entries[2]["emdb_id"] not in {row["emdb_id"] for row in entries(results)}
    excluded = {row["emdb_id"]: row["reason"] for row in tables.read_tsv(results / "catalogue" / "excluded.tsv")}
    assert "released" in excluded[site.entries[2]["emdb_id"]] or "obsolete" in excluded[site.entries[2]["emdb_id"]]


def start(project, config, *more):
    return subprocess.Popen(
        command(config, *more), cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip


def test_killed_in_the_middle_of_a_file(project, small, tmp_path):
    """kill -9 of everything while a map is on its way: no batch is done again, the part is gone on with."""
    site, server, config = small
    results = tmp_path / "results"
    site.write_files(site.entries[-1], seed=5, shape=(90, 100, 110))
    slow = site.map_file(site.entries[-1]).name
    server.fault(slow, "drip", times=1, size=50_000, every=0.15)
    process = start(project, config, *TABLES)

    def half_here_and_others_done():
        parts = list((results / "parts").glob(f"*/*{slow}.part"))
        return parts and parts[0].stat().st_size > 1_000_000 and any((results / "scores").glob("*/entries.parquet"))

    assert kill_when(process, half_here_and_others_done)
    finished = stamps(results)
    server.log.clear()
    survey(project, config, *TABLES)
    assert {name: stamp for name, stamp in stamps(results).items() if name in finished} == finished
    resumed = [seen for seen in server.requests(slow) if seen.range]
    assert [seen.status for seen in resumed] == [206]
    undone = {path.stem for path in (results / "plan").glob("*.tsv")} - set(finished)
    left = sum(len(tables.read_tsv(results / "plan" / f"{name}.tsv")) for name in undone)
    assert len(below(server, "/pub/")) <= 2 * left
    assert all(row["status"] == "scored" for row in entries(results))


# ---- a server that is down ----


def test_a_server_down_for_a_while_is_waited_for(project, small, tmp_path):
    _, server, config = small
    survey(project, config, "--", "plan")
    server.down()
    process = start(project, config, *TABLES)
    time.sleep(8)
    assert process.poll() is None, "the survey waits"
    server.up()
    assert process.wait(timeout=120) == 0
    assert all(row["status"] == "scored" for row in entries(tmp_path / "results"))


def test_a_server_down_for_good(project, small, tmp_path):
    """Exit 75, one clear line, no entry marked as failed; the same command goes on when it is back."""
    site, server, _ = small
    config = write_config(tmp_path, site, server.base, archive={"patience_minutes": 0.02})
    results = tmp_path / "results"
    survey(project, config, "--", "plan")
    server.down()
    said = survey(project, config, *TABLES, code=75)
    lines = [line for line in said.splitlines() if line.startswith("qscore: ")]
    assert len(lines) == 1 and "127.0.0.1" in lines[0], said
    assert not list((results / "scores").glob("*/entries.parquet"))
    server.up()
    survey(project, config, *TABLES)
    assert all(row["status"] == "scored" for row in entries(results))


def test_no_network_at_the_first_door(project, tmp_path):
    site = Archive(tmp_path / "site", 1)
    with ArchiveServer() as server:
        base = server.base
    config = write_config(tmp_path, site, base, archive={"patience_minutes": 0})
    said = survey(project, config, code=75)
    assert len([line for line in said.splitlines() if line.startswith("qscore: ")]) == 1, said


# ---- without maps ----


def test_published_scores_alone(project, small, tmp_path):
    """The archive's own Q, without a single map."""
    site, server, _ = small
    site.entries[3]["q"] = None
    more = {"score_source": "published", "catalogue": {"read_documents": False}}
    config = write_config(tmp_path, site, server.base, **more)
    survey(project, config)
    assert not below(server, "/pub/", "/emdb/api/entry")
    assert len(below(server, "/emdb/api/search")) == 2, "no documents"
    assert "as published by the archive" in (tmp_path / "results" / "report" / "index.html").read_text()
    rows = {row["emdb_id"]: row for row in entries(tmp_path / "results")}
    assert [rows[e["emdb_id"]]["q_mean"] for e in site.entries] == [e["q"] for e in site.entries]
    assert rows[site.entries[3]["emdb_id"]]["reason"] == "not_published"


def test_dry_run_of_the_whole_emdb_offline(project, small, tmp_path):
    """`snakemake -n` with config/emdb.yaml from a stored catalogue, with no network."""
    _, server, config = small
    results = tmp_path / "results"
    survey(project, config, "--", "catalogue/pairs.parquet")
    server.down()
    stored = tmp_path / "elsewhere"
    for folder in ("snapshot", "catalogue"):
        shutil.copytree(results / folder, stored / folder)
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--configfile", "config/emdb.yaml", "--config", f"results={stored}"],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    counted = re.findall(r"^(\w+) +\d+$", run.stdout + run.stderr, re.MULTILINE)
    assert "plan" in counted and not {"snapshot", "catalogue"} & set(counted), counted


def test_ids_alone_need_no_search(project, small, tmp_path):
    site, server, _ = small
    chosen = [site.entries[2], site.entries[5]]
    ids = [f"{chosen[0]['emdb_id']}/{chosen[0]['pdb_id']}", chosen[1]["emdb_id"]]
    config = write_config(tmp_path, site, server.base, catalogue={"ids": ids})
    survey(project, config, *TABLES)
    assert not [seen for seen in server.log if "csv" in str(seen.query)]
    rows = entries(tmp_path / "results")
    assert [row["emdb_id"] for row in rows] == [entry["emdb_id"] for entry in chosen]
    assert all(row["status"] == "scored" for row in rows)


def test_a_rule_that_takes_nothing_is_said(project, small, tmp_path):
    site, server, _ = small
    config = write_config(tmp_path, site, server.base, catalogue={"only": "apoferritin"})
    said = survey(project, config, *TABLES, code=1)
    (line,) = [line for line in said.splitlines() if line.startswith("qscore: ")]
    assert "no pair is taken: " in line and "(12)" in line


def test_provenance(faulty):
    facts = json.loads((faulty[0] / "catalogue" / "catalogue.json").read_text())
    taken = json.loads((faulty[0] / "snapshot" / "search.json").read_text())
    assert facts["sha256"] == taken["sha256"] and facts["date"] == taken["date"]
    assert facts["n_pairs"] == N
