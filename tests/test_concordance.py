"""Ours against theirs: which pairs are compared, what the numbers are, which cause has evidence, what is drawn."""

import json
import statistics

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from qscore import agreement, concordance, style, tables
from qscore.concordance import concordance as compared
from qscore.concordance import summary
from qscore.discrepancies import CAUSES, UNEXPLAINED

N = 5000
HINT = "the model lies off the density (Q -0.05); with --origin origin Q would be about 0.45"


def scored(number=1, ours=0.5, theirs=0.5, **more):
    """A row of `tables.ENTRIES` scored in its map, with a published Q."""
    ids = {"emdb_id": f"EMD-{10000 + number}", "pdb_id": f"{number % 9 + 1}a{number:02d}", "resolution": 3.0}
    counts = {"n_atoms": N, "n_scored": N, "n_water": 0, "n_outside": 0, "n_constant": 0, "n_not_finite": 0}
    others = {"n_altloc": 0, "n_floor_shared": 20, "n_named_h": 0, "synthetic": False, "notes": ""}
    scores = {"q_mean": ours, "q_scored": ours, "q_all": ours, "q_published": theirs}
    return {**ids, "status": "scored", **counts, **others, **scores, **more}


def guess(row, *others):
    """Cause and evidence of the first of some rows."""
    first = compared([row, *others])[0]
    assert first["differs"] and first["emdb_id"] == row["emdb_id"]
    return first["cause"], first["evidence"]


def test_only_what_both_have_is_compared():
    rows = [
        scored(1),
        scored(2, theirs=None),
        scored(3, theirs=float("nan")),
        scored(4) | {"status": "unusable", "q_mean": None},
        scored(5, n_scored=None),  # a score that others computed
        scored(6, n_scored=0),
        scored(7, ours=float("nan")),
    ]
    assert [row["emdb_id"] for row in compared(rows)] == ["EMD-10001"]
    assert compared([]) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "differs"),
    [(0.455, 0.45, False), (0.445, 0.45, False), (0.4551, 0.45, True), (0.4449, 0.45, True), (0.45, 0.45, False)],
)
def test_what_counts_as_different(ours, theirs, differs):
    (row,) = compared([scored(ours=ours, theirs=theirs)])
    assert row["differs"] is differs and bool(row["cause"]) is differs
    assert row["difference"] == pytest.approx(ours - theirs, abs=1e-12)


# ---- causes ----


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        ("off the density", scored(ours=0.02, theirs=0.45, origin_rule="origin"),
         "Q 0.020 here, 0.450 published; placed by origin; one of the two does not lie on density"),
        ("off the density", scored(ours=-0.3, theirs=0.2), "Q −0.300 here, 0.200 published; one of the two"),
        ("off the density", scored(ours=-0.05, theirs=0.15, notes=f"x; {HINT}"),
         "Q −0.050 here, 0.150 published; the model lies off the density (Q −0.05); with --origin origin Q would"),
        ("off the density", scored(ours=0.12, theirs=0.45, notes=HINT), "the model lies off the density"),
        ("unscored atoms as zero", scored(ours=0.45, theirs=0.471, q_scored=0.4702, n_outside=100, n_constant=20),
         "120 atoms without score left out: Q 0.4702"),
        ("waters", scored(ours=0.45, theirs=0.471, q_all=0.4702, n_water=300), "300 waters counted: Q 0.4702"),
        ("hydrogens by name", scored(ours=0.45, theirs=0.47, n_named_h=250),
         "250 of 5,000 atoms named like hydrogens: their mean Q would be 0.07"),
        ("alternate locations", scored(ours=0.45, theirs=0.47, n_altloc=500),
         "500 alternate locations left out (10.0 % of 5,000): a change of 0.20 each on average would do"),
        ("floor of coordinates", scored(ours=0.45, theirs=0.47, n_floor_shared=1000),
         "500 atoms read the Q of another at the same whole Å (10.0 % of 5,000): a change of 0.20"),
        ("MapQ version", scored(ours=0.4566, theirs=0.45), "within 0.0066"),
        ("revised map", scored(ours=0.45, theirs=0.47, map_release="2022-05-04", model_revision="2021-01-06"),
         "map released 2022-05-04, after the model's last revision 2021-01-06"),
        ("revised model", scored(ours=0.45, theirs=0.47, map_release="2019-05-01", model_revision="2024-11-06"),
         "model revised 2024-11-06, map released 2019-05-01; what was revised is not known"),
    ],
)  # fmt: skip
def test_a_cause_has_evidence(name, row, words):
    cause, evidence = guess(row)
    assert cause == name and words in evidence


