"""The survey's own curve of expected Q: monotone spline quantiles, corrected on rows that they were not fitted to.

How it is made:

1. Quantile regression of Q on a natural cubic spline of the resolution (5 degrees of freedom and a constant), for
   each level alone, by linear programming (Koenker & Bassett 1978, Econometrica 46:33). Boundary knots at the ends of
   the domain; inner knots in equal steps of ln R between the 5th and 95th percentile of the rows' resolutions.
2. Rearrangement on a grid of resolutions: sorted across levels, so that none cross (Chernozhukov et al. 2010,
   Econometrica 78:1093), then isotonic along R, so that none rises with R.
3. Conformal correction (Romano et al. 2019, NeurIPS 32): steps 1 and 2 are repeated without each fold of rows, whole
   groups together; the residuals of the rows left out say by how much each level must move so that its share of them
   lies below it, (n + 1) in place of n. Each level has its own correction, as Q is skewed, and each cell of resolution
   its own, as one number for all leaves whole ranges uncovered; between the cells' median resolutions it is linear.
4. Rearrangement again, as corrections that differ could make levels cross.

`qscore.coverage` measures what comes out of all four on rows that had no part in any.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import isotonic_regression, linprog

from qscore import __version__, independence
from qscore.equations import DOMAIN
from qscore.quantiles import Curve

LEVELS = (0.01, 0.025, 0.05, 0.1, 0.175, 0.25, 0.375, 0.5, 0.625, 0.75, 0.825, 0.9, 0.95, 0.975, 0.99)
DEGREES = 5
POINTS = 90  # of the grid: 0.1 Å over the whole domain
FEWEST = 200  # rows; below, the outer levels rest on fewer than five
FEWEST_PLACES = 20  # different resolutions
FEWEST_GROUPS = 20  # two in each of ten folds
CELLS = (1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0)  # edges, Å
FEWEST_IN_CELL = 100
FOLDS = 5
ROUGH = 1000  # rows of a first guess
_DENSITY, _STEPS = 800, 5  # rows beside a guess that tell how dense they lie, and how often it is moved
_LEFT = 0.2  # of the reach of a guess, once it is moved
THIN = 8  # of that many rows one is taken, before all are
Start = tuple[np.ndarray, np.ndarray]  # a grid, Å, and quantiles on it

__all__ = ["CELLS", "LEVELS", "Curve", "cell_number", "cells_of", "fit_curve", "lacking", "usable"]


def fit_curve(
    resolution, q, groups, *, seed=2026, sigma=0.4, kind="all", start: Start | None = None, checked: bool = True
) -> Curve:
    """Quantiles of `q` over `resolution`; the same for any order of the rows.

    Parameters
    ----------
    resolution : array, shape (n,)
        Å. Rows outside 1.15–10 Å, and rows without a number, take no part.
    q : array, shape (n,)
    groups : int array, shape (n,)
        Rows that are not independent share a number: `independence.groups_of(…).joint`.
    seed : int
        Of the folds.
    sigma, kind : float, str
        What `q` is: width of the reference Gaussian, Å, and class of atoms; noted, not used.
    start : (array, array), optional
        Grid and values of a curve that lies near: the same curve is found, but for rounding, only sooner.
    checked : bool
        Whether `lacking` is asked first; not within folds of rows that were checked.

    Raises
    ------
    ValueError
        The rows are too few or too alike: what `lacking` says.
    """
    x, y, groups = usable(resolution, q, groups)
    if checked and (sentence := lacking(x, y, groups)):
        raise ValueError(sentence)
    knots = _knots(x)
    grid = np.linspace(x[0], x[-1], POINTS)
    raw = _quantiles(x, y, knots, grid, start)
    cells, centres, shifts = _corrections(x, y[:, None] - _out_of_fold(x, y, groups, (knots, grid, raw), seed))
    moved = np.stack([np.interp(grid, centres, column) for column in shifts.T], axis=1)
    making = {
        "method": "natural-spline quantile regression, rearranged, conformal by cells of resolution, rearranged",
        "knots": knots.tolist(),
        "folds": FOLDS,
        "groups": len(np.unique(groups)),
        "seed": seed,
        "cells": cells.tolist(),
        "cell_centres": centres.tolist(),
        "corrections": shifts.tolist(),
        "version": __version__,
    }
    values = np.clip(_rearranged(raw + moved), -1, 1)  # as Q is
    return Curve(grid, np.array(LEVELS), values, len(x), sigma=sigma, kind=kind, making=making)


def lacking(resolution, q, groups) -> str:
    """What rows lack for a curve and its coverage; "" when nothing. Parameters as of `fit_curve`."""
    x, _, groups = usable(resolution, q, groups)
    have = {"rows": len(x), "resolutions": len(np.unique(x)), "groups": len(np.unique(groups))}
    need = {"rows": FEWEST, "resolutions": FEWEST_PLACES, "groups": FEWEST_GROUPS}
    few = [f"{have[what]} {what} (at least {need[what]})" for what in need if have[what] < need[what]]
    return f"within {DOMAIN[0]:g}–{DOMAIN[1]:g} Å too few for a quantile curve: {', '.join(few)}" if few else ""


def cells_of(resolution, fewest: int = FEWEST_IN_CELL) -> np.ndarray:
    """Edges of the cells of resolution, Å: those of `CELLS`, with cells of fewer rows joined to a neighbour.

    A cell that lacks rows takes in the next one towards worse resolution; the last one joins the one before.

    Parameters
    ----------
    resolution : array, shape (n,)
        Å, within 1–10.
    fewest : int
    """
    counts = np.bincount(cell_number(resolution, np.array(CELLS)), minlength=len(CELLS) - 1)
    edges, held = [CELLS[0]], 0
    for upper, count in zip(CELLS[1:], counts, strict=True):
        held += int(count)
        if held >= fewest:
            edges.append(upper)
            held = 0
    return np.array([*edges[: max(len(edges) - 1, 1)], CELLS[-1]])


def cell_number(resolution, edges) -> np.ndarray:
    """Number of the cell each resolution lies in; lower edges belong to a cell, and the last upper one too."""
    return np.clip(np.searchsorted(edges, resolution, side="right") - 1, 0, len(edges) - 2)


# ---- one fit ----


def usable(resolution, q, groups) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows of a fit, of resolution, Q and group, in an order of their own: within 1.15–10 Å, with a Q."""
    x, y, groups = np.asarray(resolution, dtype=float), np.asarray(q, dtype=float), np.asarray(groups)
    keep = np.isfinite(y) & (x >= DOMAIN[0]) & (x <= DOMAIN[1])
    x, y, groups = x[keep], y[keep], groups[keep]
    order = np.lexsort((groups, y, x))
    return x[order], y[order], groups[order]


