"""What `qscore fit` says at its end, and of tables it cannot use."""

import json

import pytest
from click.testing import CliRunner
from test_figures import usual_rows

from qscore import cli, fitting, subsets, tables
from qscore.fitwords import covered, main_line, summary
from qscore.selection import FitRule


def test_the_end_of_a_fit(tmp_path):
    tables.write_parquet(tmp_path / "entries.parquet", tables.ENTRIES, tables.as_columns(tables.ENTRIES, usual_rows()))
    found = CliRunner().invoke(cli.qscore, ["fit", str(tmp_path / "entries.parquet"), "--out", str(tmp_path / "fit")])
    lines = found.output.splitlines()
    assert lines[0].startswith("all: Q = ") and lines[1].startswith("apoferritin: Q = ")
    part = json.loads((tmp_path / "fit" / "expected_q.json").read_text())["fits"]["all"]
    assert [lines[2]] == main_line(part) and f"R² = {part['line']['r_squared']:.4f}" in lines[2]
    assert lines[3].startswith("left out of the fit: ") and "tight mask (1)" in lines[3]
    assert lines[4].startswith("Entries are judged by the shipped curve (fitted to 10,188 rows; ")
    written = ["expected_q.json", "lines.tsv", "coverage.tsv", "offsets.tsv"]
    assert lines[5].startswith(f"written to {tmp_path / 'fit'}: ") and all(name in lines[5] for name in written)
    assert sorted(path.name for path in (tmp_path / "fit").iterdir()) == sorted(written)


def test_the_main_line_is_told_with_its_shape_and_r_squared():
    bootstrap = {"quoted": "publication", "publication": {"r_squared": {"low": -0.01234, "high": 0.71}}}
    shape = {"sentence": "departs slightly from a line (f² = 0.010, p = 2e−22, n = 99): a natural spline"}
    found = {"ols": {"r_squared": 0.61}, "lack_of_fit": shape, "bootstrap": bootstrap | {"redrawn": {}}}
    said = "all: departs slightly from a line (f² = 0.010, p = 2e−22, n = 99); R² = 0.6100"
    assert main_line({"relation": found}) == [f"{said}, 95 % −0.0123 to 0.7100 with whole publications redrawn"]
    bootstrap["redrawn"] = {"publication": "runs of neighbouring ids"}
    few = found | {"lack_of_fit": None, "bootstrap": bootstrap}
    told = "all: too few rows to tell a curve from a line; R² = 0.6100, 95 % −0.0123 to 0.7100 with runs of"
    assert main_line({"relation": few}) == [f"{told} neighbouring ids redrawn"]
    assert main_line({"relation": few | {"bootstrap": None}})[0].endswith("R² = 0.6100, not redrawn")
    assert main_line({"relation": None}) == []


def test_rows_that_were_not_read_are_told(tmp_path):
    (tmp_path / "t.csv").write_text("emdb_id,resolution,q\nEMD-1,3.0,abc\nEMD-2,x,0.5\nEMD-3,3.1,0.5\n")
    found = fitting.write(tmp_path / "t.csv", tmp_path / "fit", FitRule())
    assert sum(found["not_read"].values()) == 2
    (line,) = [one for one in summary(found, "fit") if one.startswith("not read: ")]
    assert "Q is not a number (1)" in line and "resolution is not a positive number (1)" in line


def test_coverage_is_counted():
    line = {"least_squares": 0.82, "least_squares_pooled": "1–2 Å: 0.4444 of 45 and 2–2.5 Å: 0.8762 of 315"}
    plain = {"least_squares": 0.97, "least_squares_pooled": ""}
    cells = [{"band": 0.95, "within": True} | line, {"band": 0.95, "within": False} | plain]
    curve, told = covered([*cells, {"band": 0.5, "within": False}])
    assert curve == "the curve's 95 % band holds in 1 of 2 bins of resolution, on rows held out"
    assert told.startswith("the least-squares line's 95 % interval holds 82 to 97 % of a bin")
    assert told.endswith(f"(of bins pooled for want of rows {line['least_squares_pooled']})")
    assert covered([]) == []


@pytest.mark.parametrize(
    ("column", "told"),
    [("fsc05", "no column fsc05; it is called map_model_fsc05"), ("resolutio", "no column resolutio; near it: resol")],
)
def test_a_subset_on_another_name_is_told_ours(tmp_path, column, told):
    (tmp_path / "t.csv").write_text("emdb_id,resolution,q,fsc05\nEMD-3,3.1,0.5,3.3\n")
    with pytest.raises(ValueError, match=f"subset a: the table has {told}"):
        fitting.fit(tmp_path / "t.csv", FitRule(), subsets.from_json(f'{{"a": {{"{column}": {{"below": 3}}}}}}'))


def test_another_table_is_refused(tmp_path):
    row = dict.fromkeys(tables.RESIDUES.names) | {"emdb_id": "EMD-1", "pdb_id": "1abc"}
    path = tmp_path / "residues.parquet"
    tables.write_parquet(path, tables.RESIDUES, tables.as_columns(tables.RESIDUES, [row]))
    with pytest.raises(ValueError, match=r"residues\.parquet is not a survey's entries\.parquet: it has no column"):
        fitting.fit(path, FitRule())


@pytest.mark.parametrize("text", ["[1", "[]", '{"snapshot": 5}'])
def test_a_broken_catalogue_is_named(tmp_path, text):
    (tmp_path / "catalogue.json").write_text(text)
    (tmp_path / "t.csv").write_text("emdb_id,resolution,q\nEMD-3,3.1,0.5\n")
    with pytest.raises(ValueError, match=r"catalogue\.json is not the catalogue\.json of a survey"):
        fitting.fit(tmp_path / "t.csv", FitRule(), catalogue=tmp_path / "catalogue.json")
