"""The headline numbers of the page, each with its uncertainty where it has one."""

from __future__ import annotations

from collections import Counter

from qscore.report import parts
from qscore.report.words import count, fixed, percent


def cards(rows: list, scored: list, fit: dict, catalogue: dict, words: dict) -> list[tuple[str, str, str, str]]:
    """Headline numbers: value, what it is, tone, and the section that says more.

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
        (count(len(rows)), f"{'pair' if len(rows) == 1 else 'pairs'} of map and model", "", "explore"),
        (count(len(scored)), words["scored"], "", "explore"),
        (count(len(rows) - len(scored)), words["unscored"], "", "unscored"),
        (count(catalogue.get("n_excluded")), "left out by the catalogue", "", "excluded"),
        (count(fit["fits"]["all"]["n"]), "in the fit", "", "equations"),
        *_line_cards(fit),
        (count(flags["low"]), "flagged low", "low", "flagged"),
        (count(flags["high"]), "flagged high", "high", "flagged"),
    ]


def _line_cards(fit: dict) -> list[tuple[str, str, str, str]]:
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
    shape = _shape(fitted)
    return [
        (slope, f"slope ± standard error {how}, Q\N{NO-BREAK SPACE}per\N{NO-BREAK SPACE}Å", "line wide", "equations"),
        (fixed(line["r_squared"], 2), f"R² of the line{within}{shape}", "line wide" if shape else "line", "equations"),
    ]


def _shape(fitted: dict) -> str:
    """What the test of the line's shape found, where it speaks against the line."""
    wrong = fitted["shape"] and fitted["shape"]["wrong_shape"]
    return f"; {fitted['shape']['verdict']}: to say what Q to expect, cite the curve" if wrong else ""


def beyond_cards(outside: dict) -> list[tuple[str, str, str, str]]:
    """How many lie below and above the band, with their share and what is expected."""
    sides = ((side, where, outside[side]) for side, where in (("low", "below"), ("high", "above")))
    return [
        (
            count(found["n"]),
            f"{where} the 95\N{NO-BREAK SPACE}% band ({percent(found['share'])}, expected 2.5\N{NO-BREAK SPACE}%)",
            side,
            "outside",
        )
        for side, where, found in sides
    ]
