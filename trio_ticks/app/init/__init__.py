"""``trio-ticks init``: from a few answers to a configuration that runs.

==============  ==================================================================================
``answers``     what is to be known, and the vendors that it is known of
``asking``      the questions, for a person at a terminal
``writing``     the answers as a commented file; pure
``command``     what it takes on the command line; checks, and writes
==============  ==================================================================================
"""
