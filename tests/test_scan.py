"""The scan of a chain and its null."""

import numpy as np
import pytest
from scipy.signal import lfilter

from qscore import scan, scannull


def chain(rng, n, lag1=0.4):
    """Normal noise of that autocorrelation, standardised as an entry of one chain."""
    noise = rng.normal(size=n + 100)
    return scan.standardise(lfilter([np.sqrt(1 - lag1**2)], [1.0, -lag1], noise)[100:])


def features(chains, resolution=3.0):
    found = [scan.scan(z) for z in chains]
    columns = {
        name: np.array([getattr(one, name) for one in found], float) for name in scannull.COLUMNS if name in NUMBERS
    }
    return columns | {"resolution": np.full(len(found), resolution)}


NUMBERS = ("maximum", "length", "near", "far", "skew")


def null_of(columns, kind="protein"):
    return scannull.ScanNull(kind=np.full(len(columns["maximum"]), kind), **columns, reference="toy")


@pytest.fixture(scope="module")
def reference():
    rng = np.random.default_rng(1)
    return null_of(features([chain(rng, int(rng.integers(80, 250)), rng.uniform(0.1, 0.6)) for _ in range(600)]))


# ---- the statistic ----


def variance_literal(near, far, size):
    decay = min((far / near) ** (1 / 3), 0.95)
    return size + 2 * sum((size - k) * near * decay ** (k - 1) for k in range(1, size))


def worst_literal(x, near, far, spread):
    """Every window of 3 to 60 values by the formula of the docstring."""
    n, best = len(x), (-np.inf, 0, 0)
    for length in range(3, min(60, n) + 1):
        v, one, wide, flank = (variance_literal(near, far, size) for size in (length, length + 1, length + 2, 1))
        shared = one - v - flank
        share = shared / (2 * flank + wide - 2 * one + v)
        for start in range(n - length + 1):
            inside = sum(x[start : start + length])
            beside = sum(x[max(start - 1, 0) : start]) + sum(x[start + length : start + length + 1])
            value = -(inside - share * beside) / (spread * np.sqrt((v - share * shared) * (1 + 3 * length / n)))
            value -= np.sqrt(2 * np.log(np.e * n / length)) + np.log(max(length / 10, 1))
            if value > best[0] + 1e-12:
                best = (value, start, length)
    return best


@pytest.mark.parametrize("n", [3, 4, 12, 90])
def test_literal_twin(n):
    rng = np.random.default_rng(n)
    z = rng.normal(size=n)
    found = scan.scan(z)
    clipped = np.clip(z - found.level, -3.5 * found.spread, 3.5 * found.spread)
    value, start, length = worst_literal(clipped, found.near, found.far, found.spread)
    assert found.maximum == pytest.approx(value, rel=1e-9)
    assert (found.first, found.last) == (start, start + length - 1)


@pytest.mark.parametrize(("near", "far"), [(0.5, 0.2), (0.3, 0.3), (0.2, 0.0), (0.0, 0.0), (-0.1, 0.1)])
def test_variance_of_a_sum(near, far):
    sizes = np.array([1, 2, 3, 10, 60])
    decay = min((far / near) ** (1 / 3), 0.95) if near > 0 else 0.0
    r = [max(near, 0.0) * decay ** (k - 1) for k in range(1, 60)]
    expected = [size + 2 * sum((size - k) * r[k - 1] for k in range(1, size)) for size in sizes]
    assert scan.variance(near, far, sizes) == pytest.approx(expected)


@pytest.mark.parametrize("first", [0, 40, 110])
def test_planted_run_is_found(first):
    z = chain(np.random.default_rng(7), 120)
    z[first : first + 10] -= 3
    found = scan.scan(z)
    assert abs(found.first - first) <= 2 and abs(found.last - (first + 9)) <= 2


def test_a_run_longer_than_a_window_is_one():
    z = chain(np.random.default_rng(3), 300)
    z[100:200] -= 3
    found = scan.scan(z)
    assert found.last - found.first < 60
    windows = scan.further(z, found, found.maximum - 1e-9)
    assert len(windows) == 1
    assert windows[0][1:] == pytest.approx((100, 199), abs=3)


def test_several_runs_do_not_overlap():
    z = chain(np.random.default_rng(4), 300)
    z[30:45] -= 4
    z[200:212] -= 4
    found = scan.scan(z)
    runs = sorted(run[1:] for run in scan.further(z, found, 2.0))
    assert len(runs) == 2
    assert runs[0] == pytest.approx((30, 44), abs=2) and runs[1] == pytest.approx((200, 211), abs=2)


def test_a_bad_domain_is_left_out_of_what_the_chain_is_like():
    z = chain(np.random.default_rng(5), 300)
    clean, z = scan.scan(z), z.copy()
    z[80:140] -= 4
    found = scan.scan(z)
    assert found.near == pytest.approx(clean.near, abs=0.12) and found.far == pytest.approx(clean.far, abs=0.12)
    assert found.spread == pytest.approx(clean.spread, abs=0.12)


