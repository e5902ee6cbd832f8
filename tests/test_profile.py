"""Profiles of atoms: what Q is reckoned from, by distance, as a table and as a figure."""

import csv
import json

import mapbytes
import numpy as np
import pytest
from pairs import random_atoms, smooth_map
from test_score import gaussian_map

from qscore import cli, files, profile, radial, tables
from qscore.address import atoms_at, atoms_of, name_of
from qscore.density import whole_grid
from qscore.model import Model, read_model
from qscore.probes import METHOD, reference_gaussian
from qscore.score import score_atoms

STEP = 0.9


@pytest.fixture(scope="module")
def scene():
    """A smooth random map and 60 atoms, some of them crowded, one at an edge of the map and one outside."""
    rng = np.random.default_rng(21)
    values = smooth_map(rng, (30, 32, 34))
    high = (np.array(values.shape[::-1]) - 1) * STEP
    atoms = random_atoms(rng, np.full(3, 3.0), high - 3.0, 54)
    crowd = atoms[0] + 0.7 * np.vstack([np.eye(3), -np.eye(3)])  # nothing 2 Å from the first atom is nearest to it
    return whole_grid(values, step=STEP), np.vstack([atoms, crowd, [[0.4, 9.0, 9.0]], [[-5.0, 9.0, 9.0]]])


def q_again(n, mean, squares, sigma):
    """Q from the points of each shell, their mean and the squares about it, and nothing else."""
    used = n > 0
    n, mean, squares, g = n[used], mean[used], squares[used], reference_gaussian(sigma)[used]
    v_mean, g_mean = np.average(mean, weights=n), np.average(g, weights=n)
    with_g = (n * (mean - v_mean) * (g - g_mean)).sum()
    of_v = squares.sum() + (n * (mean - v_mean) ** 2).sum()
    return with_g / np.sqrt(of_v * (n * (g - g_mean) ** 2).sum())


@pytest.mark.parametrize("sigma", [0.4, 0.6])
def test_q_from_the_profile_is_the_kernels(scene, sigma):
    density, atoms = scene
    found = profile.profiles(density, atoms, np.arange(len(atoms)), sigma=sigma)
    scores = score_atoms(density, atoms, sigmas=(sigma,))
    np.testing.assert_array_equal(found.q, scores.q[:, 0])
    again = [q_again(found.n[k], found.mean[k], found.squares[k], sigma) for k in range(len(atoms) - 1)]
    np.testing.assert_allclose(again, found.q[:-1], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found.n.sum(axis=1), scores.sampled[:, 0])
    assert (found.n[:, 0] == [*[METHOD.points] * (len(atoms) - 1), 0]).all()
    assert found.n[0, -1] == 0


def test_centre_and_contrast_are_those_of_the_scores(scene):
    density, atoms = scene
    found, scores = profile.profiles(density, atoms, np.arange(len(atoms))), score_atoms(density, atoms)
    np.testing.assert_array_equal(found.mean[:, 0], scores.density)
    np.testing.assert_allclose(found.mean[:, 0] - found.mean[:, -1], scores.contrast, rtol=0, atol=1e-12)
    assert np.isnan(scores.contrast[:-1]).tolist() == (found.n[:-1, -1] == 0).tolist()


def test_an_atom_outside_has_no_points(scene):
    density, atoms = scene
    found = profile.profiles(density, atoms, np.array([len(atoms) - 1]))
    assert found.n.sum() == 0
    assert np.isnan([found.q[0], found.mean[0, 0], found.reference[0, 0], found.sd[0, 0]]).all()


def test_a_gaussian_atom_lies_on_its_reference():
    centre = np.array([5.0, 5.05, 4.9])
    found = profile.profiles(gaussian_map(centre, 0.4, step=0.1, n=101), centre[None], np.array([0]), sigma=0.4)
    gaussian = np.exp(-0.5 * (found.radii / 0.4) ** 2)
    np.testing.assert_allclose(found.mean[0], gaussian, atol=0.02)
    np.testing.assert_allclose(found.reference[0], gaussian, atol=0.02)
    assert found.sd.max() < 0.01
    assert (found.n == METHOD.points).all()


def test_the_reference_is_least_squares(scene):
    """No other a and b come nearer to the points, and the correlation with it is |Q|."""
    density, atoms = scene
    found = profile.profiles(density, atoms, np.arange(20))
    g = reference_gaussian(0.4)
    for k in range(20):
        used = found.n[k] > 0
        a, b = np.linalg.lstsq(
            np.sqrt(found.n[k][used])[:, None] * np.stack([np.ones(used.sum()), g[used]], axis=1),
            np.sqrt(found.n[k][used]) * found.mean[k][used],
            rcond=None,
        )[0]
        np.testing.assert_allclose(found.reference[k], a + b * g, atol=1e-12)
        assert np.sign(b) == np.sign(found.q[k])
    np.testing.assert_array_equal(found.reference_at(found.radii), found.reference)


