"""The second look at a batch: one row an entry, whatever its search does."""

import gzip
import os
import signal
import time

import numpy as np
import pytest
from pairs import write_pair

from qscore import archive, evidence, examine, tables
from qscore.errors import ArchiveUnavailable, UnusableEntry
from qscore.isolation import Limits
from qscore.model import read_model

N = 4
# Python 3.12 and later warn of any fork beside threads; the test runner has some, `qscore examine-batch` has none.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture
def planned(tmp_path):
    """A batch file of N pairs, the second without a resolution, and the fetched batch."""
    rows = []
    for n in range(N):
        write_pair(tmp_path / "data" / f"p{n}", seed=n, n=12)
        files = {"map_file": f"p{n}/map.map", "model_file": f"p{n}/model.pdb"}
        rows.append({"emdb_id": f"EMD-{n}", "pdb_id": f"own{n}", "resolution": None if n == 1 else 2.5 + n} | files)
    rows.append(rows[0] | {"emdb_id": "EMD-9", "map_file": "none.map"})
    file = tmp_path / "b.tsv"
    tables.write_tsv(file, tables.EXAMINED, tables.as_columns(tables.EXAMINED, rows))
    places = archive.TablePlaces(tmp_path / "data")
    archive.fetch_batch(file, tmp_path / "fetched", places, workshop=tmp_path / "parts")
    return file, tmp_path / "fetched"


def run(planned, out, look=None, **limits):
    file, fetched = planned
    examine.examine_batch(fetched, file, out, limits=Limits(**limits), look=look)
    return tables.read_rows(out / "frames.parquet", layout=tables.FRAMES)


def noting(third=None):
    """A search that puts the resolution it was given into `q_before`, and does `third` for the pair EMD-3."""

    def look(map_path, _model_path, resolution, _ids, _folder):
        if third and "EMD-3" in str(map_path):
            third()
        return {"status": "examined", "q_before": resolution, "frame": ""}

    return look


def test_each_entry_is_searched_at_its_resolution(planned, tmp_path):
    rows = run(planned, tmp_path / "out", noting())
    assert [row["emdb_id"] for row in rows] == [f"EMD-{n}" for n in range(N)] + ["EMD-9"]
    assert [row["q_before"] for row in rows] == [2.5, None, 4.5, 5.5, None]
    assert (rows[-1]["status"], rows[-1]["reason"]) == ("unusable", "map_missing")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *evidence.FILES.values(),
        "frames.parquet",
        "models",
    }
    assert not any((tmp_path / "out" / "models").iterdir())


def raise_unusable():
    raise UnusableEntry("out_of_memory", "planted")


@pytest.mark.parametrize(
    ("act", "reason", "detail"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "crashed", "SIGKILL"),
        (lambda: time.sleep(600), "time_limit", "more than 1 s"),
        (raise_unusable, "out_of_memory", "planted"),
    ],
)
def test_a_search_that_fails_is_a_row(planned, tmp_path, act, reason, detail):
    seconds = 1 if reason == "time_limit" else 60
    rows = run(planned, tmp_path / "out", noting(act), memory_mb=900, base_seconds=seconds, seconds_per_mb=0)
    assert [row["status"] for row in rows] == ["examined"] * 3 + ["unusable"] * 2
    assert rows[3]["reason"] == reason
    assert detail in rows[3]["detail"]


