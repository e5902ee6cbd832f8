"""Models as they come: which atoms are kept, what they are, and what is written back."""

import gzip
import math

import gemmi
import naive
import numpy as np
import pytest

from qscore.bfactors import b_of_rows, write_with_b
from qscore.errors import UnusableEntry
from qscore.model import CLASSES, PROTEIN_BACKBONE, lowest_altlocs, read_model, residue_class, write_with_q

TAGS = """
group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_entity_id label_seq_id 
pdbx_PDB_ins_code Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv auth_seq_id auth_asym_id pdbx_PDB_model_num
""".split()  # noqa: SIM905


def atom(name="CA", residue="ALA", number=1, **given):
    """A row of `_atom_site` as a dict; x is the number unless given."""
    row = dict.fromkeys(TAGS, ".") | {
        "group_PDB": "ATOM",
        "type_symbol": name.strip('"')[0],
        "label_atom_id": name,
        "label_comp_id": residue,
        "label_asym_id": "A",
        "label_entity_id": "1",
        "label_seq_id": str(number),
        "auth_asym_id": "A",
        "auth_seq_id": str(number),
        "pdbx_PDB_ins_code": "?",
        "Cartn_x": str(float(number)),
        "Cartn_y": "2.0",
        "Cartn_z": "3.0",
        "occupancy": "1.0",
        "B_iso_or_equiv": "20.0",
        "pdbx_PDB_model_num": "1",
    }
    return row | {key: str(value) for key, value in given.items()}


def cif(rows, *, without=(), extra="", name="test"):
    """mmCIF text of atoms; ids count from 1."""
    tags = [tag for tag in TAGS if tag not in without]
    tags += [tag for tag in (rows[0] if rows else ()) if tag not in TAGS]
    lines = [f"data_{name}", extra, "loop_", *(f"_atom_site.{tag}" for tag in tags)]
    for number, row in enumerate(rows, 1):
        full = row | ({"id": str(number)} if row["id"] == "." else {})
        lines.append(" ".join(full[tag] for tag in tags))
    return "\n".join(lines) + "\n#\n"


def pdb_line(name="CA", residue="ALA", number=1, *, record="ATOM", serial=1, altloc="", chain="A", icode="", x=0.0,
             y=0.0, z=0.0, occupancy=1.0, element=None, place=None):  # fmt: skip
    """One PDB record; a one-letter element's name starts in the second column."""
    element = name[0] if element is None else element
    place = (f" {name:<3}" if len(name) < 4 and len(element) < 2 else f"{name:<4}") if place is None else place
    return (
        f"{record:<6}{serial:>5} {place}{altloc:1}{residue:>3} {chain:1}{number:>4}{icode:1}   "
        f"{x:8.3f}{y:8.3f}{z:8.3f}{occupancy:6.2f}{20.0:6.2f}          {element:>2}  "
    )


def pdb(*lines):
    return "\n".join(lines) + "\nEND\n"


def read(tmp_path, text, name="m.cif", **options):
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.lower().endswith(".gz") else text.encode())
    return read_model(path, **options)


def trouble(tmp_path, text, name="m.cif"):
    """Reason and message of the refusal."""
    with pytest.raises(UnusableEntry) as caught:
        read(tmp_path, text, name)
    assert "\n" not in str(caught.value)
    return caught.value.reason, str(caught.value)


def kinds(model):
    """Residue name and number → class."""
    names = [f"{r}{n}" for r, n in zip(model.residue, model.number, strict=True)]
    return {name: CLASSES[kind] for name, kind in zip(names, model.kind, strict=True)}


def labels(model):
    return [
        f"{n}{i}:{a}{alt}" for n, i, a, alt in zip(model.number, model.icode, model.atom, model.altloc, strict=True)
    ]


# ---- reading ----


@pytest.mark.parametrize("name", ["m.cif", "m.cif.gz", "m.mmcif", "M.CIF.GZ"])
def test_mmcif(tmp_path, name):
    rows = [
        atom("N", number=5, id=71, Cartn_x=1.125, occupancy=0.5, B_iso_or_equiv=33.5),
        atom("CA", number=5, id=72, Cartn_y=-7.25, label_alt_id="B", pdbx_PDB_ins_code="C"),
    ]
    model = read(tmp_path, cif(rows), name)
    assert len(model) == 2
    np.testing.assert_array_equal(model.position, [[1.125, 2, 3], [5, -7.25, 3]])
    assert model.position.dtype == np.float64
    assert model.serial.tolist() == ["71", "72"]
    assert model.occupancy.tolist() == [0.5, 1]
    assert model.b_iso.tolist() == [33.5, 20]
    assert model.altloc.tolist() == ["", "B"]
    assert model.icode.tolist() == ["", "C"]
    assert model.element.tolist() == ["N", "C"]
    assert model.residue_index.tolist() == [0, 1]
    assert model.row.tolist() == [0, 1]
    assert (model.n_hydrogen, model.n_altloc, model.n_models) == (0, 0, 1)


@pytest.mark.parametrize("name", ["m.pdb", "m.pdb.gz", "m.ent", "m.ent.gz", "M.PDB", "M.PDB.GZ"])
def test_pdb(tmp_path, name):
    text = pdb(
        pdb_line("N", number=5, x=1.125, y=-2.5, z=999.125, occupancy=0.5),
        pdb_line("CA", number=-3, icode="C", altloc="B", chain="z"),
        pdb_line("ZN", "ZN", 301, record="HETATM", element="ZN"),
    )
    model = read(tmp_path, text, name)
    np.testing.assert_array_equal(model.position, [[1.125, -2.5, 999.125], [0, 0, 0], [0, 0, 0]])
    chains = dict(zip(model.atom.tolist(), model.chain.tolist(), strict=True))
    assert chains == {"N": "A", "CA": "z", "ZN": "A"}
    assert sorted(labels(model)) == ["-3C:CAB", "301:ZN", "5:N"]
    assert sorted(model.element.tolist()) == ["C", "N", "ZN"]


def test_an_unquoted_pdb_name_with_a_prime_and_a_quoted_mmcif_name(tmp_path):
    from_pdb = read(tmp_path, pdb(pdb_line("O5'", "  A", 1), pdb_line("C1'", "  A", 1)), "m.pdb")
    rows = [atom('"O5\'"', "A", type_symbol="O"), atom("C1'", "A"), atom("\"O5''\"", "A", type_symbol="O")]
    from_cif = read(tmp_path, cif(rows))
    assert from_pdb.atom.tolist() == ["O5'", "C1'"]
    assert from_cif.atom.tolist() == ["O5'", "C1'", "O5''"]
    assert from_pdb.backbone.all()


