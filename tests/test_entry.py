"""One pair: frames and their hints, chains, what is refused."""

import itertools

import numpy as np
import pytest
from pairs import pdb_line, random_atoms, write_map

from qscore.aggregate import floor_shared, named_like_hydrogen
from qscore.chance import chance_level
from qscore.entry import entry_row, score_pair
from qscore.errors import UnusableEntry
from qscore.tables import as_json

STEP = 1.0
AT = np.array([40.0, -25.0, 60.0])


@pytest.fixture
def placed(tmp_path):
    """A map whose ORIGIN places it on the model while its N*START (0) does not; atoms of Q near 1."""
    atoms = random_atoms(np.random.default_rng(0), np.full(3, 8.0), np.full(3, 16.0), 12, spacing=4.0)
    grid = np.stack(np.meshgrid(*[np.arange(24) * STEP] * 3, indexing="ij"), axis=-1)[..., ::-1]
    values = sum(np.exp(-((grid - atom) ** 2).sum(axis=-1) / (2 * 0.7**2)) for atom in atoms).astype(np.float32)
    lines = [pdb_line(n + 1, atom + AT, number=n, chain="AB"[n % 2]) for n, atom in enumerate(atoms)]
    (tmp_path / "model.pdb").write_text("".join(lines))
    (tmp_path / "home.pdb").write_text(
        "".join(pdb_line(n + 1, atom, number=n, chain="AB"[n % 2]) for n, atom in enumerate(atoms))
    )
    write_map(tmp_path / "m.mrc", values, step=STEP, origin=AT)
    write_map(tmp_path / "m.map", values, step=STEP, origin=AT)
    near = (0.0, 6.0, 0.0)
    write_map(tmp_path / "near.map", values, step=STEP, origin=near)
    (tmp_path / "near.pdb").write_text(
        "".join(pdb_line(n + 1, atom + np.array(near), number=n) for n, atom in enumerate(atoms))
    )
    return tmp_path


def test_the_frame_of_each_kind_of_file(placed):
    assert score_pair(placed / "m.mrc", placed / "model.pdb").summary["q_mean"] > 0.8
    assert score_pair(placed / "m.map", placed / "home.pdb").summary["q_mean"] > 0.8
    assert score_pair(placed / "m.map", placed / "model.pdb", origin_rule="origin").summary["q_mean"] > 0.8


def test_outside_by_one_rule_inside_by_the_other(placed):
    with pytest.raises(UnusableEntry, match="try --origin origin") as caught:
        score_pair(placed / "m.map", placed / "model.pdb")
    assert caught.value.reason == "model_outside_map"
    with pytest.raises(UnusableEntry, match="try --origin nstart"):
        score_pair(placed / "m.mrc", placed / "home.pdb")


def test_off_density_by_one_rule_on_it_by_the_other(placed):
    pair = score_pair(placed / "near.map", placed / "near.pdb")
    assert pair.summary["q_scored"] < 0.1
    assert len(pair.hints) == 1
    assert "--origin origin" in pair.hints[0]
    assert not score_pair(placed / "near.map", placed / "near.pdb", origin_rule="origin").hints


def test_no_hint_without_another_frame(placed):
    assert not score_pair(placed / "m.mrc", placed / "model.pdb").hints


def test_a_chain_among_its_neighbours(placed):
    whole = score_pair(placed / "m.mrc", placed / "model.pdb")
    one = score_pair(placed / "m.mrc", placed / "model.pdb", chain="B")
    assert set(one.model.chain) == {"B"}
    assert np.array_equal(one.scores.q, whole.scores.q[whole.model.chain == "B"])
    with pytest.raises(ValueError, match="no chain C; it has A, B"):
        score_pair(placed / "m.mrc", placed / "model.pdb", chain="A,C")


@pytest.mark.parametrize("resolution", [0, -1.0, float("nan"), float("inf")])
def test_a_resolution_is_positive(placed, resolution):
    with pytest.raises(ValueError, match="resolution"):
        score_pair(placed / "m.mrc", placed / "model.pdb", resolution=resolution)


def test_a_constant_map(placed):
    write_map(placed / "flat.map", np.ones((24, 24, 24), dtype=np.float32), step=STEP)
    with pytest.raises(UnusableEntry) as caught:
        score_pair(placed / "flat.map", placed / "home.pdb")
    assert caught.value.reason == "map_constant"


def test_expected_q_beside_q(placed):
    expected = score_pair(placed / "m.mrc", placed / "model.pdb", resolution=3.0).summary["expected"]
    found = {(e["kind"], e["sigma"]): e["expected"] for e in expected}
    assert found[("protein", 0.4)] == pytest.approx(1.1242 - 0.1866 * 3)
    assert found[("protein", 0.6)] == pytest.approx(1.1192 - 0.1775 * 3)
    assert ("water", 0.4) not in found


def test_a_map_of_no_numbers_scores_nothing(placed):
    write_map(placed / "nan.map", np.full((24, 24, 24), np.nan, dtype=np.float32), step=STEP)
    with pytest.raises(UnusableEntry, match="none of 12 atoms scored: 12 not_finite") as caught:
        score_pair(placed / "nan.map", placed / "home.pdb")
    assert caught.value.reason == "not_scored"


