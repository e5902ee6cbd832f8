"""Scored entries → the columns that stand in the page once and feed plot, filters and table."""

from __future__ import annotations

import math

import numpy as np

from qscore.ids import pair_stem
from qscore.report.words import plain, short, signed

CLASSES = ("protein", "nucleic", "ligand", "glycan", "ion", "water")
CLASS_WORDS = ("protein", "nucleic acid", "ligands", "glycans", "ions", "waters")
NUMBERS = (
    "resolution", "q_mean", "expected_q", "low", "high", "percentile", "p_adjusted", "z",
)  # fmt: skip
# Numbers of the panel, where the survey has them: column, words, decimals.
BESIDE = (
    ("q_backbone", "Q of backbone", 3),
    ("q_side_chain", "Q of side chains and bases", 3),
    ("q_protein", "Q of protein", 3),
    ("q_nucleic", "Q of nucleic acid", 3),
    ("q_ligand", "Q of ligands", 3),
    ("q_glycan", "Q of glycans", 3),
    ("q_ion", "Q of ions", 3),
    ("q_water", "Q of waters", 3),
    ("q_mean_06", "Q at σ 0.6 Å", 3),
    ("q_null", "Chance level of Q", 3),
    ("q_published", "Published Q", 3),
    ("map_model_fsc05", "Map–model FSC 0.5 (EMDB), Å", 2),
    ("d_fsc05", "Map–model FSC 0.5 (here), Å", 2),
    ("cc_mask", "Map–model correlation", 3),
    ("inclusion", "Atom inclusion", 3),
    ("n_atoms", "Atoms", 0),
    ("n_scored", "Atoms scored", 0),
)
MANY, MOST_BESIDE = 10_000, 7  # of very many entries only so many of these
SAMPLE_LETTERS, TITLE_LETTERS = 3_000_000, 2_600_000  # of all entries together
MOST_WORDS = 200  # kinds of a column of words; rarer ones are "other"
CATEGORIES = ("flag", "cause", "method", "left_out")


def dataset(scored: list[dict], *, subsets: dict, strips: dict, pages: set) -> dict:
    """Columns of the page and what is needed to read them.

    Parameters
    ----------
    scored : list of dict
        Scored rows with their verdicts, in the order the table begins with.
    subsets : dict
        Name → set of pairs.
    strips : dict
        Pair → text of `strips.strips`.
    pages : set
        Stems (`ids.pair_stem`) of the pairs that have a page of their own.

    Returns
    -------
    dict
        ``columns`` (name → array, shape (n,)); ``texts`` (name → list of n texts); ``words`` (column → its words, of
        which the column holds the places); ``subsets`` and ``classes`` (names, by bit); ``beside`` (column, words,
        decimals).
    """
    beside = _beside(scored)
    kinds = {name: _coded([plain(short(row[name])) for row in scored]) for name in CATEGORIES}
    texts = {
        "emdb": [short(row["emdb_id"]) for row in scored],
        "pdb": [short(row["pdb_id"]) for row in scored],
        "sample": _cut([row["sample"] for row in scored], SAMPLE_LETTERS),
        "title": _cut([row["title"] for row in scored], TITLE_LETTERS),
        "evidence": [signed(short(row["evidence"])) for row in scored],
        "strip": [strips.get(_pair(row), "") for row in scored],
        "stem": [stem if (stem := pair_stem(*_pair(row))) in pages else "" for row in scored],
    }
    columns = {
        **{name: _numbers(scored, name) for name in (*NUMBERS, *(name for name, _, _ in beside))},
        **{name: codes for name, (codes, _) in kinds.items()},
        "year": np.array([_year(row["map_release"]) for row in scored], dtype=np.uint16),
        "classes": np.array([_classes(row) for row in scored], dtype=np.uint8),
        "subsets": _bits(scored, list(subsets.values())),
    }
    return {
        "columns": columns,
        "texts": texts,
        "words": {name: words for name, (_, words) in kinds.items()},
        "subsets": [name.replace("_", " ") for name in subsets],
        "classes": list(CLASS_WORDS),
        "beside": beside,
    }


def _pair(row: dict) -> tuple[str, str]:
    return row["emdb_id"], row["pdb_id"]


def _beside(scored: list[dict]) -> list[tuple[str, str, int]]:
    """Numbers of the panel that any entry has; of very many entries the first of them."""
    there = [one for one in BESIDE if any(row.get(one[0]) is not None for row in scored)]
    return there if len(scored) <= MANY else there[:MOST_BESIDE]


def _numbers(scored: list[dict], name: str) -> np.ndarray:
    return np.array([math.nan if row.get(name) is None else row[name] for row in scored], dtype=np.float32)


def _cut(texts: list, letters: int) -> list[str]:
    """Texts of strangers, cut where all together would be too long."""
    each = max(24, letters // max(len(texts), 1))
    found = [short(text) for text in texts]
    return [text if len(text) <= each else text[: each - 1] + "…" for text in found]


def _coded(texts: list[str]) -> tuple[np.ndarray, list[str]]:
    """Places in a list of words, the commonest first, and the words."""
    known, counts = np.unique(np.array(texts, dtype=object).astype(str), return_counts=True)
    words = [str(known[k]) for k in np.argsort(-counts, kind="stable")]
    if len(words) > MOST_WORDS:
        words = [*words[: MOST_WORDS - 1], "other"]
    place = {word: k for k, word in enumerate(words)}
    return np.array([place.get(text, len(words) - 1) for text in texts], dtype=np.uint8), words


def _year(date) -> int:
    """Year of a date, 0 where there is none."""
    year = str(date or "")[:4]
    return int(year) if year.isascii() and year.isdigit() else 0


def _classes(row: dict) -> int:
    """Bit k is set where the model has atoms of class k."""
    return sum(1 << k for k, name in enumerate(CLASSES) if row.get(f"n_{name}"))


def _bits(scored: list[dict], groups: list[set]) -> np.ndarray:
    """Bit k is set where the pair is in group k."""
    return np.array([sum(1 << k for k, group in enumerate(groups) if _pair(row) in group) for row in scored], np.uint32)
