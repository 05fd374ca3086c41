"""Athletes, their badges and their plans.

people         an athlete, a plan
names          names and badges as people type them: one spelling to keep, one to compare by
athletes       the athletes in the record; export and erasure of one's data
athletes_file  the file a coach edits, TOML or CSV
athletes_cli   `plumbline athletes`
badges         a badge to its athlete, and the commands that assign the station
plans          an athlete to what the station is set to
"""
