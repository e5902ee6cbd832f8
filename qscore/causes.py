"""Why an entry is as it is: rules on measured columns, each with its evidence; "unexplained" preferred to a guess.

The rules are asked in the order of `RULES`, and the first that has evidence names the cause. The order follows from
what would make the next rule's reading wrong:

1. `frame`: a shifted or mirrored model scores at chance, and may lie partly outside; a search that restores its Q says
   more than both. Of an entry that is flagged low or lies below the band it has to carry most of the deficit or to
   bring Q into the band; else it is told beside whatever cause is found, with the share that it carries.
2. `no better than chance`: an entry at its chance level has no Q left in which regions, masks or the resolution show.
3. `outside map`: atoms outside count 0; what is left is judged by its share.
4. `tight mask`: raises Q, so it explains no low flag, and is not asked of one.
5. `map–model disagreement`, where the regions themselves score no better than chance: what fits nowhere is not
   under-resolved.
6. `partly under-resolved`: regions are located, the causes below are of the whole.
7. `over-stated resolution`: has evidence free of the model, and explains a far map–model FSC as well.
8. `map–model disagreement` of the whole.
9. `under-resolved`: what is left when all of these were measured and none was found.

The first four, and regions by far, are faults of their own and are named without a statistical flag too; an over-stated
resolution needs no flag but Q below the band; the others explain a low flag and nothing else. A number that was not
measured is evidence of nothing, on either side. A frame that carries too little is evidence without a cause where there
is neither a flag nor another rule that holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from qscore.case import Case

CHANCE_SD = 3.0
"""SD above the chance level an entry must exceed (`science.md`, section 6)."""
OUTSIDE = 0.05
"""Least share of atoms outside: at Q 0.5 it costs 0.025, half the archive's scatter; less changes no verdict."""
TIGHT_MASK = 2.5
"""Å between atoms and constant map: nearer, Q rises (by up to 0.24 at 1.5 Å); from here on by no more than 0.004."""
MOST = 0.5
"""Share of a low entry's deficit that one cause has to carry: less, and most of it would be left unexplained."""
FINE = 0.03
"""Gain in Q up to which a shift is one the search would not name by Q alone (`frames.MARGIN`)."""
PART = 0.1
"""Least share of residues in regions that makes an entry without a flag partly under-resolved: a shorter tail or loop
is a row of the regions' table, not a property of the entry."""
FAR_FSC = 1.5
"""Map–model FSC 0.5 in units of the resolution: agreement ends at two thirds of the stated frequency. Of the archive's
entries up to 4 Å with Q in the published band 1 % are as far, of those below the band 47 %."""
OVERSTATED, OVERSTATED_SHARE = 0.3, 0.1
"""Å, and share of the resolution: what the half maps must be worse by, the larger of the two (`science.md`)."""


# ---- rules: each gives its evidence, or "" ----


def frame(case: Case) -> str:
    """The search on the map found a shift, or the other hand, with a higher Q than here, and than decoys reach."""
    return _frame(case) if _explains(case) else ""


def _explains(case: Case) -> bool:
    """Whether a frame explains Q: where Q is not low there is nothing else to explain.

    A shift that gains little (`FINE`), known only because its place is, has to carry the deficit: an entry just below
    the band is brought into it by next to nothing.
    """
    gain, carried = case.frame_gain, case.carried_by_frame
    if not case.is_below or math.isnan(carried):
        return not (case.is_low and case.text("frame") == "shift" and gain < FINE)
    into_band = case.number("q_mean") + gain >= case.number("low")
    return carried >= MOST or (into_band and not gain < FINE)


def lesser_frame(case: Case) -> str:
    """What is told of a frame that does not explain the Q of its entry."""
    if not case.is_below or _explains(case) or math.isnan(case.carried_by_frame):
        return ""
    return f"another frame explains {100 * case.carried_by_frame:.0f} % of the deficit: {_frame(case)}"


def _frame(case: Case) -> str:
    """The frame found and Q in it; "" without one."""
    found = case.text("frame")
    if math.isnan(case.frame_gain):
        return ""
    if found == "shift":
        return f"{_moved(case)} {_restored(case, 'q_shifted')}"
    if found == "hand":
        shift = case.number("hand_shift")
        after = f" and after a shift of {shift:.2f} Å" if shift > 0 else ""
        axis = case.text("hand")
        along = {"": "", "xyz": " along x, y and z"}.get(axis, f" along {axis}")
        return f"in the map mirrored{along}{after} {_restored(case, 'q_hand')}"
    return ""


