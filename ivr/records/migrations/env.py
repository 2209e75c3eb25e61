"""What alembic runs: the steps, in the transaction that `engine.migrate` has begun."""

from alembic import context

from ivr.records.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
