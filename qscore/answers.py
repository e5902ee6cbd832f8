"""What the archives' services answer, judged by the contract: pure functions of what came, however absurd."""

from __future__ import annotations

import csv
import io
from typing import NamedTuple

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
HOUR = 3600.0
ROUNDING = 0.0005
MOST_OFF = 0.02  # share of ids that search and holdings may disagree on: they are made at different hours
FLAG = "admin.composite_map"


class Example(NamedTuple):
    """The entry whose map, model and document are asked for."""

    emdb_id: str = ENTRY
    pdb_id: str = "7sgd"

    @property
    def stored(self) -> bool:
        """Whether its document and the size of its map are known here."""
        return self.emdb_id == ENTRY

    def pair(self) -> dict[str, str]:
        """Ids and files, as `qscore.archive` takes them."""
        number = self.emdb_id.removeprefix("EMD-")
        return self._asdict() | {"map_file": f"emd_{number}.map.gz", "model_file": f"{self.pdb_id}.cif.gz"}


STORED = Example()


def example(body: bytes) -> Example:
    """An entry of an archive of one's own: the stored one if the search has it, else its first released with a model.

    Raises
    ------
    BadAnswer
        There is none, or this is no search's answer.
    """
    told = [
        one for one in search.read_search(body).records if one["released"] and ids.EMDB_ID.fullmatch(one["emdb_id"])
    ]
    found = [
        Example(one["emdb_id"], model) for one in told for model, _ in one["models"] if ids.PDB_ID.fullmatch(model)
    ]
    if not found:
        raise BadAnswer("the search's answer has no released entry with a model")
    return STORED if any(one.stored for one in found) else found[0]


# ---- 1: search ----


def columns(body: bytes, refused: str = "") -> Probe:
    """Five rows of the search with the columns a catalogue asks for.

    Parameters
    ----------
    body : bytes
    refused : str
        What the server said to the columns not seen before, when it was asked without them after that.
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
        yield Finding(
            f"columns not seen before in the search's answer are refused: {short(refused)}", "asked again without them"
        )
    for name in search.FIELDS:
        if name not in answer.fields and not (refused and name in search.UNPROVEN):
            yield Finding(f"no column {name}", "read from the entry document where that has it, else not known")
    if not refused and not set(search.UNPROVEN) - set(answer.fields):
        yield Finding(f"columns not seen before in the search's answer come: {', '.join(search.UNPROVEN)}", "used")


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
    return Finding("documents of several ids do not come in one request", "documents are asked for one at a time")


def one_by_one(count: int, per_second: float) -> Finding:
    """How long that takes, at least."""
    seconds = count / per_second
    span = f"{seconds / HOUR:.1f} hours" if seconds >= HOUR else f"{max(1, round(seconds / 60))} min"
    return Finding(f"{count:,} released entries with a model", f"their documents, one at a time, take {span} at least")


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


def with_model(body: bytes) -> int:
    """Number of released entries with a fitted model in a search's answer; 0 when it does not tell."""
    return len({row["emdb_id"] for row in rows_of(body) if _is_released(row) and row.get("fitted_pdbs")})


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
    kind = f"such as {value!r}"
    if isinstance(value, dict):
        kind = f"objects of {', '.join(map(str, value))}" if value else "objects with nothing in them"
    return Finding(f"values of the holdings: {short(kind)}", "only the ids are read")


# ---- 5, 7: entry documents ----


def entry(document, which: Example = STORED) -> Probe:
    """The document of EMD-25107 against the stored one; of another entry, whether it is that one's."""
    facts = documents.entry_facts(document)
    if not which.stored:
        return _other_entry(facts, which)
    differ = [f"{key} {short(facts[key], 40)}" for key, value in ENTRY_FACTS.items() if facts[key] != value]
    wanted = [f"{key} {value}" for key, value in ENTRY_FACTS.items() if facts[key] != value]
    expected = short(", ".join(wanted), 300) or f"{len(ENTRY_FACTS)} facts of the stored document"
    return Probe(5, f"entry {ENTRY}", verdict(not differ), expected, short(", ".join(differ), 300) or "the same")


def _other_entry(facts: dict, which: Example) -> Probe:
    models = [model for model, _ in facts["models"]]
    good = facts["emdb_id"] == which.emdb_id and which.pdb_id in models
    came = f"{short(facts['emdb_id'], 40) or 'no id'} with {short(', '.join(models), 60) or 'no model'}"
    return Probe(5, f"entry {which.emdb_id}", verdict(good), f"{which.emdb_id} with {which.pdb_id}", came)


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


def by_graphql(answer, pdb_id: str = PUBLISHED_ID) -> Probe:
    """Published Q of an entry in a GraphQL answer."""
    found = (published.understood(answer, [pdb_id]) or {}).get(pdb_id)
    if found and found.q is not None:
        then = f"published Q is asked for by {published.AT_ONCE} ids at a time"
        return _published("GraphQL", pdb_id, found.q, "", Finding("GraphQL gives Q_score", then))
    then = "published Q is read from validation reports, one an entry"
    return _published("GraphQL", pdb_id, None, f"no Q: {short(answer)}", Finding("GraphQL does not give Q_score", then))


def by_report(packed: bytes, pdb_id: str = PUBLISHED_ID) -> Probe:
    """Published Q of an entry in its validation report."""
    try:
        q, came = published.read_report(packed, pdb_id).q, "no Q in the report"
    except BadAnswer as err:
        q, came = None, str(err)
    finding = Finding("reports give Q_score", "used where GraphQL gives none")
    if q is None:
        finding = Finding("reports do not give Q_score", "published Q is GraphQL's alone")
    return _published("report", pdb_id, q, came, finding)


def expected_q(pdb_id: str) -> str:
    """What is expected of an entry: of 7a4m its Q, of others any."""
    return f"{PUBLISHED_Q:.3f}" if pdb_id == PUBLISHED_ID else "a Q"


def _published(how: str, pdb_id: str, q: float | None, came: str, finding: Finding) -> Probe:
    good = q is not None and (pdb_id != PUBLISHED_ID or abs(q - PUBLISHED_Q) <= ROUNDING)
    came = short(came) if q is None else f"{q:.3f}"
    return Probe(6, f"published Q of {pdb_id} by {how}", verdict(good), expected_q(pdb_id), came, findings=(finding,))
