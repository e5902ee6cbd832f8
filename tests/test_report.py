"""The report: one file that requests nothing, shows the tables' numbers and takes names as text."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from types import SimpleNamespace

import numpy as np
import pytest
from test_figures import (
    drawable_rows,
    entry,
    on_curve,
    residue_rows,
    unusable,
    usual_rows,
    write_draws,
)
from test_figures import write_survey as newly_written

from qscore import concordance, fitting, judging, strips, tables
from qscore.errors import REASONS
from qscore.localscale import descriptive_z
from qscore.publications import without as named
from qscore.report import gallery, interactive, page, parts
from qscore.report.explore import GROUPS, MANY, explorer, marks
from qscore.report.packed import packed, unpacked
from qscore.report.words import percentile, plain, signed, small_number
from qscore.rivalscores import FAMILIES
from qscore.selection import FitRule
from qscore.subsets import parse

SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'
EXCLUDED = [
    {"emdb_id": "EMD-20001", "pdb_id": "", "sample": "no model here", "reason": "no fitted model"},
    {"emdb_id": "EMD-20002", "pdb_id": "2aaa", "sample": "vague", "reason": "no resolution"},
]
VOID = {"meta", "img", "br", "link", "input", "hr", "base"}


class Page(HTMLParser):
    """Elements, text and tables of a page; fails on tags that do not pair."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.text, self.elements, self.open, self.tables, self.words = text, [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if {"style", "script"} & set(self.open):
            return
        self.words.append(data)
        if {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data

    def attributes(self, name):
        return [attributes[name] for _, attributes in self.elements if name in attributes]

    def blocks(self):
        """The JSON that stands in the page: id → content."""
        found = re.findall(r'<script type="application/json" id="([a-z-]+)">(.*?)</script>', self.text, re.DOTALL)
        return {name: json.loads(text) for name, text in found}

    def column(self, name):
        """A column of the data that feed plot and table: a list; words where it holds places in a list of words."""
        facts = self.blocks()["survey-facts"]
        block = re.search(r'<script type="text/plain" id="survey-data">([A-Za-z0-9+/=]*)</script>', self.text)[1]
        values = unpacked(facts["layout"], block)[name]
        words = facts["words"].get(name)
        return [words[k] for k in values] if words else values

    def said(self):
        return " ".join(" ".join(self.words).split())

    def table(self, heading):
        """Rows of the table under a heading of a column, by column."""
        found = next(rows for rows in self.tables if heading in rows[0])
        return [dict(zip(found[0], row, strict=True)) for row in found[1:]]


_WRITTEN = {}


def write_survey(folder, rows):
    """As of `test_figures`, but the same rows are fitted once: a copy of the files."""
    key = repr(rows)
    if key not in _WRITTEN:
        paths = newly_written(folder, rows)
        _WRITTEN[key] = {one.name: one.read_bytes() for one in (paths.entries, paths.residues, paths.flags, paths.fit)}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in _WRITTEN[key].items():
        (folder / name).write_bytes(content)
    return write_paths(folder)


FIGURES = ("q_vs_resolution", "apoferritin", "flagged_entries")


def make(folder, rows, *, excluded=EXCLUDED, figures=FIGURES, subsets=(), told=None, **more):
    """The report of a survey, parsed; `told` is what the catalogue tells beside."""
    folder.mkdir(exist_ok=True)
    paths = write_survey(folder, rows)
    if subsets:
        tables.write_json(paths.fit, fitting.fit(paths.entries, FitRule(), parse(subsets)))
        more["subsets"] = parse(subsets)
    tables.write_tsv(folder / "excluded.tsv", tables.EXCLUDED, tables.as_columns(tables.EXCLUDED, excluded))
    facts = {"source": "EMDB <answers>", "sha256": "ab12", "n_pairs": len(rows), "n_excluded": len(excluded)}
    tables.write_json(folder / "catalogue.json", facts | {"newest_map_release": "2026-01-07"} | (told or {}))
    (folder / "figures").mkdir(exist_ok=True)
    for name in figures:
        (folder / "figures" / f"{name}.svg").write_text(SVG)
    write(paths, **more)
    return Page((folder / "report.html").read_text(encoding="utf-8"))


def write(paths, **more):
    at = paths.folder
    page.write_report(
        paths.entries, paths.flags, at / "excluded.tsv", paths.fit, at / "catalogue.json", at / "figures",
        at / "report.html", **more,
    )  # fmt: skip


_DRAWN = []


@pytest.fixture(autouse=True)
def drawn_once(monkeypatch):
    """The plot is drawn once for all pages: what these tests read of a page does not lie in it.

    `monkeypatch.undo()` draws every page anew.
    """

    def once(columns, curve, **more):
        if not _DRAWN:
            _DRAWN.append(explorer(columns, curve, **more))
        return _DRAWN[0]

    monkeypatch.setattr(interactive, "explorer", once)


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return make(tmp_path_factory.mktemp("usual"), usual_rows(), configuration="config/emdb.yaml")


def test_requests_nothing(usual):
    assert not {"link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in usual.elements}
    assert not [attributes for tag, attributes in usual.elements if tag == "script" and "src" in attributes]
    assert all(source.startswith("data:") for source in usual.attributes("src"))
    pattern = r"#[a-z]+|#entry=EMD-\d{4,6}_[0-9a-z]+|https://www\.ebi\.ac\.uk/emdb/EMD-\d{4,6}|https://www\.rcsb\.org/structure/[0-9A-Z]{4}"
    assert all(re.fullmatch(pattern, address) for address in usual.attributes("href"))
    style = re.search(r"<style>(.*?)</style>", usual.text, re.DOTALL)[1]
    assert "url(" not in style and "@import" not in style and "src" not in style
    assert not [name for _, attributes in usual.elements for name in attributes if name.startswith("on")]
    assert not {"srcset", "poster", "ping", "action"} & {name for _, a in usual.elements for name in a}


def test_policy_forbids_every_request_before_anything_is_read(usual):
    metas = [attributes for tag, attributes in usual.elements if tag == "meta"]
    assert metas[0] == {"charset": "utf-8"}
    assert metas[1]["http-equiv"] == "Content-Security-Policy"
    policy = metas[1]["content"]
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:;") and "http" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", usual.text, re.DOTALL)
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = re.search(r"script-src ([^;]*);", policy)[1]
    assert allowed == " ".join(f"'sha256-{digest}'" for digest in digests) and len(scripts) == 3
    assert "unsafe-eval" not in policy and policy.count("unsafe-inline") == 1


def test_is_accessible(usual):
    assert ("html", {"lang": "en"}) in usual.elements
    identities = usual.attributes("id")
    assert len(identities) == len(set(identities))
    anchors = [address[1:] for address in usual.attributes("href") if address.startswith("#")]
    entries = {one for one in anchors if one.startswith("entry=")}
    pairs = zip(usual.column("emdb"), usual.column("pdb"), strict=True)
    assert entries <= {f"entry={emdb}_{pdb}" for emdb, pdb in pairs}
    assert anchors[0] == "main" and set(anchors) - entries <= set(identities)
    assert all(attributes.get("alt") for tag, attributes in usual.elements if tag == "img")
    assert all(attributes.get("scope") == "col" for tag, attributes in usual.elements if tag == "th")
    assert [tag for tag, _ in usual.elements if tag == "h1"] == ["h1"]


def test_sections_come_in_order(usual):
    sections = [attributes["id"] for tag, attributes in usual.elements if tag == "section" and "id" in attributes]
    first, last = (
        ["explore", "resolution", "equations", "coverage", "subsets"],
        ["outside", "unscored", "excluded", "limits", "provenance"],
    )
    assert sections == [*first, "flagged", *last]


def test_headline_numbers_are_those_of_the_tables(tmp_path):
    found = make(tmp_path, usual_rows())
    line = fitting.fit(tmp_path / "entries.parquet", FitRule())["fits"]["all"]["line"]
    slope = f"{line['slope']:.5f} ± {line['slope_se']:.5f}".replace("-", "−")
    counts = (("19", "pairs of map"), ("18", "scored"), ("1", "not scored"), ("2", "left out by"), ("15", "in the fit"))
    judged = (
        (slope, "per Å"),
        (f"{line['r_squared']:.2f}", "R² of the line"),
        ("2", "flagged low"),
        ("1", "flagged high"),
    )
    for value, what in counts + judged:
        assert f"{value} {what}" in found.said()
    assert f"{line['intercept']:.5f} ± {line['intercept_se']:.5f}" in found.said()
    assert f"Q = {line['intercept']:.6f} - {-line['slope']:.6f} * R" in found.said()
    assert plain(FitRule().text()) in found.said() and "singleParticle" not in found.said()
    assert "judged by the shipped curve" in found.said()


def test_the_data_of_plot_and_table_are_those_of_the_tables(usual):
    scored = {row["emdb_id"]: row for row in usual_rows() if row["status"] == "scored"}
    names = usual.column("emdb")
    assert set(names) == set(scored) and len(names) == len(scored)
    for column in ("resolution", "q_mean", "q_mean_06", "q_backbone"):
        np.testing.assert_allclose(usual.column(column), [scored[name][column] for name in names], rtol=1e-6)
    assert set(usual.column("n_atoms")) == {900}
    left_out, flag = (dict(zip(names, usual.column(column), strict=True)) for column in ("left_out", "flag"))
    assert left_out["EMD-10015"] == "tight mask" and left_out["EMD-10000"] == ""
    assert (flag["EMD-10012"], flag["EMD-10014"], flag["EMD-10016"]) == ("low", "high", "")
    expected = dict(zip(names, usual.column("expected_q"), strict=True))
    assert np.isnan(expected["EMD-10016"]) and 0 < expected["EMD-10000"] < 1
    assert names[:4] == ["EMD-10013", "EMD-10012", "EMD-10014", names[3]]
    assert usual.text.count('id="survey-data"') == 1 and '"EMD-10003"' not in usual.text  # the data stand there once


def test_columns_unpack_as_they_were_packed():
    columns = {
        "a": np.array([1, 255, 0], np.uint8), "b": np.array([0.25, np.nan, -3], np.float32),
        "c": np.array([2012, 0, 65535], np.uint16), "d": np.array([7, 2**31, 1], np.uint32),
    }  # fmt: skip
    texts = {"t": ["", "Å </script>\n\u202e", "é"], "u": ["", "", ""]}
    layout, block = packed(columns, texts)
    found = unpacked(layout, block)
    for name, values in columns.items():
        np.testing.assert_array_equal(found[name], values)
    assert {name: found[name] for name in texts} == texts
    assert packed(columns, texts) == (layout, block) and re.fullmatch(r"[A-Za-z0-9+/=]+", block)
    starts = np.cumsum([0, *(length for _, _, length in layout)])
    assert all(at % int(kind[1]) == 0 for at, (_, kind, _) in zip(starts, layout, strict=False) if kind != "text")


def test_subsets_classes_years_and_pages_can_be_asked_for(tmp_path):
    rows = [row | {"n_protein": 5, "map_release": f"20{10 + k % 3}-05-01"} for k, row in enumerate(usual_rows())]
    rows[2] |= {"n_ligand": 3}
    subsets = {"sharp_ones": {"resolution": {"below": 3}}}
    found = make(tmp_path, rows, subsets=subsets, pages=["EMD-10001_1a01"])
    facts, names = found.blocks()["survey-facts"], found.column("emdb")
    assert facts["subsets"] == ["apoferritin", "sharp ones"]
    bits = dict(zip(names, found.column("subsets"), strict=True))
    assert (bits["EMD-10000"], bits["EMD-10008"], bits["EMD-10012"]) == (3, 1, 0)
    classes = dict(zip(names, found.column("classes"), strict=True))
    assert classes["EMD-10002"] == 0b101 and classes["EMD-10003"] == 1
    assert dict(zip(names, found.column("year"), strict=True))["EMD-10001"] == 2011
    assert {stem: name for name, stem in zip(names, found.column("stem"), strict=True) if stem} == {
        "EMD-10001_1a01": "EMD-10001"
    }
    options = re.findall(r"<option[^>]*>([^<]*)</option>", found.text)
    assert {"sharp ones", "2012", "ligands", "unexplained"} <= set(options)


def test_without_scripts_the_page_says_what_is_missing(usual):
    notice = re.search(r"<noscript>(.*?)</noscript>", usual.text, re.DOTALL)[1]
    assert "entries.tsv" in notice and "table of all entries" in notice


def test_flagged_entries_are_listed_by_cause_with_links_to_the_panel(usual):
    links = re.findall(r'href="#entry=([^"]+)">([^<]+)<', usual.text)
    flagged = ["EMD-10013_1a13", "EMD-10012_1a12", "EMD-10014_1a14"]
    assert {one: [link for link, _ in links].count(one) for one in flagged} == dict.fromkeys(flagged, 3)
    assert ("EMD-10013_1a13", "EMD-10013 / 1a13") in links  # by cause; also in its table and in that of the band
    for section in ("flagged", "outside"):
        text = re.search(f'<section id="{section}">.*?</section>', usual.text, re.DOTALL)[0]
        assert set(flagged) <= set(re.findall(r'<td class="id"><a href="#entry=([^"]+)">', text))
    assert "unexplained (3 entries)" in usual.said()


def test_figures_without_a_section_are_in_the_gallery(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "CAPTIONS", {"density": ("Where entries lie", "Contours hold 50 %.")})
    found = make(tmp_path, usual_rows(), figures=(*FIGURES, "density", "some_other"))
    assert "Where entries lie. Contours hold 50 %." in found.said() and "Some other." in found.said()
    alts = [attributes["alt"] for tag, attributes in found.elements if tag == "img"]
    assert "Where entries lie. Contours hold 50 %." in alts and len(alts) == 5
    assert "figures" in found.attributes("id")


def test_a_huge_svg_gives_way_to_its_png(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "MOST_BYTES", 5)
    (tmp_path / "one.svg").write_text(SVG)
    (tmp_path / "one.png").write_bytes(b"png")
    assert gallery.figures(tmp_path)["one"].startswith("data:image/png")


def test_the_strips_of_a_page_are_those_of_its_residues(tmp_path):
    rows = usual_rows()
    tables.write_parquet(
        tmp_path / "r.parquet", tables.RESIDUES, tables.as_columns(tables.RESIDUES, residue_rows(rows[3]))
    )
    found = make(tmp_path / "page", rows, residues_file=tmp_path / "r.parquet")
    told = dict(zip(found.column("emdb"), found.column("strip"), strict=True))
    name, first, width, mean, alike, letters = told["EMD-10003"].split("\n")[0].split("\t")
    assert (name, first, width, alike) == ("A", "0", "1", "2") and len(letters) == 30
    scored = [row["q_04"] for row in residue_rows(rows[3], chains="A")]
    for letter, q in zip(letters, scored, strict=True):
        if q is None:
            assert letter == strips.GAP
        else:
            assert abs(strips.LOWEST + (strips.ALPHABET.index(letter) + 0.5) * strips.STEP - q) <= strips.STEP
    known = [q for q in scored if q is not None]
    assert int(mean) == round(100 * sum(known) / len(known)) and told["EMD-10000"] == ""


def test_strips_tell_the_worst_of_each_kind_first_and_count_the_rest():
    def chain(name, residues, q, first=1):
        n = len(residues)
        return {
            "chain": [name] * n, "number": [str(first + k) for k in range(n)], "residue": list(residues),
            "q_04": [q] * n,
        }  # fmt: skip

    parts_ = [chain("A", "GGGG", 0.6), chain("B", "GGGG", 0.4), chain("C", "AAA", 0.5), chain("D", "GGGG", 0.7)]
    columns = {key: np.array([v for one in parts_ for v in one[key]], dtype=object) for key in parts_[0]}
    lines = strips.entry_text(columns, 60).split("\n")
    assert [line.split("\t")[0] for line in lines[:2]] == ["B", "C"] and lines[2] == "+2"
    assert lines[0].split("\t")[4] == "3"
    every = strips.entry_text(columns, 6000).split("\n")
    assert [line.split("\t")[0] for line in every] == ["B", "C", "A", "D"]


def test_strips_of_odd_residue_numbers():
    n = 5
    columns = {
        "chain": np.array(["a\tb\n"] * n, dtype=object), "residue": np.array(["G"] * n, dtype=object),
        "number": np.array(["-3", "x", None, "9999999999", "4000"], dtype=object),
        "q_04": np.array([0.5, 0.5, 0.5, 0.5, np.nan]),
    }  # fmt: skip
    (line,) = strips.entry_text(columns, 60).split("\n")
    name, first, width, mean, _, letters = line.split("\t")
    assert (name, first, mean) == ("a b", "-3", "50")
    assert len(letters) * int(width) >= 4004 and set(letters[1:]) == {strips.GAP}


def test_table_of_flagged_entries_is_worst_first_with_cause_and_evidence(usual, tmp_path):
    rows = usual.table("Cause")
    paths = write_survey(tmp_path, usual_rows())
    flags = {row["emdb_id"]: row for row in tables.read_rows(paths.flags, layout=tables.FLAGS)}
    assert [row["EMDB"] for row in rows] == ["EMD-10013", "EMD-10012", "EMD-10014"]
    for row in rows:
        flag = flags[row["EMDB"]]
        band = f"{flag['low']:.3f}–{flag['high']:.3f}"
        assert (row["Expected"], row["95\xa0% band"]) == (f"{flag['expected_q']:.3f}", band)
        assert (row["Cause"], row["Evidence"], row["Adjusted p"]) == ("unexplained", "made up", "0.012")
        assert row["Percentile"] == percentile(flag["percentile"])


def test_causes_and_flags_are_counted(usual):
    assert "2 flagged low, 1 high" in usual.said() and "3 unexplained" in usual.said()


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "below 0.1 %"),
        (0.00099, "below 0.1 %"),
        (0.001, "0.1 %"),
        (0.5, "50.0 %"),
        (1.0, "above 99.9 %"),
        (None, "–"),
    ],
)
def test_no_percentile_is_0_or_100(share, text):
    assert percentile(share).replace("\xa0", " ") == text


