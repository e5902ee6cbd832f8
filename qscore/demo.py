"""The embedded demonstration archive: synthetic maps, models and entry documents in EMDB's layout.

Nothing here was measured. Molecules come from ideal geometry (:mod:`qscore.peptide`), maps from
their simulated density with noise (:mod:`qscore.simulate`). Some entries carry planted defects
that a survey must notice; ``planted.json`` beside the archive says which.
"""

import gzip
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from itertools import permutations, product
from pathlib import Path
from string import ascii_uppercase

import numpy as np
from scipy.fft import next_fast_len
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from qscore import peptide
from qscore.simulate import add_noise, simulate_density

B_CURVE = (
    (1.2, 1.8, 2.5, 3.2, 4.0, 5.0, 6.5, 8.0),
    (12.0, 23.5, 41.5, 82.0, 153.0, 250.0, 400.0, 600.0),
)
"""Resolution (Å) and the B (Å²) at which simulated apoferritin scores as real apoferritin does."""

MODES = {0: np.dtype("i1"), 1: np.dtype("<i2"), 2: np.dtype("<f4"), 12: np.dtype("<f2")}
DATA_TYPES = {
    0: "IMAGE STORED AS SIGNED BYTE",
    1: "IMAGE STORED AS SIGNED INTEGER (2 BYTES)",
    2: "IMAGE STORED AS FLOATING POINT NUMBER (4 BYTES)",
    12: "IMAGE STORED AS FLOATING POINT NUMBER (2 BYTES)",
}
PADDING = 10.0
DOMAIN_HELICES, DOMAIN_B = 5, 900.0
SHIFT = (-3.1, 4.7, 4.2)
CAGE_HELICES = (0, 1)
CAGE_TURN = (0.997, -0.132, 0.767)
CAGE_CENTRE = (15.449, 3.060, 20.098)
"""Place of one helix pair in the cage: rotation vector (rad) and centre (Å), found by packing."""
README = """Synthetic demonstration archive
===============================
Every map, model and entry document in this folder is synthetic: made by `qscore demo` from ideal
geometry, simulated density and noise, in the layout of EMDB and the PDB. Nothing was measured,
and no id here is, or will be, that of a real entry. planted.json names the planted defects.
"""


@dataclass(frozen=True)
class Entry:
    """One pair of the demonstration archive.

    Attributes
    ----------
    number : int
        EMD id is 990000 + number, PDB id `0s` and two digits.
    kind : str
        cage, protein, rna or rnp (RNA with protein).
    resolution : float
        Fourier terms end at 1/resolution (Å).
    released : str
        Day of map release, a Wednesday.
    chains : tuple of (int, int)
        First and last helix of each chain's fold; the same twice makes two copies of one chain.
    softness : float
        Factor on the B of :data:`B_CURVE`.
    ligands : str
        Component ids (SO4, GOL, BEN, ATP, NAG), ions (MG, ZN) and HOH, each with a count: "MG:2 HOH:40".
    mode : int
        MRC mode of the map.
    axes : tuple of 3 int
        MAPC, MAPR, MAPS.
    start : tuple of 3 int
        Grid index of the first voxel along x, y, z.
    sampling : float
        Resolution over voxel size.
    crop : bool
        Keep only the box around the model of a larger cell (M ≠ N).
    mask : float
        Zero beyond this distance from the atoms (Å); 0 for no mask.
    flat_b, hydrogens, alternates : bool
        Write a constant B; amide and Cα hydrogens; second conformers.
    prefix : str
        Put before each chain id.
    first : int
        Author number of the first residue of a chain.
    defect : str
        partial, shifted, hand, truncated, missing, no_atoms, no_resolution or empty.
    """

    number: int
    kind: str
    resolution: float
    released: str
    chains: tuple = ()
    softness: float = 1.0
    ligands: str = ""
    mode: int = 2
    axes: tuple = (1, 2, 3)
    start: tuple = (0, 0, 0)
    sampling: float = 2.7
    crop: bool = False
    mask: float = 0.0
    flat_b: bool = False
    hydrogens: bool = False
    alternates: bool = False
    prefix: str = ""
    first: int = 1
    defect: str = ""

    @property
    def emdb_id(self):
        return f"EMD-{990000 + self.number}"

    @property
    def pdb_id(self):
        return f"0s{self.number:02d}"

    @property
    def name(self):
        if self.kind == "cage":
            return "apoferritin-like cage (synthetic)"
        words = {"protein": "helical protein", "rna": "RNA duplex", "rnp": "RNA-protein complex"}
        return f"{words[self.kind]} {self.number} (synthetic)"


