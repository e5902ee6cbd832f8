"""A survey that is killed fifty times: `kill -9` of its whole process group at random moments of its jobs.

    python benchmarks/kills.py [--small] [--seed 1] [--keep FOLDER]

The demonstration survey runs once undisturbed, then from the start again in another folder: there it is killed while
it fetches, scores, puts tables together and writes the report, at a moment drawn evenly over four fifths of the time
such a job takes, and started again with the same command, until every kind of job was killed as often as `KILLS` says;
when the survey is finished before, what such a job makes is deleted, and it goes on. A kill counts only where the job
was running when it came. Whenever the survey is finished all tables, flags and figures must be those of the undisturbed
run, byte for byte, and nothing must be left of the killed runs: no process, no half-made folder.
`--small`: few and small pairs.
"""

import argparse
import collections
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from slurm import command, demo_config, differences, small_config

KILLS = {"fetch": 12, "score-batch": 14, "aggregate": 12, "report": 12}
MADE = {"fetch": "scores", "score-batch": "scores", "aggregate": "tables", "report": "report"}
POLL = 0.01
MOMENTS = 0.8  # of a job's usual time: many end sooner
LEFTOVERS = ("scores/*/.scoring-*", "evidence/*/.examining-*", "**/.*.unfinished", "**/.*.part")


def jobs(process: psutil.Process) -> dict[int, str]:
    """Process number → command of the survey's running jobs that may be killed, without the children of a batch."""
    found, above = {}, {}
    for one in process.children(recursive=True):
        try:
            words, above[one.pid] = one.cmdline(), one.ppid()
        except psutil.Error:
            continue
        if len(words) > 2 and Path(words[1]).name == "qscore" and words[2] in KILLS:
            found[one.pid] = words[2]
    return {number: kind for number, kind in found.items() if above[number] not in found}


def undisturbed(line: list[str], log) -> dict[str, float]:
    """Run the survey to its end; how long a job of each kind takes in the middle, as seen from outside."""
    process, began, last = subprocess.Popen(line, stdout=log, stderr=log), {}, {}
    while process.poll() is None:
        for number, kind in jobs(psutil.Process(process.pid)).items():
            began.setdefault((number, kind), time.monotonic())
            last[number, kind] = time.monotonic()
        time.sleep(POLL)
    if process.returncode:
        raise SystemExit(f"the survey ended with {process.returncode}")
    took = collections.defaultdict(list)
    for one, since in began.items():
        took[one[1]].append(last[one] - since)
    return {kind: statistics.median(took[kind]) for kind in KILLS}


def killed(line: list[str], left: collections.Counter, took: dict[str, float], rng: random.Random, log) -> str | None:
    """Run the survey until one of the jobs that are to be killed runs, and kill it; its kind, None at the end."""
    process = subprocess.Popen(line, stdout=log, stderr=log, start_new_session=True)
    due: dict[int, float] = {}
    while process.poll() is None:
        running, now = jobs(psutil.Process(process.pid)), time.monotonic()
        for number, kind in running.items():
            if left[kind] and number not in due:
                due[number] = now + rng.uniform(0, MOMENTS * took[kind])
        reached = [number for number in running if due.get(number, now + 1) <= now]
        if reached:
            kind, family = running[reached[0]], psutil.Process(process.pid).children(recursive=True)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            _, alive = psutil.wait_procs(family, timeout=10)
            if alive:
                raise SystemExit(f"still there after the kill: {[one.cmdline() for one in alive]}")
            return kind
        time.sleep(POLL)
    if process.returncode:
        raise SystemExit(f"the survey ended with {process.returncode}")
    return None


def compared(calm: Path, results: Path) -> int:
    """How many files of a survey are not as undisturbed, and what is left of killed runs; told."""
    n, unlike = differences(calm, results)
    rest = [str(path) for pattern in LEFTOVERS for path in results.glob(pattern)]
    print(f"finished: {n} files compared, {len(unlike)} differ", *unlike, sep="\n  ")
    print(f"{len(rest)} leftovers", *rest, sep="\n  ", flush=True)
    return len(unlike) + len(rest)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    chosen = parser.parse_args()
    rng, folder = random.Random(chosen.seed), Path(tempfile.mkdtemp(prefix="kills-", dir=chosen.keep))
    config, calm, killed_often = (
        (small_config if chosen.small else demo_config)(folder),
        folder / "calm",
        folder / "killed",
    )
    if not chosen.small:  # one for both: the stamps of its files are part of the plan
        subprocess.run([sys.executable, "-m", "qscore", "demo", calm / "archive"], check=True)
        shutil.copytree(calm / "archive", killed_often / "archive")
    began = time.monotonic()
    with open(folder / "log", "wb") as log:
        took = undisturbed(command(config, calm), log)
        told = ", ".join(f"{kind} {seconds:.1f}" for kind, seconds in took.items())
        print(f"undisturbed: {time.monotonic() - began:.0f} s; usual seconds of a job: {told}", flush=True)
        left, at, worst = collections.Counter(KILLS), collections.Counter(), 0
        while +left:  # a survey in which a kind of job was not killed often enough is done again from there
            shutil.rmtree(killed_often / next(part for kind, part in MADE.items() if left[kind]), ignore_errors=True)
            while kind := killed(command(config, killed_often), left, took, rng, log):
                left[kind] -= 1
                at[kind] += 1
                print(f"{time.monotonic() - began:7.0f} s  killed while {kind} ran: {dict(at)}", flush=True)
            worst += compared(calm, killed_often)
    print(f"killed {at.total()} times: {dict(at)}")
    if not chosen.keep:
        shutil.rmtree(folder)
    sys.exit(bool(worst))


if __name__ == "__main__":
    main()
