"""What people look at, and the record behind it."""
