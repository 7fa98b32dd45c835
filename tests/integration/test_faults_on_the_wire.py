"""Every important fault, from the simulated vendor's socket to the consumer's stream, at the vendor's own pace.

After each, ticks flow again, the ledger is exact, what is missing lies in a gap that says why, and the simulator, who
is the referee, has seen no rule broken; `Scene.check` holds all of that at the end of every scene.
"""

from __future__ import annotations

import traceback

import attrs
import pytest
import trio
from trio.testing import MockClock

from tests.support.scene import CONNECTION, TOKEN, new_clock, open_scene
from trio_ticks import AllTick, AuthenticationError, EngineError, Status, Tick, open_engine
from trio_ticks.sim import FAULTS, Switches, open_sim

TWO = ("BTCUSDT", "ETHUSDT")


@pytest.fixture
def simulated_time() -> MockClock:
    return new_clock()


@pytest.mark.parametrize(
    ("fault", "lasting_s", "cause", "reconnects"),
    [
        ("drop", 0.0, "closed", {"closed"}),
        ("close", 0.0, "closed", {"closed"}),
        ("restart", 10.0, "closed", {"closed", "refused"}),
        ("refuse", 10.0, "closed", {"closed", "refused"}),
        ("429", 10.0, "closed", {"closed", "refused"}),
        ("605", 10.0, "closed", {"closed", "refused"}),
        ("606", 10.0, "closed", {"closed", "refused"}),
        ("vanish", 0.0, "silent", {"silent"}),
        ("mute", 0.0, "mute", {"mute"}),
    ],
)
async def test_a_lost_connection_comes_back(
    simulated_time: MockClock,
    fault: str,
    lasting_s: float,
    cause: str,
    reconnects: set[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However it was lost: one gap for each symbol, named after the first cause; each attempt has its own word."""
    async with open_scene(*TWO) as scene:
        await scene.flows(*TWO)
        await FAULTS[fault](scene.sim, lasting_s)
        await scene.status("connected")
        await scene.flows(*TWO)
        assert scene.gap_causes == {cause}
        assert scene.line.reconnects.keys() == reconnects
    assert TOKEN not in caplog.text


async def test_a_cut_is_healed_in_real_time_as_well() -> None:
    """The same with the clock on the wall: nothing above holds only because time was simulated."""
    async with open_scene(*TWO) as scene:
        await scene.flows(*TWO)
        await scene.sim.drop()
        assert (await scene.gap()).cause == "closed"
        await scene.flows(*TWO)
        assert scene.line.reconnects == {"closed": 1}


async def test_a_mute_link_is_proved_by_one_question_on_the_same_port(simulated_time: MockClock) -> None:
    """In an open market one question is enough; the gap begins with the last tick, though heartbeats went on."""
    async with open_scene(*TWO) as scene:
        await scene.flows(*TWO)
        last_us = scene.seen[-1].time_us
        scene.sim.mute()
        gap = await scene.gap()
        await scene.flows(*TWO)
        assert scene.sim.statistics().requests["trade-tick"] == scene.line.questions == 1
        assert scene.line.reconnects == {"mute": 1}
        assert gap.cause == "mute"
        assert gap.start_us - last_us < 1_000_000


async def test_the_place_of_a_half_open_link_is_waited_for(simulated_time: MockClock) -> None:
    """A plan with one connection: refused until the vendor misses the heartbeat, then in; nothing was hurried."""
    connection = attrs.evolve(CONNECTION, silent_after_s=12.0)
    async with open_scene(*TWO, plan="basic", connection=connection) as scene:
        await scene.flows(*TWO)
        scene.sim.vanish()
        await scene.status("silent")
        await scene.status("connected")
        await scene.flows(*TWO)
        assert scene.line.reconnects["refused"] >= 1
        assert scene.sim.statistics().refused == {429: scene.line.reconnects["refused"]}
        assert scene.gap_causes == {"silent"}


@pytest.mark.parametrize("switches", [Switches(), Switches(bad_token="frame")], ids=["handshake", "frame"])
async def test_a_bad_token_ends_the_engine_at_once(
    simulated_time: MockClock, switches: Switches, caplog: pytest.LogCaptureFixture
) -> None:
    """One attempt, one error in plain words, and in no text the token: neither ours nor the true one."""
    feed_token = "wr0ng-s3cret"
    async with open_sim([], symbols=TWO, token=TOKEN, switches=switches) as sim:
        feed = AllTick(*TWO, token=feed_token, url=sim.url)
        with trio.fail_after(1.0), pytest.raises(EngineError) as caught:
            async with open_engine(feed, connection=CONNECTION):
                await trio.sleep_forever()
        assert sim.statistics().violations == {"token": 1}
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert caught.value.__cause__.subgroup(AuthenticationError) is not None
    assert "token" in str(caught.value)
    words = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "s3cret" not in words


@pytest.mark.parametrize(
    ("switches", "entitled", "ret"),
    [
        (Switches(), None, "600"),
        (Switches(), TWO, "604"),
        (Switches(error_data="absent"), None, "600"),
        (Switches(error_envelope="bare"), None, "600"),
        (Switches(error_envelope="bare", error_data="absent"), TWO, "604"),
    ],
)
async def test_one_bad_symbol_is_named_and_the_others_flow(
    simulated_time: MockClock, switches: Switches, entitled: tuple[str, ...] | None, ret: str
) -> None:
    """Whatever an error leaves out, cmd_id and trace included: nobody reconnects, one status names the offender."""
    known = ("XRPUSDT",) if entitled else ()
    unknown = () if entitled else ("XRPUSDT",)
    async with open_scene(
        *TWO, *known, unknown=unknown, switches=switches, entitled=entitled, connection=CONNECTION
    ) as scene:
        told = await scene.status("rejected")
        await scene.flows(*TWO)
        assert (told.symbol, told.reason[:7]) == ("XRPUSDT", f"ret {ret}")
        assert ([*scene.line.refused], scene.line.reconnects) == (["XRPUSDT"], {})
        assert [item.symbol for item in scene.seen if type(item) is Status and item.status == "rejected"] == [
            "XRPUSDT"
        ]


async def test_of_a_list_that_is_too_long_the_plans_share_flows(simulated_time: MockClock) -> None:
    """A client that takes its plan for a larger one: what is beyond it is named, and what fits flows."""
    symbols = tuple(f"{letter}USDT" for letter in "ABCDEFG")
    switches = Switches(too_many_codes="603")
    async with open_scene(
        *symbols, plan="basic", vendors_plan="free", switches=switches, broken={"too many codes": 5}
    ) as scene:
        refused = {(await scene.status("rejected")).symbol for _ in range(2)}
        served = [symbol for symbol in symbols if symbol not in refused]
        await scene.flows(*served)
        assert (len(served), scene.line.reconnects) == (5, {})
        assert all("603" in reason for reason in scene.line.refused.values())


@pytest.mark.parametrize(
    "switches",
    [
        Switches(numbers="string"),
        Switches(time_unit="s"),
        Switches(numbers="string", time_unit="s"),
        Switches(ack="after"),
        Switches(ack="after", snapshot="last"),
        Switches(seq="duplicate"),
        Switches(seq="connection"),
    ],
    ids=lambda switches: ",".join(
        sorted(set(attrs.asdict(switches).values()) - set(attrs.asdict(Switches()).values()))
    ),
)
async def test_whatever_the_documentation_leaves_open(simulated_time: MockClock, switches: Switches) -> None:
    """Every reading of it brings all the ticks, at the time at which they were made, before a reconnect and after."""
    async with open_scene(*TWO, switches=switches) as scene:
        await scene.status("connected")  # where the acknowledgement comes late, later than the first tick
        await scene.flows(*TWO)
        await scene.sim.drop(clean=True)
        await scene.status("connected")
        await scene.flows(*TWO)
        assert scene.line.reconnects == {"closed": 1}
        assert (scene.line.unreadable, scene.line.unknown, scene.ledger.rejected) == (0, 0, 0)
        for tick in (item for item in scene.seen if type(item) is Tick):
            assert 0 <= tick.received_us - tick.time_us < 1_100_000


async def test_repeated_ticks_of_a_new_connection_are_dropped(simulated_time: MockClock) -> None:
    """What the vendor sends again after a reconnect is known by its content, and every price is seen once."""
    async with open_scene(*TWO, overlap=20) as scene:
        await scene.flows(*TWO)
        await scene.flows(*TWO)
        await scene.sim.drop()
        await scene.flows(*TWO)
        assert scene.ledger.duplicates > 0
        prices = [(item.symbol, item.price_text) for item in scene.seen if type(item) is Tick]
        assert len(prices) == len(set(prices))


@pytest.mark.parametrize(
    ("fault", "figure"),
    [("malform", "unreadable"), ("puzzle", "unknown"), ("blank", "rejected"), ("reorder", "late"), ("burst", "")],
)
async def test_what_no_client_expects_costs_no_tick_and_no_connection(
    simulated_time: MockClock, fault: str, figure: str
) -> None:
    """Broken JSON, unknown messages, empty numbers, another order, all at once: counted, and every tick is kept."""
    async with open_scene(*TWO) as scene:
        await scene.flows(*TWO)
        await FAULTS[fault](scene.sim, 3.0)
        await scene.flows(*TWO)
        assert scene.line.reconnects == {}
        assert scene.gap_causes == set()
        late = sum(item.late for item in scene.seen if type(item) is Tick)
        figures = {
            "unreadable": scene.line.unreadable,
            "unknown": scene.line.unknown,
            "rejected": scene.ledger.rejected,
            "late": late,
        }
        assert {name for name, count in figures.items() if count} == {figure} - {""}


async def test_a_byte_at_a_time_is_still_a_message(simulated_time: MockClock) -> None:
    """A slow drip delays; it is neither silence nor an error."""
    async with open_scene(*TWO) as scene:
        await scene.flows(*TWO)
        await FAULTS["drip"](scene.sim, 2.0)
        await scene.flows(*TWO)
        assert scene.line.reconnects == {}
