"""Two models in one map: which residues belong together, what changed, and how it is drawn."""

import csv
import json
import math
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pairs import pdb_line, random_atoms, smooth_map, write_map, write_model, write_pair

from qscore import changes, cli, compiled, expected, tables
from qscore.compare import CHANGED, compare, name, short_names, side_by_side
from qscore.layouts import COMPARED


def residue(chain, number, residue="ALA", *, icode="", kind="protein", q=0.5, n=5):
    return {"chain": chain, "number": str(number), "icode": icode, "residue": residue, "class": kind,
            "n_atoms": n, "q_04": q}  # fmt: skip


def matches(before, after):
    return [(name(row), row["match"]) for row in side_by_side(before, after)]


# ---- which residues belong together ----


def test_residues_belong_together_by_chain_number_and_insertion_code():
    before = [residue("A", 1, q=0.2), residue("A", 1, icode="A", q=0.3), residue("B", 1, q=0.4)]
    after = [residue("B", 1, q=0.6), residue("A", 1, icode="A", q=0.7), residue("A", 1, q=0.8)]
    rows = side_by_side(before, after)
    assert [row["match"] for row in rows] == ["same"] * 3
    assert [row["difference"] for row in rows] == pytest.approx([0.6, 0.4, 0.2])
    assert list(rows[0]) != [] and set(rows[0]) == set(COMPARED.names)


def test_another_residue_name_is_told():
    (row,) = side_by_side([residue("A", 7, "SER", n=6)], [residue("A", 7, "ALA", n=5)])
    assert (row["match"], row["residue_before"], row["residue_after"]) == ("renamed", "SER", "ALA")
    assert (row["n_atoms_before"], row["n_atoms_after"]) == (6, 5)
    assert row["difference"] == 0


def test_a_ligand_is_no_ion_of_the_same_number():
    before, after = [residue("A", 501, "ATP", kind="ligand")], [residue("A", 501, "MG", kind="ion")]
    assert sorted(matches(before, after)) == [("A 501 ATP", "only before"), ("A 501 MG", "only after")]
    assert matches(before, [residue("A", 501, "ADP", kind="ligand")]) == [("A 501 ATP", "renamed")]


def test_a_name_that_agrees_comes_before_one_that_does_not():
    """Two residues at one place (a mutation in half of the particles): each finds its own."""
    before = [residue("A", 5, "SER", q=0.1), residue("A", 5, "THR", q=0.2)]
    after = [residue("A", 5, "THR", q=0.9), residue("A", 5, "SER", q=0.4)]
    rows = side_by_side(before, after)
    assert [row["match"] for row in rows] == ["same", "same"]
    assert [row["difference"] for row in rows] == pytest.approx([0.3, 0.7])


def test_a_number_that_stands_twice_is_matched_once():
    twice = [residue("A", 9, q=0.1), residue("A", 9, q=0.2)]
    assert [row["match"] for row in side_by_side(twice, twice[:1])] == ["same", "only before"]
    assert [row["match"] for row in side_by_side(twice[:1], twice)] == ["same", "only after"]


def test_what_only_one_model_has_stands_where_it_belongs():
    before = [residue("A", n) for n in (2, 3, 5)] + [residue("B", 1)]
    after = [residue("C", 1)] + [residue("B", n) for n in (0, 1)] + [residue("A", n) for n in (1, 2, 4, 5, 6)]
    assert matches(before, after) == [
        ("A 1 ALA", "only after"),
        ("A 2 ALA", "same"),
        ("A 4 ALA", "only after"),
        ("A 3 ALA", "only before"),
        ("A 5 ALA", "same"),
        ("A 6 ALA", "only after"),
        ("B 0 ALA", "only after"),
        ("B 1 ALA", "same"),
        ("C 1 ALA", "only after"),
    ]


