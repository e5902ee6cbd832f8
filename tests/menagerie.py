"""Odd maps and odd models, one list of each: what a file is, how to write it, and the reason it must get, or "scored".

Maps go with the sound model of `partners`, models with its sound map.
"""

import gzip
import itertools
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from mapbytes import header_bytes, map_bytes
from pairs import pdb_line, random_atoms, smooth_map, write_map, write_model
from small_archive import mmcif

STEP, SHAPE = 1.1, (26, 28, 30)
POINTS = SHAPE[::-1]
CELL = tuple(STEP * n for n in POINTS)
VALUES = smooth_map(np.random.default_rng(1), SHAPE)
ATOMS = np.round(random_atoms(np.random.default_rng(2), np.full(3, 3.0), np.array(CELL) - 5.0, 40), 3)
BOMB_BYTES = 2 << 30
BLOCK_BYTES = 16 << 20
PAGE = (
    b"<!doctype html><html><head><title>404 Not Found</title></head><body>" + b"<p>Sorry.</p>" * 200 + b"</body></html>"
)


@dataclass(frozen=True)
class Odd:
    """An odd file: its name, a function that writes it to a path, and what a pair with it must come to.

    `big` are those that a careless reader would need much memory or time for.
    """

    name: str
    write: Callable[[Path], None]
    expected: str
    big: bool = False


def partners(folder):
    """A sound map and a sound model in it; their paths."""
    write_map(folder / "sound.map", VALUES, step=STEP)
    write_model(folder / "sound.pdb", ATOMS)
    return folder / "sound.map", folder / "sound.pdb"


def pairs_of(folder, wanted=lambda odd: True):
    """Every odd file that is wanted beside its partner, written: (odd, path of the map, path of the model)."""
    sound_map, sound_model = partners(folder)
    for kind, odd in [*(("map", odd) for odd in MAPS), *(("model", odd) for odd in MODELS)]:
        if not wanted(odd):
            continue
        path = folder / odd.name
        odd.write(path)
        yield (odd, path, sound_model) if kind == "map" else (odd, sound_map, path)


# ---- maps ----


def _map(values=VALUES, **words):
    return map_bytes(values, **{"cell": CELL} | words)


def _zip(raw):
    return gzip.compress(raw, 1, mtime=0)


def _changed(value, *places):
    """The sound map's values with another at some places, or everywhere."""
    values = VALUES.copy()
    for place in places or (np.s_[:],):
        values[place] = value
    return values


def _with_words(word, *values, order="<"):
    """The sound map with other whole numbers in its header, from a word on."""
    raw = bytearray(_map(order=order))
    struct.pack_into(f"{order}{len(values)}i", raw, 4 * (word - 1), *values)
    return bytes(raw)


def bomb(path, *, claims=POINTS, size=BOMB_BYTES, members=True):
    """A header and `size` bytes of zeros in a thousandth of them: as many gzip members, or as one.

    One member is a deflate block that looks back to nothing, repeated; its checksum is that of so many zeros.
    """
    header = header_bytes(points=claims, cell=tuple(STEP * n for n in claims))
    zeros, count = bytes(BLOCK_BYTES), size // BLOCK_BYTES
    with open(path, "wb") as stream:
        if members:
            stream.write(_zip(header))
            block = gzip.compress(zeros, 9, mtime=0)
            for _ in range(count):
                stream.write(block)
            return
        packer = zlib.compressobj(9, wbits=31)
        stream.write(packer.compress(header) + packer.flush(zlib.Z_FULL_FLUSH))
        block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
        checksum = zlib.crc32(header)
        for _ in range(count):
            stream.write(block)
            checksum = zlib.crc32(zeros, checksum)
        stream.write(b"\x03\x00" + struct.pack("<II", checksum, (len(header) + size) % 2**32))


def _bytes(name, make, expected, **more):
    """A case of a file whose bytes a function makes."""
    return Odd(name, lambda path: path.write_bytes(make()), expected, **more)


