"""Entry outliers: the null, its tails, false discoveries and power on planted truth.

The laws here are the tests' own; the campaign with laws fixed beforehand is in benchmarks/.
"""

import csv
import json

import numpy as np
import pytest
from patsy import dmatrix
from scipy import stats

from qscore import nulls
from qscore.localscale import descriptive_z
from qscore.outliers import LEVEL, band_flag, benjamini_hochberg, beyond_band, judge, reference_can_flag


def spread(resolution):
    return 0.05 + 0.004 * resolution


def archive(seed, n=3000, *, skew=0.0, share=0.0, depth=0.0):
    """Resolutions, Q, who is planted: a two-piece normal law (`skew` 0 to 1), `depth` local SD down."""
    random = np.random.default_rng(seed)
    resolution = np.round(random.gamma(9, 0.4, n).clip(1.5, 9), 2)
    below = random.random(n) < (1 + skew) / 2
    noise = np.abs(random.standard_normal(n)) * np.where(below, -(1 + skew), 1 - skew)
    planted = np.arange(n) < round(share * n)
    q = 1.1 - 0.25 * resolution + 0.02 * resolution**2 + spread(resolution) * (noise - depth * planted)
    return resolution, q, planted


def flags(resolution, q):
    return judge(resolution, q, nulls.fit_null(resolution, q))["flag"]


def literal_adjusted(p):
    """Benjamini and Hochberg's step-up, from its definition."""
    n = len(p)
    ranked = sorted(p)
    adjusted = []
    for own in p:
        later = [n * value / (place + 1) for place, value in enumerate(ranked) if value >= own]
        adjusted.append(min(1.0, *later))
    return adjusted


def test_band_flag():
    assert band_flag(0.1, 0.2, 0.4) == "low"
    assert band_flag(0.5, 0.2, 0.4) == "high"
    assert band_flag(0.3, 0.2, 0.4) == band_flag(0.2, 0.2, 0.4) == band_flag(0.4, 0.2, 0.4) == ""
    assert band_flag(None, 0.2, 0.4) == band_flag(np.nan, 0.2, 0.4) == band_flag(0.3, np.nan, np.nan) == ""
    assert band_flag(0.5, np.nan, 0.4) == band_flag(0.1, 0.2, np.nan) == ""


def test_adjusted_p_equal_the_literal_ones():
    p = np.random.default_rng(1).random(200).round(2) ** 3
    np.testing.assert_allclose(benjamini_hochberg(p), literal_adjusted(p.tolist()), rtol=1e-12)


def test_adjusted_p_do_not_count_what_is_not_known():
    for unknown in (np.nan, None):
        np.testing.assert_allclose(benjamini_hochberg([0.01, unknown, 0.04]), [0.02, np.nan, 0.04])
    assert np.isnan(benjamini_hochberg([np.nan])).all()
    np.testing.assert_allclose(benjamini_hochberg([0.0, 1.0]), [0.0, 1.0])
    np.testing.assert_allclose(benjamini_hochberg([[0.01], [0.04]]), [[0.02], [0.04]])
    for p in (1.5, -0.5):
        with pytest.raises(ValueError, match=r"^p-values must lie within 0 to 1$"):
            benjamini_hochberg([0.5, p, np.nan])


def test_clean_archives_carry_flags_at_the_nominal_rate_at_most():
    """Of 30 clean archives, half of them skewed, four may carry a flag: at a true rate of 5 % more do in 1.6 %."""
    runs = [flags(*archive((7, k), n=1000, skew=0.35 * (k % 2))[:2]) for k in range(30)]
    assert sum((one != "").any() for one in runs) <= 4


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_planted_outliers_are_found_and_do_not_hide_each_other(share):
    wrong, found = [], []
    for k in range(4):
        resolution, q, planted = archive((11, k), share=share, depth=6)
        low = flags(resolution, q) == "low"
        wrong.append((low & ~planted).sum() / max(low.sum(), 1))
        found.append(low[planted].mean())
    assert np.mean(wrong) <= 0.06
    assert np.mean(found) >= 0.8


def test_high_side_is_judged_too():
    resolution, q, planted = archive(13, share=0.02, depth=-7)
    found = flags(resolution, q)
    assert (found[planted] == "high").mean() >= 0.8
    assert not (found == "low").any()


class StandardNormal:
    """A null in which Q is z already."""

    @staticmethod
    def z(resolution, q):
        return q + 0 * resolution

    @staticmethod
    def p_low(resolution, z):
        return stats.norm.cdf(z)

    @staticmethod
    def p_high(resolution, z):
        return stats.norm.sf(z)


