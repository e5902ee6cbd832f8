"""The map a model would give, and how the map agrees with it: cross-correlations and the map–model FSC.

One grid for both: that of the map's box, with room beyond it for the tails of the atoms. Nothing is held but the
box, one set of Fourier terms and one array of their size at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from qscore import fourier
from qscore.bits import Mask
from qscore.compiled import loops
from qscore.density import Density
from qscore.simulate import BLUR_PER_STEP2, molecular_mask, simulate_terms
from qscore.wholemap import WholeMap

ROOM, MOST_ROOM = 5.0, 40.0  # Å beyond the box: twice the resolution, within these
ALONGSIDE = 5.0  # Å: atoms further outside the box are left out
FINE = 2.2  # points a resolution of the grid on which B is fitted
WORTH = 0.6  # of the points of the map's own grid: with more of them that grid itself is taken, and no other is held
SHARE = 0.95  # of the simulated density, above the threshold of CC
EDGES = 3.0, 10.0  # Å: radius, and width of the edge, of the mask of the FSC: the resolution, within these
FEWEST_SHELLS = 3  # before the FSC falls below 0.5
LOCAL = 2.5  # Å around an atom, or 1.5 voxels where that is more
HALF = 0.5
NARROW = 1024  # shells up to 1 / resolution, where B is fitted
FEWEST_POINTS = 4
MOST_SHARPENED = 80.0  # exponent: single precision holds no more
NEARBY = 0.08  # of the root of B


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
    """

    shape: tuple[int, int, int]
    padded: tuple[int, int, int]
    step: np.ndarray
    origin: np.ndarray
    resolution: float

    @property
    def place(self) -> dict:
        """Grid of a simulation."""
        return {"shape": self.padded, "step": self.step, "origin": self.origin}

    @property
    def coarse(self) -> tuple[int, int, int]:
        """Points of a grid just fine enough for the resolution, z, y, x; the padded one where that is little more."""
        edges = np.array(self.padded) * self.step[::-1]
        wanted = [fourier.good_size(max(8, int(np.ceil(FINE * edge / self.resolution)))) for edge in edges]
        found = tuple(min(n, m) for n, m in zip(wanted, self.padded, strict=True))
        return found if np.prod(found, dtype=float) < WORTH * np.prod(self.padded, dtype=float) else self.padded


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


def frame_of(density: Density, position: np.ndarray, resolution: float) -> Frame:
    """The grid of a box, with room beyond it, and for atoms outside it.

    Parameters
    ----------
    density : Density
    position : ndarray, shape (n, 3)
        Atoms of `alongside`, Å.
    resolution : float
        Å.
    """
    shape, step = density.values.shape, density.step
    origin = density.origin + density.offset * step
    last = origin + (np.array(shape[::-1]) - 1) * step
    outside = np.clip(origin - position, 0, None).max(axis=0) + np.clip(position - last, 0, None).max(axis=0)
    room = np.clip(2 * resolution, ROOM, MOST_ROOM) + outside
    padded = [fourier.good_size(n + int(np.ceil(r))) for n, r in zip(shape, (room / step)[::-1], strict=True)]
    return Frame(shape, tuple(padded), step, origin, float(resolution))


def alongside(density: Density, position: np.ndarray) -> np.ndarray:
    """Which atoms the box can feel: in it or within 5 Å → bool (n,)."""
    low = density.origin + density.offset * density.step
    high = low + (np.array(density.values.shape[::-1]) - 1) * density.step
    return ((position >= low - ALONGSIDE) & (position <= high + ALONGSIDE)).all(axis=1)


def molecule(frame: Frame, position: np.ndarray, element) -> Mask:
    """Points of the box inside the molecular mask."""
    z, y, x = frame.shape
    return Mask.of(molecular_mask(position, element, **frame.place)[:z, :y, :x])


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
    radius = float(np.clip(frame.resolution, *EDGES))
    nearest = np.full(frame.shape, np.inf, dtype=np.float32)
    along = np.empty(frame.shape[2], dtype=np.float32)
    loops().nearest_squared(nearest, frame.origin, frame.step, np.ascontiguousarray(position), 2 * radius, along)
    weights = np.zeros(frame.shape, dtype=np.uint8)
    for section, squared in zip(weights, nearest, strict=True):
        beyond = np.clip(np.sqrt(squared) / radius - 1, 0, 1)
        section[:] = np.rint(255 * (0.5 + 0.5 * np.cos(np.pi * beyond)))
    del nearest
    edge = np.concatenate([v[(w > 0) & (w < 255)] for v, w in zip(values, weights, strict=True)])
    return SoftMask(weights, float(np.median(edge, overwrite_input=True)) if len(edge) else 0.0)


