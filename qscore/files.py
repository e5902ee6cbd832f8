"""The files that `qscore score --out` and `qscore compare --out` leave."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from qscore import bfactors, model, profile, tables
from qscore.compare import Comparison
from qscore.entry import PairScore
from qscore.errors import is_full
from qscore.profile import Profiles
from qscore.stored import UNFINISHED

FIGURES = ("png", "svg", "pdf")


def check_folder(folder) -> None:
    """Refuse a folder that cannot be written, before any work is done for it; makes nothing.

    Raises
    ------
    ValueError
        Its nearest existing parent is not a folder, or not writable.
    """
    place = Path(folder).absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise ValueError(f"cannot write to folder {folder}: {place} is not a folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ValueError(f"cannot write to folder {folder}: {place} may not be written")


def check_apart(targets, sources) -> None:
    """Refuse to write a file over one that is read, or over another that is written; None stands for no file.

    Raises
    ------
    ValueError
    """
    taken = {Path(path).resolve() for path in sources}
    for path in filter(None, targets):
        if Path(path).resolve() in taken:
            raise ValueError(f"{path} would be written over: choose another file")
        taken.add(Path(path).resolve())


def write_pair(pair: PairScore, folder, model_file, *, with_atoms: bool = False, b_factor: float | None = None) -> None:
    """Write what `qscore score --out` leaves of a pair.

    Always `summary.json`, `residues.tsv`, `inclusion.tsv` and `<model>.qscore.cif`; if asked `atoms.tsv` and
    `<model>.bfactor.cif`.

    Parameters
    ----------
    pair : PairScore
    folder, model_file : path-like
        Where to write; the file the model was read from.
    with_atoms : bool
    b_factor : float, optional
        f of B = f (1 − Q), Å²: see `qscore.bfactors.write_with_b`.

    Raises
    ------
    ValueError
        The folder cannot be written.
    """
    with all_together(folder) as work:
        tables.write_json(work / "summary.json", pair.summary | {"hints": list(pair.hints)})
        _write_table(work / "residues.tsv", tables.RESIDUES, pair.residues())
        _write_table(work / "inclusion.tsv", tables.INCLUSION, pair.inclusion())
        if with_atoms:
            _write_table(work / "atoms.tsv", tables.ATOMS, pair.atoms())
        q = pair.scores.q[:, 0]
        model.write_with_q(model_file, work / f"{stem(model_file)}.qscore.cif", pair.model, q)
        if b_factor is not None:
            bfactors.write_with_b(model_file, work / f"{stem(model_file)}.bfactor.cif", pair.model, q, b_factor)


def write_profiles(found: Profiles, *, figure=None, table=None, title: str = "") -> None:
    """Write profiles of atoms as a figure, as a table, or both, each where a path is given.

    Raises
    ------
    ValueError
        The place cannot be written.
    """
    if table is not None:
        rows = tables.as_columns(tables.PROFILES, profile.rows(found))
        tables.write_tsv(table, tables.PROFILES, rows)
    if figure is not None:
        from qscore import changes, radial

        changes.save(radial.profile_panels(found, title), figure, formats=(figure_format(figure),))


def figure_format(path) -> str:
    """The format a figure's file name asks for: png, svg or pdf.

    Raises
    ------
    ValueError
        It asks for none of these.
    """
    ending = Path(path).suffix.removeprefix(".").lower()
    if ending not in FIGURES:
        raise ValueError(f"{path}: a figure's file name ends in .png, .svg or .pdf")
    return ending


def write_comparison(found: Comparison, folder) -> None:
    """Write `compare.json`, `compare.tsv` and the figure, `compare.svg` and `compare.png`.

    Raises
    ------
    ValueError
        The folder cannot be written.
    """
    from qscore import changes

    with all_together(folder) as work:
        tables.write_json(work / "compare.json", found.summary)
        tables.write_tsv(work / "compare.tsv", tables.COMPARED, tables.as_columns(tables.COMPARED, found.rows))
        changes.save(changes.before_and_after(found), work / "compare")


@contextmanager
def all_together(folder):
    """A folder to write in, beside its place; its files are moved to `folder` when all of them are whole.

    Raises
    ------
    ValueError
        The folder cannot be written.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=folder, prefix=".qscore-", suffix=UNFINISHED))
    except OSError as err:
        raise _blocked(folder, err) from err
    try:
        yield work
        paths = sorted(work.iterdir())
        if any((folder / path.name).is_dir() for path in paths):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        for path in paths:
            os.replace(path, folder / path.name)
    except OSError as err:
        raise _blocked(folder, err) from err
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _blocked(folder: Path, err: OSError) -> Exception:
    """A folder that cannot be written is the caller's mistake, a full disk nobody's."""
    text = f"cannot write to folder {folder}: {err.strerror}"
    return OSError(err.errno, text) if is_full(err) else ValueError(text)


def _write_table(path: Path, layout: tables.Layout, columns: dict) -> None:
    """The layout's columns that there are, then further ones (other sigmas)."""
    known = [column for column in layout.columns if column.name in columns]
    more = [tables.Column(name, "number", "Q") for name in columns if name not in layout.names]
    tables.write_tsv(path, tables.Layout(layout.name, tuple(known + more)), columns)


def stem(path) -> str:
    """File name without .gz and its format's ending."""
    return Path(Path(path).name.removesuffix(".gz")).stem
