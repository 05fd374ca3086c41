"""Reading the history: queries, trends, reports, exports.

kept             reps, sets and sessions as the history has them, and what is worked out from them
queries          these out of the database, by athlete, exercise and time
record_snapshot  reading what live screens know of the record
recall           reading that again and again, in a thread
trends           how a measure develops, and two sets side by side
load_velocity    the load-velocity profile, and the one-repetition maximum
standings        who of a squad has done most
figures          what the pictures have in common (matplotlib)
session_plots    pictures of one session
trend_plots      pictures over many
report           a report: one HTML page that needs nothing else
spreadsheet      a row for people: names, honest digits, cells that run nothing
export           files for other programs: CSV, JSON lines, Parquet
cli              `plumbline export` and `plumbline report`
"""
