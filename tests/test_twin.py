"""The package against the literal twin, and mutants of the package that the twin must catch."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from agreement import TOLERANCE, differences
from pairs import write_pair

from qscore import tables

TESTS = Path(__file__).parent


def test_twin_imports_nothing_of_the_package():
    tree = ast.parse((TESTS / "naive.py").read_text())
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module.split(".")[0])
    assert modules - set(sys.stdlib_module_names) == {"numpy"}


@pytest.mark.parametrize("seed", range(4))
def test_agrees_on_random_pairs(tmp_path, seed):
    worst, same = differences(*write_pair(tmp_path, seed=seed, n=60))
    assert same
    assert worst <= TOLERANCE


def test_agrees_beside_clashing_atoms(tmp_path):
    """Atoms nearer than 0.87 Å: a point lost at one radius may come back at a larger one."""
    from pairs import random_atoms, smooth_map, write_map, write_model

    rng = np.random.default_rng(5)
    values = smooth_map(rng)
    write_map(tmp_path / "m.map", values, step=1.0)
    atoms = random_atoms(rng, np.full(3, 8.0), np.full(3, 16.0), 30, spacing=0.15)
    write_model(tmp_path / "m.pdb", np.round(atoms, 3))
    worst, same = differences(tmp_path / "m.map", tmp_path / "m.pdb")
    assert same
    assert worst <= TOLERANCE


@pytest.mark.real
@pytest.mark.parametrize("number", range(11))
def test_agrees_on_real_pairs(real_data, number):
    row = tables.read_tsv(real_data / "pairs.tsv")[number]
    which = np.sort(np.random.default_rng(number).choice(1200, 25, replace=False))
    worst, same = differences(real_data / row["map"], real_data / row["model"], which=which)
    assert same
    assert worst <= TOLERANCE


MUTANTS = {
    "exclusion 0.89": ("probes.py", "exclusion: float = 0.9\n", "exclusion: float = 0.89\n"),
    "7 points": ("probes.py", "points: int = 8\n", "points: int = 7\n"),
    "more than 8 points": ("kernel.py", "if n >= points:", "if n > points:"),
    "other alternate location": ("model.py", "lowest[position] = min(", "lowest[position] = max("),
    "outside is not 0": ("kernel.py", "return 0.0, OUTSIDE", "return 0.5, OUTSIDE"),
    "not a mutant": ("kernel.py", "if n >= points:", "if points <= n:"),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutants_are_caught(tmp_path, project, name):
    """Each rule changed in a copy of the source: the comparison with the twin notices."""
    file, old, new = MUTANTS[name]
    shutil.copytree(project / "qscore", tmp_path / "qscore", ignore=shutil.ignore_patterns("__pycache__"))
    source = tmp_path / "qscore" / file
    text = source.read_text()
    assert text.count(old) == 1
    source.write_text(text.replace(old, new))
    pair = write_pair(tmp_path / "pair", seed=3, n=30)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_DISABLE_JIT": "1"}
    run = subprocess.run(
        [sys.executable, str(TESTS / "agreement.py"), *map(str, pair)], env=environment, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stderr == ""
    assert run.returncode == (0 if name == "not a mutant" else 1), run.stdout
