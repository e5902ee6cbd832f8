"""Entries of the demonstration archive → atoms: cages, complexes, their ligands, ions and waters."""

from itertools import permutations, product
from string import ascii_uppercase

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from qscore.synthetic.coordinates import ATOM
from qscore.synthetic.ligands import LIGANDS, ligand
from qscore.synthetic.peptide import (
    HELIX_LENGTH,
    alternates,
    backbone,
    choose_sequence,
    dress,
    glycan,
    hydrogens,
    peptide_atoms,
    solenoid,
)
from qscore.synthetic.rna import rna_duplex

B_CURVE = (
    (1.2, 1.8, 2.5, 3.2, 4.0, 5.0, 6.5, 8.0),
    (12.0, 23.5, 41.5, 82.0, 153.0, 250.0, 400.0, 600.0),
)
"""Resolution (Å) and the B (Å²) at which simulated apoferritin scores as real apoferritin does."""

DOMAIN_HELICES, DOMAIN_B = 5, 900.0
CAGE_HELICES = (0, 1)
CAGE_TURN = (0.997, -0.132, 0.767)
CAGE_CENTRE = (15.449, 3.060, 20.098)
"""Place of one helix pair in the cage: rotation vector (rad) and centre (Å), found by packing."""


def octahedral_rotations():
    """The 24 rotations of the point group O, ndarray of shape (24, 3, 3), identity first."""
    matrices = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        matrix = np.zeros((3, 3))
        matrix[range(3), order] = signs
        if np.linalg.det(matrix) > 0:
            matrices.append(matrix)
    return np.array(matrices)


def assemble(entry, rng):
    """Atoms of an entry with their B, and the truth of a planted domain.

    Returns an array of :data:`qscore.synthetic.coordinates.ATOM` (xyz in Å, about the origin) and a dict that is
    empty unless the entry has a domain less resolved than the rest.
    """
    atoms = cage(entry, rng) if entry.kind == "cage" else _complex(entry, rng)
    atoms["b"] *= entry.softness * np.interp(entry.resolution, *B_CURVE)
    truth = {}
    if entry.defect == "partial":
        length = DOMAIN_HELICES * (HELIX_LENGTH + 6)
        chain = (atoms["chain"] == atoms["chain"][0]) & (atoms["kind"] == "protein")
        last = int(atoms["number"][chain].max())
        atoms["b"][chain & (atoms["number"] > last - length)] += DOMAIN_B
        truth = {"chain": str(atoms["chain"][0]), "first": last - length + 1, "last": last, "added_b": DOMAIN_B}
    return atoms, truth


def cage(entry, rng):
    """A cage of 24 helix pairs with the symmetry of O about the origin, 80 Å across.

    Protein and rotamers are the same in every entry; ions and waters obey the symmetry too.
    """
    rotations = octahedral_rotations()
    unit, torsions = _cage_backbone()
    sequence = choose_sequence(
        np.concatenate([unit, *(unit @ r.T for r in rotations[1:])]), torsions, np.random.default_rng(24)
    )
    dressed = dress(unit, sequence, operations=rotations[1:])
    atoms = peptide_atoms(unit, dressed, chain="A", number=entry.first)
    atoms = np.concatenate([atoms, *_solvent(entry, atoms, rng, rotations[1:])])
    copies = []
    for rotation, chain in zip(rotations, ascii_uppercase, strict=False):
        copy = atoms.copy()
        copy["xyz"] = atoms["xyz"] @ rotation.T
        copy["chain"] = entry.prefix + chain
        copies.append(copy)
    return np.concatenate(copies)


def _cage_backbone():
    torsions = solenoid(*CAGE_HELICES)
    main = backbone(torsions)
    main = main - main.mean(axis=(0, 1))
    return main @ Rotation.from_rotvec(CAGE_TURN).as_matrix().T + CAGE_CENTRE, torsions


def _complex(entry, rng):
    bodies, chains = [], iter(ascii_uppercase)
    folds = {}
    for fold in entry.chains:
        if fold not in folds:
            folds[fold] = _chain(fold, entry, rng)
        bodies.append(_named(folds[fold], entry.prefix + next(chains)))
    if entry.kind in ("rna", "rnp"):
        sequence = "".join("ACGU"[k] for k in rng.integers(4, size=18 if entry.kind == "rna" else 12))
        bodies.append(rna_duplex(sequence, chains=(next(chains), next(chains))))
    bodies += _ligands(entry, bodies[0]["chain"][0])
    dock(bodies, rng)
    atoms = np.concatenate(bodies)
    return np.concatenate([atoms, *_solvent(entry, atoms, rng)])


