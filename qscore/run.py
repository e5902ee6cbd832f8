"""The survey's one door: `qscore run` prepares the folder and starts Snakemake."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from qscore import catalogue, runstate, tables


def find_workflow() -> Path:
    """The folder with the Snakefile: the current one, or that of this source tree.

    Raises
    ------
    ValueError
        There is none.
    """
    for folder in (Path.cwd(), Path(__file__).resolve().parent.parent):
        if (folder / "Snakefile").is_file() and (folder / "workflow").is_dir():
            return folder
    raise ValueError("no Snakefile here: run this in the project's folder")


def read_config(config: Path, workflow: Path) -> dict:
    """A configuration, checked against the workflow's schema.

    Raises
    ------
    ValueError
        It cannot be read, or a key or value is wrong: one line saying which.
    """
    try:
        with open(config, encoding="utf-8") as stream:
            content = yaml.safe_load(stream)
        with open(workflow / "workflow" / "schemas" / "config.schema.yaml", encoding="utf-8") as stream:
            schema = yaml.safe_load(stream)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as err:
        raise ValueError(f"configuration {config}: {' '.join(str(err).split())}") from err
    trouble = best_match(Draft202012Validator(schema).iter_errors(content))
    if trouble is not None:
        raise ValueError(f"configuration {config}: {'.'.join(map(str, trouble.path)) or 'top'}: {trouble.message}")
    return content


def check_pairs(config: dict, pairs: Path | None, workflow: Path) -> None:
    """Read the table of one's own pairs before anything starts.

    Raises
    ------
    ValueError
        A table is needed and not given, cannot be used, or every row of it is left out.
    """
    if config["source"] != "pairs":
        if pairs:
            raise ValueError("--pairs needs a configuration with source: pairs, such as config/pairs.yaml")
        return
    if not pairs and not config.get("pairs"):
        raise ValueError("this configuration needs a table: --pairs TABLE")
    table = pairs or workflow / config["pairs"]
    kept, excluded = catalogue.from_table(table)
    if not kept:
        raise ValueError(f"table {table}: every row is left out; the first: {excluded[0]['reason']}")


def outcome(results: Path) -> str:
    """How many pairs of a finished survey were scored, were not, and were left out."""
    rows = tables.read_rows(results / "tables" / "entries.parquet", layout=tables.ENTRIES)
    scored = sum(row["status"] == "scored" for row in rows)
    excluded = len(tables.read_tsv(results / "catalogue" / "excluded.tsv"))
    return f"{scored} pairs scored, {len(rows) - scored} not scored, {excluded} left out"


def complaints(results: Path, since: float) -> list[str]:
    """What failed stages said: the last line of each log written since a time that begins with ``qscore: ``."""
    said = []
    for log in sorted((results / "logs").rglob("*.log")):
        if log.stat().st_mtime >= since:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            said += [
                f"{log.relative_to(results)}: {line.removeprefix('qscore: ')}"
                for line in lines[-1:]
                if line[:8] == "qscore: "
            ]
    return said


def command(
    workflow: Path, config: Path, overrides: dict[str, str], *, cores: str, dry_run: bool, more=()
) -> list[str]:
    """The Snakemake command of a survey."""
    parts = [sys.executable, "-m", "snakemake", *more, "--snakefile", str(workflow / "Snakefile")]
    parts += ["--configfile", str(config.resolve()), "--workflow-profile", str(workflow / "profiles" / "default")]
    parts += ["--cores", cores, "--rerun-incomplete"]
    if overrides:
        parts += ["--config", *(f"{key}={value}" for key, value in overrides.items())]
    return parts + (["--dry-run"] if dry_run else [])


def run(results: Path, snakemake: list[str]) -> int:
    """Run a survey in its results folder; Snakemake's exit code.

    Raises
    ------
    qscore.runstate.Busy
        Another survey runs in the folder.
    """
    door = runstate.lock_door(results)
    try:
        jobs = runstate.wait_for_jobs(results, say=lambda text: print(text, file=sys.stderr))
        runstate.sweep(results)
        environment = os.environ | {runstate.JOBS_LOCK: str(jobs.resolve())}
        options = {"cwd": results, "env": environment, "pass_fds": (door,)}
        if runstate.is_locked_by_snakemake(results):
            subprocess.run([*snakemake, "--unlock", "--quiet", "all"], check=False, **options)
        return subprocess.run(snakemake, check=False, **options).returncode
    finally:
        os.close(door)
