"""Where a URL leads."""

from __future__ import annotations

from urllib.parse import urlsplit

import attrs

from trio_ticks.config.rules import is_host
from trio_ticks.errors import ConfigError

WEBSOCKET = ("ws", "wss")
HTTP = ("http", "https")
"""Each with the scheme in the clear first, and the one over TLS second."""


@attrs.frozen
class Endpoint:
    """A server, and what to ask it for.

    Attributes:
        host: A name or an address.
        port: As the URL says, or the scheme's own.
        target: Path and query, as the request line wants them; a token may be in it.
        secure: Whether TLS is spoken.
    """

    host: str
    port: int
    target: str = attrs.field(repr=False)
    secure: bool

    @property
    def authority(self) -> str:
        """Host and, where it is not the scheme's own, port, as the ``Host`` header wants it."""
        host, _, port = self.full_authority.rpartition(":")
        return host if port == ("443" if self.secure else "80") else self.full_authority

    @property
    def full_authority(self) -> str:
        """Host and port, as ``CONNECT`` wants it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_url(url: str, *, secret_query: str = "", schemes: tuple[str, str] = WEBSOCKET) -> Endpoint:
    """Take a URL apart.

    Args:
        url: Safe to print.
        secret_query: Added to the request's query and to nothing else.
        schemes: Accepted, in the clear and over TLS.

    Raises:
        ConfigError: It is not one of these, or cannot be sent as it is. ``secret_query`` is not shown.
    """
    clear, over_tls = schemes
    accepted = f"accepted are {clear}://host[:port]/path and {over_tls}://host[:port]/path"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"url {url!r}: {error}; {accepted}") from None
    if "@" in parts.netloc:
        raise ConfigError(f"a url with a user would show a password wherever it is printed; {accepted}")
    if parts.scheme not in schemes or not parts.hostname or not is_host(parts.hostname):
        raise ConfigError(f"url {url!r}: {accepted}")
    secure = parts.scheme == over_tls
    query = "&".join(part for part in (parts.query, secret_query) if part)
    target = (parts.path or "/") + (f"?{query}" if query else "")
    if not (target.isascii() and target.isprintable()) or " " in target:
        raise ConfigError(f"url {url!r}, or the token: must be percent-encoded where it is not plain ASCII")
    return Endpoint(parts.hostname, (443 if secure else 80) if port is None else port, target, secure)
