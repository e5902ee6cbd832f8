"""Time an atom of Q by independent programs beside ours, on one pair, in one run, in turn.

    python -m venv PEER; PEER/bin/pip install jqscore          (or: cctbx-base pandas)
    python benchmarks/q_peers.py [--jqscore PEER/bin/python] [--cctbx PEER/bin/python] [--pair MAP MODEL]

Without a pair: 6gyn in EMD-0093 of the real data (QSCORE_REAL_DATA). Of ours and of jqscore the fastest warm run
counts. Nothing of theirs is imported by qscore. CPU time is over all cores: what a program takes from a shared machine.
"""

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from kernel import pair

WORKER = Path(__file__).with_name("peer_q.py")


def ours(map_path, model_path, threads):
    """(wall, CPU) seconds of the fastest of five runs, atoms, mean Q."""
    from qscore.density import read_density
    from qscore.model import read_model
    from qscore.score import score_atoms

    model = read_model(model_path)
    density = read_density(map_path, model.position)
    runs = []
    for _ in range(6):
        wall, cpu = time.perf_counter(), time.process_time()
        found = score_atoms(density, model.position, sigmas=(0.4,), threads=threads)
        runs.append((time.perf_counter() - wall, time.process_time() - cpu))
    return min(runs[1:]), len(model.position), float(np.nanmean(found.q[:, 0]))


def theirs(peer, python, map_path, model_path, folder):
    """Runs as (wall, CPU) seconds and mean Q."""
    out = folder / f"{peer}.json"
    run = subprocess.run(
        [python, str(WORKER), peer, str(map_path), str(model_path), str(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise SystemExit(f"{peer}: {run.stderr.strip().splitlines()[-1]}")
    return json.loads(out.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jqscore", help="an interpreter that has jqscore")
    parser.add_argument("--cctbx", help="an interpreter that has cctbx-base and pandas")
    parser.add_argument("--pair", nargs=2, metavar=("MAP", "MODEL"))
    given = parser.parse_args()
    sys.argv = [sys.argv[0], *(given.pair or [])]
    map_path, model_path, what = pair()
    (wall, cpu), n, mean = ours(map_path, model_path, 1)
    (wall2, cpu2), _, _ = ours(map_path, model_path, 2)
    print(f"{what}: {n:,} atoms, σ 0.4 alone; µs an atom: wall, CPU; ratio of CPU; mean Q")
    print(f"{'qscore, 1 thread':<22}{wall / n * 1e6:9.1f}{cpu / n * 1e6:9.1f}{1:9.1f}{mean:9.4f}")
    print(f"{'qscore, 2 threads':<22}{wall2 / n * 1e6:9.1f}{cpu2 / n * 1e6:9.1f}{cpu2 / cpu:9.1f}{mean:9.4f}")
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "map.mrc"
        opened = gzip.open if str(map_path).endswith(".gz") else open
        with opened(map_path, "rb") as source, open(plain, "wb") as target:
            shutil.copyfileobj(source, target)
        for peer in ("jqscore", "cctbx"):
            if python := getattr(given, peer):
                found = theirs(peer, python, plain, model_path, Path(folder))
                (w, c), first = min(found["runs"]), found["runs"][0][0]
                numbers = f"{w / n * 1e6:9.1f}{c / n * 1e6:9.1f}{c / cpu:9.1f}{found['mean']:9.4f}"
                print(f"{peer:<22}{numbers}  first run {first:.1f} s")


if __name__ == "__main__":
    main()
