"""Entries in children: whatever a child does, its entry gets a row and the batch goes on."""

import errno
import time

import pytest
from batches import fetched_batch

from qscore import archive, batch, tables
from qscore.entry import score_pair
from qscore.errors import ArchiveUnavailable, UnusableEntry
from qscore.isolation import Limits
from qscore.model import read_model

N = 6
# Python 3.12 and later warn of any fork beside threads; the test runner has some, `qscore score-batch` has none.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture
def fetched(tmp_path):
    """A fetched batch of N pairs."""
    return fetched_batch(tmp_path, N)


def run(fetched, out, score=None, batch_file=None, **limits):
    batch.score_batch(fetched, batch_file or fetched.parent / "b.tsv", out, limits=Limits(**limits), score=score)
    return tables.read_rows(out / "entries.parquet", layout=tables.SCORED)


def misbehaving(third):
    """A scorer that does `third` for the pair p3 and scores the others."""

    def score(map_path, model_path, **told):
        if "EMD-3" in str(map_path):
            third()
        return score_pair(map_path, model_path, **told)

    return score


def raise_unusable():
    raise UnusableEntry("map_damaged", "planted")


def raise_memory():
    raise MemoryError


@pytest.mark.parametrize(
    ("act", "reason", "detail", "transient"),
    [
        (lambda: 1 / 0, "crashed", "exit code 1", True),
        (lambda: time.sleep(600), "time_limit", "s", True),
        (raise_memory, "out_of_memory", "allocation", True),
        (raise_unusable, "map_damaged", "planted", False),
    ],
)
def test_a_child_that_fails_is_a_row(fetched, tmp_path, act, reason, detail, transient):
    seconds = 3 if reason == "time_limit" else 60
    rows = run(fetched, tmp_path / "out", misbehaving(act), memory_mb=2500, base_seconds=seconds, seconds_per_mb=0)
    assert [row["emdb_id"] for row in rows] == [f"EMD-{n}" for n in range(N)]
    assert [row["status"] for row in rows] == ["scored"] * 3 + ["unusable"] + ["scored"] * 2
    assert (rows[3]["reason"], rows[3]["transient"]) == (reason, transient)
    assert detail in rows[3]["detail"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"{name}.parquet" for name in ("entries", "residues", "ligands", "inclusion")
    }


def test_a_full_disk_is_not_blamed_on_an_entry(fetched, tmp_path):
    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ArchiveUnavailable, match="disk is full"):
        run(fetched, tmp_path / "out", misbehaving(full))


def test_rows_hold_what_the_pair_alone_gives(fetched, tmp_path):
    rows = run(fetched, tmp_path / "out")
    folder = tmp_path / "data" / "p2"
    alone = score_pair(folder / "map.map", folder / "model.pdb").summary
    assert {key: rows[2][key] for key in ("q_mean", "q_all_06", "n_atoms", "n_outside")} == {
        key: alone[key] for key in ("q_mean", "q_all_06", "n_atoms", "n_outside")
    }
    assert rows[2]["map_sha256"] == archive.sha256(folder / "map.map")
    residues = tables.read_parquet(tmp_path / "out" / "residues.parquet", layout=tables.RESIDUES)
    mine = [n for n, key in zip(residues["n_atoms"], residues["emdb_id"], strict=True) if key == "EMD-2"]
    assert sum(mine) == len(read_model(folder / "model.pdb"))


def test_the_same_bytes_again(fetched, tmp_path):
    run(fetched, tmp_path / "a")
    run(fetched, tmp_path / "b")
    for name in ("entries.parquet", "residues.parquet", "ligands.parquet", "inclusion.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_missing_files_are_rows(fetched, tmp_path):
    rows = [{"emdb_id": f"EMD-{n}", "pdb_id": f"own{n}", "map_file": "p1/map.map", "model_file": m} for n, m in
            enumerate(["p1/model.pdb", "p1/none.pdb"])]  # fmt: skip
    rows[0]["map_file"] = "none.map"
    tables.write_tsv(tmp_path / "c.tsv", tables.BATCH, tables.as_columns(tables.BATCH, rows))
    archive.fetch_batch(
        tmp_path / "c.tsv", tmp_path / "f2", archive.TablePlaces(tmp_path / "data"),
        workshop=tmp_path / "parts",
    )  # fmt: skip
    found = run(tmp_path / "f2", tmp_path / "out2", batch_file=tmp_path / "c.tsv")
    assert [(row["status"], row["stage"], row["reason"]) for row in found] == [
        ("unusable", "fetch", "map_missing"),
        ("unusable", "fetch", "model_missing"),
    ]


def test_a_broken_batch_is_not_blamed_on_its_entries(fetched, tmp_path):
    (fetched / archive.MANIFEST).unlink()
    with pytest.raises(ArchiveUnavailable, match="run the same command again"):
        run(fetched, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_deadline_grows_with_the_files():
    limits = Limits(base_seconds=10, seconds_per_mb=2)
    assert limits.deadline(5_000_000) == 20
