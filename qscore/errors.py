"""What can be wrong with an entry: one exception and a closed list of reasons.

Three kinds of trouble are told apart. A caller's mistake is a `ValueError`;
an entry that cannot be scored is an `UnusableEntry` and becomes a row with a
reason; what is suspicious but usable is a column of the tables.
"""

import errno

# reason -> (stage where it arises, what a person reads)
REASONS = {
    "map_missing": ("fetch", "the map file does not exist"),
    "model_missing": ("fetch", "the model file does not exist"),
    "download_damaged": ("fetch", "what came was never the file: an error page, or a different body each time"),
    "not_published": ("fetch", "the archive publishes no Q for this entry"),
    "map_unreadable": ("map", "not a map, or its header makes no sense"),
    "map_truncated": ("map", "the map file ends before its data do"),
    "map_damaged": ("map", "the compressed map is damaged"),
    "map_not_volume": ("map", "the map is not three-dimensional"),
    "map_non_orthogonal": ("map", "the map's cell is not orthogonal"),
    "map_constant": ("map", "the map has one value everywhere around the model"),
    "model_unreadable": ("model", "not a model, or its atoms cannot be read"),
    "model_no_atoms": ("model", "the model has no atoms, or hydrogens only"),
    "model_only_water": ("model", "the model has waters only"),
    "model_outside_map": ("score", "no atom of the model lies inside the map"),
    "not_scored": ("score", "no atom of the model could be scored"),
    "out_of_memory": ("score", "scoring needed more memory than allowed"),
    "time_limit": ("score", "scoring took longer than its deadline"),
    "crashed": ("score", "the scoring process died"),
}

TRANSIENT = frozenset({"download_damaged", "out_of_memory", "time_limit", "crashed"})


class UnusableEntry(Exception):
    """An entry that cannot be scored.

    Parameters
    ----------
    reason : str
        A key of `REASONS`.
    detail : str
        One line saying what was expected and what came.
    """

    def __init__(self, reason: str, detail: str = ""):
        if reason not in REASONS:
            raise ValueError(f"unknown reason {reason!r}; expected one of {', '.join(REASONS)}")
        self.reason = reason
        self.detail = " ".join(detail.split())
        super().__init__(self.detail or REASONS[reason][1])

    @property
    def stage(self) -> str:
        return REASONS[self.reason][0]

    @property
    def transient(self) -> bool:
        """Whether the entry may score on another day (memory, time, an archive's bad day)."""
        return self.reason in TRANSIENT


class ArchiveUnavailable(Exception):
    """The archive cannot be reached or the disk cannot be written: no entry is to blame."""


class Absent(LookupError):
    """The archive answered that it does not have this (404, 410): a fact, never asked again."""


class BadAnswer(Exception):
    """An answer came that cannot be what was asked for: an error page, a refused redirect, a damaged body."""


def is_full(err: OSError) -> bool:
    """Whether a disk, or a user's share of it, is full: that is nobody's mistake."""
    return err.errno in (errno.ENOSPC, errno.EDQUOT)
