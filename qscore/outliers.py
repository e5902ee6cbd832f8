"""Which entries are worse, or better, than their resolution promises."""

from __future__ import annotations

import numpy as np

LEVEL = 0.05


def band_flag(q: float | None, low: float, high: float) -> str:
    """``low``, ``high`` or "": where a Q lies relative to a band.

    "" too when there is no Q or no band at that resolution (NaN).
    """
    if q is None or q != q or low != low or high != high:
        return ""
    return "low" if q < low else "high" if q > high else ""


def beyond_band(q, low, high) -> np.ndarray:
    """How far Q lies outside a band: negative below it, positive above, 0 within; NaN where any is NaN."""
    q, low, high = (np.asarray(values, dtype=float) for values in (q, low, high))
    return np.minimum(q - low, 0) + np.maximum(q - high, 0)


def benjamini_hochberg(p) -> np.ndarray:
    """Adjusted p-values (Benjamini & Hochberg 1995), shape of `p`; NaN stays and is not counted.

    Raises
    ------
    ValueError
        A p-value outside 0 to 1.
    """
    p = np.asarray(p, dtype=float)
    known = np.isfinite(p)
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise ValueError("p-values must lie within 0 to 1")
    adjusted = np.full(p.shape, np.nan)
    if known.any():
        from scipy.stats import false_discovery_control

        adjusted[known] = false_discovery_control(p[known])
    return adjusted


def judge(resolution, q, null, *, level: float = LEVEL, judged=None, reference=None, folds=None) -> dict:
    """Which entries stray from the null, on both sides.

    Benjamini–Hochberg runs over all entries for each side by itself, on twice the side's p: half the
    false discovery rate goes to either side, and many low outliers do not ease the test for high ones.

    Parameters
    ----------
    resolution, q : array, shape (n,)
        Å; mean Q.
    null : nulls.Null
        Of these entries, or the shipped one where they are fewer than `nulls.FEWEST`.
    level : float
        False discovery rate.
    judged : bool array, shape (n,), optional
        Entries to test; of others z and p are told but no flag. All when not given.
    reference : bool array, shape (n,), optional
        Entries known to be sound by something else than Q; see `nulls.reference_p`.
    folds : int array, shape (n,), optional
        Groups left out together; needed with `reference`.

    Returns
    -------
    dict of arrays, shape (n,)
        ``z``, ``p_low``, ``p_high``, ``p_adjusted``, ``flag``, ``flag_reference``, ``flag_mirrored``,
        as in `layouts.OUTLIERS`; NaN and "" where resolution or Q is not known. ``flag_reference`` is None
        throughout where the reference-set null cannot flag (`reference_can_flag`).
    """
    from qscore.nulls import mirrored_p, reference_p

    r, q = np.asarray(resolution, dtype=float), np.asarray(q, dtype=float)
    tested = np.isfinite(r) & np.isfinite(q) & (True if judged is None else np.asarray(judged, dtype=bool))
    z = null.z(r, q)
    low, high = null.p_low(r, z), null.p_high(r, z)
    adjusted, flag = _flags(low, high, tested, level)
    none = np.full(r.shape, np.nan)
    by_reference = np.full(r.shape, None, dtype=object)
    if reference is not None and reference_can_flag(tested, reference, level):
        sides = reference_p(r, q, reference, folds)
        if np.isfinite(sides[0]).any():
            by_reference = _flags(*sides, tested, level)[1]
    return {
        "z": z,
        "p_low": low,
        "p_high": high,
        "p_adjusted": adjusted,
        "flag": flag,
        "flag_reference": by_reference,
        "flag_mirrored": _flags(mirrored_p(np.where(tested, z, np.nan)), none, tested, level)[1],
    }


def reference_can_flag(tested, reference, level: float = LEVEL) -> bool:
    """Whether ranks among a reference set can become flags at all.

    A rank among n reference entries is never below 1/(n + 1). After Benjamini–Hochberg over m tested entries and
    both sides, flags need at least 2 m / (level (n + 1)) entries beyond every reference entry; those are entries
    outside the set, so there must be as many.

    Parameters
    ----------
    tested, reference : bool array, shape (n,)
    level : float
    """
    tested, reference = np.asarray(tested, dtype=bool), np.asarray(reference, dtype=bool)
    needed = 2 * tested.sum() / (level * (reference.sum() + 1))
    return bool((tested & ~reference).sum() >= needed)


def _flags(low, high, tested, level) -> tuple[np.ndarray, np.ndarray]:
    """Adjusted p of the side each entry lies on, and its flag; p is not doubled where the upper is not known."""
    sides = 1 if np.isnan(high).all() else 2
    adjusted = [benjamini_hochberg(np.where(tested, np.minimum(sides * p, 1.0), np.nan)) for p in (low, high)]
    is_high = np.isnan(adjusted[0]) | (high < low)
    own = np.where(is_high, adjusted[1], adjusted[0])
    return own, np.where(own <= level, np.where(is_high, "high", "low"), "")
