"""How each ligand's Q beside its site's compares with other ligands' of its class, size and resolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qscore import tables
from qscore.outliers import benjamini_hochberg

NEAR = 0.15  # of the resolution: 15 % to either side
ROUND = 1e-9
WINDOW = 1000  # ligands of the reference that a window needs no more than
FEWEST, FEWEST_ENTRIES = 50, 10
OF_AN_ENTRY = 50  # ligands of a class and size that speak for an entry
SIGNIFICANT = 0.05
SIZES = (5, 10, 20, 40)  # atoms: last of each bin
CLASSES = ("ligand", "glycan", "ion", "water")
_FIFTH, _RANKED = 0.2, 0.05  # p is a rank down to the latter
_SHAPE = 0.25  # of the tail beyond: that of Student's t with 4 degrees of freedom
_ENOUGH = 20  # ligands below the 5th percentiles that give a scale; with fewer their first quartile is taken to be 1
_KEYS = ("class", "n_atoms", "dq_site", "resolution", "entry")


@dataclass(frozen=True)
class Ranks:
    """What the reference says of m ligands.

    Attributes
    ----------
    percentile, p, usual : ndarray, float, shape (m,)
        Share of the reference with a lower `dq_site`; probability of one so low; median of the reference.
        NaN where there is no `dq_site` or resolution, or the reference is too small.
    reference : ndarray of str, shape (m,)
        What it is, or why there is none.
    """

    percentile: np.ndarray
    p: np.ndarray
    usual: np.ndarray
    reference: np.ndarray


def rank(ligands: Mapping[str, np.ndarray]) -> Ranks:
    """Rank each ligand's `dq_site` among those of its class and size at nearby resolutions.

    A window holds ligands within 15 % of the resolution, the 1,000 nearest if
    there are more; an entry speaks with at most 50 ligands of a class and
    size, evenly over its range, so that the waters of one map are not the
    archive's. Under 50 ligands, or ligands of under 10 entries, all sizes of
    the class are taken together; if these are too few, nothing is said.

    p is (1 + k) / (n + 1) with k of the window's n at most as low, down to
    0.05. A rank among n is never below 1/(n + 1), and after adjustment would
    find nothing; beyond, p falls as the generalised Pareto law of shape 1/4,
    the tail of Student's t with 4 degrees of freedom, with the distance below
    the window's 5th percentile in units of the window's fall from the median
    to the 20th. The scale is that of the class, from the first quartile of all
    its ligands below, so that the few sought hardly enter it, and a standard
    error more. The shape is a bound and not an estimate: 5 % of the ligands
    of a class are too few to tell it, and the sought ones are among them.
    Lighter tails get p that are too large, and are flagged late; tails
    heavier than t4 get more flags than the nominal share
    (`benchmarks/ligand_ranks.py`).

    Parameters
    ----------
    ligands : mapping of ndarray, shape (m,)
        class, n_atoms, dq_site, resolution (Å), entry (a number for each pair).

    Returns
    -------
    Ranks
    """
    m = len(ligands["dq_site"])
    ranks = Ranks(*(np.full(m, np.nan) for _ in range(3)), np.full(m, "", dtype=object))
    known = np.isfinite(ligands["dq_site"]) & np.isfinite(ligands["resolution"])
    ranks.reference[np.isfinite(ligands["dq_site"]) & ~known] = "no resolution"
    for kind in CLASSES:
        mine = np.flatnonzero(known & (ligands["class"] == kind))
        size = np.searchsorted(SIZES, ligands["n_atoms"][mine])
        speaking = _speaking(ligands, mine, size)
        whole = _reference(ligands, mine, size, speaking)
        below = np.full(m, np.nan)
        for number in np.unique(size):
            rows, like = mine[size == number], whole.take(whole.size == number)
            words = f"{kind} of {_atoms(int(number))}" if len(np.unique(size)) > 1 else kind
            _rank_group(ranks, below, ligands, rows, ((like, words), (whole, f"{kind} of any size")))
        _tail(ranks.p, below, mine, mine[speaking])
    return ranks


def _atoms(number: int) -> str:
    """A bin of sizes in words."""
    first = SIZES[number - 1] + 1 if number else 1
    return f"{first}–{SIZES[number]} atoms" if number < len(SIZES) else f"{first} atoms or more"


@dataclass(frozen=True)
class _Reference:
    """Ligands that others are compared with, in order of resolution."""

    log_resolution: np.ndarray
    dq: np.ndarray
    entry: np.ndarray
    size: np.ndarray

    def take(self, which) -> _Reference:
        """Those at an index or boolean array."""
        return _Reference(self.log_resolution[which], self.dq[which], self.entry[which], self.size[which])

    def near(self, resolution: float) -> np.ndarray:
        """`dq` of the window about a resolution, sorted; empty when it is too small."""
        at, values = np.log(resolution), self.log_resolution
        first, last = np.searchsorted(values, [at + np.log1p(-NEAR) - ROUND, at + np.log1p(NEAR) + ROUND])
        if last - first > WINDOW:
            far = np.sort(np.abs(values[first:last] - at))[WINDOW - 1]
            first, last = np.searchsorted(values, at - far - ROUND), np.searchsorted(values, at + far + ROUND)
        enough = last - first >= FEWEST and len(np.unique(self.entry[first:last])) >= FEWEST_ENTRIES
        return np.sort(self.dq[first:last]) if enough else np.empty(0)


def _speaking(ligands: Mapping, rows: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Which of the rows speak for their entry: at most 50 of a size, evenly over its range of `dq_site`."""
    entry, dq = ligands["entry"][rows], ligands["dq_site"][rows]
    order = np.lexsort([dq, entry, size])
    first = np.flatnonzero(np.diff(size[order], prepend=-1) | np.diff(entry[order], prepend=-2))
    count = np.diff(np.append(first, len(order)))
    place, n = np.arange(len(order)) - np.repeat(first, count), np.repeat(count, count)
    part = (np.stack([place, place + 1]) * OF_AN_ENTRY + n // 2) // n  # of 50 equal parts, before and after
    return np.sort(order[part[0] != part[1]])


def _reference(ligands: Mapping, mine: np.ndarray, size: np.ndarray, speaking: np.ndarray) -> _Reference:
    rows = mine[speaking]
    log_resolution, dq = np.log(ligands["resolution"][rows]), ligands["dq_site"][rows]
    order = np.lexsort([dq, log_resolution])
    return _Reference(log_resolution, dq, ligands["entry"][rows], size[speaking]).take(order)


def _rank_group(ranks: Ranks, below: np.ndarray, ligands: Mapping, rows: np.ndarray, references) -> None:
    """Fill in the ranks of ligands of one class and size, resolution by resolution, and how far out they lie."""
    resolution = ligands["resolution"][rows]
    order = np.argsort(resolution, kind="stable")
    values, starts = np.unique(resolution[order], return_index=True)
    for value, members in zip(values.tolist(), np.split(rows[order], starts[1:]), strict=True):
        windows = ((reference.near(value), words) for reference, words in references)
        window, words = next((found for found in windows if len(found[0])), (None, "too few alike in this survey"))
        ranks.reference[members] = words
        if window is not None:
            own, n = ligands["dq_site"][members], len(window)
            ranks.percentile[members] = np.searchsorted(window, own, side="left") / n
            ranks.p[members] = (np.searchsorted(window, own, side="right") + 1) / (n + 1)
            ranks.usual[members], fifth, low = np.quantile(window, [0.5, _FIFTH, _RANKED])
            below[members] = (low - own) / max(ranks.usual[members[0]] - fifth, 1e-9)


def _tail(p: np.ndarray, below: np.ndarray, rows: np.ndarray, speaking: np.ndarray) -> None:
    """Put the tail of the class in place of the ranks below the windows' 5th percentiles."""
    excess = below[speaking][below[speaking] > 0]
    quartile = max(float(np.quantile(excess, 0.25)), 1e-9) if len(excess) >= _ENOUGH else 1.0
    error = 2 / np.sqrt(max(len(excess), _ENOUGH))  # relative standard error of the quartile of an exponential law
    scale = (1 + error) * quartile / (0.75**-_SHAPE - 1)
    out, inner = rows[below[rows] > 0], rows[below[rows] <= 0]
    p[inner] = np.maximum(p[inner], _RANKED)
    p[out] = _RANKED * (1 + below[out] / scale) ** (-1 / _SHAPE)


def adjusted(kind: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Benjamini–Hochberg over ligands, glycans and ions together, and over waters by themselves; NaN stays NaN."""
    found = np.full(len(p), np.nan)
    for group in (kind == "water", kind != "water"):
        rows = np.flatnonzero(group & np.isfinite(p))
        if len(rows):
            found[rows] = benjamini_hochberg(p[rows])
    return found


# ---- the stage ----


def write(ligands_file, entries_file, out) -> list[dict]:
    """The ligands of a survey with their ranks → Parquet of `tables.RANKED`; the significant ones as regions.

    Read twice, a row group at a time: memory holds a few numbers a ligand.

    Parameters
    ----------
    ligands_file, entries_file : path
        Parquet of `tables.LIGANDS` and `tables.ENTRIES`.
    out : path
        File.

    Returns
    -------
    list of dict
        Rows of `tables.REGIONS`.
    """
    entries = tables.read_parquet(entries_file, layout=_only(tables.ENTRIES, "emdb_id", "pdb_id", "resolution"))
    known = {pair: n for n, pair in enumerate(zip(entries["emdb_id"], entries["pdb_id"], strict=True))}
    resolution = np.array([np.nan if value is None else value for value in entries["resolution"]] + [np.nan], float)
    numbers = _numbers(ligands_file, known, resolution)
    ranks = rank(numbers)
    columns = {"resolution": numbers["resolution"], "percentile": ranks.percentile, "p": ranks.p}
    columns |= {"p_adjusted": adjusted(numbers["class"], ranks.p), "reference": ranks.reference}
    return _write_ranked(ligands_file, columns, ranks.usual, out)


def _only(layout: tables.Layout, *names: str) -> tables.Layout:
    return tables.Layout(layout.name, tuple(column for column in layout.columns if column.name in names))


def _numbers(ligands_file, known: dict, resolution: np.ndarray) -> dict[str, np.ndarray]:
    """What `rank` asks for, of all ligands."""
    wanted = _only(tables.LIGANDS, "emdb_id", "pdb_id", "class", "n_atoms", "dq_site")
    found: dict[str, list] = {key: [np.empty(0)] for key in _KEYS}
    for part in tables.row_groups(ligands_file, layout=wanted):
        entry = _entries(part, known)
        own = {"class": part["class"].astype("U6"), "resolution": resolution[entry], "entry": entry}
        for key, values in (part | own).items():
            if key in found:
                found[key].append(values)
    return {key: np.concatenate(parts[1:] or parts) for key, parts in found.items()}


def _entries(part: Mapping, known: dict) -> np.ndarray:
    """Number of each row's pair, looked up once a run of rows; −1 for one that is not among the entries."""
    n = len(part["emdb_id"])
    new = np.ones(n, dtype=bool)
    new[1:] = (part["emdb_id"][1:] != part["emdb_id"][:-1]) | (part["pdb_id"][1:] != part["pdb_id"][:-1])
    first = np.flatnonzero(new)
    pairs = zip(part["emdb_id"][first].tolist(), part["pdb_id"][first].tolist(), strict=True)
    return np.repeat([known.get(pair, -1) for pair in pairs], np.diff(np.append(first, n))).astype(np.int64)


def _write_ranked(ligands_file, columns: dict, usual: np.ndarray, out) -> list[dict]:
    """Add the columns group by group."""
    start, regions = 0, []
    with tables.growing(out, tables.RANKED) as add:
        for part in tables.row_groups(ligands_file, layout=tables.LIGANDS):
            rows = slice(start, start + len(part["emdb_id"]))
            part |= {name: values[rows] for name, values in columns.items()}
            regions += as_regions(part, usual[rows])
            add(part)
            start = rows.stop
    return regions


def as_regions(ranked: Mapping[str, np.ndarray], usual: np.ndarray, *, level: float = SIGNIFICANT) -> list[dict]:
    """The ligands less resolved than expected of their site, as rows of `tables.REGIONS`.

    Parameters
    ----------
    ranked : mapping of ndarray, shape (n,)
        Columns of `tables.RANKED`.
    usual : ndarray, shape (n,)
        Median `dq_site` of each one's reference: with `site_q` it is what is expected.
    level : float
        Of the adjusted p.
    """
    rows = []
    for n in np.flatnonzero(ranked["p_adjusted"] <= level).tolist():
        own = {name: values[n] for name, values in ranked.items()}
        number = f"{own['number']}{own['icode'] or ''}"
        rows.append({
            **{name: own[name] for name in ("emdb_id", "pdb_id", "chain", "reference")},
            **{name: float(own[name]) for name in ("p", "p_adjusted")},
            "kind": own["class"], "from": number, "to": number, "length": 1, "mean_q": float(own["q_04"]),
            "expected": float(own["site_q"] + usual[n]), "z_within": float("nan"), "z_archive": float("nan"),
            "pooled": "",
        })  # fmt: skip
    return rows
