"""Where a file of the archives lives, and bringing a batch of them: whole, or not at all.

Bases are addresses or local folders in the layout of EMDB's and wwPDB's file
trees, in the order in which they are asked.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from pathlib import Path

from qscore import tables
from qscore.entry import sha256
from qscore.errors import Absent, ArchiveUnavailable, UnusableEntry
from qscore.sites import MAP_BASES, MODEL_BASES, is_url

MANIFEST = "manifest.json"
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_LONGEST_NAME = 110  # bytes: the ids before it have up to 64 each, and a file system takes 255 in all
_log = logging.getLogger("qscore")


def map_places(bases, pair: dict) -> list[str]:
    """``<base>/EMD-n/map/<file>`` at each base."""
    return [_below(base, pair["emdb_id"], "map", _plain(pair["map_file"])) for base in bases]


def model_places(bases, pair: dict) -> list[str]:
    """``<base>/<two letters>/<id>.cif.gz``, right for both forms of PDB ids; in a base with ``{id}`` the id is put."""
    pdb_id, file = _plain(pair["pdb_id"]), _plain(pair["model_file"])
    return [
        str(base).replace("{id}", pdb_id) if "{id}" in str(base) else _below(base, pdb_id[-3:-1], file)
        for base in bases
    ]


def _plain(name: str) -> str:
    """A name that is safe as a part of a path or address."""
    if not _FILE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a file or entry")
    return name


def _below(base, *parts: str) -> str:
    return "/".join((str(base).rstrip("/"), *parts)) if is_url(base) else str(Path(base, *parts))


class TablePlaces:
    """Where the pairs of one's own table lie: paths relative to the table's folder."""

    checked = False  # whatever is there is the user's; the scorer judges it

    def __init__(self, root):
        self.root = Path(root)

    def of(self, pair: dict) -> dict[str, list[str]]:
        """Kind of file → its one place."""
        return {kind: [str(self.root / pair[f"{kind}_file"])] for kind in ("model", "map")}


class ArchivePlaces:
    """Where the pairs of the archive may lie, first choice first.

    Raises
    ------
    ArchiveUnavailable
        All bases of maps, or of models, are local folders that are not there:
        a missing mirror is no fact about a pair.
    """

    checked = True

    def __init__(self, maps=MAP_BASES, models=MODEL_BASES):
        self.maps, self.models = _there(maps), _there(models)

    def of(self, pair: dict) -> dict[str, list[str]]:
        """Kind of file → its places."""
        return {"model": model_places(self.models, pair), "map": map_places(self.maps, pair)}


def _there(bases) -> list[str]:
    found = [str(base) for base in bases if is_url(base) or Path(base).is_dir()]
    if not found:
        raise ArchiveUnavailable(f"no archive at {', '.join(map(str, bases))}")
    return found


def write_places(path, places: TablePlaces | dict) -> None:
    """Where a survey's files come from → ``places.json``: a moved table or another mirror brings nothing anew."""
    content = {"root": str(places.root)} if isinstance(places, TablePlaces) else places
    tables.write_json(path, content)


def read_places(path) -> TablePlaces | ArchivePlaces:
    """``places.json`` → places.

    Raises
    ------
    ValueError
        The file is not what `write_places` writes.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if "root" in content:
            return TablePlaces(content["root"])
        return ArchivePlaces(content["maps"], content["models"])
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise ValueError(f"cannot read {path}: {err}") from err


# ---- a batch ----


def workshop_name(batch) -> str:
    """Name of the folder in which a batch is put together: another content, another folder."""
    batch = Path(batch)
    return f"{batch.name.removesuffix('.tsv')}-{sha256(batch)[:12]}"


def fetch_batch(batch, folder, places, *, workshop, web=None) -> None:
    """Bring the files of a batch into a folder that appears whole, with a manifest.

    A file that no place has, or that is damaged wherever it is, is a fact about
    its pair, written in the manifest. What an interrupted fetch brought is used.

    Parameters
    ----------
    batch : path-like
        Batch file of `qscore.plan`.
    folder : path-like
        Replaced when it is there.
    places : TablePlaces or ArchivePlaces
    workshop : path-like
        Folder on the same file system in which the batch is put together.
    web : qscore.web.Web, optional
        Needed when a place is an address.

    Raises
    ------
    ArchiveUnavailable
        No place can be reached, or the disk cannot be written.
    """
    folder, work = Path(folder), Path(workshop) / workshop_name(batch)
    try:
        work.mkdir(parents=True, exist_ok=True)
        entries = [_bring(pair, places, work, web) for pair in tables.read_tsv(batch)]
        tables.write_json(work / MANIFEST, {"batch": Path(batch).name, "entries": entries})
        _drop_others(work, entries)
        if folder.exists():
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        os.replace(work, folder)
    except OSError as err:
        raise ArchiveUnavailable(f"cannot fetch batch {Path(batch).name}: {err}") from err


def _bring(pair: dict, places, work: Path, web) -> dict:
    """Bring a pair's files, the smaller first: what the manifest says of it."""
    entry = {"emdb_id": pair["emdb_id"], "pdb_id": pair["pdb_id"]}
    for kind, candidates in places.of(pair).items():
        try:
            entry[kind] = _file(work / _local_name(pair, kind, places), candidates, kind, places, web)
        except UnusableEntry as trouble:
            entry["unusable"] = {"reason": trouble.reason, "detail": str(trouble)}
            _log.info("%s %s: %s", pair["emdb_id"], pair["pdb_id"], trouble)
            break
    return entry


