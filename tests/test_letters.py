"""Text of strangers on terminals, in logs and on pages: it is seen, and steers nothing."""

import io
import logging
import os

import pytest
from pairs import write_pair
from rich.table import Table

from qscore import cli, letters, show, strips
from qscore.report import templates

STEERING = "a\x1b[2Jb\u202egnp\u2028c\x9bd\x00e\udcffé\u200f"
SEEN = "a\\x1b[2Jb\\u202egnp\\u2028c\\x9bd\\x00e\\udcffé\\u200f"


def test_what_steers_is_seen_as_an_escape():
    assert letters.visible(STEERING) == SEEN
    assert letters.visible("tab\tline\n") == "tab\\tline\\n"
    assert letters.visible_lines("one\ntwo\x07") == "one\ntwo\\x07"


@pytest.mark.parametrize("text", ["", "Å, é, 𝛼, 🧬", "no\u00a0break", "\u3000wide", "back\\slash", "[bold]"])
def test_what_is_seen_stays(text):
    assert letters.visible(text) == letters.visible_lines(text) == text


def test_lines_and_tables_on_a_terminal_are_steered_by_nothing():
    stream = io.StringIO()
    out = show.console(stream)
    table = Table(STEERING)
    table.add_row("x")
    table.add_row(STEERING)
    for one in (STEERING, f"two\n{STEERING}", table):
        out.print(one, markup=False)
    assert stream.getvalue().count(SEEN) == 4
    assert all(letter.isprintable() for letter in stream.getvalue().replace("\n", ""))


def test_errors_are_steered_by_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["score", "\x1b[31m\u202e.map", "none.cif"]) == 1
    assert "\\x1b[31m\\u202e.map" in capsys.readouterr().err


def test_a_file_whose_name_is_no_text_is_shown(tmp_path, capfd, monkeypatch):
    map_file, model_file = write_pair(tmp_path)
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b.map")
    map_file.rename(odd)
    assert cli.main(["score", odd, str(model_file), "--threads", "1"]) == 0
    assert "\ufffd\\x1b.map" in capfd.readouterr().out


def test_logs_are_steered_by_nothing(capsys):
    handler = letters.handler()
    handler.emit(logging.LogRecord("qscore", logging.INFO, "", 0, "waiting for %s", (STEERING,), None))
    assert capsys.readouterr().err == f"waiting for {SEEN}\n"


def test_pages_are_steered_by_nothing():
    page = templates.environment().from_string("{{ text }} {{ html | safe }} {{ number }}")
    assert page.render(text="<b>\u202e", html="<i>", number=2) == "&lt;b&gt;\\u202e <i> 2"


def test_names_of_chains_are_seen_in_their_strips():
    columns = {
        "chain": ["\u202eA", "+5"], "number": ["1", "1"], "residue": ["ALA", "GLY"], "q_04": [0.5, 0.6],
    }  # fmt: skip
    assert [line.split("\t")[0] for line in strips.entry_text(columns, 500).split("\n")] == ["\\u202eA", "+5"]
