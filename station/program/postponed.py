"""Modules that are imported when something of them is asked for.

The packages we use import others for what we never do, and those take a good part of a start: paho-mqtt for
websockets and proxies.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

FOR_MQTT = ("hashlib", "ssl", "urllib.request")  # what paho imports, and most connections have no use for


def postpone(*names: str) -> None:
    """Have the next `import` of these modules, no packages, load nothing yet; those that are there stay."""
    for name in names:
        if name not in sys.modules:
            sys.modules[name] = module = _Postponed(name)
            package, _, last = name.rpartition(".")
            if package:
                setattr(import_module(package), last, module)


class _Postponed(ModuleType):
    """Not importlib.util.LazyLoader's: those are loaded by the first `import` of them (Python 3.11)."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # of the import system, which looks whether a module is one
            raise AttributeError(name)
        _withdraw(self)
        value = getattr(import_module(self.__name__), name)
        setattr(self, name, value)
        return value


def _withdraw(module: _Postponed) -> None:
    if sys.modules.get(module.__name__) is module:
        del sys.modules[module.__name__]
