"""What may be wrong in the archive: rules on measured columns, each with its evidence and the size of the effect.

Rules
-----
Each rule reads measured columns, and a number that was not measured is evidence of nothing. Thresholds that causes
use, too, are those of `qscore.causes`.

frame
    The second look found a rigid shift that raises Q by more than the same search does on decoys
    (`qscore.frames.frame_of`). Effect: its length, Å; half voxels are named. Or, where nothing was searched, the
    comparison with published Q found this one off the density. Effect: published Q minus Q.
hand
    The same of the mirrored map. Effect: the gain in Q.
outside map
    At least 5 % of the atoms lie outside the map, or all; not where the depositor says that the overlap is partial or
    none, nor beside a frame that was found. Effect: share of the atoms, %.
resolution, over-stated
    The cause of the entry is that: half maps worse than reported by more than the larger of 0.3 Å and 10 %, Q below the
    band at the reported value and within it at theirs. Effect: their resolution minus the reported one, Å; positive.
resolution, under-stated
    The mirror image: half maps better by as much, no tight mask, the map–model FSC 0.5 better than reported, Q above
    the band at the reported resolution and within it at theirs. Effect: the same difference, Å; negative.
contour level
    Q is within the band or above it, so that the model lies on density, and the level of the model's own volume
    includes at least half of the atoms. Too high: the recommended level includes less than half as many. Effect: the
    difference of the two shares, negative. Too low: it lies within 1 SD of the mean of the solvent and at least half
    of what it encloses is 5 Å or more from any atom. Effect: that share, positive.
obsolete model
    Another model of the same map, with as many atoms of protein and of nucleic acid to within a factor of 1.25,
    scores at least 0.03 higher and lies within the band, while this one lies below it or is flagged low. Effect: the
    difference in Q.
    Or: the archive lists the model with the map, and none of the places that were asked has it. Effect: 1 model.

Entries no better than chance are not asked for resolution and contour level: their Q says nothing of either.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from qscore import causes, ids
from qscore.case import Case
from qscore.discrepancies import OFF_DENSITY

SUSPECTED = ("frame", "hand", "outside map", "resolution", "contour level", "obsolete model")
HALF = 0.5
"""Of the atoms that the model's own volume includes, and of what a level encloses: less, resp. more, is suspicious."""
SOLVENT_SD = 1.0
ALIKE = 1.25
"""Largest ratio of the numbers of atoms of two models of the same thing."""
DECLARED = ("PARTIALOVERLAP", "NOOVERLAP")
Band = Callable[[float], tuple[float, float]]


@dataclass(frozen=True)
class Suspicion:
    """One suspected error.

    Attributes
    ----------
    row : mapping
        Of `layouts.ENTRIES` and `layouts.FLAGS`.
    suspected : str
        One of `SUSPECTED`.
    evidence : str
        The numbers it rests on.
    effect : float
        Its size, in the unit that `unit` names.
    unit : str
    option : str
        What the command that shows it needs beside map and model.
    other : mapping or None
        The row of another model of the map, to compare with.
    """

    row: Mapping
    suspected: str
    evidence: str
    effect: float
    unit: str
    option: str = ""
    other: Mapping | None = None


def suspicions(
    entries: Iterable[Mapping],
    flags: Iterable[Mapping],
    *,
    published: Iterable[Mapping] = (),
    band: Band | None = None,
) -> list[Suspicion]:
    """What is suspected of the pairs of a survey, sorted: in the order of `SUSPECTED`, largest effects first.

    Parameters
    ----------
    entries, flags, published : iterable of mapping
        Rows of `layouts.ENTRIES`, `layouts.FLAGS` and `layouts.CONCORDANCE`.
    band : callable, optional
        Resolution, Å → lower and upper end of the 95 % band of Q. Without it no resolution is called under-stated.
    """
    judged, theirs = ({_pair(row): row for row in rows} for rows in (flags, published))
    rows = [dict(row) | judged.get(_pair(row), {}) for row in entries]
    found = [one for row in rows for one in _of_pair(Case(row, band), theirs.get(_pair(row), {}))]
    return sorted([*found, *_better_models(rows)], key=_order)


