"""One pair of a map and a model, from files to tables, or to a reason."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from qscore import __version__, aggregate, ligands, realspace
from qscore.chance import SIGMA, chance_level
from qscore.density import Density, opened, read_box, read_density
from qscore.errors import UnusableEntry
from qscore.expected import published
from qscore.model import CLASSES, Model, read_model
from qscore.realspace import RealSpace
from qscore.resolutions import to_simulate
from qscore.score import SIGMAS, Scores, score_atoms
from qscore.slabs import beside
from qscore.stored import file_name, why_no_file
from qscore.wholemap import Passing, WholeMap

# A model is off its density when Q is at most this, and another frame is worth a hint when it gains as much.
OFF_DENSITY = 0.1


@dataclass(frozen=True)
class PairScore:
    """A scored pair.

    Attributes
    ----------
    model : Model
        The atoms scored (of the chains asked for).
    density : Density
    scores : Scores
        Of the atoms of `model`, in their order.
    sigmas : tuple of float
        Å.
    summary : dict
        What `summary.json` holds.
    hints : tuple of str
        For people.
    others : RealSpace, optional
        The other scores, where they were asked for.
    """

    model: Model
    density: Density
    scores: Scores
    sigmas: tuple[float, ...]
    summary: dict
    hints: tuple[str, ...] = field(default=())
    others: RealSpace | None = None

    def residues(self) -> dict[str, np.ndarray]:
        """Columns of the residues table (but the ids)."""
        beside = self.others.residues if self.others else {}
        return aggregate.residues(self.model, self.scores, self.sigmas) | beside

    def inclusion(self) -> dict[str, np.ndarray]:
        """Columns of the inclusion table (but the ids)."""
        return self.others.curve if self.others else {name: np.empty(0) for name in realspace.CURVE}

    def ligands(self) -> dict[str, np.ndarray]:
        """Columns of the ligands table (but the ids)."""
        return ligands.measure(self.model, self.scores, self.sigmas)

    def atoms(self) -> dict[str, np.ndarray]:
        """Columns of the atoms table; Q is NaN where not scored."""
        model = self.model
        texts = ("serial", "chain", "number", "icode", "residue", "atom", "altloc", "element")
        columns = {key: getattr(model, key) for key in texts}
        columns |= dict(zip("xyz", model.position.T, strict=True))
        columns["class"] = np.array(CLASSES)[model.kind]
        columns |= {aggregate.label(s): self.scores.q[:, k] for k, s in enumerate(self.sigmas)}
        return columns


def score_pair(
    map_path,
    model_path,
    *,
    sigmas=SIGMAS,
    resolution: float | None = None,
    contour: float | None = None,
    map_grid: str | None = None,
    chain: str | None = None,
    model_number: int | None = None,
    origin_rule: str = "auto",
    threads: int = 1,
    chance: bool = True,
    others: bool = True,
) -> PairScore:
    """Score the atoms of a model in a map.

    Q as defined by Pintilie et al. 2020, Nat. Methods 17:328, sampled as in
    MapQ 2.9.7; `q_mean` is EMDB's entry value (sigma 0.4 Å, no waters, an atom
    without score counting 0).

    Parameters
    ----------
    map_path, model_path : path-like
        CCP4/MRC map; mmCIF or PDB model; gzip-compressed or not.
    sigmas : sequence of float
        Widths of the reference Gaussian, Å.
    resolution : float, optional
        Reported resolution, Å: adds expected Q; without it no map is simulated.
    contour : float, optional
        Recommended contour level, map units: atom inclusion is counted at it.
    map_grid : str, optional
        Points of the map along columns, rows and sections as deposited: tells a part from the whole.
    chain : str, optional
        Author chains to score, comma-separated; the others remain neighbours.
    model_number : int, optional
        Model of a file with several; the first by default.
    origin_rule : {"auto", "nstart", "origin"}
        See `qscore.density.read_density`.
    threads : int
        The result does not depend on it.
    chance : bool
        Measure the chance level too (for sigma 0.4 Å).
    others : bool
        Measure the other scores too.

    Returns
    -------
    PairScore

    Raises
    ------
    UnusableEntry
        The pair cannot be scored; `reason` says why.
    ValueError
        An argument makes no sense.
    """
    if resolution is not None and not (np.isfinite(resolution) and resolution > 0):
        raise ValueError(f"resolution {resolution}; expected a positive number of Å")
    if contour is not None and not np.isfinite(contour):
        raise ValueError(f"contour level {contour}; expected a number")
    if not Path(map_path).is_file():
        raise UnusableEntry("map_missing", f"{why_no_file(map_path)}: {map_path}")
    with opened(map_path, ahead=threads > 1) as stream:
        model = read_model(model_path, model_number=model_number)
        which = _chosen(model, chain, model_path)
        atoms = _scorable(model.position)
        passing = Passing(atoms, contour) if others else None
        density, rest = read_box(stream, map_path, atoms, origin_rule=origin_rule, passing=passing)
        masked = partial(realspace.molecule_in, density, model) if others else _nothing
        # the rest of the file is read, and the mask made, while the box is scored
        with beside(partial(_seen, rest, passing), threads) as whole, beside(masked, threads) as molecule:
            _check_overlap(density, model, which, map_path=map_path, model_name=Path(model_path).name)
            scores = score_atoms(density, model.position, which=which, sigmas=sigmas, threads=threads)
    chosen = model if chain is None else model.take(which)
    _check_map_varies(density, scores, map_path)
    sigmas = tuple(sigmas)
    summary = _summary(map_path, model_path, density, chosen, scores, sigmas, resolution)
    summary["only_chains"] = chain if len(chosen) < len(model) else None
    hints = _frame_hint(map_path, density, model, which, summary["q_scored" + aggregate.suffix(sigmas[0])])
    _check_any_scored(summary, hints, map_path)
    if chance and SIGMA in sigmas:
        summary |= _chance(density, model, which)
    found = None
    if others:
        told = {"resolution": to_simulate(resolution), "contour": contour, "map_grid": map_grid, "threads": threads}
        found = realspace.measure(density, whole(), model, which, scores, molecule=molecule(), **told)
        summary |= _beside(found, summary["chains"])
    return PairScore(chosen, density, scores, sigmas, summary, hints, found)


def _seen(rest, passing: Passing | None) -> WholeMap | None:
    """What is known of the whole map when the rest of its file has been read."""
    rest()
    return passing.result() if passing else None


def _nothing() -> None:
    """What is beside Q when no other score is wanted."""


def _beside(found: RealSpace, chains: dict[str, dict]) -> dict:
    """The other scores of the entry, and chains with their inclusion."""
    every = {name: chain | found.chains.get(name, {}) for name, chain in chains.items()}
    return {"realspace": found.entry, "chains": every}


def _scorable(position: np.ndarray) -> np.ndarray:
    return position[np.isfinite(position).all(axis=1)]


def _chosen(model: Model, chain: str | None, path) -> np.ndarray:
    """Numbers of the atoms to score."""
    if chain is None:
        return np.arange(len(model))
    wanted = [name.strip() for name in chain.split(",")]
    absent = [name for name in wanted if not (model.chain == name).any()]
    if absent:
        there = ", ".join(dict.fromkeys(model.chain.tolist()))
        raise ValueError(f"{Path(path).name}: no chain {', '.join(absent)}; it has {there[:200]}")
    return np.flatnonzero(np.isin(model.chain, wanted))


def _check_overlap(density: Density, model: Model, which: np.ndarray, *, map_path, model_name: str) -> None:
    """Refuse a model of which no atom lies in the map, with a word on the other frame."""
    if density.contains(model.position[which]).any():
        return
    text = f"no atom of {model_name} lies inside {Path(map_path).name}"
    other = _other_rule(density)
    if other and _would_contain(density, model.position[which]) > 0.5:
        text += f"; by the other origin rule they would: try --origin {other}"
    raise UnusableEntry("model_outside_map", text)


def _check_map_varies(density: Density, scores: Scores, map_path) -> None:
    values = density.values
    if (scores.why >= 0).all() and values.size and values.min() == values.max():
        raise UnusableEntry("map_constant", f"{Path(map_path).name} is {density.values.flat[0]:g} around the model")


def _check_any_scored(summary: dict, hints: tuple[str, ...], map_path) -> None:
    """Refuse a pair in which no atom got a score: its mean of zeros would be no measurement."""
    if summary["n_scored"] == 0:
        why = ", ".join(f"{count:,} {reason}" for reason, count in summary["n_unscored"].items() if count)
        text = f"{Path(map_path).name}: none of {summary['n_atoms']:,} atoms scored: {why}"
        raise UnusableEntry("not_scored", "; ".join((text, *hints)))


def _other_rule(density: Density) -> str | None:
    """The origin rule not used, when it would place the map elsewhere."""
    if density.other_origin is None or np.allclose(density.other_origin, density.origin, atol=1e-3):
        return None
    return "nstart" if density.origin_rule == "origin" else "origin"


def _would_contain(density: Density, position: np.ndarray) -> float:
    """Share of positions inside the map if the other origin rule held."""
    index = (position - density.other_origin) / density.step
    return float(((index >= 0) & (index <= density.grid - 1)).all(axis=1).mean())


def _frame_hint(map_path, density: Density, model: Model, which: np.ndarray, q: float) -> tuple[str, ...]:
    """A word on --origin when the model lies off density and the other rule would put it on."""
    other = _other_rule(density)
    if other is None or q > OFF_DENSITY or _would_contain(density, model.position[which]) < 0.5:
        return ()
    moved = read_density(map_path, _scorable(model.position), origin_rule=other)
    sample = which[:: max(1, len(which) // 1000)]
    better = aggregate.mean_of_scored(score_atoms(moved, model.position, which=sample).q[:, 0])
    if not better > (0.0 if np.isnan(q) else q) + OFF_DENSITY:
        return ()
    return (f"the model lies off the density (Q {q:.2f}); with --origin {other} Q would be about {better:.2f}",)


def _summary(map_path, model_path, density, model, scores, sigmas, resolution) -> dict:
    statistics = aggregate.entry_statistics(model, scores, sigmas)
    unscored = {why: statistics[f"n_{why}"] for why in ("outside", "constant", "not_finite")}
    content = {
        "version": __version__,
        "map": _map_facts(map_path, density),
        "model": _model_facts(model_path, model),
        "sigmas": list(sigmas),
        "resolution": resolution,
        **statistics,
        "n_unscored": unscored,
        "classes": aggregate.by_class(model, scores, sigmas),
        "chains": aggregate.by_chain(model, scores, sigmas),
    }
    if resolution is not None:
        content["expected"] = expectations(content["classes"], resolution, sigmas)
    return content


def _chance(density: Density, model: Model, which: np.ndarray) -> dict:
    """The chance level of the atoms that count in the entry's mean."""
    level = chance_level(density, model.position, which=which[~model.is_class("water")[which]])
    return {"q_null": level.mean, "q_null_sd": level.sd, "n_null": level.n}


