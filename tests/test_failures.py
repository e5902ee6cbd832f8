"""What failed in a survey, and doing it again: by reason, by batch, before and after the tables are joined."""

import json
import os
import shutil

import pytest
import surveys
from click.testing import CliRunner

from qscore import cli, errors, failures, runstate, tables


def reasons(row_of):
    """Ten pairs: reason → which of them."""
    return {"time_limit": row_of[:2], "map_constant": row_of[2:5], "download_damaged": row_of[5:6]}


@pytest.fixture
def survey(tmp_path):
    """Ten pairs in some batches, six of which failed; reason → pairs, and pair → batch."""
    chosen = surveys.pairs(10)
    batches = surveys.make(tmp_path, chosen, entries_per_batch=3)
    why = {p["emdb_id"]: reason for reason, some in reasons(chosen).items() for p in some}
    for name, members in batches.items():
        rows = [
            surveys.row(p, why.get(p["emdb_id"]), transient=why.get(p["emdb_id"]) in errors.TRANSIENT) for p in members
        ]
        surveys.score(tmp_path, name, rows)
        (tmp_path / "scores" / name / "residues.parquet").write_bytes(b"x")
    return tmp_path, reasons(chosen), {p["emdb_id"]: name for name, members in batches.items() for p in members}


def invoke(*arguments):
    return CliRunner().invoke(cli.qscore, ["failures", *map(str, arguments)])


def batches_of(survey, *named):
    _, why, batch = survey
    return sorted({batch[p["emdb_id"]] for reason in named for p in why[reason]})


def test_counts_by_reason(survey):
    found = failures.read(survey[0])
    assert [(row["reason"], row["n"], row["transient"]) for row in failures.counts(found.entries)] == [
        ("map_constant", 3, False),
        ("time_limit", 2, True),
        ("download_damaged", 1, True),
    ]
    assert found.n_scored == 4 and found.unreadable == []
    assert {row["words"] for row in failures.counts(found.entries)} < {words for _, words in errors.REASONS.values()}


def test_entries_name_their_batch(survey):
    folder, why, batch = survey
    listed = failures.chosen(failures.read(folder).entries, reason="time_limit")
    assert {(row["emdb_id"], row["batch"]) for row in listed} == {
        (p["emdb_id"], batch[p["emdb_id"]]) for p in why["time_limit"]
    }


def test_transient_batches(survey):
    run = invoke(survey[0], "--transient")
    assert run.output.split() == batches_of(survey, "time_limit", "download_damaged")
    assert run.exit_code == 0


def test_transient_of_one_reason(survey):
    folder = survey[0]
    assert invoke(folder, "--transient", "--reason", "time_limit").output.split() == batches_of(survey, "time_limit")
    assert invoke(folder, "--transient", "--reason", "map_constant").output == ""


def test_again_removes_those_batches_alone(survey):
    folder, _, batch = survey
    gone = set(batches_of(survey, "time_limit", "download_damaged"))
    assert gone < set(batch.values())
    run = invoke(folder, "--transient", "--again")
    assert run.exit_code == 0 and set(run.stdout.split()) == gone
    assert f"{len(gone)} batches are to be done again: the next run of the same `qscore run` command" in run.stderr
    assert {path.name for path in (folder / "scores").iterdir()} == set(batch.values()) - gone
    found = failures.read(folder)
    assert {row["reason"] for row in found.entries} <= {"map_constant"}
    assert not runstate.is_running(folder)


def test_again_for_a_reason(survey):
    folder, _, batch = survey
    invoke(folder, "--reason", "map_constant", "--again")
    left = {path.name for path in (folder / "scores").iterdir()}
    assert left == set(batch.values()) - set(batches_of(survey, "map_constant"))


def test_again_twice_is_nothing_more(survey):
    invoke(survey[0], "--transient", "--again")
    run = invoke(survey[0], "--transient", "--again")
    assert run.stdout == "" and run.stderr == "nothing to do again\n"
    assert failures.again(survey[0], ["2024-05-01.nowhere"]) == ["2024-05-01.nowhere"]


@pytest.mark.parametrize("lock", [".survey.lock", ".jobs.lock"])
def test_again_is_refused_while_a_survey_runs(survey, lock):
    folder = survey[0]
    before = sorted((folder / "scores").rglob("*"))
    (folder / ".jobs.lock").touch()
    held = runstate.lock_door(folder) if lock == ".survey.lock" else shared(folder / lock)
    try:
        run = invoke(folder, "--transient", "--again")
    finally:
        os.close(held)
    assert isinstance(run.exception, runstate.Busy) and run.stdout == ""
    assert sorted((folder / "scores").rglob("*")) == before


