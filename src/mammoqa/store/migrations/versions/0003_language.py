"""Accounts: the language in which a person reads the pages."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; "" leaves it to the browser."""
    op.add_column("account", sa.Column("language", sa.String(length=8), nullable=False, server_default=""))
