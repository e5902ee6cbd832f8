"""What to expect of a residue: the entry's expected Q and an offset of its type, part and resolution.

Acidic side chains lose density to the beam, aromatic ones are large and stiff, backbones are better resolved than
side chains: a residue is compared with those of its own kind. The offsets are relative to the entry's mean, so that
they mean "this type of residue in an entry of that Q".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from qscore import tables, workers
from qscore.coded import coded
from qscore.layouts import OFFSETS, Layout

PARTS = {"all": "q_04", "backbone": "q_04_backbone", "side chain": "q_04_side_chain"}
EDGES = (1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0)
POLYMERS = ("protein", "nucleic")
_PAIR = ("emdb_id", "pdb_id")
ANY = "any"
SHIPPED = Path(__file__).parent / "shipped" / "offsets.json"
# From the real pairs: residues of one type and entry scatter by 0.1 in Q, a type's mean between entries by 0.03, the
# means of types by 0.04: what weighs half as much as any number would.
_HALF_RESIDUES, _HALF_ENTRIES = 10.0, 1.0
# An entry is unlike the others beyond this many deviations, of which one is at least the archive's scatter of Q.
_UNLIKE, _LEAST_DEVIATION = 3.0, 0.05


@dataclass(frozen=True)
class Offsets:
    """Offsets of residue types.

    Attributes
    ----------
    cells : tuple of dict
        Of `layouts.OFFSETS`: one each type, part and bin of resolution, of `EDGES`.
    source : str
        What they were fitted to, in words.
    """

    cells: tuple[dict, ...]
    source: str = ""

    def of(self, residue: np.ndarray, resolution, part: str = "all") -> tuple[np.ndarray, np.ndarray]:
        """Offset and standard deviation of residues → two float arrays, shape (n,).

        A type that was not fitted has the row of ``any``; without one the offset is 0 and the deviation NaN.

        Parameters
        ----------
        residue : text array or Coded, shape (n,)
            Residue names.
        resolution : float, or float array, shape (n,)
            Å; outside the bins the nearest serves.
        part : str
            all, backbone or side chain.
        """
        residue = coded(residue)
        names, bin_ = residue.text.tolist(), bin_of(np.asarray(resolution))
        found = np.array([self._row(name, part, one) for one in range(len(EDGES) - 1) for name in names], float)
        row = bin_ * len(names) + residue.code
        return tuple(column[row] for column in found.reshape(-1, 2).T)

    def _row(self, name: str, part: str, bin_: int) -> tuple[float, float]:
        for known in (name, ANY):
            if (found := self._table.get((known, part, bin_))) is not None:
                return found
        return 0.0, np.nan

    @cached_property
    def _table(self) -> dict:
        number = {low: k for k, low in enumerate(EDGES[:-1])}
        return {
            (row["residue"], row["part"], number[row["resolution_low"]]): (row["offset"], row["sd"])
            for row in self.cells
        }

    def as_dict(self) -> dict:
        """For JSON: columns, one list of values each."""
        return {"source": self.source} | tables.as_columns(OFFSETS, self.cells)

    @classmethod
    def from_dict(cls, content: Mapping) -> Offsets:
        """What `as_dict` gave.

        Raises
        ------
        ValueError
            It lacks a column.
        """
        if missing := [name for name in OFFSETS.names if name not in content]:
            raise ValueError(f"residue offsets without {', '.join(missing)}")
        values = zip(*(content[name] for name in OFFSETS.names), strict=True)
        rows = (dict(zip(OFFSETS.names, one, strict=True)) for one in values)
        return cls(tuple(row | {"sd": np.nan if row["sd"] is None else row["sd"]} for row in rows), content["source"])

    def rows(self) -> list[dict]:
        """Rows of `layouts.OFFSETS`."""
        return list(self.cells)


def shipped() -> Offsets:
    """The offsets that come with the program."""
    return Offsets.from_dict(json.loads(SHIPPED.read_text(encoding="utf-8")))


def bin_of(resolution: np.ndarray) -> np.ndarray:
    """Number of the resolution bin, 0 first; the nearest one outside the edges → int (n,)."""
    return np.clip(np.searchsorted(EDGES, resolution, side="right") - 1, 0, len(EDGES) - 2)


def of_survey(residues_file, entries_file, curve, *, jobs: int = 1) -> Offsets:
    """Offsets of a survey, as of `fit_offsets`: of its scored entries with a resolution and without a tight mask.

    Parameters
    ----------
    residues_file, entries_file : path
        Parquet of `tables.RESIDUES` and `tables.ENTRIES`.
    curve : Curve
        Expected Q of entries over resolution.
    jobs : int
        Processes that read; what is found does not depend on it.
    """
    columns = (*_PAIR, "status", "resolution", "tight_mask")
    layout = Layout("entries", tuple(column for column in tables.ENTRIES.columns if column.name in columns))
    rows = [
        row
        for row in tables.read_rows(entries_file, layout=layout)
        if row["status"] == "scored" and row["resolution"] and not row["tight_mask"]
    ]
    expected = curve.expected(np.array([row["resolution"] for row in rows], float)).tolist()
    entries = {
        (row["emdb_id"], row["pdb_id"]): (row["resolution"], one) for row, one in zip(rows, expected, strict=True)
    }
    needed = {*_PAIR, "residue", "class", "n_scored", *PARTS.values()}
    layout = Layout("residues", tuple(column for column in tables.RESIDUES.columns if column.name in needed))
    shares = tables.shares_of_groups(residues_file, jobs)
    asked = ((residues_file, layout, numbers, entries) for numbers in shares)
    read = workers.results(_pieces_of_groups, asked, jobs=min(jobs, len(shares)))
    return _fitted([piece for some in read for piece in some], "this survey")


def _pieces_of_groups(residues_file, layout: Layout, numbers, entries: Mapping) -> list:
    """`_pieces` of some row groups."""
    batches = tables.row_groups(residues_file, layout=layout, codes=True, only=numbers)
    return [piece for batch in batches for piece in _pieces(batch, entries)]


def fit_offsets(batches: Iterable[Mapping], entries: Mapping, *, source: str = "this survey") -> Offsets:
    """Offsets of the residue types of a survey.

    The offset of a type in a bin of resolution is the mean over entries of (mean Q of its residues − mean Q of the
    entry's polymer, each atom counting once); an entry with n of them weighs n / (n + 5). A bin whose entries weigh
    w in all is drawn to the type's mean over all resolutions by w / (w + 5), and that in turn to 0. The standard
    deviation is that of Q − (expected Q of the entry + offset): it holds what entries differ by, too. Entries whose
    mean lies further from what is expected of them than 3 robust deviations (1.4826 × median absolute deviation, at
    least 0.05) from the median entry are left out of both: a model off its place says nothing of residues.

    Parameters
    ----------
    batches : iterable of mapping
        Columns of the residues table; no pair in two batches.
    entries : mapping
        (EMDB id, PDB id) → (resolution in Å, expected Q or NaN). Pairs that are not in it are left out; where the
        expected Q is NaN the entry's own mean takes its place.
    source : str
        What the survey is, in words.

    Returns
    -------
    Offsets
        Rows sorted by type, part and resolution; the same for batches in any order.
    """
    return _fitted([piece for batch in batches for piece in _pieces(batch, entries)], source)


def _fitted(pieces: list, source: str) -> Offsets:
    pieces = _usual(pieces)
    return Offsets(tuple(_rows(_gathered(pieces))), source) if pieces else Offsets((), source)


# One piece: of an entry and a part, each type's name, then these numbers.
_FIELDS = ("n", "mean", "residual", "square")


def _usual(pieces: list) -> list:
    """The pieces of entries whose own residual is like that of the others."""
    residual = {piece[0]: piece[5] for piece in pieces}
    values = np.array(list(residual.values()))
    away = np.abs(values - np.median(values)) if len(values) else values
    most = _UNLIKE * max(1.4826 * np.median(away), _LEAST_DEVIATION) if len(values) else 0.0
    usual = {pair for pair, far in zip(residual, away, strict=True) if far <= most}
    return [piece for piece in pieces if piece[0] in usual]


def _pieces(batch: Mapping, entries: Mapping) -> list:
    """Means of each type in each entry of a batch: (pair, part, bin, types, numbers (types, 4), entry's residual)."""
    residue = coded(batch["residue"])
    found, kept, centres = [], [], []
    for pair, rows in pairs_of(batch, coded(batch["class"]).among(POLYMERS)):
        if pair not in entries or not np.isfinite(batch["q_04"][rows]).any():
            continue
        resolution, expected = entries[pair]
        q, weight = batch["q_04"][rows], batch["n_scored"][rows].astype(float)
        centre = np.nansum(q * weight) / weight[np.isfinite(q)].sum()
        kept.append(rows)
        centres.append((centre, expected if np.isfinite(expected) else centre))
        found.append((pair, resolution))
    if not found:
        return []
    bins = bin_of(np.array([resolution for _, resolution in found])).tolist()
    sizes, rows = [len(one) for one in kept], np.concatenate(kept)
    rows = slice(None) if len(rows) == len(residue.code) else rows  # in the order of the table: all of it
    cell = np.repeat(np.arange(len(kept)) * len(residue.names), sizes) + residue.code[rows]
    shape, centres = (len(kept), len(residue.names)), np.array(centres)
    there = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape) > 0
    about = [np.repeat(column, sizes) for column in centres.T]
    of = {part: _means(cell, batch[name][rows], about, shape) for part, name in PARTS.items()}
    return [
        (pair, part, bin_, residue.text[there[k]], of[part][k, there[k]], float(centres[k, 0] - centres[k, 1]))
        for k, ((pair, _), bin_) in enumerate(zip(found, bins, strict=True))
        for part in PARTS
    ]


def _means(cell, q, about, shape) -> np.ndarray:
    """Of each entry and type: how many have a Q, its means about both centres, mean square about the second."""
    known = np.isfinite(q)
    if not known.all():
        cell, q, about = cell[known], q[known], [one[known] for one in about]
    count = np.bincount(cell, minlength=shape[0] * shape[1])
    about_own, about_expected = (q - one for one in about)
    sums = [np.bincount(cell, part, minlength=len(count)) for part in (about_own, about_expected, about_expected**2)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([count, *(part / count for part in sums)], axis=1).reshape(*shape, len(_FIELDS))


def pairs_of(batch: Mapping, among: np.ndarray):
    """(EMDB id, PDB id) and the rows of each pair of a batch, of those `among` (bool (n,)), in order of the table."""
    rows = np.flatnonzero(among)
    if not len(rows):
        return
    ids = tuple(coded(batch[name]) for name in _PAIR)
    emdb, pdb = (one.code[rows] for one in ids)
    starts = np.flatnonzero((emdb[1:] != emdb[:-1]) | (pdb[1:] != pdb[:-1])) + 1
    for part in np.split(rows, starts):
        yield tuple(str(one[part[0]]) for one in ids), part


def _gathered(pieces: list) -> dict[str, np.ndarray]:
    """Pieces → one row a pair, type, part and bin, in an order that does not depend on that of the pieces."""
    pieces = sorted(pieces, key=lambda piece: piece[:3])
    sizes = [len(piece[3]) for piece in pieces]
    table = {"residue": np.concatenate([piece[3] for piece in pieces])}
    table |= {name: np.repeat([piece[k] for piece in pieces], sizes) for k, name in ((1, "part"), (2, "bin"))}
    table |= dict(zip(_FIELDS, np.concatenate([piece[4] for piece in pieces]).T, strict=True))
    return _where(table, table["n"] > 0)


def _rows(table: dict[str, np.ndarray]):
    """The rows of each type, and of all types together."""
    parts = {part: _where(table, table["part"] == part) for part in PARTS}
    for residue in [*sorted(set(table["residue"].tolist())), ANY]:
        for part, own in parts.items():
            mine = (own["residue"] == residue) | (residue == ANY)
            if mine.any():
                yield from _rows_of(residue, part, _where(own, mine))


def _where(table: dict[str, np.ndarray], mine: np.ndarray) -> dict[str, np.ndarray]:
    return {name: column[mine] for name, column in table.items()}


def _rows_of(residue: str, part: str, table: dict[str, np.ndarray]):
    weight = table["n"] / (table["n"] + _HALF_RESIDUES)
    overall = _shrunk((weight * table["mean"]).sum(), weight.sum(), 0.0)
    spread = _spread(weight, table)
    for k, (low, high) in enumerate(pairwise(EDGES)):
        mine = table["bin"] == k
        w = weight[mine]
        variance = _shrunk(w.sum() * _spread(w, {name: table[name][mine] for name in _FIELDS}), w.sum(), spread)
        yield {
            "residue": residue, "part": part, "resolution_low": low, "resolution_high": high,
            "offset": float(_shrunk((w * table["mean"][mine]).sum(), w.sum(), overall)), "sd": float(np.sqrt(variance)),
            "n_residues": int(table["n"][mine].sum()), "n_entries": int(mine.sum()) if residue != ANY else 0,
        }  # fmt: skip


def _shrunk(total: float, weight: float, toward: float) -> float:
    """A weighted mean drawn to a value that weighs as one entry."""
    return (total + _HALF_ENTRIES * toward) / (weight + _HALF_ENTRIES)


def _spread(weight, table) -> float:
    """Variance of Q about the expected Q of the entry and the mean residual; 0 without rows."""
    if not weight.sum():
        return 0.0
    mean, square = ((weight * table[name]).sum() / weight.sum() for name in ("residual", "square"))
    return max(float(square - mean**2), 0.0)
