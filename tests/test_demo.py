"""The demonstration archive: layout, determinism, ideal geometry, symmetry, planted defects.

Files are checked on a subset that is built once; what holds for the table of entries is checked on the table.
"""

import datetime
import gzip
import json
import re
import struct
import zlib
from collections import Counter

import numpy as np
import pytest
from scipy.spatial import cKDTree

from qscore import apoferritin, clusters, demo
from qscore.documents import entry_facts
from qscore.synthetic import molecules, peptide
from qscore.synthetic.entries import ENTRIES
from qscore.synthetic.ligands import ligand
from qscore.synthetic.maps import MODES, symmetrise
from qscore.synthetic.models import ATOM_SITE
from qscore.synthetic.rna import rna_duplex

SUBSET = (8, 11, 13, 14, 16, 19, 20, 23, 24, 31, 33, *range(35, 42))
REBUILT = ("EMD-990026", "EMD-990038", "EMD-990041")
DEFECTS = {"partial", "shifted", "hand", "truncated", "missing", "no_atoms", "no_resolution"}
ITEM_SIZE = {0: 1, 1: 2, 2: 4, 12: 2}


def ids(numbers):
    return [f"EMD-{990000 + number}" for number in numbers]


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "archive"
    demo.build_archive(folder, only=ids(SUBSET))
    return folder


@pytest.fixture(scope="module")
def documents(archive):
    return [json.loads(path.read_text("utf-8")) for path in sorted((archive / "emdb/api/entry").iterdir())]


@pytest.fixture(scope="module")
def cage():
    return molecules.cage(ENTRIES[0], np.random.default_rng(1))


@pytest.fixture(scope="module")
def chain():
    """Backbone and records of an eight-helix chain."""
    torsions = peptide.solenoid(0, 7)
    main = peptide.backbone(torsions)
    dressed = peptide.dress(main, peptide.choose_sequence(main, torsions, np.random.default_rng(5)))
    return main, peptide.peptide_atoms(main, dressed, chain="A")


def map_path(archive, emdb_id):
    return archive / f"emdb/structures/{emdb_id}/map/{emdb_id.lower().replace('-', '_')}.map.gz"


def model_path(archive, pdb_id):
    return archive / f"pdb/data/structures/divided/mmCIF/{pdb_id[-3:-1]}/{pdb_id}.cif.gz"


def read_map(path):
    """Integer and real words of the header, and the data in (section, row, column)."""
    content = gzip.decompress(path.read_bytes())
    words, reals = struct.unpack("<256i", content[:1024]), struct.unpack("<256f", content[:1024])
    data = np.frombuffer(content[1024:], MODES[words[3]]).reshape(words[2::-1])
    return words, reals, data


def atom_rows(path):
    """The atom_site loop of a model: one list of values a row."""
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    return [line.replace('"', "").split() for line in lines if line.startswith(("ATOM", "HETATM"))]


def dihedral(a, b, c, d):
    """Torsion angle in degrees."""
    axis = (c - b) / np.linalg.norm(c - b)
    v, w = (a - b) - (a - b) @ axis * axis, (d - c) - (d - c) @ axis * axis
    return np.degrees(np.arctan2(np.cross(axis, v) @ w, v @ w))


# --- the table of entries ----------------------------------------------------------------------


def test_there_are_enough_entries_of_each_kind():
    good = [entry for entry in ENTRIES if not entry.defect]
    cages = [entry for entry in good if entry.kind == "cage"]
    assert len(good) >= 30
    assert len(cages) >= 10
    assert sum(entry.resolution < 1.6 for entry in cages) <= 2
    assert all(1.2 <= entry.resolution <= 8 for entry in ENTRIES)
    assert {entry.kind for entry in good} == {"cage", "protein", "rna", "rnp"}


def test_each_defect_is_planted_once():
    assert Counter(entry.defect for entry in ENTRIES if entry.defect) == Counter(DEFECTS)


def test_ids_are_unique_and_cannot_be_real_ones():
    assert len({entry.emdb_id for entry in ENTRIES}) == len(ENTRIES)
    assert all(re.fullmatch(r"EMD-9900\d\d", entry.emdb_id) for entry in ENTRIES)
    assert all(re.fullmatch(r"0s\d\d", entry.pdb_id) for entry in ENTRIES)


