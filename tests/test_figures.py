"""Figures: what is drawn is what the tables hold, and says so."""

import json
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from matplotlib.colors import to_hex

from qscore import concordance, draws, figures, fitting, labels, scatter, spread, style, survey, tables, traces
from qscore.equations import judging_curve
from qscore.expected import MAPQ_2_9_7, published
from qscore.outliers import band_flag
from qscore.points import survey_points, worst_flagged
from qscore.selection import FitRule, why_not


def entry(number, resolution, q, **more):
    """A scored row of `tables.ENTRIES` that the fit takes."""
    ids = {"emdb_id": f"EMD-{10000 + number}", "pdb_id": f"1a{number:02d}", "sample": f"sample {number}"}
    counts = {"n_atoms": 900, "n_scored": 890, "n_outside": 9, "n_constant": 1, "n_not_finite": 0}
    voxels = dict.fromkeys(("voxel_x", "voxel_y", "voxel_z"), 0.4)
    flags = {"synthetic": False, "composite": False, "tight_mask": False, "frac_shell_on_constant": 0.01}
    scores = {"q_mean": q, "q_mean_06": q + 0.05, "q_backbone": q + 0.02, "q_side_chain": q - 0.02, "q_protein": q}
    return {**ids, "resolution": resolution, "status": "scored", **counts, **voxels, **flags, **scores, **more}


def unusable(number, **more):
    row = {"emdb_id": f"EMD-{10000 + number}", "pdb_id": f"1a{number:02d}", "sample": "broken", "resolution": 3.0}
    why = {"stage": "map", "reason": "map_truncated", "detail": "expected 8 bytes, found 5", "transient": False}
    return {**row, "status": "unusable", **why, "synthetic": False, **more}


def on_curve(number, resolution, shift=0.0, **more):
    return entry(number, resolution, MAPQ_2_9_7.at(resolution) + shift, **more)


def usual_rows(**more):
    """Twelve entries within the band, two below, one above; one masked, one at 35 Å, one at 1.05 Å, one broken."""
    rows = [on_curve(n, 1.6 + 0.4 * n, 0.03 * (-1) ** n, apoferritin="by name" if n < 9 else None) for n in range(12)]
    rows += [on_curve(12, 3.1, -0.25), on_curve(13, 3.2, -0.3), on_curve(14, 4.4, 0.2)]
    rows += [on_curve(15, 2.5, 0.01, tight_mask=True), entry(16, 35.0, 0.06), entry(17, 1.05, 0.9), unusable(18)]
    return [row | more for row in rows]


def residue_rows(row, chains=("A", "B"), length=30, kind="protein"):
    """Residues at the Q of their entry, a little dip in each chain; the fifth is not scored."""
    ids = {"emdb_id": row["emdb_id"], "pdb_id": row["pdb_id"], "class": kind, "n_atoms": 5, "n_scored": 5}
    q = [None if k == 4 else row["q_mean"] - 0.1 * (10 < k < 16) for k in range(length)]
    return [{**ids, "chain": chain, "number": str(k), "q_04": value} for chain in chains for k, value in enumerate(q)]


def write_survey(folder, rows, residues=()):
    """The tables of a survey, and the paths of them."""
    parquet = {name: folder / f"{name}.parquet" for name in ("entries", "flags", "residues")}
    paths = SimpleNamespace(folder=folder, fit=folder / "expected_q.json", **parquet)
    tables.write_parquet(paths.entries, tables.ENTRIES, tables.as_columns(tables.ENTRIES, rows))
    tables.write_parquet(paths.residues, tables.RESIDUES, tables.as_columns(tables.RESIDUES, residues))
    found = fitting.fit(paths.entries, FitRule())
    tables.write_json(paths.fit, found)
    flags = flags_of(rows, judging_curve(found))
    tables.write_parquet(paths.flags, tables.FLAGS, tables.as_columns(tables.FLAGS, flags))
    return paths