def _claimed_bomb(size, path):
    """Zeros for which the header has a place: nothing but their number is odd."""
    bomb(path, claims=(int((size / 4) ** (1 / 3)),) * 3, size=size)


NAN, INF = float("nan"), float("inf")
MANY = 100_000
MAPS = [
    _bytes(
        "claims.map",
        lambda: header_bytes(points=(MANY,) * 3, cell=(1e5,) * 3) + bytes(4096),
        "map_unreadable",
        big=True,
    ),
    _bytes(
        "claims.map.gz",
        lambda: _zip(header_bytes(points=(MANY,) * 3, cell=(1e5,) * 3) + bytes(4096)),
        "map_unreadable",
        big=True,
    ),
    _bytes("negative.map", lambda: header_bytes(points=(-30, 28, 26), cell=CELL) + bytes(4096), "map_unreadable"),
    _bytes("no-points.map", lambda: header_bytes(points=(0, 28, 26), cell=CELL) + bytes(4096), "map_unreadable"),
    _bytes("nothing-but-zeros.map", lambda: bytes(8192), "map_unreadable"),
    _bytes("extended-claimed.map", lambda: _map(nsymbt=10**9), "scored"),
    _bytes("extended-claimed-more.map", lambda: _map(nsymbt=10**9) + b"x", "map_truncated"),
    _bytes("extended-claimed.map.gz", lambda: _zip(_map(nsymbt=2**31 - 1) + b"x"), "map_truncated"),
    _bytes("extended-negative.map", lambda: _map(nsymbt=-80), "scored"),
    _bytes("extended.map", lambda: _map(extended=b"X" * 800), "scored"),
    _bytes("short.map", lambda: _map()[:-1000], "map_truncated"),
    _bytes("short.map.gz", lambda: _zip(_map()[:-1000]), "map_truncated"),
    _bytes("long.map", lambda: _map() + bytes(1000), "scored"),
    _bytes("long.map.gz", lambda: _zip(_map() + bytes(1000)), "scored"),
    _bytes("half-header.map", lambda: _map()[:512], "map_truncated"),
    _bytes("empty.map", bytes, "map_truncated"),
    _bytes("empty.map.gz", bytes, "map_truncated"),
    _bytes("nan.map", lambda: _map(_changed(NAN)), "not_scored"),
    _bytes("some-nan.map", lambda: _map(_changed(NAN, np.s_[3:6, 3:6, 3:6])), "scored"),
    _bytes("inf.map", lambda: _map(_changed(INF)), "map_constant"),
    _bytes("some-inf.map", lambda: _map(_changed(-INF, (5, 5, 5), (9, 9, 9))), "scored"),
    _bytes("huge-values.map", lambda: _map(VALUES * np.float32(1e37)), "scored"),
    _bytes("tiny-values.map", lambda: _map(VALUES * np.float32(1e-37)), "scored"),
    _bytes("constant.map", lambda: _map(_changed(1.5)), "map_constant"),
    _bytes("zeros.map.gz", lambda: _zip(_map(_changed(0))), "map_constant"),
    *(
        _bytes(f"mode-{mode}.map", partial(_with_words, 4, mode), "map_unreadable")
        for mode in (3, 4, 5, 7, 101, 2**30, -1)
    ),
    _bytes("mode-4-big-endian.map", partial(_with_words, 4, 4, order=">"), "map_unreadable"),
    _bytes("image.map", lambda: _map(VALUES[:1]), "map_not_volume"),
    _bytes("image.map.gz", lambda: _zip(_map(VALUES[:, :1])), "map_not_volume"),
    _bytes("axes-zero.map", lambda: _map(axes=(0, 0, 0)), "scored"),
    _bytes("axes-twice.map", partial(_with_words, 17, 1, 1, 2), "map_unreadable"),
    _bytes("axes-10.map", partial(_with_words, 17, 10, 11, 12), "map_unreadable"),
    _bytes("axes-negative.map", partial(_with_words, 17, -1, 2, 3), "map_unreadable"),
    _bytes("axes-permuted.map", lambda: _map(axes=(3, 1, 2)), "scored"),
    _bytes("skewed.map", lambda: _map(angles=(90.0, 90.0, 120.0)), "map_non_orthogonal"),
    _bytes("angles-nan.map", lambda: _map(angles=(90.0, NAN, 90.0)), "map_non_orthogonal"),
    _bytes("angles-zero.map", lambda: _map(angles=(0.0, 0.0, 0.0)), "scored"),
    _bytes("cell-zero.map", lambda: _map(cell=(0.0, 0.0, 0.0)), "map_unreadable"),
    _bytes("cell-nan.map", lambda: _map(cell=(CELL[0], NAN, CELL[2])), "map_unreadable"),
    _bytes("cell-inf.map", lambda: _map(cell=(INF,) * 3), "map_unreadable"),
    _bytes("cell-negative.map", lambda: _map(cell=(-33.0, 30.8, 28.6)), "map_unreadable"),
    _bytes("cell-tiny.map", lambda: _map(cell=(1e-40,) * 3), "map_unreadable"),
    _bytes("cell-huge.map", lambda: _map(cell=(3e38,) * 3), "not_scored"),
    _bytes("no-intervals.map", lambda: _map(sampling=(0, 28, 26), cell=CELL), "map_unreadable"),
    _bytes("intervals-negative.map", lambda: _map(sampling=(30, -28, 26), cell=CELL), "map_unreadable"),
    _bytes("start-far.map", lambda: _map(start=(2**31 - 1, -(2**31), 2**31 - 1)), "model_outside_map"),
    _bytes("origin-nan.mrc", lambda: _map(origin=(NAN, INF, -INF)), "scored"),
    _bytes("origin-far.mrc", lambda: _map(origin=(1e30, 0.0, 0.0)), "model_outside_map"),
    _bytes("big-endian.map", lambda: _map(order=">"), "scored"),
    _bytes("big-endian.map.gz", lambda: _zip(_map(order=">")), "scored"),
    Odd("bomb-members.map.gz", bomb, "map_damaged", big=True),
    Odd("bomb.map.gz", partial(bomb, members=False), "map_damaged", big=True),
    Odd("bomb-claimed.map.gz", partial(_claimed_bomb, 512 << 20), "map_constant", big=True),
    _bytes("rubbish-behind.map.gz", lambda: _zip(_map()) + b"what is this?" * 100, "map_damaged"),
    _bytes("zeros-behind.map.gz", lambda: _zip(_map()) + bytes(512), "scored"),
    _bytes(
        "members.map.gz", lambda: b"".join(_zip(_map()[k : k + 9999]) for k in range(0, len(_map()), 9999)), "scored"
    ),
    _bytes("empty-members.map.gz", lambda: _zip(b"") * 1000 + _zip(_map()) + _zip(b"") * 1000, "scored"),
    _bytes("cut.map.gz", lambda: _zip(_map())[:-2000], "map_truncated"),
    _bytes("cut-trailer.map.gz", lambda: _zip(_map())[:-4], "map_truncated"),
    _bytes("checksum.map.gz", lambda: (raw := _zip(_map()))[:-8] + b"\0\1\2\3" + raw[-4:], "map_damaged"),
    _bytes("not-zipped.map.gz", _map, "scored"),
    _bytes("zipped.map", lambda: _zip(_map()), "scored"),
    _bytes("zipped-twice.map.gz", lambda: _zip(_zip(_map())), "map_unreadable"),
    _bytes("page.map", lambda: PAGE, "map_unreadable"),
    _bytes("page.map.gz", lambda: PAGE, "map_unreadable"),
    _bytes("zipped-page.map.gz", lambda: _zip(PAGE), "map_unreadable"),
    _bytes("model.map", lambda: CIF.encode(), "map_unreadable"),
    Odd("folder.map", Path.mkdir, "map_missing"),
    Odd("none.map", lambda path: None, "map_missing"),
]

