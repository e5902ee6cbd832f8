"""The scores beside Q: analytic truths, invariances, brute-force counts, reasons of empty cells."""

import csv

import numpy as np
import pytest

from qscore import fourier, measurable, modelmap, overallb, realspace, slabs, spectrum, tables, wholemap
from qscore.compiled import loops
from qscore.density import read_density, whole_grid
from qscore.entry import entry_row, score_pair
from qscore.molecule import molecular_mask
from qscore.simulate import simulate_density, simulate_terms
from tests.pairs import random_atoms, smooth_map, write_map, write_model, write_pair

STEP, R = 1.0, 3.0
ELEMENTS = ["N", "C", "C", "O", "C"]  # as write_model names them


def molecular(frame, positions, elements):
    """The mask of a molecule in the box of a frame."""
    return molecular_mask(positions, np.asarray(elements), shape=frame.shape, step=frame.step, origin=frame.origin)


def model_file(folder, positions):
    write_model(folder / "model.pdb", positions)
    return folder / "model.pdb"


def pair_of(folder, values, positions, *, step=STEP, **told):
    """Score positions in a map of an array; both as files."""
    folder.mkdir(parents=True, exist_ok=True)
    write_map(folder / "map.map", np.asarray(values, dtype=np.float32), step=step)
    return score_pair(folder / "map.map", model_file(folder, positions), chance=False, **told)


@pytest.fixture(scope="module")
def molecule():
    """Forty atoms in the middle of a box of 48 x 50 x 52 points: positions and the map they give at B 100, to 3 Å."""
    rng = np.random.default_rng(5)
    positions = np.round(random_atoms(rng, (18, 18, 17), (33, 31, 30), 40), 3)
    elements = [ELEMENTS[n % 5] for n in range(40)]
    values = simulate_density(positions, elements, np.full(40, 100.0), shape=(48, 50, 52), step=STEP, d_min=R)
    return positions, values


@pytest.fixture(scope="module")
def own(molecule, tmp_path_factory):
    positions, values = molecule
    return pair_of(tmp_path_factory.mktemp("own"), values, positions, resolution=R, contour=float(values.max()) / 5)


# ---- analytic truths ----


def test_one_gaussian_atom(tmp_path):
    """Mean of 8 points, trilinear value and contrast of one Gaussian on an offset have closed forms."""
    width, height, offset = 0.9, 2.0, 0.5
    centre = np.array([20.25, 20.5, 20.75])
    axis = np.arange(41)
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    squared = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
    rng = np.random.default_rng(3)
    values = offset + height * np.exp(-squared / (2 * width**2)) + 1e-3 * rng.standard_normal((41, 41, 41))
    entry = pair_of(tmp_path, values, [centre]).others.entry

    def one_axis(fraction, weights):
        return sum(w * np.exp(-d * d / (2 * width**2)) for w, d in zip(weights, (fraction, 1 - fraction), strict=True))

    eight = offset + height * np.prod([one_axis(f, (0.5, 0.5)) for f in (0.25, 0.5, 0.75)])
    linear = offset + height * np.prod([one_axis(f, (1 - f, f)) for f in (0.25, 0.5, 0.75)])
    assert entry["avg_density"] == pytest.approx(eight, abs=1e-3)
    assert entry["map_value"] == pytest.approx(linear, abs=1e-3)
    assert entry["solvent_mean"] == pytest.approx(offset, abs=1e-4)
    assert entry["solvent_mode"] == pytest.approx(offset, abs=2e-4)
    assert entry["solvent_sd"] == pytest.approx(1e-3, rel=0.02)
    assert entry["avg_density_solvent_z"] == pytest.approx((eight - offset) / 1e-3, rel=0.02)
    at_two = height * np.exp(-2 / width**2)
    contrast = entry["contrast"] * entry["solvent_sd"]
    assert contrast == pytest.approx(linear - offset - at_two, abs=0.05)  # between points the map is linear
    assert (entry["frac_negative"], entry["frac_below_solvent"]) == (0.0, 0.0)


def test_a_model_in_its_own_map(own):
    entry = own.others.entry
    for name in ("cc", "cc_mean", "cc_mask"):
        assert entry[name] == pytest.approx(1.0, abs=5e-4), name
    assert entry["cc_box"] == pytest.approx(1.0, abs=5e-3)  # outside the box the simulated map is taken to be 0
    assert entry["b_sim"] == pytest.approx(100.0, abs=1)
    assert (entry["inclusion"], entry["inclusion_backbone"], entry["inclusion_surrogate"]) == (1.0, 1.0, 1.0)
    assert entry["frac_negative"] == 0.0
    assert np.nanmin(own.others.residues["cc_local"]) == pytest.approx(1.0, abs=1e-3)


