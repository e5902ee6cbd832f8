"""Time of one entry by score: where the time goes that all scores of a pair take.

    python benchmarks/scores.py [--threads 1 2] [MAP MODEL RESOLUTION]

Without arguments: 6gyn in EMD-0093 of the real data (QSCORE_REAL_DATA), or, without that, a synthetic pair; then a
generated map of 256³ with 20,000 atoms at 3 Å. The fastest of seven runs after a first one, by wall time. Clocks stand
around the functions named in `STAGES`; time inside another named function counts there, what is in none is "the rest".
Stages are those of the main thread and sum to the whole, files to tables: wall and processor time of each, the latter
of all threads. Below stands the budget in processor time of one thread: the map decompressed, 6 µs an atom for Q, 30
for the other scores, and three transforms of the padded box, full of noise, by SciPy. These are timed in turns with the
runs, and the fastest counts. Asked is that on two cores, by wall time, which means little where others work, too.
"""

import argparse
import os
import platform
import tempfile
import time
from contextlib import contextmanager

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from clock import Clock
from entry import written
from isal import igzip
from kernel import pair
from made import write_pair
from scipy import fft

from qscore import entry, modelmap, realspace, tables, wholemap

LARGE = {"points": 256, "edge": 248, "atoms": 20_000, "resolution": 3.0}
WHAT = "wall", "CPU"
RUNS = 7
STAGES = (
    ("reading and decompressing", (entry, "read_box")),
    ("whole-map sums", (wholemap.Passing, "begin"), (wholemap.Passing, "add"), (wholemap.Passing, "result")),
    ("model", (entry, "read_model")),
    ("neighbours and Q", (entry, "score_atoms")),
    ("means of Q by chain, class, residue", (entry, "_summary"), (entry.PairScore, "residues")),
    ("density at atoms, inclusion", (realspace, "at_atoms"), (realspace, "_at_atoms"), (realspace, "_contrast"),
     (realspace, "_inclusions"), (realspace, "inclusion_curve"), (realspace, "_by_chain"), (realspace, "_by_residue"),
     (realspace, "surrogate_level")),
    ("writing", (tables, "write_parquet")),
    ("molecular mask", (realspace, "molecular_mask")),
    ("mask of the FSC", (modelmap, "soft_mask")),
    ("terms of the map", (modelmap, "masked_terms")),
    ("simulation, {}", (modelmap, "simulate_terms")),
    ("map-model FSC, {}", (modelmap, "_shells"), (modelmap, "crossing")),
    ("fit of B", (modelmap, "best_b")),
    ("simulated map from its terms, {}", (modelmap, "_map_of")),
    ("correlations, {}", (modelmap, "_correlations")),
    ("local correlations", (modelmap, "_local")),
)  # fmt: skip


class Comparing(Clock):
    """A clock that tells the two comparisons with a simulated map apart: B flat and as deposited."""

    def __init__(self):
        self.which = "flat"
        super().__init__()

    def named(self, stage):
        """With the comparison that is under way."""
        return stage.format(self.which)

    def comparing(self, function):
        """The comparison with a simulated map, which is made twice: B flat and as deposited."""

        def told(*args, **options):
            self.which = "flat B" if options["fit"] else "deposited B"
            return function(*args, **options)

        return told


@contextmanager
def clocked():
    """Clocks around all stages."""
    clock, kept = Comparing(), []
    changes = [(place, name, clock.around(stage, getattr(place, name))) for stage, *of in STAGES for place, name in of]
    changes.append((modelmap, "agreement", clock.comparing(modelmap.agreement)))
    for place, name, function in changes:
        kept.append((place, name, vars(place)[name]))
        setattr(place, name, staticmethod(function) if isinstance(vars(place)[name], classmethod) else function)
    try:
        yield clock
    finally:
        for place, name, function in kept:
            setattr(place, name, function)


