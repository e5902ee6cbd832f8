"""Questions to a survey's tables in SQL (owns duckdb): nothing but them is read, and nothing is written but the answer.

The tables are views over the survey's files, named as in `qscore.layouts`. Before a question is asked the database is
shut: no file but those of the views and of a private folder for what does not fit into memory, no extension, no
setting that could be changed. One statement is taken, and only one that asks.
"""

from __future__ import annotations

import re
import resource
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from qscore import letters, surveytables, tables
from qscore.slabs import cores
from qscore.surveytables import NAMES, quoted

FORMATS = {
    ".csv": "FORMAT csv, HEADER",
    ".tsv": "FORMAT csv, HEADER, DELIMITER '\t'",
    ".parquet": "FORMAT parquet, COMPRESSION zstd",
}
_SHOWN, _WRITTEN = "CREATE OR REPLACE TEMP TABLE answer AS (", "COPY ("
MEMORY_MB = 2000
_OVERHEAD_MB = 500
"""What the process takes beside the database's own buffers: interpreter, decompressed pages, results on their way."""
_LEAST_MB = 200


@dataclass(frozen=True)
class Limits:
    """What a question may take.

    Attributes
    ----------
    memory_mb : int
        Memory of the whole process, MB; what does not fit goes to the private folder. A question that would take
        more ends as an error; where little is allowed, at 500 MB beside the buffers.
    threads : int or None
        None for all cores of the process.
    """

    memory_mb: int = MEMORY_MB
    threads: int | None = None

    @property
    def buffers_mb(self) -> int:
        """What the database's buffers may take, MB."""
        return max(self.memory_mb - _OVERHEAD_MB, self.memory_mb // 2, _LEAST_MB)


@dataclass(frozen=True)
class Answer:
    """The beginning of an answer.

    Attributes
    ----------
    columns : list of str
    rows : list of tuple
        The first ones.
    total : int
        Rows of the whole answer.
    """

    columns: list[str]
    rows: list[tuple] = field(repr=False)
    total: int


class Survey:
    """The tables of a survey, open to questions. Made by `opened`."""

    def __init__(self, connection, workshop: Path, results: Path, broken: Mapping[str, str]):
        self._connection, self._workshop = connection, workshop
        self._results, self._present, self._broken = results, sorted(_names(connection)), broken

    def ask(self, sql: str, values: Mapping | None = None, *, most: int = 40) -> Answer:
        """The first rows of an answer, and how many there are.

        Parameters
        ----------
        sql : str
            One statement that asks, with ``$name`` where a value stands.
        values : mapping, optional
            Values of these names.
        most : int
            Rows to bring.

        Raises
        ------
        ValueError
            The statement does more than ask, or cannot be answered.
        """
        question = self._question(sql, values or {})
        with self._errors():
            self._connection.execute(f"{_SHOWN}{question}\n)", dict(values or {}))
            ((total,),) = self._connection.execute("SELECT count(*) FROM answer").fetchall()
            found = self._connection.execute(f"SELECT * FROM answer LIMIT {int(most)}")
            return Answer([column[0] for column in found.description], found.fetchall(), total)

    def empty(self, sql: str) -> list[str]:
        """The tables that a question names and that have no row in this survey: there nothing was looked for."""
        named = sorted(set(re.findall(r"\b(?:FROM|JOIN)\s+([a-z_]+)", sql, re.IGNORECASE)) & set(self._present))
        with self._errors():
            return [
                name
                for name in named
                if not self._connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchall()  # a name of ours
            ]

    def write(self, sql: str, path, values: Mapping | None = None) -> int:
        """The whole answer → a file by its ending (.csv, .tsv or .parquet), there when whole. Returns its rows.

        Raises
        ------
        ValueError
            As `ask`; or an ending that is not known, or a place that cannot be written, or among the survey's tables.

        Notes
        -----
        Cells are written as they are, also one that begins with ``=``, which a spreadsheet takes for a formula: as
        database tools do, because to mark it would change the data for every other reader, negative numbers first.
        """
        form = _format(path)
        self._check_apart(path)
        question, beside = self._question(sql, values or {}), self._workshop / "answer"
        with self._errors():
            copy = f"{_WRITTEN}{question}\n) TO '{quoted(beside)}' ({form}, USE_TMP_FILE false)"
            ((total,),) = self._connection.execute(copy, dict(values or {})).fetchall()
        with open(beside, "rb") as source, tables.whole_file(path, "wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        beside.unlink()
        return total

    def _check_apart(self, path) -> None:
        """Refuse a place in the survey's own folders, or where a table of it lies outside of them."""
        folders = {Path(one).resolve().parent for paths in surveytables.files(self._results).values() for one in paths}
        inner = Path(path).resolve().parent
        if inner in folders or (inner != self._results.resolve() and inner.is_relative_to(self._results.resolve())):
            raise ValueError(f"{path} lies among the tables of the survey: choose another folder")

    def _question(self, sql: str, values: Mapping) -> str:
        """The text of the one statement, checked."""
        if letters.is_no_text(sql):
            raise ValueError("the question holds bytes that are no text of UTF-8")
        with self._errors():
            statements = self._connection.extract_statements(sql)
        if len(statements) != 1:
            raise ValueError(f"expected one SQL statement, got {len(statements)}")
        kind = statements[0].type.name
        if kind != "SELECT":
            raise ValueError(f"only questions are answered (SELECT, WITH, FROM …): this is {kind}")
        _check_values(statements[0].named_parameters, values)
        return _body(statements[0].query)

    @contextmanager
    def _errors(self):
        """What the database complains of, in one line and the survey's words."""
        try:
            yield
        except duckdb.InterruptException as err:
            raise KeyboardInterrupt from err
        except RuntimeError as err:
            if "interrupted" in str(err):  # so Ctrl-C arrives while a statement runs
                raise KeyboardInterrupt from err
            raise
        except (duckdb.OutOfMemoryException, MemoryError) as err:
            raise ValueError(f"the question needs more memory than allowed (--memory): {_first(err)}") from err
        except duckdb.IOException as err:
            raise OSError(_first(err)) from err
        except duckdb.Error as err:
            raise ValueError(self._words(err)) from err

    def _words(self, err) -> str:
        found = re.search(r"Table with name \"?(\w+)\"? does not exist", str(err))
        if not found:
            return _first(err)
        name, here = found[1].lower(), ", ".join(self._present)
        if name in self._broken:
            return f"no question of {name!r} can be answered: {self._broken[name]}"
        what = "this survey has no table" if name in NAMES else "there is no table"
        return f"{what} {name!r} ({self._results}); it has {here}"


def _body(statement: str) -> str:
    """One statement without the semicolon that ends it, and the comments that follow that."""
    text, begun = statement.encode(), False
    for place, kind in duckdb.tokenize(statement):  # places in bytes
        ends = kind == duckdb.token_type.operator and text[place : place + 1] == b";"
        if begun and ends:
            return text[:place].decode()
        begun = begun or not (ends or kind == duckdb.token_type.comment)
    return statement


def _first(err) -> str:
    """The first line of an error, what the database proposes instead, and the place in the question."""
    lines = [line.strip() for line in str(err).splitlines() if line.strip()] or [type(err).__name__]
    proposed = next((line for line in lines if line.startswith(("Candidate bindings", "Did you mean"))), "")
    at = next((line for line in lines if line.startswith("LINE ")), "")
    for wrapped in (_SHOWN, _WRITTEN):
        at = at.replace(wrapped, "")
    return " ".join(filter(None, (lines[0], proposed[:200], at and f"[{at[:120]}]")))


def _check_values(wanted, values: Mapping) -> None:
    if missing := sorted(set(wanted) - set(values)):
        raise ValueError(f"the question leaves open ${', $'.join(missing)}: give them with --set")
    if left := sorted(set(values) - set(wanted)):
        known = f"; it has {', '.join(sorted(wanted))}" if wanted else "; it has none"
        raise ValueError(f"the question has no value {', '.join(left)}{known}")


def check_place(path) -> None:
    """Refuse a place whose ending no format has."""
    _format(path)


def _format(path) -> str:
    try:
        return FORMATS[Path(path).suffix.lower()]
    except KeyError:
        raise ValueError(f"cannot tell the format of {path}: expected {', '.join(FORMATS)}") from None


@contextmanager
def opened(results, limits: Limits | None = None):
    """The tables of a results folder, shut against everything else: a `Survey`.

    Raises
    ------
    ValueError
        The folder holds no tables, or none that can be read.

    Notes
    -----
    A table that cannot be read stops the questions of that table alone.
    """
    present = surveytables.files(results)
    with tempfile.TemporaryDirectory(prefix="qscore-audit-") as workshop:
        connection = duckdb.connect(":memory:", config={"python_enable_replacements": False})
        try:
            broken = _views(connection, present)
            limits = limits or Limits()
            _shut(connection, present, limits, Path(workshop))
            with _bounded(limits):
                yield Survey(connection, Path(workshop), Path(results), broken)
        finally:
            connection.close()


@contextmanager
def _bounded(limits: Limits):
    """The process bound by the system too: one value of an answer may be larger than the database's buffers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    status = Path("/proc/self/statm")
    if not status.exists():  # Linux alone tells, and holds to, what a process may take
        yield
        return
    taken = int(status.read_text().split()[5]) * resource.getpagesize()
    most = taken + (max(limits.memory_mb, limits.buffers_mb + _OVERHEAD_MB) << 20)
    told = [one for one in (soft, hard) if one != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([most, *told]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _views(connection, present: Mapping) -> dict[str, str]:
    """Make a view of every table; those that cannot be read → why."""
    broken = {}
    for name, paths in present.items():
        try:
            source = surveytables.source(paths)
            there = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
            connection.execute(f"CREATE VIEW {name} AS {surveytables.view(name, paths, there)}")
        except duckdb.Error as err:
            broken[name] = f"cannot read {paths[0]}: {_first(err)}"
        except ValueError as err:
            broken[name] = str(err)
    if len(broken) == len(present):
        raise ValueError(next(iter(broken.values())))
    for name, text in surveytables.joined(present).items():
        try:
            connection.execute(f"CREATE VIEW {name} AS {text}")
        except duckdb.CatalogException:  # one of its tables is not there
            broken[name] = "; ".join(why for table, why in broken.items() if re.search(rf"\b{table}\b", text))
    return broken


def _names(connection) -> list[str]:
    rows = connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    return [row[0] for row in rows]


def _shut(connection, present: Mapping, limits: Limits, workshop: Path) -> None:
    """Bound what questions take, and close the database to all but the tables' files."""
    allowed = ", ".join(f"'{quoted(path)}'" for paths in present.values() for path in paths)
    spill = workshop / "spill"
    spill.mkdir()
    for setting in (
        f"memory_limit = '{limits.buffers_mb}MB'",
        f"threads = {limits.threads or cores()}",
        f"temp_directory = '{quoted(spill)}'",
        f"allowed_paths = [{allowed}, '{quoted(workshop / 'answer')}']",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "allow_community_extensions = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
