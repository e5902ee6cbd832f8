"""Every score side by side: what follows resolution best is said by the data, whichever score it is."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats
from test_figures import entry, write_survey
from test_report import make

from qscore import cli, figures, groupdraws, rivals, rivalscores, tables
from qscore.groupdraws import times_drawn
from qscore.independence import Independence
from qscore.prediction import monotone, out_of_fold, straight, unknowing
from qscore.redraws import interval, spearman_redrawn, told_apart, totals, wider
from qscore.rivalpart import Part
from qscore.rivalscores import values_of
from qscore.selection import FitRule
from qscore.subsets import parse

DRAWS = 200


def survey(n, seed=3, noise=None, **columns):
    """Entries in pairs of one protein: scores are resolution with noise of a stated width, in Å; `columns` beside."""
    generator = np.random.default_rng(seed)
    resolution = np.round(generator.uniform(1.5, 6.0, n), 2)
    made = {name: -resolution + generator.normal(0, width, n) for name, width in (noise or {}).items()}
    return [
        dict.fromkeys(tables.ENTRIES.names)
        | entry(5 * k, float(resolution[k]), 0.0, cluster_protein=f"P{k // 2}", synthetic=True)
        | {name: float(values[k]) for name, values in made.items()}
        | {name: values[k] for name, values in columns.items()}
        for k in range(n)
    ]


def compared(rows, subsets=(), **more):
    return rivals.compare(rows, FitRule(), subsets, draws=DRAWS, **more)


def by_score(found, subset="all"):
    return {row["score"]: row for row in found["rivals"] if row["subset"] == subset}


# ---- what a score predicts ----


def test_isotonic_regression_is_the_mean_of_pooled_neighbours():
    score, resolution = np.array([1.0, 2.0, 3.0, 4.0, 4.0]), np.array([1.0, 3.0, 2.0, 4.0, 6.0])
    np.testing.assert_allclose(monotone(score, resolution, np.array([1, 2, 3, 4, 3.5])), [1, 2.5, 2.5, 5, 3.75])


@pytest.mark.parametrize("change", [np.exp, lambda s: s**3, lambda s: -1e6 * s, lambda s: np.arctan(5 * s)])
def test_what_is_predicted_rests_on_the_order_of_a_score_alone(change):
    generator = np.random.default_rng(1)
    score, resolution = generator.normal(size=200), generator.uniform(2, 5, 200)
    resolution += score
    new = score[:50]
    np.testing.assert_allclose(
        monotone(change(score), resolution, change(new)), monotone(score, resolution, new), rtol=1e-12
    )


@pytest.mark.parametrize("predict", [monotone, straight])
def test_nothing_is_extrapolated(predict):
    score = np.linspace(0, 1, 50)
    low, first, last, high = predict(score, 5 - 3 * score, np.array([-1e9, 0.0, 1.0, 1e9]))
    assert (low, high) == (first, last)
    np.testing.assert_allclose([first, last], [5, 2], atol=1e-9)


def test_an_outlier_in_the_tail_moves_nothing_but_its_end():
    score = np.linspace(0, 1, 100)
    resolution, new = 5 - 3 * score, np.linspace(0, 0.95, 20)
    far = monotone(np.append(score, 1e6), np.append(resolution, 4.0), new[:10])
    np.testing.assert_allclose(far, monotone(score, resolution, new[:10]), rtol=1e-12)
    assert np.abs(straight(np.append(score, 1e6), np.append(resolution, 4.0), new[:10]) - far).max() > 0.5


def test_a_row_is_predicted_without_its_fold():
    generator = np.random.default_rng(2)
    score, fold = generator.normal(size=60), np.arange(60) % 3
    resolution = 3 + score
    spoiled = np.where(fold == 1, 100.0, resolution)
    for predict in (monotone, straight, unknowing):
        before, after = (out_of_fold(score, one, fold, predict) for one in (resolution, spoiled))
        np.testing.assert_array_equal(before[fold == 1], after[fold == 1])
        assert not np.allclose(before[fold != 1], after[fold != 1])


# ---- redraws ----


def redrawn_rows(group, times):
    return np.concatenate([np.flatnonzero(group == k).repeat(n) for k, n in enumerate(times)])


def test_redraws_are_those_of_whole_groups():
    generator = np.random.default_rng(4)
    x, y, group = generator.normal(size=40).round(1), generator.normal(size=40).round(1), np.arange(40) // 3
    sums, rho = totals(np.array([x, y]), group, draws=20, seed=7), spearman_redrawn(x, y, group, draws=20, seed=7)
    for k, times in enumerate(times_drawn(14, 20, 7)):
        rows = redrawn_rows(group, times)
        np.testing.assert_allclose(sums[:, k], [x[rows].sum(), y[rows].sum()], atol=1e-12)
        assert rho[k] == pytest.approx(stats.spearmanr(x[rows], y[rows]).statistic, abs=1e-12)


def test_as_many_redraws_are_ranked_side_by_side_as_the_loop_takes():
    from qscore import redrawloops

    assert groupdraws.LANES == redrawloops.LANES


def test_the_blocks_of_redraws_do_not_matter():
    generator = np.random.default_rng(9)
    x, y, group = generator.normal(size=60).round(1), generator.normal(size=60), np.arange(60) // 4
    few, many = (spearman_redrawn(x, y, group, draws=n, seed=3) for n in (groupdraws.LANES - 1, 2 * groupdraws.LANES))
    np.testing.assert_array_equal(few, many[: len(few)])


def test_what_is_asked_of_the_same_entries_is_the_same_part():
    found = Part(
        {"a": np.array([1.0, 2, np.nan]), "b": np.array([1.0, 2, 3])}, np.ones(3), Independence(*[np.arange(3)] * 3, "")
    )
    assert found.where(["a"]) is found.where(["b", "a"]) and found.where(["b"]) is not found.where(["a"])
    assert found.where(["a"]).scores["b"].tolist() == [1, 2]


def test_an_interval_needs_values_and_the_wider_is_quoted():
    assert interval(np.r_[np.full(20, np.nan), np.arange(80.0)]) is None
    assert wider([(0.0, 1.0), (0.2, 0.9)]) == (0.0, 1.0)
    assert wider([None, (0.2, 0.9)]) is None


def test_equal_quantities_are_seldom_told_apart_however_many():
    generator, wrong = np.random.default_rng(5), 0
    for _ in range(200):
        values = generator.normal(size=(8, 100))
        means = values.mean(axis=1)
        picks = generator.integers(100, size=(200, 100))
        wrong += told_apart(means, values[:, picks].mean(axis=2)).any()
    assert 1 <= wrong <= stats.binom.ppf(0.999, 200, 0.08)  # 5 % asked for, of 100 rows


def test_what_differs_is_told_and_which_is_above():
    generator = np.random.default_rng(6)
    noise = generator.normal(0, 0.1, (3, 500))
    means = np.array([1.0, 2.0, 1.01])
    found = told_apart(means, means[:, None] + noise)
    assert found.tolist() == [[False, False, False], [True, False, True], [False, False, False]]
    assert not told_apart(np.ones(2), np.tile(noise[0], (2, 1))).any()


# ---- the comparison ----


@pytest.mark.parametrize("best", ["cc_mask", "contrast", "q_mean", "avg_density"])
def test_the_best_score_wins_whichever_it_is(best):
    noise = {"q_mean": 0.6, "cc_mask": 0.8, "contrast": 1.0, "avg_density": 0.9} | {best: 0.1}
    found = compared(survey(160, noise=noise))
    ranked = sorted((row["rank"], name) for name, row in by_score(found).items() if row["rank"])
    assert ranked[0] == (1, best)
    assert [row["score"] for row in found["rivals"] if row["among_best"]] == [best]
    said = found["parts"]["all"]["sentence"]
    name = rivalscores.NAMES[best]
    assert said.startswith(f"{name[0].upper()}{name[1:]} follows resolution best: it predicts the resolution")
    if best != "q_mean":
        row = by_score(found)[best]
        assert row["error_less_q"] < row["error_less_q_high"] < 0 < row["pearson_less_q_low"]


def test_nothing_favours_q():
    """The columns of Q and of another score swapped: so are their numbers."""
    rows = survey(120, noise={"q_mean": 0.5, "cc_mask": 0.3, "contrast": 0.9})
    swapped = [row | {"q_mean": row["cc_mask"], "cc_mask": row["q_mean"]} for row in rows]
    mine, theirs = by_score(compared(rows)), by_score(compared(swapped))
    compared_keys = ("rank", "error_common", "among_best", "pearson", "pearson_low", "spearman_high", "error")
    for key in compared_keys:
        assert mine["q_mean"][key] == theirs["cc_mask"][key] and mine["cc_mask"][key] == theirs["q_mean"][key], key
    assert mine["cc_mask"]["error_less_q"] == pytest.approx(-theirs["cc_mask"]["error_less_q"])


def test_ties_are_called_ties():
    rows = survey(150, noise={"q_mean": 0.4, "contrast": 2.0})
    rows = [row | {"cc_mask": float(np.exp(row["q_mean"]))} for row in rows]
    found = compared(rows)
    assert {row["score"] for row in found["rivals"] if row["among_best"]} == {"q_mean", "cc_mask"}
    assert "tied with" in found["parts"]["all"]["statements"][0]
    assert "not told from 0" in found["parts"]["all"]["sentence"]


def test_the_best_of_real_space_is_named_when_the_best_is_not_of_it():
    found = compared(survey(150, noise={"d_fsc05": 0.05, "q_mean": 0.4, "contrast": 0.8}))
    assert "Of the real-space scores Q (σ 0.4 Å) is the best, with" in found["parts"]["all"]["sentence"]


@pytest.mark.parametrize(("n", "ranked"), [(29, False), (30, True)])
def test_no_ranking_below_30_entries(n, ranked):
    found = compared(survey(n, noise={"q_mean": 0.3, "cc_mask": 0.8}))
    rows = by_score(found)
    assert all(bool(row.get("rank")) == ranked and bool(row.get("error")) == ranked for row in rows.values())
    assert rows["q_mean"]["pearson"] < -0.9 and rows["q_mean"]["n"] == n
    said = found["parts"]["all"]["sentence"]
    assert ranked or said == "No ranking below 30 entries: 29 entries have the scores to be ranked."


def test_a_score_of_few_entries_is_listed_and_shrinks_nothing():
    rows = survey(100, noise={"q_mean": 0.3, "cc_mask": 0.8, "inclusion": 0.01})
    rows = [row | ({"inclusion": None} if k % 3 else {}) for k, row in enumerate(rows)]
    found = compared(rows)
    row, ranking = by_score(found)["inclusion"], found["parts"]["all"]["ranking"]
    assert (row["n"], row.get("rank"), ranking["n"]) == (34, None, 100)
    assert row["share"] == 0.34 and row["n_with_q"] == 34 and row["error"] < 0.2
    assert "inclusion" not in ranking["scores"] and "at least 80 % of 100 entries" in found["parts"]["all"]["sentence"]


def test_entries_are_those_of_the_fit():
    rows = survey(60, noise={"q_mean": 0.3, "cc_mask": 0.5})
    spoiled = [
        dict.fromkeys(tables.ENTRIES.names)
        | entry(9000 + 5 * k, 3.0 + 0.01 * k, 0.0, tight_mask=True, synthetic=True, cc_mask=1e9 * k, q_mean=-1e9 * k)
        for k in range(40)
    ]
    assert compared(rows)["rivals"] == compared(rows + spoiled)["rivals"]


def test_order_of_rows_does_not_matter():
    rows = survey(80, noise={"q_mean": 0.3, "cc_mask": 0.5, "contrast": 0.7})
    assert (
        compared(rows) == compared(rows[::-1]) == compared([rows[k] for k in np.random.default_rng(0).permutation(80)])
    )


def test_a_subset_is_compared_by_itself():
    rows = survey(90, noise={"q_mean": 0.3, "cc_mask": 0.5}, sample=["helix"] * 40 + ["ball"] * 50)
    found = compared(rows, parse({"helices": {"sample": "helix"}}))
    alone = by_score(compared(rows[:40]))
    assert found["parts"]["helices"]["n"] == 40
    assert by_score(found, "helices")["cc_mask"]["pearson"] == alone["cc_mask"]["pearson"]
    assert by_score(found, "helices")["q_mean"]["rank"] == 1
    assert found["parts"]["apoferritin"]["n"] == 0


def test_a_score_that_does_not_vary_has_no_correlation():
    row = by_score(compared(survey(60, noise={"q_mean": 0.3}, frac_negative=[0.0] * 60)))["frac_negative"]
    assert row["pearson"] is None and row["spearman"] is None and row.get("pearson_low") is None
    assert row["rank"] == 2 and not row["among_best"]


def test_a_score_that_goes_the_wrong_way_is_said_to():
    rows = survey(90, noise={"q_mean": 0.3, "contrast": 30.0})
    rows = [row | {"cc": row["resolution"], "d_fsc05": row["resolution"]} for row in rows]
    found = by_score(compared(rows))
    assert [found[one]["wrong_way"] for one in ("cc", "d_fsc05", "q_mean")] == [True, False, False]


def test_correlations_are_on_the_entries_that_have_both():
    rows = survey(70, noise={"q_mean": 0.3, "cc_mask": 0.5, "inclusion": 0.4})
    rows = [row | ({"inclusion": None} if k < 20 else {}) for k, row in enumerate(rows)]
    found = {(row["first"], row["second"]): row for row in compared(rows)["correlations"] if row["subset"] == "all"}
    row, kept = found["inclusion", "cc_mask"], rows[20:]
    truth = stats.spearmanr(*([one[name] for one in kept] for name in ("inclusion", "cc_mask"))).statistic
    assert row["n"] == 50 and row["spearman"] == pytest.approx(truth, abs=1e-12)
    assert ("resolution", "q_mean") in found and ("resolution", "cc") not in found


def test_the_registry_asks_for_columns_that_there_are():
    assert {one.column for one in rivalscores.RIVALS} <= set(tables.ENTRIES.names)
    assert {one.family for one in rivalscores.RIVALS} == set(rivalscores.FAMILIES)


# ---- files, figures, page ----


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Tables of a survey with scores, and of one too small for a ranking."""
    found = {}
    for n in (60, 11):
        folder = tmp_path_factory.mktemp(f"scores{n}")
        noise = {"q_mean": 0.3, "q_mean_06": 0.31, "cc_mask": 0.5, "cc_deposited": 2.0, "contrast": 0.7, "d_fsc05": 0.6}
        why = ["inclusion: no contour level; cc_box: part of a map"] * n
        rows = [row | {"q_mean": 1 + row["q_mean"] / 7} for row in survey(n, noise=noise, not_measured=why)]
        found[n] = rows, write_survey(folder, rows)
        rivals.write(found[n][1].entries, folder / "rivals", FitRule(), draws=DRAWS)
    return found


