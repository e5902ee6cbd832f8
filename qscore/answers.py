"""What the archives' services answer, judged by the contract: pure functions of what came, however absurd."""

from __future__ import annotations

import csv
import io

from qscore import documentcache, documents, ids, published, search
from qscore.errors import BadAnswer
from qscore.verdicts import AGREES, DIFFERS, Finding, Probe, short, verdict

# Without one of each of these there is no catalogue.
NEEDED_COLUMNS = (
    ("emdb_id",), ("fitted_pdbs", "xref_PDB"), ("map_release_date", "current_status"), ("resolution",),
    ("resolution_method",), ("structure_determination_method",),
)  # fmt: skip
ENTRY = "EMD-25107"
# The stored document of EMD-25107, as far as a survey reads it; keys of `documents.entry_facts`.
ENTRY_FACTS = {
    "emdb_id": ENTRY,
    "status": "REL",
    "method": "singleParticle",
    "resolution": 3.97,
    "resolution_method": "FSC 0.143 CUT-OFF",
    "point_group": "C3",
    "models": (("7sgd", "FULLOVERLAP"),),
    "map_file": "emd_25107.map.gz",
    "map_grid": "220 220 220",
    "contour_level": 0.02,
}
TOGETHER = (ENTRY, "EMD-11638")
PUBLISHED_ID, PUBLISHED_Q = "7a4m", 0.911
ROUNDING = 0.0005
MOST_OFF = 0.02  # share of ids that search and holdings may disagree on: they are made at different hours
FLAG = "admin.composite_map"


# ---- 1: search ----


def columns(body: bytes, refused: str = "") -> Probe:
    """Five rows of the search with the columns a catalogue asks for.

    Parameters
    ----------
    body : bytes
    refused : str
        What the server said to the unproven columns, when it was asked without them after that.
    """
    needed = [" or ".join(names) for names in NEEDED_COLUMNS]
    expected = f"5 rows with {', '.join(needed)}"
    try:
        answer = search.read_search(body)
    except BadAnswer as err:
        return Probe(1, "search", DIFFERS, expected, short(err))
    lacking = [text for text, names in zip(needed, NEEDED_COLUMNS, strict=True) if not set(names) & set(answer.fields)]
    came = f"{answer.rows} rows of {len(answer.fields)} columns" + (f", no {', '.join(lacking)}" if lacking else "")
    good = answer.rows > 0 and not lacking and not answer.damaged
    return Probe(1, "search", verdict(good), expected, came, findings=tuple(_search_findings(answer, refused)))


def _search_findings(answer: search.Answer, refused: str):
    if answer.rows > 5:
        yield Finding(f"`rows` is not kept to: {answer.rows} came", "the catalogue is one answer in any case")
    if refused:
        yield Finding(f"columns that are not proven are refused: {short(refused)}", "asked again without them")
    for name in search.FIELDS:
        if name not in answer.fields and not (refused and name in search.UNPROVEN):
            yield Finding(f"no column {name}", "read from the entry document where that has it, else not known")
    if not refused and not set(search.UNPROVEN) - set(answer.fields):
        yield Finding(f"unproven columns come: {', '.join(search.UNPROVEN)}", "used")


def fitted_query(body: bytes) -> tuple[Finding, ...]:
    """Rows of the query `fitted_pdbs:[* TO *]`: does it work, and in which dialect do models come?"""
    rows = rows_of(body)
    filled = [row for row in rows if row.get("fitted_pdbs")]
    works = bool(rows) and len(filled) == len(rows)
    then = "entries without a model are sorted out here, whatever the query; it may be set in the configuration"
    found = Finding(f"the query fitted_pdbs:[* TO *] {'works' if works else 'does not work'}", then)
    return (found, dialect(filled)) if filled else (found,)


def rows_of(body: bytes) -> list[dict[str, str]]:
    """Rows of a search's answer as text, whatever its columns; [] when it is no CSV with ``emdb_id``."""
    text = io.StringIO(body.decode("utf-8-sig", errors="replace"), newline="")
    try:
        rows = list(csv.DictReader(text, restkey="", restval=""))
    except csv.Error:
        return []
    return rows if rows and "emdb_id" in rows[0] else []


def ids_of(body: bytes) -> set[str]:
    """EMDB ids in a search's answer."""
    return {one for one in (ids.emdb_id(row["emdb_id"]) for row in rows_of(body)) if ids.EMDB_ID.fullmatch(one)}


def dialect(rows: list[dict[str, str]]) -> Finding:
    """How models are written in the search's cells: rows with ``emdb_id`` and a filled ``fitted_pdbs``."""
    cells = [search.cells(row["fitted_pdbs"]) for row in rows]
    models = [one for cell in cells for one in cell]
    if odd := [one for one in models if not ids.PDB_ID.fullmatch(ids.pdb_id(one))]:
        return Finding(f"fitted_pdbs holds what is no PDB id: {short(odd[0], 40)!r}", "such pairs are left out")
    kinds = {
        "several ids in a cell": any(len(set(cell)) > 1 for cell in cells),
        "an id repeated in its cell": any(len(set(cell)) < len(cell) for cell in cells),
        "an entry in several rows": len({row.get("emdb_id") for row in rows}) < len(rows),
        "upper case": any(one != one.lower() for one in models),
        "extended ids": any(one.lower().startswith("pdb_") for one in models),
    }
    said = [kind for kind, so in kinds.items() if so] or ["one id in lower case a cell"]
    return Finding(f"fitted_pdbs: {', '.join(said)}", "read as pairs, each once")


