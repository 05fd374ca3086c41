"""Text from files as people save them.

encoding  bytes to text: one decoder for settings, passwords and tables
toml      TOML, or one line with what is wrong in which line
tables    tables of text: bytes in, rows out
output    standard streams that take any text
"""
