"""The entries that scores are compared on, with what is not independent among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qscore.independence import Independence, folds
from qscore.prediction import FOLDS
from qscore.redraws import DRAWS, SEED, totals
from qscore.resampling import FEWEST as FEWEST_GROUPS

FEWEST = 30  # entries; with fewer nothing is predicted and nothing ranked
GROUPINGS = ("publication", "protein")


@dataclass(frozen=True)
class Part:
    """Entries that the scores are compared on.

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

    def where(self, columns) -> Part | None:
        """Those entries that have all of some scores, with these scores; None where none has."""
        keep = np.logical_and.reduce([np.isfinite(self.scores[one]) for one in columns])
        if not keep.any():
            return None
        scores = {one: self.scores[one][keep] for one in columns}
        return Part(scores, self.resolution[keep], self.independence.take(keep), self.draws, self.seed)

    @property
    def groups(self) -> list[np.ndarray]:
        """Of publications and of proteins; none where one is too few for redraws."""
        found = [getattr(self.independence, name) for name in GROUPINGS]
        return found if min(len(np.unique(one)) for one in found) >= FEWEST_GROUPS else []

    @property
    def fold(self) -> np.ndarray | None:
        """Ten folds, whole groups together, or as many as there are groups; None with fewer than `FEWEST` rows."""
        k = min(FOLDS, len(np.unique(self.independence.joint)))
        return folds(self.independence.joint, k, self.seed) if k >= 2 and len(self.resolution) >= FEWEST else None

    def redrawn(self, terms) -> list[np.ndarray]:
        """`redraws.totals` by publication and by protein."""
        return [totals(terms, one, draws=self.draws, seed=self.seed) for one in self.groups]
