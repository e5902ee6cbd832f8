"""Q along the chains of flagged entries and of entries with regions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from qscore.points import worst_flagged
from qscore.style import BENEATH, BLUE, CROWD, GREEN, GREY, INK, PALE, VERMILION, drawable, keep_strip, styled

WINDOW = 7
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


def draw_chains(axes, residues: pd.DataFrame, entry, regions: pd.DataFrame | None = None) -> None:
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
    """
    polymer = residues[residues["class"].isin(["protein", "nucleic"])]
    members = list((polymer if len(polymer) else residues).groupby("chain", sort=False))
    chains = [(name, rows["q_04"]) for name, rows in members]
    starts = np.cumsum([1, *(len(q) for _, q in chains)])
    if np.isfinite(entry.expected_q):
        axes.axhspan(entry.low, entry.high, color=PALE, lw=0, zorder=0, label="expected band", gid="band")
        axes.axhline(entry.expected_q, color=GREY, lw=1.1, ls="--", zorder=1, label="expected Q", gid="expected")
    x, raw, mean = _with_gaps(chains, starts)
    axes.plot(x, raw, ".", ms=1.6, color="#A0A0A0", rasterized=len(x) > CROWD, label="residue", gid="raw")
    axes.plot(x, mean, color=INK, lw=1, label=f"running mean of {WINDOW}", gid="mean")
    _fill_beyond(axes, x, mean, entry)
    for start in starts[1:-1]:
        axes.axvline(start - 0.5, color="#B8B8B8", lw=0.5, zorder=0)
    numbers = {name: _numbers(rows) for name, rows in members}
    if regions is not None:
        _shade(axes, regions, numbers, dict(zip(numbers, starts, strict=False)))
    _name_chains(axes, [name for name, _ in chains], starts)
    axes.set(xlim=(0.5, max(starts[-1], 2) - 0.5))
    axes.set_xticks(*_number_ticks(numbers.values(), starts))
    sns.despine(ax=axes)


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


def _shade(axes, regions: pd.DataFrame, numbers: dict[str, list[str]], starts: dict[str, int]) -> None:
    """Regions, in every copy of their chain."""
    for chain, first, last in region_ends(regions, numbers):
        ends = starts[chain] + first - 0.5, starts[chain] + last + 0.5
        axes.axvspan(*ends, color=BLUE, alpha=0.25, lw=0, zorder=0.5, label="region")


def region_ends(regions: pd.DataFrame, numbers: dict[str, list[str]]) -> list[tuple[str, int, int]]:
    """Chain, first and last place within it of each region, in every copy of its chain.

    Parameters
    ----------
    regions : DataFrame
        `tables.REGIONS` of polymer chains of one entry.
    numbers : dict
        Of each chain the residues' numbers with their insertion codes, in order.
    """
    found = []
    for row in regions.to_dict("records"):
        for chain in sorted({row["chain"], *(row["pooled"] or "").split()} & set(numbers)):
            if row["from"] in numbers[chain] and row["to"] in numbers[chain]:
                found.append((chain, *(numbers[chain].index(row[end]) for end in ("from", "to"))))
    return found


def in_regions(residues: pd.DataFrame, regions: pd.DataFrame) -> np.ndarray:
    """Whether each residue of one entry lies in one of its regions, shape (n,)."""
    chain = residues["chain"].to_numpy()
    places = {name: np.flatnonzero(chain == name) for name in dict.fromkeys(chain)}
    names = np.array(_numbers(residues), dtype=object)
    found = np.zeros(len(residues), dtype=bool)
    for name, first, last in region_ends(regions, {name: list(names[at]) for name, at in places.items()}):
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
            axes.text((start + end - 1) / 2, 1.01, drawable(name, 12), **style)


def entry_title(entry) -> str:
    """Ids, resolution, Q, what is expected and the sample, on one line."""
    expected = f"expected {entry.expected_q:.2f} ({entry.low:.2f}–{entry.high:.2f})"
    sample = f"  {drawable(entry.sample, 34)}" if entry.sample else ""
    return f"{entry.name}  {entry.resolution:.2f} Å, Q {_signed(entry.q_mean)}, {expected}{sample}"


def _signed(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".replace("-", "−")
