"""What a page of one entry shows, as plain data: from the tables of a survey, or from a pair just scored."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from qscore import __version__, ligandranks, otherscores
from qscore.expected import published
from qscore.model import CLASSES
from qscore.profile import Profiles
from qscore.regions import KIND, regions_of_pair
from qscore.verdict import Beside, verdict

SIGMA = 0.4
WHICH = ("worst", "best")
JUDGED = ("expected_q", "low", "high", "percentile", "flag", "cause", "evidence", "p_adjusted", "left_out")
PARTS = (("q_backbone", "backbone"), ("q_side_chain", "side chains and bases"))
SEARCHED = ("q_before", "shift", "q_shifted", "hand", "hand_shift", "q_hand", "decoys", "decoy_gain", "frame")
_TESTED = re.compile(r"p adjusted over ([0-9,]+) chain")
_RESCORED = re.compile(r"(the model scores \S+ instead of -?[0-9.]+)")
_WHOLE = re.compile(r"-?[0-9]+")
_ABOUT = ("chain", "number", "icode", "residue", "atom", "altloc", "class", "part", "element", "n_atoms")


@dataclass(frozen=True)
class Dossier:
    """One pair of map and model with everything its page shows; Q at σ 0.4 Å.

    Attributes
    ----------
    stem : str
        Name of its files, without ending; safe for a file.
    name, sample : str
        What it is called: ids, or the names of its files; the sample, text of strangers.
    emdb_id, pdb_id : str
        "" where a file was given.
    synthetic : bool
        Whether it is made up.
    entry : dict
        Columns of `tables.ENTRIES` that are known.
    judged : dict
        `JUDGED`, columns of `tables.FLAGS`: None or NaN where not known.
    sentence : str
        The verdict.
    residues, trace, inclusion : dict of ndarray
        Columns of `tables.RESIDUES`, `tables.TRACES` and `tables.INCLUSION` of this pair.
    regions, ligands : list of dict
        Rows of `tables.REGIONS` of its chains, and of `tables.RANKED` without waters, worst first.
    profiles : dict of str to Profiles
        The atoms with the lowest (``worst``) and the highest (``best``) Q.
    waters : dict
        ``n`` and ``low``: how many there are, and how many are less resolved than their sites promise.
    provenance : tuple of (str, str)
        Term and text.
    alone : list of dict
        Rows of `tables.REGIONS` that this pair alone would have, p adjusted over its own chains, beyond those of the
        survey.
    searched : dict
        `SEARCHED`, columns of `tables.FLAGS`: what the second look found; without a search empty.
    hints : tuple of str
        What a reader should know of the files.
    """

    stem: str
    name: str
    sample: str
    emdb_id: str
    pdb_id: str
    synthetic: bool
    entry: dict
    judged: dict
    sentence: str
    residues: dict[str, np.ndarray]
    regions: list[dict]
    ligands: list[dict]
    trace: dict[str, np.ndarray]
    inclusion: dict[str, np.ndarray]
    profiles: dict[str, Profiles]
    waters: dict
    provenance: tuple[tuple[str, str], ...]
    hints: tuple[str, ...] = field(default=())
    alone: list[dict] = field(default_factory=list)
    searched: dict = field(default_factory=dict)

    @property
    def resolution(self) -> float:
        """Å; NaN where not known."""
        return known(self.entry.get("resolution"))

    @property
    def contour(self) -> float | None:
        """Recommended contour level, map units."""
        return self.entry.get("contour_level")

    @property
    def looked(self) -> bool:
        """Whether regions were looked for: only where something is expected at the resolution."""
        return not math.isnan(known(self.judged["expected_q"]))

    def classes(self) -> list[dict]:
        """Mean Q of all atoms, of each class that has any, of backbone and side chains; beside the expected."""
        return class_scores(self.entry, self.judged)


def known(value) -> float:
    """A number; NaN for None."""
    return math.nan if value is None else float(value)


# ---- from a survey ----


@dataclass(frozen=True)
class Tables:
    """What the tables of a survey hold of one pair: rows, and columns of numpy arrays."""

    entry: dict
    flag: dict
    residues: Mapping[str, np.ndarray]
    regions: list[dict]
    ligands: Mapping[str, np.ndarray]
    inclusion: Mapping[str, np.ndarray]
    trace: Mapping[str, np.ndarray]
    profiles: list[dict]
    n_tested: int = 0
    """Chains of the survey over which p of regions is adjusted; 0 where it is not known."""


def of_survey(found: Tables, curve, *, stem: str, provenance=()) -> Dossier:
    """The dossier of a pair of a survey.

    Parameters
    ----------
    found : Tables
    curve : Curve
        That the survey judges by.
    stem : str
    provenance : sequence of (str, str)
        Of the survey.
    """
    entry, flag = found.entry, found.flag
    regions = chain_regions(found.regions)
    looked = not math.isnan(known(flag.get("expected_q")))
    n_tested = found.n_tested or max((tested_chains(row) for row in regions), default=0)
    tested = [row | {"n_tested": n_tested} for row in regions] if looked else None
    alone = _alone(found, regions, curve) if looked else []
    searched = _searched(flag)
    beside = Beside(n_tested, alone, bool(searched["frame"]) if searched else None)
    said = _verdict_of(entry, found.residues, tested, curve, beside=beside)
    return Dossier(
        stem=stem,
        name=f"{entry['emdb_id']} / {entry['pdb_id']}",
        sample=entry["sample"] or "",
        emdb_id=entry["emdb_id"],
        pdb_id=entry["pdb_id"],
        synthetic=bool(entry["synthetic"]),
        entry=entry,
        judged={key: flag.get(key) for key in JUDGED} | {"evidence": _evidence(entry, flag)},
        sentence=said,
        residues=dict(found.residues),
        regions=regions,
        ligands=worst_ligands(found.ligands),
        trace=dict(found.trace),
        inclusion=dict(found.inclusion),
        profiles=profiles_of(found.profiles),
        waters=_waters(found.ligands),
        provenance=(("Made by", f"qscore {__version__}"), ("Scored by", f"qscore {entry['version']}"), *provenance),
        hints=tuple(filter(None, (entry.get("notes") or "").split("; "))),
        alone=alone,
        searched=searched,
    )  # fmt: skip


def tested_chains(region: dict) -> int:
    """Chains over which p was adjusted, as a row of the regions table tells it; 0 where it does not."""
    told = _TESTED.search(region["reference"] or "")
    return int(told[1].replace(",", "")) if told else 0


def _alone(found: Tables, regions: list[dict], curve) -> list[dict]:
    """Regions as this pair alone would have them, without those that overlap one of the survey's."""
    how = {"resolution": found.entry["resolution"], "curve": curve, "point_group": found.entry.get("point_group")}
    mine = chain_regions(regions_of_pair(found.residues, **how)) if len(found.residues["q_04"]) else []
    return [row for row in mine if not any(_overlap(row, other) for other in regions)]


