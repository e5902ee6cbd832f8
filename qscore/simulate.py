"""Model → density: what an electron microscope would see of atoms, to a resolution, with noise.

Arrays of density are float32 in order (z, y, x); positions are (x, y, z) in Å; the voxel with index 0
lies at `origin`. The box is periodic: whoever wants no wrap-around pads it (5 Å beyond the atoms is
enough up to B = 100 Å², 10 Å up to B = 600 Å²).
"""

import gemmi
import numpy as np

from qscore import fourier, spectrum
from qscore.compiled import loops
from qscore.nearness import Stripes

BLUR_PER_STEP2 = 8 * np.pi**2 / 1.1
"""Smallest B / step² (dimensionless) at which point sampling does not alias; Refmac's rule (gemmi)."""
FALL = 9.2  # an atom ends where its widest Gaussian has fallen to exp(−9.2), 1e-4


def simulate_density(positions, elements, b_iso, *, shape, step, origin=(0.0, 0.0, 0.0), occupancy=None, d_min=None):
    """Electrostatic potential of atoms on a grid.

    Scattering factors are those of neutral atoms for electrons, International Tables for
    Crystallography C, table 4.3.2.2, as in ``gemmi.DensityCalculatorE``. Where B is so low that the
    grid would alias, atoms are blurred for the sampling and sharpened back in Fourier space.

    Parameters
    ----------
    positions : array_like, shape (n, 3)
        Atoms, xyz (Å).
    elements : sequence of str, length n
        Element symbols.
    b_iso : array_like, shape (n,)
        Isotropic B (Å²).
    shape : tuple of 3 int
        Points along (z, y, x).
    step : float or sequence of 3 float
        Voxel size, or its x, y and z (Å).
    origin : sequence of 3 float
        Position of the voxel with index 0, xyz (Å).
    occupancy : array_like, shape (n,), optional
        1 unless given.
    d_min : float, optional
        Fourier terms beyond 1/d_min are removed (Å); all are kept when None.

    Returns
    -------
    ndarray of float32, shape (nz, ny, nx)
        Density; its sum times the voxel's volume is the sum of the scattering factors at 0 (Å).

    Raises
    ------
    ValueError
        When there are no atoms, the lengths differ, or the grid is empty.
    """
    step = _step3(step)
    calculator = _sampled(positions, elements, b_iso, occupancy, shape=shape, step=step, origin=origin)
    density = np.array(_values(calculator), dtype=np.float32, order="C")
    if calculator.blur == 0.0 and d_min is None:
        return density
    terms = fourier.attenuate(fourier.forward(density), density.shape, step, b=-calculator.blur, d_min=d_min)
    return fourier.backward(terms, density.shape[2])


