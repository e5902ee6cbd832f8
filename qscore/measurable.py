"""Whether the other scores of a pair can be measured, and in words why not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qscore.density import Density
from qscore.wholemap import FEWEST_SOLVENT, WholeMap

FACES = 10.0  # Å: a map that ends nearer than this to the model on all six sides was cut out around it
PARTIAL = 0.5  # of the density above the level away from the model: the model is a part of what is there
NAN = float("nan")
OF_SOLVENT = ("avg_density_solvent_z", "frac_below_solvent", "contrast", "solvent_mean", "solvent_sd", "solvent_mode")
OF_MAP = ("avg_density_z", "map_mean", "map_sd", "cc_box", "cc_box_deposited", "frac_unmodelled", *OF_SOLVENT)
OF_LEVEL = ("inclusion", "inclusion_backbone", "frac_unmodelled")
OF_SURROGATE = ("inclusion_surrogate", "inclusion_backbone_surrogate", "surrogate_level")
OF_MODEL_MAP = (
    "cc", "cc_mean", "cc_mask", "cc_box", "b_sim", "d_fsc05",
    "cc_deposited", "cc_mean_deposited", "cc_mask_deposited", "cc_box_deposited", "d_fsc05_deposited",
)  # fmt: skip
_OTHERWISE = {
    "inclusion_backbone": "no backbone atom",
    "inclusion_backbone_surrogate": "no backbone atom",
    "frac_unmodelled": "nothing lies above the contour level",
    "b_sim": "no B of the range searched is better than those at its ends",
}


@dataclass
class Facts:
    """What decides whether a score can be measured.

    Attributes
    ----------
    whole : WholeMap
    part : str
        Why the file is held to be a part of a map; "" when it is whole.
    partial : bool
        Whether over half of the map above the contour level lies 5 Å or more from any atom; without a contour
        level, above the surrogate level.
    contour, resolution : float or None
    level : float
        The surrogate level.
    finite : bool
        Whether the box holds numbers only.
    fsc_fault : str
        Why the map–model FSC gave no resolution.
    """

    whole: WholeMap
    part: str
    partial: bool
    contour: float | None
    resolution: float | None
    level: float
    finite: bool
    fsc_fault: str = ""

    @classmethod
    def of(cls, finite: bool, whole: WholeMap, part: str, level: float, volume: int, *, contour, resolution) -> Facts:
        """From whether the box is finite, the sums over the file and the points `volume` of the molecule in the box."""
        if contour is not None:
            partial = whole.n_above_far > PARTIAL * whole.n_above
        else:
            far = whole.far_above(level)
            partial = far > PARTIAL * (far + volume)
        return cls(whole, part, bool(partial and not part), contour, resolution, level, finite)

    @property
    def away(self) -> float:
        """Share of points above the contour level 5 Å or more from any atom; NaN without a level."""
        if self.contour is None or self.part or not self.whole.n_above:
            return NAN
        return self.whole.n_above_far / self.whole.n_above

    @property
    def solvent(self) -> bool:
        """Whether the solvent is known."""
        return not self.part and self.whole.n_solvent >= FEWEST_SOLVENT

    def told(self, entry: dict) -> str:
        """The empty scores by reason, one line."""
        empty = [key for key, value in entry.items() if isinstance(value, float) and np.isnan(value)]
        reasons: dict[str, list[str]] = {}
        for key in empty:
            reasons.setdefault(self._why(key), []).append(key)
        return "; ".join(f"{reason}: {', '.join(keys)}" for reason, keys in reasons.items())

    def _why(self, key: str) -> str:
        return self._of_map(key) or self._of_simulated(key) or self._of_level(key)

    def _of_map(self, key: str) -> str:
        if key in OF_MAP and self.part:
            return self.part
        if key in OF_SOLVENT and not self.solvent:
            return f"fewer than {FEWEST_SOLVENT:,} points of solvent"
        return ""

    def _of_simulated(self, key: str) -> str:
        if key not in OF_MODEL_MAP:
            return ""
        if self.resolution is None:
            return "no resolution"
        if not self.finite:
            return "the map holds what is not a number"
        if key.startswith("d_fsc05"):
            return self.fsc_fault
        if key.startswith("cc_box") and self.partial:
            which = "contour" if self.contour is not None else "surrogate"
            return f"partial model (over half of the map above the {which} level is 5 Å or more from it)"
        return _OTHERWISE.get(key, "no atom near the map, or the map or the simulated map does not vary")

    def _of_level(self, key: str) -> str:
        if key in OF_LEVEL and self.contour is None:
            return "no contour level"
        if key in OF_SURROGATE and self.level != self.level:
            return "no surrogate level (the molecule has no point in the box, or fills it or its mask)"
        return _OTHERWISE.get(key, "no atom in the map, or the map does not vary there")


def part_of_map(density: Density, position: np.ndarray, map_grid: str | None = None) -> str:
    """Why a file is held to be a part of a map; "" when it is held to be whole.

    The deposited grid decides where it is told. Else a map is a part when its header's cell has more intervals
    than points, or when it ends within 10 Å of the model's outermost atoms on all six sides.
    """
    header = density.header
    if header is not None and map_grid:
        here = " ".join(map(str, header.shape))
        same = sorted(here.split()) == sorted(map_grid.split())
        return "" if same else f"part of a map ({here} of {map_grid} points)"
    if header is not None and any(n < m for n, m in zip(density.grid.tolist(), header.sampling, strict=True)):
        return "part of a map (its header's cell is larger)"
    finite = position[np.isfinite(position).all(axis=1)]
    last = density.origin + (density.grid - 1) * density.step
    left = np.concatenate([finite.min(axis=0) - density.origin, last - finite.max(axis=0)])
    return f"part of a map (it ends within {FACES:g} Å of the model on all sides)" if left.max() < FACES else ""
