"""Beyond one machine: the Slurm profile, what the rules ask for, the plan on paper. `benchmarks/slurm.py` runs it."""

import importlib.util
import math
import re
import subprocess
import sys

import pytest
import yaml

RULES = (
    "workflow/rules/archive.smk",
    "workflow/rules/score.smk",
    "workflow/rules/survey.smk",
    "workflow/rules/examine.smk",
)
HEAD = re.compile(r"^ *(?:rule|checkpoint) (\w+):\n(.*?)(?=^ *(?:rule|checkpoint) \w+:\n|\Z)", re.MULTILINE | re.DOTALL)
OVERHEAD = 600  # MB: two Snakemakes and the process that watches the scoring one


@pytest.fixture(scope="module")
def profile(project):
    return yaml.safe_load((project / "profiles" / "slurm" / "config.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rules(project):
    """Name → bodies of the rules of all sources."""
    found = {}
    for file in RULES:
        for name, body in HEAD.findall((project / file).read_text(encoding="utf-8")):
            found.setdefault(name, []).append(body)
    return found


@pytest.fixture(scope="module")
def budget(project):
    spec = importlib.util.spec_from_file_location("budget", project / "benchmarks" / "budget.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def snakemakes_help():
    command = [sys.executable, "-m", "snakemake", "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_what_asks_the_network_says_so_and_can_run_where_the_survey_was_started(rules):
    asking = {name for name, bodies in rules.items() for body in bodies if "MANNERS," in body}
    assert asking == {"snapshot", "catalogue", "published", "fetch", "fetch_again"}
    for name in asking:
        for body in rules[name]:
            if "MANNERS," in body:
                assert "net=1" in body
                assert re.search(r'^ +localrule: (True|config\["plan"\]\["fetch_here"\])$', body, re.MULTILINE)


def test_the_profile_names_rules_that_are_there(profile, rules):
    assert set(profile["set-resources"]) <= set(rules)
    assert set(profile["default-resources"]) == {"mem_mb", "runtime"}, "each rule has these at least"


def test_jobs_of_batches_may_use_what_their_entries_may(profile, rules, project):
    schema = yaml.safe_load((project / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    for name in ("score", "examine"):
        limit = schema["properties"][name]["properties"]["memory_mb"]["default"]
        assert f'config["{name}"]["memory_mb"]' in rules[name][0]
        assert profile["set-resources"][name]["mem_mb"] == limit + OVERHEAD


def test_the_profiles_keys_are_options_of_snakemake_or_its_executor(profile, snakemakes_help):
    slurm = {key for key in profile if key.startswith("slurm-")}
    assert slurm == {"slurm-requeue", "slurm-init-seconds-before-status-checks"}
    for key in profile.keys() - slurm - {"executor"}:
        assert f"--{key} " in snakemakes_help, key


def test_what_a_survey_on_slurm_would_do(project, tmp_path):
    """The profile beside that of one machine; without the executor, which is installed on clusters alone."""
    text = (project / "profiles" / "slurm" / "config.yaml").read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.startswith(("slurm-", "executor:"))]
    (tmp_path / "config.yaml").write_text("\n".join(kept), encoding="utf-8")
    command = [sys.executable, "-m", "qscore", "run", "--results", str(tmp_path / "results"), "--dry-run"]
    run = subprocess.run(
        [*command, "--", "--profile", str(tmp_path)], cwd=project, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "demo_archive" in run.stdout


def test_hours_are_of_the_slowest_of_line_cores_and_checks(budget):
    a = {key.replace("-", "_"): value for key, value in (budget.ASSUMED | budget.MEASURED).items()}
    needed = budget.work(a)
    assert needed["seconds a pair"] == pytest.approx(200 * 0.0086 + 24_000 * 44e-6 + 3.4 * 0.14)
    assert needed["GB over the network"] == pytest.approx(39_000 * 0.054)
    free = a | {"minutes_alone": 0.0}
    assert budget.hours(free, needed, machines=100, line=12.5) == (pytest.approx(39_000 * 54 / 12.5 / 3600), "network")
    assert budget.hours(free, needed, machines=1, line=math.inf) == (pytest.approx(needed["core hours"] / 16), "CPU")
    assert budget.hours(free, needed, machines=100, line=math.inf)[1] == "checks"
    slow = budget.hours(free | {"mb_per_transfer": 1.0}, needed, machines=100, line=1250.0)
    assert slow == (pytest.approx(39_000 * 54 / 4 / 3600), "network"), "a server that sends slowly is the line"


def test_the_table_on_paper_is_what_the_script_prints(project):
    run = subprocess.run(
        [sys.executable, str(project / "benchmarks" / "budget.py")], capture_output=True, text=True, check=True
    )
    rows = [line for line in run.stdout.splitlines() if line.startswith("|")]
    page = (project / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert len(rows) == 5
    assert "\n".join(rows) in page


def test_documented_options_of_snakemake_are_its_own(project, snakemakes_help):
    page = (project / "docs" / "cluster.md").read_text(encoding="utf-8")
    ours = {"--config", "--cores", "--dry-run", "--transient", "--again", "--watch"}
    theirs = {"--slurm-status-command", "--slurm-no-account", "--transfers"}  # of the executor and of budget.py
    for option in sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) - ours - theirs):
        assert f"{option} " in snakemakes_help, option
