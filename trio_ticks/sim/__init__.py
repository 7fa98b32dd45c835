"""An AllTick server on a loopback socket, for tests, for ``trio-ticks sim`` and for the demo.

::

    async with open_sim() as sim:              # the shipped sample of recorded trades, playing from now on
        feed = AllTick("BTCUSDT", url=sim.url, token="demo")
        ...
        await sim.wait_subscribed("BTCUSDT")
        await sim.drop()                       # and see the client come back

Layers, from the outside in; everything below ``connection`` and ``hub`` is pure::

    server      `open_sim`, `Sim`: the handle
    faults      faults on a schedule: ``drop@10, mute/20``
    hub         connections, subscriptions, and ticks on their way to them
    player      publishes tapes as they fall due
    connection  one socket: WebSocket frames, bounded buffer, the ways of ending it
    handshake   the HTTP side: routes, token, refusals
    pushes      ticks as frames; reordering, malforming; what was sent last
    alltick, simple, dialect   the conversations
    rules       the vendor's limits
    tape        recorded trades, and when each is due
    statistics  what is counted
"""

from trio_ticks.sim.faults import FAULTS, Fault, parse_faults, run_faults
from trio_ticks.sim.server import Sim, open_sim
from trio_ticks.sim.statistics import SimStatistics
from trio_ticks.sim.tape import Tape, sample_tapes

__all__ = [
    "FAULTS",
    "Fault",
    "Sim",
    "SimStatistics",
    "Tape",
    "open_sim",
    "parse_faults",
    "run_faults",
    "sample_tapes",
]
