"""The pages of a survey's entries: every pair that the second look left evidence of."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from qscore import chains, chimerax, dossier, offsets, plan, tables, workers
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
    pages = (
        (survey.dossier(pair, residues, models[pair_stem(*pair)].parent.parent), models[pair_stem(*pair)], out)
        for pair, residues in _by_pair(sources.residues, shown, tables.RESIDUES)
    )
    stems = set(workers.results(_page, pages, jobs=min(jobs, max(len(shown) // WORTH_A_PROCESS, 1))))
    _sweep(Path(out), stems)
    return len(stems)


def _page(shown: dossier.Dossier, model: Path, out) -> str:
    """The page of one pair, and its model beside it; their stem."""
    with all_together(out) as work:
        entrypage.write_page(shown, work)
        _unpack(model, work / model.name.removesuffix(".gz"))
    return model.name.removesuffix(".cif.gz")


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
