"""Text of strangers and odd files through whole surveys: nothing runs, names a place, steers or asks; all have rows."""

import itertools
import os
from html.parser import HTMLParser

import menagerie
import numpy as np
import pytest
import served
from archive_server import ArchiveServer
from pairs import random_atoms
from small_archive import Archive, mmcif
from test_browser import browser, playwright  # noqa: F401 (fixtures)
from test_menagerie import TOLD, check_detail

from qscore import cli, ids, letters, tables
from qscore.entry import entry_row, score_pair
from qscore.report import parts

CANARY = "qscore_canary"
SCRIPT = f"<script>document.title='{CANARY}';alert(1)</script>"
HOSTILE = (
    "it's", '"quoted"', "back\\slash", f"$(touch {CANARY})", f"`touch {CANARY}`", f"; touch {CANARY} #",
    f"| tee {CANARY}", f"x\ntouch {CANARY}", "tab\there", "{wildcards}", "{0}", "{batch}", "{{7*7}}",
    "{% raw %}", "%s%n", "../../../" + CANARY, f"/srv/{CANARY}", "..", "nul\0nul", "\u202egnp.exe", "\u2028",
    "\x1b[2J\x1b]0;title\x07", "\x9b31m", "\U0001f9ec", "e\u0301", "long" * 60, "longer" * 60,
    SCRIPT, "</script><img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "javascript:alert(1)", "]]>", "<!--",
    "'; DROP TABLE entries; --", f"__import__('os').system('touch {CANARY}')", "-rf", "--help", "=1+1", "@SUM(A1)",
    "http://127.0.0.1:9/x",
)  # fmt: skip
PATHS = tuple(text for text in HOSTILE if "/" in text)
TEXTS = ("sample", "title", "point_group", "method", "software", "doi", "uniprot", "in_frame")
COLUMNS = ("emdb_id", "pdb_id", "resolution", "contour_level", "map", "model", *TEXTS)
# Of the odd files that are scored those that are odd in what later stages see: the others differ in bytes alone.
SCORED = (
    "huge-values.map", "some-farthest.cif", "all-at-one-place.cif", "quotes.cif",
)  # fmt: skip
SOFT_HYPHEN = "\u00ad"  # in headings of our own
CHAINS = (
    "it's", f"$(touch_{CANARY})", f"<script>{CANARY}</script>", "{batch}", "../../x", "-rf", "+1", "\u202egnp", "*",
    "A" * 200,
)  # fmt: skip
SPARING = "plan: {entries_per_batch: 400}\nexamine: {most: 2}\nfigures: {format: [svg]}\n"


def is_name(text):
    """Whether a file can have this name, and a table name the file."""
    return "/" not in text and " ".join(text.split()) == text and "\0" not in text and len(text) < 250


def is_wanted(odd):
    """What would be big takes its time alone, in `test_menagerie`."""
    return not odd.big and (odd.expected != "scored" or odd.name in SCORED)


def steering(text):
    """Letters in it that steer a terminal or turn the writing round."""
    return {letter for letter in text if letter != "\n" and letters.visible(letter) != letter}


def hostile_chains():
    """A model whose chains have the names of `CHAINS`, five atoms each."""
    count = 5 * len(CHAINS)
    atoms = random_atoms(np.random.default_rng(4), np.full(3, 3.0), np.array(menagerie.CELL) - 5.0, count)
    lines = mmcif("9abc", atoms).splitlines()
    first = lines.index(next(line for line in lines if line.startswith("ATOM")))
    for n in range(count):
        lines[first + n] = lines[first + n].removesuffix("A 1") + f'"{CHAINS[n // 5]}" 1'
    return "\n".join(lines) + "\n"


