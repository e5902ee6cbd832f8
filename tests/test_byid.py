"""Ids in place of files: what they name, what is fetched once, and what is said when that cannot be."""

import io
import json
import logging
import shutil
import sys
import threading

import numpy as np
import pytest
import small_archive
from archive_server import ArchiveServer
from rich.progress import Progress

from qscore import byid, cli, compiled, documents, regions, shelf, show, tables
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer, UnusableEntry
from qscore.web import Manners, Web

DAY = 86400.0

# ---- what is an id ----


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("EMD-30342", "EMD-30342"),
        ("emd-30342", "EMD-30342"),
        ("EMD-0339", "EMD-0339"),
        ("m.map.gz", None),
        ("emd_30342.map.gz", None),
        ("EMD-", None),
        ("", None),
    ],
)
def test_ids_of_maps(given, found):
    assert byid.map_id(given) == found


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("7cec", "7cec"),
        ("7CEC", "7cec"),
        ("pdb_00007cec", "7cec"),
        ("PDB_00007CEC", "7cec"),
        ("pdb_10007cec", "pdb_10007cec"),
        ("1914", "1914"),
        ("7cec.cif", None),
        ("cec7", None),
        ("7ceca", None),
        ("", None),
    ],
)
def test_ids_of_models(given, found):
    assert byid.model_id(given) == found


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("30342", "no such file: 30342; an EMDB id is written EMD-30342"),
        ("339", "no such file: 339; an EMDB id is written EMD-0339"),
        ("EMD-339", "no such file: EMD-339; an EMDB id is written EMD-0339"),
        ("emd_30342", "no such file: emd_30342; an EMDB id is written EMD-30342"),
        ("7cec", "no such file: 7cec; in place of a map stands an EMDB id, and 7cec is one of the PDB"),
    ],
)
def test_nearly_an_id_of_a_map(given, line):
    with pytest.raises(ValueError) as trouble:
        byid.map_id(given)
    assert str(trouble.value) == line


def test_an_emdb_id_is_no_model():
    with pytest.raises(ValueError, match=r"^no such file: emd-30342; in place of a model stands a PDB id, and"):
        byid.model_id("emd-30342")


def test_a_file_of_that_name_is_the_file_and_a_folder_is_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("EMD-30342", "7cec", "30342"):
        (tmp_path / name).write_text("mine")
        assert byid.map_id(name) is None
        assert byid.model_id(name) is None
        (tmp_path / name).unlink()
    (tmp_path / "7cec").mkdir()
    (tmp_path / "EMD-30342").mkdir()
    assert byid.model_id("7cec") == "7cec"
    assert byid.map_id("EMD-30342") == "EMD-30342"


def test_files_alone_ask_nobody(monkeypatch):
    monkeypatch.setattr(shelf, "Shelf", lambda *_, **__: pytest.fail("asked"))
    found = byid.inputs("m.map", ["a.cif", "b.cif"])
    assert found == byid.Inputs("m.map", ("a.cif", "b.cif"))
    assert found.about() == {"emdb_id": None, "pdb_ids": [], "contour_level": None}


# ---- what an entry says ----


def facts(**other):
    told = {"emdb_id": "EMD-1234", "status": "REL", "map_file": "emd_1234.map.gz", "map_stamp": "1"}
    told |= {"models": (("1abc", "FULLOVERLAP"),), "resolution": 3.0, "x_fault": None, "contour_level": 0.1}
    return told | other


def test_the_only_model_of_an_entry():
    assert byid.only_model(facts()) == "1abc"
    with pytest.raises(ValueError, match=r"^EMD-1234 has 2 fitted models, name one: 1abc, 2abc$"):
        byid.only_model(facts(models=(("1abc", None), ("2abc", None))))
    with pytest.raises(ValueError, match=r"^EMD-1234 has no fitted model: name one, a file or a PDB id$"):
        byid.only_model(facts(models=()))


