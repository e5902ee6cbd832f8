"""Atoms by their address: chain/number/atom, as A/335/OD1."""

from __future__ import annotations

import re

import numpy as np

from qscore.model import Model

FORM = "written CHAIN/NUMBER/ATOM, as A/335/OD1, or A/335 for all atoms of a residue"
_NUMBER = re.compile(r"(-?[0-9]+)([A-Za-z]?)")
MOST_NAMED = 200  # characters of what there is instead


def atoms_at(model: Model, address: str) -> np.ndarray:
    """The atoms an address names.

    Parameters
    ----------
    model : Model
    address : str
        ``chain/number[insertion code]/atom[.alternate location]``, author's
        names; without the atom all of the residue.

    Returns
    -------
    ndarray of int, shape (n,)
        Their numbers, at least one.

    Raises
    ------
    ValueError
        It is no address, or nothing is there: says what there is.
    """
    chain, number, icode, atom, altloc = _parts(address)
    in_chain = model.chain == chain
    if not in_chain.any():
        raise ValueError(f"{address}: no chain {chain or 'without a name'}; there are {_listed(model.chain)}")
    here = np.flatnonzero(in_chain & (model.number == number) & (model.icode == icode))
    if not len(here):
        raise ValueError(f"{address}: no residue {number}{icode}; chain {chain} has {_ranges(model, in_chain)}")
    if not atom:
        return here
    found = here[(model.atom[here] == atom) & ((altloc == "") | (model.altloc[here] == altloc))]
    if not len(found):
        there = ", ".join(map(_atom_name, *(getattr(model, key)[here].tolist() for key in ("atom", "altloc"))))
        wanted = _atom_name(atom, altloc)
        raise ValueError(
            f"{address}: no atom {wanted} scored in {model.residue[here[0]]} {chain}/{number}{icode}; it has {there} "
            "(hydrogens, and alternate locations but the first, have no Q)"
        )
    return found


def atoms_of(model: Model, addresses) -> np.ndarray:
    """The atoms that several addresses name, in their order, each once; see `atoms_at`."""
    found = np.concatenate([atoms_at(model, address) for address in addresses])
    return np.array(list(dict.fromkeys(found.tolist())), dtype=np.int64)


def name_of(model: Model, k: int) -> str:
    """Address of atom k."""
    atom = _atom_name(str(model.atom[k]), str(model.altloc[k]))
    return f"{model.chain[k]}/{model.number[k]}{model.icode[k]}/{atom}"


def _parts(address: str) -> tuple[str, str, str, str, str]:
    """Chain, number, insertion code, atom, alternate location; blank as ""."""
    chain, _, rest = address.partition("/")
    number, _, atom = rest.partition("/")
    found = _NUMBER.fullmatch(number)
    if not found or "/" in atom or address.endswith("/"):
        raise ValueError(f"{address}: not the address of an atom: {FORM}")
    name, _, altloc = atom.partition(".")
    return chain, found[1], found[2], name, altloc


def _atom_name(atom: str, altloc: str) -> str:
    return f"{atom}.{altloc}" if altloc else atom


def _listed(names: np.ndarray) -> str:
    return _short(", ".join(name or "one without a name" for name in dict.fromkeys(names.tolist())))


def _short(text: str) -> str:
    return text if len(text) <= MOST_NAMED else text[:MOST_NAMED].rpartition(",")[0] + ", …"


def _ranges(model: Model, wanted: np.ndarray) -> str:
    """Runs of residue numbers, as 5–174, 183–192."""
    pairs = zip(model.number[wanted].tolist(), model.icode[wanted].tolist(), strict=True)
    runs: list[list[str]] = []
    for number, icode in dict.fromkeys(pairs):
        if runs and not icode and _follows(runs[-1][1], number):
            runs[-1][1] = number
        else:
            runs.append([number + icode, number + icode])
    return _short(", ".join(first if first == last else f"{first}–{last}" for first, last in runs))


def _follows(last: str, number: str) -> bool:
    try:
        return int(number) == int(last) + 1
    except ValueError:
        return False
