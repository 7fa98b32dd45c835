"""The Autobahn test suite against the batched transport.

Run from the root of the repository::

    python -m tests.campaigns.autobahn                    with kosoku, from the extra `campaigns`
    python -m tests.campaigns.autobahn --wstest PATH      with the original, autobahntestsuite under Python 2.7

Either is started, serves its cases to an echo client on the transport, and writes what it thinks of each. All of
that is put into ``docs/autobahn.md``, one section for each suite. The command fails where a case did, unless
`trio_ticks`' own page explains why.
"""
