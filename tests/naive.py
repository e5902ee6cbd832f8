"""The literal slow twin: the Q-score from the bytes of a map and a model.

This file is the executable definition. It is written from the method's text (Pintilie et al.
2020, Nat. Methods 17:328, as MapQ 2.9.7 computes it), uses numpy and the standard library only,
imports nothing from the package, and prefers the plain way to the fast way. Lengths are in Å,
coordinates are x, y, z, densities are float64 arrays indexed [z][y][x].
"""

import gzip
import math
import re
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Rules:
    """The constants of the method; `dataclasses.replace(RULES, ...)` makes a mutant."""

    factor: float = 0.9  # a point at radius R is dropped if another atom is nearer than factor * R
    points: int = 8  # points a shell needs; also the first N, and the repeats at radius 0
    tries: int = 50  # N = 8, 10, ... 106
    step: float = 0.1  # Å between shells
    r_max: float = 2.0  # Å, radius of the last shell
    outside: float = 0.0  # value of a shell point outside the grid


RULES = Rules()
WATERS = {"HOH", "DOD", "WAT", "H2O"}


# ---------------------------------------------------------------------------------------------- map


@dataclass(frozen=True)
class Map:
    values: np.ndarray  # (nz, ny, nx) float64
    step: np.ndarray  # (3,) Å between voxels, x y z
    origin: np.ndarray  # (3,) Å, position of voxel 0, 0, 0, x y z


MODES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}


def read_bytes(path):
    raw = Path(path).read_bytes()
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def extension(path):
    """'.map' of 'emd_1.map.gz', in lower case."""
    path = Path(path)
    return (path.with_suffix("") if path.suffix.lower() == ".gz" else path).suffix.lower()


def read_map(path):
    """A CCP4/MRC2014 map; ValueError if it cannot be one with right angles."""
    raw = read_bytes(path)
    if len(raw) < 1024:
        raise ValueError(f"{path}: {len(raw)} bytes, a header has 1024")
    # A wrong byte order turns any column count from 1 to 65535 into 65536 or more.
    order = min("<>", key=lambda o: struct.unpack(o + "I", raw[:4])[0])

    def ints(word, n=3):
        return struct.unpack(f"{order}{n}i", raw[4 * word - 4 : 4 * (word + n) - 4])

    def floats(word, n=3):
        return np.array(struct.unpack(f"{order}{n}f", raw[4 * word - 4 : 4 * (word + n) - 4]))

    n_col, n_row, n_sec = ints(1)
    (mode,) = ints(4, 1)
    start = ints(5)  # of columns, rows, sections
    sampling = np.array(ints(8))  # MX, MY, MZ
    cell, angles = floats(11), floats(14)
    axes = ints(17)  # the axis (1 x, 2 y, 3 z) along columns, rows, sections
    (n_symmetry,) = ints(24, 1)
    file_origin = floats(50)
    if axes == (0, 0, 0):
        axes = (1, 2, 3)
    if mode not in MODES or sorted(axes) != [1, 2, 3]:
        raise ValueError(f"{path}: mode {mode}, axes {axes}")
    if not np.allclose(angles, 90.0, rtol=0, atol=1e-3):
        raise ValueError(f"{path}: cell angles {angles}, only right angles are read")
    if (sampling <= 0).any() or not (cell > 0).all():
        raise ValueError(f"{path}: cell {cell}, sampling {sampling}")

    dtype = np.dtype(order + MODES[mode])
    count = n_col * n_row * n_sec
    # A symmetry table declared longer than it is: the values are the end of the file.
    first = min(1024 + n_symmetry, len(raw) - count * dtype.itemsize)
    if min(n_col, n_row, n_sec) < 1 or first < 1024:
        raise ValueError(f"{path}: {n_col} x {n_row} x {n_sec} values of {dtype} are not in it")
    stored = np.frombuffer(raw, dtype, count, first).reshape(n_sec, n_row, n_col)

    where = dict(zip(axes, (2, 1, 0)))  # the dimension of `stored` along axis 1, 2, 3
    values = stored.transpose(where[3], where[2], where[1]).astype(np.float64)
    start_xyz = np.array([start[axes.index(axis)] for axis in (1, 2, 3)])
    step = cell / sampling
    origin = start_xyz * step
    if extension(path) == ".mrc" and np.isfinite(file_origin).all() and file_origin.any():
        origin = file_origin
    return Map(values, step, origin)


