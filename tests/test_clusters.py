"""Entries of one publication, and of one protein, share a name."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qscore import clusters


def entry(number, **facts):
    return {"emdb_id": f"EMD-{number:04d}"} | facts


def publications(*entries):
    return list(clusters.publications(entries).values())


# ---- publications ----


def test_a_doi_is_a_publication_and_so_is_a_pubmed_id():
    assert publications(
        entry(1, doi="10.1/a", pubmed="7"), entry(2, doi="10.1/a"), entry(9, pubmed="8"), entry(50, doi="10.1/b")
    ) == ["doi:10.1/a", "doi:10.1/a", "pubmed:8", "doi:10.1/b"]


def test_entries_are_linked_through_others():
    """One knows the DOI, one the PubMed id, a third both."""
    entries = [
        entry(1, doi="10.1/a"),
        entry(900, pubmed="7"),
        entry(500, doi="10.1/a", pubmed="7"),
        entry(2, pubmed="8"),
    ]
    assert publications(*entries) == ["doi:10.1/a"] * 3 + ["pubmed:8"]


def test_a_chain_of_links_is_one_cluster():
    entries = [entry(10 * k, doi=f"10.1/{k}", pubmed=str(1000 + k // 2)) for k in range(8)]
    entries += [entry(1000 + k, doi=f"10.1/{k}", pubmed=str(1000 + (k + 1) // 2)) for k in range(8)]
    assert set(publications(*entries)) == {"doi:10.1/0"}


@given(
    st.lists(st.tuples(st.sampled_from(["", *"abcdef"]), st.sampled_from(["", *"123456"])), max_size=14), st.randoms()
)
def test_clusters_are_connected_components_in_any_order(keys, rng):
    """Against a literal search: whatever shares a key, again and again."""
    entries = [entry(10 * k, doi=doi, pubmed=pubmed) for k, (doi, pubmed) in enumerate(keys) if doi or pubmed]
    named = clusters.publications(entries)
    shuffled = rng.sample(entries, len(entries))
    assert clusters.publications(shuffled) == named
    for one in entries:
        reached, new = set(), {one["emdb_id"]}
        while new:
            reached |= new
            shared = {(key, e[key]) for e in entries if e["emdb_id"] in reached for key in ("doi", "pubmed") if e[key]}
            new = {e["emdb_id"] for e in entries if {(k, e[k]) for k in ("doi", "pubmed")} & shared} - reached
        assert {key for key, name in named.items() if name == named[one["emdb_id"]]} == reached


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        ((1, 2, 3), ["authors:EMD-0001"] * 3),
        ((1, 6, 11), ["authors:EMD-0001"] * 3),
        ((1, 7), ["EMD-0001", "EMD-0007"]),
        ((1, 2, 8, 9, 20), ["authors:EMD-0001"] * 2 + ["authors:EMD-0008"] * 2 + ["EMD-0020"]),
    ],
)
def test_runs_of_ids_with_the_same_authors(numbers, names):
    entries = [entry(number, authors=("Ward AB", "Sanders RW")) for number in numbers]
    assert publications(*entries) == names
    mixed = random.Random(1).sample(entries, len(entries))
    assert clusters.publications(mixed) == clusters.publications(entries)


def test_others_in_between_do_not_break_a_run():
    authors = [("Ward AB",), ("Other C",), ("ward ab",), ("Other C", "Ward AB"), ()]
    found = publications(*(entry(k + 1, authors=names) for k, names in enumerate(authors)))
    assert found == ["authors:EMD-0001", "EMD-0002", "authors:EMD-0001", "EMD-0004", "EMD-0005"]


def test_the_order_of_authors_does_not_matter():
    assert len(set(publications(entry(1, authors=("A", "B")), entry(2, authors=("B", "A"))))) == 1


def test_an_entry_with_a_publication_is_in_no_run():
    found = publications(entry(1, authors=("A",), doi="10.1/a"), entry(2, authors=("A",)), entry(3, authors=("A",)))
    assert found == ["doi:10.1/a", "authors:EMD-0002", "authors:EMD-0002"]


def test_nothing_known_is_nothing_shared():
    assert publications(entry(1), entry(2, doi="", pubmed="", authors=())) == ["EMD-0001", "EMD-0002"]
    assert publications({"emdb_id": "mine", "authors": ("A",)}, {"emdb_id": "mine2", "authors": ("A",)}) == [
        "mine",
        "mine2",
    ]
    assert clusters.publications([]) == {}


# ---- proteins ----


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"uniprot": ("P09528", "P02794"), "sample": "ferritin"}, "uniprot:P02794 P09528"),
        ({"uniprot": "P09528 P02794"}, "uniprot:P02794 P09528"),
        ({"uniprot": "", "sample": "β-Galactosidase"}, "name:βgalactosidase"),
        ({"sample": " β galactosidase. "}, "name:βgalactosidase"),
        ({"sample": "TRPV1"}, "name:trpv1"),
        ({"sample": "--"}, "EMD-0001"),
        ({"sample": ""}, "EMD-0001"),
        ({"sample": None}, "EMD-0001"),
        ({}, "EMD-0001"),
    ],
)
def test_one_protein(facts, name):
    assert clusters.protein(entry(1, **facts)) == name


# ---- pairs ----


def test_pairs_of_one_entry_share_their_clusters():
    pairs = [
        entry(1, pdb_id="1abc", authors=("A",)),
        entry(1, pdb_id="2abc", authors=("A",)),
        entry(9, pdb_id="3abc", sample="X"),
    ]
    found = clusters.label(pairs)
    assert [(row["pdb_id"], row["cluster_pub"], row["cluster_protein"]) for row in found] == [
        ("1abc", "EMD-0001", "EMD-0001"), ("2abc", "EMD-0001", "EMD-0001"), ("3abc", "EMD-0009", "name:x"),
    ]  # fmt: skip
    assert "cluster_pub" not in pairs[0], "what is given stays as it is"


@pytest.mark.parametrize("value", ["n/a", "N/A", "none", "None", "TBD", "unknown", "0", "000", "-", " "])
def test_a_placeholder_is_no_publication(value):
    for kind in ("doi", "pubmed"):
        assert publications(entry(1, **{kind: value}), entry(90, **{kind: value})) == ["EMD-0001", "EMD-0090"]
