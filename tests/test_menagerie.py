"""Everything odd: each file alone, and through the command; all in one survey are in `test_hostile`."""

import os
import subprocess
import sys

import menagerie
import pytest

from qscore import cli
from qscore.entry import entry_row, score_pair
from qscore.errors import REASONS, UnusableEntry
from qscore.model import write_with_q

TOLD = {"resolution": 3.0, "contour": 1.0}
CASES = {odd.name: odd for odd in (*menagerie.MAPS, *menagerie.MODELS)}
BIG = sorted(name for name, odd in CASES.items() if odd.big)


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """Name → (odd, map, model), all files written."""
    folder = tmp_path_factory.mktemp("odd")
    return {odd.name: (odd, *files) for odd, *files in menagerie.pairs_of(folder)}


def judged(map_file, model_file):
    """Reason and detail of a pair as its row has them; ("scored", "") of a sound one."""
    try:
        assert entry_row(score_pair(map_file, model_file, **TOLD))["status"] == "scored"
    except UnusableEntry as trouble:
        return trouble.reason, str(trouble)
    return "scored", ""


def check_detail(detail, name):
    assert name in detail and "\n" not in detail and "Traceback" not in detail and len(detail) < 500


def test_the_lists_are_complete():
    assert len(CASES) == len(menagerie.MAPS) + len(menagerie.MODELS)
    assert {odd.expected for odd in CASES.values()} <= {"scored", *REASONS}


@pytest.mark.parametrize("name", sorted(set(CASES) - set(BIG)))
def test_every_odd_file_gets_its_reason_and_one_line(odd, capsys, name):
    case, *files = odd[name]
    reason, detail = judged(*files)
    assert (reason, detail != "") == (case.expected, case.expected != "scored"), detail
    if reason == "scored":
        return
    check_detail(detail, name)
    if reason == "model_only_water":  # a mean of all atoms is there to show, that of the entry is not
        return
    assert cli.main(["score", *map(str, files), "--threads", "1", "--resolution", "3", "--contour", "1"]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"qscore: {detail}\n")


def command(*files):
    """Exit code, lines on stderr, peak of resident memory (MB) and seconds of work of the command as a user runs it."""
    arguments = [sys.executable, "-m", "qscore", "score", *map(str, files), "--threads", "1", "--resolution", "3"]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with process.stderr:
        lines = process.stderr.read().splitlines()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, lines, used.ru_maxrss / 1e3, used.ru_utime + used.ru_stime


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """Peak of resident memory, MB, of a small sound pair."""
    code, lines, peak, _ = command(*menagerie.partners(tmp_path_factory.mktemp("sound")))
    assert (code, lines) == (0, [])
    return peak


@pytest.mark.parametrize("name", [*BIG, "page.map.gz", "cut.cif.gz", "not-utf-8.pdb", "none.map"])
def test_what_could_be_big_is_not(odd, base, name):
    case, *files = odd[name]
    code, lines, peak, seconds = command(*files)
    assert code == (case.expected != "scored") and len(lines) == code, lines
    assert all(name in line and line.startswith("qscore: ") for line in lines)
    assert peak < base + 600 and seconds < 20


@pytest.mark.parametrize("name", ["not-utf-8.cif", "not-utf-8.pdb", "not-utf-8-names.pdb", "byte-order-mark.cif"])
def test_q_is_written_into_models_of_odd_bytes(odd, tmp_path, name):
    _, map_file, model_file = odd[name]
    pair = score_pair(map_file, model_file)
    write_with_q(model_file, tmp_path / "q.cif", pair.model, pair.scores.q[:, 0])
    assert "_atom_site.Q-score" in (tmp_path / "q.cif").read_text(encoding="utf-8")


@pytest.mark.real
@pytest.mark.parametrize("kind", ["maps", "models"])
def test_real_odd_files_beside_a_sound_partner(real_data, tmp_path, kind):
    sound_map, sound_model = menagerie.partners(tmp_path)
    paths = sorted(path for path in (real_data / f"odd-{kind}").iterdir() if path.is_file())
    assert paths
    for path in paths:
        reason, detail = judged(*((path, sound_model) if kind == "maps" else (sound_map, path)))
        assert reason in {"scored", *REASONS}
        assert reason == "scored" or path.name in detail
