import pytest

from dashboard.floor.plates import BAR_KG, plates_per_side, plates_words


@pytest.mark.parametrize(
    "load_kg, plates",
    [
        (20.0, ()),
        (60.0, (20.0,)),
        (62.5, (20.0, 1.25)),
        (97.5, (25.0, 10.0, 2.5, 1.25)),
        (180.0, (25.0, 25.0, 25.0, 5.0)),
        (61.0, None),  # not of these plates
        (15.0, None),  # less than the bar
        (None, None),
        (float("nan"), None),
        (9e9, None),
    ],
)
def test_the_plates_of_a_side(load_kg: float | None, plates: tuple[float, ...] | None) -> None:
    assert plates_per_side(load_kg) == plates
    if plates is not None:
        assert BAR_KG + 2 * sum(plates) == load_kg


def test_what_a_lifter_is_told() -> None:
    assert plates_words(62.5) == "20 kg bar + 20 + 1.25 a side"
    assert plates_words(20.0) == "20 kg bar"
    assert plates_words(61.0) == ""
