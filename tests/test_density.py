"""Maps as they come: every header and every damage, value for value against the bytes and the twin's reader."""

import gzip
import io
import itertools
import tracemalloc

import mapbytes
import naive
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qscore.density import opened, parse_header, read_box, read_density, whole_grid
from qscore.errors import UnusableEntry

RAMP = mapbytes.ramp()


def trouble(path, **options):
    """Reason and message with which a map is refused."""
    with pytest.raises(UnusableEntry) as caught:
        read_density(path, **options)
    assert "\n" not in str(caught.value)
    return caught.value.reason, str(caught.value)


def refused(tmp_path, raw, name="m.map", **options):
    path = tmp_path / name
    path.write_bytes(raw)
    return trouble(path, **options)


def written(tmp_path, raw, name="m.map"):
    path = tmp_path / name
    path.write_bytes(raw)
    return read_density(path)


def same_as_twin(density, path):
    twin = naive.read_map(path)
    np.testing.assert_array_equal(density.values, twin.values.astype(np.float32))
    np.testing.assert_allclose(density.step, twin.step, rtol=1e-6)
    np.testing.assert_allclose(density.origin, twin.origin, rtol=1e-6, atol=1e-6)


# ---- values ----


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("mode", [0, 1, 2, 6, 12])
def test_byte_orders_and_modes(tmp_path, mode, order):
    path = mapbytes.write(tmp_path / "m.map", RAMP, mode=mode, order=order)
    density = read_density(path)
    assert density.values.dtype == np.float32
    assert density.values.flags.c_contiguous
    np.testing.assert_array_equal(density.values, RAMP)
    same_as_twin(density, path)


@pytest.mark.parametrize(
    ("mode", "values"), [(0, [-128, 127]), (1, [-32768, 32767]), (6, [0, 65535]), (12, [-65504, 0.5])]
)
@pytest.mark.parametrize("order", "<>")
def test_ends_of_the_number_ranges(tmp_path, mode, values, order):
    """Mode 0 is signed, mode 6 is not."""
    box = np.resize(np.array(values, dtype=np.float32), (2, 2, 2))
    path = mapbytes.write(tmp_path / "m.map", box, mode=mode, order=order)
    np.testing.assert_array_equal(read_density(path).values, box)


@pytest.mark.parametrize("mode", [3, 4, 5, 7, 101, 255])
@pytest.mark.parametrize("order", "<>")
def test_other_modes_are_refused_by_number(tmp_path, mode, order):
    raw = mapbytes.header_bytes(points=(4, 4, 4), mode=mode, order=order) + bytes(4096)
    assert refused(tmp_path, raw) == ("map_unreadable", f"m.map: mode {mode}; expected one of 0, 1, 2, 6, 12")


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("axes", list(itertools.permutations((1, 2, 3))))
def test_axis_orders(tmp_path, axes, order):
    """Points, N*START and data are permuted; cell, sampling and ORIGIN are not."""
    path = tmp_path / "m.map"
    frame = {"start": (7, -3, 40), "cell": (6.0, 10.0, 12.0), "sampling": (6, 5, 4), "origin": (9.0, 8.0, 7.0)}
    mapbytes.write(path, RAMP, axes=axes, order=order, **frame)
    density = read_density(path)
    np.testing.assert_array_equal(density.values, RAMP)
    np.testing.assert_array_equal(density.grid, [6, 5, 4])
    np.testing.assert_array_equal(density.step, [1, 2, 3])
    np.testing.assert_array_equal(density.origin, [7, -6, 120])
    np.testing.assert_array_equal(density.other_origin, [9, 8, 7])
    assert density.whole
    same_as_twin(density, path)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_axes_left_zero_mean_1_2_3(tmp_path, mode, order):
    path = mapbytes.write(tmp_path / "m.map", RAMP, axes=(0, 0, 0), mode=mode, order=order)
    np.testing.assert_array_equal(read_density(path).values, RAMP)


@pytest.mark.parametrize("axes", [(1, 1, 2), (3, 3, 3), (1, 2, 0), (2, 3, 4), (0, 1, 2)])
def test_other_axes_are_refused(tmp_path, axes):
    raw = mapbytes.header_bytes(points=(4, 4, 4), axes=axes) + bytes(256)
    assert refused(tmp_path, raw) == ("map_unreadable", f"m.map: axis order {axes}; expected 1, 2, 3 in some order")


def test_voxel_is_cell_over_sampling_not_over_points(tmp_path):
    path = mapbytes.write(tmp_path / "m.map", RAMP, cell=(20.0, 30.0, 60.0), sampling=(10, 20, 30), start=(1, 2, 3))
    density = read_density(path)
    np.testing.assert_allclose(density.step, [2.0, 1.5, 2.0])
    np.testing.assert_allclose(density.origin, [2.0, 3.0, 6.0])


def test_not_a_number_stays_in_the_map(tmp_path):
    values = RAMP.copy()
    values[1, 2, 3] = np.nan
    np.testing.assert_array_equal(written(tmp_path, mapbytes.map_bytes(values)).values, values)


