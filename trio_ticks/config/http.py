"""``[http]``: where the dashboard, the status and the metrics are served, and to whom."""

from __future__ import annotations

import ipaddress
import re

import attrs

from trio_ticks.config import rules
from trio_ticks.config.secret import Secret, concealed
from trio_ticks.errors import ConfigError

OFF = "off"
_BIND = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")
_LAST_PORT = 65_535

LEAST_LETTERS = 8
"""Of a password. Every wrong one costs its sender a second, so that nobody guesses eight in a lifetime."""


def is_loopback(host: str) -> bool:
    """Tell whether a name or an address, a bracketed one included, is this machine's to itself."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_bind(value: object) -> bool:
    if value == OFF:
        return True
    found = _BIND.fullmatch(value) if isinstance(value, str) else None
    return found is not None and int(found[2]) <= _LAST_PORT


@attrs.frozen(kw_only=True)
class HttpConfig:
    """``[http]``.

    Attributes:
        bind: ``host:port``, an IPv6 address in brackets; port 0 is any free one. ``off``: nothing is served.
        password: Asked of whoever looks, under any user name. Needed where others than this machine can connect.
    """

    # Loopback: prices are licensed and positions are private, so nobody else sees them unless it was said.
    bind: str = attrs.field(
        default="127.0.0.1:8750", validator=rules.Rule("host:port, such as 127.0.0.1:8750, or off", _is_bind)
    )
    password: Secret | None = attrs.field(
        default=None,
        converter=concealed,
        validator=rules.optional(
            rules.Rule(
                f"a text of at least {LEAST_LETTERS} characters",
                lambda value: isinstance(value, Secret) and len(value.reveal()) >= LEAST_LETTERS,
                private=True,
            )
        ),
    )

    def __attrs_post_init__(self) -> None:
        if not self.is_off and not self.is_private and self.password is None:
            raise ConfigError(
                f"bind = {rules.shown(self.bind)}: others than this machine could connect, so give a password as"
                " well; accepted without one: 127.0.0.1, [::1], localhost"
            )

    @property
    def is_off(self) -> bool:
        """Whether nothing is served."""
        return self.bind == OFF

    @property
    def is_private(self) -> bool:
        """Whether only this machine can connect."""
        return is_loopback(self.host)

    @property
    def host(self) -> str:
        """The name or address to listen on, without brackets."""
        return self.bind.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen on; 0: any."""
        return int(self.bind.rpartition(":")[2])
