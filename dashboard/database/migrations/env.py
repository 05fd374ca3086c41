"""What Alembic runs: the steps, on the connection and in the transaction that it was given."""

from alembic import context

from dashboard.database.tables import METADATA, VERSION

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION.name,
)
context.run_migrations()
