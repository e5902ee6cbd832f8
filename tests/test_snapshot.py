"""EMDB's answer of a day, and entry documents: asked for politely, kept whole, asked for once."""

import gzip
import hashlib
import json
import os
import re
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import searchrows
from archive_server import ArchiveServer
from entrydocuments import document
from small_archive import Archive

from qscore import documentcache, search, snapshot
from qscore.catalogue import candidates, from_search
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer
from qscore.manners import Troubled
from qscore.web import Answer, Manners, Web

API = "https://emdb.example/emdb/api"
TODAY = "2026-11-25"
PAGE = b"<!DOCTYPE html><html><body>Service error</body></html>"


class Refused(BadAnswer):
    """As the session says it: with the status."""

    status = 400


class FakeWeb:
    """Plays EMDB's API from true entries and documents; `log` has what was asked.

    `columns` are those it knows (another one is an error, or is left out when `silent`), `bulk` how it answers a
    search for documents: whole, some, nothing, refused, a page, down.
    """

    def __init__(self, truth=(), documents=(), *, columns=searchrows.COLUMNS, silent=False, bulk="whole"):
        self.truth, self.documents = list(truth), {one["emdb_id"]: one for one in documents}
        self.columns, self.silent, self.bulk, self.log = columns, silent, bulk, []

    def get(self, url, *, seconds=None, most=None):
        return self._answer(url, seconds)[1]

    def get_json(self, url, *, seconds=None, most=None):
        return json.loads(self._answer(url, seconds)[1])

    def probe(self, url, *, headers=None, method="HEAD"):
        try:
            return Answer(self._answer(url, None)[0], {}, url)
        except Refused:
            return Answer(400, {}, url)

    def _answer(self, url, seconds):
        assert url.startswith(f"{API}/")
        parts = urlsplit(url)
        self.log.append((unquote(parts.path.removeprefix("/emdb/api")), parse_qs(parts.query), seconds))
        path, query, _ = self.log[-1]
        if path.startswith("/entry/"):
            return 200, self._entry(path.removeprefix("/entry/"))
        if query.get("wt") == ["csv"]:
            return 200, self._csv(query["fl"][0].split(","), int(query["rows"][0]), int(query.get("page", ["1"])[0]))
        return 200, self._bulk(re.findall(r"EMD-\d+", path), int(query["rows"][0]))

    def _entry(self, emdb_id):
        if emdb_id not in self.documents:
            raise Absent(emdb_id)
        if self.documents[emdb_id] is BadAnswer:
            raise BadAnswer(f"{emdb_id}: a web page came")
        return json.dumps(self.documents[emdb_id]).encode()

    def _csv(self, asked, rows, page):
        if unknown := [name for name in asked if name not in self.columns]:
            if not self.silent:
                raise Refused(f"undefined field {unknown[0]}")
            asked = [name for name in asked if name in self.columns]
        body = searchrows.answer(self.truth, columns=asked, dialect="bare")
        lines = body.splitlines(keepends=True)
        return b"".join(lines[:1] + lines[1:][(page - 1) * rows : page * rows])

    def _bulk(self, named, rows):
        if self.bulk == "refused":
            raise Refused("query")
        if self.bulk == "down":
            raise ArchiveUnavailable("504")
        if self.bulk == "a page":
            raise BadAnswer("a web page came")
        found = [self.documents[name] | {"_id": "x"} for name in named if isinstance(self.documents.get(name), dict)]
        kept = {"whole": found, "some": found[::2], "nothing": [], "bare": [{"emdb_id": name} for name in named]}
        return json.dumps(kept[self.bulk][:rows]).encode()

    def asked(self, beginning):
        return [path for path, *_ in self.log if path.startswith(beginning)]

    def searches(self):
        """Searches for rows, but those of one."""
        return [query for path, query, _ in self.log if query.get("wt") == ["csv"] and query["rows"] != ["1"]]


TRUTH = searchrows.entries(50, seed=6)


