"""The command that says what Q is expected at a resolution, and at what resolution a Q is."""

from __future__ import annotations

import math

import click

from qscore.layouts import FITTED_CLASSES
from qscore.options import POSITIVE, Level


@click.command("expected")
@click.argument("resolution", metavar="[Å]...", nargs=-1, type=POSITIVE)
@click.option(
    "--class",
    "kind",
    type=click.Choice(["all", *FITTED_CLASSES]),
    default="all",
    show_default=True,
    help="Class of atoms. MapQ has equations for protein, nucleic, ion and water; of ligand and glycan there are only "
    "fitted ones, in the expected_q.json of a survey with enough of them: --equation FILE.",
)
@click.option("--sigma", type=click.Choice(["0.4", "0.6"]), help="Width of the reference Gaussian, Å.  [default: 0.4]")
@click.option(
    "--equation",
    "given",
    metavar="NAME|FILE[:NAME]",
    help="A name of --list, or the expected_q.json of a fit: without NAME the curve that its entries are judged by.  "
    "[default: the shipped curve; of a class, MapQ's]",
)
@click.option("--q", type=Level(), metavar="Q", help="The inverse: the resolution at which this Q is expected.")
@click.option("--list", "listing", is_flag=True, help="List the equations, those of --equation FILE too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def expected_q(resolution, kind, sigma, given, q, listing, as_json):
    """Expected Q at resolutions, and the low and high ends of what is usual; or the inverse.

    Between low and high lie 95 % of the entries (of mapq-1.9.9 at σ 0.6 Å: 0.1 to either side).

    \b
    qscore expected 3.2
    qscore expected 2 3 4 --class protein
    qscore expected 3.2 --equation mapq-2.9.7
    qscore expected 3.2 --equation results/fit/expected_q.json
    qscore expected --q 0.55
    """
    from qscore import expected

    if listing:
        _list(given, as_json)
        return
    if not resolution and q is None:
        raise click.UsageError("Give a resolution, or --q Q, or --list.")
    equation = expected.find(given, kind=kind, sigma=None if sigma is None else float(sigma))
    found = {"at": [_at(equation, one) for one in resolution]}
    if q is not None:
        found["inverse"] = _inverse(equation, q)
    _print(equation, found, as_json)


def _at(equation, resolution: float) -> dict:
    """What is expected at a resolution; an error where nothing is."""
    low, high = equation.domain
    if not low <= resolution <= high:
        raise ValueError(f"{equation.name} holds for {low:g}–{high:g} Å and is not extrapolated to {resolution:g} Å")
    value = float(equation.expected(resolution))
    if value != value:
        raise ValueError(f"{equation.name} is below 0 at {resolution:g} Å: it says nothing there")
    ends = map(float, equation.band(resolution))
    clamped = equation.clamped(resolution)
    if clamped:
        click.echo(f"qscore: warning: {equation.name} is above 1 at {resolution:g} Å; 1 is said instead", err=True)
    return {
        "resolution": resolution,
        "expected": value,
        **dict(zip(("low", "high"), ends, strict=True)),
        "clamped": clamped,
    }


def _inverse(equation, q: float) -> dict:
    from dataclasses import asdict

    from qscore.expected import resolution_at

    found = resolution_at(equation, q)
    if found.resolution != found.resolution:
        raise ValueError(f"{equation.name}: {found.reasons[0]}")
    return {"q": q} | asdict(found) | {"reasons": list(found.reasons)}


def _about(equation) -> dict:
    facts = {"equation": equation.name, "form": equation.form, "class": equation.kind, "sigma": equation.sigma}
    return facts | {"x": equation.x, "domain": list(equation.domain), "source": equation.source} | _shifts(equation)


def _shifts(equation) -> dict:
    """What is added to a polynomial for its middle and the ends of its band; a curve has none."""
    there = {name: getattr(equation, name, math.nan) for name in ("peak", "low", "high")}
    return {name: shift for name, shift in there.items() if not math.isnan(shift)}


def _print(equation, found: dict, as_json: bool) -> None:
    if as_json:
        from qscore import tables

        click.echo(tables.as_json(_about(equation) | found))
        return
    from qscore.equations import said_of

    for one in found["at"]:
        band = "" if one["low"] != one["low"] else f", low {one['low']:.3f}, high {one['high']:.3f}"
        where = said_of(equation, f"{one['resolution']:g} Å")
        click.echo(f"{where}: expected Q {one['expected']:.3f}{band}")
    if "inverse" in found:
        click.echo(_inverse_text(equation, found["inverse"]))
    click.echo(_source_text(equation))


def _inverse_text(equation, found: dict) -> str:
    ends = [f"{end:.2f} Å" if end == end else "open" for end in (found["low"], found["high"])]
    held = "" if ends == ["open", "open"] else f"; within the band from {ends[0]} to {ends[1]}"
    from qscore.equations import said_of

    where = said_of(equation, f"{found['resolution']:.2f} Å").removeprefix("at ")
    return f"Q {found['q']:g} is expected at {where}{held}" + "".join(f" ({one})" for one in found["reasons"])


def _source_text(equation) -> str:
    who = "all atoms" if equation.kind == "all" else equation.kind
    return f"by {equation.name} ({equation.form}; {who}, σ {equation.sigma:g} Å; {_range(equation)}): {equation.source}"


def _range(equation) -> str:
    return f"{equation.domain[0]:g}–{equation.domain[1]:g} Å"


def _list(given: str | None, as_json: bool) -> None:
    """Every equation known by name, and those of a file."""
    from qscore import expected

    file = expected.split(given)[0] if given else None
    found = [expected.shipped(), *expected.KNOWN] if file is None else expected.listed(file)
    if as_json:
        from qscore import tables

        click.echo(tables.as_json([_about(one) for one in found]))
        return
    rows = _merged(found)
    width, wide = max(len(one.name) for one, _ in rows), max(len(sigmas) for _, sigmas in rows)
    for one, sigmas in rows:
        says = one.source if one.form == "quantile curve" else f"{_polynomial(one)}  ({one.source})"
        click.echo(f"{one.name:<{width}}  σ {sigmas:<{wide}}  {one.kind:<7}  {_range(one)}  {says}")
    for name in _chosen_by_sigma(rows):
        click.echo(f"{name} is another equation at each σ: --sigma chooses, without it the smaller")


def _merged(found: list) -> list[tuple]:
    """Equations with their sigmas in words: one that is the same at two sigmas stands once."""
    rows = {}
    for one in found:
        same = (one.name, getattr(one, "coefficients", None))
        rows.setdefault(same, (one, []))[1].append(one.sigma)
    return [(one, " and ".join(f"{sigma:g}" for sigma in sorted(sigmas))) for one, sigmas in rows.values()]


def _chosen_by_sigma(rows: list[tuple]) -> list[str]:
    names = [one.name for one, _ in rows]
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]


def _polynomial(equation) -> str:
    """The polynomial with what is added for its peak, and for the ends of its band, to the polynomial itself."""
    from qscore.equations import X_WORDS

    over = f" (R: {X_WORDS.get(equation.x, equation.x)})" if equation.x != "resolution" else ""
    shifts = {name: shift for name, shift in _shifts(equation).items() if shift}
    told = ", ".join(f"{name} {shift:+.4g}" for name, shift in shifts.items()).replace("-", "−")
    return f"{equation.text()}{over}{told and f'; {told}'}"


COMMANDS = (expected_q,)
