"""Published equations at points computed by hand, their ends, and what they flag."""

import json
import math

import numpy as np
import pytest

from qscore import equations, expected
from qscore.curve import LEVELS
from qscore.expected import KNOWN, MAPQ_2_9_7, PUBLISHED, Curve, Equation, published, resolution_at
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


# ---- by name ----


@pytest.mark.parametrize(
    ("given", "kind", "sigma", "name", "value"),
    [
        # -0.0020025943 * 27 + 0.0504435042 * 9 - 0.4343663048 * 3 + 1.3945104702
        ("mapq-1.9.9", "all", None, "mapq-1.9.9", 0.4913330475),
        # -0.0019064058 * 27 + 0.0499875375 * 9 - 0.4513945578 * 3 + 1.5361860733
        ("mapq-1.9.9", "all", 0.6, "mapq-1.9.9", 0.5804172808),
        ("mapq-2.9.7", "all", 0.4, "mapq-2.9.7", 0.5212),
        ("mapq-1.6.5", "protein", None, "mapq-1.6.5-protein", 0.5644),
        ("mapq-1.6.5-nucleic", "all", None, "mapq-1.6.5-nucleic", 0.5041),
        ("mapq-1.6.2", "ion", 0.6, "mapq-1.6.2-ion", 0.7486),
        (None, "water", None, "mapq-1.6.2-water", 0.7316),
        (None, "protein", 0.6, "mapq-1.5.4-protein", 0.5867),
        (None, "all", 0.6, "mapq-1.9.9", 0.5804172808),
    ],
)
def test_equations_are_found(given, kind, sigma, name, value):
    found = expected.find(given, kind=kind, sigma=sigma)
    assert found.name == name
    assert sigma in (None, found.sigma)
    assert found.expected(3.0) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("given", "kind", "sigma", "message"),
    [
        ("mapq-3", "all", None, "no equation and no file 'mapq-3'; known: mapq-2.9.7, .*archive-2025"),
        ("mapq-2.9.7", "ligand", None, "is for all at σ 0.4 Å, not for ligand"),
        ("mapq-2.9.7", "all", 0.6, "is for all at σ 0.4 Å, not for all at σ 0.6 Å"),
        ("mapq-1.6.5", "all", None, "protein at σ 0.4, nucleic at σ 0.4 Å: say which class"),
        (None, "ligand", None, "no published equation for ligand at σ 0.4 Å .*expected_q.json holds fitted ones"),
        (None, "all", 0.5, "no published equation for all at σ 0.5 Å;"),
    ],
)
def test_equations_that_are_not_there(given, kind, sigma, message):
    with pytest.raises(ValueError, match=message):
        expected.find(given, kind=kind, sigma=sigma)


def test_every_equation_of_the_science_page_is_known():
    assert len(KNOWN) == 11
    assert len({(one.name, one.sigma) for one in KNOWN}) == 11
    assert set(PUBLISHED.values()) < set(KNOWN)


@pytest.mark.parametrize(
    ("resolution", "clamped"), [(1.15, True), (1.38, True), (1.4, False), (1.0, False), (3.0, False)]
)
def test_clamping_is_told(resolution, clamped):
    """The σ 0.6 cubic exceeds 1 below 1.39 Å."""
    assert published("all", 0.6).clamped(resolution) is clamped
    assert not MAPQ_2_9_7.clamped(resolution)


# ---- files of equations ----


def curve(name="mine"):
    """Quantiles that fall linearly from 0.9 at 2 Å to 0.1 at 6 Å, the levels 0.02 apart."""
    grid = np.array([2.0, 4.0, 6.0])
    values = np.array([0.9, 0.5, 0.1])[:, None] + 0.02 * (np.arange(len(LEVELS)) - LEVELS.index(0.5))
    return Curve(grid, np.array(LEVELS), values, 321, name=name)


