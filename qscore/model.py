"""A model file becomes arrays of its non-hydrogen atoms; Q is written back as mmCIF.

PDB files are turned into mmCIF by gemmi first, so there is one way to read atoms. The atom rows of an
mmCIF are read by `atomrows` where they are plain, the rest of the file by gemmi.
"""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from dataclasses import dataclass, fields, replace
from pathlib import Path

import gemmi
import numpy as np

from qscore.atomrows import LONGEST, MARK, AtomRows, cut
from qscore.errors import UnusableEntry
from qscore.stored import file_name, why_no_file

MOST_BYTES = 2 << 30  # of a file's text: the largest have a tenth of it
MOST_PACKED, UNPACKED_ANYWAY = 100, 64 << 20  # text packs 5 : 1, and nothing but rubbish beyond 100 : 1
_PIECE_BYTES = 1 << 14
_ASCII = bytes(range(128)) + b"?" * 128
CLASSES = ("protein", "nucleic", "ligand", "glycan", "ion", "water")
PROTEIN_BACKBONE = frozenset({"N", "CA", "C", "O", "OXT"})
NUCLEIC_BACKBONE = frozenset(
    "P OP1 OP2 OP3 O1P O2P O3P O5' C5' C4' O4' C3' O3' C2' O2' C1' O5* C5* C4* O4* C3* O3* C2* O2* C1*".split()  # noqa: SIM905
)
BACKBONE = {"protein": PROTEIN_BACKBONE, "nucleic": NUCLEIC_BACKBONE}
TRACE = ("N", "CA", "C")  # a residue that has them is an amino acid where nothing else says what it is
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
    document, rows = _read(Path(path), cutting=True)
    block = block_with_atoms(document)
    name = Path(path).name
    return _model(block, rows or _BlockRows(block, name), name, model_number)


def read_block(path) -> gemmi.cif.Block:
    """A model file as an mmCIF block (the first with atoms; else the first)."""
    return block_with_atoms(read_document(Path(path)))


def block_with_atoms(document: gemmi.cif.Document) -> gemmi.cif.Block:
    """The first block with atoms; else the first."""
    return next((block for block in document if block.find_values("_atom_site.Cartn_x")), document[0])


def read_document(path: Path) -> gemmi.cif.Document:
    """A model file as an mmCIF document with at least one block."""
    return _read(path, cutting=False)[0]


def _read(path: Path, *, cutting: bool) -> tuple[gemmi.cif.Document, AtomRows | None]:
    """A model file as a document; with `cutting` and where they can be, the atom rows beside it instead of in it."""
    if not path.is_file():
        raise UnusableEntry("model_missing", f"{why_no_file(path)}: {path}")
    try:
        if path.name.lower().removesuffix(".gz").endswith((".pdb", ".ent")):
            return _document_from_pdb(path), None
        text = _as_utf8(_whole(path))
        found = _without_rows(text) if cutting else None
        if found:
            return found
        document = gemmi.cif.read_string(text)
    except (RuntimeError, ValueError, OSError, EOFError, zlib.error) as err:
        if _is_map(path):
            raise UnusableEntry("model_unreadable", f"{path.name} is a map: MAP comes first, then MODEL") from err
        raise UnusableEntry("model_unreadable", f"{path.name}: {err}") from err
    if len(document) == 0:
        raise UnusableEntry("model_unreadable", f"{path.name}: no data block")
    return document, None


def _without_rows(text: bytes) -> tuple[gemmi.cif.Document, AtomRows] | None:
    """An mmCIF with one marked row of atoms, and the rows; None where gemmi has to read all of it."""
    parts = cut(text)
    if parts is None:
        return None
    try:
        document = gemmi.cif.read_string(parts[0])
    except (RuntimeError, ValueError):
        return None
    loop = block_with_atoms(document).find_values("_atom_site.Cartn_x").get_loop() if len(document) else None
    if loop is None or loop.length() != 1 or set(loop.values) != {MARK}:
        return None
    return document, parts[1]