ENTRIES = (
    Entry(1, "cage", 1.25, "2020-10-21", ligands="MG:1 HOH:14", mode=0, sampling=2.5, softness=0.8),
    Entry(2, "cage", 1.55, "2020-10-21", ligands="MG:1 HOH:12", mode=1, softness=1.2),
    Entry(3, "cage", 1.7, "2020-10-21", ligands="MG:1 HOH:10", mode=1, sampling=2.5, softness=0.88),
    Entry(4, "cage", 1.85, "2020-10-21", ligands="MG:1 HOH:8", mode=12, softness=1.24),
    Entry(5, "cage", 2.0, "2021-03-17", ligands="MG:1 HOH:6", mode=0, axes=(3, 2, 1), softness=0.84),
    Entry(6, "cage", 2.2, "2021-03-17", ligands="MG:1 HOH:4", start=(-40, -40, -40), softness=0.8),
    Entry(7, "cage", 2.4, "2021-03-17", ligands="MG:1 HOH:2", mode=12, softness=1.16),
    Entry(8, "cage", 2.6, "2021-03-17", ligands="MG:1", crop=True, sampling=3.0, softness=1.12),
    Entry(9, "cage", 2.8, "2022-06-08", ligands="MG:1", mode=1, axes=(2, 1, 3), softness=0.84),
    Entry(10, "cage", 3.1, "2022-06-08", sampling=3.0, softness=1.2),
    Entry(11, "cage", 3.5, "2022-06-08", mode=12, start=(5, 6, 7), softness=0.88),
    Entry(12, "cage", 4.0, "2022-06-08", sampling=3.0, softness=1.08),
    Entry(13, "protein", 1.9, "2017-03-08", ((0, 3), (4, 7)), 1.37, "SO4:2 MG:1 HOH:60", 1, hydrogens=True),
    Entry(14, "protein", 2.2, "2017-03-08", ((0, 4), (0, 4)), 1.98, "GOL:2 ZN:1 HOH:40", 12, alternates=True),
    Entry(15, "protein", 2.4, "2017-03-08", ((2, 7),), 1.44, "BEN:1 SO4:1 HOH:25", axes=(3, 1, 2)),
    Entry(16, "protein", 2.6, "2019-05-15", ((0, 7),), 1.95, "NAG:1 HOH:20", first=21),
    Entry(17, "protein", 2.8, "2019-05-15", ((0, 3), (2, 5), (4, 7)), 1.42, "ATP:1 MG:2 HOH:15", 1),
    Entry(18, "protein", 2.9, "2019-05-15", ((1, 6), (1, 6)), 2.08, "ATP:2 MG:2", start=(12, -9, 30)),
    Entry(19, "protein", 3.0, "2023-01-18", ((0, 5), (3, 7)), 1.63, "ZN:2", axes=(2, 3, 1), start=(-7, 4, 11)),
    Entry(20, "protein", 3.1, "2023-01-18", ((0, 2), (2, 4), (4, 6), (5, 7)), 1.87, "GOL:1", 1, prefix="A"),
    Entry(21, "protein", 3.2, "2023-01-18", ((0, 7), (0, 3)), 1.44, "NAG:1", crop=True),
    Entry(22, "protein", 3.3, "2023-01-18", ((0, 4), (0, 4), (0, 4)), 1.93, mode=12),
    Entry(23, "protein", 3.5, "2023-11-29", ((1, 7), (0, 4)), 1.44, mask=6.0),
    Entry(24, "protein", 3.7, "2023-11-29", ((0, 3), (1, 4)), 1.58, flat_b=True, hydrogens=True),
    Entry(25, "protein", 3.9, "2023-11-29", ((0, 7), (2, 6)), 1.31, axes=(1, 3, 2)),
    Entry(26, "protein", 4.3, "2023-11-29", ((0, 5), (0, 5)), 1.90, mode=1),
    Entry(27, "protein", 4.8, "2024-08-14", ((0, 7), (0, 5)), 1.37),
    Entry(28, "protein", 5.6, "2024-08-14", ((0, 7), (0, 7)), 2.6, flat_b=True),
    Entry(29, "protein", 6.3, "2024-08-14", ((0, 6), (0, 6), (0, 6)), 2.8),
    Entry(30, "protein", 7.7, "2024-08-14", ((0, 7), (0, 7), (0, 7)), 2.35),
    Entry(31, "rna", 2.5, "2025-02-05", softness=1.61, ligands="MG:6 HOH:20", mode=1),
    Entry(32, "rna", 3.6, "2025-02-05", softness=1.84, ligands="MG:3"),
    Entry(33, "rnp", 3.0, "2025-02-05", ((0, 5),), 1.49, "MG:3", 12, start=(3, 0, -5)),
    Entry(34, "rnp", 4.1, "2025-02-05", ((0, 4), (2, 7)), 1.76),
    Entry(35, "protein", 3.3, "2025-06-25", ((0, 7), (0, 3)), 2.0, defect="partial"),
    Entry(36, "protein", 2.7, "2025-06-25", ((0, 5), (1, 4)), 1.5, ligands="HOH:20", defect="shifted"),
    Entry(37, "protein", 3.0, "2025-06-25", ((0, 6), (1, 5)), 1.6, mode=1, defect="hand"),
    Entry(38, "protein", 3.4, "2025-06-25", ((0, 4),), 1.6, defect="truncated"),
    Entry(39, "protein", 3.8, "2025-10-01", ((2, 6),), 1.6, defect="missing"),
    Entry(40, "protein", 4.4, "2025-10-01", ((1, 5),), 1.6, defect="no_atoms"),
    Entry(41, "protein", 3.6, "2025-10-01", ((0, 5),), 1.6, defect="no_resolution"),
)


