import csv
import shlex
import sys
from pathlib import Path

import qscore

PROJECT = Path(workflow.basedir)
RESULTS = (PROJECT / config["results"]).resolve()
SOURCE = config["source"]

# The rules call `qscore` of the environment that runs Snakemake, activated or not.
shell.prefix(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; ")


def options(section):
    """A section of the configuration as command-line options of its stage."""
    parts = []
    for key, value in config[section].items():
        for item in value if isinstance(value, list) else [value]:
            parts.append(f"--{key.replace('_', '-')} {shlex.quote(str(item))}")
    return " ".join(parts)


def pairs_table():
    """The table of one's own pairs."""
    if not config.get("pairs"):
        raise WorkflowError(
            "this configuration needs a table: qscore run --pairs TABLE"
        )
    return str((PROJECT / config["pairs"]).resolve())


def table_inputs(wildcards):
    """The table and the files it names that are there: a changed map or model is scored again."""
    table = Path(pairs_table())
    with open(table, encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    named = [
        table.parent / row[kind]
        for row in rows
        for kind in ("map", "model")
        if row.get(kind)
    ]
    return [str(table), *(str(path) for path in named if path.is_file())]


def places(wildcards):
    """Where the files of a batch come from, as options of `qscore fetch`."""
    if SOURCE == "pairs":
        return f"--root {shlex.quote(str(Path(pairs_table()).parent))}"
    return "--maps archive/emdb/structures --models archive/pdb/data/structures/divided/mmCIF"


def batches(wildcards):
    """The batches of the plan."""
    folder = Path(checkpoints.plan.get().output[0])
    return sorted(path.name.removesuffix(".tsv") for path in folder.glob("[!.]*.tsv"))


def batch_file(wildcards):
    checkpoints.plan.get()
    return f"plan/{wildcards.batch}.tsv"


def score_tables(wildcards):
    return expand(
        "scores/{batch}/{table}.parquet",
        batch=batches(wildcards),
        table=["entries", "residues"],
    )


wildcard_constraints:
    batch=r"[A-Za-z0-9][A-Za-z0-9.-]*",
