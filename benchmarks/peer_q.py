"""The worker of `q_peers.py`: Q-scores by an independent program. Runs under that program's interpreter.

    PEER-PYTHON benchmarks/peer_q.py {jqscore,cctbx} MAP MODEL OUT.json

MAP is plain (not compressed). Times are those of the score alone, files read before; for what compiles first, the
first run and a warm one.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np


def jqscore(map_path, model_path):
    """A function that scores, and how to get the mean Q of what it returns."""
    import jqscore as peer

    values, origin, voxel = peer.read_mrc(map_path)
    atoms = peer.read_pdb(model_path) if model_path.endswith(".pdb") else peer.read_cif(model_path)
    return lambda: peer.compute_qscores(atoms, values, origin, voxel), lambda found: np.nanmean(found.atom_qscores)


def cctbx(map_path, model_path):
    """As `jqscore`; its σ is 0.6 Å."""
    from cctbx.maptbx import qscore as peer
    from iotbx.data_manager import DataManager

    manager = DataManager()
    manager.set_overwrite(True)
    manager.process_model_file(model_path)
    manager.process_real_map_file(map_path)
    both = manager.get_map_model_manager(model_file=model_path, map_files=[map_path])
    shells = [k / 10 for k in range(21)]
    return lambda: peer.calc_qscore(both, shells=shells, nproc=1), lambda found: np.nanmean(found["qscore_per_atom"])


def main():
    peer, map_path, model_path, out = sys.argv[1:]
    score, mean = {"jqscore": jqscore, "cctbx": cctbx}[peer](map_path, model_path)
    runs = []
    for _ in range(3 if peer == "jqscore" else 1):
        wall, cpu = time.perf_counter(), time.process_time()
        found = score()
        runs.append((time.perf_counter() - wall, time.process_time() - cpu))
    Path(out).write_text(json.dumps({"runs": runs, "mean": float(mean(found))}))


if __name__ == "__main__":
    main()
