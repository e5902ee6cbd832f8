"""The worker of `peers.py`: scores of mmtbx for prepared pairs. Runs under an interpreter that has cctbx-base.

    PEER-PYTHON benchmarks/peer_cctbx.py FOLDER

FOLDER holds one .npz a pair (`peers.prepare`); one .json a pair is written beside it. Nothing of qscore is imported
and nothing of cctbx is imported by qscore.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from cctbx import adptbx, crystal, xray
from cctbx.array_family import flex
from mmtbx.maps import mtriage
from mmtbx.maps.correlation import five_cc


def structure(pair):
    """The atoms in a P1 cell as large as the map, with neutral atoms' electron scattering."""
    symmetry = crystal.symmetry(unit_cell=(*pair["cell"].tolist(), 90, 90, 90), space_group_symbol="P1")
    made = xray.structure(crystal_symmetry=symmetry)
    atoms = zip(*(pair[name].tolist() for name in ("element", "position", "b_iso", "occupancy")), strict=True)
    for element, position, b, occupancy in atoms:
        site, symbol = symmetry.unit_cell().fractionalize(position), element.capitalize()
        made.add_scatterer(xray.scatterer(symbol, site, adptbx.b_as_u(b), occupancy, scattering_type=symbol))
    made.scattering_type_registry(table="electron")
    return made


def density(pair):
    values = flex.double(np.ascontiguousarray(pair["values"], dtype=float).ravel())
    values.reshape(flex.grid(*pair["values"].shape))
    return values


def correlations(values, atoms, resolution):
    found = five_cc(map=values, xray_structure=atoms, d_min=resolution, compute_cc_box=True).result
    return {name: getattr(found, name) for name in ("cc_mask", "cc_box", "cc_volume", "cc_peaks")}


def shell_correlation(values, atoms, resolution):
    """Crossings of 0.5, masked and not, and the masked curve: d (Å) and FSC a bin."""
    wanted = mtriage.master_params().extract()
    wanted.resolution = resolution
    for name in ("map_counts", "d_model", "d_model_b0", "d99"):
        setattr(wanted.compute, name, False)
    found = mtriage.mtriage(map_data=values, xray_structure=atoms, params=wanted).get_results()
    curve = found.masked.fsc_curve_model
    crossings = {"fsc05": found.masked.d_fsc_model_05, "fsc05_unmasked": found.unmasked.d_fsc_model_05}
    return crossings | {"d": list(curve.d), "fsc": list(curve.fsc)}


def measured(path):
    with np.load(path) as pair:
        values, atoms, resolution = density(pair), structure(pair), float(pair["resolution"])
    start = time.perf_counter()
    found = correlations(values, atoms, resolution)
    between = time.perf_counter()
    found |= shell_correlation(values, atoms, resolution)
    return found | {"cc_seconds": between - start, "fsc_seconds": time.perf_counter() - between}


for prepared in sorted(Path(sys.argv[1]).glob("*.npz")):
    prepared.with_suffix(".json").write_text(json.dumps(measured(prepared)), encoding="utf-8")
