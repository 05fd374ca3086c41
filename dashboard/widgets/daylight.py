"""The light theme: every colour with its lightness turned round, its hue kept."""

import colorsys
from functools import lru_cache

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter


class Daylight(LineFilter):
    """Dark on light, for a hall with windows; what was told apart in the dark is told apart here."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments with their styles turned round."""
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
    turned = colorsys.hls_to_rgb(hue, 1.0 - light, saturation)
    return RichColor.from_rgb(*(round(255.0 * part) for part in turned))
