"""Subsets: rules on columns and lists of ids, refused in one line when they cannot be."""

import datetime

import pytest

from qscore import tables
from qscore.selection import FitRule
from qscore.subsets import APOFERRITIN, from_json, ids_not_found, members, parse


def row(n=1, **more):
    ids = {"emdb_id": f"EMD-{1000 + n}", "pdb_id": f"{n}abc", "status": "scored"}
    return dict.fromkeys(tables.ENTRIES.names) | ids | more


def taken(rule, rows):
    (subset,) = parse({"mine": rule})
    return [found["emdb_id"] for found in members(subset, rows)]


@pytest.mark.parametrize(
    ("rule", "cell", "yes"),
    [
        ({"method": "helical"}, "helical", True),
        ({"method": "HELICAL"}, "helical", True),
        ({"method": "helical"}, "singleParticle", False),
        ({"method": "helical"}, None, False),
        ({"method": {"in": ["helical", "SingleParticle"]}}, "singleParticle", True),
        ({"method": {"in": ["helical"]}}, "singleParticle", False),
        ({"software": {"contains": "relion"}}, "cryoSPARC; RELION", True),
        ({"software": {"contains": "relion"}}, "cryoSPARC", False),
        ({"software": {"contains": "relion"}}, None, False),
        ({"resolution": {"below": 3.0}}, 2.99, True),
        ({"resolution": {"below": 3.0}}, 3.0, False),
        ({"resolution": {"at_most": 3}}, 3.0, True),
        ({"resolution": {"above": 3}}, 3.0, False),
        ({"resolution": {"at_least": 3}}, 3.0, True),
        ({"resolution": {"above": 2, "below": 3}}, 2.5, True),
        ({"resolution": {"above": 2, "below": 3}}, 3.5, False),
        ({"resolution": 3}, 3.0, True),
        ({"composite": True}, True, True),
        ({"composite": False}, True, False),
        ({"pubmed": 12345}, "12345", True),
        ({"map_release": {"below": "2020-01-01"}}, "2019-12-31", True),
        ({"map_release": {"at_least": datetime.date(2020, 1, 1)}}, "2019-12-31", False),
        ({"doi": {"present": True}}, "10.1/x", True),
        ({"doi": {"present": True}}, "", False),
        ({"doi": {"present": False}}, None, True),
        ({"n_atoms": {"above": 100}}, 101, True),
    ],
)
def test_a_condition_means_what_it_says(rule, cell, yes):
    (column,) = rule
    assert bool(taken(rule, [row(**{column: cell})])) == yes


def test_every_condition_must_hold_and_columns_beside_are_known():
    rows = [
        row(1, resolution=2.5, cc_mean=0.7),
        row(2, resolution=2.5, cc_mean=0.6),
        row(3, resolution=3.5, cc_mean=0.7),
    ]
    assert taken({"resolution": {"below": 3.0}, "cc_mean": {"above": 0.65}}, rows) == ["EMD-1001"]


def test_ids_are_of_maps_models_or_pairs_in_any_case():
    rows = [row(1), row(2), row(3), row(3, pdb_id="9xyz")]
    assert taken({"ids": ["emd-1001", "2ABC", "EMD-1003/9XYZ"]}, rows) == ["EMD-1001", "EMD-1002", "EMD-1003"]
    assert taken({"ids": ["EMD-1001", "EMD-1002"], "method": "helical"}, [row(1, method="helical"), row(2)]) == [
        "EMD-1001"
    ]


def test_ids_that_are_not_in_the_survey_are_told_as_listed():
    (subset,) = parse({"mine": {"ids": ["EMD-1001", "EMD-77777", "1abc"]}})
    assert ids_not_found(subset, [row(1)]) == ["EMD-77777"]
    assert ids_not_found(APOFERRITIN, [row(1)]) == []


def test_words_say_the_rule():
    config = {
        "mine": {
            "resolution": {"below": 3.0, "at_least": 2},
            "method": {"in": ["helical", "other"]},
            "composite": False,
        },
        "listed": {"ids": ["EMD-1", "EMD-2"], "doi": {"present": True}},
    }
    assert [subset.text() for subset in parse(config)] == [
        "resolution below 3; resolution at least 2; method is one of helical, other; composite is no",
        "doi given; listed by id (2)",
    ]


