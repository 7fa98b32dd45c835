"""Which proxy leads to a host: the one that is configured, or else the one that the environment names.

A proxy's URL may hold a password. It is therefore kept as a `Secret`, and no error about it shows it.
"""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

import attrs

from trio_ticks.config.rules import Rule, is_host
from trio_ticks.config.secret import Secret
from trio_ticks.errors import ConfigError

ACCEPTED = "http://[user:password@]host[:port]"

# Named in a refusal, because that cannot be a part of a password; any other text before :// could be.
_OTHER_KINDS = {"https", "socks", "socks4", "socks4a", "socks5", "socks5h"}


@attrs.frozen
class Proxy:
    """An HTTP proxy. Its text can be shown.

    Attributes:
        host: A name or an address.
        port: Where it listens.
        authorization: The value of the ``Proxy-Authorization`` header. None: the proxy asks for none.
    """

    host: str
    port: int
    authorization: Secret | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def parse_proxy(text: str) -> Proxy:
    """Take a proxy's URL apart; ``http://`` may be left out, as environments often do.

    Raises:
        ConfigError: It is not one, or of a kind that is not supported. The text is not shown.
    """
    kind = text.partition("://")[0].lower()
    if kind in _OTHER_KINDS:
        raise ConfigError(f"{kind} proxies are not supported; must be {ACCEPTED}")
    proxy = _parsed(text if "://" in text else f"http://{text}")
    if proxy is None:
        raise ConfigError(f"must be {ACCEPTED}")
    return proxy


def _parsed(text: str) -> Proxy | None:
    # No error is raised in here on purpose: one that follows a foreign one would carry that along, text and all.
    try:
        parts = urlsplit(text)
        port = 80 if parts.port is None else parts.port
        authorization = _basic(parts.username, parts.password)
    except ValueError:
        return None
    rest = (parts.path.removeprefix("/"), parts.query, parts.fragment)
    if parts.scheme != "http" or any(rest) or port == 0 or parts.hostname is None or not is_host(parts.hostname):
        return None
    return Proxy(parts.hostname, port, authorization)


def _basic(user: str | None, password: str | None) -> Secret | None:
    """Return the header of RFC 7617 for what a URL gave, percent-encoded."""
    if user is None:
        return None
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return Secret("Basic " + base64.b64encode(pair.encode()).decode())


def proxy_url() -> Rule:
    """Accept a proxy's URL as a secret, or an empty one for no proxy."""
    return Rule(
        f'{ACCEPTED}, or "" for none',
        lambda value: isinstance(value, Secret),
        private=True,
        then=_parsable,
    )


def _parsable(_record: object, attribute: attrs.Attribute[object], value: Secret | None) -> None:
    if value:
        try:
            parse_proxy(value.reveal())
        except ConfigError as error:
            raise ConfigError(f"{attribute.name}: {error}") from None


@attrs.frozen(kw_only=True)
class Proxies:
    """The way to any host.

    Attributes:
        configured: The proxy for every host; an empty one for none. None: what the environment says.
        environment: The proxies that the environment names, by the scheme of what is asked for, and under ``no``
            the hosts that need none: ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` or the same in
            lower case, which wins, as the standard library finds them.
    """

    configured: Secret | None = None
    environment: Mapping[str, str] = attrs.field(factory=getproxies_environment, repr=False)

    def towards(self, host: str, port: int, *, secure: bool) -> Proxy | None:
        """Return the proxy that leads to a host, or None where the way is direct.

        The environment's proxy is not asked for hosts of this machine: what listens here, such as the simulator,
        no proxy can reach.

        Raises:
            ConfigError: The environment names a proxy that cannot be used.
        """
        if self.configured is not None:
            return parse_proxy(self.configured.reveal()) if self.configured else None
        if _is_here(host) or _is_exempt(host, port, self.environment.get("no", "")):
            return None
        for name in ("https" if secure else "http", "all"):
            if name in self.environment:
                return _named(f"{name}_proxy", self.environment[name])
        return None


def _is_exempt(host: str, port: int, names: str) -> bool:
    """Tell whether a host is in a ``NO_PROXY``: itself or under a suffix, with its port or without, or by ``*``."""
    hosts = (f".{host.lower()}", f".{host.lower()}:{port}")
    for name in map(str.strip, names.lower().split(",")):
        suffix = name.removeprefix("*").lstrip(".")
        if name == "*" or (suffix and any(host.endswith(f".{suffix}") for host in hosts)):
            return True
    return False


def _named(variable: str, text: str) -> Proxy:
    try:
        return parse_proxy(text)
    except ConfigError as error:
        raise ConfigError(f'{variable} in the environment: {error}; a feed with proxy = "" uses none') from None


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
