"""How far a survey is, from its files: counts, speed, time left, and files that come and go meanwhile."""

import fcntl
import json
import os
import shutil
import threading

import pytest
import surveys
from click.testing import CliRunner
from surveys import START

from qscore import board, cli, pace, plan, progress, runstate, tables, verbs
from qscore.pace import HOUR, Finish, Rate


@pytest.fixture
def survey(tmp_path):
    """Three batches: one scored, one with failures an hour later, one left."""
    batches = surveys.make(tmp_path, surveys.pairs(10), entries_per_batch=4)
    first, second, *_ = batches
    surveys.score(tmp_path, first, [surveys.row(p) for p in batches[first]], at=START, seconds=600)
    rows = [surveys.row(p) for p in batches[second]]
    rows[0] = surveys.row(batches[second][0], "time_limit", transient=True)
    rows[1] = surveys.row(batches[second][1], "map_constant")
    surveys.score(tmp_path, second, rows, at=START + 1800, seconds=900)
    return tmp_path, batches


def test_counts(survey):
    folder, batches = survey
    first, second, *others = batches
    found = progress.look(folder, now=START + 1800)
    done = len(batches[first]) + len(batches[second])
    assert (found.pairs, found.left) == (10, 10 - done)
    assert (found.scored, found.failed, found.transient) == (done - 2, 2, 1)
    assert (found.batches, found.batches_done) == (len(batches), 2)
    assert found.bytes_done == (done - 2) * 61_000_000
    assert not found.running and found.unreadable == [] and found.begun == []
    assert others


def test_bytes_left_are_estimated_until_enough_maps_are_known(survey):
    folder, _ = survey
    found = progress.look(folder)
    assert found.estimated
    assert found.bytes_left == pytest.approx(found.left * (0.5 * 100e6 + 1e6))


def test_bytes_left_by_the_share_that_was_measured(tmp_path):
    batches = surveys.make(tmp_path, surveys.pairs(30), entries_per_batch=25)
    most = max(batches, key=lambda name: len(batches[name]))
    assert len(batches) > 1 and len(batches[most]) < progress.KNOWN_FROM
    for name in list(batches)[:-1]:
        surveys.score(tmp_path, name, [surveys.row(p) for p in batches[name]])
    known = progress.Sizes(0.6, 60e6, 1e6, True)
    done = {(p["emdb_id"], p["pdb_id"]): surveys.row(p) for p in surveys.pairs(20)}
    assert progress.sizes(done, {pair: 100.0 for pair in done}) == known
    assert known.of([("a", "b")], {("a", "b"): 200.0}) == pytest.approx(0.6 * 200e6 + 1e6)


def test_sizes_of_pairs_without_a_size():
    known = progress.Sizes(0.5, 40e6, 1e6)
    assert known.of([("a", "b")], {}) == 41e6
    assert known.of([("a", "b"), ("c", "d")], {("a", "b"): 100.0, ("c", "d"): None}) == 102e6
    assert progress.Sizes().of([("a", "b")], {}) is None
    assert progress.Sizes().of([], {}) == 0


def test_what_lies_here_already_is_not_left_to_fetch(survey):
    folder, batches = survey
    without = progress.look(folder).bytes_left
    waiting = folder / "parts" / f"{list(batches)[2]}-0123456789ab"
    waiting.mkdir(parents=True)
    (waiting / "EMD-1_emd_1.map.gz.part").write_bytes(b"x" * 5000)
    found = progress.look(folder)
    assert found.bytes_left == without - 5000
    assert found.disk["parts"] == 5000 and found.disk["results"] > 5000 and found.disk["free"] > 0


# ---- speed ----


def finishes(*times, seconds=600.0, size=1_000_000_000, pairs=10):
    return [Finish(at, seconds, pairs, size) for at in times]


def test_overall_rate_counts_from_the_first_scoring():
    assert pace.rate(finishes(600, 1200, 1800)) == Rate(pytest.approx(3e9 / 1e6 / 1800), pytest.approx(60))


def test_a_night_without_a_survey_is_no_working_time():
    night = 12 * HOUR
    assert pace.spans(finishes(600, 1200, night)) == [(0, 600), (600, 1200), (night - 600, night)]
    assert pace.rate(finishes(600, 1200, night)) == pace.rate(finishes(600, 1200, 1800))


def test_a_batch_that_takes_hours_is_working_time():
    slow = [Finish(600, 600, 1, 1), Finish(600 + 3 * HOUR, 2.5 * HOUR, 1, 1)]
    assert pace.spans(slow) == [(0, 600), (600, 600 + 3 * HOUR)]


def test_rate_of_the_last_hour():
    times = finishes(*(600 * k for k in range(1, 13)))  # two hours
    slower = [*times, Finish(7200 + 1800, 600, 10, 1_000_000_000)]
    hour = pace.rate(slower, since=9000 - HOUR)
    assert hour.pairs_per_hour == pytest.approx(10 * 4)  # finishes at 6000, 6600, 7200 and 9000; 5400 is not in it
    assert pace.rate(slower).pairs_per_hour == pytest.approx(130 / 2.5)


