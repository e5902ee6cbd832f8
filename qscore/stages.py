"""The commands that the workflow's rules run: read files, call one function, write files."""

from __future__ import annotations

import os
from pathlib import Path

import click

from qscore.selection import FitRule

EXISTING = click.Path(exists=True, path_type=Path)
PLACE = click.Path(path_type=Path)
_RULE = FitRule()


def fit_options(command):
    """The options of the rule that says which entries a fit takes."""
    options = (
        click.option("--lowest", type=float, default=_RULE.lowest, show_default=True, help="Lowest resolution, Å."),
        click.option("--highest", type=float, default=_RULE.highest, show_default=True, help="Highest resolution, Å."),
        click.option("--fewest", type=int, default=_RULE.fewest, show_default=True, help="Entries a line needs."),
        click.option("--voxels", type=float, default=_RULE.voxels, show_default=True, help="Least voxels."),
        click.option("--method", "methods", multiple=True, default=_RULE.methods, show_default=True, help="Method."),
        click.option("--criterion", "criteria", multiple=True, default=_RULE.criteria, show_default=True, help="Of R."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("folder", type=PLACE)
@click.option("--seed", type=int, default=2026, show_default=True, help="Seed of noise and shapes.")
def demo(folder, seed):
    """Build the synthetic demonstration archive in FOLDER, in EMDB's own layout.

    Example: qscore demo results/demo/archive
    """
    from qscore import show
    from qscore.demo import build_archive

    with show.progress("building the synthetic archive") as advance:
        entries = build_archive(folder, seed=seed, progress=advance)
    click.echo(f"{len(entries)} synthetic entries in {folder}")


@click.command()
@click.option("--table", type=EXISTING, help="Table of one's own pairs.")
@click.option("--documents", type=EXISTING, help="Folder of EMDB entry documents.")
@click.option("--out", type=PLACE, required=True, help="Folder of the catalogue.")
def catalogue(table, documents, out):
    """An archive's documents or a table → pairs, and what was left out with its reason.

    Example: qscore catalogue --table pairs.tsv --out results/mine/catalogue
    """
    from qscore import catalogue as stage

    if (table is None) == (documents is None):
        raise click.UsageError("give one of --table and --documents")
    pairs, excluded = stage.from_table(table) if table else stage.from_documents(documents)
    sources = [table] if table else documents.glob("EMD-*.json")
    name = table.name if table else "EMDB entry documents"
    stage.write(out, pairs, excluded, source=name, digest=stage.digest(sources))
    click.echo(f"{len(pairs)} pairs, {len(excluded)} left out")


@click.command()
@click.argument("pairs", type=EXISTING)
@click.option("--entries-per-batch", type=click.IntRange(1), default=40, show_default=True)
@click.option("--out", type=PLACE, required=True, help="Folder of the batches.")
def plan(pairs, entries_per_batch, out):
    """Pairs → one small file a batch.

    Example: qscore plan catalogue/pairs.parquet --out plan
    """
    from qscore import plan as stage
    from qscore import tables

    rows = tables.read_rows(pairs, layout=tables.PAIRS)
    out.mkdir(parents=True, exist_ok=True)
    click.echo(f"{len(stage.write(out, rows, entries_per_batch=entries_per_batch))} batches of {len(rows)} pairs")


@click.command()
@click.argument("batch", type=EXISTING)
@click.argument("folder", type=PLACE)
@click.option("--root", type=EXISTING, help="Folder that the paths of one's own table start from.")
@click.option("--maps", multiple=True, help="Base of maps, EMD-n/map/file below it; may be repeated.")
@click.option("--models", multiple=True, help="Base of models, ab/id.cif.gz below it; may be repeated.")
@click.option("--workshop", type=PLACE, required=True, help="Folder to put the batch together in.")
def fetch(batch, folder, root, maps, models, workshop):
    """Bring the files of BATCH into FOLDER, whole, with a manifest.

    Example: qscore fetch plan/undated.tsv fetched/undated --root data --workshop parts
    """
    from qscore import archive

    if (root is None) == (not (maps and models)):
        raise click.UsageError("give --root, or --maps and --models")

    def places(pair):
        return archive.table_places(root, pair) if root else archive.archive_places(maps, models, pair)

    archive.fetch_batch(batch, folder, places, workshop=workshop)


@click.command("score-batch")
@click.argument("fetched", type=EXISTING)
@click.option("--memory-mb", type=click.IntRange(100), default=4000, show_default=True, help="Most an entry may use.")
@click.option("--base-seconds", type=float, default=60, show_default=True, help="Deadline of an entry, plus …")
@click.option("--seconds-per-mb", type=float, default=2, show_default=True, help="… this for each MB of its files.")
@click.option("--out", type=PLACE, required=True, help="Folder of the batch's results.")
def score_batch(fetched, memory_mb, base_seconds, seconds_per_mb, out):
    """Score each entry of a fetched batch in a process of its own.

    Example: qscore score-batch fetched/undated --out scores/undated
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process that forks has no threads
    from qscore import batch

    batch.score_batch(fetched, out, limits=batch.Limits(memory_mb, base_seconds, seconds_per_mb))


@click.command()
@click.argument("pairs", type=EXISTING)
@click.option("--plan", "plan_folder", type=EXISTING, required=True)
@click.option("--scores", type=EXISTING, required=True)
@click.option("--out", type=PLACE, required=True)
def aggregate(pairs, plan_folder, scores, out):
    """Scores of all batches + catalogue → the survey's tables."""
    from qscore import plan as planned
    from qscore import survey

    survey.aggregate(pairs, planned.names(plan_folder), scores, out)


@click.command()
@click.argument("entries", type=EXISTING)
@click.option("--out", type=PLACE, required=True, help="expected_q.json")
@fit_options
def fit(entries, out, **rule):
    """Lines of mean Q on resolution, overall and for apoferritin.

    Example: qscore fit tables/entries.parquet --out fit/expected_q.json
    """
    from qscore import survey, tables

    found = survey.fit(entries, FitRule(**rule))
    tables.write_json(out, found)
    for name, one in found["fits"].items():
        click.echo(f"{name}: {one['sentence']}")


@click.command()
@click.argument("entries", type=EXISTING)
@click.option("--out", type=PLACE, required=True, help="Folder of flags.parquet and flags.tsv.")
@fit_options
def flag(entries, out, **rule):
    """Entries outside the expected band, with the band.

    Example: qscore flag tables/entries.parquet --out flags
    """
    from qscore import survey, tables

    rows = survey.flags(entries, FitRule(**rule))
    columns = tables.as_columns(tables.FLAGS, rows)
    tables.write_tsv(out / "flags.tsv", tables.FLAGS, columns)
    tables.write_parquet(out / "flags.parquet", tables.FLAGS, columns)
    click.echo(f"{sum(row['flag'] == 'low' for row in rows)} low, {sum(row['flag'] == 'high' for row in rows)} high")


@click.command()
@click.option("--entries", type=EXISTING, required=True)
@click.option("--flags", type=EXISTING, required=True)
@click.option("--residues", type=EXISTING, required=True)
@click.option("--fit", "fit_file", type=EXISTING, required=True)
@click.option("--format", "formats", multiple=True, default=("svg", "png"), show_default=True)
@click.option("--dpi", type=click.IntRange(50, 1200), default=150, show_default=True, help="Of PNG.")
@click.option("--out", type=PLACE, required=True)
def figures(entries, flags, residues, fit_file, formats, dpi, out):
    """Tables → figures."""
    from qscore import figures as stage

    stage.write_figures(entries, flags, residues, fit_file, out, formats=formats, dpi=dpi)


@click.command()
@click.option("--entries", type=EXISTING, required=True)
@click.option("--flags", type=EXISTING, required=True)
@click.option("--fit", "fit_file", type=EXISTING, required=True)
@click.option("--catalogue", "catalogue_folder", type=EXISTING, required=True)
@click.option("--figures", "figures_folder", type=EXISTING, required=True)
@click.option("--out", type=PLACE, required=True, help="index.html")
def report(entries, flags, fit_file, catalogue_folder, figures_folder, out):
    """Tables and figures → one page."""
    from qscore.report.page import write_report

    write_report(
        entries, flags, catalogue_folder / "excluded.tsv", fit_file, catalogue_folder / "catalogue.json",
        figures_folder, out,
    )  # fmt: skip


COMMANDS = (demo, catalogue, plan, fetch, score_batch, aggregate, fit, flag, figures, report)