def voxel_coordinates(density, points):
    """Grid coordinates (x, y, z; voxel 0, 0, 0 at zero) of `points` (n, 3), and whether inside."""
    u = (np.asarray(points, dtype=np.float64) - density.origin) / density.step
    last = np.array(density.values.shape[::-1]) - 1
    return u, ((u >= 0) & (u <= last)).all(axis=1)


def trilinear(density, points, rules=RULES):
    """Values at `points` (n, 3) Å; outside the grid, [0, n-1] on each axis, `rules.outside`."""
    u, inside = voxel_coordinates(density, points)
    rho = density.values
    low = np.floor(u[inside]).astype(int)
    high = np.minimum(low + 1, np.array(rho.shape[::-1]) - 1)
    (x0, y0, z0), (x1, y1, z1) = low.T, high.T
    tx, ty, tz = (u[inside] - low).T

    def between(a, b, t):
        return a + t * (b - a)

    y0z0 = between(rho[z0, y0, x0], rho[z0, y0, x1], tx)
    y1z0 = between(rho[z0, y1, x0], rho[z0, y1, x1], tx)
    y0z1 = between(rho[z1, y0, x0], rho[z1, y0, x1], tx)
    y1z1 = between(rho[z1, y1, x0], rho[z1, y1, x1], tx)
    out = np.full(len(u), rules.outside)
    out[inside] = between(between(y0z0, y1z0, ty), between(y0z1, y1z1, ty), tz)
    return out


# -------------------------------------------------------------------------------------------- atoms


@dataclass(frozen=True)
class Atom:
    serial: object  # int where the field is a number, else the text
    name: str
    altloc: str  # '' if none
    resname: str
    chain: str  # the author's
    number: object  # the author's; int where it is a number
    icode: str  # '' if none
    element: str  # upper case
    x: float
    y: float
    z: float
    occupancy: float
    water: bool


def read_atoms(path):
    """The non-hydrogen atoms of the first model, all alternate locations, in file order."""
    text = read_bytes(path).decode("utf-8", errors="replace")
    atoms = cif_atoms(text) if extension(path) in (".cif", ".mmcif") else pdb_atoms(text)
    return [atom for atom in atoms if atom.element not in ("H", "D")]


def number_or_text(field):
    try:
        return int(field)
    except ValueError:
        return field.strip()


def pdb_atoms(text):
    atoms = []
    for line in text.splitlines():
        if line.startswith("ENDMDL"):
            break
        if not line.startswith(("ATOM  ", "HETATM")):
            continue
        line = line.ljust(80)
        resname = line[17:20].strip()
        atoms.append(
            Atom(
                serial=number_or_text(line[6:11]),
                name=line[12:16].strip(),
                altloc=line[16].strip(),
                resname=resname,
                chain=line[21].strip(),
                number=number_or_text(line[22:26]),
                icode=line[26].strip(),
                element=line[76:78].strip().upper() or element_of_name(line[12:16]),
                x=float(line[30:38]),
                y=float(line[38:46]),
                z=float(line[46:54]),
                occupancy=float(line[54:60].strip() or 1),
                water=resname in WATERS,
            )
        )
    return atoms


def element_of_name(columns):
    """Element by the PDB alignment rule: right-justified in the first two of the four columns.

    The one exception: hydrogen names of four characters start in the first column ('HG11' is a
    hydrogen, 'HG  ' is mercury); their digit may have been moved there ('1HB ').
    """
    columns = columns.upper()
    if len(columns.strip()) == 4 and columns[0] in "HD":
        return columns[0]
    if not columns[0].isalpha():
        return columns[1].strip()
    return columns[:2] if columns[1].isalpha() else columns[0]


def cif_tokens(text):
    """(bare, value) for each token of a CIF; quoted and semicolon text is not bare."""
    word = re.compile(r"""'(.*?)'(?=\s|$)|"(.*?)"(?=\s|$)|(\#.*)|(\S+)""")
    block = None
    for line in text.splitlines():
        if block is not None:
            if not line.startswith(";"):
                block.append(line)
                continue
            yield False, "\n".join(block)
            block, line = None, line[1:]
        elif line.startswith(";"):
            block = [line[1:]]
            continue
        for single, double, comment, bare in (match.groups() for match in word.finditer(line)):
            if comment is None:
                yield bare is not None, next(v for v in (single, double, bare) if v is not None)