def _pair(row: Mapping) -> tuple[str, str]:
    return row["emdb_id"], row["pdb_id"]


def _order(one: Suspicion):
    return SUSPECTED.index(one.suspected), -abs(one.effect), *_pair(one.row)


def has_ids(row: Mapping) -> bool:
    """Whether a pair's ids are those of the archives."""
    known = ids.EMDB_ID.fullmatch(row["emdb_id"] or "") and ids.PDB_ID.fullmatch(row["pdb_id"] or "")
    return bool(known) and not row.get("synthetic")


# ---- the rules ----


def _of_pair(case: Case, theirs: Mapping):
    """What is suspected of one pair."""
    if case.text("status") == "unusable":
        yield from filter(None, (_missing_model(case), _all_outside(case)))
        return
    frame = _frame(case) or _frame_by_published(case, theirs)
    yield from filter(None, (frame, None if frame else _outside(case)))
    if case.text("cause") != causes.NO_BETTER:
        yield from filter(None, (_overstated(case), _understated(case), _contour(case)))


def _frame(case: Case):
    found = case.text("frame")
    if found == "shift":
        half = "half a voxel: " if case.row.get("half_voxel") else ""
        error = f" ± {error:.2f}" if (error := case.number("shift_error")) > 0 else ""
        moved = f"moved by {half}{case.number('shift'):.2f}{error} Å (voxels x y z: {case.text('shift_voxels')})"
        return Suspicion(
            case.row, "frame", f"{moved}, {_gained(case, 'q_shifted')}", case.number("shift"), "Å of shift"
        )
    if found == "hand":
        where = f"in the map mirrored along {case.text('hand')}"
        evidence = f"{where}, {_gained(case, 'q_hand')}"
        return Suspicion(case.row, "hand", evidence, case.number("hand_gain"), "Q gained")
    return None


def _gained(case: Case, after: str) -> str:
    before, decoys = case.number("q_before"), case.number("decoys")
    said = f"the model scores {case.number(after):.3f} instead of {before:.3f}"
    return said + (f"; the best of {decoys:.0f} decoys {before + case.number('decoy_gain'):.3f}" if decoys > 0 else "")


def _frame_by_published(case: Case, theirs: Mapping):
    if not (theirs.get("differs") and theirs.get("cause") == OFF_DENSITY) or case.number("decoys") > 0:
        return None
    return Suspicion(case.row, "frame", theirs.get("evidence") or "", -theirs["difference"], "Q published minus Q")


def _outside(case: Case):
    share = case.number("frac_outside")
    if not share >= causes.OUTSIDE or case.text("in_frame") in DECLARED:
        return None
    said = f"{100 * share:.0f} % of {case.number('n_atoms'):,.0f} atoms have their centre outside the map"
    return Suspicion(case.row, "outside map", said, 100 * share, "% of the atoms")


def _all_outside(case: Case):
    if case.text("reason") != "model_outside_map" or case.text("in_frame") in DECLARED:
        return None
    said = case.text("detail") or "no atom of the model lies inside the map"
    return Suspicion(case.row, "outside map", said, 100.0, "% of the atoms")


def _missing_model(case: Case):
    archives = ("", f"{case.text('pdb_id')}.cif.gz")  # another name is that of a file of one's own
    if case.text("reason") != "model_missing" or not has_ids(case.row) or case.text("model_file") not in archives:
        return None
    said = "listed with the map, and held by none of the places asked: obsolete, withdrawn or not yet released"
    return Suspicion(case.row, "obsolete model", said, 1.0, "models not held", "--refresh")


def _overstated(case: Case):
    if case.text("cause") != causes.OVER_STATED:
        return None
    effect = case.number("calculated_resolution") - case.number("resolution")
    return Suspicion(
        case.row, "resolution", f"over-stated: {case.text('evidence')}", effect, "Å half maps minus reported"
    )


