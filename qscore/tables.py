"""Reading and writing of every table (owns pyarrow); what their columns are is in `qscore.layouts`."""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qscore.coded import in_order
from qscore.errors import is_full
from qscore.layouts import (
    ATOMS,
    BATCH,
    BESIDE_ENTRIES,
    CHAINS,
    COMPARED,
    CONCORDANCE,
    CORRELATIONS,
    DRAWS,
    ENTRIES,
    EXAMINED,
    EXCLUDED,
    FLAGS,
    FRAMES,
    INCLUSION,
    LIGANDS,
    OTHER_SCORES,
    OUTLIERS,
    PAIRS,
    PROFILES,
    PUBLISHED,
    RANKED,
    REGION_SUMMARY,
    REGIONS,
    RESIDUES,
    RIVALS,
    SCORED,
    SHOWN_PROFILES,
    TRACES,
    WORKLIST,
    Column,
    Layout,
)
from qscore.stored import UNFINISHED, check_stored

__all__ = [
    "ATOMS", "BATCH", "BESIDE_ENTRIES", "CHAINS", "COMPARED", "CONCORDANCE", "CORRELATIONS", "DRAWS", "ENTRIES",
    "EXAMINED", "EXCLUDED", "FLAGS", "FRAMES", "INCLUSION", "LIGANDS", "OTHER_SCORES", "OUTLIERS", "PAIRS", "PROFILES",
    "PUBLISHED", "RANKED", "REGIONS", "REGION_SUMMARY", "RESIDUES", "RIVALS", "SCORED", "SHOWN_PROFILES", "TRACES",
    "WORKLIST", "Column", "Layout",
    "as_columns", "as_json", "concatenate", "frame", "growing", "read_parquet", "read_rows", "read_tsv",
    "row_groups", "schema", "shares_of_groups", "whole_file", "write_json", "write_parquet", "write_tsv",
]  # fmt: skip
_CODED = pa.dictionary(pa.int32(), pa.string())
_GROUP = 1 << 17  # rows
_LOOKED_FOR = ("emdb_id", "pdb_id")
_WORTH_A_PROCESS = 4  # row groups: to begin a process takes as long as to read some
_TYPES = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64(), "yes/no": pa.bool_()}


def schema(layout: Layout) -> pa.Schema:
    """The Parquet schema of a layout."""
    return pa.schema([(column.name, _TYPES[column.kind]) for column in layout.columns])


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
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED)
    except OSError as err:
        raise _unwritable(path, err) from err
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
        raise _unwritable(path, err) from err


def _unwritable(path: Path, err: OSError) -> Exception:
    """A place that cannot be written is the caller's mistake, a full disk nobody's."""
    if is_full(err):
        return OSError(err.errno, err.strerror, str(path))
    return ValueError(f"cannot write {path}: {err.strerror}")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def as_columns(layout: Layout, rows: Iterable[Mapping]) -> dict[str, list]:
    """Rows → columns in the layout's order; what a row lacks is None."""
    rows = list(rows)
    return {name: [row.get(name) for row in rows] for name in layout.names}


def ready() -> None:
    """Have imported what PyArrow imports with its first array (pandas), for processes that are forked from this one."""
    pa.array(np.zeros(1), from_pandas=True)


def write_parquet(path, layout: Layout, columns: Mapping, *, beside: Layout | None = None) -> None:
    """Columns (name → sequence of length n) → Parquet, NaN as missing; `beside` names columns beyond the layout."""
    every = Layout(layout.name, layout.columns + (beside.columns if beside else ()))
    with whole_file(path, "wb") as stream:
        pq.write_table(_table(every, columns), stream, **_encoding(every))


def _table(layout: Layout, columns: Mapping) -> pa.Table:
    arrays = [pa.array(columns[c.name], type=_TYPES[c.kind], from_pandas=True) for c in layout.columns]
    return pa.Table.from_arrays(arrays, schema=schema(layout))


def _encoding(layout: Layout) -> dict:
    """Numbers with a fraction hardly repeat: a dictionary of them costs time and space, and is then given up.

    Nor do they get much smaller: zstd took half of all time of writing and reading for a twelfth of the space. Bounds
    are kept of what row groups are looked for by.
    """
    repeated = [column.name for column in layout.columns if column.kind != "number"] or False
    bounded = [name for name in _LOOKED_FOR if name in layout.names] or False
    codec = {column.name: "lz4" if column.kind == "number" else "zstd" for column in layout.columns}
    return {"compression": codec, "use_dictionary": repeated, "write_statistics": bounded}


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