def is_keyword(bare, value):
    return bare and re.match(r"_|loop_$|data_|save_|stop_$|global_$", value, re.IGNORECASE)


def atom_site_rows(text):
    """The rows of the first `_atom_site` loop as dicts, tags in lower case without the category."""
    tokens = cif_tokens(text)
    tags, row = [], []
    for bare, value in tokens:
        if bare and value.lower().startswith("_atom_site."):
            tags.append(value.lower().removeprefix("_atom_site."))
        elif tags and is_keyword(bare, value):
            return
        elif tags:
            row.append("" if bare and value in (".", "?") else value)
            if len(row) == len(tags):
                yield dict(zip(tags, row))
                row = []


def author(row, item):
    """The author's chain, number, residue or atom name; the label where there is none."""
    return row.get(f"auth_{item}_id") or row.get(f"label_{item}_id", "")


def cif_atoms(text):
    atoms, first_model = [], None
    for row in atom_site_rows(text):
        model = row.get("pdbx_pdb_model_num", "")
        first_model = model if first_model is None else first_model
        if model != first_model:
            continue

        atoms.append(
            Atom(
                serial=number_or_text(row["id"]),
                name=author(row, "atom"),
                altloc=row.get("label_alt_id", ""),
                resname=author(row, "comp"),
                chain=author(row, "asym"),
                number=number_or_text(author(row, "seq")),
                icode=row.get("pdbx_pdb_ins_code", ""),
                element=row["type_symbol"].upper(),
                x=float(row["cartn_x"]),
                y=float(row["cartn_y"]),
                z=float(row["cartn_z"]),
                occupancy=float(row.get("occupancy") or 1),
                water=author(row, "comp") in WATERS,
            )
        )
    return atoms


def select_altlocs(atoms):
    """(kept, n_dropped): a residue keeps its unlabelled atoms and those of its lowest label."""

    def residue(atom):
        return atom.chain, atom.number, atom.icode

    lowest = {}
    for atom in atoms:
        if atom.altloc:
            label = lowest.get(residue(atom), atom.altloc)
            lowest[residue(atom)] = min(label, atom.altloc)
    kept = [a for a in atoms if not a.altloc or a.altloc == lowest[residue(a)]]
    return kept, len(atoms) - len(kept)


def positions(atoms):
    return np.array([(a.x, a.y, a.z) for a in atoms], dtype=np.float64).reshape(-1, 3)


# ------------------------------------------------------------------------------------------ Q-score


@cache
def directions(n):
    """`n` unit vectors (n, 3) along the generalised spiral, from the south pole to the north."""
    out, theta = [], 0.0
    for k in range(1, n + 1):
        h = -1 + 2 * (k - 1) / (n - 1)
        phi = math.acos(h)
        if k in (1, n):
            theta = 0.0
        else:
            theta = (theta + 3.6 / math.sqrt(n * (1 - h * h))) % (2 * math.pi)
        x, y = math.sin(phi) * math.cos(theta), math.sin(phi) * math.sin(theta)
        out.append((x, y, math.cos(phi)))
    return np.array(out)


def radii(rules=RULES):
    """0/10, 1/10 ... 20/10 Å."""
    per_angstrom = round(1 / rules.step)
    return [i / per_angstrom for i in range(round(rules.r_max * per_angstrom) + 1)]


def shell_points(radius, atom_xyz, others_xyz, rules=RULES):
    """The points (n, 3) of one shell that belong to the atom: at least 8, or none."""
    if radius == 0:
        return np.repeat(atom_xyz[None, :], rules.points, axis=0)
    for attempt in range(rules.tries):
        points = atom_xyz + radius * directions(rules.points + 2 * attempt)
        distance = np.sqrt(((points[:, None, :] - others_xyz[None, :, :]) ** 2).sum(axis=2))
        taken = (distance < rules.factor * radius).any(axis=1)
        if (~taken).sum() >= rules.points:
            return points[~taken]
    return np.empty((0, 3))


