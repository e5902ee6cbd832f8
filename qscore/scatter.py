"""Mean Q against resolution: all entries, apoferritin, each class of atoms."""

from __future__ import annotations

import textwrap
from collections import Counter

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox
from scipy.stats import t as student

from qscore.equations import Curve, judging_curve
from qscore.expected import MAPQ_2_9_7, published
from qscore.labels import DISC, cells, settle
from qscore.points import worst_flagged
from qscore.style import (
    BENEATH,
    BLUE,
    CROWD,
    GREEN,
    GREY,
    INK,
    LABEL,
    LEGEND,
    PALE,
    VERMILION,
    drawable,
    keep_strip,
    say_synthetic,
    styled,
)
from qscore.survey import FROM_ARCHIVE, FROM_MAPS

WIDTH, PANEL = 5.6, (4.86, 3.3)  # inches
RESOLUTION, MEAN_Q, GIVEN_Q = "Resolution (Å)", "Mean Q (σ = 0.4 Å)", "Q as the table gives it"
MOST_NAMED, FEWEST_OF_CLASS = 10, 3
HOLLOW = {"color": "none", "linewidth": 0.9}
KEY = 12  # size of a mark in the legend of a crowd
FLAGGED = (
    ("", "o", INK, "not flagged"),
    ("low", "v", VERMILION, "flagged low"),
    ("high", "^", GREEN, "flagged high"),
)
CLASSES = {
    "protein": "Protein",
    "nucleic": "Nucleic acid",
    "ligand": "Ligands",
    "glycan": "Glycans",
    "ion": "Ions",
    "water": "Waters",
}


def q_vs_resolution(points: pd.DataFrame, fit: dict) -> Figure:
    """Mean Q against reported resolution, after Figure 2A of the publication.

    Parameters
    ----------
    points : DataFrame
        Of `survey_points`.
    fit : dict
        Content of ``expected_q.json``.
    """
    return _scatter_figure(points, fit, "all", "Mean Q against reported resolution")


def apoferritin(points: pd.DataFrame, fit: dict) -> Figure | None:
    """The same for the apoferritin subset, after Figure 2C; None when no scored entry belongs to it."""
    subset = points[points["apoferritin"] != ""]
    if subset.empty:
        return None
    return _scatter_figure(subset, fit, "apoferritin", "Apoferritin only: mean Q against reported resolution")


@styled
def _scatter_figure(points: pd.DataFrame, fit: dict, subset: str, title: str) -> Figure:
    found, curve = fit["fits"][subset], judging_curve(fit)
    lowest, highest = _drawn_range(found["line"], curve)
    drawn = points[points["resolution"].between(lowest, highest)]
    figure = Figure(figsize=(5.6, 5))
    axes = figure.add_axes((0, 0, 1, 1))
    of_q = MEAN_Q if fit["score_source"] in (FROM_MAPS, FROM_ARCHIVE) else GIVEN_Q
    axes.set(xlabel=RESOLUTION, ylabel=of_q, xlim=_padded(drawn["resolution"]), ylim=_q_range(drawn["q_mean"]))
    crowded = len(drawn) > CROWD
    _draw_curve(axes, curve, above=crowded)
    if found["line"]:
        _draw_line(axes, found["line"], above=crowded)
    _draw_points(axes, drawn, crowded=crowded)
    named = worst_flagged(drawn, MOST_NAMED)
    sentences = [
        f"{'Line' if found['line'] else 'A line would take'}: {fit['rule']}.",
        _left_out(drawn),
        _not_drawn(points, lowest, highest),
        _named_sentence(drawn, named),
        _left_out_in_turn(found) if subset != "all" else "",
    ]
    heading = _equation_text(found["line"]) if found["line"] else found["sentence"]
    _lay_out(axes, title, heading, " ".join(filter(None, sentences)), fit["synthetic"])
    _name_points(axes, named, drawn)
    return figure


