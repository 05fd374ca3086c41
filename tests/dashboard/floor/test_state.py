"""The floor's state: the same from any order of the same arrivals; and what is shown of it."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.floor.attention import Attention
from dashboard.floor.faults import faults
from dashboard.floor.reps import path_mm, with_sigma
from dashboard.floor.running import running_set
from dashboard.floor.state import OVER_S, REPS_KEPT, TRACE_LENGTH, FloorState, apply_all
from dashboard.floor.views import attention_order, view
from station.exercises import all_profiles
from station.exercises.judge import Outcome
from station.messages import AckMessage, AnyMessage, Message, ReplyMessage
from station.topics import Address
from tests.dashboard.arrivals import apply

STATIONS = ("rack-1", "cable-1")
Arrived = tuple[Address, Any, float]


def address(station: str, message: Message) -> Address:
    return Address("gym", station, type(message).__name__.removesuffix("Message").lower())


@st.composite
def arrivals(draw: st.DrawFn, words: Any) -> list[Arrived]:
    """Messages of two stations and two sessions each, colliding ids, revisions and times included."""
    found: list[Arrived] = []
    for _ in range(draw(st.integers(1, 25))):
        say = words(draw(st.sampled_from(["a1", "b2"])))
        number, set_number = draw(st.integers(1, 4)), draw(st.integers(1, 3))
        revision = draw(st.integers(1, 3))
        kind = draw(st.sampled_from(["state", "info", "health", "live", "rep", "set"]))
        message: AnyMessage
        match kind:
            case "state":
                message = say.state(draw(st.sampled_from(["starting", "ready", "stopping", "lost"])))
            case "info":
                message = say.info(athlete=draw(st.sampled_from([None, "ana", "ben"])))
            case "health":
                message = say.health(float(number), frames=revision)
            case "live":
                message = say.live(float(draw(st.integers(0, 6))), position_m=float(revision))
            case "rep":
                state = draw(st.sampled_from(["pending", "confirmed", "rejected"]))
                event_id = draw(st.sampled_from([f"r{number}", "shared"]))
                message = say.rep(number, set_number, event_id=event_id, revision=revision, state=state)
            case _:
                message = say.set(set_number, revision=revision, counted_reps=number)
        station = draw(st.sampled_from(STATIONS))
        found.append((address(station, message), message, float(draw(st.integers(0, 5)))))
    return found


@given(data=st.data())
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_order_and_duplication_of_the_same_arrivals_gives_the_same_floor(words: Any, data: Any) -> None:
    sent = data.draw(arrivals(words))
    again = data.draw(st.lists(st.sampled_from(sent), max_size=10))
    other_order = data.draw(st.permutations(sent + again))
    assert apply_all(FloorState(), other_order) == apply_all(FloorState(), sent)


@given(data=st.data())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_order_does_not_decide_what_is_forgotten(words: Any, data: Any) -> None:
    say = words()
    reps = [say.rep(n % 50 + 1, n // 50 + 1, revision=n % 3 + 1) for n in range(REPS_KEPT + 40)]
    lives = [say.live(0.1 * n) for n in range(TRACE_LENGTH + 40)]
    sent = [(address("rack-1", m), m, 0.0) for m in (*reps, *lives)]
    shuffled = list(sent)
    data.draw(st.randoms(use_true_random=False)).shuffle(shuffled)
    floor = apply_all(FloorState(), sent)
    session = floor.stations["gym", "rack-1"].newest
    assert len(session.reps) == REPS_KEPT and len(session.trace) == TRACE_LENGTH
    assert session.trace[-1] == lives[-1].live and max(session.reps.values(), key=_place) == reps[-1]
    assert apply_all(FloorState(), shuffled) == floor


def _place(message: Any) -> tuple[int, int]:
    return message.set_number, message.rep.number


def test_a_message_that_says_nothing_about_a_station_leaves_the_floor_alone() -> None:
    floor = FloorState()
    reply = ReplyMessage(event_id="1", at_utc="", in_reply_to="0", ok=True, text="done")
    ack = AckMessage(event_id="1", at_utc="", streams=[])
    for message in (reply, ack):
        assert apply(floor, address("rack-1", message), message, 0.0) is floor


class Rack:
    """One station fed with messages, and what a screen shows of it."""

    def __init__(self, words: Any) -> None:
        self.say = words("a1")
        self.floor = FloorState()

    def hear(self, *messages: Message, at_s: float = 100.0) -> None:
        for message in messages:
            self.floor = apply(self.floor, address("rack-1", message), message, at_s)  # type: ignore[arg-type]

    def shown(self, now_s: float = 100.0, broker_up: bool = True, brings_live: bool = True) -> Any:
        station = self.floor.stations["gym", "rack-1"]
        return view(station, all_profiles(), now_s, broker_up, brings_live=brings_live)


@pytest.fixture
def rack(words: Any) -> Rack:
    """A station that is ready and sends live values."""
    rack = Rack(words)
    rack.hear(rack.say.state(), rack.say.info(target_reps=8), rack.say.live(1.0))
    return rack


def test_pending_reps_count_and_rejected_ones_are_taken_back(rack: Rack) -> None:
    rack.hear(rack.say.rep(1), rack.say.rep(2, state="pending", revision=1))
    assert (rack.shown().counted, rack.shown().pending) == (2, True)
    rack.hear(rack.say.rep(2, state="rejected", revision=2))
    assert (rack.shown().counted, rack.shown().pending) == (1, False)


def test_a_partial_rep_is_shown_and_not_counted(rack: Rack) -> None:
    rack.hear(rack.say.rep(1), rack.say.rep(2, counted=False, reason="range below 60 %"))
    assert (rack.shown().counted, rack.shown().partial) == (1, 1)


def test_the_count_starts_anew_with_the_next_set(rack: Rack) -> None:
    rack.hear(*(rack.say.rep(n) for n in range(1, 9)), rack.say.set(1))
    assert (rack.shown().counted, rack.shown().set_over) == (8, True)
    rack.hear(rack.say.rep(1, 2, state="pending"))
    assert (rack.shown().counted, rack.shown().set_over) == (1, False)


def test_an_older_revision_that_comes_late_changes_nothing(rack: Rack) -> None:
    rack.hear(rack.say.rep(1, revision=2, mean_concentric_velocity_mps=0.6))
    rack.hear(rack.say.rep(1, revision=1, state="pending", mean_concentric_velocity_mps=0.5), at_s=200.0)
    assert rack.shown().last.measured.mean_concentric_velocity_mps == 0.6


def test_values_that_stop_coming_are_stale_and_a_fault(rack: Rack) -> None:
    assert rack.shown(101.0).freshness.text == "live"
    shown = rack.shown(107.5)
    assert (shown.freshness.text, shown.attention) == ("stale 7 s", Attention.FAULT)


def test_a_last_will_shows_until_the_station_is_back(rack: Rack) -> None:
    rack.hear(rack.say.state("lost"), at_s=110.0)
    assert rack.shown(110.0).freshness.name == "lost"
    rack.hear(rack.say.live(12.0), at_s=111.0)
    assert rack.shown(111.0).freshness.name == "live"


def test_a_late_last_will_of_an_old_session_changes_nothing(rack: Rack, words: Any) -> None:
    new = words("b2")
    rack.hear(new.state(), new.live(0.5), at_s=120.0)
    rack.hear(rack.say.state("lost"), at_s=121.0)
    assert rack.shown(121.0).freshness.name == "live"


def test_reps_of_an_old_session_repeated_by_the_outbox_do_not_bring_it_back(rack: Rack, words: Any) -> None:
    new = words("b2")
    rack.hear(new.state(), at_s=120.0)
    rack.hear(rack.say.rep(7), at_s=130.0)
    assert rack.floor.stations["gym", "rack-1"].newest.session == "b2"


def test_without_the_broker_nothing_is_called_live(rack: Rack) -> None:
    assert rack.shown(100.5, broker_up=False).freshness.name == "offline"


def test_a_sensor_that_is_gone_is_said_in_the_edges_words(rack: Rack) -> None:
    rack.hear(rack.say.health(2.0, link_up=False, problem="/dev/ttyACM0 is gone"))
    assert rack.shown().attention_text == "/dev/ttyACM0 is gone"


def test_velocity_loss_calls_until_the_set_is_over(rack: Rack) -> None:
    rack.hear(rack.say.rep(1), rack.say.rep(2, velocity_loss_pct=20.0))
    assert rack.shown().attention is Attention.VELOCITY_LOSS
    rack.hear(rack.say.set(1))
    assert rack.shown().attention is Attention.FINE


def test_nobody_ends_a_set_for_a_loss_that_nobody_prescribed(rack: Rack) -> None:
    rack.hear(rack.say.info(velocity_loss_cutoff_pct=None), rack.say.rep(1))
    rack.hear(rack.say.rep(2, velocity_loss_pct=60.0))
    assert rack.shown().attention is Attention.FINE
    assert rack.shown().loss_cutoff_pct is None


@pytest.mark.parametrize(
    ("given", "text"),
    [({"eccentric_s": 1.2}, "tempo off twice"), ({"path_deviation_m": 0.06}, "path off twice")],
)
def test_technique_calls_at_the_second_rep_off_in_a_row(
    rack: Rack, given: dict[str, float], text: str
) -> None:
    rack.hear(rack.say.rep(1, **given))
    assert rack.shown().attention is Attention.FINE
    rack.hear(rack.say.rep(2, **given))
    assert (rack.shown().attention, rack.shown().attention_text) == (Attention.TECHNIQUE, text)
    rack.hear(rack.say.rep(3))
    assert rack.shown().attention is Attention.FINE


def test_a_phase_within_its_tolerance_is_kept_and_one_outside_is_not(rack: Rack) -> None:
    rack.hear(rack.say.rep(1, eccentric_s=2.39, bottom_pause_s=0.2, concentric_s=1.3, top_pause_s=None))
    assert rack.shown().last.tempo == (Outcome.KEPT, Outcome.KEPT, Outcome.LONG, None)


def test_what_is_not_measured_is_neither_kept_nor_off(rack: Rack) -> None:
    rack.hear(rack.say.rep(1, path_deviation_m=None, path_deviation_sigma_m=None))
    assert rack.shown().last.measured.path_deviation_m is None and rack.shown().last.path is None


def test_a_path_whose_limit_lies_within_its_uncertainty_is_neither_kept_nor_off(rack: Rack) -> None:
    for n in (1, 2):
        rack.hear(rack.say.rep(n, path_deviation_m=0.09, path_deviation_sigma_m=0.06))
    assert rack.shown().last.path is Outcome.UNSURE
    assert rack.shown().attention is Attention.FINE


def test_another_load_than_entered_calls_the_coach_in_their_unit(rack: Rack) -> None:
    rack.hear(rack.say.current(rack.say.rep(1), load_kg=40.0, lifted_kg=45.2))
    assert (rack.shown().attention, rack.shown().attention_text) == (Attention.LOAD, "weighs 45 kg")
    rack.hear(rack.say.current(rack.say.rep(2), load_kg=45.0))
    assert rack.shown().attention is Attention.FINE


def test_a_breath_at_the_top_calls_nobody(rack: Rack) -> None:
    rack.hear(*(rack.say.rep(n, top_pause_s=2.5) for n in (1, 2, 3)))
    assert rack.shown().last.tempo == (Outcome.KEPT,) * 4
    assert rack.shown().attention is Attention.FINE


def test_a_cable_without_tension_calls_the_coach_and_a_name_does_not(rack: Rack) -> None:
    rack.hear(
        rack.say.rep(1, counted=False, reason="partial, marked by raindrop", reason_code="marked-partial")
    )
    assert rack.shown().attention is Attention.FINE
    rack.hear(rack.say.rep(2, slack_s=0.4))
    assert (rack.shown().attention, rack.shown().attention_text) == (Attention.UNSAFE, "cable slack")


@pytest.mark.parametrize(
    ("sigma_m", "text"), [(None, "38"), (0.0, "38 ± 0"), (0.0003, "38 ± 1"), (0.0021, "38 ± 3")]
)
def test_an_uncertainty_is_rounded_up(sigma_m: float | None, text: str) -> None:
    assert path_mm(0.0381, sigma_m) == text


def test_numbers_are_shown_to_what_is_sure_and_rough_ones_are_marked(rack: Rack) -> None:
    sure = {"mean_concentric_velocity_mps": 0.534, "eccentric_s": 2.04, "bottom_pause_s": 0.0}
    rack.hear(rack.say.rep(1, **sure, mean_concentric_velocity_sigma_mps=0.004, eccentric_sigma_s=0.02))
    last = rack.shown().last
    assert last is not None
    assert (last.velocity_words, last.velocity_rough, last.tempo_words[:2]) == ("0.53", False, ("2.0", "0.0"))
    rack.hear(rack.say.rep(2, **sure, mean_concentric_velocity_sigma_mps=0.15, eccentric_sigma_s=0.3))
    last = rack.shown().last
    assert last is not None
    assert (last.velocity_words, last.velocity_rough, last.tempo_words[0]) == ("0.5", True, "≈2")
    assert with_sigma(0.534, 0.0041, 2) == "0.53±.01"
    assert (with_sigma(45.2, None, 1), with_sigma(None, None, 1)) == ("45.2", "–")


def test_a_loss_that_noise_may_have_made_ends_no_set(rack: Rack) -> None:
    noisy = {"mean_concentric_velocity_sigma_mps": 0.03}
    rack.hear(rack.say.rep(1, mean_concentric_velocity_mps=0.5, velocity_loss_pct=0.0, **noisy))
    rack.hear(rack.say.rep(2, mean_concentric_velocity_mps=0.39, velocity_loss_pct=22.0, **noisy))
    assert rack.shown().attention is Attention.FINE
    rack.hear(rack.say.rep(3, mean_concentric_velocity_mps=0.33, velocity_loss_pct=34.0, **noisy))
    assert rack.shown().attention is Attention.VELOCITY_LOSS


def test_rest_is_overdue_after_three_minutes_of_the_stations_clock(rack: Rack) -> None:
    rack.hear(rack.say.rep(1), rack.say.set(1, end_s=40.0), rack.say.live(219.0))
    assert (rack.shown().attention, rack.shown().rest_s) == (Attention.FINE, 179.0)
    rack.hear(rack.say.live(221.0))
    assert (rack.shown().attention, rack.shown().attention_text) == (Attention.REST, "rest 3:01")


def test_a_station_whose_events_nobody_confirms_says_that_nobody_writes_the_history(rack: Rack) -> None:
    rack.hear(rack.say.health(1.0, outbox_depth=9), at_s=101.0)
    assert rack.shown(101.0).attention is Attention.FINE
    rack.hear(rack.say.health(2.0, outbox_depth=10), at_s=101.5)
    shown = rack.shown(101.5)
    assert (shown.attention, shown.attention_text) == (Attention.FAULT, "nobody writes the history")


def test_who_needs_the_coach_first_comes_first(rack: Rack, words: Any) -> None:
    other = words("c3")
    fine, slow = Rack(words), Rack(words)
    for one in (fine, slow):
        one.hear(other.state(), other.info(), other.live(1.0))
    slow.hear(other.rep(1, velocity_loss_pct=30.0))
    faulty = rack.shown(200.0)
    order = sorted([fine.shown(), slow.shown(), faulty], key=attention_order)
    assert [one.attention for one in order] == [Attention.FAULT, Attention.VELOCITY_LOSS, Attention.FINE]


def test_a_station_with_an_exercise_nobody_knows_is_shown_by_its_name(rack: Rack) -> None:
    rack.hear(rack.say.info("zercher-squat"), rack.say.rep(1, exercise="zercher-squat"), at_s=101.0)
    shown = rack.shown(101.0)
    assert shown.title == "zercher-squat" and shown.last.tempo == (None,) * 4


def test_two_records_of_one_rep_under_two_numbers_count_once(rack: Rack) -> None:
    rack.hear(rack.say.rep(1, event_id="x"), rack.say.rep(2, event_id="x", revision=2))
    seen = running_set(rack.floor.stations["gym", "rack-1"].newest)
    assert seen is not None and [one.rep.number for one in seen.reps] == [2]


def test_a_station_seen_through_a_chain_is_live_by_its_health_and_moves_only_while_its_values_come(
    words: Any,
) -> None:
    rack = Rack(words)
    rack.hear(rack.say.state(), rack.say.info(), rack.say.health(10.0))
    far = lambda now_s: rack.shown(now_s, brings_live=False)  # noqa: E731
    assert (rack.shown(105.0).freshness.name, far(105.0).freshness.name) == ("starting", "live")
    assert (far(109.0).freshness.name, far(109.0).attention) == ("stale", Attention.FAULT)
    rack.hear(rack.say.health(20.0, link_up=False, problem="unplugged"), at_s=110.0)
    assert far(110.0).freshness.name == "sensor"
    rack.hear(rack.say.health(21.0), rack.say.live(21.0), at_s=111.0)
    assert far(111.0).phase == "top"
    rack.hear(rack.say.rep(1), rack.say.set(1), rack.say.health(67.0), at_s=157.0)
    seen = far(157.0)
    assert (seen.phase, seen.set_over) == (None, True)
    assert seen.rest_s == 67.0 - 40.0  # by its own clock, since the set's last movement
    rack.hear(rack.say.state("lost"), at_s=158.0)
    assert far(158.0).freshness.name == "lost"


def test_two_nodes_that_speak_as_one_station_are_seen_and_a_restarted_one_is_not(words: Any) -> None:
    profiles = all_profiles()

    def speak(floor: FloorState, say: Any, begin_s: float, end_s: float) -> FloorState:
        for tick in range(round(10 * (end_s - begin_s))):
            message = say.live(tick / 10.0)
            floor = apply(floor, address("rack-1", message), message, begin_s + tick / 10.0)
        return floor

    one, other = words("a1"), words("b2")
    floor = speak(FloorState(), one, 0.0, 10.0)
    restarted = speak(floor, other, 11.0, 30.0)
    for end_s in (11.5, 14.0, 17.0, 30.0):
        floor_then = speak(floor, other, 11.0, end_s)
        assert view(floor_then.stations["gym", "rack-1"], profiles, end_s).freshness.name == "live"
    both = speak(restarted, one, 20.0, 30.0)
    seen = view(both.stations["gym", "rack-1"], profiles, 30.0)
    assert (seen.freshness.text, seen.attention) == ("two nodes", Attention.FAULT)
    assert [
        fault.what for fault in faults(seen, both.stations["gym", "rack-1"].newest, date(2026, 1, 1))
    ] == ["two nodes speak as this station"]


def test_a_day_that_is_over_is_forgotten_when_the_next_begins_and_a_restart_is_not(words: Any) -> None:
    floor = FloorState()
    for session, at_s in (("a1", 0.0), ("b2", OVER_S - 1.0), ("c3", 40_000.0)):
        said = [words(session).state(), words(session).rep(1)]
        floor = apply_all(floor, [(Address("gym", "rack-1", ""), one, at_s) for one in said])
        held = set(floor.stations["gym", "rack-1"].sessions)
        assert held == ({"c3"} if session == "c3" else {"a1", "b2"} if session == "b2" else {"a1"})