def test_names_of_the_archive_become_words():
    assert plain("singleParticle and FSC 0.143 CUT-OFF") == "single particle and FSC at 0.143"
    assert plain("subtomogramAveraging, helical") == "subtomogram averaging, helical"
    assert plain("EMD-1234 MapQ, McCoy") == "EMD-1234 MapQ, McCoy" and plain(None) == ""


def test_sections_are_named_in_their_order_and_headline_numbers_lead_to_them(usual):
    nav = re.search(r"<nav.*?</nav>", usual.text, re.DOTALL)[0]
    sections = re.findall(r'<section id="([a-z-]+)">', usual.text)
    assert re.findall(r'href="#([a-z-]+)"', nav) == sections
    cards = re.search(r'<ul class="cards".*?</ul>', usual.text, re.DOTALL)[0]
    addresses = re.findall(r'href="#([a-z-]+)"', cards)
    assert len(addresses) == cards.count("<li") and set(addresses) <= set(sections)
    assert {"explore", "equations", "flagged", "outside", "unscored", "excluded"} <= set(addresses)


@pytest.mark.parametrize("bent", [0.0, 0.06])
def test_beside_a_line_of_the_wrong_shape_the_curve_is_named(tmp_path, bent):
    rows = [on_curve(n, 2.0 + 0.08 * n) for n in range(40)]
    for n, row in enumerate(rows):
        row["q_mean"] = 0.9 - 0.1 * row["resolution"] + bent * (row["resolution"] - 3.5) ** 2 + 0.01 * (-1) ** n
    said = make(tmp_path, rows).said()
    wrong = parts.read_json(tmp_path / "expected_q.json")["fits"]["all"]["relation"]["lack_of_fit"]["wrong_shape"]
    assert wrong == bool(bent)
    assert ("Shape: a line is the wrong shape" in said) == wrong
    assert said.count("to say what Q to expect, cite the curve") == 2 * wrong  # under R², and beside the equation
    assert "Shape no evidence against a line" in said or wrong


