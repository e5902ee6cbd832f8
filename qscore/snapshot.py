"""What EMDB says on a day, kept: its search's answer, and the entry documents that are needed."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qscore import search, tables
from qscore.documentcache import Documents
from qscore.documentcache import fetch as documents
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer

__all__ = ["Documents", "Snapshot", "documents", "read", "take", "take_listed"]

ANSWER, FACTS, NEXT = "search.csv.gz", "search.json", "search-next.csv.gz"
MOST_BYTES = 500 << 20  # of one page
TRIES = 3  # of a page that breaks off
LEAST_KEPT = 0.9  # share of the stored entries that a new answer must bring
SEARCH_SECONDS = 600.0  # the archive takes minutes to write its whole index as one CSV
MOST_PAGES = 1000


@dataclass(frozen=True)
class Snapshot:
    """A stored snapshot: what is said of it (``search.json``), and the search's answer, read; None for listed ids."""

    facts: dict
    answer: search.Answer | None


def take(web, api: str, folder, *, query: str = "*:*", rows: int = 200_000, today: str) -> dict:
    """Ask for all entries; write ``search.csv.gz`` and ``search.json`` and return what the latter says.

    Where the server refuses columns that are not proven, the proven ones are
    asked for. One request is the whole archive; if it brings exactly `rows`
    rows, further pages are asked for until one has no new id.

    Parameters
    ----------
    web : qscore.web.Web
    api : str
        Base of EMDB's API.
    folder : path-like
    query : str
        Solr query.
    rows : int
        Asked for at once.
    today : str
        Year-month-day that the snapshot bears.

    Raises
    ------
    BadAnswer
        What comes is not the CSV, or has far fewer entries than the same query brought before.
    ArchiveUnavailable
    """
    content, fields, pages = _all_pages(web, api, query, rows)
    answer = search.read_search(content)
    _check_against_stored(Path(folder), query, len(answer.records))
    facts = {
        "date": today,
        "query": query,
        "url": search.search_url(api, query, fl=",".join(fields), wt="csv", rows=rows),
        "fields_asked": list(fields),
        "fields_returned": list(answer.fields),
        "fields_missing": answer.missing,
        "pages": pages,
        "rows": answer.rows,
        "damaged_rows": answer.damaged,
        "entries": len(answer.records),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    _store(Path(folder), content, facts)
    return facts


def _check_against_stored(folder: Path, query: str, entries: int) -> None:
    """An answer that lost a tenth of the archive is a server's bad day."""
    try:
        stored = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        known = stored["entries"] if stored["query"] == query else 0
    except (OSError, ValueError, KeyError, TypeError):
        return
    if entries < LEAST_KEPT * known:
        raise BadAnswer(
            f"the search brought {entries:,} entries, the stored catalogue has {known:,}: kept; "
            f"to take it all the same remove {folder}"
        )


def _store(folder: Path, content: bytes, facts: dict) -> None:
    """Answer and facts, so that a kill at any point leaves one that belongs to the other (see `_stored_answer`)."""
    with tables.whole_file(folder / NEXT, "wb") as stream:
        stream.write(gzip.compress(content, mtime=0))
    tables.write_json(folder / FACTS, facts)
    (folder / NEXT).replace(folder / ANSWER)


def _stored_answer(folder: Path, digest: str) -> bytes | None:
    """The answer of a digest: under its own name, or under that from which a killed run did not rename it."""
    for name in (ANSWER, NEXT):
        if name == ANSWER or (folder / name).is_file():
            content = gzip.decompress((folder / name).read_bytes())
            if hashlib.sha256(content).hexdigest() == digest:
                return content
    return None


def take_listed(folder, listed, *, today: str) -> dict:
    """A snapshot of listed ids, without a search: write ``search.json`` and return what it says.

    Parameters
    ----------
    listed : iterable of str
        `only_ids` of a `qscore.admission.CatalogueRule`.
    """
    entries = list(dict.fromkeys(name.partition("/")[0] for name in listed))
    facts = {"date": today, "query": None, "listed": entries, "entries": len(entries)}
    for name in (ANSWER, NEXT):
        (Path(folder) / name).unlink(missing_ok=True)
    tables.write_json(Path(folder) / FACTS, facts)
    return facts


def read(folder) -> Snapshot:
    """A stored snapshot.

    Raises
    ------
    ValueError
        There is none, or its files do not belong together.
    """
    folder = Path(folder)
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if facts["query"] is None:
            return Snapshot(facts, None)
        content = _stored_answer(folder, facts["sha256"])
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as err:
        raise ValueError(f"no snapshot of the archive in {folder}: {' '.join(str(err).split())}") from err
    if content is None:
        raise ValueError(f"snapshot {folder}: {ANSWER} is not what {FACTS} tells of; take it again")
    return Snapshot(facts, search.read_search(content))


# ---- the search's pages ----


def _all_pages(web, api: str, query: str, rows: int) -> tuple[bytes, tuple[str, ...], int]:
    """One CSV of all pages, the columns asked for, and the number of pages asked for."""
    body, fields = _first_page(web, api, query, rows)
    count, known = search.count(body)
    if count < rows and not (_is_round(count) and _goes_on(web, api, query, fields, count, known)):
        return body, fields, 1
    rows = min(rows, count)
    whole = [body.rstrip(b"\r\n")]
    for page in range(2, MOST_PAGES):
        more = _page(web, search.search_url(api, query, fl=",".join(fields), wt="csv", rows=rows, page=page))
        count, named = search.count(more)
        if named <= known:
            break
        known |= named
        whole.append(more.split(b"\n", 1)[1].rstrip(b"\r\n"))
        if count < rows:
            break
    return b"\n".join(whole) + b"\n", fields, page


def _goes_on(web, api: str, query: str, fields, count: int, known: set[str]) -> bool:
    """Whether more entries follow where fewer than asked came, in a number that may be a server's own limit."""
    try:
        page = _page(web, search.search_url(api, query, fl=",".join(fields), wt="csv", rows=count, page=2))
    except (Absent, BadAnswer):
        return False
    return not search.count(page)[1] <= known


def _first_page(web, api: str, query: str, rows: int) -> tuple[bytes, tuple[str, ...]]:
    """The first page with all columns, or with the proven ones where those are not to be had."""
    fields = _welcome_fields(web, api, query)
    try:
        return _page(web, search.search_url(api, query, fl=",".join(fields), wt="csv", rows=rows)), fields
    except BadAnswer:
        if fields == search.SEEN:
            raise
    return _page(web, search.search_url(api, query, fl=",".join(search.SEEN), wt="csv", rows=rows)), search.SEEN


def _welcome_fields(web, api: str, query: str) -> tuple[str, ...]:
    """The columns a server takes, tried by one row.

    A server may answer an unknown column with an error of its own (500), for
    which it would be waited as for a server that is down.
    """
    takes = partial(_takes, web, api, query)
    refused = not takes(search.FIELDS) and takes(search.SEEN) and not takes(search.FIELDS)
    return search.SEEN if refused else search.FIELDS


def _takes(web, api: str, query: str, fields: tuple[str, ...]) -> bool:
    """Whether a search with these columns is answered, in a single try."""
    try:
        url = search.search_url(api, query, fl=",".join(fields), wt="csv", rows=1)
        return web.probe(url, method="GET").status < 300
    except (ArchiveUnavailable, BadAnswer):
        return False


def _page(web, url: str) -> bytes:
    """A page whose last row is whole; one that breaks off is asked for again."""
    for tries in range(1, TRIES + 1):
        body = web.get(url, seconds=SEARCH_SECONDS, most=MOST_BYTES)
        search.check_header(body)
        try:
            search.check_end(body)
            break
        except BadAnswer:
            if tries == TRIES:
                raise
    return body


def _is_round(count: int) -> bool:
    """10, 100, 1,000, …"""
    return count >= 10 and set(str(count)[1:]) == {"0"} and str(count)[0] == "1"
