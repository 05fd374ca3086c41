"""What is wrong with this machine, its ports and its broker, and what to do about it."""