def compared(folder):
    """A comparison of two scores, one lacking in some entries."""
    facts = {"n": 33, "of": 37, "order": [{"score": "q_mean"}], "none": 1.4}
    part = {"ranking": facts, "statements": ["Q follows."], "sentence": "Q follows.", "n": 37}
    whole = {"rule": "singleParticle", "draws": 9, "folds": 10, "fewest": 30, "parts": {"all": part}}
    tables.write_json(folder / "rivals.json", whole)
    one = dict.fromkeys(tables.RIVALS.names) | {"subset": "all", "family": "q", "n": 37}
    rows = [
        one | {"form": "historical", "name": "Q (σ 0.6 Å)", "error": 1.33, "error_common": 0.369, "rank": 2},
        one | {"form": "best", "name": "Q (σ 0.4 Å)", "error": 1.4, "error_common": 0.3, "rank": 1, "among_best": True},
    ]
    tables.write_parquet(folder / "rivals.parquet", tables.RIVALS, tables.as_columns(tables.RIVALS, rows))


def test_scores_stand_in_rows_with_both_errors_and_their_rank(tmp_path):
    compared(tmp_path)
    found = make(tmp_path, [on_curve(n, 2.0 + 0.1 * n) for n in range(31)], rivals_folder=tmp_path)
    *others, _, _ = found.table("Family")
    assert [row["Family"] for row in others] == list(FAMILIES.values())[:-1]
    assert {row["Score"] for row in others} == {"–"}
    rows = found.table("Family")[-2:]
    assert [(row["Family"], row["Form"], row["Score"]) for row in rows] == [
        ("Q-score", "historical", "Q (σ\xa00.6\xa0Å)"), ("", "best", "Q (σ\xa00.4\xa0Å)"),
    ]  # fmt: skip
    assert [(row["Error (Å)"], row["Error on common entries (Å)"], row["Rank"]) for row in rows] == [
        ("1.330", "0.369", "rank 2"), ("1.400", "0.300", "rank 1"),
    ]  # fmt: skip
    assert "on the same 33 entries" in found.said() and "left out" in found.said()


