"""The other scores of the founding publication: density at atoms, inclusion, correlation with a simulated map.

Pintilie et al. 2020, Nat. Methods 17:328, names them as Q's predecessors. Each is measured in its historical
form and in the best form it can be given; what cannot be measured is empty, and `not_measured` says why.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qscore import modelmap
from qscore.density import Density
from qscore.model import Model
from qscore.score import Scores
from qscore.wholemap import FEWEST_SOLVENT, WholeMap

CURVE = ("level", "inclusion", "inclusion_backbone", "frac_map")
LEVELS = 21  # of the curve of inclusion: quantiles of the density at atoms
FACES = 10.0  # Å: a map that ends nearer than this to the model on all six sides was cut out around it
PARTIAL = 0.5  # of the density above the contour level away from the model: the model is a part of what is there
COMMON = 0.25  # of the atoms with one and the same B: deposited B are placeholders, or capped
INCLUSION_BACKBONE = frozenset({"N", "CA", "C", "O", "P", "OXT", "C3'", "C4'", "C5'", "O3'", "O5'"})
_ATOMS_AT_ONCE = 1 << 17
NAN = float("nan")


@dataclass(frozen=True)
class RealSpace:
    """The scores of a pair beside Q.

    Attributes
    ----------
    entry : dict
        Columns of `layouts.SCORED`; NaN where not measured.
    residues : dict of ndarray
        ``inclusion``, ``z``, ``cc_local`` of each residue, in the order of `aggregate.residues`.
    chains : dict of str to dict
        ``inclusion`` and ``inclusion_backbone`` of each author chain.
    curve : dict of ndarray
        Columns of `layouts.INCLUSION` but the ids.
    """

    entry: dict
    residues: dict[str, np.ndarray]
    chains: dict[str, dict]
    curve: dict[str, np.ndarray]


@dataclass(frozen=True)
class AtAtoms:
    """The map at n atoms: trilinear value and mean of the 8 nearest grid points; NaN outside the map."""

    value: np.ndarray
    eight: np.ndarray


def measure(
    density: Density, whole: WholeMap, model: Model, which: np.ndarray, scores: Scores, *,
    resolution: float | None = None, contour: float | None = None, map_grid: str | None = None,
) -> RealSpace:  # fmt: skip
    """All scores of a pair beside Q.

    Parameters
    ----------
    density : Density
        The box around the model.
    whole : WholeMap
        Sums over the whole file.
    model : Model
        All atoms: the simulated map is of all.
    which : ndarray of int
        Atoms whose density counts, waters among them or not: they are left out.
    scores : Scores
        Of the atoms `which`.
    resolution : float, optional
        Å; without it nothing is simulated.
    contour : float, optional
        Recommended contour level, map units.
    map_grid : str, optional
        Points of the map along columns, rows and sections as deposited.
    """
    chosen = model.take(which)
    at, solute = at_atoms(density, chosen.position), ~chosen.is_class("water")
    facts = Facts(whole, part_of_map(density, model.position, map_grid), contour, resolution)
    volume, found, local = _simulated(density, model, which, facts)
    level = surrogate_level(density, volume)
    entry = _sums(facts) | _at_atoms(at, solute, facts) | _contrast(scores, solute, facts)
    entry |= _inclusions(at, chosen, solute, contour, level) | found
    entry["not_measured"] = facts.told(entry)
    residues = _by_residue(chosen, at, facts) | {"cc_local": local}
    return RealSpace(entry, residues, _by_chain(at, chosen, solute, contour), inclusion_curve(at, chosen, density))


@dataclass
class Facts:
    """What decides whether a score can be measured.

    Attributes
    ----------
    whole : WholeMap
    part : str
        Why the file is held to be a part of a map; "" when it is whole.
    contour, resolution : float or None
    """

    whole: WholeMap
    part: str
    contour: float | None
    resolution: float | None
    fsc_fault: str = ""
    not_finite: bool = False

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
        if key in _OF_MAP and self.part:
            return self.part
        if key in _OF_SOLVENT and not self.solvent:
            return f"fewer than {FEWEST_SOLVENT:,} points of solvent"
        if key in _OF_LEVEL and self.contour is None:
            return "no contour level"
        if key in _OF_MODEL_MAP and self.resolution is None:
            return "no resolution"
        if key in _OF_MODEL_MAP and self.not_finite:
            return "the map holds what is not a number"
        if key.startswith("d_fsc05") and self.fsc_fault:
            return self.fsc_fault
        if key.startswith("cc_box") and self.away > PARTIAL:
            return "partial model (over half of the map above the contour level is 5 Å or more from it)"
        return _OTHERWISE.get(key, "no atom in the map, or the map does not vary there")


_OF_SOLVENT = ("avg_density_solvent_z", "frac_below_solvent", "contrast", "solvent_mean", "solvent_sd", "solvent_mode")
_OF_MAP = ("avg_density_z", "map_mean", "map_sd", "cc_box", "cc_box_deposited", "frac_unmodelled", *_OF_SOLVENT)
_OF_LEVEL = ("inclusion", "inclusion_backbone", "frac_unmodelled")
_OF_MODEL_MAP = (
    "cc", "cc_mean", "cc_mask", "cc_box", "b_sim", "d_fsc05",
    "cc_deposited", "cc_mean_deposited", "cc_mask_deposited", "cc_box_deposited", "d_fsc05_deposited",
)  # fmt: skip
_OTHERWISE = {
    "inclusion_backbone": "no backbone atom",
    "inclusion_backbone_surrogate": "no backbone atom",
    "frac_unmodelled": "nothing lies above the contour level",
}


def part_of_map(density: Density, position: np.ndarray, map_grid: str | None = None) -> str:
    """Why a file is held to be a part of a map; "" when it is held to be whole.

    The deposited grid decides where it is told. Else a map is a part when its header's cell has more intervals
    than points, or when it ends within 10 Å of the model's outermost atoms on all six sides.
    """
    header = density.header
    if header is not None and map_grid:
        here = " ".join(map(str, header.shape))
        return "" if here == map_grid else f"part of a map ({here} of {map_grid} points)"
    if header is not None and any(n < m for n, m in zip(density.grid.tolist(), header.sampling, strict=True)):
        return "part of a map (its header's cell is larger)"
    finite = position[np.isfinite(position).all(axis=1)]
    last = density.origin + (density.grid - 1) * density.step
    left = np.concatenate([finite.min(axis=0) - density.origin, last - finite.max(axis=0)])
    return f"part of a map (it ends within {FACES:g} Å of the model on all sides)" if left.max() < FACES else ""


def at_atoms(density: Density, position: np.ndarray) -> AtAtoms:
    """The map at atoms.

    Parameters
    ----------
    density : Density
    position : ndarray, shape (n, 3)
        Å, x y z; NaN where not known.
    """
    value, eight = np.full(len(position), NAN), np.full(len(position), NAN)
    inside = np.flatnonzero(density.contains(position))
    for begin in range(0, len(inside), _ATOMS_AT_ONCE):
        some = inside[begin : begin + _ATOMS_AT_ONCE]
        place = (position[some] - density.origin) / density.step
        corner = np.clip(np.floor(place).astype(np.int64), 0, density.grid - 2)
        corners = _corners(density.values, corner - density.offset)
        eight[some], value[some] = corners.mean(axis=(1, 2, 3)), _trilinear(corners, place - corner)
    return AtAtoms(value, eight)


def _corners(values: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """The 2 x 2 x 2 points from a corner (n, 3), x y z, on: (n, 2, 2, 2), z y x."""
    ahead = np.arange(2)
    i, j, k = (corner[:, axis, None] + ahead for axis in range(3))
    return values[k[:, :, None, None], j[:, None, :, None], i[:, None, None, :]].astype(np.float64)


def _trilinear(corners: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    for axis in range(3):  # x runs fastest
        f = fraction[:, axis].reshape(-1, *[1] * (corners.ndim - 2))
        corners = corners[..., 0] * (1 - f) + corners[..., 1] * f
    return corners


def _sums(facts: Facts) -> dict:
    whole = facts.whole
    known = {"map_mean": whole.mean, "map_sd": whole.sd} if not facts.part else {"map_mean": NAN, "map_sd": NAN}
    solvent = {key: getattr(whole, key) if facts.solvent else NAN for key in _OF_SOLVENT[3:]}
    n_solvent = None if facts.part else whole.n_solvent
    return {"whole_map": not facts.part, **known, **solvent, "n_solvent": n_solvent, "frac_unmodelled": facts.away}


def _at_atoms(at: AtAtoms, solute: np.ndarray, facts: Facts) -> dict:
    """Families 1, 2 and the first half of 4."""
    value, eight = at.value[solute & ~np.isnan(at.value)], at.eight[solute & ~np.isnan(at.eight)]
    average, whole = _mean(eight), facts.whole
    return {
        "avg_density": average,
        "avg_density_z": NAN if facts.part else _over(average - whole.mean, whole.sd),
        "avg_density_solvent_z": _over(average - whole.solvent_mean, whole.solvent_sd) if facts.solvent else NAN,
        "frac_negative": _mean(value < 0),
        "frac_below_solvent": _mean(value < whole.solvent_mode) if facts.solvent else NAN,
        "map_value": _mean(value),
    }


def _contrast(scores: Scores, solute: np.ndarray, facts: Facts) -> dict:
    contrast = scores.contrast[solute]
    mean = _mean(contrast[~np.isnan(contrast)])
    return {"contrast": _over(mean, facts.whole.solvent_sd) if facts.solvent else NAN}


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else NAN


def _over(value: float, sd: float) -> float:
    return value / sd if sd > 0 else NAN


# ---- atom inclusion ----


def counted(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """The atoms of inclusion (no waters) and the backbone among them, by EMDB's names → two bool (n,)."""
    solute = ~model.is_class("water")
    polymer = model.is_class("protein") | model.is_class("nucleic")
    return solute, polymer & np.isin(model.atom, list(INCLUSION_BACKBONE))


