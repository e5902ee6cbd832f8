"""Suspected archive errors: each kind that is planted is found with its effect, and a clean survey has none."""

import shlex

import pytest
from click.testing import CliRunner

from qscore import causes, cli, layouts, tables, worklist
from qscore.discrepancies import OFF_DENSITY
from qscore.suspicions import SUSPECTED, suspicions


def band(resolution):
    return 0.9 - 0.15 * resolution, 1.1 - 0.15 * resolution


def pair(resolution=3.0, q=None, **more):
    """Rows of entries and flags in one; Q is as expected unless told."""
    low, high = band(resolution)
    return {
        "emdb_id": "EMD-1001", "pdb_id": "1aaa", "sample": "sample", "status": "scored", "resolution": resolution,
        "q_mean": (low + high) / 2 if q is None else q, "expected_q": (low + high) / 2, "low": low, "high": high,
        "flag": "", "cause": "", "n_atoms": 1000, "n_protein": 900, "n_nucleic": 0, "frac_outside": 0.0,
        "map_model_fsc05": 0.95 * resolution, "contour_level": 1.0, "surrogate_level": 0.8, "inclusion": 0.85,
        "inclusion_surrogate": 0.9, "solvent_mean": 0.0, "solvent_sd": 0.2, "frac_unmodelled": 0.1,
        "in_frame": "FULLOVERLAP", "decoys": 12, "decoy_gain": 0.05, "q_before": 0.1, "frame": "",
    } | more  # fmt: skip


SHIFT = {"frame": "shift", "shift": 0.87, "shift_error": 0.02, "shift_voxels": "0.50 0.50 0.50", "q_shifted": 0.5}
HAND = {"frame": "hand", "hand": "z", "q_hand": 0.55, "hand_gain": 0.45}
OVER = {"q": 0.40, "calculated_resolution": 4.0, "cause": causes.OVER_STATED, "evidence": "half maps say so"}
UNDER = {"resolution": 4.0, "q": 0.55, "calculated_resolution": 3.0, "map_model_fsc05": 3.2}
LOW_LEVEL = {"contour_level": 0.1, "inclusion": 1.0, "frac_unmodelled": 0.7}
MISSING = {"status": "unusable", "reason": "model_missing", "q": 0.0, "model_file": "1aaa.cif.gz"}
PLANTED = {
    "shift": (SHIFT | {"half_voxel": True}, "frame", 0.87, "half a voxel: 0.87 ± 0.02 Å"),
    "hand": (HAND, "hand", 0.45, "z, the model scores 0.550 instead of 0.100; the best of 12 decoys 0.150"),
    "outside": ({"frac_outside": 0.3}, "outside map", 30.0, "30 % of 1,000 atoms"),
    "all outside": ({"status": "unusable", "reason": "model_outside_map"}, "outside map", 100.0, "no atom"),
    "over-stated": (OVER, "resolution", 1.0, "over-stated: half maps say so"),
    "under-stated": (UNDER, "resolution", -1.0, "half maps correlate to 3.00 Å, not 4.00 Å"),
    "level too high": ({"inclusion": 0.2}, "contour level", -0.7, "includes 20 % of the atoms, 0.8"),
    "level too low": (LOW_LEVEL, "contour level", 0.7, "0.5 SD above the mean of the solvent, and 70 %"),
    "model not held": (MISSING, "obsolete model", 1.0, "held by none"),
}  # fmt: skip


def found(*rows, published=()):
    rows = list(rows)
    return worklist.worklist(suspicions(rows, rows, published=published, band=band))


@pytest.mark.parametrize("name", PLANTED)
def test_planted_errors_are_found(name):
    columns, suspected, effect, said = PLANTED[name]
    (row,) = found(pair(**columns))
    assert row["suspected"] == suspected and said in row["evidence"] and row["unit"]
    assert row["effect"] == pytest.approx(effect)
    assert row["command"].startswith("qscore score EMD-1001 1aaa")