# ---- models ----

CIF = mmcif("9abc", ATOMS)


def _cif(text=CIF):
    return text.encode()


def _rows(change, every=1):
    """The sound mmCIF with the cells of each row, or of some, changed: `change(number, cells)`."""
    lines, n = CIF.splitlines(keepends=True), itertools.count()
    for k, line in enumerate(lines):
        if line.startswith("ATOM") and (number := next(n)) % every == 0:
            cells = line.split()
            change(number, cells)
            lines[k] = " ".join(cells) + "\n"
    return "".join(lines).encode()


ELEMENT, NAME, ALTLOC, RESIDUE, X, NUMBER, CHAIN, MODEL = 2, 3, 4, 5, 9, 14, 15, 16


def _cell(column, value, every=1):
    """The sound mmCIF with another value in a column; a function gives each row its own."""

    def change(number, cells):
        cells[column] = value(number) if callable(value) else value

    return partial(_rows, change, every)


def _pdb(**columns):
    return "".join(pdb_line(n + 1, atom, **{"number": n // 5} | columns) for n, atom in enumerate(ATOMS)).encode()


def _cell_of_pdb(raw, first, text):
    """Every line of a PDB file with another text at a column (from 0)."""
    lines = raw.decode().splitlines()
    return "\n".join(line[:first] + text + line[first + len(text) :] for line in lines).encode()


def _many_chains(count=MANY):
    """One atom a chain, some of them in the sound map, as far apart as atoms are."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    names = ("".join(name) for n in (1, 2, 3, 4) for name in itertools.product(letters, repeat=n))
    at = np.random.default_rng(3).uniform(-40, 80, (count, 3))
    head = CIF[: CIF.index("ATOM")]
    rows = (
        f"ATOM {n + 1} C CA . ALA {name} 1 1 {x:.3f} {y:.3f} {z:.3f} 1.00 20.00 1 {name} 1\n"
        for n, (name, (x, y, z)) in enumerate(zip(names, at, strict=False))
    )
    return (head + "".join(rows) + "#\n").encode()


def _models(count):
    rows = CIF[CIF.index("ATOM") : -2]
    return (CIF[: CIF.index("ATOM")] + "".join(rows.replace(" 1\n", f" {n + 1}\n") for n in range(count))).encode()


def _altlocs():
    """Both locations of every atom, the second a little off."""
    head, rows = CIF[: CIF.index("ATOM")], CIF[CIF.index("ATOM") : -2].splitlines()
    both = [row.replace(" . ", f" {letter} ").replace("1.00", "0.50") for row in rows for letter in "BA"]
    return ("\n".join([head.rstrip(), *both]) + "\n").encode()


ODD_TEXT = """data_9ABC
_struct.title 'it's a title with ; and "quotes" and data_ in it'
_struct.pdbx_descriptor
;loop_
_atom_site.Cartn_x
1.0
ATOM 1 C CA
;
_audit_author.name "O'Neill; B."
"""


def _quoted():
    """Names in quotes, a text block among the atoms, and texts that look like atoms before them."""
    text = _rows(lambda n, cells: cells.__setitem__(NAME, (f'"{cells[NAME]}\'"', f"'{cells[NAME]}\"'")[n % 2])).decode()
    first = text.index("ATOM")
    place = text.index(" . ", first)
    return (ODD_TEXT + text[text.index("loop_") : place] + "\n;.\n;\n" + text[place + 3 :]).encode()


def _model_bomb(path):
    """A model and zeros behind it, packed."""
    block = gzip.compress(bytes(BLOCK_BYTES), 9, mtime=0)
    path.write_bytes(_zip(_cif()) + block * (BOMB_BYTES // BLOCK_BYTES + 1))


def _sparse(path):
    """A model with a hole behind it, larger than any."""
    path.write_bytes(_cif())
    with open(path, "r+b") as stream:
        stream.truncate((2 << 30) + 1)


MODELS = [
    _bytes("no-loop.cif", lambda: b"data_9ABC\n_struct.title x\n", "model_no_atoms"),
    _bytes("no-rows.cif", lambda: _cif(CIF[: CIF.index("ATOM")]), "model_no_atoms"),
    _bytes("no-atoms.pdb", lambda: b"HEADER    NOTHING\nEND\n", "model_no_atoms"),
    _bytes("hydrogens.cif", _cell(ELEMENT, "H"), "model_no_atoms"),
    _bytes("hydrogens.pdb", lambda: _pdb(element="H", name="H"), "model_no_atoms"),
    _bytes("deuteriums.cif", _cell(ELEMENT, "D"), "model_no_atoms"),
    _bytes("some-deuteriums.cif", _cell(ELEMENT, "D", 3), "scored"),
    _bytes("waters.cif", _cell(RESIDUE, "HOH"), "model_only_water"),
    _bytes("waters.pdb", lambda: _pdb(residue="HOH", name="O", element="O"), "model_only_water"),
    _bytes("nan.cif", _cell(X, "nan"), "model_unreadable"),
    _bytes("unknown.cif", _cell(X, "?"), "model_unreadable"),
    _bytes("some-nan.cif", _cell(X, "nan", 3), "scored"),
    _bytes("inf.cif", _cell(X, "inf"), "model_unreadable"),
    _bytes("overflow.cif", _cell(X, "1e999"), "model_unreadable"),
    _bytes("far.cif", _cell(X, "1e8"), "model_outside_map"),
    _bytes("some-far.cif", _cell(X, "-1e8", 7), "scored"),
    _bytes("some-farthest.cif", _cell(X, "1e300", 7), "scored"),
    _bytes("far.pdb", lambda: _cell_of_pdb(_pdb(), 30, "9999.999"), "model_outside_map"),
    _bytes("nan.pdb", lambda: _cell_of_pdb(_pdb(), 30, "     nan"), "model_unreadable"),
    _bytes("stars.pdb", lambda: _cell_of_pdb(_pdb(), 30, "********"), "model_unreadable"),
    _bytes("two-at-one-place.cif", lambda: mmcif("9abc", [ATOMS[0], *ATOMS]).encode(), "scored"),
    _bytes("all-at-one-place.cif", lambda: mmcif("9abc", ATOMS[[0] * 40]).encode(), "scored"),
    _bytes("models-38.cif", lambda: _models(38), "scored"),
    _bytes("insertions.cif", lambda: _cif(CIF.replace("pdbx_PDB_model_num", "pdbx_PDB_ins_code")), "scored"),
    _bytes("insertions.pdb", lambda: _cell_of_pdb(_pdb(number=52), 26, "A"), "scored"),
    _bytes("chain-names.cif", _cell(CHAIN, lambda n: ("ABCD", "AAA-2", "a1", "*")[n // 10]), "scored"),
    _bytes("long-chain-name.cif", _cell(CHAIN, "A" * 200), "scored"),
    _bytes("endless-chain-name.cif", _cell(CHAIN, "A" * 300_000, 40), "model_unreadable", big=True),
    _bytes("blank-chains.cif", _cell(CHAIN, "."), "scored"),
    _bytes("blank-chains.pdb", lambda: _pdb(chain=" "), "scored"),
    _bytes("negative-numbers.cif", _cell(NUMBER, lambda n: str(n // 5 - 9)), "scored"),
    _bytes("negative-numbers.pdb", lambda: _pdb(number=-12), "scored"),
    _bytes("altlocs.cif", _altlocs, "scored"),
    _bytes("unknown-elements.cif", _cell(ELEMENT, lambda n: ("X", "ZZ", "?", ".", "Unobtainium")[n % 5]), "scored"),
    _bytes("unknown-elements.pdb", lambda: _pdb(element="ZZ"), "scored"),
    _bytes("chains-100000.cif", _many_chains, "scored", big=True),
    _bytes("quotes.cif", _quoted, "scored"),
    _bytes(
        "open-quote.cif",
        lambda: _cif(CIF.replace("data_9ABC\n", "data_9ABC\n_struct.title 'never closed\n")),
        "model_unreadable",
    ),
    _bytes(
        "open-text.cif",
        lambda: _cif(CIF.replace("data_9ABC\n", "data_9ABC\n_struct.title\n;never closed\n")),
        "model_unreadable",
    ),
    _bytes("extended-id.cif", lambda: _cif(CIF.replace("data_9ABC", "data_pdb_00009abc")), "scored"),
    _bytes("no-name.cif", lambda: _cif(CIF.replace("data_9ABC", "data_")), "scored"),
    _bytes("blocks.cif", lambda: _cif("data_first\n_struct.title x\n" + CIF + CIF.replace("9ABC", "second")), "scored"),
    _bytes("blocks-of-one-name.cif", lambda: _cif(CIF + CIF), "model_unreadable"),
    _bytes("no-block.cif", lambda: _cif(CIF.removeprefix("data_9ABC\n")), "model_unreadable"),
    _bytes(
        "with-cell.cif", lambda: _cif(CIF.replace("#\nloop_", "_cell.length_a 0\n_cell.length_b nan\nloop_")), "scored"
    ),
    _bytes("cut.cif", lambda: _cif()[:-60], "model_unreadable"),
    _bytes("cut-head.cif", lambda: _cif()[:150], "model_no_atoms"),
    _bytes("cut.pdb", lambda: _pdb()[:-40], "model_unreadable"),
    _bytes("cut.cif.gz", lambda: _zip(_cif())[:-100], "model_unreadable"),
    _bytes("not-zipped.cif.gz", _cif, "scored"),
    _bytes("rubbish-behind.cif.gz", lambda: _zip(_cif()) + b"what is this?", "model_unreadable"),
    _bytes(
        "not-utf-8.cif",
        lambda: CIF.replace("#\n", "_struct.title 'prot\xe9ine \xff\xfe'\n", 1).encode("latin-1"),
        "scored",
    ),
    _bytes("not-utf-8-names.cif", lambda: _cell(CHAIN, "\xe9")().decode().encode("latin-1"), "scored"),
    _bytes("not-utf-8-residues.cif", lambda: _cell(RESIDUE, "AL\xe9", 7)().decode().encode("latin-1"), "scored"),
    _bytes("not-utf-8.pdb", lambda: b"TITLE     PROT\xe9INE \xff\n" + _pdb(), "scored"),
    _bytes("not-utf-8-names.pdb", lambda: _pdb(chain="\xe9").decode().encode("latin-1"), "scored"),
    _bytes("nul.cif", lambda: _cif(CIF.replace("ALA", "A\0A")), "model_unreadable"),
    _bytes("byte-order-mark.cif", lambda: b"\xef\xbb\xbf" + _cif(), "scored"),
    _bytes("windows.cif", lambda: _cif(CIF.replace("\n", "\r\n")), "scored"),
    _bytes("blank-coordinates.pdb", lambda: _cell_of_pdb(_pdb(), 38, "        "), "model_unreadable"),
    _bytes("utf-16.cif", lambda: CIF.encode("utf-16"), "model_unreadable"),
    _bytes("cif.pdb", _cif, "model_unreadable"),
    _bytes("pdb.cif", _pdb, "model_unreadable"),
    _bytes("page.cif", lambda: PAGE, "model_unreadable"),
    _bytes("page.cif.gz", lambda: PAGE, "model_unreadable"),
    _bytes("page.pdb", lambda: PAGE, "model_no_atoms"),
    _bytes("map.cif", _map, "model_unreadable"),
    _bytes("empty.cif", bytes, "model_unreadable"),
    _bytes("empty.pdb", bytes, "model_no_atoms"),
    Odd("bomb.cif.gz", _model_bomb, "model_unreadable", big=True),
    Odd("sparse.cif", _sparse, "model_unreadable", big=True),
    Odd("folder.cif", Path.mkdir, "model_missing"),
    Odd("none.cif", lambda path: None, "model_missing"),
]
