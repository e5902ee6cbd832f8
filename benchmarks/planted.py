"""Planted truth: archives with known low outliers and chains with known low runs, to measure error rates on.

    python benchmarks/planted.py TABLE      the figures below, computed again from the archive's table

Written before the methods it judges; imports nothing of the package. Nothing here is fitted to make a method
pass: only bugs are mended, and each is listed under Changes.

Archives
--------
A row's resolution is drawn from the real table's distribution (201 quantiles, straight lines between them, so
that its ties stay), and q = centre(R) + residual(R). The centre is a monotone cubic through local medians of the
real table. The residual's standard deviation S(R) is the same under all three laws; its median is 0.

skewed   Per resolution bin a gamma law with sign (Pearson III), its spread and its skew those that come nearest
         to the real residuals' 10, 25, 50, 75 and 90 % quantiles in least squares; spread and skew run straight
         between the bins' middles. The long tail points down from 2 to 5 Å (skew −0.7 to −1.3), up from 6 to 8 Å.
         How the tail goes on below the 10 % quantile is a decision, since the real tail holds the outliers.
         The gamma law is taken for three reasons. It follows the inner quantiles with one parameter for skew.
         Its tail is a little lighter than the real one (3–3.5 Å: 1 % quantile −0.23, real −0.25), as it must be
         when the real one is this tail plus a few per cent of outliers. And it keeps within what Q can be: one
         row in 10,000 at 3.25 Å lies at 0.02, the chance level, where a log-normal or a straight exponential
         through the same quantiles asks for Q below −0.08, which no entry has.
t4       Student's t with 4 degrees of freedom, symmetric.
mixture  90 % normal and 10 % twice as wide and lowered by one (in units of the narrow part). Both are clean.

Planted: exactly round(share · n) rows, drawn without replacement, each lowered by strength · S(R) from where its
own residual put it. Q is neither clipped nor rounded.

Chains
------
Standardised residuals of residues (mean 0, SD 1 of the law; not standardised again within a chain). The marginal
is a gamma law with the skew asked (0: normal; −2: a reversed exponential), put on a Gaussian process whose
correlation is solved such that neighbouring *values* correlate by `lag1`:
autoregressive   first-order autoregression.
segments         segments of 4 residues or more, 10 on the mean, like secondary structure. Residues of one segment
                 share a level and a wave of 3.6 residues (a tenth of the variance); segments are independent.
                 Correlation stays level within a segment and then ends: no autoregression does that.

Changes
-------
`low_tail` added: the laws' own p-values. No law was changed since the first version.
"""

import sys
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.polynomial.hermite_e import hermevander
from numpy.polynomial.polynomial import polyval
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq, minimize_scalar
from scipy.signal import lfilter
from scipy.special import factorial, gammainc, gammaincc, gammaincinv, ndtr, stdtr
from scipy.stats import pearson3

LAWS = ("skewed", "t4", "mixture")
KINDS = ("autoregressive", "segments")
INNER = (0.10, 0.25, 0.50, 0.75, 0.90)

# --- figures of the archive's table (10,188 rows, σ 0.4); `figures` computes them again ---

