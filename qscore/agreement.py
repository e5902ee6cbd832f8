"""Ours against theirs as a figure: both beside the identity, and their differences with the limits of agreement."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from qscore.concordance import CLOSE, DIFFERS, percent, signed
from qscore.discrepancies import UNEXPLAINED
from qscore.style import BENEATH, BLUE, CROWD, GREEN, GREY, INK, PALE, VERMILION, keep_strip, styled

WIDTH, HEIGHT = 5.6, 2.9  # inches; height of the panels with their axes
OURS, THEIRS = "Q computed here", "Q published by the archive"
OTHERS = "other causes"
MOST_CAUSES = 5  # beside unexplained
# Colour and marker: of pairs that agree, of those unexplained, of the other causes; of the causes by their number.
AGREE, WITHOUT, REST = (INK, "o"), (VERMILION, "v"), (GREY, "*")
LOOKS = (("#0072B2", "s"), (GREEN, "^"), ("#CC79A7", "D"), ("#E69F00", "P"), ("#56B4E9", "X"))
WIDE = 6 * DIFFERS  # with differences beyond, their axis is logarithmic outside ± DIFFERS


@styled
def draw(frame: pd.DataFrame, summary: dict) -> Figure | None:
    """Q computed here against published Q, and their difference against their mean.

    After Bland & Altman 1986, Lancet 327:307. Pairs that differ by more than
    0.005 have the colour and shape of the cause offered.

    Parameters
    ----------
    frame : DataFrame
        `tables.CONCORDANCE`.
    summary : dict
        Content of ``concordance.json``.

    Returns
    -------
    Figure or None
        None when there is nothing to compare.
    """
    if frame.empty:
        return None
    points = frame.assign(mean=(frame["q_mean"] + frame["q_published"]) / 2, group=grouped(frame))
    looks = _looks(points["group"])
    strip = 0.3 if summary["synthetic"] else 0.0
    height = HEIGHT + 0.7 + 0.18 * len(looks) / 2 + strip
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    keep_strip(figure, bool(strip))
    figure.get_layout_engine().set(wspace=0.06)
    figure.suptitle(_heading(summary), fontsize=9, x=0.01, y=1 - (strip + 0.06) / height, ha="left", gid="heading")
    left, right = figure.subplots(1, 2)
    _draw_identity(left, points, looks)
    _draw_differences(right, points, looks, summary)
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, ncols=2, **BENEATH)
    return figure


def grouped(frame: pd.DataFrame) -> pd.Series:
    """Cause of each pair that differs, the rarer ones put together; "" where it does not differ."""
    cause = frame["cause"].where(frame["differs"].astype(bool), "").fillna("")
    named = [name for name in _by_number(cause) if name != UNEXPLAINED]
    kept = named if len(named) <= MOST_CAUSES else named[: MOST_CAUSES - 1]
    return cause.where(cause.isin(["", UNEXPLAINED, *kept]), OTHERS)


def _by_number(groups: pd.Series) -> list[str]:
    """Causes, the most frequent first."""
    counts = Counter(groups[groups != ""])
    return sorted(counts, key=lambda name: (-counts[name], name))


def _looks(groups: pd.Series) -> dict[str, tuple[str, str]]:
    """Group → colour and marker, in the order drawn and named."""
    there = _by_number(groups)
    causes = [name for name in there if name not in (UNEXPLAINED, OTHERS)]
    looks = {"": AGREE} if (groups == "").any() else {}
    looks |= dict(zip(causes, LOOKS, strict=False))
    return looks | {name: look for name, look in ((OTHERS, REST), (UNEXPLAINED, WITHOUT)) if name in there}


def _heading(summary: dict) -> str:
    n, r = summary["n"], summary["pearson"]
    said = f"n = {n:,}     bias {signed(summary['bias'])}"
    if summary["sd"] is not None:
        said += f" ± {summary['bias_se']:.4f}     SD {summary['sd']:.4f}"
    if r is not None:
        said += f"     r = {np.floor(r * 1e4) / 1e4:.4f}"
    widths = {"within_0_001": CLOSE, "within_0_005": DIFFERS}
    return said + "\n" + ", ".join(f"{percent(summary[key])} within {width}" for key, width in widths.items())


def _draw_identity(axes, points: pd.DataFrame, looks: dict) -> None:
    both = points[["q_published", "q_mean"]].to_numpy(float)
    margin = max(0.05 * float(np.ptp(both)), 0.01)
    low, high = both.min() - margin, both.max() + margin
    axes.plot((low, high), (low, high), color=GREY, lw=1, zorder=1, gid="identity")
    _draw_points(axes, points, looks, "q_published", "q_mean")
    axes.set(xlabel=THEIRS, ylabel=OURS, xlim=(low, high), ylim=(low, high), box_aspect=1)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _draw_differences(axes, points: pd.DataFrame, looks: dict, summary: dict) -> None:
    """Difference against mean, with bias and limits of agreement."""
    far = float(points["difference"].abs().max())
    axes.axhspan(-DIFFERS, DIFFERS, color=PALE, lw=0, zorder=0, gid="close")
    _draw_limits(axes, summary)
    _draw_points(axes, points, looks, "mean", "difference")
    _scale(axes, max(far, *(abs(summary[end] or 0) for end in ("low", "high"))))
    if axes.get_yscale() == "symlog":
        axes.set_title(f"logarithmic beyond ± {DIFFERS}", loc="right", fontsize=8, color=GREY)
    axes.set(xlabel="Mean of both", ylabel="Ours − published", box_aspect=1)
    axes.xaxis.set_major_locator(MaxNLocator(5))


def _draw_limits(axes, summary: dict) -> None:
    style = {"color": BLUE, "lw": 1, "zorder": 7}
    axes.axhline(summary["bias"], **style, label=f"bias {signed(summary['bias'])}", gid="bias")
    if summary["low"] is None:
        return
    words = f"95 % limits of agreement\n{signed(summary['low'])} to {signed(summary['high'])}"
    axes.axhline(summary["low"], **style, ls="--", label=words, gid="low")
    axes.axhline(summary["high"], **style, ls="--", gid="high")


def _scale(axes, far: float) -> None:
    """An axis of differences: linear, or linear within ± DIFFERS and logarithmic beyond when some are far."""
    if far <= WIDE:
        reach = 1.12 * max(far, 1.2 * DIFFERS)
        axes.set_ylim(-reach, reach)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value)))
        return
    axes.set_yscale("symlog", linthresh=DIFFERS, linscale=0.8)
    axes.set_ylim(-1.5 * far, 1.5 * far)
    ticks = [tick for tick in (DIFFERS, 0.02, 0.1, 0.5, 2.0) if tick < 1.5 * far]
    axes.yaxis.set_major_locator(FixedLocator([*(-tick for tick in ticks), 0.0, *ticks]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value)))


def _plain(value: float) -> str:
    return f"{value:.3g}".replace("-", "−") if abs(value) > 1e-12 else "0"


def _draw_points(axes, points: pd.DataFrame, looks: dict, x: str, y: str) -> None:
    """Points by group, those that agree first and small."""
    crowded = len(points) > CROWD
    size = 3 if crowded else 16 if len(points) < 150 else 8
    for group, (colour, marker) in looks.items():
        some = points[points["group"] == group]
        axes.scatter(
            some[x], some[y], s=size * (2 if group else 1), color=colour, marker=marker, linewidth=0,
            alpha=0.4 if crowded and not group else 0.9, rasterized=crowded, zorder=6 if group else 5,
            label=f"{group or f'within ± {DIFFERS}'} ({len(some):,})", gid=f"points-{group or 'agree'}",
        )  # fmt: skip