def test_a_running_survey_counts_the_time_since_its_last_batch():
    assert pace.rate(finishes(600), until=1200).pairs_per_hour == pytest.approx(10 / 1200 * HOUR)
    assert pace.rate(finishes(600), until=600 + 2 * HOUR) == pace.rate(finishes(600))  # it had stopped in between


def test_no_rate_without_time_or_batches():
    assert pace.rate([]) == Rate() == pace.rate(finishes(600, seconds=0.0))
    assert pace.rate(finishes(600), since=600.0) == Rate()


def test_rate_without_bytes():
    assert pace.rate(finishes(600, size=0)) == Rate(None, pytest.approx(60))


def test_time_left():
    hour, overall = Rate(10.0, 100.0), Rate(20.0, 400.0)
    assert pace.seconds_left(1e9, 5, hour, overall) == pytest.approx(100)
    assert pace.seconds_left(1e9, 5, Rate(None, None), overall) == pytest.approx(50)
    assert pace.seconds_left(1e9, 5, Rate(0.0, 0.0), overall) == pytest.approx(50)
    assert pace.seconds_left(None, 5, hour, overall) == pytest.approx(5 / 100 * HOUR)
    assert pace.seconds_left(None, 5, Rate()) is None
    assert pace.seconds_left(None, 0, Rate()) == 0


def test_look_takes_times_from_files(survey):
    folder, batches = survey
    first, second, *_ = batches
    done = len(batches[first]) + len(batches[second])
    found = progress.look(folder)
    assert found.overall.pairs_per_hour == pytest.approx(done / (600 + 1800) * 3600)
    assert found.hour == found.overall
    assert found.seconds_left == pytest.approx(found.bytes_left / 1e6 / found.hour.mb_per_second)


@pytest.mark.parametrize("text", ["", "s\n", "s\nsoon\n", "s\n-3\n"])
def test_odd_benchmark_files(survey, text):
    folder, batches = survey
    for name in list(batches)[:2]:
        (folder / "benchmarks" / "score" / f"{name}.tsv").write_text(text)
    done = sum(len(batches[name]) for name in list(batches)[:2])
    assert progress.look(folder).overall.pairs_per_hour == pytest.approx(done / 1800 * 3600)


# ---- what runs ----


def test_what_is_begun(tmp_path):
    batches = surveys.make(tmp_path, surveys.pairs(16), entries_per_batch=4)
    fetching, fetched, scoring, done, *_ = batches
    for folder in (
        f"parts/{fetching}-0123456789ab", f"fetched/{fetched}", f"fetched/{scoring}", f"fetched/{done}",
        f"scores/{scoring}/.scoring-x/0", f"scores/{scoring}/.scoring-x/1",
    ):  # fmt: skip
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "fetched" / fetched / "one.map.gz").write_bytes(b"12345")
    surveys.score(tmp_path, done, [surveys.row(p) for p in batches[done]])
    found = {one.batch: one for one in progress.look(tmp_path).begun}
    assert found[fetching] == progress.Begun(fetching, "fetching", len(batches[fetching]), bytes=0)
    assert found[fetched] == progress.Begun(fetched, "fetched", len(batches[fetched]), bytes=5)
    assert found[scoring] == progress.Begun(scoring, "scoring", len(batches[scoring]), pair=2)
    assert done not in found


def test_running_is_told_by_the_door(survey):
    folder, _ = survey
    assert not runstate.is_running(folder)
    door = runstate.lock_door(folder)
    assert progress.look(folder).running
    os.close(door)
    assert not progress.look(folder).running
    os.close(runstate.lock_door(folder))  # looking has left no lock


def test_a_door_that_others_ask_about_is_no_survey(survey):
    folder, _ = survey
    os.close(runstate.lock_door(folder))
    with open(folder / ".survey.lock") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert not runstate.is_running(folder)


def test_why_it_stopped(survey):
    folder, _ = survey
    (folder / runstate.UNAVAILABLE).write_text("ftp.example.org: no answer in 60 minutes")
    assert "ftp.example.org" in CliRunner().invoke(cli.qscore, ["progress", str(folder)]).output


# ---- folders in every state ----


@pytest.mark.parametrize("kept", [(".survey.lock",), ("catalogue",), ("plan",), ("scores",), ("catalogue", "scores")])
def test_a_survey_of_which_only_some_is_there(survey, kept):
    folder, batches = survey
    (folder / ".survey.lock").touch()
    for path in list(folder.iterdir()):
        if path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    found = progress.look(folder)
    assert found.pairs == found.scored + found.failed + found.left
    assert found.scored == (sum(len(batches[name]) for name in list(batches)[:2]) - 2 if "scores" in kept else 0)
    board.print_progress(found)


def test_only_the_joined_table_is_left(tmp_path):
    rows = [surveys.row(p) for p in surveys.pairs(5)]
    path = tmp_path / "tables" / "entries.parquet"
    tables.write_parquet(path, tables.ENTRIES, tables.as_columns(tables.ENTRIES, rows))
    found = progress.look(tmp_path)
    assert (found.pairs, found.scored, found.left, found.batches, found.batches_done) == (5, 5, 0, 0, 0)
    said = CliRunner().invoke(cli.qscore, ["progress", str(tmp_path)]).output
    assert "5" in said and not [word for word in ("rate", "not known", "fetched", "left:", "batches") if word in said]