def _chain(fold, entry, rng):
    torsions = solenoid(*fold, trim=int(rng.integers(4)))
    main = backbone(torsions)
    dressed = dress(main, choose_sequence(main, torsions, rng))
    atoms = peptide_atoms(main, dressed, chain="A", number=entry.first)
    if entry.alternates:
        atoms = np.concatenate([atoms, alternates(main, dressed, atoms)])
    if entry.hydrogens:
        atoms = np.concatenate([atoms, hydrogens(main, atoms)])
    if "NAG" in entry.ligands:
        atoms = np.concatenate([atoms, glycan(main, dressed, atoms)])
    return atoms[np.argsort(atoms["number"], kind="stable")]


def _named(atoms, chain):
    atoms = atoms.copy()
    atoms["chain"] = chain
    return atoms


def _counts(entry):
    return [(code, int(count)) for code, count in (item.split(":") for item in entry.ligands.split())]


def _ligands(entry, chain):
    bodies, number = [], 301
    for code, count in _counts(entry):
        for _ in range(count if code in (*LIGANDS, "ATP") else 0):
            names, xyz = ligand(code)
            bodies.append(
                _records(names, xyz, residue=code, chain=chain, numbers=[number] * len(names), kind="ligand", b=1.1)
            )
            number += 1
    return bodies


def _records(names, xyz, *, residue, chain, numbers, kind, b):
    records = np.zeros(len(names), dtype=ATOM)
    records["name"] = names
    records["element"] = names if kind == "ion" else [name[0] for name in names]
    records["residue"], records["chain"], records["number"] = residue, chain, numbers
    records["kind"], records["occupancy"], records["b"], records["xyz"] = kind, 1.0, b, xyz
    return records


def dock(bodies, rng, *, clearance=3.3):
    """Turn each body at random and slide it against those before it, in place.

    Parameters
    ----------
    bodies : list of structured ndarray
        Records of :data:`qscore.synthetic.coordinates.ATOM`.
    rng : numpy.random.Generator
    clearance : float
        Shortest distance between atoms of different bodies (Å).
    """
    placed = np.empty((0, 3))
    for body in bodies:
        xyz = (body["xyz"] - body["xyz"].mean(axis=0)) @ Rotation.from_quat(rng.normal(size=4)).as_matrix().T
        if len(placed):
            xyz = _slide(xyz, placed, rng.normal(size=3), clearance)
        body["xyz"] = xyz
        placed = np.concatenate([placed, xyz])


def _slide(xyz, placed, direction, clearance):
    direction /= np.linalg.norm(direction)
    tree, xyz = cKDTree(placed), xyz + placed.mean(axis=0)
    distance = np.linalg.norm(np.ptp(placed, axis=0)) + np.linalg.norm(np.ptp(xyz, axis=0))
    while True:
        gap = tree.query(xyz + distance * direction)[0].min()
        if gap < clearance + 0.2 or distance <= 0:
            return xyz + distance * direction
        distance -= max(0.1, gap - clearance - 0.1)


def _solvent(entry, atoms, rng, operations=()):
    """Ions near acidic or phosphate oxygens, waters near polar atoms: lists of records."""
    parts, number = [], 401
    chain = atoms["chain"][0]
    acids = atoms["xyz"][np.isin(atoms["name"], ("OD1", "OE1", "OP1", "O2B"))]
    polar = atoms["xyz"][np.isin(atoms["element"], ("O", "N"))]
    taken = atoms["xyz"]
    for code, count in _counts(entry):
        if code not in ("MG", "ZN", "HOH"):
            continue
        ion = code != "HOH"
        where = {"distance": 2.15 if ion else 2.85, "operations": operations}
        sites = _sites(acids if ion else polar, taken, count, rng, **where)
        taken = np.concatenate([taken, sites])
        labels = {"residue": code, "chain": chain, "numbers": range(number, number + len(sites))}
        names, labels["kind"], labels["b"] = ([code], "ion", 1.0) if ion else (["O"], "water", 1.15)
        parts.append(_records(names * len(sites), sites, **labels))
        number += len(sites)
    return parts


def _sites(anchors, taken, count, rng, *, distance, operations, between=3.05):
    """Points `distance` from an anchor and no closer to any atom, `between` (Å) from symmetry mates."""
    sites = []
    for _ in range(400 * count):
        if len(sites) == count:
            break
        way = rng.normal(size=3)
        site = anchors[rng.integers(len(anchors))] + distance * way / np.linalg.norm(way)
        own = np.concatenate([taken, *([s] for s in sites)])
        if _gap(site, own) < distance - 0.01:
            continue
        mates = [np.append(own, [site], axis=0) @ rotation.T for rotation in operations]
        if all(_gap(site, mate) > between for mate in mates):
            sites.append(site)
    return np.reshape(sites, (-1, 3))


def _gap(site, others):
    return np.sqrt(np.min(np.sum((others - site) ** 2, axis=1), initial=1e6))
