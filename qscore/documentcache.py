"""Entry documents, asked for once a version: each kept as it came, under the date of its entry's last update."""

from __future__ import annotations

import gzip
import json
import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from qscore import ids, tables
from qscore.documents import leaf
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer
from qscore.facts import day
from qscore.manners import Troubled
from qscore.search import search_url

BULK = 40  # ids in one query: an address of about 1,500 characters
BULK_SECONDS = 120.0
MOST_BYTES = 500 << 20  # of the documents of one query
REFUSALS = 3  # queries in a row answered with trouble, after which documents are asked for singly
MOST_BAD = 10  # answers in a row that are no documents, before the server is to blame
_log = logging.getLogger("qscore")


class Documents(Mapping):
    """Stored documents of wanted entries, read one at a time; an entry without one is not in it.

    Parameters
    ----------
    folder : path-like
    wanted : iterable of (str, str)
        EMDB id and date of the last update, "" when not told.

    Raises
    ------
    ValueError
        What should become part of a path or an address is no EMDB id.
    """

    def __init__(self, folder, wanted: Iterable[tuple[str, str]]):
        self.folder = Path(folder)
        self.wanted = {emdb_id: day(date) for emdb_id, date in wanted}
        if strange := [name for name in self.wanted if not ids.EMDB_ID.fullmatch(name)]:
            raise ValueError(f"{strange[0]!r} is no EMDB id")

    def __iter__(self) -> Iterator[str]:
        return (emdb_id for emdb_id in self.wanted if self.path(emdb_id).is_file())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, emdb_id: str) -> dict:
        if emdb_id not in self.wanted or not self.path(emdb_id).is_file():
            raise KeyError(emdb_id)
        return _load(self.path(emdb_id))

    def path(self, emdb_id: str, ending: str = "json.gz") -> Path:
        """``<folder>/<last two digits>/EMD-n.<date>.json.gz``."""
        return self.folder / emdb_id[-2:] / f"{emdb_id}.{self.wanted[emdb_id] or 'undated'}.{ending}"

    def missing(self) -> list[str]:
        """Wanted entries whose document is neither stored nor known to be absent, in order."""
        endings = ("json.gz", "absent")
        return [name for name in self.wanted if not any(self.path(name, ending).is_file() for ending in endings)]

    def keep(self, emdb_id: str, document: dict) -> None:
        """Store a document; those of earlier dates go."""
        text = json.dumps(document, sort_keys=True, separators=(",", ":"))  # ASCII: half a surrogate pair has no UTF-8
        self._put(self.path(emdb_id), gzip.compress(text.encode(), compresslevel=6, mtime=0))

    def keep_absent(self, emdb_id: str) -> None:
        """Remember that the archive has no document of an entry of this date."""
        if self.wanted[emdb_id]:
            self._put(self.path(emdb_id, "absent"), b"")

    def _put(self, path: Path, content: bytes) -> None:
        with tables.whole_file(path, "wb") as stream:
            stream.write(content)
        for older in path.parent.glob(f"{path.name.partition('.')[0]}.*"):
            if older != path:
                older.unlink(missing_ok=True)


def _load(path: Path) -> dict:
    try:
        return json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, zlib.error, ValueError, RecursionError) as err:
        raise ValueError(f"stored document {path} cannot be read ({err}): remove it, it is asked for again") from err


def fetch(web, api: str, wanted, folder, progress: Callable = lambda *_: None) -> Documents:
    """Ask for the documents that are not stored yet; all that are stored then.

    They are asked for in bulk while that works, by `BULK` ids in one search;
    what does not come back so is asked for singly.

    Parameters
    ----------
    web : qscore.web.Web
    api : str
        Base of EMDB's API.
    wanted : iterable of (str, str)
        Of `qscore.catalogue.candidates`.
    folder : path-like
    progress : callable, optional
        Called with (done, total, label).

    Raises
    ------
    ArchiveUnavailable
        The server is silent, or in trouble for many documents in a row.
    BadAnswer
        Many answers in a row were no documents.
    """
    documents = Documents(folder, wanted)
    missing = documents.missing()
    bulk, bad = _Bulk(web, api), 0  # bad: answers in a row that were no documents
    for start in range(0, len(missing), BULK):
        chunk = missing[start : start + BULK]
        progress(start, len(missing), chunk[0])
        found = bulk.ask(chunk)
        for emdb_id in chunk:
            if emdb_id in found:
                documents.keep(emdb_id, found[emdb_id])
                bad = 0
            else:
                bad = _ask_single(web, api, documents, emdb_id, bad)
    progress(len(missing), len(missing), "done")
    return documents


def _ask_single(web, api: str, documents: Documents, emdb_id: str, bad: int) -> int:
    """Ask for one document and store it; how many answers in a row have been none."""
    try:
        documents.keep(emdb_id, one_document(web, api, emdb_id))
    except Absent:
        documents.keep_absent(emdb_id)
    except (BadAnswer, Troubled) as err:
        if bad + 1 >= MOST_BAD:
            raise
        _log.warning("%s goes without its document: %s", emdb_id, err)
        return bad + 1
    return 0


def one_document(web, api: str, emdb_id: str) -> dict:
    """The document of one entry, as it comes.

    Raises
    ------
    ValueError
        Not an EMDB id.
    Absent, BadAnswer, ArchiveUnavailable
    """
    if not ids.EMDB_ID.fullmatch(emdb_id):
        raise ValueError(f"{emdb_id!r} is no EMDB id")
    document = web.get_json(f"{api.rstrip('/')}/entry/{emdb_id}")
    if not isinstance(document, dict) or ids.emdb_id(leaf(document, "emdb_id")) != emdb_id:
        raise BadAnswer(f"what came for entry {emdb_id} is not its document")
    return document


class _Bulk:
    """Many documents by one search, as long as the server plays along."""

    def __init__(self, web, api: str):
        self.web, self.api, self.works, self.refused = web, api, None, 0

    def ask(self, emdb_ids: list[str]) -> dict[str, dict]:
        """The documents that came, by id; {} when this way is given up."""
        if self.works is False or len(emdb_ids) < 2:
            return {}
        found = self._found(emdb_ids)
        if self.works is None:
            self.works = bool(found)
        return found

    def _found(self, emdb_ids: list[str]) -> dict[str, dict]:
        query = " OR ".join(f'emdb_id:"{emdb_id}"' for emdb_id in emdb_ids)
        try:
            url = search_url(self.api, query, rows=len(emdb_ids))
            answer = self.web.get_json(url, seconds=BULK_SECONDS, most=MOST_BYTES)
        except (Absent, BadAnswer):
            return {}
        except Troubled:  # with one of these perhaps, which a single request will tell
            self.refused += 1
            self.works = self.works and self.refused < REFUSALS
            return {}
        except ArchiveUnavailable:
            if self.works:
                raise
            return {}  # it may be this query alone that the server cannot answer: a single request will tell
        self.refused = 0
        answer = answer if isinstance(answer, list) else []
        whole = [one for one in answer if isinstance(one, dict) and isinstance(one.get("admin"), dict)]
        named = {ids.emdb_id(leaf(one, "emdb_id")): one for one in whole}
        return {emdb_id: named[emdb_id] for emdb_id in emdb_ids if emdb_id in named}
