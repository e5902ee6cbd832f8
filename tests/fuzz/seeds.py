"""Small files to begin with: made here, and the odd files of a folder where there is one; nothing of it is kept."""

from __future__ import annotations

import json
import random
from itertools import islice
from pathlib import Path

import entrydocuments
import mapbytes
import numpy as np
import searchrows
import yaml
from targets import PROJECT

ODD = {"map": "odd-maps", "model": "odd-models"}
LARGEST = 64_000  # bytes of an odd file that is of use as a seed
CIF = """data_TEST
_entry.id TEST
loop_
_entity.id
_entity.type
1 polymer
2 non-polymer
3 water
loop_
_entity_poly.entity_id
_entity_poly.type
1 'polypeptide(L)'
loop_
_atom_site.group_PDB
_atom_site.id
_atom_site.type_symbol
_atom_site.label_atom_id
_atom_site.label_alt_id
_atom_site.label_comp_id
_atom_site.label_asym_id
_atom_site.label_entity_id
_atom_site.label_seq_id
_atom_site.pdbx_PDB_ins_code
_atom_site.Cartn_x
_atom_site.Cartn_y
_atom_site.Cartn_z
_atom_site.occupancy
_atom_site.B_iso_or_equiv
_atom_site.auth_seq_id
_atom_site.auth_asym_id
_atom_site.pdbx_PDB_model_num
ATOM   1 N N   . ALA A 1 1 ? 1.000 2.000 3.000 1.00 20.0 1 A 1
ATOM   2 C CA  A ALA A 1 1 ? 2.000 2.500 3.000 0.50 21.0 1 A 1
ATOM   3 C CA  B ALA A 1 1 ? 2.100 2.600 3.000 0.50 22.0 1 A 1
ATOM   4 C C   . ALA A 1 1 ? 3.000 2.000 3.500 1.00 23.0 1 A 1
ATOM   5 H H   . ALA A 1 1 ? 3.000 2.000 4.500 1.00 23.0 1 A 1
HETATM 6 C "C1'" . NAG B 2 . A 5.000 2.000 3.500 1.00 1e1 2 B 1
HETATM 7 O O   . HOH C 3 . ? 9.000 2.000 -3.5 1.00 23.0 3 C 1
HETATM 8 ZN ZN . ZN  D 2 . ? 9.000 +2.000 -3.5 1.00 23.0 3 D 2
#
_exptl.method 'ELECTRON MICROSCOPY'
"""
PDB = """HEADER    TEST
CRYST1   30.000   30.000   30.000  90.00  90.00  90.00 P 1           1
MODEL        1
ATOM      1  N   ALA A   1       1.000   2.000   3.000  1.00 20.00           N
ANISOU    1  N   ALA A   1     1000   1000   1000      0      0      0       N
ATOM      2  CA AALA A   1       2.000   2.000   3.000  0.50 20.00           C
ATOM      3  CA BALA A   1       2.000   2.200   3.000  0.50 20.00           C
TER
HETATM    4  O   HOH A   2       5.000   2.000   3.000  1.00 20.00           O
ENDMDL
MODEL        2
ATOM      5  N   ALA A   1       1.000   2.000   3.000  1.00 20.00           N
ENDMDL
END
"""
PAIRS = (
    "emdb_id\tpdb_id\tresolution\tmap\tmodel\tsample\tuniprot\tpoint_group\n"
    "EMD-1234\t7abc\t3.2\ta.map\ta.cif\tapoferritin\tP02794\tO\nb\tc\t-1\tb.map\tb.cif\tx\t\tC1\nd\te\t4\t\t\t\t\t\n"
)
SCORES = (
    "EMDB,PDB,Resolution,Q-score,fsc05,method,composite,note\n1234,7abc,3.2,0.6,3.5,singleParticle,yes,7\n"
    "emd-1235,7abd,3.2,nan,3.5,singleParticle,no,8\n1236,,x,0.6,,,,9\n1234,7abc,3.2,0.6,3.5,,,\n1237,7abd,3.2,2,,,,\n"
)


