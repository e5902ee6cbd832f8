"""One pair before deposition: scored, judged, and laid out as a page with its files."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qscore import dossier, entry, evidence, files, table1, tables
from qscore.ids import pair_stem
from qscore.model import Model, read_model, write_with_q
from qscore.report import entrypage
from qscore.stored import file_name

SIGMAS = (0.4, 0.6)


@dataclass(frozen=True)
class Checked:
    """What `check` left: the verdict, the page, and the summary as `qscore score` prints it."""

    sentence: str
    page: Path
    summary: dict


def check(found, scoring: dict, judge, *, out=None, model_number: int | None = None) -> Checked:
    """Score a pair and write its page, ``table1.tsv``, the model with Q and the files for ChimeraX.

    Parameters
    ----------
    found : qscore.byid.Inputs
        With a resolution.
    scoring : dict
        Options of `qscore.entry.score_pair`.
    judge : callable
        (pair, sigmas, inputs) → what the summary gains where the resolution is known, and regions.
    out : path-like, optional
        Folder; by default ``<stem>-check`` here.
    model_number : int, optional
        Model of a file with several.

    Raises
    ------
    UnusableEntry
        The pair cannot be scored.
    ValueError
        An argument makes no sense, or the folder cannot be written.
    """
    stem = _stem(found)
    out = Path(out if out is not None else f"{stem}-check")
    files.check_folder(out)
    _check_apart(found, out, stem)
    how = {"sigmas": SIGMAS, "contour": found.contour_level, "map_grid": found.map_grid, "model_number": model_number}
    pair = entry.score_pair(found.map_file, found.model_files[0], **how, **scoring)
    judged, _ = judge(pair, SIGMAS, found)
    gathered = _evidence(pair, found.model_files[0], model_number)
    shown = dossier.of_pair(pair, judged, gathered, _told(found, stem))
    rows = table1.rows(shown)
    with files.all_together(out) as work:
        page = entrypage.write_page(shown, work, map_file=_relative(found.map_file, out), table_one=rows)
        write_with_q(found.model_files[0], work / f"{stem}.cif", pair.model, pair.scores.q[:, 0])
        tables.write_tsv(work / "table1.tsv", table1.LAYOUT, tables.as_columns(table1.LAYOUT, rows))
    return Checked(shown.sentence, out / page.name, pair.summary | found.about() | judged)


def _check_apart(found, out: Path, stem: str) -> None:
    """Refuse a folder where a file given would be written over: `<stem>.cif` may be the very model."""
    written = {(out / name).resolve() for name in ("table1.tsv", *(stem + ending for ending in entrypage.ENDINGS))}
    for path in (found.map_file, found.model_files[0]):
        if Path(path).resolve() in written:
            raise ValueError(f"{path} would be written over: choose another folder with --out")


def _stem(found) -> str:
    """Name of the files: the ids where there are both, else the model's file name, of safe letters."""
    pdb_id = next(iter(found.pdb_ids), None)
    if found.emdb_id and pdb_id:
        return pair_stem(found.emdb_id, pdb_id)
    text = re.sub(r"[^A-Za-z0-9._-]", "_", files.stem(found.model_files[0])).lstrip(".-")
    return text[:80] or "model"


def _told(found, stem: str) -> dict:
    """What the page says of the files."""
    names = {"map": Path(found.map_file), "model": Path(found.model_files[0])}
    pdb_id = next(iter(found.pdb_ids), None)
    name = f"{pdb_id or file_name(names['model'])} in {found.emdb_id or file_name(names['map'])}"
    told = {"stem": stem, "name": name, "emdb_id": found.emdb_id, "pdb_id": pdb_id, "hints": list(found.remarks)}
    for key, path in names.items():
        told |= {
            f"{key}_file": file_name(path),
            f"{key}_bytes": path.stat().st_size,
            f"{key}_sha256": entry.sha256(path),
        }
    return told | {"contour_level": found.contour_level}


def _whole(pair, model_file, model_number) -> tuple[Model, np.ndarray]:
    """The whole model, whose atoms are neighbours of those scored, and Q of each atom; NaN where not asked for."""
    if pair.summary["only_chains"] is None:
        return pair.model, pair.scores.q[:, 0]
    whole = read_model(model_file, model_number=model_number)
    q = np.full(len(whole), np.nan)
    q[np.isin(whole.row, pair.model.row)] = pair.scores.q[:, 0]
    return whole, q


def _evidence(pair, model_file, model_number) -> evidence.Evidence:
    """Telling atoms among all their neighbours, and the trace of the scored chains."""
    whole, q = _whole(pair, model_file, model_number)
    found = evidence.gather(pair.density, whole, q)
    kept = np.isin(found.trace["chain"], pair.model.chain).tolist()
    trace = {key: [v for v, keep in zip(values, kept, strict=True) if keep] for key, values in found.trace.items()}
    return evidence.Evidence(found.q, found.profiles, trace)


def _relative(map_file, out: Path) -> str:
    """Path of the map from the folder; in full where there is none, as between drives."""
    try:
        return Path(os.path.relpath(map_file, out)).as_posix()
    except ValueError:
        return Path(map_file).absolute().as_posix()
