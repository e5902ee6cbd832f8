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

from qscore import peptide
from qscore.simulate import add_noise, simulate_density

B_CURVE = (
    (1.2, 1.8, 2.5, 3.2, 4.0, 5.0, 6.5, 8.0),
    (15.0, 35.0, 60.0, 100.0, 160.0, 250.0, 400.0, 600.0),
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
DOMAIN_HELICES, DOMAIN_B = 3, 400.0
SHIFT = (3.9, -4.4, 2.7)
BASES = np.array(["A", "C", "G", "U"])
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
    Entry(1, "cage", 1.25, "2020-10-21", ligands="MG:1 HOH:14", mode=0, sampling=2.5),
    Entry(2, "cage", 1.55, "2020-10-21", ligands="MG:1 HOH:12", mode=1),
    Entry(3, "cage", 1.7, "2020-10-21", ligands="MG:1 HOH:10", mode=1, sampling=2.5),
    Entry(4, "cage", 1.85, "2020-10-21", ligands="MG:1 HOH:8", mode=12),
    Entry(5, "cage", 2.0, "2021-03-17", ligands="MG:1 HOH:6", mode=0, axes=(3, 2, 1)),
    Entry(6, "cage", 2.2, "2021-03-17", ligands="MG:1 HOH:4", start=(-40, -40, -40)),
    Entry(7, "cage", 2.4, "2021-03-17", ligands="MG:1 HOH:2", mode=12),
    Entry(8, "cage", 2.6, "2021-03-17", ligands="MG:1", crop=True, sampling=3.0),
    Entry(9, "cage", 2.8, "2022-06-08", ligands="MG:1", mode=1, axes=(2, 1, 3)),
    Entry(10, "cage", 3.1, "2022-06-08", sampling=3.0),
    Entry(11, "cage", 3.5, "2022-06-08", mode=12, start=(5, 6, 7)),
    Entry(12, "cage", 4.0, "2022-06-08", sampling=3.0),
    Entry(13, "protein", 1.9, "2017-03-08", ((0, 3), (4, 7)), 0.95, "SO4:2 MG:1 HOH:60", 1, hydrogens=True),
    Entry(14, "protein", 2.2, "2017-03-08", ((0, 4), (0, 4)), 1.20, "GOL:2 ZN:1 HOH:40", 12, alternates=True),
    Entry(15, "protein", 2.4, "2017-03-08", ((2, 7),), 0.90, "BEN:1 SO4:1 HOH:25", axes=(3, 1, 2)),
    Entry(16, "protein", 2.6, "2019-05-15", ((0, 7),), 1.15, "NAG:2 HOH:20", first=21),
    Entry(17, "protein", 2.8, "2019-05-15", ((0, 3), (2, 5), (4, 7)), 0.92, "ATP:1 MG:2 HOH:15", 1),
    Entry(18, "protein", 2.9, "2019-05-15", ((1, 6), (1, 6)), 1.22, "ATP:2 MG:2", start=(12, -9, 30)),
    Entry(19, "protein", 3.0, "2023-01-18", ((0, 5), (3, 7)), 1.0, "ZN:2", axes=(2, 3, 1), start=(-7, 4, 11)),
    Entry(20, "protein", 3.1, "2023-01-18", ((0, 2), (2, 4), (4, 6), (5, 7)), 1.10, "GOL:1", 1, prefix="A"),
    Entry(21, "protein", 3.2, "2023-01-18", ((0, 7), (0, 3)), 0.88, "NAG:1", crop=True),
    Entry(22, "protein", 3.3, "2023-01-18", ((0, 4), (0, 4), (0, 4)), 1.25, mode=12),
    Entry(23, "protein", 3.5, "2023-11-29", ((1, 7), (0, 4)), 0.95, mask=6.0),
    Entry(24, "protein", 3.7, "2023-11-29", ((0, 3), (1, 4)), 1.15, flat_b=True, hydrogens=True),
    Entry(25, "protein", 3.9, "2023-11-29", ((0, 7), (2, 6)), 0.90, axes=(1, 3, 2)),
    Entry(26, "protein", 4.3, "2023-11-29", ((0, 5), (0, 5)), 1.05, mode=1),
    Entry(27, "protein", 4.8, "2024-08-14", ((0, 7), (0, 5)), 1.0),
    Entry(28, "protein", 5.6, "2024-08-14", ((0, 7), (0, 7)), 1.0, flat_b=True),
    Entry(29, "protein", 6.6, "2024-08-14", ((0, 6), (0, 6), (0, 6)), 1.0),
    Entry(30, "protein", 7.9, "2024-08-14", ((0, 7), (0, 7), (0, 7)), 1.0),
    Entry(31, "rna", 2.5, "2025-02-05", softness=1.1, ligands="MG:6 HOH:20", mode=1),
    Entry(32, "rna", 3.6, "2025-02-05", softness=1.0, ligands="MG:3"),
    Entry(33, "rnp", 3.0, "2025-02-05", ((0, 5),), 1.05, "MG:3", 12, start=(3, 0, -5)),
    Entry(34, "rnp", 4.1, "2025-02-05", ((0, 4), (2, 7)), 1.1),
    Entry(35, "protein", 3.3, "2025-06-25", ((0, 7), (0, 4)), defect="partial"),
    Entry(36, "protein", 2.7, "2025-06-25", ((0, 5), (1, 4)), ligands="HOH:20", defect="shifted"),
    Entry(37, "protein", 3.0, "2025-06-25", ((0, 6), (1, 5)), mode=1, defect="hand"),
    Entry(38, "protein", 3.4, "2025-06-25", ((0, 4),), defect="truncated"),
    Entry(39, "protein", 3.8, "2025-10-01", ((2, 6),), defect="missing"),
    Entry(40, "protein", 4.4, "2025-10-01", ((1, 5),), defect="no_atoms"),
    Entry(41, "protein", 3.6, "2025-10-01", ((0, 5),), defect="no_resolution"),
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
    numbers = _write_map(root, entry, values, start, intervals, step)
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
