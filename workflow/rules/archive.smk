CATALOGUE = {
    "pairs": "catalogue/pairs.parquet",
    "table": "catalogue/pairs.tsv",
    "excluded": "catalogue/excluded.tsv",
    "facts": "catalogue/catalogue.json",
    "places": "catalogue/places.json",
}
# No parameters of rules: other manners are no reason to ask again for what is there.
MANNERS = options(
    "archive", "contact", "patience_minutes", "read_seconds", "api_per_second"
)(None)

if SOURCE == "demo":

    rule demo_archive:
        output:
            directory("archive"),
        log:
            "logs/demo_archive.log",
        benchmark:
            "benchmarks/demo_archive.tsv"
        params:
            seed=config["demo"]["seed"],
            version=qscore.__version__,
        shell:
            "qscore demo {output} --seed {params.seed} > {log} 2>&1"

    rule catalogue:
        input:
            "archive",
        output:
            **CATALOGUE,
        log:
            "logs/catalogue.log",
        shell:
            "qscore catalogue --documents {input}/emdb/api/entry --out catalogue "
            "--maps {input}/emdb/structures --models {input}/pdb/data/structures/divided/mmCIF > {log} 2>&1"

elif SOURCE == "pairs":

    rule catalogue:
        input:
            table_inputs,
        output:
            **CATALOGUE,
        log:
            "logs/catalogue.log",
        params:
            table=lambda wildcards: pairs_table(),
            unwatched=unwatched,
            scored="--scored" if SCORE_SOURCE == "table" else "",
        shell:
            "qscore catalogue --table {params.table:q} {params.scored} --out catalogue > {log} 2>&1"

else:
    IDS = config["catalogue"]["ids"]
    SNAPSHOT = ["snapshot/search.json"] + ([] if IDS else ["snapshot/search.csv.gz"])
    SELECTED = [key for key in config["catalogue"] if key not in ("query", "models")]

    # Taken once; `qscore run --update` takes a new one and puts it in this one's place.
    rule snapshot:
        output:
            SNAPSHOT,
        log:
            "logs/snapshot.log",
        localrule: True
        resources:
            net=1,
            manners=MANNERS,
        params:
            api=options("archive", "api"),
            query=options("catalogue", "query", "ids"),
        shell:
            "qscore snapshot {params.api} {params.query} {resources.manners} --out snapshot > {log} 2>&1"

    rule catalogue:
        input:
            SNAPSHOT,
        output:
            **CATALOGUE,
        log:
            "logs/catalogue.log",
        localrule: True
        resources:
            net=1,
            manners=MANNERS,
        params:
            api=options("archive", "api", "maps", "models"),
            rule=options("catalogue", *SELECTED),
            models=option("models-of-a-map", config["catalogue"]["models"]),
        shell:
            "qscore catalogue --snapshot snapshot --cache documents {params.api} {params.rule} {params.models} "
            "{resources.manners} --out catalogue > {log} 2>&1"

    rule published:
        input:
            "catalogue/pairs.parquet",
        output:
            parquet="published/published.parquet",
            table="published/published.tsv",
        log:
            "logs/published.log",
        localrule: True
        resources:
            net=1,
            manners=MANNERS,
        params:
            api=options("archive", "graphql", "reports"),
            ask=(
                "--ask yes"
                if SCORE_SOURCE == "published"
                else options("published", "ask", "most")
            ),
        shell:
            "qscore published {input} {params.api} {params.ask} {resources.manners} --out published > {log} 2>&1"


checkpoint plan:
    input:
        "catalogue/pairs.parquet",
    output:
        directory("plan"),
    log:
        "logs/plan.log",
    localrule: True
    params:
        entries_per_batch=config["plan"]["entries_per_batch"],
    shell:
        "qscore plan {input} --entries-per-batch {params.entries_per_batch} --out {output} > {log} 2>&1"


rule fetch:
    input:
        batch=batch_file,
        # Another mirror, or a moved table, is no reason to bring the same files again.
        places=ancient("catalogue/places.json"),
    output:
        temp(directory("fetched/{batch}")),
    log:
        "logs/fetch/{batch}.log",
    localrule: config["plan"]["fetch_here"]
    resources:
        net=1,
        manners=MANNERS,
    shell:
        "qscore fetch {input.batch} {output} --places {input.places} {resources.manners} "
        "--workshop parts > {log} 2>&1"