@pytest.mark.parametrize("share", [0.55, 0.65, 0.75])
def test_a_bad_domain_may_be_most_of_its_chain(share):
    z = chain(np.random.default_rng(10), 200)
    clean, first = scan.scan(z), int(200 * (1 - share))
    z[first:] -= 4
    z = z - np.median(z)  # as `standardise` does: the middle lies in the domain
    found = scan.scan(z)
    contaminated = np.std(z)
    assert found.level > 1 and found.spread < 1.3 * clean.spread < 0.7 * contaminated
    assert found.maximum > 3 > clean.maximum
    assert scan.further(z, found, found.maximum - 1e-9)[0][1:] == pytest.approx((first, 199), abs=5)


def worst_of(x, weights):
    return scan._worst(x, np.array([0, len(x)]), weights, np.array([[0, len(weights)]]))


def test_the_long_run_against_every_run():
    """The best of all low runs of the lengths tried, found one by one."""
    x = np.random.default_rng(11).normal(size=40) - 3 * (np.arange(40) < 27)
    (value, start, length), *_ = worst_of(x - x.mean(), scan._plain(40)[1])
    best = min(
        (x[s : s + n].var() * n + np.delete(x, range(s, s + n)).var() * (40 - n), s, n)
        for n in range(21, 35)
        for s in range(41 - n)
        if x[s : s + n].mean() < x.mean()
    )
    assert (start, length) == best[1:] and value**2 == pytest.approx(x.var() * 40 - best[0])
    first = np.array([0, len(x)])
    assert scan._runs(x, first).tolist() == [[max(start - 2, 0), start + length + 2]]


def test_missing_values_are_passed_over():
    rng = np.random.default_rng(6)
    z = chain(rng, 100)
    z[50:60] -= 4
    holes = np.insert(z, [10, 55, 55], np.nan)
    found, full = scan.scan(holes), scan.scan(z)
    assert (found.maximum, found.length) == (full.maximum, 100)
    assert (found.first, found.last) == (full.first + 1, full.last + 3)


def test_many_chains_at_a_time_are_each_as_alone():
    rng = np.random.default_rng(13)
    chains = [rng.normal(size=n) for n in (90, 0, 2, 5, 6, 30, 400, 3)] + [np.full(40, np.nan), np.zeros(25)]
    chains[6][10:200] -= 3
    chains[0][::7] = np.nan
    for found, z in zip(scan.scans(chains), chains, strict=True):
        np.testing.assert_equal(vars(found), vars(scan.scan(z)))


def test_runs_beside_those_taken_are_as_in_pieces():
    """A window may neither hold nor, as its flank, count what is taken."""
    x = np.random.default_rng(14).normal(size=60)
    weights, _ = scan._weights(*(np.array([one]) for one in (60, 0.3, 0.1, 1.0)))
    taken = np.zeros(60, bool)
    taken[20:25], taken[58:] = True, True
    pieces = [(0, *worst_of(x[:20], weights)[0]), (25, *worst_of(x[25:58], weights)[0])]
    first, value, start, length = max(pieces, key=lambda one: one[1])
    assert scan._worst_between(x, weights, taken) == (value, first + start, length)


@pytest.mark.parametrize("z", [[], [1.0], [0.0, -1.0], [np.nan] * 5, [np.nan, 1.0, np.nan, -2.0]])
def test_too_short_a_chain(z):
    assert scan.scan(np.array(z, float)) == scan.NOTHING or np.isnan(scan.scan(np.array(z, float)).maximum)


@pytest.mark.parametrize("n", range(3, 25))
def test_short_chains_are_scanned(n):
    found = scan.scan(np.random.default_rng(n).normal(size=n))
    assert np.isfinite(found.maximum) and 0 <= found.first <= found.last < n


def test_constant_chain():
    assert np.isfinite(scan.scan(np.zeros(40)).maximum)


def test_standardise():
    rng = np.random.default_rng(8)
    x = rng.normal(0.5, 0.1, 4000)
    z = scan.standardise(x)
    assert np.median(z) == pytest.approx(0, abs=1e-12) and z.std() == pytest.approx(1, abs=0.05)
    bad = x.copy()
    bad[:600] -= 1.0
    assert scan.standardise(bad)[600:].std() == pytest.approx(1, abs=0.05) and (x / bad.std())[600:].std() < 0.3
    bad[:2600] -= 1.0  # more than half: the unit stays, though the median lies among the bad
    assert scan.standardise(bad)[2600:].std() == pytest.approx(1, abs=0.05)
    assert np.isnan(scan.standardise(np.array([np.nan, 1.0, 1.0]))).all()
    assert np.isnan(scan.standardise(np.full(9, np.nan))).all()


# ---- the null ----


def test_p_is_uniform_on_clean_chains(reference):
    """Within exact 99.9 % binomial limits of 300 chains, at each nominal level."""
    from scipy.stats import binom

    rng = np.random.default_rng(2)
    columns = features([chain(rng, int(rng.integers(80, 250)), rng.uniform(0.1, 0.6)) for _ in range(300)])
    p = reference.p(columns, "protein")
    for level in (0.02, 0.05, 0.1, 0.3, 0.5, 0.8):
        low, high = binom.ppf([0.0005, 0.9995], 300, level)
        assert low <= np.count_nonzero(p <= level) <= high


