"""Published Q: one request for many, reports where that fails, and nothing but ids in an address."""

import gzip
import json

import pytest
from archive_server import ArchiveServer
from hypothesis import given, settings
from hypothesis import strategies as st

from qscore import published, tables
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer
from qscore.manners import Troubled
from qscore.published import GRAPHQL, NO_ANSWER, NOT_AN_ID, NOT_ASKED, NOT_PUBLISHED, REPORT, Published
from qscore.web import Manners, Web

DOOR = "https://rcsb.example/graphql"
TREE = "https://rcsb.example/reports"


def report(q="0.45", pdb_id="1ABC", *, revised="2023-05-10", before="", tail=""):
    """A validation report's bytes."""
    score = "" if q is None else f'Q_score="{q}"'
    xml = (
        f'<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>\n{before}<wwPDB-validation-information>\n'
        f'<Entry pdbid="{pdb_id}" PDB-revision-date="{revised}" {score} EMDB-resolution="3.2"/>\n'
        f'<ModelledSubgroup chain="A" resnum="1" Q_score="0.9"/>{tail}</wwPDB-validation-information>\n'
    )
    return gzip.compress(xml.encode(), mtime=0)


def entry(pdb_id, q, revised="2024-01-31T00:00:00Z"):
    return {
        "rcsb_id": pdb_id.upper(),
        "rcsb_accession_info": {"revision_date": revised},
        "pdbx_vrpt_summary_em": [{"Q_score": q}],
    }


class FakeWeb:
    """Answers GraphQL by a function of the ids asked, and addresses from a dict of bytes or exceptions."""

    def __init__(self, door=None, files=None):
        self.door, self.files = door or (lambda ids: BadAnswer("no door")), files or {}
        self.asked, self.fetched = [], []

    def post_json(self, url, body, *, seconds=None):
        assert url == DOOR
        self.asked.append(body)
        return self._give(self.door(body["variables"]["ids"]))

    def get(self, url, *, seconds=None, most=None, brief=False):
        assert (most, brief) == (published.MOST_PACKED, True)
        self.fetched.append(url)
        return self._give(self.files.get(url, Absent(url)))

    @staticmethod
    def _give(what):
        if isinstance(what, Exception):
            raise what
        return what


def knows(values):
    """A GraphQL service that knows these entries."""
    return lambda ids: {"data": {"entries": [entry(one, values[one]) for one in ids if one in values]}}


def place(pdb_id, tree=TREE):
    return published.report_place(tree, pdb_id)


def ask(web, ids, **more):
    return published.ask(web, ids, **{"graphql": DOOR, "reports": [TREE], **more})


def test_many_ids_go_into_one_request():
    ids = [f"{k // 100 + 1}a{k % 100:02d}" for k in range(450)]
    web, seen = FakeWeb(knows({one.upper(): 0.5 for one in ids})), []
    answers = ask(web, [*ids, ids[0]], progress=lambda done, total: seen.append((done, total)))
    assert [len(body["variables"]["ids"]) for body in web.asked] == [200, 200, 50]
    assert list(answers) == ids and set(answers.values()) == {Published(0.5, GRAPHQL, "2024-01-31")}
    assert not web.fetched and seen == [(k + 1, 450) for k in range(450)]
    assert "Q_score" in web.asked[0]["query"] and ids[0] not in web.asked[0]["query"]


@pytest.mark.parametrize(
    ("summary", "expected"),
    [
        ([{"Q_score": 0.445}], 0.445),
        ({"Q_score": 0.445}, 0.445),
        ([{"Q_score": "0.445"}], 0.445),
        ([{"Q_score": -0.02}], -0.02),
        ([{"Q_score": 0}], 0.0),
        ([{"Q_score": None}, {"Q_score": 0.3}], 0.3),
        ([{"Q_score": None}], None),
        ([{"Q_score": "unavailable"}], None),
        ([{"Q_score": 44.5}], None),
        ([{"Q_score": True}], None),
        ([{"Q_score": "NaN"}], None),
        ([None], None),
        ([{}], None),
        ([], None),
        (None, None),
        ("0.4", None),
    ],
)
def test_the_forms_in_which_a_value_comes(summary, expected):
    one = entry("1abc", None) | {"pdbx_vrpt_summary_em": summary}
    found = published.understood({"data": {"entries": [one]}}, ["1abc"])
    assert found == {"1abc": Published(expected, NOT_PUBLISHED if expected is None else GRAPHQL, "2024-01-31")}


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"revision_date": "2024-01-31"}, "2024-01-31"),
        ([{"revision_date": "2024-01-31T00:00:00Z"}], "2024-01-31"),
        ({"revision_date": None}, None),
        ({"revision_date": "unknown"}, None),
        (None, None),
    ],
)
def test_dates_of_revision(info, expected):
    one = entry("1abc", 0.5) | {"rcsb_accession_info": info}
    assert published.understood({"data": {"entries": [one]}}, ["1abc"])["1abc"].model_revision == expected


