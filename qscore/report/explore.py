"""Columns and curve → the page's plot and table, as the document and the scripts that draw it (owns bokeh)."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from bokeh import __version__ as BOKEH
from bokeh.document import Document
from bokeh.models import (
    BoxSelectTool,
    BoxZoomTool,
    CDSView,
    ColumnDataSource,
    DataTable,
    FixedTicker,
    HoverTool,
    IndexFilter,
    InlineStyleSheet,
    LinearColorMapper,
    PanTool,
    Plot,
    Range1d,
    ResetTool,
    StringFormatter,
    TableColumn,
    TapTool,
    WheelZoomTool,
)
from bokeh.palettes import Plasma256
from bokeh.plotting import figure
from bokeh.resources import Resources

from qscore.strips import ALPHABET, GAP, LOWEST, STEP

HEIGHT, TABLE_HEIGHT, ROW = 470, 470, 30  # pixels
MANY = 3000  # more points are drawn small
# Groups of points, each with its own mark: name, marker, size relative to the first, in words, as a letter of text.
GROUPS = (
    ("within", "circle", 1.0, "not flagged", "●"),
    ("out", "circle", 1.0, "not flagged, not in the line", "○"),
    ("cause", "diamond", 1.9, "not flagged, with a cause", "◆"),
    ("low", "inverted_triangle", 1.6, "flagged low", "▼"),
    ("high", "triangle", 1.6, "flagged high", "▲"),
)
# Light where Q is low, so that it is seen, as in the entries' figures and in ChimeraX.
STRIP_COLOURS = tuple(reversed(Plasma256[:221]))
# In a crowd: squares of the same area are drawn several times as fast as discs, and look the same at that size.
CROWDED = ("within", "square", 0.8, "not flagged", "▪")
NONE = "–"
_ID = re.compile(r"p\d+")
_SHARED = Path(__file__).with_name("bokeh.css")


@dataclass(frozen=True)
class Explorer:
    """What the page holds: the document as JSON text, and the scripts in their order.

    Attributes
    ----------
    document : str
        JSON; no "<" in it.
    scripts : tuple of str
    hashes : str
        Of the scripts, as a Content-Security-Policy lists them.
    version : str
        Of Bokeh.
    """

    document: str
    scripts: tuple[str, ...]
    hashes: str
    version: str = BOKEH


def explorer(columns: dict, curve, *, groups: set, title: str, of_q: str, headings: dict) -> Explorer:
    """The plot of Q against resolution, the table and the strips of the panel.

    Parameters
    ----------
    columns : dict
        Of `dataset.dataset`: the numbers, for the first ranges. The document holds none of them: the page's script
        hands Bokeh the columns of `packed.packed`, which it would read far more slowly.
    curve : Curve
        That the entries are judged by.
    groups : set of str
        Those of `GROUPS` that have an entry; the others are not drawn.
    title, of_q : str
        What stands above the plot; what Q is.
    headings : dict
        Column of the table → its heading.
    """
    source = ColumnDataSource({name: [] for name in ("resolution", "q_mean", *headings)}, name="entries")
    document = Document()
    drawn = [group for group in marks(len(columns["resolution"])) if group[0] in groups]
    document.add_root(_plot(source, curve, columns, drawn=drawn, title=title, of_q=of_q))
    document.add_root(_table(source, headings))
    document.add_root(_strips())
    scripts, hashes = _scripts()
    text = as_block(_with_own_ids(document.to_json(deferred=False)))
    return Explorer(text, scripts, hashes)


def marks(n: int) -> tuple:
    """`GROUPS` as they are drawn when there are n points."""
    return tuple(CROWDED if n >= MANY and group[0] == CROWDED[0] else group for group in GROUPS)


def as_block(content) -> str:
    """JSON that stands in a page as it is: no "<", ">" or "&" in it, whatever strangers wrote."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


@cache
def _scripts() -> tuple[tuple[str, ...], str]:
    """Bokeh and its tables as they come, the page's own script, and their hashes; setting its log level is logged."""
    found = Resources(mode="inline", components=["bokeh", "bokeh-tables"]).js_raw
    bokeh = [script for script in found if not script.startswith("Bokeh.set_log_level")]
    scripts = (*bokeh, Path(__file__).with_name("survey.js").read_text(encoding="utf-8"))
    return scripts, " ".join(map(_hash, scripts))


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _with_own_ids(content):
    """The document with its models numbered by their place: Bokeh's numbers count all that a process ever made."""
    return _renamed(content, {})


def _renamed(node, names: dict[str, str]):
    if isinstance(node, list):
        return [_renamed(one, names) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: _renamed(value, names) for key, value in node.items() if key != "id"}
    if "id" not in node:
        return found
    known = _ID.fullmatch(str(node["id"]))
    return {"id": names.setdefault(node["id"], f"m{len(names)}") if known else node["id"]} | found


# ---- the plot ----


def _plot(source, curve, columns: dict, *, drawn: list, title: str, of_q: str) -> Plot:
    plot = figure(
        name="plot", title=title or None, height=HEIGHT, output_backend="canvas",
        sizing_mode="stretch_width", tools="", toolbar_location="above",
        x_range=Range1d(*_ends(columns["resolution"], curve)), y_range=Range1d(*_heights(columns["q_mean"])),
        x_axis_label="Resolution (Å)", y_axis_label=of_q, min_border_right=20,
    )  # fmt: skip
    plot.toolbar.logo = None
    _draw_curve(plot, curve, above=len(columns["resolution"]) >= MANY)
    points = [_draw_points(plot, source, group, len(columns["resolution"])) for group in drawn]
    box = BoxSelectTool(renderers=points, description="Choose entries by a box")
    plot.add_tools(
        box, PanTool(), BoxZoomTool(), WheelZoomTool(), ResetTool(), TapTool(renderers=points),
        HoverTool(name="hover", renderers=points, tooltips=[("Entry", "@emdb")], limit=3, point_policy="snap_to_data"),
    )  # fmt: skip
    plot.toolbar.active_drag = box
    _letter(plot)
    return plot


