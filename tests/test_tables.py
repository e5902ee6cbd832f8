"""Tables are written whole or not at all, and read as they were written."""

import json
import math
import os
import stat

import numpy as np
import pytest

from qscore import tables
from qscore.tables import Column, Layout

LAYOUT = Layout(
    "test",
    (
        Column("name", "text", "a name"),
        Column("n", "whole", "a count"),
        Column("q", "number", "a score"),
        Column("ok", "yes/no", "a decision"),
    ),
)
ROWS = [
    {"name": "a", "n": 1, "q": 0.5, "ok": True},
    {"name": "", "n": 0, "q": math.nan, "ok": False},
    {"name": None, "n": None, "q": None, "ok": None},
    {"name": "é — Å", "n": 2**53, "q": -1e-9, "ok": True},
]


@pytest.fixture
def written(tmp_path):
    tables.write_parquet(tmp_path / "t.parquet", LAYOUT, tables.as_columns(LAYOUT, ROWS))
    return tmp_path / "t.parquet"


# ---- Parquet ----


def test_parquet_round_trip(written):
    rows = tables.read_rows(written, layout=LAYOUT)
    expected = [dict(row) for row in ROWS]
    expected[1]["q"] = None
    assert rows == expected


def test_parquet_of_arrays(tmp_path):
    columns = {
        "name": np.array(["a", "b"]),
        "n": np.array([1, 2], dtype=np.int32),
        "q": np.array([np.nan, 0.25]),
        "ok": np.array([True, False]),
    }
    tables.write_parquet(tmp_path / "t", LAYOUT, columns)
    assert tables.read_parquet(tmp_path / "t", layout=LAYOUT) == {
        "name": ["a", "b"], "n": [1, 2], "q": [None, 0.25], "ok": [True, False],
    }  # fmt: skip


def test_parquet_of_nothing(tmp_path):
    tables.write_parquet(tmp_path / "t", LAYOUT, tables.as_columns(LAYOUT, []))
    assert tables.read_rows(tmp_path / "t", layout=LAYOUT) == []
    assert tables.read_parquet(layout=LAYOUT) == {"name": [], "n": [], "q": [], "ok": []}


def test_several_parquet_files_are_one_table(tmp_path, written):
    assert tables.read_parquet(written, written, layout=LAYOUT)["name"] == ["a", "", None, "é — Å"] * 2
    tables.concatenate(tmp_path / "all", [written, written, written], layout=LAYOUT)
    assert len(tables.read_rows(tmp_path / "all", layout=LAYOUT)) == 12
    tables.concatenate(tmp_path / "none", [], layout=LAYOUT)
    assert tables.read_rows(tmp_path / "none", layout=LAYOUT) == []


def test_short_parts_share_a_row_group(tmp_path, written, monkeypatch):
    monkeypatch.setattr(tables, "_GROUP", 8)
    tables.concatenate(tmp_path / "all", [written] * 5, layout=LAYOUT)
    groups = list(tables.row_groups(tmp_path / "all", layout=LAYOUT))
    assert [len(group["name"]) for group in groups] == [8, 8, 4]
    assert [list(group["name"]) for group in tables.row_groups(tmp_path / "all", layout=LAYOUT, only=[2])] == [
        ["a", "", None, "é — Å"]
    ]
    assert tables.read_rows(tmp_path / "all") == tables.read_rows(written) * 5  # text is text to whoever reads it


@pytest.mark.parametrize("jobs", [1, 2, 3, 40])
@pytest.mark.parametrize("groups", [0, 1, 7, 8, 31])
def test_shares_are_all_groups_once(tmp_path, written, monkeypatch, groups, jobs):
    monkeypatch.setattr(tables, "_GROUP", 1)
    tables.concatenate(tmp_path / "all", [written] * groups, layout=LAYOUT)
    shares = tables.shares_of_groups(tmp_path / "all", jobs)
    assert [number for share in shares for number in share] == list(range(groups))
    assert (len(shares) > 1) == (jobs > 1 and groups >= 8)