@pytest.mark.parametrize(("factor", "offset"), [(2.0, 0.0), (0.5, 3.0)])
def test_a_profile_follows_the_scale_of_the_map(scene, factor, offset):
    density, atoms = scene
    other = whole_grid(factor * density.values + offset, step=STEP)
    one, two = (profile.profiles(d, atoms, np.arange(30)) for d in (density, other))
    np.testing.assert_allclose(two.mean, factor * one.mean + offset, atol=2e-5)
    np.testing.assert_allclose(two.sd, factor * one.sd, atol=2e-5)
    np.testing.assert_allclose(two.reference, factor * one.reference + offset, atol=2e-5)


def test_together_is_all_points_at_once():
    rng = np.random.default_rng(3)
    groups = [rng.normal(k, 1 + k, 5 + k) for k in range(4)]
    n, mean, squares = (
        np.array([[f(g)] for g in groups]) for f in (len, np.mean, lambda g: ((g - g.mean()) ** 2).sum())
    )
    every = np.concatenate(groups)
    with_none = (np.vstack([n, [[0]]]), np.vstack([mean, [[np.nan]]]), np.vstack([squares, [[0.0]]]))
    found = profile.together(*with_none)
    assert found[0] == len(every)
    assert found[1] == pytest.approx(every.mean())
    assert found[2] == pytest.approx(((every - every.mean()) ** 2).sum())


# ---- addresses ----


def small_model(rows):
    """Chain, number, insertion code, residue, atom, alternate location."""
    text = [np.array(column) for column in zip(*rows, strict=True)]
    n, blank = len(rows), np.zeros(len(rows))
    return Model(
        np.zeros((n, 3)), text[1], *text, np.array([row[4][0] for row in rows]), blank, blank,
        blank, blank.astype(np.int8), blank > 0, np.arange(n), np.arange(n),
    )  # fmt: skip


ROWS = [
    ("A", "3", "", "ALA", "N", ""), ("A", "3", "", "ALA", "CA", ""), ("A", "4", "", "SER", "OG", "A"),
    ("A", "4", "B", "GLY", "CA", ""), ("A", "5", "", "GLY", "CA", ""), ("A", "9", "", "GLY", "CA", ""),
    ("BB", "-1", "", "DA", "O5'", ""), ("", "1", "", "HOH", "O", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("A/3/CA", [1]), ("A/3", [0, 1]), ("A/4/OG", [2]), ("A/4/OG.A", [2]), ("A/4B/CA", [3]), ("A/4B", [3]),
        ("BB/-1/O5'", [6]), ("/1/O", [7]),
    ],
)  # fmt: skip
def test_addresses(address, found):
    assert atoms_at(small_model(ROWS), address).tolist() == found


def test_several_addresses_name_each_atom_once_and_names_lead_back():
    model = small_model(ROWS)
    assert atoms_of(model, ["A/3/CA", "A/3", "A/4"]).tolist() == [1, 0, 2]
    for k in range(len(model)):
        assert atoms_at(model, name_of(model, k)).tolist() == [k]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("A", "not the address of an atom"), ("A/x/CA", "not the address"), ("A/3/", "not the address"),
        ("A/3/CA/1", "not the address"), ("", "not the address"),
        ("B/3/CA", "no chain B; there are A, BB, one without a name"),
        ("A/6/CA", "no residue 6; chain A has 3–4, 4B, 5, 9"),
        ("A/4C", "no residue 4C; chain A has"),
        ("A/3/CB", "no atom CB scored in ALA A/3; it has N, CA"),
        ("A/4/OG.B", "no atom OG.B scored in SER A/4; it has OG.A"),
    ],
)  # fmt: skip
def test_addresses_of_nothing(address, said):
    with pytest.raises(ValueError) as trouble:
        atoms_at(small_model(ROWS), address)
    assert str(trouble.value).startswith(f"{address}: ")
    assert said in str(trouble.value)


def test_long_lists_are_cut():
    rows = [("A", str(n), "", "GLY", "CA", "") for n in range(0, 900, 2)]
    with pytest.raises(ValueError, match=r", …$") as trouble:
        atoms_at(small_model(rows), "A/1")
    assert len(str(trouble.value)) < 260


# ---- the command ----