def _moved(case: Case) -> str:
    voxels = case.text("shift_voxels")
    half = "half a voxel: " if case.row.get("half_voxel") else ""
    error = f" ± {error:.2f}" if (error := case.number("shift_error")) > 0 else ""
    return f"moved by {half}{case.number('shift'):.2f}{error} Å" + (f" (voxels x y z: {voxels})" if voxels else "")


def _restored(case: Case, after: str) -> str:
    before, decoys = case.number("q_before"), case.number("decoys")
    said = f"the model scores {case.number(after):.3f} instead of {before:.3f}"
    best = f"; of {decoys:.0f} decoys the best reaches {before + case.number('decoy_gain'):.3f} by the same search"
    return said + best if decoys > 0 else said


def chance(case: Case) -> str:
    """Q of the atoms inside the map is that of the model thrown anywhere into it."""
    distance = case.above_chance(case.q_inside)
    if not distance <= CHANCE_SD:
        return ""
    where = " of the atoms inside the map" if case.number("frac_outside") > 0 else ""
    level = f"{case.number('q_null'):.3f} ± {case.number('q_null_sd'):.3f} ({distance:.1f} SD)"
    return f"Q {case.q_inside:.3f}{where}; thrown anywhere into the map the model scores {level}"


def outside_map(case: Case) -> str:
    """Atoms lie outside the map; of a low entry they carry most of the deficit, and a high one they do not explain."""
    share = case.number("frac_outside")
    cost = case.q_inside - case.number("q_mean")
    if case.text("flag") == "high" or not share >= OUTSIDE or (case.is_low and not cost >= MOST * case.deficit):
        return ""
    inside = f"; Q {case.q_inside:.3f} of those inside, {case.number('q_mean'):.3f} of all" if cost > 0 else ""
    return f"{100 * share:.0f} % of the atoms lie outside the map and count 0{inside}"


def tight_mask(case: Case) -> str:
    """Constant map so near the atoms that Q is an upper bound; it explains no low Q."""
    distance = case.number("mask_distance")
    if case.is_low or not distance < TIGHT_MASK:
        return ""
    return f"the map is constant from {distance:.1f} Å off the atoms (1st percentile): Q is an upper bound"


def nowhere_fitting(case: Case) -> str:
    """Map and model disagree, and the regions score no better than chance."""
    said = disagreement(case)
    share = case.number("frac_in_regions")
    if not said or not case.above_chance(case.q_in_regions, share) <= CHANCE_SD:
        return ""
    return f"{said}; the regions, {case.share_in_regions}, score {case.q_in_regions:.3f}"


def partly(case: Case) -> str:
    """Regions carry most of a low entry's deficit, or, without a flag, are many residues and below the band."""
    enough = case.carried >= MOST if case.is_low else _large_and_below(case)
    if not case.number("n_regions") > 0 or not enough:
        return ""
    count = case.number("n_regions")
    regions, them = ("region", "it") if count == 1 else ("regions", "them")
    inside = f"{count:.0f} {regions} with {case.share_in_regions} (Q {case.q_in_regions:.3f})"
    return f"{inside}; without {them} Q {case.number('q_outside_regions'):.3f}, with {_expected(case)}"


def _large_and_below(case: Case) -> bool:
    unflagged = case.text("flag") == ""
    return unflagged and case.number("frac_in_regions") >= PART and case.q_in_regions < case.number("low")


def overstated(case: Case) -> str:
    """The half maps' own FSC is worse than reported, and Q is as expected at that value and too low for the other.

    Two witnesses: below the band at the reported resolution suffices, without a flag.
    """
    reported, calculated = case.number("resolution"), case.number("calculated_resolution")
    excess = calculated - reported
    low_there = case.is_low or (case.text("flag") == "" and case.number("q_mean") < case.number("low"))
    if not low_there or not excess > max(OVERSTATED, OVERSTATED_SHARE * reported) or case.band is None:
        return ""
    low, high = (float(end) for end in case.band(calculated))
    # A map–model FSC far beyond the calculated value, too, needs another cause.
    if not low <= case.number("q_mean") <= high or case.number("map_model_fsc05") > FAR_FSC * calculated:
        return ""
    band = f"Q {case.number('q_mean'):.3f} lies in the band at that value, {low:.3f} to {high:.3f}"
    return f"half maps correlate to {calculated:.2f} Å, not {reported:.2f} Å (FSC 0.143); {band}"