def _knots(x: np.ndarray) -> np.ndarray:
    """Knots of the spline, Å, from sorted resolutions."""
    inner = np.geomspace(*np.quantile(x, (0.05, 0.95)), DEGREES - 1)
    knots = np.unique([x[0], *inner, x[-1]])
    return knots if np.diff(knots).min() > 1e-3 else np.linspace(x[0], x[-1], DEGREES + 1)


def _basis(x, knots: np.ndarray) -> np.ndarray:
    """Natural cubic spline, linear beyond its ends: 1, x and truncated cubes (Hastie et al., eq. 5.4–5.5)."""
    cubes = np.maximum(np.asarray(x)[:, None] - knots, 0) ** 3
    slopes = (cubes[:, :-1] - cubes[:, -1:]) / (knots[-1] - knots[:-1])
    return np.column_stack([np.ones(len(cubes)), x, slopes[:, :-1] - slopes[:, -1:]])


def _quantiles(x, y, knots, grid, start: Start | None = None) -> np.ndarray:
    """Rearranged quantiles on the grid, shape (points, levels); a start only makes the way to them shorter."""
    columns, triangle = np.linalg.qr(_basis(x, knots))
    found, n = np.empty((len(LEVELS), columns.shape[1])), len(y)
    thinned = start is None and n > 4 * ROUGH
    if thinned:
        start = grid, _quantiles(x[::THIN], y[::THIN], knots, grid)
    for k, level in enumerate(LEVELS):
        guess = _rough(columns, y, level) if start is None else np.interp(x, start[0], start[1][:, k])
        # a fit to a part of the rows lies about √(n²/part) ranks from the fit to all, times √(level (1 − level))
        rows = n * THIN if thinned else n if start is not None else n * max(1, n / ROUGH)
        found[k] = _regression(columns, y, level, guess, 6 * np.sqrt(rows * level * (1 - level)))
    return _rearranged(_basis(grid, knots) @ np.linalg.solve(triangle, found.T))


