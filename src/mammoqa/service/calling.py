"""Associations that the service opens itself, to a peer that it knows."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mammoqa.core import ConfigurationError
from mammoqa.service.options import Service
from mammoqa.service.tls import client_context
from mammoqa.store import peers

if TYPE_CHECKING:
    from pynetdicom.association import Association

_TIMEOUT_S = 30


@contextmanager
def associated(
    service: Service, peer: peers.Peer, sop_class_uid: str, roles: Sequence[Any] = ()
) -> Iterator["Association"]:
    """An association with a peer for one SOP class, over TLS where the peer wants that; released afterwards.

    ConfigurationError, which says why, where there is none.
    """
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
    from pynetdicom import AE

    entity = AE(ae_title=service.options.ae_title)
    entity.add_requested_context(sop_class_uid, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = _TIMEOUT_S
    context = client_context(service.options) if peer.tls else None
    assoc = entity.associate(
        peer.host,
        peer.port,
        ae_title=peer.ae_title,
        ext_neg=list(roles),
        tls_args=(context, peer.host) if context is not None else None,
    )
    if not assoc.is_established:
        why = "it rejects the association" if assoc.is_rejected else _why(peer, context)
        raise ConfigurationError(f"{peer.ae_title} at {peer.host}:{peer.port} cannot be sent to: {why}")
    try:
        yield assoc
    finally:
        assoc.release()


def _why(peer: peers.Peer, context: ssl.SSLContext | None) -> str:
    """Why nothing came about, found by connecting again: the library keeps it to itself."""
    try:
        with socket.create_connection((peer.host, peer.port), timeout=_TIMEOUT_S) as plain:
            if context is not None:
                context.wrap_socket(plain, server_hostname=peer.host).close()
    except OSError as error:
        return str(error)
    return "it takes no such object, or ends the association"
