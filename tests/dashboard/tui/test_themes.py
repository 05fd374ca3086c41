"""The themes' colours: told apart with every kind of colour blindness, and read on their grounds."""

from collections.abc import Sequence
from itertools import combinations

import pytest
from rich.color import Color
from rich.style import Style

from dashboard.tui.widgets.themes import THEMES, Theme, in_theme
from tests.dashboard.colours import BLACK, FOCUSED, GROUND, STATES, WORDS, contrast

# Machado, Oliveira and Fernandes, IEEE TVCG 2009: what a dichromat sees, in linear RGB.
SEEN_BY = {
    "everybody else": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "a protanope": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998),
    ),
    "a deuteranope": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881),
    ),
    "a tritanope": (
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900),
    ),
}  # fmt: skip
LEAST_DIFFERENCE = 10.0  # CIE 1976 ΔE: 2.3 is just noticed side by side, and tiles are not


def turned(color: str, theme: Theme) -> Color:
    found = in_theme(Style(color=color), theme).color
    assert found is not None
    return found


def linear(color: Color) -> list[float]:
    parts = [part / 255.0 for part in color.get_truecolor()]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def lab(color: Color, seen: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """CIE L*a*b* under D65 (IEC 61966-2-1, CIE 15)."""
    rgb = [max(0.0, min(1.0, sum(a * b for a, b in zip(row, linear(color), strict=True)))) for row in seen]
    to_xyz = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.072175),
              (0.0193339, 0.119192, 0.9503041))  # fmt: skip
    xyz = [sum(a * b for a, b in zip(row, rgb, strict=True)) for row in to_xyz]
    ratios = [value / white for value, white in zip(xyz, (0.95047, 1.0, 1.08883), strict=True)]
    x, y, z = (t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in ratios)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("seen", sorted(SEEN_BY))
@pytest.mark.parametrize("theme", sorted(THEMES))
def test_the_colours_of_states_are_told_apart_by(theme: Theme, seen: str) -> None:
    close = {}
    for one, other in combinations(STATES, 2):
        a, b = (lab(turned(color, theme), SEEN_BY[seen]) for color in (one, other))
        close[one, other] = sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) ** 0.5
    assert min(close.values()) >= LEAST_DIFFERENCE, {k: v for k, v in close.items() if v < LEAST_DIFFERENCE}


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_states_and_words_are_read_on_their_grounds(theme: Theme) -> None:
    for ground in (GROUND, FOCUSED):
        for color in STATES:
            # 1.4.3: of large and bold letters, which states are written in.
            assert contrast(turned(color, theme), turned(ground, theme)) >= 3.0, (color, ground)
        assert contrast(turned(WORDS, theme), turned(ground, theme)) >= 7.0
    for color in STATES:  # a tile's head: black in the dark theme, on the state's colour
        assert contrast(turned(color, theme), turned(BLACK, theme)) >= 3.0
