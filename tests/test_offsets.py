"""Offsets of residue types."""

import json

import numpy as np
import pytest

from qscore import offsets, tables
from qscore.layouts import OFFSETS

TYPES = np.array(["GLU", "PHE", "ALA", "LEU"])
TRUTH = {"GLU": -0.06, "PHE": 0.05, "ALA": 0.0, "LEU": 0.01}


def batch(pairs, rng, *, n=400, mean=0.5):
    """Residues of pairs whose types lie where `TRUTH` says, relative to their mean."""
    parts = []
    for pair in pairs:
        residue = TYPES[rng.integers(0, 4, n)]
        q = mean + np.array([TRUTH[name] for name in residue]) + rng.normal(0, 0.05, n)
        parts.append(columns(pair, residue, q))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def columns(pair, residue, q, kind="protein"):
    n = len(q)
    return {
        "emdb_id": np.full(n, pair[0], object),
        "pdb_id": np.full(n, pair[1], object),
        "residue": np.asarray(residue, object),
        "class": np.full(n, kind, object),
        "n_scored": np.full(n, 8),
        "q_04": q,
        "q_04_backbone": q + 0.04,
        "q_04_side_chain": q - 0.04,
    }


def pairs(first, last):
    return [(f"EMD-{k}", f"{k}abc") for k in range(first, last)]


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(1)
    known = {pair: (3.2, 0.45) for pair in pairs(0, 40)}
    return offsets.fit_offsets([batch(pairs(0, 20), rng), batch(pairs(20, 40), rng)], known)


def test_planted_offsets_come_back(fitted):
    found, sd = fitted.of(TYPES, 3.2)
    centre = np.mean(list(TRUTH.values()))
    assert found == pytest.approx([TRUTH[name] - centre for name in TYPES], abs=0.01)
    assert sd == pytest.approx(0.05, abs=0.03)
    backbone, side = (fitted.of(TYPES, 3.2, part)[0] for part in ("backbone", "side chain"))
    assert backbone - side == pytest.approx(0.08, abs=0.01)


def test_bins_without_entries_have_the_mean_over_all(fitted):
    near, far = fitted.of(TYPES, 3.2)[0], fitted.of(TYPES, 7.0)[0]
    assert far == pytest.approx(near, abs=0.01)
    empty = [row for row in fitted.rows() if row["resolution_low"] == 6.0]
    assert {row["n_entries"] for row in empty} == {0}


def test_unknown_types_and_resolutions_beyond_the_bins(fitted):
    offset, sd = fitted.of(np.array(["XYZ", "PHE"]), 3.2)
    assert abs(offset[0]) < 0.01 and np.isfinite(sd).all()
    assert fitted.of(TYPES, 35.0)[0] == pytest.approx(fitted.of(TYPES, 9.0)[0])
    nothing = offsets.Offsets(()).of(TYPES, 3.2)
    assert (nothing[0] == 0).all() and np.isnan(nothing[1]).all()


def test_few_residues_are_drawn_to_nothing():
    rng = np.random.default_rng(2)
    one = columns(("EMD-1", "1abc"), ["GLU"] + ["ALA"] * 99, np.concatenate([[0.2], rng.normal(0.5, 0.05, 99)]))
    found = offsets.fit_offsets([one], {("EMD-1", "1abc"): (3.0, np.nan)})
    assert -0.1 < found.of(np.array(["GLU"]), 3.0)[0][0] < 0


def test_entries_count_not_residues():
    """One entry of 5,000 residues does not outvote ten of 60."""
    rng = np.random.default_rng(3)
    parts = []
    for k in range(11):
        n = 5000 if k == 10 else 60
        residue = np.where(np.arange(n) % 2 == 0, "GLU", "ALA")
        low = 0.0 if k == 10 else -0.1
        parts.append(
            columns((f"EMD-{k}", "1abc"), residue, 0.5 + np.where(residue == "GLU", low, 0) + rng.normal(0, 0.01, n))
        )
    known = {(f"EMD-{k}", "1abc"): (3.0, np.nan) for k in range(11)}
    assert offsets.fit_offsets(parts, known).of(np.array(["GLU"]), 3.0)[0][0] < -0.03


def test_order_of_batches_does_not_matter():
    rng = np.random.default_rng(4)
    parts = [batch(pairs(k, k + 3), rng, n=50) for k in (0, 3, 6)]
    known = {pair: (2.0 + 0.4 * k, 0.5) for k, pair in enumerate(pairs(0, 9))}
    assert offsets.fit_offsets(parts, known) == offsets.fit_offsets(parts[::-1], known)