def test_the_fsc_of_a_map_and_its_own_model_ends_at_the_sampling_limit(molecule, tmp_path):
    positions, _ = molecule
    elements = [ELEMENTS[n % 5] for n in range(40)]
    uncut = simulate_density(positions, elements, np.full(40, 80.0), shape=(48, 50, 52), step=STEP)
    entry = pair_of(tmp_path, uncut, positions, resolution=R).others.entry
    assert entry["d_fsc05"] == pytest.approx(2 * STEP)


def test_the_fsc_falls_where_the_map_ends(molecule, tmp_path):
    """Strong noise beyond 4 Å: the FSC falls there, whatever the resolution said to be."""
    positions, _ = molecule
    elements = [ELEMENTS[n % 5] for n in range(40)]
    rng, shape = np.random.default_rng(1), (48, 50, 52)
    clean = simulate_density(positions, elements, np.full(40, 20.0), shape=shape, step=STEP)
    noise = rng.standard_normal(shape).astype(np.float32) * 20 * clean.std()
    low = fourier.attenuate(fourier.forward(noise), shape, np.full(3, STEP), d_min=4.0)
    noisy = clean + noise - fourier.backward(low, shape[2])
    entry = pair_of(tmp_path, noisy, positions, resolution=R).others.entry
    assert entry["d_fsc05"] == pytest.approx(4.0, rel=0.06)


SHAPE_ONLY = (
    "avg_density_z", "avg_density_solvent_z", "frac_below_solvent", "inclusion", "inclusion_backbone",
    "inclusion_surrogate", "inclusion_backbone_surrogate", "contrast", "cc_mean", "cc_mask", "cc_box", "b_sim",
    "cc_mean_deposited", "cc_mask_deposited", "cc_box_deposited", "frac_unmodelled", "d_fsc05", "d_fsc05_deposited",
)  # fmt: skip
SCALED = ("avg_density", "map_value", "surrogate_level", "map_sd", "solvent_sd", "map_mean", "solvent_mean")


@pytest.fixture(scope="module")
def noisy(molecule):
    positions, values = molecule
    rng = np.random.default_rng(7)
    noise = smooth_map(rng, values.shape, passes=1)
    return positions + np.array([0.3, 0, 0.2]), values + 0.4 * values.std() * noise


def entry_of(folder, noisy, *, factor=1.0, offset=0.0):
    positions, values = noisy
    level = float(0.2 * values.max())
    told = {"resolution": R, "contour": level * factor + offset}
    return pair_of(folder, values * np.float32(factor) + np.float32(offset), positions, **told).others.entry


def test_what_a_scale_changes(noisy, tmp_path):
    one, other = entry_of(tmp_path / "a", noisy), entry_of(tmp_path / "b", noisy, factor=8.0)
    for name in (*SHAPE_ONLY, "cc", "cc_deposited", "frac_negative"):
        assert other[name] == pytest.approx(one[name], rel=1e-4, abs=1e-6), name
    for name in SCALED:
        assert other[name] == pytest.approx(8 * one[name], rel=1e-4), name


def test_what_an_offset_changes(noisy, tmp_path):
    """Scores about a mean, or against the solvent, do not see an offset; raw ones and CC about 0 do."""
    one, other = entry_of(tmp_path / "a", noisy), entry_of(tmp_path / "b", noisy, offset=1.0)
    for name in SHAPE_ONLY:
        assert other[name] == pytest.approx(one[name], rel=2e-3, abs=1e-5), name
    for name in ("avg_density", "map_value", "surrogate_level", "map_mean", "solvent_mean", "solvent_mode"):
        assert other[name] == pytest.approx(one[name] + 1, rel=1e-3), name
    assert abs(other["cc"] - one["cc"]) > 0.01
    lower = entry_of(tmp_path / "c", noisy, offset=-1.0)
    assert lower["frac_negative"] == 1 and other["frac_negative"] == 0


# ---- brute force ----


def trilinear(values, place):
    """One position, in voxels, x y z."""
    low = [min(int(np.floor(p)), n - 2) for p, n in zip(place, values.shape[::-1], strict=True)]
    total = 0.0
    for corner in np.ndindex(2, 2, 2):
        weight = 1.0
        for axis in range(3):
            f = place[axis] - low[axis]
            weight *= f if corner[axis] else 1 - f
        total += weight * float(values[low[2] + corner[2], low[1] + corner[1], low[0] + corner[0]])
    return total