def included(value: np.ndarray, among: np.ndarray, level: float | None) -> float:
    """Share of atoms strictly above a level; outside the map an atom is not. NaN without atoms or level."""
    return NAN if level is None or level != level else _mean(value[among] > level)


def surrogate_level(density: Density, n_points: int) -> float:
    """The level above which as many points of the box lie as the molecule has; NaN when it has none, or has all."""
    values = density.values.reshape(-1)
    if not 0 < n_points < values.size:
        return NAN
    ordered = np.partition(values, values.size - n_points - 1)
    return float(ordered[values.size - n_points - 1])


def _inclusions(at: AtAtoms, model: Model, solute: np.ndarray, contour, level: float) -> dict:
    backbone = counted(model)[1]
    return {
        "inclusion": included(at.value, solute, contour),
        "inclusion_backbone": included(at.value, backbone, contour),
        "n_inclusion_outside": int(np.isnan(at.value[solute]).sum()),
        "inclusion_surrogate": included(at.value, solute, level),
        "inclusion_backbone_surrogate": included(at.value, backbone, level),
        "surrogate_level": level,
    }


def inclusion_curve(at: AtAtoms, model: Model, density: Density) -> dict[str, np.ndarray]:
    """Inclusion over levels: at the quantiles of the density at atoms, so that every step is in its place."""
    solute, backbone = counted(model)
    known = at.value[solute & ~np.isnan(at.value)]
    if not len(known):
        return {name: np.empty(0) for name in CURVE}
    levels = np.unique(np.quantile(known, np.linspace(0, 1, LEVELS), method="inverted_cdf"))
    size = max(density.values.size, 1)
    return {
        "level": levels,
        "inclusion": np.array([included(at.value, solute, level) for level in levels]),
        "inclusion_backbone": np.array([included(at.value, backbone, level) for level in levels]),
        "frac_map": np.array([np.count_nonzero(density.values > level) / size for level in levels]),
    }


