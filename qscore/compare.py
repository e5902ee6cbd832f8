"""Two models in one map: Q of every residue before and after."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from qscore import __version__, expected
from qscore.aggregate import label
from qscore.entry import PairScore, score_pair
from qscore.verdict import expected_by

SIGMA = 0.4  # Å, EMDB's
CHANGED = 0.05  # a residue is better or worse when its Q differs by more
MOST = 10  # gains and losses named

_PLACE = ("chain", "number", "icode")


@dataclass(frozen=True)
class Comparison:
    """Two models scored in one map.

    Attributes
    ----------
    labels : tuple of str
        Names of the two model files, as short as tells them apart.
    rows : list of dict
        Of `COMPARED`, one a residue but waters.
    summary : dict
        What ``compare.json`` holds.
    """

    labels: tuple[str, str]
    rows: list[dict]
    summary: dict


def compare(
    map_path,
    model_paths,
    *,
    resolution: float | None = None,
    chain: str | None = None,
    origin_rule: str = "auto",
    threads: int = 1,
) -> Comparison:
    """Score two models in the same map, and set their residues beside each other.

    Parameters
    ----------
    map_path : path-like
    model_paths : sequence of two path-like
        Before and after.
    resolution, chain, origin_rule, threads
        As in `qscore.entry.score_pair`, for both models.

    Returns
    -------
    Comparison

    Raises
    ------
    UnusableEntry
        A model cannot be scored in the map.
    ValueError
        The models have no residue in common, or an argument makes no sense.
    """
    options = {"resolution": resolution, "chain": chain, "origin_rule": origin_rule, "threads": threads}
    options |= {"sigmas": (SIGMA,), "chance": False, "others": False}
    before, after = (score_pair(map_path, path, **options) for path in model_paths)
    labels = short_names(*model_paths)
    rows = side_by_side(_residues(before), _residues(after))
    if not any(row["match"] in ("same", "renamed") for row in rows):
        raise ValueError(f"no residue of {labels[0]} has chain and number of one of {labels[1]}")
    return Comparison(labels, rows, _summary(before, after, labels, rows))


def short_names(first, second) -> tuple[str, str]:
    """File names, with as many folders before them as tell them apart."""
    one, other = Path(first).parts, Path(second).parts
    for length in range(1, max(len(one), len(other)) + 1):
        if one[-length:] != other[-length:]:
            return "/".join(one[-length:]), "/".join(other[-length:])
    return one[-1], other[-1]


def _residues(pair: PairScore) -> list[dict]:
    """Rows of the residues table, without waters: their numbers say nothing."""
    columns = {name: values.tolist() for name, values in pair.residues().items()}
    rows = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    return [row for row in rows if row["class"] != "water"]


# ---- residue by residue ----


def side_by_side(before: list[dict], after: list[dict]) -> list[dict]:
    """Rows of two residues tables → rows of `COMPARED`.

    Residues belong together by author chain, number and insertion code, first
    those of the same name, then those of the same class. Rows stand in the
    first model's order; what only the second has follows its predecessor there.
    """
    partner = _partners(before, after)
    matched = {i: j for j, i in partner.items()}
    placed = [((i, 0, 0), row, after[matched[i]] if i in matched else None) for i, row in enumerate(before)]
    start = {row["chain"]: i - 0.5 for i, row in reversed(list(enumerate(before)))}
    last = {}
    for j, row in enumerate(after):
        chain = row["chain"]
        if j in partner:
            last[chain] = partner[j]
        else:
            placed.append(((last.get(chain, start.get(chain, len(before))), 1, j), None, row))
    return [_row(one, other) for _, one, other in sorted(placed, key=lambda item: item[0])]


def _partners(before: list[dict], after: list[dict]) -> dict[int, int]:
    """Number of a row of `after` → number of its row of `before`."""
    partner: dict[int, int] = {}
    for keys in ((*_PLACE, "residue"), (*_PLACE, "class")):
        free, taken = defaultdict(deque), set(partner.values())
        for i, row in enumerate(before):
            if i not in taken:
                free[tuple(row[key] for key in keys)].append(i)
        for j, row in enumerate(after):
            candidates = free.get(tuple(row[key] for key in keys))
            if candidates and j not in partner:
                partner[j] = candidates.popleft()
    return partner


def _row(before: dict | None, after: dict | None) -> dict:
    """One row of `COMPARED`."""
    one = before or after
    row = {key: one[key] for key in (*_PLACE, "class")}
    for when, residue in (("before", before), ("after", after)):
        row[f"residue_{when}"] = residue["residue"] if residue else ""
        row[f"n_atoms_{when}"] = residue["n_atoms"] if residue else None
        row[f"q_{when}"] = residue[label(SIGMA)] if residue else float("nan")
    row["difference"] = row["q_after"] - row["q_before"]
    row["match"] = _match(before, after)
    return row


def _match(before: dict | None, after: dict | None) -> str:
    if before is None or after is None:
        return "only after" if before is None else "only before"
    return "same" if before["residue"] == after["residue"] else "renamed"


# ---- in sum ----


def _summary(before: PairScore, after: PairScore, labels, rows: list[dict]) -> dict:
    compared = [row for row in rows if row["difference"] == row["difference"]]
    gains, losses = (sorted(compared, key=lambda row: sign * row["difference"]) for sign in (-1, 1))
    facts = before.summary["map"]
    return {
        "version": __version__,
        "map": {key: facts[key] for key in ("file", "voxel", "origin_rule")},
        "sigma": SIGMA,
        "resolution": before.summary["resolution"],
        "expected": _expected(before.summary["resolution"]),
        "before": _model_facts(before, labels[0]),
        "after": _model_facts(after, labels[1]),
        "difference": after.summary["q_mean"] - before.summary["q_mean"],
        "threshold": CHANGED,
        "residues": _changes(compared) | _mismatches(rows),
        "chains": _chains(before, after, compared),
        "gains": [row for row in gains[:MOST] if row["difference"] > 0],
        "losses": [row for row in losses[:MOST] if row["difference"] < 0],
        "renamed": [f"{name(row)} → {row['residue_after']}" for row in rows if row["match"] == "renamed"],
        "only_before": [name(row) for row in rows if row["match"] == "only before"],
        "only_after": [name(row) for row in rows if row["match"] == "only after"],
        "remarks": _remarks(before, after, labels),
    }


def _expected(resolution: float | None) -> dict | None:
    """What `qscore score` expects of an entry."""
    return None if resolution is None else expected_by(expected.shipped(), resolution)


def name(row: dict) -> str:
    """A residue as people write it: chain, number with insertion code, name."""
    return f"{row['chain']} {row['number']}{row['icode']} {row['residue_before'] or row['residue_after']}"


def _model_facts(pair: PairScore, called: str) -> dict:
    keys = ("q_mean", "q_scored", "n_atoms", "n_scored", "n_altloc")
    return {"file": called} | {key: pair.summary[key] for key in keys}


def _changes(compared: list[dict]) -> dict:
    """Counts and averages of differences of residues; averages are NaN without any."""
    differences = [row["difference"] for row in compared]
    return {
        "n_compared": len(differences),
        "n_better": sum(d > CHANGED for d in differences),
        "n_worse": sum(d < -CHANGED for d in differences),
        "mean_difference": fmean(differences) if differences else float("nan"),
        "median_difference": median(differences) if differences else float("nan"),
    }


def _mismatches(rows: list[dict]) -> dict:
    both = [row for row in rows if row["match"] in ("same", "renamed")]
    return {
        "n_renamed": sum(row["match"] == "renamed" for row in rows),
        "n_only_before": sum(row["match"] == "only before" for row in rows),
        "n_only_after": sum(row["match"] == "only after" for row in rows),
        "n_other_atoms": sum(row["n_atoms_before"] != row["n_atoms_after"] for row in both),
    }


def _chains(before: PairScore, after: PairScore, compared: list[dict]) -> dict[str, dict]:
    """Mean Q of each chain's atoms in either model (unscored 0), and the changes of its residues."""
    mine = defaultdict(list)
    for row in compared:
        mine[row["chain"]].append(row)
    first, second = before.summary["chains"], after.summary["chains"]
    nothing = {"q_mean": float("nan")}
    return {
        chain: {
            "q_before": first.get(chain, nothing)["q_mean"],
            "q_after": second.get(chain, nothing)["q_mean"],
            "difference": second.get(chain, nothing)["q_mean"] - first.get(chain, nothing)["q_mean"],
        }
        | _changes(mine[chain])
        for chain in dict.fromkeys([*first, *second])
    }


def _remarks(before: PairScore, after: PairScore, labels) -> list[str]:
    """Notes on the map, and what was odd about either model in it."""
    said = [note for pair in (before, after) for note in pair.summary["map"]["notes"]]
    said += [f"{called}: {hint}" for called, pair in zip(labels, (before, after), strict=True) for hint in pair.hints]
    if before.summary["tight_mask"] or after.summary["tight_mask"]:
        said.append("tight mask: Q is an upper bound")
    return list(dict.fromkeys(said))
