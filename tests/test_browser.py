"""The survey page in a browser: drawn, searched, filtered, opened by mouse and keyboard, and asking for nothing."""

import shutil

import matplotlib.image
import numpy as np
import pytest
from test_figures import on_curve, residue_rows, usual_rows
from test_report import make

from qscore import tables

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--no-pings")
EVIL = '<script>document.title="x"</script><img src=x onerror=alert(1)> "quotes" \'too\' &amp; \u202egnp \u2028'
CHAIN = "<b>"
PLACE = """([x, y]) => {
  const view = Bokeh.index.roots.find((one) => one.model.name === "plot");
  const box = view.canvas_view.el.getBoundingClientRect();
  return [box.x + view.frame.x_scale.compute(x), box.y + view.frame.y_scale.compute(y)];
}"""
TOOLTIP = ".bk-Tooltip .label"


def survey_rows():
    rows = [row | {"map_release": f"{2018 + k % 4}-03-02", "n_protein": 800} for k, row in enumerate(usual_rows())]
    rows[4] |= {"sample": EVIL, "title": "<i>title</i> " + "long " * 2000, "n_ligand": 12}
    return rows + [on_curve(40 + n, 2.21 + 0.02 * n, 0.02 * (-1) ** n) for n in range(45)]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    rows = survey_rows()
    residues = residue_rows(rows[4], chains=(CHAIN, "B")) + residue_rows(rows[12])
    tables.write_parquet(folder / "r.parquet", tables.RESIDUES, tables.as_columns(tables.RESIDUES, residues))
    make(folder, rows, residues_file=folder / "r.parquet", pages=["EMD-10012_1a12"])
    (folder / "entries").mkdir()
    (folder / "entries" / "EMD-10012_1a12.html").write_text("<!doctype html><title>its page</title>")
    return (folder / "report.html").as_uri()


@pytest.fixture(scope="module")
def playwright():
    api = pytest.importorskip("playwright.sync_api", reason="the pages are not opened: playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("the pages are not opened: no Chromium on this machine")
    with api.sync_playwright() as started:
        yield started


@pytest.fixture(scope="module")
def browser(playwright):
    """Without WebGL: the page must not need it."""
    flags = [*QUIET, "--disable-webgl", "--disable-3d-apis"]
    started = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
    yield started
    started.close()


SLOW = 5000  # milliseconds until what does not come is a failure


class Watched:
    """A page with what it said on the console and asked for."""

    def __init__(self, browser, address, **options):
        self.said, self.asked = [], []
        self.page = browser.new_page(viewport={"width": 1280, "height": 900}, **options)
        self.page.set_default_timeout(SLOW)
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address)
        self.page.wait_for_selector("html[data-ready]", timeout=15_000)
        self.page.evaluate("document.getElementById('explore').scrollIntoView({behavior: 'instant'})")

    def place(self, resolution, q):
        return self.page.evaluate(PLACE, [resolution, q])

    def shown(self):
        return self.page.locator("#shown").inner_text()


@pytest.fixture(scope="module")
def shared(browser, address):
    return Watched(browser, address)


@pytest.fixture
def watched(shared):
    """The page as it opens."""
    shared.page.mouse.move(2, 2)
    shared.page.keyboard.press("Escape")
    shared.page.locator("#reset").click()
    shared.page.evaluate("document.getElementById('explore').scrollIntoView({behavior: 'instant'})")
    yield shared
    assert [word for word in shared.said] == []
    assert {asked.partition("#")[0] for asked in shared.asked if not asked.startswith("data:")} == {
        shared.page.url.partition("#")[0]
    }


def coloured(page, selector, folder):
    """Pixels of a part of the page that are not grey."""
    page.locator(selector).screenshot(path=folder / "shot.png")
    pixels = matplotlib.image.imread(folder / "shot.png")[..., :3]
    return int((np.ptp(pixels, axis=-1) > 0.2).sum()), pixels


def test_no_webgl_in_this_browser(watched):
    assert watched.page.evaluate("document.createElement('canvas').getContext('webgl')") is None


def test_the_axes_hold_points_and_curve(watched, tmp_path):
    n, pixels = coloured(watched.page, "#plot", tmp_path)
    assert n >= 1000
    dark = (pixels.max(axis=-1) < 0.45).sum()
    watched.page.fill("#search", "nothing has this name")
    watched.page.wait_for_function("() => document.querySelector('#shown').textContent.startsWith('0 of')")
    watched.page.wait_for_timeout(100)
    _, empty = coloured(watched.page, "#plot", tmp_path)
    assert (empty.max(axis=-1) < 0.45).sum() < dark - 1000


