"""The one list of a rep's fields, and whatever is made of it."""

from typing import Annotated

import msgspec
import pytest

from dashboard.database.tables import REPS
from dashboard.history.export import COLUMNS
from station.records import Rep, SetSummary, plain_types
from station.schema import json_schemas
from tests.fields import Definition, definitions

FIELDS = Rep.__struct_fields__


def test_every_field_of_a_rep_says_what_it_is_and_when_it_is_null():
    assert [name for one in definitions(Rep) for name in one.names] == list(FIELDS)
    assert all(one.what and one.null for one in definitions(Rep))


def test_a_field_without_a_definition_is_refused():
    with pytest.raises(ValueError, match=r"SetSummary\.number has no definition"):
        definitions(SetSummary)


def test_neighbours_of_one_definition_stand_together():
    speed = msgspec.Meta(description="how fast", extra={"null": "never"})
    two = msgspec.defstruct(
        "Two", [("mean_mps", Annotated[float, speed]), ("peak_mps", Annotated[float, speed])]
    )
    assert definitions(two) == [Definition(("mean_mps", "peak_mps"), "how fast", "never")]


def test_the_types_behind_the_fields_are_plain():
    kinds = plain_types(Rep)
    assert list(kinds) == list(FIELDS)
    assert [kinds[name] for name in ("number", "counted", "reason_code", "rom_m", "repaired_samples")] == [
        *(int, bool, str, float, int)
    ]


def test_the_table_the_export_and_the_schema_have_every_field_and_its_definition():
    for name in FIELDS:
        assert name in REPS.c
        assert name in COLUMNS["reps"]
    schema = json_schemas()["rep"]["$defs"]["Rep"]["properties"]
    assert [schema[name]["description"] for name in FIELDS] == [
        one.what for one in definitions(Rep) for _ in one.names
    ]
