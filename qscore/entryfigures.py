"""The figures of one entry's page: small, static, and no larger for a capsid than for a peptide."""

from __future__ import annotations

import base64
import io
import re
from types import SimpleNamespace

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from qscore import radial, trace3d
from qscore.dossier import Dossier, known
from qscore.style import BENEATH, BLUE, GREEN, GREY, INK, PALE, VERMILION, keep_strip, styled
from qscore.traces import draw_chains

POLYMERS = ("protein", "nucleic")
MOST_ROWS, LEAST_WIDE = 5, 600  # rows of chains; residues that a row has room for
MOST_TRACED = 12_000  # residues in three dimensions
FEW = 300  # more of them are drawn as an image within the SVG
MOST_EDGES = 60  # of chains and regions in a row that are lines and areas of their own
DPI, COLOURS = 120, 64  # of such images
_IMAGE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
KIND_COLOURS = {"all but waters": INK, "backbone": GREY, "side chains and bases": GREY}
FONTS = "DejaVu Sans, Verdana, sans-serif"
_DROP = {"Date": None, "Creator": None}
_PLACES, _DIGITS = re.compile(r' (?:d|x|y|width|height|transform)="[^"]*"'), re.compile(r"(\.[0-9])[0-9]+")


def figures_of(dossier: Dossier) -> dict[str, str]:
    """Name → SVG of each figure that the dossier gives, the same bytes for the same dossier.

    ``chains``, ``classes``, ``profiles_worst``, ``profiles_best``, ``trace``, ``inclusion``.
    """
    drawn = {"chains": chains(dossier), "classes": classes(dossier), "inclusion": inclusion(dossier)}
    drawn |= {"trace": trace(dossier)}
    drawn |= {f"profiles_{which}": profiles(found, dossier) for which, found in dossier.profiles.items()}
    return {name: as_svg(figure) for name, figure in drawn.items() if figure is not None}


@styled
def as_svg(figure: Figure) -> str:
    """A figure as SVG: letters as text, places to a tenth of a point, no date.

    Letters as outlines would be half of the page. The fonts asked for have the widths of the one it was laid out in.
    """
    stream = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", dpi=DPI, metadata=_DROP)
    text = _PLACES.sub(lambda found: _DIGITS.sub(r"\1", found[0]), stream.getvalue())
    return _IMAGE.sub(_fewer_colours, text.replace("'DejaVu Sans'", FONTS))


