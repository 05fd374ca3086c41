"""The simulated station: a lifter, a load, sensors and a board."""
