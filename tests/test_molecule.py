"""The molecular mask: the points gemmi's own masker chooses."""

import gemmi
import numpy as np
import pytest

from qscore.molecule import molecular_mask, reach_of
from qscore.slabs import stripes


def by_gemmi(positions, elements, *, shape, step, origin):
    """The mask as gemmi makes it of a periodic box, with room so that nothing comes round."""
    padded = [n + 2 * int(np.ceil(8 / width)) for n, width in zip(shape, step[::-1], strict=True)]
    grid = gemmi.Int8Grid(*padded[::-1])
    grid.spacegroup = gemmi.SpaceGroup("P 1")
    grid.set_unit_cell(gemmi.UnitCell(*(np.array(padded[::-1]) * step), 90, 90, 90))
    model, chain, residue = gemmi.Model(1), gemmi.Chain("A"), gemmi.Residue()
    for xyz, element in zip((positions - origin).tolist(), elements.tolist(), strict=True):
        atom = gemmi.Atom()
        atom.element, atom.pos, atom.occ = gemmi.Element(element), gemmi.Position(*xyz), 1.0
        residue.add_atom(atom)
    chain.add_residue(residue)
    model.add_chain(chain)
    gemmi.SolventMasker(gemmi.AtomicRadiiSet.Cctbx).put_mask_on_int8_grid(grid, model)
    return (grid.array.transpose(2, 1, 0) == 0)[tuple(slice(n) for n in shape)]


@pytest.mark.parametrize("seed", range(12))
def test_it_is_gemmis(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(9, 40, 3).tolist())
    step = rng.uniform(0.3, 2.0, 3) if seed % 2 else np.full(3, rng.uniform(0.25, 1.3))
    origin, edges = rng.normal(0, 50, 3), np.array(shape[::-1]) * step
    n = int(rng.integers(1, 80))
    box = {"shape": shape, "step": step, "origin": origin}
    positions = origin + rng.uniform(-4, edges + 4, (n, 3))  # some of them outside
    elements = rng.choice(np.array(["C", "N", "O", "S", "P", "FE", "X", "H"]), n)
    expected = by_gemmi(positions, elements, **box)
    found = molecular_mask(positions, elements, **box)[:]
    assert expected.any()
    np.testing.assert_array_equal(found, expected)


def test_sections_far_from_any_atom_are_empty():
    box = {"shape": (60, 9, 9), "step": np.ones(3), "origin": np.zeros(3)}
    found = molecular_mask(np.array([[4.0, 4.0, 30.0]]), np.array(["C"]), **box)
    full = np.flatnonzero(found[:].any(axis=(1, 2)))
    assert len(stripes(60)) > 3 and full.min() == 28 and full.max() == 32
    assert found.size == 93  # points within 2.875 of one


def test_no_atoms_no_mask():
    box = {"shape": (9, 9, 9), "step": np.ones(3), "origin": np.zeros(3)}
    assert molecular_mask(np.empty((0, 3)), np.empty(0, dtype=str), **box).size == 0


@pytest.mark.parametrize(("element", "radius"), [("C", 1.775), ("N", 1.5), ("O", 1.45), ("S", 1.8)])
def test_radius_of_an_element_and_of_the_probe(element, radius):
    assert reach_of(element) == pytest.approx(radius + 1.1, abs=1e-9)


def test_hydrogen_is_left_out():
    assert reach_of("H") == 0
