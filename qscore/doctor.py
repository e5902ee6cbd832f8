"""Can a survey start? The seven probes of the contract with the archives, put to the configured servers.

The questions are asked here; the answers are judged in `qscore.answers` and
`qscore.mirrors`, the machine in `qscore.premises`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from qscore import answers, archive, manners, mirrors, premises, published, search, sites
from qscore.answers import Example
from qscore.asking import Asking
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer
from qscore.verdicts import AGREES, DIFFERS, UNREACHABLE, Finding, Probe, short

SECONDS = 20.0  # read time-out of a small answer
INDEX_SECONDS = 90.0  # of the ids of the whole archive
ROWS, SOME_ROWS = 200_000, 200
COUNTED = ("emdb_id", "fitted_pdbs", "map_release_date", "obsolete_date", "withdrawn_date")
FITTED = "fitted_pdbs:[* TO *]"
COMPOSITE = (
    "composite_map:true",
    'title:"composite map"',
)  # neither is proven
MOST_COMPOSITES = 3


@dataclass(frozen=True)
class Servers:
    """Where the archives are asked, and which probes a survey needs them for.

    Attributes
    ----------
    api, graphql, holdings : str
        Addresses.
    maps, models, reports : tuple of str
        Bases in order; addresses or local folders.
    needed : frozenset of int
        Numbers of the probes without which the survey cannot start.
    api_per_second : float
        Requests a second that a survey makes.
    """

    api: str = sites.EMDB_API
    maps: tuple[str, ...] = tuple(sites.MAP_BASES)
    models: tuple[str, ...] = tuple(sites.MODEL_BASES)
    graphql: str = sites.GRAPHQL
    reports: tuple[str, ...] = tuple(sites.REPORT_BASES)
    holdings: str = sites.HOLDINGS
    needed: frozenset[int] = frozenset({1, 3, 4})
    api_per_second: float = manners.Manners.api_per_second

    @property
    def usual(self) -> bool:
        """Whether entries come from the archives themselves, which have every one."""
        return (self.api, self.maps, self.models) == (sites.EMDB_API, tuple(sites.MAP_BASES), tuple(sites.MODEL_BASES))

    def addresses(self) -> list[str]:
        """All of them that are no local folders."""
        every = (self.api, self.graphql, self.holdings, *self.maps, *self.models, *self.reports)
        return [one.replace("{id}", "1abc") for one in every if sites.is_url(one)]


def servers(config: dict, project=".") -> Servers | None:
    """The servers of a survey's configuration; None when it needs none.

    A survey of listed ids asks for their documents and not for a catalogue;
    one of published Q reads no maps and no models.

    Parameters
    ----------
    config : dict
    project : path-like
        Folder that local mirrors are relative to.
    """
    if config.get("source") not in (None, "emdb") or config.get("score_source") == "table":
        return None
    section = config.get("archive") or {}
    named = {key: section[key] for key in ("api", "graphql", "holdings", "api_per_second") if section.get(key)}
    for key in ("maps", "models", "reports"):
        if section.get(key):
            named[key] = tuple(base if sites.is_url(base) else str(Path(project, base)) for base in section[key])
    listed = (config.get("catalogue") or {}).get("ids")
    files = {6} if config.get("score_source") == "published" else {3, 4}
    return Servers(**named, needed=frozenset({5 if listed else 1} | files))


def examine(web, where: Servers, *, now: Callable[[], float] = time.time) -> Iterator[Probe]:
    """Put the questions, one after the other; each answer as it comes.

    Parameters
    ----------
    web : qscore.web.Web
        With short patience.
    where : Servers
    now : callable
        Seconds since the epoch.

    Raises
    ------
    ValueError
        An address is not one that is asked: of another scheme, or not HTTPS.
    """
    for url in where.addresses():
        manners.check_url(url)
    asking = Asking(web)
    for probe in _probes(asking, where):
        yield replace(probe, needed=probe.number in where.needed)
    yield from premises.clock(asking.date, now())


def _probes(ask: Asking, where: Servers) -> Iterator[Probe]:
    """Quick questions first: the search of the whole archive is the last that EMDB is asked."""
    first = _answered(1, "search", "an answer", lambda: _search(ask, where.api))
    yield first
    which = answers.STORED if where.usual else _example(ask, where.api)
    for base in where.maps:
        yield _mirror(3, base, which, lambda url, name: _map(ask, url, name, which))
    for base in where.models:
        yield _mirror(4, base, which, lambda url, name: _model(ask, url, name))
    document = f"{where.api.rstrip('/')}/entry/{which.emdb_id}"
    yield _answered(
        5, f"entry {which.emdb_id}", "an answer",
        lambda: answers.entry(ask("get_json", document, seconds=SECONDS), which),
    )  # fmt: skip
    yield from _published(ask, where, which)
    yield _answered(7, "composite map", f"{answers.FLAG}: true", lambda: _composite(ask, where.api))
    single = answers.single() in first.findings
    yield _answered(2, "number of entries", "an answer", lambda: _holdings(ask, where, single=single))


def _example(ask: Asking, api: str) -> Example:
    """An entry that an archive of one's own has; without an answer the usual one."""
    for query in (FITTED, "*:*"):
        try:
            return answers.example(_table(ask, api, query, search.SEEN, SOME_ROWS))
        except (Absent, BadAnswer, ArchiveUnavailable):
            continue
    return answers.STORED


def _answered(number: int, name: str, expected: str, put: Callable[[], Probe]) -> Probe:
    """A probe, whatever becomes of its question."""
    try:
        return put()
    except ArchiveUnavailable as err:
        return Probe(number, name, UNREACHABLE, expected, short(err, 200))
    except (Absent, BadAnswer) as err:
        return Probe(number, name, DIFFERS, expected, short(err, 200))


