"""The sentence on a scored pair, and the error of its mean Q."""

import itertools

import numpy as np
import pytest

from qscore import verdict
from qscore.equations import Curve
from qscore.jackknife import FEWEST_BLOCKS, block_jackknife, block_length, lag_one

LEVELS = np.array([0.01, 0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975, 0.99])
AT_THREE = np.array([0.30, 0.35, 0.38, 0.45, 0.50, 0.55, 0.58, 0.60, 0.62])
CURVE = Curve(
    np.array([1.5, 4.5]), LEVELS, AT_THREE + np.array([[0.3], [-0.3]]), 1000, name="made-up", source="1,000 rows"
)


# ---- the error of a mean ----


def table(q, *, chain="A", first=1, n_atoms=5, kind="protein"):
    n = len(q)
    return {
        "chain": np.full(n, chain),
        "number": np.arange(first, first + n).astype(str),
        "icode": np.full(n, ""),
        "residue": np.resize(["ALA", "GLY", "TRP"], n),
        "class": np.full(n, kind),
        "n_atoms": np.full(n, n_atoms),
        "n_scored": np.full(n, n_atoms) * np.isfinite(q),
        "q_04": np.asarray(q, dtype=float),
    }


def together(*tables):
    return {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}


def first_order(rng, n, r, runs):
    """Chains of a process with autocorrelation r, mean 0.5 and deviation 0.15; the deviation of their mean."""
    x = np.empty((runs, n))
    x[:, 0] = rng.normal(size=runs)
    for k in range(1, n):
        x[:, k] = r * x[:, k - 1] + np.sqrt(1 - r * r) * rng.normal(size=runs)
    lags = np.arange(1, n)
    return 0.5 + 0.15 * x, 0.15 * np.sqrt((1 + 2 * ((1 - lags / n) * r**lags).sum()) / n)


@pytest.mark.parametrize(("n", "r"), [(120, 0.0), (120, 0.7), (400, 0.3), (400, 0.7), (1500, 0.5)])
def test_the_error_of_correlated_chains(n, r):
    """200 chains: the root mean square error is known to about 3 %, the tolerance is three times that."""
    chains, truth = first_order(np.random.default_rng(n), n, r, 200)
    errors = np.array([block_jackknife(table(q)).se for q in chains])
    assert np.sqrt((errors**2).mean()) == pytest.approx(truth, rel=0.1)
    covered = np.abs(chains.mean(axis=1) - 0.5) < 1.96 * errors
    assert covered.mean() > 0.86


def test_single_residues_left_out_would_say_too_little():
    chains, truth = first_order(np.random.default_rng(1), 400, 0.7, 50)
    single = np.std(chains, axis=1, ddof=1).mean() / np.sqrt(400)
    assert single < 0.5 * truth


def test_the_mean_is_the_entrys():
    rng = np.random.default_rng(2)
    q = rng.uniform(0, 1, 150)
    q[::10] = np.nan
    residues = table(q) | {"n_atoms": rng.integers(3, 12, 150)}
    residues["n_scored"] = np.where(np.isnan(q), 0, residues["n_atoms"] - 1)
    waters = table(np.full(40, 0.99), chain="W", kind="water", n_atoms=1)
    found = block_jackknife(together(residues, waters))
    total = np.nansum(q * residues["n_scored"]) / residues["n_atoms"].sum()
    assert found.mean == pytest.approx(total, abs=1e-12)
    assert found == block_jackknife(residues)


def test_copies_by_symmetry_count_once():
    q = first_order(np.random.default_rng(3), 300, 0.4, 1)[0][0]
    one = block_jackknife(table(q))
    many = block_jackknife(together(*(table(q, chain=name) for name in "ABCDEFGH")))
    assert many.se == pytest.approx(one.se, rel=1e-9)
    assert (many.n_blocks, many.length) == (one.n_blocks, one.length)