def records():
    line = {"form": "line", "sigma": 0.4, "class": "all", "coefficients": [-0.2, 1.2], "domain": [2, 5], "n": 77}
    told = {
        "x": "resolution",
        "subset": "all",
        "selection": "single particle",
        "version": "1",
        "table_sha256": "ab" * 32,
    }
    return {
        "all-fsc05": line | told | {"x": "map_model_fsc05", "coefficients": [-0.1, 1.0]},
        "apoferritin-line": line | told | {"subset": "apoferritin", "coefficients": [-0.188, 1.147]},
        "all-line": line | told,
        "all-cubic": line | told | {"form": "cubic", "coefficients": [0.0, 0.01, -0.3, 1.3], "low": -0.1, "high": 0.1},
        "all-curve": curve().as_dict() | told,
        "protein-line": line | told | {"class": "protein", "coefficients": [-0.19, 1.2]},
        "all-06-line": line | told | {"sigma": 0.6},
    }


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "expected_q.json"
    path.write_text(json.dumps({"equations": records(), "fits": {}}))
    return path


@pytest.mark.parametrize(
    ("name", "kind", "sigma", "found"),
    [
        ("", "all", None, "all-curve"),
        ("", "protein", None, "protein-line"),
        ("", "all", 0.6, "all-06-line"),
        (":all-cubic", "all", None, "all-cubic"),
        (":apoferritin-line", "all", None, "apoferritin-line"),
        (":all-fsc05", "all", None, "all-fsc05"),
    ],
)
def test_fitted_equations_are_found(file, name, kind, sigma, found):
    assert expected.find(f"{file}{name}", kind=kind, sigma=sigma).name == found


def test_a_cubic_is_taken_before_a_line_and_the_survey_before_a_subset(file):
    content = {name: record for name, record in records().items() if name != "all-curve"}
    file.write_text(json.dumps({"equations": content}))
    assert expected.find(str(file)).name == "all-cubic"
    del content["all-cubic"]
    file.write_text(json.dumps({"equations": content}))
    assert expected.find(str(file)).name == "all-line"


def test_a_file_answers_by_what_it_judges_entries_by(file):
    """A survey too small for a curve of its own is judged by the shipped one: not by its cubic."""
    content = {name: record for name, record in records().items() if name != "all-curve"}
    file.write_text(json.dumps({"equations": content, "judged_by": equations.as_record(curve("shipped here"))}))
    found = expected.find(str(file))
    assert (found.name, found.expected(4.0)) == ("shipped here", 0.5)
    assert found.source.startswith("what expected_q.json judges entries by")
    assert expected.find(str(file), sigma=0.4).name == "shipped here"
    assert expected.find(f"{file}:all-cubic").name == "all-cubic"
    assert expected.find(str(file), sigma=0.6).name == "all-06-line"
    assert expected.find(str(file), kind="protein").name == "protein-line"
    assert [one.name for one in expected.listed(file)] == ["shipped here", *content]
    file.write_text(json.dumps({"equations": {}, "judged_by": equations.as_record(curve("shipped here"))}))
    assert expected.find(str(file)).name == "shipped here" and len(expected.listed(file)) == 1


def test_a_curve_of_its_own_keeps_its_name(file):
    file.write_text(json.dumps({"equations": records(), "judged_by": equations.as_record(curve("own curve"))}))
    found = expected.find(str(file))
    assert found.name == "all-curve" and found.source.startswith(
        "what expected_q.json judges entries by; fitted to 321"
    )
    assert [one.name for one in expected.listed(file)] == list(records())


def test_a_fitted_equation_says_where_it_comes_from(file):
    found = expected.find(f"{file}:all-cubic")
    assert found.source == "fitted to 77 rows; qscore 1; subset all; x: resolution; single particle; table abababababab"
    assert found.band(3.0) == pytest.approx((0.39, 0.59))
    assert expected.find(f"{file}:all-line").expected(5.1) != expected.find(f"{file}:all-line").expected(5.1)


def test_records_come_back(file):
    for one in (*KNOWN, curve()):
        back = equations.from_record(one.name, json.loads(json.dumps(equations.as_record(one), allow_nan=False)))
        assert equations.as_record(back) == equations.as_record(one) | {"source": back.source}
        assert back.expected(3.1) == one.expected(3.1) or math.isnan(one.expected(3.1))
        assert back.band(3.1) == pytest.approx(one.band(3.1), abs=0, nan_ok=True)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ("{", "", "is not JSON"),
        ("[1]", "", "is not the expected_q.json of a fit"),
        ('{"fits": {}}', "", "holds no fitted equations"),
        ('{"equations": {"a": {"form": "line"}}}', "", "equation 'a' cannot be read"),
        (
            '{"equations": {"a": {"form": "quantile curve", "n": 1}}}',
            "",
            "a quantile curve without grid, levels, values",
        ),
        (json.dumps({"equations": records()}), ":none", "holds no equation 'none'; it holds all-fsc05, "),
        (json.dumps({"equations": records()}), ":all-line", "not for ligand"),
    ],
)
def test_files_that_cannot_be_used(file, content, name, message):
    file.write_text(content)
    with pytest.raises(ValueError, match=message):
        expected.find(f"{file}{name}", kind="ligand" if name == ":all-line" else "all")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match=r"cannot read .*gone\.json"):
        expected.find(str(tmp_path / "gone.json"))


