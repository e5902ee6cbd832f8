# The second look: pairs whose frame or other hand is to be tried are brought once more.


checkpoint examination:
    input:
        pairs="catalogue/pairs.parquet",
        outliers="outliers/outliers.parquet",
    output:
        directory("examination"),
    log:
        "logs/examination.log",
    localrule: True
    params:
        most=options("examine", "most"),
        entries_per_batch=config["plan"]["entries_per_batch"],
    shell:
        "qscore examination {input.pairs} --outliers {input.outliers} {params.most} "
        "--entries-per-batch {params.entries_per_batch} --out {output} > {log} 2>&1"


rule fetch_again:
    input:
        batch=examined_file,
        places=ancient("catalogue/places.json"),
    output:
        temp(directory("fetched_again/{batch}")),
    log:
        "logs/fetch_again/{batch}.log",
    localrule: config["plan"]["fetch_here"]
    resources:
        net=1,
        manners=MANNERS,
    shell:
        "qscore fetch {input.batch} {output} --places {input.places} {resources.manners} "
        "--workshop parts > {log} 2>&1"


rule examine:
    input:
        batch=examined_file,
        fetched="fetched_again/{batch}",
    output:
        "evidence/{batch}/frames.parquet",
        "evidence/{batch}/profiles.parquet",
        "evidence/{batch}/traces.parquet",
        directory("evidence/{batch}/models"),
    log:
        "logs/examine/{batch}.log",
    benchmark:
        "benchmarks/examine/{batch}.tsv"
    priority: 100
    resources:
        mem_mb=config["examine"]["memory_mb"],
        limits=options("examine", "memory_mb", "base_seconds", "seconds_per_mb")(None),
    params:
        version=qscore.__version__,
    shell:
        "qscore examine-batch {input.fetched} --batch {input.batch} {resources.limits} "
        "--out evidence/{wildcards.batch} > {log} 2>&1"
