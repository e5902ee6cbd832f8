"""Whether a model lies in the frame of its map: the best rigid shift, and the other hand.

A wrong origin moves a model as a whole, a half-voxel convention moves it by
half a voxel, and a reconstruction of the wrong hand mirrors the map. Each
leaves the model right and its Q low. The search that would undo them
finds something in any map, so it is made on decoys as well: the same model
in random orientations.

Half a voxel costs little Q where the resolution is many voxels, but the best
place is known well: what tells it from none is the error of the place, which
the parts of the model give by agreeing about it or not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from qscore.chance import rotation
from qscore.density import Density
from qscore.errors import UnusableEntry
from qscore.model import Model
from qscore.rigid import Body, body, shift_error
from qscore.translation import CoarseMap, best_shifts, coarse_map

# A mirrored map shows the model mirrored. In any map the four differ by half turns, which a model of fixed
# orientation does not follow: each has to be tried.
HANDS = {"x": (-1, 1, 1), "y": (1, -1, 1), "z": (1, 1, -1), "xyz": (-1, -1, -1)}
UNTURNED = np.eye(3)
MARGIN = 0.03  # of Q: the least gain, and the least lead over decoys
LEAST_SHIFT = 0.25  # voxels: less is no shift
HALF_VOXEL = (0.25, 0.75)  # along one axis at least, along each at most: nearer to a half than to none or one
NEARBY = 1.0  # voxels along each axis: a shift the error of which tells it from none
SURE = 2.0  # standard errors by which it exceeds the least shift, along an axis
DECOYS = 6
CANDIDATES = 6
SEED = 2026
_FEW, _MOST = 100, 800  # atoms: to rank places and climb from them; to refine and to report


@dataclass(frozen=True)
class Fit:
    """A place of a model in a map.

    Attributes
    ----------
    shift : ndarray, shape (3,)
        Å, x y z.
    q : float
        Mean Q there; an atom without score counts 0.
    """

    shift: np.ndarray
    q: float


@dataclass(frozen=True)
class Frames:
    """What a search found.

    Attributes
    ----------
    q_before : float
        Mean Q of the sampled atoms as deposited, σ 0.4 Å.
    shifted : Fit
        The best place.
    error : ndarray, shape (3,)
        Its standard error, Å, x y z; NaN where it is not known.
    hand : str
        Mirrored axis of the best fit in the other hand.
    mirrored : Fit
        That fit.
    decoy : Fit
        The best fit of a decoy, in either hand; Q −1 where none was searched.
    decoys : int
        Decoys searched.
    step : ndarray, shape (3,)
        Voxel size, Å, x y z.
    """

    q_before: float
    shifted: Fit
    error: np.ndarray
    hand: str
    mirrored: Fit
    decoy: Fit
    decoys: int
    step: np.ndarray = field(repr=False)


def frame_of(found: Frames) -> str:
    """``shift`` or ``hand`` where one raises Q by more than the search does by chance, else ``""``.

    By 0.03 at least, and to 0.03 above the best decoy. A shift of less than a
    quarter of a voxel along every axis is none. Of both the one of higher Q counts.
    A shift of up to a voxel counts with a smaller gain too, to above the best decoy,
    if along an axis it exceeds that quarter by more than two standard errors.

    Parameters
    ----------
    found : Frames
    """
    least = max(found.q_before, found.decoy.q) + MARGIN
    if found.mirrored.q > max(least, found.shifted.q):
        return "hand"
    moved = np.abs(found.shifted.shift / found.step).max() >= LEAST_SHIFT
    return "shift" if (found.shifted.q > least and moved) or _surely_nearby(found) else ""


def _surely_nearby(found: Frames) -> bool:
    """Whether the best place is a voxel off at most, and surely another than the model's."""
    size = np.abs(found.shifted.shift)
    sure = size - LEAST_SHIFT * found.step > SURE * found.error
    better = found.shifted.q > max(found.q_before, found.decoy.q)
    return bool(better and sure.any() and (size <= NEARBY * found.step).all())


def frame_row(found: Frames) -> dict:
    """The columns of `qscore.layouts.FRAMES` but the ids: lengths in Å, Q at σ 0.4 Å.

    Parameters
    ----------
    found : Frames
    """
    voxels, frame = found.shifted.shift / found.step, frame_of(found)
    return {
        "status": "examined",
        "q_before": found.q_before,
        "shift": float(np.linalg.norm(found.shifted.shift)),
        **dict(zip(("shift_x", "shift_y", "shift_z"), found.shifted.shift.tolist(), strict=True)),
        "shift_voxels": " ".join(f"{v + 0.0:.2f}" for v in voxels.round(2)),
        "shift_error": float(found.error.max()),
        "half_voxel": frame == "shift" and _is_half_voxel(voxels),
        "q_shifted": found.shifted.q,
        "shift_gain": found.shifted.q - found.q_before,
        "hand": found.hand,
        "hand_shift": float(np.linalg.norm(found.mirrored.shift)),
        "q_hand": found.mirrored.q,
        "hand_gain": found.mirrored.q - found.q_before,
        "decoys": found.decoys,
        "decoy_gain": found.decoy.q - found.q_before,
        "frame": frame,
    }


def _is_half_voxel(voxels: np.ndarray) -> bool:
    size = np.abs(voxels)
    return bool(size.max() <= HALF_VOXEL[1] and size.max() >= HALF_VOXEL[0])


