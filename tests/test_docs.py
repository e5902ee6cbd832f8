"""The pages of the documentation: their commands parse, their links lead somewhere, the made ones are up to date."""

import importlib.util
import re
import shlex

import click
import pytest
import yaml

from qscore import columns, layouts, run
from qscore.cli import qscore

FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
COMMENT = re.compile(r"\s+#.*$")


def pages(project):
    return [project / "README.md", *sorted((project / "docs").glob("*.md"))]


@pytest.fixture(scope="module")
def texts(project):
    return {path: path.read_text(encoding="utf-8") for path in pages(project)}


@pytest.fixture(scope="module")
def generator(project):
    spec = importlib.util.spec_from_file_location("docs_generate", project / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- commands ----


def commands(text):
    """The lines of fenced blocks that call qscore; continued lines as one."""
    for _, _, block in FENCED.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip().startswith("qscore "):
                yield COMMENT.sub("", line.strip())


def parse(line):
    """Parse a command as the shell and the command line would, without running it."""
    name, *arguments = shlex.split(line)[1:]
    command = qscore.get_command(click.Context(qscore), name)
    assert command is not None, f"no command {name}: {line}"
    return command.make_context(name, arguments)


@pytest.fixture
def any_path(monkeypatch):
    """Paths are taken as they are, there or not."""
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, ctx: value)


def test_commands_parse(texts, any_path):
    found = [(path, line) for path, text in texts.items() for line in commands(text)]
    assert len(found) >= 30
    for path, line in found:
        try:
            parse(line)
        except (click.ClickException, ValueError) as err:
            pytest.fail(f"{path.name}: {line}: {err}")


@pytest.mark.parametrize(
    "line", ["qscore scoer map model", "qscore score map model --resolutoin 3", "qscore compare map model"]
)
def test_wrong_commands_do_not_parse(line, any_path):
    with pytest.raises((click.ClickException, AssertionError)):
        parse(line)


def test_commands_named_in_the_text_exist(texts):
    """`qscore word …` in running text, too, is a command."""
    named = {name for text in texts.values() for name in re.findall(r"`qscore ([a-z][a-z-]*)", text)}
    assert {"run", "score"} <= named
    assert named <= set(qscore.commands)


def test_every_command_for_people_is_told(texts):
    told = {name for text in texts.values() for name in re.findall(r"\bqscore ([a-z][a-z-]*)", text)}
    people = {"score", "compare", "profile", "check", "expected", "run", "progress", "failures", "audit", "doctor"}
    assert people | {"columns", "worklist", "pages"} <= told


def test_no_place_of_a_machine_is_told(texts):
    for path, text in texts.items():
        assert not re.search(r"(?<![\w.…>/-])/(tmp|home|root|work|Users|mnt)/", text), path.name


# ---- configurations ----


def test_whole_configurations_are_taken(project, texts, tmp_path):
    """A block of YAML that names its results is a configuration, and passes the schema."""
    blocks = [block for text in texts.values() for _, kind, block in FENCED.findall(text) if kind == "yaml"]
    whole = [block for block in blocks if "results" in yaml.safe_load(block)]
    assert whole
    for block in whole:
        (tmp_path / "config.yaml").write_text(block, encoding="utf-8")
        assert run.read_config(tmp_path / "config.yaml", project)["source"]


# ---- links and pictures ----


