"""Every score side by side: how each follows resolution, in each part of a survey, and which does so best."""

from __future__ import annotations

import hashlib
from itertools import combinations
from pathlib import Path

import numpy as np

from qscore import __version__, rivalwords, tables
from qscore.fitting import Groups, rows_of
from qscore.layouts import CORRELATIONS, RIVALS
from qscore.prediction import FOLDS, monotone, rmse, straight, unknowing
from qscore.redraws import (
    DRAWS,
    SEED,
    correlation,
    interval,
    pearson,
    spearman,
    spearman_redrawn,
    standard,
    told_apart,
    wider,
)
from qscore.rivalpart import FEWEST, Part
from qscore.rivalscores import NAMES, REAL_SPACE, Q, values_of
from qscore.rivalscores import RIVALS as SCORES
from qscore.selection import FitRule, why_not
from qscore.shape import lack_of_fit, too_few_for_shape
from qscore.subsets import APOFERRITIN, Subset, members

FILLED = 0.8  # share of entries that have a score which takes part in the ranking


def write(table, out, rule: FitRule, subsets: tuple[Subset, ...] = (), *, draws: int = DRAWS, seed: int = SEED) -> dict:
    """Compare the scores of a table → ``rivals``, ``correlations`` (TSV and Parquet) and ``rivals.json``.

    Parameters
    ----------
    table : path
        Parquet of `tables.ENTRIES`, or a table of ids, resolutions and Q (see `given.read`).
    out : path
        Folder.
    rule : FitRule
        Which entries take part: those of the main fit, chosen without a look at any score.
    subsets : tuple of Subset
    draws, seed : int
        Of the redraws behind the intervals.

    Returns
    -------
    dict
        Content of ``rivals.json``.
    """
    facts = compare(rows_of(table)[0], rule, subsets, draws=draws, seed=seed)
    facts["entries_sha256"] = hashlib.sha256(Path(table).read_bytes()).hexdigest()
    for layout, key in ((RIVALS, "rivals"), (CORRELATIONS, "correlations")):
        columns = tables.as_columns(layout, facts.pop(key))
        tables.write_tsv(Path(out) / f"{key}.tsv", layout, columns)
        tables.write_parquet(Path(out) / f"{key}.parquet", layout, columns)
    tables.write_json(Path(out) / "rivals.json", facts)
    return facts


def compare(
    rows: list[dict], rule: FitRule, subsets: tuple[Subset, ...] = (), *, draws: int = DRAWS, seed: int = SEED
) -> dict:
    """The comparison in all entries and in each subset.

    Parameters
    ----------
    rows : list of dict
        Of `tables.ENTRIES`, in any order.
    rule, subsets, draws, seed
        See `write`.

    Returns
    -------
    dict
        ``rivals`` and ``correlations``: rows of these tables; ``parts``: name → ``n``, ``rule``, ``sentence``,
        ``statements`` (its parts), ``ranking`` (see `ranking`), ``independence``; and how it was done.
    """
    rows = sorted(rows, key=lambda row: (row["emdb_id"], row["pdb_id"]))
    groups, found = Groups(rows), {"rivals": [], "correlations": [], "parts": {}}
    for name, some, own_rule, text in _parts(rows, rule, subsets):
        taken = [row for row in some if not why_not(row, own_rule)]
        part = _part(taken, groups, draws=draws, seed=seed)
        ranked, measured = ranking(part), scores_of(part)
        for one in measured:
            one |= {"subset": name} | _place(one["score"], ranked)
        found["rivals"] += measured
        found["correlations"] += [{"subset": name, **one} for one in correlations(part)]
        told = {"n": len(taken), "rule": text, "independence": part.independence.text, "ranking": ranked}
        found["parts"][name] = told | rivalwords.said(ranked)
    how = {"fewest": FEWEST, "filled": FILLED, "draws": draws, "seed": seed, "folds": FOLDS}
    synthetic = any(row["synthetic"] for row in rows)
    return {"version": __version__, "rule": rule.text(), "synthetic": synthetic, **how, **found}


