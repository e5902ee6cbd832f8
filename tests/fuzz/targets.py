"""What is fuzzed: five doors through which strangers' bytes come in, each as a function bytes → accepted or refused.

A target lets through only what its door may raise; any other exception is a finding. The first byte of an input
chooses how it is packed and asked for, the rest is the content.

    python tests/fuzz/targets.py model FILE ...     replays files within the limits, one word a file
"""

from __future__ import annotations

import gzip
import json
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
sys.path[:0] = [str(path) for path in (PROJECT, HERE.parent) if str(path) not in sys.path]

import mapbytes  # noqa: E402
import numpy as np  # noqa: E402

from qscore import catalogue, density, given, model, pairstable, run, search, subsets, tables, wholemap  # noqa: E402
from qscore.admission import CatalogueRule  # noqa: E402
from qscore.density import read_density  # noqa: E402
from qscore.errors import BadAnswer, UnusableEntry  # noqa: E402

SECONDS = 5  # an input may take
MEGABYTES = 1024  # of memory a process may have in use
LONGEST_LINE = 1500  # characters of a complaint
BASE_MAP = mapbytes.map_bytes(mapbytes.ramp((5, 6, 7)), extended=bytes(80))
ATOMS = np.array([[1.0, 2.0, 2.5], [3.0, 1.0, 4.0]])


class Unfit(AssertionError):
    """A door said no in a way that is of no use to a person: a finding."""


@dataclass(frozen=True)
class Target:
    """One door.

    Attributes
    ----------
    ask : callable
        bytes → whether they were accepted; anything raised is a finding.
    code : dict
        Module → names of the functions and classes that are the target; None for all of them.
    longest : int
        Bytes of the longest input made.
    """

    ask: Callable[[bytes], bool]
    code: dict[str, tuple[str, ...] | None]
    longest: int


@cache
def room() -> Path:
    """A folder of this process for the files of inputs."""
    room.kept = tempfile.TemporaryDirectory(prefix="qscore-fuzz-")  # until the process ends
    return Path(room.kept.name)


