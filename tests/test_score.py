"""Analytic truth and the invariants of the score."""

import re

import numpy as np
import pytest
from pairs import random_atoms, smooth_map

from qscore import probes
from qscore.density import Density, whole_grid
from qscore.probes import (
    LINE,
    METHOD,
    Method,
    aligned,
    cell_list,
    direction_lanes,
    direction_sets,
    directions,
    reference_gaussian,
)
from qscore.score import UNSCORED, constant_points, score_atoms, shells_of

STEP = 0.9


@pytest.fixture(scope="module")
def scene():
    """A smooth random map and 80 atoms whose shells lie inside it."""
    rng = np.random.default_rng(11)
    values = smooth_map(rng, (34, 36, 38))
    high = (np.array(values.shape[::-1]) - 1) * STEP
    return whole_grid(values, step=STEP), random_atoms(rng, np.full(3, 3.0), high - 3.0, 80)


def q_of(density, atoms, **options):
    return score_atoms(density, atoms, **options).q


def gaussian_map(centre, sigma, *, step=0.25, n=41):
    at = np.arange(n) * step
    r2 = sum((g - c) ** 2 for g, c in zip(np.meshgrid(at, at, at, indexing="ij"), centre[::-1], strict=True))
    return whole_grid(np.exp(-r2 / (2 * sigma**2)), step=step)


@pytest.mark.parametrize("sigma", [0.4, 0.6])
def test_a_gaussian_atom_scores_one(sigma):
    centre = np.array([5.0, 5.05, 4.9])
    assert q_of(gaussian_map(centre, sigma), centre[None], sigmas=(sigma,))[0, 0] == pytest.approx(1, abs=2e-3)


def test_a_hole_scores_minus_one():
    centre = np.full(3, 5.0)
    density = gaussian_map(centre, 0.6)
    hole = whole_grid(-density.values, step=density.step)
    assert q_of(hole, centre[None], sigmas=(0.6,))[0, 0] == pytest.approx(-1, abs=2e-3)


def test_blurring_lowers_the_q_of_a_sharp_atom():
    centre = np.full(3, 5.0)
    q = [q_of(gaussian_map(centre, sigma), centre[None], sigmas=(0.4,))[0, 0] for sigma in (0.4, 0.7, 1.0, 1.5)]
    assert q == sorted(q, reverse=True)
    assert q[0] - q[-1] > 0.2


@pytest.mark.parametrize("power", [-20, -1, 1, 20])
def test_scale_changes_nothing_at_all(scene, power):
    density, atoms = scene
    scaled = whole_grid(density.values * np.float32(2.0) ** power, step=STEP)
    assert np.array_equal(q_of(scaled, atoms), q_of(density, atoms))


@pytest.mark.parametrize("factor", [1e-6, 0.01, 1e6])
@pytest.mark.parametrize("offset", [-3.0, 5.0])
def test_affine_change_changes_nothing_but_rounding(scene, factor, offset):
    """float32 keeps 7 digits of a map lifted by 5 SD; in that rounding Q is the same."""
    density, atoms = scene
    values = (factor * (density.values.astype(float) + offset)).astype(np.float32)
    assert np.allclose(q_of(whole_grid(values, step=STEP), atoms), q_of(density, atoms), atol=2e-6)


def test_map_and_atoms_move_together(scene):
    density, atoms = scene
    shift = np.array([100.0, -37.5, 12.25])
    moved = whole_grid(density.values, step=STEP, origin=shift)
    assert np.allclose(q_of(moved, atoms + shift), q_of(density, atoms), atol=1e-9)


def test_axes_permuted(scene):
    """x and z exchanged in map and atoms and directions turned with them leave single points alone."""
    density, atoms = scene
    one = atoms[:1]
    turned = whole_grid(density.values[::-1, ::-1, :], step=STEP)
    high = (density.grid - 1) * STEP
    flipped = np.array([[one[0, 0], high[1] - one[0, 1], high[2] - one[0, 2]]])
    shells = [np.linalg.norm(directions(n), axis=1) for n in (8, 10, 31, 106)]
    assert all(np.allclose(norm, 1) for norm in shells)
    assert abs(q_of(turned, flipped)[0, 0] - q_of(density, one)[0, 0]) < 0.2  # other points of the same shells


