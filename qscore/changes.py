"""Q along the chains of two models in one map, and the difference beneath."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from qscore import tables
from qscore.compare import CHANGED, Comparison
from qscore.figures import METADATA
from qscore.style import BENEATH, GREY, PALE, VERMILION, drawable, styled

MOST_CHAINS = 12
ONE_COLUMN = 3  # up to so many chains stand below each other, more in two columns
TICKS = 9  # residue numbers beneath a chain, at most
DENSE = 250  # residues from which lines are thinner
SKY = "#56B4E9"  # Okabe and Ito's: pale enough to lie beneath the other line
STEPS = [n * 10**power for power in range(6) for n in (1, 2, 5)]


@styled
def before_and_after(found: Comparison) -> Figure:
    """Q of the residues of each chain in both models, and after minus before."""
    chains, n_hidden = chosen(pd.DataFrame(found.rows))
    columns = 1 if len(chains) <= ONE_COLUMN else 2
    lines = -(-len(chains) // columns)
    figure = Figure(figsize=(7.2 if columns == 1 else 10.8, 2.1 * lines + 0.6), layout="constrained")
    figure.get_layout_engine().set(hspace=0.04)
    grid, limits = _pairs_of_axes(figure, lines, columns), _limits(pd.concat(chains.values()))
    for place, (name, residues) in enumerate(chains.items()):
        upper, lower = next(grid)
        _draw_chain(upper, lower, residues, limits)
        for axes in (upper, lower):
            axes.yaxis.set_label_coords(-0.075 if columns == 1 else -0.11, 0.5)
        upper.set_title(_title(name, found.summary["chains"][name]), loc="left")
        if place + columns >= len(chains):
            lower.set_xlabel("Residue number")
    handles, _ = upper.get_legend_handles_labels()
    title = f"{n_hidden} more chain{'s' if n_hidden > 1 else ''} with smaller changes not shown" if n_hidden else None
    figure.legend(
        handles, [drawable(label) for label in found.labels], ncols=2, title=title, title_fontsize=8, **BENEATH
    )
    return figure


def _pairs_of_axes(figure: Figure, lines: int, columns: int):
    """A high and a low panel for each chain, made when they are asked for."""
    grid = figure.add_gridspec(2 * lines, columns, height_ratios=(2, 1) * lines)
    for place in range(lines * columns):
        line, column = 2 * (place // columns), place % columns
        upper = figure.add_subplot(grid[line, column])
        yield upper, figure.add_subplot(grid[line + 1, column], sharex=upper)


def _title(name: str, chain: dict) -> str:
    values = (chain[key] for key in ("q_before", "q_after"))
    texts = (f"{value:.3f}".replace("-", "−") if value == value else "–" for value in values)
    return f"chain {drawable(name, 12)}   mean Q {' → '.join(texts)}"


def chosen(rows: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], int]:
    """Residues of the chains to draw, in their order, and how many more chains there are.

    Polymers where there are any; of many chains those with the largest mean
    absolute difference.
    """
    polymer = rows[rows["class"].isin(["protein", "nucleic"])]
    chains = dict(list((polymer if len(polymer) else rows).groupby("chain", sort=False)))
    size = {name: np.nan_to_num(residues["difference"].abs().mean(), nan=-1.0) for name, residues in chains.items()}
    largest = sorted(size, key=lambda name: -size[name])[:MOST_CHAINS]
    return {name: chains[name] for name in chains if name in largest}, len(chains) - len(largest)


def _limits(rows: pd.DataFrame) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ends of the axes of Q and of differences, the same for all chains."""
    q = rows[["q_before", "q_after"]].to_numpy()
    low, high = (np.nanmin(q), np.nanmax(q)) if not np.isnan(q).all() else (0.0, 1.0)
    most = max(2 * CHANGED, np.nan_to_num(rows["difference"].abs().max()))
    return (low - 0.05, high + 0.05), (-1.15 * most, 1.15 * most)


def _draw_chain(upper, lower, residues: pd.DataFrame, limits) -> None:
    """One chain: both models above, the difference beneath."""
    x, q_before, q_after, difference = _broken_at_gaps(residues)
    thin = 0.9 if len(residues) < DENSE else 0.6
    upper.plot(x, q_before, color=SKY, lw=3 * thin, marker=".", ms=3 * thin, label="before", gid="before")
    upper.plot(x, q_after, color=VERMILION, lw=thin, marker=".", ms=2 * thin, label="after", gid="after")
    for edge in (-CHANGED, CHANGED):
        lower.axhline(edge, color=PALE, lw=0.7, zorder=0)
    lower.axhline(0, color=GREY, lw=0.6, zorder=1)
    for wanted, colour in ((difference > 0, VERMILION), (difference < 0, SKY)):
        lower.bar(x[wanted], difference[wanted], width=1.0, color=colour, lw=0, zorder=2)
    upper.set(ylabel="Q", ylim=limits[0])
    lower.set(ylabel="change", ylim=limits[1], xlim=(-1, len(residues)))
    upper.tick_params(bottom=False, labelbottom=False)
    lower.set_xticks(*_ticks(residues))
    upper.spines.bottom.set_visible(False)


def _numbers(residues: pd.DataFrame) -> np.ndarray:
    return pd.to_numeric(residues["number"], errors="coerce").to_numpy(dtype=float)


def _broken_at_gaps(residues: pd.DataFrame):
    """Place, Q before, Q after and difference, with a NaN where the numbering jumps."""
    number = _numbers(residues)
    jumps = 1 + np.flatnonzero(~(np.abs(np.diff(number)) <= 1))
    x = np.insert(np.arange(len(residues), dtype=float), jumps, jumps - 0.5)
    values = (residues[column].to_numpy(dtype=float) for column in ("q_before", "q_after", "difference"))
    return x, *(np.insert(column, jumps, np.nan) for column in values)


def _ticks(residues: pd.DataFrame) -> tuple[list[int], list[str]]:
    """Places and numbers of the first residues at or beyond round numbers, none too near to another."""
    number, room = _numbers(residues), len(residues) / (2 * TICKS)
    step = next(step for step in STEPS if step >= len(residues) / TICKS)
    rounds = np.floor(number / step)
    starts = np.flatnonzero(np.r_[number[:1] % step == 0, rounds[1:] != rounds[:-1]])
    places: list[int] = []
    for place in starts.tolist() or [0]:
        if not places or place - places[-1] > room:
            places.append(place)
    return places, [f"{residues['number'].iloc[place]}{residues['icode'].iloc[place]}" for place in places]


@styled
def save(figure: Figure, stem, *, formats=("svg", "png"), dpi: int = 150) -> None:
    """A figure as files; the same figure gives the same bytes."""
    for kind in formats:
        with tables.whole_file(Path(stem).with_suffix(f".{kind}"), "wb") as stream:
            figure.savefig(stream, format=kind, dpi=dpi, metadata=METADATA[kind])