def test_a_rule_on_method_stands_in_place_of_the_fits():
    helical, by_half, sharp = parse(
        {"helical": {"method": "helical"}, "by_half": {"resolution_method": "x"}, "sharp": {"resolution": {"below": 3}}}
    )
    rule = FitRule()
    assert helical.fit_rule(rule) == FitRule(methods=())
    assert by_half.fit_rule(rule) == FitRule(criteria=())
    assert sharp.fit_rule(rule) == APOFERRITIN.fit_rule(rule) == rule


def test_apoferritin_is_who_has_a_reason():
    rows = [row(1, apoferritin="UniProt P02794"), row(2), row(3, apoferritin="")]
    assert [found["emdb_id"] for found in members(APOFERRITIN, rows)] == ["EMD-1001"]


def test_json_and_configuration_give_the_same():
    config = {"helical": {"method": "helical"}}
    assert from_json('{"helical": {"method": "helical"}}') == parse(config)
    assert from_json("") == from_json("{}") == parse(None) == parse({}) == ()
    with pytest.raises(ValueError, match="subsets: not JSON"):
        from_json("{")


def test_every_column_a_scorer_measures_is_refused_but_what_the_files_are():
    allowed = set()
    for name in tables.ENTRIES.names:
        try:
            parse({"mine": {name: {"present": True}}})
            allowed.add(name)
        except ValueError as err:
            assert "before any Q is seen" in str(err)
    assert set(tables.PAIRS.names) <= allowed and {"n_atoms", "n_water", "voxel_x", "grid", "map_bytes"} <= allowed
    refused = {"status", "reason", "n_scored", "n_outside", "mask_distance", "tight_mask", "frac_shell_on_constant"}
    assert not (allowed & refused) and not [name for name in allowed if name.startswith("q_")]


@pytest.mark.parametrize("name", ["q", "Q", "q_mean_2020", "my_q", "expected_q", "qscore", "q_score", "z_archive"])
def test_q_by_another_name_is_refused(name):
    with pytest.raises(ValueError, match="before any Q is seen"):
        parse({"mine": {name: {"above": 0.5}}})


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([], None),
        (["helical"], "expected a mapping"),
        ({"Bad name": {"method": "x"}}, "a name is of"),
        ({"all": {"method": "x"}}, "a name is of"),
        ({"apoferritin": {"method": "x"}}, "a name is of"),
        ({3: {"method": "x"}}, "a name is of"),
        ({"mine": "helical"}, "expected conditions by column"),
        ({"mine": {}}, "expected conditions by column"),
        ({"mine": {"method": {}}}, "no condition on method"),
        ({"mine": {"method": {"like": "x"}}}, "unknown operator 'like'; expected equals, in"),
        ({"mine": {"method": None}}, "expected a number or text, not None"),
        ({"mine": {"method": ["x"]}}, "expected a number or text"),
        ({"mine": {"method": {"in": "x"}}}, "expected a list"),
        ({"mine": {"method": {"in": []}}}, "expected a list"),
        ({"mine": {"method": {"contains": 3}}}, "expected text, not 3"),
        ({"mine": {"resolution": {"below": True}}}, "expected a number or text, not True"),
        ({"mine": {"doi": {"present": "yes"}}}, "expected yes or no"),
        ({"mine": {"ids": "EMD-1"}}, "ids is a list"),
        ({"mine": {"ids": []}}, "ids is a list"),
        ({"mine": {"ids": [1234]}}, "ids is a list"),
        ({"mine": {3: "x"}}, "no name of a column"),
    ],
)
def test_what_cannot_be_is_one_clear_line(config, message):
    if message is None:
        assert parse(config) == ()
        return
    with pytest.raises(ValueError, match=message) as found:
        parse(config)
    assert "\n" not in str(found.value) and len(str(found.value)) < 200


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"cc_meen": {"above": 0.5}}, "subset mine: the table has no column cc_meen"),
        ({"method": {"below": 3}}, "cannot be asked of a column of text"),
        ({"resolution": {"below": "3"}}, "cannot be asked of a column of numbers"),
        ({"resolution": "high"}, "cannot be asked of a column of numbers"),
        ({"resolution": {"in": ["3", 4]}}, "cannot be asked of a column of numbers"),
        ({"resolution": {"contains": "3"}}, "cannot be asked of a column of numbers"),
        ({"composite": {"above": 0}}, "cannot be asked of a column of yes or no"),
    ],
)
def test_a_column_is_checked_against_the_table(rule, message):
    with pytest.raises(ValueError, match=message):
        taken(rule, [row(2), row(1, method="helical", resolution=3.0, composite=False)])


def test_an_empty_table_has_no_members():
    assert taken({"cc_mean": {"above": 0.5}}, []) == []
