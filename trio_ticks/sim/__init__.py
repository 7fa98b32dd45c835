"""An AllTick server on a loopback socket, for tests, for ``trio-ticks sim`` and for the demo.

::

    async with open_sim() as sim:              # the shipped sample of recorded trades, playing from now on
        feed = AllTick("BTCUSDT", url=sim.url, token="demo")
        ...
        await sim.wait_subscribed("BTCUSDT")
        await sim.drop()                       # and see the client come back

Where AllTick's documentation contradicts itself, ``open_sim(switches=Switches(…))`` chooses; the plan's limits are
enforced; and ``sim.statistics().violations`` counts every rule of the vendor's that a client broke.

Layers, from the outside in::

    server       `open_sim`
    faults       faults on a schedule: ``drop@10, mute/20``
    handle       `Sim`: ticks to send, counters to see, faults that read as sentences
    hub          connections, subscriptions, and ticks on their way to them
    player, load   publish what was recorded as it falls due; ticks without end
    door         the listening sockets
    connection, outbox   one WebSocket: messages in, bounded queue out, the ways of ending it
    exchange     one HTTP request

and what decides, without waiting::

    admission    who is let in, and at which rate
    conditions, mishaps   the faults in force; those of the stream of ticks
    handshake    which request leads where
    alltick, simple, dialect   the conversations
    endpoints, market   trade-tick and kline, from what was published
    catalogue    which codes there are
    pushes, numbering   ticks as frames; what was sent last
    writing      how messages are spelt
    switches     what the documentation leaves open
    rules        the vendor's limits
    tape, recording   recorded trades, a journal, and when each tick of them is due
    statistics   what is counted
"""

from trio_ticks.sim.faults import FAULTS, Fault, parse_faults, run_faults
from trio_ticks.sim.handle import Sim
from trio_ticks.sim.load import Load
from trio_ticks.sim.recording import Recording
from trio_ticks.sim.server import open_sim
from trio_ticks.sim.statistics import SimStatistics
from trio_ticks.sim.switches import Switches, accepted_values, parse_switches
from trio_ticks.sim.tape import Tape, sample_tapes

__all__ = [
    "FAULTS",
    "Fault",
    "Load",
    "Recording",
    "Sim",
    "SimStatistics",
    "Switches",
    "Tape",
    "accepted_values",
    "open_sim",
    "parse_faults",
    "parse_switches",
    "run_faults",
    "sample_tapes",
]
