"""The shipped scenarios, one TOML each."""