def _whole(path: Path) -> bytes:
    """The bytes of a file, decompressed when they are gzip: gemmi takes what it gets of a damaged stream."""
    if path.stat().st_size > MOST_BYTES or len(text := _first(path, MOST_BYTES + 1)) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES:,} bytes of text")
    return text.removeprefix(codecs.BOM_UTF8)


def _as_utf8(text: bytes) -> bytes:
    """The text, with ? for what is not ASCII where it is not UTF-8: in an old title no reason to refuse the atoms."""
    if text.isascii():
        return text
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for first in range(0, len(text), _PIECE_BYTES):
            decoder.decode(text[first : first + _PIECE_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return text.translate(_ASCII)
    return text


def _first(path: Path, count: int) -> bytes:
    """At most so many bytes of a file, decompressed when they are gzip, of several members or one."""
    with open(path, "rb") as stream:
        zipped = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        return _unzipped(stream, count) if zipped else stream.read(count)


def _unzipped(stream, count: int) -> bytes:
    """At most so many bytes of a gzip stream; by pieces, since what follows a member is copied for the next."""
    text, left, member, packed = [], count, zlib.decompressobj(wbits=31), 0
    while left and (raw := stream.read(_PIECE_BYTES)):
        packed += len(raw)
        if count - left > UNPACKED_ANYWAY + MOST_PACKED * packed:
            raise ValueError(f"more than {MOST_PACKED} bytes a byte of gzip: no text packs like that")
        while left and raw:
            if member.eof:
                raw = raw.lstrip(b"\0")  # padding
                member = zlib.decompressobj(wbits=31) if raw else member
            text.append(member.decompress(raw, left))
            left -= len(text[-1])
            raw = member.unused_data
    if left and not member.eof:
        raise EOFError("the gzip stream ends early")
    return b"".join(text)


def _is_map(path: Path) -> bool:
    """Whether a file that is no model has the map's word of a CCP4/MRC header."""
    try:
        return _first(path, 212)[208:] == b"MAP "
    except (OSError, EOFError, zlib.error):
        return False


def _document_from_pdb(path: Path) -> gemmi.cif.Document:
    text = _whole(path)
    if found := _NO_COORDINATE.search(text):  # gemmi reads them as 0
        raise ValueError(f"coordinates {found[1].decode()!r} are no numbers")
    if _TAB.search(text):
        raise ValueError("tabs in its atom records: expected fixed columns")
    structure = gemmi.read_pdb_string(text.translate(_ASCII))  # columns are bytes: a letter may lie across two
    if not any(model.count_atom_sites() for model in structure):
        raise UnusableEntry("model_no_atoms", f"{path.name}: no ATOM or HETATM record")
    structure.name = file_name(path).split(".")[0]
    structure.setup_entities()
    document = structure.make_mmcif_document()
    serials = [str(cra.atom.serial) for model in structure for cra in model.all()]
    if len(set(serials)) == len(serials):  # gemmi numbers anew; the file's own numbers are what people know
        _number(document[0], serials)
    for tag in ("_atom_site.label_alt_id", "_atom_site.pdbx_PDB_ins_code"):
        _quote(document[0].find_values(tag))
    gemmi.cif.read_string(document.as_string())  # of an odd file it may be no mmCIF: to be known before it is scored
    return document


def _quote(column: gemmi.cif.Column) -> None:
    """Quote single characters that mean something else in mmCIF: gemmi writes them as they are."""
    for k, value in enumerate(column):
        if not value.isalnum() and value not in (".", "?"):
            column[k] = f"'{value}'" if value == '"' else f'"{value}"'


# Atoms of a PDB file whose x, y or z has no digit (nor is a nan): blank, or ******** where a number had no room.
_TAB = re.compile(rb"(?im)^(?:ATOM|HETA)[^\t\n]{0,49}\t")  # before the end of the coordinates
_NO_COORDINATE = re.compile(rb"(?im)^(?:ATOM|HETA).{26}((?:.{8}){0,2}[^0-9n\n]{8})")


def _number(block: gemmi.cif.Block, serials: list[str]) -> None:
    """Put other serial numbers in the place of those of the atoms, and of their anisotropic factors."""
    own = dict(zip(block.find_values("_atom_site.id"), serials, strict=True))
    set_column(block, "_atom_site.id", serials)
    anisotropic = block.find_values("_atom_site_anisotrop.id")
    for k, number in enumerate(list(anisotropic)):
        anisotropic[k] = own[number]


class _BlockRows:
    """The atom rows of a block, with the face of `AtomRows`."""

    def __init__(self, block: gemmi.cif.Block, name: str = ""):
        self._block, self._name = block, name or block.name

    def _column(self, tag: str) -> gemmi.cif.Column:
        found = self._block.find_values("_atom_site." + tag)
        if len(found) not in (0, len(self)):
            raise UnusableEntry(
                "model_unreadable", f"{len(found):,} values of _atom_site.{tag} for {len(self):,} atoms"
            )
        return found

    def __len__(self) -> int:
        return len(self._block.find_values("_atom_site.Cartn_x"))

    def has(self, tag: str) -> bool:
        """Whether there is a column of this name."""
        return len(self._column(tag)) > 0

    def cells(self, tag: str) -> np.ndarray:
        """A column as it stands in the file → str (n,)."""
        values = list(self._column(tag))
        if longest := max((len(value) for value in values if len(value) > LONGEST), default=0):
            text = f"{self._name}: a cell of _atom_site.{tag} has {longest:,} characters"
            raise UnusableEntry("model_unreadable", text)
        return np.array(values, dtype=str)

    def numbers(self, tag: str) -> tuple[np.ndarray, np.ndarray]:
        """No cell is read as a number here."""
        n = len(self._column(tag))
        return np.zeros(n), np.zeros(n, dtype=bool)


def _model(block: gemmi.cif.Block, rows, name: str, model_number: int | None) -> Model:
    """The atoms of a model in rows of a block; see `read_model`."""
    if not rows.has("Cartn_x"):
        raise UnusableEntry("model_no_atoms", f"{name}: no atom_site rows")
    if not rows.has("type_symbol"):
        raise UnusableEntry("model_unreadable", f"{name}: no _atom_site.type_symbol: hydrogens cannot be told")
    of_model, n_models = _rows_of_model(rows, name, model_number)
    element = _upper(_text(rows, "type_symbol"))[of_model]
    is_heavy = ~np.isin(element, ("H", "D", "T"))
    heavy = of_model[is_heavy]
    if not len(heavy):
        raise UnusableEntry("model_no_atoms", f"{name}: all {len(of_model)} atoms are hydrogen")
    columns = _columns(rows, heavy) | {"element": element[is_heavy]}
    place = _numbered(columns["chain"], columns["number"], columns["icode"])
    kept = lowest_altlocs(columns["altloc"], place)
    together = _site_occupancy(columns["occupancy"], place, columns["atom"], kept)
    if not kept.all():
        columns = {key: values[kept] for key, values in columns.items()}
    if not np.isfinite(columns["position"]).all(axis=1).any():
        raise UnusableEntry("model_unreadable", f"{name}: no atom has coordinates")
    columns |= {"site_occupancy": together, "residue_index": _numbered(place[kept], columns["residue"])}
    counts = {"n_hydrogen": len(of_model) - len(heavy), "n_altloc": int((~kept).sum()), "n_models": n_models}
    entity = _text(rows, "label_entity_id")[columns["row"]]
    return Model(**columns, **_classes(columns, entity, _entity_types(block)), **counts)


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


def _site_occupancy(occupancy: np.ndarray, place: np.ndarray, atom: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Occupancies of kept atoms, summed over the locations of an atom: those of one name at a residue's position."""
    occupancy = np.clip(occupancy, 0, 1)
    if kept.all():
        return occupancy
    site = _numbered(place, atom)
    return np.minimum(np.bincount(site, weights=np.nan_to_num(occupancy))[site][kept], 1.0)


def _rows_of_model(rows, name: str, model_number: int | None):
    """Rows of the wanted model and the number of models."""
    numbers = _text(rows, "pdbx_PDB_model_num", default="1")
    models = list(dict.fromkeys(numbers[_heads(numbers)].tolist()))
    wanted = models[0] if model_number is None else str(model_number)
    if wanted not in models:
        raise ValueError(f"{name}: no model number {wanted}; the file has {', '.join(models[:9])}")
    return np.flatnonzero(numbers == wanted), len(models)


def _text(rows, *tags: str, default: str = "") -> np.ndarray:
    """The first of the columns that is there and not blank, unquoted; ``.`` and ``?`` are blank, ""."""
    found = None
    for tag in filter(rows.has, tags):
        text = _unquoted(rows.cells(tag))
        found = text if found is None else np.where(found == "", text, found)
        if (found != "").all():
            break
    return np.full(len(rows), default) if found is None else found


def _unquoted(cells: np.ndarray) -> np.ndarray:
    """Cells as they are meant, blank ones as ""."""
    text = np.where((cells == ".") | (cells == "?"), "", cells)
    quoted = np.flatnonzero(np.isin(cells.astype("U1"), ("'", '"', ";")))
    if len(quoted):
        values = cells[quoted].tolist()
        meant = {value: gemmi.cif.as_string(value).strip() for value in set(values)}
        text[quoted] = [meant[value] for value in values]
    return text


def _upper(text: np.ndarray) -> np.ndarray:
    """Upper case; most files are."""
    letters = text.view(np.uint32)
    return np.char.upper(text) if (letters >= ord("a")).any() else text


def _floats(rows, tag: str, which: np.ndarray, default: float) -> np.ndarray:
    if not rows.has(tag):
        return np.full(len(which), default)
    values, plain = (column[which] for column in rows.numbers(tag))
    odd = np.flatnonzero(~plain)
    if len(odd):
        values[odd] = [gemmi.cif.as_number(cell, default) for cell in rows.cells(tag)[which[odd]].tolist()]
    return values


def _place(rows, which):
    """Author chain, author number and insertion code of rows; a blank author chain stays blank."""
    chain = _text(rows, "auth_asym_id" if rows.has("auth_asym_id") else "label_asym_id")[which]
    number = _text(rows, "auth_seq_id", "label_seq_id")[which]
    return chain, number, _text(rows, "pdbx_PDB_ins_code")[which]


def _heads(*keys: np.ndarray) -> np.ndarray:
    """Where a combination of keys differs from that before it."""
    new = np.ones(len(keys[0]), dtype=bool)
    new[1:] = False
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(new)


def _numbered(*keys: np.ndarray) -> np.ndarray:
    """Number of each distinct combination of keys, in order of first appearance."""
    numbers: dict[tuple, int] = {}
    heads = _heads(*keys)
    combined = zip(*(key[heads].tolist() for key in keys), strict=True)
    of_run = np.array([numbers.setdefault(key, len(numbers)) for key in combined], dtype=np.int64)
    return np.repeat(of_run, np.diff(heads, append=len(keys[0])))


def _columns(rows, which: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays that stand in the file, but the elements."""
    chain, number, icode = _place(rows, which)
    return {
        "position": np.stack([_floats(rows, "Cartn_" + axis, which, np.nan) for axis in "xyz"], axis=1),
        "chain": chain,
        "number": number,
        "icode": icode,
        "serial": _text(rows, "id")[which],
        "residue": _text(rows, "auth_comp_id", "label_comp_id")[which],
        "atom": _text(rows, "auth_atom_id", "label_atom_id")[which],
        "altloc": _text(rows, "label_alt_id")[which],
        "occupancy": _floats(rows, "occupancy", which, 1.0),
        "b_iso": _floats(rows, "B_iso_or_equiv", which, 0.0),
        "row": which,
    }


def _classes(columns: dict[str, np.ndarray], entity: np.ndarray, types: dict[str, str]) -> dict[str, np.ndarray]:
    """Class and backbone of each atom; each kind of residue, as `residue_class` tells them apart, is decided once."""
    index, atom = columns["residue_index"], columns["atom"]
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(index.max() + 2))
    like = [np.diff(starts) == 1, *(np.bincount(index[atom == name], minlength=len(starts) - 1) > 0 for name in TRACE)]
    first, known, kinds = order[starts[:-1]], {}, []
    told = zip(columns["residue"][first].tolist(), entity[first].tolist(), *(a.tolist() for a in like), strict=True)
    for residue, key in enumerate(told):
        if key not in known:
            atoms = atom[order[starts[residue] : starts[residue + 1]]].tolist()
            known[key] = CLASSES.index(residue_class(key[0], atoms, types.get(key[1], "")))
        kinds.append(known[key])
    kind = np.array(kinds, dtype=np.int8)[index]
    return {"kind": kind, "backbone": _named(atom, kind, "protein") | _named(atom, kind, "nucleic")}


def _named(atom: np.ndarray, kind: np.ndarray, polymer: str) -> np.ndarray:
    """Which atoms of a kind of polymer have a name of its backbone → bool (n,)."""
    found = kind == CLASSES.index(polymer)
    found[found] = np.isin(atom[found], list(BACKBONE[polymer]))
    return found


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
        if known.is_amino_acid() or set(TRACE) <= set(atoms):
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
    document, rows = _read(Path(source), cutting=True)
    block = block_with_atoms(document)
    text = ["?"] * (len(rows) if rows else len(block.find_values("_atom_site.Cartn_x")))
    for row, value in zip(model.row.tolist(), q.tolist(), strict=True):
        if value == value:
            text[row] = f"{value:.4f}"
    set_column(block, Q_COLUMN, [MARK] if rows else text)
    written = _with_rows(document, rows, text) if rows else as_text(document)
    Path(target).write_bytes(gzip.compress(written, mtime=0) if Path(target).suffix == ".gz" else written)


def _with_rows(document: gemmi.cif.Document, rows: AtomRows, text: list[str]) -> bytes:
    """A document as text, its marked row replaced by the rows with other cells in the column of Q."""
    tags = block_with_atoms(document).find_values("_atom_site.Cartn_x").get_loop().tags
    column = tags.index(Q_COLUMN)
    marked = " ".join([MARK] * len(tags)).encode()
    before, after = as_text(document).split(b"\n" + marked + b"\n")
    lines = [before]
    for cells, value in zip(rows.lines(), text, strict=True):
        cells[column : column + 1] = (value.encode(),)
        lines.append(b" ".join(cells))
    return b"\n".join([*lines, after])


def as_text(document: gemmi.cif.Document) -> bytes:
    """A document as text, bare words that begin with a semicolon quoted: gemmi may begin a line with them."""
    for block in document:
        _quote_semicolons(block)
    return document.as_string().encode()


def _quote_semicolons(block: gemmi.cif.Block) -> None:
    """Put quotes about the values, of a block and of its frames, that would be a longer text where a line begins."""
    for item in block:
        if item.frame is not None:
            _quote_semicolons(item.frame)
        elif item.pair is not None and _is_bare_semicolon(item.pair[1]):
            block.set_pair(item.pair[0], gemmi.cif.quote(item.pair[1]))
        elif item.loop is not None:
            width = item.loop.width()
            for at, value in enumerate(item.loop.values):
                if _is_bare_semicolon(value):
                    item.loop[divmod(at, width)] = gemmi.cif.quote(value)


def _is_bare_semicolon(value: str) -> bool:
    return value.startswith(";") and "\n" not in value


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
    rows = _BlockRows(block)
    return _numbered(_text(rows, "pdbx_PDB_model_num", default="1"), *_place(rows, np.arange(len(rows))))
