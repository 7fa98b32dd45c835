"""The same strategies on recorded time.

==============  ====================================================================================
``replaying``   `replay`: one strategy, one recording, what came of it
``sources``     what is a recording: journals, archives, files, InfluxDB, anything that yields records
``playback``    a recording as the source of a stream: it waits for the strategy instead of dropping
``pace``        at recorded speed, or a multiple
``ahead``       reading ahead in a thread, for recordings on a network
``performing``  running the strategy: its restarts, and the watch over one that reads nothing
``runs``        the live runs of a strategy that a journal holds
``comparing``   `compare`: the signals of a replay against those that were kept live
``keeping``     a replay as a journal of its own
==============  ====================================================================================
"""