# 0, 0.5 … 100 % quantiles of the resolution in Å
# fmt: off
RESOLUTIONS = (
    1.15, 2.009, 2.169, 2.25, 2.31, 2.4, 2.42, 2.49, 2.5, 2.53, 2.57, 2.6, 2.6, 2.65, 2.69, 2.7, 2.7, 2.7, 2.74,
    2.76, 2.8, 2.8, 2.8, 2.8, 2.8, 2.83, 2.85, 2.88, 2.9, 2.9, 2.9, 2.9, 2.9, 2.9, 2.91, 2.94, 2.96, 2.98, 3, 3, 3,
    3, 3, 3, 3, 3.02, 3.04, 3.06, 3.08, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.1, 3.11, 3.13, 3.15, 3.17, 3.19, 3.2,
    3.2, 3.2, 3.2, 3.2, 3.2, 3.2, 3.2, 3.2, 3.22, 3.24, 3.26, 3.28, 3.3, 3.3, 3.3, 3.3, 3.3, 3.3, 3.3, 3.3, 3.3,
    3.31, 3.34, 3.36, 3.38, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.42, 3.45, 3.466, 3.49, 3.5, 3.5, 3.5,
    3.5, 3.5, 3.5, 3.5, 3.5, 3.53, 3.55, 3.58, 3.6, 3.6, 3.6, 3.6, 3.6, 3.6, 3.6, 3.6, 3.62, 3.65, 3.67, 3.7, 3.7,
    3.7, 3.7, 3.7, 3.7, 3.7, 3.72, 3.75, 3.78, 3.8, 3.8, 3.8, 3.8, 3.8, 3.8, 3.8, 3.82, 3.86, 3.9, 3.9, 3.9, 3.9,
    3.9, 3.9, 3.9, 3.92, 3.962, 4, 4, 4, 4, 4, 4.04, 4.1, 4.1, 4.1, 4.1, 4.15, 4.2, 4.2, 4.2, 4.2, 4.2, 4.27, 4.3,
    4.3, 4.3, 4.36, 4.4, 4.4, 4.437, 4.5, 4.5, 4.52, 4.6, 4.6, 4.7, 4.8, 4.8, 4.9, 5.071, 5.2, 5.4, 5.695, 5.8,
    6.007, 6.2, 6.448, 6.7, 6.9, 7.1, 7.5, 7.7, 8, 8.504, 9.1, 10,
)
# fmt: on
# local medians of Q at the knots (Å)
KNOTS = (1.15, 1.6, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.5, 10.0)
MEDIANS = (0.9442, 0.8231, 0.7060, 0.5978, 0.5132, 0.4360, 0.3560, 0.2740, 0.2127, 0.1760, 0.1565, 0.1105, 0.0715)
# median resolution of the bins in EDGES, and the INNER quantiles of Q − centre less their median
MIDDLES = (1.86, 2.3, 2.8, 3.2, 3.7, 4.27, 5.4, 6.8, 8.74)
QUANTILES = (
    (-0.0644, -0.0353, 0.0000, 0.0345, 0.0641),
    (-0.1328, -0.0603, 0.0000, 0.0468, 0.0763),
    (-0.1089, -0.0476, 0.0000, 0.0344, 0.0612),
    (-0.1071, -0.0463, 0.0000, 0.0361, 0.0617),
    (-0.1094, -0.0511, 0.0000, 0.0366, 0.0648),
    (-0.1026, -0.0514, 0.0000, 0.0427, 0.0760),
    (-0.0811, -0.0422, 0.0000, 0.0448, 0.0804),
    (-0.0572, -0.0316, 0.0000, 0.0488, 0.0924),
    (-0.0603, -0.0321, 0.0000, 0.0292, 0.0679),
)

# --- archives ---


@lru_cache(maxsize=1)
def centre_curve():
    """Median Q along the resolution."""
    return PchipInterpolator(KNOTS, MEDIANS)


def centre(resolution):
    """Median Q at a resolution in Å, (n,) → (n,)."""
    return centre_curve()(np.clip(resolution, KNOTS[0], KNOTS[-1]))


def shape_of(quantiles):
    """Spread and skew of the gamma law nearest to five inner quantiles (median 0), in least squares."""

    def match(skew):
        unit = pearson3.ppf(INNER, skew) - pearson3.ppf(0.5, skew)
        spread = unit @ quantiles / (unit @ unit)
        return float(np.sum((quantiles - spread * unit) ** 2)), spread

    skew = minimize_scalar(lambda skew: match(skew)[0], bounds=(-2.0, 2.0), method="bounded").x
    return match(skew)[1], skew


@lru_cache(maxsize=1)
def shapes():
    """Spread and skew at the bins' middles, (bins, 2)."""
    return np.array([shape_of(np.array(row)) for row in QUANTILES])


def spread(resolution):
    """Standard deviation S(R) of the clean residual in Q, (n,) → (n,)."""
    return np.interp(resolution, MIDDLES, shapes()[:, 0])


def skewness(resolution):
    """Skew of the law `skewed` at a resolution, (n,) → (n,)."""
    return np.interp(resolution, MIDDLES, shapes()[:, 1])


def gamma_of(skew):
    """Shape of the gamma law of a skew, and its sign; a skew under 0.02 counts as 0.02."""
    return 4.0 / np.maximum(np.abs(skew), 0.02) ** 2, np.where(np.asarray(skew) < 0, -1.0, 1.0)


def unit_skewed(rng, resolution):
    k, sign = gamma_of(skewness(resolution))
    return sign * (rng.standard_gamma(k) - gammaincinv(k, 0.5)) / np.sqrt(k)


def unit_t4(rng, resolution):
    return rng.standard_t(4, len(resolution)) / np.sqrt(2.0)


@lru_cache(maxsize=1)
def mixture_median():
    return brentq(lambda x: 0.9 * ndtr(x) + 0.1 * ndtr((x + 1.0) / 2.0) - 0.5, -1.0, 1.0)


def unit_mixture(rng, resolution):
    wide = rng.random(len(resolution)) < 0.1
    values = rng.standard_normal(len(resolution)) * np.where(wide, 2.0, 1.0) - wide
    return (values - mixture_median()) / np.sqrt(0.9 + 0.1 * 4.0 + 0.09)


UNITS = {"skewed": unit_skewed, "t4": unit_t4, "mixture": unit_mixture}


