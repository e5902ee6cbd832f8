"""An archive's answer, or a table of one's own, becomes pairs; what is left out keeps its reason."""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path

from qscore import tables

EMDB_ID = re.compile(r"EMD-\d{4,}")
PDB_ID = re.compile(r"\d[0-9a-z]{3}|pdb_\d{5}[0-9a-z]{3}")
OWN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
TABLE_COLUMNS = ("emdb_id", "pdb_id", "resolution", "map", "model")
RESOLUTION_0143 = "FSC 0.143 CUT-OFF"
_NOT_APOFERRITIN = re.compile(r"bacterioferritin|encapsulin|cargo|fusion|encapsulat", re.IGNORECASE)


def number(text) -> float | None:
    """A finite number from text or None."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None


def apoferritin_reason(sample: str, point_group: str | None) -> str | None:
    """Why a pair counts as apoferritin by its name; None when it does not.

    Parameters
    ----------
    sample : str
        Name of the sample.
    point_group : str or None
        Symmetry applied to the reconstruction; None when the source does not
        tell symmetries, "" when it tells there is none.
    """
    if "ferritin" not in sample.lower() or _NOT_APOFERRITIN.search(sample):
        return None
    if point_group is None:
        return "ferritin in the name, symmetry not given"
    return "ferritin in the name and point group O" if point_group == "O" else None


# ---- a table of one's own ----


def from_table(path) -> tuple[list[dict], list[dict]]:
    """A table of pairs → rows of `tables.PAIRS` and of `tables.EXCLUDED`.

    Parameters
    ----------
    path : path-like
        Tab-separated; columns emdb_id, pdb_id, resolution, map, model, and
        optionally contour_level, sample, point_group, method,
        resolution_method. Paths are relative to the table.

    Raises
    ------
    ValueError
        The table cannot be read or a column is missing; a pair stands twice.
    """
    rows = tables.read_tsv(path)
    if not rows:
        raise ValueError(f"table {path}: no rows below a header line")
    absent = [name for name in TABLE_COLUMNS if name not in rows[0]]
    if absent:
        expected = f"expected tab-separated columns {', '.join(TABLE_COLUMNS)}"
        raise ValueError(f"table {path}: no column {', '.join(absent)}; {expected}")
    folder = Path(path).parent
    return _sorted_out([_table_pair(row, folder) for row in rows], path)


def _table_pair(row: dict[str, str], folder: Path) -> dict:
    pair = {
        "emdb_id": row["emdb_id"],
        "pdb_id": row["pdb_id"].lower(),
        "map_file": row["map"],
        "model_file": row["model"],
        "resolution": number(row["resolution"]),
        "contour_level": number(row.get("contour_level")),
        "sample": row.get("sample", ""),
        "map_stamp": stamp(folder / row["map"]),
        "model_stamp": stamp(folder / row["model"]),
    }
    pair |= {key: row[key] for key in ("method", "resolution_method", "point_group") if row.get(key)}
    pair["map_release"] = row.get("map_release", "")[:10]
    pair["apoferritin"] = apoferritin_reason(pair["sample"], row.get("point_group"))
    pair["reason"] = _table_fault(pair, row)
    return pair


def _table_fault(pair: dict, row: dict[str, str]) -> str | None:
    """Why a row of a table is left out."""
    for key in ("emdb_id", "pdb_id"):
        if not OWN_ID.fullmatch(pair[key]):
            return f"{key} is not a name of letters, digits and ._+-"
    if not row["map"] or not row["model"]:
        return "no map or no model named"
    if row["resolution"] and pair["resolution"] is None:
        return "resolution is not a positive number"
    return resolution_fault(pair["resolution"])


def resolution_fault(resolution: float | None) -> str | None:
    """Why a resolution cannot be used; None when it can."""
    if resolution is None:
        return "no resolution"
    return None if resolution > 0 else "resolution is not a positive number"


def stamp(path: Path) -> str:
    """Size and time of a file: a changed file is scored again; "absent" when it is not there."""
    try:
        status = path.stat()
    except OSError:
        return "absent"
    return f"{status.st_size} {status.st_mtime_ns}"


def _sorted_out(rows: list[dict], source) -> tuple[list[dict], list[dict]]:
    """Pairs and exclusions in order of their ids."""
    rows = sorted(rows, key=lambda row: (len(row["emdb_id"]), row["emdb_id"], row["pdb_id"]))
    pairs = [row for row in rows if row["reason"] is None]
    seen = set()
    for row in pairs:
        key = (row["emdb_id"], row["pdb_id"])
        if key in seen:
            raise ValueError(f"{source}: the pair {key[0]} {key[1]} stands twice")
        seen.add(key)
    return pairs, [row for row in rows if row["reason"] is not None]


# ---- EMDB entry documents ----


def from_documents(folder) -> tuple[list[dict], list[dict]]:
    """A folder of EMDB entry documents (``EMD-n.json``) → pairs and exclusions.

    The layout of a document is that of EMDB's ``/entry/EMD-n``; branches may
    be missing, null, or a bare object where a list is usual.

    Raises
    ------
    ValueError
        The folder has no document, or one is not JSON.
    """
    paths = sorted(Path(folder).glob("EMD-*.json"))
    if not paths:
        raise ValueError(f"no EMDB entry documents (EMD-*.json) in {folder}")
    return _sorted_out([row for path in paths for row in document_pairs(_load(path))], folder)


def _load(path: Path) -> dict:
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except (OSError, ValueError) as err:
        raise ValueError(f"entry document {path.name}: {err}") from err


def at(document, *keys):
    """Walk into a document: a list is entered at its first element, what is missing is None."""
    for key in keys:
        if isinstance(document, list):
            document = document[0] if document else None
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document["valueOf_"] if isinstance(document, dict) and "valueOf_" in document else document


def leaf(document, *keys) -> str | None:
    """As `at`, for one value, as text: of a list the first; None for what is no value."""
    found = at(document, *keys)
    while isinstance(found, (list, dict)):
        found = found.get("valueOf_") if isinstance(found, dict) else found[0] if found else None
    return None if found is None else str(found)


def elements(document, *keys) -> list:
    """As `at`, for what is a list, a bare object or nothing."""
    found = at(document, *keys)
    return found if isinstance(found, list) else [] if found is None else [found]


def document_pairs(document: dict) -> list[dict]:
    """One row a fitted model of an entry, with ``reason`` when it is left out."""
    entry = _entry_facts(document)
    models = elements(document, "crossreferences", "pdb_list", "pdb_reference")
    rows = []
    for reference in models or [None]:
        pdb_id = (leaf(reference, "pdb_id") or "").lower()
        row = entry | {"pdb_id": pdb_id, "model_file": f"{pdb_id}.cif.gz"}
        row["in_frame"] = leaf(reference, "relationship", "in_frame")
        row["reason"] = _document_fault(row, leaf(document, "admin", "current_status", "code"))
        rows.append(row)
    return rows


def _document_fault(row: dict, status) -> str | None:
    if not EMDB_ID.fullmatch(row["emdb_id"]):
        return "not an EMDB id"
    if status != "REL":
        return "not released"
    if not row["pdb_id"]:
        return "no fitted model"
    if not PDB_ID.fullmatch(row["pdb_id"]):
        return "not a PDB id"
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", row["map_file"]):
        return "no map file"
    return resolution_fault(row["resolution"])


def _entry_facts(document: dict) -> dict:
    """What the pairs of one entry share."""
    structure = elements(document, "structure_determination_list", "structure_determination")
    method = leaf(structure, "method")
    resolution, criterion = _resolution(structure)
    sample = leaf(document, "sample", "name") or _first_name(document)
    point_group = leaf(structure, "image_processing", "final_reconstruction", "applied_symmetry", "point_group") or ""
    title = leaf(document, "admin", "title") or ""
    return {
        "emdb_id": leaf(document, "emdb_id") or "",
        "map_file": leaf(document, "map", "file") or "",
        "resolution": resolution,
        "resolution_method": criterion,
        "method": method,
        "sample": sample,
        "title": title,
        "point_group": point_group,
        "map_release": (leaf(document, "admin", "key_dates", "map_release") or "")[:10],
        "contour_level": _contour(document),
        "voxel": number(leaf(document, "map", "pixel_spacing", "x")),
        "composite": str(leaf(document, "admin", "composite_map")).lower() == "true",
        "apoferritin": apoferritin_reason(sample, point_group),
        "synthetic": "synthetic" in f"{title} {sample}".lower(),
    }


def _first_name(document: dict) -> str:
    for kind in ("supramolecule", "macromolecule"):
        for element in elements(document, "sample", f"{kind}_list", kind):
            if name := leaf(element, "name"):
                return name
    return ""


def _resolution(structure: list) -> tuple[float | None, str | None]:
    """Resolution and criterion of the final reconstruction; of several the one by FSC 0.143."""
    found = []
    for one in structure:
        for processing in elements(one, "image_processing"):
            final = at(processing, "final_reconstruction")
            found.append((number(leaf(final, "resolution")), leaf(final, "resolution_method")))
    found = [(value, criterion) for value, criterion in found if value is not None]
    by_0143 = [pair for pair in found if pair[1] == RESOLUTION_0143]
    return next(iter(by_0143 or found), (None, None))


def _contour(document: dict) -> float | None:
    """Level of the primary contour."""
    contours = elements(document, "map", "contour_list", "contour")
    primary = [contour for contour in contours if str(leaf(contour, "primary")).lower() == "true"]
    return number(leaf(next(iter(primary or contours), None), "level"))


def write(folder, pairs: list[dict], excluded: list[dict], *, source: str, digest: str) -> None:
    """Write ``pairs.parquet``, ``pairs.tsv``, ``excluded.tsv`` and ``catalogue.json``."""
    folder = Path(folder)
    columns = tables.as_columns(tables.PAIRS, pairs)
    tables.write_parquet(folder / "pairs.parquet", tables.PAIRS, columns)
    tables.write_tsv(folder / "pairs.tsv", tables.PAIRS, columns)
    tables.write_tsv(folder / "excluded.tsv", tables.EXCLUDED, tables.as_columns(tables.EXCLUDED, excluded))
    newest = max((pair.get("map_release") or "" for pair in pairs), default="")
    facts = {"source": source, "sha256": digest, "n_pairs": len(pairs), "n_excluded": len(excluded)}
    tables.write_json(folder / "catalogue.json", facts | {"newest_map_release": newest or None})


def digest(paths) -> str:
    """One sha256 over names and bytes of files, in the order of their names."""
    total = hashlib.sha256()
    for path in sorted(map(Path, paths)):
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()