TAGS = "group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_seq_id Cartn_x Cartn_y Cartn_z auth_seq_id auth_asym_id".split()  # noqa: SIM905, E501


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A map of blobs and a model on them: two residues, a water, an atom outside."""
    folder = tmp_path_factory.mktemp("profile")
    sites = np.array([[6, 6, 6], [9, 6, 6], [6, 9, 6], [9, 9, 6], [6, 6, 9.5], [10, 10, 10], [40, 6, 6]], dtype=float)
    z, y, x = np.mgrid[:17, :17, :17]
    r2 = ((np.stack([x, y, z], axis=-1)[..., None, :] - sites) ** 2).sum(axis=-1)
    mapbytes.write(folder / "m.map", np.exp(-r2 / 0.6).sum(axis=-1) + 0.01 * np.sin(x + 2 * y + 3 * z))
    names = [("N", "ALA", 1), ("CA", "ALA", 1), ("C", "ALA", 1), ("CB", "ALA", 1), ("CA", "GLY", 2), ("O", "HOH", 7),
             ("CA", "GLY", 3)]  # fmt: skip
    rows = [
        f"ATOM {k} {atom[0]} {atom} . {residue} A {number} {' '.join(map(str, site))} {number} A"
        for k, ((atom, residue, number), site) in enumerate(zip(names, sites, strict=True), 1)
    ]
    text = ["data_tiny", "loop_", *(f"_atom_site.{tag}" for tag in TAGS), *rows]
    (folder / "m.cif").write_text("\n".join(text) + "\n")
    return folder / "m.map", folder / "m.cif"


def run(capsys, pair, *arguments):
    capsys.readouterr()
    code = cli.main(["profile", *map(str, (*pair, *arguments))])
    return code, *capsys.readouterr()


def read_tsv(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"))


def test_the_command_gives_what_the_scorer_gives(pair, capsys):
    found = json.loads(run(capsys, pair, "A/1/CA", "A/7", "--json")[1])
    assert [one["name"] for one in found["profiles"]] == ["A/1/CA", "A/7/O"]
    model = read_model(pair[1])
    from qscore.density import read_density

    scores = score_atoms(read_density(pair[0]), model.position, sigmas=(0.4,))
    assert [one["q"] for one in found["profiles"]] == pytest.approx(scores.q[[1, 5], 0].tolist(), abs=1e-9)
    assert [one["mean"][0] for one in found["profiles"]] == pytest.approx(scores.density[[1, 5]].tolist())
    assert found["radii"] == METHOD.radii.tolist()


def test_the_printed_table(pair, capsys):
    code, out, err = run(capsys, pair, "A/1/CA", "A/3/CA")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].strip() == "m.cif in m.map"
    assert any(line.startswith("ALA A/1/CA   Q 0.") for line in lines)
    assert any(line.startswith("GLY A/3/CA   Q not scored") for line in lines)
    assert sum(line.startswith("0.4 Å") for line in lines) == 2
    assert lines[-1].startswith("reference: a + b exp")
    many = run(capsys, pair, "A/1", "A/2", "A/7")[1].splitlines()
    assert len(many) == 2 + 6 + 1
    assert many[2].startswith("ALA A/1/N ")


def test_types(pair, capsys, tmp_path):
    code, out, _ = run(capsys, pair, "--by-type", "--table", tmp_path / "t.tsv")
    assert code == 0
    assert [line.split("  ")[0] for line in out.splitlines()[2:-1]] == [
        "protein backbone C", "protein backbone N", "protein side chain C", "water O",
    ]  # fmt: skip
    found = profile.of_pair(*pair)
    model = read_model(pair[1])
    atoms = profile.of_pair(*pair, [name_of(model, k) for k in range(len(model))])
    mine = [k for k, about in enumerate(atoms.about) if (about["part"], about["element"]) == ("backbone", "C")]
    assert found.q[0] == pytest.approx(np.nanmean(atoms.q[mine]))
    assert found.n[0].tolist() == atoms.n[mine].sum(axis=0).tolist()
    assert found.mean[0, 0] == pytest.approx(np.nanmean(atoms.mean[mine, 0]))
    assert (found.about[0]["n_atoms"], found.about[0]["n_scored"]) == (4, 3)
    rows = read_tsv(tmp_path / "t.tsv")
    assert list(rows[0]) == tables.PROFILES.names
    assert len(rows) == 4 * len(METHOD.radii)


def test_the_table_holds_the_numbers(pair, capsys, tmp_path):
    run(capsys, pair, "A/1/CA", "A/3/CA", "--table", tmp_path / "t.tsv", "--sigma", "0.6")
    rows = read_tsv(tmp_path / "t.tsv")
    found = profile.of_pair(*pair, ["A/1/CA"], sigma=0.6)
    assert [float(row["mean"]) for row in rows[:21]] == pytest.approx(found.mean[0].tolist(), rel=1e-5)
    assert [float(row["reference"]) for row in rows[:21]] == pytest.approx(found.reference[0].tolist(), rel=1e-5)
    assert [int(row["n_points"]) for row in rows] == [*found.n[0].tolist(), *[0] * 21]
    assert {row["sigma"] for row in rows} == {"0.6"}
    assert {row["q"] for row in rows[21:]} == {""}


def lines_of(axes):
    return {line.get_gid(): line for line in axes.get_lines()}


def test_the_figure_draws_the_numbers(pair):
    found = profile.of_pair(*pair, ["A/1", "A/7", "A/3"])
    figure = radial.profile_panels(found, "m.cif in m.map")
    panels = [axes for axes in figure.axes if "mean" in lines_of(axes)]
    assert [axes.get_title(loc="left") for axes in panels] == [
        *(f"ALA A/1/{name}   Q {found.q[k]:.2f}" for k, name in enumerate(("N", "CA", "C", "CB"))),
        f"HOH A/7/O   Q {found.q[4]:.2f}",
        "GLY A/3/CA   not scored",
    ]
    for k, axes in enumerate(panels):
        drawn = lines_of(axes)
        np.testing.assert_array_equal(drawn["mean"].get_ydata(), found.mean[k])
        assert drawn["reference"].get_color() == "black"
        assert axes.get_ylim() == panels[0].get_ylim()
        (bars,) = (one for one in axes.collections if one.get_gid() == "points")
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        assert set(ends[:, 0]) == {axes.get_ylim()[0]}
        height = np.ptp(axes.get_ylim()) / radial.BARS
        np.testing.assert_allclose(np.diff(ends)[:, 0] * found.n[:5].max() / height, found.n[k], atol=1e-9)
        assert bars.get_label() == f"points sampled (at most {found.n.max()})"


def test_more_atoms_than_panels_are_said():
    n = np.full((30, 21), 8)
    about = tuple({"name": f"A/{k}/CA", "residue": "GLY"} for k in range(30))
    figure = radial.profile_panels(profile.Profiles(n, np.ones((30, 21)), n * 0.1, np.full(30, 0.5), 0.4, about))
    assert figure.get_suptitle().strip() == f"({30 - radial.MOST_PANELS} more not shown)"


@pytest.mark.parametrize(("name", "magic"), [("p.png", b"\x89PNG"), ("p.svg", b"<?xml"), ("a.b.PDF", b"%PDF")])
def test_figures_are_the_same_bytes_each_time(pair, tmp_path, name, magic):
    found = profile.of_pair(*pair, ["A/1/CA"])
    for folder in ("one", "two"):
        files.write_profiles(found, figure=tmp_path / folder / name, title="t")
    one, two = (next((tmp_path / folder).iterdir()).read_bytes() for folder in ("one", "two"))
    assert one == two
    assert one.startswith(magic)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("A/1/CA", "--out", "p.gif"), 1, "p.gif: a figure's file name ends in .png, .svg or .pdf"),
        (("Z/1/CA",), 1, "Z/1/CA: no chain Z; there are A"),
        (("A/3/CA",), 1, "m.cif: none of the atoms asked for lies inside m.map"),
        ((), 2, "Give atoms, as A/335/OD1, or --by-type, and not both. (see qscore profile --help)"),
        (("A/1", "--by-type"), 2, "Give atoms, as A/335/OD1, or --by-type, and not both. (see qscore profile --help)"),
        (("A/1", "--sigma", "0"), 1, "--sigma 0: not a positive number of Å"),
    ],
)
def test_mistakes_are_one_line(pair, capsys, tmp_path, monkeypatch, arguments, code, said):
    monkeypatch.chdir(tmp_path)
    assert run(capsys, pair, *arguments) == (code, "", f"qscore: {said}\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.real
def test_two_carboxylate_oxygens_of_apoferritin(real_data):
    """As the publication's Figure 1A: one falls like a Gaussian, one does not."""
    pair = real_data / "pairs" / "emd_20026_crop.mrc", real_data / "pairs" / "3ajo_fitted.pdb"
    found = profile.of_pair(*pair, ["A/67/OE2", "A/92/OD1"])
    assert found.q[0] > 0.85
    assert found.q[1] < 0
    fall = found.mean[:, 0] - found.mean[:, -1]
    assert fall[0] > 20 * abs(fall[1])
