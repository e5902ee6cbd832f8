"""What users wait for, beside what bounds it, in one run: `make bench` (pytest-benchmark prints ratios in each group).

Real data (QSCORE_REAL_DATA) where there is some: 6gyn in EMD-0093; else a synthetic pair. Each group begins with a
floor that no program goes below: plain reads of the map, bare decompression.
"""

import subprocess
import sys

import kernel
import numpy as np
import pytest
from isal import igzip

from qscore.density import read_density
from qscore.entry import score_pair
from qscore.model import read_model
from qscore.probes import cell_list, directions
from qscore.score import score_atoms


@pytest.fixture(scope="module")
def paths():
    sys.argv = sys.argv[:1]
    found = kernel.pair()
    return found[:2]


@pytest.fixture(scope="module")
def model(paths):
    return read_model(paths[1])


@pytest.fixture(scope="module")
def density(paths, model):
    return read_density(paths[0], model.position)


@pytest.fixture(scope="module")
def atoms(density, model):
    return np.ascontiguousarray(model.position[density.contains(model.position)])


def per_atom(benchmark, atoms):
    benchmark.extra_info["µs an atom"] = round(benchmark.stats.stats.min / len(atoms) * 1e6, 2)


@pytest.mark.benchmark(group="kernel")
def test_168_plain_reads_an_atom(benchmark, density, atoms):
    origin = density.origin + density.offset * density.step
    benchmark(kernel.reference, density.values, origin, density.step, atoms, directions(8))
    per_atom(benchmark, atoms)


@pytest.mark.benchmark(group="kernel")
@pytest.mark.parametrize("threads", [1, 2])
def test_q_of_all_atoms(benchmark, density, atoms, threads):
    benchmark(score_atoms, density, atoms, threads=threads)
    per_atom(benchmark, atoms)


@pytest.mark.benchmark(group="kernel")
def test_neighbour_search(benchmark, atoms):
    """Cells; the rest of it is within the kernel."""
    benchmark(cell_list, atoms)
    per_atom(benchmark, atoms)


@pytest.mark.benchmark(group="reading")
def test_bare_decompression(benchmark, paths):
    def decompress():
        opened = igzip.open if str(paths[0]).endswith(".gz") else open
        with opened(paths[0], "rb") as stream:
            while stream.read(1 << 20):
                pass

    benchmark(decompress)


@pytest.mark.benchmark(group="reading")
def test_map_read(benchmark, paths, model):
    benchmark(read_density, paths[0], model.position)


@pytest.mark.benchmark(group="entry")
def test_model_read(benchmark, paths):
    benchmark(read_model, paths[1])


@pytest.mark.benchmark(group="entry")
def test_q_alone(benchmark, paths):
    benchmark.pedantic(score_pair, paths, rounds=3, warmup_rounds=1)


@pytest.mark.benchmark(group="entry")
def test_all_scores(benchmark, paths):
    benchmark.pedantic(score_pair, paths, {"resolution": 3.4, "contour": 0.02}, rounds=3, warmup_rounds=1)


STARTS = {
    "bare Python": "pass",
    "numpy": "import numpy",
    "qscore --help": "import sys; sys.argv = ['qscore', '--help']; from qscore.__main__ import run; run()",
    "ready to score": "import qscore.batch as b; b.loops()",
}


@pytest.mark.benchmark(group="start")
@pytest.mark.parametrize("what", STARTS)
def test_start(benchmark, what):
    command = [sys.executable, "-c", STARTS[what]]
    benchmark.pedantic(subprocess.run, [command], {"capture_output": True, "check": True}, rounds=5, warmup_rounds=1)
