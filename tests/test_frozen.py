"""Numbers that cannot drift: the tables of a small survey are, column by column, what they once were."""

import math

import frozensurvey
import pytest

# Sums in another order (processors, FFTs and linear algebra of other versions) move the last of the digits that
# single-precision maps leave; what a user sees has six digits.
RELATIVE = ABSOLUTE = 1e-6


@pytest.fixture(scope="module")
def now(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "120")
        return frozensurvey.run(tmp_path_factory.mktemp("frozen"))


def alike(then: str, now: str) -> bool:
    if then == now:
        return True
    try:
        return math.isclose(float(then), float(now), rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    except ValueError:
        return False


@pytest.mark.parametrize("name", frozensurvey.frozen())
def test_a_table_is_what_it_was(now, name):
    then, found = frozensurvey.frozen()[name], now[name]
    assert len(found) == len(then)
    assert [list(row) for row in found] == [list(row) for row in then]
    drifted = {
        column: [(k, a[column], b[column]) for k, (a, b) in enumerate(zip(then, found, strict=True))
                 if not alike(a[column], b[column])]
        for column in then[0]
    }  # fmt: skip
    assert {column: cells[:3] for column, cells in drifted.items() if cells} == {}


def test_every_table_is_frozen(now):
    assert set(now) == set(frozensurvey.frozen())


def test_what_was_planted_is_in_the_tables():
    """A frozen survey of entries of which nothing can be said would hold nothing."""
    tables = frozensurvey.frozen()
    entries = {row["emdb_id"]: row for row in tables["tables-entries"]}
    assert entries[f"EMD-{frozensurvey.MISSING}"]["reason"] == "model_missing"
    (region,) = tables["regions-regions"]
    assert (region["emdb_id"], region["from"], region["to"]) == (f"EMD-{frozensurvey.UNSEEN}", "8", "16")
    q = {k: float(entries[f"EMD-{k}"]["q_mean"]) for k in range(frozensurvey.N) if k != frozensurvey.MISSING}
    assert q[frozensurvey.MOVED] < q[frozensurvey.UNSEEN] < q[0] and q[frozensurvey.CLAIMED] < q[frozensurvey.N - 1]
    assert all(row["inclusion"] and row["cc_mask"] and row["d_fsc05"] for row in entries.values() if not row["reason"])


@pytest.mark.parametrize(
    ("then", "now", "same"),
    [("1.5", "1.5000001", True), ("1.5", "1.50001", False), ("", "0", False), ("a", "b", False), ("nan", "", False)],
)
def test_what_counts_as_drift(then, now, same):
    assert alike(then, now) == same
