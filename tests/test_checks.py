"""Whole files pass; broken ones are named. What the scorer reads is never refused here."""

import gzip
import tracemalloc
import zlib

import mapbytes
import numpy as np
import pytest
from archive_server import PAGE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qscore.checks import check_map, check_model, crc32
from qscore.density import read_density
from qscore.errors import UnusableEntry
from qscore.model import read_block

RAMP = mapbytes.ramp()
RAW = mapbytes.map_bytes(RAMP)
MODEL = b"""# a comment
#
data_7SGD
loop_
_atom_site.type_symbol
_atom_site.Cartn_x
C 1.0
C 2.0
"""
EACH_TIME = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def put(tmp_path, raw, name="m.map.gz"):
    path = tmp_path / name
    path.write_bytes(raw)
    return path


def trouble(check, path):
    with pytest.raises(UnusableEntry) as caught:
        check(path)
    assert path.name in str(caught.value)
    return caught.value.reason


def packed(raw):
    return gzip.compress(raw, 6, mtime=0)


# ---- maps ----


@pytest.mark.parametrize("name", ["m.map", "m.map.gz"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("mode", [0, 1, 2, 6, 12])
def test_whole_maps(tmp_path, mode, order, name):
    check_map(mapbytes.write(tmp_path / name, RAMP, mode=mode, order=order, extended=b"x" * 160))


@pytest.mark.parametrize("name", ["m.map", "m.map.gz"])
@pytest.mark.parametrize(
    "header",
    [
        {"nsymbt": 8000},  # claims what is not there, as EMD-1042 does
        {"nsymbt": -5},
        {"axes": (0, 0, 0)},
        {"axes": (2, 1, 3)},
        {"stamp": b"\0\0\0\0"},
        {"origin": (float("nan"),) * 3},
        {"angles": (90, 90, 120)},  # the scorer refuses it, but it is whole
    ],
)
def test_odd_maps_are_whole(tmp_path, name, header):
    check_map(mapbytes.write(tmp_path / name, RAMP, **header))


def test_a_plane_is_whole(tmp_path):
    check_map(mapbytes.write(tmp_path / "m.map", mapbytes.ramp((1, 5, 6))))


def test_bytes_after_the_data(tmp_path):
    check_map(put(tmp_path, RAW + b"\0" * 7, "m.map"))
    check_map(put(tmp_path, packed(RAW + b"\0" * 7)))
    check_map(put(tmp_path, packed(RAW) + b"\0" * 512))


def test_the_name_does_not_matter(tmp_path):
    check_map(put(tmp_path, RAW, "m.map.gz"))
    check_map(put(tmp_path, packed(RAW), "m.map"))


def test_several_members(tmp_path):
    check_map(put(tmp_path, packed(RAW[:700]) + packed(RAW[700:])))


@pytest.mark.parametrize("pack", [packed, bytes])
@pytest.mark.parametrize("body", [PAGE, PAGE * 30, b"Not Found", b'{"error": "busy"}', MODEL])
def test_text_is_no_map(tmp_path, body, pack):
    assert trouble(check_map, put(tmp_path, pack(body))) == "map_unreadable"


@pytest.mark.parametrize("body", [b"\0" * 2000, b"\0\1\2\3" * 500])
def test_no_header(tmp_path, body):
    assert trouble(check_map, put(tmp_path, body)) == "map_unreadable"


@pytest.mark.parametrize("pack", [packed, bytes])
@pytest.mark.parametrize("left", [0, 100, 1023, 1024, 1030, len(RAW) - 1])
def test_truncated_data(tmp_path, pack, left):
    assert trouble(check_map, put(tmp_path, pack(RAW[:left]))) == "map_truncated"


@pytest.mark.parametrize("extended", [160, 4000])
def test_truncated_after_an_extended_header(tmp_path, extended):
    raw = mapbytes.map_bytes(RAMP, extended=b"\0" * extended)
    check_map(put(tmp_path, raw))
    assert trouble(check_map, put(tmp_path, raw[:-1])) == "map_truncated"


@pytest.mark.parametrize("left", [2, 5, 11, 100, -9, -8, -1])
def test_truncated_gzip(tmp_path, left):
    assert trouble(check_map, put(tmp_path, packed(RAW)[:left])) in ("map_truncated", "map_damaged")


def test_wrong_checksum_or_length(tmp_path):
    whole = packed(RAW)
    for place in (-8, -1):
        raw = bytearray(whole)
        raw[place] ^= 1
        assert trouble(check_map, put(tmp_path, bytes(raw))) == "map_damaged"


@EACH_TIME
@given(place=st.integers(10, len(packed(RAW)) - 1), flip=st.integers(1, 255))
def test_no_flipped_byte_changes_what_passes(tmp_path, place, flip):
    raw = bytearray(packed(RAW))
    raw[place] ^= flip
    try:
        check_map(put(tmp_path, bytes(raw)))
    except UnusableEntry as err:
        assert err.reason.startswith("map_")
    else:  # some bits of a deflate stream mean nothing
        assert gzip.decompress(raw) == RAW


@EACH_TIME
@given(
    cut=st.integers(0, len(RAW)),
    nsymbt=st.integers(-10, 3000),
    pack=st.sampled_from([packed, bytes]),
    noise=st.binary(max_size=8),
    place=st.integers(0, 1100),
)
def test_what_the_scorer_reads_is_whole(tmp_path, cut, nsymbt, pack, noise, place):
    raw = bytearray(mapbytes.map_bytes(RAMP, nsymbt=nsymbt))
    raw[place : place + len(noise)] = noise
    path = put(tmp_path, pack(bytes(raw)[: cut if cut > 1000 else None]))
    try:
        read_density(path)
    except UnusableEntry as err:
        if err.reason in ("map_truncated", "map_damaged"):
            with pytest.raises(UnusableEntry):
                check_map(path)
    else:
        check_map(path)


def test_a_map_that_is_not_there(tmp_path):
    assert trouble(check_map, tmp_path / "m.map") == "map_missing"


def test_memory_does_not_grow(tmp_path):
    values = np.zeros((128, 256, 256), dtype=np.float32)  # 34 MB
    path = mapbytes.write(tmp_path / "m.map.gz", values)
    tracemalloc.start()
    check_map(path)
    crc32(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4e6


# ---- models ----


@pytest.mark.parametrize("pack", [packed, bytes])
@pytest.mark.parametrize(
    "body", [MODEL, MODEL.replace(b"data_", b"DATA_"), b"\xef\xbb\xbf" + MODEL, b"\n \t\r\n" + MODEL]
)
def test_whole_models(tmp_path, body, pack):
    path = put(tmp_path, pack(body), "m.cif.gz")
    check_model(path)
    if not body.startswith(b"\xef"):
        assert read_block(path).name


@pytest.mark.parametrize("pack", [packed, bytes])
@pytest.mark.parametrize(
    "body", [b"", PAGE, b"# nothing else\n", b"HEADER    VIRUS\nATOM\n", b"\0\1\2", b"loop_\n" + MODEL]
)
def test_no_models(tmp_path, body, pack):
    assert trouble(check_model, put(tmp_path, pack(body), "m.cif.gz")) == "model_unreadable"


def test_damaged_models(tmp_path):
    whole = packed(MODEL * 50)
    flipped = bytearray(whole)
    flipped[-6] ^= 4
    for raw in (whole[:-1], whole[: len(whole) // 2], bytes(flipped)):
        assert trouble(check_model, put(tmp_path, raw, "m.cif.gz")) == "model_unreadable"


def test_a_model_that_is_not_there(tmp_path):
    assert trouble(check_model, tmp_path / "m.cif") == "model_missing"


@pytest.mark.parametrize("size", [0, 1, 5000, (1 << 20) + 1])
def test_crc32(tmp_path, size):
    raw = np.random.default_rng(size).bytes(size)
    assert crc32(put(tmp_path, raw)) == zlib.crc32(raw)
