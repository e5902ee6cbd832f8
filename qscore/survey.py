"""The tables of a survey: scores joined with the catalogue, lines, flags."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from pathlib import Path

from qscore import __version__, tables
from qscore.expected import MAPQ_2_9_7, Equation
from qscore.outliers import band_flag
from qscore.publications import leave_one_out
from qscore.selection import FitRule, why_not
from qscore.subsets import APOFERRITIN, Subset, ids_not_found, members

MOST_LISTED = 1000
FROM_MAPS, FROM_ARCHIVE = "Q computed here from maps", "Q as published by the archive"
BY_ARCHIVE = "published"  # the column `version` of entries whose Q the archive computed
TELLS_APOFERRITIN = ("sample", "title", "uniprot")
NOT_TOLD = "the source does not tell which entries are apoferritin (list them as a subset)"


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


def aggregate(pairs_file, plan_names: list[str], scores, out, *, published_file=None) -> None:
    """Scores of all batches + catalogue → ``entries.parquet``, ``entries.tsv``, ``residues.parquet``.

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
    """
    folders = [Path(scores) / name for name in plan_names]
    scored = [row for folder in folders for row in tables.read_rows(folder / "entries.parquet", layout=tables.SCORED)]
    published = tables.read_rows(published_file, layout=tables.PUBLISHED) if published_file else []
    rows = with_published(join(tables.read_rows(pairs_file), scored), published)
    tables.concatenate(
        Path(out) / "residues.parquet", [folder / "residues.parquet" for folder in folders], layout=tables.RESIDUES
    )
    write_entries(out, rows)


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


def fit(entries_file, rule: FitRule, subsets: tuple[Subset, ...] = ()) -> dict:
    """Lines of the survey and of its subsets, or the sentence why there is none.

    Parameters
    ----------
    entries_file : path
        Parquet of `tables.ENTRIES`.
    rule : FitRule
    subsets : tuple of Subset
        Of the configuration; apoferritin comes by itself.

    Raises
    ------
    ValueError
        A subset asks for a column that the table does not have.

    Returns
    -------
    dict
        ``fits`` by subset: ``line`` (or None), ``sentence``, ``n``, ``rule``,
        ``left_out``, ``leave_one_out`` and for subsets ``members``; with the
        rule, the published curve that flags rest on, and provenance.
    """
    rows = tables.read_rows(entries_file)
    everyone = _fit_part(rows, rule)
    parts = {subset.name: _fit_subset(subset, rows, rule) for subset in (APOFERRITIN, *subsets)}
    return {
        "version": __version__,
        "entries_sha256": hashlib.sha256(Path(entries_file).read_bytes()).hexdigest(),
        "quantity": "q_mean",
        "sigma": 0.4,
        "score_source": score_source(rows),
        "rule": rule.text(),
        "fewest": rule.fewest,
        "synthetic": any(row["synthetic"] for row in rows),
        "fits": {"all": everyone | {"rule": rule.text()}, **parts},
        "judged_by": MAPQ_2_9_7.as_dict(),
        "judged_by_text": MAPQ_2_9_7.text(),
        "left_out": everyone["left_out"],
    }


def score_source(rows: list[dict]) -> str:
    """Where the survey's Q comes from, in words."""
    scored = [row for row in rows if row["status"] == "scored"]
    if not scored and any(row["reason"] == "not_published" for row in rows):
        return FROM_ARCHIVE
    if not scored or any(row["n_scored"] is not None for row in scored):
        return FROM_MAPS
    names = sorted({row["version"] or "" for row in scored})
    return FROM_ARCHIVE if names == [BY_ARCHIVE] else f"Q from table {', '.join(names)}"


def _fit_subset(subset: Subset, rows: list[dict], rule: FitRule) -> dict:
    """The line of a subset, who its members are and which of them the line leaves out."""
    rule, found = subset.fit_rule(rule), members(subset, rows)
    listed = [
        {key: row[key] for key in ("emdb_id", "pdb_id", "resolution", "q_mean")}
        | {"reason": row["apoferritin"] if subset is APOFERRITIN else "", "left_out": why_not(row, rule)}
        for row in found[:MOST_LISTED]
    ]
    facts = {"rule": subset.text(), "fit_rule": rule.text(), "n_members": len(found), "members": listed}
    unknown = {"sentence": NOT_TOLD} if subset is APOFERRITIN and not found and _never_told(rows) else {}
    return _fit_part(found, rule) | facts | {"ids_not_found": ids_not_found(subset, rows)} | unknown


def _never_told(rows: list[dict]) -> bool:
    """Whether there are rows, and none holds anything by which apoferritin is recognised."""
    return bool(rows) and not any(row[column] for row in rows for column in TELLS_APOFERRITIN)


def _fit_part(rows: list[dict], rule: FitRule) -> dict:
    """The line through those of some rows that the rule takes."""
    from qscore.regression import fit_line

    whys = [why_not(row, rule) for row in rows]
    taken = [row for row, why in zip(rows, whys, strict=True) if not why]
    facts = {"n": len(taken), "left_out": dict(sorted(Counter(filter(None, whys)).items()))}
    resolutions = [row["resolution"] for row in taken]
    if sentence := _no_line(resolutions, rule.fewest):
        return facts | {"line": None, "sentence": sentence, "leave_one_out": None}
    line = fit_line(resolutions, [row["q_mean"] for row in taken])
    found = line.as_dict()
    return facts | {"line": found, "sentence": _line_sentence(line), "leave_one_out": leave_one_out(taken, found)}


def _no_line(resolutions: list[float], fewest: int) -> str:
    """Why there is no line; "" when there is one."""
    n = len(resolutions)
    if n < fewest:
        entries = "1 entry" if n == 1 else f"{n} entries"
        return f"{entries}: too few for a line (at least {fewest}); the published curve (MapQ 2.9.7) is shown"
    if len(set(resolutions)) == 1:
        return f"{n} entries, all at {resolutions[0]:g} Å: no line; the published curve (MapQ 2.9.7) is shown"
    return ""


def _line_sentence(line) -> str:
    slope = f"{line.slope:.4f}".replace("-", "−")
    return (
        f"{line.text()}; slope {slope} ± {line.slope_se:.4f} per Å, intercept {line.intercept:.4f} ± "
        f"{line.intercept_se:.4f}, RMSE {line.rmse:.3f}, n = {line.n}, {line.x_low:g}–{line.x_high:g} Å"
    )


def flags(entries_file, rule: FitRule, equation: Equation = MAPQ_2_9_7) -> list[dict]:
    """A row of `tables.FLAGS` for every scored entry: expected Q, band, flag."""
    rows = [row for row in tables.read_rows(entries_file, layout=tables.ENTRIES) if row["status"] == "scored"]
    return [_flag_row(row, rule, equation) for row in rows]


def _flag_row(row: dict, rule: FitRule, equation: Equation) -> dict:
    resolution = math.nan if row["resolution"] is None else row["resolution"]
    low, high = equation.band(resolution)
    return {
        **{key: row[key] for key in ("emdb_id", "pdb_id", "sample", "resolution", "q_mean")},
        "expected_q": equation.at(resolution),
        "low": low,
        "high": high,
        "equation": equation.name,
        "flag": band_flag(row["q_mean"], low, high),
        "left_out": why_not(row, rule),
    }


def judged_by_sentence() -> str:
    """What the flags rest on, in words."""
    return "Flags compare q_mean with the published band of MapQ 2.9.7 (95 % of its entries)."
