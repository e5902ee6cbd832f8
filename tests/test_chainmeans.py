"""Mean Q of chains, put together while residues are joined."""

import numpy as np
import pytest

from qscore import survey, tables


def residue(pair, chain, q, *, atoms=8, kind="protein"):
    row = {"emdb_id": pair[0], "pdb_id": pair[1], "chain": chain, "class": kind, "n_scored": atoms, "q_04": q}
    return dict.fromkeys(tables.RESIDUES.names) | {"number": "1", "residue": "ALA", "n_atoms": 9} | row


ONE, TWO, LONE = ("EMD-1", "1aaa"), ("EMD-1", "2bbb"), ("EMD-2", "1aaa")
FIRST = [
    residue(ONE, "B", 0.5, atoms=4),
    residue(ONE, "B", 0.8, atoms=2),
    residue(ONE, "A", 0.1),
    residue(ONE, "A", None, atoms=0),
    residue(ONE, "W", 0.9, kind="water"),
    residue(ONE, "B", 0.2, atoms=6, kind="nucleic"),  # the chain's second piece
    residue(TWO, "B", -0.1),
]
SECOND = [residue(LONE, "B", None, atoms=0), residue(LONE, "C", 0.7), residue(LONE, "L", 0.3, kind="ligand")]


@pytest.fixture
def chains(tmp_path):
    """Of a survey of three batches, the last of which has no residue."""
    for name, rows in (("one", FIRST), ("two", SECOND), ("three", [])):
        scored = [{"emdb_id": pair[0], "pdb_id": pair[1], "status": "scored"} for pair in _pairs(rows)]
        table = tables.as_columns(tables.SCORED, scored)
        tables.write_parquet(tmp_path / name / "entries.parquet", tables.SCORED, table)
        for layout in tables.BESIDE_ENTRIES:
            own = rows if layout is tables.RESIDUES else []
            tables.write_parquet(tmp_path / name / f"{layout.name}.parquet", layout, tables.as_columns(layout, own))
    pairs = [{"emdb_id": pair[0], "pdb_id": pair[1]} for pair in _pairs(FIRST + SECOND)]
    tables.write_parquet(tmp_path / "pairs.parquet", tables.PAIRS, tables.as_columns(tables.PAIRS, pairs))
    survey.aggregate(tmp_path / "pairs.parquet", ["one", "two", "three"], tmp_path, tmp_path / "out")
    return tables.read_rows(tmp_path / "out" / "chains.parquet", layout=tables.CHAINS)


def _pairs(rows):
    return sorted({(row["emdb_id"], row["pdb_id"]) for row in rows})


def test_chains_of_a_survey(chains):
    assert [tuple(row.values())[:5] for row in chains] == [
        (*ONE, "B", 3, 12),
        (*ONE, "A", 1, 8),
        (*TWO, "B", 1, 8),
        (*LONE, "C", 1, 8),
    ]
    np.testing.assert_allclose([row["q_04"] for row in chains], [(2 + 1.6 + 1.2) / 12, 0.1, -0.1, 0.7])
