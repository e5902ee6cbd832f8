"""Where the entries lie: how many there are of each Q at each resolution, beside the bands of the curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter

from qscore.equations import Curve, from_record, judging_curve
from qscore.style import BENEATH, BLUE, COLUMN, GREY, INK, VERMILION, keep_strip, styled
from qscore.survey import FROM_ARCHIVE, FROM_MAPS

HEXAGONS = 300  # entries from which they are counted in hexagons; fewer are points
ACROSS = 48  # hexagons
SHADES = LinearSegmentedColormap.from_list("count", ["#D6E6F2", "#7FB2D6", BLUE, "#00243A"])
BANDS = {0.95: ":", 0.9: "--", 0.5: "-."}
FILLS = {0.95: "#ECECEC", 0.9: "#DCDCDC", 0.5: "#C4C4C4"}
CASED = [withStroke(linewidth=2.6, foreground="white", alpha=0.85)]
FEWEST = 5  # entries with a map–model FSC
EMDB_FSC, OWN_FSC = "map_model_fsc05", "d_fsc05"
FSC_WORDS = {
    EMDB_FSC: "FSC as the source of the resolutions gives it",
    OWN_FSC: "FSC computed here with the scores",
}


def of_q(fit: dict) -> str:
    """What the axis of Q says, which claims only what is known."""
    return "Mean Q (σ = 0.4 Å)" if fit["score_source"] in (FROM_MAPS, FROM_ARCHIVE) else "Q as the table gives it"


@styled
def density(points: pd.DataFrame, fit: dict) -> Figure | None:
    """How many entries have each Q at each resolution, with the expected Q and its 50, 90 and 95 % bands.

    Parameters
    ----------
    points : DataFrame
        Of `points.survey_points`; those within the curve's resolutions are drawn.
    fit : dict
        Content of ``expected_q.json``.

    Returns
    -------
    Figure or None
        None without an entry to draw.
    """
    curve = judging_curve(fit)
    drawn = points[points["resolution"].between(*curve.domain)]
    if drawn.empty:
        return None
    figure, axes = _panel(fit, 3.7)
    x, q = drawn["resolution"].to_numpy(float), drawn["q_mean"].to_numpy(float)
    crowded = len(drawn) >= HEXAGONS
    axes.set(xlabel="Resolution (Å)", ylabel=of_q(fit), **_limits(x, q))
    _draw_crowd(axes, x, q, what="entries")
    _draw_bands(axes, curve, filled=not crowded)
    axes.set_title(f"n = {len(drawn):,}", loc="left")
    _legend(figure, axes)
    return figure


@styled
def q_vs_fsc05(points: pd.DataFrame, fit: dict) -> Figure | None:
    """Mean Q against the resolution at which the FSC of map and model falls to 0.5.

    The source's values where it has them of enough entries, otherwise those computed with the scores; the equations
    of the fit, where it has them, are over the former. Entries that the fit takes are drawn, as far as an equation or
    the curve of the survey reaches.

    Parameters
    ----------
    points, fit
        As for `density`.

    Returns
    -------
    Figure or None
        None where fewer than `FEWEST` entries have a value.
    """
    taken = points[points["left_out"] == ""]
    source = fsc_source(taken)
    if source is None:
        return None
    records = {key: fit["equations"].get(f"all-fsc05-{key}") for key in ("line", "cubic") if source == EMDB_FSC}
    equations = {key: from_record(key, record) for key, record in records.items() if record}
    lowest, highest = next(iter(equations.values())).domain if equations else judging_curve(fit).domain
    known = taken[taken[source].notna()]
    drawn = known[known[source].between(lowest, highest)]
    if len(drawn) < FEWEST:
        return None
    figure, axes = _panel(fit, 3.6)
    x, q = drawn[source].to_numpy(float), drawn["q_mean"].to_numpy(float)
    axes.set(xlabel="Map–model FSC 0.5 (Å)", ylabel=of_q(fit), **_limits(x, q))
    _draw_crowd(axes, x, q, what="entries")
    _draw_equations(axes, equations, records)
    beyond = len(known) - len(drawn)
    more = f"; {beyond:,} beyond {lowest:.1f}–{highest:.1f} Å" if beyond else ""
    axes.set_title(f"n = {len(drawn):,}{more}\n{FSC_WORDS[source]}", loc="left", fontsize=8)
    _legend(figure, axes)
    return figure


def fsc_source(points: pd.DataFrame) -> str | None:
    """The column of map–model FSC 0.5 to be drawn: the source's, else our own; None where too few have either."""
    there = (name for name in (EMDB_FSC, OWN_FSC) if name in points and points[name].notna().sum() >= FEWEST)
    return next(there, None)


