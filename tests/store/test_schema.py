import ast
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text

import mammoqa.store.schema as schema_module
from mammoqa.core import ConfigurationError, MissingExtraError, StoreError
from mammoqa.store import SCHEMA_VERSIONS, open_store, upgrade
from mammoqa.store.tables import Table


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'mammoqa.db'}"


def _execute(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_migrations_make_exactly_the_tables_of_the_models(url):
    with open_store(url) as store, store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []


def test_schema_versions_list_every_migration():
    folder = Path(schema_module.__file__).parent / "migrations" / "versions"
    found = set()
    for file in folder.glob("0*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "revision":
                found.add(ast.literal_eval(node.value))
    assert found == set(SCHEMA_VERSIONS)


def test_upgrade_creates_and_then_leaves_alone(url):
    assert upgrade(url) == SCHEMA_VERSIONS[-1]
    assert upgrade(url) == SCHEMA_VERSIONS[-1]
    open_store(url).close()


def test_newer_schema_is_refused(url):
    upgrade(url)
    _execute(url, "UPDATE alembic_version SET version_num = '9999'")
    for act in (open_store, upgrade):
        with pytest.raises(StoreError, match="newer than this program"):
            act(url)


def test_older_schema_asks_for_the_upgrade(url, monkeypatch):
    upgrade(url)
    monkeypatch.setattr(schema_module, "SCHEMA_VERSIONS", (*SCHEMA_VERSIONS, "later"))
    with pytest.raises(StoreError, match="mammoqa db upgrade"):
        open_store(url)


def test_database_of_another_program_is_left_alone(url):
    _execute(url, "CREATE TABLE recipes (id INTEGER)")
    with pytest.raises(StoreError, match="other tables"):
        open_store(url)
    with pytest.raises(StoreError, match="other tables"):
        upgrade(url)


def test_file_that_is_no_database_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("no database, only words " * 100)
    with pytest.raises(StoreError, match=r"notes\.txt cannot be read"):
        open_store(f"sqlite:///{tmp_path / 'notes.txt'}")


def test_wrong_urls_say_how_to_write_them():
    with pytest.raises(StoreError, match="sqlite:///"):
        open_store("mammoqa.db")


def test_other_databases_are_refused_with_the_two_that_are_read():
    for other in ("nosuch://x/y", "mysql://me:secret@nowhere/db"):
        with pytest.raises(ConfigurationError, match=r"sqlite:///.*postgresql") as caught:
            open_store(other)
        assert "secret" not in str(caught.value)


def test_a_missing_folder_is_not_made(tmp_path):
    folder = tmp_path / "misspelt"
    with pytest.raises(StoreError, match="make the folder first"):
        open_store(f"sqlite:///{folder / 'mammoqa.db'}")
    assert not folder.exists()


def test_missing_driver_names_the_extra_and_hides_the_password():
    try:
        import psycopg  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(MissingExtraError, match=r"mammoqa\[service\]") as caught:
            open_store("postgresql+psycopg://me:secret@nowhere/db")
        assert "secret" not in str(caught.value)
    else:
        with pytest.raises(StoreError, match="nowhere") as caught:
            open_store("postgresql+psycopg://me:secret@nowhere.invalid/db?connect_timeout=1")
        assert "secret" not in str(caught.value)
