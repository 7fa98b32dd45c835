"""The comparison of polling with streaming, over real sockets: nobody breaks a rule, and the stream has no hole."""

from __future__ import annotations

import trio

from bench.polling.experiment import Setting, run
from bench.polling.report import Circumstances, as_json, by_recording, markdown, table
from trio_ticks.sim.rules import PLANS


async def test_all_clients_keep_the_vendors_rules_and_the_stream_misses_nothing() -> None:
    """However the machine stalls: no violation, every poller is served, and what is streamed is complete in order."""
    with trio.fail_after(120):
        result = await run(Setting(seconds=0.5, warm_up_s=0.5, one_way_s=0.02))
    assert [(outcome.name, outcome.plan) for outcome in result.outcomes] == [
        ("venue", ""),
        ("streamed", "basic"),
        *(("polled", plan) for plan in PLANS),
    ]
    for outcome, learnt in zip(result.outcomes, result.learnt, strict=True):
        assert outcome.violations == {}
        assert (outcome.queries > 0) == (outcome.name == "polled")
        for symbol, each in learnt.items():
            assert all(one.time_us >= result.trades[symbol][one.trade].time_us for one in each)
    for each in result.learnt[1].values():
        assert [one.trade for one in each] == list(range(len(each)))
    assert as_json(result, Circumstances(0.0))["outcomes"]
    assert table(result).row_count == len(PLANS) + 1
    assert markdown(result).count("\n") == by_recording(result).count("\n") == len(PLANS) + 3
