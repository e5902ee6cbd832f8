"""Records of atoms, and their positions from bond lengths, angles and torsions.

Molecules are structured arrays of :data:`ATOM`; coordinates are in Å, xyz.
"""

from functools import cache
from math import cos, radians, sin, sqrt

import numpy as np

ATOM = np.dtype(
    [
        ("name", "U4"),
        ("element", "U2"),
        ("residue", "U3"),
        ("chain", "U4"),
        ("number", "i4"),
        ("alternate", "U1"),
        ("kind", "U8"),
        ("occupancy", "f8"),
        ("b", "f8"),
        ("xyz", "f8", 3),
    ]
)
"""One atom; `kind` is protein, rna, ligand, ion or water, `alternate` empty or a label."""


def place(a, b, c, bond, angle, torsion):
    """Position of an atom bonded to `c` (natural extension reference frame, Parsons et al. 2005).

    Parameters
    ----------
    a, b, c : sequence of 3 float
        Positions of the three atoms before it (Å); `torsion` is a-b-c-new.
    bond : float
        Bond length c-new (Å).
    angle, torsion : float
        Angle b-c-new and torsion (degrees).

    Returns
    -------
    tuple of 3 float
        Position (Å).
    """
    along = _unit(_minus(c, b))
    normal = _unit(_cross(_minus(b, a), along))
    third = _cross(normal, along)
    t, p = radians(angle), radians(torsion)
    x, y, z = -bond * cos(t), bond * sin(t) * cos(p), bond * sin(t) * sin(p)
    return tuple(c[i] + x * along[i] + y * third[i] + z * normal[i] for i in range(3))


def _minus(a, b):
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def _cross(a, b):
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _unit(a):
    length = sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2])
    return a[0] / length, a[1] / length, a[2] / length


@cache
def _steps(table):
    steps = []
    for step in filter(None, table.split("; ")):
        name, a, b, c, bond, angle, torsion = step.split()
        chi = int(torsion[1]) if torsion[0] == "x" else 0
        offset = float((torsion[2:] or "0") if chi else torsion)
        steps.append((name, (a, b, c), float(bond), float(angle), chi, offset))
    return tuple(steps)


def build(table, known, chis=()):
    """Atoms placed one after the other from a table of internal coordinates.

    Parameters
    ----------
    table : str
        ``"atom a b c bond angle torsion; ..."`` in Å and degrees; a torsion ``x2+120`` is the second
        of `chis` plus 120.
    known : dict of str to sequence of 3 float
        Positions (Å) the table starts from.
    chis : sequence of float
        Chi angles (degrees).

    Returns
    -------
    dict of str to tuple of 3 float
        The atoms of the table (Å), without `known`.
    """
    positions = dict(known)
    for name, references, bond, angle, chi, offset in _steps(table):
        torsion = offset + (chis[chi - 1] if chi else 0.0)
        positions[name] = place(*(positions[r] for r in references), bond, angle, torsion)
    return {name: xyz for name, xyz in positions.items() if name not in known}
