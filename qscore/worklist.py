"""The list of suspected archive errors: rows of `qscore.suspicions` with the commands that show them again."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from qscore import ids, suspicions
from qscore.layouts import CONCORDANCE, ENTRIES, FLAGS, WORKLIST
from qscore.suspicions import SUSPECTED, Suspicion, has_ids

Places = Callable[[Mapping], tuple[str, str]]


def worklist(found: Iterable[Suspicion], *, places: Places | None = None) -> list[dict]:
    """Suspicions → rows of `layouts.WORKLIST`, in their order.

    Parameters
    ----------
    found : iterable of Suspicion
    places : callable, optional
        Row of `layouts.ENTRIES` → map and model as `qscore score` is to be given them. Without it their ids where
        they are the archives', else the names of their files.
    """
    return [_row(one, places or by_name) for one in found]


def _row(one: Suspicion, places: Places) -> dict:
    kept = {name: one.row.get(name) for name in WORKLIST.names}
    said = {name: getattr(one, name) for name in ("suspected", "evidence", "unit")}
    return kept | said | {"effect": float(one.effect), "command": command(one, places)}


def command(one: Suspicion, places: Places) -> str:
    """The command that shows a suspicion's numbers again, safe to paste into a shell.

    Parameters
    ----------
    one : Suspicion
    places : callable
        See `worklist`.
    """
    files = [*places(one.row), *([places(one.other)[1]] if one.other else [])]
    by_id, resolution = ids.EMDB_ID.fullmatch(files[0]) is not None, one.row.get("resolution")
    options = ["--resolution", f"{resolution:g}"] if resolution and not by_id else []
    if one.option and by_id == (one.option == "--refresh"):  # what an entry tells is the default; files are not fetched
        options.append(one.option)
    return shlex.join(["qscore", "compare" if one.other else "score", *map(_no_option, files), *options])


def _no_option(name: str) -> str:
    """A file the name of which begins like an option."""
    return f"./{name}" if name.startswith("-") else name


def by_name(row: Mapping) -> tuple[str, str]:
    """Map and model of a pair: its ids if they are the archive's, else the names of its files."""
    if has_ids(row):
        return row["emdb_id"], row["pdb_id"]
    return row.get("map_file") or row["emdb_id"], row.get("model_file") or row["pdb_id"]


def places_of(places_file) -> Places:
    """Where a survey's files lie, by its ``places.json``: local files by their path, the archives' by ids."""
    from qscore.archive import TablePlaces, map_places, model_places, read_places
    from qscore.sites import is_url

    found = read_places(places_file)
    if isinstance(found, TablePlaces):
        return partial(_own, found)
    if any(map(is_url, (*found.maps, *found.models))):
        return by_name
    return lambda row: (map_places(found.maps, dict(row))[0], model_places(found.models, dict(row))[0])


def _own(places, row: Mapping) -> tuple[str, str]:
    if not (row.get("map_file") and row.get("model_file")):
        return by_name(row)  # a table of scores without files
    found = places.of(dict(row))
    return found["map"][0], found["model"][0]


def write(entries_file, flags_file, out, *, fit_file=None, concordance=None, places_file=None) -> list[dict]:
    """Tables of a survey → ``worklist.tsv`` and ``worklist.parquet`` in a folder; the rows.

    Parameters
    ----------
    entries_file, flags_file : path
        Parquet of `tables.ENTRIES` and `tables.FLAGS`.
    out : path
        Folder.
    fit_file : path, optional
        ``expected_q.json``: gives the band.
    concordance : path, optional
        Folder of ``concordance.parquet``.
    places_file : path, optional
        ``places.json`` of the catalogue: gives the files of the commands.
    """
    from qscore import equations, expected, tables

    published = Path(concordance) / "concordance.parquet" if concordance else None
    found = suspicions.suspicions(
        tables.read_rows(entries_file, layout=ENTRIES),
        tables.read_rows(flags_file, layout=FLAGS),
        published=tables.read_rows(published, layout=CONCORDANCE) if published and published.exists() else (),
        band=equations.judging_curve(expected.content(fit_file, "equations")).band if fit_file else None,
    )
    rows = worklist(found, places=places_of(places_file) if places_file else None)
    columns = tables.as_columns(WORKLIST, rows)
    tables.write_tsv(Path(out) / "worklist.tsv", WORKLIST, columns)
    tables.write_parquet(Path(out) / "worklist.parquet", WORKLIST, columns)
    return rows


def counted(rows: list[dict]) -> str:
    """How many of what, in one line."""
    counts = Counter(row["suspected"] for row in rows)
    said = ", ".join(f"{counts[name]} {name}" for name in SUSPECTED if counts[name])
    return f"{len(rows)} suspected error{'' if len(rows) == 1 else 's'}" + (f": {said}" if said else "")
