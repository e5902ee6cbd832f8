"""The vector instructions against the text of the same functions, whichever way this machine or another writes them."""

import numpy as np
import pytest
from numba import njit

from qscore import lanes
from qscore.probes import direction_lanes

SINGLES, WAYS, FIRSTS, SIZES = direction_lanes()


@pytest.fixture(params=[False, True], ids=["sixteen registers", "thirty-two registers"])
def either(request, monkeypatch):
    """The functions compiled anew as for a machine without and with AVX-512."""
    monkeypatch.setattr(lanes, "_packs", lambda: request.param)

    def compiled(function, *arguments):
        return njit(function)(*arguments)

    return compiled


def test_free(either):
    def called(singles, chunk, wide, near, count, twice, limit, guard):
        return lanes.free(singles, chunk, wide, near, count, twice, limit, guard)

    rng, found = np.random.default_rng(5), []
    for count in (0, 1, 2, 5):
        near = np.vstack([rng.normal(0, 1.5, (count, 4)), [[0, 0, 0, 1e30]] * 2]).astype(np.float32)
        near[:count, 3] = (near[:count, :3] ** 2).sum(axis=1)
        for chunk, wide in ((0, 0), (3, 1)):
            numbers = np.float32(2.4), np.float32(0.19 * 1.44), np.float32(1e-6)
            told = either(called, SINGLES, chunk, wide, near, count, *numbers)
            assert told == lanes.free(SINGLES, chunk, wide, near, count, *numbers)
            found.append(told & 0xFFFFFFFF)
    assert len(set(found)) > 4


def test_put(either):
    def called(ways, chunk, lane, bits, radius, x, y, z, place):
        lanes.put(ways, chunk, lane, bits, radius, x, y, z, place)

    for bits in (0, 1, 0b10000000, 0b01101001, 255):
        got, expected = np.full((3, 12), np.nan), np.full((3, 12), np.nan)
        either(called, WAYS, 2, 8, bits, (1.5, 2.0, 0.7), *got, 3)
        lanes.put(WAYS, 2, 8, bits, (1.5, 2.0, 0.7), *expected, 3)
        end = 3 + bits.bit_count()
        assert np.array_equal(got[:, :end], expected[:, :end], equal_nan=True)
        assert np.isnan(got[:, 11:]).all()


def test_add():
    """Eight points of a row, of which some are too far; nothing beside them changes."""

    def called(row, to, table, heights, along, at, left):
        lanes.add(row, to, table, heights, along, at, left)

    rng = np.random.default_rng(6)
    table, along = rng.random((5, 24), dtype=np.float32), rng.random(24, dtype=np.float32)
    heights = tuple(rng.random(5, dtype=np.float32))
    for to, at, left in ((0, 0, 0.5), (3, 8, 0.7), (12, 16, 2.0), (1, 3, -1.0)):
        row = rng.random(20, dtype=np.float32)
        got, expected = row.copy(), row.copy()
        njit(called)(got, to, table, heights, along, at, np.float32(left))
        lanes.add(expected, to, table, heights, along, at, np.float32(left))
        assert np.array_equal(got, expected)
        assert np.array_equal(got[:to], row[:to]) and np.array_equal(got[to + 8 :], row[to + 8 :])
        assert (got != row).sum() == (along[at : at + 8] <= left).sum()