def flags_of(rows, curve):
    """Rows of `tables.FLAGS`: flagged where Q lies outside the band of the curve, which is no test, but enough here."""
    blank = dict.fromkeys(tables.ENTRIES.names)
    return [flagged(blank | row, curve) for row in rows if row["status"] == "scored"]


def flagged(row, curve):
    low, high = (float(end) for end in curve.band(row["resolution"]))
    expected, flag = float(curve.expected(row["resolution"])), band_flag(row["q_mean"], low, high)
    kept = {key: row[key] for key in ("emdb_id", "pdb_id", "sample", "resolution", "q_mean")}
    cause = {"cause": "unexplained", "evidence": "made up"} if flag else {"cause": "", "evidence": ""}
    return kept | cause | {
        "expected_q": expected, "low": low, "high": high, "equation": curve.name, "flag": flag,
        "left_out": why_not(row, FitRule()), "z": (row["q_mean"] - expected) / 0.05, "p_adjusted": 0.0123,
        "percentile": float(curve.percentile(row["resolution"], row["q_mean"])),
    }  # fmt: skip


def read(paths):
    """Points and fit of a survey."""
    entries = tables.frame(paths.entries, layout=tables.ENTRIES)
    points = survey_points(entries, tables.frame(paths.flags, layout=tables.FLAGS))
    return points, json.loads(paths.fit.read_text())


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return read(write_survey(tmp_path_factory.mktemp("usual"), usual_rows()))


@pytest.fixture(scope="module")
def drawn(usual):
    return scatter.q_vs_resolution(*usual)


def by_gid(figure, gid):
    return next((found for found in figure.findobj() if found.get_gid() == gid), None)


def words(figure):
    texts = figure.findobj(lambda item: hasattr(item, "get_text"))
    return " ".join(" ".join(text.get_text().split()) for text in texts)


def group(figure, gid):
    return {tuple(np.round(point, 9)) for point in by_gid(figure, gid).get_offsets()}


def expected_group(points, rows):
    return {tuple(np.round(point, 9)) for point in points[rows][["resolution", "q_mean"]].to_numpy()}


def test_every_point_is_drawn_where_the_table_has_it(usual, drawn):
    points, _ = usual
    inside = points["resolution"].between(1.15, 10) & (points["left_out"] == "")
    assert group(drawn, "points-within-in") == expected_group(points, inside & (points["flag"] == ""))
    assert group(drawn, "points-low-in") == expected_group(points, points["flag"] == "low")
    assert group(drawn, "points-high-in") == expected_group(points, points["flag"] == "high")
    assert group(drawn, "points-within-out") == expected_group(points, points["left_out"] == "tight mask")
    assert len(group(drawn, "points-low-in")) == 2 and len(group(drawn, "points-high-in")) == 1


def test_left_out_is_hollow_and_flagged_has_its_own_colour(drawn):
    assert not by_gid(drawn, "points-within-out").get_facecolor().any()
    assert by_gid(drawn, "points-within-in").get_facecolor()[0, 3] == 1
    colours = {to_hex(by_gid(drawn, f"points-{flag}-in").get_facecolor()[0]) for flag in ("within", "low", "high")}
    assert len(colours) == 3


def test_line_is_the_fit(usual, drawn):
    line = usual[1]["fits"]["all"]["line"]
    x, y = by_gid(drawn, "line").get_data()
    assert (x[0], x[-1]) == (line["x_low"], line["x_high"])
    np.testing.assert_allclose(y, line["intercept"] + line["slope"] * x, atol=1e-12)
    heading = by_gid(drawn, "heading").get_text()
    assert f"Q = {line['intercept']:.3f} − {-line['slope']:.3f} R" in heading
    assert f"R² = {line['r_squared']:.2f}" in heading and f"n = {line['n']}" in heading


def test_confidence_band_is_that_of_least_squares(usual):
    points, fit = usual
    taken = points[points["left_out"] == ""]
    found = sm.OLS(taken["q_mean"].to_numpy(), sm.add_constant(taken["resolution"].to_numpy())).fit()
    x = np.array([2.0, 3.5, 6.0])
    low, high = found.get_prediction(sm.add_constant(x)).conf_int(alpha=0.05).T
    half = scatter.confidence_half_width(fit["fits"]["all"]["line"], x)
    np.testing.assert_allclose(half, (high - low) / 2, rtol=1e-6)


