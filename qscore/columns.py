"""Every table in words: which file holds it, what its rows are, who writes it, what its columns mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qscore import layouts
from qscore.layouts import Column, Layout


@dataclass(frozen=True)
class Table:
    """One table: its name here, layout, files (relative to the results folder), rows and the command that writes it."""

    name: str
    layout: Layout
    files: str
    rows: str
    stage: str


def _table(name: str, layout: Layout, description: str) -> Table:
    """A name, a layout and ``files | rows | stage``."""
    return Table(name, layout, *(part.strip() for part in description.split("|")))


GROUPS: dict[str, tuple[Table, ...]] = {
    "Catalogue and plan": (
        _table(
            "pairs", layouts.PAIRS,
            "catalogue/pairs.parquet, catalogue/pairs.tsv | a pair of map and model that is taken | qscore catalogue",
        ),
        _table("excluded", layouts.EXCLUDED, "catalogue/excluded.tsv | a pair that is left out | qscore catalogue"),
        _table("batch", layouts.BATCH, "plan/<batch>.tsv | a pair of the batch | qscore plan"),
        _table(
            "published", layouts.PUBLISHED,
            "published/published.parquet, published/published.tsv | a pair with a Q of the archive | qscore published",
        ),
    ),
    "Measurements": (
        _table(
            "entries", layouts.ENTRIES,
            "tables/entries.parquet, tables/entries.tsv | a pair of the catalogue, scored or not | "
            "qscore aggregate, or given",
        ),
        _table("scored", layouts.SCORED, "scores/<batch>/entries.parquet | a pair of the batch | qscore score-batch"),
        _table(
            "residues", layouts.RESIDUES,
            "tables/residues.parquet, scores/<batch>/residues.parquet | a residue, waters too | "
            "qscore score-batch, aggregate",
        ),
        _table(
            "chains", layouts.CHAINS,
            "tables/chains.parquet | an author chain of a pair with scored polymer residues | qscore aggregate",
        ),
        _table(
            "inclusion", layouts.INCLUSION,
            "tables/inclusion.parquet, scores/<batch>/inclusion.parquet | a contour level of a pair | "
            "qscore score-batch, aggregate",
        ),
        _table(
            "ligands", layouts.LIGANDS,
            "tables/ligands.parquet, scores/<batch>/ligands.parquet | a ligand, glycan, ion or water | "
            "qscore score-batch, aggregate",
        ),
    ),
    "Fits and the scores beside Q": (
        _table("lines", layouts.LINES, "fit/lines.tsv | a line by one method of one set of entries | qscore fit"),
        _table("coverage", layouts.COVERAGE, "fit/coverage.tsv | a band in a bin of resolution | qscore fit"),
        _table(
            "offsets", layouts.OFFSETS, "fit/offsets.tsv | a residue name, part and bin of resolution | qscore fit"
        ),
        _table("rivals", layouts.RIVALS, "rivals/rivals.parquet, rivals/rivals.tsv | a score | qscore rivals"),
        _table(
            "correlations", layouts.CORRELATIONS,
            "rivals/correlations.parquet, rivals/correlations.tsv | a pair of scores | qscore rivals",
        ),
        _table("draws", layouts.DRAWS, "draws/draws.parquet | a diverse sample drawn | qscore draws"),
        _table(
            "concordance", layouts.CONCORDANCE,
            "concordance/concordance.parquet, concordance/concordance.tsv | a pair with a published Q | "
            "qscore concordance",
        ),
    ),
    "What falls short": (
        _table(
            "outliers", layouts.OUTLIERS,
            "outliers/outliers.parquet, outliers/outliers.tsv | a scored pair | qscore outliers",
        ),
        _table(
            "regions", layouts.REGIONS,
            "regions/regions.parquet, regions/regions.tsv | a run of residues, or a ligand, ion or water | "
            "qscore regions",
        ),
        _table(
            "entry_regions", layouts.REGION_SUMMARY, "regions/entries.parquet | a scored pair | qscore regions"
        ),
        _table(
            "ranked_ligands", layouts.RANKED,
            "regions/ligands.parquet | a ligand, glycan, ion or water | qscore regions",
        ),
        _table("scan_null", layouts.SCAN_NULL, "regions/scan_null.parquet | a reference chain | qscore regions"),
        _table("flags", layouts.FLAGS, "flags/flags.parquet, flags/flags.tsv | a scored pair | qscore flag"),
    ),
    "The second look": (
        _table("examined", layouts.EXAMINED, "examination/<batch>.tsv | a pair looked at again | qscore examination"),
        _table(
            "frames", layouts.FRAMES, "evidence/<batch>/frames.parquet | a pair looked at again | qscore examine-batch"
        ),
        _table(
            "profiles", layouts.SHOWN_PROFILES,
            "evidence/<batch>/profiles.parquet | a radius of one of the best and worst atoms | qscore examine-batch",
        ),
        _table(
            "traces", layouts.TRACES, "evidence/<batch>/traces.parquet | a polymer residue | qscore examine-batch"
        ),
        _table(
            "worklist", layouts.WORKLIST,
            "worklist/worklist.parquet, worklist/worklist.tsv | a suspected error of the archive | qscore worklist",
        ),
    ),
    "One pair": (
        _table("atoms", layouts.ATOMS, "atoms.tsv | an atom | qscore score --atoms"),
        _table("compared", layouts.COMPARED, "compare.tsv | a residue of either model | qscore compare"),
        _table("profiles_of_atoms", layouts.PROFILES, "--table FILE | a radius of an atom or type | qscore profile"),
    ),
}  # fmt: skip

INTRO = """# Columns of every table