def test_maps_are_released_on_wednesdays_of_several_years():
    days = {datetime.date.fromisoformat(entry.released) for entry in ENTRIES}
    assert all(day.isoweekday() == 3 for day in days)
    assert len(days) >= 8
    assert len({day.year for day in days}) >= 5


def test_every_mode_and_the_awkward_frames_occur():
    assert {entry.mode for entry in ENTRIES} == {0, 1, 2, 12}
    assert len({entry.axes for entry in ENTRIES}) >= 5
    assert sum(any(entry.start) for entry in ENTRIES) >= 3
    assert any(entry.crop for entry in ENTRIES)
    assert all(2.5 <= entry.sampling <= 3 for entry in ENTRIES)


# --- files -------------------------------------------------------------------------------------


def test_the_layout_is_that_of_the_archives(archive):
    files = {str(path.relative_to(archive)) for path in archive.rglob("*") if path.is_file()}
    expected = {"README", "planted.json"}
    for number in SUBSET:
        entry = ENTRIES[number - 1]
        expected |= {f"emdb/api/entry/{entry.emdb_id}.json"}
        expected |= {str(map_path(archive, entry.emdb_id).relative_to(archive))}
        if entry.defect != "missing":
            expected |= {str(model_path(archive, entry.pdb_id).relative_to(archive))}
    assert files == expected


def test_nothing_is_left_beside_the_archive(archive):
    assert [path.name for path in archive.parent.iterdir()] == ["archive"]


def test_a_rebuilt_entry_has_the_same_bytes(archive, tmp_path):
    demo.build_archive(tmp_path / "again", only=[*REBUILT, "EMD-990011"])
    again = [path for path in (tmp_path / "again/emdb").rglob("*") if path.is_file()]
    again += [path for path in (tmp_path / "again/pdb").rglob("*") if path.is_file()]
    compared = 0
    for path in again:
        first = archive / path.relative_to(tmp_path / "again")
        if first.exists():
            assert path.read_bytes() == first.read_bytes()
            compared += 1
    assert compared == 9


def test_another_seed_is_another_archive(archive, tmp_path):
    demo.build_archive(tmp_path / "other", only=["EMD-990041"], seed=1)
    first, other = (map_path(folder, "EMD-990041").read_bytes() for folder in (archive, tmp_path / "other"))
    assert first != other


def test_gzip_files_hold_no_name_and_no_time(archive):
    for path in archive.rglob("*.gz"):
        head = path.read_bytes()[:10]
        assert head[:4] == b"\x1f\x8b\x08\x00"
        assert head[4:8] == bytes(4)


def test_progress_is_told(tmp_path):
    told = []
    demo.build_archive(tmp_path / "a", only=["EMD-990041"], progress=lambda *step: told.append(step))
    assert told == [(0, 1, "EMD-990041"), (1, 1, "done")]


