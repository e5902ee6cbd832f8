"""An entry's measurements as the rules on causes read them: what was not measured is NaN."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_GAINS = {"shift": "shift_gain", "hand": "hand_gain"}


@dataclass(frozen=True)
class Case:
    """One entry's measurements, as numbers that are NaN where nothing was measured.

    Attributes
    ----------
    row : mapping
        `layouts.FLAGS`, and of `layouts.SCORED` what is there: `q_p25`.
    band : callable, optional
        Resolution (Å) → lower and upper end of the 95 % band of Q.
    """

    row: Mapping
    band: Callable[[float], tuple[float, float]] | None = None

    def number(self, name: str) -> float:
        """A column's value; NaN where it is missing."""
        value = self.row.get(name)
        return math.nan if value is None else float(value)

    def text(self, name: str) -> str:
        """A column's text; empty where it is missing."""
        value = self.row.get(name)
        return value if isinstance(value, str) else ""

    @property
    def is_low(self) -> bool:
        return self.text("flag") == "low"

    @property
    def is_below(self) -> bool:
        """Flagged low, or below the band."""
        return self.is_low or self.number("q_mean") < self.number("low")

    @property
    def deficit(self) -> float:
        """Expected Q minus Q."""
        return self.number("expected_q") - self.number("q_mean")

    @property
    def q_inside(self) -> float:
        """Mean Q of the atoms that are inside the map."""
        outside = self.number("frac_outside")
        return self.number("q_mean") / (1 - outside) if outside < 1 else math.nan

    @property
    def q_in_regions(self) -> float:
        """Mean Q of the residues in regions, from the means of all and of the rest; NaN where one has no residues."""
        share = self.number("frac_in_regions")
        rest = (1 - share) * self.number("q_outside_regions")
        return (self.number("q_mean") - rest) / share if 0 < share < 1 else math.nan

    @property
    def carried(self) -> float:
        """Share of the deficit that goes when the regions are left out."""
        gain = self.number("q_outside_regions") - self.number("q_mean")
        return gain / self.deficit if self.deficit > 0 else math.nan

    def above_chance(self, q: float, share: float = 1.0) -> float:
        """SD by which the mean Q of a share of the atoms exceeds the chance level.

        The mean of fewer atoms scatters more, as one over the root of their number.
        """
        sd = self.number("q_null_sd") / math.sqrt(share) if share > 0 else math.nan
        return (q - self.number("q_null")) / sd if sd > 0 else math.nan

    @property
    def frame_gain(self) -> float:
        """Gain in Q in the other frame that was found; NaN without one."""
        return self.number(_GAINS.get(self.text("frame"), ""))

    @property
    def carried_by_frame(self) -> float:
        """Share of the deficit that goes in the other frame."""
        return self.frame_gain / self.deficit if self.deficit > 0 else math.nan

    @property
    def share_in_regions(self) -> str:
        return f"{100 * self.number('frac_in_regions'):.0f} % of the residues"

    @property
    def fsc_ratio(self) -> float:
        reported = self.number("resolution")
        return self.number("map_model_fsc05") / reported if reported > 0 else math.nan