def test_figures_of_the_gallery_are_of_one_scale(tmp_path):
    (tmp_path / "small.svg").write_text('<?xml version="1.0"?><svg height="1pt" width="252.0pt"/>')
    (tmp_path / "bare.svg").write_text(SVG)
    assert [(one["name"], one["points"]) for one in gallery.others(gallery.figures(tmp_path), tmp_path)] == [
        ("bare", gallery.WIDEST), ("small", 252.0),
    ]  # fmt: skip


def test_only_the_crowd_is_drawn_as_squares():
    assert marks(MANY - 1) == GROUPS and marks(MANY)[1:] == GROUPS[1:]
    assert marks(MANY)[0][:2] == ("within", "square")


def test_small_numbers():
    assert [small_number(p) for p in (0.25, 0.0010, 0.00094, 3.2e-12, 0, None)] == [
        "0.250", "0.001", "9·10⁻⁴", "3·10⁻¹²", "<\xa010⁻³⁰⁰", "–"
    ]  # fmt: skip


def test_regions_are_told_least_likely_first(tmp_path):
    row = dict.fromkeys(tables.REGIONS.names) | {
        "emdb_id": "EMD-10000", "pdb_id": "1a00", "kind": "chain region", "chain": "A", "from": "12", "to": "31",
        "length": 20, "mean_q": 0.21, "expected": 0.44, "z_within": -3.2, "z_archive": -2.9, "reference": "shipped",
    }  # fmt: skip
    found = [row | {"p_adjusted": 0.04}, row | {"p_adjusted": 0.0004, "chain": "B", "pooled": "C, D"}]
    folder = tmp_path / "regions"
    tables.write_parquet(folder / "regions.parquet", tables.REGIONS, tables.as_columns(tables.REGIONS, found))
    page = make(tmp_path / "page", usual_rows(), regions_folder=folder)
    shown = page.table("z within entry")
    assert [(one["Chain"], one["Adjusted p"]) for one in shown] == [("B (and copies C, D)", "4·10⁻⁴"), ("A", "0.040")]
    assert (shown[0]["From"], shown[0]["To"], shown[0]["z within entry"]) == ("12", "31", "−3.2")


def test_ligands_without_a_rank_are_counted_with_the_reason(tmp_path):
    folder = tmp_path / "regions"
    tables.write_parquet(folder / "regions.parquet", tables.REGIONS, tables.as_columns(tables.REGIONS, []))
    few = {"class": "ligand", "percentile": None, "reference": "too few alike in this survey"}
    ligands = [few] * 3 + [few | {"percentile": 0.2, "reference": "ligand"}]
    for rows, words in ((ligands, "3 are not ranked: too few"), (ligands[:3], "none is ranked: too few")):
        columns = tables.as_columns(tables.RANKED, [dict.fromkeys(tables.RANKED.names) | row for row in rows])
        tables.write_parquet(folder / "ligands.parquet", tables.RANKED, columns)
        said = make(tmp_path / "page", usual_rows(), regions_folder=folder).said()
        assert f"Of {len(rows)} ligands, glycans, ions and waters {words} alike in this survey (3)" in said
        assert "a rank needs 50 alike, of 10 entries" in said
        assert "No chain holds a region" in said and "none needed" not in said and "simulated chains" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Q -0.02, by -4.70 (-1)", "Q −0.02, by −4.70 (−1)"),
        ("EMD-1234, A 64-178, 2026-01-07, half-map, 1.2e-5", "EMD-1234, A 64-178, 2026-01-07, half-map, 1.2e-5"),
        ("Q (σ 0.6 Å) at 3 Å: 5 % of 12, per Å", "Q (σ\xa00.6\xa0Å) at 3\xa0Å: 5\xa0% of 12, per\xa0Å"),
        (None, ""),
    ],
)
def test_minus_signs_of_sentences(text, said):
    assert signed(text) == said


def test_what_was_not_scored_is_told_in_words(usual):
    (row,) = usual.table("Failed at")
    assert row["EMDB"] == "EMD-10018" and row["Status"] == "unusable" and row["Failed at"] == "map"
    assert row["Why"] == REASONS["map_truncated"][1] and row["Detail"] == "expected 8 bytes, found 5"


def test_what_the_catalogue_left_out_is_told(usual):
    found = next(rows for rows in usual.tables if rows[0] == ["EMDB", "PDB", "Sample", "Why"])
    assert sorted(row[3] for row in found[1:]) == ["no fitted model", "no resolution"]
    assert "1 no fitted model" in usual.said()


