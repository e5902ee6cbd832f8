"""Which rows of a survey are not independent, as numbers: groups for bootstraps, folds and conformal splits."""

from __future__ import annotations

import heapq
import re
from dataclasses import dataclass

import numpy as np

# Residuals of Q against resolution (archive table, 10,188 rows) correlate 0.37 between ids 1 apart, 0.26 at 2, 0.18 at
# 3, 0.10 at 5 and 0.02 at 15: most of it is within a run whose neighbours are at most 2 apart, all of it within 100.
GAP = 2
SPAN = 100


@dataclass(frozen=True)
class Independence:
    """Groups of rows that are not independent of each other.

    Attributes
    ----------
    publication, protein : int array, shape (n,)
        Rows of one publication, or of one protein, share a number; so do the pairs of one EMDB entry.
    joint : int array, shape (n,)
        Rows linked through either share a number: what folds and splits are cut along. The publication's
        numbers where such a link holds together too much of the table; `text` says so.
    text : str
        What the groups rest on.
    told : Told, optional
        What is known of each row.
    """

    publication: np.ndarray
    protein: np.ndarray
    joint: np.ndarray
    text: str
    told: Told | None = None

    def take(self, keep) -> Independence:
        """The groups of some rows, told of these: `keep` is a mask or an array of places."""
        groups = self.publication[keep], self.protein[keep], self.joint[keep]
        told = self.told and self.told.take(keep)
        return Independence(*groups, told.text(*groups) if told else self.text, told)

    @property
    def redrawn(self) -> dict[str, str]:
        """What a bootstrap by publication and one by protein redraw, in words."""
        return self.told.redrawn() if self.told else {"publication": "whole publications", "protein": "whole proteins"}


@dataclass(frozen=True)
class Told:
    """What is known of each row, and how what is not was replaced.

    Attributes
    ----------
    papers, proteins : bool array, shape (n,)
        Whether the row's publication, its protein, is told.
    stand_in : bool
        Whether runs of neighbouring ids stand in for publications.
    cut : str
        Why folds keep together publications only; "" where they keep together what either links.
    """

    papers: np.ndarray
    proteins: np.ndarray
    stand_in: bool
    cut: str

    def take(self, keep) -> Told:
        """Of some rows."""
        return Told(self.papers[keep], self.proteins[keep], self.stand_in, self.cut)

    def text(self, publication: np.ndarray, protein: np.ndarray, joint: np.ndarray) -> str:
        """What the groups rest on."""
        folded = self.cut or f"folds keep together what either links: {_sizes(joint)}"
        papers = _publication_text(self.papers, publication, stand_in=self.stand_in)
        return "; ".join([papers, _protein_text(self.proteins, protein), folded])

    def redrawn(self) -> dict[str, str]:
        """See `Independence.redrawn`."""
        papers = "runs of neighbouring ids" if self.stand_in else "whole publications"
        return {
            "publication": papers if self.stand_in or self.papers.any() else "single entries",
            "protein": "whole proteins" if self.proteins.any() else "single entries",
        }


def groups_of(rows: list[dict], *, k: int = 10) -> Independence:
    """Rows of a survey → their groups.

    Where no row's publication is told, runs of neighbouring EMDB ids stand in for publications: maps of one study
    are mostly deposited together. Numbers depend on the names alone, not on the order of the rows.

    Parameters
    ----------
    rows : list of dict
        With ``emdb_id``; ``cluster_pub`` and ``cluster_protein`` where told ("" and the entry's own id: not told).
    k : int
        Number of folds that `joint` is for: a joint group of more than 1/k of the rows is too large for them.

    Raises
    ------
    ValueError
        `k` below 1.
    """
    if k < 1:
        raise ValueError(f"{k} folds; at least 1 is needed")
    ids = [row["emdb_id"] for row in rows]
    papers, proteins = ([_told(row, column) for row in rows] for column in ("cluster_pub", "cluster_protein"))
    stand_in = not any(papers)
    papers_used = runs(ids) if stand_in else papers
    publication, protein = _linked(ids, papers_used), _linked(ids, proteins)
    joint = _linked(ids, papers_used, proteins)
    too_large = len(rows) > 0 and np.bincount(joint).max() > len(rows) / k
    cut = _cut_text(joint, k) if too_large else ""
    groups = publication, protein, publication if too_large else joint
    told = Told(*(np.array([bool(name) for name in names], dtype=bool) for names in (papers, proteins)), stand_in, cut)
    return Independence(*groups, told.text(*groups), told)


