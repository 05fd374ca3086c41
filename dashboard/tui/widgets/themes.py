"""The themes: every screen is drawn in the dark one's colours, and a filter turns them into another's."""

import colorsys
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from dashboard.tui.lines import BLUE, GREY, ORANGE, VERMILION, YELLOW

Theme = Literal["dark", "light", "contrast", "paper"]
THEMES: Mapping[Theme, str] = {
    "dark": "dark",
    "light": "light, for a bright hall",
    "contrast": "dark, with the greatest contrast",
    "paper": "black on white",
}
# On a light ground yellow, orange and vermilion of the same lightness are one colour to a deuteranope: these
# stay apart for each kind of colour blindness (tests/dashboard/tui/test_themes.py computes it).
INKS: Mapping[str, str] = {
    BLUE: "#0048b8",
    YELLOW: "#564d00",
    ORANGE: "#a66b00",
    VERMILION: "#b80058",
    GREY: "#6d7783",
}
_CONTRAST: Mapping[str, str] = {GREY: "#c4ccd6"}
_GROUND = 0.05  # luminance: our dark grounds are darker
_WHITE, _BLACK = RichColor.from_rgb(255, 255, 255), RichColor.from_rgb(0, 0, 0)


class ThemeFilter(LineFilter):
    """Turns the dark theme's colours into another's."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments in the theme's colours."""
        return [
            segment
            if segment.style is None
            else Segment(segment.text, in_theme(segment.style, self._theme), segment.control)
            for segment in segments
        ]


@lru_cache(4096)
def in_theme(style: Style, theme: Theme) -> Style:
    """A style of the dark theme in another."""
    turn = {"light": _light, "paper": _paper, "contrast": _contrast}.get(theme)
    if turn is None:
        return style
    return style + Style.from_color(
        *(None if one is None or one.is_default else turn(one) for one in (style.color, style.bgcolor))
    )


def _light(color: RichColor) -> RichColor:
    """Our own colours as inks, all others with their lightness inverted."""
    truecolor = color.get_truecolor()
    if (ink := INKS.get(truecolor.hex)) is not None:
        return RichColor.parse(ink)
    hue, light, saturation = colorsys.rgb_to_hls(*(part / 255.0 for part in truecolor))
    turned = colorsys.hls_to_rgb(hue, 1.0 - light, saturation)
    return RichColor.from_rgb(*(round(255.0 * part) for part in turned))


def _paper(color: RichColor) -> RichColor:
    """As in the light theme, the grounds white and what is written on them black."""
    if color.get_truecolor().hex in INKS:
        return _light(color)
    return _WHITE if luminance(color) < _GROUND else _BLACK


def _contrast(color: RichColor) -> RichColor:
    """The grounds black, greys lighter."""
    if (other := _CONTRAST.get(color.get_truecolor().hex)) is not None:
        return RichColor.parse(other)
    if color.get_truecolor().hex in INKS:
        return color
    return _BLACK if luminance(color) < _GROUND else _WHITE


def luminance(color: RichColor) -> float:
    """Relative luminance as WCAG 2.1 defines it, 0 to 1."""
    parts = (part / 255.0 for part in color.get_truecolor())
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