def disagreement(case: Case) -> str:
    """The map–model FSC falls to 0.5 far before the stated resolution, and the model overlaps the map partly.

    Atoms off the density score as at random places, atoms in blurred density less than expected but more than that:
    a lower quartile of atoms above chance says that the overlap is whole.
    """
    quartile, reported = case.number("q_p25"), case.number("resolution")
    if not case.is_low or not case.fsc_ratio >= FAR_FSC or case.above_chance(quartile) > CHANCE_SD:
        return ""
    far = f"{case.number('map_model_fsc05'):.2f} Å, {case.fsc_ratio:.1f} times the reported {reported:.2f} Å"
    overlap = f"; a quarter of the atoms score {quartile:.3f} or less, no better than chance"
    return f"map–model FSC 0.5 at {far}" + overlap * (case.above_chance(quartile) <= CHANCE_SD)


def under_resolved(case: Case) -> str:
    """Low all over, in its frame, above chance, in agreement with the map: every other cause was measured."""
    if not case.is_low or unmeasured(case) or not case.number("frac_outside") < OUTSIDE:
        return ""
    regions = "no region" if case.number("n_regions") == 0 else "no region that carries it"
    above = f"{case.above_chance(case.q_inside):.0f} SD above chance"
    fsc05 = f"map–model FSC 0.5 at {case.number('map_model_fsc05'):.2f} Å"
    better = "no frame that carries it" if _frame(case) else "no better frame"
    return f"Q {case.number('q_mean'):.3f}, with {_expected(case)}: {regions}, {better}, {above}, {fsc05}"


def unmeasured(case: Case) -> list[str]:
    """What has to be known before a whole map can be called under-resolved, and is not."""
    known = {
        "atoms outside": case.number("frac_outside"),
        "chance level": case.above_chance(case.q_inside),
        "frame": case.number("decoys") if case.number("decoys") > 0 else math.nan,
        "regions": case.number("n_regions"),
        "map–model FSC": case.fsc_ratio,
    }
    return [name for name, value in known.items() if math.isnan(value)]


def unexplained(case: Case) -> str:
    """What a flag rests on, and what was not measured."""
    missing = unmeasured(case) if case.is_low else []
    said = f"Q {case.number('q_mean'):.3f}, with {_expected(case)}"
    return f"{said}; not measured: {', '.join(missing)}" if missing else said


def _expected(case: Case) -> str:
    return f"{case.number('expected_q'):.3f} expected at {case.number('resolution'):.2f} Å"


FRAME, NO_BETTER, OUTSIDE_MAP, MASK = "frame", "no better than chance", "outside map", "tight mask"
DISAGREEMENT, PARTLY, OVER_STATED = "map–model disagreement", "partly under-resolved", "over-stated resolution"
UNDER_RESOLVED, UNEXPLAINED = "under-resolved", "unexplained"
RULES = (
    (FRAME, frame),
    (NO_BETTER, chance),
    (OUTSIDE_MAP, outside_map),
    (MASK, tight_mask),
    (DISAGREEMENT, nowhere_fitting),
    (PARTLY, partly),
    (OVER_STATED, overstated),
    (DISAGREEMENT, disagreement),
    (UNDER_RESOLVED, under_resolved),
)
CAUSES = (*dict.fromkeys(name for name, _ in RULES), UNEXPLAINED)
"""The closed list."""


def cause_of(row: Mapping, band: Callable[[float], tuple[float, float]] | None = None) -> tuple[str, str]:
    """The cause of an entry and a sentence with the numbers it rests on.

    Parameters
    ----------
    row : mapping
        Columns of `layouts.FLAGS`; None, NaN or no key where nothing was measured.
    band : callable, optional
        Resolution (Å) → lower and upper end of the 95 % band of Q there. Without it no resolution is called
        over-stated.

    Returns
    -------
    cause, evidence : str
        The cause is one of `CAUSES`, with evidence; both are empty for an entry that is not flagged and shows none.
        Evidence without a cause: a frame that carries too little of the deficit of an entry below the band.
    """
    case = Case(row, band)
    found = ((name, evidence) for name, rule in RULES if (evidence := rule(case)))
    rest = (UNEXPLAINED, unexplained(case)) if case.text("flag") else ("", "")
    cause, evidence = next(found, rest)
    return cause, "; ".join(filter(None, (evidence, lesser_frame(case))))
