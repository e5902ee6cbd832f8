"""B-factors from Q: B = f (1 − Q), written into the model file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qscore.model import Model, as_text, block_with_atoms, places, read_document, set_column

B_COLUMN = "_atom_site.B_iso_or_equiv"
ANISOTROPIC = "_atom_site_anisotrop."


def b_of_rows(q: np.ndarray, row: np.ndarray, place: np.ndarray, factor: float) -> np.ndarray:
    """B of each row of a model file.

    MapQ's convention (Pintilie et al. 2025, Acta Cryst. D81:410): an atom gets
    f (1 − Q), an atom without score counting as Q 0. What has no Q of its own,
    hydrogens and alternate locations not kept, gets the mean of its residue.

    Parameters
    ----------
    q : ndarray, float, shape (n,)
        NaN where not scored.
    row : ndarray of int, shape (n,)
        Row in the file of each of these atoms.
    place : ndarray of int, shape (rows,)
        Number of the residue of each row of the file.
    factor : float
        f, Å².

    Returns
    -------
    ndarray, float, shape (rows,)
        Å²; NaN for rows of residues that have none of the atoms: other chains than those asked for, other models.
    """
    own = factor * (1.0 - np.nan_to_num(q))
    n_places = int(place.max()) + 1
    count = np.bincount(place[row], minlength=n_places)
    with np.errstate(invalid="ignore"):
        mean = np.bincount(place[row], own, minlength=n_places) / count
    b = mean[place]
    b[row] = own
    return b


def write_with_b(source, target, model: Model, q: np.ndarray, factor: float) -> None:
    """Write the model file as mmCIF with B from Q in ``_atom_site.B_iso_or_equiv``; see `b_of_rows`.

    The anisotropic factors of atoms with a new B are taken out, rows without
    one keep theirs, and everything else in an mmCIF source stays.

    Parameters
    ----------
    source, target, model, q
        As of `qscore.model.write_with_q`.
    factor : float
        f, Å².

    Raises
    ------
    ValueError
        The factor is not positive and finite.
    """
    if not 0 < factor < float("inf"):
        raise ValueError(f"factor of B {factor}; expected a positive number of Å²")
    document = read_document(Path(source))
    block = block_with_atoms(document)
    b = b_of_rows(q, model.row, places(block), factor)
    new = np.flatnonzero(~np.isnan(b)).tolist()
    text = list(block.find_values(B_COLUMN)) or ["?"] * len(b)
    for row in new:
        text[row] = f"{b[row]:.2f}"
    _drop_anisotropic(block, new)
    set_column(block, B_COLUMN, text)
    Path(target).write_bytes(as_text(document))


def _drop_anisotropic(block, rows: list[int]) -> None:
    """Take out what is said of the anisotropy of some rows, in the category of its own and beside the atoms."""
    serials = list(block.find_values("_atom_site.id"))
    gone = {serials[row] for row in rows} if serials else set()
    named = list(block.find_values(ANISOTROPIC + "id"))
    stale = [k for k, serial in enumerate(named) if serial in gone]
    if len(stale) == len(named):
        block.find_mmcif_category(ANISOTROPIC).erase()
    else:
        table = block.find(ANISOTROPIC, ["id"])
        for k in reversed(stale):
            table.remove_row(k)
    for tag in list(block.find_mmcif_category("_atom_site.").tags):
        if tag.startswith("_atom_site.aniso_"):
            kept = list(block.find_values(tag))
            for row in rows:
                kept[row] = "?"
            set_column(block, tag, kept)
