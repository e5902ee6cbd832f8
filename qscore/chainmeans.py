"""Residues → chains: the mean Q of the polymer of each author chain, put together while the residues pass by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from qscore.layouts import CHAINS, RESIDUES, Layout
from qscore.offsets import POLYMERS

_NEEDED = ("emdb_id", "pdb_id", "chain", "class", "n_scored", "q_04")
NEEDED = Layout("residues", tuple(column for column in RESIDUES.columns if column.name in _NEEDED))
"""What `of_residues` asks for."""


def of_residues(residues: Mapping) -> dict[str, np.ndarray]:
    """Columns of `layouts.CHAINS`, chains in the order of their first scored polymer residue.

    Parameters
    ----------
    residues : mapping
        Columns `NEEDED` of the residues of whole pairs, shape (n,): numbers, and text as `Coded`.
    """
    q, atoms = residues["q_04"], residues["n_scored"].astype(float)
    rows = np.flatnonzero(residues["class"].among(POLYMERS) & np.isfinite(q))
    key = np.zeros(len(rows), np.int64)
    for name in ("emdb_id", "pdb_id", "chain"):
        key = key * len(residues[name].names) + residues[name].code[rows]
    starts = np.flatnonzero(np.append(True, key[1:] != key[:-1])[: len(rows)])
    runs = [np.ones(len(rows), np.int64), atoms[rows], (q * atoms)[rows]]
    # a chain may be told in pieces: those of one key are put together
    _, first, which = np.unique(key[starts], return_index=True, return_inverse=True)
    n, n_atoms, total = (
        np.bincount(which, np.add.reduceat(part, starts) if len(starts) else part, minlength=len(first))
        for part in runs
    )
    order = np.argsort(first)
    place = rows[starts[first[order]]]
    with np.errstate(invalid="ignore", divide="ignore"):
        numbers = (n[order].astype(np.int64), n_atoms[order].astype(np.int64), (total / n_atoms)[order])
    return dict(zip(CHAINS.names, (*(residues[name][place] for name in CHAINS.names[:3]), *numbers), strict=True))
