"""The search's answer: one CSV of all entries, in EMDB's dialect, read into facts.

A cell may hold several values, joined by commas, a comma inside a value being
``\\,``; an entry with several models may have one quoted list, a bare value or
a row for each. Columns may be missing from the answer and rows repeated.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from urllib.parse import quote, urlencode

from qscore import ids, resolutions
from qscore.errors import BadAnswer
from qscore.facts import day
from qscore.resolutions import number

SEEN = (
    "emdb_id", "structure_determination_method", "resolution", "resolution_method", "author_resolution_fsc_0143_value",
    "calculated_resolution_fsc_0143_value", "map_model_resolution_fsc_05_value", "fitted_pdbs", "xref_PDB",
    "map_pixel_spacing_x", "image_reconstruction_point_group", "deposition_date", "map_release_date", "update_date",
    "obsolete_date", "withdrawn_date", "software", "xref_DOI", "xref_PUBMED",
)  # fmt: skip
UNPROVEN = ("title", "current_status", "sample_info_string", "xref_UNIPROTKB")
FIELDS = SEEN + UNPROVEN
# Of repeated rows the values of these are put together, of all others the first that says something is taken.
_LISTS = frozenset(
    {
        "resolution", "resolution_method", "author_resolution_fsc_0143_value", "fitted_pdbs", "xref_PDB", "software",
        "xref_DOI", "xref_PUBMED", "xref_UNIPROTKB",
    }
)  # fmt: skip
# Without one of each of these an answer is of no use.
_NEEDED = (("emdb_id",), ("fitted_pdbs", "xref_PDB"), ("current_status", "map_release_date"))
# A row within a cell: a stray quote. A run of blanks is looked at once, from its beginning.
_SWALLOWED = re.compile(r"(?<!\s)[^\S\r\n]*+[\r\n]\s*+\"?EMD-")
_NO_ID = re.compile(r"[\s,;\[\]\"'\\]+")  # what may stand between PDB ids, or around them
_WIDEST = 10 << 20  # characters of a cell
_BETWEEN = re.compile(r"(?<!\\),")
_MOST_DAMAGED = 0.01  # share of rows that may be odd before the answer counts as damaged


@dataclass(frozen=True)
class Answer:
    """A search's answer, read.

    Attributes
    ----------
    records : list of dict
        Facts of each entry (`qscore.facts`), in order of their ids.
    fields : tuple of str
        Columns that came.
    rows, damaged : int
        Rows below the header; of them those without an id or with another number of cells than the header.
    """

    records: list[dict]
    fields: tuple[str, ...]
    rows: int
    damaged: int

    @property
    def missing(self) -> list[str]:
        """Columns that are of use and did not come."""
        return [name for name in FIELDS if name not in self.fields]


def cells(text: str) -> list[str]:
    """The values of a cell; [] for an empty one."""
    if not text:
        return []
    if "," not in text:
        return [text]
    return [part.replace("\\,", ",").strip() for part in _BETWEEN.split(text)]


def one(text: str) -> str:
    """The first value of a cell that has one; ""."""
    return next(filter(None, cells(text)), "") if "," in text else text


def plain(text: str) -> str:
    """A cell of one text, commas and all."""
    return text.replace("\\,", ",")


def search_url(api: str, query: str, **options) -> str:
    """Address of a search: the query is one percent-encoded part of the path."""
    return f"{api.rstrip('/')}/search/{quote(query, safe='')}?{urlencode(options)}"


def read_search(source) -> Answer:
    """A search's answer → facts of each entry.

    Parameters
    ----------
    source : bytes or path-like
        The CSV, or a file of it, gzipped when named ``.gz``.

    Raises
    ------
    BadAnswer
        It is not this CSV: a column that is needed does not come, too many rows are damaged.
    ValueError
        The file cannot be read.
    """
    try:
        with _opened(source) as stream:
            header, by_id, rows, damaged = _gathered(csv.reader(stream))
    except (OSError, EOFError, zlib.error) as err:
        raise ValueError(f"cannot read the search's answer {source}: {getattr(err, 'strerror', None) or err}") from err
    except csv.Error as err:
        raise BadAnswer(f"the search's answer is no CSV: {err}") from err
    if damaged > _MOST_DAMAGED * rows:
        raise BadAnswer(f"the search's answer is damaged: {damaged} of {rows} rows are not as its header says")
    order = sorted(by_id, key=lambda emdb_id: (len(emdb_id), emdb_id))
    return Answer([record(merged(by_id.pop(key)), header) for key in order], header, rows, damaged)


@contextmanager
def _opened(source):
    """The text of an answer, read with wide cells; the csv module's limit, which is everybody's, is put back."""
    if isinstance(source, bytes):
        stream = io.BytesIO(source)
    else:
        stream = gzip.open(source) if Path(source).suffix == ".gz" else open(source, "rb")  # noqa: SIM115
    limit = csv.field_size_limit(_WIDEST)
    try:
        with io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="") as text:
            yield text
    finally:
        csv.field_size_limit(limit)


def check_header(body: bytes) -> tuple[str, ...]:
    """Columns in the first line of an answer.

    Raises
    ------
    BadAnswer
        A column that is needed is not among them: an error page, or nothing.
    """
    line = body[:100_000].decode("utf-8-sig", errors="replace").lstrip().split("\n", 1)[0]
    return _checked([name.strip() for name in line.strip().split(",")])


def check_end(body: bytes) -> None:
    """Whether the last row is whole, which only the end of its line tells: its last cells may be empty or cut.

    Raises
    ------
    BadAnswer
        It breaks off: an answer may be shortened and have the right length in its headers.
    """
    if not body.endswith((b"\n", b"\r")):
        last = body[-60:].decode("utf-8", errors="replace")
        raise BadAnswer(f"the search's answer breaks off: it ends with {' '.join(last.split())!r}")


def count(body: bytes) -> tuple[int, set[str]]:
    """Number of rows of an answer, and the ids in them.

    Raises
    ------
    BadAnswer
        It is not the CSV.
    """
    which = check_header(body).index("emdb_id")
    try:
        with _opened(body) as stream:
            found = [row[which] for row in csv.reader(stream) if len(row) > which]
    except csv.Error as err:
        raise BadAnswer(f"the search's answer is no CSV: {err}") from err
    return len(found) - 1, set(map(ids.emdb_id, found[1:]))


def _checked(header) -> tuple[str, ...]:
    header = tuple(name.strip().strip('"') for name in header)
    for names in _NEEDED:
        if not set(names) & set(header):
            began = " ".join(",".join(header).split())[:60]
            raise BadAnswer(f"the search's answer has no column {' or '.join(names)}: it begins with {began!r}")
    return header


def _gathered(reader) -> tuple[tuple[str, ...], dict[str, list[tuple]], int, int]:
    """Header; cells of `FIELDS` of the rows of each id; numbers of rows and of damaged ones."""
    header = _checked(next(reader, []))
    place = [header.index(name) if name in header else -1 for name in FIELDS]
    needed, width, which = itemgetter(*place), len(header), header.index("emdb_id")
    by_id, rows, damaged = {}, 0, 0
    for row in reader:
        if not row:
            continue
        swallowed = len(_SWALLOWED.findall("\0".join(row)))
        rows += 1 + swallowed
        if swallowed or len(row) != width or not row[which].strip():
            damaged += 1 + swallowed
            continue
        row.append("")  # what a column that did not come reads
        by_id.setdefault(ids.emdb_id(row[which]), []).append(needed(row))
    return header, by_id, rows, damaged


def merged(rows: list[tuple]) -> dict[str, str]:
    """Rows of one entry → its cells."""
    if len(rows) == 1:
        return dict(zip(FIELDS, rows[0], strict=True))
    columns = zip(FIELDS, zip(*rows, strict=True), strict=True)
    return {name: _together(name, values) for name, values in columns}


def _together(name: str, values: tuple[str, ...]) -> str:
    """The cells of one column: a status other than released, told in any row, is the entry's."""
    told = [value for value in values if value]
    if name == "current_status":
        told.sort(key=_says_released)
    return ",".join(values) if name in _LISTS and told else next(iter(told), "")