CLEAN = {
    "as expected": {},
    "low for no known reason": {"q": 0.3, "flag": "low", "cause": "unexplained"},
    "nothing measured": {name: None for name in ("inclusion", "frac_outside", "solvent_sd", "decoys", "low", "high")},
    "declared partial": {"frac_outside": 0.3, "in_frame": "PARTIALOVERLAP"},
    "few atoms outside": {"frac_outside": 0.04},
    "half maps a little worse": {"q": 0.4, "calculated_resolution": 3.2},
    "half maps worse, Q as reported": {"calculated_resolution": 4.0},
    "half maps better, Q as reported": {"resolution": 4.0, "calculated_resolution": 3.0},
    "half maps better, tight mask": UNDER | {"tight_mask": True},
    "half maps better, model does not say so": UNDER | {"map_model_fsc05": 4.5},
    "half maps far better, Q is not": UNDER | {"calculated_resolution": 1.0},
    "level hides a model that is off": {"inclusion": 0.1, "q": 0.1},
    "map of a larger complex": LOW_LEVEL | {"contour_level": 0.5},
    "low level, nothing else in the map": LOW_LEVEL | {"frac_unmodelled": 0.1},
    "at chance": {"inclusion": 0.2, "cause": causes.NO_BETTER},
    "own file that is not there": MISSING | {"model_file": "my/model.cif"},
    "map that is not there": {"status": "unusable", "reason": "map_missing"},
}


@pytest.mark.parametrize("name", CLEAN)
def test_nothing_without_evidence(name):
    assert found(pair(**CLEAN[name])) == []


def model(pdb_id, q, **more):
    return pair(pdb_id=pdb_id, q=q, **more)


def test_a_model_surpassed_by_another_of_its_map():
    """As 3J5P, Q 0.305, by 3J9J, 0.370, in EMD-5778."""
    low, high = {"low": 0.324, "high": 0.583}, 3.275
    old = model("3j5p", 0.305, resolution=high) | low | {"flag": "low"}
    new = model("3j9j", 0.370, resolution=high) | low
    (row,) = found(old, new)
    assert (row["pdb_id"], row["suspected"]) == ("3j5p", "obsolete model")
    assert row["effect"] == pytest.approx(0.065)
    assert row["command"] == "qscore compare EMD-1001 3j5p 3j9j"
    for other in (
        new | {"q_mean": 0.33}, new | {"q_mean": 0.32}, new | {"flag": "low"}, new | {"n_protein": 300},
        new | {"n_nucleic": 500}, new | {"emdb_id": "EMD-1002"},
    ):  # fmt: skip
        assert found(old, other) == []
    assert found(old | {"q_mean": 0.34, "flag": ""}, new | {"q_mean": 0.5}) == []  # not low
    best = found(old, new, new | {"pdb_id": "9xyz", "q_mean": 0.4})
    assert [(one["pdb_id"], one["command"].split()[-1]) for one in best] == [("3j5p", "9xyz")]


def test_published_q_off_the_density():
    theirs = {
        "emdb_id": "EMD-1001", "pdb_id": "1aaa", "differs": True, "cause": OFF_DENSITY, "difference": -0.4,
        "evidence": "Q 0.010 here, 0.410 published",
    }  # fmt: skip
    (row,) = found(pair(decoys=None), published=[theirs])
    assert (row["suspected"], row["effect"], row["evidence"]) == ("frame", 0.4, theirs["evidence"])
    assert found(pair(), published=[theirs]) == []  # searched, and nothing found
    assert found(pair(decoys=None), published=[theirs | {"cause": "waters"}]) == []


def test_rows_are_in_order_of_kind_and_effect():
    rows = [
        pair(emdb_id="EMD-1003", inclusion=0.2), pair(emdb_id="EMD-1002", frac_outside=0.1),
        pair(emdb_id="EMD-1004", frac_outside=0.4), pair(emdb_id="EMD-1005", frac_outside=0.4, **SHIFT),
    ]  # fmt: skip
    ordered = found(*rows)
    assert [row["emdb_id"] for row in ordered] == ["EMD-1005", "EMD-1004", "EMD-1002", "EMD-1003"]
    assert found(*reversed(rows)) == ordered
    assert {row["suspected"] for row in ordered} <= set(SUSPECTED)


