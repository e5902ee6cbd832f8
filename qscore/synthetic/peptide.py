"""Ideal peptides: backbones, helical folds, sequences and side chains by rotamer.

Nothing here is read from a deposited structure. Backbone and side-chain geometry is that of
Engh & Huber (1991, Acta Cryst. A47:392). Molecules are structured arrays of
:data:`~qscore.synthetic.coordinates.ATOM`; coordinates are in Å, xyz.
"""

import numpy as np

from qscore.synthetic.coordinates import ATOM, build, place
from qscore.synthetic.ligands import NAG

HELIX = (-57.8, -47.0)
"""φ and ψ of the α-helix (degrees): 3.6 residues and 5.4 Å a turn."""

# atom, three atoms it is placed from, bond (Å), angle (°), torsion (°, or chi n plus an offset)
SIDE_CHAINS = {
    "GLY": "",
    "ALA": "",
    "SER": "OG N CA CB 1.417 111.1 x1",
    "CYS": "SG N CA CB 1.808 114.4 x1",
    "THR": "OG1 N CA CB 1.433 109.6 x1; CG2 N CA CB 1.521 110.5 x1-121.0",
    "VAL": "CG1 N CA CB 1.521 110.5 x1; CG2 N CA CB 1.521 110.5 x1+122.9",
    "ILE": "CG1 N CA CB 1.530 110.4 x1; CG2 N CA CB 1.521 110.5 x1-122.9; CD1 CA CB CG1 1.513 113.8 x2",
    "LEU": "CG N CA CB 1.530 116.3 x1; CD1 CA CB CG 1.521 110.7 x2; CD2 CA CB CG 1.521 110.7 x2+122.9",
    "MET": "CG N CA CB 1.520 114.1 x1; SD CA CB CG 1.803 112.7 x2; CE CB CG SD 1.791 100.9 x3",
    "LYS": "CG N CA CB 1.520 114.1 x1; CD CA CB CG 1.520 111.3 x2; CE CB CG CD 1.520 111.3 x3; "
    "NZ CG CD CE 1.489 111.9 x4",
    "ARG": "CG N CA CB 1.520 114.1 x1; CD CA CB CG 1.520 111.3 x2; NE CB CG CD 1.461 112.0 x3; "
    "CZ CG CD NE 1.329 124.2 x4; NH1 CD NE CZ 1.326 120.0 0; NH2 CD NE CZ 1.326 120.0 180",
    "ASP": "CG N CA CB 1.516 112.6 x1; OD1 CA CB CG 1.249 118.4 x2; OD2 CA CB CG 1.249 118.4 x2+180",
    "ASN": "CG N CA CB 1.516 112.6 x1; OD1 CA CB CG 1.231 120.8 x2; ND2 CA CB CG 1.328 116.4 x2+180",
    "GLU": "CG N CA CB 1.520 114.1 x1; CD CA CB CG 1.516 112.6 x2; OE1 CB CG CD 1.249 118.4 x3; "
    "OE2 CB CG CD 1.249 118.4 x3+180",
    "GLN": "CG N CA CB 1.520 114.1 x1; CD CA CB CG 1.516 112.6 x2; OE1 CB CG CD 1.231 120.8 x3; "
    "NE2 CB CG CD 1.328 116.4 x3+180",
    "PHE": "CG N CA CB 1.502 113.8 x1; CD1 CA CB CG 1.384 120.7 x2; CD2 CA CB CG 1.384 120.7 x2+180; "
    "CE1 CB CG CD1 1.382 120.7 180; CE2 CB CG CD2 1.382 120.7 180; CZ CG CD1 CE1 1.382 120.0 0",
    "TYR": "CG N CA CB 1.512 113.8 x1; CD1 CA CB CG 1.389 120.8 x2; CD2 CA CB CG 1.389 120.8 x2+180; "
    "CE1 CB CG CD1 1.382 121.2 180; CE2 CB CG CD2 1.382 121.2 180; CZ CG CD1 CE1 1.378 119.6 0; "
    "OH CD1 CE1 CZ 1.376 119.9 180",
    "HIS": "CG N CA CB 1.497 113.8 x1; ND1 CA CB CG 1.378 122.7 x2; CD2 CA CB CG 1.356 131.2 x2+180; "
    "CE1 CB CG ND1 1.319 109.0 180; NE2 CB CG CD2 1.374 107.2 180",
    "TRP": "CG N CA CB 1.498 113.6 x1; CD1 CA CB CG 1.365 126.9 x2; CD2 CA CB CG 1.433 126.8 x2+180; "
    "NE1 CB CG CD1 1.374 110.2 180; CE2 CB CG CD2 1.409 107.2 180; CE3 CB CG CD2 1.398 133.9 0; "
    "CZ2 CG CD2 CE2 1.394 122.4 180; CZ3 CG CD2 CE3 1.382 118.6 180; CH2 CD2 CE2 CZ2 1.368 117.5 0",
}
ROTAMERS = {
    "SER": ((-65,), (62,), (180,)),
    "CYS": ((-65,), (180,)),
    "THR": ((-60,), (62,)),
    "VAL": ((175,), (-60,)),
    "ILE": ((-65, 170), (-57, -60)),
    "LEU": ((-65, 175), (-178, 65)),
    "MET": ((-67, 180, 75), (-65, -65, -70), (180, 65, 75)),
    "LYS": ((-67, 180, 180, 180), (-62, -68, 180, 180), (-177, 180, 180, 180), (-67, 180, 68, 180)),
    "ARG": ((-67, 180, 180, 180), (-67, 180, -65, -85), (-177, 180, 65, 85), (-62, -68, 180, 85)),
    "ASP": ((-70, -15), (-177, 0)),
    "ASN": ((-65, -20), (-174, -20)),
    "GLU": ((-67, 180, -10), (-65, -65, -40), (-177, 180, 0)),
    "GLN": ((-67, 180, -25), (-65, -65, -40), (-177, 180, 0)),
    "PHE": ((-65, -85), (-177, 80)),
    "TYR": ((-65, -85), (-177, 80)),
    "HIS": ((-65, -70), (-177, -165), (-177, 80)),
    "TRP": ((-65, 95), (-177, 90), (-177, -105)),
}