def record(cell: dict[str, str], header: tuple[str, ...] = FIELDS) -> dict:
    """Cells of one entry → facts.

    Parameters
    ----------
    cell : dict
        Each of `FIELDS` as text.
    header : tuple of str
        Columns that came: without ``fitted_pdbs`` models are read from ``xref_PDB``.
    """
    models = _NO_ID.split(cell["fitted_pdbs" if "fitted_pdbs" in header else "xref_PDB"])
    dois, pubmeds = _distinct(ids.doi, cell["xref_DOI"]), _distinct(ids.pubmed, cell["xref_PUBMED"])
    return {
        "emdb_id": ids.emdb_id(cell["emdb_id"]),
        "released": _released(cell),
        "models": tuple((pdb_id, None) for pdb_id in dict.fromkeys(ids.pdb_id(text) for text in models) if pdb_id),
        **(_resolution(cell) if "resolution" in header else resolutions.taken(None, None, None, resolutions.NOT_TOLD)),
        "method": one(cell["structure_determination_method"]) or None,
        "point_group": one(cell["image_reconstruction_point_group"]),
        "sample": plain(cell["sample_info_string"]),
        "title": plain(cell["title"]),
        "deposition": day(cell["deposition_date"]),
        "map_release": day(cell["map_release_date"]),
        "update": day(cell["update_date"]),
        "doi": dois[0] if dois else "",
        "several_doi": len(dois) > 1,
        "pubmed": pubmeds[0] if pubmeds else "",
        "several_pubmed": len(pubmeds) > 1,
        "uniprot": tuple(sorted(_distinct(ids.uniprot, cell["xref_UNIPROTKB"]))),
        "software": "; ".join(sorted(_distinct(str.strip, cell["software"]))),
        "calculated_resolution": number(one(cell["calculated_resolution_fsc_0143_value"])),
        "map_model_fsc05": number(one(cell["map_model_resolution_fsc_05_value"])),
        "voxel": number(one(cell["map_pixel_spacing_x"])),
    }


def _distinct(form, text: str) -> list[str]:
    """Values of a cell in one form, each once, without what is none."""
    return [value for value in dict.fromkeys(map(form, cells(text))) if value] if text else []


def _released(cell: dict[str, str]) -> bool:
    """By the status where it is told, else by the dates."""
    if status := one(cell["current_status"]).strip():
        return _says_released(status)
    return bool(day(cell["map_release_date"])) and not cell["obsolete_date"] and not cell["withdrawn_date"]


def _says_released(status: str) -> bool:
    return status.strip().upper() == "REL"


def _resolution(cell: dict[str, str]) -> dict:
    """Values with their criteria where the lists are of one length; else criteria are not known."""
    values = [number(value) for value in cells(cell["resolution"])]
    criteria = cells(cell["resolution_method"]) or [""]
    if len(values) == 1:
        values = values * len(criteria)
    elif len(values) != len(criteria):
        criteria = [""] * len(values)
    author = [number(value) for value in cells(cell["author_resolution_fsc_0143_value"])]
    return resolutions.choose(zip(values, criteria, strict=True), teller="search", by_author=author)