def test_a_map_without_stamp_is_read(tmp_path):
    """Old CCP4 and MRC files have no `MAP ` in word 53."""
    np.testing.assert_array_equal(written(tmp_path, mapbytes.map_bytes(RAMP, stamp=b"\0\0\0\0")).values, RAMP)


def test_angles_left_zero_mean_right_angles(tmp_path):
    np.testing.assert_array_equal(written(tmp_path, mapbytes.map_bytes(RAMP, angles=(0, 0, 0))).values, RAMP)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(*[st.integers(2, 6)] * 3),
    axes=st.permutations((1, 2, 3)),
    order=st.sampled_from("<>"),
    mode=st.sampled_from([0, 1, 2, 6, 12]),
    start=st.tuples(*[st.integers(-4000, 4000)] * 3),
    sampling=st.tuples(*[st.integers(1, 3000)] * 3),
    step=st.tuples(*[st.floats(0.125, 8, width=32)] * 3),
    origin=st.tuples(*[st.floats(-1e4, 1e4, width=32)] * 3),
    extended=st.binary(max_size=200),
    seed=st.integers(0, 2**32 - 1),
    zipped=st.booleans(),
    rule=st.sampled_from(["nstart", "origin"]),
)
def test_any_header_round_trips(
    tmp_path, shape, axes, order, mode, start, sampling, step, origin, extended, seed, zipped, rule
):
    values = np.random.default_rng(seed).integers(0, 127, shape)
    cell = tuple(float(np.float32(s * n)) for s, n in zip(step, sampling, strict=True))
    path = tmp_path / ("m.map.gz" if zipped else "m.map")
    frame = {"start": start, "sampling": sampling, "cell": cell, "origin": origin}
    mapbytes.write(path, values, mode=mode, axes=tuple(axes), order=order, extended=extended, **frame)
    density = read_density(path, origin_rule=rule)
    np.testing.assert_array_equal(density.values, values)
    np.testing.assert_array_equal(density.grid, shape[::-1])
    np.testing.assert_allclose(density.step, np.array(cell) / sampling, rtol=1e-12)
    by = {"nstart": np.array(start) * density.step, "origin": np.array(origin)}
    np.testing.assert_allclose(density.origin, by[rule], rtol=1e-12)
    np.testing.assert_allclose(density.other_origin, by["origin" if rule == "nstart" else "nstart"], rtol=1e-12)
    assert density.origin_rule == rule


def test_header_fields_are_in_file_order():
    header = parse_header(
        mapbytes.header_bytes(
            points=(4, 5, 6), axes=(3, 1, 2), start=(10, 20, 30), sampling=(40, 50, 60), nsymbt=-80, cell=(40, 50, 60)
        )
    )
    assert header.shape == (6, 4, 5)
    assert header.start == (30, 10, 20)
    assert header.axes == (2, 0, 1)
    assert header.sampling == (40, 50, 60)
    assert header.extended == 0, "a negative NSYMBT is none"
    assert header.data_bytes == 480
    np.testing.assert_array_equal(header.in_xyz(header.start), [10, 20, 30])


# ---- frame ----


@pytest.mark.parametrize(
    ("name", "start", "origin", "rule", "expected"),
    [
        ("m.mrc", (0, 0, 0), (5, 6, 7), "origin", (5, 6, 7)),
        ("m.mrc.gz", (0, 0, 0), (5, 6, 7), "origin", (5, 6, 7)),
        ("M.MRC", (0, 0, 0), (5, 6, 7), "origin", (5, 6, 7)),
        ("M.MRC.GZ", (0, 0, 0), (5, 6, 7), "origin", (5, 6, 7)),
        ("M.MRCS", (1, 2, 3), (5, 6, 7), "origin", (5, 6, 7)),
        ("m.mrc", (1, 2, 3), (5, 6, 7), "origin", (5, 6, 7)),
        ("m.mrc", (1, 2, 3), (0, 0, 0), "nstart", (2, 4, 6)),
        ("m.mrc", (0, 0, 0), (0, 0, 0), "nstart", (0, 0, 0)),
        ("m.mrc", (0, 0, 0), (0, 0, -3), "origin", (0, 0, -3)),
        ("m.map", (1, 2, 3), (5, 6, 7), "nstart", (2, 4, 6)),
        ("m.map", (0, 0, 0), (5, 6, 7), "nstart", (0, 0, 0)),
        ("m.map.gz", (1, 2, 3), (5, 6, 7), "nstart", (2, 4, 6)),
        ("m.ccp4", (-1, 2, 3), (5, 6, 7), "nstart", (-2, 4, 6)),
        ("m.ccp4", (0, 0, 0), (0, 0, 0), "nstart", (0, 0, 0)),
    ],
)
def test_origin_by_extension(tmp_path, name, start, origin, rule, expected):
    path = tmp_path / name
    mapbytes.write(path, RAMP, start=start, origin=origin, cell=(12.0, 10.0, 8.0))
    density = read_density(path)
    assert density.origin_rule == rule
    np.testing.assert_array_equal(density.origin, expected)
    if name == name.lower():
        same_as_twin(density, path)