def test_a_part_may_lack_a_column(tmp_path, written):
    fewer = tables.Layout("fewer", tuple(column for column in LAYOUT.columns if column.name != "name"))
    tables.write_parquet(tmp_path / "fewer", fewer, tables.as_columns(fewer, ROWS))
    tables.concatenate(tmp_path / "all", [written, tmp_path / "fewer"], layout=LAYOUT)
    assert tables.read_parquet(tmp_path / "all", layout=LAYOUT)["name"] == ["a", "", None, "é — Å", *[None] * 4]


def test_nothing_appears_when_a_part_cannot_be_read(tmp_path, written):
    (tmp_path / "broken").write_bytes(written.read_bytes()[:40])
    with pytest.raises(ValueError, match=r"cannot read .*broken"):
        tables.concatenate(tmp_path / "all", [written, tmp_path / "broken", written], layout=LAYOUT)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({"broken", written.name})


def test_the_same_rows_are_the_same_bytes(tmp_path, written):
    tables.write_parquet(tmp_path / "again", LAYOUT, tables.as_columns(LAYOUT, ROWS))
    assert (tmp_path / "again").read_bytes() == written.read_bytes()


def test_frame(written):
    frame = tables.frame(written, layout=LAYOUT)
    assert list(frame.columns) == LAYOUT.names
    assert frame["q"].isna().tolist() == [False, True, True, False]


def test_a_column_of_another_kind_is_refused(tmp_path):
    with pytest.raises((ValueError, TypeError)):
        tables.write_parquet(tmp_path / "t", LAYOUT, {"name": ["a"], "n": ["many"], "q": [1.0], "ok": [True]})
    assert list(tmp_path.iterdir()) == []


def test_as_columns_fills_what_rows_lack():
    assert tables.as_columns(LAYOUT, [{"n": 3, "more": 1}]) == {"name": [None], "n": [3], "q": [None], "ok": [None]}


# ---- layouts ----


@pytest.mark.parametrize("layout", [v for v in vars(tables).values() if isinstance(v, Layout)], ids=lambda v: v.name)
def test_layouts_are_complete(layout):
    assert len(set(layout.names)) == len(layout.names)
    for column in layout.columns:
        assert column.name.isidentifier()
        assert column.kind in ("text", "whole", "number", "yes/no")
        assert column.meaning
    assert tables.schema(layout).names == layout.names


def test_layouts_fit_each_other():
    assert set(tables.ENTRIES.names) == {*tables.PAIRS.names, *tables.SCORED.names, *tables.PUBLISHED.names}
    for layout in (tables.EXCLUDED, tables.BATCH, tables.SCORED, tables.ENTRIES, tables.RESIDUES, tables.FLAGS):
        assert layout.names[:2] == ["emdb_id", "pdb_id"]


# ---- text ----


def tsv(tmp_path, columns):
    tables.write_tsv(tmp_path / "t.tsv", LAYOUT, columns)
    return (tmp_path / "t.tsv").read_bytes().decode()


def test_text_cells(tmp_path):
    assert tsv(tmp_path, tables.as_columns(LAYOUT, ROWS)) == (
        "name\tn\tq\tok\na\t1\t0.5\tTrue\n\t0\t\tFalse\n\t\t\t\né — Å\t9007199254740992\t-1e-09\tTrue\n"
    )


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("two\twords", "two words"),
        ("two\nlines", "two lines"),
        ("two\r\nlines", "two lines"),
        ("  spaces   within ", "spaces within"),
        ("\u2028line\u00a0space", "line space"),
        (0.123456789, "0.123457"),
        (1234567.0, "1.23457e+06"),
        (3.0, "3"),
        (np.float64(0.5), "0.5"),
        (np.float64("nan"), ""),
        (np.int64(7), "7"),
        (np.str_("x"), "x"),
    ],
)
def test_cells_hold_no_tabs_and_no_lines(tmp_path, value, cell):
    text = tsv(tmp_path, {"name": [value], "n": [1], "q": [1.0], "ok": [True]})
    assert text.split("\n")[1].split("\t")[0] == cell
    assert text.count("\n") == 2
    assert text.count("\t") == 6


@pytest.mark.parametrize("value", ['"', 'say "yes"', '"quoted"', "it's", "a,b", "#", "\\"])
def test_text_is_read_as_it_was_written(tmp_path, value):
    tsv(tmp_path, {"name": [value, "next"], "n": [1, 2], "q": [1.0, 2.0], "ok": [True, False]})
    assert [row["name"] for row in tables.read_tsv(tmp_path / "t.tsv")] == [value, "next"]


