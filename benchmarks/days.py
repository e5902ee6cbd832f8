"""Days of running in minutes: a survey over HTTP that is killed, starved and updated again and again.

    python benchmarks/days.py [--entries 240] [--kills 30] [--seed 1]

A local server plays the archives. While faults of every kind come at random, the whole survey is killed (SIGKILL of
its process group) at random moments and started again with the same command; the server goes down and comes back;
and weeks pass: entries come, a map is re-released, an entry becomes obsolete, titles are corrected. At the end the
tables must be, byte for byte, those of one undisturbed survey of the archive as it then is, and no batch may have
been scored more often than its content changed.
"""

import argparse
import collections
import difflib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT / "tests"))
from archive_server import ArchiveServer  # noqa: E402
from small_archive import Archive  # noqa: E402

KINDS = (
    ("stall", {"after": 1000}), ("reset", {}), ("short", {}), ("hang_up", {}), ("html", {}), ("corrupt", {}),
    ("status", {"code": 503, "retry_after": 1}), ("status", {"code": 429}), ("status", {"code": 500}),
    ("no_range", {}), ("bad_content_range", {}), ("wrong_length", {"by": 300}), ("drip", {"size": 2000}),
)  # fmt: skip
FINAL = ("tables/entries.parquet", "tables/entries.tsv", "tables/residues.parquet", "flags/flags.tsv")


def write_config(folder: Path, site: Archive, base: str, mirror: str) -> Path:
    archive = site.config(base) | {"patience_minutes": 1, "read_seconds": 2}
    archive |= {key: archive[key] + site.config(mirror)[key] for key in ("maps", "models")}
    path = folder / "survey.yaml"
    content = {
        "results": str(folder / "results"),
        "source": "emdb",
        "plan": {"entries_per_batch": 8},
        "archive": archive,
    }
    path.write_text(yaml.safe_dump(content))
    return path


def start(config: Path, *more: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "qscore", "run", "--config", str(config), *more, "--", *FINAL]
    return subprocess.Popen(
        command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def finish(process: subprocess.Popen) -> None:
    said = process.communicate()[1].decode()
    if process.returncode:
        raise SystemExit(f"a survey ended with {process.returncode}:\n{said[-3000:]}")


def week(site: Archive, rng: random.Random, n: int, today: str) -> set[str]:
    """One release week; the ids whose scores must be new."""
    new = {site.add(len(site.entries), released=today)["emdb_id"] for _ in range(n)}
    living = [entry for entry in site.entries if entry["status"] == "REL" and entry["emdb_id"] not in new]
    changed, gone, *titled = rng.sample(living, 5)
    site.write_files(changed, seed=rng.randrange(10**6))
    changed["update"] = today
    gone |= {"status": "OBS", "update": today}
    for entry in titled:
        entry |= {"title": entry["title"] + ", corrected", "update": today}
    return new | {changed["emdb_id"]}


def stir(server: ArchiveServer, site: Archive, rng: random.Random, n: int) -> None:
    """New faults on random files."""
    server.mend()
    for entry in rng.sample(site.entries, n):
        kind, options = rng.choice(KINDS)
        name = rng.choice((site.map_file, site.model_file))(entry).name
        server.fault(name, kind, times=rng.randint(1, 3), **options)


def batches(results: Path) -> dict[str, int]:
    planned = {path.stem for path in (results / "plan").glob("*.tsv")}
    found = results.glob("scores/*/entries.parquet")
    return {path.parent.name: path.stat().st_mtime_ns for path in found if path.parent.name in planned}


def disturbed(config: Path, results: Path, server: ArchiveServer, rng: random.Random, *, kills: int, update: bool):
    """Run to the end through so many kills; how many came while a batch was fetched, while one was scored, else."""
    at = collections.Counter()
    more = ("--update",) if update else ()
    while True:
        process = start(config, *more)
        if kills:
            wait = rng.uniform(2, 25)
            end = time.monotonic() + wait
            while time.monotonic() < end and process.poll() is None:
                if rng.random() < 0.02:
                    server.down()
                    time.sleep(rng.uniform(0.1, 3))
                    server.up()
                time.sleep(0.05)
            if process.poll() is None:
                done = batches(results)
                scoring = any(results.glob("scores/*/.scoring-*"))
                fetching = any(results.glob("parts/*"))
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                at["fetch" if fetching else "score" if scoring else "else"] += 1
                kept = batches(results)
                assert all(kept.get(name) == stamp for name, stamp in done.items()), "a finished batch was lost"
                kills -= 1
                more = () if (results / "snapshot" / "search.json").exists() else more
                continue
        finish(process)
        if not kills:
            return at


def differences(one: Path, other: Path) -> list[str]:
    """Lines that one of two tables has alone."""
    return [line for line in difflib.unified_diff(*(path.read_text().splitlines() for path in (one, other)), n=0)][:20]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=240)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--weeks", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng, began, at = random.Random(options.seed), time.monotonic(), collections.Counter()
    with tempfile.TemporaryDirectory() as folder, ArchiveServer() as server, ArchiveServer() as mirror:
        folder = Path(folder)
        site = Archive(folder / "site", options.entries)
        site.serve(server)
        site.serve(mirror)
        config, results = write_config(folder, site, server.base, mirror.base), folder / "results"
        for turn in range(options.weeks + 1):
            must = week(site, rng, max(1, options.entries // 100), f"2025-0{turn}-15") if turn else None
            before = batches(results)
            stir(server, site, rng, options.entries // 6)
            at += disturbed(config, results, server, rng, kills=options.kills // (options.weeks + 1), update=bool(turn))
            if must:
                now = batches(results)
                again = [name for name in now if now[name] != before.get(name)]
                print(
                    f"week {turn}: {len(must)} pairs new or changed, 1 gone; {len(again)} of {len(now)} batches scored"
                )
                assert len(again) <= len(must) + 2, "more batches were scored again than changed"
        log = server.log + mirror.log
        requests, size = len(log), sum(seen.sent for seen in log)
        server.mend()
        undisturbed = folder / "undisturbed"
        undisturbed.mkdir()
        shutil.copytree(results / "snapshot", undisturbed / "results" / "snapshot")
        finish(start(write_config(undisturbed, site, server.base, mirror.base)))
        for name in FINAL:
            same = (results / name).read_bytes() == (undisturbed / "results" / name).read_bytes()
            print(f"{name}: {'the same bytes as' if same else 'DIFFERENT from'} an undisturbed survey's")
            if not same:
                print(*differences(results / FINAL[1], undisturbed / "results" / FINAL[1]), sep="\n")
                raise SystemExit(1)
    print(f"kills: {dict(at)}; {requests:,} requests, {size / 1e6:,.0f} MB; {time.monotonic() - began:,.0f} s")


if __name__ == "__main__":
    main()