def test_the_curve_judged_by_and_the_published_one_are_drawn(usual, drawn):
    x, y = by_gid(drawn, "curve").get_data()
    np.testing.assert_allclose(y, judging_curve(usual[1]).expected(x))
    x, y = by_gid(drawn, "published").get_data()
    np.testing.assert_allclose(y, [MAPQ_2_9_7.at(value) for value in x])
    assert by_gid(drawn, "band").get_facecolor()[0, 3] == 1


def test_flagged_points_are_named_apart_and_within_the_panel(drawn):
    (axes,) = drawn.axes
    drawn.draw_without_rendering()
    names = [text for text in axes.texts if text.get_text().startswith("EMD-")]
    assert {text.get_text() for text in names} == {"EMD-10012 / 1a12", "EMD-10013 / 1a13", "EMD-10014 / 1a14"}
    frame = axes.get_window_extent()
    boxes = [super(type(text), text).get_window_extent() for text in names]
    for k, box in enumerate(boxes):
        assert frame.x0 - 1 <= box.x0 and box.x1 <= frame.x1 + 1 and frame.y0 - 1 <= box.y0 and box.y1 <= frame.y1 + 1
        assert not any(box.overlaps(other) for other in boxes[:k])


def test_many_flagged_are_counted_and_the_worst_named(tmp_path):
    rows = [on_curve(n, 2 + 0.2 * n, -0.26 - 0.001 * n) for n in range(14)]
    figure = scatter.q_vs_resolution(*read(write_survey(tmp_path, rows)))
    named = {text.get_text() for text in figure.axes[0].texts}
    points, _ = read(write_survey(tmp_path, rows))
    assert named == set(points.sort_values("beyond")["name"].tail(10))
    assert "Of 14 flagged, the 10 furthest from the band are named." in words(figure)


def test_axes_have_units_and_the_caption_its_rule(drawn, usual):
    (axes,) = drawn.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Resolution (Å)", "Mean Q (σ = 0.4 Å)")
    said = words(drawn)
    assert usual[1]["rule"] in said
    assert "1 entry beyond 10 Å, 1 entry below 1.15 Å not drawn." in said
    assert "Hollow, left out: tight mask (1)." in said
    assert "-" not in by_gid(drawn, "heading").get_text()


def test_apoferritin_has_its_own_points_and_line(usual):
    points, fit = usual
    figure = scatter.apoferritin(points, fit)
    assert len(group(figure, "points-within-in")) == 9 and by_gid(figure, "points-low-in") is None
    line = fit["fits"]["apoferritin"]["line"]
    end = line["intercept"] + line["slope"] * line["x_high"]
    np.testing.assert_allclose(by_gid(figure, "line").get_data()[1][-1], end)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_few_entries_give_the_sentence_instead_of_a_line(tmp_path, n):
    points, fit = read(
        write_survey(tmp_path, [on_curve(k, 2.0 + k, apoferritin="by name") for k in range(n)] + [unusable(9)])
    )
    for draw, subset in ((scatter.q_vs_resolution, "all"), (scatter.apoferritin, "apoferritin"))[: 1 + (n > 0)]:
        figure = draw(points, fit)
        assert " ".join(by_gid(figure, "heading").get_text().split()) == fit["fits"][subset]["sentence"]
        assert by_gid(figure, "line") is None and by_gid(figure, "curve") is not None
    assert (scatter.apoferritin(points, fit) is None) == (n == 0)
    assert (scatter.q_by_class(points) is None) == (n < 3)


