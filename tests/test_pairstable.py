"""A table of one's own becomes pairs; what is left out keeps its reason."""

import pytest

from qscore import catalogue, tables

HEADER = "emdb_id\tpdb_id\tresolution\tmap\tmodel"


def table(tmp_path, *rows, header=HEADER, newline="\n", encoding="utf-8"):
    path = tmp_path / "pairs.tsv"
    path.write_bytes((newline.join([header, *rows]) + newline).encode(encoding))
    return path


def from_table(tmp_path, *rows, **options):
    return catalogue.from_table(table(tmp_path, *rows, **options))


def reasons(excluded):
    return {(row["emdb_id"], row["pdb_id"]): row["reason"] for row in excluded}


def test_a_table(tmp_path):
    (tmp_path / "a.map").write_bytes(b"12345")
    pairs, excluded = from_table(tmp_path, "EMD-1\t1ABC\t3.2\ta.map\tsub/b.cif")
    assert excluded == []
    (pair,) = pairs
    assert pair["emdb_id"] == "EMD-1"
    assert pair["pdb_id"] == "1abc", "PDB ids appear in either case"
    assert pair["resolution"] == 3.2
    assert (pair["map_file"], pair["model_file"]) == ("a.map", "sub/b.cif")
    assert pair["map_stamp"] == f"5 {(tmp_path / 'a.map').stat().st_mtime_ns}"
    assert pair["model_stamp"] == "absent"
    assert pair["contour_level"] is None
    assert pair["sample"] == ""
    assert pair["apoferritin"] is None


def test_further_columns(tmp_path):
    header = HEADER + "\tcontour_level\tsample\tpoint_group\tmethod\tresolution_method\tmap_release\tnote"
    row = "E1\tm\t2\ta\tb\t0.02\tapoferritin\tO\tsingleParticle\tFSC 0.143 CUT-OFF\t2024-05-06\tignored"
    ((pair,), _) = from_table(tmp_path, row, header=header)
    assert pair["contour_level"] == 0.02
    assert pair["point_group"] == "O"
    assert pair["method"] == "singleParticle"
    assert pair["resolution_method"] == "FSC 0.143 CUT-OFF"
    assert pair["map_release"] == "2024-05-06"
    assert pair["apoferritin"] == "ferritin in the name and point group O"
    assert "note" not in pair


def test_pairs_come_in_order_of_their_ids(tmp_path):
    rows = [
        f"{e}\t{p}\t3\ta\tb"
        for e, p in [("EMD-10000", "9zzz"), ("EMD-9999", "2b"), ("EMD-9999", "1a"), ("EMD-0339", "x")]
    ]
    pairs, _ = from_table(tmp_path, *rows)
    assert [(p["emdb_id"], p["pdb_id"]) for p in pairs] == [
        ("EMD-0339", "x"), ("EMD-9999", "1a"), ("EMD-9999", "2b"), ("EMD-10000", "9zzz"),
    ]  # fmt: skip
    assert from_table(tmp_path, *reversed(rows))[0] == pairs


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_line_ends_and_byte_order_marks(tmp_path, newline, encoding):
    pairs, excluded = from_table(
        tmp_path, "E1\tm\t2.5\ta.map\tb.cif", "E2\tm\t3\ta.map\tb.cif", newline=newline, encoding=encoding
    )
    assert [(p["emdb_id"], p["resolution"], p["model_file"]) for p in pairs] == [
        ("E1", 2.5, "b.cif"),
        ("E2", 3, "b.cif"),
    ]
    assert excluded == []


def test_quotes_spaces_and_blank_lines(tmp_path):
    rows = ['E1\tm\t 2.5 \t"a b.map"\t b.cif', "", 'E2\tm\t"3"\ta.map\tb"c.cif\t']
    pairs, excluded = from_table(tmp_path, *rows)
    assert [(p["resolution"], p["map_file"], p["model_file"]) for p in pairs] == [
        (2.5, "a b.map", "b.cif"),
        (3, "a.map", 'b"c.cif'),
    ]
    assert excluded == []


