"""A history's database: SQLite or PostgreSQL, and its tables."""
