"""Regions of polymer chains that are less resolved than their entry: residue table, offsets, null → table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

import numpy as np

from qscore import copies, scan, scannull, tables, workers
from qscore.chains import (
    VIEW,
    Chain,
    Entry,
    batches,
    chains_of,
    entries_of,
    features,
    in_order,
    is_symmetric,
    pair_of,
    residue_view,
    with_codes,
)
from qscore.expected import content
from qscore.layouts import REGION_SUMMARY
from qscore.offsets import POLYMERS, Offsets, pairs_of
from qscore.offsets import shipped as shipped_offsets
from qscore.outliers import benjamini_hochberg

KIND = "chain region"
LEVEL = 0.05
SURVEY = "this survey's chains"
_ROUNDING, _NEARLY = 1e-9, 1e-6
_NEEDED = ("chain", "number", "icode", "residue", "class", "q_04")


def build_null(columns: Mapping, among: np.ndarray) -> scannull.ScanNull:
    """The null of a survey: its own scanned chains, without those that plainly hold regions.

    Parameters
    ----------
    columns : mapping of array, shape (chains,)
        Of `features`.
    among : bool array, shape (chains,)
        The chains of unflagged entries.
    """
    kept = np.flatnonzero(among & np.isfinite(columns["maximum"]))
    rows = {name: columns[name][kept] for name in scannull.COLUMNS}
    return scannull.cleaned(scannull.ScanNull(**rows, reference=SURVEY))


def null_for(kind: str, own: scannull.ScanNull | None) -> scannull.ScanNull:
    """The null of a class of chains: the survey's own with 200 of them or more, else the shipped one."""
    return own if own is not None and len(own.of(kind)) >= scannull.FEWEST else scannull.shipped()


def p_values(columns: Mapping, nulls: Mapping) -> np.ndarray:
    """p of scanned chains → float (chains,); NaN where nothing was scanned.

    Parameters
    ----------
    columns : mapping of array
        Of `features`.
    nulls : mapping
        Class of polymer → ScanNull.
    """
    p = np.full(len(columns["kind"]), np.nan)
    for kind, null in nulls.items():
        mine = np.flatnonzero((columns["kind"] == kind) & np.isfinite(columns["maximum"]))
        p[mine] = null.p({name: columns[name][mine] for name in scannull.COLUMNS[1:]}, kind)
    return p


def adjusted(p, among: np.ndarray) -> np.ndarray:
    """Benjamini–Hochberg's adjusted p of values held against a list of p → float, as `p`.

    For a value of the list it is the usual one; a further window of a chain is judged as if it were its chain's.

    Parameters
    ----------
    p : float array
    among : float array, shape (m,)
        NaN counts as no test.
    """
    listed = np.sort(among[np.isfinite(among)])
    above = np.append(benjamini_hochberg(listed), 1.0)[np.searchsorted(listed, p, side="left")]
    upto = np.searchsorted(listed, p, side="right")
    return np.minimum(len(listed) * np.asarray(p, float) / np.maximum(upto, 1), above)


def cutoff(p: np.ndarray, level: float = LEVEL) -> float:
    """The p up to which Benjamini and Hochberg reject at a false discovery rate: level · k / m; 0 when k is 0.

    Not the largest p that they reject: a further window of a rejected chain is held to the same bar as its chain.
    """
    tested = p[np.isfinite(p)]
    rejected = np.count_nonzero(benjamini_hochberg(tested) <= level)
    return level * rejected / len(tested) if rejected else 0.0


# ---- rows ----


def region_rows(chains: list[Chain], residues: Mapping, view: Mapping, nulls: Mapping, p: np.ndarray) -> tuple:
    """Regions of chains of a batch: all windows that are as significant as the least significant chain.

    Parameters
    ----------
    chains : list of Chain
    residues, view : mapping of array, shape (n,)
        Columns of the batch, and of `residue_view`.
    nulls : mapping
        Class of polymer → ScanNull.
    p : float array
        Of all chains that were tested with these: Benjamini–Hochberg is over them.

    Returns
    -------
    list of dict, bool array of shape (n,)
        Rows of the regions table, with ``n_tested``, the chains over which p is adjusted; which residues lie in a
        region, in any copy.
    """
    rows, inside = [], np.zeros(len(residues["q_04"]), bool)
    most, n_tested = cutoff(p) if chains else 0.0, int(np.isfinite(p).sum())
    # a chain's own law, by which its further windows are judged, takes a hundred times as long as its p
    close = p_values(features(chains), nulls) <= most * (1 + _NEARLY) if most > 0 else ()
    for chain in compress(chains, close):
        null = nulls[chain.kind]
        law = null.laws(features([chain]), chain.kind)
        if not chain.found.maximum >= law.least(most)[0] - _ROUNDING:
            continue
        for maximum, first, last in scan.joined(scan.further(chain.z, chain.found, law.least(most)[0] - _ROUNDING)):
            tested = {"p": float(law.p(np.array([maximum]))[0]), "n_tested": n_tested}
            tested["reference"] = f"{null.reference}; p adjusted over {_chains(n_tested)}"
            rows.append(_row(chain, slice(first, last + 1), residues, view) | tested)
            members = chain.rows[:, first : last + 1]
            inside[members[members >= 0]] = True
    corrected = adjusted([row["p"] for row in rows], p) if rows else ()
    return [row | {"p_adjusted": float(one)} for row, one in zip(rows, corrected, strict=True)], inside


