"""Q as the archive publishes it: asked for many entries at once, else read from validation reports."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from xml.parsers import expat

from qscore import tables
from qscore.errors import Absent, BadAnswer
from qscore.facts import day
from qscore.ids import PDB_ID, pdb_id
from qscore.manners import Troubled
from qscore.resolutions import number

AT_ONCE = 200  # ids of one request
REFUSALS = 2  # answers in a row that cannot be used, after which GraphQL is not asked again
MOST_TROUBLE = 10  # reports in a row that were answered with trouble (5xx), before the server is to blame
MOST_PACKED = 256 << 20  # bytes of a validation report as it comes
MOST_READ = 16 << 20  # bytes of it within which the summary stands: it is the first element
GRAPHQL, REPORT = "RCSB GraphQL", "validation report"
NOT_PUBLISHED, NO_ANSWER = "not published", "no readable answer"
NOT_AN_ID, NOT_ASKED = "not a PDB id", "not asked"
QUERY = """query published($ids: [String!]!) {
  entries(entry_ids: $ids) {
    rcsb_id
    rcsb_accession_info { revision_date }
    pdbx_vrpt_summary_em { Q_score }
  }
}"""


@dataclass(frozen=True)
class Published:
    """What the archive publishes of a PDB entry, in its primary map.

    Attributes
    ----------
    q : float or None
        Mean Q, σ 0.4 Å, 3 decimals: over non-hydrogen atoms but waters, an atom without score counting 0.
    source : str
        Where it was read, or why there is none.
    model_revision : str or None
        Date of the entry's last revision, year-month-day.
    """

    q: float | None
    source: str
    model_revision: str | None = None


def fetch_for(pairs: Sized, *, mode: str = "auto", most: int = 2000) -> bool:
    """Whether published Q is asked for: "yes", "no", or "auto", for at most `most` pairs.

    Raises
    ------
    ValueError
        Another mode.
    """
    if mode not in ("auto", "yes", "no"):
        raise ValueError(f"published Q {mode!r}; expected auto, yes or no")
    return mode == "yes" or (mode == "auto" and len(pairs) <= most)


def ask(
    web,
    ids: Iterable[str],
    *,
    graphql: str | None,
    reports: Sequence[str] = (),
    known: Iterable[Mapping] = (),
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Published]:
    """Published Q of PDB entries.

    Many ids go into one GraphQL request. What that does not settle (no such
    field, an answer that cannot be used, errors beside the data) is read from
    the entry's validation report.

    Parameters
    ----------
    web : Web
        Asks with patience and manners.
    ids : iterable of str
        PDB ids of either form, lower case; what is none is not asked.
    graphql : str or None
        Address of RCSB's GraphQL service; None asks the reports alone.
    reports : sequence of str
        Trees of validation reports, addresses or local folders, in order.
    known : iterable of mapping
        Rows of an earlier `tables.PUBLISHED`: those with a Q are not asked again.
    progress : callable, optional
        Of ids done and ids wanted.

    Returns
    -------
    dict
        `Published` by id, one for every id.

    Raises
    ------
    ArchiveUnavailable
        A server could not be reached in all patience, or was in trouble for many reports in a row.
    """
    wanted = list(dict.fromkeys(ids))
    answers = _remembered(wanted, known)
    answers |= {one: Published(None, NOT_AN_ID) for one in wanted if not PDB_ID.fullmatch(one)}
    left = [one for one in wanted if one not in answers]
    done, refused = len(answers), 0 if graphql else REFUSALS
    from_report = _Reports(web, reports)
    for batch in (left[first : first + AT_ONCE] for first in range(0, len(left), AT_ONCE)):
        found = _ask_together(web, graphql, batch) if refused < REFUSALS else None
        refused = refused + 1 if found is None else 0
        for one in batch:
            answers[one] = (found or {}).get(one) or from_report.ask(one)
            done += 1
            if progress:
                progress(done, len(wanted))
    return {one: answers[one] for one in wanted}


def _remembered(wanted: list[str], known: Iterable[Mapping]) -> dict[str, Published]:
    earlier = {row["pdb_id"]: row for row in known if row.get("q_published") is not None}
    columns = ("q_published", "published_source", "model_revision")
    return {one: Published(*(earlier[one][key] for key in columns)) for one in wanted if one in earlier}


# ---- GraphQL ----


def _ask_together(web, graphql: str, ids: Sequence[str]) -> dict[str, Published] | None:
    body = {"query": QUERY, "variables": {"ids": [one.upper() for one in ids]}}
    try:
        return understood(web.post_json(graphql, body), ids)
    except (Absent, BadAnswer, Troubled):
        return None


def understood(answer, ids: Sequence[str]) -> dict[str, Published] | None:
    """What a GraphQL answer settles about the ids asked.

    An entry that is not in an answer without errors is one RCSB does not know.
    Beside errors only a Q that came settles anything, and an answer that holds
    none of the ids settles nothing.

    Returns
    -------
    dict or None
        `Published` by id; None when the answer cannot be used.
    """
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), dict):
        return None
    entries = {pdb_id(_text(entry, "rcsb_id")): entry for entry in _listed(answer["data"].get("entries"))}
    found = {one: _of_entry(entries[pdb_id(one)]) for one in ids if pdb_id(one) in entries}
    if answer.get("errors"):
        found = {one: published for one, published in found.items() if published.q is not None}
    elif found:
        found |= {one: Published(None, NOT_PUBLISHED) for one in ids if one not in found}
    return found or None


def _of_entry(entry: dict) -> Published:
    values = (usable_q(one.get("Q_score")) for one in _listed(entry.get("pdbx_vrpt_summary_em")))
    q = next((value for value in values if value is not None), None)
    revised = [_text(one, "revision_date") for one in _listed(entry.get("rcsb_accession_info"))]
    return Published(q, NOT_PUBLISHED if q is None else GRAPHQL, day(next(iter(revised), "")) or None)


def _listed(value) -> list[dict]:
    """A list, a bare object or nothing → the objects."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def _text(entry: dict, key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def usable_q(value) -> float | None:
    """A published Q, number or text, where it is one: −1 to 1."""
    q = None if isinstance(value, bool) else number(value)
    return q if q is not None and -1 <= q <= 1 else None


