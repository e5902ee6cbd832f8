"""What isolation costs an entry: children that do nothing but answer.

    python benchmarks/isolation.py [--entries 200]

The parent is a process ready to score: everything imported, the compiled loops loaded. Asked: 30 ms an entry.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from qscore import batch, isolation  # batch: all that a scoring process imports
from qscore.compiled import loops


def answer(_pair, _folder):
    """What a child would find out, at once."""
    return {"status": "scored"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=200)
    chosen = parser.parse_args()
    loops()
    assert batch.score_batch
    pair, times = {"map": {"bytes": 0}, "model": {"bytes": 0}}, []
    with tempfile.TemporaryDirectory() as folder:
        for n in range(chosen.entries):
            start = time.perf_counter()
            isolation.isolated([pair], [Path(folder, str(n))], answer, limits=isolation.Limits())
            times.append(1e3 * (time.perf_counter() - start))
    size = psutil.Process().memory_info().rss / 1e6
    print(f"{chosen.entries} children of a process of {size:.0f} MB, ms an entry:")
    figures = statistics.median(times), statistics.mean(times), max(times)
    print("  median {:.1f}, mean {:.1f}, most {:.1f}; asked 30".format(*figures))


if __name__ == "__main__":
    main()
