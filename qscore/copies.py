"""Copies of one chain in an entry: which chains they are, and what they say together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qscore.coded import coded

OVERLAP = 0.9
IDENTICAL = 0.9  # correlation of the residuals of copies that are the same voxels, under an imposed symmetry
_CLIP = 3.5
_FEWEST = 10  # residues in all copies: fewer tell no correlation


def copies(residues: Mapping, rows: np.ndarray) -> list[np.ndarray]:
    """The chains of a pair, copies of one together.

    Two chains are copies when at least 90 % of the residues of the longer one have the same number, insertion code
    and name in the other, and both are of one class.

    Parameters
    ----------
    residues : mapping of array
        chain, number, icode, residue and class of the residues table.
    rows : int array
        The pair's polymer residues, in order of the table.

    Returns
    -------
    list of int array, shape (copies, n)
        Row of each residue in each copy, −1 where a copy lacks it; the longest copy first (of equals the first of the
        table), whose residues and order these are. In order of the table by the first.
    """
    if not len(rows):
        return []
    code = _codes(residues, ("number", "icode", "residue"), rows)
    kind = coded(residues["class"]).code[rows]
    groups: list[tuple[int, np.ndarray, list[np.ndarray]]] = []
    for members in _chains(residues, rows, code):
        _join(groups, members, code, int(code.max()) + 1, kind)
    return [_aligned(group, code, rows) for _, _, group in sorted(groups, key=lambda one: one[2][0][0])]


def _codes(residues: Mapping, columns, rows) -> np.ndarray:
    """One whole number for each different combination of text columns."""
    code = np.zeros(len(rows), np.int64)
    for column in columns:
        text = coded(residues[column])
        code = code * len(text.names) + text.code[rows]
    return np.unique(code, return_inverse=True)[1]


def _chains(residues, rows, code) -> list[np.ndarray]:
    """Positions in `rows` of each chain and class, a residue once, longest chain first."""
    which = _codes(residues, ("chain", "class"), rows)
    order = np.argsort(which, kind="stable")
    found = np.split(order, np.cumsum(np.bincount(which))[:-1])
    found = [members[np.sort(np.unique(code[members], return_index=True)[1])] for members in found]
    return sorted(found, key=lambda members: (-len(members), members[0]))


def _join(groups, members, code, n_codes, kind) -> None:
    """Add a chain to the group of which it is a copy, or as a group of its own."""
    for length, has, group in groups:
        same_kind = kind[members[0]] == kind[group[0][0]]
        if same_kind and len(members) >= OVERLAP * length and has[code[members]].sum() >= OVERLAP * length:
            group.append(members)
            return
    has = np.zeros(n_codes, bool)
    has[code[members]] = True
    groups.append((len(members), has, [members]))


def _aligned(group, code, rows) -> np.ndarray:
    first = group[0]
    place = np.full(int(code.max()) + 1, -1)
    place[code[first]] = np.arange(len(first))
    found = np.full((len(group), len(first)), -1)
    for k, members in enumerate(group):
        at = place[code[members]]
        found[k, at[at >= 0]] = rows[members[at >= 0]]
    return found


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
