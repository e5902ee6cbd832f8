"""The workflow as a user runs it: nothing twice, nothing lost, one survey at a time."""

import fcntl
import json
import os
import shlex
import shutil
import subprocess
import sys
import time

import pytest
import stagewise
from killing import kill_when
from pairs import write_pair

from qscore import __version__, captions, runstate, tables

N = 6
QSCORE = [sys.executable, "-m", "qscore"]
TABLES = ("--", "tables/entries.tsv")  # what comes after asks for no pair again


def write_table(folder, rows):
    columns = ("emdb_id", "pdb_id", "resolution", "map", "model", "sample")
    lines = ["\t".join(columns)] + ["\t".join(str(row[key]) for key in columns) for row in rows]
    (folder / "pairs.tsv").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A table of N pairs, one of them with a missing model."""
    folder = tmp_path_factory.mktemp("data")
    rows = []
    for n in range(N):
        write_pair(folder / f"p{n}", seed=n, n=12)
        files = {"map": f"p{n}/map.map", "model": f"p{n}/model.pdb"}
        rows.append({"emdb_id": f"EMD-{n}", "pdb_id": f"own{n}", "resolution": 2.0 + n, "sample": "test"} | files)
    rows[4]["model"] = "p4/none.pdb"
    write_table(folder, rows)
    return folder


def survey(project, data, results, *more, check=True, **options):
    command = [*QSCORE, "run", "--pairs", str(data / "pairs.tsv"), "--results", str(results), *more]
    run = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, **options)
    assert not check or run.returncode == 0, run.stdout + run.stderr
    return run.stdout + run.stderr


def jobs(text):
    """Rule → times it would run, from a dry run."""
    counts = {}
    for line in text.splitlines():
        parts = line.split()
        if len(parts) == 2 and parts[1].isdigit() and parts[0] not in ("total", "count"):
            counts[parts[0]] = int(parts[1])
    return counts


@pytest.fixture(scope="module")
def done(project, data, tmp_path_factory):
    """A finished survey."""
    results = tmp_path_factory.mktemp("survey") / "results"
    survey(project, data, results)
    return results


@pytest.fixture
def copy(done, tmp_path):
    """The finished survey, to be changed."""
    shutil.copytree(done, tmp_path / "results", symlinks=True)
    return tmp_path / "results"


def dry(project, data, results, *more):
    return jobs(survey(project, data, results, "--dry-run", *more))


def digest(results):
    names = ("tables/entries.parquet", "tables/entries.tsv", "tables/residues.parquet")
    return {name: (results / name).read_bytes() for name in names}


def test_every_pair_has_a_row(done):
    rows = tables.read_rows(done / "tables" / "entries.parquet", layout=tables.ENTRIES)
    assert [row["emdb_id"] for row in rows] == [f"EMD-{n}" for n in range(N)]
    assert [row["reason"] for row in rows if row["status"] != "scored"] == ["model_missing"]
    assert (done / "report" / "index.html").stat().st_size > 5000
    assert not list(done.glob("fetched/*"))


def test_the_commands_of_a_survey_are_those_of_the_tests_by_stages(data, done):
    told = [json.loads(path.read_text()) for path in (done / ".snakemake" / "metadata").iterdir()]
    commands = {(one["rule"], tuple(shlex.split(one["shellcmd"].rpartition(" > logs/")[0]))) for one in told}
    batches = sorted(path.stem for path in (done / "plan").glob("*.tsv"))
    expected = {
        (rule, ("qscore", *stagewise.words(rule, data / "pairs.tsv", batch=batch)))
        for rule in stagewise.ALL
        for batch in (batches if rule in stagewise.BATCHES else [""])
    }
    assert commands == expected


def test_every_scored_pair_of_a_small_survey_is_looked_at_once_more(done):
    looked = tables.read_parquet(*done.glob("evidence/*/frames.parquet"), layout=tables.FRAMES)
    scored = tables.read_rows(done / "outliers" / "outliers.parquet", layout=tables.OUTLIERS)
    assert sorted(looked["emdb_id"]) == [row["emdb_id"] for row in scored]
    assert set(looked["status"]) == {"examined"}
    assert not list(done.glob("fetched_again/*"))


def test_nothing_is_looked_at_again_where_nobody_asks(project, data, copy, tmp_path):
    shutil.rmtree(copy / "evidence")
    more = configured(project, tmp_path, "examine: {most: 0}\n")
    assert not {"examine", "fetch_again", "examination"} & set(dry(project, data, copy, *more))


def test_too_few_for_a_line(done):
    fit = json.loads((done / "fit" / "expected_q.json").read_text())
    assert fit["fits"]["all"]["line"] is None
    assert "too few" in fit["fits"]["all"]["sentence"]


def test_nothing_to_do_afterwards(project, data, done):
    assert "Nothing to be done" in survey(project, data, done, "--dry-run")


def test_snakemakes_report_holds_every_figure_with_its_caption(project, data, copy):
    said = survey(project, data, copy, "--", "--report", "survey.html")
    drawn = {path.name for path in copy.glob("figures/*.svg")}
    assert drawn
    assert {name for name in drawn if f"Adding {name}" in said} == drawn
    page = (copy / "survey.html").read_text(encoding="utf-8")
    for name in drawn:
        title, text = captions.CAPTIONS[name.removesuffix(".svg")]
        assert title in page
        assert text.split(".")[0].split(",")[0] in page
    for name in {captions.CATEGORIES[name.removesuffix(".svg")] for name in drawn} | {"Tables", "Lines"}:
        assert name in page


def test_every_scored_pair_has_its_page_and_the_survey_links_to_it(done):
    scored = {row["emdb_id"] for row in tables.read_rows(done / "flags" / "flags.parquet", layout=tables.FLAGS)}
    pages = {path.stem for path in (done / "report" / "entries").glob("*.html")}
    assert {stem.split("_")[0] for stem in pages} == scored
    index = (done / "report" / "index.html").read_text(encoding="utf-8")
    assert all(stem in index for stem in pages)
    assert (done / "worklist" / "worklist.tsv").read_text(encoding="utf-8").startswith("emdb_id\t")


def test_a_deleted_batch_is_done_again_alone(project, data, copy):
    before = digest(copy)
    shutil.rmtree(next((copy / "scores").iterdir()))
    counts = dry(project, data, copy)
    assert counts["score"] == counts["fetch"] == 1
    assert not {"catalogue", "plan"} & set(counts)
    survey(project, data, copy, *TABLES)
    assert digest(copy) == before


def configured(project, tmp_path, text):
    """The configuration for one's own pairs with a change."""
    path = tmp_path / "changed.yaml"
    path.write_text((project / "config" / "pairs.yaml").read_text() + text)
    return "--config", str(path)


