"""Can a survey start? Every probe agreeing, differing and unreachable, and answers that make no sense at all."""

import csv
import gzip
import io
import json
import socket
import time
from email.utils import formatdate
from urllib.parse import unquote

import pytest
from archive_server import ArchiveServer
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qscore import answers, asking, board, cli, doctor, mirrors, premises, search, sites
from qscore.manners import Manners
from qscore.verdicts import AGREES, DIFFERS, UNREACHABLE, Probe, status
from qscore.web import Answer, Web

MAP_PATH = "/maps/EMD-25107/map/emd_25107.map.gz"
DOCUMENT = {
    "emdb_id": "EMD-25107",
    "admin": {"current_status": {"code": {"valueOf_": "REL"}}},
    "crossreferences": {"pdb_list": {"pdb_reference": {"pdb_id": "7sgd", "relationship": {"in_frame": "FULLOVERLAP"}}}},
    "map": {
        "file": "emd_25107.map.gz",
        "dimensions": {"col": 220, "row": 220, "sec": "220"},
        "contour_list": {"contour": [{"primary": True, "level": 0.02}]},
    },
    "structure_determination_list": {
        "structure_determination": [
            {
                "method": "singleParticle",
                "image_processing": {
                    "final_reconstruction": {
                        "applied_symmetry": {"point_group": "C3"},
                        "resolution": {"units": "Å", "valueOf_": "3.97"},
                        "resolution_method": "FSC 0.143 CUT-OFF",
                    }
                },
            }
        ]
    },
}
REPORT = b'<?xml version="1.0"?><wwPDB-validation-information><Entry pdbid="7A4M" Q_score="0.911"/>'
GRAPHQL = {"data": {"entries": [{"rcsb_id": "7A4M", "pdbx_vrpt_summary_em": [{"Q_score": 0.911}]}]}}


