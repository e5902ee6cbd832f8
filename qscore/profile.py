"""The map around atoms by distance, as Q sampled it, beside the Gaussian it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qscore import address
from qscore.density import Density, read_density
from qscore.errors import UnusableEntry
from qscore.model import CLASSES, Model, read_model
from qscore.probes import METHOD, reference_gaussian
from qscore.score import shells_of

SIGMA = 0.4
PARTS = {"protein": ("side chain", "backbone"), "nucleic": ("base", "backbone")}
_TOGETHER = 50_000  # atoms whose shells are held at a time
_ORDER = "C N O S P".split()  # noqa: SIM905


@dataclass(frozen=True)
class Profiles:
    """The map by distance of m atoms, or of m types of atoms.

    Attributes
    ----------
    n : ndarray, int, shape (m, shells)
        Points Q sampled at each radius of `radii`: those nearer to the atom than to others.
    mean : ndarray, float, shape (m, shells)
        Mean of the map there, map units; NaN without points.
    squares : ndarray, float, shape (m, shells)
        Sum of the squares about that mean.
    q : ndarray, float, shape (m,)
        Of a type the mean over its scored atoms; NaN where not scored.
    sigma : float
        Width of the reference Gaussian, Å.
    about : tuple of dict
        What each is: columns of `tables.PROFILES`, and ``name``.
    """

    n: np.ndarray
    mean: np.ndarray
    squares: np.ndarray
    q: np.ndarray
    sigma: float
    about: tuple[dict, ...] = ()

    def __len__(self) -> int:
        return len(self.q)

    @property
    def radii(self) -> np.ndarray:
        """Distances from the atom, Å, shape (shells,)."""
        return METHOD.radii

    @property
    def sd(self) -> np.ndarray:
        """Standard deviation of the map among the points of a radius (m, shells), map units; NaN without points."""
        with np.errstate(invalid="ignore"):
            return np.sqrt(self.squares / self.n)

    @property
    def reference(self) -> np.ndarray:
        """The reference Gaussian on the scale of the map (m, shells); see `reference_at`."""
        return self.reference_at(self.radii)

    def reference_at(self, distance: np.ndarray) -> np.ndarray:
        """The reference Gaussian on the scale of the map: a + b exp(-R² / 2 sigma²).

        a and b are least squares to the points Q used, so the correlation of an
        atom's points with it is |Q|; b is negative where Q is.

        Parameters
        ----------
        distance : ndarray, shape (k,)
            R, Å.

        Returns
        -------
        ndarray, shape (m, k)
            Map units; NaN where not scored.
        """
        a, b = np.array([self._fitted(k) for k in range(len(self))]).reshape(-1, 2).T
        return a[:, None] + b[:, None] * np.exp(-0.5 * (np.asarray(distance) / self.sigma) ** 2)

    def _fitted(self, k: int) -> tuple[float, float]:
        """a and b of one profile."""
        used = self.n[k] > 0
        if np.isnan(self.q[k]) or used.sum() < 2:
            return np.nan, np.nan
        g, v, weight = reference_gaussian(self.sigma)[used], self.mean[k][used], self.n[k][used]
        beyond = g - np.average(g, weights=weight)
        b = (weight * beyond * v).sum() / (weight * beyond**2).sum()
        return np.average(v, weights=weight) - b * np.average(g, weights=weight), b


def profiles(density: Density, positions: np.ndarray, which: np.ndarray, *, sigma: float = SIGMA) -> Profiles:
    """Profiles of a few atoms, of the very points their Q is reckoned from.

    Parameters
    ----------
    density, positions, which
        As for `qscore.score.score_atoms`.
    sigma : float
        Width of the reference Gaussian, Å.

    Returns
    -------
    Profiles
        Of the atoms `which`, in their order; no points outside the map.
    """
    shells, q = shells_of(density, positions, which, sigmas=(sigma,))
    return Profiles(np.nan_to_num(shells[..., 0]).astype(np.int64), shells[..., 1], shells[..., 2], q[:, 0], sigma)


def profiles_by_type(density: Density, model: Model, *, sigma: float = SIGMA) -> Profiles:
    """The profile of each type of atom: class, backbone or not, and element; its points are those of all its atoms.

    Parameters
    ----------
    density : Density
        With at least 2 Å and a voxel around the model.
    model : Model
    sigma : float
        Width of the reference Gaussian, Å.
    """
    names = [_type(model, k) for k in range(len(model))]
    types = sorted(
        set(names), key=lambda t: (CLASSES.index(t[0]), t[1], _ORDER.index(t[2]) if t[2] in _ORDER else 9, t)
    )
    number = {name: k for k, name in enumerate(types)}
    type_of = np.array([number[name] for name in names])
    parts = [_pooled(density, model, np.flatnonzero(type_of == k), sigma) for k in range(len(types))]
    n, mean, squares = (np.stack([part[key] for part, _, _ in parts]) for key in range(3))
    about = tuple(
        {"name": _type_name(t), "class": t[0], "part": t[1], "element": t[2], "n_atoms": int((type_of == k).sum()),
         "n_scored": scored}
        for (k, t), (_, _, scored) in zip(enumerate(types), parts, strict=True)
    )  # fmt: skip
    return Profiles(n.astype(np.int64), mean, squares, np.array([q for _, q, _ in parts]), sigma, about)


def _type(model: Model, k: int) -> tuple[str, str, str]:
    kind = CLASSES[model.kind[k]]
    return kind, PARTS[kind][int(model.backbone[k])] if kind in PARTS else "", str(model.element[k])


def _type_name(of: tuple[str, str, str]) -> str:
    return " ".join(filter(None, of))


def _pooled(density: Density, model: Model, which: np.ndarray, sigma: float):
    """Points, mean and squares about it of all points of some atoms; mean Q; atoms scored."""
    shape = len(METHOD.radii)
    all_of, q, scored = (np.zeros(shape), np.full(shape, np.nan), np.zeros(shape)), 0.0, 0
    for first in range(0, len(which), _TOGETHER):
        part = profiles(density, model.position, which[first : first + _TOGETHER], sigma=sigma)
        known = ~np.isnan(part.q)
        q, scored = q + part.q[known].sum(), scored + int(known.sum())
        mine = together(part.n[known], part.mean[known], part.squares[known])
        all_of = together(*(np.stack(pair) for pair in zip(all_of, mine, strict=True)))
    return all_of, q / scored if scored else np.nan, scored


def together(n: np.ndarray, mean: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, mean and squares about it (m, shells) → those of all points together (shells,)."""
    total = n.sum(axis=0)
    with np.errstate(invalid="ignore"):
        middle = (n * np.nan_to_num(mean)).sum(axis=0) / total
    between = np.where(n > 0, n * (mean - middle) ** 2, 0.0)
    return total, middle, np.where(n > 0, squares, 0.0).sum(axis=0) + between.sum(axis=0)


