"""A table of one's own becomes pairs; what is left out keeps its reason."""

from __future__ import annotations

from pathlib import Path

from qscore import apoferritin, clusters, ids, resolutions, tables
from qscore.facts import day
from qscore.ids import OWN_ID
from qscore.resolutions import number

TABLE_COLUMNS = ("emdb_id", "pdb_id", "resolution", "map", "model")
SCORES = {"q", "q_mean", "qscore", "q_score"}  # of tables that name no files
_AS_GIVEN = ("method", "resolution_method", "point_group", "title", "software", "in_frame")


def from_table(path) -> tuple[list[dict], list[dict]]:
    """A table of pairs → rows of `tables.PAIRS` and of `tables.EXCLUDED`.

    Parameters
    ----------
    path : path-like
        Tab-separated; columns emdb_id, pdb_id, resolution, map, model, and
        optionally contour_level, sample, point_group, method,
        resolution_method, title, software, in_frame, deposition, map_release,
        doi, pubmed, uniprot. Paths are relative to the table.

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
        if SCORES & set(rows[0]):
            expected += " (a table of scores goes with config/table.yaml)"
        raise ValueError(f"table {path}: no column {', '.join(absent)}; {expected}")
    folder = Path(path).parent
    pairs, excluded = sorted_out([_pair(row, folder) for row in rows], path)
    return clusters.label(pairs), excluded


def _pair(row: dict[str, str], folder: Path) -> dict:
    resolution = number(row["resolution"])
    pair = {
        "emdb_id": row["emdb_id"],
        "pdb_id": row["pdb_id"].lower(),
        "map_file": row["map"],
        "model_file": row["model"],
        "resolution": resolution,
        "contour_level": number(row.get("contour_level")),
        "sample": row.get("sample", ""),
        "map_stamp": stamp(folder / row["map"]),
        "model_stamp": stamp(folder / row["model"]),
        "x_source": None if resolution is None else "table",
        "deposition": day(row.get("deposition")),
        "map_release": day(row.get("map_release")),
        "doi": ids.doi(row.get("doi")),
        "pubmed": ids.pubmed(row.get("pubmed")),
        "uniprot": " ".join(sorted(set(map(ids.uniprot, row.get("uniprot", "").replace(",", " ").split())) - {""})),
    }
    pair |= {key: row[key] for key in _AS_GIVEN if row.get(key)}
    known = {"sample": pair["sample"], "point_group": row.get("point_group"), "uniprot": pair["uniprot"].split()}
    pair["apoferritin"] = apoferritin.membership(known)
    pair["reason"] = _fault(pair, row)
    return pair


def _fault(pair: dict, row: dict[str, str]) -> str | None:
    """Why a row of a table is left out."""
    for key in ("emdb_id", "pdb_id"):
        if not OWN_ID.fullmatch(pair[key]):
            return f"{key} is not a name of letters, digits and ._+-"
    if not row["map"] or not row["model"]:
        return "no map or no model named"
    if not _may_be_path(row["map"]) or not _may_be_path(row["model"]):
        return "map or model is not the name of a file"
    if any(" ".join(name.split()) != name for name in (row["map"], row["model"])):
        return "map or model has other blanks in its name than single spaces: the workflow's tables do not keep them"
    if row["resolution"] and pair["resolution"] is None:
        return resolutions.NOT_POSITIVE
    return resolutions.fault(pair["resolution"])


def _may_be_path(text: str) -> bool:
    """Whether a file system could have a file of this name."""
    return "\0" not in text and all(len(part.encode()) < 256 for part in Path(text).parts) and len(text.encode()) < 2048


def stamp(path: Path) -> str:
    """Size and time of a file: a changed file is scored again; "absent" when it is not there, or no name of a file."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # the latter of a name that holds a NUL
        return "absent"
    return f"{status.st_size} {status.st_mtime_ns}"


def sorted_out(rows: list[dict], source) -> tuple[list[dict], list[dict]]:
    """Pairs and exclusions in order of their ids.

    Raises
    ------
    ValueError
        A pair stands twice.
    """
    rows = sorted(rows, key=lambda row: (len(row["emdb_id"]), row["emdb_id"], row["pdb_id"]))
    pairs = [row for row in rows if not row["reason"]]
    seen = set()
    for row in pairs:
        key = (row["emdb_id"], row["pdb_id"])
        if key in seen:
            raise ValueError(f"{source}: the pair {key[0]} {key[1]} stands twice")
        seen.add(key)
    return pairs, [row for row in rows if row["reason"]]
