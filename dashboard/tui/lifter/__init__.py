"""The lifter's own screen: what it draws, what is typed at it, what it asks."""
