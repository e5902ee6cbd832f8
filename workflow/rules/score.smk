PUBLISHED = ["published/published.parquet"] if SOURCE == "emdb" else []
TABLES = {
    "entries": "tables/entries.parquet",
    "table": "tables/entries.tsv",
    "residues": "tables/residues.parquet",
    "chains": "tables/chains.parquet",
    "ligands": "tables/ligands.parquet",
    "inclusion": "tables/inclusion.parquet",
}


rule score:
    input:
        batch=batch_file,
        fetched="fetched/{batch}",
    output:
        entries="scores/{batch}/entries.parquet",
        residues="scores/{batch}/residues.parquet",
        ligands="scores/{batch}/ligands.parquet",
        inclusion="scores/{batch}/inclusion.parquet",
    log:
        "logs/score/{batch}.log",
    benchmark:
        "benchmarks/score/{batch}.tsv"
    # Scored before more is fetched: only a few batches of maps lie on the disk.
    priority: 100
    # Limits are no parameters: others are no reason to score again what is scored (`qscore failures --again` is).
    resources:
        mem_mb=config["score"]["memory_mb"],
        limits=options("score")(None),
    params:
        version=qscore.__version__,
    shell:
        "qscore score-batch {input.fetched} --batch {input.batch} {resources.limits} --out scores/{wildcards.batch} > {log} 2>&1"


if SCORE_SOURCE == "maps":

    rule aggregate:
        input:
            pairs="catalogue/pairs.parquet",
            plan="plan",
            scores=score_tables,
            published=PUBLISHED,
        output:
            **TABLES,
        log:
            "logs/aggregate.log",
        benchmark:
            "benchmarks/aggregate.tsv"
        threads: 2
        params:
            published=" ".join(f"--published {path}" for path in PUBLISHED),
        shell:
            "qscore aggregate {input.pairs} --plan {input.plan} --scores scores {params.published} "
            "--jobs {threads} --out tables > {log} 2>&1"

elif SCORE_SOURCE == "published":

    rule given:
        input:
            pairs="catalogue/pairs.parquet",
            published=PUBLISHED,
        output:
            **TABLES,
        log:
            "logs/given.log",
        shell:
            "qscore given {input.pairs} --published {input.published} --out tables > {log} 2>&1"

else:

    rule given:
        input:
            pairs="catalogue/pairs.parquet",
            table=table_inputs,
        output:
            **TABLES,
        log:
            "logs/given.log",
        params:
            table=lambda wildcards: pairs_table(),
        shell:
            "qscore given {input.pairs} --table {params.table:q} --out tables > {log} 2>&1"
