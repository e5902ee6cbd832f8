"""Questions to a survey's tables: the ready ones give what was put in, and nothing but the tables can be reached."""

import os
import shutil

import pytest
from click.testing import CliRunner

from qscore import audit, cli, layouts, readyquestions, surveytables, tables

OFFSETS = [
    {"residue": name, "part": "all", "resolution_low": low, "resolution_high": low + 1, "offset": offset, "sd": 0.1}
    for name, offset in (("GLU", -0.05), ("any", 0.0))
    for low in (2.0, 3.0, 4.0)
]


def entry(emdb_id, pdb_id, resolution, q, **more):
    """An entry; the band is that of the line 1 − 0.15 R."""
    expected = 1 - 0.15 * resolution
    return {
        "emdb_id": emdb_id, "pdb_id": pdb_id, "resolution": resolution, "q_mean": q, "q_scored": q, "status": "scored",
        "expected_q": expected, "low": expected - 0.1, "high": expected + 0.1, "flag": "", "cause": "",
        "beyond_band": min(q - expected + 0.1, 0) + max(q - expected - 0.1, 0), "sample": f"sample {pdb_id}",
        "map_release": "2020-05-06", "n_atoms": 1000, "n_scored": 1000, "n_water": 0, "q_null": 0.02,
        "q_null_sd": 0.01, "cluster_protein": f"name:{pdb_id}",
    } | more  # fmt: skip


ENTRIES = [
    entry("EMD-1001", "1aaa", 3.0, 0.55, n_scored=640, cluster_protein="uniprot:P1"),
    entry(
        "EMD-1002", "2bbb", 3.0, 0.40, calculated_resolution=4.0, flag="low", cause="over-stated resolution",
        cluster_protein="uniprot:P1",
    ),
    entry("EMD-1003", "3ccc", 4.0, 0.40, map_release="2021-05-06", cluster_protein="uniprot:P1"),
    entry("EMD-1004", "4ddd", 2.0, 0.72, tight_mask=True, mask_distance=1.5, map_release=""),
    entry(
        "EMD-1005", "5eee", 3.0, 0.56, contour_level=1.0, surrogate_level=0.5, inclusion=0.2, inclusion_surrogate=0.9,
        solvent_mean=0.0, solvent_sd=0.1, map_release="2021-06-02",
    ),
    entry("EMD-5778", "3j5p", 3.275, 0.305, flag="low", map_release="2013-12-04"),
    entry("EMD-5778", "3j9j", 3.275, 0.42, n_atoms=1100, map_release="2013-12-04"),
    {"emdb_id": "EMD-1009", "pdb_id": "9zzz", "status": "unusable", "stage": "map", "reason": "map_truncated"},
]  # fmt: skip


def residues():
    """Of EMD-1001: a chain as expected, and one at the chance level."""
    for chain, q, name in (("A", 0.60, "ALA"), ("B", 0.02, "GLU")):
        for number in range(40):
            yield {
                "emdb_id": "EMD-1001", "pdb_id": "1aaa", "chain": chain, "number": str(number), "residue": name,
                "class": "protein", "n_atoms": 8, "n_scored": 8, "q_04": q, "q_04_backbone": q + 0.01,
                "q_04_side_chain": q - 0.01,
            }  # fmt: skip


CHAINS = [
    {"emdb_id": "EMD-1001", "pdb_id": "1aaa", "chain": chain, "n_residues": 40, "n_scored": 320, "q_04": q}
    for chain, q in (("A", 0.60), ("B", 0.02))
]


def ligand(number, component, kind, q, **more):
    return {
        "emdb_id": "EMD-1001", "pdb_id": "1aaa", "chain": "A", "number": str(number), "component": component,
        "class": kind, "q_04": q, "site_q": 0.6, "dq_site": q - 0.6, "resolution": 3.0, "n_atoms": 1,
    } | more  # fmt: skip