@pytest.mark.parametrize(
    "row",
    [
        scored(ours=0.11, theirs=0.45),
        scored(ours=0.05, theirs=0.19),
        scored(ours=0.45, theirs=-0.02),
        scored(ours=0.1, theirs=0.45, origin_rule="origin"),
        scored(ours=0.09, theirs=0.02, notes=HINT),
        scored(ours=0.45, theirs=0.47, notes="both N*START and ORIGIN are set and differ; --origin chooses"),
        scored(ours=0.45, theirs=0.471, q_scored=0.4694, n_outside=100),
        scored(ours=0.45, theirs=0.471, q_scored=0.471, n_outside=0),
        scored(ours=0.45, theirs=0.471, q_all=0.4694, n_water=300),
        scored(ours=0.45, theirs=0.471, q_all=0.471, n_water=0),
        scored(ours=0.45, theirs=0.47, n_named_h=50),
        scored(ours=0.45, theirs=0.43, n_named_h=80),
        scored(ours=0.45, theirs=0.47, n_named_h=140),
        scored(ours=0.45, theirs=0.47, n_altloc=333),
        scored(ours=0.45, theirs=0.47, n_floor_shared=667),
        scored(ours=0.4567, theirs=0.45),
        scored(ours=0.45, theirs=0.47, map_release="2022-05-04", model_revision="2022-05-04"),
        scored(ours=0.45, theirs=0.47, map_release="2022-05-04", model_revision="2023-05-04"),
        scored(ours=0.45, theirs=0.47, map_release="2022-05-04", model_revision=None, update="2025-01-01"),
        scored(ours=0.45, theirs=0.47, map_release="", model_revision="unknown"),
        scored(ours=0.45, theirs=0.47, n_atoms=None, n_altloc=5, n_named_h=5),
    ],
)
def test_without_enough_evidence_it_is_unexplained(row):
    assert guess(row) == (UNEXPLAINED, "")


def test_one_is_said_to_be_one():
    one = scored(ours=0.45, theirs=0.471, q_scored=0.471, n_outside=1)
    assert guess(one)[1].startswith("1 atom without score left out")
    assert guess(one | {"n_outside": 0, "q_all": 0.471, "n_water": 1})[1].startswith("1 water counted")
    few = scored(ours=0.45, theirs=0.47, n_atoms=10, n_floor_shared=2)
    assert guess(few)[1].startswith("1 atom reads the Q of another")
    assert guess(few | {"n_altloc": 1})[1].startswith("1 alternate location left out")


def test_the_mean_of_several_models_of_a_map():
    one = scored(1, ours=0.3, theirs=0.45, n_atoms=1000)
    two = scored(2, ours=0.5, theirs=0.5, n_atoms=3500, n_water=500, emdb_id=one["emdb_id"])
    cause, evidence = guess(one, two, scored(3))
    assert (cause, evidence) == ("several models in the map", "mean of 2 models of the map, by their atoms: Q 0.4500")
    assert guess(one | {"q_published": 0.46}, two)[0] == UNEXPLAINED
    assert guess(one, two | {"q_mean": None, "status": "unusable"})[0] == UNEXPLAINED


def test_a_model_in_several_maps_has_one_published_value():
    one, two = scored(1, ours=0.3, theirs=0.45), scored(2, ours=0.4502, theirs=0.45, pdb_id="2a01")
    assert guess(one, two) == ("model in several maps", "in EMD-10002 the model has Q 0.4502")
    cause, evidence = guess(one, two | {"q_mean": None, "status": "unusable"})
    assert (cause, evidence) == (
        "model in several maps",
        "the model also lies in EMD-10002, and one value is published",
    )
    near = scored(1, ours=0.456, theirs=0.45)
    assert guess(near, two | {"q_mean": 0.7})[0] == "MapQ version"


def test_where_numbers_agree_comes_first():
    everything = scored(
        ours=0.45, theirs=0.471, q_scored=0.4702, n_outside=100, q_all=0.4702, n_water=300, n_named_h=250,
        n_altloc=2000, n_floor_shared=2000, map_release="2019-05-01", model_revision="2024-11-06",
    )  # fmt: skip
    found = []
    for spoil in ({}, {"n_outside": 0}, {"n_water": 0}, {"n_named_h": 0}, {"n_altloc": 0}, {"n_floor_shared": 0}):
        everything |= spoil
        found.append(guess(everything)[0])
    names = [name for name, _ in CAUSES]
    assert found == [
        "unscored atoms as zero", "waters", "hydrogens by name", "alternate locations", "floor of coordinates",
        "revised model",
    ]  # fmt: skip
    assert [names.index(name) for name in found] == sorted(names.index(name) for name in found)


