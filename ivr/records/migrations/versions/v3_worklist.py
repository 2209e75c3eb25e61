"""Who calls whom back, what came of it, when it all began, an index for the weather of hotlines."""

import time

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Double, String

revision = "3"
down_revision = "2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "callback_claims",
        Column("ani", String, primary_key=True),
        Column("by", String, nullable=False),
        Column("at", Double, nullable=False),
        Column("until", Double, nullable=False),
    )
    op.create_table(
        "callback_attempts",
        Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            primary_key=True,
            autoincrement=True,
        ),
        Column("ani", String, nullable=False, index=True),
        Column("at", Double, nullable=False),
        Column("by", String, nullable=False),
        Column("result", String, nullable=False),
    )
    op.create_index("ix_hops_agency_number_at", "hops", ["agency", "number", "at"])
    origin = op.create_table("origin", Column("made_at", Double, primary_key=True))
    # One that has read a journal is older than this table, and has told of all that it read.
    if op.get_bind().scalar(sa.text("SELECT count(*) FROM journal_files")) == 0:
        op.bulk_insert(origin, [{"made_at": time.time()}])
