"""What people look at, and the record behind it. It never imports the edge: they meet over MQTT.

    ending     what ends a dashboard, and what goes on without a screen
    files      files that a person asked for, there whole or not at all
    options    which broker and which history: the options that subcommands share
    plaintext  text from outside, made harmless
    floor/     messages to state to views, attention and coaching; pure
    broker/    the client: packets of the broker to checked messages
    database/  SQLite and PostgreSQL, and the tables of the history
    sound/     what a lifter hears
    roster/    athletes, badges, plans
    history/   queries, trends, report, export
    record/    the one process that writes the history and acknowledges; reaches no Textual
    tui/       the app, its screens and widgets; the plain lines
    backup/    copies of history and settings, and putting them back
    chain/     several gyms: relay and ingest of a common history, and their floors from afar
    web/       the app served to a browser
    demo/      broker, simulated stations and dashboard in one command
    cli        the subcommands

Arrows run upwards in this list, floor reaches nothing but the station; record and tui do not know each other.
"""
