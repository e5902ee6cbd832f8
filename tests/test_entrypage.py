"""The page of one entry: every number of the tables is on it, nothing on it runs or asks, and it stays small."""

import gzip
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from qscore import chimerax, cli, dossier, entryfigures, entrypages, tables, traces
from qscore.causes import FRAME
from qscore.expected import shipped
from qscore.ids import pair_stem
from qscore.regions import KIND, regions_of_pair
from qscore.report import entrypage

HOSTILE = "\"><script>alert(1)</script>\u202e'; open http://x " + "x" * 10_000
LINE = ("chain", "number", "icode", "class")
IDS = {"emdb_id": "EMD-30342", "pdb_id": "7cec"}


class Page(HTMLParser):
    """Tags, their attributes, rows of tables and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.rows, self.words, self.cell = [], [], [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attributes)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.cell = True

    def handle_endtag(self, tag):
        self.cell = self.cell and tag not in ("td", "th")

    def handle_data(self, data):
        data = data.replace("\xa0", " ")
        self.words.append(data)
        if self.cell:
            self.rows[-1][-1] += data.strip()

    @property
    def pictures(self):
        return {
            at["alt"]: unquote(at["src"].removeprefix("data:image/svg+xml,"))
            for tag, at in self.attributes
            if tag == "img"
        }


def residues(chains, length, *, q=0.5, dip=range(0)):
    """Columns of the residues table; in `dip` Q is 0.3 less."""
    n = len(chains) * length
    values = q + 0.05 * np.sin(np.arange(n))
    values[np.isin(np.arange(n) % length, dip)] -= 0.3
    number = np.tile(np.arange(1, length + 1).astype(str), len(chains)).astype(object)
    constant = {"icode": "", "residue": "ALA", "class": "protein"}
    columns = {key: np.full(n, value, dtype=object) for key, value in constant.items()}
    columns |= {"chain": np.repeat(np.array(chains, dtype=object), length), "number": number, "q_04": values}
    columns |= {key: np.array([value], dtype=object).repeat(n) for key, value in IDS.items()}
    columns |= {"n_atoms": np.full(n, 5), "n_scored": np.full(n, 5)}
    return columns | {key: np.full(n, np.nan) for key in tables.RESIDUES.names if key not in columns}


def trace_of(columns):
    n = len(columns["chain"])
    turn = np.arange(n) * 100 * np.pi / 180
    place = {"x": 2.3 * np.cos(turn), "y": 2.3 * np.sin(turn), "z": 1.5 * np.arange(n)}
    return {key: columns[key] for key in tables.TRACES.names if key in columns} | place


def profile_rows(which, q, number):
    about = {
        "chain": "A",
        "number": number,
        "icode": "",
        "residue": "ALA",
        "atom": "CB",
        "altloc": "",
        "class": "protein",
    }
    about |= {"part": "side chain", "element": "C", "n_atoms": 1, "q": q, "sigma": 0.4, "which": which} | IDS
    shells = ({"radius": r / 10, "n_points": 8, "mean": np.exp(-r / 9), "sd": 0.1} for r in range(21))
    return [about | shell for shell in shells]


ENTRY = dict.fromkeys(tables.ENTRIES.names) | IDS | {
    "status": "scored", "sample": "an integrin", "resolution": 3.9, "q_mean": 0.2345, "q_scored": 0.2345,
    "q_null": 0.05, "q_null_sd": 0.01, "tight_mask": False, "synthetic": False, "contour_level": 0.025,
    "n_atoms": 1210, "n_water": 10, "n_protein": 1000, "n_ion": 200, "q_protein": 0.2512, "q_ion": 0.4321,
    "q_water": 0.3, "q_backbone": 0.2611, "q_side_chain": 0.2012, "inclusion": 0.876, "cc_mask": 0.765, "d_fsc05": 4.29,
    "not_measured": "part of a map: cc_box", "map_file": "m.map.gz", "map_sha256": "ab" * 32, "model_sha256": "cd" * 32,
    "version": "0.1.0", "notes": "odd header; another remark",
}  # fmt: skip
FLAG = IDS | {
    "expected_q": 0.371, "low": 0.262, "high": 0.469, "percentile": 0.0312, "flag": "low", "cause": "low map quality",
    "evidence": "FSC 0.5 at 6.1 Å", "p_adjusted": 0.01, "left_out": "",
}  # fmt: skip
REGION = IDS | {
    "kind": KIND, "chain": "A", "from": "11", "to": "30", "length": 20, "mean_q": 0.1234, "expected": 0.3456,
    "z_within": -2.5, "z_archive": -1.0, "p": 0.001, "p_adjusted": 0.0123, "pooled": "A B",
    "reference": "this survey's chains; p adjusted over 1,234 chains",
}  # fmt: skip
LIGANDS = [
    {"class": "ligand", "component": "ATP", "chain": "C", "number": "1", "q_04": 0.51, "site_q": 0.55, "p": 0.5},
    {"class": "ion", "component": "MG", "chain": "C", "number": "2", "q_04": 0.11, "site_q": 0.66, "p": 0.001},
    {"class": "water", "component": "HOH", "chain": "W", "number": "3", "q_04": 0.1, "site_q": 0.7, "p": 0.001},
]


def ligand_columns():
    more = {"icode": "", "altloc": "", "n_atoms": 3, "n_scored": 3, "occupancy": 1.0, "n_site": 4, "resolution": 3.9}
    rows = [row | more | IDS | {"dq_site": row["q_04"] - row["site_q"], "percentile": row["p"]} for row in LIGANDS]
    rows = [row | {"p_adjusted": 2 * row["p"], "reference": "this survey’s"} for row in rows]
    return {key: np.array([row[key] for row in rows]) for key in tables.RANKED.names}


def found(*, chains=("A", "B"), length=60, **entry):
    columns = residues(list(chains), length, q=0.25, dip=range(10, 30))
    level = np.linspace(0, 0.05, 12)
    curve = {"level": level, "inclusion": 1 - 10 * level, "inclusion_backbone": 1 - 9 * level, "frac_map": 0.1 + level}
    profiles = [
        row for k in "123" for which, q in (("worst", -0.41), ("best", 0.83)) for row in profile_rows(which, q, k)
    ]
    about = [ENTRY | entry, FLAG, columns, [REGION], ligand_columns(), curve]
    return dossier.Tables(*about, trace=trace_of(columns), profiles=profiles)


def made(**how):
    return dossier.of_survey(found(**how), shipped(), stem="EMD-30342_7cec", provenance=[("Catalogue", "c0ffee")])


@pytest.fixture(scope="module")
def usual():
    return made()


@pytest.fixture(scope="module")
def text(usual):
    return entrypage.html(usual)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def row_of(page, *start):
    return next(row for row in page.rows if tuple(row[: len(start)]) == start)


def test_headline_says_what_the_tables_say(usual, page):
    words = " ".join(" ".join(page.words).split())
    for part in ("EMD-30342 / 7cec", "an integrin", "0.234", "0.371 (0.262–0.469)", "3rd percentile", "3.9 Å", "▼ low"):
        assert part in words
    assert "low map quality." in words and "FSC 0.5 at 6.1 Å" in words and "odd header" in words
    assert usual.sentence in words and "p adjusted over 1,234 chains of the survey" in usual.sentence


def test_tables_hold_the_numbers(page):
    assert row_of(page, "A", "11", "30")[3:9] == ["20", "0.123", "0.346", "−2.5", "0.012", "A B"]
    assert row_of(page, "protein")[1:3] == ["1,000", "0.251"]
    assert row_of(page, "all but waters")[1:4] == ["1,200", "0.234", "0.371"]
    assert row_of(page, "backbone")[2] == "0.261" and row_of(page, "side chains and bases")[2] == "0.201"
    assert row_of(page, "MG")[5:10] == ["0.110", "0.660", "−0.550", "0.1 %", "0.002"]


def test_ligands_are_worst_first_and_waters_are_counted(usual, page):
    components = [row[0] for row in page.rows if row and row[0] in ("ATP", "MG", "HOH")]
    assert components == ["MG", "ATP"]
    assert usual.waters == {"n": 1, "low": 1} and "1 of them less resolved" in " ".join(page.words)


def test_other_scores_and_why_they_are_empty(page):
    words = " ".join(page.words)
    assert "0.765" in words and "87.6 %" in words and "CC_box (part of a map)" in words
    assert "ab" * 32 in words and "c0ffee" in words


def test_figures_are_pictures_with_words(page):
    assert len(page.pictures) == 6 and all(len(alt) > 20 for alt in page.pictures)
    for svg in page.pictures.values():
        root = ET.fromstring(svg)
        assert root.tag.endswith("svg") and not root.findall(".//{*}script")
        assert not re.search(r"""href=["'](?!#|data:image/png)""", svg)


