"""Children that attack: each becomes its row, the others are scored, nothing is left running or half-written."""

import faulthandler
import itertools
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest
from batches import fetched_batch

from qscore import batch, isolation, tables
from qscore.entry import score_pair
from qscore.errors import UnusableEntry

N = 5
VICTIM = "EMD-2"  # the one that misbehaves
RESULTS = {f"{name}.parquet" for name in ("entries", "residues", "ligands", "inclusion")}
# Python 3.12 and later warn of any fork beside threads; the test runner has some, `qscore score-batch` has none.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture
def fetched(tmp_path):
    """A fetched batch of N pairs."""
    return fetched_batch(tmp_path, N)


def run(fetched, act, *, instead=True, seconds=60.0, memory_mb=900):
    """Score the batch with one entry whose child acts, instead of scoring or before it: the rows."""

    def score(map_path, model_path, **told):
        if VICTIM in str(map_path):
            act()
            assert not instead
        return score_pair(map_path, model_path, **told)

    out = fetched.parent / "out"
    limits = isolation.Limits(memory_mb, seconds, 0)
    batch.score_batch(fetched, fetched.parent / "b.tsv", out, limits=limits, score=score)
    assert {path.name for path in out.iterdir()} >= RESULTS
    rows = tables.read_rows(out / "entries.parquet", layout=tables.SCORED)
    assert [row["emdb_id"] for row in rows] == [f"EMD-{n}" for n in range(N)]
    return rows


def statuses(rows):
    return ["" if row["status"] == "scored" else row["reason"] for row in rows]


def only_victim(reason):
    return ["", "", reason, "", ""]


