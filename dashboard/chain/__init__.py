"""A chain of gyms: what each gym's history holds, once more in one PostgreSQL database.

gym's history -> changes -> relay -> NATS JetStream -> ingest -> store -> the chain's database
                              ^------- acknowledged after the commit --------'

kinds       which tables travel, by which key, and how a row is checked. Pure
batch       the messages that travel. Pure
pacing      what is sent when: a window, and again what is not acknowledged. Pure
changes     a gym's changes that the chain has not got yet
connection  NATS, over TLS
relay       a gym's changes to the chain
ingest      all gyms' batches into the database, and the acknowledgements back
tables      the chain's tables
store       writing them: COPY, upsert, ranges of the streams
quarantine  what cannot be used, with the reason
readers     who may read which gyms' rows
floor/      the gyms' live floors, while somebody looks
servers     what the NATS servers are configured to allow. Pure
folder      the files of a chain's set-up
check       `plumbline chain check`: whether the servers are as they should be
cli         `plumbline relay`, `plumbline ingest`, `plumbline chain`
"""