def test_a_known_point_tells_its_id(watched):
    row = next(row for row in usual_rows() if row["emdb_id"] == "EMD-10012")
    watched.page.mouse.move(*watched.place(row["resolution"], row["q_mean"]))
    tip = watched.page.locator(TOOLTIP).first
    tip.wait_for()
    assert "EMD-10012 / 1a12" in tip.inner_text() and "flagged low: unexplained" in tip.inner_text()
    assert f"Q {row['q_mean']:.3f}".replace("-", "−") in tip.inner_text()


def test_search_finds_an_id_and_clearing_shows_all(watched):
    n = len([row for row in survey_rows() if row["status"] == "scored"])
    assert watched.shown() == f"{n} of {n} entries shown"
    watched.page.fill("#search", "emd-10012")
    watched.page.locator("#shown", has_text=f"1 of {n} entries shown").wait_for()
    cell = watched.page.locator("#table .slick-row").first
    assert "EMD-10012" in cell.inner_text()
    watched.page.locator("#reset").click()
    assert watched.shown() == f"{n} of {n} entries shown"


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"#by-flag": "low"}, 2),
        ({"#by-flag": "flagged"}, 3),
        ({"#by-cause": "unexplained", "#by-flag": "high"}, 1),
        ({"#by-classes": "ligands"}, 1),
        ({"#by-subsets": "apoferritin"}, 9),
        ({"#from-year": "2021", "#to-year": "2021"}, 4),
    ],
)
def test_filters_change_the_count(watched, filters, found):
    for name, value in filters.items():
        if name in ("#by-classes", "#by-subsets"):
            watched.page.select_option(name, label=value)
        else:
            watched.page.select_option(name, value)
    assert watched.shown().startswith(f"{found} of ")


def test_a_click_opens_the_panel_and_escape_closes_it(watched, tmp_path):
    page, row = watched.page, next(row for row in usual_rows() if row["emdb_id"] == "EMD-10012")
    page.mouse.click(*watched.place(row["resolution"], row["q_mean"]))
    panel = page.locator("#panel")
    panel.wait_for()
    said = panel.inner_text()
    assert "EMD-10012 / 1a12" in said and "flagged low: unexplained" in said and "made up" in said
    assert f"{row['q_mean']:.3f}" in said and "z (null’s scale)" in said and "Atoms scored" not in said
    assert said.index("EMDB") < said.index("Q along each chain") < said.index("Expected at this resolution")
    page.locator("#panel-rest summary").click()
    assert "In the line" in panel.inner_text()
    page.locator("#panel-rest summary").click()
    links = {one.inner_text(): one.get_attribute("href") for one in page.locator("#panel-links a").all()}
    assert links == {
        "The page of this entry": "entries/EMD-10012_1a12.html",
        "EMDB": "https://www.ebi.ac.uk/emdb/EMD-10012",
        "PDB": "https://www.rcsb.org/structure/1A12",
    }
    page.wait_for_timeout(150)
    assert coloured(page, "#strips", tmp_path)[0] >= 1000
    page.keyboard.press("Escape")
    assert not panel.is_visible()


def test_the_page_of_an_entry_opens_by_a_click(browser, address):
    own = Watched(browser, f"{address}#entry=EMD-10012_1a12")
    own.page.locator("#panel-links a", has_text="The page of this entry").click()
    own.page.wait_for_url("**/entries/EMD-10012_1a12.html")
    assert own.page.title() == "its page" and own.said == []
    own.page.close()


def test_numbers_of_the_table_are_written_as_elsewhere(watched):
    watched.page.fill("#search", "EMD-10013")
    watched.page.locator("#shown", has_text="1 of").wait_for()
    row = watched.page.locator("#table .slick-row", has_text="EMD-10013")
    row.wait_for()
    q = next(row for row in usual_rows() if row["emdb_id"] == "EMD-10013")["q_mean"]
    cells = row.locator(".slick-cell").all_inner_texts()
    assert f"{q:.3f}".replace("-", "−") in cells and "0.012" in cells and not any(cell[:1] == "-" for cell in cells)


