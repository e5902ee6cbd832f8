"""Copies of one chain in an entry: which chains they are, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qscore import compiled
from qscore.coded import coded

_PAIR = ("emdb_id", "pdb_id")
OVERLAP = 0.9
IDENTICAL = 0.9  # correlation of the residuals of copies that are the same voxels, under an imposed symmetry
_CLIP = 3.5
_FEWEST = 10  # residues in all copies: fewer tell no correlation


def copies(residues: Mapping, rows: np.ndarray) -> list[np.ndarray]:
    """The chains of pairs, copies of one together.

    Two chains of a pair are copies when at least 90 % of the residues of the longer one have the same number, insertion
    code and name in the other, and both are of one class.

    Parameters
    ----------
    residues : mapping of array
        chain, number, icode, residue and class of the residues table; emdb_id and pdb_id, unless all are of one pair.
    rows : int array
        Polymer residues, in order of the table.

    Returns
    -------
    list of int array, shape (copies, n)
        Row of each residue in each copy, −1 where a copy lacks it; the longest copy first (of equals the first of the
        table), whose residues and order these are. In order of the table by the first.
    """
    if not len(rows):
        return []
    pair = [name for name in _PAIR if name in residues]
    chain = _codes(residues, (*pair, "chain", "class"), rows)
    order = np.argsort(chain, kind="stable")
    rows, chain, head = rows[order], chain[order], order
    code = _codes(residues, ("number", "icode", "residue"), rows)
    kept = np.empty(len(rows), np.int64)
    compiled.loops().once(code, begins(np.bincount(chain)), np.full(code.max() + 1, -1), kept)
    kept = kept.astype(bool)
    rows, chain, code, head = rows[kept], chain[kept], code[kept], head[kept]
    first = begins(np.bincount(chain))
    return _groups(rows, code, first, head[first[:-1]], *(
        _codes(residues, columns, rows[first[:-1]]) for columns in (pair, ("class",))
    ))  # fmt: skip


def _codes(residues: Mapping, columns, rows) -> np.ndarray:
    """One whole number for each different combination of text columns, from 0 without gaps."""
    code, most = np.zeros(len(rows), np.int64), 1
    for column in columns:
        text = coded(residues[column])
        if len(text.names) > 1:
            code = _without_gaps(code * len(text.names) + text.code[rows], most * len(text.names))
            most = int(code.max()) + 1
    return code


def _without_gaps(code: np.ndarray, most: int) -> np.ndarray:
    """The rank of each number, below `most`, among the different ones: by a table of all where that is not long."""
    if most > 16 * len(code) + 4096:
        return np.unique(code, return_inverse=True)[1]
    there = np.zeros(most, bool)
    there[code] = True
    return (np.cumsum(there) - 1)[code]


def begins(sizes) -> np.ndarray:
    """Where parts of such sizes begin that lie end to end, and where the last ends."""
    return np.append(0, np.cumsum(sizes, dtype=np.int64))


def _groups(rows, code, first, head, pair, kind) -> list[np.ndarray]:
    """What `copies` gives of chains that lie end to end, from `first`; `head` is where their pairs have them."""
    length = np.diff(first)
    order = np.lexsort([head, -length, pair])
    leader, scratch = np.empty((2, len(order)), np.int64)
    begin = begins((length / OVERLAP).astype(int) + 1)
    found = np.full(begin[-1], -1)
    place = np.full(code.max() + 1, -1)
    compiled.loops().join(code, first, order, pair, kind, OVERLAP, place, scratch, leader, begin, found)
    at = np.where(found >= 0, rows[found], -1)
    members = order[np.argsort(head[leader[order]], kind="stable")]
    groups = np.split(members, np.flatnonzero(np.diff(leader[members])) + 1)
    return [np.stack([at[k : k + length[group[0]]] for k in begin[group].tolist()]) for group in groups]


def taken(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Values of residues as copies by residues: NaN where a copy lacks one → float, shape of `rows`."""
    return np.where(rows >= 0, values[rows], np.nan)


def mean(values: np.ndarray) -> np.ndarray:
    """Mean over copies without NaN; NaN where none has a value.

    Parameters
    ----------
    values : float array, shape (copies, n)
    """
    there = np.isfinite(values)
    if len(values) == 1:
        return np.where(there[0], values[0], np.nan)
    count = there.sum(axis=0)
    total = np.where(there, values, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(values.shape[1], np.nan), where=count > 0)


def effective(z: np.ndarray, *, symmetric: bool) -> float:
    """How many independent copies there are.

    n copies whose residuals correlate by r count n / (1 + (n − 1) r). Copies that an imposed symmetry makes the same
    voxels (r of 0.9 or more) count once.

    Parameters
    ----------
    z : float array, shape (copies, n)
        Standardised residuals.
    symmetric : bool
        Whether the reconstruction has a symmetry imposed.
    """
    n = len(z)
    if n == 1:
        return 1.0
    r = correlation(z)
    return 1.0 if symmetric and r >= IDENTICAL else n / (1.0 + (n - 1) * r)


def correlation(z: np.ndarray) -> float:
    """Mean correlation of the copies' residuals, at least 0; 1 when too few residues tell.

    From the variance of their mean: n² var(mean) = Σ var + n (n − 1) r · mean variance.
    """
    z = np.clip(z[:, np.isfinite(z).all(axis=0)], -_CLIP, _CLIP)
    if z.shape[1] < _FEWEST:
        return 1.0
    n, each, together = len(z), z.var(axis=1).mean(), z.mean(axis=0).var()
    return float(np.clip((n * together / each - 1) / (n - 1), 0.0, 1.0)) if each > 0 else 1.0