def test_waters_unscored_and_unknown_pairs_are_left_out():
    q = np.array([0.5, np.nan, 0.5, 0.1])
    one = columns(("EMD-1", "1abc"), ["ALA", "ALA", "ALA", "HOH"], q)
    one["class"][3] = "water"
    found = offsets.fit_offsets(
        [one, columns(("EMD-2", "2abc"), ["GLU"], np.array([0.1]))], {("EMD-1", "1abc"): (3.0, 0.5)}
    )
    rows = {row["residue"]: row for row in found.rows() if row["part"] == "all" and row["resolution_low"] == 3.0}
    assert set(rows) == {"ALA", "any"} and rows["ALA"]["n_residues"] == 2


def test_models_off_their_place_do_not_widen_the_spread():
    """Two of 22 entries score at chance: offsets and spread are those of the others, not those of all."""
    rng = np.random.default_rng(6)
    usual, lost = [batch(pairs(0, 20), rng)], batch(pairs(20, 22), rng, mean=-0.02)
    known = {pair: (3.2, 0.5) for pair in pairs(0, 22)}
    alone, both = offsets.fit_offsets(usual, known), offsets.fit_offsets([*usual, lost], known)
    assert both == alone
    assert alone.of(TYPES, 3.2)[1] == pytest.approx(0.05, abs=0.015)


def test_entries_like_each_other_all_count():
    """However alike the rest is, what lies within the archive's scatter is no other kind of entry."""
    rng = np.random.default_rng(7)
    parts = [batch(pairs(0, 8), rng), batch(pairs(8, 10), rng, mean=0.38)]
    found = offsets.fit_offsets(parts, {pair: (3.2, 0.5) for pair in pairs(0, 10)})
    assert max(row["n_entries"] for row in found.rows()) == 10


def test_nothing_to_fit():
    assert offsets.fit_offsets([], {}).rows() == []


def test_round_trips(fitted, tmp_path):
    again = offsets.Offsets.from_dict(json.loads(tables.as_json(fitted.as_dict())))
    assert again == fitted
    tables.write_tsv(tmp_path / "offsets.tsv", OFFSETS, tables.as_columns(OFFSETS, fitted.rows()))
    assert len(tables.read_tsv(tmp_path / "offsets.tsv")) == len(fitted.rows())
    with pytest.raises(ValueError, match="without residue, part"):
        offsets.Offsets.from_dict({"source": "x"})


def test_shipped_offsets_are_as_known():
    """Acidic side chains low, aromatic ones high, backbones above side chains."""
    shipped, names = offsets.shipped(), np.array(["GLU", "ASP", "PHE", "TRP"])
    glu, asp, phe, trp = shipped.of(names, 3.2)[0]
    assert min(glu, asp) > -0.1 and max(glu, asp) < -0.03 and min(phe, trp) > 0.02 and max(phe, trp) < 0.07
    for resolution in (3.2, 4.2):
        sides = [shipped.of(np.array(["other"]), resolution, part)[0][0] for part in ("backbone", "side chain")]
        assert 0.04 < sides[0] - sides[1] < 0.13


def test_of_survey(tmp_path):
    rng = np.random.default_rng(5)
    known = pairs(0, 6)
    part = batch(known, rng, n=100)
    blank = dict.fromkeys(tables.RESIDUES.names, None)
    n = len(part["q_04"])
    filled = {name: part.get(name, [value] * n) for name, value in blank.items()}
    tables.write_parquet(tmp_path / "residues.parquet", tables.RESIDUES, filled)
    rows = [
        dict.fromkeys(tables.ENTRIES.names)
        | {"emdb_id": e, "pdb_id": p, "status": "scored", "resolution": 3.0, "tight_mask": k == 0}
        for k, (e, p) in enumerate(known)
    ]
    rows[1]["status"] = "unusable"
    tables.write_parquet(tmp_path / "entries.parquet", tables.ENTRIES, tables.as_columns(tables.ENTRIES, rows))

    class Curve:
        @staticmethod
        def expected(resolution):
            return np.full(len(resolution), 0.5)

    found = offsets.of_survey(tmp_path / "residues.parquet", tmp_path / "entries.parquet", Curve)
    assert max(row["n_entries"] for row in found.rows()) == 4
