"""One sentence on a scored pair: as well resolved as other entries at its resolution, or not, and where least."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from qscore.jackknife import Jackknife, block_jackknife

SIGMA = 0.4  # Å, EMDB's: of the curve and of all that is judged
MOST_NAMED = 3
MIDDLES = (50, 90, 95)  # per cent
CHANCE = 3.0  # standard deviations of the chance level within which Q is no better
SIGNIFICANT = 0.05
BLIND = "Q does not test register or chemistry"
OUTSIDE = 0.05  # share of atoms outside the map from which the sentence begins with it, as in `causes`
ELSEWHERE = "off its place, of the other hand, or of another map"
ADVICE = f"{ELSEWHERE} (the second look of qscore run tries other frames)"


@dataclass(frozen=True)
class Verdict:
    """What is said of a scored pair, and what it rests on.

    Attributes
    ----------
    sentence : str
    place : str
        ``middle``, ``below`` or ``above`` (of the middle 95 %); "" outside the curve's domain or without an entry mean.
    middle : int or None
        The narrowest of the middle 50, 90 and 95 % of entries that holds it.
    at_edge : bool
        Within two standard errors of an end of the band.
    resolution, q, se, percentile, expected, low, high : float
        Å; mean Q (EMDB's definition, sigma 0.4 Å) and its standard error; share of entries at this resolution
        that lie below, 0 to 1; the curve's median, 2.5 and 97.5 % quantile. NaN where not known.
    n_blocks, block_length : int
        Of the jackknife: blocks, and residues in one.
    no_better_than_chance, upper_bound : bool
        Q within 3 standard deviations of the chance level; Q raised by a tight mask.
    tells_from_chance : bool
        The band begins more than 3 standard deviations above the chance level: a model in its place scores better.
    chains : str or None
        The chains scored when not all were: such a Q is not an entry's.
    worst : tuple of str
        Up to three regions less resolved than expected, worst first, with mean Q and adjusted p.
    n_tested : int
        Unique chains over which p is adjusted; 0 without such regions.
    equation : str
        Name of the curve.
    """

    sentence: str
    place: str
    middle: int | None
    at_edge: bool
    resolution: float
    q: float
    se: float
    percentile: float
    expected: float
    low: float
    high: float
    n_blocks: int
    block_length: int
    no_better_than_chance: bool
    upper_bound: bool
    tells_from_chance: bool
    chains: str | None
    worst: tuple[str, ...]
    n_tested: int
    equation: str

    def as_dict(self) -> dict:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Beside:
    """What a survey knows of a pair that a pair by itself does not tell.

    Attributes
    ----------
    n_tested : int
        Chains over which the survey adjusts p; 0 where it does not tell.
    alone : sequence of dict
        Rows of the regions table that the pair alone would have, beyond the survey's.
    examined : bool or None
        Whether the second look found a better frame; None where there was none.
    """

    n_tested: int = 0
    alone: Sequence[dict] = ()
    examined: bool | None = None


def expected_by(curve, resolution: float) -> dict:
    """Expected Q of an entry and the middle 95 % by a curve, as one of the ``expected`` of a summary."""
    low, high = map(float, curve.band(resolution))
    values = {"expected": float(curve.expected(resolution)), "low": low, "high": high}
    return {"kind": "all", "sigma": curve.sigma, **values, "equation": curve.name, "source": curve.source}


def verdict(
    summary: dict, residues: dict, regions: list[dict] | None, curve, *, beside: Beside | None = None
) -> Verdict:
    """Judge a scored pair by a curve of expected Q.

    Parameters
    ----------
    summary : dict
        Of `qscore.entry.PairScore`, with sigma 0.4 Å and a resolution; with ``n_outside`` of ``n_atoms`` the sentence
        begins with atoms outside the map where they are many.
    residues : dict of array-like
        Columns of its residues table.
    regions : list of dict, or None
        Rows of the regions table; None when they could not be looked for.
    curve : Curve
        Expected Q of entries over resolution.
    beside : Beside, optional
        What a survey knows.

    Returns
    -------
    Verdict
    """
    error = block_jackknife(residues)
    named = significant(regions or [])
    found = _facts(summary, error, curve) | {"worst": worst(named), "n_tested": named[0]["n_tested"] if named else 0}
    found["place"], found["middle"], found["at_edge"] = _place(found)
    parts = [*_outside(summary), *_chance(found, summary, beside), _head(found, curve.domain), *_edge(found)]
    parts += [*_mask(found, summary), _least(found, regions is not None, beside), BLIND]
    return Verdict(sentence=_sentence(parts), **found)


def _facts(summary: dict, error: Jackknife, curve) -> dict:
    """What the sentence rests on."""
    resolution, q = summary["resolution"], summary["q_mean"]
    low, high = map(float, curve.band(resolution))
    known = low == low and q == q
    return {
        "resolution": resolution,
        "q": q,
        "se": error.se,
        "percentile": float(curve.percentile(resolution, q)) if known else math.nan,
        "expected": float(curve.expected(resolution)),
        "low": low,
        "high": high,
        "n_blocks": error.n_blocks,
        "block_length": error.length,
        "no_better_than_chance": no_better_than_chance(summary),
        "upper_bound": bool(summary["tight_mask"]),
        "tells_from_chance": low > chance_limit(summary),
        "chains": summary.get("only_chains"),
        "equation": curve.name,
    }


def no_better_than_chance(summary: dict) -> bool:
    """Whether the mean Q of scored atoms lies less than 3 standard deviations above the chance level."""
    return bool(summary["q_scored"] < chance_limit(summary))


def chance_limit(summary: dict) -> float:
    """3 standard deviations above the chance level; NaN where that is not known."""
    return summary.get("q_null", math.nan) + CHANCE * summary.get("q_null_sd", math.nan)


def _place(found: dict) -> tuple[str, int | None, bool]:
    """Below, in the middle or above; the narrowest middle; whether an end of the band is within two errors."""
    if found["percentile"] != found["percentile"]:
        return "", None, False
    low, high = found["q"] < found["low"], found["q"] > found["high"]
    nearest = min(abs(found["q"] - found["low"]), abs(found["q"] - found["high"]))
    share = 100 * abs(2 * found["percentile"] - 1)
    middle = None if low or high else next((m for m in MIDDLES if share <= m), MIDDLES[-1])
    return "below" if low else "above" if high else "middle", middle, nearest < 2 * found["se"]


def significant(regions: list[dict]) -> list[dict]:
    """Regions of chains whose adjusted p is significant, by it, then by mean residual."""
    runs = [row for row in regions if row["kind"] not in ("ligand", "glycan", "ion", "water")]
    runs = [row for row in runs if row["p_adjusted"] is not None and row["p_adjusted"] <= SIGNIFICANT]
    return sorted(runs, key=lambda row: (row["p_adjusted"], row["z_within"]))


def worst(regions: list[dict]) -> tuple[str, ...]:
    """The first three regions in words: ``A 446–562 (Q 0.28, p 0.009)``."""
    return tuple(f"{row['chain']} {_range(row['from'], row['to'])} ({_figures(row)})" for row in regions[:MOST_NAMED])


def _figures(row: dict) -> str:
    return f"{_copies(row)}Q {row['mean_q']:.2f}, {_p(row['p_adjusted'])}"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p {value:.3f}"


def _range(first: str, last: str) -> str:
    return first if first == last else f"{first}–{last}" if not last.startswith("-") else f"{first} to {last}"


def _copies(row: dict) -> str:
    several = len((row.get("pooled") or "").split())
    return f"{several} copies, " if several > 1 else ""


# ---- in words ----


def _sentence(parts: list[str]) -> str:
    text = "; ".join(parts)
    return text[0].upper() + text[1:] + "."


def _head(found: dict, domain) -> str:
    """Where the pair stands among entries."""
    at = f"at {found['resolution']:g} Å"
    if found["q"] != found["q"]:
        return f"{at} there is no atom but waters to judge"
    if not found["place"]:
        low, high = domain
        return f"{at} no expected Q is known (only at {low:g}–{high:g} Å; {_value(found)})"
    if found["no_better_than_chance"] and not found["tells_from_chance"]:
        return f"{at} a model in its place may score no more ({_numbers(found)})"
    return f"{at} {_subject(found)} {_standing(found)} ({_numbers(found)})"


def _standing(found: dict) -> str:
    """In which part of the entries it lies: of the lowest of the usual range, praise would mislead."""
    if found["place"] != "middle":
        by = ", by less than twice its error" if found["at_edge"] else ""
        return f"resolved {found['place']} the middle {MIDDLES[-1]} % of entries{by}"
    if found["middle"] == MIDDLES[0]:
        return f"resolved like the middle {MIDDLES[0]} % of entries"
    side = "less" if found["percentile"] < 0.5 else "better"
    at_end = found["middle"] == MIDDLES[-1]
    share, still = (95, "though still ") if at_end else (75, "")
    return f"{side} resolved than {share} % of entries, {still}within the usual range"


def _edge(found: dict):
    """Which end of the usual range it may lie beyond, where its error does not tell."""
    if (
        found["at_edge"]
        and found["place"] == "middle"
        and (found["tells_from_chance"] or not found["no_better_than_chance"])
    ):
        lower = abs(found["q"] - found["low"]) <= abs(found["q"] - found["high"])
        yield f"the {'lower' if lower else 'upper'} end of the usual range is within twice its error"


def _subject(found: dict) -> str:
    if found["chains"] is None:
        return "this model is"
    several = "," in found["chains"]
    return f"chain{'s' if several else ''} {found['chains']}, not a whole entry, {'are' if several else 'is'}"


def _numbers(found: dict) -> str:
    expected = f"expected {found['expected']:.3f}, {found['low']:.3f}–{found['high']:.3f}"
    return f"{_value(found)}, {ordinal(found['percentile'])}; {expected}"


def _value(found: dict) -> str:
    """Q with its standard error, or why there is none."""
    if found["se"] != found["se"]:
        return f"Q {found['q']:.3f}, too few residues for an error"
    return f"Q {found['q']:.3f} ± {found['se']:.3f}"


def ordinal(share: float) -> str:
    """A share from 0 to 1 as a percentile in words: ``37th percentile``."""
    if round(100 * share, 1) < 1:  # as the tables round it: 0.96 % is 1.0 % there
        return "below the 1st percentile"
    if round(100 * share, 1) > 99:
        return "above the 99th percentile"
    number = min(max(round(100 * share), 1), 99)
    ending = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending} percentile"


def _outside(summary: dict):
    if (share := outside(summary)) >= OUTSIDE:
        yield f"{100 * share:.0f} % of the atoms lie outside the map and count 0"


def outside(summary: dict) -> float:
    """Share of atoms outside the map, 0 to 1; 0 where it is not known."""
    return (summary.get("n_outside") or 0) / (summary.get("n_atoms") or 1)


def _chance(found: dict, summary: dict, beside: Beside | None):
    if found["no_better_than_chance"]:
        level = f"{summary['q_null']:.3f} ± {summary['q_null_sd']:.3f}"
        if found["tells_from_chance"]:
            placed = f"as placed this model is no better in this map than at random (Q {level} there)"
            yield f"{placed}: {_elsewhere(beside)}"
        else:
            yield f"no better than chance (Q is {level} anywhere in this map, so it says nothing of this model)"


def _elsewhere(beside: Beside | None) -> str:
    """What to make of a model at random: after the second look, what that said."""
    if beside is None or beside.examined is None:
        return ADVICE
    return (
        "in another frame it scores more" if beside.examined else f"{ELSEWHERE}; the second look found no better frame"
    )


def _mask(found: dict, summary: dict):
    """An upper bound is worth telling of a Q that means something."""
    if found["upper_bound"] and not found["no_better_than_chance"] and outside(summary) < OUTSIDE:
        yield "the mask is tight and Q an upper bound"


def _least(found: dict, looked: bool, beside: Beside | None) -> str:
    if beside is not None and looked:
        return _least_of_survey(found, beside)
    if found["worst"]:
        return (
            f"less resolved than expected (p adjusted over {_chains(found['n_tested'])}): {', '.join(found['worst'])}"
        )
    return "no region stands out from the rest" if looked else "regions were not looked for"


def _least_of_survey(found: dict, beside: Beside) -> str:
    """Both corrections: over the survey's chains, and over this entry's own where that finds more."""
    alone = worst(significant(list(beside.alone)))
    among = f"over {_chains(beside.n_tested)} of the survey" if beside.n_tested else "over all chains of the survey"
    if found["worst"]:
        said = f"less resolved than expected (p adjusted {among}): {', '.join(found['worst'])}"
        return said + (f"; taken alone also {', '.join(alone)}" if alone else "")
    if alone:
        return f"no region after correction {among}; taken alone {', '.join(alone)}"
    return "no region stands out from the rest"


def _chains(number: int) -> str:
    return f"{number:,} chain{'' if number == 1 else 's'}"
