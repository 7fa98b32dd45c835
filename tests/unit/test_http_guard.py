"""Who may look, and what is served: decided from a request alone."""

from __future__ import annotations

import base64

import pytest

from trio_ticks.app.http.exchange import Ask
from trio_ticks.app.http.guard import refusal
from trio_ticks.config import HttpConfig, parse_config
from trio_ticks.errors import ConfigError

PASSWORD = "open sesame"
OPEN = HttpConfig()
CLOSED = HttpConfig(bind="0.0.0.0:8750", password=PASSWORD)
FEED = "[feeds.coinbase]\nsymbols = ['BTC-USD']\n"


def basic(password: str, user: str = "me") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def status(config: HttpConfig, method: str = "GET", **headers: str) -> int | None:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    refused = refusal(Ask(method=method, path="/status", headers={"host": "127.0.0.1:8750", **given}), config)
    return None if refused is None else refused.status


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8750", "localhost:8750", "LOCALHOST", "[::1]:9", "127.8.9.1", "localhost.:80"]
)
def test_names_of_this_machine_are_answered(host: str) -> None:
    """Under whatever port: a tunnel has one of its own."""
    assert status(OPEN, host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "",
        "10.0.0.1:8750",
        "localhost@evil.example",
        "[::1",
        "a b",
        "0.0.0.0:8750",
    ],
)
def test_a_foreign_name_is_refused(host: str) -> None:
    """Whoever has a name of their own lead to this machine learns nothing."""
    assert status(OPEN, host=host) == 421


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8750", ""]
)
def test_a_page_of_another_origin_is_refused(origin: str) -> None:
    """Of another port and of another name of this machine, too; with a password as without."""
    assert status(OPEN, origin=origin) == 403
    assert status(CLOSED, origin=origin, authorization=basic(PASSWORD)) == 403


def test_our_own_page_is_answered() -> None:
    """Browsers name the origin of a stream that a page opens, and what led to the request."""
    assert status(OPEN, origin="http://127.0.0.1:8750", sec_fetch_site="same-origin", sec_fetch_mode="cors") is None
    assert status(OPEN, sec_fetch_site="none", sec_fetch_mode="navigate") is None
    assert status(OPEN, sec_fetch_site="cross-site", sec_fetch_mode="navigate") is None  # a link is followed


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_another_page_embeds_is_refused(site: str) -> None:
    """An image or a script of ours in a page of theirs, which has no Origin."""
    assert status(OPEN, sec_fetch_site=site, sec_fetch_mode="no-cors") == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get"])
def test_nothing_can_be_changed(method: str) -> None:
    """There are only questions."""
    assert status(OPEN, method) == 405


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        basic("wrong"),
        basic(PASSWORD + "x"),
        basic(PASSWORD[:-1]),
        basic(""),
        "Basic",
        "Basic !!!",
        "Bearer " + PASSWORD,
        "Basic " + base64.b64encode(PASSWORD.encode()).decode(),
        "Basic " + "A" * 4_000,
    ],
)
def test_without_the_password_nothing_is_told(authorization: str) -> None:
    """Whatever stands there instead."""
    assert status(CLOSED, authorization=authorization) == 401


def test_the_password_opens_under_any_user_and_any_name() -> None:
    """With a password a name of this machine's is not needed: others reach it under another."""
    assert status(CLOSED, host="box.lan:8750", authorization=basic(PASSWORD, user="anybody")) is None
    assert status(CLOSED, host="box.lan:8750", authorization=basic(PASSWORD).replace("Basic", "basic")) is None


@pytest.mark.parametrize(
    "bind", ["8750", "127.0.0.1", "127.0.0.1:99999", "http://x:1", "a b:1", "::1:8750", "", "OFF", "x:-1"]
)
def test_a_bind_that_is_none_is_refused(bind: str) -> None:
    """The line names the key and what is accepted."""
    with pytest.raises(ConfigError, match=r"http\.bind = .*must be host:port, such as 127\.0\.0\.1:8750, or off"):
        parse_config(FEED + f"[http]\nbind = '{bind}'\n", source="x")


@pytest.mark.parametrize(
    "bind", ["0.0.0.0:8750", "[::]:8750", "192.168.1.2:1", "box.lan:8750", "localhost.evil.example:1"]
)
def test_others_are_let_in_only_with_a_password(bind: str) -> None:
    """The line says so; the password itself is shown nowhere."""
    with pytest.raises(ConfigError, match="give a password as well"):
        HttpConfig(bind=bind)
    config = parse_config(
        FEED + f"[http]\nbind = '{bind}'\npassword = '${{WORD}}'\n", source="x", environ={"WORD": PASSWORD}
    )
    assert PASSWORD not in repr(config)
    with pytest.raises(ConfigError, match="at least 8 characters") as refused:
        HttpConfig(bind=bind, password="short")
    assert "short" not in str(refused.value)


def test_where_it_listens() -> None:
    """Brackets are the URL's, not the address's."""
    assert (HttpConfig(bind="[::1]:0").host, HttpConfig(bind="[::1]:0").port) == ("::1", 0)
    assert HttpConfig(bind="off").is_off
    assert OPEN.is_private
