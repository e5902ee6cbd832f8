"""Frames on planted truth: false findings, half voxels by resolution, and one examination of a large map.

    python benchmarks/frames.py [--seed 20261207] [--entries 30] [--wrong 120] [--only rates|large]

`benchmarks/faults.py` makes the entries (seeds 20261122 and 20261123 are those of `benchmarks/causes.py`).

rates: models in place, the same moved by half a voxel along x and along all axes, and models that have nothing in
common with their map (another protein, turned, noise). Of those without a better frame, the lead of the best place (in
either hand) over the best decoy says what margin keeps false findings to a stated rate; of models in place, what is
named though there is nothing to name.

large: 256³ points and 20,000 atoms by `qscore.examine.look_for_frames` in a process of its own: seconds on the clock,
CPU seconds, peak memory.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from faults import generate

from qscore import frames
from qscore.density import read_density
from qscore.model import read_model

BINS = (2.2, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0)
HALVES = {"half voxel, x": (0.5, 0, 0), "half voxel, xyz": (0.5, -0.5, 0.5)}
WRONG = ("another protein", "turned", "noise")
LARGE = (256, 20_000, 3.0)  # points along an axis, atoms, Å


# ---- rates ----


def entry(folder, kind, strength, number, seed):
    """Density, model and resolution of a generated entry."""
    content, text, facts = generate(kind, strength, number, np.random.default_rng([seed, number]))
    (folder / "map").write_bytes(content)
    (folder / "model.cif").write_text(text, encoding="utf-8")
    return read_density(folder / "map"), read_model(folder / "model.cif"), facts["resolution"]


def measurements(folder, given):
    """A row for each search: case, resolution, voxel and what was found."""
    first = 1000  # numbers below 240 are reference entries, of a wider range of resolutions
    for number in range(first, first + given.entries):
        density, model, resolution = entry(folder, "clean", 0, number, given.seed)
        yield row("in place", density, model, resolution)
        for name, voxels in HALVES.items():
            moved = model.__class__(**{**vars(model), "position": model.position + density.step * voxels})
            yield row(name, density, moved, resolution)
    for number in range(first + given.entries, first + given.entries + given.wrong):
        wrong = entry(folder, "no better than chance", WRONG[number % 3], number, given.seed)
        yield row("nothing in common", *wrong)


def row(case, density, model, resolution):
    found = frames.search(density, model, resolution)
    lead = max(found.shifted.q, found.mirrored.q) - max(found.decoy.q, found.q_before)
    voxels = np.abs(found.shifted.shift / found.step)
    return {
        "case": case,
        "resolution": resolution,
        "voxel": float(density.step[0]),
        "gain": found.shifted.q - found.q_before,
        "decoy_gain": found.decoy.q - found.q_before,
        "lead": lead,
        "shift": float(voxels.max()),
        "error": float(np.max(found.error / found.step)),
        "frame": frames.frame_of(found),
        "half": frames.frame_row(found)["half_voxel"],
    }


def rates(given):
    with tempfile.TemporaryDirectory() as folder:
        rows = list(measurements(Path(folder), given))
    for case in ("in place", "nothing in common"):
        those = [one for one in rows if one["case"] == case]
        named = sum(bool(one["frame"]) for one in those)
        leads = np.quantile([one["lead"] for one in those], (0.5, 0.9, 0.95, 0.99, 1))
        print(f"{case}: a frame named in {named} of {len(those)}; lead over the best decoy and the place deposited")
        print("  median, 90, 95, 99 %, largest: " + " ".join(f"{lead:+.4f}" for lead in leads))
    for case in ("in place", *HALVES):
        table(case, [one for one in rows if one["case"] == case])


def table(case, rows):
    """What is found in bins of resolution, medians but for the counts."""
    print(f"\n{case}\n{'Å':>9s}{'n':>4s}{'voxel':>7s}{'gain':>8s}{'decoys':>8s}{'shift':>7s}{'error':>7s}  shift  half")
    for low, high in itertools.pairwise(BINS):
        those = [one for one in rows if low <= one["resolution"] < high or one["resolution"] == high == BINS[-1]]
        if those:
            middle = {key: np.median([one[key] for one in those]) for key in those[0] if key not in ("case", "frame")}
            shifts, halves = sum(one["frame"] == "shift" for one in those), sum(one["half"] for one in those)
            print(
                f"{low:4.1f}–{high:<4.1f}{len(those):4d}{middle['voxel']:7.2f}{middle['gain']:8.4f}"
                f"{middle['decoy_gain']:8.3f}{middle['shift']:7.2f}{middle['error']:7.3f}{shifts:7d}{halves:6d}"
            )


# ---- a large entry ----


def large(given):
    """Copies of one protein on a lattice that fills the map, moved by 5 Å."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_large(folder, np.random.default_rng(given.seed))
        begun = time.perf_counter()
        child = subprocess.Popen([sys.executable, __file__, "--examine", name])
        _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit("the examination failed")
    wall, cpu = time.perf_counter() - begun, used.ru_utime + used.ru_stime
    peak = used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    points, atoms, resolution = LARGE
    print(f"{points}³ points, {atoms:,} atoms, {resolution:g} Å: {wall:.1f} s, {cpu:.1f} s of CPU, {peak:.0f} MB")


