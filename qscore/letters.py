"""Text of strangers where people read it: what would steer a terminal or turn the writing round is made visible."""

from __future__ import annotations

import logging
from unicodedata import category

STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of control, format (directions of writing among them) and half characters, and line ends."""


def visible(text: str) -> str:
    """One line of text with an escape, as ``\\u202e``, for each character that steers instead of being seen."""
    if text.isprintable():
        return text
    return "".join(_escape(letter) if category(letter) in STEERING else letter for letter in text)


def visible_lines(text: str) -> str:
    """As `visible`, of text whose lines are meant."""
    return "\n".join(map(visible, text.split("\n")))


def is_no_text(text: str) -> bool:
    """Whether text holds bytes that were no UTF-8: it can be neither written nor asked."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")


class _Formatter(logging.Formatter):
    """Messages as they are, in visible letters."""

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record."""
        return visible_lines(super().format(record))


def handler() -> logging.Handler:
    """What writes a log to standard error, in visible letters."""
    made = logging.StreamHandler()
    made.setFormatter(_Formatter())
    return made
