"""The `qscore` command: thin, and quick to start."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path

import click

from qscore import (
    __version__,
    checking,
    describing,
    doors,
    expectation,
    findings,
    inquiry,
    letters,
    runstate,
    single,
    stages,
    verbs,
)
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer, UnusableEntry
from qscore.options import FILE

ENVIRONMENT_BROKEN = 75


class Cores(click.ParamType):
    """A whole number of at least 1, or "all"."""

    name = "cores"

    def convert(self, value, param, ctx):
        if value != "all" and not (value.isdecimal() and int(value) > 0):
            self.fail(f"{value!r} is not a number of cores, nor 'all'", param, ctx)
        return value


class Sections(click.Group):
    """A group whose help lists what people use apart from the workflow's stages."""

    people = ("score", "check", "compare", "profile", "expected", "run", "progress", "failures", "audit", "columns")
    people += ("doctor", "demo")

    def format_commands(self, ctx, formatter):
        """Write both lists."""
        stages = [name for name in self.list_commands(ctx) if name not in self.people]
        for title, names in (("Commands", self.people), ("Stages of a survey, called by its workflow", stages)):
            with formatter.section(title):
                formatter.write_dl([(name, self.get_command(ctx, name).get_short_help_str(90)) for name in names])


HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=Sections, context_settings=HELP, invoke_without_command=True)
@click.version_option(__version__, prog_name="qscore")
@click.pass_context
def qscore(context):
    """How well are the atoms of cryo-EM models resolved? Scores one pair, or surveys the EMDB.

    \b
    qscore score map.mrc.gz model.cif --resolution 3.2    one pair
    qscore score EMD-30342 7cec                           one of EMDB's
    qscore compare map.mrc.gz before.cif after.cif        two models in one map
    qscore check map.mrc.gz model.cif --resolution 3.2    a page to read before deposition
    qscore audit --list                                   questions to a survey's tables
    qscore run                                            the survey of config/config.yaml
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@qscore.command("run")
@click.option(
    "--config",
    type=FILE,
    help="Configuration.  [default: config/config.yaml, the synthetic demo]",
)
@click.option(
    "--pairs",
    type=FILE,
    help="Table of one's own pairs (with config/pairs.yaml).",
)
@click.option("--results", type=click.Path(path_type=Path), help="Results folder, instead of the configuration's.")
@click.option("--cores", type=Cores(), default="all", show_default=True, help="Jobs at a time.")
@click.option("--dry-run", "-n", is_flag=True, help="Only say what would be done.")
@click.option("--update", is_flag=True, help="Ask the archive for its catalogue anew (source: emdb).")
@click.argument("snakemake_options", nargs=-1, type=click.UNPROCESSED)
def run_survey(config, pairs, results, cores, dry_run, update, snakemake_options):
    """Run a survey, or go on with one: finished batches are never done again.

    \b
    qscore run                                                     the synthetic demo
    qscore run --config config/pairs.yaml --pairs my/pairs.tsv     one's own pairs
    qscore run --config config/emdb.yaml                           the whole archive, or on with it
    qscore run --config config/emdb.yaml --update                  what was released since then
    Further Snakemake options come after --.
    """
    if update and dry_run:
        raise click.UsageError("--update changes the catalogue: not with --dry-run")
    from qscore import run

    workflow = run.find_workflow()
    config = config or workflow / "config" / "config.yaml"
    if pairs and config == workflow / "config" / "config.yaml":
        config = workflow / "config" / "pairs.yaml"
    content = run.read_config(config, workflow)
    run.check_pairs(content, pairs, workflow)
    chosen = (results or workflow / content["results"]).resolve()
    run.check_names(config, chosen, *filter(None, (pairs,)))
    if set("{}") & set(str(chosen)):
        raise ValueError(f"results folder {chosen}: braces in its name would be wildcards of the workflow")
    started = time.time()
    overrides = {"results": str(chosen)} | ({"pairs": str(pairs.resolve())} if pairs else {})
    snakemake = run.command(workflow, config, overrides, cores=cores, dry_run=dry_run, more=snakemake_options)
    before = partial(run.take_snapshot, content, chosen) if update else None
    code = run.run(chosen, snakemake, kind=run.kind(content), before=before)
    if code:
        for line in run.complaints(chosen, started):
            click.echo(f"qscore: {letters.visible(line)}", err=True)
        raise click.exceptions.Exit(code)
    if not dry_run and not snakemake_options:
        click.echo(f"{run.outcome(chosen)}\nreport: {chosen / 'report' / 'index.html'}")


for _command in (
    *single.COMMANDS,
    *checking.COMMANDS,
    *inquiry.COMMANDS,
    *describing.COMMANDS,
    *expectation.COMMANDS,
    *verbs.COMMANDS,
    *doors.COMMANDS,
    *stages.COMMANDS,
    *findings.COMMANDS,
):
    qscore.add_command(_command)
for _command in qscore.commands.values():
    _command.context_settings = HELP | _command.context_settings  # also where it is first asked without its group


def main(arguments=None) -> int:
    """Run the command; every error is one line on standard error.

    Returns
    -------
    int
        0; 1 for input that cannot be used; 2 for wrong usage; 75 when the
        archive or the disk fails; 130 when interrupted.
    """
    _open_streams()
    try:
        os.getcwd()
    except FileNotFoundError:
        return _fail("the current folder is gone: change to another", 1)
    try:
        runstate.share_jobs_lock()
        return qscore.main(arguments, prog_name="qscore", standalone_mode=False) or 0
    except click.exceptions.Abort:
        return 130
    except click.ClickException as err:
        return _fail(err.format_message() + _see(err), err.exit_code)
    except (ArchiveUnavailable, BadAnswer) as err:
        return _give_up(str(err))
    except (UnusableEntry, Absent, ValueError) as err:
        return _fail(str(err), 1)
    except (MemoryError, ArithmeticError, RecursionError) as err:
        return _fail(f"beyond what can be computed here: {str(err) or type(err).__name__}", 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (IsADirectoryError, NotADirectoryError) as err:
        return _fail(f"{err.strerror}: {err.filename}", 1)
    except OSError as err:
        return _give_up(str(err))


def _open_streams() -> None:
    """Where a standard stream is closed, let it lead nowhere: else a file would get its number, and what is printed."""
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))
        elif hasattr(stream := getattr(sys, name), "reconfigure") and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal's letters cannot write


def _see(err: click.ClickException) -> str:
    context = getattr(err, "ctx", None)
    return f" (see {context.command_path} --help)" if context else ""


def _give_up(message: str) -> int:
    """Say it, and let the survey this stage belongs to start no more."""
    runstate.note_unavailable(" ".join(message.split()))
    return _fail(message, ENVIRONMENT_BROKEN)


def _fail(message: str, code: int) -> int:
    print("qscore: " + letters.visible(" ".join(message.split())), file=sys.stderr)
    return code
