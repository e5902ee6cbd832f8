"""The scores that are compared: which families there are, in which form, and where the entries table has them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HISTORICAL, BEST = "historical", "best"
FAMILIES = {
    "density": "Average density at atoms",
    "negative": "Atoms in negative density",
    "inclusion": "Atom inclusion",
    "value": "Average map value",
    "correlation": "Correlation with a simulated map",
    "fsc": "Map–model FSC",
    "q": "Q-score",
}


@dataclass(frozen=True)
class Rival:
    """One score.

    Attributes
    ----------
    column : str
        Of `tables.ENTRIES`.
    family : str
        A key of `FAMILIES`.
    form : str
        `HISTORICAL`: as the score was first used; `BEST`: the strongest form known of it.
    name : str
        In words.
    rises : bool
        Whether a better fit has a higher value.
    unit : str
        Empty for a share or a correlation.
    """

    column: str
    family: str
    form: str
    name: str
    rises: bool = True
    unit: str = ""


Q = "q_mean"
FOURIER = "fsc"  # the family that compares in Fourier space; the others compare in real space
RIVALS = (
    Rival("avg_density", "density", HISTORICAL, "average density", unit="map units"),
    Rival("avg_density_solvent_z", "density", BEST, "average density (solvent z)"),
    Rival("avg_density_z", "density", BEST, "average density (z of the map)"),
    Rival("frac_negative", "negative", HISTORICAL, "atoms below 0", rises=False),
    Rival("frac_below_solvent", "negative", BEST, "atoms below the solvent mode", rises=False),
    Rival("inclusion", "inclusion", HISTORICAL, "inclusion (recommended level)"),
    Rival("inclusion_surrogate", "inclusion", BEST, "inclusion (surrogate level)"),
    Rival("inclusion_backbone", "inclusion", BEST, "inclusion of the backbone"),
    Rival("map_value", "value", HISTORICAL, "average map value", unit="map units"),
    Rival("contrast", "value", BEST, "local contrast"),
    Rival("cc_deposited", "correlation", HISTORICAL, "CC (deposited B)"),
    Rival("cc_mask", "correlation", BEST, "CC_mask"),
    Rival("cc", "correlation", BEST, "CC"),
    Rival("cc_mean", "correlation", BEST, "CC about the mean"),
    Rival("cc_box", "correlation", BEST, "CC_box"),
    Rival("map_model_fsc05", "fsc", BEST, "EMDB’s FSC 0.5", rises=False, unit="Å"),
    Rival("d_fsc05", "fsc", BEST, "FSC 0.5", rises=False, unit="Å"),
    Rival("q_mean_06", "q", HISTORICAL, "Q (σ 0.6 Å)"),
    Rival(Q, "q", BEST, "Q (σ 0.4 Å)"),
)
ABSURD = 1e100  # the square of more is no number
REAL_SPACE = frozenset(one.column for one in RIVALS if one.family != FOURIER)
NAMES = {"resolution": "resolution"} | {one.column: one.name for one in RIVALS}


def values_of(rows: list[dict], column: str) -> np.ndarray:
    """A column of rows as numbers, shape (n,); NaN where it is empty, absent or no measurement (`ABSURD`)."""
    found = [row.get(column) for row in rows]
    usable = (isinstance(one, (int, float)) and not isinstance(one, bool) for one in found)
    values = np.array([float(one) if good else np.nan for one, good in zip(found, usable, strict=True)], dtype=float)
    return np.where(np.abs(values) < ABSURD, values, np.nan)
