"""The client of the broker, and the check of what it brings."""

from station.program.postponed import FOR_MQTT, postpone

postpone(*FOR_MQTT)