def test_limits_and_provenance_are_told(usual):
    said = usual.said()
    for words in ("Sequence register", "Chemistry", "config/emdb.yaml", "EMDB <answers>", "ab12", "2026-01-07"):
        assert words in said


@pytest.mark.parametrize("synthetic", [True, False])
def test_banner_and_links_tell_real_from_made_up(tmp_path, synthetic):
    found = make(tmp_path, usual_rows(synthetic=synthetic))
    assert ("Synthetic demonstration archive" in found.said()) == synthetic
    links = {address for address in found.attributes("href") if address.startswith("http")}
    assert ("https://www.ebi.ac.uk/emdb/EMD-10018" in links) != synthetic  # without a score, so without a panel
    assert ("https://www.rcsb.org/structure/1A03" in links) != synthetic
    assert not (synthetic and links)


STRANGE = ["mine", 'EMD-1"onmouseover=', "EMD-12345678", "javascript:alert(1)", "EMD-1234/../.."]


@pytest.mark.parametrize("emdb_id", STRANGE)
def test_only_ids_of_the_archives_become_links(tmp_path, emdb_id):
    found = make(tmp_path, [entry(1, 3.0, 0.5, emdb_id=emdb_id, pdb_id="a model")])
    assert not [address for address in found.attributes("href") if address.startswith(("http", "java"))]
    assert emdb_id in found.said()


def test_hostile_text_appears_as_text(tmp_path):
    evil = '<script>alert("1")</script><img src=x onerror=1> \u202e \x07 {{ 7 * 7 }}'
    rows = [on_curve(1, 3.0, -0.3, sample=evil), unusable(2, sample=evil, detail="d" * 10_000 + evil)]
    found = make(tmp_path, rows, excluded=[EXCLUDED[0] | {"sample": "long " * 2000, "reason": evil}])
    assert len([tag for tag, _ in found.elements if tag == "script"]) == 6
    assert found.column("sample")[0].startswith('<script>alert("1")</script>')
    assert all(source.startswith("data:") for source in found.attributes("src"))
    assert '<script>alert("1")</script><img src=x onerror=1>' in found.said() and "{{ 7 * 7 }}" in found.said()
    own = re.sub(r"<script>.*?</script>", "", found.text, flags=re.DOTALL)
    assert "\u202e" not in own and "\x07" not in own
    cells = [cell for rows in found.tables for row in rows for cell in row]
    assert max(map(len, cells)) <= 200 and any(cell.endswith("…") for cell in cells)
    assert found.text.count("<bdi>") >= 4


def test_very_many_flagged_are_cut_and_the_worst_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "MOST_ROWS", 3)
    monkeypatch.setattr(page, "MOST_LINKS", 2)
    found = make(tmp_path, [on_curve(n, 2.0 + 0.3 * n, -0.3 - 0.01 * n) for n in range(8)])
    flags = tables.read_rows(tmp_path / "flags.parquet", layout=tables.FLAGS)
    lowest = sorted(flags, key=lambda row: row["z"])[:3]
    assert [row["EMDB"] for row in found.table("Evidence")] == [row["emdb_id"] for row in lowest]
    assert len(found.column("emdb")) == 8 and found.text.count("#entry=") >= 2
    assert "The 2 furthest below what is expected" in found.said()


@pytest.mark.parametrize("rows", [[], [unusable(1)], [on_curve(1, 3.0)], [on_curve(n, 2.0 + n) for n in range(3)]])
def test_small_surveys_have_a_page_too(tmp_path, rows, monkeypatch):
    monkeypatch.undo()
    found = make(tmp_path, rows, excluded=[], figures=())
    scored = sum(row["status"] == "scored" for row in rows)
    assert f"{scored} {'entry' if scored == 1 else 'entries'}: too few for a line" in found.said()
    assert ("No pair was scored." in found.said()) == (scored == 0)
    assert "Nothing was left out." in found.said() and "No scored entry is flagged" in found.said()
    verdicts = tables.read_rows(tmp_path / "flags.parquet", layout=tables.FLAGS)
    assert ("Lowest by z, none flagged" in found.said()) == any(row["z"] < 0 for row in verdicts)
    assert f"of {scored} {'entry' if scored == 1 else 'entries'} judged" in found.said()
    assert not [tag for tag, _ in found.elements if tag == "img"]


def within_band():
    """Entries none of which lies outside the band, some above what is expected; one at 35 Å, which is not judged."""
    return [on_curve(n, 2.0 + 0.2 * n, 0.02 * (n % 5) - 0.06) for n in range(14)] + [entry(16, 35.0, 0.06)]


def test_without_flags_the_lowest_are_shown(tmp_path):
    found = make(tmp_path, within_band())
    flags = tables.read_rows(tmp_path / "flags.parquet", layout=tables.FLAGS)
    assert not [row for row in flags if row["flag"]]
    low = sorted((row for row in flags if row["low"] and row["z"] < 0), key=lambda row: (row["z"], row["emdb_id"]))
    rows = found.table("z")
    assert 0 < len(low) <= 10 and [row["EMDB"] for row in rows] == [row["emdb_id"] for row in low]
    assert [row["z"] for row in rows] == [f"{row['z']:.2f}".replace("-", "−") for row in low]
    assert "none stands out from the tail of the 14 entries judged" in found.said()


def test_the_lowest_are_sorted_by_the_descriptive_z_where_it_is_told(tmp_path):
    make(tmp_path, within_band())
    flags = tables.read_rows(tmp_path / "flags.parquet", layout=tables.FLAGS)
    told = [row | {"z_descriptive": 1.0 - k if row["low"] else None} for k, row in enumerate(flags)]
    tables.write_parquet(tmp_path / "flags.parquet", tables.FLAGS, tables.as_columns(tables.FLAGS, told))
    write(write_paths(tmp_path))
    found = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    rows = found.table("z")
    assert "Lowest by the descriptive z, none flagged" in found.said() and len(rows) == 10
    assert [row["EMDB"] for row in rows] == [f"EMD-{10000 + k}" for k in range(13, 3, -1)]
    assert rows[0]["Descriptive z"] == "−12.00" and "9 entries lie below −3" in found.said()


def write_paths(folder):
    names = {name: folder / f"{name}.parquet" for name in ("entries", "flags", "residues")}
    return SimpleNamespace(folder=folder, fit=folder / "expected_q.json", **names)


