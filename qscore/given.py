"""Scores that others computed, as the tables of a survey: the archive's own, or any table's."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from qscore import apoferritin, clusters, ids, tables
from qscore.entry import unusable_row
from qscore.errors import UnusableEntry
from qscore.facts import day
from qscore.published import NO_ANSWER, NOT_PUBLISHED
from qscore.resolutions import NOT_POSITIVE, fault, number

Q = tables.Column("q_mean", "number", "Q of the entry as the table has it")
SCORED_BY_ARCHIVE = "published"
# Our name → what others call it, in small letters and without signs; the first found is taken.
SYNONYMS = {
    "emdb_id": ("emdb_id", "emdb", "emdbid", "emd", "emd_id", "map_id", "id", "entry"),
    "pdb_id": ("pdb_id", "pdb", "pdbid", "model", "model_id", "fitted_pdb", "fitted_pdbs"),
    "resolution": ("resolution", "res", "reported_resolution", "resolution_a"),
    "q_mean": ("q", "q_mean", "qscore", "q_score", "mean_q", "average_q", "average_qscore", "q_published"),
    "map_model_fsc05": ("map_model_fsc05", "fsc05", "fsc_05", "fsc0_5", "fsc_0_5"),
    "uniprot": ("uniprot", "uniprot_id", "xref_uniprotkb"),
    "doi": ("doi", "xref_doi"),
    "pubmed": ("pubmed", "pubmed_id", "pmid", "xref_pubmed"),
    "method": ("method", "structure_determination_method"),
    "sample": ("sample", "sample_name"),
}
NEEDED = ("emdb_id", "resolution", "q_mean")
OTHERS = [column for column in tables.OTHER_SCORES if column.kind == "number"]
OURS = {column.name: column for column in (*tables.PAIRS.columns, Q, *OTHERS)}
_MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "-", "?", "."})
_YES, _NO = frozenset({"yes", "true", "1", "y"}), frozenset({"no", "false", "0", "n"})


@dataclass(frozen=True)
class Given:
    """A table of scores that others computed.

    Attributes
    ----------
    name : str
        Of the file.
    rows : list of dict
        In the order of ids: columns of `tables.PAIRS`, ``q_mean``, those of
        `beside`, and ``reason`` why a row cannot be used, None when it can.
    beside : Layout
        Columns beyond ours.
    """

    name: str
    rows: list[dict]
    beside: tables.Layout


# ---- Q as the archive publishes it ----


def from_published(pairs_file, published_file, out) -> None:
    """Published Q → ``entries`` and ``residues`` as a survey's scoring gives them.

    Parameters
    ----------
    pairs_file, published_file : path
        Parquet of `tables.PAIRS` and `tables.PUBLISHED`.
    out : path
        Folder of ``entries.parquet``, ``entries.tsv`` and an empty ``residues.parquet``.
    """
    found = {_key(row): row for row in tables.read_rows(published_file, layout=tables.PUBLISHED)}
    pairs = tables.read_rows(pairs_file, layout=tables.PAIRS)
    models = Counter(pair["pdb_id"] for pair in pairs)
    write(out, [_published_entry(pair, found.get(_key(pair), {}), models[pair["pdb_id"]]) for pair in pairs])


def _key(row: Mapping) -> tuple[str, str]:
    return row["emdb_id"], row["pdb_id"]


def _published_entry(pair: dict, published: dict, n_maps: int) -> dict:
    q, source = published.get("q_published"), published.get("published_source") or NOT_PUBLISHED
    if q is None:
        reason = "download_damaged" if source == NO_ANSWER else "not_published"
        return pair | published | unusable_row(UnusableEntry(reason, source))
    notes = f"one published Q for the model, which lies in {n_maps} maps here" if n_maps > 1 else ""
    return pair | published | {"status": "scored", "q_mean": q, "version": SCORED_BY_ARCHIVE, "notes": notes}


# ---- a table of scores ----


def pairs_of_table(table) -> tuple[list[dict], list[dict]]:
    """A table of scores → rows of `tables.PAIRS` and of `tables.EXCLUDED`.

    Raises
    ------
    ValueError
        The table cannot be read, or has no column for the id, the resolution or Q.
    """
    rows = read(table).rows
    pairs = [row for row in rows if row["reason"] is None]
    pairs = [named | _told(pair) for named, pair in zip(clusters.label(pairs), pairs, strict=True)]
    return pairs, [row for row in rows if row["reason"] is not None]


def _told(pair: dict) -> dict:
    """The clusters that the table itself gives."""
    return {key: pair[key] for key in ("cluster_pub", "cluster_protein") if pair.get(key)}


def from_table(table, pairs_file, out) -> None:
    """Q of a table → ``entries`` and ``residues``; see `from_published`.

    The table's further columns stand beside those of `tables.ENTRIES`.
    """
    given = read(table)
    found = {_key(row): row for row in given.rows if row["reason"] is None}
    pairs = tables.read_rows(pairs_file, layout=tables.PAIRS)
    write(out, [_given_entry(pair, found.get(_key(pair)), given) for pair in pairs], given.beside)


def _given_entry(pair: dict, row: dict | None, given: Given) -> dict:
    if row is None:
        return pair | unusable_row(UnusableEntry("not_published", f"no Q in {given.name}"))
    beside = {name: row[name] for name in given.beside.names}
    beside |= {column.name: row[column.name] for column in OTHERS if column.name in row}
    return pair | beside | {"status": "scored", "q_mean": row["q_mean"], "version": given.name}


def read(table) -> Given:
    """A table with id, resolution, Q and whatever columns it has beside.

    Tab-separated, or by commas when its name ends in ``.csv``. Columns are
    known by the names of `SYNONYMS` and of `tables.PAIRS`; numbers stay
    numbers. A pair that stands twice is used once, as it stands first.

    Raises
    ------
    ValueError
        See `pairs_of_table`.
    """
    raw, name = tables.read_tsv(table), Path(table).name
    if not raw:
        raise ValueError(f"table {name}: no rows below a header line")
    theirs = recognised(raw[0])
    if absent := [ours for ours in NEEDED if ours not in theirs]:
        wanted = "; ".join(" or ".join(SYNONYMS[ours][:4]) for ours in absent)
        has = " ".join(", ".join(raw[0]).split())[:200]  # a name may have lines
        raise ValueError(f"table {name}: no column {wanted}; it has {has}")
    others = _beside([key for key in raw[0] if key not in theirs.values()], raw)
    rows = [_row(row, theirs, others, name) for row in raw]
    rows.sort(key=lambda row: (len(row["emdb_id"]), row["emdb_id"], row["pdb_id"]))
    _mark_repeated(rows)
    return Given(name, rows, tables.Layout("beside", tuple(others.values())))


def recognised(header: Iterable[str]) -> dict[str, str]:
    """Our name → the table's, for the columns that are known."""
    plain: dict[str, str] = {}
    for name in header:
        plain.setdefault(_plain(name), name)
    found = {}
    for ours in OURS:
        names = SYNONYMS.get(ours, (ours,))
        if known := next((plain[name] for name in names if name in plain), None):
            found[ours] = known
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _beside(names: list[str], raw: list[dict]) -> dict[str, tables.Column]:
    """Name in the table → our column for it: a number when all its values are."""
    columns: dict[str, tables.Column] = {}
    for name in names:
        ours = _free(_plain(name), {column.name for column in columns.values()})
        columns[name] = tables.Column(ours, _kind(row[name] for row in raw), f"{name} of the table")
    return columns