# ---- the summary ----


def test_agreement_in_numbers():
    ours, theirs = [0.451, 0.50, 0.60, 0.32, 0.7] * 2, [0.45, 0.503, 0.60, 0.31, 0.701] * 2
    found = summary(compared([scored(n, a, b) for n, (a, b) in enumerate(zip(ours, theirs, strict=True))]))
    difference = [0.001, -0.003, 0.0, 0.01, -0.001] * 2
    sd = statistics.stdev(difference)
    assert found["n"] == 10
    assert found["bias"] == pytest.approx(0.0014) and found["bias_se"] == pytest.approx(sd / 10**0.5)
    assert found["sd"] == pytest.approx(sd)
    assert (found["low"], found["high"]) == pytest.approx((0.0014 - 1.96 * sd, 0.0014 + 1.96 * sd))
    assert found["limits_se"] == pytest.approx(sd * (1 / 10 + 1.96**2 / 18) ** 0.5)
    assert found["median"] == pytest.approx(0.0)
    assert (found["within_0_001"], found["within_0_005"]) == (0.6, 0.8)
    assert found["pearson"] == pytest.approx(statistics.correlation(ours, theirs))
    assert found["largest"] == {"emdb_id": "EMD-10003", "pdb_id": "4a03", "difference": pytest.approx(0.01)} | {
        "cause": UNEXPLAINED
    }
    assert (found["n_differs"], found["causes"]) == (2, {UNEXPLAINED: 2})
    assert "10 pairs: ours minus theirs +0.0014 ± 0.0015" in found["sentence"]
    assert "60.0 % within 0.001, 80.0 % within 0.005; 2 differ by more than 0.005." in found["sentence"]


def test_standard_error_of_the_limits_is_that_of_repeated_surveys():
    """Of 4,000 surveys of 40 pairs with normal differences: the limits scatter as their standard error says."""
    rng = np.random.default_rng(3)
    highs, errors = [], []
    for difference in rng.normal(0.001, 0.002, (4000, 40)):
        rows = [{"difference": d, "q_mean": d, "q_published": 0.0, "differs": False, "cause": ""} for d in difference]
        found = summary([row | {"emdb_id": "", "pdb_id": ""} for row in rows])
        highs.append(found["high"])
        errors.append(found["limits_se"])
    assert np.mean(errors) == pytest.approx(np.std(highs), rel=0.05)
    assert np.mean(highs) == pytest.approx(0.001 + 1.96 * 0.002, rel=0.02)


@pytest.mark.parametrize("n", [2, 9, 10])
def test_few_pairs_have_no_limits_of_agreement(n):
    found = summary(compared([scored(k, 0.5, 0.5 + 0.001 * (k % 3)) for k in range(n)]))
    assert np.isnan([found["low"], found["high"], found["limits_se"]]).all() == (n < 10)
    assert ("too few for limits of agreement (at least 10)" in found["sentence"]) == (n < 10)
    assert ("95 % limits of agreement" in found["sentence"]) == (n == 10)
    assert np.isfinite(found["sd"]) and "nan" not in found["sentence"]


def test_few_pairs():
    none, one = summary([]), summary(compared([scored(theirs=0.49)]))
    assert none["n"] == 0 and none["largest"] is None and "nothing to compare" in none["sentence"]
    assert one["bias"] == pytest.approx(0.01) and np.isnan(one["sd"]) and one["sentence"].startswith("One pair: ours")
    assert np.isnan(summary(compared([scored(1), scored(2), scored(3)]))["pearson"])
    assert json.loads(tables.as_json(one))["sd"] is None


@pytest.mark.parametrize(
    ("share", "text"),
    [(1.0, "100.0 %"), (0.9999, "99.9 %"), (0.0, "0.0 %"), (0.0001, "0.1 %"), (0.786, "78.6 %")],
)
def test_all_and_none_are_not_rounded_to(share, text):
    assert concordance.percent(share) == text


def test_differences_have_a_sign():
    assert [concordance.signed(value) for value in (0.00123, -0.00123, 0.00001, -0.00001)] == [
        "+0.0012", "−0.0012", "0.0000", "0.0000"
    ]  # fmt: skip