def slug(heading):
    """The anchor of a heading, as GitHub makes it."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip().lower()).replace("`", "")
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(text):
    return {slug(line.lstrip("#")) for line in FENCED.sub("", text).splitlines() if re.match(r"#{1,6} ", line)}


def links(text):
    return LINK.findall(re.sub(r"`[^`\n]*`", "", FENCED.sub("", text)))


def test_links_lead_somewhere(texts):
    count = 0
    for path, text in texts.items():
        for _, _, target in links(text):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            linked = (path.parent / name).resolve() if name else path
            assert linked.exists(), f"{path.name}: {target}"
            if anchor:
                assert anchor in anchors(linked.read_text(encoding="utf-8")), f"{path.name}: {target}"
            count += 1
    assert count >= 40


def test_pictures_are_there_small_and_told_in_words(texts):
    count = 0
    for path, text in texts.items():
        for shown, words, target in links(text):
            if shown:
                picture = path.parent / target
                assert picture.stat().st_size <= 200_000, target
                assert len(words.split()) >= 3, f"{path.name}: {target} needs a text that says what it shows"
                count += 1
    assert count >= 4


def test_no_picture_is_left_over(project, texts):
    shown = {(path.parent / target).resolve() for path, text in texts.items() for _, _, target in links(text)}
    assert set((project / "docs" / "images").glob("*")) <= shown


def test_the_index_has_every_page(project, texts):
    index = project / "docs" / "README.md"
    told = {(index.parent / target.partition("#")[0]).resolve() for _, _, target in links(texts[index])}
    assert set((project / "docs").glob("*.md")) - {index} <= told


def test_every_section_of_the_pages_is_told(project, texts):
    """The sections that the survey page lists, and the headings of an entry's page."""
    told = texts[project / "docs" / "reading-the-report.md"]
    templates = project / "qscore" / "report"
    page = (templates / "page.html").read_text(encoding="utf-8")
    listed = re.findall(r'<a href="#[a-z]+">([^<{]+)</a>', page[: page.index("</nav>")])
    assert len(listed) >= 10
    headings = re.findall(r"<h2>([^<{]+)</h2>", (templates / "entry.html").read_text(encoding="utf-8"))
    assert len(headings) >= 8
    assert [name for name in listed if f"| **{name}** |" not in told] == []
    assert [name for name in headings if f"| {name} |" not in told] == []


# ---- pages made from the code ----


def test_made_pages_are_up_to_date(generator):
    for path, text in generator.pages().items():
        assert path.read_text(encoding="utf-8") == text, f"docs/{path.name} is old: run python docs/generate.py"


def test_every_layout_is_described():
    described = {table.layout.name + str(table.layout.names) for table in columns.every()}
    known = [value for value in vars(layouts).values() if isinstance(value, layouts.Layout)]
    missing = [layout.name for layout in known if layout.name + str(layout.names) not in described]
    assert not missing


def test_names_of_tables_are_one_each():
    names = [table.name for table in columns.every()]
    assert len(names) == len(set(names))


def test_a_table_told_by_another_holds_no_more():
    for table in columns.every():
        if wider := columns.holder(table):
            assert columns.holder(wider) is None or set(table.layout.columns) < set(wider.layout.columns)
            assert set(table.layout.columns) < set(wider.layout.columns)


def test_writers_are_commands():
    for table in columns.every():
        for name in table.stage.removeprefix("qscore ").replace(" or ", " ").replace(",", " ").split():
            assert name.startswith("--") or name in qscore.commands, table.stage


def test_bars_and_angles_stay_in_their_cell():
    table = columns.Table(
        "t", layouts.Layout("t", (layouts.Column("c", "number", "|r| of <a>"),)), "t.tsv", "a row", "qscore fit"
    )
    assert "| `c` | number | \\|r\\| of &lt;a> |" in columns.markdown(table)


def test_unknown_table():
    with pytest.raises(ValueError, match="no table is called flag; expected one of: pairs"):
        columns.find("flag")


def test_a_page_of_two_parts_needs_its_marker(generator):
    with pytest.raises(ValueError, match="lacks the line <!-- Below"):
        generator.joined("# Configuration\n", generator.CONFIGURATION, "")


def test_every_key_of_the_schema_is_told(project, generator):
    schema = yaml.safe_load(generator.SCHEMA.read_text(encoding="utf-8"))
    text = (project / "docs" / "configuration.md").read_text(encoding="utf-8")
    for section, part in schema["properties"].items():
        for key, inner in part.get("properties", {section: part}).items():
            assert f"| `{key}` |" in text
            assert " ".join(inner["description"].split()).replace("{id}", "`{id}`") in text
