"""Bytes of a port to samples on one clock.

sources    where bytes come from: a serial port, a TCP serial server, a pseudo-terminal, a capture
drivers/   bytes to channel samples, a file for each device
alignment  the samples of one port on the clock of another
columns    the column names of a recording: a channel and its unit
recording  recordings, CSV or Parquet, checked whole before use
plausible  whether a recording can be true; else refused with the unit probably meant
capture    the raw bytes of a port with their receive times
raw_ring   the newest of these in memory
listening  a port through its driver for a while, for calibrate and doctor
"""
