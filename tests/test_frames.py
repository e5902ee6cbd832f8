"""Frames: planted shifts and hands are found, and nothing is found where nothing is wrong."""

import json
from dataclasses import replace

import numpy as np
import pytest

from qscore import frames
from qscore.demo import build_archive
from qscore.density import read_density, whole_grid
from qscore.errors import UnusableEntry
from qscore.layouts import FRAMES
from qscore.model import read_model
from qscore.rigid import body, shift_error
from qscore.translation import best_shifts, coarse_map

CLEAN, SHIFTED, HAND = "EMD-990024", "EMD-990036", "EMD-990037"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Three entries of the demonstration archive: EMD id → density, model, record of what is planted."""
    folder = tmp_path_factory.mktemp("frames") / "archive"
    build_archive(folder, only=(CLEAN, SHIFTED, HAND))
    found = {}
    for record in json.loads((folder / "planted.json").read_text(encoding="utf-8")):
        name, pdb = record["emdb_id"], record["pdb_id"]
        map_name = name.lower().replace("-", "_") + ".map.gz"
        density = read_density(folder / "emdb" / "structures" / name / "map" / map_name)
        model = read_model(folder / "pdb" / "data" / "structures" / "divided" / "mmCIF" / pdb[-3:-1] / f"{pdb}.cif.gz")
        found[name] = density, model, record
    return found


@pytest.fixture(scope="module")
def clean(archive):
    """A clean entry: density, model, resolution."""
    density, model, record = archive[CLEAN]
    return density, model, record["resolution"]


@pytest.fixture(scope="module")
def channel(real_data):
    """EMD-0093 with 6gyn, 3.4 Å."""
    return (
        read_density(real_data / "pairs" / "emd_0093_masked.mrc.gz"),
        read_model(real_data / "pairs" / "6gyn.pdb"),
        3.4,
    )


def moved(model, shift):
    return replace(model, position=model.position + shift)


def mirrored(density, hand):
    """The map with its values mirrored along axes."""
    ways = tuple(slice(None, None, sign) for sign in frames.HANDS[hand][::-1])
    return replace(density, values=np.ascontiguousarray(density.values[ways]))


def test_the_planted_shift_is_found(archive):
    density, model, record = archive[SHIFTED]
    found = frames.search(density, model, record["resolution"])
    assert frames.frame_of(found) == "shift"
    np.testing.assert_allclose(found.shifted.shift, -np.array(record["shift"]), atol=0.1)
    assert found.q_before < 0.05
    assert found.shifted.q > 0.5
    row = frames.frame_row(found)
    assert row["shift"] == pytest.approx(np.linalg.norm(record["shift"]), abs=0.1)
    assert row["shift_gain"] == found.shifted.q - found.q_before
    assert not row["half_voxel"]


def test_the_planted_hand_is_found(archive):
    density, model, record = archive[HAND]
    found = frames.search(density, model, record["resolution"], decoys=2)
    assert (frames.frame_of(found), found.hand) == ("hand", record["mirrored_axis"])
    assert found.mirrored.q > 0.45
    assert found.shifted.q < 0.1


@pytest.mark.parametrize("hand", frames.HANDS)
def test_each_hand_by_its_axis(clean, hand):
    density, model, resolution = clean
    found = frames.search(mirrored(density, hand), model, resolution, decoys=0)
    assert (frames.frame_of(found), found.hand) == ("hand", hand)
    in_place = body(model.position, np.flatnonzero(~model.is_class("water")), most=800, seed=1).mean_q(density)
    assert found.mirrored.q == pytest.approx(in_place, abs=0.03)


def test_a_clean_entry_has_no_other_frame(clean):
    found = frames.search(*clean)
    assert frames.frame_of(found) == ""
    assert np.abs(found.shifted.shift / found.step).max() < 0.15
    assert found.shifted.q == pytest.approx(found.q_before, abs=0.01)
    assert found.decoys == 12


def test_half_a_voxel_is_named(clean):
    density, model, resolution = clean
    found = frames.search(density, moved(model, 0.5 * density.step * [1, -1, 1]), resolution, decoys=2)
    row = frames.frame_row(found)
    assert (row["frame"], row["half_voxel"]) == ("shift", True)
    np.testing.assert_allclose([float(v) for v in row["shift_voxels"].split()], [-0.5, 0.5, -0.5], atol=0.1)


def test_half_a_voxel_along_one_axis_is_named(clean):
    """It raises Q by less than the margin."""
    density, model, resolution = clean
    found = frames.search(density, moved(model, 0.5 * density.step * [0, 0, 1]), resolution, decoys=2)
    row = frames.frame_row(found)
    assert (row["frame"], row["half_voxel"]) == ("shift", True)
    np.testing.assert_allclose(found.shifted.shift / found.step, [0, 0, -0.5], atol=0.1)


def test_the_error_of_a_place(clean):
    """The known place lies within it, whatever the direction; without bend along an axis there is none."""
    density, model, _ = clean
    own = body(model.position, np.flatnonzero(~model.is_class("water")), most=800, seed=1)
    error = shift_error(own, density, np.zeros(3))
    assert (error > 0).all() and (error < 0.1 * density.step).all()
    np.testing.assert_array_equal(shift_error(own, density, np.zeros(3)), error)
    flat = replace(density, values=np.ones_like(density.values))
    assert np.isnan(shift_error(own, flat, np.zeros(3))).all()
    few = body(model.position, np.arange(63), most=800, seed=1)
    assert np.isnan(shift_error(few, density, np.zeros(3))).all()


def literal_error(own, density):
    """Eight parts by halving along the main axes; the top of the parabola without each; their jackknife."""
    atoms = own.sample - own.sample.mean(axis=0)
    parts = [np.arange(len(atoms))]
    for axis in np.linalg.svd(atoms)[2]:
        ordered = [part[np.argsort(atoms[part] @ axis)] for part in parts]
        parts = [half for part in ordered for half in np.split(part, 2)]
    found = []
    for axis in range(3):
        step = np.eye(3)[axis] * density.step / 2
        q = [np.nan_to_num(own.q(density, way * step)) for way in (-1, 0, 1)]
        tops = []
        for part in parts:
            low, middle, high = (np.delete(one, part).mean() for one in q)
            tops.append(step[axis] * (low - high) / (low - 2 * middle + high) / 2)
        found.append(np.sqrt(7 / 8 * np.sum((tops - np.mean(tops)) ** 2)))
    return found


def test_the_error_of_a_place_by_its_definition(clean):
    density, model, _ = clean
    own = body(model.position, np.flatnonzero(~model.is_class("water")), most=512, seed=2)
    np.testing.assert_allclose(shift_error(own, density, np.zeros(3)), literal_error(own, density), rtol=1e-9)


def test_a_model_outside_its_map_is_brought_back(clean):
    density, model, resolution = clean
    away = np.array([1.4, -0.8, 0.1]) * density.grid * density.step
    found = frames.search(density, moved(model, away), resolution, decoys=1)
    assert found.q_before == 0
    assert frames.frame_of(found) == "shift"
    np.testing.assert_allclose(found.shifted.shift, -away, atol=0.2)


def test_another_molecule_has_no_frame(archive):
    """The model of one entry in the map of another: whatever is found, decoys find as well."""
    density, _, record = archive[SHIFTED]
    model = archive[CLEAN][1]
    middle = density.origin + (density.grid - 1) / 2 * density.step
    found = frames.search(density, moved(model, middle - model.position.mean(axis=0)), record["resolution"])
    assert frames.frame_of(found) == ""
    assert found.q_before < 0.05


def test_the_same_again(clean):
    density, model, resolution = clean
    first, second = (frames.search(density, model, resolution, decoys=1, seed=5) for _ in range(2))
    assert json.dumps(frames.frame_row(first)) == json.dumps(frames.frame_row(second))


def test_without_a_resolution(clean):
    density, model, _ = clean
    found = frames.search(density, moved(model, [4.0, 0, -3.0]), np.nan, decoys=1)
    np.testing.assert_allclose(found.shifted.shift, [-4.0, 0, 3.0], atol=0.15)


def test_waters_alone_are_refused(clean):
    density, model, resolution = clean
    waters = replace(model, kind=np.full(len(model), 5, dtype=np.int8))
    with pytest.raises(UnusableEntry, match="waters"):
        frames.search(density, waters, resolution)


def test_a_row_has_the_columns_of_the_table(clean):
    row = frames.frame_row(frames.search(*clean, decoys=0))
    assert set(row) <= set(FRAMES.names)
    assert set(FRAMES.names) - set(row) == {"emdb_id", "pdb_id", "reason", "detail"}
    assert row["decoys"] == 0


def found(*, before=0.1, shifted=0.1, shift=(0.0, 0.0, 0.0), error=np.nan, mirrored=0.0, decoy=0.0):
    fits = [frames.Fit(np.array(where, dtype=float), q) for where, q in
            ((shift, shifted), ((0, 0, 0), mirrored), ((0, 0, 0), decoy))]  # fmt: skip
    return frames.Frames(before, fits[0], np.full(3, error), "z", fits[1], fits[2], 12, np.full(3, 2.0))


@pytest.mark.parametrize(
    ("case", "frame"),
    [
        (found(shifted=0.3, shift=(6, 0, 0)), "shift"),
        (found(shifted=0.12, shift=(6, 0, 0)), ""),  # gains too little
        (found(shifted=0.3, shift=(0.4, 0, 0.4)), ""),  # a fifth of a voxel
        (found(shifted=0.3, shift=(6, 0, 0), decoy=0.28), ""),
        (found(shifted=0.3, shift=(6, 0, 0), decoy=0.26), "shift"),
        (found(mirrored=0.3), "hand"),
        (found(shifted=0.3, shift=(6, 0, 0), mirrored=0.4), "hand"),
        (found(shifted=0.4, shift=(6, 0, 0), mirrored=0.3), "shift"),
        (found(before=0.5, shifted=0.5, mirrored=0.2), ""),
        # small gains: the least shift is 0.5 Å here, a voxel 2 Å
        (found(shifted=0.11, shift=(1, 0, 0), error=0.2), "shift"),
        (found(shifted=0.11, shift=(0.2, -1, 0), error=0.2), "shift"),
        (found(shifted=0.11, shift=(1, 0, 0), error=0.3), ""),  # may be less than a quarter
        (found(shifted=0.11, shift=(0.49, 0.49, 0.49), error=0.01), ""),
        (found(shifted=0.11, shift=(2.1, 0, 0), error=0.2), ""),  # further than a voxel: decoys decide
        (found(shifted=0.11, shift=(1, 0, 0), error=0.2, decoy=0.12), ""),
        (found(shifted=0.09, shift=(1, 0, 0), error=0.2), ""),
        (found(shifted=0.11, shift=(1, 0, 0), error=0.2, mirrored=0.2), "hand"),
    ],
)
def test_what_counts_as_a_frame(case, frame):
    assert frames.frame_of(case) == frame


def test_strong_density_does_not_draw_the_model(clean):
    """A ball fifty times as dense as the molecule beside it: the best shift stays none."""
    density, model, resolution = clean
    values = density.values.copy()
    values[4:12, 4:12, 4:12] += 50 * values.max()
    dry = ~model.is_class("water")
    coarse = coarse_map(replace(density, values=values), resolution)
    best = best_shifts(coarse, model.position[dry], model.element[dry], most=3)
    assert np.linalg.norm(best[0]) < 0.5


def test_shifts_stand_apart_and_keep_the_model_in_the_map(clean):
    density, model, resolution = clean
    shifts = best_shifts(coarse_map(density, resolution), model.position, model.element, most=6)
    apart = np.linalg.norm(shifts[:, None] - shifts, axis=2)[~np.eye(6, dtype=bool)]
    assert apart.min() > 0.7 * resolution  # points stand a resolution apart before their parabolas
    assert density.contains(model.position.mean(axis=0) + shifts).all()


def test_atoms_beyond_all_reach_change_nothing(clean):
    density, model, resolution = clean
    more = model.take(np.r_[:3, : len(model)])
    more.position[:3] = (1e300, 0, 0), (0, -1e8, 0), (0, 0, -1e300)
    alone, beside = (frames.frame_row(frames.search(density, one, resolution, decoys=1)) for one in (model, more))
    assert beside == alone
    with pytest.raises(UnusableEntry, match="further from the map") as trouble:
        frames.search(density, moved(model, 1e6), resolution)
    assert trouble.value.reason == "model_outside_map"


@pytest.mark.parametrize("power", [-80, 100])
def test_values_of_any_size_are_searched_alike(clean, power):
    density, model, resolution = clean
    scaled = replace(density, values=np.ldexp(density.values, power))
    found = [
        best_shifts(coarse_map(one, resolution), model.position, model.element, most=3) for one in (density, scaled)
    ]
    np.testing.assert_array_equal(*found)


def test_a_fine_map_is_binned():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(30, 31, 32)).astype(np.float32)
    coarse = coarse_map(whole_grid(values, step=0.5, origin=(1, 2, 3)), 3.0)
    np.testing.assert_allclose(coarse.step, 1.0)
    np.testing.assert_allclose(coarse.origin, [1.25, 2.25, 3.25])
    np.testing.assert_allclose(coarse.extent, [16, 15, 15])
    tiny = coarse_map(whole_grid(values[:9, :9, :9], step=0.5), 3.0)
    np.testing.assert_allclose(tiny.step, 0.5)


def test_the_real_channel_shifted_by_five_angstrom(channel):
    density, model, resolution = channel
    away = 5 * np.array([0.6, -0.48, 0.64])
    found = frames.search(density, moved(model, away), resolution, decoys=1)
    assert frames.frame_of(found) == "shift"
    np.testing.assert_allclose(found.shifted.shift, -away, atol=0.2)
    assert found.q_before < 0.05
    assert found.shifted.q > 0.45


def test_the_real_channel_shifted_by_half_a_voxel(channel):
    density, model, resolution = channel
    found = frames.search(density, moved(model, 0.5 * density.step), resolution, decoys=1)
    row = frames.frame_row(found)
    assert (row["frame"], row["half_voxel"]) == ("shift", True)
    np.testing.assert_allclose(found.shifted.shift, -0.5 * density.step, atol=0.15)
    assert row["shift_gain"] > 0.1


def test_half_a_voxel_along_one_axis_of_a_real_map(real_data):
    """Integrin in EMD-30342, 3.9 Å: Q rises by less than the margin."""
    density = read_density(real_data / "pairs" / "emd_30342_crop_A.mrc")
    model = read_model(real_data / "pairs" / "7cec_A.cif")
    found = frames.search(density, moved(model, 0.5 * density.step * [1, 0, 0]), 3.9, decoys=1)
    row = frames.frame_row(found)
    assert (row["frame"], row["half_voxel"]) == ("shift", True)
    assert row["shift_gain"] < frames.MARGIN
    np.testing.assert_allclose(found.shifted.shift / found.step, [-0.5, 0, 0], atol=0.1)


@pytest.mark.parametrize(
    ("map_name", "model_name", "resolution"),
    [("emd_2566_crop_9.mrc", "3j6b_9.pdb", 3.2), ("emd_4413_box.ccp4", "6i5a_box.pdb", 2.3)],
)
def test_crops_of_real_maps_have_no_other_frame(real_data, map_name, model_name, resolution):
    density = read_density(real_data / "pairs" / map_name)
    found = frames.search(density, read_model(real_data / "pairs" / model_name), resolution, decoys=2)
    assert frames.frame_of(found) == ""
    assert np.abs(found.shifted.shift / found.step).max() < 0.25


def test_a_body_turned_by_a_mirror_scores_as_in_the_mirrored_map(clean):
    """Why mirrored maps need not be made: the model is mirrored instead."""
    density, model, _ = clean
    middle = density.origin + (density.grid - 1) / 2 * density.step
    own = body(model.position, np.arange(len(model)), most=300, seed=1)
    in_mirrored_map = own.mean_q(mirrored(density, "x"))
    assert own.turned(np.diag([-1.0, 1, 1]), middle).mean_q(density) == pytest.approx(in_mirrored_map, abs=0.02)
