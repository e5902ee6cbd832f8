"""Which entries are not independent: those of one publication, and those of one protein."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

_PLACEHOLDER = re.compile(r"(n/?\.?a\.?|none|null|nan|tbd|tba|unknown|[0\W_]*)", re.IGNORECASE)
GAP = 5  # ids further apart are not of one deposition session


def label(pairs: list[dict]) -> list[dict]:
    """Pairs with their ``cluster_pub`` and ``cluster_protein``; those of one entry share both.

    Parameters
    ----------
    pairs : list of dict
        With ``emdb_id``; ``doi``, ``pubmed``, ``authors``, ``uniprot`` and ``sample`` where told.
    """
    named = publications({pair["emdb_id"]: pair for pair in pairs}.values())
    return [pair | {"cluster_pub": named[pair["emdb_id"]], "cluster_protein": protein(pair)} for pair in pairs]


def protein(entry: dict) -> str:
    """UniProt accessions of an entry, else the name of its sample without case, spaces and punctuation, else its id."""
    accessions = entry.get("uniprot") or ()
    accessions = accessions.split() if isinstance(accessions, str) else accessions
    if accessions:
        return f"uniprot:{' '.join(sorted(set(accessions)))}"
    name = unicodedata.normalize("NFKC", entry.get("sample") or "").casefold()
    name = re.sub(r"[\W_]+", "", name)
    return f"name:{name}" if name else entry["emdb_id"]


def publications(entries: Iterable[dict]) -> dict[str, str]:
    """EMDB id → name of its publication's cluster.

    Entries that share a DOI or a PubMed id are one cluster, and so are those
    linked through others. Entries without either are one cluster while they
    have the same authors and ids at most `GAP` apart. A placeholder ("n/a", zeros) is neither.
    """
    entries = list(entries)
    cited = [entry for entry in entries if _keys(entry)]
    return _shared(cited) | _runs([entry for entry in entries if not _keys(entry)])


def _keys(entry: dict) -> list[str]:
    """What an entry's publication is known by, the DOI first."""
    told = {kind: str(entry.get(kind) or "").strip() for kind in ("doi", "pubmed")}
    return [f"{kind}:{value}" for kind, value in told.items() if not _PLACEHOLDER.fullmatch(value)]


def _shared(entries: list[dict]) -> dict[str, str]:
    """Clusters of entries that share a key; each has the name of its first key, a DOI where there is one."""
    first = {}

    def root(key):
        """The key that names a key's cluster."""
        while first.setdefault(key, key) != key:
            first[key] = first[first[key]]
            key = first[key]
        return key

    for entry in entries:
        low, *others = sorted(root(key) for key in _keys(entry))
        first.update((other, low) for other in others)
    return {entry["emdb_id"]: root(_keys(entry)[0]) for entry in entries}


def _runs(entries: list[dict]) -> dict[str, str]:
    """Clusters of nearby ids with the same authors; an entry alone has its own id."""
    by_authors, found = defaultdict(list), {}
    for entry in entries:
        number = re.fullmatch(r"EMD-([0-9]+)", entry["emdb_id"])
        authors = frozenset(name.casefold() for name in entry.get("authors") or ())
        if number and authors:
            by_authors[authors].append((int(number[1]), entry["emdb_id"]))
        found[entry["emdb_id"]] = entry["emdb_id"]
    for members in by_authors.values():
        found |= _named_runs(sorted(members))
    return found


def _named_runs(members: list[tuple[int, str]]) -> dict[str, str]:
    """Sorted numbers and ids of the same authors → the run each is in."""
    runs = []
    for number, emdb_id in members:
        if runs and number - runs[-1][-1][0] <= GAP:
            runs[-1].append((number, emdb_id))
        else:
            runs.append([(number, emdb_id)])
    return {emdb_id: f"authors:{run[0][1]}" for run in runs if len(run) > 1 for _, emdb_id in run}
