"""Scored entries and the fit → what the page's explorer is made of."""

from __future__ import annotations

import math

import numpy as np

from qscore.equations import judging_curve
from qscore.ids import EMDB_ID, PDB_ID
from qscore.report.dataset import CLASS_WORDS, dataset
from qscore.report.explore import GROUPS, as_block, explorer, marks, strip_code
from qscore.report.packed import packed
from qscore.strips import letters_each, strips
from qscore.subsets import APOFERRITIN, members
from qscore.survey import FROM_ARCHIVE, FROM_MAPS

SYNTHETIC = "Synthetic demonstration archive"
PAGES = "entries"  # the folder of the entries' own pages, beside the survey's
HEADINGS = {
    "emdb": "EMDB", "pdb": "PDB", "sample": "Sample", "resolution": "Res. (Å)", "q_mean": "Q", "expected_q": "Expected",
    "percentile": "Percentile", "p_adjusted": "Adj. p", "flag": "Flag", "cause": "Cause", "year": "Year",
    "method": "Method", "left_out": "Not in the line",
}  # fmt: skip


def interactive(scored: list[dict], fit: dict, *, residues_file, pages, subsets, jobs: int = 1) -> dict:
    """What the template shows of the explorer: `explorer`, `facts`, `facts_text`, `data_text`, `key` and `beyond`.

    Parameters are those of `page.write_report`; `scored` are its rows with their verdicts. Without any scored entry
    `explorer` is None.
    """
    if not scored:
        return {"explorer": None, "facts": {}, "facts_text": "", "data_text": "", "key": [], "beyond": 0}
    curve = judging_curve(fit)
    found = strips(residues_file, letters=letters_each(len(scored)), jobs=jobs) if residues_file else {}
    ordered = sorted(scored, key=_first)
    told = dataset(ordered, subsets=_groups(scored, subsets), strips=found, pages=set(pages))
    columns, texts = told.pop("columns"), told.pop("texts")
    of_q = "Mean Q (σ = 0.4 Å)" if fit["score_source"] in (FROM_MAPS, FROM_ARCHIVE) else "Q as the table gives it"
    groups = {_group(row) for row in scored}
    title = SYNTHETIC if fit["synthetic"] else ""
    headings = _headings(columns, texts, told["words"])
    layout, block = packed(columns, texts)
    drawn = explorer(columns, curve, groups=groups, title=title, of_q=of_q, headings=headings)
    facts = told | {
        "layout": layout,
        "drawn": sorted({"resolution", "q_mean", *headings}),
        "groups": [name for name, *_ in GROUPS if name in groups],
        "strip": strip_code(),
        "synthetic": bool(fit["synthetic"]),
        "pages": PAGES,
        "emdb_id": EMDB_ID.pattern,
        "pdb_id": PDB_ID.pattern,
    }
    return {
        "explorer": drawn,
        "facts_text": as_block(facts),
        "data_text": block,
        "key": [(name, sign, words) for name, _, _, words, sign in marks(len(scored)) if name in groups],
        "facts": facts | {"years": _years(columns["year"]), "held": _held(columns["classes"])},
        "beyond": int(np.sum(columns["resolution"] > curve.domain[1])),
    }


def _group(row: dict) -> str:
    """Which of `GROUPS` an entry is drawn in; the page's script tells it the same way."""
    return row["flag"] or ("cause" if row["cause"] else "out" if row["left_out"] else "within")


def _first(row: dict) -> tuple:
    """Order of the table as it opens: flagged low, high, with a cause, then by what is expected, the lowest first."""
    rank = ("low", "high", "").index(row["flag"]) if row["flag"] or not row["cause"] else 1.5
    z = row["z"] if row["z"] is not None and not math.isnan(row["z"]) else math.inf
    return rank, z if row["flag"] != "high" else -z, row["emdb_id"], row["pdb_id"]


def _groups(scored: list[dict], subsets) -> dict[str, set]:
    """Pairs of each subset that has any."""
    found = {one.name: {(row["emdb_id"], row["pdb_id"]) for row in members(one, scored)} for one in _all(subsets)}
    return {name: pairs for name, pairs in found.items() if pairs}


def _all(subsets) -> list:
    return [APOFERRITIN, *subsets][:32]


def _headings(columns: dict, texts: dict, words: dict) -> dict[str, str]:
    """Columns of the table, without those in which nothing stands."""
    empty = {name for name, known in words.items() if not any(known)}
    there = {"year": columns["year"].any(), "sample": any(texts["sample"])}
    there["p_adjusted"] = np.isfinite(columns["p_adjusted"]).any()
    empty |= {name for name, found in there.items() if not found}
    return {name: words for name, words in HEADINGS.items() if name not in empty}


def _years(years: np.ndarray) -> list[int]:
    return [int(year) for year in np.unique(years) if year]


def _held(classes: np.ndarray) -> list[tuple[int, str]]:
    """Classes of atoms that some entries have and others may lack: bit and words."""
    return [(k, words) for k, words in enumerate(CLASS_WORDS) if np.any(classes & (1 << k))]
