"""Entry outliers on planted truth: false discoveries, power and flags on clean archives.

    python benchmarks/entry_outliers.py [--archives N] [--out FILE] [--laws ...] [--judge null|law|gaussian]

Archives of 10,000 rows from benchmarks/planted.py under three laws, each clean and with 2 % and 10 % of the rows
lowered by 2, 3 and 5 local standard deviations; 1,000 of each unless told otherwise. Both sides are tested at once at a
false discovery rate of 5 %; a high flag among planted low outliers counts as false. Two processes. Each archive is a
line of FILE as soon as it is judged; a campaign that was stopped goes on where it was. Two judges to compare with:
`law` knows the law that made the archive, nothing can find more at its rate; `gaussian` takes a running median over
501 rows along R, the median absolute deviation in as many, and normal p-values.

Archive k of a condition has the seed (2026, law, condition, k), so that more archives add to those there.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: two processes on two cores, not two times two

import argparse
import json
import multiprocessing
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import median_filter
from scipy.stats import beta, false_discovery_control, norm

sys.path.insert(0, str(Path(__file__).resolve().parent))
import planted

SEED = 2026
NOMINAL = 0.05
CONDITIONS = ((0.0, 0.0), (0.02, 2.0), (0.02, 3.0), (0.02, 5.0), (0.1, 2.0), (0.1, 3.0), (0.1, 5.0))


# --- the judges: resolution and Q → flags low and high, bool (n,) each ---


def by_null(_, resolution, q):
    """The survey's own null."""
    from qscore.nulls import fit_null
    from qscore.outliers import judge

    flag = judge(resolution, q, fit_null(resolution, q), level=NOMINAL)["flag"]
    return flag == "low", flag == "high"


def by_law(law, resolution, q):
    low = planted.low_tail(law, resolution, q)
    return two_sided(low, 1 - low)


def by_gaussian(_, resolution, q):
    order = np.argsort(resolution, kind="stable")
    residual = q[order] - median_filter(q[order], 501, mode="reflect")
    z = np.empty(len(q))
    z[order] = residual / (1.4826 * median_filter(np.abs(residual), 501, mode="reflect"))
    return two_sided(norm.cdf(z), norm.sf(z))


def two_sided(low, high):
    """Benjamini–Hochberg on twice the p-value of the nearer side."""
    flagged = false_discovery_control(np.minimum(2 * np.minimum(low, high), 1)) <= NOMINAL
    return flagged & (low <= high), flagged & (high < low)


JUDGES = {"null": by_null, "law": by_law, "gaussian": by_gaussian}


# --- one archive ---


def seed_of(law, condition, k):
    return np.random.SeedSequence((SEED, planted.LAWS.index(law), CONDITIONS.index(condition), k))


def judge_one(task):
    """One archive judged: what was planted, flagged on each side, and of the low flags how many are true."""
    judge, law, condition, k = task
    share, strength = condition
    resolution, q, truth = planted.archive(
        law, np.random.default_rng(seed_of(law, condition, k)), share=share, strength=strength
    )
    start = time.process_time()
    low, high = JUDGES[judge](law, resolution, q)
    seconds = time.process_time() - start
    counts = {"planted": truth.sum(), "low": low.sum(), "high": high.sum(), "true": (low & truth).sum()}
    return {"judge": judge, "law": law, "share": share, "strength": strength, "k": k} | {
        **{name: int(value) for name, value in counts.items()},
        "seconds": round(seconds, 4),
    }


# --- the campaign ---


def key(row):
    return row["judge"], row["law"], (row["share"], row["strength"]), row["k"]


