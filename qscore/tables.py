"""Columns, types and units of every table, and their reading and writing."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_TYPES = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64(), "yes/no": pa.bool_()}


@dataclass(frozen=True)
class Column:
    """One column: its name, kind (text, whole, number, yes/no) and meaning with unit."""

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True)
class Layout:
    """The columns of a table, in order."""

    name: str
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([(column.name, _TYPES[column.kind]) for column in self.columns])


def _columns(text: str) -> tuple[Column, ...]:
    """Lines of ``name | kind | meaning`` → columns."""
    return tuple(Column(*(part.strip() for part in line.split("|", 2))) for line in text.strip().splitlines())


_PAIR = """
emdb_id | text | EMDB entry, EMD-n
pdb_id | text | PDB entry of the fitted model, lower case
"""
_FILES = """
map_file | text | file of the map
model_file | text | file of the model
map_stamp | text | size and time of a map of one's own; size, frame and statistics of the archive's
model_stamp | text | size and time of a model of one's own
"""
_METADATA = """
resolution | number | reported resolution, Å
resolution_method | text | criterion of the reported resolution
method | text | how the structure was determined
sample | text | name of the sample
title | text | title of the entry
point_group | text | symmetry applied to the reconstruction
map_release | text | date the map was released, year-month-day
contour_level | number | recommended contour level, map units
voxel | number | voxel size along x, Å
composite | yes/no | whether the map is assembled from several
in_frame | text | relation of the model to the map as deposited
apoferritin | text | why the pair belongs to the apoferritin subset; empty when it does not
synthetic | yes/no | whether the pair is made up for demonstration
deposition | text | date of deposition
update | text | date the entry was last updated
doi | text | DOI of the primary citation
pubmed | text | PubMed id of the primary citation
uniprot | text | UniProt accessions of the sample, sorted, space between
software | text | programs of the reconstruction as the archive names them
x_source | text | where the resolution was read, and which of several was taken
calculated_resolution | number | resolution by FSC 0.143 as EMDB computes it from half maps, Å
map_model_fsc05 | number | resolution at which the map–model FSC is 0.5, as EMDB computes it, Å
nyquist_ratio | number | resolution in units of two voxels
map_grid | text | points of the map along columns, rows and sections as deposited
map_mb | number | size of the map uncompressed, MB
cluster_pub | text | pairs of one publication share it (DOI, PubMed id, or a run of ids with the same authors)
cluster_protein | text | pairs of one protein share it (UniProt accessions, else name of the sample)
"""

PAIRS = Layout("pairs", _columns(_PAIR.strip() + _FILES + _METADATA.strip()))
EXCLUDED = Layout(
    "excluded",
    _columns(_PAIR + "sample | text | name of the sample\nreason | text | why the pair is left out"),
)
BATCH = Layout("batch", _columns(_PAIR.strip() + _FILES + "map_release | text | date the map was released"))

_STATISTICS = """
q_mean | number | mean Q, σ 0.4 Å, no waters, an atom without score counting 0: EMDB's definition
q_scored | number | mean Q, σ 0.4 Å, no waters, over scored atoms
q_all | number | mean Q, σ 0.4 Å, with waters, an atom without score counting 0
q_mean_06 | number | as q_mean, σ 0.6 Å
q_scored_06 | number | as q_scored, σ 0.6 Å
q_all_06 | number | as q_all, σ 0.6 Å
"""
_MEASURED = (
    """
status | text | scored, or unusable
stage | text | where an unusable pair failed
reason | text | why: one of the closed list
detail | text | one line about it
transient | yes/no | whether another run may succeed with the same files
n_atoms | whole | non-hydrogen atoms of the model
n_scored | whole | of them scored
n_outside | whole | not scored: centre outside the map
n_constant | whole | not scored: the map is constant around it
n_not_finite | whole | not scored: the map is not a number around it
n_hydrogen | whole | hydrogens and deuteriums left out
n_altloc | whole | alternate locations left out
n_zero_occupancy | whole | scored atoms of zero occupancy
"""
    + _STATISTICS.strip()
    + """
