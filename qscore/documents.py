"""EMDB's entry documents, read defensively: any branch may be missing, null, or a bare object where a list is usual."""

from __future__ import annotations

import re

from qscore import ids, resolutions
from qscore.facts import Molecule, day
from qscore.resolutions import number

SMALL = frozenset({"ligand", "saccharide", "em_label"})
_MAP_FILE = re.compile(r"(?=.{1,100}$)[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)+")
# What a map is, in the order in which it stands in its stamp.
_STAMPED = (
    ("size_kbytes",),
    *(("dimensions", axis) for axis in ("col", "row", "sec")),
    *(("origin", axis) for axis in ("col", "row", "sec")),
    *(("spacing", axis) for axis in "xyz"),
    *(("pixel_spacing", axis) for axis in "xyz"),
    *(("axis_order", axis) for axis in ("fast", "medium", "slow")),
    *(("statistics", name) for name in ("minimum", "maximum", "average", "std")),
)


def at(document, *keys):
    """Walk into a document: a list is entered at its first element, what is missing is None."""
    for key in keys:
        if isinstance(document, list):
            document = document[0] if document else None
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document["valueOf_"] if isinstance(document, dict) and "valueOf_" in document else document


def leaf(document, *keys) -> str | None:
    """As `at`, for one value, as text: of a list the first; None for what is no value."""
    found = at(document, *keys)
    while isinstance(found, (list, dict)):
        found = found.get("valueOf_") if isinstance(found, dict) else found[0] if found else None
    return None if found is None else str(found).encode("utf-8", "replace").decode()  # half a surrogate pair: "?"


def elements(document, *keys) -> list:
    """As `at`, for what is a list, a bare object or nothing."""
    found = at(document, *keys)
    return found if isinstance(found, list) else [] if found is None else [found]


def entry_facts(document) -> dict:
    """What a document tells of its entry, by the keys of `qscore.facts`.

    Parameters
    ----------
    document : dict
        An answer of EMDB's ``/entry/EMD-n``, or one element of its search's JSON.
    """
    structure = elements(document, "structure_determination_list", "structure_determination")
    molecules = _molecules(document)
    status = (leaf(document, "admin", "current_status", "code") or "").upper()
    return {
        "emdb_id": ids.emdb_id(leaf(document, "emdb_id")),
        "status": status,
        "released": status == "REL",
        "models": _models(document),
        **_resolution(structure),
        "method": leaf(structure, "method"),
        "point_group": leaf(
            structure, "image_processing", "final_reconstruction", "applied_symmetry", "point_group"
        ) or "",
        "sample": leaf(document, "sample", "name") or _first_name(document),
        "title": leaf(document, "admin", "title") or "",
        "molecules": molecules,
        "uniprot": tuple(sorted({accession for molecule in molecules for accession in molecule.uniprot})),
        "authors": tuple(filter(None, map(leaf, elements(document, "admin", "authors_list", "author")))),
        "software": "; ".join(sorted(set(_software(structure)))),
        **_dates(document),
        **_citation(document),
        **_map(document),
        "composite": str(leaf(document, "admin", "composite_map")).lower() == "true",
    }  # fmt: skip


def _models(document) -> tuple:
    """PDB id and in-frame relation of each model, in the document's order, each id once."""
    found = {}
    for reference in elements(document, "crossreferences", "pdb_list", "pdb_reference"):
        if pdb_id := ids.pdb_id(leaf(reference, "pdb_id")):
            found.setdefault(pdb_id, leaf(reference, "relationship", "in_frame"))
    return tuple(found.items())


def _resolution(structure: list) -> dict:
    reported = []
    for one in structure:
        for processing in elements(one, "image_processing"):
            final = at(processing, "final_reconstruction")
            reported.append((number(leaf(final, "resolution")), leaf(final, "resolution_method")))
    return resolutions.choose(reported, teller="document")


def _first_name(document) -> str:
    for kind in ("supramolecule", "macromolecule"):
        for element in elements(document, "sample", f"{kind}_list", kind):
            if name := leaf(element, "name"):
                return name
    return ""


def _molecules(document) -> tuple[Molecule, ...]:
    """The polymers of the sample; a molecule whose kind is not told counts as one."""
    found = []
    for one in elements(document, "sample", "macromolecule_list", "macromolecule"):
        if (leaf(one, "instance_type") or "").lower() not in SMALL:
            copies = number(leaf(one, "number_of_copies"))
            accessions = _references(one, "UNIPROT", "sequence", "external_references")
            known = tuple(sorted({ids.uniprot(text) for text in accessions} - {""}))
            found.append(Molecule(leaf(one, "name") or "", known, None if copies is None else round(copies)))
    return tuple(found)


def _references(document, kind: str, *keys) -> list[str]:
    """Values of the external references of a kind."""
    found = elements(document, *keys)
    told = [one for one in found if isinstance(one, dict)]
    return [leaf(one) or "" for one in told if (leaf(one, "type_") or leaf(one, "type") or "").upper().startswith(kind)]


def _software(branch):
    """Names of all programs below a branch, however deep."""
    waiting = [branch]
    while waiting:
        branch = waiting.pop()
        if isinstance(branch, list):
            waiting += branch
        elif isinstance(branch, dict):
            waiting += [value for key, value in branch.items() if key != "software"]
            yield from filter(None, (leaf(one, "name") for one in elements(branch, "software")))


def _dates(document) -> dict[str, str]:
    return {key: day(leaf(document, "admin", "key_dates", key)) for key in ("deposition", "map_release", "update")}


def _citation(document) -> dict[str, str]:
    """DOI and PubMed id of the primary citation; one "to be published" has neither."""
    place = ("crossreferences", "citation_list", "primary_citation", "citation_type", "external_references")
    forms = {"doi": ids.doi, "pubmed": ids.pubmed}
    return {
        key: next(filter(None, map(form, _references(document, key.upper(), *place))), "")
        for key, form in forms.items()
    }


def _map(document) -> dict:
    """File, contour, voxel (Å), grid, size (MB, uncompressed) and stamp of the primary map."""
    file, size = leaf(document, "map", "file") or "", number(leaf(document, "map", "size_kbytes"))
    grid = [leaf(document, "map", "dimensions", axis) for axis in ("col", "row", "sec")]
    return {
        "map_file": file if _MAP_FILE.fullmatch(file) else "",
        "contour_level": _contour(document),
        "voxel": number(leaf(document, "map", "pixel_spacing", "x")),
        "map_grid": " ".join(grid) if all(grid) else "",
        "map_mb": None if size is None else size / 1000,
        "map_stamp": _stamp(at(document, "map")),
    }


def _contour(document) -> float | None:
    """Level of the primary contour."""
    contours = elements(document, "map", "contour_list", "contour")
    primary = [contour for contour in contours if str(leaf(contour, "primary")).lower() == "true"]
    return number(leaf(next(iter(primary or contours), None), "level"))


def _stamp(described) -> str:
    """Size, frame and statistics of a map: another text means another map; "" when nothing is told."""
    parts = [leaf(described, *keys) for keys in _STAMPED]
    return " ".join(_short(part) for part in parts) if any(parts) else ""


def _short(text: str | None) -> str:
    value = number(text)
    return text or "-" if value is None else f"{value:.6g}"
