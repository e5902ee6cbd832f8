"""Disks that are full or may not be written: one clear line, and every file there is is whole.

Each stage of the workflow runs with the very command of a finished survey, on a disk too small for what it writes.
"""

import logging
import os
import shutil
import subprocess
import sys

import pytest
import stagewise
from pairs import write_pair

from qscore.cli import main

N = 6
QSCORE = [sys.executable, "-m", "qscore"]
STAGES = {  # rule → folder of what it writes; `fetch` is in test_transfer
    "catalogue": "catalogue",
    "plan": "plan",
    "score": "scores/undated.0",
    "aggregate": "tables",
    "fit": "fit",
    "outliers": "outliers",
    "regions": "regions",
    "examination": "examination",
    "examine": "evidence/undated.0",
    "flag": "flags",
    "rivals": "rivals",
    "draws": "draws",
    "concordance": "concordance",
    "worklist": "worklist",
    "figures": "figures",
    "pages": "report/entries",
    "report": "page",
}
SOUND = {"report": "report"}  # where it is elsewhere in the finished survey
DATED = {"catalogue.json", "provenance.json", "index.html", "manifest.json"}  # hold when or where they were made


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of N pairs."""
    folder = tmp_path_factory.mktemp("data")
    lines = ["emdb_id\tpdb_id\tresolution\tmap\tmodel\tsample"]
    for n in range(N):
        write_pair(folder / f"p{n}", seed=n, n=12)
        lines.append(f"EMD-{n}\town{n}\t{2.0 + n}\tp{n}/map.map\tp{n}/model.pdb\ttest")
    (folder / "pairs.tsv").write_text("\n".join(lines) + "\n")
    return folder / "pairs.tsv"


@pytest.fixture(scope="module")
def survey(table, tmp_path_factory):
    """A finished survey of the pairs, with what it had fetched."""
    return stagewise.survey(table, tmp_path_factory.mktemp("survey") / "results")


@pytest.fixture
def copy(survey, tmp_path):
    """The survey, to be changed."""
    shutil.copytree(survey, tmp_path / "results", symlinks=True)
    return tmp_path / "results"


def emptied(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


@pytest.fixture
def run_stage(table, monkeypatch, capfd):
    """A function that runs the command of a rule in a survey: its exit code, and what it said."""

    def run(results, rule):
        monkeypatch.chdir(results)
        line = [
            word.replace("report/index.html", "page/index.html")
            for word in stagewise.words(rule, table, batch="undated.0")
        ]
        code = main(line)
        logging.getLogger("qscore").handlers.clear()  # their stream is this test's
        return code, capfd.readouterr().err

    return run


def files_below(folder):
    return {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}


def check_said(text, *words):
    """One clear line at the end, no traceback."""
    assert any(word in text.strip().splitlines()[-1] for word in words), text
    assert "Traceback" not in text and len(text.strip().splitlines()[-1]) < 500


def check_whole(folder, sound):
    """What is in a folder is, byte for byte, what the undisturbed survey has there: nothing half-written."""
    for name, path in files_below(folder).items():
        assert name in files_below(sound), name
        if path.name not in DATED:
            assert path.read_bytes() == (sound / name).read_bytes(), name


@pytest.mark.parametrize("rule", STAGES)
def test_a_full_disk(survey, copy, small_disk, run_stage, rule):
    out, sound = copy / STAGES[rule], survey / SOUND.get(rule, STAGES[rule])
    size = sum(path.stat().st_size for path in files_below(sound).values())
    room = size // (8 if rule in ("figures", "pages") else 2)  # these take long
    emptied(out)
    small_disk(out, max(4096, room // 4096 * 4096))
    code, said = run_stage(copy, rule)
    assert code == 75, said
    check_said(said, "No space left on device", "disk is full")
    check_whole(out, sound)


@pytest.mark.parametrize("rule", ["score", "aggregate", "fit"])
def test_the_same_command_on_a_disk_with_room(survey, copy, small_disk, run_stage, rule):
    """After the disk was full, without anything being cleaned up by hand."""
    out, sound = copy / STAGES[rule], survey / STAGES[rule]
    emptied(out)
    small_disk(out, 8192)
    assert run_stage(copy, rule)[0] == 75
    subprocess.run(["mount", "-o", "remount,size=64m", str(out)], check=True)
    code, said = run_stage(copy, rule)
    assert code == 0, said
    check_whole(out, sound)
    assert set(files_below(out)) == set(files_below(sound))


def test_a_whole_survey_on_a_full_disk(project, table, survey, tmp_path, small_disk):
    """It ends with a line about the disk; with room, the same command goes on, and its tables are the same."""
    results = tmp_path / "results"
    results.mkdir()
    small_disk(results, 200_000)
    command = [*QSCORE, "run", "--pairs", str(table), "--results", str(results), "--", "tables/entries.tsv"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    check_said(done.stderr, "No space left on device", "disk is full")
    subprocess.run(["mount", "-o", "remount,size=200m", str(results)], check=True)
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("tables/entries.parquet", "tables/entries.tsv", "tables/residues.parquet", "tables/ligands.parquet"):
        assert (results / name).read_bytes() == (survey / name).read_bytes()


SINGLE = {
    "the tables of a pair": ("--out", "out"),
    "a table of atoms": ("--out", "out", "--atoms"),
}


@pytest.mark.parametrize("what", SINGLE)
def test_one_pair_on_a_full_disk(table, tmp_path, small_disk, what):
    out = tmp_path / "out"
    out.mkdir()
    small_disk(out, 8192)
    data = table.parent / "p1"
    command = [*QSCORE, "score", str(data / "map.map"), str(data / "model.pdb"), *SINGLE[what]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 75
    check_said(done.stderr, "No space left on device")
    assert not files_below(out)


@pytest.fixture
def unwritable(tmp_path, small_disk):
    """A folder on a disk mounted for reading alone: that binds the superuser, too."""
    folder = tmp_path / "readonly"
    folder.mkdir()
    small_disk(folder, 65536)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    return folder


@pytest.mark.parametrize("rule", ["plan", "score", "aggregate", "fit", "report"])
def test_a_folder_that_may_not_be_written(survey, copy, small_disk, run_stage, rule):
    out = copy / STAGES[rule]
    emptied(out)
    small_disk(out, 65536)
    subprocess.run(["mount", "-o", "remount,ro", str(out)], check=True)
    code, said = run_stage(copy, rule)
    assert code in (1, 75)
    check_said(said, "Read-only file system")
    assert not files_below(out)


@pytest.mark.parametrize("command", [["run", "--pairs", "{table}", "--results", "{folder}/results"],
                                     ["score", "{data}/map.map", "{data}/model.pdb", "--out", "{folder}/out"],
                                     ["demo", "{folder}/demo"]])  # fmt: skip
def test_commands_that_may_not_write(project, table, unwritable, command):
    words = {"table": str(table), "folder": str(unwritable), "data": str(table.parent / "p1")}
    line = [*QSCORE, *(word.format(**words) for word in command)]
    done = subprocess.run(line, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode not in (0, 70), done.stderr
    check_said(done.stderr, "Read-only file system", "may not be written")
    assert not os.listdir(unwritable)