def together(answer) -> Finding:
    """Documents of several ids asked for by `emdb_id:"…" OR emdb_id:"…"`."""
    found = answer if isinstance(answer, list) else []
    whole = [one for one in found if isinstance(one, dict) and isinstance(one.get("admin"), dict)]
    if {ids.emdb_id(documents.leaf(one, "emdb_id")) for one in whole} >= set(TOGETHER):
        return Finding("documents of several ids come in one request", f"asked for by {documentcache.BULK} at a time")
    return single()


def single() -> Finding:
    """What it means when they do not."""
    then = "documents are asked for one at a time: 3 a second, 37,000 in some 4 hours"
    return Finding("documents of several ids do not come in one request", then)


# ---- 2: number of entries ----


def released(body: bytes) -> set[str]:
    """Ids of the released entries in a search's answer with the columns of dates.

    Raises
    ------
    BadAnswer
        It has none.
    """
    found = {ids.emdb_id(row["emdb_id"]) for row in rows_of(body) if _is_released(row)}
    if not found:
        raise BadAnswer(f"no released entries in the search's answer: {short(body[:60])}")
    return found


def _is_released(row: dict[str, str]) -> bool:
    return bool(row.get("map_release_date")) and not (row.get("obsolete_date") or row.get("withdrawn_date"))


def holdings(content, found: set[str]) -> Probe:
    """Ids of the holdings file against those of the search."""
    name, expected = "number of entries", f"the {len(found):,} released ids of the search"
    held = {ids.emdb_id(key) for key in content} if isinstance(content, dict) else set()
    held = {one for one in held if ids.EMDB_ID.fullmatch(one)}
    if not held:
        came = f"no object whose keys are ids but {short(repr(content), 60)}"
        return Probe(2, name, DIFFERS, expected, came)
    came = f"{len(held):,} ids; {len(held - found):,} of them not in the search, {len(found - held):,} only there"
    agrees = len(held ^ found) <= MOST_OFF * len(held)
    return Probe(2, name, verdict(agrees), expected, came, findings=(_layout(content),))


def _layout(content: dict) -> Finding:
    value = next(iter(content.values()))
    kind = f"objects of {', '.join(map(str, value))}" if isinstance(value, dict) else f"such as {value!r}"
    return Finding(f"values of the holdings: {short(kind)}", "only the ids are read")


# ---- 5, 7: entry documents ----


def entry(document) -> Probe:
    """The document of EMD-25107 against the stored one."""
    facts = documents.entry_facts(document)
    differ = [f"{key} {short(facts[key], 40)}" for key, value in ENTRY_FACTS.items() if facts[key] != value]
    wanted = [f"{key} {value}" for key, value in ENTRY_FACTS.items() if facts[key] != value]
    expected = short(", ".join(wanted), 300) or f"{len(ENTRY_FACTS)} facts of the stored document"
    return Probe(5, f"entry {ENTRY}", verdict(not differ), expected, short(", ".join(differ), 300) or "the same")


def composite(emdb_id: str, document) -> Probe:
    """Where the document of an entry that should be a composite map says so."""
    name, expected = f"composite map {emdb_id}", f"{FLAG}: true"
    if documents.entry_facts(document)["composite"]:
        finding = Finding(f"composite maps say so in {FLAG}", "known as such: the catalogue's rule applies to them")
        return Probe(7, name, AGREES, expected, "the same", findings=(finding,))
    places = dict(_places(document, "composite"))
    came = short("; ".join(f"{place}: {short(value, 40)}" for place, value in places.items()), 300)
    finding = Finding(
        f"no {FLAG} that is true", "composite maps may not be known as such: they are taken as others are"
    )
    if documents.leaf(document, *FLAG.split(".")) is not None:
        finding = Finding(f"{FLAG} is there, not true for {emdb_id}", "composite maps are known by it")
    return Probe(7, name, DIFFERS, expected, came or "no such key in the document", findings=(finding,))


def _places(document, word: str, at: str = ""):
    """Dotted places and values of the keys that hold a word."""
    if isinstance(document, list):
        document = dict(enumerate(document))
    if isinstance(document, dict):
        for key, value in document.items():
            place = f"{at}.{key}" if at else str(key)
            if word in str(key).lower():
                yield place, value
            yield from _places(value, word, place)


# ---- 6: published Q ----


def by_graphql(answer) -> Probe:
    """Published Q of 7a4m in a GraphQL answer."""
    found = (published.understood(answer, [PUBLISHED_ID]) or {}).get(PUBLISHED_ID)
    if found and found.q is not None:
        then = f"published Q is asked for by {published.AT_ONCE} ids at a time"
        return _published("GraphQL", found.q, "", Finding("GraphQL gives Q_score", then))
    then = "published Q is read from validation reports, one an entry"
    return _published("GraphQL", None, f"no Q: {short(answer)}", Finding("GraphQL does not give Q_score", then))


def by_report(packed: bytes) -> Probe:
    """Published Q of 7a4m in its validation report."""
    try:
        q, came = published.read_report(packed, PUBLISHED_ID).q, "no Q in the report"
    except BadAnswer as err:
        q, came = None, str(err)
    if q is None:
        return _published("report", q, came, Finding("reports do not give Q_score", "published Q is GraphQL's alone"))
    return _published("report", q, came, Finding("reports give Q_score", "used where GraphQL gives none"))


def _published(how: str, q: float | None, came: str, finding: Finding) -> Probe:
    good = q is not None and abs(q - PUBLISHED_Q) <= ROUNDING
    came = short(came) if q is None else f"{q:.3f}"
    name = f"published Q of {PUBLISHED_ID} by {how}"
    return Probe(6, name, verdict(good), f"{PUBLISHED_Q:.3f}", came, findings=(finding,))
