"""What every feed says about a call that cannot work."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from trio_ticks.config import Secret
from trio_ticks.errors import ConfigError
from trio_ticks.feeds import AllTick, AllTickSimple, Coinbase
from trio_ticks.feeds.base import Feed, limits_of, services_of

Factory = Callable[..., Feed]

TOKEN = "s3cr/t +&token"


def alltick(*symbols: str, url: str = "wss://quote.alltick.co") -> Feed:
    return AllTick(*symbols, token=TOKEN, url=url)


@pytest.fixture(params=[alltick, AllTickSimple, Coinbase], ids=["alltick", "alltick-simple", "coinbase"])
def factory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Factory:
    monkeypatch.delenv("ALLTICK_TOKEN", raising=False)
    made: Factory = request.param
    return made


def test_a_feed_is_a_feed(factory: Factory) -> None:
    """Every built-in feed has the parts that the runtime relies on, and keeps the symbols as given."""
    feed = factory("B", "A")
    assert isinstance(feed, Feed)
    assert tuple(feed.symbols) == ("B", "A")
    assert [symbol for service in services_of(feed) for symbol in service.symbols] == ["B", "A"]
    assert limits_of(feed).connections >= 1
    assert feed.decode([]).ticks == []
    assert feed.subscribe([]) == []


@pytest.mark.parametrize(
    ("symbols", "complaint"),
    [
        ((), "none given"),
        (("",), "'' is no symbol"),
        ((" ",), "' ' is no symbol"),
        (("A B",), "'A B' is no symbol"),
        (("A\n",), r"'A\\n' is no symbol"),
        (("\ud800",), r"'\\ud800' is no symbol"),
        ((["A", "B"],), "a list is no symbol"),
        ((None,), "a NoneType is no symbol"),
        (("A", "B", "A", "C", "B"), "more than once: A, B"),
    ],
)
def test_symbols_that_cannot_be_are_named(factory: Factory, symbols: tuple[str, ...], complaint: str) -> None:
    """Nothing is dropped or guessed: no symbol, an empty one, a blank or a repetition is an error."""
    with pytest.raises(ConfigError, match=f"^symbols: .*{complaint}") as caught:
        factory(*symbols)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:9000", "wss://example.org/ws/stock", "ws://[::1]:80/x", "WSS://example.org"]
)
def test_urls_of_websockets_are_taken_as_they_are(factory: Factory, url: str) -> None:
    """Another host or endpoint is kept, letter by letter."""
    assert factory("A", url=url).url.startswith(url)


@pytest.mark.parametrize(
    "url",
    ["http://example.org", "example.org", "wss://", "wss:///x", "ws://a:x", "ws://a:0", "ws://[", "ws://a b"],
)
def test_urls_of_other_things_are_named(factory: Factory, url: str) -> None:
    """A URL that no WebSocket can be opened with is an error that shows it."""
    with pytest.raises(ConfigError, match=r"^url: .*accepted is ws://") as caught:
        factory("A", url=url)
    assert repr(url) in str(caught.value)


@pytest.mark.parametrize("url", ["wss://h/x?token=s3cret", "wss://me:s3cret@h", "wss://h/#s3cret"])
def test_a_url_that_may_hold_a_secret_is_not_repeated(factory: Factory, url: str) -> None:
    """A query, a fragment and a login are refused without showing them."""
    with pytest.raises(ConfigError, match=r"^url: ") as caught:
        factory("A", url=url)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("kind", [AllTick, AllTickSimple])
@pytest.mark.parametrize("token", ["", "\ud800s3cret"])
def test_a_token_that_no_url_can_carry_is_refused_unseen(kind: Factory, token: str) -> None:
    """An empty token or one that is no Unicode is an error that does not show it."""
    with pytest.raises(ConfigError, match=r"^token: ") as caught:
        kind("A", token=token)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("kind", [AllTick, AllTickSimple])
@pytest.mark.parametrize("token", [TOKEN, Secret(TOKEN)])
def test_the_token_is_in_the_secret_query_and_nowhere_else(kind: Factory, token: str | Secret) -> None:
    """Printing a feed or any part of it shows no token; the query carries it quoted."""
    feed = kind("A", token=token)
    (service,) = services_of(feed)
    assert service.secret_query == "token=s3cr%2Ft%20%2B%26token"
    shown = f"{feed!r} {feed} {vars(feed)} {service} {limits_of(feed)} {feed.subscribe(['A'])} {feed.url}"
    assert "s3cr" not in shown


def test_the_token_comes_from_the_environment_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """ALLTICK_TOKEN stands in; AllTick names it where it is missing, the simple dialect does without."""
    monkeypatch.setenv("ALLTICK_TOKEN", "abc")
    assert services_of(AllTick("A"))[0].secret_query == "token=abc"
    assert services_of(AllTickSimple("A"))[0].secret_query == "token=abc"
    monkeypatch.setenv("ALLTICK_TOKEN", "")
    assert services_of(AllTickSimple("A"))[0].secret_query == ""
    with pytest.raises(ConfigError, match="set ALLTICK_TOKEN"):
        AllTick("A")