@pytest.mark.parametrize("name", ["a  b.map", '"a\tb.map"', '"a\nb.map"', "a\u00a0b.map", "a\u2028b.map"])
def test_names_of_files_that_no_table_keeps_are_told(tmp_path, name):
    for cells in (f"{name}\tb.cif", f"a.map\t{name}"):
        pairs, (left,) = from_table(tmp_path, f"E1\tm\t3\t{cells}")
        assert not pairs and "blanks in its name" in left["reason"]


@pytest.mark.parametrize("absent", HEADER.split("\t"))
def test_a_missing_column_is_named(tmp_path, absent):
    header = "\t".join(name for name in HEADER.split("\t") if name != absent)
    path = table(tmp_path, "a\tb\tc\td", header=header)
    with pytest.raises(
        ValueError, match=f"no column {absent}; expected tab-separated columns emdb_id, pdb_id, resolution, map, model"
    ):
        catalogue.from_table(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no rows below a header line"),
        (HEADER + "\n", "no rows below a header line"),
        ("emdb_id,pdb_id,resolution,map,model\nE1,m,2,a,b\n", "no column emdb_id, pdb_id"),
    ],
)
def test_a_table_without_rows_or_with_commas(tmp_path, text, said):
    (tmp_path / "t.tsv").write_text(text)
    with pytest.raises(ValueError, match=rf"t\.tsv: {said}"):
        catalogue.from_table(tmp_path / "t.tsv")


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00rubbish", b'emdb_id\tpdb_id\n"' + b"x" * 200_000],
    ids=["not text", "a quote never closed"],
)
def test_a_file_that_is_no_table(tmp_path, content):
    (tmp_path / "t.tsv").write_bytes(content)
    with pytest.raises(ValueError, match=r"^cannot read table .*t\.tsv: "):
        catalogue.from_table(tmp_path / "t.tsv")


def test_no_table(tmp_path):
    with pytest.raises(ValueError, match=r"^cannot read table .*none\.tsv: No such file or directory$"):
        catalogue.from_table(tmp_path / "none.tsv")


def test_a_pair_that_stands_twice(tmp_path):
    with pytest.raises(ValueError, match=r"pairs\.tsv: the pair EMD-1 1abc stands twice"):
        from_table(tmp_path, "EMD-1\t1abc\t3\ta\tb", "EMD-2\t1abc\t3\ta\tb", "EMD-1\t1ABC\t4\tc\td")


def test_one_map_may_have_several_models_and_the_reverse(tmp_path):
    pairs, _ = from_table(tmp_path, "EMD-1\t1abc\t3\ta\tb", "EMD-1\t2abc\t3\ta\tc", "EMD-2\t1abc\t3\td\tb")
    assert len(pairs) == 3


NAME = "is not a name of letters, digits and ._+-"


@pytest.mark.parametrize(
    ("bad", "fine"),
    [("../x", False), ("a/b", False), ("/etc", False), ("", False), (".hidden", False), ("-x", False), ("a b", False),
     ("a;b", False), ("$(x)", False), ("é1", False), ("x" * 65, False), ("x" * 64, True), ("a.b_c+d-e", True),
     ("1", True)],
)  # fmt: skip
@pytest.mark.parametrize("column", ["emdb_id", "pdb_id"])
def test_ids_become_file_names_and_are_checked(tmp_path, column, bad, fine):
    row = f"{bad}\tm\t3\ta\tb" if column == "emdb_id" else f"m\t{bad}\t3\ta\tb"
    pairs, excluded = from_table(tmp_path, row)
    assert len(pairs) == fine
    assert [row["reason"] for row in excluded] == ([] if fine else [f"{column} {NAME}"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "no resolution")]
    + [(text, "resolution is not a positive number") for text in ("nan", "inf", "abc", "3,2", "0", "-3.2")],
)
def test_resolutions_that_are_none(tmp_path, text, reason):
    pairs, excluded = from_table(tmp_path, f"E1\tm\t{text}\ta\tb", "E2\tm\t3\ta\tb")
    assert [pair["emdb_id"] for pair in pairs] == ["E2"]
    assert reasons(excluded) == {("E1", "m"): reason}


