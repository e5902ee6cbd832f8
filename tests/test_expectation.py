"""``qscore expected`` as it is typed."""

import json

import pytest
from click.testing import CliRunner

from qscore.cli import qscore


def run(*arguments):
    return CliRunner().invoke(qscore, ["expected", *arguments])


def said(*arguments) -> list[str]:
    result = run(*arguments)
    assert result.exit_code == 0, result.exception
    return result.stdout.splitlines()


def test_the_published_equation():
    """−0.0016 × 27 + 0.0434 × 9 − 0.3956 × 3 + 1.3366 = 0.4972; + 0.024, − 0.126, + 0.109."""
    lines = said("3", "--equation", "mapq-2.9.7")
    assert lines[0] == "3 Å: expected Q 0.521, low 0.371, high 0.606"
    assert lines[1] == "by mapq-2.9.7 (cubic; all atoms, σ 0.4 Å; 1.15–10 Å): MapQ 2.9.7"


def test_by_default_the_shipped_curve():
    lines = said("2.5", "3.2", "8")
    assert [line.split(":")[0] for line in lines[:3]] == ["2.5 Å", "3.2 Å", "8 Å"]
    assert "archive-2025 (quantile curve; all atoms, σ 0.4 Å; 1.15–10 Å): fitted to 10,188 rows" in lines[3]


def test_a_class_by_default_by_its_published_equation():
    assert said("3", "--class", "nucleic")[0] == "3 Å: expected Q 0.504"
    assert said("3", "--class", "nucleic", "--sigma", "0.6")[0] == "3 Å: expected Q 0.584"


def test_json():
    found = json.loads(run("3", "4", "--class", "protein", "--json").stdout)
    assert found["equation"] == "mapq-1.6.5-protein"
    assert found["domain"] == [1.15, 10.0]
    assert [one["resolution"] for one in found["at"]] == [3.0, 4.0]
    assert found["at"][0]["expected"] == pytest.approx(0.5644)
    assert found["at"][0]["low"] is None


def test_the_inverse():
    """The cubic at 3.12, 2.35 and 3.66 Å: 0.4762, 0.6259, 0.3916; with + 0.024, − 0.126, + 0.109 about 0.5."""
    lines = said("--q", "0.5", "--equation", "mapq-2.9.7")
    assert lines[0] == "Q 0.5 is expected at 3.12 Å; within the band from 2.35 Å to 3.66 Å"
    assert json.loads(run("--q", "0.5", "--json").stdout)["inverse"]["q"] == 0.5


def test_an_open_end_of_the_inverse_says_why():
    line = said("--q", "0.9", "--equation", "mapq-2.9.7")[0]
    assert "within the band from open to 1.66 Å" in line
    assert "(the lower end of the band is below 0.9 already at 1.15 Å (0.811))" in line
    assert said("--q", "0.3", "--class", "protein")[0] == (
        "Q 0.3 is expected at 4.42 Å (mapq-1.6.5-protein has no band)"
    )


def test_a_clamped_value_warns():
    """The σ 0.6 cubic is above 1 below 1.39 Å."""
    result = run("1.2", "2", "--sigma", "0.6")
    assert result.stderr == "qscore: warning: mapq-1.9.9 is above 1 at 1.2 Å; 1 is said instead\n"
    assert result.stdout.startswith("1.2 Å: expected Q 1.000, low 0.963, high 1.000\n2 Å: expected Q 0.818")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["11"], "archive-2025 holds for 1.15–10 Å and is not extrapolated to 11 Å"),
        (["1.1", "--equation", "mapq-2.9.7"], "mapq-2.9.7 holds for 1.15–10 Å and is not extrapolated to 1.1 Å"),
        (["8", "--class", "protein"], "mapq-1.6.5-protein is below 0 at 8 Å: it says nothing there"),
        (["3.2", "--class", "ligand"], "no published equation for ligand at σ 0.4 Å"),
        (["3.2", "--equation", "none"], "no equation and no file 'none'"),
        (["3.2", "--equation", "none.json"], "cannot read none.json"),
        (["abc"], "resolution abc: not a positive number of Å"),
        (["--q", "0.99"], "archive-2025: expected Q is below 0.99 already at 1.15 Å"),
        (["--q", "7"], "Q 7; it lies between −1 and 1"),
    ],
)
def test_what_cannot_be_said_is_one_line(arguments, message):
    """A `ValueError`, which the `qscore` command prints as one line, and ends with 1."""
    result = run(*arguments)
    assert isinstance(result.exception, ValueError)
    assert message in str(result.exception)
    assert "\n" not in str(result.exception)
    assert result.stdout == ""


