"""The regions' scan on planted truth: family-wise error over clean chains, power for planted runs.

    python benchmarks/region_scan.py [--chains N] [--reference N] [--out FILE]

Chains from benchmarks/planted.py (40–600 residues): a mixed population, and a grid of lag-1 autocorrelation
(0.1–0.7), skew (0, −1, −2) and both kinds of dependence. In each cell 1,000 clean chains and 1,000 with a run of 10
residues lowered by 3 SD, unless told otherwise. A chain has a region when the p-value of its scan maximum is 0.05 or
less; the power counts chains of which, besides, the worst window overlaps the run. Judged by
  survey     4,000 reference chains of the same mixed population: lag-1, skew and kind differ from chain to chain
  regions    the same, but one reference chain in ten holds a run that nobody has flagged
  shipped    the null table that goes with the program
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: two processes on two cores, not two times two

import argparse
import multiprocessing
import sys
import time
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parent))
import planted
from entry_outliers import exact_interval, words

from qscore import scan, scannull

SEED = 2026
NOMINAL = 0.05
LAGS = (0.1, 0.3, 0.5, 0.7)
SKEWS = (0.0, -1.0, -2.0)
GRID = tuple(product(planted.KINDS, LAGS, SKEWS))
CELLS = ((None, None, None), (None, None, 0.0), *GRID)  # None: differs from chain to chain, as in the reference
RUN, BY = 10, 3.0
CLASS = "protein"
MEASURES = ("maximum", "length", "near", "far", "skew")


# --- chains scanned ---


def scanned(values):
    return scan.scan(scan.standardise(values))


def measures(found, resolution):
    """What the null asks of chains: arrays by name."""
    return {name: np.array([getattr(one, name) for one in found], float) for name in MEASURES} | {
        "resolution": resolution
    }


def reference(rng, number, *, with_run=0.0):
    """A null of `number` chains of the mixed population, of which a share holds a run nobody flagged."""
    values = [chain.values for chain in planted.chains(rng, number)]
    for k in np.flatnonzero(rng.random(number) < with_run):
        values[k] = planted.lowered(values[k], rng, residues=RUN, by=BY)[0]
    table = measures([scanned(one) for one in values], planted.resolutions(rng, number))
    found = scannull.ScanNull(kind=np.full(number, CLASS), **table, reference="planted chains")
    return scannull.cleaned(found)  # as `regions.build_null` does


@lru_cache(maxsize=1)
def nulls(number):
    """The three nulls by name; one process makes them once."""
    return {
        "survey": reference(np.random.default_rng((SEED, 1)), number),
        "regions": reference(np.random.default_rng((SEED, 2)), number, with_run=0.1),
        "shipped": scannull.shipped(),
    }


# --- one cell of the grid ---


def with_runs(rng, chains):
    """Values of the chains with a run lowered in each, and where it starts."""
    made = [planted.lowered(chain.values, rng, residues=RUN, by=BY) for chain in chains]
    return [values for values, _ in made], np.array([start for _, start in made])


def ends(found):
    """First and last index of the worst windows."""
    return np.array([one.first for one in found]), np.array([one.last for one in found])


def cell(task):
    """Rows of one cell: for each null the clean chains with a region, the runs found, and those found to 5 residues."""
    index, chains, number = task
    kind, lag1, skew = CELLS[index]
    rng = np.random.default_rng((SEED, 3, index))
    clean, others = (planted.chains(rng, chains, lag1=lag1, skew=skew, kind=kind) for _ in range(2))
    lowered, at = with_runs(rng, others)
    start = time.process_time()
    without, found = [scanned(one.values) for one in clean], [scanned(one) for one in lowered]
    seconds = (time.process_time() - start) / (2 * chains)
    resolution = planted.resolutions(rng, chains)
    first, last = ends(found)
    overlap = (first < at + RUN) & (last >= at)
    near = (np.abs(first - at) <= 5) & (np.abs(last - at - RUN + 1) <= 5)
    rows = []
    for name, null in nulls(number).items():
        error = null.p(measures(without, resolution), CLASS) <= NOMINAL
        hit = (null.p(measures(found, resolution), CLASS) <= NOMINAL) & overlap
        counts = {"errors": error.sum(), "found": hit.sum(), "ends": (hit & near).sum()}
        rows.append({"null": name, **label(index), "chains": chains, **counts, "seconds": seconds})
    return rows


def label(index):
    """A cell's name: what differs from chain to chain is "mixed"."""
    return {
        name: "mixed" if value is None else value
        for name, value in zip(("kind", "lag1", "skew"), CELLS[index], strict=True)
    }


# --- what it shows ---


def line(rows):
    n = int(rows["chains"].sum())
    return {
        "chains": n,
        "family-wise error": words(exact_interval(int(rows["errors"].sum()), n)),
        "power": words(exact_interval(int(rows["found"].sum()), n)),
        "ends within 5": f"{rows['ends'].sum() / max(rows['found'].sum(), 1):.3f}",
    }


def table(rows, by):
    groups = rows.groupby(by, sort=False)
    return pd.DataFrame([dict(zip(by, name, strict=True)) | line(group) for name, group in groups]).to_string(
        index=False
    )


def summary(rows):
    """Tables: chains as mixed as the reference, the grid together and by skew, its worst cells, and each cell."""
    rows = pd.DataFrame(rows)
    mixed = rows["kind"] == "mixed"
    grid, names = rows[~mixed], ["null", "kind", "lag1", "skew"]
    worst = grid.loc[(grid["errors"] / grid["chains"]).groupby(grid["null"], sort=False).idxmax()]
    parts = {
        "as mixed as the reference": table(rows[mixed], ["null", "skew"]),
        "grid": table(grid, ["null"]),
        "grid by skew": table(grid, ["null", "skew"]),
        "worst cells": table(worst, names),
        "cells": table(grid, names),
    }
    text = "\n\n".join(f"{name}\n{part}" for name, part in parts.items())
    return f"{text}\n\n{1e3 * rows['seconds'].mean():.2f} ms to scan a chain"


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--chains", type=int, default=1000, help="clean chains a cell, and as many with a run (1000)")
    parser.add_argument("--reference", type=int, default=4000, help="reference chains of a survey (4000)")
    parser.add_argument("--out", type=Path, help="write the cells here as CSV when done")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def main():
    chosen = options()
    start = time.perf_counter()
    wanted = [(index, chosen.chains, chosen.reference) for index in range(len(CELLS))]
    rows = []
    with multiprocessing.get_context("spawn").Pool(chosen.processes) as pool:
        for done in pool.imap(cell, wanted):
            rows += done
            print(table(pd.DataFrame(done), ["null", "kind", "lag1", "skew"]), file=sys.stderr, flush=True)
    print(summary(rows))
    print(f"{time.perf_counter() - start:.0f} s on {chosen.processes} processes, seed {SEED}")
    if chosen.out:
        pd.DataFrame(rows).to_csv(chosen.out, index=False)


if __name__ == "__main__":
    main()