def backbone(torsions):
    """Backbone N, CA, C, O, CB of a chain with trans peptide bonds.

    Parameters
    ----------
    torsions : sequence of (float, float)
        φ and ψ of each residue (degrees); the first φ is not used.

    Returns
    -------
    ndarray, shape (n, 5, 3)
        Positions (Å) of N, CA, C, O and CB (of glycine too) of each residue.
    """
    n, ca = (0.0, 0.0, 0.0), (1.458, 0.0, 0.0)
    c = place((0.0, 1.0, 0.0), n, ca, 1.525, 111.0, 180.0)
    residues = []
    for i, (_, psi) in enumerate(torsions):
        o = place(n, ca, c, 1.231, 120.1, psi + 180.0)
        cb = place(c, n, ca, 1.530, 110.5, -122.6)
        residues.append((n, ca, c, o, cb))
        if i + 1 < len(torsions):
            following = place(n, ca, c, 1.329, 117.2, psi)
            next_ca = place(ca, c, following, 1.458, 121.7, 180.0)
            n, ca, c = following, next_ca, place(c, following, next_ca, 1.525, 111.0, torsions[i + 1][0])
    return np.array(residues)


def side_chain(residue, main, chis):
    """Side-chain atoms beyond CB: names to positions (Å).

    `residue` is a three-letter code, `main` its N, CA, C, O, CB (shape (5, 3), Å), `chis` in degrees.
    """
    return build(SIDE_CHAINS[residue], {"N": main[0], "CA": main[1], "CB": main[4]}, chis)


# --- folds -------------------------------------------------------------------------------------

