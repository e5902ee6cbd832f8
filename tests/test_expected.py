"""Published equations at points computed by hand, their ends, and what they flag."""

import json
import math

import pytest

from qscore.expected import MAPQ_2_9_7, PUBLISHED, Equation, published
from qscore.outliers import band_flag


@pytest.mark.parametrize(
    ("kind", "sigma", "resolution", "value"),
    [
        # 1.1242 - 0.1866 * 3
        ("protein", 0.4, 3.0, 0.5644),
        # 0.9436 - 0.1465 * 3
        ("nucleic", 0.4, 3.0, 0.5041),
        # 1.0795 - 0.1103 * 2.5
        ("ion", 0.4, 2.5, 0.80375),
        ("ion", 0.6, 2.5, 0.80375),
        # 1.0001 - 0.0895 * 4
        ("water", 0.4, 4.0, 0.6421),
        ("water", 0.6, 4.0, 0.6421),
        # 1.1192 - 0.1775 * 3
        ("protein", 0.6, 3.0, 0.5867),
        # 0.9973 - 0.1377 * 4
        ("nucleic", 0.6, 4.0, 0.4465),
        # -0.0019064058 * 8 + 0.0499875375 * 4 - 0.4513945578 * 2 + 1.5361860733
        ("all", 0.6, 2.0, 0.8180958613),
        # -0.0016 * 27 + 0.0434 * 9 - 0.3956 * 3 + 1.3366 + 0.024
        ("all", 0.4, 3.0, 0.5212),
        # -0.0016 * 1000 + 0.0434 * 100 - 0.3956 * 10 + 1.3366 + 0.024
        ("all", 0.4, 10.0, 0.1446),
    ],
)
def test_published_equations(kind, sigma, resolution, value):
    assert published(kind, sigma).at(resolution) == pytest.approx(value, abs=1e-9)


def test_what_is_published_and_what_is_not():
    assert set(PUBLISHED) == {(s, k) for s in (0.4, 0.6) for k in ("all", "protein", "nucleic", "ion", "water")}
    assert published() is MAPQ_2_9_7
    assert published("ligand") is None
    assert published("glycan", 0.6) is None
    assert published("all", 0.5) is None
    assert all(key == (equation.sigma, equation.kind) for key, equation in PUBLISHED.items())


def test_the_band_at_the_resolution_of_emd_5778():
    """At 3.275 Å: low .324, peak .474 (science.md section 3)."""
    low, high = MAPQ_2_9_7.band(3.275)
    assert MAPQ_2_9_7.at(3.275) == pytest.approx(0.474, abs=5e-4)
    assert low == pytest.approx(0.324, abs=5e-4)
    assert high == pytest.approx(0.474 - 0.024 + 0.109, abs=5e-4)


def test_3j5p_is_flagged_and_3j9j_is_not():
    low, high = MAPQ_2_9_7.band(3.275)
    assert band_flag(0.305, low, high) == "low"
    assert band_flag(0.370, low, high) == ""


@pytest.mark.parametrize(
    ("q", "low", "high", "flag"),
    [
        (0.2, 0.3, 0.5, "low"),
        (0.6, 0.3, 0.5, "high"),
        (0.3, 0.3, 0.5, ""),
        (0.5, 0.3, 0.5, ""),
        (None, 0.3, 0.5, ""),
        (math.nan, 0.3, 0.5, ""),
        (0.2, math.nan, math.nan, ""),
        (-0.1, 0.0, 0.2, "low"),
    ],
)
def test_band_flag(q, low, high, flag):
    assert band_flag(q, low, high) == flag


def test_the_band_of_the_older_cubic():
    low, high = published("all", 0.6).band(2.0)
    assert low == pytest.approx(0.7180958613)
    assert high == pytest.approx(0.9180958613)


@pytest.mark.parametrize("equation", PUBLISHED.values(), ids=lambda e: f"{e.name}-{e.sigma}")
def test_nothing_is_expected_above_one(equation):
    values = [equation.at(1.15 + k * 0.01) for k in range(886)]
    assert max(v for v in values if v == v) <= 1
    highs = [equation.band(1.15 + k * 0.01)[1] for k in range(886)]
    assert all(v != v or v <= 1 for v in highs)


def test_the_cubic_is_clamped_below_1_39():
    """The σ 0.6 cubic exceeds 1 there."""
    cubic = published("all", 0.6)
    assert cubic.at(1.2) == 1
    assert cubic.at(1.38) == 1
    assert 0.99 < cubic.at(1.4) < 1
    assert cubic.band(1.2) == (pytest.approx(0.9630, abs=1e-3), 1)


@pytest.mark.parametrize("resolution", [1.0, 1.1499, 10.0001, 35, 0, -3, math.nan, math.inf])
def test_nothing_is_extrapolated(resolution):
    for equation in PUBLISHED.values():
        assert math.isnan(equation.at(resolution))
        assert all(map(math.isnan, equation.band(resolution)))


@pytest.mark.parametrize("resolution", [1.15, 10.0])
def test_the_ends_of_the_domain_belong_to_it(resolution):
    assert not math.isnan(MAPQ_2_9_7.at(resolution))


def test_a_line_that_falls_below_zero_says_nothing_there():
    """Straight lines of proteins are below 0 at 8 Å: no expectation, not a negative one."""
    protein = published("protein", 0.4)
    assert protein.at(6.0) == pytest.approx(0.0046)
    assert math.isnan(protein.at(6.1))


def test_equations_without_a_band():
    assert all(map(math.isnan, published("protein", 0.4).band(3.0)))


def test_the_low_end_of_a_band_is_not_below_zero():
    low, high = MAPQ_2_9_7.band(10.0)
    assert low == 0
    assert high == pytest.approx(0.1206 + 0.109, abs=1e-9)


@pytest.mark.parametrize(
    ("equation", "text"),
    [
        (MAPQ_2_9_7, "Q = −0.0016 R³ + 0.0434 R² − 0.3956 R + 1.3366"),
        (published("protein", 0.6), "Q = −0.1775 R + 1.1192"),
        (Equation("mine", 0.4, "all", (0.1, -0.25), "a test"), "Q = 0.1 R − 0.25"),
        (Equation("mine", 0.4, "all", (-0.16512345, 1.0841234), "a test"), "Q = −0.165123 R + 1.08412"),
        (Equation("flat", 0.4, "all", (0.5,), "a test"), "Q = 0.5"),
    ],
)
def test_text(equation, text):
    assert equation.text() == text


def test_as_dict_is_json():
    content = published("protein", 0.4).as_dict()
    assert content["low"] is None
    assert content["peak"] == 0
    assert json.loads(json.dumps(content, allow_nan=False))["coefficients"] == [-0.1866, 1.1242]
    assert MAPQ_2_9_7.as_dict()["low"] == -0.126
