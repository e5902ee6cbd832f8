"""The embedded demonstration archive: synthetic maps, models and entry documents in EMDB's layout.

Nothing here was measured. Molecules come from ideal geometry (:mod:`qscore.synthetic.peptide`), maps from
their simulated density with noise (:mod:`qscore.simulate`). Some entries carry planted defects
that a survey must notice; ``planted.json`` beside the archive says which.
"""

import gzip
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

from qscore.stored import UNFINISHED
from qscore.synthetic.documents import document
from qscore.synthetic.entries import ENTRIES
from qscore.synthetic.maps import contour, map_file, render, stored
from qscore.synthetic.models import model_text
from qscore.synthetic.molecules import assemble

SHIFT = (-3.1, 4.7, 4.2)
README = """Synthetic demonstration archive
===============================
Every map, model and entry document in this folder is synthetic: made by `qscore demo` from ideal
geometry, simulated density and noise, in the layout of EMDB and the PDB. Nothing was measured,
and no id here is, or will be, that of a real entry. planted.json names the planted defects.
"""


def build_archive(folder, *, seed=2026, progress=None, only=None):
    """Write the demonstration archive; it appears under its name only when it is whole.

    Parameters
    ----------
    folder : path-like
        New or empty folder; its parent is made.
    seed : int
        Seed of the noise, the sequences and the placing; the same seed gives the same bytes.
    progress : callable, optional
        Called with (done, total, label) before each entry and at the end.
    only : collection of str, optional
        EMD ids to build; all when None.

    Returns
    -------
    list of dict
        One record an entry: `emdb_id`, `pdb_id`, `kind`, `resolution`, `defect` and the truth of a
        planted defect, as written to ``planted.json``.

    Raises
    ------
    FileExistsError
        When `folder` exists and is not an empty folder.
    ValueError
        When `only` names an unknown entry.
    """
    folder = Path(folder).absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not an empty folder")
    entries = _selected(only)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=UNFINISHED, dir=folder.parent))
    try:
        records = _write_all(temporary, entries, seed, progress or (lambda *_: None))
        temporary.chmod(0o755)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return records


def _selected(only):
    unknown = set(only or ()) - {entry.emdb_id for entry in ENTRIES}
    if unknown:
        raise ValueError(f"not in the demonstration archive: {', '.join(sorted(unknown))}")
    return [entry for entry in ENTRIES if only is None or entry.emdb_id in only]


def _write_all(root, entries, seed, progress):
    records = []
    for done, entry in enumerate(entries):
        progress(done, len(entries), entry.emdb_id)
        records.append(_write_entry(root, entry, np.random.default_rng([seed, entry.number])))
    progress(len(entries), len(entries), "done")
    (root / "README").write_text(README, encoding="utf-8")
    (root / "planted.json").write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    return records


def _write_entry(root, entry, rng):
    atoms, truth = assemble(entry, rng)
    density, start, intervals, atoms, step = render(entry, atoms, rng)
    if entry.defect == "hand":
        density, truth = density[::-1], {"mirrored_axis": "z"}
    if entry.defect == "shifted":
        atoms["xyz"] += SHIFT
        truth = {"shift": list(SHIFT)}
    values = stored(density, entry.mode)
    content, numbers = map_file(entry, values, start=start, intervals=intervals, step=step)
    _write_map(root, entry, content)
    if entry.defect != "missing":
        _write_model(root, entry, atoms)
    numbers["contour"] = contour(values, len(atoms), step)
    _write_json(root / "emdb" / "api" / "entry" / f"{entry.emdb_id}.json", document(entry, atoms, numbers))
    keys = ("emdb_id", "pdb_id", "kind", "resolution", "defect")
    return {key: getattr(entry, key) for key in keys} | truth


def _write_map(root, entry, content):
    path = root / "emdb" / "structures" / entry.emdb_id / "map" / entry.map_name
    _write_gzip(path, content, keep=0.6 if entry.defect == "truncated" else 1.0)


def _write_model(root, entry, atoms):
    path = root / "pdb" / "data" / "structures" / "divided" / "mmCIF" / entry.pdb_id[-3:-1]
    _write_gzip(path / f"{entry.pdb_id}.cif.gz", model_text(entry, atoms).encode())


def _write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_gzip(path, content, *, keep=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(content, compresslevel=1, mtime=0)
    path.write_bytes(packed[: int(len(packed) * keep)])
