"""Ideal A-form RNA.

Nothing here is read from a deposited structure. Bases and their pairing are those of the standard
reference frame of Olson et al. (2001, J. Mol. Biol. 313:229), nucleotide torsions those of A-RNA
(Saenger 1984). Coordinates are in Å, xyz.
"""

from math import cos, radians, sin

import numpy as np

from qscore.synthetic.coordinates import ATOM, build

TWIST, RISE, INCLINATION, DISPLACEMENT = 32.7, 2.81, 16.45, -4.08
"""A-RNA: turn and rise a base pair (°, Å), inclination (°) and displacement (Å) of the pair."""

BASES = {
    "A": "N9 -1.291 4.498; C8 0.024 4.897; N7 0.877 3.902; C5 0.071 2.771; C6 0.369 1.398; N6 1.611 0.909; "
    "N1 -0.668 0.532; C2 -1.912 1.023; N3 -2.320 2.290; C4 -1.267 3.124; C1' -2.479 5.346",
    "G": "N9 -1.289 4.551; C8 0.023 4.962; N7 0.870 3.969; C5 0.071 2.833; C6 0.424 1.460; O6 1.554 0.955; "
    "N1 -0.700 0.641; C2 -1.999 1.087; N2 -2.949 0.139; N3 -2.342 2.364; C4 -1.265 3.177; C1' -2.477 5.399",
    "C": "N1 -1.285 4.542; C2 -1.472 3.158; O2 -2.628 2.709; N3 -0.391 2.344; C4 0.837 2.868; "
    "N4 1.875 2.027; C5 1.056 4.275; C6 -0.023 5.068; C1' -2.477 5.402",
    "U": "N1 -1.284 4.500; C2 -1.462 3.131; O2 -2.563 2.608; N3 -0.302 2.397; C4 0.989 2.884; "
    "O4 1.935 2.094; C5 1.089 4.311; C6 -0.024 5.053; C1' -2.481 5.354",
}
"""x and y (Å) of base atoms and C1' in the reference frame of a Watson-Crick pair (z = 0)."""

RIBOSE = (
    "O4' {c} {n} C1' 1.412 108.2 -159.7; C2' {c} {n} C1' 1.529 113.0 82.3; C3' O4' C1' C2' 1.523 101.4 -24.5; "
    "C4' C1' C2' C3' 1.521 102.6 36.5; C5' C2' C3' C4' 1.508 116.0 -156.6; O3' C1' C2' C3' 1.417 113.0 156.5; "
    "O2' O4' C1' C2' 1.413 109.0 90.5; O5' C3' C4' C5' 1.420 111.0 48.9; P C4' C5' O5' 1.593 120.9 180.2; "
    "O3* C5' O5' P 1.607 104.0 -65.0; OP1 O3* O5' P 1.485 108.0 116.0; OP2 O3* O5' P 1.485 108.0 -116.0"
)
"""C3'-endo ribose and the phosphate on its 5' side; O3* is where O3' of the residue before lies."""


def nucleotide(base):
    """Names and positions (Å) of one A-form nucleotide in the frame of its base pair.

    Returns a list of names and an ndarray of shape (n, 3); P, OP1 and OP2 come last.
    """
    flat = [atom.split() for atom in BASES[base].split("; ")]
    known = {name: (float(x), float(y), 0.0) for name, x, y in flat}
    n, c = ("N9", "C4") if base in "AG" else ("N1", "C2")
    known |= build(RIBOSE.format(n=n, c=c), known)
    del known["O3*"]
    return list(known), np.array(list(known.values()))


def _turn(axis, degrees):
    c, s = cos(radians(degrees)), sin(radians(degrees))
    if axis == "x":
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def rna_duplex(sequence, chains=("A", "B")):
    """An A-form duplex along z, as :data:`ATOM` records.

    `sequence` is the first strand 5'→3' in ACGU; the second strand is its complement. Both begin
    with a 5' hydroxyl.
    """
    count = len(sequence)
    strands = [[], []]
    for k, base in enumerate(sequence):
        paired = "UGCA"["ACGU".index(base)]
        strands[0] += _nucleotide_rows(base, chains[0], k + 1, k, flip=1)
        strands[1] += _nucleotide_rows(paired, chains[1], count - k, k, flip=-1)
    return np.array(strands[0] + sorted(strands[1], key=lambda row: row[4]), dtype=ATOM)


def _nucleotide_rows(base, chain, number, step, *, flip):
    names, xyz = nucleotide(base)
    xyz = xyz * (1, flip, flip) @ _turn("x", INCLINATION).T + (DISPLACEMENT, 0, 0)
    xyz = xyz @ _turn("z", TWIST * step).T + (0, 0, RISE * step)
    last = len(names) - (3 if number == 1 else 0)
    return [
        (name, name[0], base, chain, number, "", "rna", 1.0, 1.1 if "P" in name else 1.0, tuple(at))
        for name, at in zip(names[:last], xyz, strict=False)
    ]
