"""Run by Alembic: migrate on the connection that `mammoqa.store.schema.migrate` hands over."""

from alembic import context

from mammoqa.store import tables_intake, tables_people, tables_programme  # noqa: F401  their tables join Table.metadata
from mammoqa.store.tables import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