def test_figures_draw_the_tables(usual):
    axes = entryfigures.chains(usual).axes[0]
    drawn = next(line for line in axes.lines if line.get_gid() == "raw").get_ydata()
    np.testing.assert_array_equal(drawn[np.isfinite(drawn)], usual.residues["q_04"])
    points = next(art for art in entryfigures.classes(usual).findobj() if art.get_gid() == "classes").get_offsets()
    assert sorted(points[:, 0].tolist()) == sorted(row["q"] for row in usual.classes())


def test_nothing_runs_and_nothing_is_asked_for(text, page):
    assert "script" not in page.tags and "<script" not in text.lower()
    policy = next(at["content"] for tag, at in page.attributes if "http-equiv" in at)
    assert "default-src 'none'" in policy and "script-src" not in policy and "unsafe-eval" not in policy
    allowed = (
        "data:image/svg+xml,",
        "#",
        "https://www.ebi.ac.uk/emdb/EMD-30342",
        "https://www.rcsb.org/structure/7CEC",
    )
    for _, attributes in page.attributes:
        for key in ("src", "href"):
            address = attributes.get(key, "#")
            assert address.startswith(allowed) or re.fullmatch(r"EMD-30342_7cec\.(cxc|cif|defattr)", address)
        assert not [key for key in attributes if key.startswith("on")]