class Play:
    """The servers as the contract has them; a test changes what it wants to be otherwise."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.models = {"EMD-25107": "7sgd", "EMD-11638": "7a4m", "EMD-30000": "7xyz"}
        self.lacking, self.refused, self.most = set(), set(), 5
        self.dialect = lambda text: text
        (folder / "EMD-25107" / "map").mkdir(parents=True)
        (folder / "EMD-25107" / "map" / "emd_25107.map.gz").write_bytes(bytes(mirrors.LEAST_MAP))
        (folder / "sg").mkdir()
        (folder / "sg" / "7sgd.cif.gz").write_bytes(gzip.compress(b"data_7SGD"))
        server.serve_tree("/maps", folder)
        server.serve_tree("/models", folder)
        server.answer("/api/search/*", self.search)
        server.answer("/api/entry/EMD-25107", DOCUMENT)
        server.answer("/api/entry/EMD-30000", {"emdb_id": "EMD-30000", "admin": {"composite_map": True}})
        server.answer("/holdings.json", {name: {} for name in self.models})
        server.answer("/graphql", GRAPHQL, method="POST")
        server.answer("/reports/a4/7a4m/7a4m_validation.xml.gz", gzip.compress(REPORT))

    def search(self, method, path, query, headers, body):
        words = unquote(path.rsplit("/search/", 1)[1])
        fields = query.get("fl", [""])[0].split(",")
        if query.get("wt") != ["csv"]:
            found = [DOCUMENT, {"emdb_id": "EMD-11638", "admin": {}}]
            return 200, {"Content-Type": "application/json"}, json.dumps(found).encode()
        if self.refused & set(fields):
            return 400, {"Content-Type": "text/html"}, b"undefined field"
        named = {doctor.FITTED: None, doctor.COMPOSITE[0]: ["EMD-30000"], doctor.COMPOSITE[1]: []}.get(words)
        rows = [self.row(name) for name in (self.models if named is None else named)]
        out = io.StringIO()
        kept = [name for name in fields if name not in self.lacking]
        csv.writer(out).writerow(kept)
        csv.writer(out).writerows([[row.get(name, "") for name in kept] for row in rows])
        return 200, {"Content-Type": "text/csv"}, out.getvalue().encode()

    def row(self, name):
        return {
            "emdb_id": name, "fitted_pdbs": self.dialect(self.models[name]), "resolution": "3.97",
            "resolution_method": "FSC 0.143 CUT-OFF", "structure_determination_method": "singleParticle",
            "map_release_date": "2022-10-12T00:00:00Z", "title": "a title", "current_status": "REL",
        }  # fmt: skip

    def servers(self, **more):
        base = self.server.base
        given = {
            "api": f"{base}/api", "maps": (f"{base}/maps",), "models": (f"{base}/models",),
            "graphql": f"{base}/graphql", "reports": (f"{base}/reports",), "holdings": f"{base}/holdings.json",
        }  # fmt: skip
        return doctor.Servers(**given | more)

    def examine(self, **more):
        return examine(self.servers(**more))


def web(**manners):
    """A web whose clock goes on only when it sleeps."""
    clock = [0.0]

    def sleep(seconds):
        clock[0] += seconds

    manners = {"patience_seconds": 20.0, "read_seconds": 0.3, "connect_seconds": 2.0, "api_per_second": 1e6} | manners
    return Web(Manners(**manners), sleep=sleep, clock=lambda: clock[0], random=lambda: 0.5)


def examine(servers, **options):
    with web() as session:
        return list(doctor.examine(session, servers, **options))


def of(probes, number):
    """The probe of a number; the first of several."""
    return next(probe for probe in probes if probe.number == number)


def found(probe):
    return "; ".join(f"{fact} → {then}" for fact, then in probe.findings)


@pytest.fixture
def play(tmp_path):
    with ArchiveServer() as server:
        yield Play(server, tmp_path / "archive")


@pytest.fixture
def nobody():
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{free.getsockname()[1]}"


# ---- all is well ----


def test_all_agrees(play):
    probes = play.examine()
    assert {probe.number: probe.verdict for probe in probes} == dict.fromkeys(range(8), AGREES)
    assert [probe.number for probe in probes if probe.needed] == [1, 3, 4]
    assert status(probes) == 0


def test_few_requests_are_made(play):
    play.examine()
    play.server.quiet()
    assert len(play.server.log) <= 17
    assert sum(seen.sent for seen in play.server.requests(".map.gz")) <= 3 * mirrors.LEAST_MAP


def test_what_is_settled_when_all_is_well(play):
    probes = play.examine()
    assert "fitted_pdbs:[* TO *] works" in found(of(probes, 1)) and "several ids come in one request" in found(
        of(probes, 1)
    )
    assert "one id in lower case a cell" in found(of(probes, 1))
    assert "Range is supported" in found(of(probes, 3)) and "If-Range is kept to" in found(of(probes, 3))
    assert "only the ids are read" in found(of(probes, 2)) and "GraphQL gives Q_score" in found(of(probes, 6))


# ---- each differs ----


@pytest.mark.parametrize("names", answers.NEEDED_COLUMNS, ids=" or ".join)
def test_a_needed_column_is_missing(play, names):
    play.lacking = set(names)
    probes = play.examine()
    assert of(probes, 1).verdict == DIFFERS and names[0] in of(probes, 1).came
    assert status(probes) == 1


def test_other_columns_are_missing(play):
    play.lacking = {"title", "xref_DOI"}
    probes = play.examine()
    assert of(probes, 1).verdict == AGREES and status(probes) == 0
    assert "no column title" in found(of(probes, 1)) and "no column xref_DOI" in found(of(probes, 1))


def test_unproven_columns_are_refused(play):
    play.refused = {"xref_UNIPROTKB"}
    probe = of(play.examine(), 1)
    assert probe.verdict == AGREES and "asked again without them" in found(probe)


def test_number_of_entries_differs(play):
    play.server.answer("/holdings.json", {f"EMD-{k}": None for k in range(1000, 2000)})
    probe = of(play.examine(), 2)
    assert probe.verdict == DIFFERS and "1,000 ids" in probe.came and "3 released" in probe.expected


@pytest.mark.parametrize(
    ("kind", "options", "fact"),
    [
        ("no_range", {}, "Range is not supported (200) → downloads restart from zero"),
        ("bad_content_range", {}, "Range is not supported (206)"),
        ("no_length", {}, "no Content-Length"),
    ],
)
def test_a_mirror_that_can_do_less(play, kind, options, fact):
    play.server.fault(".map.gz", kind, **options)
    probe = of(play.examine(), 3)
    assert probe.verdict == AGREES and fact in found(probe)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("html", {}),
        ("status", {"code": 404}),
        ("status", {"code": 403}),
        ("redirect_to", {"to": "http://elsewhere.example.org/"}),
        ("redirect_loop", {}),
    ],
)
@pytest.mark.parametrize(("number", "name"), [(3, ".map.gz"), (4, ".cif.gz")])
def test_a_mirror_that_does_not_deliver(play, kind, options, number, name):
    play.server.fault(name, kind, **options)
    probes = play.examine()
    assert of(probes, number).verdict == DIFFERS and not of(probes, number).findings
    assert status(probes) == 1


def test_a_map_that_is_too_small(play):
    (play.folder / "EMD-25107" / "map" / "emd_25107.map.gz").write_bytes(b"sorry")
    assert of(play.examine(), 3).verdict == DIFFERS


@pytest.mark.parametrize("answer", [{"emdb_id": "EMD-25107"}, [], None, "x", DOCUMENT | {"map": [None]}])
def test_the_document_differs(play, answer):
    play.server.answer("/api/entry/EMD-25107", json.dumps(answer))
    probe = of(play.examine(), 5)
    assert probe.verdict == DIFFERS and ("resolution" in probe.expected or "map_file" in probe.expected)
    assert status(play.examine()) == 0


@pytest.mark.parametrize("answer", [[], {"errors": ["no field"]}, {"data": None}, "null"])
def test_graphql_gives_nothing(play, answer):
    play.server.answer("/graphql", answer, method="POST")
    probe = of(play.examine(), 6)
    assert probe.verdict == DIFFERS and "read from validation reports" in found(probe)


def test_published_q_is_another(play):
    play.server.answer("/reports/a4/7a4m/7a4m_validation.xml.gz", REPORT.replace(b"0.911", b"0.904"))
    last = [probe for probe in play.examine() if probe.number == 6][-1]
    assert (last.verdict, last.expected, last.came) == (DIFFERS, "0.911", "0.904")


def test_the_composite_flag_is_elsewhere(play):
    play.server.answer("/api/entry/EMD-30000", {"map": {"details": {"is_composite": "yes"}}})
    probe = of(play.examine(), 7)
    assert probe.verdict == DIFFERS and "map.details.is_composite: yes" in probe.came
    assert "taken as others are" in found(probe)


def test_the_composite_flag_is_there_but_false(play):
    play.server.answer("/api/entry/EMD-30000", {"admin": {"composite_map": "false"}})
    assert "composite maps are known by it" in found(of(play.examine(), 7))


def test_no_composite_map_is_found(play):
    play.server.fault(lambda seen: "composite" in unquote(seen.path), "status", code=400)
    probe = of(play.examine(), 7)
    assert probe.verdict == DIFFERS and "no composite map found" in probe.came


# ---- each unreachable ----


@pytest.mark.parametrize(
    ("key", "numbers", "code"),
    [
        ("api", {1, 2, 5, 7}, 75),
        ("maps", {3}, 75),
        ("models", {4}, 75),
        ("graphql", {6}, 0),
        ("reports", {6}, 0),
        ("holdings", {2}, 0),
    ],
)
def test_a_server_is_unreachable(play, nobody, key, numbers, code):
    place = f"{nobody}/x"
    probes = play.examine(**{key: (place,) if key in ("maps", "models", "reports") else place})
    assert {probe.number for probe in probes if probe.verdict == UNREACHABLE} == numbers
    assert {probe.number for probe in probes if probe.verdict == DIFFERS} == set()
    assert status(probes) == code


@pytest.mark.parametrize(("match", "number"), [("*:*", 1), (".map.gz", 3), (".cif.gz", 4)])
@pytest.mark.parametrize("options", [{"code": 503}, {"code": 500}, {"code": 429, "retry_after": 3600}])
def test_a_server_that_says_to_come_back(play, match, number, options):
    play.server.fault(match, "status", **options)
    probes = play.examine()
    assert of(probes, number).verdict == UNREACHABLE and status(probes) == 75


@pytest.mark.parametrize("kind", ["hang_up", "reset"])
def test_a_server_that_breaks_off(play, kind):
    play.server.fault(".map.gz", kind)
    assert of(play.examine(), 3).verdict in ((AGREES, UNREACHABLE) if kind == "reset" else (UNREACHABLE,))


def test_one_stall_is_no_outage(play):
    play.server.fault(".map.gz", "stall", times=1, headers=False)
    assert of(play.examine(), 3).verdict == AGREES


def test_a_host_that_is_gone_is_not_asked_again(nobody):
    class Counting:
        asked = 0

        def __getattr__(self, how):
            def ask(url, *_, **__):
                Counting.asked += 1
                raise doctor.ArchiveUnavailable(f"{url} cannot be reached")

            return ask

    where = doctor.Servers(f"{nobody}/a", (f"{nobody}/m",), (f"{nobody}/p",), f"{nobody}/g", (), f"{nobody}/h")
    probes = list(doctor.examine(Counting(), where))
    assert Counting.asked == 2  # is anybody there, and the question
    assert {probe.verdict for probe in probes} == {UNREACHABLE}


REFUSALS = [
    ConnectionRefusedError(111, "refused"), socket.gaierror(-2, "no such name"), OSError(101, "network is unreachable")
]  # fmt: skip


@pytest.mark.parametrize("cause", REFUSALS, ids=lambda err: type(err).__name__)
def test_refusals(cause):
    try:
        try:
            raise cause
        except OSError as err:
            raise doctor.ArchiveUnavailable("gone") from err
    except doctor.ArchiveUnavailable as err:
        assert asking.refused(err)
    assert not asking.refused(doctor.ArchiveUnavailable("slow")) and not asking.refused(TimeoutError(110, "slow"))


def test_without_a_network_it_is_over_soon(nobody):
    slept = []
    where = doctor.Servers(
        f"{nobody}/a", (f"{nobody}/m",), (f"{nobody}/p",), nobody.replace("127.0.0.1", "localhost"), (), f"{nobody}/h"
    )
    with web() as session:
        session.sleep = slept.append
        probes = list(doctor.examine(session, where))
    assert {probe.verdict for probe in probes} == {UNREACHABLE} and status(probes) == 75
    assert sum(slept) <= 3


def test_a_silent_host_is_waited_for(play):
    play.server.fault("*:*", "hang_up", times=3)
    assert of(play.examine(), 1).verdict == AGREES


# ---- archives of one's own ----


@pytest.fixture
def own(play):
    """A small archive that has none of the entries that are known here."""
    play.models = {"EMD-30000": "8xyz", "EMD-4000": "8abc"}
    maps = play.folder / "EMD-4000" / "map"
    maps.mkdir(parents=True)
    (maps / "emd_4000.map.gz").write_bytes(bytes(500))
    (play.folder / "ab").mkdir()
    (play.folder / "ab" / "8abc.cif.gz").write_bytes(gzip.compress(b"data_8ABC"))
    for path in ("EMD-25107/map/emd_25107.map.gz", "sg/7sgd.cif.gz"):
        (play.folder / path).unlink()
    reference = {"pdb_reference": {"pdb_id": "8abc"}}
    play.server.answer("/api/entry/EMD-25107", lambda *_: (404, {}, b""))
    play.server.answer("/api/entry/EMD-4000", {"emdb_id": "EMD-4000", "crossreferences": {"pdb_list": reference}})
    play.server.answer("/holdings.json", {name: {} for name in play.models})
    answer = {"data": {"entries": [{"rcsb_id": "8ABC", "pdbx_vrpt_summary_em": [{"Q_score": 0.4}]}]}}
    play.server.answer("/graphql", answer, method="POST")
    play.server.answer("/reports/a4/7a4m/7a4m_validation.xml.gz", lambda *_: (404, {}, b""))
    report = REPORT.replace(b"7A4M", b"8ABC").replace(b"0.911", b"0.4")
    play.server.answer("/reports/ab/8abc/8abc_validation.xml.gz", gzip.compress(report))
    return play


def test_an_archive_of_ones_own_is_asked_for_what_it_has(own):
    probes = own.examine()
    assert {probe.number: probe.verdict for probe in probes} == dict.fromkeys(range(8), AGREES)
    assert "EMD-4000" in of(probes, 3).name and "8abc" in of(probes, 4).name and of(probes, 5).came.endswith("8abc")
    assert {(probe.expected, probe.came) for probe in probes if probe.number == 6} == {("a Q", "0.400")}
    assert status(probes) == 0


def test_a_mirror_without_the_entry_is_needed_only_when_no_other_has_it(own):
    base = own.server.base
    probes = own.examine(maps=(f"{base}/nothing", f"{base}/maps"))
    assert [probe.verdict for probe in probes if probe.number == 3] == [DIFFERS, AGREES] and status(probes) == 0
    assert status(own.examine(maps=(f"{base}/nothing",))) == 1


def test_the_document_of_another_entry(own):
    own.server.answer("/api/entry/EMD-4000", {"emdb_id": "EMD-4001"})
    probe = of(own.examine(), 5)
    assert (probe.verdict, probe.expected, probe.came) == (DIFFERS, "EMD-4000 with 8abc", "EMD-4001 with no model")


def test_an_archive_without_models_is_asked_for_the_usual_entry(own):
    own.models = {"EMD-4000": ""}
    assert of(own.examine(), 5).name == "entry EMD-25107"


def test_the_archives_themselves_are_asked_for_the_usual_entry():
    assert doctor.Servers().usual and not doctor.Servers(maps=("https://example.org/maps",)).usual


def test_documents_one_at_a_time_take_their_time(play):
    play.server.fault(lambda seen: "OR" in unquote(seen.path), "status", code=400)
    probes = play.examine()
    assert "one at a time" in found(of(probes, 1)) and "37,000" not in found(of(probes, 1))
    assert "3 released entries with a model → their documents, one at a time, take 1 min at least" in found(
        of(probes, 2)
    )
    assert "3.4 hours" in answers.one_by_one(37_000, 3.0).then


def test_one_mirror_of_several_is_enough(play, nobody):
    base = play.server.base
    probes = play.examine(maps=(f"{nobody}/x", f"{base}/nothing", f"{base}/maps"))
    assert [probe.verdict for probe in probes if probe.number == 3] == [UNREACHABLE, DIFFERS, AGREES]
    assert status(probes) == 0
    assert status(play.examine(maps=(f"{nobody}/x", f"{base}/nothing"))) == 75
    assert status(play.examine(maps=(f"{base}/nothing",))) == 1


# ---- local mirrors ----


def test_local_mirrors(play, tmp_path):
    (tmp_path / "empty").mkdir()
    maps = (str(tmp_path / "nowhere"), str(tmp_path / "empty"), str(play.folder), play.folder.as_uri())
    probes = play.examine(maps=maps, models=(f"{play.folder}/{{id}}.cif.gz",))
    assert [probe.verdict for probe in probes if probe.number == 3] == [DIFFERS, DIFFERS, AGREES, AGREES]
    assert of(probes, 4).verdict == AGREES and status(probes) == 0


# ---- no sense at all ----

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just("EMD-25107"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([
            "emdb_id", "admin", "current_status", "code", "valueOf_", "map", "dimensions", "contour_list", "contour",
            "structure_determination_list", "structure_determination", "crossreferences", "pdb_list", "pdb_reference",
            "data", "entries", "rcsb_id", "pdbx_vrpt_summary_em", "Q_score", "composite_map", "EMD-1000", "errors",
        ]), inner, max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(JSON)
def test_any_json_is_judged(content):
    probes = [
        answers.entry(content), answers.composite("EMD-1000", content), answers.by_graphql(content),
        answers.holdings(content, {"EMD-1000"}),
    ]  # fmt: skip
    assert answers.together(content).then
    for probe in probes:
        assert probe.verdict in (AGREES, DIFFERS) and probe.expected and probe.came
        assert "\n" not in probe.came + probe.expected
    json.dumps(board.examined(probes, 0))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80) | st.text(alphabet='emdb_id,fitted_pdbs\n"\\ 7sgd', max_size=60).map(str.encode))
def test_any_bytes_are_judged(body):
    for content in (body, b"emdb_id,fitted_pdbs\n" + body):
        probe = answers.columns(content)
        assert probe.verdict == DIFFERS and "\n" not in probe.came
        assert answers.fitted_query(content)
        assert answers.by_report(content).verdict == DIFFERS


@pytest.mark.parametrize(
    "body", [b"<!DOCTYPE html><html>", b"null", b"[]", b"", b"\x00\xff", b"emdb_id\n", b'"emdb_id']
)
def test_absurd_answers_of_every_server(play, body):
    kind = {"Content-Type": "text/html"}
    play.server.answer(lambda *_: True, lambda *_: (200, kind, body))
    probes = play.examine()
    assert {probe.number for probe in probes if probe.number} == set(range(1, 8))
    assert AGREES not in {probe.verdict for probe in probes if probe.number}
    assert status(probes) == 1


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "many"}, {"content-length": "2000000", "ETag": 'W/"1"'}])
@pytest.mark.parametrize("code", [200, 206, 301, 416])
def test_odd_headers(headers, code):
    answer = Answer(code, headers, "https://example.org")
    probe = mirrors.of_map("map", answer, answer, answer)
    assert probe.verdict == (AGREES if code == 200 and headers.get("Content-Length") != "many" else DIFFERS)
    assert mirrors.of_model("model", answer).verdict == (AGREES if code == 200 else DIFFERS)


def test_a_weak_etag_is_not_used():
    said = {"Content-Length": "2000000", "ETag": 'W/"1"', "Content-Range": "bytes 0-99/2000000"}
    part = Answer(206, said, "")
    tell = [mirrors.of_map("m", Answer(200, said | more, ""), part, part) for more in ({}, {"Last-Modified": "today"})]
    assert "neither a strong ETag nor Last-Modified" in found(tell[0])
    assert "told apart by Last-Modified" in found(tell[1]) and "If-Range is ignored (206)" in found(tell[1])


# ---- dialects ----


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("EMD-1000", "7sgd")], "one id in lower case a cell"),
        ([("EMD-1000", "7sgd,7abc")], "several ids in a cell"),
        ([("EMD-1000", "7sgd,7sgd")], "an id repeated in its cell"),
        ([("EMD-1000", "7sgd"), ("EMD-1000", "7abc")], "an entry in several rows"),
        ([("EMD-1000", "7SGD")], "upper case"),
        ([("EMD-1000", "pdb_00007sgd")], "extended ids"),
        ([("EMD-1000", "['7sgd']")], "no PDB id"),
    ],
)
def test_dialects_of_models(rows, said):
    assert said in answers.dialect([{"emdb_id": one, "fitted_pdbs": cell} for one, cell in rows]).fact


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"a": 1, "b": 2}, "objects of a, b"),
        ({}, "objects with nothing in them"),
        ("7sgd", "'7sgd'"),
        (None, "None"),
        ([1], "[1]"),
    ],
)
def test_layout_of_the_holdings(value, said):
    probe = answers.holdings({"EMD-1000": value}, {"EMD-1000"})
    assert probe.verdict == AGREES and said in found(probe)


def test_holdings_may_be_a_little_older():
    names = {f"EMD-{k}" for k in range(1000, 2000)}
    assert answers.holdings(dict.fromkeys(names), names | {"EMD-5000"}).verdict == AGREES
    assert answers.holdings(dict.fromkeys(names), set(sorted(names)[30:])).verdict == DIFFERS


def test_the_real_document_agrees(real_data):
    document = json.loads((real_data / "api" / "entry_EMD-25107.json").read_text(encoding="utf-8"))
    assert answers.entry(document).verdict == AGREES


# ---- exit status ----


def probe(number, verdict, needed=True, name=""):
    return Probe(number, name, verdict, "", "", needed)


@pytest.mark.parametrize(
    ("probes", "code"),
    [
        ([], 0),
        ([probe(1, AGREES), probe(5, DIFFERS, False), probe(6, UNREACHABLE, False)], 0),
        ([probe(1, DIFFERS)], 1),
        ([probe(1, UNREACHABLE)], 75),
        ([probe(1, UNREACHABLE), probe(3, DIFFERS)], 1),
        ([probe(3, UNREACHABLE), probe(3, DIFFERS)], 75),
        ([probe(3, UNREACHABLE), probe(4, AGREES), probe(3, AGREES)], 0),
        ([probe(0, DIFFERS, name="disk"), probe(0, AGREES, name="software")], 1),
    ],
)
def test_exit_status(probes, code):
    assert status(probes) == code


# ---- configuration ----


@pytest.mark.parametrize(
    ("config", "needed"),
    [
        ({}, {1, 3, 4}),
        ({"source": "emdb"}, {1, 3, 4}),
        ({"source": "emdb", "score_source": "published"}, {1, 6}),
        ({"source": "emdb", "catalogue": {"ids": ["EMD-25107/7sgd"]}}, {5, 3, 4}),
    ],
)
def test_what_is_needed(config, needed):
    assert doctor.servers(config).needed == needed


@pytest.mark.parametrize(
    "config", [{"source": "demo"}, {"source": "pairs"}, {"source": "emdb", "score_source": "table"}]
)
def test_surveys_without_servers(config):
    assert doctor.servers(config) is None


def test_servers_of_a_configuration(tmp_path):
    where = doctor.servers({"archive": {"api": "https://a.org/api", "maps": ["mirror", "https://b.org"]}}, tmp_path)
    assert (where.api, where.maps) == ("https://a.org/api", (str(tmp_path / "mirror"), "https://b.org"))
    assert where.models == tuple(sites.MODEL_BASES) and where.graphql == sites.GRAPHQL


@pytest.mark.parametrize("url", ["http://www.ebi.ac.uk/api", "ftp://ftp.ebi.ac.uk/pub", "https://me@ebi.ac.uk/"])
def test_addresses_that_are_not_asked(url):
    with pytest.raises(ValueError, match="not a URL"):
        examine(doctor.Servers(api=url))


# ---- this machine ----


def test_this_machine(tmp_path):
    probes = premises.conditions(tmp_path / "new" / "results")
    assert {probe.number for probe in probes} == {0} and not (tmp_path / "new").exists()
    assert of(probes, 0).verdict == AGREES
    software = next(probe for probe in probes if probe.name == "software")
    assert software.verdict == AGREES and "pyarrow" in software.came


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    probe = premises.folder(tmp_path / "file")
    assert probe.verdict == DIFFERS and status([probe]) == 1


def test_a_package_is_missing(monkeypatch):
    monkeypatch.setattr(premises, "required", lambda: ["click", "no-such-package-of-this-name"])
    (probe,) = premises.versions()
    assert probe.verdict == DIFFERS and "not installed: no-such-package-of-this-name" in probe.came


def test_a_full_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(premises.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1e9}))
    (probe,) = premises.disk(tmp_path)
    assert (probe.verdict, probe.came, probe.needed) == (DIFFERS, "1 GB free", False)


def test_no_kernel_is_kept(monkeypatch):
    monkeypatch.setattr(premises.compiled, "is_cached", lambda: False)
    assert premises.kernel().verdict == DIFFERS and not premises.kernel().needed


@pytest.mark.parametrize(("off", "verdict"), [(0, AGREES), (299, AGREES), (7200, DIFFERS), (-7200, DIFFERS)])
def test_the_clock(off, verdict):
    (probe,) = premises.clock(formatdate(1_700_000_000, usegmt=True), 1_700_000_000 + off)
    assert probe.verdict == verdict and not probe.needed
    assert verdict == DIFFERS or probe.came in ("the same as a server's", "299 s ahead")
    assert verdict == AGREES or ("120 minutes " + ("ahead" if off > 0 else "behind")) == probe.came


@pytest.mark.parametrize("said", ["", "noon", "Thu, 99 Foo 2026", "0"])
def test_a_server_that_tells_no_time(said):
    assert premises.clock(said, time.time()) == []


def test_a_wrong_clock_is_seen(play):
    last = examine(play.servers(), now=lambda: time.time() + 1e5)[-1]
    assert (last.number, last.name, last.verdict) == (0, "clock", DIFFERS)


# ---- the command ----


def write_config(play, tmp_path, **more):
    section = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in vars(play.servers()).items()
        if key != "needed"
    }
    path = tmp_path / "survey.yaml"
    path.write_text(json.dumps({"results": str(tmp_path / "results"), "source": "emdb", "archive": section | more}))
    return str(path)


@pytest.fixture
def hasty(monkeypatch):
    """The command's session does not pause between requests."""
    monkeypatch.setattr("qscore.web.Web", lambda manners: web(patience_seconds=manners.patience_seconds))


