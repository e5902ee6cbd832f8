"""What `qscore fit` says at its end, and of tables it cannot use."""

import pytest
from click.testing import CliRunner
from test_figures import usual_rows

from qscore import fitting, tables
from qscore.fitwords import summary
from qscore.selection import FitRule
from qscore.stages import fit


def test_the_end_of_a_fit(tmp_path):
    tables.write_parquet(tmp_path / "entries.parquet", tables.ENTRIES, tables.as_columns(tables.ENTRIES, usual_rows()))
    found = CliRunner().invoke(fit, [str(tmp_path / "entries.parquet"), "--out", str(tmp_path / "fit")])
    lines = found.output.splitlines()
    assert lines[0].startswith("all: Q = ") and lines[1].startswith("apoferritin: Q = ")
    assert lines[2].startswith("left out of the fit: ") and "tight mask (1)" in lines[2]
    assert lines[3].startswith("Entries are judged by the shipped curve (fitted to 10,188 rows; ")
    assert lines[4] == f"written to {tmp_path / 'fit'}: expected_q.json, coverage.tsv, offsets.tsv"
    assert {path.name for path in (tmp_path / "fit").iterdir()} == {"expected_q.json", "coverage.tsv", "offsets.tsv"}


def test_rows_that_were_not_read_are_told(tmp_path):
    (tmp_path / "t.csv").write_text("emdb_id,resolution,q\nEMD-1,3.0,abc\nEMD-2,x,0.5\nEMD-3,3.1,0.5\n")
    found = fitting.write(tmp_path / "t.csv", tmp_path / "fit", FitRule())
    assert sum(found["not_read"].values()) == 2
    (line,) = [one for one in summary(found, "fit") if one.startswith("not read: ")]
    assert "Q is not a number (1)" in line and "resolution is not a positive number (1)" in line


def test_coverage_is_counted():
    cells = [{"band": 0.95, "within": True}, {"band": 0.95, "within": False}, {"band": 0.5, "within": False}]
    found = {"fits": {}, "not_read": {}, "left_out": {}, "coverage": cells, "judged_by_text": "Judged."}
    told = "the curve's 95 % band holds in 1 of 2 bins of resolution, on rows held out"
    assert summary(found, "x")[:2] == [told, "Judged."]


def test_another_table_is_refused(tmp_path):
    row = dict.fromkeys(tables.RESIDUES.names) | {"emdb_id": "EMD-1", "pdb_id": "1abc"}
    path = tmp_path / "residues.parquet"
    tables.write_parquet(path, tables.RESIDUES, tables.as_columns(tables.RESIDUES, [row]))
    with pytest.raises(ValueError, match=r"residues\.parquet is not a survey's entries\.parquet: it has no column"):
        fitting.fit(path, FitRule())


def test_a_broken_catalogue_is_named(tmp_path):
    (tmp_path / "catalogue.json").write_text("[1")
    (tmp_path / "t.csv").write_text("emdb_id,resolution,q\nEMD-3,3.1,0.5\n")
    with pytest.raises(ValueError, match=r"catalogue\.json is not the catalogue\.json of a survey"):
        fitting.fit(tmp_path / "t.csv", FitRule(), catalogue=tmp_path / "catalogue.json")
