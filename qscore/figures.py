"""Tables of a survey → figures, as files."""

from __future__ import annotations

import json
from pathlib import Path

from matplotlib.figure import Figure

from qscore import agreement, calibration, crowd, exhibits, radial, tables
from qscore.points import residues_of, survey_points, worst_flagged
from qscore.portrait import portrait
from qscore.regions import KIND as CHAIN_REGION
from qscore.rivalfigures import correlation_heat, score_panels
from qscore.scatter import apoferritin, q_by_class, q_vs_resolution
from qscore.spread import diverse_draws, diverse_set
from qscore.style import styled
from qscore.traces import flagged_entries, of_entry
from qscore.years import q_by_year

NAMES = (
    "q_vs_resolution",
    "density",
    "diverse_set",
    "diverse_draws",
    "apoferritin",
    "q_by_class",
    "profiles",
    "flagged_entry",
    "homogeneous",
    "flagged_entries",
    "percentile_bias",
    "coverage",
    "q_vs_fsc05",
    "q_by_year",
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
    evidence_folder=None,
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
    evidence_folder : path, optional
        With a folder a batch, of `examine.examine_batch`; of the entries shown alone is read what they need.
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
        "density": crowd.density(points, fit),
        "apoferritin": apoferritin(points, fit),
        "flagged_entries": flagged_entries(points, residues, regions) if len(residues) else None,
        "q_by_class": q_by_class(points),
        "percentile_bias": calibration.percentile_bias(points, fit),
        "coverage": calibration.coverage(fit),
        "q_vs_fsc05": crowd.q_vs_fsc05(points, fit),
        "q_by_year": q_by_year(points, fit),
        "concordance": _concordance(concordance_folder),
        **_draws(draws_folder),
        **_rivals(rivals_folder, points),
        **_entries(evidence_folder, points, regions),
    }
    return [path for name in NAMES for path in _save(figures[name], Path(out) / name, formats, dpi)]


def _read(path) -> dict:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def _regions(folder):
    """The regions of chains as a table; None without the folder."""
    if folder is None:
        return None
    found = tables.frame(Path(folder) / "regions.parquet", layout=tables.REGIONS)
    return found[found["kind"] == CHAIN_REGION]


def _draws(folder) -> dict[str, Figure | None]:
    if folder is None:
        return dict.fromkeys(("diverse_set", "diverse_draws"))
    facts = _read(Path(folder) / "draws.json")
    draws = tables.frame(Path(folder) / "draws.parquet")
    return {"diverse_set": diverse_set(facts), "diverse_draws": diverse_draws(draws, facts)}


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


def _entries(folder, points, regions) -> dict[str, Figure | None]:
    """The figures of single entries, as far as there is evidence."""
    if folder is None:
        return dict.fromkeys(("profiles", "flagged_entry", "homogeneous"))
    pairs = exhibits.with_evidence(folder, "traces")
    even = exhibits.evenness(folder, exhibits.pair_list(exhibits.usual(points)))
    shown = {
        "flagged_entry": (exhibits.worst_low(points, pairs, regions), "Flagged low, the furthest below its band"),
        "homogeneous": (exhibits.most_even(points, even), "Evenly resolved: Q varies least along the chains"),
    }
    found = {name: _portrait(folder, entry, regions, heading) for name, (entry, heading) in shown.items()}
    return found | {"profiles": _profiles(folder, points)}


def _portrait(folder, entry, regions, heading: str) -> Figure | None:
    """One entry by itself; None where there is none."""
    if entry.empty:
        return None
    (row,) = entry.itertuples()
    return portrait(
        row, exhibits.trace_of(folder, entry), None if regions is None else of_entry(regions, row), heading=heading
    )


def _profiles(folder, points) -> Figure | None:
    """Profiles of the usual entry of median percentile, and of entries over the resolutions."""
    pairs = exhibits.with_evidence(folder, "profiles")
    entry, rungs = exhibits.median_entry(points, pairs), exhibits.ladder(points, pairs)
    if entry.empty:
        return None
    found = [exhibits.extreme_atoms(folder, one) for one in (entry, rungs)]
    best = found[1][found[1]["which"] == "best"]
    row = next(entry.itertuples())
    return radial.profile_examples(
        radial.shown_profiles(found[0]), radial.shown_profiles(best), rungs["resolution"],
        heading=f"{row.name}, {row.resolution:.2f} Å: the best and the worst resolved atom", synthetic=row.synthetic,
    )  # fmt: skip


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
