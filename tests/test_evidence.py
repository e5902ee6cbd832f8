"""What a page of one entry needs of its map: the trace, telling atoms and the model with Q."""

import gzip

import gemmi
import numpy as np
import pytest
from pairs import pdb_line, random_atoms, smooth_map, write_map, write_model, write_pair

from qscore import evidence, tables
from qscore.density import read_density
from qscore.entry import score_pair
from qscore.model import read_model

IDS = {"emdb_id": "EMD-7", "pdb_id": "own7"}


@pytest.fixture
def pair(tmp_path):
    write_pair(tmp_path, seed=3, n=40)
    return tmp_path / "map.map", tmp_path / "model.pdb"


def test_q_is_that_of_the_score_whatever_part_of_the_map_is_held(pair):
    model, scored = read_model(pair[1]), score_pair(*pair).scores.q[:, 0]
    for density in (read_density(pair[0]), read_density(pair[0], model.position)):
        assert np.array_equal(evidence.gather(density, model).q, scored, equal_nan=True)


def test_the_part_around_positions_is_what_is_read_around_them(pair):
    whole, atoms = read_density(pair[0]), read_model(pair[1]).position[:5]
    for margin in (0.5, 3.0, 100.0):
        part, read = whole.around(atoms, margin=margin), read_density(pair[0], atoms, margin=margin)
        assert np.array_equal(part.values, read.values)
        assert part.offset.tolist() == read.offset.tolist()
    far = whole.around(atoms + 1e4)
    assert far.values.size == 0


def test_the_best_and_the_worst_atoms_with_their_profiles(pair):
    model = read_model(pair[1])
    found = evidence.gather(read_density(pair[0]), model)
    shown = {which: [] for which in ("best", "worst")}
    for which, q in zip(found.profiles["which"], found.profiles["q"], strict=True):
        if not shown[which] or shown[which][-1] != q:
            shown[which].append(q)
    ranked = sorted(found.q[evidence.polymer(model) & ~np.isnan(found.q)])
    assert shown == {"best": ranked[:-4:-1], "worst": ranked[:3]}
    assert len(found.profiles["radius"]) == 6 * len(set(found.profiles["radius"]))


def test_a_residue_stands_where_its_named_atom_is(tmp_path):
    rng = np.random.default_rng(1)
    write_map(tmp_path / "map.map", smooth_map(rng), step=1.0)
    at = random_atoms(rng, [6] * 3, [20] * 3, 8, spacing=2.0)
    told = [
        ("N", "ALA", "A", 1, "N"), ("CA", "ALA", "A", 1, "C"), ("CB", "ALA", "A", 2, "C"), ("C1'", "A", "B", 5, "C"),
        ("P", "A", "B", 5, "P"), ("C1'", "A", "B", 6, "C"), ("O", "HOH", "W", 1, "O"), ("CA", "CA", "W", 2, "CA"),
    ]  # fmt: skip
    lines = [
        pdb_line(n + 1, place, name=name, residue=residue, chain=chain, number=number, element=element)
        for n, (place, (name, residue, chain, number, element)) in enumerate(zip(at, told, strict=True))
    ]
    (tmp_path / "model.pdb").write_text("".join(lines) + "END\n", encoding="utf-8")
    model = read_model(tmp_path / "model.pdb")
    trace = evidence.gather(read_density(tmp_path / "map.map"), model).trace
    assert list(zip(trace["chain"], trace["number"], trace["class"], strict=True)) == [
        ("A", "1", "protein"), ("B", "5", "nucleic"), ("B", "6", "nucleic"),
    ]  # fmt: skip
    assert np.allclose(np.transpose([trace[axis] for axis in "xyz"]), model.position[[1, 4, 5]])


def test_q_of_the_trace_is_the_mean_of_the_residue(pair):
    model, scored = read_model(pair[1]), score_pair(*pair)
    trace = evidence.gather(read_density(pair[0]), model).trace
    rows = scored.residues()
    mean = {(c, n): q for c, n, q in zip(rows["chain"], rows["number"], rows["q_04"], strict=True)}
    assert len(trace["chain"]) == len(mean)
    for chain, number, q in zip(trace["chain"], trace["number"], trace["q_04"], strict=True):
        assert q == pytest.approx(mean[chain, number], abs=1e-12)


def test_atoms_without_coordinates_and_atoms_outside(pair):
    text = pair[1].read_text(encoding="utf-8").splitlines(keepends=True)
    text[6] = text[6][:30] + "     nan" * 3 + text[6][54:]  # the CA of residue 2
    text[8] = text[8][:30] + "9000.000" * 3 + text[8][54:]
    pair[1].write_text("".join(text), encoding="utf-8")
    model = read_model(pair[1])
    found = evidence.gather(read_density(pair[0]), model)
    whole = score_pair(*pair).scores.q[:, 0]
    assert np.isnan(found.q[np.isin(model.row, [6, 8])]).all()
    assert np.array_equal(found.q, whole, equal_nan=True)
    assert "2" not in found.trace["number"]


def test_only_waters(tmp_path):
    write_pair(tmp_path, seed=3, n=5)
    write_model(tmp_path / "model.pdb", read_model(tmp_path / "model.pdb").position, per_residue=1)
    text = (tmp_path / "model.pdb").read_text(encoding="utf-8").replace("ALA", "HOH").replace("GLY", "HOH")
    (tmp_path / "model.pdb").write_text(text, encoding="utf-8")
    found = evidence.gather(read_density(tmp_path / "map.map"), read_model(tmp_path / "model.pdb"))
    assert found.trace["chain"] == []
    assert found.profiles["chain"] == []


def test_what_is_left_in_a_folder(pair, tmp_path):
    model, out = read_model(pair[1]), tmp_path / "out"
    found = evidence.gather(read_density(pair[0]), model)
    evidence.leave(found, out, IDS, model=model, model_file=pair[1])
    traces = tables.read_rows(out / "traces.parquet", layout=tables.TRACES)
    assert {(row["emdb_id"], row["pdb_id"]) for row in traces} == {("EMD-7", "own7")}
    assert len(tables.read_rows(out / "profiles.parquet", layout=tables.SHOWN_PROFILES)) == len(found.profiles["q"])
    text = gzip.decompress((out / evidence.MODEL).read_bytes()).decode()
    written = gemmi.cif.read_string(text).sole_block().find_values("_atom_site.Q-score")
    expected = np.full(len(written), np.nan)
    expected[model.row] = found.q
    assert [value == "?" for value in written] == np.isnan(expected).tolist()
    assert [float(value.replace("?", "nan")) for value in written] == pytest.approx(expected, abs=5.1e-5, nan_ok=True)
    first = (out / evidence.MODEL).read_bytes()
    evidence.leave(found, out, IDS, model=model, model_file=pair[1])
    assert (out / evidence.MODEL).read_bytes() == first