def in_a_session_of_its_own(act):
    """Run something in a grandchild that has left the child's group and its session; the child does not wait."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            act()
            os._exit(0)
        os._exit(0)


def allocate():
    hog = []
    while True:
        hog.append(np.ones(1_000_000))


def wait():
    time.sleep(600)


def loop():
    while True:
        pass


def segfault():
    faulthandler.disable()  # pytest's would print pages about what is planned here
    os.kill(os.getpid(), signal.SIGSEGV)


def recurse():
    faulthandler.disable()
    import ctypes

    ctypes.string_at(0)


def fork_many():
    """Two hundred processes, each in a session of its own."""
    for _ in range(200):
        in_a_session_of_its_own(wait)
    wait()


def fork_and_fork():
    """Each waits for nobody and starts the next."""
    for _ in range(500):
        if os.fork() == 0:
            os.setsid()
            continue
        time.sleep(0.02)
        os._exit(0)
    wait()


def stop():
    os.kill(os.getpid(), signal.SIGSTOP)


def kill_group():
    os.killpg(0, signal.SIGKILL)


def ignore_and_wait():
    for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    wait()


def write_for_ever():
    with open("/dev/null", "w") as stream:
        for _ in itertools.repeat(0):
            stream.write("x" * 65536)


def exit_at_once():
    os._exit(0)


def raise_recursion():
    raise_recursion()


def close_everything():
    os.closerange(0, 1000)
    wait()


@pytest.mark.parametrize(
    ("act", "reason", "detail"),
    [
        (allocate, "out_of_memory", "MB"),
        (lambda: (in_a_session_of_its_own(allocate), wait()), "out_of_memory", "MB"),
        (loop, "time_limit", "s"),
        (stop, "time_limit", "s"),
        (ignore_and_wait, "time_limit", "s"),
        (write_for_ever, "time_limit", "s"),
        (fork_many, "time_limit", "s"),
        (fork_and_fork, "crashed", "answer is lost"),
        (close_everything, "time_limit", "s"),
        (segfault, "crashed", "SIGSEGV"),
        (recurse, "crashed", "SIGSEGV"),
        (kill_group, "crashed", "SIGKILL"),
        (raise_recursion, "crashed", "exit code 1"),
        (lambda: os._exit(77), "crashed", "exit code 77"),
        (exit_at_once, "crashed", "answer is lost"),
        (lambda: sys.exit(0), "crashed", "exit code 1"),
    ],
)
def test_a_child_that_attacks_is_a_row(fetched, act, reason, detail):
    # memory that processes share counts for each of them: two hundred children would be out of memory first
    told = {"seconds": 3.0, "memory_mb": 1_000_000} if reason == "time_limit" else {}
    rows = run(fetched, act, **told)
    assert statuses(rows) == only_victim(reason)
    assert rows[2]["transient"] and detail in rows[2]["detail"]


def test_nothing_of_a_child_is_left_running(fetched):
    """What it has started goes on in a session of its own, and would write into the results half a second later."""
    late = fetched.parent / "out" / "late"

    def act():
        in_a_session_of_its_own(lambda: (time.sleep(0.5), late.write_text("here")))

    before = set(psutil.Process().children(recursive=True))
    rows = run(fetched, act, instead=False)
    assert statuses(rows) == [""] * N
    assert not set(psutil.Process().children(recursive=True)) - before
    time.sleep(0.8)
    assert not late.exists()


def test_a_child_killed_from_outside(fetched):
    """By another process, which knows its number."""
    told = fetched.parent / "number"
    killer = subprocess.Popen([sys.executable, "-c", (
        "import os, pathlib, time\n"
        f"path = pathlib.Path({str(told)!r})\n"
        "while not (path.exists() and path.read_text().endswith('.')): time.sleep(.01)\n"
        "os.kill(int(path.read_text()[:-1]), 9)"
    )])  # fmt: skip
    rows = run(fetched, lambda: (told.write_text(f"{os.getpid()}."), wait()))
    assert killer.wait(timeout=10) == 0
    assert statuses(rows) == only_victim("crashed")


def test_what_a_child_writes_over_the_results_is_gone(fetched):
    out = fetched.parent / "out"

    def act():
        for name in RESULTS:
            (out / name).write_bytes(b"PAR1 nonsense PAR1")

    assert statuses(run(fetched, act, instead=False)) == [""] * N
    found = tables.read_parquet(out / "residues.parquet", layout=tables.RESIDUES)
    assert len(set(found["emdb_id"])) == N


@pytest.mark.parametrize("harm", ["changed", "added", "removed", "folder removed"])
def test_what_a_child_does_to_anothers_results(fetched, harm):
    """The one it was done to has no result; the one that did it, and the others, have theirs."""

    def act():
        (work,) = (fetched.parent / "out").glob(".scoring-*")
        table = work / "0" / "residues.parquet"
        match harm:
            case "changed":
                table.write_bytes(table.read_bytes()[:-9] + b"different")
            case "added":
                (work / "0" / "more").write_text("more")
            case "removed":
                table.unlink()
            case _:
                for path in [*(work / "0").iterdir(), work / "0"]:
                    path.unlink() if path.is_file() else path.rmdir()

    rows = run(fetched, act, instead=False)
    assert statuses(rows) == ["crashed", "", "", "", ""]
    assert "changed after it had ended" in rows[0]["detail"]
    found = tables.read_parquet(fetched.parent / "out" / "residues.parquet", layout=tables.RESIDUES)
    assert set(found["emdb_id"]) == {f"EMD-{n}" for n in range(1, N)}


def test_a_file_without_end(fetched, monkeypatch):
    monkeypatch.setattr(isolation, "MOST_WRITTEN", 1 << 20)

    def act():
        with open(fetched.parent / "endless", "wb") as stream:
            while True:
                stream.write(bytes(1 << 16))

    rows = run(fetched, act)
    assert statuses(rows) == only_victim("crashed")
    assert (fetched.parent / "endless").stat().st_size == 1 << 20


def test_a_child_leaves_no_core(fetched):
    found = fetched.parent / "limit"
    run(fetched, lambda: found.write_text(str(resource.getrlimit(resource.RLIMIT_CORE))), instead=False)
    assert found.read_text() == "(0, 0)"
    assert resource.getrlimit(resource.RLIMIT_CORE) != (0, 0) or os.environ.get("CI")


CHATTERING = """
import sys
from qscore import batch, isolation
from qscore.entry import score_pair

