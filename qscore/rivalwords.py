"""What the comparison of scores says, in words."""

from __future__ import annotations

from qscore.rivalscores import NAMES


def said(ranking: dict) -> dict:
    """Which score follows resolution best, which are not told from it, and which is the best in real space.

    Parameters
    ----------
    ranking : dict
        Of `rivals.ranking`.

    Returns
    -------
    dict
        ``statements``, the first of them the result, and all of them as ``sentence``.
    """
    statements = _ranked(ranking) if ranking["order"] else [no_ranking(ranking)]
    return {"statements": statements, "sentence": " ".join(statements)}


def _ranked(ranking: dict) -> list[str]:
    best, tied = ranking["order"][0], [NAMES[one["score"]] for one in ranking["order"][1:] if not one["told"]]
    real = ranking["real_space"] if ranking["real_space"][:1] != ranking["order"][:1] else []
    ties = f", tied with {_listed(tied)}" if tied else ""
    statements = [
        f"{_upper(NAMES[best['score']])} follows resolution best{ties}: it predicts the resolution of entries that "
        f"were not used to {best['error']:.3f} Å (root mean square; {ranking['none']:.3f} Å without any score).",
        _next(ranking["order"]),
        f"Of the real-space scores {NAMES[real[0]['score']]} is the best. {_next(real)}" if real else "",
        _compared(ranking),
    ]
    return list(filter(None, statements))


def _next(order: list[dict]) -> str:
    """The score after the best of an order, and all that are not told from the best."""
    second, tied = order[1], [one for one in order[1:] if not one["told"]]
    said = f"Next is {NAMES[second['score']]} with {second['error']:.3f} Å"
    names = _listed([NAMES[one["score"]] for one in tied])
    if not tied:
        return f"{said}; the difference is told from 0" + (", and that of every other." if len(order) > 2 else ".")
    if second["told"]:
        return f"{said}; that difference is told from 0, but not that of {names}."
    return f"{said}; the difference is not told from 0. Tied with the best: {names}."


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _compared(ranking: dict) -> str:
    return (
        f"Ranked are the {len(ranking['scores'])} scores that at least 80 % of {ranking['of']:,} entries have, on the "
        f"{ranking['n']:,} that have them all; all pairs are tested at once, at 95 %."
    )


def no_ranking(ranking: dict) -> str:
    """Why no score is ranked."""
    n, fewest = ranking["n"], ranking["fewest"]
    if (n < fewest and len(ranking["scores"]) > 1) or ranking["of"] < fewest:
        entries = "no entry has" if n == 0 else "1 entry has" if n == 1 else f"{n:,} entries have"
        return f"No ranking below {fewest} entries: {entries} the scores to be ranked."
    if len(ranking["scores"]) < 2:
        return "No ranking: fewer than two scores are there for at least 80 % of the entries."
    return "No ranking: the entries come from too few publications or proteins to redraw them."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
