"""What the archive tells becomes pairs by a rule; everything left out keeps its reason."""

import json

import pytest
import searchrows
from entrydocuments import FINAL, MODELS, STRUCTURE, cage, document, edited, molecule, reconstruction, with_processings

from qscore import __version__, catalogue, search, tables
from qscore.catalogue import CatalogueRule, candidates, from_entry_documents, from_search, rule_of
from qscore.facts import joined
from qscore.search import read_search

UPDATE = "2023-01-18"


def reasons(excluded):
    return {(row["emdb_id"], row["pdb_id"]): row["reason"] for row in excluded}


def entry(**facts):
    """A true entry of the search, as `document()` describes it."""
    return {
        "emdb_id": "EMD-1234", "status": "REL", "date": "2022-10-12", "update": UPDATE, "method": "singleParticle",
        "resolutions": [(3.97, "FSC 0.143 CUT-OFF")], "calculated": 4.1, "map_model": 4.4, "voxel": 1.06,
        "point_group": "C3", "models": ["7sgd"], "software": ["RELION"], "doi": "10.1093/nar/gkag888",
        "pubmed": "42745665", "uniprot": ["P12345"], "title": "A title", "sample": "everything about the sample",
    } | facts  # fmt: skip


def records(*truth, columns=searchrows.COLUMNS):
    return read_search(searchrows.answer(truth or [entry()], columns=columns)).records


def taken(*truth, documents=None, **rule):
    return from_search(records(*truth), documents or {}, CatalogueRule(**rule))


def why(doc, **rule):
    """The reason for which the one pair of a document is left out; None when it is taken."""
    pairs, excluded = from_entry_documents([doc], CatalogueRule(**rule))
    return excluded[0]["reason"] if excluded else None if len(pairs) == 1 else "several"


# ---- documents alone ----


def test_a_document_becomes_a_pair():
    ((pair,), excluded) = from_entry_documents([document()])
    assert excluded == []
    expected = {
        "emdb_id": "EMD-1234", "pdb_id": "7sgd", "map_file": "emd_1234.map.gz", "model_file": "7sgd.cif.gz",
        "resolution": 3.97, "resolution_method": "FSC 0.143 CUT-OFF", "x_source": "document: the only value",
        "in_frame": "FULLOVERLAP", "uniprot": "P12345", "apoferritin": None, "synthetic": False, "composite": False,
        "contour_level": 0.02, "map_mb": 42.593, "map_grid": "220 221 222", "cluster_pub": "doi:10.1093/nar/gkag888",
        "cluster_protein": "uniprot:P12345", "update": UPDATE,
    }  # fmt: skip
    assert {key: pair[key] for key in expected} == expected
    assert pair["nyquist_ratio"] == pytest.approx(3.97 / 2.12)


@pytest.mark.parametrize(
    ("doc", "reason"),
    [
        (edited("admin", "current_status", "code", "valueOf_", value="HPUB"), "not released"),
        (edited("admin", "current_status", "code", value="OBS"), "not released"),
        (edited("admin", "current_status", value=None), "not released"),
        (document(admin=None), "not released"),
        (edited("crossreferences", "pdb_list", value=None), "no fitted model"),
        (edited("crossreferences", "pdb_list", value={}), "no fitted model"),
        (edited(*MODELS, value=[]), "no fitted model"),
        (document(crossreferences=None), "no fitted model"),
        (edited(*MODELS, value={"pdb_id": "not one"}), "not a PDB id"),
        (edited(*MODELS, value={"pdb_id": "../x"}), "not a PDB id"),
        (document(emdb_id=None), "not an EMDB id"),
        (document(emdb_id="EMD-12/../.."), "not an EMDB id"),
        (document(emdb_id="EMD-12"), "not an EMDB id"),
        (document(structure_determination_list=None), "no resolution"),
        (with_processings(), "no resolution"),
        (with_processings(reconstruction(None)), "no resolution"),
        (with_processings(reconstruction("n/a")), "no resolution"),
        (with_processings(reconstruction("0")), "resolution is not a positive number"),
        (with_processings(reconstruction("3"), reconstruction("4")), "several resolutions, none chosen by FSC 0.143"),
        ({}, "not an EMDB id"),
        (None, "not an EMDB id"),
        (edited("admin", "current_status", "code", value="REL"), None),
        (document(map=None), None),
        (edited("map", "file", value="../../etc/passwd"), None),
    ],
)
def test_why_a_document_is_left_out(doc, reason):
    assert why(doc) == reason