def test_an_unscored_residue_has_no_difference():
    (row,) = side_by_side([residue("A", 1, q=math.nan)], [residue("A", 1)])
    assert row["match"] == "same" and math.isnan(row["difference"])
    (row,) = side_by_side([residue("A", 1)], [])
    assert row["n_atoms_after"] is None and math.isnan(row["q_after"]) and math.isnan(row["difference"])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("one/a.cif", "two/b.cif", ("a.cif", "b.cif")),
        ("one/a.cif", "two/a.cif", ("one/a.cif", "two/a.cif")),
        ("/x/1/m/a.cif", "/x/2/m/a.cif", ("1/m/a.cif", "2/m/a.cif")),
        ("a.cif", "old/a.cif", ("a.cif", "old/a.cif")),
        ("a.cif", "a.cif", ("a.cif", "a.cif")),
    ],
)
def test_names_are_as_long_as_tells_them_apart(first, second, expected):
    assert short_names(first, second) == expected


# ---- numbers ----


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A map, a model that follows it, and copies of the model: one with a residue moved, one with other atoms."""
    folder = tmp_path_factory.mktemp("two")
    rng = np.random.default_rng(5)
    step, places = 1.1, random_atoms(rng, np.full(3, 5.0), np.full(3, 22.0), 60, spacing=2.2)
    z, y, x = (axis * step for axis in np.mgrid[:24, :25, :26])
    grid = np.stack([x, y, z], axis=-1)[..., None, :]
    values = np.exp(-((grid - places) ** 2).sum(axis=-1) / 2).sum(axis=-1) + 0.02 * smooth_map(rng, x.shape)
    write_map(folder / "map.map", values, step=step)
    write_model(folder / "before.pdb", places)
    moved = places.copy()
    moved[20:25] += (1.0, -0.9, 0.8)  # residue 5
    write_model(folder / "moved.pdb", moved)
    lines = (folder / "before.pdb").read_text().splitlines(keepends=True)
    other = [line.replace("ALA A   3", "SER A   3") for line in lines if "ALA A   4" not in line]
    other[2:4] = []  # two atoms of residue 1
    other.insert(-1, pdb_line(61, places[0] + 0.4, number=20))
    other.insert(-1, pdb_line(62, places[9], name="O", residue="HOH", number=90, element="O"))
    (folder / "other.pdb").write_text("".join(other))
    return folder


@pytest.fixture
def work(pair, monkeypatch):
    monkeypatch.chdir(pair)
    monkeypatch.setattr(compiled, "is_cached", lambda: True)
    return pair


def run(capsys, *arguments):
    capsys.readouterr()
    code = cli.main(list(map(str, arguments)))
    return code, *capsys.readouterr()


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_a_model_does_not_differ_from_itself(work):
    found = compare("map.map", ("before.pdb", "before.pdb"))
    assert {row["difference"] for row in found.rows} == {0.0}
    assert found.summary["difference"] == 0
    assert found.summary["gains"] == found.summary["losses"] == []
    assert found.summary["residues"] == {
        "n_compared": 12, "n_better": 0, "n_worse": 0, "mean_difference": 0, "median_difference": 0,
        "n_renamed": 0, "n_only_before": 0, "n_only_after": 0, "n_other_atoms": 0,
    }  # fmt: skip


def test_a_residue_that_was_moved_off_its_density_is_the_largest_loss(work):
    found = compare("map.map", ("before.pdb", "moved.pdb"), resolution=3.0)
    worst = found.summary["losses"][0]
    assert name(worst) == "A 5 ALA" and worst["difference"] < -0.3
    assert found.summary["residues"]["n_worse"] >= 1
    assert found.summary["expected"]["expected"] == pytest.approx(expected.shipped().expected(3.0))
    assert found.summary["difference"] == pytest.approx(
        found.summary["after"]["q_mean"] - found.summary["before"]["q_mean"]
    )
    assert found.summary["chains"]["A"]["difference"] == pytest.approx(found.summary["difference"])


def test_the_other_way_round_every_difference_has_the_other_sign(work):
    one = compare("map.map", ("before.pdb", "moved.pdb"))
    other = compare("map.map", ("moved.pdb", "before.pdb"))
    assert [row["difference"] for row in one.rows] == [-row["difference"] for row in other.rows]
    assert [name(row) for row in one.summary["losses"]] == [name(row) for row in other.summary["gains"]]
    assert one.summary["residues"]["n_worse"] == other.summary["residues"]["n_better"]
    assert one.summary["residues"]["median_difference"] == -other.summary["residues"]["median_difference"]


def test_each_side_is_what_score_gives_alone(work, capsys):
    found = compare("map.map", ("before.pdb", "other.pdb"))
    for when in ("before", "other"):
        assert run(capsys, "score", "map.map", f"{when}.pdb", "--out", f"alone-{when}", "--sigma", "0.4")[0] == 0
    for when, folder in (("before", "alone-before"), ("after", "alone-other")):
        alone = {(row["chain"], row["number"]): row for row in rows_of(f"{folder}/residues.tsv")}
        mine = [row for row in found.rows if row[f"residue_{when}"]]
        assert len(mine) == sum(row["class"] != "water" for row in alone.values())
        for row in mine:
            other = alone[row["chain"], row["number"]]
            assert row[f"q_{when}"] == pytest.approx(float(other["q_04"]), abs=2e-6)
            assert row[f"n_atoms_{when}"] == int(other["n_atoms"])
        summary = json.loads(Path(folder, "summary.json").read_text(encoding="utf-8"))
        assert found.summary[when]["q_mean"] == summary["q_mean"]


def test_what_is_not_the_same_is_listed(work):
    summary = compare("map.map", ("before.pdb", "other.pdb")).summary
    assert summary["renamed"] == ["A 3 ALA → SER"]
    assert summary["only_before"] == ["A 4 ALA"]
    assert summary["only_after"] == ["A 20 ALA"], "a water is not compared"
    counts = {key: summary["residues"][key] for key in ("n_compared", "n_renamed", "n_other_atoms")}
    assert counts == {"n_compared": 11, "n_renamed": 1, "n_other_atoms": 1}


def test_models_without_a_residue_in_common(work, tmp_path):
    lines = (work / "before.pdb").read_text().replace("ALA A", "ALA B")
    (tmp_path / "b.pdb").write_text(lines)
    with pytest.raises(ValueError, match=r"^no residue of before\.pdb has chain and number of one of b\.pdb$"):
        compare("map.map", ("before.pdb", tmp_path / "b.pdb"))


def test_one_chain_of_both(tmp_path):
    map_file, model_file = write_pair(tmp_path, n=40, edge=False)
    lines = model_file.read_text().splitlines(keepends=True)
    two = [line if int(line[6:11]) <= 20 else line.replace("ALA A", "ALA B") for line in lines[:-1]]
    (tmp_path / "two.pdb").write_text("".join(two))
    found = compare(map_file, (tmp_path / "two.pdb", tmp_path / "two.pdb"), chain="B")
    assert {row["chain"] for row in found.rows} == {"B"}
    with pytest.raises(ValueError, match=r"^model\.pdb: no chain B; it has A$"):
        compare(map_file, (tmp_path / "two.pdb", model_file), chain="B")


# ---- the command ----


def test_json_and_files(work, capsys, tmp_path):
    arguments = ("compare", "map.map", "before.pdb", "moved.pdb", "--resolution", "3", "--contour", "0.25")
    code, out, err = run(capsys, *arguments, "--json", "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    found = json.loads(out)
    names = {"compare.json", "compare.tsv", "compare.svg", "compare.png"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert json.loads((tmp_path / "out" / "compare.json").read_text(encoding="utf-8")) == found
    assert found["contour_level"] == 0.25
    assert found["threshold"] == CHANGED
    rows = rows_of(tmp_path / "out" / "compare.tsv")
    assert list(rows[0]) == COMPARED.names
    assert len(rows) == 12
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o666 & ~tables._umask()}
    again = tmp_path / "again"
    assert run(capsys, *arguments, "--json", "--out", again, "--threads", "1")[0] == 0
    for name_ in names:
        assert (again / name_).read_bytes() == (tmp_path / "out" / name_).read_bytes(), name_


def test_the_tables(work, capsys):
    code, out, err = run(capsys, "compare", "map.map", "before.pdb", "other.pdb", "--resolution", "3")
    assert (code, err) == (0, "")
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[:2] == ["before  before.pdb", "after   other.pdb   in map.map"]
    found = compare("map.map", ("before.pdb", "other.pdb")).summary
    entry = next(line for line in lines if line.startswith("entry"))
    assert entry.split()[-7:-3] == [
        f"{found['before']['q_mean']:.3f}", f"{found['after']['q_mean']:.3f}", f"{found['difference']:+.3f}", "11"
    ]  # fmt: skip
    for line in (
        "better, worse: Q of the residue changes by more than 0.05; waters are not compared",
        "residue name differs: 1 (A 3 ALA → SER)",
        "only in before.pdb: 1 (A 4 ALA)",
        "only in other.pdb: 1 (A 20 ALA)",
        "1 residues have other atoms in one model; each Q is the mean of its own",
    ):
        assert line in lines
    curve = expected.shipped()
    low, high = curve.band(3.0)
    usual = f"expected of an entry: {curve.expected(3.0):.3f} ({low:.3f}–{high:.3f}); expected at 3 Å of the entry by"
    assert any(line.startswith(usual) for line in lines)


def test_many_unmatched_residues_are_not_all_printed(work, capsys, tmp_path):
    short = [line for line in (work / "before.pdb").read_text().splitlines(keepends=True)[:5]]
    (tmp_path / "short.pdb").write_text("".join(short))
    _, out, _ = run(capsys, "compare", "map.map", "before.pdb", tmp_path / "short.pdb")
    (line,) = (line for line in out.splitlines() if line.startswith("only in"))
    assert line.startswith("only in before.pdb: 11 (A 2 ALA, ") and line.rstrip().endswith(", A 9 ALA, …)")


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("map.map", "before.pdb"), 2, "Missing argument 'MODEL2'. (see qscore compare --help)"),
        (("none.map", "before.pdb", "moved.pdb"), 1, "no such file: none.map"),
        (("map.map", "before.pdb", "none.pdb"), 1, "no such file: none.pdb"),
        (("map.map", "before.pdb", "moved.pdb", "--chain", "Z"), 1, "before.pdb: no chain Z; it has A"),
        (("map.map", "before.pdb", "moved.pdb", "--resolution", "0"), 1, "--resolution 0: not a positive number of Å"),
        (("map.map", "before.pdb", "moved.pdb", "--contour", "nan"), 1, "--contour nan: not a number"),
    ],
)
def test_mistakes_are_one_line(work, capsys, tmp_path, arguments, code, line):
    assert run(capsys, "compare", *arguments, "--out", tmp_path / "out") == (code, "", f"qscore: {line}\n")
    assert not (tmp_path / "out").exists()


def test_the_folder_is_looked_at_before_any_work(work, capsys, tmp_path, monkeypatch):
    (tmp_path / "taken").write_text("mine")
    monkeypatch.setattr("qscore.compare.compare", lambda *_, **__: pytest.fail("work was done"))
    code, _, err = run(capsys, "compare", "map.map", "before.pdb", "moved.pdb", "--out", tmp_path / "taken")
    assert code == 1 and err.startswith("qscore: cannot write to folder ")


@pytest.mark.real
def test_a_real_model_of_which_a_helix_was_moved(real_data, tmp_path):
    pairs = real_data / "pairs"
    lines = (pairs / "3j6b_9.pdb").read_text().splitlines(keepends=True)
    numbers = sorted({int(line[22:26]) for line in lines if line.startswith("ATOM")})
    chosen = set(numbers[40:50])
    for k, line in enumerate(lines):
        if line.startswith("ATOM") and int(line[22:26]) in chosen:
            lines[k] = f"{line[:30]}{float(line[30:38]) + 1.2:8.3f}{line[38:]}"
    (tmp_path / "moved.pdb").write_text("".join(lines))
    found = compare(pairs / "emd_2566_crop_9.mrc", (pairs / "3j6b_9.pdb", tmp_path / "moved.pdb"), threads=2)
    assert {int(row["number"]) for row in found.summary["losses"][:5]} <= chosen
    far = [row["difference"] for row in found.rows if min(abs(int(row["number"]) - n) for n in chosen) > 60]
    assert max(map(abs, far)) < 0.2, "only neighbours can change too"
    assert found.summary["residues"]["n_worse"] >= 8


# ---- the figure ----


class Found:
    """What the figure takes of a comparison."""

    def __init__(self, rows, labels=("old.cif", "new.cif")):
        self.rows, self.labels = rows, labels
        names = dict.fromkeys(row["chain"] for row in rows)
        self.summary = {"chains": {chain: {"q_before": 0.5, "q_after": math.nan} for chain in names}}


def rows_of_chain(chain, numbers, *, shift=0.0, kind="protein", only=None):
    before = [residue(chain, n, kind=kind, q=0.5 + 0.1 * math.sin(n)) for n in numbers]
    after = [row | {"q_04": row["q_04"] + shift * math.cos(int(row["number"]))} for row in before]
    return side_by_side(*({"before": (before, []), "after": ([], after)}.get(only, (before, after))))


def lines_of(axes, gid):
    return next(line for line in axes.get_lines() if line.get_gid() == gid)


def test_both_models_and_the_difference_are_drawn():
    rows = rows_of_chain("A", range(1, 41), shift=0.2)
    figure = changes.before_and_after(Found(rows))
    upper, lower = figure.axes
    assert lines_of(upper, "before").get_ydata() == pytest.approx([row["q_before"] for row in rows])
    assert lines_of(upper, "after").get_ydata() == pytest.approx([row["q_after"] for row in rows])
    heights = sorted(bar.get_height() for bar in lower.patches)
    assert heights == pytest.approx(sorted(row["difference"] for row in rows))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["old.cif", "new.cif"]
    assert upper.get_title(loc="left") == "chain A   mean Q 0.500 → –"


def test_lines_are_broken_where_the_numbering_jumps():
    rows = rows_of_chain("A", [*range(1, 6), *range(300, 305)])
    upper, lower = changes.before_and_after(Found(rows)).axes
    assert np.flatnonzero(np.isnan(lines_of(upper, "before").get_ydata())).tolist() == [5]
    assert [tick.get_text() for tick in lower.get_xticklabels()] == ["2", "4", "300", "302", "304"]


def test_at_most_twelve_chains_those_that_changed_most(tmp_path):
    rows = [row for k in range(30) for row in rows_of_chain(f"c{k}", range(1, 15), shift=0.01 * (k % 16))]
    chosen, hidden = changes.chosen(pd.DataFrame(rows))
    assert hidden == 18
    assert list(chosen) == [f"c{k}" for k in (*range(9, 16), *range(25, 30))]
    figure = changes.before_and_after(Found(rows))
    assert figure.legends[0].get_title().get_text() == "18 more chains with smaller changes not shown"
    assert len(figure.axes) == 24
    changes.save(figure, tmp_path / "many", formats=("png",), dpi=40)


def test_polymers_are_drawn_where_there_are_any():
    ligands = [row for n in range(3) for row in rows_of_chain(f"l{n}", [n], kind="ligand")]
    assert list(changes.chosen(pd.DataFrame(ligands))[0]) == ["l0", "l1", "l2"]
    assert list(changes.chosen(pd.DataFrame(ligands + rows_of_chain("A", range(9))))[0]) == ["A"]


@pytest.mark.parametrize(
    "rows",
    [
        rows_of_chain("A", [7]),
        rows_of_chain("A", range(-5, 5), shift=0.1),
        rows_of_chain("A", range(4), only="before") + rows_of_chain("B", range(4), shift=0.1),
        rows_of_chain("A", range(4), only="before") + rows_of_chain("B", range(4), only="after"),
        [row | {"number": f"x{row['number']}"} for row in rows_of_chain("A", range(12), shift=0.1)],
        [row | {"q_before": math.nan, "q_after": math.nan} for row in rows_of_chain("A", range(3), only="before")],
    ],
    ids=[
        "one residue",
        "negative numbers",
        "a chain of one model",
        "no chain of both",
        "odd numbers",
        "nothing scored",
    ],
)
def test_odd_chains_are_drawn_without_a_warning(rows, tmp_path):
    changes.save(changes.before_and_after(Found(rows)), tmp_path / "odd", formats=("png",), dpi=40)
    assert [path.name for path in tmp_path.iterdir()] == ["odd.png"]


def test_names_that_the_font_lacks_are_drawn_all_the_same(tmp_path):
    rows = rows_of_chain("模型$x$", range(5), shift=0.1)
    changes.save(
        changes.before_and_after(Found(rows, labels=("旧.cif", "$_$.cif"))), tmp_path / "odd", formats=("svg",)
    )
