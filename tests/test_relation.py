"""Everything fitted to one relation, put together."""

import json

import numpy as np
import pytest

from qscore.independence import Independence
from qscore.regression import fit_cubic, fit_line
from qscore.relation import fit_part
from qscore.resampling import bootstrap_both
from qscore.robust import robust_lines
from qscore.shape import lack_of_fit


def planted(n, seed=6):
    rng = np.random.default_rng(seed)
    x = np.round(rng.uniform(1.5, 6, n), 2)
    pub, protein = rng.integers(max(n // 3, 6), size=(2, n))
    return x, 1.1 - 0.17 * x + 0.05 * rng.standard_normal(n), Independence(pub, protein, pub, "told")


def test_parts_are_those_of_their_modules():
    x, y, groups = planted(300)
    order = np.lexsort((groups.protein, groups.publication, y, x))
    x, y, groups = x[order], y[order], groups.take(order)
    found = fit_part(x, y, groups, draws=100, seed=5)
    assert found["ols"] == fit_line(x, y).as_dict()
    assert found["bootstrap"] == bootstrap_both(x, y, groups, draws=100, seed=5)
    assert found["robust"] == robust_lines(x, y, seed=5)
    assert found["lack_of_fit"] == lack_of_fit(x, y)
    assert found["cubic"] == fit_cubic(x, y).as_dict()
    assert (found["n"], found["x_low"], found["x_high"], found["notes"]) == (300, x.min(), x.max(), [])
    assert found["correlation"]["pearson"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert -1 < found["correlation"]["spearman"] < -0.9


def test_goes_to_json_and_back_in_full():
    found = fit_part(*planted(120), draws=50)
    told = json.loads(json.dumps(found, allow_nan=False))
    assert told["ols"]["slope"] == found["ols"]["slope"] and told["cubic"]["coefficients"] == list(
        found["cubic"]["coefficients"]
    )


def test_the_order_of_rows_changes_no_byte():
    x, y, groups = planted(200)
    y = np.round(y, 2)  # rows alike in x and Q but not in group
    order = np.random.default_rng(1).permutation(200)
    one, other = fit_part(x, y, groups, draws=30), fit_part(x[order], y[order], groups.take(order), draws=30)
    assert json.dumps(one) == json.dumps(other)


def test_planted_skew_is_found():
    x, _, groups = planted(3000)
    y = 1 - 0.15 * x - 0.05 * np.random.default_rng(2).exponential(size=3000)
    assert fit_part(x, y, groups, draws=20)["residual_skew"] == pytest.approx(-2, abs=0.35)


@pytest.mark.parametrize("n", [8, 15])
def test_small_sets_have_a_line_but_no_shape(n):
    found = fit_part(*planted(n), draws=50)
    assert found["lack_of_fit"] is None and found["cubic"] is None and found["ols"]["n"] == n
    assert f"{n} points at {n} resolutions: too few to tell a curve from a line" in found["notes"][-1]


def test_few_groups_have_no_bootstrap():
    x, y, _ = planted(30)
    groups = np.arange(30) % 3
    found = fit_part(x, y, Independence(np.arange(30), groups, groups, "told"))
    assert found["bootstrap"] is None and "3 independent groups: too few to redraw" in found["notes"][0]


@pytest.mark.parametrize(
    ("x", "q", "told"),
    [
        (np.arange(7.0), np.zeros(7), "7 rows; a relation is fitted to at least 8"),
        (np.arange(9.0), np.zeros(8), r"different lengths: \[8, 9\]"),
        (np.arange(9.0), np.full(9, np.nan), "9 rows without a finite x or Q"),
        (np.full(9, 3.0), np.arange(9.0), "needs 3 at different resolutions"),
        (np.arange(9.0), np.full(9, 0.5), "9 rows, all of Q 0.5: no relation"),
    ],
)
def test_refused(x, q, told):
    with pytest.raises(ValueError, match=told):
        fit_part(x, q, Independence(*[np.arange(len(x))] * 3, "told"))
