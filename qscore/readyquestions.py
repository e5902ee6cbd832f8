"""The ready questions of `qscore audit`: SQL with a head that says what it answers, by which rule, and what to mind.

A head is the comment lines a file begins with::

    -- Title, one line.
    -- Rule: which rows count.
    -- Columns: what they are.
    -- Mind: what the answer does not say.
    -- set least = 10: what the value means

Other lines continue the one before. Values stand in the SQL as ``$least``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from string import Template

FOLDER = Path(__file__).parent / "questions"
HEADS = ("Rule", "Columns", "Mind")
_VALUE = re.compile(r"set (\w+) = (\S+): (.+)")


@dataclass(frozen=True)
class Value:
    """A value that may be set: its name, default and meaning."""

    name: str
    default: float | int | str
    meaning: str


@dataclass(frozen=True)
class Question:
    """A ready question.

    Attributes
    ----------
    name, title : str
    rule, columns, mind : str
        Which rows count, what the columns are, what the answer does not say.
    values : tuple of Value
    text : str
        The file, head and SQL.
    """

    name: str
    title: str
    rule: str
    columns: str
    mind: str
    values: tuple[Value, ...]
    text: str

    def set(self, given: Iterable[str] = ()) -> dict[str, float | int | str]:
        """Defaults, with those given as ``name=value`` in their place.

        Raises
        ------
        ValueError
            A name is not one of the question's, or a value not of its kind.
        """
        chosen, known = parse(given), {value.name: value.default for value in self.values}
        if strange := sorted(set(chosen) - set(known)):
            has = ", ".join(known) or "none"
            raise ValueError(f"{self.name} has no value {', '.join(strange)}; it has {has}")
        for name, value in chosen.items():
            if isinstance(value, str) != isinstance(known[name], str):
                raise ValueError(f"{name}: expected {'text' if isinstance(known[name], str) else 'a number'}: {value}")
        return known | chosen

    def words(self, values: Mapping) -> dict[str, str]:
        """Rule, columns and what to mind, with values in place of their names."""
        parts = zip(HEADS, (self.rule, self.columns, self.mind), strict=True)
        return {part: Template(text).safe_substitute(values) for part, text in parts}


def parse(given: Iterable[str]) -> dict[str, float | int | str]:
    """``name=value`` → values: whole numbers, numbers, else text.

    Raises
    ------
    ValueError
        One is not of that form.
    """
    found = {}
    for one in given:
        name, sign, value = one.partition("=")
        if not sign or not name.strip().isidentifier():
            raise ValueError(f"expected name=value, got {one!r}")
        found[name.strip()] = _number(value.strip())
    return found


def _number(text: str) -> float | int | str:
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    return float(text) if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?", text, re.IGNORECASE) else text


def read(name: str, text: str) -> Question:
    """A file's text → question.

    Raises
    ------
    ValueError
        Its head lacks a part.
    """
    head: list[str] = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        words = line[2:].strip()
        if not head or words.startswith(tuple(f"{part}:" for part in HEADS)) or _VALUE.match(words):
            head.append(words)
        else:
            head[-1] += f" {words}"
    parts = {part: one.partition(":")[2].strip() for part in HEADS for one in head if one.startswith(f"{part}:")}
    if missing := [part for part in HEADS if not parts.get(part)]:
        raise ValueError(f"question {name} does not say: {', '.join(missing)}")
    found = [match for one in head if (match := _VALUE.match(one))]
    values = tuple(Value(match[1], _number(match[2]), match[3]) for match in found)
    return Question(name, head[0], parts["Rule"], parts["Columns"], parts["Mind"], values, text)


@cache
def questions() -> dict[str, Question]:
    """All ready questions by name, sorted."""
    return {path.stem: read(path.stem, path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.sql"))}


def question(name: str) -> Question:
    """A ready question.

    Raises
    ------
    ValueError
        None has that name; with the nearest ones.
    """
    known = questions()
    if name not in known:
        near = get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}?" if near else "see qscore audit --list"
        raise ValueError(f"no ready question {name!r}; {hint}")
    return known[name]
