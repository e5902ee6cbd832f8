"""Fit and flag of a survey of the archive's full size: wall time, CPU time and peak memory of each stage.

    python benchmarks/scale.py TABLE [--rows 40000] [--seed 2026] [--work FOLDER]

TABLE has columns emdb_id, pdb_id, resolution, q and fsc05 (an archive survey). Its rows are drawn with replacement;
resolution and map-model FSC are moved by up to 0.05 Å and rounded to 0.01 Å, Q by a normal 0.01. Runs of ids, of 1 to
8, are publications, proteins a heavy-tailed third of them; 8 % are helical or subtomogram averages, 2 % composite, 2 %
under a tight mask. Q of classes, percentiles of atoms and chance levels are drawn about the entry's Q: all columns that
the stages read are filled. One row in ten has regions, and 200 low entries had a second look at their frame.

`qscore fit` (with two subsets, without residues), `qscore outliers` and `qscore flag` then run one after the other,
each a process of its own, as in the workflow. What a stage took is read from the system when it ends.
"""

import argparse
import csv
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from qscore import plan, tables
from qscore.layouts import FITTED_CLASSES, REGION_SUMMARY

LOOKED_AT = 200
SUBSETS = {"helical": {"method": "helical"}, "fine": {"resolution": {"below": 3}}}
MOST_SECONDS, MOST_MB = 60, 2000


# ---- the survey ----


def survey(table, rows, seed):
    """Columns of `tables.ENTRIES` for a survey of so many rows."""
    rng = np.random.default_rng(seed)
    with open(table, encoding="utf-8", newline="") as lines:
        real = list(csv.DictReader(lines))
    drawn = [real[k] for k in rng.integers(len(real), size=rows)]
    resolution = np.round(numbers(drawn, "resolution") + rng.uniform(-0.05, 0.05, rows), 2).clip(0.9, 40)
    q = np.round(numbers(drawn, "q") + rng.normal(0, 0.01, rows), 4).clip(-0.1, 0.99)
    ids = 20 + np.cumsum(rng.choice([1, 1, 1, 2, 4], rows))
    columns = {name: [None] * rows for name in tables.ENTRIES.names}
    columns |= {
        "emdb_id": [f"EMD-{number:04d}" for number in ids],
        "pdb_id": [f"{number % 65536:04x}" for number in ids],
        "resolution": resolution,
        "map_model_fsc05": np.round(numbers(drawn, "fsc05") + rng.uniform(-0.05, 0.05, rows), 3),
        "status": ["scored"] * rows,
        **clusters(rows, rng),
        **metadata(resolution, rng),
        **scores(q, rng),
    }
    return columns


def numbers(rows, name):
    return np.array([float(row[name]) if row[name] else np.nan for row in rows])


