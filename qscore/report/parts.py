"""What the stages wrote → what the page's sections show."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from qscore import ligandranks, scannull, tables
from qscore import regions as scanned
from qscore.equations import quoted_bootstrap
from qscore.errors import REASONS
from qscore.layouts import LINES
from qscore.publications import without
from qscore.report.words import count, fixed, number
from qscore.survey import FROM_ARCHIVE, FROM_MAPS

MOST_ROWS, MOST_REASONS = 200, 30
EMDB_ID, PDB_ID = re.compile(r"EMD-\d{4,6}"), re.compile(r"[1-9][0-9a-z]{3}|pdb_[0-9a-z]{8}")
DRAWN = ("slope", "rmse", "r_squared")


def read_json(path) -> dict:
    """A JSON file.

    Raises
    ------
    ValueError
        It cannot be read or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise ValueError(f"cannot read {path}: {err}") from err


def linked(row: dict, *, synthetic: bool) -> dict:
    """A row with addresses of its entry's pages; none for what is made up or has no id of the archives."""
    emdb, pdb = row["emdb_id"] or "", row["pdb_id"] or ""
    known = {
        "emdb_page": f"https://www.ebi.ac.uk/emdb/{emdb}" if EMDB_ID.fullmatch(emdb) else "",
        "pdb_page": f"https://www.rcsb.org/structure/{pdb.upper()}" if PDB_ID.fullmatch(pdb) else "",
    }
    return row | ({key: "" for key in known} if synthetic else known)


def in_words(reason: str) -> str:
    """A reason of the closed list as a person reads it; another as it is."""
    return REASONS.get(reason, ("", reason))[1]


# What a survey says of its score, by where Q comes from: published by the archive, in a table, computed from maps.
_OF_ARCHIVE = {
    "from": "archive",
    "scored": "with a published Q",
    "unscored": "without a published Q",
    "entries": "All entries with a published Q",
    "none": "No pair has a published Q.",
    "all": "Every pair of the catalogue has a published Q.",
    "missing": "What has no published Q, and why",
    "reasons": {"not_published": "no published Q", "download_damaged": "no readable answer"},
}
_OF_TABLE = {
    "from": "table",
    "scored": "with a Q",
    "unscored": "without a Q",
    "entries": "All entries with a Q",
    "none": "No pair has a Q.",
    "all": "Every pair of the table has a Q.",
    "missing": "What has no Q, and why",
    "reasons": {"not_published": "no Q in the table"},
}
_OF_MAPS = {
    "from": "maps",
    "scored": "scored",
    "unscored": "not scored",
    "entries": "All scored entries",
    "none": "No pair was scored.",
    "all": "Every pair of the catalogue was scored.",
    "missing": "What was not scored, and why",
    "reasons": {},
}


def score_words(source: str) -> dict:
    """The words for where Q comes from."""
    return {FROM_MAPS: _OF_MAPS, FROM_ARCHIVE: _OF_ARCHIVE}.get(source, _OF_TABLE)


def counts(verdicts: list[dict]) -> dict:
    """How many are flagged low and high under each null, and how many have each cause.

    ``flag_reference`` is None where the reference-set null could not have flagged any.
    """
    names = ("flag", "flag_reference", "flag_mirrored", "band_mapq")
    found = {name: Counter(row[name] for row in verdicts) for name in names}
    causes = Counter(row["cause"] for row in verdicts if row["cause"]).most_common()
    told = {name: {side: found[name][side] for side in ("low", "high")} for name in names} | {"causes": causes}
    if all(row["flag_reference"] is None for row in verdicts):
        told["flag_reference"] = None
    return told


def regions(folder, *, synthetic: bool) -> dict | None:
    """The regions as the page shows them, the least likely first; None without them."""
    if folder is None:
        return None
    rows = tables.read_rows(Path(folder) / "regions.parquet", layout=tables.REGIONS)
    rows.sort(key=lambda row: (row["p_adjusted"], row["z_within"], row["emdb_id"], row["chain"]))
    shown = [linked(row, synthetic=synthetic) for row in rows[:MOST_ROWS]]
    found = {"reference": _reference_chains(rows, Path(folder)), "ligands": _ligands(Path(folder) / "ligands.parquet")}
    return {"n": len(rows), "rows": shown, **found}


def _reference_chains(rows: list[dict], folder: Path) -> str:
    """What the null of the scan rests on: told by the regions, and where there is none by the table of the null."""
    told = {row["reference"] for row in rows if row["kind"] == scanned.KIND and row["reference"]}
    if not told:
        path = folder / "scan_null.parquet"
        own = scannull.read(path) if path.is_file() else None
        told = {scanned.null_for(kind, own).reference for kind in scanned.POLYMERS}
    return " and ".join(sorted(told))


def _ligands(path: Path) -> dict | None:
    """How many ligands, glycans, ions and waters have a rank, and why the others have none; None without the table."""
    if not path.is_file():
        return None
    n, lacking = 0, Counter()
    for columns in tables.row_groups(path, layout=tables.RANKED):
        n += len(columns["percentile"])
        without = [_missing(value) for value in columns["percentile"]]
        lacking.update(why for why, lacks in zip(columns["reference"], without, strict=True) if lacks)
    needs = f"a rank needs {ligandranks.FEWEST} alike, of {ligandranks.FEWEST_ENTRIES} entries"
    why = "; ".join(f"{reason or 'no score, or no polymer around'} ({k:,})" for reason, k in lacking.most_common())
    return {"n": n, "unranked": lacking.total(), "why": why, "needs": needs}


def _missing(value) -> bool:
    return value is None or value != value