def expectations(classes, resolution: float, sigmas) -> list[dict]:
    """Published expected Q of the entry and of each class at a resolution, with band where there is one."""
    found = []
    for sigma in sigmas:
        for kind in ("all", *classes):
            equation = published(kind, sigma)
            if equation is None:
                continue
            low, high = equation.band(resolution)
            values = {"expected": equation.at(resolution), "low": low, "high": high}
            found.append({"kind": kind, "sigma": sigma, **values, "equation": equation.name})
    return found


def _map_facts(path, density: Density) -> dict:
    return {
        "file": file_name(path),
        "grid": density.grid.tolist(),
        "voxel": density.step.tolist(),
        "origin": density.origin.tolist(),
        "origin_rule": density.origin_rule,
        "notes": list(density.notes),
    }


def _model_facts(path, model: Model) -> dict:
    return {"file": file_name(path), "n_models": model.n_models}


def entry_row(pair: PairScore) -> dict:
    """What the entries table keeps of a scored pair.

    Raises
    ------
    UnusableEntry
        ``model_only_water``: without other atoms there is no entry mean.
    """
    if pair.summary["n_atoms"] == pair.summary["n_water"]:
        file, count = pair.summary["model"]["file"], pair.summary["n_water"]
        raise UnusableEntry("model_only_water", f"{file}: all {count:,} atoms are waters")
    voxel, facts = pair.density.step.tolist(), pair.summary["map"]
    return {
        "status": "scored",
        **{key: value for key, value in pair.summary.items() if not isinstance(value, (dict, list))},
        **(pair.others.entry if pair.others else {}),
        **dict(zip(("voxel_x", "voxel_y", "voxel_z"), voxel, strict=True)),
        "grid": " ".join(map(str, facts["grid"])),
        "origin_rule": facts["origin_rule"],
        "notes": "; ".join([*facts["notes"], *pair.hints]),
    }


def unusable_row(trouble: UnusableEntry) -> dict:
    """What the entries table keeps of a pair that cannot be scored."""
    return {
        "status": "unusable",
        "stage": trouble.stage,
        "reason": trouble.reason,
        "detail": str(trouble),
        "transient": trouble.transient,
        "version": __version__,
    }


def sha256(path) -> str:
    """Digest of a file's bytes, hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
