"""Coverage-guided fuzzing of the doors in `targets.py`, by atheris, which is no dependency of the project:

    python -m venv --system-site-packages fuzzing && fuzzing/bin/pip install atheris coverage
    fuzzing/bin/python tests/fuzz/campaign.py [--target map ...] [--executions 1000000] [--seeds FOLDER]

Every target runs in child processes: what kills one (a crash of compiled code, an input of more than 5 s or 1 GB) is
kept as a finding and another goes on with the rest of the executions. An exception is kept once for each place it
comes from, and does not end the child. Seeds are made by `seeds.py`; the odd files of real data in FOLDER (default
QSCORE_REAL_DATA) are read as seeds and kept nowhere. The corpus is thrown away at the end, unless --keep names a
place for it.

Executions are counted by the children, over all runs that --keep the same folder. Line coverage is that of a replay of
the corpus, the regressions and the findings under coverage.py: lines within the functions that `targets.py` names as
the target, of all such lines.
The exit code is 1 when there is a finding, when a target accepted less than 5 %, or less than 90 % of its lines ran.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib
import inspect
import json
import mmap
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
LEAST_ACCEPTED, LEAST_COVERED = 0.05, 0.90
MOST_RESTARTS = 50  # after as many deaths a target is given up
A_CHILD = 50_000  # executions of a child: libFuzzer itself takes some kilobytes for each, and would reach the limit
COUNTS = struct.Struct("<QQ")  # executions, accepted


# ---- the child ----


def fuzz(target: str, folder: Path, options: list[str]) -> None:
    """Run libFuzzer in this process, which it ends."""
    import atheris

    with atheris.instrument_imports(include=["qscore"]):
        import targets

        from qscore.compiled import loops
    import seeds

    loops()  # compiled, or loaded, before an input is timed
    one, mutate, rng = targets.TARGETS[target], seeds.MUTATORS.get(target), random.Random(os.getpid())
    good = seeds.seeds(target)
    with open(folder / "counts", "r+b") as stream:
        shared = mmap.mmap(stream.fileno(), COUNTS.size)
    executions, accepted = COUNTS.unpack(shared[:])

    def ask(data: bytes) -> None:
        nonlocal executions, accepted
        executions += 1
        shared[:8] = executions.to_bytes(8, "little")
        try:
            if one.ask(data):
                accepted += 1
                shared[8:] = accepted.to_bytes(8, "little")
        except MemoryError:
            raise
        except Exception as err:
            keep(folder / "findings", err, data)

    def custom(data: bytes, most: int, seed: int) -> bytes:
        """Most often another value in what was found, or in a good file."""
        start = rng.choice(good) if seed % 2 else data
        if seed % 8 and (new := mutate(start, rng)) is not None and len(new) <= most:
            return new
        return atheris.Mutate(data, most)

    more = {"custom_mutator": custom} if mutate else {}
    atheris.Setup([sys.argv[0], *options], ask, **more)
    atheris.Fuzz()


def keep(folder: Path, err: Exception, data: bytes) -> None:
    """An exception, once for each place and type; a shorter input takes the place of a longer one."""
    frames = traceback.extract_tb((err.__cause__ or err).__traceback__)
    ours = [frame for frame in frames if "/qscore/" in frame.filename] or frames
    last = ours[-1]
    name = f"{type(err).__name__}-{Path(last.filename).stem}-{last.lineno}"
    file = folder / name
    if not file.exists() or len(data) < file.stat().st_size:
        file.write_bytes(data)
        lines = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-6:]]
        (folder / f"{name}.txt").write_text("\n".join([f"{type(err).__name__}: {str(err)[:500]!r}", *lines]) + "\n")


# ---- a target ----


def campaign(target: str, executions: int, data: Path | None, folder: Path) -> dict:
    """Children until the executions are done; the row of the table."""
    import seeds
    from targets import MEGABYTES, SECONDS, TARGETS

    for name in ("corpus", "seeds", "findings"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for raw in [*seeds.seeds(target, data), *regressions(target)]:
        (folder / "seeds" / hashlib.sha1(raw).hexdigest()).write_bytes(raw)
    if not (folder / "counts").exists():
        (folder / "counts").write_bytes(bytes(COUNTS.size))
    options = [f"-timeout={SECONDS}", f"-rss_limit_mb={MEGABYTES}", f"-max_len={TARGETS[target].longest}"]
    options += [f"-artifact_prefix={folder / 'findings'}/", f"-dict={HERE / 'words' / target}.dict"]
    options += ["-verbosity=0", "-reload=0"]
    before, began, deaths = counted(folder)[0], time.monotonic(), 0
    while (done := counted(folder)[0]) < executions and deaths < MOST_RESTARTS:
        share = min(executions - done, A_CHILD)
        command = [sys.executable, __file__, "--child", target, "--folder", str(folder), "--", *options]
        command += [f"-atheris_runs={share}", str(folder / "corpus"), str(folder / "seeds")]
        with open(folder / "log", "ab") as log:
            died = in_room(command, stdout=log, stderr=log).returncode
        if died and counted(folder)[0] - done < share:  # libFuzzer's clock may ring while Python puts things away
            deaths += 1
            said = f"{target}: a child ended with {died} after {counted(folder)[0]:,} executions (see {folder / 'log'})"
            print(said, file=sys.stderr)
        elif counted(folder)[0] == done:
            break  # nothing ran
    done, accepted = counted(folder)
    seconds, lines = time.monotonic() - began, covered(target, folder)
    findings = sorted(path.name for path in (folder / "findings").iterdir() if path.suffix != ".txt")
    return {
        "target": target,
        "executions": done,
        "rate": (done - before) / seconds,
        "accepted": accepted / max(done, 1),
        "coverage": lines,
        "corpus": len(list((folder / "corpus").iterdir())),
        "deaths": deaths,
        "findings": findings,
    }


def in_room(command: list[str], **options) -> subprocess.CompletedProcess:
    """A child, with a folder for its files, in memory where there is such a place, that goes with it."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="qscore-fuzz-", dir=memory if memory.is_dir() else None) as folder:
        return subprocess.run(command, env=os.environ | {"TMPDIR": folder}, check=False, **options)


