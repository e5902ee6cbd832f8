"""Tables of a survey → figures, as files."""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib.figure import Figure

from qscore import agreement, tables
from qscore.points import residues_of, survey_points, worst_flagged
from qscore.regions import KIND as CHAIN_REGION
from qscore.rivalfigures import correlation_heat, score_panels
from qscore.scatter import apoferritin, q_by_class, q_vs_resolution
from qscore.spread import diverse_draws
from qscore.style import styled
from qscore.traces import flagged_entries

NAMES = (
    "q_vs_resolution",
    "apoferritin",
    "diverse_draws",
    "flagged_entries",
    "q_by_class",
    "concordance",
    "score_correlations",
    "scores_vs_resolution",
)
FEWEST_COMPARED = 3
METADATA = {"svg": {"Date": None}, "png": {"Software": None}, "pdf": {"CreationDate": None}}


def write_figures(
    entries_file,
    flags_file,
    residues_file,
    fit_file,
    out,
    *,
    draws_folder=None,
    concordance_folder=None,
    regions_folder=None,
    rivals_folder=None,
    formats=("svg", "png"),
    dpi: int = 150,
) -> list[Path]:
    """Every figure the tables give, as files; the same tables give the same bytes.

    Parameters
    ----------
    entries_file, flags_file, residues_file : path
        Parquet of `tables.ENTRIES`, `tables.FLAGS` and `tables.RESIDUES`; the last may have no rows.
    fit_file : path
        ``expected_q.json`` of `survey.fit`.
    out : path
        Folder. A figure of an earlier survey that these tables do not give is removed.
    draws_folder, concordance_folder, regions_folder, rivals_folder : path, optional
        Of `draws.write`, `concordance.write`, `regions.write` and `rivals.write`.
    formats : sequence of str
        "svg", "png" or "pdf".
    dpi : int
        Of PNG, and of what is drawn as an image in the others.

    Returns
    -------
    list of Path
    """
    fit = _read(fit_file)
    points = survey_points(
        tables.frame(entries_file, layout=tables.ENTRIES), tables.frame(flags_file, layout=tables.FLAGS)
    )
    regions = _regions(regions_folder)
    residues = residues_of(worst_flagged(points, regions=regions), residues_file)
    figures = {
        "q_vs_resolution": q_vs_resolution(points, fit),
        "apoferritin": apoferritin(points, fit),
        "diverse_draws": _draws(draws_folder),
        "flagged_entries": flagged_entries(points, residues, regions) if len(residues) else None,
        "q_by_class": q_by_class(points),
        "concordance": _concordance(concordance_folder),
        **_rivals(rivals_folder, points),
    }
    return [path for name, figure in figures.items() for path in _save(figure, Path(out) / name, formats, dpi)]


def _read(path) -> dict:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _regions(folder):
    """The regions of chains as a table; None without the folder."""
    if folder is None:
        return None
    found = tables.frame(Path(folder) / "regions.parquet", layout=tables.REGIONS)
    return found[found["kind"] == CHAIN_REGION]


def _draws(folder) -> Figure | None:
    if folder is None:
        return None
    return diverse_draws(tables.frame(Path(folder) / "draws.parquet"), _read(Path(folder) / "draws.json"))


def _concordance(folder) -> Figure | None:
    if folder is None or (facts := _read(Path(folder) / "concordance.json"))["n"] < FEWEST_COMPARED:
        return None
    return agreement.draw(tables.frame(Path(folder) / "concordance.parquet", layout=tables.CONCORDANCE), facts)


def _rivals(folder, points) -> dict[str, Figure | None]:
    if folder is None:
        return dict.fromkeys(("score_correlations", "scores_vs_resolution"))
    facts = _read(Path(folder) / "rivals.json")
    measured, pairs = (
        tables.frame(Path(folder) / f"{layout.name}.parquet", layout=layout)
        for layout in (tables.RIVALS, tables.CORRELATIONS)
    )
    return {
        "score_correlations": correlation_heat(pairs, facts),
        "scores_vs_resolution": score_panels(points, facts, measured),
    }


@styled
def _save(figure: Figure | None, stem: Path, formats, dpi: int):
    paths = [stem.with_suffix(f".{kind}") for kind in formats]
    for path, kind in zip(paths, formats, strict=True):
        if figure is None:
            path.unlink(missing_ok=True)
            continue
        with tables.whole_file(path, "wb") as stream:
            figure.savefig(stream, format=kind, dpi=dpi, metadata=METADATA[kind])
    return paths if figure else []
