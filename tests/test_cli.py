"""The command as people meet it: one line for every mistake, whole files or none, a quick start."""

import csv
import errno
import gzip
import json
import os
import shutil
import stat
import subprocess
import sys

import gemmi
import mapbytes
import numpy as np
import pytest

from qscore import (
    __version__,
    checking,
    cli,
    compiled,
    describing,
    doors,
    expectation,
    expected,
    findings,
    inquiry,
    runstate,
    single,
    stages,
    tables,
    verbs,
)
from qscore.errors import Absent, ArchiveUnavailable, BadAnswer, UnusableEntry

TAGS = """
group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_seq_id Cartn_x Cartn_y Cartn_z
occupancy B_iso_or_equiv auth_seq_id auth_asym_id pdbx_PDB_model_num
""".split()  # noqa: SIM905


def model_text():
    """Two chains of three residues, a ligand of a second model, a water, a hydrogen, an alternate location."""
    rows, rng = [], np.random.default_rng(8)

    def add(name, residue, chain, number, *, group="ATOM", alt=".", model=1, element=None):
        x, y, z = SITES[len(rows) % len(SITES)] + rng.uniform(-0.3, 0.3, 3)
        rows.append(
            f"{group} {len(rows) + 1} {element or name[0]} {name} {alt} {residue} {chain} {number} "
            f"{x:.3f} {y:.3f} {z:.3f} 1.0 20.0 {number} {chain} {model}"
        )

    for chain in "AB":
        for number in range(1, 4):
            for name in ("N", "CA", "C", "CB"):
                add(name, "ALA", chain, number)
    add("HA", "ALA", "A", 1)
    add("OG", "SER", "B", 9, alt="A")
    add("OG", "SER", "B", 9, alt="B")
    add("MG", "MG", "C", 1, group="HETATM", element="MG")
    add("O", "HOH", "A", 301, group="HETATM")
    add("CA", "GLY", "A", 1, model=2)
    return "data_tiny\nloop_\n" + "".join(f"_atom_site.{tag}\n" for tag in TAGS) + "\n".join(rows) + "\n"


SITES = np.array([(x, y, z) for z in (8, 12, 16) for y in (8, 12, 16) for x in (7, 11, 15, 19)], dtype=float)
N_ATOMS, N_SOLUTE = 27, 26


def map_values():
    """Gaussian blobs at the sites, on 1 Å voxels."""
    z, y, x = np.mgrid[:25, :25, :27]
    r2 = ((np.stack([x, y, z], axis=-1)[..., None, :] - SITES) ** 2).sum(axis=-1)
    return np.exp(-r2 / 2).sum(axis=-1) + 0.01 * np.sin(x + 2 * y + 3 * z)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A folder with `m.map.gz` and `m.cif`; the kernel is compiled when this is done."""
    folder = tmp_path_factory.mktemp("pair")
    mapbytes.write(folder / "m.map.gz", map_values())
    (folder / "m.cif").write_text(model_text())
    assert cli.main(["score", str(folder / "m.map.gz"), str(folder / "m.cif"), "--json"]) == 0
    return folder


@pytest.fixture
def work(pair, tmp_path, monkeypatch):
    """The pair in a folder of its own, in which the test works."""
    for name in ("m.map.gz", "m.cif"):
        shutil.copy(pair / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compiled, "is_cached", lambda: True)
    return tmp_path


def run(capsys, *arguments):
    """Exit code, standard output, standard error."""
    capsys.readouterr()
    code = cli.main(list(map(str, arguments)))
    return code, *capsys.readouterr()


def fails(capsys, *arguments, code=1):
    """The one line on standard error; nothing new lies about."""
    before = tree(".")
    found, out, err = run(capsys, *arguments)
    assert found == code
    assert out == ""
    assert err.startswith("qscore: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1, "one line"
    assert "Traceback" not in err
    assert tree(".") == before
    return err.removeprefix("qscore: ").rstrip("\n")


def tree(folder):
    return sorted(os.path.join(at, name) for at, folders, files in os.walk(folder) for name in (*folders, *files))


# ---- bad input ----

UNREADABLE = [
    # what is put in place of the map, and the line
    (None, "no such file: x.map"),
    (b"", "x.map: 0 bytes, a header has 1024"),
    (b"x" * 100, "x.map: 100 bytes, a header has 1024"),
    (b"<html>not found</html>" * 90, "x.map: not a CCP4/MRC map (begins with b'<html>not found<')"),
    (mapbytes.map_bytes(np.ones((9, 9, 9)))[:-5], "x.map: 3,935 bytes cannot hold 2,916 of data"),
    (gzip.compress(mapbytes.map_bytes(map_values()), mtime=0)[:-3000], "x.map: the gzip stream ends early"),
    (gzip.compress(mapbytes.map_bytes(map_values())[:-8], mtime=0), "x.map: 8 bytes of data are missing"),
    (
        mapbytes.map_bytes(map_values(), angles=(90, 90, 120)),
        "x.map: cell angles [90.0, 90.0, 120.0]; only 90, 90, 90 is read",
    ),
    (mapbytes.map_bytes(np.full((25, 25, 27), 0.5)), "x.map is 0.5 around the model"),
]


@pytest.mark.parametrize(("content", "line"), UNREADABLE, ids=[line for _, line in UNREADABLE])
@pytest.mark.parametrize("more", [(), ("--json",), ("--out", "out", "--atoms")])
def test_maps_that_cannot_be_used(work, capsys, content, line, more):
    if content is not None:
        (work / "x.map").write_bytes(content)
    assert fails(capsys, "score", "x.map", "m.cif", *more) == line


def test_a_map_with_a_broken_checksum(work, capsys):
    raw = bytearray((work / "m.map.gz").read_bytes())
    raw[-8] ^= 1
    (work / "m.map.gz").write_bytes(raw)
    line = fails(capsys, "score", "m.map.gz", "m.cif")
    assert line.startswith("m.map.gz: ") and "CRC" in line


def test_a_folder_instead_of_a_file(work, capsys):
    (work / "folder").mkdir()
    assert fails(capsys, "score", "folder", "m.cif") == "a folder, not a file: folder"
    assert fails(capsys, "score", "m.map.gz", "folder") == "a folder, not a file: folder"


HYDROGEN = "ATOM      1  HA  ALA A   1       8.000   8.000   8.000  1.00  0.00           H  \n"
MODELS = [
    ("x.cif", None, "no such file: x.cif"),
    ("x.cif", "", "x.cif: no data block"),
    ("x.cif", "<html>", "x.cif: "),
    ("x.cif", model_text()[:-300], "x.cif: "),
    ("x.cif", "data_x\n_cell.length_a 1\n", "x.cif: no atom_site rows"),
    ("x.pdb", "REMARK nothing\n", "x.pdb: no ATOM or HETATM record"),
    ("x.pdb", HYDROGEN, "x.pdb: all 1 atoms are hydrogen"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "line"), MODELS)
@pytest.mark.parametrize("more", [(), ("--out", "out")])
def test_models_that_cannot_be_used(work, capsys, name, content, line, more):
    if content is not None:
        (work / name).write_text(content)
    found = fails(capsys, "score", "m.map.gz", name, *more)
    assert found.startswith(line) if line.endswith(": ") else found == line
    assert len(found) > len("x.cif: ")


def test_a_truncated_compressed_model(work, capsys):
    (work / "x.cif.gz").write_bytes(gzip.compress(model_text().encode())[:-40])
    assert fails(capsys, "score", "m.map.gz", "x.cif.gz").startswith("x.cif.gz: ")


def changed(change):
    """The model with a function applied to each row's cells, by tag."""
    lines = model_text().splitlines()
    for k, line in enumerate(lines):
        if line.startswith(("ATOM", "HETATM")):
            cells = dict(zip(TAGS, line.split(), strict=True))
            lines[k] = " ".join((cells | change(cells)).values())
    return "\n".join(lines) + "\n"


