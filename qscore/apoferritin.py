"""Which pairs are apoferritin: by UniProt, 24 copies and point group O, by name only where no UniProt is known."""

from __future__ import annotations

import re

from qscore.facts import Molecule

# Heavy and light chain of human, heavy chain of mouse, light chain of horse.
ACCESSIONS = frozenset({"P02794", "P02792", "P09528", "P02791"})
COPIES = 24
_OTHER = re.compile(r"bacterioferritin|encapsulin|cargo|fusion|encapsulat", re.IGNORECASE)


def by_name(sample: str, point_group: str | None) -> str | None:
    """Why a sample counts as apoferritin by its name; None when it does not.

    Parameters
    ----------
    sample : str
        Name of the sample.
    point_group : str or None
        Symmetry applied to the reconstruction; None when the source does not
        tell symmetries, "" when it tells there is none.
    """
    if "ferritin" not in sample.lower() or _OTHER.search(sample):
        return None
    if point_group is None:
        return "ferritin in the name, symmetry not given"
    return "ferritin in the name and point group O" if point_group == "O" else None


def membership(facts: dict) -> str | None:
    """Why an entry is apoferritin, in words; None when it is not.

    A cage that carries something else is not: no polymer but ferritin may be there.

    Parameters
    ----------
    facts : dict
        Of `qscore.facts`.
    """
    molecules, point_group = facts.get("molecules"), facts.get("point_group")
    if point_group not in ("O", None):
        return None
    known = {name for one in molecules or () for name in one.uniprot} or set(facts.get("uniprot") or ())
    names = "; ".join([facts.get("sample") or "", *(molecule.name for molecule in molecules or ())])
    if known:
        alone = known <= ACCESSIONS and not _OTHER.search(names)
        return _by_accession(known, molecules or (), point_group) if alone else None
    if len(molecules or ()) > 1 and not all("ferritin" in molecule.name.lower() for molecule in molecules):
        return None
    return by_name(names, point_group)


def _by_accession(known: set[str], molecules: tuple[Molecule, ...], point_group: str | None) -> str | None:
    if any(not molecule.uniprot and "ferritin" not in molecule.name.lower() for molecule in molecules):
        return None
    symmetry = "point group O" if point_group == "O" else "symmetry not given"
    copies = [molecule.copies for molecule in molecules]
    if not copies or None in copies:
        return f"UniProt {' '.join(sorted(known))}, {symmetry}, copies not given"
    return f"UniProt {' '.join(sorted(known))}, {COPIES} copies, {symmetry}" if sum(copies) == COPIES else None
