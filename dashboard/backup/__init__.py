"""Copies of what a gym cannot do without, and putting them back: the history and the settings.

folder         a backup: history, settings, manifest; whole or not there
sqlite_copy    a history in SQLite, copied while it is written to
postgres_copy  a history in PostgreSQL, by the server's own tools
settings_tar   a machine's settings as a tar archive
move           `plumbline history move`: SQLite to PostgreSQL or back
cli            `plumbline backup` and `plumbline restore`
"""
