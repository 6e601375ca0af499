"""TLS of the DICOM side (DICOM PS3.15 B.9: TLS 1.2 and later), as the one that is called and as the one that calls."""

import ssl

from mammoqa.core import ConfigurationError
from mammoqa.service.options import ServiceOptions


def server_context(options: ServiceOptions) -> ssl.SSLContext | None:
    """The context of the receiver; None without a certificate. Peers need one where `tls_clients` is set.

    ConfigurationError where the files do not fit.
    """
    if options.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _fill(context, options)
    if options.tls_clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(options: ServiceOptions) -> ssl.SSLContext:
    """The context of calls to a peer, which has to show a certificate for its host.

    Trusted are the authorities of the operating system and those of `tls_clients`; the service shows its own
    certificate where it has one. ConfigurationError where the files do not fit.
    """
    context = ssl.create_default_context()
    _fill(context, options)
    return context


def _fill(context: ssl.SSLContext, options: ServiceOptions) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if options.tls_certificate is not None:
            context.load_cert_chain(options.tls_certificate, options.tls_key)
        if options.tls_clients is not None:
            context.load_verify_locations(options.tls_clients)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"the TLS certificate or key cannot be used: {error}") from error