def all_lines(path: Path) -> list[dict]:
    """Every line of a fit, by every method (`layouts.LINES`); none where the fit did not write it."""
    numbers = {column.name for column in LINES.columns if column.kind == "number"}
    found = tables.read_tsv(path) if path.is_file() else []
    return [{key: (float(v) if v else None) if key in numbers else v for key, v in row.items()} for row in found]


def lines(fits: dict) -> dict[str, dict]:
    """Each part's line with its sentence, and of each, None where it is not known:

    ``redrawn``: its errors with whole groups redrawn; ``shape``: of `shape.lack_of_fit`, whether a line is its shape.
    """
    return {
        name: {key: found[key] for key in ("line", "sentence")}
        | {
            "redrawn": quoted_bootstrap((found.get("relation") or {}).get("bootstrap")),
            "shape": (found.get("relation") or {}).get("lack_of_fit"),
        }
        for name, found in fits.items()
    }


def subsets(fits: dict) -> list[dict]:
    """One row a subset, all entries first: rule, line, its range without any one publication, and notes."""
    return [_subset(name, found) for name, found in fits.items()]


def _subset(name: str, found: dict) -> dict:
    line, without = found["line"], found.get("leave_one_out") or {}
    redrawn = lines({name: found})[name]["redrawn"]
    ranges = {key: _range(without.get(key), digits) for key, digits in (("slope", 4), ("rmse", 4), ("r_squared", 3))}
    return {
        "name": name.replace("_", " "),
        "rule": "every entry a line takes" if name == "all" else found.get("rule", ""),
        "members": found.get("n_members"),
        "n": found["n"],
        "line": line,
        "redrawn": fixed(redrawn["slope"]["se"], 4) if redrawn else "–",
        "without": ranges if without.get("slope") else None,
        "notes": _subset_notes(name, found),
    }


def apoferritin(fit: dict) -> dict:
    """Its members, each with the reason for being one."""
    found = fit["fits"]["apoferritin"]
    rows = [linked(row, synthetic=fit["synthetic"]) for row in found["members"]]
    return {"n_members": found["n_members"], "members": rows}


def _range(ends, digits: int) -> str:
    return f"{fixed(ends[0], digits)} to {fixed(ends[1], digits)}" if ends else "–"


def _subset_notes(name: str, found: dict) -> list[str]:
    """What of a subset does not fit into a row."""
    notes = [] if found["line"] else [found["sentence"].partition(";")[0]]
    if name != "all" and found.get("left_out"):
        reasons = ", ".join(f"{in_words(why)} ({n:,})" for why, n in found["left_out"].items())
        notes.append(f"members left out of the line: {reasons}")
    if missing := found.get("ids_not_found"):
        more = f" and {len(missing) - 20} more" if len(missing) > 20 else ""
        notes.append(f"listed but not in this survey: {', '.join(missing[:20])}{more}")
    return [*notes, *_publications(found.get("leave_one_out"))]


def _publications(told: dict | None) -> list[str]:
    """How many publications a line rests on, and which moves it most."""
    if not told:
        return []
    if not told["most"]:
        return [told["sentence"]]
    n, most = told["publications"], told["most"]
    known = number(n, "publication", "publications")
    if told["unknown"] == n:
        known = f"publications are not known, so each of the {count(n)} entries was left out in turn"
    gone = without(most["publication"], most["n"])
    return [f"{known}; the slope changes most {gone}, to {fixed(most['slope'], 4)}"]


def draws(folder) -> dict | None:
    """The draws as the page shows them; None without them."""
    if folder is None:
        return None
    facts = read_json(Path(folder) / "draws.json")
    return facts | {"rules": [_rule(rule) for rule in facts["rules"].values()]}


def _rule(rule: dict) -> dict:
    spreads = {key: _spread(rule[key]) for key in DRAWN} if rule["available"] else {}
    return rule | spreads


def _spread(found: dict) -> str:
    median, low, high = (fixed(found[key]) for key in ("median", "low", "high"))
    return f"{median} ({low} to {high})"


def concordance(folder) -> dict | None:
    """Q computed here against published Q; None where nothing was compared."""
    if folder is None:
        return None
    facts = read_json(Path(folder) / "concordance.json")
    if not facts["n"]:
        return None
    rows = tables.read_rows(Path(folder) / "concordance.parquet", layout=tables.CONCORDANCE)
    differ = sorted((row for row in rows if row["differs"]), key=lambda row: (-abs(row["difference"]), row["emdb_id"]))
    differ = [linked(row, synthetic=facts["synthetic"]) for row in differ]
    return {"sentence": facts["sentence"], "limits": facts["low"] is not None, "differ": tally(differ, "cause")}


def provenance(catalogue: dict) -> list[tuple[str, str]]:
    """What is known of the catalogue: term and text."""
    snapshot = catalogue.get("snapshot") or {}
    known = {
        "Catalogue": catalogue.get("source"),
        "Date of the catalogue": snapshot.get("date") or catalogue.get("date"),
        "Query": snapshot.get("query") or catalogue.get("query"),
        "Pairs taken": catalogue.get("rule"),
        "Digest of the answer": snapshot.get("sha256"),
        "Digest of the catalogue’s source": catalogue.get("sha256"),
        "Newest map release": catalogue.get("newest_map_release") or "not told by the source",
    }
    return [(term, str(text)) for term, text in known.items() if text]


def tally(rows: list, why: str) -> dict:
    """Rows by reason: how many in all, for each of the commonest reasons, and the first rows."""
    reasons = Counter(row[why] for row in rows).most_common()
    return {
        "n": len(rows),
        "reasons": reasons[:MOST_REASONS],
        "more_reasons": len(reasons[MOST_REASONS:]),
        "rows": rows[:MOST_ROWS],
    }
