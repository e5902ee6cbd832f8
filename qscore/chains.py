"""Polymer chains of entries as the scan sees them: residuals of their residues, copies together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from qscore import copies, scan, tables
from qscore.coded import Coded, coded
from qscore.layouts import Layout
from qscore.offsets import POLYMERS, Offsets, pairs_of

VIEW = ("expected", "z_within", "z_archive")
_TEXT = ("emdb_id", "pdb_id", "chain", "number", "icode", "residue", "class")
_LAYOUT = Layout("residues", tuple(column for column in tables.RESIDUES.columns if column.name in (*_TEXT, "q_04")))
_SCANNED = ("maximum", "length", "near", "far", "skew")


@dataclass(frozen=True)
class Entry:
    """What the regions of a pair depend on beside its residues.

    Attributes
    ----------
    resolution : float
        Å.
    expected : float
        Expected Q of the entry; NaN when not known.
    symmetric : bool
        Whether a symmetry was imposed on the reconstruction.
    flagged : bool
        Whether the entry as a whole is an outlier: its chains are no reference.
    """

    resolution: float
    expected: float = np.nan
    symmetric: bool = False
    flagged: bool = False


@dataclass(frozen=True)
class Chain:
    """A chain, with its copies.

    Attributes
    ----------
    pair : (str, str)
        EMDB id, PDB id.
    kind : str
        protein or nucleic.
    rows : int array, shape (copies, n)
        Of its residues in the residues table; −1 where a copy lacks one.
    z : float array, shape (n,)
        What is scanned: mean of the copies' residuals, in standard deviations of such a mean.
    entry : Entry
    found : Scanned
    """

    pair: tuple[str, str]
    kind: str
    rows: np.ndarray
    z: np.ndarray
    entry: Entry
    found: scan.Scanned


def entries_of(rows: Iterable[Mapping], judged: Iterable[Mapping] | None = None) -> dict[tuple[str, str], Entry]:
    """Scored entries with a resolution, by pair.

    Parameters
    ----------
    rows : iterable of mapping
        Of the entries table: emdb_id, pdb_id, status, resolution, point_group.
    judged : iterable of mapping, optional
        Of the outliers table: emdb_id, pdb_id, expected_q, flag.
    """
    known = {pair_of(row): row for row in judged or ()}
    return {
        pair_of(row): Entry(
            row["resolution"],
            _number((known.get(pair_of(row)) or {}).get("expected_q")),
            is_symmetric(row["point_group"]),
            bool((known.get(pair_of(row)) or {}).get("flag")),
        )
        for row in rows
        if row["status"] == "scored" and row["resolution"]
    }


def pair_of(row: Mapping) -> tuple[str, str]:
    return row["emdb_id"], row["pdb_id"]


def _number(value) -> float:
    return float("nan") if value is None else float(value)


def is_symmetric(point_group: str | None) -> bool:
    """Whether a point group is more than C1; not when it is not told."""
    return (point_group or "C1").strip().upper() not in ("", "C1")


# ---- residues ----


def residue_view(residues: Mapping, entries: Mapping, offsets: Offsets) -> dict[str, np.ndarray]:
    """What is expected of each polymer residue, and how far it lies from it.

    Parameters
    ----------
    residues : mapping of array, shape (n,)
        Columns of the residues table.
    entries : mapping
        (EMDB id, PDB id) → Entry.
    offsets : Offsets

    Returns
    -------
    dict of float array, shape (n,)
        ``expected``: the entry's expected Q and the residue's offset. ``z_within``: residual less the entry's
        median, in units of its local spread, each class of polymer by itself (`scan.standardise`).
        ``z_archive``: Q less ``expected``, in units of the archive's standard deviation of such residues. NaN for
        what is no polymer, not scored, or of a pair that is not in `entries`.
    """
    view = {name: np.full(len(residues["q_04"]), np.nan) for name in VIEW}
    residues = with_codes(residues)
    known = [
        (entries[pair], rows) for pair, rows in pairs_of(residues, residues["class"].among(POLYMERS)) if pair in entries
    ]
    if not known:
        return view
    sizes, rows = [len(mine) for _, mine in known], np.concatenate([mine for _, mine in known])
    resolution, expected = (
        np.repeat([getattr(entry, name) for entry, _ in known], sizes) for name in ("resolution", "expected")
    )
    q = residues["q_04"][rows]
    offset, sd = offsets.of(residues["residue"].at(rows), resolution)
    view["expected"][rows] = expected + offset
    view["z_archive"][rows] = (q - expected - offset) / sd
    view["z_within"][rows] = _within(q - offset, residues["class"].at(rows), sizes)
    return view


def _within(residual: np.ndarray, kind: Coded, sizes: list[int]) -> np.ndarray:
    """Residuals, standardised for each class of each of the pairs that lie end to end."""
    found, code = np.empty(len(residual)), kind.code
    for first, end in pairwise(copies.begins(sizes).tolist()):
        classes = np.flatnonzero(np.bincount(code[first:end])).tolist()
        for one in classes:
            mine = first + np.flatnonzero(code[first:end] == one) if len(classes) > 1 else slice(first, end)
            found[mine] = scan.standardise(residual[mine])
    return found


def with_codes(residues: Mapping) -> dict:
    """Columns of the residues table, text as `Coded`: all that follows compares it pair by pair."""
    return {name: coded(column) if name in _TEXT else column for name, column in residues.items()}


def chains_of(residues: Mapping, entries: Mapping, view: Mapping) -> Iterator[Chain]:
    """The unique chains of a batch of residues, scanned: copies of one chain together.

    Parameters
    ----------
    residues : mapping of array, shape (n,)
        Columns of the residues table.
    entries : mapping
        (EMDB id, PDB id) → Entry.
    view : mapping
        Of `residue_view`.
    """
    residues = with_codes(residues)
    rows = [rows for pair, rows in pairs_of(residues, residues["class"].among(POLYMERS)) if pair in entries]
    groups = copies.copies(residues, np.concatenate(rows)) if rows else []
    pairs = [tuple(str(residues[name][group[0, 0]]) for name in ("emdb_id", "pdb_id")) for group in groups]
    pooled = []
    for pair, group in zip(pairs, groups, strict=True):
        z = copies.taken(view["z_within"], group)
        pooled.append(copies.mean(z) * np.sqrt(copies.effective(z, symmetric=entries[pair].symmetric)))
    for pair, group, z, found in zip(pairs, groups, pooled, scan.scans(pooled), strict=True):
        yield Chain(pair, str(residues["class"][group[0, 0]]), group, z, entries[pair], found)


def batches(
    residues_file,
    entries: Mapping,
    offsets: Offsets,
    *,
    emdb_ids: Iterable[str] | None = None,
    only: Iterable[int] = (),
) -> Iterator[tuple[Mapping, dict, list[Chain]]]:
    """The residues of a survey a row group at a time: their columns, `residue_view`, and the scanned chains.

    Parameters
    ----------
    residues_file : path
        Parquet of `tables.RESIDUES`.
    entries : mapping
        (EMDB id, PDB id) → Entry.
    offsets : Offsets
    emdb_ids : iterable of str, optional
        Only the rows of these entries, and no row group without any.
    only : iterable of int, optional
        Numbers of the row groups.
    """
    for residues in tables.row_groups(residues_file, layout=_LAYOUT, emdb_ids=emdb_ids, codes=True, only=only):
        view = residue_view(residues, entries, offsets)
        yield residues, view, list(chains_of(residues, entries, view))


def features(chains: Iterable[Chain]) -> dict[str, np.ndarray]:
    """What the null asks of scanned chains: columns of `layouts.SCAN_NULL` but the reference → arrays (chains,)."""
    chains = list(chains)
    columns = {name: [getattr(chain.found, name) for chain in chains] for name in _SCANNED}
    columns["resolution"] = [chain.entry.resolution for chain in chains]
    found = {name: np.array(values, float) for name, values in columns.items()}
    return found | {"kind": np.array([chain.kind for chain in chains], "U8")}


def scanned(residues_file, entries, offsets) -> tuple[list[tuple[str, str]], dict[str, np.ndarray]]:
    """The pair of each chain of a survey, and the columns of `features`, in order of pair."""
    found = (chains for _, _, chains in batches(residues_file, entries, offsets))
    return in_order([([chain.pair for chain in chains], features(chains)) for chains in found])


def in_order(parts: list[tuple[list, dict]]) -> tuple[list[tuple[str, str]], dict[str, np.ndarray]]:
    """Pairs and `features` of the chains of batches → of all, in order of pair."""
    pairs = [pair for names, _ in parts for pair in names]
    order = sorted(range(len(pairs)), key=lambda k: pairs[k])
    empty = features([])
    return [pairs[k] for k in order], {
        name: np.concatenate([empty[name], *(part[name] for _, part in parts)])[order] for name in empty
    }
