"""Events of a clock that is not set yet: their age goes with them, and they are stamped again when it is."""

from datetime import UTC, datetime

import pytest

from edge.delivery.stamps import SessionClock, stamped
from station.messages import decode, encode

NOW = datetime(2030, 5, 1, 12, 0, 0, tzinfo=UTC)
CLOCK = SessionClock("session", lambda: 100.0)


@pytest.fixture
def unset(make_rep):
    return encode(make_rep(session_s=40.0, at_utc="1970-01-01T00:00:40.000Z", clock_synchronised=False))


def test_while_the_clock_is_not_set_the_age_goes_with_the_event(unset):
    sent = decode("rep", stamped("rep", unset, CLOCK, False, NOW))
    assert (sent.at_utc, sent.clock_synchronised, sent.age_s) == ("1970-01-01T00:00:40.000Z", False, 60.0)


def test_once_it_is_set_the_event_is_stamped_again_by_its_age(unset):
    sent = decode("rep", stamped("rep", unset, CLOCK, True, NOW))
    assert (sent.at_utc, sent.clock_synchronised, sent.age_s) == ("2030-05-01T11:59:00.000Z", True, None)


def test_a_set_is_stamped_as_its_reps_are(make_set):
    payload = encode(make_set(session_s=70.0, clock_synchronised=False))
    assert decode("set", stamped("set", payload, CLOCK, True, NOW)).at_utc == "2030-05-01T11:59:30.000Z"


def test_what_a_set_clock_has_stamped_and_another_sessions_stays_as_it_is(make_rep):
    for message in (
        make_rep(clock_synchronised=True),
        make_rep(),
        make_rep(session="before", clock_synchronised=False),
    ):
        assert stamped("rep", encode(message), CLOCK, True, NOW) == encode(message)