def seeds(target: str, data: Path | None = None) -> list[bytes]:
    """Inputs of a target: a byte of flags and the content."""
    made = {"map": _maps, "model": _models, "catalogue": _catalogues, "document": _documents}
    found = made.get(target, _configurations)()
    if data and target in ODD and (data / ODD[target]).is_dir():
        found += _odd(data / ODD[target], target)
    return found


def _odd(folder: Path, target: str) -> list[bytes]:
    """Small odd files as they are; of a longer model its head and every so many-th row of atoms."""
    found = []
    for path in sorted(folder.iterdir()):
        raw = path.read_bytes()
        kind = 4 if path.suffix == ".pdb" else 0
        if target == "model":
            found.append(bytes([kind]) + _thinned(raw))
        elif len(raw) <= LARGEST:
            found += [bytes([flags]) + raw for flags in (0, 8)]
        else:  # its header, with data of the same length a row that are not there
            found.append(b"\0" + raw[:2048])
    return found


def _thinned(raw: bytes) -> bytes:
    """A model's text without most of its atoms and its long tables."""
    lines = raw.splitlines(keepends=True)
    atoms = [line for line in lines if line.startswith((b"ATOM", b"HETATM"))]
    kept = set(atoms[:: max(len(atoms) // 60, 1)])
    begin = next((k for k, line in enumerate(lines) if line.startswith(b"_atom_site.")), 1) - 1
    head = [b"data_x\n"] if raw.startswith(b"data_") else []
    kinds = (b"_atom_site.", b"loop_", b"MODEL", b"ENDMDL")
    body = [line for line in lines[begin:] if line in kept or line.startswith(kinds)]
    return b"".join([*head, *body])[:15_000]


def _maps() -> list[bytes]:
    ramp, found = mapbytes.ramp((3, 4, 5)), []
    for flags in (0, 1, 2, 3, 8, 16, 24, 33, 41, 57):
        found.append(bytes([flags]) + mapbytes.map_bytes(ramp))
    for mode, order, axes in ((0, "<", (1, 2, 3)), (1, ">", (3, 1, 2)), (6, "<", (2, 3, 1)), (12, ">", (0, 0, 0))):
        found.append(b"\x08" + mapbytes.map_bytes(ramp, mode=mode, order=order, axes=axes, start=(-2, 3, 1)))
    origins = {"origin": (1.0, 2.0, 3.0), "start": (4, 5, 6), "extended": bytes(160)}
    found += [bytes([flags]) + mapbytes.map_bytes(ramp, **origins) for flags in (0, 32)]
    edits = b"".join(bytes([word]) + np.int32(value).tobytes() for word, value in ((4, 1), (16, 2), (17, 1), (23, 99)))
    found += [bytes([flags]) + part for flags in (4, 5, 12, 20, 28, 37, 61) for part in (b"", edits)]
    return [*found, b"\0" + mapbytes.map_bytes(ramp)[:1100], b"\0" + mapbytes.map_bytes(ramp) + bytes(99)]


def _models() -> list[bytes]:
    cif, pdb = CIF.encode(), PDB.encode()
    odd = [
        cif.replace(b" ? 1.000", b" ?\n1.000"),  # a row of two lines: gemmi reads all
        cif.replace(b"1.00 20.0", b"'1.0' 2e1"),
        cif.replace(b"data_TEST", b"data_A\n_a.b 1\ndata_TEST"),
        cif.replace(b"pdbx_PDB_model_num", b"x").replace(b"auth_asym_id", b"y").replace(b"type_symbol", b"Type_Symbol"),
        b"data_x\n_atom_site.Cartn_x 1\n_atom_site.Cartn_y 1\n_atom_site.Cartn_z 2\n_atom_site.type_symbol C\n",
    ]
    kinds = [(flags, cif) for flags in (0, 1, 2, 3, 8, 24, 16)] + [(flags, pdb) for flags in (4, 5, 12, 20, 28)]
    return [bytes([flags]) + text for flags, text in kinds] + [b"\x08" + text for text in odd]


def _catalogues() -> list[bytes]:
    truth = searchrows.entries(12, seed=5)
    found = [bytes([224 + 4 * k]) + searchrows.answer(truth[3 * k : 3 * k + 3]) for k in range(3)]
    short = ("emdb_id", "fitted_pdbs", "resolution", "resolution_method", "current_status", "map_release_date")
    few = searchrows.answer(truth[:6], columns=short)
    found += [bytes([flags]) + few for flags in (0, 4, 8, 12, 13, 14, 15, 32, 224)]
    found += [bytes([flags]) + PAIRS.encode() for flags in (16, 240)] + [b"\x14" + PAIRS.replace("\t", ",").encode()]
    found += [bytes([flags]) + SCORES.replace(",", "\t").encode() for flags in (24, 248, 152)]
    return found + [bytes([flags]) + SCORES.encode() for flags in (28, 252, 156)]


def _documents() -> list[bytes]:
    ferritin = entrydocuments.cage(entrydocuments.molecule("ferritin", ["P02794"], "24"), name="apoferritin")
    several = entrydocuments.with_processings(
        entrydocuments.reconstruction("3.1"), entrydocuments.reconstruction("4", "FSC 0.5 CUT-OFF")
    )
    found = [entrydocuments.document(), ferritin, several, entrydocuments.document(map=None, sample=None)]
    facing = [{"pdb_id": "7SGD", "relationship": {"in_frame": "PARTIALOVERLAP"}}, {"pdb_id": "8ABC"}]
    found.append(entrydocuments.edited(*entrydocuments.MODELS, value=facing))
    found.append(entrydocuments.edited("admin", "composite_map", value="true"))
    return [bytes([flags]) + json.dumps(one).encode() for one in found for flags in (*range(0, 64, 4), 192)]


def _configurations() -> list[bytes]:
    found = [b"\0" + b"".join(_spoken(path)) for path in sorted((PROJECT / "config").glob("*.yaml"))]
    subsets = (
        b"results: r\nsource: pairs\nsubsets:\n  sharp: {resolution: {below: 3}, method: singleParticle}\n"
        b"  mine: {ids: [EMD-1234, 7abc]}\n  old: {map_release: {at_most: 2020-01-01, present: true}}\n"
        b"  some: {method: {in: [helical, tomography]}}\n"
    )
    faults = [
        b"score_source: table", b"archive: {maps: ['http://mirror.example/emdb']}", b'archive: {contact: "a\\nb"}',
        b"fit: {lowest: 5, highest: 2}", b"subset: {}", b"demo: " + b"[" * 400,
        b"subsets: {sharp: {fsc05: {below: 3}}}",
    ]  # fmt: skip
    rules = [
        {"sharp": {"resolution": {"below": 3}, "method": "helical"}, "mine": {"ids": ["EMD-1234", "7abc/1"]}},
        {"a": {"title": {"contains": "x"}, "doi": {"present": True}, "voxel": {"in": [1, 2.5]}}},
        {"all": {}}, {"b": []}, {"b": {"ids": []}}, {"b": {"": 1}}, {"b": {"q_mean": 1}}, {"b": {"voxel": {}}}, [1],
        {"b": {"voxel": {"under": 1}}}, {"b": {"voxel": {"in": 1}}}, {"b": {"title": {"contains": 1}}}, {"b": {"x": 1}},
    ]  # fmt: skip
    refused = [b"\0results: r\nsource: emdb\n" + fault + b"\n" for fault in faults]
    told = [b"\1" + json.dumps(one).encode() for one in rules]
    every = yaml.safe_dump(_every_key()).encode()
    return [
        *found,
        *refused,
        *told,
        b"\0" + subsets,
        b"\0" + every,
        b"\0results: r\nsource: demo\nfit: {lowest: 2, highest: 5.5}\n",
    ]


def _spoken(path: Path) -> list[bytes]:
    """A configuration without its comments."""
    return [line for line in path.read_bytes().splitlines(keepends=True) if not line.startswith(b"#")]


def _every_key() -> dict:
    """A configuration in which every key has its default."""
    schema = yaml.safe_load((PROJECT / "workflow" / "schemas" / "config.schema.yaml").read_text())
    content = {"results": "r", "source": "emdb"}
    for name, part in schema["properties"].items():
        if "properties" in part:
            content[name] = {key: value["default"] for key, value in part["properties"].items()}
    return content


# ---- changing what is structured ----

ODD_VALUES = (
    None,
    True,
    False,
    0,
    -1,
    1,
    24,
    3,
    2**31,
    10**400,
    -1.5,
    1e308,
    1e-320,
    float("nan"),
    float("inf"),
    "",
    " ",
    "a",
    "nan",
    "-1",
    "3.2",
    "1e400",
    "\ud800",
    "\0",
    "\n",
    "x" * 3000,
    [],
    {},
    [[]],
    [None],
    {"valueOf_": None},
    {"valueOf_": "O"},
    [{}, []],
    "O",
    "EMD-1234",
    "EMD-1",
    "7abc",
    "REL",
    "true",
    "P02794",
    "apoferritin",
    "first",
    "https://a.b/{id}",
    "http://a.b",
    "2022-10-12",
    "table",
    "published",
    "maps",
    "pairs",
    "emdb",
    "demo",
    ["svg"],
    {"below": 3},
    {"in": [1, "a"]},
    {"present": True},
    {1: 2},
)


def changed(content, rng: random.Random):
    """JSON or YAML content with one or two of its values, keys or elements changed; the content itself is changed."""
    for _ in range(rng.choice((1, 1, 1, 2))):
        places = list(islice(_places(content), 500))  # aliases of aliases have no end
        if not places:
            return rng.choice(ODD_VALUES)
        holder, key = rng.choice(places)
        how = rng.random()
        if how < 0.3:
            holder[key] = rng.choice(ODD_VALUES)
        elif how < 0.5:
            holder[key] = _alike(holder[key], rng)
        elif how < 0.7:
            holder[key] = rng.choice([one[k] for one, k in places])
        elif how < 0.8:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"valueOf_": holder[key]}
        elif how < 0.9:
            del holder[key]
        elif isinstance(holder, dict):
            value = holder.pop(key)
            holder[rng.choice((*holder, "x", "", "subsets", "archive", "fit"))] = value
        else:
            holder.append(holder[key])
    return content


def _alike(value, rng: random.Random):
    """A value of the same kind, which a door is more likely to take."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return rng.choice((value + 1, value * 2, value / 2, 0, 1, 3, 0.25, 1e6))
    if isinstance(value, str):
        return rng.choice((value + "x", value[:-1], value.upper(), value.swapcase(), value * 2, "7abc", "resolution"))
    if isinstance(value, list):
        return rng.choice((value[:1], value * 2, value[::-1]))
    return value


def _places(content, depth: int = 0):
    """Every (dict or list, key or index) below some content."""
    if isinstance(content, (dict, list)) and depth < 20:
        for key, value in list(content.items() if isinstance(content, dict) else enumerate(content)):
            yield content, key
            yield from _places(value, depth + 1)


def mutated_json(data: bytes, rng: random.Random) -> bytes | None:
    """An entry document with other values; None when it is none."""
    try:
        return data[:1] + json.dumps(changed(json.loads(data[1:]), rng)).encode()
    except (ValueError, TypeError, RecursionError, OverflowError):
        return None


# What YAML's reader and writer make of such bytes, as `qscore.run` knows it.
UNREADABLE = (yaml.YAMLError, RecursionError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError)


def mutated_yaml(data: bytes, rng: random.Random) -> bytes | None:
    """A configuration with other values; None when it is none."""
    try:
        content = changed(yaml.load(data[1:], Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), rng)
        if data[0] & 1:
            return data[:1] + json.dumps(content).encode()
        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        return data[:1] + yaml.dump(content, Dumper=dumper).encode()
    except UNREADABLE:
        return None


MUTATORS = {"document": mutated_json, "configuration": mutated_yaml}
