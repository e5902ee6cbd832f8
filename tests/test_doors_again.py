"""The survey over HTTP: an archive that changes, a run that is killed, a server that is down."""

import time

from killing import kill_when
from served import TABLES, below, entries, stamps, start, survey, write_config

from qscore import tables


def test_updates(project, small, tmp_path):
    """New entries, a re-released map, an obsolete entry, a corrected title: what is fetched again, and what not."""
    site, server, config = small
    results = tmp_path / "results"
    survey(project, config, *TABLES)
    before, digest = stamps(results), (results / "snapshot" / "search.json").read_text()

    assert "Nothing to be done" in survey(project, config, "--dry-run", *TABLES), "the catalogue is not asked for again"

    site.entries[3] |= {"title": "A corrected title", "update": "2025-06-04"}
    site.add(8, released="2025-06-11")
    site.add(9, released="2025-06-11")
    site.write_files(site.entries[1], seed=99)
    site.entries[1]["update"] = "2025-06-18"
    site.entries[2] |= {"status": "OBS", "update": "2025-06-18"}
    server.log.clear()
    survey(project, config, "--update", *TABLES)
    assert (results / "snapshot" / "search.json").read_text() != digest
    now = stamps(results)
    batch = {row["emdb_id"]: path.stem for path in (results / "plan").glob("*.tsv") for row in tables.read_tsv(path)}
    assert set(now) - set(before) == {"2025-06-11"}
    touched = {name for name in before if now.get(name) != before[name]}
    assert batch[site.entries[1]["emdb_id"]] in touched
    assert len(touched) <= 2 < len(before)
    assert batch[site.entries[3]["emdb_id"]] not in touched, "a title is no reason to score"
    assert "A corrected title" in {row["title"] for row in entries(results)}
    again = [entry for entry in site.entries if batch.get(entry["emdb_id"]) in {*touched, "2025-06-11"}]
    files = {file(entry).name for entry in again for file in (site.map_file, site.model_file)}
    assert {seen.path.rsplit("/", 1)[-1] for seen in below(server, "/pub/")} == files, "nothing else is fetched"
    assert site.entries[2]["emdb_id"] not in {row["emdb_id"] for row in entries(results)}
    excluded = {row["emdb_id"]: row["reason"] for row in tables.read_tsv(results / "catalogue" / "excluded.tsv")}
    assert "released" in excluded[site.entries[2]["emdb_id"]] or "obsolete" in excluded[site.entries[2]["emdb_id"]]


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


def test_a_server_down_for_a_while_is_waited_for(project, few, tmp_path):
    _, server, config = few
    survey(project, config, "--", "plan")
    server.down()
    process = start(project, config, *TABLES)
    time.sleep(8)
    assert process.poll() is None, "the survey waits"
    server.up()
    assert process.wait(timeout=120) == 0
    assert all(row["status"] == "scored" for row in entries(tmp_path / "results"))


def test_a_server_down_for_good(project, few, tmp_path):
    """Exit 75, one clear line, no entry marked as failed; the same command goes on when it is back."""
    site, server, _ = few
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
