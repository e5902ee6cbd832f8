"""The lines of a fit as a table: each number is the record's own."""

import json

import numpy as np
import pytest

from qscore import fitting, lines, tables
from qscore.layouts import LINES
from qscore.regression import fit_line
from qscore.selection import FitRule


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lines")
    random = np.random.default_rng(5)
    x = np.round(random.uniform(2, 6, 60), 2)
    q = 1.1 - 0.15 * x + 0.04 * random.normal(size=60)
    table = [f"EMD-{5 * n},{a},{b},{a + 0.2}" for n, (a, b) in enumerate(zip(x, q, strict=True))]
    (folder / "t.csv").write_text("\n".join(["emdb_id,resolution,q,fsc05", *table]))
    return fitting.write(folder / "t.csv", folder, FitRule()), tables.read_tsv(folder / "lines.tsv"), (x, q)


def test_each_fit_has_a_row_for_each_method(written):
    _, rows, _ = written
    methods = ["least squares", "Huber", "bisquare", "Theil–Sen", "cubic"]
    assert [(row["fit"], row["method"]) for row in rows] == [
        (part, method) for part in ("all", "all-fsc05") for method in methods
    ]
    assert list(rows[0]) == LINES.names
    assert [row["x"] for row in rows[::5]] == ["resolution", "map_model_fsc05"]


def test_least_squares_with_all_its_errors(written):
    found, rows, (x, q) = written
    row, line = rows[0], fit_line(x, q)
    plain = ("slope", "intercept", "slope_se", "intercept_se", "slope_se_hc3", "intercept_se_hc3", "r_squared", "rmse")
    for name in plain:
        assert float(row[name]) == pytest.approx(getattr(line, name), rel=1e-5)
    bootstrap = found["fits"]["all"]["relation"]["bootstrap"]
    drawn = bootstrap[bootstrap["quoted"]]
    assert float(row["slope_se_redrawn"]) == pytest.approx(drawn["slope"]["se"], rel=1e-5)
    for name in ("slope", "r_squared"):
        ends = [float(row[f"{name}_{end}"]) for end in ("low", "high")]
        assert ends == pytest.approx([drawn[name]["low"], drawn[name]["high"]], rel=1e-5)
    assert (row["interval"], int(row["groups"])) == (f"{bootstrap['redrawn'][bootstrap['quoted']]} redrawn", 60)
    shape = found["fits"]["all"]["relation"]["lack_of_fit"]
    assert (
        float(row["lack_of_fit_f2"]) == pytest.approx(shape["effect"], rel=1e-5) and row["verdict"] == shape["verdict"]
    )
    assert (row["n"], float(row["x_low"]), float(row["x_high"])) == ("60", x.min(), x.max())


def test_robust_lines_and_the_cubic(written):
    found, rows, _ = written
    robust = found["fits"]["all"]["relation"]["robust"]
    for row, name in zip(rows[1:4], ("huber", "tukey", "theil_sen"), strict=True):
        assert float(row["slope"]) == pytest.approx(robust[name]["slope"], rel=1e-5)
        assert row["interval"] == "independent rows" and float(row["slope_low"]) < float(row["slope_high"])
    huber = robust["huber"]
    assert float(rows[1]["slope_high"]) == pytest.approx(huber["slope"] + 1.959964 * huber["slope_se"], rel=1e-5)
    assert float(rows[3]["slope_low"]) == pytest.approx(robust["theil_sen"]["slope_low"], rel=1e-5)
    assert "R³" in rows[4]["equation"] and rows[4]["slope"] == "" and float(rows[4]["r_squared"]) > 0


def test_a_line_that_was_not_redrawn_has_an_interval_of_rows(written):
    """With 8 rows: t of 6 degrees of freedom, 2.4469."""
    record = dict(written[0]["equations"]["all-line"]) | {"bootstrap": None, "lack_of_fit": None, "n": 8}
    record["covariance_hc3"] = None
    record["robust"] = dict.fromkeys(record["robust"])
    (row,) = lines.rows_of({"part-line": json.loads(json.dumps(record))})
    assert row["slope_high"] - row["slope"] == pytest.approx(2.446912 * row["slope_se"], rel=1e-6)
    assert row["interval"] == "independent rows" and row["slope_se_redrawn"] is None and row["groups"] is None
    assert row["slope_se_hc3"] is None and row["verdict"].startswith("too few rows")


def test_a_fit_without_a_line_has_no_rows():
    assert lines.rows_of({}) == []