q_backbone | number | mean Q of backbone atoms, σ 0.4 Å, over scored atoms
q_side_chain | number | mean Q of side-chain and base atoms, σ 0.4 Å, over scored atoms
q_protein | number | mean Q of protein atoms, σ 0.4 Å, over scored atoms
q_nucleic | number | mean Q of nucleic-acid atoms
q_ligand | number | mean Q of ligand atoms
q_glycan | number | mean Q of glycan atoms
q_ion | number | mean Q of ions
q_water | number | mean Q of waters
n_protein | whole | protein atoms
n_nucleic | whole | nucleic-acid atoms
n_ligand | whole | ligand atoms
n_glycan | whole | glycan atoms
n_ion | whole | ions
n_water | whole | water atoms
q_p05 | number | 5th percentile of Q of scored atoms but waters, σ 0.4 Å
q_p25 | number | 25th percentile
q_p50 | number | median
q_p75 | number | 75th percentile
q_p95 | number | 95th percentile
frac_shell_on_constant | number | share of shell points on exactly constant map or outside
mask_distance | number | 1st percentile over atoms of the distance to exactly constant map, Å; empty beyond 3
tight_mask | yes/no | mask_distance below 2.5 Å: Q is an upper bound
voxel_x | number | voxel size, Å
voxel_y | number | voxel size, Å
voxel_z | number | voxel size, Å
grid | text | points of the map along x, y, z
origin_rule | text | header words that placed the map: nstart or origin
notes | text | what is odd about the files
n_floor_shared | whole | atoms whose coordinates round down to those of another: EMDB reads Q back by these
n_named_h | whole | scored atoms that are no hydrogens but named like one
map_bytes | whole | size of the map file
model_bytes | whole | size of the model file
map_sha256 | text | digest of the map file
model_sha256 | text | digest of the model file
version | text | version of the scorer
"""
)

_PUBLISHED = """
q_published | number | mean Q as the archive publishes it, σ 0.4 Å, 3 decimals
published_source | text | where it was read
model_revision | text | date of the model's last revision
"""
PUBLISHED = Layout("published", _columns(_PAIR.strip() + _PUBLISHED.rstrip()))
SCORED = Layout("scored", _columns(_PAIR.strip() + _MEASURED.rstrip()))
ENTRIES = Layout("entries", PAIRS.columns + SCORED.columns[2:] + PUBLISHED.columns[2:])
RESIDUES = Layout(
    "residues",
    _columns(
        _PAIR.strip()
        + """
chain | text | author chain
number | text | author residue number
icode | text | insertion code
residue | text | residue name
class | text | protein, nucleic, ligand, glycan, ion or water
n_atoms | whole | non-hydrogen atoms
n_scored | whole | of them scored
q_04 | number | mean Q of scored atoms, σ 0.4 Å
q_06 | number | mean Q of scored atoms, σ 0.6 Å
q_04_backbone | number | of its backbone atoms
q_04_side_chain | number | of its side-chain or base atoms
frac_on_constant | number | share of its shell points on exactly constant map or outside
"""
    ),
)
ATOMS = Layout(
    "atoms",
    _columns("""
serial | text | serial number in the file
chain | text | author chain
number | text | author residue number
icode | text | insertion code
residue | text | residue name
atom | text | atom name
altloc | text | alternate location
element | text | element
x | number | Å
y | number | Å
z | number | Å
class | text | protein, nucleic, ligand, glycan, ion or water
q_04 | number | Q, σ 0.4 Å; empty where not scored
q_06 | number | Q, σ 0.6 Å; empty where not scored
"""),
)
FLAGS = Layout(
    "flags",
    _columns(
        _PAIR.strip()
        + """
sample | text | name of the sample
resolution | number | reported resolution, Å
q_mean | number | mean Q, σ 0.4 Å
expected_q | number | expected Q at that resolution
low | number | lower end of the expected band
high | number | upper end of the expected band
equation | text | where the expectation comes from
flag | text | low, high, or empty when within the band
in_fit | text | empty when the pair is in the main fit, else why not
"""
    ),
)
CONCORDANCE = Layout(
    "concordance",
    _columns(
        _PAIR.strip()
        + """