Generated by `qscore columns --markdown`; `qscore columns TABLE` prints one table. Files are relative to the results
folder of a survey; the survey writes Parquet, and tab-separated text beside the small tables (numbers with 6 digits
there, in full in Parquet). Kinds: *text*, *whole* number, *number*, *yes/no*. An empty cell was not measured or does
not apply; it is never 0. Units stand in the meaning; what names none is a plain number or share.
"""


def every() -> Iterator[Table]:
    """All tables, group by group."""
    for group in GROUPS.values():
        yield from group


def find(name: str) -> Table:
    """The table of a name.

    Raises
    ------
    ValueError
        There is none.
    """
    for table in every():
        if table.name == name:
            return table
    raise ValueError(f"no table is called {name}; expected one of: {', '.join(table.name for table in every())}")


def holder(table: Table) -> Table | None:
    """A table with more columns that has all of this one's, meanings too; None when there is none."""
    columns = set(table.layout.columns)
    wider = (other for other in every() if columns < set(other.layout.columns))
    return next(wider, None)


def overview() -> str:
    """All tables as text: name, rows and files."""
    width = max(len(table.name) for table in every())
    lines = []
    for group, members in GROUPS.items():
        lines += ["", group, *(f"  {t.name:<{width}}  {t.files}: a row is {t.rows}" for t in members)]
    return "\n".join(lines[1:])


def plain(table: Table) -> str:
    """One table as text: where it is, then a line for each column."""
    wide = max(len(column.name) for column in table.layout.columns)
    head = [table.files, f"a row is {table.rows}; written by {table.stage}", ""]
    return "\n".join(head + [f"{c.name:<{wide}}  {c.kind:<6}  {c.meaning}" for c in table.layout.columns])


def markdown(table: Table) -> str:
    """One table as a section of Markdown; columns that a wider table has are named and not told twice."""
    files = ", ".join(f"`{name.strip()}`" if "/" in name or "." in name else name for name in table.files.split(","))
    head = f"### {table.name}\n\n{files}: a row is {table.rows}; written by `{table.stage}`.\n\n"
    if wider := holder(table):
        names = ", ".join(f"`{name}`" for name in table.layout.names)
        return f"{head}Columns as in [{wider.name}](#{wider.name}): {names}.\n"
    rows = "\n".join(f"| `{c.name}` | {c.kind} | {_cell(c)} |" for c in table.layout.columns)
    return f"{head}| column | kind | meaning |\n|---|---|---|\n{rows}\n"


def page() -> str:
    """The page of all tables, as Markdown."""
    listed = "\n".join(
        f"| {', '.join(f'[{table.name}](#{table.name})' for table in members)} | {group} |"
        for group, members in GROUPS.items()
    )
    parts = [INTRO, f"| tables | about |\n|---|---|\n{listed}\n"]
    for group, members in GROUPS.items():
        parts += [f"## {group}\n", *(markdown(table) for table in members)]
    return "\n".join(parts)


def _cell(column: Column) -> str:
    """A meaning as a cell of Markdown."""
    return column.meaning.replace("|", "\\|").replace("<", "&lt;")
