"""The curve of expected Q, and the null of its residuals, that go with the program.

    python benchmarks/shipped.py TABLE [--out FILE] [--date DAY] [--coverage]

TABLE is MapQ's archive survey: emdb_id, pdb_id, resolution, q (σ 0.4 Å). All of its rows within 1.15–10 Å are taken:
it says neither how a map was made nor by which criterion its resolution was told. FILE (by default
qscore/shipped/expected_q.json) has the form of a fit's expected_q.json, see qscore/expected.py; it holds what was
fitted, and no row of the table. The same table and program give the same numbers. With --coverage the curve is also
measured in grouped folds and the table of that printed.
"""

import argparse
import csv
import datetime
import hashlib
import json
import re
from pathlib import Path

import numpy as np

from qscore import __version__, tables
from qscore.coverage import coverage, uniformity
from qscore.curve import fit_curve
from qscore.equations import DOMAIN, as_record
from qscore.expected import CURVE, SHIPPED
from qscore.independence import groups_of
from qscore.nulls import fit_null

SEED = 2026


def read(table):
    """Rows of the table within the domain: resolution, Q, groups, and what the groups rest on."""
    with open(table, encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if DOMAIN[0] <= float(row["resolution"]) <= DOMAIN[1]]
    resolution, q = (np.array([float(row[key]) for row in rows]) for key in ("resolution", "q"))
    return resolution, q, groups_of(rows)


def content(table, day):
    """What the file holds."""
    resolution, q, groups = read(table)
    curve = fit_curve(resolution, q, groups.joint, seed=SEED)
    told = {
        "source": "MapQ’s survey of the archive, 2025",
        "x": "resolution",
        "subset": "all",
        "selection": f"every row within {DOMAIN[0]:g}–{DOMAIN[1]:g} Å",
        "independence": groups.text,
        "catalogue_date": "2025",
        "table_sha256": hashlib.sha256(Path(table).read_bytes()).hexdigest(),
        "made": day,
        "seed": SEED,
        "version": __version__,
    }
    return {"equations": {CURVE: as_record(curve) | told | {"name": CURVE}}, "null": fit_null(resolution, q).as_dict()}


def text(content):
    """JSON with a line a list of numbers, of ten significant digits: the file is read by every `qscore score`."""
    lists = re.compile(r"\[[-+0-9.eE,\s]*\]")
    short = json.loads(tables.as_json(content), parse_float=lambda number: float(f"{float(number):.10g}"))
    return lists.sub(lambda found: json.dumps(json.loads(found[0])), tables.as_json(short)) + "\n"


def measure(table):
    """Print the coverage in grouped folds, and how uniform the percentiles are."""
    resolution, q, groups = read(table)
    for row in coverage(resolution, q, groups.joint, seed=SEED):
        print(*(f"{value:.4g}" if isinstance(value, float) else value for value in row.values()), sep="\t")
    print(uniformity(resolution, fit_curve(resolution, q, groups.joint, seed=SEED).percentile(resolution, q)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    parser.add_argument("--coverage", action="store_true")
    given = parser.parse_args()
    with tables.whole_file(given.out) as stream:
        stream.write(text(content(given.table, given.date)))
    if given.coverage:
        measure(given.table)


if __name__ == "__main__":
    main()
