"""The commands that score one map: with one model, or with two to compare."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import click

from qscore import letters
from qscore.options import POSITIVE, THREADS, Level, Positive

SERVERS = """What an id names comes from EMDB and the PDB and is kept in $XDG_CACHE_HOME/qscore/archive (else
~/.cache/qscore/archive). Other servers: QSCORE_EMDB_API, the base of EMDB's API; QSCORE_MAPS and QSCORE_MODELS,
bases of the file trees, addresses or folders with spaces between."""


_ORIGIN = click.option(
    "--origin",
    type=click.Choice(["auto", "nstart", "origin"]),
    default="auto",
    show_default=True,
    help="Header words that place the map: N*START, or ORIGIN (auto: ORIGIN in .mrc files that set it).",
)
_REFRESH = click.option("--refresh", is_flag=True, help="Fetch again what ids name.")
_PAIR = (
    click.option(
        "--resolution",
        type=POSITIVE,
        metavar="Å",
        help="Reported resolution: prints expected Q beside Q.  [default: the EMDB entry's, by id]",
    ),
    click.option(
        "--chain", metavar="NAME", help="Author chains to score, comma-separated; the others stay neighbours."
    ),
    _ORIGIN,
    click.option("--threads", type=THREADS, help="Threads; the result does not depend on it.  [default: all cores]"),
    _REFRESH,
    click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON instead of the table."),
)


def pair_options(command):
    """The options of scoring that hold for one model and for two."""
    for option in reversed(_PAIR):
        command = option(command)
    return command


def contour_option(use: str):
    """The option that gives the contour level, and what it is for."""
    text = f"Recommended contour level{use}.  [default: the EMDB entry's, by id]"
    return click.option("--contour", type=Level(), metavar="LEVEL", help=text)


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
@contour_option(": atom inclusion is counted at it")
@pair_options
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write summary.json, residues.tsv, inclusion.tsv, the model with Q and, with a resolution, regions.tsv.",
)
@click.option("--atoms", is_flag=True, help="Write atoms.tsv too (with --out).")
@click.option(
    "--bfactor",
    "b_factor",
    type=Positive("Å²", 1e-3, 1e6),
    metavar="F",
    help="Write the model with B = F (1 − Q) too (with --out), as MapQ does with 150: of an atom not scored F; of "
    "hydrogens and alternate locations without Q the mean of their residue; other chains and models keep their B.",
)
def score(map_given, model_given, sigmas, model_number, as_json, out, atoms, b_factor, **options):
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
    if b_factor is not None and out is None:
        raise click.UsageError("--bfactor needs --out DIR")
    found, scoring = inputs(map_given, [model_given] if model_given is not None else [], out, **options)
    from qscore import entry, files, ligands, tables

    sigmas = tuple(dict.fromkeys(sigmas))
    pair = entry.score_pair(
        found.map_file, found.model_files[0],
        sigmas=sigmas, model_number=model_number,
        contour=found.contour_level, map_grid=found.map_grid, **scoring,
    )  # fmt: skip
    rows, said = ligands.of_pair(pair.ligands())
    verdict, regions = judged(pair, sigmas, found)
    summary = pair.summary | found.about() | {"ligands": rows} | verdict
    pair = replace(pair, summary=summary, hints=(*pair.hints, *found.remarks))
    if out is not None:
        files.write_pair(pair, out, found.model_files[0], with_atoms=atoms, b_factor=b_factor)
        if regions is not None:
            with files.all_together(out) as work:
                tables.write_tsv(work / "regions.tsv", tables.REGIONS, tables.as_columns(tables.REGIONS, regions))
    if as_json:
        print(tables.as_json(pair.summary | {"hints": list(pair.hints)}))
    else:
        from qscore import show

        show.print_pair(pair.summary, (*pair.hints, *said))
        if out is not None:
            _tell_written(out, found.model_files[0], atoms=atoms, regions=regions, b_factor=b_factor)


def _tell_written(out, model_file, *, atoms, regions, b_factor) -> None:
    """What was left in the folder; on the error stream, so that the output ends with the sentence."""
    from qscore import files

    names = ["summary.json", "residues.tsv", "inclusion.tsv", *["atoms.tsv"] * atoms]
    names += [*["regions.tsv"] * (regions is not None), f"{files.stem(model_file)}.qscore.cif"]
    names += [f"{files.stem(model_file)}.bfactor.cif"] * (b_factor is not None)
    click.echo(f"written to {out}: {', '.join(names)}", err=True)


def judged(pair, sigmas, given) -> tuple[dict, list[dict] | None]:
    """What the summary gains where the resolution is known: expected Q by the shipped curve, regions, the verdict.

    Beside it the rows of the regions table; None where regions were not looked for.
    """
    from qscore import verdict

    resolution, point_group = given.resolution, given.point_group
    if resolution is None or verdict.SIGMA not in sigmas:
        return {}, None
    from qscore import expected, regions

    curve, residues = expected.shipped(), pair.residues()
    held = curve.domain[0] <= resolution <= curve.domain[1]
    how = {"resolution": resolution, "curve": curve, "point_group": point_group}
    found = regions.regions_of_pair(residues, **how) if held else None
    ids = {"emdb_id": given.emdb_id, "pdb_id": next(iter(given.pdb_ids), None)}
    others = [e for e in pair.summary["expected"] if (e["kind"], e["sigma"]) != ("all", verdict.SIGMA)]
    told = {
        "expected": [verdict.expected_by(curve, resolution), *others],
        "regions": found and [{key: row[key] for key in row if key not in ("emdb_id", "pdb_id")} for row in found],
        "verdict": verdict.verdict(pair.summary, residues, found, curve).as_dict(),
    }
    return told, found and [row | ids for row in found]


@click.command("compare", epilog=SERVERS)
@click.argument("map_given", metavar="MAP")
@click.argument("before", metavar="MODEL1")
@click.argument("after", metavar="MODEL2")
@contour_option(", kept in the summary: no score here is counted at it")
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
    found, scoring = inputs(map_given, [before, after], out, **options)
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


@click.command("profile", epilog=SERVERS)
@click.argument("map_given", metavar="MAP")
@click.argument("model_given", metavar="MODEL")
@click.argument("atoms", metavar="[ATOM]...", nargs=-1)
@click.option("--by-type", is_flag=True, help="Instead of atoms: class, backbone or side chain, and element.")
@click.option("--sigma", type=POSITIVE, default=0.4, show_default=True, metavar="Å", help="Of the reference Gaussian.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the figure: .png, .svg or .pdf.")
@click.option("--table", type=click.Path(path_type=Path), metavar="FILE.tsv", help="Write the numbers.")
@_ORIGIN
@_REFRESH
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of the table.")
def profile_atoms(map_given, model_given, atoms, by_type, sigma, out, table, as_json, origin, refresh):
    """The map around atoms by distance, at the points Q samples, beside the Gaussian that Q compares it with.

    \b
    MAP and MODEL as for qscore score, ids among them
    ATOM  chain/number/atom by the author's names, A/335/OD1; A/335 for all of a residue;
          insertion code after the number, alternate location after the atom: A/82B/CG.A
    \b
    qscore profile EMD-30342 7cec A/335/OD1 A/335/OD2 --out asp335.png
    qscore profile map.mrc.gz model.cif --by-type --table types.tsv
    """
    if bool(atoms) == by_type:
        raise click.UsageError("Give atoms, as A/335/OD1, or --by-type, and not both.")
    from qscore import files, profile, tables

    for path in filter(None, (out, table)):
        files.check_folder(path.parent)
    if out is not None:
        files.figure_format(out)
    found, _ = inputs(
        map_given, [model_given], None,
        resolution=None, contour=None, chain=None, origin=origin, threads=1, refresh=refresh,
    )  # fmt: skip
    files_given = found.map_file, found.model_files[0]
    files.check_apart((out, table), files_given)
    profiles = profile.of_pair(*files_given, None if by_type else atoms, sigma=sigma, origin_rule=origin)
    names = dict(zip(("map", "model"), (Path(path).name for path in files_given), strict=True))
    files.write_profiles(profiles, figure=out, table=table, title=f"{names['model']} in {names['map']}")
    if as_json:
        print(tables.as_json(names | profile.as_dict(profiles)))
        return
    from qscore import show

    show.print_profiles(profiles, names)


def inputs(map_given, models_given, out, *, resolution, contour, chain, origin, threads, refresh):
    """Files of what is given, fetched where an id is given, and the options of scoring."""
    logger = logging.getLogger("qscore")
    logger.handlers = [letters.handler()]
    logger.setLevel(logging.INFO)
    from qscore import byid, files, slabs

    if not models_given and byid.map_id(map_given) is None:
        raise click.UsageError("Missing argument 'MODEL'.")
    if out is not None:
        files.check_folder(out)
    found = byid.inputs(map_given, models_given, refresh=refresh, progress=_download)
    found = found.with_own(resolution=resolution, contour_level=contour)
    threads = threads or slabs.cores()
    return found, {"resolution": found.resolution, "chain": chain, "origin_rule": origin, "threads": threads}


def _download(name: str):
    from qscore import show

    return show.download(name)


COMMANDS = (score, compare_models, profile_atoms)