@pytest.mark.parametrize(
    ("ids", "files", "command"),
    [
        ({}, {}, "qscore score EMD-1001 1aaa"),
        ({"synthetic": True}, {"map_file": "a.map", "model_file": "b.cif"}, "qscore score a.map b.cif --resolution 3"),
        (
            {"emdb_id": "mine"},
            {"map_file": "my map; rm -rf ~.mrc", "model_file": "--out=x$(id).cif"},
            "qscore score 'my map; rm -rf ~.mrc' './--out=x$(id).cif' --resolution 3",
        ),
        ({"emdb_id": "EMD-1001; id"}, {}, "qscore score 'EMD-1001; id' 1aaa --resolution 3"),
    ],
)
def test_commands_are_safe_to_paste(ids, files, command):
    (row,) = found(pair(**SHIFT, **ids, **files))
    assert row["command"] == command
    assert shlex.split(row["command"])[:2] == ["qscore", "score"] and len(shlex.split(command)) <= 6


def test_a_level_is_told_where_no_entry_tells_it():
    own = {"emdb_id": "mine", "map_file": "a.mrc", "model_file": "b.cif", "contour_level": -0.5, "inclusion": 0.1}
    (row,) = found(pair(**own))
    assert row["command"] == "qscore score a.mrc b.cif --resolution 3 --contour=-0.5"


@pytest.mark.parametrize(
    ("places", "command"),
    [
        ({"root": "my data"}, "qscore score 'my data/a.mrc' 'my data/b.cif' --resolution 3"),
        ({"maps": ["https://x.org/m"], "models": ["https://x.org/p"]}, "qscore score EMD-1001 1aaa"),
    ],
)
def test_command_of_the_workflow(tmp_path, places, command):
    rows = [pair(map_file="a.mrc", model_file="b.cif", **SHIFT)]
    for name, layout in (("entries", layouts.ENTRIES), ("flags", layouts.FLAGS)):
        tables.write_parquet(tmp_path / f"{name}.parquet", layout, tables.as_columns(layout, rows))
    tables.write_json(tmp_path / "places.json", places)
    options = ["--flags", tmp_path / "flags.parquet", "--places", tmp_path / "places.json", "--out", tmp_path / "out"]
    done = CliRunner().invoke(cli.qscore, ["worklist", *map(str, [tmp_path / "entries.parquet", *options])])
    assert (done.exit_code, done.output) == (0, "1 suspected error: 1 frame\n")
    (row,) = tables.read_tsv(tmp_path / "out" / "worklist.tsv")
    assert row["command"] == command
    assert tables.read_rows(tmp_path / "out" / "worklist.parquet", layout=layouts.WORKLIST)[0]["command"] == command


def test_local_archive_is_named_by_its_files(tmp_path):
    for name in ("maps", "models"):
        (tmp_path / name).mkdir()
    tables.write_json(tmp_path / "places.json", {name: [str(tmp_path / name)] for name in ("maps", "models")})
    row = pair(map_file="emd_1001.map.gz", model_file="1aaa.cif.gz")
    files = worklist.places_of(tmp_path / "places.json")(row)
    assert files == (f"{tmp_path}/maps/EMD-1001/map/emd_1001.map.gz", f"{tmp_path}/models/aa/1aaa.cif.gz")


def test_a_clean_survey_has_a_table_without_rows(tmp_path):
    for name, layout in (("entries", layouts.ENTRIES), ("flags", layouts.FLAGS)):
        tables.write_parquet(tmp_path / f"{name}.parquet", layout, tables.as_columns(layout, [pair()]))
    rows = worklist.write(tmp_path / "entries.parquet", tmp_path / "flags.parquet", tmp_path)
    assert rows == [] and worklist.counted(rows) == "0 suspected errors"
    assert (tmp_path / "worklist.tsv").read_text() == "\t".join(layouts.WORKLIST.names) + "\n"
    assert tables.read_rows(tmp_path / "worklist.parquet", layout=layouts.WORKLIST) == []