@pytest.mark.parametrize("margin", [METHOD.radii[-1] + STEP, 5.0])
def test_crop_changes_nothing_at_all(scene, margin):
    density, atoms = scene
    some = atoms[(atoms < 17).all(axis=1)]
    low = np.floor((some.min(axis=0) - margin) / STEP).astype(int).clip(0)
    high = (np.ceil((some.max(axis=0) + margin) / STEP).astype(int) + 1).clip(max=density.grid)
    x, y, z = (slice(a, b) for a, b in zip(low, high, strict=True))
    box = np.ascontiguousarray(density.values[z, y, x])
    cropped = Density(box, low, density.grid, density.step, density.origin)
    assert box.size < density.values.size / 2
    assert len(some) > 5
    assert np.array_equal(q_of(cropped, some), q_of(density, some))


def test_order_of_atoms(scene):
    density, atoms = scene
    order = np.random.default_rng(0).permutation(len(atoms))
    assert np.array_equal(q_of(density, atoms[order]), q_of(density, atoms)[order])


def test_subset_against_all_neighbours(scene):
    density, atoms = scene
    which = np.array([70, 3, 41])
    assert np.array_equal(q_of(density, atoms, which=which), q_of(density, atoms)[which])
    assert not np.array_equal(q_of(density, atoms[which]), q_of(density, atoms)[which])


def test_locality(scene):
    density, atoms = scene
    q = q_of(density, atoms)
    far = atoms[0] + [0.0, 0.0, METHOD.reach + 1e-6]
    near = atoms[0] + [0.0, 0.0, 1.2]
    assert np.array_equal(q_of(density, np.vstack([atoms[:1], far]))[0], q_of(density, atoms[:1])[0])
    assert not np.array_equal(q_of(density, np.vstack([atoms[:1], near]))[0], q_of(density, atoms[:1])[0])
    assert METHOD.reach == pytest.approx(3.8)
    assert np.isfinite(q).all()


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_threads_change_nothing_at_all(scene, threads):
    density, atoms = scene
    many = np.concatenate([atoms + d for d in np.random.default_rng(1).uniform(-1, 1, (40, 3))])
    one = score_atoms(density, many)
    several = score_atoms(density, many, threads=threads)
    assert np.array_equal(one.q, several.q)
    assert np.array_equal(one.sampled, several.sampled)


def test_neighbours_beyond_the_grid(scene):
    """Another atom, 2.4 Å outside, takes points from one on a face: a voxel less than its reach would not hold it."""
    density = whole_grid(scene[0].values, step=1.5)
    high = (density.grid - 1) * density.step
    for face in (-1, 1):
        for axis in range(3):
            atom, beside = high / 2, np.zeros(3)
            atom[axis], beside[axis] = high[axis] if face > 0 else 0.0, face * 2.4
            alone, both = (shells_of(density, one, np.array([0]))[0] for one in (atom[None], [atom, atom + beside]))
            assert not np.array_equal(both[0, -1], alone[0, -1])
            assert np.array_equal(both[0, :10], alone[0, :10])


def test_the_reach_of_another_method(scene):
    """Shells to 3 Å: an atom 5.6 Å away takes points, though 3.8 Å are the reach of the usual ones."""
    density, atoms = scene
    wide = Method(n_shells=30)
    assert wide.reach == pytest.approx(5.7)
    low = atoms[0] - [0.0, 0.0, 3.7]  # the cells begin here
    without = np.array([atoms[0], low])
    both = np.vstack([without, atoms[0] + [0.0, 0.0, 5.6]])
    few = np.array([0])
    assert not np.array_equal(*(shells_of(density, one, few, method=wide)[0][0, -1] for one in (without, both)))


def test_shells_of_a_few_atoms(scene):
    """In the order asked for; Q as `score_atoms` gives it, nothing of those outside."""
    density, atoms = scene
    atoms = np.vstack([atoms, [[-9.0, 0.0, 0.0]]])
    which = np.array([70, len(atoms) - 1, 3, 41])
    shells, q = shells_of(density, atoms, which)
    assert shells.shape == (4, len(METHOD.radii), 3)
    assert np.array_equal(q, q_of(density, atoms)[which], equal_nan=True)
    assert np.isnan(shells[1]).all() and np.isfinite(shells[[0, 2, 3]]).all()
    for k in (0, 2, 3):
        assert np.array_equal(shells_of(density, atoms, which[[k]])[0][0], shells[k])


