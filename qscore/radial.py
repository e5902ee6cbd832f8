"""Profiles of atoms as a figure: the map by distance, its spread, the points, and the reference Gaussian."""

from __future__ import annotations

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qscore.profile import Profiles
from qscore.style import BENEATH, BLUE, GREY, drawable, styled

MOST_PANELS = 24
COLUMNS = 4
BARS = 6.0  # the axis of points is so many times as high as the most points
ROOM = 0.22  # share of the height below the curves, for the bars
BAR = "#D8D8D8"


@styled
def profile_panels(found: Profiles, title: str = "") -> Figure:
    """One panel an atom (or type of atom), with common axes; beyond `MOST_PANELS` a word on how many more there are.

    Parameters
    ----------
    found : Profiles
        At least one.
    title : str
        Above all panels.
    """
    shown = min(len(found), MOST_PANELS)
    columns = min(shown, COLUMNS)
    lines = -(-shown // columns)
    figure = Figure(figsize=(max(4.6, 2.75 * columns + 0.9), 2.6 * lines + 0.9), layout="constrained")
    axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    limits, most = _limits(found, shown), float(_points(found)[:shown].max())
    for k in range(shown):
        counts = _draw_points(axes[k], found, k, most=most, named=k % columns == columns - 1)
        _draw(axes[k], found, k)
        axes[k].set(ylim=limits, xlabel="Distance from the atom (Å)" if k + columns >= shown else None)
        axes[k].tick_params(labelbottom=k + columns >= shown)
        axes[k].set_zorder(counts.get_zorder() + 1)
    for spare in axes[shown:]:
        spare.set_axis_off()
    figure.supylabel("Map value (map units)", fontsize=9)
    hidden = f"   ({len(found) - shown} more not shown)" if len(found) > shown else ""
    if title or hidden:
        figure.suptitle(drawable(title, 90) + hidden, fontsize=9)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=min(len(labels), 2 if columns == 1 else 4), **BENEATH)
    return figure


def _limits(found: Profiles, shown: int) -> tuple[float, float]:
    """Ends of the common axis of map values, with room for the bars; any where nothing is known."""
    curves = [found.mean - found.sd, found.mean + found.sd, found.reference]
    known = np.concatenate([curve[:shown].ravel() for curve in curves])
    known = known[np.isfinite(known)]
    low, high = (known.min(), known.max()) if len(known) and known.min() < known.max() else (-1.0, 1.0)
    return low - ROOM / (1 - ROOM) * (high - low), high + 0.05 * (high - low)


def _points(found: Profiles) -> np.ndarray:
    """Points an atom at each radius."""
    return found.n / np.array([max(about.get("n_scored", 1), 1) for about in found.about])[:, None]


def _draw_points(axes, found: Profiles, k: int, *, most: float, named: bool):
    """Bars of the number of points on an axis of their own, which has ticks only where `named`."""
    counts = axes.twinx()
    counts.bar(found.radii, _points(found)[k], width=0.06, color=BAR, lw=0, gid="points")
    top = 8 if most >= 8 else 1
    counts.set(ylim=(0, BARS * max(most, 1)), yticks=[0, top] if named else [])
    counts.tick_params(colors=GREY, length=2)
    if named:
        counts.set_ylabel("Points", color=GREY, y=0.0, ha="left")
    sns.despine(ax=counts, top=True, right=True, left=True, bottom=True)
    return counts


def _draw(axes, found: Profiles, k: int) -> None:
    """Mean, spread and reference of one profile."""
    r, mean, sd = found.radii, found.mean[k], np.nan_to_num(found.sd[k])
    fine = np.linspace(0, r[-1], 201)
    axes.patch.set_visible(False)
    axes.fill_between(r, mean - sd, mean + sd, color=BLUE, alpha=0.22, lw=0, label="± 1 SD of the points", gid="spread")
    axes.plot(r, mean, color=BLUE, lw=1.3, marker="o", ms=3.2, label="mean of the map", gid="mean")
    label = f"a + b·exp(−R²/2σ²), σ = {found.sigma:g} Å, fitted"
    reference = found.reference_at(fine)[k]
    axes.plot(fine, reference, color="black", lw=1.6, ls=(0, (1, 1.4)), label=label, zorder=5, gid="reference")
    axes.set_title(_title(found, k), loc="left")
    axes.set(xlim=(-0.06, r[-1] + 0.06), xticks=np.arange(0, r[-1] + 0.1, 0.5))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    sns.despine(ax=axes)


def _title(found: Profiles, k: int) -> str:
    about, q = found.about[k], found.q[k]
    value = "not scored" if np.isnan(q) else f"Q {q:.2f}".replace("-", "−")
    residue = f"{about['residue']} " if about.get("residue") else ""
    n = "" if "residue" in about else f", n = {about['n_atoms']:,}"
    return f"{drawable(residue + about['name'], 30)}   {value}{n}"
