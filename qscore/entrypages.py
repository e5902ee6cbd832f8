"""The pages of a survey's entries: every pair that the second look left evidence of."""

from __future__ import annotations

import gzip
import os
import shutil
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path

import numpy as np

from qscore import chains, chimerax, dossier, offsets, plan, tables
from qscore.equations import judging_curve
from qscore.files import all_together
from qscore.ids import pair_stem
from qscore.report import entrypage, parts

WORTH_A_PROCESS = 4  # pages: to begin a process takes as long as to draw two
Pair = tuple[str, str]


@dataclass(frozen=True)
class Sources:
    """The tables of a survey, as paths: Parquet, and ``expected_q.json``."""

    entries: Path
    flags: Path
    residues: Path
    regions: Path
    ligands: Path
    inclusion: Path
    fit: Path


def write(sources: Sources, evidence, out, *, batches=None, jobs: int = 1) -> int:
    """Write the page of every scored pair with evidence; pages of others are removed.

    The residues are read once, a row group at a time.

    Parameters
    ----------
    sources : Sources
    evidence : path-like
        Folder of `qscore.examine.examine_batch`, a folder a batch.
    out : path-like
        Folder of the pages.
    batches : path-like, optional
        Folder of the batches of the present examination; without it every batch's evidence is shown.
    jobs : int
        Pages drawn at a time, each in a process; the pages do not depend on it.

    Returns
    -------
    int
        How many pages there are.

    Raises
    ------
    ValueError
        A file is not what it should be, or the folder cannot be written.
    """
    models = _models(Path(evidence), batches)
    rows = {_key(row): row for row in tables.read_rows(sources.entries, layout=tables.ENTRIES)}
    shown = {pair: row for pair, row in rows.items() if row["status"] == "scored" and pair_stem(*pair) in models}
    survey = _Survey.read(sources, shown)
    stems = set()
    with _drawing(min(jobs, max(len(shown) // WORTH_A_PROCESS, 1))) as draw:
        for pair, residues in _by_pair(sources.residues, shown, tables.RESIDUES):
            stem = pair_stem(*pair)
            draw(_page, survey.dossier(pair, residues, models[stem].parent.parent), models[stem], out)
            stems.add(stem)
    _sweep(Path(out), stems)
    return len(stems)


def _page(shown: dossier.Dossier, model: Path, out) -> None:
    """The page of one pair, and its model beside it."""
    with all_together(out) as work:
        entrypage.write_page(shown, work)
        _unpack(model, work / model.name.removesuffix(".gz"))


@contextmanager
def _drawing(jobs: int):
    """A call that runs here, or in one of so many processes; on leaving all are done, or the first error is raised."""
    if jobs == 1:
        yield lambda act, *arguments: act(*arguments)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_leave_with_parent)
    waiting: deque = deque()

    def draw(act, *arguments):
        if len(waiting) > 2 * jobs:  # no more of the survey is held than is being drawn
            waiting.popleft().result()
        waiting.append(pool.submit(act, *arguments))

    try:
        yield draw
        for one in waiting:
            one.result()
    finally:
        pool.shutdown(cancel_futures=True)  # after an error, or Ctrl-C, no further page is begun


def _leave_with_parent() -> None:
    """End this process when the one that started it ends, however it does: a worker would wait for work for ever."""
    threading.Thread(target=lambda: (parent_process().join(), os._exit(1)), daemon=True).start()


def _models(evidence: Path, batches) -> dict[str, Path]:
    """Stem of each pair with evidence → its model with Q."""
    names = plan.names(batches) if batches else sorted(path.name for path in evidence.glob("*") if path.is_dir())
    found = (path for name in names for path in sorted((evidence / name / "models").glob("*.cif.gz")))
    return {path.name.removesuffix(".cif.gz"): path for path in found}


@dataclass(frozen=True)
class _Survey:
    """What is read at once: rows and columns of the pairs shown, and what all pages say."""

    entries: dict[Pair, dict]
    flags: dict[Pair, dict]
    regions: dict[Pair, list[dict]]
    ligands: dict[Pair, dict]
    inclusion: dict[Pair, dict]
    fit: dict
    n_tested: int

    @classmethod
    def read(cls, sources: Sources, shown: dict[Pair, dict]) -> _Survey:
        flags = {_key(row): row for row in tables.read_rows(sources.flags, layout=tables.FLAGS)}
        regions: dict[Pair, list[dict]] = {}
        for row in tables.read_rows(sources.regions, layout=tables.REGIONS):
            regions.setdefault(_key(row), []).append(row)
        ligands = dict(_by_pair(sources.ligands, shown, tables.RANKED))
        inclusion = dict(_by_pair(sources.inclusion, shown, tables.INCLUSION))
        return cls(shown, flags, regions, ligands, inclusion, parts.read_json(sources.fit), _n_tested(sources, regions))

    def dossier(self, pair: Pair, residues: dict, folder: Path) -> dossier.Dossier:
        """Of one pair; its evidence is in the folder of its batch."""
        traces, profiles = _evidence(folder)
        found = dossier.Tables(
            self.entries[pair], self.flags.get(pair, {}), residues, self.regions.get(pair, []),
            self.ligands.get(pair, {}), self.inclusion.get(pair, {}),
            trace=traces.get(pair, {}), profiles=profiles.get(pair, []), n_tested=self.n_tested,
        )  # fmt: skip
        return dossier.of_survey(found, judging_curve(self.fit), stem=pair_stem(*pair), provenance=self._provenance())

    def _provenance(self) -> list[tuple[str, str]]:
        fit = self.fit
        names = (("Expected Q", "judged_by_text"), ("Date of the catalogue", "catalogue_date"))
        names += (("Digest of the catalogue", "catalogue_sha256"), ("Digest of the entries table", "entries_sha256"))
        return [(term, str(fit[key])) for term, key in names if fit.get(key)]


def _n_tested(sources: Sources, regions: dict[Pair, list[dict]]) -> int:
    """Chains over which the survey adjusts p: as a region tells it, and where there is none, counted again."""
    told = max((dossier.tested_chains(row) for rows in regions.values() for row in rows), default=0)
    if told:
        return told
    entries = chains.entries_of(tables.read_rows(sources.entries, layout=tables.ENTRIES))
    _, columns = chains.scanned(sources.residues, entries, offsets.shipped())
    return int(np.isfinite(columns["maximum"]).sum())


@lru_cache(maxsize=2)
def _evidence(folder: Path) -> tuple[dict[Pair, dict], dict[Pair, list[dict]]]:
    """Traces and profiles of the pairs of a batch."""
    traces = dict(_by_pair(folder / "traces.parquet", None, tables.TRACES))
    profiles: dict[Pair, list[dict]] = {}
    for row in tables.read_rows(folder / "profiles.parquet", layout=tables.SHOWN_PROFILES):
        profiles.setdefault(_key(row), []).append(row)
    return traces, profiles


def _key(row: dict) -> Pair:
    return row["emdb_id"], row["pdb_id"]


def _by_pair(path, wanted, layout) -> Iterator[tuple[Pair, dict[str, np.ndarray]]]:
    """Pairs with the columns of their rows, in the order of the file; no pair lies in two row groups."""
    for part in tables.row_groups(path, layout=layout, emdb_ids=wanted and {emdb_id for emdb_id, _ in wanted}):
        keys = list(zip(part["emdb_id"].tolist(), part["pdb_id"].tolist(), strict=True))
        places: dict[Pair, list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        for key, rows in places.items():
            if wanted is None or key in wanted:
                yield key, {name: values[rows] for name, values in part.items()}


def _unpack(source: Path, target: Path) -> None:
    """The model without its compression, which ChimeraX does not undo for mmCIF."""
    with gzip.open(source) as packed, tables.whole_file(target, "wb") as stream:
        shutil.copyfileobj(packed, stream)


def _sweep(out: Path, stems: set[str]) -> None:
    """Remove the files of pages that are no longer, and what a killed run left; no file of anybody else's."""
    out.mkdir(parents=True, exist_ok=True)
    for left in out.glob(".qscore-*"):
        shutil.rmtree(left, ignore_errors=True)
    for path in sorted(out.glob("*.cxc")):
        if path.stem not in stems and _is_ours(path):
            for ending in entrypage.ENDINGS:  # the commands, by which a page is known, last
                path.with_name(path.stem + ending).unlink(missing_ok=True)


def _is_ours(commands: Path) -> bool:
    """Whether these are the commands of a page."""
    with open(commands, encoding="utf-8", errors="replace") as stream:
        return stream.readline().startswith(chimerax.HEAD)
