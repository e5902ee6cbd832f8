"""Figures of single entries: the rule chooses, the evidence is drawn where it lies."""

import numpy as np
import pandas as pd
import pytest
from test_figures import by_gid, on_curve, read, usual_rows, words, write_survey

from qscore import dossier, exhibits, figures, radial, style, tables, trace3d, traces
from qscore.portrait import portrait
from qscore.probes import METHOD

RADII = METHOD.radii


def helix(row, chains=("A", "B"), length=60, wave=0.1):
    """Rows of `tables.TRACES`: chains side by side along x, residues 3.8 Å apart, Q in waves about the entry's."""
    ids = {"emdb_id": row["emdb_id"], "pdb_id": row["pdb_id"], "residue": "ALA", "class": "protein", "icode": ""}
    return [
        {**ids, "chain": chain, "number": str(k + 1), "x": 3.8 * k, "y": 20.0 * m, "z": 5.0 * m,
         "q_04": row["q_mean"] + wave * np.sin(k / 8)}
        for m, chain in enumerate(chains) for k in range(length)
    ]  # fmt: skip


def shown_rows(row):
    """Rows of `tables.SHOWN_PROFILES`: a Gaussian atom and a flat one."""
    ids = {"emdb_id": row["emdb_id"], "pdb_id": row["pdb_id"], "chain": "A", "icode": "", "altloc": "", "n_atoms": 1}
    about = {"residue": "ALA", "atom": "CA", "class": "protein", "part": "backbone", "element": "C", "sigma": 0.4}
    gaussian = np.exp(-0.5 * (RADII / 0.4) ** 2)
    curves = {"best": [(0.99, 2 + 3 * gaussian), (0.9, 1 + gaussian)], "worst": [(-0.4, 1 - 0.2 * gaussian)]}
    return [
        {**ids, **about, "which": which, "number": str(k), "q": q, "radius": radius, "n_points": 8, "mean": mean,
         "sd": 0.1, "reference": mean}
        for which, atoms in curves.items() for k, (q, values) in enumerate(atoms)
        for radius, mean in zip(RADII.tolist(), values.tolist(), strict=True)
    ]  # fmt: skip


def write_evidence(folder, batches):
    """``evidence`` of a survey, a folder a batch of entries."""
    for k, rows in enumerate(batches):
        found = [helix(row, wave=0.02 * (1 + n)) for n, row in enumerate(rows)]
        shown = [shown_rows(row) for row in rows]
        for name, layout, parts in (("traces", tables.TRACES, found), ("profiles", tables.SHOWN_PROFILES, shown)):
            columns = tables.as_columns(layout, [one for part in parts for one in part])
            tables.write_parquet(folder / f"{k}" / f"{name}.parquet", layout, columns)
    return folder


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    """Points of a survey, and evidence of its twelve usual entries and one flagged low in two batches."""
    folder = tmp_path_factory.mktemp("exhibits")
    rows = usual_rows()
    points, _ = read(write_survey(folder, rows))
    return points, write_evidence(folder / "evidence", [rows[:6], rows[6:13]])


def names(found):
    return found["emdb_id"].tolist()


# ---- who is shown ----


def test_worst_flagged_low_with_evidence_and_regions_first(survey):
    points, folder = survey
    assert names(exhibits.worst_low(points, exhibits.pair_list(points))) == ["EMD-10013"]
    there = exhibits.with_evidence(folder, "traces")
    assert names(exhibits.worst_low(points, there)) == ["EMD-10012"]
    region = pd.DataFrame([{"emdb_id": "EMD-10012", "pdb_id": "1a12"}])
    assert names(exhibits.worst_low(points, exhibits.pair_list(points), region)) == ["EMD-10012"]
    assert exhibits.worst_low(points, there[:6]).empty


def test_most_even_is_the_usual_entry_of_least_spread(survey):
    points, folder = survey
    usual = exhibits.usual(points)
    even = exhibits.evenness(folder, exhibits.pair_list(usual))
    assert len(even) == 12 and (even["n"] == 120).all()
    assert names(exhibits.most_even(points, even)) == ["EMD-10000"]  # the first of both batches: equal, by name
    trace = exhibits.trace_of(folder, usual.head(1))
    means = [traces.running_mean(q) for _, q in trace.groupby("chain")["q_04"]]
    assert even["sd"][0] == pytest.approx(np.std(np.concatenate(means)))
    assert exhibits.most_even(points, even.assign(n=99)).empty