def score(map_path, model_path, **told):
    while "EMD-2" in str(map_path):
        print("x" * 4096, file=sys.stderr, flush=True)
    return score_pair(map_path, model_path, **told)

folder = sys.argv[1]
limits = isolation.Limits(2500, 4.0, 0)
batch.score_batch(f"{folder}/fetched", f"{folder}/b.tsv", f"{folder}/out", limits=limits, score=score)
"""


def test_a_pipe_that_is_full(fetched):
    """A child that talks without end to somebody who does not listen: its deadline comes, the batch goes on."""
    talking = subprocess.Popen([sys.executable, "-c", CHATTERING, str(fetched.parent)], stderr=subprocess.PIPE)
    assert talking.wait(timeout=120) == 0
    talking.stderr.close()
    rows = tables.read_rows(fetched.parent / "out" / "entries.parquet", layout=tables.SCORED)
    assert statuses(rows) == only_victim("time_limit")


WAITING = """
import signal, sys, time
from pathlib import Path
from qscore import isolation

signal.signal(signal.SIGINT, signal.default_int_handler)  # what began in the background ignores it

def act(pair, folder):
    Path(sys.argv[1], "begun").write_text("begun")
    time.sleep(600)

files = {"map": {"bytes": 0}, "model": {"bytes": 0}}
isolation.isolated([files], [Path(sys.argv[1], "0")], act, limits=isolation.Limits())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_children_end_with_their_parent(tmp_path, number):
    parent = subprocess.Popen([sys.executable, "-c", WAITING, str(tmp_path)], stderr=subprocess.DEVNULL)
    while not (tmp_path / "begun").exists():
        assert parent.poll() is None
        time.sleep(0.02)
    (child,) = psutil.Process(parent.pid).children()
    parent.send_signal(number)
    assert parent.wait(timeout=10) != 0
    child.wait(timeout=5)


def test_an_interrupt_during_a_fork_is_not_forgotten(fetched):
    """It comes while Python's modules put their locks back, which tell an exception and go on."""
    begun, others = threading.main_thread().ident, psutil.Process().children()
    os.register_at_fork(after_in_parent=lambda: wanted and (wanted.pop(), signal.pthread_kill(begun, signal.SIGINT)))
    wanted, before = [True], signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(fetched, lambda: None, instead=False)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        wanted.clear()
        signal.signal(signal.SIGINT, before)
    assert psutil.Process().children() == others


def test_an_answer_that_is_no_json(tmp_path):
    def act(_pair, folder):
        (folder / isolation.ANSWER).mkdir()  # so that it cannot be written
        return {}

    files = {"map": {"bytes": 0}, "model": {"bytes": 0}}
    (found,) = isolation.isolated([files], [tmp_path / "0"], act, limits=isolation.Limits())
    assert isinstance(found, UnusableEntry) and found.reason == "crashed"


@pytest.mark.parametrize("without", ["pidfd_open", "prctl"])
def test_systems_without(fetched, monkeypatch, without):
    """Where the system cannot tell when a child ends, or has no way to adopt, a batch is scored all the same."""
    if without == "prctl":
        monkeypatch.setattr(isolation.ctypes, "CDLL", lambda _: object())
    else:
        monkeypatch.delattr(os, "pidfd_open")
    assert statuses(run(fetched, segfault)) == only_victim("crashed")


def test_folders_of_the_work_are_gone(fetched):
    run(fetched, lambda: None, instead=False)
    assert {path.name for path in Path(fetched.parent / "out").iterdir()} == RESULTS


def test_children_import_nothing(fetched):
    """What a child had to import, every child would import again."""
    command = [sys.executable, "-X", "importtime", "-m", "qscore", "score-batch", str(fetched)]
    command += ["--batch", str(fetched.parent / "b.tsv"), "--out", str(fetched.parent / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = Counter(
        line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")
    )
    assert imported["qscore.batch"] == 1
    often = {name for name, times in imported.items() if times >= N}
    assert often <= {"nt"}  # which the standard library looks for, and which Windows alone has
