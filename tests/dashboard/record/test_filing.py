"""Sessions of a node whose clock is not set are filed under the day they were on."""

from typing import Any

import pytest

from dashboard.record.filing import filed, is_misdated

UNSET = {"clock_synchronised": False}
CAME = "2030-05-01T12:00:00.000Z"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (UNSET | {"at_utc": "1970-01-01T00:01:00.000Z", "age_s": 60.0}, "2030-05-01T11:59:00.000Z"),
        (UNSET | {"at_utc": "2030-04-10T08:00:00.000Z", "age_s": 1.5}, "2030-05-01T11:59:58.500Z"),
        ({"at_utc": "1970-01-01T00:01:00.000Z"}, CAME),  # of the first edition, which does not say
        ({"at_utc": "", "clock_synchronised": True}, CAME),
    ],
)
def test_an_event_of_a_clock_that_is_not_set_is_filed_by_its_arrival_less_its_age(
    make_rep: Any, said: dict[str, Any], expected: str
) -> None:
    found = filed(make_rep(**said), CAME)
    assert (found.at_utc, found.said_utc) == (expected, said["at_utc"])


def test_an_event_of_a_set_clock_is_filed_as_it_says_however_late_it_comes(make_rep: Any) -> None:
    for synchronised in (True, None):
        message = make_rep(at_utc="2030-04-28T08:00:00.000Z", clock_synchronised=synchronised)
        assert filed(message, CAME) == ("2030-04-28T08:00:00.000Z", None)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ({"at_utc": "2030-05-01T13:00:00.000Z"}, True),  # of the future
        ({"at_utc": "2030-05-01T12:00:30.000Z"}, False),
        ({"at_utc": "2030-04-28T08:00:00.000Z"}, False),  # waited for days
        ({"at_utc": "1970-01-01T00:01:00.000Z"}, True),
        ({"at_utc": ""}, True),
        (UNSET | {"at_utc": "1970-01-01T00:01:00.000Z", "age_s": 60.0}, True),
        (UNSET | {"at_utc": "2030-05-01T11:59:00.020Z", "age_s": 60.0}, False),  # set by hand
    ],
)
def test_a_clock_that_is_wrong_is_noticed_and_one_that_nobody_sets_may_be_right(
    make_rep: Any, said: dict[str, Any], wrong: bool
) -> None:
    assert is_misdated(filed(make_rep(**said), CAME), CAME) is wrong