def test_the_curve_to_judge_by():
    assert equations.judging_curve({"judged_by": equations.as_record(curve())}).expected(4.0) == 0.5
    for old in ({}, {"judged_by": MAPQ_2_9_7.as_dict()}):
        with pytest.raises(ValueError, match="fit the table again"):
            equations.judging_curve(old)


# ---- the shipped curve ----


def test_the_shipped_curve():
    found = expected.shipped()
    assert expected.find() is found
    assert expected.find("archive-2025") is found
    assert (found.n, found.domain, found.levels.tolist()) == (10188, (1.15, 10.0), list(LEVELS))
    assert "10,188 rows" in found.source
    at = found.at(np.linspace(1.15, 10, 500))
    assert (np.diff(at, axis=1) >= -1e-9).all()
    assert (np.diff(at, axis=0) <= 1e-9).all()
    assert np.abs(at).max() <= 1


def test_the_shipped_curve_is_near_the_published_one():
    """Both describe the same archive: the usual Q within 0.03 where most entries are."""
    for resolution in (2.0, 2.5, 3.0, 3.5, 4.0):
        assert expected.shipped().expected(resolution) == pytest.approx(MAPQ_2_9_7.at(resolution), abs=0.03)


def test_3j5p_is_low_by_the_shipped_curve_too():
    assert expected.shipped().percentile(3.275, 0.305) < expected.shipped().percentile(3.275, 0.370) < 0.2


def test_the_shipped_null_rests_on_the_same_rows():
    assert expected.shipped_null()["n"] == expected.shipped().n


# ---- inverse ----


def test_the_resolution_of_a_q_on_a_line():
    """0.55 on 1.1242 − 0.1866 R is at 0.5742 / 0.1866 Å."""
    found = resolution_at(published("protein"), 0.55)
    assert found.resolution == pytest.approx(0.5742 / 0.1866, abs=1e-6)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.reasons == ("mapq-1.6.5-protein has no band",)


@pytest.mark.parametrize("resolution", [1.5, 2.0, 3.275, 5.0, 8.0])
@pytest.mark.parametrize("equation", [MAPQ_2_9_7, published("all", 0.6), expected.shipped()], ids=lambda e: e.name)
def test_the_inverse_undoes_the_equation(equation, resolution):
    q = float(equation.expected(resolution))
    found = resolution_at(equation, q)
    assert found.resolution == pytest.approx(resolution, abs=1e-4)
    for end, place in ((found.low, 0), (found.high, 1)):
        assert math.isnan(end) or equation.band(end)[place] == pytest.approx(q, abs=1e-5)
    assert not found.low > found.resolution
    assert not found.high < found.resolution


def test_the_interval_is_where_the_band_holds_the_q():
    """The outer levels of the band lie 0.12 to either side, the curve falls by 0.2 an Å."""
    found = resolution_at(curve(), 0.5)
    assert (found.low, found.resolution, found.high) == pytest.approx((3.4, 4.0, 4.6))
    assert found.reasons == ()


def test_open_ends_say_why():
    found = resolution_at(curve(), 0.85)
    assert found.resolution == pytest.approx(2.25)
    assert math.isnan(found.low)
    assert found.high == pytest.approx(2.85)
    assert found.reasons == ("the lower end of the band is below 0.85 already at 2 Å (0.780)",)
    beyond = resolution_at(curve(), 0.05)
    assert math.isnan(beyond.resolution)
    assert beyond.reasons[0] == "expected Q is above 0.05 still at 6 Å (0.100)"


@pytest.mark.parametrize("q", [1.01, -1.2, math.nan])
def test_a_q_that_cannot_be(q):
    with pytest.raises(ValueError, match="it lies between −1 and 1"):
        resolution_at(MAPQ_2_9_7, q)
