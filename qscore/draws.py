"""The diverse subset drawn many times: the lines, their spread, and what the published R² says beside them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qscore import __version__, tables
from qscore.diverse import DESIGN, Bin, Design, Pool, draw, pool_of, why_not_drawn
from qscore.selection import FitRule

if TYPE_CHECKING:
    from qscore.regression import Lines

PUBLISHED_R_SQUARED = 0.95  # Figure 2A of the publication: 55 diverse maps
TITLES = {"blind": "Blind", "well_fitted": "Well fitted"}


def survey_draws(
    rows: list[dict], rule: FitRule, *, seed: int = 2026, draws: int = 1000, design: Design = DESIGN
) -> tuple[dict, list[dict]]:
    """Both rules' draws: what is said of them, and a row of `tables.DRAWS` for each.

    Raises
    ------
    ValueError
        Fewer than one draw, or a negative seed.
    """
    if draws < 1 or seed < 0:
        raise ValueError(f"{draws} draws from seed {seed}: expected at least 1 draw and a seed of at least 0")
    told, table = {}, []
    for name in TITLES:
        told[name], lines_drawn = _one_rule(name, rows, rule, (seed, draws, design))
        table += lines_drawn
    facts = {
        "version": __version__,
        "quantity": "q_mean",
        "sigma": 0.4,
        "seed": seed,
        "draws": draws,
        "size": design.size,
        "rule": design.text(),
        "published_r_squared": PUBLISHED_R_SQUARED,
        "synthetic": any(row["synthetic"] for row in rows),
        "rules": told,
        "sentence": belongs(told),
    }
    return facts, table


def write(entries_file, rule: FitRule, out, *, seed: int = 2026, draws: int = 1000, design: Design = DESIGN) -> dict:
    """Draws of a survey → ``draws.parquet`` and ``draws.json``; returns the content of the latter.

    Parameters
    ----------
    entries_file : path
        Parquet of `tables.ENTRIES`, a column `cc_mean` beside for the well fitted.
    rule : FitRule
    out : path
        Folder.
    seed, draws : int
    design : Design

    Raises
    ------
    ValueError
        The table is another one; see also `survey_draws`.
    """
    rows = tables.read_rows(entries_file, known=tables.ENTRIES)
    if rows and "status" not in rows[0]:
        raise ValueError(f"{entries_file} is no table of entries: it has no column status")
    facts, table = survey_draws(rows, rule, seed=seed, draws=draws, design=design)
    facts["entries_sha256"] = hashlib.sha256(Path(entries_file).read_bytes()).hexdigest()
    tables.write_parquet(Path(out) / "draws.parquet", tables.DRAWS, tables.as_columns(tables.DRAWS, table))
    tables.write_json(Path(out) / "draws.json", facts)
    return facts


def _one_rule(name: str, rows: list[dict], rule: FitRule, how: tuple[int, int, Design]) -> tuple[dict, list[dict]]:
    """One rule's draws: facts and rows; without rows when nothing can be drawn."""
    seed, draws, design = how
    facts = {"title": TITLES[name], "rule": _rule_text(name, design), "available": False}
    if name == "well_fitted" and not any(isinstance(row.get("cc_mean"), float) for row in rows):
        return facts | {"sentence": "not available: no column cc_mean"}, []
    taken = [row for row in rows if not why_not_drawn(row, rule, design, well_fitted=name == "well_fitted")]
    taken.sort(key=lambda row: (row["emdb_id"], row["pdb_id"]))  # a draw does not depend on the order of the table
    pool = pool_of(taken, design)
    facts |= {"n_eligible": len(taken), "n_proteins": pool.n_proteins, "notes": _not_told(taken)}
    if why := _too_few(len(taken), pool.n_proteins, design, rule):
        return facts | {"sentence": why}, []
    facts["notes"] += [f"{one.parts} bins merged into {one.text()}, which gives {one.quota}" for one in pool.merged]
    resolution, q = ([row[key] for row in taken] for key in ("resolution", "q_mean"))
    found = lines(pool, resolution, q, seed=seed, draws=draws)
    if not np.isfinite(found.r_squared).any():
        return facts | {"sentence": "no line goes through any draw: all at one resolution"}, []
    facts |= summary(found, design) | {"available": True, "bins": [_bin_facts(one) for one in pool.bins]}
    typical = facts["median_draw"]
    typical["pairs"] = [
        {key: taken[k][key] for key in ("emdb_id", "pdb_id", "resolution", "q_mean")}
        for k in sorted(draw(pool, seed, typical["draw"]), key=lambda k: (resolution[k], k))
    ]
    return facts | {"sentence": draws_sentence(facts)}, _table(name, found)


def lines(pool: Pool, resolution, q, *, seed: int, draws: int) -> Lines:
    """The least-squares line of each draw.

    Parameters
    ----------
    pool : Pool
    resolution, q : float array, shape (n,)
        Of the pool's pairs; Q is looked at here for the first time.
    seed, draws : int
    """
    from qscore.regression import lines_of

    drawn = [draw(pool, seed, number) for number in range(draws)]
    pairs, group = np.concatenate(drawn), np.repeat(np.arange(draws), [len(one) for one in drawn])
    return lines_of(np.asarray(resolution)[pairs], np.asarray(q)[pairs], group, draws)


