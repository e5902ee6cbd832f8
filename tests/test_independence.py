"""Groups of rows that are not independent, and folds along them."""

import numpy as np
import pytest

from qscore.independence import GAP, SPAN, Independence, folds, groups_of, runs


def row(emdb_id, pub=None, protein=None):
    return {"emdb_id": emdb_id, "cluster_pub": pub, "cluster_protein": protein}


def same(groups) -> set:
    """Which places are together."""
    return {frozenset(np.flatnonzero(groups == one).tolist()) for one in set(groups.tolist())}


def survey(seed=3, n=600):
    rng = np.random.default_rng(seed)
    return [
        row(f"EMD-{rng.integers(1, 30_000)}", f"doi:{rng.integers(200)}", f"uniprot:P{rng.zipf(1.7)}") for _ in range(n)
    ]


# ---- groups ----


def test_publication_and_protein_apart():
    found = groups_of(
        [row("EMD-1", "doi:a", "name:x"), row("EMD-2", "doi:a", "name:y"), row("EMD-9", "doi:b", "name:x")]
    )
    assert same(found.publication) == {frozenset({0, 1}), frozenset({2})}
    assert same(found.protein) == {frozenset({0, 2}), frozenset({1})}


def test_pairs_of_one_entry_share_both_whatever_their_clusters():
    found = groups_of(
        [row("EMD-1", "doi:a", "name:x"), row("EMD-1", "doi:b", "name:y"), row("EMD-7", "doi:b", "")], k=1
    )
    assert same(found.publication) == {frozenset({0, 1, 2})}
    assert same(found.protein) == {frozenset({0, 1}), frozenset({2})}


@pytest.mark.parametrize("untold", [None, "", "EMD-5"])
def test_an_untold_cluster_links_nothing(untold):
    found = groups_of([row("EMD-5", untold), row("EMD-6", None), row("EMD-7", "doi:a"), row("EMD-8", "doi:a")])
    assert same(found.publication) == {frozenset({0}), frozenset({1}), frozenset({2, 3})}
    assert "2 not told, each entry for itself" in found.text


def test_joint_follows_links_through_others():
    rows = [row("EMD-1", "doi:a", "name:x"), row("EMD-2", "doi:a", "name:y"), row("EMD-9", "doi:b", "name:y")]
    rows += [row(f"EMD-{100 * k}", f"doi:{k}", f"name:{k}") for k in range(1, 30)]
    found = groups_of(rows)
    assert frozenset({0, 1, 2}) in same(found.joint) and len(same(found.joint)) == 30
    assert "folds keep together what either links: 30 groups of 32 rows, the largest of 3" in found.text


def test_joint_falls_back_to_publications_when_a_link_holds_too_much():
    rows = [row(f"EMD-{100 * k}", f"doi:{k // 2}", "name:ribosome" if k < 5 else f"name:{k}") for k in range(40)]
    found = groups_of(rows)  # proteins link 5 and publications a sixth: more than 40/10
    assert np.array_equal(found.joint, found.publication)
    assert "folds keep together publications only, as either links 6 rows, more than 1/10 of all" in found.text
    assert len(np.unique(groups_of(rows, k=6).joint)) == 18  # 6 of 40 are no more than a sixth


def test_numbers_do_not_depend_on_the_order_of_rows():
    rows = survey()
    order = np.random.default_rng(8).permutation(len(rows))
    found, other = groups_of(rows, k=2), groups_of([rows[k] for k in order], k=2)
    for name in ("publication", "protein", "joint"):
        assert np.array_equal(getattr(found, name)[order], getattr(other, name)), name
    assert found.text == other.text


def test_numbers_are_0_to_groups_minus_1():
    found = groups_of(survey())
    for groups in (found.publication, found.protein, found.joint):
        assert np.array_equal(np.unique(groups), np.arange(groups.max() + 1))


def test_joint_holds_publication_and_protein():
    rows = survey(n=60)
    found = groups_of(rows, k=1)
    for column in ("cluster_pub", "cluster_protein"):
        joints = {}
        for one, joint in zip(rows, found.joint.tolist(), strict=True):
            assert joints.setdefault(one[column], joint) == joint


def test_columns_may_be_missing_and_rows_none():
    assert same(groups_of([{"emdb_id": "EMD-1"}, {"emdb_id": "EMD-2"}], k=1).publication) == {frozenset({0, 1})}
    assert len(groups_of([]).joint) == 0


