"""What a scored pair, two models compared and work under way look like on a terminal (owns rich)."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from textwrap import fill

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table
from rich.text import Text

from qscore import otherscores
from qscore.aggregate import suffix
from qscore.letters import visible, visible_lines

MINUTE = 60.0
MOST_CHAINS = 24
MOST_NAMED = 8  # residues of a kind
MOST_TABLES = 4  # atoms shown with a table each
_log = logging.getLogger("qscore")
_WHY = {
    "outside": "centre outside the map",
    "constant": "map constant around them",
    "not_finite": "map not a number there",
}


class Visible(Console):
    """A console that shows what is printed, in tables too, and is steered by nothing in it."""

    def render_str(self, text: str, **options) -> Text:
        """Text as it is shown; see `Console.render_str`."""
        return super().render_str(visible_lines(text), **options)


def console(stream=None) -> Console:
    """A console of a readable width where there is no terminal."""
    stream = stream or sys.stdout
    return Visible(file=stream, highlight=False, emoji=False, soft_wrap=True, width=None if stream.isatty() else 120)


@contextmanager
def progress(what: str, *, clock=time.monotonic):
    """A bar on a terminal, elsewhere a line in the log every minute; yields a callable (done, total, label)."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task, due = bar.add_task(what, total=None), clock() + MINUTE

        def advance(done: int, total: int, label: str) -> None:
            nonlocal due
            bar.update(task, completed=done, total=total, description=f"{what}: {escape(visible(label))}")
            if bar.disable and clock() >= due:
                due = clock() + MINUTE
                _log.info("%s: %s of %s", what, f"{done:,}", f"{total:,}")

        yield advance


