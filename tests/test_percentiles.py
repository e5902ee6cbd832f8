"""EMDB's two percentiles of Q."""

import csv

import numpy as np
import pytest

from qscore.percentiles import WINDOWS, relative_all, relative_resolution


def literal_all(q):
    """Straight from the definition, one entry at a time."""
    known = [v for v in q if v == v]
    return [sum(v <= own for v in known) / len(known) if own == own else float("nan") for own in q]


def literal_resolution(resolution, q, window):
    rows = [(r, v) for r, v in zip(resolution, q, strict=True) if r == r and v == v]
    found = []
    for r, own in zip(resolution, q, strict=True):
        near = [v for other, v in rows if abs(other - r) <= window + 1e-9]
        found.append(sum(v <= own for v in near) / len(near) if r == r and own == own else float("nan"))
    return found


@pytest.fixture(scope="module")
def survey():
    random = np.random.default_rng(3)
    resolution, q = random.choice(np.arange(1.5, 8.0, 0.1), 700).round(1), random.random(700).round(2)
    resolution[::97], q[::89] = np.nan, np.nan
    return resolution, q


def test_equal_to_the_literal_one(survey):
    resolution, q = survey
    np.testing.assert_allclose(relative_all(q), literal_all(q), rtol=0, atol=1e-15)
    for window in WINDOWS.values():
        expected = literal_resolution(resolution, q, window)
        np.testing.assert_allclose(relative_resolution(resolution, q, window), expected, rtol=0, atol=1e-15)


def test_by_hand():
    resolution, q = [3.0, 3.5, 4.0, 4.6], [0.5, 0.4, 0.5, 0.1]
    np.testing.assert_allclose(relative_all(q), [1, 0.5, 1, 0.25])
    np.testing.assert_allclose(relative_resolution(resolution, q, 0.5), [1, 1 / 3, 1, 1])
    np.testing.assert_allclose(relative_resolution(resolution, q, 1.0), [1, 1 / 3, 1, 1 / 2])


def test_window_ends_count_whatever_the_rounding():
    found = relative_resolution([2.1, 3.1, 3.6], [0.1, 0.2, 0.3], 1.0)
    np.testing.assert_allclose(found, [1 / 2, 2 / 3, 1])


def test_own_entry_is_counted_and_order_does_not_matter(survey):
    resolution, q = survey
    shuffled = np.random.default_rng(4).permutation(len(q))
    found = relative_resolution(resolution, q, 1.0)
    assert np.nanmin(found) > 0
    np.testing.assert_array_equal(relative_resolution(resolution[shuffled], q[shuffled], 1.0), found[shuffled])
    alone = relative_resolution([3.0, 9.0], [0.5, 0.1], 1.0)
    np.testing.assert_array_equal(alone, [1, 1])


def test_without_a_score_nothing_is_said_or_counted():
    found = relative_resolution([3.0, 3.0, np.nan, 3.0], [0.5, np.nan, 0.1, 0.6], 1.0)
    np.testing.assert_array_equal(found, [0.5, np.nan, np.nan, 1.0])
    np.testing.assert_array_equal(relative_all([np.nan, 0.2]), [np.nan, 1.0])
    assert relative_all([]).shape == relative_resolution([], [], 1.0).shape == (0,)
    assert np.isnan(relative_all([np.nan])).all()


def test_negative_window_is_refused():
    with pytest.raises(ValueError, match="window -1 Å"):
        relative_resolution([3.0], [0.5], -1)


def test_both_drift_on_the_archive(real_data):
    """r −0.61 and −0.29 with resolution in windows of 1.0 and 0.5 Å, read at 2–5 Å."""
    with open(real_data / "mapq_survey_2025.csv", encoding="utf-8") as text:
        rows = [(float(row["resolution"]), float(row["q"])) for row in csv.DictReader(text)]
    resolution, q = np.array(rows).T
    inner = (resolution >= 2) & (resolution <= 5)

    def drift(percentile):
        return np.corrcoef(resolution[inner], percentile[inner])[0, 1]

    assert drift(relative_resolution(resolution, q, WINDOWS["q_relative_1_0"])) == pytest.approx(-0.61, abs=0.005)
    assert drift(relative_resolution(resolution, q, WINDOWS["q_relative_0_5"])) == pytest.approx(-0.29, abs=0.005)
    assert drift(relative_all(q)) < -0.7