@pytest.mark.parametrize(
    ("other", "remarks"),
    [
        ({}, []),
        ({"models": (("1abc", None),)}, []),
        ({"models": (("1abc", "PARTIALOVERLAP"),)}, ["EMD-1234 says of 1abc: PARTIALOVERLAP"]),
        ({"models": (("2abc", None), ("3abc", None))},
         ["1abc is not among the fitted models of EMD-1234 (2abc, 3abc)"]),
        ({"models": ()}, ["1abc is not among the fitted models of EMD-1234"]),
    ],
)  # fmt: skip
def test_the_relation_of_a_model_to_the_entry(other, remarks):
    assert byid.relation(facts(**other), "1abc") == remarks
    assert byid.relation({}, "1abc") == []


@pytest.mark.parametrize(
    ("other", "line"),
    [
        ({"status": "OBS"}, "EMD-1234 is not released: its status is OBS"),
        ({"status": "HPUB"}, "EMD-1234 is not released: its status is HPUB"),
        ({"map_file": ""}, "the document of EMD-1234 names no map file"),
    ],
)
def test_entries_without_a_map_to_fetch(other, line):
    with pytest.raises(ValueError) as trouble:
        byid.check_entry(facts(**other))
    assert str(trouble.value) == line
    byid.check_entry(facts(status=""))


def test_ones_own_values_come_before_the_entrys():
    found = byid.Inputs("m", ("a",), resolution=3.0, contour_level=0.1)
    assert found.with_own(resolution=None, contour_level=None) == found
    assert found.with_own(resolution=2.5, contour_level=0.0) == byid.Inputs(
        "m", ("a",), resolution=2.5, contour_level=0.0
    )


class Kept:
    """A shelf that holds one entry."""

    remarks = ()

    def __init__(self, told):
        self.told = told

    def facts(self, emdb_id):
        return self.told

    def model(self, pdb_id):
        return f"{pdb_id}.cif.gz"

    def map(self, told):
        return told["map_file"]


@pytest.mark.parametrize(("told", "taken"), [("D7", "D7"), ("", None)])
def test_the_symmetry_of_an_entry_is_kept(told, taken):
    found = byid.collect(Kept(facts(point_group=told)), "EMD-1234", ())
    assert (found.point_group, found.resolution, found.contour_level) == (taken, 3.0, 0.1)
    zero = byid.collect(Kept(facts(contour_level=0.0)), "EMD-1234", ())
    assert (zero.point_group, zero.contour_level) == (None, 0.0)


def test_the_grid_of_an_entry_is_kept_for_its_own_map_alone():
    told = facts(map_grid="220 221 222")
    assert byid.collect(Kept(told), "EMD-1234", ()).map_grid == "220 221 222"
    assert byid.collect(Kept(facts(map_grid="")), "EMD-1234", ()).map_grid is None
    assert byid.collect(Kept(told), "mine.map", ("1abc",)).map_grid is None


# ---- the shelf ----


class FakeWeb:
    """Gives or raises what it is told; counts."""

    def __init__(self, *answers):
        self.answers, self.urls = list(answers), []

    def get_json(self, url):
        self.urls.append(url)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def archive(tmp_path):
    return small_archive.Archive(tmp_path / "archive", n=2)


@pytest.fixture
def shelf_of(tmp_path, archive):
    """A shelf whose files come from folders, and whose documents come from a fake web."""

    def make(*answers, **options):
        web = FakeWeb(*answers)
        servers = shelf.Servers("https://emdb/api/", (str(archive.maps),), (str(archive.models),))
        return shelf.Shelf(tmp_path / "kept", web, servers, **options)

    return make


def document(archive, k=0, **other):
    return small_archive.document(archive.entries[k] | other)


def test_servers_come_from_the_environment():
    assert shelf.servers({}) == shelf.servers({"QSCORE_MAPS": " "}) == shelf.Servers()
    environment = {"QSCORE_EMDB_API": "https://a/api", "QSCORE_MAPS": "/m https://b/maps", "QSCORE_MODELS": "/n"}
    assert shelf.servers(environment) == shelf.Servers("https://a/api", ("/m", "https://b/maps"), ("/n",))
    with pytest.raises(ValueError, match=r"^QSCORE_EMDB_API names 2 addresses; expected one$"):
        shelf.servers({"QSCORE_EMDB_API": "https://a https://b"})


