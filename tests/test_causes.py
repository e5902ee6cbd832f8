"""Why an entry is as it is: each rule at its boundary, their order, and that what is missing is evidence of nothing."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qscore.causes import CAUSES, RULES, cause_of
from qscore.layouts import FLAGS, SCORED

# Everything measured, nothing wrong.
CLEAN = {
    "emdb_id": "EMD-1", "pdb_id": "1abc", "sample": "s", "resolution": 3.0, "q_mean": 0.5, "expected_q": 0.5,
    "low": 0.4, "high": 0.6, "z": 0.0, "flag": "", "q_null": 0.0, "q_null_sd": 0.02, "z_chance": 25.0, "q_p25": 0.3,
    "frac_outside": 0.0, "mask_distance": None, "tight_mask": False, "map_model_fsc05": 3.1,
    "calculated_resolution": 3.1, "n_regions": 0, "frac_in_regions": 0.0, "q_outside_regions": 0.5, "q_before": 0.5,
    "shift": 0.0, "half_voxel": False, "q_shifted": 0.5, "shift_gain": 0.0, "hand": "x", "hand_shift": 3.0,
    "q_hand": 0.1, "hand_gain": -0.4, "decoys": 12, "decoy_gain": 0.08, "frame": "",
}  # fmt: skip
LOW = CLEAN | {"q_mean": 0.2, "q_outside_regions": 0.2, "q_before": 0.2, "z": -6.0, "flag": "low"}
HIGH = CLEAN | {"q_mean": 0.8, "q_outside_regions": 0.8, "z": 6.0, "flag": "high"}
SHIFTED = {"frame": "shift", "shift": 5.1, "shift_voxels": "5.1 0.0 0.0", "q_before": 0.02, "q_shifted": 0.48,
           "shift_gain": 0.46}  # fmt: skip
MIRRORED = {"frame": "hand", "hand": "z", "hand_shift": 1.2, "q_before": 0.02, "q_hand": 0.49, "hand_gain": 0.47}
AT_CHANCE = {"q_mean": 0.03}
HALF_OUT = {"frac_outside": 0.5, "q_mean": 0.24}
MASKED = {"mask_distance": 1.5}
IN_REGIONS = {"n_regions": 2, "frac_in_regions": 0.4, "q_outside_regions": 0.45, "q_mean": 0.3}
FAR = {"map_model_fsc05": 9.0, "q_p25": 0.01}
OVERSTATED = {"calculated_resolution": 4.5, "q_mean": 0.25}


def band(resolution):
    """0.5 ± 0.1 at 3 Å, 0.2 less for every Å."""
    return 0.4 - 0.2 * (resolution - 3.0), 0.6 - 0.2 * (resolution - 3.0)


def named(row, **more):
    return cause_of({**row, **more}, band)[0]


def said(row, **more):
    return cause_of({**row, **more}, band)[1]


def test_the_list_is_closed_and_in_words():
    assert set(CAUSES) == {
        "no better than chance", "frame", "outside map", "tight mask", "map–model disagreement",
        "over-stated resolution", "partly under-resolved", "under-resolved", "unexplained",
    }  # fmt: skip
    assert len(CAUSES) == 9


def test_rules_read_columns_that_exist():
    read = set(CLEAN) - {"tight_mask", "q_p25"}
    assert read <= set(FLAGS.names) and "q_p25" in SCORED.names


@pytest.mark.parametrize("row", [CLEAN, CLEAN | {"flag": None}, CLEAN | {"q_mean": 0.42}, {}, {"flag": ""}])
def test_nothing_wrong_no_cause(row):
    assert cause_of(row, band) == ("", "")


@pytest.mark.parametrize(
    ("row", "more", "cause"),
    [
        (CLEAN, SHIFTED, "frame"),
        (LOW, SHIFTED, "frame"),
        (LOW, MIRRORED, "frame"),
        (CLEAN, AT_CHANCE, "no better than chance"),
        (LOW, AT_CHANCE, "no better than chance"),
        (CLEAN, HALF_OUT, "outside map"),
        (LOW, HALF_OUT, "outside map"),
        (CLEAN, MASKED, "tight mask"),
        (HIGH, MASKED, "tight mask"),
        (LOW, IN_REGIONS, "partly under-resolved"),
        (CLEAN, IN_REGIONS, "partly under-resolved"),
        (LOW, OVERSTATED, "over-stated resolution"),
        (LOW, FAR, "map–model disagreement"),
        (LOW, {}, "under-resolved"),
        (HIGH, {}, "unexplained"),
    ],
)
def test_each_cause_has_its_evidence(row, more, cause):
    assert named(row, **more) == cause
    assert said(row, **more)


def test_disagreement_explains_a_low_flag_only():
    assert named(CLEAN, **FAR, q_mean=0.3) == ""
    assert named(HIGH, **FAR) == "unexplained"


def test_over_stated_needs_q_below_the_band():
    row = CLEAN | {"calculated_resolution": 3.6, "low": 0.4}  # band 0.28 to 0.48 there
    assert named(row, q_mean=0.399) == "over-stated resolution"
    assert named(row, q_mean=0.401) == ""
    assert named(row, q_mean=0.399, low=None) == ""
    assert named(row, q_mean=0.399, flag="high") == "unexplained"


# ---- order ----


@pytest.mark.parametrize(
    ("stronger", "weaker", "cause"),
    [
        (SHIFTED, AT_CHANCE, "frame"),  # a shifted model scores at chance
        (MIRRORED, AT_CHANCE, "frame"),
        (SHIFTED, HALF_OUT, "frame"),  # and may lie partly outside
        (SHIFTED, MASKED, "frame"),
        (AT_CHANCE, {"frac_outside": 0.3}, "no better than chance"),
        (AT_CHANCE, FAR, "no better than chance"),
        (AT_CHANCE, MASKED, "no better than chance"),
        (HALF_OUT, FAR, "outside map"),
        (HALF_OUT, MASKED, "outside map"),
        (IN_REGIONS, OVERSTATED | {"q_mean": 0.3}, "partly under-resolved"),
        (IN_REGIONS | {"q_mean": 0.33}, FAR, "partly under-resolved"),  # 0.15 in the regions: above chance
        (OVERSTATED, {"map_model_fsc05": 5.0, "q_p25": 0.01}, "over-stated resolution"),
    ],
)
def test_of_two_causes_the_one_that_explains_the_other(stronger, weaker, cause):
    assert named(LOW, **{**weaker, **stronger}) == cause


def test_regions_at_chance_under_a_far_fsc_are_no_density_of_this_model():
    row = LOW | IN_REGIONS | FAR | {"q_mean": 0.28}  # in regions 0.025: 1.3 SD above chance
    assert named(row) == "map–model disagreement"
    assert "the regions, 40 % of the residues, score 0.025" in said(row)
    assert named(row, map_model_fsc05=3.2) == "partly under-resolved"  # absent density: the FSC hardly falls


# 1oed as it was found: the shift is real, and explains little.
LITTLE = {"frame": "shift", "shift": 2.21, "shift_error": 0.29, "shift_voxels": "-1.50 -1.63 0.01", "q_before": 0.111,
          "q_shifted": 0.156, "shift_gain": 0.0446}  # fmt: skip
TOLD = "another frame explains 18 % of the deficit: moved by 2.21 ± 0.29 Å"


def test_a_frame_that_carries_little_is_told_beside_the_cause():
    row = LOW | LITTLE | {"q_mean": 0.112, "expected_q": 0.3535, "low": 0.1616, "q_outside_regions": 0.112}
    assert named(row) == "under-resolved"
    assert "no frame that carries it" in said(row) and f"; {TOLD}" in said(row)
    assert named(row, **FAR) == "map–model disagreement" and f"; {TOLD}" in said(row, **FAR)
    assert cause_of(row | {"flag": ""}, band)[0] == "" and said(row, flag="").startswith(TOLD)
    assert named(row, decoys=None) == "unexplained"


@pytest.mark.parametrize("flag", ["low", ""])
@pytest.mark.parametrize(
    ("gain", "low", "is_frame"),
    [(0.151, 0.9, True), (0.149, 0.9, False), (0.1, 0.299, True), (0.1, 0.301, False), (0.029, 0.21, False)],
)
@pytest.mark.parametrize("found", [{"frame": "shift"}, {"frame": "hand", "hand": "z"}])
def test_a_frame_carries_most_of_the_deficit_or_brings_q_into_the_band(flag, gain, low, is_frame, found):
    row = LOW | found | {"flag": flag, "low": low, "shift_gain": gain, "hand_gain": gain, "q_shifted": 0.2 + gain}
    row["q_hand"] = row["q_shifted"]
    assert (named(row) == "frame") is is_frame
    assert ("another frame explains" in said(row)) is not is_frame


@pytest.mark.parametrize("flag", ["", "high"])
def test_a_frame_needs_to_explain_nothing_where_q_is_not_low(flag):
    assert named(CLEAN, **LITTLE, flag=flag) == "frame"
    assert named(CLEAN, **LITTLE, q_mean=0.41, flag=flag) == "frame"


def test_a_tight_mask_raises_q_and_explains_no_low_flag():
    assert named(LOW, **MASKED) == "under-resolved"


# ---- boundaries ----


@pytest.mark.parametrize(
    ("q", "cause"), [(0.0599, "no better than chance"), (0.0601, ""), (-0.3, "no better than chance")]
)
def test_three_deviations_from_chance(q, cause):
    assert named(CLEAN, q_mean=q) == cause


def test_chance_is_asked_of_the_atoms_inside():
    row = CLEAN | {"q_mean": 0.05, "frac_outside": 0.6}  # 0.125 of those inside: 6 SD
    assert named(row) == "outside map"
    assert named(row, q_mean=0.02) == "no better than chance"  # 0.05 of those inside
    assert "of the atoms inside the map" in said(row, q_mean=0.02)


@pytest.mark.parametrize(("share", "cause"), [(0.05, "outside map"), (0.0499, "")])
def test_share_of_atoms_outside(share, cause):
    assert named(CLEAN, frac_outside=share) == cause


@pytest.mark.parametrize(("q", "cause"), [(0.334, "outside map"), (0.332, "unexplained")])
def test_atoms_outside_carry_half_of_a_low_entrys_deficit(q, cause):
    # A third outside: Q inside is 1.5 q, the cost 0.5 q; half the deficit is 0.25 - 0.5 q... equal at q = 0.25.
    row = LOW | {"expected_q": 1.0, "frac_outside": 1 / 3}
    assert named(row, q_mean=q + 1 / 6) == cause  # equal at q = 0.5: cost 0.25, deficit 0.5


@pytest.mark.parametrize(("distance", "cause"), [(2.49, "tight mask"), (2.5, ""), (0.0, "tight mask")])
def test_a_mask_is_tight_below_two_and_a_half(distance, cause):
    assert named(CLEAN, mask_distance=distance) == cause


@pytest.mark.parametrize(("rest", "cause"), [(0.351, "partly under-resolved"), (0.349, "under-resolved")])
def test_regions_carry_half_of_the_deficit(rest, cause):
    assert named(LOW, n_regions=1, frac_in_regions=0.3, q_outside_regions=rest) == cause


@pytest.mark.parametrize(
    ("share", "rest", "cause"),
    [
        (0.1, 0.52, "partly under-resolved"),  # 0.32 in the regions
        (0.099, 0.52, ""),  # too few residues
        (0.1, 0.51, ""),  # 0.41 in the regions: within the band
        (0.0, 0.52, ""),
    ],
)
def test_without_a_flag_regions_are_large_and_below_the_band(share, rest, cause):
    assert named(CLEAN, n_regions=1, frac_in_regions=share, q_outside_regions=rest) == cause
    assert named(CLEAN, n_regions=0, frac_in_regions=share, q_outside_regions=rest) == ""


@pytest.mark.parametrize("row", [LOW, CLEAN | {"q_mean": 0.3}])
def test_an_entry_all_in_regions_is_not_so_in_part(row):
    assert named(row, n_regions=3, frac_in_regions=1.0, q_outside_regions=None) in ("under-resolved", "")


def test_a_part_of_the_atoms_scatters_more_about_chance():
    row = LOW | {"n_regions": 1, "q_outside_regions": 0.5, "expected_q": 0.5, "map_model_fsc05": 9.0, "q_p25": 0.05}
    # 0.11 in a quarter of the residues: 5.5 SD of the whole model's mean, 2.75 of a quarter's.
    assert named(row, frac_in_regions=0.25, q_mean=0.75 * 0.5 + 0.25 * 0.11) == "map–model disagreement"
    assert named(row, frac_in_regions=0.25, q_mean=0.75 * 0.5 + 0.25 * 0.13) == "partly under-resolved"


@pytest.mark.parametrize(
    ("reported", "calculated", "over"),
    [(2.0, 2.31, True), (2.0, 2.29, False), (5.0, 5.51, True), (5.0, 5.49, False), (3.0, 2.0, False)],
)
def test_over_stated_by_more_than_the_larger_of_two(reported, calculated, over):
    row = LOW | {"resolution": reported, "calculated_resolution": calculated}
    cause = cause_of(row, lambda _: (0.1, 0.3))[0]
    assert (cause == "over-stated resolution") is over


@pytest.mark.parametrize(("q", "over"), [(0.11, True), (0.09, False), (0.29, True), (0.31, False)])
def test_over_stated_only_where_q_is_as_expected_there(q, over):
    row = LOW | {"calculated_resolution": 4.5, "q_mean": q, "expected_q": 0.6}
    assert (cause_of(row, lambda _: (0.1, 0.3))[0] == "over-stated resolution") is over


def test_over_stated_needs_a_band_and_half_maps():
    row = LOW | OVERSTATED
    assert cause_of(row)[0] == "under-resolved"
    assert cause_of(row, lambda _: (math.nan, math.nan))[0] == "under-resolved"  # beyond the curve's domain
    assert named(row, calculated_resolution=None) == "under-resolved"
    assert named(row, map_model_fsc05=6.7) == "over-stated resolution"
    assert named(row, map_model_fsc05=6.8, q_p25=0.0) == "map–model disagreement"  # further than that explains


@pytest.mark.parametrize(("fsc05", "cause"), [(4.5, "map–model disagreement"), (4.49, "under-resolved")])
def test_a_map_model_fsc_is_far_from_one_and_a_half(fsc05, cause):
    assert named(LOW, map_model_fsc05=fsc05, q_p25=0.05) == cause


def test_whole_overlap_is_no_disagreement():
    assert named(LOW, map_model_fsc05=9.0, q_p25=0.061) == "under-resolved"
    assert named(LOW, map_model_fsc05=9.0, q_p25=0.059) == "map–model disagreement"
    assert named(LOW, map_model_fsc05=9.0, q_p25=None) == "map–model disagreement"


# ---- what is missing ----


@pytest.mark.parametrize("absent", [None, math.nan])
@pytest.mark.parametrize("column", ["frac_outside", "q_null", "q_null_sd", "decoys", "n_regions", "map_model_fsc05"])
def test_under_resolved_only_when_all_else_was_measured(column, absent):
    assert named(LOW, **{column: absent}) == "unexplained"
    assert "not measured" in said(LOW, **{column: absent})


def test_what_was_not_measured_is_named():
    text = said(LOW, q_null=None, decoys=None, map_model_fsc05=None)
    assert text.endswith("not measured: chance level, frame, map–model FSC")
    assert "not measured" not in said(HIGH)


def test_a_table_without_maps():
    bare = {"resolution": 3.0, "q_mean": 0.2, "expected_q": 0.5, "low": 0.4, "high": 0.6, "flag": "low"}
    assert named(bare) == "unexplained"
    assert named(bare, map_model_fsc05=3.2) == "unexplained"
    assert named(bare, map_model_fsc05=9.0) == "map–model disagreement"
    assert named(bare | {"flag": ""}, map_model_fsc05=9.0) == ""


@pytest.mark.parametrize("sd", [0.0, None, math.nan])
def test_no_chance_level_without_a_spread(sd):
    assert named(CLEAN, q_mean=0.0, q_null_sd=sd) == ""


def test_no_search_no_frame():
    assert named(LOW, **{**SHIFTED, "frame": None}) == "under-resolved"


# ---- sentences ----


def test_a_shift_in_angstrom_and_voxels():
    text = said(LOW, **SHIFTED)
    assert text.startswith("moved by 5.10 Å (voxels x y z: 5.1 0.0 0.0) the model scores 0.480 instead of 0.020")
    assert text.endswith("instead of 0.020; of 12 decoys the best reaches 0.100 by the same search")


def test_half_a_voxel_is_named():
    assert said(CLEAN, **SHIFTED | {"half_voxel": True, "shift": 0.9}).startswith("moved by half a voxel: 0.90 Å")


@pytest.mark.parametrize(
    ("more", "start"),
    [
        ({}, "in the map mirrored along z and after a shift of 1.20 Å the model scores 0.490"),
        ({"hand": "xyz", "hand_shift": 0.0}, "in the map mirrored along x, y and z the model scores 0.490"),
    ],
)
def test_the_other_hand(more, start):
    assert said(LOW, **MIRRORED | more).startswith(start)


def test_numbers_stand_in_the_other_sentences():
    assert said(LOW, **AT_CHANCE) == "Q 0.030; thrown anywhere into the map the model scores 0.000 ± 0.020 (1.5 SD)"
    outside = "50 % of the atoms lie outside the map and count 0; Q 0.480 of those inside, 0.240 of all"
    assert said(LOW, **HALF_OUT) == outside
    assert "from 1.5 Å off the atoms" in said(CLEAN, **MASKED)
    partly = "2 regions with 40 % of the residues (Q 0.075); without them Q 0.450, with 0.500 expected at 3.00 Å"
    assert said(LOW, **IN_REGIONS) == partly
    assert "correlate to 4.50 Å, not 3.00 Å" in said(LOW, **OVERSTATED)
    assert said(LOW, **FAR).startswith("map–model FSC 0.5 at 9.00 Å, 3.0 times the reported 3.00 Å")
    assert said(HIGH) == "Q 0.800, with 0.500 expected at 3.00 Å"


# ---- any row ----

NUMBER = st.none() | st.just(math.nan) | st.floats(-2, 12)
SHARE = st.none() | st.just(math.nan) | st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
KINDS = {"text": st.none() | st.just(""), "yes/no": st.none() | st.booleans(), "whole": st.none() | st.integers(0, 9)}
SPECIAL = {
    "flag": st.sampled_from(["", "low", "high", None]),
    "frame": st.sampled_from(["", "shift", "hand", None]),
    "frac_outside": SHARE,
    "frac_in_regions": SHARE,
}
ROWS = st.fixed_dictionaries(
    {}, optional={c.name: SPECIAL.get(c.name, KINDS.get(c.kind, NUMBER)) for c in FLAGS.columns} | {"q_p25": NUMBER}
)


@settings(max_examples=100, deadline=None)
@given(row=ROWS, with_band=st.booleans())
def test_any_row_gets_a_cause_of_the_list_with_evidence_or_neither(row, with_band):
    cause, evidence = cause_of(row, band if with_band else None)
    assert cause in ("", *CAUSES)
    assert evidence or not cause
    assert cause or not evidence or evidence.startswith("another frame explains ")
    if row.get("flag"):
        assert cause


@settings(max_examples=60, deadline=None)
@given(row=ROWS, column=st.sampled_from(FLAGS.names), absent=st.sampled_from([None, math.nan]))
def test_no_fault_is_found_by_taking_a_number_away(row, column, absent):
    row = row | {"flag": ""}
    if cause_of(row, band) == ("", ""):
        assert cause_of(row | {column: absent}, band) == ("", "")


def test_every_rule_says_when_it_applies():
    assert all(rule.__doc__ for _, rule in RULES)
