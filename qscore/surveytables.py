"""Which tables a survey leaves in its results folder, and the SQL that shows them with the columns of their layout."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from qscore import layouts
from qscore.offsets import EDGES, POLYMERS

_TYPES = {"text": "VARCHAR", "whole": "BIGINT", "number": "DOUBLE", "yes/no": "BOOLEAN"}
_ONE_BATCH = {name: f"evidence/*/{name}.parquet" for name in ("frames", "profiles", "traces")}
_PLACES = {
    "pairs": ("catalogue/pairs.parquet", layouts.PAIRS),
    "excluded": ("catalogue/excluded.tsv", layouts.EXCLUDED),
    "published": ("published/published.parquet", layouts.PUBLISHED),
    "entries": ("tables/entries.parquet", layouts.ENTRIES),
    "residues": ("tables/residues.parquet", layouts.RESIDUES),
    "chains": ("tables/chains.parquet", layouts.CHAINS),
    "ligands": ("tables/ligands.parquet", layouts.LIGANDS),
    "inclusion": ("tables/inclusion.parquet", layouts.INCLUSION),
    "lines": ("fit/lines.tsv", layouts.LINES),
    "coverage": ("fit/coverage.tsv", layouts.COVERAGE),
    "offsets": ("fit/offsets.tsv", layouts.OFFSETS),
    "draws": ("draws/draws.parquet", layouts.DRAWS),
    "outliers": ("outliers/outliers.parquet", layouts.OUTLIERS),
    "regions": ("regions/regions.parquet", layouts.REGIONS),
    "entry_regions": ("regions/entries.parquet", layouts.REGION_SUMMARY),
    "ranked_ligands": ("regions/ligands.parquet", layouts.RANKED),
    "scan_null": ("regions/scan_null.parquet", layouts.SCAN_NULL),
    "flags": ("flags/flags.parquet", layouts.FLAGS),
    "frames": (_ONE_BATCH["frames"], layouts.FRAMES),
    "profiles": (_ONE_BATCH["profiles"], layouts.SHOWN_PROFILES),
    "traces": (_ONE_BATCH["traces"], layouts.TRACES),
    "rivals": ("rivals/rivals.parquet", layouts.RIVALS),
    "correlations": ("rivals/correlations.parquet", layouts.CORRELATIONS),
    "concordance": ("concordance/concordance.parquet", layouts.CONCORDANCE),
    "worklist": ("worklist/worklist.parquet", layouts.WORKLIST),
}
NAMES = (*_PLACES, "judged_residues")
"""Every table that a survey may have."""

_JUDGED = """
WITH edges AS (SELECT {edges}::DOUBLE[] AS lows), found AS (
    SELECT residue, resolution_low, "offset", sd FROM offsets WHERE part = 'all'
), binned AS (
    SELECT emdb_id, pdb_id, resolution, expected_q AS entry_expected, low AS entry_low, high AS entry_high,
           list_max(list_filter(lows, lambda x: x <= greatest(resolution, lows[1]))) AS bin
    FROM {flags}, edges
), judged AS (
    SELECT b.*, a."offset" AS any_offset, a.sd AS any_sd
    FROM binned b LEFT JOIN found a ON a.residue = 'any' AND a.resolution_low = b.bin
)
SELECT r.*, j.resolution, j.entry_expected, j.entry_low, j.entry_high,
       j.entry_expected + coalesce(o."offset", j.any_offset, 0) AS expected_q,
       coalesce(o.sd, j.any_sd) AS expected_sd,
       (r.q_04 - j.entry_expected - coalesce(o."offset", j.any_offset, 0)) / nullif(coalesce(o.sd, j.any_sd), 0)
           AS z_archive
FROM residues r JOIN judged j USING (emdb_id, pdb_id)
LEFT JOIN found o ON o.residue = r.residue AND o.resolution_low = j.bin
WHERE r.class IN {polymers}
"""
_NO_OFFSETS = """
SELECT NULL::VARCHAR AS residue, NULL::VARCHAR AS part, NULL::DOUBLE AS resolution_low, NULL::DOUBLE AS "offset",
       NULL::DOUBLE AS sd
WHERE false
"""


def files(results) -> dict[str, list[str]]:
    """The tables that a results folder holds → their files, sorted; a table may lie in a folder, in parts.

    Raises
    ------
    ValueError
        It holds none.
    """
    folder = Path(results)
    found = {name: _files(folder, place) for name, (place, _) in _PLACES.items()}
    found = {name: paths for name, paths in found.items() if paths}
    if not found:
        raise ValueError(f"{folder} holds no survey's tables: expected a results folder, with tables/entries.parquet")
    return found


def _files(folder: Path, place: str) -> list[str]:
    parts = (folder / place).with_suffix("")
    paths = sorted(folder.glob(place)) or (sorted(parts.rglob("*.parquet")) if parts.is_dir() else [])
    return [str(path.absolute()) for path in paths if path.is_file()]


def source(paths: list[str]) -> str:
    """What a view reads from: one file or several, Parquet or tab-separated."""
    listed = ", ".join(f"'{quoted(path)}'" for path in paths)
    if paths[0].endswith(".tsv"):
        return f"read_csv([{listed}], delim = '\t', header = true, all_varchar = true, quote = '\"')"
    return f"read_parquet([{listed}], union_by_name = {str(len(paths) > 1).lower()})"


def view(name: str, paths: list[str], there: Collection[str]) -> str:
    """The columns of a table's layout as their kinds; null where the files, of an earlier version, lack one.

    Raises
    ------
    ValueError
        The files have none of them.
    """
    layout = _PLACES[name][1]
    if not set(there) & set(layout.names):
        raise ValueError(f"{paths[0]} is no table of {layout.name}")
    columns = (
        f"CAST({_identifier(c.name) if c.name in there else 'NULL'} AS {_TYPES[c.kind]}) AS {_identifier(c.name)}"
        for c in layout.columns
    )
    return f"SELECT {', '.join(columns)} FROM {source(paths)}"


def joined(present: Collection[str]) -> dict[str, str]:
    """Views that join tables which are there: name → SQL, in the order to make them."""
    flags = next((name for name in ("flags", "outliers") if name in present), None)
    if "residues" not in present or flags is None:
        return {}
    text = _JUDGED.format(flags=flags, edges=list(EDGES[:-1]), polymers=POLYMERS)
    return ({} if "offsets" in present else {"offsets": _NO_OFFSETS}) | {"judged_residues": text}


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quoted(path) -> str:
    """A path inside quotes of SQL."""
    return str(path).replace("'", "''")
