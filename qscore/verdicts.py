"""What a probe of the archives, or of this machine, has found: data, and what follows for a survey."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

AGREES, DIFFERS, UNREACHABLE = "agrees", "differs", "unreachable"


class Finding(NamedTuple):
    """A fact that was only inferred, and what the code does as it is so."""

    fact: str
    then: str


@dataclass(frozen=True)
class Probe:
    """One question and its answer.

    Attributes
    ----------
    number : int
        1 to 7 as the contract with the archives counts them; 0 for conditions
        of this machine.
    name : str
    verdict : str
        agrees, differs or unreachable.
    expected, came : str
    needed : bool
        Whether a survey needs it; of mirrors, which share a number, one will do.
    findings : tuple of Finding
    """

    number: int
    name: str
    verdict: str
    expected: str
    came: str
    needed: bool = False
    findings: tuple[Finding, ...] = ()


def verdict(agrees: bool) -> str:
    """One of the words."""
    return AGREES if agrees else DIFFERS


def status(probes: Iterable[Probe]) -> int:
    """Exit status: 0 when a survey can start, 75 when what it needs is unreachable, 1 when that differs.

    Of mirrors one that delivers is enough; without any, one that is
    unreachable may deliver on another day.
    """
    needed = sorted((probe for probe in probes if probe.needed), key=_kind)
    verdicts = [{probe.verdict for probe in group} for _, group in groupby(needed, key=_kind)]
    broken = [found for found in verdicts if AGREES not in found]
    if not broken:
        return 0
    return 1 if any(UNREACHABLE not in found for found in broken) else 75


def _kind(probe: Probe) -> tuple[int, str]:
    """Probes of this kind stand in for each other: conditions of the machine do not."""
    return probe.number, "" if probe.number else probe.name


def short(text, most: int = 100) -> str:
    """Whatever came, in one short line."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"