def _rough(columns, y, level: float) -> np.ndarray:
    """The quantile by a fit to evenly taken rows, shape (n,)."""
    some = np.arange(0, len(y), max(1, len(y) // ROUGH))
    return columns @ _programme(columns[some], y[some], (1 - level) * columns[some].sum(axis=0))


def _regression(columns, y, level: float, guess, reach: float) -> np.ndarray:
    """Coefficients, shape (columns,), of the quantile `level` of `y`, exactly.

    The dual linear programme gives every row a weight: 1 above the quantile, 0 below, between for rows on it.
    Weights of rows far from a guess are known, so they are set and only the others sought; rows that turn
    out on the wrong side join these, until none is (Portnoy & Koenker 1997, Stat. Sci. 12:279).

    Parameters
    ----------
    columns, y : array, shapes (n, columns) and (n,)
    level : float
    guess : array, shape (n,)
        Roughly the quantile at each row.
    reach : float
        How many rows beside the guess are sought at first, on either side.
    """
    total = (1 - level) * columns.sum(axis=0)
    # a fit is surest where the norm, its leverage, is small
    off = (y - _nearer(columns, y, total, guess, reach)) / np.linalg.norm(columns, axis=1)
    reach *= _LEFT
    sought, above = _near(off, level, max(60, int(reach)))
    while True:
        found = _programme(columns[sought], y[sought], total - columns[above].sum(axis=0))
        if found is None:  # no weights of so few rows can do
            reach *= 4
            sought, above = _near(off, level, max(240, int(reach)))
            continue
        residual = y - columns @ found
        wrong = ~sought & (np.where(above, residual, -residual) < -1e-12)
        if not wrong.any():
            return found
        sought |= wrong
        above &= ~wrong


def _nearer(columns, y, total, guess, reach: float) -> np.ndarray:
    """A guess at the quantile moved by Newton's steps, the density along it taken from the rows next to it.

    The columns are orthonormal. At the quantile those of the rows above it add up to `total`; the step that comes
    closest to that is taken.
    """
    found, step = columns.T @ guess, np.zeros(columns.shape[1])
    some, best, least = min(len(y) - 1, int(max(_DENSITY, reach))), guess, np.inf
    for _ in range(_STEPS):
        fitted = columns @ (found + step)
        residual = y - fitted
        surplus = columns[residual > 0].sum(axis=0) - total
        if not (off := np.linalg.norm(surplus)) < least:
            step /= 4
            continue
        found, best, least = found + step, fitted, off
        width = np.partition(np.abs(residual), some)[some]
        near = columns[np.abs(residual) <= width]
        step = np.linalg.lstsq(near.T @ near, 2 * width * surplus)[0]
    return best


def _near(residual, level: float, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows lie, in rank, within a reach of a quantile, and which beyond and above; two masks."""
    n, middle = len(residual), int(level * len(residual))
    low, high = max(0, middle - reach), min(n - 1, middle + reach)
    ends = np.partition(residual, (low, high))[[low, high]]
    lower = -np.inf if low == 0 else ends[0]
    upper = np.inf if high == n - 1 else ends[1]
    return (residual >= lower) & (residual <= upper), residual > upper


def _programme(columns, y, wanted) -> np.ndarray | None:
    """Coefficients from the weights in 0–1 that make the largest sum of weighted `y` at wanted sums of the columns.

    None where no weights do: too many rows had theirs set.
    """
    options = {"presolve": False}  # costs more time here than it saves
    found = linprog(-y, A_eq=columns.T, b_eq=wanted, bounds=(0, 1), method="highs-ds", options=options)
    return -found.eqlin.marginals if found.status == 0 else None


def _rearranged(values: np.ndarray) -> np.ndarray:
    """Quantiles on the grid, shape (points, levels), that neither cross nor rise along the grid."""
    ordered = np.sort(values, axis=1)
    return np.stack([isotonic_regression(column, increasing=False).x for column in ordered.T], axis=1)


# ---- correction ----


def _out_of_fold(x, y, groups, fitted, seed: int) -> np.ndarray:
    """Quantiles at every row by a fit without the row's fold, shape (n, levels)."""
    knots, grid, values = fitted
    fold = independence.folds(groups, FOLDS, seed)
    found = np.empty((len(x), len(LEVELS)))
    for one in range(FOLDS):
        out = fold == one
        without = _quantiles(x[~out], y[~out], knots, grid, (grid, values))
        found[out] = np.stack([np.interp(x[out], grid, column) for column in without.T], axis=1)
    return found


def _corrections(x, residuals) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges of the cells, their median resolutions, and what each level moves by there, shape (cells, levels)."""
    edges = cells_of(x)
    cell = cell_number(x, edges)
    cells = range(len(edges) - 1)
    centres = np.array([np.median(x[cell == one]) for one in cells])
    return edges, centres, np.array([_conformal(residuals[cell == one]) for one in cells])


def _conformal(residuals: np.ndarray) -> np.ndarray:
    """Residuals of a cell, shape (n, levels) → the one of each level, shape (levels,), that a new row lies beyond with
    at most the nominal chance: the ⌊(n + 1) level⌋-th for levels under one half, the ⌈(n + 1) level⌉-th for the others.
    """
    n, levels = len(residuals), np.array(LEVELS)
    # 1e-9: (n + 1) × level as a float may lie just beside a whole number
    rank = np.where(levels < 0.5, np.floor((n + 1) * levels + 1e-9), np.ceil((n + 1) * levels - 1e-9))
    return np.sort(residuals, axis=0)[np.clip(rank.astype(int), 1, n) - 1, np.arange(len(levels))]
