"""Tables of a survey → figures, as files."""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib.figure import Figure

from qscore import tables
from qscore.points import residues_of, survey_points, worst_flagged
from qscore.scatter import apoferritin, q_by_class, q_vs_resolution
from qscore.style import styled
from qscore.traces import flagged_entries

NAMES = ("q_vs_resolution", "apoferritin", "flagged_entries", "q_by_class")
METADATA = {"svg": {"Date": None}, "png": {"Software": None}, "pdf": {"CreationDate": None}}


def write_figures(
    entries_file, flags_file, residues_file, fit_file, out, *, formats=("svg", "png"), dpi: int = 150
) -> list[Path]:
    """Every figure the tables give, as files; the same tables give the same bytes.

    Parameters
    ----------
    entries_file, flags_file, residues_file : path
        Parquet of `tables.ENTRIES`, `tables.FLAGS` and `tables.RESIDUES`.
    fit_file : path
        ``expected_q.json`` of `survey.fit`.
    out : path
        Folder. A figure of an earlier survey that these tables do not give is removed.
    formats : sequence of str
        "svg", "png" or "pdf".
    dpi : int
        Of PNG, and of what is drawn as an image in the others.

    Returns
    -------
    list of Path
    """
    fit = json.loads(Path(fit_file).read_text(encoding="utf-8"))
    points = survey_points(
        tables.frame(entries_file, layout=tables.ENTRIES), tables.frame(flags_file, layout=tables.FLAGS)
    )
    figures = {
        "q_vs_resolution": q_vs_resolution(points, fit),
        "apoferritin": apoferritin(points, fit),
        "flagged_entries": flagged_entries(points, residues_of(worst_flagged(points), residues_file)),
        "q_by_class": q_by_class(points),
    }
    return [path for name, figure in figures.items() for path in _save(figure, Path(out) / name, formats, dpi)]


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
