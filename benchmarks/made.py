"""Generated pairs of any size for the benchmarks: a map written by sections, and a model of compact residues.

Residues of 8 atoms, 1.5 Å apart, lie on a jittered lattice as tightly as those of a protein, in eight bodies at the
corners of a cube. The map is their simulated density with white noise, beyond the cube noise alone.
"""

from itertools import product
from pathlib import Path

import numpy as np
from isal import igzip
from mrcfile.dtypes import HEADER_DTYPE

ATOMS = ("N", "CA", "C", "O", "CB", "CG", "CD", "CE")  # of a residue
CORNERS = 0.75 * np.array(list(product((-1.0, 1.0), repeat=3)))  # Å: of a cube of 1.5 Å, a residue's atoms
CHAIN = 250  # residues
SPACING = 5.1  # Å between residues: 17 Å³ an atom
B = 60.0  # Å²
FIELDS = (
    "group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id", "label_asym_id",
    "label_entity_id", "label_seq_id", "Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv", "auth_seq_id",
    "auth_asym_id",
)  # fmt: skip


def packed(rng, residues):
    """Atoms (n, 3) of residues on a jittered lattice, 8 each, and their extent: a protein, without overlaps."""
    side = int(np.ceil(residues ** (1 / 3)))
    lattice = np.array(list(product(range(side), repeat=3)))[:residues]
    centres = SPACING * (lattice + 0.5) + rng.uniform(-0.4, 0.4, (residues, 3))
    turns = np.linalg.qr(rng.standard_normal((residues, 3, 3)))[0]
    return (centres[:, None] + CORNERS @ turns).reshape(-1, 3), side * SPACING


def positions(rng, atoms, low, high):
    """Atoms (n, 3): a packed body at each corner of a cube; the first and the last are two of its corners."""
    bodies = list(product((0, 1), repeat=3))
    residues = -(-atoms // (len(ATOMS) * len(bodies)))
    found = []
    for corner in bodies:
        body, extent = packed(rng, residues)
        found.append(body + low + np.array(corner) * (high - low - extent))
    found = np.concatenate(found)[:atoms]
    found[0], found[-1] = low, high
    return found


def write_model(path, atoms):
    """An mmCIF of atoms."""
    lines = ["data_made", "loop_", *(f"_atom_site.{field}" for field in FIELDS)]
    for n, (x, y, z) in enumerate(atoms):
        residue, name = divmod(n, len(ATOMS))
        chain, place, atom = chr(65 + residue // CHAIN % 26), residue + 1, ATOMS[name]
        lines.append(
            f"ATOM {n + 1} {atom[0]} {atom} . LYS {chain} 1 {place} {x:.3f} {y:.3f} {z:.3f} 1 {B + n % 40} "
            f"{place} {chain}"
        )
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_map(path, points, atoms, resolution, rng):
    """A gzip-compressed map of points³ at 1 Å, never held whole: the box of the atoms, and noise around it."""
    from qscore.simulate import simulate_density

    low = max(int(atoms.min()) - 10, 0)
    size = min(int(atoms.max()) + 11, points) - low
    grid = {"shape": (size,) * 3, "step": 1.0, "origin": (low,) * 3}
    made = simulate_density(atoms, ["C"] * len(atoms), np.full(len(atoms), B), **grid, d_min=resolution)
    noise = np.float32(0.3 * made.std())
    with igzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(header(points))
        for k in range(points):
            section = noise * rng.standard_normal((points, points), dtype=np.float32)
            if low <= k < low + size:
                section[low : low + size, low : low + size] += made[k - low]
            stream.write(section.tobytes())
    return float(3 * noise)


def header(points):
    """1,024 bytes of a cube of points³ float32 at 1 Å."""
    words = np.zeros((), dtype=HEADER_DTYPE)
    for axis in "xyz":
        words["n" + axis] = words["m" + axis] = words["cella"][axis] = points
    words["mode"], words["map"], words["machst"] = 2, b"MAP ", (0x44, 0x44, 0, 0)
    words["mapc"], words["mapr"], words["maps"] = 1, 2, 3
    for axis in ("alpha", "beta", "gamma"):
        words["cellb"][axis] = 90
    return words.tobytes()


def write_pair(folder, *, points, atoms, edge, resolution, seed=20261122):
    """A map of points³ with a model in a cube of `edge` Å at its middle → paths, and a contour level."""
    rng = np.random.default_rng([seed, points, atoms])
    low = (points - edge) / 2
    found = positions(rng, atoms, low, low + edge)
    name = f"{points}_{edge}_{atoms}_{resolution:g}"
    map_path, model_path = Path(folder) / f"{name}.map.gz", Path(folder) / f"{name}.cif"
    write_model(model_path, found)
    return map_path, model_path, write_map(map_path, points, found, resolution, rng)
