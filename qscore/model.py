"""A model file becomes arrays of its non-hydrogen atoms; Q is written back as mmCIF.

PDB files are turned into mmCIF by gemmi first, so there is one way to read atoms.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, fields, replace
from pathlib import Path

import gemmi
import numpy as np

from qscore.errors import UnusableEntry

CLASSES = ("protein", "nucleic", "ligand", "glycan", "ion", "water")
PROTEIN_BACKBONE = frozenset({"N", "CA", "C", "O", "OXT"})
NUCLEIC_BACKBONE = frozenset(
    "P OP1 OP2 OP3 O1P O2P O3P O5' C5' C4' O4' C3' O3' C2' O2' C1' O5* C5* C4* O4* C3* O3* C2* O2* C1*".split()  # noqa: SIM905
)
Q_COLUMN = "_atom_site.Q-score"


@dataclass(frozen=True)
class Model:
    """Non-hydrogen atoms of one model as parallel arrays of length n.

    Attributes
    ----------
    position : ndarray, float, shape (n, 3)
        Å, x y z.
    serial, chain, number, icode, residue, atom, altloc, element : ndarray of str
        Atom serial, author chain, author residue number, insertion code,
        residue name, atom name, alternate location, element; blank as "".
    occupancy, b_iso : ndarray, float
        Occupancy; B-factor in Å².
    site_occupancy : ndarray, float
        That of all alternate locations of the atom together, at most 1.
    kind : ndarray, int8
        Index into `CLASSES`.
    backbone : ndarray, bool
        Of protein (N CA C O OXT) and nucleic acid (sugar and phosphate).
    residue_index : ndarray, int
        Number of the atom's residue, 0 … in order of first appearance.
    row : ndarray, int
        Row of the atom in the file's ``_atom_site`` loop.
    n_hydrogen, n_altloc : int
        Atoms left out: hydrogens and deuteriums; alternate locations not kept.
    n_models : int
        Models in the file.
    """

    position: np.ndarray
    serial: np.ndarray
    chain: np.ndarray
    number: np.ndarray
    icode: np.ndarray
    residue: np.ndarray
    atom: np.ndarray
    altloc: np.ndarray
    element: np.ndarray
    occupancy: np.ndarray
    b_iso: np.ndarray
    site_occupancy: np.ndarray
    kind: np.ndarray
    backbone: np.ndarray
    residue_index: np.ndarray
    row: np.ndarray
    n_hydrogen: int = 0
    n_altloc: int = 0
    n_models: int = 1

    def __len__(self) -> int:
        return len(self.position)

    def take(self, which) -> Model:
        """The atoms at an index or boolean array, in that order."""
        arrays = {f.name: getattr(self, f.name)[which] for f in fields(self) if not f.name.startswith("n_")}
        return replace(self, **arrays)

    def is_class(self, name: str) -> np.ndarray:
        """Which atoms belong to a class → bool (n,)."""
        return self.kind == CLASSES.index(name)


def read_model(path, *, model_number: int | None = None) -> Model:
    """Read the non-hydrogen atoms of one model.

    Of each residue's alternate locations the lowest label is kept, with the
    atoms that have none. Hydrogens and deuteriums are known by element.

    Parameters
    ----------
    path : path-like
        mmCIF or PDB, gzip-compressed or not.
    model_number : int, optional
        ``pdbx_PDB_model_num`` of the model; the file's first by default.

    Raises
    ------
    UnusableEntry
        ``model_missing``, ``model_unreadable``, ``model_no_atoms``.
    ValueError
        The file has no model of that number.
    """
    return model_from_block(read_block(path), name=Path(path).name, model_number=model_number)


def read_block(path) -> gemmi.cif.Block:
    """A model file as an mmCIF block (the first with atoms; else the first)."""
    return block_with_atoms(read_document(Path(path)))


def block_with_atoms(document: gemmi.cif.Document) -> gemmi.cif.Block:
    """The first block with atoms; else the first."""
    return next((block for block in document if block.find_values("_atom_site.Cartn_x")), document[0])


def read_document(path: Path) -> gemmi.cif.Document:
    """A model file as an mmCIF document with at least one block."""
    if not path.is_file():
        raise UnusableEntry("model_missing", f"{'a folder, not a file' if path.is_dir() else 'no such file'}: {path}")
    try:
        if path.name.lower().removesuffix(".gz").endswith((".pdb", ".ent")):
            return _document_from_pdb(path)
        document = gemmi.cif.read_string(_whole(path))
    except (RuntimeError, ValueError, OSError, EOFError, zlib.error) as err:
        if _is_map(path):
            raise UnusableEntry("model_unreadable", f"{path.name} is a map: MAP comes first, then MODEL") from err
        raise UnusableEntry("model_unreadable", f"{path.name}: {err}") from err
    if len(document) == 0:
        raise UnusableEntry("model_unreadable", f"{path.name}: no data block")
    return document


def _whole(path: Path) -> bytes:
    """The bytes of a file, decompressed when they are gzip: gemmi takes what it gets of a damaged stream."""
    raw = path.read_bytes()
    return gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def _is_map(path: Path) -> bool:
    """Whether a file that is no model has the map's word of a CCP4/MRC header."""
    try:
        return _whole(path)[208:212] == b"MAP "
    except (OSError, EOFError, zlib.error):
        return False


