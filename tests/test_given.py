"""Scores that others computed: the archive's and a table's, as the tables of a survey."""

import numpy as np
import pytest

from qscore import given, tables
from qscore.regression import fit_line
from qscore.selection import FitRule, why_not


def write_table(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def survey_of(table, folder):
    """A table through both stages → rows of the entries."""
    pairs, _ = given.pairs_of_table(table)
    tables.write_parquet(folder / "pairs.parquet", tables.PAIRS, tables.as_columns(tables.PAIRS, pairs))
    given.from_table(table, folder / "pairs.parquet", folder / "out")
    return tables.read_rows(folder / "out" / "entries.parquet")


# ---- the archive's own ----


def published_survey(folder, values):
    """(EMDB id, PDB id, published Q, source) → rows of the entries."""
    pairs = [{"emdb_id": a, "pdb_id": b, "resolution": 3.0, "sample": "x"} for a, b, *_ in values]
    keys = ("emdb_id", "pdb_id", "q_published", "published_source")
    rows = [dict(zip(keys, value, strict=True)) for value in values if value[3]]
    tables.write_parquet(folder / "pairs.parquet", tables.PAIRS, tables.as_columns(tables.PAIRS, pairs))
    tables.write_parquet(folder / "p.parquet", tables.PUBLISHED, tables.as_columns(tables.PUBLISHED, rows))
    given.from_published(folder / "pairs.parquet", folder / "p.parquet", folder / "out")
    return tables.read_rows(folder / "out" / "entries.parquet", layout=tables.ENTRIES)


def test_published_q_is_a_score_or_a_reason(tmp_path):
    rows = published_survey(
        tmp_path,
        [
            ("EMD-1001", "1abc", 0.445, "RCSB GraphQL"),
            ("EMD-1002", "2abc", None, "not published"),
            ("EMD-1003", "3abc", None, "no readable answer"),
            ("EMD-1004", "4abc", None, None),
        ],
    )
    assert [row["status"] for row in rows] == ["scored", *["unusable"] * 3]
    assert [row["reason"] for row in rows] == [None, "not_published", "download_damaged", "not_published"]
    assert [row["transient"] for row in rows] == [None, False, True, False]
    scored = rows[0]
    assert (scored["q_mean"], scored["q_published"], scored["version"]) == (0.445, 0.445, "published")
    assert scored["n_atoms"] is None and scored["sample"] == "x" and scored["resolution"] == 3.0
    assert why_not(scored, FitRule()) == "" and why_not(rows[1], FitRule()) == "not_published"
    assert tables.read_rows(tmp_path / "out" / "residues.parquet", layout=tables.RESIDUES) == []
    assert len(tables.read_tsv(tmp_path / "out" / "entries.tsv")) == 4


def test_one_value_for_a_model_in_several_maps_is_said(tmp_path):
    values = [("EMD-1001", "1abc", 0.4, "r"), ("EMD-1002", "1abc", 0.4, "r"), ("EMD-1003", "2abc", 0.5, "r")]
    notes = [row["notes"] for row in published_survey(tmp_path, values)]
    assert notes == ["one published Q for the model, which lies in 2 maps here"] * 2 + [""]


# ---- a table ----


def test_the_archive_table_gives_the_known_line(real_data, tmp_path):
    rows = survey_of(real_data / "mapq_survey_2025.csv", tmp_path)
    resolution, q, cc, cc_mean = (
        np.array([np.nan if row[name] is None else row[name] for row in rows])
        for name in ("resolution", "q_mean", "cc", "cc_mean")
    )
    for among, n, slope, intercept, r_squared in (
        (np.full(len(rows), True), 10_188, -0.092150, 0.752570, 0.59605),
        (cc > 0.7, 8_785, -0.093098, 0.763708, 0.66002),
        (cc_mean > 0.5, 9_203, -0.093918, 0.774643, 0.69063),
        (cc_mean > 0.7, 1_694, -0.094830, 0.850267, 0.88305),
    ):
        line = fit_line(resolution[among], q[among])
        assert (line.n, round(line.slope, 6), round(line.intercept, 6)) == (n, slope, intercept)
        assert round(line.r_squared, 5) == r_squared
    assert sum(row["map_model_fsc05"] is not None for row in rows) == 10_185
    assert {row["version"] for row in rows} == {"mapq_survey_2025.csv"}
    assert {why_not(row, FitRule()) for row in rows} == {""}


@pytest.mark.parametrize(
    "header",
    [
        "emdb_id,pdb_id,resolution,q",
        "EMDB,PDB,Reported Resolution,Q-score",
        "id,model,res,q_mean",
        "EMD ID,pdb id,Resolution (A),Q",
    ],
)
def test_columns_by_their_usual_names(tmp_path, header):
    (row,) = survey_of(write_table(tmp_path / "t.csv", header, "emd_5147,3IYK,7,0.099"), tmp_path)
    assert (row["emdb_id"], row["pdb_id"], row["resolution"], row["q_mean"]) == ("EMD-5147", "3iyk", 7.0, 0.099)
    assert row["x_source"] == f"{header.split(',')[2]} of t.csv"


def test_tabs_unless_the_name_says_commas(tmp_path):
    for name, sign in (("t.tsv", "\t"), ("t.txt", "\t"), ("t.CSV", ",")):
        table = write_table(tmp_path / name, sign.join(("id", "resolution", "q")), sign.join(("EMD-1234", "3", ".5")))
        assert survey_of(table, tmp_path)[0]["q_mean"] == 0.5


def test_a_table_needs_no_model(tmp_path):
    (row,) = survey_of(write_table(tmp_path / "t.csv", "id,resolution,q", "339,3,0.5"), tmp_path)
    assert (row["emdb_id"], row["pdb_id"]) == ("EMD-0339", "")


def test_what_stands_beside_stays_and_clashes_with_nothing(tmp_path):
    table = write_table(
        tmp_path / "t.csv",
        "emdb,pdb,res,q,FSC05,CC mean,cc-mean,EMRinger,em ringer,status,2nd look,%,q_backbone,who,reason,empty,version",
        "EMD-1001,1abc,3,0.5,3.4,0.61,1,0.7,1.5,new,7,0.5,0.4,Ada,late,,1.9",
        "EMD-1002,2abc,4,0.4,n/a,NA,2,NA,2.5,old,x,1e3,-,Eve,,,2.9",
    )
    one, two = survey_of(table, tmp_path)
    beside = {key: (one[key], two[key]) for key in one if key not in tables.ENTRIES.names}
    assert beside == {
        "given_cc_mean": (1.0, 2.0),
        "emringer": (0.7, None),
        "em_ringer": (1.5, 2.5),
        "given_status": ("new", "old"),
        "column_2nd_look": ("7", "x"),
        "column": (0.5, 1000.0),
        "given_q_backbone": (0.4, None),
        "who": ("Ada", "Eve"),
        "given_reason": ("late", None),
        "empty": (None, None),
        "given_version": (1.9, 2.9),
    }
    assert (one["status"], one["reason"], one["version"], one["q_backbone"]) == ("scored", None, "t.csv", None)
    assert (one["map_model_fsc05"], two["map_model_fsc05"]) == (3.4, None)
    text = tables.read_tsv(tmp_path / "out" / "entries.tsv")
    assert text[0]["who"] == "Ada" and text[1]["cc_mean"] == ""


def test_columns_of_pairs_are_used_as_they_are(tmp_path):
    table = write_table(
        tmp_path / "t.csv",
        "id,pdb,resolution,q,method,resolution_method,sample,uniprot,doi,voxel,composite,point_group,map_release",
        "EMD-1001,1abc,3,0.5,singleParticle,FSC 0.143 CUT-OFF,Apoferritin,P02794;q9y6k9,doi:10.1000/A,0.5,no,O,"
        "2021-02-03T00:00:00",
        "EMD-1002,2abc,3,0.5,helical,,mouse apoferritin,,,2.0,yes,O,",
    )
    one, two = survey_of(table, tmp_path)
    assert (one["method"], one["voxel"], one["nyquist_ratio"], one["composite"]) == ("singleParticle", 0.5, 3.0, False)
    assert (one["uniprot"], one["doi"], one["map_release"]) == ("P02794 Q9Y6K9", "10.1000/a", "2021-02-03")
    assert (one["cluster_pub"], one["cluster_protein"]) == ("doi:10.1000/a", "uniprot:P02794 Q9Y6K9")
    assert one["apoferritin"] is None and two["apoferritin"] == "ferritin in the name and point group O"
    assert [why_not(row, FitRule()) for row in (one, two)] == ["", "method helical"]


def test_clusters_that_the_table_gives_are_kept(tmp_path):
    table = write_table(tmp_path / "t.csv", "id,resolution,q,cluster_pub", "EMD-1001,3,0.5,us", "EMD-1002,3,0.5,")
    assert [row["cluster_pub"] for row in survey_of(table, tmp_path)] == ["us", "EMD-1002"]


def test_rows_that_cannot_be_used_keep_their_reason(tmp_path):
    table = write_table(
        tmp_path / "t.csv",
        "id,pdb,resolution,q",
        "EMD-1001,1abc,3,0.5",
        "EMD-1002,1abc,,0.5",
        "EMD-1003,1abc,0,0.5",
        "EMD-1004,1abc,three,0.5",
        "EMD-1005,1abc,3,",
        "EMD-1006,1abc,3,good",
        "EMD-1007,1abc,3,1.01",
        "EMD-1008,../x,3,0.5",
        ",1abc,3,0.5",
        "EMD-1001,1ABC,3,0.6",
        "EMD-1009,1abc,3,NaN",
    )
    pairs, excluded = given.pairs_of_table(table)
    assert [(row["emdb_id"], row["q_mean"]) for row in pairs] == [("EMD-1001", 0.5)]
    assert {(row["emdb_id"], row["reason"]) for row in excluded} == {
        ("EMD-1001", "the pair stands in the table before"),
        ("EMD-1002", "no resolution"),
        ("EMD-1003", "resolution is not a positive number"),
        ("EMD-1004", "resolution is not a positive number"),
        ("EMD-1005", "no Q"),
        ("EMD-1006", "Q is not a number"),
        ("EMD-1007", "Q outside −1 to 1"),
        ("EMD-1008", "pdb_id is not a name of letters, digits and ._+-"),
        ("", "emdb_id is not a name of letters, digits and ._+-"),
        ("EMD-1009", "no Q"),
    }
    tables.write_tsv(tmp_path / "excluded.tsv", tables.EXCLUDED, tables.as_columns(tables.EXCLUDED, excluded))


def test_pairs_without_a_row_have_a_reason(tmp_path):
    table = write_table(tmp_path / "t.csv", "id,pdb,resolution,q,cc", "EMD-1001,1abc,3,0.5,0.7")
    pairs = [{"emdb_id": "EMD-0999", "pdb_id": "9abc", "resolution": 3.0}, *given.pairs_of_table(table)[0]]
    tables.write_parquet(tmp_path / "pairs.parquet", tables.PAIRS, tables.as_columns(tables.PAIRS, pairs))
    given.from_table(table, tmp_path / "pairs.parquet", tmp_path / "out")
    absent, there = tables.read_rows(tmp_path / "out" / "entries.parquet")
    assert (absent["status"], absent["reason"], absent["detail"]) == ("unusable", "not_published", "no Q in t.csv")
    assert (absent["cc"], there["cc"], there["q_mean"]) == (None, 0.7, 0.5)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["id,resolution,q"], "no rows"),
        (
            ["id,resolution,score", "EMD-1001,3,0.5"],
            "no column q or q_mean or qscore .* id, resolution, score",
        ),
        (["name,res", "EMD-1001,3"], "no column emdb_id or .*; q or q_mean"),
        (["id\tresolution\tq", "EMD-1001\t3\t0.5"], "no column emdb_id or "),
    ],
)
def test_a_table_of_something_else_is_refused(tmp_path, lines, words):
    with pytest.raises(ValueError, match=words):
        given.pairs_of_table(write_table(tmp_path / "t.csv", *lines))


def test_a_table_that_is_not_there():
    with pytest.raises(ValueError, match="cannot read table"):
        given.pairs_of_table("nowhere.csv")


def test_same_table_same_bytes(tmp_path):
    table = write_table(tmp_path / "t.csv", "id,resolution,q,cc", "EMD-1002,3,0.5,1", "EMD-1001,4,0.4,2")
    files = []
    for _ in range(2):
        survey_of(table, tmp_path)
        files.append({path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()})
    assert files[0] == files[1] and set(files[0]) == {
        "entries.parquet", "entries.tsv", "residues.parquet", "chains.parquet", "ligands.parquet", "inclusion.parquet"
    }  # fmt: skip
    assert [row["emdb_id"] for row in tables.read_tsv(tmp_path / "out" / "entries.tsv")] == ["EMD-1001", "EMD-1002"]
