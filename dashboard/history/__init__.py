"""Reading the history: queries, trends, reports, exports."""