@pytest.mark.parametrize("left_out", [(), (1, 4)])
def test_flags_by_hand(left_out):
    """Each side by itself on twice its p; an entry is told of the side it lies on."""
    q = np.array([-4.0, -2.9, -1.0, 0.0, 0.6, 3.0, 5.0])
    judged = ~np.isin(np.arange(7), left_out)
    found = judge([3] * 7, q, StandardNormal, judged=judged if left_out else None)
    low, high = (literal_adjusted(np.minimum(2 * p[judged], 1)) for p in (stats.norm.cdf(q), stats.norm.sf(q)))
    np.testing.assert_allclose(found["p_adjusted"][judged], np.where(q[judged] > 0, high, low))
    assert np.isnan(found["p_adjusted"][~judged]).all()
    flags = np.array(["low", "low", "", "", "", "high", "high"])
    assert found["flag"].tolist() == np.where(judged, flags, "").tolist()
    for name, expected in (("z", q), ("p_low", stats.norm.cdf(q)), ("p_high", stats.norm.sf(q))):
        np.testing.assert_allclose(found[name], expected)
    strict = judge([3] * 7, q, StandardNormal, level=1e-4)["flag"].tolist()
    assert strict == ["", "", "", "", "", "", "high"]
    mildest = found["p_adjusted"][5]
    assert judge([3] * 7, q, StandardNormal, level=mildest, judged=judged)["flag"][5] == "high"


def test_what_is_not_known_may_be_none():
    def told(missing):
        resolution, q = [3.0, 3.0, missing, 3.0, 3.0], [-4.0, missing, 0.1, 0.2, 5.0]
        return judge(resolution, q, StandardNormal, judged=[True] * 4 + [None])

    none, nan = told(None), told(np.nan)
    for name in none:
        np.testing.assert_array_equal(none[name], nan[name])
    assert none["flag"].tolist() == ["low", "", "", "", ""]
    assert none["flag_reference"].dtype == object
    np.testing.assert_array_equal(beyond_band([0.5, None, 0.1], [0.2] * 3, [0.3, 0.3, None]), [0.2, np.nan, np.nan])


def test_mirrored_flags_are_not_doubled():
    """The lower side alone is tested: at twice its p none of the thirty would be flagged."""
    q = np.concatenate([stats.norm.ppf(np.linspace(0.01, 0.99, 60)), np.full(30, -4.0), [9.0]])
    judged = np.arange(91) < 90
    found = judge(np.full(91, 3.0), q, StandardNormal, judged=judged)["flag_mirrored"]
    assert found.tolist() == [""] * 60 + ["low"] * 30 + [""]
    assert min(literal_adjusted(np.minimum(2 * nulls.mirrored_p(q[judged]), 1))) > LEVEL


def test_flags_by_a_reference(monkeypatch):
    """Ranks of both sides become flags as other p do; none where there are no ranks, or too few to tell."""
    n, asked = 400, []
    resolution, q = np.full(n, 3.0), np.zeros(n)
    low, high = np.full(n, 0.5), np.full(n, 0.5)
    low[:30], high[:30] = 1e-4, 0.9999
    low[30:50], high[30:50] = 0.9999, 1e-4
    told = {"p": (low, high)}

    def ranks(*arguments):
        asked.append(arguments)
        return told["p"]

    monkeypatch.setattr(nulls, "reference_p", ranks)
    reference, folds = np.arange(n) >= 100, np.arange(n) % 5
    given = {"reference": reference, "folds": folds}
    found = judge(resolution, q, StandardNormal, **given)["flag_reference"]
    assert found.tolist() == ["low"] * 30 + ["high"] * 20 + [""] * 350
    for got, expected in zip(asked[0], (resolution, q, reference, folds), strict=True):
        assert np.array_equal(got, expected)
    not_low = judge(resolution, q, StandardNormal, judged=np.arange(n) >= 10, **given)["flag_reference"]
    assert not_low.tolist() == [""] * 10 + found[10:].tolist()
    none = [judge(resolution, q, StandardNormal), judge(resolution, q, StandardNormal, level=1e-3, **given)]
    told["p"] = np.full(n, np.nan), np.full(n, np.nan)
    none.append(judge(resolution, q, StandardNormal, **given))
    assert all(one["flag_reference"].tolist() == [None] * n for one in none)


