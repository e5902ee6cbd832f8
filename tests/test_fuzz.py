"""The doors for strangers' bytes: what once broke them does no more, and odd words in good files are read or refused.

The long, coverage-guided run is `tests/fuzz/campaign.py`; header words of maps are in `test_density.py`.
"""

import copy
import gzip
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import PROJECT
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FUZZ = Path(__file__).resolve().parent / "fuzz"
sys.path.insert(0, str(FUZZ))

import seeds  # noqa: E402
import targets  # noqa: E402

from qscore import run  # noqa: E402
from qscore.search import read_search  # noqa: E402

bounded = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SCHEMA = run.schema_of(PROJECT)
KEYS = [(name,) for name in SCHEMA["properties"]] + [
    (name, key) for name, part in SCHEMA["properties"].items() for key in part.get("properties", ())
]
DOCUMENTS = [json.loads(seed[1:]) for seed in seeds.seeds("document")]
ANY_TEXT = st.text(max_size=12) | st.sampled_from(["\0", "\n", '"', "'", "1e400", "nan", "-1", "EMD-1234", "7abc", "é"])
ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.sampled_from([10**400, -(10**400)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


def test_every_target_has_regressions():
    assert {path.name for path in (FUZZ / "regressions").iterdir()} == set(targets.TARGETS)


@pytest.mark.parametrize("target", targets.TARGETS)
def test_what_once_broke_a_door_is_read_or_refused(target):
    """In a child: compiled code that fails would end this process."""
    files = sorted((FUZZ / "regressions" / target).iterdir())
    command = [sys.executable, str(FUZZ / "targets.py"), target, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + targets.SECONDS * len(files))
    assert done.returncode == 0, done.stderr[-2000:]
    assert [line.split()[1] for line in done.stdout.splitlines()] == [path.name for path in files]


@pytest.mark.parametrize("target", targets.TARGETS)
def test_good_files_are_accepted(target):
    """Without these a target that refuses everything would pass."""
    asked = [targets.TARGETS[target].ask(seed) for seed in seeds.seeds(target)]
    assert sum(asked) >= 0.25 * len(asked)


CONFIGURATIONS = sorted((FUZZ / "regressions" / "configuration").iterdir())


@pytest.mark.parametrize("name", [path.name for path in CONFIGURATIONS if path.read_bytes()[:1] == b"\0"])
def test_a_configuration_that_cannot_be_read_is_refused_in_one_line(tmp_path, name):
    path = tmp_path / "c.yaml"
    path.write_bytes((FUZZ / "regressions" / "configuration" / name).read_bytes()[1:])
    with pytest.raises(ValueError, match=r"^configuration ") as caught:
        run.read_config(path, PROJECT)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < targets.LONGEST_LINE


# ---- map and model ----


@bounded
@given(flags=st.integers(0, 255), edits=st.lists(st.binary(min_size=5, max_size=5), max_size=4))
def test_any_packing_of_a_map_with_odd_words_is_read_or_refused(flags, edits):
    targets.map_file(bytes([flags | 4]) + b"".join(edits))


@bounded
@given(
    seed=st.sampled_from(seeds.seeds("model")),
    flags=st.integers(0, 31),
    edits=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 30), st.text(max_size=8) | st.binary(max_size=8)), max_size=5
    ),
)
def test_a_model_with_odd_pieces_is_read_or_refused(seed, flags, edits):
    text = bytearray(seed[1:])
    for place, length, piece in edits:
        at = int(place * len(text))
        text[at : at + length] = piece.encode("utf-8", "replace") if isinstance(piece, str) else piece
    targets.model_file(bytes([flags | seed[0] & 4]) + bytes(text))


def test_a_model_of_very_many_gzip_members_takes_no_more_time_than_its_bytes(tmp_path):
    member = gzip.compress(b"", mtime=0)
    path = tmp_path / "m.cif.gz"
    path.write_bytes(gzip.compress(seeds.CIF.encode(), mtime=0) + 200_000 * member)
    began = time.process_time()
    assert len(targets.model.read_model(path)) == 5
    assert time.process_time() - began < targets.SECONDS


