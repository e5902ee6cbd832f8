"""The diverse draws: who may be drawn is decided without Q, every draw can be made again, words follow numbers."""

import json
from dataclasses import replace

import numpy as np
import pytest

from qscore import draws, tables
from qscore.diverse import DESIGN, Design, draw, pool_of, why_not_drawn
from qscore.regression import fit_line, lines_of, lines_without
from qscore.selection import FitRule

RULE = FitRule()


def entry(n, resolution, q=0.5, **more):
    row = {
        "emdb_id": f"EMD-{10000 + n}", "pdb_id": f"own{n}", "status": "scored", "resolution": resolution, "q_mean": q,
        "method": "singleParticle", "resolution_method": "FSC 0.143 CUT-OFF", "in_frame": "FULLOVERLAP",
        "cluster_protein": f"uniprot:P{n}", "synthetic": False, "nyquist_ratio": 1.5, "cc_mean": 0.7,
    }  # fmt: skip
    return dict.fromkeys(tables.ENTRIES.names) | row | more


def survey(n=400, *, noise=0.05, seed=1, **more):
    """Pairs evenly over 1.2–5 Å on a planted line."""
    random = np.random.default_rng(seed)
    x = np.linspace(1.2, 5.0, n)
    q = 1.08 - 0.17 * x + random.normal(0, noise, n)
    return [entry(k, *values, **more) for k, values in enumerate(zip(x.tolist(), q.tolist(), strict=True))]


def taken(rows, **how):
    return [row for row in rows if not why_not_drawn(row, RULE, DESIGN, **how)]


def column(rows, name):
    return np.array([row[name] for row in rows])


# ---- lines of many groups ----


def test_lines_of_groups_are_those_of_least_squares():
    random = np.random.default_rng(3)
    x, group = random.uniform(1.2, 5, 300), random.integers(0, 12, 300)
    q = 1 - 0.15 * x + random.normal(0, 0.1, 300)
    found, without = lines_of(x, q, group, 12), lines_without(x, q, group, 12)
    for k in range(12):
        for lines, rows in ((found, group == k), (without, group != k)):
            one = fit_line(x[rows], q[rows])
            assert lines.n[k] == one.n
            for name in ("slope", "intercept", "r_squared", "rmse"):
                assert getattr(lines, name)[k] == pytest.approx(getattr(one, name), abs=1e-11)


def test_no_line_is_not_a_number():
    found = lines_of([1, 2, 3, 3, 3, 3], [0.5, 0.4, 0.1, 0.2, 0.3, 0.2], [0, 0, 1, 1, 1, 1], 3)
    assert found.n.tolist() == [2, 4, 0] and np.isnan(found.slope).all() and np.isnan(found.rmse).all()


# ---- who may be drawn ----


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({}, ""),
        ({"resolution": 1.2}, ""),
        ({"resolution": 5.0}, ""),
        ({"resolution": 1.19}, "resolution outside 1.2–5 Å"),
        ({"resolution": 5.01}, "resolution outside 1.2–5 Å"),
        ({"method": "helical"}, "method helical"),
        ({"resolution_method": "FSC 0.5 CUT-OFF"}, "resolution by FSC 0.5 CUT-OFF"),
        ({"in_frame": "PARTIALOVERLAP"}, "model not fully within the map"),
        ({"in_frame": "fulloverlap"}, ""),
        ({"in_frame": None, "method": None, "resolution_method": ""}, ""),
        ({"tight_mask": True}, "tight mask"),
        ({"nyquist_ratio": 0.9}, "resolution below 2 voxels"),
        ({"status": "unusable", "reason": "crashed"}, "crashed"),
        ({"cc_mean": 0.1}, ""),
    ],
)
def test_who_may_be_drawn(change, why):
    row = entry(1, 3.0) | change
    assert why_not_drawn(row, RULE, DESIGN) == why
    generous = replace(RULE, methods=("helical", "singleParticle"), criteria=(), lowest=0.5, highest=20)
    assert why_not_drawn(row, generous, DESIGN) == why


@pytest.mark.parametrize(("cc_mean", "yes"), [(0.66, True), (0.65, False), (None, False)])
def test_the_well_fitted_have_a_cc_mean_above_the_rules(cc_mean, yes):
    assert (why_not_drawn(entry(1, 3.0, cc_mean=cc_mean), RULE, DESIGN, well_fitted=True) == "") == yes


