"""Causes on planted truth: generated entries with one fault each, judged by the rules of `qscore.causes`.

    python benchmarks/causes.py WORK [--seed 20261123] [--every 1] [--only measure|examine|judge] [--processes 2]

`benchmarks/faults.py` makes the entries. `measure` scores them as `qscore score` does, `examine` looks for a better
frame as `qscore examine-batch` does; one JSON file an entry in WORK, so a stopped run goes on. `judge` joins these
numbers as `qscore flag` does and prints the confusion matrix, also as WORK/confusion.json. `--every 10` takes every
tenth of the faulty entries and all reference entries: to see that it runs.

Simulated maps follow their own relation of Q and resolution, not the archive's: Q is judged by the curve and the null
that `qscore fit` would fit, to clean reference entries of another seed (seed + 1). In an archive few entries are bad,
here most are: the flag is p <= 0.0025, where Benjamini-Hochberg at 5 % ends up when one entry in twenty is low. Residue
offsets and the null of the regions are those of the reference entries, too; the regions of all others are tested
together.

Seeds: 7 and 8 while the generator was made; 20261122 was the first evaluation, after which the rules for regions and
for over-stated resolutions and the strengths of blurred domains changed; 20261123 is the second, after which nothing
did.
"""

import argparse
import json
import os
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from faults import REFERENCE, generate, plan

FLAG_P = 0.0025
EXPECTED = {"clean": "", "frame: shift": "frame", "frame: hand": "frame"}


# ---- measuring ----


def measure(task):
    """Make and score one entry; its measurements go to WORK/measured, its files to WORK/files."""
    from qscore.chance import chance_level
    from qscore.entry import entry_row, score_pair
    from qscore.errors import UnusableEntry

    work, seed, (name, kind, strength, number) = task
    target = work / "measured" / f"{name}.json"
    if target.is_file():
        return
    rng = np.random.default_rng([seed + (number < REFERENCE), number])
    content, model, facts = generate(kind, strength, number, rng)
    map_path, model_path = (work / "files" / f"{name}.{ending}" for ending in ("map", "cif"))
    map_path.write_bytes(content)
    model_path.write_text(model, encoding="utf-8")
    try:
        pair = score_pair(map_path, model_path, resolution=facts["resolution"])
    except UnusableEntry as trouble:
        return written(target, facts | {"unusable": trouble.reason})
    level = chance_level(pair.density, pair.model.position)
    row = entry_row(pair) | {"q_null": level.mean, "q_null_sd": level.sd} | facts
    residues = {key: np.asarray(values).tolist() for key, values in pair.residues().items()}
    written(target, {"row": row, "residues": residues})


def written(target, content):
    temporary = target.with_suffix(".part")
    temporary.write_text(json.dumps(content, default=float), encoding="utf-8")
    os.replace(temporary, target)


def in_parallel(function, tasks, processes):
    with Pool(processes) as pool:
        for done, _ in enumerate(pool.imap_unordered(function, tasks), 1):
            if done % 50 == 0 or done == len(tasks):
                print(f"{function.__name__} {done} of {len(tasks)}", flush=True)


# ---- examining ----


def examine(task):
    """Search the map of one entry for a better frame; what it found goes to WORK/examined."""
    from qscore.examine import look_for_frames

    work, _, (name, *_) = task
    target = work / "examined" / f"{name}.json"
    record = read(work, "measured", name)
    if target.is_file() or "row" not in record:
        return
    map_path, model_path = (work / "files" / f"{name}.{ending}" for ending in ("map", "cif"))
    written(target, look_for_frames(map_path, model_path, record["row"]["resolution"]))


def read(work, folder, name):
    return json.loads((work / folder / f"{name}.json").read_text(encoding="utf-8"))


# ---- judging ----


def chosen(every):
    """The reference entries, and of the others one in `every`."""
    tasks = plan()
    return tasks[:REFERENCE] + tasks[REFERENCE::every]


def judge(work, tasks):
    """The cause of every entry of `chosen`: list of dict with name, kind, strength, cause and evidence."""
    from qscore import causes
    from qscore.curve import fit_curve
    from qscore.nulls import fit_null

    records = {name: read(work, "measured", name) for name, *_ in tasks}
    rows = {name: record["row"] for name, record in records.items() if "row" in record}
    names = [name for name in rows if name.startswith("reference")]
    resolution, q = (np.array([rows[name][key] for name in names]) for key in ("resolution", "q_mean"))
    curve = fit_curve(resolution, q, np.arange(len(q)))
    judged = flagged(rows, fit_null(resolution, q), curve)
    regions = in_regions(records, judged, curve)
    found = []
    for name, kind, strength, _ in tasks[REFERENCE:]:
        one = {"name": name, "kind": kind, "strength": strength, "cause": records[name].get("unusable")}
        if name in rows:
            row = rows[name] | judged[name] | regions[name] | read(work, "examined", name)
            row["frac_outside"] = row["n_outside"] / row["n_atoms"]
            cause, evidence = causes.cause_of(row, curve.band)
            kept = ("resolution", "q_mean", "expected_q", "z", "flag", "n_regions", "frac_in_regions", "frame")
            one |= {"cause": cause, "evidence": evidence} | {key: row[key] for key in kept}
        found.append(one)
    return found


