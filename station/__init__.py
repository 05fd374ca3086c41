"""What a station is: records, wire protocol, clock, calibration, geometry, exercises, messages, simulator."""