@pytest.mark.parametrize("name", ["m.mrc", "m.map"])
@pytest.mark.parametrize(("rule", "expected"), [("nstart", (2, 4, 6)), ("origin", (5, 6, 7))])
def test_the_user_may_choose(tmp_path, name, rule, expected):
    path = mapbytes.write(tmp_path / name, RAMP, start=(1, 2, 3), origin=(5, 6, 7), cell=(12.0, 10.0, 8.0))
    density = read_density(path, origin_rule=rule)
    np.testing.assert_array_equal(density.origin, expected)
    assert density.origin_rule == rule
    assert density.notes == ()


@pytest.mark.parametrize(("name", "used"), [("m.mrc", "origin"), ("m.map", "nstart")])
def test_two_frames_that_differ_are_noted(tmp_path, name, used):
    path = mapbytes.write(tmp_path / name, RAMP, start=(1, 2, 3), origin=(2, 4.2504, 6), cell=(12.0, 10.0, 8.0))
    assert read_density(path).notes == (
        f"both N*START (2, 4, 6 Å) and ORIGIN (2, 4.25, 6 Å) are set and differ; {used} is used, --origin chooses",
    )


@pytest.mark.parametrize(
    ("start", "origin"),
    [((1, 2, 3), (2.0004, 4, 6)), ((0, 0, 0), (5, 6, 7)), ((1, 2, 3), (0, 0, 0)), ((0, 0, 0), (0, 0, 0))],
)
def test_no_note_where_frames_agree_or_one_is_not_set(tmp_path, start, origin):
    path = mapbytes.write(tmp_path / "m.mrc", RAMP, start=start, origin=origin, cell=(12.0, 10.0, 8.0))
    assert read_density(path).notes == ()


@pytest.mark.parametrize("nonsense", [(np.nan,) * 3, (np.inf, -np.inf, np.nan), (np.nan, 0, 0)])
@pytest.mark.parametrize("name", ["m.mrc", "m.map"])
def test_an_origin_that_is_no_number_is_not_set(tmp_path, name, nonsense):
    path = mapbytes.write(tmp_path / name, RAMP, start=(1, 2, 3), origin=nonsense, cell=(12.0, 10.0, 8.0))
    density = read_density(path)
    assert density.origin_rule == "nstart"
    np.testing.assert_array_equal(density.origin, [2, 4, 6])
    assert density.notes == ()


def test_absurd_starts_are_only_far_away(tmp_path):
    """Old RELION headers hold whatever was in memory."""
    path = mapbytes.write(tmp_path / "m.map", RAMP, start=(2**31 - 1, -(2**31), 0))
    density = read_density(path, np.zeros((1, 3)))
    np.testing.assert_array_equal(density.origin, [2**31 - 1, -(2**31), 0])
    assert density.values.size == 0


@pytest.mark.parametrize("rule", ["start", "", None, "ORIGIN"])
def test_an_unknown_origin_rule_is_the_callers_mistake(tmp_path, rule):
    path = mapbytes.write(tmp_path / "m.map", RAMP)
    with pytest.raises(ValueError, match=f"^origin rule {rule!r}; expected one of auto, nstart, origin$"):
        read_density(path, origin_rule=rule)


# ---- extended header, trailing bytes, compression ----


@pytest.mark.parametrize("name", ["m.map", "m.map.gz"])
@pytest.mark.parametrize("length", [80, 1024, 37])
def test_extended_header_is_passed_over(tmp_path, name, length):
    path = mapbytes.write(tmp_path / name, RAMP, extended=b"\x7f" * length)
    np.testing.assert_array_equal(read_density(path).values, RAMP)


@pytest.mark.parametrize("name", ["m.map", "m.map.gz"])
@pytest.mark.parametrize("claimed", [80, 1 << 20, 2**31 - 1, -80])
def test_extended_header_that_is_not_there(tmp_path, name, claimed):
    """EMD-1042, 1048 and 1089 claim a symmetry table they do not have."""
    path = mapbytes.write(tmp_path / name, RAMP, nsymbt=claimed)
    density = read_density(path)
    np.testing.assert_array_equal(density.values, RAMP)
    same_as_twin(density, path) if claimed > 0 else None


@pytest.mark.parametrize("name", ["m.map", "m.map.gz"])
def test_trailing_bytes_are_left_alone(tmp_path, name):
    raw = mapbytes.map_bytes(RAMP, extended=b"\x11" * 80) + b"\x22" * 999
    path = tmp_path / name
    path.write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    np.testing.assert_array_equal(read_density(path).values, RAMP)


def test_compressed_and_plain_are_equal(tmp_path):
    options = {"start": (3, 4, 5), "axes": (2, 3, 1), "cell": (3.0, 4.0, 5.0)}
    plain = read_density(mapbytes.write(tmp_path / "m.map", RAMP, **options))
    packed = read_density(mapbytes.write(tmp_path / "m.map.gz", RAMP, **options))
    np.testing.assert_array_equal(plain.values, packed.values)
    np.testing.assert_array_equal(plain.origin, packed.origin)
    np.testing.assert_array_equal(plain.step, packed.step)