def test_entries_outside_the_band_are_listed_and_counted(usual, tmp_path):
    paths = write_survey(tmp_path, usual_rows())
    flags = {row["emdb_id"]: row for row in tables.read_rows(paths.flags, layout=tables.FLAGS)}
    low = usual.table("Shortfall")
    assert [row["EMDB"] for row in low] == ["EMD-10013", "EMD-10012"]
    for row in low:
        flag = flags[row["EMDB"]]
        assert row["Shortfall"] == f"{flag['low'] - flag['q_mean']:.3f}" and float(row["Shortfall"]) > 0
    (high,) = usual.table("Excess")
    assert high["EMDB"] == "EMD-10014" and float(high["Excess"]) > 0
    judged = sum(row["low"] is not None for row in flags.values())
    assert f"2 below the 95 % band ({200 / judged:.1f} %, expected 2.5 %)" in usual.said()
    assert f"1 above the 95 % band ({100 / judged:.1f} %, expected 2.5 %)" in usual.said()
    assert f"2 of {judged} entries judged" in usual.said()


def test_an_entry_that_is_not_judged_is_in_no_list_of_judged_ones(tmp_path):
    found = make(tmp_path, [on_curve(1, 3.0, -0.3), entry(16, 35.0, 0.06)])
    shown = [row for rows in found.tables for row in rows if "EMD-10016" in row]
    expected = dict(zip(found.column("emdb"), found.column("expected_q"), strict=True))
    assert (
        not shown
        and np.isnan(expected["EMD-10016"])
        and "of 1 entry judged" in found.said()
        and "–––" not in found.text
    )


def test_what_cannot_flag_is_said_to_be_not_available(usual, tmp_path):
    said = " ".join(usual.said().split())
    assert "reference-set null: not available" in said and "mirrored upper tail: not available" in said
    make(tmp_path, usual_rows())
    flags = tables.read_rows(tmp_path / "flags.parquet", layout=tables.FLAGS)
    told = [row | {"flag_reference": "low" if k < 2 else ""} for k, row in enumerate(flags)]
    tables.write_parquet(tmp_path / "flags.parquet", tables.FLAGS, tables.as_columns(tables.FLAGS, told))
    write(write_paths(tmp_path), level=0.1)
    said = Page((tmp_path / "report.html").read_text(encoding="utf-8")).said()
    assert "reference-set null: 2 low, 0 high" in said and "mirrored upper tail: 0 low" in said
    assert "at a false discovery rate of 10 % over all" in said


def test_with_flags_they_are_not(usual):
    assert not [rows for rows in usual.tables if "z" in rows[0]] and "none flagged" not in usual.said()


def test_the_errors_with_groups_redrawn_are_told(tmp_path):
    rows = [row | {"cluster_pub": f"doi:10.1/{n % 6}"} for n, row in enumerate(usual_rows())]
    found = make(tmp_path, rows)
    fit = fitting.fit(tmp_path / "entries.parquet", FitRule())["fits"]["all"]
    bootstrap = fit["relation"]["bootstrap"]
    slope = bootstrap[bootstrap["quoted"]]["slope"]
    ends = f"± {slope['se']:.5f}, {slope['low']:.5f} to {slope['high']:.5f}".replace("-", "−")
    assert ends in found.said()
    what = bootstrap["redrawn"][bootstrap["quoted"]]
    assert f"2,000 lines with {what} redrawn" in found.said()
    told = f"{fit['line']['slope']:.4f} ± {slope['se']:.4f} slope ± standard error with {what}".replace("-", "−")
    assert told in found.said()
    (row,) = [row for row in found.table("± with groups redrawn") if row["Subset"] == "all"]
    assert row["± with groups redrawn"] == f"{slope['se']:.4f}"
    assert f"(± {slope['se']:.4f} with {what} redrawn)" in fit["sentence"]


def test_too_few_groups_to_redraw_is_told(tmp_path):
    rows = [row | {"cluster_pub": f"doi:10.1/{n % 4}"} for n, row in enumerate(usual_rows())]
    found = make(tmp_path, rows)
    assert "Too few independent groups to redraw them" in found.said()
    assert "standard error of independent entries" in found.said()


def test_figures_are_in_the_page_and_svg_is_preferred(tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "q_vs_resolution.png").write_bytes(b"png")
    (tmp_path / "figures" / "q_by_class.png").write_bytes(b"png")
    found = make(tmp_path, usual_rows(), figures=("q_vs_resolution",))
    kinds = [source.split(";")[0] for source in found.attributes("src")]
    assert kinds == ["data:image/svg+xml", "data:image/png"]


def _colours(text):
    """Variables of a style sheet that are colours."""
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", text))


def _luminance(colour):
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4
              for one in (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))]  # fmt: skip
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Of WCAG 2.2: 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


GROUNDS = ("paper", "card", "stripe")
TEXTS = [(text, ground) for text in ("ink", "soft", "link", "low", "high", "line") for ground in GROUNDS]
TEXTS += [("ink", "chosen"), ("ink", "low-wash"), ("ink", "high-wash"), ("low", "low-wash"), ("high", "high-wash")]
TEXTS += [("link", "low-wash"), ("link", "high-wash")]
SIGNS = [(sign, ground) for sign in ("edge", "link", "line") for ground in ("paper", "card")]
SIGNS += [(f"mark-{name}", ground) for name, *_ in GROUPS for ground in ("card", "outer", "inner")]
SIGNS += [("line", "inner"), ("line", "outer")]


@pytest.mark.parametrize("dark", [False, True])
def test_contrast_is_that_of_wcag_aa(dark):
    style = (files("qscore.report") / "page.css").read_text(encoding="utf-8")
    light, _, rest = style.partition("@media (prefers-color-scheme: dark)")
    colours = _colours(light) | (_colours(rest[: rest.index("\n}")]) if dark else {})
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for pairs, least in ((TEXTS, 4.5), (SIGNS, 3.0)):
        found = {pair: round(contrast(*(colours[name] for name in pair)), 2) for pair in pairs}
        assert not {pair: ratio for pair, ratio in found.items() if ratio < least}


def test_same_input_same_bytes(tmp_path, monkeypatch):
    monkeypatch.undo()
    one, two = (make(tmp_path / name, usual_rows()).text for name in ("one", "two"))
    assert one == two


def test_no_ascii_minus_before_a_number_in_a_table(tmp_path):
    found = make(tmp_path, [entry(1, 3.0, -0.012)])
    assert found.table("Evidence")[0]["Q"] == "−0.012"


def test_tables_of_two_surveys_are_refused(tmp_path):
    make(tmp_path, usual_rows())
    paths = write_survey(tmp_path, usual_rows())
    tables.write_parquet(paths.flags, tables.FLAGS, tables.as_columns(tables.FLAGS, []))
    with pytest.raises(ValueError, match="do not hold the same scored pairs"):
        write(paths)


