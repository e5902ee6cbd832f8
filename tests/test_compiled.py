"""Machine code of the loops: kept whole, trusted from few, shared by processes, called with what it takes."""

import fcntl
import json
import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pytest

from qscore import compiled
from qscore.compiled import loops


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Two empty folders for machine code; what is compiled is what is kept already."""
    loops()
    kept = compiled._read()
    first, second = tmp_path / "first", tmp_path / "second"
    monkeypatch.setattr(compiled, "folders", lambda: [first, second])
    return first, second, kept


def files(folder):
    return sorted(path.name for path in folder.glob("*"))


def test_kept_and_read(elsewhere):
    first, second, kept = elsewhere
    assert not compiled.is_cached()
    compiled._keep(*kept)
    assert files(first) == [compiled._file_name()] and not second.exists()
    assert compiled._read()[1] == kept[1] and compiled.is_cached()


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-100], lambda b: b[:50], lambda b: b"", lambda b: b[:-9] + b"x" + b[-8:]]
)
def test_a_damaged_file_is_not_run(elsewhere, damage):
    first, _, kept = elsewhere
    compiled._keep(*kept)
    path = first / compiled._file_name()
    path.write_bytes(damage(path.read_bytes()))
    assert not compiled.is_cached()


def test_a_strangers_file_is_not_run(elsewhere, monkeypatch):
    _, _, kept = elsewhere
    compiled._keep(*kept)
    owner = os.getuid()
    monkeypatch.setattr(compiled.os, "getuid", lambda: owner + 1)
    assert compiled.is_cached() == (owner == 0), "root's alone"


def test_a_folder_that_takes_nothing(elsewhere):
    first, second, kept = elsewhere
    first.write_text("no folder")
    compiled._keep(*kept)
    assert files(second) == [compiled._file_name()] and compiled.is_cached()


def test_nowhere_to_keep_it(elsewhere, caplog):
    first, second, kept = elsewhere
    for path in (first, second):
        path.write_text("no folder")
    with caplog.at_level("INFO"):
        compiled._keep(*kept)
    assert "cannot be kept" in caplog.text and not compiled.is_cached()


def test_many_processes_at_once(elsewhere):
    """All find nothing, all write: one whole file is left."""
    first, _, kept = elsewhere
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=compiled._keep, args=kept) for _ in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert files(first) == [compiled._file_name()] and compiled.is_cached()


def test_one_of_many_compiles_for_all(elsewhere, monkeypatch, tmp_path):
    def built():
        (tmp_path / f"built-{os.getpid()}").touch()
        return elsewhere[2]

    monkeypatch.setattr(compiled, "_built", built)
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=compiled._made) for _ in range(8)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0] * 8
    assert len(list(tmp_path.glob("built-*"))) == 1 and files(elsewhere[0]) == [compiled._file_name()]


@pytest.mark.parametrize("trouble", ["held for ever", "no folder"])
def test_nobody_waits_for_ever(elsewhere, monkeypatch, trouble):
    first, _, kept = elsewhere
    monkeypatch.setattr(compiled, "PATIENCE", 0.2)
    monkeypatch.setattr(compiled, "_built", lambda: kept)
    first.mkdir() if trouble == "held for ever" else first.write_text("no folder")
    handle = os.open(first, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert compiled._made() == kept and compiled.is_cached()
    os.close(handle)


@pytest.mark.parametrize("what", ["__version__", "source"])
def test_another_compiler_or_source_has_a_file_of_its_own(monkeypatch, tmp_path, what):
    before = compiled._file_name()
    if what == "source":
        for name in ("building", *compiled.SOURCES):
            (tmp_path / f"{name}.py").write_text("# another")
        monkeypatch.setattr(compiled, "__file__", str(tmp_path / "compiled.py"))
    else:
        monkeypatch.setattr(compiled.llvmlite, "__version__", "0.0")
    assert compiled._file_name() != before


def test_first_use_compiles_and_says_so(tmp_path):
    """A new user's first process, and the second."""
    script = (
        "import logging, sys, numpy as np; logging.basicConfig(level=20)\n"
        "from qscore.score import constant_points\n"
        "print(constant_points(np.zeros((4, 4, 4), dtype=np.float32)).sum(), 'numba' in sys.modules)"
    )
    said = []
    for _ in range(2):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kept"), "TMPDIR": str(tmp_path)}
        run = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        said.append((run.stdout.split(), "compiling the scoring kernel" in run.stderr))
    assert said == [(["64", "True"], True), (["64", "False"], False)]
    (path,) = (tmp_path / "kept").iterdir()
    assert set(json.loads(path.read_bytes().partition(b"\n")[0])["symbols"]) == set(vars(loops()))


def test_a_second_compiler_that_fails_is_no_half_a_kernel():
    from qscore import building

    with (
        building.written_beside(["no_such_source"]) as found,
        pytest.raises(RuntimeError, match="could not be compiled"),
    ):
        list(found)


def test_a_second_compiler_ends_with_the_first():
    from qscore import building

    with pytest.raises(ZeroDivisionError), building.written_beside(["gridloops"]) as found:
        raise ZeroDivisionError
    assert found.gi_frame.f_locals["other"].returncode is not None


def test_a_loop_refuses_what_it_does_not_take():
    marked, offset, three = np.zeros((3, 3, 3), dtype=np.uint8), np.zeros(3, dtype=np.int64), np.ones(3)
    good = [marked, offset, three, three, np.zeros((2, 3)), 3.0, np.empty(2)]
    loops().distance_to_marked(*good)
    for n, wrong in ((0, marked[0]), (1, three), (4, np.zeros((3, 2)).T), (2, [1.0] * 3), (4, np.zeros((2, 3), ">f8"))):
        with pytest.raises(TypeError, match=f"argument {n} "):
            loops().distance_to_marked(*good[:n], wrong, *good[n + 1 :])
    with pytest.raises(TypeError, match="takes 7 arguments, not 6"):
        loops().distance_to_marked(*good[:-1])


def test_another_convention_is_refused():
    class Function:
        arguments = ()

    with pytest.raises(RuntimeError, match="convention"):
        compiled._check("loop", "void(f8)", Function())
