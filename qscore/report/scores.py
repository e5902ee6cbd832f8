"""The comparison of scores → what the page's section shows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from qscore import tables
from qscore.report.parts import read_json
from qscore.report.words import fixed
from qscore.rivalscores import FAMILIES
from qscore.rivalscores import RIVALS as SCORES

MOST_REASONS = 12


def side_by_side(folder, rows: list[dict]) -> dict | None:
    """The comparison as the page shows it; None without it.

    Parameters
    ----------
    folder : path or None
        Of `rivals.write`.
    rows : list of dict
        Scored rows of `tables.ENTRIES`.

    Returns
    -------
    dict or None
        ``statements``, ``parts`` (each subset), ``families`` (rows of the table, one a form), ``values`` (of each
        entry, where nothing is ranked), ``empty`` (why scores are empty: reason, number) and how it was done.
    """
    if folder is None:
        return None
    facts = read_json(Path(folder) / "rivals.json")
    measured = tables.read_rows(Path(folder) / "rivals.parquet", layout=tables.RIVALS)
    there = [row for row in measured if row["subset"] == "all"]
    ranked = bool(facts["parts"]["all"]["ranking"]["order"])
    parts = [{"name": name.replace("_", " ")} | part for name, part in facts["parts"].items()]
    return {
        **{key: facts[key] for key in ("rule", "draws", "folds", "fewest")},
        "statements": facts["parts"]["all"]["statements"],
        "ranked": ranked,
        "none": facts["parts"]["all"]["ranking"]["none"],
        "n_common": facts["parts"]["all"]["ranking"]["n"],
        "parts": parts[1:],
        "families": [family for name in FAMILIES for family in _family(name, there)],
        "values": None if len(rows) >= facts["fewest"] else values(rows),
        **_empty(rows),
    }


def _family(name: str, measured: list[dict]) -> list[dict]:
    """Rows of a family, the historical form first; the family is named in the first. One is empty if none is known."""
    mine = [row for row in measured if row["family"] == name] or [dict.fromkeys(tables.RIVALS.names)]
    return [_shown(row) | {"family": "" if k else FAMILIES[name]} for k, row in enumerate(mine)]


def _shown(row: dict) -> dict:
    ends = {key: _between(row, key) for key in ("pearson", "spearman", "error_less_q")}
    return row | {f"{key}_between": text for key, text in ends.items()}


def _between(row: dict, key: str) -> str:
    """A 95 % interval; "" where there is none."""
    low, high = row[f"{key}_low"], row[f"{key}_high"]
    return "" if low is None or high is None else f"{fixed(low, 2)} to {fixed(high, 2)}"


def values(rows: list[dict]) -> dict:
    """Every score of every entry, by resolution: headings, rows of texts, and why others are empty."""
    there = [one for one in SCORES if any(row.get(one.column) is not None for row in rows)]
    ordered = sorted(rows, key=lambda row: (row["resolution"] is None, row["resolution"] or 0.0, row["emdb_id"]))
    return {
        "headings": " | ".join(["EMDB / PDB", "#Resolution (Å)", *(f"#{one.name}" for one in there), "Empty, and why"]),
        "rows": [
            {
                "ids": f"{row['emdb_id']} / {row['pdb_id']}",
                "resolution": row["resolution"],
                "cells": [_plain(row.get(one.column)) for one in there],
                "why": row.get("not_measured") or "",
            }
            for row in ordered
        ],
    }


def _plain(value) -> str:
    return "–" if value is None else fixed(value, 3) if abs(value) < 100 else fixed(value, 1)


def _empty(rows: list[dict]) -> dict:
    """Why scores are empty: the commonest reasons with their numbers of entries."""
    told = [row.get("not_measured") or "" for row in rows]
    reasons = Counter(reason.strip() for text in told for reason in text.split(";") if reason.strip())
    most = sorted(reasons.items(), key=lambda one: (-one[1], one[0]))
    return {"empty": most[:MOST_REASONS], "more_empty": len(most[MOST_REASONS:])}
