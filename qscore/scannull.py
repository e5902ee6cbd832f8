"""The null of the scan: scan maxima of reference chains.

Residue Q is correlated along the chain and skewed, so no law is assumed: what length, resolution, correlation and
skew foretell of a scan maximum is taken off, and the rest ranked among that of the reference chains of its class.
The highest ranks are those of Gumbel's law of largest values, fitted to the lower ones, for two reasons: reference
chains may hold regions themselves, and ranks among themselves would then be uniform, so that nothing is ever found;
and thousands of chains are tested, which p of 1/(k + 1) at best cannot survive. Before that, reference chains that
plainly hold regions are left out (`cleaned`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np

from qscore import tables
from qscore.layouts import SCAN_NULL
from qscore.outliers import benjamini_hochberg

FEWEST = 200  # reference chains of a class for a null of its own
MOST = 10_000  # reference chains that are used of a class: more cost time and change little
ANY = "any"
SHIPPED = Path(__file__).parent / "shipped" / "scan_null.parquet"
ROUNDS = 4  # of leaving reference chains out
LEVEL = 0.2  # false discovery rate at which they are: at 5 % too many stay, at 40 % too many sound ones go
_RANKED = 0.3  # ranks tell p down to it
_FITTED = (0.1, 0.75)  # ranks that the law of largest values is fitted to: regions are among the higher ones
_HOLD_LEVEL, _HOLD_WIDTH = 2.0, 100.0  # chains by which slopes are held to 0
_FURTHEST = 4.0  # standard deviations of the reference: no term is followed beyond


@dataclass(frozen=True)
class ScanNull:
    """Scan maxima of reference chains.

    Attributes
    ----------
    kind : text array, shape (n,)
        Class of the chain; "any" serves every class.
    maximum, length, resolution, near, far, skew : float array, shape (n,)
        See `Scanned`; the resolution in Å.
    reference : str
        What the chains are, in words.
    """

    kind: np.ndarray
    maximum: np.ndarray
    length: np.ndarray
    resolution: np.ndarray
    near: np.ndarray
    far: np.ndarray
    skew: np.ndarray
    reference: str = ""

    def __len__(self) -> int:
        return len(self.maximum)

    def rows(self, chosen: np.ndarray) -> ScanNull:
        """Some of the chains, by number or mask."""
        return ScanNull(**{name: getattr(self, name)[chosen] for name in COLUMNS}, reference=self.reference)

    def of(self, kind: str) -> ScanNull:
        """The chains that serve a class, no more than 10,000, evenly over the table."""
        rows = np.flatnonzero((self.kind == kind) | (self.kind == ANY))
        if len(rows) > MOST:
            rows = rows[np.linspace(0, len(rows) - 1, MOST).astype(int)]
        return self.rows(rows)

    def laws(self, chains: Mapping, kind: str) -> Laws:
        """How the scan maxima of chains like these spread.

        Parameters
        ----------
        chains : mapping of float array, shape (m,)
            length, resolution, near, far, skew; see `Scanned`. A chain without a length has no law: NaN.
        kind : str
            Class of the chains.

        Raises
        ------
        ValueError
            Fewer than 200 reference chains of the class.
        """
        if kind not in self._learnt:
            mine = self.of(kind)
            if len(mine) < FEWEST:
                raise ValueError(f"{len(mine)} reference chains of class {kind}: at least {FEWEST} are needed")
            self._learnt[kind] = _learnt(mine)
        return _laws(self._learnt[kind], {name: np.atleast_1d(np.asarray(chains[name], float)) for name in _LIKE})

    @cached_property
    def _learnt(self) -> dict[str, _Learnt]:
        """What the chains that serve a class say, by class: learnt once."""
        return {}

    def p(self, chains: Mapping, kind: str) -> np.ndarray:
        """Probability of so high a scan maximum among reference chains like these → float (m,); NaN without one.

        Parameters
        ----------
        chains : mapping of float array, shape (m,)
            maximum, length, resolution, near, far, skew; see `Scanned`.
        kind : str
            Class of the chains.

        Raises
        ------
        ValueError
            Fewer than 200 reference chains of the class.
        """
        return self.laws(chains, kind).p(np.atleast_1d(np.asarray(chains["maximum"], float)))


@dataclass(frozen=True)
class Laws:
    """For each of m chains: what is foretold of its maximum; and how k reference chains stray from that.

    Attributes
    ----------
    level, width : float array, shape (m,)
        The maximum that is foretold, and its mean absolute error.
    excess : float array, shape (k,)
        Maxima of the reference chains less their level, in units of their width, rising.
    place, scale : float
        Of Gumbel's law of the excess.
    """

    level: np.ndarray
    width: np.ndarray
    excess: np.ndarray
    place: float
    scale: float

    def p(self, maximum: np.ndarray) -> np.ndarray:
        """(1 + number at least as high) / (k + 1) down to 0.3; beyond, 1 − exp(−exp(−x)) → float (m,).

        x is the excess in units of Gumbel's law. Were higher ranks used, the reference chains that hold regions
        themselves would hide those of all others, and a rank can never be below 1/(k + 1).
        """
        excess, k = (maximum - self.level) / self.width, len(self.excess)
        rank = (1 + k - np.searchsorted(self.excess, excess)) / (k + 1)
        with np.errstate(over="ignore", under="ignore"):
            law = -np.expm1(-np.exp(-(excess - self.place) / self.scale))
        beyond = excess > self._at(_RANKED)
        found = np.where(beyond, np.minimum(law, _RANKED), np.maximum(rank, _RANKED))
        return np.where(np.isnan(excess), np.nan, found)

    def least(self, p: float) -> np.ndarray:
        """The maximum that has this p, of at most 0.3 → float (m,)."""
        return self.level + self.width * self._at(p)

    def _at(self, p: float) -> float:
        return self.place - self.scale * float(np.log(-np.log1p(-p)))


COLUMNS = tuple(field.name for field in fields(ScanNull))[:-1]
_LIKE = COLUMNS[2:]


def cleaned(null: ScanNull) -> ScanNull:
    """The chains of a null without those that plainly hold regions, judged by the others, class by class.

    Left out are those significant at a false discovery rate of 20 %, up to four times: fewer chains with regions show
    more of them. Of sound chains hardly any goes.
    """
    kept = np.ones(len(null), bool)
    for kind in np.unique(null.kind):
        mine = np.flatnonzero(null.kind == kind)
        left = np.ones(len(mine), bool)
        for _ in range(ROUNDS if len(mine) >= FEWEST else 0):
            p = null.rows(mine[left]).p({name: getattr(null, name)[mine] for name in COLUMNS[1:]}, str(kind))
            sound = ~(benjamini_hochberg(p) <= LEVEL)
            if sound.sum() < FEWEST or (sound == left).all():
                break
            left = sound
        kept[mine] = left
    return null.rows(kept)


def _alike(chains: Mapping) -> np.ndarray:
    """What makes chains alike, (n, 5): without a length NaN."""
    length = np.where(chains["length"] > 0, chains["length"], np.nan)
    return np.column_stack(
        [np.log(length), np.log(chains["resolution"]), *(chains[name] for name in ("near", "far", "skew"))]
    )


def _terms(alike: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """What the maximum is foretold by: 1, the columns in standard units of the reference, squares and products.

    A column that the reference has no values of, or one value, tells nothing and is left out.
    """
    known = np.isfinite(reference).all(axis=0) & (np.ptp(reference, axis=0) > 1e-9)
    centre, scale = reference[:, known].mean(axis=0), reference[:, known].std(axis=0)
    x = np.clip((alike[:, known] - centre) / scale, -_FURTHEST, _FURTHEST)
    first, second = np.triu_indices(x.shape[1])
    return np.column_stack([np.ones(len(x)), x, x[:, first] * x[:, second]])


@dataclass(frozen=True)
class _Learnt:
    """What reference chains say of others: what makes them alike, coefficients of `_terms`, and as in `Laws`."""

    reference: np.ndarray
    level: np.ndarray
    width: np.ndarray
    usual: float
    excess: np.ndarray
    gumbel: tuple[float, float]


def _learnt(null: ScanNull) -> _Learnt:
    reference = _alike({name: getattr(null, name) for name in _LIKE})
    terms = _terms(reference, reference)
    level, width = _foretell(terms, null.maximum)
    usual = float((terms @ width).mean())
    excess = np.sort((null.maximum - terms @ level) / _positive(terms @ width, usual))
    excess *= np.sqrt(len(null) / (len(null) - terms.shape[1]))  # what a fit takes from its own residuals
    return _Learnt(reference, level, width, usual, excess, _gumbel(excess))


def _laws(learnt: _Learnt, chains: Mapping) -> Laws:
    own = _terms(_alike(chains), learnt.reference)
    return Laws(own @ learnt.level, _positive(own @ learnt.width, learnt.usual), learnt.excess, *learnt.gumbel)


def _gumbel(excess: np.ndarray) -> tuple[float, float]:
    """Place and scale of Gumbel's law, by least squares of the fitted ranks (rising) on the law's own quantiles."""
    share = (np.arange(len(excess)) + 0.5) / len(excess)
    fitted = (share >= _FITTED[0]) & (share <= _FITTED[1])
    own = -np.log(-np.log(share[fitted]))
    scale = np.cov(own, excess[fitted])[0, 1] / own.var(ddof=1)
    return float(excess[fitted].mean() - scale * own.mean()), float(scale) + 1e-12


def _foretell(terms: np.ndarray, maximum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of the maximum, and of its absolute residual; the highest 10 % drawn in, as they may be regions."""
    drawn = maximum
    for _ in range(3):
        level = _ridge(terms, drawn, _HOLD_LEVEL)
        rest = maximum - terms @ level
        drawn = terms @ level + np.minimum(rest, np.quantile(rest, 1 - _RANKED))
    return level, _ridge(terms, np.abs(drawn - terms @ level), _HOLD_WIDTH)


