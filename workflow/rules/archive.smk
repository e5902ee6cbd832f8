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


CATALOGUE = {
    "pairs": "catalogue/pairs.parquet",
    "table": "catalogue/pairs.tsv",
    "excluded": "catalogue/excluded.tsv",
    "facts": "catalogue/catalogue.json",
}

if SOURCE == "pairs":

    rule catalogue:
        input:
            table_inputs,
        output:
            **CATALOGUE,
        log:
            "logs/catalogue.log",
        params:
            table=lambda wildcards: pairs_table(),
        shell:
            "qscore catalogue --table {params.table:q} --out catalogue > {log} 2>&1"

else:

    rule catalogue:
        input:
            "archive",
        output:
            **CATALOGUE,
        log:
            "logs/catalogue.log",
        shell:
            "qscore catalogue --documents {input}/emdb/api/entry --out catalogue > {log} 2>&1"


checkpoint plan:
    input:
        "catalogue/pairs.parquet",
    output:
        directory("plan"),
    log:
        "logs/plan.log",
    params:
        entries_per_batch=config["plan"]["entries_per_batch"],
    shell:
        "qscore plan {input} --entries-per-batch {params.entries_per_batch} --out {output} > {log} 2>&1"


rule fetch:
    input:
        batch=batch_file,
    output:
        temp(directory("fetched/{batch}")),
    log:
        "logs/fetch/{batch}.log",
    resources:
        net=1,
    params:
        places=places,
    shell:
        "qscore fetch {input.batch} {output} {params.places} --workshop parts > {log} 2>&1"
