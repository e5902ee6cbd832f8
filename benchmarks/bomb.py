"""The true bomb: 20 GB of zeros in 20 MB of gzip, as data behind a small map and as a map that claims them.

    python benchmarks/bomb.py [--gb 20] [--seconds 150]

Prints what `qscore score` says of each, its time and its peak of resident memory; beyond --seconds it is ended, as the
deadline of a survey's entry ends it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import menagerie


def measured(map_file, model_file, seconds):
    """What the command said of a pair, its seconds and its peak in MB."""
    command = [sys.executable, "-m", "qscore", "score", str(map_file), str(model_file), "--threads", "1"]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    end = threading.Timer(seconds, process.kill)
    end.start()
    said = process.stderr.read().strip()
    _, status, used = os.wait4(process.pid, 0)
    end.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return said or f"exit code {process.returncode}", time.monotonic() - started, used.ru_maxrss / 1e3


def main():
    """Make the bombs, one after the other, and print a line of each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gb", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=150.0)
    given = parser.parse_args()
    size = int(given.gb * 1e9)
    edge = int((size / 4) ** (1 / 3))
    kinds = {
        "sound pair": None,
        "behind a small map, one member": partial(menagerie.bomb, size=size, members=False),
        "behind a small map, many members": partial(menagerie.bomb, size=size),
        f"claimed by the header, {edge:,} points an edge": partial(menagerie.bomb, size=size, claims=(edge,) * 3),
    }
    with tempfile.TemporaryDirectory() as folder:
        sound_map, model_file = menagerie.partners(Path(folder))
        bomb = Path(folder) / "bomb.map.gz"
        for kind, write in kinds.items():
            if write:
                write(bomb)
            path = bomb if write else sound_map
            said, seconds, peak = measured(path, model_file, given.seconds)
            print(f"{kind}: {path.stat().st_size / 1e6:.1f} MB, {seconds:.1f} s, {peak:.0f} MB; {said}", flush=True)


if __name__ == "__main__":
    main()