def taken(web, folder, **options):
    return snapshot.take(web, API, folder, **({"today": TODAY} | options))


def same_records(found, truth):
    expected = search.read_search(searchrows.answer(truth, dialect="bare", columns=search.FIELDS)).records
    return found == expected


# ---- the search ----


def test_a_snapshot(tmp_path):
    web = FakeWeb(TRUTH)
    facts = taken(web, tmp_path)
    (query,) = web.searches()
    assert query == {"fl": [",".join(search.FIELDS)], "wt": ["csv"], "rows": ["200000"]}
    assert {path for path, *_ in web.log} == {"/search/*:*"}
    assert web.log[-1][2] >= 300, "the archive writes for minutes"
    content = gzip.decompress((tmp_path / "search.csv.gz").read_bytes())
    assert facts == json.loads((tmp_path / "search.json").read_text("utf-8"))
    assert facts["sha256"] == hashlib.sha256(content).hexdigest()
    expected = {
        "date": TODAY, "query": "*:*", "pages": 1, "rows": 50, "damaged_rows": 0, "entries": 50, "fields_missing": [],
    }  # fmt: skip
    assert {key: facts[key] for key in expected} == expected
    assert facts["fields_asked"] == facts["fields_returned"] == list(search.FIELDS)
    assert facts["url"].startswith(f"{API}/search/%2A%3A%2A?fl=emdb_id%2C")
    stored = snapshot.read(tmp_path)
    assert stored.facts == facts
    assert same_records(stored.answer.records, TRUTH)