def test_nothing_looks_at_q():
    rows = survey()
    pool, blind = pool_of(taken(rows), DESIGN), pool_of(taken([row | {"q_mean": None} for row in rows]), DESIGN)
    assert [draw(pool, 7, k).tolist() for k in range(5)] == [draw(blind, 7, k).tolist() for k in range(5)]


# ---- a draw ----


def test_a_draw_is_spread_evenly_and_holds_no_protein_twice():
    rows = [row | {"cluster_protein": f"uniprot:P{k % 90}"} for k, row in enumerate(survey(700))]
    pool = pool_of(rows, DESIGN)
    for number in range(50):
        drawn = draw(pool, 5, number)
        counts, _ = np.histogram(column(rows, "resolution")[drawn], bins=11, range=(1.2, 5.0))
        assert counts.tolist() == [5] * 11
        assert len({rows[k]["cluster_protein"] for k in drawn}) == 55


def test_a_draw_is_made_again_alone():
    rows = survey()
    pool, (facts, table) = pool_of(rows, DESIGN), draws.survey_draws(rows, RULE, seed=11, draws=20)
    x, q = column(rows, "resolution"), column(rows, "q_mean")
    for row in table[:20]:
        drawn = draw(pool, 11, row["draw"])
        line = fit_line(x[drawn], q[drawn])
        assert (row["rule"], row["n"]) == ("blind", 55)
        assert (row["slope"], row["r_squared"]) == pytest.approx((line.slope, line.r_squared))
        assert (row["rmse"], row["intercept"]) == pytest.approx((line.rmse, line.intercept))
    assert not np.array_equal(draw(pool, 11, 0), draw(pool, 11, 1))
    assert not np.array_equal(draw(pool, 11, 0), draw(pool, 12, 0))
    assert facts["seed"] == 11


def test_the_order_of_the_table_does_not_matter():
    rows = survey(120)
    shuffled = [rows[k] for k in np.random.default_rng(0).permutation(120)]
    assert draws.survey_draws(rows, RULE, draws=8) == draws.survey_draws(shuffled, RULE, draws=8)


def test_seeds_are_the_children_of_one():
    """Draw k uses the k-th child of the stated seed, so anyone can make it with numpy alone."""
    child = np.random.SeedSequence(11).spawn(4)[3]
    expected = np.random.default_rng(child).permutation(np.arange(60))
    pool = pool_of([entry(k, 1.3) for k in range(60)], Design(1.2, 1.5, bins=1, each=60))
    assert draw(pool, 11, 3).tolist() == expected.tolist()


def test_every_pair_has_its_chance():
    """Of 20 pairs in a bin that gives 5, each is drawn in about a quarter of the draws."""
    pool = pool_of(survey(220), DESIGN)
    counts = np.bincount(np.concatenate([draw(pool, 1, k) for k in range(400)]), minlength=220) / 400
    assert counts.mean() == pytest.approx(0.25) and counts.min() > 0.15 and counts.max() < 0.36


# ---- bins that cannot hold enough ----


def test_a_poor_bin_joins_its_richer_neighbour():
    rows = [row for row in survey(400) if not 2.59 < row["resolution"] < 2.92]
    whole, poor = pool_of(survey(400), DESIGN), pool_of(rows, DESIGN)
    assert len(whole.bins) == 11 and not whole.merged
    (joint,) = poor.merged
    assert (joint.parts, joint.quota, len(poor.bins)) == (2, 10, 10)
    assert joint.low < 2.6 and joint.high > 2.9
    assert sum(one.quota for one in poor.bins) == 55 and sum(len(one.pairs) for one in poor.bins) == len(rows)
    facts, _ = draws.survey_draws(rows, RULE, draws=5)
    assert f"2 bins merged into {joint.text()}, which gives 10" in facts["rules"]["blind"]["notes"]


