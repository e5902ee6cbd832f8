"""What the workflow itself costs a survey of the whole archive: no map is read, every stage is a stub.

    python benchmarks/workflow.py [--pairs 37000] [--entries-per-batch N] [--cores 2] [--seed 2026] [--work FOLDER]

Pairs are made whose maps were released as the archive grew (see `RELEASES`); `qscore plan` cuts them into batches of
config/emdb.yaml. Then `qscore run --config config/emdb.yaml` runs in an environment whose Python is this one and whose
`qscore` is a shell script: the stages copy prepared tables or touch what they should write; `plan` alone is the real
one. What is left is the cost of the door, of Snakemake and of starting processes. Measured, each as a process of its
own with all that it starts: the first run, runs with nothing to do, the update with one week more, and a dry run of a
survey of `--few` pairs. Wall time, CPU time and peak memory are those the system tells when the process ends.
"""

import argparse
import datetime
import json
import os
import platform
import shutil
import site
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import numpy as np
import yaml

from qscore import plan, tables
from qscore.runstate import JOBS_LOCK

PROJECT = Path(__file__).resolve().parent.parent
CONFIG = PROJECT / "config" / "emdb.yaml"
# Maps with a model by the year of their release, in rounded figures: small beginnings, then a few hundred a month.
RELEASES = {2003 + k: n for k, n in enumerate([5, 5, 5, 10, 10, 20, 20, 30, 40, 50, 80, 130, 200, 350, 500, 850])} | {
    2019: 1300, 2020: 2300, 2021: 3100, 2022: 4100, 2023: 4900, 2024: 6300, 2025: 7200, 2026: 6500,
}  # fmt: skip
# Stage → files it leaves in the results folder; those that lie in the prepared folder are copied, others touched.
PARQUET = ("entries", "residues", "chains", "ligands", "inclusion")
LEFT = {
    "snapshot": ["snapshot/search.json", "snapshot/search.csv.gz"],
    "catalogue": [f"catalogue/{name}" for name in ("pairs.parquet", "pairs.tsv", "excluded.tsv", "catalogue.json")]
    + ["catalogue/places.json"],
    "published": ["published/published.parquet", "published/published.tsv"],
    "aggregate": ["tables/entries.tsv", *(f"tables/{name}.parquet" for name in PARQUET)],
    "fit": ["fit/expected_q.json", "fit/lines.tsv", "fit/coverage.tsv", "fit/offsets.tsv"],
    "outliers": ["outliers/outliers.parquet", "outliers/outliers.tsv"],
    "regions": [f"regions/{name}" for name in ("regions.parquet", "regions.tsv", "entries.parquet", "ligands.parquet")],
    "flag": ["flags/flags.parquet", "flags/flags.tsv"],
    "rivals": [f"rivals/{name}" for name in ("rivals.tsv", "rivals.parquet", "correlations.tsv")]
    + ["rivals/correlations.parquet", "rivals/rivals.json"],
    "draws": ["draws/draws.parquet", "draws/draws.json"],
    "concordance": [f"concordance/concordance.{ending}" for ending in ("parquet", "tsv", "json")],
    "worklist": ["worklist/worklist.parquet", "worklist/worklist.tsv"],
    "figures": ["figures/curve.svg"],
    "pages": ["report/entries/EMD-1.html"],
    "report": ["report/index.html"],
}
PREPARED = ("catalogue/pairs.parquet", "catalogue/excluded.tsv", "tables/entries.parquet")
SCRIPT = """#!/bin/sh
stage=$1
case $stage in
fetch) mkdir -p "$3"; : > "$3/manifest.json" ;;
score-batch) for out; do :; done; mkdir -p "$out"
  for name in entries residues ligands inclusion; do : > "$out/$name.parquet"; done ;;
examine-batch) for out; do :; done; mkdir -p "$out/models"
  for name in frames profiles traces; do : > "$out/$name.parquet"; done ;;
examination) cp -r {prepared}/examination . ;;
{cases}
*) shift; exec {python} -m qscore "$stage" "$@" ;;
esac
"""


# ---- the survey ----