def _rule_text(name: str, design: Design) -> str:
    return "metadata only" if name == "blind" else f"CC-mean above {design.cc_mean:g}"


def _too_few(n: int, proteins: int, design: Design, rule: FitRule) -> str:
    """Why nothing is drawn; "" when it is."""
    if n < design.size:
        entries = "1 eligible pair" if n == 1 else f"{n} eligible pairs"
        return f"{entries}: fewer than the {design.size} of a draw; nothing is drawn"
    different = "1 protein" if proteins == 1 else f"{proteins} proteins"
    return f"{different}: too few for a line (at least {rule.fewest})" if proteins < rule.fewest else ""


def _not_told(taken: list[dict]) -> list[str]:
    """What the source does not tell of the pairs that may be drawn."""
    counts = {
        "overlap of model and map": sum(not row["in_frame"] for row in taken),
        "method": sum(not row["method"] for row in taken),
        "criterion of resolution": sum(not row["resolution_method"] for row in taken),
        "protein, each map standing for itself": sum(
            row["cluster_protein"] in (None, "", row["emdb_id"]) for row in taken
        ),
    }
    told = [
        f"{what} ({'all pairs' if count == len(taken) else f'{count:,} pairs'})"
        for what, count in counts.items()
        if count
    ]
    return [f"not told by the source, and so no reason to leave a pair out: {', '.join(told)}"] if told else []


def _bin_facts(one: Bin) -> dict:
    numbers = {key: getattr(one, key) for key in ("low", "high", "quota", "proteins", "parts")}
    return numbers | {"pairs": len(one.pairs)}


def summary(found: Lines, design: Design = DESIGN) -> dict:
    """Medians and 95 % ranges of the lines, the draw nearest to the median R², and where the published R² lies."""
    spread = {key: _spread(getattr(found, key)) for key in ("slope", "intercept", "rmse", "r_squared")}
    low, high = spread["r_squared"]["low"], spread["r_squared"]["high"]
    number = int(np.nanargmin(np.abs(found.r_squared - spread["r_squared"]["median"])))
    return {
        "n": [int(found.n.min()), int(found.n.max())],
        "smaller": int((found.n < design.size).sum()),
        "draws": len(found.n),
        **spread,
        "share_reaching": float(np.mean(found.r_squared >= PUBLISHED_R_SQUARED)),
        "published": "below" if low > PUBLISHED_R_SQUARED else "above" if high < PUBLISHED_R_SQUARED else "inside",
        "median_draw": {"draw": number} | {key: float(getattr(found, key)[number]) for key in spread},
    }


def _spread(values: np.ndarray) -> dict:
    """Median and the middle 95 %."""
    low, median, high = np.nanquantile(values, [0.025, 0.5, 0.975])
    return {"median": float(median), "low": float(low), "high": float(high)}


def _table(name: str, found: Lines) -> list[dict]:
    numbers = ("n", "slope", "intercept", "rmse", "r_squared")
    return [
        {"rule": name, "draw": k} | dict(zip(numbers, map(lambda v: v.item(), values), strict=True))
        for k, values in enumerate(zip(*(getattr(found, key) for key in numbers), strict=True))
    ]


# ---- in words ----


def draws_sentence(facts: dict) -> str:
    """Slope and RMSE, then R², of one rule's draws."""
    smallest, largest = facts["n"]
    size = f"{largest}" if smallest == largest else f"{smallest}–{largest}"
    smaller = f"; {facts['smaller']:,} of them are smaller than planned, for want of proteins" * bool(facts["smaller"])
    return (
        f"slope {_with_range(facts['slope'])} per Å, RMSE {_with_range(facts['rmse'])}, "
        f"R² {_with_range(facts['r_squared'])}: medians and 95 % ranges of {facts['draws']:,} draws of {size} pairs "
        f"out of {facts['n_eligible']:,} ({facts['n_proteins']:,} proteins){smaller}. "
        f"R² reaches {PUBLISHED_R_SQUARED} in {100 * facts['share_reaching']:.1f} % of the draws: the published value "
        f"lies {facts['published']} the 95 % range"
    )


def _with_range(spread: dict) -> str:
    median, low, high = (f"{spread[key]:.3f}".replace("-", "−") for key in ("median", "low", "high"))
    return f"{median} ({low} to {high})"


def belongs(told: dict) -> str:
    """To which rule the published R² belongs, in words.

    Parameters
    ----------
    told : dict
        The facts of each rule.
    """
    there = [facts for facts in told.values() if facts["available"]]
    if not there:
        return "Nothing was drawn: this survey cannot say to which rule the published R² belongs."
    places = [
        f"{facts['published']} the 95 % range of the {facts['title'].lower()} draws ({_range_text(facts['r_squared'])})"
        for facts in there
    ]
    inside = [facts["title"].lower() for facts in there if facts["published"] == "inside"]
    verdict = f": it belongs to {inside[0]} pairs" if len(there) == 2 and len(inside) == 1 else ""
    return f"The published R² of {PUBLISHED_R_SQUARED} lies {' and '.join(places)}{verdict}."


def _range_text(spread: dict) -> str:
    return f"{spread['low']:.3f}–{spread['high']:.3f}"
