"""Events committed to disk, sent in a bounded window, and repeated until the record acknowledges."""