@pytest.mark.parametrize("skew", [0.0, 0.3])
def test_p_of_a_known_law(skew):
    """Six archives: in the core as they are; far out, on the mean, rather too large than too small."""
    from scipy.stats import norm

    below, above = np.array([-6.0, -5.0, -4.0, -2.0]), np.array([0.5, 1.0])
    at, found = np.full(6, 3.5), []
    for k in range(6):
        null = nulls.fit_null(*archive((17, k), n=10_000, skew=skew)[:2])
        q = 0.47 + spread(at) * np.append((1 + skew) * below, (1 - skew) * above)
        z = null.z(at, q)
        found.append(np.append(null.p_low(at, z)[:4], null.p_high(at, z)[4:]))
    true = np.append((1 + skew) * norm.cdf(below), (1 - skew) * norm.sf(above))
    off = np.mean(np.log10(found / true), axis=0)
    assert (off[:3] > 0).all() and off[2] < 1.5
    np.testing.assert_allclose(off[3:], 0, atol=0.15)


def test_p_fall_outward_and_meet_in_the_middle():
    resolution, q, _ = archive(19, skew=0.3)
    null = nulls.fit_null(resolution, q)
    z = np.linspace(-80, 80, 4001)
    for at in (1.6, 3.0, 8.0):
        low, high = null.p_low(np.full(len(z), at), z), null.p_high(np.full(len(z), at), z)
        assert (np.diff(low) >= 0).all() and (np.diff(high) <= 0).all()
        assert low.min() >= 0 and low.max() <= 1 and high.max() <= 1
        assert (low + high > 0.8).all()


def test_null_comes_back_from_json_bit_for_bit():
    resolution, q, _ = archive(23)
    null = nulls.fit_null(resolution, q)
    again = nulls.Null.from_dict(json.loads(json.dumps(null.as_dict())))
    for name, values in judge(resolution, q, null).items():
        np.testing.assert_array_equal(judge(resolution, q, again)[name], values)
    np.testing.assert_array_equal(again.expected([3.0, 20.0]), null.expected([3.0, 20.0]))
    with pytest.raises(ValueError, match="no null of Q: n, outliers, outliers_se, resolution"):
        nulls.Null.from_dict({})


def test_order_of_rows_does_not_matter():
    resolution, q, _ = archive(29, share=0.02, depth=5)
    shuffled = np.random.default_rng(1).permutation(len(q))
    one, other = nulls.fit_null(resolution, q), nulls.fit_null(resolution[shuffled], q[shuffled])
    assert one.as_dict() == other.as_dict()