def shared(path):
    import fcntl

    handle = os.open(path, os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_SH)
    return handle


def test_again_needs_to_be_told_which(survey):
    assert invoke(survey[0], "--again").exit_code == 2


def test_a_removal_that_is_stopped_half_way_is_still_a_batch_to_do(survey, monkeypatch):
    folder = survey[0]
    name = batches_of(survey, "time_limit")[0]

    def killed(path):
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        failures.again(folder, [name])
    assert not (folder / "scores" / name / "entries.parquet").exists()
    assert not runstate.is_running(folder)


def test_while_a_survey_runs(survey):
    folder = survey[0]
    door = runstate.lock_door(folder)
    try:
        assert "time_limit" in invoke(folder).output
    finally:
        os.close(door)


def test_after_the_tables_are_joined_and_the_rest_removed(survey):
    folder = survey[0]
    rows = [row for path in folder.glob("scores/*/entries.parquet") for row in tables.read_rows(path)]
    tables.write_parquet(folder / "tables" / "entries.parquet", tables.ENTRIES, tables.as_columns(tables.ENTRIES, rows))
    before = failures.counts(failures.read(folder).entries)
    shutil.rmtree(folder / "scores")
    shutil.rmtree(folder / "plan")
    found = failures.read(folder)
    assert failures.counts(found.entries) == before
    assert failures.batches(found.entries) == [] and "time_limit" in invoke(folder).output
    assert invoke(folder, "--reason", "time_limit").exit_code == 0


def test_what_is_printed(survey):
    said = invoke(survey[0]).output
    assert "scoring took longer than its deadline; may score another time" in said
    assert "6 failed, 4 scored" in said
    listed = invoke(survey[0], "--reason", "time_limit").output.splitlines()
    assert len(listed) == 2 and all("about EMD-" in line for line in listed)


def test_nothing_is_cut_off_a_terminal(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    batches = surveys.make(tmp_path, surveys.pairs(len(errors.REASONS)), entries_per_batch=50)
    detail = "word " * 100 + "[end]"
    for name, members in batches.items():
        rows = [
            surveys.row(p, why, transient=True) | {"detail": detail}
            for p, why in zip(members, errors.REASONS, strict=True)
        ]
        surveys.score(tmp_path, name, rows)
    said = invoke(tmp_path).output
    for reason, (_, words) in errors.REASONS.items():
        assert f" {reason} " in said and f"{words}; may score another time\n" in said
    assert "…" not in said
    (line,) = invoke(tmp_path, "--reason", "download_damaged").output.splitlines()
    assert line.endswith(detail)


def test_json(survey):
    folder = survey[0]
    content = json.loads(invoke(folder, "--json").output)
    assert (content["scored"], content["failed"]) == (4, 6) and "entries" not in content
    content = json.loads(invoke(folder, "--transient", "--json").output)
    assert content["batches"] == batches_of(survey, "time_limit", "download_damaged")
    assert {row["reason"] for row in content["entries"]} == {"time_limit", "download_damaged"}
    assert set(content["entries"][0]) == set(failures.FIELDS)


def test_nothing_failed(tmp_path):
    batches = surveys.make(tmp_path, surveys.pairs(2))
    for name, members in batches.items():
        surveys.score(tmp_path, name, [surveys.row(p) for p in members])
    run = invoke(tmp_path)
    assert run.exit_code == 0 and run.output == "0 failed, 2 scored\n"


def test_nothing_scored_yet(tmp_path):
    surveys.make(tmp_path, surveys.pairs(2))
    assert invoke(tmp_path).output == "0 failed, 0 scored\n"


def test_a_damaged_table_is_named(survey):
    folder, _, batch = survey
    name = sorted(set(batch.values()))[0]
    (folder / "scores" / name / "entries.parquet").write_bytes(b"PAR1")
    assert name in invoke(folder).output


def test_a_reason_of_another_version_is_counted(survey):
    rows = [{"reason": "of_old", "transient": None}, {"reason": None, "transient": None}]
    assert [row["n"] for row in failures.counts(rows)] == [1, 1]


def test_unknown_reason(survey):
    run = invoke(survey[0], "--reason", "no_such")
    assert isinstance(run.exception, ValueError) and "map_missing" in str(run.exception)


def test_no_survey(tmp_path):
    with pytest.raises(ValueError, match="no results folder of a survey"):
        failures.read(tmp_path)
    assert not list(tmp_path.iterdir())
