"""A history's database: SQLite or PostgreSQL, and its tables.

types          the columns' types in either database, and in Python
tables         the tables; columns of reps and sets are the fields of their records
database       a connection, whichever database it is
sqlite         one file, in write-ahead mode
postgres       PostgreSQL, for gyms that keep one
schema         opening a history: whether it is one, and of which version
foreign        another program's file, told before anything is changed in it
migrating      an older history brought up to date, by Alembic
migrations/    the steps, one for each version
first_edition  how schemas 1 to 6 noted their version
"""
