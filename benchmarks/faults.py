"""Generated entries with one fault each, at graded strength: what `benchmarks/causes.py` judges the rules by.

Helical proteins of 60 to 140 residues in one or two chains, 2.2 to 6 Å, softness (B), sampling and place in the box
drawn; white noise that ends at the stated resolution. The generator shares the simulation of maps with the
demonstration archive and nothing with the rules.

The map-model FSC is computed from map and model, both masked around the atoms. Entries have a half-map resolution
(EMDB's calculated value) of the true resolution times 1.02 ± 0.03, three in ten have none.
"""

from dataclasses import replace

import numpy as np
from scipy import fft
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from qscore.simulate import add_noise, simulate_density
from qscore.synthetic.entries import Entry
from qscore.synthetic.maps import map_file, stored
from qscore.synthetic.models import model_text
from qscore.synthetic.molecules import assemble

REFERENCE = 240
FOLDS = (
    ((0, 2),),
    ((0, 3),),
    ((1, 4),),
    ((0, 4),),
    ((2, 6),),
    ((0, 5),),
    ((2, 7),),
    ((0, 2), (3, 5)),
    ((1, 3), (1, 3)),
)
# Kind of fault, its strengths, entries of each strength.
PLAN = (
    ("clean", (0,), 80),
    ("frame: shift", ("half voxel", 1.0, 2.0, 3.0, 5.0, 10.0, 20.0), 8),
    ("frame: hand", (0,), 32),
    ("outside map", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6), 6),
    ("partly under-resolved", ("B x2", "B x4", "B x8", "absent"), 10),
    ("under-resolved", ("B +100", "B +200", "B +400", "cut +1.0 Å", "cut +2.0 Å"), 8),
    ("over-stated resolution", (0.5, 1.0, 1.5, 2.0), 8),
    ("tight mask", (1.0, 1.5, 2.0), 11),
    ("no better than chance", ("another protein", "turned", "noise"), 11),
    ("map–model disagreement", (0.3, 0.5, 0.7), 11),
)


def plan():
    """(name, kind, strength, number) of every entry; reference entries first."""
    tasks = [(f"reference-{k:03d}", "clean", 0, k) for k in range(REFERENCE)]
    number = REFERENCE
    for kind, strengths, count in PLAN:
        for strength in strengths:
            for _ in range(count):
                tasks.append((f"{kind.replace(': ', '-').replace(' ', '-')}-{number}", kind, strength, number))
                number += 1
    return tasks


def generate(kind, strength, number, rng):
    """Map file bytes, model text and metadata of one entry."""
    # Reference entries reach as far as the resolution that over-stated ones turn out to have.
    resolution = round(float(rng.uniform(2.2, 8.5 if number < REFERENCE else 6.0)), 2)
    fold, sampling = FOLDS[rng.integers(len(FOLDS))], float(rng.uniform(2.5, 3.4))
    entry = Entry(
        number % 100, "protein", resolution, "2026-01-07", fold, float(rng.uniform(1.0, 2.2)), sampling=sampling
    )
    true = resolution + (strength if kind == "over-stated resolution" else 0.0)
    truth = assemble(replace(entry, resolution=true), rng)[0]
    values, origin, step, truth, start = place(truth, true, resolution / sampling, rng)
    model = truth.copy()
    seen, d_min = fault_of_map(kind, strength, truth, true, rng)
    density = render(seen, values, origin, step, d_min, rng)
    density, model = fault_of_fit(kind, strength, density, model, (entry, origin, step, start), rng)
    if kind == "outside map":
        density, start = cropped(density, model["xyz"] / step, start, strength, rng)
    content, _ = map_file(entry, stored(density, 2), start=start, intervals=np.array(density.shape[::-1]), step=step)
    facts = {"resolution": resolution, "calculated_resolution": half_maps(strength, d_min, rng)}
    if kind == "over-stated resolution" and facts["calculated_resolution"] is None:
        facts["calculated_resolution"] = round(d_min, 2)
    facts["map_model_fsc05"] = map_model_fsc(density, model, start * step, step)
    return content, model_text(entry, model), facts


def place(atoms, resolution, step, rng):
    """Grid shape (zyx), origin, voxel size, the atoms moved into the box (a little off its centre), first index."""
    step = round(step, 3)
    padding = float(rng.uniform(14, 22))
    points = np.array(
        [fft.next_fast_len(int(n) + 1, real=True) for n in (np.ptp(atoms["xyz"], axis=0) + 2 * padding) / step]
    )
    start = rng.integers(-20, 20, 3)
    middle = (atoms["xyz"].min(axis=0) + atoms["xyz"].max(axis=0)) / 2
    atoms = atoms.copy()
    atoms["xyz"] = np.round(atoms["xyz"] - middle + (start + points / 2) * step + rng.uniform(-3, 3, 3), 3)
    return tuple(points[::-1]), start * step, step, atoms, start


def fault_of_map(kind, strength, atoms, resolution, rng):
    """The atoms as the map shows them, and where its Fourier terms end (Å)."""
    seen, d_min = atoms.copy(), resolution
    if kind == "partly under-resolved":
        domain = stretch(atoms, rng.uniform(0.15, 0.5), rng)
        if strength == "absent":
            seen = seen[~domain]
        else:
            seen["b"][domain] *= float(strength.split("x")[1])
    if kind == "under-resolved" and strength.startswith("B"):
        seen["b"] += float(strength.split("+")[1])
    if kind == "under-resolved" and strength.startswith("cut"):
        d_min = resolution + float(strength.split()[1])
    return seen, d_min