def simulate_terms(
    positions, elements, b_iso, *, shape, step, origin=(0.0, 0.0, 0.0), occupancy=None, room=None, threads=1
):
    """The Fourier terms of `simulate_density`, none removed; by a compiled loop, to about 1e-4 of an atom's height.

    `shape` is of sizes of `qscore.spectrum.good_size`; the result, which is put into `room` (of `spectrum.room`) when
    it is given, does not depend on `threads`.

    Returns
    -------
    ndarray of complex64, shape (nz, ny, nx // 2 + 1)
        As of `qscore.spectrum.forward`.
    """
    step = _step3(step)
    positions, b_iso = np.ascontiguousarray(positions, dtype=float), np.asarray(b_iso, dtype=float)
    occupancy = np.ones(len(positions)) if occupancy is None else np.ascontiguousarray(occupancy, dtype=float)
    _check_atoms(positions, elements, b_iso, occupancy)
    blur = _blur(step, b_iso)
    names, kind = np.unique(np.asarray(elements, dtype=str), return_inverse=True)
    coefficients = np.array([_coefficients(name) for name in names.tolist()])
    widest = coefficients[:, 5:].max() + b_iso.max() + blur
    reach = np.sqrt(FALL * widest) / (2 * np.pi)
    points = -(-(2 * int(reach / step.min()) + 2) // 8) * 8
    origin, kind, b = np.array(origin, dtype=float), kind.astype(np.int64), b_iso + blur
    near = Stripes((positions[:, 2] - origin[2]) / step[2], reach / step[2], shape[0])

    def spread(part, values):
        """Some of the sections."""
        some = near.reaching(part)
        atoms = positions[some], kind[some], coefficients, b[some], occupancy[some], FALL
        scratch = *(np.empty(of, dtype=np.float32) for of in ((3, 5, points), points)), np.empty((3, 5))
        loops().spread_atoms(values, part.start, shape[0], origin, np.array(step), *atoms, *scratch)

    terms = spectrum.transform(spread, spectrum.room(shape) if room is None else room, shape[2], threads)
    return spectrum.fade(terms, np.array(shape[::-1]) * step, b=-blur, threads=threads) if blur else terms


def _coefficients(element: str) -> list[float]:
    """Five heights and five widths (Å²) of an element's scattering factor, or of an unknown one's."""
    table = gemmi.Element(element).c4322 or gemmi.Element("X").c4322
    return table.get_coefs()


def _blur(step, b_iso) -> float:
    """What is added to B so that the grid does not alias, Å²."""
    return max(0.0, BLUR_PER_STEP2 * float(step.max()) ** 2 - float(b_iso.min()))


def fourier_cut(density, *, step, d_min):
    """The map without its Fourier terms beyond 1/d_min.

    Parameters
    ----------
    density : ndarray, shape (nz, ny, nx)
        Map.
    step : float or sequence of 3 float
        Voxel size, or its x, y and z (Å).
    d_min : float
        Resolution (Å).

    Returns
    -------
    ndarray of float32, shape (nz, ny, nx)
    """
    terms = fourier.attenuate(fourier.forward(density), density.shape, _step3(step), d_min=d_min)
    return fourier.backward(terms, density.shape[2])


def add_noise(density, rng, *, step, d_min, fsc=0.143, halves=2, symmetry=None):
    """The map with white noise inside 1/d_min, as strong as a reconstruction at that resolution has.

    Two half maps with signal power S and noise power N correlate with FSC = S / (S + N), so at the
    stated FSC N = S (1 − fsc) / fsc in the outer shell (Rosenthal & Henderson 2003); the mean of
    two half maps has half of it.

    Parameters
    ----------
    density : ndarray, shape (nz, ny, nx)
        Noise-free map.
    rng : numpy.random.Generator
        Source of the noise.
    step : float or sequence of 3 float
        Voxel size, or its x, y and z (Å).
    d_min : float
        Resolution (Å).
    fsc : float
        Correlation of two half maps in the shell 0.95/d_min to 1/d_min.
    halves : int
        How many half maps are averaged: 1 makes one half map, 2 the full map.
    symmetry : callable, optional
        Takes and returns a field of unit variance, shape (nz, ny, nx): the imposed symmetry.

    Returns
    -------
    ndarray of float32, shape (nz, ny, nx)

    Raises
    ------
    ValueError
        When `fsc` is not between 0 and 1, or the shell is empty.
    """
    if not 0 < fsc < 1:
        raise ValueError(f"fsc must lie between 0 and 1, got {fsc}")
    step = _step3(step)
    power = _shell_power(density, step, d_min) * (1 - fsc) / fsc / halves
    white = rng.standard_normal(density.shape, dtype=np.float32)
    if symmetry is not None:
        white = symmetry(white)
    amplitude = np.float32(np.sqrt(power / white.size))
    return density + amplitude * fourier_cut(white, step=step, d_min=d_min)


def _sampled(positions, elements, b_iso, occupancy, *, shape, step, origin):
    """Atoms put on gemmi's grid, blurred where the grid would alias."""
    positions = np.asarray(positions, dtype=float)
    occupancy = np.ones(len(positions)) if occupancy is None else np.asarray(occupancy, dtype=float)
    b_iso = np.asarray(b_iso, dtype=float)
    _check_atoms(positions, elements, b_iso, occupancy)
    calculator = _calculator(shape, step, blur=_blur(step, b_iso))
    for xyz, element, b, q in zip(positions - origin, elements, b_iso, occupancy, strict=True):
        calculator.add_atom_density_to_grid(_atom(xyz, element, b, q))
    return calculator


def _values(calculator):
    """The grid of a calculator in order (z, y, x), not copied."""
    return calculator.grid.array.transpose(2, 1, 0)


def _check_atoms(positions, elements, b_iso, occupancy):
    if positions.ndim != 2 or positions.shape[1] != 3 or not len(positions):
        raise ValueError(f"positions must have shape (n, 3) with n > 0, got {positions.shape}")
    lengths = {len(positions), len(elements), len(b_iso), len(occupancy)}
    if len(lengths) > 1:
        raise ValueError(f"positions, elements, b_iso and occupancy differ in length: {sorted(lengths)}")


def _step3(step):
    return np.broadcast_to(np.asarray(step, dtype=float), (3,))


def _calculator(shape, step, *, blur):
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape must be three positive numbers (z, y, x), got {shape}")
    points = tuple(int(n) for n in reversed(shape))
    calculator = gemmi.DensityCalculatorE()
    calculator.blur = blur
    calculator.grid.spacegroup = gemmi.SpaceGroup("P 1")
    calculator.grid.unit_cell = gemmi.UnitCell(*(np.array(points) * step), 90, 90, 90)
    calculator.grid.set_size(*points)
    return calculator


def _atom(xyz, element, b, occupancy):
    atom = gemmi.Atom()
    atom.pos = gemmi.Position(*xyz)
    atom.element = gemmi.Element(str(element))
    atom.b_iso = float(b)
    atom.occ = float(occupancy)
    return atom


def _shell_power(density, step, d_min):
    z, y, x = fourier.squared_frequencies(density.shape, step)
    s2 = z + y + x
    shell = (s2 <= 1 / d_min**2) & (s2 >= (0.95 / d_min) ** 2)
    if not shell.any():
        raise ValueError(f"no Fourier terms near 1/{d_min} Å in a map of shape {density.shape}")
    return float(np.mean(np.abs(fourier.forward(density)[shell]) ** 2))