def test_negative_numbers_and_insertion_codes_are_residues_of_their_own(tmp_path):
    rows = [
        atom(number=n, pdbx_PDB_ins_code=i)
        for n, i in ((-2, "?"), (-1, "?"), (52, "?"), (52, "A"), (52, "B"), (53, "?"))
    ]
    model = read(tmp_path, cif(rows))
    assert labels(model) == ["-2:CA", "-1:CA", "52:CA", "52A:CA", "52B:CA", "53:CA"]
    assert model.residue_index.tolist() == [0, 1, 2, 3, 4, 5]


def test_author_names_are_told(tmp_path):
    """EMDB reports author chain and number; several letters are common in large complexes."""
    rows = [atom(auth_asym_id="AbC1", label_asym_id="XX", auth_seq_id=900, number=3), atom(auth_asym_id='"A,1"')]
    model = read(tmp_path, cif(rows))
    assert model.chain.tolist() == ["AbC1", "A,1"]
    assert model.number.tolist() == ["900", "1"]


def test_author_residue_and_atom_names_where_they_are(tmp_path):
    model = read(tmp_path, cif([atom(auth_comp_id="GLX", auth_atom_id="CX")]))
    assert (model.residue.tolist(), model.atom.tolist()) == (["GLX"], ["CX"])


def test_a_blank_author_name_is_the_labels(tmp_path):
    """A row at a time; only a blank chain is a chain's name (of PDB files)."""
    rows = [
        atom("CA", "GLY", 4, auth_comp_id="?", auth_atom_id=".", auth_seq_id="?"),
        atom("CB", "ALA", 5, auth_comp_id="ALA", auth_atom_id="CB"),
    ]
    model = read(tmp_path, cif(rows))
    assert model.residue.tolist() == ["GLY", "ALA"]
    assert model.atom.tolist() == ["CA", "CB"]
    assert model.number.tolist() == ["4", "5"]


NEEDED = {"type_symbol", "label_atom_id", "label_comp_id", "label_asym_id", "Cartn_x", "Cartn_y", "Cartn_z"}


@pytest.mark.parametrize(
    "tag",
    [tag for tag in TAGS if tag not in NEEDED],
)
def test_columns_that_may_be_missing(tmp_path, tag):
    model = read(tmp_path, cif([atom("N", number=4), atom("CA", number=4), atom("CA", number=5)], without=[tag]))
    assert len(model) == 3
    assert model.chain.tolist() == ["A"] * 3
    assert model.number.tolist() == ["4", "4", "5"]
    assert model.residue_index.tolist() == [0, 0, 1]
    assert kinds(model) == {"ALA4": "protein", "ALA5": "protein"}
    assert model.occupancy.tolist() == [1, 1, 1]
    assert model.b_iso.tolist() == ([0] * 3 if tag == "B_iso_or_equiv" else [20] * 3)


def test_blank_chains(tmp_path):
    text = pdb(pdb_line("CA", number=1, chain=" "), pdb_line("CA", number=2, chain=" "))
    assert read(tmp_path, text, "m.pdb").chain.tolist() == ["", ""]


def test_zero_occupancy_is_kept(tmp_path):
    model = read(tmp_path, cif([atom(occupancy="0.00"), atom("CB", occupancy="?"), atom("C", occupancy=0.3)]))
    assert model.occupancy.tolist() == [0, 1, 0.3]


def test_unknown_coordinates_are_not_numbers_and_do_not_cost_the_model(tmp_path):
    model = read(tmp_path, cif([atom(), atom("CB", Cartn_x="?"), atom("C", Cartn_z=".")]))
    assert np.isnan(model.position).tolist() == [[False] * 3, [True, False, False], [False, False, True]]


def test_coordinates_with_an_uncertainty(tmp_path):
    model = read(tmp_path, cif([atom(Cartn_x="1.234(5)", Cartn_y="-1.5e1")]))
    np.testing.assert_allclose(model.position, [[1.234, -15, 3]])


def test_one_atom_without_a_loop(tmp_path):
    row = atom(id=1)
    text = "data_one\n" + "".join(f"_atom_site.{tag} {row[tag]}\n" for tag in TAGS)
    model = read(tmp_path, text)
    assert labels(model) == ["1:CA"]
    write_with_q(tmp_path / "m.cif", tmp_path / "q.cif", model, np.array([0.5]))
    assert gemmi.cif.read(str(tmp_path / "q.cif")).sole_block().find_value("_atom_site.Q-score") == "0.5000"


def test_the_first_block_with_atoms_is_read(tmp_path):
    ligand = "data_LIG\n_chem_comp.id LIG\n"
    text = ligand + cif([atom(number=7)], name="first") + cif([atom(number=8)], name="second")
    assert read(tmp_path, text).number.tolist() == ["7"]


# ---- hydrogens ----


def test_hydrogens_are_known_by_element_not_by_name(tmp_path):
    rows = [
        atom("HG", "HG", 1, type_symbol="HG"),  # mercury
        atom("HO", "HO", 2, type_symbol="Ho"),  # holmium
        atom("DY", "DY", 3, type_symbol="DY"),  # dysprosium
        atom("CD", "ARG", 4, type_symbol="C"),
        atom("D1", "LIG", 5, type_symbol="C"),
        atom("H1", "LIG", 5, type_symbol="N"),
        atom("CA", "ALA", 6, type_symbol="H"),  # a hydrogen with another's name
        atom("HA", "ALA", 6, type_symbol="H"),
        atom("DA", "ALA", 6, type_symbol="D"),
        atom("XX", "ALA", 6, type_symbol="d"),
    ]
    model = read(tmp_path, cif(rows))
    assert model.atom.tolist() == ["HG", "HO", "DY", "CD", "D1", "H1"]
    assert model.element.tolist() == ["HG", "HO", "DY", "C", "C", "N"]
    assert model.n_hydrogen == 4


