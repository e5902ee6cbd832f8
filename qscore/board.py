"""What doctor, progress, failures and audit print on a terminal (rich)."""

from __future__ import annotations

from dataclasses import asdict
from textwrap import fill

from rich.markup import escape
from rich.table import Table

from qscore.failures import Failures
from qscore.letters import visible
from qscore.pace import Rate
from qscore.progress import Begun, Progress
from qscore.show import console
from qscore.verdicts import AGREES, DIFFERS, Probe

MOST_BEGUN = 12
MOST_NAMES = 5
MOST_LETTERS = 60  # of a cell
MIRRORS = (3, 4, 6)  # numbers of probes that stand in for each other
_COLOUR = {AGREES: "green", DIFFERS: "yellow"}


def span(seconds: float | None) -> str:
    """A time in the two units that say most: 1 d 4 h, 3 h 5 min, 40 s."""
    if seconds is None:
        return "not known yet"
    left, parts = round(seconds), []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or parts or name == "s":
            parts.append((count, name))
    return " ".join(f"{count} {name}" for count, name in parts[:2] if count) or "0 s"


def size(count: float | None) -> str:
    """Bytes with three digits."""
    if count is None:
        return "unknown"
    for name, unit in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= unit:
            return f"{count / unit:.3g} {name}" if count < 1e3 * unit else f"{count / unit:,.0f} {name}"
    return f"{count:.0f} B"


# ---- doctor ----


def print_probe(probe: Probe) -> None:
    """One probe, as soon as it is answered, with what it settles."""
    out = console()
    colour = _COLOUR.get(probe.verdict, "red")
    said = {AGREES: f": {probe.came}", DIFFERS: f": expected {probe.expected}; came {probe.came}"}
    line = f"{escape(probe.name)}: [{colour}]{probe.verdict}[/]"
    out.print(line + escape(said.get(probe.verdict, f": {probe.came}")) + f"[bold]{_need(probe)}[/]")
    for finding in probe.findings:
        out.print(f"    {escape(finding.fact)} → {escape(finding.then)}")


def _need(probe: Probe) -> str:
    """How badly it is missed."""
    if probe.verdict == AGREES or not probe.needed:
        return ""
    return " (one of these is needed)" if probe.number in MIRRORS else " (needed)"


def print_outcome(code: int, *, servers: bool = True) -> None:
    """Whether a survey can start."""
    if not servers:
        console().print("this configuration needs no server")
    words = {
        0: "a survey can start",
        1: "a survey cannot start: something it needs is not as expected",
        75: "a survey cannot start now: a server it needs cannot be reached",
    }
    console().print(words[code], style="bold")


def examined(probes: list[Probe], code: int) -> dict:
    """The same for machines."""
    plain = [asdict(probe) | {"findings": [one._asdict() for one in probe.findings]} for probe in probes]
    return {"can_start": code == 0, "exit_code": code, "probes": plain}


# ---- progress ----


def print_progress(found: Progress) -> None:
    """A survey at one moment."""
    out = console()
    out.print(f"[bold]{escape(found.results)}[/]: {'a survey is running' if found.running else 'no survey is running'}")
    if found.stopped_by and not found.running:
        out.print(f"it stopped: {found.stopped_by}", markup=False)
    out.print(_counts(found))
    for line in _lines(found):
        out.print(line, markup=False)


def _counts(found: Progress) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for heading in ("pairs", "batches") if found.batches else ("pairs",):
        table.add_column(heading, justify="right", no_wrap=True)
    again = f" ({found.transient:,} may score another time)" if found.transient else ""
    for name, pairs, batches in (
        ("scored", found.scored, None),
        (f"failed{again}", found.failed, None),
        ("done", found.scored + found.failed, found.batches_done),
        ("left", found.left, found.batches - found.batches_done),
        ("all", found.pairs, found.batches),
    ):
        cells = (f"{pairs:,}", "" if batches is None else f"{batches:,}")
        table.add_row(name, *cells[: 2 if found.batches else 1])
    return table


def _lines(found: Progress):
    """What is known beside the counts; what is not known has no line."""
    if found.left and found.bytes_left is not None:
        how = " (estimated: maps gzipped to half)" if found.estimated else ""
        yield f"to fetch: {size(found.bytes_left)}{how}; fetched and scored: {size(found.bytes_done)}"
    rates = ((found.hour, "in the last hour"), (found.overall, "overall"))
    if known := [f"{_rate(one)} {when}" for one, when in rates if one.pairs_per_hour is not None]:
        yield f"rate: {', '.join(known)}"
    if found.left and found.seconds_left is not None:
        yield f"time left: {span(found.seconds_left)}"
    passing = [
        f"{size(found.disk[key])} {words}, "
        for key, words in (("fetched", "fetched"), ("parts", "half-fetched"))
        if found.disk[key]
    ]
    yield f"disk: {''.join(passing)}{size(found.disk['results'])} in the whole folder; {size(found.disk['free'])} free"
    yield from _now(found)