def test_a_plot_option_scores_nothing(project, data, copy, tmp_path):
    counts = dry(project, data, copy, *configured(project, tmp_path, "figures: {dpi: 90}\n"))
    assert set(counts) - {"all"} == {"figures", "report"}


def test_a_rule_of_the_fit_scores_nothing(project, data, copy, tmp_path):
    counts = dry(project, data, copy, *configured(project, tmp_path, "fit: {highest: 5}\n"))
    assert set(counts) - {"all"} == {
        "fit", "outliers", "regions", "examination", "flag", "draws", "rivals", "worklist", "figures", "pages",
        "report",
    }  # fmt: skip


def test_a_limit_of_the_score_scores_nothing(project, data, copy, tmp_path):
    """More memory for what ran out of it is no reason to score the others again."""
    more = configured(project, tmp_path, "score: {base_seconds: 99, memory_mb: 900}\n")
    assert "Nothing to be done" in survey(project, data, copy, "--dry-run", *more)


@pytest.fixture
def changed(data, tmp_path):
    """The data, to be changed; put back afterwards with the times of its files."""
    shutil.copytree(data, tmp_path / "kept")
    yield data
    shutil.rmtree(data)
    shutil.copytree(tmp_path / "kept", data)


def test_what_is_scored_again_and_what_not_with_a_clock_set_back(project, changed, copy):
    """All of a survey's files are of tomorrow: nothing is made twice, and what changed now is still seen.

    A corrected sample scores nothing; a changed model only its batch (what else does: `test_plan`).
    """
    results, tomorrow = copy, time.time() + 86_400
    for path in (results, *results.rglob("*")):
        if not path.is_symlink():
            os.utime(path, (tomorrow, tomorrow))
    assert "Nothing to be done" in survey(project, changed, results, "--dry-run")
    stamps = {path: path.stat().st_mtime_ns for path in results.glob("scores/*/entries.parquet")}
    held = {row["pdb_id"]: path for path in stamps for row in tables.read_rows(path, layout=tables.SCORED)}
    rows = tables.read_tsv(changed / "pairs.tsv")
    other = next(n for n in range(N) if held[f"own{n}"] != held["own1"])
    rows[other] |= {"sample": "corrected"}
    write_table(changed, rows)
    model = changed / "p1" / "model.pdb"
    model.write_text(model.read_text().replace(" ALA ", " GLY "))
    before = digest(results)
    survey(project, changed, results, *TABLES)
    assert [path for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp] == [held["own1"]]
    assert len(stamps) > 1 and digest(results) != before
    entries = tables.read_rows(results / "tables" / "entries.parquet", layout=tables.ENTRIES)
    assert entries[other]["sample"] == "corrected"