def _parts(rows: list[dict], rule: FitRule, subsets: tuple[Subset, ...]):
    """Name, entries, rule and its words, of all entries and of each subset."""
    yield "all", rows, rule, rule.text()
    for subset in (APOFERRITIN, *subsets):
        own = subset.fit_rule(rule)
        yield subset.name, members(subset, rows), own, f"{subset.text()}; of these: {own.text()}"


def _part(rows: list[dict], groups: Groups, *, draws: int, seed: int) -> Part:
    scores = {one.column: values_of(rows, one.column) for one in SCORES}
    return Part(scores, values_of(rows, "resolution"), groups.of(rows), draws, seed)


# ---- one score ----


def scores_of(part: Part) -> list[dict]:
    """A row of `layouts.RIVALS` for each score that any entry has."""
    found = []
    for one in SCORES:
        there = part.where([one.column])
        if there is None:
            continue
        share = len(there.resolution) / len(part.resolution)
        named = {"score": one.column, "name": one.name, "family": one.family, "form": one.form}
        row = named | {"n": len(there.resolution), "share": share} | following(there, one.column)
        row["wrong_way"] = _wrong_way(row, one.rises)
        found.append(row | against_q(part, one.column))
    return found


def _wrong_way(row: dict, rises: bool) -> bool | None:
    """Whether better values go with worse resolution; None where ρ is not told from 0."""
    low, high = row.get("spearman_low"), row.get("spearman_high")
    if low is None or high is None or low <= 0 <= high:
        return None
    return (low > 0) == rises


def following(part: Part, column: str) -> dict:
    """How a score follows resolution on the entries that have it: correlations, R², error of what it predicts."""
    x, y = part.resolution, part.scores[column]
    found = {"pearson": _number(pearson(x, y)), "spearman": _number(spearman(x, y))}
    if found["pearson"] is not None:
        found |= _scatter(part, column)
    return found | _errors(part, column)


def _scatter(part: Part, column: str) -> dict:
    """R² of a line and of a spline over resolution, and the intervals of the correlations."""
    x, y = part.resolution, part.scores[column]
    found = {"r_squared_line": pearson(x, y) ** 2}
    if not too_few_for_shape(x):
        found["r_squared_spline"] = lack_of_fit(x, y)["r_squared_spline"]
    if part.groups:
        r = wider(interval(correlation(one)) for one in part.moments_redrawn(column))
        redrawn = [spearman_redrawn(x, y, one, draws=part.draws, seed=part.seed) for one in part.groups]
        found |= _ends("pearson", r) | _ends("spearman", wider(map(interval, redrawn)))
    return found


def _errors(part: Part, column: str) -> dict:
    if part.fold is None:
        return {}
    error, line, nothing = (part.errors(column, one) for one in (monotone, straight, unknowing))
    typical = float(np.median(np.abs(error)))
    return {"error": rmse(error), "error_median": typical, "error_line": rmse(line), "error_none": rmse(nothing)}


def against_q(part: Part, column: str) -> dict:
    """Error and |Pearson| of a score less those of Q, on the entries that have both, with 95 % intervals."""
    both = part.where([column, Q])
    if column == Q or both is None:
        return {}
    found, x = {"n_with_q": len(both.resolution)}, both.resolution
    found["pearson_less_q"] = _number(abs(pearson(x, both.scores[column])) - abs(pearson(x, both.scores[Q])))
    if both.fold is not None:
        found["error_less_q"] = rmse(both.errors(column)) - rmse(both.errors(Q))
    if not both.groups:
        return found
    score, q = (both.moments_redrawn(one) for one in (column, Q))
    if found["pearson_less_q"] is not None:
        pairs = zip(score, q, strict=True)
        r = (interval(np.abs(correlation(one)) - np.abs(correlation(other))) for one, other in pairs)
        found |= _ends("pearson_less_q", wider(r))
    if both.fold is not None:
        squared = zip(both.squares_redrawn(column), both.squares_redrawn(Q), score, strict=True)
        errors = (interval(np.sqrt(one[0] / n[0]) - np.sqrt(other[0] / n[0])) for one, other, n in squared)
        found |= _ends("error_less_q", wider(errors))
    return found


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _ends(name: str, ends: tuple[float, float] | None) -> dict:
    return dict(zip((f"{name}_low", f"{name}_high"), ends or (None, None), strict=True))