def test_bounds():
    rng = np.random.default_rng(2)
    density = whole_grid(rng.normal(size=(24, 24, 24)) ** 5, step=0.6)
    q = q_of(density, rng.uniform(2.2, 11.0, (300, 3)))
    assert (np.abs(q) <= 1).all()


def test_density_and_contrast(scene):
    """Centre less the mean of the points 2 Å away; as the map in scale, and blind to an offset."""
    density, atoms = scene
    scores = score_atoms(density, atoms)
    moved = score_atoms(whole_grid(4 * density.values + 1, step=STEP), atoms)
    np.testing.assert_allclose(moved.density, 4 * scores.density + 1, atol=1e-5)
    np.testing.assert_allclose(moved.contrast, 4 * scores.contrast, atol=1e-5)
    centre = np.array([5.0, 5.0, 5.0])
    one = score_atoms(gaussian_map(centre, 0.5), centre[None])
    assert one.density[0] == pytest.approx(1)
    assert one.contrast[0] == pytest.approx(1 - np.exp(-8), abs=2e-3)


def test_density_and_contrast_where_there_is_no_score(scene):
    density, atoms = scene
    scores = score_atoms(density, np.vstack([atoms[:1], [[-9.0, 0.0, 0.0]]]))
    assert np.isnan([scores.density[1], scores.contrast[1]]).all()
    flat = score_atoms(whole_grid(np.full((20, 20, 20), 3.7), step=1.0), np.full((1, 3), 9.3))
    assert flat.density[0] == pytest.approx(3.7)
    assert np.isnan(flat.contrast[0])
    crowd = atoms[0] + 0.7 * np.vstack([np.zeros((1, 3)), np.eye(3), -np.eye(3)])
    assert np.isnan(score_atoms(density, crowd).contrast[0]), "other atoms take every point 2 Å away"
    assert np.isfinite(score_atoms(density, crowd).q).all()


def test_constant_map_is_not_scored():
    density = whole_grid(np.full((20, 20, 20), 3.7), step=1.0)
    scores = score_atoms(density, np.full((1, 3), 9.3))
    assert np.isnan(scores.q).all()
    assert UNSCORED[scores.why[0]] == "constant"
    assert (scores.sampled[:, 1] == scores.sampled[:, 0]).all()


def test_outside_is_not_scored_and_reads_zero_beside():
    density = whole_grid(np.ones((10, 10, 10)) + 1e-3 * np.random.default_rng(0).normal(size=(10, 10, 10)), step=1.0)
    atoms = np.array([[9.0, 4.0, 4.0], [9.001, 4.0, 4.0], [np.nan, 4.0, 4.0], [0.0, 0.0, 0.0]])
    scores = score_atoms(density, atoms)
    assert (scores.why == [-1, 0, 0, -1]).all()
    assert scores.sampled[0, 2] > 0
    assert np.isfinite(scores.q[0]).all()


def test_not_a_number_is_a_reason():
    values = smooth_map(np.random.default_rng(3), (20, 20, 20))
    values[10, 10, 10] = np.nan
    scores = score_atoms(whole_grid(values, step=1.0), np.array([[9.6, 9.6, 9.6], [3.0, 3.0, 3.0]]))
    assert [UNSCORED[w] if w >= 0 else "" for w in scores.why] == ["not_finite", ""]
    assert scores.why.dtype == np.int8


def test_not_a_number_within_two_angstroms_and_a_voxel():
    """Of a constant map, in a box of a grid; voxels of three sizes: 5 of 0.5 Å, 3 of 1 Å, 2 of 2 Å."""
    step, offset, origin = np.array([0.5, 1.0, 2.0]), np.array([3, 5, 7]), np.array([-11.0, 40.0, 6.5])
    at, reach = np.array([8, 7, 6]), np.array([5, 3, 2])

    def why(index, at=at):
        box = np.full((14, 15, 18), 2.5, dtype=np.float32)
        box[tuple(index[::-1])] = np.nan
        density = Density(box, offset, np.array([40, 41, 42]), step, origin)
        return UNSCORED[score_atoms(density, (origin + (offset + at) * step)[None]).why[0]]

    for way in np.vstack([np.eye(3, dtype=int), -np.eye(3, dtype=int)]):
        assert why(at + way * reach) == "not_finite"
        assert why(at + way * (reach + 1)) == "constant"
    assert why(np.array([0, 0, 0]), at=np.array([3, 3, 2])) == "not_finite"
    step[:] = 0.65  # 4.05 voxels are 2.63 Å, of 2.65
    assert why(np.array([12, 7, 6]), at=np.array([7.95, 7, 6])) == "not_finite"


