"""The survey over HTTP: few entries, published scores alone, no network."""

import json
import re
import shutil
import subprocess
import sys

from archive_server import ArchiveServer
from served import TABLES, below, entries, survey, write_config
from small_archive import Archive

from qscore.survey import FROM_ARCHIVE


def test_no_network_at_the_first_door(project, tmp_path):
    site = Archive(tmp_path / "site", 1)
    with ArchiveServer() as server:
        base = server.base
    config = write_config(tmp_path, site, base, archive={"patience_minutes": 0})
    said = survey(project, config, code=75)
    assert len([line for line in said.splitlines() if line.startswith("qscore: ")]) == 1, said


def test_published_scores_alone(project, small, tmp_path):
    """The archive's own Q, without a single map."""
    site, server, _ = small
    site.entries[3]["q"] = None
    more = {"score_source": "published", "catalogue": {"read_documents": False}}
    config = write_config(tmp_path, site, server.base, **more)
    survey(project, config, "--", "tables/entries.tsv", "fit/expected_q.json")
    assert not below(server, "/pub/", "/emdb/api/entry")
    assert len(below(server, "/emdb/api/search")) == 2, "no documents"
    fit = json.loads((tmp_path / "results" / "fit" / "expected_q.json").read_text(encoding="utf-8"))
    assert fit["score_source"] == FROM_ARCHIVE
    rows = {row["emdb_id"]: row for row in entries(tmp_path / "results")}
    assert [rows[e["emdb_id"]]["q_mean"] for e in site.entries] == [e["q"] for e in site.entries]
    assert rows[site.entries[3]["emdb_id"]]["reason"] == "not_published"


def test_dry_run_of_the_whole_emdb_offline(project, few, tmp_path):
    """`snakemake -n` with config/emdb.yaml from a stored catalogue, with no network."""
    _, server, config = few
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


def test_ids_alone_need_no_search(project, few, tmp_path):
    site, server, _ = few
    chosen = [site.entries[1], site.entries[3]]
    ids = [f"{chosen[0]['emdb_id']}/{chosen[0]['pdb_id']}", chosen[1]["emdb_id"]]
    config = write_config(tmp_path, site, server.base, catalogue={"ids": ids})
    survey(project, config, *TABLES)
    assert not [seen for seen in server.log if "csv" in str(seen.query)]
    rows = entries(tmp_path / "results")
    assert [row["emdb_id"] for row in rows] == [entry["emdb_id"] for entry in chosen]
    assert all(row["status"] == "scored" for row in rows)


def test_a_rule_that_takes_nothing_is_said(project, few, tmp_path):
    site, server, _ = few
    config = write_config(tmp_path, site, server.base, catalogue={"only": "apoferritin"})
    said = survey(project, config, *TABLES, code=1)
    (line,) = [line for line in said.splitlines() if line.startswith("qscore: ")]
    assert "no pair is taken: " in line and "(4)" in line
