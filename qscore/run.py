"""The survey's one door: `qscore run` prepares the folder and starts Snakemake."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from qscore import runstate


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


def results_of(config: Path) -> str:
    """The results folder that a configuration names.

    Raises
    ------
    ValueError
        The configuration cannot be read or names none.
    """
    try:
        with open(config, encoding="utf-8") as stream:
            content = yaml.safe_load(stream)
        return str(content["results"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as err:
        raise ValueError(f"configuration {config}: {' '.join(str(err).split()) or 'names no results'}") from err


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
