"""Where a file of the archive lives, and bringing it: whole, or not at all.

Bases are local folders in the layout of EMDB's and wwPDB's file trees, in the
order in which they are asked. Local files are linked, not copied.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from qscore import tables
from qscore.entry import sha256
from qscore.errors import ArchiveUnavailable

MANIFEST = "manifest.json"


def map_place(base, pair: dict) -> Path:
    """``<base>/EMD-n/map/<file>``."""
    return Path(base) / pair["emdb_id"] / "map" / pair["map_file"]


def model_place(base, pair: dict) -> Path:
    """``<base>/<two letters>/<id>.cif.gz``, right for both forms of PDB ids."""
    return Path(base) / pair["pdb_id"][-3:-1] / pair["model_file"]


def table_places(root, pair: dict) -> dict[str, list[Path]]:
    """Where a pair of one's own table lies; `root` is the table's folder."""
    return {kind: [Path(root) / pair[f"{kind}_file"]] for kind in ("map", "model")}


def archive_places(maps, models, pair: dict) -> dict[str, list[Path]]:
    """Where a pair of the archive may lie, first choice first.

    Raises
    ------
    ArchiveUnavailable
        No base of maps, or none of models, is there: a missing mirror is no fact about a pair.
    """
    for bases in (maps, models):
        if not any(Path(base).is_dir() for base in bases):
            raise ArchiveUnavailable(f"no archive at {', '.join(map(str, bases))}")
    return {"map": [map_place(base, pair) for base in maps], "model": [model_place(base, pair) for base in models]}


def fetch_batch(batch, folder, places, *, workshop) -> None:
    """Bring the files of a batch into a folder that appears whole, with a manifest.

    A file that no base has is a fact about its pair, written in the manifest.

    Parameters
    ----------
    batch : path-like
        Batch file of `qscore.plan`.
    folder : path-like
        Replaced when it is there.
    places : callable
        Pair → {"map": [path, …], "model": [path, …]}.
    workshop : path-like
        Folder on the same file system in which the batch is put together.

    Raises
    ------
    ArchiveUnavailable
        No place can be reached, or the disk cannot be written.
    """
    folder, workshop = Path(folder), Path(workshop)
    try:
        workshop.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=workshop, prefix=f"{folder.name}."))
        entries = [_bring(pair, places(pair), work) for pair in tables.read_tsv(batch)]
        tables.write_json(work / MANIFEST, {"batch": Path(batch).name, "entries": entries})
        if folder.exists():
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        os.replace(work, folder)
    except OSError as err:
        raise ArchiveUnavailable(f"cannot fetch batch {Path(batch).name}: {err}") from err


def _bring(pair: dict, places: dict[str, list[Path]], work: Path) -> dict:
    """Link a pair's files; what the manifest says of it."""
    entry = {"emdb_id": pair["emdb_id"], "pdb_id": pair["pdb_id"]}
    for kind, candidates in places.items():
        source = next((place for place in candidates if place.is_file()), None)
        if source is None:
            entry[kind] = {"missing": f"not at {', '.join(map(str, candidates))}"}
            continue
        name = f"{pair['emdb_id']}_{pair['pdb_id']}_{source.name}"
        (work / name).symlink_to(source.resolve())
        entry[kind] = {"name": name, "bytes": source.stat().st_size, "sha256": sha256(source)}
    return entry


def read_manifest(folder) -> list[dict]:
    """The entries of a fetched batch, each file checked against size and digest.

    Raises
    ------
    ArchiveUnavailable
        The folder is not what was fetched: the batch is broken, not its entries.
    """
    folder = Path(folder)
    try:
        with open(folder / MANIFEST, encoding="utf-8") as stream:
            entries = json.load(stream)["entries"]
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise ArchiveUnavailable(
            f"fetched batch {folder} has no readable {MANIFEST}: run the same command again"
        ) from err
    for file in (entry[kind] for entry in entries for kind in ("map", "model")):
        if "name" in file and not _same(folder / file["name"], file):
            raise ArchiveUnavailable(
                f"{folder / file['name']} is not the file that was fetched: run the same command again"
            )
    return entries


def _same(path: Path, file: dict) -> bool:
    return path.is_file() and path.stat().st_size == file["bytes"] and sha256(path) == file["sha256"]


def is_whole(folder) -> bool:
    """Whether a fetched batch has its manifest and every file in its size (digests are not read)."""
    try:
        with open(Path(folder) / MANIFEST, encoding="utf-8") as stream:
            entries = json.load(stream)["entries"]
        files = [entry[kind] for entry in entries for kind in ("map", "model") if "name" in entry[kind]]
        return all((Path(folder) / file["name"]).stat().st_size == file["bytes"] for file in files)
    except (OSError, ValueError, KeyError, TypeError):
        return False
