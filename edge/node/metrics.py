"""Health as text for Prometheus."""

from collections.abc import Mapping

import msgspec

from station.messages import HealthMessage
from station.records import Count

MEASURED = ("link_up", "clock_drift_ppm", "outbox_depth", "last_sample_age_s", "zero_moved_n")
COUNTED = tuple(
    field.name
    for field in msgspec.structs.fields(HealthMessage)
    if field.type == Count and field.name not in MEASURED
)


def exposition(healths: Mapping[str, HealthMessage]) -> str:
    """The newest health of each station in Prometheus' text format 0.0.4; what is not known is left out."""
    lines = []
    for names, kind, suffix in ((COUNTED, "counter", "_total"), (MEASURED, "gauge", "")):
        for name in names:
            lines.append(f"# TYPE plumbline_{name}{suffix} {kind}")
            for station, health in sorted(healths.items()):
                value = msgspec.structs.asdict(health)[name]
                if value is not None:
                    lines.append(f'plumbline_{name}{suffix}{{station="{station}"}} {float(value):.10g}')
    lines.append("# TYPE plumbline_missed_total counter")
    lines += [
        f'plumbline_missed_total{{station="{station}",channel="{channel}"}} {count}'
        for station, health in sorted(healths.items())
        for channel, count in sorted(health.missed.items())
    ]
    lines.append("# TYPE plumbline_sensor_fault gauge")
    lines += [
        f'plumbline_sensor_fault{{station="{station}",channel="{channel}",fault="{fault}"}} 1'
        for station, health in sorted(healths.items())
        for channel, fault in sorted(health.sensor_faults.items())
    ]
    return "\n".join(lines) + "\n"
