"""The survey page of 40,000 entries: its size, the time it takes to write, and how soon it answers in a browser.

    python benchmarks/page.py [--rows 40000] [--seed 2026] [--figures FOLDER] [--work FOLDER]

Entries, residues, fit and flags are made up and go through the same code as those of a survey. The page is then opened
in Chromium (Playwright): times are from the start of navigation until the label of a point under the mouse stands, and
until a search has its answer, medians of three navigations each; the heap is that of JavaScript after a search. Figures
are none unless a folder of them is given.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from qscore import fitting, tables
from qscore.equations import judging_curve
from qscore.report.page import write_report
from qscore.selection import FitRule

MOST_SECONDS, MOST_MB, TIMES = 3.0, 15.0, 3
WORDS = ["ribosome", "spliceosome", "channel", "receptor", "capsid", "complex", "bound", "state", "open", "human"]
PLACE = """() => {
  const view = Bokeh.index.roots.find((one) => one.model.name === "plot");
  const box = view.canvas_view.el.getBoundingClientRect();
  return [box.x + view.frame.x_scale.compute(3.0), box.y + view.frame.y_scale.compute(0.5)];
}"""


def entries(n, rng):
    """Columns of `tables.ENTRIES`."""
    resolution = np.round((2 + rng.gamma(4, 0.5, n)).clip(1.2, 9.9), 2)
    q = (1.0 - 0.16 * resolution + 0.004 * resolution**2 + rng.normal(0, 0.05, n)).clip(-0.1, 0.98)
    columns = {name: [None] * n for name in tables.ENTRIES.names}
    columns |= {
        "emdb_id": [f"EMD-{10_000 + k}" for k in range(n)], "pdb_id": [f"{k % 9 + 1}{k:03x}"[:4] for k in range(n)],
        "sample": [sentence(rng, 6) for _ in range(n)], "title": [sentence(rng, 12) for _ in range(n)],
        "method": rng.choice(["singleParticle", "helical", "subtomogramAveraging"], n, p=[0.9, 0.05, 0.05]).tolist(),
        "map_release": [f"{year}-06-01" for year in rng.integers(2012, 2026, n)], "status": ["scored"] * n,
        "resolution": resolution, "q_mean": q, "q_scored": q, "synthetic": [True] * n,
    }  # fmt: skip
    for name in ("q_protein", "q_ligand", "q_backbone", "q_side_chain", "q_mean_06", "inclusion", "d_fsc05", "cc_mask"):
        columns[name] = q + rng.normal(0, 0.03, n)
    columns["n_outside"] = [0] * n
    for name in ("n_atoms", "n_scored", "n_protein", "n_ligand"):
        columns[name] = rng.integers(1, 60_000, n)
    return columns


def sentence(rng, n):
    return " ".join(WORDS[k] for k in rng.integers(len(WORDS), size=n))


def residues(found, rng):
    """Columns of `tables.RESIDUES`: four chains of 25 residues an entry."""
    n, each, length = len(found["emdb_id"]), 4, 25
    rows = n * each * length
    columns = {name: [None] * rows for name in tables.RESIDUES.names}
    return columns | {
        "emdb_id": np.repeat(found["emdb_id"], each * length), "pdb_id": np.repeat(found["pdb_id"], each * length),
        "chain": np.tile(np.repeat(list("ABCD"), length), n),
        "number": np.tile(np.arange(length), n * each).astype(str),
        "residue": rng.choice(["ALA", "GLY", "LEU"], rows), "class": np.full(rows, "protein"),
        "q_04": np.repeat(found["q_mean"], each * length) + rng.normal(0, 0.1, rows),
    }  # fmt: skip


def flags(found, curve, rng):
    """Columns of `tables.FLAGS`: the furthest below are flagged, and some have a cause."""
    resolution, q = np.asarray(found["resolution"]), np.asarray(found["q_mean"])
    low, high = curve.band(resolution)
    flag = np.where(q < low - 0.05, "low", "")
    columns = {name: [None] * len(q) for name in tables.FLAGS.names}
    kept = {name: found[name] for name in ("emdb_id", "pdb_id", "sample", "resolution", "q_mean")}
    return columns | kept | {
        "expected_q": curve.expected(resolution), "low": low, "high": high, "flag": flag, "left_out": [""] * len(q),
        "percentile": curve.percentile(resolution, q), "z": (q - curve.expected(resolution)) / 0.05,
        "p_adjusted": rng.uniform(0, 1, len(q)), "cause": np.where(flag == "low", "unexplained", ""),
        "evidence": np.where(flag == "low", "no cause was found on the evidence there is", ""),
    }  # fmt: skip


def survey(folder, n, seed):
    """The files of a made-up survey."""
    rng = np.random.default_rng(seed)
    found = entries(n, rng)
    tables.write_parquet(folder / "entries.parquet", tables.ENTRIES, found)
    tables.write_parquet(folder / "residues.parquet", tables.RESIDUES, residues(found, rng))
    fit = fitting.fit(folder / "entries.parquet", FitRule())
    tables.write_json(folder / "expected_q.json", fit)
    tables.write_parquet(folder / "flags.parquet", tables.FLAGS, flags(found, judging_curve(fit), rng))
    tables.write_tsv(folder / "excluded.tsv", tables.EXCLUDED, tables.as_columns(tables.EXCLUDED, []))
    tables.write_json(folder / "catalogue.json", {"source": "made up", "n_excluded": 0})


def write(folder, figures=None):
    """The page; seconds it took."""
    start = time.perf_counter()
    write_report(
        folder / "entries.parquet", folder / "flags.parquet", folder / "excluded.tsv", folder / "expected_q.json",
        folder / "catalogue.json", figures or folder / "figures", folder / "index.html",
        residues_file=folder / "residues.parquet",
    )  # fmt: skip
    return time.perf_counter() - start


def opened(path):
    """Seconds from navigation to a label and to a search's answer, of each time, and the heaps in MB."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--enable-precise-memory-info"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        labels = [until(browser, path, label)[0] for _ in range(TIMES)]
        answers, heaps = zip(*(until(browser, path, answer) for _ in range(TIMES)), strict=True)
        browser.close()
    return labels, answers, heaps