def test_an_id_that_rcsb_does_not_know_is_a_fact():
    web = FakeWeb(knows({"1ABC": 0.5}), {place("9zzz"): report(pdb_id="9zzz")})
    assert ask(web, ["1abc", "9zzz"])["9zzz"] == Published(None, NOT_PUBLISHED)
    assert not web.fetched


def test_both_forms_of_an_id_are_one_entry():
    web = FakeWeb(lambda ids: {"data": {"entries": [entry("1ABC", 0.5), entry("PDB_0001ABCD", 0.6)]}})
    answers = ask(web, ["pdb_00001abc", "pdb_00011bcd", "pdb_0001abcd"])
    assert web.asked[0]["variables"]["ids"] == ["PDB_00001ABC", "PDB_00011BCD"]
    assert answers["pdb_00001abc"].q == 0.5 and answers["pdb_00011bcd"].q is None
    assert answers["pdb_0001abcd"].source == NOT_AN_ID  # its fifth sign is a letter: none yet


@pytest.mark.parametrize(
    "answer",
    [
        {"errors": [{"message": "Field 'Q_score' in type 'PdbxVrptSummaryEm' is undefined"}]},
        {"errors": [{"message": "internal"}], "data": None},
        {"data": {"entries": None}},
        {"data": {"entries": []}},
        {"data": {"entries": [None]}},
        {"data": {"entries": [entry("7xyz", 0.9)]}},
        [],
        None,
        "sorry",
        BadAnswer("an error page"),
        Absent("no such address"),
    ],
)
def test_reports_are_read_where_the_answer_cannot_be_used(answer):
    web = FakeWeb(lambda ids: answer, {place("1abc"): report(), place("2abc"): report("unavailable", "2ABC")})
    answers = ask(web, ["1abc", "2abc", "3abc"])
    assert answers["1abc"] == Published(0.45, REPORT, "2023-05-10")
    assert answers["2abc"] == Published(None, NOT_PUBLISHED, "2023-05-10")
    assert answers["3abc"] == Published(None, NOT_PUBLISHED, None)
    assert web.fetched == [place(one) for one in ("1abc", "2abc", "3abc")]


def test_beside_errors_only_what_came_counts():
    partial = {"errors": [{"message": "one failed"}], "data": {"entries": [entry("1abc", 0.5), entry("2abc", None)]}}
    web = FakeWeb(lambda ids: partial, {place("2abc"): report("0.6", "2ABC")})
    answers = ask(web, ["1abc", "2abc", "3abc"])
    assert [answers[one].q for one in ("1abc", "2abc", "3abc")] == [0.5, 0.6, None]
    assert web.fetched == [place("2abc"), place("3abc")]


def test_a_door_that_fails_twice_running_is_left_alone(monkeypatch):
    monkeypatch.setattr(published, "AT_ONCE", 1)
    ids = [f"{k}abc" for k in range(1, 8)]
    good, bad = knows({one.upper(): 0.5 for one in ids}), BadAnswer("busy")
    turns = iter([bad, "good", bad, bad])
    web = FakeWeb(lambda asked: good(asked) if (turn := next(turns)) == "good" else turn)
    answers = ask(web, ids)
    assert len(web.asked) == 4
    assert [answers[one].source for one in ids] == [NOT_PUBLISHED, GRAPHQL, *[NOT_PUBLISHED] * 5]


def test_a_server_that_is_down_is_no_answer():
    with pytest.raises(ArchiveUnavailable):
        ask(FakeWeb(lambda ids: ArchiveUnavailable("down")), ["1abc"])
    with pytest.raises(ArchiveUnavailable):
        ask(FakeWeb(files={place("1abc"): ArchiveUnavailable("down")}), ["1abc"])


def test_only_ids_reach_an_address():
    hostile = ["../../etc", "1ab", '1abc") { x }', "1ABC", "", "pdb_1abc", "1abc\n", "1ab/"]
    web = FakeWeb(knows({}))
    answers = ask(web, [*hostile, "1abc"])
    assert web.asked[0]["variables"]["ids"] == ["1ABC"] and web.fetched == [place("1abc")]
    assert {answers[one] for one in hostile} == {Published(None, NOT_AN_ID)}
    assert ask(FakeWeb(), hostile) and not FakeWeb().asked


