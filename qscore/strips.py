"""Residues of each entry → its chains as short lines of text: the mean Q along each chain, in bins."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from qscore import tables, workers
from qscore.coded import Coded, coded
from qscore.layouts import RESIDUES, Layout
from qscore.letters import visible

POLYMERS = ("protein", "nucleic")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
LOWEST, STEP, GAP = -0.25, 0.02, "."
"""Letter k stands for Q from LOWEST + k STEP to one STEP more; GAP for a bin in which no residue has a score."""

ALL_LETTERS = 3_000_000  # of all entries together
LETTERS = (60, 6000)  # of one entry: fewest, most
CHAIN_LETTERS = (24, 200)
MOST_CHAINS = 24
FARTHEST = 100_000  # residue numbers beyond are no places along a chain
_NEEDED = ("emdb_id", "pdb_id", "chain", "number", "residue", "class", "q_04")
_LAYOUT = Layout("residues", tuple(column for column in RESIDUES.columns if column.name in _NEEDED))


def letters_each(n_entries: int) -> int:
    """Letters that one of so many entries may take."""
    fewest, most = LETTERS
    return int(np.clip(ALL_LETTERS // max(n_entries, 1), fewest, most))


def strips(residues_file, *, letters: int, jobs: int = 1) -> dict[tuple[str, str], str]:
    """Text of the chains of each pair: a line a chain, the worst of each kind of chain first.

    A line holds, with tabs between: name of the chain, residue number at which the first bin begins, residues a bin,
    mean Q over residues in hundredths, how many chains are alike (same residues), and the bins, one letter of
    `ALPHABET` each (`GAP` without a score). A last line "+n" counts the chains that are not told.

    Parameters
    ----------
    residues_file : path
        Parquet of `tables.RESIDUES`; read a row group at a time, no pair in two of them.
    letters : int
        About as many letters as one entry may take.
    jobs : int
        Processes that read; the text does not depend on it.
    """
    shares, found = tables.shares_of_groups(residues_file, jobs), {}
    asked = ((residues_file, letters, numbers) for numbers in shares)
    for some in workers.results(_strips_of_groups, asked, jobs=min(jobs, len(shares))):
        found |= some
    return found


def _strips_of_groups(residues_file, letters: int, numbers) -> dict[tuple[str, str], str]:
    """`strips` of some row groups."""
    found = {}
    for columns in tables.row_groups(residues_file, layout=_LAYOUT, codes=True, only=numbers):
        columns = _rows(_placed(columns), np.flatnonzero(columns["class"].among(POLYMERS)))
        for start, end in _runs(columns["emdb_id"].code, columns["pdb_id"].code):
            pair = _rows(columns, slice(start, end))
            found[pair["emdb_id"][0], pair["pdb_id"][0]] = _text(pair, letters)
    return found


def _rows(columns: dict, rows) -> dict:
    """Some rows of columns."""
    return {name: one.at(rows) if isinstance(one, Coded) else one[rows] for name, one in columns.items()}


def _placed(columns: dict) -> dict:
    """Columns with residue numbers as numbers: each different text is read once."""
    number = coded(columns["number"])
    text = {name: coded(columns[name]) for name in ("chain", "residue")}
    place = np.array([_place(one) for one in number.names], float)[number.code]
    return columns | text | {"number": place, "q_04": np.asarray(columns["q_04"], float)}


def _runs(*columns: np.ndarray) -> list[tuple[int, int]]:
    """Starts and ends of the runs of rows alike in all columns."""
    n = len(columns[0])
    if not n:
        return []
    change = np.zeros(n - 1, dtype=bool)
    for values in columns:
        change |= values[1:] != values[:-1]
    edges = [0, *(np.flatnonzero(change) + 1).tolist(), n]
    return list(pairwise(edges))


def entry_text(columns: dict, letters: int) -> str:
    """Text of one entry; `columns` are those of its polymer residues, shape (n,) each."""
    return _text(_placed(columns), letters)


def _text(columns: dict, letters: int) -> str:
    chains = ranked([_chain(columns, rows) for rows in _by_chain(columns["chain"].code)])
    most = min(len(chains), max(2, letters // (2 * CHAIN_LETTERS[0])), MOST_CHAINS)
    bins = int(np.clip(letters // max(most, 1) - 16, *CHAIN_LETTERS))
    lines = [_line(chain, bins) for chain in chains[:most]]
    return "\n".join(lines + [f"+{len(chains) - most}"] * (len(chains) > most))


def _by_chain(names: np.ndarray) -> list:
    """Rows of each chain: a slice, or the numbers of those of one that is told in pieces."""
    pieces = {}
    for start, end in _runs(names):
        pieces.setdefault(names[start], []).append(slice(start, end))
    return [found[0] if len(found) == 1 else np.r_[tuple(found)] for found in pieces.values()]


def _chain(columns: dict, rows) -> dict:
    q, number = columns["q_04"][rows], columns["number"][rows]
    first = rows.start if isinstance(rows, slice) else rows[0]
    known, scored = np.isfinite(number), q[np.isfinite(q)]
    if not known.all():
        q, number = q[known], number[known]
    return {
        "name": visible(" ".join(str(columns["chain"][first]).split()))[:12],
        "kind": (number[:1].tobytes(), columns["residue"].code[rows].tobytes()),
        "number": number,
        "q": q,
        "mean": float(np.add.reduce(scored)) / len(scored) if len(scored) else np.inf,
    }


def _place(text) -> float:
    """A residue number; NaN where it is none."""
    try:
        number = int(text)
    except (TypeError, ValueError):
        return np.nan
    return number if abs(number) <= FARTHEST else np.nan


def ranked(chains: list[dict]) -> list[dict]:
    """Chains in the order they are told: the worst of each kind, then the others, each from the lowest mean Q."""
    known = sorted((chain for chain in chains if len(chain["q"])), key=lambda chain: (chain["mean"], chain["name"]))
    alike = {}
    for chain in known:
        alike.setdefault(chain["kind"], []).append(chain)
    first = [chains[0] | {"alike": len(chains)} for chains in alike.values()]
    return first + [chain | {"alike": 1} for chains in alike.values() for chain in chains[1:]]


def _line(chain: dict, bins: int) -> str:
    number, scored = chain["number"].astype(np.int64), np.isfinite(chain["q"])
    first = int(number.min())
    width = -(-(int(number.max()) - first + 1) // bins)
    place = (number - first) // width
    weight = np.bincount(place[scored], minlength=int(place.max()) + 1)
    total = np.bincount(place[scored], chain["q"][scored], minlength=len(weight))
    level = np.clip((np.divide(total, weight, where=weight > 0, out=np.zeros(len(weight))) - LOWEST) / STEP, 0, 63)
    drawn = "".join(ALPHABET[k] if n else GAP for k, n in zip(level.astype(int).tolist(), weight.tolist(), strict=True))
    mean = "" if chain["mean"] == np.inf else str(round(100 * chain["mean"]))
    return "\t".join((chain["name"], str(first), str(width), mean, str(chain["alike"]), drawn))
