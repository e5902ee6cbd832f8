"""Atoms → residues, chains, classes and the entry: means and counts."""

from __future__ import annotations

import numpy as np

from qscore.model import CLASSES, Model
from qscore.score import TIGHT_MASK, UNSCORED, Scores

QUANTILES = (5, 25, 50, 75, 95)


def suffix(sigma: float) -> str:
    """End of a column's name for a sigma: none for 0.4 Å, EMDB's, else ``_06`` for 0.6."""
    return "" if sigma == 0.4 else f"_{sigma:g}".replace(".", "")


def label(sigma: float) -> str:
    """0.4 → ``q_04``: the column of an atom's or a residue's Q."""
    return f"q_{sigma:g}".replace(".", "")


def mean_of_scored(q: np.ndarray) -> float:
    """Mean over scored atoms; NaN when there is none."""
    scored = q[~np.isnan(q)]
    return float(scored.mean()) if len(scored) else float("nan")


def mean_with_zeros(q: np.ndarray) -> float:
    """Mean with an atom without score counting 0, as EMDB does; NaN without atoms."""
    return float(np.where(np.isnan(q), 0.0, q).mean()) if len(q) else float("nan")


def group_statistics(q: np.ndarray, sigmas) -> dict:
    """Counts and means of a group of atoms.

    Parameters
    ----------
    q : ndarray, shape (n, sigmas)
    sigmas : sequence of float
        Å.

    Returns
    -------
    dict
        n_atoms, n_scored, and for each sigma q_mean (unscored as 0) and q_scored.
    """
    statistics = {"n_atoms": len(q), "n_scored": int((~np.isnan(q)).all(axis=1).sum())}
    for column, sigma in enumerate(sigmas):
        statistics["q_mean" + suffix(sigma)] = mean_with_zeros(q[:, column])
        statistics["q_scored" + suffix(sigma)] = mean_of_scored(q[:, column])
    return statistics


def entry_statistics(model: Model, scores: Scores, sigmas) -> dict:
    """Counts and means of an entry: EMDB's definition and its relatives.

    Returns
    -------
    dict
        Columns of the entries table that depend on the scores alone.
    """
    solute = ~model.is_class("water")
    entry = group_statistics(scores.q[solute], sigmas)
    for column, sigma in enumerate(sigmas):
        entry["q_all" + suffix(sigma)] = mean_with_zeros(scores.q[:, column])
    entry["n_atoms"] = len(model)
    entry["n_scored"] = int((scores.why < 0).sum())
    entry |= {f"n_{why}": int((scores.why == code).sum()) for code, why in enumerate(UNSCORED)}
    entry |= {"n_hydrogen": model.n_hydrogen, "n_altloc": model.n_altloc}
    entry["n_zero_occupancy"] = int(((scores.why < 0) & (model.occupancy == 0)).sum())
    entry["n_floor_shared"] = floor_shared(model.position)
    entry["n_named_h"] = int(((scores.why < 0) & named_like_hydrogen(model.atom)).sum())
    entry |= {f"n_{name}": int(model.is_class(name).sum()) for name in CLASSES}
    parts = {name: model.is_class(name) for name in CLASSES}
    parts |= {"backbone": model.backbone, "side_chain": side_chain(model)}
    first, end = scores.q[:, 0], suffix(sigmas[0])
    entry |= {f"q_{name}{end}": mean_of_scored(first[part]) for name, part in parts.items()}
    entry |= {key + end: value for key, value in _quantiles(first[solute]).items()}
    return entry | mask_evidence(scores, solute)


def floor_shared(position: np.ndarray) -> int:
    """Atoms of which another lies in the same cube of 1 Å with corners at whole numbers.

    EMDB reads Q of an atom back by the whole numbers below its coordinates, so
    these atoms can get each other's.

    Parameters
    ----------
    position : ndarray, shape (n, 3)
        Å; atoms without finite coordinates, or further than 2²⁰ Å out, do not count.
    """
    reach = 1 << 20
    corner = np.floor(position[(np.abs(position) < reach).all(axis=1)]).astype(np.int64) + reach
    count = np.unique(corner @ np.array([1, 1 << 21, 1 << 42]), return_counts=True)[1]
    return int(count[count > 1].sum())


