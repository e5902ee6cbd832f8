"""The templates of the pages, with the filters they use (owns jinja2)."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from qscore.letters import visible_lines
from qscore.report.words import count, fixed, number, percent, percentile, plain, short, signed, small_number


@cache
def environment() -> Environment:
    """Templates in which every value is escaped, its letters are visible, and a missing one is an error."""
    environment = Environment(
        loader=PackageLoader("qscore.report", ""),
        autoescape=True,
        finalize=_visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "fixed": fixed, "count": count, "number": number, "percent": percent, "short": short,
        "percentile": percentile, "plain": plain,
        "signed": signed, "small_number": small_number,
    }  # fmt: skip
    environment.globals["style"] = Markup(environment.loader.get_source(environment, "page.css")[0])
    return environment


def _visible(value):
    """A value as it is put into a page; what is HTML already stays as it is."""
    return visible_lines(value) if type(value) is str else value
