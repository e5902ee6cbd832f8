"""CPU time and memory of a catalogue of the whole archive: a search's CSV of synthetic rows → the catalogue's files.

    python benchmarks/catalogue.py [ROWS]

The answer is made first, in another process, so that its memory is not counted. Prints the CPU time of each
step and the peak of resident memory.
"""

import multiprocessing
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

ROWS = 83_000


def make(path, rows):
    """Write the answer of a search."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    import searchrows

    Path(path).write_bytes(searchrows.answer(searchrows.entries(rows, seed=1)))


def steps(path, folder):
    """Name of each step and its seconds."""
    from qscore import catalogue
    from qscore.search import read_search

    start = time.process_time()
    answer = read_search(path)
    yield f"read {answer.rows:,} rows, {len(answer.records):,} entries", time.process_time() - start
    start = time.process_time()
    wanted = catalogue.candidates(answer.records)
    yield f"{len(wanted):,} entries whose documents are needed", time.process_time() - start
    start = time.process_time()
    pairs, excluded = catalogue.from_search(answer.records, {})
    yield f"{len(pairs):,} pairs, {len(excluded):,} left out, clusters", time.process_time() - start
    start = time.process_time()
    catalogue.write(folder, pairs, excluded, source="synthetic", digest="", rule=catalogue.CatalogueRule())
    yield "written", time.process_time() - start


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "search.csv"
        maker = multiprocessing.get_context("spawn").Process(target=make, args=(path, rows))
        maker.start()
        maker.join()
        print(
            f"{path.stat().st_size / 1e6:.1f} MB; one core of {platform.machine()}, Python {platform.python_version()}"
        )
        total = 0.0
        for name, seconds in steps(path, Path(folder) / "catalogue"):
            total += seconds
            print(f"{seconds:7.2f} s  {name}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    print(f"{total:7.2f} s  in all, peak of resident memory {peak:,.0f} MB")


if __name__ == "__main__":
    main()