def test_a_map_without_a_file_name_has_the_usual_one():
    for doc in (document(map=None), edited("map", "file", value="../../etc/passwd")):
        ((pair,), _) = from_entry_documents([doc])
        assert pair["map_file"] == "emd_1234.map.gz"


@pytest.mark.parametrize(
    ("title", "synthetic"),
    [("Synthetic demonstration archive: a cage", True), ("A synthetic nanobody bound to a channel", False)],
)
def test_made_up_entries_say_so_and_synthetic_molecules_are_real(title, synthetic):
    ((pair,), _) = from_entry_documents([edited("admin", "title", value=title)])
    assert pair["synthetic"] is synthetic


# ---- the rule ----


@pytest.mark.parametrize(
    ("doc", "rule", "reason"),
    [
        (edited(*STRUCTURE, "method", value="electronCrystallography"),
         {}, "method electronCrystallography"),
        (edited(*STRUCTURE, "method", value="electronCrystallography"),
         {"methods": ()}, None),
        (edited(*STRUCTURE, "method", value=None),
         {"methods": ("helical",)}, None),
        (document(), {"methods": ("helical",)}, "method singleParticle"),
        (document(), {"resolution_methods": ("FSC 0.5 CUT-OFF",)}, "resolution by FSC 0.143 CUT-OFF"),
        (document(), {"resolution_methods": ("FSC 0.143 CUT-OFF",)}, None),
        (edited(*FINAL, "resolution_method", value=None), {"resolution_methods": ("FSC 0.143 CUT-OFF",)}, None),
        (document(), {"highest": 3.96}, "resolution outside 0.5–3.96 Å"),
        (document(), {"highest": 3.97, "lowest": 3.97}, None),
        (document(), {"lowest": 3.98}, "resolution outside 3.98–50 Å"),
        (edited("admin", "composite_map", value=True), {"composite": False}, "composite map"),
        (edited("admin", "composite_map", value=True), {}, None),
        (document(), {"composite": False}, None),
        (document(), {"most_map_mb": 42}, "map larger than 42 MB"),
        (document(), {"most_map_mb": 43}, None),
        (document(map=None), {"most_map_mb": 1}, None),
        (document(), {"in_frame": ("FULLOVERLAP",)}, None),
        (document(), {"in_frame": ("NOOVERLAP", "PARTIALOVERLAP")}, "model and map FULLOVERLAP"),
        (edited(*MODELS, 0, "relationship", value=None), {"in_frame": ("FULLOVERLAP",)}, None),
        (document(), {"only_ids": ["emd-1234"]}, None),
        (document(), {"only_ids": ["EMD-1234/7SGD"]}, None),
        (document(), {"only_ids": ["EMD-1234/pdb_00007sgd"]}, None),
        (document(), {"only": "apoferritin"}, "not apoferritin"),
        (cage(molecule("x", ["P09528"], "24")), {"only": "apoferritin"}, None),
        (cage(molecule("x", ["P09528"], "24"), point_group="C1"), {"only": "apoferritin"}, "not apoferritin"),
    ],
)  # fmt: skip
def test_what_a_rule_takes(doc, rule, reason):
    assert why(doc, **rule) == reason