def test_the_command_writes_its_tables(written, tmp_path, capsys):
    entries = written[60][1].entries
    for name in ("one", "two"):
        assert cli.main(["rivals", str(entries), "--draws", "200", "--out", str(tmp_path / name)]) == 0
    assert "follows resolution best" in capsys.readouterr().out
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    rows = tables.read_rows(tmp_path / "one" / "rivals.parquet", layout=tables.RIVALS)
    assert sorted(row["rank"] for row in rows) == [1, 2, 3, 4, 5, 6]
    facts = json.loads((tmp_path / "one" / "rivals.json").read_text(encoding="utf-8"))
    assert facts["synthetic"] and facts["rule"] == FitRule().text()


def drawn(paths, out):
    made = figures.write_figures(
        paths.entries, paths.flags, paths.residues, paths.fit, out, rivals_folder=paths.folder / "rivals",
        formats=("svg",),
    )  # fmt: skip
    return {path.stem: ElementTree.parse(path).getroot() for path in made}


def test_figures_are_drawn_and_said_to_be_synthetic(written, tmp_path):
    found = drawn(written[60][1], tmp_path)
    for name in ("score_correlations", "scores_vs_resolution"):
        assert any(item.get("id") == "synthetic" for item in found[name].iter())
    groups = {item.get("id") for item in found["scores_vs_resolution"].iter()}
    assert {"points-q_mean", "points-cc_mask", "points-d_fsc05"} <= groups and "points-inclusion" not in groups


