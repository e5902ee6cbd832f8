"""Time of a whole entry, files to tables, Q alone: where it goes, beside the decompression of its map.

    python benchmarks/entry.py [--points 256] [--atoms 20000] [--runs 5]

A generated map of noise at 1 Å around a model as dense as a protein. Asked on two cores, the start of the process
excluded: ≤ decompression of the map by ISA-L, timed in the same run, + 6 µs an atom. Of several runs the one with the
least CPU time is told. The stages are those of the main thread and sum to the whole. With more than one, another thread
decompresses ahead meanwhile and, once the box is there, reads on beside the kernel: "decompress" is what is waited for,
and the CPU time of a stage is that of all threads. On a machine in use by others wall times mean little.
"""

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from capsid import write_capsid
from clock import Clock
from isal import igzip
from made import packed, write_map

from qscore import aggregate, density, entry, ligands, model, score, tables
from qscore.compiled import loops

PER_ATOM = 6e-6  # s
RESOLUTION = 3.0  # Å
READ_BYTES = 4 << 20
STAGES = (
    ("model", entry, "read_model"),
    ("decompress", density, "_exactly"),
    ("decompress", density, "_drain"),
    ("box of the map", entry, "read_box"),
    ("kernel", entry, "score_atoms"),
    ("constant map", score, "constant_points"),
    ("neighbours", score, "cell_list"),
    ("statistics", entry, "_summary"),
    ("statistics", aggregate, "residues"),
    ("statistics", entry, "entry_row"),
    ("ligands", ligands, "measure"),
    ("writing", tables, "write_parquet"),
)


def scored(paths, folder, threads):
    """One entry: files to tables."""
    written(entry.score_pair(*paths, chance=False, others=False, threads=threads), folder)


def written(pair, folder):
    """The tables of a scored pair."""
    row = {"emdb_id": "EMD-0", "pdb_id": "0xxx"} | entry.entry_row(pair)
    for layout, columns in zip(tables.BESIDE_ENTRIES, (pair.residues(), pair.ligands(), pair.inclusion()), strict=True):
        ids = {key: [row[key]] * len(next(iter(columns.values()))) for key in ("emdb_id", "pdb_id")}
        empty = {name: np.full(len(ids["emdb_id"]), np.nan) for name in layout.names if name not in columns}
        tables.write_parquet(Path(folder) / f"{layout.name}.parquet", layout, empty | ids | columns)
    tables.write_parquet(Path(folder) / "entries.parquet", tables.SCORED, tables.as_columns(tables.SCORED, [row]))


def clocked(paths, folder, threads):
    """Seconds (wall, CPU) by stage of one entry."""
    kept = [(place, name, getattr(place, name)) for _, place, name in STAGES]
    clock = Clock()
    for (stage, place, name), (_, _, function) in zip(STAGES, kept, strict=True):
        setattr(place, name, clock.around(stage, function))
    try:
        scored(paths, folder, threads)
        clock.switch()
    finally:
        for place, name, function in kept:
            setattr(place, name, function)
    return dict(clock.seconds)


def decompressed(path):
    """Seconds (wall, CPU) of decompressing a file by ISA-L."""
    start, buffer = Clock.now(), bytearray(READ_BYTES)
    with igzip.open(path, "rb") as stream:
        while stream.readinto(buffer):
            pass
    return Clock.now() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=256, help="along an axis of the map")
    parser.add_argument("--atoms", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    loops()
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(20261123)
        atoms, edge = packed(rng, -(-given.atoms // 8))
        atoms = np.round(atoms[: given.atoms] + (given.points - edge) / 2, 3)
        paths = Path(folder) / "entry.map.gz", Path(folder) / "entry.cif.gz"
        write_map(paths[0], given.points, atoms, RESOLUTION, rng)
        write_capsid(paths[1], [atoms])
        runs = [(clocked(paths, folder, given.threads), decompressed(paths[0])) for _ in range(given.runs + 1)][1:]
        read = len(model.read_model(paths[1]))
    found, floor = min(runs, key=lambda run: sum(seconds[1] for seconds in run[0].values()))
    total, asked = sum(found.values()), floor + PER_ATOM * read
    print(f"{read:,} atoms in {given.points}³, Q alone, {given.threads} threads: own time")
    for stage, seconds in sorted(found.items(), key=lambda item: -item[1][1]):
        print(f"  {stage:28}{told(seconds, read)}")
    for what, seconds in (("all", total), ("decompression alone", floor), ("asked: that + 6 µs an atom", asked)):
        print(f"  {what:28}{told(seconds, read)}")
    print(f"  all / asked                 wall {total[0] / asked[0]:.2f}, CPU {total[1] / asked[1]:.2f}")


def told(seconds, atoms):
    wall, cpu = 1e3 * seconds
    return f"{wall:8.1f} ms  {cpu:8.1f} ms of CPU  {1e3 * cpu / atoms:7.2f} µs an atom"


if __name__ == "__main__":
    main()
