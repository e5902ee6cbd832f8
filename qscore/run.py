"""The survey's one door: `qscore run` prepares the folder and starts Snakemake."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from qscore import runstate
from qscore.errors import ArchiveUnavailable, BadAnswer
from qscore.layouts import ENTRIES, Layout
from qscore.manners import check_url
from qscore.sites import is_url

SETTLING = 3.0  # seconds
MOST_VALUES = 100_000  # of a configuration
DEEPEST = 20  # lists and mappings in one another
MOST_NUMBER = 1e15  # whole numbers up to it are exact as numbers of any kind
_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # neither a path nor a command can hold it
STATUS = Layout(ENTRIES.name, tuple(column for column in ENTRIES.columns if column.name == "status"))


def find_workflow() -> Path:
    """The folder with the Snakefile: the current one, or that of this source tree.

    Raises
    ------
    ValueError
        There is none.
    """
    for folder in (Path.cwd(), Path(__file__).resolve().parent.parent):
        if (folder / "Snakefile").is_file() and (folder / "workflow").is_dir():
            return folder
    raise ValueError("no Snakefile here: run this in the project's folder")


def read_config(config: Path, workflow: Path) -> dict:
    """A configuration, checked against the workflow's schema.

    Raises
    ------
    ValueError
        It cannot be read, or a key or value is wrong: one line saying which.
    """
    try:
        content, schema = _content(config), schema_of(workflow)
        _check_values(content)
        if complaint := _complaint(content, schema):
            raise ValueError(complaint)
        content = with_defaults(content, schema)
        _check_sources(content)
        _check_ranges(content)
        _check_addresses(content["archive"])
        if content["subsets"] and content["score_source"] != "table":
            _check_subsets(content["subsets"], ENTRIES.names)
    except (OSError, ValueError) as err:
        raise ValueError(f"configuration {config}: {err}") from err
    return content


@cache
def schema_of(workflow: Path) -> dict:
    """The schema of a workflow's configurations."""
    with open(workflow / "workflow" / "schemas" / "config.schema.yaml", encoding="utf-8") as stream:
        return yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


class _SafeOnce(yaml.SafeLoader):
    """A reader that refuses a key that stands twice, of which others take the last."""

    def construct_mapping(self, node, deep=False):
        """What a node of keys and values holds."""
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge"):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def _content(config: Path):
    """What a file of YAML holds."""
    try:
        with open(config, encoding="utf-8") as stream:
            content = yaml.load(stream, Loader=_SafeOnce)
    except RecursionError as err:
        raise ValueError("lists or mappings too deep in one another") from err
    except (OSError, yaml.YAMLError) as err:
        raise ValueError(_short(str(err))) from err
    except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as err:
        # What the reader makes of !!int "" or of the 31st of February is Python's own complaint.
        raise ValueError(f"a value that cannot be read ({_short(str(err))})") from err
    if content is None:
        raise ValueError("nothing is in it")
    return content


def _check_values(content) -> None:
    """Refuse what no key can mean: aliases of aliases without end, odd keys and text, numbers beyond measure."""
    sizes: dict[tuple[int, int], int] = {}  # aliases lead to one and the same list: it is looked into once at a depth

    def values_in(place: tuple, value) -> int:
        """How many values are within a value."""
        _check_value(place, value)
        inner = dict(enumerate(value)) if isinstance(value, (list, tuple)) else value
        if not isinstance(inner, dict):
            return 0
        known = id(value), len(place)
        if known not in sizes:
            within = len(place) < DEEPEST and sum(values_in((*place, key), one) + 1 for key, one in inner.items())
            if within is False or within > MOST_VALUES:
                raise ValueError(f"{_named(place)}: more than {MOST_VALUES:,} values, or {DEEPEST} in one another")
            sizes[known] = within
        return sizes[known]

    values_in((), content)


def _check_value(place: tuple, value) -> None:
    if isinstance(value, dict) and (strange := [key for key in value if not isinstance(key, str)]):
        raise ValueError(f"{_named((*place, strange[0]))}: expected a key that is text")
    if isinstance(value, str) and _NO_TEXT.search(value):
        raise ValueError(f"{_named(place)}: expected text without NUL and half signs")
    if isinstance(value, (int, float)) and not -MOST_NUMBER <= value <= MOST_NUMBER:
        raise ValueError(f"{_named(place)}: expected a number between {-MOST_NUMBER:g} and {MOST_NUMBER:g}")