def folds(groups, k: int = 10, seed: int = 2026) -> np.ndarray:
    """Rows → one of `k` folds, whole groups together, sizes as even as the groups allow.

    Groups are dealt largest first, each to the smallest fold; among equals their order is drawn from the seed.

    Parameters
    ----------
    groups : int array, shape (n,)
        The number of each row's group, as of `Independence`.
    k, seed : int

    Returns
    -------
    int array, shape (n,)
        0 … k − 1.

    Raises
    ------
    ValueError
        Fewer than 2 folds, or fewer groups than folds.
    """
    _, number, size = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if k < 2 or len(size) < k:
        raise ValueError(f"{k} folds of {len(size)} groups; at least 2 folds and a group for each are needed")
    drawn = np.random.default_rng(seed).permutation(len(size))
    fold = np.empty(len(size), dtype=int)
    smallest = [(0, one) for one in range(k)]
    for group in np.lexsort((drawn, -size)):
        rows, fold[group] = smallest[0]
        heapq.heapreplace(smallest, (rows + int(size[group]), int(fold[group])))
    return fold[number]


def runs(ids: list[str], *, gap: int = GAP, span: int = SPAN) -> list[str]:
    """EMDB ids → the first id of the run each is in; an id of another form has itself.

    Parameters
    ----------
    ids : list of str
    gap : int
        Neighbours further apart are not of one run.
    span : int
        A run is cut where it would reach further than this, so that a dense table does not become one run.
    """
    found = {name: re.fullmatch(r"EMD-([0-9]+)", name, re.IGNORECASE) for name in ids}
    run_of, first, last = {}, None, None
    for number, name in sorted((int(match[1]), name) for name, match in found.items() if match):
        if first is None or number - last > gap or number - first[0] >= span:
            first = (number, name)
        run_of[name], last = first[1], number
    return [run_of.get(name, name) for name in ids]


def _told(row: dict, column: str) -> str:
    """A cluster's name; "" when it is not told."""
    name = row.get(column)
    return "" if name in (None, "", row["emdb_id"]) else str(name)


def _linked(ids: list[str], *names: list[str]) -> np.ndarray:
    """Rows that share an id or a name, directly or through others → one number; groups numbered by their least id."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not ids:
        return np.empty(0, dtype=int)
    known, entry = np.unique(ids, return_inverse=True)
    links, nodes = [(entry, entry)], len(known)
    for column in names:
        told = np.array([bool(name) for name in column])
        different, place = np.unique([name for name in column if name], return_inverse=True)
        links.append((entry[told], nodes + place.astype(int)))
        nodes += len(different)
    one, other = (np.concatenate(ends) for ends in zip(*links, strict=True))
    _, component = connected_components(coo_array((np.ones(len(one)), (one, other)), shape=(nodes, nodes)), False)
    # `known` is sorted, so the first place of a component is its least id: numbers no longer rest on the search's order
    _, least = np.unique(component[: len(known)], return_index=True)
    first_of = dict(zip(component[least].tolist(), least.tolist(), strict=True))
    return np.unique([first_of[one] for one in component[: len(known)].tolist()], return_inverse=True)[1][entry]


# ---- in words ----


def _sizes(groups: np.ndarray) -> str:
    if not len(groups):
        return "no rows"
    sizes = np.unique(groups, return_counts=True)[1]
    number = "1 group" if len(sizes) == 1 else f"{len(sizes):,} groups"
    return f"{number} of {len(groups):,} rows, the largest of {sizes.max():,}"


def _publication_text(told: np.ndarray, groups: np.ndarray, *, stand_in: bool) -> str:
    if stand_in:
        what = f"publications are not told, runs of EMDB ids at most {GAP} apart stand in for them"
        return f"{what}: {_sizes(groups)}"
    return f"publications (DOI, PubMed id, or a run of ids with the same authors): {_sizes(groups)}{_untold(told)}"


def _protein_text(told: np.ndarray, groups: np.ndarray) -> str:
    if not told.any():
        return "no protein known: each entry for itself"
    return f"proteins (UniProt accessions, else name of the sample): {_sizes(groups)}{_untold(told)}"


def _untold(told: np.ndarray) -> str:
    missing = int((~told).sum())
    return f" ({missing:,} not told, each entry for itself)" if missing else ""


def _cut_text(joint: np.ndarray, k: int) -> str:
    largest = np.bincount(joint).max()
    return f"folds keep together publications only, as either links {largest:,} rows, more than 1/{k} of all"
