"""The entries of the demonstration archive: what each is made of, and what is wrong with some."""

from dataclasses import dataclass


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
        Factor on the B of :data:`~qscore.synthetic.molecules.B_CURVE`.
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
    def map_name(self):
        return f"{self.emdb_id.lower().replace('-', '_')}.map.gz"

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
