"""The second look at the entries of a batch: what their pages show, and what frame their models would rather have.

Each entry is looked at in a forked child of its own, as `qscore.batch` scores it.
"""

from __future__ import annotations

import gzip
import math
import os
import shutil
import tempfile
import zlib
from functools import partial
from pathlib import Path

import numpy as np

from qscore import archive, batch, evidence, frames, tables
from qscore.density import HEADER_BYTES, Density, MapHeader, parse_header, read_density
from qscore.errors import UnusableEntry
from qscore.ids import pair_stem
from qscore.isolation import Limits, isolated
from qscore.model import Model, read_model

MOST_POINTS = 600**3  # of a map read whole: 0.9 GB
BOX_MARGINS = (80.0, 40.0, 20.0, 10.0)  # Å around the model in a larger one
LIMITS = Limits(base_seconds=180.0, seconds_per_mb=4.0)


def examine_batch(fetched, batch_file, out, *, limits: Limits = LIMITS, look=None) -> None:
    """Look at the entries of a fetched batch once more.

    Leaves ``frames.parquet``, ``profiles.parquet``, ``traces.parquet`` and the models with Q in ``models/``
    (`ids.pair_stem` with ``.cif.gz``).

    Parameters
    ----------
    fetched : path-like
        Folder of `qscore.archive.fetch_batch`.
    batch_file : path-like
        The batch as planned: `tables.EXAMINED` as text, for the resolutions. Text, because
        reading Parquet starts threads, beside which nothing may fork.
    out : path-like
        Folder of the result.
    limits : Limits
        What one entry may use.
    look : callable, optional
        What a child runs: (map path, model path, resolution, ids, folder) → columns of `tables.FRAMES` but the ids;
        what it leaves in the folder is the entry's evidence. `look_closer` by default.

    Raises
    ------
    ArchiveUnavailable
        The fetched folder is broken.
    ValueError
        The batch file cannot be read, or holds a resolution that is no number.
    """
    out = Path(out)
    told = batch.planned(batch_file)
    entries = archive.read_manifest(fetched)
    out.mkdir(parents=True, exist_ok=True)
    act = partial(_examined, fetched=Path(fetched), told=told, look=look or look_closer)
    with tempfile.TemporaryDirectory(dir=out, prefix=".examining-") as work:
        folders = [Path(work) / str(n) for n in range(len(entries))]
        found = isolated(entries, folders, act, limits=limits)
        _collect(entries, folders, out)
    rows = [_row(pair, row) for pair, row in zip(entries, found, strict=True)]
    tables.write_parquet(out / "frames.parquet", tables.FRAMES, tables.as_columns(tables.FRAMES, rows))


def _collect(entries: list[dict], folders: list[Path], out: Path) -> None:
    """What the children left, whatever became of them: their tables as one, their models side by side."""
    shutil.rmtree(out / "models", ignore_errors=True)
    (out / "models").mkdir()
    for pair, folder in zip(entries, folders, strict=True):
        if (model := folder / evidence.MODEL).is_file():
            os.replace(model, out / "models" / f"{pair_stem(pair['emdb_id'], pair['pdb_id'])}.cif.gz")
    for layout in evidence.TABLES:
        name = evidence.FILES[layout.name]
        tables.concatenate(out / name, filter(Path.is_file, (folder / name for folder in folders)), layout=layout)


def look_closer(map_path, model_path, resolution: float, ids: dict, folder) -> dict:
    """The evidence of one pair, left in a folder, and its frames: see `look_for_frames`.

    Parameters
    ----------
    map_path, model_path, resolution
        As for `look_for_frames`.
    ids : dict
        emdb_id and pdb_id.
    folder : path-like
    """
    model, density, note = _opened(map_path, model_path)
    evidence.leave(evidence.gather(density, model), folder, ids, model=model, model_file=model_path)
    return frames.frame_row(frames.search(density, model, resolution)) | {"detail": note}


def look_for_frames(map_path, model_path, resolution: float) -> dict:
    """The frames of one pair: columns of `tables.FRAMES` but the ids.

    Parameters
    ----------
    map_path, model_path : path-like
    resolution : float
        Å; NaN where it is not known.

    Returns
    -------
    dict
        See `qscore.frames.frame_row`; ``detail`` says how far a map was searched that is too large.

    Raises
    ------
    UnusableEntry
        The pair cannot be read, or even the box around the model exceeds 600³ points.
    """
    model, density, note = _opened(map_path, model_path)
    return frames.frame_row(frames.search(density, model, resolution)) | {"detail": note}


def _opened(map_path, model_path) -> tuple[Model, Density, str]:
    model = read_model(model_path)
    return model, *wide_density(map_path, model.position[np.isfinite(model.position).all(axis=1)])


def wide_density(path, atoms: np.ndarray) -> tuple[Density, str]:
    """The whole map, or of one of more than 600³ points the largest box around the model that has no more.

    Parameters
    ----------
    path : path-like
    atoms : ndarray, shape (n, 3)
        Finite, Å, x y z.

    Returns
    -------
    Density
    str
        How far around the model the box reaches; empty for the whole map.

    Raises
    ------
    UnusableEntry
        The map cannot be read; ``out_of_memory``: 10 Å around the model are too much; ``model_outside_map``.
    """
    header = _header(Path(path))
    if header is None or np.prod(header.shape, dtype=float) <= MOST_POINTS:
        return read_density(path), ""
    for margin in BOX_MARGINS:
        points = (np.ptp(atoms, axis=0) + 2 * margin) / header.step + 4
        if np.prod(np.minimum(points, header.in_xyz(header.shape))) <= MOST_POINTS:
            density = read_density(path, atoms, margin=margin)
            return _not_empty(density, path), f"searched within {margin:g} Å of the model: {header.shape} points"
    raise UnusableEntry("out_of_memory", f"the box around the model exceeds {MOST_POINTS:,} points")


def _not_empty(density: Density, path) -> Density:
    if not density.values.size:
        raise UnusableEntry("model_outside_map", f"no atom near {Path(path).name}, which is too large to search")
    return density


def _header(path: Path) -> MapHeader | None:
    """The header of a map; None where it cannot be reached, of which `read_density` knows the reason."""
    try:
        with open(path, "rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.open(raw) if zipped else raw as stream:
                return parse_header(stream.read(HEADER_BYTES), path.name)
    except (OSError, EOFError, zlib.error):
        return None


def _examined(pair: dict, folder: Path, *, fetched: Path, told: dict, look) -> dict:
    ids = {key: pair[key] for key in ("emdb_id", "pdb_id")}
    resolution = told.get(tuple(ids.values()), {}).get("resolution")
    resolution = math.nan if resolution is None else resolution
    return look(fetched / pair["map"]["name"], fetched / pair["model"]["name"], resolution, ids, folder)


def _row(pair: dict, found: dict | UnusableEntry) -> dict:
    """The row of an entry, whatever happened to it."""
    if isinstance(found, UnusableEntry):
        found = {"status": "unusable", "reason": found.reason, "detail": str(found)}
    return {"emdb_id": pair["emdb_id"], "pdb_id": pair["pdb_id"], **found}
