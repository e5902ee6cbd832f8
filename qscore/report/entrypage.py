"""The page of one entry, and the files that open the same view in ChimeraX."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from qscore import __version__, chimerax, entryfigures, tables
from qscore.causes import FRAME, PARTLY
from qscore.dossier import Dossier, known, other_scores
from qscore.report import parts, templates
from qscore.verdict import ordinal

MOST_ROWS = 40  # of the table of regions, and of that of ligands
_BLANKS = re.compile(r"[ \t\n]+")
_QUOTED = re.compile('="([^"\']*)"')
ENDINGS = (".html", ".defattr", ".cif", ".cxc")
FILES = (("map", "Map"), ("model", "Model"))
ALT = {
    "chains": "Q of each residue along the chains, with the expected Q, its band and the regions found",
    "classes": "Mean Q of each class of atoms beside the expected one",
    "profiles_worst": "The map by distance around the atoms of the lowest Q",
    "profiles_best": "The map by distance around the atoms of the highest Q",
    "trace": "The chains in three dimensions, coloured by Q",
    "inclusion": "Share of atoms above each contour level",
}


def write_page(dossier: Dossier, folder, *, map_file=None, table_one=()) -> Path:
    """Write the page of an entry with its ChimeraX files: ``<stem>.html``, ``.cxc`` and ``.defattr``.

    The model with Q, ``<stem>.cif``, which they open, is the caller's to put beside.

    Parameters
    ----------
    dossier : Dossier
    folder : path-like
    map_file : str, optional
        Path of the map from the folder; without it that of EMDB is opened, if it is EMDB's.
    table_one : sequence of dict
        Of `qscore.table1.rows`; shown where there are any.

    Returns
    -------
    Path
        The page.
    """
    folder = Path(folder)
    page = folder / f"{dossier.stem}.html"
    with tables.whole_file(page) as stream:
        stream.write(html(dossier, table_one=table_one, own_map=map_file is not None))
    with tables.whole_file(page.with_suffix(".defattr")) as stream:
        stream.write(chimerax.attributes(dossier.residues))
    with tables.whole_file(page.with_suffix(".cxc")) as stream:
        stream.write(_commands(dossier, map_file))
    return page


def _commands(dossier: Dossier, map_file) -> str:
    return chimerax.commands(
        model=f"{dossier.stem}.cif", attribute_file=f"{dossier.stem}.defattr",
        limits=entryfigures.limits(dossier), map_file=map_file,
        emdb_id="" if dossier.synthetic else dossier.emdb_id,
        contour=dossier.contour, regions=[*dossier.regions, *dossier.alone],
    )  # fmt: skip


def html(dossier: Dossier, *, table_one=(), own_map: bool = False) -> str:
    """The page as text; nothing in it asks for anything, and there is no script."""
    figures = entryfigures.figures_of(dossier)
    scores, empty = other_scores(dossier.entry)
    drawn = sum(map(len, entryfigures.chosen_chains(dossier)))
    content = {
        "version": __version__,
        "dossier": dossier,
        "cards": cards(dossier),
        "figures": {name: _address(svg) for name, svg in figures.items()},
        "alt": ALT,
        "links": _links(dossier),
        "chains": {"drawn": drawn, "all": entryfigures.n_chains(dossier)},
        "traced": {"drawn": len(set(entryfigures.traced(dossier).get("chain", ()))), "all": _count(dossier.trace)},
        "classes": dossier.classes(),
        "regions": dossier.regions[:MOST_ROWS],
        "alone": dossier.alone[:MOST_ROWS],
        "cause_of_regions": dossier.judged.get("cause") == PARTLY,
        "frame_first": dossier.judged.get("cause") == FRAME,
        "searched": searched(dossier.searched),
        "ligands": dossier.ligands[:MOST_ROWS],
        "ranked": any(known(row["percentile"]) == known(row["percentile"]) for row in dossier.ligands),
        "scores": scores,
        "empty": empty,
        "files": files(dossier),
        "table_one": table_one,
        "own_map": own_map,
    }
    return templates.environment().get_template("entry.html").render(content)


def _count(trace) -> int:
    return len(set(trace.get("chain", ())))


def _address(svg: str) -> str:
    """A figure as an address that holds it; by percent signs, which is a quarter shorter than base64."""
    svg = _QUOTED.sub(r"='\1'", _BLANKS.sub(" ", svg))
    return "data:image/svg+xml," + quote(svg, safe=" !$'()*+,-./:;=?@_~")


def _links(dossier: Dossier) -> dict[str, str]:
    found = parts.linked({"emdb_id": dossier.emdb_id, "pdb_id": dossier.pdb_id}, synthetic=dossier.synthetic)
    return {"EMDB": found["emdb_page"], "PDB": found["pdb_page"]}


def cards(dossier: Dossier) -> list[tuple[str, str, str]]:
    """Headline numbers: value, what it is, tone."""
    judged, q = dossier.judged, known(dossier.entry.get("q_mean"))
    low, high = known(judged.get("low")), known(judged.get("high"))
    side = "low" if q < low else "high" if q > high else ""
    found = [(_fixed(q), "mean Q of all atoms but waters", f"line {side}".strip())]
    if low == low:
        expected = f"{_fixed(known(judged['expected_q']))} ({_fixed(low)}–{_fixed(high)})"
        found.append((expected, "expected at this resolution, and the middle 95 % of entries", "wide"))
    if known(judged.get("percentile")) == known(judged.get("percentile")):
        found.append((ordinal(judged["percentile"]), "among entries of this resolution", side))
    if dossier.resolution == dossier.resolution:
        found.append((f"{dossier.resolution:g} Å", "reported resolution", ""))
    if judged.get("flag"):
        sign = {"low": "▼ low", "high": "▲ high"}.get(judged["flag"], judged["flag"])
        found.append((sign, "flagged at the survey’s false discovery rate", judged["flag"]))
    return found


def searched(found: dict) -> list[tuple[str, float]]:
    """Frames that the second look compared, each with Q of the atoms compared; none where there was no search."""
    if not found:
        return []
    hand = f" along {found['hand']}" if found["hand"] else ""
    rows = [
        ("as deposited", known(found["q_before"])),
        (f"moved by {known(found['shift']):.2f} Å", known(found["q_shifted"])),
        (f"the map mirrored{hand}, moved by {known(found['hand_shift']):.2f} Å", known(found["q_hand"])),
    ]
    if found["decoys"]:
        rows.append((f"the best of {found['decoys']} decoys", rows[0][1] + known(found["decoy_gain"])))
    return [(name, q) for name, q in rows if q == q]


def _fixed(value: float) -> str:
    return f"{value:.3f}".replace("-", "−") if value == value else "–"


def files(dossier: Dossier) -> list[dict]:
    """Name, size and digest of the map and of the model."""
    entry = dossier.entry
    return [
        {
            "what": what,
            "name": Path(entry.get(f"{key}_file") or "").name,
            "bytes": entry.get(f"{key}_bytes"),
            "sha256": entry.get(f"{key}_sha256") or "",
        }
        for key, what in FILES
    ]
