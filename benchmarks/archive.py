"""The tables of a whole archive through every stage that follows scoring: wall, CPU and peak memory of each.

    python benchmarks/archive.py [--pairs 37000] [--folder FOLDER] [--keep] [--only STAGE …] [--seed 2026]

Makes up what the workflow leaves under ``scores/<batch>`` — 3,000 residues an entry on average, in copies of chains
whose Q wanders along them, ligands, waters, contour levels — and the catalogue's tables, planned in batches as the
workflow plans them. Then runs each stage of the workflow as a child process with the workflow's options, side by side
as the workflow would (--side-by-side 1: one after the other), and every ready question of `qscore audit`. One entry in
a hundred has a badly resolved domain, one in a hundred could not be scored. No maps, so no second look
(``examine: {most: 0}``).

About 90 bytes of disk a residue twice over: 20 GB for the archive. An existing folder of the same size is taken up
again; --only runs some stages alone.
"""

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from graphlib import TopologicalSorter
from pathlib import Path

import numpy as np
import scale
from audit import CLASSES as LIGAND_CLASSES
from audit import LIGANDS, TYPES
from scipy.signal import lfilter

from qscore import expected, layouts, plan, readyquestions, tables

RESIDUES, CHAIN, PER_BATCH, LEVELS, OTHERS = 3000, 350, 40, 21, 30
MOST_SECONDS, MOST_MB = 300, 4000
SUBSETS = {"helical": {"method": "helical"}, "fine": {"resolution": {"below": 3}}}
NUMBERS = np.arange(1, 40_001).astype("U").astype(object)
NAMES = np.array([a + b for a in ("", *"ABCDEFGHIJ") for b in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"], dtype=object)
RESIDUE_NAMES, PROTEIN = TYPES.astype(object), "protein"


# ---- the survey ----


def survey(rng, n):
    """Columns of `tables.ENTRIES` of n pairs: resolutions as the archive's, Q about the shipped curve."""
    resolution = np.round(np.clip(rng.lognormal(np.log(3.3), 0.3, n), 1.2, 20), 2)
    q = np.clip(expected.shipped().expected(resolution) + rng.normal(0, 0.06, n), -0.1, 0.95)
    number = 10_000 + np.cumsum(rng.choice([0, 1, 1, 1, 1, 1, 1, 1, 1, 2], n))
    days = np.sort((1 - rng.random(n) ** 2) * 12 * 365).astype(int)
    columns = {name: [None] * n for name in tables.ENTRIES.names}
    columns |= scale.clusters(n, rng) | scale.metadata(resolution, rng) | scale.scores(q, rng) | others(q, rng)
    released = (np.datetime64("2014-11-26") + days).astype(str)
    bad = rng.random(n) < 0.01
    return columns | {
        "emdb_id": [f"EMD-{k}" for k in number],
        "pdb_id": [f"{1 + k // 46656 % 9}{np.base_repr(k % 46656, 36).lower():0>3}" for k in range(n)],
        "map_file": [f"emd_{k}.map.gz" for k in number],
        "model_file": [f"{k}.cif.gz" for k in range(n)],
        "map_release": released,
        "deposition": released,
        "doi": [f"10.1000/{k // 3}" for k in range(n)],
        "resolution": resolution,
        "map_model_fsc05": np.round(resolution * rng.normal(1.1, 0.1, n), 2),
        "contour_level": rng.uniform(0.01, 1, n),
        "status": np.where(bad, "unusable", "scored"),
        "stage": np.where(bad, "map", None),
        "reason": np.where(bad, "map_truncated", None),
        "q_published": np.round(q + rng.normal(0, 0.002, n), 3),
        "published_source": ["benchmark"] * n,
    }


def others(q, rng):
    """The other scores: as much of Q as noise, in units that do not matter."""
    kinds = {column.name: column.kind for column in tables.SCORED.columns}
    names = list(kinds)
    wanted = names[names.index("avg_density") : names.index("not_measured")]
    noisy = {name: np.clip(q + rng.normal(0, 0.1, len(q)), -1, 1) for name in wanted if kinds[name] == "number"}
    return noisy | {"whole_map": rng.random(len(q)) < 0.9, "b_informative": rng.random(len(q)) < 0.8}


def catalogue(folder, columns):
    """Tables and facts of the catalogue, and the plan; its batches: name → numbers of its pairs."""
    n = len(columns["emdb_id"])
    tables.write_parquet(folder / "catalogue" / "pairs.parquet", tables.PAIRS, columns)
    tables.write_parquet(folder / "published" / "published.parquet", tables.PUBLISHED, columns)
    tables.write_tsv(folder / "catalogue" / "excluded.tsv", tables.EXCLUDED, tables.as_columns(tables.EXCLUDED, []))
    settings = {"methods": [], "resolution_methods": [], "lowest": 0.5, "highest": 50.0, "models": "all"}
    settings |= {"composite": True, "most_map_mb": 0.0, "in_frame": [], "only_ids": [], "only": ""}
    facts = {"source": "made up", "sha256": "0" * 64, "n_pairs": n, "n_entries": len(set(columns["emdb_id"]))}
    facts |= {"n_excluded": 0, "excluded_by_reason": {}, "newest_map_release": max(columns["map_release"])}
    facts |= {"rule": "all", "settings": settings, "date": None, "query": None, "url": None, "version": "benchmark"}
    tables.write_json(folder / "catalogue" / "catalogue.json", facts)
    places = {kind: [kind] for kind in ("maps", "models")}
    tables.write_json(folder / "catalogue" / "places.json", places)
    for kind in places:
        (folder / kind).mkdir()
    rows = [{name: columns[name][k] for name in tables.BATCH.names} | {"place": k} for k in range(n)]
    plan.write(folder / "plan", rows, entries_per_batch=PER_BATCH)
    found = plan.batches(rows, entries_per_batch=PER_BATCH)
    return {name: np.array([row["place"] for row in batch]) for name, batch in found.items()}


def chains(rng, entries):
    """Chains of entries → number of the entry, of the chain in it and of its kind, residues; copies are of one kind."""
    size = np.clip(rng.lognormal(np.log(RESIDUES / np.exp(0.9**2 / 2)), 0.9, len(entries)), 50, 60_000)
    count = np.clip(size / CHAIN, 1, len(NAMES)).astype(int)
    entry = np.repeat(np.arange(len(entries)), count)
    chain = np.arange(len(entry)) - np.repeat(np.cumsum(count) - count, count)
    copies = np.repeat(rng.random(len(entries)) < 0.6, count)
    return entry, chain, np.where(copies, 0, chain), np.repeat(np.minimum(size / count, 40_000).astype(int), count)


def residues(rng, known, rows):
    """Columns of the residues of a batch: Q wanders along its chains, and one entry in a hundred has a bad domain."""
    entry, chain, kind, length = chains(rng, rows)
    first = np.cumsum(length) - length
    place = np.arange(length.sum()) - np.repeat(first, length)
    at, n = np.repeat(entry, length), int(length.sum())
    kind = np.repeat(np.arange(len(entry)) - chain + kind, length)
    name = (place * 2654435761 + kind * 40503 + (place * kind) % 977 * 69069) % 4_294_967_291 % len(RESIDUE_NAMES)
    wander = lfilter([0.08], [1, -0.6], rng.standard_normal(n)) + 0.005 * (name - 10)
    bad = np.repeat((chain == 0) & (rng.random(len(rows)) < 0.01)[entry], length) & (place < 60)
    q = known["q_mean"][rows][at] + wander - np.where(bad, 0.35, 0)
    atoms = 4 + name % 8
    return {
        "emdb_id": known["emdb_id"][rows][at], "pdb_id": known["pdb_id"][rows][at],
        "chain": NAMES[np.repeat(chain, length)], "number": NUMBERS[place], "icode": np.full(n, "", dtype=object),
        "residue": RESIDUE_NAMES[name], "class": np.full(n, PROTEIN, dtype=object), "n_atoms": atoms,
        "n_scored": atoms, "q_04": q, "q_06": q + 0.08, "q_04_backbone": q + rng.normal(0, 0.02, n),
        "q_04_side_chain": q + rng.normal(0, 0.02, n), "inclusion": np.round(rng.random(n) * atoms) / atoms,
        "z": rng.normal(3, 1, n), "cc_local": rng.random(n), "frac_on_constant": np.zeros(n),
    }  # fmt: skip


def ligands(rng, known, rows):
    """Columns of ligands, ions and waters, 30 an entry."""
    at, n = np.repeat(rows, OTHERS), OTHERS * len(rows)
    which = rng.integers(0, len(LIGANDS), n)
    site, away = known["q_mean"][at], rng.normal(-0.05, 0.1, n)
    return {
        "emdb_id": known["emdb_id"][at], "pdb_id": known["pdb_id"][at], "class": LIGAND_CLASSES.astype(object)[which],
        "component": LIGANDS.astype(object)[which], "chain": np.full(n, "A", dtype=object),
        "number": NUMBERS[np.arange(n) % OTHERS], "icode": np.full(n, "", dtype=object),
        "altloc": np.full(n, "", dtype=object), "occupancy": np.ones(n), "n_atoms": np.array([14, 31, 28, 1, 1])[which],
        "n_scored": np.array([14, 31, 28, 1, 1])[which], "q_04": site + away, "site_q": site,
        "n_site": rng.integers(10, 60, n), "dq_site": away,
    }  # fmt: skip


def inclusion(known, rows):
    at, share = np.repeat(rows, LEVELS), np.tile(np.linspace(1, 0, LEVELS), len(rows))
    numbers = {"level": 1 - share, "inclusion": share, "inclusion_backbone": share, "frac_map": share**3}
    return {key: known[key][at] for key in ("emdb_id", "pdb_id")} | numbers


def score_batch(job):
    """What scoring leaves of one batch; how many residues."""
    folder, seed, known, rows = job
    rng = np.random.default_rng(seed)
    scored = {key: [known[key][k] for k in rows] for key in tables.SCORED.names}
    tables.write_parquet(folder / "entries.parquet", tables.SCORED, scored)
    usable = rows[known["status"][rows] == "scored"]
    made = residues(rng, known, usable)
    tables.write_parquet(folder / "residues.parquet", layouts.RESIDUES, made)
    tables.write_parquet(folder / "ligands.parquet", layouts.LIGANDS, ligands(rng, known, usable))
    tables.write_parquet(folder / "inclusion.parquet", layouts.INCLUSION, inclusion(known, usable))
    return len(made["q_04"])


def make(folder, pairs, seed):
    """The catalogue, the plan and the scores of so many pairs; how many residues."""
    columns = {name: scale.plain(values) for name, values in survey(np.random.default_rng(seed), pairs).items()}
    batches = catalogue(folder, columns)
    known = {name: np.array(values, dtype=object) for name, values in columns.items() if name in tables.SCORED.names}
    known["q_mean"] = known["q_mean"].astype(float)
    jobs = [
        (folder / "scores" / name, [seed, k], *_part(known, rows)) for k, (name, rows) in enumerate(batches.items())
    ]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        made = sum(pool.imap_unordered(score_batch, jobs))
    facts = {"pairs": pairs, "seed": seed, "batches": len(batches), "residues": made}
    tables.write_json(folder / "made.json", facts)
    return facts


def _part(known, rows):
    return {name: values[rows] for name, values in known.items()}, np.arange(len(rows))


# ---- the stages ----


def stages():
    """Name → arguments of `qscore`, relative to the results folder: those of workflow/rules, in its order."""
    entries, residues_file, fit = "tables/entries.parquet", "tables/residues.parquet", "fit/expected_q.json"
    jobs = ("--jobs", str(os.cpu_count()))
    judged, subsets = ("--fit", fit), ("--subsets", json.dumps(SUBSETS, sort_keys=True))
    others_file = ("--ligands", "tables/ligands.parquet")
    sought = ("--concordance", "concordance", "--places", "catalogue/places.json")
    beside = ["--draws", "draws", "--concordance", "concordance", "--regions", "regions", "--rivals", "rivals"]
    shown = ("--entries", entries, "--residues", residues_file, "--flags", "flags/flags.parquet", *judged, *beside)
    found = {
        "aggregate": "catalogue/pairs.parquet --plan plan --scores scores --published published/published.parquet "
        "--jobs 2",
        "concordance": entries,
        "fit": (entries, "--residues", residues_file, "--catalogue", "catalogue/catalogue.json", *subsets, *jobs),
        "rivals": (entries, *subsets),
        "draws": entries,
        "outliers": (entries, *judged),
        "regions": (
            residues_file,
            "--entries",
            entries,
            "--outliers",
            "outliers/outliers.parquet",
            *judged,
            *others_file,
            *jobs,
        ),
        "flag": (entries, "--outliers", "outliers/outliers.parquet", "--regions", "regions/entries.parquet", *judged),
        "worklist": (entries, "--flags", "flags/flags.parquet", *judged, *sought),
        "figures": shown,
        "report": (*shown, "--catalogue", "catalogue", "--figures", "figures", *subsets, *jobs),
    }
    out = {"aggregate": "tables", "flag": "flags", "report": "report/index.html"}
    return {
        name: (name, *(given.split() if isinstance(given, str) else given), "--out", out.get(name, name))
        for name, given in found.items()
    }


def questions():
    """The same of every ready question."""
    limits = ("--results", ".", "--threads", "2")
    return {
        f"audit {name}": ("audit", name, *limits, "--out", f"answers/{name}.parquet")
        for name in readyquestions.questions()
    }


def measured(arguments, folder, log):
    """Wall and CPU seconds, and peak MB of the process, of one stage in a results folder; its end where it fails."""
    begun = time.perf_counter()
    with open(log, "w", encoding="utf-8") as said:
        child = os.posix_spawn(
            sys.executable,
            (sys.executable, "-c", _CHILD, str(folder), *arguments),
            os.environ | {"OMP_NUM_THREADS": "1"},
            file_actions=[(os.POSIX_SPAWN_DUP2, said.fileno(), 1), (os.POSIX_SPAWN_DUP2, said.fileno(), 2)],
        )
        _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments[:2])} failed:\n{Path(log).read_text(encoding='utf-8')[-2000:]}")
    peak = int(Path(log).read_text(encoding="utf-8").rpartition("VmHWM:")[2].split()[0]) / 1000
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime, peak