def compare(
    density: Density, frame: Frame, atoms: Atoms, mask: Mask, *, whole: WholeMap | None,
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
    groups : (positions, starts), optional
        Atoms sorted by group and where each group starts: correlations are wanted around each, with one B.
    """
    soft = soft_mask(density.values, frame, atoms.position)
    flat = agreement(density, frame, atoms, mask, soft=soft, whole=whole, fit=True, groups=groups)
    return flat, agreement(density, frame, atoms, mask, soft=soft, whole=whole, fit=False)


def agreement(
    density: Density, frame: Frame, atoms: Atoms, mask: Mask, *, soft: SoftMask, whole: WholeMap | None,
    fit: bool, groups: tuple[np.ndarray, np.ndarray] | None = None,
) -> Agreement:  # fmt: skip
    """See `compare`; `fit`: one B for all atoms, fitted to maximise ``cc_mask``; else B as in `atoms`."""
    base = BLUR_PER_STEP2 * float(frame.step.max()) ** 2
    b_iso = np.full(len(atoms.position), base) if fit else atoms.b_iso
    terms = simulate_terms(atoms.position, atoms.element, b_iso, occupancy=atoms.occupancy, **frame.place)
    d_fsc05, fault = crossing(_shells(density.values, soft, terms, frame), frame)
    sought = Sought.of(density.values, mask, terms, frame) if fit else None
    coarse = _cut(terms, frame)
    del terms
    best, inside = sought.best(coarse, base) if sought else (float("nan"), True)
    if sought:
        _attenuated(coarse, frame, best - base)
    spread = fourier.resized(coarse, frame.coarse, frame.padded)
    del coarse, sought
    simulated = fourier.backward(spread, frame.padded[2], frame.shape)
    del spread
    local = _local(density, simulated, frame, groups)
    correlations = _correlations(density.values, simulated, mask, whole)
    return Agreement(best if inside else float("nan"), *correlations, d_fsc05, fault, local)


def _shells(values, soft: SoftMask, terms, frame: Frame) -> np.ndarray:
    """Of each shell a Fourier voxel wide: cross and own sums of both maps and the number of terms (4, shells)."""
    of_map = fourier.forward(values, frame.padded, weights=soft.weights, scale=1 / 255, offset=-soft.background)
    edges = np.array(frame.padded[::-1]) * frame.step
    width = 1 / float(edges.min())
    sums = np.zeros((4, int(0.5 / float(frame.step.max()) / width) + 1))
    loops().shell_sums(of_map, terms, frame.padded[2], 1 / edges, width, sums)
    return sums


def crossing(sums: np.ndarray, frame: Frame) -> tuple[float, str]:
    """Resolution at which the FSC first falls below 0.5, linear in 1/d, or NaN and why.

    Shells are told from the second on. An FSC that stays above gives the sampling limit.
    """
    width = 1 / float((np.array(frame.padded[::-1]) * frame.step).min())
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


def _cut(terms, frame: Frame) -> np.ndarray:
    """Terms up to 1 / resolution, on the coarse grid."""
    found = fourier.resized(terms, frame.padded, frame.coarse)
    return fourier.attenuate(found, frame.coarse, _coarse_step(frame), d_min=frame.resolution)


def _coarse_step(frame: Frame) -> np.ndarray:
    return frame.step * np.array(frame.padded[::-1]) / np.array(frame.coarse[::-1])


def _attenuated(coarse, frame: Frame, b: float) -> np.ndarray:
    return fourier.attenuate(coarse, frame.coarse, _coarse_step(frame), b=b)


@dataclass(frozen=True)
class Sought:
    """What B is fitted to: CC_mask as a function of one B of all atoms.

    Of its sums over the mask those linear in the simulated map are taken in Fourier space, where B is a factor of a
    shell; that of its squares on a grid of about 2.2 points a resolution, which the simulated map does not exceed.

    Attributes
    ----------
    frame : Frame
    mask : Mask
        Of `molecule`.
    cross, alone : ndarray, shape (shells,)
        Sum over the mask of map times simulated map, and of the simulated map, by shell.
    mean : float
        Of the map in the mask.
    n : int
        Points of the mask.
    """

    frame: Frame
    mask: Mask
    cross: np.ndarray
    alone: np.ndarray
    mean: float
    n: int

    @classmethod
    def of(cls, values: np.ndarray, mask: Mask, terms: np.ndarray, frame: Frame) -> Sought:
        """From the map's box, the mask of `molecule` and the terms of the simulated map."""
        sums = [_narrow(values, mask, terms, frame), _narrow(mask, None, terms, frame)]
        return cls(frame, mask, *sums, _total(values, mask) / max(mask.size, 1), mask.size)

    def best(self, coarse: np.ndarray, base: float) -> tuple[float, bool]:
        """The B for the highest correlation in the mask, and whether it lies inside the range searched.

        `base` is the B of the terms.

        Found on the coarse grid, then set right by a parabola through three correlations on the map's own.
        """
        if self.n < FEWEST_POINTS:
            return base, False
        most = np.sqrt(max(800.0, 16 * self.frame.resolution**2))
        own = self.frame.coarse == self.frame.padded
        weights = None if own else _on_coarse(self.mask, self.frame)
        near = highest(lambda root: self._correlation(coarse, root**2 - base, weights), 0.0, most)
        if not 0 < near < most:
            return near**2, False
        three = [near * factor for factor in (1 - NEARBY, 1.0, 1 + NEARBY)]
        root = _vertex(three, [self._correlation(coarse, root**2 - base, None) for root in three])
        return float(np.clip(root, three[0], three[2])) ** 2, True

    def _correlation(self, coarse: np.ndarray, b: float, weights: np.ndarray | None) -> float:
        """CC_mask but for a factor, with `b` added to the terms' own; on the map's own grid without `weights`."""
        width = 1 / (NARROW * self.frame.resolution)
        fade = np.exp(np.minimum(-b / 4 * (width * np.arange(len(self.cross))) ** 2, MOST_SHARPENED))
        cross, total = float(self.cross @ fade), float(self.alone @ fade)
        squares = self._squares(coarse, b) if weights is None else self._coarse_squares(coarse, b, weights)
        spread = squares - total**2 / self.n
        return float((cross - self.mean * total) / np.sqrt(spread)) if spread > 0 else -np.inf

    def _coarse_squares(self, coarse: np.ndarray, b: float, weights: np.ndarray) -> float:
        """Sum of squares in the mask, from the coarse grid."""
        terms = _attenuated(coarse.copy(), self.frame, b)
        parts = fourier.sections(terms, self.frame.coarse[2])
        total = sum(float(np.sum(np.square(slab) * weights[part], dtype=np.float64)) for part, slab in parts)
        return total * float(np.prod(self.frame.padded) / np.prod(self.frame.coarse))

    def _squares(self, coarse: np.ndarray, b: float) -> float:
        """The same on the map's own grid."""
        terms = fourier.resized(coarse, self.frame.coarse, self.frame.padded)
        terms = terms.copy() if terms is coarse else terms
        fourier.attenuate(terms, self.frame.padded, self.frame.step, b=b)
        parts = fourier.sections(terms, self.frame.padded[2], self.frame.shape)
        return sum(float(np.sum(np.square(slab), where=self.mask[part], dtype=np.float64)) for part, slab in parts)


def _narrow(values, weights, terms, frame: Frame) -> np.ndarray:
    """Sum of a map times the simulated one over the box, by narrow shells up to 1 / resolution."""
    of_map = fourier.forward(values, frame.padded, weights=weights)
    edges = np.array(frame.padded[::-1]) * frame.step
    sums = np.zeros((4, NARROW + 1))
    loops().shell_sums(of_map, terms, frame.padded[2], 1 / edges, 1 / (NARROW * frame.resolution), sums)
    return sums[0] / np.prod(frame.padded)


def _on_coarse(mask: Mask, frame: Frame) -> np.ndarray:
    """A mask of the box on the coarse grid, as far as that can hold it → float16: more is not needed of weights."""
    terms = fourier.resized(fourier.forward(mask, frame.padded), frame.padded, frame.coarse)
    return fourier.backward(terms, frame.coarse[2]).astype(np.float16)


def highest(function: Callable[[float], float], low: float, high: float, *, scan: int = 7, turns: int = 5) -> float:
    """Where a function of one variable is highest: a scan, then parabolas through the best point and its neighbours."""
    known = {x: function(x) for x in np.linspace(low, high, scan).tolist()}
    while True:
        places = sorted(known)
        k = max(range(len(places)), key=lambda n: known[places[n]])
        left, best, right = places[max(k - 1, 0)], places[k], places[min(k + 1, len(places) - 1)]
        x = best if best in (low, high) else _vertex((left, best, right), [known[p] for p in (left, best, right)])
        if len(known) >= scan + turns:
            return x
        if abs(x - best) < 0.05 * (right - left):  # says nothing new: look into the wider side
            x = best + 0.2 * (right - best if right - best > best - left else left - best)
        known[x] = function(x)


def _vertex(x, y) -> float:
    """Of the parabola through three points."""
    (a, b, c), (fa, fb, fc) = x, y
    up, down = (b - a) * (fb - fc), (b - c) * (fb - fa)
    return b - 0.5 * ((b - a) * up - (b - c) * down) / (up - down) if up != down else b


def _total(values: np.ndarray, where) -> float:
    """Sum of a map at some points: by sections, so that what is unpacked stays small."""
    return float(sum(np.sum(v, where=chosen, dtype=np.float64) for v, chosen in zip(values, where, strict=True)))


def correlation(one: np.ndarray, other: np.ndarray, where, *, about_mean: bool = True) -> float:
    """Correlation of two maps at some points, about their means or about 0; NaN without points or variance.

    `where` is bool of their shape, or a `Mask`.
    """
    n = sum(int(np.count_nonzero(chosen)) for chosen in where)
    if not n:
        return float("nan")
    means = [_total(values, where) / n if about_mean else 0.0 for values in (one, other)]
    sums = np.zeros(3)
    for *sections, chosen in zip(one, other, where, strict=True):  # in double precision no copy of the map is made
        a, b = (values[chosen].astype(np.float64) - mean for values, mean in zip(sections, means, strict=True))
        sums += a @ a, b @ b, a @ b
    power = np.sqrt(sums[0] * sums[1])
    return float(sums[2] / power) if power > 0 else float("nan")


def threshold(simulated: np.ndarray, inside: Mask) -> float:
    """The level above which a simulated map holds 95 % of its positive density in a mask.

    Of that in the mask: the ripples of the cut at 1/R would count more the larger the box. To a 4096th of the
    highest value.
    """
    top = float(simulated.max())
    if not top > 0:
        return float("inf")
    count = np.zeros(4096)
    for section, chosen in zip(simulated, inside, strict=True):
        values = section[chosen]
        count += np.histogram(values, bins=4096, range=(0.0, top), weights=values.astype(np.float64))[0]
    above = np.cumsum(count[::-1])
    return top * (1 - (np.searchsorted(above, SHARE * above[-1]) + 1) / 4096)


def _correlations(values, simulated, mask, whole) -> tuple[float, float, float, float]:
    """CC, CC about the mean, CC_mask, CC_box."""
    shown = simulated > threshold(simulated, mask)
    thresholded = (correlation(values, simulated, shown, about_mean=mean) for mean in (False, True))
    in_mask = correlation(values, simulated, mask)
    return *thresholded, in_mask, box_correlation(values, simulated, whole) if whole else float("nan")


def box_correlation(values: np.ndarray, simulated: np.ndarray, whole: WholeMap) -> float:
    """Correlation about the mean over all points of the map; outside the box the simulated map is 0."""
    total, squares, cross = 0.0, 0.0, 0.0
    for ours, theirs in zip(values, simulated, strict=True):
        total += float(theirs.sum(dtype=np.float64))
        squares += float(np.sum(np.square(theirs, dtype=np.float64)))
        cross += float(np.sum(np.multiply(ours, theirs, dtype=np.float64)))
    of_map = whole.squares - whole.total**2 / whole.n
    of_model = squares - total**2 / whole.n
    power = np.sqrt(max(of_map, 0.0) * max(of_model, 0.0))
    return float((cross - whole.total * total / whole.n) / power) if power > 0 else float("nan")


def _local(density: Density, simulated, frame: Frame, groups) -> np.ndarray:
    if groups is None:
        return np.empty(0)
    position, starts = groups
    found = np.empty(len(starts) - 1)
    reach = max(LOCAL, 1.5 * float(frame.step.max()))
    seen = np.full(frame.shape, -1, dtype=np.int32)
    loops().local_correlations(
        density.values, simulated, seen, frame.origin, frame.step, position, starts, reach, found
    )
    return found
