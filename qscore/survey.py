"""The tables of a survey: scores joined with the catalogue."""

from __future__ import annotations

import operator
from pathlib import Path

from qscore import chainmeans, tables, workers

FROM_MAPS, FROM_ARCHIVE = "Q computed here from maps", "Q as published by the archive"
BY_ARCHIVE = "published"  # the column `version` of entries whose Q the archive computed
FEW_BATCHES = 20  # so many are joined before another process has started


def join(pairs: list[dict], scored: list[dict]) -> list[dict]:
    """One row of `tables.ENTRIES` for every pair of the catalogue.

    Raises
    ------
    ValueError
        A pair has no score row, or a score row no pair.
    """
    by_pair = {(row["emdb_id"], row["pdb_id"]): row for row in scored}
    keys = [(pair["emdb_id"], pair["pdb_id"]) for pair in pairs]
    if set(keys) != set(by_pair) or len(by_pair) != len(scored):
        odd = sorted(set(keys) ^ set(by_pair))[:3]
        raise ValueError(f"catalogue and scores disagree: {len(keys)} pairs, {len(scored)} rows, e.g. {odd}")
    return [pair | by_pair[key] for pair, key in zip(pairs, keys, strict=True)]


def aggregate(pairs_file, plan_names: list[str], scores, out, *, published_file=None, jobs: int = 1) -> None:
    """Scores of all batches + catalogue → ``entries.parquet`` and ``.tsv``, ``residues``, ``chains`` and the others.

    Columns that the pairs have beside the layout (a table of one's own) stay.

    Parameters
    ----------
    pairs_file : path
        Parquet of `tables.PAIRS`.
    plan_names : list of str
        The batches; each has its folder in `scores`.
    out : path
        Folder.
    published_file : path, optional
        Parquet of `tables.PUBLISHED`, joined where a pair is in it.
    jobs : int
        With several, the residues are joined beside all else.
    """
    folders, out = [Path(scores) / name for name in plan_names], Path(out)
    asked = [(_entries, pairs_file, folders, out, published_file), (_residues, folders, out)]
    for _ in workers.results(operator.call, asked, jobs=min(jobs, len(asked)) if len(folders) > FEW_BATCHES else 1):
        pass


def _entries(pairs_file, folders: list[Path], out: Path, published_file) -> None:
    scored = [row for folder in folders for row in tables.read_rows(folder / "entries.parquet", layout=tables.SCORED)]
    published = tables.read_rows(published_file, layout=tables.PUBLISHED) if published_file else []
    write_entries(out, with_published(join(tables.read_rows(pairs_file), scored), published))
    for layout in tables.BESIDE_ENTRIES:
        if layout is not tables.RESIDUES:
            _concatenate(folders, out, layout)


def _residues(folders: list[Path], out: Path) -> None:
    with tables.growing(out / "chains.parquet", tables.CHAINS) as add:
        seen = {"watched": chainmeans.NEEDED, "watch": lambda part: add(chainmeans.of_residues(part))}
        _concatenate(folders, out, tables.RESIDUES, **seen)


def _concatenate(folders: list[Path], out: Path, layout: tables.Layout, **options) -> None:
    tables.concatenate(
        out / f"{layout.name}.parquet",
        [folder / f"{layout.name}.parquet" for folder in folders],
        layout=layout,
        **options,
    )


def with_published(rows: list[dict], published: list[dict]) -> list[dict]:
    """Rows with what the archive publishes of their pairs, where it does."""
    by_pair = {(row["emdb_id"], row["pdb_id"]): row for row in published}
    return [row | by_pair.get((row["emdb_id"], row["pdb_id"]), {}) for row in rows]


def write_entries(out, rows: list[dict]) -> None:
    """Rows of `tables.ENTRIES`, and whatever columns they have beside, → ``entries.parquet`` and ``entries.tsv``."""
    beside = columns_beside(rows)
    every = tables.Layout("entries", tables.ENTRIES.columns + beside.columns)
    columns = tables.as_columns(every, rows)
    tables.write_tsv(Path(out) / "entries.tsv", every, columns)
    tables.write_parquet(Path(out) / "entries.parquet", tables.ENTRIES, columns, beside=beside)


def columns_beside(rows: list[dict]) -> tables.Layout:
    """The columns of rows beyond `tables.ENTRIES`, of the kind of their first value."""
    names = [name for name in (rows[0] if rows else ()) if name not in set(tables.ENTRIES.names)]
    kinds = {bool: "yes/no", int: "whole", float: "number"}
    values = {name: next((row[name] for row in rows if row[name] is not None), "") for name in names}
    return tables.Layout(
        "beside", tuple(tables.Column(name, kinds.get(type(values[name]), "text"), "") for name in names)
    )


def score_source(rows: list[dict]) -> str:
    """Where the survey's Q comes from, in words."""
    scored = [row for row in rows if row["status"] == "scored"]
    if not scored and any(row["reason"] == "not_published" for row in rows):
        return FROM_ARCHIVE
    if not scored or any(row["n_scored"] is not None for row in scored):
        return FROM_MAPS
    names = sorted({row["version"] or "" for row in scored})
    return FROM_ARCHIVE if names == [BY_ARCHIVE] else f"Q from table {', '.join(names)}"
