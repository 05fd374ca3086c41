"""From samples to events: reps, sets and rejected movements. Pure: time is an argument."""