# Not ru_maxrss, which keeps this process's.
_CHILD = """
import os, sys
os.chdir(sys.argv[1])
sys.argv[:] = ["qscore", *sys.argv[2:]]
from qscore.cli import main
code = main()
print(*(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
sys.exit(code)
"""


NEEDS = {
    "aggregate": (), "concordance": ("aggregate",), "fit": ("aggregate",), "rivals": ("aggregate",),
    "draws": ("aggregate",), "outliers": ("fit",), "regions": ("outliers",), "flag": ("regions",),
    "worklist": ("flag", "concordance"), "figures": ("flag", "concordance", "draws", "rivals"), "report": ("figures",),
}  # fmt: skip


def run(folder, only, side_by_side):
    """Every stage once what it needs is there, as many at a time as the workflow would run; printed as they end.

    A stage with ``--jobs`` takes all cores, as its rule says; the others one.
    """
    print(f"{'stage':32s}{'wall s':>9s}{'CPU s':>9s}{'peak MB':>9s}", flush=True)
    (folder / "logs").mkdir(exist_ok=True)
    chosen = {
        name: arguments
        for name, arguments in (stages() | questions()).items()
        if not only or name.split()[0] in only or name in only
    }
    order = TopologicalSorter(
        {name: [one for one in NEEDS.get(name, ("worklist",)) if one in chosen] for name in chosen}
    )
    order.prepare()
    begun, found, running, waiting, free = time.perf_counter(), [], {}, [], side_by_side
    cores = {name: side_by_side if "--jobs" in arguments else 1 for name, arguments in chosen.items()}
    with ThreadPoolExecutor(side_by_side) as pool, _memory() as most:
        while order.is_active():
            waiting += sorted(order.get_ready(), key=list(chosen).index)
            while (name := next((one for one in waiting if cores[one] <= free), None)) is not None:
                waiting.remove(name)
                free -= cores[name]
                log = folder / "logs" / f"{name.replace(' ', '-')}.log"
                running[pool.submit(measured, chosen[name], folder, log)] = name
            for one in wait(running, return_when=FIRST_COMPLETED).done:
                found.append(one.result())
                print("{:32s}{:9.1f}{:9.1f}{:9.0f}".format(running[one], *found[-1]), flush=True)
                free += cores[running[one]]
                order.done(running.pop(one))
    print(f"{'all':32s}{time.perf_counter() - begun:9.1f}{sum(cpu for _, cpu, _ in found):9.1f}{max(most):9.0f}")
    print(
        f"asked: {MOST_SECONDS} s and {MOST_MB} MB; a stage's peak is without the processes it starts, that of all with"
    )


