"""What stands in a line that a sketch, a serial plotter or a logger prints: labels, numbers, units.

    0.8418   +12.3 kg   12,5 kg   - 0.4 kg      a number with a point or a comma, a unit behind it
    Position: 0.8418    pos=0.84  A:1.0,B:2.0   labels, as serial plotters have them
    >force:1627.3:612.4§N                       Teleplot
    {"ms": 1042, "pos": 0.8418}   [1042, 0.84]  JSON, tables within tables too
    [12:00:01][D][sensor:094]: 'Cell': Sending state 12.30000 kg with 2 decimals of accuracy     ESPHome

Fields are separated by semicolons, tabs or bars (a comma within one is a decimal comma then), by commas, or
by blanks. A separator at the end is passed over. Pure: text in, fields out.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

G_MPS2 = 9.80665  # standard gravity, CGPM 1901: a scale's kilogram is this many newtons
KG_PER_LB = 0.45359237  # international pound, 1959
_LB_N = G_MPS2 * KG_PER_LB
# What one of a unit is in the unit a channel's name ends with; times in microseconds.
UNITS: dict[str, dict[str, float]] = {
    "m": {"m": 1.0, "cm": 0.01, "mm": 0.001, "um": 1e-6, "in": 0.0254, "inch": 0.0254, '"': 0.0254},
    "n": {
        "n": 1.0,
        "kn": 1000.0,
        "kg": G_MPS2,
        "kgf": G_MPS2,
        "kgs": G_MPS2,
        "g": G_MPS2 / 1000.0,
        "gr": G_MPS2 / 1000.0,
        "lb": _LB_N,
        "lbs": _LB_N,
        "lbf": _LB_N,
    },
    "rad": {"rad": 1.0, "deg": 0.017453292519943295, "°": 0.017453292519943295},
    "time": {"s": 1e6, "sec": 1e6, "ms": 1e3, "us": 1.0},
}
_ALL_UNITS = frozenset(unit for units in UNITS.values() for unit in units)
NO_NUMBER = frozenset(("", "nan", "inf", "-inf", "ovf", "null", "none", "unknown", "unavailable"))

_NUMBER = r"[+-]?(?:[0-9]{1,15}(?:[.,][0-9]{0,15})?|[.,][0-9]{1,15})(?:[eE][+-]?[0-9]{1,2})?"
_UNIT = r'[A-Za-zµμ°%"][A-Za-zµμ°%/²^0-9]{0,11}'
_FIELD = re.compile(
    r"(?:(?P<label>'[^']{0,60}'|[^\W\d][^:=>]{0,60}?)\s*(?:[:=]|>>|->)\s*|(?P<word>[^\W\d][^\W\d]{0,20})\s+)?"
    rf"(?P<number>(?:[+-]\s{{1,8}})?{_NUMBER}|[+-]?(?:nan|inf|ovf))?\s*(?P<unit>{_UNIT})?",
    re.IGNORECASE,
)
_ITEM = re.compile(
    rf"(?:(?P<label>[^\W\d][^\s:=,;]{{0,40}})\s*[:=]\s*)?(?P<number>{_NUMBER})(?:\s?(?P<unit>{_UNIT})(?![:=\w]))?"
    r"(?:\s+|$)"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LOG = re.compile(r"\[(?:\d\d?:\d\d:\d\d[.\d]*\]\[)?[A-Z]{1,2}\]\[[\w.]+(?::\d+)?\](?:\[[\w.]+\])?: ?(.*)")
_STATE = re.compile(
    rf"'([^']{{1,60}}')(?:: Sending state|: Got value| >>)\s+({_NUMBER}|nan)\s?({_UNIT})?(?: with .*)?",
    re.IGNORECASE,
)
_STRONG = re.compile(r"[;\t|]")


class Field(NamedTuple):
    """One value of a line."""

    label: str  # what stands before it, "" where nothing does
    said: str  # the number as printed; "" for one that is none, the text itself where it is no number
    unit: str = ""  # as printed, in small letters, "" where none
    is_number: bool = True

    @property
    def number(self) -> float:
        """The number, with its decimal comma read as one; NaN where there is none."""
        said = self.said.replace(",", ".").replace(" ", "")
        return float("nan") if said.lower().lstrip("+-") in NO_NUMBER else float(said)


def is_short_comma(one: Field) -> bool:
    """Whether a comma in a number with a unit is a decimal one; beyond 999 it may part a clock from it."""
    return len(one.said.partition(",")[0].strip("+- ")) <= 3


# Why a line may not be read, to stand behind it.
COMMA_DOUBT = (
    ', whose comma may be a decimal one: write decimal = "," and a column for each number that is left, or'
    ' decimal = "." where it parts two'
)


def bare(text: str) -> str:
    """A line without colours and blanks at its ends, and without Teleplot's `>`."""
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    text = text.strip()
    return text[1:] if text[:1] == ">" and ":" in text else text


