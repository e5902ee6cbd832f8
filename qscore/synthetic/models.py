"""Atoms of an entry → its model file, an mmCIF document."""

import numpy as np

from qscore.synthetic.peptide import THREE

ATOM_SITE = (
    "group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_entity_id label_seq_id "
    "pdbx_PDB_ins_code Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv auth_seq_id auth_comp_id auth_asym_id "
    "auth_atom_id pdbx_PDB_model_num"
)
LETTERS = {three: one for one, three in THREE.items()} | {base: base for base in "ACGU"}
POLYMERS = {"protein": "polypeptide(L)", "rna": "polyribonucleotide"}


def model_text(entry, atoms):
    """The mmCIF document of an entry."""
    empty = entry.defect == "no_atoms"
    return _header_text(entry, atoms) + ("" if empty else _atom_site(entry, atoms))


def polymers(atoms):
    """Chains of residue names: dict of (kind, tuple of residue names) to list of chain ids."""
    entities = {}
    for chain in dict.fromkeys(atoms["chain"].tolist()):
        part = atoms[(atoms["chain"] == chain) & np.isin(atoms["kind"], list(POLYMERS))]
        if len(part):
            _, first = np.unique(part["number"], return_index=True)
            entities.setdefault((str(part["kind"][0]), tuple(part["residue"][first].tolist())), []).append(chain)
    return entities


def small_molecules(atoms):
    """Residue names of what is no polymer, each once."""
    return list(dict.fromkeys(atoms["residue"][~np.isin(atoms["kind"], list(POLYMERS))].tolist()))


def _loop(category, columns, rows):
    head = "".join(f"_{category}.{column}\n" for column in columns)
    return f"loop_\n{head}" + "".join(" ".join(map(str, row)) + "\n" for row in rows) + "#\n"


def _header_text(entry, atoms):
    entities, small = polymers(atoms), small_molecules(atoms)
    kinds = [(k + 1, "polymer", f"'synthetic {kind} {k + 1}'") for k, (kind, _) in enumerate(entities)]
    kinds += [
        (len(entities) + k + 1, "water" if code == "HOH" else "non-polymer", code) for k, code in enumerate(small)
    ]
    sequences = [
        (k + 1, f"'{POLYMERS[kind]}'", "".join(LETTERS[r] for r in names), ",".join(chains))
        for k, ((kind, names), chains) in enumerate(entities.items())
    ]
    resolution = "?" if entry.defect == "no_resolution" else entry.resolution
    return (
        f"data_{entry.pdb_id.upper()}\n#\n_entry.id {entry.pdb_id.upper()}\n"
        f"_struct.title 'Synthetic demonstration model: {entry.name}'\n"
        f"_exptl.method 'ELECTRON MICROSCOPY'\n_em_3d_reconstruction.resolution {resolution}\n#\n"
        + _loop("entity", ("id", "type", "pdbx_description"), kinds)
        + _loop("entity_poly", ("entity_id", "type", "pdbx_seq_one_letter_code", "pdbx_strand_id"), sequences)
    )


def _labels(atoms):
    """label_asym_id, label_entity_id and label_seq_id of each atom, as lists of str."""
    number_of = {chain: k + 1 for k, chains in enumerate(polymers(atoms).values()) for chain in chains}
    small = {code: len(polymers(atoms)) + k + 1 for k, code in enumerate(small_molecules(atoms))}
    firsts = {chain: atoms["number"][atoms["chain"] == chain].min() for chain in number_of}
    asyms, labels = {}, []
    for atom in atoms[["chain", "kind", "residue", "number"]].tolist():
        chain, kind, residue, number = atom
        if kind in POLYMERS:
            labels.append((chain, number_of[chain], number - firsts[chain] + 1))
            continue
        key = (chain, residue, 0 if kind == "water" else number)
        labels.append((asyms.setdefault(key, f"{chain}x{len(asyms)}"), small[residue], "."))
    return labels


def _atom_site(entry, atoms):
    constant = 30.0 if entry.flat_b else None
    order = np.argsort(~np.isin(atoms["kind"], list(POLYMERS)), kind="stable")
    atoms, rows = atoms[order], []
    for k, (atom, label) in enumerate(zip(atoms.tolist(), _labels(atoms), strict=True)):
        name, element, residue, chain, number, alternate, kind, occupancy, b, xyz = atom
        quoted = f'"{name}"' if "'" in name else name
        group = "ATOM" if kind in POLYMERS else "HETATM"
        place = " ".join(f"{x:.3f}" for x in xyz)
        rows.append(
            f"{group} {k + 1} {element} {quoted} {alternate or '.'} {residue} {label[0]} {label[1]} {label[2]} ? "
            f"{place} {occupancy:.2f} {constant or b:.2f} {number} {residue} {chain} {quoted} 1".split(" ")
        )
    return _loop("atom_site", ATOM_SITE.split(), rows)