def _by_chain(at: AtAtoms, model: Model, solute: np.ndarray, contour) -> dict[str, dict]:
    backbone, chains = counted(model)[1], dict.fromkeys(model.chain[solute].tolist())
    parts = ((name, model.chain == name) for name in chains) if contour is not None else ()
    return {
        name: {
            "inclusion": included(at.value, solute & part, contour),
            "inclusion_backbone": included(at.value, backbone & part, contour),
        }
        for name, part in parts
    }


def _by_residue(model: Model, at: AtAtoms, facts: Facts) -> dict[str, np.ndarray]:
    """Inclusion (an atom outside is not included) and mean z of each residue."""
    index = np.unique(model.residue_index, return_inverse=True)[1]
    count = np.bincount(index)
    inclusion = np.full(len(count), NAN)
    if facts.contour is not None:
        inclusion = np.bincount(index, weights=at.value > facts.contour) / count
    known = ~np.isnan(at.eight)
    n = np.bincount(index[known], minlength=len(count))
    total = np.bincount(index[known], weights=at.eight[known], minlength=len(count))
    mean = np.divide(total, n, out=np.full(len(count), NAN), where=n > 0)
    varies = not facts.part and facts.whole.sd > 0
    z = (mean - facts.whole.mean) / facts.whole.sd if varies else np.full(len(count), NAN)
    return {"inclusion": inclusion, "z": z}


