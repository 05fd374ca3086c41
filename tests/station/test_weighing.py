"""The load of a set by its reps, and whether it is what was entered."""

import msgspec
import pytest

from station.records import Rep
from station.sets import summarise
from station.weighing import Weighed, nearest_plate, of_set, other_than

PLATES_KG = [5.0, 10.0, 15.0, 20.0, 25.0, 32.0, 39.0]


def rep(kg: float | None, sigma_kg: float | None = 0.2) -> Rep:
    fields = dict.fromkeys(Rep.__struct_fields__) | {"number": 1, "counted": True}
    fields |= {"start_s": 0.0, "end_s": 1.0, "load_measured_kg": kg}
    return Rep(**fields | {"load_measured_sigma_kg": None if kg is None else sigma_kg})


def reps(*loads_kg: float | None) -> list[Rep]:
    return [rep(kg) for kg in loads_kg]


def test_what_is_common_to_all_reps_does_not_average_out() -> None:
    assert of_set(reps(60.0)) == Weighed(60.0, 0.2)
    assert of_set(reps(*[60.0] * 100)) == Weighed(60.0, 0.2)
    spread = of_set(reps(59.0, 59.5, 60.0, 60.5, 61.0))
    assert spread is not None
    assert spread.kg == 60.0
    assert spread.sigma_kg == pytest.approx((0.2**2 + 1.5708 * (1.4826 * 0.5) ** 2 / 5.0) ** 0.5, rel=1e-4)


def test_one_rep_that_was_jerked_does_not_move_a_set() -> None:
    weighed = of_set(reps(60.0, 60.1, 75.0, 59.9, 60.0))
    assert weighed is not None
    assert weighed.kg == 60.0
    assert weighed.sigma_kg < 0.3


def test_reps_off_pins_say_nothing_beside_one_that_is_weighed_twice_as_surely() -> None:
    off_pins = [rep(58.8, 0.9), rep(59.0, 0.9)]
    assert of_set([*off_pins, rep(60.2, 0.4)]) == Weighed(60.2, 0.4)
    halfway = of_set([rep(59.0, 0.7), rep(60.0, 0.6), rep(60.2, 0.4)])
    assert halfway is not None
    assert halfway.sigma_kg > 0.6  # all three
    weighed = of_set(off_pins)
    assert weighed is not None
    assert weighed.sigma_kg > 0.9


def test_what_does_not_count_may_have_lain_in_its_hooks() -> None:
    tried = msgspec.structs.replace(rep(8.4, 0.1), counted=False)
    assert of_set([tried, rep(80.2, 0.5), rep(80.2, 0.5)]) == Weighed(80.2, 0.5)
    assert of_set([tried, rep(None)]) is None
    assert of_set([tried]) == Weighed(8.4, 0.1)


def test_a_set_that_no_cell_has_weighed_has_no_load() -> None:
    assert of_set([]) is None
    assert of_set(reps(None, None)) is None
    summary = summarise(1, reps(None))
    assert (summary.load_measured_kg, summary.load_measured_sigma_kg) == (None, None)
    assert summarise(1, reps(60.0, None, 61.0)).load_measured_kg == 60.5


@pytest.mark.parametrize(("others", "said"), [(1, True), (2, False), (7, False)])
def test_a_rep_that_is_sure_where_most_of_its_set_is_not_is_so_by_luck(others: int, said: bool) -> None:
    """At ten readings a second the ways down and up of one quick rep in many agree."""
    set_reps = [rep(57.9, 0.5), *[rep(None)] * others]
    assert (of_set(set_reps) is not None) == said


def test_reps_that_do_not_agree_to_two_per_cent_make_no_load_of_a_set() -> None:
    assert of_set(reps(59.0, 60.0, 61.0)) is not None
    assert of_set(reps(57.0, 60.0, 63.0)) is None


def test_a_sigma_that_no_cell_can_have_ends_nothing() -> None:
    assert of_set([rep(60.0, -1.0)]) == Weighed(60.0, 1.0)


def test_a_wrong_pin_is_said_at_the_second_rep_and_a_right_one_never() -> None:
    assert nearest_plate(26.0, PLATES_KG) == 25.0
    assert other_than(20.0, reps(25.1), PLATES_KG) is None  # one may have been a try
    assert other_than(20.0, reps(25.1, 24.8), PLATES_KG) == 25.0
    assert other_than(25.0, reps(25.1, 24.8), PLATES_KG) is None
    assert other_than(24.0, reps(25.9, 25.8), PLATES_KG) is None  # entered as no plate has it: 25
    assert other_than(None, reps(25.1, 24.8), PLATES_KG) is None
    assert other_than(20.0, reps(None, None), PLATES_KG) is None


def test_what_is_not_sure_is_not_said() -> None:
    assert other_than(24.0, [rep(25.1, 0.4), rep(24.9, 0.4)], []) is None
    assert other_than(20.0, [rep(25.1, 2.0), rep(24.9, 2.0)], PLATES_KG) is None
    assert other_than(20.0, reps(22.0, 28.0), PLATES_KG) is None


def test_a_bar_may_have_collars() -> None:
    assert other_than(60.0, reps(61.9, 61.9), []) is None
    assert other_than(60.0, reps(65.0, 65.0), []) == 65.0
