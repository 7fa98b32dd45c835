"""Which proxy leads to a host, and that no text about one shows its password."""

from __future__ import annotations

import base64

import pytest

from trio_ticks.config import ConnectionConfig, FeedConfig, Secret, parse_config
from trio_ticks.config.proxies import Proxies, parse_proxy
from trio_ticks.errors import ConfigError

ACCEPTED = r"must be http://\[user:password@\]host\[:port\]"


@pytest.mark.parametrize(
    ("text", "host", "port", "shown"),
    [
        ("http://proxy.example:3128", "proxy.example", 3128, "http://proxy.example:3128"),
        ("http://proxy.example/", "proxy.example", 80, "http://proxy.example:80"),
        ("proxy.example:3128", "proxy.example", 3128, "http://proxy.example:3128"),
        ("HTTP://u:s3cret@10.0.0.1:8080", "10.0.0.1", 8080, "http://10.0.0.1:8080"),
        ("http://u:s3cret@[fd00::1]:8080", "fd00::1", 8080, "http://[fd00::1]:8080"),
    ],
)
def test_a_proxy_is_taken_apart_and_shown_without_its_user(text: str, host: str, port: int, shown: str) -> None:
    """Host and port are what the URL says, and the text of a proxy is safe to print."""
    proxy = parse_proxy(text)
    assert (proxy.host, proxy.port, str(proxy)) == (host, port, shown)
    assert "s3cret" not in repr(proxy)


@pytest.mark.parametrize(
    ("user", "pair"),
    [("u:p", "u:p"), ("u", "u:"), ("u:", "u:"), ("a%40b:p%3A%2F%C3%A9", "a@b:p:/é"), (":p", ":p")],
)
def test_user_and_password_are_decoded_for_the_header(user: str, pair: str) -> None:
    """What a URL has to encode is sent as it was meant."""
    authorization = parse_proxy(f"http://{user}@proxy.example").authorization
    assert authorization is not None
    assert authorization.reveal() == "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("socks5://u:s3cret@proxy.example:1080", "^proxy: socks5 proxies are not supported; " + ACCEPTED),
        ("SOCKS5H://proxy.example", "^proxy: socks5h proxies are not supported"),
        ("https://u:s3cret@proxy.example", "^proxy: https proxies are not supported"),
        ("s3cret://proxy.example", f"^proxy: {ACCEPTED}$"),
        ("http://u:s3cret/@proxy.example", f"^proxy: {ACCEPTED}$"),
        ("http://u:s3cret@proxy.example:port", f"^proxy: {ACCEPTED}$"),
        ("http://u:s3cret@[proxy", f"^proxy: {ACCEPTED}$"),
        ("http://u:s3cret\ud800@proxy.example", f"^proxy: {ACCEPTED}$"),
        ("http://proxy.example/?s3cret", f"^proxy: {ACCEPTED}$"),
        ("http://proxy.example:0", f"^proxy: {ACCEPTED}$"),
        ("http://proxy..example", f"^proxy: {ACCEPTED}$"),
        ("http://pro xy", f"^proxy: {ACCEPTED}$"),
        ("http://", f"^proxy: {ACCEPTED}$"),
    ],
)
def test_what_is_no_proxy_is_refused_without_being_shown(text: str, words: str) -> None:
    """The refusal names the key and what is accepted; neither it nor what led to it shows a password."""
    with pytest.raises(ConfigError, match=words) as caught:
        ConnectionConfig(proxy=text)
    error: BaseException | None = caught.value
    while error is not None:
        assert "s3cret" not in str(error)
        error = error.__context__


def test_a_configured_proxy_is_a_secret() -> None:
    """Neither the record nor a refusal of another key shows what the file says."""
    text = '[feeds.x]\nsymbols = ["A"]\nproxy = "http://u:s3cret@proxy.example"\n'
    config = parse_config(text, source="file")
    assert "s3cret" not in repr(config)
    feed = config.feeds["x"]
    assert isinstance(feed, FeedConfig)
    assert feed.proxy == Secret("http://u:s3cret@proxy.example")


def shown(environment: dict[str, str], host: str, *, secure: bool = True, configured: str | None = None) -> str:
    """Return the proxy towards port 8443 of a host, in words."""
    proxies = Proxies(configured=None if configured is None else Secret(configured), environment=environment)
    return str(proxies.towards(host, 8443, secure=secure))


def test_the_configured_proxy_is_for_every_host() -> None:
    """What the file says wins over the environment and its exemptions, hosts of this machine included."""
    environment = {"https": "http://other.example", "no": "*"}
    for host in ("a.example", "127.0.0.1", "localhost"):
        assert shown(environment, host, configured="http://mine.example") == "http://mine.example:80"
        assert shown({"https": "http://other.example"}, host, configured="") == "None"


@pytest.mark.parametrize(
    ("environment", "over_tls", "in_the_clear"),
    [
        ({}, "None", "None"),
        ({"https": "s.example:1"}, "http://s.example:1", "None"),
        ({"http": "c.example:1"}, "None", "http://c.example:1"),
        ({"all": "a.example:1"}, "http://a.example:1", "http://a.example:1"),
        ({"all": "a.example:1", "https": "s.example:1"}, "http://s.example:1", "http://a.example:1"),
    ],
)
def test_the_environment_names_a_proxy_by_scheme(
    environment: dict[str, str], over_tls: str, in_the_clear: str
) -> None:
    """The scheme's own proxy wins over the one for all."""
    assert shown(environment, "feed.example") == over_tls
    assert shown(environment, "feed.example", secure=False) == in_the_clear


@pytest.mark.parametrize(
    ("no", "direct"),
    [
        ("feed.example", True),
        ("FEED.Example", True),
        ("other, .example", True),
        ("*.example", True),
        ("*", True),
        ("feed.example:8443", True),
        ("feed.example:80", False),
        ("eed.example", False),
        ("feed.example.org", False),
        ("", False),
        (",", False),
    ],
)
def test_no_proxy_exempts_hosts_and_suffixes(no: str, direct: bool) -> None:
    """A host is exempt by its name, a suffix at a dot, its port, or a star."""
    assert shown({"all": "http://p.example", "no": no}, "Feed.example") == (
        "None" if direct else "http://p.example:80"
    )


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_hosts_of_this_machine_need_no_exemption(host: str) -> None:
    """The simulator runs behind any firewall: the environment's proxy could not reach it."""
    assert shown({"all": "http://p.example"}, host) == "None"


def test_an_ipv6_host_can_be_exempt() -> None:
    """An address with colons is compared whole."""
    assert shown({"all": "http://p.example", "no": "fd00::2"}, "fd00::2") == "None"
    assert shown({"all": "http://p.example", "no": "fd00::3"}, "fd00::2") == "http://p.example:80"


def test_a_proxy_of_the_environment_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, what is accepted and the way out are in one line, the password is not; lower case wins."""
    for name in ("HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", "http://p.example")
    monkeypatch.setenv("all_proxy", "socks5://u:s3cret@p.example")
    with pytest.raises(ConfigError) as caught:
        Proxies().towards("feed.invalid", 443, secure=False)
    assert str(caught.value) == (
        "all_proxy in the environment: socks5 proxies are not supported; must be http://[user:password@]host[:port];"
        ' a feed with proxy = "" uses none'
    )
    assert "s3cret" not in repr(Proxies())
