"""The commands that make pages of single entries: `check` of one pair before deposition, `pages` of a survey."""

from __future__ import annotations

from pathlib import Path

import click

from qscore import letters, single
from qscore.stages import EXISTING, PLACE


@click.command(epilog=single.SERVERS)
@click.argument("map_given", metavar="MAP")
@click.argument("model_given", metavar="[MODEL]", required=False)
@click.option("--model-number", type=int, metavar="N", help="Model of a file with several.  [default: the first]")
@single.contour_option(": atom inclusion is counted at it")
@single.pair_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the page goes, with table1.tsv, the model with Q and the files for ChimeraX.  [default: MODEL-check]",
)
def check(map_given, model_given, model_number, as_json, out, **options):
    """Check one pair before deposition: a page, rows for Table 1, and the view in ChimeraX.

    \b
    MAP    CCP4/MRC, .gz or not, or an EMDB id
    MODEL  mmCIF or PDB, .gz or not, or a PDB id; without it the only model of an EMDB id
    Nothing leaves this machine, and for files nothing is fetched.
    \b
    qscore check map.mrc.gz model.cif --resolution 3.2 --contour 0.02
    """
    found, scoring = single.inputs(map_given, [model_given] if model_given is not None else [], out, **options)
    if found.resolution is None:
        raise click.UsageError("Missing option '--resolution': what Q is expected depends on it.")
    from qscore import checkup, tables

    done = checkup.check(found, scoring, single.judged, out=out, model_number=model_number)
    if as_json:
        print(tables.as_json(done.summary))
    else:
        click.echo(letters.visible(done.sentence))
    click.echo(f"page: {done.page}", err=as_json)


@click.command()
@click.option("--entries", type=EXISTING, required=True)
@click.option("--flags", type=EXISTING, required=True)
@click.option("--residues", type=EXISTING, required=True)
@click.option("--regions", "regions_folder", type=EXISTING, required=True, help="Of `qscore regions`.")
@click.option("--ligands", type=EXISTING, required=True, help="ligands.parquet of `qscore regions`.")
@click.option("--inclusion", type=EXISTING, required=True)
@click.option("--fit", "fit_file", type=EXISTING, required=True, help="expected_q.json")
@click.option("--evidence", type=PLACE, required=True, help="Folder of what the examination found.")
@click.option("--examination", "batches", type=EXISTING, help="Its batches: evidence of others is not shown.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Pages drawn at a time.")
@click.option("--out", type=PLACE, required=True, help="Folder of the pages.")
def pages(entries, flags, residues, regions_folder, ligands, inclusion, fit_file, evidence, batches, jobs, out):
    """One page for every pair with evidence, with its files for ChimeraX.

    Example: qscore pages --entries tables/entries.parquet --flags flags/flags.parquet
    --residues tables/residues.parquet --regions regions --ligands regions/ligands.parquet
    --inclusion tables/inclusion.parquet --fit fit/expected_q.json --evidence evidence --out report/entries
    """
    from qscore import entrypages

    regions = regions_folder / "regions.parquet"
    sources = entrypages.Sources(entries, flags, residues, regions, ligands, inclusion, fit_file)
    n = entrypages.write(sources, evidence, out, batches=batches, jobs=jobs)
    click.echo(f"{n:,} page{'' if n == 1 else 's'}")


COMMANDS = (check, pages)
