"""Surveys of a small archive that a local server plays."""

import subprocess
import sys

import yaml

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


def below(server, *prefixes):
    """Requests to paths that begin so."""
    return [seen for seen in server.log if seen.path.startswith(prefixes)]


def start(project, config, *more):
    return subprocess.Popen(
        command(config, *more), cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
