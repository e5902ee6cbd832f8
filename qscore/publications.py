"""How much a single publication carries a line: refits with each left out in turn."""

from __future__ import annotations

import numpy as np


def leave_one_out(rows: list[dict], line: dict) -> dict:
    """The range of a line when each publication is left out in turn.

    Entries of one publication share specimen, microscope and people, so they
    are not independent: the range says what the line would be without any one
    of them. An entry whose publication is not known stands for itself.

    Parameters
    ----------
    rows : list of dict
        The rows the line rests on: `resolution`, `q_mean`, `cluster_pub` and ids.
    line : dict
        The line of all of them.

    Returns
    -------
    dict
        ``publications``, ``unknown`` (entries that stand for themselves), ``slope``, ``rmse``
        and ``r_squared`` (lowest and highest; None where no refit is left),
        ``most`` (whose absence moves the slope most), ``sentence``.
    """
    from qscore.regression import lines_without

    names = [row["cluster_pub"] or row["emdb_id"] for row in rows]
    known, group = np.unique(names, return_inverse=True)
    found = lines_without([row["resolution"] for row in rows], [row["q_mean"] for row in rows], group, len(known))
    usable = np.isfinite(found.slope)
    ranges = {key: _range(getattr(found, key)[usable]) for key in ("slope", "rmse", "r_squared")}
    facts = {
        "publications": len(known),
        "unknown": len({name for name, row in zip(names, rows, strict=True) if name == row["emdb_id"]}),
        **ranges,
        "most": _most(known, np.bincount(group), found, line["slope"]) if usable.any() else None,
    }
    return facts | {"sentence": _sentence(facts, len(rows))}


def _range(values: np.ndarray) -> list[float] | None:
    return [float(values.min()), float(values.max())] if len(values) else None


def _most(names: np.ndarray, sizes: np.ndarray, found, slope: float) -> dict:
    """Whose absence moves the slope most."""
    k = int(np.nanargmax(np.abs(found.slope - slope)))
    numbers = {key: float(getattr(found, key)[k]) for key in ("slope", "rmse", "r_squared")}
    return {"publication": str(names[k]), "n": int(sizes[k]), **numbers}


def _sentence(facts: dict, n: int) -> str:
    if facts["publications"] == 1:
        return f"all {n} entries are of one publication: none can be left out"
    if facts["slope"] is None:
        return "without any one publication no line is left"
    slopes, errors, shares = (facts[key] for key in ("slope", "rmse", "r_squared"))
    alone = facts["unknown"] == facts["publications"]
    who = "entry (publications are not known)" if alone else "publication"
    most = facts["most"]
    return (
        f"leaving out one {who} at a time ({facts['publications']:,}): slope {slopes[0]:.4f} to {slopes[1]:.4f} per Å, "
        f"RMSE {errors[0]:.4f} to {errors[1]:.4f}, R² {shares[0]:.3f} to {shares[1]:.3f}; moved most "
        f"{without(most['publication'], most['n'])}"
    ).replace(" -", " −")


def without(cluster: str, n: int) -> str:
    """What is left out when a publication is, by the name of its cluster and its number of pairs."""
    kind, _, name = cluster.partition(":")
    pairs = "1 pair" if n == 1 else f"{n:,} pairs"
    if kind == "authors" and name:
        return f"without the {pairs if n > 1 else 'pair'} of {name}’s authors"
    known = {"doi": f"doi {name}", "pubmed": f"PubMed {name}"} if name else {}
    return f"without {known.get(kind, cluster)} ({pairs})"