def _drawn_range(line: dict | None, curve: Curve) -> tuple[float, float]:
    """Resolutions drawn to scale, Å: the curve's and, where it reaches further, the line's."""
    ends = [*curve.domain, *((line["x_low"], line["x_high"]) if line else ())]
    return min(ends), max(ends)


def _padded(resolutions: pd.Series) -> tuple[float, float]:
    if resolutions.empty:
        return 1.0, 6.0
    low, high = resolutions.min(), resolutions.max()
    margin = max(0.06 * (high - low), 0.25, 1 - (high - low) / 2)
    return max(low - margin, 0.0), high + margin


def _q_range(q: pd.Series) -> tuple[float, float]:
    return min(0.0, q.min() - 0.05 if len(q) else 0.0), max(1.0, q.max() + 0.05 if len(q) else 1.0)


def _draw_curve(axes, curve: Curve, *, above: bool) -> None:
    """The expectation and its band behind everything, the curve above a crowd of points; beside it MapQ's curve."""
    x = np.linspace(*np.clip(axes.get_xlim(), *curve.domain), 200)
    style = {"color": GREY, "lw": 1.1, "zorder": 7 if above else 1}
    sns.lineplot(x=x, y=curve.expected(x), ax=axes, label=f"expected Q, {curve.name}", gid="curve", **style)
    axes.fill_between(x, *curve.band(x), color=PALE, lw=0, label="its 95 % band", zorder=0, gid="band")
    theirs = [MAPQ_2_9_7.at(value) for value in x]
    sns.lineplot(x=x, y=theirs, ax=axes, label="expected Q, MapQ 2.9.7", gid="published", ls="--", **style)


def _draw_line(axes, line: dict, *, above: bool) -> None:
    """The least-squares line over its own range, with its 95 % confidence band."""
    x = np.linspace(line["x_low"], line["x_high"], 100)
    y = line["intercept"] + line["slope"] * x
    half = confidence_half_width(line, x)
    zorder, label = 7 if above else 3, f"least-squares line (n = {line['n']:,})"
    sns.lineplot(x=x, y=y, ax=axes, color=BLUE, lw=1.6, label=label, zorder=zorder, gid="line")
    style = {"color": BLUE, "alpha": 0.22, "lw": 0, "zorder": 2}
    axes.fill_between(x, y - half, y + half, label="its 95 % confidence band", gid="confidence", **style)


def confidence_half_width(line: dict, x: np.ndarray) -> np.ndarray:
    """Half width of the 95 % confidence band of a line's mean at resolutions, Q.

    t(0.975; n − 2) · √(var a + 2 x cov(a, b) + x² var b) for Q = a + b x.
    """
    (var_a, cov), (_, var_b) = line["covariance"]
    return student.ppf(0.975, line["n"] - 2) * np.sqrt(var_a + 2 * x * cov + x**2 * var_b)


def _draw_points(axes, points: pd.DataFrame, *, crowded: bool) -> None:
    """Points by flag (colour and shape) and by whether the line rests on them (filled or hollow)."""
    size = _crowd_size(len(points)) if crowded else 30 if len(points) < 150 else 14
    for flag, marker, colour, words in FLAGGED:
        for inside in (True, False):
            group = points[(points["flag"] == flag) & ((points["left_out"] == "") == inside)]
            if group.empty:
                continue
            edge = "none" if crowded else "white"
            style = {"color": colour, "edgecolor": edge, "linewidth": 0.4} if inside else HOLLOW | {"edgecolor": colour}
            if crowded:
                style |= {"alpha": 0.8 if flag else 0.25, "linewidth": 0.0 if inside else 0.35}
            sns.scatterplot(
                data=group, x="resolution", y="q_mean", ax=axes, marker=marker, s=size * (1.6 if flag else 1), **style,
                label=f"{words}{'' if inside else ', not in the line'} ({len(group):,})", rasterized=crowded,
                zorder=6 if flag else 5, gid=f"points-{flag or 'within'}-{'in' if inside else 'out'}",
            )  # fmt: skip


