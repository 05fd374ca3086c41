"""What to put on a bar for a load."""

BAR_KG = 20.0  # the men's bar of the IWF's rules, and of most racks
# In pairs, as many as it takes.
PLATES_KG = (25.0, 20.0, 15.0, 10.0, 5.0, 2.5, 1.25)
_LARGEST_KG = 500.0


def plates_per_side(load_kg: float | None) -> tuple[float, ...] | None:
    """The plates of one end of the bar, heaviest first; none for the bare bar.

    None where the load is not known, less than the bar, or not to be made of these plates.
    """
    if load_kg is None or not BAR_KG <= load_kg <= _LARGEST_KG:
        return None
    rest_kg = (load_kg - BAR_KG) / 2
    found = []
    for plate_kg in PLATES_KG:
        count = int(rest_kg / plate_kg + 1e-9)
        found += [plate_kg] * count
        rest_kg -= count * plate_kg
    return tuple(found) if abs(rest_kg) < 1e-6 else None


def plates_words(load_kg: float | None) -> str:
    """What a lifter is told: "20 kg bar + 15 + 5 a side"; empty where nothing can be told."""
    plates = plates_per_side(load_kg)
    if plates is None:
        return ""
    if not plates:
        return f"{BAR_KG:g} kg bar"
    return f"{BAR_KG:g} kg bar + {' + '.join(f'{plate:g}' for plate in plates)} a side"
