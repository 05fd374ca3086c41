"""Text from files as people save them: encodings, settings, tables."""
