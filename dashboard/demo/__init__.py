"""The demo: a broker, simulated stations and the dashboard, as child processes."""
