"""The first schema: units, inputs, analyses with their scores and measurements, sign-offs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE_APPEND_ONLY = """
CREATE TRIGGER sign_off_no_{action} BEFORE {action} ON sign_off
BEGIN SELECT RAISE(ABORT, 'sign-offs are never changed or removed'); END
"""

_POSTGRESQL_APPEND_ONLY = (
    """
CREATE FUNCTION sign_off_append_only() RETURNS trigger AS $$
BEGIN RAISE EXCEPTION 'sign-offs are never changed or removed'; END
$$ LANGUAGE plpgsql
""",
    """
CREATE TRIGGER sign_off_append_only BEFORE UPDATE OR DELETE ON sign_off
FOR EACH ROW EXECUTE FUNCTION sign_off_append_only()
""",
)


def upgrade() -> None:
    """Make every table."""
    _unit()
    _input()
    _analysis()
    _measurement()
    _object_score()
    _sign_off()
    _append_only()


def _append_only() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        for action in ("UPDATE", "DELETE"):
            op.execute(_SQLITE_APPEND_ONLY.format(action=action))
    elif dialect == "postgresql":
        for statement in _POSTGRESQL_APPEND_ONLY:
            op.execute(statement)


def _unit() -> None:
    op.create_table(
        "unit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("manufacturer", sa.String(length=200), nullable=False),
        sa.Column("model", sa.String(length=200), nullable=False),
        sa.Column("station", sa.String(length=200), nullable=False),
        sa.Column("serial", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_unit"),
        sa.UniqueConstraint(
            "manufacturer", "model", "station", "serial", name="uq_unit_manufacturer_model_station_serial"
        ),
    )


def _input() -> None:
    op.create_table(
        "input",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=True),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("modality", sa.String(length=16), nullable=False),
        sa.Column("acquired_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name="fk_input_unit_id"),
        sa.PrimaryKeyConstraint("id", name="pk_input"),
        sa.UniqueConstraint("key", name="uq_input_key"),
    )
    op.create_index("ix_input_acquired_at", "input", ["acquired_at"], unique=False)
    op.create_index("ix_input_series_instance_uid", "input", ["series_instance_uid"], unique=False)
    op.create_index("ix_input_sha256", "input", ["sha256"], unique=False)
    op.create_index("ix_input_sop_instance_uid", "input", ["sop_instance_uid"], unique=False)
    op.create_index("ix_input_unit_id", "input", ["unit_id"], unique=False)


def _analysis() -> None:
    op.create_table(
        "analysis",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("input_id", sa.Integer(), nullable=False),
        sa.Column("phantom", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason_code", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("p_pass", sa.Double(), nullable=True),
        sa.Column("software", sa.String(length=200), nullable=False),
        sa.Column("model_name", sa.String(length=200), nullable=True),
        sa.Column("model_version", sa.String(length=64), nullable=True),
        sa.Column("model_card_sha256", sa.String(length=64), nullable=True),
        sa.Column("phantom_version", sa.String(length=64), nullable=True),
        sa.Column("analysed_at", sa.DateTime(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.Column("acquisition", sa.JSON(), nullable=False),
        sa.Column("notes", sa.JSON(), nullable=False),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=False),
        sa.Column("view_png", sa.LargeBinary(), nullable=True),
        sa.Column("saliency_png", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["input_id"], ["input.id"], name="fk_analysis_input_id"),
        sa.PrimaryKeyConstraint("id", name="pk_analysis"),
        sa.UniqueConstraint("input_id", "phantom", "version", name="uq_analysis_input_id_phantom_version"),
    )
    op.create_index("ix_analysis_analysed_at", "analysis", ["analysed_at"], unique=False)
    op.create_index("ix_analysis_outcome", "analysis", ["outcome"], unique=False)


def _measurement() -> None:
    op.create_table(
        "measurement",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("unit", sa.String(length=32), nullable=False),
        sa.Column("low", sa.Double(), nullable=True),
        sa.Column("high", sa.Double(), nullable=True),
        sa.Column("limit_low", sa.Double(), nullable=True),
        sa.Column("limit_high", sa.Double(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["analysis_id"], ["analysis.id"], name="fk_measurement_analysis_id"),
        sa.PrimaryKeyConstraint("analysis_id", "position", name="pk_measurement"),
    )
    op.create_index("ix_measurement_name", "measurement", ["name"], unique=False)


def _object_score() -> None:
    op.create_table(
        "object_score",
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("size_mm", sa.Double(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("p_present", sa.Double(), nullable=True),
        sa.Column("p_abnormal", sa.Double(), nullable=True),
        sa.Column("x_px", sa.Double(), nullable=True),
        sa.Column("y_px", sa.Double(), nullable=True),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.Column("deduction", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analysis.id"], name="fk_object_score_analysis_id"),
        sa.PrimaryKeyConstraint("analysis_id", "position", name="pk_object_score"),
    )
    op.create_index("ix_object_score_name", "object_score", ["name"], unique=False)


def _sign_off() -> None:
    op.create_table(
        "sign_off",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("analysis_id", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("document_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["analysis_id"], ["analysis.id"], name="fk_sign_off_analysis_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sign_off"),
    )
    op.create_index("ix_sign_off_analysis_id", "sign_off", ["analysis_id"], unique=False)