@pytest.mark.parametrize("seed", range(20))
def test_merging_loses_no_pair_and_no_quota(seed):
    random = np.random.default_rng(seed)
    n = int(random.integers(55, 300))
    x = 1.2 + 3.8 * random.beta(0.5, random.uniform(0.5, 6), n)
    rows = [entry(k, value, cluster_protein=f"name:{random.integers(0, n)}") for k, value in enumerate(x.tolist())]
    pool = pool_of(rows, DESIGN)
    assert sorted(np.concatenate([one.pairs for one in pool.bins]).tolist()) == list(range(n))
    assert sum(one.quota for one in pool.bins) == 55 and sum(one.parts for one in pool.bins) == 11
    assert len(pool.bins) == 1 or all(one.proteins >= one.quota for one in pool.bins)
    assert all(a.high == b.low for a, b in zip(pool.bins, pool.bins[1:], strict=False))
    drawn = draw(pool, 1, 0)
    assert len({rows[k]["cluster_protein"] for k in drawn}) == len(drawn) <= 55


def test_too_few_proteins_make_a_smaller_draw_and_it_is_said():
    rows = [row | {"cluster_protein": f"uniprot:P{k % 30}"} for k, row in enumerate(survey(400))]
    facts, table = draws.survey_draws(rows, RULE, draws=10)
    blind = facts["rules"]["blind"]
    assert blind["n"] == [30, 30] and blind["smaller"] == 10 and {row["n"] for row in table} == {30}
    assert "10 of them are smaller than planned, for want of proteins" in blind["sentence"]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([], "0 eligible pairs: fewer than the 55 of a draw; nothing is drawn"),
        (survey(54), "54 eligible pairs: fewer than the 55 of a draw; nothing is drawn"),
        (survey(60, cluster_protein="uniprot:P1"), "1 protein: too few for a line (at least 8)"),
        ([entry(k, 3.0) for k in range(60)], "no line goes through any draw: all at one resolution"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(rows, sentence):
    facts, table = draws.survey_draws(rows, RULE, draws=3)
    assert facts["rules"]["blind"]["sentence"] == sentence and not facts["rules"]["blind"]["available"]
    assert table == [] and facts["sentence"].startswith("Nothing was drawn")


def test_without_cc_mean_the_well_fitted_are_not_available():
    for rows in ([{k: v for k, v in row.items() if k != "cc_mean"} for row in survey(60)], survey(60, cc_mean=None)):
        facts, table = draws.survey_draws(rows, RULE, draws=3)
        assert facts["rules"]["well_fitted"]["sentence"] == "not available: no column cc_mean"
        assert {row["rule"] for row in table} == {"blind"}


def test_what_the_source_does_not_tell_passes_and_is_counted():
    rows = [row | {"in_frame": None, "cluster_protein": row["emdb_id"]} for row in survey(60)]
    rows[0]["in_frame"] = "FULLOVERLAP"
    (note,) = draws.survey_draws(rows, RULE, draws=2)[0]["rules"]["blind"]["notes"][:1]
    assert "overlap of model and map (59 pairs)" in note and "protein, each map standing for itself (all pairs)" in note
    assert "method" not in note


@pytest.mark.parametrize("how", [{"draws": 0}, {"seed": -1}])
def test_draws_and_seed_are_checked(how):
    with pytest.raises(ValueError, match="expected at least 1 draw"):
        draws.survey_draws(survey(60), RULE, **how)


# ---- what is said ----


def test_summary_is_that_of_the_draws():
    rows = survey()
    facts, table = draws.survey_draws(rows, RULE, draws=200)
    blind, mine = facts["rules"]["blind"], [row for row in table if row["rule"] == "blind"]
    for name in ("slope", "rmse", "r_squared"):
        low, median, high = np.quantile([row[name] for row in mine], [0.025, 0.5, 0.975])
        assert tuple(blind[name].values()) == pytest.approx((median, low, high))
    assert blind["share_reaching"] == np.mean([row["r_squared"] >= 0.95 for row in mine])
    typical = blind["median_draw"]
    nearest = min(mine, key=lambda row: abs(row["r_squared"] - blind["r_squared"]["median"]))
    assert typical["draw"] == nearest["draw"]
    line = fit_line(*(column(typical["pairs"], name) for name in ("resolution", "q_mean")))
    assert (line.slope, line.r_squared) == pytest.approx((nearest["slope"], nearest["r_squared"]))
    assert len(typical["pairs"]) == 55


def test_slope_and_error_come_before_r_squared():
    sentence = draws.survey_draws(survey(), RULE, draws=20)[0]["rules"]["blind"]["sentence"]
    assert sentence.index("slope") < sentence.index("RMSE") < sentence.index("R²")
    assert "-" not in sentence


@pytest.mark.parametrize(
    ("noise", "place"), [(0.005, "below"), (0.045, "inside"), (0.1, "above")], ids=["tight", "as published", "loose"]
)
def test_where_the_published_r_squared_lies_follows_the_data(noise, place):
    facts, _ = draws.survey_draws(survey(noise=noise), RULE, draws=200)
    assert facts["rules"]["blind"]["published"] == place
    assert f"lies {place} the 95 % range of the blind draws" in facts["sentence"]


def test_words_say_to_which_rule_it_belongs():
    """All pairs scatter widely; those of good CC-mean as the published ones."""
    rows = survey(800, noise=0.12, cc_mean=0.4) + [
        row | {"emdb_id": f"EMD-5{k}"} for k, row in enumerate(survey(300, noise=0.045, seed=2))
    ]
    facts, _ = draws.survey_draws(rows, RULE, draws=200)
    assert facts["sentence"].startswith("The published R² of 0.95 lies above the 95 % range of the blind draws")
    assert facts["sentence"].endswith(": it belongs to well fitted pairs.")
    same, _ = draws.survey_draws(survey(noise=0.045), RULE, draws=100)
    assert "belongs" not in same["sentence"] and same["sentence"].count("inside") == 2


def test_files_hold_every_draw_and_are_the_same_again(tmp_path):
    rows = survey(80)
    beside = tables.Layout("beside", (tables.Column("cc_mean", "number", ""),))
    every = tables.Layout("entries", tables.ENTRIES.columns + beside.columns)
    tables.write_parquet(tmp_path / "entries.parquet", tables.ENTRIES, tables.as_columns(every, rows), beside=beside)
    for name in ("one", "two"):
        facts = draws.write(tmp_path / "entries.parquet", RULE, tmp_path / name, seed=3, draws=15)
    table = tables.read_rows(tmp_path / "one" / "draws.parquet")
    assert len(table) == 30 and [row["draw"] for row in table] == [*range(15)] * 2
    assert list(table[0]) == tables.DRAWS.names
    stored = json.loads((tmp_path / "one" / "draws.json").read_text())
    assert stored == json.loads(json.dumps(facts)) and len(stored["entries_sha256"]) == 64
    for name in ("draws.parquet", "draws.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.real
def test_the_archives_draws(real_data):
    """MapQ's table: median R² 0.884 blind (none of 600 reaches 0.95), 0.963 for CC-mean > 0.65.

    Those were found over 1.15–5 Å. The median of k draws is uncertain by about 1.25 SD/√k; both medians together
    are allowed four times their joint uncertainty, and half a unit of the last digit known.
    """
    rows = [
        entry(n, float(row["resolution"]), float(row["q"]), cc_mean=float(row["cc_mean"]) if row["cc_mean"] else None)
        | {"emdb_id": row["emdb_id"], "pdb_id": row["pdb_id"], "cluster_protein": None}
        for n, row in enumerate(tables.read_tsv(real_data / "mapq_survey_2025.csv"))
    ]
    facts, table = draws.survey_draws(rows, RULE, draws=300)
    for name, known in (("blind", 0.884), ("well_fitted", 0.963)):
        found = [row["r_squared"] for row in table if row["rule"] == name]
        uncertain = 1.25 * np.std(found) * np.sqrt(1 / 300 + 1 / 600)
        assert abs(facts["rules"][name]["r_squared"]["median"] - known) < 4 * uncertain + 0.0005, name
    blind, well = facts["rules"]["blind"], facts["rules"]["well_fitted"]
    assert blind["share_reaching"] < 0.01 and well["share_reaching"] > 0.8
    assert well["slope"]["low"] < -0.169 < well["slope"]["high"]
    assert facts["sentence"].endswith("it belongs to well fitted pairs.")


def test_no_two_of_a_draw_share_any_accession():
    rows = survey(700)
    for k, row in enumerate(rows):
        row["uniprot"] = " ".join(sorted({f"P{k % 80}", f"Q{k % 77}"}))
        row["cluster_protein"] = f"uniprot:{row['uniprot']}"
    pool = pool_of(rows, DESIGN)
    for number in range(20):
        drawn = [name for k in draw(pool, 1, number) for name in rows[k]["uniprot"].split()]
        assert len(drawn) == len(set(drawn)) >= 80