def test_compression_is_told_by_the_bytes_not_the_name(tmp_path):
    raw = mapbytes.map_bytes(RAMP)
    np.testing.assert_array_equal(written(tmp_path, raw, "plain.map.gz").values, RAMP)
    np.testing.assert_array_equal(written(tmp_path, gzip.compress(raw), "packed.map").values, RAMP)


def test_several_gzip_members_are_one_stream(tmp_path):
    raw = mapbytes.map_bytes(RAMP)
    packed = gzip.compress(raw[:1500]) + gzip.compress(raw[1500:])
    np.testing.assert_array_equal(written(tmp_path, packed, "m.map.gz").values, RAMP)


# ---- damage ----

WHOLE = mapbytes.map_bytes(np.random.default_rng(1).normal(size=(20, 21, 22)))
PACKED = gzip.compress(WHOLE, mtime=0)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 8, 1023])
def test_less_than_a_header(tmp_path, length):
    expected = ("map_truncated", f"m.map: {length} bytes, a header has 1024")
    assert refused(tmp_path, WHOLE[:length]) == expected


@pytest.mark.parametrize("length", [1024, 1025, 5000, len(WHOLE) - 1])
def test_truncated_plain(tmp_path, length):
    assert refused(tmp_path, WHOLE[:length]) == (
        "map_truncated",
        f"m.map: {length:,} bytes cannot hold {len(WHOLE) - 1024:,} of data",
    )


def test_truncated_behind_an_extended_header(tmp_path):
    raw = mapbytes.map_bytes(RAMP, extended=bytes(800))[:-4]
    assert refused(tmp_path, raw) == ("map_truncated", "m.map: 4 bytes of data are missing")


