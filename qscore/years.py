"""Q beside what is expected, by the year of the map's release."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from qscore.style import BENEATH, BLUE, COLUMN, GREY, INK, keep_strip, styled

FEWEST = 5  # entries of a year whose quartiles are drawn; those of other years are points
FEWEST_YEARS = 2
CERTAINTY = 0.95


@styled
def q_by_year(points: pd.DataFrame, fit: dict) -> Figure | None:
    """Median and quartiles of Q minus expected Q for each year of release.

    Parameters
    ----------
    points : DataFrame
        Of `points.survey_points`; those that the fit takes are drawn.
    fit : dict
        Content of ``expected_q.json``.

    Returns
    -------
    Figure or None
        None where fewer than `FEWEST_YEARS` years have `FEWEST` entries.
    """
    rest = above_expected(points)
    sizes = rest.groupby("year").size()
    whole = sizes.index[sizes >= FEWEST]
    if len(whole) < FEWEST_YEARS:
        return None
    strip = 0.3 * fit["synthetic"]
    figure = Figure(figsize=(COLUMN, 3.0 + strip), layout="constrained")
    keep_strip(figure, fit["synthetic"])
    axes = figure.subplots()
    axes.axhline(0, color=INK, lw=0.8, ls="--", zorder=1)
    _draw_few(axes, rest[~rest["year"].isin(whole)])
    _draw_years(axes, rest[rest["year"].isin(whole)])
    step = max(1, -(-int(np.ptp(rest["year"])) // 6))
    axes.set_xticks(np.arange(rest["year"].min(), rest["year"].max() + 1, step))
    axes.set(xlabel="Year of the map’s release", ylabel="Q − expected Q")
    axes.set_title(f"n = {len(rest):,}", loc="left")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, ncols=1, **BENEATH)
    return figure


def above_expected(points: pd.DataFrame) -> pd.DataFrame:
    """Year of release and Q minus expected Q of the entries that the fit takes; without those that lack either."""
    if "map_release" not in points:
        return pd.DataFrame({"year": [], "above": []})
    taken = points[points["left_out"] == ""]
    year = pd.to_numeric(taken["map_release"].astype("string").str.slice(0, 4), errors="coerce")
    found = pd.DataFrame({"year": year, "above": taken["q_mean"] - taken["expected_q"]}).dropna()
    return found.astype({"year": int, "above": float})


def median_interval(values: np.ndarray) -> tuple[float, float]:
    """Exact interval of a median of n numbers, from their order: at least 95 % (binomial)."""
    ordered = np.sort(values)
    rank = int(stats.binom.ppf((1 - CERTAINTY) / 2, len(ordered), 0.5))
    return float(ordered[max(rank - 1, 0)]), float(ordered[min(len(ordered) - rank, len(ordered) - 1)])


def _draw_few(axes, rest: pd.DataFrame) -> None:
    """Entries of years with few, one by one."""
    if len(rest):
        label = f"entries of years with fewer than {FEWEST}"
        axes.plot(rest["year"], rest["above"], ".", color=GREY, ms=4, label=label, gid="few")


def _draw_years(axes, rest: pd.DataFrame) -> None:
    groups = {year: group.to_numpy() for year, group in rest.groupby("year")["above"]}
    years = list(groups)
    low, middle, high = np.array([np.quantile(values, (0.25, 0.5, 0.75)) for values in groups.values()]).T
    sure = np.array([median_interval(values) for values in groups.values()]).T
    axes.vlines(years, low, high, color=BLUE, lw=5, alpha=0.3, label="middle half of the entries", gid="quartiles")
    axes.vlines(years, *sure, color=BLUE, lw=1.4, label="median with its 95 % interval", gid="sure", zorder=3)
    axes.plot(years, middle, "o", color=BLUE, mec="white", mew=0.6, ms=5, zorder=4, gid="median")
