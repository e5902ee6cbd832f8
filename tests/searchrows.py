"""Synthetic entries, and the search's CSV about them in EMDB's dialect; all from a seed.

`entries` are what is true, as plain values; `answer` is what the search would send. Neither imports the package.

    truth = searchrows.entries(500, seed=1)
    body = searchrows.answer(truth, dialect="mixed")
"""

import csv
import io
import random

# The columns a search has been seen to return, or that other clients ask for; some are never asked for here.
COLUMNS = (
    "emdb_id", "structure_determination_method", "deposition_date", "header_release_date", "map_release_date",
    "update_date", "obsolete_date", "withdrawn_date", "deposition_site", "resolution", "resolution_method",
    "author_resolution_fsc_0143_value", "calculated_resolution_fsc_0143_value", "map_model_resolution_fsc_05_value",
    "half_map_filename", "map_pixel_spacing_x", "image_reconstruction_point_group", "particle_selected_count",
    "total_number_images", "image_reconstruction_software", "software", "acceleration_voltage", "microscope_name",
    "fitted_pdbs", "xref_PDB", "molecular_weight_theoretical_value", "molecular_weight_theoretical_unit",
    "overall_molecular_weight", "xref_DOI", "xref_PUBMED", "primary_citation_title", "title", "current_status",
    "sample_info_string", "xref_UNIPROTKB",
)  # fmt: skip
DIALECTS = ("quoted", "bare", "repeated", "mixed")
BY_0143 = "FSC 0.143 CUT-OFF"
METHODS = ("singleParticle",) * 17 + ("subtomogramAveraging", "helical", "tomography")
PROGRAMS = ("RELION", "cryoSPARC", "cisTEM", "EMAN2", "MotionCor2", "CTFFIND, version 4", "Gctf")
NAMES = ("ribosome", "P/E, A/P tRNA complex", "Spike protein", "β-galactosidase", "proteasome 20S", "TRPV1")
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def entries(n, *, seed=0):
    """`n` entries, each a dict of plain values; about three quarters released, 43 % with a model."""
    rng = random.Random(seed)
    return [_entry(rng, k) for k in range(n)]


def _entry(rng, k):
    released = rng.random() < 0.756
    year, month, day = rng.randrange(2008, 2027), rng.randrange(1, 13), rng.randrange(1, 29)
    date = f"{year}-{month:02d}-{day:02d}"
    method = rng.choice(METHODS) if rng.random() > 0.003 else "electronCrystallography"
    resolution = round(min(max(rng.lognormvariate(1.25, 0.45), 1.0), 45.0), 2)
    paper = k // rng.choice((1, 3, 3, 5))
    return {
        "emdb_id": f"EMD-{k + 1:04d}",
        "status": "REL" if released else rng.choice(("HPUB", "HOLD", "OBS", "WDRN")),
        "date": date,
        "update": f"{min(year + rng.randrange(3), 2026)}-{month:02d}-{day:02d}",
        "method": method,
        "resolutions": _resolutions(rng, resolution),
        "calculated": round(resolution * 1.02, 4) if rng.random() < 0.6 else None,
        "map_model": round(resolution * 1.1, 4) if rng.random() < 0.4 else None,
        "voxel": round(resolution / rng.uniform(2.1, 4), 4),
        "point_group": rng.choice(("C1", "C1", "C2", "C3", "D7", "O", "I")),
        "models": _models(rng, k) if rng.random() < (0.57 if released else 0.3) else [],
        "software": sorted(rng.sample(PROGRAMS, rng.randrange(0, 4))),
        "doi": f"10.1093/nar/gkag{paper:06d}" if rng.random() < 0.8 else "",
        "pubmed": str(40_000_000 + paper) if rng.random() < 0.7 else "",
        "uniprot": sorted({f"P{rng.randrange(100000):05d}" for _ in range(rng.choice((0, 1, 1, 2, 5)))}),
        "title": f"Cryo-EM structure of {rng.choice(NAMES)}, state {k}",
        "sample": f"{rng.choice(NAMES)} {k % 97}",
    }


def _resolutions(rng, value):
    """(value, criterion) of each; a few entries have none or several."""
    chance = rng.random()
    if chance < 0.002:
        return []
    if chance < 0.004:
        return [(value, BY_0143), (round(value + 0.5, 2), "FSC 0.5 CUT-OFF")][:: rng.choice((1, -1))]
    if chance < 0.005:
        return [(value, "FSC 0.5 CUT-OFF"), (round(value + 0.7, 2), "OTHER")]
    return [(value, BY_0143 if rng.random() < 0.9 else "FSC 0.5 CUT-OFF")]