def _named(place: Iterable) -> str:
    """Keys from the top, a point between."""
    return _short(".".join(map(str, place)))


def _complaint(content, schema: dict) -> str:
    """What the schema has against a configuration, the place first; "" when nothing."""
    trouble = best_match(Draft202012Validator(schema).iter_errors(content))
    if trouble is None:
        return ""
    message = trouble.message.replace("Additional properties are not allowed", "unknown key")
    return ": ".join(filter(None, (_named(trouble.absolute_path), _short(message))))


def _short(text: str) -> str:
    """One line of at most 300 characters."""
    text = " ".join(text.split())
    return text if len(text) <= 300 else text[:299] + "…"


def with_defaults(content: dict, schema: dict) -> dict:
    """A configuration with the schema's defaults where it is silent."""
    filled = {}
    for key, part in schema["properties"].items():
        value = content.get(key, part.get("default"))
        inner = part.get("properties")
        filled[key] = with_defaults(value, part) if inner and isinstance(value, dict) else value
    return filled | {key: value for key, value in content.items() if key not in filled}


def _check_sources(content: dict) -> None:
    """Refuse a source of pairs and a source of scores that do not go together."""
    source, scores = content["source"], content["score_source"]
    allowed = {"demo": ("maps",), "pairs": ("maps", "table"), "emdb": ("maps", "published")}[source]
    if scores not in allowed:
        raise ValueError(f"score_source: {scores} does not go with source: {source}; expected {' or '.join(allowed)}")


def _check_addresses(archive: dict) -> None:
    """Refuse addresses that would be refused by every stage, and a contact that no request can bear."""
    for key in ("api", "graphql", "holdings", "maps", "models", "reports"):
        for base in [archive[key]] if isinstance(archive[key], str) else archive[key]:
            if is_url(base):
                try:
                    check_url(base.replace("{id}", "1abc"))
                except ValueError as err:
                    raise ValueError(f"archive.{key}: {err}") from err
    if not (archive["contact"].isascii() and archive["contact"].isprintable()):
        raise ValueError("archive.contact: expected letters, digits and signs of ASCII on one line")


def _check_ranges(content: dict) -> None:
    for section in ("fit", "catalogue"):
        lowest, highest = content[section]["lowest"], content[section]["highest"]
        if lowest > highest:
            raise ValueError(f"{section}: lowest {lowest:g} is above highest {highest:g}")


def _check_subsets(given: dict, columns: list[str]) -> None:
    from qscore import subsets

    subsets.check_columns(subsets.parse(given), columns)


def check_names(*paths: Path) -> None:
    """Refuse paths that the workflow's configuration, which is text, cannot hold."""
    for path in paths:
        if _NO_TEXT.search(str(path)):
            raise ValueError(f"{os.fsencode(path).decode('utf-8', 'replace')}: expected a name of UTF-8")


def kind(content: dict) -> str:
    """What a survey is of, in words: a results folder holds one kind."""
    pairs = {"demo": "the demonstration archive", "pairs": "a table of one's own", "emdb": "the archives"}
    scores = {"maps": "", "published": ", by published Q", "table": ", by the table's Q"}
    return pairs[content["source"]] + scores[content["score_source"]]


def take_snapshot(content: dict, results: Path) -> None:
    """Ask the archive for its catalogue anew, in place of the stored answer.

    Raises
    ------
    ValueError
        The survey is not one of the archives.
    ArchiveUnavailable
        The stored answer stays.
    """
    if content["source"] != "emdb":
        raise ValueError("--update is for surveys of the archives (source: emdb)")
    from qscore.doors import new_snapshot

    manners = {
        key: content["archive"][key] for key in ("contact", "read_seconds", "api_per_second", "patience_minutes")
    }
    chosen = {"query": content["catalogue"]["query"], "ids": content["catalogue"]["ids"]}
    try:
        new_snapshot(content["archive"]["api"], results / "snapshot", **chosen, manners=manners)
    except (ArchiveUnavailable, BadAnswer) as err:
        raise ArchiveUnavailable(f"{err} (the stored catalogue stays)") from err


