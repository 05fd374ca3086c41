"""What docs/drivers.md tells a newcomer to write, as it stands there."""

import re
from pathlib import Path
from typing import Any

from edge.link.drivers import Driver
from tests.edge.link import logs

PAGE = Path(__file__).parents[3] / "docs" / "drivers.md"


def follow() -> dict[str, Any]:
    """Do what the page says; the names that come of it."""
    code = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"LOGS": {}, "DRIVERS": {}, "DRIVER_CHANNELS": {}}
    names |= {"Log": logs.Log, "position_m": logs.position_m}
    for block in code:
        exec(compile(block, PAGE.name, "exec"), names)
    return names


_NAMES = follow()
DRIVERS: dict[str, type[Driver]] = _NAMES["DRIVERS"]
DRIVER_CHANNELS: dict[str, tuple[str, ...]] = _NAMES["DRIVER_CHANNELS"]
LOGS: dict[str, logs.Log] = _NAMES["LOGS"]