def clusters(rows, rng):
    """Publications as runs of ids, of one entry to eight; a few proteins have many publications."""
    sizes = rng.choice([1, 2, 3, 5, 8], rows, p=[0.4, 0.25, 0.2, 0.1, 0.05])
    publication = np.repeat(np.arange(rows), sizes)[:rows]
    protein = (rng.pareto(0.8, rows) * 20).astype(np.int64)[publication] % (rows // 3)
    return {
        "cluster_pub": [f"doi:10.1000/{number}" for number in publication],
        "cluster_protein": [f"uniprot:P{number:05d}" for number in protein],
        "uniprot": [f"P{number:05d}" for number in protein],
        "title": [f"Structure {number}" for number in publication],
        "sample": [f"Protein {number}" for number in protein],
    }


def metadata(resolution, rng):
    rows = len(resolution)
    voxel = np.round(resolution / rng.uniform(2.02, 5, rows), 3)
    apoferritin, tight = rng.random(rows) < 0.002, rng.random(rows) < 0.02
    return {
        "method": rng.choice(["singleParticle", "helical", "subtomogramAveraging"], rows, p=[0.92, 0.05, 0.03]),
        "resolution_method": rng.choice(["FSC 0.143 CUT-OFF", "FSC 0.5 CUT-OFF"], rows, p=[0.97, 0.03]),
        "point_group": rng.choice(["C1", "C2", "O"], rows, p=[0.7, 0.2, 0.1]),
        "apoferritin": np.where(apoferritin, "sample name", None),
        "composite": rng.random(rows) < 0.02,
        "synthetic": [False] * rows,
        "tight_mask": tight,
        "mask_distance": np.where(tight, rng.uniform(1, 2.5, rows), np.nan),
        **{f"voxel_{axis}": voxel for axis in "xyz"},
        "nyquist_ratio": resolution / voxel / 2,
        "calculated_resolution": np.round(resolution * rng.normal(1.02, 0.05, rows), 2),
        "version": ["benchmark"] * rows,
    }


def scores(q, rng):
    rows = len(q)
    atoms = rng.integers(500, 60_000, rows)
    outside = np.where(rng.random(rows) < 0.01, atoms // 10, 0)
    drawn = {
        f"q_{kind}": np.where(rng.random(rows) < share, q + rng.normal(0, 0.03, rows), np.nan)
        for kind, share in zip(FITTED_CLASSES, (0.97, 0.2, 0.5, 0.2, 0.3, 0.15), strict=True)
    }
    return drawn | {
        "q_mean": q,
        "q_scored": q * atoms / (atoms - outside),
        "q_all": q + 0.002,
        "q_mean_06": q + 0.08 + rng.normal(0, 0.005, rows),
        "q_p25": q - 0.1,
        "n_atoms": atoms,
        "n_scored": atoms - outside,
        "n_outside": outside,
        "q_null": rng.normal(0, 0.02, rows),
        "q_null_sd": rng.uniform(0.01, 0.03, rows),
        "n_null": [12] * rows,
    }


def write_survey(folder, columns, seed):
    """The tables that the stages read, but those they write themselves."""
    rng, rows = np.random.default_rng(seed + 1), len(columns["q_mean"])
    columns = {name: plain(values) for name, values in columns.items()}
    tables.write_parquet(folder / "entries.parquet", tables.ENTRIES, columns)
    regions = np.where(rng.random(rows) < 0.1, rng.integers(1, 5, rows), 0)
    q = np.array(columns["q_mean"])
    summary = {name: [None] * rows for name in REGION_SUMMARY.names} | {
        "emdb_id": columns["emdb_id"],
        "pdb_id": columns["pdb_id"],
        "n_regions": regions.tolist(),
        "frac_in_regions": (regions * 0.05).tolist(),
        "q_outside_regions": (q + regions * 0.01).tolist(),
    }
    tables.write_parquet(folder / "regions.parquet", REGION_SUMMARY, summary)
    return second_look(folder, columns)


def plain(values):
    """Python values, None for NaN, as `tables.as_columns` would give them."""
    values = values.tolist() if isinstance(values, np.ndarray) else values
    return [None if isinstance(value, float) and value != value else value for value in values]


def second_look(folder, columns):
    """Frames of the entries of lowest Q: nothing found, twelve decoys searched."""
    low = np.argsort(columns["q_mean"], kind="stable")[:LOOKED_AT]
    pairs = [{key: columns[key][k] for key in ("emdb_id", "pdb_id")} | {"map_release": "2025-01-01"} for k in low]
    plan.write(folder / "examination", pairs, entries_per_batch=40)
    batches = plan.batches(pairs, entries_per_batch=40)
    for name, members in batches.items():
        rows = [
            {key: pair[key] for key in ("emdb_id", "pdb_id")}
            | {"status": "examined", "q_before": 0.1, "shift": 0.0, "decoys": 12, "decoy_gain": -0.05, "frame": ""}
            for pair in members
        ]
        tables.write_parquet(
            folder / "evidence" / name / "frames.parquet", tables.FRAMES, tables.as_columns(tables.FRAMES, rows)
        )


# ---- the stages ----


def stages(folder):
    """Name → arguments of `qscore`."""
    entries, fit, outliers = folder / "entries.parquet", folder / "fit", folder / "outliers"
    expected = ("--fit", fit / "expected_q.json")
    found = ("--outliers", outliers / "outliers.parquet", "--regions", folder / "regions.parquet")
    looked = ("--examination", folder / "examination", "--evidence", folder / "evidence")
    return {
        "fit": (entries, "--subsets", json.dumps(SUBSETS), "--out", fit),
        "outliers": (entries, *expected, "--out", outliers),
        "flag": (entries, *found, *expected, *looked, "--out", folder / "flags"),
    }


def measured(stage, arguments, log):
    """Seconds on the clock, seconds of CPU and peak memory (MB) of one stage; ends the benchmark where it fails."""
    begun = time.perf_counter()
    with open(log, "w", encoding="utf-8") as said:
        child = subprocess.Popen(
            [sys.executable, "-m", "qscore", stage, *map(str, arguments)], stdout=said, stderr=subprocess.STDOUT
        )
        _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{stage} failed:\n{Path(log).read_text(encoding='utf-8')}")
    peak = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime, peak


def run(folder, given):
    write_survey(folder, survey(given.table, given.rows, given.seed), given.seed)
    print(f"{given.rows:,} rows, seed {given.seed}; {platform.machine()}, {os.cpu_count()} cores")
    print(f"{'stage':10s}{'wall s':>9s}{'CPU s':>9s}{'peak MB':>9s}")
    found = {}
    for stage, arguments in stages(folder).items():
        found[stage] = measured(stage, arguments, folder / f"{stage}.log")
        print(f"{stage:10s}{found[stage][0]:9.1f}{found[stage][1]:9.1f}{found[stage][2]:9.0f}", flush=True)
    wall, cpu, peak = (np.array(column) for column in zip(*found.values(), strict=True))
    print(f"{'all':10s}{wall.sum():9.1f}{cpu.sum():9.1f}{peak.max():9.0f}")
    kept = wall.sum() <= MOST_SECONDS and peak.max() <= MOST_MB
    print(f"{'within' if kept else 'beyond'} {MOST_SECONDS} s and {MOST_MB} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--work", type=Path, help="kept; a temporary folder without it")
    given = parser.parse_args()
    if given.work:
        given.work.mkdir(parents=True, exist_ok=True)
        return run(given.work, given)
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), given)


if __name__ == "__main__":
    main()
