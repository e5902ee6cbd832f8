"""Ligands, glycans, ions and waters against the polymer around them."""

from dataclasses import fields

import numpy as np
import pytest

from qscore import ligands, tables
from qscore.entry import score_pair
from qscore.model import CLASSES, Model, read_model
from qscore.score import Scores

SIGMAS = (0.4, 0.6)


def made_up(rng, *, n_polymer=120, n_other=60, size=24.0):
    """A model of random atoms in residues of one to five, some not scored, and its scores."""
    n = n_polymer + n_other
    kind = np.concatenate([rng.integers(0, 2, n_polymer), rng.integers(2, 6, n_other)]).astype(np.int8)
    residue, start = np.zeros(n, dtype=np.int64), 0
    for number, length in enumerate(rng.integers(1, 6, n)):
        residue[start : start + length] = number
        start += length
    residue[n_polymer:] += residue[n_polymer - 1] + 1 - residue[n_polymer]
    first = np.unique(residue, return_index=True)[1]
    kind = kind[first][np.searchsorted(np.unique(residue), residue)]
    number = residue.astype(str)
    blank = np.full(n, "")
    model = Model(
        position=rng.uniform(-size / 2, size / 2, (n, 3)), chain=rng.choice(["A", "B"], n), serial=number,
        number=number, icode=blank, residue=np.array(["ALA", "A", "ATP", "NAG", "ZN", "HOH"])[kind], atom=blank,
        altloc=rng.choice(["", "A", "C"], n), element=blank, occupancy=rng.uniform(0, 1, n), b_iso=np.ones(n),
        site_occupancy=np.ones(n), kind=kind, backbone=np.zeros(n, dtype=bool), residue_index=residue, row=np.arange(n),
    )  # fmt: skip
    q = rng.uniform(-1, 1, (n, 2))
    why = np.where(rng.uniform(size=n) < 0.2, 0, -1).astype(np.int8)
    q[why >= 0] = np.nan
    return model, Scores(q, why, np.zeros((n, 3), dtype=np.int32), np.full(n, np.inf), *np.full((2, n), np.nan))


def literal(model, scores):
    """The table, atom by atom."""
    rows = {}
    for a in range(len(model)):
        if CLASSES[model.kind[a]] not in ("protein", "nucleic"):
            rows.setdefault(int(model.residue_index[a]), []).append(a)
    return [literal_row(model, scores, atoms) for atoms in rows.values()]


def literal_row(model, scores, atoms):
    own = [scores.q[a, 0] for a in atoms if scores.why[a] < 0]
    site = [
        scores.q[p, 0]
        for p in range(len(model))
        if CLASSES[model.kind[p]] in ("protein", "nucleic")
        and scores.why[p] < 0
        and min(np.linalg.norm(model.position[p] - model.position[a]) for a in atoms) <= 5.0
    ]
    q, site_q = (np.mean(own) if own else np.nan), (np.mean(site) if site else np.nan)
    return {
        "class": CLASSES[model.kind[atoms[0]]],
        "component": model.residue[atoms[0]],
        "chain": model.chain[atoms[0]],
        "number": model.number[atoms[0]],
        "icode": "",
        "altloc": next((model.altloc[a] for a in atoms if model.altloc[a]), ""),
        "occupancy": np.mean([model.occupancy[a] for a in atoms]),
        "n_atoms": len(atoms),
        "n_scored": len(own),
        "q_04": q,
        "site_q": site_q,
        "n_site": len(site),
        "dq_site": q - site_q,
    }


