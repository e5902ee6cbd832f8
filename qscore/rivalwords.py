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
    order = ranking["order"]
    real = ranking["real_space"] if ranking["real_space"][:1] != order[:1] else []
    statements = [
        f"{_upper(NAMES[order[0]['score']])} follows resolution best{_tied(order)}: it predicts the resolution of "
        f"entries that were not used to {order[0]['error']:.3f} Å (root mean square; {ranking['none']:.3f} Å without "
        "any score).",
        _next(order),
        f"Of the real-space scores {NAMES[real[0]['score']]} is the best{_tied(real)}, with {real[0]['error']:.3f} Å."
        if real
        else "",
        _compared(ranking),
    ]
    return list(filter(None, statements))


def _tied(order: list[dict]) -> str:
    """The scores that are not told from the best of an order."""
    names = [NAMES[one["score"]] for one in order[1:] if not one["told"]]
    return f", tied with {_listed(names)}" if names else ""


def _next(order: list[dict]) -> str:
    """The score after the best, and whether it is told from it."""
    second, told = order[1], [one["told"] for one in order[1:]]
    said = f"Next is {NAMES[second['score']]} with {second['error']:.3f} Å; the difference is"
    if not second["told"]:
        return f"{said} not told from 0."
    return f"{said} told from 0" + (", and that of every other." if all(told) and len(told) > 1 else ".")


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def _compared(ranking: dict) -> str:
    return (
        f"Ranked are the {len(ranking['scores'])} scores that at least 80 % of {ranking['of']:,} entries have, on the "
        f"{ranking['n']:,} that have them all (entries that lack one are left out); "
        "all pairs are tested at once, at 95 %."
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
