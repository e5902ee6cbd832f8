"""Do the tests notice when the code is wrong? Mutation testing of six modules, with mutmut 3.

    python -m venv mutants-venv
    mutants-venv/bin/pip install "mutmut==3.8.1" -e ".[test]"
    mutants-venv/bin/python benchmarks/mutants.py [MODULE ...] [--again] [--table] [--work FOLDER]

mutmut makes one small change at a time (a + becomes a -, a number one more, an argument None) and runs those of the
module's tests that reach the changed function, quickest first, until one fails: then the mutant is killed. It works
in a copy of the project, one for each module, under --work (default `results/mutants`, which git does not know); a
run that was stopped goes on where it was. Printed in the end: how many mutants were killed, and the rest as diffs.
`--again` runs those that survived once more, as is needed after a change of the tests (after a change of the code,
mutmut knows by itself what to run again); `--table` runs nothing. The last results are in `mutants.md`.

What is not changed: constants, defaults of dataclasses and whatever else stands outside of functions. mutmut passes
over functions with decorators; the copy has these behind the function (`f = property(f)`), so that they are changed
too, and no `cache`: which tests call a function is found out in one process.
"""

import argparse
import ast
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
TESTS = {
    "score": ("test_score", "test_twin"),
    "regression": ("test_regression", "test_lines", "test_relation", "test_resampling"),
    "outliers": ("test_outliers",),
    "probes": ("test_score", "test_twin"),
    "regions": ("test_regions",),
    "density": ("test_density",),
}
# Tests of seconds each, which say no more of these modules than the others, and those that start a Python of their own.
SLOW = (
    "a_gaussian_atom_scores_one",
    "p_of_a_known_law",
    "of_the_archive",
    "clean_archives_carry",
    "a_reference_flags_where",
    "centre_and_scale_are_the_planted",
    "do_not_hide_each_other",
    "any_number_of_processes",
    "theil_sen",
    "mutants_are_caught",
)
SETTINGS = """[mutmut]
source_paths=qscore
only_mutate=qscore/{module}.py
process_isolation=forkserver
timeout_multiplier=4
timeout_constant=4
use_git_change_detection=false
pytest_add_cli_args=
    -p
    no:cacheprovider
    -p
    no:randomly
pytest_add_cli_args_test_selection=
{selection}
"""
# What takes a second and would be done anew for every mutant: done once, in the process they are forked from.
WARM = """

import pyarrow.parquet
import scipy.optimize
import scipy.stats

from qscore.compiled import loops

loops()
"""
DECORATORS = ("cache", "property", "contextmanager")
LEFT = ("survived", "no tests")
COPIED = ("qscore", "tests", "pyproject.toml")


def undecorated(source: str) -> str:
    """The same module, its decorators applied behind the functions, where mutmut does not mind them."""
    lines = source.split("\n")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.FunctionDef) or len(node.decorator_list) != 1:
            continue
        decorator = node.decorator_list[0]
        if isinstance(decorator, ast.Name) and decorator.id in DECORATORS:
            lines[decorator.lineno - 1] = ""
            if decorator.id != "cache":
                lines[node.end_lineno - 1] += f"\n{' ' * node.col_offset}{node.name} = {decorator.id}({node.name})"
    return "\n".join(lines)


def prepare(module: str, folder: Path) -> None:
    """The project's copy; files that have not changed since the last run stay as they are, and results with them."""
    for name in COPIED:
        for path in [PROJECT / name] if (PROJECT / name).is_file() else sorted((PROJECT / name).rglob("*")):
            if path.is_dir() or "__pycache__" in path.parts:
                continue
            target, content = folder / path.relative_to(PROJECT), path.read_bytes()
            if path == PROJECT / "qscore" / f"{module}.py":
                content = undecorated(content.decode()).encode()
            elif path.name == "conftest.py":
                content += WARM.encode()
            if not target.is_file() or target.read_bytes() != content:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
    shutil.rmtree(folder / "mutants" / "tests", ignore_errors=True)  # mutmut adds files, and takes none away
    chosen = [f"tests/{name}.py" for name in TESTS[module]]
    chosen += ["-m", "not slow and not real", "-k", " and ".join(f"not {name}" for name in SLOW)]
    selection = "\n".join(f"    {word}" for word in chosen)
    settings = SETTINGS.format(module=module, selection=selection)
    if not (folder / "setup.cfg").is_file() or (folder / "setup.cfg").read_text() != settings:
        (folder / "setup.cfg").write_text(settings)


def mutmut(folder: Path, *arguments: str) -> None:
    """mutmut in a module's copy."""
    # one process at a time: several threads each would only get in each other's way
    told = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    subprocess.run([sys.executable, "-m", "mutmut", *arguments], cwd=folder, env=told, check=False)


def data_of(module: str, folder: Path):
    """What mutmut has noted of a module's mutants."""
    from mutmut.mutation.data import SourceFileMutationData

    os.chdir(folder)
    data = SourceFileMutationData(path=f"qscore/{module}.py")
    data.load()
    return data


def states(data) -> dict[str, str]:
    """Mutant → killed, survived, timeout, no tests, …"""
    from mutmut.stats import status_by_exit_code

    return {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}


def forget_survivors(data) -> None:
    """Survivors become mutants that have not been run."""
    left = [name for name, state in states(data).items() if state in LEFT]
    if left:
        data.exit_code_by_key |= dict.fromkeys(left)
        data.save()


def diff(name: str, folder: Path) -> str:
    """What a mutant changes."""
    from mutmut.configuration import reset_config
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    os.chdir(folder)
    reset_config()
    return f"# {name}\n{get_diff_for_mutant(name).strip()}\n"


def row(module: str, found: dict[str, str]) -> str:
    """A line of the table. A mutant that no test reaches has survived."""
    count = Counter(found.values())
    killed = count["killed"] + count["segfault"] + count["suspicious"]
    unknown = count["not checked"] + count["check was interrupted by user"]
    survived = len(found) - killed - count["timeout"] - unknown
    share = (killed + count["timeout"]) / max(len(found) - unknown, 1)
    late = f"  ({unknown} not run)" if unknown else ""
    return f"| {module} | {len(found)} | {killed} | {count['timeout']} | {survived} | {100 * share:.1f} % |{late}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help=f"of {', '.join(TESTS)}; all when not given")
    parser.add_argument("--again", action="store_true", help="run those that survived once more")
    parser.add_argument("--table", action="store_true", help="run nothing, print the results there are")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at once")
    parser.add_argument("--work", type=Path, default=PROJECT / "results" / "mutants", help="folder of the copies")
    given = parser.parse_args()
    if unknown := set(given.modules) - set(TESTS):
        parser.error(f"{', '.join(sorted(unknown))}: not one of {', '.join(TESTS)}")
    table, rest = [], []
    for module in given.modules or TESTS:
        folder = given.work.resolve() / module
        if not given.table:
            prepare(module, folder)
            if given.again:
                forget_survivors(data_of(module, folder))
            mutmut(folder, "run", "--max-children", str(given.jobs))
        found = states(data_of(module, folder))
        table.append(row(module, found))
        rest += [(folder, name) for name, state in found.items() if state in LEFT]
    for folder, name in rest:
        print(diff(name, folder))
    print(
        "| module | mutants | killed | timed out | survived | share |",
        "|---|---:|---:|---:|---:|---:|",
        *table,
        sep="\n",
    )


if __name__ == "__main__":
    main()