def search(density: Density, model: Model, resolution: float, *, decoys: int = DECOYS, seed: int = SEED) -> Frames:
    """Search a map for a better frame of a model.

    The model is moved over the whole map by `qscore.translation`, in its own
    orientation and mirrored along x, y, z and all three; the best places of
    each are scored by Q at full voxel and refined to a tenth of a voxel.

    Parameters
    ----------
    density : Density
        The whole map, or as much as is to be searched.
    model : Model
        Waters are neighbours, but neither compared nor counted; nor are atoms that lie further from the map than
        across it, which no place of the model has in the map with others.
    resolution : float
        Å; where it is not known three voxels are taken.
    decoys : int
    seed : int

    Returns
    -------
    Frames

    Raises
    ------
    UnusableEntry
        ``model_only_water``; ``model_outside_map``: all other atoms lie so far away.
    """
    dry = ~model.is_class("water") & np.isfinite(model.position).all(axis=1)
    if not dry.any():
        raise UnusableEntry("model_only_water", "no atoms but waters")
    model = model.take(np.flatnonzero(_within_reach(density, model.position)))
    dry = np.flatnonzero(~model.is_class("water"))
    if not len(dry):
        raise UnusableEntry("model_outside_map", "every atom lies further from the map than across it")
    resolution = resolution if resolution > 0 else 3 * float(density.step.max())
    sought = _Search(density, coarse_map(density, resolution), model.position[dry], model.element[dry])
    own = body(model.position, dry, most=_MOST, seed=seed)
    hands = {name: own.turned(np.diag(signs), sought.centre) for name, signs in HANDS.items()}
    fits = {name: sought.anywhere(hands[name], np.diag(signs)) for name, signs in HANDS.items()}
    hand = max(fits, key=lambda name: fits[name].q)
    shifted = _best(sought.refined(own, fit) for fit in (sought.nearby(own), sought.anywhere(own, UNTURNED)))
    return Frames(
        q_before=own.mean_q(density),
        shifted=shifted,
        error=shift_error(own, density, shifted.shift),
        hand=hand,
        mirrored=sought.refined(hands[hand], fits[hand]),
        decoy=_best_decoy(sought, own, decoys, np.random.default_rng(seed)),
        decoys=2 * decoys,
        step=density.step,
    )


def _within_reach(density: Density, positions: np.ndarray) -> np.ndarray:
    """Which positions lie no further from the map, along an axis, than its diagonal is long → bool (n,).

    Numbers far beyond are no places: their squares may be none, and a centre that they draw away means nothing.
    """
    half = density.grid * density.step / 2
    away = np.abs(positions - density.origin - half)
    return (away <= half + 2 * np.linalg.norm(half)).all(axis=1)


def _best(fits) -> Fit:
    return max(fits, key=lambda fit: fit.q)


def _best_decoy(sought: _Search, own: Body, count: int, rng) -> Fit:
    """The best fit of `count` random orientations, and as many mirrored ones, refined as the model's own is."""
    found = []
    for n in range(2 * count):
        turn = rotation(rng) * (-1 if n % 2 else 1)
        decoy = own.turned(turn, sought.centre)
        found.append((sought.anywhere(decoy, turn), decoy))
    if not found:
        return Fit(np.zeros(3), -1.0)
    fit, decoy = max(found, key=lambda each: each[0].q)
    return sought.refined(decoy, fit)


@dataclass(frozen=True)
class _Search:
    """A map, fine and coarse, and the atoms searched for."""

    fine: Density
    coarse: CoarseMap
    atoms: np.ndarray
    elements: np.ndarray

    @property
    def centre(self) -> np.ndarray:
        return self.atoms.mean(axis=0)

    def nearby(self, model: Body) -> Fit:
        """The best place within about a voxel of where the model is."""
        return self._climb(model, np.zeros(3), (0.6, 0.3), _FEW)

    def anywhere(self, model: Body, turn: np.ndarray) -> Fit:
        """The best place anywhere of the model turned by `turn`."""
        atoms = (self.atoms - self.centre) @ turn.T + self.centre
        shifts = best_shifts(self.coarse, atoms, self.elements, most=CANDIDATES)
        best = max(shifts, key=lambda shift: model.mean_q(self.fine, shift, most=_FEW))
        return self._climb(model, best, (0.6, 0.3), _FEW)

    def refined(self, model: Body, fit: Fit) -> Fit:
        """A fit refined with all sampled atoms."""
        return self._climb(model, fit.shift, (0.3, 0.1), _MOST)

    def _climb(self, model: Body, shift: np.ndarray, sizes, atoms: int) -> Fit:
        """Refine a place by parabolas along the axes of such half widths, in voxels; score it."""
        for size in sizes:
            shift = _summit(lambda at: model.mean_q(self.fine, at, most=atoms), shift, size * self.fine.step)
        return Fit(shift, model.mean_q(self.fine, shift))


def _summit(value, place: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The best of a place, its six neighbours at `size` along the axes and the tops of the parabolas through them."""
    middle = value(place)
    moves = np.diag(size)
    low, high = (np.array([value(place + sign * move) for move in moves]) for sign in (-1, 1))
    bend = low - 2 * middle + high
    curved = np.where(bend < 0, 0.5 * (low - high) / np.where(bend < 0, bend, 1), np.sign(high - low))
    top = place + np.clip(curved, -1, 1) * size
    places = [place, top, *(place - moves), *(place + moves)]
    return places[int(np.argmax([middle, value(top), *low, *high]))]
