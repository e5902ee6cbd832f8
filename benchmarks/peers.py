"""Scores of an independent program beside ours on the real pairs: mmtbx of cctbx-base, run by its own interpreter.

    python -m venv PEER; PEER/bin/pip install cctbx-base
    python benchmarks/peers.py --peer-python PEER/bin/python [--data DIR] [--pairs EMD-4413 ...]

Both see the same numbers: the whole grid of the file as one array and the atoms that qscore scores (no hydrogens, one
alternate location; ours weighs it with the occupancy of all), moved by the map's origin, with their deposited B. Bars:
CC_mask within 0.02, FSC 0.5 within 3 %.

Theirs, and where it differs by definition: their box is periodic, so atoms outside it come in at the other side. Their
structure factors come from a sampled density; by their own direct summation CC_mask is 0.5289 for EMD-5137 and 0.3256
for EMD-1044 (sampled: 0.5276 and 0.3236), which is what gemmi's density gives (0.5290 and 0.3256, periodic too). Their
FSC masks only the map, with a mask of the model's radii + 2 R smoothed by a Gaussian of 2 R; their bins hold 100 to 500
terms and are smoothed for d <= 15 Å; the first bin below 0.5 decides, even where it lies alone. Notes beside a pair are
taken from its numbers, and no bar is moved by them.
"""

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

BARS = {"cc_mask": ("CC_mask", 0.02), "cc_box": ("CC_box", 0.02), "fsc05": ("FSC 0.5", 0.03)}
WORKER = Path(__file__).with_name("peer_cctbx.py")
STAYS = 10  # bins below 0.5 in a row: half the window of their smoothing
COMPARED = {"cc_mask": "cc_mask_deposited", "cc_box": "cc_box_deposited", "fsc05": "d_fsc05_deposited"}


def prepare(row, data, target):
    """Write what the peer is to see of one pair → number of atoms outside the grid."""
    from qscore.density import read_density
    from qscore.model import read_model

    density, model = read_density(data / row["map"]), read_model(data / row["model"])
    np.savez(
        target,
        values=density.values.transpose(2, 1, 0),
        cell=density.grid * density.step,
        position=model.position - density.origin,
        element=model.element,
        b_iso=model.b_iso,
        occupancy=model.occupancy,
        resolution=float(row["resolution"]),
    )
    return int((~density.contains(model.position)).sum())


def ours(row, data):
    """Our columns of one pair and the seconds of the whole scoring."""
    from qscore.entry import score_pair

    start = time.perf_counter()
    pair = score_pair(data / row["map"], data / row["model"], resolution=float(row["resolution"]), chance=False)
    found = pair.summary["realspace"]
    return {name: number(found.get(column)) for name, column in COMPARED.items()} | {
        "seconds": time.perf_counter() - start
    }


def theirs(peer_python, folder):
    """Run the peer over a prepared folder: name of a pair → its numbers."""
    subprocess.run([peer_python, WORKER, folder], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(Path(folder).glob("*.json"))}


def installed(peer_python):
    try:
        return subprocess.run([peer_python, "-c", "import mmtbx"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def number(value):
    return math.nan if value is None else float(value)


def lasting(d, fsc, level=0.5):
    """d (Å) of the first bin from which a curve stays below the level for `STAYS` bins; NaN when it never does."""
    below = [value < level for value in fsc]
    for place in range(len(below)):
        if all(below[place : place + STAYS]):
            return d[place]
    return math.nan


def notes(outside, peer):
    """What in the numbers of the peer explains a difference."""
    said = [f"{outside} atoms outside the grid, which they wrap"] if outside else []
    if peer["fsc05"] is None:
        return [*said, "their curve never falls below 0.5"]
    stays = lasting(peer["d"], peer["fsc"])
    if stays < 0.97 * peer["fsc05"]:
        first = f"{peer['fsc05']:.1f}"
        said.append(f"their curve dips below 0.5 near {first} Å, rises again, stays below from {stays:.1f} Å")
    ahead = sum(d > peer["fsc05"] * 1.001 for d in peer["d"])
    if ahead < 3:
        said.append(f"{ahead} of their bins lie{'s' * (ahead == 1)} before the crossing")
    return said


def differences(own, peer):
    """Ours minus theirs: of the correlations, and of FSC 0.5 as a fraction of theirs."""
    return {
        "cc_mask": own["cc_mask"] - peer["cc_mask"],
        "cc_box": own["cc_box"] - peer["cc_box"],
        "fsc05": own["fsc05"] / number(peer["fsc05"]) - 1,
    }


def printed(rows):
    three = f"{'ours':>8s}{'theirs':>8s}{'diff.':>8s}"
    heads = "  ".join(f"{head:^24s}" for head in ("CC_mask, deposited B", "CC_box, deposited B", "FSC 0.5, Å"))
    print(f"{'':16s}  {heads}  {'CC_volume':>9s}{'CC_peaks':>9s}{'seconds':>17s}")
    print(f"{'':16s}  {three}  {three}  {three}  {'theirs':>9s}{'theirs':>9s}{'ours':>9s}{'theirs':>8s}")
    for name, resolution, own, peer, apart, _ in rows:
        cells = [f"{own[key]:8.4f}{peer[key]:8.4f}{apart[key]:+8.4f}" for key in ("cc_mask", "cc_box")]
        cells.append(f"{own['fsc05']:8.2f}{number(peer['fsc05']):8.2f}{100 * apart['fsc05']:+7.1f}%")
        seconds = f"{own['seconds']:9.1f}{peer['cc_seconds'] + peer['fsc_seconds']:8.1f}"
        cells.append(f"{peer['cc_volume']:9.4f}{peer['cc_peaks']:9.4f}{seconds}")
        print("  ".join((f"{name:10s}{resolution:>6s}", *cells)))
    for name, *_, said in rows:
        for line in said:
            print(f"{name}: {line}")


def verdict(rows):
    """Medians of the absolute differences and how many pairs are inside the bars."""
    for key, (label, bar) in BARS.items():
        apart = [abs(row[4][key]) for row in rows if math.isfinite(row[4][key])]
        missing = f"; {len(rows) - len(apart)} not measured" if len(apart) < len(rows) else ""
        inside = sum(value <= bar for value in apart)
        middle = f"{median(apart):.4f}" if apart else "-"
        of = " (of theirs)" if key == "fsc05" else ""
        print(f"{label}: median difference {middle}{of}, {inside} of {len(apart)} pairs within {bar}{missing}")


def main():
    here = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", required=True, help="interpreter of an environment with cctbx-base")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("QSCORE_REAL_DATA", here)), help="real pairs")
    parser.add_argument("--pairs", nargs="+", help="EMDB ids; all by default")
    given = parser.parse_args()
    if not installed(given.peer_python):
        sys.exit(f"the peer is not installed: {given.peer_python} cannot import mmtbx (pip install cctbx-base)")
    with open(given.data / "pairs.tsv", encoding="utf-8", newline="") as stream:
        listed = [row for row in csv.DictReader(stream, delimiter="\t")]
    wanted = [row for row in listed if not given.pairs or row["emdb_id"] in given.pairs]
    with tempfile.TemporaryDirectory() as folder:
        outside = {row["emdb_id"]: prepare(row, given.data, Path(folder) / row["emdb_id"]) for row in wanted}
        peers = theirs(given.peer_python, folder)
    rows = []
    for row in wanted:
        name, own = row["emdb_id"], ours(row, given.data)
        peer = peers[name]
        rows.append((name, row["resolution"], own, peer, differences(own, peer), notes(outside[name], peer)))
    printed(rows)
    verdict(rows)


if __name__ == "__main__":
    main()
