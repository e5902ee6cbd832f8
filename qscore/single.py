"""The commands that score one map: with one model, or with two to compare."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

import click


class Positive(click.ParamType):
    """A positive, finite number; anything else is bad input (exit 1), not wrong usage."""

    name = "number"

    def convert(self, value, param, ctx):
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if not 0 < number < float("inf"):
            raise ValueError(f"{param.opts[0]} {value}: not a positive number of Å")
        return number


class Level(click.ParamType):
    """A finite number; anything else is bad input (exit 1)."""

    name = "number"

    def convert(self, value, param, ctx):
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not abs(number) < float("inf"):
            raise ValueError(f"{param.opts[0]} {value}: not a number")
        return number


POSITIVE = Positive()
SERVERS = """What an id names comes from EMDB and the PDB and is kept in $XDG_CACHE_HOME/qscore/archive (else
~/.cache/qscore/archive). Other servers: QSCORE_EMDB_API, the base of EMDB's API; QSCORE_MAPS and QSCORE_MODELS,
bases of the file trees, addresses or folders with spaces between."""


_PAIR = (
    click.option(
        "--resolution",
        type=POSITIVE,
        metavar="Å",
        help="Reported resolution: prints expected Q beside Q.  [default: the EMDB entry's, by id]",
    ),
    click.option(
        "--contour",
        type=Level(),
        metavar="LEVEL",
        help="Recommended contour level, kept in the summary.  [default: the EMDB entry's, by id]",
    ),
    click.option(
        "--chain", metavar="NAME", help="Author chains to score, comma-separated; the others stay neighbours."
    ),
    click.option(
        "--origin",
        type=click.Choice(["auto", "nstart", "origin"]),
        default="auto",
        show_default=True,
        help="Header words that place the map: N*START, or ORIGIN (auto: ORIGIN in .mrc files that set it).",
    ),
    click.option(
        "--threads", type=click.IntRange(1), help="Threads; the result does not depend on it.  [default: all cores]"
    ),
    click.option("--refresh", is_flag=True, help="Fetch again what ids name."),
    click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON instead of the table."),
)


def pair_options(command):
    """The options of scoring that hold for one model and for two."""
    for option in reversed(_PAIR):
        command = option(command)
    return command


@click.command(epilog=SERVERS)
@click.argument("map_given", metavar="MAP")
@click.argument("model_given", metavar="[MODEL]", required=False)
@click.option(
    "--sigma",
    "sigmas",
    type=POSITIVE,
    multiple=True,
    default=(0.4, 0.6),
    show_default="0.4 and 0.6",
    metavar="Å",
    help="Width of the reference Gaussian; may be repeated.",
)
@click.option("--model-number", type=int, metavar="N", help="Model of a file with several.  [default: the first]")
@pair_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write summary.json, residues.tsv, the model with Q and, with a resolution, regions.tsv.",
)
@click.option("--atoms", is_flag=True, help="Write atoms.tsv too (with --out).")
def score(map_given, model_given, sigmas, model_number, as_json, out, atoms, **options):
    """Score the atoms of MODEL in MAP; with a resolution, say how they compare with other entries there.

    \b
    MAP    CCP4/MRC, .gz or not, or an EMDB id
    MODEL  mmCIF or PDB, .gz or not, or a PDB id; without it the only model of an EMDB id
    \b
    qscore score EMD-30342 7cec
    qscore score emd_30342.map.gz 7cec.cif.gz --resolution 3.9 --out 7cec
    """
    if atoms and out is None:
        raise click.UsageError("--atoms needs --out DIR")
    found, scoring = _inputs(map_given, [model_given] if model_given is not None else [], out, **options)
    from qscore import entry, files, ligands, tables

    sigmas = tuple(dict.fromkeys(sigmas))
    pair = entry.score_pair(
        found.map_file, found.model_files[0], sigmas=sigmas, model_number=model_number, **scoring
    )  # fmt: skip
    rows, said = ligands.of_pair(pair.ligands())
    judged, regions = _judged(pair, sigmas, found)
    summary = pair.summary | found.about() | {"ligands": rows} | judged
    pair = replace(pair, summary=summary, hints=(*pair.hints, *found.remarks))
    if out is not None:
        files.write_pair(pair, out, found.model_files[0], with_atoms=atoms)
        if regions is not None:
            with files.all_together(out) as work:
                tables.write_tsv(work / "regions.tsv", tables.REGIONS, tables.as_columns(tables.REGIONS, regions))
    if as_json:
        print(tables.as_json(pair.summary | {"hints": list(pair.hints)}))
    else:
        from qscore import show

        show.print_pair(pair.summary, (*pair.hints, *said))
        if out is not None:
            _tell_written(out, found.model_files[0], atoms=atoms, regions=regions)


def _tell_written(out, model_file, *, atoms, regions) -> None:
    """What was left in the folder; on the error stream, so that the output ends with the sentence."""
    from qscore import files

    names = ["summary.json", "residues.tsv", *["atoms.tsv"] * atoms]
    names += [*["regions.tsv"] * (regions is not None), f"{files.stem(model_file)}.qscore.cif"]
    click.echo(f"written to {out}: {', '.join(names)}", err=True)


def _judged(pair, sigmas, inputs) -> tuple[dict, list[dict] | None]:
    """What the summary gains where the resolution is known: expected Q by the shipped curve, regions, the verdict.

    Beside it the rows of the regions table; None where regions were not looked for.
    """
    from qscore import verdict

    resolution, point_group = inputs.resolution, inputs.point_group
    if resolution is None or verdict.SIGMA not in sigmas:
        return {}, None
    from qscore import expected, regions

    curve, residues = expected.shipped(), pair.residues()
    held = curve.domain[0] <= resolution <= curve.domain[1]
    how = {"resolution": resolution, "curve": curve, "point_group": point_group}
    found = regions.regions_of_pair(residues, **how) if held else None
    ids = {"emdb_id": inputs.emdb_id, "pdb_id": next(iter(inputs.pdb_ids), None)}
    others = [e for e in pair.summary["expected"] if (e["kind"], e["sigma"]) != ("all", verdict.SIGMA)]
    judged = {
        "expected": [verdict.expected_by(curve, resolution), *others],
        "regions": found and [{key: row[key] for key in row if key not in ("emdb_id", "pdb_id")} for row in found],
        "verdict": verdict.verdict(pair.summary, residues, found, curve).as_dict(),
    }
    return judged, found and [row | ids for row in found]


@click.command("compare", epilog=SERVERS)
@click.argument("map_given", metavar="MAP")
@click.argument("before", metavar="MODEL1")
@click.argument("after", metavar="MODEL2")
@pair_options
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Write compare.tsv, compare.json and the figure."
)
def compare_models(map_given, before, after, as_json, out, **options):
    """Score MODEL1 and MODEL2 in MAP: what was gained and lost, residue by residue.

    \b
    MAP and models as for qscore score, ids among them. Residues are matched by author chain,
    number and insertion code.
    \b
    qscore compare map.mrc.gz before.cif after.cif --resolution 3.2 --out refined
    """
    found, scoring = _inputs(map_given, [before, after], out, **options)
    from qscore import compare, files, tables

    result = compare.compare(found.map_file, found.model_files, **scoring)
    remarks = {"remarks": result.summary["remarks"] + list(found.remarks)}
    result = replace(result, summary=result.summary | found.about() | remarks)
    if out is not None:
        files.write_comparison(result, out)
    if as_json:
        print(tables.as_json(result.summary))
    else:
        from qscore import show

        show.print_comparison(result.summary)


def _inputs(map_given, models_given, out, *, resolution, contour, chain, origin, threads, refresh):
    """Files of what is given, fetched where an id is given, and the options of scoring."""
    logger = logging.getLogger("qscore")
    logger.handlers = [logging.StreamHandler()]
    logger.setLevel(logging.INFO)
    from qscore import byid, files

    if not models_given and byid.map_id(map_given) is None:
        raise click.UsageError("Missing argument 'MODEL'.")
    if out is not None:
        files.check_folder(out)
    found = byid.inputs(map_given, models_given, refresh=refresh, progress=_download)
    found = found.with_own(resolution=resolution, contour_level=contour)
    threads = threads or len(os.sched_getaffinity(0))
    return found, {"resolution": found.resolution, "chain": chain, "origin_rule": origin, "threads": threads}


def _download(name: str):
    from qscore import show

    return show.download(name)


COMMANDS = (score, compare_models)
