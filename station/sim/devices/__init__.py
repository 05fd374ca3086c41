"""The simulated sensors and boards: what each sees of the true motion, and the bytes it sends."""