def _now(found: Progress):
    """What runs, and what is damaged."""
    if found.begun:
        yield "now:" if found.running else "begun, and to be gone on with:"
        yield from map(_begun, found.begun[:MOST_BEGUN])
        if len(found.begun) > MOST_BEGUN:
            yield f"  … and {len(found.begun) - MOST_BEGUN} more"
    if found.unreadable:
        names = ", ".join(found.unreadable[:MOST_NAMES])
        yield f"{len(found.unreadable)} batches have a table that cannot be read: {names}"


def _rate(one: Rate) -> str:
    speed = f"{_three(one.mb_per_second)} MB/s, " if one.mb_per_second is not None else ""
    return f"{speed}{_three(one.pairs_per_hour)} pairs/h"


def _three(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _begun(one: Begun) -> str:
    if one.pair is not None:
        return f"  {one.batch}: scoring, pair {one.pair} of {one.pairs}"
    waits = ", waits to be scored" if one.doing == "fetched" else ""
    return f"  {one.batch}: {one.doing} {one.pairs} pairs, {size(one.bytes)} here{waits}"


# ---- failures ----


def print_failures(found: Failures, counts: list[dict]) -> None:
    """Number of entries by reason, a line each: a table would be cut to the width of a page."""
    out = console()
    wide = max((len(row["reason"]) for row in counts), default=0)
    if counts:
        out.print(f"entries  {'reason':<{wide}}  stage", style="bold", markup=False)
    for row in counts:
        again = "; may score another time" if row["transient"] else ""
        line = f"{row['n']:>7,}  {row['reason']:<{wide}}  {row['stage']:<6} {row['words']}{again}"
        out.print(line, markup=False)
    out.print(f"{len(found.entries):,} failed, {found.n_scored:,} scored")
    if found.unreadable:
        names = ", ".join(found.unreadable[:MOST_NAMES])
        out.print(f"{len(found.unreadable)} batches have a table that cannot be read: {names}", markup=False)


def print_entries(entries: list[dict]) -> None:
    """Entries with batch and detail, one a line."""
    out = console()
    for row in entries:
        out.print(f"{row['emdb_id']} {row['pdb_id']}  {row['batch'] or '-'}  {row['detail'] or ''}", markup=False)


# ---- audit ----


def print_answer(columns: list[str], rows: list[tuple], total: int) -> None:
    """The first rows of an answer as far as the page is wide, and what is not shown."""
    out = console()
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    shown = max(1, sum(sum(widths[: k + 1]) + 2 * k <= out.width for k in range(len(widths))))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for k, name in enumerate(columns[:shown]):
        numbers = any(isinstance(row[k], (int, float)) for row in rows)
        table.add_column(escape(_one_line(name)), justify="right" if numbers else "left", no_wrap=True)
    for row in cells:
        table.add_row(*map(escape, row[:shown]))
    out.print(table)
    for line in _left_out(columns[shown:], len(rows), total):
        out.print(line, markup=False)


def _left_out(columns: list[str], rows: int, total: int):
    if columns:
        yield f"not shown for want of width: {', '.join(map(_one_line, columns))} (--out FILE writes them)"
    if rows < total:
        yield f"{rows:,} of {total:,} rows (--rows, or --out FILE for all)"
    else:
        yield f"{total:,} row{'' if total == 1 else 's'}"


def _cell(value) -> str:
    """A value in at most `MOST_LETTERS` letters; nothing for a missing one."""
    if value is None or value != value:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else _one_line(value)
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"


def _one_line(value) -> str:
    """Text on one line, its letters visible, as far as a cell could be wide."""
    return visible(" ".join(str(value)[: 20 * MOST_LETTERS].split()))


def print_questions(questions) -> None:
    """Names and titles of the ready questions, one a line."""
    wide = max((len(one.name) for one in questions), default=0)
    for one in questions:
        console().print(f"{one.name:<{wide}}  {one.title}", markup=False)


def print_question(title: str, words: dict[str, str]) -> None:
    """What a ready question answers, by which rule, before its answer."""
    out = console()
    out.print(title, style="bold", markup=False)
    for word, text in words.items():
        out.print(fill(f"{word}: {text}", min(out.width, 120), break_on_hyphens=False), markup=False)
    out.print()
