"""The entries that scores are compared on, with what is not independent among them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from qscore.independence import Independence, folds
from qscore.prediction import FOLDS, monotone, out_of_fold
from qscore.redraws import DRAWS, SEED, moments, totals
from qscore.resampling import FEWEST as FEWEST_GROUPS

FEWEST = 30  # entries; with fewer nothing is predicted and nothing ranked
GROUPINGS = ("publication", "protein")


@dataclass(frozen=True, eq=False)
class Part:
    """Entries that the scores are compared on. What is asked of it is computed once.

    Attributes
    ----------
    scores : dict of str to float array, shape (n,)
        By column; NaN where empty.
    resolution : float array, shape (n,)
        Å.
    independence : Independence
    draws, seed : int
        Of the redraws.
    """

    scores: dict[str, np.ndarray]
    resolution: np.ndarray
    independence: Independence
    draws: int = DRAWS
    seed: int = SEED
    _found: dict = field(default_factory=dict, repr=False)

    def where(self, columns) -> Part | None:
        """Those entries that have all of some scores; None where none has. The same part for the same entries."""
        keep = np.logical_and.reduce([np.isfinite(self.scores[one]) for one in columns])
        if not keep.any():
            return None
        return self._once(("where", keep.tobytes()), lambda: self._of(keep))

    def _of(self, keep) -> Part:
        scores = {name: values[keep] for name, values in self.scores.items()}
        return Part(scores, self.resolution[keep], self.independence.take(keep), self.draws, self.seed)

    def _once(self, what: tuple, compute):
        if what not in self._found:
            self._found[what] = compute()
        return self._found[what]

    @cached_property
    def groups(self) -> list[np.ndarray]:
        """Of publications and of proteins; none where one is too few for redraws."""
        found = [getattr(self.independence, name) for name in GROUPINGS]
        return found if min(len(np.unique(one)) for one in found) >= FEWEST_GROUPS else []

    @cached_property
    def fold(self) -> np.ndarray | None:
        """Ten folds, whole groups together, or as many as there are groups; None with fewer than `FEWEST` rows."""
        k = min(FOLDS, len(np.unique(self.independence.joint)))
        return folds(self.independence.joint, k, self.seed) if k >= 2 and len(self.resolution) >= FEWEST else None

    def errors(self, column: str, predict=monotone) -> np.ndarray:
        """Resolution that a score predicts out of fold (see `out_of_fold`) less the reported one, Å, shape (n,)."""
        score = self.scores[column]
        return self._once(
            ("errors", column, predict),
            lambda: out_of_fold(score, self.resolution, self.fold, predict) - self.resolution,
        )

    def moments_redrawn(self, column: str) -> list[np.ndarray]:
        """`redrawn` of the `moments` of resolution and a score."""
        return self._once(("moments", column), lambda: self.redrawn(moments(self.resolution, self.scores[column])))

    def squares_redrawn(self, column: str) -> list[np.ndarray]:
        """`redrawn` of the squared `errors` of a score."""
        return self._once(("squares", column), lambda: self.redrawn([self.errors(column) ** 2]))

    def redrawn(self, terms) -> list[np.ndarray]:
        """`redraws.totals` by publication and by protein."""
        return [totals(terms, one, draws=self.draws, seed=self.seed) for one in self.groups]