def test_figures_of_an_earlier_comparison_go(written, tmp_path):
    paths = written[11][1]
    for name in ("score_correlations", "scores_vs_resolution"):
        (tmp_path / f"{name}.svg").write_text("of an earlier survey", encoding="utf-8")
    figures.write_figures(paths.entries, paths.flags, paths.residues, paths.fit, tmp_path, formats=("svg",))
    assert not [path.name for path in tmp_path.iterdir() if path.stem.startswith("score")]


def test_the_page_has_the_families_side_by_side(written, tmp_path):
    rows, paths = written[60]
    page = make(tmp_path, rows, rivals_folder=paths.folder / "rivals", figures=("score_correlations",))
    said = page.said()
    assert "Every score side by side" in said and "follows resolution best" in said
    assert "60 inclusion: no contour level" in said and "The values" not in said
    table = next(one for one in page.tables if one[0][0] == "Family")
    families = {row[0] for row in table[1:]}
    assert set(rivalscores.FAMILIES.values()) <= families
    first = next(k for k, row in enumerate(table) if row[0] == "Correlation with a simulated map")
    assert [row[1:3] for row in table[first : first + 2]] == [["historical", "CC (deposited B)"], ["best", "CC_mask"]]


def test_the_page_of_few_entries_has_values_and_reasons_and_no_ranking(written, tmp_path):
    rows, paths = written[11]
    page = make(tmp_path, rows, rivals_folder=paths.folder / "rivals")
    assert "No ranking below 30 entries: 11 entries have" in page.said()
    table = next(one for one in page.tables if one[0][0] == "EMDB / PDB")
    assert len(table) == 12
    assert {row[-1] for row in table[1:]} == {"inclusion: no contour level; cc_box: part of a map"}
    assert not any("rank 1" in cell for one in page.tables for row in one for cell in row)