def _models(rng, k):
    count = 1 if rng.random() > 0.01 else rng.randrange(2, 12)
    names = []
    for _ in range(count):
        letters = "".join(rng.choice(LETTERS) for _ in range(3))
        names.append(f"pdb_10001{letters}" if rng.random() < 0.002 else f"{rng.randrange(1, 10)}{letters}")
    return list(dict.fromkeys(names))


def row(entry, rng=None):
    """Cells of an entry as text, ids in the forms in which they come."""
    rng = rng or random.Random(0)
    stamp = f"{entry['date']}T00:00:00Z"
    values, criteria = zip(*entry["resolutions"], strict=True) if entry["resolutions"] else ((), ())
    by_0143 = [value for value, criterion in entry["resolutions"] if criterion == BY_0143]
    models = [_as_it_comes(name, rng) for name in entry["models"]]
    released = entry["status"] == "REL"
    return {
        "emdb_id": entry["emdb_id"],
        "structure_determination_method": entry["method"],
        "deposition_date": stamp,
        "header_release_date": stamp,
        "map_release_date": stamp if released or entry["status"] == "OBS" else "",
        "update_date": f"{entry['update']}T00:00:00Z",
        "obsolete_date": stamp if entry["status"] == "OBS" else "",
        "withdrawn_date": stamp if entry["status"] == "WDRN" else "",
        "deposition_site": "PDBe",
        "resolution": joined(values),
        "resolution_method": joined(criteria),
        "author_resolution_fsc_0143_value": joined(by_0143),
        "calculated_resolution_fsc_0143_value": _number(entry["calculated"]),
        "map_model_resolution_fsc_05_value": _number(entry["map_model"]),
        "half_map_filename": joined(f"emd_{entry['emdb_id'][4:]}_half_map_{k}.map.gz" for k in (1, 2)),
        "map_pixel_spacing_x": _number(entry["voxel"]),
        "image_reconstruction_point_group": entry["point_group"],
        "particle_selected_count": rng.randrange(10_000, 2_000_000),
        "total_number_images": rng.randrange(1000, 20_000),
        "image_reconstruction_software": joined(entry["software"]),
        "software": joined(entry["software"]),
        "acceleration_voltage": "300",
        "microscope_name": "FEI TITAN KRIOS",
        "fitted_pdbs": joined(models),
        "xref_PDB": joined(models),
        "molecular_weight_theoretical_value": f"{rng.random():.5f}",
        "molecular_weight_theoretical_unit": "MDa",
        "overall_molecular_weight": f"{rng.random() * 1000:.2f}",
        "xref_DOI": f"doi:{entry['doi']}" if entry["doi"] else "",
        "xref_PUBMED": entry["pubmed"],
        "primary_citation_title": escaped(entry["title"]) if entry["doi"] else "To Be Published",
        "title": escaped(entry["title"]),
        "current_status": entry["status"],
        "sample_info_string": escaped(entry["sample"]),
        "xref_UNIPROTKB": joined(entry["uniprot"]),
    }


def _as_it_comes(pdb_id, rng):
    """In either case, and now and then in the long form."""
    chance = rng.random()
    if chance < 0.05 and len(pdb_id) == 4:
        return f"pdb_0000{pdb_id}"
    return pdb_id.upper() if chance < 0.3 else pdb_id


def _number(value):
    return "" if value is None else str(value)


def escaped(text):
    return str(text).replace(",", "\\,")


def joined(values):
    """Several values in one cell."""
    return ",".join(escaped(value) for value in values)


def answer(truth, *, columns=COLUMNS, dialect="mixed", seed=0):
    """The CSV of a search, bytes; rows in no order. `dialect` says how several models of an entry are told."""
    rng, out = random.Random(seed), io.StringIO()
    plain, quoted = (csv.writer(out, lineterminator="\n", quoting=how) for how in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
    plain.writerow(columns)
    for entry in rng.sample(truth, len(truth)):
        cell = row(entry, rng)
        how = rng.choice(DIALECTS[:3]) if dialect == "mixed" else dialect
        writer = quoted if how == "quoted" else plain
        models = cell["fitted_pdbs"].split(",") if how == "repeated" else [cell["fitted_pdbs"]]
        for model in models:
            writer.writerow([(cell | {"fitted_pdbs": model})[name] for name in columns])
    return out.getvalue().encode()
