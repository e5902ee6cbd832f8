"""The loops as they are called: machine code of the modules in `SOURCES`, built once, loaded without the compiler.

Numba compiles them when a user first scores on a machine. Its own cache would be
read in a second, most of it spent on importing Numba; here the machine code alone
is kept, and LLVM loads that in a tenth. A function is called by Numba's
convention: result, error, then each array as (owner, parent, size, item size,
data, shape, strides), of which the first two are empty, so that nothing is counted.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import json
import logging
import os
import re
import tempfile
import threading
import time
from functools import cache
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import llvmlite
import numpy as np
from llvmlite import binding

_HALVES = ("lanes", "kernel", "maskloops", "copyloops", "redrawloops"), ("gridloops", "fourierloops", "scanloops")
SOURCES = (*_HALVES[0], *_HALVES[1])
OWNER_GONE = "NRT_MemInfo_call_dtor"  # named in the code, never reached: no array has an owner
PATIENCE = 120.0  # seconds: then the process that compiles hangs, or its machine is gone
_LOG = logging.getLogger(__name__)
_LOCK = threading.Lock()


def loops() -> SimpleNamespace:
    """The marked functions by name; says so when they have to be compiled first.

    With ``NUMBA_DISABLE_JIT`` set, their Python.
    """
    with _LOCK:
        return _loops()


@cache
def _loops() -> SimpleNamespace:
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        from qscore import building

        return building.python(SOURCES)
    return _loaded(*(_read() or _made()))


def _made() -> tuple[dict, bytes]:
    """What `_read` gives, compiled and kept; of several processes that need it at once the first does that for all."""
    with _one_by_one():
        kept = _read()
        if kept is None:
            _LOG.info("compiling the scoring kernel: once, about 15 s …")
            kept = _built()
            _keep(*kept)
    return kept


@contextlib.contextmanager
def _one_by_one():
    """Wait for others that are within, no longer than `PATIENCE`; where a folder cannot be locked, nobody waits."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            folder = folders()[0]
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, handle)
            end = time.monotonic() + PATIENCE
            while not _locked(handle) and time.monotonic() < end:
                time.sleep(0.1)
        yield


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_cached() -> bool:
    """Whether the machine code of the present sources is kept for this machine."""
    return _read() is not None


def folders() -> list[Path]:
    """Where machine code may be kept, the best place first: an installation, and a home, may be read-only."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qscore" / "kernel"
    return [Path(os.environ.get("NUMBA_CACHE_DIR") or home), Path(tempfile.gettempdir()) / f"qscore-{os.getuid()}"]


def _file_name() -> str:
    """One for each state of the sources, compiler and kind of processor: homes are shared by machines."""
    told = hashlib.sha256(repr((llvmlite.__version__, binding.get_host_cpu_name(), features())).encode())
    for name in ("building", *SOURCES):
        told.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    return f"{told.hexdigest()[:24]}.loops"


def features() -> str:
    """What this processor can do, as LLVM says it; empty where that is not told."""
    try:
        return binding.get_host_cpu_features().flatten()
    except RuntimeError:  # not told on every system
        return ""


def _read() -> tuple[dict, bytes] | None:
    """Symbol and signature of each function, and the machine code; None where they are not kept whole.

    Only files of this user, or of root, are trusted: what they hold is run.
    """
    name = _file_name()
    for folder in folders():
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            with open(folder / name, "rb") as stream:
                if os.fstat(stream.fileno()).st_uid not in (os.getuid(), 0):
                    continue
                head, _, code = stream.read().partition(b"\n")
            told = json.loads(head)
            if hashlib.sha256(code).hexdigest() == told["sha256"]:
                return told["symbols"], code
    return None


def _keep(symbols: dict, code: bytes) -> None:
    """Write what `_read` reads, whole or not at all, where that can be; nowhere is no error."""
    head = json.dumps({"symbols": symbols, "sha256": hashlib.sha256(code).hexdigest()}).encode()
    name = _file_name()
    for folder in folders():
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder, delete=False) as stream:
                stream.write(head + b"\n" + code)
            os.replace(stream.name, folder / name)
            return
    _LOG.info("the compiled kernel cannot be kept anywhere: it is compiled again each time")


def _built() -> tuple[dict, bytes]:
    """Symbol and signature of each function, and one object file of all."""
    from qscore import building

    symbols, whole = {}, binding.parse_assembly("")
    with building.written_beside(_HALVES[1]) as others:  # half of the time each
        for name, signature, symbol, text in chain(building.written(_HALVES[0]), others):
            module = binding.parse_assembly(text)
            _check(name, signature, module.get_function(symbol))
            symbols[name] = symbol, signature
            whole.link_in(module)
    return symbols, _machine().emit_object(whole)


def _check(name: str, signature: str, function) -> None:
    """Refuse a function whose arguments are not those of the convention."""
    found = ["address" if re.match(r"ptr|.*\*", str(one.type)) else str(one.type) for one in function.arguments]
    expected = ["address", "address"]
    for dtype, dims in _arguments(signature):
        whole = ["i64"] * (2 * dims)
        expected += ["address", "address", "i64", "i64", "address", *whole] if dims else [_NUMBER[dtype][0]]
    if found != expected:
        raise RuntimeError(f"the compiler's convention is not the one known here: {name} takes {found}")


def _machine() -> binding.TargetMachine:
    """This machine, as LLVM knows it."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    target = binding.Target.from_default_triple()
    named = {"cpu": binding.get_host_cpu_name(), "features": features()}
    return target.create_target_machine(**named, opt=3, codemodel="jitdefault", jit=True)


