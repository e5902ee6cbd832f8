"""A survey of a table of pairs, stage by stage in this process: quicker than by Snakemake, which pays for every start.

The commands are those of the workflow, word for word: `test_workflow` compares them.
"""

import contextlib
import logging
import shlex
from pathlib import Path

from qscore.cli import main

_RULE = "--lowest 1.15 --highest 10.0 --fewest 8 --voxels 2.0 --method singleParticle --criterion 'FSC 0.143 CUT-OFF'"
_MANNERS = "--contact '' --patience-minutes 60 --read-seconds 60 --api-per-second 3 --workshop parts"
_ENTRIES, _FIT, _OUTLIERS = (
    "tables/entries.parquet",
    "--fit fit/expected_q.json",
    "--outliers outliers/outliers.parquet",
)
_RESIDUES, _FLAGS = "--residues tables/residues.parquet", "--flags flags/flags.parquet"
COMMANDS = {
    "catalogue": "catalogue --table {table} --out catalogue",
    "plan": "plan catalogue/pairs.parquet --entries-per-batch {per_batch} --out plan",
    "fetch": f"fetch plan/{{batch}}.tsv fetched/{{batch}} --places catalogue/places.json {_MANNERS}",
    "score": "score-batch fetched/{batch} --batch plan/{batch}.tsv --memory-mb 4000 --base-seconds 60"
    " --seconds-per-mb 2 --out scores/{batch}",
    "aggregate": "aggregate catalogue/pairs.parquet --plan plan --scores scores --jobs 2 --out tables",
    "fit": f"fit {_ENTRIES} {_RESIDUES} --catalogue catalogue/catalogue.json {_RULE} --subsets '{{{{}}}}' --jobs 2"
    " --out fit",
    "outliers": f"outliers {_ENTRIES} {_FIT} {_RULE} --level 0.05 --out outliers",
    "regions": f"regions tables/residues.parquet --entries {_ENTRIES} {_OUTLIERS} --ligands tables/ligands.parquet"
    f" {_FIT} --jobs 2 --out regions",
    "examination": f"examination catalogue/pairs.parquet {_OUTLIERS} --most 200 --entries-per-batch {{per_batch}}"
    " --out examination",
    "fetch_again": f"fetch examination/{{batch}}.tsv fetched_again/{{batch}} --places catalogue/places.json {_MANNERS}",
    "examine": "examine-batch fetched_again/{batch} --batch examination/{batch}.tsv --memory-mb 4000"
    " --base-seconds 180 --seconds-per-mb 4 --out evidence/{batch}",
    "flag": f"flag {_ENTRIES} {_OUTLIERS} --regions regions/entries.parquet {_FIT} --examination examination"
    " --evidence evidence --out flags",
    "draws": f"draws {_ENTRIES} {_RULE} --seed 2026 --number 1000 --cc-mean 0.65 --out draws",
    "rivals": f"rivals {_ENTRIES} {_RULE} --subsets '{{{{}}}}' --out rivals",
    "concordance": f"concordance {_ENTRIES} --out concordance",
    "worklist": f"worklist {_ENTRIES} {_FLAGS} {_FIT} --concordance concordance --places catalogue/places.json"
    " --out worklist",
    "figures": f"figures --entries {_ENTRIES} {_RESIDUES} {_FLAGS} {_FIT} --draws draws --concordance concordance"
    " --regions regions --rivals rivals --evidence evidence --format svg --format png --dpi 150 --out figures",
    "pages": f"pages --entries {_ENTRIES} {_FLAGS} {_RESIDUES} --inclusion tables/inclusion.parquet --regions regions"
    f" --ligands regions/ligands.parquet {_FIT} --evidence evidence --examination examination --jobs 2"
    " --out report/entries",
    "report": f"report --entries {_ENTRIES} {_RESIDUES} {_FLAGS} {_FIT} --catalogue catalogue --draws draws"
    " --concordance concordance --regions regions --rivals rivals --figures figures --pages report/entries"
    " --subsets '{{}}' --level 0.05 --jobs 2 --out report/index.html",
}
BATCHES = {"fetch": "plan", "score": "plan", "fetch_again": "examination", "examine": "examination"}
ALL = tuple(COMMANDS)
TABLES = ALL[: ALL.index("aggregate") + 1]
PER_BATCH = 4


def words(rule, table, *, batch="", per_batch=PER_BATCH):
    """The words of a rule's command, without the program's name."""
    return shlex.split(COMMANDS[rule].format(table=shlex.quote(str(table)), batch=batch, per_batch=per_batch))


def survey(table, results, rules=ALL, *, per_batch=PER_BATCH):
    """Run the rules, in order, in a folder that is made; what is fetched stays."""
    results.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(results):
        for rule in rules:
            for batch in sorted(path.stem for path in Path(BATCHES[rule]).glob("*.tsv")) if rule in BATCHES else [""]:
                line = words(rule, table, batch=batch, per_batch=per_batch)
                code = main(line)
                logging.getLogger("qscore").handlers.clear()
                if code:
                    raise RuntimeError(f"exit code {code} of: qscore {shlex.join(line)}")
    return results
