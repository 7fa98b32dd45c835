"""Who may look: decided before anything else is, from the request alone.

A page of another site can make a browser on this machine ask us, which is why being on loopback is not enough:

* it may have its own name resolve to 127.0.0.1 (DNS rebinding). Its requests then carry that name as Host, and where
  no password is asked for, only names of this machine are accepted;
* it may ask us by our own name. Its requests then carry a foreign Origin, or a ``Sec-Fetch-Site`` that says so, and
  are refused; following a link to us is not.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re

from trio_ticks.app.http.exchange import Ask, Reply, words
from trio_ticks.config import HttpConfig
from trio_ticks.config.http import is_loopback

UNAUTHORISED = 401
_METHODS = {"GET", "HEAD"}
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
_FOREIGN = {"cross-site", "same-site"}


def refusal(ask: Ask, config: HttpConfig) -> Reply | None:
    """Return why a request is not answered; None: it is."""
    if ask.method not in _METHODS:
        return words(405, "only GET and HEAD: nothing can be changed here", ("Allow", "GET, HEAD"))
    if not _is_host_ours(ask.headers.get("host", ""), config):
        return words(421, "asked under a name that is not this machine's; 127.0.0.1 and localhost are")
    if _is_foreign(ask):
        return words(403, "asked by a page of another site")
    if config.password is not None and not _knows(ask.headers.get("authorization", ""), config.password.reveal()):
        return words(UNAUTHORISED, "a password is needed", ("WWW-Authenticate", 'Basic realm="trio-ticks"'))
    return None


def _is_host_ours(host: str, config: HttpConfig) -> bool:
    found = _HOST.fullmatch(host)
    if found is None:
        return False
    # With a password a foreign name gains nothing: the browser keeps it for the name under which it was given.
    return config.password is not None or is_loopback(found[1])


def _is_foreign(ask: Ask) -> bool:
    origin, host = ask.headers.get("origin"), ask.headers.get("host", "")
    if origin is not None and origin not in {f"http://{host}", f"https://{host}"}:
        return True
    is_link = ask.headers.get("sec-fetch-mode") == "navigate"
    return ask.headers.get("sec-fetch-site") in _FOREIGN and not is_link


def _knows(authorization: str, password: str) -> bool:
    scheme, _, code = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        _user, _, given = base64.b64decode(code.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, password.encode())
