"""The package runs, and unpacks, nothing that others have made."""

import ast

import pytest

FORBIDDEN_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "xmlrpc", "telnetlib", "ftplib"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "tempfile.mktemp", 
                   "yaml.unsafe_load", "yaml.full_load", "np.load", "numpy.load", "os.execv", "os.execvp"}  # fmt: skip
ALLOWED = {("building", "function.compile"): "Numba's, of loops of ours"}


def dotted(node):
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def dangers(text):
    """What a module calls or imports that runs, or unpacks, what others wrote."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (name for name in names if name.split(".")[0] in FORBIDDEN_MODULES)
        if isinstance(node, ast.Call):
            name, options = dotted(node.func), {key.arg: key.value for key in node.keywords}
            if name in FORBIDDEN_CALLS:
                yield name
            if name == "yaml.load" and "Safe" not in ast.unparse(node):
                yield name
            for key, wrong in (("shell", True), ("verify", False), ("allow_pickle", True)):
                if key in options and getattr(options[key], "value", wrong) == wrong:
                    yield f"{name}({key}={wrong})"


def test_the_package_runs_and_unpacks_nothing_of_others(project):
    found = {
        (path.stem, name)
        for path in sorted((project / "qscore").rglob("*.py"))
        for name in dangers(path.read_text(encoding="utf-8"))
    }
    assert found - set(ALLOWED) == set()


@pytest.mark.parametrize(
    "text",
    ["import pickle", "from marshal import loads", "eval('1')", "os.system('x')", "run('x', shell=True)",
     "get(u, verify=False)", "yaml.load(x)", "yaml.load(x, Loader=yaml.Loader)", "tempfile.mktemp()",
     "np.load(p, allow_pickle=True)", "run('x', shell=flag)"],
)  # fmt: skip
def test_what_is_dangerous_is_seen(text):
    assert list(dangers(text))
