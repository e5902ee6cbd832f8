"""The diverse subset: who may be drawn, by rules that are fixed before any Q is seen, and how a draw is made."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from qscore.selection import FitRule, why_not

OVERLAP = "FULLOVERLAP"


@dataclass(frozen=True)
class Design:
    """How a draw is spread.

    Attributes
    ----------
    lowest, highest : float
        Reported resolution, Å, both included.
    bins : int
        Of equal width.
    each : int
        Pairs drawn from a bin, no two of one protein.
    cc_mean : float
        Least correlation of map and model about the mean of the well fitted.
    """

    lowest: float = 1.2
    highest: float = 5.0
    bins: int = 11
    each: int = 5
    cc_mean: float = 0.65

    @property
    def size(self) -> int:
        """Pairs of a whole draw."""
        return self.bins * self.each

    def text(self) -> str:
        """The rule in words."""
        return (
            f"{self.size} single-particle pairs with a resolution by FSC 0.143, {self.each} from each of {self.bins} "
            f"bins of equal width over {self.lowest:g}–{self.highest:g} Å, no two of one protein, the model fully "
            "within its map; scored, at least as many voxels as the fit asks, not composite, no tight mask"
        )


DESIGN = Design()


@dataclass(frozen=True)
class Bin:
    """A range of resolutions, Å, and what a draw takes from it.

    Attributes
    ----------
    low, high : float
        Å.
    quota : int
        Pairs a draw takes.
    pairs : int array
        The pairs within, by their place in the pool.
    proteins : int
        Different ones among them.
    parts : int
        Bins of the design that were merged into it.
    """

    low: float
    high: float
    quota: int
    pairs: np.ndarray
    proteins: int
    parts: int = 1

    def text(self) -> str:
        """The range in words."""
        return f"{self.low:.2f}–{self.high:.2f} Å"


@dataclass(frozen=True)
class Pool:
    """The pairs a draw is made from.

    Attributes
    ----------
    protein : int array, shape (n,)
        Pairs of one protein share a number.
    bins : tuple of Bin
        Each pair lies in one.
    others : tuple of tuple of int
        Further proteins of each pair, one for each of its UniProt accessions; () when none is told of any pair.
    """

    protein: np.ndarray
    bins: tuple[Bin, ...]
    others: tuple[tuple[int, ...], ...] = ()

    @property
    def n_proteins(self) -> int:
        return len(np.unique(self.protein))

    @property
    def merged(self) -> list[Bin]:
        return [one for one in self.bins if one.parts > 1]


# ---- who may be drawn ----


def why_not_drawn(row: dict, rule: FitRule, design: Design, *, well_fitted: bool = False) -> str:
    """Why a pair cannot be drawn; "" when it can. What its source does not tell does not exclude it.

    Parameters
    ----------
    row : dict
        Of `tables.ENTRIES`, and `cc_mean` for the well fitted.
    rule : FitRule
        Of the fit; method, criterion and range are the design's own.
    design : Design
    well_fitted : bool
        Whether CC-mean must be above the design's.
    """
    own = FitRule(design.lowest, design.highest, voxels=rule.voxels)
    if why := why_not(row, own):
        return why
    if row["in_frame"] and row["in_frame"].upper() != OVERLAP:
        return "model not fully within the map"
    if well_fitted and not (row["cc_mean"] is not None and row["cc_mean"] > design.cc_mean):
        return f"CC-mean not above {design.cc_mean:g}"
    return ""


def pool_of(rows: list[dict], design: Design) -> Pool:
    """Pairs that may be drawn → a pool, its bins merged until each holds as many proteins as it gives."""
    resolution = np.array([row["resolution"] for row in rows], dtype=float)
    names = [row["cluster_protein"] or row["emdb_id"] for row in rows]
    protein = np.unique(names, return_inverse=True)[1] if names else np.empty(0, dtype=int)
    edges = np.linspace(design.lowest, design.highest, design.bins + 1)
    place = np.searchsorted(edges[1:-1], resolution, side="right")
    bins = [
        _bin(low, high, design.each, np.flatnonzero(place == k), protein)
        for k, (low, high) in enumerate(itertools.pairwise(edges))
    ]
    return Pool(protein, tuple(_merge(bins, protein)), _accessions(rows))


def _accessions(rows: list[dict]) -> tuple[tuple[int, ...], ...]:
    """UniProt accessions of each pair, numbered below zero: apart from the numbers of `Pool.protein`."""
    number: dict[str, int] = {}
    named = [(row.get("uniprot") or "").split() for row in rows]
    return tuple(tuple(-1 - number.setdefault(name, len(number)) for name in names) for names in named)


def _bin(low, high, quota: int, pairs: np.ndarray, protein: np.ndarray, *, parts: int = 1) -> Bin:
    return Bin(float(low), float(high), quota, pairs, len(np.unique(protein[pairs])), parts)


def _merge(bins: list[Bin], protein: np.ndarray) -> list[Bin]:
    """The bin that lacks most joins the neighbour with more proteins, until none lacks any or one is left."""
    while len(bins) > 1 and any(one.proteins < one.quota for one in bins):
        k = max(range(len(bins)), key=lambda k: bins[k].quota - bins[k].proteins)
        j = max((j for j in (k - 1, k + 1) if 0 <= j < len(bins)), key=lambda j: bins[j].proteins)
        a, b = bins[min(j, k)], bins[max(j, k)]
        pairs = np.concatenate([a.pairs, b.pairs])
        joint = _bin(a.low, b.high, a.quota + b.quota, pairs, protein, parts=a.parts + b.parts)
        bins = [*bins[: min(j, k)], joint, *bins[max(j, k) + 1 :]]
    return bins


# ---- drawing ----


def draw(pool: Pool, seed: int, number: int) -> np.ndarray:
    """The pairs of one draw, by their place in the pool; the same whether drawn alone or with others.

    Bins with the fewest proteins to spare come first, each in a random order
    of its pairs; a pair whose protein is drawn already, or that shares any UniProt
    accession with a drawn one, is passed over.

    Parameters
    ----------
    pool : Pool
    seed : int
        Of all draws.
    number : int
        Of the draw: child `number` of the seed (`numpy.random.SeedSequence`).
    """
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
    drawn: list[int] = []
    used: set[int] = set()
    for one in sorted(pool.bins, key=lambda one: one.proteins / one.quota):
        left = one.quota
        for pair in random.permutation(one.pairs).tolist():
            proteins = (int(pool.protein[pair]), *(pool.others[pair] if pool.others else ()))
            if used.isdisjoint(proteins):
                used.update(proteins)
                drawn.append(pair)
                left -= 1
                if not left:
                    break
    return np.array(drawn, dtype=int)