def test_copies_that_differ_count_as_much_as_they_differ():
    rng = np.random.default_rng(4)
    same, own = rng.normal(0, 0.1, 400), rng.normal(0, 0.1, (4, 400))
    half = block_jackknife(together(*(table(0.5 + same + mine, chain=c) for c, mine in zip("ABCD", own, strict=True))))
    assert half.se == pytest.approx(np.sqrt((0.1**2 + 0.1**2 / 4) / 400), rel=0.25)


def test_what_only_some_copies_have_counts_too():
    rng = np.random.default_rng(5)
    longer, shorter = table(rng.uniform(0, 1, 200)), table(rng.uniform(0, 1, 195), chain="B", first=8)
    ligand = table(rng.uniform(0, 1, 3), chain="C", kind="ligand")
    every = together(longer, shorter, ligand)
    assert block_jackknife(every).mean == pytest.approx(every["q_04"].mean(), abs=1e-12)


def test_too_few_residues():
    found = block_jackknife(table(np.linspace(0, 1, 99)))
    assert found.n_blocks < FEWEST_BLOCKS and np.isnan(found.se)
    assert found.mean == pytest.approx(0.5)
    assert np.isfinite(block_jackknife(table(np.linspace(0, 1, 100))).se)
    nothing = block_jackknife(table(np.empty(0)))
    assert np.isnan(nothing.mean) and np.isnan(nothing.se) and nothing.n_blocks == 0


def test_blocks_grow_with_the_correlation():
    assert [block_length(2000, r) for r in (0, 0.5, 0.7, 0.95)] == [10, 15, 25, 60]
    assert block_length(200, 0.7) == 10 and block_length(100, 0.7) == 5
    ones, chain = np.tile([0.0, 1.0], 50), np.zeros(100, dtype=int)
    assert lag_one(ones, chain) == 0 and lag_one(np.repeat([0.0, 1.0], 50), chain) == 0.95
    assert lag_one(ones, np.arange(100)) == lag_one(np.ones(100), chain) == 0


def test_a_constant_q_has_no_error():
    assert block_jackknife(table(np.full(200, 0.5))).se == pytest.approx(0, abs=1e-12)


# ---- the sentence ----


def region(chain="A", first="5", last="12", *, p=0.01, z=-3.0, kind="chain region", pooled=""):
    return {"kind": kind, "pooled": pooled, "chain": chain, "from": first, "to": last, "p_adjusted": p, "z_within": z,
            "mean_q": 0.284, "n_tested": 3}  # fmt: skip


def judge(q=0.5, *, resolution=3.0, spread=0.1, regions=(), n=400, **more):
    summary = {"resolution": resolution, "q_mean": q, "q_scored": q, "tight_mask": False, "only_chains": None}
    values = q + spread * np.random.default_rng(0).normal(size=n)
    regions = None if regions is None else list(regions)
    return verdict.verdict(summary | {"q_null": -0.02, "q_null_sd": 0.01} | more, table(values), regions, CURVE)


def test_the_whole_sentence():
    regions = [region("B", "3", "20", p=0.004), region("A", "335", "352", p=0.001), region("Z", "1", "9", p=0.2)]
    assert judge(0.48, regions=regions).sentence == (
        "At 3 Å this model is resolved like the middle 50 % of entries (Q 0.480 ± 0.006, 40th percentile; "
        "expected 0.500, 0.350–0.600); less resolved than expected (p adjusted over 3 chains): A 335–352 (Q 0.28, "
        "p 0.001), B 3–20 (Q 0.28, p 0.004); Q does not test register or chemistry."
    )


