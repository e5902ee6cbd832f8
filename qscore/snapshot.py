"""What EMDB says on a day, kept: its search's answer, and the entry documents that are needed."""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qscore import search, tables
from qscore.documentcache import Documents
from qscore.documentcache import fetch as documents
from qscore.errors import ArchiveUnavailable, BadAnswer

__all__ = ["Documents", "Snapshot", "documents", "read", "take", "take_listed"]

ANSWER, FACTS = "search.csv.gz", "search.json"
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
        What comes is not the CSV.
    ArchiveUnavailable
    """
    content, fields, pages = _all_pages(web, api, query, rows)
    answer = search.read_search(content)
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
    with tables.whole_file(Path(folder) / ANSWER, "wb") as stream:
        stream.write(gzip.compress(content, mtime=0))
    tables.write_json(Path(folder) / FACTS, facts)
    return facts


def take_listed(folder, listed, *, today: str) -> dict:
    """A snapshot of listed ids, without a search: write ``search.json`` and return what it says.

    Parameters
    ----------
    listed : iterable of str
        `only_ids` of a `qscore.admission.CatalogueRule`.
    """
    entries = list(dict.fromkeys(name.partition("/")[0] for name in listed))
    facts = {"date": today, "query": None, "listed": entries, "entries": len(entries)}
    (Path(folder) / ANSWER).unlink(missing_ok=True)
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
        content = gzip.decompress((folder / ANSWER).read_bytes())
        whole = hashlib.sha256(content).hexdigest() == facts["sha256"]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as err:
        raise ValueError(f"no snapshot of the archive in {folder}: {' '.join(str(err).split())}") from err
    if not whole:
        raise ValueError(f"snapshot {folder}: {ANSWER} is not what {FACTS} tells of; take it again")
    return Snapshot(facts, search.read_search(content))


# ---- the search's pages ----


def _all_pages(web, api: str, query: str, rows: int) -> tuple[bytes, tuple[str, ...], int]:
    """One CSV of all pages, the columns asked for, and the number of pages asked for."""
    body, fields = _first_page(web, api, query, rows)
    count, known = search.count(body)
    if count < rows:
        return body, fields, 1
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
    body = web.get(url, seconds=SEARCH_SECONDS)
    search.check_header(body)
    return body