def _table(ask: Asking, api: str, query: str, fields, rows: int, *, seconds: float = SECONDS) -> bytes:
    url = search.search_url(api, query, fl=",".join(fields), wt="csv", rows=rows)
    return ask("get", url, seconds=seconds)


# ---- 1 ----


def _search(ask: Asking, api: str) -> Probe:
    try:
        probe = answers.columns(_table(ask, api, "*:*", search.FIELDS, 5))
    except BadAnswer as err:
        probe = answers.columns(_table(ask, api, "*:*", search.SEEN, 5), refused=str(err))
    return replace(probe, findings=(*probe.findings, *_queries(ask, api)))


def _queries(ask: Asking, api: str) -> Iterator[Finding]:
    """Queries that were never seen to work; one that fails is a finding, and no more."""
    try:
        yield from answers.fitted_query(_table(ask, api, FITTED, ("emdb_id", "fitted_pdbs"), SOME_ROWS))
    except (Absent, BadAnswer):
        yield from answers.fitted_query(b"")
    except ArchiveUnavailable as err:
        yield Finding(f"the query {FITTED} was not answered: {short(err)}", "not settled")
    try:
        query = " OR ".join(f'emdb_id:"{one}"' for one in answers.TOGETHER)
        url = search.search_url(api, query, rows=len(answers.TOGETHER))
        yield answers.together(ask("get_json", url, seconds=SECONDS))
    except (Absent, BadAnswer, ArchiveUnavailable):
        yield answers.single()


# ---- 2 ----


def _holdings(ask: Asking, where: Servers, *, single: bool) -> Probe:
    """With `single` also how long it takes to ask for documents one at a time."""
    held = ask("get_json", where.holdings, seconds=SECONDS)
    table = _table(ask, where.api, "*:*", COUNTED, ROWS, seconds=INDEX_SECONDS)
    probe = answers.holdings(held, answers.released(table))
    if not (single and (count := answers.with_model(table))):
        return probe
    return replace(probe, findings=(*probe.findings, answers.one_by_one(count, where.api_per_second)))


# ---- 3, 4 ----


def _mirror(number: int, base: str, which: Example, put: Callable[[str, str], Probe]) -> Probe:
    """`put` asks for an address, under the name that its probe shall have."""
    if mirrors.is_folder(base):
        return mirrors.of_folder(number, base)
    places = {3: archive.map_places, 4: archive.model_places}[number]
    url = places([base], which.pair())[0]
    name = f"{mirrors.KIND[number]} of {which[number - 3]} at {manners.host_of(url)}"
    return _answered(number, name, "an answer", lambda: put(url, name))


def _map(ask: Asking, url: str, name: str, which: Example) -> Probe:
    plain = {"Accept-Encoding": "identity"}
    head = ask.probe(url, headers=plain)
    part = ask.probe(url, headers=plain | {"Range": mirrors.PART}, method="GET")
    made_up = {"Range": mirrors.PART, "If-Range": '"of-no-file"'}
    other = ask.probe(url, headers=plain | made_up, method="GET") if part.status == 206 else part
    return mirrors.of_map(name, head, part, other, least=mirrors.LEAST_MAP if which.stored else 1)


def _model(ask: Asking, url: str, name: str) -> Probe:
    return mirrors.of_model(name, ask.probe(url, headers={"Accept-Encoding": "identity"}))


# ---- 6, 7 ----


def _published(ask: Asking, where: Servers, which: Example) -> Iterator[Probe]:
    """By the entry whose Q is known, else, in an archive of one's own, by one that it has."""
    for how, put in (
        ("GraphQL", lambda pdb_id: _by_graphql(ask, where.graphql, pdb_id)),
        *(("report", lambda pdb_id, base=base: _by_report(ask, base, pdb_id)) for base in where.reports),
    ):
        for pdb_id in dict.fromkeys((answers.PUBLISHED_ID, answers.PUBLISHED_ID if which.stored else which.pdb_id)):
            name = f"published Q of {pdb_id} by {how}"
            probe = _answered(6, name, answers.expected_q(pdb_id), lambda put=put, pdb_id=pdb_id: put(pdb_id))
            if probe.verdict != DIFFERS:
                break
        yield probe


def _by_graphql(ask: Asking, url: str, pdb_id: str) -> Probe:
    body = {"query": published.QUERY, "variables": {"ids": [pdb_id.upper()]}}
    return answers.by_graphql(ask("post_json", url, body, seconds=SECONDS), pdb_id)


def _by_report(ask: Asking, base: str, pdb_id: str) -> Probe:
    url = published.report_place(base, pdb_id)
    return answers.by_report(ask("get", url, seconds=SECONDS, most=published.MOST_PACKED), pdb_id)


def _composite(ask: Asking, api: str) -> Probe:
    """Entries that should be composite maps, newest first, until one says so."""
    probe = None
    for emdb_id in _composite_ids(ask, api):
        probe = answers.composite(emdb_id, ask("get_json", f"{api.rstrip('/')}/entry/{emdb_id}", seconds=SECONDS))
        if probe.verdict == AGREES:
            return probe
    if probe is None:
        raise BadAnswer(f"no composite map found by {' or '.join(COMPOSITE)}")
    return probe


def _composite_ids(ask: Asking, api: str) -> list[str]:
    """The newest entries that each query finds; one that is not understood may find any."""
    chosen = []
    for query in COMPOSITE:
        try:
            found = answers.ids_of(_table(ask, api, query, ("emdb_id",), SOME_ROWS))
        except (Absent, BadAnswer):
            continue
        chosen += sorted(found, key=lambda one: (len(one), one))[: -MOST_COMPOSITES - 1 : -1]
    return list(dict.fromkeys(chosen))