def test_median_entry_and_the_ladder_are_usual_and_spread(survey):
    points, folder = survey
    there = exhibits.with_evidence(folder, "profiles")
    (row,) = exhibits.median_entry(points, there).itertuples()
    usual = exhibits.usual(points)
    near = usual[usual["resolution"] <= 4]
    assert abs(row.percentile - 0.5) == (near["percentile"] - 0.5).abs().min()
    rungs = exhibits.ladder(points, there)
    assert rungs["resolution"].is_monotonic_increasing and len(rungs) == exhibits.LADDER
    assert {"EMD-10000", "EMD-10011"} <= set(names(rungs))
    assert exhibits.ladder(points, there[:2]).shape[0] == 2 and exhibits.ladder(points, []).empty


def test_only_the_rows_of_the_chosen_entries_are_read(survey, monkeypatch):
    points, folder = survey
    asked = []
    known = pd.read_parquet
    monkeypatch.setattr(pd, "read_parquet", lambda *a, **more: asked.append(more) or known(*a, **more))
    trace = exhibits.trace_of(folder, points.head(1))
    assert set(names(trace)) == {points["emdb_id"][0]} and len(trace) == 120
    assert all(more["filters"] for more in asked)


# ---- the trace in three dimensions ----


def lines_of(figure):
    return by_gid(figure, "trace")


def test_lines_join_neighbours_only(survey):
    points, folder = survey
    trace = exhibits.trace_of(folder, points.head(1))
    figure = trace3d.trace_figure(trace)
    assert len(lines_of(figure)._segments3d) == 2 * 2 * 59  # each line has an edge
    gap = trace.drop(index=range(20, 30)).reset_index(drop=True)
    assert len(lines_of(trace3d.trace_figure(gap))._segments3d) == 2 * (2 * 59 - 11)
    assert trace3d.trace_figure(trace.assign(x=np.nan)) is None


def test_one_residue_and_unscored_ones_are_drawn(survey):
    points, folder = survey
    trace = exhibits.trace_of(folder, points.head(1))
    trace3d.trace_figure(trace.head(1)).draw_without_rendering()
    figure = trace3d.trace_figure(trace.assign(q_04=np.nan))
    colours = np.unique(lines_of(figure).get_colors().round(6), axis=0)
    assert len(colours) >= 2 and np.allclose(colours[:, 0], colours[:, 1])  # white edges and greys


def test_regions_have_a_black_edge(survey):
    points, folder = survey
    trace = exhibits.trace_of(folder, points.head(1))
    region = pd.DataFrame([{"chain": "A", "from": "11", "to": "20", "pooled": "A B"}])
    assert traces.in_regions(trace, region).sum() == 20
    black = (lines_of(trace3d.trace_figure(trace, region)).get_colors() == (0, 0, 0, 1)).all(axis=1)
    assert black.sum() == 2 * 9
    assert not traces.in_regions(trace, region.assign(chain="Z", pooled="")).any()


def test_the_view_is_along_the_shortest_axis_and_never_mirrored():
    place = np.random.default_rng(1).normal(size=(200, 3)) * (1, 30, 9)
    seen = trace3d.turned(place)
    assert (np.diff(seen.std(axis=0)) < 0).all()
    turn = np.linalg.lstsq(place - place.mean(axis=0), seen, rcond=None)[0]
    assert np.linalg.det(turn) == pytest.approx(1)
    quarter = trace3d.turned(place, quarter=True)
    np.testing.assert_allclose(quarter[:, 1], seen[:, 2])
    assert np.linalg.det(np.linalg.lstsq(seen, quarter, rcond=None)[0]) == pytest.approx(1)


def test_an_even_chain_looks_even():
    low, high = trace3d.colour_limits([0.8, 0.81, np.nan, 0.79])
    assert high - low >= trace3d.LEAST_RANGE - 1e-9 and low < 0.8 < high
    assert trace3d.colour_limits([np.nan]) == (0.0, 1.0)


def test_a_large_trace_is_an_image_of_thin_lines(survey):
    rows = helix({"emdb_id": "EMD-1", "pdb_id": "1abc", "q_mean": 0.5}, chains=[f"C{k}" for k in range(30)], length=100)
    figure = trace3d.trace_figure(pd.DataFrame(rows))
    assert lines_of(figure).get_rasterized() and max(lines_of(figure).get_linewidths()) < 2.5
    assert "C1" not in words(figure).split()


# ---- the figures ----


def test_a_portrait_shows_chains_regions_and_both_views(survey):
    points, folder = survey
    (row,) = points[points["emdb_id"] == "EMD-10012"].itertuples()
    trace = exhibits.trace_of(folder, points[points["emdb_id"] == "EMD-10012"])
    region = pd.DataFrame([{"chain": "A", "from": "11", "to": "20", "pooled": ""}])
    figure = portrait(row, trace, region, heading="why")
    strip = figure.axes[0]
    assert by_gid(strip, "expected").get_ydata()[0] == row.expected_q
    shaded = [patch for patch in strip.patches if patch.get_label() == "region"]
    assert [(patch.get_x(), patch.get_width()) for patch in shaded] == [(10.5, 10)]
    assert {axes.get_gid() for axes in figure.axes} >= {"seen", "turned"}
    assert by_gid(figure, "heading").get_text() == "why" and "EMD-10012 / 1a12" in strip.get_title(loc="left")
    assert style.SYNTHETIC not in words(figure)
    assert style.SYNTHETIC in words(portrait(row._replace(synthetic=True), trace))


