"""Which entries are worse, or better, than their resolution promises."""

from __future__ import annotations


def band_flag(q: float | None, low: float, high: float) -> str:
    """``low``, ``high`` or "": where a Q lies relative to a band.

    "" too when there is no Q or no band at that resolution (NaN).
    """
    if q is None or q != q or low != low or high != high:
        return ""
    return "low" if q < low else "high" if q > high else ""