@cache
def _engine():
    """What machine code is loaded into; kept as long as the process lives."""
    never = ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value
    binding.add_symbol(OWNER_GONE, never)
    return binding.create_mcjit_compiler(binding.parse_assembly(""), _machine())


def _loaded(symbols: dict, code: bytes) -> SimpleNamespace:
    engine = _engine()
    engine.add_object_file(binding.ObjectFileRef.from_data(code))
    engine.finalize_object()
    found = {name: (engine.get_function_address(symbol), signature) for name, (symbol, signature) in symbols.items()}
    return SimpleNamespace(**{name: Loop(name, *one) for name, one in found.items()})


_NUMBER = {"i8": ("i64", ctypes.c_int64), "f8": ("double", ctypes.c_double)}
_ARGUMENT = re.compile(r"([a-z]\d)(?:\[([:,1]+)\])?")


def _arguments(signature: str) -> list[tuple[str, int]]:
    """Element type and dimensions (0: a number) of each argument."""
    return [(dtype, dims.count(",") + 1 if dims else 0) for dtype, dims in _ARGUMENT.findall(signature)]


class Loop:
    """A compiled function of arrays, which must be C-contiguous, and numbers. It frees the interpreter's lock."""

    def __init__(self, name: str, address: int, signature: str):
        self.name, self._kinds = name, [(np.dtype(dtype), dims) for dtype, dims in _arguments(signature)]
        flat = [ctypes.c_void_p, ctypes.c_void_p]
        for dtype, dims in self._kinds:
            owner, whole = [ctypes.c_void_p] * 2, [ctypes.c_ssize_t]
            flat += [*owner, *whole * 2, ctypes.c_void_p, *whole * (2 * dims)] if dims else [_NUMBER[dtype.str[1:]][1]]
        self._call = ctypes.CFUNCTYPE(ctypes.c_int32, *flat)(address)

    def __call__(self, *arguments) -> None:
        """Call it.

        Raises
        ------
        TypeError
            An argument is not what the signature says.
        RuntimeError
            The loop found a fault of its own, such as a division by zero.
        """
        result, error = ctypes.c_void_p(), ctypes.c_void_p()
        flat = [ctypes.addressof(result), ctypes.addressof(error)]
        if len(arguments) != len(self._kinds):
            raise TypeError(f"{self.name} takes {len(self._kinds)} arguments, not {len(arguments)}")
        for n, (value, (dtype, dims)) in enumerate(zip(arguments, self._kinds, strict=True)):
            if not dims:
                flat.append(value)
                continue
            if not (isinstance(value, np.ndarray) and value.dtype == dtype and value.ndim == dims):
                raise TypeError(f"{self.name}: argument {n} is not an array of {dtype} in {dims} dimensions")
            if not value.flags.c_contiguous:
                raise TypeError(f"{self.name}: argument {n} is not C-contiguous")
            place = value.__array_interface__["data"][0]
            flat += [None, None, value.size, value.itemsize, place, *value.shape, *value.strides]
        if self._call(*flat):
            raise RuntimeError(f"{self.name} failed")