# --- archive -----------------------------------------------------------------------------------


def build_archive(folder, *, seed=2026, progress=None, only=None):
    """Write the demonstration archive; it appears under its name only when it is whole.

    Parameters
    ----------
    folder : path-like
        New or empty folder; its parent is made.
    seed : int
        Seed of the noise, the sequences and the placing; the same seed gives the same bytes.
    progress : callable, optional
        Called with (done, total, label) before each entry and at the end.
    only : collection of str, optional
        EMD ids to build; all when None.

    Returns
    -------
    list of dict
        One record an entry: `emdb_id`, `pdb_id`, `kind`, `resolution`, `defect` and the truth of a
        planted defect, as written to ``planted.json``.

    Raises
    ------
    FileExistsError
        When `folder` exists and is not an empty folder.
    ValueError
        When `only` names an unknown entry.
    """
    folder = Path(folder).absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not an empty folder")
    entries = _selected(only)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        records = _write_all(temporary, entries, seed, progress or (lambda *_: None))
        temporary.chmod(0o755)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return records


def _selected(only):
    unknown = set(only or ()) - {entry.emdb_id for entry in ENTRIES}
    if unknown:
        raise ValueError(f"not in the demonstration archive: {', '.join(sorted(unknown))}")
    return [entry for entry in ENTRIES if only is None or entry.emdb_id in only]


def _write_all(root, entries, seed, progress):
    records = []
    for done, entry in enumerate(entries):
        progress(done, len(entries), entry.emdb_id)
        records.append(_write_entry(root, entry, np.random.default_rng([seed, entry.number])))
    progress(len(entries), len(entries), "done")
    (root / "README").write_text(README, encoding="utf-8")
    (root / "planted.json").write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    return records


def _write_entry(root, entry, rng):
    atoms, truth = assemble(entry, rng)
    density, start, intervals, atoms, step = render(entry, atoms, rng)
    if entry.defect == "hand":
        density, truth = density[::-1], {"mirrored_axis": "z"}
    if entry.defect == "shifted":
        atoms["xyz"] += SHIFT
        truth = {"shift": list(SHIFT)}
    values = _stored(density, entry.mode)
    numbers = _write_map(root, entry, values, start=start, intervals=intervals, step=step)
    if entry.defect != "missing":
        _write_model(root, entry, atoms)
    numbers["contour"] = _contour(values, len(atoms), step)
    _write_json(root / "emdb" / "api" / "entry" / f"{entry.emdb_id}.json", _document(entry, atoms, numbers))
    keys = ("emdb_id", "pdb_id", "kind", "resolution", "defect")
    return {key: getattr(entry, key) for key in keys} | truth


