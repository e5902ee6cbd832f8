"""Named parts of a survey: a rule on columns or a list of ids, decided before any Q is seen."""

from __future__ import annotations

import datetime
import json
import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property

from qscore import tables
from qscore.selection import FitRule

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
TAKEN = frozenset({"all", "apoferritin"})
WORDS = {
    "equals": "is",
    "in": "is one of",
    "contains": "contains",
    "below": "below",
    "at_most": "at most",
    "above": "above",
    "at_least": "at least",
    "present": "given",
}
_ASKED = {
    "equals": operator.eq,
    "in": lambda cell, values: cell in values,
    "contains": operator.contains,
    "below": operator.lt,
    "at_most": operator.le,
    "above": operator.gt,
    "at_least": operator.ge,
}
_ORDER = frozenset({"below", "at_most", "above", "at_least"})
# Columns that a scorer fills without a look at Q: what the files are and hold.
_OF_FILES = re.compile(
    r"emdb_id|pdb_id|n_(atoms|protein|nucleic|ligand|glycan|ion|water|hydrogen|altloc|named_h|floor_shared)"
    r"|voxel_[xyz]|grid|origin_rule|(map|model)_(bytes|sha256)"
)
_OTHERS = {column.name for column in tables.OTHER_SCORES}  # measured with the map, and blind to Q
_MEASURED = {name for name in tables.SCORED.names if not _OF_FILES.fullmatch(name) and name not in _OTHERS} | {
    "q_published",
    "published_source",
}
_NAMED_Q = re.compile(r"q|q[_\d].*|.*_q|q_?scores?|expected_q|residual|z_.*")


@dataclass(frozen=True)
class Condition:
    """One condition on a column.

    Attributes
    ----------
    column : str
    asked : str
        A key of `WORDS`; text compares without regard to case, dates as year-month-day.
    value : str, float, bool or tuple of them
        A tuple for "in"; for "present" whether the cell holds something.
    """

    column: str
    asked: str
    value: str | float | bool | tuple

    def holds(self, cell) -> bool:
        """Whether a cell meets it; an empty one meets only that it is not present."""
        if self.asked == "present":
            return (cell not in (None, "")) == self.value
        if cell is None:
            return False
        if not isinstance(cell, str):
            return bool(_ASKED[self.asked](cell, self.value))
        listed = tuple(_word(one).casefold() for one in self.values)
        return bool(_ASKED[self.asked](cell.casefold(), listed if self.asked == "in" else listed[0]))

    @property
    def values(self) -> tuple:
        return self.value if isinstance(self.value, tuple) else (self.value,)

    def text(self) -> str:
        """In words."""
        if self.asked == "present":
            return f"{self.column} {'given' if self.value else 'not given'}"
        return f"{self.column} {WORDS[self.asked]} {', '.join(map(_word, self.values))}"