@pytest.mark.parametrize("row", ["E1\tm\t3\t\tb", "E1\tm\t3\ta\t", "E1\tm\t3\ta", "E1\tm\t3"])
def test_empty_and_missing_cells(tmp_path, row):
    pairs, excluded = from_table(tmp_path, row)
    assert pairs == []
    assert reasons(excluded) == {("E1", "m"): "no map or no model named"}


def test_a_changed_file_changes_the_stamp(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    row = "E1\tm\t3\ta\tb"
    first = from_table(tmp_path, row)[0][0]
    assert from_table(tmp_path, row)[0][0] == first
    (tmp_path / "a").write_bytes(b"12")
    second = from_table(tmp_path, row)[0][0]
    assert second["map_stamp"] != first["map_stamp"]
    assert second["model_stamp"] == first["model_stamp"]


@pytest.mark.real
def test_the_table_of_real_pairs(real_data):
    pairs, excluded = catalogue.from_table(real_data / "pairs.tsv")
    assert excluded == []
    assert len(pairs) == 11
    assert pairs[0]["emdb_id"] == "EMD-0093"
    assert {p["emdb_id"]: p["apoferritin"] for p in pairs if p["apoferritin"]} == {
        "EMD-20026": "ferritin in the name, symmetry not given"
    }
    assert all("absent" not in (p["map_stamp"], p["model_stamp"]) for p in pairs)


def test_an_empty_point_group_in_a_table_is_told(tmp_path):
    header = HEADER + "\tsample\tpoint_group"
    pairs, _ = from_table(tmp_path, "E1\tm\t2\ta\tb\tferritin\t", "E2\tm\t2\ta\tb\tferritin\tO", header=header)
    assert [pair["apoferritin"] for pair in pairs] == [None, "ferritin in the name and point group O"]


def test_what_else_a_table_may_tell(tmp_path):
    header = HEADER + "\tdoi\tpubmed\tuniprot\ttitle\tsoftware\tin_frame\tdeposition\tmap_release\tpoint_group"
    row = "E1\tm\t2\ta\tb\tdoi:10.1/A\t12\tP09528, p02794\tT\tRELION\tFULLOVERLAP\t2024-05-06\tsoon\tO"
    ((pair,), _) = from_table(tmp_path, row.replace("10.1/A", "10.1000/A"), header=header)
    expected = {
        "doi": "10.1000/a", "pubmed": "12", "uniprot": "P02794 P09528", "title": "T", "software": "RELION",
        "in_frame": "FULLOVERLAP", "deposition": "2024-05-06", "map_release": "", "cluster_pub": "doi:10.1000/a",
        "cluster_protein": "uniprot:P02794 P09528", "x_source": "table",
        "apoferritin": "UniProt P02794 P09528, point group O, copies not given",
    }  # fmt: skip
    assert {key: pair[key] for key in expected} == expected


def test_pairs_of_a_bare_table_are_each_for_themselves(tmp_path):
    pairs, _ = from_table(tmp_path, "E1\tm\t2\ta\tb", "E1\tn\t2\ta\tb", "E2\tm\t2\ta\tb")
    assert [(pair["cluster_pub"], pair["cluster_protein"]) for pair in pairs] == [
        ("E1", "E1"),
        ("E1", "E1"),
        ("E2", "E2"),
    ]
    assert pairs[0]["uniprot"] == ""


def test_every_pair_can_be_written(tmp_path):
    pairs, excluded = from_table(tmp_path, "E1\tm\t2\ta\tb", "E2\tm\t\ta\tb")
    catalogue.write(tmp_path / "out", pairs, excluded, source="pairs.tsv", digest="abc")
    (row,) = tables.read_rows(tmp_path / "out" / "pairs.parquet", layout=tables.PAIRS)
    assert (row["emdb_id"], row["x_source"], row["nyquist_ratio"]) == ("E1", "table", None)