def _free(name: str, taken: set[str]) -> str:
    """An identifier that no column has, neither ours nor those taken."""
    name = name if name.isidentifier() else f"column_{name}".rstrip("_")
    name = f"given_{name}" if name in tables.ENTRIES.names else name
    numbered = (f"{name}_{n}" for n in itertools.count(2))
    return next(free for free in itertools.chain([name], numbered) if free not in taken)


def _kind(values: Iterable[str]) -> str:
    there = [value for value in values if value.lower() not in _MISSING]
    return "number" if there and all(number(value) is not None for value in there) else "text"


def _row(raw: dict, theirs: dict[str, str], others: dict[str, tables.Column], name: str) -> dict:
    row = {ours: _value(raw[key], OURS[ours].kind) for ours, key in theirs.items()}
    row |= {column.name: _value(raw[key], column.kind) for key, column in others.items()}
    row |= {ours: clean(row.get(ours) or "") for ours, clean in CLEANED.items()}
    row["x_source"] = row.get("x_source") or f"{theirs['resolution']} of {name}"
    row["apoferritin"] = row.get("apoferritin") or _apoferritin(row)
    if row.get("nyquist_ratio") is None and row["resolution"] and (row.get("voxel") or 0) > 0:
        row["nyquist_ratio"] = row["resolution"] / (2 * row["voxel"])
    row["reason"] = _fault(row, raw, theirs)
    return row


