"""Polling against streaming: how old a price is, and what its age costs, with each of AllTick's plans.

The same fifteen symbols, played as recorded, are polled over HTTP as fast as each plan allows and streamed by the
engine, all at the same time and with the same delay on the network::

                    ┌─ simulator, free ──────── delay ── polls, five codes at a time
    recorded trades ┼─ simulator, basic ─────── delay ── polls       (and so on for each plan)
                    └─ simulator, basic ─────── delay ── engine ── strategy

Run from the root of the repository::

    python -m bench.polling [--quick] [--json FILE] [--chart FILE]

==============  ===============================================================================================
``measure``     what a trader holds at an instant: how old it is, how wrong, and what he never saw; pure
``manners``     how many codes a query carries, and when the next one may leave; pure
``venue``       fifteen symbols from three recordings, and the task that publishes them
``network``     a delay between client and server
``clients``     the one that polls and the one that streams
``outcome``     what came of one client
``experiment``  all of them together
``report``      table and JSON
``chart``       the picture
==============  ===============================================================================================
"""
