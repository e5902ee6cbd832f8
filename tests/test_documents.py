"""Entry documents become facts, whatever branch is missing, null, bare or wrapped."""

import copy
import json

import pytest
from entrydocuments import (
    FINAL,
    MODELS,
    MOLECULES,
    STRUCTURE,
    document,
    edited,
    molecule,
    reconstruction,
    with_processings,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from qscore import catalogue, tables
from qscore.documents import at, elements, entry_facts, leaf
from qscore.facts import Molecule
from qscore.resolutions import SEVERAL

STAMP = "42593 220 221 222 0 -5 7 220 221 222 1.06 1.06 1.06 X Y Z -0.0316686 0.0861144 -1.22015e-05 0.00331733"


def test_a_document():
    assert entry_facts(document()) == {
        "emdb_id": "EMD-1234",
        "status": "REL",
        "released": True,
        "models": (("7sgd", "FULLOVERLAP"),),
        "resolution": 3.97,
        "resolution_method": "FSC 0.143 CUT-OFF",
        "x_source": "document: the only value",
        "x_fault": None,
        "method": "singleParticle",
        "point_group": "C3",
        "sample": "a sample",
        "title": "A title",
        "molecules": (Molecule("a protein", ("P12345",), 3),),
        "uniprot": ("P12345",),
        "authors": ("Ward AB", "Sanders RW"),
        "software": "Gctf; RELION",
        "deposition": "2021-10-05",
        "map_release": "2022-10-12",
        "update": "2023-01-18",
        "doi": "10.1093/nar/gkag888",
        "pubmed": "42745665",
        "map_file": "emd_1234.map.gz",
        "contour_level": 0.02,
        "voxel": 1.06,
        "map_grid": "220 221 222",
        "map_mb": 42.593,
        "map_stamp": STAMP,
        "composite": False,
    }


@pytest.mark.real
def test_the_real_document(real_data):
    with open(real_data / "api" / "entry_EMD-25107.json", encoding="utf-8") as stream:
        facts = entry_facts(json.load(stream))
    expected = {
        "emdb_id": "EMD-25107", "released": True, "models": (("7sgd", "FULLOVERLAP"),), "map_file": "emd_25107.map.gz",
        "resolution": 3.97, "resolution_method": "FSC 0.143 CUT-OFF", "method": "singleParticle", "point_group": "C3",
        "deposition": "2021-10-05", "map_release": "2022-10-12", "update": "2022-10-12", "contour_level": 0.02,
        "voxel": 1.03, "map_grid": "220 220 220", "map_mb": 42.593, "composite": False, "uniprot": (), "doi": "",
        "pubmed": "", "authors": ("Antanasijevic A", "Brouwer PJM", "Ward AB"),
        "molecules": (Molecule("Josiah GPCysR4 I53-50A", (), 6),),
        "sample": "Lassa virus glycoprotein construct(Josiah GPCysR4) recovered from GPC-I53-50 nanoparticle",
    }  # fmt: skip
    assert {key: facts[key] for key in expected} == expected
    assert {"RELION", "Gctf"} <= set(facts["software"].split("; "))
    assert facts["map_stamp"].startswith(
        "42593 220 220 220 0 0 0 220 220 220 1.03 1.03 1.03 X Y Z -0.0316686 0.0861144"
    )


# ---- walking ----


@pytest.mark.parametrize(
    ("branch", "found", "text", "listed"),
    [
        (3, 3, "3", [3]),
        ("x", "x", "x", ["x"]),
        (None, None, None, []),
        ([], [], None, []),
        ({}, {}, None, [{}]),
        ({"valueOf_": "x", "units": "Å"}, "x", "x", ["x"]),
        ([{"valueOf_": "x"}], [{"valueOf_": "x"}], "x", [{"valueOf_": "x"}]),
        ([["x"]], [["x"]], "x", [["x"]]),
        ({"valueOf_": None}, None, None, []),
    ],
)
def test_what_stands_at_a_branch(branch, found, text, listed):
    tree = {"a": [{"b": branch}, {"b": "second"}]}
    assert at(tree, "a", "b") == found
    assert leaf(tree, "a", "b") == text
    assert elements(tree, "a", "b") == listed


@pytest.mark.parametrize("tree", [None, [], {}, "text", 3, {"a": None}, {"a": []}, {"a": [None]}, {"a": "text"}])
def test_a_branch_that_is_not_there(tree):
    assert at(tree, "a", "b") is None
    assert leaf(tree, "a", "b") is None
    assert elements(tree, "a", "b") == []


def test_bare_objects_where_lists_are_usual():
    bare = document()
    for keys in (MODELS, MOLECULES, ("admin", "authors_list", "author"), ("map", "contour_list", "contour")):
        branch = at(bare, *keys[:-1])
        branch[keys[-1]] = branch[keys[-1]][:1]
    full = copy.deepcopy(bare)
    for keys in (MODELS, MOLECULES, ("admin", "authors_list", "author"), ("map", "contour_list", "contour")):
        branch = at(bare, *keys[:-1])
        branch[keys[-1]] = branch[keys[-1]][0]
    structure = bare["structure_determination_list"]["structure_determination"][0]
    structure["image_processing"] = structure["image_processing"][0]
    bare["structure_determination_list"]["structure_determination"] = structure
    assert entry_facts(bare) == entry_facts(full)


# ---- single facts ----


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_resolutions_the_one_by_fsc_0143(order):
    facts = entry_facts(with_processings(*[reconstruction("4.5", "FSC 0.5 CUT-OFF"), reconstruction("3.9")][::order]))
    assert (facts["resolution"], facts["resolution_method"]) == (3.9, "FSC 0.143 CUT-OFF")
    assert facts["x_source"] == "document: of 2 values the one by FSC 0.143"


@pytest.mark.parametrize("criterion", ["OTHER", "FSC 0.143 CUT-OFF"])
def test_of_two_resolutions_of_equal_standing_none(criterion):
    facts = entry_facts(with_processings(reconstruction("4.5", criterion), reconstruction("5", criterion)))
    assert (facts["resolution"], facts["x_fault"]) == (None, SEVERAL)


def test_a_resolution_in_a_second_determination():
    doc = with_processings(reconstruction(None))
    doc["structure_determination_list"]["structure_determination"].append({"image_processing": [reconstruction("7.1")]})
    assert entry_facts(doc)["resolution"] == 7.1


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
    assert entry_facts(edited("map", "contour_list", "contour", value=contours))["contour_level"] == level


def test_the_name_of_a_sample_that_has_none():
    sample = {
        "name": None,
        "supramolecule_list": {"supramolecule": [{"name": None}, {"name": {"valueOf_": "virus"}}]},
        "macromolecule_list": {"macromolecule": {"name": {"valueOf_": "protein"}}},
    }
    assert entry_facts(document(sample=sample))["sample"] == "virus"
    del sample["supramolecule_list"]
    assert entry_facts(document(sample=sample))["sample"] == "protein"
    assert entry_facts(document(sample=None))["sample"] == ""


@pytest.mark.parametrize(
    ("given", "composite"), [(True, True), ("true", True), ("TRUE", True), (False, False), (None, False)]
)
def test_composite_maps(given, composite):
    assert entry_facts(edited("admin", "composite_map", value=given))["composite"] is composite


@pytest.mark.parametrize(
    ("file", "kept"),
    [
        ("emd_1234.map.gz", "emd_1234.map.gz"),
        ("emd-1234_full.mrc", "emd-1234_full.mrc"),
        ("../../etc/passwd", ""),
        ("..", ""),
        (".hidden.map", ""),
        ("a b.map", ""),
        ("map", ""),
        ("-x.map", ""),
        ("a.map/", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_map_file_is_a_plain_name(file, kept):
    assert entry_facts(edited("map", "file", value=file))["map_file"] == kept


def test_several_models():
    doc = edited(*MODELS, value=[
        {"pdb_id": "7SGD", "relationship": {"in_frame": "FULLOVERLAP"}}, {"pdb_id": "pdb_00001ABC"},
        {"pdb_id": "pdb_10001abc", "relationship": {"in_frame": "NOOVERLAP"}}, {"pdb_id": "7sgd"}, {"pdb_id": None}, {},
    ])  # fmt: skip
    assert entry_facts(doc)["models"] == (("7sgd", "FULLOVERLAP"), ("1abc", None), ("pdb_10001abc", "NOOVERLAP"))


@pytest.mark.parametrize("kind", ["UNIPROTKB", "UNIPROT", "UniProtKB"])
@pytest.mark.parametrize("key", ["type_", "type"])
def test_accessions_of_a_molecule(kind, key):
    doc = document()
    doc["sample"]["macromolecule_list"]["macromolecule"][0]["sequence"]["external_references"] = [
        {key: "GENBANK", "valueOf_": "P99999"}, {key: kind, "valueOf_": "P09528"}, {key: kind, "valueOf_": "p02794-1"},
        {key: kind, "valueOf_": "nonsense"}, {key: kind}, None, "P11111",
    ]  # fmt: skip
    facts = entry_facts(doc)
    assert facts["molecules"] == (Molecule("a protein", ("P02794", "P09528"), 3),)
    assert facts["uniprot"] == ("P02794", "P09528")


@pytest.mark.parametrize(
    ("kind", "counted"),
    [
        ("protein_or_peptide", 1),
        ("rna", 1),
        ("dna", 1),
        ("other_macromolecule", 1),
        (None, 1),
        ("ligand", 0),
        ("saccharide", 0),
    ],
)
def test_which_molecules_are_polymers(kind, counted):
    assert len(entry_facts(edited(*MOLECULES, value=molecule("x", kind=kind)))["molecules"]) == counted


@pytest.mark.parametrize(("given", "copies"), [("24", 24), (24, 24), ("24.0", 24), ("many", None), (None, None)])
def test_copies(given, copies):
    assert entry_facts(edited(*MOLECULES, value=[molecule("x", copies=given)]))["molecules"][0].copies == copies


def test_a_paper_that_is_to_be_published_is_none():
    place = ("crossreferences", "citation_list", "primary_citation", "citation_type")
    facts = entry_facts(edited(*place, value={"journal": "To Be Published", "published": False}))
    assert (facts["doi"], facts["pubmed"]) == ("", "")
    odd = [{"type_": "DOI", "valueOf_": "?"}, {"type_": "PUBMED", "valueOf_": "-1"}]
    facts = entry_facts(edited(*place, "external_references", value=odd))
    assert (facts["doi"], facts["pubmed"]) == ("", "")


# ---- the stamp ----


def stamp(*keys, value):
    return entry_facts(edited(*keys, value=value))["map_stamp"]


def test_another_map_has_another_stamp():
    changes = [
        (("map", "size_kbytes"), 42594), (("map", "statistics", "std"), 0.0034), (("map", "dimensions", "row"), 222),
        (("map", "origin", "col"), 1), (("map", "axis_order", "fast"), "Y"), (("map", "pixel_spacing", "x"), "1.07"),
    ]  # fmt: skip
    stamps = {stamp(*keys, value=value) for keys, value in changes}
    assert len(stamps | {STAMP}) == len(changes) + 1


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("admin", "title"), "A corrected title"),
        (("admin", "key_dates", "update"), "2026-01-01T00:00:00"),
        (("map", "contour_list"), None),
        (("map", "annotation_details"), "new"),
        (("map", "size_kbytes"), "42593"),
        (("map", "size_kbytes"), {"valueOf_": "42593"}),
        (("map", "statistics", "std"), "3.3173314e-03"),
    ],
)
def test_a_correction_leaves_the_stamp(keys, value):
    assert stamp(*keys, value=value) == STAMP


def test_a_map_of_which_nothing_is_told_has_no_stamp():
    assert stamp("map", value=None) == stamp("map", value={"file": "a.map"}) == ""
    assert stamp("map", value={"size_kbytes": 7}) == " ".join(["7"] + ["-"] * 19)


# ---- anything ----


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
    "not a number": lambda value: "NaN",
}


