"""Tables and figures of a survey → one HTML file that requests nothing."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

from qscore import __version__, tables
from qscore.outliers import LEVEL, band_flag
from qscore.report import gallery, interactive, parts, templates
from qscore.report.cards import beyond_cards, cards
from qscore.report.scores import side_by_side

OWN = "this survey"  # as `fitting.fit` names the source of a curve of the survey's own
LOWEST = 10  # entries shown when none is flagged
MOST_LINKS = 200  # of one cause


def write_report(
    entries_file,
    flags_file,
    excluded_file,
    fit_file,
    catalogue_file,
    figures_folder,
    out,
    *,
    configuration=None,
    draws_folder=None,
    concordance_folder=None,
    regions_folder=None,
    rivals_folder=None,
    residues_file=None,
    pages=(),
    subsets=(),
    level: float = LEVEL,
    jobs: int = 1,
) -> None:
    """The report of a survey as one self-contained HTML file; the same input gives the same bytes.

    Parameters
    ----------
    entries_file, flags_file : path
        Parquet of `tables.ENTRIES` and `tables.FLAGS`.
    excluded_file : path
        ``excluded.tsv`` of the catalogue.
    fit_file, catalogue_file : path
        ``expected_q.json`` and ``catalogue.json``.
    figures_folder : path
        Where `figures.write_figures` put its files; a figure that is not there is left out.
    out : path
        The HTML file.
    configuration : str, optional
        Name of the configuration the survey ran with.
    draws_folder, concordance_folder, regions_folder, rivals_folder : path, optional
        Of `draws.write`, `concordance.write`, `regions.write` and `rivals.write`.
    residues_file : path, optional
        Parquet of `tables.RESIDUES`; without it the panel of an entry shows no chains.
    pages : iterable of str
        Stems (`ids.pair_stem`) of the pairs that have a page of their own in the folder ``entries`` beside the file.
    subsets : iterable of Subset
        The survey's own; the page's filter offers them, and apoferritin.
    level : float
        False discovery rate the flags were made with.
    jobs : int
        Processes that read the residues.

    Raises
    ------
    ValueError
        A file is not what it should be.
    """
    fit, catalogue = parts.read_json(fit_file), parts.read_json(catalogue_file)
    verdicts = {_key(row): row for row in tables.read_rows(flags_file, layout=tables.FLAGS)}
    rows = tables.read_rows(entries_file, layout=tables.ENTRIES)
    measured = [row for row in rows if row["status"] == "scored"]
    if {_key(row) for row in measured} != set(verdicts):
        raise ValueError(f"{entries_file} and {flags_file} do not hold the same scored pairs")
    scored = [_entry(row, verdicts[_key(row)]) for row in measured]
    judged = [row for row in scored if row["judged"]]
    words = parts.score_words(fit["score_source"])
    outside, pictures = _outside(judged), gallery.figures(figures_folder)
    flagged = sorted((row for row in scored if row["flag"] or row["cause"]), key=_worst_first)
    content = {
        "version": __version__,
        "configuration": configuration,
        "fit": fit,
        "provenance": parts.provenance(catalogue),
        "synthetic": fit["synthetic"],
        "counts": parts.counts(list(verdicts.values())),
        "coverage": fit["coverage"],
        "regions": parts.regions(regions_folder, synthetic=fit["synthetic"]),
        "cards": cards(rows, scored, fit, catalogue, words) + beyond_cards(outside),
        "flagged": flagged,
        "by_cause": _by_cause(flagged),
        "lowest": [] if any(row["flag"] for row in scored) else _lowest(judged),
        "outside": outside,
        "own_curve": fit["judged_by"].get("source") == OWN,
        "n_judged": len(judged),
        "level": f"{100 * level:g} %",
        "mirrored_told": len(judged) * level >= 1,
        "n_scored": len(scored),
        "unscored": _unscored([row for row in rows if row["status"] != "scored"], words["reasons"]),
        "excluded": _excluded(tables.read_tsv(excluded_file)),
        "lines": parts.lines(fit["fits"]),
        "all_lines": parts.all_lines(Path(fit_file).with_name("lines.tsv")),
        "subsets": parts.subsets(fit["fits"]),
        "apoferritin": parts.apoferritin(fit),
        "draws": parts.draws(draws_folder),
        "concordance": parts.concordance(concordance_folder),
        "scores": side_by_side(rivals_folder, measured),
        "words": words,
        "from_maps": words["from"] == "maps",
        "from_table": words["from"] == "table",
        "figures": pictures,
        "others": gallery.others(pictures, figures_folder),
        "widest": gallery.WIDEST,
        "most_rows": parts.MOST_ROWS,
        **interactive.interactive(scored, fit, residues_file=residues_file, pages=pages, subsets=subsets, jobs=jobs),
    }
    with tables.whole_file(out) as stream:
        stream.write(templates.environment().get_template("page.html").render(content))


def _key(row: dict) -> tuple[str, str]:
    return row["emdb_id"], row["pdb_id"]


def _entry(row: dict, verdict: dict) -> dict:
    """A row of the entries table as the page shows it."""
    kept = ("expected_q", "low", "high", "percentile", "p_adjusted", "z", "z_descriptive")
    shortfall = _difference(verdict["low"], row["q_mean"])
    return {
        **parts.linked(row, synthetic=bool(row["synthetic"])),
        **{key: verdict[key] for key in kept},
        "flag": verdict["flag"] or "",
        "left_out": verdict["left_out"] or "",
        "cause": verdict["cause"] or "",
        "evidence": verdict["evidence"] or "",
        "judged": not math.isnan(shortfall),
        "side": "" if math.isnan(shortfall) else band_flag(row["q_mean"], verdict["low"], verdict["high"]),
        "shortfall": shortfall,
        "excess": _difference(row["q_mean"], verdict["high"]),
        "unscored": None if row["n_atoms"] is None else row["n_atoms"] - row["n_scored"],
        "outside": row["n_outside"] / row["n_atoms"] if row["n_atoms"] else math.nan,
        "strip": _strip(row["q_mean"], verdict),
        "key": f"{row['emdb_id']}_{row['pdb_id']}",
    }


def _worst_first(row: dict) -> tuple:
    """Low before high before not flagged, each by its distance from what is expected."""
    return ("low", "high", "").index(row["flag"]), _last(row["z"] if row["flag"] != "high" else -row["z"]), _key(row)


def _lowest(judged: list) -> dict:
    """The lowest of the judged entries by the descriptive z, or by the null's where the survey is too small for it."""
    key = "z_descriptive" if any(_last(row["z_descriptive"]) < math.inf for row in judged) else "z"
    low = sorted((row for row in judged if _last(row[key]) < 0), key=lambda row: (row[key], _key(row)))
    return {"descriptive": key == "z_descriptive", "rows": low[:LOWEST]}