def test_mask_is_seen():
    values = smooth_map(np.random.default_rng(4), (30, 30, 30))
    at = np.arange(30) - 15.0
    r = np.sqrt((at**2)[:, None, None] + (at**2)[None, :, None] + (at**2)[None, None, :])
    values[r > 9] = 0.0
    atoms = np.array([[15.0, 15.0, 15.0], [15.0, 15.0, 23.6], [15.0, 15.0, 24.6]])
    density = whole_grid(values, step=1.0)
    scores = score_atoms(density, atoms)
    marked = constant_points(density.values)
    assert set(np.unique(values[marked == 1])) == {0.0}
    outside = np.argwhere(marked == 1)[:, ::-1]
    for atom, distance in zip(atoms, scores.mask_distance, strict=True):
        nearest = np.linalg.norm(outside - atom, axis=1).min()
        assert distance == (pytest.approx(nearest) if nearest <= 3 else np.inf)
    assert scores.sampled[0, 1] == 0 < scores.sampled[1, 1] < scores.sampled[2, 1]


def test_no_constant_points_in_an_ordinary_map(scene):
    assert constant_points(scene[0].values).shape == (0, 0, 0)


def test_the_smallest_block_of_constant_points():
    assert constant_points(np.ones((3, 3, 3), dtype=np.float32)).sum() == 27
    assert constant_points(np.ones((2, 9, 9), dtype=np.float32)).shape == (0, 0, 0)


def test_directions_by_hand():
    four = directions(4)
    h, theta = -1 / 3, 3.6 / np.sqrt(4 * (1 - 1 / 9))
    assert np.allclose(four[1], [np.sqrt(1 - h * h) * np.cos(theta), np.sqrt(1 - h * h) * np.sin(theta), h])
    assert np.allclose(four[[0, -1]], [[0, 0, -1], [0, 0, 1]], atol=1e-12)


def test_direction_sets():
    vectors, starts = direction_sets()
    assert np.array_equal(np.diff(starts), np.arange(8, 107, 2))
    assert vectors.shape == (starts[-1], 3)
    assert np.array_equal(METHOD.radii, np.arange(21) / 10)
    assert reference_gaussian(0.6)[6] == pytest.approx(np.exp(-0.5))


def test_directions_turn_on_from_one_to_the_next():
    """Saff and Kuijlaars' angles, added up as they are written; the poles have none."""
    n, theta = 20, 0.0
    found = directions(n)
    for k in range(1, n - 1):
        h = -1 + 2 * k / (n - 1)
        theta += 3.6 / np.sqrt(n * (1 - h * h))
        np.testing.assert_allclose(found[k], [*(np.sqrt(1 - h * h) * np.array([np.cos(theta), np.sin(theta)])), h])
    np.testing.assert_allclose(found[[0, -1]], [[0, 0, -1], [0, 0, 1]], atol=1e-12)


@pytest.mark.parametrize("method", [METHOD, Method(points=5, more=3, tries=4)])
def test_sets_of_a_method(method):
    vectors, starts = direction_sets(method)
    assert len(starts) == method.tries + 1 and starts[0] == 0
    for t in range(method.tries):
        size = method.points + t * method.more
        assert np.array_equal(vectors[starts[t] : starts[t + 1]], directions(size))


@pytest.mark.parametrize("method", [Method(n_shells=4, spacing=0.25), Method(n_shells=6, spacing=1 / 3)])
def test_radii_and_reach_of_a_method(method):
    np.testing.assert_allclose(method.radii, [k * method.spacing for k in range(method.n_shells + 1)])
    assert method.reach == pytest.approx(1.9 * method.radii[-1]) and isinstance(method.reach, float)
    np.testing.assert_allclose(reference_gaussian(0.5, method), [np.exp(-2 * r * r) for r in method.radii])