def test_the_first_model_of_a_map():
    doc = edited(*MODELS, value=[{"pdb_id": name} for name in ("7sgd", "1abc", "2abc")])
    assert [pair["pdb_id"] for pair in from_entry_documents([doc])[0]] == ["1abc", "2abc", "7sgd"]
    pairs, excluded = from_entry_documents([doc], CatalogueRule(models="first"))
    assert [pair["pdb_id"] for pair in pairs] == ["7sgd"], "first in the document, not in the alphabet"
    assert reasons(excluded) == {("EMD-1234", name): "a further model of its map" for name in ("1abc", "2abc")}


def test_listed_ids_that_are_not_told_of():
    rule = CatalogueRule(only_ids=("EMD-1234/7sgd", "EMD-1234/9abc", "EMD-4321"))
    pairs, excluded = from_entry_documents([document(), document(emdb_id="EMD-0007")], rule)
    assert [pair["emdb_id"] for pair in pairs] == ["EMD-1234"]
    assert reasons(excluded) == {
        ("EMD-0007", "7sgd"): "not among the listed ids",
        ("EMD-1234", "9abc"): "listed, but not in the archive's answer",
        ("EMD-4321", ""): "listed, but not in the archive's answer",
    }


def test_a_rule_in_words():
    text = CatalogueRule(most_map_mb=2000, in_frame=("FULLOVERLAP",), only="apoferritin", composite=False).text()
    said = (
        "singleParticle, subtomogramAveraging, helical or tomography", "0.5–50 Å", "no composite maps",
        "maps up to 2000 MB", "model and map FULLOVERLAP", "apoferritin alone", "excludes nothing",
    )  # fmt: skip
    for words in said:
        assert words in text
    assert "MB" not in CatalogueRule().text()
    assert "2 listed ids" in CatalogueRule(only_ids=("EMD-1234", "EMD-1235/1abc")).text()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"method": ["helical"]}, "catalogue: unknown method; expected methods, resolution_methods"),
        ({"models": "some"}, "models 'some': expected all or first"),
        ({"only": "ribosome"}, "only 'ribosome': expected apoferritin"),
        ({"lowest": 5, "highest": 4}, "resolutions 5–4 Å: no range"),
        ({"lowest": "x"}, "catalogue: "),
        ({"most_map_mb": -1}, "most_map_mb -1: expected MB"),
        ({"only_ids": ["EMD-1"]}, "'EMD-1' is no EMDB id; expected EMD-1234"),
        ({"only_ids": ["EMD-1234/"]}, "'EMD-1234/' is no EMDB id"),
        ({"only_ids": ["EMD-1234/../x"]}, "is no EMDB id"),
        ({"methods": 3}, "catalogue: "),
    ],
)
def test_settings_that_make_no_rule(settings, said):
    with pytest.raises(ValueError, match=said):
        rule_of(settings)


def test_settings_make_a_rule():
    assert rule_of({}) == CatalogueRule()
    rule = rule_of({"methods": ["helical"], "in_frame": "FULLOVERLAP", "only_ids": ["emd-1234/1ABC"]})
    assert (rule.methods, rule.in_frame, rule.only_ids) == (("helical",), ("FULLOVERLAP",), ("EMD-1234/1abc",))
    assert hash(rule) == hash(
        rule_of({"methods": ["helical"], "in_frame": ["FULLOVERLAP"], "only_ids": ["EMD-1234/1abc"]})
    )


# ---- the search, and documents for what it lacks ----


def test_search_and_document_make_a_pair():
    ((pair,), excluded) = taken(documents={"EMD-1234": document()})
    assert excluded == []
    expected = {
        "resolution": 3.97, "x_source": "search: the only value", "calculated_resolution": 4.1, "map_model_fsc05": 4.4,
        "contour_level": 0.02, "map_mb": 42.593, "in_frame": "FULLOVERLAP", "sample": "a sample", "software": "RELION",
        "title": "A title", "deposition": "2022-10-12", "voxel": 1.06, "cluster_protein": "uniprot:P12345",
    }  # fmt: skip
    assert {key: pair[key] for key in expected} == expected
    assert pair["map_stamp"].startswith("42593 ")