def resolutions(rng, n):
    """n resolutions in Å as the archive has them."""
    return np.interp(rng.random(n), np.linspace(0, 1, len(RESOLUTIONS)), RESOLUTIONS)


def archive(law, rng, *, n=10_000, share=0.0, strength=0.0):
    """An archive's resolutions (n,) in Å, Q (n,), and which rows were lowered, bool (n,).

    law : one of `LAWS`; share : part of the rows lowered; strength : by how many S(R).
    """
    resolution = resolutions(rng, n)
    planted = np.zeros(n, dtype=bool)
    planted[rng.choice(n, round(share * n), replace=False)] = True
    residual = UNITS[law](rng, resolution) - strength * planted
    return resolution, centre(resolution) + spread(resolution) * residual, planted


def low_tail(law, resolution, q):
    """Probability of so low a Q when the row is clean, by the law itself (n,): the judge that knows everything."""
    unit = (q - centre(resolution)) / spread(resolution)
    if law == "t4":
        return stdtr(4, unit * np.sqrt(2.0))
    if law == "mixture":
        x = unit * np.sqrt(0.9 + 0.1 * 4.0 + 0.09) + mixture_median()
        return 0.9 * ndtr(x) + 0.1 * ndtr((x + 1.0) / 2.0)
    k, sign = gamma_of(skewness(resolution))
    x = np.maximum(gammaincinv(k, 0.5) + sign * unit * np.sqrt(k), 0.0)
    return np.where(sign < 0, gammaincc(k, x), gammainc(k, x))


# --- chains ---

TURN = 2 * np.pi / 3.6
WAVE = 0.1
SHORTEST, MEAN_LENGTH = 4, 10.0


def marginal(z, skew):
    """Values of mean 0, SD 1 and a skew from normal ones, of any shape."""
    if skew == 0:
        return z
    k, sign = gamma_of(skew)
    return sign * (gammaincinv(k, ndtr(sign * z)) - k) / np.sqrt(k)


@lru_cache(maxsize=256)
def hermite_weights(skew):
    """Part of the marginal's variance in each Hermite order, (30,): corr(ρ) = Σ weight[j] ρ^j."""
    z = np.linspace(-8, 8, 801)
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * (z[1] - z[0])
    coefficients = (marginal(z, skew) * density) @ hermevander(z, 29)
    return coefficients**2 / factorial(np.arange(30))


@lru_cache(maxsize=4096)
def latent(correlation, skew):
    """Correlation of the normal variables under values that correlate by `correlation`."""
    weights = hermite_weights(skew)
    return brentq(lambda rho: polyval(rho, weights) - correlation, 0.0, 1.0 - 1e-9)


def autoregressive(rng, length, rho):
    z = rng.standard_normal(length)
    z[1:] *= np.sqrt(1 - rho * rho)
    return lfilter([1.0], [1.0, -rho], z)


