"""The rules' commands that ask the archives: snapshot, catalogue, published, fetch."""

from __future__ import annotations

import datetime
import logging
from collections import Counter
from pathlib import Path

import click

from qscore import letters
from qscore.options import EXISTING
from qscore.sites import EMDB_API, GRAPHQL, MAP_BASES, MODEL_BASES, REPORT_BASES

METHODS = ("singleParticle", "subtomogramAveraging", "helical", "tomography")
PLACE = click.Path(path_type=Path)


def _with(command, options):
    for option in reversed(options):
        command = option(command)
    return command


def manners_options(command):
    """The options that say how servers are asked; gathered by `manners_of`."""
    options = (
        click.option("--contact", default="", help="Your address, told to the servers."),
        click.option("--patience-minutes", type=float, default=60, show_default=True, help="A server is waited for."),
        click.option("--read-seconds", type=float, default=60, show_default=True, help="Silence, then another try."),
        click.option("--api-per-second", type=float, default=3, show_default=True, help="Most requests to an API."),
    )  # fmt: skip
    return _with(command, options)


def base_options(command):
    """The options that say where files come from."""
    maps = click.option("--maps", multiple=True, default=MAP_BASES, help="Base of maps; may be repeated.")
    models = click.option("--models", multiple=True, default=MODEL_BASES, help="Base of models; may be repeated.")
    return _with(command, (maps, models))


def rule_options(command):
    """The options of what the catalogue takes; gathered into a `CatalogueRule`."""
    options = (
        click.option("--method", "methods", multiple=True, default=METHODS, help="Method of structure determination."),
        click.option("--resolution-method", "resolution_methods", multiple=True, help="Criterion of resolution taken."),
        click.option("--lowest", type=float, default=0.5, show_default=True, help="Lowest resolution, Å."),
        click.option("--highest", type=float, default=50, show_default=True, help="Highest resolution, Å."),
        click.option("--models-of-a-map", "per_map", type=click.Choice(["all", "first"]), default="all"),
        click.option("--composite/--no-composite", default=True, help="Take maps assembled from several."),
        click.option("--most-map-mb", type=float, default=0, help="Largest map, MB uncompressed; 0 for any."),
        click.option("--in-frame", multiple=True, help="Relation of model and map taken."),
        click.option("--only", type=click.Choice(["", "apoferritin"]), default="", help="A subset alone."),
        click.option("--ids", multiple=True, help="EMD-n or EMD-n/pdb taken alone."),
    )
    return _with(command, options)


def manners_of(given: dict) -> dict:
    """Options → keyword arguments of `qscore.web.Manners`; takes them out of `given`."""
    manners = {key: given.pop(key) for key in ("contact", "read_seconds", "api_per_second")}
    return manners | {"patience_seconds": 60 * given.pop("patience_minutes")}


def rule_of(given: dict):
    """Options → the catalogue's rule; takes them out of `given`."""
    from qscore.catalogue import CatalogueRule

    same = ("methods", "resolution_methods", "lowest", "highest", "composite", "most_map_mb", "in_frame", "only")
    others = {"models": given.pop("per_map"), "only_ids": given.pop("ids")}
    return CatalogueRule(**others, **{key: given.pop(key) for key in same})


def web_of(manners: dict):
    """A session with servers that says in the log when it waits."""
    from qscore.web import Manners, Web

    logger = logging.getLogger("qscore")
    if not logger.handlers:
        logger.addHandler(letters.handler())
    logger.setLevel(logging.INFO)
    return Web(Manners(**manners))


def progress_of(what: str):
    """A bar on a terminal, else a line in the log now and then: a callable (done, total, label)."""
    from qscore import show

    return show.progress(what)


@click.command()
@click.option("--api", default=EMDB_API, show_default=True, help="EMDB's API.")
@click.option("--query", default="*:*", show_default=True, help="Query of EMDB's search.")
@click.option("--ids", multiple=True, help="EMD-n or EMD-n/pdb: these alone, without a search.")
@click.option("--out", type=PLACE, required=True, help="Folder of the answer.")
@manners_options
def snapshot(api, query, ids, out, **manners):
    """Ask EMDB's search for every entry and keep the answer with its date and sha256.

    Example: qscore snapshot --out results/emdb/snapshot
    """
    click.echo(new_snapshot(api, out, query=query, ids=ids, manners=manners))


def new_snapshot(api: str, out: Path, *, query: str, ids, manners: dict) -> str:
    """Take a snapshot into a folder; a line about it."""
    from qscore import snapshot as stage

    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    if ids:
        facts = stage.take_listed(out, ids, today=today)
    else:
        with web_of(manners_of(dict(manners))) as web:
            facts = stage.take(web, api, out, query=query, today=today)
    return f"{facts['entries']} entries, {today}"