def test_the_same_answer_is_stored_as_the_same_bytes(tmp_path):
    for name in "ab":
        taken(FakeWeb(TRUTH), tmp_path / name)
    for file in ("search.csv.gz", "search.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert (tmp_path / "a" / "search.csv.gz").read_bytes()[4:8] == bytes(4)


def test_an_own_query(tmp_path):
    web = FakeWeb(TRUTH)
    facts = taken(web, tmp_path, query='current_status:"REL" AND resolution:[0 TO 4]')
    assert facts["query"] == 'current_status:"REL" AND resolution:[0 TO 4]'
    assert {path for path, *_ in web.log} == {'/search/current_status:"REL" AND resolution:[0 TO 4]'}


@pytest.mark.parametrize("unknown", search.UNPROVEN)
def test_a_column_that_the_server_refuses(tmp_path, unknown):
    web = FakeWeb(TRUTH, columns=[name for name in searchrows.COLUMNS if name != unknown])
    facts = taken(web, tmp_path)
    assert facts["fields_asked"] == list(search.SEEN)
    assert facts["fields_missing"] == list(search.UNPROVEN)
    assert len(web.searches()) == 1
    assert facts["entries"] == 50


def test_a_column_that_the_server_leaves_out(tmp_path):
    web = FakeWeb(TRUTH, columns=[name for name in searchrows.COLUMNS if name != "title"], silent=True)
    facts = taken(web, tmp_path)
    assert facts["fields_asked"] == list(search.FIELDS)
    assert facts["fields_missing"] == ["title"]
    assert len(web.log) == 2


def test_a_bad_moment_costs_no_columns(tmp_path):
    """The first try of all columns fails as a server fails, the second does not."""
    web = FakeWeb(TRUTH)
    answers = iter([503, 200, 200])
    web.probe = lambda url, **_: Answer(next(answers), {}, url)
    assert taken(web, tmp_path)["fields_asked"] == list(search.FIELDS)


def test_a_server_that_cannot_be_tried_is_waited_for(tmp_path):
    web = FakeWeb(TRUTH)

    def unreachable(url, **_):
        raise ArchiveUnavailable("refused")

    web.probe = unreachable
    assert taken(web, tmp_path)["fields_asked"] == list(search.FIELDS)


@pytest.mark.parametrize("body", [PAGE, b"", b"title\nx\n"])
def test_what_is_no_answer_leaves_the_old_snapshot(tmp_path, body):
    taken(FakeWeb(TRUTH), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    web = FakeWeb(TRUTH)
    web.get = lambda url, **_: body
    with pytest.raises(BadAnswer, match="the search's answer has no column"):
        taken(web, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(("rows", "pages"), [(51, 1), (50, 2), (49, 2), (20, 3), (25, 3), (10, 6), (1, 51)])
def test_pages_until_one_has_no_new_id(tmp_path, rows, pages):
    web = FakeWeb(TRUTH)
    facts = taken(web, tmp_path, rows=rows)
    assert (facts["pages"], facts["rows"]) == (pages, 50)
    assert not [query for _, query, _ in web.log if "start" in query]
    assert same_records(snapshot.read(tmp_path).answer.records, TRUTH)


def test_a_server_that_sends_the_first_page_again_and_again(tmp_path):
    web = FakeWeb(TRUTH)
    first, web.get = web.get, lambda url, **options: first(url.split("&page=")[0], **options)
    facts = taken(web, tmp_path, rows=20)
    assert (facts["pages"], facts["rows"]) == (2, 20)


@pytest.mark.parametrize("cut", [1, 500])
def test_a_page_that_breaks_off_is_asked_for_again(tmp_path, cut):
    web = FakeWeb(TRUTH)
    whole, asked = web.get, []

    def get(url, **options):
        asked.append(url)
        return whole(url, **options)[: -cut if len(asked) < 3 else None]

    web.get = get
    taken(web, tmp_path)
    assert len(asked) == 3
    assert same_records(snapshot.read(tmp_path).answer.records, TRUTH)
    web.get = lambda url, **options: whole(url, **options)[:-cut]
    with pytest.raises(BadAnswer, match="the search's answer breaks off"):
        taken(web, tmp_path)
    assert same_records(snapshot.read(tmp_path).answer.records, TRUTH)


def test_a_round_number_of_rows_is_asked_for_more(tmp_path):
    """A server that gives 10 at most, whatever is asked."""
    web = FakeWeb(TRUTH)
    plain_csv = web._csv
    web._csv = lambda asked, rows, page: plain_csv(asked, min(rows, 10), page)
    assert taken(web, tmp_path / "capped")["entries"] == 50
    exact = FakeWeb(TRUTH[:10])
    facts = taken(exact, tmp_path / "exact")
    assert (facts["entries"], facts["pages"], len(exact.searches())) == (10, 1, 2)


def test_an_answer_that_lost_a_tenth_is_not_taken(tmp_path):
    taken(FakeWeb(TRUTH), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(BadAnswer, match=r"brought 44 entries, the stored catalogue has 50: kept; .* remove "):
        taken(FakeWeb(TRUTH[:44]), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert taken(FakeWeb(TRUTH[:9]), tmp_path, query="another")["entries"] == 9
    assert taken(FakeWeb(TRUTH), tmp_path)["entries"] == 50
    assert taken(FakeWeb(TRUTH[:45]), tmp_path)["entries"] == 45


@pytest.mark.parametrize("steps", range(4))
def test_a_kill_between_the_files_leaves_one_of_both_snapshots(tmp_path, monkeypatch, steps):
    taken(FakeWeb(TRUTH[:45]), tmp_path)
    left = [None] * steps
    real = os.replace

    def until_killed(*paths):
        if not left:
            raise KeyboardInterrupt
        left.pop()
        real(*paths)

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", until_killed)
        patch.setattr(Path, "replace", lambda path, target: until_killed(path, target))
        if steps < 3:
            with pytest.raises(KeyboardInterrupt):
                taken(FakeWeb(TRUTH), tmp_path)
        else:
            taken(FakeWeb(TRUTH), tmp_path)
    assert same_records(snapshot.read(tmp_path).answer.records, TRUTH if steps >= 2 else TRUTH[:45])
    taken(FakeWeb(TRUTH), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["search.csv.gz", "search.json"]


def test_a_snapshot_of_listed_ids(tmp_path):
    taken(FakeWeb(TRUTH), tmp_path)
    facts = snapshot.take_listed(tmp_path, ("EMD-1234/7sgd", "EMD-1234/9abc", "EMD-4321"), today=TODAY)
    assert facts == {"date": TODAY, "query": None, "listed": ["EMD-1234", "EMD-4321"], "entries": 2}
    assert snapshot.read(tmp_path) == snapshot.Snapshot(facts, None)
    assert [path.name for path in tmp_path.iterdir()] == ["search.json"]


def test_a_snapshot_that_is_not_there_or_not_whole(tmp_path):
    with pytest.raises(ValueError, match="no snapshot of the archive in "):
        snapshot.read(tmp_path)
    taken(FakeWeb(TRUTH), tmp_path / "a")
    taken(FakeWeb(TRUTH[:9]), tmp_path / "b")
    (tmp_path / "b" / "search.csv.gz").replace(tmp_path / "a" / "search.csv.gz")
    with pytest.raises(ValueError, match=r"search\.csv\.gz is not what search\.json tells of; take it again"):
        snapshot.read(tmp_path / "a")
    packed = tmp_path / "a" / "search.csv.gz"
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(ValueError, match="no snapshot of the archive in "):
        snapshot.read(tmp_path / "a")


# ---- documents ----

WANTED = [(f"EMD-{number}", "2026-10-01") for number in range(1000, 1100)]
DOCUMENTS = [document(emdb_id=emdb_id) for emdb_id, _ in WANTED]


def fetch(web, folder, wanted=WANTED, **options):
    return snapshot.documents(web, API, wanted, folder, **options)


def plain(documents):
    """What is stored, without what a search puts beside it."""
    return {emdb_id: {key: value for key, value in one.items() if key != "_id"} for emdb_id, one in documents.items()}


EXPECTED = {one["emdb_id"]: {key: value for key, value in one.items() if key != "_id"} for one in DOCUMENTS}


@pytest.mark.parametrize(
    ("bulk", "searches", "singles"),
    [("whole", 3, 0), ("some", 3, 50), ("nothing", 1, 100), ("refused", 1, 100), ("a page", 1, 100), ("down", 1, 100),
     ("bare", 1, 100)],
)  # fmt: skip
def test_documents_in_bulk_else_singly(tmp_path, bulk, searches, singles):
    web = FakeWeb(documents=DOCUMENTS, bulk=bulk)
    documents = fetch(web, tmp_path)
    assert plain(documents) == EXPECTED
    assert (len(web.asked("/search/")), len(web.asked("/entry/"))) == (searches, singles)
    again = FakeWeb(documents=DOCUMENTS, bulk=bulk)
    assert plain(fetch(again, tmp_path)) == EXPECTED
    assert again.log == [], "what is stored is not asked for"


def test_the_query_in_bulk(tmp_path):
    web = FakeWeb(documents=DOCUMENTS)
    fetch(web, tmp_path, WANTED[:41])
    (path, query, seconds), (single, *_) = web.log
    assert path.startswith('/search/emdb_id:"EMD-1000" OR emdb_id:"EMD-1001" OR ')
    assert (query, path.count("EMD-"), seconds) == ({"rows": ["40"]}, 40, documentcache.BULK_SECONDS)
    assert single == "/entry/EMD-1040", "one alone is asked for as one"


def test_bulk_that_worked_is_waited_for(tmp_path):
    """What is an answer of its own before the first success is a server down after it."""
    web = FakeWeb(documents=DOCUMENTS)
    plain_answer, calls = web.get_json, []

    def get_json(url, **options):
        calls.append(url)
        if len(calls) > 1:
            raise ArchiveUnavailable("down")
        return plain_answer(url, **options)

    web.get_json = get_json
    with pytest.raises(ArchiveUnavailable):
        fetch(web, tmp_path)
    assert len(calls) == 2
    again = FakeWeb(documents=DOCUMENTS)
    assert plain(fetch(again, tmp_path)) == EXPECTED
    assert len(again.asked("/search/")) == 2, "the 40 of before are there"


def test_a_query_in_trouble_is_asked_for_singly_and_the_next_is_not(tmp_path):
    web = FakeWeb(documents=DOCUMENTS)
    plain_answer, calls = web.get_json, []

    def get_json(url, **options):
        calls.append(url)
        if len(calls) == 2:
            raise Troubled("500", 500)
        return plain_answer(url, **options)

    web.get_json = get_json
    assert plain(fetch(web, tmp_path)) == EXPECTED
    assert (len(web.asked("/search/")), len(web.asked("/entry/"))) == (2, 40)


def test_an_entry_in_trouble_goes_without_its_document_and_many_stop_it(tmp_path, caplog):
    web = FakeWeb(documents=DOCUMENTS, bulk="nothing")
    whole, trouble = web._entry, {"EMD-1007"}

    def entry(emdb_id):
        if emdb_id in trouble:
            raise Troubled(f"{emdb_id}: 500", 500)
        return whole(emdb_id)

    web._entry = entry
    assert set(EXPECTED) - set(fetch(web, tmp_path / "one")) == trouble
    assert "EMD-1007 goes without its document" in caplog.text
    trouble.update(name for name, _ in WANTED[20:30])
    with pytest.raises(ArchiveUnavailable, match="EMD-1029: 500"):
        fetch(web, tmp_path / "many")


def test_bad_entries_with_good_ones_between_do_not_stop_it(tmp_path):
    web = FakeWeb(documents=DOCUMENTS)
    bad = [name for name, _ in WANTED[::5]]
    web.documents = web.documents | dict.fromkeys(bad, BadAnswer)
    assert set(EXPECTED) - set(fetch(web, tmp_path)) == set(bad)


def test_half_a_surrogate_pair_is_kept(tmp_path):
    odd = document(emdb_id="EMD-1000") | {"note": "a\ud800"}
    assert fetch(FakeWeb(documents=[odd]), tmp_path, WANTED[:1])["EMD-1000"]["note"] == "a\ud800"


def test_where_a_document_is_kept(tmp_path):
    fetch(FakeWeb(documents=DOCUMENTS), tmp_path, WANTED[:2])
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["00/EMD-1000.2026-10-01.json.gz", "01/EMD-1001.2026-10-01.json.gz"]
    first = (tmp_path / files[0]).read_bytes()
    assert first[4:8] == bytes(4)
    fetch(FakeWeb(documents=DOCUMENTS), tmp_path / "again", WANTED[:2])
    assert (tmp_path / "again" / files[0]).read_bytes() == first


def test_an_updated_entry_is_asked_for_again_and_the_others_are_not(tmp_path):
    fetch(FakeWeb(documents=DOCUMENTS), tmp_path)
    web = FakeWeb(documents=[document(emdb_id="EMD-1007", map=None)])
    wanted = [(name, "2026-11-18" if name == "EMD-1007" else date) for name, date in WANTED]
    documents = fetch(web, tmp_path, wanted)
    assert web.asked("/") == ["/entry/EMD-1007"]
    assert documents["EMD-1007"]["map"] is None
    assert [path.name for path in (tmp_path / "07").iterdir()] == ["EMD-1007.2026-11-18.json.gz"]
    assert len(documents) == 100


def test_ids_that_begin_alike_do_not_touch_each_other(tmp_path):
    wanted = [("EMD-1077", "2026-10-01"), ("EMD-10777", "2026-10-01")]
    docs = [document(emdb_id=name) for name, _ in wanted]
    fetch(FakeWeb(documents=docs), tmp_path, wanted)
    fetch(FakeWeb(documents=docs), tmp_path, [("EMD-1077", "2026-11-01")])
    assert len(list((tmp_path / "77").iterdir())) == 2


def test_an_entry_that_is_not_there_is_asked_for_once_a_date(tmp_path):
    wanted = [("EMD-1000", "2026-10-01"), ("EMD-7777", "2026-10-01"), ("EMD-8888", "")]
    documents = fetch(FakeWeb(documents=DOCUMENTS), tmp_path, wanted)
    assert list(documents) == ["EMD-1000"]
    assert documents.get("EMD-7777") is None
    web = FakeWeb(documents=DOCUMENTS)
    fetch(web, tmp_path, wanted)
    assert web.asked("/") == ["/entry/EMD-8888"], "of no date: asked for each time"
    web = FakeWeb(documents=[document(emdb_id="EMD-7777")])
    assert "EMD-7777" in fetch(web, tmp_path, [("EMD-7777", "2026-11-18")])
    assert [path.name for path in (tmp_path / "77").iterdir()] == ["EMD-7777.2026-11-18.json.gz"]


def test_a_few_bad_documents_are_gone_without_and_many_stop_it(tmp_path, caplog):
    docs = {one["emdb_id"]: one for one in DOCUMENTS}
    bad = [name for name, _ in WANTED[5:14]]
    web = FakeWeb(documents=DOCUMENTS)
    web.documents = docs | dict.fromkeys(bad, BadAnswer)
    documents = fetch(web, tmp_path)
    assert set(docs) - set(documents) == set(bad)
    assert caplog.text.count("goes without its document") == 9
    assert plain(fetch(FakeWeb(documents=DOCUMENTS), tmp_path)) == EXPECTED, "they are asked for the next time"
    web = FakeWeb(documents=DOCUMENTS, bulk="nothing")
    web.documents = docs | dict.fromkeys([name for name, _ in WANTED[5:14] + WANTED[15:24]], BadAnswer)
    assert len(fetch(web, tmp_path / "now and then")) == 82
    web.documents = docs | dict.fromkeys([name for name, _ in WANTED[5:15]], BadAnswer)
    with pytest.raises(BadAnswer, match="EMD-1014: a web page came"):
        fetch(web, tmp_path / "other")


@pytest.mark.parametrize("answer", [document(emdb_id="EMD-9999"), [], "text", None, {"error": "none"}])
def test_an_answer_that_is_another_document(answer):
    web = FakeWeb()
    web.get_json = lambda url, **_: answer
    with pytest.raises(BadAnswer, match="what came for entry EMD-1000 is not its document"):
        documentcache.one_document(web, API, "EMD-1000")


@pytest.mark.parametrize("name", ["EMD-1/../../x", "../EMD-1000", "EMD-10 00", "EMD-12", "", "EMD-1000\n"])
def test_only_ids_become_addresses_and_paths(tmp_path, name):
    web = FakeWeb()
    with pytest.raises(ValueError, match="is no EMDB id"):
        fetch(web, tmp_path, [(name, "2026-10-01")])
    with pytest.raises(ValueError, match="is no EMDB id"):
        documentcache.one_document(web, API, name)
    assert web.log == []


@pytest.mark.parametrize("date", ["../../x", "soon", ""])
def test_only_dates_become_paths(tmp_path, date):
    fetch(FakeWeb(documents=DOCUMENTS), tmp_path, [("EMD-1000", date)])
    assert [path.name for path in (tmp_path / "00").iterdir()] == ["EMD-1000.undated.json.gz"]


def test_a_killed_write_leaves_no_document(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("qscore.tables.os.replace", killed)
        with pytest.raises(KeyboardInterrupt):
            fetch(FakeWeb(documents=DOCUMENTS), tmp_path, WANTED[:3])
    assert len(documentcache.Documents(tmp_path, WANTED)) == 0
    assert len(fetch(FakeWeb(documents=DOCUMENTS), tmp_path, WANTED[:3])) == 3


def test_a_stored_document_that_cannot_be_read(tmp_path):
    documents = fetch(FakeWeb(documents=DOCUMENTS), tmp_path, WANTED[:1])
    path = documents.path("EMD-1000")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ValueError, match=r"stored document .*EMD-1000\.2026-10-01\.json\.gz cannot be read"):
        documents["EMD-1000"]


def test_documents_are_a_mapping_of_what_is_wanted(tmp_path):
    fetch(FakeWeb(documents=DOCUMENTS), tmp_path)
    few = documentcache.Documents(tmp_path, WANTED[3:5])
    assert list(few) == ["EMD-1003", "EMD-1004"]
    assert "EMD-1000" not in few
    assert few.get("EMD-1000") is None
    assert len(documentcache.Documents(tmp_path, [("EMD-1000", "2026-11-01")])) == 0


def test_progress_is_told(tmp_path):
    told = []
    fetch(FakeWeb(documents=DOCUMENTS), tmp_path, progress=lambda *step: told.append(step))
    assert told == [(0, 100, "EMD-1000"), (40, 100, "EMD-1040"), (80, 100, "EMD-1080"), (100, 100, "done")]


# ---- all of it, over HTTP ----


@pytest.fixture
def patient():
    with Web(Manners(api_per_second=1e6, first_pause=0.0, longest_pause=0.0), sleep=lambda seconds: None) as web:
        yield web


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return Archive(tmp_path_factory.mktemp("site"), 12)


@pytest.mark.parametrize("dialect", ["quoted", "bare", "repeated"])
def test_a_catalogue_over_http(tmp_path, site, patient, dialect):
    with ArchiveServer() as server:
        site.serve(server, dialect=dialect)
        api = site.config(server.base)["api"]
        facts = snapshot.take(patient, api, tmp_path, today=TODAY)
        records = snapshot.read(tmp_path).answer.records
        wanted = candidates(records)
        documents = snapshot.documents(patient, api, wanted, tmp_path / "documents")
        server.quiet()
        asked = len(server.log)
    pairs, excluded = from_search(records, documents)
    assert facts["entries"] == len(wanted) == len(documents) == 12
    assert asked == 3, "one row, all rows, all documents"
    assert [(pair["emdb_id"], pair["pdb_id"]) for pair in pairs] == [(e["emdb_id"], e["pdb_id"]) for e in site.entries]
    assert excluded == []
    assert all(pair["in_frame"] == "FULLOVERLAP" and pair["map_stamp"] for pair in pairs)
    assert len({pair["cluster_pub"] for pair in pairs}) == 4


def test_faults_on_the_way(tmp_path, site, patient):
    """An API that stumbles in every way it may gives the same catalogue."""
    with ArchiveServer() as server:
        site.serve(server)
        api = site.config(server.base)["api"]
        expected = from_search(search.read_search(rows_of(patient, api)).records, {})
        server.fault(lambda seen: "csv" in seen.query.get("wt", []), "status", times=2, code=500)
        server.fault(lambda seen: "csv" in seen.query.get("wt", []), "html", times=1)
        server.fault(lambda seen: "csv" in seen.query.get("wt", []), "reset", times=1)
        server.fault(lambda seen: "csv" in seen.query.get("wt", []), "status", times=1, code=429, retry_after=1)
        server.fault(lambda seen: "/search/" in seen.path and "wt" not in seen.query, "html")
        server.fault("/entry/EMD-10003", "status", code=404)
        server.fault("/entry/EMD-10005", "html")
        facts = snapshot.take(patient, api, tmp_path, today=TODAY)
        wanted = candidates(snapshot.read(tmp_path).answer.records)
        documents = snapshot.documents(patient, api, wanted, tmp_path / "documents")
    assert facts["fields_missing"] == []
    assert sorted(set(dict(wanted)) - set(documents)) == ["EMD-10003", "EMD-10005"]
    pairs, _ = from_search(snapshot.read(tmp_path).answer.records, documents)
    assert [pair["emdb_id"] for pair in pairs] == [pair["emdb_id"] for pair in expected[0]]


def rows_of(web, api):
    return web.get(search.search_url(api, "*:*", fl=",".join(search.FIELDS), wt="csv", rows=1000))