@pytest.mark.parametrize("length", [2, 10, 300, len(PACKED) // 2, len(PACKED) - 9, len(PACKED) - 8, len(PACKED) - 1])
def test_truncated_gzip(tmp_path, length):
    reason, text = refused(tmp_path, PACKED[:length], "m.map.gz")
    assert reason == "map_truncated"
    assert text.startswith("m.map.gz: ")


@pytest.mark.parametrize("length", [len(PACKED) // 2, len(PACKED) - 1])
def test_truncated_gzip_read_ahead(tmp_path, length):
    """Known at the latest when what comes after the box has been read."""
    path = tmp_path / "m.map.gz"
    path.write_bytes(PACKED[:length])
    with pytest.raises(UnusableEntry) as caught, opened(path, ahead=True) as stream:
        read_box(stream, path, np.array([[3.0, 3.0, 3.0]]))[1]()
    assert caught.value.reason == "map_truncated"


def test_read_ahead_is_the_same(tmp_path):
    path = tmp_path / "m.map.gz"
    path.write_bytes(PACKED)
    with opened(path, ahead=True) as stream:
        density, rest = read_box(stream, path)
        rest()
    assert density.values.tobytes() == read_density(path).values.tobytes()


def test_whole_gzip_of_a_truncated_map(tmp_path):
    reason, text = refused(tmp_path, gzip.compress(WHOLE[:-400]), "m.map.gz")
    assert (reason, text) == ("map_truncated", "m.map.gz: 400 bytes of data are missing")


@pytest.mark.parametrize(("length", "at"), [(len(WHOLE) - 400, 0.0), (2000, 19.0), (2000, 1e6)])
def test_whole_gzip_that_ends_before_or_behind_the_box(tmp_path, length, at):
    reason, text = refused(tmp_path, gzip.compress(WHOLE[:length]), "m.map.gz", around=np.full((1, 3), at))
    assert reason == "map_truncated"
    assert text.startswith("m.map.gz: ") and text.endswith(" bytes of data are missing")


def test_a_stream_that_gives_little_at_a_time(tmp_path):
    class Dribble(io.BytesIO):
        def readinto(self, into):
            return super().readinto(into[:7])

    path = mapbytes.write(tmp_path / "m.map", RAMP)
    density, rest = read_box(Dribble(path.read_bytes()), path)
    rest()
    np.testing.assert_array_equal(density.values, RAMP)


@pytest.mark.parametrize("around", [None, np.array([[3.0, 3.0, 3.0]])])
def test_corrupt_gzip_checksum_is_seen_whatever_is_read(tmp_path, around):
    broken = bytearray(PACKED)
    broken[-8] ^= 1
    reason, text = refused(tmp_path, bytes(broken), "m.map.gz", around=around)
    assert reason == "map_damaged"
    assert "CRC" in text


def test_corrupt_gzip_checksum_behind_trailing_bytes(tmp_path):
    """The stream is read to its end, although the data end before."""
    broken = bytearray(gzip.compress(WHOLE + np.random.default_rng(2).bytes(1_000_000), 1))
    broken[-8] ^= 1
    reason, text = refused(tmp_path, bytes(broken), "m.map.gz")
    assert reason == "map_damaged"
    assert "CRC" in text


def test_corrupt_gzip_body(tmp_path):
    broken = bytearray(PACKED)
    broken[len(PACKED) // 2] ^= 0xFF
    broken[len(PACKED) // 2 + 1] ^= 0xFF
    assert refused(tmp_path, bytes(broken), "m.map.gz")[0] == "map_damaged"


def test_gzip_with_rubbish_behind(tmp_path):
    reason, text = refused(tmp_path, PACKED + b"rubbish behind", "m.map.gz")
    assert reason == "map_damaged"
    assert text.startswith("m.map.gz: ")


@pytest.mark.parametrize("name", ["m.map", "m.map.gz"])
def test_a_page_instead_of_a_map(tmp_path, name):
    page = b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n" * 40
    reason, text = refused(tmp_path, page, name)
    assert reason == "map_unreadable"
    assert text == f"{name}: not a CCP4/MRC map (begins with b'<!DOCTYPE html><')"


def test_an_array_file_instead_of_a_map(tmp_path):
    np.save(tmp_path / "m.npy", np.zeros((20, 20, 20)))
    reason, text = trouble(tmp_path / "m.npy")
    assert reason == "map_unreadable"
    assert "not a CCP4/MRC map" in text


def test_no_file(tmp_path):
    assert trouble(tmp_path / "m.map") == ("map_missing", f"no such file: {tmp_path / 'm.map'}")


def test_a_folder(tmp_path):
    assert trouble(tmp_path) == ("map_unreadable", f"{tmp_path}: Is a directory")


def test_a_path_below_a_file(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert trouble(tmp_path / "file" / "m.map") == ("map_unreadable", f"{tmp_path / 'file' / 'm.map'}: Not a directory")


@pytest.mark.parametrize("angles", [(90, 94.3, 90), (120, 90, 90), (90, 90, 90.1), (90, np.nan, 90), (0, 90, 90)])
def test_other_angles_are_refused(tmp_path, angles):
    reason, text = refused(tmp_path, mapbytes.map_bytes(RAMP, angles=angles))
    assert reason == "map_non_orthogonal"
    assert text.startswith("m.map: cell angles [") and text.endswith("only 90, 90, 90 is read")


@pytest.mark.parametrize("cell", [(0, 10, 10), (10, -1, 10), (10, 10, np.nan), (np.inf, 10, 10), (0, 0, 0)])
def test_a_cell_of_no_size(tmp_path, cell):
    reason, text = refused(tmp_path, mapbytes.map_bytes(RAMP, cell=cell))
    assert reason == "map_unreadable"
    assert text.startswith("m.map: cell (") and text.endswith("in (6, 5, 4) intervals; expected positive")


@pytest.mark.parametrize("sampling", [(0, 5, 4), (6, -5, 4)])
def test_a_cell_of_no_intervals(tmp_path, sampling):
    reason, text = refused(tmp_path, mapbytes.map_bytes(RAMP, sampling=sampling, cell=(6.0, 5.0, 4.0)))
    assert reason == "map_unreadable"
    assert text.endswith(f"in {sampling} intervals; expected positive")


@pytest.mark.parametrize("shape", [(1, 8, 8), (8, 1, 8), (8, 8, 1)])
def test_an_image_is_no_volume(tmp_path, shape):
    reason, text = refused(tmp_path, mapbytes.map_bytes(np.ones(shape)))
    assert reason == "map_not_volume"
    assert text == f"m.map: {shape[::-1]} points; a volume has at least 2 along each axis"


@pytest.mark.parametrize("points", [(0, 4, 4), (4, -4, 4), (4, 4, 70000), (2**31 - 1,) * 3])
def test_absurd_numbers_of_points(tmp_path, points):
    raw = mapbytes.header_bytes(points=points, sampling=(4, 4, 4)) + bytes(256)
    told = f"m.map: {points} points; expected 1 to 65,535 along each axis"
    assert refused(tmp_path, raw) == ("map_unreadable", told)


@pytest.mark.parametrize("points", [(65535, 2, 2), (2, 65535, 2), (2, 2, 65535)])
def test_the_most_and_the_fewest_points(tmp_path, points):
    path = tmp_path / "m.map"
    path.write_bytes(mapbytes.header_bytes(points=points, mode=0, cell=points) + bytes(4 * 65535))
    assert read_density(path).values.shape == points[::-1]


def test_a_section_too_large_to_be_read(tmp_path, monkeypatch):
    monkeypatch.setattr("qscore.density.MOST_OF_A_SECTION", 4 * 5 * 6)
    assert written(tmp_path, mapbytes.map_bytes(RAMP)).whole
    monkeypatch.setattr("qscore.density.MOST_OF_A_SECTION", 4 * 5 * 6 - 1)
    told = "m.map: 6 x 5 points in a section"
    assert refused(tmp_path, mapbytes.map_bytes(RAMP)) == ("map_unreadable", told)


@pytest.mark.parametrize("name", ["m.map", "m.map.gz"])
def test_too_much_behind_the_data(tmp_path, monkeypatch, name):
    """However it is read; as much as is allowed is left alone."""
    monkeypatch.setattr("qscore.density.MOST_BEHIND", 1000)
    monkeypatch.setattr("qscore.density._CHUNK_BYTES", 300)
    for behind in (1000, 1001):
        raw = mapbytes.map_bytes(RAMP) + bytes(behind)
        raw = gzip.compress(raw) if name.endswith("gz") else raw
        if behind == 1000:
            np.testing.assert_array_equal(written(tmp_path, raw, name).values, RAMP)
        else:
            told = f"{name}: more than 1,000 bytes behind the data"
            assert refused(tmp_path, raw, name) == ("map_damaged", told)


@pytest.mark.parametrize("name", ["m.map", "m.map.gz"])
@pytest.mark.parametrize("around", [None, np.full((1, 3), 30_000.0)])
def test_a_header_that_claims_a_petabyte_is_refused_at_once(tmp_path, name, around):
    raw = mapbytes.header_bytes(points=(60000,) * 3, cell=(60000.0,) * 3) + bytes(4000)
    tracemalloc.start()
    reason, text = refused(tmp_path, gzip.compress(raw) if name.endswith("gz") else raw, name, around=around)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reason == "map_truncated"
    assert text.endswith(f"bytes cannot hold {4 * 60000**3:,} of data")
    assert peak < 20e6


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=2000), zipped=st.booleans())
def test_rubbish_is_refused_with_a_reason(tmp_path, raw, zipped):
    path = tmp_path / "m.map"
    path.write_bytes(gzip.compress(raw, 1) if zipped else raw)
    assert trouble(path)[0].startswith("map_")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=st.lists(st.tuples(st.integers(0, 255), st.binary(min_size=4, max_size=4)), min_size=1, max_size=3))
def test_a_header_with_wrong_words_is_read_or_refused(tmp_path, places):
    """Any word of a good header replaced: an answer of the right kind, never another exception."""
    raw = bytearray(mapbytes.map_bytes(RAMP))
    for word, content in places:
        raw[4 * word : 4 * word + 4] = content
    path = tmp_path / "m.map"
    path.write_bytes(raw)
    try:
        density = read_density(path, np.array([[2.0, 2.0, 2.0]]))
    except UnusableEntry as err:
        assert err.reason.startswith("map_")
    else:
        assert density.values.ndim == 3


# ---- the box ----


@pytest.fixture(scope="module")
def block():
    return np.random.default_rng(5).normal(size=(23, 29, 31)).astype(np.float32)


FRAME = {"start": (-7, 11, 40), "cell": (62.0, 43.5, 34.5)}
STEP = np.array([2.0, 1.5, 1.5])
ORIGIN = np.array([-7, 11, 40]) * STEP


def crop_of(whole, density):
    (x, y, z), (nz, ny, nx) = density.offset, density.values.shape
    return whole[z : z + nz, y : y + ny, x : x + nx]


@pytest.mark.parametrize("axes", [(1, 2, 3), (3, 2, 1), (2, 3, 1), (3, 1, 2)])
@pytest.mark.parametrize("name", ["m.map", "m.map.gz"])
def test_box_is_the_crop_of_the_whole(tmp_path, block, name, axes):
    path = mapbytes.write(tmp_path / name, block, axes=axes, extended=bytes(160), **FRAME)
    around = ORIGIN + STEP * [[12, 14, 9], [15.5, 13, 10.2]]
    box, whole = read_density(path, around), read_density(path)
    assert not box.whole and whole.whole
    np.testing.assert_array_equal(whole.offset, np.zeros(3, dtype=np.int64), strict=True)
    assert box.offset.dtype == box.grid.dtype == np.int64
    np.testing.assert_array_equal(whole.values, block)
    np.testing.assert_array_equal(box.values, crop_of(block, box))
    for attribute in ("grid", "step", "origin"):
        np.testing.assert_array_equal(getattr(box, attribute), getattr(whole, attribute))
    first = ORIGIN + STEP * box.offset
    last = first + STEP * (np.array(box.values.shape[::-1]) - 1)
    assert (first <= around.min(axis=0) - 3 - STEP).all(), "the box holds the positions, 3 Å and a voxel"
    assert (last >= around.max(axis=0) + 3 + STEP).all()
    assert (first >= around.min(axis=0) - 3 - 3 * STEP).all(), "and not much more"
    assert (last <= around.max(axis=0) + 3 + 3 * STEP).all()


@pytest.mark.parametrize("margin", [0.0, 1.0, 10.0])
def test_margin(tmp_path, block, margin):
    path = mapbytes.write(tmp_path / "m.map", block, **FRAME)
    around = ORIGIN + STEP * [[15, 14, 11]]
    box = read_density(path, around, margin=margin)
    first = ORIGIN + STEP * box.offset
    assert (first <= around[0] - np.minimum(margin + STEP, around[0] - ORIGIN)).all()
    np.testing.assert_array_equal(box.values, crop_of(block, box))


@pytest.mark.parametrize("at", list(itertools.product((0, -1), repeat=3)))
def test_box_is_clipped_at_corners(tmp_path, block, at):
    path = mapbytes.write(tmp_path / "m.map", block, **FRAME)
    size = np.array(block.shape[::-1])
    corner = np.where(np.array(at) == 0, 0, size - 1)
    box = read_density(path, (ORIGIN + STEP * corner)[None])
    np.testing.assert_array_equal(box.values, crop_of(block, box))
    ends = box.offset + box.values.shape[::-1]
    np.testing.assert_array_equal(np.where(np.array(at) == 0, box.offset, ends), np.where(np.array(at) == 0, 0, size))
    assert min(box.values.shape) > 2


def test_positions_beyond_everything_keep_the_whole_grid(tmp_path, block):
    path = mapbytes.write(tmp_path / "m.map", block, **FRAME)
    box = read_density(path, np.array([[-1e5] * 3, [1e5] * 3]))
    assert box.whole
    np.testing.assert_array_equal(box.values, block)


@pytest.mark.parametrize("far", [(1e4, 1e4, 1e4), (-1e4, -1e4, -1e4), (1e30, 1e30, 1e30), (0, 0, -1e6)])
@pytest.mark.parametrize("name", ["m.map", "m.map.gz"])
def test_box_is_empty_far_away(tmp_path, block, name, far):
    path = mapbytes.write(tmp_path / name, block, **FRAME)
    around = ORIGIN + np.array([far])
    box = read_density(path, around)
    assert box.values.size == 0
    assert box.values.dtype == np.float32
    np.testing.assert_array_equal(box.grid, block.shape[::-1])
    assert not box.contains(around).any()


def test_an_empty_box_still_sees_damage(tmp_path, block):
    path = mapbytes.write(tmp_path / "m.map", block, **FRAME)
    path.write_bytes(path.read_bytes()[:-4])
    assert trouble(path, around=np.full((1, 3), 1e6))[0] == "map_truncated"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.lists(st.tuples(*[st.floats(-60, 120)] * 3), min_size=1, max_size=3),
    axes=st.permutations((1, 2, 3)),
    margin=st.floats(0, 6),
)
def test_any_box_is_a_crop_that_holds_what_it_must(tmp_path, block, at, axes, margin):
    path = mapbytes.write(tmp_path / "m.map", block, axes=tuple(axes), **FRAME)
    around = np.array(at)
    box = read_density(path, around, margin=margin)
    np.testing.assert_array_equal(box.values, crop_of(block, box))
    index = (np.stack([around.min(axis=0) - margin, around.max(axis=0) + margin]) - ORIGIN) / STEP
    size = np.array(block.shape[::-1])
    assert (box.offset <= np.clip(np.floor(index[0]), 0, size)).all()
    assert (box.offset + box.values.shape[::-1] >= np.clip(np.ceil(index[1]) + 1, 0, size)).all()


def test_contains_counts_the_grid_points_at_the_ends(tmp_path, block):
    path = mapbytes.write(tmp_path / "m.map", block, **FRAME)
    density = read_density(path, ORIGIN[None])
    last = ORIGIN + STEP * (np.array(block.shape[::-1]) - 1)
    before, behind = ORIGIN - np.array([1e-6, 0, 0]), last + np.array([0, 0, 1e-6])
    inside = density.contains(np.array([ORIGIN, last, before, behind, [np.nan] * 3]))
    assert inside.tolist() == [True, True, False, False, False]


def test_whole_grid_of_an_array():
    density = whole_grid(RAMP.astype(int), step=(1, 2, 3), origin=(5, 6, 7))
    assert density.whole
    assert density.values.dtype == np.float32
    np.testing.assert_array_equal(density.grid, [6, 5, 4])
    np.testing.assert_array_equal(density.step, [1.0, 2.0, 3.0], strict=True)
    np.testing.assert_array_equal(density.origin, [5.0, 6.0, 7.0], strict=True)
    np.testing.assert_array_equal(density.offset, np.zeros(3, dtype=np.int64), strict=True)
    plain = whole_grid(RAMP, step=0.5)
    np.testing.assert_array_equal(plain.step, [0.5] * 3, strict=True)
    np.testing.assert_array_equal(plain.origin, [0.0] * 3, strict=True)
    assert (plain.origin_rule, plain.notes, plain.header) == ("nstart", (), None)


class Seen:
    """What is told of a map while it is read."""

    def __init__(self):
        self.begun, self.parts = [], []

    def begin(self, header, origin):
        assert not self.parts
        self.begun.append((header, origin))

    def add(self, sections):
        assert sections.dtype == np.float32 and sections.flags.c_contiguous
        self.parts.append(sections.copy())


@pytest.mark.parametrize("at_once", [0.5, 1, 2.5, 7, 1000])
@pytest.mark.parametrize("axes", [(1, 2, 3), (3, 1, 2)])
@pytest.mark.parametrize("mode", [1, 2])
def test_runs_of_sections(tmp_path, monkeypatch, mode, axes, at_once):
    """The box and what is seen in passing, however many sections are read at once; the last run may be shorter."""
    block = np.random.default_rng(9).integers(-99, 99, (23, 29, 31)).astype(np.float32)
    path = mapbytes.write(tmp_path / "m.map", block, axes=axes, mode=mode, **FRAME)
    stored = block if axes == (1, 2, 3) else block.transpose(1, 2, 0)
    monkeypatch.setattr("qscore.density._CHUNK_BYTES", int(at_once * stored[0].size * {1: 2, 2: 4}[mode]))
    around, seen = ORIGIN + STEP * [[12, 14, 9], [15.5, 13, 10.2]], Seen()
    plain, box = read_density(path, around), read_density(path, around, passing=seen)
    for one in (plain, box):
        np.testing.assert_array_equal(one.values, crop_of(block, one))
        assert 0 < one.values.size < block.size / 2
    np.testing.assert_array_equal(np.concatenate(seen.parts), stored)
    assert [len(part) for part in seen.parts[:-1]] == [min(max(int(at_once), 1), len(stored))] * (len(seen.parts) - 1)
    ((header, origin),) = seen.begun
    assert header == box.header
    np.testing.assert_array_equal(origin, ORIGIN)


def test_around_a_box_is_what_is_read_around(tmp_path, block):
    """Of a box, and of one that does not hold all of what is asked for; the values are the copy's own."""
    path = mapbytes.write(tmp_path / "m.map", block, **FRAME)
    held = read_density(path, ORIGIN + STEP * [[12, 14, 9], [15.5, 13, 10.2]])
    for index, margin in (([13, 14, 9], 0.2), ([12, 13, 9], 0.0), ([3, 28, 9], 2.0), ([29, 2, 22], 1.0)):
        part = held.around(ORIGIN + STEP * [index], margin=margin)
        read = read_density(path, ORIGIN + STEP * [index], margin=margin)
        first = np.clip(read.offset, held.offset, held.offset + held.values.shape[::-1])
        last = np.clip(read.offset + read.values.shape[::-1], first, held.offset + held.values.shape[::-1])
        np.testing.assert_array_equal(part.offset, first)
        np.testing.assert_array_equal(part.values.shape[::-1], last - first)
        np.testing.assert_array_equal(part.values, crop_of(block, part))
        assert part.values.flags.c_contiguous and not np.shares_memory(part.values, held.values)
        assert part.header == held.header and part.grid is held.grid
    np.testing.assert_array_equal(held.around(ORIGIN + STEP * [[13, 14, 9]], margin=100.0).values, held.values)
    usual, named = (held.around(ORIGIN + STEP * [[13, 14, 9]], **given) for given in ({}, {"margin": 3.0}))
    np.testing.assert_array_equal(usual.values, named.values)


# ---- real files ----

ODD = {
    "EMD-3001.map": ("map_non_orthogonal", r"cell angles \[90\.0, 94\.3"),
    "emd_8216.map.gz": ("map_non_orthogonal", r"cell angles \[90\.0, 111\.55"),
    "emd_1883.map.mrc-header": ("map_truncated", r"1,024 bytes cannot hold 1,372,000 of data"),
    "float16.mrc": ("map_not_volume", r"\(64, 64, 1\) points"),
    "imp_invalid_axes.mrc": ("map_unreadable", r"axis order \(10, 11, 12\)"),
    "imp_mini.map": ("map_truncated", r"8 bytes, a header has 1024"),
    "iota_yzx.ccp4.gz": ("map_not_volume", r"\(1, 2, 4\) points"),
}
SOUND = {
    "EMD-3197.map": ((20, 20, 20), (-22.8, 0, 0)),
    "cctbx_iotbx_ccp4_map_ccp4_20_21_22_to_30_40_50.ccp4": ((29, 20, 11), (8.920371, 8.762950, 9.541889)),
    "cctbx_iotbx_regression_data_non_zero_origin_map.ccp4": ((32, 40, 30), (74.703331, 72.307503, 73.743752)),
    "emd_1155.ccp4": ((281, 91, 141), (0, 0, 0)),
}


@pytest.mark.real
def test_the_odd_maps_are_all_listed(real_data):
    assert {path.name for path in (real_data / "odd-maps").iterdir()} == set(ODD) | set(SOUND)


@pytest.mark.real
@pytest.mark.parametrize("name", ODD)
def test_odd_maps_are_refused_for_what_they_are(real_data, name):
    reason, text = ODD[name]
    with pytest.raises(UnusableEntry, match=text) as caught:
        read_density(real_data / "odd-maps" / name)
    assert caught.value.reason == reason


@pytest.mark.real
@pytest.mark.parametrize("name", SOUND)
def test_sound_odd_maps_read_as_the_twin_reads_them(real_data, name):
    path = real_data / "odd-maps" / name
    density = read_density(path)
    shape, origin = SOUND[name]
    assert density.values.shape == shape
    np.testing.assert_allclose(density.origin, origin, atol=1e-5)
    same_as_twin(density, path)


@pytest.mark.real
@pytest.mark.parametrize("name", ["emd_2566_crop_9.mrc", "emd_4413_box.ccp4", "emd_8249.map", "emd_20026_crop.mrc"])
def test_real_maps_read_as_the_twin_reads_them(real_data, name):
    path = real_data / "pairs" / name
    same_as_twin(read_density(path), path)


@pytest.mark.real
def test_box_of_a_real_map_is_its_crop(real_data):
    path = real_data / "pairs" / "emd_5168.map"
    whole = read_density(path)
    assert whole.origin_rule == "nstart"
    around = whole.origin + whole.step * [[30, 40, 50], [33, 41, 52]]
    box = read_density(path, around)
    assert 0 < box.values.size < whole.values.size / 10
    np.testing.assert_array_equal(box.values, crop_of(whole.values, box))
