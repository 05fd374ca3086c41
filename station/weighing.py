"""What a set was lifted with, as weighed: its load by all its reps, the plate of a stack that it speaks for,
and whether it is what a person has entered. The node, the record and the screens ask here.
"""

from collections.abc import Iterable, Sequence
from math import pi, sqrt
from typing import NamedTuple

from station.records import Rep

TOLD_AFTER = 2  # reps: one may have been a try
SURE = 3.3  # standard uncertainties: one load in a thousand is off by more
HALF_AS_SURE = 2.0  # a bar off pins or the floor is weighed on its way up alone; one that is not, better
UNSURE = 0.02  # of a load: what is less sure does not say which plates are on, and is not said
FEW = 0.5  # of a set: what is sure by chance in one rep is not in most
NORMAL = 1.4826  # standard deviation of a normal distribution over its median deviation
LEAST_OFF_KG = 2.0  # collars, a belt's chain, a handle: nobody enters them


def median(values: Iterable[float]) -> float:
    """The middle of some numbers, of an even count the mean of the two in the middle; not of none.

    As `statistics` has it, which imports fractions and random numbers: 2 % of a node's start.
    """
    ordered = sorted(values)
    upper = ordered[len(ordered) // 2]
    return upper if len(ordered) % 2 else (ordered[len(ordered) // 2 - 1] + upper) / 2


class Weighed(NamedTuple):
    """A load and its standard uncertainty."""

    kg: float
    sigma_kg: float


def of_set(reps: Iterable[Rep]) -> Weighed | None:
    """The load of a set; None where no rep of it was weighed.

    What is common to all reps, the cell's scale and zero, does not average out; what differs does. Reps that
    are weighed less than half as surely as the surest are left out, and what does not count, where one does:
    it may have been a bar that lay in its hooks. Where few of a set could be weighed, these agree by luck.
    """
    reps = list(reps)
    judged = [rep for rep in reps if rep.counted] or reps
    weighed = [
        (rep.load_measured_kg, rep.load_measured_sigma_kg)
        for rep in judged
        if rep.load_measured_kg is not None and rep.load_measured_sigma_kg is not None
    ]
    if not weighed or len(weighed) < FEW * len(judged):
        return None
    surest = min(sigma for _, sigma in weighed)
    weighed = [(kg, sigma) for kg, sigma in weighed if not sigma > HALF_AS_SURE * abs(surest)]
    loads, count = [kg for kg, _ in weighed], len(weighed)
    common = median(sigma for _, sigma in weighed)
    middle = median(loads)
    apart = NORMAL * median(abs(kg - middle) for kg in loads)
    # A median, for one rep that was jerked is not to move a set: pi / 2 times a mean's variance.
    return known(Weighed(middle, sqrt(common * common + 0.5 * pi * apart * apart / count)))


def known(one: Weighed) -> Weighed | None:
    """A load that is sure enough to say which plates are on."""
    return one if one.sigma_kg <= UNSURE * one.kg else None  # NaN is not


def nearest_plate(kg: float, plates_kg: Sequence[float]) -> float:
    """What a stack lifts with the pin where this was weighed."""
    return min(plates_kg, key=lambda plate: abs(plate - kg))


def other_than(entered_kg: float | None, reps: Iterable[Rep], plates_kg: Sequence[float]) -> float | None:
    """What was lifted where it is surely not what was entered, kilograms; None: it is, or nobody can say.

    plates_kg: what the stack lifts with the pin at each plate; empty without a stack.
    """
    reps = list(reps)
    weighed = of_set(reps)
    said = sum(rep.load_measured_kg is not None for rep in reps)
    if entered_kg is None or weighed is None or said < TOLD_AFTER:
        return None
    off_kg = abs(weighed.kg - entered_kg)
    if off_kg <= SURE * weighed.sigma_kg:
        return None
    if plates_kg:
        plate = nearest_plate(weighed.kg, plates_kg)
        return None if plate == nearest_plate(entered_kg, plates_kg) else plate
    return weighed.kg if off_kg > LEAST_OFF_KG else None
