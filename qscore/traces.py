"""Q along the chains of flagged entries and of entries with regions."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from qscore.points import worst_flagged
from qscore.style import BENEATH, BLUE, CROWD, GREEN, GREY, INK, PALE, VERMILION, drawable, keep_strip, styled

WINDOW = 7
ALONE = {"facecolor": "none", "edgecolor": BLUE, "alpha": 0.6, "hatch": "///", "lw": 0, "label": "region, taken alone"}
_WHOLE = re.compile(r"-?[0-9]+")
TICKS = 14  # residue numbers along a panel, at most about so many


@styled
def flagged_entries(points: pd.DataFrame, residues: pd.DataFrame, regions: pd.DataFrame | None = None) -> Figure | None:
    """Q along the chains of the worst entries, after Figure 2B; None when none is flagged nor has regions.

    Parameters
    ----------
    points : DataFrame
        Of `survey_points`.
    residues : DataFrame
        `tables.RESIDUES` of those entries at least.
    regions : DataFrame, optional
        `tables.REGIONS` of polymer chains; they are shaded.
    """
    worst = worst_flagged(points, regions=regions)
    if worst.empty:
        return None
    synthetic = bool(worst["synthetic"].any())
    figure = Figure(figsize=(7.2, 1.62 * len(worst) + 0.62 + 0.3 * synthetic), layout="constrained")
    keep_strip(figure, synthetic)
    figure.get_layout_engine().set(hspace=0.06)
    panels = figure.subplots(len(worst), sharey=True, squeeze=False)[:, 0]
    for axes, entry in zip(panels, worst.itertuples(), strict=True):
        draw_chains(axes, of_entry(residues, entry), entry, None if regions is None else of_entry(regions, entry))
        axes.set_title(entry_title(entry), loc="left", pad=12)
    panels[-1].set_xlabel("Residue number, chain by chain")
    figure.supylabel("Q of the residue (σ = 0.4 Å)", fontsize=9)
    shown = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(shown.values(), shown.keys(), ncols=len(shown), **BENEATH)
    return figure


def of_entry(table: pd.DataFrame, entry) -> pd.DataFrame:
    """The rows of one entry."""
    return table[(table["emdb_id"] == entry.emdb_id) & (table["pdb_id"] == entry.pdb_id)]


def draw_chains(axes, residues: pd.DataFrame, entry, regions: pd.DataFrame | None = None, *, alone=None) -> None:
    """One entry: each residue faint, the running mean of each chain, what is expected, and its regions.

    Parameters
    ----------
    axes : Axes
    residues : DataFrame
        Columns `chain`, `number`, `icode`, `class` and `q_04`, one row a residue, in the order of the chains.
    entry : object
        With `expected_q`, `low`, `high` (Q, NaN where nothing is expected) and `flag` ("low", "high" or "").
    regions : DataFrame, optional
        `tables.REGIONS` of its polymer chains.
    alone : DataFrame, optional
        The like that it would have by itself, beyond those of its survey; they are hatched.
    """
    polymer = residues[residues["class"].isin(["protein", "nucleic"])]
    members = list((polymer if len(polymer) else residues).groupby("chain", sort=False))
    numbers = {name: _numbers(rows) for name, rows in members}
    chains = [(name, rows["q_04"].to_numpy()) for name, rows in members]
    starts = np.cumsum([1, *(len(q) for _, q in chains)])
    gaps = [gaps_of(run) for run in numbers.values()]
    if np.isfinite(entry.expected_q):
        axes.axhspan(entry.low, entry.high, color=PALE, lw=0, zorder=0, label="expected band", gid="band")
        axes.axhline(entry.expected_q, color=GREY, lw=1.1, ls="--", zorder=1, label="expected Q", gid="expected")
    x, raw, mean = _with_gaps(chains, starts, gaps)
    axes.plot(x, raw, ".", ms=1.6, color="#A0A0A0", rasterized=len(x) > CROWD, label="residue", gid="raw")
    axes.plot(x, mean, color=INK, lw=1, label=f"running mean of {WINDOW}", gid="mean")
    _fill_beyond(axes, x, mean, entry)
    for start in starts[1:-1]:
        axes.axvline(start - 0.5, color="#B8B8B8", lw=0.5, zorder=0)
    if any(map(len, gaps)):
        places = np.concatenate([start + gap - 0.5 for gap, start in zip(gaps, starts, strict=False)])
        ends = {"transform": axes.get_xaxis_transform(), "gid": "gaps"}
        axes.vlines(places, 0, 1, color="#909090", lw=0.7, ls=(0, (1, 2)), zorder=0, **ends)
    _shade(axes, regions, (numbers, chains, starts), color=BLUE, alpha=0.25, lw=0, label="region")
    _shade(axes, alone, (numbers, chains, starts), **ALONE)
    _name_chains(axes, [name for name, _ in chains], starts)
    axes.set(xlim=(0.5, max(starts[-1], 2) - 0.5))
    axes.set_xticks(*_number_ticks(numbers.values(), starts))


def _fill_beyond(axes, x, mean, entry) -> None:
    """Where the running mean lies beyond the band, on the side of the flag; below it without one."""
    end, colour, words = (entry.high, GREEN, "above") if entry.flag == "high" else (entry.low, VERMILION, "below")
    beyond = mean > end if entry.flag == "high" else mean < end
    if beyond.any():
        style = {"color": colour, "alpha": 0.55, "lw": 0, "label": f"{words} the band", "gid": "beyond"}
        axes.fill_between(x, mean, end, where=beyond, **style)


def _numbers(residues: pd.DataFrame) -> list[str]:
    """Number and insertion code of each residue, as the regions' ends have them."""
    icode = residues["icode"].fillna("") if "icode" in residues else ""
    return (residues["number"].astype(str) + icode).tolist()