def test_the_same_facts_make_the_same_pairs():
    """What the search tells and what the document tells differ in where it was read, and in what only one tells."""
    own = {"x_source", "calculated_resolution", "map_model_fsc05", "deposition", "software"}
    ((first,), _) = taken(documents={"EMD-1234": document()})
    ((second,), _) = from_entry_documents([document()])
    names = [name for name in tables.PAIRS.names if name not in own]
    assert {name: first.get(name) for name in names} == {name: second.get(name) for name in names}


def test_an_entry_without_its_document_has_what_the_search_tells():
    ((pair,), _) = taken()
    assert (pair["map_file"], pair["map_stamp"], pair.get("contour_level")) == ("emd_1234.map.gz", pair["update"], None)
    assert pair["sample"] == "everything about the sample"
    ((early,), _) = taken(entry(emdb_id="EMD-0339"))
    assert early["map_file"] == "emd_0339.map.gz"


def test_only_candidates_have_their_documents_read():
    truth = searchrows.entries(600, seed=5)
    found = records(*truth)
    wanted = candidates(found)
    modelled = {e["emdb_id"]: e["update"] for e in truth if e["status"] == "REL" and e["models"]}
    assert 150 < len(wanted) < len(truth) / 2
    assert dict(wanted).items() <= modelled.items()
    asked = []

    class Shelf(dict):
        def get(self, key, default=None):
            asked.append(key)
            return default

    pairs, excluded = from_search(found, Shelf())
    assert asked == [emdb_id for emdb_id, _ in wanted]
    assert {pair["emdb_id"] for pair in pairs} <= set(asked)
    assert {row["emdb_id"] for row in pairs + excluded} == {e["emdb_id"] for e in truth}, "every entry has its row"


def test_a_rule_that_takes_less_needs_fewer_documents():
    found = records(*searchrows.entries(600, seed=5))
    few = candidates(found, CatalogueRule(only="apoferritin", highest=4))
    assert 0 < len(few) < len(candidates(found, CatalogueRule(highest=4))) < len(candidates(found))
    groups = {record["emdb_id"]: record["point_group"] for record in found}
    assert {groups[emdb_id] for emdb_id, _ in few} == {"O"}
    assert candidates(found, CatalogueRule(only_ids=("EMD-9999",))) == []


def test_every_reason_of_the_search():
    truth = [
        entry(emdb_id="EMD-0001"), entry(emdb_id="EMD-0002", status="OBS"), entry(emdb_id="EMD-0003", models=[]),
        entry(emdb_id="EMD-0004", resolutions=[]), entry(emdb_id="EMD-0005", method="electronCrystallography"),
        entry(emdb_id="EMD-0006", resolutions=[(3, "OTHER"), (4, "OTHER")]),
        entry(emdb_id="EMD-0007", models=["x", "1abc"]),
        entry(emdb_id="EMD-0008", resolutions=[(0.3, "OTHER")]),
        entry(emdb_id="nonsense"),
    ]  # fmt: skip
    pairs, excluded = taken(*truth)
    assert [(pair["emdb_id"], pair["pdb_id"]) for pair in pairs] == [("EMD-0001", "7sgd"), ("EMD-0007", "1abc")]
    assert reasons(excluded) == {
        ("EMD-0002", "7sgd"): "not released",
        ("EMD-0003", ""): "no fitted model",
        ("EMD-0004", "7sgd"): "no resolution",
        ("EMD-0005", "7sgd"): "method electronCrystallography",
        ("EMD-0006", "7sgd"): "several resolutions, none chosen by FSC 0.143",
        ("EMD-0007", "x"): "not a PDB id",
        ("EMD-0008", "7sgd"): "resolution outside 0.5–50 Å",
        ("nonsense", "7sgd"): "not an EMDB id",
    }


