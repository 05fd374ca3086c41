"""What is asked in front of another screen: a line, a form, a choice."""
