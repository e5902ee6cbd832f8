"""The scores beside each other as figures: how they go together, and each against resolution."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qscore.rivalscores import NAMES
from qscore.rivalscores import RIVALS as SCORES
from qscore.style import BLUE, CROWD, GREY, INK, PAGE, PALE, keep_strip, styled

FEWEST = 5  # entries of a panel or cell
CELL, LEAST_WIDTH, WORDS = 0.36, 5.2, 2.2  # inches; of the names beside the cells
WRAP = 24  # letters of a name in the title of a panel
TAIL, TAILED = 0.005, 200  # share of values beyond a panel's axis at either end, and entries from which that is done
LONG = 1.5  # range of all values over that of the others, from which it is done
DIVERGING = "PuOr_r"  # told apart by every kind of colour vision: purple negative, orange positive


@styled
def correlation_heat(correlations: pd.DataFrame, facts: dict) -> Figure | None:
    """Spearman's ρ between the scores, and of each with resolution; None where fewer than two scores have one.

    Parameters
    ----------
    correlations : DataFrame
        Of `tables.CORRELATIONS`; the rows of all entries are drawn.
    facts : dict
        Content of ``rivals.json``.
    """
    mine = correlations[(correlations["subset"] == "all") & (correlations["n"] >= FEWEST)].dropna(subset="spearman")
    names = [name for name in _in_order() if name in {*mine["first"], *mine["second"]}]
    if len(names) < 3:
        return None
    matrix = _square(mine, names)
    side, strip = min(CELL * len(names), PAGE - WORDS), 0.3 * facts["synthetic"]
    figure = Figure(figsize=(max(side + WORDS, LEAST_WIDTH), side + 1.75 + strip), layout="constrained")
    keep_strip(figure, facts["synthetic"])
    axes = figure.subplots()
    low, high = (int(one) for one in (mine["n"].min(), mine["n"].max()))
    told = f"n = {high:,}" if low == high else f"n = {low:,} to {high:,}: entries that have both"
    axes.set_title(f"Spearman’s ρ between scores and with resolution\n{told}", loc="left")
    axes.set_anchor("NW")
    _draw_heat(axes, matrix)
    return figure


def _in_order() -> list[str]:
    return ["resolution", *(one.column for one in SCORES)]


def _square(mine: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Two columns of names → a symmetric square, NaN on its diagonal."""
    found = pd.DataFrame(np.nan, index=names, columns=names)
    for first, second, value in zip(mine["first"], mine["second"], mine["spearman"], strict=True):
        found.loc[first, second] = found.loc[second, first] = value
    return found


def _draw_heat(axes, matrix: pd.DataFrame) -> None:
    words = [NAMES[name] for name in matrix.index]
    labels = matrix.map(_two_digits)
    upper = np.triu(np.ones(matrix.shape, dtype=bool))
    shown = matrix.mask(upper).iloc[1:, :-1]
    sns.heatmap(
        shown, ax=axes, cmap=DIVERGING, vmin=-1, vmax=1, annot=labels.iloc[1:, :-1], fmt="", square=True,
        annot_kws={"fontsize": 7}, linewidths=0.6, linecolor="white", xticklabels=words[:-1], yticklabels=words[1:],
        cbar_ax=axes.inset_axes([0.68, 0.66, 0.025, 0.32]),
        cbar_kws={"label": "Spearman’s ρ", "ticks": [-1, -0.5, 0, 0.5, 1]},
    )  # fmt: skip
    axes.tick_params(length=0)
    axes.set_xticklabels(axes.get_xticklabels(), rotation=40, ha="right", rotation_mode="anchor")
    axes.collections[0].set_gid("heat")


def _two_digits(value: float) -> str:
    if np.isnan(value):
        return ""
    text = f"{abs(value):.2f}"
    return ("−" if value < 0 and float(text) else "") + text.removeprefix("0")


@styled
def score_panels(points: pd.DataFrame, facts: dict, measured: pd.DataFrame) -> Figure | None:
    """Each score against resolution, one panel a score; None where no score has enough entries.

    Parameters
    ----------
    points : DataFrame
        Of `points.survey_points`; those the fit takes are drawn.
    facts : dict
        Content of ``rivals.json``.
    measured : DataFrame
        Of `tables.RIVALS`: what stands in the titles.
    """
    taken = points[points["left_out"] == ""]
    rows = measured[(measured["subset"] == "all") & (measured["n"] >= FEWEST)].set_index("score")
    drawn = [one for one in SCORES if one.column in rows.index and one.column in taken]
    if not drawn:
        return None
    across = min(4, len(drawn))
    down, strip = -(-len(drawn) // across), 0.3 * facts["synthetic"]
    figure = Figure(figsize=(PAGE / 4 * max(across, 2), 1.85 * down + 0.45 + strip), layout="constrained")
    keep_strip(figure, facts["synthetic"])
    panels = figure.subplots(down, across, sharex=True, squeeze=False).ravel()
    for axes, one in zip(panels, drawn, strict=False):
        _draw_panel(axes, taken, one, rows.loc[one.column])
    for axes in panels[len(drawn) :]:
        axes.remove()
    figure.supxlabel("Reported resolution (Å)", fontsize=9)
    return figure


def _draw_panel(axes, taken: pd.DataFrame, one, row) -> None:
    some = taken[taken[one.column].notna()]
    y, colour = some[one.column].to_numpy(float), INK if one.family == "q" else BLUE
    many = len(some) > CROWD
    axes.scatter(
        some["resolution"], y, s=2.5 if many else 6 if len(some) > TAILED else 14, color=colour, linewidth=0,
        alpha=0.35 if many else 0.8, rasterized=many, gid=f"points-{one.column}",
    )  # fmt: skip
    rho = "–" if pd.isna(row["spearman"]) else f"{row['spearman']:.2f}".replace("-", "−")
    unit = f", {one.unit}" if one.unit else ""
    name = textwrap.fill(one.name + unit, WRAP)
    axes.set_title(f"{name}\nρ = {rho},  n = {int(row['n']):,}", loc="left", fontsize=7.5)
    _trim(axes, y)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.tick_params(labelbottom=True)
    axes.grid(axis="y", color=PALE, lw=0.6, zorder=0)
    axes.set_axisbelow(True)


def _trim(axes, y) -> None:
    """Leave a long tail outside the axis, where there are values enough, and say how many are outside."""
    low, high = np.quantile(y, [TAIL, 1 - TAIL])
    if len(y) < TAILED or np.ptp(y) <= LONG * (high - low):
        return
    margin = 0.08 * (high - low) or 0.05
    beyond = int(((y < low - margin) | (y > high + margin)).sum())
    axes.set_ylim(low - margin, high + margin)
    axes.annotate(
        f"{beyond:,} beyond", (0.99, 0.98), xycoords="axes fraction", ha="right", va="top", fontsize=7, color=GREY,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
    )  # fmt: skip
