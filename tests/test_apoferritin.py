"""Who is apoferritin: by UniProt, copies and symmetry; by name only where no UniProt is known."""

import pytest
from entrydocuments import cage, molecule

from qscore import apoferritin
from qscore.documents import entry_facts

NAMED = "ferritin in the name and point group O"


def reason(*molecules, **options):
    return apoferritin.membership(entry_facts(cage(*molecules, **options)))


@pytest.mark.parametrize(
    ("sample", "group", "why"),
    [
        ("Mouse heavy-chain apoferritin", "O", NAMED),
        ("Human Ferritin", "O", NAMED),
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
def test_by_name_and_symmetry(sample, group, why):
    assert apoferritin.by_name(sample, group) == why


@pytest.mark.parametrize("accession", sorted(apoferritin.ACCESSIONS))
def test_by_accession_copies_and_symmetry(accession):
    chain = molecule("a cage", [accession], "24")
    assert reason(chain) == f"UniProt {accession}, 24 copies, point group O"
    assert reason(chain, name="apoferritin") == f"UniProt {accession}, 24 copies, point group O"
    assert reason(chain, point_group="C1") is None
    assert reason(chain, point_group=None) is None


@pytest.mark.parametrize(
    ("copies", "said"), [("24", "24 copies"), (None, "copies not given"), ("1", None), ("12", None)]
)
def test_copies(copies, said):
    found = reason(molecule("x", ["P09528"], copies))
    assert found is None if said is None else said in found


def test_two_chains_make_24_together():
    heavy, light = molecule("heavy", ["P02794"], "20"), molecule("light", ["P02792"], "4")
    assert reason(heavy, light) == "UniProt P02792 P02794, 24 copies, point group O"
    assert reason(heavy) is None


@pytest.mark.parametrize(
    "beside",
    [
        molecule("a nanobody", ["P99999"], "24"),
        molecule("a nanobody", [], "24"),
        molecule("guide", [], "1", kind="rna"),
        molecule("ferritin-GFP fusion", [], "1"),
    ],
    ids=["known", "unknown", "rna", "fusion"],
)
def test_a_cage_that_carries_something_else_is_none(beside):
    assert reason(molecule("apoferritin", ["P09528"], "24"), beside) is None
    if not beside["sequence"]["external_references"]:
        assert reason(molecule("apoferritin", [], "24"), beside) is None


@pytest.mark.parametrize(("name", "sample"), [("FTH1-GFP fusion", "x"), ("FTH1", "ferritin with cargo")])
def test_a_fusion_is_none_whatever_its_accession(name, sample):
    assert reason(molecule(name, ["P09528"], "24"), name=sample) is None


def test_a_ligand_beside_it_does_no_harm():
    iron = molecule("FE (III) ION", [], "24", kind="ligand")
    assert reason(molecule("x", ["P09528"], "24"), iron) == "UniProt P09528, 24 copies, point group O"
    assert reason(molecule("ferritin", [], "24"), iron) == NAMED


def test_a_known_accession_of_something_else_outweighs_the_name():
    assert reason(molecule("ferritin", ["P0ABD3"], "24"), name="apoferritin") is None
    assert reason(molecule("ferritin", ["P09528", "P0ABD3"], "24"), name="apoferritin") is None


def test_the_name_of_the_molecule_counts_too():
    assert reason(molecule("Ferritin heavy chain", [], "24")) == NAMED
    assert reason(molecule("FTH1", [], "24"), name="Mouse apoferritin") == NAMED
    assert reason(molecule("ferritin", [], "24"), molecule("ferritin light chain", [], "4")) == NAMED
    assert reason(molecule("bacterioferritin", [], "24"), name="ferritin") is None
    assert reason(molecule("x", [], "24")) is None


def test_by_what_the_search_alone_tells():
    facts = {"point_group": "O", "sample": "", "uniprot": ("P09528",)}
    assert apoferritin.membership(facts) == "UniProt P09528, point group O, copies not given"
    assert apoferritin.membership(facts | {"uniprot": ("P02792", "P09528")}).startswith("UniProt P02792 P09528,")
    assert apoferritin.membership(facts | {"uniprot": ("P09528", "P99999")}) is None
    assert apoferritin.membership(facts | {"uniprot": (), "sample": "Apoferritin"}) == NAMED
    assert apoferritin.membership(facts | {"point_group": ""}) is None
