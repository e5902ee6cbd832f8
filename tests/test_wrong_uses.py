"""What people and programs do wrong with files and options: one line, nothing destroyed, nothing without end."""

import json
import os
import re
import subprocess
import sys

import menagerie
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_audit import CHAINS, ENTRIES, put

from qscore import cli, files, layouts, ledger, nulls, resolutions, run, runstate, slabs, stored, tables

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
DEEP = "[" * 100_000


def write_survey(folder):
    put(folder, "tables/entries.parquet", layouts.ENTRIES, ENTRIES)
    put(folder, "tables/chains.parquet", layouts.CHAINS, CHAINS)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return menagerie.partners(tmp_path_factory.mktemp("pair"))


@pytest.fixture
def said(capfd):
    """Run the command: exit code, and the one line that it must say."""

    def ask(*words, code=1):
        assert cli.main(list(map(str, words))) == code
        err = capfd.readouterr().err
        assert err.startswith("qscore: ") and err.count("\n") == 1, err
        return err

    return ask


@pytest.fixture
def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


# ---- options beyond what can be ----


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--resolution", "1e-5", "between 0.1 and 1000 Å"),
        ("--resolution", "1e300", "between 0.1 and 1000 Å"),
        ("--resolution", "1_0", "not a positive number"),
        ("--sigma", "1e-200", "between 0.1 and 1000 Å"),
        ("--sigma", "nan", "not a positive number"),
        ("--contour", "1e308", "not a number"),
        ("--threads", "257", "1<=x<=256"),
    ],
)
def test_an_option_beyond_reason(pair, said, option, value, words):
    assert words in said("score", *pair, option, value, code=2 if option == "--threads" else 1)


def test_a_b_factor_beyond_reason(pair, said, tmp_path):
    assert "Å²" in said("score", *pair, "--out", tmp_path / "o", "--bfactor", "1e300")
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("resolution", [1e-5, 1e300])
def test_other_scores_at_a_resolution_beyond_reason(pair, resolution):
    """As a table of pairs may hold it: no memory without end, no overflow."""
    from qscore.entry import score_pair

    found = score_pair(*pair, resolution=resolution, threads=1)
    assert found.summary["q_mean"] is not None and found.others.entry["not_measured"]


def test_cores_where_the_system_does_not_tell(monkeypatch):
    assert slabs.cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    assert slabs.cores() == os.cpu_count()


@pytest.mark.parametrize("err", [MemoryError("165 GiB"), OverflowError("34"), RecursionError("too deep")])
def test_what_is_beyond_this_machine_is_one_line(said, monkeypatch, pair, err):
    def fail(*_, **__):
        raise err

    monkeypatch.setattr("qscore.entry.score_pair", fail)
    assert f"beyond what can be computed here: {err}" in said("score", *pair)


@pytest.mark.parametrize(("text", "value"), [("3.5", 3.5), ("1_0", None), (10**400, None), ("x", None)])
def test_numbers_of_tables(text, value):
    assert resolutions.number(text) == value


# ---- files that are none ----


def test_pipes_and_devices_in_place_of_files(pair, said, pipe, tmp_path):
    for words in (("score", pipe, pair[1]), ("score", pair[0], pipe), ("score", "/dev/zero", pair[1])):
        assert "a pipe or a device, not a file" in said(*words)
    assert "a pipe or a device" in said("expected", "3", "--equation", pipe)
    for option in ("--pairs", "--config"):
        assert "a pipe or a device" in said("run", option, pipe, "--results", tmp_path / "r", code=2)
    assert "a pipe or a device" in said("run", "--pairs", "/dev/zero", "--results", tmp_path / "r", code=2)
    assert not (tmp_path / "r").exists()


def test_a_table_that_is_a_pipe(pipe):
    with pytest.raises(ValueError, match="a pipe or a device"):
        tables.read_tsv(pipe)


