"""A law with skew and tails of its own: a power of the standardised distance is normal.

x = ((1 + a y)^λ − 1) / (λ a) with a = γ/(1 − λ), y being the distance from the centre in units of a scale, is a
Box–Cox transformation that leaves the median at 0 and the density there as that of the normal law; γ is the curvature
of y(x) at the median and sets the skew. λ 0 is the log-normal law, 1/3 nearly the gamma law, 1/2 nearly the χ law of
as much skew, towards 1 the tail lightens further. sinh(t asinh x)/t then makes both tails heavier (t < 1) or lighter
(t > 1) than that (Jones & Pewsey 2009, Biometrika 96:761).

The side that the transformation would cut short, at a finite Q, goes on beyond its outer 2.3 % as a normal law
of the central scale, or a wider one: too large a probability rather than none.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, ndtr

SHORT = 2.0
"""Normal score at which the short side goes on as a normal law."""
LEAST = 1e-5
LIGHTEST, HEAVIEST = 0.9, -3.0
"""Bounds of λ."""


def normal_score(y, skew, power, tail) -> np.ndarray:
    """The normal score of distances `y` from the median, in units of the central scale; arrays that broadcast.

    skew : γ, negative for a long low tail; power : λ; tail : log t.
    """
    power = np.clip(power, HEAVIEST, LIGHTEST)
    power = np.where(np.abs(power) < LEAST, LEAST, power)
    a = skew / (1 - power)
    a = np.where(np.abs(a) < LEAST, np.copysign(LEAST, a), a)
    t = np.exp(np.clip(tail, -1.5, 1.5))
    return np.sinh(t * np.arcsinh(_power_score(y, a, power))) / t


def _power_score(y, a, power) -> np.ndarray:
    last = np.maximum(1 - power * np.abs(a) * SHORT, 0.05) ** (1 / power)
    cut = (last - 1) / a
    beyond = (y - cut) * np.sign(a) < 0
    x = np.expm1(power * np.log(np.where(beyond, last, np.maximum(1 + a * y, 1e-12)))) / (power * a)
    return np.where(beyond, x + (y - cut) * np.minimum(last ** (power - 1), 1.0), x)


def below(y, skew, power, tail) -> np.ndarray:
    """Probability of a distance of at most `y`."""
    return ndtr(normal_score(y, skew, power, tail))


def log_sides(y, skew, power, tail) -> tuple[np.ndarray, np.ndarray]:
    """Log probability of a distance of at most, and of at least, `y`."""
    x = normal_score(y, skew, power, tail)
    return log_ndtr(x), log_ndtr(-x)
