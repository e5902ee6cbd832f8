"""The figures of a survey as the page holds them, and those that no section of it shows."""

from __future__ import annotations

import base64
import re
from pathlib import Path

from qscore.captions import CAPTIONS

MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png"}
MOST_BYTES = 1_200_000  # of one figure as SVG; its PNG is taken where that is smaller
WIDEST = 504.0  # points: the figures of the gallery are drawn to one scale, so that their letters are of one size
_WIDTH = re.compile(r'<svg[^>]*?\swidth="([0-9.]+)pt"')
SHOWN = frozenset({
    "q_vs_resolution", "apoferritin", "flagged_entries", "q_by_class", "diverse_draws", "concordance",
    "score_correlations", "scores_vs_resolution",
})  # fmt: skip
"""Figures that have their place in a section."""


def figures(folder) -> dict[str, str]:
    """Name → data: address of each figure there is, SVG before PNG unless it is huge."""
    found = {}
    for path in sorted(Path(folder).glob("*.svg")) + sorted(Path(folder).glob("*.png")):
        name = path.stem
        if name not in found:
            found[name] = _address(_smaller(path))
    return found


def _smaller(path: Path) -> Path:
    """A figure's PNG in place of an SVG that would fill the page."""
    other = path.with_suffix(".png")
    huge = path.suffix == ".svg" and path.stat().st_size > MOST_BYTES
    return other if huge and other.is_file() and other.stat().st_size < path.stat().st_size else path


def _address(path: Path) -> str:
    text = base64.b64encode(path.read_bytes()).decode("ascii")
    return f"data:{MEDIA_TYPES[path.suffix[1:]]};base64,{text}"


def _points(folder, name: str) -> float:
    """Width of a figure as it was drawn, in points; the widest where it does not say."""
    path = Path(folder) / f"{name}.svg"
    told = _WIDTH.search(path.read_text(encoding="utf-8")[:2000]) if path.is_file() else None
    return float(told[1]) if told else WIDEST


def others(found: dict, folder) -> list[dict]:
    """Figures without a place of their own: name, title, caption, and their width in points."""
    told = {name: CAPTIONS.get(name, (name.replace("_", " ").capitalize(), "")) for name in found if name not in SHOWN}
    return [
        {"name": name, "title": title, "caption": text, "points": _points(folder, name)}
        for name, (title, text) in told.items()
    ]