@pytest.mark.parametrize(
    ("q", "place", "middle", "words"),
    [
        (0.20, "below", None, "resolved below the middle 95 % of entries (Q 0.200 ± 0.006, below the 1st percentile;"),
        (
            0.36,
            "middle",
            95,
            "less resolved than 95 % of entries, though still within the usual range (Q 0.360 ± 0.006, 3rd percentile; "
            "expected 0.500, 0.350–0.600); the lower end of the usual range is within twice its error; no region",
        ),
        (
            0.37,
            "middle",
            95,
            "less resolved than 95 % of entries, though still within the usual range (Q 0.370 ± 0.006, 4th",
        ),
        (0.586, "middle", 95, "is better resolved than 95 % of entries, though still within the usual range (Q 0.586"),
        (0.595, "middle", 95, "; the upper end of the usual range is within twice its error; "),
        (0.345, "below", None, "below the middle 95 % of entries, by less than twice its error (Q 0.345"),
        (0.56, "middle", 90, "is better resolved than 75 % of entries, within the usual range (Q 0.560"),
        (
            0.40,
            "middle",
            90,
            "is less resolved than 75 % of entries, within the usual range (Q 0.400 ± 0.006, 11th percentile;",
        ),
        (0.50, "middle", 50, "resolved like the middle 50 % of entries (Q 0.500 ± 0.006, 50th percentile;"),
        (0.75, "above", None, "resolved above the middle 95 % of entries (Q 0.750 ± 0.006, above the 99th percentile;"),
    ],
)
def test_below_within_or_above(q, place, middle, words):
    found = judge(q)
    assert (found.place, found.middle) == (place, middle)
    assert found.at_edge == ("twice its error" in found.sentence) == (q in (0.36, 0.595, 0.345))
    assert words in found.sentence


def test_outside_the_curve():
    found = judge(0.3, resolution=20.0)
    assert found.place == "" and found.middle is None and np.isnan(found.percentile)
    assert found.sentence.startswith("At 20 Å no expected Q is known (only at 1.5–4.5 Å; Q 0.300 ± 0.006); ")


def test_where_any_model_is_at_chance_q_says_nothing():
    """Expected from 0.35 at 3 Å, in a map whose chance level reaches 0.38, and where nothing is expected."""
    for found in (judge(0.06, resolution=35.0, q_null=0.05, q_null_sd=0.005), judge(0.3, q_null=0.3, q_null_sd=0.03)):
        assert found.no_better_than_chance and not found.tells_from_chance
        assert "(Q is " in found.sentence and found.sentence.startswith("No better than chance (Q is ")
        assert "resolved like" not in found.sentence and "resolved below" not in found.sentence
    assert "Q is 0.300 ± 0.030 anywhere in this map, so it says nothing of this model" in found.sentence


def test_where_a_model_in_its_place_is_not_at_chance_another_place_is_named():
    found = judge(0.06, q_null=0.05, q_null_sd=0.005)
    assert found.no_better_than_chance and found.tells_from_chance
    assert found.sentence.startswith(
        "As placed this model is no better in this map than at random (Q 0.050 ± 0.005 there): off its place, of the "
        "other hand, or of another map (the second look of qscore run tries other frames); at 3 Å this model is "
    )
    assert "says nothing" not in found.sentence
    assert (
        judge(q_null=0.05, q_null_sd=0.0999).tells_from_chance
        and not judge(q_null=0.05, q_null_sd=0.1).tells_from_chance
    )


def test_chance_is_three_deviations():
    assert not judge(0.066, q_null=0.05, q_null_sd=0.005).no_better_than_chance
    assert not judge(0.06, q_null=float("nan"), q_null_sd=float("nan")).no_better_than_chance


def test_a_tight_mask_is_said():
    found = judge(tight_mask=True)
    assert found.upper_bound and "; the mask is tight and Q an upper bound; " in found.sentence


def test_a_mask_is_nothing_to_tell_of_a_model_elsewhere():
    lost = judge(0.06, tight_mask=True, q_null=0.05, q_null_sd=0.005, n_outside=630, n_atoms=1000)
    assert lost.sentence.startswith("63 % of the atoms lie outside the map and count 0; as placed this model is no ")
    at_chance = judge(0.06, tight_mask=True, q_null=0.05, q_null_sd=0.005)
    few, many = (judge(tight_mask=True, n_outside=n, n_atoms=1000) for n in (49, 50))
    assert many.sentence.startswith("5 % of the atoms lie outside the map and count 0; at 3 Å")
    assert ["mask" in one.sentence for one in (lost, at_chance, many, few)] == [False, False, False, True]
    assert "outside" not in few.sentence


