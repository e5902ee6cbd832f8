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
