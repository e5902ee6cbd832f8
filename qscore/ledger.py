"""What the files of a survey's folder say of its batches: planned, scored, when. Read while they change.

Snakemake deletes a job's files before it runs again, and a table appears by a
rename: at any moment a file may be gone, so nothing here minds one that is.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from qscore import plan, tables

Pair = tuple[str, str]
SIGNS = ("plan", "scores", "catalogue", "tables", ".survey.lock")
ALL = Path("tables") / "entries.parquet"
READERS = 4  # a thousand small files: opening them is most of the work


@dataclass(frozen=True)
class Scored:
    """The table of a finished batch.

    Attributes
    ----------
    batch : str
        Empty for a survey of which only the joined table is left.
    finished : float
        Time of the table, seconds since the epoch.
    rows : list of dict
        Pair → the columns that were asked for, of the pairs that the plan still has.
    """

    batch: str
    finished: float
    rows: dict[Pair, dict]


def check_survey(results) -> Path:
    """The results folder, when it is one.

    Raises
    ------
    ValueError
        The folder is not there, or no survey has begun in it.
    """
    results = Path(results)
    if not results.is_dir():
        raise ValueError(f"{results}: no such folder; expected the results folder of a survey")
    if not any((results / sign).exists() for sign in SIGNS):
        raise ValueError(f"{results} is no results folder of a survey: it has neither plan, scores nor catalogue")
    return results


def narrow(layout: tables.Layout, *names: str) -> tables.Layout:
    """A few columns of a layout."""
    return tables.Layout(layout.name, tuple(column for column in layout.columns if column.name in names))


def columns(path, layout: tables.Layout) -> dict[str, list] | None:
    """The columns of a table; None when it is gone, half a file, or no table."""
    try:
        return tables.read_parquet(path, layout=layout)
    except (OSError, ValueError, TypeError, NotImplementedError):  # what a Parquet reader says to alien bytes
        return None


def planned(results: Path) -> dict[str, list[Pair]]:
    """Batch → its pairs, by the plan; empty before there is one."""
    found = {name: _members(results / "plan" / f"{name}.tsv") for name in plan.names(results / "plan")}
    return {name: members for name, members in found.items() if members}


def _members(path: Path) -> list[Pair]:
    """The pairs of a batch file: its first two columns, which are never quoted."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    except (OSError, UnicodeDecodeError):
        return []
    return [tuple(line.split("\t", 2)[:2]) for line in lines[1:] if "\t" in line]


def scored(results: Path, batches: dict[str, list[Pair]], *wanted: str) -> tuple[list[Scored], list[str]]:
    """The tables of finished batches, and the names of batches whose table cannot be read.

    Parameters
    ----------
    results : path
    batches : dict
        Of `planned`. Without any, every batch with a table is taken.
    *wanted : str
        Columns of `tables.SCORED` beside the ids.
    """
    layout = narrow(tables.SCORED, "emdb_id", "pdb_id", *wanted)
    names = batches or {path.parent.name: None for path in sorted((results / "scores").glob("*/entries.parquet"))}
    places = [(results / "scores" / name / "entries.parquet", name, names[name]) for name in names]
    with ThreadPoolExecutor(READERS) as pool:
        found = list(pool.map(lambda place: _scored(*place, layout), places or [(results / ALL, "", None)]))
    return [one for one in found if isinstance(one, Scored)], [one for one in found if isinstance(one, str)]


def _scored(path: Path, name: str, members: list[Pair] | None, layout: tables.Layout) -> Scored | str | None:
    """A batch's table; its name when it cannot be read; None when it is not there."""
    try:
        finished = path.stat().st_mtime
    except OSError:
        return None
    found = columns(path, layout)
    if found is None:
        return name if path.exists() else None
    rows = [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]
    by_pair = {(row["emdb_id"], row["pdb_id"]): row for row in rows}
    return Scored(name, finished, by_pair if members is None else {m: by_pair[m] for m in members if m in by_pair})