def test_waters_alone_are_no_entry(placed):
    text = (placed / "home.pdb").read_text()
    (placed / "water.pdb").write_text(text.replace("ALA", "HOH").replace("ATOM  ", "HETATM").replace(" CA ", " O  "))
    pair = score_pair(placed / "m.map", placed / "water.pdb")
    assert pair.summary["q_all"] > 0.8 and np.isnan(pair.summary["q_mean"])
    with pytest.raises(UnusableEntry, match="all 12 atoms are waters"):
        entry_row(pair)


def test_the_chance_level_is_of_the_atoms_that_count(placed):
    text = (placed / "home.pdb").read_text()
    water = text.splitlines()[0].replace("ATOM  ", "HETATM").replace("ALA", "HOH").replace(" CA ", " O  ")
    (placed / "wet.pdb").write_text(text + water[:30] + "   1.000   1.000   1.000" + water[54:] + "\n")
    pair = score_pair(placed / "m.map", placed / "wet.pdb")
    row = entry_row(pair)
    assert row["n_null"] >= 3 and abs(row["q_null"]) < 0.5 and row["q_null_sd"] > 0
    again = chance_level(pair.density, pair.model.position, which=np.flatnonzero(~pair.model.is_class("water")))
    assert (row["q_null"], row["q_null_sd"], row["n_null"]) == (again.mean, again.sd, again.n)
    one = score_pair(placed / "m.map", placed / "wet.pdb", chain="B")
    assert one.summary["q_null"] != row["q_null"] and one.summary["only_chains"] == "B"
    assert pair.summary["only_chains"] is None
    assert score_pair(placed / "m.map", placed / "home.pdb", chain="A,B").summary["only_chains"] is None


@pytest.mark.parametrize("options", [{"chance": False}, {"sigmas": (0.5, 0.6)}])
def test_no_chance_level_where_none_is_wanted(placed, options):
    pair = score_pair(placed / "m.map", placed / "home.pdb", **options)
    assert "q_null" not in pair.summary


def test_the_scores_do_not_depend_on_the_chance_level(placed):
    plain, both = (score_pair(placed / "m.map", placed / "home.pdb", chance=chance) for chance in (False, True))
    assert np.array_equal(plain.scores.q, both.scores.q)
    rest = {key: value for key, value in both.summary.items() if "null" not in key}
    assert as_json(plain.summary) == as_json(rest) != as_json(both.summary)


def test_ligands_of_a_pair(placed):
    text = (placed / "home.pdb").read_text()
    (placed / "zinc.pdb").write_text(text.replace("ATOM      1  CA  ALA A   0", "HETATM    1 ZN    ZN A   0"))
    found = score_pair(placed / "m.map", placed / "zinc.pdb").ligands()
    assert found["component"].tolist() == ["ZN"] and found["class"].tolist() == ["ion"]
    assert found["q_04"][0] > 0.8
    assert found["dq_site"][0] == pytest.approx(found["q_04"][0] - found["site_q"][0], nan_ok=True)


def naive_shared(positions):
    """Atoms with another one in the cube of whole numbers around them, pair by pair."""
    cubes = [tuple(np.floor(position)) for position in positions]
    return sum(any(a == b for k, b in enumerate(cubes) if k != n) for n, a in enumerate(cubes))


def test_atoms_at_the_same_whole_angstrom():
    positions = np.random.default_rng(5).uniform(-4, 4, (200, 3))
    assert 0 < floor_shared(positions) == naive_shared(positions) < 200
    edges = np.array([[-0.1, 0, 0], [0.1, 0, 0], [-0.9, 0.5, 0.5], [1.0, 0, 0], [2047.5, 0, 0], [0, 2047.5, 0]])
    assert floor_shared(edges) == naive_shared(edges) == 2
    assert floor_shared(np.full((3, 3), np.nan)) == floor_shared(np.full((3, 3), 1e300)) == 0
    assert floor_shared(np.empty((0, 3))) == 0


def test_no_two_cubes_are_taken_for_one():
    corners = np.array(list(itertools.product((-(2**20) + 1.5, -1.5, -0.5, 0.5, 1.5, 2**20 - 0.5), repeat=3)))
    assert floor_shared(corners) == 0 and floor_shared(np.repeat(corners, 2, axis=0)) == 2 * len(corners)


def test_names_like_those_of_hydrogens():
    names = np.array(["HG", "HO1", "1HB", "12H", "CH2", "CA", "OH", "NH1", "1CH", "2", ""])
    assert named_like_hydrogen(names).tolist() == [True] * 4 + [False] * 7


def test_what_another_reader_may_do_otherwise_is_counted(placed):
    text = (placed / "home.pdb").read_text()
    plain = score_pair(placed / "m.map", placed / "home.pdb")
    first, second = text.splitlines()[:2]
    mercury = first.replace(" CA ", "HG  ").replace("           C", "          HG")
    (placed / "mercury.pdb").write_text(text.replace(first, mercury))
    pair = score_pair(placed / "m.map", placed / "mercury.pdb")
    assert (plain.summary["n_named_h"], pair.summary["n_named_h"]) == (0, 1)
    assert (plain.summary["n_floor_shared"], pair.summary["n_floor_shared"]) == (0, 0)
    assert np.array_equal(pair.scores.q, plain.scores.q)
    row = entry_row(pair)
    assert (row["n_named_h"], row["n_floor_shared"]) == (1, 0)
    beside = first[:30] + second[30:54] + first[54:]  # a second atom where another is
    (placed / "twice.pdb").write_text(text + beside.replace("ALA A   0", "ALA A  99") + "\n")
    assert score_pair(placed / "m.map", placed / "twice.pdb").summary["n_floor_shared"] == 2
