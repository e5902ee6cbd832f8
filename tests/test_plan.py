"""Batches are a function of the catalogue alone: what does not change is not done again."""

import datetime
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qscore import plan, tables


def pair(emdb_id, pdb_id="1abc", map_release="2024-05-08", **given):
    row = {
        "emdb_id": emdb_id,
        "pdb_id": pdb_id,
        "map_file": f"{emdb_id.lower()}.map.gz",
        "model_file": f"{pdb_id}.cif.gz",
        "map_stamp": "1 2",
        "model_stamp": "3 4",
        "map_release": map_release,
        "resolution": 3.2,
        "sample": "a sample",
        "title": "a title",
        "contour_level": 0.02,
        "point_group": "C1",
    }
    return row | given


def pairs(n, week="2024-05-08", first=1000):
    return [pair(f"EMD-{first + k}", map_release=week) for k in range(n)]


def written(folder, rows, entries_per_batch=4):
    """Name → bytes of the batch files."""
    names = plan.write(folder, rows, entries_per_batch=entries_per_batch)
    files = {path.name.removesuffix(".tsv"): path.read_bytes() for path in folder.glob("*.tsv")}
    assert plan.is_complete(folder)
    assert sorted(names) == sorted(files) == plan.names(folder)
    return files


def ids(batch):
    return [row["emdb_id"] for row in batch]


# ---- periods ----


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2024-05-08", "2024-05-08"),  # a Wednesday
        ("2024-05-09", "2024-05-08"),
        ("2024-05-14", "2024-05-08"),
        ("2024-05-15", "2024-05-15"),
        ("2024-05-07", "2024-05-01"),
        ("2024-01-02", "2023-12-27"),
        ("2020-01-01", "2020-01-01"),
        ("2020-01-07", "2020-01-01"),
        ("2019-12-31", "2019q4"),
        ("2019-10-01", "2019q4"),
        ("2019-09-30", "2019q3"),
        ("2012-06-30", "2012q2"),
        ("2002-01-01", "2002q1"),
        ("", "undated"),
        (None, "undated"),
        ("soon", "undated"),
        ("2024-13-01", "undated"),
    ],
)
def test_period(day, name):
    assert plan.period(day) == name


@settings(max_examples=200, deadline=None)
@given(day=st.dates(datetime.date(2020, 1, 1), datetime.date(2100, 1, 1)))
def test_weeks_are_wednesdays_to_tuesdays(day):
    wednesday = datetime.date.fromisoformat(plan.period(day.isoformat()))
    assert wednesday.weekday() == 2
    assert 0 <= (day - wednesday).days < 7


# ---- batches ----


def test_periods_are_apart():
    rows = [
        pair("EMD-1"),
        pair("EMD-2", map_release="2024-05-01"),
        pair("EMD-3", map_release=""),
        pair("EMD-4", map_release="2003-02-01"),
    ]
    found = plan.batches(rows, entries_per_batch=40)
    assert {name: ids(batch) for name, batch in found.items()} == {
        "2003q1": ["EMD-4"], "2024-05-01": ["EMD-2"], "2024-05-08": ["EMD-1"], "undated": ["EMD-3"],
    }  # fmt: skip


def test_a_pair_without_release_column_is_undated():
    row = pair("EMD-1")
    del row["map_release"]
    assert list(plan.batches([row], entries_per_batch=1)) == ["undated"]


@settings(max_examples=60, deadline=None)
@given(n=st.integers(0, 60), most=st.integers(1, 20), seed=st.integers(0, 999))
def test_batches_are_a_partition_and_small_enough(n, most, seed):
    rows = pairs(n) + pairs(3, week="2024-05-01", first=9000)
    found = plan.batches(rows, entries_per_batch=most)
    assert all(1 <= len(batch) <= most for batch in found.values())
    assert sorted(row["emdb_id"] for batch in found.values() for row in batch) == sorted(ids(rows))
    shuffled = rows[:]
    random.Random(seed).shuffle(shuffled)
    again = plan.batches(shuffled, entries_per_batch=most)
    assert list(again.items()) == list(found.items())


def test_the_name_of_a_part_is_the_beginning_of_its_pairs_hash():
    found = plan.batches(pairs(40), entries_per_batch=4)
    assert len(found) > 10
    for name, batch in found.items():
        prefix = name.removeprefix("2024-05-08.")
        assert set(prefix) <= {"0", "1"}
        assert all(plan.bits(row["emdb_id"], row["pdb_id"]).startswith(prefix) for row in batch)


def test_bits_are_a_fixed_hash():
    """Another one would make every batch new. By sha256sum of `EMD-1000 1abc`: 35caad…"""
    assert plan.bits("EMD-1000", "1abc")[:24] == "001101011100101010101101"
    assert len(plan.bits("EMD-1000", "1abc")) == 256
    assert plan.bits("EMD-1000", "1abc") != plan.bits("EMD-1000", "1abd")


@pytest.mark.parametrize("most", [0, -1])
def test_entries_per_batch_is_checked(most):
    with pytest.raises(ValueError, match=f"^entries per batch {most}; expected at least 1$"):
        plan.batches(pairs(3), entries_per_batch=most)


def test_models_of_one_map_may_part():
    rows = [pair("EMD-1", pdb_id=f"1ab{k}") for k in range(8)]
    found = plan.batches(rows, entries_per_batch=2)
    assert sum(len(batch) for batch in found.values()) == 8
    assert max(len(batch) for batch in found.values()) == 2


# ---- what is written ----