def regressions(target: str) -> list[bytes]:
    """The inputs that once were findings."""
    return [path.read_bytes() for path in sorted((HERE / "regressions" / target).glob("*"))]


def counted(folder: Path) -> tuple[int, int]:
    """Executions and accepted so far."""
    return COUNTS.unpack((folder / "counts").read_bytes())


# ---- coverage ----


def covered(target: str, folder: Path) -> float:
    """Share of the target's lines that a replay of the corpus runs, in a process of its own."""
    command = [sys.executable, __file__, "--measure", target, "--folder", str(folder)]
    done = in_room(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"coverage of {target} could not be measured:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    (folder / "missed.txt").write_text("\n".join(found["missed"]) + "\n")
    return found["run"] / found["all"]


def measure(target: str, folder: Path) -> None:
    """Print the numbers of the target's lines and of those that ran, and which did not."""
    import coverage
    import targets

    one = targets.TARGETS[target]
    watch = coverage.Coverage(data_file=None, include=[importlib.import_module(name).__file__ for name in one.code])
    files = [path for part in ("seeds", "corpus") for path in (folder / part).iterdir()]
    inputs = [*regressions(target), *(path.read_bytes() for path in files)]
    watch.start()
    for data in inputs:
        try:
            one.ask(data)
        except Exception as err:
            keep(folder / "findings", err, data)
    watch.stop()
    lines, missed = 0, []
    for name, parts in one.code.items():
        module = importlib.import_module(name)
        _, statements, _, missing, _ = watch.analysis2(module.__file__)
        wanted = set(statements) & bodies(module, parts)
        lines += len(wanted)
        missed += [f"{name}:{line}" for line in sorted(wanted & set(missing))]
    print(json.dumps({"all": lines, "run": lines - len(missed), "missed": missed}))


def bodies(module, parts: tuple[str, ...] | None) -> set[int]:
    """Numbers of the lines within a module's functions, or within those of some names."""
    found = set()
    for node in ast.parse(inspect.getsource(module)).body:
        if parts is None or getattr(node, "name", None) in parts:
            inner = [one for one in ast.walk(node) if isinstance(one, ast.FunctionDef)]
            for function in inner:
                found |= set(range(function.body[0].lineno, function.end_lineno + 1))
    return found


# ---- all ----


def table(rows: list[dict]) -> str:
    """The rows as text."""
    head = ("target", "executions", "a second", "accepted", "lines run", "corpus", "findings")
    lines = ["{:14} {:>12} {:>9} {:>9} {:>10} {:>7} {}".format(*head)]
    for row in rows:
        figures = f"{row['executions']:12,} {row['rate']:9,.0f} {row['accepted']:9.1%} {row['coverage']:10.1%}"
        lines.append(f"{row['target']:14} {figures} {row['corpus']:7,} {', '.join(row['findings']) or 'none'}")
    return "\n".join(lines)


def main() -> int:
    """The command."""
    import targets

    default = os.environ.get("QSCORE_REAL_DATA", str(targets.PROJECT.parent / "shared" / "data"))
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--target", action="append", choices=list(targets.TARGETS), help="May be repeated.  [default: all]"
    )
    parser.add_argument("--executions", type=int, default=1_000_000, help="Of each target.")
    parser.add_argument("--seeds", type=Path, default=Path(default), help="Folder with odd-maps and odd-models.")
    parser.add_argument("--keep", type=Path, help="Folder for corpora, logs and findings, and to go on from.")
    parser.add_argument("--child", choices=list(targets.TARGETS), help=argparse.SUPPRESS)
    parser.add_argument("--measure", choices=list(targets.TARGETS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("options", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.folder)
        return 0
    rows = []
    with tempfile.TemporaryDirectory(prefix="qscore-campaign-") as temporary:
        place = (given.keep or Path(temporary)).resolve()
        for target in given.target or targets.TARGETS:
            data = given.seeds if given.seeds.is_dir() else None
            rows.append(campaign(target, given.executions, data, place / target))
            print(table(rows[-1:]), flush=True)
            for name in rows[-1]["findings"]:
                told = place / target / "findings" / f"{name}.txt"
                print(f"--- {name}\n{told.read_text() if told.exists() else '(killed its process)'}", flush=True)
        print("\n" + table(rows))
    return int(not all(map(good, rows)))


def good(row: dict) -> bool:
    """Whether a target's row is one that counts."""
    return not row["findings"] and row["accepted"] >= LEAST_ACCEPTED and row["coverage"] >= LEAST_COVERED


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        fuzz(sys.argv[2], Path(sys.argv[4]), sys.argv[6:])
    else:
        sys.exit(main())
