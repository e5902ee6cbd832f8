"""Simulated density against closed forms: one atom, the Fourier cut, noise at a stated FSC."""

import numpy as np
import pytest

from qscore.simulate import add_noise, fourier_cut, simulate_density

# International Tables for Crystallography C, table 4.3.2.2: neutral carbon, electrons (Å, Å²)
CARBON_A = np.array([0.0893, 0.2563, 0.7570, 1.0487, 0.3575])
CARBON_B = np.array([0.2465, 1.7100, 6.4094, 18.6113, 50.2523])
OXYGEN_F0 = 0.0974 + 0.2921 + 0.6910 + 0.6990 + 0.2039


def carbon_density(distance, b_iso):
    """Sum of five Gaussians at a distance (Å) from the atom."""
    width = CARBON_B + b_iso
    return np.sum(CARBON_A * (4 * np.pi / width) ** 1.5 * np.exp(-4 * np.pi**2 * distance**2 / width))


def shell_correlation(first, second, *, step, low, high):
    """Fourier shell correlation between spatial frequencies `low` and `high` (1/Å)."""
    s2 = sum(f**2 for f in np.meshgrid(*(np.fft.fftfreq(n, step) for n in first.shape), indexing="ij"))
    shell = (s2 >= low**2) & (s2 <= high**2)
    a, b = np.fft.fftn(first)[shell], np.fft.fftn(second)[shell]
    return np.real(np.sum(a * b.conj())) / np.sqrt(np.sum(abs(a) ** 2) * np.sum(abs(b) ** 2))


@pytest.fixture
def blob():
    """Three hundred atoms in a box of 48 × 50 × 54 points of 1 Å."""
    rng = np.random.default_rng(7)
    positions = rng.uniform(14, 34, (300, 3))
    return simulate_density(positions, ["C"] * 300, np.full(300, 60.0), shape=(48, 50, 54), step=1.0)


@pytest.mark.parametrize(("step", "b_iso"), [(0.5, 20.0), (1.0, 100.0), (1.5, 2.0)])
def test_an_atom_integrates_to_its_scattering_at_zero_angle(step, b_iso):
    n = round(36 / step)
    density = simulate_density([[18.0, 17.6, 18.3]], ["O"], [b_iso], shape=(n, n, n), step=step)
    assert density.sum() * step**3 == pytest.approx(OXYGEN_F0, rel=2e-3)


@pytest.mark.parametrize("index", [(20, 22, 24), (20, 22, 26), (23, 22, 24)])
def test_an_atom_is_the_sum_of_its_gaussians(index):
    density = simulate_density([[12.0, 11.0, 10.0]], ["C"], [30.0], shape=(44, 48, 52), step=0.5)
    distance = 0.5 * np.linalg.norm(np.subtract(index, (20, 22, 24)))
    assert density[index] == pytest.approx(carbon_density(distance, 30.0), rel=2e-3)


def test_the_peak_is_where_the_atom_is():
    box = {"shape": (30, 34, 38), "step": (1.0, 0.9, 0.8)}
    density = simulate_density([[-2.0, 13.5, 26.0]], ["N"], [40.0], origin=(-10.0, 4.5, 6.0), **box)
    assert np.unravel_index(density.argmax(), density.shape) == (25, 10, 8)
    assert density.dtype == np.float32
    assert density.flags.c_contiguous


def test_occupancy_scales_the_density():
    args = ([[8.0, 8.0, 8.0]], ["C"], [50.0])
    full = simulate_density(*args, shape=(16, 16, 16), step=1.0)
    half = simulate_density(*args, shape=(16, 16, 16), step=1.0, occupancy=[0.5])
    np.testing.assert_allclose(half, full / 2, atol=1e-5)