def _apoferritin(row: dict) -> str | None:
    known = {"sample": row["sample"], "point_group": row.get("point_group"), "uniprot": row["uniprot"].split()}
    return apoferritin.membership(known)


def _value(text: str, kind: str):
    """A cell as its column's kind; None where it is missing or is not of that kind."""
    if text.lower() in _MISSING:
        return None
    if kind == "yes/no":
        return True if text.lower() in _YES else False if text.lower() in _NO else None
    return number(text) if kind == "number" else text


def _emdb_id(text: str) -> str:
    """EMD-n from the ways in which EMDB ids are written; other ids as they are."""
    found = re.fullmatch(r"(?:emd[-_]?)?([0-9]{1,6})", text, re.IGNORECASE)
    return f"EMD-{int(found[1]):04d}" if found else text


def _accessions(text: str) -> str:
    """UniProt accessions, sorted, a space between."""
    return " ".join(sorted({ids.uniprot(one) for one in re.split(r"[\s,;]+", text)} - {""}))


CLEANED = {
    "emdb_id": _emdb_id,
    "pdb_id": ids.pdb_id,
    "sample": str.strip,
    "doi": ids.doi,
    "pubmed": ids.pubmed,
    "uniprot": _accessions,
    **dict.fromkeys(("deposition", "update", "map_release"), day),
}


def _fault(row: dict, raw: dict, theirs: dict[str, str]) -> str | None:
    """Why a row cannot be used."""
    for ours in ("emdb_id", "pdb_id"):
        if not ids.OWN_ID.fullmatch(row[ours]) and (row[ours] or ours == "emdb_id"):
            return f"{ours} is not a name of letters, digits and ._+-"
    for ours, words in (("resolution", NOT_POSITIVE), ("q_mean", "Q is not a number")):
        if row[ours] is None and raw[theirs[ours]].lower() not in _MISSING:
            return words
    if why := fault(row["resolution"]):
        return why
    if row["q_mean"] is None:
        return "no Q"
    return None if -1 <= row["q_mean"] <= 1 else "Q outside −1 to 1"


def _mark_repeated(rows: list[dict]) -> None:
    seen = set()
    for row in rows:
        if row["reason"] is None and _key(row) in seen:
            row["reason"] = "the pair stands in the table before"
        seen |= {_key(row)} if row["reason"] is None else set()


# ---- the tables ----


def write(out, entries: list[dict], beside: tables.Layout | None = None) -> None:
    """``entries.parquet`` and ``.tsv`` with columns beside ours; the tables beside it without rows."""
    every = tables.Layout("entries", tables.ENTRIES.columns + (beside.columns if beside else ()))
    columns = tables.as_columns(every, entries)
    for layout in (*tables.BESIDE_ENTRIES, tables.CHAINS):
        tables.write_parquet(Path(out) / f"{layout.name}.parquet", layout, tables.as_columns(layout, []))
    tables.write_tsv(Path(out) / "entries.tsv", every, columns)
    tables.write_parquet(Path(out) / "entries.parquet", tables.ENTRIES, columns, beside=beside)