@pytest.fixture
def earlier(project, tmp_path):
    """The project as an earlier version may have been: where it is, and what its commands need to find it."""
    folder = tmp_path / "earlier"
    for name in ("qscore", "workflow", "config", "profiles"):
        shutil.copytree(project / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(project / "Snakefile", folder)
    init = folder / "qscore" / "__init__.py"
    init.write_text(init.read_text().replace(f'"{__version__}"', '"0.0.9"'))
    return folder, os.environ | {"PYTHONPATH": str(folder)}


def test_a_folder_of_an_earlier_version_is_scored_anew(project, earlier, data, done, tmp_path):
    """Never mixed: every row is of this version, and the tables are those of an empty folder's survey."""
    folder, environment = earlier
    results = tmp_path / "results"
    survey(folder, data, results, *TABLES, env=environment)
    entries = tables.read_rows(results / "tables" / "entries.parquet", layout=tables.ENTRIES)
    assert {row["version"] for row in entries} == {"0.0.9"}
    survey(project, data, results, *TABLES)
    entries = tables.read_rows(results / "tables" / "entries.parquet", layout=tables.ENTRIES)
    assert {row["version"] for row in entries} == {__version__}
    assert digest(results) == digest(done)


def test_a_second_survey_is_refused(project, data, copy):
    with open(copy / ".survey.lock", "r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        run = subprocess.run(
            [*QSCORE, "run", "--pairs", str(data / "pairs.tsv"), "--results", str(copy)],
            cwd=project, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert run.returncode == 1
    assert run.stderr.strip().splitlines() == [f"qscore: another survey is running in {copy}"]


@pytest.mark.parametrize("moment", ["score", "tables"])  # in mid-file: `test_doors_again`; often: benchmarks/kills.py
def test_killed_and_started_again(project, data, done, tmp_path, moment):
    """kill -9 of everything in mid-work, the same command again: the tables of an undisturbed run."""
    results = tmp_path / "results"
    conditions = {
        "score": lambda: any((results / "scores").glob("*/.scoring-*")),
        "tables": lambda: (results / "tables").is_dir(),
    }
    command = [*QSCORE, "run", "--pairs", str(data / "pairs.tsv"), "--results", str(results), *TABLES]
    process = subprocess.Popen(
        command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert kill_when(process, conditions[moment])
    finished = {path: path.stat().st_mtime_ns for path in results.glob("scores/*/entries.parquet")}
    survey(project, data, results, *TABLES)
    assert digest(results) == digest(done)
    if moment == "tables":
        assert {path: path.stat().st_mtime_ns for path in finished} == finished
    assert not list(results.glob("scores/*/.scoring-*"))


def test_a_half_filled_fetched_folder_is_fetched_again(project, data, copy, done):
    """What a killed run may leave downstream of the checkpoint is swept away, not scored."""
    batch = sorted(path.name for path in (copy / "scores").iterdir())[0]
    shutil.rmtree(copy / "scores" / batch)
    (copy / "fetched" / batch).mkdir(parents=True)
    survey(project, data, copy, *TABLES)
    assert digest(copy) == digest(done)


def test_a_fetched_batch_that_is_scored_already_is_swept(done, copy):
    """Killed between a score and the removal of its maps: they do not stay for ever."""
    batch = sorted(path.name for path in (copy / "scores").iterdir())[0]
    folder = copy / "fetched" / batch
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"batch": "b.tsv", "entries": []}')
    os.utime(folder / "manifest.json", (0, 0))
    runstate.sweep(copy)
    assert not folder.exists()


def test_half_a_plan_sweeps_itself_alone(copy):
    """Killed while the plan is written anew: what was brought for the batches still to come stays."""
    part, mark = copy / "parts" / "2024-01-03-0123456789ab", copy / "plan" / ".complete"
    part.mkdir(parents=True)
    shutil.copytree(copy / "plan", copy / "whole")
    mark.unlink()
    runstate.sweep(copy)
    assert part.is_dir() and not (copy / "plan").exists()
    (copy / "whole").rename(copy / "plan")
    runstate.sweep(copy)
    assert not part.exists() and mark.is_file()


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("folder", ["plan", "examination"])
def test_damaged_batches_are_planned_again(copy, folder):
    other = {"plan": "examination", "examination": "plan"}[folder]
    cut(min((copy / folder).glob("*.tsv")))
    runstate.sweep(copy)
    assert not (copy / folder).exists() and (copy / other).is_dir()


def test_whatever_was_deleted_is_missed(project, data, copy):
    """And made again, alone with what hangs on it, by the same command."""
    gone = (
        "catalogue/excluded.tsv",
        "tables/chains.parquet",
        "fit/lines.tsv",
        "flags/flags.parquet",
        "figures",
        "plan",
    )
    for name in gone:
        shutil.rmtree(copy / name) if (copy / name).is_dir() else (copy / name).unlink()
    would = dry(project, data, copy)
    assert {"catalogue", "plan", "aggregate", "fit", "flag", "figures"} <= set(would), would
    survey(project, data, copy, "--", "plan")
    assert not {"fetch", "score", "fetch_again", "examine"} & set(dry(project, data, copy))


@pytest.mark.parametrize("name", [".snakemake", ".snakemake/metadata", "scores", "report"])
def test_a_file_in_place_of_a_folder(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("a file")
    with pytest.raises(ValueError, match=f"{name} is no folder, and a survey needs one of that name: remove it"):
        runstate.check_own(tmp_path)


def test_without_the_record_of_what_was_done(copy):
    """Snakemake would fetch and score all of it again."""
    runstate.check_own(copy)
    shutil.rmtree(copy / ".snakemake")
    with pytest.raises(ValueError, match=rf"\.snakemake is gone, .* remove {copy / 'scores'}"):
        runstate.check_own(copy)
    shutil.rmtree(copy / "scores")
    runstate.check_own(copy)


def test_a_note_that_could_not_be_written_counts(tmp_path):
    assert runstate.unavailable(tmp_path) is None
    (tmp_path / ".unavailable").touch()
    assert "disk is full" in runstate.unavailable(tmp_path)


def refused(project, *arguments):
    """The one line on standard error of a survey that does not start."""
    run = subprocess.run(
        [*QSCORE, "run", *map(str, arguments)], cwd=project, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (1, ""), run.stderr
    assert len(run.stderr.splitlines()) == 1, run.stderr
    return run.stderr.strip().removeprefix("qscore: ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("results: r\nsource: pairs\nfit: {lowest: low}\n", "fit.lowest: 'low' is not of type 'number'"),
        ("results: r\nsorce: pairs\n", "'sorce' was unexpected"),
        ("results: r\nsource: pdb\n", "source: 'pdb' is not one of"),
        ("results: [\n", "while parsing"),
    ],
)
def test_wrong_configuration_is_one_line(project, data, tmp_path, text, said):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    line = refused(project, "--config", path, "--pairs", data / "pairs.tsv", "--results", tmp_path / "r")
    assert line.startswith(f"configuration {path}: ") and said in line
    assert not (tmp_path / "r").exists()


HEADER = "emdb_id\tpdb_id\tresolution\tmap\tmodel\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no rows below a header line"),
        (HEADER.encode(), "no rows below a header line"),
        (b"emdb_id,pdb_id,resolution,map,model\nE1,m,3,a,b\n", "expected tab-separated columns"),
        (b"emdb_id\tpdb_id\tmap\tmodel\nE1\tm\ta\tb\n", "no column resolution"),
        (HEADER.encode() + b"E1\tm\t3\ta\tb\nE1\tm\t3\ta\tb\n", "the pair E1 m stands twice"),
        (
            HEADER.encode() + b"E1\tm\tfoo\ta\tb\n",
            "every row is left out; the first: resolution is not a positive number",
        ),
        (HEADER.encode() + "E1\tprot\u00e9ine\t3\ta\tb\n".encode("latin-1"), "utf-8"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(project, tmp_path, content, said):
    (tmp_path / "t.tsv").write_bytes(content)
    assert said in refused(project, "--pairs", tmp_path / "t.tsv", "--results", tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_folder_of_another_survey_is_refused(project, copy):
    """A wrong --results must not mix two surveys."""
    line = refused(project, "--results", copy)
    assert line.startswith(f"{copy} holds a survey of a table of one's own, this is one of the demonstration archive")


def test_no_table_is_said(project, tmp_path):
    line = refused(project, "--config", project / "config" / "pairs.yaml", "--results", tmp_path / "r")
    assert line == "this configuration needs a table: --pairs TABLE"


def test_a_table_for_the_demo_is_refused(project, data, tmp_path):
    config = tmp_path / "demo.yaml"
    config.write_text("results: r\nsource: demo\n")
    assert "source: pairs" in refused(project, "--config", config, "--pairs", data / "pairs.tsv")


@pytest.mark.parametrize("cores", ["0", "abc", "-1"])
def test_cores(project, data, cores):
    run = subprocess.run(
        [*QSCORE, "run", "--pairs", str(data / "pairs.tsv"), "--cores", cores],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert "number of cores" in run.stderr


def test_what_a_failed_stage_said_is_shown(tmp_path):
    from qscore.run import complaints

    (tmp_path / "logs" / "score").mkdir(parents=True)
    (tmp_path / "logs" / "score" / "b.log").write_text("noise\nqscore: the disk is full\n")
    (tmp_path / "logs" / "fit.log").write_text("all: fine\n")
    assert complaints(tmp_path, 0.0) == ["score/b.log: the disk is full".replace("score/", "logs/score/")]
    assert complaints(tmp_path, time.time() + 60) == []


def test_lint(project):
    """Snakemake's linter has one remark, by intention: the rules use the environment that runs Snakemake."""
    run = subprocess.run(
        [sys.executable, "-m", "snakemake", "--lint", "--snakefile", str(project / "Snakefile")],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    remarks = {line.strip() for line in (run.stdout + run.stderr).splitlines() if line.strip().startswith("* ")}
    assert remarks == {"* Specify a conda environment or container for each rule.:"}, run.stderr
