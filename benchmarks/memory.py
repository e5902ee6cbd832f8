"""Peak memory of scoring one entry with all scores, in multiples of the float32 box around its model.

    python benchmarks/memory.py [--only 256|512|1024]

Each case runs in a process of its own on one core. Base: resident once everything is imported, the compiled loops
loaded (a tiny pair was scored before) and the model read. Peak: the most that was resident while `score_pair` ran.
Asked: peak ≤ base + 4 boxes; with a model of 100 Å a peak of the whole process ≤ 350 MB in 512³, ≤ 500 MB in 1024³.
Generated maps at 1 Å: 256³ filled by its model, 512³ with a model of 100 Å (a box that weighs little: what is
read and transformed at a time weighs beside it) and of 200 Å. The file of 512³ has 537 MB of density; that of 1024³
has 4.3 GB, takes minutes to make and as much disk, and is made only when asked for.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Points, edge of the model in Å, atoms.
CASES = ((256, 248, 20_000), (512, 100, 20_000), (512, 200, 20_000), (1024, 100, 20_000))
MOST = {(512, 100): 350, (1024, 100): 500}  # MB of the process
HUGE = 1024  # points: only when asked for
RESOLUTIONS = (2.0, 3.0)  # Å, and voxels
ALLOWED = 4.0  # boxes


def status(key):
    """A figure of this process, MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(key)


def measured(map_path, model_path, resolution, contour, *, small):
    """Base, peak and box of one scoring, MB: of this process, which must be fresh."""
    from qscore import entry

    entry.score_pair(*small, resolution=resolution, contour=contour, chance=False)  # all code is loaded
    base, read = [], entry.read_model

    def read_model(*args, **options):
        model = read(*args, **options)
        base.append(status("VmRSS"))
        return model

    entry.read_model = read_model
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    start = time.perf_counter()
    pair = entry.score_pair(map_path, model_path, resolution=resolution, contour=contour, chance=False)
    seconds = time.perf_counter() - start
    if not pair.others.entry["cc_mask"] > 0:
        raise SystemExit("the model was not compared with the map")
    return {"base": base[0], "peak": status("VmHWM"), "box": pair.density.values.nbytes / 1e6, "seconds": seconds}


def case(points, edge, atoms, resolution):
    """One generated pair measured in a fresh process."""
    from made import write_pair

    with tempfile.TemporaryDirectory() as folder:
        paths = write_pair(folder, points=points, atoms=atoms, edge=edge, resolution=resolution)
        small = write_pair(folder, points=32, atoms=40, edge=16, resolution=resolution)
        told = [*map(str, paths[:2]), str(resolution), str(paths[2]), *map(str, small[:2])]
        run = subprocess.run(
            [sys.executable, __file__, "--measure", *told], check=True, stdout=subprocess.PIPE,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    return json.loads(run.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", type=int, choices=sorted({case[0] for case in CASES}), help="points along an axis")
    parser.add_argument("--measure", nargs=6, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        map_path, model_path, resolution, contour, *small = given.measure
        print(json.dumps(measured(map_path, model_path, float(resolution), float(contour), small=small)))
        return
    print("  map   model  resolution     base     peak      box  (peak - base) / box     time")
    for points, edge, atoms in CASES:
        wanted = points == given.only or (given.only is None and points != HUGE)
        for resolution in RESOLUTIONS[: 1 if points == HUGE else None] if wanted else ():
            found = case(points, edge, atoms, resolution)
            times = (found["peak"] - found["base"]) / found["box"]
            numbers = "".join(f"{found[key]:6.0f} MB" for key in ("base", "peak", "box"))
            over = "" if times <= ALLOWED else f"  over {ALLOWED:g}"
            most = MOST.get((points, edge))
            over += f"  peak asked {most} MB, got {found['peak']:.0f}" if most else ""
            what = f"{points:4d}³  {edge:4d} Å  {resolution:8.1f} Å"
            print(f"{what}{numbers}  {times:19.2f}{found['seconds']:7.1f} s{over}")


if __name__ == "__main__":
    main()
