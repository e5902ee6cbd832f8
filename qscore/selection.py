"""Which entries a fit takes: rules on metadata and measurement, stated before any Q is seen."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class FitRule:
    """What the main fit takes.

    What an entry's source does not tell (method, criterion, voxel, composite,
    mask) does not exclude it.

    Attributes
    ----------
    lowest, highest : float
        Reported resolution, Å, both included.
    methods, criteria : tuple of str
        Ways of structure determination and of measuring resolution; empty: any.
    voxels : float
        The resolution is at least so many voxels.
    fewest : int
        Entries a line needs.
    """

    lowest: float = 1.15
    highest: float = 10.0
    methods: tuple[str, ...] = ("singleParticle",)
    criteria: tuple[str, ...] = ("FSC 0.143 CUT-OFF",)
    voxels: float = 2.0
    fewest: int = 8

    def __post_init__(self):
        if not -math.inf < self.lowest < self.highest < math.inf:
            raise ValueError(f"a fit takes a range of resolutions, not {self.lowest:g} to {self.highest:g} Å")
        if self.fewest < 8:
            raise ValueError(f"a line needs 8 entries or more, not {self.fewest}")

    def text(self) -> str:
        """The rule in words."""
        told = " and ".join(filter(None, (", ".join(self.methods), ", ".join(self.criteria))))
        return "; ".join(
            [
                f"scored; {self.lowest:g}–{self.highest:g} Å",
                *([f"{told} where the source tells"] if told else []),
                f"resolution at least {self.voxels:g} voxels; not composite; no tight mask",
            ]
        )


def why_not(row: dict, rule: FitRule) -> str:
    """Why an entry does not enter the main fit; "" when it does.

    Parameters
    ----------
    row : dict
        Of `tables.ENTRIES`.
    rule : FitRule
    """
    if row["status"] != "scored":
        return row["reason"]
    if row["resolution"] is None:
        return "no resolution"
    if not rule.lowest <= row["resolution"] <= rule.highest:
        return f"resolution outside {rule.lowest:g}–{rule.highest:g} Å"
    if row["method"] and rule.methods and row["method"] not in rule.methods:
        return f"method {row['method']}"
    if row["resolution_method"] and rule.criteria and row["resolution_method"] not in rule.criteria:
        return f"resolution by {row['resolution_method']}"
    if _voxels(row) < rule.voxels * (1 - 1e-6):
        return f"resolution below {rule.voxels:g} voxels"
    if row["composite"]:
        return "composite map"
    return "tight mask" if row["tight_mask"] else ""


def _voxels(row: dict) -> float:
    """The resolution in voxels of the map that was read, else as the catalogue has it; infinite when nobody tells."""
    sizes = [row["voxel_x"], row["voxel_y"], row["voxel_z"]]
    if None not in sizes:
        return row["resolution"] / max(sizes)
    return math.inf if row["nyquist_ratio"] is None else 2 * row["nyquist_ratio"]
