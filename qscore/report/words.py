"""Numbers, nouns and text of strangers as the page shows them."""

from __future__ import annotations

import math
import re

MOST_LETTERS = 200
_TOGETHER = re.compile(r"(?<=σ) (?=[=\d])|(?<==) (?=\d)|(?<=\d) (?=[Å%])|(?<=Q) (?=per Å)|(?<=per) (?=Å)")
_CUT_OFF = re.compile(r"FSC (0\.\d+) CUT-OFF")
_HUMP = re.compile(r"\b[a-z]+(?:[A-Z][a-z]+)+\b")
_MINUS = re.compile(r"(?<![^\s(=;,:±])-(?=\.?\d)")


def fixed(value, digits: int = 3) -> str:
    """A number with so many decimals and a real minus sign; "–" when there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if not text.strip("-0.") else text.replace("-", "−")


def count(value) -> str:
    """A whole number with thousands separated; "–" when there is none."""
    return "–" if value is None else f"{value:,}"


def number(value, one: str, more: str) -> str:
    """A count with its noun: "1 pair", "2 pairs"; "–" when there is none."""
    return f"{count(value)} {one if value == 1 else more}"


def percent(share) -> str:
    """A share in per cent with one decimal, not to be broken across lines; "–" when there is none."""
    return "–" if share is None or not math.isfinite(share) else f"{fixed(100 * share, 1)}\N{NO-BREAK SPACE}%"


def percentile(share) -> str:
    """As `percent`, but the ends say that they are ends: no entry lies at 0 or at 100 %."""
    if share is None or not math.isfinite(share):
        return "–"
    side = "below" if share < 0.001 else "above" if share > 0.999 else ""
    return f"{side} {percent(min(max(share, 0.001), 0.999))}".lstrip().replace(" ", "\N{NO-BREAK SPACE}")


def small_number(value) -> str:
    """A probability: three decimals, or a power of ten where it is smaller; "–" when there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "<\N{NO-BREAK SPACE}10⁻³⁰⁰"  # what is too small for a floating-point number
    if value >= 0.001:
        return fixed(value)
    digits, _, power = f"{value:.0e}".partition("e")
    return f"{digits}·10⁻{str(-int(power)).translate(str.maketrans('0123456789', '⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def short(text) -> str:
    """Text of an archive on one line, at most `MOST_LETTERS` letters, without control characters."""
    text = "".join(letter for letter in " ".join(str(text or "").split()) if letter.isprintable())
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"


def signed(text) -> str:
    """Text of the project's own as it is set: real minus signs before numbers, numbers and units on one line.

    Ids, ranges and dates keep their hyphens.
    """
    return _TOGETHER.sub("\N{NO-BREAK SPACE}", _MINUS.sub("−", str(text or "")))


def plain(text) -> str:
    """The archive's names of methods and criteria as words: "single particle", "FSC at 0.143"."""
    text = _CUT_OFF.sub(r"FSC at \1", str(text or ""))
    return _HUMP.sub(lambda found: re.sub("[A-Z]", lambda letter: f" {letter[0].lower()}", found[0]), text)