@pytest.mark.parametrize("synthetic", [True, False])
def test_made_up_entries_are_said_to_be_on_every_figure(tmp_path, synthetic):
    rows = usual_rows(synthetic=synthetic)
    points, fit = read(write_survey(tmp_path, rows))
    residues = pd.DataFrame(residue_rows(rows[12]))
    drawn = [scatter.q_vs_resolution(points, fit), scatter.apoferritin(points, fit)]
    drawn += [traces.flagged_entries(points, residues), scatter.q_by_class(points)]
    assert [style.SYNTHETIC in words(figure) for figure in drawn] == [synthetic] * 4


def test_flagged_entries_shows_residues_beside_the_band(usual):
    points, _ = usual
    worst = worst_flagged(points)
    assert list(worst["emdb_id"]) == ["EMD-10014", "EMD-10013", "EMD-10012"]
    rows = [residue for row in worst.to_dict("records") for residue in residue_rows(row)]
    waters = residue_rows(worst.iloc[0].to_dict(), chains=("W",), kind="water")
    figure = traces.flagged_entries(points, pd.DataFrame(rows + waters))
    assert len(figure.axes) == 3
    x, raw = by_gid(figure, "raw").get_data()
    assert len(x) == 2 * 31 and np.isnan(raw[[4, 30, 35, 61]]).all() and np.isfinite(raw).sum() == 58
    assert "EMD-10014 / 1a14" in figure.axes[0].get_title(loc="left")
    assert {text.get_text() for text in figure.axes[0].texts} == {"A", "B"}
    assert {"below the band", "above the band"} <= {text.get_text() for text in figure.legends[0].get_texts()}


def test_no_figure_of_flagged_entries_when_none_is(tmp_path):
    points, _ = read(write_survey(tmp_path, [on_curve(n, 2.0 + n) for n in range(4)]))
    assert traces.flagged_entries(points, pd.DataFrame()) is None


REGION = {"emdb_id": "EMD-10003", "pdb_id": "1a03", "chain": "A", "from": "11", "to": "15", "length": 5, "pooled": ""}


def test_entries_with_regions_are_shown_and_the_regions_shaded(usual):
    points, _ = usual
    regions = pd.DataFrame([REGION, REGION | {"chain": "B", "from": "2", "to": "9", "length": 8, "pooled": "B C"}])
    worst = worst_flagged(points, regions=regions)
    assert list(worst["emdb_id"]) == ["EMD-10014", "EMD-10013", "EMD-10012", "EMD-10003"]
    rows = residue_rows(worst.iloc[3].to_dict(), chains=("A", "B", "C"))
    axes = traces.flagged_entries(points, pd.DataFrame(rows), regions).axes[3]
    shaded = sorted((patch.get_x(), patch.get_width()) for patch in axes.patches if patch.get_label() == "region")
    np.testing.assert_allclose(shaded, [(11.5, 5), (32.5, 8), (62.5, 8)])
    assert "EMD-10003 / 1a03" in axes.get_title(loc="left")


def test_many_flagged_leave_room_for_entries_with_regions(tmp_path):
    rows = [on_curve(n, 2 + 0.2 * n, -0.26 - 0.001 * n) for n in range(14)] + [on_curve(20, 3.0), on_curve(21, 3.0)]
    points, _ = read(write_survey(tmp_path, rows))
    ids = [{"emdb_id": f"EMD-{10000 + n}", "pdb_id": f"1a{n}", "length": n} for n in (20, 21, 13)]
    shown = list(worst_flagged(points, regions=pd.DataFrame(ids))["emdb_id"])
    assert len(shown) == 6 and shown[:4] == list(worst_flagged(points)["emdb_id"][:4])
    assert shown[4:] == ["EMD-10021", "EMD-10020"]


def test_residue_numbers_begin_anew_in_each_chain():
    chains = [[str(n) for n in range(-10, 60)], [str(n) for n in range(101, 171)], ["7A", "8"]]
    places, labels = traces._number_ticks(chains, [1, 71, 141, 143])
    assert labels == ["0", "20", "40", "120", "140", "160"]
    assert places == [11, 31, 51, 90, 110, 130]


