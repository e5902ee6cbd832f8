"""The scores beside Q, as a short block of text."""

from __future__ import annotations

_BLOCK = "realspace"
# What is shown of the entries table, by its columns: name for people, format, unit.
SHOWN = (
    ("avg_density_z", "average density", "{:.2f}", "map SD"),
    ("avg_density_solvent_z", "average density", "{:.2f}", "solvent SD"),
    ("frac_negative", "atoms in negative density", "{:.1%}", ""),
    ("frac_below_solvent", "atoms below the solvent's mode", "{:.1%}", ""),
    ("inclusion", "atom inclusion", "{:.1%}", ""),
    ("inclusion_backbone", "atom inclusion, backbone", "{:.1%}", ""),
    ("map_value", "average map value", "{:.3g}", "map units"),
    ("contrast", "contrast to 2 Å away", "{:.2f}", "solvent SD"),
    ("cc_mask", "CC_mask", "{:.3f}", ""),
    ("cc_box", "CC_box", "{:.3f}", ""),
    ("cc", "CC", "{:.3f}", ""),
    ("cc_mean", "CC about the mean", "{:.3f}", ""),
    ("b_sim", "B of the simulated map", "{:.0f}", "Å²"),
    ("d_fsc05", "map–model FSC = 0.5", "{:.2f}", "Å"),
)
SURROGATE = {"inclusion": "inclusion_surrogate", "inclusion_backbone": "inclusion_backbone_surrogate"}
_WIDTH = 58


def lines(summary: dict) -> list[str]:
    """The block of text; empty when the scores are not in the summary.

    Parameters
    ----------
    summary : dict
        Its ``realspace`` holds the columns of these scores in `tables.SCORED`.
    """
    scores = summary.get(_BLOCK)
    if not scores:
        return []
    cells = [f"{name:<36} {value}" for name, value in values(scores)]
    half = -(-len(cells) // 2)
    rows = [
        f"  {left:<{_WIDTH}}{right}".rstrip()
        for left, right in zip(cells[:half], [*cells[half:], ""][:half], strict=True)
    ]
    empty = "; ".join(reasons(scores.get("not_measured") or ""))
    missing = [f"  empty: {empty}"] if empty else []
    level = summary.get("contour_level")
    at = "" if level is None else f" (inclusion at contour level {level:g})"
    return [f"other scores{at}", *rows, *missing]


def values(scores: dict) -> list[tuple[str, str]]:
    """Name, and value with its unit, of each score that there is.

    Parameters
    ----------
    scores : dict
        Columns of the entries table.
    """
    return [told for shown in SHOWN if (told := _told(scores, *shown))]


def _told(scores: dict, column: str, name: str, form: str, unit: str) -> tuple[str, str] | None:
    """Name and value of a score; None when it is empty."""
    value = scores.get(column)
    if not _known(value) and _known(scores.get(SURROGATE.get(column))):
        value, name = scores[SURROGATE[column]], f"{name} (surrogate)"
    if not _known(value):
        return None
    return name, f"{form.format(value)} {unit}".replace("%", " %").rstrip()


def reasons(not_measured: str):
    """Names of the empty scores among those shown, with the reason; as it stands what is of another form."""
    names = {column: f"{name} ({unit})" if name == "average density" else name for column, name, _, unit in SHOWN}
    for part in filter(None, not_measured.split("; ")):
        reason, colon, columns = part.rpartition(": ")
        told = dict.fromkeys(names[column] for column in columns.split(", ") if column in names)
        if told or not colon:
            yield f"{', '.join(told)} ({reason})" if told else part


def _known(value) -> bool:
    return value is not None and value == value
