"""The trace of a model's chains in three dimensions, coloured by Q."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MultipleLocator
from mpl_toolkits.mplot3d.art3d import Line3DCollection
from mpl_toolkits.mplot3d.proj3d import proj_transform

from qscore.style import INK, drawable, say_synthetic, styled
from qscore.traces import in_regions

# Light where Q is low, so that it is seen: from orange to dark blue, told apart by lightness alone too.
COLOURS = LinearSegmentedColormap.from_list("q", colormaps["plasma"](np.linspace(0.86, 0.0, 256)))
NOT_SCORED = "#9A9A9A"
LONGEST = {"protein": 5.0, "nucleic": 9.0}  # Å between neighbours; further apart, residues are missing between
FARTHEST = 10_000.0  # Å: beyond the largest maps, where a number is no place and would leave the rest a dot
LEAST_RANGE = 0.5  # of the colours, Q: an even chain must look even
CASING = 3.0  # Å behind its line: white edges show which of two crossing lines is nearer
FAINTEST, THINNEST = 0.6, 0.55  # of the line furthest away
MOST_NAMED = 8  # chains
FEW = 600  # lines; more are an image within the drawing
ROOM = 0.09  # below the model for the scale bar, of its length
BAR = (5, 10, 20, 50, 100, 200, 500)  # Å


@styled
def trace_figure(trace: pd.DataFrame, regions: pd.DataFrame | None = None, *, title: str = "", synthetic=False):
    """A figure of one entry's trace, with a colour bar.

    Parameters
    ----------
    trace, regions
        As for `draw_trace`.
    title : str
    synthetic : bool
        Whether the entry is made up; the figure then says so.

    Returns
    -------
    Figure or None
        None where no residue has a place.
    """
    if placed(trace).empty:
        return None
    width, strip = 4.6, 0.3 * synthetic
    tall = max(shape(trace) * (width - 0.9), 1.6)
    height = tall + 0.2 + 0.3 * bool(title) + strip
    figure = Figure(figsize=(width, height))
    if synthetic:
        say_synthetic(figure)
    axes = panel(figure, (0.1, 0.1, width - 0.9, tall))
    colours = draw_trace(axes, trace, regions)
    colour_bar(figure.add_axes(share(figure, (width - 0.72, 0.1 + 0.1 * tall, 0.11, 0.8 * tall))), colours)
    if title:
        y = 1 - (strip + 0.18) / height
        figure.text(0.1 / width, y, drawable(title, 80), va="center", gid="title")
    return figure


def draw_trace(
    axes, trace: pd.DataFrame, regions: pd.DataFrame | None = None, *, limits=None, quarter=False
) -> ScalarMappable:
    """Each chain as a line through its residues, seen along the shortest principal axis; nearer is thicker.

    A line breaks between chains and where residues are missing. Residues in regions have a black edge.

    Parameters
    ----------
    axes : Axes3D
        Of `panel`.
    trace : DataFrame
        `tables.TRACES` of one entry, in the order of its chains.
    regions : DataFrame, optional
        `tables.REGIONS` of its polymer chains.
    limits : (float, float), optional
        Q of the ends of the colours; see `colour_limits`.
    quarter : bool
        Turn the model by a quarter about its long axis.

    Returns
    -------
    ScalarMappable
        For `colour_bar`.
    """
    rows = placed(trace)
    place = turned(_places(rows), quarter=quarter)
    colours = ScalarMappable(Normalize(*(limits or colour_limits(rows["q_04"]))), COLOURS)
    colours.set_array([])
    _frame(axes, place)
    _draw_lines(axes, rows, place, _marked(rows, regions), colours)
    _name_chains(axes, rows, place)
    _scale_bar(axes, place)
    return colours


def panel(figure: Figure, box: tuple[float, float, float, float]):
    """Axes for `draw_trace`: left, bottom, width and height in inches of a box that the model fills.

    Axes in three dimensions are square; these are as wide as the box and reach over it, without anything to see there.
    """
    left, bottom, width, height = box
    side = max(width, height)
    square = (left + (width - side) / 2, bottom + (height - side) / 2, side, side)
    axes = figure.add_axes(share(figure, square), projection="3d")
    axes.patch.set_visible(False)
    return axes


def share(figure: Figure, box) -> list[float]:
    """A box in inches as shares of a figure."""
    return [value / whole for value, whole in zip(box, 2 * list(figure.get_size_inches()), strict=True)]


def shape(trace: pd.DataFrame, *, quarter: bool = False) -> float:
    """Height over width of what `draw_trace` draws, the scale bar included."""
    low, high = _ends(turned(_places(placed(trace)), quarter=quarter))
    return float((high[1] - low[1]) / (high[0] - low[0]))


def placed(trace: pd.DataFrame) -> pd.DataFrame:
    """The residues that have a place, no further than `FARTHEST` from the middle one along each axis."""
    place = trace[["x", "y", "z"]].to_numpy(float)
    finite = np.isfinite(place).all(axis=1)
    middle = np.median(place[finite], axis=0) if finite.any() else np.zeros(3)
    return trace[(np.abs(place - middle) <= FARTHEST).all(axis=1)].reset_index(drop=True)


def colour_limits(q) -> tuple[float, float]:
    """Q of the ends of the colours: all but the extreme 2 % at either end, and at least `LEAST_RANGE`, in tenths."""
    known = np.asarray(q, dtype=float)
    known = known[np.isfinite(known)]
    low, high = np.quantile(known, [0.02, 0.98]) if len(known) else (0.0, 1.0)
    more = max(0.0, (LEAST_RANGE - (high - low)) / 2)
    return float(np.floor(10 * (low - more) + 1e-9) / 10), float(min(np.ceil(10 * (high + more) - 1e-9) / 10, 1.0))


def _places(rows: pd.DataFrame) -> np.ndarray:
    return rows[["x", "y", "z"]].to_numpy(float)


def turned(place: np.ndarray, *, quarter: bool = False) -> np.ndarray:
    """Places (n, 3), Å, along their principal axes about their mean, the longest first; never mirrored.

    With `quarter` turned by a quarter about the first axis: the third is then upright.
    """
    centred = place - place.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2] if len(place) > 2 else np.eye(3)
    axes *= np.sign(axes[np.arange(3), np.abs(axes).argmax(axis=1)])[:, None]  # the same on every machine
    axes[2] = np.cross(axes[0], axes[1])
    found = centred @ axes.T
    return found[:, [0, 2, 1]] * (1, 1, -1) if quarter else found


def colour_bar(axes, colours: ScalarMappable) -> None:
    """The colour bar, filling its axes."""
    bar = axes.figure.colorbar(colours, cax=axes, extend="both")
    bar.set_label("Q (σ = 0.4 Å)")
    bar.ax.yaxis.set_major_locator(MultipleLocator(0.1 if np.ptp(colours.get_clim()) < 0.75 else 0.2))
    bar.outline.set_linewidth(0.5)


def _neighbours(rows: pd.DataFrame, place: np.ndarray) -> np.ndarray:
    """Places in the table of residues that a line joins to the next one."""
    if len(rows) < 2:
        return np.empty(0, dtype=int)
    chain, longest = rows["chain"].to_numpy(), rows["class"].map(LONGEST).fillna(5.0).to_numpy()
    apart = np.linalg.norm(np.diff(place, axis=0), axis=1)
    return np.flatnonzero((chain[1:] == chain[:-1]) & (apart <= np.maximum(longest[1:], longest[:-1])))


def _marked(rows: pd.DataFrame, regions: pd.DataFrame | None) -> np.ndarray:
    """Whether each residue lies in a region."""
    return np.zeros(len(rows), dtype=bool) if regions is None or regions.empty else in_regions(rows, regions)


def _draw_lines(axes, rows: pd.DataFrame, place: np.ndarray, marked: np.ndarray, colours: ScalarMappable) -> None:
    """Coloured lines, each with a white edge or, in a region, a black one; as one collection, the furthest first."""
    first = _neighbours(rows, place)
    if not len(first):
        return
    ends = np.stack([place[first], place[first + 1]], axis=1)
    depth, q = ends[:, :, 2].mean(axis=1), _mean_of_two(rows["q_04"].to_numpy(float), first)
    near = (depth - depth.min()) / max(np.ptp(depth), 1e-9)
    width = _width(len(first)) * (THINNEST + (1 - THINNEST) * near)
    inside = marked[first] & marked[first + 1]
    colour = np.where(np.isnan(q)[:, None], to_rgba(NOT_SCORED), colours.to_rgba(np.nan_to_num(q)))
    colour = 1 - (FAINTEST + (1 - FAINTEST) * near)[:, None] * (1 - colour)
    colour[:, 3] = 1
    edge = np.where(inside[:, None], to_rgba("black"), to_rgba("white"))
    order = np.argsort(np.concatenate([depth - CASING, depth]), kind="stable")
    axes.add_collection3d(
        Line3DCollection(
            np.concatenate([ends, ends])[order],
            colors=np.concatenate([edge, colour])[order],
            linewidths=np.concatenate([width * np.where(inside, 1.35, 1.3) + 0.9, width])[order],
            capstyle="round", rasterized=len(first) > FEW, gid="trace",
        )
    )  # fmt: skip


def _mean_of_two(q: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Of each residue and the next; the one that is scored where the other is not."""
    return np.where(
        np.isnan(q[first]), q[first + 1], np.where(np.isnan(q[first + 1]), q[first], (q[first] + q[first + 1]) / 2)
    )