class Table:
    """The rows of a table and the folder they are written to; every text stands in each column of `TEXTS` somewhere."""

    def __init__(self, folder):
        self.folder, self.rows = folder, []

    def add(self, **cells):
        n = len(self.rows)
        given = {"emdb_id": f"EMD-{n}", "pdb_id": f"h{n}", "resolution": "3", "contour_level": "1"}
        files = {"map": "sound.map", "model": "sound.pdb"}
        texts = {key: HOSTILE[(n + 5 * k) % len(HOSTILE)] for k, key in enumerate(TEXTS)}
        self.rows.append(given | files | texts | cells)
        return given["emdb_id"], given["pdb_id"]

    def link(self, name, path):
        """Another name of a file of the folder."""
        (self.folder / name).symlink_to(path)
        return name

    def write(self):
        lines = ["\t".join(COLUMNS), *("\t".join(quoted(row[key]) for key in COLUMNS) for row in self.rows)]
        (self.folder / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def quoted(text):
    """A cell as CSV has it."""
    return '"' + text.replace('"', '""') + '"'


def file_names():
    """For each file that is scored a name of several texts, all of which stand in one."""
    short = [text for text in HOSTILE if is_name(text) and len(text) < 100]
    return (" ".join(short[k :: 2 * len(SCORED)]) for k in range(2 * len(SCORED)))


def on_pages():
    """Text for the rows that have pages, again and again: first what would do something there."""
    active = [text for text in HOSTILE if "<" in text or steering(text) or "(" in text]
    return ({"sample": one, "title": two} for one, two in itertools.pairwise(itertools.cycle(active)))


def filled(folder):
    """A table of hostile text and odd files in a folder; name of an odd file, or of a kind of row → its pair."""
    table, pairs, names, shown = Table(folder), {}, file_names(), on_pages()
    for odd, *files in menagerie.pairs_of(folder, is_wanted):
        stored, texts = [path.name for path in files], {}
        if odd.expected == "scored":
            stored = [table.link(next(names) + path.suffix, path) for path in files]
            texts = next(shown)
        pairs[odd.name] = table.add(map=stored[0], model=stored[1], **texts)
    pairs["sound"] = table.add(**next(shown))
    (folder / "chains.cif").write_text(hostile_chains(), encoding="utf-8")
    pairs["chains"] = table.add(model="chains.cif", **next(shown))
    for text in HOSTILE:
        table.add(emdb_id=text)
        table.add(pdb_id=text)
        table.add(resolution=text)
        pairs["map", text] = table.add(map=text)
    table.write()
    return table, pairs


@pytest.fixture(scope="module")
def surveyed(project, tmp_path_factory):
    """Of a survey of all that, in folders of hostile names: root, table, pairs, results, and what the command said."""
    root = tmp_path_factory.mktemp("hostile")
    data, results = root / "it's {batch} $(touch x); data", root / "res $(touch y) 'ults; %s"
    data.mkdir()
    table, pairs = filled(data)
    config = root / "survey.yaml"
    config.write_text((project / "config" / "pairs.yaml").read_text() + SPARING)
    said = served.survey(project, config, "--pairs", str(data / "pairs.tsv"), "--results", str(results))
    return root, table, pairs, results, said


@pytest.fixture(scope="module")
def rows(surveyed):
    found = tables.read_rows(surveyed[3] / "tables" / "entries.parquet", layout=tables.ENTRIES)
    return {(row["emdb_id"], row["pdb_id"]): row for row in found}


def check_nothing_ran(project, *folders):
    """Nothing was touched by something that ran, and nothing lies outside its folder."""
    everywhere = [path for folder in folders for path in folder.rglob("*")]
    assert not [path for path in everywhere if path.name in (CANARY, "x", "y") and path.parent.name != "hostile"]
    assert not (project / CANARY).exists() and not os.path.exists(f"/srv/{CANARY}")


def test_nothing_of_a_table_is_executed_and_nothing_leaves_the_results(surveyed, project):
    root, table, _, results, _ = surveyed
    check_nothing_ran(project, root, project / "qscore", project / "workflow")
    assert {path.name for path in root.iterdir()} == {"survey.yaml", results.name, table.folder.name}
    assert not [path for path in results.rglob("*") if path.is_symlink() and "fetched" not in path.parts]


def test_every_row_of_a_hostile_table_is_a_pair_or_left_out_with_a_reason(surveyed, rows):
    _, table, pairs, results, _ = surveyed
    excluded = tables.read_tsv(results / "catalogue" / "excluded.tsv")
    assert len(rows) + len(excluded) == len(table.rows) and all(row["reason"] for row in excluded)
    assert all(ids.OWN_ID.fullmatch(name) for pair in rows for name in pair)
    left_out = [row["reason"] for row in excluded]
    assert sum("_id is not a name" in reason for reason in left_out) == 2 * len(HOSTILE)
    assert sum("resolution" in reason for reason in left_out) == len(HOSTILE)
    named = {text for text in HOSTILE if pairs["map", text] in rows}
    assert named == {text for text in HOSTILE if is_name(text) or "/" in text}
    for text in named:
        row = rows[pairs["map", text]]
        assert row["reason"] == "map_missing" and text.rpartition("/")[2] in row["detail"]


def test_every_odd_file_has_its_row_in_a_survey(surveyed, rows):
    pairs = surveyed[2]
    odd = {case.name: case for case in (*menagerie.MAPS, *menagerie.MODELS) if is_wanted(case)}
    found = {name: rows[pairs[name]] for name in odd}
    assert {name: row["reason"] or row["status"] for name, row in found.items()} == {
        name: case.expected for name, case in odd.items()
    }
    for name, row in found.items():
        if row["status"] != "scored":
            check_detail(row["detail"], name)
            assert not row["transient"]


def test_a_sound_pair_among_them_scores_as_alone(surveyed, rows):
    alone = entry_row(score_pair(*menagerie.partners(surveyed[1].folder), **TOLD))
    row = rows[surveyed[2]["sound"]]
    assert row["status"] == "scored"
    assert all(row[key] == alone[key] for key in ("q_mean", "q_null", "cc_mask", "inclusion", "n_atoms"))


def test_every_scored_pair_is_looked_at_once_more_and_has_its_page(surveyed, rows):
    results, scored = surveyed[3], [pair for pair, row in rows.items() if row["status"] == "scored"]
    (looked,) = results.glob("evidence/*/frames.parquet")
    found = {(row["emdb_id"], row["pdb_id"]): row for row in tables.read_rows(looked, layout=tables.FRAMES)}
    assert set(found) == set(scored)
    assert {row["status"] for row in found.values()} == {"examined"}
    assert {path.stem for path in results.glob("report/entries/*.html")} == {ids.pair_stem(*pair) for pair in scored}


def test_nothing_that_is_said_steers_a_terminal(surveyed, capsys):
    _, _, _, results, said = surveyed
    logs = {path: path.read_text(encoding="utf-8") for path in results.glob("logs/**/*.log")}
    assert steering(said) == set() and "Traceback" not in said
    for path, text in logs.items():
        assert steering(text) == set() and "Traceback" not in text and "Warning" not in text, path
    for command in (
        ("failures", results, "--reason", "map_missing"),
        ("failures", results),
        ("progress", results),
        ("audit", "SELECT sample, title, detail FROM entries", "--results", results, "--rows", 999),
    ):
        assert cli.main(list(map(str, command))) == 0
        said = capsys.readouterr().out
        assert said and steering(said) == set()
    assert "DROP TABLE" in said and "\\u202egnp" in said and "\\x1b[2J" in said


def test_braces_in_the_results_folder_are_refused_in_one_line(surveyed, capsys):
    root, table, *_ = surveyed
    assert cli.main(["run", "--pairs", str(table.folder / "pairs.tsv"), "--results", str(root / "{x}")]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "braces" in said and not (root / "{x}").exists()


# ---- the pages ----


class Page(HTMLParser):
    """Elements of a page with their attributes, and its text, that of scripts left out."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.said, self.in_script = [], "", False
        self.feed(path.read_text(encoding="utf-8"))
        assert self.elements and not self.rawdata

    def handle_data(self, data):
        self.said += "" if self.in_script else data

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.in_script = tag == "script" and "type" not in dict(attributes)

    def handle_endtag(self, tag):
        self.in_script = self.in_script and tag != "script"

    def policies(self):
        return [
            attributes["content"]
            for tag, attributes in self.elements
            if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
        ]


def check_page(path, *, scripts):
    """No element came from a text, no letter steers, and the page forbids every request."""
    page, text = Page(path), path.read_text(encoding="utf-8")
    assert text.rstrip().endswith("</html>") and steering(page.said) <= {SOFT_HYPHEN}
    assert SCRIPT not in text and ("script" in dict(page.elements)) == scripts
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")], (tag, attributes)
        assert not str(attributes.get("href", "")).startswith(("javascript:", "data:", "file:", "http:"))
        assert tag not in ("iframe", "object", "embed", "base", "form", "link")
        assert attributes.get("src", "data:").startswith("data:")
    (policy,) = page.policies()
    assert policy.startswith("default-src 'none';") and "connect-src" not in policy
    assert "http" not in policy and "unsafe-eval" not in policy and ("script-src" in policy) == scripts


def pages(results):
    """The report's page and those of the entries."""
    return results / "report" / "index.html", sorted(results.glob("report/entries/*.html"))


def test_pages_of_hostile_text_hold_text(surveyed, rows):
    report, entries = pages(surveyed[3])
    check_page(report, scripts=True)
    said = Page(report).said
    assert all(parts.in_words(reason) in said for reason in {row["reason"] for row in rows.values()} - {None})
    for page in entries:
        check_page(page, scripts=False)
    assert any(SCRIPT in Page(page).said for page in entries)


def visited(started, path):
    """What a page says, asks for and shows as dialogs, after a search where there is one; its text is only seen."""
    page, said, asked, dialogs = started.new_page(), [], [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(path.as_uri())
    page.wait_for_load_state("load")
    if page.locator("#search").count():
        page.wait_for_selector("html[data-ready]", timeout=20_000)
        page.fill("#search", "alert")
        page.locator("#shown", has_not_text="0 of").wait_for()
        page.locator("#table").focus()
        page.keyboard.press("ArrowDown")
        page.locator("#panel").wait_for()
    seen = page.locator("body").inner_text() + page.title()
    assert steering(seen) <= {SOFT_HYPHEN, "\t"} and CANARY not in page.title()
    elsewhere = [url for url in asked if url != page.url and not url.startswith("data:")]
    page.close()
    return said, elsewhere, dialogs


def test_pages_of_hostile_text_in_a_browser(surveyed, browser):  # noqa: F811
    report, entries = pages(surveyed[3])
    chains = "_".join(surveyed[2]["chains"])
    for path in (report, entries[0], report.parent / "entries" / f"{chains}.html"):
        assert visited(browser, path) == ([], [], [])


# ---- the same of an archive ----


class Strangers(Archive):
    """An archive whose documents hold hostile text where text is, and some where an id, a name or a word is."""

    def __init__(self, folder):
        super().__init__(folder, 2, weeks=1)
        for n, text in enumerate(HOSTILE):
            self.stranger(n, **{("pdb_id", "status", "method")[n % 3]: text})
        for n, text in enumerate(PATHS):
            self.stranger(n, map_name=text)

    def stranger(self, n, **more):
        texts = {key: HOSTILE[(n + 7 * k) % len(HOSTILE)] for k, key in enumerate(("title", "sample", "doi"))}
        self.add(len(self.entries)).update(texts | {"uniprot": [texts["doi"]]} | more)

    def document(self, entry):
        found, text = super().document(entry), entry.get("sample", "plain")
        found["sample"]["name"] = {"valueOf_": text}
        found["sample"]["macromolecule_list"]["macromolecule"][0]["name"] = {"valueOf_": text}
        found["admin"]["authors_list"]["author"] = [{"valueOf_": text}]
        found["crossreferences"]["citation_list"]["primary_citation"]["url"] = text
        found["map"]["file"] = entry.get("map_name", found["map"]["file"])
        return found


@pytest.fixture(scope="module")
def archive(project, tmp_path_factory):
    """Of an archive of strangers up to its tables: root, results, what the command said, the paths it asked for.

    What comes after the tables is that of the survey above.
    """
    root = tmp_path_factory.mktemp("archive")
    site = Strangers(root / "site")
    with ArchiveServer() as server:
        site.serve(server)
        config = served.write_config(root, site, server.base, plan={"entries_per_batch": 400})
        said = served.survey(project, config, *served.TABLES)
        return root, root / "results", said, [seen.path for seen in server.log]


def test_nothing_of_an_archive_is_executed_and_nothing_leaves_the_results(archive, project):
    root, _, _, asked = archive
    check_nothing_ran(project, root)
    assert {path.name for path in root.iterdir()} == {"site", "results", "survey.yaml"}
    assert not [path for path in asked if ".." in path or CANARY in path or "127.0.0.1" in path], asked


def test_documents_of_strangers_become_pairs_or_reasons(archive):
    results = archive[1]
    rows = served.entries(results)
    excluded = tables.read_tsv(results / "catalogue" / "excluded.tsv")
    assert all(ids.EMDB_ID.fullmatch(row["emdb_id"]) and ids.PDB_ID.fullmatch(row["pdb_id"]) for row in rows)
    assert {row["status"] for row in rows} == {"scored"} and len(rows) == 2 + len(PATHS)
    assert len({row["emdb_id"] for row in (*rows, *excluded)}) == 2 + len(PATHS) + len(HOSTILE)
    assert all(row["reason"] for row in excluded)
    assert {row["title"] for row in rows} & set(HOSTILE) and {row["sample"] for row in rows} & set(HOSTILE)


def test_nothing_that_is_said_of_an_archive_steers_a_terminal(archive):
    _, results, said, _ = archive
    said = [said, *(path.read_text(encoding="utf-8") for path in results.glob("logs/**/*.log"))]
    assert steering("".join(said)) == set() and "Traceback" not in "".join(said)