def write_large(folder, rng):
    from qscore.simulate import add_noise, simulate_density
    from qscore.synthetic.entries import Entry
    from qscore.synthetic.maps import map_file, stored
    from qscore.synthetic.models import model_text
    from qscore.synthetic.molecules import assemble

    points, wanted, resolution = LARGE
    made = Entry(1, "protein", resolution, "2026-01-07", ((0, 5), (1, 6)), 1.5)
    protein = assemble(made, rng)[0]
    protein["xyz"] -= protein["xyz"].min(axis=0)
    copies = -(-wanted // len(protein))
    side = int(np.ceil(copies ** (1 / 3)))
    pitch = (points - 20) / side
    atoms = np.concatenate([protein] * copies)[:wanted]
    cells = np.array(list(np.ndindex(side, side, side)))[:copies]
    atoms["xyz"] += 10 + np.repeat(cells * pitch, len(protein), axis=0)[:wanted]
    number = np.repeat(np.arange(copies), len(protein))[:wanted]
    atoms["chain"] = [f"{chr(65 + n % 26)}{chr(65 + n // 26)}" for n in number]
    shape = (points,) * 3
    limit = {"step": 1.0, "d_min": resolution}
    density = simulate_density(atoms["xyz"], atoms["element"], atoms["b"], shape=shape, origin=np.zeros(3), **limit)
    density = add_noise(density, rng, **limit)
    intervals = np.array(shape)
    content, _ = map_file(made, stored(density, 2), start=np.zeros(3, dtype=int), intervals=intervals, step=1.0)
    (folder / "map").write_bytes(content)
    atoms["xyz"] = np.round(atoms["xyz"] + 5 * np.array([0.6, -0.48, 0.64]), 3)
    (folder / "model.cif").write_text(model_text(made, atoms), encoding="utf-8")


def examine(folder):
    from qscore.examine import look_for_frames

    found = look_for_frames(folder / "map", folder / "model.cif", LARGE[2])
    kept = ("frame", "q_before", "q_shifted", "shift", "q_hand", "decoys", "decoy_gain")
    print({key: round(value, 3) if isinstance(value := found[key], float) else value for key in kept})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=20261207)
    parser.add_argument("--entries", type=int, default=30, help="in place, and moved by half a voxel")
    parser.add_argument("--wrong", type=int, default=120, help="entries of nothing in common")
    parser.add_argument("--only", choices=("rates", "large"))
    parser.add_argument("--examine", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.examine:
        return examine(given.examine)
    if given.only in (None, "rates"):
        rates(given)
    if given.only in (None, "large"):
        large(given)


if __name__ == "__main__":
    main()