def test_pipes_in_a_results_folder_are_no_tables(tmp_path):
    write_survey(tmp_path)
    (tmp_path / "tables" / "chains.parquet").unlink()
    os.mkfifo(tmp_path / "tables" / "chains.parquet")
    assert cli.main(["audit", "SELECT count(*) FROM entries", "--results", str(tmp_path)]) == 0
    os.mkfifo(tmp_path / "batch.tsv")
    assert ledger._members(tmp_path / "batch.tsv") == []


def test_a_table_elsewhere_is_read_by_its_own_name(tmp_path, capsys):
    write_survey(tmp_path / "r")
    there = tmp_path / "r" / "tables" / "entries.parquet"
    there.rename(tmp_path / "kept")
    there.symlink_to(tmp_path / "kept")
    assert cli.main(["audit", "SELECT count(*) AS n FROM entries", "--results", str(tmp_path / "r")]) == 0


def test_a_model_whose_name_is_no_text(pair, tmp_path, capsys):
    model = os.fsencode(tmp_path) + b"/\xfe.pdb"
    with open(model, "wb") as stream:
        stream.write(pair[1].read_bytes())
    words = ["score", str(pair[0]), os.fsdecode(model), "--json"]
    assert cli.main([*words, "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["model"]["file"] == "\ufffd.pdb"
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["model"]["file"] == "\ufffd.pdb"


def test_a_model_with_tabs(pair, said, tmp_path):
    text = pair[1].read_text()
    (tmp_path / "m.pdb").write_text(text.replace("  ", "\t"))
    assert "tabs in its atom records" in said("score", pair[0], tmp_path / "m.pdb")
    (tmp_path / "n.pdb").write_text("\n".join(line.rstrip() + "\tC" for line in text.splitlines()))
    assert cli.main(["score", str(pair[0]), str(tmp_path / "n.pdb")]) == 0  # beyond the coordinates


# ---- files that would be written over ----


@pytest.mark.parametrize("option", ["--table", "--out"])
@pytest.mark.parametrize("which", [0, 1])
def test_profiles_spare_what_they_read(pair, said, tmp_path, option, which):
    names = [tmp_path / f"given{path.suffix}.png" for path in pair]
    given = [tmp_path / path.name for path in pair]
    for path, name, source in zip(given, names, pair, strict=True):
        path.write_bytes(source.read_bytes())
        name.symlink_to(path)
    assert "would be written over" in said("profile", *given, "--by-type", option, names[which])
    assert [path.read_bytes() for path in given] == [path.read_bytes() for path in pair]


def test_profiles_of_one_name(pair, said, tmp_path):
    same = tmp_path / "same.png"
    assert "would be written over" in said("profile", *pair, "--by-type", "--table", same, "--out", same)
    assert not same.exists()


@pytest.mark.parametrize("place", ["tables/new.csv", "scores/b/entries.parquet", "plan/x.csv", "figures/x.csv"])
def test_an_answer_is_not_written_into_the_survey(said, tmp_path, place):
    write_survey(tmp_path)
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    assert "choose another folder" in said("audit", "SELECT 1 a", "--results", tmp_path, "--out", tmp_path / place)
    assert not (tmp_path / place).exists()


@pytest.mark.parametrize("folder", ["fetched", "fetched_again", "parts", "scores", "evidence"])
def test_a_folder_that_is_no_surveys_is_left_alone(tmp_path, folder):
    mine = tmp_path / folder / "mine" / "precious.mrc"
    mine.parent.mkdir(parents=True)
    mine.write_text("x")
    with pytest.raises(ValueError, match=f"no survey's folder and holds {folder}"):
        run.run(tmp_path, ["false"], kind="anything")
    assert mine.read_text() == "x" and not (tmp_path / runstate.KIND).exists()


@pytest.mark.parametrize("mark", [runstate.KIND, ".snakemake/x"])
def test_a_folder_that_is_a_surveys_is_taken(tmp_path, mark):
    (tmp_path / "scores").mkdir()
    (tmp_path / mark).parent.mkdir(exist_ok=True)
    (tmp_path / mark).write_text("")
    runstate.check_own(tmp_path)


def test_what_killed_writers_left_is_swept(tmp_path, monkeypatch):
    """Files and folders, wherever they were being written; what has another name stays."""
    kept = ["tables/entries.parquet", "tables/.entries.parquet.abc", "report/.hidden/x"]
    for name in kept:
        tables.write_json(tmp_path / name, {})
    monkeypatch.setattr("qscore.tables._put", lambda *_: os._exit(9))
    for name in ("tables/entries.tsv", "figures/deep/points.json"):
        if not (child := os.fork()):
            tables.write_json(tmp_path / name, {})
        os.waitpid(child, 0)
    if not (child := os.fork()):
        with files.all_together(tmp_path / "report") as work:
            (work / "half").write_text("x")
            os._exit(9)
    os.waitpid(child, 0)
    left = [path for path in tmp_path.rglob("*") if path.name.endswith(stored.UNFINISHED)]
    assert sorted(path.parent.name for path in left) == ["deep", "report", "tables"]
    runstate.sweep(tmp_path)
    assert not any(path.exists() for path in left) and all((tmp_path / name).is_file() for name in kept)


def test_names_the_configuration_cannot_hold(said, tmp_path):
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    assert "expected a name of UTF-8" in said("run", "-n", "--results", odd)
    assert os.listdir(tmp_path) == []


# ---- content of other kinds ----

KINDS = {
    "list": pa.array([[3.0]] * 8),
    "struct": pa.array([{"a": 3.0}] * 8),
    "timestamp": pa.array([1] * 8, type=pa.timestamp("s")),
    "text": pa.array(["abc"] * 8),
    "binary": pa.array([b"abc"] * 8),
}


@pytest.mark.parametrize("command", ["fit", "rivals", "draws"])
@pytest.mark.parametrize("kind", KINDS)
def test_parquet_of_other_kinds(said, tmp_path, command, kind):
    write_survey(tmp_path)
    path = tmp_path / "tables" / "entries.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(table.column_names.index("resolution"), "resolution", KINDS[kind]), path)
    words = said(command, path, "--out", tmp_path / "out")
    assert "column resolution of" in words and str(path) in words
    with pytest.raises(ValueError, match="column resolution of"):
        tables.read_rows(path, layout=tables.ENTRIES)


def test_parquet_of_other_numbers_is_read(tmp_path):
    write_survey(tmp_path)
    path = tmp_path / "tables" / "entries.parquet"
    table, wanted = pq.read_table(path), tables.read_rows(path, known=tables.ENTRIES)
    for name, kind in (("q_mean", pa.float32()), ("sample", pa.dictionary(pa.int8(), pa.string()))):
        table = table.set_column(table.column_names.index(name), name, table[name].cast(kind))
    pq.write_table(table, path)
    found = tables.read_rows(path, known=tables.ENTRIES)
    assert [row["sample"] for row in found] == [row["sample"] for row in wanted]
    assert [row["q_mean"] for row in found] == [row["q_mean"] and pytest.approx(row["q_mean"]) for row in wanted]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"equations": {"a": 1}}', "equation 'a' cannot be read"),
        ('{"equations": {"a": {"class": "all", "coefficients": ["a"], "domain": [1, 2]}}}', "equation 'a' cannot be"),
        (DEEP, "is not JSON"),
    ],
)
def test_equations_of_other_kinds(said, tmp_path, content, words):
    (tmp_path / "e.json").write_text(content)
    assert words in said("expected", "3", "--equation", tmp_path / "e.json")