RANKED = [
    ligand(1, "ATP", "ligand", 0.2, n_atoms=31, p=0.001, percentile=0.001, p_adjusted=0.01),
    ligand(2, "NAG", "glycan", 0.5, n_atoms=14, p=0.5, percentile=0.5, p_adjusted=0.6),
    ligand(3, "CLR", "ligand", 0.1, n_atoms=28),
    ligand(4, "EDO", "ligand", -0.1, n_atoms=4),
    ligand(5, "MG", "ion", 0.3),
    *(ligand(10 + k, "HOH", "water", -0.1 if k < 4 else 0.5, p_adjusted=0.01 if k < 2 else 0.5) for k in range(12)),
]
REGION = {"emdb_id": "EMD-1001", "pdb_id": "1aaa", "kind": "chain region", "mean_q": 0.02, "expected": 0.5}
REGIONS = [
    REGION | {"chain": "B", "from": "5", "to": "29", "length": 25, "p_adjusted": 0.01},
    REGION | {"chain": "B", "from": "32", "to": "36", "length": 5, "p_adjusted": 0.02},
    REGION | {"chain": "A", "from": "1", "to": "30", "length": 30, "p_adjusted": 0.2},
]
CONCORDANCE = [
    {
        "emdb_id": "EMD-1001",
        "pdb_id": "1aaa",
        "q_mean": 0.55,
        "q_published": 0.53,
        "difference": 0.02,
        "cause": "waters",
    },
    {"emdb_id": "EMD-1003", "pdb_id": "3ccc", "q_mean": 0.40, "q_published": 0.401, "difference": -0.001},
]


def put(folder, place, layout, rows):
    tables.write_parquet(folder / place, layout, tables.as_columns(layout, rows))


@pytest.fixture(scope="module")
def survey(tmp_path_factory):
    folder = tmp_path_factory.mktemp("the user's survey")
    put(folder, "tables/entries.parquet", layouts.ENTRIES, ENTRIES)
    put(folder, "flags/flags.parquet", layouts.FLAGS, [row for row in ENTRIES if row["status"] == "scored"])
    put(folder, "tables/residues.parquet", layouts.RESIDUES, residues())
    put(folder, "tables/chains.parquet", layouts.CHAINS, CHAINS)
    put(folder, "regions/ligands.parquet", layouts.RANKED, RANKED)
    put(folder, "regions/regions.parquet", layouts.REGIONS, REGIONS)
    put(folder, "concordance/concordance.parquet", layouts.CONCORDANCE, CONCORDANCE)
    tables.write_tsv(folder / "fit" / "offsets.tsv", layouts.OFFSETS, tables.as_columns(layouts.OFFSETS, OFFSETS))
    for batch, pair in (("2020", "1aaa"), ("2021", "3ccc")):
        row = {"emdb_id": "EMD-1", "pdb_id": pair, "status": "examined"}
        put(folder, f"evidence/{batch}/frames.parquet", layouts.FRAMES, [row])
    (folder / "secret.csv").write_text("a\n1\n")
    return folder


@pytest.fixture(scope="module")
def opened(survey):
    with audit.opened(survey, audit.Limits(threads=1)) as tables_of:
        yield tables_of


def ask(folder, sql, values=None, **limits):
    with audit.opened(folder, audit.Limits(**limits)) as opened:
        return opened.ask(sql, values)


def answer(opened, name, columns, **values):
    """The answer to a ready question: these columns of all rows."""
    question = readyquestions.question(name)
    found = opened.ask(question.text, question.set(f"{key}={value}" for key, value in values.items()))
    return [tuple(row[found.columns.index(column)] for column in columns.split()) for row in found.rows]