@contextmanager
def _memory():
    """Resident MB of all processes below this one, looked at four times a second."""
    found, over = [0.0], threading.Event()

    def look():
        while not over.wait(0.25):
            found.append(sum(map(_resident, _below(os.getpid()))))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def _below(pid):
    """Processes that this one started, and those that these did."""
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in path.read_text().split():
                yield int(child)
                yield from _below(int(child))


def _resident(pid):
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=37_000)
    parser.add_argument("--folder", type=Path, help="where the tables are made; a temporary folder without it")
    parser.add_argument("--keep", action="store_true", help="leave the folder, for another run")
    parser.add_argument("--only", nargs="*", help="stages, or questions as 'audit NAME'")
    parser.add_argument("--side-by-side", type=int, default=os.cpu_count(), help="stages at a time")
    parser.add_argument("--seed", type=int, default=2026)
    given = parser.parse_args()
    folder = Path(given.folder or tempfile.mkdtemp(prefix="qscore-archive-")).resolve()
    try:
        facts = _made(folder, given)
        print(f"{facts['pairs']:,} pairs, {facts['residues']:,} residues in {facts['batches']:,} batches, seed "
              f"{facts['seed']}; {platform.machine()}, {os.cpu_count()} cores")  # fmt: skip
        run(folder, given.only, given.side_by_side)
    finally:
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _made(folder, given):
    """What lies in the folder, made unless it is of that size and seed."""
    if (folder / "made.json").exists():
        facts = json.loads((folder / "made.json").read_text(encoding="utf-8"))
        if (facts["pairs"], facts["seed"]) == (given.pairs, given.seed):
            return facts
    if folder.exists() and any(folder.iterdir()):
        raise SystemExit(f"{folder} is not empty, and holds other tables")
    begun = time.perf_counter()
    facts = make(folder, given.pairs, given.seed)
    size = sum(path.stat().st_size for path in (folder / "scores").rglob("*.parquet")) / 1e6
    print(f"made in {time.perf_counter() - begun:.0f} s: {size:,.0f} MB")
    return facts


if __name__ == "__main__":
    main()