def moved(by):
    """The model with `by` Å added to each x."""
    return changed(lambda row: {"Cartn_x": f"{float(row['Cartn_x']) + by:.3f}"})


def test_a_model_outside_the_map(work, capsys):
    (work / "far.cif").write_text(moved(500))
    assert fails(capsys, "score", "m.map.gz", "far.cif", "--out", "out") == "no atom of far.cif lies inside m.map.gz"


def test_a_model_that_another_frame_would_hold(work, capsys):
    (work / "far.cif").write_text(moved(500))
    mapbytes.write(work / "x.map", map_values(), origin=(500, 0, 0))
    assert fails(capsys, "score", "x.map", "far.cif") == (
        "no atom of far.cif lies inside x.map; by the other origin rule they would: try --origin origin"
    )
    assert run(capsys, "score", "x.map", "far.cif", "--origin", "origin")[0] == 0


@pytest.mark.parametrize("option", ["--resolution", "--sigma"])
@pytest.mark.parametrize("value", ["0", "-3", "nan", "inf", "abc", "3,2", ""])
def test_numbers_that_are_not_positive(work, capsys, option, value):
    line = fails(capsys, "score", "m.map.gz", "m.cif", option, value, "--out", "out")
    assert line == " ".join(f"{option} {value}: not a positive number of Å".split())
    assert not (work / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "line", "see"),
    [
        (("score", "m.map.gz", "m.cif", "--atoms"), "--atoms needs --out DIR", "qscore score"),
        (("score", "m.map.gz"), "Missing argument 'MODEL'.", "qscore score"),
        (("score",), "Missing argument 'MAP'.", "qscore score"),
        (("score", "m.map.gz", "m.cif", "third"), "Got unexpected extra argument (third)", "qscore score"),
        (
            ("score", "m.map.gz", "m.cif", "--threads", "0"),
            "Invalid value for '--threads': 0 is not in the range 1<=x<=256.",
            "qscore score",
        ),
        (
            ("score", "m.map.gz", "m.cif", "--model-number", "one"),
            "Invalid value for '--model-number': 'one' is not a valid integer.",
            "qscore score",
        ),
        (("nonsense",), "No such command 'nonsense'.", "qscore"),
        (("catalogue", "--out", "out"), "give one of --table, --documents and --snapshot", "qscore catalogue"),
        (("fetch", "m.cif", "f", "--workshop", "w"), "Missing option '--places'.", "qscore fetch"),
        (("run", "--update", "--dry-run"), "--update changes the catalogue: not with --dry-run", "qscore run"),
        (("compare", "m.map.gz", "m.cif"), "Missing argument 'MODEL2'.", "qscore compare"),
        (("plan", "none", "--out", "out"), "Invalid value for 'PAIRS': Path 'none' does not exist.", "qscore plan"),
    ],
)
def test_wrong_usage(work, capsys, arguments, line, see):
    assert fails(capsys, *arguments, code=2) == f"{line} (see {see} --help)"


