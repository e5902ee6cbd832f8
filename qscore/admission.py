"""Which pairs of the archive a survey takes: a rule on metadata, stated before any Q is seen."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from functools import cached_property

from qscore import ids, resolutions

NOT_LISTED = "not among the listed ids"
NOT_FOUND = "listed, but not in the archive's answer"
FURTHER_MODEL = "a further model of its map"
_TOLD_BY_DOCUMENT = frozenset({resolutions.SEVERAL, resolutions.NOT_TOLD})


@dataclass(frozen=True)
class CatalogueRule:
    """What a survey takes of the archive.

    What the archive does not tell (method, criterion, size, in-frame relation)
    does not exclude a pair.

    Attributes
    ----------
    methods, resolution_methods, in_frame : tuple of str
        Ways of structure determination, criteria of resolution, relations of
        the model to the map; empty takes all.
    lowest, highest : float
        Reported resolution, Å, both included.
    models : str
        ``all`` models of a map, or its ``first``.
    composite : bool
        Whether maps put together from several are taken.
    most_map_mb : float
        Largest map, MB uncompressed; 0 for any.
    only_ids : tuple of str
        ``EMD-n`` or ``EMD-n/pdb``; empty takes all.
    only : str
        ``apoferritin``, or empty for all.
    """

    methods: tuple[str, ...] = ("singleParticle", "subtomogramAveraging", "helical", "tomography")
    resolution_methods: tuple[str, ...] = ()
    lowest: float = 0.5
    highest: float = 50.0
    models: str = "all"
    composite: bool = True
    most_map_mb: float = 0.0
    in_frame: tuple[str, ...] = ()
    only_ids: tuple[str, ...] = ()
    only: str = ""

    def __post_init__(self):
        for name in ("methods", "resolution_methods", "in_frame", "only_ids"):
            given = getattr(self, name)
            object.__setattr__(self, name, (given,) if isinstance(given, str) and given else tuple(given))
        object.__setattr__(self, "only_ids", tuple(listed_id(text) for text in self.only_ids))
        if self.models not in ("all", "first"):
            raise ValueError(f"models {self.models!r}: expected all or first")
        if self.only not in ("", "apoferritin"):
            raise ValueError(f"only {self.only!r}: expected apoferritin, or nothing")
        if not 0 <= self.lowest <= self.highest:
            raise ValueError(f"resolutions {self.lowest}–{self.highest} Å: no range")
        if not math.isfinite(self.most_map_mb) or self.most_map_mb < 0:
            raise ValueError(f"most_map_mb {self.most_map_mb}: expected MB, or 0 for any")

    @cached_property
    def listed(self) -> frozenset[str]:
        """`only_ids`, to look in."""
        return frozenset(self.only_ids)

    def text(self) -> str:
        """The rule in words."""
        parts = [
            "released entries with a fitted model",
            f"by {_any_of(self.methods)}" if self.methods else "",
            f"resolution by {_any_of(self.resolution_methods)}" if self.resolution_methods else "",
            f"{self.lowest:g}–{self.highest:g} Å",
            "all models of a map" if self.models == "all" else "the first model of a map",
            "composite maps too" if self.composite else "no composite maps",
            f"maps up to {self.most_map_mb:g} MB" if self.most_map_mb else "",
            f"model and map {_any_of(self.in_frame)}" if self.in_frame else "",
            f"{len(self.only_ids)} listed ids alone" if self.only_ids else "",
            f"{self.only} alone" if self.only else "",
        ]
        return "; ".join(filter(None, parts)) + "; what the archive does not tell excludes nothing"


def rule_of(settings: dict) -> CatalogueRule:
    """A configuration's section → the rule.

    Raises
    ------
    ValueError
        A key or value is not one of the rule's.
    """
    known = [field.name for field in fields(CatalogueRule)]
    if strange := sorted(set(settings) - set(known)):
        raise ValueError(f"catalogue: unknown {', '.join(strange)}; expected {', '.join(known)}")
    try:
        return CatalogueRule(**settings)
    except TypeError as err:
        raise ValueError(f"catalogue: {err}") from err


def as_dict(rule: CatalogueRule) -> dict:
    """The rule as it may stand in a configuration."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(rule).items()}


def listed_id(text: str) -> str:
    """``EMD-n`` or ``EMD-n/pdb`` in the forms that are kept.

    Raises
    ------
    ValueError
        It is neither.
    """
    emdb_id, slash, pdb_id = str(text).partition("/")
    emdb_id, pdb_id = ids.emdb_id(emdb_id), ids.pdb_id(pdb_id)
    if not ids.EMDB_ID.fullmatch(emdb_id) or (slash and not ids.PDB_ID.fullmatch(pdb_id)):
        raise ValueError(f"{text!r} is no EMDB id; expected EMD-1234, or EMD-1234/1abc for one model")
    return f"{emdb_id}/{pdb_id}" if slash else emdb_id


def why_not(pair: dict, rule: CatalogueRule, *, final: bool = True) -> str:
    """Why a pair is left out; "" when it is taken.

    Parameters
    ----------
    pair : dict
        Facts of an entry with ``pdb_id``, ``in_frame``, ``nth`` (0 for the first model).
    rule : CatalogueRule
    final : bool
        False while the entry's document, which may tell more, has not been read.
    """
    return _unusable(pair, final) or _unwanted(pair, rule) or _not_member(pair, rule, final)


def _unusable(pair: dict, final: bool) -> str:
    """What no survey can use."""
    if not ids.EMDB_ID.fullmatch(pair["emdb_id"]):
        return "not an EMDB id"
    if not pair["released"]:
        return "not released"
    if not pair["pdb_id"]:
        return "no fitted model"
    if not ids.PDB_ID.fullmatch(pair["pdb_id"]):
        return "not a PDB id"
    trouble = pair["x_fault"] or ""
    return "" if trouble in _TOLD_BY_DOCUMENT and not final else trouble


def _unwanted(pair: dict, rule: CatalogueRule) -> str:
    """What this survey does not want."""
    if rule.listed and rule.listed.isdisjoint((pair["emdb_id"], f"{pair['emdb_id']}/{pair['pdb_id']}")):
        return NOT_LISTED
    if rule.methods and pair["method"] and pair["method"] not in rule.methods:
        return f"method {pair['method']}"
    if rule.resolution_methods and (by := pair["resolution_method"]) and by not in rule.resolution_methods:
        return f"resolution by {by}"
    if pair["resolution"] is not None and not rule.lowest <= pair["resolution"] <= rule.highest:
        return f"resolution outside {rule.lowest:g}–{rule.highest:g} Å"
    if rule.models == "first" and pair["nth"] > 0:
        return FURTHER_MODEL
    if pair.get("composite") and not rule.composite:
        return "composite map"
    if rule.most_map_mb and (pair.get("map_mb") or 0) > rule.most_map_mb:
        return f"map larger than {rule.most_map_mb:g} MB"
    if rule.in_frame and pair["in_frame"] and pair["in_frame"] not in rule.in_frame:
        return f"model and map {pair['in_frame']}"
    return ""


def _not_member(pair: dict, rule: CatalogueRule, final: bool) -> str:
    if rule.only != "apoferritin" or pair["apoferritin"]:
        return ""
    undecided = not final and pair["point_group"] in ("O", "", None)
    return "" if undecided else "not apoferritin"


def _any_of(words: tuple[str, ...]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