def breakdown(map_path, model_path, resolution, contour, threads):
    """Seconds (wall, CPU) by stage of the fastest of some scorings after the first, their total; what is asked."""
    told = {"resolution": resolution, "contour": contour, "chance": False, "threads": threads}
    runs, asked = [], []
    with tempfile.TemporaryDirectory() as folder:
        scored = entry.score_pair(map_path, model_path, **told)
        written(scored, folder)
        frame = modelmap.frame_of(scored.density, scored.model.position, resolution)
        noise = np.random.default_rng(1).standard_normal(frame.padded, dtype=np.float32)
        for _ in range(RUNS):  # in turns, as a machine in use by others is not as fast all the time
            with clocked() as clock:
                start = clock.last
                scored = entry.score_pair(map_path, model_path, **told)
                written(scored, folder)
                clock.switch()
            runs.append((dict(clock.seconds), clock.last - start))
            asked.append((seconds_of(decompress, map_path), seconds_of(fft.rfftn, noise)))
    return *min(runs, key=lambda run: run[1][0]), scored, budget(scored, frame, *map(min, zip(*asked, strict=True)))


def seconds_of(function, *arguments):
    """Processor time of a call."""
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


def decompress(map_path):
    with igzip.open(map_path, "rb") as stream:
        while stream.read(1 << 20):
            pass


def budget(scored, frame, decompressed, transform) -> dict[str, float]:
    """What is asked, in seconds, by part."""
    atoms, words = len(scored.model), f"three transforms of {' x '.join(map(str, frame.padded[::-1]))} points"
    return {
        "decompressing": decompressed, "Q, 6 µs an atom": 6e-6 * atoms,
        "other scores, 30 µs an atom": 30e-6 * atoms, words: 3 * transform,
    }  # fmt: skip


def compared(asked, total):
    """The budget, line by line, and what was got."""
    for part, seconds in asked.items():
        print(f"  asked: {part:49s}{1e3 * seconds:9.1f} ms")
    whole, transform = sum(asked.values()), list(asked.values())[-1] / 3
    print(f"  asked {1e3 * whole:.1f} ms; got", end=" ")
    print(
        "; ".join(f"{1e3 * got:.1f} ms {what}, {got / whole:.2f} of it" for got, what in zip(total, WHAT, strict=True))
    )
    print(f"  all CPU time is worth {total[1] / transform:.1f} transforms")


def printed(what, seconds, total, scored, threads):
    atoms = len(scored.model)
    box = " x ".join(map(str, scored.density.values.shape[::-1]))
    print(f"{what}: {atoms:,} atoms, box {box}, threads: {threads}")
    rest = seconds.pop("the rest")
    for stage, spent in [*sorted(seconds.items(), key=lambda item: -item[1][1]), ("the rest", rest), ("all", total)]:
        wall, cpu = 1e3 * spent
        share = 100 * cpu / (1e3 * total[1])
        print(f"  {stage:42s}{wall:9.1f} ms{cpu:9.1f} ms of CPU{1e3 * cpu / atoms:8.2f} µs an atom{share:6.1f} %")


def cases(pair_given, folder):
    """What is measured: words, map, model, resolution, contour level."""
    if pair_given:
        map_path, model_path, resolution = pair_given
        yield "the given pair", map_path, model_path, float(resolution), None
        return
    map_path, model_path, what = pair()
    yield what, map_path, model_path, 3.4, 0.05
    map_path, model_path, contour = write_pair(folder, **LARGE)
    yield f"generated, {LARGE['points']}³", map_path, model_path, LARGE["resolution"], contour


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pair", nargs="*", metavar="MAP MODEL RESOLUTION")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    given = parser.parse_args()
    if len(given.pair) not in (0, 3):
        parser.error("expected MAP MODEL RESOLUTION, or nothing")
    print(f"{os.cpu_count()} cores of {platform.processor() or platform.machine()}, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        for what, *told in cases(given.pair, folder):
            for threads in given.threads:
                seconds, total, scored, asked = breakdown(*told, threads)
                printed(what, seconds, total, scored, threads)
                compared(asked, total)


if __name__ == "__main__":
    main()