def _overlap(one: dict, other: dict) -> bool:
    """Whether two regions share a chain and residue numbers."""
    chains, others = ({row["chain"], *(row["pooled"] or "").split()} for row in (one, other))
    (first, last), (start, end) = (tuple(_whole(row[key]) for key in ("from", "to")) for row in (one, other))
    return bool(chains & others) and first <= end and start <= last


def _whole(number: str) -> float:
    told = _WHOLE.match(number)
    return int(told[0]) if told else math.nan


def _searched(flag: dict) -> dict:
    """What the second look found; empty where no frame was searched."""
    found = {key: flag.get(key) for key in SEARCHED}
    return found if known(found["q_before"]) == known(found["q_before"]) else {}


def _evidence(entry: dict, flag: dict) -> str:
    """The evidence, which tells where its Q is not the Q of all atoms."""
    said, before = flag.get("evidence") or "", known(flag.get("q_before"))
    if f"{before:.3f}" == f"{known(entry['q_mean']):.3f}":
        return said
    return _RESCORED.sub(r"\1 (of a sample of the atoms)", said)


def _verdict_of(entry: dict, residues: Mapping, regions: list[dict] | None, curve, *, beside: Beside) -> str:
    """The sentence; of an entry without a resolution that it cannot be judged. Regions None: not looked for."""
    if entry["resolution"] is None:
        return "No resolution is reported, so nothing is expected of its Q."
    numbers = ("resolution", "q_mean", "q_scored", "q_null", "q_null_sd")
    summary = {key: known(entry.get(key)) for key in numbers} | {
        key: entry.get(key) for key in ("n_outside", "n_atoms")
    }
    summary |= {"tight_mask": bool(entry["tight_mask"])}
    return verdict(summary, residues, regions, curve, beside=beside).sentence


