"""How long the ready questions take on a survey's tables of many residues, and how much memory.

    python benchmarks/audit.py [--residues 10000000] [--memory 2000] [--threads 2] [--only NAME …]

Makes the tables of a survey up in a temporary folder, the residues in a row group a batch as `qscore aggregate` writes
them, asks each ready question in a process of its own through the `qscore audit` command's code, writes the answer to
a file, and prints seconds, peak resident memory and rows. About 70 bytes of disk a residue, twice that while they are
made.
"""

import argparse
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from qscore import chainmeans, layouts, tables
from qscore.chains import with_codes

PER_ENTRY, PER_BATCH, CHAINS = 1000, 40, 4
TYPES = np.array([
    "ALA", "ARG", "ASN", "ASP", "CYS", "GLN", "GLU", "GLY", "HIS", "ILE", "LEU", "LYS", "MET", "PHE", "PRO", "SER",
    "THR", "TRP", "TYR", "VAL",
])  # fmt: skip
LIGANDS = np.array(["NAG", "ATP", "CLR", "MG", "HOH"])
CLASSES = np.array(["glycan", "ligand", "ligand", "ion", "water"])
SIZES = np.array([14, 31, 28, 1, 1])


def expected(resolution):
    return 1.2 - 0.2 * resolution + 0.01 * resolution**2


def write(path, layout, columns):
    """A table; columns that are not given are empty."""
    n = len(next(iter(columns.values())))
    tables.write_parquet(path, layout, {name: columns.get(name, [None] * n) for name in layout.names})


def entries_of(rng, n):
    """What the tables of entries have in common, columns of length n."""
    number = np.arange(n)
    resolution = np.round(rng.uniform(1.5, 6.0, n), 2)
    q = expected(resolution) + rng.normal(0, 0.05, n)
    low, high = expected(resolution) - 0.1, expected(resolution) + 0.1
    maps = number // 100 * 100 + np.where(number % 100 == 99, 98, number % 100)  # one map in a hundred has two models
    return {
        "emdb_id": np.array([f"EMD-{10000 + k}" for k in maps]),
        "pdb_id": np.array([f"{1 + k // 46656 % 9}{np.base_repr(k % 46656, 36).lower():0>3}" for k in number]),
        "resolution": resolution, "q_mean": q, "q_scored": q, "expected_q": expected(resolution), "low": low,
        "high": high, "beyond_band": np.minimum(q - low, 0) + np.maximum(q - high, 0),
        "flag": np.where(q < low, "low", np.where(q > high, "high", "")),
        "cause": np.where(q < low, "under-resolved", ""),
        "sample": np.array([f"sample {k % (n // 3 + 1)}" for k in number]),
        "cluster_protein": np.array([f"uniprot:P{k % (n // 3 + 1):05d}" for k in number]),
        "map_release": np.array([f"{2014 + k % 12}-0{1 + k % 9}-15" for k in number]),
        "calculated_resolution": resolution + rng.exponential(0.2, n), "map_model_fsc05": resolution * 1.1,
        "status": np.where(number % 50 == 10, "unusable", "scored"),
        "stage": np.where(number % 50 == 10, "map", ""), "reason": np.where(number % 50 == 10, "map_truncated", ""),
        "q_null": np.full(n, 0.02), "q_null_sd": np.full(n, 0.01), "n_atoms": np.full(n, 8 * PER_ENTRY),
        "n_scored": np.full(n, 8 * PER_ENTRY), "n_water": np.zeros(n, int), "tight_mask": number % 40 == 0,
        "mask_distance": np.where(number % 40 == 0, 2.0, np.nan), "contour_level": rng.uniform(0, 1, n),
        "inclusion": rng.uniform(0, 1, n), "inclusion_surrogate": np.full(n, 0.9), "solvent_mean": np.zeros(n),
        "solvent_sd": np.full(n, 0.1),
    }  # fmt: skip


