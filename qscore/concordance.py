"""Ours against theirs: how well Q computed here agrees with Q as the archive publishes it."""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from qscore import __version__, tables
from qscore.discrepancies import TINY, Case, cause

DIFFERS = 0.005
CLOSE = 0.001
FEWEST_FOR_LIMITS = 10  # pairs; limits of fewer are hardly known


def concordance(entries: Iterable[Mapping]) -> list[dict]:
    """Rows of `tables.CONCORDANCE`: pairs scored in their maps whose Q is published as well.

    Parameters
    ----------
    entries : iterable of mapping
        Rows of `tables.ENTRIES`.
    """
    entries = list(entries)
    by_map, by_model = defaultdict(list), defaultdict(list)
    for row in entries:
        by_map[row["emdb_id"]].append(row)
        by_model[row["pdb_id"]].append(row)
    compared = [row for row in entries if is_compared(row)]
    return [_compare(_case(row, by_map, by_model)) for row in compared]


def is_compared(row: Mapping) -> bool:
    """Whether a pair was scored in its map and has a published Q."""
    measured = row["status"] == "scored" and bool(row.get("n_scored")) and _finite(row["q_mean"])
    return measured and _finite(row.get("q_published"))


def _finite(value) -> bool:
    return value is not None and math.isfinite(value)


def _case(row: Mapping, by_map: Mapping, by_model: Mapping) -> Case:
    others = ([one for one in group if one is not row] for group in (by_map[row["emdb_id"]], by_model[row["pdb_id"]]))
    return Case(row, *others)


def _compare(case: Case) -> dict:
    differs = abs(case.difference) > DIFFERS + TINY
    why, evidence = cause(case) if differs else ("", "")
    kept = {key: case.row[key] for key in ("emdb_id", "pdb_id", "resolution", "q_mean", "q_published")}
    return kept | {"difference": case.difference, "differs": differs, "cause": why, "evidence": evidence}


def summary(rows: Sequence[Mapping]) -> dict:
    """Agreement in numbers, after Bland & Altman 1986 (Lancet 327:307) and 1999 (Stat. Methods Med. Res. 8:135).

    Parameters
    ----------
    rows : sequence of mapping
        Of `tables.CONCORDANCE`.

    Returns
    -------
    dict
        n; bias (mean of ours − theirs) and its standard error s/√n; sd (s);
        low and high, the 95 % limits of agreement bias ± 1.96 s, and their
        standard error s √(1/n + 1.96²/(2(n − 1))), of `FEWEST_FOR_LIMITS` pairs
        and more; median and the 2.5th and 97.5th percentile, which suppose no shape; shares within 0.001 and 0.005;
        largest; pearson; n_differs; causes. NaN where too few.
    """
    difference = np.array([row["difference"] for row in rows], dtype=float)
    n, nan = len(rows), float("nan")
    bias = float(difference.mean()) if n else nan
    sd = float(difference.std(ddof=1)) if n > 1 else nan
    percentiles = np.percentile(difference, (50, 2.5, 97.5)).tolist() if n else [nan] * 3
    causes = Counter(row["cause"] for row in rows if row["differs"])
    facts = {
        "n": n,
        "bias": bias,
        "bias_se": sd / math.sqrt(n) if n else nan,
        "sd": sd,
        **_limits(n, bias, sd),
        **dict(zip(("median", "percentile_2_5", "percentile_97_5"), percentiles, strict=True)),
        "within_0_001": _share_within(difference, CLOSE),
        "within_0_005": _share_within(difference, DIFFERS),
        "pearson": _pearson(rows),
        "largest": _largest(rows),
        "n_differs": sum(causes.values()),
        "causes": dict(sorted(causes.items(), key=lambda item: (-item[1], item[0]))),
    }
    return facts | {"sentence": sentence(facts)}