def segment_numbers(rng, length):
    """Number of each residue's segment, (length,); the chain starts anywhere in a segment."""
    burn = 200
    lengths = SHORTEST - 1 + rng.geometric(1.0 / (MEAN_LENGTH - SHORTEST + 1), (length + burn) // SHORTEST + 2)
    return np.repeat(np.arange(len(lengths)), lengths)[burn : burn + length]


def segments(rng, length, level):
    """Segments of which residues share `level` of their variance, beside the wave."""
    segment = segment_numbers(rng, length)
    number = segment[-1] + 1
    wave = TURN * np.arange(length)
    own, cosine, sine = (rng.standard_normal(number)[segment] for _ in range(3))
    turning = cosine * np.cos(wave) + sine * np.sin(wave)
    rest = np.sqrt(1 - level - WAVE) * rng.standard_normal(length)
    return np.sqrt(level) * own + np.sqrt(WAVE) * turning + rest


def process(rng, kind, length, *, lag1, skew):
    """The normal process (length,) under a chain."""
    if kind == "autoregressive":
        return autoregressive(rng, length, latent(lag1, skew))
    same = 1 - 1 / MEAN_LENGTH
    return segments(rng, length, latent(lag1 / same, skew) - WAVE * np.cos(TURN))


def chain(rng, *, length, lag1, skew, kind="autoregressive"):
    """A clean chain's standardised residuals (length,) with a lag-1 autocorrelation 0.1–0.7 and a skew 0 to −2."""
    return marginal(process(rng, kind, length, lag1=lag1, skew=skew), skew)


@dataclass(frozen=True)
class Chain:
    """One chain of a population: its values, and how it was made."""

    values: np.ndarray
    lag1: float
    skew: float
    kind: str


def lengths(rng, number, *, shortest=40, longest=600):
    """Lengths of chains, log-uniform, int (number,)."""
    return np.exp(rng.uniform(np.log(shortest), np.log(longest + 1), number)).astype(int)


def chains(rng, number, *, lag1=None, skew=None, kind=None, shortest=40, longest=600):
    """A population of clean chains: list of `Chain`. What is None differs from chain to chain.

    lag1 : uniform over 0.1–0.7; skew : uniform over −2–0; kind : each half of the time. All three are
    rounded to two decimals where they are numbers.
    """
    made = []
    for length in lengths(rng, number, shortest=shortest, longest=longest):
        how = {
            "lag1": round(rng.uniform(0.1, 0.7), 2) if lag1 is None else lag1,
            "skew": round(rng.uniform(-2.0, 0.0), 2) if skew is None else skew,
            "kind": KINDS[rng.integers(2)] if kind is None else kind,
        }
        made.append(Chain(chain(rng, length=int(length), **how), **how))
    return made


def lowered(values, rng, *, residues=10, by=3.0):
    """A copy of a chain with a run lowered at a random place, and the run's first index."""
    if residues > len(values):
        raise ValueError(f"a run of {residues} residues in a chain of {len(values)}")
    start = int(rng.integers(len(values) - residues + 1))
    values = values.copy()
    values[start : start + residues] -= by
    return values, start


@dataclass(frozen=True)
class Entry:
    """Chains of one entry: `values[k]` belongs to `unique[k]`; `runs[k]` is its run (start, residues), or None."""

    values: list
    unique: np.ndarray
    runs: list


def copied(rng, copies, *, length, agreement, lag1, skew, kind):
    """Copies (copies, length) of one chain whose normal processes correlate by `agreement`."""
    if kind == "segments":
        raise ValueError("copies are made of autoregressive chains: those of two segment processes have other ends")
    how = {"lag1": lag1, "skew": skew}
    shared = process(rng, kind, length, **how)
    own = np.array([process(rng, kind, length, **how) for _ in range(copies)])
    return marginal(np.sqrt(agreement) * shared + np.sqrt(1 - agreement) * own, skew)


def entry(rng, *, unique=3, copies=1, agreement=0.0, lag1=0.4, skew=-1.0, run=None, by=3.0):
    """An entry of `unique` chains (40–600 residues), each in `copies` copies.

    agreement : correlation of the copies' normal processes; 1: the same voxels, as under imposed symmetry.
    run : residues of a run lowered by `by` in all copies of the first unique chain, at one place; None: clean.
    """
    values, numbers, runs = [], [], []
    for k, length in enumerate(lengths(rng, unique)):
        how = {"length": int(length), "lag1": lag1, "skew": skew, "kind": "autoregressive"}
        made = copied(rng, copies, agreement=agreement, **how)
        place = None
        if k == 0 and run is not None:
            start = int(rng.integers(length - run + 1))
            made[:, start : start + run] -= by
            place = (start, run)
        values += list(made)
        numbers += [k] * copies
        runs += [place] * copies
    return Entry(values, np.array(numbers), runs)


# --- the figures, from the table ---

EDGES = (1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.01)


def local_median(resolution, q, at):
    """Median Q at one resolution: least absolute deviations of a line over the rows within 0.25 Å, or 60 rows."""
    distance = np.abs(resolution - at)
    near = distance <= max(0.25, np.sort(distance)[59])
    x, y, weights = resolution[near] - at, q[near], np.ones(near.sum())
    for _ in range(200):
        slope, level = np.polyfit(x, y, 1, w=np.sqrt(weights))
        weights = 1 / np.maximum(np.abs(y - level - slope * x), 1e-4)
    return level


def inner_quantiles(resolution, residual):
    """Middle of each bin (its median resolution) and the residuals' inner quantiles less their median."""
    for low, high in pairwise(EDGES):
        rows = (resolution >= low) & (resolution < high)
        found = np.quantile(residual[rows], INNER)
        yield float(np.median(resolution[rows])), found - found[2]


def figures(path):
    """RESOLUTIONS, MEDIANS, MIDDLES, QUANTILES as the archive's table gives them (columns resolution and q)."""
    table = np.genfromtxt(path, delimiter=",", names=True, usecols=("resolution", "q"))
    resolution, q = table["resolution"], table["q"]
    quantiles = np.quantile(resolution, np.linspace(0, 1, 201))
    medians = np.minimum.accumulate([local_median(resolution, q, at) for at in KNOTS])
    residual = q - PchipInterpolator(KNOTS, medians)(resolution)
    middles, inner = zip(*inner_quantiles(resolution, residual), strict=True)
    return quantiles.round(3), medians.round(4), np.array(middles).round(3), np.array(inner).round(4)


def main():
    for name, found in zip(("RESOLUTIONS", "MEDIANS", "MIDDLES", "QUANTILES"), figures(sys.argv[1]), strict=True):
        print(name, "=", found.tolist())


if __name__ == "__main__":
    main()
