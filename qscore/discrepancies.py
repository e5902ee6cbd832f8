"""Why a Q computed here may differ from the published one: guesses with their evidence, "unexplained" preferred."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

# Published values are rounded to 0.001: two roundings and a little.
SAME = 0.0015
# Three standard deviations of the differences between MapQ's own table of the archive and EMDB's (SD 0.0022).
TWO_VERSIONS = 0.0066
# Of Q of single atoms, on average, when another place or another atom's value is read: more would need another reason.
PLAUSIBLE = 0.3
LEAST = -0.2  # mean Q of a group of atoms is hardly ever less
OFF, ON = 0.1, 0.2  # mean Q of a model that does not, and that does, lie on density
OFF_DENSITY = "off the density"  # so the scorer notes that another frame fits better
REVISED_AFTER = 365  # days: within a year of release revisions are mostly citations
TINY = 1e-9  # differences of decimal numbers are not decimal


@dataclass(frozen=True)
class Case:
    """A pair whose Q differs, among those of the same map and of the same model.

    Attributes
    ----------
    row : mapping
        Of `tables.ENTRIES`.
    same_map, same_model : sequence of mapping
        Rows of the other pairs of its map and of its model.
    """

    row: Mapping
    same_map: Sequence[Mapping] = ()
    same_model: Sequence[Mapping] = ()

    @property
    def ours(self) -> float:
        return self.row["q_mean"]

    @property
    def theirs(self) -> float:
        return self.row["q_published"]

    @property
    def difference(self) -> float:
        return self.ours - self.theirs

    @property
    def n(self) -> int:
        """Atoms of the mean."""
        return _solute(self.row)

    def count(self, name: str) -> int:
        """A count of the row; 0 where it is not told."""
        return self.row.get(name) or 0


def _solute(row: Mapping) -> int:
    return (row.get("n_atoms") or 0) - (row.get("n_water") or 0)


# ---- guesses: each gives its evidence, or "" ----


def off_density(case: Case) -> str:
    """Theirs is higher, and the scorer saw that another frame fits better, or ours is no density's and theirs is."""
    # Hints come last among the notes, and what another frame would give belongs to this one.
    found = re.search(rf"[^;]*{OFF_DENSITY}.*", case.row.get("notes") or "")
    hint = found[0].strip() if found else ""
    if case.theirs <= case.ours or not (hint or (case.ours < OFF and case.theirs >= ON)):
        return ""
    rule = case.row.get("origin_rule")
    placed = f"placed by {rule}" if rule else ""
    why = hint or "one of the two does not lie on density"
    return "; ".join(filter(None, (f"Q {case.ours:.3f} here, {case.theirs:.3f} published", placed, why)))


def unscored_as_zero(case: Case) -> str:
    """The mean over scored atoms is theirs."""
    unscored = sum(case.count(f"n_{why}") for why in ("outside", "constant", "not_finite"))
    return _same(case, "q_scored", f"{_number(unscored, 'atom')} without score left out") if unscored else ""


def waters(case: Case) -> str:
    """The mean with waters is theirs."""
    n_water = case.count("n_water")
    return _same(case, "q_all", f"{_number(n_water, 'water')} counted") if n_water else ""


def _same(case: Case, column: str, words: str) -> str:
    value = case.row.get(column)
    if value is None or abs(value - case.theirs) > SAME + TINY:
        return ""
    return f"{words}: Q {value:.4f}"


def several_models(case: Case) -> str:
    """The mean over all models of the map, by their atoms, is theirs."""
    rows = [row for row in (case.row, *case.same_map) if row.get("q_mean") is not None and _solute(row)]
    if len(rows) < 2:
        return ""
    mean = np.average([row["q_mean"] for row in rows], weights=[_solute(row) for row in rows])
    if abs(mean - case.theirs) > SAME + TINY:
        return ""
    return f"mean of {len(rows)} models of the map, by their atoms: Q {mean:.4f}"


def another_map(case: Case) -> str:
    """In another of its maps the model has their Q."""
    for row in case.same_model:
        if row.get("q_mean") is not None and abs(row["q_mean"] - case.theirs) <= SAME + TINY:
            return f"in {row['emdb_id']} the model has Q {row['q_mean']:.4f}"
    return ""


