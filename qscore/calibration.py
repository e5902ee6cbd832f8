"""Whether what the curve says of the entries holds, as figures: percentiles, and the shares that bands hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from qscore.style import BENEATH, BLUE, CROWD, GREY, INK, PAGE, PALE, VERMILION, keep_strip, styled

FEWEST = 40  # percentiles
CERTAINTY = 0.999
QUARTILES = (0.25, 0.5, 0.75)
BINS, FEWEST_IN_BIN = 20, 8  # of the histogram; entries expected in one
WINDOWS, SMALLEST, LARGEST = 30, 20, 400  # windows of resolution, and entries in one


@styled
def percentile_bias(points: pd.DataFrame, fit: dict) -> Figure | None:
    """Are the percentiles free of the resolution? Their histogram, and their quartiles along resolution.

    Percentiles of entries like those of the curve are uniform at any resolution. The limits are exact: those of the
    binomial for a bin, those of order statistics of uniform numbers (a beta distribution) for a quartile of a window.

    Parameters
    ----------
    points : DataFrame
        Of `points.survey_points`; those that the fit takes are drawn.
    fit : dict
        Content of ``expected_q.json``.

    Returns
    -------
    Figure or None
        None with fewer than `FEWEST` percentiles.
    """
    taken = points[(points["left_out"] == "") & points["percentile"].notna() & points["resolution"].notna()]
    if len(taken) < FEWEST:
        return None
    strip = 0.3 * fit["synthetic"]
    figure = Figure(figsize=(PAGE, 3.0 + strip), layout="constrained")
    keep_strip(figure, fit["synthetic"])
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.6))
    x, p = taken["resolution"].to_numpy(float), taken["percentile"].to_numpy(float)
    _draw_histogram(left, p)
    _draw_quartiles(right, x, p)
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, ncols=len(labels), **BENEATH)
    return figure


def _draw_histogram(axes, p: np.ndarray) -> None:
    bins = int(np.clip(len(p) // FEWEST_IN_BIN, 4, BINS))
    low, high = stats.binom.interval(CERTAINTY, len(p), 1 / bins)
    axes.hist(p, bins=np.linspace(0, 1, bins + 1), color="#8FB9D6", edgecolor="white", lw=0.5, gid="histogram")
    axes.axhspan(low, high, color=VERMILION, alpha=0.3, lw=0, gid="limits")
    axes.axhline(len(p) / bins, color=INK, lw=0.8, ls="--", gid="uniform")
    distance = stats.kstest(p, "uniform").statistic
    axes.set_title(f"n = {len(p):,}, distance from uniform {distance:.3f}", loc="left", fontsize=8, gid="distance")
    axes.set(xlabel="Percentile at its resolution", ylabel="Entries", xlim=(0, 1), ylim=(0, 1.18 * axes.get_ylim()[1]))


def _draw_quartiles(axes, x: np.ndarray, p: np.ndarray) -> None:
    """Quartiles of windows of neighbouring resolutions, with the limits of each."""
    many = len(p) > CROWD
    axes.scatter(
        x, p, s=1.5 if many else 8, color=GREY, alpha=0.15 if many else 0.5, linewidth=0, rasterized=many, gid="points"
    )
    place, found, sizes = windows(x, p)
    for k, quartile in enumerate(QUARTILES):
        low, high = quartile_limits(sizes, quartile)
        first = k == 0
        axes.fill_between(
            place, low, high, color=VERMILION, alpha=0.3, lw=0, label="99.9 % limits" if first else None,
            gid=f"limits-{100 * quartile:g}",
        )  # fmt: skip
        axes.axhline(quartile, color=INK, lw=0.8, ls="--", label="where they belong" if first else None)
        axes.plot(
            place, found[:, k], color=BLUE, lw=1.3, marker="o", ms=2.6, zorder=5, gid=f"quartile-{100 * quartile:g}",
            label=f"quartiles of windows of {_sizes(sizes)} entries" if first else None,
        )  # fmt: skip
    r = np.corrcoef(x, p)[0, 1] if np.ptp(x) and np.ptp(p) else 0.0
    axes.set_title(f"correlation with resolution r = {_signed(r)}", loc="left", fontsize=8, gid="correlation")
    axes.set(xlabel="Resolution (Å)", ylabel="Percentile", ylim=(0, 1), yticks=(0, *QUARTILES, 1))


def windows(x: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Percentiles of neighbours in resolution; entries of one resolution are never parted.

    Parameters
    ----------
    x, p : ndarray, shape (n,)
        Resolution, Å; percentile.

    Returns
    -------
    place : ndarray, shape (windows,)
        Median resolution of each, Å.
    quartiles : ndarray, shape (windows, 3)
        The order statistics ⌈n q⌉ of each.
    sizes : ndarray, int, shape (windows,)
    """
    each = int(np.clip(len(x) // WINDOWS, SMALLEST, LARGEST))
    parts = _parts(x, each)
    quartiles = [[np.sort(p[part])[_rank(len(part), q) - 1] for q in QUARTILES] for part in parts]
    return (
        np.array([np.median(x[part]) for part in parts]),
        np.array(quartiles),
        np.array([len(part) for part in parts]),
    )


def _parts(x: np.ndarray, each: int) -> list[np.ndarray]:
    """Places of the rows of windows with at least so many rows, cut only between different resolutions."""
    order = np.argsort(x, kind="stable")
    ends = np.flatnonzero(np.diff(x[order], append=np.inf)) + 1
    cuts = [0]
    for end in ends.tolist():
        if end - cuts[-1] >= each and len(x) - end >= each:
            cuts.append(end)
    return np.split(order, cuts[1:])


def _rank(n: int, quartile: float) -> int:
    return int(np.ceil(n * quartile))


def quartile_limits(sizes: np.ndarray, quartile: float) -> tuple[np.ndarray, np.ndarray]:
    """Exact limits of the order statistic ⌈n q⌉ of n uniform numbers: beta with k and n + 1 − k."""
    rank = np.ceil(sizes * quartile)
    low, high = stats.beta.interval(CERTAINTY, rank, sizes + 1 - rank)
    return low, high


def _sizes(sizes: np.ndarray) -> str:
    low, high = int(sizes.min()), int(sizes.max())
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def _signed(value: float) -> str:
    return f"{value:.3f}".replace("-", "−") if abs(value) >= 5e-4 else "0.000"


@styled
def coverage(fit: dict) -> Figure | None:
    """How many entries the bands of the curve hold in each bin of resolution, and the line's intervals beside.

    Parameters
    ----------
    fit : dict
        Content of ``expected_q.json``; its `coverage` are the rows of `layouts.COVERAGE`.

    Returns
    -------
    Figure or None
        None where the coverage was not measured: the survey has no curve of its own.
    """
    rows = pd.DataFrame(fit["coverage"])
    if rows.empty:
        return None
    strip = 0.3 * fit["synthetic"]
    figure = Figure(figsize=(PAGE, 3.2 + strip), layout="constrained")
    keep_strip(figure, fit["synthetic"])
    bands = sorted(rows["band"].unique())
    panels = figure.subplots(1, len(bands), squeeze=False)[0]
    for axes, band in zip(panels, bands, strict=True):
        _draw_band(axes, rows[rows["band"] == band].sort_values("low"), band)
    panels[0].set_ylabel("Share of the entries within")
    panels[len(panels) // 2].set_xlabel("Resolution (Å), and how many entries")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=len(labels), **BENEATH)
    return figure


def _draw_band(axes, rows: pd.DataFrame, band: float) -> None:
    place = np.arange(len(rows))
    axes.axhline(band, color=INK, lw=0.8, ls="--", zorder=1, gid="nominal")
    axes.bar(
        place, rows["limit_high"] - rows["limit_low"], bottom=rows["limit_low"], width=0.7, color=PALE, edgecolor=GREY,
        lw=0.6, zorder=2, label="99.9 % limits of a band that holds", gid=f"limits-{100 * band:g}",
    )  # fmt: skip
    axes.plot(place, rows["share"], "o", color=BLUE, ms=4.5, zorder=4, label="curve, held-out entries", gid="share")
    axes.plot(
        place, rows["least_squares"], "s", mfc="none", mec=VERMILION, ms=4.5, zorder=3, gid="line",
        label="least-squares line",
    )  # fmt: skip
    words = [f"{low:g}–{high:g} ({n:,})" for low, high, n in rows[["low", "high", "n"]].itertuples(index=False)]
    axes.set_xticks(place, words, rotation=90, fontsize=7)
    lowest = min(rows["limit_low"].min(), rows["least_squares"].min(), rows["share"].min())
    axes.set(
        ylim=(max(lowest - 0.06, -0.02), min(1.02, rows[["limit_high", "least_squares", "share"]].max().max() + 0.06))
    )
    axes.set_title(f"{100 * band:g} % band", loc="left")
