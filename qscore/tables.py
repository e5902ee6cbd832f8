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
map_stamp | text | size and time of a local map file, "absent" when it is not there
model_stamp | text | the same of the model
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
map_sha256 | text | digest of the map file
model_sha256 | text | digest of the model file
version | text | version of the scorer
"""
)

SCORED = Layout("scored", _columns(_PAIR.strip() + _MEASURED.rstrip()))
ENTRIES = Layout("entries", _columns(_PAIR.strip() + _FILES + _METADATA.strip() + _MEASURED.rstrip()))
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


def write_parquet(path, layout: Layout, columns: Mapping) -> None:
    """Columns (name → sequence of length n) → Parquet, NaN as missing."""
    arrays = [pa.array(columns[c.name], type=_TYPES[c.kind], from_pandas=True) for c in layout.columns]
    with whole_file(path, "wb") as stream:
        pq.write_table(pa.Table.from_arrays(arrays, schema=layout.schema), stream, compression="zstd")


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


def read_parquet(*paths, layout: Layout) -> dict[str, list]:
    """One or more Parquet files of a layout → columns."""
    tables = [pq.read_table(path, schema=layout.schema) for path in paths]
    return pa.concat_tables(tables).to_pydict() if tables else {name: [] for name in layout.names}


def concatenate(path, parts, *, layout: Layout) -> None:
    """Parquet files of a layout → one, part by part."""
    with whole_file(path, "wb") as stream, pq.ParquetWriter(stream, layout.schema, compression="zstd") as writer:
        for part in parts:
            writer.write_table(pq.read_table(part, schema=layout.schema))


def read_rows(path, *, layout: Layout) -> list[dict]:
    """A Parquet file → rows."""
    return pq.read_table(path, schema=layout.schema).to_pylist()


def read_tsv(path) -> list[dict[str, str]]:
    """Tab-separated text with a header line → rows of text; empty cells as "".

    Raises
    ------
    ValueError
        The file cannot be read, or has no header line.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t", restkey="", restval=""))
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise ValueError(f"cannot read table {path}: {getattr(err, 'strerror', None) or err}") from err
    return [{key: (value or "").strip() for key, value in row.items() if key} for row in rows]


def frame(path, *, layout: Layout):
    """A Parquet file → pandas DataFrame."""
    return pq.read_table(path, schema=layout.schema).to_pandas()
