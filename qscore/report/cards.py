"""The headline numbers of the page, each with its uncertainty where it has one."""

from __future__ import annotations

from collections import Counter

from qscore.report import parts
from qscore.report.words import count, fixed, percent


def cards(rows: list, scored: list, fit: dict, catalogue: dict, words: dict) -> list[tuple[str, str, str]]:
    """Headline numbers: value, what it is, tone.

    Parameters
    ----------
    rows, scored : list of dict
        Of the entries table; the scored ones with their verdicts.
    fit, catalogue : dict
        Content of ``expected_q.json`` and ``catalogue.json``.
    words : dict
        Of `parts.score_words`.
    """
    flags = Counter(row["flag"] for row in scored)
    return [
        (count(len(rows)), f"{'pair' if len(rows) == 1 else 'pairs'} of map and model", ""),
        (count(len(scored)), words["scored"], ""),
        (count(len(rows) - len(scored)), words["unscored"], ""),
        (count(catalogue.get("n_excluded")), "left out by the catalogue", ""),
        (count(fit["fits"]["all"]["n"]), "in the fit", ""),
        *_line_cards(fit),
        (count(flags["low"]), "flagged low", "low"),
        (count(flags["high"]), "flagged high", "high"),
    ]


def _line_cards(fit: dict) -> list[tuple[str, str, str]]:
    """Slope and R² of the line, with their errors; none without a line."""
    fitted = parts.lines(fit["fits"])["all"]
    line, redrawn = fitted["line"], fitted["redrawn"]
    if not line:
        return []
    error = redrawn["slope"]["se"] if redrawn else line["slope_se"]
    how = redrawn["how"] if redrawn else "of independent entries"
    slope = f"{fixed(line['slope'], 4)} ± {fixed(error, 4)}"
    ends = redrawn and redrawn.get("r_squared")
    within = f", 95\N{NO-BREAK SPACE}% {fixed(ends['low'], 2)} to {fixed(ends['high'], 2)}" if ends else ""
    return [
        (slope, f"slope ± standard error {how}, Q\N{NO-BREAK SPACE}per\N{NO-BREAK SPACE}Å", "line wide"),
        (fixed(line["r_squared"], 2), f"R² of the line{within}", "line"),
    ]


def beyond_cards(outside: dict) -> list[tuple[str, str, str]]:
    """How many lie below and above the band, with their share and what is expected."""
    sides = ((side, where, outside[side]) for side, where in (("low", "below"), ("high", "above")))
    return [
        (
            count(found["n"]),
            f"{where} the 95\N{NO-BREAK SPACE}% band ({percent(found['share'])}, expected 2.5\N{NO-BREAK SPACE}%)",
            side,
        )
        for side, where, found in sides
    ]
