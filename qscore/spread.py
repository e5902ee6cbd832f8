"""The draws of the diverse subset: one draw of each rule as the publication shows its own, and the spread of all."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qscore.style import BENEATH, BLUE, COLUMN, INK, VERMILION, keep_strip, styled

COLOURS = {"blind": VERMILION, "well_fitted": BLUE}
MAIN = ("well_fitted", "blind")  # rules, the one to be shown first
QUANTITIES = {"slope": "Slope (Q per Å)", "rmse": "RMSE (Q)", "r_squared": "R²"}
BARS, LEAST_WIDTH = 40, 0.02


@styled
def diverse_draws(draws: pd.DataFrame, facts: dict) -> Figure | None:
    """The draw of median R² of each rule, above the spread of slope, RMSE and R²; None when nothing was drawn.

    Parameters
    ----------
    draws : DataFrame
        Of `tables.DRAWS`.
    facts : dict
        Content of ``draws.json``.
    """
    rules = {name: rule for name, rule in facts["rules"].items() if rule["available"]}
    if not rules:
        return None
    synthetic = facts["synthetic"]
    figure = Figure(figsize=(7.2, 5.9 + 0.3 * synthetic), layout="constrained")
    keep_strip(figure, synthetic)
    above, below = figure.subfigures(2, height_ratios=(3, 2.3))
    panels = above.subplots(1, len(rules), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (name, rule) in zip(panels, rules.items(), strict=True):
        _draw_one(axes, rule, COLOURS[name])
    panels[0].set(ylabel="Mean Q (σ = 0.4 Å)", ylim=_range_of_q(rules))
    for axes, quantity in zip(below.subplots(1, len(QUANTITIES), sharey=True), QUANTITIES, strict=True):
        _draw_spread(axes, draws, rules, quantity)
    _mark_published(below.axes[-1], facts["published_r_squared"])
    below.axes[0].set_ylabel("Draws")
    below.supxlabel(textwrap.fill(facts["sentence"], 118), fontsize=8, x=0.02, ha="left", color="#4A4A4A")
    handles, labels = below.axes[-1].get_legend_handles_labels()
    below.legend(handles, labels, ncols=len(labels), **(BENEATH | {"loc": "outside upper center"}))
    return figure


@styled
def diverse_set(facts: dict) -> Figure | None:
    """One draw with its line, after Figure 2A: of the draws of the main rule the one nearest to the median R².

    The main rule is that of the well fitted, to which the published R² belongs; the blind one where CC-mean is not
    known. None when nothing was drawn.

    Parameters
    ----------
    facts : dict
        Content of ``draws.json``.
    """
    rule = next((facts["rules"][name] for name in MAIN if facts["rules"].get(name, {}).get("available")), None)
    if rule is None:
        return None
    strip = 0.3 * facts["synthetic"]
    figure = Figure(figsize=(COLUMN, 3.5 + strip), layout="constrained")
    keep_strip(figure, facts["synthetic"])
    axes = figure.subplots()
    _draw_one(axes, rule, BLUE)
    one = rule["median_draw"]
    axes.set_title(_equation(one), loc="left", color=BLUE, gid="heading")
    axes.set(ylabel="Mean Q (σ = 0.4 Å)", ylim=_range_of_q({"": rule}))
    told = (
        f"Draw {one['draw']} of {rule['draws']:,} (seed {facts['seed']}), the nearest to the median R²; "
        f"{rule['title'].lower()} pairs: {rule['rule']}."
    )
    figure.supxlabel(textwrap.fill(told, 58), fontsize=8, x=0.02, ha="left", color="#4A4A4A")
    return figure


def _equation(one: dict) -> str:
    sign = "−" if one["slope"] < 0 else "+"
    line = f"Q = {one['intercept']:.3f} {sign} {abs(one['slope']):.3f} R"
    return f"{line}   R² = {one['r_squared']:.2f}   n = {len(one['pairs'])}"


def _range_of_q(rules: dict) -> tuple[float, float]:
    q = [pair["q_mean"] for rule in rules.values() for pair in rule["median_draw"]["pairs"]]
    return min(0.0, min(q) - 0.05), max(1.0, max(q) + 0.05)


def _draw_one(axes, rule: dict, colour: str) -> None:
    """The draw nearest to the median R²: its pairs and its line."""
    one = rule["median_draw"]
    x, q = (np.array([pair[key] for pair in one["pairs"]]) for key in ("resolution", "q_mean"))
    ends = np.array([x.min(), x.max()])
    sns.scatterplot(x=x, y=q, ax=axes, color=INK, s=18, edgecolor="white", linewidth=0.4, gid="points")
    axes.plot(ends, one["intercept"] + one["slope"] * ends, color=colour, lw=1.6, gid="line")
    sign = "−" if one["slope"] < 0 else "+"
    axes.set_title(
        f"{rule['title']}: {rule['rule']}\nQ = {one['intercept']:.3f} {sign} {abs(one['slope']):.3f} R,  "
        f"RMSE {one['rmse']:.3f},  R² = {one['r_squared']:.3f},  n = {len(x)}",
        loc="left",
        fontsize=8,
    )
    axes.set_xlabel("Resolution (Å)")


def _draw_spread(axes, draws: pd.DataFrame, rules: dict, quantity: str) -> None:
    """How often each value came, and the medians."""
    values = draws[quantity].dropna()
    low, high = values.min(), values.max()
    margin = max(0.0, (LEAST_WIDTH - (high - low)) / 2)
    edges = np.linspace(low - margin, high + margin, BARS + 1)
    for name, rule in rules.items():
        mine = draws.loc[draws["rule"] == name, quantity].dropna()
        axes.hist(
            mine, bins=edges, color=COLOURS[name], alpha=0.35, histtype="stepfilled", gid=f"{quantity}-{name}",
            label=f"{rule['title'].lower()}, {len(mine):,} draws",
        )  # fmt: skip
    medians = {name: rule[quantity]["median"] for name, rule in rules.items()}
    for name, median in medians.items():
        axes.axvline(median, color=COLOURS[name], lw=1.4, gid=f"median-{quantity}-{name}")
        side = "center" if len(medians) == 1 else "left" if median == max(medians.values()) else "right"
        text = f"{median:.3f}".replace("-", "−")
        place = {"xy": (median, 1.01), "xycoords": ("data", "axes fraction"), "ha": side, "va": "bottom"}
        axes.annotate(text, **place, fontsize=8, color=COLOURS[name])
    axes.set_xlabel(QUANTITIES[quantity])
    axes.xaxis.set_major_locator(MaxNLocator(5))


def _mark_published(axes, value: float) -> None:
    axes.axvline(value, color=INK, lw=1.2, ls=":", gid="published", label=f"published R², {value:g}")
    axes.set_xlim(right=max(axes.get_xlim()[1], value + 0.005))
