"""Application entities that may send, or that results are sent to."""

from dataclasses import dataclass

from sqlalchemy import select

from mammoqa.core import StoreError
from mammoqa.store.store import Store
from mammoqa.store.tables_intake import PeerRow


@dataclass(frozen=True, slots=True)
class Peer:
    """An application entity; `port` 0 where nothing is sent to it, `host` "" where its address is not checked."""

    ae_title: str
    host: str = ""
    port: int = 0
    may_send: bool = True
    per_minute: int = 0
    max_bytes: int = 0
    tls: bool = False
    note: str = ""


def _peer(row: PeerRow) -> Peer:
    return Peer(row.ae_title, row.host, row.port, row.may_send, row.per_minute, row.max_bytes, row.tls, row.note)


def find(store: Store, ae_title: str) -> Peer | None:
    """The peer of this title, None where nothing is known of it."""
    with store.session() as session:
        row = session.scalars(select(PeerRow).where(PeerRow.ae_title == ae_title)).one_or_none()
        return None if row is None else _peer(row)


def all_peers(store: Store) -> tuple[Peer, ...]:
    """Every known peer, by title."""
    with store.session() as session:
        return tuple(_peer(row) for row in session.scalars(select(PeerRow).order_by(PeerRow.ae_title)))


def put(store: Store, peer: Peer) -> None:
    """Add a peer, or change the one of this title; StoreError for a title that DICOM does not allow."""
    title = peer.ae_title.strip()
    if not 1 <= len(title) <= 16 or "\\" in title or not title.isprintable():
        raise StoreError("an AE title has 1 to 16 characters and no backslash")
    with store.session(writes=True) as session:
        row = session.scalars(select(PeerRow).where(PeerRow.ae_title == title)).one_or_none() or PeerRow(ae_title=title)
        row.host, row.port, row.may_send = peer.host.strip(), peer.port, peer.may_send
        row.per_minute, row.max_bytes, row.tls, row.note = peer.per_minute, peer.max_bytes, peer.tls, peer.note
        session.add(row)


def remove(store: Store, ae_title: str) -> bool:
    """Forget a peer; False where there was none."""
    with store.session(writes=True) as session:
        row = session.scalars(select(PeerRow).where(PeerRow.ae_title == ae_title)).one_or_none()
        if row is None:
            return False
        session.delete(row)
        return True
