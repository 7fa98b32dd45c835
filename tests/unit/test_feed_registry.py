"""From a name to a feed, and what is said where there is none."""

from __future__ import annotations

import functools
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from trio_ticks.errors import ConfigError
from trio_ticks.feeds import AllTick, AllTickSimple, Coinbase
from trio_ticks.feeds.base import Feed
from trio_ticks.feeds.registry import BUILT_IN, make_feed, resolve

if TYPE_CHECKING:
    from pathlib import Path

OWN = """
    import functools
    from trio_ticks.errors import ConfigError
    from trio_ticks.feeds import Coinbase
    from trio_ticks.feeds.base import Decoded

    class Mine:
        name = "mine"
        url = "ws://127.0.0.1:1"
        identity = "content"
        def __init__(self, *symbols, speed=1):
            self.symbols = symbols
            self.speed = speed
        def subscribe(self, symbols):
            return list(symbols)
        def decode(self, messages):
            return Decoded()

    class Open(Mine):
        def __init__(self, *symbols, **options):
            super().__init__(*symbols)
            self.options = options

    class Deaf:
        name, url, identity = "deaf", "ws://127.0.0.1:1", "content"
        def __init__(self, *symbols):
            self.symbols = symbols
        def subscribe(self, symbols):
            return []

    class Odd(Mine):
        identity = "price"

    class OfOne(Mine):
        def __init__(self, symbols):
            self.symbols = symbols

    class Picky(Mine):
        def __init__(self, *symbols):
            raise ValueError("no\\nsuch symbol")

    class Careful(Mine):
        def __init__(self, *symbols):
            raise ConfigError("symbols: mine alone")

    class Fragile(Mine):
        @property
        def url(self):
            raise OSError("disk")

    class Space:
        ready = Mine("Y")

    def make(*symbols, name="made"):
        return Coinbase(*symbols, name=name)

    ready = Mine("X", "Y")
    quick = functools.partial(Mine, speed=9)
    number = 5
"""


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_feeds.py").write_text(textwrap.dedent(OWN))
    (tmp_path / "own_broken.py").write_text("def (:\n")
    (tmp_path / "own_failing.py").write_text("raise RuntimeError('not\\ntoday')\n")
    (tmp_path / "own_needy.py").write_text("import own_missing_thing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in list(sys.modules):
        if name.startswith("own_"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setenv("ALLTICK_TOKEN", "t0ken")


def test_the_built_in_feeds_have_their_names() -> None:
    """Each built-in name makes its class, and the feed has that name."""
    assert {"alltick": AllTick, "alltick-simple": AllTickSimple, "coinbase": Coinbase} == BUILT_IN
    for kind, factory in BUILT_IN.items():
        feed = make_feed(kind, ["A", "B"])
        assert type(feed) is factory
        assert (feed.name, tuple(feed.symbols)) == (kind, ("A", "B"))


def test_options_are_passed_on_and_none_means_not_given() -> None:
    """An option reaches the feed; None leaves the feed's own default in force."""
    feed = make_feed("coinbase", ["A"], name="cb", url=None)
    assert (feed.name, feed.url) == ("cb", Coinbase("A").url)
    made = make_feed("own_feeds:Open", ["A"], token="t", plan=None)
    assert vars(made)["options"] == {"token": "t"}


@pytest.mark.parametrize(
    ("kind", "symbols", "expected"),
    [
        ("own_feeds:Mine", ["A"], ("mine", ["A"])),
        ("own_feeds:quick", ["A"], ("mine", ["A"])),
        ("own_feeds:make", ["A"], ("made", ["A"])),
        ("own_feeds:ready", [], ("mine", ["X", "Y"])),
        ("own_feeds:ready", ["Y", "X"], ("mine", ["X", "Y"])),
        ("own_feeds:Space.ready", [], ("mine", ["Y"])),
    ],
)
def test_a_feed_of_ones_own_works(kind: str, symbols: list[str], expected: tuple[str, list[str]]) -> None:
    """A class, a function, a partial or a ready feed is found by module and attribute."""
    feed = make_feed(kind, symbols)
    assert isinstance(feed, Feed)
    assert (feed.name, list(feed.symbols)) == expected


def test_resolve_returns_what_the_name_stands_for() -> None:
    """A class is returned as it is, uncalled."""
    assert resolve("coinbase") is Coinbase
    assert resolve("functools:partial") is functools.partial


@pytest.mark.parametrize(
    ("kind", "symbols", "options", "complaint"),
    [
        ("coinbse", ["A"], {}, "there is no 'coinbse'; accepted: alltick, alltick-simple, coinbase"),
        ("coinbse", ["A"], {}, "did you mean 'coinbase'?"),
        ("AllTick", ["A"], {}, "did you mean 'alltick'?"),
        ("", ["A"], {}, "there is no ''"),
        ("own_nowhere:Feed", ["A"], {}, "there is no module 'own_nowhere'"),
        ("own_nowhere.deep:Feed", ["A"], {}, "there is no module 'own_nowhere'"),
        ("own_needy:Feed", ["A"], {}, "there is no module 'own_missing_thing'"),
        ("own_broken:Feed", ["A"], {}, "module 'own_broken' fails: SyntaxError"),
        ("own_failing:Feed", ["A"], {}, "module 'own_failing' fails: RuntimeError: not today"),
        (":Feed", ["A"], {}, "names no object; accepted is module:name"),
        (".own_feeds:Mine", ["A"], {}, "module '.own_feeds' fails"),
        ("own_feeds:", ["A"], {}, "names no object; accepted is module:name"),
        (
            "own_feeds:Nobody",
            ["A"],
            {},
            "module 'own_feeds' has no 'Nobody'; it defines Mine, Open, Deaf, Odd, OfOne and ",
        ),
        ("own_feeds:Opens", ["A"], {}, "has no 'Opens'; did you mean 'Open'?"),
        ("own_feeds:Mine.inner", ["A"], {}, "module 'own_feeds' has no 'Mine.inner'"),
        (
            "own_feeds:number",
            ["A"],
            {},
            "a int is no feed, it has no name, url, symbols, identity, subscribe",
        ),
        ("own_feeds:Deaf", ["A"], {}, "a Deaf is no feed, it has no decode"),
        ("own_feeds:Odd", ["A"], {}, "identity 'price'; accepted: content, trade_id, sequence, time"),
        ("own_feeds:Mine", [], {}, "symbols (); accepted is a list with one or more"),
        ("own_feeds:OfOne", ["A"], {}, "symbols 'A'; accepted is a list with one or more"),
        ("own_feeds:OfOne", ["A", "B"], {}, "TypeError: too many positional arguments"),
        ("own_feeds:Picky", ["A"], {}, "ValueError: no such symbol"),
        ("own_feeds:Careful", ["A"], {}, "symbols: mine alone"),
        ("own_feeds:Fragile", ["A"], {}, "OSError: disk"),
        ("own_feeds:Mine", ["A"], {"plan": "free"}, "takes no 'plan'; accepted: speed"),
        ("own_feeds:Mine", ["A"], {"sped": 2}, "takes no 'sped'; accepted: speed (did you mean 'speed'?)"),
        ("coinbase", ["A"], {"token": "s3cret"}, "takes no 'token'; accepted: url, name"),
        ("own_feeds:ready", ["X"], {}, "is ready with symbols X, Y"),
        ("own_feeds:ready", [], {"speed": 2}, "is ready and takes no 'speed'"),
        ("alltick", [], {}, "symbols: none given"),
        ("alltick", ["A"], {"plan": "fre"}, "did you mean 'free'?"),
    ],
)
def test_what_cannot_be_a_feed_is_one_line(
    kind: str, symbols: list[str], options: dict[str, object], complaint: str
) -> None:
    """Whatever is wrong with a name, a module, a call or a feed is said in one line that names it."""
    with pytest.raises(ConfigError) as caught:
        make_feed(kind, symbols, **options)
    line = str(caught.value)
    assert complaint in line
    assert "\n" not in line
    assert "s3cret" not in line


def test_a_feeds_own_complaint_is_passed_on_as_it_is() -> None:
    """A ConfigError that a feed raises is already one clear line."""
    with pytest.raises(ConfigError, match=r"^symbols: mine alone$"):
        make_feed("own_feeds:Careful", ["A"])
