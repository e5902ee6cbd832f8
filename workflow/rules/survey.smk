rule fit:
    input:
        "tables/entries.parquet",
    output:
        "fit/expected_q.json",
    log:
        "logs/fit.log",
    params:
        rule=options("fit"),
        subsets=subsets(),
    shell:
        "qscore fit {input} {params.rule} {params.subsets} --out {output} > {log} 2>&1"


rule flag:
    input:
        "tables/entries.parquet",
    output:
        parquet="flags/flags.parquet",
        table="flags/flags.tsv",
    log:
        "logs/flag.log",
    params:
        rule=options("fit"),
    shell:
        "qscore flag {input} {params.rule} --out flags > {log} 2>&1"


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


rule figures:
    input:
        entries="tables/entries.parquet",
        residues="tables/residues.parquet",
        flags="flags/flags.parquet",
        fit="fit/expected_q.json",
        draws="draws/draws.json",
        concordance="concordance/concordance.json",
    output:
        directory("figures"),
    log:
        "logs/figures.log",
    params:
        options=options("figures"),
    shell:
        "qscore figures --entries {input.entries} --residues {input.residues} --flags {input.flags} "
        "--fit {input.fit} --draws draws --concordance concordance {params.options} --out {output} > {log} 2>&1"


rule report:
    input:
        entries="tables/entries.parquet",
        flags="flags/flags.parquet",
        fit="fit/expected_q.json",
        draws="draws/draws.json",
        concordance="concordance/concordance.json",
        excluded="catalogue/excluded.tsv",
        facts="catalogue/catalogue.json",
        figures="figures",
    output:
        "report/index.html",
    log:
        "logs/report.log",
    shell:
        "qscore report --entries {input.entries} --flags {input.flags} --fit {input.fit} --catalogue catalogue "
        "--draws draws --concordance concordance --figures {input.figures} --out {output} > {log} 2>&1"
