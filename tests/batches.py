"""Batches of small pairs as a survey has fetched them."""

from pairs import write_pair

from qscore import archive, tables


def fetched_batch(folder, n):
    """The folder of a fetched batch of n pairs, EMD-0 and own0 on; the batch as planned is `b.tsv` beside it."""
    rows = []
    for k in range(n):
        write_pair(folder / "data" / f"p{k}", seed=k, n=12)
        files = {"map_file": f"p{k}/map.map", "model_file": f"p{k}/model.pdb"}
        rows.append({"emdb_id": f"EMD-{k}", "pdb_id": f"own{k}"} | files)
    tables.write_tsv(folder / "b.tsv", tables.BATCH, tables.as_columns(tables.BATCH, rows))
    places = archive.TablePlaces(folder / "data")
    archive.fetch_batch(folder / "b.tsv", folder / "fetched", places, workshop=folder / "parts")
    return folder / "fetched"
