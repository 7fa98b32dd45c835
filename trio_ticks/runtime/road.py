"""The road to a feed's hosts: which proxy leads there, and whose word proves that they are who they claim to be."""

from __future__ import annotations

import functools
import ssl

import attrs

from trio_ticks.config import ConnectionConfig
from trio_ticks.config.proxies import Proxies, Proxy
from trio_ticks.errors import ConfigError
from trio_ticks.runtime.endpoint import Endpoint


@functools.cache
def _system_tls() -> ssl.SSLContext:
    # Loading the system's authorities takes some 30 ms, in which nothing else runs; so once is enough.
    return ssl.create_default_context()


def _verifies(_road: object, _attribute: attrs.Attribute[ssl.SSLContext], tls: ssl.SSLContext) -> None:
    if tls.verify_mode is not ssl.CERT_REQUIRED or not tls.check_hostname:
        raise ConfigError("tls: must verify certificates and host names")


@attrs.frozen(kw_only=True)
class Road:
    """How hosts are reached. Made once for each feed, by `road_of`, so that a mistake is found before a task starts.

    Attributes:
        proxies: The way to any host.
        tls: The authorities that are trusted. It verifies: there is no other kind of road.
    """

    proxies: Proxies = attrs.field(factory=Proxies)
    tls: ssl.SSLContext = attrs.field(factory=_system_tls, validator=_verifies)

    def proxy_towards(self, endpoint: Endpoint) -> Proxy | None:
        """Return the proxy on the road to an endpoint, or None where it is direct.

        Raises:
            ConfigError: The environment names a proxy that cannot be used.
        """
        return self.proxies.towards(endpoint.host, endpoint.port, secure=endpoint.secure)


def road_of(config: ConnectionConfig) -> Road:
    """Return the road that a configuration asks for, with the environment and the files as they are now.

    Raises:
        ConfigError: ``ca_file`` cannot be used.
    """
    tls = _system_tls() if config.ca_file is None else _private_tls(config.ca_file)
    return Road(proxies=Proxies(configured=config.proxy), tls=tls)


def _private_tls(path: str) -> ssl.SSLContext:
    """Return a context that trusts the authorities of one file and nobody else."""
    try:
        context = ssl.create_default_context(cafile=path)
    except ssl.SSLError:
        context = None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"ca_file = {path!r}: cannot be read: {reason}") from None
    # A file with nothing but a revocation list loads well, and then no certificate passes.
    if context is None or not context.cert_store_stats()["x509"]:
        raise ConfigError(f"ca_file = {path!r}: must be a PEM file with the certificates of the authorities to trust")
    return context