def shells(density, atom_xyz, others_xyz, rules=RULES):
    """[(radius, points (n, 3), values (n,)), ...], 21 shells; n is 0 where every try failed."""
    atom_xyz = np.asarray(atom_xyz, dtype=np.float64)
    others_xyz = np.asarray(others_xyz, dtype=np.float64).reshape(-1, 3)
    # Only to save time: an atom beyond r_max + factor * r_max = 3.8 Å cannot take a point.
    distance = np.sqrt(((others_xyz - atom_xyz) ** 2).sum(axis=1))
    others_xyz = others_xyz[distance < rules.r_max * (1 + rules.factor) + 0.1]
    out = []
    for radius in radii(rules):
        points = shell_points(radius, atom_xyz, others_xyz, rules)
        out.append((radius, points, trilinear(density, points, rules)))
    return out


def correlation(a, b):
    """Correlation about the mean, in two passes."""
    da = a - a.mean()
    db = b - b.mean()
    return float((da * db).sum() / (math.sqrt((da * da).sum()) * math.sqrt((db * db).sum())))


def unscored_reason(density, atom_xyz, sampled):
    """'outside' (the atom's centre is), 'constant' (all sampled values equal), or ''."""
    if not voxel_coordinates(density, np.reshape(atom_xyz, (1, 3)))[1][0]:
        return "outside"
    values = np.concatenate([v for _, _, v in sampled])
    return "constant" if (values == values[0]).all() else ""


def q_of_shells(sampled, sigma):
    r = np.concatenate([np.full(len(v), radius) for radius, _, v in sampled])
    values = np.concatenate([v for _, _, v in sampled])
    return correlation(values, np.exp(-(r**2) / (2 * sigma**2)))


def q_score(density, atom, all_atoms, sigma, rules=RULES):
    """Q of `atom`, one of `all_atoms` (alternate locations already chosen); NaN if unscored."""
    others = positions([other for other in all_atoms if other is not atom])
    sampled = shells(density, positions([atom])[0], others, rules)
    if unscored_reason(density, positions([atom])[0], sampled):
        return math.nan
    return q_of_shells(sampled, sigma)


def score_atoms(density, atoms, sigmas=(0.4, 0.6), which=None, rules=RULES):
    """Score `atoms[i]` for i in `which` (default all) among all `atoms`.

    The dict has `which`, `atoms` (the chosen), `water`, `reason` ('' where scored), and under `q`
    one array for each sigma, NaN where there is a reason.
    """
    xyz = positions(atoms)
    which = np.arange(len(atoms)) if which is None else np.asarray(which, dtype=int)
    q = {sigma: np.full(len(which), math.nan) for sigma in sigmas}
    reason = []
    for row, i in enumerate(which):
        sampled = shells(density, xyz[i], np.delete(xyz, i, axis=0), rules)
        reason.append(unscored_reason(density, xyz[i], sampled))
        if not reason[-1]:
            for sigma in sigmas:
                q[sigma][row] = q_of_shells(sampled, sigma)
    chosen = [atoms[i] for i in which]
    water = np.array([a.water for a in chosen], dtype=bool)
    reason = np.array(reason, dtype=object)
    return {"which": which, "atoms": chosen, "water": water, "reason": reason, "q": q}


def score(map_path, model_path, sigmas=(0.4, 0.6), which=None, rules=RULES):
    """`score_atoms` of two files, and `n_dropped`; `which` counts atoms after `select_altlocs`."""
    atoms, n_dropped = select_altlocs(read_atoms(model_path))
    result = score_atoms(read_map(map_path), atoms, sigmas, which, rules)
    return {**result, "n_dropped": n_dropped}


# ------------------------------------------------------------------------------------- entry means


def mean_or_nan(q):
    return float(q.mean()) if len(q) else math.nan


def q_mean(q, water):
    """EMDB's: waters left out, an unscored atom is 0."""
    return mean_or_nan(np.where(np.isnan(q), 0.0, q)[~water])


def q_scored(q, water):
    """Waters and unscored atoms left out."""
    return mean_or_nan(q[~water & ~np.isnan(q)])


def q_all(q, water):
    """Waters too, an unscored atom is 0."""
    return mean_or_nan(np.where(np.isnan(q), 0.0, q))
