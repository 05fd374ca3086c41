"""What is wrong with this machine, its ports and its broker, and what to do about it.

command         `plumbline doctor`
findings        what it finds, a line each
host_checks     versions, clock, disk, outbox
port_checks     presence, permissions, whether the data is as configured
broker_checks   reachability, certificate, credentials
history_checks  the history, by the record's own command
"""
