"""Colours as they are drawn: how well they are read, and whether any is none of ours."""

from typing import Any

from rich.color import Color
from textual.widget import Widget

from dashboard.tui.dialogs.dialog import Dialog
from dashboard.tui.lines import BLUE, GREY, ORANGE, VERMILION, YELLOW
from dashboard.tui.widgets.themes import luminance

STATES = (BLUE, YELLOW, ORANGE, VERMILION, GREY)
GROUND, FOCUSED, WORDS, BLACK = "#10141a", "#1b222c", "#e8edf2", "#000000"
PALETTE = {*STATES, GROUND, FOCUSED, WORDS, BLACK}
LEAST_CONTRAST = 3.0  # WCAG 2.1, 1.4.3 for large and bold letters, 1.4.11 for bars and glyphs


def contrast(one: Color, other: Color) -> float:
    """As WCAG 2.1 defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def drawn(app: Any) -> list[tuple[str, Color, Color]]:
    """Every piece of text with its colour and its ground's, on the screen or in the dialog before it."""
    whole = not isinstance(app.screen, Dialog)
    where = app.screen.region if whole else _box(app.screen).region
    return [
        (part.text.strip(), part.style.color, part.style.bgcolor)
        for strip in app.screen._compositor.render_strips()[where.y : where.bottom]
        for part in strip.crop(where.x, where.right)
        if part.text.strip() and part.style and part.style.color and part.style.bgcolor
    ]


def _box(dialog: Dialog[Any]) -> Widget:
    """What a dialog shows over the dimmed screen; its first child is the place of notices, and empty."""
    return next(one for one in dialog.children if "-textual-system" not in one.classes)


def faint(app: Any) -> list[str]:
    """What cannot be read on its ground."""
    return sorted({words for words, color, ground in drawn(app) if contrast(color, ground) < LEAST_CONTRAST})


def strange(app: Any) -> set[str]:
    """Colours of the dark theme that nobody has held against the others, for every kind of eye."""
    return {one.get_truecolor().hex for _, *both in drawn(app) for one in both} - PALETTE


def grey(app: Any) -> bool:
    """Whether there is no colour on the screen."""
    shades = [one.get_truecolor() for _, *both in drawn(app) for one in both]
    return all(max(shade) - min(shade) <= 1 for shade in shades)