@pytest.mark.parametrize("level", [-0.4, 0.0, 0.7])
def test_inclusion_is_a_count(tmp_path, level):
    """By definition: atoms strictly above the level, outside ones not included, over all atoms but waters."""
    map_path, model_path = write_pair(tmp_path, seed=11, n=90, step=1.1)
    pair = score_pair(map_path, model_path, contour=level, chance=False)
    values, model = read_density(map_path).values, pair.model
    limit = (np.array(values.shape[::-1]) - 1) * 1.1
    inside = [bool(((p >= 0) & (p <= limit)).all()) for p in model.position]
    above = np.array([ok and trilinear(values, p / 1.1) > level for ok, p in zip(inside, model.position, strict=True)])
    entry, backbone = pair.others.entry, np.isin(model.atom, ["N", "CA", "C", "O"])
    assert 0 < above.sum() < len(model) and not all(inside)
    assert entry["inclusion"] == above.sum() / len(model)
    assert entry["inclusion_backbone"] == above[backbone].sum() / backbone.sum()
    assert entry["n_inclusion_outside"] == len(model) - sum(inside)
    assert pair.summary["chains"]["A"]["inclusion"] == entry["inclusion"]
    by_residue = [above[model.residue_index == n].mean() for n in np.unique(model.residue_index)]
    np.testing.assert_allclose(pair.residues()["inclusion"], by_residue)
    curve = pair.inclusion()
    for at, share in zip(curve["level"], curve["inclusion"], strict=True):
        counted = [ok and trilinear(values, p / 1.1) > at + 1e-5 for ok, p in zip(inside, model.position, strict=True)]
        assert share == pytest.approx(np.mean(counted), abs=1e-9)


def test_waters_do_not_count(tmp_path):
    write_map(tmp_path / "m.map", smooth_map(np.random.default_rng(1)), step=1.0)
    write_model(tmp_path / "m.pdb", [[9.0, 9, 9], [12, 9, 9], [9, 13, 9], [12, 13, 9], [9, 9, 13]])
    text = (tmp_path / "m.pdb").read_text()
    dry = score_pair(tmp_path / "m.map", tmp_path / "m.pdb", contour=0.1, chance=False).others.entry
    water = text.splitlines()[0].replace("ATOM  ", "HETATM").replace(" N   ALA", " O   HOH").replace("N  ", "O  ")
    water = water.replace("   1   ", "  90   ").replace("   9.000   9.000   9.000", "  15.000  15.000  15.000")
    (tmp_path / "w.pdb").write_text(text.replace("END", water + "\nEND"))
    wet = score_pair(tmp_path / "m.map", tmp_path / "w.pdb", contour=0.1, chance=False)
    assert wet.summary["n_water"] == 1
    for name in ("inclusion", "avg_density", "map_value", "frac_negative"):
        assert wet.others.entry[name] == dry[name]