def pairs(count, rng, *, weeks_more=0):
    """Rows of `tables.PAIRS` in the order of their release, the last `weeks_more` weeks of which came later."""
    share = np.array(list(RELEASES.values()), dtype=float)
    years = np.repeat(list(RELEASES), rng.multinomial(count, share / share.sum()))
    days = np.sort((years - 1970).astype("datetime64[Y]").astype("datetime64[D]") + rng.integers(0, 365, count))
    rows = [row(10 + k, day) for k, day in enumerate(days.tolist())]
    return rows + [row(10 + count + k, datetime.date(2027, 1, 6)) for k in range(weeks_more * count // 260)]


def row(number, day):
    """One pair; what batches depend on is filled."""
    name, model = f"EMD-{number:04d}", f"{number % 36**3:04x}"
    return {
        "emdb_id": name,
        "pdb_id": model,
        "map_file": f"{name}/map/emd_{number:04d}.map.gz",
        "model_file": f"{model[1:3]}/{model}.cif.gz",
        "map_stamp": f"{day}",
        "model_stamp": f"{day}",
        "resolution": 3.2,
        "map_release": day.isoformat(),
        "contour_level": 0.02,
        "map_grid": "1 1 1",
    }


def prepare(folder, rows, entries_per_batch, examined):
    """The tables that Snakemake or the door read: the catalogue, entries and the plan of the second look."""
    tables.write_parquet(folder / "catalogue" / "pairs.parquet", tables.PAIRS, tables.as_columns(tables.PAIRS, rows))
    tables.write_tsv(folder / "catalogue" / "excluded.tsv", tables.EXCLUDED, tables.as_columns(tables.EXCLUDED, []))
    scored = [{"emdb_id": pair["emdb_id"], "pdb_id": pair["pdb_id"], "status": "scored"} for pair in rows]
    tables.write_parquet(
        folder / "tables" / "entries.parquet", tables.ENTRIES, tables.as_columns(tables.ENTRIES, scored)
    )
    shutil.rmtree(folder / "examination", ignore_errors=True)
    plan.write(
        folder / "examination", rows[:: max(1, len(rows) // examined)][:examined], entries_per_batch=entries_per_batch
    )


def environment(folder, prepared):
    """Python of an environment with this one's packages and a `qscore` that does next to nothing."""
    venv.create(folder, symlinks=True)
    packages = next((folder / "lib").glob("python*/site-packages"))
    lines = [f"import site; site.addsitedir({path!r})\n" for path in site.getsitepackages()]
    (packages / "these.pth").write_text("".join(lines), encoding="utf-8")
    cases = [f"{stage}) {leaving(files, prepared)} ;;" for stage, files in LEFT.items()]
    script = SCRIPT.format(prepared=prepared, cases="\n".join(cases), python=folder / "bin" / "python")
    (folder / "bin" / "qscore").write_text(script, encoding="utf-8")
    (folder / "bin" / "qscore").chmod(0o755)
    return folder / "bin" / "python"


def leaving(files, prepared):
    """Shell commands that leave the files of a stage."""
    folders = sorted({str(Path(name).parent) for name in files})
    made = [f"cp {prepared / name} {name}" if name in PREPARED else f": > {name}" for name in files]
    return "; ".join([f"mkdir -p {' '.join(folders)}", *made])


# ---- measuring ----

# A process inherits the peak of the one that starts it: this one is small.
LAUNCHER = """
import json, os, subprocess, sys, time
with open(sys.argv[1], "w") as said:
    begun = time.perf_counter()
    child = subprocess.Popen(sys.argv[2:], stdout=said, stderr=said)
    _, status, used = os.wait4(child.pid, 0)
print(json.dumps([status, time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""


def measured(command, log):
    """Seconds on the clock, seconds of CPU and peak memory (MB) of a process and those it waited for."""
    environment = {key: value for key, value in os.environ.items() if key != JOBS_LOCK}
    launched = [sys.executable, "-I", "-S", "-c", LAUNCHER, log, *command]
    said = subprocess.run(map(str, launched), cwd=PROJECT, env=environment, capture_output=True, text=True, check=True)
    status, wall, cpu, peak = json.loads(said.stdout)
    if status:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{Path(log).read_text(encoding='utf-8')[-3000:]}")
    return wall, cpu, peak / (1e6 if sys.platform == "darwin" else 1e3)


def told(name, found, jobs=0):
    """One line of the table."""
    wall, cpu, peak = found
    each = f"{1000 * wall / jobs:13.1f}{1000 * cpu / jobs:12.1f}" if jobs else ""
    print(f"{name:34s}{wall:9.1f}{cpu:9.1f}{peak:9.0f}{each}", flush=True)


def settings(folder, entries_per_batch):
    """config/emdb.yaml, with so many entries in a batch where that is given; its path and that number."""
    content = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    content["plan"]["entries_per_batch"] = entries_per_batch or content["plan"]["entries_per_batch"]
    (folder / "emdb.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return folder / "emdb.yaml", content["plan"]["entries_per_batch"]


def survey(folder, given, count, python, *, name):
    """Runs of a survey of so many pairs: the first, with nothing to do, and one week on."""
    results, prepared, log = folder / name, folder / "prepared", folder / f"{name}.log"
    config, size = settings(folder, given.entries_per_batch)
    rows = pairs(count, np.random.default_rng(given.seed), weeks_more=1)
    before = rows[:count]
    shutil.rmtree(results, ignore_errors=True)
    prepare(prepared, before, size, given.examined)
    door = [python, "-m", "qscore", "run", "--config", config, "--results", results, "--cores", given.cores]
    told("dry run, nothing there yet", measured([*door, "--dry-run"], log))
    found = measured([*door], log)
    batches, again = plan.names(results / "plan"), plan.names(results / "examination")
    jobs = 2 * len(batches) + 2 * len(again) + len(LEFT) + 2
    weeks = {plan.period(pair["map_release"]) for pair in before}
    told(f"first run, {jobs:,} jobs", found, jobs)
    print(f"  {len(batches):,} batches of {len(weeks):,} weeks or quarters, {len(again):,} batches of a second look")
    told("nothing to do", measured(door, log))
    told("nothing to do, dry run", measured([*door, "--dry-run"], log))
    if len(rows) > count:
        prepare(prepared, rows, size, given.examined)
        (results / "snapshot" / "search.json").write_text("another answer", encoding="utf-8")
        found = measured(door, log)
        new = len(plan.names(results / "plan")) - len(batches)
        told(f"one week more: {new} batches", found)


def start(folder, python):
    """What begins every run."""
    log = folder / "start.log"
    told("qscore --help", measured([python, "-m", "qscore", "--help"], log))
    told("import of the door", measured([python, "-c", "import qscore.cli, qscore.run"], log))
    told("import of Snakemake", measured([python, "-c", "import snakemake.cli"], log))
    told("snakemake --version", measured([python, "-m", "snakemake", "--version"], log))


def run(folder, given):
    print(f"{given.pairs:,} pairs, seed {given.seed}; {platform.machine()}, {os.cpu_count()} cores")
    print(f"{'':34s}{'wall s':>9s}{'CPU s':>9s}{'peak MB':>9s}{'wall ms/job':>13s}{'CPU ms/job':>12s}")
    python = environment(folder / "environment", folder / "prepared")
    start(folder, python)
    size = settings(folder, given.entries_per_batch)[1]
    prepare(folder / "prepared", pairs(given.pairs, np.random.default_rng(given.seed)), size, given.examined)
    planned = ["plan", folder / "prepared" / "catalogue" / "pairs.parquet", "--entries-per-batch", size]
    told("qscore plan", measured([python, "-m", "qscore", *planned, "--out", folder / "plan"], folder / "plan.log"))
    for name, count in (("few", given.few), ("all", given.pairs)):
        print(f"{count:,} pairs, at most {size} in a batch:")
        survey(folder, given, count, python, name=name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=37_000)
    parser.add_argument("--few", type=int, default=12, help="pairs of the small survey")
    parser.add_argument("--examined", type=int, default=500, help="pairs looked at again")
    parser.add_argument("--entries-per-batch", type=int, help="instead of the configuration's")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--work", type=Path, help="kept; a temporary folder without it")
    given = parser.parse_args()
    if given.work:
        given.work.mkdir(parents=True, exist_ok=True)
        return run(given.work.resolve(), given)
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), given)


if __name__ == "__main__":
    main()