# ---- from a pair just scored ----


def of_pair(pair, judged: dict, found, told: dict) -> Dossier:
    """The dossier of a scored pair.

    Parameters
    ----------
    pair : qscore.entry.PairScore
        At σ 0.4 Å first, with a resolution.
    judged : dict
        ``verdict``, ``expected`` and ``regions``, as `qscore score` tells them.
    found : qscore.evidence.Evidence
        Of its map and model.
    told : dict
        ``stem``, ``name``, ``emdb_id``, ``pdb_id``, ``contour_level``, files' names, sizes and digests (columns of
        `tables.ENTRIES`), ``hints``.
    """
    from qscore.entry import entry_row

    said = judged["verdict"]
    texts = {key: np.asarray(values) for key, values in pair.residues().items()}
    trace = {key: np.asarray(values) for key, values in found.trace.items()}
    entry = entry_row(pair) | told | {"resolution": pair.summary["resolution"]}
    ligands = {key: np.asarray(values) for key, values in pair.ligands().items()}
    return Dossier(
        stem=told["stem"],
        name=told["name"],
        sample="",
        emdb_id=told["emdb_id"] or "",
        pdb_id=told["pdb_id"] or "",
        synthetic=False,
        entry=entry,
        judged=dict.fromkeys(JUDGED) | {"expected_q": said["expected"]} | {key: said[key] for key in JUDGED[1:4]},
        sentence=said["sentence"],
        residues=texts,
        regions=chain_regions(judged["regions"] or []),
        ligands=worst_ligands(ligands),
        trace=trace,
        inclusion={key: np.asarray(values) for key, values in pair.inclusion().items()},
        profiles=profiles_of(_rows(found.profiles)),
        waters=_waters(ligands),
        provenance=(("Made by", f"qscore {__version__}"), ("Expected Q", _curve_text(judged["expected"][0]))),
        hints=tuple(told["hints"]),
    )  # fmt: skip


def _curve_text(expected: dict) -> str:
    """The curve by its plain name, then what it rests on: ``archive-2025`` is the curve of the archive, 2025."""
    return f"curve of the {', '.join(expected['equation'].split('-'))}: {expected['source']}"


def _rows(columns: Mapping) -> list[dict]:
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


# ---- parts ----


def chain_regions(regions: list[dict]) -> list[dict]:
    """Those of chains, the least likely first."""
    mine = [row for row in regions if row["kind"] == KIND]
    return sorted(mine, key=lambda row: (known(row["p_adjusted"]), known(row["z_within"]), row["chain"], row["from"]))


def worst_ligands(columns: Mapping[str, np.ndarray]) -> list[dict]:
    """Ligands, glycans and ions, the least likely first; where nothing ranks them by Q less that of their site."""
    if not len(columns.get("class", ())):
        return []
    mine = np.flatnonzero(np.asarray(columns["class"]) != "water")
    names = ("p", "percentile", "p_adjusted", "reference")
    rows = [{key: _plain(values[k]) for key, values in columns.items()} for k in mine.tolist()]
    rows = [dict.fromkeys(names) | row for row in rows]
    return sorted(rows, key=lambda row: (_last(row["p"]), _last(row["dq_site"]), row["chain"], row["number"]))


