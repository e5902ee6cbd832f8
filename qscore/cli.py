"""The `qscore` command: thin, and quick to start."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

import click

from qscore import __version__, runstate, stages
from qscore.errors import ArchiveUnavailable, UnusableEntry

ENVIRONMENT_BROKEN = 75


class Positive(click.ParamType):
    """A positive, finite number; anything else is bad input (exit 1), not wrong usage."""

    name = "number"

    def convert(self, value, param, ctx):
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 < number < float("inf"):
            raise ValueError(f"{param.opts[0]} {value}: not a positive number of Å")
        return number


class Cores(click.ParamType):
    """A whole number of at least 1, or "all"."""

    name = "cores"

    def convert(self, value, param, ctx):
        if value != "all" and not (value.isdecimal() and int(value) > 0):
            self.fail(f"{value!r} is not a number of cores, nor 'all'", param, ctx)
        return value


POSITIVE = Positive()
HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=HELP)
@click.version_option(__version__, prog_name="qscore")
def qscore():
    """How well are the atoms of cryo-EM models resolved? Scores one pair, or surveys the EMDB.

    \b
    qscore score map.mrc.gz model.cif --resolution 3.2    one pair
    qscore run                                            the survey of config/config.yaml
    """


@qscore.command("run")
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Configuration.  [default: config/config.yaml, the synthetic demo]",
)
@click.option(
    "--pairs",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Table of one's own pairs (with config/pairs.yaml).",
)
@click.option("--results", type=click.Path(path_type=Path), help="Results folder, instead of the configuration's.")
@click.option("--cores", type=Cores(), default="all", show_default=True, help="Jobs at a time.")
@click.option("--dry-run", "-n", is_flag=True, help="Only say what would be done.")
@click.argument("snakemake_options", nargs=-1, type=click.UNPROCESSED)
def run_survey(config, pairs, results, cores, dry_run, snakemake_options):
    """Run a survey, or go on with one: finished batches are never done again.

    \b
    qscore run                                                     the synthetic demo
    qscore run --config config/pairs.yaml --pairs my/pairs.tsv     one's own pairs
    Further Snakemake options come after --.
    """
    from qscore import run

    workflow = run.find_workflow()
    config = config or workflow / "config" / "config.yaml"
    if pairs and config == workflow / "config" / "config.yaml":
        config = workflow / "config" / "pairs.yaml"
    content = run.read_config(config, workflow)
    run.check_pairs(content, pairs, workflow)
    chosen = (results or workflow / content["results"]).resolve()
    started = time.time()
    overrides = {"results": str(chosen)} | ({"pairs": str(pairs.resolve())} if pairs else {})
    snakemake = run.command(workflow, config, overrides, cores=cores, dry_run=dry_run, more=snakemake_options)
    code = run.run(chosen, snakemake)
    if code:
        for line in run.complaints(chosen, started):
            click.echo(f"qscore: {line}", err=True)
        raise click.exceptions.Exit(code)
    if not dry_run and not snakemake_options:
        click.echo(f"{run.outcome(chosen)}\nreport: {chosen / 'report' / 'index.html'}")


@qscore.command()
@click.argument("map_file", metavar="MAP")
@click.argument("model_file", metavar="MODEL")
@click.option("--resolution", type=POSITIVE, metavar="Å", help="Reported resolution: prints expected Q beside Q.")
@click.option(
    "--sigma",
    "sigmas",
    type=POSITIVE,
    multiple=True,
    default=(0.4, 0.6),
    show_default="0.4 and 0.6",
    metavar="Å",
    help="Width of the reference Gaussian; may be repeated.",
)
@click.option("--chain", metavar="NAME", help="Author chains to score, comma-separated; the others stay neighbours.")
@click.option("--model-number", type=int, metavar="N", help="Model of a file with several.  [default: the first]")
@click.option(
    "--origin",
    type=click.Choice(["auto", "nstart", "origin"]),
    default="auto",
    show_default=True,
    help="Header words that place the map: N*START, or ORIGIN (auto: ORIGIN in .mrc files that set it).",
)
@click.option(
    "--threads", type=click.IntRange(1), help="Threads; the result does not depend on it.  [default: all cores]"
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write summary.json, residues.tsv and the model with Q.",
)
@click.option("--atoms", is_flag=True, help="Write atoms.tsv too (with --out).")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON instead of the table.")
def score(map_file, model_file, resolution, sigmas, chain, model_number, origin, threads, out, atoms, as_json):
    """Score the atoms of MODEL in MAP.

    \b
    MAP    CCP4/MRC, .gz or not        MODEL    mmCIF or PDB, .gz or not
    Example: qscore score emd_30342.map.gz 7cec.cif.gz --resolution 3.9 --out 7cec
    """
    if atoms and out is None:
        raise click.UsageError("--atoms needs --out DIR")
    logger = logging.getLogger("qscore")
    logger.addHandler(logging.StreamHandler())
    logger.setLevel(logging.INFO)
    from qscore import entry, files, tables

    if out is not None:
        files.check_folder(out)
    pair = entry.score_pair(
        map_file, model_file, sigmas=tuple(dict.fromkeys(sigmas)), resolution=resolution, chain=chain,
        model_number=model_number, origin_rule=origin, threads=threads or len(os.sched_getaffinity(0)),
    )  # fmt: skip
    if out is not None:
        files.write_pair(pair, out, model_file, with_atoms=atoms)
    if as_json:
        print(tables.as_json(pair.summary | {"hints": list(pair.hints)}))
    else:
        from qscore import show

        show.print_pair(pair.summary, pair.hints)


for _command in stages.COMMANDS:
    qscore.add_command(_command)


def main(arguments=None) -> int:
    """Run the command; every error is one line on standard error.

    Returns
    -------
    int
        0; 1 for input that cannot be used; 2 for wrong usage; 75 when the
        archive or the disk fails; 130 when interrupted.
    """
    try:
        runstate.share_jobs_lock()
        return qscore.main(arguments, prog_name="qscore", standalone_mode=False) or 0
    except click.exceptions.Abort:
        return 130
    except click.ClickException as err:
        return _fail(err.format_message() + _see(err), err.exit_code)
    except ArchiveUnavailable as err:
        return _fail(str(err), ENVIRONMENT_BROKEN)
    except (UnusableEntry, ValueError) as err:
        return _fail(str(err), 1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as err:
        return _fail(str(err), ENVIRONMENT_BROKEN)


def _see(err: click.ClickException) -> str:
    context = getattr(err, "ctx", None)
    return f" (see {context.command_path} --help)" if context else ""


def _fail(message: str, code: int) -> int:
    print("qscore: " + " ".join(message.split()), file=sys.stderr)
    return code