def _crowd_size(n: int) -> float:
    """Area of a mark, points²: smaller the more there are, never too small to be seen."""
    return max(5 * CROWD / n, 1.2)


def _equation_text(line: dict) -> str:
    sign = "−" if line["slope"] < 0 else "+"
    equation = f"Q = {line['intercept']:.3f} {sign} {abs(line['slope']):.3f} R"
    return f"{equation}     R² = {line['r_squared']:.2f}     n = {line['n']:,}"


def _left_out(points: pd.DataFrame) -> str:
    counts = Counter(drawable(why) for why in points["left_out"] if why)
    reasons = ", ".join(f"{why}\N{NO-BREAK SPACE}({count:,})" for why, count in counts.most_common())
    return f"Hollow, left out: {reasons}." if reasons else ""


def _not_drawn(points: pd.DataFrame, lowest: float, highest: float) -> str:
    counts = {
        f"beyond {highest:g} Å": int((points["resolution"] > highest).sum()),
        f"below {lowest:g} Å": int((points["resolution"] < lowest).sum()),
        "without a resolution": int(points["resolution"].isna().sum()),
    }
    said = [f"{count:,} {'entry' if count == 1 else 'entries'} {where}" for where, count in counts.items() if count]
    return f"{', '.join(said)} not drawn." if said else ""


def _left_out_in_turn(found: dict) -> str:
    """What the line is without any one publication."""
    told = found.get("leave_one_out")
    if not told:
        return ""
    sentence = drawable(told["sentence"], 400)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _named_sentence(points: pd.DataFrame, named: pd.DataFrame) -> str:
    flagged = int((points["flag"] != "").sum())
    return f"Of {flagged:,} flagged, the {len(named)} furthest from the band are named." if flagged > len(named) else ""


def _lay_out(axes, title: str, heading: str, caption: str, synthetic: bool) -> None:
    """Title and equation above a panel of fixed size, legend and caption below: nothing covers a point."""
    figure = axes.figure
    legends = _legends(axes)
    heading = textwrap.fill(heading, 84) if "R²" not in heading else heading
    note = figure.text(0, 0, textwrap.fill(caption, 92), fontsize=8, color="#4A4A4A", va="bottom", linespacing=1.3)
    note_height, legend_height = (_height(figure, items) for items in ([note], legends))
    bottom = 0.2 + note_height + legend_height + 0.55
    top = bottom + PANEL[1]
    lines = heading.count("\n") + 1
    figure.set_size_inches(WIDTH, top + 0.42 + 0.16 * lines + (0.3 if synthetic else 0))
    place = figure.dpi_scale_trans + figure.transFigure.inverted()
    axes.set_position(place.transform_bbox(Bbox.from_bounds(WIDTH - PANEL[0] - 0.2, bottom, *PANEL)))
    note.set_position(place.transform((0.12, 0.1)))
    for legend, x in zip(legends, (0.12, 2.85), strict=False):
        legend.set_bbox_to_anchor((x, 0.2 + note_height + legend_height), transform=figure.dpi_scale_trans)
    left = WIDTH - PANEL[0] - 0.2
    colour = BLUE if "R²" in heading else INK
    figure.text(*place.transform((left, top + 0.1)), heading, color=colour, va="bottom", gid="heading")
    figure.text(*place.transform((left, top + 0.16 + 0.16 * lines)), title, weight="bold", fontsize=10, va="bottom")
    if synthetic:
        say_synthetic(figure)


def _legends(axes) -> list:
    """Below the panel: what the lines are, and beside it what the points are."""
    axes.get_legend().remove()
    entries = list(zip(*axes.get_legend_handles_labels(), strict=True))
    points = [entry for entry in entries if entry[0].get_gid().startswith("points")]
    lines = [entry for entry in entries if entry not in points]
    groups = [list(zip(*group, strict=True)) for group in (lines, points) if group]
    legends = [axes.figure.legend(*group, loc="upper left", **LEGEND) for group in groups]
    for mark in legends[-1].legend_handles if points else ():
        mark.set(alpha=1, sizes=np.maximum(mark.get_sizes(), KEY))
    return legends


