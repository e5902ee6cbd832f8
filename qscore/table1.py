"""Rows for the table of data collection and refinement of a paper ("Table 1") from one scored pair."""

from __future__ import annotations

from qscore.dossier import Dossier, known
from qscore.tables import Column, Layout
from qscore.verdict import ordinal

LAYOUT = Layout(
    "table 1",
    (
        Column("item", "text", "what it is, as such tables name it"),
        Column("value", "text", "rounded as it is printed; empty where it was not measured"),
        Column("note", "text", "definition, or why it is empty"),
    ),
)
_DEFINED = {
    "cc_mask": "model–map correlation in the mask around the atoms, one B fitted",
    "cc_box": "model–map correlation over the whole map, one B fitted",
    "d_fsc05": "map masked around the atoms, one B fitted",
}


def rows(dossier: Dossier) -> list[dict[str, str]]:
    """Items in the order of such tables, each with its value as text and a note; the same for every pair.

    Parameters
    ----------
    dossier : Dossier
    """
    entry, why = dossier.entry, empty(dossier.entry.get("not_measured") or "")
    found = [
        ("Map resolution, as reported (Å)", _text(dossier.resolution, 2), ""),
        ("Model resolution at map–model FSC = 0.5 (Å)", *_measured("d_fsc05", entry, why, digits=2)),
        ("Correlation coefficient (CC_mask)", *_measured("cc_mask", entry, why, digits=2)),
        ("Correlation coefficient (CC_box)", *_measured("cc_box", entry, why, digits=2)),
        _inclusion(dossier, why),
        ("Q-score, mean", _text(entry.get("q_mean"), 3), "σ 0.4 Å; EMDB’s definition: no waters, unscored atoms as 0"),
        *_expected(dossier),
        ("Q-score, backbone", _text(entry.get("q_backbone"), 3), "scored atoms"),
        ("Q-score, side chains and bases", _text(entry.get("q_side_chain"), 3), "scored atoms"),
    ]
    return [dict(zip(LAYOUT.names, row, strict=True)) for row in found]


def empty(not_measured: str) -> dict[str, str]:
    """Column → why it is empty, from a ``not_measured`` of the entries table."""
    parts = (part.rpartition(": ") for part in filter(None, not_measured.split("; ")))
    return {column: reason for reason, _, columns in parts for column in columns.split(", ")}


def _measured(column: str, entry: dict, why: dict[str, str], *, digits: int) -> tuple[str, str]:
    value = known(entry.get(column))
    return (_text(value, digits), _DEFINED[column]) if value == value else ("", _why(column, why))


def _why(column: str, why: dict[str, str]) -> str:
    return f"not measured: {why.get(column, 'no reason told')}"


def _inclusion(dossier: Dossier, why: dict[str, str]) -> tuple[str, str, str]:
    share, level = known(dossier.entry.get("inclusion")), dossier.contour
    if share != share:
        return "Atom inclusion (%)", "", _why("inclusion", why)
    return "Atom inclusion (%)", _text(100 * share, 1), f"at contour level {level:g}; no waters"


def _expected(dossier: Dossier) -> list[tuple[str, str, str]]:
    told = {key: known(dossier.judged.get(key)) for key in ("expected_q", "low", "high", "percentile")}
    at = f"entries at {dossier.resolution:g} Å"
    if told["expected_q"] != told["expected_q"]:
        return [("Q-score expected at this resolution", "", "outside the resolutions of the curve")]
    band = f"{told['expected_q']:.3f} ({told['low']:.3f}–{told['high']:.3f})"
    found = [("Q-score expected at this resolution (95 % band)", band, f"median of {at}")]
    if told["percentile"] == told["percentile"]:
        found.append(("Percentile among entries of this resolution", ordinal(told["percentile"]), "of mean Q"))
    return found


def _text(value, digits: int) -> str:
    value = known(value)
    return f"{value:.{digits}f}" if value == value else ""


__all__ = ["LAYOUT", "empty", "rows"]
