"""Atom rows cut out of an mmCIF say what gemmi says of them; where they are not plain, nothing is cut."""

from dataclasses import fields

import gemmi
import numpy as np
import pytest

from qscore import atomrows, model

TAGS = ("group_PDB", "id", "type_symbol", "label_atom_id", "auth_asym_id", "Cartn_x")
HEAD = "data_x\n_entry.id x\n#\nloop_\n" + "".join(f"_atom_site.{tag} \n" for tag in TAGS)
ROWS = "ATOM   1  C CA  A 1.500 \nATOM   2  O O   A -20.25\nHETATM 13 P \"O5'\" 'B' .  \n"
TAIL = "#\n_cell.length_a 9\n"


def test_cells_are_those_gemmi_reads():
    _, rows = atomrows.cut((HEAD + ROWS + TAIL).encode())
    block = gemmi.cif.read_string(HEAD + ROWS + TAIL).sole_block()
    assert len(rows) == 3
    for tag in TAGS:
        assert rows.cells(tag).tolist() == list(block.find_values("_atom_site." + tag))
    assert [cells[3] for cells in rows.lines()] == [b"CA", b"O", b'"O5\'"']


def test_the_rest_of_the_file_stays_with_one_marked_row():
    text, _ = atomrows.cut((HEAD + ROWS + TAIL).encode())
    assert text.decode() == HEAD + " ".join([atomrows.MARK] * len(TAGS)) + "\n" + TAIL


@pytest.mark.parametrize("end", ["", "\n"])
def test_rows_may_end_the_file(end):
    _, rows = atomrows.cut((HEAD + ROWS.rstrip("\n") + end).encode())
    assert len(rows) == 3
    assert rows.cells("Cartn_x").tolist() == ["1.500", "-20.25", "."]


def test_many_rows_are_read_piece_by_piece(monkeypatch):
    monkeypatch.setattr(atomrows, "_PIECE_BYTES", 100)
    lines = [f"ATOM {n} C C{n % 7} A {n / 8:.3f}\n" for n in range(500)]
    _, rows = atomrows.cut((HEAD + "".join(lines)).encode())
    assert rows.cells("id").tolist() == [str(n) for n in range(500)]
    values, plain = rows.numbers("Cartn_x")
    assert plain.all()
    assert values.tolist() == [float(f"{n / 8:.3f}") for n in range(500)]


@pytest.mark.parametrize(
    "rows",
    [
        "ATOM 1 C 'C A' A 1.0\n",  # a space in a cell
        "ATOM 1 C CA A\n 1.0\n",  # a row on two lines
        "ATOM 1 C CA A 1.0 ATOM 2 C CB A 2.0\n",  # two rows on a line
        "ATOM 1 C CA A\n",  # too short
        "ATOM 1 C CA A 1.0 # remark\n",
        "ATOM 1 C\n;CA\n;\nA 1.0\n",
        "ATOM 1 C C\xe9 A 1.0\n",
        "ATOM 1 C C_A A 1.0\n",  # may be a word of CIF's own
        f"ATOM 1 C {'C' * 300} A 1.0\n",
        "ATOM 1 C 'CA A 1.0\n",
    ],
)
def test_other_rows_are_left_to_gemmi(rows):
    assert atomrows.cut((HEAD + rows + TAIL).encode()) is None


def test_a_file_without_atoms_or_with_a_column_twice():
    assert atomrows.cut(b"data_x\n_entry.id x\n") is None
    assert atomrows.cut((HEAD + "_atom_site.id\nATOM 1 C CA A 1.0 2\n").encode()) is None


WHOLE_HEAD = HEAD + "_atom_site.Cartn_y\n_atom_site.Cartn_z\n"
WHOLE_ROWS = "ATOM   1  C CA  A 1.500 2 3 \nATOM   2  O O   A -20.25 ? 3.25(4)\nHETATM 13 P \"O5'\" 'B' 1 2 -0.5  \n"


@pytest.mark.parametrize(
    "text",
    [
        WHOLE_HEAD + WHOLE_ROWS + TAIL,
        f"data_x\n_a.b\n;\nloop_\n_atom_site.id\nATOM\n;\n{WHOLE_HEAD[7:]}{WHOLE_ROWS}",  # a loop in a text first
        f"{WHOLE_HEAD}{WHOLE_ROWS}# remark\n{WHOLE_ROWS}",  # rows go on after a remark
        WHOLE_HEAD.replace("Cartn_x", "Cartn_X") + WHOLE_ROWS,
        WHOLE_HEAD.replace("_atom_site.id", "_atom_site.Q-score") + WHOLE_ROWS,
    ],
)
def test_a_model_is_read_and_written_alike_wherever_its_rows_stand(tmp_path, text, monkeypatch):
    path = tmp_path / "m.cif"
    path.write_text(text)
    q = np.array([0.5, np.nan, -0.25, 0.1, 0.2, 0.3])
    read = model.read_model(path)
    model.write_with_q(path, tmp_path / "cut.cif", read, q[: len(read)])
    monkeypatch.setattr(model, "cut", lambda text: None)
    whole = model.read_model(path)
    model.write_with_q(path, tmp_path / "whole.cif", whole, q[: len(read)])
    for field in fields(whole):
        np.testing.assert_array_equal(getattr(read, field.name), getattr(whole, field.name))
    assert (tmp_path / "cut.cif").read_bytes() == (tmp_path / "whole.cif").read_bytes()


def characters(cells):
    sizes = np.array([len(cell) for cell in cells])
    table = np.zeros((sizes.max(), len(cells)), dtype=np.uint8)
    for n, cell in enumerate(cells):
        table[: len(cell), n] = list(cell.encode())
    return table, sizes


def test_decimals_are_rounded_as_python_rounds():
    rng = np.random.default_rng(5)
    cells = [f"{value:.{n % 12}f}" for n, value in enumerate(rng.normal(0, 300, 4000))] + ["-0.000", "007", "0"]
    values, plain = atomrows.decimals(*characters(cells))
    assert plain.all()
    expected = np.array([float(cell) for cell in cells])
    assert values.tolist() == expected.tolist()
    assert (np.signbit(values) == np.signbit(expected)).all()


def test_what_is_no_plain_decimal_is_told():
    cells = [
        "1.0",
        ".",
        "?",
        "1e3",
        "1.2(3)",
        "+1.0",
        "1-2",
        "--1",
        ".5",
        "5.",
        "1.2.3",
        "-",
        "1234567890123456",
        "nan",
    ]
    assert atomrows.decimals(*characters(cells))[1].tolist() == [True] + [False] * 13
