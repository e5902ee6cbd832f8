rule score:
    input:
        batch=batch_file,
        fetched="fetched/{batch}",
    output:
        entries="scores/{batch}/entries.parquet",
        residues="scores/{batch}/residues.parquet",
    log:
        "logs/score/{batch}.log",
    benchmark:
        "benchmarks/score/{batch}.tsv"
    # Scored before more is fetched: only a few batches of maps lie on the disk.
    priority: 100
    params:
        limits=options("score"),
        version=qscore.__version__,
    shell:
        "qscore score-batch {input.fetched} {params.limits} --out scores/{wildcards.batch} > {log} 2>&1"


rule aggregate:
    input:
        pairs="catalogue/pairs.parquet",
        plan="plan",
        scores=score_tables,
    output:
        entries="tables/entries.parquet",
        table="tables/entries.tsv",
        residues="tables/residues.parquet",
    log:
        "logs/aggregate.log",
    benchmark:
        "benchmarks/aggregate.tsv"
    shell:
        "qscore aggregate {input.pairs} --plan {input.plan} --scores scores --out tables > {log} 2>&1"
