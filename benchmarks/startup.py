"""How soon the program is there: help, a process ready to score, the first use of all, many first uses at once.

    python benchmarks/startup.py [--processes 8]

Wall and CPU seconds of whole processes, the fastest of several. "Ready" is all that a scoring process imports, with the
compiled loops loaded. The first use has an empty cache and compiles.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

READY = "import qscore.batch; qscore.batch.loops()"
HELP = "import sys; sys.argv = ['qscore', '--help']; from qscore.__main__ import run; run()"
RUNS = 7


def timed(script, **environment):
    """Wall and CPU seconds of a process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    told = os.environ | environment
    subprocess.run([sys.executable, "-c", script], env=told, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, cpu


def at_once(count, folder):
    """Wall seconds until so many processes with one empty cache are ready, and the files they leave."""
    told = os.environ | {"NUMBA_CACHE_DIR": folder, "TMPDIR": folder}
    start = time.perf_counter()
    running = [subprocess.Popen([sys.executable, "-c", READY], env=told) for _ in range(count)]
    codes = [process.wait() for process in running]
    return time.perf_counter() - start, codes, list(Path(folder).iterdir())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=4, help="first uses at once")
    given = parser.parse_args()
    timed(READY)
    print(f"{'':<34}{'asked':>8}{'wall':>8}{'CPU':>8}")
    rows = (("bare Python", "", "pass"), ("qscore --help", "0.3 s", HELP), ("ready to score, warm", "0.8 s", READY))
    for name, asked, script in rows:
        wall, cpu = min(timed(script) for _ in range(RUNS))
        print(f"{name:<34}{asked:>8}{wall:7.2f}s{cpu:7.2f}s")
    with tempfile.TemporaryDirectory() as folder:
        wall, cpu = timed(READY, NUMBA_CACHE_DIR=folder, TMPDIR=folder)
        print(f"{'first use of all, compiling':<34}{'20 s':>8}{wall:7.2f}s{cpu:7.2f}s")
    with tempfile.TemporaryDirectory() as folder:
        wall, codes, left = at_once(given.processes, folder)
        kept = f"exit codes {sorted(set(codes))}, files kept: {len(left)}"
        print(f"{given.processes} first uses at once: {wall:.1f} s, {kept}")


if __name__ == "__main__":
    main()