def _write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_gzip(path, content, *, keep=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(content, compresslevel=1, mtime=0)
    path.write_bytes(packed[: int(len(packed) * keep)])


# --- molecules ---------------------------------------------------------------------------------


def octahedral_rotations():
    """The 24 rotations of the point group O, ndarray of shape (24, 3, 3), identity first."""
    matrices = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        matrix = np.zeros((3, 3))
        matrix[range(3), order] = signs
        if np.linalg.det(matrix) > 0:
            matrices.append(matrix)
    return np.array(matrices)


def assemble(entry, rng):
    """Atoms of an entry with their B, and the truth of a planted domain.

    Returns an array of :data:`qscore.peptide.ATOM` (xyz in Å, about the origin) and a dict that is
    empty unless the entry has a domain less resolved than the rest.
    """
    atoms = cage(entry, rng) if entry.kind == "cage" else _complex(entry, rng)
    atoms["b"] *= entry.softness * np.interp(entry.resolution, *B_CURVE)
    truth = {}
    if entry.defect == "partial":
        length = DOMAIN_HELICES * (peptide.HELIX_LENGTH + 6)
        chain = (atoms["chain"] == atoms["chain"][0]) & (atoms["kind"] == "protein")
        last = int(atoms["number"][chain].max())
        atoms["b"][chain & (atoms["number"] > last - length)] += DOMAIN_B
        truth = {"chain": str(atoms["chain"][0]), "first": last - length + 1, "last": last, "added_b": DOMAIN_B}
    return atoms, truth


def cage(entry, rng):
    """A cage of 24 helix pairs with the symmetry of O about the origin, 80 Å across.

    Protein and rotamers are the same in every entry; ions and waters obey the symmetry too.
    """
    rotations = octahedral_rotations()
    unit, torsions = _cage_backbone()
    sequence = peptide.choose_sequence(
        np.concatenate([unit, *(unit @ r.T for r in rotations[1:])]), torsions, np.random.default_rng(24)
    )
    dressed = peptide.dress(unit, sequence, operations=rotations[1:])
    atoms = peptide.peptide_atoms(unit, dressed, chain="A", number=entry.first)
    atoms = np.concatenate([atoms, *_solvent(entry, atoms, rng, rotations[1:])])
    copies = []
    for rotation, chain in zip(rotations, ascii_uppercase, strict=False):
        copy = atoms.copy()
        copy["xyz"] = atoms["xyz"] @ rotation.T
        copy["chain"] = entry.prefix + chain
        copies.append(copy)
    return np.concatenate(copies)


def _cage_backbone():
    torsions = peptide.solenoid(*CAGE_HELICES)
    main = peptide.backbone(torsions)
    main = main - main.mean(axis=(0, 1))
    return main @ Rotation.from_rotvec(CAGE_TURN).as_matrix().T + CAGE_CENTRE, torsions


def _complex(entry, rng):
    bodies, chains = [], iter(ascii_uppercase)
    folds = {}
    for fold in entry.chains:
        if fold not in folds:
            folds[fold] = _chain(fold, entry, rng)
        bodies.append(_named(folds[fold], entry.prefix + next(chains)))
    if entry.kind in ("rna", "rnp"):
        sequence = "".join("ACGU"[k] for k in rng.integers(4, size=18 if entry.kind == "rna" else 12))
        bodies.append(peptide.rna_duplex(sequence, chains=(next(chains), next(chains))))
    bodies += _ligands(entry, bodies[0]["chain"][0])
    dock(bodies, rng)
    atoms = np.concatenate(bodies)
    return np.concatenate([atoms, *_solvent(entry, atoms, rng)])


def _chain(fold, entry, rng):
    torsions = peptide.solenoid(*fold, trim=int(rng.integers(4)))
    main = peptide.backbone(torsions)
    dressed = peptide.dress(main, peptide.choose_sequence(main, torsions, rng))
    atoms = peptide.peptide_atoms(main, dressed, chain="A", number=entry.first)
    if entry.alternates:
        atoms = np.concatenate([atoms, peptide.alternates(main, dressed, atoms)])
    if entry.hydrogens:
        atoms = np.concatenate([atoms, peptide.hydrogens(main, atoms)])
    if "NAG" in entry.ligands:
        atoms = np.concatenate([atoms, peptide.glycan(main, dressed, atoms)])
    return atoms[np.argsort(atoms["number"], kind="stable")]


def _named(atoms, chain):
    atoms = atoms.copy()
    atoms["chain"] = chain
    return atoms


def _counts(entry):
    return [(code, int(count)) for code, count in (item.split(":") for item in entry.ligands.split())]


def _ligands(entry, chain):
    bodies, number = [], 301
    for code, count in _counts(entry):
        for _ in range(count if code in (*peptide.LIGANDS, "ATP") else 0):
            names, xyz = peptide.ligand(code)
            bodies.append(
                _records(names, xyz, residue=code, chain=chain, numbers=[number] * len(names), kind="ligand", b=1.1)
            )
            number += 1
    return bodies


def _records(names, xyz, *, residue, chain, numbers, kind, b):
    records = np.zeros(len(names), dtype=peptide.ATOM)
    records["name"] = names
    records["element"] = names if kind == "ion" else [name[0] for name in names]
    records["residue"], records["chain"], records["number"] = residue, chain, numbers
    records["kind"], records["occupancy"], records["b"], records["xyz"] = kind, 1.0, b, xyz
    return records


def dock(bodies, rng, *, clearance=3.3):
    """Turn each body at random and slide it against those before it, in place.

    Parameters
    ----------
    bodies : list of structured ndarray
        Records of :data:`qscore.peptide.ATOM`.
    rng : numpy.random.Generator
    clearance : float
        Shortest distance between atoms of different bodies (Å).
    """
    placed = np.empty((0, 3))
    for body in bodies:
        xyz = (body["xyz"] - body["xyz"].mean(axis=0)) @ Rotation.from_quat(rng.normal(size=4)).as_matrix().T
        if len(placed):
            xyz = _slide(xyz, placed, rng.normal(size=3), clearance)
        body["xyz"] = xyz
        placed = np.concatenate([placed, xyz])


def _slide(xyz, placed, direction, clearance):
    direction /= np.linalg.norm(direction)
    tree, xyz = cKDTree(placed), xyz + placed.mean(axis=0)
    distance = np.linalg.norm(np.ptp(placed, axis=0)) + np.linalg.norm(np.ptp(xyz, axis=0))
    while True:
        gap = tree.query(xyz + distance * direction)[0].min()
        if gap < clearance + 0.2 or distance <= 0:
            return xyz + distance * direction
        distance -= max(0.1, gap - clearance - 0.1)


def _solvent(entry, atoms, rng, operations=()):
    """Ions near acidic or phosphate oxygens, waters near polar atoms: lists of records."""
    parts, number = [], 401
    chain = atoms["chain"][0]
    acids = atoms["xyz"][np.isin(atoms["name"], ("OD1", "OE1", "OP1", "O2B"))]
    polar = atoms["xyz"][np.isin(atoms["element"], ("O", "N"))]
    taken = atoms["xyz"]
    for code, count in _counts(entry):
        if code not in ("MG", "ZN", "HOH"):
            continue
        ion = code != "HOH"
        where = {"distance": 2.15 if ion else 2.85, "operations": operations}
        sites = _sites(acids if ion else polar, taken, count, rng, **where)
        taken = np.concatenate([taken, sites])
        labels = {"residue": code, "chain": chain, "numbers": range(number, number + len(sites))}
        names, labels["kind"], labels["b"] = ([code], "ion", 1.0) if ion else (["O"], "water", 1.15)
        parts.append(_records(names * len(sites), sites, **labels))
        number += len(sites)
    return parts


def _sites(anchors, taken, count, rng, *, distance, operations, between=3.05):
    """Points `distance` from an anchor and no closer to any atom, `between` (Å) from symmetry mates."""
    sites = []
    for _ in range(400 * count):
        if len(sites) == count:
            break
        way = rng.normal(size=3)
        site = anchors[rng.integers(len(anchors))] + distance * way / np.linalg.norm(way)
        own = np.concatenate([taken, *([s] for s in sites)])
        if _gap(site, own) < distance - 0.01:
            continue
        mates = [np.append(own, [site], axis=0) @ rotation.T for rotation in operations]
        if all(_gap(site, mate) > between for mate in mates):
            sites.append(site)
    return np.reshape(sites, (-1, 3))


def _gap(site, others):
    return np.sqrt(np.min(np.sum((others - site) ** 2, axis=1), initial=1e6))


# --- maps --------------------------------------------------------------------------------------


def render(entry, atoms, rng):
    """Density of an entry with its noise, in the frame of EMDB.

    Returns
    -------
    density : ndarray of float32, shape (nz, ny, nx)
    start, intervals : ndarray of int, shape (3,)
        Grid index of the first voxel and intervals along the cell, xyz.
    atoms : structured ndarray
        The atoms moved to where the map has them.
    step : float
        Voxel size (Å).
    """
    step = round(entry.resolution / entry.sampling, 3)
    xyz = atoms["xyz"]
    points = [next_fast_len(int(n / 2) + 1) * 2 for n in (np.ptp(xyz, axis=0) + 2 * PADDING) / step]
    points, start = np.array(points), np.array(entry.start)
    middle = (xyz.min(axis=0) + xyz.max(axis=0)) / 2
    atoms = atoms.copy()
    atoms["xyz"] = np.round(xyz - middle + (start + points // 2) * step, 3)
    density = _noisy_density(entry, atoms, rng, shape=tuple(points[::-1]), step=step, origin=start * step)
    if entry.crop:
        low, high = _around(atoms["xyz"] / step - start, margin=6.0 / step, points=points)
        density, start = density[tuple(map(slice, low[::-1], high[::-1]))], start + low
    return density, start, points, atoms, step


def _noisy_density(entry, atoms, rng, *, shape, step, origin):
    xyz, limit = atoms["xyz"], {"step": step, "d_min": entry.resolution}
    occupancy = atoms["occupancy"]
    density = simulate_density(
        xyz, atoms["element"], atoms["b"], shape=shape, origin=origin, occupancy=occupancy, **limit
    )
    density = add_noise(density, rng, symmetry=symmetrise if entry.kind == "cage" else None, **limit)
    return density * _mask(xyz, shape, step, origin, entry.mask) if entry.mask else density


def symmetrise(field):
    """Sum of a periodic cubic field over the rotations of O about its middle voxel, over √24.

    White noise of unit variance stays so off the symmetry axes. The group is taken as the product of
    its subgroups 222, 3 and 2, so nine fields are added instead of 24.
    """
    field = field + _mirrored(field, 0, 1)
    field = field + _mirrored(field, 1, 2)
    field = field + field.transpose(1, 2, 0) + field.transpose(2, 0, 1)
    field = field + _mirrored(field.transpose(0, 2, 1), 0, 1, 2)
    return field / np.float32(np.sqrt(24))


def _mirrored(field, *axes):
    return np.roll(np.flip(field, axes), [1] * len(axes), axes)


def _mask(xyz, shape, step, origin, radius):
    """1 within `radius` of the atoms, 0 three Å further out, a cosine between."""
    axes = [origin[2 - k] + step * np.arange(shape[k]) for k in range(3)]
    zyx = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    distance = cKDTree(xyz).query(zyx[..., ::-1], distance_upper_bound=radius + 3.0)[0]
    edge = np.clip((distance - radius) / 3.0, 0.0, 1.0)
    return (0.5 + 0.5 * np.cos(np.pi * edge)).astype(np.float32)


def _around(indices, *, margin, points):
    low = np.maximum(np.floor(indices.min(axis=0) - margin), 0).astype(int)
    return low, np.minimum(np.ceil(indices.max(axis=0) + margin) + 1, points).astype(int)


def _stored(density, mode):
    """The map in the numbers of an MRC mode, scaled to use their range."""
    rms = float(density.std())
    if mode == 0:
        return np.round(density * (127 / np.abs(density).max())).astype(MODES[0])
    if mode == 1:
        return np.round(density * min(100 / rms, 32000 / np.abs(density).max())).astype(MODES[1])
    return (density * ((1.0 if mode == 12 else 0.01) / rms)).astype(MODES[mode])


def _contour(values, atoms, step):
    """Level that encloses 18 Å³ an atom, as a recommended contour does."""
    share = min(atoms * 18.0 / (values.size * step**3), 0.5)
    flat = values.astype(np.float32).ravel()
    k = int((1 - share) * (len(flat) - 1))
    return round(float(np.partition(flat, k)[k]), 5)


def _write_map(root, entry, values, *, start, intervals, step):
    """Write the map file; returns the numbers its entry document repeats."""
    order = [axis - 1 for axis in entry.axes]
    values = np.ascontiguousarray(values.transpose([2 - axis for axis in reversed(order)]))
    plain = values.astype(np.float64)
    statistics = [float(f(plain)) for f in (np.min, np.max, np.mean, np.std)]
    low, high, mean, deviation = statistics
    header = np.zeros(256, dtype="<i4")
    real = header.view("<f4")
    header[0:3], header[3], header[4:7] = values.shape[::-1], entry.mode, start[order]
    header[7:10], real[10:13], real[13:16] = intervals, intervals * step, 90.0
    header[16:19], real[19:22], header[22] = entry.axes, (low, high, mean), 1
    header[27], header[55], real[54] = 20140, 1, deviation
    header.view("S4")[52:54] = b"MAP ", b"DD"
    header[56:76] = np.frombuffer(b"synthetic demonstration archive of qscore".ljust(80), dtype="<i4")
    path = root / "emdb" / "structures" / entry.emdb_id / "map" / f"{_map_stem(entry)}.map.gz"
    keep = 0.6 if entry.defect == "truncated" else 1.0
    _write_gzip(path, header.tobytes() + values.tobytes(), keep=keep)
    return {
        "shape": values.shape,
        "start": start[order],
        "intervals": intervals,
        "step": step,
        "statistics": dict(zip(("minimum", "maximum", "average", "std"), statistics, strict=True)),
    }


def _map_stem(entry):
    return entry.emdb_id.lower().replace("-", "_")


# --- models ------------------------------------------------------------------------------------

ATOM_SITE = (
    "group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_entity_id label_seq_id "
    "pdbx_PDB_ins_code Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv auth_seq_id auth_comp_id auth_asym_id "
    "auth_atom_id pdbx_PDB_model_num"
)
LETTERS = {three: one for one, three in peptide.THREE.items()} | {base: base for base in "ACGU"}
POLYMERS = {"protein": "polypeptide(L)", "rna": "polyribonucleotide"}


def _write_model(root, entry, atoms):
    path = root / "pdb" / "data" / "structures" / "divided" / "mmCIF" / entry.pdb_id[-3:-1]
    empty = entry.defect == "no_atoms"
    text = _header_text(entry, atoms) + ("" if empty else _atom_site(entry, atoms))
    _write_gzip(path / f"{entry.pdb_id}.cif.gz", text.encode())


def polymers(atoms):
    """Chains of residue names: dict of (kind, tuple of residue names) to list of chain ids."""
    entities = {}
    for chain in dict.fromkeys(atoms["chain"].tolist()):
        part = atoms[(atoms["chain"] == chain) & np.isin(atoms["kind"], list(POLYMERS))]
        if len(part):
            _, first = np.unique(part["number"], return_index=True)
            entities.setdefault((str(part["kind"][0]), tuple(part["residue"][first].tolist())), []).append(chain)
    return entities


def _small(atoms):
    return list(dict.fromkeys(atoms["residue"][~np.isin(atoms["kind"], list(POLYMERS))].tolist()))


def _loop(category, columns, rows):
    head = "".join(f"_{category}.{column}\n" for column in columns)
    return f"loop_\n{head}" + "".join(" ".join(map(str, row)) + "\n" for row in rows) + "#\n"


def _header_text(entry, atoms):
    entities, small = polymers(atoms), _small(atoms)
    kinds = [(k + 1, "polymer", f"'synthetic {kind} {k + 1}'") for k, (kind, _) in enumerate(entities)]
    kinds += [
        (len(entities) + k + 1, "water" if code == "HOH" else "non-polymer", code) for k, code in enumerate(small)
    ]
    sequences = [
        (k + 1, f"'{POLYMERS[kind]}'", "".join(LETTERS[r] for r in names), ",".join(chains))
        for k, ((kind, names), chains) in enumerate(entities.items())
    ]
    resolution = "?" if entry.defect == "no_resolution" else entry.resolution
    return (
        f"data_{entry.pdb_id.upper()}\n#\n_entry.id {entry.pdb_id.upper()}\n"
        f"_struct.title 'Synthetic demonstration model: {entry.name}'\n"
        f"_exptl.method 'ELECTRON MICROSCOPY'\n_em_3d_reconstruction.resolution {resolution}\n#\n"
        + _loop("entity", ("id", "type", "pdbx_description"), kinds)
        + _loop("entity_poly", ("entity_id", "type", "pdbx_seq_one_letter_code", "pdbx_strand_id"), sequences)
    )


def _labels(atoms):
    """label_asym_id, label_entity_id and label_seq_id of each atom, as lists of str."""
    number_of = {chain: k + 1 for k, chains in enumerate(polymers(atoms).values()) for chain in chains}
    small = {code: len(polymers(atoms)) + k + 1 for k, code in enumerate(_small(atoms))}
    firsts = {chain: atoms["number"][atoms["chain"] == chain].min() for chain in number_of}
    asyms, labels = {}, []
    for atom in atoms[["chain", "kind", "residue", "number"]].tolist():
        chain, kind, residue, number = atom
        if kind in POLYMERS:
            labels.append((chain, number_of[chain], number - firsts[chain] + 1))
            continue
        key = (chain, residue, 0 if kind == "water" else number)
        labels.append((asyms.setdefault(key, f"{chain}x{len(asyms)}"), small[residue], "."))
    return labels


def _atom_site(entry, atoms):
    constant = 30.0 if entry.flat_b else None
    order = np.argsort(~np.isin(atoms["kind"], list(POLYMERS)), kind="stable")
    atoms, rows = atoms[order], []
    for k, (atom, label) in enumerate(zip(atoms.tolist(), _labels(atoms), strict=True)):
        name, element, residue, chain, number, alternate, kind, occupancy, b, xyz = atom
        quoted = f'"{name}"' if "'" in name else name
        group = "ATOM" if kind in POLYMERS else "HETATM"
        place = " ".join(f"{x:.3f}" for x in xyz)
        rows.append(
            f"{group} {k + 1} {element} {quoted} {alternate or '.'} {residue} {label[0]} {label[1]} {label[2]} ? "
            f"{place} {occupancy:.2f} {constant or b:.2f} {number} {residue} {chain} {quoted} 1".split(" ")
        )
    return _loop("atom_site", ATOM_SITE.split(), rows)


# --- entry documents ---------------------------------------------------------------------------


def _text(value, **attributes):
    return attributes | {"valueOf_": str(value)}


def _sizes(values, units, names="xyz"):
    return {name: _text(f"{value:.6g}", units=units) for name, value in zip(names, values, strict=True)}


def _document(entry, atoms, numbers):
    """The entry as EMDB's API renders it (archive-contract.md, section 2)."""
    title = f"Synthetic demonstration archive: {entry.name}"
    day = f"{entry.released}T00:00:00"
    model = {"instance_type": "pdb_reference", "pdb_id": entry.pdb_id, "relationship": {"in_frame": "FULLOVERLAP"}}
    return {
        "admin": {
            "authors_list": {"author": _authors(entry)},
            "current_status": {"code": _text("REL"), "date": day, "processing_site": "PDBe"},
            "key_dates": {"deposition": day, "header_release": day, "map_release": day, "update": day},
            "title": title,
        },
        "crossreferences": {
            "citation_list": {"primary_citation": {"citation_type": _citation(entry)}},
            "pdb_list": {"pdb_reference": [model]},
        },
        "emdb_id": entry.emdb_id,
        "map": _map_document(entry, numbers),
        "sample": _sample(entry, atoms),
        "structure_determination_list": {"structure_determination": [_determination(entry)]},
        "version": "3.0.9.0",
    }


def _authors(entry):
    group = ascii_uppercase[entry.number // 3]
    return [{"instance_type": "author", "valueOf_": f"Synthetic {group}{k}"} for k in (1, 2)]


def _citation(entry):
    return {
        "author": [author | {"order": k + 1} for k, author in enumerate(_authors(entry))],
        "journal": "To Be Published",
        "published": False,
        "title": f"Synthetic demonstration archive, part {entry.number // 3 + 1}",
    }


def _map_document(entry, numbers):
    files = ("col", "row", "sec")
    names = [" XYZ"[axis] for axis in entry.axes]
    shape, intervals = numbers["shape"], [int(n) for n in numbers["intervals"]]
    cell = _sizes(numbers["intervals"] * numbers["step"], "Å", "abc")
    nbytes = 1024 + int(np.prod(shape)) * MODES[entry.mode].itemsize
    contour = {"instance_type": "contour", "level": numbers["contour"], "primary": True, "source": "AUTHOR"}
    return {
        "annotation_details": "synthetic",
        "axis_order": dict(zip(("fast", "medium", "slow"), names, strict=True)),
        "cell": cell | {angle: _text("90.0", units="deg") for angle in ("alpha", "beta", "gamma")},
        "contour_list": {"contour": [contour]},
        "data_type": DATA_TYPES[entry.mode],
        "dimensions": dict(zip(files, map(int, reversed(shape)), strict=True)),
        "file": f"{_map_stem(entry)}.map.gz",
        "format": "CCP4",
        "label": "::::synthetic::::",
        "origin": dict(zip(files, map(int, numbers["start"]), strict=True)),
        "pixel_spacing": _sizes([numbers["step"]] * 3, "Å"),
        "size_kbytes": nbytes // 1000,
        "spacing": dict(zip("xyz", intervals, strict=True)),
        "statistics": numbers["statistics"],
        "symmetry": {"space_group": "1"},
    }


def _sample(entry, atoms):
    molecules = []
    for (kind, names), chains in polymers(atoms).items():
        molecules.append(
            {
                "instance_type": "protein_or_peptide" if kind == "protein" else "rna",
                "name": _text(entry.name if entry.kind == "cage" else f"synthetic {kind} chain {chains[0]}"),
                "number_of_copies": str(len(chains)),
                "sequence": {"string": "".join(LETTERS[name] for name in names)},
            }
        )
    for code in _small(atoms):
        residues = atoms[atoms["residue"] == code][["chain", "number"]]
        copies = str(len(np.unique(residues)))
        molecules.append({"formula": code, "instance_type": "ligand", "name": _text(code), "number_of_copies": copies})
    molecules = [molecule | {"macromolecule_id": k + 1} for k, molecule in enumerate(molecules)]
    whole = {"instance_type": "complex_supramolecule", "name": _text(entry.name), "supramolecule_id": 1}
    return {
        "macromolecule_list": {"macromolecule": molecules},
        "name": _text(entry.name),
        "supramolecule_list": {"supramolecule": [whole]},
    }


def _determination(entry):
    reconstruction = {
        "applied_symmetry": {"point_group": "O" if entry.kind == "cage" else "C1"},
        "details": "synthetic: simulated density and noise, no images",
    }
    if entry.defect != "no_resolution":
        reconstruction["resolution"] = _text(entry.resolution, res_type="BY AUTHOR", units="Å")
        reconstruction["resolution_method"] = "FSC 0.143 CUT-OFF"
    processing = {"final_reconstruction": reconstruction, "image_processing_id": 1}
    return {
        "aggregation_state": "particle",
        "image_processing": [processing | {"instance_type": "singleparticle_processing"}],
        "instance_type": "structure_determination",
        "method": "singleParticle",
        "structure_determination_id": 1,
    }