def test_tab_walks_from_the_search_over_filters_to_the_table(watched):
    page = watched.page
    page.locator("#search").focus()
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.closest('[id]').id"))
        if seen[-1] == "table":
            break
    walked = list(dict.fromkeys(seen))
    assert walked[:2] == ["by-flag", "by-cause"] and walked[-3:] == ["reset", "plot", "table"]
    page.keyboard.press("ArrowDown")
    assert page.locator("#panel").is_visible()
    page.keyboard.press("Escape")
    page.locator("#table").focus()
    page.keyboard.press("ArrowDown")  # and again, from the beginning
    assert page.locator("#panel").is_visible()


def test_the_keyboard_opens_the_panel_from_the_table(watched):
    page = watched.page
    page.locator("#table").focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#panel-title").inner_text() == "EMD-10013 / 1a13"
    page.keyboard.press("ArrowDown")
    assert page.locator("#panel-title").inner_text() == "EMD-10012 / 1a12"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "panel"
    page.keyboard.press("Escape")
    assert not page.locator("#panel").is_visible() and page.evaluate("document.activeElement.id") == "table"


def test_a_link_of_the_list_opens_the_panel(watched):
    page = watched.page
    page.locator('.links a[href="#entry=EMD-10014_1a14"]').press("Enter")
    assert page.locator("#panel-title").inner_text() == "EMD-10014 / 1a14"
    assert page.evaluate("document.activeElement.id") == "panel"


def test_a_box_leaves_its_entries_in_the_table(watched):
    page = watched.page
    (left, top), (right, bottom) = watched.place(2.95, 0.45), watched.place(3.35, 0.02)
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(right, bottom, steps=4)
    page.mouse.up()
    page.locator("#n-brushed", has_text="The table holds").wait_for()
    assert page.locator("#n-brushed").inner_text() == "The table holds the 2 chosen in the plot."
    rows = [row.inner_text().split()[0] for row in page.locator("#table .slick-row").all()]
    assert sorted(rows) == ["EMD-10012", "EMD-10013"]
    page.locator("#clear-brush").click()
    assert not page.locator("#brushed").is_visible()
    assert page.locator("#table .slick-row").count() > 5


def test_a_heading_sorts_by_keyboard(watched):
    header = watched.page.locator("#table .slick-header-column", has_text="EMDB")
    header.press("Enter")
    first = watched.page.locator("#table .slick-row").first
    first.filter(has_text="EMD-10000").wait_for()
    assert first.inner_text().split()[0] == "EMD-10000"


def test_text_of_strangers_stays_text(watched):
    page, row = watched.page, survey_rows()[4]
    page.mouse.move(*watched.place(row["resolution"], row["q_mean"]))
    tip = page.locator(TOOLTIP).first
    tip.wait_for()
    assert '<script>document.title="x"</script>' in tip.inner_text() and "\u202e" not in tip.inner_text()
    page.mouse.click(*watched.place(row["resolution"], row["q_mean"]))
    said = page.locator("#panel-sample").inner_text()
    assert "<img src=x onerror=alert(1)> \"quotes\" 'too' &amp; gnp" in said and "<i>title</i>" in said
    assert len(said) <= 402 and page.title().startswith("How well")
    page.fill("#search", "onerror")
    cell = page.locator("#table .slick-row", has_text="<script>")
    cell.wait_for()
    assert page.locator("#table script, #table img, #panel script, #panel img, #panel b").count() == 0


def test_chain_names_of_strangers_stay_text(watched):
    page, row = watched.page, survey_rows()[4]
    page.mouse.click(*watched.place(row["resolution"], row["q_mean"]))
    page.locator("#panel-strips").wait_for()
    page.locator("#strips").scroll_into_view_if_needed()
    page.wait_for_timeout(150)
    box = page.locator("#strips").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 16)
    tip = page.locator(TOOLTIP).first
    tip.wait_for()
    assert tip.inner_text().startswith(f"chain {CHAIN}, residue")


def test_dark_pages_are_dark_and_light_ones_light(watched, tmp_path):
    _, light = coloured(watched.page, "#plot", tmp_path)
    watched.page.emulate_media(color_scheme="dark")
    watched.page.wait_for_timeout(200)
    _, dark = coloured(watched.page, "#plot", tmp_path)
    _, table = coloured(watched.page, "#table", tmp_path)
    watched.page.emulate_media(color_scheme="light")
    assert np.median(light) > 0.9 and np.median(dark) < 0.25 and np.median(table) < 0.25


def test_without_scripts_the_rest_is_there(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator("noscript").count() == 1 and not page.locator("#filters, .scripted").first.is_visible()
    assert page.locator("#provenance").is_visible()
    context.close()