def test_a_survey_of_published_q_says_nothing_that_is_not_known(tmp_path):
    columns = tables.as_columns(tables.PAIRS, surveys.pairs(3))
    tables.write_parquet(tmp_path / "catalogue" / "pairs.parquet", tables.PAIRS, columns)
    said = CliRunner().invoke(cli.qscore, ["progress", str(tmp_path)]).output
    assert "disk: " in said
    assert not [word for word in ("rate", "known", "fetched", "time left", "batches", "unknown") if word in said]


def test_a_table_of_an_earlier_plan_leaves_new_pairs_to_do(survey):
    folder, batches = survey
    first = next(iter(batches))
    surveys.score(folder, first, [surveys.row(p) for p in [*batches[first][1:], *surveys.pairs(1, first=30000)]])
    found = progress.look(folder)
    assert found.batches_done == 1
    assert found.pairs == 10 == found.scored + found.failed + found.left


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not a table" * 50, None])
def test_a_damaged_table_is_named(survey, content):
    folder, batches = survey
    first = next(iter(batches))
    path = folder / "scores" / first / "entries.parquet"
    path.write_bytes(path.read_bytes()[:-30] if content is None else content)
    found = progress.look(folder)
    assert found.unreadable == [first] and found.batches_done == 1
    assert first in CliRunner().invoke(cli.qscore, ["progress", str(folder)]).output


@pytest.mark.parametrize("name", ["catalogue/pairs.parquet", "plan/2024-05-01.0.tsv"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"PAR1\n\t\t"])
def test_other_files_may_be_damaged(survey, name, content):
    folder, _ = survey
    (folder / name).write_bytes(content)
    found = progress.look(folder)
    assert found.pairs == found.scored + found.failed + found.left


def test_files_that_come_and_go_meanwhile(survey):
    """A survey that is redone all the time while it is looked at."""
    folder, batches = survey
    ended = threading.Event()

    def stir():
        while not ended.is_set():
            for name, members in batches.items():
                path = surveys.score(folder, name, [surveys.row(p) for p in members])
                work = folder / "parts" / f"{name}-0123456789ab"
                work.mkdir(parents=True, exist_ok=True)
                (work / "a.part").write_bytes(b"1")
                path.unlink()
                shutil.rmtree(work)
            plan.write(folder / "plan", surveys.pairs(3), entries_per_batch=4)
            plan.write(folder / "plan", surveys.pairs(10), entries_per_batch=4)

    thread = threading.Thread(target=stir)
    thread.start()
    try:
        for _ in range(40):
            found = progress.look(folder)
            assert found.pairs == found.scored + found.failed + found.left
            board.print_progress(found)
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), lambda path: path.write_text("x")])
def test_no_survey(tmp_path, make):
    make(tmp_path / "there")
    with pytest.raises(ValueError, match="survey"):
        progress.look(tmp_path / "there")


def test_nothing_is_written(survey):
    folder, _ = survey
    before = sorted(str(path) for path in folder.rglob("*"))
    progress.look(folder)
    assert sorted(str(path) for path in folder.rglob("*")) == before


# ---- the command ----


def test_json(survey):
    folder, batches = survey
    run = CliRunner().invoke(cli.qscore, ["progress", str(folder), "--json"])
    content = json.loads(run.output)
    assert run.exit_code == 0
    assert content["left"] == 10 - content["scored"] - content["failed"] and content["batches"] == len(batches)
    assert set(content["hour"]) == {"mb_per_second", "pairs_per_hour"} and set(content["disk"]) == {
        "fetched", "parts", "results", "free",
    }  # fmt: skip


def test_what_is_printed(survey):
    folder, batches = survey
    (folder / "fetched" / list(batches)[2]).mkdir(parents=True)
    said = CliRunner().invoke(cli.qscore, ["progress", str(folder)]).output
    for words in ("no survey is running", "1 may score another time", "estimated", "in the last hour", "time left"):
        assert words in said
    assert f"{list(batches)[2]}: fetched" in said


def test_watch_looks_again_until_it_is_done(survey, monkeypatch):
    folder, batches = survey
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        for name, members in batches.items():
            surveys.score(folder, name, [surveys.row(p) for p in members])

    monkeypatch.setattr(verbs.time, "sleep", sleep)
    run = CliRunner().invoke(cli.qscore, ["progress", str(folder), "--watch", "30"])
    assert slept == [30] and run.exit_code == 0
    assert run.output.count("no survey is running") == 2


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "not known yet"), (0, "0 s"), (59.6, "1 min"), (3700, "1 h 1 min"), (100_000, "1 d 3 h"), (86_400, "1 d")],
)
def test_spans_of_time(seconds, words):
    assert board.span(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"),
    [(None, "unknown"), (0, "0 B"), (1500, "1.5 kB"), (2.05e9, "2.05 GB"), (1.95e12, "1.95 TB"), (999e6, "999 MB")],
)
def test_sizes(count, words):
    assert board.size(count) == words
