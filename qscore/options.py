"""Kinds of values that options take: lengths within reason, levels, files that can be read again."""

from __future__ import annotations

from pathlib import Path

import click

from qscore.resolutions import COARSEST, FINEST, number
from qscore.stored import is_endless

MOST_THREADS = 256
"""More are never faster here, and each takes memory of its own."""


class Positive(click.ParamType):
    """A number of some unit between two bounds; anything else is bad input (exit 1), not wrong usage."""

    name = "number"

    def __init__(self, unit: str = "Å", low: float = FINEST, high: float = COARSEST):
        self.unit, self.low, self.high = unit, low, high

    def convert(self, value, param, ctx):
        found = number(value)
        if found is None or found <= 0:
            raise ValueError(f"{param.opts[0]} {value}: not a positive number of {self.unit}")
        if not self.low <= found <= self.high:
            raise ValueError(f"{param.opts[0]} {value}: expected between {self.low:g} and {self.high:g} {self.unit}")
        return found


class Level(click.ParamType):
    """A number of single precision; anything else is bad input (exit 1)."""

    name = "number"

    def convert(self, value, param, ctx):
        found = number(value)
        if found is None or not abs(found) < 3.4e38:
            raise ValueError(f"{param.opts[0]} {value}: not a number")
        return found


class Stored(click.Path):
    """A path to what can be read more than once: no pipe and no device, which would wait or never end."""

    def convert(self, value, param, ctx):
        path = super().convert(value, param, ctx)
        if is_endless(path):
            self.fail(f"'{path}' is a pipe or a device: expected a file.", param, ctx)
        return path


POSITIVE = Positive()
THREADS = click.IntRange(1, MOST_THREADS)
EXISTING = Stored(exists=True, path_type=Path)
FILE = Stored(exists=True, dir_okay=False, path_type=Path)