HELIX_LENGTH = 17
LOOPS = (
    ((-48, -24), (-100, 120), (-54, -37), (-111, -180), (90, 41), (-69, -51)),
    ((-54, 124), (-118, -2), (-58, -62), (88, 18), (-97, -60), (-120, 12)),
    ((-49, 132), (-111, 5), (-120, 133), (-78, -21), (-57, -44), (-89, -5)),
    ((70, 10), (43, 34), (59, 52), (78, 28), (-110, 114), (-86, -35)),
    ((-35, 127), (-59, -36), (-100, 147), (-93, 134), (72, 31), (-60, 139)),
    ((-35, 110), (-42, -75), (-160, 125), (-160, 123), (-64, -14), (-105, -14)),
    ((85, 70), (-116, 30), (-137, 161), (-55, -55), (-100, 147), (-99, -60)),
)
"""φ, ψ (degrees) of loops that lay helices of :data:`HELIX_LENGTH` antiparallel, 9.8 Å apart, in two
layers: (0,0) (1,0) (1,1) (0,1) (0,2) (1,2) (1,3) (0,3). Found by minimising clashes and the
distance of the helix axes from those places; there is nothing of a deposited structure in them."""

CORE = "LLLLAAAVIIMFLA"
SURFACE = "EEEKKKRRQQDNSTAAEYHK"
LOOP = "GSNDTNSD"
FALLBACK = ("MET", "LEU", "VAL", "SER")
CODES = (
    "A:ALA C:CYS D:ASP E:GLU F:PHE G:GLY H:HIS I:ILE K:LYS L:LEU M:MET N:ASN Q:GLN R:ARG S:SER T:THR V:VAL W:TRP Y:TYR"
)
THREE = dict(pair.split(":") for pair in CODES.split())


def solenoid(first, last, trim=0):
    """Torsions of helices `first` to `last` (0 to 7) of the two-layer helical fold.

    `trim` residues are left out at both ends. Returns a list of (φ, ψ) in degrees.
    """
    torsions = [HELIX] * HELIX_LENGTH
    for loop in LOOPS[first:last]:
        torsions += [*loop, *[HELIX] * HELIX_LENGTH]
    return torsions[trim : len(torsions) - trim]


def choose_sequence(main, torsions, rng):
    """A sequence for a backbone: glycine at positive φ, loop, core or surface residues elsewhere.

    Parameters
    ----------
    main : ndarray, shape (n, 5, 3)
        Backbone (Å); with its neighbours' backbones appended, only the first residues are named.
    torsions : sequence of (float, float)
        φ and ψ (degrees) of the residues to name.
    rng : numpy.random.Generator

    Returns
    -------
    list of str
        Three-letter codes.
    """
    beta = main[:, 4]
    near = np.sum(np.linalg.norm(beta[: len(torsions), None] - beta, axis=2) < 10.0, axis=1)
    sequence = []
    for (phi, psi), crowd in zip(torsions, near, strict=True):
        helical = (phi, psi) == HELIX
        pool = (CORE if crowd >= 17 else SURFACE) if helical else LOOP
        sequence.append("GLY" if phi > 0 else THREE[pool[rng.integers(len(pool))]])
    return sequence


def dress(main, sequence, *, operations=(), clearance=3.05):
    """Side chains on a backbone, by the first rotamer that touches nothing.

    Parameters
    ----------
    main : ndarray, shape (n, 5, 3)
        N, CA, C, O, CB (Å).
    sequence : sequence of str
        Wanted three-letter codes; a residue without room becomes a smaller one.
    operations : sequence of ndarray, shape (3, 3)
        Rotations about the origin that make the symmetry mates.
    clearance : float
        Shortest distance allowed to atoms that are not bonded neighbours (Å).

    Returns
    -------
    list of (str, list of (str, tuple of 3 float))
        For each residue its code and the atoms beyond CB.
    """
    heavy = np.array([k < 4 or code != "GLY" for code in sequence for k in range(5)])
    own = main.reshape(-1, 3)[heavy]
    owner = np.repeat(np.arange(len(main)), 5)[heavy]
    others = [own @ rotation.T for rotation in operations]
    taken = np.concatenate([own, *others])
    owner = np.concatenate([owner, np.full(len(taken) - len(own), -9)])
    dressed = []
    for i, code in enumerate(sequence):
        code, atoms, images = _fit(code, main[i], taken[np.abs(owner - i) > 1], operations, clearance)
        dressed.append((code, atoms))
        taken = np.concatenate([taken, images])
        owner = np.concatenate([owner, np.full(len(atoms), i), np.full(len(images) - len(atoms), -9)])
    return dressed