@pytest.mark.parametrize("arguments", [[], ["--json"], ["3", "--sigma", "0.5"], ["3", "--class", "lipid"]])
def test_wrong_usage(arguments):
    assert run(*arguments).exit_code == 2


def test_every_equation_is_listed():
    lines = said("--list")
    assert len(lines) == 11
    assert lines[0].startswith("archive-2025 ")
    cubic = "mapq-2.9.7          σ 0.4          all      1.15–10 Å  Q = −0.0016 R³ + 0.0434 R² − 0.3956 R + 1.3366"
    assert f"{cubic}; peak +0.024, low −0.126, high +0.109  (MapQ 2.9.7)" in lines
    assert len(json.loads(run("--list", "--json").stdout)) == 12


def test_a_name_at_two_sigmas_stands_once_or_is_explained():
    lines = said("--list")
    assert [line.split()[:6] for line in lines if line.startswith("mapq-1.6.2-ion")] == [
        ["mapq-1.6.2-ion", "σ", "0.4", "and", "0.6", "ion"]
    ]
    assert sum(line.startswith("mapq-1.9.9  ") for line in lines) == 2
    assert lines[-1] == "mapq-1.9.9 is another equation at each σ: --sigma chooses, without it the smaller"


def test_an_equation_over_the_map_model_fsc_says_so(tmp_path):
    path = tmp_path / "expected_q.json"
    record = {"form": "line", "sigma": 0.4, "class": "all", "coefficients": [-0.2, 1.1], "domain": [2, 5], "n": 60}
    path.write_text(json.dumps({"equations": {"all-fsc05-line": record | {"x": "map_model_fsc05"}}}))
    lines = said("3", "--q", "0.6", "--equation", f"{path}:all-fsc05-line")
    assert lines[0] == "at map–model FSC 0.5 of 3 Å: expected Q 0.500"
    assert lines[1].startswith("Q 0.6 is expected at map–model FSC 0.5 of 2.50 Å")
    assert "Q = −0.2 R + 1.1 (R: map–model FSC 0.5)  (" in said("--list", "--equation", str(path))[0]
    given = f"{path}:all-fsc05-line"
    assert json.loads(run("3", "--equation", given, "--json").stdout)["x"] == "map_model_fsc05"


def test_help_says_where_ligands_are_expected():
    assert "ligand and glycan there are only fitted ones" in " ".join(run("--help").output.split())


def test_a_file_is_used_and_listed(tmp_path):
    path = tmp_path / "expected_q.json"
    record = {"form": "line", "sigma": 0.4, "class": "ligand", "coefficients": [-0.2, 1.1], "domain": [2, 5], "n": 60}
    path.write_text(json.dumps({"equations": {"ligand-line": record}}))
    lines = said("3", "--class", "ligand", "--equation", str(path))
    assert lines == [
        "3 Å: expected Q 0.500",
        "by ligand-line (line; ligand, σ 0.4 Å; 2–5 Å): fitted to 60 rows",
    ]
    assert said("3", "--equation", f"{path}:ligand-line") == lines
    assert said("--list", "--equation", str(path)) == [
        "ligand-line  σ 0.4  ligand   2–5 Å  Q = −0.2 R + 1.1  (fitted to 60 rows)"
    ]


def test_a_bootstrap_is_told_with_the_numbers(tmp_path):
    path = tmp_path / "expected_q.json"
    wider = {"slope": {"se": 0.0123, "low": -0.2251, "high": -0.1749}}
    bootstrap = {"publication": wider, "protein": {"slope": {"se": 0.01}}, "quoted": "publication"}
    record = {"form": "line", "sigma": 0.4, "class": "all", "coefficients": [-0.2, 1.1], "domain": [2, 5], "n": 60}
    path.write_text(json.dumps({"equations": {"all-line": record | {"bootstrap": bootstrap}}}))
    told = "slope ± 0.0123 with whole publications redrawn (95 %: −0.2251 to −0.1749)"
    assert said("3", "--equation", str(path))[1].endswith(f"fitted to 60 rows; {told}")
