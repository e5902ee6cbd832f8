"""The same numbers on the oldest and the newest supported numpy and pandas.

    python benchmarks/versions.py [--only oldest] [--python python3.13] [--keep FOLDER] [TEST ...]

Makes a virtual environment for each set of `SETS` with the project and pip's choice of everything else, and runs the
frozen survey (`tests/test_frozen.py`: its tables column by column, to 10⁻⁶) and the tests of tables, scores and fits,
or those named. Warnings from the package are errors; those of other packages are printed, once each. Needs pip's
index, or a folder of wheels (PIP_FIND_LINKS).
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
SETS = {"oldest": ("numpy==2.0.*", "pandas==2.2.*"), "newest": ("numpy", "pandas")}
TESTS = ("test_frozen", "test_golden", "test_tables", "test_survey", "test_score", "test_twin", "test_regression",
         "test_relation", "test_resampling", "test_curve", "test_lines", "test_outliers", "test_regions", "test_draws",
         "test_given", "test_archive_table", "test_rivals", "test_otherscores", "test_figures")  # fmt: skip
SHOWN = ("numpy", "pandas", "scipy", "numba", "pyarrow", "statsmodels", "matplotlib", "seaborn")
WARNINGS = "default\nerror:::qscore(\\..*)?"


def environment(folder: Path, packages: tuple[str, ...], python: str) -> Path:
    """The interpreter of a new virtual environment with the project and these packages."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    found = folder / "bin" / "python"
    pip = [found, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *packages, f"{PROJECT}[test,build]"], check=True)
    subprocess.run([found, "-m", "pip", "uninstall", "--quiet", "--yes", "qscore"], check=True)  # the tree is tested
    return found


def told(python: Path) -> str:
    """Python's and the packages' versions."""
    code = "import sys; from importlib.metadata import version as of; "
    code += "print(sys.version.split()[0], *(f'{name} {of(name)}' for name in sys.argv[1:]))"
    done = subprocess.run([python, "-c", code, *SHOWN], check=True, capture_output=True, text=True)
    return "Python " + done.stdout.strip()


def tested(python: Path, folder: Path, tests: list[str]) -> tuple[int, str]:
    """Exit code of the tests and what is to be said of them."""
    files = [f"tests/{name}.py" for name in tests]
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", f"filterwarnings={WARNINGS}"]
    place = {"PYTHONPATH": str(PROJECT), "XDG_CACHE_HOME": str(folder / "cache")}
    done = subprocess.run(
        [*command, *files], cwd=PROJECT, env=os.environ | place,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    warned = sorted({line.strip() for line in lines if re.search(r"\w+Warning: ", line)})
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return done.returncode, "\n".join(["  " + line for line in (*failed, *warned, *lines[-1:])])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tests", nargs="*", default=TESTS, help="Names of test files.")
    parser.add_argument("--only", choices=SETS)
    parser.add_argument("--python", default=sys.executable, help="The interpreter of the environments.")
    parser.add_argument("--keep", type=Path, help="A folder for the environments.")
    chosen = parser.parse_args()
    worst = 0
    with tempfile.TemporaryDirectory() as temporary:
        for name in [chosen.only] if chosen.only else SETS:
            folder = (chosen.keep or Path(temporary)).resolve() / name
            python = folder / "bin" / "python"
            if not python.exists():
                python = environment(folder, SETS[name], chosen.python)
            print(f"{name}: {told(python)}", flush=True)
            code, text = tested(python, folder, list(chosen.tests))
            print(text, flush=True)
            worst = max(worst, code)
    sys.exit(worst)


if __name__ == "__main__":
    main()
