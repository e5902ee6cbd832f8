"""Command lines that somebody gets wrong, at random: words, files and tables of the survey's own commands.

    python tests/fuzz/commandlines.py [--executions 2000] [--seed 1] [--only WORD ...]

A small survey of table pairs is made. Then, again and again, one of the commands for single pairs or one of the
survey's stages is taken as its user would give it, and something about it is made wrong: a value, a file in place of
another, an option left out or given twice, a table that it reads cut, emptied, mixed up, gone, a folder. It runs in a
child of its own. A finding is a traceback, another exit code than those documented, a last line that is none, a
changed input, more than 60 s, or a crash. Each is printed with its command line; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import random
import re
import resource
import shlex
import shutil
import signal
import sys
import tempfile
import time
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent)]
CODES = {0, 1, 2, 75}
MOST_SECONDS, MOST_MB, LONGEST_LINE = 60, 1500, 600
NUMBERS = [
    *("0", "-1", "1", "2", "3.5", "nan", "inf", "-inf", "1e308", "1e-308", "-0.0", "99999999999999999999", "1_0"),
    *("0x10", "½", "١", "1,5", "3e", "1e5", "0.05", "100000", "256", "1e-9"),
]
TEXTS = [
    *("", " ", "\t", "\n", "-", "--", "--out", "..", "/", ".", "~", "*", "%s", "{batch}", "$(id)", "'", '"', "<b>"),
    *("a" * 300, "é", "\udcff", "null", "{}", "[]", "[1, 2]", '{"a": {"b": 1}}', '{"x": "resolution < 3"}', "EMD-1"),
    *("EMD-99999999", "1abc", "SELECT 1", "FROM entries", "DROP TABLE entries", "/dev/null", "/dev/zero", "/dev/full"),
    "/proc/self/mem",
]
PAIR = "p0/map.map p0/model.pdb"
SINGLE = (
    f"score {PAIR} --resolution 3 --json",
    f"score {PAIR} --out scored",
    f"score {PAIR} --resolution 3 --reference {{results}}/fit/expected_q.json",
    "compare p1/map.map p1/model.pdb p0/model.pdb --out compared",
    f"check {PAIR} --resolution 3 --out checked",
    f"profile {PAIR} --residue A/2 --out profile.svg --table profile.tsv",
    "expected 2 3 4",
    "columns entries",
    "audit worst-chains --results {results} --out answer.tsv",
    "audit 'SELECT * FROM entries' --results {results}",
    "progress {results}",
    "failures {results}",
)


def sound_survey(folder: Path) -> Path:
    """Pairs, and the results of their survey; both commands' modules are loaded on the way."""
    import stagewise
    from pairs import write_pair

    lines = ["emdb_id\tpdb_id\tresolution\tmap\tmodel\tsample"]
    for n in range(6):
        write_pair(folder / f"p{n}", seed=n, n=12)
        lines.append(f"EMD-{n}\town{n}\t{2.0 + n}\tp{n}/map.map\tp{n}/model.pdb\ttest")
    (folder / "pairs.tsv").write_text("\n".join(lines) + "\n")
    return stagewise.survey(folder / "pairs.tsv", folder / "results")


def lines(folder: Path, only) -> dict[str, tuple[bool, list[str]]]:
    """Name → whether it runs in the results folder, and the words of a sound command line."""
    import stagewise

    found = {}
    for n, line in enumerate(SINGLE):
        found[f"{line.split()[0]}-{n}"] = False, shlex.split(line.format(results="results"))
    for rule in stagewise.COMMANDS:
        batch = sorted(path.stem for path in (folder / "results" / "plan").glob("*.tsv"))[0]
        words = stagewise.words(rule, "../pairs.tsv", batch=batch)
        if "--jobs" in words:
            words[words.index("--jobs") + 1] = "1"
        found[rule] = True, words
    return {name: one for name, one in found.items() if not only or name.split("-")[0] in only}


def wronged(words: list[str], rng: random.Random, files: list[str]) -> list[str]:
    """A command line with one to three things wrong."""
    words = list(words)
    for _ in range(rng.choice((0, 0, 0, 0, 1, 1, 1, 2))):
        k, kind = rng.randrange(len(words)), rng.random()
        if k == 0 and kind < 0.9:
            continue
        if kind < 0.3:
            words[k] = rng.choice(files)
        elif kind < 0.55 and not words[k].startswith("--"):
            words[k] = rng.choice(NUMBERS)
        elif kind < 0.7 and not words[k].startswith("--"):
            words[k] = rng.choice(TEXTS)
        elif kind < 0.8:
            del words[k]
        elif kind < 0.9:
            words[k:k] = [words[k]]
        else:
            other = rng.randrange(len(words))
            words[k], words[other] = words[other], words[k]
        if not words:
            break
    return words