# ---- catalogue ----


@bounded
@given(
    seed=st.sampled_from(seeds.seeds("catalogue")),
    flags=st.sampled_from([0, 16, 64, 128, 192]),
    cells=st.lists(st.tuples(st.integers(0, 2**16), ANY_TEXT), max_size=6),
)
def test_a_table_with_odd_cells_is_rows_or_one_clear_line(seed, flags, cells):
    kind = (seed[0] >> 2) & 7
    between = b"," if kind < 4 or kind & 1 else b"\t"
    parts = seed[1:].split(between)
    for at, text in cells:
        parts[at % len(parts)] = text.encode()
    targets.catalogue_rows(bytes([4 * kind | flags & 192 | seed[0] & 3]) + between.join(parts))


def test_blank_lines_in_a_cell_take_no_more_time_than_their_bytes():
    """A stray quote swallows rows, blank ones among them."""
    began = time.process_time()
    body = b'emdb_id,fitted_pdbs,current_status,title\nEMD-1234,7abc,REL,"' + b"\n" * 60_000 + b'"\n'
    assert len(read_search(body).records) == 1
    assert time.process_time() - began < targets.SECONDS


@pytest.mark.parametrize("inside", ["\nEMD-1", '\r\n \n"EMD-1', "a \t\n EMD-1", " \x0b\nEMD-1"])
def test_a_row_within_a_cell_is_seen_behind_blanks(inside):
    from qscore.search import _SWALLOWED

    assert len(_SWALLOWED.findall(inside)) == 1
    assert not _SWALLOWED.findall(inside.replace("\n", " ").replace("\r", " "))


# ---- entry documents ----


@bounded
@given(
    document=st.sampled_from(DOCUMENTS),
    where=st.lists(st.floats(0, 0.999), min_size=1, max_size=3),
    value=ANY_VALUE,
    flags=st.sampled_from([0, 4, 36, 192]),
)
def test_any_value_anywhere_in_a_document_is_borne(document, where, value, flags):
    document = json.loads(json.dumps(document))
    for place in where:
        places = list(seeds._places(document))
        holder, key = places[int(place * len(places))]
        holder[key] = copy.deepcopy(value)
    targets.entry_document(bytes([flags]) + json.dumps(document).encode())


# ---- configuration ----


@bounded
@given(key=st.sampled_from(KEYS), value=ANY_VALUE | st.dates() | st.binary(max_size=4))
def test_any_value_of_any_key_is_accepted_or_named(key, value, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    content = {"results": "r", "source": "emdb"} | {key[0]: value if len(key) == 1 else {key[1]: value}}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    try:
        found = run.read_config(path, PROJECT)
    except ValueError as err:
        line = str(err).removeprefix(f"configuration {path}: ")
        targets.check_line(err, "configuration ")
        assert any(part in line for part in key) or "a value that cannot be read" in line
    else:
        json.dumps(found, allow_nan=False)


@bounded
@given(
    text=st.lists(
        st.sampled_from(
            [
                "a",
                "1",
                ":",
                " ",
                "\n",
                "-",
                "[",
                "]",
                "{",
                "}",
                "&a ",
                "*a",
                "!!int ",
                "!!set ",
                "? ",
                '"',
                "'",
                "|",
                "%",
                "results: r\n",
                "source: demo\n",
            ]
        ),
        max_size=20,
    ).map("".join)
)
def test_any_yaml_is_a_configuration_or_one_line(text):
    targets.configuration(b"\0" + text.encode())


@pytest.mark.parametrize("target", seeds.MUTATORS)
def test_a_mutator_makes_inputs_of_which_some_are_accepted(target):
    rng, found = random.Random(1), seeds.seeds(target)
    asked = [targets.TARGETS[target].ask(seeds.MUTATORS[target](rng.choice(found), rng) or b"") for _ in range(60)]
    assert 0 < sum(asked) < len(asked)
