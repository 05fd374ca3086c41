STATE_NAMES: dict[str, int]
SAYS: dict[str, int]
EVENTS: dict[str, tuple[int, str]]
LIFE: tuple[tuple[str, str, str, str], ...]
