"""A chain of gyms: what each gym's history holds, once more in one PostgreSQL database.

    gym's history -> changes -> relay -> NATS JetStream -> ingest -> store -> the chain's database
                                  ^------- acknowledged after the commit --------'

`kinds`, `batch`, `pacing` and `servers` are pure: which tables travel and by which key, the message that
carries them, what is sent when, and what a server's configuration says. `changes` keeps the list of what a
gym's history has not handed on yet, `tables`, `readers` and `store` are the chain's database, `connection` is
NATS. `relay`, `ingest`, `folder` and `check` tie them together for the commands in `cli`.
"""
