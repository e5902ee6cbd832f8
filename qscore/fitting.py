"""Everything fitted to a survey's table: lines, cubics, the curve, its coverage, the null, offsets of residues."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from qscore import __version__, clusters, expected, given, tables
from qscore.equations import as_record, judging_curve
from qscore.fitwords import line_sentence, no_line
from qscore.independence import groups_of
from qscore.layouts import COVERAGE, FITTED_CLASSES, LINES, OFFSETS
from qscore.publications import leave_one_out
from qscore.selection import FitRule, why_not
from qscore.subsets import APOFERRITIN, Subset, ids_not_found, members
from qscore.survey import score_source

MOST_LISTED = 1000
FEWEST_OF_ITS_OWN = 200  # entries; below, a survey is judged by the shipped curve
TELLS_APOFERRITIN = ("sample", "title", "uniprot")
NOT_TOLD = "the source does not tell which entries are apoferritin (list them as a subset)"
_NEEDED = ("emdb_id", "pdb_id", "status", "resolution", "q_mean")
RESOLUTION, FSC = "resolution", "map_model_fsc05"


def write(
    table, out, rule: FitRule, subsets: tuple[Subset, ...] = (), *, residues_file=None, catalogue=None, jobs: int = 1
) -> dict:
    """Fit a table → ``expected_q.json`` and, as tables, lines, coverage and offsets; what the first holds.

    Parameters
    ----------
    table : path
        Parquet of `tables.ENTRIES`, or a table of ids, resolutions and Q (see `given.read`).
    out : path
        Folder of ``expected_q.json``, ``lines.tsv``, ``coverage.tsv`` and ``offsets.tsv``.
    residues_file : path, optional
        Parquet of `tables.RESIDUES`: fits the offsets.
    catalogue : path, optional
        ``catalogue.json``: its date and digest are told with every equation.
    jobs : int
        Processes side by side; nothing depends on it.
    """
    from qscore import lines, offsets

    found = fit(table, rule, subsets, catalogue=catalogue, jobs=jobs)
    curve = judging_curve(found)
    fitted = offsets.of_survey(residues_file, table, curve, jobs=jobs) if residues_file else offsets.shipped()
    tables.write_tsv(Path(out) / "lines.tsv", LINES, tables.as_columns(LINES, lines.rows_of(found["equations"])))
    tables.write_tsv(Path(out) / "coverage.tsv", COVERAGE, tables.as_columns(COVERAGE, found["coverage"]))
    tables.write_tsv(Path(out) / "offsets.tsv", OFFSETS, tables.as_columns(OFFSETS, fitted.rows()))
    found["offsets"] = fitted.as_dict()
    tables.write_json(Path(out) / "expected_q.json", found)
    return found


def fit(table, rule: FitRule, subsets: tuple[Subset, ...] = (), *, catalogue=None, jobs: int = 1) -> dict:
    """Lines of a survey and of its subsets, or the sentence why there is none; the curve it is judged by.

    Parameters
    ----------
    table : path
        See `write`.
    rule : FitRule
    subsets : tuple of Subset
        Of the configuration; apoferritin comes by itself.
    catalogue, jobs
        See `write`.

    Raises
    ------
    ValueError
        A subset asks for a column that the table does not have.

    Returns
    -------
    dict
        ``fits`` by subset: ``line`` (or None), ``sentence``, ``n``, ``rule``, ``left_out``, ``leave_one_out``,
        ``relation`` (see `relation.fit_part`) and for subsets ``members``; ``equations`` by name, as
        `equations.as_record` has them, with provenance; ``judged_by`` and ``null``: the curve and the null of the
        residuals that flags rest on; ``coverage`` of the curve in grouped folds.
    """
    rows, not_read = rows_of(table)
    _check_names(subsets, rows)
    told, groups = _provenance(table, rule, catalogue), Groups(rows)
    parts = {"all": _fit_part(rows, rule, groups) | {"rule": rule.text()}}
    parts |= {subset.name: _fit_subset(subset, rows, rule, groups) for subset in (APOFERRITIN, *subsets)}
    own = _own_curve(rows, rule, told, groups, jobs=jobs)
    return {
        **told,
        "entries_sha256": told["table_sha256"],
        "quantity": "q_mean",
        "sigma": 0.4,
        "score_source": score_source(rows),
        "rule": rule.text(),
        "fewest": rule.fewest,
        "synthetic": any(row["synthetic"] for row in rows),
        "fits": parts,
        "equations": _equations(rows, rule, parts, subsets, told, groups) | own["equations"],
        "published": expected.MAPQ_2_9_7.as_dict(),
        "left_out": parts["all"]["left_out"],
        "not_read": not_read,
        **{key: own[key] for key in ("judged_by", "judged_by_text", "null", "coverage", "coverage_text")},
    }


class Groups:
    """Which rows of a table are not independent, found once for all parts of it."""

    def __init__(self, rows: list[dict]):
        self.independence = groups_of(rows)
        self.place = {_pair(row): k for k, row in enumerate(rows)}

    def of(self, rows: list[dict]):
        """The groups of some of the rows."""
        return self.independence.take(np.array([self.place[_pair(row)] for row in rows], dtype=int))


def _pair(row: dict) -> tuple[str, str]:
    return row["emdb_id"], row["pdb_id"]


def rows_of(table) -> tuple[list[dict], dict[str, int]]:
    """The rows of a survey's entries table, or of any table with ids, resolutions and Q; how many others, and why not.

    Raises
    ------
    ValueError
        The table is not one of these.
    """
    if Path(table).suffix == ".parquet":
        rows = tables.read_rows(table, known=tables.ENTRIES)
        if missing := [name for name in _NEEDED if rows and name not in rows[0]]:
            raise ValueError(f"{table} is not a survey's entries.parquet: it has no column {', '.join(missing)}")
        return rows, {}
    found, blank = given.read(table), dict.fromkeys(tables.ENTRIES.names)
    usable = [row for row in found.rows if row["reason"] is None]
    scored = {"status": "scored", "version": found.name, "reason": None}
    rows = [blank | row | named | scored for row, named in zip(usable, clusters.label(usable), strict=True)]
    return rows, dict(Counter(row["reason"] for row in found.rows if row["reason"] is not None))


def _check_names(subsets: tuple[Subset, ...], rows: list[dict]) -> None:
    """Refuse a condition on a column that the table does not have, with the name that it has here."""
    there = rows[0] if rows else {}
    for subset in subsets:
        for column in (one.column for one in subset.conditions if there and one.column not in there):
            ours = [name for name, others in given.SYNONYMS.items() if column.casefold() in others and name in there]
            near = ours or get_close_matches(column, there, 3, 0.5)
            hint = f"; {'it is called' if ours else 'near it:'} {', '.join(near)}" if near else ""
            raise ValueError(f"subset {subset.name}: the table has no column {column}{hint}")


def _provenance(table, rule: FitRule, catalogue) -> dict:
    try:
        facts = json.loads(Path(catalogue).read_text(encoding="utf-8")) if catalogue else {}
    except ValueError as err:
        raise ValueError(f"{catalogue} is not the catalogue.json of a survey: {err}") from err
    snapshot = facts.get("snapshot") or {} if isinstance(facts, dict) else None
    if not isinstance(snapshot, dict):
        raise ValueError(f"{catalogue} is not the catalogue.json of a survey")
    return {
        "version": __version__,
        "table_sha256": hashlib.sha256(Path(table).read_bytes()).hexdigest(),
        "catalogue_date": snapshot.get("date") or facts.get("date"),
        "catalogue_sha256": snapshot.get("sha256") or facts.get("sha256"),
        "selection": rule.text(),
    }


# ---- lines of parts ----


def _fit_subset(subset: Subset, rows: list[dict], rule: FitRule, groups: Groups) -> dict:
    """The line of a subset, who its members are and which of them the line leaves out."""
    rule, found = subset.fit_rule(rule), members(subset, rows)
    listed = [
        {key: row[key] for key in ("emdb_id", "pdb_id", "resolution", "q_mean")}
        | {"reason": row["apoferritin"] if subset is APOFERRITIN else "", "left_out": why_not(row, rule)}
        for row in found[:MOST_LISTED]
    ]
    facts = {"rule": subset.text(), "fit_rule": rule.text(), "n_members": len(found), "members": listed}
    unknown = {"sentence": NOT_TOLD} if subset is APOFERRITIN and not found and _never_told(rows) else {}
    return _fit_part(found, rule, groups) | facts | {"ids_not_found": ids_not_found(subset, rows)} | unknown


def _never_told(rows: list[dict]) -> bool:
    """Whether there are rows, and none holds anything by which apoferritin is recognised."""
    return bool(rows) and not any(row[column] for row in rows for column in TELLS_APOFERRITIN)


def _fit_part(rows: list[dict], rule: FitRule, groups: Groups) -> dict:
    """The line through those of some rows that the rule takes."""
    whys = [why_not(row, rule) for row in rows]
    taken = [row for row, why in zip(rows, whys, strict=True) if not why]
    facts = {"n": len(taken), "left_out": dict(sorted(Counter(filter(None, whys)).items()))}
    if sentence := no_line(*([row[key] for row in taken] for key in (RESOLUTION, "q_mean")), rule.fewest):
        return facts | {"line": None, "sentence": sentence, "leave_one_out": None, "relation": None}
    found = _relation(taken, RESOLUTION, "q_mean", groups)
    line = found["ols"]
    return facts | {
        "line": line,
        "sentence": line_sentence(found),
        "leave_one_out": leave_one_out(taken, line),
        "relation": found,
    }


def _relation(rows: list[dict], x: str, q: str, groups: Groups) -> dict:
    from qscore.relation import fit_part

    independence = groups.of(rows)
    found = fit_part([row[x] for row in rows], [row[q] for row in rows], independence)
    return found | {"independence": independence.text}


# ---- equations of every sigma, class and x ----


def _equations(rows: list[dict], rule: FitRule, parts: dict, subsets, told: dict, groups: Groups) -> dict[str, dict]:
    """Line and cubic of each part, of σ 0.6 Å, of each class of atoms, and on the map–model FSC."""
    found = {}
    for name, part in parts.items():
        found |= _records(name, part["relation"], told | {"subset": name, "x": RESOLUTION, "selection": part["rule"]})
    taken = [row for row in rows if not why_not(row, rule)]
    for subset in (None, APOFERRITIN, *subsets):
        found |= _second_sigma(subset, rows, rule, told, groups)
    for kind in FITTED_CLASSES:
        how = told | {"subset": "all", "x": RESOLUTION}
        found |= _records(kind, _enough(taken, RESOLUTION, f"q_{kind}", rule, groups), how, kind=kind)
    how = told | {"subset": "all", "x": FSC, "selection": f"{rule.text()}; {FSC} at most {rule.highest:g} Å"}
    close = [row for row in taken if row.get(FSC) is not None and rule.lowest <= row[FSC] <= rule.highest]
    return found | _records("all-fsc05", _enough(close, FSC, "q_mean", rule, groups), how)


def _second_sigma(subset: Subset | None, rows: list[dict], rule: FitRule, told: dict, groups: Groups) -> dict:
    name = subset.name if subset else "all"
    rule = subset.fit_rule(rule) if subset else rule
    taken = [row for row in (members(subset, rows) if subset else rows) if not why_not(row, rule)]
    how = told | {"subset": name, "x": RESOLUTION, "selection": subset.text() if subset else rule.text()}
    return _records(f"{name}-06", _enough(taken, RESOLUTION, "q_mean_06", rule, groups), how, sigma=0.6)


def _enough(rows: list[dict], x: str, q: str, rule: FitRule, groups: Groups) -> dict | None:
    """The relation of two columns where enough rows have both."""
    rows = [row for row in rows if row.get(q) is not None and row.get(x) is not None]
    xs, qs = ([row[key] for row in rows] for key in (x, q))
    return None if no_line(xs, qs, rule.fewest) else _relation(rows, x, q, groups)


def _records(name: str, found: dict | None, told: dict, *, sigma: float = 0.4, kind: str = "all") -> dict[str, dict]:
    """The equations of a relation as ``expected_q.json`` has them."""
    if found is None:
        return {}
    line, cubic = found["ols"], found["cubic"]
    common = {"sigma": sigma, "class": kind, "domain": [found["x_low"], found["x_high"]], "n": found["n"], **told}
    details = {key: found[key] for key in ("bootstrap", "robust", "lack_of_fit", "correlation", "residual_skew")}
    records = {
        f"{name}-line": {
            "form": "line",
            "coefficients": [line["slope"], line["intercept"]],
            "covariance": [list(reversed(row)) for row in reversed(line["covariance"])],
            "covariance_hc3": line["covariance_hc3"]
            and [list(reversed(row)) for row in reversed(line["covariance_hc3"])],
            "r_squared": line["r_squared"],
            "rmse": line["rmse"],
            "independence": found["independence"],
            **details,
        }
    }
    if cubic:
        keep = ("coefficients", "covariance", "covariance_hc3", "r_squared", "rmse")
        records[f"{name}-cubic"] = {"form": "cubic", **{key: cubic[key] for key in keep if key in cubic}}
    return {key: record | common for key, record in records.items()}


# ---- the curve ----


def _own_curve(rows: list[dict], rule: FitRule, told: dict, groups: Groups, *, jobs: int) -> dict:
    """The survey's own curve and null, where it has entries enough; else the shipped ones, and that is said."""
    taken = [row for row in rows if not why_not(row, rule)]
    if len(taken) < FEWEST_OF_ITS_OWN:
        n = f"{len(taken):,} {'entry' if len(taken) == 1 else 'entries'}"
        return _shipped(f"this survey has {n} in its fit, and a curve of its own needs {FEWEST_OF_ITS_OWN}")
    from qscore.curve import fit_curve
    from qscore.nulls import fit_null

    resolution, q = (np.array([row[key] for row in taken], dtype=float) for key in (RESOLUTION, "q_mean"))
    independence = groups.of(taken)
    try:
        curve = fit_curve(resolution, q, independence.joint)
        null = fit_null(resolution, q).as_dict()
    except ValueError as err:
        return _shipped(str(err))
    curve = replace(curve, name="own curve", source="this survey")
    how = told | {"subset": "all", "x": RESOLUTION, "independence": independence.text}
    return {
        "equations": {"all-curve": as_record(curve) | how},
        "judged_by": as_record(curve),
        "judged_by_text": f"Entries are judged by this survey’s own curve ({len(taken):,} entries); "
        f"{100 * null['outliers']:.1f} ± {100 * null['outliers_se']:.1f} % of them lie low beyond what its null "
        "accounts for, told apart or not.",
        "null": null,
        **_covered(resolution, q, independence, curve, jobs=jobs),
    }


def _covered(resolution: np.ndarray, q: np.ndarray, independence, curve, *, jobs: int) -> dict:
    from qscore.coverage import coverage

    return {
        "coverage": coverage(resolution, q, independence.joint, whole=curve, jobs=jobs),
        "coverage_text": f"in ten folds, each fitted without the entries of its groups: {independence.text}",
    }


def _shipped(why: str) -> dict:
    curve = expected.shipped()
    source = "; ".join(curve.source.split("; ")[:2])
    return {
        "equations": {},
        "judged_by": as_record(curve),
        "judged_by_text": f"Entries are judged by the shipped curve ({source}): {why}.",
        "null": expected.shipped_null(),
        "coverage": [],
        "coverage_text": "",
    }