def packed(content: bytes, flags: int) -> bytes:
    """Bits 0 and 1: as it is, gzip, gzip of two members, gzip whose stream is cut where bits 6 and 7 say."""
    how = flags & 3
    if how == 0:
        return content
    if how == 2:
        half = len(content) // 2
        return gzip.compress(content[:half], 1, mtime=0) + gzip.compress(content[half:], 1, mtime=0)
    whole = gzip.compress(content, 1, mtime=0)
    return whole if how == 1 else whole[: len(whole) * (1 + (flags >> 6)) // 5]


def check_line(err: Exception, *named: str) -> None:
    """A complaint is one short line, and says what it is about."""
    line = str(err)
    if not line or "\n" in line or len(line) > LONGEST_LINE or not any(name in line for name in named or ("",)):
        raise Unfit(f"complaint {line[:300]!r} of {len(line)} characters; expected one line with {named}") from err


def _refused_entry(err: UnusableEntry, kind: str) -> bool:
    check_line(err)
    if not err.reason.startswith(kind):
        raise Unfit(f"refused as {err.reason}") from err
    return False


# ---- a map ----


def map_file(data: bytes) -> bool:
    """A map's header and stream; bits 2-5: header words edited, box only, seen in passing, .mrc and ahead."""
    flags, content = data[:1], data[1:]
    flags = flags[0] if flags else 0
    path = room() / f"m.{'mrc' if flags & 32 else 'map'}"
    path.write_bytes(packed(edited_map(content) if flags & 4 else content, flags))
    box, passing = ATOMS if flags & 8 else None, wholemap.Passing(ATOMS, 0.5) if flags & 16 else None
    try:
        if flags & 32:
            with density.opened(path, ahead=True) as stream:
                found, rest = density.read_box(stream, path, box, passing=passing)
                rest()
        else:
            found = read_density(path, box, passing=passing)
    except UnusableEntry as err:
        return _refused_entry(err, "map_")
    if found.values.dtype != np.float32 or (found.values.shape > tuple(found.grid[::-1]) and box is None):
        raise Unfit(f"a box {found.values.shape} of a grid {found.grid}")
    if passing is not None:
        passing.result()
    return True


def edited_map(edits: bytes) -> bytes:
    """A good map whose header words are replaced: a number of a word and four bytes, again and again."""
    raw = bytearray(BASE_MAP)
    for at in range(0, len(edits) - 4, 5):
        raw[4 * edits[at] : 4 * edits[at] + 4] = edits[at + 1 : at + 5]
    return bytes(raw)


# ---- a model ----


def model_file(data: bytes) -> bool:
    """mmCIF, or PDB (bit 2); bit 3: Q is written back, bit 4: model 2 is asked for."""
    flags, content = data[0] if data else 0, data[1:]
    path, written = room() / f"m.{'pdb' if flags & 4 else 'cif'}", room() / "q.cif"
    path.write_bytes(packed(content, flags))
    try:
        found = model.read_model(path, model_number=2 if flags & 16 else None)
    except UnusableEntry as err:
        return _refused_entry(err, "model_")
    except ValueError as err:
        check_line(err, "no model number 2")
        return False
    n = len(found)
    if not n or any(len(values) != n for values in (found.position, found.serial, found.kind, found.residue_index)):
        raise Unfit(f"a model of {n} atoms whose columns differ in length")
    if flags & 8:
        _write_and_read(path, written, found, None if not flags & 16 else 2)
    return True


def _write_and_read(path: Path, written: Path, found: model.Model, number: int | None) -> None:
    """The model with Q reads as the same atoms."""
    model.write_with_q(path, written, found, np.where(np.arange(len(found)) % 3, 0.5, np.nan))
    again = model.read_model(written, model_number=number)
    if not np.array_equal(again.position, found.position, equal_nan=True) or (again.atom != found.atom).any():
        raise Unfit("the model with Q has other atoms")
    if len(again.take(again.is_class("protein"))) != len(found.take(found.is_class("protein"))):
        raise Unfit("the model with Q has other classes")
    model.places(model.read_block(written))


# ---- a catalogue ----


def catalogue_rows(data: bytes) -> bool:
    """Bits 2-4: the search's CSV (as bytes, in a file, zipped), a table of pairs, a table of scores."""
    flags, content = data[0] if data else 0, data[1:]
    kind = (flags >> 2) & 7
    if kind < 4:
        return _search(content, kind, flags)
    path = room() / f"t.{'csv' if kind & 1 else 'tsv'}"
    path.write_bytes(content)
    try:
        pairs, excluded = (pairstable.from_table if kind < 6 else given.pairs_of_table)(path)
    except ValueError as err:
        _check_plain(err)
        check_line(err, path.name)
        return False
    if flags >> 5 == 7:  # Parquet takes longest
        catalogue.write(room() / "catalogue", pairs, excluded, source="table", digest="")
    if flags >> 6 == 2 and kind >= 6 and pairs:
        given.from_table(path, _pairs_file(pairs), room() / "given")
    return bool(pairs)


def _pairs_file(pairs: list[dict]) -> Path:
    catalogue.write(room() / "catalogue", pairs, [], source="table", digest="")
    return room() / "catalogue" / "pairs.parquet"


def _search(content: bytes, kind: int, flags: int) -> bool:
    source = content
    if kind > 1:
        source = room() / ("s.csv.gz" if kind == 3 else "s.csv")
        source.write_bytes(packed(content, flags) if kind == 3 else content)
    try:
        if kind == 1:
            search.check_header(content)
            search.check_end(content)
            search.count(content)
        answer = search.read_search(source)
    except BadAnswer as err:
        check_line(err, "the search's answer")
        return False
    except ValueError as err:
        _check_plain(err)
        check_line(err, "cannot read the search's answer")
        return False
    if set(answer.missing) & set(answer.fields):
        raise Unfit("a column is missing that came")
    catalogue.candidates(answer.records)
    rule = RULES[7 if flags & 32 else 0]
    pairs, excluded = catalogue.from_search(answer.records, {}, rule)
    if flags >> 5 == 7:
        catalogue.write(room() / "catalogue", pairs, excluded, source="search", digest="", rule=rule)
    return bool(pairs)


def _check_plain(err: ValueError) -> None:
    """What Python itself says of bytes that are no text, or of a NUL in a path, says nothing to a person."""
    if type(err) is not ValueError:
        raise Unfit(f"{type(err).__name__}: {err}") from err


RULES = (
    CatalogueRule(),
    CatalogueRule(models="first"),
    CatalogueRule(composite=False),
    CatalogueRule(most_map_mb=10.0),
    CatalogueRule(in_frame=("FULLOVERLAP",)),
    CatalogueRule(resolution_methods=("FSC 0.143 CUT-OFF",), highest=4.0),
    CatalogueRule(only="apoferritin"),
    CatalogueRule(only_ids=("EMD-1234/7sgd", "EMD-0003"), methods=("singleParticle",)),
)


# ---- an entry document ----


def entry_document(data: bytes) -> bool:
    """An entry's JSON; bit 2: beside what the search tells, bits 3-5: the rule, bits 6 and 7: tables are written."""
    flags, content = data[0] if data else 0, data[1:]
    folder, rule = room() / "documents", RULES[(flags >> 3) & 7]
    folder.mkdir(exist_ok=True)
    (folder / "EMD-1234.json").write_bytes(content)
    try:
        if flags & 4:
            document = catalogue._load(folder / "EMD-1234.json")
            pairs, excluded = catalogue.from_search(_told(), {"EMD-1234": document}, rule)
        else:
            pairs, excluded = catalogue.from_documents(folder, rule)
    except ValueError as err:
        _check_plain(err)
        check_line(err, "entry document EMD-1234.json", "stands twice")
        return False
    if flags >> 6 == 3:
        catalogue.write(room() / "catalogue", pairs, excluded, source="documents", digest="")
    return bool(pairs)


@cache
def _told() -> list[dict]:
    """What the search tells of the entry."""
    cells = {
        "emdb_id": "EMD-1234",
        "current_status": "REL",
        "fitted_pdbs": "7sgd",
        "xref_DOI": "doi:10.1093/a,10.1093/b",
    }
    came = [name for name in search.FIELDS if name != "resolution"]
    return [search.record(dict.fromkeys(search.FIELDS, "") | cells, tuple(came))]


# ---- a configuration ----


def configuration(data: bytes) -> bool:
    """A survey's YAML, as `qscore run --config` reads it; bit 0: the JSON of its subsets, as a stage gets it."""
    if data[:1] and data[0] & 1:
        return _subsets(data[1:].decode("utf-8", "replace"))
    path = room() / "c.yaml"
    path.write_bytes(data[1:])
    try:
        content = run.read_config(path, PROJECT)
    except ValueError as err:
        _check_plain(err)
        check_line(err, "configuration ")
        return False
    run.kind(content)
    run.command(PROJECT, path, {"results": content["results"]}, cores="1", dry_run=True)
    if content["source"] == "pairs":
        try:
            run.check_pairs(content | {"pairs": None}, None, PROJECT)
        except ValueError as err:
            check_line(err, "--pairs")
    json.dumps(content, default=str, allow_nan=False)  # Snakemake's command and its rules get it as text
    return True


TARGETS = {
    "map": Target(
        map_file,
        {
            "qscore.density": (
                "MapHeader",
                "read_density",
                "read_box",
                "parse_header",
                "_byte_order",
                "_axes",
                "_check_cell",
                "_frame",
                "_triple",
                "_box",
                "opened",
                "_decompressing",
                "_read_box",
                "_seen",
                "_sections",
                "_extended_bytes",
                "_exactly",
                "_skip",
                "_drain",
            ),
        },
        longest=40_000,
    ),
    "model": Target(
        model_file,
        {"qscore.model": None, "qscore.atomrows": None},
        longest=16_000,
    ),
    "catalogue": Target(
        catalogue_rows,
        {
            "qscore.search": (
                "Answer",
                "cells",
                "one",
                "plain",
                "read_search",
                "_opened",
                "check_header",
                "check_end",
                "count",
                "_checked",
                "_gathered",
                "merged",
                "_together",
                "record",
                "_distinct",
                "_released",
                "_says_released",
                "_resolution",
            ),
            "qscore.pairstable": None,
            "qscore.resolutions": None,
            "qscore.given": (
                "pairs_of_table",
                "_told",
                "from_table",
                "_given_entry",
                "read",
                "recognised",
                "_plain",
                "_beside",
                "_free",
                "_kind",
                "_row",
                "_apoferritin",
                "_value",
                "_emdb_id",
                "_accessions",
                "_fault",
                "_mark_repeated",
            ),
            "qscore.tables": ("read_tsv", "write_tsv", "_cell", "as_columns"),
        },
        longest=8_000,
    ),
    "document": Target(
        entry_document,
        {
            "qscore.documents": None,
            "qscore.facts": None,
            "qscore.catalogue": (
                "from_search",
                "from_documents",
                "from_entry_documents",
                "_load",
                "_may_be_taken",
                "_completed",
                "entry_pairs",
                "_sorted_by_rule",
                "_not_found",
                "_row",
            ),
            "qscore.apoferritin": None,
            "qscore.admission": ("why_not", "_unusable", "_unwanted", "_not_member"),
        },
        longest=8_000,
    ),
    "configuration": Target(
        configuration,
        {
            "qscore.run": (
                "read_config",
                "schema_of",
                "_content",
                "_check_values",
                "_check_value",
                "_named",
                "_complaint",
                "_short",
                "with_defaults",
                "_check_sources",
                "_check_addresses",
                "_check_ranges",
                "_check_subsets",
                "kind",
                "command",
            ),
            "qscore.subsets": (
                "parse",
                "from_json",
                "_subset",
                "_ids",
                "_conditions",
                "_value",
                "_shown",
                "check_columns",
            ),
        },
        longest=3_000,
    ),
}


def _subsets(text: str) -> bool:
    try:
        found = subsets.from_json(text)
        subsets.check_columns(found, tables.ENTRIES.names)
    except ValueError as err:
        _check_plain(err)
        check_line(err, "subset")
        return False
    return all(one.text() and one.name for one in found)


def replay(target: str, files: list[str]) -> None:
    """Ask a target each file: prints accepted or refused; a finding or a limit ends the process with an error."""
    ask = TARGETS[target].ask
    for file in files:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)  # of the processor: a busy machine is no hang
        accepted = ask(Path(file).read_bytes())
        signal.setitimer(signal.ITIMER_PROF, 0)
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if used > MEGABYTES:
            raise Unfit(f"{file}: {used:.0f} MB of memory")
        print("accepted" if accepted else "refused", Path(file).name, flush=True)


if __name__ == "__main__":
    replay(sys.argv[1], sys.argv[2:])
