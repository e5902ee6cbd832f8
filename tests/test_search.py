"""The search's CSV in EMDB's dialect becomes facts; nothing of the dialect is taken for granted."""

import csv
import gzip
import io
import json

import pytest
import searchrows
from hypothesis import given
from hypothesis import strategies as st

from qscore import ids, resolutions, search
from qscore.errors import BadAnswer
from qscore.search import cells, read_search

TRUTH = searchrows.entries(400, seed=3)


def answer_of(*rows, columns=search.FIELDS):
    """A CSV of rows that say what differs from an ordinary entry."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    usual = {
        "emdb_id": "EMD-1234", "structure_determination_method": "singleParticle", "resolution": "3.2",
        "resolution_method": "FSC 0.143 CUT-OFF", "fitted_pdbs": "1abc", "map_release_date": "2022-10-12T00:00:00Z",
        "current_status": "REL",
    }  # fmt: skip
    for row in rows:
        writer.writerow([(usual | row).get(name, "") for name in columns])
    return out.getvalue().encode()


def only(columns=search.FIELDS, **cell):
    (record,) = read_search(answer_of(cell, columns=columns)).records
    return record


# ---- cells ----


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        ("one", ["one"]),
        ("a,b", ["a", "b"]),
        (r"P/E\, A/P tRNA", ["P/E, A/P tRNA"]),
        (r"a\,b,c", ["a,b", "c"]),
        ("a, b", ["a", "b"]),
        ("a,,b", ["a", "", "b"]),
        (",", ["", ""]),
    ],
)
def test_values_of_a_cell(text, values):
    assert cells(text) == values


@given(st.lists(st.text(alphabet="ab, é'\"\n", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=5))
def test_what_is_joined_comes_apart(values):
    assert cells(searchrows.joined(values)) == values


# ---- a whole answer ----


@pytest.mark.parametrize("dialect", searchrows.DIALECTS)
def test_what_the_answer_says_is_what_is_true(dialect):
    answer = read_search(searchrows.answer(TRUTH, dialect=dialect, seed=4))
    assert answer.fields == searchrows.COLUMNS
    assert answer.missing == []
    assert answer.damaged == 0
    assert [record["emdb_id"] for record in answer.records] == [entry["emdb_id"] for entry in TRUTH]
    for record, entry in zip(answer.records, TRUTH, strict=True):
        assert [pdb_id for pdb_id, _ in record["models"]] == entry["models"]
        assert record["released"] == (entry["status"] == "REL")
        assert record["method"] == entry["method"]
        assert record["voxel"] == entry["voxel"]
        assert record["point_group"] == entry["point_group"]
        assert (record["update"], record["deposition"]) == (entry["update"], entry["date"])
        assert (record["doi"], record["pubmed"]) == (entry["doi"], entry["pubmed"])
        assert record["uniprot"] == tuple(entry["uniprot"])
        assert record["software"] == "; ".join(entry["software"])
        assert (record["title"], record["sample"]) == (entry["title"], entry["sample"])
        assert record["calculated_resolution"] == entry["calculated"]
        assert record["map_model_fsc05"] == entry["map_model"]
        values = {value for value, criterion in entry["resolutions"] if criterion == resolutions.BY_0143}
        values = values or {value for value, _ in entry["resolutions"]}
        assert record["resolution"] == (values.pop() if len(values) == 1 else None)


def test_the_dialects_are_different_answers():
    bodies = {dialect: searchrows.answer(TRUTH, dialect=dialect) for dialect in searchrows.DIALECTS}
    assert len(set(bodies.values())) == 4
    several = sum(len(entry["models"]) > 1 for entry in TRUTH)
    assert several > 0
    assert read_search(bodies["repeated"]).rows == sum(len(entry["models"]) or 1 for entry in TRUTH) > len(TRUTH)
    assert read_search(bodies["quoted"]).rows == read_search(bodies["bare"]).rows == len(TRUTH)


def test_an_answer_may_be_a_file_gzipped_or_not(tmp_path):
    body = searchrows.answer(TRUTH[:20])
    (tmp_path / "a.csv").write_bytes(body)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(body))
    expected = read_search(body)
    assert read_search(tmp_path / "a.csv") == expected
    assert read_search(tmp_path / "a.csv.gz") == expected
    with pytest.raises(ValueError, match=r"cannot read the search's answer .*none\.csv: No such file"):
        read_search(tmp_path / "none.csv")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(body)[:-50])
    with pytest.raises(ValueError, match="cannot read the search's answer"):
        read_search(tmp_path / "b.csv.gz")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_line_ends_and_byte_order_marks(newline, mark):
    body = searchrows.answer(TRUTH[:30])
    changed = mark + body.replace(b"\n", newline.encode())
    assert read_search(changed) == read_search(body)
    assert search.check_header(changed) == searchrows.COLUMNS
    assert search.count(changed) == search.count(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!DOCTYPE html>\n<html><body>Service error</body></html>\n",
        b'{"error": "no such field"}',
        b"title,resolution\na,3\n",
        b"emdb_id,resolution,map_release_date\nEMD-1234,3,2022-01-01\n",
        b"emdb_id,fitted_pdbs,resolution\nEMD-1234,1abc,3\n",
    ],
    ids=["nothing", "a page", "json", "no ids", "no models", "no status"],
)
def test_what_is_no_answer(body):
    for read in (read_search, search.check_header, search.count):
        with pytest.raises(BadAnswer, match="the search's answer has no column"):
            read(body)


@pytest.mark.parametrize(
    ("tail", "says"),
    [
        (b'"' + b"x" * (11 << 20), "is no CSV"),
        (b'"' + b"x" * 200_000, "is damaged: 1 of 2 rows"),
        (b"\xff\xfe,\n" * 3, "is damaged: 3 of 4 rows"),
    ],
    ids=["a quote without end", "a quote that never closes", "not text"],
)
def test_an_answer_that_turns_into_rubbish(tail, says):
    with pytest.raises(BadAnswer, match=f"the search's answer {says}"):
        read_search(answer_of({}) + tail)


def test_one_byte_of_another_encoding_and_a_long_cell_are_read():
    body = answer_of({"title": "Structure of caf@ine", "sample_info_string": "x" * 300_000}).replace(b"@", b"\xe9")
    (record,) = read_search(body).records
    assert record["title"] == "Structure of caf\ufffdine"
    assert len(record["sample"]) == 300_000
    assert search.count(body) == (1, {"EMD-1234"})


def test_rows_swallowed_by_a_stray_quote_are_counted():
    rows = [{"emdb_id": f"EMD-{1000 + k}", "title": "plain"} for k in range(400)]
    body = answer_of(*rows).replace(b"EMD-1001,", b'EMD-1001,"', 1).replace(b"plain", b'plain"', 1)
    with pytest.raises(BadAnswer, match="the search's answer is damaged: "):
        read_search(body)
    two = answer_of(*rows).replace(b",plain,", b',"plain,', 1).replace(b"EMD-1002,", b'EMD-1002",', 1)
    read = read_search(two)
    assert (read.damaged, read.rows) == (3, 400)
    named = {record["emdb_id"] for record in read.records}
    assert len(named) == 397 and "EMD-1001" not in named and "EMD-1003" in named


@pytest.mark.parametrize("cut", [1, 2, 30])
def test_an_answer_that_breaks_off(cut):
    body = answer_of({}, {"emdb_id": "EMD-2000"})
    search.check_end(body)
    with pytest.raises(BadAnswer, match="the search's answer breaks off: it ends with '"):
        search.check_end(body[:-cut])


@pytest.mark.parametrize(
    "cell", ["1abc 2xyz", "1abc; 2XYZ", "['1abc', '2xyz']", '["1ABC","2xyz"]', "1abc\\,2xyz", "1abc,2xyz"]
)
def test_models_however_they_are_put_together(cell):
    assert only(fitted_pdbs=cell)["models"] == (("1abc", None), ("2xyz", None))


@pytest.mark.parametrize(("told", "released"), [("REL REL", True), ("REL OBS", False), ("OBS REL", False)])
def test_an_entry_is_released_when_all_its_rows_say_so(told, released):
    (record,) = read_search(answer_of(*({"current_status": status} for status in told.split()))).records
    assert record["released"] is released


def test_a_number_of_more_than_nine_digits_is_no_id():
    assert ids.EMDB_ID.fullmatch("EMD-123456789") and not ids.EMDB_ID.fullmatch("EMD-1234567890")


def test_a_few_damaged_rows_are_counted_and_many_are_refused():
    body = searchrows.answer(TRUTH, dialect="bare")
    read = read_search(body + b"EMD-9999,too,short\n\n")
    assert (read.damaged, read.rows) == (1, len(TRUTH) + 1)
    assert read.records == read_search(body).records
    with pytest.raises(BadAnswer, match="6 of 406 rows are not as its header says"):
        read_search(body + b"EMD-9999,too,short\n" * 6)


def test_columns_that_do_not_come():
    columns = ("emdb_id", "resolution", "fitted_pdbs", "map_release_date")
    answer = read_search(answer_of({}, columns=columns))
    (record,) = answer.records
    assert answer.missing == [name for name in search.FIELDS if name not in columns]
    assert record["released"]
    assert (record["resolution"], record["resolution_method"]) == (3.2, None)
    assert (record["method"], record["point_group"], record["title"], record["uniprot"]) == (None, "", "", ())


def test_columns_in_another_order_and_unknown_ones():
    columns = ("later", *reversed(search.FIELDS), "more")
    assert only(columns=columns) == only()


def test_models_are_read_from_the_references_when_their_column_does_not_come():
    columns = [name for name in search.FIELDS if name != "fitted_pdbs"]
    assert only(columns=columns, xref_PDB="1ABC,2abc")["models"] == (("1abc", None), ("2abc", None))
    assert only(fitted_pdbs="", xref_PDB="1abc")["models"] == ()


def test_a_resolution_that_is_not_told_is_not_missing():
    columns = [name for name in search.FIELDS if name != "resolution"]
    assert only(columns=columns)["x_fault"] == resolutions.NOT_TOLD
    assert only(resolution="")["x_fault"] == resolutions.NONE


# ---- ids ----


@pytest.mark.parametrize(
    ("cell", "models"),
    [
        ("7A4M", ["7a4m"]),
        ("pdb_00007a4m", ["7a4m"]),
        ("PDB_00007A4M", ["7a4m"]),
        ("pdb_10007a4m", ["pdb_10007a4m"]),
        ("7a4m,7A4M,pdb_00007a4m", ["7a4m"]),
        ("7a4m, 7a4n", ["7a4m", "7a4n"]),
        (" 7a4m ", ["7a4m"]),
        ("nonsense", ["nonsense"]),
    ],
)
def test_forms_of_pdb_ids(cell, models):
    assert [pdb_id for pdb_id, _ in only(fitted_pdbs=cell)["models"]] == models


@pytest.mark.parametrize(("given", "kept"), [("emd-1234", "EMD-1234"), (" EMD-12345 ", "EMD-12345"), ("x", "x")])
def test_forms_of_emdb_ids(given, kept):
    assert only(emdb_id=given)["emdb_id"] == kept


@pytest.mark.parametrize(
    ("text", "doi"),
    [
        ("doi:10.1093/nar/gkag888", "10.1093/nar/gkag888"),
        ("10.1038/S41467-026-77372-9", "10.1038/s41467-026-77372-9"),
        ("https://doi.org/10.1016/j.cell.2020.1", "10.1016/j.cell.2020.1"),
        ("?", ""),
        ("doi:", ""),
        ("To be published", ""),
    ],
)
def test_forms_of_dois(text, doi):
    assert ids.doi(text) == doi


@pytest.mark.parametrize(
    ("text", "pubmed"), [("42745665", "42745665"), ("pubmed:1", "1"), ("0", ""), ("-1", ""), ("?", "")]
)
def test_forms_of_pubmed_ids(text, pubmed):
    assert ids.pubmed(text) == pubmed


@pytest.mark.parametrize(
    ("text", "accession"),
    [
        ("P02794", "P02794"),
        ("p09528-2", "P09528"),
        ("UNIPROTKB:A0A024R161", "A0A024R161"),
        ("7a4m", ""),
        ("", ""),
        ("P027945", ""),
    ],
)
def test_forms_of_accessions(text, accession):
    assert ids.uniprot(text) == accession


def test_an_id_is_ascii():
    assert not ids.EMDB_ID.fullmatch("EMD-١٢٣٤")
    assert not ids.PDB_ID.fullmatch("٧a4m")
    assert not ids.EMDB_ID.fullmatch("EMD-1234\n")


# ---- one of several ----


@pytest.mark.parametrize(
    ("resolution", "method", "author", "taken"),
    [
        ("3.2", "FSC 0.143 CUT-OFF", "", (3.2, "FSC 0.143 CUT-OFF", "search: the only value", None)),
        ("3.2", "FSC 0.5 CUT-OFF", "3.2", (3.2, "FSC 0.5 CUT-OFF", "search: the only value", None)),
        ("3.2", "", "3.2", (3.2, "FSC 0.143 CUT-OFF", "search: the only value", None)),
        ("3.2", "", "", (3.2, None, "search: the only value", None)),
        ("3.2", "FSC 0.143 CUT-OFF,OTHER", "", (3.2, "FSC 0.143 CUT-OFF", "search: the only value", None)),
        ("3.2,3.2", "OTHER,FSC 0.143 CUT-OFF", "", (3.2, "FSC 0.143 CUT-OFF", "search: the only value", None)),
        ("4.1,3.2", "FSC 0.5 CUT-OFF,FSC 0.143 CUT-OFF", "",
         (3.2, "FSC 0.143 CUT-OFF", "search: of 2 values the one by FSC 0.143", None)),
        ("4.1,3.2,5", "OTHER,FSC 0.143 CUT-OFF,OTHER", "4.1",
         (3.2, "FSC 0.143 CUT-OFF", "search: of 3 values the one by FSC 0.143", None)),
        ("4.1,3.2", "FSC 0.143 CUT-OFF", "3.2",
         (3.2, "FSC 0.143 CUT-OFF", "search: of 2 values the author's by FSC 0.143", None)),
        ("4.1,3.2", "FSC 0.143 CUT-OFF,FSC 0.143 CUT-OFF", "4.1",
         (4.1, "FSC 0.143 CUT-OFF", "search: of 2 values the author's by FSC 0.143", None)),
        ("4.1,3.2", "FSC 0.143 CUT-OFF,FSC 0.143 CUT-OFF", "", (None, None, None, resolutions.SEVERAL)),
        ("4.1,3.2", "FSC 0.143 CUT-OFF,FSC 0.143 CUT-OFF", "4.1,3.2", (None, None, None, resolutions.SEVERAL)),
        ("4.1,3.2", "FSC 0.5 CUT-OFF,OTHER", "", (None, None, None, resolutions.SEVERAL)),
        ("4.1,3.2", "", "7", (None, None, None, resolutions.SEVERAL)),
        ("", "FSC 0.143 CUT-OFF", "", (None, None, None, "no resolution")),
        ("n/a", "", "", (None, None, None, "no resolution")),
        ("nan", "", "", (None, None, None, "no resolution")),
        ("0", "", "", (None, None, None, "resolution is not a positive number")),
        ("0,3.2", "OTHER,OTHER", "", (3.2, "OTHER", "search: the only value", None)),
    ],
)  # fmt: skip
def test_which_resolution_is_taken(resolution, method, author, taken):
    record = only(resolution=resolution, resolution_method=method, author_resolution_fsc_0143_value=author)
    assert tuple(record[key] for key in ("resolution", "resolution_method", "x_source", "x_fault")) == taken


@pytest.mark.parametrize(
    ("cell", "released"),
    [
        ({"current_status": "REL"}, True),
        ({"current_status": "REL", "obsolete_date": "2023-01-01"}, True),
        ({"current_status": "OBS"}, False),
        ({"current_status": "HPUB"}, False),
        ({"current_status": ""}, True),
        ({"current_status": "", "map_release_date": ""}, False),
        ({"current_status": "", "obsolete_date": "2023-01-01"}, False),
        ({"current_status": "", "withdrawn_date": "2023-01-01"}, False),
    ],
)
def test_released_by_status_else_by_dates(cell, released):
    assert only(**cell)["released"] is released


def test_rows_of_one_entry_are_put_together():
    rows = [
        {"fitted_pdbs": "1abc", "title": "", "resolution": "3.2", "xref_DOI": "10.1000/a", "software": "RELION,Gctf"},
        {
            "fitted_pdbs": "",
            "title": "first",
            "resolution": "4",
            "resolution_method": "OTHER",
            "xref_DOI": "10.1000/b",
            "software": "Gctf,EMAN2",
        },
        {
            "emdb_id": "emd-1234",
            "fitted_pdbs": "2ABC,1abc",
            "title": "second",
            "resolution": "",
            "resolution_method": "",
        },
    ]
    answer = read_search(answer_of(*rows))
    (record,) = answer.records
    assert answer.rows == 3
    assert record["models"] == (("1abc", None), ("2abc", None))
    assert record["title"] == "first"
    assert (record["doi"], record["several_doi"]) == ("10.1000/a", True)
    assert record["software"] == "EMAN2; Gctf; RELION"
    assert record["x_source"] == "search: of 2 values the one by FSC 0.143"


def test_several_references_are_known_to_be_several():
    record = only(xref_DOI="doi:10.1000/b,doi:10.1000/a,doi:10.1000/B", xref_PUBMED="12,12")
    assert (record["doi"], record["several_doi"]) == ("10.1000/b", True)
    assert (record["pubmed"], record["several_pubmed"]) == ("12", False)


def test_the_address_of_a_search():
    url = search.search_url("https://www.ebi.ac.uk/emdb/api/", "*:*", fl="emdb_id,title", wt="csv", rows=200000)
    assert url == "https://www.ebi.ac.uk/emdb/api/search/%2A%3A%2A?fl=emdb_id%2Ctitle&wt=csv&rows=200000"
    assert "/search/a%2F..%2Fb%20OR%20c%3F?" in search.search_url("http://x", "a/../b OR c?", rows=1)


@pytest.mark.real
def test_real_rows(real_data):
    """The sample has neither models nor dates: they are put beside it."""
    path = real_data / "api" / "search_sample_2026-10-01.csv"
    with pytest.raises(BadAnswer, match="no column fitted_pdbs or xref_PDB"):
        read_search(path)
    lines = path.read_text("utf-8").splitlines()
    body = "\n".join(
        [lines[0] + ",fitted_pdbs,map_release_date", *(line + ",1abc,2026-09-30T00:00:00Z" for line in lines[1:])]
    )
    answer = read_search(body.replace("primary_citation_title", "title").encode())
    by_id = {record["emdb_id"]: record for record in answer.records}
    assert (answer.rows, answer.damaged, len(by_id)) == (11, 0, 11)
    assert by_id["EMD-72801"]["title"].endswith("bypass mutant. P/E, A/P tRNA")
    assert (by_id["EMD-75396"]["doi"], by_id["EMD-75396"]["pubmed"]) == ("10.1093/nar/gkag888", "42745665")
    assert by_id["EMD-56939"]["doi"] == "10.1038/s41586-026-11016-2"
    assert by_id["EMD-66311"]["doi"] == by_id["EMD-66311"]["pubmed"] == ""


@pytest.mark.real
def test_the_columns_called_seen_were_seen(real_data):
    seen = set(json.loads((real_data / "api" / "search_fields_verified_2026-10-01.json").read_text("utf-8"))["fields"])
    seen |= set((real_data / "api" / "search_sample_2026-10-01.csv").read_text("utf-8").splitlines()[0].split(","))
    assert set(search.SEEN) <= seen
    assert not set(search.UNPROVEN) & seen
