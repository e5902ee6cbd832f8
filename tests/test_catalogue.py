"""Tables and entry documents become pairs; what is left out keeps its reason."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


# ---- a table of one's own ----


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


# ---- apoferritin ----


@pytest.mark.parametrize(
    ("sample", "group", "reason"),
    [
        ("Mouse heavy-chain apoferritin", "O", "ferritin in the name and point group O"),
        ("Human Ferritin", "O", "ferritin in the name and point group O"),
        ("FERRITIN light chain", None, "ferritin in the name, symmetry not given"),
        ("apoferritin", "", None),
        ("apoferritin", "C1", None),
        ("bacterioferritin", "O", None),
        ("Bacterioferritin B", None, None),
        ("encapsulin with ferritin-like cargo", "T", None),
        ("ferritin-encapsulated enzyme", "O", None),
        ("GFP-ferritin fusion", "O", None),
        ("beta-galactosidase", "O", None),
        ("", "O", None),
    ],
)
def test_apoferritin_by_name_and_symmetry(sample, group, reason):
    assert catalogue.apoferritin_reason(sample, group) == reason


def test_an_empty_point_group_in_a_table_is_told(tmp_path):
    header = HEADER + "\tsample\tpoint_group"
    pairs, _ = from_table(tmp_path, "E1\tm\t2\ta\tb\tferritin\t", "E2\tm\t2\ta\tb\tferritin\tO", header=header)
    assert [pair["apoferritin"] for pair in pairs] == [None, "ferritin in the name and point group O"]


# ---- documents ----


def document(**changes):
    """A small entry document; a keyword replaces a branch of the top level."""
    return {
        "emdb_id": "EMD-1234",
        "admin": {
            "title": "A title",
            "current_status": {"code": {"valueOf_": "REL"}},
            "key_dates": {"map_release": "2022-10-12T00:00:00"},
        },
        "crossreferences": {
            "pdb_list": {"pdb_reference": [{"pdb_id": "7SGD", "relationship": {"in_frame": "FULLOVERLAP"}}]}
        },
        "sample": {"name": {"valueOf_": "a sample"}},
        "structure_determination_list": {
            "structure_determination": [
                {
                    "method": "singleParticle",
                    "image_processing": [
                        {
                            "final_reconstruction": {
                                "resolution": {"valueOf_": "3.97", "units": "Å"},
                                "resolution_method": "FSC 0.143 CUT-OFF",
                                "applied_symmetry": {"point_group": "C3"},
                            }
                        }
                    ],
                }
            ]
        },
        "map": {
            "file": "emd_1234.map.gz",
            "pixel_spacing": {"x": {"valueOf_": "1.06", "units": "Å"}},
            "contour_list": {"contour": [{"primary": True, "level": 0.02}]},
        },
    } | changes


def only(doc):
    (row,) = catalogue.document_pairs(doc)
    return row


def edited(*keys, value):
    """A document with the branch at `keys` replaced."""
    doc = document()
    at = doc
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    return doc


def reconstruction(resolution="3.97", method="FSC 0.143 CUT-OFF"):
    return {
        "final_reconstruction": {"resolution": resolution and {"valueOf_": resolution}, "resolution_method": method}
    }


def with_processings(*processings):
    return edited(
        "structure_determination_list", "structure_determination", 0, "image_processing", value=list(processings)
    )


def test_a_document():
    row = only(document())
    assert row.pop("reason") is None
    assert row == {
        "emdb_id": "EMD-1234",
        "pdb_id": "7sgd",
        "map_file": "emd_1234.map.gz",
        "model_file": "7sgd.cif.gz",
        "resolution": 3.97,
        "resolution_method": "FSC 0.143 CUT-OFF",
        "method": "singleParticle",
        "sample": "a sample",
        "title": "A title",
        "point_group": "C3",
        "map_release": "2022-10-12",
        "contour_level": 0.02,
        "voxel": 1.06,
        "composite": False,
        "in_frame": "FULLOVERLAP",
        "apoferritin": None,
        "synthetic": False,
    }
    assert set(row) <= set(tables.PAIRS.names)


@pytest.mark.real
def test_the_real_document(real_data):
    with open(real_data / "api" / "entry_EMD-25107.json", encoding="utf-8") as stream:
        row = only(json.load(stream))
    expected = {
        "emdb_id": "EMD-25107", "pdb_id": "7sgd", "map_file": "emd_25107.map.gz", "resolution": 3.97,
        "resolution_method": "FSC 0.143 CUT-OFF", "method": "singleParticle", "point_group": "C3",
        "map_release": "2022-10-12", "in_frame": "FULLOVERLAP", "contour_level": 0.02, "reason": None,
        "composite": False,
    }  # fmt: skip
    assert {key: row[key] for key in expected} == expected
    assert row["sample"] and row["title"]
    assert 0.5 < row["voxel"] < 3


def test_several_models_are_several_pairs():
    doc = document()
    doc["crossreferences"]["pdb_list"]["pdb_reference"] += [{"pdb_id": "pdb_00001ABC"}, {"pdb_id": "not one"}]
    rows = catalogue.document_pairs(doc)
    assert [(row["pdb_id"], row["model_file"], row["reason"]) for row in rows] == [
        ("7sgd", "7sgd.cif.gz", None),
        ("pdb_00001abc", "pdb_00001abc.cif.gz", None),
        ("not one", "not one.cif.gz", "not a PDB id"),
    ]
    assert [row["in_frame"] for row in rows] == ["FULLOVERLAP", None, None]


@pytest.mark.parametrize(
    ("doc", "reason"),
    [
        (edited("admin", "current_status", "code", "valueOf_", value="HPUB"), "not released"),
        (edited("admin", "current_status", "code", value="OBS"), "not released"),
        (edited("admin", "current_status", value=None), "not released"),
        (document(admin=None), "not released"),
        (edited("crossreferences", "pdb_list", value=None), "no fitted model"),
        (edited("crossreferences", "pdb_list", value={}), "no fitted model"),
        (edited("crossreferences", "pdb_list", "pdb_reference", value=[]), "no fitted model"),
        (document(crossreferences=None), "no fitted model"),
        (document(emdb_id=None), "not an EMDB id"),
        (document(emdb_id="EMD-12/../.."), "not an EMDB id"),
        (document(emdb_id="EMD-12"), "not an EMDB id"),
        (document(map=None), "no map file"),
        (edited("map", "file", value="../../etc/passwd"), "no map file"),
        (document(structure_determination_list=None), "no resolution"),
        (with_processings(), "no resolution"),
        (with_processings(reconstruction(None)), "no resolution"),
        (with_processings(reconstruction("n/a")), "no resolution"),
        (with_processings(reconstruction("0")), "resolution is not a positive number"),
        ({}, "not an EMDB id"),
        (None, "not an EMDB id"),
        ([], "not an EMDB id"),
    ],
)
def test_why_a_document_is_left_out(doc, reason):
    assert only(doc)["reason"] == reason


def test_the_status_may_be_bare():
    assert only(edited("admin", "current_status", "code", value="REL"))["reason"] is None


def test_bare_objects_where_lists_are_usual():
    doc = document()
    bare = copy.deepcopy(doc)
    bare["crossreferences"]["pdb_list"]["pdb_reference"] = doc["crossreferences"]["pdb_list"]["pdb_reference"][0]
    structure = doc["structure_determination_list"]["structure_determination"][0]
    structure["image_processing"] = structure["image_processing"][0]
    bare["structure_determination_list"]["structure_determination"] = structure
    bare["map"]["contour_list"]["contour"] = doc["map"]["contour_list"]["contour"][0]
    assert only(bare) == only(document())


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_resolutions_the_one_by_fsc_0143(order):
    found = [reconstruction("4.5", "FSC 0.5 CUT-OFF"), reconstruction("3.9")][::order]
    row = only(with_processings(*found))
    assert (row["resolution"], row["resolution_method"]) == (3.9, "FSC 0.143 CUT-OFF")


def test_of_two_resolutions_by_other_criteria_the_first():
    row = only(with_processings(reconstruction("4.5", "FSC 0.5 CUT-OFF"), reconstruction("5", "OTHER")))
    assert (row["resolution"], row["resolution_method"]) == (4.5, "FSC 0.5 CUT-OFF")


def test_a_resolution_in_a_second_determination():
    doc = with_processings(reconstruction(None))
    doc["structure_determination_list"]["structure_determination"].append({"image_processing": [reconstruction("7.1")]})
    assert only(doc)["resolution"] == 7.1


@pytest.mark.parametrize(
    ("contours", "level"),
    [
        ([{"primary": False, "level": 1}, {"primary": True, "level": 2}], 2),
        ([{"primary": "false", "level": 1}, {"primary": "true", "level": "2.5"}], 2.5),
        ([{"level": 3}, {"level": 4}], 3),
        ({"primary": True, "level": {"valueOf_": "0.1"}}, 0.1),
        ([{"primary": True}], None),
        ([{"primary": True, "level": None}], None),
        ([], None),
        (None, None),
    ],
)
def test_the_primary_contour(contours, level):
    assert only(edited("map", "contour_list", "contour", value=contours))["contour_level"] == level


def test_the_name_of_a_sample_that_has_none():
    sample = {
        "name": None,
        "supramolecule_list": {"supramolecule": [{"name": None}, {"name": {"valueOf_": "virus"}}]},
        "macromolecule_list": {"macromolecule": {"name": {"valueOf_": "protein"}}},
    }
    assert only(document(sample=sample))["sample"] == "virus"
    del sample["supramolecule_list"]
    assert only(document(sample=sample))["sample"] == "protein"
    assert only(document(sample=None))["sample"] == ""


@pytest.mark.parametrize(
    ("given", "composite"), [(True, True), ("true", True), ("TRUE", True), (False, False), (None, False)]
)
def test_composite_maps(given, composite):
    assert only(edited("admin", "composite_map", value=given))["composite"] is composite


@pytest.mark.parametrize(("title", "synthetic"), [("Synthetic apoferritin at 3 Å", True), ("A title", False)])
def test_made_up_entries_say_so(title, synthetic):
    assert only(edited("admin", "title", value=title))["synthetic"] is synthetic


def test_apoferritin_of_a_document():
    doc = document(sample={"name": {"valueOf_": "mouse apoferritin"}})
    assert only(doc)["apoferritin"] is None, "its point group is C3"
    reconstructed = doc["structure_determination_list"]["structure_determination"][0]["image_processing"][0]
    reconstructed["final_reconstruction"]["applied_symmetry"]["point_group"] = "O"
    assert only(doc)["apoferritin"] == "ferritin in the name and point group O"
    reconstructed["final_reconstruction"]["applied_symmetry"] = None
    assert only(doc)["apoferritin"] is None


def branches(node, path=()):
    """Paths of everything in a document."""
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in items:
        yield from branches(child, (*path, key))


BRANCHES = [path for path in branches(document()) if path]
CHANGES = {
    "missing": lambda value: ...,
    "null": lambda value: None,
    "wrapped": lambda value: [value],
    "unwrapped": lambda value: value[0] if isinstance(value, list) and value else value,
    "empty list": lambda value: [],
    "empty object": lambda value: {},
    "bare": lambda value: value["valueOf_"] if isinstance(value, dict) and "valueOf_" in value else value,
    "with attributes": lambda value: (
        {"valueOf_": str(value), "units": "x"} if isinstance(value, (str, int, float)) else value
    ),
    "number": lambda value: 7,
}


@settings(max_examples=400, deadline=None)
@given(changes=st.lists(st.tuples(st.sampled_from(BRANCHES), st.sampled_from(sorted(CHANGES))), min_size=1, max_size=4))
def test_any_branch_may_be_otherwise(changes):
    """A document with branches missing, null, bare or wrapped gives rows that can be written, or reasons."""
    doc = document()
    for path, change in changes:
        at = doc
        try:
            for key in path[:-1]:
                at = at[key]
            new = CHANGES[change](at[path[-1]])
            if new is ...:
                del at[path[-1]]
            else:
                at[path[-1]] = new
        except (KeyError, IndexError, TypeError):
            continue
    for row in catalogue.document_pairs(doc):
        assert row["reason"] is None or isinstance(row["reason"], str)
        if row["reason"] is None:
            assert row["resolution"] > 0
        for column in tables.PAIRS.columns:
            value = row.get(column.name)
            kinds = {"text": str, "number": (float, int), "yes/no": bool}
            assert value is None or isinstance(value, kinds[column.kind]), column.name


def folder(tmp_path, *docs):
    for doc in docs:
        (tmp_path / f"{doc['emdb_id']}.json").write_text(json.dumps(doc), encoding="utf-8")
    return tmp_path


def test_a_folder_of_documents(tmp_path):
    unreleased = edited("admin", "current_status", "code", value="HOLD") | {"emdb_id": "EMD-0002"}
    folder(tmp_path, document(emdb_id="EMD-10000"), document(), unreleased)
    (tmp_path / "other.json").write_text("not json")
    pairs, excluded = catalogue.from_documents(tmp_path)
    assert [pair["emdb_id"] for pair in pairs] == ["EMD-1234", "EMD-10000"]
    assert reasons(excluded) == {("EMD-0002", "7sgd"): "not released"}


def test_a_folder_without_documents(tmp_path):
    with pytest.raises(ValueError, match=r"^no EMDB entry documents \(EMD-\*\.json\) in "):
        catalogue.from_documents(tmp_path)


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe"])
def test_a_document_that_is_not_json(tmp_path, content):
    (tmp_path / "EMD-1234.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"^entry document EMD-1234\.json: "):
        catalogue.from_documents(tmp_path)


def test_one_document_in_two_files(tmp_path):
    folder(tmp_path, document())
    (tmp_path / "EMD-1234 (copy).json").write_text(json.dumps(document()))
    with pytest.raises(ValueError, match="the pair EMD-1234 7sgd stands twice"):
        catalogue.from_documents(tmp_path)


# ---- what is written ----


def test_what_is_written(tmp_path):
    pairs, excluded = catalogue.from_documents(folder(tmp_path, document(), document(emdb_id="EMD-0002", map=None)))
    catalogue.write(tmp_path / "out", pairs, excluded, source="here", digest="abc")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "catalogue.json", "excluded.tsv", "pairs.parquet", "pairs.tsv",
    ]  # fmt: skip
    (row,) = tables.read_rows(tmp_path / "out" / "pairs.parquet", layout=tables.PAIRS)
    assert {key: row[key] for key in ("emdb_id", "resolution", "composite", "map_stamp")} == {
        "emdb_id": "EMD-1234", "resolution": 3.97, "composite": False, "map_stamp": None,
    }  # fmt: skip
    assert tables.read_tsv(tmp_path / "out" / "excluded.tsv") == [
        {"emdb_id": "EMD-0002", "pdb_id": "7sgd", "sample": "a sample", "reason": "no map file"}
    ]
    assert json.loads((tmp_path / "out" / "catalogue.json").read_text()) == {
        "source": "here", "sha256": "abc", "n_pairs": 1, "n_excluded": 1, "newest_map_release": "2022-10-12",
    }  # fmt: skip


def test_an_empty_catalogue_can_be_written(tmp_path):
    catalogue.write(tmp_path, [], [], source="here", digest="abc")
    assert tables.read_rows(tmp_path / "pairs.parquet", layout=tables.PAIRS) == []
    assert json.loads((tmp_path / "catalogue.json").read_text())["newest_map_release"] is None


def test_the_digest_depends_on_names_and_bytes_only(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    first = catalogue.digest([tmp_path / "a", tmp_path / "b"])
    assert catalogue.digest([tmp_path / "b", tmp_path / "a"]) == first
    assert len(first) == 64
    (tmp_path / "b").write_text("3")
    assert catalogue.digest([tmp_path / "a", tmp_path / "b"]) != first
    (tmp_path / "b").write_text("2")
    (tmp_path / "b").rename(tmp_path / "c")
    assert catalogue.digest([tmp_path / "a", tmp_path / "c"]) != first
