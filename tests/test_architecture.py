"""The house's rules: who imports what, and how big things get."""

import ast
import subprocess
import sys
import tempfile
from pathlib import Path

# The third-party packages each module may import, at its top or inside a function.
FIGURES = {
    "agreement", "calibration", "changes", "crowd", "entryfigures", "portrait", "radial", "rivalfigures", "scatter",
    "spread", "style", "trace3d", "traces", "years",
}  # fmt: skip
OWNERS = {
    "requests": {"web"},
    "urllib3": {"web"},
    "mrcfile": {"density"},
    "isal": {"density", "checks"},
    "gemmi": {"model", "molecule", "simulate"},
    "numba": {"building", "lanes", "gridloops", "fourierloops", "redrawloops"},
    "llvmlite": {"building", "compiled"},
    "pyarrow": {"tables"},
    "duckdb": {"audit"},
    "statsmodels": {"regression", "localscale"},
    "patsy": {"shape", "localscale"},
    "seaborn": {"rivalfigures", "scatter", "spread"},
    "matplotlib": FIGURES | {"figures"},
    "mpl_toolkits": {"trace3d"},
    "pandas": FIGURES | {"points", "exhibits"},
    "PIL": {"entryfigures"},
    "bokeh": {"report.explore"},
    "jinja2": {"report.templates"},
    "markupsafe": {"report.templates"},
    "rich": {"show", "board"},
    "click": {
        "options",
        "cli", "checking", "describing", "doors", "expectation", "findings", "inquiry", "single", "stages", "verbs",
    },
    "psutil": {"isolation"},
    "yaml": {"run"},
    "jsonschema": {"run"},
    "scipy": None,  # everyone but a scoring process
    "numpy": None,  # everyone
    "snakemake": set(),
}  # fmt: skip
# Modules of a scoring process; none of them may reach for these.
SCORING = {
    "entry",
    "score",
    "kernel",
    "lanes",
    "maskloops",
    "probes",
    "density",
    "model",
    "atomrows",
    "aggregate",
    "expected",
    "quantiles",
    "batch",
    "isolation",
    "errors",
    "chance",
    "ligands",
    "rigid",
    "equations",
    "realspace",
    "modelmap",
    "simulate",
    "fourier",
    "spectrum",
    "fourierloops",
    "overallb",
    "wholemap",
    "gridloops",
    "building",
    "compiled",
    "sampling",
    "bits",
    "measurable",
    "slabs",
    "nearness",
}
TRANSFORMS = {"spectrum": {"scipy"}}  # scipy.fft alone, a fifth of a second, before a batch forks
HEAVY = {"statsmodels", "seaborn", "matplotlib", "pandas", "scipy", "requests"}


def modules(project):
    for path in sorted((project / "qscore").rglob("*.py")):
        name = ".".join(path.relative_to(project / "qscore").with_suffix("").parts).removesuffix(".__init__")
        yield name, path


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_one_owner_a_package(project):
    for name, path in modules(project):
        for imported in imports(path):
            top = imported.split(".")[0]
            if top in sys.stdlib_module_names or top == "qscore":
                continue
            assert top in OWNERS, f"{name} imports {top}, which the table does not know"
            assert OWNERS[top] is None or name in OWNERS[top], f"{name} imports {top}"


def graph(project):
    known = {name for name, _ in modules(project)}
    edges = {}
    for name, path in modules(project):
        targets = set()
        for imported in imports(path):
            parts = imported.split(".")
            if parts[0] == "qscore":
                targets |= {".".join(parts[1:k]) for k in (2, 3)} & known
        edges[name] = targets - {name}
    return edges


def test_no_cycles(project):
    edges, done, active = graph(project), set(), []

    def visit(name):
        assert name not in active, " → ".join([*active, name])
        if name not in done:
            active.append(name)
            for target in sorted(edges[name]):
                visit(target)
            done.add(active.pop())

    for name in sorted(edges):
        visit(name)


def test_scoring_needs_nothing_heavy(project):
    edges = graph(project)
    reached, left = set(), set(SCORING)
    while left:
        name = left.pop()
        reached.add(name)
        left |= edges[name] - reached
    paths = dict(modules(project))
    for name in reached:
        heavy = HEAVY - TRANSFORMS.get(name, set())
        assert not heavy & {imported.split(".")[0] for imported in imports(paths[name])}, name


def test_no_drawer_for_everything(project):
    assert not {"utils", "helpers", "common", "core", "misc"} & {name.split(".")[-1] for name, _ in modules(project)}


def test_start_up_is_light():
    code = (
        "import sys, qscore.cli; print([m for m in ('numpy', 'gemmi', 'pyarrow', 'numba', 'rich') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def functions(project):
    for name, path in modules(project):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                yield name, node, (body[-1].end_lineno - body[0].lineno + 1) if body else 0


def test_functions_stay_small(project):
    sizes = sorted(size for _, _, size in functions(project))
    assert sizes[len(sizes) // 2] <= 8
    assert sum(size > 30 for size in sizes) <= len(sizes) * 0.05


def test_public_functions_are_documented(project):
    bare = [
        f"{name}.{node.name}"
        for name, node, _ in functions(project)
        if not node.name.startswith("_") and not ast.get_docstring(node) and not node.decorator_list
    ]
    inner = {
        "places",
        "draw",
        "advance",
        "score_part",
        "convert",
        "pair_of",
        "standardised",
        "share",
        "loss",
        "correlation",
        "add",
        "put",
    }
    assert [name for name in bare if name.split(".")[-1] not in inner] == []


def test_no_path_of_a_machine(project):
    """Neither where this checkout lies, nor the user's home, nor the folder of temporary files."""
    words = {
        f"{folder}/" for folder in (project.parent, Path.home(), Path(tempfile.gettempdir())) if len(folder.parts) > 1
    }
    listed = subprocess.run(
        ["git", "ls-files"], cwd=project, capture_output=True, text=True, check=False
    ).stdout.split()
    for name in listed:
        if not name.endswith((".png", ".svg")):
            text = (project / name).read_text(encoding="utf-8", errors="replace")
            assert not [word for word in words if word in text], name
