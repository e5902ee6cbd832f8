"""What is known of a whole map that is never held: sums taken while its file passes by."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qscore.bits import Mask
from qscore.compiled import loops
from qscore.density import MapHeader
from qscore.nearness import Nearest
from qscore.score import constant_points
from qscore.slabs import stripes

SOLVENT_FROM = 5.0
FEWEST_SOLVENT = 10_000
MOST_SAMPLED = 1 << 20
_CONTEXT = 2  # sections on either side that say whether a point lies on constant map


@dataclass(frozen=True)
class WholeMap:
    """Sums over all points of a map.

    Attributes
    ----------
    n : int
        Points that are numbers; those that are not count nowhere.
    total, squares : float
        Their sum and sum of squares.
    n_solvent : int
        Points 5 Å or more from any atom, in the whole file; without those on exactly constant map.
    solvent_mean, solvent_sd, solvent_mode : float
        Of them; NaN where they are fewer than 10,000. The mode is that of at most a million of them, evenly taken.
    n_above, n_above_far : int
        Points above the level asked for; of them those 5 Å or more from any atom.
    far : ndarray of float32
        Values at points 5 Å or more from any atom, not on constant map: every `stride`-th of the file.
    stride : int
    """

    n: int
    total: float
    squares: float
    n_solvent: int
    solvent_mean: float
    solvent_sd: float
    solvent_mode: float
    n_above: int
    n_above_far: int
    far: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.float32))
    stride: int = 1

    def far_above(self, level: float) -> int:
        """About how many points 5 Å or more from any atom lie above any level."""
        return int(np.count_nonzero(self.far > level)) * self.stride

    @property
    def mean(self) -> float:
        """Mean of all points."""
        return self.total / self.n if self.n else float("nan")

    @property
    def sd(self) -> float:
        """Standard deviation of all points (over n)."""
        return _sd(self.n, self.total, self.squares)


class Passing:
    """Looks at the sections of a map as they are read; `result` tells what it saw.

    Parameters
    ----------
    positions : ndarray, shape (n, 3)
        All non-hydrogen atoms, finite, Å, x y z.
    level : float, optional
        Contour level above which points are counted.
    """

    def __init__(self, positions: np.ndarray, level: float | None = None):
        self._positions = np.ascontiguousarray(positions, dtype=np.float64)
        self._level = np.inf if level is None else single(level)
        self._totals, self._counts = np.zeros(4), np.zeros(4, dtype=np.int64)
        self._sample: list[np.ndarray] = []

    def begin(self, header: MapHeader, origin: np.ndarray) -> None:
        """Before the first section: the geometry of the file and the position of its grid's point 0, Å."""
        self._near, self._low = near_atoms(header, origin, self._positions)
        self._stride = sampling_stride(header.shape)
        self._held = np.empty((0, header.shape[1], header.shape[0]), dtype=np.float32)
        self._first, self._settled, self._of = 0, 0, header.shape[2]

    def add(self, sections: np.ndarray) -> None:
        """The next sections of the file, (count, rows, columns)."""
        self._held = np.concatenate([self._held, np.ascontiguousarray(sections, dtype=np.float32)])
        end = self._first + len(self._held)
        self._settle(end if end == self._of else end - _CONTEXT)
        gone = max(self._settled - _CONTEXT - self._first, 0)
        self._held, self._first = self._held[gone:], self._first + gone
        if self._settled == self._of:
            del self._held, self._near

    def _settle(self, end: int) -> None:
        """Count the sections up to `end`, of which all is known now."""
        if end <= self._settled:
            return
        chosen = slice(self._settled - self._first, end - self._first)
        out = self._left_out(chosen)
        sections = np.ascontiguousarray(self._held[chosen])
        loops().add_sections(sections, out, self._level, self._totals, self._counts)
        self._take_sample(sections, out)
        self._settled = end

    def _left_out(self, chosen: slice) -> np.ndarray:
        """Which points of the chosen sections are no solvent: near an atom (1), on constant map (2)."""
        constant = constant_points(self._held)
        out = np.zeros(self._held[chosen].shape, dtype=np.uint8)
        if constant.size:
            np.left_shift(constant[chosen], 1, out=out)
        first = self._settled - self._low[0]
        low, high = max(first, 0), min(first + len(out), len(self._near))
        if low < high:
            near = self._near[low:high]
            _, j, i = (slice(a, a + n) for a, n in zip(self._low, near.shape, strict=True))
            out[low - first : high - first, j, i] |= near.view(np.uint8)
        return out

    def _take_sample(self, sections: np.ndarray, out: np.ndarray) -> None:
        """Every so many-th point of the file that is solvent."""
        begin = -(self._settled * sections[0].size) % self._stride
        values = sections.reshape(-1)[begin :: self._stride]
        solvent = (out.reshape(-1)[begin :: self._stride] == 0) & np.isfinite(values)
        self._sample.append(values[solvent])

    def result(self) -> WholeMap:
        """What all sections told."""
        (total, squares, of_solvent, solvent_squares), counts = self._totals.tolist(), self._counts.tolist()
        n, n_solvent, n_above, n_above_far = counts
        far = np.concatenate(self._sample)
        solvent = (float("nan"),) * 3
        if n_solvent >= FEWEST_SOLVENT:
            mean, sd = of_solvent / n_solvent, _sd(n_solvent, of_solvent, solvent_squares)
            solvent = mean, sd, mode_of(far)
        return WholeMap(n, total, squares, n_solvent, *solvent, n_above, n_above_far, far, self._stride)


