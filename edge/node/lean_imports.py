"""Have NumPy and paho-mqtt import less: what they load for purposes that a node has not.

NumPy loads the texts of its documentation and the types of its annotations, which nothing acts on: they are
not there afterwards. What paho has no use for is there for whoever asks for it.
"""

import importlib
import sys
from types import ModuleType

from station.program.postponed import FOR_MQTT, postpone

TEXTS = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars")
ANNOTATIONS = ("numpy._typing", "numpy.typing")


def lean_imports() -> None:
    """Import NumPy; paho after it. What is imported already stays as it is."""
    postpone(*FOR_MQTT)
    if "numpy" not in sys.modules:
        for name in TEXTS:
            sys.modules[name] = ModuleType(name)
        for name in ANNOTATIONS:
            sys.modules[name] = _Annotations(name)
        # Its own __getattr__ would look for it for ever.
        vars(importlib.import_module("numpy"))["typing"] = sys.modules["numpy.typing"]


class _Annotation:
    """Whatever NumPy's annotations name."""

    def __class_getitem__(cls, _: object) -> "type[_Annotation]":
        return cls


class _Annotations(ModuleType):
    def __getattr__(self, name: str) -> type[_Annotation]:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Annotation
