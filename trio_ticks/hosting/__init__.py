"""Trio's engine for programs that are not Trio's: what `trio_ticks.aio` and `trio_ticks.sync` share.

::

    the program's thread                          the engine's thread: one trio.run for each engine
    ────────────────────                          ─────────────────────────────────────────────────
    facade's Engine  ── calls ──────────────────▶ Host      enters `open_engine`, stays until it is left
    Ticks.take()     ── asks for a batch ───────▶ Hop       takes one batch from the native queue
                     ◀── the batch, or the end ── Hop

One thread for each engine, so that it ends with the engine and nothing is left between two of them. A stream is
the native `Ticks`, whose source is exchanged for a `Hop`: its queue and overflow policy stay beside the engine, its
place in a batch and the age of its prices are judged where they are read.

A batch crosses only when it is asked for, and one at a time. What nobody asks for stays in the native queue, where
it is dropped, conflated and counted as ever. There is no polling: each side wakes the other.
"""