def _panel(fit: dict, height: float):
    strip = 0.3 * fit["synthetic"]
    figure = Figure(figsize=(COLUMN, height + strip), layout="constrained")
    keep_strip(figure, fit["synthetic"])
    axes = figure.subplots()
    return figure, axes


def _limits(x: np.ndarray, q: np.ndarray) -> dict:
    margin = max(0.04 * np.ptp(x), 0.1)
    return {
        "xlim": (max(x.min() - margin, 0.0), x.max() + margin),
        "ylim": (min(0.0, q.min() - 0.05), max(1.0, q.max() + 0.05)),
    }


def _draw_crowd(axes, x: np.ndarray, q: np.ndarray, *, what: str) -> None:
    """Hexagons shaded by how many there are, or points."""
    if len(x) < HEXAGONS:
        axes.scatter(x, q, s=14, color=INK, edgecolor="white", linewidth=0.4, zorder=3, gid="points")
        return
    extent = (*axes.get_xlim(), *axes.get_ylim())
    grid = (ACROSS, round(ACROSS / 2))
    norm = LogNorm(vmin=1, clip=True)
    cells = axes.hexbin(x, q, gridsize=grid, extent=extent, mincnt=1, cmap=SHADES, norm=norm, linewidths=0.1)
    cells.set(gid="hexagons", rasterized=True, zorder=2)
    bar = axes.figure.colorbar(cells, ax=axes, location="top", aspect=34, pad=0.02, shrink=0.96)
    bar.set_label(f"{what} in a hexagon", fontsize=8)
    bar.ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    bar.ax.minorticks_off()
    bar.outline.set_linewidth(0.5)


def _draw_bands(axes, curve: Curve, *, filled: bool) -> None:
    """The expected Q and its bands: shades behind points, lines over hexagons."""
    x = np.linspace(*np.clip(axes.get_xlim(), *curve.domain), 200)
    for band, dashes in BANDS.items():
        low, high = curve.band(x, band)
        label, gid = f"{100 * band:g} % band", f"band-{100 * band:g}"
        if filled:
            axes.fill_between(x, low, high, color=FILLS[band], lw=0, zorder=0, label=label, gid=gid)
            continue
        style = {"color": INK, "lw": 1.1, "ls": dashes, "zorder": 6, "path_effects": CASED}
        axes.plot(x, low, **style, label=label, gid=gid)
        axes.plot(x, high, **style, gid=gid)
    effects = CASED if not filled else None
    axes.plot(
        x, curve.expected(x), color=VERMILION, lw=1.5, zorder=7, path_effects=effects, gid="curve",
        label=f"expected Q, {curve.name}",
    )  # fmt: skip


def _draw_equations(axes, equations: dict, records: dict) -> None:
    """The line and the cubic of the fit, over the resolutions drawn."""
    looks = {"line": (GREY, "--"), "cubic": (VERMILION, "-")}
    for key, equation in equations.items():
        x = np.linspace(*np.clip(axes.get_xlim(), *equation.domain), 200)
        colour, dashes = looks[key]
        axes.plot(
            x, [equation.at(value) for value in x], color=colour, lw=1.5, ls=dashes, zorder=6, path_effects=CASED,
            label=f"{key}, R² = {records[key]['r_squared']:.2f}", gid=key,
        )  # fmt: skip


def _legend(figure: Figure, axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, ncols=2, **(BENEATH | {"columnspacing": 1.0}))