def test_a_table_of_something_else(said, tmp_path):
    write_survey(tmp_path)
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"residue": ["ALA"], "q_mean": [0.5]}), other)
    assert "is no table of entries" in said("draws", other, "--out", tmp_path / "out")


def test_a_folder_in_place_of_a_table(tmp_path):
    with pytest.raises(ValueError, match="it is a folder"):
        tables.read_rows(tmp_path, layout=tables.ENTRIES)


@pytest.mark.parametrize("value", [{"a": 1}, "x", None, [[1], [1, 2]]])
def test_a_null_of_other_kinds(value):
    found = dict.fromkeys((*nulls._NUMBERS, *nulls._ARRAYS, "n"), 1)
    with pytest.raises(ValueError, match="no null of Q"):
        nulls.Null.from_dict(found | {"outliers": value, "resolution": value})


def test_a_key_twice(said, tmp_path):
    (tmp_path / "c.yaml").write_text("source: demo\nfit: {lowest: 2, lowest: 3}\n")
    assert "lowest stands twice" in said("run", "--config", tmp_path / "c.yaml", "--results", tmp_path / "r")
    (tmp_path / "c.yaml").write_text("source: demo\nfit: {<<: {lowest: 2}, lowest: 3}\n")
    assert run._content(tmp_path / "c.yaml") == {"source": "demo", "fit": {"lowest": 3}}