def _chains(number: int) -> str:
    return f"{number:,} chain{'' if number == 1 else 's'}"


def _row(chain: Chain, window: slice, residues: Mapping, view: Mapping) -> dict:
    rows = chain.rows[:, window]
    first, last = rows[0, 0], rows[0, -1]
    names = [str(residues["chain"][members[members >= 0][0]]) for members in chain.rows]
    return {
        "emdb_id": chain.pair[0],
        "pdb_id": chain.pair[1],
        "kind": KIND,
        "chain": names[0],
        "from": _number_of(residues, first),
        "to": _number_of(residues, last),
        "length": rows.shape[1],
        "mean_q": _mean(residues["q_04"], rows),
        **{name: _mean(view[name], rows) for name in VIEW},
        "pooled": " ".join(names) if len(names) > 1 else "",
    }


def _number_of(residues: Mapping, row: int) -> str:
    return f"{residues['number'][row]}{residues['icode'][row] or ''}"


def _mean(values, rows) -> float:
    """Mean over residues of the mean over copies."""
    found = copies.mean(copies.taken(values, rows))
    found = found[np.isfinite(found)]
    return float(found.mean()) if len(found) else float("nan")


def summarise(residues: Mapping, inside: np.ndarray, rows: Iterable[Mapping]) -> list[dict]:
    """What the regions of each pair of a batch amount to: rows of `layouts.REGION_SUMMARY`.

    Parameters
    ----------
    residues : mapping of array, shape (n,)
    inside : bool array, shape (n,)
    rows : iterable of mapping
        Of the regions table.
    """
    count, residues = Counter(pair_of(row) for row in rows), with_codes(residues)
    known = list(pairs_of(residues, residues["class"].among(POLYMERS)))
    if not known:
        return []
    mine = np.concatenate([rows for _, rows in known])
    q, within = residues["q_04"][mine], inside[mine]
    rest = np.isfinite(q) & ~within
    pair = np.repeat(np.arange(len(known)), [len(rows) for _, rows in known])
    share = np.bincount(pair, within) / np.bincount(pair)
    n_rest, total = np.bincount(pair, rest), np.bincount(pair, np.where(rest, q, 0.0))
    mean = np.divide(total, n_rest, out=np.full(len(known), np.nan), where=n_rest > 0)
    return [
        dict(zip(REGION_SUMMARY.names, (*ids, count[ids], *numbers), strict=True))
        for (ids, _), *numbers in zip(known, share.tolist(), mean.tolist(), strict=True)
    ]


# ---- one batch, one pair, a survey ----


def find_regions(residues: Mapping, entries: Mapping, offsets: Offsets, null=None) -> list[dict]:
    """Regions of the pairs of one batch, tested among themselves → rows of the regions table, worst first.

    Parameters
    ----------
    residues : mapping of array, shape (n,)
        Columns of the residues table.
    entries : mapping
        (EMDB id, PDB id) → Entry.
    offsets : Offsets
    null : ScanNull, optional
        Serves the classes of which it has 200 chains; the shipped one the others.
    """
    residues = with_codes(residues)
    view = residue_view(residues, entries, offsets)
    chains = list(chains_of(residues, entries, view))
    nulls = {kind: null_for(kind, null) for kind in {chain.kind for chain in chains}}
    rows, _ = region_rows(chains, residues, view, nulls, p_values(features(chains), nulls))
    return sorted(rows, key=_worst_first)


def _worst_first(row: Mapping) -> tuple:
    return row["p"], row["z_within"], row["emdb_id"], row["pdb_id"], row["chain"], row["from"]


def regions_of_pair(residues: Mapping, *, resolution: float, curve=None, point_group: str | None = None) -> list[dict]:
    """Regions of a single pair, by the shipped null and the shipped offsets → rows of the regions table, worst first.

    Parameters
    ----------
    residues : mapping of array-like, shape (n,)
        chain, number, icode, residue, class and q_04 of its residues.
    resolution : float
        Å.
    curve : Curve, optional
        Expected Q of entries over resolution: gives ``expected`` and ``z_archive``.
    point_group : str, optional
        Symmetry imposed on the reconstruction.
    """
    columns = {name: np.asarray(residues[name]) for name in _NEEDED}
    columns |= {name: np.full(len(columns["q_04"]), "", "U1") for name in ("emdb_id", "pdb_id")}
    expected = float(curve.expected(resolution)) if curve is not None else np.nan
    entry = Entry(resolution, expected, is_symmetric(point_group))
    return find_regions(columns, {("", ""): entry}, shipped_offsets())