def _document_from_pdb(path: Path) -> gemmi.cif.Document:
    structure = gemmi.read_pdb_string(_whole(path))
    if not any(model.count_atom_sites() for model in structure):
        raise UnusableEntry("model_no_atoms", f"{path.name}: no ATOM or HETATM record")
    structure.name = path.name.split(".")[0]
    structure.setup_entities()
    document = structure.make_mmcif_document()
    serials = [str(cra.atom.serial) for model in structure for cra in model.all()]
    if len(set(serials)) == len(serials):  # gemmi numbers anew; the file's own numbers are what people know
        _number(document[0], serials)
    return document


def _number(block: gemmi.cif.Block, serials: list[str]) -> None:
    """Put other serial numbers in the place of those of the atoms, and of their anisotropic factors."""
    own = dict(zip(block.find_values("_atom_site.id"), serials, strict=True))
    set_column(block, "_atom_site.id", serials)
    anisotropic = block.find_values("_atom_site_anisotrop.id")
    for k, number in enumerate(list(anisotropic)):
        anisotropic[k] = own[number]


def model_from_block(block: gemmi.cif.Block, *, name: str = "model", model_number: int | None = None) -> Model:
    """An mmCIF block → `Model`; see `read_model`."""
    if not len(block.find_values("_atom_site.Cartn_x")):
        raise UnusableEntry("model_no_atoms", f"{name}: no atom_site rows")
    if not len(block.find_values("_atom_site.type_symbol")):
        raise UnusableEntry("model_unreadable", f"{name}: no _atom_site.type_symbol: hydrogens cannot be told")
    rows, n_models = _rows_of_model(block, name, model_number)
    element = np.char.upper(_text(block, "type_symbol"))[rows]
    heavy = rows[~np.isin(element, ("H", "D", "T"))]
    if not len(heavy):
        raise UnusableEntry("model_no_atoms", f"{name}: all {len(rows)} atoms are hydrogen")
    kept = lowest_altlocs(_text(block, "label_alt_id")[heavy], _numbered(*_place(block, heavy)))
    columns = _columns(block, heavy[kept], name)
    columns["site_occupancy"] = _site_occupancy(block, heavy, kept)
    counts = {"n_hydrogen": len(rows) - len(heavy), "n_altloc": int((~kept).sum()), "n_models": n_models}
    return Model(**columns, **_classes(block, columns), **counts)


