"""How often ligands are flagged: made-up surveys, clean and with planted low ones, under five laws of the noise.

    python benchmarks/ligand_ranks.py [--surveys 50] [--entries 500] [--seed 20270101]

For each law and share of planted ligands: the share of surveys with any flag, false ones among the flags, planted
ones found (means over surveys, with the 95 % interval of the mean). The laws are fixed here and know nothing of the
method: normal; skewed (a gamma law of shape 2, low side); Student's t with 4 degrees of freedom, and with 3, which is
beyond what the bound on the tail promises; and normal with a deviation of the site that all ligands of an entry share.
Scale and level change with the resolution, the waters of an entry are many in few entries. Waters are adjusted by
themselves: a clean survey holds two families, and any flag in one of ten is nominal. Seeds from 0 and from 20261129 on
were looked at while the tail was chosen.
"""

import argparse

import numpy as np

from qscore.ligandranks import CLASSES, adjusted, rank

PLANTED = ((0.0, 0.0), (0.005, 5.0), (0.005, 8.0), (0.005, 12.0), (0.02, 8.0))  # share, standard deviations
LAWS = ("normal", "skewed", "t4", "t3", "shared")


def noise(law, rng, entry, entries):
    m = len(entry)
    if law == "skewed":
        return -(rng.gamma(2, 1, m) - 2) / np.sqrt(2)
    if law in ("t4", "t3"):
        freedom = int(law[1])
        return rng.standard_t(freedom, m) / np.sqrt(freedom / (freedom - 2))
    if law == "shared":
        return np.sqrt(0.5) * (rng.normal(size=m) + rng.normal(size=entries)[entry])
    return rng.normal(size=m)


def survey(law, rng, entries, planted):
    """Columns that `rank` asks for, and which ligands are planted."""
    resolution = np.round(rng.uniform(1.8, 5.0, entries), 2)
    counts = np.stack(
        [rng.geometric(0.25, entries) for _ in range(3)] + [np.exp(rng.normal(1, 2, entries)).astype(int)]
    )
    counts[3] = np.where(resolution < 3.2, np.minimum(counts[3], 2000), 0)
    entry = np.concatenate([np.repeat(np.arange(entries), row) for row in counts])
    kind = np.repeat(CLASSES, counts.sum(axis=1))
    share, by = planted
    bad = rng.uniform(size=len(entry)) < share
    scale = 0.03 + 0.02 * resolution[entry]
    dq = -0.02 * resolution[entry] + scale * (noise(law, rng, entry, entries) - by * bad)
    n_atoms = np.where(np.isin(kind, ("ion", "water")), 1, rng.choice([6, 14, 28, 60], len(entry)))
    columns = {"class": kind, "n_atoms": n_atoms, "dq_site": dq, "resolution": resolution[entry], "entry": entry}
    return columns, bad


def campaign(law, planted, surveys, entries, seed=0):
    """Rows of: any flag, share of flags that are false, share of the planted that are found."""
    rows = []
    for one in range(surveys):
        columns, bad = survey(law, np.random.default_rng([seed + one, LAWS.index(law)]), entries, planted)
        hit = adjusted(columns["class"], rank(columns).p) <= 0.05
        rows.append((hit.any(), (hit & ~bad).sum() / max(1, hit.sum()), (hit & bad).sum() / max(1, bad.sum())))
    return np.array(rows, dtype=float)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--surveys", type=int, default=50)
    parser.add_argument("--entries", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20270101)
    given = parser.parse_args()
    print(f"{given.surveys} surveys of {given.entries} entries; nominal false discovery rate 0.05")
    print("law      planted  by SD   any flag        false            found")
    for law in LAWS:
        for planted in PLANTED:
            found = campaign(law, planted, given.surveys, given.entries, given.seed)
            half = 1.96 * found.std(axis=0, ddof=1) / np.sqrt(len(found))
            cells = "  ".join(f"{m:.3f} ± {h:.3f}" for m, h in zip(found.mean(axis=0), half, strict=True))
            print(f"{law:8s} {planted[0]:7.3f} {planted[1]:6.0f}   {cells}", flush=True)


if __name__ == "__main__":
    main()
