"""Numbers, nouns and text of strangers as the page shows them."""

from __future__ import annotations

import math
import re

MOST_LETTERS = 200
_TOGETHER = re.compile(r"(?<=σ) (?=[=\d])|(?<==) (?=\d)|(?<=\d) (?=[Å%])|(?<=Q) (?=per Å)|(?<=per) (?=Å)")
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