def test_of_several_resolutions_the_document_may_tell_more():
    several = entry(resolutions=[(3, "OTHER"), (4, "OTHER")])
    assert candidates(records(several)) == [("EMD-1234", UPDATE)]
    doc = with_processings(reconstruction("3", "OTHER"), reconstruction("4"))
    ((pair,), _) = taken(several, documents={"EMD-1234": doc})
    assert (pair["resolution"], pair["x_source"]) == (4, "document: of 2 values the one by FSC 0.143")


def test_a_resolution_whose_column_did_not_come_is_in_the_document():
    columns = [name for name in searchrows.COLUMNS if name != "resolution"]
    found = records(columns=columns)
    assert candidates(found) == [("EMD-1234", UPDATE)]
    ((pair,), _) = from_search(found, {"EMD-1234": document()})
    assert (pair["resolution"], pair["x_source"]) == (3.97, "document: the only value")
    assert reasons(from_search(found, {})[1]) == {("EMD-1234", "7sgd"): "resolution not told by the search"}


@pytest.mark.parametrize(("status", "count"), [("REL", 1), (None, 1), ("OBS", 0)])
def test_an_entry_that_its_document_calls_obsolete(status, count):
    doc = edited("admin", "current_status", "code", value=status)
    pairs, excluded = taken(documents={"EMD-1234": doc})
    assert len(pairs) == count
    assert count or reasons(excluded) == {("EMD-1234", "7sgd"): "not released"}


def test_of_several_dois_the_document_tells_the_first():
    (record,) = records(entry())
    facts = joined(record | {"several_doi": True, "doi": "10.1000/second"}, catalogue.entry_facts(document()))
    assert facts["doi"] == "10.1093/nar/gkag888"
    assert joined(record | {"doi": "10.1000/x"}, catalogue.entry_facts(document()))["doi"] == "10.1000/x"
    assert joined(record | {"doi": ""}, catalogue.entry_facts(document()))["doi"] == "10.1093/nar/gkag888"


def test_the_models_of_the_search_are_placed_by_the_document():
    ((first, second), _) = taken(entry(models=["7sgd", "9abc"]), documents={"EMD-1234": document()})
    assert [(pair["pdb_id"], pair["in_frame"]) for pair in (first, second)] == [("7sgd", "FULLOVERLAP"), ("9abc", None)]


def test_a_model_in_several_maps_and_a_map_with_several_models():
    truth = [entry(models=["7sgd", "pdb_10001abc"]), entry(emdb_id="EMD-4321")]
    pairs, _ = taken(*truth)
    assert [(pair["emdb_id"], pair["pdb_id"], pair["model_file"]) for pair in pairs] == [
        ("EMD-1234", "7sgd", "7sgd.cif.gz"), ("EMD-1234", "pdb_10001abc", "pdb_10001abc.cif.gz"),
        ("EMD-4321", "7sgd", "7sgd.cif.gz"),
    ]  # fmt: skip


def test_apoferritin_by_search_and_document():
    truth = entry(point_group="O", uniprot=["P09528"])
    assert taken(truth)[0][0]["apoferritin"] == "UniProt P09528, point group O, copies not given"
    doc = cage(molecule("x", ["P09528"], "24"))
    assert taken(truth, documents={"EMD-1234": doc})[0][0]["apoferritin"] == "UniProt P09528, 24 copies, point group O"
    other = cage(molecule("x", ["P09528"], "24"), molecule("y", ["P99999"], "1"))
    assert taken(truth, documents={"EMD-1234": other})[0][0]["apoferritin"] is None


def test_the_order_of_the_answer_does_not_matter():
    found = records(*searchrows.entries(300, seed=8))
    first = from_search(found, {})
    assert from_search(found[::-1], {}) == first
    assert [pair["emdb_id"] for pair in first[0]] == sorted(
        (pair["emdb_id"] for pair in first[0]), key=lambda emdb_id: int(emdb_id[4:])
    )