def beside(regions=(), **more):
    values = 0.5 + 0.1 * np.random.default_rng(0).normal(size=400)
    summary = {"resolution": 3.0, "q_mean": 0.06, "q_scored": 0.06, "tight_mask": False}
    summary |= {"q_null": 0.05, "q_null_sd": 0.005}
    return verdict.verdict(summary, table(values), list(regions), CURVE, beside=verdict.Beside(**more)).sentence


def test_a_survey_tells_both_corrections():
    alone = [region("A", "446", "562", p=0.009)]
    told = "; no region after correction over 1,234 chains of the survey; taken alone A 446–562 (Q 0.28, p 0.009); "
    assert told in beside(n_tested=1234, alone=alone)
    assert "over all chains of the survey; taken alone" in beside(alone=alone)
    both = beside([region("B")], n_tested=3, alone=alone)
    assert "(p adjusted over 3 chains of the survey): B 5–12 (Q 0.28, p 0.010); taken alone also A 446–562" in both
    assert "; no region stands out from the rest; " in beside(n_tested=3)


def test_after_the_second_look_nobody_is_sent_to_it():
    assert "there): in another frame it scores more; at 3 Å" in beside(examined=True)
    assert "another map; the second look found no better frame; at 3 Å" in beside(examined=False)
    assert "the second look of qscore run" in beside()


@pytest.mark.parametrize(
    ("chains", "words"), [("A", "chain A, not a whole entry, is"), ("A,B", "chains A,B, not a whole entry, are")]
)
def test_some_chains_are_no_entry(chains, words):
    assert f"At 3 Å {words} resolved like" in judge(only_chains=chains).sentence


def test_too_few_residues_for_an_error():
    found = judge(n=50)
    assert np.isnan(found.se) and not found.at_edge
    assert "(Q 0.500, too few residues for an error, 50th percentile; " in found.sentence


def test_waters_alone():
    found = judge(float("nan"))
    assert found.place == "" and "there is no atom but waters to judge" in found.sentence


def test_regions_worst_first():
    rows = [region(c, p=p, z=z) for c, p, z in (("A", 0.03, -2), ("B", 0.01, -2), ("C", 0.01, -4), ("D", 0.04, -9))]
    for order in itertools.permutations(rows):
        named = verdict.worst(verdict.significant(list(order)))
        assert named == ("C 5–12 (Q 0.28, p 0.010)", "B 5–12 (Q 0.28, p 0.010)", "A 5–12 (Q 0.28, p 0.030)")
    assert verdict.significant([region(p=0.06), region(p=float("nan")), region(p=None), region(kind="ligand")]) == []
    names = verdict.worst([region(first="-9", last="-3"), region("B", "7A", "7A")])
    assert [name.split(" (")[0] for name in names] == ["A -9 to -3", "B 7A"]
    assert verdict.worst([region(pooled="A B C", p=0.0004)]) == ("A 5–12 (3 copies, Q 0.28, p < 0.001)",)
    assert "(p adjusted over 1 chain)" in judge(regions=[region() | {"n_tested": 1}]).sentence
    assert judge().n_tested == 0 and judge(regions=[region()]).n_tested == 3
    assert "; no region stands out from the rest; " in judge().sentence
    assert "; regions were not looked for; " in judge(regions=None).sentence


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.009, "below the 1st"), (0.0096, "1st"), (0.9904, "99th"),
     (0.01, "1st"), (0.02, "2nd"), (0.03, "3rd"), (0.11, "11th"), (0.42, "42nd"),
     (0.995, "above the 99th")],
)  # fmt: skip
def test_percentiles_in_words(share, words):
    assert verdict.ordinal(share) == f"{words} percentile"


def test_one_sentence_and_what_is_not_tested():
    for found in (judge(), judge(0.2), judge(resolution=9.0), judge(0.01, q_null=0.02), judge(only_chains="A")):
        assert found.sentence.endswith("; Q does not test register or chemistry.")
        assert found.sentence.count(". ") == 0 and "\n" not in found.sentence and found.sentence[0].isupper()
        assert found.as_dict()["sentence"] == found.sentence
