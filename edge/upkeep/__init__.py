"""Keeping a gym's machines in order: what starts with them, retiring a station, updates."""