def test_flagged_entry_without_residues_is_an_empty_panel(usual):
    nothing = pd.DataFrame(residue_rows({"emdb_id": "EMD-1", "pdb_id": "x", "q_mean": 0.5}))
    assert len(traces.flagged_entries(usual[0], nothing).axes) == 3


def test_running_mean_leaves_out_what_is_not_scored():
    q = np.array([0.1, np.nan, 0.3, 0.5, 0.7])
    np.testing.assert_allclose(traces.running_mean(q, 3), [0.1, 0.2, 0.4, 0.5, 0.6])
    assert np.isnan(traces.running_mean([np.nan] * 3, 3)).all()


def test_classes_apart_with_their_published_line(tmp_path):
    rows = [on_curve(n, 2.0 + 0.3 * n, q_ion=0.6, q_water=0.7 if n < 2 else None) for n in range(5)]
    figure = scatter.q_by_class(read(write_survey(tmp_path, rows))[0])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Protein (n = 5)", "Ions (n = 5)"]
    assert {axes.get_xlabel() for axes in figure.axes} == {"Resolution (Å)"}
    assert "Mean Q (σ = 0.4 Å)" in words(figure)
    x, y = figure.axes[1].lines[0].get_data()
    np.testing.assert_allclose(y, [published("ion").at(value) for value in x])


def test_hostile_names_are_drawn_as_text(tmp_path):
    rows = usual_rows()
    rows[12] |= {"emdb_id": "EMD-$\\frac{1}", "pdb_id": "中文\u202e\x07", "sample": "$x_1$ " + "y" * 10_000}
    paths = write_survey(tmp_path, rows, residue_rows(rows[12]))
    figures.write_figures(paths.entries, paths.flags, paths.residues, paths.fit, tmp_path / "out", formats=("svg",))
    assert read(paths)[0]["name"][12] == "EMD-$\\frac{1} / ????"


def test_a_crowd_is_an_image_within_the_drawing(usual, monkeypatch):
    monkeypatch.setattr(scatter, "CROWD", 5)
    figure = scatter.q_vs_resolution(*usual)
    assert by_gid(figure, "points-within-in").get_rasterized()
    assert by_gid(figure, "line").get_zorder() > by_gid(figure, "points-within-in").get_zorder()


def test_a_crowd_is_small_and_transparent_but_not_its_legend(usual, monkeypatch):
    few = by_gid(scatter.q_vs_resolution(*usual), "points-within-in").get_sizes()[0]
    sizes = []
    for crowd in (5, 3, 1):
        monkeypatch.setattr(scatter, "CROWD", crowd)
        figure = scatter.q_vs_resolution(*usual)
        found = by_gid(figure, "points-within-in")
        assert found.get_alpha() < 0.5
        assert not by_gid(figure, "points-within-out").get_facecolor()[:, 3].any()
        sizes.append(found.get_sizes()[0])
        keys = figure.legends[-1].legend_handles
        assert all(key.get_alpha() == 1 and key.get_sizes()[0] >= scatter.KEY for key in keys)
    assert few > sizes[0] > sizes[1] == sizes[2] == 1.2


@pytest.mark.parametrize(
    ("version", "label"), [("published", "Mean Q (σ = 0.4 Å)"), ("my.csv", "Q as the table gives it")]
)
def test_the_axis_claims_of_q_only_what_is_known(tmp_path, version, label):
    rows = [on_curve(n, 2.0 + n, n_scored=None, version=version) for n in range(3)]
    assert scatter.q_vs_resolution(*read(write_survey(tmp_path, rows))).axes[0].get_ylabel() == label