def test_same_dossier_same_page(usual, text):
    assert entrypage.html(usual) == text


def test_text_of_strangers_stays_text(monkeypatch):
    monkeypatch.setattr(entryfigures, "figures_of", lambda _: {})
    page = entrypage.html(made(sample=HOSTILE, notes=HOSTILE, map_file=HOSTILE))
    read = Page(page)
    assert "script" not in read.tags and "x" * 201 not in page
    assert "<bdi>&#34;&gt;&lt;script&gt;alert(1)" in page and "\u202e" not in page


def test_synthetic_says_so_everywhere():
    page = Page(entrypage.html(made(synthetic=True)))
    assert "Synthetic demonstration archive" in " ".join(page.words)
    assert all("synthetic demonstration archive" in svg for svg in page.pictures.values())
    assert not [at for tag, at in page.attributes if tag == "a" and at["href"].startswith("http")]


def test_without_anything_beside_the_entry():
    empty = {key: values[:0] for key, values in residues(["A"], 3).items()}
    nothing = dossier.Tables(ENTRY | {"resolution": 35.0}, dict(IDS), empty, [], {}, {}, {}, [])
    page = Page(entrypage.html(dossier.of_survey(nothing, shipped(), stem="s")))
    assert len(page.pictures) == 1 and "The model has none." in " ".join(page.words)
    assert "no expected Q is known" in " ".join(page.words)


def test_where_nothing_is_expected_regions_were_not_looked_for():
    nothing = dict.fromkeys(("expected_q", "low", "high", "percentile", "flag"))
    far = replace(found(resolution=35.0), flag=FLAG | nothing, regions=[])
    shown = dossier.of_survey(far, shipped(), stem="s")
    assert "regions were not looked for" in shown.sentence and not shown.looked


def test_a_survey_in_which_few_are_alike_is_no_single_pair():
    few = found()
    few = replace(few, ligands=few.ligands | {key: np.full(3, np.nan) for key in ("p", "percentile", "p_adjusted")})
    words = " ".join(Page(entrypage.html(dossier.of_survey(few, shipped(), stem="s"))).words)
    assert "Too few in this survey are alike" in words and "A single pair" not in words


PAIRS = [("a_b", "c"), ("a", "b_c"), ("a+b", "c"), ("EMD-1", "pdb_00009abc"), ("EMD-1_pdb", "00009abc"), ("a/b", "c")]


def test_no_two_pairs_share_the_names_of_their_files():
    stems = [pair_stem(*pair) for pair in PAIRS]
    assert len(set(stems)) == len(PAIRS) and all(re.fullmatch("[A-Za-z0-9._-]+", stem) for stem in stems)
    assert pair_stem("EMD-1", "pdb_00009abc") == "EMD-1_pdb_00009abc" and pair_stem("EMD-1", "7abc") == "EMD-1_7abc"


def test_a_capsid_stays_small():
    names = [f"{a}{b}" for a in "ABCDEFGHIJKLMNOPQR" for b in "0123456789"]
    names[:2] = "A", "B"
    capsid = made(chains=names, length=500)
    text = entrypage.html(capsid)
    assert len(text.encode()) <= 300_000
    drawn = entryfigures.chosen_chains(capsid)
    assert len(drawn) == entryfigures.MOST_ROWS and drawn[:2] == [["A"], ["B"]]
    words = " ".join(Page(text).words)
    assert "The 5 worst of 180 chains are drawn" in words and "175 are not" in words
    assert "The 24 worst of 180 chains" in words


