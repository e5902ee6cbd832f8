"""Shared fixtures. Real data: QSCORE_REAL_DATA, default ../shared/data beside the project; skipped when absent."""

import contextlib
import os
import subprocess
from pathlib import Path

import pytest
from archive_server import ArchiveServer
from served import write_config
from small_archive import Archive

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def real_data() -> Path:
    folder = Path(os.environ.get("QSCORE_REAL_DATA", PROJECT.parent / "shared" / "data"))
    if not (folder / "pairs.tsv").is_file():
        pytest.skip(f"no real data in {folder} (set QSCORE_REAL_DATA)")
    return folder


@pytest.fixture
def small(tmp_path):
    """An archive of 8 pairs of three weeks, its server and configuration."""
    with _played(tmp_path, 8, weeks=3) as played:
        yield played


@pytest.fixture
def few(tmp_path):
    """The same of 4 pairs of one week: one batch."""
    with _played(tmp_path, 4, weeks=1) as played:
        yield played


@contextlib.contextmanager
def _played(folder, n, *, weeks):
    site = Archive(folder / "site", n, weeks=weeks)
    with ArchiveServer() as server:
        site.serve(server)
        yield site, server, write_config(folder, site, server.base)


LONGEST = (
    "test_workflow", "test_hostile", "test_doors_again", "test_disk", "test_doors", "test_doors_few", "test_figures",
    "test_isolation", "test_compiled", "test_menagerie", "test_check", "test_browser", "test_report", "test_entrypage",
    "test_outliers", "test_frames", "test_coverage", "test_demo", "test_frozen",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """The longest files first: the whole run then ends soonest (with `--no-loadscope-reorder`)."""
    rank = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


def pytest_make_parametrize_id(val):
    """Bytes by their length: what is compressed may carry the time, and every worker must find the same tests."""
    return f"{len(val)} bytes" if isinstance(val, bytes) else None


def pytest_terminal_summary(terminalreporter):
    """Name what was skipped: a run with skips is not a full run."""
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"skipped: {report.nodeid}")


@pytest.fixture
def small_disk():
    """A function that puts a disk of so many bytes over a folder."""
    mounted = []

    def mount(folder, size):
        options = ["-t", "tmpfs", "-o", f"size={size},mode=777", "tmpfs", str(folder)]
        done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)
