"""An entry with its atoms and map → its document, as EMDB's API renders it."""

import datetime
from string import ascii_uppercase

import numpy as np

from qscore.synthetic.maps import MODES
from qscore.synthetic.models import LETTERS, polymers, small_molecules

FERRITIN = "P09528"  # UniProt's mouse heavy chain: what the cages are likened to
UNNAMED = 4  # each so many-th cage is known by its name alone
DAYS_TO_RELEASE = 203
DATA_TYPES = {
    0: "IMAGE STORED AS SIGNED BYTE",
    1: "IMAGE STORED AS SIGNED INTEGER (2 BYTES)",
    2: "IMAGE STORED AS FLOATING POINT NUMBER (4 BYTES)",
    12: "IMAGE STORED AS FLOATING POINT NUMBER (2 BYTES)",
}


def _text(value, **attributes):
    return attributes | {"valueOf_": str(value)}


def _sizes(values, units, names="xyz"):
    return {name: _text(f"{value:.6g}", units=units) for name, value in zip(names, values, strict=True)}


def document(entry, atoms, numbers):
    """The entry as EMDB's API renders it (archive-contract.md, section 2)."""
    title = f"Synthetic demonstration archive: {entry.name}"
    day = f"{entry.released}T00:00:00"
    deposition = datetime.date.fromisoformat(entry.released) - datetime.timedelta(days=DAYS_TO_RELEASE)
    model = {"instance_type": "pdb_reference", "pdb_id": entry.pdb_id, "relationship": {"in_frame": "FULLOVERLAP"}}
    return {
        "admin": {
            "authors_list": {"author": _authors(entry)},
            "current_status": {"code": _text("REL"), "date": day, "processing_site": "PDBe"},
            "key_dates": {
                "deposition": f"{deposition}T00:00:00",
                "header_release": day,
                "map_release": day,
                "update": day,
            },
            "title": title,
        },
        "crossreferences": {
            "citation_list": {"primary_citation": {"citation_type": _citation(entry)}},
            "pdb_list": {"pdb_reference": [model]},
        },
        "emdb_id": entry.emdb_id,
        "map": _map_document(entry, numbers),
        "sample": _sample(entry, atoms),
        "structure_determination_list": {"structure_determination": [_determination(entry)]},
        "version": "3.0.9.0",
    }


def _authors(entry):
    group = ascii_uppercase[entry.number // 3]
    return [{"instance_type": "author", "valueOf_": f"Synthetic {group}{k}"} for k in (1, 2)]


def _citation(entry):
    """Papers of three entries each; every second one has appeared, under a DOI that is kept for examples."""
    part = entry.number // 3 + 1
    citation = {
        "author": [author | {"order": k + 1} for k, author in enumerate(_authors(entry))],
        "journal": "To Be Published",
        "published": False,
        "title": f"Synthetic demonstration archive, part {part}",
    }
    if part % 2:
        return citation
    doi = {"instance_type": "external_references", "type_": "DOI", "valueOf_": f"doi:10.5555/qscore.demo.{part}"}
    return citation | {"journal": "Journal of Examples", "published": True, "external_references": [doi]}


def _map_document(entry, numbers):
    files = ("col", "row", "sec")
    names = [" XYZ"[axis] for axis in entry.axes]
    shape, intervals = numbers["shape"], [int(n) for n in numbers["intervals"]]
    cell = _sizes(numbers["intervals"] * numbers["step"], "Å", "abc")
    nbytes = 1024 + int(np.prod(shape)) * MODES[entry.mode].itemsize
    contour = {"instance_type": "contour", "level": numbers["contour"], "primary": True, "source": "AUTHOR"}
    return {
        "annotation_details": "synthetic",
        "axis_order": dict(zip(("fast", "medium", "slow"), names, strict=True)),
        "cell": cell | {angle: _text("90.0", units="deg") for angle in ("alpha", "beta", "gamma")},
        "contour_list": {"contour": [contour]},
        "data_type": DATA_TYPES[entry.mode],
        "dimensions": dict(zip(files, map(int, reversed(shape)), strict=True)),
        "file": entry.map_name,
        "format": "CCP4",
        "label": "::::synthetic::::",
        "origin": dict(zip(files, map(int, numbers["start"]), strict=True)),
        "pixel_spacing": _sizes([numbers["step"]] * 3, "Å"),
        "size_kbytes": nbytes // 1000,
        "spacing": dict(zip("xyz", intervals, strict=True)),
        "statistics": numbers["statistics"],
        "symmetry": {"space_group": "1"},
    }


def _sample(entry, atoms):
    molecules = []
    for (kind, names), chains in polymers(atoms).items():
        molecules.append(
            {
                "instance_type": "protein_or_peptide" if kind == "protein" else "rna",
                "name": _text(entry.name if entry.kind == "cage" else f"synthetic {kind} chain {chains[0]}"),
                "number_of_copies": str(len(chains)),
                "sequence": {"string": "".join(LETTERS[name] for name in names)} | _references(entry),
            }
        )
    for code in small_molecules(atoms):
        residues = atoms[atoms["residue"] == code][["chain", "number"]]
        copies = str(len(np.unique(residues)))
        molecules.append({"formula": code, "instance_type": "ligand", "name": _text(code), "number_of_copies": copies})
    molecules = [molecule | {"macromolecule_id": k + 1} for k, molecule in enumerate(molecules)]
    whole = {"instance_type": "complex_supramolecule", "name": _text(entry.name), "supramolecule_id": 1}
    return {
        "macromolecule_list": {"macromolecule": molecules},
        "name": _text(entry.name),
        "supramolecule_list": {"supramolecule": [whole]},
    }


def _references(entry):
    """The accession of a cage's chain; every so many-th has none."""
    if entry.kind != "cage" or entry.number % UNNAMED == 0:
        return {}
    reference = {"instance_type": "external_references", "type_": "UNIPROTKB", "valueOf_": FERRITIN}
    return {"external_references": [reference]}


def _determination(entry):
    reconstruction = {
        "applied_symmetry": {"point_group": "O" if entry.kind == "cage" else "C1"},
        "details": "synthetic: simulated density and noise, no images",
        "software_list": {"software": [{"instance_type": "software", "name": "qscore demo"}]},
    }
    if entry.defect != "no_resolution":
        reconstruction["resolution"] = _text(entry.resolution, res_type="BY AUTHOR", units="Å")
        reconstruction["resolution_method"] = "FSC 0.143 CUT-OFF"
    processing = {"final_reconstruction": reconstruction, "image_processing_id": 1}
    return {
        "aggregation_state": "particle",
        "image_processing": [processing | {"instance_type": "singleparticle_processing"}],
        "instance_type": "structure_determination",
        "method": "singleParticle",
        "structure_determination_id": 1,
    }
