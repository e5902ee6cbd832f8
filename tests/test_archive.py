"""Batches are brought whole, with a manifest; what is missing is a fact, what is broken is the machine's."""

import gzip
import hashlib
import json
import os
import zlib
from pathlib import Path

import pytest
from archive_server import ArchiveServer
from small_archive import Archive

from qscore import archive, plan, tables
from qscore.errors import ArchiveUnavailable
from qscore.web import Manners, Web


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def pair(entry):
    return {
        "emdb_id": entry["emdb_id"],
        "pdb_id": entry["pdb_id"],
        "map_file": f"emd_{entry['number']}.map.gz",
        "model_file": f"{entry['pdb_id']}.cif.gz",
    }


@pytest.fixture
def site(tmp_path):
    """An archive in EMDB's and wwPDB's layout, and a batch of its two pairs."""
    site = Archive(tmp_path, 2)
    site.rows = [pair(entry) for entry in site.entries]
    plan.write(tmp_path / "plan", site.rows, entries_per_batch=9)
    return site


def fetch(site, name="undated", *, maps=None, models=None, web=None):
    places = archive.ArchivePlaces(maps or [site.maps], models or [site.models])
    archive.fetch_batch(
        site.folder / "plan" / f"{name}.tsv",
        site.folder / "fetched" / name,
        places,
        workshop=site.folder / "parts",
        web=web,
    )
    return site.folder / "fetched" / name


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


# ---- places ----


@pytest.mark.parametrize(
    ("pdb_id", "middle"), [("1abc", "ab"), ("7sgd", "sg"), ("pdb_00001abc", "ab"), ("pdb_00012xyz", "xy")]
)
def test_places_in_the_archive(pdb_id, middle):
    row = {
        "emdb_id": "EMD-25107",
        "pdb_id": pdb_id,
        "map_file": "emd_25107.map.gz",
        "model_file": f"{pdb_id}.cif.gz",
    }
    assert archive.map_places(["/m", "https://a.org/s/"], row) == [
        "/m/EMD-25107/map/emd_25107.map.gz",
        "https://a.org/s/EMD-25107/map/emd_25107.map.gz",
    ]
    assert archive.model_places(["/p", "file:///q", "https://a.org/{id}.cif.gz"], row) == [
        f"/p/{middle}/{pdb_id}.cif.gz",
        f"file:///q/{middle}/{pdb_id}.cif.gz",
        f"https://a.org/{pdb_id}.cif.gz",
    ]


@pytest.mark.parametrize("name", ["../7sgd", "7s/d", "", ".hidden", "a b", "x?y", "%2e%2e"])
def test_what_is_no_name_never_becomes_a_place(name):
    row = {"emdb_id": "EMD-1234", "pdb_id": name, "map_file": name, "model_file": name}
    for places in (archive.map_places, archive.model_places):
        with pytest.raises(ValueError, match="is not the name of"):
            places(["https://a.org"], row)


def test_places_of_a_table():
    row = {"map_file": "maps/a.mrc", "model_file": "/elsewhere/b.cif"}
    assert archive.TablePlaces("/data").of(row) == {"map": ["/data/maps/a.mrc"], "model": ["/elsewhere/b.cif"]}


def test_places_are_written_and_read(tmp_path):
    archive.write_places(tmp_path / "a.json", archive.TablePlaces("/data"))
    assert archive.read_places(tmp_path / "a.json").root == Path("/data")
    content = {"maps": ["https://a.org"], "models": [str(tmp_path)]}
    archive.write_places(tmp_path / "b.json", content)
    places = archive.read_places(tmp_path / "b.json")
    assert (places.maps, places.models) == (["https://a.org"], [str(tmp_path)])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"maps": []'])
def test_places_that_cannot_be_read(tmp_path, text):
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(ValueError, match=r"^cannot read .*p\.json"):
        archive.read_places(tmp_path / "p.json")


# ---- fetching ----


