"""The block of scores beside Q."""

import pytest

from qscore import otherscores, tables

SCORES = {
    "avg_density_z": 3.456, "avg_density_solvent_z": 5.0, "frac_negative": 0.0123, "frac_below_solvent": 0.004,
    "inclusion": 0.912, "inclusion_backbone": 0.95, "inclusion_surrogate": 0.8, "inclusion_backbone_surrogate": 0.85,
    "map_value": 0.012345, "contrast": 6.0, "cc_mask": 0.71, "cc_box": float("nan"), "cc": 0.9, "cc_mean": 0.6,
    "b_sim": 45.3, "d_fsc05": 3.21,
    "not_measured": "part of a map (12 of 13 points): map_sd, cc_box, avg_density_z; no level: frac_unmodelled",
}  # fmt: skip


def told(scores, **more):
    return otherscores.lines({"realspace": scores, "contour_level": 0.02} | more)


def test_names_values_units_and_reasons():
    lines = told(SCORES)
    assert lines[0] == "other scores (inclusion at contour level 0.02)"
    assert lines[-1] == "  empty: CC_box, average density (map SD) (part of a map (12 of 13 points))"
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 120
    text = "\n".join(lines)
    for name, value in (
        ("average density", "3.46 map SD"), ("atoms in negative density", "1.2 %"), ("CC_mask", "0.710"),
        ("atom inclusion", "91.2 %"), ("map–model FSC = 0.5", "3.21 Å"), ("B of the simulated map", "45 Å²"),
        ("average map value", "0.0123 map units"), ("contrast to 2 Å away", "6.00 solvent SD"),
    ):  # fmt: skip
        assert f"{name:<36} {value}" in text
    assert "CC_box" not in "\n".join(lines[:-1]) and "surrogate" not in text


def test_without_a_level_inclusion_is_that_at_the_surrogate():
    lines = told(SCORES | {"inclusion": None, "inclusion_backbone": float("nan")}, contour_level=None)
    text = "\n".join(lines)
    assert lines[0] == "other scores"
    assert f"{'atom inclusion (surrogate)':<36} 80.0 %" in text
    assert "91.2" not in text


@pytest.mark.parametrize("summary", [{}, {"realspace": None}, {"realspace": {}}])
def test_nothing_where_nothing_was_measured(summary):
    assert otherscores.lines(summary) == []


def test_every_score_shown_is_a_column_of_the_table():
    columns = {*otherscores.SURROGATE, *otherscores.SURROGATE.values(), *(shown[0] for shown in otherscores.SHOWN)}
    assert columns <= {column.name for column in tables.OTHER_SCORES}