def changed(before, after):
    """Names whose files differ or are only in one."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_a_new_week_leaves_the_others_byte_for_byte(tmp_path):
    rows = pairs(30) + pairs(9, week="2019-02-02", first=2000)
    before = written(tmp_path / "a", rows)
    after = written(tmp_path / "b", rows + pairs(7, week="2024-05-15", first=3000))
    new = changed(before, after)
    assert new
    assert all(name.startswith("2024-05-15") for name in new)


def leaf_of(files, row):
    return [name for name, content in files.items() if f"{row['emdb_id']}\t".encode() in content]


@pytest.mark.parametrize("which", range(0, 50, 7))
def test_a_pair_that_goes_touches_its_own_leaf(tmp_path, which):
    rows = pairs(50)
    before = written(tmp_path / "a", rows)
    after = written(tmp_path / "b", rows[:which] + rows[which + 1 :])
    leaf = leaf_of(before, rows[which])
    assert len(leaf) == 1
    touched = changed(before, after)
    if before.keys() == after.keys():
        assert touched == set(leaf)
    else:  # two leaves that fit into one again are joined
        parent = leaf[0][:-1].removesuffix(".")
        assert all(name.startswith(parent) for name in touched)


@pytest.mark.parametrize("new", range(8))
def test_a_pair_that_comes_touches_its_own_leaf(tmp_path, new):
    rows, extra = pairs(50), pair(f"EMD-{7000 + new}")
    before, after = written(tmp_path / "a", rows), written(tmp_path / "b", [*rows, extra])
    touched = changed(before, after)
    (leaf,) = leaf_of(after, extra)
    if before.keys() == after.keys():
        assert touched == {leaf}
    else:  # a leaf that was full is parted
        (full,) = touched - after.keys()
        assert all(name.startswith(full) for name in touched)


FILES = ("map_file", "model_file", "map_stamp", "model_stamp")
ENTERS = {**dict.fromkeys(FILES, "changed"), "resolution": 9.9, "contour_level": 9.9, "map_grid": "9 9 9"}
OUTSIDE = sorted(set(tables.PAIRS.names) - set(tables.BATCH.names))


def test_the_columns_of_a_batch():
    later = ["resolution", "contour_level", "map_grid"]
    assert tables.BATCH.names == ["emdb_id", "pdb_id", *FILES, "map_release", *later]
    assert {"title", "sample", "point_group", "apoferritin", "deposition", "uniprot"} <= set(OUTSIDE)


@pytest.mark.parametrize("column", OUTSIDE)
def test_what_a_score_does_not_depend_on_stays_outside(tmp_path, column):
    """A corrected title or sample must not score an entry again."""
    kind = next(c.kind for c in tables.PAIRS.columns if c.name == column)
    rows = pairs(9)
    before = written(tmp_path / "a", rows)
    rows[4] = rows[4] | {column: {"text": "another", "number": 9.9, "yes/no": True}[kind]}
    assert written(tmp_path / "b", rows) == before


@pytest.mark.parametrize("column", ENTERS)
def test_what_a_score_depends_on_enters(tmp_path, column):
    rows = pairs(9)
    before = written(tmp_path / "a", rows)
    rows[4] = rows[4] | {column: ENTERS[column]}
    after = written(tmp_path / "b", rows)
    assert changed(before, after) == set(leaf_of(after, rows[4]))


@pytest.mark.parametrize("column", ["emdb_id", "pdb_id"])
def test_another_id_is_another_pair(tmp_path, column):
    rows = pairs(3)
    before = written(tmp_path / "a", rows)
    rows[1] = rows[1] | {column: "other"}
    assert changed(before, written(tmp_path / "b", rows)) == {"2024-05-08"}


def test_another_day_of_the_same_week_is_written(tmp_path):
    rows = pairs(3)
    before = written(tmp_path / "a", rows)
    rows[1] = rows[1] | {"map_release": "2024-05-10"}
    assert changed(before, written(tmp_path / "b", rows)) == {"2024-05-08"}


def test_what_a_batch_holds(tmp_path):
    rows = pairs(2)
    plan.write(tmp_path, rows, entries_per_batch=5)
    assert tables.read_tsv(tmp_path / "2024-05-08.tsv") == [
        {name: str(row.get(name) or "") for name in tables.BATCH.names} for row in rows
    ]


def test_a_plan_written_again_holds_only_the_batches_of_now(tmp_path):
    """A parted batch's old file would be scored beside its parts."""
    written(tmp_path, pairs(4))
    files = written(tmp_path, pairs(5))
    assert "2024-05-08" not in files
    assert written(tmp_path, []) == {}


def test_names_leaves_out_what_is_half_written(tmp_path):
    plan.write(tmp_path, pairs(1), entries_per_batch=1)
    (tmp_path / ".2024-05-08.tsv.x7").write_text("")
    (tmp_path / "note.txt").write_text("")
    (tmp_path / "pairs.tsv").write_text("")
    assert plan.names(tmp_path) == ["2024-05-08"]


def test_files_that_are_no_batches_are_left_alone(tmp_path):
    for name in ("pairs.tsv", "2024-05-08.old.tsv", "2020q5.tsv"):
        (tmp_path / name).write_text("mine")
    plan.write(tmp_path, pairs(2), entries_per_batch=1)
    plan.write(tmp_path, [], entries_per_batch=1)
    assert sorted(path.name for path in tmp_path.glob("*.tsv")) == ["2020q5.tsv", "2024-05-08.old.tsv", "pairs.tsv"]


def test_names_keep_their_dots(tmp_path):
    plan.write(tmp_path, pairs(9), entries_per_batch=4)
    assert all(name.startswith("2024-05-08.") for name in plan.names(tmp_path))