def test_what_is_known_is_not_asked_again():
    row = {"pdb_id": "1abc", "q_published": 0.4, "published_source": REPORT, "model_revision": "2020-01-01"}
    web = FakeWeb(knows({"2ABC": 0.5, "3ABC": 0.6}))
    known = [row, row | {"pdb_id": "2abc", "q_published": None}, row | {"pdb_id": "4abc"}]
    answers = ask(web, ["1abc", "2abc", "3abc"], known=known)
    assert web.asked[0]["variables"]["ids"] == ["2ABC", "3ABC"]
    assert answers["1abc"] == Published(0.4, REPORT, "2020-01-01")
    assert [one.q for one in answers.values()] == [0.4, 0.5, 0.6]


def test_without_a_door_the_reports_are_asked_and_without_both_nobody():
    web = FakeWeb(files={place("1abc"): report()})
    assert ask(web, ["1abc"], graphql=None)["1abc"].q == 0.45
    assert ask(web, ["1abc"], graphql=None, reports=[])["1abc"] == Published(None, NO_ANSWER)
    assert not web.asked


def test_places_of_reports(tmp_path):
    assert place("1abc") == f"{TREE}/ab/1abc/1abc_validation.xml.gz"
    assert place("pdb_00021abc", TREE + "/") == f"{TREE}/ab/pdb_00021abc/pdb_00021abc_validation.xml.gz"
    assert place("1abc", str(tmp_path)) == (tmp_path / "ab/1abc/1abc_validation.xml.gz").as_uri()
    assert place("1abc", tmp_path.as_uri()) == (tmp_path / "ab/1abc/1abc_validation.xml.gz").as_uri()


def test_the_next_tree_is_asked_where_one_fails():
    other = "https://mirror.example"
    files = {
        place("1abc"): BadAnswer("an error page"),
        place("2abc"): b"<html>busy</html>",
        place("3abc"): b"<html>busy</html>",
        **{place(one, other): report(pdb_id=one) for one in ("1abc", "2abc", "4abc")},
    }
    answers = ask(FakeWeb(files=files), ["1abc", "2abc", "3abc", "4abc", "5abc"], reports=[TREE, other])
    assert [one.source for one in answers.values()] == [REPORT, REPORT, NO_ANSWER, REPORT, NOT_PUBLISHED]


def test_a_report_compressed_or_not():
    assert published.read_report(report(), "1abc") == Published(0.45, REPORT, "2023-05-10")
    assert published.read_report(gzip.decompress(report()), "1abc").q == 0.45
    assert published.read_report(report(pdb_id="PDB_00001ABC"), "1abc").q == 0.45
    assert published.read_report(report(None, revised="unknown"), "1abc") == Published(None, NOT_PUBLISHED)
    prefixed = gzip.decompress(report()).replace(b"<Entry", b"<v:Entry")
    assert published.read_report(prefixed, "1abc").q == 0.45


def test_only_the_start_of_a_report_is_read():
    tail = b"\n".join(b'<ModelledSubgroup chain="A" resnum="%d"/>' % k for k in range(20_000))
    packed = report(tail=tail.decode())
    assert published.read_report(packed[:-8] + bytes(8), "1abc").q == 0.45  # a wrong trailer is never reached


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n'
REACHING = '<!DOCTYPE x SYSTEM "file:///etc/hostname">\n'


@pytest.mark.parametrize("before", [BOMB, REACHING, "<!DOCTYPE x>\n"])
def test_a_document_type_is_refused(before):
    with pytest.raises(BadAnswer, match="document type"):
        published.read_report(report(before=before), "1abc")


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (b"", "no element|no Entry"),
        (b"<!DOCTYPE html>\n<html></html>", "document type"),
        (b"<html><body>Please try again later</body></html>", "no Entry"),
        (b"Please try again later", "syntax error|not well-formed"),
        (report()[:40], "Compressed file|no Entry|ended"),
        (report()[:12] + b"\xff" * 60, "invalid|Error -3"),
        (b'<a><Entry Q_score="&undefined;"/></a>', "undefined entity"),
        (report(pdb_id="2abc"), "it is that of '2abc'"),
    ],
)
def test_what_is_no_report_is_refused(packed, words):
    with pytest.raises(BadAnswer, match=words):
        published.read_report(packed, "1abc")


def test_a_report_is_not_unpacked_without_end(monkeypatch):
    monkeypatch.setattr(published, "MOST_READ", 1 << 17)
    with pytest.raises(BadAnswer, match="no Entry"):
        published.read_report(report(before=f"<!--{' ' * (1 << 20)}-->"), "1abc")