def _height(figure: Figure, items) -> float:
    """Of the tallest, inches."""
    return max(item.get_window_extent().height for item in items) / figure.dpi


def _name_points(axes, named: pd.DataFrame, drawn: pd.DataFrame) -> None:
    """Names beside points, each where it covers least, with a leader line where it stands off."""
    figure = axes.figure
    figure.draw_without_rendering()
    pixel = 72 / figure.dpi
    frame = axes.get_window_extent().get_points() * pixel
    places, points, course = (
        axes.transData.transform(np.asarray(xy, dtype=float)) * pixel
        for xy in (_xy(named), _xy(drawn), np.vstack([line.get_xydata() for line in axes.lines]))
    )
    taken = 2.0 * cells(course, frame) + 4.0 * cells((points[:, None] + DISC).reshape(-1, 2), frame)
    labels = [axes.annotate(row.name, (row.resolution, row.q_mean), (0, 0), **LABEL) for row in named.itertuples()]
    sizes = [label.get_window_extent().size * pixel + 2 for label in labels]
    for label, anchor, size, centre in zip(labels, places, sizes, settle(places, sizes, frame, taken), strict=True):
        label.set_position(centre - anchor)
        label.arrow_patch.set_visible(bool((np.abs(centre - anchor) > size / 2 + 8).any()))


def _xy(points: pd.DataFrame) -> np.ndarray:
    return points[["resolution", "q_mean"]].to_numpy(float)


@styled
def q_by_class(points: pd.DataFrame) -> Figure | None:
    """Mean Q of each class of atoms against resolution, beside the published equation.

    Classes that fewer than `FEWEST_OF_CLASS` entries have are left out; None when that leaves none.
    """
    lowest, highest = published().domain
    drawn = points[points["resolution"].between(lowest, highest)]
    kinds = [kind for kind in CLASSES if drawn[f"q_{kind}"].count() >= FEWEST_OF_CLASS]
    if not kinds:
        return None
    synthetic, across = bool(points["synthetic"].any()), min(len(kinds), 3)
    rows = -(-len(kinds) // across)
    figure = Figure(figsize=(2.4 * max(across, 2), 2.2 * rows + 0.4 + 0.3 * synthetic), layout="constrained")
    keep_strip(figure, synthetic)
    panels = figure.subplots(rows, across, sharey=True, squeeze=False).ravel()
    for axes, kind in zip(panels, kinds, strict=False):
        _draw_class(axes, drawn, kind)
    for axes in panels[len(kinds) :]:
        axes.remove()
    panels[0].set_ylim(_q_range(drawn[[f"q_{kind}" for kind in kinds]].stack()))
    figure.supylabel(MEAN_Q, fontsize=9)
    handle = Line2D([], [], color=GREY, lw=1, ls="--", label="published equation of the class (MapQ)")
    figure.legend(handles=[handle], **BENEATH)
    return figure


def _draw_class(axes, drawn: pd.DataFrame, kind: str) -> None:
    scored = drawn[drawn[f"q_{kind}"].notna()]
    sns.scatterplot(
        data=scored, x="resolution", y=f"q_{kind}", ax=axes, color=BLUE, s=16 if len(scored) < 500 else 5, alpha=0.75,
        linewidth=0, rasterized=len(scored) > CROWD, gid=f"points-{kind}",
    )  # fmt: skip
    equation, x = published(kind), np.linspace(*_padded(drawn["resolution"]), 100)
    if equation:
        sns.lineplot(x=x, y=[equation.at(value) for value in x], ax=axes, color=GREY, lw=1, ls="--", gid="published")
    axes.set(xlabel=RESOLUTION, ylabel="", xlim=_padded(drawn["resolution"]))
    axes.set_title(f"{CLASSES[kind]} (n = {len(scored):,})", loc="left")