def _letter(plot) -> None:
    """Axes in letters as large as the page's own."""
    for axis in plot.axis:
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size, axis.major_label_text_font_size = "14px", "13px"


def _ends(resolution: np.ndarray, curve) -> tuple[float, float]:
    """Resolutions shown first, Å: all that the curve holds for; what lies beyond is a matter of zooming out."""
    known = resolution[np.isfinite(resolution)]
    within = known[(known >= curve.domain[0] - 0.5) & (known <= curve.domain[1])]
    low, high = (float(within.min()), float(within.max())) if len(within) else (1.0, 6.0)
    margin = max(0.04 * (high - low), 0.15)
    return max(low - margin, 0.0), high + margin


def _heights(q: np.ndarray) -> tuple[float, float]:
    known = q[np.isfinite(q)]
    return min(0.0, float(known.min()) - 0.05 if len(known) else 0.0), 1.03


def _draw_curve(plot, curve, *, above: bool) -> None:
    """What is expected, above a crowd of points, and beneath all the bands that hold 95 and 50 % of the entries."""
    x = np.linspace(*curve.domain, 160)
    for share, name in ((0.95, "band"), (0.5, "half")):
        low, high = curve.band(x, share)
        plot.varea(x=x, y1=low, y2=high, name=name, level="underlay")
    plot.line(x=x, y=curve.expected(x), name="curve", line_width=2, level="annotation" if above else "glyph")


def _draw_points(plot, source, group: tuple, n: int):
    name, marker, larger, *_ = group
    size = (9 if n < 300 else 6 if n < MANY else 4) * larger**0.5
    crowd = n >= MANY and name in ("within", "out")
    filled = crowd and name != "out"  # an outline takes ten times as long to draw as the inside
    view = CDSView(filter=IndexFilter(indices=[]), name=f"view {name}")
    drawn = plot.scatter(
        "resolution", "q_mean", source=source, view=view, marker=marker, size=size, name=name,
        line_width=0.6 if crowd else 1, fill_alpha=0 if name == "out" else 0.35 if crowd else 0.85,
        line_alpha=0 if filled else 0.35 if crowd else 0.9, nonselection_fill_alpha=0 if name == "out" else 0.25,
        nonselection_line_alpha=0 if filled else 0.3, selection_fill_alpha=1, selection_line_alpha=1,
    )  # fmt: skip
    return drawn


# ---- the table ----


NUMBERS = {"resolution": 78, "q_mean": 74, "expected_q": 86, "percentile": 112, "year": 58, "p_adjusted": 74}
WORDS = {"emdb": 112, "pdb": 62, "sample": 240, "flag": 52, "cause": 175, "method": 125, "left_out": 130}
"""Columns of the table and their widths, pixels."""


def _table(source, headings: dict) -> DataTable:
    widths = NUMBERS | WORDS
    columns = [
        TableColumn(field=name, title=heading, width=widths[name], formatter=_formatter(name))
        for name, heading in headings.items()
    ]
    places = [k for k, name in enumerate(headings, 1) if name in NUMBERS]
    right = ", ".join(f".slick-header-column:nth-child({k}) .slick-column-name" for k in places)
    style = InlineStyleSheet(css=f"{_SHARED.read_text(encoding='utf-8')}{right} {{ float: right; }}\n")
    return DataTable(
        name="table", source=source, view=CDSView(filter=IndexFilter(indices=[]), name="view table"), columns=columns,
        height=TABLE_HEIGHT, sizing_mode="stretch_width", index_position=None, reorderable=False, row_height=ROW,
        autosize_mode="force_fit", scroll_to_selection=True, stylesheets=[style],
    )  # fmt: skip


def _formatter(name: str) -> StringFormatter:
    """The page's script finds it by its name and writes numbers as everywhere else on the page."""
    align = "right" if name in NUMBERS else "left"
    return StringFormatter(name=f"words of {name}", nan_format=NONE, null_format=NONE, text_align=align)


# ---- the strips of the panel ----


def _strips() -> Plot:
    """Q along chains, a row a chain; the page's script gives it the chains of the entry that is open."""
    empty = {name: [] for name in ("x", "width", "y", "q", "from", "to", "chain")}
    source = ColumnDataSource(empty, name="strip source")
    plot = figure(
        name="strips", height=80, sizing_mode="stretch_width", tools="", toolbar_location=None,
        x_range=Range1d(0, 1, name="strip places"), y_range=Range1d(1, 0, name="strip rows"), output_backend="canvas",
        x_axis_label="Residue number", min_border_right=12,
    )  # fmt: skip
    colours = LinearColorMapper(palette=STRIP_COLOURS, low=0, high=1)
    drawn = plot.rect(
        "x", "y", width="width", height=0.72, source=source, line_color=None, name="bins",
        fill_color={"field": "q", "transform": colours},
    )  # fmt: skip
    tips = [("Chain", "@chain"), ("Residues", "@from to @to"), ("Mean Q", "@q{0.00}")]
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=tips, limit=1, name="strip hover"))
    plot.yaxis.ticker = FixedTicker(ticks=[], name="strip ticks")
    plot.yaxis.name, plot.ygrid.visible = "strip axis", False
    _letter(plot)
    return plot


def strip_code() -> dict:
    """How the letters of a strip are read."""
    return {"alphabet": ALPHABET, "gap": GAP, "lowest": LOWEST, "step": STEP}