def lowest_altlocs(label: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Which atoms are kept: those without a label and those with their residue's lowest.

    Parameters
    ----------
    label : ndarray of str, shape (n,)
        Alternate location, "" where there is none.
    place : ndarray of int, shape (n,)
        Number of the residue position (chain, number, insertion code).

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    kept = label == ""
    labelled = np.flatnonzero(~kept)
    lowest: dict[int, str] = {}
    for position, letter in zip(place[labelled].tolist(), label[labelled].tolist(), strict=True):
        lowest[position] = min(letter, lowest.get(position, letter))
    kept[labelled] = [lowest[p] == a for p, a in zip(place[labelled].tolist(), label[labelled].tolist(), strict=True)]
    return kept


def _site_occupancy(block, heavy: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Occupancies summed over the locations of an atom: rows of one chain, number, insertion code and atom name."""
    occupancy = _floats(block, "occupancy", heavy, 1.0)
    if kept.all():
        return np.clip(occupancy, 0, 1)
    site = _numbered(*_place(block, heavy), _text(block, "auth_atom_id", "label_atom_id")[heavy])
    total = np.bincount(site, weights=np.nan_to_num(np.clip(occupancy, 0, 1)))
    return np.minimum(total[site][kept], 1.0)


def _rows_of_model(block, name: str, model_number: int | None):
    """Rows of the wanted model and the number of models."""
    numbers = _text(block, "pdbx_PDB_model_num", default="1")
    models = list(dict.fromkeys(numbers.tolist()))
    wanted = models[0] if model_number is None else str(model_number)
    if wanted not in models:
        raise ValueError(f"{name}: no model number {wanted}; the file has {', '.join(models[:9])}")
    return np.flatnonzero(numbers == wanted), len(models)


def _text(block, *tags: str, default: str = "") -> np.ndarray:
    """The first of the columns that is there and not blank, unquoted; ``.`` and ``?`` are blank, ""."""
    found = None
    for tag in tags:
        values = list(block.find_values("_atom_site." + tag))
        plain = {value: gemmi.cif.as_string(value).strip() for value in set(values)}
        text = np.array([plain[value] for value in values], dtype=str)
        if len(text):
            found = text if found is None else np.where(found == "", text, found)
        if found is not None and (found != "").all():
            break
    return np.full(len(block.find_values("_atom_site.Cartn_x")), default) if found is None else found


def _floats(block, tag: str, rows: np.ndarray, default: float) -> np.ndarray:
    values = list(block.find_values("_atom_site." + tag))
    if not values:
        return np.full(len(rows), default)
    return np.array([gemmi.cif.as_number(values[row], default) for row in rows.tolist()])


def _place(block, rows):
    """Author chain, author number and insertion code of rows; a blank author chain stays blank."""
    given = len(block.find_values("_atom_site.auth_asym_id")) > 0
    chain = _text(block, "auth_asym_id" if given else "label_asym_id")[rows]
    number = _text(block, "auth_seq_id", "label_seq_id")[rows]
    return chain, number, _text(block, "pdbx_PDB_ins_code")[rows]


def _numbered(*keys: np.ndarray) -> np.ndarray:
    """Number of each distinct combination of keys, in order of first appearance."""
    numbers: dict[tuple, int] = {}
    combined = zip(*(key.tolist() for key in keys), strict=True)
    return np.array([numbers.setdefault(key, len(numbers)) for key in combined], dtype=np.int64)


def _columns(block, rows: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """The arrays that stand in the file."""
    position = [_floats(block, "Cartn_" + axis, rows, np.nan) for axis in "xyz"]
    chain, number, icode = _place(block, rows)
    columns = {
        "position": np.stack(position, axis=1),
        "chain": chain,
        "number": number,
        "icode": icode,
        "serial": _text(block, "id")[rows],
        "residue": _text(block, "auth_comp_id", "label_comp_id")[rows],
        "atom": _text(block, "auth_atom_id", "label_atom_id")[rows],
        "altloc": _text(block, "label_alt_id")[rows],
        "element": np.char.upper(_text(block, "type_symbol")[rows]),
        "occupancy": _floats(block, "occupancy", rows, 1.0),
        "b_iso": _floats(block, "B_iso_or_equiv", rows, 0.0),
        "row": rows,
    }
    if not np.isfinite(columns["position"]).all(axis=1).any():
        raise UnusableEntry("model_unreadable", f"{name}: no atom has coordinates")
    columns["residue_index"] = _numbered(chain, number, icode, columns["residue"])
    return columns


def _classes(block, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Class and backbone of each atom, decided residue by residue."""
    entity = _text(block, "label_entity_id")[columns["row"]]
    types = _entity_types(block)
    index, atom = columns["residue_index"], columns["atom"]
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(index.max() + 1))
    kind_of = np.empty(len(starts), dtype=np.int8)
    for residue, members in enumerate(np.split(order, starts[1:])):
        first = members[0]
        kind = residue_class(columns["residue"][first], atom[members].tolist(), types.get(entity[first], ""))
        kind_of[residue] = CLASSES.index(kind)
    kind = kind_of[index]
    in_protein = (kind == CLASSES.index("protein")) & np.isin(atom, list(PROTEIN_BACKBONE))
    in_nucleic = (kind == CLASSES.index("nucleic")) & np.isin(atom, list(NUCLEIC_BACKBONE))
    return {"kind": kind, "backbone": in_protein | in_nucleic}


def _entity_types(block) -> dict[str, str]:
    """Entity id → polymer type where there is one, else entity type; lower case."""
    types = {}
    for row in [*block.find("_entity.", ["id", "type"]), *block.find("_entity_poly.", ["entity_id", "type"])]:
        key, value = (gemmi.cif.as_string(cell).strip() for cell in row)
        if value:
            types[key] = value.lower()
    return types


def residue_class(residue: str, atoms: list[str], entity: str = "") -> str:
    """Class of a residue, one of `CLASSES`.

    The file's entity decides where it says something; else the residue's name
    in gemmi's table, else its atoms. A non-polymer of one atom is an ion.

    Parameters
    ----------
    residue : str
        Residue name.
    atoms : list of str
        Names of its non-hydrogen atoms.
    entity : str
        ``_entity_poly.type`` or ``_entity.type``, lower case, "" when unknown.
    """
    known = gemmi.find_tabulated_residue(residue)
    if known.is_water() or entity == "water":
        return "water"
    if "nucleotide" in entity or entity == "peptide nucleic acid":
        return "nucleic"
    if "peptide" in entity:
        return "protein"
    if entity.startswith(("branched", "polysaccharide")) or known.kind in _SUGARS:
        return "glycan"
    if entity not in ("non-polymer", "macrolide"):
        if known.is_nucleic_acid():
            return "nucleic"
        if known.is_amino_acid() or {"N", "CA", "C"} <= set(atoms):
            return "protein"
    return "ion" if len(atoms) == 1 else "ligand"


_SUGARS = (gemmi.ResidueKind.PYR, gemmi.ResidueKind.KET)


def write_with_q(source, target, model: Model, q: np.ndarray) -> None:
    """Write the model file as mmCIF with a column ``_atom_site.Q-score``.

    The column is the one MapQ, EMDB and cctbx read; atoms without a score get
    ``?`` and everything else in an mmCIF source stays.

    Parameters
    ----------
    source, target : path-like
        The file `model` was read from; the mmCIF to write, compressed where its name ends in .gz.
    model : Model
    q : ndarray, float, shape (n,)
        Q of each atom of `model`, NaN where not scored.
    """
    document = read_document(Path(source))
    block = block_with_atoms(document)
    text = ["?"] * len(block.find_values("_atom_site.Cartn_x"))
    for row, value in zip(model.row.tolist(), q.tolist(), strict=True):
        if value == value:
            text[row] = f"{value:.4f}"
    set_column(block, Q_COLUMN, text)
    if Path(target).suffix == ".gz":
        Path(target).write_bytes(gzip.compress(document.as_string().encode(), mtime=0))
    else:
        document.write_file(str(target))


def set_column(block: gemmi.cif.Block, tag: str, text: list[str]) -> None:
    """Put values, one for each atom, under a tag of ``_atom_site`` that is there or not."""
    loop = block.find_values("_atom_site.Cartn_x").get_loop()
    if loop is None:  # one atom
        block.set_pair(tag, text[0])
        return
    if tag not in loop.tags:
        loop.add_columns([tag], "?")
    column = block.find_loop(tag)
    for row, value in enumerate(text):
        column[row] = value


def places(block: gemmi.cif.Block) -> np.ndarray:
    """Number of the residue position (model, chain, number, insertion code) of every row of a file → int (rows,)."""
    rows = np.arange(len(block.find_values("_atom_site.Cartn_x")))
    return _numbered(_text(block, "pdbx_PDB_model_num", default="1"), *_place(block, rows))
