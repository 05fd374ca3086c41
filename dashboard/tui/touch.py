"""What the touch shell around a served terminal needs to know: the keys that act now, and the bell.

A tablet has no keyboard beside it: the shell draws a button for each of these keys, which types the same.
"""

from collections.abc import Iterator
from typing import Any

from textual.app import App
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, OptionList

# What a terminal sends for keys that are more than one sign (XTerm control sequences).
_TYPED = {
    "enter": "\r",
    "escape": "\x1b[27u",  # kitty's: a bare one read together with the next button's letter is Alt and that
    "space": " ",
    "tab": "\t",
    "slash": "/",
    "question_mark": "?",
    "full_stop": ".",
    "plus": "+",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "ctrl+p": "\x10",
    "backspace": "\x7f",
    "ctrl+n": "\x0e",
    "ctrl+e": "\x05",
}
_ARROWS = {"↑": "up", "↓": "down", "←": "left", "→": "right"}

TouchKey = tuple[str, str]  # what the button says, and what it types; "": the tablet's own keyboard comes


def touch_keys(screen: Screen[Any]) -> list[TouchKey]:
    """The keys that act on a screen now; ways back first, and the palette with all of them last."""
    if isinstance(screen, ModalScreen):
        return list(_of_dialog(screen))
    shown: dict[str, TouchKey] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not active.enabled or not binding.description or not (binding.show or binding.tooltip):
            continue
        arrows = [_ARROWS[sign] for sign in binding.key_display or "" if sign in _ARROWS]
        for key in arrows or [binding.key]:
            typed = _TYPED.get(key, key)
            word = f"{binding.key_display[arrows.index(key)]} " if arrows and binding.key_display else ""
            if len(typed) == 1 or key in _TYPED:
                shown.setdefault(typed, (f"{word}{binding.description}", typed))
    back = [shown.pop(typed) for typed in (_TYPED["escape"], _TYPED["enter"]) if typed in shown]
    shown.pop(_TYPED["ctrl+p"], None)
    return [*back, *shown.values(), ("All", _TYPED["ctrl+p"])]


def _of_dialog(screen: ModalScreen[Any]) -> Iterator[TouchKey]:
    yield "Send", _TYPED["enter"]
    yield "Back", _TYPED["escape"]
    if screen.query(Input):
        yield "Keyboard", ""
    if len(screen.query(Input)) > 1:
        yield "Next line", _TYPED["tab"]
    for active in screen.active_bindings.values():
        if active.binding.tooltip and active.node is screen:
            yield active.binding.description, _TYPED[active.binding.key]
    if screen.query(OptionList):
        yield "↑", _TYPED["up"]
        yield "↓", _TYPED["down"]


class TouchShell:
    """Tells the browser that a served app is shown in, where it is; nothing in a terminal."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._told: list[TouchKey] = []

    @property
    def served(self) -> bool:
        """Whether the app is drawn by a browser."""
        return hasattr(self._app._driver, "write_meta")

    def tell_keys(self) -> None:
        """Send the keys that act now, where they are others than before."""
        if not self.served:
            return
        keys = touch_keys(self._app.screen)
        if keys != self._told:
            self._told = keys
            self._write("keys", keys)

    def ring(self) -> None:
        """Send the bell; the terminal in the browser has none."""
        if self.served:
            self._write("bell", True)

    def _write(self, what: str, value: object) -> None:
        driver = self._app._driver
        assert driver is not None
        driver.write_meta({"type": what, "value": value})  # type: ignore[attr-defined]