@pytest.mark.parametrize("option", ["--orign", "--origin"])
def test_wrong_options_name_themselves(work, capsys, option):
    assert option in fails(capsys, "score", "m.map.gz", "m.cif", option, "else", code=2)


@pytest.mark.parametrize(("chain", "named"), [("Z", "Z"), ("A,Z", "Z"), ("a", "a"), ("", ""), ("A,,B", "")])
def test_an_unknown_chain(work, capsys, chain, named):
    line = fails(capsys, "score", "m.map.gz", "m.cif", "--chain", chain, "--out", "out")
    assert line == f"m.cif: no chain {named}; it has A, B, C"


@pytest.mark.parametrize("number", [3, 0, -1])
def test_an_unknown_model_number(work, capsys, number):
    line = fails(capsys, "score", "m.map.gz", "m.cif", "--model-number", number, "--out", "out")
    assert line == f"m.cif: no model number {number}; the file has 1, 2"


@pytest.mark.parametrize(
    ("out", "why"),
    [("taken", "is not a folder"), ("taken/below", "is not a folder"), ("/proc/qscore", "No such file or directory")],
)
@pytest.mark.parametrize("more", [(), ("--json",), ("--atoms",)])
def test_folders_that_cannot_be_written(work, capsys, out, why, more):
    (work / "taken").write_text("mine")
    line = fails(capsys, "score", "m.map.gz", "m.cif", "--out", out, *more)
    assert line.startswith(f"cannot write to folder {out}: ") and line.endswith(why)
    assert (work / "taken").read_text() == "mine"


def test_a_folder_in_the_place_of_a_result(work, capsys):
    """Nothing is replaced when not all can be."""
    (work / "out" / "summary.json").mkdir(parents=True)
    assert fails(capsys, "score", "m.map.gz", "m.cif", "--out", "out") == "cannot write to folder out: Is a directory"


