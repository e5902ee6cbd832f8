"""EMDB and PDB ids in place of files: what they name, and what the entry says about it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from qscore import ids, shelf

PATIENCE = 30.0  # seconds that somebody who waits for one pair waits for a server
_NEARLY = re.compile(r"(?:emd)?[-_ ]?([0-9]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Inputs:
    """The files of a map and its models, and what is known of them.

    Attributes
    ----------
    map_file : str
    model_files : tuple of str
    emdb_id, pdb_ids
        None where a file was given.
    resolution : float or None
        Reported by the entry, Å.
    contour_level : float or None
        Recommended by the entry, map units.
    point_group : str or None
        Symmetry the entry says was applied.
    map_grid : str or None
        Points of the map along columns, rows and sections as the entry tells them; None for a map of one's own.
    remarks : tuple of str
        What a reader of the scores should know.
    """

    map_file: str
    model_files: tuple[str, ...]
    emdb_id: str | None = None
    pdb_ids: tuple[str | None, ...] = ()
    resolution: float | None = None
    contour_level: float | None = None
    point_group: str | None = None
    map_grid: str | None = None
    remarks: tuple[str, ...] = ()

    def with_own(self, *, resolution: float | None, contour_level: float | None) -> Inputs:
        """The user's own values in place of the entry's, where not None."""
        own = {"resolution": resolution, "contour_level": contour_level}
        return replace(self, **{key: value for key, value in own.items() if value is not None})

    def about(self) -> dict:
        """What a summary keeps beside the scores."""
        return {"emdb_id": self.emdb_id, "pdb_ids": list(self.pdb_ids), "contour_level": self.contour_level}


def map_id(given: str) -> str | None:
    """The EMDB id that is given instead of a map; None for a file.

    Raises
    ------
    ValueError
        It is a PDB id, or nearly an EMDB id.
    """
    if Path(given).is_file():
        return None
    if ids.EMDB_ID.fullmatch(ids.emdb_id(given)):
        return ids.emdb_id(given)
    if near := _NEARLY.fullmatch(given):
        raise ValueError(f"no such file: {given}; an EMDB id is written EMD-{int(near[1]):04d}")
    if _is_pdb_id(given):
        raise ValueError(f"no such file: {given}; in place of a map stands an EMDB id, and {given} is one of the PDB")
    return None


def model_id(given: str) -> str | None:
    """The PDB id that is given instead of a model; None for a file.

    Raises
    ------
    ValueError
        It is an EMDB id.
    """
    if Path(given).is_file():
        return None
    if ids.EMDB_ID.fullmatch(ids.emdb_id(given)):
        raise ValueError(f"no such file: {given}; in place of a model stands a PDB id, and {given} is one of EMDB")
    return ids.pdb_id(given) if _is_pdb_id(given) else None


def _is_pdb_id(text: str) -> bool:
    return bool(ids.PDB_ID.fullmatch(ids.pdb_id(text)))


def inputs(map_given: str, models_given, *, refresh: bool = False, progress=shelf.silent) -> Inputs:
    """Files, or ids in their place → files, each argument on its own.

    Parameters
    ----------
    map_given : str
        File, or EMDB id.
    models_given : sequence of str
        Files, or PDB ids; empty for the only fitted model of an EMDB entry.
    refresh : bool
        Fetch again what is kept from an earlier time.
    progress : callable
        See `qscore.shelf.Shelf`.

    Raises
    ------
    ValueError
        An id is unknown or stands in the wrong place; the entry has no map to fetch, or not one model.
    UnusableEntry
        The archive does not have a file, or only a damaged one.
    ArchiveUnavailable
        It cannot be reached.
    """
    if not any([map_id(map_given), *map(model_id, models_given)]):
        return Inputs(map_given, tuple(models_given))
    from qscore.web import Manners, Web

    with Web(Manners(patience_seconds=PATIENCE)) as web:
        servers = shelf.servers(os.environ)
        kept = shelf.Shelf(shelf.default_folder(), web, servers, refresh=refresh, progress=progress)
        return collect(kept, map_given, models_given)


def collect(kept: shelf.Shelf, map_given: str, models_given) -> Inputs:
    """As `inputs`, from a given shelf."""
    emdb_id = map_id(map_given)
    facts = kept.facts(emdb_id) if emdb_id else {}
    if emdb_id:
        check_entry(facts)
    models_given = tuple(models_given) or (only_model(facts),)
    pdb_ids = tuple(map(model_id, models_given))
    remarks = [remark for pdb_id in filter(None, pdb_ids) for remark in relation(facts, pdb_id)]
    models = tuple(
        str(kept.model(pdb_id)) if pdb_id else given for given, pdb_id in zip(models_given, pdb_ids, strict=True)
    )
    map_file = str(kept.map(facts)) if emdb_id else map_given
    if facts.get("x_fault"):
        remarks.append(f"{emdb_id}: {facts['x_fault']}")
    said = tuple(dict.fromkeys([*remarks, *kept.remarks]))
    told = {key: facts.get(key) for key in ("resolution", "contour_level")}
    told |= {key: facts.get(key) or None for key in ("point_group", "map_grid")}
    return Inputs(map_file, models, emdb_id, pdb_ids, **told, remarks=said)


def check_entry(facts: dict) -> None:
    """Refuse an entry that has no map to fetch."""
    if facts["status"] not in ("REL", ""):
        raise ValueError(f"{facts['emdb_id']} is not released: its status is {facts['status']}")
    if not facts["map_file"]:
        raise ValueError(f"the document of {facts['emdb_id']} names no map file")


def only_model(facts: dict) -> str:
    """The one fitted model of an entry.

    Raises
    ------
    ValueError
        It has none, or several.
    """
    models = [pdb_id for pdb_id, _ in facts["models"]]
    if len(models) == 1:
        return models[0]
    if not models:
        raise ValueError(f"{facts['emdb_id']} has no fitted model: name one, a file or a PDB id")
    raise ValueError(f"{facts['emdb_id']} has {len(models)} fitted models, name one: {', '.join(models)}")


def relation(facts: dict, pdb_id: str) -> list[str]:
    """A remark where the entry does not say that the model lies in its map."""
    if not facts:
        return []
    models = dict(facts["models"])
    if pdb_id not in models:
        there = f" ({', '.join(models)})" if models else ""
        return [f"{pdb_id} is not among the fitted models of {facts['emdb_id']}{there}"]
    overlap = models[pdb_id]
    return [f"{facts['emdb_id']} says of {pdb_id}: {overlap}"] if overlap and overlap != "FULLOVERLAP" else []
