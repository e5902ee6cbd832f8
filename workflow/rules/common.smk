import csv
import gc
import json
import os
import re
import shlex
import sys
from pathlib import Path

import qscore
from qscore import captions
from qscore.letters import visible
from qscore.sites import is_url

PROJECT = Path(workflow.basedir)
RESULTS = (PROJECT / config["results"]).resolve()
SOURCE, SCORE_SOURCE = config["source"], config["score_source"]
EXAMINES = SCORE_SOURCE == "maps" and config["examine"]["most"] > 0
PAGES = ["report/entries"] if EXAMINES else []

# Thousands of jobs stay until the end: looking among them for garbage as often as usual takes a fifth of the time.
gc.set_threshold(50_000)

# The rules call `qscore` of the environment that runs Snakemake, activated or not.
shell.prefix(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; ")


def option(key, value):
    """One value of the configuration as a command-line option."""
    name = key.replace("_", "-")
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name} {shlex.quote(str(value))}"


def verbatim(text):
    """A parameter in which braces are not wildcards."""
    return lambda wildcards: text


def options(section, *keys):
    """A section of the configuration, or some keys of it, as options of its stage."""
    chosen = {key: config[section][key] for key in keys or config[section]}
    if section == "archive":
        chosen = {key: from_project(value) for key, value in chosen.items()}
    return verbatim(
        " ".join(
            option(key, item)
            for key, value in chosen.items()
            for item in (value if isinstance(value, list) else [value])
        )
    )


def from_project(bases):
    """Bases of which those that are folders are relative to the project, not to the results."""
    if not isinstance(bases, list):
        return bases
    return [base if is_url(base) else str(PROJECT / base) for base in bases]


def subsets():
    """The subsets of the configuration as one option."""
    return verbatim(option("subsets", json.dumps(config["subsets"], sort_keys=True)))


def pairs_table():
    """The table of one's own pairs."""
    if not config.get("pairs"):
        raise WorkflowError(
            "this configuration needs a table: qscore run --pairs TABLE"
        )
    return str((PROJECT / config["pairs"]).resolve())


def table_files():
    """The table and the files it names that are there."""
    table = Path(pairs_table())
    if SCORE_SOURCE != "maps":
        return [str(table)]
    with open(table, encoding="utf-8-sig", newline="") as stream:
        delimiter = "," if table.suffix.lower() == ".csv" else "\t"
        rows = list(csv.DictReader(stream, delimiter=delimiter))
    named = [
        table.parent / row[kind]
        for row in rows
        for kind in ("map", "model")
        if row.get(kind)
    ]
    return [str(table), *(str(path) for path in named if os.path.isfile(path))]


def named_plainly(path):
    """Whether Snakemake can be given a name: in braces it sees wildcards, and it prints names as they are."""
    return not re.search("[{}]", path) and visible(path) == path


def table_inputs(wildcards):
    """Files of the table that Snakemake watches: a changed map or model is scored again."""
    return [path for path in table_files() if named_plainly(path)]


def unwatched(wildcards):
    """Size and time of the others."""
    stats = ((path, os.stat(path)) for path in table_files() if not named_plainly(path))
    return [f"{path} {found.st_size} {found.st_mtime_ns}" for path, found in stats]


def batches(wildcards):
    """The batches of the plan."""
    folder = Path(checkpoints.plan.get().output[0])
    return sorted(path.name.removesuffix(".tsv") for path in folder.glob("[!.]*.tsv"))


def batch_file(wildcards):
    checkpoints.plan.get()
    return f"plan/{wildcards.batch}.tsv"


def score_tables(wildcards):
    if SCORE_SOURCE != "maps":
        return []
    return expand(
        "scores/{batch}/{table}.parquet",
        batch=batches(wildcards),
        table=["entries", "residues", "ligands", "inclusion"],
    )


def examined_file(wildcards):
    checkpoints.examination.get()
    return f"examination/{wildcards.batch}.tsv"


def evidence(what):
    """What the second look left of each batch; nothing where there are no maps."""

    def found(wildcards):
        if not EXAMINES:
            return []
        folder = Path(checkpoints.examination.get().output[0])
        names = sorted(
            path.name.removesuffix(".tsv") for path in folder.glob("[!.]*.tsv")
        )
        return [f"evidence/{name}/{what}" for name in names]

    return found


wildcard_constraints:
    batch=r"[A-Za-z0-9][A-Za-z0-9.-]*",
