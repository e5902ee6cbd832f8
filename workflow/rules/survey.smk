rule fit:
    input:
        entries="tables/entries.parquet",
        residues="tables/residues.parquet",
        catalogue="catalogue/catalogue.json",
    output:
        "fit/expected_q.json",
        report(
            "fit/lines.tsv",
            caption="../report/lines.rst",
            category="Tables",
            labels={"table": "Lines"},
        ),
        "fit/coverage.tsv",
        "fit/offsets.tsv",
    log:
        "logs/fit.log",
    benchmark:
        "benchmarks/fit.tsv"
    threads: 8
    params:
        rule=options("fit"),
        subsets=subsets(),
    shell:
        "qscore fit {input.entries} --residues {input.residues} --catalogue {input.catalogue} {params.rule} "
        "{params.subsets} --jobs {threads} --out fit > {log} 2>&1"


rule outliers:
    input:
        entries="tables/entries.parquet",
        fit="fit/expected_q.json",
    output:
        parquet="outliers/outliers.parquet",
        table="outliers/outliers.tsv",
    log:
        "logs/outliers.log",
    benchmark:
        "benchmarks/outliers.tsv"
    params:
        rule=options("fit"),
        flag=options("flag"),
    shell:
        "qscore outliers {input.entries} --fit {input.fit} {params.rule} {params.flag} --out outliers > {log} 2>&1"


rule regions:
    input:
        entries="tables/entries.parquet",
        residues="tables/residues.parquet",
        ligands="tables/ligands.parquet",
        outliers="outliers/outliers.parquet",
        fit="fit/expected_q.json",
    output:
        regions="regions/regions.parquet",
        table="regions/regions.tsv",
        entries="regions/entries.parquet",
        ligands="regions/ligands.parquet",
    log:
        "logs/regions.log",
    benchmark:
        "benchmarks/regions.tsv"
    threads: 8
    shell:
        "qscore regions {input.residues} --entries {input.entries} --outliers {input.outliers} "
        "--ligands {input.ligands} --fit {input.fit} --jobs {threads} --out regions > {log} 2>&1"


rule flag:
    input:
        entries="tables/entries.parquet",
        outliers="outliers/outliers.parquet",
        regions="regions/entries.parquet",
        fit="fit/expected_q.json",
        evidence=evidence("frames.parquet"),
    output:
        parquet="flags/flags.parquet",
        table="flags/flags.tsv",
    log:
        "logs/flag.log",
    params:
        evidence="--examination examination --evidence evidence" if EXAMINES else "",
    shell:
        "qscore flag {input.entries} --outliers {input.outliers} --regions {input.regions} --fit {input.fit} "
        "{params.evidence} --out flags > {log} 2>&1"


rule rivals:
    input:
        "tables/entries.parquet",
    output:
        table=report(
            "rivals/rivals.tsv",
            caption="../report/rivals.rst",
            category="Tables",
            labels={"table": "Scores compared"},
        ),
        parquet="rivals/rivals.parquet",
        correlations="rivals/correlations.tsv",
        pairs="rivals/correlations.parquet",
        facts="rivals/rivals.json",
    log:
        "logs/rivals.log",
    benchmark:
        "benchmarks/rivals.tsv"
    params:
        rule=options("fit"),
        subsets=subsets(),
    shell:
        "qscore rivals {input} {params.rule} {params.subsets} --out rivals > {log} 2>&1"


rule draws:
    input:
        "tables/entries.parquet",
    output:
        parquet="draws/draws.parquet",
        facts="draws/draws.json",
    log:
        "logs/draws.log",
    params:
        rule=options("fit"),
        draws=options("draws"),
    shell:
        "qscore draws {input} {params.rule} {params.draws} --out draws > {log} 2>&1"


rule concordance:
    input:
        "tables/entries.parquet",
    output:
        parquet="concordance/concordance.parquet",
        table="concordance/concordance.tsv",
        facts="concordance/concordance.json",
    log:
        "logs/concordance.log",
    shell:
        "qscore concordance {input} --out concordance > {log} 2>&1"