def _word(value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Subset:
    """A named part of a survey: every condition holds and, where ids are listed, the pair is among them.

    Attributes
    ----------
    name : str
    conditions : tuple of Condition
    ids : tuple of str
        Of a map, of a model, or ``map/model``, in any case; empty: any pair.
    words : str
        The rule in words, where the conditions do not say it well.
    """

    name: str
    conditions: tuple[Condition, ...] = ()
    ids: tuple[str, ...] = ()
    words: str = ""

    @cached_property
    def _plain_ids(self) -> frozenset[str]:
        return frozenset(one.casefold() for one in self.ids)

    def takes(self, row: Mapping) -> bool:
        """Whether a row of the entries table belongs to it."""
        listed = not self.ids or not self._plain_ids.isdisjoint(_ids_of(row))
        return listed and all(condition.holds(row[condition.column]) for condition in self.conditions)

    def fit_rule(self, rule: FitRule) -> FitRule:
        """The rule of its line: what the subset says of method or criterion stands in place of the main rule's."""
        columns = {condition.column for condition in self.conditions}
        rule = replace(rule, methods=()) if "method" in columns else rule
        return replace(rule, criteria=()) if "resolution_method" in columns else rule

    def text(self) -> str:
        """The rule in words."""
        if self.words:
            return self.words
        listed = [f"listed by id ({len(self.ids)})"] if self.ids else []
        return "; ".join([*(condition.text() for condition in self.conditions), *listed])


# The subset of the survey itself: the catalogue keeps for each member the reason why it is one.
APOFERRITIN = Subset(
    "apoferritin",
    (Condition("apoferritin", "present", True),),
    words="apoferritin by UniProt, copies and symmetry, else by name; the reason is kept for each member",
)


def _ids_of(row: Mapping) -> set[str]:
    emdb, pdb = row["emdb_id"].casefold(), row["pdb_id"].casefold()
    return {emdb, pdb, f"{emdb}/{pdb}"}


def members(subset: Subset, rows: list[dict]) -> list[dict]:
    """The rows that belong to a subset.

    Raises
    ------
    ValueError
        The table lacks a column of the rule, or it holds another kind of value.
    """
    for condition in subset.conditions:
        _check_column(subset.name, condition, rows)
    return [row for row in rows if subset.takes(row)]


def ids_not_found(subset: Subset, rows: list[dict]) -> list[str]:
    """Ids of its list that no row has, as they are listed."""
    there = {one for row in rows for one in _ids_of(row)} if subset.ids else set()
    return [one for one in subset.ids if one.casefold() not in there]


def check_columns(subsets: tuple[Subset, ...], names: Iterable[str]) -> None:
    """Refuse conditions on columns that a survey's entries will not have, before anything is scored.

    Raises
    ------
    ValueError
    """
    names = list(names)
    for subset in subsets:
        for condition in subset.conditions:
            if condition.column not in names:
                near = get_close_matches(condition.column, names, 3, 0.5)
                hint = f"; near it: {', '.join(near)}" if near else ""
                raise ValueError(f"subset {subset.name}: no column {condition.column}{hint}")


def _check_column(name: str, condition: Condition, rows: list[dict]) -> None:
    if rows and condition.column not in rows[0]:
        raise ValueError(f"subset {name}: the table has no column {condition.column}")
    cell = next((row[condition.column] for row in rows if row[condition.column] is not None), None)
    if cell is not None and not _can_ask(condition, cell):
        holds = "text" if isinstance(cell, str) else "yes or no" if isinstance(cell, bool) else "numbers"
        raise ValueError(f"subset {name}: {condition.text()!r} cannot be asked of a column of {holds}")


def _can_ask(condition: Condition, cell) -> bool:
    """Whether a condition makes sense for a cell: text is compared with text, numbers with numbers."""
    if condition.asked == "present":
        return True
    text = any(isinstance(value, str) for value in condition.values)
    if isinstance(cell, str):
        return text or condition.asked not in _ORDER
    return not text and not (isinstance(cell, bool) and condition.asked in _ORDER)


# ---- configuration ----


def parse(config: Mapping | None) -> tuple[Subset, ...]:
    """The ``subsets`` of a configuration: name → conditions by column, and ``ids``.

    A condition is a value (equals) or a mapping of operators (`WORDS`) to
    values; all must hold.

    Raises
    ------
    ValueError
        A name, an operator or a value that cannot be; a column that is measured with Q.
    """
    if not isinstance(config or {}, Mapping):
        raise ValueError(f"subsets: expected a mapping of names to rules, not {_shown(config)}")
    return tuple(_subset(name, rule) for name, rule in (config or {}).items())


def from_json(text: str) -> tuple[Subset, ...]:
    """The same from JSON text, as a command line carries it; "" is none.

    Raises
    ------
    ValueError
        Not JSON; or as `parse`.
    """
    try:
        return parse(json.loads(text) if text.strip() else {})
    except RecursionError as err:
        raise ValueError("subsets: lists or mappings too deep in one another") from err
    except json.JSONDecodeError as err:
        raise ValueError(f"subsets: not JSON: {err}") from err


def _subset(name, rule) -> Subset:
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in TAKEN:
        raise ValueError(
            f"subset {_shown(name)}: a name is of a–z, 0–9 and _, at most 40, and not {' or '.join(sorted(TAKEN))}"
        )
    if not isinstance(rule, Mapping) or not rule:
        raise ValueError(f"subset {name}: expected conditions by column, or ids, not {_shown(rule)}")
    conditions = [
        condition for column, one in rule.items() if column != "ids" for condition in _conditions(name, column, one)
    ]
    return Subset(name, tuple(conditions), _ids(name, rule["ids"]) if "ids" in rule else ())


def _ids(name: str, listed) -> tuple[str, ...]:
    if not isinstance(listed, list) or not listed or not all(isinstance(one, str) and one.strip() for one in listed):
        raise ValueError(f"subset {name}: ids is a list of texts such as EMD-1234, 7abc or EMD-1234/7abc")
    return tuple(dict.fromkeys(one.strip() for one in listed))


def _conditions(name: str, column, rule) -> Iterable[Condition]:
    if not isinstance(column, str) or not column or not column.isprintable():
        raise ValueError(f"subset {name}: {_shown(column)} is no name of a column")
    if column in _MEASURED or _NAMED_Q.fullmatch(column.casefold()):
        raise ValueError(f"subset {name}: {column} is measured with Q; a subset is decided before any Q is seen")
    operators = rule if isinstance(rule, Mapping) else {"equals": rule}
    if not operators:
        raise ValueError(f"subset {name}: no condition on {column}")
    for asked, value in operators.items():
        if asked not in WORDS:
            raise ValueError(f"subset {name}: unknown operator {_shown(asked)}; expected {', '.join(WORDS)}")
        yield Condition(column, asked, _value(f"subset {name}: {column} {asked}", asked, value))


def _value(where: str, asked: str, value):
    """A value an operator can take; dates as text."""
    if asked == "in":
        if not isinstance(value, list) or not value:
            raise ValueError(f"{where}: expected a list, not {_shown(value)}")
        return tuple(_value(where, "equals", one) for one in value)
    value = value.isoformat() if isinstance(value, datetime.date) else value
    kinds = {"contains": (str,), "present": (bool,)}.get(asked, (str, int, float))
    if not isinstance(value, kinds) or value == "" or (asked in _ORDER and isinstance(value, bool)):
        expected = {"contains": "text", "present": "yes or no"}.get(asked, "a number or text")
        raise ValueError(f"{where}: expected {expected}, not {_shown(value)}")
    return value


def _shown(value) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:59] + "…"
