"""The chance level: what a model scores anywhere in its map, and a rigid body's Q beside the scorer's."""

import csv

import numpy as np
import pytest
from pairs import random_atoms, smooth_map

from qscore.chance import chance_level, rotation
from qscore.density import Density, read_density, whole_grid
from qscore.model import read_model
from qscore.rigid import body
from qscore.score import score_atoms


@pytest.fixture(scope="module")
def pair():
    """A smooth random map of 30 x 28 x 26 Å and 120 atoms in its middle."""
    rng = np.random.default_rng(3)
    density = whole_grid(smooth_map(rng), step=1.0, origin=(-4.0, 2.0, 7.0))
    return density, random_atoms(rng, density.origin + 8, density.origin + np.array([21, 19, 17]), 120)


def box_of(density, low, high):
    """The points low to high (x y z, exclusive) of a whole map, as `read_density` keeps them."""
    low, high = np.array(low), np.array(high)
    z, y, x = (slice(a, b) for a, b in zip(low[::-1], high[::-1], strict=True))
    values = np.ascontiguousarray(density.values[z, y, x])
    return Density(values, low, density.grid, density.step, density.origin)


def real_pairs(real_data):
    with open(real_data / "pairs.tsv", encoding="utf-8") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            model = read_model(real_data / row["model"])
            yield row["emdb_id"], model, read_density(real_data / row["map"], model.position)


def test_a_body_scores_as_the_scorer_does(pair):
    density, atoms = pair
    which = np.arange(len(atoms))
    own = body(atoms, which, most=60, seed=1)
    turn, shift, centre = rotation(np.random.default_rng(2)), np.array([1.2, -0.7, 0.4]), atoms.mean(axis=0)
    moved = (own.atoms - centre) @ turn.T + centre + shift
    expected = score_atoms(density, moved, which=np.arange(60), sigmas=(0.4,)).q[:, 0]
    found = own.turned(turn, centre).q(density, shift)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_sample_keeps_its_neighbours(pair):
    density, atoms = pair
    own = body(atoms, np.arange(len(atoms)), most=5, seed=1)
    rows = [int(np.flatnonzero((atoms == position).all(axis=1))[0]) for position in own.sample]
    np.testing.assert_array_equal(own.q(density), score_atoms(density, atoms, which=rows, sigmas=(0.4,)).q[:, 0])


def test_an_atom_that_leaves_the_map_counts_zero(pair):
    density, atoms = pair
    own = body(atoms, np.arange(len(atoms)), most=60, seed=1)
    far = np.array([12.0, 0.0, 0.0])
    q = own.q(density, far)
    assert 0 < np.isnan(q).sum() < 60
    assert own.mean_q(density, far) == pytest.approx(np.nansum(q) / 60)
    assert own.mean_q(density, far * 10) == 0


def test_nothing_beyond_the_box_is_read(pair):
    """Atoms counted in a box have the Q of the whole map."""
    density, atoms = pair
    box = box_of(density, (3, 3, 3), (25, 24, 22))
    own = body(atoms, np.arange(len(atoms)), most=60, seed=1)
    whole, part = own.q(density), own.q(box)
    low = box.origin + box.offset * box.step + 3
    high = box.origin + (box.offset + np.array(box.values.shape[::-1]) - 1) * box.step - 3
    well_inside = ((own.sample >= low) & (own.sample <= high)).all(axis=1)
    assert well_inside.sum() >= 30
    np.testing.assert_allclose(part[well_inside], whole[well_inside], atol=1e-6)


def test_the_same_again_and_other_places_by_another_seed(pair):
    density, atoms = pair
    first = chance_level(density, atoms)
    assert first == chance_level(density, atoms)
    assert first.n == 12
    assert first != chance_level(density, atoms, seed=1)
    assert chance_level(density, atoms, places=4).n == 4


def test_a_model_at_random_is_at_chance_level():
    """Of maps and models that have nothing to do with each other nearly all lie within 3 SD."""
    rng, z = np.random.default_rng(8), []
    for _ in range(25):
        density = whole_grid(smooth_map(rng, shape=(34, 34, 34)), step=1.0)
        atoms = random_atoms(rng, np.full(3, 10.0), np.full(3, 23.0), 150, spacing=1.5)
        level = chance_level(density, atoms)
        z.append((np.nanmean(score_atoms(density, atoms, sigmas=(0.4,)).q) - level.mean) / level.sd)
    assert np.mean(np.abs(z) > 3) <= 0.1
    assert 0.5 < np.std(z) < 2


def test_too_few_places_are_no_level(pair):
    density, atoms = pair
    none = chance_level(density, atoms + 500)
    assert none.n == 0
    assert np.isnan([none.mean, none.sd]).all()
    assert chance_level(density, atoms, places=2).n == 2
    assert np.isnan(chance_level(density, atoms, places=2).mean)
    assert chance_level(density, np.full((4, 3), np.nan)).n == 0
    assert chance_level(box_of(density, (0, 0, 0), (0, 0, 0)), atoms).n == 0
    with pytest.raises(ValueError, match="none has coordinates"):
        body(np.full((4, 3), np.nan), np.arange(4), most=3, seed=1)


def test_a_long_model_in_a_narrow_box():
    """Most orientations leave the box: places are drawn again, and n says how many count."""
    rng = np.random.default_rng(4)
    density = whole_grid(smooth_map(rng, shape=(24, 24, 110)), step=1.0)
    atoms = random_atoms(rng, np.array([5.0, 9.0, 9.0]), np.array([104.0, 14.0, 14.0]), 300)
    level = chance_level(density, atoms)
    assert 3 <= level.n <= 12
    assert level.sd > 0


def test_a_constant_map_has_no_level(pair):
    density, atoms = pair
    assert chance_level(whole_grid(np.zeros((26, 28, 30)), step=1.0, origin=density.origin), atoms).n == 0


def test_the_reference_at_35_angstrom(real_data):
    """EMD-8249: Q 0.066, chance 0.060 ± 0.005: Q says nothing there."""
    model, density = next((m, d) for name, m, d in real_pairs(real_data) if name == "EMD-8249")
    dry = np.flatnonzero(~model.is_class("water"))
    level = chance_level(density, model.position, which=dry)
    assert level.mean == pytest.approx(0.060, abs=0.01)
    assert 0.002 < level.sd < 0.012
    q = np.nanmean(score_atoms(density, model.position, which=dry, sigmas=(0.4,)).q)
    assert (q - level.mean) / level.sd < 3


def test_real_maps_are_far_from_chance(real_data):
    """To 6.6 Å the level is about −0.02 ± 0.02 and every model lies well above."""
    seen = 0
    for name, model, density in real_pairs(real_data):
        if name in ("EMD-8249", "EMD-0093", "EMD-20026", "EMD-3240"):
            continue
        which = np.random.default_rng(1).permutation(len(model))[:800]
        level = chance_level(density, model.position)
        q = np.nanmean(score_atoms(density, model.position, which=which, sigmas=(0.4,)).q)
        assert -0.05 < level.mean < 0.01, name
        assert (q - level.mean) / level.sd > 5, name
        seen += 1
    assert seen == 7