@settings(max_examples=400, deadline=None)
@given(changes=st.lists(st.tuples(st.sampled_from(BRANCHES), st.sampled_from(sorted(CHANGES))), min_size=1, max_size=4))
def test_any_branch_may_be_otherwise(changes):
    """A document with branches missing, null, bare or wrapped gives rows that can be written, or reasons."""
    doc = document()
    for path, change in changes:
        branch = doc
        try:
            for key in path[:-1]:
                branch = branch[key]
            new = CHANGES[change](branch[path[-1]])
            if new is ...:
                del branch[path[-1]]
            else:
                branch[path[-1]] = new
        except (KeyError, IndexError, TypeError):
            continue
    pairs, excluded = catalogue.from_entry_documents([doc])
    assert len(pairs) + len(excluded) > 0
    assert all(isinstance(row["reason"], str) for row in excluded)
    kinds = {"text": str, "number": (float, int), "yes/no": bool}
    for row in pairs:
        assert row["resolution"] > 0
        for column in tables.PAIRS.columns:
            value = row.get(column.name)
            assert value is None or isinstance(value, kinds[column.kind]), column.name


@pytest.mark.parametrize("document", [None, [], {}, "text", 3])
def test_what_is_no_document(document):
    facts = entry_facts(document)
    assert (facts["emdb_id"], facts["released"], facts["models"]) == ("", False, ())


def test_places_in_the_document_are_where_they_are():
    """The tests' own paths lead somewhere."""
    for keys in (STRUCTURE, FINAL, MODELS, MOLECULES):
        branch = document()
        for key in keys:
            branch = branch[key]
        assert branch


def test_half_a_surrogate_pair_becomes_text_that_can_be_written():
    assert leaf({"title": "a\ud800b"}, "title") == "a?b"


@pytest.mark.parametrize(("length", "kept"), [(100, True), (101, False)])
def test_the_name_of_a_map_file_is_short(length, kept):
    name = "e" * (length - 4) + ".map"
    assert bool(entry_facts({"map": {"file": name}})["map_file"]) is kept