@pytest.mark.parametrize(
    ("chains", "length", "regions"), [(600, 1, 0), (2, 2000, 380)], ids=["many short chains", "many regions"]
)
def test_many_edges_are_an_image(chains, length, regions):
    few = found(chains=[f"c{k}" for k in range(chains)], length=length)
    rows = [REGION | {"chain": "c0", "from": str(k), "to": str(k + 3)} for k in range(1, 5 * regions, 5)]
    shown = dossier.of_survey(replace(few, regions=rows), shipped(), stem="s")
    assert len(entryfigures.as_svg(entryfigures.chains(shown)).encode()) <= 60_000


# ---- ChimeraX ----


def test_attributes_name_residues():
    columns = {"chain": ["A", "AB", "A", "A-2", "A", "A"], "number": ["12", "-3", "12", "1", "x;exit", "13"]}
    columns |= {"icode": ["", "", "B", "", "", None], "q_04": [0.53, -0.1, 0.25, 0.9, 0.9, np.nan]}
    lines = chimerax.attributes(columns).splitlines()
    assert lines[2:5] == ["attribute: qscore", "match mode: 1-to-1", "recipient: residues"]
    assert lines[5:] == ["\t/A:12\t0.5300", "\t/AB:-3\t-0.1000", "\t/A:12B\t0.2500"]
    assert "; 3 residues without a line" in lines[0]


def commands(**more):
    given = {"model": "m.cif", "attribute_file": "m.defattr", "limits": (0.0, 0.6)} | more
    return chimerax.commands(**given).splitlines()


def test_commands_open_the_view():
    lines = commands(emdb_id="EMD-30342", contour=0.025, regions=[REGION])
    opened = [line for line in lines if line.startswith("open")]
    assert opened == ['open "m.cif"', 'open "m.defattr"', "open emdb:30342"]
    assert "select #1/A:11-30" in lines and "transparency #2 65" in lines
    assert "volume #2 style surface level 0.025 color #b8c4cc" in lines
    assert any(line.startswith("color byattribute r:qscore #1 target acs palette 0.000,#febe2a:") for line in lines)


@pytest.mark.parametrize("name", ['a"; exit', "a\nexit", "a;exit", "~/a.map", "a*.map", "a'b", "[ab].map", "a\\b.map"])
def test_names_of_strangers_are_no_commands(name):
    lines = commands(map_file=name, emdb_id="EMD-1", regions=[REGION | {"chain": "A; exit"}, REGION | {"to": "3 exit"}])
    assert not [line for line in lines if "exit" in line or line.startswith(("volume", "select", "label", "open emdb"))]
    assert lines[-1] == "# The map has a name that no command can hold: open it by hand."
    assert "open" not in "".join(commands(emdb_id="EMD-1; exit")[8:])


def test_file_names_may_hold_spaces_and_letters():
    assert 'open "../my map (2), π.mrc"' in commands(map_file="../my map (2), π.mrc")


# ---- pages of a survey ----


@pytest.fixture
def survey(tmp_path):
    """The tables of a survey of two pairs, the evidence of the first."""
    one, other = found(), ENTRY | {"emdb_id": "EMD-9999", "pdb_id": "1abc"}
    write = {
        "entries": (tables.ENTRIES, [one.entry, other]),
        "flags": (tables.FLAGS, [FLAG, FLAG | {"emdb_id": "EMD-9999", "pdb_id": "1abc"}]),
        "regions": (tables.REGIONS, [REGION]),
    }
    for name, (layout, rows) in write.items():
        tables.write_parquet(tmp_path / f"{name}.parquet", layout, tables.as_columns(layout, rows))
    curve = one.inclusion | {key: [value] * 12 for key, value in IDS.items()}
    for name, layout, columns in (
        ("residues", tables.RESIDUES, one.residues),
        ("ligands", tables.RANKED, one.ligands),
        ("inclusion", tables.INCLUSION, curve),
    ):
        tables.write_parquet(tmp_path / f"{name}.parquet", layout, columns)
    batch = tmp_path / "evidence" / "2020"
    (batch / "models").mkdir(parents=True)
    (batch / "models" / "EMD-30342_7cec.cif.gz").write_bytes(gzip.compress(b"data_7cec\n"))
    tables.write_parquet(batch / "traces.parquet", tables.TRACES, one.trace)
    profiles = tables.as_columns(tables.SHOWN_PROFILES, one.profiles)
    tables.write_parquet(batch / "profiles.parquet", tables.SHOWN_PROFILES, profiles)
    curve = shipped()
    record = {"form": "quantile curve", "name": curve.name, "sigma": 0.4, "class": "all", "n": curve.n}
    record |= {"levels": curve.levels.tolist(), "grid": curve.grid.tolist(), "values": curve.values.tolist()}
    tables.write_json(tmp_path / "expected_q.json", {"judged_by": record, "judged_by_text": "by the shipped curve"})
    return tmp_path