def test_broken_json_is_one_clear_error(tmp_path):
    make(tmp_path, usual_rows())
    paths = write_survey(tmp_path, usual_rows())
    (tmp_path / "catalogue.json").write_text("{")
    with pytest.raises(ValueError, match=r"cannot read .*catalogue\.json"):
        write(paths)


# ---- subsets, draws, published Q, provenance ----


def test_subsets_are_told_with_their_lines_and_without_one_publication(tmp_path):
    rows = [row | {"cluster_pub": f"doi:10.1/{n % 4}"} for n, row in enumerate(usual_rows())]
    config = {"sharp_ones": {"resolution": {"below": 4.5}}, "mine": {"ids": ["EMD-10001", "EMD-99999"]}}
    found = make(tmp_path, rows, subsets=config)
    fits = fitting.fit(tmp_path / "entries.parquet", FitRule(), parse(config))["fits"]
    told = {row["Subset"]: row for row in found.table("Slope without one publication")}
    assert list(told) == ["all", "apoferritin", "sharp ones", "mine"]
    for name, row in zip(("all", "apoferritin", "sharp_ones"), told.values(), strict=False):
        line, without = fits[name]["line"], fits[name]["leave_one_out"]
        assert row["Slope (Q per Å)"] == f"{line['slope']:.4f} ± {line['slope_se']:.4f}".replace("-", "−")
        low, high = without["slope"]
        assert row["Slope without one publication"] == f"{low:.4f} to {high:.4f}".replace("-", "−")
        name = without["most"]["publication"].removeprefix("doi:")
        assert f"without doi {name} ({without['most']['n']} pairs), to" in found.said()
    assert told["sharp ones"]["Rule"] == "resolution below 4.5"
    assert told["mine"]["Slope (Q per Å)"] == told["mine"]["Slope without one publication"] == "–"
    assert "1 entry: too few for a line" in found.said() and "listed but not in this survey: EMD-99999" in found.said()


def test_members_of_apoferritin_are_told_with_their_reasons(usual):
    members = usual.table("Why a member")
    assert len(members) == 9 and {row["Why a member"] for row in members} == {"by name"}
    assert [row["EMDB"] for row in members] == [f"EMD-{10000 + n}" for n in range(9)]
    assert {row["In the line"] for row in members} == {"yes"}


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """A survey with draws of both rules and published Q of which three differ."""
    folder = tmp_path_factory.mktemp("full")
    rows = [row | {"q_published": round(row["q_mean"], 3)} for row in drawable_rows(cc_mean=0.8)]
    for n in (3, 40, 90):
        rows[n]["q_published"] = round(rows[n]["q_mean"] - 0.01 - 0.001 * n, 3)
    _, facts = write_draws(folder, rows)
    concordance.write(write_survey(folder, rows).entries, folder / "concordance")
    folders = {"draws_folder": folder / "draws", "concordance_folder": folder / "concordance"}
    return make(folder, rows, figures=(*FIGURES, "diverse_draws", "concordance"), **folders), facts


def test_draws_are_told_slope_first_and_to_which_rule_the_published_belongs(full):
    found, facts = full
    rows = found.table("Eligible pairs")
    assert [row["Draws"] for row in rows] == ["Blind", "Well fitted"]
    assert list(rows[0]).index("Slope (Q per Å)") < list(rows[0]).index("RMSE") < list(rows[0]).index("R²")
    blind = facts["rules"]["blind"]["r_squared"]
    assert rows[0]["R²"] == f"{blind['median']:.3f} ({blind['low']:.3f} to {blind['high']:.3f})"
    assert facts["sentence"] in found.said() and facts["rule"] in found.said() and "seed 2026" in found.said()
    assert facts["rules"]["blind"]["notes"][0] in found.said()


def test_what_differs_from_the_published_is_told_with_its_cause(full):
    found, _ = full
    rows = found.table("Q published")
    assert [row["EMDB"] for row in rows] == ["EMD-20090", "EMD-20040", "EMD-20003"]
    assert rows[0]["Difference"].startswith("0.1") and all(row["Cause"] for row in rows)
    sections = [attributes["id"] for tag, attributes in found.elements if tag == "section" and "id" in attributes]
    assert sections.index("draws") < sections.index("flagged") < sections.index("concordance")
    assert len([tag for tag, _ in found.elements if tag == "img"]) == 5


def test_the_full_page_is_as_accessible_and_requests_nothing(full):
    test_is_accessible(full[0])
    test_requests_nothing(full[0])


def test_draws_that_could_not_be_made_are_a_sentence(tmp_path):
    write_draws(tmp_path, usual_rows())
    found = make(tmp_path, usual_rows(), draws_folder=tmp_path / "draws")
    blind, well = next(rows for rows in found.tables if "Eligible pairs" in rows[0])[1:]
    assert blind[-1] == "12 eligible pairs: fewer than the 55 of a draw; nothing is drawn"
    assert well[-1] == "not available: no column cc_mean" and "Nothing was drawn" in found.said()


def test_nothing_compared_is_no_section(tmp_path):
    concordance.write(write_survey(tmp_path, usual_rows()).entries, tmp_path / "concordance")
    found = make(tmp_path, usual_rows(), concordance_folder=tmp_path / "concordance")
    assert "concordance" not in found.attributes("id")


def test_the_catalogues_provenance_is_told_as_far_as_it_is_known(tmp_path, usual):
    told = {"rule": "released entries; 0.5–50 Å", "snapshot": {"date": "2026-10-01", "query": "*:*", "sha256": "cd34"}}
    said = make(tmp_path, usual_rows(), told=told).said()
    for words in ("2026-10-01", "*:*", "released entries; 0.5–50 Å", "cd34", "ab12"):
        assert words in said
    assert "Date of the catalogue" in said and "Date of the catalogue" not in usual.said()
    assert "Q computed here from maps" in said


def test_a_survey_without_maps_says_so(tmp_path):
    lacking = ("n_atoms", "n_scored", "n_outside", "tight_mask", "q_protein", "q_mean_06", "q_backbone", "q_side_chain")
    rows = [row | dict.fromkeys(lacking) | {"version": "published"} for row in usual_rows()]
    found = make(tmp_path, rows, figures=("q_vs_resolution",))
    assert "Q as published by the archive" in found.said() and "No map was read" in found.said()
    assert "σ = 0.4 Å" in found.said() and "EMDB’s definition" in found.said()
    shows_no_columns_of_maps(found)


def shows_no_columns_of_maps(found):
    shown = {heading for rows in found.tables for heading in rows[0]}
    assert {"Cause", "Expected"} <= shown
    of_maps = {"Tight mask", "Atoms outside the map", "Shell points on constant map", "Q at σ\xa00.6\xa0Å"}
    assert not shown & (of_maps | {"Back\xadbone", "Side chain", "Atoms", "Un\xadscored", "Status", "Failed at"})
    assert all(len(row) == len(rows[0]) for rows in found.tables for row in rows)
    assert "mask nearer" not in found.said() and "scored" not in " ".join(found.said().split("Equations")[0].split())


