"""`qscore check`: one pair before deposition, from files to a page; every mistake is one line."""

import csv
import json
import os
import re

import numpy as np
import pairs
import pytest

from qscore import checking, cli, entry, entryfigures, model, table1
from qscore.expected import shipped
from qscore.verdict import ordinal

FILES = ["m.cif", "m.cxc", "m.defattr", "m.html", "table1.tsv"]


@pytest.fixture(scope="module", autouse=True)
def known():
    """The commands where a caller finds them."""
    for command in checking.COMMANDS:
        cli.qscore.add_command(command)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A map and a model of 30 residues of five atoms in it."""
    folder, rng = tmp_path_factory.mktemp("pair"), np.random.default_rng(3)
    pairs.write_map(folder / "m.map", pairs.smooth_map(rng), step=1.0)
    atoms = pairs.random_atoms(rng, np.full(3, 5.0), np.array([24.0, 22.0, 20.0]), 150)
    pairs.write_model(folder / "m.pdb", atoms)
    return folder


@pytest.fixture(scope="module")
def checked(pair):
    out = pair / "out"
    given = ["check", str(pair / "m.map"), str(pair / "m.pdb"), "--resolution", "3.2", "--contour", "0.1"]
    assert cli.main([*given, "--out", str(out), "--threads", "1"]) == 0
    return out


@pytest.fixture(scope="module")
def scored(pair):
    return entry.score_pair(pair / "m.map", pair / "m.pdb", resolution=3.2, contour=0.1)


@pytest.fixture
def undrawn(monkeypatch):
    """Pages without figures, where these are not what is tested."""
    monkeypatch.setattr(entryfigures, "figures_of", lambda _: {})


def rows(folder):
    with open(folder / "table1.tsv", encoding="utf-8", newline="") as stream:
        return {row["item"]: row for row in csv.DictReader(stream, delimiter="\t")}


def test_leaves_a_page_and_its_files(checked):
    assert sorted(path.name for path in checked.iterdir()) == FILES
    text = (checked / "m.html").read_text()
    assert "m.pdb in m.map" in text and "<script" not in text and len(text.encode()) <= 300_000
    assert not re.search(r'(?:src|href)="https?:', text)


def test_table_one_is_what_was_scored(checked, scored):
    found, curve, q = rows(checked), shipped(), scored.summary["q_mean"]
    low, high = map(float, curve.band(3.2))
    assert found["Q-score, mean"]["value"] == f"{q:.3f}"
    assert found["Q-score, backbone"]["value"] == f"{scored.summary['q_backbone']:.3f}"
    assert found["Q-score, side chains and bases"]["value"] == f"{scored.summary['q_side_chain']:.3f}"
    expected = found["Q-score expected at this resolution (95 % band)"]["value"]
    assert expected == f"{float(curve.expected(3.2)):.3f} ({low:.3f}–{high:.3f})"
    assert found["Percentile among entries of this resolution"]["value"] == ordinal(float(curve.percentile(3.2, q)))
    beside = scored.summary["realspace"]
    assert found["Correlation coefficient (CC_mask)"]["value"] == f"{beside['cc_mask']:.2f}"
    assert "at contour level 0.1" in found["Atom inclusion (%)"]["note"] or not found["Atom inclusion (%)"]["value"]
    page = (checked / "m.html").read_text().replace("\xa0", " ")
    for row in found.values():
        assert row["item"] in page and row["value"].replace("-", "−") in page


def test_what_was_not_measured_says_why():
    why = table1.empty("part of a map (10 Å: cut): cc_box, map_mean; no contour level: inclusion")
    assert why == {
        "cc_box": "part of a map (10 Å: cut)",
        "map_mean": "part of a map (10 Å: cut)",
        "inclusion": "no contour level",
    }


def test_model_and_attributes_hold_q(checked, scored):
    block = model.read_block(checked / "m.cif")
    q = np.array([float(value) for value in block.find_values("_atom_site.Q-score")])
    np.testing.assert_allclose(q, scored.scores.q[:, 0], atol=5e-5)
    residues = scored.residues()
    lines = [line for line in (checked / "m.defattr").read_text().splitlines() if line.startswith("\t")]
    assert lines == [f"\t/A:{n}\t{q:.4f}" for n, q in zip(residues["number"], residues["q_04"], strict=True)]


def test_commands_open_what_is_there(checked):
    lines = (checked / "m.cxc").read_text().splitlines()
    opened = [line.removeprefix("open ").strip('"') for line in lines if line.startswith("open")]
    assert opened == ["m.cif", "m.defattr", "../m.map"] and all((checked / name).is_file() for name in opened)
    assert "volume #2 style surface level 0.1 color #b8c4cc" in lines


def test_says_the_verdict_and_where_the_page_is(pair, capsys, monkeypatch, undrawn):
    monkeypatch.chdir(pair)
    assert cli.main(["check", "m.map", "m.pdb", "--resolution", "3.2", "--chain", "A"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 2 and "at 3.2 Å" in out[0]
    assert out[1] == "page: m-check/m.html" and (pair / "m-check" / "m.html").is_file()


def test_same_files_same_bytes(pair, checked, undrawn):
    given = ["check", str(pair / "m.map"), str(pair / "m.pdb"), "--resolution", "3.2", "--contour", "0.1"]
    assert cli.main([*given, "--out", str(pair / "again")]) == 0
    for name in set(FILES) - {"m.html"}:  # of the page test_entrypage.py
        assert (pair / "again" / name).read_bytes() == (checked / name).read_bytes()


def test_json(pair, capsys, undrawn):
    given = ["check", str(pair / "m.map"), str(pair / "m.pdb"), "--resolution", "3.2", "--json"]
    assert cli.main([*given, "--out", str(pair / "json")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["resolution"] == 3.2 and said["verdict"]["sentence"]


def test_beyond_the_curve_nothing_is_expected(pair, undrawn):
    given = ["check", str(pair / "m.map"), str(pair / "m.pdb"), "--resolution", "35"]
    assert cli.main([*given, "--out", str(pair / "far")]) == 0
    assert rows(pair / "far")["Q-score expected at this resolution"]["value"] == ""
    page = (pair / "far" / "m.html").read_text()
    assert "no expected Q is known" in page and "Not looked for" in page and "MapQ 1.6.5" not in page


def test_hostile_file_names(pair, undrawn):
    name = "a b;exit '\"<script>.pdb"
    (pair / name).write_bytes((pair / "m.pdb").read_bytes())
    (pair / 'm";exit.map').write_bytes((pair / "m.map").read_bytes())
    given = ["check", str(pair / 'm";exit.map'), str(pair / name), "--resolution", "3.2"]
    assert cli.main([*given, "--out", str(pair / "hostile")]) == 0
    names = sorted(path.name for path in (pair / "hostile").iterdir())
    stem = "a_b_exit____script_"
    assert names == sorted([f"{stem}.{ending}" for ending in ("cif", "cxc", "defattr", "html")] + ["table1.tsv"])
    assert "exit.map" not in (pair / "hostile" / f"{stem}.cxc").read_text()
    assert "<script" not in (pair / "hostile" / f"{stem}.html").read_text()


def test_a_name_that_is_no_text(pair, undrawn):
    name = os.fsdecode(b"bad\xff.cif")
    (pair / name).write_bytes((pair / "out" / "m.cif").read_bytes())
    given = ["check", str(pair / "m.map"), str(pair / name), "--resolution", "3.2", "--out", str(pair / "nameless")]
    assert cli.main(given) == 0
    assert "bad\ufffd.cif" in (pair / "nameless" / "bad_.html").read_text()


@pytest.mark.parametrize("given", ["m.cif", "table1.tsv"])
def test_no_file_given_is_written_over(checked, pair, capsys, tmp_path, monkeypatch, given):
    model = (checked / "m.cif").read_bytes()
    (tmp_path / given).write_bytes(model)
    (tmp_path / "m.map").write_bytes((pair / "m.map").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert cli.main(["check", "m.map", given, "--resolution", "3.2", "--out", "."]) == 1
    assert f"{given} would be written over" in capsys.readouterr().err
    assert (tmp_path / given).read_bytes() == model and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (["m.map", "m.pdb"], 2, "--resolution"),
        (["m.map"], 2, "Missing argument 'MODEL'"),
        (["m.map", "none.pdb", "--resolution", "3"], 1, "no such file: none.pdb"),
        (["none.map", "m.pdb", "--resolution", "3"], 1, "no such file: none.map"),
        (["m.map", "m.pdb", "--resolution", "-3"], 1, "--resolution -3: not a positive number of Å"),
        (["m.map", "m.pdb", "--resolution", "3", "--contour", "high"], 1, "--contour high: not a number"),
        (["m.map", "m.pdb", "--resolution", "3", "--chain", "Z"], 1, "no chain Z"),
        (["m.pdb", "m.map", "--resolution", "3"], 1, "m.map"),
        (["m.map", "m.pdb", "--resolution", "3", "--out", "m.map"], 1, "not a folder"),
    ],
)
def test_mistakes_are_one_line(pair, capsys, monkeypatch, given, code, said):
    monkeypatch.chdir(pair)
    assert cli.main(["check", *given]) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("qscore: ") and said in lines[0]


def test_a_real_pair(real_data, tmp_path):
    folder = real_data / "pairs"
    given = ["check", str(folder / "emd_4413_box.ccp4"), str(folder / "6i5a_box.pdb"), "--resolution", "2.3"]
    assert cli.main([*given, "--out", str(tmp_path)]) == 0
    page = (tmp_path / "6i5a_box.html").read_text()
    assert len(page.encode()) <= 300_000 and "At 2.3\xa0Å" in page