def test_hydrogens_of_pdb_files(tmp_path):
    text = pdb(
        pdb_line("HG", "HG", 1, record="HETATM", element="HG"),
        pdb_line("HG", "SER", 2, element="H"),
        pdb_line("HG11", "VAL", 3, element="H"),
        pdb_line("D", "ALA", 4, element="D"),
        pdb_line("CD", "ARG", 5, element="C"),
        pdb_line("CD", "CD", 6, record="HETATM", element="CD"),
    )
    model = read(tmp_path, text, "m.pdb")
    assert sorted(zip(model.residue.tolist(), model.element.tolist(), strict=True)) == [
        ("ARG", "C"), ("CD", "CD"), ("HG", "HG"),
    ]  # fmt: skip
    assert model.n_hydrogen == 3


def test_pdb_without_an_element_column_is_read_by_alignment(tmp_path):
    lines = [
        pdb_line("CA", "ALA", 1, element=""),
        pdb_line("CA", "CA", 2, record="HETATM", element="", place="CA  "),
        pdb_line("HA", "ALA", 1, element="", place=" HA "),
        pdb_line("HG11", "VAL", 3, element="", place="HG11"),
        pdb_line("1HB", "ALA", 1, element="", place="1HB "),
        pdb_line("HG", "HG", 4, record="HETATM", element="", place="HG  "),
    ]
    path = tmp_path / "m.pdb"
    path.write_text(pdb(*lines))
    model = read_model(path)
    found = sorted(zip(model.residue.tolist(), model.element.tolist(), strict=True))
    assert found == [("ALA", "C"), ("CA", "CA"), ("HG", "HG")]
    assert found == sorted((a.resname, a.element) for a in naive.read_atoms(path))


# ---- alternate locations ----


def test_the_lowest_label_of_each_residue_is_kept(tmp_path):
    rows = [
        atom("N", number=1),
        atom("CA", number=1, label_alt_id="B", Cartn_x=11),
        atom("CA", number=1, label_alt_id="A", Cartn_x=12),
        atom("CB", number=1, label_alt_id="B"),  # this residue's lowest is A
        atom("CA", number=2, label_alt_id="B"),  # only B: kept
        atom("CB", number=2, label_alt_id="C"),
        atom("C", number=2),
        atom("CA", number=2, label_alt_id="A", pdbx_PDB_ins_code="A"),  # another residue
        atom("CA", number=2, label_alt_id="A", auth_asym_id="B"),  # another chain
    ]
    model = read(tmp_path, cif(rows))
    assert labels(model) == ["1:N", "1:CAA", "2:CAB", "2:C", "2A:CAA", "2:CAA"]
    assert model.position[1, 0] == 12
    assert model.n_altloc == 3


def test_labels_that_are_digits_come_before_letters(tmp_path):
    rows = [atom(label_alt_id="A"), atom(label_alt_id="1", Cartn_x=9), atom(label_alt_id="a")]
    model = read(tmp_path, cif(rows))
    assert model.altloc.tolist() == ["1"]
    assert model.n_altloc == 2


def test_of_two_residue_kinds_at_one_place_the_lowest_label_is_kept(tmp_path):
    """Microheterogeneity: SER and THR share number 22; one set of atoms is scored, the other is no neighbour."""
    rows = [
        *(atom(name, "THR", 22, label_alt_id="B") for name in ("N", "CA", "OG1")),
        *(atom(name, "SER", 22, label_alt_id="A") for name in ("N", "CA", "OG")),
        atom("N", "GLY", 23),
    ]
    model = read(tmp_path, cif(rows))
    assert [f"{r}:{a}" for r, a in zip(model.residue, model.atom, strict=True)] == [
        "SER:N",
        "SER:CA",
        "SER:OG",
        "GLY:N",
    ]
    assert model.n_altloc == 3


def test_hydrogens_do_not_decide_the_label(tmp_path):
    """The lowest label among atoms that can be scored: a residue whose A has only hydrogens keeps B."""
    rows = [atom("HA", label_alt_id="A", type_symbol="H"), atom("CA", label_alt_id="B")]
    model = read(tmp_path, cif(rows))
    assert labels(model) == ["1:CAB"]
    assert (model.n_hydrogen, model.n_altloc) == (1, 0)


def test_alternate_locations_of_pdb_files_agree_with_the_twin(tmp_path):
    text = pdb(
        pdb_line("N", number=1, x=1),
        pdb_line("CA", number=1, altloc="B", x=2),
        pdb_line("CA", number=1, altloc="A", x=3),
        pdb_line("OG", "SER", 2, altloc="A", x=4),
        pdb_line("OG1", "THR", 2, altloc="B", x=5),
        pdb_line("CA", number=3, altloc="C", x=6),
    )
    model = read(tmp_path, text, "m.pdb")
    kept, dropped = naive.select_altlocs(naive.read_atoms(tmp_path / "m.pdb"))
    assert sorted(model.position[:, 0].tolist()) == sorted(a.x for a in kept) == [1, 3, 4, 6]
    assert model.n_altloc == dropped == 2


def test_lowest_altlocs_is_one_decision_a_place():
    label = np.array(["", "B", "A", "B", "C", "", "A"])
    place = np.array([0, 0, 0, 1, 1, 1, 2])
    assert lowest_altlocs(label, place).tolist() == [True, False, True, True, False, True, True]


# ---- models ----


def two_models():
    rows = [atom(number=n, pdbx_PDB_model_num=m) for m in (3, 7) for n in (m, m + 1)]
    return cif(rows)


def test_the_first_model_is_read(tmp_path):
    model = read(tmp_path, two_models())
    assert model.number.tolist() == ["3", "4"]
    assert model.n_models == 2


@pytest.mark.parametrize(("number", "expected"), [(3, ["3", "4"]), (7, ["7", "8"])])
def test_a_model_by_its_number(tmp_path, number, expected):
    model = read(tmp_path, two_models(), model_number=number)
    assert model.number.tolist() == expected
    assert model.row.tolist() == ([0, 1] if number == 3 else [2, 3])


@pytest.mark.parametrize("number", [1, 0, -3])
def test_a_model_that_is_not_there(tmp_path, number):
    with pytest.raises(ValueError, match=f"^m.cif: no model number {number}; the file has 3, 7$"):
        read(tmp_path, two_models(), model_number=number)