def damage(folder: Path, words: list[str], rng: random.Random, files: list[str]) -> str:
    """Harm one of the files that a command line names, or one in a folder that it names; what was done."""
    root = folder if folder.name == "play" else folder.parent
    there = (
        Path(os.path.normpath(folder / word)) for word in words[1:] if word and "\0" not in word and len(word) < 200
    )
    there = (path for path in there if path.is_relative_to(root) and path != root)
    named = [one for path in there for one in (sorted(path.rglob("*")) if path.is_dir() else [path]) if one.is_file()]
    if not named:
        return ""
    path = rng.choice(named)
    data, kind = (
        path.read_bytes(),
        rng.choice(("cut", "empty", "gone", "folder", "noise", "other", "twice", "text", "words", "line", "link")),
    )
    path.unlink()
    if kind == "cut":
        path.write_bytes(data[: rng.randrange(len(data) + 1)])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "folder":
        path.mkdir()
    elif kind == "noise":
        changed = bytearray(data)
        for _ in range(rng.choice((1, 3, 30))):
            if changed:
                changed[rng.randrange(len(changed))] = rng.randrange(256)
        path.write_bytes(bytes(changed))
    elif kind == "other":
        other = folder / rng.choice(files)
        path.write_bytes(other.read_bytes() if other.is_file() else b"other")
    elif kind == "twice":
        path.write_bytes(data + data)
    elif kind == "text":
        path.write_text("<html>504 Gateway Time-out</html>\n")
    elif kind == "words":
        parts = re.split(rb"([\t\n,:\[\]{} ]+)", data)
        if len(parts) > 2:
            parts[2 * rng.randrange((len(parts) + 1) // 2)] = rng.choice(
                (b"", b"null", b"nan", b"-1", b"1e999", b"true", b'"x"', b"[]", b"{}", b"\xff")
            )
        path.write_bytes(b"".join(parts))
    elif kind == "line":
        rows = data.splitlines(True)
        if rows:
            rng.choice(
                (
                    lambda: rows.pop(rng.randrange(len(rows))),
                    lambda: rows.append(rng.choice(rows)),
                    lambda: rng.shuffle(rows),
                )
            )()
        path.write_bytes(b"".join(rows))
    elif kind == "link":
        path.symlink_to("/nowhere/at/all")
    return f"{kind} {path.relative_to(root)}"


def linked(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=os.link, symlinks=True)


def stamps(folder: Path) -> dict[str, int]:
    return {
        str(path.relative_to(folder)): zlib.crc32(path.read_bytes()) for path in folder.rglob("*") if path.is_file()
    }


def run(words: list[str], cwd: Path, log: Path) -> tuple[int, float, int]:
    """A command line in a child: its exit code or minus its signal, seconds, and MB beyond those of this process."""
    began, child = time.monotonic(), os.fork()
    if not child:
        code = 99
        try:
            os.setsid()
            os.chdir(cwd)
            with open(os.devnull) as nothing, open(log, "wb") as out:
                os.dup2(nothing.fileno(), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(out.fileno(), 2)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
            signal.alarm(MOST_SECONDS)
            sys.argv = ["qscore", *words]
            from qscore.cli import main

            try:
                code = main(words)
            except SystemExit as leave:
                code = leave.code if isinstance(leave.code, int) else 98
            except BaseException:
                import traceback

                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code if isinstance(code, int) else 97)
    _, status, used = os.wait4(child, 0)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(status), time.monotonic() - began, used.ru_maxrss >> 10


def complaint(code: int, said: str, seconds: float, megabytes: int) -> str:
    """What is wrong with how a command ended, or nothing."""
    last = said.strip().splitlines()[-1] if said.strip() else ""
    if "Traceback" in said or "Exception ignored" in said or re.search(r"\.py:\d+: \w*Warning", said):
        return "traceback: " + last
    if code not in CODES:
        return f"exit code {code}"
    if code and (not last or len(last) > LONGEST_LINE):
        return f"no line, exit code {code}" if not last else f"a line of {len(last)}"
    if megabytes > MOST_MB:
        return f"{megabytes} MB"
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--executions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=())
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    rng, counts, findings = random.Random(given.seed), collections.Counter(), {}
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        base = Path(name)
        sound, play = base / "sound", base / "play"
        sound.mkdir()
        sound_survey(sound)
        before = stamps(sound)
        files = [str(path.relative_to(sound)) for path in sorted(sound.rglob("*")) if path.is_file()]
        files = (
            ["../" + one for one in files]
            + [one.removeprefix("results/") for one in files]
            + ["nothing", ".", "..", "tables", "scores"]
        )
        known = lines(sound, given.only)
        for n in range(given.executions):
            command = rng.choice(list(known))
            inside, words = known[command]
            linked(sound, play)
            cwd = play / "results" if inside else play
            words, harm = wronged(words, rng, files), ""
            if rng.random() < 0.75:
                harm = damage(cwd, words, rng, files)
            code, seconds, megabytes = run(words, cwd, base / "log")
            said = (base / "log").read_text(errors="replace")
            counts[command.split("-")[0], code] += 1
            found = complaint(code, said, seconds, megabytes)
            if not found and before != stamps(sound):
                found = "an input was written over in place: " + str(
                    [k for k, v in stamps(sound).items() if before.get(k) != v][:3]
                )
                before = stamps(sound)
            if found:
                place = re.findall(r'File "[^"]*/(qscore/[^"]*)", line (\d+)', said)
                key = (found.split(":")[0] if not place else "traceback", place[-1] if place else found[:60])
                if key not in findings:
                    findings[key] = (
                        f"{n}: {found}\n    in {cwd.name}: qscore {shlex.join(words)[:600]!r}\n    {harm}\n    "
                        + " ".join(f"{a}:{b}" for a, b in place[-3:])
                    )
                    print(findings[key], flush=True)
            shutil.rmtree(play, ignore_errors=True)
    ended = collections.Counter()
    for (_, code), number in counts.items():
        ended[code] += number
    print(
        f"{given.executions} command lines: "
        + ", ".join(f"{number} ended with {code}" for code, number in sorted(ended.items()))
    )
    print(f"{len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
