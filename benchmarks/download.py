"""Time of bringing a file of 1 GB, beside `curl -o` of the same address, from a server on this machine.

    python benchmarks/download.py [--rounds 7] [--megabytes 1000] [--folder FOLDER]

Server, curl and each download run in processes of their own, curl and ours in turn; medians and the ratio of each
round's pair are what to quote. Then the same with a compressed map, without and with its check.
"""

import argparse
import gzip
import multiprocessing
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SERVER = Path(__file__).resolve().parents[1] / "tests" / "archive_server.py"
NONE, CHECK = "none", "check"


def bring(url: str, path: str, check: str) -> None:
    """One download in this process: seconds without start-up, and peak of resident memory, MB."""
    from qscore.checks import check_map
    from qscore.transfer import bring
    from qscore.web import Web

    began = time.perf_counter()
    with Web() as web:
        bring(web, [url], path, check=check_map if check == CHECK else None)
    seconds = time.perf_counter() - began
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def ours(url: str, path: Path, check: str = NONE) -> tuple[float, float]:
    """Seconds and peak MB of a download by `qscore.transfer`."""
    command = [sys.executable, __file__, "--bring", url, str(path), check]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    path.unlink()
    return float(said[0]), float(said[1])


def curls(url: str, path: Path) -> float:
    """Seconds of ``curl -s -o``."""
    began = time.perf_counter()
    subprocess.run(["curl", "-s", "-o", str(path), url], check=True)
    seconds = time.perf_counter() - began
    path.unlink()
    return seconds


def make_files(folder: Path, megabytes: int) -> None:
    """Random bytes, and a map of noise in a cube, which gzip packs to about a third, as it does real ones."""
    rng = np.random.default_rng(0)
    with open(folder / "large.bin", "wb") as stream:
        for _ in range(megabytes):
            stream.write(rng.bytes(1_000_000))
    n = 320
    values = np.zeros((n, n, n), dtype=np.float32)
    values[60:260, 60:260, 60:260] = rng.normal(size=(200, 200, 200))
    words = np.zeros(256, dtype="<i4")
    words[[0, 1, 2, 3]] = n, n, n, 2
    words[7:10] = n
    words[10:16].view("<f4")[:] = [n, n, n, 90, 90, 90]
    words[16:19] = 1, 2, 3
    words[52:54] = np.frombuffer(b"MAP \x44\x44\0\0", dtype="<i4")
    with gzip.open(folder / "map.gz", "wb", compresslevel=1) as stream:
        stream.write(words.tobytes() + values.tobytes())


def compare(base: str, folder: Path, rounds: int) -> None:
    """Pairs of downloads in turn, after one of each that does not count."""
    out, url = folder / "out", base + "/large.bin"
    pairs, peak = [], 0.0
    for k in range(rounds + 1):
        os.sync()  # what the last one wrote is not for this one to wait for
        first = curls(url, out) if k % 2 else None
        seconds, megabytes = ours(url, out)
        os.sync()
        pairs.append((seconds, first if first is not None else curls(url, out)))
        peak = max(peak, megabytes)
    us, curl = zip(*pairs[1:], strict=True)
    size = (folder / "served" / "large.bin").stat().st_size / 1e6
    ratio = statistics.median(a / b for a, b in pairs[1:])
    print(f"{size:,.0f} MB, {rounds} pairs, medians:")
    print(f"  curl          {statistics.median(curl):6.2f} s ({size / statistics.median(curl):,.0f} MB/s)")
    print(f"  bring         {statistics.median(us):6.2f} s ({size / statistics.median(us):,.0f} MB/s)")
    print(f"  ratio         {ratio:6.2f}   peak memory {peak:.0f} MB")


def with_check(base: str, folder: Path, rounds: int) -> None:
    """A compressed map without and with its check."""
    out, url = folder / "out", base + "/map.gz"
    runs = {check: [ours(url, out, check) for _ in range(rounds)] for check in (NONE, CHECK)}
    size = (folder / "served" / "map.gz").stat().st_size / 1e6
    print(f"map of 320³, {size:.0f} MB compressed, 131 MB not:")
    for check, said in runs.items():
        seconds = statistics.median(a for a, _ in said)
        print(f"  check {check:7s} {seconds:6.2f} s   peak memory {max(b for _, b in said):.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--folder", help="where the files are put; a temporary folder by default")
    parser.add_argument("--bring", nargs=3, metavar=("URL", "PATH", "CHECK"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bring:
        return bring(*given.bring)
    folder = Path(tempfile.mkdtemp(dir=given.folder))
    try:
        (folder / "served").mkdir()
        maker = multiprocessing.get_context("spawn").Process(
            target=make_files, args=(folder / "served", given.megabytes)
        )  # a child's peak of memory would begin with what this process holds
        maker.start()
        maker.join()
        command = [sys.executable, str(SERVER), str(folder / "served")]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            base = server.stdout.readline().strip()
            print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
            compare(base, folder, given.rounds)
            with_check(base, folder, given.rounds)
            server.stdin.close()
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