def test_a_portrait_without_expectation_has_no_band(survey):
    points, folder = survey
    (row,) = points.head(1).itertuples()
    nothing = row._replace(expected_q=np.nan, low=np.nan, high=np.nan)
    strip = portrait(nothing, exhibits.trace_of(folder, points.head(1))).axes[0]
    assert by_gid(strip, "band") is None and by_gid(strip, "mean") is not None


def test_profiles_come_back_as_they_were_written(survey):
    points, folder = survey
    entries = exhibits.ladder(points, exhibits.with_evidence(folder, "profiles"))
    rows = exhibits.extreme_atoms(folder, entries)
    found = radial.shown_profiles(rows)
    assert len(found) == 2 * len(entries) and set(found.q) == {0.99, -0.4}
    np.testing.assert_allclose(found.sd, 0.1)
    np.testing.assert_allclose(found.reference[0], found.mean[0], atol=1e-9)
    assert list(dict.fromkeys(rows["emdb_id"])) == names(entries)
    with pytest.raises(ValueError, match="differ in their radii"):
        radial.shown_profiles(rows.iloc[:-1])


def test_profiles_of_atoms_that_a_model_names_alike(survey):
    """Three atoms of one name are three profiles, in figures and on pages."""
    points, folder = survey
    rows = exhibits.extreme_atoms(folder, points.head(1))
    assert len(radial.shown_profiles(pd.concat([rows] * 3))) == 3 * len(radial.shown_profiles(rows))
    alone, thrice = (dossier.profiles_of(rows.to_dict("records") * n) for n in (1, 3))
    for which, found in alone.items():
        assert len(thrice[which]) == 3 * len(found)
        np.testing.assert_array_equal(thrice[which].n[: len(found)], found.n)
        assert thrice[which].reference.shape == (3 * len(found), len(found.radii))


def test_on_the_scale_of_their_reference_it_falls_from_one_to_nought(survey):
    points, folder = survey
    found = radial.shown_profiles(exhibits.extreme_atoms(folder, points.head(1)))
    scaled = radial.on_reference(found)
    np.testing.assert_allclose(scaled.reference_at(np.array([0.0, 9.0]))[0], (1, 0), atol=1e-9)
    np.testing.assert_allclose(scaled.sd[0], 0.1 / 3)
    assert np.isnan(scaled.mean[1]).all()


def test_profile_examples_name_entry_and_resolutions(survey):
    points, folder = survey
    figure = figures._profiles(folder, points)
    assert by_gid(figure, "heading").get_text().startswith("EMD-")
    rungs = exhibits.ladder(points, exhibits.with_evidence(folder, "profiles"))
    for k, resolution in enumerate(rungs["resolution"]):
        assert by_gid(figure, f"rung-{k}").get_title(loc="left").startswith(f"{resolution:.2f} Å, Q 0.99")
    assert "Map value (map units)" in words(figure)


def test_without_evidence_no_figure_and_with_it_the_same_bytes(survey, tmp_path):
    points, folder = survey
    assert not any(figures._entries(None, points, None).values())
    assert not any(figures._entries(tmp_path, points, None).values())
    low = exhibits.worst_low(points, exhibits.with_evidence(folder, "traces"))
    one, two = (
        figures._save(figures._portrait(folder, low, None, "why"), tmp_path / out, ("svg",), 50)[0]
        for out in ("one", "two")
    )
    assert one.read_bytes() == two.read_bytes()


def test_figures_of_single_entries_come_with_the_evidence(survey):
    points, folder = survey
    found = figures._entries(folder, points, None)
    assert set(found) == {"profiles", "flagged_entry", "homogeneous"} and all(found.values())
    assert "EMD-10012 / 1a12" in words(found["flagged_entry"]) and "EMD-10000 / 1a00" in words(found["homogeneous"])


def test_hostile_names_in_evidence_are_drawn_as_text():
    row = on_curve(1, 3.0) | {"emdb_id": "EMD-$\\frac{1}"}
    trace = pd.DataFrame(helix(row, chains=("$x_1$", "\u202eb", "<script>" * 9)))
    trace3d.trace_figure(trace, title="$\\frac{1}" + "y" * 10_000).draw_without_rendering()
