"""The law of the central residuals, and what it says of the tails.

The law (`skewlaw`) is fitted to how many residuals lie in which of 18 cells of distance, per stretch of resolution, by
maximum likelihood. Below the 15 % quantile and above the 95 % quantile only the number counts, not how far out the
rows are. Of those below, a share that is free (0 or more) is no part of the law: low outliers. So they do not enter
its shape, however many and however far they are. Location, scale and skew are natural splines along the
logarithm of resolution; the power of the tail and its weight are one number each.

A tail is told as its mean over what the parameters could be (their normal approximation, seeded draws), and over four
models by Akaike's weights: the tail's weight as the power gives it, or free; outliers, or none. Where the data leave it
open, the heavier tails weigh most. That is the caution there is; nothing else is added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, softmax

from qscore.localscale import along_ln, natural_spline
from qscore.skewlaw import below, log_sides

SHARES = np.linspace(0.15, 0.95, 17)
"""Edges of the cells as quantiles of all residuals."""
ROWS = 100
"""Rows in a stretch of resolution; fewer, but 25, below 800 rows."""
KNOTS = 7
DRAWS, SEED = 40, 2026
NEGLIGIBLE = 1e-4
"""Weight below which a model is left out."""
PRIOR = {"power": (0.2, 0.3), "tail": (0.0, 0.15)}
"""Mean and standard deviation: from λ −0.4, heavier than log-normal, to 0.8, nearly normal."""

_FLAT = 1e-6
_STEP = 1e-4


@dataclass(frozen=True)
class Fit:
    """Parameters (p,): location, log scale and skew at the knots, then power, tail, outliers; their covariance (p, p).

    `objective` is the log likelihood with the prior's; `free` of the parameters were fitted.
    """

    parameters: np.ndarray
    covariance: np.ndarray
    objective: float
    free: int


@dataclass(frozen=True)
class Tails:
    """Log probability of at most, of at least, each distance at each anchor, float (anchors, k); share of outliers."""

    low: np.ndarray
    high: np.ndarray
    outliers: float
    outliers_se: float


def tails_at(resolution, y, anchors, distances) -> Tails:
    """Tails of the law fitted to the centre.

    Parameters
    ----------
    resolution, y : float array, shape (n,)
        Å, rising; distance from the centre in units of a scale.
    anchors : float array, shape (a,)
        Resolutions the tails are told at, Å.
    distances : float array, shape (a, k)
        Distances from the centre they are told at, in the same units as `y`.
    """
    centre = _Centre.of(resolution, y)
    fits = centre.models()
    weights = softmax([fit.objective - fit.free for fit in fits])
    fits, weights = zip(
        *((fit, weight) for fit, weight in zip(fits, weights, strict=True) if weight > NEGLIGIBLE), strict=True
    )
    told = np.array([centre.tails(fit, anchors, distances) for fit in fits])
    low, high = logsumexp(told, axis=0, b=np.array(weights)[:, None, None, None])
    return Tails(low, high, *_share(fits, np.array(weights)))


def _share(fits, weights) -> tuple[float, float]:
    """Share of outliers over all models, and its standard error."""
    shares = np.array([fit.parameters[-1] for fit in fits])
    variances = np.array([fit.covariance[-1, -1] for fit in fits])
    mean = weights @ shares
    return float(mean), float(np.sqrt(weights @ (variances + (shares - mean) ** 2)))


class _Centre:
    """Counts of central residuals along resolution, and laws fitted to them."""

    def __init__(self, counts, edges, knots, basis):
        self.counts, self.edges, self.knots, self.basis = counts, edges, knots, basis
        self.rows = counts.sum(axis=1, keepdims=True)
        self.mean, self.precision = self._prior()

    @classmethod
    def of(cls, resolution, y) -> _Centre:
        number, middle = along_ln(resolution, size=int(np.clip(len(y) // 8, 25, ROWS)))
        edges = np.quantile(y, SHARES)
        cells = len(edges) + 1
        place = number * cells + np.searchsorted(edges, y, side="left")
        counts = np.bincount(place, minlength=len(middle) * cells).reshape(-1, cells).astype(float)
        knots = np.linspace(middle[0], middle[-1], int(np.clip(len(middle) // 3, 2, KNOTS)))
        return cls(counts, edges, knots, natural_spline(middle, knots))

    def _prior(self):
        size = 3 * len(self.knots) + 3
        mean, precision = np.zeros(size), np.full(size, _FLAT)
        for place, name in ((-3, "power"), (-2, "tail")):
            mean[place], precision[place] = PRIOR[name][0], PRIOR[name][1] ** -2
        return mean, precision

    # ---- the model ----

    def _along(self, parameters, basis):
        """Location, log scale and skew, shape (3, rows of the basis, 1)."""
        found = basis @ parameters[:-3].reshape(3, -1).T
        found[:, 2] = np.clip(found[:, 2], -3, 3)
        return found.T[:, :, None]

    def _cells(self, local, shared) -> np.ndarray:
        location, scale, skew = local
        power, tail, outliers = shared
        law = below((self.edges - location) * np.exp(-scale), skew, power, tail)
        law = outliers + (1 - outliers) * law
        whole = np.ones((len(law), 1))
        return np.maximum(np.diff(np.hstack([0 * whole, law, whole]), axis=1), 1e-10)

    def probability(self, parameters) -> np.ndarray:
        """Of each cell, shape of the counts."""
        return self._cells(self._along(parameters, self.basis), parameters[-3:])

    def _objective(self, parameters, probability) -> float:
        prior = 0.5 * (self.precision * (parameters - self.mean) ** 2).sum()
        return float((self.counts * np.log(probability)).sum() - prior)

    def _jacobian(self, parameters) -> np.ndarray:
        """Of the cells' probabilities, shape (cells, parameters)."""
        local, shared = self._along(parameters, self.basis), parameters[-3:]
        here, columns = self._cells(local, shared), []
        for k in range(6):
            step = np.eye(6)[k] * _STEP
            slope = (self._cells(local + step[:3, None, None], shared + step[3:]) - here) / _STEP
            along = self.basis if k < 3 else np.ones((len(slope), 1))
            columns.append((slope[:, :, None] * along[:, None, :]).reshape(slope.size, -1))
        return np.hstack(columns)

    # ---- the fit ----

    def models(self) -> list[Fit]:
        """With the tail's weight held or free, without outliers or with a share of them."""
        plain = self.fit(self.mean, free_tail=False, free_share=False)
        shared = self.fit(plain.parameters, free_tail=False, free_share=True)
        heavy = self.fit(plain.parameters, free_tail=True, free_share=False)
        both = self.fit(shared.parameters, free_tail=True, free_share=True)
        return [plain, shared, heavy, both]

    def fit(self, start, *, free_tail: bool, free_share: bool) -> Fit:
        """Fisher scoring from parameters `start`; the share of outliers is held at 0 where it would be less."""
        held = np.zeros(len(self.mean), dtype=bool)
        held[-2:] = not free_tail, not free_share
        found = self._scored(start, held)
        if found.parameters[-1] >= 0:
            return found
        held[-1] = True
        return self._scored(np.append(found.parameters[:-1], 0.0), held)

    def _scored(self, parameters, held) -> Fit:
        free = np.flatnonzero(~held)
        probability, damping = self.probability(parameters), 1e-3
        objective = self._objective(parameters, probability)
        for _ in range(40):
            information, gradient = self._score(parameters, probability, free)
            damped = np.diag(np.diag(information))
            better = -np.inf
            while better < objective - 1e-9 and damping < 1e6:
                trial = parameters.copy()
                trial[free] += np.linalg.solve(information + damping * damped, gradient)
                trial[-1] = min(trial[-1], 0.5)
                there = self.probability(trial)
                better, damping = self._objective(trial, there), damping * 5
            gained = better - objective
            if gained <= 0:
                break
            parameters, probability, objective, damping = trial, there, better, max(damping / 25, 1e-9)
            if gained < 1e-4:
                break
        covariance = np.zeros((len(parameters),) * 2)
        covariance[np.ix_(free, free)] = np.linalg.inv(self._score(parameters, probability, free)[0])
        return Fit(parameters, covariance, objective, len(free))

    def _score(self, parameters, probability, free) -> tuple[np.ndarray, np.ndarray]:
        """Information matrix and gradient of the free parameters."""
        jacobian = self._jacobian(parameters)[:, free]
        weight = (self.rows / probability).ravel()[:, None]
        information = jacobian.T @ (jacobian * weight) + np.diag(self.precision[free])
        surplus = (self.counts / probability - self.rows).ravel()
        return information, jacobian.T @ surplus - (self.precision * (parameters - self.mean))[free]

    # ---- the tails ----

    def tails(self, fit: Fit, anchors, distances) -> tuple[np.ndarray, np.ndarray]:
        """Log probabilities low and high, mean over draws of the parameters; shape of `distances`."""
        basis = natural_spline(np.clip(np.log(anchors), self.knots[0], self.knots[-1]), self.knots)
        values, vectors = np.linalg.eigh(fit.covariance)
        noise = np.random.default_rng(SEED).standard_normal((DRAWS, len(values)))
        drawn = fit.parameters + (noise * np.sqrt(np.maximum(values, 0))) @ vectors.T
        sides = np.array([self._sides(one, basis, distances) for one in drawn])
        low, high = logsumexp(sides, axis=0) - np.log(DRAWS)
        return low, high

    def _sides(self, parameters, basis, distances):
        location, scale, skew = self._along(parameters, basis)
        return log_sides((distances - location) * np.exp(-scale), skew, *parameters[-3:-1])
