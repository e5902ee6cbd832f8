"""Where the archives are: the addresses asked by default, each replaceable in the configuration."""

import re

EMDB_API = "https://www.ebi.ac.uk/emdb/api"
HOLDINGS = "https://ftp.ebi.ac.uk/pub/databases/emdb/status/latest/emdb_released_holdings.json"
MAP_BASES = (
    "https://ftp.ebi.ac.uk/pub/databases/emdb/structures",
    "https://files.wwpdb.org/pub/emdb/structures",
    "https://files.rcsb.org/pub/emdb/structures",
    "https://ftp.pdbj.org/pub/emdb/structures",
)
MODEL_BASES = (
    "https://files.wwpdb.org/pub/pdb/data/structures/divided/mmCIF",
    "https://files.rcsb.org/download/{id}.cif.gz",
)
GRAPHQL = "https://data.rcsb.org/graphql"
REPORT_BASES = ("https://files.rcsb.org/pub/pdb/validation_reports",)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://|file:", re.IGNORECASE)


def is_url(place) -> bool:
    """Whether a base or place is an address, not a path."""
    return bool(_URL.match(str(place)))
