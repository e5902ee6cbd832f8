"""Files for UCSF ChimeraX: Q as an attribute of residues, and the commands that show the model by it in its map.

The syntax is that of ChimeraX's user guide (commands open, volume, transparency, color byattribute, select, label,
view; attribute assignment files). ChimeraX itself is not at hand where the tests run, so no file was opened in it.
Its guide lists mmCIF among the formats that it does not read compressed: the model beside is plain ``.cif``.
Whatever comes from an archive or a file is written only when it is made of the few characters that can mean nothing
else; the rest is left out and counted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from qscore import __version__
from qscore.ids import EMDB_ID

ATTRIBUTE = "qscore"
HEAD = "# The model coloured by Q of its residues (σ 0.4 Å), by qscore "
# Light where Q is low, so that it is seen; told apart by lightness alone too. That of the figures.
COLOURS = ("#febe2a", "#e97257", "#ba3388", "#7100a8", "#0d0887")
NOT_SCORED = "#9a9a9a"
LABELLED = 3  # regions with a label
_CHAIN, _NUMBER, _ICODE = re.compile(r"[A-Za-z0-9_]+"), re.compile(r"-?[0-9]+"), re.compile(r"[A-Za-z]?")
_FILE = re.compile(r"[\w. +=@,()/~-]+")


def attributes(residues: Mapping[str, np.ndarray]) -> str:
    """The attribute assignment file (``.defattr``): Q of every scored residue.

    Parameters
    ----------
    residues : mapping of array, shape (n,)
        Columns of `tables.RESIDUES`: chain, number, icode and q_04.
    """
    rows = zip(*(residues[key] for key in ("chain", "number", "icode", "q_04")), strict=True)
    lines, left_out = {}, 0
    for chain, number, icode, q in rows:
        place = residue(chain, f"{number}{icode or ''}")
        if q != q or place is None or place in lines:
            left_out += 1
        else:
            lines[place] = f"\t{place}\t{q:.4f}"
    head = [
        f"# Q of residues (σ 0.4 Å), by qscore {__version__}; {left_out:,} residues without a line: not scored, or",
        "# of a name that is no plain chain and number, or the second of one number",
        f"attribute: {ATTRIBUTE}",
        "match mode: 1-to-1",
        "recipient: residues",
    ]
    return "\n".join([*head, *lines.values()]) + "\n"


def residue(chain, number) -> str | None:
    """A residue as ChimeraX names it, ``/A:12B``; None where a part of the name could be read as something else."""
    found = re.fullmatch(r"(-?[0-9]+)(.*)", str(number))
    if not found or not _CHAIN.fullmatch(str(chain)) or not _ICODE.fullmatch(found[2]):
        return None
    return f"/{chain}:{found[1]}{found[2]}"


def quoted(path) -> str | None:
    """The name of a file as an argument; None where it holds what could end the argument or stand for other files."""
    text = str(path)
    return f'"{text}"' if _FILE.fullmatch(text) and not text.startswith("~") else None


def commands(*, model: str, attribute_file: str, limits, map_file=None, emdb_id="", contour=None, regions=()) -> str:
    """The commands (``.cxc``) that open the model and its map and colour the model by Q.

    Parameters
    ----------
    model, attribute_file : str
        Names of files beside.
    limits : (float, float)
        Q of the ends of the colours.
    map_file : str, optional
        Path of the map from the folder of the commands.
    emdb_id : str
        Where no file is given, the entry that ChimeraX is to fetch; another text is no entry.
    contour : float, optional
        Contour level, map units.
    regions : sequence of dict
        Rows of `tables.REGIONS` of chains, worst first: all are selected, the first three labelled.
    """
    low, high = limits
    stops = zip(np.linspace(low, high, len(COLOURS)), COLOURS, strict=True)
    palette = ":".join(f"{q:.3f},{colour}" for q, colour in stops)
    lines = [
        f"{HEAD}{__version__}; for UCSF ChimeraX.",
        "# Open it in a ChimeraX without other models. If it does not find the files: cd to their folder first.",
        f"open {quoted(model)}",
        f"open {quoted(attribute_file)}",
        "set bgColor white",
        "cartoon #1",
        f"color byattribute r:{ATTRIBUTE} #1 target acs palette {palette} noValueColor {NOT_SCORED} key true",
        *_region_lines(list(regions)),
        "view #1",
        *_map_lines(map_file, emdb_id, contour),
    ]
    return "\n".join(lines) + "\n"


def _region_lines(regions: list[dict]) -> list[str]:
    spans = [(row, span) for row in regions if (span := _span(row))]
    if not spans:
        return []
    lines = [f"# Regions less resolved than expected: {len(spans):,} selected, the worst labelled."]
    lines.append("select " + " ".join(f"#1{span}" for _, span in spans))
    for row, _ in spans[:LABELLED]:
        first = f"#1{residue(row['chain'], row['from'])}"
        text = f"{row['chain']} {row['from']} to {row['to']}: Q {row['mean_q']:.2f}"
        lines.append(f'label {first} residues text "{text}" color black height fixed')
    return lines


def _span(row: dict) -> str | None:
    """A region as a range of residues; None where an end cannot be named."""
    first, last = residue(row["chain"], row["from"]), residue(row["chain"], row["to"])
    if first is None or last is None:
        return None
    return first if first == last else f"{first}-{last.rpartition(':')[2]}"


def _map_lines(map_file, emdb_id: str, contour) -> list[str]:
    """Last, so that the model is there where the map is not."""
    if map_file is not None:
        if (name := quoted(map_file)) is None:
            return ["# The map has a name that no command can hold: open it by hand."]
        opened = [f"open {name}"]
    elif EMDB_ID.fullmatch(emdb_id or ""):
        opened = ["# needs network", f"open emdb:{emdb_id.removeprefix('EMD-')}"]
    else:
        return []
    level = "" if contour is None else f" level {contour:.6g}"
    return [*opened, f"volume #2 style surface{level} color #b8c4cc", "transparency #2 65"]
