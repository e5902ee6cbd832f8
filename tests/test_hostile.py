"""Text of strangers through whole surveys: it runs nowhere, names no place, and stays text on every page."""

import ast
import os
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
import served
from archive_server import ArchiveServer
from pairs import random_atoms, write_map
from small_archive import SHAPE, STEP, Archive, mmcif, smooth_map
from test_browser import QUIET, browser, playwright  # noqa: F401 (fixtures)

from qscore import ids, tables

CANARY = "qscore_canary"
SCRIPT = f"<script>document.title='{CANARY}';alert(1)</script>"
HOSTILE = (
    "it's", '"quoted"', "back\\slash", f"$(touch {CANARY})", f"`touch {CANARY}`", f"; touch {CANARY} #",
    f"| tee {CANARY}", f"x\ntouch {CANARY}", "tab\there", "{wildcards}", "{0}", "{batch}", "{{7*7}}",
    "{% raw %}", "%s%n",
    "../../../" + CANARY, f"/srv/{CANARY}", "..", "nul\0nul", "\u202egnp.exe", "\u2028",
    "\U0001f9ec", "e\u0301", "long" * 60,
    SCRIPT, "</script><img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "javascript:alert(1)", "]]>", "<!--",
    "'; DROP TABLE entries; --", f"__import__('os').system('touch {CANARY}')", "-rf", "--help", "=1+1", "@SUM(A1)",
    "http://127.0.0.1:9/x",
)  # fmt: skip
COLUMNS = ("emdb_id", "pdb_id", "resolution", "map", "model", "sample", "title", "point_group", "method", "software",
           "doi", "uniprot", "in_frame")  # fmt: skip


def sound(folder, *, chain="A", seed=0):
    """A map, and a model whose chain has a name."""
    rng = np.random.default_rng(seed)
    write_map(folder / "m.map", smooth_map(rng, SHAPE), step=STEP)
    atoms = random_atoms(rng, np.full(3, 2.0), (np.array(SHAPE[::-1]) - 1) * STEP - 2.0, 20)
    (folder / "m.cif").write_text(mmcif("9abc", atoms).replace(" A 1\n", f" {chain} 1\n"), encoding="utf-8")


def possible(name):
    """Whether a file may have this name."""
    return "/" not in name and "\0" not in name and name not in ("", ".", "..") and len(name.encode()) < 256


def quoted(text):
    """A cell as CSV has it."""
    return '"' + text.replace('"', '""') + '"'


