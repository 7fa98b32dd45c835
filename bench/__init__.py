"""How fast it is, measured beside the libraries one would otherwise use, on the same bytes and for the same work.

::

    peers, sustained, drift   the commands: ``python -m bench.peers``
    cost                      another: what a tick costs as things grow, and an hour of memory
    stages                    another: where the time of a tick goes
    table, chart              what people see
    page                      the same in Markdown, between the markers of a page
    summary                   medians and ratios of many runs
    runner                    one run: a server process, a client process, and the check of what came out
    server                    the process that sends; pinned to the first core
    client                    the process that is measured; pinned to the second
    clients/                  one module for each contestant
    work                      what every contestant does with a tick
    wire, plan                the bytes, and what a run consists of
    memory                    what a process holds

`server`, `client`, `work`, `wire`, `plan` and `memory` import neither `trio_ticks` nor anything else that a
contestant does not need: what a process imports counts as its memory.
"""