@dataclass(frozen=True)
class Survey:
    """What `write` found, and of how many chains; in words for a command line.

    Attributes
    ----------
    rows : list of dict
        Of the regions table.
    n_tested : int
        Unique chains over which p is adjusted.
    """

    rows: list[dict]
    n_tested: int

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        regions = sum(row["kind"] == KIND for row in self.rows)
        found = f"{regions:,} region{'' if regions == 1 else 's'} less resolved than expected"
        others = f"{len(self.rows) - regions:,} ligands, ions and waters"
        return f"{_chains(self.n_tested)} tested, p adjusted over all: {found}; {others}"


def write(residues_file, entries_file, outliers_file, fit_file, out, *, ligands=(), jobs: int = 1) -> Survey:
    """Regions of a survey → ``regions.tsv``, ``regions.parquet``, ``entries.parquet``, ``scan_null.parquet``.

    The residues are read a row group at a time: all chains are scanned, then the rows made of those that are
    significant among all, for which their row groups are read again.

    Parameters
    ----------
    residues_file, entries_file : path
        Parquet of `tables.RESIDUES` and `tables.ENTRIES`.
    outliers_file : path, or None
        Parquet of `tables.OUTLIERS`: expected Q of each entry, and which are flagged.
    fit_file : path, or None
        ``expected_q.json``: the residue offsets; the shipped ones without it.
    out : path
        Folder.
    ligands : iterable of mapping
        Rows of the regions table that are no chains, added to it.
    jobs : int
        Processes that scan; what is found does not depend on it.

    Returns
    -------
    Survey
    """
    judged = tables.read_rows(outliers_file, layout=tables.OUTLIERS) if outliers_file else ()
    entries = entries_of(tables.read_rows(entries_file, layout=tables.ENTRIES), judged)
    offsets = _offsets(fit_file)
    pairs, columns, summaries = _scanned(residues_file, entries, offsets, jobs)
    own = build_null(columns, np.array([not entries[pair].flagged for pair in pairs], bool))
    nulls = {kind: null_for(kind, own) for kind in POLYMERS}
    p = p_values(columns, nulls)
    most = cutoff(p)
    hit = {pair: entries[pair] for pair, one in zip(pairs, p, strict=True) if one <= most}
    rows = []
    for batch, view, chains in batches(residues_file, hit, offsets, emdb_ids={emdb_id for emdb_id, _ in hit}):
        found, inside = region_rows(chains, batch, view, nulls, p)
        rows += found
        summaries |= {pair_of(one): one for one in summarise(batch, inside, found) if pair_of(one) in hit}
    rows = sorted(rows, key=_worst_first) + list(ligands)
    _write(Path(out), rows, list(summaries.values()), own)
    return Survey(rows, int(np.isfinite(p).sum()))


def _scanned(residues_file, entries, offsets, jobs: int) -> tuple[list, dict, dict]:
    """`chains.in_order` of the chains of a survey; and its pairs with what they amount to while no region is known."""
    shares = tables.shares_of_groups(residues_file, jobs)
    asked = ((residues_file, entries, offsets, numbers) for numbers in shares)
    parts, summaries = [], {}
    for scanned, found in workers.results(_scan_groups, asked, jobs=min(jobs, len(shares))):
        parts += scanned
        summaries |= found
    return *in_order(parts), summaries


def _scan_groups(residues_file, entries, offsets, groups) -> tuple[list, dict]:
    """Pairs and `features` of each of some row groups, and what their pairs amount to."""
    parts, summaries = [], {}
    for batch, _, chains in batches(residues_file, entries, offsets, only=groups):
        parts.append(([chain.pair for chain in chains], features(chains)))
        none = np.zeros(len(batch["q_04"]), bool)
        summaries |= {pair_of(one): one for one in summarise(batch, none, ()) if pair_of(one) in entries}
    return parts, summaries


def _offsets(fit_file) -> Offsets:
    if fit_file is None:
        return shipped_offsets()
    return Offsets.from_dict(content(fit_file, "offsets")["offsets"])


def _write(out: Path, rows: list[dict], summaries: list[dict], own: scannull.ScanNull) -> None:
    summaries.sort(key=pair_of)
    tables.write_tsv(out / "regions.tsv", tables.REGIONS, tables.as_columns(tables.REGIONS, rows))
    tables.write_parquet(out / "regions.parquet", tables.REGIONS, tables.as_columns(tables.REGIONS, rows))
    tables.write_parquet(out / "entries.parquet", REGION_SUMMARY, tables.as_columns(REGION_SUMMARY, summaries))
    scannull.write(out / "scan_null.parquet", own)