@pytest.mark.parametrize(("shape", "dtype"), [((3, 5), np.float64), ((7,), np.float32), ((2, 4), np.int64)])
def test_aligned(shape, dtype):
    """Sixteen of each size, one after the other: none begins where another's line does."""
    kept = [aligned(*shape, dtype=dtype) for _ in range(16)]
    assert all(one.shape == shape and one.dtype == dtype and one.flags.c_contiguous for one in kept)
    assert all(one.ctypes.data % LINE == 0 for one in kept)
    assert aligned(2).dtype == np.float64


def test_direction_lanes():
    vectors, starts = direction_sets()
    lanes, ways, firsts, sizes = direction_lanes()
    assert lanes.dtype == np.float32 and lanes.shape[1:] == (4, 32) and ways.shape == (len(lanes), 3, 32)
    assert np.array_equal(sizes, np.diff(starts)) and len(firsts) == METHOD.tries
    assert len(lanes) == firsts[-1] + 4  # 106 directions
    for t in (0, 12, 13, 49):
        chunks = slice(firsts[t], firsts[t] - (-sizes[t] // 32))
        kept = np.concatenate(ways[chunks], axis=1)[:, : sizes[t]]
        assert np.array_equal(kept.T, vectors[starts[t] : starts[t + 1]])
        single = np.concatenate(lanes[chunks], axis=1)
        assert np.array_equal(single[:3, : sizes[t]], kept.astype(np.float32))
        assert np.isneginf(single[3, : sizes[t]]).all() and np.isposinf(single[3, sizes[t] :]).all()
        assert not single[:3, sizes[t] :].any() and not np.concatenate(ways[chunks], axis=1)[:, sizes[t] :].any()


def plainly_chosen(neighbours):
    """Of each shell the mean of the points that are kept, and their number; one set after the other, nothing saved."""
    vectors, starts = direction_sets()
    u, v, w = vectors.T
    means, numbers = np.full((20, 3), np.nan), np.zeros(20, dtype=int)
    for shell, radius in enumerate(METHOD.radii[1:]):
        kept = np.ones(len(vectors), dtype=bool)
        for x, y, z in neighbours:
            limit = 0.5 / radius * ((1.0 - 0.9 * 0.9) * radius * radius + (x * x + y * y + z * z))
            kept &= x * u + y * v + z * w <= limit
        enough = np.flatnonzero(np.add.reduceat(kept, starts[:-1], dtype=int) >= 8)
        if len(enough):
            chosen = slice(starts[enough[0]], starts[enough[0] + 1])
            means[shell] = radius * vectors[chosen][kept[chosen]].mean(axis=0)
            numbers[shell] = kept[chosen].sum()
    return means, numbers


def beside_threshold(rng, off):
    """A neighbour for which a direction at some radius is `off`, Å, beyond the last that is kept."""
    vectors, _ = direction_sets()
    radius, u = METHOD.radii[rng.integers(8, 21)], vectors[rng.integers(0, 300)]
    length = rng.uniform(1.0, 1.8) * radius
    along = 0.5 / radius * (0.19 * radius**2 + length**2) + off
    aside = np.cross(u, rng.normal(size=3))
    return along * u + np.sqrt(max(length**2 - along**2, 0.0)) * aside / np.linalg.norm(aside)


@pytest.mark.parametrize("nearest", [0.3, 1.1])
def test_points_are_chosen_as_plainly(nearest):
    """Also beside clashing atoms, and where single precision cannot tell whether a point is kept."""
    rng, centre, slope = np.random.default_rng(7), np.full(3, 6.0), np.array([0.31, 1.7, -0.93])
    z, y, x = np.mgrid[0:13, 0:13, 0:13].astype(np.float64)
    density = whole_grid((slope[0] * x + slope[1] * y + slope[2] * z).astype(np.float32), step=np.ones(3))
    for _ in range(40):
        ways = rng.normal(size=(rng.integers(1, 9), 3))
        ways *= (rng.uniform(nearest, 3.9, len(ways)) / np.linalg.norm(ways, axis=1))[:, None]
        offs = (0.0, 1e-15, 1e-9, -1e-9, 1e-7, -1e-7, 1e-5)[: rng.integers(1, 8)]
        planted = [beside_threshold(rng, off) for off in offs]
        atoms = np.concatenate([[centre], centre + ways, centre + planted])
        shells, _ = shells_of(density, atoms, np.array([0]))
        means, numbers = plainly_chosen(atoms[1:] - centre)
        assert np.array_equal(shells[0, 1:, 0], numbers)
        expected = (centre + means) @ slope
        assert np.allclose(shells[0, 1:, 1], expected, atol=1e-5, rtol=0, equal_nan=True)


def test_cells_hold_every_neighbour():
    atoms = np.random.default_rng(5).uniform(-20, 30, (400, 3))
    cells = cell_list(atoms)
    assert np.array_equal(np.sort(cells.order), np.arange(400))
    place = np.empty(400, dtype=int)
    for c in range(len(cells.starts) - 1):
        place[cells.order[cells.starts[c] : cells.starts[c + 1]]] = c
    xyz = np.stack(np.unravel_index(place, cells.shape), axis=1)
    close = np.argwhere(np.linalg.norm(atoms[:, None] - atoms[None], axis=2) < METHOD.reach)
    assert (np.abs(xyz[close[:, 0]] - xyz[close[:, 1]]).max(axis=1) <= 1).all()


@pytest.mark.parametrize("reach", [3.8, 7.0])
def test_cells_as_they_are_told(reach):
    """Cell by cell, x slowest, numbers rising in each; no smaller than the reach, from the lowest corner."""
    atoms = np.random.default_rng(6).uniform([-20, 3, 0], [30, 40, 12], (300, 3))
    cells = cell_list(atoms, reach=reach)
    low = atoms.min(axis=0)
    index = np.floor((atoms - low) / reach).astype(int)
    number = np.ravel_multi_index(index.T, cells.shape)
    assert np.array_equal(cells.shape, index.max(axis=0) + 1) and cells.size == reach
    assert np.array_equal(cells.low, low)
    assert np.array_equal(cells.order, np.lexsort((np.arange(300), number)))
    assert np.array_equal(cells.starts, [(number < c).sum() for c in range(int(np.prod(cells.shape)) + 1)])
    assert np.array_equal(cells.packed, atoms[cells.order].T)


def test_cells_grow_where_they_would_be_too_many(monkeypatch):
    """27 cells of 4 Å, 8 of 8 Å: where 26 are the most the larger ones are taken, where 27 are it the smaller ones."""
    atoms = np.array([[0.0, 0.0, 0.0], [11.0, 11.0, 11.0], [11.5, 0.0, 4.0]])
    for most, size, shape in ((27, 4.0, [3, 3, 3]), (26, 8.0, [2, 2, 2]), (1, 16.0, [1, 1, 1])):
        monkeypatch.setattr(probes, "MOST_CELLS", most)
        cells = cell_list(atoms, reach=4.0)
        assert cells.size == size and cells.shape.tolist() == shape


def test_atoms_on_the_last_face_of_the_cells():
    """Rounding may put the farthest atom a cell too far: it is in the last one."""
    for edge in np.random.default_rng(8).uniform(1, 40, 200):
        atoms = np.array([[0.1, 0.1, 0.1], [0.1 + edge] * 3])
        cells = cell_list(atoms, reach=edge / 3)
        assert cells.starts[-1] == 2 and len(cells.starts) == np.prod(cells.shape) + 1


@pytest.mark.parametrize("sigmas", [(), (0.0,), (0.4, -1.0)])
def test_bad_sigma(scene, sigmas):
    with pytest.raises(ValueError, match=rf"^sigma {re.escape(str(sigmas))}; expected positive widths in Å$"):
        score_atoms(*scene, sigmas=sigmas)


@pytest.mark.parametrize("shape", [(3,), (4, 2)])
def test_bad_positions(scene, shape):
    with pytest.raises(ValueError, match=rf"^positions of shape {re.escape(str(shape))}; expected \(n, 3\)$"):
        score_atoms(scene[0], np.zeros(shape))


def test_no_atoms(scene):
    density, atoms = scene
    assert score_atoms(density, np.empty((0, 3))).q.shape == (0, 2)
    assert score_atoms(density, atoms, which=[]).q.shape == (0, 2)


def test_positions_of_any_number_type(scene):
    density, _ = scene
    whole = [[10, 12, 14], [13, 12, 14]]
    expected = q_of(density, np.array(whole, dtype=float))
    assert np.array_equal(q_of(density, whole), expected)
    assert np.array_equal(q_of(density, np.array(whole, dtype=np.float32)), expected)