def check_pairs(config: dict, pairs: Path | None, workflow: Path) -> None:
    """Read the table of one's own pairs before anything starts.

    Raises
    ------
    ValueError
        A table is needed and not given, cannot be used, or every row of it is left out.
    """
    if config["source"] != "pairs":
        if pairs:
            raise ValueError("--pairs needs a configuration with source: pairs, such as config/pairs.yaml")
        return
    if not pairs and not config.get("pairs"):
        raise ValueError("this configuration needs a table: --pairs TABLE")
    from qscore import catalogue, given

    table = pairs or workflow / config["pairs"]
    if config["score_source"] == "table":
        kept, excluded = given.pairs_of_table(table)
        _check_subsets(config["subsets"], [*ENTRIES.names, *given.read(table).beside.names])
    else:
        kept, excluded = catalogue.from_table(table)
    if not kept:
        raise ValueError(f"table {table}: every row is left out; the first: {excluded[0]['reason']}")


def outcome(results: Path) -> str:
    """How many pairs of a finished survey were scored, were not, and were left out."""
    from qscore import tables

    status = tables.read_parquet(results / "tables" / "entries.parquet", layout=STATUS)["status"]
    scored = status.count("scored")
    excluded = len(tables.read_tsv(results / "catalogue" / "excluded.tsv"))
    return f"{scored} pairs scored, {len(status) - scored} not scored, {excluded} left out"


def complaints(results: Path, since: float) -> list[str]:
    """What failed stages said: the last line of each log written since a time that begins with ``qscore: ``."""
    said = []
    for log in sorted((results / "logs").rglob("*.log")):
        if log.stat().st_mtime >= since:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            said += [
                f"{log.relative_to(results)}: {line.removeprefix('qscore: ')}"
                for line in lines[-1:]
                if line[:8] == "qscore: "
            ]
    return said


def command(
    workflow: Path, config: Path, overrides: dict[str, str], *, cores: str, dry_run: bool, more=()
) -> list[str]:
    """The Snakemake command of a survey."""
    parts = [sys.executable, "-m", "snakemake", *more, "--snakefile", str(workflow / "Snakefile")]
    parts += ["--configfile", str(config.resolve()), "--workflow-profile", str(workflow / "profiles" / "default")]
    parts += ["--cores", cores, "--rerun-incomplete"]
    if overrides:
        parts += ["--config", *(f"{key}={json.dumps(value)}" for key, value in overrides.items())]  # read as YAML
    return parts + (["--dry-run"] if dry_run else [])


def run(results: Path, snakemake: list[str], *, kind: str = "", before=None) -> int:
    """Run a survey in its results folder; Snakemake's exit code.

    Parameters
    ----------
    results : path
    snakemake : list of str
        The command.
    kind : str
        What the survey is of.
    before : callable, optional
        Called when the folder is this run's alone, before Snakemake looks.

    Raises
    ------
    qscore.runstate.Busy
        Another survey runs in the folder.
    ValueError
        The folder holds a survey of another kind.
    ArchiveUnavailable
        A stage gave up on a server or the disk; nothing is marked as failed.
    """
    door = runstate.lock_door(results)
    try:
        jobs = runstate.wait_for_jobs(results, say=lambda text: print(text, file=sys.stderr))
        runstate.check_own(results)
        runstate.check_kind(results, kind)
        runstate.sweep(results)
        if count := runstate.settle_times(results):
            print(
                f"{count} files were dated in the future (was the clock set back?): they count as old", file=sys.stderr
            )
        if before:
            before()
        environment = os.environ | {runstate.JOBS_LOCK: str(jobs.resolve())}
        options = {"cwd": results, "env": environment, "pass_fds": (door,)}
        if runstate.is_locked_by_snakemake(results):
            subprocess.run([*snakemake, "--unlock", "--quiet", "all"], check=False, **options)
        code = _supervise(subprocess.Popen(snakemake, **options), jobs, results)
    finally:
        os.close(door)
    if message := runstate.unavailable(results):
        raise ArchiveUnavailable(f"{message} (what was done is kept: the same command goes on)")
    return code


def _supervise(process: subprocess.Popen, jobs: Path, results: Path) -> int:
    """Wait for Snakemake; once a stage has given up on the network or the disk, let it start nothing more.

    Asked to end (SIGTERM) it lets running jobs end and starts no other; asked
    while its scheduler is at work it may never end, so it is killed when no
    job has been running for `SETTLING` seconds.
    """
    given_up = idle = None
    while True:
        try:
            return process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
            if given_up is None:
                given_up = now if runstate.unavailable(results) else None
            elif idle is None and now - given_up > SETTLING:
                process.terminate()
                idle = now
            elif idle is not None:
                idle = now if runstate.is_any_job_running(jobs) else idle
                if now - idle > SETTLING:
                    process.kill()
        except KeyboardInterrupt:
            process.wait()
            raise
