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
from qscore.rigid import body
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


def found(*, before=0.1, shifted=0.1, shift=(0.0, 0.0, 0.0), mirrored=0.0, decoy=0.0):
    fits = [frames.Fit(np.array(where, dtype=float), q) for where, q in
            ((shift, shifted), ((0, 0, 0), mirrored), ((0, 0, 0), decoy))]  # fmt: skip
    return frames.Frames(before, fits[0], "z", fits[1], fits[2], 12, np.full(3, 2.0))


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