def test_a_column_twice(tmp_path):
    (tmp_path / "t.tsv").write_text("map\tmodel\tmap\na\tb\tc\n")
    with pytest.raises(ValueError, match="column map stands twice"):
        tables.read_tsv(tmp_path / "t.tsv")


# ---- questions beyond what is allowed ----


@pytest.mark.parametrize("sql", ["SELECT range(200000000) AS a", "SELECT repeat('x', 2000000000) AS a"])
def test_one_value_larger_than_allowed(tmp_path, sql):
    """In a process of its own, whose peak is measured."""
    write_survey(tmp_path)
    code = "import sys; from qscore import cli; code = cli.main(sys.argv[1:]); print(open('/proc/self/status').read());"
    code += "sys.exit(code)"
    words = [sys.executable, "-c", code, "audit", sql, "--results", str(tmp_path), "--memory", "200"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1 and "needs more memory than allowed" in done.stderr and done.stderr.count("\n") == 1
    assert int(re.search(r"VmHWM:\s+(\d+)", done.stdout)[1]) < 600_000


@pytest.mark.parametrize("option", ["--memory", "--threads", "--rows"])
def test_limits_beyond_reason(said, tmp_path, option):
    assert "is not in the range" in said("audit", "SELECT 1 a", "--results", tmp_path, option, "9" * 30, code=2)


def test_a_question_that_is_no_text(said, tmp_path):
    write_survey(tmp_path)
    assert "no text of UTF-8" in said("audit", "SELECT '\udcff' a", "--results", tmp_path)


# ---- streams that are closed, or write other letters; a folder that is gone ----


def test_letters_that_the_terminal_cannot_write(tmp_path, pair):
    model = tmp_path / "mödel.pdb"
    model.write_bytes(pair[1].read_bytes())
    words = [sys.executable, "-m", "qscore", "score", pair[0], model]
    done = subprocess.run(words, env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, text=True)
    assert done.returncode == 0 and r"m\xf6del" in done.stdout, done.stderr


def test_the_current_folder_is_gone(tmp_path, pair):
    (tmp_path / "gone").mkdir()
    command = f"cd gone && rmdir ../gone && exec '{sys.executable}' -m qscore score {pair[0]} {pair[1]} --out out"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "qscore: the current folder is gone: change to another\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams(tmp_path, pair, closed):
    """Nothing is printed, and no file takes the number of a stream that is not there."""
    write_survey(tmp_path / "survey")
    for words in ("audit 'FROM entries' --results survey", f"score {pair[0]} {pair[1]} --out out"):
        command = f"exec '{sys.executable}' -m qscore {words} {closed}"
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0 and "Traceback" not in done.stderr
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["n_atoms"] > 0
