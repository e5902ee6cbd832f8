"""What the program ships for regions of single pairs and small surveys: a null of the scan, and residue offsets.

    python benchmarks/scan_null.py [PAIRS.tsv]

Writes `qscore/shipped/scan_null.parquet`, from simulated chains, and with a table of real pairs (columns emdb_id,
pdb_id, resolution, map, model; paths relative to it) `qscore/shipped/offsets.json`, fitted to them; then prints the p
that the null gives the pairs' chains. The same call gives the same bytes.

The chains are simulated, not measured: an archive's residues are needed for better. They span what 11 real pairs
show (autocorrelation 0–0.75 at lag 1, falling at once or over tens of residues; skewness −3 to +1; chains of an entry
that differ a little), in four kinds: an autoregression driven by skewed noise; a slow wave with white noise, skewed
as a whole; the same with skew in the white part alone; helices, strands and loops of levels of their own.
"""

import csv
import sys
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from qscore import copies, entry, offsets, regions, scan, scannull, tables

CHAINS, SEED = 10_000, 2026
SHIPPED = Path(scannull.SHIPPED).parent
WORDS = "the shipped table of simulated chains"


def skewed(normal, skew):
    """Standard normal values → a shifted lognormal law of that skewness, mean 0 and variance 1."""
    if abs(skew) < 0.02:
        return normal
    grid = np.linspace(0.005, 1.2, 2000)
    w = np.exp(grid**2)
    s = np.interp(abs(skew), (w + 2) * np.sqrt(w - 1), grid)
    w = np.exp(s * s)
    return np.sign(skew) * (np.exp(np.sign(skew) * s * normal) - np.sqrt(w)) / np.sqrt(w * (w - 1))


def wave(rng, n, decay, law=None):
    """An autoregression of variance 1; driven by values of `law`, else normal."""
    noise = rng.normal(size=n + 200) if law is None else law(n + 200)
    return lfilter([np.sqrt(1 - decay**2)], [1.0, -decay], noise)[200:]


def gamma_noise(rng, skew):
    """A function that draws values of mean 0, variance 1 and that skewness."""
    if abs(skew) < 0.02:
        return lambda n: rng.normal(size=n)
    shape = 4 / skew**2
    return lambda n: np.sign(skew) * (rng.gamma(shape, size=n) - shape) / np.sqrt(shape)


def elements(rng, n, share):
    """Helices, strands and loops, each of a level of its own that takes so much of the variance; the rest is noise.

    11, 5 and 6 residues on the mean (gamma laws of shape 3, 2 residues at least), as in proteins at large.
    """
    mean = rng.choice([11.0, 5.0, 6.0], size=n)
    lengths = np.maximum(np.rint(rng.gamma(3, mean / 3)), 2).astype(int)
    level = np.repeat(rng.normal(size=n), lengths)
    offset = rng.integers(lengths[0])
    return np.sqrt(share) * level[offset : offset + n] + np.sqrt(1 - share) * rng.normal(size=n)


def law(rng):
    """A function that draws a chain of n residues by one law, itself drawn."""
    skew, kind, share = rng.uniform(-2.5, 0.5), rng.integers(4), rng.uniform(0, 0.9)
    if kind == 0:
        decay = rng.uniform(0, 0.8)
        noise = gamma_noise(rng, skew * (1 - decay**3) / (1 - decay**2) ** 1.5)
        return lambda n: wave(rng, n, decay, noise)
    if kind == 3:
        return lambda n: skewed(elements(rng, n, share), skew)
    decay, rest = rng.uniform(0.5, 0.95), np.sqrt(1 - share)
    slow = lambda n: np.sqrt(share) * wave(rng, n, decay)  # noqa: E731
    if kind == 1:
        return lambda n: skewed(slow(n) + rest * rng.normal(size=n), skew)
    return lambda n: slow(n) + rest * skewed(rng.normal(size=n), skew)


def simulated(chains=CHAINS, seed=SEED):
    """Scan maxima of the first chains of simulated entries of 1 to 4 chains → ScanNull."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(chains):
        draw, sizes = law(rng), np.exp(rng.uniform(np.log(5), np.log(2000), rng.integers(1, 5))).astype(int)
        values = np.concatenate([draw(n) + rng.normal(scale=0.15) for n in sizes])
        found.append(scan.scan(scan.standardise(values)[: sizes[0]]))
    found = [one for one in found if np.isfinite(one.maximum)]
    columns = {
        name: np.array([getattr(one, name) for one in found], float)
        for name in ("maximum", "length", "near", "far", "skew")
    }
    unknown = np.full(len(found), np.nan)
    return scannull.ScanNull(kind=np.full(len(found), scannull.ANY), resolution=unknown, **columns, reference=WORDS)


def scored(table):
    """Residues of the pairs of a table, all columns as arrays, and the pairs' resolutions."""
    batches, resolution = [], {}
    with open(table, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    for row in rows:
        pair = row["emdb_id"], row["pdb_id"]
        resolution[pair] = float(row["resolution"])
        found = entry.score_pair(Path(table).parent / row["map"], Path(table).parent / row["model"]).residues()
        columns = {name: np.asarray(found[name]) for name in tables.RESIDUES.names[2:]}
        n = len(columns["q_04"])
        batches.append({"emdb_id": np.full(n, pair[0]), "pdb_id": np.full(n, pair[1])} | columns)
    return batches, resolution


def main():
    scannull.write(SHIPPED / "scan_null.parquet", simulated())
    print(f"{SHIPPED / 'scan_null.parquet'}: {len(scannull.shipped()):,} chains")
    if len(sys.argv) < 2:
        return
    batches, resolution = scored(sys.argv[1])
    known = {pair: (value, np.nan) for pair, value in resolution.items() if value <= 10}
    fitted = offsets.fit_offsets(batches, known, source=f"{len(known)} public pairs of 1.75–6.6 Å")
    tables.write_json(SHIPPED / "offsets.json", fitted.as_dict())
    for batch in batches:
        report(batch, resolution, fitted)


def report(batch, resolution, fitted):
    """Print the chains of a pair: what they are like, p, and the regions."""
    entries = {pair: regions.Entry(value, np.nan, True) for pair, value in resolution.items()}
    view = regions.residue_view(batch, entries, fitted)
    chains = list(regions.chains_of(batch, entries, view))
    columns = regions.features(chains)
    nulls = {kind: scannull.shipped() for kind in offsets.POLYMERS}
    for k, (chain, p) in enumerate(zip(chains, regions.p_values(columns, nulls), strict=True)):
        like = " ".join(f"{name} {columns[name][k]:.2f}" for name in ("maximum", "near", "far", "skew"))
        r = copies.correlation(copies.taken(view["z_within"], chain.rows)) if len(chain.rows) > 1 else np.nan
        name = f"{' '.join(chain.pair)} {batch['chain'][chain.rows[0, 0]]}"
        print(f"{name}: {len(chain.rows)} copies (r {r:.2f}) of {len(chain.z)} residues, {like}, p {p:.4f}")
    for row in regions.find_regions(batch, entries, fitted):
        numbers = " ".join(f"{name} {row[name]:.3g}" for name in ("mean_q", "z_within", "p", "p_adjusted"))
        print(f"    {row['chain']} {row['from']}–{row['to']} ({row['length']}) {numbers} {row['pooled']}")


if __name__ == "__main__":
    main()