UNREAD = ("n_atoms", "n_scored", "n_outside", "tight_mask", "q_protein", "q_mean_06", "q_backbone", "q_side_chain")


def test_pairs_without_a_published_q_are_said_to_have_none(tmp_path):
    rows = [row | dict.fromkeys(UNREAD) | {"version": "published"} for row in usual_rows()[:-1]]
    rows += [unusable(18 + n, stage="fetch", reason=why) for n, why in enumerate(["not_published", "download_damaged"])]
    found = make(tmp_path, rows)
    assert [row["Why"] for row in found.table("Try again")] == ["no readable answer", "no published Q"]
    assert "2 pairs have no published Q. They are" in found.said() and "18 with a published Q" in found.said()
    shows_no_columns_of_maps(found)
    every = make(tmp_path / "every", rows[:-2])
    assert "Every pair of the catalogue has a published Q." in every.said()


def test_of_a_tables_q_nothing_is_claimed(tmp_path):
    rows = [row | dict.fromkeys((*UNREAD, "sample")) | {"version": "my.csv"} for row in usual_rows()[:-1]]
    rows = [row | {"apoferritin": None} for row in rows]
    found = make(tmp_path, rows, figures=("q_vs_resolution",))
    said = found.said()
    assert "Q as the table gives it" in said and "Every pair of the table has a Q." in said
    assert "σ" not in said and "waters" not in said and "EMDB’s definition" not in said
    assert "The source does not tell which entries are apoferritin (list them as a subset)." in said
    assert "One protein, evenly resolved" not in said
    shows_no_columns_of_maps(found)


def test_apoferritin_has_a_caption_only_beside_its_figure(usual, tmp_path):
    assert "One protein, evenly resolved" in usual.said()
    found = make(tmp_path, [on_curve(n, 2.0 + 0.3 * n) for n in range(9)], figures=("q_vs_resolution",))
    assert "One protein, evenly resolved" not in found.said() and "0 entries: too few for a line" in found.said()


def test_one_is_said_to_be_one(tmp_path):
    found = make(tmp_path, [on_curve(1, 3.0)], excluded=EXCLUDED[:1])
    assert "1 pair of map and model" in found.said() and "A survey of 1 pair of cryo-EM map and model" in found.said()
    assert "1 entry of the source never" in found.said() and not re.search(r"\b1 (pairs|entries|maps)\b", found.said())
    assert "<title>How well are the atoms resolved? Q-scores of 1 pair of cryo-EM map and model</title>" in found.text


@pytest.mark.parametrize(
    ("cluster", "n", "text"),
    [
        ("authors:EMD-990030", 3, "without the 3 pairs of EMD-990030’s authors"),
        ("authors:EMD-990030", 1, "without the pair of EMD-990030’s authors"),
        ("doi:10.1/a:b", 3, "without doi 10.1/a:b (3 pairs)"),
        ("pubmed:123", 1, "without PubMed 123 (1 pair)"),
        ("EMD-1234", 2, "without EMD-1234 (2 pairs)"),
        ("lab: mine", 2, "without lab: mine (2 pairs)"),
    ],
)
def test_publications_are_named_in_words(cluster, n, text):
    assert named(cluster, n) == text


def test_very_many_exclusions_do_not_fill_the_page(tmp_path):
    excluded = [
        {"emdb_id": f"EMD-{n}", "pdb_id": "", "sample": "s", "reason": "no fitted model" if n % 50 else f"odd {n}"}
        for n in range(20_000)
    ]
    none, found = (
        make(tmp_path / name, [on_curve(1, 3.0)], excluded=rows) for name, rows in (("a", []), ("b", excluded))
    )
    said = found.said()
    assert "20,000 entries of the source never became a pair" in said and "19,600 no fitted model" in said
    assert "and 371 rarer reasons" in said and len(found.text) < len(none.text) + 40_000


# ---- what the outliers' table tells beside ----


def test_the_descriptive_z_and_the_distance_from_the_band_are_those_of_their_definitions(tmp_path):
    random = np.random.default_rng(5)
    rows = [on_curve(n, 2.0 + 0.1 * n, float(random.normal(0, 0.03))) for n in range(30)]
    rows[7]["q_mean"] -= 0.5
    resolution, q = (np.array([row[key] for row in rows]) for key in ("resolution", "q_mean"))
    paths = write_survey(tmp_path, [*rows, entry(31, 35.0, 0.06)])
    found = judging.judged(paths.entries, paths.fit, FitRule())
    np.testing.assert_array_equal([row["z_descriptive"] for row in found[:30]], descriptive_z(resolution, q))
    assert np.isnan(found[30]["z_descriptive"]) and np.isnan(found[30]["beyond_band"])
    low = found[7]
    assert low["beyond_band"] == low["q_mean"] - low["low"] < -0.1 and low["z_descriptive"] < -3
    assert {row["beyond_band"] for row in found[:7]} == {0}
    assert {row["flag_reference"] for row in found} == {None}


def test_few_entries_have_no_descriptive_z(tmp_path):
    for folder, rows in (
        ("few", [on_curve(n, 2.0 + 0.1 * n, 0.01 * (n % 3)) for n in range(19)]),
        ("alike", [on_curve(n, 2.0 + 0.1 * (n % 9), 0.01 * (n % 4)) for n in range(30)]),
    ):
        paths = write_survey(tmp_path / folder, rows)
        assert all(np.isnan(row["z_descriptive"]) for row in judging.judged(paths.entries, paths.fit, FitRule()))


def test_every_line_by_every_method_is_shown(tmp_path):
    random = np.random.default_rng(3)
    resolution = np.linspace(2, 6, 40)
    q = 0.9 - 0.1 * resolution + 0.02 * random.standard_normal(40)
    rows = [f"EMD-{k + 1},{r:.3f},{one:.4f}" for k, (r, one) in enumerate(zip(resolution, q, strict=True))]
    (tmp_path / "t.csv").write_text("\n".join(["emdb_id,resolution,q", *rows]))
    found = fitting.write(tmp_path / "t.csv", tmp_path, FitRule())
    told = parts.all_lines(tmp_path / "lines.tsv")
    assert {"least squares", "Huber", "bisquare", "Theil–Sen"} <= {row["method"] for row in told if row["fit"] == "all"}
    least = next(row for row in told if (row["fit"], row["method"]) == ("all", "least squares"))
    assert least["slope"] == pytest.approx(found["fits"]["all"]["line"]["slope"], rel=1e-5)
    assert parts.all_lines(tmp_path / "none.tsv") == []