def _width(n: int) -> float:
    """Of the nearest lines, points: thinner the more there are."""
    return float(np.clip(2.6 * (400 / max(n, 1)) ** 0.35, 0.5, 2.6))


def _ends(place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of what is drawn, Å, with room for the scale bar."""
    low, high = place.min(axis=0) - 3.0, place.max(axis=0) + 3.0
    low[1] -= ROOM * (high[0] - low[0])
    return low, high


def _frame(axes, place: np.ndarray) -> None:
    """Seen straight along the third axis, without perspective, the same scale along all, filling the panel."""
    low, high = _ends(place)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
    axes.set_proj_type("ortho")
    axes.view_init(elev=90, azim=-90)
    axes.set_box_aspect(high - low)
    x, y, _ = proj_transform(*np.stack([low, high], axis=1), axes.get_proj())
    axes.set_box_aspect(high - low, zoom=axes.viewLim.width / max(np.ptp(x), np.ptp(y)))
    axes.set_axis_off()


def _name_chains(axes, rows: pd.DataFrame, place: np.ndarray) -> None:
    """Names at the first residues of the chains, unless there are many."""
    starts = np.flatnonzero(~rows["chain"].duplicated().to_numpy())
    if len(starts) > MOST_NAMED:
        return
    for k in starts:
        x, y, _ = place[k]
        axes.text(
            x, y, place[:, 2].max(), drawable(str(rows["chain"].iloc[k]), 6), fontsize=8, color=INK, weight="bold",
            ha="center", va="center", zorder=9, path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )  # fmt: skip


def _scale_bar(axes, place: np.ndarray) -> None:
    """A round length below the model, at most a third of its own."""
    (left, low, _), (right, _, top) = place.min(axis=0), place.max(axis=0)
    length = max((bar for bar in BAR if bar <= (right - left) / 3), default=BAR[0])
    y = low - 0.35 * ROOM * (right - left) - 2.0
    axes.plot([left, left + length], [y, y], [top, top], color=INK, lw=1.4, gid="scale")
    axes.text(
        left + length / 2,
        y - 0.12 * ROOM * (right - left),
        top,
        f"{length} Å",
        fontsize=8,
        color=INK,
        ha="center",
        va="top",
    )
