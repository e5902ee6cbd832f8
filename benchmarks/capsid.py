"""Time and peak memory of a capsid: 1,000,000 atoms in a map of 400³.

    python benchmarks/capsid.py [--all-scores] [--folder DIR]

The generated model is 60 copies of one unit, in an mmCIF as the PDB writes it, gzip-compressed like the map; residues
are packed as tightly as those of a protein. The pair is scored in a fresh process, the compiled loops loaded, from
files to Parquet tables; then the coloured model is written in a second pass, which is timed apart.
Asked, with Q alone: ≤ 15 s on 2 cores and ≤ 1,600 MB at the peak, the base of the process included.
With --folder the files stay there and are used again.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from itertools import cycle, product
from pathlib import Path

import numpy as np
from made import ATOMS, packed, write_map
from memory import status

POINTS, RESOLUTION, COPIES = 400, 3.0, 60
SIDE = 13  # residues along the edge of a unit
FIELDS = (
    "group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id", "label_asym_id",
    "label_entity_id", "label_seq_id", "pdbx_PDB_ins_code", "Cartn_x", "Cartn_y", "Cartn_z", "occupancy",
    "B_iso_or_equiv", "pdbx_formal_charge", "auth_seq_id", "auth_comp_id", "auth_asym_id", "auth_atom_id",
    "pdbx_PDB_model_num",
)  # fmt: skip
POLYMER, LIGANDS = 2000, 68  # residues of 8 atoms of a unit; the rest are waters
CHAINS = 8  # of a unit's polymer


def shell():
    """Corners of 60 cubes on the faces of 5 x 5 x 5: the middle is empty."""
    places = [place for place in product(range(5), repeat=3) if 0 in place or 4 in place]
    return np.array(places[:: len(places) // COPIES + 1] + places[1 :: len(places) // COPIES + 1])[:COPIES]


def unit_names():
    """Group, atom, component, chain of the unit, entity and number of each atom of a unit, waters at its end."""
    for residue in range(POLYMER):
        for atom in ATOMS:
            yield "ATOM", atom, "LYS", residue // (POLYMER // CHAINS), 1, residue % (POLYMER // CHAINS) + 1
    for residue in range(LIGANDS):
        for k, atom in enumerate(ATOMS):
            yield "HETATM", f"{atom[0]}{k + 1}", "LIG", residue % CHAINS, 2, 901 + residue // CHAINS
    for residue in range(SIDE**3 - POLYMER - LIGANDS):
        yield "HETATM", "O", "HOH", residue % CHAINS, 3, 1001 + residue // CHAINS


def write_capsid(path, copies):
    """An mmCIF of units, columns aligned as the PDB writes them."""
    names, n = list(unit_names()), 0
    chains = ["".join(c) for k in (1, 2, 3) for c in product("ABCDEFGHIJKLMNOPQRSTUVWXYZ", repeat=k)]
    with gzip_text(path) as stream:
        stream.write("data_MADE\n#\nloop_\n_entity.id\n_entity.type\n1 polymer\n2 non-polymer\n3 water\n#\nloop_\n")
        stream.write("_entity_poly.entity_id\n_entity_poly.type\n1 'polypeptide(L)'\n#\nloop_\n")
        stream.write("".join(f"_atom_site.{field} \n" for field in FIELDS))
        for copy, atoms in enumerate(copies):
            for (group, atom, residue, chain, entity, number), (x, y, z) in zip(cycle(names), atoms.tolist()):
                n += 1
                label = chains[copy * 3 * CHAINS + 3 * chain + entity - 1]
                author = chains[copy * CHAINS + chain]
                place = number if entity == 1 else "."
                stream.write(
                    f"{group:<6} {n:<7} {atom[0]} {atom:<3} . {residue} {label:<4} {entity} "
                    f"{place:<4} ? {x:<7.3f} {y:<7.3f} {z:<7.3f} 1.00 {30 + n % 4000 / 100:<5.2f} "
                    f"? {number:<4} {residue} {author:<4} {atom:<3} 1 \n"
                )
        stream.write("#\n")


def gzip_text(path):
    from isal import igzip

    return igzip.open(path, "wt", compresslevel=2)


def write_pair(folder):
    """The pair's files and its contour level; kept when they are there."""
    map_path, model_path, told = (Path(folder) / name for name in ("capsid.map.gz", "capsid.cif.gz", "capsid.json"))
    if not told.is_file():
        rng = np.random.default_rng(20261123)
        atoms, edge = packed(rng, SIDE**3)
        n = len(list(unit_names()))
        atoms = np.concatenate([atoms[: 8 * (POLYMER + LIGANDS)], atoms[8 * (POLYMER + LIGANDS) :: 8]])[:n]
        low = (POINTS - 5 * edge) / 2
        copies = [np.round(atoms + low + edge * place, 3) for place in shell()]
        write_capsid(model_path, copies)
        contour = write_map(map_path, POINTS, np.concatenate(copies), RESOLUTION, rng)
        told.write_text(json.dumps({"contour": contour, "atoms": len(copies) * n}))
    return map_path, model_path, json.loads(told.read_text())