def _read(path, layout: Layout | None, *, codes: bool = False) -> pa.Table:
    """A Parquet file → table: the layout's columns (null where the file lacks one), or all without a layout.

    With `codes`, text as a dictionary and the index into it.

    Not by `pq.read_table`, which imports pandas and costs twice the time on small files.

    Raises
    ------
    ValueError
        The file is no Parquet, or lacks half of the layout's columns: it is another table.
    """
    try:
        with _opened(path, layout if codes else None) as file:
            there = set(file.schema_arrow.names)
            wanted = layout and [name for name in layout.names if name in there]
            if layout and 2 * len(wanted) < len(layout.names):
                raise ValueError(f"{path} is no table of {layout.name}")
            found = file.read(columns=wanted, use_threads=False)
    except pa.ArrowException as err:
        raise ValueError(f"cannot read {path}: {_line(err)}") from err
    if layout is None:
        return found
    for field in schema(layout):
        if field.name not in there:
            found = found.append_column(field, pa.nulls(found.num_rows, field.type))
    found = found.select(layout.names)
    return found if codes or found.schema.equals(schema(layout)) else _as(path, found, schema(layout))


def _as(path, found: pa.Table, wanted: pa.Schema) -> pa.Table:
    """A table whose columns of these names are of these types.

    Raises
    ------
    ValueError
        One of them holds something else.
    """
    for place, field in enumerate(found.schema):
        want = wanted.field(field.name) if field.name in wanted.names else field
        if not field.type.equals(want.type):
            try:
                found = found.set_column(place, want, found.column(place).cast(want.type))
            except pa.ArrowException as err:
                raise ValueError(f"cannot read {path}: column {field.name} of {field.type}: {_line(err)}") from err
    return found


def _line(err: Exception) -> str:
    return str(err).splitlines()[0] if str(err) else type(err).__name__


@contextmanager
def _opened(path, coded: Layout | None = None):
    """A Parquet file, open; the text of a layout is then read as a dictionary and the index into it."""
    if Path(path).is_dir():
        raise ValueError(f"cannot read {path}: it is a folder")
    with pq.ParquetFile(path) as file:
        if coded is None:
            yield file
            return
        there, text = set(file.schema_arrow.names), {c.name for c in coded.columns if c.kind == "text"}
        with pq.ParquetFile(path, metadata=file.metadata, read_dictionary=sorted(text & there)) as again:
            yield again


def read_parquet(*paths, layout: Layout) -> dict[str, list]:
    """One or more Parquet files of a layout → columns."""
    tables = [_read(path, layout) for path in paths]
    return pa.concat_tables(tables).to_pydict() if tables else {name: [] for name in layout.names}


def concatenate(path, parts, *, layout: Layout, watched: Layout | None = None, watch: Callable | None = None) -> None:
    """Parquet files of a layout → one. No part lies in two of its row groups; short parts share one.

    `watch` is called with the `watched` columns of each part, as `row_groups` gives them with codes.
    """
    with growing(path, layout) as add:
        for found in _read_ahead(parts, layout):
            add(found)
            if watch is not None:
                watch({c.name: _array(found[c.name], c.kind, codes=True) for c in watched.columns})


@contextmanager
def growing(path, layout: Layout):
    """A Parquet file of a layout and the call that adds rows to it: a table, or columns as `write_parquet` takes them.

    What is added at once lies in one row group, with what came before while that is short: each group costs whoever
    reads the file some milliseconds.
    """
    text = [column.name for column in layout.columns if column.kind == "text"]
    coded = schema(layout)
    for name in text:  # as it is read: each different value once
        coded = coded.set(coded.get_field_index(name), pa.field(name, _CODED))
    waiting: list[pa.Table] = []
    writing: list[Future] = []

    def add(rows) -> None:
        found = rows if isinstance(rows, pa.Table) else _table(layout, rows)
        waiting.append(found if found.schema.equals(coded) else found.cast(coded))
        if sum(map(len, waiting)) >= _GROUP:
            put()

    def put() -> None:
        while writing:  # one at a time, in order
            writing.pop().result()
        writing.append(hand.submit(_write_group, writer, tuple(waiting)))
        waiting.clear()

    options = {"store_schema": False} | _encoding(layout)  # kept, it would make all readers see codes
    with (
        whole_file(path, "wb") as stream,
        pq.ParquetWriter(stream, coded, **options) as writer,
        ThreadPoolExecutor(1) as hand,
    ):
        yield add
        put()
        writing.pop().result()