@pytest.mark.parametrize("axes", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
def test_sums_of_the_whole_map(tmp_path, axes, monkeypatch):
    """In whatever order the file runs and in however many parts it is read; constant map is no solvent."""
    rng = np.random.default_rng(2)
    values = smooth_map(rng, (40, 36, 44))
    values[:, :, 30:] = 0.25  # a mask's outside
    positions = random_atoms(rng, (8, 8, 8), (20, 20, 20), 12)
    path = tmp_path / "m.map"
    write_map(path, values, step=1.2)
    raw = bytearray(path.read_bytes()[:1024])
    order = [3 - axis for axis in axes]  # file axis → array axis
    turned = np.ascontiguousarray(values.transpose(order[2], order[1], order[0]))
    np.frombuffer(raw, dtype="<i4")  # the header in words
    header = np.frombuffer(bytes(raw), dtype="<i4").copy()
    header[0:3], header[16:19] = turned.shape[::-1], axes
    path.write_bytes(header.tobytes() + turned.tobytes())
    monkeypatch.setattr("qscore.density._CHUNK_BYTES", 3 * turned[0].nbytes)
    passing = wholemap.Passing(positions, 0.3)
    density = read_density(path, passing=passing)
    found = passing.result()
    np.testing.assert_array_equal(density.values, values)

    z, y, x = np.meshgrid(*(1.2 * np.arange(n) for n in values.shape), indexing="ij")
    points = np.stack([x, y, z], axis=-1)
    nearest = np.min([np.linalg.norm(points - p, axis=-1) for p in positions], axis=0)
    constant = np.zeros(values.shape, dtype=bool)
    constant[:, :, 30:] = True
    solvent = (nearest >= 5) & ~constant
    assert found.n == values.size
    assert found.mean == pytest.approx(values.mean(dtype=float), rel=1e-12)
    assert found.sd == pytest.approx(values.std(dtype=float), rel=1e-9)
    assert found.n_solvent == solvent.sum()
    assert found.solvent_mean == pytest.approx(values[solvent].mean(dtype=float), abs=1e-9)
    assert found.solvent_sd == pytest.approx(values[solvent].std(dtype=float), rel=1e-9)
    assert found.n_above == (values > 0.3).sum()
    assert found.n_above_far == ((values > 0.3) & (nearest >= 5)).sum()


def test_sums_leave_out_what_is_not_a_number(tmp_path):
    values = smooth_map(np.random.default_rng(2), (30, 30, 30))
    write_map(tmp_path / "a.map", values, step=1.0)
    values[3, 4, 5:9] = np.nan
    write_map(tmp_path / "b.map", values, step=1.0)
    passing = wholemap.Passing(np.array([[15.0, 15, 15]]))
    read_density(tmp_path / "b.map", passing=passing)
    found, known = passing.result(), values[np.isfinite(values)]
    assert found.n == len(known)
    assert found.mean == pytest.approx(known.mean(dtype=float), rel=1e-9)


@pytest.mark.parametrize("far", [500.0, 1e8])
def test_sums_with_no_atom_near_the_map(tmp_path, far):
    values = smooth_map(np.random.default_rng(2), (30, 31, 32))
    write_map(tmp_path / "a.map", values, step=1.0)
    passing = wholemap.Passing(np.array([[15.0, far, 15]]), 0.0)
    read_density(tmp_path / "a.map", passing=passing)
    found = passing.result()
    assert found.n_solvent == found.n == values.size
    assert found.n_above == found.n_above_far == (values > 0).sum()


@pytest.mark.parametrize(("law", "mode"), [("normal", 0.3), ("skewed", None), ("whole", 4)])
def test_the_mode(law, mode):
    rng = np.random.default_rng(4)
    if law == "normal":
        found = wholemap.mode_of(rng.normal(mode, 1.0, 400_000).astype(np.float32))
        assert found == pytest.approx(mode, abs=0.05)
    elif law == "skewed":  # gamma: mode (k − 1) θ
        assert wholemap.mode_of(rng.gamma(3.0, 0.5, 400_000)) == pytest.approx(1.0, abs=0.04)
    else:
        assert wholemap.mode_of(rng.binomial(20, 0.2, 400_000).astype(np.float32)) == pytest.approx(mode, abs=0.2)


def test_the_mode_of_one_value():
    assert wholemap.mode_of(np.full(20_000, 1.5)) == 1.5


def test_a_file_of_many_points_is_sampled_evenly():
    for shape in ((512, 512, 512), (300, 401, 77), (64, 64, 64)):
        stride = wholemap.sampling_stride(shape)
        assert np.prod(shape) / stride <= wholemap.MOST_SAMPLED
        assert stride == 1 or all(np.gcd(stride, n) == 1 for n in shape[:2])


def test_cc_box_is_over_the_whole_map(own, molecule):
    """The sums taken in passing give what the whole map with zeros around the simulated box gives."""
    rng = np.random.default_rng(8)
    values = smooth_map(rng, (30, 34, 38)).astype(float) + 0.3
    box, simulated = values[5:20, 6:22, 8:30].astype(np.float32), rng.random((15, 16, 22), dtype=np.float32)
    padded = np.zeros(values.shape)
    padded[5:20, 6:22, 8:30] = simulated
    whole = wholemap.WholeMap(values.size, values.sum(), (values**2).sum(), 0, 0, 1, 0, 0, 0)
    expected = np.corrcoef(values.ravel(), padded.ravel())[0, 1]
    wider = np.pad(simulated, ((0, 1), (0, 2), (0, 3)), constant_values=np.nan)
    sums, nothing = np.zeros((2, 6)), np.zeros((*box.shape[:2], 3), dtype=np.uint8)
    loops().sums_of_two(box, wider, nothing, 0.25, 1.0, sums, np.zeros(8))
    assert modelmap.box_correlation(sums[1], 0.25, whole) == pytest.approx(expected, abs=1e-6)


def test_local_correlations_are_over_the_points_around_a_residue():
    rng = np.random.default_rng(9)
    one, other = (smooth_map(rng, (22, 24, 26)) for _ in range(2))
    positions = random_atoms(rng, (-1, 3, 3), (18, 15, 14), 12)
    starts, step, origin = np.array([0, 5, 5, 12]), np.array([0.8, 0.9, 1.0]), np.array([1.0, -2.0, 0.5])
    found, seen = np.full(3, 7.0), np.full(one.size, -1, dtype=np.int32)
    for begin, end in ((0, 2), (2, 3)):
        loops().local_correlations(one, other, seen, begin, end, origin, step, positions, starts, 2.5, found)
    z, y, x = np.meshgrid(*(np.arange(n) for n in one.shape), indexing="ij")
    points = np.stack([x, y, z], axis=-1) * step + origin
    for group in (0, 2):
        mine = positions[starts[group] : starts[group + 1]]
        near = np.min([np.linalg.norm(points - p, axis=-1) for p in mine], axis=0) <= 2.5
        assert found[group] == pytest.approx(np.corrcoef(one[near], other[near])[0, 1], abs=1e-6)
    assert np.isnan(found[1])


def test_fourier_terms_are_numpys():
    values = np.random.default_rng(1).standard_normal((11, 14, 9)).astype(np.float32)
    terms = fourier.forward(values)
    np.testing.assert_allclose(terms, np.fft.rfftn(values), atol=1e-4)
    np.testing.assert_allclose(fourier.backward(terms, 9), values, atol=1e-5)


@pytest.mark.parametrize("shape", [(16, 18, 20), (30, 50, 24), (6, 2, 90)])
def test_single_precision_is_numpys(shape):
    rng = np.random.default_rng(1)
    values = rng.standard_normal([n - 1 for n in shape]).astype(np.float32)
    weights = rng.integers(0, 256, values.shape, dtype=np.uint8)
    terms = spectrum.forward(values, shape, weights=weights, scale=1 / 255, offset=0.5)
    weighted = (values + 0.5) * weights / 255
    expected = np.fft.rfftn(np.pad(weighted, 1)[1:, 1:, 1:])
    np.testing.assert_allclose(terms, expected, atol=1e-6 * np.abs(expected).max())
    there = np.pad(weighted, 1)[1:, 1:, 1:].astype(np.float32)
    np.testing.assert_allclose(spectrum.forward(there, shape), terms, atol=1e-6 * np.abs(expected).max())
    again = spectrum.forward(values, shape, weights=weights, scale=1 / 255, offset=0.5, threads=3)
    assert again.tobytes() == terms.tobytes()
    back = spectrum.inverse(terms, shape[2])
    assert back.dtype == np.float32
    np.testing.assert_allclose(back[:-1, :-1, :-1], weighted, atol=2e-6)


@pytest.mark.parametrize("shape", [(16, 18, 20), (30, 50, 24)])
def test_every_second_point_of_a_faded_map(shape):
    """Terms cut and faded as NumPy would; folded, they give the same map at every second point."""
    step, rng = np.array([1.0, 1.1, 0.9]), np.random.default_rng(2)
    edges, told = np.array(shape[::-1]) * step, {"b": 7.0, "d_min": 3.05}
    terms = spectrum.forward(rng.standard_normal(shape).astype(np.float32), shape)
    expected = fourier.backward(fourier.attenuate(terms.copy(), shape, step, **told), shape[2])
    half = tuple(n // 2 for n in shape)
    few = spectrum.halved(terms, shape[2], edges, **told, room=spectrum.room(half))
    found = spectrum.inverse(few, half[2])
    np.testing.assert_allclose(found, expected[::2, ::2, ::2], atol=1e-6)
    again = spectrum.fade(terms.copy(), edges, **told, threads=3)
    whole = spectrum.inverse(spectrum.fade(terms, edges, **told), shape[2])
    np.testing.assert_allclose(whole, expected, atol=1e-6)
    part = tuple(n - 3 for n in shape[:2])
    some = spectrum.inverse(again, shape[2], shape=part, kept=spectrum.reached(edges, 3.05), threads=3)
    assert some.tobytes() == np.ascontiguousarray(whole[: part[0], : part[1]]).tobytes()


def test_sizes_are_even_and_have_small_factors():
    assert [spectrum.good_size(n) for n in (1, 7, 16, 97, 257, 271)] == [2, 8, 16, 100, 270, 288]


@pytest.mark.parametrize("b", [[0.0, 30.0, 300.0], [80.0, 80.0, 80.0]])
def test_the_compiled_simulation_is_gemmis(b):
    """Atoms at the box's faces and outside it come in at the other side of the periodic box, in both."""
    positions = np.array([[0.3, 5.0, 6.0], [11.0, -2.0, 17.7], [30.1, 20.0, 3.0]])
    told = {"shape": (36, 40, 50), "step": (1.0, 0.9, 1.1), "origin": (-1.0, 2.0, 0.5), "occupancy": [1, 0.5, 1]}
    terms = simulate_terms(positions, ["N", "ZN", "X"], b, **told)
    expected = simulate_density(positions, ["N", "ZN", "X"], b, d_min=R, **told)
    assert simulate_terms(positions, ["N", "ZN", "X"], b, **told, threads=3).tobytes() == terms.tobytes()
    spectrum.fade(terms, np.array(told["shape"][::-1]) * told["step"], d_min=R)
    found = spectrum.inverse(terms, 50)
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize("rank", [0, 1, 700, 2999])
def test_a_value_by_its_rank(rank):
    values = np.random.default_rng(3).standard_normal(3000).astype(np.float32).round(2)
    value, ties = realspace.ranked(values, rank, threads=1 + rank % 3)
    assert value == np.sort(values)[rank] and ties == np.count_nonzero(values == np.float32(value))


def test_b_is_fitted_to_the_highest_cc_mask(noisy, tmp_path):
    """No other B gives a correlation in the mask that is higher by 0.0005."""
    positions, values = noisy
    density = whole_grid(values, step=STEP)
    atoms = modelmap.Atoms(positions, [ELEMENTS[n % 5] for n in range(40)], np.full(40, 50.0), np.ones(40))
    frame = modelmap.frame_of(density, positions, R)
    mask = molecular(frame, positions, atoms.element)
    fitted, _ = modelmap.compare(density, frame, atoms, mask, whole=None, centre=float(values.mean()))

    def at(b):
        other = modelmap.Atoms(positions, atoms.element, np.full(40, b), atoms.occupancy)
        return modelmap.compare(density, frame, other, mask, whole=None, centre=float(values.mean()))[1].cc_mask

    assert at(fitted.b) == pytest.approx(fitted.cc_mask, abs=2e-5)
    assert max(at(fitted.b * factor) for factor in (0.5, 0.8, 0.9, 1.1, 1.2, 2.0)) < fitted.cc_mask + 5e-4
    assert at(fitted.b * 3) < fitted.cc_mask - 0.005


def test_atoms_outside_the_box_do_not_come_in_at_its_other_side():
    """An atom 4.9 Å below the map's first section, and none else near: the last sections hold nothing of it."""
    density = whole_grid(np.zeros((24, 24, 24), dtype=np.float32), step=STEP)
    positions = np.array([[12.0, 12, -4.9], [12, 12, 12]])
    frame = modelmap.frame_of(density, positions, 2.5)
    one = simulate_density(positions[:1], ["C"], [100.0], **frame.place)
    assert np.abs(one[20:24]).max() < 1e-3 * np.abs(one).max()


@pytest.mark.parametrize("room", [6.0, 20.0])
def test_the_threshold_of_cc_does_not_depend_on_the_room(noisy, room, monkeypatch):
    """Ripples of the cut at 1/R fill whatever box there is."""
    positions, values = noisy
    density, atoms = whole_grid(values, step=STEP), [ELEMENTS[n % 5] for n in range(40)]
    monkeypatch.setattr(modelmap, "ROOM", room)
    frame = modelmap.frame_of(density, positions, R)
    mask = molecular(frame, positions, atoms)
    model = modelmap.Atoms(positions, atoms, np.full(40, 60.0), np.ones(40))
    found = modelmap.compare(density, frame, model, mask, whole=None, centre=float(values.mean()))[1]
    assert (found.cc, found.cc_mean) == pytest.approx((0.9741, 0.9189), abs=5e-4)


def test_b_from_every_second_point(monkeypatch):
    """A map of large noise: B from every second point of the mask is near that from all, and CC_mask as high."""
    rng = np.random.default_rng(6)
    positions = random_atoms(rng, (8, 8, 8), (40, 40, 40), 700)
    elements, shape = ["C"] * 700, (48, 48, 48)
    values = simulate_density(positions, elements, np.full(700, 90.0), shape=shape, step=STEP, d_min=R)
    density = whole_grid(values + 0.5 * values.std() * smooth_map(rng, shape, passes=1), step=STEP)
    frame = modelmap.frame_of(density, positions, R)
    mask = molecular(frame, positions, elements)
    atoms = modelmap.Atoms(positions, elements, np.full(700, 50.0), np.ones(700))
    found = []
    for enough in (10**9, 100):
        monkeypatch.setattr(overallb, "ENOUGH", enough)
        found.append(modelmap.compare(density, frame, atoms, mask, whole=None, centre=float(values.mean()))[0])
    assert found[1].b != found[0].b and found[1].b == pytest.approx(found[0].b, rel=0.05)
    assert found[1].cc_mask == pytest.approx(found[0].cc_mask, abs=1e-4)


def test_alternate_locations_weigh_in_full(molecule, tmp_path):
    """Half of the atoms at two places of 0.3 and 0.7: one place is kept, with the occupancy of both."""
    positions, values = molecule
    write_map(tmp_path / "m.map", values, step=STEP)
    lines = model_file(tmp_path, positions).read_text().splitlines()
    several = []
    for n, line in enumerate(lines):
        if line.startswith("ATOM") and n % 2:
            for label, occupancy in (("A", "0.30"), ("B", "0.70")):
                several.append(line[:16] + label + line[17:56] + occupancy + line[60:])
        else:
            several.append(line)
    (tmp_path / "alt.pdb").write_text("\n".join(several) + "\n")
    plain = score_pair(tmp_path / "m.map", tmp_path / "model.pdb", resolution=R, chance=False).others.entry
    other = score_pair(tmp_path / "m.map", tmp_path / "alt.pdb", resolution=R, chance=False).others.entry
    for name in ("cc_mask", "cc", "cc_mask_deposited", "b_sim"):
        assert other[name] == pytest.approx(plain[name], rel=1e-4), name


def test_threads_change_no_bit(molecule, tmp_path):
    positions, values = molecule
    told = {"resolution": R, "contour": float(values.max()) / 5}
    one, *several = (pair_of(tmp_path / str(n), values, positions, threads=n, **told) for n in (1, 2, 3))
    assert one.others.entry["cc_mask"] > 0.5
    for other in several:
        assert other.others.entry.items() >= {k: v for k, v in one.others.entry.items() if v == v}.items()
        for name, column in {**one.residues(), **one.inclusion()}.items():
            np.testing.assert_array_equal((other.residues() | other.inclusion())[name], column)


def test_parts_of_a_box_are_whole_and_not_empty():
    for n, threads in ((1, 1), (3, 2), (100, 1), (100, 3)):
        for parts in (slabs.sections(n), slabs.shares(n, threads)):
            assert [k for part in parts for k in range(n)[part]] == list(range(n))
            assert all(part.start < part.stop for part in parts)
    assert len(slabs.shares(100, 1)) == 1 and len(slabs.sections(100)) == slabs.PARTS


# ---- what cannot be measured ----


def test_a_masked_map_has_no_surrogate_level():
    """Where a mask leaves fewer points than the molecule has, its outside would be the level."""
    values = np.zeros((20, 20, 20), dtype=np.float32)
    values[8:12, 8:12, 8:12] = np.random.default_rng(1).random((4, 4, 4)) + 1
    density = whole_grid(values, step=STEP)
    assert np.isnan(realspace.surrogate_level(density, 200, finite=True))
    assert 1 < realspace.surrogate_level(density, 30, finite=True) < 2
    values[0, 0, :5] = np.nan
    assert 1 < realspace.surrogate_level(whole_grid(values, step=STEP), 30, finite=False) < 2


@pytest.mark.parametrize("told", [{"contour": float("nan")}, {"contour": float("inf")}, {"resolution": float("nan")}])
def test_a_level_or_resolution_that_is_no_number_is_refused(tmp_path, told):
    map_path, model_path = write_pair(tmp_path)
    with pytest.raises(ValueError, match="expected a"):
        score_pair(map_path, model_path, **told)


def test_a_part_of_a_map(molecule):
    positions, values = molecule
    density = whole_grid(values, step=STEP)
    assert measurable.part_of_map(density, positions) == ""
    cut = whole_grid(values[10:38, 10:40, 10:42], step=STEP, origin=(10, 10, 10))
    assert "within 10 Å" in measurable.part_of_map(cut, positions)


def test_the_deposited_grid_decides(molecule, tmp_path):
    positions, values = molecule
    cut = values[10:38, 10:40, 10:42]
    here = pair_of(tmp_path / "a", cut, positions - 10, resolution=R, map_grid="32 30 28").others.entry
    assert here["whole_map"] and here["cc_box"] == here["cc_box"]
    other = pair_of(tmp_path / "b", cut, positions - 10, resolution=R, map_grid="320 300 280").others.entry
    assert not other["whole_map"] and "part of a map (32 30 28 of 320 300 280 points)" in other["not_measured"]
    for name in ("avg_density_z", "avg_density_solvent_z", "cc_box", "contrast", "map_mean"):
        assert np.isnan(other[name]) and name in other["not_measured"]
    assert other["cc_mask"] == pytest.approx(here["cc_mask"])


def test_every_empty_score_has_its_reason(tmp_path):
    map_path, model_path = write_pair(tmp_path, seed=3, n=40, edge=False)
    for told in ({}, {"resolution": 4.0}, {"contour": 0.1}, {"resolution": 4.0, "contour": 0.1}):
        entry = score_pair(map_path, model_path, chance=False, **told).others.entry
        empty = {key for key, value in entry.items() if isinstance(value, float) and np.isnan(value)}
        named = {name for part in entry["not_measured"].split("; ") for name in part.rpartition(": ")[2].split(", ")}
        assert named - {""} == empty
        assert ("no resolution" in entry["not_measured"]) == ("resolution" not in told)
        assert ("no contour level" in entry["not_measured"]) == ("contour" not in told)


def test_a_map_that_is_not_a_number_somewhere(molecule, tmp_path):
    positions, values = molecule
    broken = values.copy()
    broken[20, 20, 17] = np.nan
    entry = pair_of(tmp_path, broken, positions, resolution=R).others.entry
    assert np.isnan(entry["cc_mask"]) and "not a number" in entry["not_measured"]


def test_a_partial_model_has_no_cc_box(molecule, tmp_path):
    positions, values = molecule
    several = values + np.roll(values, 22, 0) + np.roll(values, 22, 1)
    told = pair_of(tmp_path, several, positions, resolution=R, contour=float(values.max()) / 5).others.entry
    assert told["frac_unmodelled"] > 0.5
    untold = pair_of(tmp_path, several, positions, resolution=R).others.entry
    for entry, level in ((told, "contour"), (untold, "surrogate")):
        assert np.isnan(entry["cc_box"]) and f"above the {level} level" in entry["not_measured"]
        assert entry["cc_mask"] > 0.99


@pytest.mark.parametrize(
    ("b_iso", "informative"),
    [([20.0] * 9, False), ([0.0] * 3 + [9.0, 8, 7, 6, 5, 4], False), ([500.0] * 5 + [1.0, 2, 3, 4], False),
     (np.arange(9.0), True)],
)  # fmt: skip
def test_placeholder_b(b_iso, informative):
    assert realspace.b_informative(np.array(b_iso)) is informative


# ---- as tables ----


def test_the_row_holds_every_score(own):
    names = {column.name for column in tables.OTHER_SCORES}
    assert names == set(own.others.entry) <= set(entry_row(own))
    assert set(own.inclusion()) == set(tables.INCLUSION.names) - {"emdb_id", "pdb_id"}
    assert {"inclusion", "z", "cc_local"} <= set(own.residues())


def test_q_does_not_depend_on_the_other_scores(tmp_path):
    map_path, model_path = write_pair(tmp_path, seed=4)
    one = score_pair(map_path, model_path, chance=False, others=False)
    other = score_pair(map_path, model_path, chance=False, resolution=3.0, contour=0.2)
    np.testing.assert_array_equal(one.scores.q, other.scores.q)
    assert one.others is None and set(one.inclusion()) == set(other.inclusion())


# CC_mask, CC_box and map–model FSC 0.5 (masked) of cctbx-base 2025.11 with deposited B, on the same arrays and atoms
# (benchmarks/peers.py). EMD-5168: its 18 atoms outside the map are wrapped there.
CCTBX = {
    "3ajo": (0.8185, 2.00), "6i5a": (0.8400, 2.39), "3j6b": (0.7344, 3.59), "3j06": (0.7949, 3.63),
    "7cec": (0.8077, 4.15), "1oed": (0.3236, 10.19), "3los": (0.5276, 5.51), "5fn5": (0.7105, 4.25),
    "3mfp": (0.6522, None),
}  # fmt: skip


@pytest.mark.parametrize("pdb_id", CCTBX)
def test_as_an_independent_program(real_data, pdb_id):
    with open(real_data / "pairs.tsv", encoding="utf-8") as stream:
        row = next(row for row in csv.DictReader(stream, delimiter="\t") if row["pdb_id"] == pdb_id)
    pair = score_pair(
        real_data / row["map"], real_data / row["model"], resolution=float(row["resolution"]), chance=False
    )
    cc_mask, d_fsc05 = CCTBX[pdb_id]
    assert pair.others.entry["cc_mask_deposited"] == pytest.approx(cc_mask, abs=0.02)
    if d_fsc05:
        assert pair.others.entry["d_fsc05_deposited"] == pytest.approx(d_fsc05, rel=0.03)