def single(level: float) -> float:
    """The largest number of a map's kind that is not above a level: what is above one is above the other."""
    near = np.float32(level)
    return float(np.nextafter(near, np.float32(-np.inf)) if near > level else near)


def _sd(n: int, total: float, squares: float) -> float:
    return float(np.sqrt(max(squares / n - (total / n) ** 2, 0.0))) if n else float("nan")


def sampling_stride(shape) -> int:
    """Every how many-th point is sampled: at most `MOST_SAMPLED`, and never the same columns row after row."""
    stride = max(1, -(-int(np.prod(shape, dtype=object)) // MOST_SAMPLED))
    while stride > 1 and any(np.gcd(stride, n) > 1 for n in shape[:2]):
        stride += 1
    return stride


def near_atoms(header: MapHeader, origin: np.ndarray, positions: np.ndarray) -> tuple[Mask, tuple[int, ...]]:
    """Points nearer than `SOLVENT_FROM` to an atom, as a box of the file's own order, and the box's first point.

    Returns
    -------
    marked : Mask
        Sections, rows, columns.
    low : tuple of int
        First section, row and column.
    """
    grid = header.in_xyz(header.shape)
    low = np.floor((positions.min(axis=0) - SOLVENT_FROM - origin) / header.step)
    high = np.ceil((positions.max(axis=0) + SOLVENT_FROM - origin) / header.step) + 1
    low = np.clip(low, 0, grid).astype(np.int64)
    high = np.maximum(np.clip(high, 0, grid).astype(np.int64), low)
    shape, origin = tuple((high - low)[::-1].tolist()), origin + low * header.step
    nearest, packed = Nearest(shape, origin, header.step, positions, SOLVENT_FROM), Mask.none(shape)
    for part in stripes(shape[0] if packed.packed.size else 0):
        squared = nearest.squared(part)
        if squared is not None:
            packed.packed[part] = np.packbits(squared < SOLVENT_FROM**2, axis=2)
    order = tuple(2 - header.axes[k] for k in (2, 1, 0))
    marked = packed if order == (0, 1, 2) else Mask.of(packed[:].transpose(order))
    return marked, tuple(int(low[header.axes[k]]) for k in (2, 1, 0))


def mode_of(values: np.ndarray) -> float:
    """The most frequent value: the peak of a Gaussian kernel density estimate.

    Bandwidth 0.9 min(SD, IQR / 1.34) n^(−1/7): Silverman's rule of thumb (1986, eq. 3.31) with the rate at which a
    mode is estimated best (Romano 1988, Ann. Stat. 16:629). On 512 bins between the percentiles 0.5 and 99.5; the
    peak is refined by a parabola.
    """
    values, ordered = values.astype(np.float64), np.sort(values).astype(np.float64)
    low, *quartiles, high = np.percentile(ordered, [0.5, 25, 75, 99.5])
    if not high > low:
        return float(low)
    edges = np.linspace(low, high, 513)
    counts = np.diff(np.searchsorted(ordered, edges[:-1]), append=np.searchsorted(ordered, high, side="right"))
    width = edges[1] - edges[0]
    sd = float(np.std(values))
    spread = min(sd, (quartiles[1] - quartiles[0]) / 1.34) or sd
    bandwidth = max(0.9 * spread * len(values) ** (-1 / 7) / width, 1.0)
    reach = int(np.ceil(4 * bandwidth))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / bandwidth) ** 2)
    smooth = np.convolve(counts, kernel, mode="full")[reach:-reach]
    top = int(np.argmax(smooth))
    shift = 0.0
    if 0 < top < len(smooth) - 1:
        before, at, after = smooth[top - 1 : top + 2]
        shift = 0.5 * (before - after) / (before - 2 * at + after)
    return float(edges[0] + (top + 0.5 + shift) * width)