def _write_group(writer: pq.ParquetWriter, waiting: tuple[pa.Table, ...]) -> None:
    """What waits becomes one row group."""
    if waiting:
        found = pa.concat_tables(waiting).unify_dictionaries()
        writer.write_table(found, row_group_size=max(len(found), 1))


def _read_ahead(parts, layout: Layout) -> Iterator[pa.Table]:
    """The tables of files one after the other, while the next is being read."""
    with ThreadPoolExecutor(1) as reader:
        coming: deque = deque()
        for part in parts:
            coming.append(reader.submit(_read, part, layout, codes=True))
            if len(coming) > 1:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def row_groups(
    path, *, layout: Layout, emdb_ids: Iterable[str] | None = None, codes: bool = False, only: Iterable[int] = ()
):
    """The row groups of a Parquet file, one after the other, as columns of numpy arrays (text as objects).

    Those of the residues table are one batch or several whole ones, see `concatenate`: no pair lies in two.
    With `emdb_ids`, only the rows of these entries, and no group without any; with `codes`, text as `Coded`; with
    `only`, the groups of these numbers.
    """
    wanted = None if emdb_ids is None else pa.array(sorted(set(emdb_ids)), pa.string())
    with _opened(path, layout) as file:
        if missing := set(layout.names) - set(file.schema_arrow.names):
            raise ValueError(f"{path} is no table of {layout.name}: it lacks {', '.join(sorted(missing))}")
        for number in only or range(file.num_row_groups):
            kept = None if wanted is None else _rows_among(file, number, wanted)
            if kept is not None and not kept.true_count:
                continue
            found = file.read_row_group(number, columns=layout.names, use_threads=False)
            found = found if kept is None else found.filter(kept)
            yield {c.name: _array(found[c.name], c.kind, codes) for c in layout.columns}


def shares_of_groups(path, jobs: int) -> list[range]:
    """The numbers of a Parquet file's row groups in shares for so many processes; one share where one process will do.

    Several shares a process, so that none waits long for the last.
    """
    with pq.ParquetFile(path) as file:
        groups = file.num_row_groups
    few = jobs == 1 or groups < 2 * _WORTH_A_PROCESS
    size = max(groups if few else groups // (4 * jobs), 1)
    return [range(first, min(first + size, groups)) for first in range(0, groups, size)]


def _array(column: pa.ChunkedArray, kind: str, codes: bool):
    """A column as a numpy array; text, of which each different value is made once, as objects or `Coded`."""
    if kind != "text":
        return column.cast(_TYPES[kind]).to_numpy()
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    names = np.append(whole.dictionary.to_numpy(zero_copy_only=False), None)  # the last for what is missing
    code = whole.indices.fill_null(len(names) - 1).to_numpy(zero_copy_only=False)
    if not codes:
        return names[code]
    return in_order(names, code) if whole.null_count else in_order(names[:-1], code)


def _rows_among(file: pq.ParquetFile, number: int, emdb_ids: pa.Array) -> pa.BooleanArray:
    """Which rows of a row group belong to these entries; only the column of their ids is read."""
    ids = file.read_row_group(number, columns=["emdb_id"], use_threads=False)["emdb_id"].cast(pa.string())
    return pc.is_in(ids, value_set=emdb_ids).combine_chunks()


def read_rows(path, *, layout: Layout | None = None, known: Layout | None = None) -> list[dict]:
    """A Parquet file → rows: the layout's columns (None where the file lacks one), or all without a layout.

    Of all, those that the layout `known` has are of its kinds.
    """
    found = _read(path, layout)
    return (_as(path, found, schema(known)) if known else found).to_pylist()


def read_tsv(path) -> list[dict[str, str]]:
    """Text with a header line → rows of text; empty cells as "". Tab-separated, or by commas when named ``.csv``.

    Raises
    ------
    ValueError
        The file cannot be read, or has no header line.
    """
    try:
        check_stored(path)
        with open(path, encoding="utf-8-sig", newline="") as stream:
            delimiter = "," if Path(path).suffix.lower() == ".csv" else "\t"
            reader = csv.DictReader(stream, delimiter=delimiter, restkey="", restval="")
            names = [name for name in reader.fieldnames or () if name]
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise csv.Error(f"column {twice} stands twice")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise ValueError(f"cannot read table {path}: {getattr(err, 'strerror', None) or err}") from err
    return [{key: (value or "").strip() for key, value in row.items() if key} for row in rows]


def frame(path, *, layout: Layout | None = None):
    """A Parquet file → pandas DataFrame: the layout's columns, or all without a layout."""
    return _read(path, layout).to_pandas()