@contextmanager
def download(name: str):
    """Bytes, rate and time left on a terminal, nothing elsewhere; yields a callable (done, total or None), in bytes."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    shown = sys.stderr.isatty()
    with Progress(
        *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True, disable=not shown
    ) as bar:
        task, last = bar.add_task(escape(visible(name)), total=None), -1

        def advance(done: int, total: int | None) -> None:
            nonlocal last
            if last < 0 or done < last:  # what an earlier run brought, or a new beginning, tells nothing of the rate
                bar.reset(task, total=total, completed=done)
            else:
                bar.update(task, total=total, completed=done)
            last = done

        yield advance


def print_pair(summary: dict, hints=()) -> None:
    """The short table of `qscore score`."""
    out = console()
    model, density = escape(summary["model"]["file"]), escape(summary["map"]["file"])
    out.print(f"[bold]{model}[/] in [bold]{density}[/]", markup=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)
    for heading in ("atoms", "scored"):
        table.add_column(heading, justify="right", no_wrap=True)
    expected = _by_kind(summary.get("expected", []))
    for sigma in summary["sigmas"]:
        table.add_column(f"Q (σ {sigma:g})", justify="right", no_wrap=True)
        if expected:
            table.add_column("expected", justify="right", no_wrap=True)
    for name, kind, group in _rows(summary):
        table.add_row(escape(name), *_cells(kind, group, summary["sigmas"], expected))
    out.print(table)
    for line in (*otherscores.lines(summary), *_remarks(summary), *hints):
        out.print(line, markup=False)
    if "verdict" in summary:
        out.print()
        out.print(fill(summary["verdict"]["sentence"], min(out.width, 120), break_on_hyphens=False), markup=False)


def _rows(summary: dict):
    """Name, kind for the expectation, and statistics of each line of the table."""
    sigmas, end = summary["sigmas"], suffix(summary["sigmas"][0])
    solute = [group for kind, group in summary["classes"].items() if kind != "water"]
    whole = {key: sum(group[key] for group in solute) for key in ("n_atoms", "n_scored")}
    yield (
        "entry (no waters, unscored 0)",
        "all",
        whole | {f"q{suffix(s)}": summary[f"q_mean{suffix(s)}"] for s in sigmas},
    )
    yield "scored atoms (no waters)", None, whole | {f"q{suffix(s)}": summary[f"q_scored{suffix(s)}"] for s in sigmas}
    every = {"n_atoms": summary["n_atoms"], "n_scored": summary["n_scored"]}
    yield "all atoms (unscored 0)", None, every | {f"q{suffix(s)}": summary[f"q_all{suffix(s)}"] for s in sigmas}
    for kind, group in summary["classes"].items():
        yield kind, kind, _scored(group, sigmas)
    for part in ("backbone", "side_chain"):
        if summary[f"q_{part}{end}"] == summary[f"q_{part}{end}"]:
            yield part.replace("_", " "), None, {f"q{end}": summary[f"q_{part}{end}"]}
    chains = list(summary["chains"].items())
    for chain, group in chains[:MOST_CHAINS]:
        yield f"chain {chain}", None, _scored(group, sigmas)
    if len(chains) > MOST_CHAINS:
        yield f"… and {len(chains) - MOST_CHAINS} more chains", None, {}


def _scored(group: dict, sigmas) -> dict:
    return group | {f"q{suffix(s)}": group[f"q_scored{suffix(s)}"] for s in sigmas}


def _by_kind(expected: list[dict]) -> dict:
    """Expectations by kind and sigma; beside a curve, which has a source, those of equations are marked."""
    curve = any("source" in e for e in expected)
    return {(e["kind"], e["sigma"]): e | {"mark": "*" * (curve and "source" not in e)} for e in expected}


def _cells(kind, group: dict, sigmas, expected: dict):
    for key in ("n_atoms", "n_scored"):
        yield f"{group[key]:,}" if group.get(key) is not None else ""
    for sigma in sigmas:
        yield _number(group.get(f"q{suffix(sigma)}"))
        if expected:
            yield _expectation(expected.get((kind, sigma)))


def _expectation(found: dict | None) -> str:
    if found is None:
        return ""
    low, high = _number(found["low"]), _number(found["high"])
    value = _number(found["expected"])
    return value and value + (f" ({low}–{high})" if low else "") + found.get("mark", "")


def _number(value) -> str:
    return "" if value is None or value != value else f"{value:.3f}"


def _expected_from(expected: list[dict], resolution: float) -> str:
    """One line on where the expected values come from."""
    used = [e for e in expected if e["expected"] == e["expected"]]
    if not used:
        return f"no equation for expected Q holds at {resolution:g} Å (they hold for 1.15–10 Å)"
    fitted = [
        f"of the entry by {e['equation']} (σ {e['sigma']:g}; {_short(e['source'])})" for e in used if "source" in e
    ]
    names = dict.fromkeys(f"{e['equation']} (σ {e['sigma']:g})" for e in used if "source" not in e)
    by = ["by " + ", ".join(names)] if names else []
    ranges = "hold 95 % of entries or are published bands" if fitted else "are published bands"
    if fitted and names:
        ranges += "; * published with MapQ and fitted to other, fewer entries than the curve: not to be read beside it"
    return f"expected at {resolution:g} Å {', '.join([*fitted, *by])}; ranges {ranges}"


def _short(source: str) -> str:
    """What a curve was fitted to and whose they are; the summary has the rest."""
    return "; ".join(source.split("; ")[:2])


def _remarks(summary: dict):
    if summary["n_scored"] < summary["n_atoms"]:
        yield "classes, backbone, side chain and chains: means over scored atoms"
    for why, count in summary["n_unscored"].items():
        if count:
            yield f"not scored: {count:,} atoms, {_WHY[why]}"
    for key, what in (
        ("n_altloc", "alternate locations left out"),
        ("n_zero_occupancy", "scored atoms of zero occupancy"),
    ):
        if summary[key]:
            yield f"{summary[key]:,} {what}"
    if summary["tight_mask"]:
        near = f"{summary['mask_distance']:.1f} Å"
        yield f"tight mask: 1 % of the atoms lie within {near} of exactly constant map; Q is an upper bound"
    if summary["n_protein"] + summary["n_nucleic"] == 0:
        yield "no protein or nucleic acid"
    if "expected" in summary:
        yield _expected_from(summary["expected"], summary["resolution"])
    yield from summary["map"]["notes"]


# ---- two models ----


def print_comparison(summary: dict) -> None:
    """The short tables of `qscore compare`."""
    out = console()
    out.print(f"before  [bold]{escape(summary['before']['file'])}[/]", markup=True)
    out.print(f"after   [bold]{escape(summary['after']['file'])}[/]   in {escape(summary['map']['file'])}", markup=True)
    out.print(_changes(summary))
    for key, what in (("gains", "largest gains"), ("losses", "largest losses")):
        if summary[key]:
            out.print()
            out.print(_residues(summary[key], what))
    out.print()
    for line in _compared(summary):
        out.print(line, markup=False)


def _columns(first: str, *headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _changes(summary: dict) -> Table:
    """The entry and its chains."""
    table = _columns("Q (σ 0.4)", "before", "after", "change", "residues", "median", "better", "worse")
    whole = {f"q_{when}": summary[when]["q_mean"] for when in ("before", "after")}
    entry = whole | {"difference": summary["difference"]} | summary["residues"]
    chains = [(f"chain {name}", chain) for name, chain in summary["chains"].items()]
    for name, row in (("entry (no waters, unscored 0)", entry), *chains[:MOST_CHAINS]):
        counts = (f"{row[key]:,}" for key in ("n_better", "n_worse"))
        values = (_number(row["q_before"]), _number(row["q_after"]), _signed(row["difference"]))
        table.add_row(escape(name), *values, f"{row['n_compared']:,}", _signed(row["median_difference"]), *counts)
    if len(chains) > MOST_CHAINS:
        table.add_row(f"… and {len(chains) - MOST_CHAINS} more chains")
    return table


def _residues(rows: list[dict], what: str) -> Table:
    table = _columns(what, "before", "after", "change")
    for row in rows:
        name = f"{row['chain']} {row['number']}{row['icode']} {row['residue_after']}"
        table.add_row(escape(name), _number(row["q_before"]), _number(row["q_after"]), _signed(row["difference"]))
    return table


def _signed(value: float) -> str:
    return "" if value != value else f"{value:+.3f}"


def _compared(summary: dict):
    """Lines beneath the tables of two models."""
    residues, expected = summary["residues"], summary["expected"]
    yield f"better, worse: Q of the residue changes by more than {summary['threshold']:g}; waters are not compared"
    if expected is not None:
        yield _expected_here(expected, summary["resolution"])
    for key, what in (
        ("renamed", "residue name differs"),
        ("only_before", f"only in {summary['before']['file']}"),
        ("only_after", f"only in {summary['after']['file']}"),
    ):
        if summary[key]:
            more = ", …" if len(summary[key]) > MOST_NAMED else ""
            yield f"{what}: {len(summary[key]):,} ({', '.join(summary[key][:MOST_NAMED])}{more})"
    if residues["n_other_atoms"]:
        yield f"{residues['n_other_atoms']:,} residues have other atoms in one model; each Q is the mean of its own"
    if summary.get("contour_level") is not None:
        yield f"contour level {summary['contour_level']:g}, kept in the summary"
    yield from summary["remarks"]


def _expected_here(expected: dict, resolution: float) -> str:
    if expected["expected"] != expected["expected"]:
        return _expected_from([expected], resolution)
    return f"expected of an entry: {_expectation(expected)}; " + _expected_from([expected], resolution)


# ---- profiles of atoms ----


def print_profiles(found, names: dict) -> None:
    """What `qscore profile` prints: a few atoms each as a table, more of them, or types, a line each."""
    out = console()
    out.print(f"[bold]{escape(names['model'])}[/] in [bold]{escape(names['map'])}[/]", markup=True)
    if found.about[0].get("atom") and len(found) <= MOST_TABLES:
        for k in range(len(found)):
            out.print()
            out.print(_one_profile(found, k))
    else:
        out.print(_profile_lines(found))
    out.print(f"reference: a + b exp(-R² / 2σ²), σ {found.sigma:g} Å, fitted to the points of all radii", markup=False)


def _one_profile(found, k: int) -> Table:
    about = found.about[k]
    name = f"{about['residue']} {about['name']}   Q {_number(found.q[k]) or 'not scored'}"
    table = _columns(escape(name), "map", "SD", "points", "reference")
    for shell in range(0, len(found.radii), 2):
        values = (_digits(column[k, shell]) for column in (found.mean, found.sd))
        reference = _digits(found.reference[k, shell])
        table.add_row(f"{found.radii[shell]:.1f} Å", *values, f"{found.n[k, shell]}", reference)
    return table


def _profile_lines(found) -> Table:
    """Q and the mean of the map at every fifth radius."""
    atoms, shells = bool(found.about[0].get("atom")), range(0, len(found.radii), 5)
    headings = (*(() if atoms else ("atoms",)), "Q", *(f"map, {found.radii[shell]:.1f} Å" for shell in shells))
    table = _columns("", *headings)
    for k, about in enumerate(found.about):
        name = f"{about['residue']} {about['name']}" if atoms else about["name"]
        counts = () if atoms else (f"{about['n_atoms']:,}",)
        values = (_digits(found.mean[k, shell]) for shell in shells)
        table.add_row(escape(name), *counts, _number(found.q[k]), *values)
    return table


def _digits(value: float) -> str:
    return "" if value != value else f"{value:.3g}"
