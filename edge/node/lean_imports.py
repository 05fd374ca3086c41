"""Have the packages that a node needs import less: what they load for purposes that a node has not.

paho-mqtt imports urllib.request for proxies and websockets, and ssl; NumPy the texts of its documentation and
the types of its annotations. Everything is still there for whoever asks for it, except these texts and types,
which nothing acts on.
"""

import importlib
import sys
from types import ModuleType
from typing import Any

POSTPONED = ("hashlib", "ssl", "urllib.request")
TEXTS = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")
ANNOTATIONS = ("numpy._typing", "numpy.typing")
# paho asks for these wherever a socket has nothing to read. Before ssl is there nothing raises them.
UNRAISED = ("SSLWantReadError", "SSLWantWriteError")


def lean_imports() -> None:
    """Import NumPy; paho after it. What is imported already stays as it is."""
    for name in POSTPONED:
        if name not in sys.modules:
            sys.modules[name] = module = _Postponed(name)
            package, _, last = name.rpartition(".")
            if package:
                setattr(importlib.import_module(package), last, module)
    if "numpy" not in sys.modules:
        for name in TEXTS:
            sys.modules[name] = ModuleType(name)
        for name in ANNOTATIONS:
            sys.modules[name] = _Annotations(name)
        # Its own __getattr__ would look for it for ever.
        vars(importlib.import_module("numpy"))["typing"] = sys.modules["numpy.typing"]


class _Postponed(ModuleType):
    """A module that is imported when something of it is asked for.

    Not importlib.util.LazyLoader's: those are loaded by the first `import` of them (Python 3.11).
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # of the import system, which looks whether a module is one
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            if name in UNRAISED:
                return _UnraisedError
            del sys.modules[self.__name__]
        value = getattr(importlib.import_module(self.__name__), name)
        setattr(self, name, value)
        return value


class _UnraisedError(Exception):
    """What nothing raises."""


class _Annotation:
    """Whatever NumPy's annotations name."""

    def __class_getitem__(cls, _: Any) -> "type[_Annotation]":
        return cls


class _Annotations(ModuleType):
    def __getattr__(self, name: str) -> type[_Annotation]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Annotation