def test_same_tables_same_bytes_and_stale_figures_go(tmp_path):
    rows = usual_rows()
    paths = write_survey(tmp_path, rows, residue_rows(rows[12]) + residue_rows(rows[13]))
    for out in ("one", "two"):
        written = figures.write_figures(paths.entries, paths.flags, paths.residues, paths.fit, tmp_path / out, dpi=50)
        assert sorted(path.name for path in written) == sorted(path.name for path in (tmp_path / out).iterdir())
    usual = {"q_vs_resolution", "density", "apoferritin", "q_by_class", "flagged_entries"}
    assert {path.stem for path in written} == usual and len(written) == 10
    for path in written:
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes(), path.name
    assert not plt.get_fignums()  # nothing is left in pyplot's memory
    few = write_survey(tmp_path / "few", [])
    figures.write_figures(few.entries, few.flags, few.residues, few.fit, tmp_path / "two", formats=("svg",))
    left = {path.name for path in (tmp_path / "two").glob("*.svg")}
    assert left == {"q_vs_resolution.svg"}  # nothing was scored


def test_tables_of_two_surveys_are_refused(tmp_path):
    one, two = write_survey(tmp_path / "one", usual_rows()), write_survey(tmp_path / "two", usual_rows()[:5])
    with pytest.raises(ValueError, match="same scored pairs: 18 and 5"):
        figures.write_figures(one.entries, two.flags, one.residues, one.fit, tmp_path / "out")


def test_apoferritin_says_what_it_is_without_one_publication(tmp_path):
    rows = [row | {"cluster_pub": f"doi:10.1/{n % 4}"} for n, row in enumerate(usual_rows())]
    points, fit = read(write_survey(tmp_path, rows))
    sentence = fit["fits"]["apoferritin"]["leave_one_out"]["sentence"]
    assert sentence[1:] in words(scatter.apoferritin(points, fit))
    assert "eaving out one publication" not in words(scatter.q_vs_resolution(points, fit))


# ---- the draws ----


def drawable_rows(n=220, **more):
    random = np.random.default_rng(1)
    x = np.linspace(1.2, 5.0, n).tolist()
    rows = [entry(k, r, 1.08 - 0.17 * r + random.normal(0, 0.05), **more) for k, r in enumerate(x)]
    return [row | {"emdb_id": f"EMD-{20000 + k}"} for k, row in enumerate(rows)]


def write_draws(folder, rows, count=60):
    survey.write_entries(folder, [dict.fromkeys(tables.ENTRIES.names) | row for row in rows])
    facts = draws.write(folder / "entries.parquet", FitRule(), folder / "draws", draws=count)
    return tables.frame(folder / "draws" / "draws.parquet"), facts


def test_draws_show_the_one_of_median_r_squared_and_the_spread_of_all(tmp_path):
    table, facts = write_draws(tmp_path, drawable_rows(cc_mean=0.8))
    figure = spread.diverse_draws(table, facts)
    for axes, rule in zip(figure.axes, facts["rules"].values(), strict=False):
        one = rule["median_draw"]
        drawn = np.asarray(by_gid(axes, "points").get_offsets())
        np.testing.assert_allclose(drawn, [[pair["resolution"], pair["q_mean"]] for pair in one["pairs"]])
        x, y = by_gid(axes, "line").get_data()
        np.testing.assert_allclose(y, one["intercept"] + one["slope"] * x)
        assert f"R² = {one['r_squared']:.3f}" in axes.get_title(loc="left") and "n = 55" in axes.get_title(loc="left")
    for name, rule in facts["rules"].items():
        for quantity in spread.QUANTITIES:
            assert by_gid(figure, f"median-{quantity}-{name}").get_xdata()[0] == rule[quantity]["median"]
            heights = by_gid(figure, f"{quantity}-{name}").get_xy()[:, 1]
            assert 0 < heights.max() <= 60
    assert by_gid(figure, "published").get_xdata()[0] == 0.95
    said = words(figure)
    assert facts["sentence"] in said and "blind, 60 draws" in said and "published R², 0.95" in said


def test_draws_of_one_rule_have_one_panel(tmp_path):
    figure = spread.diverse_draws(*write_draws(tmp_path, drawable_rows()))
    assert len(figure.axes) == 1 + len(spread.QUANTITIES)
    assert by_gid(figure, "r_squared-well_fitted") is None


def test_draws_that_are_all_the_same_are_drawn_too(tmp_path):
    figure = spread.diverse_draws(*write_draws(tmp_path, drawable_rows(55), count=4))
    figure.draw_without_rendering()
    low, high = figure.axes[-1].get_xlim()
    assert high - low > 0.01


