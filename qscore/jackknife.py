"""Standard error of an entry's mean Q: a jackknife that leaves out stretches of residues."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qscore.copies import copies

FEWEST_BLOCKS = 20
SHORTEST, USUAL, LONGEST = 5, 10, 60  # residues
POLYMERS = ("protein", "nucleic")
_PLACE = ("chain", "number", "icode", "residue", "class")


@dataclass(frozen=True)
class Jackknife:
    """A mean with its standard error.

    Attributes
    ----------
    mean : float
        Mean Q over atoms, an atom without score counting 0.
    se : float
        Its standard error; NaN with fewer than 20 blocks of 5 residues.
    n_blocks : int
    length : int
        Residues a block, counted once for all copies of a chain.
    """

    mean: float
    se: float
    n_blocks: int
    length: int


def block_jackknife(residues: dict) -> Jackknife:
    """Mean Q of an entry and its standard error, from its residues.

    Residues next to each other are alike, so not single ones are left out but
    blocks of consecutive ones, chain after chain. With total S_j of Q and N_j
    atoms in block j of g, the mean without it is
    m_j = (S - S_j) / (N - N_j), and
    se² = (g - 1) / g · Σ_j (m_j - m̄)²
    (Künsch 1989, Ann. Statist. 17:1217). The length l of a block grows with the
    lag-1 autocorrelation r as is best for a process of first order,
    (2 r / (1 - r²))^⅔ n^⅓ (Carlstein 1986, Ann. Statist. 14:1171). What runs on
    from block to block is lost to se²: of the variance of such a process blocks
    see 1 - 2 r (1 - r^l) / (l (1 - r²)), by which se² is divided.
    Copies of a chain, which have the same residues, are one chain whose
    residues are taken out in all copies together: copies by imposed symmetry
    then count once, and others as much as they differ.

    Parameters
    ----------
    residues : dict of array-like
        Columns of a residues table: chain, number, icode, residue, class,
        n_atoms, n_scored, q_04. Waters are left out, as in the entry's mean.

    Returns
    -------
    Jackknife
    """
    weight, total, chain = _together(residues)
    mean = float(total.sum() / weight.sum()) if weight.sum() else float("nan")
    lag = lag_one(total / weight, chain)
    length = block_length(len(weight), lag)
    n = len(weight) // length
    if n < FEWEST_BLOCKS:
        return Jackknife(mean, float("nan"), n, length)
    block = np.arange(len(weight)) * n // len(weight)
    weights, totals = (np.bincount(block, weights=values) for values in (weight, total))
    without = (total.sum() - totals) / (weight.sum() - weights)
    variance = (n - 1) / n * ((without - without.mean()) ** 2).sum()
    se = float(np.sqrt(variance / _kept(lag, length)))
    return Jackknife(mean, se, n, length)


def _together(residues: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Atoms, total of Q and chain of each residue in order, copies of a residue as one; waters left out."""
    kind = np.asarray(residues["class"])
    chains = copies({name: np.asarray(residues[name]) for name in _PLACE}, np.flatnonzero(np.isin(kind, POLYMERS)))
    taken = np.isin(np.arange(len(kind)), np.concatenate([np.empty(0, int), *(rows.ravel() for rows in chains)]))
    chains.append(np.flatnonzero((kind != "water") & ~taken)[None])  # ligands, and what only some copies have
    weight = np.asarray(residues["n_atoms"], float)
    total = np.nan_to_num(np.asarray(residues["q_04"], float)) * np.asarray(residues["n_scored"], float)
    there = [rows >= 0 for rows in chains]
    weights, totals = (
        np.concatenate([np.where(has, of[rows], 0.0).sum(axis=0) for rows, has in zip(chains, there, strict=True)])
        for of in (weight, total)
    )
    return weights, totals, np.repeat(np.arange(len(chains)), [rows.shape[1] for rows in chains])


def lag_one(values: np.ndarray, group: np.ndarray) -> float:
    """Autocorrelation of neighbours within a group, 0 to 0.95; 0 where it cannot be known."""
    next_to = group[1:] == group[:-1]
    if not next_to.any() or not np.ptp(values) > 0:
        return 0.0
    middle = values - values.mean()
    lag = (middle[1:] * middle[:-1])[next_to].mean() / (middle**2).mean()
    return float(min(max(lag, 0.0), 0.95))


def block_length(n: int, lag: float) -> int:
    """Residues a block for `n` residues of a lag-1 autocorrelation: 10 or more, unless there were under 20 blocks."""
    best = (2 * lag / (1 - lag * lag)) ** (2 / 3) * n ** (1 / 3)
    return min(max(round(best), USUAL), LONGEST, max(n // FEWEST_BLOCKS, SHORTEST))


def _kept(lag: float, length: int) -> float:
    """Share of the variance of a mean that blocks of a length see, for a process of first order."""
    return 1 - 2 * lag * (1 - lag**length) / (length * (1 - lag * lag))
