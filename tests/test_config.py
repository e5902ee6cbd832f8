"""Configuration: the schema is complete, its defaults are the code's, shipped files follow it."""

import click
import jsonschema
import pytest
import yaml
from conftest import PROJECT

from qscore import doors, examination, examine, findings, outliers, sites, stages
from qscore.admission import CatalogueRule
from qscore.diverse import Design
from qscore.isolation import Limits
from qscore.manners import Manners
from qscore.run import read_config
from qscore.selection import FitRule


@pytest.fixture(scope="module")
def schema(project):
    return yaml.safe_load((project / "workflow" / "schemas" / "config.schema.yaml").read_text())


def test_every_key_is_described_and_has_a_default(schema):
    for name, section in schema["properties"].items():
        if section.get("type") != "object":
            assert section["description"], name
            continue
        assert section["default"] == {}
        if "properties" not in section:  # names of the user's own
            assert section["description"], name
            continue
        for key, value in section["properties"].items():
            assert value["description"], f"{name}.{key}"
            assert "default" in value, f"{name}.{key}"


CONFIGURATIONS = [path.name for path in sorted((PROJECT / "config").glob("*.yaml"))]


@pytest.mark.parametrize("file", CONFIGURATIONS)
def test_shipped_configurations_are_read(project, file):
    assert read_config(project / "config" / file, project)["source"] in ("demo", "pairs", "emdb")


def test_every_configuration_says_how_it_is_run_and_what_it_downloads(project):
    readme = (project / "docs" / "archives.md").read_text()
    for file in CONFIGURATIONS:
        text = (project / "config" / file).read_text()
        assert file == "config.yaml" or f"--config config/{file}" in text, file
        assert file == "pairs.yaml" or f"`config/{file}`" in readme, file
        if "source: emdb" in text:
            assert "Downloads:" in text, file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source: demo\nscore_source: table", "score_source: table does not go with source: demo"),
        ("source: emdb\nscore_source: table", "expected maps or published"),
        ("source: emdb\narchive: {api_per_second: 10}", "archive.api_per_second"),
        ("source: emdb\nsubsets: {sharp: {fsc05: {below: 3}}}", "no column fsc05; near it: d_fsc05, map_model_fsc05"),
        ("source: emdb\nfit: {lowest: 5, highest: 2}", "fit: lowest 5 is above highest 2"),
        ("source: emdb\narchive: {maps: ['http://mirror.example/emdb']}", "archive.maps: "),
        ('source: emdb\narchive: {contact: "a\\nb"}', "archive.contact: "),
        ("source: emdb\nsubset: {}", "unknown key ('subset' was unexpected)"),
        ("source: emdb\nsubsets: {sharp: {q_mean: {above: 0.8}}}", "q_mean"),
        ("source: emdb\nsubsets: {sharp: {resolution: {under: 3}}}", "subsets.sharp.resolution"),
        ("source: emdb\ncatalogue: {ids: [1234]}", "catalogue.ids.0"),
    ],
)
def test_what_does_not_go_together_is_one_line(project, tmp_path, text, said):
    path = tmp_path / "c.yaml"
    path.write_text(f"results: r\n{text}\n")
    with pytest.raises(ValueError, match=r"^configuration ") as caught:
        read_config(path, project)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_defaults_fill_what_a_configuration_leaves_out(project, schema):
    content = read_config(project / "config" / "published28.yaml", project)
    assert content["score"] == defaults(schema, "score")
    assert content["published"] == defaults(schema, "published") | {"ask": "yes"}
    assert len(content["catalogue"]["ids"]) == 28


@pytest.mark.parametrize("wrong", [{"sorce": "demo"}, {"score": {"memory": 1}}, {"fit": {"lowest": "low"}}])
def test_wrong_keys_are_refused(schema, wrong):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"results": "r", "source": "demo"} | wrong, schema)


def defaults(schema, section):
    return {key: value["default"] for key, value in schema["properties"][section]["properties"].items()}


def test_defaults_of_the_fit_are_the_codes(schema):
    rule, given = FitRule(), defaults(schema, "fit")
    assert given == {
        "lowest": rule.lowest, "highest": rule.highest, "fewest": rule.fewest, "voxels": rule.voxels,
        "method": list(rule.methods), "criterion": list(rule.criteria),
    }  # fmt: skip


def test_defaults_of_the_catalogue_are_the_codes(schema):
    rule, given = CatalogueRule(), defaults(schema, "catalogue")
    names = {"method": "methods", "resolution_method": "resolution_methods", "ids": "only_ids"}
    for key in set(given) - {"query", "read_documents"}:
        value = getattr(rule, names.get(key, key))
        assert given[key] == (list(value) if isinstance(value, tuple) else value), key
    assert rule.methods == doors.METHODS


def test_defaults_of_the_archive_are_the_codes(schema):
    given, manners = defaults(schema, "archive"), Manners()
    assert (given["api"], given["graphql"], given["holdings"]) == (sites.EMDB_API, sites.GRAPHQL, sites.HOLDINGS)
    assert given["maps"] == list(sites.MAP_BASES) and given["models"] == list(sites.MODEL_BASES)
    assert given["reports"] == list(sites.REPORT_BASES)
    assert 60 * given["patience_minutes"] == manners.patience_seconds
    for key in ("contact", "read_seconds", "api_per_second"):
        assert given[key] == getattr(manners, key)


def test_defaults_of_the_draws_are_the_codes(schema):
    assert defaults(schema, "draws")["cc_mean"] == Design().cc_mean


def test_defaults_of_the_limits_are_the_codes(schema):
    limits = Limits()
    assert defaults(schema, "score") == {key: getattr(limits, key) for key in defaults(schema, "score")}


def test_defaults_of_the_flags_and_the_second_look_are_the_codes(schema):
    assert defaults(schema, "flag") == {"level": outliers.LEVEL}
    limits = {key: getattr(examine.LIMITS, key) for key in ("memory_mb", "base_seconds", "seconds_per_mb")}
    assert defaults(schema, "examine") == {"most": examination.MOST} | limits
    of_batch = {option.name: option.default for option in findings.examine_batch.params if option.name in limits}
    assert of_batch == limits


@pytest.mark.parametrize(
    ("section", "command"),
    [
        ("score", stages.score_batch),
        ("fit", stages.fit),
        ("fit", findings.outliers),
        ("flag", findings.outliers),
        ("fit", stages.draws),
        ("draws", stages.draws),
        ("figures", stages.figures),
    ],
)
def test_every_key_is_an_option_of_its_stage(schema, section, command):
    options = {name for p in command.params if isinstance(p, click.Option) for name in p.opts}
    assert {f"--{key.replace('_', '-')}" for key in defaults(schema, section)} <= options


def test_every_key_of_the_archive_and_the_catalogue_is_an_option_of_a_stage(schema):
    """`models` of the catalogue is --models-of-a-map: --models are places."""
    options = {
        name for command in doors.COMMANDS for p in command.params if isinstance(p, click.Option) for name in p.opts
    }
    keys = set(defaults(schema, "catalogue")) | set(defaults(schema, "archive")) - {"holdings"}
    assert {f"--{key.replace('_', '-')}" for key in keys} <= options
    assert "--models-of-a-map" in options
