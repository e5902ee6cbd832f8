"""A small entry document as EMDB's API renders it, to be changed by a test."""

import copy

_DOCUMENT = {
    "_id": "63428043d79f4542945d5036",
    "emdb_id": "EMD-1234",
    "admin": {
        "title": "A title",
        "authors_list": {"author": [{"valueOf_": "Ward AB", "ORCID": "0000"}, {"valueOf_": "Sanders RW"}]},
        "current_status": {"code": {"valueOf_": "REL"}},
        "key_dates": {
            "deposition": "2021-10-05T00:00:00",
            "map_release": "2022-10-12T00:00:00",
            "update": "2023-01-18T00:00:00",
        },
    },
    "crossreferences": {
        "citation_list": {
            "primary_citation": {
                "citation_type": {
                    "external_references": [
                        {"type_": "CSD", "valueOf_": "0353"},
                        {"type_": "PUBMED", "valueOf_": "42745665"},
                        {"type_": "DOI", "valueOf_": "doi:10.1093/NAR/gkag888"},
                    ]
                }
            }
        },
        "pdb_list": {"pdb_reference": [{"pdb_id": "7SGD", "relationship": {"in_frame": "FULLOVERLAP"}}]},
    },
    "sample": {
        "name": {"valueOf_": "a sample"},
        "macromolecule_list": {
            "macromolecule": [
                {
                    "instance_type": "protein_or_peptide",
                    "name": {"valueOf_": "a protein"},
                    "number_of_copies": "3",
                    "sequence": {"external_references": [{"type_": "UNIPROTKB", "valueOf_": "P12345"}]},
                },
                {"instance_type": "ligand", "name": {"valueOf_": "NAG"}, "number_of_copies": "6"},
            ]
        },
    },
    "structure_determination_list": {
        "structure_determination": [
            {
                "method": "singleParticle",
                "image_processing": [
                    {
                        "ctf_correction": {"software_list": {"software": [{"name": "Gctf"}]}},
                        "final_reconstruction": {
                            "resolution": {"valueOf_": "3.97", "units": "Å"},
                            "resolution_method": "FSC 0.143 CUT-OFF",
                            "applied_symmetry": {"point_group": "C3"},
                            "software_list": {"software": [{"name": "RELION", "version": "3.0"}]},
                        },
                    }
                ],
            }
        ]
    },
    "map": {
        "file": "emd_1234.map.gz",
        "size_kbytes": 42593,
        "dimensions": {"col": 220, "row": 221, "sec": 222},
        "origin": {"col": 0, "row": -5, "sec": 7},
        "spacing": {"x": 220, "y": 221, "z": 222},
        "axis_order": {"fast": "X", "medium": "Y", "slow": "Z"},
        "pixel_spacing": {axis: {"valueOf_": "1.06", "units": "Å"} for axis in "xyz"},
        "statistics": {"average": -1.2201465e-05, "maximum": 0.086114384, "minimum": -0.031668592, "std": 0.0033173314},
        "contour_list": {"contour": [{"primary": True, "level": 0.02}]},
    },
}
STRUCTURE = ("structure_determination_list", "structure_determination", 0)
FINAL = (*STRUCTURE, "image_processing", 0, "final_reconstruction")
MODELS = ("crossreferences", "pdb_list", "pdb_reference")
MOLECULES = ("sample", "macromolecule_list", "macromolecule")


def document(**changes):
    """The document; a keyword replaces a branch of the top level."""
    return copy.deepcopy(_DOCUMENT) | changes


def edited(*keys, value, doc=None):
    """The document, or a given one, with the branch at `keys` replaced."""
    doc = document() if doc is None else copy.deepcopy(doc)
    at = doc
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    return doc


def reconstruction(resolution="3.97", method="FSC 0.143 CUT-OFF"):
    """One of the image processings."""
    return {
        "final_reconstruction": {"resolution": resolution and {"valueOf_": resolution}, "resolution_method": method}
    }


def with_processings(*processings):
    """The document with other image processings."""
    return edited(*STRUCTURE, "image_processing", value=list(processings))


def molecule(name="", accessions=(), copies=None, kind="protein_or_peptide"):
    """One macromolecule of a sample."""
    references = [{"type_": "UNIPROTKB", "valueOf_": accession} for accession in accessions]
    return {
        "instance_type": kind,
        "name": {"valueOf_": name},
        "number_of_copies": copies,
        "sequence": {"external_references": references, "string": "MGQ"},
    }


def cage(*molecules, name="a sample", point_group="O"):
    """The document with other macromolecules and another symmetry."""
    doc = edited(*MOLECULES, value=list(molecules))
    doc["sample"]["name"] = {"valueOf_": name}
    return edited(*FINAL, "applied_symmetry", value={"point_group": point_group}, doc=doc)