YEARS = [(2013, 2, -0.146, 1), (2020, 2, -0.075, 1), (2021, 2, 0.005, 0)]
KNOWN = {
    "worst-ligands": ("component p dq_site", {}, [("ATP", 0.001, -0.4), ("NAG", 0.5, -0.1), ("CLR", None, -0.5)]),
    "worst-ions": ("component dq_site", {}, [("MG", -0.3)]),
    "waters-not-there": ("pdb_id waters not_there share p_below worst", {}, [("1aaa", 12, 4, 0.3333, 2, -0.1)]),
    "overstated-resolution": ("pdb_id reported calculated excess implied", {}, [("2bbb", 3.0, 4.0, 1.0, 4.0)]),
    "implied-resolution": ("pdb_id implied difference", {}, [("2bbb", 4.0, 1.0), ("3j5p", None, None)]),
    "unresolved-chains": (
        "pdb_id chain residues regions in_regions share longest from to",
        {},
        [("1aaa", "B", 40, 2, 30, 0.75, 25, "5", "29")],
    ),
    "chains-at-chance": ("chain residues q chance chance_sd", {}, [("B", 40, 0.02, 0.02, 0.014)]),
    "worst-chains": ("chain q rest difference", {}, [("B", 0.02, 0.6, -0.58), ("A", 0.6, 0.02, 0.58)]),
    "residues-below-expected": ("pdb_id residues below share mean_z", {}, [("1aaa", 80, 40, 0.5, -2.15)]),
    "residue-types": (
        "residue resolution_from residues relative side_chain_less_backbone",
        {"least": 40, "entries": 1},
        [("GLU", 3.0, 40, -0.53, -0.02), ("ALA", 3.0, 40, 0.05, -0.02)],
    ),
    "same-protein": (
        "protein maps best worst spread", {}, [("uniprot:P1", 3, "EMD-1003 3ccc", "EMD-1002 2bbb", 0.15)]
    ),
    "q-by-year": ("year entries residual low", {"least": 2}, YEARS),
    "re-refined": ("emdb_id before after difference flag_before", {}, [("EMD-5778", "3j5p", "3j9j", 0.115, "low")]),
    "published-differences": ("pdb_id difference cause", {}, [("1aaa", 0.02, "waters")]),
    "flagged-by-cause": (
        "flag cause entries lowest",
        {},
        [
            ("none", "none", 5, "EMD-5778 3j9j"),
            ("low", "none", 1, "EMD-5778 3j5p"),
            ("low", "over-stated resolution", 1, "EMD-1002 2bbb"),
        ],
    ),
    "tight-masks": ("pdb_id mask_distance residual", {}, [("4ddd", 1.5, 0.02)]),
    "odd-contours": ("pdb_id inclusion surrogate level_z", {}, [("5eee", 0.2, 0.9, 10.0)]),
    "not-scored": ("stage reason transient entries example", {}, [("map", "map_truncated", False, 1, "EMD-1009 9zzz")]),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_ready_question(opened, name):
    columns, values, expected = KNOWN[name]
    assert answer(opened, name, columns, **values) == [pytest.approx(row, abs=1e-9) for row in expected]


def test_every_ready_question_is_tested_and_ordered():
    assert set(readyquestions.questions()) == set(KNOWN)
    for question in readyquestions.questions().values():
        assert "ORDER BY" in question.text and question.title[0].isupper()
        assert not [value for value in question.values if f"${value.name}" not in question.text]


def test_values_bound_the_rows(opened):
    assert answer(opened, "worst-ligands", "component", least=4) == [("ATP",), ("NAG",), ("EDO",), ("CLR",)]
    assert answer(opened, "worst-ligands", "component", rows=1) == [("ATP",)]
    assert answer(opened, "waters-not-there", "pdb_id", least=13) == []


def test_residues_are_judged_by_type_and_resolution(survey):
    found = ask(
        survey, "SELECT DISTINCT chain, expected_q, expected_sd, z_archive, entry_low FROM judged_residues ORDER BY 1"
    )
    assert found.rows == [
        ("A", pytest.approx(0.55), 0.1, pytest.approx(0.5), pytest.approx(0.45)),
        ("B", pytest.approx(0.50), 0.1, pytest.approx(-4.8), pytest.approx(0.45)),
    ]


def test_tables_in_parts_are_one(survey, tmp_path):
    assert ask(survey, "SELECT count(*) FROM frames").rows == [(2,)]
    rows = list(residues())
    put(tmp_path, "tables/residues/first.parquet", layouts.RESIDUES, rows[:30])
    put(tmp_path, "tables/residues/second.parquet", layouts.RESIDUES, rows[30:])
    assert ask(tmp_path, "SELECT count(*) FROM residues").rows == [(80,)]


def test_columns_that_an_older_survey_lacks_are_empty(tmp_path):
    old = layouts.Layout("entries", layouts.ENTRIES.columns[:9])
    put(tmp_path, "tables/entries.parquet", old, ENTRIES)
    assert ask(tmp_path, "SELECT count(*), count(q_mean) FROM entries").rows == [(8, 0)]


# ---- what it must not do ----

ATTACKS = (
    "FROM read_csv('/etc/passwd')",
    "FROM '/etc/passwd'",
    "FROM read_text('/proc/self/environ')",
    "FROM read_blob('{survey}/secret.csv')",
    "FROM read_parquet('{survey}/tables/../../*/tables/entries.parquet')",
    "FROM '{survey}/secret.csv'",
    "FROM glob('/etc/*')",
    "FROM read_json('http://127.0.0.1:9/x')",
    "FROM sniff_csv('/etc/passwd')",
    "SELECT getenv('HOME')",
    "FROM read_ndjson('/etc/passwd')",
    "FROM read_csv('https://127.0.0.1:9/x')",
    "FROM 's3://bucket/x.parquet'",
    "FROM parquet_metadata('{outside}/x.parquet')",
    "FROM read_text(['{survey}/secret.csv'])",
    "INSTALL httpfs FROM 'http://127.0.0.1:9'",
    "LOAD '{outside}/x.duckdb_extension'",
    "ATTACH 'http://127.0.0.1:9/x.duckdb'",
    "ATTACH ':memory:' AS more",
    "CREATE SECRET (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "IMPORT DATABASE '{outside}'",
    "COPY entries FROM '/etc/passwd'",
    "INSERT INTO entries SELECT * FROM entries",
    "UPDATE entries SET q_mean = 1",
    "PRAGMA enable_profiling",
    "CREATE MACRO f() AS 1",
    "SET VARIABLE x = 1",
    "SELECT * FROM ATTACKS",
    "COPY entries TO '{outside}/x.csv'",
    "COPY (SELECT 1) TO '{survey}/tables/entries.parquet'",
    "WITH x AS (COPY (SELECT 1) TO '{outside}/x.csv') SELECT * FROM x",
    "FROM query('COPY (SELECT 1) TO ''{outside}/x.csv''')",
    "SELECT 1) TO '{outside}/x.csv' --",
    "EXPORT DATABASE '{outside}/x'",
    "ATTACH '{outside}/x.duckdb'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "PRAGMA database_list",
    "CALL enable_logging(storage = 'file', storage_path = '{outside}/log')",
    "FROM enable_logging(storage = 'file', storage_path = '{outside}/log')",
    "CREATE TABLE x AS SELECT 1",
    "DROP VIEW entries",
    "DELETE FROM entries",
    "EXPLAIN ANALYZE SELECT 1",
    "PREPARE x AS SELECT 1",
    "SELECT 1; SELECT 2",
    "",
    "-- nothing",
)


@pytest.mark.parametrize("sql", ATTACKS)
@pytest.mark.parametrize("written", [False, True], ids=["shown", "written"])
def test_nothing_but_the_tables(opened, survey, tmp_path, sql, written):
    before = (survey / "tables" / "entries.parquet").read_bytes()
    sql = sql.replace("{survey}", str(survey).replace("'", "''")).replace("{outside}", str(tmp_path))
    with pytest.raises((ValueError, OSError)) as caught:
        if written:
            opened.write(sql, tmp_path / "answer.csv")
        else:
            opened.ask(sql)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert (survey / "tables" / "entries.parquet").read_bytes() == before


def test_questions_change_nothing_that_others_see(survey):
    with audit.opened(survey) as opened:
        opened.ask("SELECT 1 AS a")
        assert opened.ask("SELECT count(*) FROM entries").rows == [(8,)]
        with pytest.raises(ValueError, match=r"(?i)delete"):
            opened.ask("WITH x AS (DELETE FROM entries RETURNING 1) SELECT * FROM x")
        assert opened.ask("SELECT count(*) FROM entries").rows == [(8,)]


def test_settings_hold_and_the_private_folder_goes(survey):
    with audit.opened(survey, audit.Limits(memory_mb=800, threads=1)) as opened:
        sql = "SELECT name, value FROM duckdb_settings() WHERE name IN ('memory_limit', 'threads', 'temp_directory')"
        found = dict(opened.ask(sql).rows)
        assert os.path.isdir(found["temp_directory"])
    assert found["threads"] == "1" and found["memory_limit"].startswith("381")  # 400 MB in units of 2^20
    assert not os.path.exists(os.path.dirname(found["temp_directory"]))


def test_what_does_not_fit_into_memory_spills(survey):
    with audit.opened(survey, audit.Limits(memory_mb=200, threads=1)) as opened:
        found = opened.ask("SELECT repeat('x', 400) || range AS text FROM range(800000)", most=1)
        place = opened.ask("SELECT current_setting('memory_limit')").rows
        assert (found.total, place) == (800_000, [("190.7 MiB",)])
    with pytest.raises(ValueError, match="--memory"):  # one value cannot spill
        ask(survey, "SELECT length(string_agg(repeat('x', 1000), ',')) FROM range(400000)", memory_mb=200, threads=1)


# ---- formats and errors ----


def test_answers_are_written_whole(survey, tmp_path):
    sql = "SELECT emdb_id, q_mean, sample FROM entries ORDER BY ALL"
    with audit.opened(survey) as opened:
        for ending in (".csv", ".tsv", ".parquet"):
            assert opened.write(sql, tmp_path / f"answer{ending}") == 8
        with pytest.raises(ValueError, match="no table 'worklist'"):
            opened.write("FROM worklist", tmp_path / "none.csv")
    assert [row["q_mean"] for row in tables.read_tsv(tmp_path / "answer.csv")][:2] == ["0.55", "0.4"]
    assert [row["emdb_id"] for row in tables.read_tsv(tmp_path / "answer.tsv")][-1] == "EMD-5778"
    assert tables.read_rows(tmp_path / "answer.parquet")[0]["sample"] == "sample 1aaa"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answer.csv", "answer.parquet", "answer.tsv"]


@pytest.mark.parametrize("name", ["tables/entries.parquet", "tables/other.csv"])
def test_no_table_of_the_survey_is_written_over(survey, name):
    before = (survey / "tables" / "entries.parquet").read_bytes()
    with audit.opened(survey) as opened, pytest.raises(ValueError, match="among the tables of the survey"):
        opened.write("SELECT 1 AS a", survey / name)
    assert (survey / "tables" / "entries.parquet").read_bytes() == before and not (survey / "tables/other.csv").exists()


@pytest.mark.parametrize(
    "sql", ["SELECT ';é' AS a; -- é; that is all", "-- first\nSELECT ';é' AS a ;;", "/* ; */ SELECT ';é' a"]
)
def test_comments_around_a_question(opened, sql):
    assert opened.ask(sql).rows == [(";é",)]


def test_the_first_rows_and_how_many_there_are(opened):
    found = opened.ask("SELECT pdb_id FROM entries WHERE resolution <= $r ORDER BY 1", {"r": 3.0}, most=2)
    assert (found.columns, found.rows, found.total) == (["pdb_id"], [("1aaa",), ("2bbb",)], 4)


@pytest.mark.parametrize(
    ("sql", "values", "said"),
    [
        ("SELEC 1", {}, "syntax error"),
        ("SELECT resolutio FROM entries", {}, r"resolutio.*\"resolution\".*\[LINE 1: SELECT resolutio FROM entries\]"),
        ("FROM rivals", {}, "this survey has no table 'rivals'"),
        ("FROM atoms", {}, "there is no table 'atoms'.*entries, "),
        ("SELECT $r", {}, r"leaves open \$r"),
        ("SELECT 1", {"r": 1}, "has no value r"),
    ],
)
def test_errors_are_one_line(opened, sql, values, said):
    with pytest.raises(ValueError, match=said) as caught:
        opened.ask(sql, values)
    assert "\n" not in str(caught.value)


def test_a_folder_without_tables(tmp_path):
    with pytest.raises(ValueError, match="holds no survey's tables"):
        surveytables.files(tmp_path)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "entries.parquet").write_text("no table")
    with pytest.raises(ValueError, match=r"cannot read .*entries\.parquet"):
        ask(tmp_path, "FROM entries")