def test_evidence_stays_when_the_search_after_it_dies(planned, tmp_path, monkeypatch):
    monkeypatch.setattr(examine.frames, "search", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    rows = run(planned, tmp_path / "out")
    assert [row["reason"] for row in rows] == ["crashed"] * N + ["map_missing"]
    named = sorted(path.name for path in (tmp_path / "out" / "models").iterdir())
    assert named == [f"EMD-{n}_own{n}.cif.gz" for n in range(N)]
    traces = tables.read_rows(tmp_path / "out" / "traces.parquet", layout=tables.TRACES)
    assert {row["emdb_id"] for row in traces} == {f"EMD-{n}" for n in range(N)}


def test_the_search_itself(planned, tmp_path):
    rows = run(planned, tmp_path / "out")
    assert [row["status"] for row in rows] == ["examined"] * 4 + ["unusable"]
    for row in rows[:4]:
        assert row["decoys"] == 12
        assert row["frame"] == ""
        assert row["shift_gain"] == pytest.approx(row["q_shifted"] - row["q_before"])
        assert not row["detail"]
    profiles = tables.read_rows(tmp_path / "out" / "profiles.parquet", layout=tables.SHOWN_PROFILES)
    assert {row["emdb_id"] for row in profiles} == {f"EMD-{n}" for n in range(N)}


def test_a_resolution_that_is_no_number(planned, tmp_path):
    file, _ = planned
    file.write_text(file.read_text(encoding="utf-8").replace("4.5", "high"), encoding="utf-8")
    with pytest.raises(ValueError, match="'high'; expected a number"):
        run(planned, tmp_path / "out", noting())
    assert not (tmp_path / "out").exists()


def test_a_broken_batch_is_not_blamed_on_its_entries(planned, tmp_path):
    (planned[1] / archive.MANIFEST).unlink()
    with pytest.raises(ArchiveUnavailable, match="run the same command again"):
        run(planned, tmp_path / "out", noting())


def test_of_a_map_too_large_the_box_around_the_model_is_searched(tmp_path, monkeypatch):
    write_pair(tmp_path, seed=1, n=12)
    path, atoms = tmp_path / "map.map", read_model(tmp_path / "model.pdb").position
    whole, note = examine.wide_density(path, atoms)
    assert whole.whole
    assert note == ""
    monkeypatch.setattr(examine, "MOST_POINTS", whole.values.size - 1)
    monkeypatch.setattr(examine, "BOX_MARGINS", (200.0, 1.0))
    part, note = examine.wide_density(path, atoms)
    assert part.values.size < whole.values.size
    assert "within 1 Å" in note
    with pytest.raises(UnusableEntry, match="no atom near"):
        examine.wide_density(path, atoms + 1000)
    monkeypatch.setattr(examine, "MOST_POINTS", 10)
    with pytest.raises(UnusableEntry, match="exceeds 10 points") as caught:
        examine.wide_density(path, atoms)
    assert caught.value.reason == "out_of_memory"


def test_a_zipped_map_is_measured_too_and_a_damaged_one_named(tmp_path, monkeypatch):
    write_pair(tmp_path, seed=1, n=12)
    atoms = read_model(tmp_path / "model.pdb").position
    zipped = tmp_path / "map.map.gz"
    zipped.write_bytes(gzip.compress((tmp_path / "map.map").read_bytes()))
    monkeypatch.setattr(examine, "MOST_POINTS", 10)
    with pytest.raises(UnusableEntry, match="exceeds 10 points"):
        examine.wide_density(zipped, atoms)
    zipped.write_bytes(zipped.read_bytes()[:20])
    with pytest.raises(UnusableEntry) as caught:
        examine.wide_density(zipped, atoms)
    assert caught.value.reason == "map_truncated"
    with pytest.raises(UnusableEntry) as caught:
        examine.wide_density(tmp_path / "none.map", atoms)
    assert caught.value.reason == "map_missing"


def test_a_model_with_an_atom_without_coordinates(tmp_path):
    write_pair(tmp_path, seed=1, n=12)
    lines = (tmp_path / "model.pdb").read_text(encoding="utf-8").splitlines(keepends=True)
    lines[3] = lines[3][:30] + "     nan" * 3 + lines[3][54:]
    (tmp_path / "model.pdb").write_text("".join(lines), encoding="utf-8")
    row = examine.look_for_frames(tmp_path / "map.map", tmp_path / "model.pdb", 3.0)
    assert row["status"] == "examined"
    assert np.isfinite(row["q_before"])