@pytest.mark.parametrize("root", ["/x/cache", "", "relative", None])
def test_the_folder_is_that_of_caches(root, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/h")
    if root is not None:
        monkeypatch.setenv("XDG_CACHE_HOME", root)
    expected = "/x/cache" if root == "/x/cache" else "/h/.cache"
    assert str(shelf.default_folder()) == f"{expected}/qscore/archive"


def test_a_document_is_kept_for_seven_days(shelf_of, archive):
    first, second = document(archive), document(archive, resolution=9.9)
    clock = [1e9]
    kept = shelf_of(first, second, now=lambda: clock[0])
    assert kept.facts("EMD-10000")["resolution"] == 2.0
    clock[0] += 6.9 * DAY
    assert kept.facts("EMD-10000")["resolution"] == 2.0
    clock[0] += 0.2 * DAY
    assert kept.facts("EMD-10000")["resolution"] == 9.9
    assert kept.web.urls == ["https://emdb/api/entry/EMD-10000"] * 2
    assert kept.remarks == []


def test_a_clock_that_was_wrong_is_no_reason_to_keep_for_ever(shelf_of, archive):
    kept = shelf_of(document(archive), now=lambda: 4e9)
    kept.facts("EMD-10000")
    assert shelf_of(document(archive, resolution=9.9), now=lambda: 1e9).facts("EMD-10000")["resolution"] == 9.9


@pytest.mark.parametrize(
    "trouble", [ArchiveUnavailable("no network"), BadAnswer("an error page"), {"emdb_id": "EMD-1"}]
)
def test_an_old_document_serves_when_emdb_cannot_be_asked(shelf_of, archive, trouble):
    shelf_of(document(archive), now=lambda: 1e9).facts("EMD-10000")
    kept = shelf_of(trouble, now=lambda: 2e9)
    assert kept.facts("EMD-10000")["resolution"] == 2.0
    assert kept.remarks == ["EMD-10000.json: as fetched on 2001-09-09; the archive cannot be asked now"]
    with pytest.raises(ArchiveUnavailable):
        shelf_of(trouble, now=lambda: 2e9, refresh=True).facts("EMD-10000")
    with pytest.raises(ArchiveUnavailable):
        shelf_of(trouble).facts("EMD-10001")


def test_an_entry_that_is_not_there_is_a_mistake_even_if_it_was(shelf_of, archive):
    shelf_of(document(archive), now=lambda: 1e9).facts("EMD-10000")
    with pytest.raises(ValueError, match=r"^EMD-10000 is not in EMDB \(https://emdb/api/entry/EMD-10000\)$"):
        shelf_of(Absent("404"), now=lambda: 2e9).facts("EMD-10000")


def test_refresh_asks_again(shelf_of, archive):
    shelf_of(document(archive)).facts("EMD-10000")
    assert shelf_of(document(archive, resolution=9.9), refresh=True).facts("EMD-10000")["resolution"] == 9.9


@pytest.mark.parametrize("damage", ["companion", "file", "gone"])
def test_what_is_damaged_is_fetched_again(shelf_of, archive, tmp_path, damage):
    shelf_of(document(archive)).facts("EMD-10000")
    companion, path = tmp_path / "kept" / ".EMD-10000.json.kept", tmp_path / "kept" / "EMD-10000.json"
    {
        "companion": lambda: companion.write_text(companion.read_text()[:20]),
        "file": lambda: path.write_text("{"),
        "gone": path.unlink,
    }[damage]()
    kept = shelf_of(document(archive, resolution=9.9))
    assert kept.facts("EMD-10000")["resolution"] == 9.9


@pytest.fixture
def remote(tmp_path, archive):
    """A shelf whose files come from a server."""
    with ArchiveServer() as server, Web(Manners(patience_seconds=0.0)) as web:
        places = archive.config(archive.serve(server).base)
        servers = shelf.Servers(places["api"], tuple(places["maps"]), tuple(places["models"]))
        yield lambda **options: shelf.Shelf(tmp_path / "kept", web, servers, **options)


def test_a_map_is_kept_until_its_entry_describes_another(remote, archive):
    entry = archive.entries[0]
    found = documents.entry_facts(document(archive))
    path = remote().map(found)
    first = path.read_bytes()
    assert (path.name, first) == ("emd_10000.map.gz", archive.map_file(entry).read_bytes())
    archive.write_files(entry, seed=99)
    other = documents.entry_facts(document(archive, title="corrected")) | {"map_stamp": found["map_stamp"]}
    assert remote(now=lambda: 9e9).map(other).read_bytes() == first
    other = documents.entry_facts(document(archive))
    assert remote().map(other).read_bytes() == archive.map_file(entry).read_bytes() != first


def test_a_model_is_kept_for_seven_days(remote, archive):
    entry, clock = archive.entries[0], [1e9]
    kept = remote(now=lambda: clock[0])
    first = kept.model("9aa0").read_bytes()
    archive.write_files(entry, seed=99)
    clock[0] += 6 * DAY
    assert kept.model("9aa0").read_bytes() == first
    clock[0] += 2 * DAY
    assert kept.model("9aa0").read_bytes() == archive.model_file(entry).read_bytes() != first


def test_a_mirror_on_this_machine_is_not_copied(shelf_of, archive):
    path = shelf_of().model("9aa0")
    assert path.samefile(archive.model_file(archive.entries[0]))
    archive.write_files(archive.entries[0], seed=99)
    assert shelf_of().model("9aa0").samefile(archive.model_file(archive.entries[0]))


def test_files_the_archive_does_not_have(shelf_of, archive):
    with pytest.raises(
        UnusableEntry, match=r"^no model 1abc in the PDB's archive: obsolete, not released, or"
    ) as trouble:
        shelf_of().model("1abc")
    assert trouble.value.reason == "model_missing"
    gone = documents.entry_facts(document(archive))
    archive.map_file(archive.entries[0]).unlink()
    with pytest.raises(UnusableEntry, match=r"^no file emd_10000\.map\.gz of EMD-10000: ") as trouble:
        shelf_of().map(gone)
    assert trouble.value.reason == "map_missing"


def test_a_mirror_that_is_not_there_blames_no_entry(tmp_path):
    with pytest.raises(ArchiveUnavailable, match=r"^no archive at /nowhere$"):
        shelf.Shelf(tmp_path, None, shelf.Servers(maps=("/nowhere",)))


def test_a_folder_that_cannot_be_written(tmp_path, archive):
    (tmp_path / "taken").write_text("mine")
    servers = shelf.Servers(maps=(str(archive.maps),), models=(str(archive.models),))
    with pytest.raises(ArchiveUnavailable, match=r"^cannot write to .*taken: .* \(XDG_CACHE_HOME names "):
        shelf.Shelf(tmp_path / "taken", None, servers).model("9aa0")


def test_of_two_that_want_the_same_file_one_fetches(shelf_of, archive):
    """The second waits for the first, and says so."""
    waits, asked = threading.Event(), []

    class SlowWeb:
        def get_json(self, url):
            asked.append(url)
            assert waits.wait(20)
            return document(archive)

    class Listener(logging.Handler):
        def emit(self, record):
            assert record.getMessage() == "waiting for EMD-10000.json, which another qscore is fetching"
            waits.set()

    listener, logger = Listener(), logging.getLogger("qscore")
    logger.addHandler(listener)
    level = logger.level
    logger.setLevel(logging.INFO)
    found = []

    def work():
        mine = shelf_of()
        mine.web = SlowWeb()
        found.append(mine.facts("EMD-10000")["resolution"])

    try:
        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)
    assert found == [2.0, 2.0]
    assert len(asked) == 1