def test_models_of_a_pdb_file(tmp_path):
    text = pdb("MODEL        1", pdb_line(number=1), "ENDMDL", "MODEL        2", pdb_line(number=2), "ENDMDL")
    assert read(tmp_path, text, "m.pdb").number.tolist() == ["1"]
    assert read(tmp_path, text, "m.pdb", model_number=2).number.tolist() == ["2"]
    with pytest.raises(ValueError, match="no model number 3; the file has 1, 2"):
        read(tmp_path, text, "m.pdb", model_number=3)


def test_hydrogens_are_counted_in_the_model_read(tmp_path):
    rows = [
        atom(),
        *(atom(f"H{n}", type_symbol="H", pdbx_PDB_model_num=2) for n in range(3)),
        atom("N", pdbx_PDB_model_num=2),
    ]
    assert read(tmp_path, cif(rows)).n_hydrogen == 0
    assert read(tmp_path, cif(rows), model_number=2).n_hydrogen == 3


# ---- classes ----

ENTITIES = """
loop_
_entity.id
_entity.type
1 polymer
2 polymer
3 non-polymer
4 water
5 branched
6 polymer
7 macrolide
loop_
_entity_poly.entity_id
_entity_poly.type
1 'polypeptide(L)'
2 polyribonucleotide
6 'polydeoxyribonucleotide/polyribonucleotide hybrid'
"""
CASES = [
    # residue, entity, atoms, class
    ("ALA", "1", ("N", "CA", "C", "O", "CB"), "protein"),
    ("MSE", "1", ("N", "CA", "SE"), "protein"),
    ("SEP", "1", ("N", "CA", "P", "O1P"), "protein"),
    ("DAL", "1", ("N", "CA", "CB"), "protein"),
    ("UNK", "1", ("N", "CA", "C", "O", "CB"), "protein"),
    ("ACE", "1", ("C", "O", "CH3"), "protein"),
    ("GLY", "1", ("CA",), "protein"),
    ("U", "2", ("P", "OP1", "C1'", "N1"), "nucleic"),
    ("PSU", "2", ("P", "C1'", "C5"), "nucleic"),
    ("N", "2", ("P", "C1'"), "nucleic"),
    ("DA", "6", ("P", "C1'", "N9"), "nucleic"),
    ("ATP", "3", ("PG", "O1G", "C1'"), "ligand"),
    ("GLU", "3", ("N", "CA", "C", "O", "CB"), "ligand"),
    ("GLY", "3", ("N", "CA", "C", "O"), "ligand"),
    ("UNL", "3", ("C1", "C2"), "ligand"),
    ("CLR", "3", ("C1", "C2"), "ligand"),
    ("NAG", "3", ("C1", "C2", "O5"), "glycan"),
    ("NAG", "5", ("C1", "C2", "O5"), "glycan"),
    ("MAN", "5", ("C1",), "glycan"),
    ("MG", "3", ("MG",), "ion"),
    ("CL", "3", ("CL",), "ion"),
    ("HG", "3", ("HG",), "ion"),
    ("HOH", "4", ("O",), "water"),
    ("DOD", "4", ("O",), "water"),
    ("ERY", "7", ("C1", "C2"), "ligand"),
]


def test_classes_by_the_files_entities(tmp_path):
    rows, expected = [], {}
    for number, (residue, entity, atoms, kind) in enumerate(CASES, 1):
        group = "ATOM" if entity in "126" else "HETATM"
        symbol = residue if kind == "ion" else None
        rows += [
            atom(f'"{a}"', residue, number, label_entity_id=entity, group_PDB=group, type_symbol=symbol or a[0])
            for a in atoms
        ]
        expected[f"{residue}{number}"] = kind
    assert kinds(read(tmp_path, cif(rows, extra=ENTITIES))) == expected


def test_classes_without_entities_by_name(tmp_path):
    wanted = {
        "ALA": "protein", "MSE": "protein", "DAL": "protein", "U": "nucleic", "DG": "nucleic", "NAG": "glycan",
        "MG": "ion", "HOH": "water", "DOD": "water",
    }  # fmt: skip
    rows = [atom("X", residue, n, label_entity_id="?") for n, residue in enumerate(wanted)]
    assert kinds(read(tmp_path, cif(rows))) == {f"{r}{n}": kind for n, (r, kind) in enumerate(wanted.items())}


def test_an_unknown_residue_without_entity_is_known_by_its_backbone(tmp_path):
    rows = [atom(name, "ZZ9", 1, label_entity_id="?") for name in ("N", "CA", "C")]
    rows += [atom(name, "ZZ8", 2, label_entity_id="?") for name in ("C1", "C2")]
    rows += [atom("FE", "ZZ7", 3, label_entity_id="?")]
    assert kinds(read(tmp_path, cif(rows))) == {"ZZ91": "protein", "ZZ82": "ligand", "ZZ73": "ion"}


@pytest.mark.parametrize("entity", ["polypeptide(l)", "polypeptide(d)", "cyclic-pseudo-peptide"])
def test_residue_class_of_peptides(entity):
    assert residue_class("XYZ", ["C1", "C2"], entity) == "protein"


@pytest.mark.parametrize(
    ("residue", "atoms", "entity", "kind"),
    [
        ("HOH", ["O"], "non-polymer", "water"),
        ("HOH", ["O"], "", "water"),
        ("GLC", ["C1", "C2"], "polysaccharide(d)", "glycan"),
        ("XYZ", ["C1", "C2"], "polymer", "ligand"),
        ("ALA", ["N", "CA", "C"], "polymer", "protein"),
        ("DT", ["P"], "polymer", "nucleic"),
    ],
)
def test_residue_class(residue, atoms, entity, kind):
    assert residue_class(residue, atoms, entity) == kind


@pytest.mark.parametrize("ter", [True, False])
def test_classes_of_a_pdb_file(tmp_path, ter):
    """gemmi tells polymer from ligand by TER records or, without them, by the residues themselves."""
    lines, x = [], 0.0
    for number in range(1, 8):
        for name in ("N", "CA", "C", "O", "CB"):
            x += 1.3
            residue = "MSE" if number == 4 else "ALA"
            lines.append(pdb_line(name, residue, number, x=x, record="HETATM" if number == 4 else "ATOM"))
    lines += ["TER"] if ter else []
    hetero = {"ATP": ["PG", "O1G"], "NAG": ["C1", "C2"], "MG": ["MG"], "HG": ["HG"], "ZZZ": ["C1", "C2"]}
    hetero |= {"HOH": ["O"], "DOD": ["O"]}
    for number, (residue, names) in enumerate(hetero.items(), 100):
        for name in names:
            x += 5
            metal = name if name in ("MG", "HG") else None
            lines.append(pdb_line(name, residue, number, record="HETATM", x=x, element=metal))
    found = {name.rstrip("0123456789"): kind for name, kind in kinds(read(tmp_path, pdb(*lines), "m.pdb")).items()}
    assert found == {
        "ALA": "protein", "MSE": "protein", "ATP": "ligand", "NAG": "glycan", "MG": "ion", "HG": "ion",
        "ZZZ": "ligand", "HOH": "water", "DOD": "water",
    }  # fmt: skip