def _local_name(pair: dict, kind: str, places) -> str:
    """Name in the batch's folder; a map of the archive is shared by the pairs of its entry."""
    file = _short(Path(pair[f"{kind}_file"]).name)
    if kind == "map" and isinstance(places, ArchivePlaces):
        return f"{pair['emdb_id']}_{file}"
    if kind == "map" and file == _short(Path(pair["model_file"]).name):
        file = f"map_{file}"  # of one name in two folders
    return f"{pair['emdb_id']}_{pair['pdb_id']}_{file}"


def _short(name: str) -> str:
    """The end of a long name, so that there is room for the ids before it."""
    return name.encode()[-_LONGEST_NAME:].decode(errors="ignore")


def _file(path: Path, candidates: list[str], kind: str, places, web) -> dict:
    """Bring one file unless an interrupted fetch did; its line in the manifest."""
    from qscore import checks, transfer

    if not path.is_file():
        check = {"map": checks.check_map, "model": checks.check_model}[kind] if places.checked else None
        try:
            arrived = transfer.bring(web, candidates, path, check=check)
        except Absent as err:
            raise UnusableEntry(f"{kind}_missing", str(err)) from err
        _log.info("%s: %.1f MB from %s", path.name, arrived.bytes / 1e6, arrived.source)
    return {
        "name": path.name,
        "bytes": path.stat().st_size,
        "crc32": checks.crc32(path),
        "sha256": sha256(path),
    }


def _drop_others(work: Path, entries: list[dict]) -> None:
    """Remove what is not in the manifest: half-brought files of pairs that turned out unusable."""
    keep = {MANIFEST} | {entry[kind]["name"] for entry in entries for kind in ("map", "model") if kind in entry}
    for path in work.iterdir():
        if path.name not in keep:
            path.unlink()


def read_manifest(folder) -> list[dict]:
    """The entries of a fetched batch, each file checked against size and CRC.

    Raises
    ------
    ArchiveUnavailable
        The folder is not what was fetched: the batch is broken, not its
        entries. It loses its manifest, so that it is fetched again.
    """
    from qscore.checks import crc32

    folder = Path(folder)
    entries = _manifest(folder)
    if entries is None:
        raise ArchiveUnavailable(f"fetched batch {folder} has no readable {MANIFEST}: run the same command again")
    for file in _files(entries):
        path = folder / file["name"]
        if not (path.is_file() and path.stat().st_size == file["bytes"] and crc32(path) == file["crc32"]):
            (folder / MANIFEST).unlink()
            raise ArchiveUnavailable(f"{path} is not the file that was fetched: run the same command again")
    return entries


def _manifest(folder: Path) -> list[dict] | None:
    """The entries of a manifest; None when it is not readable as one."""
    try:
        with open(folder / MANIFEST, encoding="utf-8") as stream:
            entries = json.load(stream)["entries"]
        return entries if all(file["name"] and file["bytes"] >= 0 for file in _files(entries)) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _files(entries: list[dict]):
    for entry in entries:
        yield from (entry[kind] for kind in ("map", "model") if kind in entry)


def is_whole(folder) -> bool:
    """Whether a fetched batch has its manifest and every file in its size (contents are not read)."""
    entries = _manifest(Path(folder))
    if entries is None:
        return False
    try:
        return all((Path(folder) / file["name"]).stat().st_size == file["bytes"] for file in _files(entries))
    except OSError:
        return False
