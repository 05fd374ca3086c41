"""The light theme: every colour with its lightness inverted, its hue kept, and dark enough to be read."""

import colorsys
from functools import lru_cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

MOST_LUMINANCE = 0.22  # of a hue: 3 to 1 against our light grounds, as WCAG 2.1 (1.4.3) asks of large letters
_HUE_FROM = 0.4  # saturation; below it a colour is a ground or a grey


class LightTheme(LineFilter):
    """Inverts lightness for bright halls; colours that are distinct in the dark theme stay distinct."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with inverted lightness."""
        return [
            segment
            if segment.style is None
            else Segment(segment.text, _turned(segment.style), segment.control)
            for segment in segments
        ]


@lru_cache(2048)
def _turned(style: Style) -> Style:
    return style + Style.from_color(_other(style.color), _other(style.bgcolor))


def _other(color: RichColor | None) -> RichColor | None:
    if color is None or color.is_default:
        return color
    red, green, blue = (part / 255.0 for part in color.get_truecolor())
    hue, light, saturation = colorsys.rgb_to_hls(red, green, blue)
    light = 1.0 - light
    turned = colorsys.hls_to_rgb(hue, light, saturation)
    while saturation > _HUE_FROM and _luminance(turned) > MOST_LUMINANCE:
        light *= 0.97
        turned = colorsys.hls_to_rgb(hue, light, saturation)
    return RichColor.from_rgb(*(round(255.0 * part) for part in turned))


def _luminance(rgb: tuple[float, float, float]) -> float:
    """Relative luminance as WCAG 2.1 defines it, 0 to 1."""
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb)
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
