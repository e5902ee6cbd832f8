"""The loops in LLVM's language, as Numba writes them; `qscore.compiled` makes machine code of it and keeps that."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace

from numba import njit
from numba.core.sigutils import normalize_signature

_MARKED: dict[str, dict[str, tuple[str, object]]] = {}  # by module
# No array is allocated, so none is counted: that takes a tenth of the time. No function is called from Python.
_PLAIN = {"nogil": True, "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def loop(signature: str):
    """Mark a function of a source as one that is called from Python; `signature` as Numba writes it, of no result."""

    def mark(function):
        """The function as Numba has it."""
        compiled = njit(**_PLAIN)(function)
        _MARKED.setdefault(function.__module__, {})[function.__name__] = signature, compiled
        return compiled

    return mark


def quick(function):
    """Write a function into the loops that call it; what it divides by zero is infinite, or not a number."""
    return njit(forceinline=True, error_model="numpy", **_PLAIN)(function)


def apart(function):
    """Compile a function once, for the loops that call it: one that takes long, or is called in several places."""
    return njit(error_model="numpy", **_PLAIN)(function)


def python(sources) -> SimpleNamespace:
    """The marked functions of the sources as Numba has them: with ``NUMBA_DISABLE_JIT`` set, their Python."""
    return SimpleNamespace(**{name: function for name, (_, function) in _marked(sources).items()})


def written(sources) -> Iterator[tuple[str, str, str, str]]:
    """Name, signature and symbol of each marked function of the sources, and its text."""
    for name, (signature, function) in _marked(sources).items():
        arguments, _ = normalize_signature(signature)
        function.compile(signature)
        yield name, signature, function.overloads[arguments].fndesc.llvm_func_name, function.inspect_llvm(arguments)


@contextmanager
def written_beside(sources: Iterable[str]) -> Iterator[Iterator[tuple[str, str, str, str]]]:
    """What `written` gives, by another process that begins at once; read from it, it is waited for."""
    command = "import sys; from qscore import building; building.tell(sys.argv[1:])"
    with tempfile.TemporaryFile() as text:  # a pipe would hold it up
        other = subprocess.Popen([sys.executable, "-c", command, *sources], stdout=text)
        try:
            yield _told(other, text)
        finally:
            other.kill()
            other.wait()


def _told(other, text) -> Iterator[tuple[str, str, str, str]]:
    if other.wait():
        raise RuntimeError(f"the loops could not be compiled: exit code {other.returncode}")
    text.seek(0)
    yield from (tuple(json.loads(line)) for line in text)


def tell(sources: Iterable[str]) -> None:
    """What `written` gives, a line of JSON each, for `written_beside`."""
    for one in written(sources):
        print(json.dumps(one))


def _marked(sources) -> dict:
    found = {}
    for name in sources:
        found |= _MARKED.get(import_module(f"qscore.{name}").__name__, {})
    return found
