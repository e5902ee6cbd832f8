"""Write the pages that are made from the code: `python docs/generate.py`.

`tables.md` comes from the layouts of the tables (`qscore.columns`), the second part of `configuration.md` from the
schema of the configuration, that of `audit.md` from the ready questions, that of `reading-the-report.md` from the
captions of the figures. `tests/test_docs.py` holds that they are up to date.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from qscore import captions, columns, readyquestions

DOCS = Path(__file__).resolve().parent
SCHEMA = DOCS.parent / "workflow" / "schemas" / "config.schema.yaml"
CONFIGURATION = "<!-- Below this line: made by docs/generate.py from workflow/schemas/config.schema.yaml. -->"
AUDIT = "<!-- Below this line: made by docs/generate.py from qscore/questions/. -->"

FIGURES = "<!-- Below this line: made by docs/generate.py from qscore/captions.py. -->"


def joined(text: str, marker: str, made: str) -> str:
    """A page of two parts: what is written by hand, up to the marker, and what is made.

    Raises
    ------
    ValueError
        The marker is not there.
    """
    written, found, _ = text.partition(marker)
    if not found:
        raise ValueError(f"a page lacks the line {marker}")
    return f"{written}{marker}\n\n{made}"


def questions(ready) -> str:
    """The ready questions as Markdown: name, title and the values that may be set."""
    rows = [f"| `{one.name}` | {_cell(one.title)} | {_settable(one.values)} |" for one in ready]
    return "\n".join(["## Ready questions", "", "| name | answers | values |", "|---|---|---|", *rows]) + "\n"


def _settable(values) -> str:
    return "<br>".join(f"`{value.name}` = {value.default}: {_cell(value.meaning)}" for value in values)


def figures(told) -> str:
    """The captions of the figures as Markdown."""
    rows = [f"| `{name}` | {_cell(title)} | {_cell(text)} |" for name, (title, text) in told.items()]
    head = "## Figures\n\nA figure whose tables are missing, or hold too few entries, is not made."
    return "\n".join([head, "", "| file | title | what it shows |", "|---|---|---|", *rows]) + "\n"


def keys(schema: dict) -> str:
    """The keys of a schema as Markdown, a table for each section."""
    sections = {name: part for name, part in schema["properties"].items() if part.get("properties")}
    alone = {name: part for name, part in schema["properties"].items() if name not in sections}
    parts = ["## Keys of the whole survey", _table(alone, schema.get("required", ()))]
    for name, part in sections.items():
        parts += [f"## {name}", _table(part["properties"], part.get("required", ()))]
    return "\n\n".join(parts) + "\n"


def _table(properties: dict, required) -> str:
    rows = [
        f"| `{key}` | {' · '.join(_values(part))} | {_default(key, part, required)} | {_cell(part['description'])} |"
        for key, part in properties.items()
    ]
    return "\n".join(["| key | value | default | what |", "|---|---|---|---|", *rows])


def _values(part: dict) -> Iterator[str]:
    """What a key takes, in words."""
    if "enum" in part:
        yield ", ".join(
            f"`{json.dumps(value)}`" if value in ("", "yes", "no") else f"`{value}`" for value in part["enum"]
        )
        return
    kinds = part["type"] if isinstance(part["type"], list) else [part["type"]]
    names = {
        "array": "list",
        "string": "text",
        "integer": "whole number",
        "object": "mapping",
        "boolean": "true, false",
    }
    yield " or ".join(names.get(kind, kind) for kind in kinds)
    if choices := part.get("items", {}).get("enum"):
        yield "of " + ", ".join(f"`{choice}`" for choice in choices)
    limits = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    if held := [f"{sign} {part[key]}" for key, sign in limits.items() if key in part]:
        yield ", ".join(held)


def _default(key: str, part: dict, required) -> str:
    if key in required:
        return "must be given"
    default = part.get("default")
    if isinstance(default, list) and default:
        return "<br>".join(f"`{item}`" for item in default)
    return f"`{json.dumps(default, ensure_ascii=False)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("{id}", "`{id}`")


def pages() -> dict[Path, str]:
    """The pages that are made, by file, as they should be."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    halves = {
        DOCS / "configuration.md": (CONFIGURATION, keys(schema)),
        DOCS / "audit.md": (AUDIT, questions(readyquestions.questions().values())),
        DOCS / "reading-the-report.md": (FIGURES, figures(captions.CAPTIONS)),
    }
    whole = {path: joined(path.read_text(encoding="utf-8"), *half) for path, half in halves.items()}
    return {DOCS / "tables.md": columns.page()} | whole


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