def gaps_of(numbers: list[str]) -> np.ndarray:
    """Places before which `WINDOW` or more residue numbers are missing, or the numbers begin again, shape (gaps,).

    Over fewer missing residues the line is drawn on: loops of a few would leave it in shreds.
    """
    whole = [int(found[0]) if (found := _WHOLE.match(number)) else None for number in numbers]
    steps = enumerate(pairwise(whole), start=1)
    return np.array([k for k, (a, b) in steps if None not in (a, b) and not 0 <= b - a <= WINDOW], dtype=int)


def _shade(axes, regions: pd.DataFrame | None, drawn: tuple, **style) -> None:
    """Regions, in every copy of their chain."""
    numbers, chains, starts = drawn
    begin = dict(zip(numbers, starts, strict=False))
    for chain, first, last in () if regions is None else region_ends(regions, numbers, dict(chains)):
        axes.axvspan(begin[chain] + first - 0.5, begin[chain] + last + 0.5, zorder=0.5, **style)


def region_ends(regions: pd.DataFrame, numbers: dict[str, list[str]], q=None) -> list[tuple[str, int, int]]:
    """Chain, first and last place within it of each region, in every copy of its chain.

    Parameters
    ----------
    regions : DataFrame
        `tables.REGIONS` of polymer chains of one entry.
    numbers : dict
        Of each chain the residues' numbers with their insertion codes, in order.
    q : dict, optional
        Of each chain Q of its residues: tells stretches with the same numbers apart.
    """
    found = []
    for row in regions.to_dict("records"):
        for chain in sorted({row["chain"], *(row["pooled"] or "").split()} & set(numbers)):
            ends = _ends_of(row, numbers[chain], None if q is None else np.asarray(q[chain], float))
            found += [(chain, *ends)] if ends else []
    return found


def _ends_of(row: dict, numbers: list[str], q: np.ndarray | None) -> tuple[int, int] | None:
    """Places of a region's ends; of numbers that a chain has twice those between which its length and mean Q lie."""
    firsts, lasts = ([k for k, number in enumerate(numbers) if number == row[end]] for end in ("from", "to"))
    pairs = [(first, last) for first in firsts for last in lasts if first <= last]

    def unlike(pair):
        """How far a pair of places is from the region's length, then from its mean Q."""
        short = abs(pair[1] - pair[0] + 1 - row["length"])
        inside = np.empty(0) if q is None else q[pair[0] : pair[1] + 1]
        inside = inside[np.isfinite(inside)]
        return short, abs(inside.mean() - row["mean_q"]) if len(inside) else np.inf

    return min(pairs, key=unlike) if len(pairs) > 1 else next(iter(pairs), None)


def in_regions(residues: pd.DataFrame, regions: pd.DataFrame) -> np.ndarray:
    """Whether each residue of one entry lies in one of its regions, shape (n,)."""
    chain = residues["chain"].to_numpy()
    places = {name: np.flatnonzero(chain == name) for name in dict.fromkeys(chain)}
    names = np.array(_numbers(residues), dtype=object)
    found = np.zeros(len(residues), dtype=bool)
    q = residues["q_04"].to_numpy(float)
    runs = {name: list(names[at]) for name, at in places.items()}, {name: q[at] for name, at in places.items()}
    for name, first, last in region_ends(regions, *runs):
        found[places[name][first : last + 1]] = True
    return found


def _number_ticks(chains, starts) -> tuple[list[int], list[str]]:
    """Places and residue numbers of the ticks: round numbers in every chain that is wide enough."""
    width = max(starts[-1] - 1, 1)
    step = next(s * 10**k for k in range(9) for s in (1, 2, 5) if s * 10**k * TICKS >= width)
    places, labels, free = [], [], -np.inf
    for numbers, start in zip(chains, starts, strict=False):
        for place, number in enumerate(numbers, start=start):
            if place >= free and number.lstrip("-").isdigit() and int(number) % step == 0:
                places.append(place)
                labels.append(number.replace("-", "−"))
                free = place + 0.7 * step
    return places, labels


def _with_gaps(chains, starts, gaps) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place, Q and running mean of every residue, a NaN after each chain and at each gap so that no line joins two."""
    place, raw, mean = ([np.empty(0)] for _ in range(3))
    runs = [(run, at) for (_, q), start, gap in zip(chains, starts, gaps, strict=False)
            for run, at in zip(np.split(q, gap), start + np.array([0, *gap]), strict=True)]  # fmt: skip
    for run, at in runs:
        place.append(np.append(np.arange(at, at + len(run)), at + len(run) - 0.5))
        raw.append(np.append(run, np.nan))
        mean.append(np.append(running_mean(run), np.nan))
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
            axes.text((start + end - 1) / 2, 1.01, drawable(name, 12), **style)


def entry_title(entry) -> str:
    """Ids, resolution, Q, what is expected and the sample, on one line."""
    expected = f"expected {entry.expected_q:.2f} ({entry.low:.2f}–{entry.high:.2f})"
    sample = f"  {drawable(entry.sample, 34)}" if entry.sample else ""
    return f"{entry.name}  {entry.resolution:.2f} Å, Q {_signed(entry.q_mean)}, {expected}{sample}"


def _signed(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".replace("-", "−")
