"""Tables of a survey → figures (owns seaborn and matplotlib)."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox
from scipy.stats import t as student

from qscore import tables
from qscore.expected import Equation, published

SYNTHETIC = "synthetic demonstration archive"
NAMES = ("q_vs_resolution", "apoferritin", "flagged_entries", "q_by_class")
# Okabe and Ito's colours, told apart by every kind of colour vision.
BLUE, VERMILION, GREEN, GREY, INK, PALE = "#0072B2", "#D55E00", "#007C5A", "#6B6B6B", "#222222", "#E4E4E4"
STYLE = sns.axes_style("ticks") | {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs on every machine
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.8,
    "text.color": INK,
    "text.parse_math": False,
    "svg.hashsalt": "qscore",
    "svg.fonttype": "path",
}
METADATA = {"svg": {"Date": None}, "png": {"Software": None}, "pdf": {"CreationDate": None}}
WIDTH, PANEL = 5.6, (4.86, 3.3)  # inches
LEGEND = {"frameon": False, "borderpad": 0, "borderaxespad": 0, "handlelength": 1.6, "columnspacing": 1.4}
BENEATH = LEGEND | {"borderaxespad": 0.4, "loc": "outside lower center"}
LABEL = {
    "textcoords": "offset points",
    "ha": "center",
    "va": "center",
    "fontsize": 8,
    "zorder": 8,
    "path_effects": [withStroke(linewidth=2.5, foreground="white", alpha=0.8)],
    "arrowprops": {"arrowstyle": "-", "lw": 0.6, "color": GREY, "shrinkA": 0, "shrinkB": 3},
}
RESOLUTION, MEAN_Q = "Resolution (Å)", "Mean Q (σ = 0.4 Å)"
MOST_NAMED, MOST_PANELS, WINDOW, FEWEST_OF_CLASS = 10, 6, 7, 3
CELL = 3.0  # side of a cell in which a label looks for room, points of 1/72 inch
DISC = CELL * np.array([(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)])  # what a point covers
CROWD = 1500  # more points are drawn small, and as an image within an SVG
HOLLOW = {"color": "none", "linewidth": 0.9}
FLAGGED = (
    ("", "o", INK, "within the band"),
    ("low", "v", VERMILION, "below the band"),
    ("high", "^", GREEN, "above the band"),
)
CLASSES = {
    "protein": "Protein",
    "nucleic": "Nucleic acid",
    "ligand": "Ligands",
    "glycan": "Glycans",
    "ion": "Ions",
    "water": "Waters",
}
_styled = matplotlib.rc_context(STYLE)


def write_figures(
    entries_file, flags_file, residues_file, fit_file, out, *, formats=("svg", "png"), dpi: int = 150
) -> list[Path]:
    """Every figure the tables give, as files; the same tables give the same bytes.

    Parameters
    ----------
    entries_file, flags_file, residues_file : path
        Parquet of `tables.ENTRIES`, `tables.FLAGS` and `tables.RESIDUES`.
    fit_file : path
        ``expected_q.json`` of `survey.fit`.
    out : path
        Folder. A figure of an earlier survey that these tables do not give is removed.
    formats : sequence of str
        "svg", "png" or "pdf".
    dpi : int
        Of PNG, and of what is drawn as an image in the others.

    Returns
    -------
    list of Path
    """
    fit = json.loads(Path(fit_file).read_text(encoding="utf-8"))
    points = survey_points(
        tables.frame(entries_file, layout=tables.ENTRIES), tables.frame(flags_file, layout=tables.FLAGS)
    )
    figures = {
        "q_vs_resolution": q_vs_resolution(points, fit),
        "apoferritin": apoferritin(points, fit),
        "flagged_entries": flagged_entries(points, _residues_of(worst_flagged(points), residues_file)),
        "q_by_class": q_by_class(points),
    }
    return [path for name, figure in figures.items() for path in _save(figure, Path(out) / name, formats, dpi)]


@_styled
def _save(figure: Figure | None, stem: Path, formats, dpi: int):
    paths = [stem.with_suffix(f".{kind}") for kind in formats]
    for path, kind in zip(paths, formats, strict=True):
        if figure is None:
            path.unlink(missing_ok=True)
            continue
        with tables.whole_file(path, "wb") as stream:
            figure.savefig(stream, format=kind, dpi=dpi, metadata=METADATA[kind])
    return paths if figure else []


def survey_points(entries: pd.DataFrame, flags: pd.DataFrame) -> pd.DataFrame:
    """Scored entries with what is expected of them, one row each.

    Raises
    ------
    ValueError
        The tables do not hold the same scored pairs.

    Returns
    -------
    DataFrame
        Columns of both tables, `beyond` (distance outside the band, Q;
        negative within, NaN without a band) and `name`.
    """
    keys = ["emdb_id", "pdb_id"]
    verdict = flags[[*keys, "expected_q", "low", "high", "flag", "in_fit"]]
    scored = entries[entries["status"] == "scored"]
    points = scored.merge(verdict, on=keys, validate="one_to_one")
    if not len(points) == len(scored) == len(flags):
        raise ValueError(f"entries and flags do not hold the same scored pairs: {len(scored)} and {len(flags)}")
    for column in ("apoferritin", "flag", "in_fit", "sample"):
        points[column] = points[column].fillna("").astype(str)
    points["synthetic"] = points["synthetic"].eq(True)
    points["beyond"] = np.fmax(points["low"] - points["q_mean"], points["q_mean"] - points["high"])
    names = zip(points["emdb_id"], points["pdb_id"], strict=True)
    points["name"] = [_drawable(f"{emdb} / {pdb}") for emdb, pdb in names]
    return points


def worst_flagged(points: pd.DataFrame, most: int = MOST_PANELS) -> pd.DataFrame:
    """Flagged entries, the furthest outside the band first."""
    flagged = points[points["flag"] != ""]
    return flagged.sort_values(["beyond", "name"], ascending=[False, True], kind="stable").head(most)


def _drawable(text: str, most: int = 60) -> str:
    """Text with what the font cannot draw as "?", shortened."""
    known = get_font(findfont("DejaVu Sans")).get_charmap()
    text = "".join(c if ord(c) in known and c.isprintable() else "?" for c in " ".join(text.split()))
    return text if len(text) <= most else text[: most - 1] + "…"


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


def apoferritin(points: pd.DataFrame, fit: dict) -> Figure:
    """The same for the apoferritin subset, after Figure 2C."""
    subset = points[points["apoferritin"] != ""]
    return _scatter_figure(subset, fit, "apoferritin", "Apoferritin only: mean Q against reported resolution")


@_styled
def _scatter_figure(points: pd.DataFrame, fit: dict, subset: str, title: str) -> Figure:
    found, curve = fit["fits"][subset], _equation(fit["judged_by"])
    lowest, highest = _drawn_range(found["line"], curve)
    drawn = points[points["resolution"].between(lowest, highest)]
    figure = Figure(figsize=(5.6, 5))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlabel=RESOLUTION, ylabel=MEAN_Q, xlim=_padded(drawn["resolution"]), ylim=_q_range(drawn["q_mean"]))
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
    ]
    heading = _equation_text(found["line"]) if found["line"] else found["sentence"]
    _lay_out(axes, title, heading, " ".join(filter(None, sentences)), fit["synthetic"])
    _name_points(axes, named, drawn)
    return figure


def _equation(fields: dict) -> Equation:
    """The curve of ``expected_q.json``; null is NaN."""
    return Equation(**{key: np.nan if value is None else value for key, value in fields.items()})


def _drawn_range(line: dict | None, curve: Equation) -> tuple[float, float]:
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


def _draw_curve(axes, curve: Equation, *, above: bool) -> None:
    """The published expectation and its band behind everything, the curve above a crowd of points."""
    x = np.linspace(*np.clip(axes.get_xlim(), *curve.domain), 200)
    low, high = np.array([curve.band(value) for value in x]).T
    expected = [curve.at(value) for value in x]
    style = {"color": GREY, "lw": 1.1, "ls": "--", "zorder": 7 if above else 1}
    sns.lineplot(x=x, y=expected, ax=axes, label=f"expected Q, {curve.source}", gid="curve", **style)
    axes.fill_between(x, low, high, color=PALE, lw=0, label="its 95 % band", zorder=0, gid="band")


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
    size = 5 if crowded else 30 if len(points) < 150 else 14
    for flag, marker, colour, words in FLAGGED:
        for inside in (True, False):
            group = points[(points["flag"] == flag) & ((points["in_fit"] == "") == inside)]
            if group.empty:
                continue
            edge = "none" if crowded else "white"
            style = {"color": colour, "edgecolor": edge, "linewidth": 0.4} if inside else HOLLOW | {"edgecolor": colour}
            sns.scatterplot(
                data=group, x="resolution", y="q_mean", ax=axes, marker=marker, s=size * (1.6 if flag else 1), **style,
                label=f"{words}{'' if inside else ', not in the line'} ({len(group):,})", rasterized=crowded,
                zorder=6 if flag else 5, gid=f"points-{flag or 'within'}-{'in' if inside else 'out'}",
            )  # fmt: skip


def _equation_text(line: dict) -> str:
    sign = "−" if line["slope"] < 0 else "+"
    equation = f"Q = {line['intercept']:.3f} {sign} {abs(line['slope']):.3f} R"
    return f"{equation}     R² = {line['r_squared']:.2f}     n = {line['n']:,}"


def _left_out(points: pd.DataFrame) -> str:
    counts = Counter(_drawable(why) for why in points["in_fit"] if why)
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


def _named_sentence(points: pd.DataFrame, named: pd.DataFrame) -> str:
    flagged = int((points["flag"] != "").sum())
    return f"Named: the {len(named)} furthest from the band of {flagged:,} flagged." if flagged > len(named) else ""


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
        _say_synthetic(figure)
    sns.despine(ax=axes)


def _legends(axes) -> list:
    """Below the panel: what the lines are, and beside it what the points are."""
    axes.get_legend().remove()
    entries = list(zip(*axes.get_legend_handles_labels(), strict=True))
    points = [entry for entry in entries if entry[0].get_gid().startswith("points")]
    lines = [entry for entry in entries if entry not in points]
    groups = [list(zip(*group, strict=True)) for group in (lines, points) if group]
    return [axes.figure.legend(*group, loc="upper left", **LEGEND) for group in groups]


def _height(figure: Figure, items) -> float:
    """Of the tallest, inches."""
    return max(item.get_window_extent().height for item in items) / figure.dpi


def _say_synthetic(figure: Figure) -> None:
    """A strip along the upper edge that cannot be overlooked."""
    height = 0.24 / figure.get_figheight()
    figure.add_artist(Rectangle((0, 1 - height), 1, height, color="#F0E442", transform=figure.transFigure))
    figure.text(0.5, 1 - height / 2, SYNTHETIC, ha="center", va="center_baseline", weight="bold", gid="synthetic")


def _keep_strip(figure: Figure, synthetic: bool) -> None:
    """The strip, and the rest of a constrained layout below it."""
    if synthetic:
        _say_synthetic(figure)
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.3 / figure.get_figheight()))


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
    taken = 2.0 * _cells(course, frame) + 4.0 * _cells((points[:, None] + DISC).reshape(-1, 2), frame)
    labels = [axes.annotate(row.name, (row.resolution, row.q_mean), (0, 0), **LABEL) for row in named.itertuples()]
    sizes = [label.get_window_extent().size * pixel + 2 for label in labels]
    for label, anchor, size, centre in zip(labels, places, sizes, _settle(places, sizes, frame, taken), strict=True):
        label.set_position(centre - anchor)
        label.arrow_patch.set_visible(bool((np.abs(centre - anchor) > size / 2 + 8).any()))


def _xy(points: pd.DataFrame) -> np.ndarray:
    return points[["resolution", "q_mean"]].to_numpy(float)


def _settle(anchors, sizes, frame, taken, *, sweeps: int = 2) -> list:
    """Centres of labels: each takes its best place among the others, and again when all have one.

    Parameters
    ----------
    anchors, sizes : sequences of ndarray, shape (2,)
        Points named, and sizes of their labels; here and below in points of 1/72 inch.
    frame : ndarray, shape (2, 2)
        Lower left and upper right corner to stay within.
    taken : ndarray, shape (columns, rows)
        `_cells` better not covered, by weight.
    """
    centres = [None] * len(anchors)
    for turn in range(sweeps * len(anchors)):
        mine = turn % len(anchors)
        placed = [i for i, centre in enumerate(centres) if centre is not None and i != mine]
        boxes = [np.array([centres[i] - sizes[i] / 2, centres[i] + sizes[i] / 2]) for i in placed]
        leaders = [6.0 * _cells(_leader(anchors[i], centres[i]), frame) for i in placed]
        others = np.maximum(taken - 4.0 * _cells(anchors[mine] + DISC, frame), 0) + sum(leaders)
        centres[mine] = _best_place(anchors[mine], sizes[mine], frame, others, boxes)
    return centres


def _cells(points: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Which cells of side `CELL` hold a point, as a grid over the frame."""
    shape = np.ceil((frame[1] - frame[0]) / CELL).astype(int) + 1
    grid = np.zeros(shape, dtype=bool)
    cells = ((points[np.isfinite(points).all(axis=1)] - frame[0]) // CELL).astype(int)
    cells = cells[((cells >= 0) & (cells < shape)).all(axis=1)]
    grid[cells[:, 0], cells[:, 1]] = True
    return grid


def _best_place(anchor, size, frame, taken, boxes) -> np.ndarray:
    """The cheapest centre of a label among places around its anchor, within the frame."""
    angles = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    directions = np.column_stack([np.cos(angles), np.sin(angles)])
    places = [anchor + way * (size / 2 + gap) for gap in (6, 14, 26, 42, 62, 90) for way in directions]
    places = np.clip(places, frame[0] + size / 2, frame[1] - size / 2)
    return min(places, key=lambda place: _cost(place, anchor, size, frame=frame, taken=taken, boxes=boxes))


def _cost(centre, anchor, size, *, frame, taken, boxes) -> float:
    """How bad a place is: over its point or labels, leader over labels or what is drawn, over what is drawn, far."""
    low, high = centre - size / 2, centre + size / 2
    own = np.array([anchor - 4, anchor + 4])
    overlaps = sum(bool((low < box[1]).all() and (high > box[0]).all()) for box in (own, *boxes))
    leader = _leader(anchor, centre)
    crossings = sum(int(((leader > box[0]) & (leader < box[1])).all(axis=1).sum()) for box in boxes)
    (left, lower), (right, upper) = (np.maximum((end - frame[0]) // CELL, 0).astype(int) for end in (low, high))
    covered = taken[left : right + 1, lower : upper + 1].sum()
    run_over = taken[_cells(leader, frame)].sum()
    return float(500 * overlaps + 60 * crossings + 3 * covered + 2 * run_over + 0.2 * np.hypot(*(centre - anchor)))


def _leader(anchor, centre) -> np.ndarray:
    """Points along a leader line."""
    return anchor + np.linspace(0.15, 1, 30)[:, None] * (centre - anchor)


def _residues_of(worst: pd.DataFrame, residues_file) -> pd.DataFrame:
    """The residues of a few entries; the table itself may not fit into memory."""
    columns = ["emdb_id", "pdb_id", "chain", "class", "q_04"]
    return pd.read_parquet(residues_file, columns=columns, filters=[("emdb_id", "in", [*worst["emdb_id"], ""])])


@_styled
def flagged_entries(points: pd.DataFrame, residues: pd.DataFrame) -> Figure | None:
    """Q along the chains of the worst flagged entries, after Figure 2B; None when none is flagged.

    Parameters
    ----------
    points : DataFrame
        Of `survey_points`.
    residues : DataFrame
        `tables.RESIDUES` of those entries at least.
    """
    worst = worst_flagged(points)
    if worst.empty:
        return None
    synthetic = bool(worst["synthetic"].any())
    figure = Figure(figsize=(7.2, 1.62 * len(worst) + 0.62 + 0.3 * synthetic), layout="constrained")
    _keep_strip(figure, synthetic)
    figure.get_layout_engine().set(hspace=0.06)
    panels = figure.subplots(len(worst), sharey=True, squeeze=False)[:, 0]
    for axes, entry in zip(panels, worst.itertuples(), strict=True):
        mine = (residues["emdb_id"] == entry.emdb_id) & (residues["pdb_id"] == entry.pdb_id)
        _draw_chains(axes, residues[mine], entry)
    panels[-1].set_xlabel("Residues of the polymers, counted chain by chain")
    figure.supylabel("Q of the residue (σ = 0.4 Å)", fontsize=9)
    shown = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(shown.values(), shown.keys(), ncols=len(shown), **BENEATH)
    return figure


def _draw_chains(axes, residues: pd.DataFrame, entry) -> None:
    """One entry: each residue faint, the running mean of each chain, and what is expected."""
    polymer = residues[residues["class"].isin(["protein", "nucleic"])]
    chains = list((polymer if len(polymer) else residues).groupby("chain", sort=False)["q_04"])
    starts = np.cumsum([1, *(len(q) for _, q in chains)])
    axes.axhspan(entry.low, entry.high, color=PALE, lw=0, zorder=0, label="expected band")
    axes.axhline(entry.expected_q, color=GREY, lw=1.1, ls="--", zorder=1, label="expected Q")
    x, raw, mean = _with_gaps(chains, starts)
    axes.plot(x, raw, ".", ms=1.6, color="#A0A0A0", rasterized=len(x) > CROWD, label="residue", gid="raw")
    axes.plot(x, mean, color=INK, lw=1, label=f"running mean of {WINDOW}", gid="mean")
    edge, colour, words = (entry.low, VERMILION, "below") if entry.flag == "low" else (entry.high, GREEN, "above")
    beyond = mean < edge if entry.flag == "low" else mean > edge
    axes.fill_between(x, mean, edge, where=beyond, color=colour, alpha=0.55, lw=0, label=f"{words} the band")
    for start in starts[1:-1]:
        axes.axvline(start - 0.5, color="#B8B8B8", lw=0.5, zorder=0)
    _name_chains(axes, [name for name, _ in chains], starts)
    axes.set(xlim=(0.5, max(starts[-1], 2) - 0.5))
    axes.set_title(_entry_title(entry), loc="left", pad=12)
    sns.despine(ax=axes)


def _with_gaps(chains, starts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place, Q and running mean of every residue, a NaN after each chain so that no line joins two."""
    place, raw, mean = ([np.empty(0)] for _ in range(3))
    for (_, q), start in zip(chains, starts, strict=False):
        place.append(np.arange(start, start + len(q) + 1.0))
        raw.append(np.append(q, np.nan))
        mean.append(np.append(running_mean(q), np.nan))
    return np.concatenate(place), np.concatenate(raw), np.concatenate(mean)


def running_mean(q, window: int = WINDOW) -> np.ndarray:
    """Mean over a window centred on each residue, fewer at the ends; NaN are left out."""
    q, ones = np.asarray(q, dtype=float), np.ones(window)
    middle = slice(window // 2, window // 2 + len(q))
    total = np.convolve(np.nan_to_num(q), ones)[middle]
    count = np.convolve(~np.isnan(q), ones)[middle]
    return np.divide(total, count, out=np.full(len(q), np.nan), where=count > 0)


def _name_chains(axes, names: list[str], starts) -> None:
    """Names above the chains that are wide enough to carry one."""
    style = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "bottom", "fontsize": 8, "color": GREY}
    for name, start, end in zip(names, starts, starts[1:], strict=False):
        if (end - start) / (starts[-1] - starts[0]) > 0.012 * (len(name) + 1):
            axes.text((start + end - 1) / 2, 1.01, _drawable(name, 12), **style)


def _entry_title(entry) -> str:
    expected = f"expected {entry.expected_q:.2f} ({entry.low:.2f}–{entry.high:.2f})"
    sample = f"  {_drawable(entry.sample, 34)}" if entry.sample else ""
    return f"{entry.name}  {entry.resolution:.2f} Å, Q {_signed(entry.q_mean)}, {expected}{sample}"


def _signed(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


@_styled
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
    _keep_strip(figure, synthetic)
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
    sns.despine(ax=axes)
