"""Profiles of atoms as a figure: the map by distance, its spread, the points, and the reference Gaussian."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qscore.profile import Profiles
from qscore.style import BENEATH, BLUE, PAGE, drawable, keep_strip, styled

MOST_PANELS = 24
COLUMNS = 4
BARS = 6.0  # the axes are so many times as high as the bar of the most points
ROOM = 0.22  # share of the height below the curves, for the bars
BAR, BAR_WIDTH = "#D8D8D8", 3.6  # points


@styled
def profile_panels(found: Profiles, title: str = "") -> Figure:
    """One panel an atom (or type of atom), with common axes; beyond `MOST_PANELS` a word on how many more there are.

    Parameters
    ----------
    found : Profiles
        At least one.
    title : str
        Above all panels.
    """
    shown = min(len(found), MOST_PANELS)
    columns = min(shown, COLUMNS)
    lines = -(-shown // columns)
    figure = Figure(figsize=(max(4.6, 2.75 * columns + 0.9), 2.6 * lines + 0.9), layout="constrained")
    axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).ravel()
    limits, most = _limits(found, shown), float(_points(found)[:shown].max())
    for k in range(shown):
        _draw_points(axes[k], found, k, limits=limits, most=most)
        draw_profile(axes[k], found, k)
        axes[k].set(ylim=limits, xlabel="Distance from the atom (Å)" if k + columns >= shown else None)
        axes[k].tick_params(labelbottom=k + columns >= shown)
    for spare in axes[shown:]:
        spare.set_axis_off()
    figure.supylabel("Map value (map units)", fontsize=9)
    hidden = f"   ({len(found) - shown} more not shown)" if len(found) > shown else ""
    if title or hidden:
        figure.suptitle(drawable(title, 90) + hidden, fontsize=9)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=2 if columns < 3 else 4, **BENEATH)
    return figure


def _limits(found: Profiles, shown: int) -> tuple[float, float]:
    """Ends of the common axis of map values, with room for the bars; any where nothing is known."""
    curves = [found.mean - found.sd, found.mean + found.sd, found.reference]
    known = np.concatenate([curve[:shown].ravel() for curve in curves])
    known = known[np.isfinite(known)]
    low, high = (known.min(), known.max()) if len(known) and known.min() < known.max() else (-1.0, 1.0)
    return low - ROOM / (1 - ROOM) * (high - low), high + 0.05 * (high - low)


def _points(found: Profiles) -> np.ndarray:
    """Points an atom at each radius."""
    return found.n / np.array([max(about.get("n_scored", 1), 1) for about in found.about])[:, None]


def _draw_points(axes, found: Profiles, k: int, *, limits: tuple[float, float], most: float) -> None:
    """Bars of the number of points along the lower edge: in the same axes, for a second one costs as much again."""
    low, high = limits
    tops = low + (high - low) / BARS * _points(found)[k] / max(most, 1)
    label = f"points sampled (at most {most:.0f})" if most >= 1 else "points sampled"
    axes.vlines(found.radii, low, tops, color=BAR, lw=BAR_WIDTH, zorder=0, label=label, gid="points")


def draw_profile(axes, found: Profiles, k: int) -> None:
    """Mean, spread and reference of one profile, its name and Q above."""
    r, mean, sd = found.radii, found.mean[k], np.nan_to_num(found.sd[k])
    fine = np.linspace(0, r[-1], 201)
    axes.fill_between(r, mean - sd, mean + sd, color=BLUE, alpha=0.22, lw=0, label="± 1 SD of the points", gid="spread")
    axes.plot(r, mean, color=BLUE, lw=1.3, marker="o", ms=3.2, label="mean of the map", gid="mean")
    label = f"a + b·exp(−R²/2σ²), σ = {found.sigma:g} Å, fitted"
    reference = found.reference_at(fine)[k]
    axes.plot(fine, reference, color="black", lw=1.6, ls=(0, (1, 1.4)), label=label, zorder=5, gid="reference")
    axes.set_title(_title(found, k), loc="left")
    axes.set(xlim=(-0.06, r[-1] + 0.06), xticks=np.arange(0, r[-1] + 0.1, 0.5))
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _title(found: Profiles, k: int) -> str:
    about, q = found.about[k], found.q[k]
    value = "not scored" if np.isnan(q) else f"Q {q:.2f}".replace("-", "−")
    residue = f"{about['residue']} " if about.get("residue") else ""
    n = "" if "residue" in about else f", n = {about['n_atoms']:,}"
    return f"{drawable(residue + about['name'], 30)}   {value}{n}"


# ---- of the entries of a survey ----

ATOM = ["emdb_id", "pdb_id", "which", "chain", "number", "icode", "atom", "altloc"]


def shown_profiles(rows: pd.DataFrame) -> Profiles:
    """Rows of `tables.SHOWN_PROFILES` → profiles, in the order of the table.

    Raises
    ------
    ValueError
        An atom has not a row for each radius.
    """
    texts = rows.assign(**{key: rows[key].fillna("").astype(str) for key in ATOM})
    texts["turn"] = texts.groupby([*ATOM, "radius"]).cumcount()  # of atoms that a model names alike
    atoms = [atom.sort_values("radius") for _, atom in texts.groupby([*ATOM, "turn"], sort=False)]
    if len({len(atom) for atom in atoms}) != 1:
        raise ValueError("profiles of atoms differ in their radii")
    n, mean, sd = (np.array([atom[key].to_numpy(float) for atom in atoms]) for key in ("n_points", "mean", "sd"))
    heads = [atom.iloc[0] for atom in atoms]
    q, about = np.array([head["q"] for head in heads], dtype=float), tuple(_about(head) for head in heads)
    squares = np.nan_to_num(sd**2 * n)
    return Profiles(np.nan_to_num(n).astype(np.int64), mean, squares, q, float(heads[0]["sigma"]), about)


def _about(head: pd.Series) -> dict:
    name = f"{head['chain']}/{head['number']}{head['icode']}/{head['atom']}"
    return {"name": name, "residue": head["residue"], "entry": f"{head['emdb_id']} / {head['pdb_id']}", "n_atoms": 1}


def on_reference(found: Profiles) -> Profiles:
    """Profiles on the scale of their reference Gaussian, which then falls from 1 to 0: Q stays what it is.

    Where Q is not above 0 a scale is not defined: such profiles become NaN.
    """
    far, near = found.reference_at(np.array([1e3, 0.0])).T
    scale = np.where(near > far, near - far, np.nan)[:, None]
    return Profiles(
        found.n, (found.mean - far[:, None]) / scale, found.squares / scale**2, found.q, found.sigma, found.about
    )


@styled
def profile_examples(pair: Profiles, rungs: Profiles, resolutions, *, heading: str, synthetic: bool) -> Figure:
    """Map profiles of a well and of a poorly resolved atom, and below of atoms over a range of resolutions.

    After Figures 1A and 1B of the publication.

    Parameters
    ----------
    pair : Profiles
        Of two atoms of one map, drawn in map units.
    rungs : Profiles
        Of one atom each of other maps, drawn on the scale of their reference Gaussian; none are left out.
    resolutions : sequence of float
        Of the maps of `rungs`, Å.
    heading : str
        What entry the pair is of.
    synthetic : bool
    """
    strip, below = 0.3 * synthetic, len(rungs) > 0
    figure = Figure(figsize=(PAGE, 2.75 + 2.15 * below + strip), layout="constrained")
    keep_strip(figure, synthetic)
    upper, *lower = figure.subfigures(1 + below, height_ratios=(2.75, 2.15)[: 1 + below], squeeze=False)[:, 0]
    panels = upper.subplots(1, len(pair), sharey=True, squeeze=False)[0]
    upper.suptitle(heading, fontsize=9, weight="bold", x=0.01, ha="left", gid="heading")
    for k, axes in enumerate(panels):
        draw_profile(axes, pair, k)
        axes.set_xlabel("Distance from the atom (Å)")
    panels[0].set_ylabel("Map value (map units)")
    handles, labels = panels[0].get_legend_handles_labels()
    upper.legend(handles, labels, ncols=len(labels), **BENEATH)
    if lower:
        _draw_rungs(lower[0], rungs, resolutions)
    return figure


def _draw_rungs(figure, rungs: Profiles, resolutions) -> None:
    scaled = on_reference(rungs)
    panels = figure.subplots(1, len(rungs), sharey=True, squeeze=False)[0]
    for k, (axes, resolution) in enumerate(zip(panels, resolutions, strict=True)):
        draw_profile(axes, scaled, k)
        axes.set_title(
            f"{resolution:.2f} Å, Q {rungs.q[k]:.2f}\n{drawable(rungs.about[k]['entry'], 24)}", loc="left", fontsize=8
        )
        axes.set_gid(f"rung-{k}")
    figure.supxlabel("Distance from the atom (Å)", fontsize=9)
    panels[0].set_ylabel("Map, on its reference’s scale")
