"""Ids of the archives: the forms in which they come, and the one that is kept."""

from __future__ import annotations

import re
from hashlib import sha256

EMDB_ID = re.compile(r"EMD-[0-9]{4,9}")
PDB_ID = re.compile(r"[0-9][0-9a-z]{3}|pdb_[0-9]{5}[0-9a-z]{3}")
OWN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_FOUR_LETTERS = re.compile(r"pdb_0000([0-9][0-9a-z]{3})")
_UNIPROT = re.compile(r"([OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9](?:[A-Z][A-Z0-9]{2}[0-9]){1,2})(?:[-.][0-9]+)?")
_DOI = re.compile(r"10\.[0-9]{4,9}/\S+")


def emdb_id(text) -> str:
    """An EMDB id in upper case; any other text comes back as it is, for a reason to name it."""
    text = str(text or "").strip()
    return text.upper() if EMDB_ID.fullmatch(text.upper()) else text


def pdb_id(text) -> str:
    """A PDB id in lower case, an extended one that has a four-letter form (``pdb_00007a4m``) in that form."""
    text = str(text or "").strip().lower()
    short = _FOUR_LETTERS.fullmatch(text)
    return short[1] if short else text


def doi(text) -> str:
    """A DOI in lower case without what is put before it (``doi:``, an address); "" when it is none."""
    text = re.sub(r"^(https?://(dx\.)?doi\.org/|doi:)", "", str(text or "").strip().lower()).strip()
    return text if _DOI.fullmatch(text) else ""


def pubmed(text) -> str:
    """A PubMed id as digits; "" when it is none."""
    text = str(text or "").strip().lower().removeprefix("pubmed:").strip()
    return text.lstrip("0") if re.fullmatch(r"[0-9]{1,9}", text) else ""


def uniprot(text) -> str:
    """A UniProt accession, without the number of an isoform; "" when it is none."""
    found = _UNIPROT.fullmatch(str(text or "").strip().upper().rpartition(":")[2].strip())
    return found[1] if found else ""


def pair_stem(emdb_id: str, pdb_id: str) -> str:
    """Name of the files of a pair, without ending: EMD-1234_7abc; what is no letter, digit, ".", "_" or "-" as "_".

    Ids of which another pair could give the same name, a_b and c as a and b_c, are told apart by a digest.
    """
    text = f"{emdb_id}_{pdb_id}"
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", text)
    if safe == text and "_" not in emdb_id:
        return text
    return f"{safe}-{sha256(f'{emdb_id}/{pdb_id}'.encode()).hexdigest()[:8]}"
