"""Batches are brought whole, with a manifest; what is missing is a fact, what is broken is the machine's."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from qscore import archive, plan, tables
from qscore.errors import ArchiveUnavailable

MAP, MODEL = b"the bytes of a map", b"the bytes of a model"


def pair(emdb_id, pdb_id):
    return {
        "emdb_id": emdb_id,
        "pdb_id": pdb_id,
        "map_file": f"{emdb_id.lower().replace('-', '_')}.map.gz",
        "model_file": f"{pdb_id}.cif.gz",
    }


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture
def site(tmp_path):
    """An archive in EMDB's and wwPDB's layout, a batch of two of its pairs, and where they are looked for."""
    maps, models = tmp_path / "emdb", tmp_path / "pdb"
    rows = [pair("EMD-0001", "1abc"), pair("EMD-0002", "pdb_00002def")]
    for row in rows:
        put(archive.map_place(maps, row), MAP + row["emdb_id"].encode())
        put(archive.model_place(models, row), MODEL + row["pdb_id"].encode())
    plan.write(tmp_path / "plan", rows, entries_per_batch=9)
    return tmp_path


def fetch(site, name="undated", **bases):
    maps, models = bases.get("maps", [site / "emdb"]), bases.get("models", [site / "pdb"])
    archive.fetch_batch(
        site / "plan" / f"{name}.tsv",
        site / "fetched" / name,
        lambda row: archive.archive_places(maps, models, row),
        workshop=site / "parts",
    )
    return site / "fetched" / name


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


# ---- places ----


@pytest.mark.parametrize(
    ("pdb_id", "middle"), [("1abc", "ab"), ("7sgd", "sg"), ("pdb_00001abc", "ab"), ("pdb_00012xyz", "xy")]
)
def test_places_in_the_archive(pdb_id, middle):
    row = pair("EMD-25107", pdb_id)
    assert str(archive.map_place("/m", row)) == "/m/EMD-25107/map/emd_25107.map.gz"
    assert str(archive.model_place("/p", row)) == f"/p/{middle}/{pdb_id}.cif.gz"


def test_places_in_several_archives(tmp_path):
    places = archive.archive_places([tmp_path, "/n"], [str(tmp_path)], pair("EMD-25107", "7sgd"))
    assert places == {
        "map": [tmp_path / "EMD-25107/map/emd_25107.map.gz", Path("/n/EMD-25107/map/emd_25107.map.gz")],
        "model": [tmp_path / "sg/7sgd.cif.gz"],
    }


def test_places_of_a_table(tmp_path):
    row = {"map_file": "maps/a.mrc", "model_file": "/elsewhere/b.cif"}
    assert {kind: list(map(str, places)) for kind, places in archive.table_places("/data", row).items()} == {
        "map": ["/data/maps/a.mrc"],
        "model": ["/elsewhere/b.cif"],
    }


# ---- fetching ----


def test_a_batch_is_fetched_whole(site):
    folder = fetch(site)
    found = manifest(folder)
    assert found["batch"] == "undated.tsv"
    content = MAP + b"EMD-0001"
    assert found["entries"][0] == {
        "emdb_id": "EMD-0001",
        "pdb_id": "1abc",
        "map": {
            "name": "EMD-0001_1abc_emd_0001.map.gz",
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        },
        "model": {
            "name": "EMD-0001_1abc_1abc.cif.gz",
            "bytes": len(MODEL) + 4,
            "sha256": hashlib.sha256(MODEL + b"1abc").hexdigest(),
        },
    }
    assert found["entries"][1]["model"]["name"] == "EMD-0002_pdb_00002def_pdb_00002def.cif.gz"
    names = {entry[kind]["name"] for entry in found["entries"] for kind in ("map", "model")}
    assert {path.name for path in folder.iterdir()} == names | {"manifest.json"}
    assert (folder / "EMD-0002_pdb_00002def_pdb_00002def.cif.gz").read_bytes() == MODEL + b"pdb_00002def"
    assert archive.is_whole(folder)
    assert archive.read_manifest(folder) == found["entries"]
    assert list((site / "parts").iterdir()) == [], "nothing is left in the workshop"


def test_the_same_batch_gives_the_same_manifest(site):
    first = (fetch(site) / "manifest.json").read_bytes()
    assert (fetch(site) / "manifest.json").read_bytes() == first


def test_an_old_folder_is_replaced(site):
    put(site / "fetched" / "undated" / "of another day", b"x")
    assert not (fetch(site) / "of another day").exists()


def test_the_first_base_that_has_a_file_is_taken(site):
    put(site / "mirror" / "EMD-0001" / "map" / "emd_0001.map.gz", b"of the mirror")
    entries = archive.read_manifest(fetch(site, maps=[site / "nowhere", site / "mirror", site / "emdb"]))
    assert [entry["map"]["bytes"] for entry in entries] == [len(b"of the mirror"), len(MAP) + 8]


def test_a_map_with_two_models_is_kept_apart(site):
    rows = [pair("EMD-0001", "1abc"), pair("EMD-0001", "2abc")]
    put(archive.model_place(site / "pdb", rows[1]), b"second")
    plan.write(site / "plan", rows, entries_per_batch=9)
    entries = archive.read_manifest(fetch(site))
    assert len({entry[kind]["name"] for entry in entries for kind in ("map", "model")}) == 4


@pytest.mark.parametrize(
    ("kind", "place"), [("map", "emdb/EMD-0002/map/emd_0002.map.gz"), ("model", "pdb/de/pdb_00002def.cif.gz")]
)
@pytest.mark.parametrize("instead", ["nothing", "a folder", "a link to nowhere"])
def test_a_missing_file_is_written_down(site, kind, place, instead):
    """An obsolete model is a fact about its pair, not a failure of the run."""
    (site / place).unlink()
    if instead == "a folder":
        (site / place).mkdir()
    elif instead == "a link to nowhere":
        (site / place).symlink_to(site / "nowhere")
    folder = fetch(site)
    entries = archive.read_manifest(folder)
    assert entries[1][kind] == {"missing": f"not at {site / place}"}
    other = "model" if kind == "map" else "map"
    assert "sha256" in entries[1][other]
    assert "sha256" in entries[0][kind]
    assert archive.is_whole(folder)


@pytest.mark.parametrize("kind", ["maps", "models"])
def test_an_archive_that_is_not_there_is_nobodys_fault(site, kind):
    """A mirror that is not mounted must not make every pair a missing one."""
    with pytest.raises(ArchiveUnavailable, match=rf"^no archive at {site}/x, {site}/y$"):
        fetch(site, **{kind: [site / "x", site / "y"]})
    assert not (site / "fetched").exists()


def test_everything_missing_is_written_down(site):
    for name in "xyz":
        (site / name).mkdir()
    folder = fetch(site, maps=[site / "x", site / "y"], models=[site / "z"])
    entries = archive.read_manifest(folder)
    assert all("missing" in entry[kind] for entry in entries for kind in ("map", "model"))
    assert entries[0]["map"]["missing"] == "not at " + ", ".join(
        str(site / base / "EMD-0001" / "map" / "emd_0001.map.gz") for base in "xy"
    )
    assert archive.is_whole(folder)


def test_an_empty_batch_is_a_batch(site):
    tables.write_tsv(site / "plan" / "empty.tsv", tables.BATCH, tables.as_columns(tables.BATCH, []))
    assert archive.read_manifest(fetch(site, "empty")) == []


@pytest.mark.parametrize("blocked", ["parts", "fetched"])
def test_a_disk_that_cannot_be_written_is_nobodys_fault(site, blocked):
    (site / blocked).write_text("a file where a folder should be")
    with pytest.raises(ArchiveUnavailable, match=r"^cannot fetch batch undated\.tsv: "):
        fetch(site)
    assert (site / blocked).read_text() == "a file where a folder should be"


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
        ArchiveUnavailable, match=r"1abc\.cif\.gz is not the file that was fetched: run the same command again$"
    ):
        archive.read_manifest(folder)


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
    put(tmp_path / "data" / "maps" / "a.mrc", MAP)
    put(tmp_path / "data" / "b.cif", MODEL)
    row = {"emdb_id": "mine", "pdb_id": "m1", "map_file": "maps/a.mrc", "model_file": "b.cif"}
    plan.write(tmp_path / "plan", [row], entries_per_batch=1)
    folder = tmp_path / "fetched" / "undated"
    archive.fetch_batch(
        tmp_path / "plan" / "undated.tsv",
        folder,
        lambda r: archive.table_places(tmp_path / "data", r),
        workshop=tmp_path / "parts",
    )
    (entry,) = archive.read_manifest(folder)
    assert (entry["map"]["name"], entry["model"]["name"]) == ("mine_m1_a.mrc", "mine_m1_b.cif")
    assert (folder / "mine_m1_a.mrc").read_bytes() == MAP


def test_relative_places_are_found_from_the_fetched_folder(tmp_path, monkeypatch):
    """Links must not depend on where the command was started."""
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "data" / "a.mrc", MAP)
    put(tmp_path / "data" / "b.cif", MODEL)
    plan.write(
        "plan", [{"emdb_id": "e", "pdb_id": "p", "map_file": "a.mrc", "model_file": "b.cif"}], entries_per_batch=1
    )
    archive.fetch_batch("plan/undated.tsv", "out/f", lambda r: archive.table_places("data", r), workshop="parts")
    monkeypatch.chdir("/")
    assert archive.is_whole(tmp_path / "out" / "f")
