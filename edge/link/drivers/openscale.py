"""SparkFun OpenScale, 9600 baud as delivered: a banner that ends with "Readings:", then a line per reading.

    [millis,]weight,kg|lbs,[raw,][local °C,][remote °C,]     each field ends with a comma

Which of the optional fields come is set in its menu, which any `x` opens: nothing is ever sent to it. Its
clock is used where its time stamp is on (it is as delivered). Weights become newtons here, so its own
calibration holds until the station file has another.
"""

import re

from edge.link.drivers.fields import G_MPS2, KG_PER_LB
from edge.link.drivers.lines import NOTHING, LineDriver, Reading

_NUMBER = r"-?\d{1,9}(?:\.\d{1,8})?"
_READING = re.compile(rf"(?:(\d{{1,10}}),)?({_NUMBER}),(kg|lbs),(?:{_NUMBER},){{0,3}}")
_BANNER = re.compile(
    r"(Serial Load Cell Converter version .{1,16})|By SparkFun Electronics|No remote sensor found"
    r"|Remote temperature sensor detected|Minimum time between reports: \d+|Press . to bring up settings"
    r"|Readings:|cal: .*"
)
_NEWTONS = {"kg": G_MPS2, "lbs": G_MPS2 * KG_PER_LB}


class OpenScale(LineDriver):
    """Lines of the scale to newtons."""

    name = "SparkFun OpenScale"

    def read_line(self, text: str) -> Reading | None:
        """See LineDriver.read_line."""
        found = _READING.fullmatch(text)
        if found is not None:
            # u32 milliseconds and u32 microseconds wrap alike: 2^32 ms are a whole number of 2^32 µs.
            t_us = int(found[1]) * 1000 if found[1] else None
            return Reading(t_us, ((0, float(found[2]) * _NEWTONS[found[3]]),))
        banner = _BANNER.fullmatch(text)
        if banner is None:
            return None
        if banner[1]:
            self._told = f"{self.name} {text.rsplit(' ', 1)[1]}"
        return NOTHING
