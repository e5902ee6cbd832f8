"""What an archive tells becomes pairs by a rule; every entry left out keeps its reason."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from qscore import __version__, apoferritin, clusters, tables
from qscore.admission import NOT_FOUND, CatalogueRule, as_dict, rule_of, why_not
from qscore.documents import entry_facts
from qscore.facts import joined
from qscore.pairstable import from_table, sorted_out

__all__ = [
    "CatalogueRule", "candidates", "digest", "from_documents", "from_entry_documents", "from_search", "from_table",
    "rule_of", "why_not", "write",
]  # fmt: skip
OF_SNAPSHOT = ("date", "query", "url", "fields_missing", "rows", "damaged_rows")
_TAKE_ALL = CatalogueRule()


def candidates(records: Iterable[dict], rule: CatalogueRule = _TAKE_ALL) -> list[tuple[str, str]]:
    """Entries whose documents are needed: EMDB id and date of the last update, in the records' order.

    An entry is one when, by what the search tells, a pair of it may be taken.

    Parameters
    ----------
    records : iterable of dict
        `records` of `qscore.search.Answer`.
    """
    return [(record["emdb_id"], record["update"]) for record in records if _may_be_taken(record, rule)]


def from_search(
    records: Iterable[dict], documents: Mapping[str, dict], rule: CatalogueRule = _TAKE_ALL
) -> tuple[list[dict], list[dict]]:
    """The search's records, and the documents of candidates → pairs and exclusions.

    Parameters
    ----------
    records : iterable of dict
        `records` of `qscore.search.Answer`.
    documents : mapping
        EMDB id → entry document; read one at a time, and only for candidates.
        Without its document an entry has what the search tells.
    rule : CatalogueRule

    Returns
    -------
    pairs, excluded : list of dict
        Rows of `tables.PAIRS` and `tables.EXCLUDED`, in order of their ids.
    """
    facts = (_completed(record, documents, rule) for record in records)
    return _sorted_by_rule(facts, rule, source="the search's answer")


def from_entry_documents(
    documents: Iterable[dict], rule: CatalogueRule = _TAKE_ALL, *, source="documents"
) -> tuple[list[dict], list[dict]]:
    """Entry documents alone → pairs and exclusions.

    Raises
    ------
    ValueError
        An entry has two documents.
    """
    return _sorted_by_rule(map(entry_facts, documents), rule, source=source)


def from_documents(folder, rule: CatalogueRule = _TAKE_ALL) -> tuple[list[dict], list[dict]]:
    """A folder of entry documents (``EMD-n.json``) → pairs and exclusions.

    Raises
    ------
    ValueError
        The folder has no document, or one is not JSON.
    """
    paths = sorted(Path(folder).glob("EMD-*.json"))
    if not paths:
        raise ValueError(f"no EMDB entry documents (EMD-*.json) in {folder}")
    return from_entry_documents(map(_load, paths), rule, source=folder)


def _load(path: Path) -> dict:
    try:
        with open(path, encoding="utf-8") as stream:
            return json.load(stream)
    except (OSError, ValueError, RecursionError) as err:
        raise ValueError(f"entry document {path.name}: {getattr(err, 'strerror', None) or err}") from err


# ---- an entry's pairs ----


def _may_be_taken(record: dict, rule: CatalogueRule) -> bool:
    return any(not why_not(row, rule, final=False) for row in entry_pairs(record))


def _completed(record: dict, documents: Mapping[str, dict], rule: CatalogueRule) -> dict:
    """A record, with what its document tells when a pair of it may be taken."""
    if not _may_be_taken(record, rule):
        return record
    document = documents.get(record["emdb_id"])
    return joined(record, entry_facts(document)) if document else record


def entry_pairs(facts: dict) -> Iterator[dict]:
    """One row a fitted model of an entry; a row without PDB id when it has none."""
    shared = facts | {"apoferritin": apoferritin.membership(facts)}
    for nth, (pdb_id, in_frame) in enumerate(facts["models"] or (("", None),)):
        yield shared | {"pdb_id": pdb_id, "in_frame": in_frame, "nth": nth}


def _sorted_by_rule(facts: Iterable[dict], rule: CatalogueRule, *, source) -> tuple[list[dict], list[dict]]:
    rows = [_row(pair, why_not(pair, rule)) for entry in facts for pair in entry_pairs(entry)]
    pairs, excluded = sorted_out(rows + _not_found(rows, rule), source)
    return clusters.label(pairs), excluded


def _not_found(rows: list[dict], rule: CatalogueRule) -> list[dict]:
    """Listed ids that the archive did not tell of."""
    found = {row["emdb_id"] for row in rows} | {f"{row['emdb_id']}/{row['pdb_id']}" for row in rows}
    absent = (listed.partition("/") for listed in rule.only_ids if listed not in found)
    return [{"emdb_id": emdb_id, "pdb_id": pdb_id, "reason": NOT_FOUND} for emdb_id, _, pdb_id in absent]


def _row(pair: dict, reason: str) -> dict:
    """A pair as its tables have it; of one left out what says which it is."""
    if reason:
        return {key: pair[key] for key in ("emdb_id", "pdb_id", "sample")} | {"reason": reason}
    voxel, sample = pair["voxel"], pair["sample"]
    number = pair["emdb_id"].removeprefix("EMD-")
    return pair | {
        "map_file": pair.get("map_file") or f"emd_{number}.map.gz",
        "model_file": f"{pair['pdb_id']}.cif.gz",
        # Without a document any update may be one of the map.
        "map_stamp": pair.get("map_stamp") or pair.get("update") or "",
        "uniprot": " ".join(pair["uniprot"]),
        "nyquist_ratio": pair["resolution"] / (2 * voxel) if voxel and voxel > 0 else None,
        "synthetic": "synthetic demonstration" in f"{pair['title']} {sample}".lower(),
        "reason": None,
    }


# ---- what is written ----


def write(
    folder, pairs: list[dict], excluded: list[dict], *, source: str, digest: str, rule: CatalogueRule | None = None,
    snapshot: Mapping | None = None,
) -> None:  # fmt: skip
    """Write ``pairs.parquet``, ``pairs.tsv``, ``excluded.tsv`` and ``catalogue.json``.

    Parameters
    ----------
    folder : path-like
    pairs, excluded : list of dict
    source, digest : str
        What the pairs were made from, and its sha256.
    rule : CatalogueRule, optional
        By which they were taken.
    snapshot : mapping, optional
        ``search.json`` of the snapshot: date, query, columns; the only dates that are written.
    """
    folder = Path(folder)
    columns = tables.as_columns(tables.PAIRS, pairs)
    tables.write_parquet(folder / "pairs.parquet", tables.PAIRS, columns)
    tables.write_tsv(folder / "pairs.tsv", tables.PAIRS, columns)
    tables.write_tsv(folder / "excluded.tsv", tables.EXCLUDED, tables.as_columns(tables.EXCLUDED, excluded))
    newest = max((pair.get("map_release") or "" for pair in pairs), default="")
    reasons = Counter(row["reason"] for row in excluded)
    facts = {
        "source": source,
        "sha256": digest,
        "n_pairs": len(pairs),
        "n_entries": len({pair["emdb_id"] for pair in pairs}),
        "n_excluded": len(excluded),
        "excluded_by_reason": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        "newest_map_release": newest or None,
        "rule": rule.text() if rule else None,
        "settings": as_dict(rule) if rule else None,
        **{key: (snapshot or {}).get(key) for key in OF_SNAPSHOT},
        "version": __version__,
    }
    tables.write_json(folder / "catalogue.json", facts)


def digest(paths) -> str:
    """One sha256 over names and bytes of files, in the order of their names."""
    total = hashlib.sha256()
    for path in sorted(map(Path, paths)):
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()
