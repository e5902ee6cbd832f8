"""Hours and gigabytes of a survey of the whole archive, on paper, from measured figures.

    python benchmarks/budget.py [--pairs 37000] [--cores 16] [--seconds-per-million-voxels 0.14] …

    CPU of a pair = MB unpacked × read + atoms × atom + million voxels of the box × voxel
    hours = max(network, CPU / cores, checks / transfers) + what is one job for the whole survey

The network is the slower of the line and, when given, of what a server sends on one connection × transfers. The second
look is fetched and computed like the first.
"""

import argparse
import math

# What was measured (RESULTS.md, 2026-11-22 and 23), each with its unit.
MEASURED = {
    "seconds-per-mb-unpacked": 0.0086,  # 256³, reading, unpacking and whole-map sums: 0.58 s of 67 MB
    "seconds-per-atom": 44e-6,  # all scores: the two entries of "Time by score", solved for both
    "seconds-per-million-voxels": 0.14,
    "seconds-per-mb-checked": 0.006,  # a 30 MB map brought with its check: 0.18 s more
    "seconds-per-job": 4.0,  # the two Snakemakes of a Slurm job, 1.9 s of CPU each, and `qscore`
    "seconds-per-second-look": 15.0,  # 256³, 20,000 atoms: 4 to 13 s of CPU
    "minutes-alone": 10.0,  # catalogue, plan, tables, fit, flag, report: one job each, and Snakemake
    "bytes-per-residue-row": 58.0,  # 575 MB of 10⁷ rows
}
# What is assumed of the archive.
ASSUMED = {
    "pairs": 37_000,
    "mb-packed": 54.0,  # 2 TB in all
    "mb-unpacked": 200.0,
    "atoms": 24_000,
    "residues": 3_000,
    "million-voxels": 3.4,  # a box of 150³
    "second-looks": 2_000,
    "pairs-per-batch": 39,  # batches of at most 56 are about 70 % full
    "cores": 16,  # of one machine or node
    "transfers": 4,  # `net`
    "mb-per-transfer": math.inf,  # what a server sends a second on one connection
    "jobs": 100,  # submitted at a time
    "gb-per-job": 4.6,
}
MACHINES = (1, 10, 100)
LINES = {"100 Mbit/s": 12.5, "1 Gbit/s": 125.0, "10 Gbit/s": 1250.0}  # MB a second


def work(a: dict) -> dict:
    """Core hours, hours of checks on one core, and gigabytes of a whole survey."""
    pair = (
        a["mb_unpacked"] * a["seconds_per_mb_unpacked"]
        + a["atoms"] * a["seconds_per_atom"]
        + a["million_voxels"] * a["seconds_per_million_voxels"]
    )
    looks = a["pairs"] + a["second_looks"]
    batches = math.ceil(looks / a["pairs_per_batch"])
    seconds = a["pairs"] * pair + a["second_looks"] * a["seconds_per_second_look"]
    return {
        "seconds a pair": pair,
        "batches": batches,
        "core hours": seconds / 3600,
        "core hours of starting jobs": 2 * batches * a["seconds_per_job"] / 3600,
        "core hours of checks": looks * a["mb_packed"] * a["seconds_per_mb_checked"] / 3600,
        "GB over the network": looks * a["mb_packed"] / 1000,
        "GB of a batch": a["pairs_per_batch"] * a["mb_packed"] / 1000,
        "GB of tables": a["pairs"] * a["residues"] * a["bytes_per_residue_row"] / 1e9,
    }


def at_a_time(a: dict, machines: int) -> int:
    """Jobs that compute: one a core; on a cluster no more than are submitted."""
    return min(machines * a["cores"], a["jobs"]) if machines > 1 else a["cores"]


def hours(a: dict, needed: dict, *, machines: int, line: float) -> tuple[float, str]:
    """Hours of a survey, and what takes them."""
    rate = min(line, a["transfers"] * a["mb_per_transfer"])
    jobs = at_a_time(a, machines)
    starting = needed["core hours of starting jobs"] if machines > 1 else 0.0
    shares = {
        "network": 1000 * needed["GB over the network"] / rate / 3600,
        "CPU": (needed["core hours"] + starting) / jobs,
        "checks": needed["core hours of checks"] / a["transfers"],
    }
    slowest = max(shares, key=shares.get)
    return shares[slowest] + a["minutes_alone"] / 60, slowest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for key, value in (ASSUMED | MEASURED).items():
        parser.add_argument(f"--{key}", type=type(value), default=value)
    a = vars(parser.parse_args())
    needed = work(a)
    for what, value in needed.items():
        print(f"{what}: {value:,.1f}")
    columns = [f"machines of {a['cores']} cores", "jobs", *LINES, "memory asked", "maps on the disk, at most"]
    print("", "| " + " | ".join(columns) + " |", "|---" * len(columns) + "|", sep="\n")
    for machines in MACHINES:
        jobs = at_a_time(a, machines)
        cells = [hours(a, needed, machines=machines, line=line) for line in LINES.values()]
        waiting = jobs if machines > 1 else jobs + a["transfers"]
        row = [str(machines), str(jobs), *(f"{value:.1f} h ({why})" for value, why in cells)]
        row += [f"{jobs * a['gb_per_job']:.0f} GB", f"{waiting * needed['GB of a batch']:.0f} GB"]
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