def told(seconds):
    """Median, and each time."""
    return (
        f"{statistics.median(seconds):.2f} s ({', '.join(f'{one:.2f}' for one in seconds)}; at most {MOST_SECONDS:g})"
    )


def until(browser, path, act):
    """Seconds from navigation until something stands, and the heap then."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    start = time.perf_counter()
    page.goto(path.as_uri() + "#explore")
    page.wait_for_selector("html[data-ready]")
    act(page)
    seconds = time.perf_counter() - start
    heap = page.evaluate("performance.memory.usedJSHeapSize") / 1e6
    page.close()
    return seconds, heap


def label(page):
    page.evaluate("document.getElementById('plot').scrollIntoView({behavior: 'instant', block: 'center'})")
    page.mouse.move(*page.evaluate(PLACE))
    page.locator(".bk-Tooltip .label").first.wait_for()


def answer(page):
    page.fill("#search", "EMD-12345")
    page.locator("#shown", has_text="1 of ").wait_for()
    page.locator("#table .slick-row", has_text="EMD-12345").wait_for()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--figures", type=Path)
    parser.add_argument("--work", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.work or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        survey(folder, options.rows, options.seed)
        seconds, size = write(folder, options.figures), (folder / "index.html").stat().st_size / 1e6
        print(f"page of {options.rows:,} entries: {size:.1f} MB (at most {MOST_MB:g}), written in {seconds:.1f} s")
        labels, answers, heaps = opened(folder / "index.html")
        print(f"from navigation to a label: {told(labels)}")
        print(f"from navigation to a search's answer: {told(answers)}")
        print(f"JavaScript heap: {statistics.median(heaps):.0f} MB")


if __name__ == "__main__":
    main()