def test_a_full_disk_is_not_the_users_mistake(work, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("qscore.tables.as_json", full)
    assert fails(capsys, "score", "m.map.gz", "m.cif", "--json", code=75) == "[Errno 28] No space left on device"


@pytest.mark.parametrize(
    "arguments",
    [
        ("catalogue", "--table", "bad.tsv", "--out", "out"),
        ("plan", "bad.tsv", "--out", "out"),
        ("aggregate", "bad.tsv", "--plan", ".", "--scores", ".", "--out", "out"),
        ("fit", "bad.tsv", "--out", "out"),
        ("outliers", "bad.tsv", "--fit", "bad.tsv", "--out", "out"),
        (
            "regions",
            "bad.tsv",
            *(f"--{name}=bad.tsv" for name in ("entries", "outliers", "ligands", "fit")),
            "--out=out",
        ),
        ("examination", "bad.tsv", "--outliers", "bad.tsv", "--out", "out"),
        ("flag", "bad.tsv", *(f"--{name}=bad.tsv" for name in ("outliers", "regions", "fit")), "--out=out"),
    ],
)
def test_stages_given_rubbish(work, capsys, arguments):
    (work / "bad.tsv").write_text("this is\tno table\n1\t2\n")
    code, _, err = run(capsys, *arguments)
    assert code == 1
    assert err.count("\n") == 1
    assert "bad.tsv" in err
    assert not any(path.is_file() for path in (work / "out").rglob("*")) if (work / "out").exists() else True


def test_a_batch_that_was_never_fetched(work, capsys):
    (work / "fetched").mkdir()
    tables.write_tsv(work / "b.tsv", tables.BATCH, tables.as_columns(tables.BATCH, []))
    line = fails(capsys, "score-batch", "fetched", "--batch", "b.tsv", "--out", "out", code=75)
    assert line == "fetched batch fetched has no readable manifest.json: run the same command again"


def test_an_archive_that_is_not_there(work, capsys):
    columns = {name: ["x"] for name in tables.BATCH.names}
    tables.write_tsv(work / "b.tsv", tables.BATCH, columns)
    (work / "places.json").write_text('{"maps": ["none"], "models": ["none"]}')
    code, _, err = run(capsys, "fetch", "b.tsv", "f", "--places", "places.json", "--workshop", "w")
    assert (code, err) == (75, "qscore: no archive at none\n")
    assert not (work / "f").exists()


@pytest.mark.parametrize(
    ("trouble", "code", "noted"),
    [
        (ArchiveUnavailable("no answer\nfrom it"), 75, True),
        (BadAnswer("no answer from it"), 75, True),
        (OSError("no answer from it"), 75, True),
        (Absent("no answer from it"), 1, False),
        (UnusableEntry("map_missing", "no answer from it"), 1, False),
        (ValueError("no answer from it"), 1, False),
    ],
)
def test_a_stage_that_gives_up_leaves_a_note_for_its_survey(work, capsys, monkeypatch, trouble, code, noted):
    def broken(*_, **__):
        raise trouble

    monkeypatch.setattr("qscore.entry.score_pair", broken)
    monkeypatch.setenv(runstate.JOBS_LOCK, str(work / ".jobs.lock"))
    assert run(capsys, "score", "m.map.gz", "m.cif") == (code, "", "qscore: no answer from it\n")
    assert runstate.unavailable(work) == ("no answer from it" if noted else None)


# ---- what is printed ----

KEYS = """
q_mean q_scored q_all q_mean_06 q_scored_06 q_all_06 n_atoms n_scored n_unscored frac_shell_on_constant mask_distance
classes chains map model version sigmas resolution n_hydrogen n_altloc hints
""".split()  # noqa: SIM905


def test_json(work, capsys):
    code, out, err = run(capsys, "score", "m.map.gz", "m.cif", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert set(KEYS) <= set(found)
    assert found["version"] == __version__
    assert found["map"]["file"] == "m.map.gz"
    assert found["map"]["grid"] == [27, 25, 25]
    assert found["map"]["voxel"] == [1, 1, 1]
    assert found["map"]["origin"] == [0, 0, 0]
    assert found["map"]["origin_rule"] == "nstart"
    assert found["map"]["notes"] == []
    assert found["model"] == {"file": "m.cif", "n_models": 2}
    assert found["sigmas"] == [0.4, 0.6]
    assert found["resolution"] is found["contour_level"] is found["emdb_id"] is None
    assert found["pdb_ids"] == []
    assert "expected" not in found
    assert (found["n_atoms"], found["n_scored"]) == (N_ATOMS, N_ATOMS)
    assert found["n_unscored"] == {"outside": 0, "constant": 0, "not_finite": 0}
    assert (found["n_hydrogen"], found["n_altloc"]) == (1, 1)
    assert list(found["classes"]) == ["protein", "ion", "water"]
    assert {name: group["n_atoms"] for name, group in found["classes"].items()} == {"protein": 25, "ion": 1, "water": 1}
    assert {name: group["n_atoms"] for name, group in found["chains"].items()} == {"A": 12, "B": 13, "C": 1}
    assert 0.3 < found["q_mean"] <= 1
    assert found["q_mean"] == pytest.approx(found["q_scored"])
    weighted = sum(group["n_atoms"] * group["q_mean"] for group in found["chains"].values())
    assert found["q_mean"] == pytest.approx(weighted / N_SOLUTE)


def test_unscored_atoms_count_zero_in_one_mean_only(work, capsys):
    """Half the model outside: q_mean falls, q_scored does not tell."""
    (work / "half.cif").write_text(changed(lambda row: {"Cartn_x": "999.0"} if row["auth_asym_id"] == "B" else {}))
    found = json.loads(run(capsys, "score", "m.map.gz", "half.cif", "--json")[1])
    assert found["n_unscored"] == {"outside": 13, "constant": 0, "not_finite": 0}
    assert found["n_scored"] == N_ATOMS - 13
    assert found["q_mean"] == pytest.approx(found["q_scored"] * 13 / 26)
    assert found["chains"]["B"]["q_scored"] is None
    assert found["chains"]["B"]["q_mean"] == 0
    _, out, _ = run(capsys, "score", "m.map.gz", "half.cif")
    assert "not scored: 13 atoms, centre outside the map" in out


def test_expected_values(work, capsys):
    found = json.loads(run(capsys, "score", "m.map.gz", "m.cif", "--resolution", "3", "--json")[1])
    assert found["resolution"] == 3
    curve = expected.shipped()
    known = {(e["kind"], e["sigma"]): e for e in found["expected"]}
    entry, protein = known["all", 0.4], known["protein", 0.4]
    assert entry["expected"] == pytest.approx(curve.expected(3.0))
    assert (entry["low"], entry["high"]) == curve.band(3.0)
    assert entry["equation"] == curve.name
    assert protein["expected"] == pytest.approx(1.1242 - 0.1866 * 3)
    assert (protein["equation"], known["all", 0.6]["equation"]) == ("mapq-1.6.5-protein", "mapq-1.9.9")
    code, out, _ = run(capsys, "score", "m.map.gz", "m.cif", "--resolution", "3")
    assert code == 0
    assert f"{entry['expected']:.3f} ({entry['low']:.3f}–{entry['high']:.3f})" in out
    assert f"expected at 3 Å of the entry by {curve.name} (σ 0.4; fitted to {curve.n:,} rows; " in out
    assert "), by mapq-1.6.5-protein (σ 0.4), mapq-1.6.2-ion (σ 0.4), " in out


def test_it_ends_with_one_sentence(work, capsys):
    arguments = ("score", "m.map.gz", "m.cif", "--resolution", "3", "--out", "out")
    found = json.loads(run(capsys, *arguments, "--json")[1])
    sentence = found["verdict"]["sentence"]
    assert sentence.startswith("At 3 Å this model is resolved ")
    assert sentence.endswith("Q does not test register or chemistry.")
    out = run(capsys, *arguments)[1]
    assert " ".join(out.split()).endswith(" " + sentence)
    assert max(map(len, out.split("At 3 Å this model")[1].splitlines())) <= 120
    kept = json.loads((work / "out" / "summary.json").read_text(encoding="utf-8"))
    assert (kept["verdict"], kept["regions"]) == (found["verdict"], found["regions"])


def test_some_chains_are_not_judged_as_an_entry(work, capsys):
    out = run(capsys, "score", "m.map.gz", "m.cif", "--resolution", "3", "--chain", "A,B")[1]
    assert "chains A,B, not a whole entry, are resolved" in " ".join(out.split())


@pytest.mark.parametrize("more", [(), ("--resolution", "3", "--sigma", "0.6")])
def test_no_verdict_without_what_it_rests_on(work, capsys, more):
    found = json.loads(run(capsys, "score", "m.map.gz", "m.cif", "--json", *more)[1])
    assert "verdict" not in found and "regions" not in found
    assert "register" not in run(capsys, "score", "m.map.gz", "m.cif", *more)[1]


@pytest.mark.parametrize("level", ["0.02", "-1.5", "0"])
def test_a_contour_level_is_kept(work, capsys, level):
    found = json.loads(run(capsys, "score", "m.map.gz", "m.cif", "--contour", level, "--json", "--out", "out")[1])
    assert found["contour_level"] == float(level)
    assert json.loads((work / "out" / "summary.json").read_text(encoding="utf-8")) == found
    assert "kept in the summary" not in run(capsys, "score", "m.map.gz", "m.cif", "--contour", level)[1]


@pytest.mark.parametrize("level", ["abc", "nan", "inf", ""])
def test_a_contour_level_is_a_number(work, capsys, level):
    line = fails(capsys, "score", "m.map.gz", "m.cif", "--contour", level)
    assert line == " ".join(f"--contour {level}: not a number".split())


def test_no_expectation_outside_the_domain(work, capsys):
    found = json.loads(run(capsys, "score", "m.map.gz", "m.cif", "--resolution", "20", "--json")[1])
    assert {e["expected"] for e in found["expected"]} == {None}
    out = run(capsys, "score", "m.map.gz", "m.cif", "--resolution", "20")[1]
    assert "no equation for expected Q holds at 20 Å (they hold for 1.15–10 Å)" in out
    assert "At 20 Å no expected Q is known (only at " in out


def test_the_table(work, capsys):
    code, out, err = run(capsys, "score", "m.map.gz", "m.cif")
    assert (code, err) == (0, "")
    found = json.loads(run(capsys, "score", "m.map.gz", "m.cif", "--json")[1])
    assert out.splitlines()[0].strip() == "m.cif in m.map.gz"
    line = next(line for line in out.splitlines() if line.startswith("entry"))
    assert line.split()[-3:] == [str(N_SOLUTE), f"{found['q_mean']:.3f}", f"{found['q_mean_06']:.3f}"]
    for name in ("protein", "ion", "water", "chain A", "chain B", "chain C"):
        assert any(row.startswith(name) for row in out.splitlines()), name
    assert "1 alternate locations left out" in out


def test_names_are_printed_as_they_are(work, capsys):
    """Square brackets and colons of file and chain names are no markup."""
    shutil.copy("m.map.gz", "map[red] :bee:.map.gz")
    (work / "x[b].cif").write_text(changed(lambda row: {"auth_asym_id": f"'[{row['auth_asym_id'].lower()}]'"}))
    code, out, _ = run(capsys, "score", "map[red] :bee:.map.gz", "x[b].cif")
    assert code == 0
    assert "x[b].cif in map[red] :bee:.map.gz" in out
    assert "chain [b]" in out


def test_a_frame_that_differs_is_noted(work, capsys):
    mapbytes.write(work / "x.map", map_values(), start=(1, 0, 0), origin=(3, 0, 0))
    _, out, _ = run(capsys, "score", "x.map", "m.cif")
    assert "both N*START (1, 0, 0 Å) and ORIGIN (3, 0, 0 Å) are set and differ; nstart is used, --origin chooses" in out


def test_a_hint_where_the_other_frame_fits(work, capsys):
    """The model lies in the map by both rules, and on density by one."""
    values = np.zeros((40, 40, 60), dtype=np.float32)
    values[:25, :25, 30:57] = map_values()
    values += 0.01 * np.sin(np.arange(values.size)).reshape(values.shape)
    mapbytes.write(work / "x.map", values, origin=(-30, 0, 0))
    found = json.loads(run(capsys, "score", "x.map", "m.cif", "--json")[1])
    assert len(found["hints"]) == 1
    assert "with --origin origin Q would be about" in found["hints"][0]
    other = json.loads(run(capsys, "score", "x.map", "m.cif", "--origin", "origin", "--json")[1])
    assert other["hints"] == []
    assert other["q_mean"] > found["q_mean"] + 0.3


def test_a_chain_alone_has_the_same_q(work, capsys):
    """The other chains stay neighbours."""
    both = json.loads(run(capsys, "score", "m.map.gz", "m.cif", "--json")[1])
    for chain in ("A", "B", "C"):
        alone = json.loads(run(capsys, "score", "m.map.gz", "m.cif", "--json", "--chain", chain)[1])
        assert list(alone["chains"]) == [chain]
        assert alone["chains"][chain] == both["chains"][chain]
    two = json.loads(run(capsys, "score", "m.map.gz", "m.cif", "--json", "--chain", "A, C")[1])
    assert two["chains"] == {name: both["chains"][name] for name in "AC"}


def test_another_model(work, capsys):
    found = json.loads(run(capsys, "score", "m.map.gz", "m.cif", "--json", "--model-number", "2")[1])
    assert found["n_atoms"] == 1


def test_other_sigmas(work, capsys):
    found = json.loads(
        run(capsys, "score", "m.map.gz", "m.cif", "--json", "--sigma", "0.6", "--sigma", "0.5", "--sigma", "0.60")[1]
    )
    assert found["sigmas"] == [0.6, 0.5]
    default = json.loads(run(capsys, "score", "m.map.gz", "m.cif", "--json")[1])
    assert found["q_mean_06"] == default["q_mean_06"]
    assert 0 < found["q_mean_05"] < 1
    assert run(capsys, "score", "m.map.gz", "m.cif", "--sigma", "0.5", "--resolution", "3")[0] == 0


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_do_not_change_the_result(work, capsys, threads):
    outputs = {run(capsys, "score", "m.map.gz", "m.cif", "--json", "--threads", n)[1] for n in (1, threads)}
    assert len(outputs) == 1


# ---- what is written ----


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


@pytest.mark.parametrize("atoms", [False, True])
def test_out_holds_what_is_promised(work, capsys, atoms):
    code, out, err = run(
        capsys, "score", "m.map.gz", "m.cif", "--out", "deep/out", "--json", *(["--atoms"] if atoms else [])
    )
    assert (code, err) == (0, "")
    folder = work / "deep" / "out"
    names = {"summary.json", "residues.tsv", "inclusion.tsv", "m.qscore.cif"} | ({"atoms.tsv"} if atoms else set())
    assert {path.name for path in folder.iterdir()} == names
    assert json.loads((folder / "summary.json").read_text(encoding="utf-8")) == json.loads(out)
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o666 & ~tables._umask()}


def test_residues_atoms_and_model_agree(work, capsys):
    run(capsys, "score", "m.map.gz", "m.cif", "--out", "out", "--atoms")
    residues, atoms = rows_of("out/residues.tsv"), rows_of("out/atoms.tsv")
    assert list(atoms[0]) == tables.ATOMS.names
    assert [name for name in tables.RESIDUES.names if name not in ("emdb_id", "pdb_id")] == list(residues[0])
    assert len(atoms) == N_ATOMS
    assert len(residues) == 9
    assert [row["chain"] + row["number"] for row in residues] == [
        "A1",
        "A2",
        "A3",
        "B1",
        "B2",
        "B3",
        "B9",
        "C1",
        "A301",
    ]
    for residue in residues:
        mine = [float(a["q_04"]) for a in atoms if (a["chain"], a["number"]) == (residue["chain"], residue["number"])]
        assert len(mine) == int(residue["n_atoms"]) == int(residue["n_scored"])
        assert float(residue["q_04"]) == pytest.approx(np.mean(mine), abs=2e-6)
    block = gemmi.cif.read("out/m.qscore.cif").sole_block()
    column = dict(zip(block.find_values("_atom_site.id"), block.find_values("_atom_site.Q-score"), strict=True))
    assert len(column) == N_ATOMS + 3
    assert [serial for serial, value in column.items() if value == "?"] == ["25", "27", "30"], (
        "hydrogen, altloc B, model 2"
    )
    for row in atoms:
        assert float(column[row["serial"]]) == pytest.approx(float(row["q_04"]), abs=5.1e-5)


def test_the_other_scores_of_residues_are_in_their_table(work, capsys):
    arguments = ("score", "m.map.gz", "m.cif", "--out", "out", "--resolution", "3", "--contour")
    found, known = {}, ("inclusion", "z", "cc_local")
    for level in ("-1e9", "1e9"):
        entry = json.loads(run(capsys, *arguments, level, "--json")[1])["realspace"]
        rows = rows_of("out/residues.tsv")
        found[level] = {row["inclusion"] for row in rows}
        assert all(-1 <= float(row["cc_local"]) <= 1 for row in rows)
        assert {bool(row["z"]) for row in rows} == {entry["avg_density_z"] is not None}
    assert found == {"-1e9": {"1"}, "1e9": {"0"}}
    assert entry["inclusion"] == 0
    run(capsys, "score", "m.map.gz", "m.cif", "--out", "out")
    rows = rows_of("out/residues.tsv")
    assert set(known) < set(rows[0])
    assert {row[key] for row in rows for key in ("inclusion", "cc_local")} == {""}, "no level, no resolution"


def test_inclusion_over_levels_is_a_table(work, capsys):
    """Each row is what --contour says at that level, and fewer atoms are included the higher it is."""
    run(capsys, "score", "m.map.gz", "m.cif", "--out", "out")
    rows = rows_of("out/inclusion.tsv")
    assert list(rows[0]) == tables.INCLUSION.names[2:]
    level, inclusion = ([float(row[key]) for row in rows] for key in ("level", "inclusion"))
    assert level == sorted(set(level)) and inclusion == sorted(inclusion, reverse=True)
    assert inclusion[0] > inclusion[-1] == 0
    between = f"{(level[4] + level[5]) / 2!r}"
    found = json.loads(run(capsys, "score", "m.map.gz", "m.cif", "--json", "--contour", between)[1])["realspace"]
    assert inclusion[4] >= found["inclusion"] >= inclusion[5]


def test_b_factors_are_written_beside_q(work, capsys):
    code, _, err = run(capsys, "score", "m.map.gz", "m.cif", "--out", "out", "--bfactor", "150", "--sigma", "0.4")
    left = "summary.json, residues.tsv, inclusion.tsv, m.qscore.cif, m.bfactor.cif"
    assert (code, err) == (0, f"written to out: {left}\n")
    q, b = (
        list(gemmi.cif.read(f"out/m.{kind}.cif").sole_block().find_values(f"_atom_site.{tag}"))
        for kind, tag in (("qscore", "Q-score"), ("bfactor", "B_iso_or_equiv"))
    )
    scored = [k for k, value in enumerate(q) if value != "?"]
    assert len(scored) == N_ATOMS
    assert [float(b[k]) for k in scored] == pytest.approx([150 * (1 - float(q[k])) for k in scored], abs=0.015)
    assert b[-1] == "20.0", "of the other model"


@pytest.mark.parametrize("factor", ["0", "-150", "inf", "nan", "x"])
def test_a_factor_of_b_that_is_none(work, capsys, factor):
    line = fails(capsys, "score", "m.map.gz", "m.cif", "--out", "out", "--bfactor", factor)
    assert line == f"--bfactor {factor}: not a positive number of Å²"


def test_with_one_chain_only_its_atoms_get_a_q(work, capsys):
    run(capsys, "score", "m.map.gz", "m.cif", "--out", "out", "--chain", "B")
    block = gemmi.cif.read("out/m.qscore.cif").sole_block()
    scored = {c for c, q in block.find("_atom_site.", ["auth_asym_id", "Q-score"]) if q != "?"}
    assert scored == {"B"}


def test_out_is_written_again_in_place(work, capsys):
    (work / "out").mkdir()
    (work / "out" / "mine.txt").write_text("mine")
    for chain in ("A", "B"):
        assert run(capsys, "score", "m.map.gz", "m.cif", "--out", "out", "--chain", chain)[0] == 0
    assert {row["chain"] for row in rows_of("out/residues.tsv")} == {"B"}
    assert sorted(p.name for p in (work / "out").iterdir()) == [
        "inclusion.tsv",
        "m.qscore.cif",
        "mine.txt",
        "residues.tsv",
        "summary.json",
    ]


def test_other_sigmas_are_columns_too(work, capsys):
    assert run(capsys, "score", "m.map.gz", "m.cif", "--out", "out", "--atoms", "--sigma", "0.5")[0] == 0
    assert "q_05" in rows_of("out/atoms.tsv")[0]
    assert "q_04" not in rows_of("out/atoms.tsv")[0]
    assert {"q_05", "q_05_backbone"} <= set(rows_of("out/residues.tsv")[0])


def test_a_failure_while_writing_leaves_nothing(work, capsys, monkeypatch):
    def broken(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("qscore.model.write_with_q", broken)
    before = tree(work)
    code, _, err = run(capsys, "score", "m.map.gz", "m.cif", "--out", "out")
    assert (code, err) == (75, "qscore: [Errno 28] cannot write to folder out: No space left on device\n")
    assert set(tree(work)) - set(before) <= {str(work / "out")}


@pytest.mark.real
def test_a_real_pair_of_pdb_and_mrc(real_data, work, capsys):
    pairs = real_data / "pairs"
    code, out, _ = run(
        capsys, "score", pairs / "emd_2566_crop_9.mrc", pairs / "3j6b_9.pdb", "--json", "--out", "out", "--atoms"
    )
    assert code == 0
    found = json.loads(out)
    assert found["map"]["origin_rule"] == "origin"
    assert list(found["chains"]) == ["9"]
    assert found["n_atoms"] == found["n_scored"] == len(rows_of("out/atoms.tsv"))
    assert {path.name for path in (work / "out").iterdir()} == {
        "summary.json",
        "residues.tsv",
        "inclusion.tsv",
        "atoms.tsv",
        "3j6b_9.qscore.cif",
    }


# ---- the stages in a row ----


def test_catalogue_plan_fetch(work, capsys):
    (work / "pairs.tsv").write_text(
        "emdb_id\tpdb_id\tresolution\tmap\tmodel\nE1\tm\t3\tm.map.gz\tm.cif\nE2\tm\t0\tm.map.gz\tm.cif\nE3\tm\t3\tnone.map\tm.cif\n"
    )
    assert run(capsys, "catalogue", "--table", "pairs.tsv", "--out", "c") == (0, "2 pairs, 1 left out\n", "")
    assert run(capsys, "plan", "c/pairs.parquet", "--out", "plan") == (0, "1 batches of 2 pairs\n", "")
    arguments = ("fetch", "plan/undated.tsv", "f", "--places", "c/places.json", "--workshop", "parts")
    code, out, _ = run(capsys, *arguments)
    assert (code, out) == (0, "")
    entries = json.loads((work / "f" / "manifest.json").read_text())["entries"]
    assert entries[0]["map"]["name"] == "E1_m_m.map.gz"
    assert entries[1]["unusable"]["reason"] == "map_missing"


@pytest.mark.parametrize("more", [(), ("--update",)])
def test_a_new_catalogue_is_asked_for_when_the_folder_is_ours(work, capsys, monkeypatch, more):
    """--update asks within the survey's lock, before Snakemake looks; without it nothing is asked."""
    asked = []
    monkeypatch.setattr("qscore.run.take_snapshot", lambda content, results: asked.append((content["source"], results)))
    monkeypatch.setattr("qscore.run.run", lambda results, command, *, kind, before: before() if before else None)
    monkeypatch.setattr("qscore.run.outcome", lambda results: "done")
    (work / "c.yaml").write_text("source: emdb\nresults: r\n")
    code, _, err = run(capsys, "run", "--config", "c.yaml", "--results", "here", *more)
    assert (code, err) == (0, "")
    assert asked == ([("emdb", work / "here")] if more else [])


# ---- help ----

MODULES = (single, checking, inquiry, describing, expectation, verbs, doors, stages, findings)
COMMANDS = ["run", *(command.name for module in MODULES for command in module.COMMANDS)]
NAMED = {"score", "compare", "run", "doctor", "progress", "failures", "snapshot", "catalogue", "fetch", "plan"}


def test_every_command_is_known_here():
    assert sorted(COMMANDS) == sorted(cli.qscore.commands)
    assert set(COMMANDS) >= NAMED


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help(capsys, command, flag):
    code, out, err = run(capsys, command, flag)
    assert (code, err) == (0, "")
    assert out.startswith(f"Usage: qscore {command} ")
    assert f"qscore {command} " in out.split("\n", 1)[1] or command in ("aggregate", "figures", "report")
    assert max(map(len, out.splitlines())) <= 100


def test_help_of_the_whole(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for example in (
        "qscore score map.mrc.gz model.cif --resolution 3.2",
        "qscore score EMD-30342 7cec",
        "qscore compare map.mrc.gz before.cif after.cif",
    ):
        assert example in out
    people, stages = out.split("Stages of a survey", 1)
    for command in COMMANDS:
        assert f"\n  {command} " in (people if command in cli.Sections.people else stages)
    assert set(cli.Sections.people) <= set(COMMANDS)


def test_version(capsys):
    assert run(capsys, "--version") == (0, f"qscore, version {__version__}\n", "")


HEAVY = {
    "numpy",
    "gemmi",
    "pyarrow",
    "numba",
    "scipy",
    "pandas",
    "matplotlib",
    "seaborn",
    "statsmodels",
    "rich",
    "snakemake",
    "requests",
}


def python(*arguments, **options):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False, **options
    )


@pytest.mark.parametrize("command", ["score", "compare"])
def test_help_names_the_servers(capsys, command):
    out = " ".join(run(capsys, command, "--help")[1].split())
    for name in ("QSCORE_EMDB_API", "QSCORE_MAPS", "QSCORE_MODELS", "$XDG_CACHE_HOME/qscore/archive", "EMDB id"):
        assert name in out or (command, name) == ("compare", "EMDB id")


@pytest.mark.parametrize("arguments", [("--help",), ("score", "--help"), ("compare", "--help"), ("--version",)])
def test_help_imports_nothing_heavy(arguments):
    done = python("-X", "importtime", "-m", "qscore", *arguments)
    assert done.returncode == 0
    assert "score" in done.stdout or "compare" in done.stdout
    imported = {line.rsplit("|", 1)[1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "click" in imported
    assert imported & HEAVY == set()


@pytest.mark.parametrize("more", [(), ("--resolution", "3")])
def test_scoring_does_not_load_the_drawing_and_fitting(pair, more):
    slow = {
        "scipy.stats",
        "scipy.optimize",
        "pandas",
        "matplotlib",
        "seaborn",
        "statsmodels",
        "snakemake",
        "requests",
        "numba",
    }
    script = f"import sys; from qscore.cli import main; print(main(sys.argv[1:]), *({slow} & set(sys.modules)))"
    done = python("-c", script, "score", pair / "m.map.gz", pair / "m.cif", "--json", *more)
    assert done.stdout.splitlines()[-1] == "0"


def test_the_command_itself(work):
    """The installed entry point's code reaches the shell, with one line on standard error."""
    done = python("-m", "qscore", "score", "none.map", "m.cif", cwd=work)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == "qscore: no such file: none.map"
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away(work):
    """`qscore score … | head -1` ends quietly."""
    command = [sys.executable, "-m", "qscore", "score", "m.map.gz", "m.cif"]
    subprocess.run(command, cwd=work, capture_output=True, timeout=300, check=True)  # compiles where nothing is kept
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(command, cwd=work, stdout=write_end, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(write_end)
    assert done.returncode == 1
    assert done.stderr == b""