# ---- validation reports ----


def report_place(base: str, entry: str) -> str:
    """Address of an entry's validation report below an address or a local folder."""
    if "://" not in base and not base.startswith("file:"):
        base = Path(base).absolute().as_uri()
    return f"{base.rstrip('/')}/{entry[-3:-1]}/{entry}/{entry}_validation.xml.gz"


class _Reports:
    """Trees of reports, as long as they are not in trouble for one entry after the other."""

    def __init__(self, web, trees: Sequence[str]):
        self.web, self.trees, self.troubled = web, trees, 0

    def ask(self, entry: str) -> Published:
        """From the first tree that has a readable report."""
        missing, trouble = NOT_PUBLISHED if self.trees else NO_ANSWER, None
        for base in self.trees:
            try:
                body = self.web.get(report_place(base, entry), most=MOST_PACKED, brief=True)
                self.troubled = 0
                return read_report(body, entry)
            except Absent:
                continue
            except BadAnswer:
                missing = NO_ANSWER
            except Troubled as err:
                missing, trouble = NO_ANSWER, err
        self.troubled = self.troubled + 1 if trouble else 0
        if self.troubled >= MOST_TROUBLE:
            raise trouble
        return Published(None, missing)


def read_report(packed: bytes, entry: str) -> Published:
    """Q and revision date of a validation report (XML, gzip-compressed or not).

    Only the start of the file is read, up to the element that holds both.

    Raises
    ------
    BadAnswer
        It is no validation report, or that of another entry.
    """
    facts = _entry_attributes(packed)
    named = facts.get("pdbid", entry)
    if pdb_id(named) != pdb_id(entry):
        raise BadAnswer(f"validation report of {entry}: it is that of {named[:20]!r}")
    q = usable_q(facts.get("q_score"))
    return Published(q, NOT_PUBLISHED if q is None else REPORT, day(facts.get("pdb-revision-date")) or None)


def _entry_attributes(packed: bytes) -> dict[str, str]:
    """Attributes of the first ``Entry`` element, their names in small letters."""
    found: list[dict[str, str]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = partial(_note_entry, found)
    parser.StartDoctypeDeclHandler = _refuse
    try:
        for piece in _pieces(packed):
            parser.Parse(piece, False)
            if found:
                return found[0]
    except (expat.ExpatError, OSError, EOFError, zlib.error) as err:
        raise BadAnswer(f"validation report: {err}") from err
    raise BadAnswer("validation report: no Entry in it")


def _note_entry(found: list[dict[str, str]], name: str, attributes: dict[str, str]) -> None:
    if not found and name.split(":")[-1] == "Entry":
        found.append({key.lower(): value for key, value in attributes.items()})


def _refuse(*_):
    """Reports have no document type: without one no entity can be declared, and none grows or reaches elsewhere."""
    raise BadAnswer("validation report: a document type declaration")


def _pieces(packed: bytes):
    """The bytes, decompressed when they are gzip, up to `MOST_READ`."""
    raw = io.BytesIO(packed)
    with gzip.GzipFile(fileobj=raw) if packed[:2] == b"\x1f\x8b" else raw as stream:
        for _ in range(MOST_READ >> 16):
            if not (piece := stream.read(1 << 16)):
                return
            yield piece


# ---- the table ----


def rows(pairs: Iterable[Mapping], answers: Mapping[str, Published]) -> list[dict]:
    """A row of `tables.PUBLISHED` for every pair, also where nothing is published."""
    return [_row(pair, answers.get(pair["pdb_id"], Published(None, NOT_ASKED))) for pair in pairs]


def _row(pair: Mapping, answer: Published) -> dict:
    keys = {"emdb_id": pair["emdb_id"], "pdb_id": pair["pdb_id"]}
    facts = {"q_published": answer.q, "published_source": answer.source, "model_revision": answer.model_revision}
    return keys | facts


def write(folder, pairs: Iterable[Mapping], answers: Mapping[str, Published]) -> None:
    """Write ``published.parquet`` and ``published.tsv``, one row a pair."""
    columns = tables.as_columns(tables.PUBLISHED, rows(pairs, answers))
    tables.write_tsv(Path(folder) / "published.tsv", tables.PUBLISHED, columns)
    tables.write_parquet(Path(folder) / "published.parquet", tables.PUBLISHED, columns)
