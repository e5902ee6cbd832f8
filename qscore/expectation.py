"""The command that says what Q is expected at a resolution, and at what resolution a Q is."""

from __future__ import annotations

import click

from qscore.layouts import FITTED_CLASSES
from qscore.single import POSITIVE, Level


@click.command("expected")
@click.argument("resolution", metavar="[Å]...", nargs=-1, type=POSITIVE)
@click.option("--class", "kind", type=click.Choice(["all", *FITTED_CLASSES]), default="all", show_default=True)
@click.option("--sigma", type=click.Choice(["0.4", "0.6"]), help="Width of the reference Gaussian, Å.  [default: 0.4]")
@click.option(
    "--equation",
    "given",
    metavar="NAME|FILE[:NAME]",
    help="A name of --list, or the expected_q.json of a fit.  [default: the shipped curve; of a class, MapQ's]",
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
    return facts | {"domain": list(equation.domain), "source": equation.source}


def _print(equation, found: dict, as_json: bool) -> None:
    if as_json:
        from qscore import tables

        click.echo(tables.as_json(_about(equation) | found))
        return
    for one in found["at"]:
        band = "" if one["low"] != one["low"] else f", low {one['low']:.3f}, high {one['high']:.3f}"
        click.echo(f"{one['resolution']:g} Å: expected Q {one['expected']:.3f}{band}")
    if "inverse" in found:
        click.echo(_inverse_text(found["inverse"]))
    click.echo(_source_text(equation))


def _inverse_text(found: dict) -> str:
    ends = [f"{end:.2f} Å" if end == end else "open" for end in (found["low"], found["high"])]
    held = "" if ends == ["open", "open"] else f"; within the band from {ends[0]} to {ends[1]}"
    return f"Q {found['q']:g} is expected at {found['resolution']:.2f} Å{held}" + "".join(
        f" ({one})" for one in found["reasons"]
    )


def _source_text(equation) -> str:
    who = "all atoms" if equation.kind == "all" else equation.kind
    return f"by {equation.name} ({equation.form}; {who}, σ {equation.sigma:g} Å; {_range(equation)}): {equation.source}"


def _range(equation) -> str:
    return f"{equation.domain[0]:g}–{equation.domain[1]:g} Å"


def _list(given: str | None, as_json: bool) -> None:
    """Every equation known by name, and those of a file."""
    from qscore import expected

    file = expected.split(given)[0] if given else None
    found = [expected.shipped(), *expected.KNOWN] if file is None else list(expected.load(file).values())
    if as_json:
        from qscore import tables

        click.echo(tables.as_json([_about(one) for one in found]))
        return
    width = max(len(one.name) for one in found)
    for one in found:
        says = one.source if one.form == "quantile curve" else f"{one.text()}  ({one.source})"
        click.echo(f"{one.name:<{width}}  σ {one.sigma:g}  {one.kind:<7}  {_range(one)}  {says}")


COMMANDS = (expected_q,)
