"""Small synthetic pairs for tests: a smooth random map and a model in it, written as files."""

import struct

import numpy as np


def smooth_map(rng, shape=(26, 28, 30), passes=2):
    """Random values, blurred, float32, z y x."""
    values = rng.normal(size=shape)
    for _ in range(passes):
        for axis in range(3):
            values = values + np.roll(values, 1, axis) + np.roll(values, -1, axis)
    return (values / values.std()).astype(np.float32)


def random_atoms(rng, low, high, n, *, spacing=1.3):
    """`n` positions in a box, Å, no two nearer than `spacing`."""
    atoms = np.empty((0, 3))
    while len(atoms) < n:
        new = rng.uniform(low, high)
        if not len(atoms) or np.linalg.norm(atoms - new, axis=1).min() >= spacing:
            atoms = np.vstack([atoms, new])
    return atoms


def write_map(path, values, *, step, start=(0, 0, 0), origin=(0.0, 0.0, 0.0)):
    """A little-endian mode 2 map, axes 1 2 3; `start` and `origin` are x y z."""
    nz, ny, nx = values.shape
    header = bytearray(1024)
    struct.pack_into("<10i", header, 0, nx, ny, nz, 2, *start, nx, ny, nz)
    struct.pack_into("<6f", header, 40, *(np.array([nx, ny, nz]) * step), 90, 90, 90)
    struct.pack_into("<3i", header, 64, 1, 2, 3)
    struct.pack_into("<3f", header, 196, *origin)
    header[208:216] = b"MAP \x44\x44\x00\x00"
    path.write_bytes(bytes(header) + values.astype("<f4").tobytes())


def pdb_line(serial, position, *, name="CA", residue="ALA", chain="A", number=1, altloc=" ", element="C"):
    x, y, z = position
    return (
        f"ATOM  {serial:5d}  {name:<3s}{altloc}{residue:>3s} {chain}{number:4d}    {x:8.3f}{y:8.3f}{z:8.3f}"
        f"  1.00 20.00          {element:>2s}\n"
    )


def write_model(path, positions, *, altlocs=None, per_residue=5):
    """Positions as residues of `per_residue` atoms; `altlocs` as one letter a position."""
    names, elements = ["N", "CA", "C", "O", "CB"], ["N", "C", "C", "O", "C"]
    lines = []
    for n, position in enumerate(positions):
        k = n % per_residue
        lines.append(
            pdb_line(
                n + 1,
                position,
                name=names[k % 5],
                element=elements[k % 5],
                number=1 + n // per_residue,
                altloc=altlocs[n] if altlocs else " ",
            )
        )
    path.write_text("".join(lines) + "END\n")


def write_pair(folder, *, seed=1, n=40, step=1.1, edge=True):
    """A map and a model in a folder; with `edge`, some atoms reach beyond the map. Paths of both."""
    rng = np.random.default_rng(seed)
    values = smooth_map(rng)
    high = (np.array(values.shape[::-1]) - 1) * step
    positions = random_atoms(rng, np.zeros(3) - (0.8 if edge else -3.0), high + (0.8 if edge else -3.0), n)
    altlocs = [" "] * n
    for k in range(0, n - 1, 10):  # two places of one atom
        altlocs[k], altlocs[k + 1] = "B", "A"
    folder.mkdir(parents=True, exist_ok=True)
    write_map(folder / "map.map", values, step=step)
    write_model(folder / "model.pdb", np.round(positions, 3), altlocs=altlocs)
    return folder / "map.map", folder / "model.pdb"
