"""What people look at, and the record behind it. It never imports the edge: they meet over MQTT.

    floor/      messages to state to views, attention and coaching; pure
    broker/     the client: packets of the broker to checked messages
    database/   SQLite and PostgreSQL, and the tables of the history
    roster/     athletes, badges, plans
    history/    queries, trends, report, export
    record/     the one process that writes the history and acknowledges; reaches no Textual
    backup/     copies of history and settings, and putting them back
    chain/      several gyms: relay and ingest of a common history, and their floors from afar
    sound/      what a lifter hears
    tui/        the app, its screens and widgets; the plain lines
    web/        the app served to a browser
    demo/       broker, simulated stations and dashboard in one command
    cli.py      the subcommands

Arrows run upwards in this list, floor reaches nothing but the station; record and tui do not know each other.
"""