def flagged(rows, null, curve):
    """Expected Q with its band, z, and the flag by the stated level: name to columns."""
    resolution, q = (np.array([row[key] for row in rows.values()]) for key in ("resolution", "q_mean"))
    z = null.z(resolution, q)
    low, high = (p(resolution, z) <= FLAG_P for p in (null.p_low, null.p_high))
    flags = np.where(low, "low", np.where(high, "high", ""))
    found = {}
    for name, r, one, flag in zip(rows, resolution.tolist(), z.tolist(), flags.tolist(), strict=True):
        ends = dict(zip(("low", "high"), map(float, curve.band(r)), strict=True))
        found[name] = ends | {"expected_q": float(curve.expected(r)), "z": one, "flag": flag}
    return found


def in_regions(records, judged, curve):
    """Regions as a survey finds them, its reference chains and residue offsets those of the reference entries."""
    from qscore import offsets, regions

    table = residue_table(records)
    entries = {
        (name, "x"): regions.Entry(records[name]["row"]["resolution"], judged[name]["expected_q"], False, False)
        for name in judged
    }
    references = {pair: (e.resolution, e.expected) for pair, e in entries.items() if pair[0].startswith("reference")}
    fitted = offsets.fit_offsets([table], references)
    view = regions.residue_view(table, entries, fitted)
    chains = list(regions.chains_of(table, entries, view))
    columns = regions.features(chains)
    among = np.array([chain.pair in references for chain in chains])
    null = regions.build_null(columns, among)
    nulls = {"protein": null}
    p = regions.p_values(columns, nulls)
    rest = [chain for chain, is_reference in zip(chains, among, strict=True) if not is_reference]
    rows, inside = regions.region_rows(rest, table, view, nulls, p[~among])
    return {one["emdb_id"]: one for one in regions.summarise(table, inside, rows)}


def residue_table(records):
    parts = {name: record["residues"] for name, record in records.items() if "residues" in record}
    first = next(iter(parts.values()))
    table = {key: np.concatenate([np.array(part[key]) for part in parts.values()]) for key in first}
    table = {key: np.array(values, float) if key.startswith("q_") else values for key, values in table.items()}
    table["emdb_id"] = np.concatenate([np.full(len(part["q_04"]), name) for name, part in parts.items()])
    return table | {"pdb_id": np.full(len(table["emdb_id"]), "x")}


def confusion(found):
    """Text of the confusion matrix, the recall by strength and the share of clean entries with a cause."""
    from qscore.causes import CAUSES

    others = sorted({one["cause"] for one in found} - {"", *CAUSES})
    columns = ("", *CAUSES, *others)
    lines = [f"{'planted':26s}" + "".join(f"{(name or 'none')[:11]:>12s}" for name in columns)]
    for kind in dict.fromkeys(one["kind"] for one in found):
        causes = [one["cause"] for one in found if one["kind"] == kind]
        lines.append(f"{kind:26s}" + "".join(f"{causes.count(name) or '.':>12}" for name in columns))
    lines += ["", "recall by strength"]
    for (kind, strength), right in recall(found).items():
        lines.append(f"{kind:26s}{strength!s:>18s}{sum(right):5d} of {len(right)}")
    return "\n".join(lines)


def recall(found):
    right = {}
    for one in found:
        wanted = EXPECTED.get(one["kind"], one["kind"])
        right.setdefault((one["kind"], one["strength"]), []).append(one["cause"] == wanted)
    return right


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--seed", type=int, default=20261123)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", choices=("measure", "examine", "judge"))
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    for folder in ("measured", "files", "examined"):
        (given.work / folder).mkdir(parents=True, exist_ok=True)
    entries = chosen(given.every)
    tasks = [(given.work, given.seed, task) for task in entries]
    if given.only in (None, "measure"):
        in_parallel(measure, tasks, given.processes)
    if given.only in (None, "examine"):
        in_parallel(examine, tasks[REFERENCE:], given.processes)
    if given.only in (None, "judge"):
        found = judge(given.work, entries)
        written(given.work / "confusion.json", found)
        print(confusion(found))


if __name__ == "__main__":
    main()
