"""What a page of one entry needs of its map: Q along the chain's trace, telling atoms, the model with Q."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qscore import profile, tables
from qscore.density import Density
from qscore.model import CLASSES, Model, write_with_q
from qscore.score import score_atoms

SIGMA = 0.4
SHOWN = 3  # atoms of the highest, and as many of the lowest Q
STAND_FOR = {"protein": ("CA",), "nucleic": ("P", "C1'", "C1*")}  # the atom at which a residue is drawn
TABLES = (tables.SHOWN_PROFILES, tables.TRACES)
FILES = {tables.SHOWN_PROFILES.name: "profiles.parquet", tables.TRACES.name: "traces.parquet"}
MODEL = "model.cif.gz"


@dataclass(frozen=True)
class Evidence:
    """Of one pair, as columns.

    Attributes
    ----------
    q : ndarray, shape (n,)
        Q of each atom of the model, σ 0.4 Å; NaN where not scored.
    profiles, trace : dict of str to list
        Columns of `tables.SHOWN_PROFILES` and `tables.TRACES` but the ids.
    """

    q: np.ndarray
    profiles: dict[str, list]
    trace: dict[str, list]


def gather(density: Density, model: Model, q: np.ndarray | None = None) -> Evidence:
    """The evidence of one pair.

    Parameters
    ----------
    density : Density
        With at least 3 Å and a voxel around the model.
    model : Model
    q : ndarray, shape (n,), optional
        Q of its atoms at σ 0.4 Å where it is known already.
    """
    placed = np.flatnonzero(np.isfinite(model.position).all(axis=1))
    near = density.around(model.position[placed]) if len(placed) else density
    if q is None:
        q = np.full(len(model), np.nan)
        q[placed] = score_atoms(near, model.position[placed], sigmas=(SIGMA,)).q[:, 0]
    return Evidence(q, _profiles(near, model, q, placed), _trace(model, q))


def _profiles(near: Density, model: Model, q: np.ndarray, placed: np.ndarray) -> dict[str, list]:
    """The profiles of the polymer atoms with the highest and the lowest Q; of equal ones the first in the file."""
    ranked = placed[polymer(model)[placed] & ~np.isnan(q[placed])]
    ranked = ranked[np.argsort(q[ranked], kind="stable")]
    few = min(SHOWN, len(ranked) // 2)
    groups = {"best": ranked[len(ranked) - few :][::-1], "worst": ranked[:few]}
    there, rows = model.take(placed), []
    for which, atoms in groups.items() if few else ():
        found = profile.of_atoms(near, there, np.searchsorted(placed, atoms), sigma=SIGMA)
        rows += [{"which": which} | row for row in profile.rows(found)]
    return tables.as_columns(_without_ids(tables.SHOWN_PROFILES), rows)


def polymer(model: Model) -> np.ndarray:
    """Which atoms belong to protein or nucleic acid → bool (n,)."""
    return model.is_class("protein") | model.is_class("nucleic")


def _trace(model: Model, q: np.ndarray) -> dict[str, list]:
    """One row for each polymer residue that has an atom to stand for it."""
    at = _standing(model)
    index = model.residue_index
    known = ~np.isnan(q)
    size = index.max(initial=-1) + 1
    counts = np.bincount(index[known], minlength=size)
    with np.errstate(invalid="ignore"):
        means = np.bincount(index[known], weights=q[known], minlength=size) / counts
    texts = {key: getattr(model, key)[at].tolist() for key in ("chain", "number", "icode", "residue")}
    places = dict(zip("xyz", model.position[at].T.tolist(), strict=True))
    kinds = [CLASSES[kind] for kind in model.kind[at]]
    return texts | {"class": kinds} | places | {"q_04": means[index[at]].tolist()}


def _standing(model: Model) -> np.ndarray:
    """The atom that stands for each residue, in the order of the file."""
    rank = np.full(len(model), 9)
    for kind, names in STAND_FOR.items():
        for order, name in enumerate(names):
            rank[model.is_class(kind) & (model.atom == name)] = order
    rank[~np.isfinite(model.position).all(axis=1)] = 9
    atoms = np.flatnonzero(rank < 9)
    atoms = atoms[np.lexsort((atoms, rank[atoms], model.residue_index[atoms]))]
    _, first = np.unique(model.residue_index[atoms], return_index=True)
    return atoms[first]


def _without_ids(layout: tables.Layout) -> tables.Layout:
    return tables.Layout(layout.name, layout.columns[2:])


def leave(found: Evidence, folder, ids: dict, *, model: Model, model_file) -> None:
    """Write the evidence of a pair into a folder: its two tables with the ids, and the model with Q."""
    folder = Path(folder)
    for layout, columns in zip(TABLES, (found.profiles, found.trace), strict=True):
        named = {key: [value] * len(columns["chain"]) for key, value in ids.items()}
        tables.write_parquet(folder / FILES[layout.name], layout, named | columns)
    write_with_q(model_file, folder / MODEL, model, found.q)