def _last(value) -> float:
    value = known(value)
    return math.inf if math.isnan(value) else value


def _plain(value):
    return value.item() if hasattr(value, "item") else value


def _waters(columns: Mapping[str, np.ndarray]) -> dict:
    """How many waters there are; how many are less resolved than their sites promise, None where nothing ranks them."""
    mine = np.asarray(columns.get("class", ())) == "water"
    p = np.asarray(columns["p_adjusted"], float)[mine] if "p_adjusted" in columns else np.empty(0)
    low = int((p <= ligandranks.SIGNIFICANT).sum()) if np.isfinite(p).any() else None
    return {"n": int(mine.sum()), "low": low}


def profiles_of(rows: list[dict]) -> dict[str, Profiles]:
    """Rows of `tables.SHOWN_PROFILES` of one pair → the profiles of the worst and of the best atoms.

    Atoms that a model names alike are told apart by their turn: each has one row a radius.
    """
    found = {}
    for which in WHICH:
        atoms: dict[tuple, list[dict]] = {}
        turns: Counter = Counter()
        for row in rows:
            if row["which"] == which:
                name = tuple(row[key] for key in _ABOUT)
                atoms.setdefault((name, turns[name, row["radius"]]), []).append(row)
                turns[name, row["radius"]] += 1
        if atoms:
            found[which] = _profiles([sorted(shells, key=lambda row: row["radius"]) for shells in atoms.values()])
    return found


def _profiles(atoms: list[list[dict]]) -> Profiles:
    n, mean, sd = (
        np.array([[known(row[key]) for row in rows] for rows in atoms]) for key in ("n_points", "mean", "sd")
    )
    about = tuple({key: rows[0][key] or "" for key in _ABOUT} | {"name": _address(rows[0])} for rows in atoms)
    q = np.array([known(rows[0]["q"]) for rows in atoms])
    return Profiles(np.nan_to_num(n).astype(int), mean, np.nan_to_num(sd) ** 2 * n, q, SIGMA, about)


def _address(row: dict) -> str:
    atom = f"{row['atom']}.{row['altloc']}" if row["altloc"] else row["atom"]
    return f"{row['chain']}/{row['number']}{row['icode'] or ''}/{atom}"


def class_scores(entry: dict, judged: dict) -> list[dict]:
    """Mean Q of the entry, of its classes of atoms and of its parts, with what is expected of each where that is known.

    Parameters
    ----------
    entry : dict
        Columns of `tables.ENTRIES`.
    judged : dict
        ``expected_q``, ``low`` and ``high`` of the entry.
    """
    resolution = known(entry.get("resolution"))
    nothing = dict.fromkeys(("expected", "low", "high"), math.nan) | {"n": None, "source": ""}
    every = {key: known(judged.get(key)) for key in ("low", "high")} | {"expected": known(judged.get("expected_q"))}
    rows = [nothing | {"name": "all but waters", "q": known(entry.get("q_mean")), "n": _but_waters(entry)} | every]
    for kind in CLASSES:
        if entry.get(f"n_{kind}"):
            told = {"name": kind, "q": known(entry.get(f"q_{kind}")), "n": entry[f"n_{kind}"]}
            rows.append(nothing | told | _expected_of(kind, resolution))
    rows += [nothing | {"name": name, "q": known(entry[key])} for key, name in PARTS if entry.get(key) is not None]
    return rows


def _expected_of(kind: str, resolution: float) -> dict:
    equation = published(kind, SIGMA)
    value = equation.at(resolution) if equation else math.nan
    return {"expected": value, "source": equation.source} if value == value else {}


def _but_waters(entry: dict) -> int | None:
    return None if entry.get("n_atoms") is None else entry["n_atoms"] - (entry.get("n_water") or 0)


def other_scores(entry: dict) -> tuple[list[tuple[str, str]], list[str]]:
    """The scores beside Q: name and value of each that there is; and why others are empty."""
    return otherscores.values(entry), list(otherscores.reasons(entry.get("not_measured") or ""))