def stretch(atoms, share, rng):
    """Which atoms belong to a run of that share of the residues, which may go on in the next chain."""
    residues = np.unique(np.stack([np.unique(atoms["chain"], return_inverse=True)[1], atoms["number"]]), axis=1)
    keys = np.stack([np.unique(atoms["chain"], return_inverse=True)[1], atoms["number"]])
    order = {tuple(r): k for k, r in enumerate(residues.T.tolist())}
    index = np.array([order[tuple(key)] for key in keys.T.tolist()])
    length = round(share * residues.shape[1])
    first = int(rng.integers(residues.shape[1] - length + 1))
    return (index >= first) & (index < first + length)


def render(atoms, shape, origin, step, d_min, rng):

    limit = {"step": step, "d_min": d_min}
    density = simulate_density(atoms["xyz"], atoms["element"], atoms["b"], shape=shape, origin=origin, **limit)
    return add_noise(density, rng, **limit)


def fault_of_fit(kind, strength, density, model, setting, rng):
    """Map and model brought out of agreement."""
    entry, origin, step, _ = setting
    way = rng.normal(size=3)
    way /= np.linalg.norm(way)
    centre = model["xyz"].mean(axis=0)
    if kind == "frame: shift":
        model["xyz"] += rng.choice([-1, 1], 3) * step / 2 if strength == "half voxel" else strength * way
    if kind == "frame: hand":
        density = density[::-1]
    if kind == "tight mask":
        density = density * (from_atoms(model["xyz"], density.shape, origin, step) <= strength)
    if kind == "map–model disagreement":
        wrong = stretch(model, strength, rng)
        middle = model["xyz"][wrong].mean(axis=0)
        model["xyz"][wrong] = turned(model["xyz"][wrong], middle, rng)
    if kind == "no better than chance":
        density, model = nothing_common(strength, density, model, (entry, step, centre), rng)
    model["xyz"] = np.round(model["xyz"], 3)
    return np.ascontiguousarray(density), model


def nothing_common(strength, density, model, setting, rng):

    entry, step, centre = setting
    if strength == "noise":
        noise = add_noise(density, rng, step=step, d_min=entry.resolution, fsc=0.143) - density
        return noise, model
    if strength == "turned":
        model["xyz"] = turned(model["xyz"], centre, rng)
        return density, model
    others = [fold for fold in FOLDS if fold != entry.chains]
    other = assemble(replace(entry, chains=others[rng.integers(len(others))]), rng)[0]
    other["xyz"] = turned(other["xyz"], other["xyz"].mean(axis=0), rng) + centre - other["xyz"].mean(axis=0)
    return density, other


def turned(xyz, centre, rng):
    """Positions turned about a centre by 60 to 180 degrees around a random axis."""
    axis = rng.normal(size=3)
    turn = Rotation.from_rotvec(axis / np.linalg.norm(axis) * np.radians(rng.uniform(60, 180)))
    return turn.apply(xyz - centre) + centre


def from_atoms(xyz, shape, origin, step):
    """Distance of every voxel to the nearest atom (Å), up to 8."""
    axes = [origin[2 - k] + step * np.arange(shape[k]) for k in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)[..., ::-1]
    return cKDTree(xyz).query(grid, distance_upper_bound=8.0)[0]


def cropped(density, indices, start, share, rng):
    """The map without the end that holds a share of the atoms, along a random axis; its first index."""
    axis, low_end = int(rng.integers(3)), bool(rng.integers(2))
    where = float(np.quantile(indices[:, axis], share if low_end else 1 - share)) - start[axis]
    keep = slice(int(np.ceil(where)), None) if low_end else slice(None, int(np.floor(where)) + 1)
    cut = [slice(None)] * 3
    cut[2 - axis] = keep
    start = start.copy()
    start[axis] += keep.start or 0
    return np.ascontiguousarray(density[tuple(cut)]), start


def half_maps(strength, d_min, rng):
    """EMDB's calculated resolution: where the map's terms end, with its scatter; None for three in ten.

    None as well for maps cut beyond their resolution without any other sign: with one they would be over-stated.
    """
    value, absent = round(float(d_min * rng.normal(1.02, 0.03)), 2), rng.random() < 0.3
    return None if absent or str(strength).startswith("cut") else value


def map_model_fsc(density, model, origin, step):
    """Resolution at which the FSC of map and simulated model falls to 0.5, both masked softly around the atoms (Å)."""

    shape = density.shape
    simulated = simulate_density(
        model["xyz"], model["element"], np.full(len(model), model["b"].mean()), shape=shape, step=step, origin=origin
    )
    edge = np.clip((from_atoms(model["xyz"], shape, origin, step) - 4.0) / 3.0, 0, 1)
    mask = 0.5 + 0.5 * np.cos(np.pi * edge)
    first, second = (fft.rfftn(values * mask) for values in (density - density.mean(), simulated))
    z, y = (fft.fftfreq(n, step) ** 2 for n in shape[:2])
    radius = np.sqrt(z[:, None, None] + y[:, None] + fft.rfftfreq(shape[2], step) ** 2)
    width = 1 / (step * max(shape))
    shell = np.minimum(np.round(radius / width).astype(int), int(0.5 / step / width)).ravel()
    cross, one, two = (
        np.bincount(shell, values.ravel())
        for values in ((first * second.conj()).real, np.abs(first) ** 2, np.abs(second) ** 2)
    )
    fsc = cross / np.sqrt(one * two)
    below = np.flatnonzero(fsc[1:-1] < 0.5) + 1
    if not len(below):
        return 2 * step
    k = int(below[0])
    part = (fsc[k - 1] - 0.5) / (fsc[k - 1] - fsc[k]) if k > 1 and fsc[k - 1] > 0.5 else 0.0
    return float(1 / (width * max(k - 1 + part, 0.5)))