@pytest.mark.parametrize(
    ("place", "content", "name", "also"),
    [
        ("fit/offsets.tsv", b"a\tb\n1\t2\n", "offsets", "judged_residues"),
        ("fit/lines.tsv", b"\xff\xfe\x00", "lines", None),
        ("regions/regions.parquet", b"PAR1", "regions", None),
        ("tables/residues.parquet", b"", "residues", "judged_residues"),
    ],
)
def test_a_broken_table_stops_its_own_questions_alone(survey, tmp_path, place, content, name, also):
    folder = tmp_path / "results"
    shutil.copytree(survey, folder)
    (folder / place).write_bytes(content)
    with audit.opened(folder) as opened:
        assert opened.ask("FROM entries").total == len(ENTRIES)
        for broken in filter(None, (name, also)):
            with pytest.raises(ValueError, match=f"no question of '{broken}' can be answered: .*{place}") as caught:
                opened.ask(f"FROM {broken}")
            assert "\n" not in str(caught.value)


def test_questions_by_name():
    with pytest.raises(ValueError, match="did you mean worst-ligands"):
        readyquestions.question("wurst-ligands")
    question = readyquestions.question("waters-not-there")
    assert question.set(["most=0.1"]) == {"least": 10, "most": 0.1}
    assert "at or below 0.1" in question.words(question.set(["most=0.1"]))["Rule"]
    for given, said in (("worst=1", "has no value worst"), ("most=x", "expected a number"), ("most", "name=value")):
        with pytest.raises(ValueError, match=said):
            question.set([given])
    with pytest.raises(ValueError, match="does not say: Rule, Columns, Mind"):
        readyquestions.read("bare", "-- Title\nSELECT 1")