# ---- the simulated map ----


def _simulated(density: Density, model: Model, which: np.ndarray, facts: Facts):
    """Points of the molecule, what compares the map with a simulated one, and the local correlation of each residue."""
    near = modelmap.alongside(density, model.position)
    chosen = model.take(which)
    n_residues = len(np.unique(chosen.residue_index))
    nothing = dict.fromkeys(_OF_MODEL_MAP, NAN) | {"b_informative": b_informative(model.b_iso)}
    if not near.any():
        return 0, nothing, np.full(n_residues, NAN)
    frame = modelmap.frame_of(density, facts.resolution or modelmap.EDGE)
    some = model.take(near)
    atoms = modelmap.Atoms(some.position, some.element, np.clip(some.b_iso, 0, 999), some.occupancy)
    mask = modelmap.molecule(frame, atoms)
    volume = int(np.bitwise_count(mask).sum())
    facts.not_finite = not np.isfinite(density.values.sum(dtype=np.float64))
    if facts.resolution is None or facts.not_finite:
        return volume, nothing, np.full(n_residues, NAN)
    partial = facts.part or facts.away > PARTIAL
    how = {"whole": None if partial else facts.whole}
    flat = modelmap.agreement(density, frame, atoms, mask, fit=True, groups=_groups(chosen), **how)
    deposited = modelmap.agreement(density, frame, atoms, mask, fit=False, **how)
    facts.fsc_fault = flat.fsc_fault or deposited.fsc_fault
    return volume, nothing | _named(flat, "") | _named(deposited, "_deposited") | {"b_sim": flat.b}, flat.local


def _named(found: modelmap.Agreement, end: str) -> dict:
    return {name + end: getattr(found, name) for name in ("cc", "cc_mean", "cc_mask", "cc_box", "d_fsc05")}


def _groups(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Positions sorted by residue and the first of each residue, in the order of `aggregate.residues`."""
    number, index = np.unique(model.residue_index, return_inverse=True)
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(len(number) + 1))
    return np.ascontiguousarray(model.position[order]), starts.astype(np.int64)


def b_informative(b_iso: np.ndarray) -> bool:
    """Whether deposited B tell atoms apart: no quarter of them has one and the same value (0, a constant, a cap)."""
    _, count = np.unique(np.round(b_iso, 2), return_counts=True)
    return bool(count.max() < COMMON * len(b_iso)) if len(b_iso) else False
