"""The commands that the workflow's rules run: read files, call one function, write files."""

from __future__ import annotations

import os
from pathlib import Path

import click

from qscore import letters
from qscore.options import EXISTING
from qscore.selection import FitRule

PLACE = click.Path(path_type=Path)
_RULE = FitRule()
_SUBSETS = (
    "Subsets as JSON: name → conditions by column (equals, in, contains, below, at_most, above, at_least, present), or "
    "ids; columns as in entries.parquet (a table's fsc05 is map_model_fsc05)."
)


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


@click.command("score-batch")
@click.argument("fetched", type=EXISTING)
@click.option("--batch", "batch_file", type=EXISTING, required=True, help="The batch as planned.")
@click.option("--memory-mb", type=click.IntRange(100), default=4000, show_default=True, help="Most an entry may use.")
@click.option("--base-seconds", type=float, default=60, show_default=True, help="Deadline of an entry, plus …")
@click.option("--seconds-per-mb", type=float, default=2, show_default=True, help="… this for each MB of its files.")
@click.option("--out", type=PLACE, required=True, help="Folder of the batch's results.")
def score_batch(fetched, batch_file, memory_mb, base_seconds, seconds_per_mb, out):
    """Score each entry of a fetched batch in a process of its own.

    Example: qscore score-batch fetched/undated --batch plan/undated.tsv --out scores/undated
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process that forks has no threads
    from qscore import batch, isolation

    batch.score_batch(fetched, batch_file, out, limits=isolation.Limits(memory_mb, base_seconds, seconds_per_mb))


@click.command()
@click.argument("pairs", type=EXISTING)
@click.option("--plan", "plan_folder", type=EXISTING, required=True, help="Folder of the batches.")
@click.option("--scores", type=EXISTING, required=True, help="Folder of the batches' results.")
@click.option("--published", "published_file", type=EXISTING, help="published.parquet, to stand beside.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes side by side.")
@click.option("--out", type=PLACE, required=True, help="Folder of the tables.")
def aggregate(pairs, plan_folder, scores, published_file, jobs, out):
    """Scores of all batches + catalogue → the survey's tables.

    Example: qscore aggregate catalogue/pairs.parquet --plan plan --scores scores --out tables
    """
    from qscore import plan as planned
    from qscore import survey

    survey.aggregate(pairs, planned.names(plan_folder), scores, out, published_file=published_file, jobs=jobs)


@click.command()
@click.argument("pairs", type=EXISTING)
@click.option("--published", "published_file", type=EXISTING, help="published.parquet: Q as the archive gives it.")
@click.option("--table", type=EXISTING, help="A table with Q.")
@click.option("--out", type=PLACE, required=True, help="Folder of the tables.")
def given(pairs, published_file, table, out):
    """Q that others computed + catalogue → the survey's tables, without any map.

    Example: qscore given catalogue/pairs.parquet --table scores.csv --out tables
    """
    from qscore import given as stage

    if (published_file is None) == (table is None):
        raise click.UsageError("give one of --published and --table")
    if table:
        stage.from_table(table, pairs, out)
    else:
        stage.from_published(pairs, published_file, out)


@click.command()
@click.argument("table", type=EXISTING)
@click.option("--residues", type=EXISTING, help="residues.parquet: fits the offsets of residue types.")
@click.option("--catalogue", type=EXISTING, help="catalogue.json: its date is told with every equation.")
@click.option("--subsets", default="{}", help=_SUBSETS)
@click.option(
    "--out", type=PLACE, required=True, help="Folder of expected_q.json, lines.tsv, coverage.tsv, offsets.tsv."
)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes side by side.")
@fit_options
def fit(table, residues, catalogue, subsets, out, jobs, **rule):
    """Expected Q from TABLE: lines, robust lines and cubics of every part, the curve, its coverage, its null.

    TABLE is entries.parquet of a survey, or any table (.tsv, .csv) with id, resolution and Q.

    \b
    qscore fit tables/entries.parquet --out fit
    qscore fit scores.csv --subsets '{"helical": {"method": "helical"}}' --out fit
    """
    # Set outright: sums of several threads differ in the last digits.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    from qscore import fitting, fitwords
    from qscore import subsets as parsed

    beside = {"residues_file": residues, "catalogue": catalogue, "jobs": jobs}
    found = fitting.write(table, out, FitRule(**rule), parsed.from_json(subsets), **beside)
    for line in fitwords.summary(found, out):
        click.echo(letters.visible(line))


@click.command()
@click.argument("table", type=EXISTING)
@click.option("--subsets", default="{}", help=_SUBSETS)
@click.option("--draws", type=click.IntRange(100), default=1000, show_default=True, help="Redraws of an interval.")
@click.option("--seed", type=click.IntRange(0), default=2026, show_default=True, help="Seed of redraws and folds.")
@click.option("--out", type=PLACE, required=True, help="Folder of rivals.tsv, correlations.tsv and rivals.json.")
@fit_options
def rivals(table, subsets, draws, seed, out, **rule):
    """Every score of TABLE side by side: how well each follows resolution, and which does so best.

    TABLE is entries.parquet of a survey, or any table (.tsv, .csv) with id, resolution and Q.

    \b
    qscore rivals tables/entries.parquet --out rivals
    qscore rivals scores.csv --out rivals
    """
    # Set outright: sums of several threads differ in the last digits.
    os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    from qscore import rivals as stage
    from qscore import subsets as parsed

    found = stage.write(table, out, FitRule(**rule), parsed.from_json(subsets), draws=draws, seed=seed)
    for name, part in found["parts"].items():
        click.echo(f"{name}: {part['sentence']}")


@click.command()
@click.argument("entries", type=EXISTING)
@click.option("--seed", type=click.IntRange(0), default=2026, show_default=True, help="Seed of all draws.")
@click.option("--number", type=click.IntRange(1), default=1000, show_default=True, help="Draws of each rule.")
@click.option("--cc-mean", type=float, default=0.65, show_default=True, help="Well fitted: column cc_mean above this.")
@click.option("--out", type=PLACE, required=True, help="Folder of draws.parquet and draws.json.")
@fit_options
def draws(entries, seed, number, cc_mean, out, **rule):
    """Draws of 55 diverse pairs, spread evenly over resolution: how R² of such a sample scatters.

    Example: qscore draws tables/entries.parquet --out draws
    """
    from qscore import draws as stage
    from qscore.diverse import Design

    design = Design(cc_mean=cc_mean)
    facts = stage.write(entries, FitRule(**rule), out, seed=seed, draws=number, design=design)
    for one in facts["rules"].values():
        click.echo(f"{one['title']}: {one['sentence']}")
    click.echo(facts["sentence"])


@click.command()
@click.argument("entries", type=EXISTING)
@click.option("--out", type=PLACE, required=True, help="Folder of the tables.")
def concordance(entries, out):
    """Q computed here against Q as published: bias, limits of agreement, who differs and why.

    Example: qscore concordance tables/entries.parquet --out concordance
    """
    from qscore import concordance as stage

    click.echo(stage.write(entries, out)["sentence"])


@click.command()
@click.option("--entries", type=EXISTING, required=True)
@click.option("--flags", type=EXISTING, required=True)
@click.option("--residues", type=EXISTING, required=True)
@click.option("--fit", "fit_file", type=EXISTING, required=True)
@click.option("--draws", "draws_folder", type=EXISTING, help="Of `qscore draws`.")
@click.option("--concordance", "concordance_folder", type=EXISTING, help="Of `qscore concordance`.")
@click.option("--regions", "regions_folder", type=EXISTING, help="Of `qscore regions`.")
@click.option("--rivals", "rivals_folder", type=EXISTING, help="Of `qscore rivals`.")
@click.option("--evidence", "evidence_folder", type=EXISTING, help="Of `qscore examine-batch`, a folder a batch.")
@click.option("--format", "formats", multiple=True, default=("svg", "png"), show_default=True)
@click.option("--dpi", type=click.IntRange(50, 1200), default=150, show_default=True, help="Of PNG.")
@click.option("--out", type=PLACE, required=True, help="Folder of the figures.")
def figures(entries, flags, residues, fit_file, out, **options):
    """Tables → figures.

    Example: qscore figures --entries tables/entries.parquet --residues tables/residues.parquet
    --flags flags/flags.parquet --fit fit/expected_q.json --out figures
    """
    from qscore import figures as stage

    stage.write_figures(entries, flags, residues, fit_file, out, **options)


@click.command()
@click.option("--entries", type=EXISTING, required=True)
@click.option("--flags", type=EXISTING, required=True)
@click.option("--fit", "fit_file", type=EXISTING, required=True)
@click.option("--catalogue", "catalogue_folder", type=EXISTING, required=True)
@click.option("--draws", "draws_folder", type=EXISTING, help="Of `qscore draws`.")
@click.option("--concordance", "concordance_folder", type=EXISTING, help="Of `qscore concordance`.")
@click.option("--regions", "regions_folder", type=EXISTING, help="Of `qscore regions`.")
@click.option("--rivals", "rivals_folder", type=EXISTING, help="Of `qscore rivals`.")
@click.option("--subsets", default="{}", help=_SUBSETS)
@click.option("--residues", "residues_file", type=EXISTING, help="For Q along chains.")
@click.option("--pages", "pages_folder", type=EXISTING, help="Of `qscore pages`; the page links to them.")
@click.option("--figures", "figures_folder", type=EXISTING, required=True)
@click.option(
    "--level", type=click.FloatRange(0, 0.5, min_open=True), default=0.05, show_default=True, help="Of flags."
)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes side by side.")
@click.option("--out", type=PLACE, required=True, help="index.html")
def report(entries, flags, fit_file, catalogue_folder, figures_folder, subsets, pages_folder, out, **options):
    """Tables and figures → the survey's page.

    Example: qscore report --entries tables/entries.parquet --flags flags/flags.parquet --fit fit/expected_q.json
    --catalogue catalogue --figures figures --out report/index.html
    """
    from qscore import subsets as parsed
    from qscore.report.page import write_report

    options |= {"subsets": parsed.from_json(subsets), "pages": _pages(pages_folder)}
    write_report(
        entries, flags, catalogue_folder / "excluded.tsv", fit_file, catalogue_folder / "catalogue.json",
        figures_folder, out, **options,
    )  # fmt: skip


def _pages(folder) -> set[str]:
    """Stems of the pages in a folder; none without one."""
    return {path.stem for path in folder.glob("*.html")} if folder else set()


COMMANDS = (demo, plan, score_batch, aggregate, given, fit, rivals, draws, concordance, figures, report)