@pytest.mark.parametrize(("lag1", "least"), [(0.1, 0.95), (0.4, 0.8)])
def test_power_for_ten_residues(reference, lag1, least):
    rng = np.random.default_rng(9)
    planted = []
    for _ in range(60):
        noise = rng.normal(size=300)
        x = lfilter([np.sqrt(1 - lag1**2)], [1.0, -lag1], noise)[100:]
        first = int(rng.integers(0, 190))
        x[first : first + 10] -= 3
        planted.append(scan.standardise(x))
    assert np.mean(reference.p(features(planted), "protein") <= 0.05) >= least


def test_p_falls_with_the_maximum(reference):
    like = {name: np.full(200, np.median(getattr(reference, name))) for name in scannull.COLUMNS[2:]}
    p = reference.p(like | {"maximum": np.linspace(-2, 15, 200)}, "protein")
    assert (np.diff(p) <= 1e-12).all() and p[0] > 0.99 and 0 < p[-1] < 1e-6


def test_least_is_the_maximum_of_a_p(reference):
    like = {name: np.array([np.median(getattr(reference, name))]) for name in scannull.COLUMNS[2:]}
    law = reference.laws(like, "protein")
    for p in (0.05, 0.01, 1e-5):
        assert law.p(law.least(p) + 1e-9)[0] == pytest.approx(p, rel=1e-6)


def test_reference_chains_with_regions_do_not_hide_others(reference):
    """Ranks among themselves would be uniform; the extrapolated fall is not taken in by 5 % of bad chains."""
    columns = {name: getattr(reference, name).copy() for name in scannull.COLUMNS[1:]}
    columns["maximum"][::20] += 5
    p = null_of(columns).p({name: column[:50] for name, column in columns.items()}, "protein")
    assert p[0] < 0.01 and p[20] < 0.01 and p[40] < 0.01


def test_a_chain_without_a_maximum_has_no_p(reference):
    like = {name: np.array([np.nan if name == "maximum" else 1.0]) for name in scannull.COLUMNS[1:]}
    assert np.isnan(reference.p(like, "protein")).all()


def test_a_chain_without_residues_has_no_p(reference):
    """And says so without a warning, be it the only one or one of several."""
    like = {name: getattr(reference, name)[:3].copy() for name in scannull.COLUMNS[1:]}
    for name in NUMBERS:
        like[name][1] = getattr(scan.NOTHING, name)
    p = reference.p(like, "protein")
    assert np.isnan(p[1]) and np.isfinite(p[[0, 2]]).all()


def test_cleaned_leaves_out_chains_with_regions_and_hardly_others(reference):
    assert len(scannull.cleaned(reference)) == len(reference)
    columns = {name: getattr(reference, name).copy() for name in scannull.COLUMNS[1:]}
    columns["maximum"][::20] += 5
    left = scannull.cleaned(null_of(columns))
    assert not np.isin(columns["maximum"][::20], left.maximum).any()
    assert len(reference) - len(left) <= 30 / (1 - scannull.LEVEL)
    few = reference.rows(np.arange(150))
    assert len(scannull.cleaned(few)) == 150


def test_gumbel_is_recovered():
    excess = np.sort(np.random.default_rng(12).gumbel(-0.5, 1.5, 20_000))
    assert scannull._gumbel(excess) == pytest.approx((-0.5, 1.5), abs=0.05)


def test_too_few_reference_chains(reference):
    like = {name: np.ones(1) for name in scannull.COLUMNS[1:]}
    with pytest.raises(ValueError, match="0 reference chains of class nucleic: at least 200"):
        reference.p(like, "nucleic")


def test_round_trip(tmp_path, reference):
    scannull.write(tmp_path / "null.parquet", reference)
    back = scannull.read(tmp_path / "null.parquet")
    assert back.reference == "toy"
    for name in scannull.COLUMNS:
        assert (getattr(back, name) == getattr(reference, name)).all()


def test_shipped_null_serves_every_class():
    null = scannull.shipped()
    assert "simulated" in null.reference and len(null) <= scannull.MOST
    like = {name: np.array([np.median(getattr(null, name))]) for name in scannull.COLUMNS[1:]} | {
        "resolution": np.array([3.0])
    }
    for kind in ("protein", "nucleic"):
        assert 0.3 < null.p(like, kind)[0] < 0.8


# ---- windows ----


def test_joined():
    assert scan.joined([(5.0, 50, 60), (6.0, 10, 20), (4.0, 62, 70), (3.0, 90, 95)]) == [
        (6.0, 10, 20),
        (5.0, 50, 70),
        (3.0, 90, 95),
    ]


@pytest.mark.parametrize("length", [20, 22, 27])
def test_a_run_of_nearly_a_whole_short_chain_leaves_residues_to_compare_with(length):
    bad = length - 2
    values = np.append(np.zeros(2), np.full(bad, -5.0)) + 0.3 * np.random.default_rng(5).standard_normal(length)
    found = scan.scan(values)
    assert np.isfinite([found.maximum, found.level, found.spread]).all()