# ---- the command, against a server ----


@pytest.fixture
def served(tmp_path, archive, monkeypatch):
    """A server that has the archive, named by the environment; the test works in an empty folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(compiled, "is_cached", lambda: True)
    monkeypatch.setattr(byid, "PATIENCE", 0.0)
    monkeypatch.setattr(shelf, "default_folder", lambda: tmp_path / "kept")
    with ArchiveServer() as server:
        places = archive.serve(server).base, archive.config(server.base)
        monkeypatch.setenv("QSCORE_EMDB_API", places[1]["api"])
        monkeypatch.setenv("QSCORE_MAPS", " ".join(places[1]["maps"]))
        monkeypatch.setenv("QSCORE_MODELS", " ".join(places[1]["models"]))
        yield server


def run(capsys, *arguments):
    capsys.readouterr()
    code = cli.main(list(map(str, arguments)))
    return code, *capsys.readouterr()


def paths(server):
    server.quiet()
    return [seen.path.rsplit("/", 1)[1] for seen in server.log]


def test_a_pair_by_its_ids(served, archive, capsys, tmp_path):
    code, out, err = run(capsys, "score", "emd-10000", "9AA0", "--json", "--out", "out")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["emdb_id"], found["pdb_ids"]) == ("EMD-10000", ["9aa0"])
    assert (found["resolution"], found["contour_level"], found["hints"]) == (2.0, 1.5, [])
    assert found["map"]["file"] == "emd_10000.map.gz"
    assert json.loads((tmp_path / "work" / "out" / "summary.json").read_text(encoding="utf-8")) == found
    assert sorted(path.name for path in (tmp_path / "work" / "out").iterdir()) == [
        "9aa0.qscore.cif", "inclusion.tsv", "regions.tsv", "residues.tsv", "summary.json"
    ]  # fmt: skip
    entry = archive.entries[0]
    by_hand = json.loads(run(capsys, "score", archive.map_file(entry), archive.model_file(entry), "--json")[1])
    assert found["q_mean"] == by_hand["q_mean"]
    assert sorted(paths(served)) == ["9aa0.cif.gz", "EMD-10000", "emd_10000.map.gz"]
    assert sorted(path.name for path in (tmp_path / "kept").glob("[!.]*")) == [
        "9aa0.cif.gz", "EMD-10000.json", "emd_10000.map.gz"
    ]  # fmt: skip


def test_regions_are_looked_for_with_the_entrys_symmetry(served, archive, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(regions, "regions_of_pair", lambda *_, **how: asked.append(how["point_group"]) or [])
    told = document(archive)
    structure = told["structure_determination_list"]["structure_determination"][0]
    structure["image_processing"][0]["final_reconstruction"]["applied_symmetry"] = {"point_group": "D7"}
    served.answer("/emdb/api/entry/EMD-10000", told)
    run(capsys, "score", "EMD-10000", "9aa0")
    entry = archive.entries[0]
    run(capsys, "score", archive.map_file(entry), archive.model_file(entry), "--resolution", "3")
    assert asked == ["D7", None]


def test_regions_are_left_as_a_table_and_what_is_left_is_said(served, archive, capsys, monkeypatch, tmp_path):
    found = {"kind": "chain region", "chain": "A", "from": "3", "to": "9", "length": 7, "mean_q": 0.284, "p": 0.009,
             "p_adjusted": 0.018, "z_within": -2.5, "pooled": "", "reference": "…; 2 chains"}  # fmt: skip
    monkeypatch.setattr(regions, "regions_of_pair", lambda *_, **how: [found | {"emdb_id": "", "n_tested": 2}])
    _, out, err = run(capsys, "score", "EMD-10000", "9aa0", "--out", "out")
    assert err == "written to out: summary.json, residues.tsv, inclusion.tsv, regions.tsv, 9aa0.qscore.cif\n"
    assert "less resolved than expected (p adjusted over 2 chains): A 3–9 (Q 0.28, p 0.018)" in " ".join(out.split())
    work = tmp_path / "work"
    (row,) = tables.read_tsv(work / "out" / "regions.tsv")
    assert set(row) == set(tables.REGIONS.names)
    assert (row["emdb_id"], row["pdb_id"], row["from"], row["reference"]) == ("EMD-10000", "9aa0", "3", "…; 2 chains")
    entry = archive.entries[0]
    files = archive.map_file(entry), archive.model_file(entry)
    _, _, err = run(capsys, "score", *files, "--out", "bare", "--atoms")
    assert err.startswith("written to bare: summary.json, residues.tsv, inclusion.tsv, atoms.tsv, ")
    assert "regions" not in err
    assert not (work / "bare" / "regions.tsv").exists()


def test_equations_beside_the_curve_are_marked(served, capsys):
    lines = run(capsys, "score", "EMD-10000", "9aa0")[1].splitlines()
    entry, protein = (next(line for line in lines if line.startswith(name)) for name in ("entry", "protein"))
    assert entry.count("*") == 1 and entry.endswith("*")  # of σ 0.6; that of σ 0.4 is the curve's
    assert protein.count("*") == 2
    assert "; * published with MapQ and fitted to other, fewer entries than the curve" in "".join(lines)


def test_the_deposited_grid_tells_a_part_from_the_whole(served, archive, capsys):
    def measured(*pair):
        return json.loads(run(capsys, "score", *pair, "--json")[1])["realspace"]

    whole = measured("EMD-10000", "9aa0")
    assert whole["whole_map"] and whole["avg_density_z"] is not None
    told = document(archive)
    told["map"]["dimensions"] = {"col": 400, "row": 400, "sec": 400}
    served.answer("/emdb/api/entry/EMD-10000", told)
    part = measured("EMD-10000", "9aa0", "--refresh")
    assert not part["whole_map"] and part["avg_density_z"] is None
    assert " of 400 400 400 points)" in part["not_measured"]
    entry = archive.entries[0]
    shutil.copy(archive.map_file(entry), "mine.map.gz")
    assert "400" not in measured("mine.map.gz", "9aa0")["not_measured"], "a map of one's own is not the entry's"


def test_the_second_time_nobody_is_asked(served, capsys):
    first = run(capsys, "score", "EMD-10000", "9aa0", "--json")
    served.quiet()
    served.log.clear()
    served.down()
    assert run(capsys, "score", "EMD-10000", "pdb_00009aa0", "--json") == first
    assert served.log == []
    served.up()
    assert run(capsys, "score", "EMD-10000", "9aa0", "--json", "--refresh") == first
    assert len(paths(served)) >= 3


def test_without_a_model_the_only_one_is_taken(served, archive, capsys):
    found = json.loads(run(capsys, "score", "EMD-10001", "--json")[1])
    assert found["pdb_ids"] == ["9aa1"]
    several = document(archive)
    several["crossreferences"]["pdb_list"]["pdb_reference"] = [{"pdb_id": "9AA0"}, {"pdb_id": "9aa1"}]
    served.answer("/emdb/api/entry/EMD-10000", several)
    assert run(capsys, "score", "EMD-10000") == (
        1, "", "qscore: EMD-10000 has 2 fitted models, name one: 9aa0, 9aa1\n"
    )  # fmt: skip


def test_ones_own_model_in_a_map_of_emdb(served, archive, capsys):
    shutil.copy(archive.model_file(archive.entries[0]), "mine.cif.gz")
    found = json.loads(run(capsys, "score", "EMD-10000", "mine.cif.gz", "--json", "--resolution", "4")[1])
    assert (found["pdb_ids"], found["resolution"], found["contour_level"]) == ([None], 4.0, 1.5)
    assert sorted(paths(served)) == ["EMD-10000", "emd_10000.map.gz"]


def test_ones_own_map_and_a_model_of_the_pdb(served, archive, capsys):
    shutil.copy(archive.map_file(archive.entries[0]), "mine.map.gz")
    found = json.loads(run(capsys, "score", "mine.map.gz", "9aa0", "--json", "--contour", "0.5")[1])
    assert (found["emdb_id"], found["pdb_ids"], found["resolution"]) == (None, ["9aa0"], None)
    assert found["contour_level"] == 0.5
    assert paths(served) == ["9aa0.cif.gz"]


def test_another_entrys_model_is_scored_with_a_remark(served, capsys):
    code, out, _ = run(capsys, "score", "EMD-10000", "9aa1")
    assert code == 0
    lines = [line.rstrip() for line in out.splitlines()]
    assert "9aa1 is not among the fitted models of EMD-10000 (9aa0)" in lines


def test_resolutions_that_cannot_be_chosen_are_said(served, archive, capsys):
    served.answer("/emdb/api/entry/EMD-10000", document(archive, resolution=""))
    found = json.loads(run(capsys, "score", "EMD-10000", "--json")[1])
    assert (found["resolution"], found["hints"]) == (None, ["EMD-10000: no resolution"])


def test_two_models_by_their_ids(served, capsys):
    code, out, err = run(capsys, "compare", "EMD-10000", "9aa0", "9aa1", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["emdb_id"], found["pdb_ids"], found["resolution"]) == ("EMD-10000", ["9aa0", "9aa1"], 2.0)
    assert [found[when]["file"] for when in ("before", "after")] == ["9aa0.cif.gz", "9aa1.cif.gz"]
    assert found["remarks"] == ["9aa1 is not among the fitted models of EMD-10000 (9aa0)"]
    assert len(paths(served)) == 4


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("EMD-99999", "9aa0"), "EMD-99999 is not in EMDB ("),
        (("EMD-10000", "1abc"), "no model 1abc in the PDB's archive: "),
        (("30342", "9aa0"), "no such file: 30342; an EMDB id is written EMD-30342"),
        (("EMD-10000", "EMD-10001"), "no such file: EMD-10001; in place of a model stands a PDB id"),
    ],
)
@pytest.mark.parametrize("command", ["score", "compare"])
def test_what_is_not_there_is_one_line(served, capsys, command, arguments, line):
    more = ("9aa0",) if command == "compare" else ()
    code, out, err = run(capsys, command, *arguments, *more)
    assert (code, out) == (1, "")
    assert err.startswith(f"qscore: {line}") and err.count("\n") == 1


def test_an_entry_that_was_withdrawn(served, archive, capsys):
    served.answer("/emdb/api/entry/EMD-10000", document(archive, status="OBS"))
    assert run(capsys, "score", "EMD-10000") == (
        1, "", "qscore: EMD-10000 is not released: its status is OBS\n"
    )  # fmt: skip


def test_no_network_is_nobodys_mistake(served, capsys, tmp_path):
    served.down()
    code, out, err = run(capsys, "score", "EMD-10000", "9aa0", "--out", "out")
    assert (code, out) == (75, "")
    assert err.startswith("qscore: ") and err.count("\n") == 1
    assert not (tmp_path / "work" / "out").exists()


def test_the_folder_is_looked_at_before_anything_is_fetched(served, capsys, tmp_path):
    (tmp_path / "work" / "out").write_text("mine")
    code, _, err = run(capsys, "score", "EMD-10000", "9aa0", "--out", "out")
    assert code == 1 and err.startswith("qscore: cannot write to folder out: ")
    assert served.log == []


def test_an_address_that_is_not_safe(served, capsys, monkeypatch):
    monkeypatch.setenv("QSCORE_EMDB_API", "http://example.org/api")
    code, _, err = run(capsys, "score", "EMD-10000", "9aa0")
    assert code == 1 and "http://example.org" in err and err.count("\n") == 1


# ---- progress ----


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_bytes_and_rate_are_shown_on_a_terminal(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with show.download("emd_[1].map.gz") as advance:
        for done in np.linspace(5e6, 2e7, 4):
            advance(int(done), 20_000_000)
    shown = terminal.getvalue()
    assert "emd_[1].map.gz" in shown
    assert "20.0/20.0 MB" in shown


def test_what_was_brought_before_tells_nothing_of_the_rate(monkeypatch):
    """A resumed file begins in the middle; a file begun anew begins again."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    seen = []
    monkeypatch.setattr(Progress, "reset", lambda self, task, **told: seen.append(told))
    with show.download("emd_1.map.gz") as advance:
        for done in (70, 80, 0, 10):
            advance(done, 100)
    assert seen == [{"total": 100, "completed": 70}, {"total": 100, "completed": 0}]


def test_long_work_says_now_and_then_how_far_it_is(caplog):
    clock = [0.0]
    with caplog.at_level(logging.INFO, logger="qscore"), show.progress("documents", clock=lambda: clock[0]) as advance:
        for done in range(5):
            clock[0] += 25.0
            advance(done, 5000, "EMD-1")
    assert [record.getMessage() for record in caplog.records] == ["documents: 2 of 5,000"]


def test_nothing_is_shown_elsewhere(capsys):
    with show.download("emd_1.map.gz") as advance:
        advance(5, None)
        advance(10, 10)
    assert capsys.readouterr() == ("", "")