def _fit(code, main, taken, operations, clearance):
    near = taken[np.linalg.norm(taken - main[1], axis=1) < 12.0]
    for candidate in () if code in ("GLY", "ALA") else (code, *FALLBACK):
        for chis in ROTAMERS[candidate]:
            atoms = side_chain(candidate, main, chis)
            xyz = np.array(list(atoms.values()))
            mates = [xyz @ rotation.T for rotation in operations]
            if _nearest(xyz, np.concatenate([near, *mates])) >= clearance:
                return candidate, list(atoms.items()), np.concatenate([xyz, *mates])
    return "GLY" if code == "GLY" else "ALA", [], np.empty((0, 3))


def _nearest(xyz, others):
    return np.sqrt(np.min(np.sum((xyz[:, None] - others) ** 2, axis=2), initial=1e6))


def peptide_atoms(main, dressed, *, chain, number=1):
    """The chain as :data:`ATOM` records, with B as a relative factor (1 in the middle of a helix).

    Side chains, chain ends and acidic residues move more, as in real maps.
    """
    rows = []
    for i, (code, extra) in enumerate(dressed):
        ends = 0.5 * np.exp(-min(i, len(main) - 1 - i) / 2.5)
        acidic = 0.25 if code in ("ASP", "GLU") else 0.0
        names = [*zip(("N", "CA", "C", "O"), main[i, :4], strict=True)]
        names += [("CB", main[i, 4])] * (code != "GLY") + extra
        for name, xyz in names:
            depth = "GDEZH".find(name[1:2]) + 1 if len(name) > 1 and name != "CA" else 0
            b = 1 + ends + 0.20 * depth + acidic * (depth > 0)
            rows.append((name, name[0], code, chain, number + i, "", "protein", 1.0, b, tuple(xyz)))
    return np.array(rows, dtype=ATOM)


def hydrogens(main, atoms):
    """Amide and Cα hydrogens of a chain of :func:`peptide_atoms`, as :data:`ATOM` records."""
    first, rows = atoms["number"].min(), []
    for i, (n, ca, c, *_) in enumerate(main):
        built = {"HA": place(c, n, ca, 1.09, 108.0, 118.5)}
        if i:
            built["H"] = place(main[i - 1, 1], main[i - 1, 2], n, 1.01, 119.0, 0.0)
        heavy = atoms[(atoms["number"] == first + i) & (atoms["name"] == "CA")][0]
        for name, xyz in built.items():
            row = heavy.copy()
            row["name"], row["element"], row["xyz"] = name, "H", xyz
            rows.append(row)
    return np.array(rows, dtype=ATOM)


def alternates(main, dressed, atoms, *, every=9):
    """Second conformers (label B, occupancy 0.4) of some side chains, as :data:`ATOM` records.

    The first conformers among `atoms` get the label A and occupancy 0.6, in place.
    """
    first, rows = atoms["number"].min(), []
    for i, (code, extra) in enumerate(dressed[::every]):
        i, other = i * every, ROTAMERS.get(code, ((), ()))[-1]
        if not extra:
            continue
        second = side_chain(code, main[i], other)
        for k in np.flatnonzero((atoms["number"] == first + i) & np.isin(atoms["name"], list(second))):
            atoms["alternate"][k], atoms["occupancy"][k] = "A", 0.6
            row = atoms[k].copy()
            row["alternate"], row["occupancy"], row["xyz"] = "B", 0.4, second[str(row["name"])]
            rows.append(row)
    return np.array(rows, dtype=ATOM)


def glycan(main, dressed, atoms, *, clearance=2.9):
    """N-acetylglucosamine on the first asparagine with room for it, as :data:`ATOM` records.

    Empty when no asparagine has room.
    """
    first = atoms["number"].min()
    for i, (code, extra) in enumerate(dressed):
        if code != "ASN":
            continue
        known = {"CB": main[i, 4], **dict(extra)}
        sugar = build(NAG, known)
        rest = atoms["xyz"][atoms["number"] != first + i]
        if _nearest(np.array(list(sugar.values())), rest) >= clearance:
            rows = [(k, k[0], "NAG", "A", 501, "", "glycan", 1.0, 1.4, xyz) for k, xyz in sugar.items()]
            return np.array(rows, dtype=ATOM)
    return atoms[:0]