def _limits(n: int, bias: float, sd: float) -> dict:
    """The 95 % limits of agreement and their standard error; NaN below `FEWEST_FOR_LIMITS` pairs."""
    if n < FEWEST_FOR_LIMITS:
        return dict.fromkeys(("low", "high", "limits_se"), float("nan"))
    error = sd * math.sqrt(1 / n + 1.96**2 / (2 * (n - 1)))
    return {"low": bias - 1.96 * sd, "high": bias + 1.96 * sd, "limits_se": error}


def _share_within(difference: np.ndarray, width: float) -> float:
    return float((np.abs(difference) <= width + TINY).mean()) if len(difference) else float("nan")


def _pearson(rows: Sequence[Mapping]) -> float:
    """Correlation of ours and theirs; NaN below 3 pairs or without spread."""
    both = np.array([[row["q_mean"], row["q_published"]] for row in rows], dtype=float).reshape(-1, 2)
    if len(both) < 3 or np.ptp(both, axis=0).min() <= TINY:
        return float("nan")
    return float(np.corrcoef(both.T)[0, 1])


def _largest(rows: Sequence[Mapping]) -> dict | None:
    if not rows:
        return None
    row = max(rows, key=lambda row: abs(row["difference"]))
    return {key: row[key] for key in ("emdb_id", "pdb_id", "difference", "cause")}


def sentence(facts: Mapping) -> str:
    """The summary in words."""
    n = facts["n"]
    if not n:
        return "No pair was scored here and has a published Q: nothing to compare."
    if n == 1:
        return f"One pair: ours minus theirs {signed(facts['bias'])}."
    differ = f"{facts['n_differs']:,} differ{'s' if facts['n_differs'] == 1 else ''} by more than {DIFFERS}"
    return (
        f"{n:,} pairs: ours minus theirs {signed(facts['bias'])} ± {facts['bias_se']:.4f} on average "
        f"(SD {facts['sd']:.4f}), {_limits_in_words(facts)}; {percent(facts['within_0_001'])} within {CLOSE}, "
        f"{percent(facts['within_0_005'])} within {DIFFERS}; {differ}."
    )


def _limits_in_words(facts: Mapping) -> str:
    if facts["n"] < FEWEST_FOR_LIMITS:
        return f"too few for limits of agreement (at least {FEWEST_FOR_LIMITS})"
    ends = f"{signed(facts['low'])} to {signed(facts['high'])}"
    return f"95 % limits of agreement {ends} (± {facts['limits_se']:.4f})"


def signed(value: float) -> str:
    """A difference with 4 decimals and its sign."""
    return f"{value:+.4f}".replace("-", "−") if round(value, 4) else "0.0000"


def percent(share: float) -> str:
    """A share with one decimal; 100.0 % and 0.0 % are all and none."""
    rounded = round(100 * share, 1)
    return f"{rounded if share in (0, 1) else min(max(rounded, 0.1), 99.9):.1f} %"


def write(entries_file, out) -> dict:
    """Entries → ``concordance.parquet``, ``concordance.tsv`` and the summary ``concordance.json``.

    Parameters
    ----------
    entries_file : path
        Parquet of `tables.ENTRIES`.
    out : path
        Folder.

    Returns
    -------
    dict
        What ``concordance.json`` holds.
    """
    entries = tables.read_rows(entries_file, layout=tables.ENTRIES)
    rows = concordance(entries)
    columns = tables.as_columns(tables.CONCORDANCE, rows)
    facts = summary(rows) | {
        "version": __version__,
        "entries_sha256": hashlib.sha256(Path(entries_file).read_bytes()).hexdigest(),
        "synthetic": any(row["synthetic"] for row in entries),
    }
    tables.write_tsv(Path(out) / "concordance.tsv", tables.CONCORDANCE, columns)
    tables.write_parquet(Path(out) / "concordance.parquet", tables.CONCORDANCE, columns)
    tables.write_json(Path(out) / "concordance.json", facts)
    return facts