def test_take():
    found = groups_of(survey())
    keep = np.arange(600) % 3 == 0
    some = found.take(keep)
    assert isinstance(some, Independence) and some.text != found.text and "of 200 rows" in some.text
    assert found.take(np.arange(600)).text == found.text
    for name in ("publication", "protein", "joint"):
        assert np.array_equal(getattr(some, name), getattr(found, name)[keep])


def test_what_is_redrawn_is_named():
    publications, proteins, single = "whole publications", "whole proteins", "single entries"
    for rows, publication, protein in (
        ([row("EMD-1", "doi:a", "name:x"), row("EMD-9")], publications, proteins),
        ([row("EMD-1"), row("EMD-9")], "runs of neighbouring ids", single),
        ([row("EMD-1", None, "name:x"), row("EMD-9")], "runs of neighbouring ids", proteins),
    ):
        assert groups_of(rows).redrawn == {"publication": publication, "protein": protein}
    rest = groups_of([row("EMD-1", "doi:a", "name:x"), row("EMD-9"), row("EMD-20")]).take([1, 2])
    assert rest.redrawn == {"publication": single, "protein": single}
    assert "no protein known: each entry for itself" in rest.text


def test_no_folds_is_refused():
    with pytest.raises(ValueError, match="0 folds; at least 1 is needed"):
        groups_of([row("EMD-1")], k=0)


# ---- runs of ids stand in ----


def test_runs_join_neighbours_only():
    ids = ["EMD-10", f"EMD-{10 + GAP}", f"EMD-{11 + 2 * GAP}", "EMD-5000", "own-map"]
    assert runs(ids) == ["EMD-10", "EMD-10", f"EMD-{11 + 2 * GAP}", "EMD-5000", "own-map"]


def test_runs_count_leading_zeros_and_go_by_number():
    assert runs(["EMD-10001", "EMD-0999", "EMD-9999", "EMD-1000"]) == ["EMD-9999", "EMD-0999", "EMD-9999", "EMD-0999"]


def test_a_dense_table_is_cut():
    found = runs([f"EMD-{k}" for k in range(1, 3 * SPAN + 1)])
    assert [found.count(name) for name in dict.fromkeys(found)] == [SPAN, SPAN, SPAN]


def test_runs_stand_in_only_where_no_publication_is_told():
    ids = ["EMD-1", "EMD-2", "EMD-9"]
    found = groups_of([row(name, name, f"name:{name}") for name in ids])
    assert same(found.publication) == {frozenset({0, 1}), frozenset({2})}
    assert "runs of EMDB ids at most 2 apart stand in for them: 2 groups of 3 rows, the largest of 2" in found.text
    told = groups_of([row("EMD-1"), row("EMD-2"), row("EMD-9", "doi:a")])
    assert len(same(told.publication)) == 3 and "stand in" not in told.text


def test_runs_of_the_archive_table(real_data):
    lines = (real_data / "mapq_survey_2025.csv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [row(name, name) for name in (line.split(",")[0] for line in lines)]
    found = groups_of(rows)
    sizes = np.bincount(found.publication)
    assert (len(rows), len(sizes), sizes.max()) == (10_188, 1_822, 61)
    assert "no protein known: each entry for itself" in found.text and len(np.unique(found.protein)) == 10_188
    assert np.ptp(np.bincount(folds(found.joint))) <= 1


# ---- folds ----


def test_folds_keep_groups_whole_and_sizes_even():
    groups = groups_of(survey(), k=2).publication
    found = folds(groups)
    for group in np.unique(groups):
        assert len(np.unique(found[groups == group])) == 1
    sizes = np.bincount(found, minlength=10)
    assert len(sizes) == 10 and np.ptp(sizes) <= np.bincount(groups).max()


def test_folds_of_single_rows_are_even_to_one():
    assert sorted(np.bincount(folds(np.arange(103))).tolist()) == [10] * 7 + [11] * 3


def test_folds_do_not_depend_on_the_order_of_rows_or_on_the_numbers_themselves():
    groups = np.random.default_rng(1).integers(80, size=500)
    order = np.random.default_rng(2).permutation(500)
    assert np.array_equal(folds(groups)[order], folds(groups[order]))
    assert np.array_equal(folds(groups), folds(groups * 7 + 3))


def test_folds_are_drawn_from_the_seed():
    groups = np.arange(200)
    assert np.array_equal(folds(groups, seed=5), folds(groups, seed=5))
    assert not np.array_equal(folds(groups, seed=5), folds(groups, seed=6))


@pytest.mark.parametrize(("n", "k"), [(9, 10), (10, 1), (0, 2)])
def test_folds_need_groups(n, k):
    with pytest.raises(ValueError, match=f"{k} folds of {n} groups"):
        folds(np.arange(n), k=k)
