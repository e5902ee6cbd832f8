"""The other scores of the founding publication: density at atoms, inclusion, correlation with a simulated map.

Pintilie et al. 2020, Nat. Methods 17:328, names them as Q's predecessors. Each is measured in its historical
form and in the best form it can be given; what cannot be measured is empty, and `not_measured` says why.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qscore import modelmap
from qscore.bits import Mask
from qscore.compiled import loops
from qscore.density import Density
from qscore.measurable import NAN, OF_MODEL_MAP, OF_SOLVENT, Facts, part_of_map
from qscore.model import Model
from qscore.molecule import molecular_mask
from qscore.score import Scores
from qscore.slabs import each, sections
from qscore.wholemap import WholeMap, single

CURVE = ("level", "inclusion", "inclusion_backbone", "frac_map")
LEVELS = 21  # of the curve of inclusion: quantiles of the density at atoms
TIES = 0.1  # of the molecule's points at one and the same value: the mask's outside, not a level
COMMON = 0.25  # of the atoms with one and the same B: deposited B are placeholders, or capped
INCLUSION_BACKBONE = frozenset({"N", "CA", "C", "O", "P", "OXT", "C3'", "C4'", "C5'", "O3'", "O5'"})
_ATOMS_AT_ONCE = 1 << 17


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
    """The map at n atoms: trilinear value and mean of the 8 nearest grid points, NaN outside; which are outside."""

    value: np.ndarray
    eight: np.ndarray
    outside: np.ndarray


@dataclass(frozen=True)
class Molecule:
    """Where the molecule is in the box.

    Attributes
    ----------
    near : ndarray of bool, shape (n,)
        Atoms that the box can feel.
    mask : Mask, or None
        The molecular mask; None when no atom is near.
    volume : int
        Points of the box in the mask.
    """

    near: np.ndarray
    mask: Mask | None
    volume: int


def molecule_in(density: Density, model: Model) -> Molecule:
    """The molecular mask of all atoms near the box."""
    near = modelmap.alongside(density, model.position)
    if not near.any():
        return Molecule(near, None, 0)
    box = {
        "shape": density.values.shape,
        "step": density.step,
        "origin": density.origin + density.offset * density.step,
    }
    mask = molecular_mask(model.position[near], model.element[near], **box)
    return Molecule(near, mask, mask.size)


def measure(
    density: Density, whole: WholeMap, model: Model, which: np.ndarray, scores: Scores, *,
    molecule: Molecule, resolution: float | None = None, contour: float | None = None, map_grid: str | None = None,
    threads: int = 1,
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
    molecule : Molecule
        Of `molecule_in`.
    resolution : float, optional
        Å; without it nothing is simulated.
    contour : float, optional
        Recommended contour level, map units.
    map_grid : str, optional
        Points of the map along columns, rows and sections as deposited.
    threads : int
        The result does not depend on it.
    """
    chosen = model.take(which)
    at, solute = at_atoms(density, chosen.position, scores), ~chosen.is_class("water")
    total = modelmap.total(density.values, threads)
    finite = bool(np.isfinite(total))
    level = surrogate_level(density, molecule.volume, finite=finite, threads=threads)
    facts = Facts.of(finite, whole, part_of_map(density, model.position, map_grid), level, molecule.volume,
                     contour=contour, resolution=resolution)  # fmt: skip
    atoms, centre = model.take(molecule.near), total / max(density.values.size, 1)
    found, local = _simulated(density, atoms, molecule.mask, chosen, facts, centre, threads)
    entry = _sums(facts) | _at_atoms(at, solute, facts) | _contrast(scores, solute, facts)
    entry |= _inclusions(at, chosen, solute, contour, level) | found
    entry["not_measured"] = facts.told(entry)
    residues = _by_residue(chosen, at, facts) | {"cc_local": local}
    return RealSpace(
        entry, residues, _by_chain(at, chosen, solute, contour), inclusion_curve(at, chosen, density, threads)
    )


def at_atoms(density: Density, position: np.ndarray, scores: Scores) -> AtAtoms:
    """The map at atoms.

    Parameters
    ----------
    density : Density
    position : ndarray, shape (n, 3)
        Å, x y z; NaN where not known.
    scores : Scores
        Of these atoms: it holds the values at their centres.
    """
    eight = np.full(len(position), NAN)
    outside = ~density.contains(position)
    inside = np.flatnonzero(~outside)
    for begin in range(0, len(inside), _ATOMS_AT_ONCE):
        some = inside[begin : begin + _ATOMS_AT_ONCE]
        place = (position[some] - density.origin) / density.step
        corner = np.clip(np.floor(place).astype(np.int64), 0, density.grid - 2)
        eight[some] = _corners(density.values, corner - density.offset).mean(axis=(1, 2, 3))
    return AtAtoms(scores.density, eight, outside)