@click.command()
@click.option("--table", type=EXISTING, help="Table of one's own pairs.")
@click.option("--scored", is_flag=True, help="The table has Q; it names no files.")
@click.option("--documents", type=EXISTING, help="Folder of EMDB entry documents.")
@click.option("--snapshot", "stored", type=EXISTING, help="Folder of `qscore snapshot`.")
@click.option("--cache", type=PLACE, help="Folder of the entry documents asked for (with --snapshot).")
@click.option("--read-documents/--no-read-documents", default=True, help="Ask for entry documents (with --snapshot).")
@click.option("--api", default=EMDB_API, show_default=True, help="EMDB's API, for entry documents.")
@base_options
@rule_options
@click.option("--out", type=PLACE, required=True, help="Folder of the catalogue.")
@manners_options
def catalogue(table, scored, documents, stored, cache, read_documents, api, maps, models, out, **given):
    """An archive's answer, its documents, or a table → pairs, and what was left out with its reason.

    \b
    qscore catalogue --table pairs.tsv --out results/mine/catalogue
    qscore catalogue --snapshot snapshot --cache documents --only apoferritin --out catalogue
    """
    from qscore import archive
    from qscore import catalogue as stage

    manners, rule = manners_of(given), rule_of(given)
    if sum(source is not None for source in (table, documents, stored)) != 1:
        raise click.UsageError("give one of --table, --documents and --snapshot")
    places = {"maps": list(maps), "models": list(models)}
    if table:
        pairs, excluded = _of_table(table, scored)
        stage.write(out, pairs, excluded, source=table.name, digest=stage.digest([table]))
        places = archive.TablePlaces(table.resolve().parent)
    elif documents:
        pairs, excluded = stage.from_documents(documents, rule)
        digest = stage.digest(documents.glob("EMD-*.json"))
        stage.write(out, pairs, excluded, source="EMDB entry documents", digest=digest, rule=rule)
    else:
        if read_documents and cache is None:
            raise click.UsageError("--snapshot needs --cache, or --no-read-documents")
        pairs, excluded = _of_snapshot(stored, cache if read_documents else None, api, rule, manners, out)
    if not pairs:
        reasons = Counter(row["reason"] for row in excluded).most_common(3)
        told = ", ".join(f"{reason} ({count:,})" for reason, count in reasons) or "there is none"
        raise ValueError(f"no pair is taken: {told}")
    archive.write_places(out / "places.json", places)
    click.echo(f"{len(pairs)} pairs, {len(excluded)} left out")


def _of_table(table: Path, scored: bool):
    from qscore import catalogue, given

    return given.pairs_of_table(table) if scored else catalogue.from_table(table)


def _of_snapshot(folder: Path, cache: Path | None, api: str, rule, manners: dict, out: Path):
    """The stored answer and the documents it needs → pairs and exclusions, written; without a cache, no documents."""
    from qscore import catalogue as stage
    from qscore import documentcache
    from qscore import snapshot as stored

    taken = stored.read(folder)
    if taken.answer is None:
        wanted = [(name, taken.facts["date"]) for name in taken.facts["listed"]]
    else:
        wanted = stage.candidates(taken.answer.records, rule)
    documents = {}
    if cache is not None:
        with web_of(manners) as web, progress_of("entry documents") as progress:
            documents = documentcache.fetch(web, api, wanted, cache, progress)
    if taken.answer is None:
        pairs, excluded = stage.from_entry_documents(documents.values(), rule)
    else:
        pairs, excluded = stage.from_search(taken.answer.records, documents, rule)
    digest = taken.facts.get("sha256") or stage.digest(documents.path(name) for name in documents)
    source = "EMDB's search" if taken.answer else "EMDB entry documents"
    stage.write(out, pairs, excluded, source=source, digest=digest, rule=rule, snapshot=taken.facts)
    return pairs, excluded


@click.command()
@click.argument("pairs", type=EXISTING)
@click.option("--ask", type=click.Choice(["auto", "yes", "no"]), default="auto", show_default=True)
@click.option("--most", type=int, default=2000, show_default=True, help="Most pairs for which auto asks.")
@click.option("--graphql", default=GRAPHQL, show_default=True, help="RCSB's GraphQL service.")
@click.option("--reports", multiple=True, default=REPORT_BASES, help="Tree of validation reports; may be repeated.")
@click.option("--out", type=PLACE, required=True, help="Folder of published.parquet and published.tsv.")
@manners_options
def published(pairs, ask, most, graphql, reports, out, **manners):
    """The Q that the archive publishes for each of PAIRS, many in one request.

    Example: qscore published catalogue/pairs.parquet --out published
    """
    from qscore import published as stage
    from qscore import tables

    rows, answers = tables.read_rows(pairs, layout=tables.PAIRS), {}
    asked = stage.fetch_for(rows, mode=ask, most=most)
    if asked:
        with web_of(manners_of(manners)) as web:
            answers = stage.ask(web, (row["pdb_id"] for row in rows), graphql=graphql, reports=reports)
    stage.write(out, rows if asked else [], answers)
    found = sum(answer.q is not None for answer in answers.values())
    click.echo(f"published Q of {found} of {len(answers)} models" if asked else "published Q not asked for")


@click.command()
@click.argument("batch", type=EXISTING)
@click.argument("folder", type=PLACE)
@click.option("--places", type=EXISTING, required=True, help="places.json of the catalogue: mirrors, or a folder.")
@click.option("--workshop", type=PLACE, required=True, help="Folder to put the batch together in.")
@manners_options
def fetch(batch, folder, places, workshop, **manners):
    """Bring the files of BATCH into FOLDER, whole, with a manifest.

    What an interrupted fetch brought is used; a server that does not answer is waited for.

    Example: qscore fetch plan/undated.tsv fetched/undated --places catalogue/places.json --workshop parts
    """
    from qscore import archive

    where = archive.read_places(places)
    with web_of(manners_of(manners)) as web:
        archive.fetch_batch(batch, folder, where, workshop=workshop, web=web)


COMMANDS = (snapshot, catalogue, published, fetch)
