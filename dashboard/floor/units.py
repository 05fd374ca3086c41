"""Loads in the coach's unit; everything inside is kilograms."""

from typing import Literal

Units = Literal["kg", "lb"]
LB_PER_KG = 1.0 / 0.45359237  # the international pound, by definition


def load_words(load_kg: float | None, units: Units = "kg") -> str | None:
    """A load in the coach's unit; None where none was entered."""
    if load_kg is None:
        return None
    return f"{round(load_kg * LB_PER_KG, 1) if units == 'lb' else load_kg:g}"[:9] + f" {units}"
