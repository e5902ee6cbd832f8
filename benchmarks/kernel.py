"""Time of the scoring kernel an atom, beside a plain loop of 168 trilinear reads an atom in the same run.

    python benchmarks/kernel.py [MAP MODEL]

Without arguments: 6gyn in EMD-0093 of the real data (QSCORE_REAL_DATA), or, without that, a synthetic pair.
Both run on one core; the fastest of several runs counts, the ratio is what to quote.
"""

import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from numba import njit

from qscore.density import read_density
from qscore.model import read_model
from qscore.probes import directions
from qscore.score import score_atoms

RUNS = 7


@njit(nogil=True)
def reference(values, origin, step, positions, vectors):
    """The sum of 21 x 8 trilinear reads around each atom, without any rule."""
    total = 0.0
    nz, ny, nx = values.shape
    for n in range(len(positions)):
        for shell in range(21):
            for u in range(8):
                fx = (positions[n, 0] + 0.1 * shell * vectors[u, 0] - origin[0]) / step[0]
                fy = (positions[n, 1] + 0.1 * shell * vectors[u, 1] - origin[1]) / step[1]
                fz = (positions[n, 2] + 0.1 * shell * vectors[u, 2] - origin[2]) / step[2]
                i, j, k = int(fx), int(fy), int(fz)
                if i < 0 or j < 0 or k < 0 or i >= nx - 1 or j >= ny - 1 or k >= nz - 1:
                    continue
                fx, fy, fz = fx - i, fy - j, fz - k
                v = 0.0
                for dz in range(2):
                    for dy in range(2):
                        for dx in range(2):
                            w = (fx if dx else 1 - fx) * (fy if dy else 1 - fy) * (fz if dz else 1 - fz)
                            v += w * values[k + dz, j + dy, i + dx]
                total += v
    return total


def pair():
    """Paths of map and model, and what they are: of the real data, or made up."""
    data = Path(os.environ.get("QSCORE_REAL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if (data / "pairs" / "6gyn.pdb").is_file():
        return data / "pairs" / "emd_0093_masked.mrc.gz", data / "pairs" / "6gyn.pdb", "6gyn in EMD-0093"
    from qscore.demo import build_archive

    folder = Path(tempfile.mkdtemp()) / "archive"
    entry = build_archive(folder, only=["EMD-990009"])[0]
    found = [next(folder.rglob(pattern)) for pattern in ("*.map.gz", "*.cif.gz")]
    return *found, f"synthetic {entry['emdb_id']}"


def fastest(function, *arguments):
    """Least CPU time of this thread over several runs, seconds."""
    function(*arguments)
    times = []
    for _ in range(RUNS):
        start = time.thread_time()
        function(*arguments)
        times.append(time.thread_time() - start)
    return min(times)


def main():
    map_path, model_path, what = (*sys.argv[1:], "the given pair") if len(sys.argv) == 3 else pair()
    model = read_model(model_path)
    density = read_density(map_path, model.position)
    atoms = model.position[density.contains(model.position)]
    origin = density.origin + density.offset * density.step
    score = fastest(score_atoms, density, atoms) / len(atoms) * 1e6
    plain = fastest(reference, density.values, origin, density.step, atoms, directions(8)) / len(atoms) * 1e6
    machine = f"{platform.processor() or platform.machine()}, Python {platform.python_version()}"
    print(f"{what}: {len(atoms):,} atoms; one core of {machine}")
    print(f"score_atoms (neighbours, mask, both sigma)   {score:7.2f} µs an atom")
    print(f"168 trilinear reads an atom                  {plain:7.2f} µs an atom")
    print(f"ratio                                        {score / plain:7.2f}")


if __name__ == "__main__":
    main()