def test_no_figure_of_draws_when_nothing_was_drawn(tmp_path):
    assert spread.diverse_draws(*write_draws(tmp_path, drawable_rows(20))) is None


def test_made_up_draws_are_said_to_be(tmp_path):
    assert style.SYNTHETIC in words(spread.diverse_draws(*write_draws(tmp_path, drawable_rows(60, synthetic=True))))


# ---- with draws and published Q; without maps ----


def test_figures_of_draws_and_of_agreement_come_with_their_folders(tmp_path, monkeypatch):
    for name in ("q_vs_resolution", "apoferritin", "q_by_class"):
        monkeypatch.setattr(figures, name, lambda *_: None)
    monkeypatch.setattr(figures.crowd, "density", lambda *_: None)
    monkeypatch.setattr(figures.calibration, "percentile_bias", lambda *_: None)
    rows = [row | {"q_published": round(row["q_mean"] + 0.001, 3)} for row in drawable_rows(60, cc_mean=0.8)]
    write_draws(tmp_path, rows, count=5)
    paths = write_survey(tmp_path, rows)
    concordance.write(paths.entries, tmp_path / "concordance")
    more = {"draws_folder": tmp_path / "draws", "concordance_folder": tmp_path / "concordance"}
    where = (paths.entries, paths.flags, paths.residues, paths.fit, tmp_path / "out")
    written = figures.write_figures(*where, formats=("svg",), **more)
    assert {path.stem for path in written} == {"diverse_set", "diverse_draws", "concordance"}
    concordance.write(write_survey(tmp_path / "few", rows[:2]).entries, tmp_path / "concordance")
    figures.write_figures(*where, formats=("svg",), concordance_folder=tmp_path / "concordance")
    assert not list((tmp_path / "out").iterdir())


def test_same_draws_same_bytes(tmp_path):
    table, facts = write_draws(tmp_path, drawable_rows(60), count=5)
    one, two = (
        figures._save(spread.diverse_draws(table, facts), tmp_path / name, ("svg", "png"), 50)
        for name in ("one", "two")
    )
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


def test_a_survey_without_maps_has_no_figure_of_residues_or_classes(tmp_path):
    lacking = (
        "n_atoms",
        "n_scored",
        "n_outside",
        "voxel_x",
        "voxel_y",
        "voxel_z",
        "tight_mask",
        "q_protein",
        "q_backbone",
    )
    rows = [row | dict.fromkeys(lacking) for row in usual_rows()]
    paths = write_survey(tmp_path, rows)
    written = figures.write_figures(
        paths.entries, paths.flags, paths.residues, paths.fit, tmp_path / "out", formats=("svg",)
    )
    assert {path.stem for path in written} == {"q_vs_resolution", "density", "apoferritin"}


def test_leader_lines_do_not_cross_nor_names_cover_named_points():
    anchors = [np.array([100.0 + 6 * k, 100.0 - 5 * (k % 3)]) for k in range(8)]
    frame, sizes = np.array([[0.0, 0.0], [330.0, 240.0]]), [np.array([76.0, 12.0])] * 8
    taken = 4.0 * labels.cells((np.array(anchors)[:, None] + labels.DISC).reshape(-1, 2), frame)
    centres = labels.settle(anchors, sizes, frame, taken)
    lines = np.stack([anchors, centres], axis=1)
    assert not any(labels._crossed(*lines[k], np.delete(lines, k, axis=0)) for k in range(8))
    inside = np.abs(np.array(centres)[:, None] - np.array(anchors)) < np.array([38.0, 6.0])
    assert not inside.all(axis=2).any()


def test_crossed_counts_the_lines_crossed():
    lines = np.array([[[0, 0], [2, 2]], [[0, 5], [2, 7]], [[1, 2], [3, 0]]], dtype=float)
    assert labels._crossed(np.array([0.0, 2.0]), np.array([2.5, 0.0]), lines) == 1