def test_backbone(tmp_path):
    protein = ("N", "CA", "C", "O", "OXT", "CB", "OG")
    nucleic = ("P", "OP1", "OP2", "O5'", "C5'", "C4'", "O4'", "C3'", "O3'", "C2'", "O2'", "C1'", "N9", "C8", "O6")
    rows = [atom(a, "SER", 1, label_entity_id="1") for a in protein]
    rows += [atom(f'"{a}"', "G", 2, label_entity_id="2") for a in nucleic]
    rows += [atom(a, "GLY", 3, label_entity_id="3") for a in ("N", "CA", "C", "O")]
    rows += [atom("P", "ATP", 4, label_entity_id="3"), atom("O", "HOH", 5, label_entity_id="4")]
    model = read(tmp_path, cif(rows, extra=ENTITIES))
    at = {residue: model.backbone[model.residue == residue].tolist() for residue in ("SER", "G", "GLY", "ATP", "HOH")}
    assert at["SER"] == [True] * 5 + [False] * 2
    assert at["G"] == [True] * 12 + [False] * 3
    assert at["GLY"] == [False] * 4
    assert at["ATP"] == at["HOH"] == [False]
    assert {"N", "CA", "C", "O", "OXT"} == PROTEIN_BACKBONE


def test_take_and_is_class(tmp_path):
    rows = [atom("CA", number=n) for n in range(5)] + [atom("O", "HOH", 9, label_entity_id="4")]
    model = read(tmp_path, cif(rows, extra=ENTITIES))
    part = model.take(np.array([5, 0, 2]))
    assert labels(part) == ["9:O", "0:CA", "2:CA"]
    assert part.is_class("water").tolist() == [True, False, False]
    assert len(model.take(model.is_class("protein"))) == 5


# ---- refusals ----


def test_no_file(tmp_path):
    with pytest.raises(UnusableEntry, match=r"^no such file: .*m\.cif$") as caught:
        read_model(tmp_path / "m.cif")
    assert caught.value.reason == "model_missing"


@pytest.mark.parametrize("name", ["m.cif", "m.cif.gz"])
@pytest.mark.parametrize(
    "text",
    [
        "<!DOCTYPE html>\n<html><body>404 Not Found</body></html>\n",
        "just words\n",
        "data_x\nloop_\n_atom_site.id\n_atom_site.Cartn_x\n1 2.0 3\n",
        "data_x\n_a 'never closed\n",
        "data_x\nloop_\n_atom_site.id\n_atom_site.id\n1 2\n",
    ],
    ids=["html", "words", "row too long", "quote", "tag twice"],
)
def test_what_is_no_mmcif(tmp_path, name, text):
    reason, message = trouble(tmp_path, text, name)
    assert reason == "model_unreadable"
    assert message.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("m.cif", "", ("model_unreadable", "m.cif: no data block")),
        (
            "m.mrc",
            "\x01" * 208 + "MAP " + "\x01" * 99,
            ("model_unreadable", "m.mrc is a map: MAP comes first, then MODEL"),
        ),
        ("m.cif", "# only a comment\n", ("model_unreadable", "m.cif: no data block")),
        ("m.cif", "data_x\n_cell.length_a 1\n", ("model_no_atoms", "m.cif: no atom_site rows")),
        ("m.cif", "data_x\nloop_\n_chem.a\n1\n", ("model_no_atoms", "m.cif: no atom_site rows")),
        ("m.pdb", "", ("model_no_atoms", "m.pdb: no ATOM or HETATM record")),
        ("m.pdb", "<html>404</html>\n", ("model_no_atoms", "m.pdb: no ATOM or HETATM record")),
        ("m.pdb", "HEADER    X\nEND\n", ("model_no_atoms", "m.pdb: no ATOM or HETATM record")),
    ],
)
def test_files_without_atoms(tmp_path, name, text, expected):
    assert trouble(tmp_path, text, name) == expected


def test_only_hydrogens(tmp_path):
    rows = [atom("HA", type_symbol="H"), atom("DA", type_symbol="D")]
    assert trouble(tmp_path, cif(rows)) == ("model_no_atoms", "m.cif: all 2 atoms are hydrogen")
    reason, text = trouble(tmp_path, pdb(pdb_line("HA", element="H")), "m.pdb")
    assert (reason, text) == ("model_no_atoms", "m.pdb: all 1 atoms are hydrogen")


def test_no_coordinates_at_all(tmp_path):
    rows = [atom(Cartn_x="?"), atom("CB", Cartn_y="?")]
    assert trouble(tmp_path, cif(rows)) == ("model_unreadable", "m.cif: no atom has coordinates")


@pytest.mark.parametrize("tag", ["Cartn_x", "Cartn_y", "Cartn_z", "type_symbol"])
def test_columns_that_may_not_be_missing(tmp_path, tag):
    """Without elements every hydrogen would be scored; without a coordinate nothing can be."""
    reason, _ = trouble(tmp_path, cif([atom(), atom("HA", type_symbol="H")], without=[tag]))
    assert reason in ("model_unreadable", "model_no_atoms")