@settings(max_examples=60, deadline=None, database=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), max_size=12))
def test_any_values_give_a_summary(values):
    rows = compared([scored(n, a, b) for n, (a, b) in enumerate(values)])
    found = summary(rows)
    assert found["n"] == len(values) and sum(found["causes"].values()) == found["n_differs"]
    assert all(bool(row["cause"]) == row["differs"] for row in rows)
    assert tables.as_json(found)


def write_entries(path, rows):
    tables.write_parquet(path, tables.ENTRIES, tables.as_columns(tables.ENTRIES, rows))
    return path


def test_files(tmp_path):
    rows = [scored(1, 0.45, 0.47, n_altloc=500), scored(2), scored(3, theirs=None)]
    file = write_entries(tmp_path / "entries.parquet", rows)
    for out in ("one", "two"):
        assert concordance.write(file, tmp_path / out)["sentence"].startswith("2 pairs")
    written = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert set(written) == {"concordance.parquet", "concordance.tsv", "concordance.json"}
    assert written == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    found = tables.read_rows(tmp_path / "one" / "concordance.parquet", layout=tables.CONCORDANCE)
    assert [(row["emdb_id"], row["cause"]) for row in found] == [
        ("EMD-10001", "alternate locations"),
        ("EMD-10002", ""),
    ]
    facts = json.loads(written["concordance.json"])
    assert facts["n"] == 2 and facts["synthetic"] is False and len(facts["entries_sha256"]) == 64
    assert [row["differs"] for row in tables.read_tsv(tmp_path / "one" / "concordance.tsv")] == ["True", "False"]


def test_nothing_to_compare_is_written_as_well(tmp_path):
    concordance.write(write_entries(tmp_path / "entries.parquet", [scored(theirs=None)]), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "concordance.json").read_text())["bias"] is None
    assert tables.read_rows(tmp_path / "out" / "concordance.parquet", layout=tables.CONCORDANCE) == []


# ---- the figure ----


