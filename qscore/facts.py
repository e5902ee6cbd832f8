"""What is known of an entry, whoever told it: the keys both doors of the archive share, and how they are joined.

Facts are a dict. None, "" or () means not told.

==================== ==========================================================
emdb_id              ``EMD-n``
released             whether the entry is released
update, …            deposition, map_release: year-month-day
models               pairs (PDB id, in-frame relation or None), as reported
resolution           with resolution_method, x_source, x_fault: see `qscore.resolutions`
method, point_group  as the archive names them
voxel                Å along x
sample, title        text
doi, pubmed          of the primary citation
uniprot              accessions, sorted
software             programs, sorted, "; " between
authors              of the entry, in order
molecules            `Molecule` of each polymer; None when not told
==================== ==========================================================

The search alone tells calculated_resolution and map_model_fsc05; the document
alone contour_level, map_file, map_grid, map_mb, map_stamp, composite.
"""

from __future__ import annotations

import re
from typing import NamedTuple

RESOLUTION = ("resolution", "resolution_method", "x_source", "x_fault")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Molecule(NamedTuple):
    """A polymer of the sample: its name, its UniProt accessions, its copies when told."""

    name: str
    uniprot: tuple[str, ...]
    copies: int | None


def day(text) -> str:
    """Year-month-day of a date with or without time; "" when it is none."""
    text = str(text or "").strip()[:10]
    return text if _DAY.fullmatch(text) else ""


def told(value) -> bool:
    """Whether a fact says something."""
    return value is not None and value != "" and value != ()


def joined(search: dict, document: dict | None) -> dict:
    """Facts of the search, and from the document what the search lacks.

    Parameters
    ----------
    search : dict
        Of `qscore.search.record`.
    document : dict or None
        Of `qscore.documents.entry_facts`.

    Returns
    -------
    dict
        An entry that its document no longer calls released is not released;
        of several DOIs that the search lists the document's is taken.
    """
    if document is None:
        return search
    facts = document | {key: value for key, value in search.items() if told(value)}
    facts["sample"] = document["sample"] or search["sample"]  # the search's text of a sample is not its name alone
    facts |= {key: (search if told(search["resolution"]) else document).get(key) for key in RESOLUTION}
    facts |= {key: document[key] for key in ("doi", "pubmed") if search.get(f"several_{key}") and document.get(key)}
    facts["models"] = _placed(search["models"] or document["models"], dict(document["models"]))
    facts["released"] = bool(search["released"]) and document["status"] in ("", "REL")
    return facts


def _placed(models, in_frame: dict) -> tuple:
    """Models with their relation to the map as the document tells it."""
    return tuple((pdb_id, in_frame.get(pdb_id, relation)) for pdb_id, relation in models)