def residues_of(rng, entries, rows):
    """Residues of the entries `rows`, columns."""
    n = len(rows) * PER_ENTRY
    entry, number = np.repeat(rows, PER_ENTRY), np.tile(np.arange(PER_ENTRY), len(rows))
    q = entries["q_mean"][entry] + rng.normal(0, 0.1, n)
    return {
        "emdb_id": entries["emdb_id"][entry], "pdb_id": entries["pdb_id"][entry],
        "chain": np.array(list("ABCD"))[number // (PER_ENTRY // CHAINS)], "number": number.astype("U"),
        "residue": TYPES[rng.integers(0, len(TYPES), n)], "class": np.full(n, "protein"), "n_atoms": np.full(n, 8),
        "n_scored": np.full(n, 8), "q_04": q, "q_06": q + 0.1, "q_04_backbone": q + 0.02, "q_04_side_chain": q - 0.02,
        "inclusion": np.round(rng.uniform(0, 1, n) * 8) / 8, "z": rng.normal(3, 1, n),
        "cc_local": rng.uniform(0, 1, n), "frac_on_constant": np.zeros(n),
    }  # fmt: skip


def ligands_of(rng, entries, each=50):
    """Ligands and waters, `each` an entry."""
    entry = np.repeat(np.arange(len(entries["emdb_id"])), each)
    n = len(entry)
    kind = rng.integers(0, len(LIGANDS), n)
    p = rng.uniform(0, 1, n)
    site = entries["q_mean"][entry]
    return {
        "emdb_id": entries["emdb_id"][entry], "pdb_id": entries["pdb_id"][entry], "class": CLASSES[kind],
        "component": LIGANDS[kind], "chain": np.full(n, "A"), "number": np.tile(np.arange(each), n // each).astype("U"),
        "n_atoms": SIZES[kind], "n_scored": SIZES[kind], "q_04": site + rng.normal(-0.05, 0.15, n), "site_q": site,
        "dq_site": rng.normal(-0.05, 0.15, n), "resolution": entries["resolution"][entry], "p": p, "percentile": p,
        "p_adjusted": np.minimum(1, 5 * p),
    }  # fmt: skip


def regions_of(rng, entries):
    n = len(entries["emdb_id"])
    return {
        "emdb_id": entries["emdb_id"], "pdb_id": entries["pdb_id"], "kind": np.full(n, "chain region"),
        "chain": np.full(n, "B"), "from": np.full(n, "20"), "to": np.full(n, "60"), "length": rng.integers(5, 60, n),
        "mean_q": np.full(n, 0.2), "expected": np.full(n, 0.5), "p_adjusted": rng.uniform(0, 0.1, n),
    }  # fmt: skip


def offsets(path):
    cells = [
        {
            "residue": name, "part": "all", "resolution_low": low, "resolution_high": low + 1, "offset": 0.01,
            "sd": 0.1, "n_residues": 9, "n_entries": 9,
        }
        for name in (*TYPES.tolist(), "any")
        for low in (1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0)
    ]  # fmt: skip
    tables.write_tsv(path, layouts.OFFSETS, tables.as_columns(layouts.OFFSETS, cells))


def make(folder, residues):
    """The tables of a survey of so many residues."""
    rng = np.random.default_rng(2026)
    n = max(residues // PER_ENTRY, 200)
    entries = entries_of(rng, n)
    write(folder / "tables" / "entries.parquet", layouts.ENTRIES, entries)
    write(folder / "flags" / "flags.parquet", layouts.FLAGS, entries)
    ours = entries | {"q_published": entries["q_mean"] + 0.001, "difference": rng.normal(0, 0.003, n)}
    write(folder / "concordance" / "concordance.parquet", layouts.CONCORDANCE, ours)
    write(folder / "regions" / "ligands.parquet", layouts.RANKED, ligands_of(rng, entries))
    write(folder / "regions" / "regions.parquet", layouts.REGIONS, regions_of(rng, entries))
    offsets(folder / "fit" / "offsets.tsv")
    parts = []
    with tables.growing(folder / "tables" / "chains.parquet", layouts.CHAINS) as add:
        for first in range(0, n, PER_BATCH):
            parts.append(folder / "parts" / f"{first}.parquet")
            batch = residues_of(rng, entries, np.arange(first, min(first + PER_BATCH, n)))
            write(parts[-1], layouts.RESIDUES, batch)
            add(chainmeans.of_residues(with_codes(batch)))
    tables.concatenate(folder / "tables" / "residues.parquet", parts, layout=layouts.RESIDUES)
    for part in parts:
        part.unlink()


def ask(folder, name, limits, said):
    """In a process of its own: one question, its answer to a file."""
    from qscore import audit, readyquestions

    began = time.perf_counter()
    question = readyquestions.question(name)
    with audit.opened(folder, audit.Limits(*limits)) as survey:
        rows = survey.write(question.text, folder / "answers" / f"{name}.parquet", question.set())
    # Not ru_maxrss, which keeps the parent's.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(status.partition("VmHWM:")[2].split()[0]) / 1000
    said.put((time.perf_counter() - began, peak, rows))


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--residues", type=int, default=10_000_000)
    parser.add_argument("--memory", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*")
    chosen = parser.parse_args(argv)
    from qscore import readyquestions

    failed = []
    spawn = multiprocessing.get_context("spawn")  # a forked child would count this process's memory as its own
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        began = time.perf_counter()
        make(folder, chosen.residues)
        size = (folder / "tables" / "residues.parquet").stat().st_size / 1e6
        print(f"{chosen.residues:,} residues, {size:,.0f} MB, made in {time.perf_counter() - began:.0f} s")
        print(f"{'question':<26}{'seconds':>9}{'MB':>8}{'rows':>10}")
        for name in chosen.only or readyquestions.questions():
            said = spawn.SimpleQueue()
            child = spawn.Process(target=ask, args=(folder, name, (chosen.memory, chosen.threads), said))
            child.start()
            child.join()
            if child.exitcode:
                failed.append(name)
                continue
            seconds, peak, rows = said.get()
            print(f"{name:<26}{seconds:>9.2f}{peak:>8.0f}{rows:>10,}", flush=True)
    return f"failed: {', '.join(failed)}" if failed else 0


if __name__ == "__main__":
    sys.exit(main())