def _outside(judged: list) -> dict:
    """Entries below and above the 95 % band, the furthest first, and their shares of the judged ones."""
    found = {}
    for side, far in (("low", "shortfall"), ("high", "excess")):
        mine = sorted((row for row in judged if row["side"] == side), key=lambda row: (-row[far], _key(row)))
        rows = [row | {"far": row[far]} for row in mine[: parts.MOST_ROWS]]
        found[side] = {"n": len(mine), "share": len(mine) / len(judged) if judged else math.nan, "rows": rows}
    z = [_last(row["z_descriptive"]) for row in judged]
    return found | {"described": min(z, default=math.inf) < math.inf, "very_low": sum(one < -3 for one in z)}


def _difference(a, b) -> float:
    """NaN where either is not known."""
    return math.nan if a is None or b is None else a - b


def _strip(q, verdict: dict) -> dict | None:
    """Q and the band as percentages of the width of a small picture from 0 to 1."""
    if q is None:
        return None
    low, high = verdict["low"], verdict["high"]
    band = None if math.isnan(_difference(high, low)) else (_percent(low), round(_percent(high) - _percent(low), 1))
    return {"q": _percent(q), "band": band}


def _percent(q: float) -> float:
    return round(100 * min(max(q, 0.0), 1.0), 1)


def _by_cause(flagged: list[dict]) -> list[dict]:
    """Flagged entries by cause, the commonest cause first; of each cause the worst."""
    causes = Counter(row["cause"] or "no cause sought" for row in flagged).most_common()
    grouped = {cause: [row for row in flagged if (row["cause"] or "no cause sought") == cause] for cause, _ in causes}
    return [{"cause": cause, "n": len(rows), "rows": rows[:MOST_LINKS]} for cause, rows in grouped.items()]


def _last(value) -> float:
    return math.inf if value is None or math.isnan(value) else value


def _unscored(rows: list, reasons: dict) -> dict:
    """Pairs without a score: how many for each reason, and the first of them."""
    said = {row["reason"]: reasons.get(row["reason"]) or parts.in_words(row["reason"]) for row in rows}
    told = [parts.linked(row, synthetic=bool(row["synthetic"])) | {"words": said[row["reason"]]} for row in rows]
    return parts.tally(sorted(told, key=lambda row: (row["reason"] or "", _key(row))), "words")


def _excluded(rows: list) -> dict:
    """What the catalogue left out, the same way."""
    return parts.tally(sorted(rows, key=lambda row: (row["reason"], _key(row))), "reason")