def run(project, *arguments, cwd=None):
    found = subprocess.run(
        [sys.executable, "-m", "qscore", *map(str, arguments)], cwd=cwd or project,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.returncode, found.stdout + found.stderr


def canaries(*folders):
    """What was touched by something that ran."""
    return [path for folder in folders for path in folder.rglob("*") if path.name == CANARY]


@pytest.fixture(scope="module")
def table(project, tmp_path_factory):
    """Results and rows of a survey of a table in which every text is hostile, in folders of hostile names."""
    root = tmp_path_factory.mktemp("hostile")
    data, results = root / "it's {batch} $(touch x); data", root / "res $(touch y) 'ults; %s"
    data.mkdir()
    sound(data)
    rows = []

    def add(**cells):
        row = {
            "emdb_id": f"EMD-{len(rows)}",
            "pdb_id": f"h{len(rows)}",
            "resolution": "3",
            "map": "m.map",
            "model": "m.cif",
        }
        rows.append(row | cells)

    for text in HOSTILE:
        add(emdb_id=text)
        add(pdb_id=text)
        add(resolution=text)
        add(map=text)  # there is no such file
    for n in range(0, len(HOSTILE), 4):  # every text in two columns
        add(**{key: HOSTILE[(n + k) % len(HOSTILE)] for k, key in enumerate(COLUMNS[5:])})
    for n, text in enumerate(list(filter(possible, HOSTILE))[::3]):
        (data / f"{text} {n}.map").symlink_to(data / "m.map") if possible(f"{text} {n}.map") else None
        (data / f"{text} {n}.cif").symlink_to(data / "m.cif") if possible(f"{text} {n}.cif") else None
        add(map=f"{text} {n}.map", model=f"{text} {n}.cif")
    for n, text in enumerate(("it's", f"$(touch_{CANARY})", SCRIPT, "{wildcards}", "../../x", "-rf")):
        (data / f"c{n}").mkdir()
        sound(data / f"c{n}", chain=f'"{text}"', seed=n)
        add(map=f"c{n}/m.map", model=f"c{n}/m.cif")
    lines = ["\t".join(COLUMNS), *("\t".join(quoted(row.get(key, "")) for key in COLUMNS) for row in rows)]
    (data / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = root / "survey.yaml"
    config.write_text(
        (project / "config" / "pairs.yaml").read_text()
        + "examine: {most: 6, base_seconds: 4, seconds_per_mb: 0.1}\nplan: {entries_per_batch: 80}\n"
    )
    code, said = run(project, "run", "--config", config, "--pairs", data / "pairs.tsv", "--results", results)
    assert code == 0, said
    found = tables.read_rows(results / "tables" / "entries.parquet", layout=tables.ENTRIES)
    return root, results, rows, {(row["emdb_id"], row["pdb_id"]): row for row in found}


def test_nothing_of_a_table_is_executed_and_nothing_leaves_the_results(table, project):
    root, results, _, _ = table
    assert canaries(root, project / "qscore", project / "workflow") == []
    assert not (project / CANARY).exists() and not os.path.exists(f"/srv/{CANARY}")
    assert {path.name for path in root.iterdir()} == {"survey.yaml", results.name, "it's {batch} $(touch x); data"}
    assert not [path for path in results.rglob("*") if path.is_symlink() and "fetched" not in path.parts]


def test_every_row_of_a_hostile_table_is_a_pair_or_left_out_with_a_reason(table):
    _, results, rows, found = table
    excluded = {(row["emdb_id"], row["pdb_id"]) for row in tables.read_tsv(results / "catalogue" / "excluded.tsv")}
    for row in rows:
        own = [bool(ids.OWN_ID.fullmatch(row[key].lower() if key == "pdb_id" else row[key])) for key in COLUMNS[:2]]
        if all(own) and row["resolution"] == "3":
            pair = found[row["emdb_id"], row["pdb_id"]]
            assert pair["reason"] in (None, "map_missing", "map_unreadable"), pair
            assert "\n" not in (pair["detail"] or "")
        else:
            assert (row["emdb_id"], row["pdb_id"]) not in found
    assert len(found) + len(excluded) <= len(rows) and len(excluded) > 3 * len(HOSTILE) - 9


def test_braces_in_the_results_folder_are_refused_in_one_line(project, table):
    root, *_ = table
    pairs = next(root.glob("it*")) / "pairs.tsv"
    code, said = run(project, "run", "--pairs", pairs, "--results", root / "{x}")
    assert (code, said.count("\n")) == (1, 1) and "braces" in said and not (root / "{x}").exists()


def test_files_of_hostile_names_are_scored(table):
    """What a name holds is no matter, as long as a file has it."""
    _, _, rows, found = table
    named = [row for row in rows if row["map"].endswith(".map") and possible(row["map"]) and row["map"] != "m.map"]
    assert len(named) > 5
    assert {found[row["emdb_id"], row["pdb_id"]]["status"] for row in named} == {"scored"}


class Page(HTMLParser):
    """Elements of a page with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))


def check_page(path, *, scripts):
    """No element came from a text, and the page forbids every request."""
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    names = [tag for tag, _ in page.elements]
    assert SCRIPT not in text and ("script" in names) == scripts
    for tag, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on")], (tag, attributes)
        assert not str(attributes.get("href", "")).startswith(("javascript:", "data:", "file:", "http:"))
        assert tag not in ("iframe", "object", "embed", "base", "form") and attributes.get("src", "data:").startswith(
            "data:"
        )
    policies = [
        a["content"] for tag, a in page.elements if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(policies) == 1 and "default-src 'none'" in policies[0] and "unsafe-eval" not in policies[0]
    assert "connect-src" not in policies[0] and "http" not in policies[0]


def test_pages_of_hostile_text_hold_text(table):
    _, results, _, _ = table
    check_page(results / "report" / "index.html", scripts=True)
    pages = sorted((results / "report" / "entries").glob("*.html"))
    assert len(pages) == 6
    for page in pages:
        check_page(page, scripts=False)


def visited(started, path):
    """What a page says, asks for and shows as dialogs."""
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
        page.wait_for_timeout(300)
    title, elsewhere = page.title(), [url for url in asked if url != page.url and not url.startswith("data:")]
    page.close()
    return title, said, elsewhere, dialogs


def test_pages_of_hostile_text_in_a_browser(table, browser):  # noqa: F811
    _, results, _, _ = table
    for path in (results / "report" / "index.html", *sorted((results / "report" / "entries").glob("*.html"))[:3]):
        title, *rest = visited(browser, path)
        assert title != CANARY and rest == [[], [], []]


def test_an_audit_of_hostile_text_is_a_table(table, project):
    _, results, _, _ = table
    code, said = run(
        project, "audit", "SELECT sample, title FROM entries ORDER BY ALL", "--results", results, "--rows", 99
    )
    assert code == 0, said
    assert "\u202e" not in said and "DROP TABLE" in said


# ---- the same of an archive ----


@pytest.fixture(scope="module")
def archive(project, tmp_path_factory):
    """Results of a survey of an archive whose documents are hostile, and the server that played it."""
    root = tmp_path_factory.mktemp("archive")
    site = Archive(root / "site", 4, weeks=1)
    for n, text in enumerate(HOSTILE):
        entry = site.add(n + 4)
        entry |= {"title": text, "doi": text, "uniprot": [text], "sample": text}
        if n % 4 == 1:
            entry["pdb_id"] = text
        if n % 4 == 2:
            entry["map_name"] = text
        if n % 4 == 3:
            entry["status"] = "REL"
            entry["method"] = text
    with ArchiveServer() as server:
        site.serve(server)
        server.answer("/emdb/api/entry/*", lambda *request: hostile_document(site, *request))
        config = served.write_config(
            root,
            site,
            server.base,
            plan={"entries_per_batch": 40},
            examine={"most": 2, "base_seconds": 4, "seconds_per_mb": 0.1},
        )
        code, said = run(project, "run", "--config", config)
        assert code == 0, said
        asked = [seen.path for seen in server.log]
    return root, root / "results", asked


def hostile_document(site, method, path, query, headers, body):
    from small_archive import _json, document

    entry = next(entry for entry in site.entries if entry["emdb_id"] == path.rsplit("/", 1)[1])
    found, text = document(entry), entry.get("sample", "plain")
    found["sample"]["name"] = {"valueOf_": text}
    found["sample"]["macromolecule_list"]["macromolecule"][0]["name"] = {"valueOf_": text}
    found["admin"]["authors_list"]["author"] = [{"valueOf_": text}]
    found["crossreferences"]["citation_list"]["primary_citation"]["url"] = text
    found["map"]["file"] = entry.get("map_name", found["map"]["file"])
    return _json(found)


def test_nothing_of_an_archive_is_executed_and_nothing_leaves_the_results(archive, project):
    root, _, asked = archive
    assert canaries(root) == [] and not (project / CANARY).exists() and not os.path.exists(f"/srv/{CANARY}")
    assert {path.name for path in root.iterdir()} == {"site", "results", "survey.yaml"}
    assert not [path for path in asked if ".." in path or CANARY in path or "127.0.0.1" in path], asked


def test_documents_of_strangers_become_pairs_or_reasons(archive):
    results = archive[1]
    rows = served.entries(results)
    excluded = tables.read_tsv(results / "catalogue" / "excluded.tsv")
    assert all(ids.EMDB_ID.fullmatch(row["emdb_id"]) and ids.PDB_ID.fullmatch(row["pdb_id"]) for row in rows)
    assert {row["status"] for row in rows} == {"scored"} and len(rows) >= 4 + len(HOSTILE) // 2
    assert sum(row["reason"] == "not a PDB id" for row in excluded) >= 5
    assert SCRIPT in {row["title"] for row in rows} | {row["sample"] for row in rows}


def test_pages_of_an_archive_of_hostile_text(archive):
    _, results, _ = archive
    check_page(results / "report" / "index.html", scripts=True)
    for page in (results / "report" / "entries").glob("*.html"):
        check_page(page, scripts=False)


# ---- what the package may not call ----

FORBIDDEN_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "xmlrpc", "telnetlib", "ftplib"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp", 
                   "yaml.unsafe_load", "yaml.full_load", "np.load", "numpy.load", "os.execv", "os.execvp"}  # fmt: skip
ALLOWED = {("building", "function.compile"): "Numba's, of loops of ours"}


def dotted(node):
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def dangers(text):
    """What a module calls or imports that runs, or unpacks, what others wrote."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (name for name in names if name.split(".")[0] in FORBIDDEN_MODULES)
        if isinstance(node, ast.Call):
            name, options = dotted(node.func), {key.arg: key.value for key in node.keywords}
            if name in FORBIDDEN_CALLS:
                yield name
            if name == "yaml.load" and "Safe" not in ast.unparse(node):
                yield name
            for key, wrong in (("shell", True), ("verify", False), ("allow_pickle", True)):
                if key in options and getattr(options[key], "value", wrong) == wrong:
                    yield f"{name}({key}={wrong})"


def test_the_package_runs_and_unpacks_nothing_of_others(project):
    found = {
        (path.stem, name)
        for path in sorted((project / "qscore").rglob("*.py"))
        for name in dangers(path.read_text(encoding="utf-8"))
    }
    assert found - set(ALLOWED) == set()


@pytest.mark.parametrize(
    "text",
    ["import pickle", "from marshal import loads", "eval('1')", "os.system('x')", "run('x', shell=True)",
     "get(u, verify=False)", "yaml.load(x)", "yaml.load(x, Loader=yaml.Loader)", "tempfile.mktemp()",
     "np.load(p, allow_pickle=True)", "run('x', shell=flag)"],
)  # fmt: skip
def test_what_is_dangerous_is_seen(text):
    assert list(dangers(text))
