"""The look of the figures: type, colours, legends, labels, and the strip that says synthetic."""

from __future__ import annotations

from functools import cache

import matplotlib
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

SYNTHETIC = "synthetic demonstration archive"
# Okabe and Ito's colours, told apart by every kind of colour vision.
BLUE, VERMILION, GREEN, GREY, INK, PALE = "#0072B2", "#D55E00", "#007C5A", "#6B6B6B", "#222222", "#E4E4E4"
STYLE = {  # the spines and ticks of seaborn's "ticks", without its import
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same glyphs on every machine
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.edgecolor": INK,
    "axes.labelcolor": ".15",
    "xtick.color": ".15",
    "ytick.color": ".15",
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "white",
    "patch.force_edgecolor": True,
    "text.color": INK,
    "text.parse_math": False,
    "svg.hashsalt": "qscore",
    "svg.fonttype": "path",
}
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
COLUMN, PAGE = 3.35, 7.0  # inches: widths of one column and of a page
CROWD = 1500  # more points are drawn small, and as an image within an SVG
styled = matplotlib.rc_context(STYLE)


def drawable(text: str, most: int = 60) -> str:
    """Text with what the font cannot draw as "?", shortened."""
    known = _characters()
    text = "".join(c if ord(c) in known and c.isprintable() else "?" for c in " ".join(text.split()))
    return text if len(text) <= most else text[: most - 1] + "…"


@cache
def _characters() -> frozenset[int]:
    """What the font can draw."""
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


def say_synthetic(figure: Figure) -> None:
    """A strip along the upper edge that cannot be overlooked."""
    height = 0.24 / figure.get_figheight()
    figure.add_artist(Rectangle((0, 1 - height), 1, height, color="#F0E442", transform=figure.transFigure))
    figure.text(0.5, 1 - height / 2, SYNTHETIC, ha="center", va="center_baseline", weight="bold", gid="synthetic")


def keep_strip(figure: Figure, synthetic: bool) -> None:
    """The strip, and the rest of a constrained layout below it."""
    if synthetic:
        say_synthetic(figure)
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - 0.3 / figure.get_figheight()))
