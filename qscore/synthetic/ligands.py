"""Ideal small compounds from tables of bond lengths, angles and torsions; coordinates in Å, xyz."""

import numpy as np

from qscore.synthetic.coordinates import build, place
from qscore.synthetic.rna import nucleotide

ORIGIN = {"X": (-1.0, 1.0, 0.0), "Y": (-1.0, 0.0, 0.0), "Z": (0.0, 0.0, 0.0)}
LIGANDS = {
    "SO4": "S X Y Z 1.5 109.5 180; O1 Y Z S 1.49 109.5 180; O2 Z O1 S 1.49 109.5 60; "
    "O3 Z O1 S 1.49 109.5 180; O4 Z O1 S 1.49 109.5 -60",
    "GOL": "C1 X Y Z 1.5 109.5 180; C2 Y Z C1 1.52 111 180; C3 Z C1 C2 1.52 111 180; O1 C3 C2 C1 1.43 110 60; "
    "O2 Z C1 C2 1.43 109.5 60; O3 C1 C2 C3 1.43 110 60",
    "BEN": "C1 X Y Z 1.5 120 180; C2 Y Z C1 1.39 120 180; C3 Z C1 C2 1.39 120 180; C4 C1 C2 C3 1.39 120 0; "
    "C5 C2 C3 C4 1.39 120 0; C6 C3 C4 C5 1.39 120 0; C C3 C2 C1 1.48 120 180; N1 C2 C1 C 1.32 120 25; "
    "N2 C2 C1 C 1.32 120 205",
}
"""Tables of :func:`build` for small compounds, starting at three dummy points."""

NAG = (
    "C1 CB CG ND2 1.45 122 180; C2 CG ND2 C1 1.53 111 95; O5 CG ND2 C1 1.42 108 -145; C3 ND2 C1 C2 1.53 109.5 177; "
    "C4 C1 C2 C3 1.53 109.5 -57; C5 C2 C3 C4 1.53 109.5 57; N2 ND2 C1 C2 1.46 110 -62; O3 C1 C2 C3 1.43 110 -175; "
    "O4 C2 C3 C4 1.43 110 175; C6 C3 C4 C5 1.51 112 -175; O6 C4 C5 C6 1.43 111 65; C7 C1 C2 N2 1.33 123 120; "
    "O7 C2 N2 C7 1.23 123 0; C8 C2 N2 C7 1.51 116 180"
)
"""N-acetyl-D-glucosamine on the ND2 of an asparagine."""

TRIPHOSPHATE = (
    "PB O5' PA O3A 1.61 128 150; O1B PA O3A PB 1.49 110 60; O2B PA O3A PB 1.49 110 -60; "
    "O3B PA O3A PB 1.61 104 180; PG O3A PB O3B 1.61 128 -150; O1G PB O3B PG 1.49 110 60; "
    "O2G PB O3B PG 1.49 110 -60; O3G PB O3B PG 1.49 110 180"
)


def ligand(code):
    """Names and positions (Å) of SO4, GOL, BEN or ATP, about their centre."""
    atoms = _atp() if code == "ATP" else build(LIGANDS[code], ORIGIN)
    xyz = np.array(list(atoms.values()))
    return list(atoms), xyz - xyz.mean(axis=0)


def _atp():
    names, xyz = nucleotide("A")
    renamed = {"P": "PA", "OP1": "O1A", "OP2": "O2A"}
    known = {renamed.get(name, name): tuple(at) for name, at in zip(names, xyz, strict=True)}
    known["O3A"] = place(known["C5'"], known["O5'"], known["PA"], 1.607, 104.0, -65.0)
    return known | build(TRIPHOSPHATE, known)
