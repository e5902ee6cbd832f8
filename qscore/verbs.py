"""The commands that look after a survey: doctor, progress, failures."""

from __future__ import annotations

import time
from pathlib import Path

import click

from qscore.options import FILE

RESULTS = click.Path(path_type=Path)


@click.command()
@click.option("--config", type=FILE, help="Configuration of the survey.  [default: the archives themselves]")
@click.option("--results", type=RESULTS, help="Results folder, instead of the configuration's.")
@click.option(
    "--patience", type=click.FloatRange(0), default=20.0, show_default=True, help="Seconds to wait for a silent server."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def doctor(config, results, patience, as_json):
    """Can a survey start? Asks each server of the configuration a little, and looks at this machine.

    Each answer agrees with what is expected, differs, or its server is unreachable. Arrows say what was not known
    before and what a survey does about it.

    \b
    Example: qscore doctor --config config/emdb.yaml
    Exit status: 0 a survey can start; 1 what it needs differs; 75 a server it needs is unreachable.
    """
    from qscore import board, premises, run, verdicts
    from qscore import doctor as stage

    workflow = run.find_workflow() if config else Path.cwd()
    content = run.read_config(config, workflow) if config else {}
    where = stage.servers(content, workflow)
    folder = results or workflow / content.get("results", "results")
    say = (lambda probe: None) if as_json else board.print_probe
    probes = []
    for probe in _all_probes(premises.conditions(folder), where, patience, content):
        say(probe)
        probes.append(probe)
    code = verdicts.status(probes)
    if as_json:
        _print_json(board.examined(probes, code))
    else:
        board.print_outcome(code, servers=where is not None)
    raise click.exceptions.Exit(code)


def _all_probes(conditions, where, patience, content):
    """This machine, then the servers if there are any."""
    yield from conditions
    if where is None:
        return
    from qscore import doctor as stage
    from qscore.web import Manners, Web

    own = {key: value for key, value in (content.get("archive") or {}).items() if key in ("contact", "api_per_second")}
    manners = Manners(**own, connect_seconds=10.0, read_seconds=30.0, patience_seconds=patience)
    with Web(manners) as web:
        yield from stage.examine(web, where)


def _print_json(content) -> None:
    from qscore import tables

    click.echo(tables.as_json(content))


@click.command()
@click.argument("results", type=RESULTS)
@click.option(
    "--watch", type=click.FloatRange(1), metavar="SECONDS", help="Look again every so often, until it is done."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def progress(results, watch, as_json):
    """How far the survey in RESULTS is: done, failed, left, speed, time left, disk, and what runs now.

    Reads files alone; a running survey is not disturbed.

    \b
    Example: qscore progress results/emdb --watch 60
    """
    from dataclasses import asdict

    from qscore import board
    from qscore import progress as stage

    while True:
        found = stage.look(results)
        if as_json:
            _print_json(asdict(found))
        else:
            if watch:
                click.clear()
            board.print_progress(found)
        if not watch or not (found.left or found.running):
            return
        time.sleep(watch)


@click.command()
@click.argument("results", type=RESULTS)
@click.option("--reason", metavar="REASON", help="List the entries of this reason, with detail.")
@click.option(
    "--transient", is_flag=True, help="Print the batches with entries that may score another time, one a line."
)
@click.option(
    "--again",
    is_flag=True,
    help="Have the next run of the same `qscore run` command do these batches again (with --transient or --reason).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
def failures(results, reason, transient, again, as_json):
    """Which entries of the survey in RESULTS could not be scored, and why; while it runs, or afterwards.

    \b
    qscore failures results/emdb                           how many, by reason
    qscore failures results/emdb --reason time_limit       which, with detail
    qscore failures results/emdb --transient               batches to run again
    qscore failures results/emdb --transient --again       the survey's next run does them
    """
    from qscore import board
    from qscore import failures as stage

    if again and not (transient or reason):
        raise click.UsageError("--again needs --transient or --reason REASON")
    found = stage.read(results)
    entries = stage.chosen(found.entries, reason=stage.check_reason(reason) if reason else None, transient=transient)
    names = stage.batches(entries)
    if again:
        stage.again(results, names)
        click.echo(_again(len(names)), err=True)
    if as_json:
        _print_json(_failures(stage, found, entries, names, listed=bool(reason or transient)))
    elif transient or again:
        for name in names:
            click.echo(name)
    elif reason:
        board.print_entries(entries)
    else:
        board.print_failures(found, stage.counts(found.entries))


def _again(count: int) -> str:
    """What is to be done after batches were forgotten."""
    if not count:
        return "nothing to do again"
    which = "1 batch is" if count == 1 else f"{count:,} batches are"
    return f"{which} to be done again: the next run of the same `qscore run` command does it"


def _failures(stage, found, entries, names, *, listed) -> dict:
    content = {
        "scored": found.n_scored,
        "failed": len(found.entries),
        "reasons": stage.counts(found.entries),
        "unreadable": found.unreadable,
    }
    return content | ({"entries": entries, "batches": names} if listed else {})


COMMANDS = (doctor, progress, failures)