def is_text(line: str) -> bool:
    """Whether a line is one a person can read, not a piece of a binary frame or of another baud."""
    odd = sum(char == "\ufffd" or (not char.isprintable() and char not in "\t\x1b") for char in line)
    return odd <= 0.05 * len(line)


def is_log(text: str) -> bool:
    """Whether a bare line is one of ESPHome's log, whatever it says."""
    return text[:1] == "[" and _LOG.fullmatch(text) is not None


def readings(text: str, *, words: bool = False, commas: bool = True) -> Iterator[list[Field]]:
    """The ways in which a bare line can be cut into fields, the likeliest first.

    words: at last also at every blank, so that words are fields. commas: may part fields.
    """
    if text[:1] == "[" and (log := _LOG.fullmatch(text)) is not None:
        state = _STATE.fullmatch(log[1])
        if state is not None:
            yield [Field(state[1].strip("'"), state[2], (state[3] or "").lower())]
        return
    if text[:1] in ("{", "[") and text[-1:] in ("}", "]"):
        yield from _json(text)
        return
    if (
        plot := re.fullmatch(rf"([^:|§]{{1,60}}):(\d{{10,13}}):({_NUMBER})(?:§(\w*))?(?:\|.*)?", text)
    ) is not None:
        yield [Field(plot[1], plot[3], (plot[4] or "").lower())]
        return
    text = text.replace("§", " ")
    if _STRONG.search(text):
        yield from _cut(_STRONG.split(text))
    if "," in text and commas:
        yield from _cut(text.split(","))
    items = list(_ITEM.finditer(text))
    if items and sum(len(item[0]) for item in items) == len(text):
        yield [Field(i["label"] or "", i["number"], (i["unit"] or "").lower()) for i in items]
    parts = text.split()
    if words and len(parts) > 1 and "," not in text and not any(part.lower() in _ALL_UNITS for part in parts):
        yield _fields(parts)
    yield _fields([text])


def field(text: str) -> Field:
    """A piece of a line: label, number, unit; or only a text."""
    text = text.strip()
    found = _FIELD.fullmatch(text)
    if found is None or (found["number"] is None and text.lower() not in NO_NUMBER):
        return Field("", text, is_number=False)
    label = (found["label"] or found["word"] or "").strip("' ")
    unit = (found["unit"] or "").lower().replace("µ", "u").replace("μ", "u")
    return Field(label, "" if found["number"] is None else found["number"], unit)


def _cut(pieces: list[str]) -> Iterator[list[Field]]:
    """The pieces as fields; where the line ends with a separator, also without what is behind it."""
    yield _fields(pieces)
    if len(pieces) > 1 and not pieces[-1].strip():
        yield _fields(pieces[:-1])


def _fields(pieces: list[str]) -> list[Field]:
    """The pieces as fields; a unit that is a piece of its own belongs to the number before it."""
    fields = [field(piece) for piece in pieces]
    for at in range(1, len(fields)):
        before, unit = fields[at - 1], fields[at].said.lower()
        if before.is_number and not before.unit and not fields[at].is_number and unit in _ALL_UNITS:
            fields[at - 1] = before._replace(unit=unit)  # 12.3,kg
    return fields


def _json(text: str) -> Iterator[list[Field]]:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return
    fields = list(_leaves("", value, 4))
    numbers = [at for at, one in enumerate(fields) if one.is_number]
    units = [one.said.lower() for one in fields if not one.is_number and one.said.lower() in _ALL_UNITS]
    if len(numbers) == len(units) == 1:  # {"value": 12.3, "unit": "kg"}
        fields[numbers[0]] = fields[numbers[0]]._replace(unit=units[0])
    yield fields


def _leaves(label: str, value: object, depth: int) -> Iterator[Field]:
    """Each value of a JSON object or array, labelled by its key."""
    if isinstance(value, dict) and depth:
        for key, inner in value.items():
            yield from _leaves(str(key), inner, depth - 1)
    elif isinstance(value, list) and depth:
        for inner in value:
            yield from _leaves(label, inner, depth - 1)
    elif value is None:
        yield Field(label, "")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield Field(label, repr(value))
    else:
        inner_field = field(str(value))
        yield inner_field._replace(label=label)