def _corners(values: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """The 2 x 2 x 2 points from a corner (n, 3), x y z, on: (n, 2, 2, 2), z y x."""
    ahead = np.arange(2)
    i, j, k = (corner[:, axis, None] + ahead for axis in range(3))
    return values[k[:, :, None, None], j[:, None, :, None], i[:, None, None, :]].astype(np.float64)


def _sums(facts: Facts) -> dict:
    whole = facts.whole
    known = {"map_mean": whole.mean, "map_sd": whole.sd} if not facts.part else {"map_mean": NAN, "map_sd": NAN}
    solvent = {key: getattr(whole, key) if facts.solvent else NAN for key in OF_SOLVENT[3:]}
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


def surrogate_level(density: Density, n_points: int, *, finite: bool, threads: int = 1) -> float:
    """The level above which as many points of the box lie as the molecule has.

    NaN when it has none, or all; and when a mask leaves fewer, so that the level would be that of the mask's outside.
    """
    values = density.values.reshape(-1)
    if not finite:
        values = values[np.isfinite(values)]
    if not 0 < n_points < values.size:
        return NAN
    level, ties = ranked(values, values.size - n_points - 1, threads)
    return level if ties < TIES * n_points else NAN


def ranked(values: np.ndarray, rank: int, threads: int = 1) -> tuple[float, int]:
    """The value before which `rank` others come in order, and how many are equal to it.

    Found by counting the upper and then the lower half of the bits, so that no copy is made.

    Parameters
    ----------
    values : ndarray, float32, shape (n,)
        Finite.
    rank : int
        From 0.
    """
    prefix, bits = 0, values.view(np.int32)
    for upper in (1, 0):
        counts = _digits(bits, upper, prefix, threads)
        before = np.cumsum(counts)
        digit = int(np.searchsorted(before, rank, side="right"))
        rank -= int(before[digit] - counts[digit])
        prefix = digit if upper else (prefix << 16) + digit
    ordered = prefix - (1 << 31)
    level = np.array(ordered if ordered >= 0 else ordered ^ 0x7FFFFFFF, dtype=np.int32).view(np.float32)
    return float(level) + 0.0, int(counts[digit])


def _digits(bits: np.ndarray, upper: int, prefix: int, threads: int) -> np.ndarray:
    """How many numbers have each of the values of half of their bits."""

    def count(part):
        """Of a part."""
        counts = np.zeros(1 << 16, dtype=np.int64)
        loops().digits(bits[part], upper, prefix, counts)
        return counts

    return sum(each(count, sections(len(bits), threads), threads))


def _inclusions(at: AtAtoms, model: Model, solute: np.ndarray, contour, level: float) -> dict:
    backbone = counted(model)[1]
    return {
        "inclusion": included(at.value, solute, contour),
        "inclusion_backbone": included(at.value, backbone, contour),
        "n_inclusion_outside": int(at.outside[solute].sum()),
        "inclusion_surrogate": included(at.value, solute, level),
        "inclusion_backbone_surrogate": included(at.value, backbone, level),
        "surrogate_level": level,
    }


def inclusion_curve(at: AtAtoms, model: Model, density: Density, threads: int = 1) -> dict[str, np.ndarray]:
    """Inclusion over levels: at the quantiles of the density at atoms, so that every step is in its place."""
    solute, backbone = counted(model)
    known = at.value[solute & ~np.isnan(at.value)]
    if not len(known):
        return {name: np.empty(0) for name in CURVE}
    levels = np.unique(np.quantile(known, np.linspace(0, 1, LEVELS), method="inverted_cdf"))
    parts = sections(len(density.values), threads)
    singles = np.array([single(level) for level in levels], dtype=np.float32)
    above = np.zeros((len(parts), len(levels)), dtype=np.int64)

    def count(n):
        """Of a part."""
        loops().count_above(density.values[parts[n]], singles, above[n])

    each(count, range(len(parts)), threads)
    return {
        "level": levels,
        "inclusion": np.array([included(at.value, solute, level) for level in levels]),
        "inclusion_backbone": np.array([included(at.value, backbone, level) for level in levels]),
        "frac_map": above.sum(axis=0) / max(density.values.size, 1),
    }


def _by_chain(at: AtAtoms, model: Model, solute: np.ndarray, contour) -> dict[str, dict]:
    if contour is None or not solute.any():
        return {}
    names, index = np.unique(model.chain[solute], return_inverse=True)
    backbone, above = counted(model)[1][solute], at.value[solute] > contour
    shares = {
        "inclusion": _shares(index, above, len(names)),
        "inclusion_backbone": _shares(index[backbone], above[backbone], len(names)),
    }
    return {name: {key: float(share[k]) for key, share in shares.items()} for k, name in enumerate(names.tolist())}


def _shares(index: np.ndarray, true: np.ndarray, n: int) -> np.ndarray:
    """Share of true ones of each group; NaN of an empty one."""
    count = np.bincount(index, minlength=n)
    return np.divide(np.bincount(index, weights=true, minlength=n), count, out=np.full(n, NAN), where=count > 0)


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


def _simulated(
    density: Density, near: Model, mask, chosen: Model, facts: Facts, centre: float, threads: int
) -> tuple[dict, np.ndarray]:  # fmt: skip
    """What compares the map with one simulated from the atoms near it, and the local correlation of each residue."""
    nothing = dict.fromkeys(OF_MODEL_MAP, NAN) | {"b_informative": b_informative(near.b_iso)}
    position, starts = _groups(chosen)
    if mask is None or facts.resolution is None or not facts.finite:
        return nothing, np.full(len(starts) - 1, NAN)
    frame = modelmap.frame_of(density, near.position, facts.resolution, threads=threads)
    atoms = modelmap.Atoms(near.position, near.element, np.clip(near.b_iso, 0, 999), near.site_occupancy)
    compared = modelmap.compare(
        density,
        frame,
        atoms,
        mask,
        groups=(position, starts),
        whole=None if facts.part or facts.partial else facts.whole,
        centre=centre,
    )
    facts.fsc_fault = compared[0].fsc_fault or compared[1].fsc_fault
    flat, deposited = compared
    return nothing | _named(flat, "") | _named(deposited, "_deposited") | {"b_sim": flat.b}, flat.local


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
