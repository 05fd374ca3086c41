"""What becomes of a candidate: the table is whole, the counter goes by it, and the page shows it."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import CHANNELS, Discarded, Measured
from kernels._candidate import EVENTS, LIFE, SAYS, STATE_NAMES
from tests.grammar import PAGE, with_table

POSITION = CHANNELS.index("position_m")


def test_every_state_answers_every_event_once():
    assert sorted(row[:2] for row in LIFE) == sorted(product(STATE_NAMES, EVENTS))
    assert {said for *_, said, _ in LIFE} == set(SAYS)


@pytest.mark.parametrize("start", sorted(STATE_NAMES))
def test_every_state_is_reached_from_every_other(start):
    reached = {start}
    for _ in STATE_NAMES:
        reached |= {after for state, _, _, after in LIFE if state in reached}
    assert reached == set(STATE_NAMES)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), concentric_first=st.booleans())
def test_a_counter_says_of_a_rep_only_what_the_table_has_in_its_state(
    motion, counter, seed, concentric_first
):
    rng = np.random.default_rng(seed)
    legs = [(2.0, 0.0)]
    for _ in range(12):
        moved = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.02, 0.6))
        legs += [(float(rng.uniform(0.15, 2.0)), moved), (float(rng.exponential(1.5)), 0.0)]
    rc = counter(concentric_first=concentric_first)
    state = "open"
    for one in rc.push(POSITION, *motion(*legs, start_m=4.0)) + rc.finish():
        if isinstance(one, Measured):
            said = one.kind
        elif isinstance(one, Discarded) and one.candidate >= 0:
            said = "complete" if one.reason == "unmeasured" else "withdrawn"
        else:
            continue
        if state == "open" and said == "held":
            state = "pending"  # nothing could be measured at its lockout
        after = {row[3] for row in LIFE if row[0] == state and row[2] == said}
        assert len(after) == 1, (state, said)
        state = after.pop()


def test_the_page_shows_the_table():
    text = PAGE.read_text(encoding="utf-8")
    assert text == with_table(text)