def _understated(case: Case):
    reported, calculated = case.number("resolution"), case.number("calculated_resolution")
    q, excess = case.number("q_mean"), reported - calculated
    if not excess > max(causes.OVERSTATED, causes.OVERSTATED_SHARE * reported) or not q > case.number("high"):
        return None
    masked = case.row.get("tight_mask") or case.number("mask_distance") < causes.TIGHT_MASK
    if masked or not case.number("map_model_fsc05") < reported or case.band is None:
        return None
    low, high = (float(end) for end in case.band(calculated))
    if not low <= q <= high:
        return None
    said = (
        f"under-stated: half maps correlate to {calculated:.2f} Å, not {reported:.2f} Å (FSC 0.143); map–model FSC 0.5 "
        f"at {case.number('map_model_fsc05'):.2f} Å; Q {q:.3f} lies in the band at that value, {low:.3f} to {high:.3f}"
    )
    return Suspicion(case.row, "resolution", said, -excess, "Å half maps minus reported")


def _contour(case: Case):
    included, usual = case.number("inclusion"), case.number("inclusion_surrogate")
    level, solvent, sd = (case.number(name) for name in ("contour_level", "solvent_mean", "solvent_sd"))
    if not case.number("q_mean") >= case.number("low") or not usual >= HALF or math.isnan(level):
        return None
    q = f"Q {case.number('q_mean'):.3f}, at least {case.number('low'):.3f} expected"
    words = f"--contour={level!r}"
    if included < HALF * usual:
        said = f"the level {level:g} includes {100 * included:.0f} % of the atoms, {case.number('surrogate_level'):g} "
        said += f"(the model's own volume) {100 * usual:.0f} %; {q}"
        return Suspicion(
            case.row, "contour level", f"too high: {said}", included - usual, "share of atoms included", words
        )
    share, height = case.number("frac_unmodelled"), (level - solvent) / sd if sd > 0 else math.nan
    if height <= SOLVENT_SD and share >= HALF:
        said = (
            f"the level {level:g} lies {height:.1f} SD above the mean of the solvent, and {100 * share:.0f} % of what"
        )
        said += f" it encloses is 5 Å or more from any atom; {q}"
        return Suspicion(case.row, "contour level", f"too low: {said}", share, "share off the model", words)
    return None


def _better_models(rows: list[dict]):
    """Models that another one of the same map surpasses: each with the best of these."""
    by_map = defaultdict(list)
    for row in rows:
        if row.get("status") == "scored" and row.get("q_mean") is not None:
            by_map[row["emdb_id"]].append(row)
    for models in by_map.values():
        for row in models:
            better = [other for other in models if _surpasses(other, row)]
            if better:
                yield _surpassed(row, max(better, key=lambda other: (other["q_mean"], other["pdb_id"])))


def _surpasses(other: dict, row: dict) -> bool:
    mine, theirs = Case(row), Case(other)
    gain = theirs.number("q_mean") - mine.number("q_mean")
    good = theirs.text("flag") != "low" and theirs.number("q_mean") >= theirs.number("low")
    return bool(mine.is_below and good and gain >= causes.FINE and _alike(mine, theirs))


def _alike(one: Case, other: Case) -> bool:
    """The same amount of polymer, of every class; nothing known is not alike."""
    counts = [(one.number(name), other.number(name)) for name in ("n_protein", "n_nucleic")]
    return any(max(pair) > 0 for pair in counts) and all(max(pair) <= ALIKE * min(pair) for pair in counts)


def _surpassed(row: dict, other: dict):
    gain = other["q_mean"] - row["q_mean"]
    said = (
        f"{other['pdb_id']}, another model of the map, scores {other['q_mean']:.3f} and this one {row['q_mean']:.3f}; "
        f"at least {Case(row).number('low'):.3f} expected at {Case(row).number('resolution'):.2f} Å"
    )
    return Suspicion(row, "obsolete model", said, gain, "Q of the other model minus Q", other=other)