# ---- the archive ----


def test_the_archive_table(real_data, tmp_path):
    """Pearson with resolution as it is known of these 10,188 rows; which score errs least is told by them."""
    found = rivals.write(real_data / "mapq_survey_2025.csv", tmp_path, FitRule(), draws=DRAWS)
    rows = {row["score"]: row for row in tables.read_rows(tmp_path / "rivals.parquet", layout=tables.RIVALS)}
    assert [rows[one]["n"] for one in ("q_mean", "cc", "cc_mean", "map_model_fsc05")] == [10188, 10187, 10187, 10185]
    pearson = {name: round(row["pearson"], 2) for name, row in rows.items()}
    assert pearson == {"q_mean": -0.77, "cc": 0.35, "cc_mean": -0.09, "map_model_fsc05": 0.68}
    assert rows["cc"]["wrong_way"] and not rows["q_mean"]["wrong_way"]
    ranking = found["parts"]["all"]["ranking"]
    errors = {one["score"]: one["error"] for one in ranking["order"]}
    assert ranking["n"] == 10184 and list(errors) == sorted(errors, key=errors.get)
    pairs = tables.read_rows(tmp_path / "correlations.parquet", layout=tables.CORRELATIONS)
    pair = next(row for row in pairs if {row["first"], row["second"]} == {"map_model_fsc05", "q_mean"})
    assert round(pair["spearman"], 4) == -0.9465


def test_what_cannot_be_a_measurement_is_left_out():
    rows = [{"cc": value} for value in (0.5, -1e99, 1e200, float("inf"), float("nan"), None, True, "x")]
    np.testing.assert_array_equal(values_of(rows, "cc"), [0.5, -1e99, *[np.nan] * 6])
