"""What a tick costs as things grow: symbols, connections, strategies, the window, sessions; and an hour of memory.

::

    python -m bench.cost [--quick] [--only NAME…] [--json FILE] [--markdown FILE]

The whole engine runs in one process on one core, the vendor in another on the other core, with real sockets between
them. One thing is varied at a time; each round measures every row once, by turns, and the median of the rounds
counts.

==============  ===============================================================================================
``job``         what one run consists of, and what the measured process tells back
``tape``        the bytes, a round of all symbols at a time, and what they add up to
``sender``      the process that sends, to any number of connections
``receiver``    the process that is measured: the engine
``running``     one run of both, its check, and the figures that follow
``dimensions``  what is varied, and how often it is measured
``report``      the tables
==============  ===============================================================================================

`job`, `tape` and `sender` import nothing of the engine.
"""
