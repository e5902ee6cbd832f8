"""The command that says what the columns of the tables mean."""

from __future__ import annotations

import click


@click.command()
@click.argument("table", required=False)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown: of one table, or the page of all.")
def columns(table, as_markdown):
    """What each column of TABLE means; without TABLE which tables there are.

    \b
    qscore columns                  every table, its rows and files
    qscore columns entries          the columns of one
    qscore columns --markdown       the page docs/tables.md
    """
    from qscore import columns as described

    if table is None:
        text = described.page() if as_markdown else described.overview()
    else:
        found = described.find(table)
        text = described.markdown(found) if as_markdown else described.plain(found)
    click.echo(text.rstrip("\n"))


COMMANDS = (columns,)
