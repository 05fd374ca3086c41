"""The demo: a broker, simulated stations and the dashboard, as child processes.

children  child processes that never outlive this one
gym       broker, four simulated stations, the node
"""