def test_truncated_in_the_middle_of_a_row(tmp_path):
    text = cif([atom(number=n) for n in range(50)])
    reason, message = trouble(tmp_path, text[: len(text) // 2 + 7])
    assert reason == "model_unreadable"
    assert message.startswith("m.cif: ")


@pytest.mark.parametrize("name", ["m.cif.gz", "m.pdb.gz"])
@pytest.mark.parametrize("keep", [0.5, 0.98])
def test_truncated_gzip(tmp_path, name, keep):
    text = (
        cif([atom(number=n) for n in range(500)]) if "cif" in name else pdb(*(pdb_line(number=n) for n in range(500)))
    )
    packed = gzip.compress(text.encode())
    (tmp_path / name).write_bytes(packed[: int(len(packed) * keep)])
    with pytest.raises(UnusableEntry) as caught:
        read_model(tmp_path / name)
    assert caught.value.reason == "model_unreadable"
    assert str(caught.value).startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["m.cif.gz", "m.pdb.gz"])
@pytest.mark.parametrize("at", ["checksum", "length", "behind"])
def test_a_damaged_gzip_is_not_read_as_far_as_it_goes(tmp_path, name, at):
    rng = np.random.default_rng(4)
    x = rng.uniform(-99, 99, 4000).round(3)
    rows = (atom(number=n, Cartn_x=v) for n, v in enumerate(x)) if "cif" in name else None
    text = cif(list(rows)) if rows else pdb(*(pdb_line(number=n, x=v) for n, v in enumerate(x)))
    packed = bytearray(gzip.compress(text.encode()))
    if at == "behind":
        packed += b"rubbish"
    else:
        packed[-8 if at == "checksum" else -2] ^= 1
    (tmp_path / name).write_bytes(packed)
    with pytest.raises(UnusableEntry) as caught:
        read_model(tmp_path / name)
    assert caught.value.reason == "model_unreadable"
    assert str(caught.value).startswith(f"{name}: ")


def test_binary_rubbish(tmp_path):
    for seed, name in enumerate(("m.cif", "m.pdb", "m.cif.gz", "m.ent.gz")):
        (tmp_path / name).write_bytes(np.random.default_rng(seed).bytes(3000))
        with pytest.raises(UnusableEntry) as caught:
            read_model(tmp_path / name)
        assert caught.value.reason in ("model_unreadable", "model_no_atoms")


def test_a_folder(tmp_path):
    with pytest.raises(UnusableEntry) as caught:
        read_model(tmp_path)
    assert caught.value.reason == "model_missing"


# ---- writing back ----

RICH = """
_entry.id test
_struct.title 'a title with "quotes"'
_refine.details
;several lines
  of 'text' # and this
;
loop_
_thing.id
_thing.value
1 'two words'
2 ?
3 .
"""


def rich_rows():
    return [
        atom("N", number=1, label_alt_id="A"),
        atom("N", number=1, label_alt_id="B", Cartn_x=1.5),
        atom("HA", number=1, type_symbol="H"),
        atom('"O5\'"', "U", 2, type_symbol="O", occupancy="0.00", my_column="'a b'"),
        atom("CA", number=3),
        atom("CA", number=3, pdbx_PDB_model_num="2"),
    ]


def rich_text(**options):
    rows = [row | {"my_column": row.get("my_column", "?")} for row in rich_rows()]
    return cif(rows, extra=RICH, **options)


def block_of(path):
    return gemmi.cif.read(str(path)).sole_block()


def content(block):
    """Every pair and loop of a block, values as written."""
    pairs, loops = {}, {}
    for item in block:
        if item.pair is not None:
            pairs[item.pair[0]] = item.pair[1]
        elif item.loop is not None:
            table = block.find(list(item.loop.tags))
            loops[tuple(item.loop.tags)] = [list(row) for row in table]
    return pairs, loops


def without_q(loops):
    """The loops with the Q column taken out, and that column."""
    plain, column = {}, None
    for tags, rows in loops.items():
        if "_atom_site.Q-score" in tags:
            at = tags.index("_atom_site.Q-score")
            column = [row[at] for row in rows]
            tags, rows = tags[:at] + tags[at + 1 :], [row[:at] + row[at + 1 :] for row in rows]
        plain[tags] = rows
    return plain, column


def test_q_is_written_and_nothing_else_changes(tmp_path):
    source, target = tmp_path / "m.cif", tmp_path / "out.cif"
    source.write_text(rich_text())
    model = read_model(source)
    assert labels(model) == ["1:NA", "2:O5'", "3:CA"]
    write_with_q(source, target, model, np.array([0.98765, math.nan, -0.25]))
    before, after = content(block_of(source)), content(block_of(target))
    loops, column = without_q(after[1])
    assert column == ["0.9877", "?", "?", "?", "-0.2500", "?"]
    assert after[0] == before[0]
    assert loops == before[1]
    assert block_of(target).name == "test"
    tags = next(tags for tags in after[1] if "_atom_site.id" in tags)
    assert tags[-1] == "_atom_site.Q-score"


def test_an_older_q_is_replaced_everywhere(tmp_path):
    """Atoms that are not scored now must not keep a score of another day."""
    source, target = tmp_path / "m.cif", tmp_path / "out.cif"
    rows = [row | {"Q-score": "0.111", "after": "z"} for row in rich_rows()]
    source.write_text(cif([{k: v for k, v in row.items() if k != "my_column"} for row in rows]))
    model = read_model(source)
    write_with_q(source, target, model, np.array([0.5, 0.25, 1.0]))
    loop = block_of(target).find_loop("_atom_site.Q-score")
    assert list(loop) == ["0.5000", "?", "?", "0.2500", "1.0000", "?"]
    tags = list(loop.get_loop().tags)
    assert tags.count("_atom_site.Q-score") == 1
    assert list(block_of(target).find_loop("_atom_site.after")) == ["z"] * 6


@pytest.mark.parametrize("name", ["m.cif", "m.cif.gz"])
def test_what_is_written_can_be_read_again(tmp_path, name):
    source, target = tmp_path / name, tmp_path / "out.cif"
    text = rich_text().encode()
    source.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    model = read_model(source)
    write_with_q(source, target, model, np.array([0.1, 0.2, 0.3]))
    again = read_model(target)
    np.testing.assert_array_equal(again.position, model.position)
    assert labels(again) == labels(model)
    structure = gemmi.read_structure(str(target))
    assert [len(m) for m in structure] == [1, 1]
    assert structure[0].count_atom_sites() == 5
    write_with_q(target, tmp_path / "twice.cif", again, np.array([0.1, 0.2, 0.3]))
    assert (tmp_path / "twice.cif").read_text() == target.read_text()


def test_a_chosen_model_gets_its_q_in_its_own_rows(tmp_path):
    source, target = tmp_path / "m.cif", tmp_path / "out.cif"
    source.write_text(rich_text())
    write_with_q(source, target, read_model(source, model_number=2), np.array([0.5]))
    assert list(block_of(target).find_loop("_atom_site.Q-score")) == ["?"] * 5 + ["0.5000"]


def test_from_pdb(tmp_path):
    source, target = tmp_path / "m.pdb", tmp_path / "out.cif"
    source.write_text(
        pdb(
            pdb_line("N", number=1, x=1.25, altloc="A"),
            pdb_line("N", number=1, x=1.5, altloc="B"),
            pdb_line("HA", number=1, element="H"),
            pdb_line("CA", number=2, x=2.125, icode="A"),
            pdb_line("ZN", "ZN", 9, record="HETATM", element="ZN", x=3.5),
        )
    )
    model = read_model(source)
    write_with_q(source, target, model, np.array([0.5, np.nan, 0.75]))
    table = block_of(target).find(
        "_atom_site.", ["type_symbol", "Cartn_x", "Q-score", "auth_seq_id", "pdbx_PDB_ins_code"]
    )
    assert sorted([list(row) for row in table], key=lambda row: float(row[1])) == [
        ["H", "0", "?", "1", "?"],
        ["N", "1.25", "0.5000", "1", "?"],
        ["N", "1.5", "?", "1", "?"],
        ["C", "2.125", "?", "2", "A"],
        ["ZN", "3.5", "0.7500", "9", "?"],
    ]
    assert gemmi.read_structure(str(target))[0].count_atom_sites() == 5


def test_atoms_of_another_order_find_their_rows(tmp_path):
    source, target = tmp_path / "m.cif", tmp_path / "out.cif"
    source.write_text(cif([atom(number=n) for n in range(6)]))
    model = read_model(source).take(np.array([4, 0, 2]))
    write_with_q(source, target, model, np.array([0.4, 0.0, 0.2]))
    column = list(block_of(target).find_loop("_atom_site.Q-score"))
    assert column == ["0.0000", "?", "0.2000", "?", "0.4000", "?"]


@pytest.mark.parametrize("write", ["q", "b"])
def test_words_that_begin_with_a_semicolon_stay_words(tmp_path, write):
    """Within a line they are; where the program begins a line with one it would begin a longer text."""
    source, target = tmp_path / "m.cif", tmp_path / "out.cif"
    more = "loop_\n_x.a\n_x.b\n ;D 2\n ;E\n;long\ntext\n; ;F ;'G\"\n_y.z ;" + "g" * 200 + "\nsave_s\n_z.a ;h\nsave_\n"
    source.write_text(cif([atom(number=n) for n in range(3)]) + more)
    before, model = gemmi.cif.read(str(source)), read_model(source)
    if write == "q":
        write_with_q(source, target, model, np.array([0.4, 0.0, 0.2]))
    else:
        write_with_b(source, target, model, np.array([0.4, 0.0, 0.2]), 150.0)
    after = gemmi.cif.read(str(target))
    for tag in ("_x.a", "_x.b", "_y.z"):
        texts = [[gemmi.cif.as_string(value) for value in one[0].find_values(tag)] for one in (before, after)]
        assert texts[0] == texts[1] and texts[0][0][0] in ";2"
    frames = [next(item.frame for item in one[0] if item.frame is not None) for one in (before, after)]
    assert [gemmi.cif.as_string(frame.find_value("_z.a")) for frame in frames] == [";h", ";h"]


# ---- B from Q ----

ANISOTROPIC = """
loop_
_atom_site_anisotrop.id
_atom_site_anisotrop.U[1][1]
1 0.1
3 0.3
6 0.6
"""


def column_of(path, tag):
    return list(block_of(path).find_values(f"_atom_site.{tag}"))


def test_b_of_rows_by_hand():
    """Residue 0: two atoms with Q and one without; 1: not scored; 2: not asked for."""
    b = b_of_rows(np.array([0.9, 0.5, np.nan, -0.5]), np.array([0, 2, 3, 5]), np.array([0, 0, 0, 1, 1, 0, 2]), 100.0)
    np.testing.assert_allclose(b, [10, (10 + 50 + 150) / 3, 50, 100, 100, 150, np.nan])


def test_b_is_written_and_nothing_else_changes(tmp_path):
    source, target = tmp_path / "m.cif", tmp_path / "b.cif"
    source.write_text(rich_text())
    model = read_model(source)
    write_with_b(source, target, model, np.array([0.98765, math.nan, -0.25]), 150.0)
    before, after = content(block_of(source)), content(block_of(target))
    column = column_of(target, "B_iso_or_equiv")
    assert column == ["1.85", "1.85", "1.85", "150.00", "187.50", "20.0"]
    tags = next(tags for tags in after[1] if "_atom_site.id" in tags)
    at = tags.index("_atom_site.B_iso_or_equiv")
    for row in [*before[1][tags], *after[1][tags]]:
        row[at] = ""
    assert after == before
    atoms = [cra.atom for cra in gemmi.read_structure(str(target))[0].all()]
    assert sorted(a.b_iso for a in atoms) == pytest.approx([1.85, 1.85, 1.85, 150.0, 187.5])


def test_b_of_chains_that_were_not_asked_for_stays(tmp_path):
    source, target = tmp_path / "m.cif", tmp_path / "b.cif"
    source.write_text(cif([atom(number=1), atom(number=1, auth_asym_id="B"), atom("HA", number=1, type_symbol="H")]))
    model = read_model(source)
    write_with_b(source, target, model.take(model.chain == "A"), np.array([0.5]), 150.0)
    assert column_of(target, "B_iso_or_equiv") == ["75.00", "20.0", "75.00"]


def test_anisotropic_factors_of_atoms_with_a_new_b_are_gone(tmp_path):
    source, target = tmp_path / "m.cif", tmp_path / "b.cif"
    rows = [row | {"my_column": "?", "aniso_U[1][1]": f"0.{k}"} for k, row in enumerate(rich_rows(), 1)]
    source.write_text(cif(rows, extra=ANISOTROPIC))
    write_with_b(source, target, read_model(source), np.array([0.5, 0.5, 0.5]), 150.0)
    table = block_of(target).find("_atom_site_anisotrop.", ["id", "U[1][1]"])
    assert [list(row) for row in table] == [["6", "0.6"]], "of the other model"
    assert column_of(target, "aniso_U[1][1]") == ["?"] * 5 + ["0.6"]
    source.write_text(cif([atom(number=1)], extra="_atom_site_anisotrop.id 1\n_atom_site_anisotrop.U[1][1] 0.2\n"))
    write_with_b(source, target, read_model(source), np.array([0.5]), 150.0)
    assert not list(block_of(target).find_values("_atom_site_anisotrop.id"))
    assert gemmi.read_structure(str(target))[0][0][0][0].aniso.nonzero() is False


def test_b_of_a_pdb_file_with_numbers_of_its_own(tmp_path):
    """Anisotropic records follow their atoms through the renumbering of the file."""
    source, target = tmp_path / "m.pdb", tmp_path / "out.cif"
    lines = [pdb_line("N", number=1, serial=11), pdb_line("ZN", "ZN", 9, record="HETATM", serial=30, element="ZN")]
    aniso = "ANISOU   30 ZN    ZN A   9     1000   2000   3000      0      0      0      ZN  "
    source.write_text(pdb(*lines, aniso))
    model = read_model(source)
    write_with_q(source, target, model, np.array([0.5, 0.5]))
    assert list(block_of(target).find_values("_atom_site_anisotrop.id")) == ["30"]
    write_with_b(source, target, model, np.array([0.5, 1.0]), 60.0)
    assert sorted(column_of(target, "B_iso_or_equiv")) == ["0.00", "30.00"]
    assert not list(block_of(target).find_values("_atom_site_anisotrop.id"))


@pytest.mark.parametrize("without", [(), ("B_iso_or_equiv",)])
def test_b_of_one_atom_without_a_loop(tmp_path, without):
    row = atom(id=1)
    text = "data_one\n" + "".join(f"_atom_site.{tag} {row[tag]}\n" for tag in TAGS if tag not in without)
    model = read(tmp_path, text)
    write_with_b(tmp_path / "m.cif", tmp_path / "b.cif", model, np.array([0.5]), 150.0)
    assert block_of(tmp_path / "b.cif").find_value("_atom_site.B_iso_or_equiv") == "75.00"


def test_b_where_the_file_has_none(tmp_path):
    source, target = tmp_path / "m.cif", tmp_path / "b.cif"
    source.write_text(cif(rich_rows()[:1] + rich_rows()[4:], without=("B_iso_or_equiv",)))
    write_with_b(source, target, read_model(source), np.array([0.5, 0.0]), 150.0)
    assert column_of(target, "B_iso_or_equiv") == ["75.00", "150.00", "?"]


@pytest.mark.parametrize("factor", [0.0, -1.0, math.inf, math.nan])
def test_a_factor_of_b_is_positive(tmp_path, factor):
    model = read(tmp_path, cif([atom()]))
    with pytest.raises(ValueError, match="expected a positive number of Å²"):
        write_with_b(tmp_path / "m.cif", tmp_path / "b.cif", model, np.array([0.5]), factor)
    assert not (tmp_path / "b.cif").exists()


# ---- real files ----


def atoms_of(model):
    columns = (model.chain, model.number, model.icode, model.residue, model.atom, model.altloc, model.element)
    return [(*map(str, row[:7]), *row[7]) for row in zip(*columns, model.position.tolist(), strict=True)]


def atoms_of_twin(path):
    kept, dropped = naive.select_altlocs(naive.read_atoms(path))
    rows = [(a.chain, str(a.number), a.icode, a.resname, a.name, a.altloc, a.element, a.x, a.y, a.z) for a in kept]
    return rows, dropped


ODD = {
    "1igy_insertion_codes.cif": (10252, 0, 1),
    "1l2y_38_models.cif": (154, 0, 38),
    "1orc_altlocs.pdb": (553, 6, 1),
    "1v5a_two_models_first_truncated.cif": (67, 0, 2),
    "4i39_all_altlocs.cif": (987, 987, 1),
}


@pytest.mark.real
def test_the_odd_models_are_all_listed(real_data):
    assert {path.name for path in (real_data / "odd-models").iterdir()} == set(ODD)


@pytest.mark.real
@pytest.mark.parametrize("name", ODD)
def test_odd_models_are_read_as_the_twin_reads_them(real_data, name):
    path = real_data / "odd-models" / name
    model = read_model(path)
    expected, dropped = atoms_of_twin(path)
    assert atoms_of(model) == expected
    assert (len(model), model.n_altloc, model.n_models) == ODD[name]
    assert dropped == model.n_altloc


@pytest.mark.real
@pytest.mark.parametrize("name", ["3mfp.pdb", "3j06_box.pdb", "5khe.pdb", "3j6b_9.pdb", "7cec_A.cif"])
def test_real_models_are_read_as_the_twin_reads_them(real_data, name):
    path = real_data / "pairs" / name
    model = read_model(path)
    expected, dropped = atoms_of_twin(path)
    assert atoms_of(model) == expected
    assert model.n_altloc == dropped
    water = {str(a.number) for a in naive.read_atoms(path) if a.water}
    assert set(model.number[model.is_class("water")].tolist()) == water


@pytest.mark.real
def test_insertion_codes_are_residues(real_data):
    model = read_model(real_data / "odd-models" / "1igy_insertion_codes.cif")
    heavy = (model.chain == "B") & (model.number == "82")
    assert sorted(set(model.icode[heavy].tolist())) == ["", "A", "B", "C"]
    assert len(set(model.residue_index[heavy].tolist())) == 4


@pytest.mark.real
def test_a_later_model_of_a_real_file(real_data):
    path = real_data / "odd-models" / "1l2y_38_models.cif"
    first, last = read_model(path), read_model(path, model_number=38)
    assert labels(first) == labels(last)
    assert 0.1 < np.abs(first.position - last.position).max() < 50


@pytest.mark.real
def test_a_real_file_keeps_everything_but_q(real_data, tmp_path):
    path, target = real_data / "odd-models" / "4i39_all_altlocs.cif", tmp_path / "out.cif"
    model = read_model(path)
    q = np.round(np.random.default_rng(3).uniform(-1, 1, len(model)), 4)
    write_with_q(path, target, model, q)
    before, after = content(block_of(path)), content(block_of(target))
    loops, column = without_q(after[1])
    assert after[0] == before[0]
    assert loops == before[1]
    np.testing.assert_allclose([float(column[row]) for row in model.row], q, atol=1e-9)
    assert column.count("?") == len(column) - len(model)