resolution | number | reported resolution, Å
q_mean | number | mean Q computed here, EMDB's definition
q_published | number | mean Q the archive publishes
difference | number | ours minus theirs
differs | yes/no | by more than 0.005
cause | text | a guess why, where it differs
evidence | text | the numbers the guess rests on
"""
    ),
)


@contextmanager
def whole_file(path, mode: str = "w"):
    """A file that appears under its name only when it is complete.

    Raises
    ------
    ValueError
        The folder cannot be written, or a folder has the file's name.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as err:
        raise ValueError(f"cannot write {path}: {err.strerror}") from err
    try:
        options = {} if "b" in mode else {"encoding": "utf-8", "newline": ""}
        with os.fdopen(handle, mode, **options) as stream:
            yield stream
        os.chmod(temporary, 0o666 & ~_umask())
        _put(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _put(temporary, path: Path) -> None:
    try:
        os.replace(temporary, path)
    except OSError as err:
        raise ValueError(f"cannot write {path}: {err.strerror}") from err


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def as_columns(layout: Layout, rows: Iterable[Mapping]) -> dict[str, list]:
    """Rows → columns in the layout's order; what a row lacks is None."""
    rows = list(rows)
    return {name: [row.get(name) for row in rows] for name in layout.names}


def write_parquet(path, layout: Layout, columns: Mapping, *, beside: Layout | None = None) -> None:
    """Columns (name → sequence of length n) → Parquet, NaN as missing; `beside` names columns beyond the layout."""
    every = layout.columns + (beside.columns if beside else ())
    arrays = [pa.array(columns[c.name], type=_TYPES[c.kind], from_pandas=True) for c in every]
    with whole_file(path, "wb") as stream:
        table = pa.Table.from_arrays(arrays, schema=Layout(layout.name, every).schema)
        pq.write_table(table, stream, compression="zstd")


def write_tsv(path, layout: Layout, columns: Mapping) -> None:
    """Columns → tab-separated text; missing values and NaN are empty, numbers have 6 digits."""
    with whole_file(path) as stream:
        writer = csv.writer(stream, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        writer.writerow(layout.names)
        writer.writerows(zip(*(map(_cell, columns[name]) for name in layout.names), strict=True))


def _cell(value) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return " ".join(str(value).split())


def write_json(path, content) -> None:
    """A mapping → JSON, indented; NaN as null."""
    with whole_file(path) as stream:
        stream.write(as_json(content) + "\n")


def as_json(content) -> str:
    """A mapping as JSON text, indented; NaN as null."""
    return json.dumps(_without_nan(content), indent=2, allow_nan=False, ensure_ascii=False)


def _without_nan(content):
    if isinstance(content, Mapping):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and content != content else content


def _read(path, layout: Layout | None) -> pa.Table:
    """A Parquet file → table: the layout's columns (null where the file lacks one), or all without a layout.

    Not by `pq.read_table`, which imports pandas and costs twice the time on small files.

    Raises
    ------
    ValueError
        The file is no Parquet.
    """
    try:
        with pq.ParquetFile(path) as file:
            wanted = layout and [name for name in layout.names if name in file.schema_arrow.names]
            found = file.read(columns=wanted, use_threads=False)
    except pa.ArrowInvalid as err:
        raise ValueError(f"cannot read {path}: {err}") from err
    if layout is None:
        return found
    for field in layout.schema:
        if field.name not in found.column_names:
            found = found.append_column(field, pa.nulls(found.num_rows, field.type))
    return found.select(layout.names).cast(layout.schema)


def read_parquet(*paths, layout: Layout) -> dict[str, list]:
    """One or more Parquet files of a layout → columns."""
    tables = [_read(path, layout) for path in paths]
    return pa.concat_tables(tables).to_pydict() if tables else {name: [] for name in layout.names}


def concatenate(path, parts, *, layout: Layout) -> None:
    """Parquet files of a layout → one, part by part."""
    with whole_file(path, "wb") as stream, pq.ParquetWriter(stream, layout.schema, compression="zstd") as writer:
        for part in parts:
            writer.write_table(_read(part, layout))


def read_rows(path, *, layout: Layout | None = None) -> list[dict]:
    """A Parquet file → rows: the layout's columns (None where the file lacks one), or all without a layout."""
    return _read(path, layout).to_pylist()


def read_tsv(path) -> list[dict[str, str]]:
    """Text with a header line → rows of text; empty cells as "". Tab-separated, or by commas when named ``.csv``.

    Raises
    ------
    ValueError
        The file cannot be read, or has no header line.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            delimiter = "," if Path(path).suffix.lower() == ".csv" else "\t"
            rows = list(csv.DictReader(stream, delimiter=delimiter, restkey="", restval=""))
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise ValueError(f"cannot read table {path}: {getattr(err, 'strerror', None) or err}") from err
    return [{key: (value or "").strip() for key, value in row.items() if key} for row in rows]


def frame(path, *, layout: Layout | None = None):
    """A Parquet file → pandas DataFrame: the layout's columns, or all without a layout."""
    return _read(path, layout).to_pandas()