def several_maps(case: Case) -> str:
    """The model lies in several maps, and one value is published for it."""
    others = ", ".join(sorted(row["emdb_id"] for row in case.same_model)[:3])
    return f"the model also lies in {others}, and one value is published" if others else ""


def hydrogens_by_name(case: Case) -> str:
    """Atoms that are no hydrogens but named like one, left out, would give theirs."""
    n_named = case.count("n_named_h")
    if not 0 < n_named < case.n:
        return ""
    needed = (case.ours * case.n - case.theirs * (case.n - n_named)) / n_named
    if not LEAST <= needed <= 1:
        return ""
    return f"{n_named:,} of {case.n:,} atoms named like hydrogens: their mean Q would be {needed:.2f}"


def alternate_locations(case: Case) -> str:
    """Other alternate locations than ours could give theirs."""
    return _would_suffice(case, case.count("n_altloc"), ("alternate location", "left out"))


def floor_of_coordinates(case: Case) -> str:
    """Atoms that read another's Q, because the whole numbers below their coordinates are the same, could give theirs.

    Of atoms that share such a place one keeps its own Q.
    """
    count = case.count("n_floor_shared") // 2
    return _would_suffice(
        case, count, ("atom", f"read{'s' if count == 1 else ''} the Q of another at the same whole Å")
    )


def _would_suffice(case: Case, count: int, words: tuple[str, str]) -> str:
    """Whether a change of Q of so many atoms, `PLAUSIBLE` on average at most, makes the difference."""
    if not count or not case.n:
        return ""
    needed = abs(case.difference) * case.n / count
    if needed > PLAUSIBLE:
        return ""
    share = f"{100 * count / case.n:.1f} % of {case.n:,}"
    return f"{_number(count, words[0])} {words[1]} ({share}): a change of {needed:.2f} each on average would do"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def two_versions(case: Case) -> str:
    """No further apart than MapQ's and EMDB's own tables."""
    if abs(case.difference) > TWO_VERSIONS + TINY:
        return ""
    return f"within {TWO_VERSIONS}, 3 SD of MapQ's table against EMDB's"


def revised_map(case: Case) -> str:
    """The map was released after the model's last revision."""
    days = _days(case.row.get("model_revision"), case.row.get("map_release"))
    if days is None or days <= 0:
        return ""
    return f"map released {case.row['map_release']}, after the model's last revision {case.row['model_revision']}"


def revised_model(case: Case) -> str:
    """The model was revised long after the map was released."""
    days = _days(case.row.get("map_release"), case.row.get("model_revision"))
    if days is None or days <= REVISED_AFTER:
        return ""
    updated = f", map entry updated {case.row['update']}" if case.row.get("update") else ""
    said = f"model revised {case.row['model_revision']}, map released {case.row['map_release']}{updated}"
    return f"{said}; what was revised is not known"


def _days(first, second) -> int | None:
    """Days from one date to another; None where one is missing."""
    try:
        return (date.fromisoformat(second or "") - date.fromisoformat(first or "")).days
    except ValueError:
        return None


UNEXPLAINED = "unexplained"
NEGATIVE = re.compile(r"(?<![\w-])-(?=\d)")  # the sign of a number, not of a date, an id or an option
# In the order asked: where numbers agree, where a mechanism is large enough, where dates allow it.
CAUSES = (
    (OFF_DENSITY, off_density),
    ("unscored atoms as zero", unscored_as_zero),
    ("waters", waters),
    ("several models in the map", several_models),
    ("model in several maps", another_map),
    ("hydrogens by name", hydrogens_by_name),
    ("alternate locations", alternate_locations),
    ("floor of coordinates", floor_of_coordinates),
    ("MapQ version", two_versions),
    ("model in several maps", several_maps),
    ("revised map", revised_map),
    ("revised model", revised_model),
)


def cause(case: Case) -> tuple[str, str]:
    """Why a pair's Q may differ, and the evidence: the first guess that has any, else unexplained."""
    for name, guess in CAUSES:
        if evidence := guess(case):
            return name, NEGATIVE.sub("−", evidence)
    return UNEXPLAINED, ""
