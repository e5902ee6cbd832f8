"""A small archive of synthetic pairs in EMDB's and wwPDB's layout, played by a local server.

`Archive` holds the entries as plain dicts, which a test may change between two runs (a new week, a re-released map,
an obsolete entry, a corrected title); `serve` answers search, entry documents, holdings, GraphQL and reports from
them as they are at that moment.
"""

import csv
import gzip
import io
import json
import re
from urllib.parse import unquote

import numpy as np
from pairs import random_atoms, smooth_map, write_map

SHAPE, STEP = (16, 18, 20), 1.1
WEDNESDAYS = ("2024-01-03", "2024-01-10", "2024-02-07", "2024-03-06", "2024-05-01", "2025-01-08")
MULTI = ("resolution", "resolution_method", "fitted_pdbs", "xref_UNIPROTKB", "software")
DIALECTS = ("quoted", "bare", "repeated")


class Archive:
    """`n` pairs of some weeks below a folder: ``emdb/…`` and ``pdb/…``; `entries` describes them."""

    def __init__(self, folder, n=60, *, weeks=6):
        self.folder, self.entries, self.weeks = folder, [], WEDNESDAYS[:weeks]
        for k in range(n):
            self.add(k)

    @property
    def maps(self):
        return self.folder / "emdb" / "structures"

    @property
    def models(self):
        return self.folder / "pdb" / "data" / "structures" / "divided" / "mmCIF"

    def add(self, k, *, released=None):
        """One more entry, of the number 10000 + k."""
        entry = {
            "number": 10000 + k,
            "emdb_id": f"EMD-{10000 + k}",
            "pdb_id": f"9{'abcdefghij'[k // 100 % 10]}{'abcdefghij'[k // 10 % 10]}{k % 10}",
            "title": f"A complex of parts, number {k}",
            "resolution": round(2.0 + (k % 30) * 0.1, 2),
            "method": "singleParticle",
            "released": released or self.weeks[k % len(self.weeks)],
            "update": released or self.weeks[k % len(self.weeks)],
            "status": "REL",
            "uniprot": [f"P{10000 + k // 2}"],
            "doi": f"10.1000/paper.{k // 3}",
            "q": round(0.3 + (k % 7) / 20, 3),
        }
        self.entries.append(entry)
        self.write_files(entry, seed=k)
        return entry

    def write_files(self, entry, *, seed, shape=SHAPE):
        """Map and model of an entry, from a seed."""
        rng = np.random.default_rng(seed)
        plain = self.map_file(entry).with_suffix("")
        plain.parent.mkdir(parents=True, exist_ok=True)
        values = smooth_map(rng, shape)
        write_map(plain, values, step=STEP)
        self.map_file(entry).write_bytes(gzip.compress(plain.read_bytes(), 1, mtime=0))
        plain.unlink()
        entry["statistics"] = {"minimum": float(values.min()), "maximum": float(values.max()), "std": 1.0}
        high = (np.array(SHAPE[::-1]) - 1) * STEP
        atoms = random_atoms(rng, np.full(3, 2.0), high - 2.0, 20)
        self.model_file(entry).parent.mkdir(parents=True, exist_ok=True)
        self.model_file(entry).write_bytes(gzip.compress(mmcif(entry["pdb_id"], atoms).encode(), 1, mtime=0))

    def map_file(self, entry):
        return self.maps / entry["emdb_id"] / "map" / f"emd_{entry['number']}.map.gz"

    def model_file(self, entry):
        return self.models / entry["pdb_id"][1:3] / f"{entry['pdb_id']}.cif.gz"

    def serve(self, server, *, dialect="quoted", trees=True):
        """Answer on a server as EMDB's API, as its file tree, as wwPDB's, and as RCSB."""
        if trees:
            server.serve_tree("/pub/emdb/structures", self.maps)
            server.serve_tree("/pub/pdb/data/structures/divided/mmCIF", self.models)
        server.answer("/emdb/api/search/*", lambda *request: self._search(dialect, *request))
        server.answer("/emdb/api/entry/*", self._entry)
        server.answer("/holdings.json", lambda *request: _json({e["emdb_id"]: {} for e in self._released()}))
        server.answer("/graphql", self._graphql)
        return server

    def config(self, base):
        """The `archive` section of a configuration for a server at an address."""
        return {
            "api": f"{base}/emdb/api",
            "maps": [f"{base}/pub/emdb/structures"],
            "models": [f"{base}/pub/pdb/data/structures/divided/mmCIF"],
            "graphql": f"{base}/graphql",
            "reports": [f"{base}/reports"],
            "holdings": f"{base}/holdings.json",
        }

    def _released(self):
        return [entry for entry in self.entries if entry["status"] == "REL"]

    # ---- answers ----

    def document(self, entry):
        """What the archive's document of an entry holds."""
        return document(entry)

    def _search(self, dialect, method, path, query, headers, body):
        words = unquote(path.rsplit("/search/", 1)[1])
        named = set(re.findall(r"EMD-\d+", words))
        chosen = [entry for entry in self.entries if not named or entry["emdb_id"] in named]
        rows, page = int(query.get("rows", ["10"])[0]), int(query.get("page", ["1"])[0])
        chosen = chosen[(page - 1) * rows : page * rows]
        if query.get("wt") == ["csv"]:
            return 200, {"Content-Type": "text/csv"}, self._csv(chosen, query["fl"][0].split(","), dialect).encode()
        return _json([self.document(entry) | {"_id": str(entry["number"])} for entry in chosen])

    def _csv(self, entries, fields, dialect):
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(fields)
        for entry in entries:
            row = search_row(entry)
            models = row["fitted_pdbs"].split(",")
            for model in models if dialect == "repeated" else [row["fitted_pdbs"]]:
                writer.writerow([(row | {"fitted_pdbs": model}).get(name, "") for name in fields])
        text = out.getvalue()
        return text if dialect != "quoted" else re.sub(r",(9[a-j][a-j]\d),", r',"\1",', text)

    def _entry(self, method, path, query, headers, body):
        named = path.rsplit("/", 1)[1]
        found = [entry for entry in self.entries if entry["emdb_id"] == named]
        return _json(self.document(found[0])) if found else (404, {"Content-Type": "text/plain"}, b"no such entry\n")

    def _graphql(self, method, path, query, headers, body):
        asked = {name.lower() for name in re.findall(r"\b(9[A-Ja-j][A-Ja-j]\d)\b", body.decode())}
        found = [
            {
                "rcsb_id": entry["pdb_id"].upper(),
                "rcsb_accession_info": {"revision_date": f"{entry['released']}T00:00:00Z"},
                "pdbx_vrpt_summary_em": [{"Q_score": entry["q"]}] if entry["q"] is not None else None,
            }
            for entry in self.entries
            if entry["pdb_id"] in asked
        ]
        return _json({"data": {"entries": found}})


