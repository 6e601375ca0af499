"""The listening side of the receiver: TLS is agreed in the thread of each connection, never in the one that accepts."""

import logging
import socket
import ssl
from typing import Any

from pynetdicom.transport import ThreadedAssociationServer

from mammoqa.service.arrivals import Begin, Handler

LOG = logging.getLogger("mammoqa.receiver")
_HANDSHAKE_S = 15.0  # a sender that is silent for longer is hung up on (a choice)


class Server(ThreadedAssociationServer):
    """A server that a silent or wrong TLS client keeps from nothing, and that says whom it refused.

    `begin` is asked for each object where its bytes shall go.
    """

    def __init__(self, *arguments: Any, begin: Begin, **more: Any) -> None:
        self.begin = begin
        super().__init__(*arguments, **more | {"request_handler": Handler})

    def get_request(self) -> tuple[socket.socket, Any]:
        """The next connection, its TLS not yet agreed."""
        if self.socket is None:
            raise OSError("the receiver is shut")
        client, address = self.socket.accept()
        if self.ssl_context is not None:
            client = self.ssl_context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
        return client, address

    def process_request_thread(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        """Agree on TLS where that is wanted, then on an association."""
        if isinstance(request, ssl.SSLSocket):
            try:
                request.settimeout(_HANDSHAKE_S)
                request.do_handshake()
                request.settimeout(None)
            except OSError as error:
                LOG.warning("connection from %s refused, no TLS that is trusted: %s", client_address[0], error)
                self.shutdown_request(request)
                return
        super().process_request_thread(request, client_address)