def run_pages(survey, *more):
    names = ("entries", "flags", "residues", "ligands", "inclusion")
    given = [word for name in names for word in (f"--{name}", str(survey / f"{name}.parquet"))]
    given += ["--regions", str(survey), "--fit", str(survey / "expected_q.json")]
    given += ["--evidence", str(survey / "evidence"), "--out", str(survey / "out"), *more]
    return CliRunner().invoke(cli.qscore, ["pages", *given], catch_exceptions=False)


def test_pages_of_pairs_with_evidence(survey, text):
    (survey / "out").mkdir()
    old = chimerax.commands(model="EMD-1_old.cif", attribute_file="EMD-1_old.defattr", limits=(0, 1))
    for ending, content in {"html": "old", "cif": "old", "cxc": old}.items():
        (survey / "out" / f"EMD-1_old.{ending}").write_text(content)
    (survey / "out" / ".qscore-killed").mkdir()
    for strange in ("mine.cif", "mine.html", "view.cxc", "view.cif"):
        (survey / "out" / strange).write_text("open mine.cif")
    assert run_pages(survey).output == "1 page\n"
    stem = "EMD-30342_7cec"
    mine = {"mine.cif", "mine.html", "view.cxc", "view.cif"}
    assert {path.name for path in (survey / "out").iterdir()} - mine == {
        f"{stem}.{ending}" for ending in ("cif", "cxc", "defattr", "html")
    }
    assert all((survey / "out" / name).read_text() == "open mine.cif" for name in mine)
    assert (survey / "out" / f"{stem}.cif").read_text() == "data_7cec\n"
    page, wanted = Page((survey / "out" / f"{stem}.html").read_text()), Page(text)
    assert page.rows == wanted.rows and page.pictures == wanted.pictures
    assert "open emdb:30342" in (survey / "out" / f"{stem}.cxc").read_text()


def test_evidence_of_an_earlier_examination_is_not_shown(survey):
    (survey / "examination").mkdir()
    (survey / "examination" / "2021.tsv").write_text("emdb_id\tpdb_id\n")
    assert run_pages(survey, "--examination", str(survey / "examination")).output == "0 pages\n"
    assert list((survey / "out").iterdir()) == []


def test_row_groups_of_some_entries(survey):
    groups = tables.row_groups(survey / "entries.parquet", layout=tables.PUBLISHED, emdb_ids={"EMD-9999"})
    assert [group["pdb_id"].tolist() for group in groups] == [["1abc"]]
    assert list(tables.row_groups(survey / "entries.parquet", layout=tables.PUBLISHED, emdb_ids=set())) == []


def run_of(chains, numbers, length=None, mean_q=0.2):
    row = {"chain": chains, "pooled": "", "from": numbers[0], "to": numbers[1], "mean_q": mean_q}
    return pd.DataFrame([row | {"length": length}])


def test_ends_of_regions_where_numbers_come_twice():
    numbers = {"A": ["1", "2", "3", "4", "2", "3", "9", "2", "3"]}
    q = {"A": [0.9, 0.8, 0.8, 0.8, 0.2, 0.2, 0.8, 0.5, 0.5]}
    assert traces.region_ends(run_of("A", ("1", "3"), 6), numbers) == [("A", 0, 5)]
    assert traces.region_ends(run_of("A", ("2", "3"), 2), numbers, q) == [("A", 4, 5)]
    assert traces.region_ends(run_of("A", ("2", "3"), 2, 0.5), numbers, q) == [("A", 7, 8)]
    assert traces.region_ends(run_of("A", ("9", "1"), 2), numbers) == []