rule worklist:
    input:
        entries="tables/entries.parquet",
        flags="flags/flags.parquet",
        fit="fit/expected_q.json",
        concordance="concordance/concordance.json",
        places="catalogue/places.json",
    output:
        parquet="worklist/worklist.parquet",
        table=report(
            "worklist/worklist.tsv",
            caption="../report/worklist.rst",
            category="Tables",
            labels={"table": "Suspected errors of the archive"},
        ),
    log:
        "logs/worklist.log",
    shell:
        "qscore worklist {input.entries} --flags {input.flags} --fit {input.fit} --concordance concordance "
        "--places {input.places} --out worklist > {log} 2>&1"


rule figures:
    input:
        entries="tables/entries.parquet",
        residues="tables/residues.parquet",
        flags="flags/flags.parquet",
        fit="fit/expected_q.json",
        coverage="fit/coverage.tsv",
        draws="draws/draws.json",
        concordance="concordance/concordance.json",
        regions="regions/regions.parquet",
        rivals="rivals/rivals.json",
        traces=evidence("traces.parquet"),
        profiles=evidence("profiles.parquet"),
    output:
        report(
            directory("figures"),
            patterns=["{name}.svg"],
            caption="../report/figure.rst",
            category=lambda wildcards: captions.CATEGORIES[wildcards.name],
            labels=lambda wildcards: {"figure": captions.CAPTIONS[wildcards.name][0]},
        ),
    log:
        "logs/figures.log",
    params:
        options=options("figures"),
        captions=captions.CAPTIONS,
        evidence="--evidence evidence" if EXAMINES else "",
    shell:
        "qscore figures --entries {input.entries} --residues {input.residues} --flags {input.flags} "
        "--fit {input.fit} --draws draws --concordance concordance --regions regions --rivals rivals "
        "{params.evidence} {params.options} --out {output} > {log} 2>&1"


# A page for each pair that was looked at twice: all of a small survey, else those that are flagged.
rule pages:
    input:
        entries="tables/entries.parquet",
        flags="flags/flags.parquet",
        residues="tables/residues.parquet",
        inclusion="tables/inclusion.parquet",
        regions="regions/regions.parquet",
        ligands="regions/ligands.parquet",
        fit="fit/expected_q.json",
        traces=evidence("traces.parquet"),
        profiles=evidence("profiles.parquet"),
        models=evidence("models"),
    output:
        directory("report/entries"),
    log:
        "logs/pages.log",
    benchmark:
        "benchmarks/pages.tsv"
    threads: 8
    params:
        version=qscore.__version__,
    shell:
        "qscore pages --entries {input.entries} --flags {input.flags} --residues {input.residues} "
        "--inclusion {input.inclusion} --regions regions --ligands {input.ligands} --fit {input.fit} "
        "--evidence evidence --examination examination --jobs {threads} --out {output} > {log} 2>&1"


rule report:
    input:
        entries="tables/entries.parquet",
        residues="tables/residues.parquet",
        flags="flags/flags.parquet",
        fit="fit/expected_q.json",
        draws="draws/draws.json",
        concordance="concordance/concordance.json",
        regions="regions/regions.parquet",
        rivals="rivals/rivals.json",
        excluded="catalogue/excluded.tsv",
        facts="catalogue/catalogue.json",
        figures="figures",
        pages=PAGES,
    output:
        "report/index.html",
    log:
        "logs/report.log",
    threads: 8
    params:
        level=options("flag"),
        subsets=subsets(),
        pages="--pages report/entries" if PAGES else "",
    shell:
        "qscore report --entries {input.entries} --residues {input.residues} --flags {input.flags} --fit {input.fit} "
        "--catalogue catalogue --draws draws --concordance concordance --regions regions --rivals rivals "
        "--figures {input.figures} {params.pages} {params.subsets} {params.level} --jobs {threads} --out {output} > {log} 2>&1"
