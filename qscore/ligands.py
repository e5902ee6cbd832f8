"""How well each ligand, glycan, ion and water is resolved, against the polymer around it."""

from __future__ import annotations

import numpy as np

from qscore.aggregate import label
from qscore.model import CLASSES, Model
from qscore.probes import CellList, cell_list
from qscore.score import Scores

SITE = 5.0  # Å
POLYMERS = ("protein", "nucleic")
MOST_TOLD = 3
AT_ONCE = 1 << 14  # ligand atoms whose neighbours are looked for together


def measure(model: Model, scores: Scores, sigmas) -> dict[str, np.ndarray]:
    """One row a residue that is not of a polymer, in order of first appearance.

    Parameters
    ----------
    model : Model
    scores : Scores
        Of the model's atoms, in their order.
    sigmas : sequence of float
        Å; the first is used, and names the column of Q (``q_04``).

    Returns
    -------
    dict of ndarray
        Columns of the ligands table but the ids. `site_q` is the mean Q of the
        scored atoms of protein and nucleic acid within 5 Å of any of the
        residue's atoms, each counted once; `dq_site` is Q minus `site_q`. NaN
        where no atom of the residue, or of its site, is scored.
    """
    atoms = np.flatnonzero(~_polymer(model))
    residue, first, index = np.unique(model.residue_index[atoms], return_index=True, return_inverse=True)
    n, first = len(residue), atoms[first]
    scored = scores.why[atoms] < 0
    q = scores.q[:, 0]
    table = {"class": np.array(CLASSES)[model.kind[first]], "component": model.residue[first]}
    table |= {key: getattr(model, key)[first] for key in ("chain", "number", "icode")}
    table["altloc"] = _altloc(model.altloc[atoms], index, n)
    count = np.bincount(index, minlength=n)
    table["occupancy"] = np.bincount(index, weights=model.occupancy[atoms], minlength=n) / count
    table["n_atoms"] = count
    table["n_scored"] = np.bincount(index, weights=scored, minlength=n).astype(np.int64)
    own = _means(index[scored], q[atoms[scored]], n)
    site, n_site = site_means(model, scores, atoms, index, n=n)
    return table | {label(sigmas[0]): own, "site_q": site, "n_site": n_site, "dq_site": own - site}


def of_pair(table: dict[str, np.ndarray]) -> tuple[list[dict], tuple[str, ...]]:
    """What is told of the ligands of a single pair: Q and `dq_site` as measured, and that nothing ranks them.

    Parameters
    ----------
    table : dict of ndarray
        Of `measure`.

    Returns
    -------
    rows : list of dict
        Columns of `table` for ligands, glycans and ions with a `dq_site`, the lowest first.
    remarks : tuple of str
        One line with the lowest of them; none without any.
    """
    known = np.flatnonzero((table["class"] != "water") & np.isfinite(table["dq_site"]))
    known = known[np.argsort(table["dq_site"][known], kind="stable")]
    rows = [{name: values[k].item() for name, values in table.items()} for k in known]
    if not rows:
        return [], ()
    lowest = ", ".join(
        f"{row['component']} {row['chain']} {row['number']}{row['icode']} {row['dq_site']:+.2f}"
        for row in rows[:MOST_TOLD]
    )
    which = f"the lowest {MOST_TOLD} of {len(rows)}" if len(rows) > MOST_TOLD else "all"
    said = f"ligands, glycans and ions, Q less that of the polymer within 5 Å ({which}): {lowest}"
    return rows, (f"{said}; no reference for ligands: a single pair does not tell whether that is usual",)


def site_means(model: Model, scores: Scores, atoms: np.ndarray, index: np.ndarray, *, n: int):
    """Mean Q of the scored polymer atoms within 5 Å of each group of atoms, and their number.

    Parameters
    ----------
    atoms : ndarray of int, shape (m,)
        Atom numbers.
    index : ndarray of int, shape (m,)
        Group of each, 0 … n - 1.
    """
    polymer = np.flatnonzero(_polymer(model) & (scores.why < 0))
    groups, near = _pairs(model.position[atoms], index, model.position[polymer])
    return _means(groups, scores.q[polymer[near], 0], n), np.bincount(groups, minlength=n)


def _polymer(model: Model) -> np.ndarray:
    return np.isin(model.kind, [CLASSES.index(name) for name in POLYMERS])


def _altloc(labels: np.ndarray, index: np.ndarray, n: int) -> np.ndarray:
    """The label of each group's first atom that has one; "" where none has."""
    found = np.full(n, "", dtype=labels.dtype if len(labels) else "U1")
    named = np.flatnonzero(labels != "")
    group, first = np.unique(index[named], return_index=True)
    found[group] = labels[named[first]]
    return found


def _means(index: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    count, total = np.bincount(index, minlength=n), np.bincount(index, weights=values, minlength=n)
    return np.divide(total, count, out=np.full(n, np.nan), where=count > 0)


def _pairs(centres: np.ndarray, groups: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each group with each position within 5 Å of any of its centres, once: group, position."""
    finite = np.isfinite(centres).all(axis=1)
    centres, groups, n = centres[finite], groups[finite], len(positions)
    if not n or not len(centres):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    cells, found = cell_list(positions, reach=SITE), []
    for start in range(0, len(centres), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        centre, near = _within(centres[part], positions, cells)
        found.append(np.unique(groups[part][centre] * n + near))
    return np.divmod(np.unique(np.concatenate(found)), n)


def _within(centres: np.ndarray, positions: np.ndarray, cells: CellList) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of a centre and a position no further than 5 Å apart."""
    centre, first, count = _runs(centres, cells)
    centre = np.repeat(centre, count)
    place = np.arange(len(centre)) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    near = cells.order[place]
    close = ((centres[centre] - positions[near]) ** 2).sum(axis=1) <= SITE**2
    return centre[close], near[close]


def _runs(centres: np.ndarray, cells: CellList):
    """The cells around each centre as runs along z, which lie together: centre, first place in `order`, length."""
    # Bounded before they are whole numbers: a centre may lie anywhere.
    home = np.clip((centres - cells.low) // cells.size, -2, cells.shape + 1).astype(np.int64)
    below, above = np.maximum(home[:, 2] - 1, 0), np.minimum(home[:, 2] + 1, cells.shape[2] - 1)
    runs = []
    for x, y in ((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)):
        at = home[:, :2] + (x, y)
        there = np.flatnonzero(((at >= 0) & (at < cells.shape[:2])).all(axis=1) & (below <= above))
        row = (at[there, 0] * cells.shape[1] + at[there, 1]) * cells.shape[2]
        start, end = cells.starts[row + below[there]], cells.starts[row + above[there] + 1]
        runs.append((there, start, end - start))
    return tuple(np.concatenate(part) for part in zip(*runs, strict=True))
