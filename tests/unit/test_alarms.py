"""What a person is told of an engine: what stands long enough, what happens, and that it is over."""

from __future__ import annotations

from tests.support.statistics import engine, journal, line, relay, sink, strategy
from trio_ticks.app.alarms import AGAIN_S, Alarms, News
from trio_ticks.config.notify import EVENTS
from trio_ticks.runtime.statistics import EngineStatistics

DOWN_S = 60.0


def told(*looks: EngineStatistics) -> list[list[News]]:
    """Return what each look told."""
    alarms = Alarms()
    return [alarms.look(look, down_s=DOWN_S) for look in looks]


def test_of_an_engine_that_is_well_nothing_is_told() -> None:
    """Neither at the first look nor at any other."""
    well = {"journal": journal(), "sinks": (sink(), sink("redis", "waiting")), "strategies": (strategy(),)}
    assert told(*(engine(at, line(), relays=(relay(),), **well) for at in range(100))) == [[]] * 100


def test_a_connection_is_told_of_once_it_was_down_for_so_long_and_when_it_is_back() -> None:
    """A reconnect of some seconds is nobody's business; an outage is told of once, with its reason."""
    down = line(state="waiting", last_error="HTTP 503")
    looks = told(engine(0, line()), *(engine(at, down) for at in (1, 60, 61, 62)), engine(100, line()))
    assert [[(news.event, news.is_over) for news in look] for look in looks] == [
        [], [], [], [("disconnected", False)], [], [("disconnected", True)],
    ]  # fmt: skip
    assert looks[3][0].text == "alltick 0A has brought no prices for 60.0 s: HTTP 503"
    assert looks[5][0].text == "alltick 0A is connected again after 99.0 s"
    short = told(engine(0, line()), engine(1, down), engine(50, down), engine(55, line()), engine(200, line()))
    assert short == [[]] * 5


def test_a_connection_that_never_came_up_is_down_as_well() -> None:
    """A vendor that cannot be reached from the start is told of like any other."""
    looks = told(engine(0, line(state="connecting")), engine(61, line(state="connecting")))
    assert [news.event for news in looks[1]] == ["disconnected"]


def test_a_silent_connection_is_told_of_at_once_but_not_all_night() -> None:
    """Also where it is live again before anybody looks; a closed market is mute a hundred times."""
    looks = told(
        engine(0, line()),
        engine(1, line(reconnects={"silent": 1}, last_error="nothing for 15 s")),
        *(engine(at, line(reconnects={"silent": 1, "mute": at})) for at in range(2, 100)),
        engine(AGAIN_S + 2, line(reconnects={"silent": 1, "mute": 100})),
    )
    assert [news.text for news in looks[1]] == ["alltick 0A was silent and is connected anew: nothing for 15 s"]
    assert [news.event for look in looks[2:-1] for news in look] == ["silent"]
    assert [news.event for news in looks[-1]] == ["silent"]


def test_a_database_is_told_of_once_it_was_down_for_so_long() -> None:
    """Its ticks wait in the journal meanwhile, so there is time."""
    held = sink(state="holding", last_error="Connection refused")
    looks = told(*(engine(at, sinks=(held,)) for at in (0, 59, 60)), engine(90, sinks=(sink(),)))
    assert [[news.event for news in look] for look in looks] == [[], [], ["database"], ["database"]]
    assert "Connection refused" in looks[2][0].text
    assert looks[3][0].is_over


def test_records_that_a_database_refuses_are_told_of() -> None:
    """They are kept, and somebody has to look at them."""
    [_, [news]] = told(engine(0, sinks=(sink(dead=2),)), engine(1, sinks=(sink(dead=5),)))
    assert (news.event, "3 ticks" in news.text) == ("refused", True)


def test_a_journal_that_takes_nothing_is_told_of_at_once() -> None:
    """And when it leaves ticks out, which is worse; and that it is over."""
    looks = told(
        engine(0, journal=journal()),
        engine(1, journal=journal("holding", "No space left on device")),
        engine(2, journal=journal("lossy", "No space left on device")),
        engine(3, journal=journal()),
    )
    assert [[(news.event, news.is_over) for news in look] for look in looks] == [
        [], [("journal", False)], [("journal", True), ("journal", False)], [("journal", True)],
    ]  # fmt: skip
    assert "No space left on device" in looks[1][0].text


def test_a_strategy_that_fails_is_told_of_and_again_when_it_is_given_up() -> None:
    """With its error."""
    looks = told(
        engine(0, strategies=(strategy(),)),
        engine(1, strategies=(strategy("restarting", 1, "KeyError: 'x'"),)),
        engine(2, strategies=(strategy("running", 2, "KeyError: 'x'"),)),
        engine(3, strategies=(strategy("failed", 10, "KeyError: 'x'"),)),
        engine(4, strategies=(strategy("failed", 10, "KeyError: 'x'"),)),
    )
    assert [len(look) for look in looks] == [0, 1, 0, 1, 0]
    assert "is restarted: KeyError: 'x'" in looks[1][0].text
    assert "is not started again: KeyError: 'x'" in looks[3][0].text


def test_a_feed_that_is_given_up_is_told_of_once_and_its_connections_are_not() -> None:
    """They are gone because of it."""
    gone = {"failed_feeds": {"alltick": "the token is not accepted"}}
    looks = told(engine(0, line()), *(engine(at, line(state="ended"), **gone) for at in (1, 2, 100)))
    assert [[news.event for news in look] for look in looks] == [[], ["feed"], [], []]


def test_a_feed_from_redis_that_cannot_be_read_is_a_connection_that_is_down() -> None:
    """And is told of like one."""
    held = relay(state="held", last_error="no such stream")
    looks = told(engine(0, relays=(held,)), engine(60, relays=(held,)), engine(61, relays=(relay(),)))
    assert [[(news.event, news.is_over) for news in look] for look in looks] == [
        [], [("disconnected", False)], [("disconnected", True)],
    ]  # fmt: skip


def test_all_that_is_told_can_be_chosen() -> None:
    """Every event that the settings name is one that is told, and the other way round."""
    assert set(EVENTS) == {
        "started", "stopped", "silent", "disconnected", "feed", "database", "refused", "strategy", "journal",
    }  # fmt: skip
