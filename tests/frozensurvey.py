"""A small survey of pairs made by arithmetic, and its tables as they once were (`frozen/`).

    python tests/frozensurvey.py     freezes the tables anew: only when values are meant to change, told in CHANGELOG

The pairs come from Python's own random numbers, and the map's values are multiples of 2⁻¹², so that every version of
every library reads the same bytes. A chain on a lattice, a ligand, waters; one entry with a stretch that has no
density, one whose model is moved, one that claims more than its map shows, one whose model is missing.
"""

import csv
import random
import sys
import tempfile
from pathlib import Path

import numpy as np
import stagewise
from pairs import pdb_line, write_map

from qscore import tables

FROZEN = Path(__file__).resolve().parent / "frozen"
N, POINTS, STEP, RESIDUES = 34, 36, 1.1, 30
UNSEEN, MOVED, CLAIMED, MISSING = 5, 9, 17, 13  # pairs with something planted
UNLIKE = {"map_stamp", "model_stamp", "version"}  # columns that hold when and by what it was made
IN_FULL = {"EMD-5", "EMD-6"}  # entries all of whose residues are kept
RULES = (*stagewise.TABLES, "fit", "outliers", "regions", "rivals")
TABLES = (
    "tables/entries.parquet", "tables/residues.parquet", "tables/ligands.parquet", "tables/chains.parquet",
    "tables/inclusion.parquet", "outliers/outliers.parquet", "regions/regions.parquet", "regions/entries.parquet",
    "regions/ligands.parquet", "fit/lines.tsv", "fit/offsets.tsv", "rivals/rivals.parquet",
    "rivals/correlations.parquet",
)  # fmt: skip


# ---- the pairs ----


def write_pairs(folder: Path) -> Path:
    """The maps and models, and a table of them; its path."""
    lines = ["emdb_id\tpdb_id\tresolution\tcontour_level\tresolution_method\tmethod\tsample\tmap\tmodel"]
    for n in range(N):
        resolution = 2.2 + 0.06 * n
        (folder / str(n)).mkdir(parents=True)
        atoms = molecule(random.Random(n))
        if n != MISSING:
            write_atoms(folder / str(n) / "m.pdb", atoms, moved=1.3 if n == MOVED else 0.0)
        seen = [atom for atom in atoms if n != UNSEEN or not 8 <= atom[3] < 17]
        values = density(seen, 4.6 if n == CLAIMED else resolution, random.Random(n + N))
        write_map(folder / str(n) / "m.map", values, step=STEP)
        cells = (
            f"EMD-{n}",
            f"f{n}",
            f"{resolution:.2f}",
            "0.5",
            "FSC 0.143 CUT-OFF",
            "singleParticle",
            f"protein {n // 2}",
        )
        lines.append("\t".join((*cells, f"{n}/m.map", f"{n}/m.pdb")))
    (folder / "pairs.tsv").write_text("\n".join(lines) + "\n")
    return folder / "pairs.tsv"


def molecule(rng: random.Random) -> list[tuple]:
    """Atoms of a chain that runs to and fro on a lattice, of a ligand and of waters: x, y, z, residue, name, kind."""
    offsets = {"N": (-1.2, 0.4, 0.2), "CA": (0, 0, 0), "C": (1.2, 0.5, -0.3), "O": (1.3, 1.7, -0.5), "CB": (0, -1, 1.1)}
    atoms = []
    for number in range(RESIDUES):
        layer, place = divmod(number, 10)
        row, column = divmod(place, 5)
        column = 4 - column if row % 2 else column
        centre = np.array([8.0 + 4.2 * column, 9.0 + 5.5 * row, 9.0 + 5.5 * layer])
        for name, offset in offsets.items():
            jitter = np.array([rng.uniform(-0.15, 0.15) for _ in range(3)])
            atoms.append((*(centre + offset + jitter), number + 1, name, "ALA"))
    for k in range(6):
        atoms.append((10 + 1.5 * (k % 3), 21.5 + 1.5 * (k // 3), 14.0, 101, f"C{k + 1}", "LIG"))
    for k in range(3):
        atoms.append((12 + 5.0 * k, 26.0, 20.0, 201 + k, "O", "HOH"))
    return atoms


def write_atoms(path: Path, atoms: list[tuple], moved: float) -> None:
    lines = []
    for k, (x, y, z, number, name, kind) in enumerate(atoms):
        line = pdb_line(
            k + 1, (x + moved, y, z), name=name, residue=kind, number=number, element=name[0],
            chain="A" if kind == "ALA" else "B",
        )  # fmt: skip
        lines.append(line if kind == "ALA" else line.replace("ATOM  ", "HETATM"))
    path.write_text("".join(lines) + "END\n")


def density(atoms: list[tuple], resolution: float, rng: random.Random) -> np.ndarray:
    """Gaussians of the atoms, wider and weaker against the noise the lower the resolution; z y x."""
    axis, sigma = STEP * np.arange(POINTS), 0.3 + 0.2 * resolution
    values = np.zeros((POINTS,) * 3)
    for x, y, z, *_ in atoms:
        along = [np.exp(-((axis - at) ** 2) / (2 * sigma**2)) for at in (z, y, x)]
        values += along[0][:, None, None] * along[1][:, None] * along[2]
    noise = np.array([rng.gauss(0.0, 0.04 * resolution) for _ in range(values.size)]).reshape(values.shape)
    return (np.round((values + noise) * 4096) / 4096).astype(np.float32)


# ---- the survey ----


def run(folder: Path) -> dict[str, list[dict[str, str]]]:
    """The tables of the survey, made in a folder stage by stage: name → rows of text."""
    results = stagewise.survey(write_pairs(folder / "data"), folder / "results", RULES, per_batch=N)
    return {name.replace("/", "-").partition(".")[0]: rows_of(results / name, f"{folder}/") for name in TABLES}


def rows_of(path: Path, here: str) -> list[dict[str, str]]:
    """Rows of a table as text: nine digits of a number, no word of where it was made."""
    rows = tables.read_tsv(path) if path.suffix == ".tsv" else tables.read_rows(path)
    kept = [row for row in rows if path.stem not in ("residues", "inclusion") or row["emdb_id"] in IN_FULL]
    return [{key: text_of(value).replace(here, "") for key, value in row.items() if key not in UNLIKE} for row in kept]


def text_of(value) -> str:
    if value is None:
        return ""
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def frozen() -> dict[str, list[dict[str, str]]]:
    """The tables as they once were."""
    found = {}
    for path in sorted(FROZEN.glob("*.tsv")):
        with open(path, encoding="utf-8", newline="") as stream:
            found[path.stem] = list(csv.DictReader(stream, delimiter="\t"))
    return found


def freeze() -> None:
    """Write the tables as they are now."""
    FROZEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in run(Path(folder)).items():
            with open(FROZEN / f"{name}.tsv", "w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(
                    stream, list(rows[0]) if rows else ["empty"], delimiter="\t", lineterminator="\n"
                )
                writer.writeheader()
                writer.writerows(rows)
            print(f"{name}: {len(rows)} rows, {len(rows[0]) if rows else 0} columns", file=sys.stderr)


if __name__ == "__main__":
    freeze()