# ---- from files to rows ----


def of_pair(map_path, model_path, addresses=None, *, sigma: float = SIGMA, origin_rule: str = "auto") -> Profiles:
    """Profiles of the atoms with some addresses, or by type of all atoms, of a map and a model file.

    Parameters
    ----------
    map_path, model_path : path-like
    addresses : sequence of str, optional
        See `qscore.address.atoms_at`; None for types of atoms.
    sigma : float
        Width of the reference Gaussian, Å.
    origin_rule : {"auto", "nstart", "origin"}

    Raises
    ------
    UnusableEntry
        A file cannot be used, or none of the atoms lies inside the map.
    ValueError
        An address names nothing.
    """
    model = read_model(model_path)
    which = np.arange(len(model)) if addresses is None else address.atoms_of(model, addresses)
    there = model.position[which]
    density = read_density(map_path, there[np.isfinite(there).all(axis=1)], origin_rule=origin_rule)
    if not density.contains(there).any():
        what = "no atom of it" if addresses is None else "none of the atoms asked for"
        raise UnusableEntry("model_outside_map", f"{Path(model_path).name}: {what} lies inside {Path(map_path).name}")
    if addresses is None:
        return profiles_by_type(density, model, sigma=sigma)
    return of_atoms(density, model, which, sigma=sigma)


def of_atoms(density: Density, model: Model, which: np.ndarray, *, sigma: float = SIGMA) -> Profiles:
    """`profiles` of some atoms of a model, with what each of them is."""
    found = profiles(density, model.position, which, sigma=sigma)
    return Profiles(found.n, found.mean, found.squares, found.q, sigma, tuple(_about(model, k) for k in which.tolist()))


def _about(model: Model, k: int) -> dict:
    """What the table says of one atom."""
    texts = ("chain", "number", "icode", "residue", "atom", "altloc", "element")
    kind, part, _ = _type(model, k)
    told = {key: str(getattr(model, key)[k]) for key in texts}
    return {"name": address.name_of(model, k)} | told | {"class": kind, "part": part, "n_atoms": 1}


def rows(found: Profiles) -> list[dict]:
    """Rows of `tables.PROFILES`: one for each radius of each profile."""
    columns = {"n_points": found.n, "mean": found.mean, "sd": found.sd, "reference": found.reference}
    return [
        about
        | {"q": found.q[k], "sigma": found.sigma, "radius": radius}
        | {key: values[k, shell] for key, values in columns.items()}
        for k, about in enumerate(found.about)
        for shell, radius in enumerate(found.radii.tolist())
    ]


def as_dict(found: Profiles) -> dict:
    """What ``--json`` prints: radii once, and the numbers of each profile as lists."""
    columns = {"n_points": found.n, "mean": found.mean, "sd": found.sd, "reference": found.reference}
    each = [
        about | {"q": float(found.q[k])} | {key: values[k].tolist() for key, values in columns.items()}
        for k, about in enumerate(found.about)
    ]
    return {"sigma": found.sigma, "radii": found.radii.tolist(), "profiles": each}
