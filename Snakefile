# The survey: catalogue → plan → fetch → score → tables → fit → outliers, regions →
# examination → flag → worklist, figures, pages, report.
# `qscore run` is its door; plain `snakemake` works too.
import os

from snakemake.utils import min_version, validate

min_version("9.20")


report: "workflow/report/workflow.rst"


configfile: os.path.join(workflow.basedir, "config", "config.yaml")


validate(
    config, os.path.join(workflow.basedir, "workflow", "schemas", "config.schema.yaml")
)


include: "workflow/rules/common.smk"
include: "workflow/rules/archive.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/survey.smk"
include: "workflow/rules/examine.smk"


# Everything of a survey, Snakemake's own records included, lives in its results folder.
workdir: str(RESULTS)


rule all:
    default_target: True
    input:
        # All of it is named, so that what was deleted is missed and made again.
        score_tables,
        evidence("frames.parquet"),
        evidence("profiles.parquet"),
        evidence("traces.parquet"),
        CATALOGUE.values(),
        TABLES.values(),
        rules.fit.output,
        rules.outliers.output,
        rules.regions.output,
        rules.flag.output,
        rules.rivals.output,
        rules.draws.output,
        rules.concordance.output,
        rules.worklist.output,
        "figures",
        PAGES,
        "report/index.html",
