"""The audit log is a chain: it says where it was changed, and the database refuses to change it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from mammoqa.store import audit


def test_a_whole_chain_fits(service):
    for k in range(5):
        audit.add(service.store, "A. Physicist", "test", f"thing {k}", number=k)
    state = audit.check(service.store)
    assert (state.rows, state.broken_at) == (5, None)
    assert [e.subject for e in audit.entries(service.store, limit=2)] == ["thing 4", "thing 3"]


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_it(service, statement):
    audit.add(service.store, "A. Physicist", "test")
    with pytest.raises(DatabaseError, match="never changed"), service.store.engine.begin() as connection:
        connection.execute(text(statement))


def test_a_change_behind_the_databases_back_is_found(service):
    for k in range(4):
        audit.add(service.store, "A. Physicist", "test", f"thing {k}")
    with service.store.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_no_UPDATE"))
        connection.execute(text("UPDATE audit SET detail = '{}', subject = 'other' WHERE id = 3"))
    assert audit.check(service.store).broken_at == 3