def test_the_line_breaks_where_many_numbers_are_missing():
    gaps = traces.gaps_of(["1", "2", "8", "9", "9A", "150", "211", "3", "x", "99"])
    assert gaps.tolist() == [5, 6, 7]
    columns = residues(["A"], 20)
    columns["number"][10:] = [str(k) for k in range(211, 221)]
    axes = Figure().subplots()
    nothing = SimpleNamespace(expected_q=np.nan, low=np.nan, high=np.nan, flag="")
    traces.draw_chains(axes, pd.DataFrame({key: columns[key] for key in (*LINE, "q_04")}), nothing)
    mean = next(line for line in axes.lines if line.get_gid() == "mean").get_ydata()
    assert np.flatnonzero(np.isnan(mean)).tolist() == [10, 21]
    np.testing.assert_array_equal(mean[:10], traces.running_mean(columns["q_04"][:10]))
    assert len(next(art for art in axes.collections if art.get_gid() == "gaps").get_segments()) == 1


# ---- what the survey knows, and the entry alone ----


def test_regions_of_the_entry_alone_are_told_beside_the_surveys():
    columns = residues(["A"], 300, q=0.45, dip=range(100, 140))
    mine = replace(found(q_mean=0.41, resolution=3.9), residues=columns, regions=[], n_tested=1234)
    shown = dossier.of_survey(mine, shipped(), stem="s")
    wanted = regions_of_pair(columns, resolution=3.9, curve=shipped())
    assert shown.regions == [] and shown.alone == wanted and wanted
    first = wanted[0]
    assert f"over 1,234 chains of the survey; taken alone A {first['from']}–{first['to']} (Q" in shown.sentence
    page = Page(entrypage.html(shown))
    assert row_of(page, "A", first["from"], first["to"]) and "Copies" not in {cell for row in page.rows for cell in row}
    assert "region, taken alone" in page.pictures[next(alt for alt in page.pictures if "1 more taken alone" in alt)]
    same = dossier.of_survey(replace(mine, regions=[first | IDS]), shipped(), stem="s")
    assert same.alone == [] and "taken alone" not in same.sentence


FOUND = {"q_before": 0.111, "shift": 2.21, "q_shifted": 0.156, "hand": "x", "hand_shift": 3.0, "q_hand": 0.05}
FOUND |= {"decoys": 12, "decoy_gain": -0.085, "frame": "shift"}
SAID = "moved by 2.21 Å the model scores 0.156 instead of -0.027; of 12 decoys the best reaches 0.026"


def with_flag(**more):
    return dossier.of_survey(replace(found(), flag=FLAG | FOUND | more), shipped(), stem="s")


def test_evidence_is_shown_without_a_cause(monkeypatch):
    monkeypatch.setattr(entryfigures, "figures_of", lambda _: {})
    page = Page(entrypage.html(with_flag(flag="", cause="", evidence=SAID)))
    words = " ".join(" ".join(page.words).split())
    assert (
        "Found besides: moved by 2.21 Å the model scores 0.156 instead of −0.027 (of a sample of the atoms);" in words
    )
    assert row_of(page, "moved by 2.21 Å")[1] == "0.156" and row_of(page, "the best of 12 decoys")[1] == "0.026"
    assert "instead of -0.027; of" in with_flag(q_before=0.2345, evidence=SAID).judged["evidence"]


def test_what_the_second_look_found_comes_first(monkeypatch):
    monkeypatch.setattr(entryfigures, "figures_of", lambda _: {})
    text = entrypage.html(with_flag(cause=FRAME, evidence=SAID))
    words = " ".join(" ".join(Page(text).words).split())
    assert words.index("Another frame fits: moved by") < words.index("At 3.9 Å") and words.count("moved by 2.21 Å") == 2
    assert "`" not in text


def test_chains_are_counted_where_no_region_tells_them(survey):
    names = ("entries", "flags", "residues", "regions", "ligands", "inclusion")
    sources = entrypages.Sources(*(survey / f"{name}.parquet" for name in names), survey / "expected_q.json")
    assert entrypages._n_tested(sources, {("EMD-1", "1abc"): [REGION]}) == 1234
    assert entrypages._n_tested(sources, {}) == 1  # A and B are copies


def test_profiles_come_back_from_their_rows(usual):
    worst = usual.profiles["worst"]
    assert worst.q.tolist() == [-0.41] * 3 and worst.about[0]["name"] == "A/1/CB"
    np.testing.assert_allclose(worst.sd[0], 0.1)
    np.testing.assert_allclose(worst.mean[0], np.exp(-np.arange(21) / 9))
    assert replace(usual, profiles={}).profiles == {}