def test_columns_of_unequal_length_are_refused(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        tables.write_tsv(tmp_path / "t", LAYOUT, {"name": ["a"], "n": [1, 2], "q": [1.0], "ok": [True]})
    assert list(tmp_path.iterdir()) == []


def read(tmp_path, content):
    (tmp_path / "t.tsv").write_bytes(content)
    return tables.read_tsv(tmp_path / "t.tsv")


@pytest.mark.parametrize(
    "content",
    [b"a\tb\n1\t2\n", b"a\tb\r\n1\t2\r\n", b"\xef\xbb\xbfa\tb\n1\t2", b'"a"\tb\n 1 \t"2"\n', b"a\tb\n\n1\t2\n\n"],
)
def test_dialects_of_text(tmp_path, content):
    assert read(tmp_path, content) == [{"a": "1", "b": "2"}]


def test_short_and_long_rows(tmp_path):
    assert read(tmp_path, b"a\tb\n1\n1\t2\t3\t4\n") == [{"a": "1", "b": ""}, {"a": "1", "b": "2"}]
    assert read(tmp_path, b"") == []
    assert read(tmp_path, b"a\tb\n") == []


def test_text_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match=r"^cannot read table .*none: No such file or directory$"):
        tables.read_tsv(tmp_path / "none")
    with pytest.raises(ValueError, match=r"^cannot read table .*: Is a directory$"):
        tables.read_tsv(tmp_path)
    with pytest.raises(ValueError, match=r"^cannot read table .*t\.tsv: 'utf-8' codec"):
        read(tmp_path, b"a\tb\n\xff\t1\n")


# ---- JSON ----


def test_json(tmp_path):
    content = {
        "q": math.nan,
        "list": [1, math.nan, {"x": np.float64("nan")}],
        "pair": (1, 2),
        "text": "Å",
        "none": None,
    }
    tables.write_json(tmp_path / "t.json", content)
    text = (tmp_path / "t.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"q": None, "list": [1, None, {"x": None}], "pair": [1, 2], "text": "Å", "none": None}
    assert "Å" in text
    assert text.endswith("}\n")


def test_infinity_is_no_json(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        tables.write_json(tmp_path / "t.json", {"q": math.inf})
    assert list(tmp_path.iterdir()) == []


# ---- whole files ----


class Stop(Exception):
    pass


@pytest.mark.parametrize("trouble", [Stop, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("before", [None, "old"])
def test_a_file_that_fails_leaves_nothing(tmp_path, trouble, before):
    path = tmp_path / "new" / "t.txt"
    if before:
        path.parent.mkdir()
        path.write_text(before)
    with pytest.raises(trouble), tables.whole_file(path) as stream:
        stream.write("half")
        stream.flush()
        assert not path.exists() or path.read_text() == before
        raise trouble
    assert [p.name for p in path.parent.iterdir()] == (["t.txt"] if before else [])
    assert before is None or path.read_text() == before


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o000, 0o666)])
def test_the_umask_is_respected(tmp_path, umask, mode):
    old = os.umask(umask)
    try:
        with tables.whole_file(tmp_path / "t") as stream:
            stream.write("x")
        assert os.umask(umask) == umask, "and left as it was"
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "t").stat().st_mode) == mode


def test_a_file_is_replaced(tmp_path):
    for text in ("first and longer", "second"):
        with tables.whole_file(tmp_path / "t") as stream:
            stream.write(text)
    assert (tmp_path / "t").read_text() == "second"
    assert [p.name for p in tmp_path.iterdir()] == ["t"]


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "sub" / "t.json"
    with pytest.raises(ValueError, match=f"^cannot write {path}: Not a directory$"):
        tables.write_json(path, {})


def test_a_folder_in_the_place_of_a_file(tmp_path):
    (tmp_path / "t.json").mkdir()
    with pytest.raises(ValueError, match=rf"^cannot write {tmp_path}/t\.json: Is a directory$"):
        tables.write_json(tmp_path / "t.json", {})
    assert [p.name for p in tmp_path.iterdir()] == ["t.json"]