def test_a_filled_folder_is_left_alone(tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="not an empty folder"):
        demo.build_archive(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_empty_folder_is_filled(tmp_path):
    demo.build_archive(tmp_path / ".", only=["EMD-990041"])
    assert (tmp_path / "README").is_file()


def test_an_unknown_entry_is_refused(tmp_path):
    with pytest.raises(ValueError, match="EMD-1"):
        demo.build_archive(tmp_path / "a", only=["EMD-1"])
    assert not list(tmp_path.iterdir())


# --- documents ---------------------------------------------------------------------------------


def test_every_document_says_synthetic(archive, documents):
    assert "synthetic" in (archive / "README").read_text("utf-8")
    for document in documents:
        assert "Synthetic" in document["admin"]["title"]
        assert "synthetic" in document["sample"]["name"]["valueOf_"]
    for path in archive.rglob("*.cif.gz"):
        assert b"Synthetic" in gzip.decompress(path.read_bytes())[:400]


def test_documents_speak_as_emdb_does(documents):
    for document in documents:
        (model,) = document["crossreferences"]["pdb_list"]["pdb_reference"]
        determination = document["structure_determination_list"]["structure_determination"][0]
        reconstruction = determination["image_processing"][0]["final_reconstruction"]
        assert model["relationship"]["in_frame"] == "FULLOVERLAP"
        assert determination["method"] == "singleParticle"
        assert document["admin"]["current_status"]["code"]["valueOf_"] == "REL"
        if "resolution" in reconstruction:
            assert isinstance(reconstruction["resolution"]["valueOf_"], str)
            assert reconstruction["resolution_method"] == "FSC 0.143 CUT-OFF"


def test_only_the_entry_without_resolution_has_none(documents):
    def final(document):
        determination = document["structure_determination_list"]["structure_determination"][0]
        return determination["image_processing"][0]["final_reconstruction"]

    assert [d["emdb_id"] for d in documents if "resolution" not in final(d)] == ["EMD-990041"]


def test_cages_are_known_by_name_copies_and_point_group(documents):
    for document in (d for d in documents if d["emdb_id"] in ids((8, 11))):
        molecule = document["sample"]["macromolecule_list"]["macromolecule"][0]
        determination = document["structure_determination_list"]["structure_determination"][0]
        reconstruction = determination["image_processing"][0]["final_reconstruction"]
        assert molecule["number_of_copies"] == "24"
        assert "apoferritin-like cage (synthetic)" in molecule["name"]["valueOf_"]
        assert reconstruction["applied_symmetry"]["point_group"] == "O"


def test_cages_are_members_by_accession_and_some_by_name(documents):
    reasons = {}
    for document in documents:
        facts = entry_facts(document)
        reasons[facts["emdb_id"]] = apoferritin.membership(facts)
    assert {key: reason for key, reason in reasons.items() if reason} == {
        "EMD-990008": "ferritin in the name and point group O",
        "EMD-990011": "UniProt P09528, 24 copies, point group O",
    }


def test_documents_tell_dates_papers_and_programs(documents):
    for document in documents:
        facts = entry_facts(document)
        assert facts["deposition"] < facts["map_release"] == facts["update"]
        assert facts["software"] == "qscore demo"
        part = (int(facts["emdb_id"][-2:]) // 3) + 1
        assert facts["doi"] == ("" if part % 2 else f"10.5555/qscore.demo.{part}")
        assert facts["map_stamp"] and facts["map_grid"] and facts["map_mb"] > 0
    named = clusters.publications(map(entry_facts, documents)).values()
    assert {name.split(":")[0] for name in named} >= {"doi", "authors"}


def test_documents_agree_with_their_maps(archive, documents):
    for document in documents:
        if document["emdb_id"] == "EMD-990038":
            continue
        words, reals, data = read_map(map_path(archive, document["emdb_id"]))
        described = document["map"]
        assert tuple(described["dimensions"][k] for k in ("col", "row", "sec")) == words[:3]
        assert tuple(described["origin"][k] for k in ("col", "row", "sec")) == words[4:7]
        assert tuple(described["spacing"][k] for k in "xyz") == words[7:10]
        assert described["size_kbytes"] == (1024 + data.size * ITEM_SIZE[words[3]]) // 1000
        assert described["statistics"]["maximum"] == pytest.approx(reals[20], rel=1e-6)
        assert [described["axis_order"][k] for k in ("fast", "medium", "slow")] == [" XYZ"[k] for k in words[16:19]]
        voxel = [float(described["pixel_spacing"][k]["valueOf_"]) for k in "xyz"]
        np.testing.assert_allclose(np.divide(reals[10:13], words[7:10]), voxel, rtol=1e-5)


# --- maps --------------------------------------------------------------------------------------


def test_headers_are_whole(archive):
    for number in set(SUBSET) - {38}:
        entry = ENTRIES[number - 1]
        words, reals, data = read_map(map_path(archive, entry.emdb_id))
        assert words[3] == entry.mode
        assert words[16:19] == entry.axes
        assert words[49:52] == (0, 0, 0)
        assert struct.pack("<2i", *words[52:54]) == b"MAP DD\0\0"
        statistics = [f(data.astype(float)) for f in (np.min, np.max, np.mean, np.std)]
        np.testing.assert_allclose([*reals[19:22], reals[54]], statistics, rtol=1e-5, atol=1e-6)
        assert np.isfinite(data).all()


def test_the_cropped_map_is_smaller_than_its_cell(archive):
    words, _, _ = read_map(map_path(archive, "EMD-990008"))
    assert all(n < m for n, m in zip(words[:3], words[7:10], strict=True))
    assert all(start > 0 for start in words[4:7])


def test_atoms_lie_on_density_in_the_frame_of_emdb(archive):
    """position = (N*START + index) × cell / M, whatever the axis order; far above the map's mean."""
    for number in (8, 11, 13, 14, 16, 19, 20, 23, 33):
        entry = ENTRIES[number - 1]
        words, reals, data = read_map(map_path(archive, entry.emdb_id))
        rows = [r for r in atom_rows(model_path(archive, entry.pdb_id)) if r[3] in ("CA", "P")]
        xyz = np.array([row[10:13] for row in rows], float)
        file_axes = [axis - 1 for axis in entry.axes]
        index = np.round(xyz / np.divide(reals[10:13], words[7:10])).astype(int)[:, file_axes] - words[4:7]
        assert (index > 3).all()
        assert (index < np.array(words[:3]) - 4).all()
        values = data[tuple(index[:, ::-1].T)].astype(float)
        assert (values.mean() - data.astype(float).mean()) / data.astype(float).std() > 2


def test_the_contour_encloses_some_of_the_box(archive, documents):
    for document in (d for d in documents if d["emdb_id"] != "EMD-990038"):
        (contour,) = document["map"]["contour_list"]["contour"]
        _, _, data = read_map(map_path(archive, document["emdb_id"]))
        assert contour["primary"]
        assert 0.01 < np.mean(data.astype(float) > contour["level"]) < 0.5


# --- defects -----------------------------------------------------------------------------------


def truth(archive, defect):
    (record,) = [r for r in json.loads((archive / "planted.json").read_text("utf-8")) if r["defect"] == defect]
    return record


def test_the_truncated_map_ends_early(archive):
    with pytest.raises(EOFError), gzip.open(map_path(archive, truth(archive, "truncated")["emdb_id"])) as stream:
        stream.read()
    whole = zlib.decompressobj(31).decompress(map_path(archive, "EMD-990038").read_bytes())
    assert struct.unpack("<4i", whole[:16])[3] == 2


def test_the_missing_model_is_named_but_absent(archive, documents):
    record = truth(archive, "missing")
    (document,) = [d for d in documents if d["emdb_id"] == record["emdb_id"]]
    assert document["crossreferences"]["pdb_list"]["pdb_reference"][0]["pdb_id"] == record["pdb_id"]
    assert not model_path(archive, record["pdb_id"]).exists()


def test_the_empty_model_has_no_atoms(archive):
    text = gzip.decompress(model_path(archive, truth(archive, "no_atoms")["pdb_id"]).read_bytes())
    assert text.startswith(b"data_0S40")
    assert b"atom_site" not in text


def test_the_planted_domain_is_a_run_of_one_chain_with_high_b(archive):
    record = truth(archive, "partial")
    rows = [r for r in atom_rows(model_path(archive, record["pdb_id"])) if r[17] == record["chain"] and r[3] == "CA"]
    number, b = np.array([int(r[15]) for r in rows]), np.array([float(r[14]) for r in rows])
    inside = (number >= record["first"]) & (number <= record["last"])
    assert 100 <= inside.sum() <= 130
    assert b[inside].min() > b[~inside].max() + 0.5 * record["added_b"]


def test_the_shifted_model_and_the_other_hand_undo_to_a_fit(archive):
    shift = np.array(truth(archive, "shifted")["shift"])
    assert 3 < np.linalg.norm(shift) < 10
    assert truth(archive, "hand")["mirrored_axis"] == "z"
    for emdb_id, move, flip in (("EMD-990036", shift, 1), ("EMD-990037", 0.0, -1)):
        words, reals, data = read_map(map_path(archive, emdb_id))
        rows = [r for r in atom_rows(model_path(archive, "0s" + emdb_id[-2:])) if r[3] == "CA"]
        xyz, step = np.array([row[10:13] for row in rows], float), reals[10] / words[7]
        assert z_score(data, xyz, step) < 0.6 * z_score(data[::flip], xyz - move, step)


def z_score(data, xyz, step):
    index = np.round(xyz / step).astype(int)
    values = data[tuple(index[:, ::-1].T)].astype(float)
    return (values.mean() - data.astype(float).mean()) / data.astype(float).std()


# --- molecules ---------------------------------------------------------------------------------


def test_the_cage_has_the_symmetry_of_o(cage):
    rotations = molecules.octahedral_rotations()
    tree = cKDTree(cage["xyz"])
    assert len(rotations) == 24
    for rotation in rotations:
        distance, partner = tree.query(cage["xyz"] @ rotation.T)
        assert distance.max() < 1e-6
        assert (cage["name"][partner] == cage["name"]).all()


def test_the_cage_is_small_and_without_clashes(cage):
    assert len(cage) <= 8000
    assert np.linalg.norm(cage["xyz"], axis=1).max() < 45
    assert len(set(cage["chain"])) == 24
    pairs = cKDTree(cage["xyz"]).query_pairs(3.0, output_type="ndarray")
    assert (cage["chain"][pairs[:, 0]] == cage["chain"][pairs[:, 1]]).all()


def test_symmetrised_noise_is_white_and_symmetric():
    field = symmetrise(np.random.default_rng(2).standard_normal((48, 48, 48), dtype=np.float32))
    assert field.std() == pytest.approx(1.0, abs=0.05)
    np.testing.assert_allclose(field, field.transpose(1, 2, 0), atol=1e-5)
    quarter = np.roll(np.flip(field.transpose(0, 2, 1), 1), 1, axis=1)
    np.testing.assert_allclose(field, quarter, atol=1e-5)


def test_backbone_geometry_is_ideal(chain):
    main, _ = chain
    n, ca, c, o, cb = main.transpose(1, 0, 2)
    for first, second, bond in ((n, ca, 1.458), (ca, c, 1.525), (c, o, 1.231), (ca, cb, 1.53), (c[:-1], n[1:], 1.329)):
        np.testing.assert_allclose(np.linalg.norm(first - second, axis=1), bond, atol=1e-6)


def test_peptide_bonds_are_trans(chain):
    main, _ = chain
    omega = [dihedral(main[i, 1], main[i, 2], main[i + 1, 0], main[i + 1, 1]) for i in range(len(main) - 1)]
    assert (np.abs(omega) > 179.9).all()


def test_amino_acids_are_l(chain):
    main, _ = chain
    n, ca, c, _, cb = main.transpose(1, 0, 2)
    assert (np.einsum("ij,ij->i", n - ca, np.cross(c - ca, cb - ca)) > 2).all()


def test_chiral_side_chains_have_the_right_hand():
    """Cβ of threonine is R, of isoleucine S (IUPAC)."""
    main = peptide.backbone([peptide.HELIX] * 3)[1]
    for code, order, sign in (("THR", ("OG1", "CA", "CG2"), -1), ("ILE", ("CA", "CG1", "CG2"), 1)):
        atoms = {"CA": main[1], **peptide.side_chain(code, main, peptide.ROTAMERS[code][0])}
        a, b, c = (np.array(atoms[name]) - main[4] for name in order)
        assert sign * (a @ np.cross(b, c)) > 1


@pytest.mark.parametrize("code", sorted(peptide.ROTAMERS))
def test_side_chains_have_covalent_distances(code):
    main = peptide.backbone([peptide.HELIX] * 3)[1]
    for chis in peptide.ROTAMERS[code]:
        xyz = np.array([main[1], main[4], *peptide.side_chain(code, main, chis).values()])
        distance, _ = cKDTree(xyz).query(xyz, k=2)
        assert (distance[:, 1] > 1.2).all()
        assert (distance[:, 1] < 1.85).all()
        assert len(cKDTree(xyz).query_pairs(2.0)) >= len(xyz) - 1


def test_helices_pack_without_clashes(chain):
    _, atoms = chain
    pairs = cKDTree(atoms["xyz"]).query_pairs(2.65, output_type="ndarray")
    assert (np.abs(np.subtract(*atoms["number"][pairs].T)) <= 1).all()
    ca = atoms["xyz"][atoms["name"] == "CA"]
    assert np.linalg.norm(ca - ca.mean(axis=0), axis=1).max() < 35


def test_rna_is_paired_and_continuous():
    atoms = rna_duplex("GACUGC")
    at = {(a["chain"], int(a["number"]), a["name"]): a["xyz"] for a in atoms}
    for chain in "AB":
        links = [np.linalg.norm(at[chain, k, "O3'"] - at[chain, k + 1, "P"]) for k in range(1, 6)]
        np.testing.assert_allclose(links, 1.607, atol=0.04)
    assert np.linalg.norm(at["A", 1, "N1"] - at["B", 6, "N3"]) == pytest.approx(2.9, abs=0.15)
    assert np.linalg.norm(at["A", 2, "N1"] - at["B", 5, "N3"]) == pytest.approx(2.9, abs=0.15)
    pairs = cKDTree(atoms["xyz"]).query_pairs(2.6, output_type="ndarray")
    near = atoms[pairs]
    assert (near["chain"][:, 0] == near["chain"][:, 1]).all()


def test_rna_has_the_torsions_of_the_a_form():
    atoms = rna_duplex("GACUGC")
    at = {(a["chain"], int(a["number"]), a["name"]): a["xyz"] for a in atoms}

    def torsion(*names):
        return dihedral(*(at["A", number, name] for number, name in names))

    assert torsion((2, "O3'"), (3, "P"), (3, "O5'"), (3, "C5'")) == pytest.approx(-68, abs=8)
    assert torsion((3, "C5'"), (3, "C4'"), (3, "C3'"), (3, "O3'")) == pytest.approx(82, abs=4)
    assert torsion((2, "C3'"), (2, "O3'"), (3, "P"), (3, "O5'")) == pytest.approx(-71, abs=8)


@pytest.mark.parametrize(("code", "atoms", "bonds"), [("SO4", 5, 4), ("GOL", 6, 5), ("BEN", 9, 9), ("ATP", 31, 33)])
def test_ligands_are_bonded_as_they_should_be(code, atoms, bonds):
    names, xyz = ligand(code)
    assert len(set(names)) == atoms
    assert len(cKDTree(xyz).query_pairs(1.85)) == bonds
    assert not cKDTree(xyz).query_pairs(1.15)


def test_models_hold_what_a_survey_must_handle(archive):
    rows = {n: atom_rows(model_path(archive, ENTRIES[n - 1].pdb_id)) for n in (8, 13, 14, 16, 19, 20, 24, 31, 33)}
    assert any(r[2] == "H" for r in rows[13])
    assert {r[4] for r in rows[14]} == {".", "A", "B"}
    assert {"NAG", "HOH"} <= {r[5] for r in rows[16]}
    assert {r[15] for r in rows[16] if r[8] == "1"} == {"21"}
    assert {"ZN"} <= {r[2] for r in rows[19]}
    assert {r[17] for r in rows[20]} == {"AA", "AB", "AC", "AD"}
    assert len({r[14] for r in rows[24]}) == 1
    assert {"A", "C", "G", "U", "MG", "HOH"} <= {r[5] for r in rows[31]}
    assert {"ALA", "G"} <= {r[5] for r in rows[33]}
    assert len({r[17] for r in rows[8]}) == 24


def test_label_and_author_ids_are_consistent(archive):
    rows = atom_rows(model_path(archive, "0s16"))
    assert all(len(row) == len(ATOM_SITE.split()) for row in rows)
    assert [int(row[1]) for row in rows] == list(range(1, len(rows) + 1))
    assert all((row[8] == ".") == (row[0] == "HETATM") for row in rows)
    waters = {row[6] for row in rows if row[5] == "HOH"}
    assert not waters & {row[6] for row in rows if row[5] != "HOH"}


def test_molecules_of_one_entry_do_not_touch(archive):
    for pdb_id in ("0s14", "0s19", "0s20", "0s33"):
        rows = [r for r in atom_rows(model_path(archive, pdb_id)) if r[4] != "B"]
        xyz, asym = np.array([r[10:13] for r in rows], float), np.array([r[6] for r in rows])
        near = asym[cKDTree(xyz).query_pairs(2.0, output_type="ndarray")]
        assert (near[:, 0] == near[:, 1]).all()
