"""One entry by itself: Q along its chains, and the trace of its chains in three dimensions."""

from __future__ import annotations

import textwrap

import pandas as pd
from matplotlib.figure import Figure

from qscore.style import LEGEND, PAGE, say_synthetic, styled
from qscore.trace3d import colour_bar, colour_limits, draw_trace, panel, shape, share
from qscore.traces import draw_chains, entry_title

LEFT, RIGHT = 0.62, 0.12  # inches beside the panel of chains
CHAINS, BETWEEN, LEGEND_ROOM = 1.55, 0.1, 0.66
BAR_ROOM, TALLEST = 0.75, 3.6  # of the colour bar; of a trace


@styled
def portrait(entry, trace: pd.DataFrame, regions: pd.DataFrame | None = None, *, heading: str = "") -> Figure:
    """Q along the chains of an entry above its trace, seen from two sides, coloured by Q.

    Parameters
    ----------
    entry : object
        A row of `points.survey_points` with names as attributes.
    trace : DataFrame
        `tables.TRACES` of that entry; at least one residue with a place.
    regions : DataFrame, optional
        `tables.REGIONS` of its polymer chains; they are shaded in the chains, and have a black edge in the trace.
    heading : str
        Why this entry is shown.
    """
    strip = 0.3 * bool(entry.synthetic)
    views = _views(trace)
    tall = max(height for _, height in views)
    title = textwrap.fill(heading, 100)
    lines = title.count("\n") + 1 if title else 0
    top = 0.2 + tall + BETWEEN + LEGEND_ROOM + CHAINS
    figure = Figure(figsize=(PAGE, top + 0.45 + 0.17 * lines + strip))
    axes = figure.add_axes(share(figure, (LEFT, top - CHAINS, PAGE - LEFT - RIGHT, CHAINS)))
    _draw_strip(axes, trace, entry, regions)
    _draw_views(figure, trace, regions, views)
    if title:
        y = (top + 0.42) / figure.get_figheight()
        figure.text(0.1 / PAGE, y, title, weight="bold", va="bottom", gid="heading")
    if strip:
        say_synthetic(figure)
    return figure


def _draw_strip(axes, trace: pd.DataFrame, entry, regions) -> None:
    """Q along the chains, and what its lines are."""
    draw_chains(axes, trace, entry, regions)
    numbered = "number, " if len(axes.get_xticks()) else ", "
    axes.set(xlabel=f"Residue {numbered}chain by chain".replace(" ,", ","), ylabel="Q of the residue")
    axes.set_title(entry_title(entry), loc="left", pad=14)
    handles, labels = axes.get_legend_handles_labels()
    named = dict(zip(labels, handles, strict=True))
    axes.xaxis.set_label_coords(0.5, -0.22 / CHAINS)
    axes.yaxis.set_label_coords(-0.46 / (PAGE - LEFT - RIGHT), 0.5)
    place = {"loc": "upper left", "bbox_to_anchor": (0, -0.47 / CHAINS), "ncols": len(named)}
    axes.legend(named.values(), named.keys(), **LEGEND, **place)


def _views(trace: pd.DataFrame) -> list[tuple[float, float]]:
    """Width and height of both views, inches."""
    widest = (PAGE - BAR_ROOM - 0.4) / 2
    shapes = [shape(trace, quarter=quarter) for quarter in (False, True)]
    width = min(widest, TALLEST / max(shapes))
    return [(width, width * one) for one in shapes]


def _draw_views(figure: Figure, trace: pd.DataFrame, regions, views) -> None:
    """From two sides, at one scale, with one colour bar."""
    limits, tall, left = colour_limits(trace["q_04"]), max(height for _, height in views), 0.1
    for quarter, (width, height) in zip((False, True), views, strict=True):
        axes = panel(figure, (left, 0.1 + (tall - height) / 2, width, height))
        axes.set_gid("turned" if quarter else "seen")
        colours = draw_trace(axes, trace, regions, limits=limits, quarter=quarter)
        left += width + 0.2
    size = min(tall, 2.6)
    box = (PAGE - BAR_ROOM + 0.05, 0.1 + (tall - size) / 2 + 0.1 * size, 0.11, 0.8 * size)
    colour_bar(figure.add_axes(share(figure, box)), colours)