def measured(folder, *, all_scores):
    """Wall and CPU seconds of each step, and peaks in MB: of this process, which must be fresh."""
    from qscore import entry, tables
    from qscore.compiled import loops
    from qscore.model import write_with_q

    map_path, model_path, told = write_pair(folder)
    loops()
    found = {"atoms": told["atoms"], "base": status("VmRSS")}
    given = {"threads": 2, "resolution": RESOLUTION, "contour": told["contour"]} if all_scores else {"threads": 2}
    wall, cpu = time.perf_counter(), time.process_time()
    pair = entry.score_pair(map_path, model_path, chance=all_scores, others=all_scores, **given)
    found["scored"] = time.perf_counter() - wall, time.process_time() - cpu
    row = {"emdb_id": "EMD-0", "pdb_id": "0xxx"} | entry.entry_row(pair)
    tables.write_parquet(Path(folder) / "entries.parquet", tables.SCORED, tables.as_columns(tables.SCORED, [row]))
    for layout, columns in zip(tables.BESIDE_ENTRIES, (pair.residues(), pair.ligands(), pair.inclusion()), strict=True):
        ids = {key: [row[key]] * len(next(iter(columns.values()))) for key in ("emdb_id", "pdb_id")}
        empty = {name: np.full(len(ids["emdb_id"]), np.nan) for name in layout.names if name not in columns}
        tables.write_parquet(Path(folder) / f"{layout.name}.parquet", layout, empty | ids | columns)
    found["tables"] = time.perf_counter() - wall, time.process_time() - cpu
    found["peak"] = status("VmHWM")
    wall, cpu = time.perf_counter(), time.process_time()
    write_with_q(model_path, Path(folder) / "coloured.cif", pair.model, pair.scores.q[:, 0])
    found["coloured"] = time.perf_counter() - wall, time.process_time() - cpu
    return found | {"peak_coloured": status("VmHWM")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all-scores", action="store_true", help="measure the other scores and the chance level too")
    parser.add_argument("--folder", help="where the pair is made, or was")
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measured(given.folder, all_scores=given.all_scores)))
        return
    with nullcontext(given.folder) if given.folder else tempfile.TemporaryDirectory() as folder:
        write_pair(folder)
        command = [sys.executable, __file__, "--measure", "--folder", folder, *["--all-scores"] * given.all_scores]
        run = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"})
    found = json.loads(run.stdout)
    print(f"{found['atoms']:,} atoms in {POINTS}³, {'all scores' if given.all_scores else 'Q alone'}, two threads")
    for name, what in (("scored", "scored"), ("tables", "tables written"), ("coloured", "coloured model, afterwards")):
        wall, cpu = found[name]
        print(f"  {what:28}{wall:7.1f} s  {cpu:7.1f} s of CPU")
    print(f"  base {found['base']:.0f} MB, peak {found['peak']:.0f} MB, with the coloured model "
          f"{found['peak_coloured']:.0f} MB; asked with Q alone: 15 s, 1,600 MB")  # fmt: skip


if __name__ == "__main__":
    main()