# ---- all of them ----


def ranking(part: Part) -> dict:
    """Scores by the error of the resolution they predict, on the entries that have all that are ranked.

    Returns
    -------
    dict
        ``n`` (entries common to the ranked), ``fewest``, ``of`` (entries of the part), ``groups``, ``order``
        (column, error, `told`: whether its error is told to be above the first one's), ``real_space`` (the same of
        real-space scores alone), ``none`` (error without any score); both orders are empty where there are too few
        entries, groups or scores.
    """
    of = len(part.resolution)
    ranked = [one for one in part.scores if of and np.isfinite(part.scores[one]).mean() >= FILLED]
    there = part.where(ranked) if ranked else None
    n, groups = (len(there.resolution), len(there.groups)) if there else (0, 0)
    facts = {"n": n, "of": of, "fewest": FEWEST, "scores": ranked, "groups": groups > 0, "order": []}
    facts |= {"real_space": [], "none": None}
    if n < FEWEST or not groups or len(ranked) < 2:
        return facts
    error = np.array([rmse(there.errors(one)) for one in ranked])
    n_drawn = [one[0] for one in there.moments_redrawn(ranked[0])]
    squared = zip(*(there.squares_redrawn(one) for one in ranked), strict=True)
    drawn = [np.sqrt(np.vstack(one) / rows) for one, rows in zip(squared, n_drawn, strict=True)]
    above = np.logical_and.reduce([told_apart(error, one) for one in drawn])
    order = np.argsort(error, kind="stable").tolist()
    real = [k for k in order if ranked[k] in REAL_SPACE]
    orders = {"order": order, "real_space": real if len(real) > 1 else []}
    rows = {key: [_ranked(ranked[k], error[k], above[k, of[0]]) for k in of] for key, of in orders.items()}
    return facts | rows | {"none": rmse(there.errors(ranked[0], unknowing))}


def _ranked(column: str, error, told) -> dict:
    return {"score": column, "error": float(error), "told": bool(told)}


def _place(column: str, ranked: dict) -> dict:
    """Rank of a score and its error on the common entries; nothing where there is no ranking or it is not in it."""
    for k, one in enumerate(ranked["order"]):
        if one["score"] == column:
            return {"rank": k + 1, "error_common": one["error"], "among_best": not one["told"]}
    return {}


def correlations(part: Part) -> list[dict]:
    """A row of `layouts.CORRELATIONS` for each two scores, and each with resolution, on the entries that have both."""
    values = {"resolution": part.resolution} | part.scores
    known = {name: np.isfinite(values[name]) for name in NAMES if name in values}
    there, standing, found = [name for name in known if known[name].any()], {}, []
    for first, second in combinations(there, 2):
        both = known[first] & known[second]
        row, among = {"first": first, "second": second, "n": int(both.sum())}, both.tobytes()
        if row["n"] >= 3:
            for name in (first, second):
                if (name, among) not in standing:
                    standing[name, among] = _standing(values[name][both])
            pairs = zip(standing[first, among], standing[second, among], strict=True)
            row |= dict(zip(("pearson", "spearman"), (_number(_pearson(*one)) for one in pairs), strict=True))
        found.append(row)
    return found


def _standing(values) -> tuple[np.ndarray, np.ndarray]:
    """Values and their ranks, `standard` both."""
    from scipy.stats import rankdata

    return standard(values), standard(rankdata(values))


def _pearson(x, y) -> float:
    """`redraws.pearson` of what is `standard`."""
    return float(correlation(np.array([len(x), *(one.sum() for one in (x, y, x * x, x * y, y * y))])))
