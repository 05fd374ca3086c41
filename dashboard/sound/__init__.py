"""What a lifter hears: which moments, tones and spoken words, and the system's own player."""
