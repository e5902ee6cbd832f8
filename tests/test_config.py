"""Configuration: the schema is complete, its defaults are the code's, shipped files follow it."""

import click
import jsonschema
import pytest
import yaml

from qscore import batch, stages
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
        for key, value in section["properties"].items():
            assert value["description"], f"{name}.{key}"
            assert "default" in value, f"{name}.{key}"


@pytest.mark.parametrize("file", ["config.yaml", "pairs.yaml"])
def test_shipped_configurations_follow_the_schema(schema, project, file):
    jsonschema.validate(yaml.safe_load((project / "config" / file).read_text()), schema)


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


def test_defaults_of_the_limits_are_the_codes(schema):
    limits = batch.Limits()
    assert defaults(schema, "score") == {key: getattr(limits, key) for key in defaults(schema, "score")}


@pytest.mark.parametrize(
    ("section", "command"),
    [("score", stages.score_batch), ("fit", stages.fit), ("fit", stages.flag), ("figures", stages.figures)],
)
def test_every_key_is_an_option_of_its_stage(schema, section, command):
    options = {name for p in command.params if isinstance(p, click.Option) for name in p.opts}
    assert {f"--{key.replace('_', '-')}" for key in defaults(schema, section)} <= options
