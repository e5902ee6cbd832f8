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
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer
from qscore.verdicts import AGREES, DIFFERS, UNREACHABLE, Finding, Probe, short

PATIENCE = 20.0  # seconds that a server which does not answer is waited for
SECONDS = 20.0  # read time-out of a small answer
INDEX_SECONDS = 90.0  # of the ids of the whole archive
ROWS = 200_000
COUNTED = ("emdb_id", "map_release_date", "obsolete_date", "withdrawn_date")
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
    """

    api: str = sites.EMDB_API
    maps: tuple[str, ...] = tuple(sites.MAP_BASES)
    models: tuple[str, ...] = tuple(sites.MODEL_BASES)
    graphql: str = sites.GRAPHQL
    reports: tuple[str, ...] = tuple(sites.REPORT_BASES)
    holdings: str = sites.HOLDINGS
    needed: frozenset[int] = frozenset({1, 3, 4})

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
    named = {key: section[key] for key in ("api", "graphql", "holdings") if section.get(key)}
    for key in ("maps", "models", "reports"):
        if section.get(key):
            named[key] = tuple(base if sites.is_url(base) else str(Path(project, base)) for base in section[key])
    listed = (config.get("catalogue") or {}).get("ids")
    files = {6} if config.get("score_source") == "published" else {3, 4}
    return Servers(**named, needed=frozenset({5 if listed else 1} | files))


class Asking:
    """A `qscore.web.Web` that does not go back to a host which was unreachable once."""

    def __init__(self, web):
        self.web, self._gone = web, set()
        self.date = ""  # the Date header that came last

    def __call__(self, how: str, url: str, *more, times: int = 1, **options):
        """`how` is a method of `Web`, asked up to `times` times; what it raises at last is raised."""
        host = manners.host_of(url)
        if host in self._gone:
            raise ArchiveUnavailable(f"{host} could not be reached before")
        try:
            return getattr(self.web, how)(url, *more, **options)
        except ArchiveUnavailable:
            if times > 1:
                return self(how, url, *more, times=times - 1, **options)
            self._gone.add(host)
            raise

    def probe(self, url: str, **options):
        """A single request, once more when it does not go through: a few in a hundred stall."""
        answer = self("probe", url, times=2, **options)
        self.date = mirrors.header(answer, "Date") or self.date
        if manners.verdict(answer.status) == "again":
            raise ArchiveUnavailable(f"{url} says {answer.status}: to be asked another time")
        return answer


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
    yield _answered(1, "search", "an answer", lambda: _search(ask, where.api))
    for base in where.maps:
        yield _mirror(3, base, lambda url: _map(ask, url), archive.map_places([base], mirrors.MAP)[0])
    for base in where.models:
        yield _mirror(4, base, lambda url: _model(ask, url), archive.model_places([base], mirrors.MODEL)[0])
    document = f"{where.api.rstrip('/')}/entry/{answers.ENTRY}"
    yield _answered(
        5, f"entry {answers.ENTRY}", "an answer", lambda: answers.entry(ask("get_json", document, seconds=SECONDS))
    )
    yield from _published(ask, where)
    yield _answered(7, "composite map", f"{answers.FLAG}: true", lambda: _composite(ask, where.api))
    yield _answered(2, "number of entries", "an answer", lambda: _holdings(ask, where))


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
        yield from answers.fitted_query(_table(ask, api, FITTED, ("emdb_id", "fitted_pdbs"), 200))
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


def _holdings(ask: Asking, where: Servers) -> Probe:
    held = ask("get_json", where.holdings, seconds=SECONDS)
    found = answers.released(_table(ask, where.api, "*:*", COUNTED, ROWS, seconds=INDEX_SECONDS))
    return answers.holdings(held, found)


# ---- 3, 4 ----


def _mirror(number: int, base: str, put: Callable[[str], Probe], url: str) -> Probe:
    if mirrors.is_folder(base):
        return mirrors.of_folder(number, base)
    return _answered(number, _mirror_name(number, url), "an answer", lambda: put(url))


def _mirror_name(number: int, url: str) -> str:
    return f"{mirrors.KIND[number]} at {manners.host_of(url)}"


def _map(ask: Asking, url: str) -> Probe:
    plain = {"Accept-Encoding": "identity"}
    head = ask.probe(url, headers=plain)
    part = ask.probe(url, headers=plain | {"Range": mirrors.PART}, method="GET")
    made_up = {"Range": mirrors.PART, "If-Range": '"of-no-file"'}
    other = ask.probe(url, headers=plain | made_up, method="GET") if part.status == 206 else part
    return mirrors.of_map(_mirror_name(3, url), head, part, other)


def _model(ask: Asking, url: str) -> Probe:
    return mirrors.of_model(_mirror_name(4, url), ask.probe(url, headers={"Accept-Encoding": "identity"}))


# ---- 6, 7 ----


def _published(ask: Asking, where: Servers) -> Iterator[Probe]:
    body = {"query": published.QUERY, "variables": {"ids": [answers.PUBLISHED_ID.upper()]}}
    expected = f"{answers.PUBLISHED_Q:.3f}"
    name = f"published Q of {answers.PUBLISHED_ID} by"
    yield _answered(
        6, f"{name} GraphQL", expected,
        lambda: answers.by_graphql(ask("post_json", where.graphql, body, seconds=SECONDS)),
    )  # fmt: skip
    for base in where.reports:
        url = published.report_place(base, answers.PUBLISHED_ID)
        yield _answered(
            6, f"{name} report", expected,
            lambda url=url: answers.by_report(ask("get", url, seconds=SECONDS, most=published.MOST_PACKED)),
        )  # fmt: skip


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
            found = answers.ids_of(_table(ask, api, query, ("emdb_id",), 200))
        except (Absent, BadAnswer):
            continue
        chosen += sorted(found, key=lambda one: (len(one), one))[: -MOST_COMPOSITES - 1 : -1]
    return list(dict.fromkeys(chosen))