def test_a_coarse_grid_does_not_alias():
    positions = np.random.default_rng(3).uniform(12, 20, (20, 3))
    args = (positions, ["C"] * 20, np.full(20, 5.0))
    coarse = simulate_density(*args, shape=(32, 32, 32), step=1.0, d_min=2.5)
    fine = simulate_density(*args, shape=(96, 96, 96), step=1.0 / 3, d_min=2.5)[::3, ::3, ::3]
    assert np.abs(coarse - fine).max() < 0.01 * fine.max()


def test_the_cut_removes_terms_beyond_the_resolution_and_nothing_else(blob):
    terms, kept = np.fft.fftn(blob), np.fft.fftn(fourier_cut(blob, step=1.0, d_min=4.0))
    s = np.sqrt(sum(f**2 for f in np.meshgrid(*(np.fft.fftfreq(n) for n in blob.shape), indexing="ij")))
    scale = abs(terms).max()
    assert abs(kept[s > 0.251]).max() < 1e-6 * scale
    assert abs(kept - terms)[s < 0.249].max() < 1e-6 * scale


def test_d_min_is_the_cut():
    args = ([[10.0, 11.0, 12.0]], ["C"], [80.0])
    whole = simulate_density(*args, shape=(24, 24, 24), step=1.0)
    cut = simulate_density(*args, shape=(24, 24, 24), step=1.0, d_min=3.0)
    np.testing.assert_allclose(cut, fourier_cut(whole, step=1.0, d_min=3.0), atol=1e-6)


def test_half_maps_correlate_as_stated(blob):
    rng = np.random.default_rng(11)
    signal = fourier_cut(blob, step=1.0, d_min=3.5)
    halves = [add_noise(signal, rng, step=1.0, d_min=3.5, halves=1) for _ in range(2)]
    outer = shell_correlation(*halves, step=1.0, low=0.95 / 3.5, high=1 / 3.5)
    assert outer == pytest.approx(0.143, abs=0.03)
    assert shell_correlation(*halves, step=1.0, low=0.05, high=0.1) > 0.7


def test_the_full_map_has_half_the_noise_of_a_half_map(blob):
    noise = [add_noise(blob, np.random.default_rng(5), step=1.0, d_min=4.0, halves=n) - blob for n in (1, 2)]
    assert noise[0].var() / noise[1].var() == pytest.approx(2.0, rel=1e-4)


def test_noise_stays_inside_the_resolution_and_repeats(blob):
    noisy = [add_noise(blob, np.random.default_rng(5), step=1.0, d_min=4.0) for _ in range(2)]
    np.testing.assert_array_equal(*noisy)
    noise = noisy[0] - blob
    np.testing.assert_allclose(fourier_cut(noise, step=1.0, d_min=4.0), noise, atol=1e-4 * noise.std())


def test_imposed_symmetry_is_in_the_noise(blob):
    cube = fourier_cut(blob[:48, :48, :48], step=1.0, d_min=4.0)
    flat = add_noise(cube, np.random.default_rng(1), step=1.0, d_min=4.0, symmetry=lambda f: (f + f[::-1]) / 2) - cube
    np.testing.assert_allclose(flat, flat[::-1], atol=1e-5 * flat.std() + 1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions": np.empty((0, 3))}, "n > 0"),
        ({"elements": ["C"]}, "differ in length"),
        ({"shape": (8, 0, 8)}, "three positive numbers"),
    ],
)
def test_unusable_input_is_refused(change, message):
    good = {"positions": np.ones((2, 3)), "elements": ["C", "C"], "b_iso": [1.0, 1.0], "shape": (8, 8, 8)}
    with pytest.raises(ValueError, match=message):
        simulate_density(**(good | change), step=1.0)


@pytest.mark.parametrize(("options", "message"), [({"fsc": 1.0}, "between 0 and 1"), ({"d_min": 0.1}, "no Fourier")])
def test_impossible_noise_is_refused(blob, options, message):
    with pytest.raises(ValueError, match=message):
        add_noise(blob, np.random.default_rng(0), **({"step": 1.0, "d_min": 4.0} | options))
