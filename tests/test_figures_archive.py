"""Figures of the archive as a whole: how many lie where, and whether curve, bands and percentiles hold."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from test_figures import by_gid, drawable_rows, on_curve, read, usual_rows, words, write_draws, write_survey

from qscore import calibration, captions, crowd, figures, spread, style, years
from qscore.equations import judging_curve


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return read(write_survey(tmp_path_factory.mktemp("usual"), usual_rows()))


def many_points(n=600, seed=3):
    """A table of points whose percentiles are uniform, at tied resolutions."""
    random = np.random.default_rng(seed)
    x = random.uniform(1.5, 8, n).round(1)
    return pd.DataFrame(
        {"resolution": x, "q_mean": 1 / x, "percentile": random.uniform(size=n), "left_out": "", "expected_q": 1 / x}
    )


# ---- density ----


def test_few_entries_are_points_over_the_bands(usual):
    points, fit = usual
    figure = crowd.density(points, fit)
    drawn = points[points["resolution"].between(*judging_curve(fit).domain)]
    np.testing.assert_allclose(by_gid(figure, "points").get_offsets(), drawn[["resolution", "q_mean"]])
    assert all(by_gid(figure, f"band-{share}") is not None for share in (50, 90, 95))
    assert by_gid(figure, "hexagons") is None


def test_many_entries_are_counted_in_hexagons_below_curve_and_bands(usual):
    points = many_points()
    figure = crowd.density(points, usual[1])
    cells, curve = by_gid(figure, "hexagons"), by_gid(figure, "curve")
    assert cells.get_array().sum() == len(points) and cells.get_rasterized()
    assert curve.get_zorder() > cells.get_zorder()
    x, y = curve.get_data()
    np.testing.assert_allclose(y, judging_curve(usual[1]).expected(x))
    x, low = by_gid(figure, "band-90").get_data()
    np.testing.assert_allclose(low, judging_curve(usual[1]).band(x, 0.9)[0])
    assert "n = 600" in words(figure)


def test_nothing_to_draw_is_no_figure(usual):
    points, fit = usual
    assert crowd.density(points.head(0), fit) is None
    assert crowd.q_vs_fsc05(points, fit) is None and calibration.coverage(fit) is None
    assert calibration.percentile_bias(points, fit) is None and years.q_by_year(points, fit) is None


# ---- FSC 0.5 ----


def test_the_sources_fsc_goes_before_ours_and_has_the_fits_equations(tmp_path):
    rows = [on_curve(n, 1.6 + 0.1 * n, 0.02 * (-1) ** n, map_model_fsc05=2.0 + 0.1 * n, d_fsc05=9.0) for n in range(40)]
    points, fit = read(write_survey(tmp_path, rows))
    figure = crowd.q_vs_fsc05(points, fit)
    np.testing.assert_allclose(by_gid(figure, "points").get_offsets()[:, 0], points["map_model_fsc05"])
    record = fit["equations"]["all-fsc05-line"]
    x, y = by_gid(figure, "line").get_data()
    np.testing.assert_allclose(y, np.clip(np.polyval(record["coefficients"], x), None, 1))
    assert f"R² = {record['r_squared']:.2f}" in words(figure) and "source" in figure.axes[0].get_title(loc="left")
    own = crowd.q_vs_fsc05(points.assign(map_model_fsc05=np.nan, d_fsc05=points["resolution"]), fit)
    assert "computed here" in words(own) and by_gid(own, "line") is None
    gone = points.assign(map_model_fsc05=points["map_model_fsc05"].where(points.index > 2, 80.0))
    assert "3 beyond" in words(crowd.q_vs_fsc05(gone, fit))


# ---- percentiles and coverage ----


def test_windows_keep_a_resolution_whole_and_hold_everybody():
    points = many_points()
    x, p = points["resolution"].to_numpy(), points["percentile"].to_numpy()
    place, quartiles, sizes = calibration.windows(x, p)
    assert sizes.sum() == len(x) and sizes.min() >= calibration.SMALLEST
    assert (np.diff(place) > 0).all() and (np.diff(quartiles, axis=1) > 0).all()
    parts = calibration._parts(x, 20)
    assert all(set(x[a]).isdisjoint(x[b]) for a, b in itertools.pairwise(parts))
    alone = calibration.windows(np.full(50, 3.0), p[:50])
    assert len(alone[0]) == 1 and alone[1][0, 1] == np.sort(p[:50])[24]


def test_limits_of_quartiles_are_exact():
    n, rank = 101, 26  # ⌈101 / 4⌉
    low, high = (end[0] for end in calibration.quartile_limits(np.array([n]), 0.25))
    # The order statistic lies below a value when at least `rank` of n uniform numbers do.
    assert stats.binom.sf(rank - 1, n, low) == pytest.approx(0.0005)
    assert stats.binom.sf(rank - 1, n, high) == pytest.approx(0.9995)


def test_fair_percentiles_lie_within_the_limits_and_biased_ones_outside(usual):
    def outside(points):
        figure = calibration.percentile_bias(points, usual[1])
        _, y = by_gid(figure, "quartile-50").get_data()
        sizes = calibration.windows(points["resolution"].to_numpy(), points["percentile"].to_numpy())[2]
        low, high = calibration.quartile_limits(sizes, 0.5)
        return int(((y < low) | (y > high)).sum()), figure

    count, figure = outside(many_points())
    assert count == 0 and "n = 600" in words(figure)
    biased = many_points().assign(percentile=lambda rows: np.clip(rows["percentile"] * rows["resolution"] / 8, 0, 1))
    assert outside(biased)[0] > 5
    r = np.corrcoef(biased["resolution"], biased["percentile"])[0, 1]
    assert f"r = {r:.3f}" in words(outside(biased)[1])


def test_coverage_is_drawn_as_the_fit_has_it(usual):
    cell = {"low": 2.0, "high": 3.0, "pooled": "", "n": 200, "limit_low": 0.4, "limit_high": 0.6, "within": True}
    rows = [
        cell | {"band": band, "covered": 100, "share": share, "least_squares": share - 0.2, "least_squares_pooled": ""}
        for band, share in ((0.95, 0.94), (0.9, 0.91), (0.5, 0.52))
    ]
    figure = calibration.coverage(usual[1] | {"coverage": rows})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["50 % band", "90 % band", "95 % band"]
    assert by_gid(figure.axes[0], "share").get_ydata()[0] == 0.52
    assert by_gid(figure.axes[2], "line").get_ydata()[0] == pytest.approx(0.74)
    assert "2–3 (200)" in words(figure)


# ---- years ----


def test_years_with_enough_entries_have_a_median(usual):
    points = many_points(40).assign(map_release="2019-01-02")
    points.loc[:19, "map_release"] = "2021"
    points.loc[38:, "map_release"] = "2015-07-01"
    points["q_mean"] += np.where(points["map_release"] == "2021", 0.1, 0.0)
    figure = years.q_by_year(points, usual[1])
    x, y = by_gid(figure, "median").get_data()
    np.testing.assert_allclose(x, (2019, 2021))
    np.testing.assert_allclose(y, (0, 0.1), atol=1e-12)
    assert set(by_gid(figure, "few").get_xdata()) == {2015}
    assert years.q_by_year(points.head(30), usual[1]) is not None
    assert years.q_by_year(points.head(20), usual[1]) is None


@pytest.mark.parametrize(("n", "ranks"), [(5, (1, 5)), (9, (2, 8)), (100, (40, 61))])
def test_the_interval_of_a_median_is_that_of_order_statistics(n, ranks):
    low, high = years.median_interval(np.arange(1.0, n + 1))
    assert (low, high) == ranks
    if n > 5:
        assert stats.binom.cdf(low - 1, n, 0.5) <= 0.025 < stats.binom.cdf(low, n, 0.5)


# ---- the diverse set ----


def test_the_diverse_set_is_the_median_draw_of_the_main_rule(tmp_path):
    _, facts = write_draws(tmp_path, drawable_rows(cc_mean=0.8), count=20)
    figure = spread.diverse_set(facts)
    one = facts["rules"]["well_fitted"]["median_draw"]
    drawn = np.asarray(by_gid(figure, "points").get_offsets())
    np.testing.assert_allclose(drawn, [[pair["resolution"], pair["q_mean"]] for pair in one["pairs"]])
    heading = by_gid(figure, "heading").get_text()
    assert f"Q = {one['intercept']:.3f} − {-one['slope']:.3f} R" in heading and "n = 55" in heading
    assert f"Draw {one['draw']} of 20 (seed 2026)" in words(figure) and "well fitted" in words(figure)
    facts["rules"]["well_fitted"]["available"] = False
    assert "blind pairs: metadata only" in words(spread.diverse_set(facts))
    facts["rules"]["blind"]["available"] = False
    assert spread.diverse_set(facts) is None


# ---- all of them ----


def every_figure(usual, tmp_path, *, synthetic=False):
    fit = json.loads(json.dumps(usual[1])) | {"synthetic": synthetic}
    points = many_points(400).assign(map_release=[f"{2015 + k % 6}-01-01" for k in range(400)], d_fsc05=3.0)
    rows = [{"band": 0.5, "low": 1.0, "high": 2.0, "n": 9, "limit_low": 0.1, "limit_high": 0.9, "share": 0.5}]
    _, facts = write_draws(tmp_path, drawable_rows(60, synthetic=synthetic), count=3)
    return {
        "density": crowd.density(points, fit),
        "q_vs_fsc05": crowd.q_vs_fsc05(points, fit),
        "percentile_bias": calibration.percentile_bias(points, fit),
        "coverage": calibration.coverage(fit | {"coverage": [rows[0] | {"least_squares": 0.4}]}),
        "q_by_year": years.q_by_year(points, fit),
        "diverse_set": spread.diverse_set(facts),
    }


@pytest.mark.parametrize("synthetic", [True, False])
def test_made_up_archives_are_said_to_be(usual, tmp_path, synthetic):
    found = every_figure(usual, tmp_path, synthetic=synthetic)
    assert {name: style.SYNTHETIC in words(figure) for name, figure in found.items()} == dict.fromkeys(found, synthetic)


def test_letters_are_legible_at_the_width_of_a_column_or_page_and_nothing_is_clipped(usual, tmp_path):
    for name, figure in every_figure(usual, tmp_path).items():
        figure.draw_without_rendering()
        width = figure.get_figwidth()
        assert min(abs(width - one) for one in (style.COLUMN, style.PAGE)) < 1e-9, name
        for text in figure.findobj(lambda item: hasattr(item, "get_fontsize") and hasattr(item, "get_text")):
            if text.get_text().strip() and text.get_visible():
                assert text.get_fontsize() >= 7, (name, text.get_text())
        box = figure.get_tightbbox()
        assert box.x0 > -0.02 and box.y0 > -0.02, name
        assert box.x1 < width + 0.02 and box.y1 < figure.get_figheight() + 0.02, name


def test_same_archive_same_bytes(usual, tmp_path):
    one, two = (
        [
            figures._save(figure, tmp_path / out / name, ("svg",), 50)
            for name, figure in found.items()
            if name in ("density", "coverage")
        ]
        for out in ("one", "two")
        for found in [every_figure(usual, tmp_path)]
    )
    for first, second in zip(one, two, strict=True):
        assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_every_figure_has_its_caption_and_category():
    assert set(captions.CAPTIONS) == set(captions.CATEGORIES) == set(figures.NAMES)
    for title, text in captions.CAPTIONS.values():
        assert title and 2 <= text.count(". ") + text.endswith(".") <= 6
