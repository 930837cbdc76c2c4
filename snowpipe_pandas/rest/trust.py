"""TLS by the system's own trust store, as in browsers; `truststore` is loaded only if that is requested."""

from __future__ import annotations

import importlib
import ssl
from typing import Any

from ..errors import ConfigError
from .deadline import DeadlineAdapter


class SystemTrustAdapter(DeadlineAdapter):
    """An adapter whose certificates are judged by the system alone, not by a file of certificates."""

    def __init__(self, **options: Any) -> None:
        self._context = system_context()
        super().__init__(**options)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pool manager, with the system's trust."""
        super().init_poolmanager(*args, **options, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Make the manager of a proxy, with the system's trust."""
        return super().proxy_manager_for(proxy, **options, ssl_context=self._context)

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        """Leave out files of certificates, also those of the environment."""
        return super().build_connection_pool_key_attributes(request, True, cert)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Require a certificate, and trust only the system's."""
        conn.cert_reqs, conn.ca_certs, conn.ca_cert_dir = "CERT_REQUIRED", None, None


def system_context() -> ssl.SSLContext:
    """Return a context that trusts what the system trusts.

    Raises:
        ConfigError: truststore is not installed.
    """
    try:
        library = importlib.import_module("truststore")
    except ImportError:
        raise ConfigError(
            "ca_file='system' needs the package truststore: pip install truststore", setting="ca_file"
        ) from None
    context: ssl.SSLContext = library.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return context