def _fewer_colours(image: re.Match) -> str:
    """An image within an SVG with a palette, a third of its size."""
    picture, stream = Image.open(io.BytesIO(base64.b64decode(image[1]))).convert("RGBA"), io.BytesIO()
    picture.quantize(COLOURS, method=Image.Quantize.FASTOCTREE).save(stream, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


# ---- chains ----


def chosen_chains(dossier: Dossier) -> list[list[str]]:
    """Names of the chains that are drawn, row by row: all in their order, or the worst where there is no room for all.

    Worst are those with regions, the least likely first, then those of the lowest mean Q.
    """
    lengths = _polymer(dossier).groupby("chain", sort=False)["q_04"].agg(["size", "mean"])
    if lengths.empty:
        return []
    wide = max(LEAST_WIDE, int(lengths["size"].max()))
    rows = _packed(lengths["size"], list(lengths.index), wide)
    if len(rows) <= MOST_ROWS:
        return rows
    regional = [
        name for row in (*dossier.regions, *dossier.alone) for name in (row["chain"], *(row["pooled"] or "").split())
    ]
    order = dict.fromkeys([*(name for name in regional if name in lengths.index), *lengths["mean"].sort_values().index])
    return _packed(lengths["size"], list(order), wide)[:MOST_ROWS]


def _packed(sizes: pd.Series, names: list[str], wide: int) -> list[list[str]]:
    """Chains in rows of at most so many residues."""
    rows, room = [], 0
    for name in names:
        size = int(sizes[name])
        if size > room:
            rows.append([])
            room = wide
        rows[-1].append(name)
        room -= size
    return rows


def n_chains(dossier: Dossier) -> int:
    """How many chains of polymer there are."""
    return len(set(_polymer(dossier)["chain"]))


def _polymer(dossier: Dossier) -> pd.DataFrame:
    names = ("chain", "number", "icode", "residue", "class", "q_04")
    table = pd.DataFrame({key: dossier.residues[key] for key in names})
    return table[table["class"].isin(POLYMERS)]


@styled
def chains(dossier: Dossier) -> Figure | None:
    """Q along the chains, with the expected line, its band and the regions; None without polymer."""
    rows, residues = chosen_chains(dossier), _polymer(dossier)
    if not rows:
        return None
    figure = Figure(figsize=(7.6, 1.5 * len(rows) + 0.75 + 0.3 * dossier.synthetic), layout="constrained")
    keep_strip(figure, dossier.synthetic)
    panels = figure.subplots(len(rows), sharey=True, squeeze=False)[:, 0]
    entry = _expected(dossier)
    regions, alone = (pd.DataFrame(found) if found else None for found in (dossier.regions, dossier.alone))
    for axes, names in zip(panels, rows, strict=True):
        mine = pd.concat([residues[residues["chain"] == name] for name in names])
        draw_chains(axes, mine, entry, regions, alone=alone)
        _lighten(axes, len(mine))
    panels[-1].set_xlabel("Residue number, chain by chain")
    figure.supylabel("Q of the residue (σ = 0.4 Å)", fontsize=9)
    shown = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(shown.values(), shown.keys(), ncols=len(shown) if len(shown) < 6 else 4, **BENEATH)
    return figure


def _expected(dossier: Dossier) -> SimpleNamespace:
    numbers = {key: known(dossier.judged.get(key)) for key in ("expected_q", "low", "high")}
    return SimpleNamespace(**numbers, flag=dossier.judged.get("flag") or "")


def _lighten(axes, n: int) -> None:
    """Draw many points, long lines, and many edges of chains and regions, as an image."""
    many = len(axes.lines) + len(axes.patches) > MOST_EDGES
    for artist in (*axes.lines, *axes.collections, *(axes.patches if many else ())):
        if many or artist.get_gid() == "raw" or n > 4 * FEW:
            artist.set_rasterized(many or n > FEW)


# ---- classes ----


@styled
def classes(dossier: Dossier) -> Figure:
    """Mean Q of each class of atoms, beside the expected one where there is one."""
    rows = dossier.classes()[::-1]
    figure = Figure(figsize=(4.6, 0.3 * len(rows) + 0.95 + 0.3 * dossier.synthetic), layout="constrained")
    keep_strip(figure, dossier.synthetic)
    axes = figure.subplots()
    for place, row in enumerate(rows):
        _draw_expected(axes, place, row)
    colours = [KIND_COLOURS.get(row["name"], BLUE) for row in rows]
    q = [row["q"] for row in rows]
    axes.scatter(q, range(len(rows)), c=colours, s=34, zorder=3, label="this entry", gid="classes")
    axes.set(yticks=range(len(rows)), yticklabels=[row["name"] for row in rows], ylim=(-0.6, len(rows) - 0.4))
    axes.set(xlim=_wide(rows), xlabel="Mean Q (σ = 0.4 Å)")
    shown = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(shown.values(), shown.keys(), ncols=len(shown), **BENEATH)
    return figure


def _draw_expected(axes, place: int, row: dict) -> None:
    """The expected Q of a class as a stroke, on its band."""
    if row["low"] == row["low"]:
        width = row["high"] - row["low"]
        axes.barh(place, width, left=row["low"], height=0.62, color=PALE, lw=0, label="middle 95 % of entries")
    if row["expected"] == row["expected"]:
        ends = [place - 0.31, place + 0.31]
        axes.plot([row["expected"]] * 2, ends, color=GREY, lw=1.4, ls="--", label="expected")


def _wide(rows: list[dict]) -> tuple[float, float]:
    values = np.array([row[key] for row in rows for key in ("q", "low")])
    return min(0.0, float(np.nanmin(values, initial=0.0)) - 0.05), 1.0


# ---- profiles, trace, inclusion ----


@styled
def profiles(found, dossier: Dossier) -> Figure:
    """The map around a few atoms by distance."""
    figure = radial.profile_panels(found)
    for axes in figure.axes:
        axes.set_title(axes.get_title(loc="left").replace("   ", "\u2003"), loc="left")  # plain ones collapse in SVG
    figure.set_size_inches(8.2 if len(found) > 2 else figure.get_figwidth(), 3.1)
    keep_strip(figure, dossier.synthetic)
    return figure


def traced(dossier: Dossier) -> pd.DataFrame:
    """The residues of the trace that are drawn: whole chains, the worst first where there are too many."""
    trace = pd.DataFrame(dossier.trace)
    if len(trace) <= MOST_TRACED:
        return trace
    sizes = trace.groupby("chain", sort=False)["q_04"].agg(["size", "mean"]).sort_values("mean", kind="stable")
    kept = sizes.index[sizes["size"].cumsum() <= MOST_TRACED]
    return trace[trace["chain"].isin(kept if len(kept) else sizes.index[:1])].reset_index(drop=True)


@styled
def trace(dossier: Dossier) -> Figure | None:
    """The chains in three dimensions, coloured by Q; None where no residue has a place."""
    table = traced(dossier)
    if table.empty:
        return None
    found = [*dossier.regions, *dossier.alone]
    regions = pd.DataFrame(found) if found else None
    figure = trace3d.trace_figure(table, regions, synthetic=dossier.synthetic)
    if figure is not None:
        for axes in figure.axes:
            for artist in axes.collections:
                artist.set_rasterized(True)
    return figure


@styled
def inclusion(dossier: Dossier) -> Figure | None:
    """Share of atoms above each contour level; None where it was not measured."""
    curve = dossier.inclusion
    if len(curve.get("level", ())) < 2:
        return None
    figure = Figure(figsize=(4.6, 2.9 + 0.3 * dossier.synthetic), layout="constrained")
    keep_strip(figure, dossier.synthetic)
    axes = figure.subplots()
    axes.plot(curve["level"], curve["inclusion"], color=BLUE, lw=1.6, label="all atoms but waters", gid="inclusion")
    axes.plot(curve["level"], curve["inclusion_backbone"], color=GREEN, lw=1.4, ls="--", label="backbone")
    axes.plot(curve["level"], curve["frac_map"], color=GREY, lw=1.2, ls=":", label="points of the box")
    if dossier.contour is not None:
        axes.axvline(dossier.contour, color=VERMILION, lw=1.2, label="recommended level")
    axes.set(xlabel="Contour level (map units)", ylabel="Share above it", ylim=(-0.02, 1.04))
    axes.margins(x=0.02)
    figure.legend(ncols=2, **BENEATH)
    return figure


def limits(dossier: Dossier) -> tuple[float, float]:
    """Q of the ends of the colours, in the figure and in ChimeraX."""
    return trace3d.colour_limits(dossier.trace.get("q_04", np.empty(0)))