def read(path):
    """Rows of a campaign's file; a last line cut short by a stop is left out."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def whole_lines(path):
    """Take off a line that a stop cut short, so that what is added starts a new one."""
    if path.is_file():
        data = path.read_bytes()
        path.write_bytes(data[: data.rfind(b"\n") + 1])


def tasks(judge, laws, archives):
    """All archives of a campaign: the k-th of each condition before the (k + 1)-th of any."""
    return [(judge, law, condition, k) for k in range(archives) for law in laws for condition in CONDITIONS]


def campaign(wanted, *, path=None, processes=2):
    """Rows of all archives wanted; those that the file holds are not judged again."""
    there = {key(row): row for row in read(path)} if path else {}
    rows = [there[task] for task in wanted if task in there]
    missing = [task for task in wanted if task not in there]
    if path:
        whole_lines(path)
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for row in pool.imap_unordered(judge_one, missing, chunksize=4):
            rows.append(row)
            if path:
                with open(path, "a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
    return rows


# --- what it shows ---


def mean_interval(values):
    """Mean of an archive's figure and its 95 % interval (normal, over archives)."""
    half = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return np.mean(values), np.mean(values) - half, np.mean(values) + half


def exact_interval(hits, n):
    """Share and its exact (Clopper–Pearson) 95 % interval."""
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0.0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1.0
    return hits / n, low, high


def words(triple):
    return "{:.4f} [{:.4f}, {:.4f}]".format(*triple)


def false_discovery(rows):
    """False flags over flags of each archive, high ones among the false; 0 without a flag."""
    flags = rows["low"] + rows["high"]
    return (flags - rows["true"]) / flags.clip(lower=1)


def planted_line(rows):
    fdp = false_discovery(rows)
    return {
        "archives": len(rows),
        "FDR": words(mean_interval(fdp)),
        "archives' 2.5–97.5 %": "{:.3f}–{:.3f}".format(*np.quantile(fdp, [0.025, 0.975])),
        "power": words(mean_interval(rows["true"] / rows["planted"])),
        "flagged": f"{rows['low'].mean():.1f}",
    }


def clean_line(rows):
    sides = {"low": rows["low"] > 0, "high": rows["high"] > 0, "either": (rows["low"] > 0) | (rows["high"] > 0)}
    shares = {f"any {name} flag": words(exact_interval(int(any_.sum()), len(rows))) for name, any_ in sides.items()}
    return {"archives": len(rows), **shares, "low flags an archive": f"{rows['low'].mean():.3f}"}


def table(rows, line, by):
    groups = rows.groupby(by, sort=False)
    made = [dict(zip(by, name, strict=True)) | line(group) for name, group in groups]
    return pd.DataFrame(made).to_string(index=False) if made else "none"


def summary(rows):
    """Two tables: clean archives, and those with planted outliers."""
    rows = pd.DataFrame(rows).sort_values(["judge", "share", "strength", "k"], kind="stable")
    rows["law"] = pd.Categorical(rows["law"], planted.LAWS)
    rows = rows.sort_values("law", kind="stable")
    rows["law"] = rows["law"].astype(str)
    clean = rows["share"] == 0
    return (
        f"clean archives, nominal {NOMINAL:.0%}\n{table(rows[clean], clean_line, ['judge', 'law'])}\n\n"
        f"planted\n{table(rows[~clean], planted_line, ['judge', 'law', 'share', 'strength'])}\n\n"
        f"{len(rows):,} archives, {rows['seconds'].mean():.3f} s of CPU an archive to judge, "
        f"{rows['seconds'].sum() / 60:.1f} CPU minutes in all"
    )


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--archives", type=int, default=1000, help="archives a condition (1000)")
    parser.add_argument("--out", type=Path, help="file of results, one archive a line; goes on where it was")
    parser.add_argument("--laws", nargs="+", choices=planted.LAWS, default=planted.LAWS)
    parser.add_argument("--judge", choices=JUDGES, default="null")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def main():
    chosen = options()
    start = time.perf_counter()
    wanted = tasks(chosen.judge, chosen.laws, chosen.archives)
    rows = campaign(wanted, path=chosen.out, processes=chosen.processes)
    print(summary(rows))
    print(f"{time.perf_counter() - start:.0f} s on {chosen.processes} processes, seed {SEED}")


if __name__ == "__main__":
    main()