def usual(n=60, *, far=0.0, seed=1):
    """Pairs that agree, and one in ten that does not, of several causes."""
    rng = np.random.default_rng(seed)
    odd = [
        {"n_altloc": 4000},
        {"n_named_h": 800},
        {"n_floor_shared": 5000},
        {"map_release": "2019-05-01", "model_revision": "2024-11-06"},
        {"map_release": "2024-05-01", "model_revision": "2021-11-06"},
        {},
        {"origin_rule": "origin"},
    ]
    rows = []
    for number in range(n):
        q, off = rng.uniform(0.25, 0.8), rng.normal(0, 0.0008)
        row = scored(number, q, round(q + off, 3))
        if number % 10 == 9:
            row |= {"q_published": round(q + 0.02, 3)} | odd[number // 10 % len(odd)]
        rows.append(row)
    rows[0] |= {"q_published": rows[0]["q_mean"] + far}
    return compared(rows)


def drawn(rows, **more):
    """The figure of rows as the files hold them."""
    facts = json.loads(tables.as_json(summary(rows) | {"synthetic": False} | more))
    return agreement.draw(pd.DataFrame(rows, columns=tables.CONCORDANCE.names), facts), facts


def by_gid(figure, gid):
    return next((found for found in figure.findobj() if found.get_gid() == gid), None)


def words(figure):
    texts = figure.findobj(lambda item: hasattr(item, "get_text"))
    return " ".join(" ".join(text.get_text().split()) for text in texts)


def places(axes):
    return {tuple(np.round(place, 9)) for found in axes.collections for place in found.get_offsets()}


def test_every_pair_is_drawn_where_the_table_has_it():
    rows = usual()
    figure, _ = drawn(rows)
    left, right = figure.axes
    assert places(left) == {(round(row["q_published"], 9), round(row["q_mean"], 9)) for row in rows}
    means = {(round((row["q_published"] + row["q_mean"]) / 2, 9), round(row["difference"], 9)) for row in rows}
    assert places(right) == means
    assert left.get_xlim() == left.get_ylim()
    (low, high), (low_y, high_y) = by_gid(figure, "identity").get_data()
    assert (low, high) == (low_y, high_y) == left.get_xlim()


def test_bias_and_limits_are_those_of_the_summary():
    figure, facts = drawn(usual())
    for gid, key in (("bias", "bias"), ("low", "low"), ("high", "high")):
        assert set(by_gid(figure, gid).get_ydata()) == {facts[key]}
    said = words(figure)
    assert f"n = {facts['n']}" in said and f"bias {concordance.signed(facts['bias'])}" in said
    assert f"{concordance.signed(facts['low'])} to {concordance.signed(facts['high'])}" in said
    assert concordance.percent(facts["within_0_005"]) in said
    assert "-0" not in said


def test_causes_have_their_own_colour_and_shape_and_are_counted():
    rows = usual(100)
    figure, facts = drawn(rows)
    _, right = figure.axes
    looks = {(to_hex(found.get_facecolor()[0]), found.get_paths()[0].vertices.tobytes()) for found in right.collections}
    assert len(looks) == len(right.collections) == len(facts["causes"]) + 1
    shown = {text.get_text() for text in figure.legends[0].get_texts()}
    assert {f"{name} ({number})" for name, number in facts["causes"].items()} <= shown
    agree = sum(not row["differs"] for row in rows)
    assert f"within ± 0.005 ({agree})" in shown


def test_rare_causes_are_put_together():
    frame = pd.DataFrame({"cause": [*"aaabbbcccdddeef", UNEXPLAINED, ""], "differs": [True] * 16 + [False]})
    assert list(agreement.grouped(frame)) == [*"aaabbbcccddd", *["other causes"] * 3, UNEXPLAINED, ""]
    frame = frame[frame["cause"] != "f"]
    assert list(agreement.grouped(frame)) == [*"aaabbbcccdddee", UNEXPLAINED, ""]


def test_a_pair_far_off_does_not_hide_the_others():
    near, far = drawn(usual())[0].axes[1], drawn(usual(far=-0.4))[0].axes[1]
    assert (near.get_yscale(), far.get_yscale()) == ("linear", "symlog")
    assert "logarithmic beyond ± 0.005" in words(far.figure) and "logarithmic" not in words(near.figure)
    low, high = far.get_ylim()
    assert low < -0.4 and high > 0.4 and max(abs(value) for value in near.get_ylim()) < 0.06


@pytest.mark.parametrize("n", [1, 2, 3, 9, 10, 28])
def test_few_pairs_are_drawn(n):
    figure, _ = drawn(usual(n))
    figure.draw_without_rendering()
    assert len(places(figure.axes[1])) == n and (by_gid(figure, "low") is None) == (n < 10)
    assert f"n = {n}" in words(figure) and ("r = " in words(figure)) == (n > 2)


def test_many_pairs_are_an_image_within_the_drawing():
    rng = np.random.default_rng(0)
    q = rng.uniform(0.1, 0.9, 40_000)
    frame = pd.DataFrame({"q_published": q, "q_mean": q + rng.normal(0, 0.003, len(q))})
    frame = frame.assign(difference=frame["q_mean"] - frame["q_published"], emdb_id="EMD-1", pdb_id="1abc")
    frame["differs"] = frame["difference"].abs() > 0.005
    frame["cause"] = np.where(frame["differs"], UNEXPLAINED, "")
    facts = json.loads(tables.as_json(summary(frame.to_dict("records")) | {"synthetic": False}))
    figure = agreement.draw(frame, facts)
    assert all(found.get_rasterized() for found in figure.axes[1].collections)
    assert sum(len(found.get_offsets()) for found in figure.axes[1].collections) == 40_000
    assert by_gid(figure, "bias").get_zorder() > by_gid(figure, "points-agree").get_zorder()


def test_nothing_to_compare_gives_no_figure():
    assert drawn([])[0] is None


@pytest.mark.parametrize("synthetic", [True, False])
def test_a_made_up_archive_is_said_to_be_and_covers_no_words(synthetic):
    figure, _ = drawn(usual(), synthetic=synthetic)
    assert (style.SYNTHETIC in words(figure)) is synthetic
    figure.draw_without_rendering()
    heading = by_gid(figure, "heading").get_window_extent()
    assert heading.x1 <= figure.bbox.x1 and heading.y1 <= figure.bbox.y1
    if synthetic:
        assert heading.y1 <= by_gid(figure, "synthetic").get_window_extent().y0
    for axes in figure.axes:
        assert axes.get_tightbbox().y1 <= heading.y0 + 1
    legend = figure.legends[0].get_window_extent()
    assert legend.y0 >= 0 and legend.x0 >= 0 and legend.x1 <= figure.bbox.x1
    assert not any(legend.overlaps(axes.get_tightbbox()) for axes in figure.axes)
