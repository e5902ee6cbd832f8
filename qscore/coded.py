"""Text columns as whole numbers: what is compared a hundred million times is compared as a number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Coded:
    """A column of text: its different values, and which of them each row has.

    Attributes
    ----------
    names : object array, shape (k,)
        The values, sorted; a missing one is None and sorts as "None".
    code : int array, shape (n,)
        Index into `names`.
    """

    names: np.ndarray
    code: np.ndarray

    def __len__(self) -> int:
        return len(self.code)

    def __getitem__(self, rows):
        """The text of one row, or of several as an object array."""
        return self.names[self.code[rows]]

    def at(self, rows) -> Coded:
        """The column of some rows, with the same names."""
        again = Coded(self.names, self.code[rows])
        again.__dict__["text"] = self.text  # made once
        return again

    @cached_property
    def text(self) -> np.ndarray:
        """The names as numpy text."""
        return self.names.astype("U")

    def among(self, values) -> np.ndarray:
        """Which rows have one of these values → bool (n,)."""
        return np.isin(self.text, values)[self.code]


def coded(column) -> Coded:
    """A column of text as `Coded`; one that is so already stays.

    Parameters
    ----------
    column : Coded or array of text, shape (n,)
    """
    if isinstance(column, Coded):
        return column
    names, code = np.unique(np.asarray(column).astype("U"), return_inverse=True)
    return Coded(names.astype(object), code)


def in_order(names: np.ndarray, code: np.ndarray) -> Coded:
    """Values in any order and the index of each row into them → `Coded`, whose names are sorted."""
    order = np.argsort(names.astype("U"), kind="stable")
    place = np.empty(len(names), np.int64)
    place[order] = np.arange(len(names))
    return Coded(names[order], place[code] if len(names) else np.empty(0, np.int64))