def test_scale_and_origin_of_q_do_not_matter():
    resolution, q, _ = archive(31, share=0.02, depth=5)
    one = judge(resolution, q, nulls.fit_null(resolution, q))
    moved = 3 + 10 * q
    other = judge(resolution, moved, nulls.fit_null(resolution, moved))
    np.testing.assert_allclose(other["z"], one["z"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(other["p_low"], one["p_low"], rtol=1e-3)
    np.testing.assert_array_equal(other["flag"], one["flag"])


def test_centre_and_scale_are_the_planted_ones():
    resolution, q, _ = archive(37, n=10_000)
    null = nulls.fit_null(resolution, q)
    at = np.array([2.5, 3.5, 5.0])
    np.testing.assert_allclose(null.expected(at), 1.1 - 0.25 * at + 0.02 * at**2, rtol=0, atol=0.006)
    for z, sign in ((-1.0, -1), (1.0, 1)):
        np.testing.assert_allclose(null.z(at, null.expected(at) + sign * spread(at)), z, rtol=0.12)


def test_in_a_gap_of_resolutions_nothing_is_told():
    """Centre and scale there rest on nobody: 1,000 entries at 2 to 4 Å and 300 at 8 to 9 Å say nothing of 6 Å."""
    random = np.random.default_rng(71)
    resolution = np.append(random.uniform(2, 4, 1000), random.uniform(8, 9, 300))
    null = nulls.fit_null(resolution, 1 - 0.1 * resolution + 0.05 * random.standard_normal(1300))
    at = np.array([3.0, resolution[resolution < 5].max(), 6.0, resolution[resolution > 5].min(), 8.5])
    for p in (null.p_low(at, np.full(5, -3.0)), null.p_high(at, np.full(5, 3.0))):
        np.testing.assert_array_equal(np.isnan(p), [False, False, True, False, False])
    found = judge([3.0, 6.0], [-1.0, -1.0], null)
    assert found["flag"].tolist() == ["low", ""] and np.isnan(found["p_adjusted"][1])


def test_without_a_score_nothing_is_said_and_nobody_else_changes():
    resolution, q, _ = archive(41, n=400, share=0.02, depth=6)
    null = nulls.fit_null(resolution, q)
    more = judge(np.append(resolution, [3.0, np.nan]), np.append(q, [np.nan, 0.5]), null)
    for name, values in judge(resolution, q, null).items():
        np.testing.assert_array_equal(more[name][:-2], values)
        assert set(more[name][-2:]) <= {"", None} if name.startswith("flag") else np.isnan(more[name][-2:]).all()


def test_entries_not_judged_get_no_flag_but_p():
    resolution, q, _ = archive(43, share=0.02, depth=6)
    null = nulls.fit_null(resolution, q)
    found = judge(resolution, q, null, judged=np.arange(len(q)) >= 30)
    assert (found["flag"][:30] == "").all() and np.isnan(found["p_adjusted"][:30]).all()
    assert (found["p_low"][:30] < 1e-2).any()


@pytest.mark.parametrize(
    ("resolution", "q", "message"),
    [
        (np.linspace(2, 5, 199), np.linspace(0.7, 0.3, 199), "199 entries .* needs 200"),
        (np.repeat([2.0, 3.0], 150), np.random.default_rng(0).random(300), "2 different resolutions"),
        (np.linspace(2, 5, 300), np.full(300, 0.5), "Q does not vary"),
        (np.linspace(0, 5, 300), np.random.default_rng(0).random(300), "from 0 to 5 Å: no null"),
        (np.linspace(2, 1e9, 300), np.random.default_rng(0).random(300), "no null over such a range"),
    ],
)
def test_what_no_null_can_rest_on_is_refused(resolution, q, message):
    with pytest.raises(ValueError, match=message):
        nulls.fit_null(resolution, q)


def test_a_small_survey_has_a_null():
    resolution, q, _ = archive(47, n=nulls.FEWEST, share=0.02, depth=9)
    assert np.isfinite(nulls.fit_null(resolution, q).p_low(resolution, np.full(len(q), -3.0))).all()


def test_reference_p_are_ranks_among_other_folds():
    resolution, q, _ = archive(53, n=1200)
    folds = np.arange(1200) % 4
    reference = np.arange(1200) % 3 > 0
    low, high = nulls.reference_p(resolution, q, reference, folds)
    assert low.min() >= 1 / 602 and abs(low.mean() - 0.5) < 0.05
    assert np.abs(low + high - 1).max() < 0.01
    lower = q.copy()
    lower[folds == 0] -= 1.0
    again, _ = nulls.reference_p(resolution, lower, reference, folds)
    np.testing.assert_allclose(again[folds == 0], 1 / ((reference & (folds != 0)).sum() + 1))
    with pytest.raises(ValueError, match="folds"):
        nulls.reference_p(resolution, q, reference, None)


def test_everybody_as_reference_flags_nobody():
    """Why in-sample ranks are no tests: they are uniform by construction."""
    resolution, q, _ = archive(59, share=0.02, depth=14)
    null = nulls.fit_null(resolution, q)
    everyone = np.ones(len(q), dtype=bool)
    found = judge(resolution, q, null, reference=everyone, folds=np.arange(len(q)) % 10)
    assert (found["flag"] == "low").sum() >= 40
    assert all(flag is None for flag in found["flag_reference"])


def test_too_small_a_reference_says_nothing():
    resolution, q, _ = archive(61, n=400)
    few = np.arange(400) < 100
    found = judge(resolution, q, nulls.fit_null(resolution, q), reference=few, folds=np.arange(400) % 4)
    assert all(flag is None for flag in found["flag_reference"])


def test_a_reference_flags_where_enough_entries_lie_beyond_it():
    """Of 3,000, 2,400 are known to be sound: flags need 2 · 3,000 / (0.05 · 2,401) = 50 entries outside the set."""
    resolution, q, planted = archive(67, share=0.04, depth=14)
    random = np.random.default_rng(68)
    sound = ~planted & (random.random(len(q)) < 0.84)
    found = judge(resolution, q, nulls.fit_null(resolution, q), reference=sound, folds=random.integers(0, 10, len(q)))
    assert (found["flag_reference"][planted] == "low").mean() > 0.9
    assert not any(flag is None for flag in found["flag_reference"])


def test_whether_a_reference_can_flag_is_counted():
    tested, reference = np.ones(1000, dtype=bool), np.arange(1000) < 799
    assert reference_can_flag(tested, reference)  # 201 outside, 50 needed
    assert not reference_can_flag(tested, np.arange(1000) < 960)  # 40 outside, 41.6 needed
    assert not reference_can_flag(tested, np.zeros(1000, dtype=bool))
    some = np.arange(89) < 50  # of 50 tested 40 lie outside a reference of 49: just the 2 · 50 / (0.05 · 50) needed
    assert reference_can_flag(some, np.arange(89) >= 40)
    assert not reference_can_flag(some, np.append(np.arange(88) >= 39, False))
    assert not reference_can_flag(some, np.arange(89) >= 40, level=0.04)
    assert not reference_can_flag([True] * 4, [True, None, None, None], level=1)  # 3 outside, 2 · 4 / 2 needed
    assert reference_can_flag([True, None, True, True], [True, None, None, None], level=1.5)  # 2 of 2


def test_beyond_band():
    found = beyond_band([0.1, 0.3, 0.6, np.nan, 0.5], [0.2, 0.2, 0.2, 0.2, np.nan], [0.5, 0.5, 0.5, 0.5, 0.5])
    np.testing.assert_allclose(found, [-0.1, 0, 0.1, np.nan, np.nan], atol=1e-12)


def test_mirrored_p_by_hand():
    found = nulls.mirrored_p([-2.0, -1.0, 1.0, 1.5, np.nan])
    np.testing.assert_allclose(found, [1 / 5, 3 / 5, 1, 1, np.nan])


def test_agreeing_entries():
    found = nulls.agreeing([3.0, 3.0, 6.0, np.nan], [3.4, 3.6, 6.8, 3.0])
    np.testing.assert_array_equal(found, [True, False, True, False])


def table(real_data):
    with open(real_data / "mapq_survey_2025.csv", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    names = np.array([f"{row['emdb_id'][4:]}/{row['pdb_id']}" for row in rows])
    return names, np.array([(float(row["resolution"]), float(row["q"])) for row in rows]).T


def literal_descriptive_z(resolution, q):
    """The spline's residual found by reweighted least squares; then one window after the other."""
    basis = np.asarray(dmatrix("cr(x, df=6) - 1", {"x": resolution}))
    weight = np.ones(len(q))
    for _ in range(100):
        root = np.sqrt(weight)
        found = np.linalg.lstsq(basis * root[:, None], q * root, rcond=None)[0]
        residual = q - basis @ found
        scale = np.median(np.abs(residual - np.median(residual))) / 0.6744897501960817
        weight = np.clip(1 - (residual / scale / 4.685) ** 2, 0, None) ** 2
    ranked = sorted(range(len(q)), key=lambda k: resolution[k])
    z = np.empty(len(q))
    for place, k in enumerate(ranked):
        near = np.array([residual[other] for n, other in enumerate(ranked) if abs(n - place) <= 250])
        z[k] = residual[k] / (1.4826 * np.median(np.abs(near - np.median(near))))
    return z


def test_descriptive_z_against_its_definition():
    resolution, q, _ = archive(8, 700, share=0.05, depth=6)
    np.testing.assert_allclose(descriptive_z(resolution, q), literal_descriptive_z(resolution, q), atol=1e-6)


def test_descriptive_z_leaves_unknown_rows_out():
    resolution, q, _ = archive(9, 900)
    some = np.array([5, 17, 400])
    without = descriptive_z(np.delete(resolution, some), np.delete(q, some))
    resolution[some[:2]], q[some[2]] = np.nan, np.nan
    z = descriptive_z(resolution, q)
    assert np.isnan(z[some]).all()
    np.testing.assert_array_equal(np.delete(z, some), without)


def test_descriptive_z_of_the_archive(real_data):
    """265 rows below −3, and the ten lowest in their order."""
    names, (resolution, q) = table(real_data)
    z = descriptive_z(resolution, q)
    assert (z < -3).sum() == 265
    lowest = "30577/7d58 0272/6hu4 7300/6bwx 21432/6vx7 7452/6cbe 25786/7tau 8604/5us7 32711/7wqo 31111/7egb 7577/6crz"
    assert names[np.argsort(z)[:10]].tolist() == lowest.split()


def test_flags_of_the_archive(real_data):
    """Low ones lie low by the descriptive residual too; few are high: the archive's tail is the low one."""
    _, (resolution, q) = table(real_data)
    found = judge(resolution, q, nulls.fit_null(resolution, q))
    low, high = found["flag"] == "low", found["flag"] == "high"
    assert low.sum() <= 265 and high.sum() <= 5
    assert (descriptive_z(resolution, q)[low] < -2.5).all()
    assert (found["flag_mirrored"] == "low").sum() > low.sum()
