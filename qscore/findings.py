"""The commands of the workflow's rules that find what is amiss: outliers, regions, frames, causes."""

from __future__ import annotations

from pathlib import Path

import click

from qscore.selection import FitRule
from qscore.stages import EXISTING, PLACE, fit_options


@click.command()
@click.argument("entries", type=EXISTING)
@click.option("--fit", "fit_file", type=EXISTING, required=True, help="expected_q.json")
@click.option("--level", type=click.FloatRange(0, 0.5, min_open=True), default=0.05, show_default=True, help="FDR.")
@click.option("--out", type=PLACE, required=True, help="Folder of outliers.parquet and outliers.tsv.")
@fit_options
def outliers(entries, fit_file, level, out, **rule):
    """Entries whose Q is lower or higher than expected, with p-values and percentiles.

    Example: qscore outliers tables/entries.parquet --fit fit/expected_q.json --out outliers
    """
    from qscore import judging, tables

    rows = judging.judged(entries, fit_file, FitRule(**rule), level=level)
    _write(out / "outliers", tables.OUTLIERS, rows)
    click.echo(_counted(rows))


@click.command()
@click.argument("residues", type=EXISTING)
@click.option("--entries", type=EXISTING, required=True)
@click.option("--outliers", "outliers_file", type=EXISTING, required=True)
@click.option("--ligands", type=EXISTING, required=True)
@click.option("--fit", "fit_file", type=EXISTING, required=True, help="expected_q.json")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes that scan chains.")
@click.option("--out", type=PLACE, required=True, help="Folder of the regions' and the ligands' tables.")
def regions(residues, entries, outliers_file, ligands, fit_file, jobs, out):
    """Runs of residues, and ligands, ions and waters, resolved less than expected.

    Example: qscore regions tables/residues.parquet --entries tables/entries.parquet
    --outliers outliers/outliers.parquet --ligands tables/ligands.parquet --fit fit/expected_q.json --out regions
    """
    from qscore import ligandranks
    from qscore import regions as stage

    ranked = ligandranks.write(ligands, entries, out / "ligands.parquet")
    found = stage.write(residues, entries, outliers_file, fit_file, out, ligands=ranked, jobs=jobs)
    click.echo(found)


@click.command()
@click.argument("pairs", type=EXISTING)
@click.option("--outliers", "outliers_file", type=EXISTING, required=True)
@click.option("--most", type=click.IntRange(0), default=200, show_default=True, help="All pairs of a survey so small.")
@click.option("--entries-per-batch", type=click.IntRange(1), default=40, show_default=True)
@click.option("--out", type=PLACE, required=True, help="Folder of the batches.")
def examination(pairs, outliers_file, most, entries_per_batch, out):
    """Which pairs are looked at once more with their maps: one small file a batch.

    Example: qscore examination catalogue/pairs.parquet --outliers outliers/outliers.parquet --out examination
    """
    from qscore import examination as stage

    names = stage.write(pairs, outliers_file, out, most=most, entries_per_batch=entries_per_batch)
    click.echo(f"{len(names)} batches")


@click.command("examine-batch")
@click.argument("fetched", type=EXISTING)
@click.option("--batch", type=EXISTING, required=True, help="Its file in the folder of the examination.")
@click.option("--memory-mb", type=click.IntRange(100), default=4000, show_default=True, help="Most an entry may use.")
@click.option("--base-seconds", type=float, default=180, show_default=True, help="Deadline of an entry, plus …")
@click.option("--seconds-per-mb", type=float, default=4, show_default=True, help="… this for each MB of its files.")
@click.option("--out", type=PLACE, required=True, help="Folder of frames.parquet.")
def examine_batch(fetched, batch, memory_mb, base_seconds, seconds_per_mb, out):
    """Try other frames for each entry of a fetched batch: rigid shifts, the other hand, decoys.

    Example: qscore examine-batch fetched_again/undated --batch examination/undated.tsv --out evidence/undated
    """
    import os

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # a process that forks has no threads
    from qscore import batch as batches
    from qscore import examine

    limits = batches.Limits(memory_mb, base_seconds, seconds_per_mb)
    examine.examine_batch(fetched, batch, out, limits=limits)


@click.command()
@click.argument("entries", type=EXISTING)
@click.option("--outliers", "outliers_file", type=EXISTING, required=True)
@click.option("--regions", "regions_file", type=EXISTING, required=True, help="entries.parquet of `qscore regions`.")
@click.option("--fit", "fit_file", type=EXISTING, required=True, help="expected_q.json")
@click.option("--examination", "batches", type=EXISTING, help="Folder of the examination's batches.")
@click.option("--evidence", type=PLACE, help="Folder of what their examination found.")
@click.option("--out", type=PLACE, required=True, help="Folder of flags.parquet and flags.tsv.")
def flag(entries, outliers_file, regions_file, fit_file, batches, evidence, out):
    """Outliers, regions and frames → every entry's flag and its cause with the evidence.

    Example: qscore flag tables/entries.parquet --outliers outliers/outliers.parquet
    --regions regions/entries.parquet --fit fit/expected_q.json --out flags
    """
    from qscore import judging, tables

    if (batches is None) != (evidence is None):
        raise ValueError("--examination and --evidence belong together: which batches, and what was found for them")
    frames = _frames(batches, evidence)
    rows = judging.flagged(entries, outliers_file, regions_file, fit_file, frames_files=frames)
    _write(out / "flags", tables.FLAGS, rows)
    click.echo(f"{_counted(rows)}; {sum(bool(row['cause']) for row in rows)} with a cause")


def _frames(batches: Path | None, evidence: Path | None) -> list[Path]:
    """What was found for the batches of the present examination."""
    from qscore import plan

    if batches is None:
        return []
    if not batches.is_dir():
        raise ValueError(f"{batches} is no folder of an examination")
    return [evidence / name / "frames.parquet" for name in plan.names(batches)]


def _write(stem: Path, layout, rows: list[dict]) -> None:
    from qscore import tables

    columns = tables.as_columns(layout, rows)
    tables.write_tsv(stem.with_suffix(".tsv"), layout, columns)
    tables.write_parquet(stem.with_suffix(".parquet"), layout, columns)


def _counted(rows: list[dict]) -> str:
    return ", ".join(f"{sum(row['flag'] == side for row in rows)} {side}" for side in ("low", "high"))


COMMANDS = (outliers, regions, examination, examine_batch, flag)