def _json(content):
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()


def search_row(entry):
    """What the search knows of an entry, by column; multi-valued cells joined, commas escaped."""
    day = f"{entry['released']}T00:00:00Z"
    return {
        "emdb_id": entry["emdb_id"],
        "title": entry["title"].replace(",", "\\,"),
        "current_status": entry["status"],
        "structure_determination_method": entry["method"],
        "resolution": entry["resolution"],
        "resolution_method": "FSC 0.143 CUT-OFF",
        "fitted_pdbs": entry["pdb_id"],
        "map_pixel_spacing_x": STEP,
        "image_reconstruction_point_group": "C1",
        "deposition_date": day,
        "header_release_date": day,
        "map_release_date": day if entry["status"] == "REL" else "",
        "obsolete_date": day if entry["status"] == "OBS" else "",
        "update_date": f"{entry['update']}T00:00:00Z",
        "xref_UNIPROTKB": ",".join(entry["uniprot"]),
        "xref_DOI": f"doi:{entry['doi']}",
        "software": "RELION",
    }


def document(entry):
    """An entry document with the branches that are read, and some that are odd."""
    nz, ny, nx = SHAPE
    return {
        "emdb_id": entry["emdb_id"],
        "admin": {
            "title": entry["title"],
            "current_status": {"code": {"valueOf_": entry["status"]}},
            "key_dates": {
                "deposition": f"{entry['released']}T00:00:00",
                "map_release": f"{entry['released']}T00:00:00",
                "update": f"{entry['update']}T00:00:00",
            },
            "authors_list": {"author": [{"valueOf_": "Somebody A"}, {"valueOf_": "Other B"}]},
        },
        "crossreferences": {
            "citation_list": {"primary_citation": {"citation_type": {"external_references": [
                {"type_": "DOI", "valueOf_": f"doi:{entry['doi']}"}]}}},
            "pdb_list": {"pdb_reference": [
                {"pdb_id": entry["pdb_id"], "relationship": {"in_frame": "FULLOVERLAP"}}]},
        },
        "map": {
            "file": f"emd_{entry['number']}.map.gz",
            "size_kbytes": 1 + 4 * nx * ny * nz // 1000,
            "dimensions": {"col": nx, "row": ny, "sec": nz},
            "pixel_spacing": {axis: {"units": "Å", "valueOf_": str(STEP)} for axis in "xyz"},
            "statistics": entry["statistics"],
            "contour_list": {"contour": {"primary": True, "level": 1.5}},
        },
        "sample": {
            "name": {"valueOf_": f"complex {entry['number'] // 2}"},
            "macromolecule_list": {"macromolecule": [{
                "instance_type": "protein_or_peptide",
                "name": {"valueOf_": "a part"},
                "number_of_copies": "2",
                "sequence": {"external_references": [
                    {"type_": "UNIPROTKB", "valueOf_": name} for name in entry["uniprot"]]},
            }]},
            "supramolecule_list": None,
        },
        "structure_determination_list": {"structure_determination": [{
            "method": entry["method"],
            "image_processing": [{"final_reconstruction": {
                "resolution": {"units": "Å", "valueOf_": str(entry["resolution"])},
                "resolution_method": "FSC 0.143 CUT-OFF",
                "applied_symmetry": {"point_group": "C1"},
            }}],
        }]},
    }  # fmt: skip


def mmcif(name, atoms):
    """A model of alanines as mmCIF text."""
    columns = ("group_PDB", "id", "type_symbol", "label_atom_id", "label_alt_id", "label_comp_id", "label_asym_id",
               "label_entity_id", "label_seq_id", "Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv",
               "auth_seq_id", "auth_asym_id", "pdbx_PDB_model_num")  # fmt: skip
    lines = [f"data_{name.upper()}", "#", "loop_", *(f"_atom_site.{column}" for column in columns)]
    for n, (x, y, z) in enumerate(atoms):
        atom, number = ("N", "CA", "C", "O", "CB")[n % 5], 1 + n // 5
        lines.append(
            f"ATOM {n + 1} {atom[0]} {atom} . ALA A 1 {number} {x:.3f} {y:.3f} {z:.3f} 1.00 20.00 {number} A 1"
        )
    return "\n".join(lines) + "\n#\n"
