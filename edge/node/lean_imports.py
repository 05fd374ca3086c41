"""Have the packages that a node needs import less: what they load for purposes that a node has not.

paho-mqtt imports urllib.request for proxies and websockets, ssl, and logging; NumPy the texts of its
documentation, the types of its annotations and its linear algebra; Cython's modules all of inspect for seven
flags; msgspec what describes types, and typing_extensions for what this Python has; argparse translations, of
which there are none. Everything is still there for whoever asks for it, except these texts and types, which
nothing acts on.
"""

import importlib
import os
import sys
import threading
import typing
from collections.abc import Callable
from types import ModuleType
from typing import Any

POSTPONED = (
    "ast",
    "gettext",
    "hashlib",
    "inspect",
    "logging",
    "msgspec.inspect",
    "numpy.linalg",
    "pickle",
    "platform",
    "ssl",
    "textwrap",
    "tokenize",
    "typing_extensions",
    "urllib.request",
)
TEXTS = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")
ANNOTATIONS = ("numpy._typing", "numpy.typing")


def lean_imports() -> None:
    """Import msgspec and NumPy; argparse and paho after it. What is imported already stays as it is."""
    postponed = {name: _Postponed(name) for name in POSTPONED if name not in sys.modules}
    sys.modules |= postponed
    if "numpy" not in sys.modules:
        sys.modules |= {name: ModuleType(name) for name in TEXTS}
        sys.modules |= {name: _Annotations(name) for name in ANNOTATIONS}
        # Its own __getattr__ would look for it for ever.
        vars(importlib.import_module("numpy"))["typing"] = sys.modules["numpy.typing"]
    for name, module in postponed.items():
        package, _, last = name.rpartition(".")
        if package:
            setattr(importlib.import_module(package), last, module)
    if "inspect" in postponed:
        postponed["inspect"].meanwhile = _CODE_FLAGS
    if "typing_extensions" in postponed:  # msgspec alone asks, and whoever asks later may find it missing
        sys.modules.pop("typing_extensions", None)


class _UnraisedError(Exception):
    """What nothing raises."""


def _when_called(module: str, name: str) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        return getattr(_loaded(module), name)(*args, **kwargs)

    return called


# Of Python's code objects (Include/cpython/code.h).
_CODE_FLAGS = {
    "CO_OPTIMIZED": 0x1,
    "CO_NEWLOCALS": 0x2,
    "CO_VARARGS": 0x4,
    "CO_VARKEYWORDS": 0x8,
    "CO_GENERATOR": 0x20,
    "CO_COROUTINE": 0x80,
    "CO_ASYNC_GENERATOR": 0x200,
}
# What is asked of a module at other modules' import, and does without it.
_MEANWHILE: dict[str, dict[str, Any]] = {
    "gettext": {"gettext": str, "ngettext": lambda one, several, n: one if n == 1 else several},
    "inspect": {"cleandoc": str, "signature": lambda _: None},  # for NumPy's import alone: of its functions
    "logging": {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40},
    "numpy.linalg": {
        name: _when_called("numpy.linalg", name) for name in ("eigvals", "inv", "lstsq", "matrix_power")
    },
    "platform": {"system": lambda: os.uname().sysname},
    "typing_extensions": {
        name: getattr(typing, name) for name in ("get_type_hints", "NotRequired", "Required")
    },
    # paho asks for these wherever a socket has nothing to read. Before ssl is there nothing raises them.
    "ssl": {"SSLWantReadError": _UnraisedError, "SSLWantWriteError": _UnraisedError},
}
_ASKED = threading.Lock()


class _Postponed(ModuleType):
    """A module that is imported when something of it is asked for.

    Not importlib.util.LazyLoader's: those are loaded by the first `import` of them (Python 3.11).
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.meanwhile = _MEANWHILE.get(name, {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # of the import system, which looks whether a module is one
            raise AttributeError(name)
        if name in self.meanwhile and sys.modules.get(self.__name__) is self:
            return self.meanwhile[name]
        value = getattr(_loaded(self.__name__), name)
        setattr(self, name, value)
        return value


def _loaded(name: str) -> ModuleType:
    with _ASKED:
        if isinstance(sys.modules.get(name), _Postponed):
            del sys.modules[name]
    return importlib.import_module(name)


class _Annotation:
    """Whatever NumPy's annotations name."""

    def __class_getitem__(cls, _: Any) -> "type[_Annotation]":
        return cls


class _Annotations(ModuleType):
    def __getattr__(self, name: str) -> type[_Annotation]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Annotation
