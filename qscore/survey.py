"""The tables of a survey: scores joined with the catalogue, lines, flags."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

from qscore import __version__, tables
from qscore.expected import MAPQ_2_9_7, Equation
from qscore.outliers import ENOUGH_FOR_OWN_CURVE, band_flag
from qscore.selection import SUBSETS, FitRule, why_not


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


def aggregate(pairs_file, plan_names: list[str], scores, out) -> None:
    """Scores of all batches + catalogue → ``entries.parquet``, ``entries.tsv``, ``residues.parquet``."""
    folders = [Path(scores) / name for name in plan_names]
    scored = [row for folder in folders for row in tables.read_rows(folder / "entries.parquet", layout=tables.SCORED)]
    rows = join(tables.read_rows(pairs_file, layout=tables.PAIRS), scored)
    columns = tables.as_columns(tables.ENTRIES, rows)
    tables.concatenate(
        Path(out) / "residues.parquet", [folder / "residues.parquet" for folder in folders], layout=tables.RESIDUES
    )
    tables.write_tsv(Path(out) / "entries.tsv", tables.ENTRIES, columns)
    tables.write_parquet(Path(out) / "entries.parquet", tables.ENTRIES, columns)


def fit(entries_file, rule: FitRule) -> dict:
    """Lines of each subset, or the sentence why there is none.

    Returns
    -------
    dict
        ``fits`` by subset: ``line`` (or None), ``sentence``, ``n``; with the
        rule, the published curve used below 200 entries, and provenance.
    """
    rows = tables.read_rows(entries_file, layout=tables.ENTRIES)
    taken = [row for row in rows if not why_not(row, rule)]
    return {
        "version": __version__,
        "entries_sha256": hashlib.sha256(Path(entries_file).read_bytes()).hexdigest(),
        "quantity": "q_mean",
        "sigma": 0.4,
        "rule": rule.text(),
        "fewest": rule.fewest,
        "synthetic": any(row["synthetic"] for row in rows),
        "fits": {name: _fit_subset([row for row in taken if member(row)], rule) for name, member in SUBSETS.items()},
        "judged_by": MAPQ_2_9_7.as_dict(),
        "judged_by_text": MAPQ_2_9_7.text(),
        "left_out": dict(sorted(Counter(filter(None, (why_not(row, rule) for row in rows))).items())),
    }


def _fit_subset(rows: list[dict], rule: FitRule) -> dict:
    from qscore.regression import fit_line

    n, resolutions = len(rows), [row["resolution"] for row in rows]
    if n >= rule.fewest and len(set(resolutions)) == 1:
        sentence = f"{n} entries, all at {resolutions[0]:g} Å: no line; the published curve (MapQ 2.9.7) is shown"
        return {"n": n, "line": None, "sentence": sentence}
    if n < rule.fewest:
        entries = "1 entry" if n == 1 else f"{n} entries"
        sentence = f"{entries}: too few for a line (at least {rule.fewest}); the published curve (MapQ 2.9.7) is shown"
        return {"n": n, "line": None, "sentence": sentence}
    line = fit_line(resolutions, [row["q_mean"] for row in rows])
    slope = f"{line.slope:.4f}".replace("-", "−")
    sentence = (
        f"{line.text()}; slope {slope} ± {line.slope_se:.4f} per Å, intercept {line.intercept:.4f} ± "
        f"{line.intercept_se:.4f}, RMSE {line.rmse:.3f}, n = {n}, {line.x_low:g}–{line.x_high:g} Å"
    )
    return {"n": n, "line": line.as_dict(), "sentence": sentence}


def flags(entries_file, rule: FitRule, equation: Equation = MAPQ_2_9_7) -> list[dict]:
    """A row of `tables.FLAGS` for every scored entry: expected Q, band, flag."""
    rows = [row for row in tables.read_rows(entries_file, layout=tables.ENTRIES) if row["status"] == "scored"]
    return [_flag_row(row, rule, equation) for row in rows]


def _flag_row(row: dict, rule: FitRule, equation: Equation) -> dict:
    low, high = equation.band(row["resolution"])
    return {
        **{key: row[key] for key in ("emdb_id", "pdb_id", "sample", "resolution", "q_mean")},
        "expected_q": equation.at(row["resolution"]),
        "low": low,
        "high": high,
        "equation": equation.name,
        "flag": band_flag(row["q_mean"], low, high),
        "in_fit": why_not(row, rule),
    }


def judged_by_sentence(n_scored: int) -> str:
    """What the flags rest on, in words."""
    text = "Flags compare q_mean with the published band of MapQ 2.9.7 (95 % of its entries)."
    if n_scored < ENOUGH_FOR_OWN_CURVE:
        text += (
            f" With {n_scored} scored entries (below {ENOUGH_FOR_OWN_CURVE}) this survey is too small for its own band."
        )
    return text
