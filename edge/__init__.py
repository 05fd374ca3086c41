"""The headless node: bytes in, events out, nothing lost."""
