"""Keeping a gym's machines in order: what starts with them, retiring a station, updates.

changes        changes of files: planned, shown, then carried out
applying       what these commands share: show, apply, run or print the steps
station_files  the files of a new station
units          systemd units, device rules and users, as text. Pure
gym_units      the units of record, dashboard and screens. Pure
node_command   `plumbline edge install|remove|status|retire`
retire         clearing what the broker has kept of a station
unit_command   `plumbline unit`: record, dashboard and screen from the machine's start
releases       releases beside each other, an environment each
update         `plumbline update`, and back again
"""
