"""The commands that ask a finished survey: audit and worklist."""

from __future__ import annotations

from pathlib import Path

import click

from qscore.options import EXISTING, THREADS

PLACE = click.Path(path_type=Path)


@click.command()
@click.argument("question", required=False)
@click.option("--list", "listed", is_flag=True, help="List the ready questions, and leave.")
@click.option("--show", is_flag=True, help="Print the SQL of a ready question, and leave.")
@click.option(
    "--results", type=PLACE, default=Path("results/demo"), show_default=True, help="Results folder of the survey."
)
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A value of the question; can be repeated.")
@click.option("--rows", type=click.IntRange(0, 10**9), default=40, show_default=True, help="Rows to print.")
@click.option("--out", type=PLACE, metavar="FILE", help="Write all rows: .csv, .tsv or .parquet.")
@click.option("--memory", type=click.IntRange(200, 10**8), default=2000, show_default=True, help="Most memory, MB.")
@click.option("--threads", type=THREADS, help="Threads.  [default: all cores]")
def audit(question, listed, show, results, given, rows, out, memory, threads):
    """Ask a survey's tables: a ready question by its name, or one of your own in SQL.

    Tables are named as in the documentation: entries, residues, ligands, flags, regions, …; judged_residues has the
    expected Q and z of every polymer residue. Only these are read, and nothing but FILE is written.

    \b
    qscore audit --list
    qscore audit worst-ligands --results results/emdb --set least=10
    qscore audit worst-ligands --show
    qscore audit "SELECT emdb_id, q_mean FROM entries WHERE resolution < 2 ORDER BY 2" --out best.csv
    """
    from qscore import readyquestions

    if listed:
        from qscore import board

        board.print_questions(list(readyquestions.questions().values()))
        return
    if not question:
        raise click.UsageError("Missing argument 'QUESTION': a ready question (--list) or SQL.")
    ready = None if _is_sql(question) else readyquestions.question(question)
    if show:
        click.echo(ready.text if ready else question, nl=not ready)
        return
    sql, values = (ready.text, ready.set(given)) if ready else (question, readyquestions.parse(given))
    _answer(ready, sql, values, results=results, rows=rows, out=out, limits=(memory, threads))


def _is_sql(text: str) -> bool:
    """A name is one word; SQL has several."""
    return len(text.split()) > 1


def _answer(ready, sql, values, *, results, rows, out, limits) -> None:
    from qscore import audit as tables_of

    if out is not None:
        tables_of.check_place(out)
    with tables_of.opened(results, tables_of.Limits(*limits)) as survey:
        if out is not None:
            total = survey.write(sql, out, values)
            click.echo(f"{total:,} row{'' if total == 1 else 's'} written to {out}", err=True)
            return
        found = survey.ask(sql, values, most=rows)
        empty = [] if found.total else survey.empty(sql)
    from qscore import board  # what it needs takes longer than most answers: not for a file

    if ready:
        board.print_question(ready.title, ready.words(values))
    board.print_answer(found.columns, found.rows, found.total)
    if empty:
        click.echo(f"empty in this survey, so nothing could be found: {', '.join(empty)}", err=True)


@click.command()
@click.argument("entries", type=EXISTING)
@click.option("--flags", "flags_file", type=EXISTING, required=True, help="flags.parquet")
@click.option("--fit", "fit_file", type=EXISTING, help="expected_q.json: without it no resolution is under-stated.")
@click.option("--concordance", type=EXISTING, help="Folder of the comparison with published Q.")
@click.option("--places", type=EXISTING, help="places.json of the catalogue: where the commands find the files.")
@click.option("--out", type=PLACE, required=True, help="Folder of worklist.tsv and worklist.parquet.")
def worklist(entries, flags_file, fit_file, concordance, places, out):
    """Suspected errors of the archive, each with its evidence and the command that shows it.

    Example: qscore worklist tables/entries.parquet --flags flags/flags.parquet --fit fit/expected_q.json
    --concordance concordance --places catalogue/places.json --out worklist
    """
    from qscore import worklist as stage

    rows = stage.write(entries, flags_file, out, fit_file=fit_file, concordance=concordance, places_file=places)
    click.echo(stage.counted(rows))


COMMANDS = (audit, worklist)