KEYS = ["data", "errors", "entries", "rcsb_id", "rcsb_accession_info", "pdbx_vrpt_summary_em", "Q_score"]
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.sampled_from(["1ABC", "0.5", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, database=None)
@given(json_values)
def test_no_answer_is_too_odd(answer):
    found = published.understood({"data": {"entries": answer}}, ["1abc"])
    assert found is None or set(found) == {"1abc"}
    found = published.understood(answer, ["1abc", "2abc"])
    assert found is None or all(one.q is None or -1 <= one.q <= 1 for one in found.values())


@pytest.mark.parametrize(
    ("n", "mode", "expected"),
    [(2000, "auto", True), (2001, "auto", False), (38_000, "yes", True), (1, "no", False), (0, "auto", True)],
)
def test_small_surveys_ask_by_themselves(n, mode, expected):
    assert published.fetch_for(range(n), mode=mode) is expected


def test_another_mode_is_refused():
    with pytest.raises(ValueError, match="'perhaps'; expected auto, yes or no"):
        published.fetch_for([], mode="perhaps")
    assert published.fetch_for(range(11), most=10) is False


def test_a_row_for_every_pair(tmp_path):
    pairs = [{"emdb_id": f"EMD-{k}", "pdb_id": one} for k, one in ((1, "1abc"), (2, "1abc"), (3, "2abc"), (4, "3abc"))]
    answers = {"1abc": Published(0.445, GRAPHQL, "2024-01-31"), "2abc": Published(None, NOT_PUBLISHED)}
    published.write(tmp_path, pairs, answers)
    rows = tables.read_rows(tmp_path / "published.parquet", layout=tables.PUBLISHED)
    assert [(row["emdb_id"], row["q_published"]) for row in rows] == [
        ("EMD-1", 0.445), ("EMD-2", 0.445), ("EMD-3", None), ("EMD-4", None)
    ]  # fmt: skip
    assert [row["published_source"] for row in rows] == [GRAPHQL, GRAPHQL, NOT_PUBLISHED, NOT_ASKED]
    text = tables.read_tsv(tmp_path / "published.tsv")
    assert text[0]["model_revision"] == "2024-01-31" and text[2]["q_published"] == ""
    assert published.ask(FakeWeb(), ["1abc"], graphql=None, known=rows)["1abc"].q == 0.445


def test_against_a_server(tmp_path):
    """Over HTTP: GraphQL knows one entry and then breaks; a report comes as gzip."""

    def graphql(method, path, query, headers, body):
        assert method == "POST" and "json" in headers.get("Content-Type", "")
        ids = json.loads(body)["variables"]["ids"]
        reply = json.dumps({"data": {"entries": [entry(one, 0.5) for one in ids if one == "1ABC"]}})
        return 200, {"Content-Type": "application/json"}, reply.encode()

    (tmp_path / "ab/2abc").mkdir(parents=True)
    (tmp_path / "ab/2abc/2abc_validation.xml.gz").write_bytes(report(pdb_id="2ABC"))
    with ArchiveServer() as server, Web(Manners(api_per_second=1000), sleep=lambda _: None) as session:
        server.answer("/graphql", graphql, method="POST")
        server.serve_tree("/reports", tmp_path)
        doors = {"graphql": server.base + "/graphql", "reports": [server.base + "/reports"]}
        answers = published.ask(session, ["1abc", "2abc"], **doors)
        assert [one.q for one in answers.values()] == [0.5, None]
        server.fault("/graphql", "status", code=400)
        answers = published.ask(session, ["1abc", "2abc"], **doors)
        assert [one.q for one in answers.values()] == [None, 0.45]
        assert published.ask(session, ["2abc"], graphql=None, reports=[str(tmp_path)])["2abc"].q == 0.45


# ---- a server that answers with trouble ----


def test_trouble_with_graphql_leaves_the_reports():
    web = FakeWeb(lambda ids: Troubled("down", 500), {place("1abc"): report()})
    assert published.ask(web, ["1abc"], graphql=DOOR, reports=[TREE])["1abc"] == Published(0.45, REPORT, "2023-05-10")


def test_one_report_in_trouble_is_no_readable_answer_and_many_stop_it():
    names = [f"1ab{letter}" for letter in "bcdefghijklm"]
    files = {place(name): Troubled("down", 500) for name in names} | {place("1abf"): report(pdb_id="1ABF")}
    found = published.ask(FakeWeb(files=files), names, graphql=None, reports=[TREE])
    assert [found[name].source for name in names].count(NO_ANSWER) == 11
    files[place("1abf")] = Troubled("down", 500)
    with pytest.raises(Troubled):
        published.ask(FakeWeb(files=files), names, graphql=None, reports=[TREE])


def test_a_silent_server_of_reports_is_the_archives_trouble():
    web = FakeWeb(files={place("1abc"): ArchiveUnavailable("refused")})
    with pytest.raises(ArchiveUnavailable):
        published.ask(web, ["1abc"], graphql=None, reports=[TREE])