def assert_like(found, rows):
    assert list(found) == [name for name in tables.LIGANDS.names if name not in ("emdb_id", "pdb_id")]
    for name, column in found.items():
        wanted = [row[name] for row in rows]
        if column.dtype.kind == "U":
            assert column.tolist() == wanted
        else:
            np.testing.assert_allclose(column, np.array(wanted, dtype=float), rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [8.0, 24.0, 70.0, 4000.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_literal_twin(seed, size):
    model, scores = made_up(np.random.default_rng(seed), size=size)
    rows = literal(model, scores)
    assert len({row["class"] for row in rows}) == 4
    assert (max(row["n_site"] for row in rows) > 0) == (size < 1000)
    assert_like(ligands.measure(model, scores, SIGMAS), rows)


def test_in_several_parts(monkeypatch):
    model, scores = made_up(np.random.default_rng(4))
    whole = ligands.measure(model, scores, SIGMAS)
    monkeypatch.setattr(ligands, "AT_ONCE", 7)
    for name, column in ligands.measure(model, scores, SIGMAS).items():
        np.testing.assert_array_equal(column, whole[name])


@pytest.mark.parametrize("keep", [("protein", "nucleic"), ("water",), ()])
def test_one_kind_alone(keep):
    model, scores = made_up(np.random.default_rng(5))
    which = np.flatnonzero(np.isin(np.array(CLASSES)[model.kind], keep))
    model = model.take(which)
    scores = Scores(*(getattr(scores, field.name)[which] for field in fields(Scores)))
    found = ligands.measure(model, scores, SIGMAS)
    assert_like(found, literal(model, scores))
    assert np.isnan(found["dq_site"]).all()


def test_atoms_at_no_place_and_far_away():
    model, scores = made_up(np.random.default_rng(6))
    waters = np.flatnonzero(model.is_class("water"))
    model.position[waters[0]], model.position[waters[-1]] = np.nan, 1e100
    with np.errstate(invalid="ignore"):
        rows = literal(model, scores)
    found = ligands.measure(model, scores, SIGMAS)
    assert len(found["n_site"]) == len(rows)
    assert not np.isfinite(model.position).all()


def test_the_order_of_atoms_does_not_matter():
    model, scores = made_up(np.random.default_rng(7))
    found = ligands.measure(model, scores, SIGMAS)
    turn = np.random.default_rng(8).permutation(len(model))
    moved = Scores(*(getattr(scores, field.name)[turn] for field in fields(Scores)))
    again = ligands.measure(model.take(turn), moved, SIGMAS)
    np.testing.assert_allclose(again["site_q"], found["site_q"], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(again["n_site"], found["n_site"])


@pytest.mark.real
def test_a_real_pair_with_waters(real_data):
    """5khe: a viral glycoprotein with waters, in a map of 35 Å."""
    pair = score_pair(real_data / "pairs/emd_8249.map", real_data / "pairs/5khe.pdb", chance=False)
    found = pair.ligands()
    model = read_model(real_data / "pairs/5khe.pdb")
    assert (found["class"] == "water").sum() == model.is_class("water").sum() > 20
    assert_like(found, literal(pair.model, pair.scores))


def test_what_a_single_pair_tells():
    """`dq_site` as measured, the lowest first, and that nothing ranks it."""
    model, scores = made_up(np.random.default_rng(12))
    table = ligands.measure(model, scores, SIGMAS)
    rows, (said,) = ligands.of_pair(table)
    known = np.isfinite(table["dq_site"]) & (table["class"] != "water")
    assert [row["dq_site"] for row in rows] == sorted(table["dq_site"][known].tolist())
    assert "water" not in {row["class"] for row in rows} and not {"p", "percentile"} & set(rows[0])
    assert f"the lowest 3 of {len(rows)}" in said and said.count(",") == 4
    first = rows[0]
    assert f": {first['component']} {first['chain']} {first['number']} {first['dq_site']:+.2f}, " in said
    assert "; no reference for ligands: " in said


def test_a_single_pair_without_ligands_tells_nothing():
    model, scores = made_up(np.random.default_rng(13))
    table = ligands.measure(model, scores, SIGMAS)
    waters = table["class"] == "water"
    assert ligands.of_pair({name: values[waters] for name, values in table.items()}) == ([], ())