# ---- the command ----


def run(*arguments):
    return CliRunner().invoke(cli.qscore, ["audit", *map(str, arguments)])


def test_command(survey, tmp_path):
    assert "worst-ligands" in run("--list").output
    assert run("worst-ligands", "--show").output == readyquestions.question("worst-ligands").text
    found = run("worst-ligands", "--results", survey, "--set", "least=30", "--rows", 5)
    assert found.exit_code == 0 and "ATP" in found.output and "1 row" in found.output
    assert "at least 30 non-hydrogen atoms" in " ".join(found.output.split())
    found = run("FROM entries ORDER BY ALL", "--results", survey, "--rows", 2)
    assert "2 of 8 rows" in found.output and "not shown for want of width" in found.output
    found = run("worst-ligands", "--results", survey, "--out", tmp_path / "x.csv")
    assert found.exit_code == 0 and "3 rows written" in found.output and (tmp_path / "x.csv").stat().st_size
    assert run().exit_code == 2
    found = run("FROM entries", "--results", survey, "--out", tmp_path / "x.xlsx")
    assert isinstance(found.exception, ValueError) and "cannot tell the format" in str(found.exception)


def test_text_cannot_steer_the_terminal(survey):
    sql = "SELECT chr(27) || '[31m' || chr(8238) || '[bold]<script>' AS \"[red]x\", repeat('y', 10000) AS long"
    found = run(sql, "--results", survey).output
    assert "\x1b" not in found and "\u202e" not in found
    assert "[bold]<script>" in found and "[red]x" in found and "y" * 59 + "…" in found


def test_what_a_survey_has_no_rows_of_is_said(tmp_path, capsys):
    put(tmp_path, "tables/entries.parquet", layouts.ENTRIES, ENTRIES)
    put(tmp_path, "tables/chains.parquet", layouts.CHAINS, CHAINS)
    put(tmp_path, "flags/flags.parquet", layouts.FLAGS, [row for row in ENTRIES if row["status"] == "scored"])
    put(tmp_path, "regions/regions.parquet", layouts.REGIONS, [])
    with audit.opened(tmp_path, audit.Limits(threads=1)) as opened:
        assert opened.empty("SELECT 1 FROM regions JOIN flags USING (emdb_id) JOIN nowhere") == ["regions"]
        assert opened.empty("SELECT 1 FROM entries") == []
    assert cli.main(["audit", "unresolved-chains", "--results", str(tmp_path)]) == 0
    assert "empty in this survey, so nothing could be found: regions" in capsys.readouterr().err