def _ridge(terms: np.ndarray, values: np.ndarray, hold: float) -> np.ndarray:
    """Least squares with all slopes but the constant's held to 0 by so many chains (per standardised term)."""
    centre, scale = terms.mean(axis=0), terms.std(axis=0) + 1e-9
    x = (terms[:, 1:] - centre[1:]) / scale[1:]
    slopes = np.linalg.solve(x.T @ x + hold * np.eye(x.shape[1]), x.T @ (values - values.mean())) / scale[1:]
    return np.concatenate([[values.mean() - centre[1:] @ slopes], slopes])


def _positive(width: np.ndarray, usual: float) -> np.ndarray:
    """Widths held within a factor of 2 of the usual one: few reference chains tell it badly."""
    return np.clip(width, usual / 2, usual * 2)


def write(path, null: ScanNull) -> None:
    """→ Parquet of `layouts.SCAN_NULL`."""
    columns = {name: getattr(null, name) for name in COLUMNS}
    tables.write_parquet(path, SCAN_NULL, columns | {"reference": [null.reference] * len(null)})


def read(path) -> ScanNull:
    """What `write` wrote."""
    found = tables.read_parquet(path, layout=SCAN_NULL)
    numbers = {name: np.array(found[name], float) for name in COLUMNS[1:]}
    return ScanNull(np.array(found["kind"], "U8"), **numbers, reference=(found["reference"] or [""])[0])


def shipped() -> ScanNull:
    """The null that comes with the program: simulated chains."""
    return read(SHIPPED)