def named_like_hydrogen(atom: np.ndarray) -> np.ndarray:
    """Which atom names begin with H after any digits → bool (n,): mercury HG, holmium HO, but also hydrogens.

    EMDB leaves out by name what `Model` keeps by element.
    """
    first = atom.astype("U1")
    named = first == "H"
    digit = np.flatnonzero(np.isin(first, list("0123456789")))
    named[digit] = [name.lstrip("0123456789").startswith("H") for name in atom[digit].tolist()]
    return named


def side_chain(model: Model) -> np.ndarray:
    """Atoms of polymers that are not backbone: side chains and bases → bool (n,)."""
    return (model.is_class("protein") | model.is_class("nucleic")) & ~model.backbone


def _quantiles(q: np.ndarray) -> dict:
    scored = q[~np.isnan(q)]
    values = np.percentile(scored, QUANTILES) if len(scored) else np.full(len(QUANTILES), np.nan)
    return {f"q_p{percent:02d}": float(value) for percent, value in zip(QUANTILES, values, strict=True)}


def mask_evidence(scores: Scores, among: np.ndarray) -> dict:
    """How much of the sampling saw a mask instead of a map.

    Parameters
    ----------
    scores : Scores
    among : ndarray of bool, shape (n,)
        The atoms that count: those of the entry's mean, without waters, which
        may lie at a mask's edge without any effect on it.

    Returns
    -------
    dict
        ``frac_shell_on_constant``, ``mask_distance`` (Å, NaN beyond 3) and ``tight_mask``.
    """
    inside = among & (scores.sampled[:, 0] > 0)
    if not inside.any():
        return {"frac_shell_on_constant": float("nan"), "mask_distance": float("nan"), "tight_mask": False}
    points, constant, outside = scores.sampled[inside].sum(axis=0, dtype=np.int64)
    near = float(np.percentile(scores.mask_distance[inside], 1, method="inverted_cdf"))
    return {
        "frac_shell_on_constant": float((constant + outside) / points),
        "mask_distance": near if np.isfinite(near) else float("nan"),
        "tight_mask": near < TIGHT_MASK,
    }


def by_class(model: Model, scores: Scores, sigmas) -> dict[str, dict]:
    """Statistics of each class that has atoms."""
    groups = {name: model.is_class(name) for name in CLASSES}
    return {name: group_statistics(scores.q[group], sigmas) for name, group in groups.items() if group.any()}


def by_chain(model: Model, scores: Scores, sigmas) -> dict[str, dict]:
    """Statistics of each author chain, waters left out, in order of appearance."""
    solute = np.flatnonzero(~model.is_class("water"))
    chains, first, index = np.unique(model.chain[solute], return_index=True, return_inverse=True)
    members = np.split(solute[np.argsort(index, kind="stable")], np.cumsum(np.bincount(index))[:-1])
    return {str(chains[c]): group_statistics(scores.q[members[c]], sigmas) for c in np.argsort(first)}


def residues(model: Model, scores: Scores, sigmas) -> dict[str, np.ndarray]:
    """One value a residue, in order of first appearance.

    Returns
    -------
    dict of ndarray
        Columns of the residues table but the ids; NaN where no atom is scored.
    """
    number, index = np.unique(model.residue_index, return_inverse=True)
    first = np.full(len(number), len(model))
    np.minimum.at(first, index, np.arange(len(model)))
    table = {key: getattr(model, key)[first] for key in ("chain", "number", "icode", "residue")}
    table["class"] = np.array(CLASSES)[model.kind[first]]
    scored = scores.why < 0
    table["n_atoms"] = np.bincount(index)
    table["n_scored"] = np.bincount(index, weights=scored).astype(np.int64)
    for column, sigma in enumerate(sigmas):
        table[label(sigma)] = _means(index, scores.q[:, column], scored)
    table[label(sigmas[0]) + "_backbone"] = _means(index, scores.q[:, 0], scored & model.backbone)
    table[label(sigmas[0]) + "_side_chain"] = _means(index, scores.q[:, 0], scored & side_chain(model))
    points = np.bincount(index, weights=scores.sampled[:, 0])
    lost = np.bincount(index, weights=scores.sampled[:, 1:].sum(axis=1))
    table["frac_on_constant"] = np.divide(lost, points, out=np.full(len(points), np.nan), where=points > 0)
    return table


def _means(index: np.ndarray, values: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Mean of the values `among` of each group; NaN for an empty one."""
    n = index.max() + 1
    count = np.bincount(index[among], minlength=n)
    total = np.bincount(index[among], weights=values[among], minlength=n)
    return np.divide(total, count, out=np.full(n, np.nan), where=count > 0)
