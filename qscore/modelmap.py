"""The map a model would give, and how the map agrees with it: cross-correlations and the map–model FSC.

One grid for both: that of the map's box, with room beyond it for the tails of the atoms. Nothing is held but the
box, one set of Fourier terms and one array of their size at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qscore import spectrum
from qscore.bits import Mask
from qscore.compiled import loops
from qscore.density import Density
from qscore.nearness import Nearest
from qscore.overallb import best_b
from qscore.simulate import BLUR_PER_STEP2, simulate_terms
from qscore.slabs import each, sections, shares, stripes
from qscore.wholemap import WholeMap

ROOM, MOST_ROOM = 5.0, 40.0  # Å beyond the box: twice the resolution, within these
ALONGSIDE = 5.0  # Å: atoms further outside the box are left out
BINS = 4096  # of the values of the simulated map
SHARE = 0.95  # of the simulated density, above the threshold of CC
EDGES = 3.0, 10.0  # Å: radius, and width of the edge, of the mask of the FSC: the resolution, within these
FEWEST_SHELLS = 3  # before the FSC falls below 0.5
LOCAL = 2.5  # Å around an atom, or 1.5 voxels where that is more
HALF = 0.5
FAR_OUT = 1e7  # Å: as in `gridloops`
ROUNDING = 1e-12  # of a sum of squares: less variance than that is none


@dataclass(frozen=True)
class Atoms:
    """What of a model is simulated: positions (n, 3) in Å, elements, B in Å² and occupancies (n,)."""

    position: np.ndarray
    element: np.ndarray
    b_iso: np.ndarray
    occupancy: np.ndarray


@dataclass(frozen=True)
class Frame:
    """The grid of both maps.

    Attributes
    ----------
    shape, padded : tuple of int
        Points of the box and with room beyond it, z, y, x.
    step, origin : ndarray, shape (3,)
        Voxel size and position of the box's point 0, Å, x y z.
    resolution : float
        Å.
    threads : int
        That work on it; no result depends on them.
    """

    shape: tuple[int, int, int]
    padded: tuple[int, int, int]
    step: np.ndarray
    origin: np.ndarray
    resolution: float
    threads: int = 1

    @property
    def place(self) -> dict:
        """Grid of a simulation."""
        return {"shape": self.padded, "step": self.step, "origin": self.origin}

    @property
    def edges(self) -> np.ndarray:
        """Of the padded box along x, y, z, Å."""
        return np.array(self.padded[::-1]) * self.step


@dataclass(frozen=True)
class Agreement:
    """How a map agrees with the simulated one, for one set of B.

    Attributes
    ----------
    b : float
        Å²; NaN for B as deposited.
    cc, cc_mean, cc_mask, cc_box : float
        See the columns of `layouts.SCORED`; NaN where not defined.
    d_fsc05 : float
        Å; NaN where `fsc_fault` says why.
    fsc_fault : str
    local : ndarray, shape (groups,)
        Correlation about the mean around groups of atoms; empty when none were asked for.
    """

    b: float
    cc: float
    cc_mean: float
    cc_mask: float
    cc_box: float
    d_fsc05: float
    fsc_fault: str
    local: np.ndarray


def frame_of(density: Density, position: np.ndarray, resolution: float, *, threads: int = 1) -> Frame:
    """The grid of a box, with room beyond it, and for atoms outside it.

    Parameters
    ----------
    density : Density
    position : ndarray, shape (n, 3)
        Atoms of `alongside`, Å.
    resolution : float
        Å.
    threads : int
        That are to work on it.
    """
    shape, step = density.values.shape, density.step
    origin = density.origin + density.offset * step
    last = origin + (np.array(shape[::-1]) - 1) * step
    outside = np.clip(origin - position, 0, None).max(axis=0) + np.clip(position - last, 0, None).max(axis=0)
    room = np.clip(2 * resolution, ROOM, MOST_ROOM) + outside
    padded = [spectrum.good_size(n + int(np.ceil(r))) for n, r in zip(shape, (room / step)[::-1], strict=True)]
    return Frame(shape, tuple(padded), step, origin, float(resolution), threads)


def alongside(density: Density, position: np.ndarray) -> np.ndarray:
    """Which atoms the box can feel: in it or within 5 Å → bool (n,)."""
    low = density.origin + density.offset * density.step
    high = low + (np.array(density.values.shape[::-1]) - 1) * density.step
    return ((position >= low - ALONGSIDE) & (position <= high + ALONGSIDE)).all(axis=1)


@dataclass(frozen=True)
class SoftMask:
    """1 within a radius of an atom, 0 beyond twice that, a cosine between.

    Attributes
    ----------
    weights : ndarray, uint8, shape of the box
        In 255ths.
    background : float
        Median of the map where the mask is between 0 and 1: it is taken off before masking, so that an offset of
        the map has no effect.
    """

    weights: np.ndarray
    background: float


def soft_mask(values: np.ndarray, frame: Frame, position: np.ndarray) -> SoftMask:
    """The mask of the FSC; its radius is the resolution, 3 Å at least and 10 Å at most."""
    radius, weights = float(np.clip(frame.resolution, *EDGES)), np.zeros(frame.shape, dtype=np.uint8)
    nearest = Nearest(frame.shape, frame.origin, frame.step, position, 2 * radius)

    def weigh(part):
        """Weights of some sections; the map where they are between 0 and 1."""
        squared = nearest.squared(part)
        if squared is None:
            return np.empty(0, dtype=np.float32)
        loops().soft_weights(squared, radius, weights[part])
        return values[part][(weights[part] - np.uint8(1)) < 254]

    edge = np.concatenate(each(weigh, stripes(len(weights)), frame.threads))
    with np.errstate(over="ignore"):  # of a map that is near the largest number of its kind
        return SoftMask(weights, float(np.median(edge, overwrite_input=True)) if len(edge) else 0.0)


def compare(
    density: Density, frame: Frame, atoms: Atoms, mask: Mask, *, whole: WholeMap | None, centre: float,
    groups: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[Agreement, Agreement]:  # fmt: skip
    """Compare a map with the ones simulated from a model: with one B for all atoms, and with B as deposited.

    Parameters
    ----------
    density : Density
        The box; must be finite.
    frame : Frame
    atoms : Atoms
        Of `alongside`.
    mask : Mask
        Of `molecule`.
    whole : WholeMap, optional
        For ``cc_box``: outside the box the simulated map is taken to be 0.
    centre : float
        Mean of the box.
    groups : (positions, starts), optional
        Atoms sorted by group and where each group starts: correlations are wanted around each, with one B.
    """
    told = {"of_map": masked_terms(density.values, frame, atoms.position), "whole": whole, "centre": centre}
    told["room"] = spectrum.room(frame.padded)
    flat = agreement(density, frame, atoms, mask, **told, fit=True, groups=groups)
    return flat, agreement(density, frame, atoms, mask, **told, fit=False)


def masked_terms(values: np.ndarray, frame: Frame, position: np.ndarray) -> np.ndarray:
    """Fourier terms of the map as the FSC has it: without background, masked around the atoms."""
    soft = soft_mask(values, frame, position)
    return spectrum.forward(values, frame.padded, weights=soft.weights, scale=1 / 255, offset=-soft.background,
                            threads=frame.threads)  # fmt: skip


def agreement(
    density: Density, frame: Frame, atoms: Atoms, mask: Mask, *, of_map: np.ndarray, whole: WholeMap | None,
    centre: float, room: np.ndarray, fit: bool, groups: tuple[np.ndarray, np.ndarray] | None = None,
) -> Agreement:  # fmt: skip
    """See `compare`; `of_map`: of `masked_terms`; `fit`: one B for all atoms, fitted to maximise ``cc_mask``.

    `centre` is the mean of the box; `room`, of `spectrum.room`, is for what is simulated.
    """
    base = BLUR_PER_STEP2 * float(frame.step.max()) ** 2
    b_iso = np.full(len(atoms.position), base) if fit else atoms.b_iso
    terms = simulate_terms(atoms.position, atoms.element, b_iso, occupancy=atoms.occupancy, room=room,
                           threads=frame.threads, **frame.place)  # fmt: skip
    d_fsc05, fault = crossing(_shells(of_map, terms, frame), frame)
    best, inside, within = base, False, {"edges": frame.edges, "resolution": frame.resolution}
    if fit:
        best, inside = best_b(density.values, mask, terms, frame.padded[2], base=base, threads=frame.threads, **within)
    simulated = _map_of(terms, frame, best - base)
    local = _local(density, simulated, frame, groups)
    correlations = _correlations(density.values, simulated, mask, whole, centre, frame.threads)
    return Agreement(best if inside else float("nan"), *correlations, d_fsc05, fault, local)


def _map_of(terms: np.ndarray, frame: Frame, b: float) -> np.ndarray:
    """The map of terms up to 1 / resolution, with `b` added to their own; in their place, so its rows are longer."""
    spectrum.fade(terms, frame.edges, b=b, d_min=frame.resolution, threads=frame.threads)
    kept = spectrum.reached(frame.edges, frame.resolution)
    spectrum.inverse(terms, frame.padded[2], shape=frame.shape[:2], kept=kept, threads=frame.threads)
    return spectrum.laid_out(terms)


def _shells(of_map: np.ndarray, terms: np.ndarray, frame: Frame) -> np.ndarray:
    """Of each shell a Fourier voxel wide: cross and own sums of both maps and the number of terms (4, shells)."""
    width = 1 / float(frame.edges.min())
    parts = sections(len(terms))
    sums = np.zeros((len(parts), 4, int(0.5 / float(frame.step.max()) / width) + 1))

    def add(n):
        """Sums of a part."""
        some = parts[n]
        place = some.start, *frame.padded[::2], 1 / frame.edges
        both = spectrum.laid_out(of_map[some]), spectrum.laid_out(terms[some])
        loops().shell_sums(*both, *place, width, sums[n], np.empty(terms.shape[2], dtype=np.int32))

    each(add, range(len(parts)), frame.threads)
    return sums.sum(axis=0)


def crossing(sums: np.ndarray, frame: Frame) -> tuple[float, str]:
    """Resolution at which the FSC first falls below 0.5, linear in 1/d, or NaN and why.

    Shells are told from the second on. An FSC that stays above gives the sampling limit.
    """
    width = 1 / float(frame.edges.min())
    power = np.sqrt(sums[1] * sums[2])
    curve = np.divide(sums[0], power, out=np.zeros(sums.shape[1]), where=power > 0)[1:]
    below = np.flatnonzero(curve < HALF)
    if not len(below):
        return 2 * float(frame.step.max()), ""
    n = int(below[0])
    if n < FEWEST_SHELLS:
        what = "reaches 0.5 nowhere near" if n == 0 else f"is above 0.5 in no more than {n} shells from"
        return float("nan"), f"the map–model FSC {what} the lowest frequencies"
    place = n - (HALF - curve[n]) / (curve[n - 1] - curve[n])
    return float(1 / (width * (place + 1))), ""


def total(values: np.ndarray, threads: int = 1) -> float:
    """Sum of a box."""
    return sum(each(lambda some: float(values[some].sum(dtype=np.float64)), sections(len(values)), threads))


def _pearson(n, a, b, aa, bb, ab) -> float:
    """Correlation about the mean of sums of two maps; NaN without points or variance."""
    of_a, of_b = (aa - a * a / n, bb - b * b / n) if n else (0.0, 0.0)
    varies = of_a > ROUNDING * aa and of_b > ROUNDING * bb
    return float((ab - a * b / n) / np.sqrt(of_a * of_b)) if varies else float("nan")


def _about_zero(n, a, b, aa, bb, ab, *, centre: float) -> float:
    """Correlation about 0 of sums of which `centre` was taken off the first map."""
    power = (aa + 2 * centre * a + centre**2 * n) * bb
    return float((ab + centre * b) / np.sqrt(power)) if power > 0 else float("nan")


def threshold(histogram: np.ndarray, top: float) -> float:
    """The level above which a simulated map holds 95 % of its positive density in a mask.

    Of that in the mask: the ripples of the cut at 1/R would count more the larger the box. To a 4096th of the
    highest value, `top`; `histogram` is of the density by its value.
    """
    if not (top > 0 and histogram.any()):
        return float("inf")
    above = np.cumsum(histogram[::-1])
    return top * (1 - (np.searchsorted(above, SHARE * above[-1]) + 1) / len(histogram))


def _correlations(values, simulated, mask: Mask, whole, centre: float, threads: int) -> tuple[float, ...]:
    """CC, CC about the mean, CC_mask, CC_box."""
    parts, (_, ny, nx) = sections(len(values)), values.shape
    top = max(each(lambda some: float(simulated[some, :ny, :nx].max()), parts, threads))
    sums, histogram, shown = np.zeros((len(parts), 2, 6)), np.zeros((len(parts), BINS)), np.zeros((len(parts), 6))

    def add(n):
        """Sums of a part."""
        some = parts[n]
        both = values[some], simulated[some], mask.packed[some]
        loops().sums_of_two(*both, centre, max(top, 1e-30), sums[n], histogram[n])

    each(add, range(len(parts)), threads)
    sums, level = sums.sum(axis=0), threshold(histogram.sum(axis=0), top)

    def add_above(n):
        """Sums of a part, above the level."""
        loops().sums_above(values[parts[n]], simulated[parts[n]], centre, level, shown[n])

    each(add_above, range(len(parts)), threads)
    shown = shown.sum(axis=0)
    in_box = box_correlation(sums[1], centre, whole) if whole else float("nan")
    return _about_zero(*shown, centre=centre), _pearson(*shown), _pearson(*sums[0]), in_box


def box_correlation(sums: np.ndarray, centre: float, whole: WholeMap) -> float:
    """Correlation about the mean over all points of the map; outside the box the simulated map is 0.

    `sums` as of `gridloops.sums_of_two`, over the box, with `centre` taken off the map.
    """
    _, _, total, _, squares, cross = sums
    of_map = whole.squares - whole.total**2 / whole.n
    of_model = squares - total**2 / whole.n
    power = np.sqrt(max(of_map, 0.0) * max(of_model, 0.0))
    return float((cross + (centre - whole.mean) * total) / power) if power > 0 else float("nan")


def _local(density: Density, simulated, frame: Frame, groups) -> np.ndarray:
    if groups is None:
        return np.empty(0)
    position, starts = groups
    found = np.empty(len(starts) - 1)
    reach = max(LOCAL, 1.5 * float(frame.step.max()))
    room = _most_points(position - frame.origin, starts, frame, reach)

    def correlate(part):
        """Some of the groups."""
        seen = np.full(room, -1, dtype=np.int32)
        told = part.start, part.stop, frame.origin, frame.step, position, starts, reach
        loops().local_correlations(density.values, simulated, seen, *told, found)

    each(correlate, shares(len(found), frame.threads), frame.threads)
    return found


def _most_points(place: np.ndarray, starts: np.ndarray, frame: Frame, reach: float) -> int:
    """Points of the largest box around a group of atoms, as `gridloops.local_correlations` sees it."""
    near = np.abs(place) < FAR_OUT
    low = np.minimum.reduceat(np.where(near, place, np.inf), starts[:-1])
    high = np.maximum.reduceat(np.where(near, place, -np.inf), starts[:-1])
    low, high = (np.where(low <= high, ends, 0.0) for ends in (low, high))
    first = np.maximum(np.ceil((low - reach) / frame.step), 0)
    after = np.minimum(np.floor((high + reach) / frame.step) + 1, frame.shape[::-1])
    return int(np.maximum(after - first, 0).prod(axis=1).max(initial=0))