def test_the_command(play, tmp_path, hasty):
    run = CliRunner().invoke(cli.qscore, ["doctor", "--config", write_config(play, tmp_path), "--patience", "0"])
    assert run.exit_code == 0, run.output
    assert "\nsearch: agrees" in run.output and "→ downloads" not in run.output
    assert run.output.endswith("a survey can start\n")
    assert not (tmp_path / "results").exists()


def test_the_command_where_something_differs(play, tmp_path, hasty):
    play.server.fault(".map.gz", "status", code=404)
    run = CliRunner().invoke(cli.qscore, ["doctor", "--config", write_config(play, tmp_path), "--patience", "0"])
    assert run.exit_code == 1
    assert "differs: expected 200, at least 1 MB and no web page; came 404" in run.output


def test_the_command_where_nothing_answers(play, tmp_path, nobody, hasty):
    config = write_config(play, tmp_path, api=f"{nobody}/api")
    run = CliRunner().invoke(cli.qscore, ["doctor", "--config", config, "--patience", "0", "--json"])
    content = json.loads(run.output)
    assert run.exit_code == 75 == content["exit_code"] and not content["can_start"]
    first = next(probe for probe in content["probes"] if probe["number"] == 1)
    assert first["verdict"] == UNREACHABLE and first["needed"]


def test_the_command_without_servers(project):
    run = CliRunner().invoke(cli.qscore, ["doctor", "--config", str(project / "config" / "config.yaml")])
    assert run.exit_code == 0 and "needs no server" in run.output


def test_the_command_says_one_line_about_a_bad_configuration(tmp_path):
    (tmp_path / "bad.yaml").write_text("results: [\n")
    run = CliRunner().invoke(cli.qscore, ["doctor", "--config", str(tmp_path / "bad.yaml")])
    assert isinstance(run.exception, ValueError) and "\n" not in str(run.exception)


def test_the_columns_asked_for_are_those_that_are_read():
    assert {names[0] for names in answers.NEEDED_COLUMNS} <= set(search.SEEN)
    assert set(doctor.COUNTED) <= set(search.SEEN)