@pytest.mark.parametrize("dialect", searchrows.DIALECTS)
def test_every_dialect_gives_the_same_pairs(dialect):
    truth = searchrows.entries(300, seed=9)
    found = read_search(searchrows.answer(truth, dialect=dialect, seed=1)).records
    assert from_search(found, {}) == from_search(read_search(searchrows.answer(truth, dialect="bare")).records, {})


# ---- a folder of documents ----


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
    assert len(catalogue.from_documents(tmp_path, CatalogueRule(lowest=4))[0]) == 0


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
    bare = document(emdb_id="EMD-0002", crossreferences=None)
    pairs, excluded = catalogue.from_documents(folder(tmp_path, document(), bare))
    catalogue.write(tmp_path / "out", pairs, excluded, source="here", digest="abc")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "catalogue.json", "excluded.tsv", "pairs.parquet", "pairs.tsv",
    ]  # fmt: skip
    (row,) = tables.read_rows(tmp_path / "out" / "pairs.parquet", layout=tables.PAIRS)
    assert {key: row[key] for key in ("emdb_id", "resolution", "composite", "uniprot", "model_stamp")} == {
        "emdb_id": "EMD-1234", "resolution": 3.97, "composite": False, "uniprot": "P12345", "model_stamp": None,
    }  # fmt: skip
    assert tables.read_tsv(tmp_path / "out" / "excluded.tsv") == [
        {"emdb_id": "EMD-0002", "pdb_id": "", "sample": "a sample", "reason": "no fitted model"}
    ]
    assert json.loads((tmp_path / "out" / "catalogue.json").read_text()) == {
        "source": "here", "sha256": "abc", "n_pairs": 1, "n_entries": 1, "n_excluded": 1,
        "excluded_by_reason": {"no fitted model": 1}, "newest_map_release": "2022-10-12", "rule": None,
        "settings": None, "version": __version__, **dict.fromkeys(catalogue.OF_SNAPSHOT),
    }  # fmt: skip


def test_what_is_written_of_a_snapshot(tmp_path):
    rule = CatalogueRule(highest=4)
    pairs, excluded = from_search(records(*searchrows.entries(200, seed=2)), {}, rule)
    snapshot = {"date": "2026-11-25", "query": "*:*", "sha256": "abc", "fields_missing": ["title"]}
    catalogue.write(tmp_path / "a", pairs, excluded, source="EMDB", digest="abc", rule=rule, snapshot=snapshot)
    told = json.loads((tmp_path / "a" / "catalogue.json").read_text())
    assert {key: told[key] for key in snapshot} == snapshot
    assert told["rule"] == rule.text()
    assert rule_of(told["settings"]) == rule
    assert sum(told["excluded_by_reason"].values()) == told["n_excluded"] == len(excluded)
    assert list(told["excluded_by_reason"].values()) == sorted(told["excluded_by_reason"].values(), reverse=True)
    catalogue.write(tmp_path / "b", pairs, excluded, source="EMDB", digest="abc", rule=rule, snapshot=snapshot)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_an_empty_catalogue_can_be_written(tmp_path):
    catalogue.write(tmp_path, [], [], source="here", digest="abc")
    assert tables.read_rows(tmp_path / "pairs.parquet", layout=tables.PAIRS) == []
    assert json.loads((tmp_path / "catalogue.json").read_text())["newest_map_release"] is None


def test_every_column_of_the_pairs_is_filled_from_the_archive():
    ((pair,), _) = taken(documents={"EMD-1234": document()})
    empty = {name for name in tables.PAIRS.names if pair.get(name) in (None, "")}
    assert empty == {"model_stamp", "apoferritin"}
    assert set(search.FIELDS) <= set(searchrows.COLUMNS)


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