def test_a_batch_is_fetched_whole(site):
    folder = fetch(site)
    found = manifest(folder)
    assert found["batch"] == "undated.tsv"
    entry, content = found["entries"][0], site.map_file(site.entries[0]).read_bytes()
    assert entry["map"] == {
        "name": "EMD-10000_emd_10000.map.gz",
        "bytes": len(content),
        "crc32": zlib.crc32(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert entry["model"]["name"] == "EMD-10000_9aa0_9aa0.cif.gz"
    names = {entry[kind]["name"] for entry in found["entries"] for kind in ("map", "model")}
    assert {path.name for path in folder.iterdir()} == names | {"manifest.json"}
    assert (folder / entry["map"]["name"]).read_bytes() == content
    assert archive.is_whole(folder)
    assert archive.read_manifest(folder) == found["entries"]
    assert list((site.folder / "parts").iterdir()) == [], "nothing is left in the workshop"


def test_the_same_batch_gives_the_same_manifest(site):
    first = (fetch(site) / "manifest.json").read_bytes()
    assert (fetch(site) / "manifest.json").read_bytes() == first


def test_an_old_folder_is_replaced(site):
    put(site.folder / "fetched" / "undated" / "of another day", b"x")
    assert not (fetch(site) / "of another day").exists()


def test_the_first_base_that_has_a_file_is_taken(site):
    other = gzip.compress(gzip.decompress(site.map_file(site.entries[0]).read_bytes()), 9, mtime=0)
    put(site.folder / "mirror" / "EMD-10000" / "map" / "emd_10000.map.gz", other)
    bases = [site.folder / "nowhere", site.folder / "mirror", site.maps]
    entries = archive.read_manifest(fetch(site, maps=bases))
    sizes = [len(other), site.map_file(site.entries[1]).stat().st_size]
    assert [entry["map"]["bytes"] for entry in entries] == sizes


def test_a_map_with_two_models_is_brought_once(site):
    rows = [site.rows[0], site.rows[0] | {"pdb_id": "9aa1", "model_file": "9aa1.cif.gz"}]
    plan.write(site.folder / "plan", rows, entries_per_batch=9)
    entries = archive.read_manifest(fetch(site))
    assert len({entry["map"]["name"] for entry in entries}) == 1
    assert len({entry["model"]["name"] for entry in entries}) == 2


@pytest.mark.parametrize("kind", ["map", "model"])
@pytest.mark.parametrize("instead", ["nothing", "a folder", "a link to nowhere"])
def test_a_missing_file_is_written_down(site, kind, instead):
    """An obsolete model is a fact about its pair, not a failure of the run; without a model no map is brought."""
    place = {"map": site.map_file, "model": site.model_file}[kind](site.entries[1])
    place.unlink()
    if instead == "a folder":
        place.mkdir()
    elif instead == "a link to nowhere":
        place.symlink_to(site.folder / "nowhere")
    folder = fetch(site)
    entries = archive.read_manifest(folder)
    assert entries[1]["unusable"] == {"reason": f"{kind}_missing", "detail": f"not at {place}"}
    assert ("model" in entries[1], "map" in entries[1]) == (kind == "map", False)
    assert "unusable" not in entries[0]
    assert archive.is_whole(folder)


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        ("map", b"<html>not found</html>", "map_unreadable"),
        ("map", gzip.compress(bytes(3000), mtime=0)[:-20], "map_truncated"),
        ("model", gzip.compress(b"<html>not found</html>", mtime=0), "model_unreadable"),
    ],
)
def test_a_file_that_is_damaged_wherever_it_is(site, kind, content, reason):
    {"map": site.map_file, "model": site.model_file}[kind](site.entries[0]).write_bytes(content)
    entries = archive.read_manifest(fetch(site))
    assert entries[0]["unusable"]["reason"] == reason
    assert "unusable" not in entries[1]


@pytest.mark.parametrize("kind", ["maps", "models"])
def test_an_archive_that_is_not_there_is_nobodys_fault(site, kind):
    """A mirror that is not mounted must not make every pair a missing one."""
    x, y = site.folder / "x", site.folder / "y"
    with pytest.raises(ArchiveUnavailable, match=rf"^no archive at {x}, {y}$"):
        fetch(site, **{kind: [x, y]})
    assert not (site.folder / "fetched").exists()


def test_everything_missing_is_written_down(site):
    bases = [site.folder / name for name in "xyz"]
    for base in bases:
        base.mkdir()
    folder = fetch(site, maps=bases[:2], models=bases[2:])
    entries = archive.read_manifest(folder)
    assert [entry["unusable"]["reason"] for entry in entries] == ["model_missing"] * 2
    assert archive.is_whole(folder)


def test_an_empty_batch_is_a_batch(site):
    tables.write_tsv(site.folder / "plan" / "empty.tsv", tables.BATCH, tables.as_columns(tables.BATCH, []))
    assert archive.read_manifest(fetch(site, "empty")) == []


@pytest.mark.parametrize("blocked", ["parts", "fetched"])
def test_a_disk_that_cannot_be_written_is_nobodys_fault(site, blocked):
    (site.folder / blocked).write_text("a file where a folder should be")
    with pytest.raises(ArchiveUnavailable, match=r"^cannot fetch batch undated\.tsv: "):
        fetch(site)
    assert (site.folder / blocked).read_text() == "a file where a folder should be"


# ---- over HTTP ----


@pytest.fixture
def server(site):
    with ArchiveServer() as server:
        yield site.serve(server)


def over_http(site, server, **manners):
    base = site.config(server.base)
    with Web(Manners(**manners), sleep=lambda seconds: None) as web:
        return fetch(site, maps=base["maps"], models=base["models"], web=web)


def test_a_batch_comes_over_http(site, server):
    local = manifest(fetch(site))
    assert manifest(over_http(site, server)) == local
    assert len(server.log) == 4


