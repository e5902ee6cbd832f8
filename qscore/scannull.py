"""The null of the scan: scan maxima of reference chains.

Residue Q is correlated along the chain and skewed, so no law is assumed: a chain's scan maximum is ranked among those
of reference chains of its class that are like it in length, resolution, correlation and skew, once what these foretell
of it is taken off. The fall of the highest ranks is extrapolated, for two reasons: reference chains may hold regions
themselves, and ranks among themselves would then be uniform, so that nothing is ever found; and thousands of chains
are tested, which p of 1/(k + 1) at best cannot survive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from qscore import tables
from qscore.layouts import Column, Layout

FEWEST = 200  # reference chains of a class for a null of its own
MOST = 10_000  # reference chains that are used of a class: more cost time and change little
ANY = "any"
SHIPPED = Path(__file__).parent / "shipped" / "scan_null.parquet"
_RANKED, _FALL = 0.1, 0.3  # ranks tell p down to the first; the fall beyond is that from the second to it
_SLOWER = 1.1  # than that: short and skewed chains fall slower than exponentially (`benchmarks/scan_null.py`)
_HOLD_LEVEL, _HOLD_WIDTH = 2.0, 100.0  # chains by which slopes are held to 0
_AT_ONCE = 1000  # chains: bounds memory


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

    def of(self, kind: str) -> ScanNull:
        """The chains that serve a class, no more than 10,000, evenly over the table."""
        rows = np.flatnonzero((self.kind == kind) | (self.kind == ANY))
        if len(rows) > MOST:
            rows = rows[np.linspace(0, len(rows) - 1, MOST).astype(int)]
        return ScanNull(**{name: getattr(self, name)[rows] for name in COLUMNS}, reference=self.reference)

    def laws(self, chains: Mapping, kind: str) -> Laws:
        """How the scan maxima of chains like these spread.

        Parameters
        ----------
        chains : mapping of float array, shape (m,)
            length, resolution, near, far, skew; see `Scanned`.
        kind : str
            Class of the chains.

        Raises
        ------
        ValueError
            Fewer than 200 reference chains of the class.
        """
        mine = self.of(kind)
        if len(mine) < FEWEST:
            raise ValueError(f"{len(mine)} reference chains of class {kind}: at least {FEWEST} are needed")
        return _laws(mine, {name: np.atleast_1d(np.asarray(chains[name], float)) for name in _LIKE})

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
        columns = {name: np.atleast_1d(np.asarray(chains[name], float)) for name in COLUMNS[1:]}
        found = [np.empty(0)]
        for start in range(0, len(columns["maximum"]), _AT_ONCE):
            part = {name: column[start : start + _AT_ONCE] for name, column in columns.items()}
            found.append(self.laws(part, kind).p(part["maximum"]))
        return np.concatenate(found)


@dataclass(frozen=True)
class Laws:
    """For each of m chains: the maxima of the k reference chains most like it, brought to its own terms.

    Attributes
    ----------
    maxima : float array, shape (m, k)
    top, scale : float array, shape (m,)
        Their 90th percentile, and how fast their share falls beyond, 1/e each `scale`.
    """

    maxima: np.ndarray
    top: np.ndarray
    scale: np.ndarray

    def p(self, maximum: np.ndarray) -> np.ndarray:
        """(1 + number at least as high) / (k + 1) down to 0.1; beyond, an exponential fall → float (m,).

        Its rate is that between the 70th and the 90th percentile, made slower by 10 %: were higher ones used, the
        reference chains that hold regions themselves would hide those of all others, and a rank can never be below
        1/(k + 1).
        """
        rank = (1 + np.count_nonzero(self.maxima >= maximum[:, None], axis=1)) / (self.maxima.shape[1] + 1)
        with np.errstate(over="ignore", under="ignore"):
            beyond = _RANKED * np.exp(-(maximum - self.top) / self.scale)
        return np.where(np.isnan(maximum), np.nan, np.where(maximum > self.top, np.minimum(beyond, _RANKED), rank))

    def least(self, p: float) -> np.ndarray:
        """The maximum that has this p, of at most 0.1 → float (m,)."""
        return self.top + self.scale * np.log(_RANKED / p)


LAYOUT = Layout(
    "scan_null",
    (
        Column("kind", "text", "class of the chain: protein, nucleic, or any"),
        Column("maximum", "number", "scan maximum"),
        Column("length", "number", "residues with a score"),
        Column("resolution", "number", "reported resolution, Å; empty for chains that serve every resolution"),
        Column("near", "number", "autocorrelation of the residuals at lag 1, outside the worst run"),
        Column("far", "number", "mean of that at lags 3–5"),
        Column("skew", "number", "skewness of the residuals there"),
        Column("reference", "text", "what the chains are"),
    ),
)
COLUMNS = tuple(field.name for field in fields(ScanNull))[:-1]
_LIKE = COLUMNS[2:]


def _terms(chains: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """What makes chains alike, (n, 5), and the terms that the maximum is foretold by, (n, 14)."""
    length, resolution = np.log(chains["length"]), np.log(chains["resolution"])
    near, far, skew = (chains[name] for name in ("near", "far", "skew"))
    alike = np.column_stack([length, resolution, near, far, skew])
    more = [length**2, near**2, far**2, skew**2, near * length, near * far, near * skew, length * skew]
    return alike, np.column_stack([np.ones(len(length)), alike, *more])


def _laws(reference: ScanNull, chains: dict) -> Laws:
    if np.isnan(reference.resolution).all():  # chains that have none serve every resolution
        reference = replace(reference, resolution=np.ones(len(reference)))
        chains = chains | {"resolution": np.ones(len(chains["length"]))}
    alike, terms = _terms({name: getattr(reference, name) for name in _LIKE})
    level, width = _foretell(terms, reference.maximum)
    widths = terms @ width
    usual = float(widths.mean())
    excess = (reference.maximum - terms @ level) / _positive(widths, usual)
    excess *= np.sqrt(len(reference) / (len(reference) - terms.shape[1]))  # what a fit takes from its own residuals
    scale = alike.std(axis=0) + 1e-9
    k = int(np.clip(len(reference) // 10, FEWEST, 1000))
    own, own_terms = _terms(chains)
    near = np.array([excess[_nearest(alike / scale, one / scale, k)] for one in own]).reshape(-1, k)
    maxima = (own_terms @ level)[:, None] + near * _positive(own_terms @ width, usual)[:, None]
    high, top = np.quantile(maxima, [1 - _FALL, 1 - _RANKED], axis=1)
    return Laws(maxima, top, _SLOWER * (top - high) / np.log(_FALL / _RANKED) + 1e-12)


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


def _nearest(points: np.ndarray, one: np.ndarray, k: int) -> np.ndarray:
    """The k reference chains most like one."""
    distance = np.square(points - one).sum(axis=1)
    return np.argpartition(distance, k - 1)[:k]


def write(path, null: ScanNull) -> None:
    """→ Parquet of `LAYOUT`."""
    columns = {name: getattr(null, name) for name in COLUMNS}
    tables.write_parquet(path, LAYOUT, columns | {"reference": [null.reference] * len(null)})


def read(path) -> ScanNull:
    """What `write` wrote."""
    found = tables.read_parquet(path, layout=LAYOUT)
    numbers = {name: np.array(found[name], float) for name in COLUMNS[1:]}
    return ScanNull(np.array(found["kind"], "U8"), **numbers, reference=(found["reference"] or [""])[0])


def shipped() -> ScanNull:
    """The null that comes with the program: simulated chains."""
    return read(SHIPPED)
