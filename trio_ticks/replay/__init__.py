"""The same strategies on recorded time.

===================  ===============================================================================================
``replaying``        `replay`: one strategy, one recording, what came of it
``backtest``         `backtest`: the same in market time, as a plain call; ``backtest_result`` is what comes of it
``sources``          what is a recording: journals, archives, files, InfluxDB, anything that yields records
``playback``         a recording as the source of a replayed stream: it waits for the strategy instead of dropping
``pace``             at recorded speed, or a multiple
``ahead``            reading ahead in a thread, for recordings on a network
``performing``       running the strategy: its restarts, and the watch over one that reads nothing
``recorded``         the range of a recording that a backtest plays, and ``supply``, its records as time needs them
``market``           the clock of a backtest, and ``market_ticks``, the stream that goes by it
``runs``             the live runs of a strategy that a journal holds
``comparing``        `compare`: the signals of a replay against those that were kept live
``keeping``          a replay as a journal of its own
===================  ===============================================================================================

At the top of the package ``trio_ticks.replay`` is the function; these modules are imported from by their full names.
"""
