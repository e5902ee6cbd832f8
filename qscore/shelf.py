"""What was fetched for one pair at a time, kept on this machine for the next time.

A document and a model are asked for again after some days, a map when its
entry's document describes another one. Each file has a hidden companion: a
lock, in which stands when and whence the file came.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qscore import archive, sites, tables
from qscore.documents import entry_facts
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer, UnusableEntry

KEEP_DAYS = 7
_DAY = 86400.0
_log = logging.getLogger("qscore")


def default_folder() -> Path:
    """``$XDG_CACHE_HOME/qscore/archive``, or ``~/.cache/qscore/archive``."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(root) if os.path.isabs(root) else Path.home() / ".cache") / "qscore" / "archive"


@dataclass(frozen=True)
class Servers:
    """Where one pair comes from: base of EMDB's API, bases of maps and of models (addresses or folders)."""

    api: str = sites.EMDB_API
    maps: tuple[str, ...] = sites.MAP_BASES
    models: tuple[str, ...] = sites.MODEL_BASES


def servers(environment) -> Servers:
    """The servers named by QSCORE_EMDB_API, QSCORE_MAPS and QSCORE_MODELS (space-separated), else the public ones."""
    api, maps, models = (environment.get(f"QSCORE_{name}", "").split() for name in ("EMDB_API", "MAPS", "MODELS"))
    if len(api) > 1:
        raise ValueError(f"QSCORE_EMDB_API names {len(api)} addresses; expected one")
    return Servers(*api or (Servers.api,), tuple(maps) or Servers.maps, tuple(models) or Servers.models)


def silent(name: str):
    """No progress is shown."""
    return nullcontext()


class Shelf:
    """Documents, models and maps of the archives, kept under their archive names.

    Parameters
    ----------
    folder : path-like
    web : qscore.web.Web
    servers : Servers
    refresh : bool
        Fetch again what is kept.
    progress : callable, optional
        Name of a file → context manager that gives what `qscore.transfer.bring` calls.
    now : callable
        Seconds since 1970.

    Attributes
    ----------
    remarks : list of str
        What was used although the archive could not be asked.
    """

    def __init__(self, folder, web, servers: Servers, *, refresh=False, progress=silent, now=time.time):
        self.folder, self.web, self.api = Path(folder), web, servers.api.rstrip("/")
        self.places = archive.ArchivePlaces(servers.maps, servers.models)
        self.refresh, self.progress, self.now = refresh, progress, now
        self.remarks: list[str] = []

    def facts(self, emdb_id: str) -> dict:
        """What the entry's document tells, by the keys of `qscore.facts`.

        Raises
        ------
        ValueError
            EMDB does not have the entry.
        ArchiveUnavailable
            EMDB cannot be reached, or answers with something else, and no earlier document is kept.
        """
        url = f"{self.api}/entry/{emdb_id}"
        try:
            path = self._keep(f"{emdb_id}.json", partial(self._document, emdb_id, url), self._recent)
        except Absent as err:
            raise ValueError(f"{emdb_id} is not in EMDB ({url})") from err
        return entry_facts(json.loads(path.read_text(encoding="utf-8")))

    def _document(self, emdb_id: str, url: str, path: Path) -> str:
        try:
            document = self.web.get_json(url)
        except BadAnswer as err:
            raise ArchiveUnavailable(str(err)) from err
        if entry_facts(document)["emdb_id"] != emdb_id:
            raise ArchiveUnavailable(f"{url}: the answer is no document of {emdb_id}")
        tables.write_json(path, document)
        return url

    def model(self, pdb_id: str) -> Path:
        """The mmCIF file of a PDB entry.

        Raises
        ------
        UnusableEntry
            ``model_missing``, or what the file's check says.
        ArchiveUnavailable
            No server can be reached and none is kept.
        """
        from qscore.checks import check_model

        pair = {"pdb_id": pdb_id, "model_file": f"{pdb_id}.cif.gz"}
        places = archive.model_places(self.places.models, pair)
        try:
            return self._keep(pair["model_file"], partial(self._bring, places, check_model), self._recent)
        except Absent as err:
            why = f"no model {pdb_id} in the PDB's archive: obsolete, not released, or never there"
            raise UnusableEntry("model_missing", why) from err

    def map(self, facts: dict) -> Path:
        """The map of an entry, of its `facts`; raises as `model`."""
        from qscore.checks import check_map

        places, stamp = archive.map_places(self.places.maps, facts), facts["map_stamp"]
        try:
            bring = partial(self._bring, places, check_map)
            return self._keep(facts["map_file"], bring, lambda record: record.get("stamp") == stamp, stamp=stamp)
        except Absent as err:
            raise UnusableEntry("map_missing", f"no file {facts['map_file']} of {facts['emdb_id']}: {err}") from err

    def _bring(self, places: list[str], check, path: Path) -> str:
        """Bring a file to a path; where it came from."""
        from qscore import transfer

        with self.progress(path.name) as advance:
            return transfer.bring(self.web, places, path, check=check, progress=advance).source

    def _recent(self, record: dict) -> bool:
        return abs(self.now() - record["seconds"]) < KEEP_DAYS * _DAY

    def _keep(self, name: str, fetch, fresh, *, stamp: str = "") -> Path:
        """Path of a kept file, fetched when it is not there, not fresh, or to be refreshed."""
        path = self.folder / name
        with _held(path) as companion:
            record = _record(companion, path)
            if record and not self.refresh and fresh(record):
                return path
            self._drop_part_of_another(path, stamp)
            try:
                source = fetch(path)
            except ArchiveUnavailable:
                if record is None or self.refresh:
                    raise
                self.remarks.append(f"{name}: as fetched on {record['day']}; the archive cannot be asked now")
                return path
            seconds = self.now()
            day = time.strftime("%Y-%m-%d", time.gmtime(seconds))
            about = {"seconds": seconds, "day": day, "source": source, "bytes": path.stat().st_size, "stamp": stamp}
            _write(companion, about)
        return path

    def _drop_part_of_another(self, path: Path, stamp: str) -> None:
        """A part that an earlier run left is of use only for what is wanted now."""
        from qscore import parts

        wanted = path.with_name(f".{path.name}.wanted")
        if self.refresh or not wanted.is_file() or wanted.read_text(encoding="utf-8") != stamp:
            parts.drop(parts.beside(path))
        wanted.write_text(stamp, encoding="utf-8")


@contextmanager
def _held(path: Path):
    """The companion of a file, open and locked: one process at a time fetches."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path.parent / f".{path.name}.kept", os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as err:
        why = f"cannot write to {path.parent}: {err.strerror} (XDG_CACHE_HOME names another place)"
        raise ArchiveUnavailable(why) from err
    with open(handle, "r+", encoding="utf-8") as companion:
        try:
            fcntl.flock(companion, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _log.info("waiting for %s, which another qscore is fetching", path.name)
            fcntl.flock(companion, fcntl.LOCK_EX)
        yield companion


def _record(companion, path: Path) -> dict | None:
    """What is written about a file; None when that is unreadable, or about another file."""
    try:
        record = json.loads(companion.read())
        whole = record["bytes"] == path.stat().st_size and record["seconds"] >= 0 and record["day"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if whole else None


def _write(companion, record: dict) -> None:
    companion.seek(0)
    companion.truncate()
    companion.write(json.dumps(record))
    companion.flush()