def test_what_an_interrupted_fetch_brought_is_used(site, server):
    """Ends when the last file has begun: the whole files stay, the part is gone on with."""
    last = site.map_file(site.entries[1])
    server.fault(last.name, "reset", times=1)
    server.fault(lambda seen: len(server.requests(last.name)) > 1, "status", code=503)  # from then on, everything
    with pytest.raises(ArchiveUnavailable, match="503"):
        over_http(site, server, patience_seconds=0)
    assert not (site.folder / "fetched").exists()
    (work,) = (site.folder / "parts").iterdir()
    half = (work / f"EMD-10001_{last.name}.part").stat().st_size
    assert 0 < half < last.stat().st_size
    server.mend()
    server.log.clear()
    assert archive.is_whole(over_http(site, server))
    (seen,) = server.log
    assert (seen.range, seen.status) == (f"bytes={half}-", 206)


def test_a_batch_of_another_content_starts_anew(site, server):
    """A re-released map: nothing of the old one is used."""
    name = archive.workshop_name(site.folder / "plan" / "undated.tsv")
    plan.write(site.folder / "plan", [row | {"map_stamp": "other"} for row in site.rows], entries_per_batch=9)
    assert archive.workshop_name(site.folder / "plan" / "undated.tsv") != name


# ---- what was fetched ----


def tampered(folder, what):
    """Break a fetched folder in one way."""
    entry = manifest(folder)["entries"][0]
    model = folder / entry["model"]["name"]
    content = model.read_bytes()
    if what == "other bytes of the same length":
        model.unlink()
        model.write_bytes(content[::-1])
    elif what == "shorter":
        model.unlink()
        model.write_bytes(content[:-1])
    elif what == "gone":
        model.unlink()
    elif what == "link to nowhere":
        model.unlink()
        model.symlink_to(folder / "nowhere")
    elif what == "source gone":
        os.unlink(os.path.realpath(model))
    elif what == "no manifest":
        (folder / "manifest.json").unlink()
    elif what == "half a manifest":
        (folder / "manifest.json").write_bytes((folder / "manifest.json").read_bytes()[:90])
    elif what == "another manifest":
        (folder / "manifest.json").write_text('{"files": []}')
    elif what == "a list":
        (folder / "manifest.json").write_text("[]")
    elif what == "binary":
        (folder / "manifest.json").write_bytes(b"\xff\xfe\x00")


FILES = ["other bytes of the same length", "shorter", "gone", "link to nowhere", "source gone"]
MANIFESTS = ["no manifest", "half a manifest", "another manifest", "a list", "binary"]


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_not_what_was_fetched(site, what):
    folder = fetch(site)
    tampered(folder, what)
    with pytest.raises(
        ArchiveUnavailable, match=r"9aa0\.cif\.gz is not the file that was fetched: run the same command again$"
    ):
        archive.read_manifest(folder)
    assert not archive.is_whole(folder), "the next run fetches it again"


@pytest.mark.parametrize("what", MANIFESTS)
def test_a_folder_without_a_manifest_to_read(site, what):
    folder = fetch(site)
    tampered(folder, what)
    with pytest.raises(
        ArchiveUnavailable, match=r"undated has no readable manifest\.json: run the same command again$"
    ):
        archive.read_manifest(folder)


@pytest.mark.parametrize("what", FILES[1:] + MANIFESTS)
def test_is_whole_sees_what_a_killed_run_leaves(site, what):
    folder = fetch(site)
    assert archive.is_whole(folder)
    tampered(folder, what)
    assert not archive.is_whole(folder)


def test_no_folder(tmp_path):
    assert not archive.is_whole(tmp_path / "none")
    with pytest.raises(ArchiveUnavailable, match="has no readable"):
        archive.read_manifest(tmp_path / "none")


def test_a_table_of_ones_own_is_fetched_from_its_folder(tmp_path):
    """Relative to the table; links do not depend on where the command was started; the scorer judges what it finds."""
    put(tmp_path / "data" / "maps" / "a.mrc", b"whatever it is")
    put(tmp_path / "data" / "b.cif", b"of one's own")
    row = {"emdb_id": "mine", "pdb_id": "m1", "map_file": "maps/a.mrc", "model_file": "b.cif"}
    plan.write(tmp_path / "plan", [row], entries_per_batch=1)
    folder = tmp_path / "fetched" / "undated"
    places = archive.TablePlaces(os.path.relpath(tmp_path / "data"))
    archive.fetch_batch(tmp_path / "plan" / "undated.tsv", folder, places, workshop=tmp_path / "parts")
    (entry,) = archive.read_manifest(folder)
    assert (entry["map"]["name"], entry["model"]["name"]) == ("mine_m1_a.mrc", "mine_m1_b.cif")
    assert os.readlink(folder / "mine_m1_a.mrc") == str((tmp_path / "data" / "maps" / "a.mrc").resolve())
