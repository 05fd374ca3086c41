"""When a sample was taken: the ticks of a board or the index of a reading, mapped to one clock."""
